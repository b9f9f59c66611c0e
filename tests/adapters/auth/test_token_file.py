import hashlib
import multiprocessing
import secrets
import tomllib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from imagewright.adapters.auth.token_file import Minted, Terms, TokenFile
from imagewright.adapters.auth.token_reader import SingleToken
from imagewright.adapters.auth.tokens import Tokens, TokensConfig
from imagewright.core.budget import Budget
from imagewright.core.errors import InvalidRequest, NotFound, Unauthenticated
from imagewright.core.flaw import Misconfigured
from imagewright.core.money import DOLLAR, Nano
from imagewright.core.token import is_whole
from tests.adapters.auth.test_tokens import At

FOREIGN = "kR2v-90sT_a-long-token-of-theirs"
BUDGET = Budget(per_call=Nano(1), month=Nano(5 * DOLLAR), soft_day=Nano(DOLLAR // 2))
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


class Desk:
    """A tokens file and a service that reads it, at one time of day."""

    def __init__(self, directory: Path, single: SingleToken | None = None) -> None:
        self.clock = At()
        self.path = directory / "tokens.toml"
        self.file = TokenFile(self.path, self.clock, secrets.token_bytes, single)

    def write(self, text: str) -> None:
        self.path.write_text(text)
        self.path.chmod(0o600)

    @property
    def entries(self) -> dict[str, Any]:
        found: dict[str, Any] = tomllib.loads(self.path.read_text())["tokens"]
        return found

    async def works(self, token: str, address: str | None = None) -> bool:
        source = Tokens(TokensConfig(path=self.path), self.clock, lambda flaw: None)
        try:
            return await source.authenticate(token, address) is not None
        except Unauthenticated:
            return False

    def states(self) -> dict[str, str]:
        tokens, _ = self.file.tokens()
        return {each.credential.id: self.file.state(each) for each in tokens}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


async def test_a_token_is_whole_is_told_once_and_works(desk: Desk) -> None:
    terms = Terms(groups=("g",), scopes=("read",), cidrs=("10.0.0.0/8",), note="ü")
    made = desk.file.add("user:a", terms)
    assert is_whole(made.token)
    assert made.token not in repr(made)
    assert made.token not in desk.path.read_text()
    assert desk.entries[made.id]["sha256"] == hashlib.sha256(made.token.encode()).hexdigest()
    assert await desk.works(made.token, "10.1.2.3")
    assert not await desk.works(made.token, "192.0.2.1")
    assert desk.states() == {made.id: "active"}
    assert desk.file.add("user:a", Terms()).id != made.id


async def test_an_id_is_the_operators_or_drawn_and_taken_once(desk: Desk) -> None:
    assert desk.file.add("user:a", Terms(), "tok_mine").id == "tok_mine"
    before = desk.path.read_bytes()
    with pytest.raises(InvalidRequest, match="already"):
        desk.file.add("user:b", Terms(), "tok_mine")
    for bad in ("mine", "tok_", "tok_x.y", 'tok_"', "tok_a]\n[x"):
        with pytest.raises(InvalidRequest, match="An id is tok_"):
            desk.file.add("user:b", Terms(), bad)
    assert desk.path.read_bytes() == before


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ({"scopes": ("raed",)}, "no scope"),
        ({"cidrs": ("10.0.0.1/8",)}, "no network"),
        ({"cidrs": ("everywhere",)}, "no network"),
        ({"groups": (" ",)}, "no name"),
        ({"note": "two\nlines"}, "one line"),
        ({"note": "\x1b[2J"}, "one line"),
    ],
)
def test_terms_that_cannot_be(terms: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidRequest, match=said):
        Terms(**terms)


@pytest.mark.parametrize("subject", ["alice", "user:", "root:a", "user:a\r\nx: y", "user:ü"])
def test_a_subject_that_cannot_be(desk: Desk, subject: str) -> None:
    with pytest.raises(InvalidRequest):
        desk.file.add(subject, Terms())
    assert not desk.path.exists()


@pytest.mark.parametrize("expires", [date(2026, 11, 20), NOON, NOON - timedelta(seconds=1)])
def test_an_expiry_in_the_past_is_refused(desk: Desk, expires: date) -> None:
    with pytest.raises(InvalidRequest, match="past"):
        desk.file.add("user:a", Terms(expires=expires))
    assert not desk.path.exists()


