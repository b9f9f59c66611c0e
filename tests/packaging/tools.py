"""What the tests of the packages need beside Python, and whether it is here."""

import os
import shutil
from pathlib import Path

_PROGRAMS = ("debootstrap", "systemd-nspawn", "nsenter", "ip", "rpm", "lintian", "rpmlint")


def obstacle() -> str | None:
    """Why they cannot run here, or None."""
    if os.geteuid() != 0:
        return "only root boots containers"
    missing = [name for name in _PROGRAMS if shutil.which(name) is None]
    missing += [] if clock() else ["libfaketime"]
    return f"there is no {', '.join(missing)}: make setup-packages" if missing else None


def clock() -> Path | None:
    """The library that gives one process another clock, if it is here."""
    return next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
