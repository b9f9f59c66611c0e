"""`imagewright backup` and `restore`: everything that cannot be made again."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from imagewright.cli.operator import operator
from imagewright.cli.sources import Sources, settings_or_exit
from imagewright.cli.trouble import FAILED, told


def backup(
    directory: Annotated[Path, Parameter(help="A directory that is not there yet.")],
    /,
    *,
    keep: Annotated[
        int | None,
        Parameter(
            validator=Number(gte=1),
            help="Make a dated backup in the directory, and keep so many of them.",
        ),
    ] = None,
    without_key: Annotated[
        bool, Parameter(negative="", help="Leave master.key out: another place has it.")
    ] = False,
    sources: Sources | None = None,
) -> None:
    """Copy the database and the originals of one moment, beside the service, and check both.

    Exits with 1 where an original was missing or damaged; the backup is kept then, and says so.
    """
    from imagewright.app.backups import Order, make_backup

    settings = settings_or_exit(sources).settings
    order = Order(to=directory, by=operator(), key=not without_key, keep=keep)
    with told():
        made = make_backup(settings, order)
    if made.untold is not None:
        print(made.untold, file=sys.stderr)
    print(made.directory)
    found = made.manifest
    print(
        f"{found.images} originals with {found.bytes} bytes, schema {found.schema}, "
        f"{'with' if found.key else 'without'} the master key.",
        file=sys.stderr,
    )
    for id, fault in found.faulty.items():
        print(f"The original of {id} is {fault}.", file=sys.stderr)
    if found.faulty:
        raise SystemExit(FAILED)


def restore(
    directory: Annotated[Path, Parameter(help="A backup.")], /, *, sources: Sources | None = None
) -> None:
    """Check a backup, then make an empty state what it was; the service must not run.

    Paid jobs that were open then end as outcome_unknown: they may have been carried out since.
    """
    from imagewright.app.restoring import restore_backup

    settings = settings_or_exit(sources).settings
    with told():
        done = restore_backup(settings, directory, by=operator())
    found = done.manifest
    print(f"Restored {found.images} originals and the books of {found.made_at}.")
    if done.unknown:
        print(f"Paid jobs whose outcome is unknown now: {done.unknown}.")
    if not found.key:
        print(
            "The backup has no master.key. Put it into the state directory before the start: "
            "a new one verifies no old line of the audit and opens nothing that was sealed.",
            file=sys.stderr,
        )
