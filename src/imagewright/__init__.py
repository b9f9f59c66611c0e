"""One hardened, multi-tenant MCP endpoint through which a team makes, edits and keeps images."""

__version__ = "0.1.0"
