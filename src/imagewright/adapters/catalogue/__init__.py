"""Models from TOML files and from the operator, as `core.catalogue` values."""
