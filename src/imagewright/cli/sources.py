"""Where a command takes its settings from."""

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from imagewright.core.flaw import Flaw
from imagewright.settings import Check, Loaded, SettingsFault, load

BAD_CONFIGURATION = 2
"""The exit code for it, and for a command line that is wrong."""


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """The options that every command with settings has."""

    config: Annotated[Path | None, Parameter(help="The TOML file to read.")] = None
    env_file: Annotated[
        Path | None, Parameter(help="A file of IMAGEWRIGHT_… variables, mode 0600.")
    ] = None


def settings_or_exit(sources: Sources | None, check: Check | None = None) -> Loaded:
    """The settings, warnings printed; or every fault printed, and exit code 2."""
    given = sources or Sources()
    try:
        loaded = load(config=given.config, env_file=given.env_file, check=check)
    except SettingsFault as fault:
        print_flaws(fault.flaws)
        raise SystemExit(BAD_CONFIGURATION) from None
    print_flaws(loaded.warnings)
    return loaded


def print_flaws(flaws: Iterable[Flaw]) -> None:
    """Print each on standard error."""
    for flaw in flaws:
        print(flaw, file=sys.stderr)
