"""`imagewright client`: programs that registered themselves with the proxy."""

import sys
from typing import Annotated

from cyclopts import App, Parameter

from imagewright.cli.listing import AsJson, show_columns, show_json
from imagewright.cli.office import Reason, at_office
from imagewright.cli.operator import operator
from imagewright.cli.sources import Sources

app = App(name="client", help="List and remove programs that registered with the proxy.")
_SHOWN = ("id", "name", "grants", "registered", "last_used")


@app.command(name="list")
def list_clients(
    *,
    sources: Sources | None = None,
    as_json: AsJson = False,
) -> None:
    """Print every client that registered, how many grants it has, and its last use."""
    rows = at_office(sources, lambda office: office.clients())
    if as_json:
        show_json("clients", rows)
    else:
        show_columns(_SHOWN, rows, "No client is registered.")


@app.command
def remove(
    id: Annotated[str, Parameter(help="The client's id.")],
    /,
    *,
    reason: Reason,
    sources: Sources | None = None,
) -> None:
    """Forget a client, and end every grant that it has."""
    ended = at_office(
        sources, lambda office: office.remove_client(id, by=operator(), reason=reason)
    )
    print(f"Removed {id}. Grants ended: {ended}.", file=sys.stderr)
