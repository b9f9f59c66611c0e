"""A sample of `make prove-reload`, which does all of it."""

import random
from pathlib import Path

from tests.prove.reload import reloaded, revoked_mid_job


async def test_no_request_sees_a_half_read_file(tmp_path: Path) -> None:
    found = await reloaded(tmp_path, 20, 8, random.Random("ordinary"))
    assert found.wrong == []
    assert found.reloads == 20
    assert found.broken > 0
    assert len(found.seen) > 3
    assert found.closed * 20 < found.answers


async def test_a_subject_revoked_mid_job_spends_nothing_more(tmp_path: Path) -> None:
    states, wrong = await revoked_mid_job(tmp_path, random.Random("ordinary"))
    assert wrong == []
    assert states["canceled"] > 0
    assert set(states) <= {"canceled", "succeeded", "failed"}
