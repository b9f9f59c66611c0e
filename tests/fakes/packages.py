"""Small distributions that are really built and installed, into a directory of their own."""

import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

_PROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "{name}"
version = "1"

[project.entry-points."imagewright.providers"]
{entry}

[tool.hatch.build.targets.wheel]
only-include = [{paths}]
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A distribution: its name, the line of its entry point, and its files."""

    name: str
    entry: str
    files: Mapping[str, str]

    def write(self, directory: Path) -> Path:
        """Its sources, beneath a directory."""
        home = directory / self.name
        for path, text in self.files.items():
            (home / path).parent.mkdir(parents=True, exist_ok=True)
            (home / path).write_text(text)
        paths = ", ".join(f'"{path}"' for path in self.files)
        project = _PROJECT.format(name=self.name, entry=self.entry, paths=paths)
        (home / "pyproject.toml").write_text(project)
        return home


def install(sources: Iterable[Path], target: Path) -> Path:
    """Build and install the sources with pip, which reaches for no network."""
    quiet = ("-qq", "--disable-pip-version-check", "--no-index", "--no-deps")
    alone = ("--no-build-isolation", "--no-compile", "--target", str(target))
    command = [sys.executable, "-m", "pip", "install", *quiet, *alone, *map(str, sources)]
    subprocess.run(command, check=True, timeout=100)
    return target
