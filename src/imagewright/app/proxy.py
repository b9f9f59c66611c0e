"""Our own authorization server in front of an identity provider, where one is set."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from imagewright.adapters.auth.signer import HmacSigner, SignerConfig
from imagewright.adapters.auth.upstream import OidcUpstream, UpstreamConfig
from imagewright.adapters.keys.file import KeyFile
from imagewright.adapters.sql.database import Database
from imagewright.adapters.sql.shelf import SqlShelf
from imagewright.adapters.vault.sealed import SealedVault
from imagewright.adapters.vault.shelf import Shelf
from imagewright.api.http.authorization_server import AuthorizationServer
from imagewright.api.http.pages.consent import CALLBACK, ConsentPages, ConsentWords
from imagewright.api.http.pages.origin import as_origin
from imagewright.api.http.pages.paper import Paper
from imagewright.api.http.token_endpoint import TokenEndpoint
from imagewright.core.errors import Unavailable
from imagewright.core.ids import Kind
from imagewright.core.rate import Rate
from imagewright.core.redirect import Redirects
from imagewright.ports.clock import Clock
from imagewright.ports.upstream import Upstream
from imagewright.services.authorization import Authorization, AuthorizationRules
from imagewright.services.grants import GrantRules, Grants
from imagewright.services.registration import Kit, RegistrationRules, Registrations
from imagewright.settings import Settings

_SIGN_INS = 10
"""Sign-ins that may be begun for each registration that may be made."""


@runtime_checkable
class _Closed(Protocol):
    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """Its parts, of which the chain asks `grants` who a token is."""

    registrations: Registrations
    grants: Grants
    authorization: Authorization
    upstream: OidcUpstream
    shelf: Shelf

    async def close(self) -> None:
        """Close the connections to the provider, and to Valkey."""
        await self.upstream.close()
        if isinstance(self.shelf, _Closed):
            await self.shelf.close()


def proxy_of(settings: Settings, database: Database, keys: KeyFile, clock: Clock) -> Proxy | None:
    """The proxy that the settings name, or None. Raises Misconfigured."""
    config = upstream_config(settings)
    if config is None:
        return None
    shelf = _shelf(settings, database, clock)
    vault = SealedVault(shelf, keys.derive("sealed values"), clock, secrets.token_bytes)
    kit = Kit(vault=vault, clock=clock, random=lambda: secrets.token_urlsafe(32))
    upstream = OidcUpstream(config, clock)
    registrations = Registrations(kit, _registration_rules(settings))
    grants = Grants(kit, registrations, upstream, _grant_rules(settings, keys))
    return Proxy(
        registrations=registrations,
        grants=grants,
        authorization=_authorization(settings, kit, registrations, grants, upstream),
        upstream=upstream,
        shelf=shelf,
    )


def _shelf(settings: Settings, database: Database, clock: Clock) -> Shelf:
    url = settings.proxy.valkey_url
    if url is None:
        return SqlShelf(database, clock)
    try:
        from imagewright.adapters.vault.valkey import (  # noqa: PLC0415 - it needs an extra
            ValkeyConfig,
            ValkeyShelf,
        )
    except ModuleNotFoundError as error:
        raise Unavailable(
            "Valkey's client is not installed.", hint="Install imagewright[valkey]."
        ) from error
    return ValkeyShelf(ValkeyConfig(url=url.get_secret_value()), clock)


def upstream_config(settings: Settings) -> UpstreamConfig | None:
    """The provider and our client there, or None for a service without. Raises InvalidRequest."""
    section, name = settings.proxy, settings.proxy.issuer
    issuer = settings.auth.issuers.get(name or "")
    if name is None or issuer is None:
        return None
    secret = section.client_secret
    return UpstreamConfig(
        issuer=issuer.config(name, section.client_id or "-"),
        client_id=section.client_id,
        secret=secret.get_secret_value() if secret is not None else "",
        redirect=f"{settings.public_url}{CALLBACK}",
        method=section.method,
        scopes=section.scopes,
        parameters=section.parameters,
    )


def authorization_server_of(
    settings: Settings, proxy: Proxy, paper: Paper, new_id: Callable[[Kind], str]
) -> AuthorizationServer:
    """Its face: the routes at our own address."""
    issuer = str(settings.public_url)
    words = ConsentWords(provider=str(settings.proxy.issuer), origin=as_origin(issuer))
    return AuthorizationServer(
        issuer=issuer,
        consent=ConsentPages(proxy.authorization, words, paper),
        endpoint=TokenEndpoint(proxy.registrations, proxy.grants, _resource(settings)),
        new_id=new_id,
    )


def _registration_rules(settings: Settings) -> RegistrationRules:
    section = settings.proxy
    return RegistrationRules(
        redirects=Redirects(section.redirects),
        rate=Rate(each=section.registrations_each, total=section.registrations),
        most=section.clients,
        unused=section.client_unused,
        idle=section.client_idle,
    )


def _grant_rules(settings: Settings, keys: KeyFile) -> GrantRules:
    section, issuer = settings.proxy, str(settings.public_url)
    return GrantRules(
        access=section.access,
        idle=section.idle,
        access_signer=HmacSigner(
            SignerConfig(
                typ="at+jwt",
                issuer=issuer,
                audience=_resource(settings),
                key=keys.derive("oauth access tokens"),
            )
        ),
        refresh_signer=HmacSigner(
            SignerConfig(
                typ="rt+jwt",
                issuer=issuer,
                audience=f"{issuer}/token",
                key=keys.derive("oauth refresh tokens"),
            )
        ),
    )


def _authorization(
    settings: Settings,
    kit: Kit,
    registrations: Registrations,
    grants: Grants,
    upstream: Upstream,
) -> Authorization:
    section = settings.proxy
    rate = Rate(
        each=section.registrations_each * _SIGN_INS, total=section.registrations * _SIGN_INS
    )
    rules = AuthorizationRules(
        issuer=str(settings.public_url), resource=_resource(settings), rate=rate
    )
    return Authorization(kit, registrations, grants, upstream, rules)


def _resource(settings: Settings) -> str:
    return f"{settings.public_url}{settings.server.path}"
