"""What our own authorization server stands on, where one is set."""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from imagewright.adapters.auth.signer import HmacSigner, SignerConfig
from imagewright.adapters.auth.upstream import OidcUpstream, UpstreamConfig
from imagewright.adapters.keys.file import KeyFile
from imagewright.adapters.sql.database import Database
from imagewright.adapters.sql.shelf import SqlShelf
from imagewright.adapters.vault.sealed import SealedVault
from imagewright.adapters.vault.shelf import Shelf
from imagewright.adapters.web.documents import BOUNDS, WebDocuments
from imagewright.adapters.web.netguard import Guard
from imagewright.api.http.pages.consent import CALLBACK
from imagewright.core.errors import Unavailable
from imagewright.ports.client_documents import DocumentSource
from imagewright.ports.clock import Clock
from imagewright.ports.signer import Signer
from imagewright.ports.upstream import Upstream
from imagewright.ports.vault import Vault
from imagewright.settings import Settings


@runtime_checkable
class _Closed(Protocol):
    async def close(self) -> None: ...


@runtime_checkable
class _Asked(Protocol):
    async def ping(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """Its parts; `clock` is what its things end by. `documents` None is a service reading none."""

    clock: Clock
    shelf: Shelf
    vault: Vault
    upstream: Upstream
    access_signer: Signer
    refresh_signer: Signer
    documents: DocumentSource | None = None

    @property
    def ping(self) -> Callable[[], Awaitable[None]] | None:
        """Raises where the store of its own is away; None where that is the database."""
        return self.shelf.ping if isinstance(self.shelf, _Asked) else None

    async def close(self) -> None:
        """Close the connections to the provider, to documents, and to Valkey."""
        parts: tuple[object, ...] = (self.upstream, self.documents, self.shelf)
        for part in parts:
            if isinstance(part, _Closed):
                await part.close()


def proxy_of(settings: Settings, database: Database, keys: KeyFile, clock: Clock) -> Proxy | None:
    """The proxy that the settings name, or None. Raises Misconfigured."""
    config = upstream_config(settings)
    if config is None:
        return None
    issuer = str(settings.public_url)
    shelf = _shelf(settings, database, clock)
    return Proxy(
        clock=clock,
        shelf=shelf,
        vault=SealedVault(shelf, keys.derive("sealed values"), clock, secrets.token_bytes),
        upstream=OidcUpstream(config, clock),
        access_signer=HmacSigner(
            SignerConfig(
                typ="at+jwt",
                issuer=issuer,
                audience=resource_of(settings),
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
        documents=_documents(settings),
    )


def _documents(settings: Settings) -> DocumentSource | None:
    if not settings.proxy.documents:
        return None
    return WebDocuments(Guard(bounds=BOUNDS, egress=settings.egress.path))


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
        issuer=issuer.config(name, section.client_id or "-", settings.egress.path),
        client_id=section.client_id,
        secret=secret.get_secret_value() if secret is not None else "",
        redirect=f"{settings.public_url}{CALLBACK}",
        method=section.method,
        scopes=section.scopes,
        parameters=section.parameters,
    )


def resource_of(settings: Settings) -> str:
    """What our tokens are for."""
    return f"{settings.public_url}{settings.server.path}"
