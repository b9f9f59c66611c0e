"""Where a browser may be led: to pages of ours, however the address is written."""

from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagewright.core.local_path import HOME, local_path

BASE = "https://images.example.com"
_NASTY = st.text(st.sampled_from("/\\.:@?#%&=;ui-signout \t\r\n\0eé"), max_size=30)


@pytest.mark.parametrize(
    "path", ["/ui", "/ui/a", "/ui/approve/quo_a1?from=mail&x=", "/ui?next=a", "/ui/a.b~c"]
)
def test_a_page_of_ours_is_kept(path: str) -> None:
    assert local_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/uix",
        "/mcp",
        "//evil.example",
        "https://evil.example/ui",
        "/ui//evil.example",
        "/ui/",
        "/ui/..",
        "/ui/./a",
        "/ui/a/../../mcp",
        "/ui\\evil",
        "/ui/a\n",
        "/ui/a#b",
        "/ui/%2e",
        "/ui/é",
        "/ui/sign-in",
        "/ui/sign-in?next=/ui",
        "/ui/sign-in/callback?code=x",
        "/ui/sign-out",
        "/ui/" + "a" * 509,
    ],
)
def test_everything_else_is_the_first_page(path: str) -> None:
    assert local_path(path) == HOME


@given(st.one_of(_NASTY, _NASTY.map(lambda text: f"/ui{text}"), st.text()))
def test_nothing_leads_elsewhere(text: str) -> None:
    path = local_path(text)
    there = urlsplit(urljoin(f"{BASE}/ui/sign-in", path))
    assert f"{there.scheme}://{there.netloc}" == BASE
    assert there.path == "/ui" or there.path.startswith("/ui/")
    assert path.isprintable()
    assert path.isascii()
