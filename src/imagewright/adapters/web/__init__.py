"""The one way out to addresses that callers, tokens or vendors name."""
