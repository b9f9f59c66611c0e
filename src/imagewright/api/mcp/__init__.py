"""The MCP face, on FastMCP."""

import os

# FastMCP reads its settings when it is imported: without this it would take them from a `.env`
# in whatever directory the process was started in, and ask the network for newer releases.
os.environ["FASTMCP_ENV_FILE"] = os.devnull  # noqa: TID251 - the only way to tell it
os.environ["FASTMCP_CHECK_FOR_UPDATES"] = "off"  # noqa: TID251 - likewise
os.environ["FASTMCP_SHOW_SERVER_BANNER"] = "false"  # noqa: TID251 - likewise
os.environ["FASTMCP_ENABLE_RICH_LOGGING"] = "false"  # noqa: TID251 - likewise
