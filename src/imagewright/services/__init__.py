"""What the product does, told without technology: every call goes through the gate."""
