"""How grants end or are withheld, and what the audit is told of it."""

import asyncio
from dataclasses import replace

import pytest

from imagewright.core.errors import Unauthenticated
from imagewright.core.oauth import Client, Refused, Trouble
from imagewright.core.policy import Acl
from imagewright.core.revocation import Target, What
from imagewright.ports.upstream import Person
from imagewright.services.grant_book import PREFIX
from tests.fakes.upstream import PERSON, FakeUpstream
from tests.services.sign_ins import FROM, SignIns, proof

ALICE = "user:corp/alice"


def revoke(made: SignIns, what: What, key: str) -> None:
    made.acl.acl = Acl(revoked=frozenset({Target(what=what, key=key)}))


def restore(made: SignIns) -> None:
    made.acl.acl = Acl()


async def grant_of(made: SignIns, access: str) -> str:
    caller = await made.grants.authenticate(access, None)
    assert caller is not None
    return caller.credential.id


def told(made: SignIns) -> list[tuple[str, str, str | None]]:
    return [(each.action, each.outcome, each.reason) for each in made.notes]


async def noted(made: SignIns) -> Client:
    client = await made.client()
    made.notes.clear()
    return client


async def test_a_grant_is_noted_once_as_its_persons() -> None:
    made = SignIns()
    client = await noted(made)
    tokens = await made.tokens(client)
    grant = await grant_of(made, tokens.access)
    await made.grants.refresh(tokens.refresh, client.id, None, FROM)
    (note,) = made.notes
    assert (note.action, note.outcome, note.reason) == ("grant", "given", None)
    assert (note.subject, note.credential, note.thing) == (ALICE, grant, client.id)
    assert note.origin == FROM


async def test_a_code_that_another_shows_is_noted() -> None:
    made = SignIns()
    client = await noted(made)
    code = await made.code(client)
    with pytest.raises(Refused):
        await made.grants.exchange(code, proof(client, verifier="w" * 43), FROM)
    assert told(made) == [("grant", "refused", "unproved")]


async def test_an_end_is_noted_once_with_its_reason() -> None:
    made = SignIns()
    client = await noted(made)
    tokens = await made.tokens(client)
    made.notes.clear()
    for _ in range(2):
        await made.grants.revoke(tokens.access, client.id, FROM)
    assert told(made) == [("revoke", "ended", "client")]
    assert (made.notes[0].subject, made.notes[0].thing) == (ALICE, client.id)


async def test_a_second_use_is_noted() -> None:
    made = SignIns()
    client = await noted(made)
    code = await made.code(client)
    await made.grants.exchange(code, proof(client), FROM)
    with pytest.raises(Refused):
        await made.grants.exchange(code, proof(client), FROM)
    assert told(made)[1:] == [("revoke", "ended", "reused")]


async def test_a_provider_that_vouches_no_more_is_noted() -> None:
    made = SignIns()
    client = await noted(made)
    tokens = await made.tokens(client)
    made.upstream.gone = True
    with pytest.raises(Refused):
        await made.grants.refresh(tokens.refresh, client.id, None, FROM)
    assert told(made)[1:] == [("revoke", "ended", "provider")]


@pytest.mark.parametrize("what", [What.SUBJECT, What.TOKEN])
async def test_who_is_revoked_renews_nothing_until_it_is_restored(what: What) -> None:
    made = SignIns()
    client = await made.client()
    tokens = await made.tokens(client)
    grant = await grant_of(made, tokens.access)
    revoke(made, what, ALICE if what is What.SUBJECT else grant)
    with pytest.raises(Refused) as refused:
        await made.grants.refresh(tokens.refresh, client.id, None, FROM)
    assert refused.value.trouble is Trouble.INVALID_GRANT
    assert made.upstream.renewals == 0
    restore(made)
    renewed = await made.grants.refresh(tokens.refresh, client.id, None, FROM)
    assert await grant_of(made, renewed.access) == grant


async def test_who_is_revoked_is_given_nothing_for_a_code() -> None:
    made = SignIns()
    client = await noted(made)
    code = await made.code(client)
    revoke(made, What.SUBJECT, ALICE)
    with pytest.raises(Refused):
        await made.grants.exchange(code, proof(client), FROM)
    assert told(made) == [("grant", "refused", "revoked")]
    assert made.upstream.revoked == ["upstream-0"]
    restore(made)
    with pytest.raises(Refused):
        await made.grants.exchange(code, proof(client), FROM)


async def test_the_book_has_the_grants_that_stand_the_newest_first() -> None:
    made = SignIns()
    client = await made.client()
    first = await made.tokens(client)
    made.clock.advance(5)
    second = await made.tokens(client)
    made.clock.advance(5)
    await made.grants.refresh(first.refresh, client.id, None, FROM)
    newest, oldest = await made.book.all()
    assert (newest.renewed_at, newest.at) == (newest.at, oldest.at + 5_000_000)
    assert oldest.renewed_at == oldest.at + 10_000_000
    assert oldest.person == replace(made.upstream.person, refresh="upstream-1")
    assert newest.credential == await grant_of(made, second.access)
    assert newest.credential == f"{PREFIX}{newest.id}"
    ended = await made.book.end(newest.id)
    assert ended == newest
    assert await made.book.end(newest.id) is None
    with pytest.raises(Unauthenticated):
        await made.grants.authenticate(second.access, None)
    assert [each.id for each in await made.book.all()] == [oldest.id]


async def test_a_turn_that_is_taken_is_nobody_elses() -> None:
    made = SignIns()
    client = await made.client()
    tokens = await made.tokens(client)
    asked, go = asyncio.Event(), asyncio.Event()

    class Slow(FakeUpstream):
        async def renew(self, person: Person) -> Person:
            asked.set()
            await go.wait()
            return await super().renew(person)

    made.upstream = Slow()
    made.restart()
    renewing = asyncio.create_task(made.grants.refresh(tokens.refresh, client.id, None, FROM))
    await asked.wait()
    with pytest.raises(Refused):
        await made.grants.refresh(tokens.refresh, client.id, None, FROM)
    go.set()
    renewed = await renewing
    assert await grant_of(made, renewed.access)
    assert made.upstream.renewals == 1


async def test_a_person_without_a_token_of_the_providers_is_forgotten_by_us_alone() -> None:
    made = SignIns(upstream=FakeUpstream(replace(PERSON, refresh="")))
    client = await made.client()
    tokens = await made.tokens(client)
    await made.grants.revoke(tokens.access, client.id, FROM)
    assert await made.book.all() == ()
    assert made.upstream.revoked == []
