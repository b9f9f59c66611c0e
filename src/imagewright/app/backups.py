"""Backups made beside a running service."""

import asyncio
import os
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from imagewright import __version__
from imagewright.adapters.backups import manifest as manifests
from imagewright.adapters.backups import sums as hashes
from imagewright.adapters.backups.manifest import Manifest
from imagewright.adapters.blobs.directory import Directory
from imagewright.adapters.blobs.originals import Originals, Wanted
from imagewright.adapters.blobs.root import open_root
from imagewright.adapters.clock import SystemClock, refuse_unset
from imagewright.adapters.sql.schema import HEAD
from imagewright.adapters.sql.snapshots import FILES, Snapshot, Source
from imagewright.app.auditing import AdminAct, tell_acts
from imagewright.app.ownership import as_owner
from imagewright.app.parts import KEY, database_url
from imagewright.core.errors import InvalidRequest, Unavailable
from imagewright.core.flaw import Flaw
from imagewright.ports.clock import Clock
from imagewright.settings import Settings

_TRIES = 5
_DATED = "%Y%m%dT%H%M%SZ"
_NAME = re.compile(r"\d{8}T\d{6}Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Where a backup goes: a new directory, or with `keep` one of so many below it.

    `key` is whether the master key goes with it, `by` who asked for it.
    """

    to: Path
    by: str
    key: bool = True
    keep: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A whole backup; `untold` is why the audit has no line of it."""

    directory: Path
    manifest: Manifest
    untold: Flaw | None


def make_backup(settings: Settings, order: Order, clock: Clock | None = None) -> Made:
    """Copy database and originals of one moment, whoever writes them meanwhile, and check both.

    Root does it as the state's owner, who must be able to write the place. Raises InvalidRequest
    for one that is taken, Unavailable, StorageFull, OSError.
    """
    told = clock or SystemClock()
    # A backup of another year would be named as the oldest, and be the first to go.
    refuse_unset(told)
    with as_owner(settings.state):
        return _make(settings, order, datetime.fromtimestamp(told.now() // 1_000_000, UTC))


def _make(settings: Settings, order: Order, at: datetime) -> Made:
    to = (order.to / at.strftime(_DATED) if order.keep else order.to).absolute()
    if to.is_dir() and any(to.iterdir()):
        raise InvalidRequest(f"{to} is not empty.", hint="Name a directory that is not there yet.")
    if not settings.state.is_dir():
        raise Unavailable(f"There is no {settings.state}.", hint="Start the service once.")
    with _growing(to) as partial, open_root(settings.state) as state:
        done = _fill(partial, state, Source(database_url(settings)), order, at)
    for old in _surplus(order):
        shutil.rmtree(old)
    act = AdminAct(
        by=order.by,
        action="backup",
        thing=to.name,
        outcome="made",
        shape={"images": done.images, "schema": done.schema, "key": order.key},
    )
    untold = asyncio.run(tell_acts(settings, (act,)))
    return Made(directory=to, manifest=done, untold=untold)


@contextmanager
def _growing(to: Path) -> Iterator[Path]:
    """A directory beside `to` that takes its name once it is whole, and else is not left."""
    to.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = to.with_name(f".{to.name}.{secrets.token_hex(8)}")
    # Made inside: an interrupt may come the moment that it is there.
    try:
        partial.mkdir(mode=0o700)
        yield partial
        partial.rename(to)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    with Directory.at(str(to.parent)) as parent:
        parent.sync()


def _fill(partial: Path, state: Directory, source: Source, order: Order, at: datetime) -> Manifest:
    with (
        Directory.at(str(partial)) as target,
        target.make("subjects") as subjects,
        _earlier(order) as earlier,
    ):
        gathering = _Gathering(Originals(state, subjects, earlier))
        found, faulty = _picture(source, gathering, partial / FILES[source.kind])
        kept = gathering.only(found.originals)
        if order.key:
            target.write(KEY, _key(state), durable=True)
        made = Manifest(
            made_at=at.isoformat(timespec="seconds"),
            program=__version__,
            schema=found.schema,
            database=source.kind,
            images=len(kept),
            bytes=sum(each.bytes for each in kept),
            key=order.key,
            faulty=faulty,
        )
        target.write(manifests.NAME, made.text().encode(), durable=True)
        known = {f"subjects/{each.name}": each.sha256 for each in kept}
        sums = hashes.sums(partial, known)
        target.write(hashes.NAME, hashes.written(sums), durable=True)
        target.sync()
        return made


@contextmanager
def _earlier(order: Order) -> Iterator[Directory | None]:
    """The originals of the newest backup beside this one, if there is one that can be read."""
    with ExitStack() as stack:
        subjects = None
        for newest in _dated(order)[-1:]:
            with suppress(OSError):
                subjects = stack.enter_context(Directory.at(str(newest / "subjects")))
        yield subjects


def _picture(
    source: Source, gathering: "_Gathering", target: Path
) -> tuple[Snapshot, dict[str, str]]:
    """A snapshot of which every original was taken, and those that are truly faulty.

    What was deleted while it was taken is in no later snapshot; what still is in one that was
    taken after it was missed, is lost.
    """
    before = gathering.take(source.look().originals)
    for _ in range(_TRIES):
        target.unlink(missing_ok=True)
        found = source.take(target)
        if found.schema > HEAD:
            raise Unavailable(
                f"The database is at schema {found.schema}; this program knows it up to {HEAD}.",
                hint="Make the backup with the newer program.",
            )
        wrong = gathering.take(found.originals)
        if wrong.keys() <= before.keys():
            return found, wrong
        before = wrong
    raise Unavailable(
        "Images are deleted faster than they can be copied.", hint="Try again a little later."
    )


class _Gathering:
    """The originals that a backup has so far."""

    def __init__(self, originals: Originals) -> None:
        self._originals = originals
        self._taken: dict[str, Wanted] = {}

    def take(self, wanted: Iterable[Wanted]) -> dict[str, str]:
        """Take what is not there yet; what is wrong, by the image's id."""
        wrong = {}
        for each in wanted:
            have = self._taken.get(each.name)
            if have is not None and have.sha256 == each.sha256:
                continue
            if have is not None:
                self._originals.drop(self._taken.pop(each.name))
            fault = self._originals.take(each)
            if fault is None:
                self._taken[each.name] = each
            else:
                wrong[each.id] = fault.value
        return wrong

    def only(self, wanted: Iterable[Wanted]) -> list[Wanted]:
        """Drop what was deleted meanwhile; what is left."""
        names = {each.name for each in wanted}
        for name in self._taken.keys() - names:
            self._originals.drop(self._taken.pop(name))
        return list(self._taken.values())


def _key(state: Directory) -> bytes:
    try:
        return state.read(KEY)
    except FileNotFoundError:
        raise Unavailable(
            f"There is no {KEY} in the state directory.",
            hint="Without it the backup's audit cannot be verified; to do without: --without-key",
        ) from None


def _surplus(order: Order) -> list[Path]:
    """Backups of the directory beyond those to keep, oldest first."""
    return _dated(order)[: -order.keep] if order.keep else []


def _dated(order: Order) -> list[Path]:
    """The dated backups that an order is one of, oldest first."""
    return sorted(
        each
        for each in (order.to.iterdir() if order.keep else ())
        if _NAME.fullmatch(each.name) and os.path.lexists(each / manifests.NAME)
    )
