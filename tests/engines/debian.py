"""Programs of Debian's packages, installed where they are missing and that is allowed."""

import os
import shutil
import subprocess
from collections.abc import Mapping


def obstacle(wanted: Mapping[str, str]) -> str | None:
    """Why one of the programs cannot be had here, or None; `wanted` has each one's package."""
    missing = _missing(wanted)
    if not missing or (os.geteuid() == 0 and shutil.which("apt-get")):
        return None
    return f"there is no {' and no '.join(missing)}, and only root could install it"


def ensure(wanted: Mapping[str, str]) -> None:
    """Install the packages of those that are missing."""
    if not (missing := _missing(wanted)):
        return
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    packages = [wanted[program] for program in missing]
    for command in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
        subprocess.run(["apt-get", "-q", *command], env=quiet, check=True, capture_output=True)


def _missing(wanted: Mapping[str, str]) -> list[str]:
    return [program for program in wanted if shutil.which(program) is None]
