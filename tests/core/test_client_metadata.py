"""What is taken of what a client says of itself."""

from typing import Any

import pytest

from imagewright.core.client_metadata import check_kinds, is_document, name_of, redirects_of
from imagewright.core.oauth import Refused, Trouble


@pytest.mark.parametrize(
    "id",
    [
        "https://app.example.com/client.json",
        "https://app.example.com:8443/oauth/client",
        "https://a/b",
        "https://app.example.com/a..b/.well-known/x",
    ],
)
def test_an_address_of_a_document_is_a_client(id: str) -> None:
    assert is_document(id)


@pytest.mark.parametrize(
    "id",
    [
        "",
        "cli_abc",
        "http://app.example.com/client.json",
        "HTTPS://app.example.com/client.json",
        "https://app.example.com",
        "https://app.example.com/",
        "https://app.example.com/client.json?x=1",
        "https://app.example.com/client.json#x",
        "https://user@app.example.com/client.json",
        "https://user:word@app.example.com/client.json",
        "https://app.example.com/../client.json",
        "https://app.example.com/a/./client.json",
        "https://app.example.com/%2e%2e/client.json",
        "https://app.example.com//client.json",
        "https://app.example.com/client.json\n",
        "https://app.example.com\\@evil.example/client.json",
        "https://[::1]/client.json",
        "https://App.example.com/client.json",
        f"https://app.example.com/{'x' * 500}",
    ],
)
def test_no_other_address_is_one(id: str) -> None:
    assert not is_document(id)


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("Painter", "Painter"),
        (" Paint\u202eer\n", "Painter"),
        ("x" * 100, "x" * 80),
        (7, ""),
        (None, ""),
    ],
)
def test_a_name_can_be_read(given: object, name: str) -> None:
    assert name_of({"client_name": given}) == name


@pytest.mark.parametrize("given", [None, [], "http://localhost/", ["a"] * 17, ["a", 1], {"a": 1}])
def test_redirects_are_a_short_list_of_texts(given: object) -> None:
    with pytest.raises(Refused) as refused:
        redirects_of({"redirect_uris": given})
    assert refused.value.trouble is Trouble.INVALID_REDIRECT
    assert redirects_of({"redirect_uris": ["a", "b"]}) == ("a", "b")


@pytest.mark.parametrize(
    ("metadata", "good"),
    [
        ({}, True),
        ({"grant_types": ["authorization_code", "urn:other"], "response_types": ["code"]}, True),
        ({"grant_types": ["client_credentials"]}, False),
        ({"grant_types": "authorization_code"}, False),
        ({"grant_types": [["authorization_code"]]}, False),
        ({"response_types": ["token"]}, False),
    ],
)
def test_other_flows_are_none_of_ours(metadata: dict[str, Any], good: bool) -> None:
    if good:
        check_kinds(metadata)
        return
    with pytest.raises(Refused) as refused:
        check_kinds(metadata)
    assert refused.value.trouble is Trouble.INVALID_METADATA
