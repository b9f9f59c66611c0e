"""`imagewright grant`: what people let programs do through the proxy."""

import asyncio
import sys
from typing import Annotated

from cyclopts import App, Parameter

from imagewright.cli.listing import AsJson, show_columns, show_json
from imagewright.cli.operator import operator
from imagewright.cli.sources import Sources, settings_or_exit
from imagewright.cli.trouble import told

app = App(name="grant", help="List and end what people granted through the proxy.")
_SHOWN = ("id", "subject", "client", "given", "renewed")


@app.command(name="list")
def list_grants(
    *,
    sources: Sources | None = None,
    as_json: AsJson = False,
) -> None:
    """Print every grant that stands: who let which client do what, and since when."""
    from imagewright.app.proxying import proxy_office

    settings = settings_or_exit(sources).settings

    async def run() -> tuple[dict[str, object], ...]:
        async with proxy_office(settings) as office:
            return await office.grants()

    with told():
        rows = asyncio.run(run())
    if as_json:
        show_json("grants", rows)
    else:
        show_columns(_SHOWN, rows, "No grant stands.")


@app.command
def revoke(
    id: Annotated[str, Parameter(help="The grant's id.")],
    /,
    *,
    reason: Annotated[str, Parameter(help="Why, in one line, for whoever reads it later.")],
    sources: Sources | None = None,
) -> None:
    """End a grant: its tokens are refused from now on, and waiting jobs of it fail."""
    from imagewright.app.proxying import proxy_office

    settings = settings_or_exit(sources).settings

    async def run() -> None:
        async with proxy_office(settings) as office:
            await office.end_grant(id, by=operator(), reason=reason)

    with told():
        asyncio.run(run())
    print(f"Ended {id}.", file=sys.stderr)
