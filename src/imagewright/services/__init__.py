"""What the product does, with no technology."""
