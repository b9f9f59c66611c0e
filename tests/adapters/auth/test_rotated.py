"""Entries whose token was rotated or revoked."""

from datetime import datetime
from pathlib import Path

from imagewright.core.caller import proof_of
from tests.adapters.auth.test_tokens import OTHER, TOKEN, At, hashed, opened, refused, sha


async def test_a_credential_proves_the_tokens_that_are_good_under_its_id(tmp_path: Path) -> None:
    source = opened(tmp_path, hashed(TOKEN) + hashed(OTHER, id="tok_other"))
    caller = await source.authenticate(TOKEN, None)
    found = await source.credential("tok_ci")
    assert caller is not None
    assert found is not None
    assert found.proofs == frozenset({proof_of(sha(TOKEN), caller)})
    assert sha(TOKEN) not in repr(found)


async def test_a_rotated_entry_knows_both_tokens_until_the_overlap_ends(tmp_path: Path) -> None:
    clock = At()
    until = f'previous = {{ sha256 = "{sha(OTHER)}", expires = 2026-11-21T13:00:00Z }}'
    source = opened(tmp_path, hashed(TOKEN, until), clock)
    new, old = [await source.authenticate(each, None) for each in (TOKEN, OTHER)]
    assert new == old
    assert new is not None
    clock.at = datetime.fromisoformat("2026-11-21T13:00:01+00:00")
    assert await source.authenticate(TOKEN, None) == new
    await refused(source, OTHER)
    assert await source.credential("tok_ci") == new.credential


async def test_a_previous_token_is_narrowed_and_ends_with_its_entry(tmp_path: Path) -> None:
    lines = (
        "expires = 2026-11-21",
        'cidrs = ["192.0.2.0/24"]',
        f'previous = {{ sha256 = "{sha(OTHER)}", expires = 2030-01-01 }}',
    )
    clock = At()
    source = opened(tmp_path, hashed(TOKEN, *lines), clock)
    assert await source.authenticate(OTHER, "192.0.2.1") is not None
    await refused(source, OTHER)
    clock.at = datetime.fromisoformat("2026-11-22T00:00:00+00:00")
    await refused(source, OTHER, "192.0.2.1")


async def test_a_revoked_entry_is_refused_with_both_its_tokens(tmp_path: Path) -> None:
    lines = (
        "revoked = 2030-01-01",  # its being there counts, not the time
        f'previous = {{ sha256 = "{sha(OTHER)}", expires = 2030-01-01 }}',
    )
    source = opened(tmp_path, hashed(TOKEN, *lines))
    assert await refused(source, TOKEN) == await refused(source, OTHER)
    assert await source.credential("tok_ci") is None
