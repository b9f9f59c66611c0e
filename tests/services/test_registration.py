import pytest

from imagewright.core.oauth import Refused, Trouble
from imagewright.core.rate import Rate
from imagewright.core.redirect import Redirects
from imagewright.ports.books import Origin
from tests.services.sign_ins import BACK, DAY, FROM, SignIns, rules


def at(address: str) -> Origin:
    return Origin(request="req-1", address=address)


async def test_a_client_is_found_again_after_a_restart() -> None:
    made = SignIns()
    client = await made.registrations.register(
        {"client_name": "Paint\u202eer\n" + "x" * 200, "redirect_uris": [BACK]}, FROM
    )
    assert client.name == "Painter" + "x" * 71
    made.restart()
    assert await made.registrations.find(client.id, FROM) == client


@pytest.mark.parametrize("id", ["", "unknown", "x" * 65, "ü", "a\x00b", "a b"])
async def test_nobody_is_found_by_another_id(id: str) -> None:
    made = SignIns()
    await made.client()
    assert await made.registrations.find(id, FROM) is None


@pytest.mark.parametrize(
    "redirects",
    [None, [], "http://localhost/", [1], [BACK] * 17, [BACK, "https://evil.example/"], {"a": 1}],
)
async def test_only_redirects_that_are_allowed_are_registered(redirects: object) -> None:
    made = SignIns()
    with pytest.raises(Refused) as refused:
        await made.registrations.register({"redirect_uris": redirects}, FROM)
    assert refused.value.trouble is Trouble.INVALID_REDIRECT
    assert made.shelf.rows == {}


@pytest.mark.parametrize(
    "kinds",
    [
        {"grant_types": ["client_credentials"]},
        {"grant_types": "authorization_code"},
        {"grant_types": [["authorization_code"]]},
        {"response_types": ["token"]},
        {"response_types": []},
    ],
)
async def test_other_flows_are_refused(kinds: dict[str, object]) -> None:
    made = SignIns()
    with pytest.raises(Refused) as refused:
        await made.registrations.register({"redirect_uris": [BACK], **kinds}, FROM)
    assert refused.value.trouble is Trouble.INVALID_METADATA
    assert made.shelf.rows == {}


async def test_a_name_that_is_none_is_empty() -> None:
    made = SignIns()
    client = await made.registrations.register({"client_name": 7, "redirect_uris": [BACK]}, FROM)
    assert client.name == ""


async def test_one_address_registers_so_often_and_all_so_often() -> None:
    made = SignIns(registration=rules(rate=Rate(each=2, total=3), most=100))
    register = made.registrations.register
    metadata = {"redirect_uris": [BACK]}
    for _ in range(2):
        await register(metadata, at("2001:db8::1"))
    with pytest.raises(Refused) as mine:
        await register(metadata, at("2001:db8::2"))
    assert (mine.value.trouble, mine.value.after) == (Trouble.UNAVAILABLE, 3601)
    await register(metadata, at("192.0.2.2"))
    with pytest.raises(Refused):
        await register(metadata, at("192.0.2.3"))
    made.clock.advance(3600)
    await register(metadata, at("192.0.2.3"))


async def test_no_more_clients_are_kept_than_the_most() -> None:
    made = SignIns(registration=rules(rate=Rate(each=100, total=100), most=3))
    for _ in range(3):
        await made.client()
    with pytest.raises(Refused) as refused:
        await made.client()
    assert refused.value.after == 3600
    made.clock.advance(3600)
    await made.client()


async def test_a_client_that_nobody_uses_expires() -> None:
    made = SignIns()
    unused, used = await made.client(), await made.client()
    await made.registrations.use(used.id)
    made.clock.advance(3600)
    assert await made.registrations.find(unused.id, FROM) is None
    await made.registrations.use(unused.id)
    assert await made.registrations.find(unused.id, FROM) is None
    made.clock.advance(89 * DAY)
    await made.registrations.use(used.id)
    made.clock.advance(89 * DAY)
    assert await made.registrations.find(used.id, FROM) == used
    made.clock.advance(DAY)
    assert await made.registrations.find(used.id, FROM) is None


async def test_not_every_use_costs_a_write() -> None:
    made = SignIns()
    client = await made.client()
    await made.registrations.use(client.id)
    (before,) = made.shelf.rows.values()
    await made.registrations.use(client.id)
    assert list(made.shelf.rows.values()) == [before]
    made.clock.advance(3600)
    await made.registrations.use(client.id)
    assert list(made.shelf.rows.values()) != [before]


async def test_a_registered_redirect_goes_with_the_operators_list() -> None:
    made = SignIns()
    client = await made.client()
    assert made.registrations.fits(client, "http://localhost:1/callback")
    assert not made.registrations.fits(client, "http://localhost:1/other")
    made.registration = rules(redirects=Redirects(()))
    made.restart()
    assert not made.registrations.fits(client, BACK)


async def test_a_registration_is_noted_with_whence_it_came() -> None:
    made = SignIns()
    client = await made.client()
    (note,) = made.notes
    assert (note.action, note.outcome, note.thing) == ("register", "entered", client.id)
    assert (note.subject, note.credential, note.origin) == ("stranger", "none", FROM)


async def test_a_refused_registration_is_not_noted() -> None:
    made = SignIns()
    with pytest.raises(Refused):
        await made.client("https://evil.example/")
    assert made.notes == []


async def test_all_clients_are_told_the_newest_first_until_they_are_removed() -> None:
    made = SignIns()
    first = await made.client()
    made.clock.advance(1)
    second = await made.client()
    await made.registrations.use(first.id)
    assert await made.registrations.all() == (second, first)
    assert [each.used_at for each in await made.registrations.all()] == [0, made.clock.now()]
    assert await made.registrations.known(first.id)
    assert await made.registrations.remove(first.id)
    assert not await made.registrations.known(first.id)
    assert not await made.registrations.remove(first.id)
    assert not await made.registrations.remove("x" * 65)
    assert await made.registrations.all() == (second,)
