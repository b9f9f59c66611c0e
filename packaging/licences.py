"""Prints what the packages hold and under which licences: `licences.py PRIVATE`.

PRIVATE is the directory of the private Python, whose own interpreter runs this.
"""

import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path

_LINE = 80
_NAMES = ("LICENSE", "LICENCE", "COPYING", "NOTICE", "COPYRIGHT", "AUTHORS")


def copyright_file(private: Path) -> Iterator[str]:
    """The lines of Debian's `copyright`: Imagewright, the interpreter, its libraries, wheels."""
    site = private / "lib/python3.13/site-packages"
    found = sorted({each.name.lower(): each for each in distributions(path=[str(site)])}.items())
    yield "Imagewright is under the MIT licence. It comes with a private CPython, the libraries"
    yield "that CPython stands on, and the packages below, each under its own terms, which follow."
    yield ""
    for name, each in found:
        yield f"{name} {each.version}: {_licence(each)}"
    for file in sorted((private / "lib").glob("LICENSE*")):
        yield from _text(file.name.removeprefix("LICENSE."), file)
    for name, _ in found:
        for file in sorted(_files(site, name)):
            yield from _text(f"{name}, {file.name}", file)


def _licence(each: Distribution) -> str:
    metadata = each.metadata
    classified = [
        line.rpartition(" :: ")[2]
        for line in metadata.get_all("Classifier") or ()
        if line.startswith("License :: ")
    ]
    stated = str(metadata.get("License-Expression") or metadata.get("License") or "")
    short = stated.strip().partition("\n")[0]
    return short if short and len(short) < _LINE else ", ".join(classified) or "see its text"


def _files(site: Path, name: str) -> Iterator[Path]:
    for information in site.glob("*.dist-info"):
        if information.name.partition("-")[0].lower().replace("_", "-") == name.replace("_", "-"):
            for file in information.rglob("*"):
                if file.is_file() and file.name.upper().startswith(_NAMES):
                    yield file


def _text(title: str, file: Path) -> Iterator[str]:
    yield ""
    yield f"---- {title} ----"
    yield file.read_text("utf-8", errors="replace").strip()


def main() -> None:
    """Print it."""
    for line in copyright_file(Path(sys.argv[1])):
        print(line)


if __name__ == "__main__":
    main()
