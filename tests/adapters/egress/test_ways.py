"""Where the egress proxy leads."""

import pytest

from imagewright.adapters.egress.ways import Place, Way, Ways, allowed, read_place
from imagewright.core.errors import InvalidRequest

PUBLIC = "93.184.216.34"
WAYS = Ways(
    places=frozenset(
        {
            Place("api.example.com"),
            Place("10.0.0.7", 8188),
            Place("*.cdn.example"),
            Place("*.x", 8443),
        }
    )
)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("images.example.com", Place("images.example.com", 443)),
        ("Images.Example.com.:8443", Place("images.example.com", 8443)),
        ("10.0.0.7:8188", Place("10.0.0.7", 8188)),
        ("[::1]:80", Place("::1", 80)),
        ("[2001:0DB8::0001]", Place("2001:db8::1", 443)),
        ("*.example.com", Place("*.example.com", 443)),
    ],
)
def test_a_place_is_read_in_one_form(text: str, place: Place) -> None:
    assert read_place(text) == place


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a:0",
        "a:65536",
        "a:x",
        "https://a",
        "a/b",
        "a b",
        "*",
        "**.a",
        "a.*.b",
        "::1",
        "[x",
        "-a",
        "u@a",
    ],
)
def test_what_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        read_place(text)


@pytest.mark.parametrize(
    ("place", "way"),
    [
        (Place("api.example.com"), Way.NAMED),
        (Place("api.example.com", 80), None),
        (Place("api.example.com", 8443), None),
        (Place("www.api.example.com"), None),
        (Place("10.0.0.7", 8188), Way.NAMED),
        (Place("10.0.0.8", 8188), None),
        (Place("a.cdn.example"), Way.STRANGE),
        (Place("a.b.cdn.example"), Way.STRANGE),
        (Place("cdn.example"), None),
        (Place("notcdn.example"), None),
        (Place("a.cdn.example", 8443), None),
        (Place("a.x", 8443), Way.STRANGE),
    ],
)
def test_only_what_was_named_is_led_to(place: Place, way: Way | None) -> None:
    assert WAYS.to(place, strange=False) is way


def test_every_public_host_is_one_on_443() -> None:
    ways = Ways(public=True)
    assert ways.to(Place("any.example"), strange=False) is Way.STRANGE
    assert ways.to(Place("any.example", 80), strange=False) is None


def test_a_stranger_who_leads_to_a_named_place_gets_only_its_public_addresses() -> None:
    assert WAYS.to(Place("10.0.0.7", 8188), strange=True) is Way.STRANGE
    assert allowed(Way.STRANGE, ["10.0.0.7", PUBLIC, "127.0.0.1"]) == [PUBLIC]


def test_a_named_place_may_be_private_but_no_metadata_service() -> None:
    found = ["127.0.0.1", "10.0.0.7", "::1", "fd00::7", PUBLIC]
    metadata = [
        *("169.254.169.254", "::ffff:169.254.169.254", "100.100.100.200", "192.0.0.192"),
        *("168.63.129.16", "fd00:ec2::254", "fe80::1%eth0", "no address"),
    ]
    assert allowed(Way.NAMED, [*metadata, *found]) == found
