"""`imagewright audit`: whether it holds, what is in it, what is new."""

import asyncio
import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter
from cyclopts.validators import Number

from imagewright.cli.sources import Sources, settings_or_exit
from imagewright.cli.trouble import FAILED, told
from imagewright.core.ranges import Ranges

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from imagewright.core.audit import Entry
    from imagewright.services.auditor import Finding
    from imagewright.settings import Settings

app = App(name="audit", help="Verify, export and follow the audit.")

_MICRO = 1_000_000
_Subject = Annotated[str | None, Parameter(help="Only lines of this subject.")]


@app.command
def verify(
    *,
    head: Annotated[
        str | None, Parameter(help="A head that was logged: the chain must still reach it.")
    ] = None,
    sources: Sources | None = None,
) -> None:
    """Make every seal again; print ok and the head, or the first place that does not hold."""
    settings = settings_or_exit(sources).settings
    with told():
        found = asyncio.run(_verify(settings, head))
    if found.broken is None:
        held = f"{found.seals} seals over {found.lines} lines hold, {found.waiting} lines wait"
        print(f"ok: {held}; head {found.head or 'none'}")
        return
    broken = found.broken
    place = [f"seal {broken.seal}"] if broken.seal else []
    place += [f"lines {broken.ids}"] if broken.ids else []
    print(f"broken: {', '.join(place)}: {broken.sentence}")
    print(f"{found.seals} seals over {found.lines} lines before it hold.")
    raise SystemExit(FAILED)


@app.command
def export(
    *,
    since: Annotated[datetime | None, Parameter(help="From then on; UTC if it says none.")] = None,
    until: Annotated[datetime | None, Parameter(help="Up to then, not then itself.")] = None,
    subject: _Subject = None,
    sources: Sources | None = None,
) -> None:
    """Print lines with their seals, one JSON object a line."""
    settings = settings_or_exit(sources).settings
    with told():
        asyncio.run(_export(settings, subject, _moment(since), _moment(until)))


@app.command
def tail(
    *,
    lines: Annotated[
        int, Parameter(alias="-n", validator=Number(gte=1), help="How many of the newest.")
    ] = 20,
    follow: Annotated[
        bool, Parameter(alias="-f", negative="", help="Go on with what is new, until Ctrl-C.")
    ] = False,
    subject: _Subject = None,
    sources: Sources | None = None,
) -> None:
    """Print the newest lines, one JSON object a line."""
    settings = settings_or_exit(sources).settings
    with told():
        asyncio.run(_tail(settings, lines, subject, follow=follow))


async def _verify(settings: "Settings", head: str | None) -> "Finding":
    from imagewright.app.auditing import auditor
    from imagewright.services.auditor import Head

    kept = Head.read(head) if head is not None else None
    async with auditor(settings) as audit:
        return await audit.verify(kept)


async def _export(
    settings: "Settings", subject: str | None, since: int | None, until: int | None
) -> None:
    from imagewright.app.auditing import auditor
    from imagewright.services.auditor import Choice

    choice = Choice(subject=subject, since=since, until=until)
    async with auditor(settings) as audit:
        async for each in audit.export(choice):
            _print(each)


async def _tail(settings: "Settings", lines: int, subject: str | None, *, follow: bool) -> None:
    from imagewright.app.auditing import auditor

    async with auditor(settings) as audit:
        seen = await audit.seen()
        _show((each for each in await audit.newest(lines, subject) if each.id in seen), subject)
        while follow:
            found = await audit.later(seen)
            _show(found, subject)
            seen = seen.plus(Ranges.of(each.id for each in found))
            if not found:
                await asyncio.sleep(1)


def _show(entries: "Iterable[Entry]", subject: str | None) -> None:
    for entry in entries:
        if subject in {None, entry.subject}:
            _print(entry.public())
    sys.stdout.flush()


def _print(value: "Mapping[str, object]") -> None:
    print(json.dumps(value, sort_keys=True, separators=(",", ":")))


def _moment(given: datetime | None) -> int | None:
    if given is None:
        return None
    aware = given if given.tzinfo else given.replace(tzinfo=UTC)
    return int(aware.timestamp() * _MICRO)
