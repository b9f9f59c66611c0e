"""Trees of Debian releases, made once and kept by the hash of what is in them."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

SUITES = ("bookworm", "trixie")
_PACKAGES = ("systemd", "systemd-sysv", "dbus", "ca-certificates", "rpm")
_MIRROR = "http://deb.debian.org/debian"


def cache() -> Path:
    """Where what is slow to make is kept."""
    below = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(below) / "imagewright-tests"


def tree(suite: str) -> Path:
    """The directory of a release with systemd and rpm in it. Raises CalledProcessError."""
    key = hashlib.sha256(" ".join((suite, *_PACKAGES)).encode()).hexdigest()[:16]
    found = cache() / f"debian-{suite}-{key}"
    if found.is_dir():
        return found
    making = found.with_suffix(f".{os.getpid()}")
    making.parent.mkdir(parents=True, exist_ok=True)
    included = f"--include={','.join(_PACKAGES)}"
    try:
        subprocess.run(
            ["debootstrap", "--variant=minbase", included, suite, making, _MIRROR],
            check=True,
            capture_output=True,
        )
        making.rename(found)
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        raise
    return found
