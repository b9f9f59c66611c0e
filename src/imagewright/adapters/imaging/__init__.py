"""Pictures inspected and transformed in a jailed worker process."""
