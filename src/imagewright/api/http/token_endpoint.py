"""`/register`, `/token` and `/revoke`: where clients speak to us without a person."""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from imagewright.api.http.forms import given, read_body, read_form
from imagewright.api.http.whence import origin_of
from imagewright.core.errors import Fault, InvalidRequest
from imagewright.core.oauth import Client, Refused, Tokens, Trouble, asked_scopes
from imagewright.services.grants import CodeProof, Grants
from imagewright.services.registration import Registrations

_HEADERS = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_MICRO = 1_000_000
_Answer = Callable[[Request], Awaitable[Response]]


class TokenEndpoint:
    """Answers in OAuth's own shapes, an outage too: a client keeps its tokens then."""

    def __init__(self, registrations: Registrations, grants: Grants, resource: str) -> None:
        self._registrations = registrations
        self._grants = grants
        self._resource = resource

    async def register(self, request: Request) -> Response:
        """201 with the client's id (RFC 7591 3.2.1)."""
        return await _answered(request, self._register)

    async def token(self, request: Request) -> Response:
        """200 with tokens (RFC 6749 5.1)."""
        return await _answered(request, self._token)

    async def revoke(self, request: Request) -> Response:
        """200, whatever the token was (RFC 7009 2.2)."""
        return await _answered(request, self._revoke)

    async def _register(self, request: Request) -> Response:
        try:
            metadata = json.loads(await read_body(request))
        except (ValueError, RecursionError):
            metadata = None
        if not isinstance(metadata, dict):
            raise Refused(Trouble.INVALID_METADATA, "The body is no JSON object.")
        client = await self._registrations.register(metadata, origin_of(request))
        return JSONResponse(_registered(client), status_code=201, headers=_HEADERS)

    async def _token(self, request: Request) -> Response:
        form = given(await read_form(request))
        client = await self._client(form)
        if form.get("resource", self._resource) != self._resource:
            raise Refused(Trouble.INVALID_TARGET, "The resource is not this service.")
        kind = form.get("grant_type")
        if kind == "authorization_code":
            proof = CodeProof(
                client=client,
                redirect=form.get("redirect_uri", ""),
                verifier=form.get("code_verifier", ""),
            )
            tokens = await self._grants.exchange(form.get("code", ""), proof, origin_of(request))
        elif kind == "refresh_token":
            scopes = asked_scopes(form["scope"]) if "scope" in form else None
            token = form.get("refresh_token", "")
            tokens = await self._grants.refresh(token, client, scopes, origin_of(request))
        else:
            raise Refused(Trouble.UNSUPPORTED_GRANT, "The grant_type is not supported.")
        return JSONResponse(_issued(tokens), headers=_HEADERS)

    async def _revoke(self, request: Request) -> Response:
        form = given(await read_form(request))
        client = await self._client(form)
        await self._grants.revoke(form.get("token", ""), client, origin_of(request))
        return Response(status_code=200, headers=_HEADERS)

    async def _client(self, form: Mapping[str, str]) -> str:
        client = form.get("client_id", "")
        if not await self._registrations.known(client):
            raise Refused(Trouble.INVALID_CLIENT, "The client is not registered, or no longer.")
        return client


async def _answered(request: Request, answer: _Answer) -> Response:
    try:
        return await answer(request)
    except Refused as refused:
        status = 401 if refused.trouble is Trouble.INVALID_CLIENT else 400
        headers = dict(_HEADERS)
        if refused.after:
            status, headers["Retry-After"] = 429, str(refused.after)
        return _error(refused.trouble, refused.sentence, status, headers)
    except InvalidRequest as fault:
        return _error(Trouble.INVALID_REQUEST, fault.sentence, 400, _HEADERS)
    except Fault as fault:
        headers = {**_HEADERS, "Retry-After": str(fault.details.get("retry_after", 5))}
        return _error(Trouble.UNAVAILABLE, fault.sentence, fault.status, headers)


def _error(trouble: Trouble, sentence: str, status: int, headers: Mapping[str, str]) -> Response:
    told = {"error": trouble.value, "error_description": sentence}
    return JSONResponse(told, status_code=status, headers=dict(headers))


def _registered(client: Client) -> dict[str, Any]:
    return {
        "client_id": client.id,
        "client_id_issued_at": client.at // _MICRO,
        "client_name": client.name,
        "redirect_uris": list(client.redirects),
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
    }


def _issued(tokens: Tokens) -> dict[str, Any]:
    told = {
        "access_token": tokens.access,
        "token_type": "Bearer",
        "expires_in": tokens.seconds,
        "scope": " ".join(tokens.scopes),
    }
    return {**told, "refresh_token": tokens.refresh} if tokens.refresh else told
