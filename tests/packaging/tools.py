"""What the tests of the packages need beside Python, and whether it is here."""

import os
import shutil

_PROGRAMS = ("debootstrap", "systemd-nspawn", "nsenter", "ip", "rpm", "lintian", "rpmlint")


def obstacle() -> str | None:
    """Why they cannot run here, or None."""
    if os.geteuid() != 0:
        return "only root boots containers"
    missing = [name for name in _PROGRAMS if shutil.which(name) is None]
    return f"there is no {', '.join(missing)}: make setup-packages" if missing else None
