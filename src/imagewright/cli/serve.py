"""`imagewright serve`: the service, over HTTP or stdio."""

import asyncio
from typing import Annotated, Literal

from cyclopts import Parameter

from imagewright.cli.sources import Sources, settings_or_exit
from imagewright.cli.trouble import told


def serve(
    *,
    sources: Sources | None = None,
    transport: Annotated[
        Literal["http", "stdio"], Parameter(help="http, or stdio for one local client.")
    ] = "http",
) -> None:
    """Serve until SIGTERM or SIGINT, awaiting what runs; a second one breaks it off.

    SIGHUP takes up changed files.
    """
    from imagewright.app.checking import faults_of
    from imagewright.app.serving import start

    loaded = settings_or_exit(sources, faults_of)
    with told():
        asyncio.run(start(loaded.settings, transport))
