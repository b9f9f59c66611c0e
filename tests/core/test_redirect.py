import pytest

from imagewright.core.errors import InvalidRequest
from imagewright.core.redirect import Redirects

WEB = "https://app.example.com/callback?x=1"
APP = "cursor://anysphere.cursor-retrieval/oauth/callback"
ALL = Redirects(("loopback", WEB, APP))


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:33418/",
        "http://127.0.0.1/callback",
        "http://localhost:1/oauth/callback?flow=1",
        "http://[::1]:8080/cb",
        "http://localhost:3000",
        WEB,
        APP,
    ],
)
def test_what_the_operator_allows_may_be_registered(address: str) -> None:
    assert ALL.allow(address)
    assert ALL.match(address, (address,))


@pytest.mark.parametrize(
    "address",
    [
        "",
        "loopback",
        "http://127.0.0.1.evil.example/cb",
        "http://localhost.evil.example/cb",
        "http://localhost@evil.example/cb",
        "http://localhost:80@evil.example/cb",
        "http://evil.example/http://localhost/",
        "http://localhost\\@evil.example/cb",
        "http://localhost/\\evil.example",
        "http://127.0.0.1:port/cb",
        "http://127.0.0.1:123456/cb",
        "http://127.1/cb",
        "http://0.0.0.0/cb",
        "http://[::]/cb",
        "http://2130706433/cb",
        "http://LOCALHOST/cb",
        "HTTP://localhost/cb",
        "https://localhost/cb",
        "http://localhost/cb#fragment",
        "http://localhost/cb\n",
        "http://localhost/cb\r\nLocation: http://evil.example",
        "http://localhost/c b",
        "http://localhost/ü",
        " http://localhost/cb",
        "//localhost/cb",
        "javascript:alert(1)",
        "data:text/html,x",
        "https://app.example.com/callback",
        "https://app.example.com/callback?x=1&y=2",
        "https://app.example.com/callback?x=1#",
        "https://app.example.com:443/callback?x=1",
        "https://app.example.com./callback?x=1",
        "https://APP.example.com/callback?x=1",
        "https://app.example.com/x/../callback?x=1",
        "https://evil.app.example.com/callback?x=1",
        "http://app.example.com/callback?x=1",
        "cursor://other/oauth/callback",
        "http://localhost/" + "a" * 1024,
    ],
)
def test_everything_else_may_not(address: str) -> None:
    assert not ALL.allow(address)
    assert not ALL.match(address, (address,))


def test_loopback_may_come_back_at_another_port_and_nowhere_else() -> None:
    registered = ("http://127.0.0.1:1000/cb", WEB)
    assert ALL.match("http://127.0.0.1:2000/cb", registered)
    assert ALL.match("http://127.0.0.1/cb", registered)
    for other in (
        "http://127.0.0.1:1000/other",
        "http://127.0.0.1:1000/cb/",
        "http://127.0.0.1:1000/cb?x=1",
        "http://localhost:1000/cb",
        "http://[::1]:1000/cb",
        APP,
    ):
        assert not ALL.match(other, registered)


def test_what_was_registered_goes_when_the_operator_takes_it_back() -> None:
    assert not Redirects((WEB,)).match("http://localhost/cb", ("http://localhost/cb",))
    assert not Redirects().match(WEB, (WEB,))
    assert not Redirects(()).allow("http://localhost/cb")


@pytest.mark.parametrize(
    "pattern",
    [
        "*",
        "https://*.example.com/cb",
        "https://app.example.com/*",
        "https://app.example.com",
        "https://user@app.example.com/cb",
        "https://app.example.com/cb#x",
        "http://app.example.com/cb",
        "http://localhost/cb",
        "javascript://x/y",
        "data://x",
        "file:///etc/passwd",
        "app://",
        "app:callback",
        "https://app.example.com/" + "a" * 1024,
    ],
)
def test_patterns_that_let_in_too_many_are_refused(pattern: str) -> None:
    with pytest.raises(InvalidRequest):
        Redirects((pattern,))
