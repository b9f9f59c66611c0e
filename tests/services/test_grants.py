import asyncio
from dataclasses import replace

import pytest

from imagewright.core.errors import Unauthenticated, Unavailable
from imagewright.core.oauth import Client, Refused, Tokens, Trouble
from imagewright.core.scope import Scope
from imagewright.services.grant_book import PREFIX
from imagewright.services.grants import CodeProof, asked_for
from tests.fakes.upstream import PERSON, FakeUpstream
from tests.services.sign_ins import BACK, DAY, FROM, ISSUER, VERIFIER, SignIns, proof, signer


async def dead(made: SignIns, token: str) -> bool:
    try:
        await made.grants.authenticate(token, None)
    except Unauthenticated:
        return True
    return False


async def refused(made: SignIns, tokens: Tokens, client: Client) -> bool:
    try:
        await made.grants.refresh(tokens.refresh, client.id, None, FROM)
    except Refused as error:
        return error.trouble is Trouble.INVALID_GRANT
    return False


async def test_a_token_is_who_signed_in_and_no_wider_than_was_agreed() -> None:
    made = SignIns()
    tokens = await made.tokens(await made.client())
    made.restart()
    caller = await made.grants.authenticate(tokens.access, "192.0.2.9")
    assert caller is not None
    assert (caller.subject, caller.groups, caller.name) == (
        "user:corp/alice",
        frozenset({"painters"}),
        "Alice",
    )
    assert caller.credential.scopes == frozenset({"images:read", "images:write"})
    assert caller.credential.id.startswith(PREFIX)
    assert tokens.scopes == ("images:read", "images:write")


async def test_a_token_says_what_rfc_9068_asks_for() -> None:
    made = SignIns()
    client = await made.client()
    tokens = await made.tokens(client)
    claims = signer("at+jwt", f"{ISSUER}/mcp").read(tokens.access)
    assert claims is not None
    now = made.clock.now() // 1_000_000
    wanted = {"iss": ISSUER, "aud": f"{ISSUER}/mcp", "sub": "user:corp/alice", "iat": now}
    wanted |= {"exp": now + 600, "client_id": client.id, "scope": "images:read images:write"}
    assert wanted.items() <= dict(claims).items()
    assert claims["jti"] != claims["grant"]


async def test_the_providers_own_scopes_narrow_too() -> None:
    made = SignIns(upstream=FakeUpstream(replace(PERSON, scopes=("images:read", "spend"))))
    tokens = await made.tokens(await made.client())
    assert tokens.scopes == ("images:read",)


async def test_a_token_ends_with_its_time() -> None:
    made = SignIns()
    tokens = await made.tokens(await made.client())
    made.clock.advance(599)
    assert not await dead(made, tokens.access)
    made.clock.advance(1)
    assert await dead(made, tokens.access)


async def test_what_is_not_ours_is_left_to_others() -> None:
    made = SignIns()
    for foreign in ("", "iw_token", "a.b", "x" * 20_000):
        assert await made.grants.authenticate(foreign, None) is None
    other = signer("at+jwt", "x")
    stranger = replace(other._config, issuer="https://other.example.com")  # noqa: SLF001 - made from it
    token = type(other)(stranger).sign({"sub": "x"})
    assert await made.grants.authenticate(token, None) is None


async def test_one_kind_of_token_is_never_the_other() -> None:
    made = SignIns()
    client = await made.client()
    tokens = await made.tokens(client)
    assert await dead(made, tokens.refresh)
    assert await refused(made, replace(tokens, refresh=tokens.access), client)
    assert not await dead(made, tokens.access)


async def test_a_changed_subject_is_no_longer_its_tokens() -> None:
    made = SignIns()
    client = await made.client()
    tokens = await made.tokens(client)
    made.upstream.person = replace(PERSON, subject="user:corp/renamed")
    renewed = await made.grants.refresh(tokens.refresh, client.id, None, FROM)
    assert await dead(made, tokens.access)
    caller = await made.grants.authenticate(renewed.access, None)
    assert caller is not None
    assert caller.subject == "user:corp/renamed"


async def test_a_code_is_good_once_and_its_second_use_ends_the_first() -> None:
    made = SignIns()
    client = await made.client()
    code = await made.code(client)
    tokens = await made.grants.exchange(code, proof(client), FROM)
    with pytest.raises(Refused):
        await made.grants.exchange(code, proof(client), FROM)
    assert await dead(made, tokens.access)
    assert await refused(made, tokens, client)
    assert made.upstream.revoked == ["upstream-0"]


async def test_of_several_with_one_code_one_gets_tokens() -> None:
    made = SignIns()
    client = await made.client()
    code = await made.code(client)
    answers = await asyncio.gather(
        *(made.grants.exchange(code, proof(client), FROM) for _ in range(4)),
        return_exceptions=True,
    )
    assert sum(isinstance(each, Tokens) for each in answers) == 1


