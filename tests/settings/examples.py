"""What the tests of settings share."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from imagewright.core.token import mint
from imagewright.settings import Loaded, SettingsFault, load

Toml = Callable[[str], Path]
TOKEN = mint(lambda count: b"a" * count)
SECRET = "geheim-geheim-geheim-geheim"
SRC = Path(__file__).parents[2] / "src"
HOME = {"HOME": "/home/someone"}


def loaded(environ: Mapping[str, str] | None = None, **more: object) -> Loaded:
    return load(environ={**HOME, **(environ or {})}, **more)  # type: ignore[arg-type]  # of load


def faults(environ: Mapping[str, str] | None = None, **more: object) -> list[str]:
    with pytest.raises(SettingsFault) as found:
        loaded(environ, **more)
    return str(found.value).splitlines()
