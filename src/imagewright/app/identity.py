"""Who may call: the chain of sources, and what clients are told of them."""

from dataclasses import dataclass

from imagewright.adapters.auth.chain import Chain
from imagewright.adapters.auth.issuer import asked_scopes
from imagewright.adapters.auth.local import Local
from imagewright.adapters.auth.oidc import Oidc
from imagewright.adapters.auth.token_reader import SingleToken
from imagewright.adapters.auth.tokens import Tokens, TokensConfig
from imagewright.adapters.toml.watched import Tell
from imagewright.api.http.resource import ProtectedResource
from imagewright.api.mcp.auth import Signpost
from imagewright.core.secret import Secret
from imagewright.ports.auth import Authenticator
from imagewright.ports.clock import Clock
from imagewright.ports.sign_in import SignInProvider
from imagewright.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Every source of identities; `chain` None is a server without tokens."""

    chain: Authenticator | None = None
    tokens: Tokens | None = None
    oidc: Oidc | None = None


def identity_of(settings: Settings, clock: Clock, tell: Tell) -> Identity:
    """The sources that the settings name. Raises Misconfigured with every flaw of a file."""
    if not settings.auth.configured:
        return Identity()
    tokens, oidc = tokens_of(settings, clock, tell), oidc_of(settings, clock)
    sources = [each for each in (tokens, oidc) if each is not None]
    return Identity(chain=Chain(*sources, Local()), tokens=tokens, oidc=oidc)


def signpost_of(settings: Settings) -> Signpost | None:
    """Where clients are sent for a token, if there is a place and they know our address."""
    shown = {name: each for name, each in settings.auth.issuers.items() if each.advertised}
    url = resource_url(settings)
    if url is None or not shown:
        return None
    configs = [each.config(name, url) for name, each in shown.items()]
    resource = ProtectedResource(
        resource=url,
        issuers=tuple(dict.fromkeys(each.issuer for each in configs)),
        scopes=sorted({scope for each in configs for scope in asked_scopes(each)}),
        name=settings.name,
    )
    base = url.removesuffix(settings.server.path)
    return Signpost(base=base, metadata=resource.metadata, routes=resource.routes())


def resource_url(settings: Settings) -> str | None:
    """The MCP endpoint's address as clients write it, which names it to issuers (RFC 8707)."""
    base = settings.public_url
    return None if base is None else f"{base}{settings.server.path}"


def tokens_of(settings: Settings, clock: Clock, tell: Tell) -> Tokens | None:
    """The bearer tokens, or None for a service without. Raises Misconfigured."""
    auth = settings.auth
    if auth.tokens_path is None and auth.token is None:
        return None
    single = None
    if auth.token is not None and auth.token_subject is not None:
        single = SingleToken(token=auth.token.get_secret_value(), subject=auth.token_subject)
    return Tokens(TokensConfig(path=auth.tokens_path, single=single), clock, tell)


def oidc_of(settings: Settings, clock: Clock) -> Oidc | None:
    """The issuers, or None for a service without. Raises Misconfigured."""
    sections, url = settings.auth.issuers, resource_url(settings)
    if not sections:
        return None
    return Oidc([each.config(name, url) for name, each in sections.items()], clock)


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
    issuer = settings.auth.issuers[section.issuer].config(section.issuer, resource_url(settings))
    config = ClientConfig(
        issuer=issuer,
        client_id=section.client_id,
        client_secret=Secret(secret.get_secret_value()) if secret else None,
        redirect_uri=f"{url}/ui/sign-in/callback",
        farewell_uri=f"{url}/ui/sign-in",
        scopes=section.scopes,
        hosts=section.hosts,
    )
    return SignInClient(config, clock)
