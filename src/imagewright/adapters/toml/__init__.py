"""The operator's TOML files: checked, read whole, with the line of every key."""
