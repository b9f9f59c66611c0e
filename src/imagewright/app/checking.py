"""Everything that a start would find wrong beyond the settings themselves; nothing is opened."""

from collections.abc import Callable, Iterator
from functools import partial

from imagewright.adapters.clock import SystemClock
from imagewright.adapters.toml.document import KeyPath, key_name
from imagewright.app.identity import introspections_of, oidc_of, tokens_of
from imagewright.app.parts import acl_of
from imagewright.app.proxy import upstream_config
from imagewright.app.upstreams import offer_of, provider_config
from imagewright.core.errors import InvalidRequest
from imagewright.core.flaw import Flaw, Misconfigured
from imagewright.settings import Clash, Settings


def faults_of(settings: Settings) -> Iterator[Clash]:
    """What is wrong with providers, their catalogues, the ACL, tokens and issuers: a `Check`."""
    for name in settings.providers:
        for make in (provider_config, offer_of):
            for flaw in _flaws(partial(make, name, settings)):
                yield _in_section(("providers", name), flaw)
    yield from _proxy(settings)
    told: list[Flaw] = []
    acl = partial(acl_of, settings, told.append)
    tokens = partial(tokens_of, settings, SystemClock(), told.append)
    oidc = partial(oidc_of, settings, SystemClock())
    asked = partial(introspections_of, settings, SystemClock())
    for key, make_file in (
        ("acl_path", acl),
        ("tokens_path", tokens),
        ("issuers", oidc),
        ("issuers", asked),
    ):
        for flaw in (*_flaws(make_file), *told):
            yield _clash(("auth", key), flaw, flaw.key)
        told.clear()


def _proxy(settings: Settings) -> Iterator[Clash]:
    try:
        upstream_config(settings)
    except InvalidRequest as error:
        yield Clash((("proxy", "client_id"),), error.sentence, error.hint)


def _flaws(make: Callable[[], object]) -> tuple[Flaw, ...]:
    try:
        make()
    except Misconfigured as error:
        return error.flaws
    except InvalidRequest:
        # Settings that do not go together: `settings.checks` says so.
        return ()
    return ()


def _in_section(section: KeyPath, flaw: Flaw) -> Clash:
    first, *_ = flaw.key.split(".")
    key = ".".join(part for part in (key_name(section), flaw.key) if part)
    return _clash((*section, first) if first else section, flaw, key)


def _clash(path: KeyPath, flaw: Flaw, key: str) -> Clash:
    return Clash(
        (path,), flaw.sentence, hint=flaw.hint, warning=flaw.warning, place=flaw.place, key=key
    )
