"""The proxy's office, open for the time of one command."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

from cyclopts import Parameter

from imagewright.cli.sources import Sources, settings_or_exit
from imagewright.cli.trouble import told

if TYPE_CHECKING:
    from imagewright.app.proxying import ProxyOffice

T = TypeVar("T")
Reason = Annotated[str, Parameter(help="Why, in one line, for whoever reads it later.")]


def at_office(sources: Sources | None, work: "Callable[[ProxyOffice], Awaitable[T]]") -> T:
    """What comes of the work; a fault is told on standard error and ends the command."""
    from imagewright.app.proxying import proxy_office

    settings = settings_or_exit(sources).settings

    async def run() -> T:
        async with proxy_office(settings) as office:
            return await work(office)

    with told():
        return asyncio.run(run())
