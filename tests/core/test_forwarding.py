import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagewright.core.errors import InvalidRequest
from imagewright.core.forwarding import (
    Proxies,
    forwarded,
    forwarded_for,
    read_address,
    read_proxies,
)

PROXIES = read_proxies(["10.0.0.0/24", "2001:db8:1::/64"])
PROXY = "10.0.0.1"


@pytest.mark.parametrize(
    ("node", "address"),
    [
        ("192.0.2.1", "192.0.2.1"),
        (" 192.0.2.1\t", "192.0.2.1"),
        ("192.0.2.1:4711", "192.0.2.1"),
        ("192.0.2.1:_hidden", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:DB8:0::1]:4711", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("[::ffff:192.0.2.1]:80", "192.0.2.1"),
    ],
)
def test_nodes_that_are_addresses(node: str, address: str) -> None:
    assert str(read_address(node)) == address


@pytest.mark.parametrize(
    "node",
    [
        "",
        "unknown",
        "_hidden",
        "testclient",
        "localhost",
        "192.0.2",
        "192.0.2.1:",
        "192.0.2.1:123456",
        "192.0.2.1/32",
        "192.0.2.01",
        "192.0.2.1 ",
        "fe80::1%eth0",
        "[192.0.2.1",
        "192.0.2.1\n",
        "\u0661\u0662.0.0.1",
        "0x7f.0.0.1",
        "2130706433",
    ],
)
def test_nodes_that_are_none(node: str) -> None:
    assert read_address(node.replace(" ", "\xa0")) is None


@pytest.mark.parametrize(
    ("peer", "hops", "client"),
    [
        (PROXY, [], PROXY),
        (PROXY, ["192.0.2.1"], "192.0.2.1"),
        (PROXY, ["6.6.6.6", "192.0.2.1"], "192.0.2.1"),
        (PROXY, ["6.6.6.6", "192.0.2.1", "10.0.0.2"], "192.0.2.1"),
        (PROXY, ["192.0.2.1", "[2001:db8:1::5]:80", "10.0.0.2:9"], "192.0.2.1"),
        (PROXY, ["10.0.0.3", "10.0.0.2"], "10.0.0.3"),
        (PROXY, ["garbage", "192.0.2.1"], "192.0.2.1"),
        (PROXY, ["192.0.2.1", "garbage"], None),
        (PROXY, ["garbage", "10.0.0.2"], None),
        (PROXY, ["unknown"], None),
        ("::ffff:10.0.0.1", ["192.0.2.1"], "192.0.2.1"),
        ("192.0.2.9", ["10.0.0.1"], "192.0.2.9"),
        ("10.0.1.1", ["6.6.6.6"], "10.0.1.1"),
        (PROXY, ["192.0.2.1", *["10.0.0.2"] * 31], "192.0.2.1"),
        (PROXY, ["192.0.2.1", *["10.0.0.2"] * 32], None),
        (None, ["6.6.6.6"], None),
        ("testclient", ["6.6.6.6"], "testclient"),
    ],
)
def test_the_nearest_hop_that_is_no_proxy(
    peer: str | None, hops: list[str], client: str | None
) -> None:
    assert PROXIES.client(peer, hops) == client


def test_a_unix_socket_is_believed_where_it_is_named() -> None:
    proxies = read_proxies(["unix"])
    assert proxies == Proxies(unix=True)
    assert proxies.client(None, ["6.6.6.6", "192.0.2.1"]) == "192.0.2.1"
    assert proxies.client("192.0.2.1", ["6.6.6.6"]) == "192.0.2.1"
    assert proxies.client(None, []) is None


@given(st.lists(st.text(max_size=20)), st.ip_addresses().map(str))
def test_what_a_client_sends_never_counts(made_up: list[str], real: str) -> None:
    if PROXIES.trusts(real):
        return
    assert PROXIES.client(PROXY, [*made_up, real]) == str(read_address(real))
    assert PROXIES.client(real, made_up) == real


@pytest.mark.parametrize(
    ("lines", "hops"),
    [
        ([], []),
        (["192.0.2.1"], ["192.0.2.1"]),
        (["a,b", " c ,, d"], ["a", "b", " c ", " d"]),
        ([" ", ","], []),
    ],
)
def test_hops_of_x_forwarded_for(lines: list[str], hops: list[str]) -> None:
    assert forwarded_for(lines) == hops


@pytest.mark.parametrize(
    ("lines", "hops"),
    [
        ([], []),
        (["for=192.0.2.1"], ["192.0.2.1"]),
        (["For=192.0.2.1;proto=https;by=203.0.113.43"], ["192.0.2.1"]),
        (["proto=https ; FOR=192.0.2.1"], ["192.0.2.1"]),
        (['for="[2001:db8::1]:4711"'], ["[2001:db8::1]:4711"]),
        (["for=192.0.2.1, for=10.0.0.2"], ["192.0.2.1", "10.0.0.2"]),
        (["for=192.0.2.1", "for=10.0.0.2,"], ["192.0.2.1", "10.0.0.2"]),
        (["for=1.1.1.1; , for=2.2.2.2 ;"], ["1.1.1.1", "2.2.2.2"]),
        (["for=1.1.1.1;;by=a"], [""]),
        ([" , ,for=1.1.1.1"], ["1.1.1.1"]),
        (["for=unknown, for=_x"], ["unknown", "_x"]),
        (['for="192.0.2\\.1"'], ["192.0.2.1"]),
        (["proto=https"], [""]),
        (["for=1.1.1.1;for=2.2.2.2"], [""]),
        (['by="x;for=6.6.6.6"'], [""]),
        (['by="a\\";for=6.6.6.6;b="'], [""]),
        (["for=192.0.2.1 for=6.6.6.6"], [""]),
        (['for="6.6.6.6'], [""]),
        (['for="6.6.6.6, for=192.0.2.1'], [""]),
        (['for=6.6.6.6;x=", for="[2001:db8::1]"'], [""]),
        (["192.0.2.1"], [""]),
        (["for=192.0.2.1", "for="], ["192.0.2.1", ""]),
    ],
)
def test_hops_of_forwarded(lines: list[str], hops: list[str]) -> None:
    assert forwarded(lines) == hops


@given(st.text(st.characters(codec="latin-1"), max_size=40))
def test_no_line_before_it_swallows_what_a_proxy_appends(made_up: str) -> None:
    for appended in ("for=192.0.2.1", 'for="[2001:db8::1]:80";proto=https', 'by="a";for=192.0.2.1'):
        for lines in ([made_up, appended], [f"{made_up}, {appended}"]):
            told = PROXIES.client(PROXY, forwarded(lines))
            assert told in {"192.0.2.1", "2001:db8::1", None}


@pytest.mark.parametrize("name", ["", "10.0.0.1/8", "proxy.internal", "*", "0.0.0.0/0", "::/0"])
def test_what_cannot_be_trusted(name: str) -> None:
    with pytest.raises(InvalidRequest):
        read_proxies([name])
