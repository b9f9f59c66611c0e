"""`imagewright grant`: what people let programs do through the proxy."""

import sys
from typing import Annotated

from cyclopts import App, Parameter

from imagewright.cli.listing import AsJson, show_columns, show_json
from imagewright.cli.office import Reason, at_office
from imagewright.cli.operator import operator
from imagewright.cli.sources import Sources

app = App(name="grant", help="List and end what people granted through the proxy.")
_SHOWN = ("id", "subject", "client", "given", "renewed")


@app.command(name="list")
def list_grants(
    *,
    sources: Sources | None = None,
    as_json: AsJson = False,
) -> None:
    """Print every grant that stands: who let which client do what, and since when."""
    rows = at_office(sources, lambda office: office.grants())
    if as_json:
        show_json("grants", rows)
    else:
        show_columns(_SHOWN, rows, "No grant stands.")


@app.command
def revoke(
    id: Annotated[str, Parameter(help="The grant's id.")],
    /,
    *,
    reason: Reason,
    sources: Sources | None = None,
) -> None:
    """End a grant: its tokens are refused from now on, and waiting jobs of it fail."""
    at_office(sources, lambda office: office.end_grant(id, by=operator(), reason=reason))
    print(f"Ended {id}.", file=sys.stderr)
