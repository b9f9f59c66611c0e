"""Who may call: the chain of sources, and what clients are told of them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from imagewright.adapters.acl.file import Objection
from imagewright.adapters.auth.chain import Chain
from imagewright.adapters.auth.introspection import (
    Introspection,
    IntrospectionConfig,
    check_apart,
)
from imagewright.adapters.auth.issuer import IssuerConfig, asked_scopes
from imagewright.adapters.auth.local import Local
from imagewright.adapters.auth.oidc import Oidc
from imagewright.adapters.auth.reach import reaching
from imagewright.adapters.auth.token_reader import SingleToken
from imagewright.adapters.auth.tokens import Note, Tokens, TokensConfig
from imagewright.adapters.toml.watched import Tell
from imagewright.api.http.resource import ProtectedResource
from imagewright.api.mcp.auth import Signpost
from imagewright.api.narrowness import AskedFor
from imagewright.core.errors import InvalidRequest
from imagewright.core.flaw import Flaw, Misconfigured
from imagewright.core.oauth import USUAL
from imagewright.core.policy import Acl
from imagewright.core.scope import Scope
from imagewright.core.secret import Secret
from imagewright.ports.auth import Authenticator
from imagewright.ports.clock import Clock
from imagewright.ports.sign_in import SignInProvider
from imagewright.services.grant_book import PREFIX
from imagewright.services.grants import asked_for as grant_asked_for
from imagewright.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Every source of identities; `chain` None is a server without tokens."""

    chain: Authenticator | None = None
    tokens: Tokens | None = None
    oidc: Oidc | None = None
    introspections: tuple[Introspection, ...] = ()


def identity_of(settings: Settings, clock: Clock, tell: Tell, note: Note) -> Identity:
    """The sources that the settings name; `note` hears of every mapped token that is used.

    Raises Misconfigured with every flaw of a file.
    """
    if not settings.auth.configured:
        return Identity()
    tokens, oidc = tokens_of(settings, clock, tell, note), oidc_of(settings, clock)
    asked = introspections_of(settings, clock)
    sources = [each for each in (tokens, oidc, *asked) if each is not None]
    return Identity(chain=Chain(*sources, Local()), tokens=tokens, oidc=oidc, introspections=asked)


def signpost_of(settings: Settings) -> Signpost | None:
    """Where clients are sent for a token, if there is a place and they know our address."""
    proxied, url = settings.proxy.issuer, resource_url(settings)
    # Clients that could register with the proxy's provider would need no proxy.
    shown = {
        name: each
        for name, each in settings.auth.issuers.items()
        if (each.advertise is True if name == proxied else each.advertised)
    }
    if url is None or (proxied is None and not shown):
        return None
    configs = [each.config(name, url) for name, each in shown.items()]
    ours = (str(settings.public_url),) if proxied is not None else ()
    usual = {scope.value for scope in USUAL} if proxied is not None else set()
    resource = ProtectedResource(
        resource=url,
        issuers=tuple(dict.fromkeys((*ours, *(each.issuer for each in configs)))),
        scopes=sorted({scope for each in configs for scope in asked_scopes(each)} | usual),
        name=settings.name,
    )
    base = url.removesuffix(settings.server.path)
    return Signpost(base=base, metadata=resource.metadata, routes=resource.routes())


def asked_for_of(oidc: Oidc | None, *, proxied: bool) -> AskedFor | None:
    """What a client of either kind asks for to be given a scope; None where no client can."""
    if oidc is None and not proxied:
        return None

    def asked_for(credential: str, scope: Scope) -> str | None:
        if proxied and credential.startswith(PREFIX):
            return grant_asked_for(credential, scope)
        return oidc.asked_for(credential, scope) if oidc is not None else None

    return asked_for


def resource_url(settings: Settings) -> str | None:
    """The MCP endpoint's address as clients write it, which names it to issuers (RFC 8707)."""
    base = settings.public_url
    return None if base is None else f"{base}{settings.server.path}"


def tokens_of(
    settings: Settings, clock: Clock, tell: Tell, note: Note = lambda _use: None
) -> Tokens | None:
    """The bearer tokens, or None for a service without. Raises Misconfigured."""
    auth = settings.auth
    if auth.tokens_path is None and auth.token is None:
        return None
    config = TokensConfig(path=auth.tokens_path, single=single_of(settings))
    return Tokens(config, clock, tell, note)


def single_of(settings: Settings) -> SingleToken | None:
    """The one token of the settings, or None."""
    auth = settings.auth
    if auth.token is None or auth.token_subject is None:
        return None
    return SingleToken(token=auth.token.get_secret_value(), subject=auth.token_subject)


def oidc_of(settings: Settings, clock: Clock) -> Oidc | None:
    """The issuers, or None for a service without. Raises Misconfigured."""
    issuers = _issuers(settings)
    return Oidc(issuers, clock) if issuers else None


def introspections_of(settings: Settings, clock: Clock) -> tuple[Introspection, ...]:
    """The issuers that are asked of opaque tokens. Raises Misconfigured."""
    configs: list[IntrospectionConfig] = []
    for name, section in settings.auth.issuers.items():
        if section.introspection is not None:
            try:
                configs.append(section.introspection.config(issuer_of(settings, name)))
                check_apart(tuple(configs))
            except InvalidRequest as error:
                key = f"auth.issuers.{name}.introspection"
                flaw = Flaw(place="", key=key, sentence=error.sentence, hint=error.hint)
                raise Misconfigured([flaw]) from None
    return tuple(Introspection(each, clock) for each in configs)


def objections_of(settings: Settings) -> Callable[[Acl], Iterator[Objection]]:
    """What the issuers' sections have against an ACL: money within reach of too many."""
    issuers = _issuers(settings)

    def object_to(acl: Acl) -> Iterator[Objection]:
        for each in reaching(issuers, acl):
            yield Objection(
                path=(*each.entry, "scopes"),
                sentence=f"The CI system of [auth.issuers.{each.issuer}] may spend on conditions "
                "that are too wide.",
                hint=each.hint,
            )

    return object_to


def _issuers(settings: Settings) -> tuple[IssuerConfig, ...]:
    return tuple(issuer_of(settings, name) for name in settings.auth.issuers)


def issuer_of(settings: Settings, name: str) -> IssuerConfig:
    """An issuer whose tokens are for this service. Raises InvalidRequest."""
    section = settings.auth.issuers[name]
    return section.config(name, resource_url(settings), settings.egress.path)


def sign_in_of(settings: Settings, clock: Clock) -> SignInProvider | None:
    """The provider that people sign in with, or None for pages without. Raises Misconfigured."""
    section, url = settings.sign_in, settings.public_url
    if section.issuer is None or section.client_id is None or url is None:
        return None
    # It brings another HTTP client, which costs every start that does without.
    from imagewright.adapters.auth.sign_in import (  # noqa: PLC0415 - as said
        ClientConfig,
        SignInClient,
    )

    secret = section.client_secret
    config = ClientConfig(
        issuer=issuer_of(settings, section.issuer),
        client_id=section.client_id,
        client_secret=Secret(secret.get_secret_value()) if secret else None,
        redirect_uri=f"{url}/ui/sign-in/callback",
        farewell_uri=f"{url}/ui/sign-in",
        scopes=section.scopes,
        hosts=section.hosts,
    )
    return SignInClient(config, clock)
