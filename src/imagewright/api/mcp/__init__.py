"""The MCP face: tools, resources and prompts over HTTP and stdio."""
