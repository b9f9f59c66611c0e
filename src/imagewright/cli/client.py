"""`imagewright client`: programs that registered themselves with the proxy."""

import asyncio
import sys
from typing import Annotated

from cyclopts import App, Parameter

from imagewright.cli.listing import AsJson, show_columns, show_json
from imagewright.cli.operator import operator
from imagewright.cli.sources import Sources, settings_or_exit
from imagewright.cli.trouble import told

app = App(name="client", help="List and remove programs that registered with the proxy.")
_SHOWN = ("id", "name", "grants", "registered", "last_used")


@app.command(name="list")
def list_clients(
    *,
    sources: Sources | None = None,
    as_json: AsJson = False,
) -> None:
    """Print every client that registered, how many grants it has, and its last use."""
    from imagewright.app.proxying import proxy_office

    settings = settings_or_exit(sources).settings

    async def run() -> tuple[dict[str, object], ...]:
        async with proxy_office(settings) as office:
            return await office.clients()

    with told():
        rows = asyncio.run(run())
    if as_json:
        show_json("clients", rows)
    else:
        show_columns(_SHOWN, rows, "No client is registered.")


@app.command
def remove(
    id: Annotated[str, Parameter(help="The client's id.")],
    /,
    *,
    reason: Annotated[str, Parameter(help="Why, in one line, for whoever reads it later.")],
    sources: Sources | None = None,
) -> None:
    """Forget a client, and end every grant that it has."""
    from imagewright.app.proxying import proxy_office

    settings = settings_or_exit(sources).settings

    async def run() -> int:
        async with proxy_office(settings) as office:
            return await office.remove_client(id, by=operator(), reason=reason)

    with told():
        ended = asyncio.run(run())
    print(f"Removed {id}. Grants ended: {ended}.", file=sys.stderr)
