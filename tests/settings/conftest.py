from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def toml(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / "imagewright.toml"
        path.write_text(text)
        path.chmod(0o640)
        return path

    return write
