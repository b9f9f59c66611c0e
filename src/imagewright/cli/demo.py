"""`imagewright demo`: a server on this machine, one image through it, and how to connect."""

import asyncio
import json
import secrets
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from rich.console import Console

from imagewright.cli.trouble import told
from imagewright.core.errors import Unavailable
from imagewright.core.token import mint

if TYPE_CHECKING:
    from imagewright.app import App

_HOST = "127.0.0.1"
_PORT = 8787
_SUBJECT = "user:demo"
_PROMPT = "A lighthouse at dawn, its light reaching over a calm sea"
_ACL = '[subjects]\n"user:demo" = ["*"]\n'


def demo(
    *,
    state: Annotated[Path, Parameter(help="Directory to keep everything in.")] = Path(".demo"),
    port: Annotated[int | None, Parameter(help="Port; 8787 or any free one.")] = None,
) -> None:
    """Serve on loopback with placeholder images, make one, keep serving until Ctrl-C."""
    from imagewright.app.serving import start
    from imagewright.settings import load

    token = mint(secrets.token_bytes)
    chosen = port or _free_port()
    with told():
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        acl = state / "acl.toml"
        acl.write_text(_ACL)
        loaded = load(
            explicit={
                "state": str(state.resolve()),
                "read_only": False,
                "server.host": _HOST,
                "server.port": chosen,
                "log.level": "warning",
                "log.format": "console",
                "auth.acl_path": str(acl.resolve()),
                "auth.token": token,
                "auth.token_subject": _SUBJECT,
                "providers.placeholder.kind": "placeholder",
            },
            environ={},
        )
        why = "" if chosen in {port, _PORT} else f" ({_PORT} is taken)"
        show = _Show(f"http://{_HOST}:{chosen}", loaded.settings.server.path, token, why)
        asyncio.run(start(loaded.settings, ready=show.first_image))
        print("\nStopped. What was made stays where it is.", flush=True)


class _Show:
    """What the demo prints; progress goes to the terminal, if there is one."""

    def __init__(self, base: str, path: str, token: str, why: str) -> None:
        self._base = base
        self._why = why
        self._url = f"{base}{path}"
        self._token = token
        self._console = Console(stderr=True)

    async def first_image(self, app: "App") -> None:
        """Make an image through MCP with the token, and print where it is and how to connect."""
        from fastmcp import Client
        from fastmcp.client.auth import BearerAuth

        self._tell(f"Serving {self._url}{self._why}")

        async def progress(done: float, total: float | None, message: str | None) -> None:
            self._tell(message or f"{done:.0f} of {total or 0:.0f}")

        arguments = {"prompt": _PROMPT, "size": "1024x1024", "variation": secrets.token_hex(4)}
        async with Client(self._url, auth=BearerAuth(self._token)) as client:
            self._tell("Connected; asking for an image")
            answer = await client.call_tool(
                "generate_image", arguments, progress_handler=progress, raise_on_error=False
            )
        made = (answer.structured_content or {}).get("images")
        if not made:
            words = " ".join(block.text for block in answer.content if block.type == "text")
            raise Unavailable(f"No image could be made: {words}")
        image = await app.services.library.get(_SUBJECT, made[0]["id"])
        link = app.services.links.make(_SUBJECT, image)
        path = app.services.library.local_path(_SUBJECT, image) or "(waits for room on the disk)"
        print(_report(f"{self._base}{link.path}", path, self._url, self._token), flush=True)

    def _tell(self, words: str) -> None:
        if self._console.is_terminal:
            self._console.print(f"[dim]·[/dim] {words}", highlight=False)


def _report(link: str, path: str, url: str, token: str) -> str:
    server = {"type": "http", "url": url, "headers": {"Authorization": f"Bearer {token}"}}
    config = json.dumps({"mcpServers": {"imagewright": server}}, indent=2)
    return f"""
Made an image:
  {path}
  {link}

Connect a client (the token is good until this server stops):

  claude mcp add --transport http imagewright {url} \\
    --header "Authorization: Bearer {token}"

or put this into its MCP configuration:

{config}

Serving {url} until Ctrl-C.
"""


def _free_port() -> int:
    for port in (_PORT, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((_HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    sys.exit("There is no free port on this machine.")