@pytest.mark.parametrize("wrong", ["client", "redirect", "verifier", "nothing"])
async def test_a_code_in_the_wrong_hands_is_used_up(wrong: str) -> None:
    made = SignIns()
    client, thief = await made.client(), await made.client()
    code = await made.code(client)
    with pytest.raises(Refused) as refusal:
        await made.grants.exchange(
            code,
            CodeProof(
                client=thief.id if wrong == "client" else client.id,
                redirect="http://localhost:3001/callback" if wrong == "redirect" else BACK,
                verifier={"verifier": "w" * 43, "nothing": ""}.get(wrong, VERIFIER),
            ),
            FROM,
        )
    assert refusal.value.trouble is Trouble.INVALID_GRANT
    with pytest.raises(Refused):
        await made.grants.exchange(code, proof(client), FROM)
    assert made.upstream.revoked == ["upstream-0"]


async def test_a_code_is_good_for_a_minute() -> None:
    made = SignIns()
    client = await made.client()
    code = await made.code(client)
    made.clock.advance(60)
    with pytest.raises(Refused):
        await made.grants.exchange(code, proof(client), FROM)


async def test_a_refresh_token_is_changed_for_new_ones_after_the_first_ended() -> None:
    made = SignIns()
    client = await made.client()
    tokens = await made.tokens(client)
    made.clock.advance(29 * DAY)
    made.restart()
    renewed = await made.grants.refresh(tokens.refresh, client.id, None, FROM)
    assert renewed.scopes == tokens.scopes
    assert not await dead(made, renewed.access)
    made.clock.advance(29 * DAY)
    again = await made.grants.refresh(renewed.refresh, client.id, None, FROM)
    assert not await dead(made, again.access)
    made.clock.advance(30 * DAY)
    assert await refused(made, again, client)


async def test_a_narrower_refresh_is_for_this_token_only() -> None:
    made = SignIns()
    client = await made.client()
    tokens = await made.tokens(client)
    narrow = await made.grants.refresh(tokens.refresh, client.id, ("images:read",), FROM)
    caller = await made.grants.authenticate(narrow.access, None)
    assert caller is not None
    assert caller.credential.scopes == frozenset({"images:read"})
    with pytest.raises(Refused) as wide:
        await made.grants.refresh(narrow.refresh, client.id, ("images:read", "spend"), FROM)
    assert wide.value.trouble is Trouble.INVALID_SCOPE
    whole = await made.grants.refresh(narrow.refresh, client.id, None, FROM)
    assert whole.scopes == tokens.scopes


async def test_a_refresh_token_of_another_client_is_refused_and_harmed_by_nobody() -> None:
    made = SignIns()
    client, thief = await made.client(), await made.client()
    tokens = await made.tokens(client)
    assert await refused(made, tokens, thief)
    assert await refused(made, replace(tokens, refresh="nonsense"), client)
    assert not await refused(made, tokens, client)


async def test_a_refresh_token_used_again_ends_its_grant() -> None:
    made = SignIns()
    client = await made.client()
    tokens = await made.tokens(client)
    renewed = await made.grants.refresh(tokens.refresh, client.id, None, FROM)
    made.clock.advance(11)
    assert await refused(made, tokens, client)
    assert await dead(made, renewed.access)
    assert await refused(made, renewed, client)
    assert made.upstream.revoked == ["upstream-1"]


async def test_two_processes_of_a_client_may_collide() -> None:
    made = SignIns()
    client = await made.client()
    tokens = await made.tokens(client)
    answers = await asyncio.gather(
        *(made.grants.refresh(tokens.refresh, client.id, None, FROM) for _ in range(4)),
        return_exceptions=True,
    )
    (renewed,) = [each for each in answers if isinstance(each, Tokens)]
    assert await refused(made, tokens, client)
    assert not await dead(made, renewed.access)
    assert made.upstream.renewals == 1
    last = await made.grants.refresh(renewed.refresh, client.id, None, FROM)
    assert await refused(made, renewed, client)
    assert not await dead(made, last.access)
    # Two turns ago is no collision.
    assert await refused(made, tokens, client)
    assert await dead(made, last.access)


async def test_a_person_who_is_gone_loses_all_with_the_next_refresh() -> None:
    made = SignIns()
    client = await made.client()
    tokens = await made.tokens(client)
    made.upstream.gone = True
    assert await refused(made, tokens, client)
    assert await dead(made, tokens.access)
    made.upstream.gone = False
    assert await refused(made, tokens, client)


