"""Ways to reach the operator's own programs."""
