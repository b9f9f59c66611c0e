import hashlib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagewright.adapters.auth.chain import Chain
from imagewright.adapters.auth.local import Local
from imagewright.adapters.auth.token_reader import SingleToken, read_tokens
from imagewright.adapters.auth.tokens import Tokens, TokensConfig
from imagewright.adapters.toml.document import parse_document
from imagewright.core.caller import LOCAL, Caller, Credential
from imagewright.core.errors import InvalidRequest, Unauthenticated
from imagewright.core.flaw import Flaw, Misconfigured
from imagewright.core.token import mint
from imagewright.ports.uses import Use

TOKEN = mint(lambda count: b"a" * count)
OTHER = mint(lambda count: b"b" * count)
FOREIGN = "kR2v-90sT_a-long-token-of-theirs"


class At:
    """A clock that stands."""

    def __init__(self, text: str = "2026-11-21T12:00:00+00:00") -> None:
        self.at = datetime.fromisoformat(text)

    def now(self) -> int:
        return round(self.at.astimezone(UTC).timestamp() * 1_000_000)

    def monotonic(self) -> float:
        return 0.0


def sha(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def written(directory: Path, text: str, mode: int = 0o600) -> Path:
    path = directory / "tokens.toml"
    path.write_text(text)
    path.chmod(mode)
    return path


def opened(directory: Path, text: str, clock: At | None = None) -> Tokens:
    config = TokensConfig(path=written(directory, text))
    return Tokens(config, clock or At(), lambda flaw: None)


def hashed(token: str = TOKEN, *lines: str, id: str = "tok_ci") -> str:
    more = "\n".join(lines)
    return f'[tokens.{id}]\nsha256 = "{sha(token)}"\nsubject = "service:ci"\n{more}\n'


async def refused(source: Tokens, token: str, address: str | None = "10.0.0.1") -> str:
    with pytest.raises(Unauthenticated) as fault:
        await source.authenticate(token, address)
    return str(fault.value.public())


async def test_a_hashed_token_is_its_subject(tmp_path: Path) -> None:
    source = opened(
        tmp_path, hashed(TOKEN, 'groups = ["design"]', 'scopes = ["read"]', 'note = "x"')
    )
    credential = Credential(id="tok_ci", scopes=frozenset({"images:read"}))
    assert await source.authenticate(TOKEN, None) == Caller(
        subject="service:ci", groups=frozenset({"design"}), credential=credential
    )
    assert await source.credential("tok_ci") == credential
    assert await source.credential("tok_other") is None


async def test_a_clear_token_is_its_subject_and_warned_of(tmp_path: Path) -> None:
    told: list[Flaw] = []
    path = written(tmp_path, f'[tokens]\n"{FOREIGN}" = "user:alice"\n"{TOKEN}" = "user:bob"\n')
    source = Tokens(TokensConfig(path=path), At(), told.append)
    caller = await source.authenticate(FOREIGN, None)
    assert caller is not None
    assert caller.subject == "user:alice"
    assert caller.credential.id.startswith("tok_")
    assert caller.credential.scopes is None
    assert await source.credential(caller.credential.id) == caller.credential
    assert [str(flaw) for flaw in told] == [
        f"warning: {path}:1: tokens: 2 of the tokens can be read here. Do: imagewright token import"
    ]


async def test_a_token_is_looked_up_by_its_hash_alone(tmp_path: Path) -> None:
    """What a guess shares with a token tells nothing: only digests are ever compared."""
    source = opened(tmp_path, hashed())
    table = read_tokens(parse_document(Path("t"), hashed().encode()), None)[0]
    assert set(table.by_digest) == {sha(TOKEN)}
    assert TOKEN not in repr(table)
    said = {await refused(source, f"{TOKEN[:at]}{'x' * (len(TOKEN) - at)}") for at in range(3, 40)}
    assert len(said) == 1


async def test_every_refusal_is_in_the_same_words(tmp_path: Path) -> None:
    expired = mint(lambda count: b"c" * count)
    source = opened(
        tmp_path,
        hashed(TOKEN, 'cidrs = ["192.0.2.0/24"]')
        + hashed(expired, "expires = 2026-11-20", id="tok_old"),
    )
    said = {
        await refused(source, OTHER),
        await refused(source, OTHER[:-1]),
        await refused(source, "iw_"),
        await refused(source, expired),
        await refused(source, TOKEN),
        await refused(source, TOKEN, None),
        await refused(source, TOKEN, "testclient"),
    }
    assert len(said) == 1


@pytest.mark.parametrize("token", ["", "eyJhbGciOi.x.y", FOREIGN, "\udcff", "x" * 100_000])
async def test_what_is_not_ours_is_left_to_others(tmp_path: Path, token: str) -> None:
    assert await opened(tmp_path, hashed()).authenticate(token, None) is None


@pytest.mark.parametrize(
    ("expires", "at", "good"),
    [
        ("2026-11-21", "2026-11-21T23:59:59+00:00", True),
        ("2026-11-21", "2026-11-22T00:00:00+00:00", False),
        ("2026-11-21T13:00:00+01:00", "2026-11-21T12:00:00+00:00", True),
        ("2026-11-21T13:00:00+01:00", "2026-11-21T12:00:01+00:00", False),
        ("9999-12-31", "2026-11-21T12:00:00+00:00", True),
    ],
)
async def test_expiry(tmp_path: Path, expires: str, at: str, good: bool) -> None:
    source = opened(tmp_path, hashed(TOKEN, f"expires = {expires}"), At(at))
    assert (await source.credential("tok_ci") is not None) == good
    if good:
        assert await source.authenticate(TOKEN, None) is not None
    else:
        await refused(source, TOKEN)


@pytest.mark.parametrize("address", ["192.0.2.7", "::ffff:192.0.2.7", "2001:db8::1"])
async def test_addresses_in_a_tokens_networks(tmp_path: Path, address: str) -> None:
    source = opened(tmp_path, hashed(TOKEN, 'cidrs = ["192.0.2.0/24", "2001:db8::/32"]'))
    assert await source.authenticate(TOKEN, address) is not None


async def test_a_token_that_is_taken_out_is_refused_and_its_credential_gone(tmp_path: Path) -> None:
    source = opened(tmp_path, hashed())
    assert not source.refresh()
    written(tmp_path, hashed(OTHER, id="tok_new"))
    assert source.refresh()
    await refused(source, TOKEN)
    assert await source.credential("tok_ci") is None
    assert await source.credential("tok_new") is not None
    assert source.refresh(force=True)


async def test_a_bad_file_keeps_the_last_good_one(tmp_path: Path) -> None:
    source = opened(tmp_path, hashed())
    written(tmp_path, hashed(OTHER), mode=0o644)
    assert not source.refresh()
    assert await source.authenticate(TOKEN, None) is not None


async def test_a_file_that_is_gone_leaves_nobody_but_the_single_token(tmp_path: Path) -> None:
    told: list[Flaw] = []
    single = SingleToken(token=OTHER, subject="user:solo")
    source = Tokens(
        TokensConfig(path=written(tmp_path, hashed()), single=single), At(), told.append
    )
    (tmp_path / "tokens.toml").unlink()
    assert source.refresh()
    assert not source.refresh()
    await refused(source, TOKEN)
    assert await source.credential("tok_ci") is None
    assert await source.authenticate(OTHER, None) is not None
    assert source.flaws() == tuple(told)
    written(tmp_path, hashed())
    assert source.refresh()
    assert await source.authenticate(TOKEN, None) is not None
    assert source.flaws() == ()


async def test_a_single_token_stands_beside_the_file(tmp_path: Path) -> None:
    single = SingleToken(token=OTHER, subject="user:solo")
    config = TokensConfig(path=written(tmp_path, hashed()), single=single)
    both = Tokens(config, At(), lambda flaw: None)
    alone = Tokens(TokensConfig(single=single), At(), lambda flaw: None)
    for source in (both, alone):
        caller = await source.authenticate(OTHER, None)
        assert caller is not None
        assert caller.subject == "user:solo"
        assert await source.credential(caller.credential.id) is not None
    assert await both.authenticate(TOKEN, None) is not None
    assert not alone.refresh(force=True)
    await refused(alone, TOKEN)
    assert OTHER not in repr(config)


@pytest.mark.parametrize(
    ("token", "subject"), [("short", "user:a"), (TOKEN[:-1], "user:a"), (TOKEN, "alice")]
)
def test_a_single_token_is_checked_like_any(token: str, subject: str) -> None:
    with pytest.raises(InvalidRequest):
        SingleToken(token=token, subject=subject)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[tokens]\n"short-one" = "user:a"', "so it can be guessed"),
        (f'[tokens]\n"{TOKEN[:-1]}" = "user:a"', "checksum is wrong"),
        (f'[tokens]\n"{FOREIGN}" = "alice"', "The subject is not of the form"),
        (f'[tokens]\n"{FOREIGN}" = 1', "must be a text"),
        (f'[tokens]\n"user:alice" = "{FOREIGN}"', "so it can be guessed"),
        (f'"{FOREIGN}" = "user:a"', "means nothing here"),
        (f'[tokens."{FOREIGN}"]\nsubject = "user:a"', "An id is tok_"),
        ("tokens = 1", "must be a table"),
        ("[tokens.tok_a]", "The subject is missing."),
        ("[tokens.tok_a]", "SHA-256"),
        (hashed(TOKEN, 'expires = "2027-01-01"'), "This must be a date"),
        (hashed(TOKEN, "expires = 2027-01-01T00:00:00"), "or a time with its zone"),
        (hashed(TOKEN, 'scopes = ["raed"]'), "There is no scope"),
        (hashed(TOKEN, 'cidrs = ["10.0.0.1/8"]'), "no network"),
        (hashed(TOKEN, "groups = [1]"), "no text"),
        (hashed(TOKEN, "note = 1"), "must be a text"),
        (hashed(TOKEN, 'expire = "x"'), "Did you mean expires?"),
        (hashed(TOKEN, 'budget = { day = "-1" }'), "decimal number"),
        (hashed(TOKEN, 'budget = { day = "1e3" }'), "decimal number"),
        (hashed(TOKEN, 'budget = { month = "NaN" }'), "decimal number"),
        (hashed(TOKEN, 'budget = { per_call = "5 USD" }'), "decimal number"),
        (hashed(TOKEN, "budget = { day = -1 }"), "must be a text"),
        (hashed(TOKEN, 'budget = { week = "1" }'), "means nothing here"),
        (hashed(TOKEN, 'budget = "1"'), "must be a table"),
        (hashed(TOKEN, "revoked = true"), "This must be a date"),
        (hashed(TOKEN, 'revoked = "2030-01-01"'), "This must be a date"),
        (hashed(TOKEN, f'previous = "{sha(OTHER)}"'), "must be a table"),
        (hashed(TOKEN, f'previous = {{ sha256 = "{sha(OTHER)}" }}'), "previous token expires"),
        (hashed(TOKEN, "previous = { expires = 2030-01-01 }"), "SHA-256"),
        (
            hashed(TOKEN, f'previous = {{ sha256 = "{sha(TOKEN)}", expires = 2030-01-01, x = 1 }}'),
            "no",
        ),
        (
            f'{hashed()}previous = {{ sha256 = "{sha(OTHER)}", expires = 2030-01-01 }}\n'
            + hashed(OTHER, id="tok_b"),
            "set twice",
        ),
        (
            hashed(OTHER, id="tok_b")
            + f'{hashed()}previous = {{ sha256 = "{sha(OTHER)}", expires = 2030-01-01 }}\n',
            "set twice",
        ),
        (
            f'{hashed()}previous = {{ sha256 = "{sha(TOKEN)}", expires = 2030-01-01 }}\n',
            "set twice",
        ),
        (hashed() + hashed(id="tok_b"), "set twice"),
        (f'[tokens]\n"{TOKEN}" = "user:a"\n' + hashed(), "set twice"),
        (f'[tokens]\n"{FOREIGN}" = "user:a"\n"{FOREIGN}" = "user:b"', "set twice"),
        (f'tokens = {{ "{FOREIGN}" = "user:a", "{FOREIGN}" = "user:b" }}', "set twice"),
        (f'[tokens]\n{FOREIGN} = "user:a"\n[tokens.{FOREIGN}]\n', ""),
        (f"[tokens]\n{FOREIGN}", "not followed by ="),
    ],
)
def test_faults_name_the_line_and_no_token(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(Misconfigured) as fault:
        opened(tmp_path, text)
    message = str(fault.value)
    assert said in message
    assert "tokens.toml:" in message
    for secret in (FOREIGN, TOKEN, TOKEN[:-1], "short-one"):
        assert secret not in message


def test_faults_are_reported_together(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured) as fault:
        opened(tmp_path, '[tokens.tok_a]\nexpires = 1\n[tokens.tok_b]\nsubject = "bob"\n')
    assert len(fault.value.flaws) == 5


@pytest.mark.parametrize("mode", [0o644, 0o660, 0o604, 0o666])
def test_a_file_that_others_may_open_is_refused(tmp_path: Path, mode: int) -> None:
    path = written(tmp_path, hashed(), mode)
    with pytest.raises(Misconfigured, match="chmod"):
        Tokens(TokensConfig(path=path), At(), lambda flaw: None)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="cannot be opened"):
        Tokens(TokensConfig(path=tmp_path / "none.toml"), At(), lambda flaw: None)


