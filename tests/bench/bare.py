"""The baseline: FastMCP with one tool of server_info's signature, no auth, the schema hook set.

python -m tests.bench.bare PORT
"""

import asyncio
import sys
from typing import Any

import uvicorn
from fastmcp import Context, FastMCP
from fastmcp.tools.base import ToolResult

ANSWER: dict[str, Any] = {
    "name": "Imagewright",
    "version": "0.1.0",
    "subject": "user:painter0",
    "scopes": ["images:read", "images:write", "styles:write"],
    "read_only": False,
    "limits": {
        "prompt_characters": 32_000,
        "input_bytes": 20_971_520,
        "pixels": 50_000_000,
        "edge": 16_384,
        "rendition_edge": 4_096,
        "waiting_jobs": 8,
        "running_jobs": 2,
        "wait_seconds": 40,
        "link_seconds": 3_600,
        "reuse_seconds": 3_600,
    },
}


async def server_info(ctx: Context) -> ToolResult:
    """This server's version, mode and limits, and what you may do here."""
    return ToolResult(content="Imagewright, read and write.", structured_content=dict(ANSWER))


async def main(port: int) -> None:
    server: FastMCP[Any] = FastMCP("bare")
    server.tool(server_info)
    tools = await server.local_provider.list_tools()
    table = {tool.name: tool.parameters for tool in tools}
    server._mcp_server.get_tool_input_schema = table.get  # noqa: SLF001 - no public hook in 4.1
    app = server.http_app(path="/mcp")
    config = uvicorn.Config(app, port=port, log_config=None, access_log=False, lifespan="on")
    await uvicorn.Server(config).serve()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