async def test_an_outage_costs_nobody_a_token() -> None:
    made = SignIns()
    client = await made.client()
    tokens = await made.tokens(client)
    made.upstream.away = True
    with pytest.raises(Unavailable):
        await made.grants.refresh(tokens.refresh, client.id, None, FROM)
    assert not await dead(made, tokens.access)
    made.upstream.away = False
    made.shelf.away = True
    for call in (
        made.grants.authenticate(tokens.access, None),
        made.grants.refresh(tokens.refresh, client.id, None, FROM),
        made.grants.credential(f"{PREFIX}x"),
        made.grants.revoke(tokens.access, client.id, FROM),
    ):
        with pytest.raises(Unavailable):
            await call
    made.shelf.away = False
    assert not await refused(made, tokens, client)


@pytest.mark.parametrize("shown", ["access", "refresh"])
async def test_either_token_revokes_both_at_once(shown: str) -> None:
    made = SignIns()
    client, stranger = await made.client(), await made.client()
    tokens, others = await made.tokens(client), await made.tokens(client)
    token = getattr(tokens, shown)
    made.clock.advance(601)
    await made.grants.revoke(token, stranger.id, FROM)
    assert made.upstream.revoked == []
    tokens = await made.grants.refresh(tokens.refresh, client.id, None, FROM)
    others = await made.grants.refresh(others.refresh, client.id, None, FROM)
    caller = await made.grants.authenticate(tokens.access, None)
    assert caller is not None
    await made.grants.revoke(token, client.id, FROM)
    assert await dead(made, tokens.access)
    assert await refused(made, tokens, client)
    assert await made.grants.credential(caller.credential.id) is None
    assert made.upstream.revoked == ["upstream-1"]
    assert not await dead(made, others.access)
    await made.grants.revoke(token, client.id, FROM)
    await made.grants.revoke("nonsense", client.id, FROM)


async def test_ours_is_revoked_though_the_provider_is_away() -> None:
    made = SignIns()
    client = await made.client()
    tokens = await made.tokens(client)
    made.upstream.away = True
    await made.grants.revoke(tokens.refresh, client.id, FROM)
    assert await dead(made, tokens.access)


async def test_a_revocation_is_not_undone_by_a_refresh_under_way() -> None:
    made = SignIns()
    client = await made.client()
    tokens = await made.tokens(client)
    asked, go = asyncio.Event(), asyncio.Event()

    class Slow(FakeUpstream):
        async def renew(self, person: object) -> object:  # type: ignore[override]  # passed on
            asked.set()
            await go.wait()
            return await FakeUpstream.renew(self, person)  # type: ignore[arg-type]  # as it came

    made.upstream = Slow()
    made.restart()
    renewing = asyncio.create_task(made.grants.refresh(tokens.refresh, client.id, None, FROM))
    await asked.wait()
    await made.grants.revoke(tokens.access, client.id, FROM)
    made.upstream.revoked.clear()
    go.set()
    with pytest.raises(Refused):
        await renewing
    assert await dead(made, tokens.access)
    assert made.upstream.revoked == ["upstream-1"]


async def test_without_a_token_of_the_providers_there_is_nothing_to_renew() -> None:
    made = SignIns(upstream=FakeUpstream(replace(PERSON, refresh="")))
    client = await made.client()
    tokens = await made.tokens(client)
    assert tokens.refresh == ""
    caller = await made.grants.authenticate(tokens.access, None)
    assert caller is not None
    made.clock.advance(DAY - 1)
    assert await made.grants.credential(caller.credential.id) is not None
    made.clock.advance(1)
    assert await made.grants.credential(caller.credential.id) is None
    await made.grants.revoke(tokens.access, client.id, FROM)
    assert made.upstream.revoked == []


async def test_what_was_begun_goes_on_as_long_as_the_grant() -> None:
    made = SignIns()
    client = await made.client()
    tokens = await made.tokens(client)
    caller = await made.grants.authenticate(tokens.access, None)
    assert caller is not None
    made.clock.advance(601)
    found = await made.grants.credential(caller.credential.id)
    assert found is not None
    assert found.scopes == frozenset({"images:read", "images:write"})
    assert await made.grants.credential("tok_1") is None
    assert await made.grants.credential(f"{PREFIX}unknown") is None


async def test_a_client_in_use_is_kept() -> None:
    made = SignIns()
    client = await made.client()
    tokens = await made.tokens(client)
    for _ in range(8):
        made.clock.advance(20 * DAY)
        tokens = await made.grants.refresh(tokens.refresh, client.id, None, FROM)
    assert await made.registrations.find(client.id, FROM) is not None


def test_a_client_is_told_only_of_scopes_that_it_may_have() -> None:
    assert asked_for(f"{PREFIX}x", Scope.SPEND) == "spend"
    assert asked_for(f"{PREFIX}x", Scope.APPROVE) is None
    assert asked_for("oidc:corp:x", Scope.SPEND) is None
