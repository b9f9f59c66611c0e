"""What is said to systemd, and taken from it."""
