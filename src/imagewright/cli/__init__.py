"""Commands: one module per group, which parses, calls a service and prints."""