async def test_every_good_use_is_noted_and_no_other(tmp_path: Path) -> None:
    noted: list[Use] = []
    lines = (
        'cidrs = ["192.0.2.0/24"]',
        f'previous = {{ sha256 = "{sha(OTHER)}", expires = 2030-01-01 }}',
    )
    config = TokensConfig(path=written(tmp_path, hashed(TOKEN, *lines)))
    source = Tokens(config, At(), lambda flaw: None, noted.append)
    await refused(source, TOKEN)
    await refused(source, TOKEN[:-1])
    assert await source.authenticate(FOREIGN, None) is None
    assert noted == []
    for token in (TOKEN, OTHER):
        await source.authenticate(token, "192.0.2.1")
    assert [use.credential for use in noted] == ["tok_ci", "tok_ci"]
    assert len({use.mark for use in noted}) == 2


async def test_the_chain_asks_each_in_turn(tmp_path: Path) -> None:
    chain = Chain(Local(), opened(tmp_path, hashed()))
    assert await chain.authenticate("not ours", None) is None
    caller = await chain.authenticate(TOKEN, None)
    assert caller is not None
    assert await chain.credential("tok_ci") == caller.credential
    assert await chain.credential(LOCAL) == Credential(id=LOCAL)
    assert await chain.credential("tok_gone") is None
    with pytest.raises(Unauthenticated):
        await chain.authenticate(OTHER, None)


SECRET = "geheim-geheim-geheim-geheim"
VALUES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.dates()
    | st.datetimes()
    | st.text(max_size=8)
    | st.sampled_from([SECRET, "user:a", "read", "10.0.0.0/8", sha(TOKEN)])
    | st.lists(st.text(max_size=4) | st.integers(), max_size=3)
)
ENTRIES = st.dictionaries(
    st.sampled_from(
        [
            "sha256",
            "subject",
            "groups",
            "scopes",
            "expires",
            "cidrs",
            "note",
            "previous",
            "revoked",
            SECRET,
        ]
    ),
    VALUES,
)


@given(
    st.dictionaries(
        st.sampled_from(["tokens", SECRET]),
        st.dictionaries(st.sampled_from(["tok_a", SECRET, "user:a", ""]), VALUES | ENTRIES)
        | VALUES,
    )
)
def test_no_values_raise_anything_else_or_show_a_secret(table: dict[str, object]) -> None:
    document = parse_document(Path("tokens.toml"), b"")
    object.__setattr__(document, "table", table)
    try:
        found, _ = read_tokens(document, None)
    except Misconfigured as fault:
        said = str(fault)
    else:
        said = str(found)
    assert SECRET not in said
