"""Whose a request is, and how one without a good token is refused, on every face."""

import json
from collections.abc import Mapping, Sequence

from fastmcp.server.auth import AccessToken
from starlette.responses import Response
from starlette.types import Scope

from imagewright.core.caller import Caller
from imagewright.core.errors import Fault, Forbidden, RateLimited, Unauthenticated, Unavailable


class CallerToken(AccessToken):
    """The token of an authenticated request, with the caller it stands for."""

    caller: Caller


def caller_of(scope: Scope) -> Caller | None:
    """Who sends a request, once a token told."""
    if scope["type"] != "http":
        return None
    token = getattr(scope.get("user"), "access_token", None)
    return token.caller if isinstance(token, CallerToken) else None


def refusal(fault: Fault, metadata: str | None = None) -> Response:
    """401 for a bad token, 503 where that cannot be told: an outage costs no client its token.

    429 for one more bad token of an address that showed too many.

    403 names the scopes of `details.scopes` (RFC 6750 3.1), and no others.
    """
    headers = {"Cache-Control": "no-store"}
    if isinstance(fault, Unauthenticated):
        headers["WWW-Authenticate"] = _challenge("invalid_token", fault.sentence, (), metadata)
    elif isinstance(fault, Forbidden):
        named = fault.details.get("scopes")
        scopes = named if isinstance(named, list) else []
        headers["WWW-Authenticate"] = _challenge(
            "insufficient_scope", fault.sentence, scopes, metadata
        )
    elif isinstance(fault, Unavailable | RateLimited):
        headers["Retry-After"] = str(fault.details.get("retry_after", 5))
    return _response(fault, headers)


def no_token(metadata: str | None = None) -> Response:
    """401 where no token was shown: the challenge names no error then (RFC 6750 3.1)."""
    fault = Unauthenticated("This server needs a bearer token.")
    pointed = "" if metadata is None else f' resource_metadata="{metadata}"'
    headers = {"Cache-Control": "no-store", "WWW-Authenticate": f"Bearer{pointed}"}
    return _response(fault, headers)


def _response(fault: Fault, headers: Mapping[str, str]) -> Response:
    return Response(
        json.dumps({"error": fault.public()}),
        status_code=fault.status,
        headers=headers,
        media_type="application/json",
    )


def _challenge(error: str, sentence: str, scopes: Sequence[str], metadata: str | None) -> str:
    parts = [f'error="{error}"', f'error_description="{sentence}"']
    if scopes:
        parts.append(f'scope="{" ".join(scopes)}"')
    if metadata is not None:
        parts.append(f'resource_metadata="{metadata}"')
    return f"Bearer {', '.join(parts)}"
