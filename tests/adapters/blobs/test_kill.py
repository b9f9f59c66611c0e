"""The process dies in the middle of puts. (A machine that loses power is not tested here.)"""

import hashlib
import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from imagewright.core.errors import NotFound
from tests.adapters.blobs.conftest import opened, small
from tests.adapters.blobs.killed import Way, picture
from tests.contracts.blobs import OWNER, SIDECAR, listed

KILLS = 30


def put_and_kill(root: Path, seed: int, pause: float) -> list[tuple[str, str, int]]:
    """What the process said it had stored before it was killed."""
    command = [sys.executable, "-m", "tests.adapters.blobs.killed", str(root), str(seed)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"open\n"
        time.sleep(pause)
        child.kill()
        said = child.stdout.read().split(b"\n")[:-1]
    return [(path, digest, number) for path, digest, number in map(json.loads, said)]


@pytest.mark.slow
async def test_a_killed_process_loses_nothing_it_said(tmp_path: Path) -> None:
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    pauses = random.Random(seed)
    kept: dict[str, str] = {}
    for kill in range(KILLS):
        said = put_and_kill(tmp_path, seed + kill, pauses.uniform(0, 0.15))
        Way(tmp_path, seed).clear()
        whole = {
            hashlib.sha256(picture(seed + kill, number)).hexdigest()
            for number in range(max((number for _, _, number in said), default=0) + 20)
        }
        async with opened(small(tmp_path)) as blobs:
            assert not list((tmp_path / "staging").iterdir())
            for path, digest, number in said:
                assert path not in kept
                assert await blobs.get(OWNER, path) == picture(seed + kill, number)
                kept[path] = digest
            for path in set(await listed(blobs, OWNER)).difference(kept):
                # Stored, but killed before it could say so: whole all the same.
                digest = hashlib.sha256(await blobs.get(OWNER, path)).hexdigest()
                assert digest in whole
                kept[path] = digest
    print(f"{len(kept)} pictures")
    async with opened(small(tmp_path)) as blobs:
        assert await listed(blobs, OWNER) == sorted(kept)
        for path, digest in kept.items():
            assert hashlib.sha256(await blobs.get(OWNER, path)).hexdigest() == digest
            note = Path(blobs.local_path(OWNER, path) or "").with_suffix(".json")
            assert note.read_bytes() == SIDECAR
            await blobs.delete(OWNER, path)
            with pytest.raises(NotFound):
                await blobs.get(OWNER, path)
        assert await listed(blobs, OWNER) == []
