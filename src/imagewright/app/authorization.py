"""Our own authorization server: its services and its face."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from imagewright.api.http.authorization_server import AuthorizationServer
from imagewright.api.http.pages.consent import ConsentPages, ConsentWords
from imagewright.api.http.pages.origin import as_origin
from imagewright.api.http.pages.paper import Paper
from imagewright.api.http.token_endpoint import TokenEndpoint
from imagewright.app.proxy import Proxy, resource_of
from imagewright.core.ids import Kind
from imagewright.core.rate import Rate
from imagewright.core.redirect import Redirects
from imagewright.ports.acl import AclSource
from imagewright.ports.audit import Note
from imagewright.services.authorization import Authorization, AuthorizationRules
from imagewright.services.client_documents import ClientDocuments, DocumentRules
from imagewright.services.grant_book import GrantBook
from imagewright.services.grants import GrantRules, Grants
from imagewright.services.kit import Kit
from imagewright.services.registration import RegistrationRules, Registrations
from imagewright.settings import Settings

_SIGN_INS = 10
"""Sign-ins that may be begun for each registration that may be made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorizing:
    """Its services, of which the chain asks `grants` who a token is."""

    registrations: Registrations
    book: GrantBook
    grants: Grants
    authorization: Authorization


def authorizing_of(
    settings: Settings, proxy: Proxy, acl: AclSource, note: Callable[[Note], None]
) -> Authorizing:
    """The services on a proxy's parts; `acl` has what is revoked."""
    kit = Kit(
        vault=proxy.vault, clock=proxy.clock, random=lambda: secrets.token_urlsafe(32), note=note
    )
    registrations = _registrations(settings, kit, proxy)
    book = GrantBook(proxy.vault, proxy.upstream)
    grants = Grants(kit, registrations, book, _grant_rules(settings, proxy, acl))
    rules = AuthorizationRules(
        issuer=str(settings.public_url),
        resource=resource_of(settings),
        rate=_rate(settings, _SIGN_INS),
    )
    return Authorizing(
        registrations=registrations,
        book=book,
        grants=grants,
        authorization=Authorization(kit, registrations, grants, proxy.upstream, rules),
    )


def authorization_server_of(
    settings: Settings, services: Authorizing, paper: Paper, new_id: Callable[[Kind], str]
) -> AuthorizationServer:
    """Its face: the routes at our own address."""
    issuer = str(settings.public_url)
    words = ConsentWords(provider=str(settings.proxy.issuer), origin=as_origin(issuer))
    return AuthorizationServer(
        issuer=issuer,
        consent=ConsentPages(services.authorization, words, paper),
        endpoint=TokenEndpoint(services.registrations, services.grants, resource_of(settings)),
        documents=settings.proxy.documents,
        new_id=new_id,
    )


def _registrations(settings: Settings, kit: Kit, proxy: Proxy) -> Registrations:
    section, redirects = settings.proxy, Redirects(settings.proxy.redirects)
    documents = None
    if proxy.documents is not None:
        rules = DocumentRules(redirects=redirects, rate=_rate(settings))
        documents = ClientDocuments(kit, proxy.documents, rules)
    return Registrations(
        kit,
        RegistrationRules(
            redirects=redirects,
            rate=_rate(settings),
            most=section.clients,
            unused=section.client_unused,
            idle=section.client_idle,
        ),
        documents,
    )


def _rate(settings: Settings, times: int = 1) -> Rate:
    section = settings.proxy
    return Rate(each=section.registrations_each * times, total=section.registrations * times)


def _grant_rules(settings: Settings, proxy: Proxy, acl: AclSource) -> GrantRules:
    return GrantRules(
        access=settings.proxy.access,
        idle=settings.proxy.idle,
        access_signer=proxy.access_signer,
        refresh_signer=proxy.refresh_signer,
        acl=acl,
    )
