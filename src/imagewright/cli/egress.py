"""`imagewright egress`: the proxy by way of which a service without a network reaches others."""

import asyncio
from typing import Annotated

from cyclopts import Parameter

from imagewright.cli.listing import AsJson, show_columns, show_json
from imagewright.cli.sources import Sources
from imagewright.cli.trouble import told
from imagewright.settings import Settings, load_bare

_COLUMNS = ("host", "port", "addresses")


def egress(
    *,
    sources: Sources | None = None,
    show: Annotated[
        bool, Parameter(negative="", help="Print what may be reached, and serve nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Serve until SIGTERM or SIGINT, awaiting what is open; SIGHUP reads the settings anew."""
    from imagewright.app.egress import serve_egress, shown
    from imagewright.app.ways import ways_of

    given = sources or Sources()

    def load() -> Settings:
        return load_bare(given.config, given.env_file)

    with told():
        if not show:
            asyncio.run(serve_egress(load))
            return
        rows = shown(ways_of(load()))
    if as_json:
        show_json("reached", rows)
    else:
        show_columns(_COLUMNS, rows, "Nothing may be reached.")
