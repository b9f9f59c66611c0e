"""What a program says of itself as an OAuth client (RFC 7591 2), and what of it is taken."""

import re
from collections.abc import Mapping
from typing import Any

from imagewright.core.oauth import Refused, Trouble

_MOST_REDIRECTS = 16
_LONGEST_NAME = 80
_LONGEST_ADDRESS = 512
# Spelled out instead of parsed, so that nothing is left for a second parser to read otherwise.
_DOCUMENT = re.compile(
    r"https://[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~!$&'()*+,;=:-]+)+\Z"
)
_DOTS = frozenset({".", ".."})


def is_document(id: str) -> bool:
    """Whether a client's id is the address of a document about it.

    Such an address is https with a path, and has neither user, query, fragment nor dot segments
    (draft-ietf-oauth-client-id-metadata-document-00, 3).
    """
    if len(id) > _LONGEST_ADDRESS or not _DOCUMENT.match(id):
        return False
    return _DOTS.isdisjoint(id.split("/")[3:])


def name_of(metadata: Mapping[str, Any]) -> str:
    """For people to read, so without anything that prints as nothing or turns the line around."""
    given = metadata.get("client_name")
    text = given if isinstance(given, str) else ""
    return "".join(each for each in text[:_LONGEST_NAME] if each.isprintable()).strip()


def redirects_of(metadata: Mapping[str, Any]) -> tuple[str, ...]:
    """Where it wants people sent back to, allowed or not. Raises Refused."""
    given = metadata.get("redirect_uris")
    if not isinstance(given, list) or not 0 < len(given) <= _MOST_REDIRECTS:
        raise Refused(
            Trouble.INVALID_REDIRECT, f"One to {_MOST_REDIRECTS} redirect_uris are required."
        )
    named = tuple(each for each in given if isinstance(each, str))
    if len(named) < len(given):
        raise Refused(Trouble.INVALID_REDIRECT, "A redirect_uri is no text.")
    return named


def check_kinds(metadata: Mapping[str, Any]) -> None:
    """Raise Refused for a client that wants only what there is not."""
    for key, ours, usual in (
        ("grant_types", {"authorization_code", "refresh_token"}, ["authorization_code"]),
        ("response_types", {"code"}, ["code"]),
    ):
        given = metadata.get(key, usual)
        known = isinstance(given, list) and all(isinstance(each, str) for each in given)
        # RFC 7591 2: what we do not know is left out of our answer; nothing left is refused.
        if not known or not ours & set(given):
            raise Refused(Trouble.INVALID_METADATA, f"None of the {key} is supported.")
