"""What settings may not be together."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from imagewright.adapters.auth.issuer import check_together
from imagewright.adapters.auth.workload import is_by_name
from imagewright.adapters.toml.document import KeyPath
from imagewright.core.caller import check_subject
from imagewright.core.errors import InvalidRequest
from imagewright.core.notice import Event
from imagewright.core.redirect import Redirects
from imagewright.core.token import check_token
from imagewright.settings.sections import Settings
from imagewright.settings.units import is_loopback


@dataclass(frozen=True, slots=True)
class Clash:
    """What is wrong with the settings at `paths`; the first is the one to change.

    `place` and `key` say where it stands if not in the settings.
    """

    paths: tuple[KeyPath, ...]
    sentence: str
    hint: str = ""
    warning: bool = False
    place: str = ""
    key: str = ""


_HOST: KeyPath = ("server", "host")
_ACL: KeyPath = ("auth", "acl_path")
_TOKENS: KeyPath = ("auth", "tokens_path")
_TOKEN: KeyPath = ("auth", "token")
_SUBJECT: KeyPath = ("auth", "token_subject")
_ISSUERS: KeyPath = ("auth", "issuers")
_PROXY: KeyPath = ("proxy", "issuer")
_PAID: KeyPath = ("paid_providers",)
_NO_NETWORK = "With egress.socket the service itself reaches no other, so what it keeps stays here."
_BY_WEBSOCKET = "comfyui"


def clashes(settings: Settings) -> Iterator[Clash]:
    """Every combination that stops the start, and those to be warned of."""
    yield from _public(settings)
    yield from _identity(settings)
    yield from _issuers(settings)
    yield from _sign_in(settings)
    yield from _proxy(settings)
    yield from _webhook(settings)
    yield from _metrics(settings)
    yield from _sizes(settings)
    yield from _providers(settings)
    yield from _consent(settings)
    yield from _egress(settings)


def _public(settings: Settings) -> Iterator[Clash]:
    if not is_loopback(settings.server.host) and not settings.auth.configured:
        yield Clash(
            (_HOST, _TOKENS, _TOKEN),
            "The address is reached from other machines and no authentication is set.",
            "Set auth.tokens_path, auth.token or auth.issuers, or listen on 127.0.0.1",
        )


def _identity(settings: Settings) -> Iterator[Clash]:
    auth = settings.auth
    if auth.configured and auth.acl_path is None:
        yield Clash(
            (_ACL, _TOKENS, _TOKEN),
            "Authentication is set, and no ACL says who may do what.",
            "Set auth.acl_path",
        )
    if auth.token is not None and auth.token_subject is None:
        yield Clash(
            (_SUBJECT, _TOKEN), "The token has no subject.", 'Set it like "service:ci-bot".'
        )
    if auth.token is None and auth.token_subject is not None:
        yield Clash((_TOKEN, _SUBJECT), "A subject is set, and its token is not.")
    if auth.token is not None:
        yield from _refused(check_token, auth.token.get_secret_value(), _TOKEN)
    if auth.token_subject is not None:
        yield from _refused(check_subject, auth.token_subject, _SUBJECT)


def _issuers(settings: Settings) -> Iterator[Clash]:
    issuers, base = settings.auth.issuers, settings.public_url
    url = f"{base}{settings.server.path}" if base else None
    if base is None and any(not each.audience for each in issuers.values()):
        yield Clash((_ISSUERS,), "An issuer has no audience.", "Set it, or set public_url.")
    elif base is None and any(each.advertised for each in issuers.values()):
        yield Clash(
            (_ISSUERS,),
            "Clients are not told where to get a token.",
            "Set public_url.",
            warning=True,
        )
    configs = tuple(each.config(name, url or "-") for name, each in issuers.items())
    for each in configs:
        if each.vendor is not None and is_by_name(each.vendor, each.conditions):
            yield Clash(
                (_ISSUERS,),
                f"{each.name} knows its jobs by a name, which another may have one day.",
                f"Add a condition on {each.vendor.place_id} or {each.vendor.owner_ids[0]}.",
                warning=True,
            )
    try:
        check_together(configs)
    except InvalidRequest as error:
        yield Clash((_ISSUERS,), error.sentence, error.hint)


def _sign_in(settings: Settings) -> Iterator[Clash]:
    section = settings.sign_in
    issuer, client = ("sign_in", "issuer"), ("sign_in", "client_id")
    if section.issuer is None:
        for key in ("client_id", "client_secret"):
            if getattr(section, key) is not None:
                yield Clash((("sign_in", key), issuer), "It is set, and sign_in.issuer is not.")
    elif section.issuer not in settings.auth.issuers:
        known = ", ".join(settings.auth.issuers) or "none"
        yield Clash((issuer, _ISSUERS), "There is no such issuer.", f"Configured: {known}.")
    else:
        if section.client_id is None:
            yield Clash((client, issuer), "The issuer knows this service by no name.", "Set it.")
        if settings.public_url is None:
            hint = "Set it: the issuer sends people back there."
            yield Clash((("public_url",), issuer), "People cannot sign in without it.", hint)
    if section.client_secret is not None and not section.client_secret.get_secret_value().isascii():
        yield Clash((("sign_in", "client_secret"),), "This is not printable ASCII.")
    if "openid" not in section.scopes:
        yield Clash((("sign_in", "scopes"),), "Without openid nobody is signed in.")
    if section.idle > section.longest:
        paths = (("sign_in", "idle"), ("sign_in", "longest"))
        yield Clash(paths, "This is more than sign_in.longest.")


def _proxy(settings: Settings) -> Iterator[Clash]:
    proxy = settings.proxy
    if proxy.issuer is None:
        return
    if proxy.issuer not in settings.auth.issuers:
        known = ", ".join(settings.auth.issuers) or "none"
        yield Clash((_PROXY,), "No such issuer is configured.", f"Configured: {known}.")
    if settings.public_url is None:
        yield Clash((_PROXY,), "The proxy needs an address of its own.", "Set public_url.")
    if not proxy.client_id:
        yield Clash((("proxy", "client_id"), _PROXY), "The client at the provider is missing.")
    try:
        Redirects(proxy.redirects)
    except InvalidRequest as error:
        yield Clash((("proxy", "redirects"),), error.sentence, error.hint)


def _webhook(settings: Settings) -> Iterator[Clash]:
    url, secret = ("webhook", "url"), ("webhook", "secret")
    if settings.webhook.url is not None and settings.webhook.secret is None:
        yield Clash((secret, url), "Without it nobody can tell our notices from others.", "Set it.")
    if settings.webhook.url is None and settings.webhook.secret is not None:
        yield Clash((secret, url), "It is set, and webhook.url is not.")
    asks = (
        settings.webhook.url is not None and Event.CONFIRMATION_REQUIRED in settings.webhook.events
    )
    if asks and (settings.public_url is None or not settings.auth.configured):
        yield Clash(
            (url, ("public_url",)),
            "Notices will hold no link to approve with: there is no page at a known address.",
            "Set public_url and [auth].",
            warning=True,
        )


def _refused(check: Callable[[str], str], value: str, path: KeyPath) -> Iterator[Clash]:
    try:
        check(value)
    except InvalidRequest as error:
        yield Clash((path,), error.sentence, error.hint)


def _metrics(settings: Settings) -> Iterator[Clash]:
    metrics, server = settings.metrics, settings.server
    if metrics.port == server.port:
        yield Clash((("metrics", "port"), ("server", "port")), "The service listens there itself.")
    if metrics.port is not None and not is_loopback(metrics.host):
        yield Clash(
            (("metrics", "host"),),
            "Whoever reaches this address reads the metrics; they ask for no token.",
            warning=True,
        )


def _sizes(settings: Settings) -> Iterator[Clash]:
    limits = settings.limits
    for small, large in (
        ("input_bytes", "inputs_total"),
        ("rendition_edge", "edge"),
        ("thumbnail_edge", "edge"),
        ("waiting", "queue"),
    ):
        if getattr(limits, small) > getattr(limits, large):
            yield Clash(
                (("limits", small), ("limits", large)), f"This is more than limits.{large}."
            )
    if settings.storage.spool_bytes < limits.output_bytes:
        yield Clash(
            (("storage", "spool_bytes"), ("limits", "output_bytes")),
            "The spool cannot keep one picture of limits.output_bytes.",
        )


def _providers(settings: Settings) -> Iterator[Clash]:
    known = ", ".join(settings.providers) or "none"
    hint = f"Configured: {known}."
    if settings.default_provider not in {None, *settings.providers}:
        yield Clash((("default_provider",),), "No such provider is configured.", hint)
    for name in settings.paid_providers or ():
        if name not in settings.providers:
            yield Clash((_PAID,), "No such provider is configured.", hint)


def _consent(settings: Settings) -> Iterator[Clash]:
    if settings.paid_providers == ():
        yield Clash(
            (_PAID,),
            "Nobody is asked before money is spent, by any provider.",
            "Leave it out, and everybody is asked; budgets hold either way.",
            warning=True,
        )
    if settings.consent == "human" and not settings.auth.configured:
        yield Clash(
            (("consent",), _TOKENS, _TOKEN),
            "A person consents on the pages, and without authentication there are none.",
            "Set auth.tokens_path, auth.token or auth.issuers.",
        )


def _egress(settings: Settings) -> Iterator[Clash]:
    socket: KeyPath = ("egress", "socket")
    if settings.egress.socket is None:
        return
    url = settings.database.url
    if url is not None and not url.get_secret_value().startswith("sqlite:"):
        hint = "Leave database.url out for SQLite in the state directory, or egress.socket."
        yield Clash((("database", "url"), socket), _NO_NETWORK, hint)
    for name in ("rates", "proxy"):
        if getattr(settings, name).valkey_url is not None:
            hint = f"Leave {name}.valkey_url out, or egress.socket."
            yield Clash(((name, "valkey_url"), socket), _NO_NETWORK, hint)
    if settings.proxy.documents and settings.egress.public is not True:
        yield Clash(
            (("proxy", "documents"), ("egress", "public")),
            "Clients' documents stand anywhere, and the egress proxy opens only what is known.",
            "Set egress.public, or leave proxy.documents out.",
        )
    for name, section in settings.providers.items():
        if section.kind == _BY_WEBSOCKET and "proxy" in (section.model_extra or {}):
            yield Clash(
                (("providers", name, "proxy"), socket),
                "A WebSocket goes through one proxy only, and egress.socket is one.",
                "Leave this proxy out.",
            )
    if settings.metrics.port is not None:
        yield Clash(
            (("metrics", "port"), socket),
            "Where the service has no network, nobody reaches this port.",
            "Ask the service for `get_usage`, or read its log.",
            warning=True,
        )
