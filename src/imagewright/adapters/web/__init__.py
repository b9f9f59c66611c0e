"""The one way out: requests to the addresses of operators, vendors and callers."""