async def test_rotation_keeps_the_id_and_the_terms(desk: Desk) -> None:
    old = desk.file.add("user:a", Terms(scopes=("read",), expires=date(2030, 1, 1), budget=BUDGET))
    before = desk.entries[old.id]
    assert before["budget"] == {"per_call": "0.000000001", "month": "5.00", "soft": {"day": "0.50"}}
    new = desk.file.rotate(old.id, 3600)
    assert new.until == NOON + timedelta(hours=1)
    assert new.id == old.id
    changed = {"sha256", "previous"}
    after = desk.entries[old.id]
    assert {key for key in after if after[key] != before.get(key)} == changed
    assert await desk.works(new.token)
    assert await desk.works(old.token)
    assert desk.states() == {old.id: "rotating"}
    desk.clock.at = NOON + timedelta(hours=1, seconds=1)
    assert not await desk.works(old.token)
    assert await desk.works(new.token)
    assert desk.states() == {old.id: "active"}
    (token,), _ = desk.file.tokens()
    assert token.credential.budget == BUDGET


async def test_rotation_without_overlap_ends_the_old_one_and_the_one_before(desk: Desk) -> None:
    first = desk.file.add("user:a", Terms())
    second = desk.file.rotate(first.id, 3600)
    third = desk.file.rotate(first.id, 0)
    assert third.until is None
    assert [await desk.works(each.token) for each in (first, second, third)] == [False, False, True]
    assert "previous" not in desk.entries[first.id]


async def test_a_second_rotation_keeps_one_old_token(desk: Desk) -> None:
    made: list[Minted] = [desk.file.add("user:a", Terms())]
    made += [desk.file.rotate(made[0].id, 3600) for _ in range(2)]
    assert [await desk.works(each.token) for each in made] == [False, True, True]


async def test_what_cannot_be_rotated(desk: Desk) -> None:
    made = desk.file.add("user:a", Terms(expires=date(2026, 11, 21)))
    with pytest.raises(InvalidRequest, match="past"):
        desk.file.rotate(made.id, 0, date(2026, 1, 1))
    desk.clock.at = NOON + timedelta(days=1)
    with pytest.raises(InvalidRequest, match="has expired"):
        desk.file.rotate(made.id, 3600)
    new = desk.file.rotate(made.id, 3600, date(2027, 1, 1))
    assert await desk.works(new.token)
    desk.file.revoke(made.id)
    with pytest.raises(InvalidRequest, match="is revoked"):
        desk.file.rotate(made.id, 3600)
    with pytest.raises(NotFound):
        desk.file.rotate("tok_none", 3600)


async def test_a_revoked_token_is_refused_listed_and_its_id_taken(desk: Desk) -> None:
    made = desk.file.add("user:a", Terms())
    new = desk.file.rotate(made.id, 3600)
    desk.file.revoke(made.id)
    assert desk.entries[made.id]["revoked"] == NOON
    assert not await desk.works(made.token)
    assert not await desk.works(new.token)
    assert desk.states() == {made.id: "revoked"}
    with pytest.raises(InvalidRequest, match="already"):
        desk.file.add("user:a", Terms(), made.id)
    desk.file.remove(made.id)
    assert desk.states() == {}
    with pytest.raises(NotFound):
        desk.file.remove(made.id)


async def test_a_token_in_clear_is_rotated_and_revoked_like_any(desk: Desk) -> None:
    desk.write(f'[tokens]\n"{FOREIGN}" = "user:alice" # hers\n')
    (id,) = desk.states()
    assert desk.states() == {id: "clear"}
    new = desk.file.rotate(id, 3600)
    assert await desk.works(FOREIGN)
    assert await desk.works(new.token)
    assert FOREIGN not in desk.path.read_text()
    desk.file.revoke(id)
    assert not await desk.works(FOREIGN)
    assert desk.path.read_text().endswith(" # hers\n")


async def test_tokens_in_clear_are_hashed_in_their_place(desk: Desk) -> None:
    desk.write(f'[tokens]\n"{FOREIGN}" = "user:alice"\n')
    (id,) = desk.states()
    assert desk.file.take_in() == (id,)
    assert FOREIGN not in desk.path.read_text()
    assert await desk.works(FOREIGN)
    assert desk.states() == {id: "active"}
    assert desk.file.take_in(desk.path) == ()


