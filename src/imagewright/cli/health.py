"""`imagewright health`: whether the service beside it answers; for a container's health check."""

from typing import Annotated

from cyclopts import Parameter

from imagewright.cli.sources import Sources, settings_or_exit
from imagewright.cli.trouble import told


def health(
    *,
    ready: Annotated[
        bool, Parameter(negative="", help="Whether it takes work, not only lives.")
    ] = False,
    sources: Sources | None = None,
) -> None:
    """Print ok, and exit with 1 where the service at these settings' address does not answer."""
    from imagewright.app.health import ask_health

    settings = settings_or_exit(sources).settings
    with told():
        ask_health(settings, ready=ready)
    print("ok")
