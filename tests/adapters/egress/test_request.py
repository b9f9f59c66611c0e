"""Requests for tunnels, good and bad."""

import pytest

from imagewright.adapters.egress.request import Asked, NoTunnel, read_head
from imagewright.adapters.egress.ways import Place
from imagewright.adapters.web.tunnel import PUBLIC_ONLY


@pytest.mark.parametrize(
    ("line", "place"),
    [
        (b"CONNECT a.example:443 HTTP/1.1", Place("a.example", 443)),
        (b"CONNECT A.example.:8443 HTTP/1.0", Place("a.example", 8443)),
        (b"CONNECT [::1]:80 HTTP/1.1", Place("::1", 80)),
    ],
)
def test_a_place_is_asked_for(line: bytes, place: Place) -> None:
    assert read_head(line + b"\r\nHost: other\r\n\r\n") == Asked(place, strange=False)


def test_a_header_says_that_nobody_named_it() -> None:
    head = f"CONNECT a.example:443 HTTP/1.1\r\n{PUBLIC_ONLY}\r\n\r\n".encode()
    assert read_head(head) == Asked(Place("a.example", 443), strange=True)


@pytest.mark.parametrize(
    "head",
    [
        b"\r\n\r\n",
        b"GET http://a.example/ HTTP/1.1\r\n\r\n",
        b"connect a.example:443 HTTP/1.1\r\n\r\n",
        b"CONNECT a.example HTTP/1.1\r\n\r\n",
        b"CONNECT *.example:443 HTTP/1.1\r\n\r\n",
        b"CONNECT a.example:443 HTTP/2\r\n\r\n",
        b"CONNECT a.example:443\r\n\r\n",
        b"CONNECT a.example:0 HTTP/1.1\r\n\r\n",
        b"CONNECT user@a.example:443 HTTP/1.1\r\n\r\n",
        b"CONNECT a\x00.example:443 HTTP/1.1\r\n\r\n",
        b"CONNECT \xc3\xa4.example:443 HTTP/1.1\r\n\r\n",
        b"CONNECT a.example:443 HTTP/1.1\r\nno header\r\n\r\n",
        b"CONNECT a.example:443 HTTP/1.1\r\nA: b\nB: c\r\n\r\n",
    ],
)
def test_anything_else_is_a_bad_request(head: bytes) -> None:
    with pytest.raises(NoTunnel) as caught:
        read_head(head)
    assert caught.value.status == 400
    assert caught.value.answer().startswith(b"HTTP/1.1 400 Bad Request\r\n")
