"""Clients that are documents at an address of their own."""

from typing import Any

import pytest

from imagewright.core.errors import Unavailable
from imagewright.core.oauth import Client, Refused, Trouble
from imagewright.core.rate import Rate
from imagewright.core.redirect import Redirects
from imagewright.services.client_documents import DocumentRules
from tests.services.sign_ins import BACK, FROM, SignIns

ID = "https://app.example.com/client.json"
DOCUMENT: dict[str, Any] = {
    "client_id": ID,
    "client_name": "Painter",
    "redirect_uris": [BACK, "https://app.example.com/callback"],
    "token_endpoint_auth_method": "none",
}


def reading(each: int = 5, **changes: Any) -> SignIns:
    made = SignIns(reading=DocumentRules(redirects=Redirects(), rate=Rate(each=each, total=8)))
    made.documents.pages = {ID: {**DOCUMENT, **changes}}
    return made


async def found(made: SignIns, id: str = ID) -> Client:
    client = await made.registrations.find(id, FROM)
    assert client is not None
    return client


async def test_a_document_is_a_client_with_the_redirects_that_are_allowed() -> None:
    made = reading()
    client = await found(made)
    assert (client.id, client.name, client.redirects) == (ID, "Painter", (BACK,))
    assert made.registrations.fits(client, BACK)
    assert not made.registrations.fits(client, "https://app.example.com/callback")


async def test_a_person_signs_in_through_it_to_the_end() -> None:
    made = reading()
    client = await found(made)
    tokens = await made.tokens(client)
    caller = await made.grants.authenticate(tokens.access, None)
    assert caller is not None
    assert caller.subject == "user:corp/alice"
    made.documents.pages.clear()
    made.clock.advance(3600)
    assert await made.registrations.known(ID)
    renewed = await made.grants.refresh(tokens.refresh, ID, None, FROM)
    assert renewed.scopes == tokens.scopes


async def test_it_is_read_once_an_hour_and_over_restarts() -> None:
    made = reading()
    await found(made)
    made.restart()
    made.documents.pages[ID] = {**DOCUMENT, "client_name": "Other"}
    assert (await found(made)).name == "Painter"
    made.clock.advance(3600)
    assert (await found(made)).name == "Other"
    assert made.documents.asked == [ID, ID]


async def test_each_reading_is_noted_with_whence_it_was_asked() -> None:
    made = reading()
    await found(made)
    await found(made)
    (note,) = made.notes
    assert (note.action, note.outcome, note.thing) == ("register", "read", ID)
    assert (note.subject, note.origin) == ("stranger", FROM)


@pytest.mark.parametrize(
    ("changes", "trouble"),
    [
        ({"client_id": "https://app.example.com/other.json"}, Trouble.INVALID_CLIENT),
        ({"client_id": None}, Trouble.INVALID_CLIENT),
        ({"token_endpoint_auth_method": "private_key_jwt"}, Trouble.INVALID_CLIENT),
        ({"client_secret": "x"}, Trouble.INVALID_CLIENT),
        ({"redirect_uris": ["https://evil.example/"]}, Trouble.INVALID_CLIENT),
        ({"redirect_uris": []}, Trouble.INVALID_REDIRECT),
        ({"grant_types": ["client_credentials"]}, Trouble.INVALID_METADATA),
    ],
)
async def test_a_document_of_another_kind_is_no_client(
    changes: dict[str, Any], trouble: Trouble
) -> None:
    made = reading(**changes)
    with pytest.raises(Refused) as refused:
        await found(made)
    assert refused.value.trouble is trouble
    assert made.shelf.rows == {}
    assert made.notes == []


async def test_none_at_the_address_is_a_refusal_and_silence_is_an_outage() -> None:
    made = reading()
    with pytest.raises(Refused) as refused:
        await found(made, "https://app.example.com/missing.json")
    assert refused.value.trouble is Trouble.INVALID_CLIENT
    made.documents.away = True
    with pytest.raises(Unavailable):
        await found(made)


async def test_strangers_have_so_many_read_and_known_ones_cost_nothing() -> None:
    made = reading(each=2)
    await found(made)
    with pytest.raises(Refused) as missing:
        await found(made, "https://app.example.com/1.json")
    assert missing.value.trouble is Trouble.INVALID_CLIENT
    with pytest.raises(Refused) as refused:
        await found(made, "https://app.example.com/2.json")
    assert (refused.value.trouble, refused.value.after) == (Trouble.UNAVAILABLE, 3601)
    assert len(made.documents.asked) == 2
    assert (await found(made)).id == ID


async def test_where_it_is_off_no_address_is_a_client() -> None:
    made = SignIns()
    made.documents.pages = {ID: DOCUMENT}
    assert await made.registrations.find(ID, FROM) is None
    assert not await made.registrations.known(ID)
    assert made.documents.asked == []
