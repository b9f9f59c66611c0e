"""Restoring a backup into a state that is empty."""

import asyncio
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from imagewright.adapters.backups.manifest import Manifest
from imagewright.adapters.backups.sums import proven
from imagewright.adapters.blobs import lock
from imagewright.adapters.blobs.directory import Directory
from imagewright.adapters.blobs.root import open_room, open_root
from imagewright.adapters.clock import SystemClock
from imagewright.adapters.sql.audit import enter_notes
from imagewright.adapters.sql.copies import check
from imagewright.adapters.sql.database import Database, SqlConfig
from imagewright.adapters.sql.restored import disown
from imagewright.adapters.sql.schema import HEAD
from imagewright.adapters.sql.snapshots import FILES, Snapshot, Source, read_file
from imagewright.app.auditing import AdminAct
from imagewright.app.ownership import as_owner
from imagewright.app.parts import KEY, database_url
from imagewright.core.errors import InvalidRequest, Unavailable
from imagewright.settings import Settings

_ROOM = "restoring"


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What was restored; `unknown` paid jobs were open when the backup was made."""

    manifest: Manifest
    unknown: int


def restore_backup(settings: Settings, directory: Path, *, by: str) -> Restored:
    """Check a backup whole, then make the state what it was; paid jobs that were open are ended.

    Raises InvalidRequest for what is no backup, of another kind of database, or a state that is
    not empty; Unavailable for a backup that is damaged or newer than this program; OSError. Root
    does it as the owner of the state directory, who must be able to read the backup.
    """
    with as_owner(settings.state):
        return _restore(settings, directory, by)


def _restore(settings: Settings, directory: Path, by: str) -> Restored:
    manifest, source = Manifest.read(directory), Source(database_url(settings))
    if manifest.schema > HEAD:
        raise Unavailable(
            f"The backup is at schema {manifest.schema}; this program knows it up to {HEAD}.",
            hint="Restore it with the newer program.",
        )
    if manifest.database != source.kind:
        raise InvalidRequest(
            f"The backup is of {manifest.database}, and the settings name {source.kind}.",
            hint="Set database.url to a database of that kind.",
        )
    with _emptied(settings.state, source) as state:
        sums = proven(directory)
        dumped = directory / FILES[manifest.database]
        if source.file is not None:
            check(dumped)
            _agree(manifest, read_file(dumped), sums)
        _bring(directory, state, [each for each in sums if each.startswith("subjects/")])
        act = AdminAct(
            by=by,
            action="backup_restore",
            thing=directory.absolute().name,
            outcome="restored",
            shape={"made_at": manifest.made_at, "images": manifest.images},
        )
        if source.file is None:
            source.fill(dumped)
            _agree(manifest, source.look(), sums)
            unknown = asyncio.run(_settle(database_url(settings), act))
            _enter(settings.state, manifest)
        else:
            fresh = _beside(source.file)
            fresh.touch(0o600, exist_ok=False)
            shutil.copyfile(dumped, fresh)
            unknown = asyncio.run(_settle(f"sqlite:///{fresh}", act))
            _enter(settings.state, manifest)
            fresh.rename(source.file)
        state.sync()
    return Restored(manifest=manifest, unknown=unknown)


@contextmanager
def _emptied(path: Path, source: Source) -> Iterator[Directory]:
    """The state directory, ours alone, without what a restore that was broken off left."""
    with ExitStack() as held:
        state = held.enter_context(open_root(path))
        reserve = held.enter_context(open_room(state, "reserve"))
        held.callback(os.close, lock.take(reserve, 0.0))
        shutil.rmtree(path / _ROOM, ignore_errors=True)
        taken = [each for each in (path / KEY, path / "reserve/spool") if each.exists()]
        taken += list((path / "subjects").glob("*"))
        if source.file is not None:
            _sweep(source.file)
            taken += [each for each in (source.file,) if each.exists()]
        if taken:
            raise InvalidRequest(
                f"The state is not empty: there is {taken[0]}.",
                hint="Restore into a new state directory, or move this one away.",
            )
        yield state


def _beside(file: Path) -> Path:
    """Where a database grows until it is whole: on the same disk."""
    return file.with_name(f".{file.name}.{_ROOM}")


def _sweep(file: Path) -> None:
    for left in file.parent.glob(f"{_beside(file).name}*"):
        left.unlink()


def _agree(manifest: Manifest, found: Snapshot, sums: Mapping[str, str]) -> None:
    """Raise Unavailable unless every row has its original, but those that were faulty before."""
    wrong = [
        each.id
        for each in found.originals
        if sums.get(f"subjects/{each.name}") != each.sha256 and each.id not in manifest.faulty
    ]
    if wrong or found.schema != manifest.schema:
        what = f"the original of {wrong[0]}" if wrong else "the schema"
        raise Unavailable(
            f"The backup's database does not fit the rest: {what}.", hint="Take another backup."
        )


def _bring(directory: Path, state: Directory, names: list[str]) -> None:
    """Copy the originals, and the key, into a room of their own first."""
    with state.make(_ROOM) as room:
        if (directory / KEY).exists():
            room.write(KEY, (directory / KEY).read_bytes(), durable=True)
        for name in names:
            *folders, last = name.split("/")
            with ExitStack() as held:
                folder = room
                for each in folders:
                    folder = held.enter_context(folder.make(each))
                folder.write(last, (directory / name).read_bytes(), durable=True)
                folder.sync()


def _enter(path: Path, manifest: Manifest) -> None:
    """Give what was brought its names; the database comes last."""
    room = path / _ROOM
    if (room / "subjects").exists():
        (room / "subjects").rename(path / "subjects")
    if manifest.key:
        (room / KEY).rename(path / KEY)
    room.rmdir()


async def _settle(address: str, act: AdminAct) -> int:
    """Bring restored books to this program's schema, and tell them that they were restored."""
    now = SystemClock().now()
    database = Database(SqlConfig(url=address))
    await database.open()
    try:
        unknown = await database.write(partial(disown, now=now))
        await database.write(partial(enter_notes, notes=[act.note(now)]))
    finally:
        await database.close()
    return unknown