async def test_tokens_of_another_file_are_added_once(desk: Desk, tmp_path: Path) -> None:
    mine = desk.file.add("user:a", Terms())
    seed = tmp_path / "seed.toml"
    seed.write_text(f'[tokens]\n"{FOREIGN}" = "user:alice"\n')
    seed.chmod(0o600)
    (id,) = desk.file.take_in(seed)
    assert await desk.works(FOREIGN)
    assert await desk.works(mine.token)
    assert desk.file.take_in(seed) == ()
    seed.write_text(f'[tokens]\n"{FOREIGN}" = "user:mallory"\n')
    before = desk.path.read_bytes()
    with pytest.raises(Misconfigured, match="twice") as fault:
        desk.file.take_in(seed)
    assert FOREIGN not in str(fault.value)
    assert desk.path.read_bytes() == before
    assert desk.entries[id]["subject"] == "user:alice"


def test_a_file_with_hashed_entries_too_brings_nothing(desk: Desk, tmp_path: Path) -> None:
    other = Desk(tmp_path / "other")
    other.path.parent.mkdir()
    other.write(f'[tokens]\n"{FOREIGN}" = "user:alice"\n')
    other.file.add("user:a", Terms())
    with pytest.raises(InvalidRequest, match="hashed entries too"):
        desk.file.take_in(other.path)
    assert not desk.path.exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[tokens]\n"short" = "user:a"\n', "so it can be guessed"),
        (f'[tokens]\n"{FOREIGN}" = "user:a"\n"{FOREIGN}" = "user:b"\n', "set twice"),
        (f'[tokens]\n"{FOREIGN}\\r\\nx" = "user:a"\n', "so it can be guessed"),
        ("[tokens", "This is not TOML"),
    ],
)
def test_a_bad_file_brings_nothing(desk: Desk, tmp_path: Path, text: str, said: str) -> None:
    seed = tmp_path / "seed.toml"
    seed.write_text(text, newline="")
    seed.chmod(0o600)
    with pytest.raises(Misconfigured, match=said) as fault:
        desk.file.take_in(seed)
    assert FOREIGN not in str(fault.value)
    assert not desk.path.exists()


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        ("", 0o602),
        ("", 0o644),
        ("[tokens", 0o600),
        ('[tokens]\n"short" = "user:a"\n', 0o600),
        ("#" * 5_000_000, 0o600),
    ],
)
def test_no_method_changes_or_passes_over_a_bad_file(desk: Desk, text: str, mode: int) -> None:
    desk.write(text)
    desk.path.chmod(mode)
    for method in (
        lambda: desk.file.add("user:a", Terms()),
        lambda: desk.file.rotate("tok_a", 0),
        lambda: desk.file.revoke("tok_a"),
        lambda: desk.file.remove("tok_a"),
        desk.file.take_in,
        desk.file.tokens,
    ):
        with pytest.raises(Misconfigured):
            method()
    assert desk.path.read_text() == text


def test_nothing_to_take_in_is_said(desk: Desk, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        desk.file.take_in()
    with pytest.raises(Misconfigured):
        desk.file.take_in(tmp_path / "none.toml")


def test_ten_thousand_tokens_are_changed_in_good_time(desk: Desk) -> None:
    lines = [f'"{number:040}" = "user:{number}"\n' for number in range(10_000)]
    desk.write("[tokens]\n" + "".join(lines))
    assert len(desk.file.tokens()[0]) == 10_000
    with pytest.raises(Misconfigured, match="would become larger"):
        desk.file.take_in()
    desk.write("[tokens]\n" + "".join(lines[:6_000]))
    assert len(desk.file.take_in()) == 6_000


def test_a_file_that_is_not_there_has_no_tokens_but_the_single_one(tmp_path: Path) -> None:
    assert Desk(tmp_path).states() == {}
    desk = Desk(tmp_path, SingleToken(token=FOREIGN, subject="user:solo"))
    assert list(desk.states().values()) == ["active"]
    (only,), _ = desk.file.tokens()
    assert only.note == "from auth.token"


def test_a_dangling_link_is_a_fault(desk: Desk, tmp_path: Path) -> None:
    desk.path.symlink_to(tmp_path / "none.toml")
    with pytest.raises(Misconfigured, match="cannot be opened"):
        desk.file.tokens()


def _add(path: Path, number: int) -> None:
    file = TokenFile(path, At(), secrets.token_bytes)
    for each in range(8):
        file.add(f"user:{number}-{each}", Terms())


def test_no_entry_is_lost_between_processes(desk: Desk) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_add, args=(desk.path, number)) for number in range(4)]
    for each in workers:
        each.start()
    for each in workers:
        each.join(60)
        assert each.exitcode == 0
    wanted = {f"user:{number}-{each}" for number in range(4) for each in range(8)}
    assert {each["subject"] for each in desk.entries.values()} == wanted
