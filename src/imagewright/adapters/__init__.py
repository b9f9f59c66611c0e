"""What speaks to the world outside: one package for each technology."""
