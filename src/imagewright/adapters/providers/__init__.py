"""One module for each kind of provider, named for it, with its models in a TOML file beside it.

A module is found by its kind's name and offers the same two names: `Config`, a frozen
dataclass of the operator's settings, and `build(config, parts)`, which returns a
`ports.provider.Provider`. Providers do not import each other.
"""
