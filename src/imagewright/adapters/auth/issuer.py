"""What the operator says of one source of OIDC tokens."""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from imagewright.adapters.auth.conditions import Conditions
from imagewright.adapters.auth.workload import Vendor, check_workload, vendor_of
from imagewright.core.errors import InvalidRequest
from imagewright.core.scope import Scope, expand

ALGORITHMS = tuple(f"{family}{bits}" for family in ("RS", "PS", "ES") for bits in (256, 384, 512))
"""Every algorithm that may be allowed (RFC 7518): public keys only."""
ACCESS_TYPE = "at+jwt"
"""The `typ` of an access token (RFC 9068)."""
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}\Z")
_PLACE = re.compile(r"\{([^{}]+)\}")
_NEVER_TYP = frozenset({"logout+jwt", "secevent+jwt"})
_NEVER_CLAIMED = frozenset({Scope.SPEND_RELAYED, Scope.SPEND_UNATTENDED, Scope.APPROVE})
_USEFUL = frozenset({Scope.IMAGES_READ, Scope.IMAGES_WRITE, Scope.STYLES_WRITE, Scope.SPEND})
_LONGEST_LEEWAY = 120
_GOOGLE = "https://accounts.google.com"
"""Gives tokens to the whole world; CI systems that do are in `workload`."""
_GOOGLE_ASKED = frozenset({"sub", "email", "hd"})


@dataclass(frozen=True, slots=True)
class Template:
    """A subject with claims in braces, like `user:corp/{sub}`.

    Two sets of claims never fill it alike: `fill` refuses a value that holds the character
    which ends it. Raises InvalidRequest.
    """

    text: str
    claims: tuple[str, ...] = field(init=False)
    literals: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        parts = _PLACE.split(self.text)
        object.__setattr__(self, "literals", tuple(parts[::2]))
        object.__setattr__(self, "claims", tuple(parts[1::2]))
        if not self.text.startswith(("user:", "service:")) or any(
            brace in literal for literal in self.literals for brace in "{}"
        ):
            raise InvalidRequest(
                "The subject is neither user: nor service: and claims in braces.",
                hint='Write it like "user:{sub}".',
            )
        if not all(self.literals[1:-1]):
            raise InvalidRequest(
                "Two claims stand side by side in the subject.",
                hint='Write it like "service:{repository}@{ref}".',
            )

    def fill(self, values: Mapping[str, str]) -> str | None:
        """The subject, or None where a claim is missing or could be read as two."""
        filled = self.literals[0]
        for place, (claim, literal) in enumerate(
            zip(self.claims, self.literals[1:], strict=True), 1
        ):
            value, last = values.get(claim), place == len(self.claims)
            if not value or value != value.strip() or (not last and literal[0] in value):
                return None
            filled += value + literal
        return filled

    def meets(self, other: "Template") -> bool:
        """Whether one subject may come of both."""
        head, tail = (self.literals[0], other.literals[0]), (self.literals[-1], other.literals[-1])
        alike_first = head[0].startswith(head[1]) or head[1].startswith(head[0])
        return alike_first and (tail[0].endswith(tail[1]) or tail[1].endswith(tail[0]))


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerConfig:
    """One issuer, or one kind of token of an issuer that several of these share.

    `issuer` is compared byte for byte. `preset` names a CI system, which is known by its address
    too; its ID tokens are the credential. `typ` empty is `at+jwt`, `JWT` for a CI system, and
    `JWT` or none where other ID tokens are the credential; an empty text in it is a token without
    `typ`. `subject` empty is `user:<name>/{sub}`, and for a CI system `service:<name>/` and its
    repository or project. `groups_claim` and `name_claim` are the path of a claim.
    `groups` renames what that claim holds, and then nothing else counts; `scopes` does so for
    a token's own scopes, and empty is our own names. `jwks_uri` is asked in stead of discovery.
    `shared_subjects` lets another source yield the same subjects. `egress` is the Unix socket of
    an egress proxy, by way of which it is asked.
    Raises InvalidRequest.
    """

    name: str
    issuer: str
    audience: tuple[str, ...]
    preset: str = ""
    algorithms: tuple[str, ...] = ALGORITHMS
    typ: tuple[str, ...] = ()
    id_tokens: bool = False
    leeway: int = 30
    required_scopes: tuple[str, ...] = ()
    subject: str = ""
    shared_subjects: bool = False
    conditions: Conditions = field(default_factory=dict)
    groups_claim: tuple[str, ...] = ()
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    scopes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    name_claim: tuple[str, ...] = ()
    jwks_uri: str | None = None
    ca_path: Path | None = None
    egress: str | None = None

    def __post_init__(self) -> None:
        if not _NAME.match(self.name):
            raise InvalidRequest("A name is a letter and at most 31 of a-z, 0-9, - and _.")
        if "?" in check_address(self.issuer):
            raise InvalidRequest("An issuer has no query.")
        if self.jwks_uri is not None:
            check_address(self.jwks_uri)
        if self.ca_path is not None and not self.ca_path.is_absolute():
            raise InvalidRequest("The path of the certificates does not begin with a slash.")
        if not self.audience or not all(self.audience):
            raise InvalidRequest(
                "The audience is missing.", hint="Set it to what the tokens name as `aud`."
            )
        self._check_kind()
        self._check_mapping()

    def _check_kind(self) -> None:
        if not self.algorithms or not set(self.algorithms) <= set(ALGORITHMS):
            raise InvalidRequest(
                "An algorithm is not allowed.", hint=f"Allowed are {', '.join(ALGORITHMS)}."
            )
        if _NEVER_TYP & {media_type(each) for each in self.typ}:
            raise InvalidRequest("A logout token or security event is nobody's credential.")
        if not 0 <= self.leeway <= _LONGEST_LEEWAY:
            raise InvalidRequest(f"The leeway is at most {_LONGEST_LEEWAY} seconds.")
        asked = {name for name, values in self.conditions.items() if values}
        if self.issuer == _GOOGLE and not asked & _GOOGLE_ASKED:
            raise InvalidRequest(
                "This issuer gives tokens to everybody.",
                hint=f"Set a condition on one of {', '.join(sorted(_GOOGLE_ASKED))}.",
            )
        if (vendor := self.vendor) is not None:
            check_workload(vendor, self.issuer, self.audience, self.conditions)

    def _check_mapping(self) -> None:
        Template(self.subject_text)
        for names in self.scopes.values():
            if "*" in names or expand(names) & _NEVER_CLAIMED:
                raise InvalidRequest(
                    "A claim cannot be made into *, spend:relayed, spend:unattended or approve.",
                    hint="Name the scopes one by one.",
                )

    @property
    def vendor(self) -> Vendor | None:
        """The CI system whose tokens these are. Raises InvalidRequest."""
        return vendor_of(self.preset, self.issuer)

    @property
    def asked(self) -> Conditions:
        """Every condition, with those that its CI system's tokens are always asked for."""
        return {**(self.vendor.asked if self.vendor else {}), **self.conditions}

    @property
    def subject_text(self) -> str:
        """The subject's template, the default one with the name in it."""
        vendor = self.vendor
        usual = f"service:{self.name}/{{{vendor.place}}}" if vendor else f"user:{self.name}/{{sub}}"
        return self.subject or usual

    @property
    def name_path(self) -> tuple[str, ...]:
        """Where the name for people stands."""
        return self.name_claim or (self.vendor.place if self.vendor else "name",)

    @property
    def takes_id_tokens(self) -> bool:
        """Whether an ID token is the credential."""
        return self.id_tokens or self.vendor is not None

    @property
    def types(self) -> frozenset[str]:
        """Every `typ` that is accepted, in lower case and without `application/`."""
        usual = ("jwt",) if self.vendor else ("jwt", "") if self.id_tokens else (ACCESS_TYPE,)
        return frozenset(media_type(each) for each in self.typ) or frozenset(usual)

    @property
    def scope_names(self) -> Mapping[str, frozenset[Scope]]:
        """What each of the issuer's scopes stands for."""
        if self.scopes:
            return {name: expand(ours) for name, ours in self.scopes.items()}
        return {each.value: frozenset({each}) for each in Scope if each not in _NEVER_CLAIMED}


def media_type(typ: str) -> str:
    """A `typ` as it is compared: RFC 7515 4.1.9 leaves `application/` out, and case is nothing."""
    return typ.lower().removeprefix("application/")


def check_address(url: str) -> str:
    """An https address without user, query or fragment; loopback may do without TLS.

    Raises InvalidRequest.
    """
    hint = "Write it exactly as the tokens have it in `iss`, like https://idp.example.com"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise InvalidRequest("This is no address.", hint=hint) from None
    if not url.isascii() or not url.isprintable() or " " in url or not host or "@" in parts.netloc:
        raise InvalidRequest("This is no address, or one with a user.", hint=hint)
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(host)):
        raise InvalidRequest("The address must begin with https://", hint=hint)
    if "#" in url:
        raise InvalidRequest("The address has a fragment.", hint=hint)
    return url


def check_together(issuers: tuple[IssuerConfig, ...]) -> None:
    """Raise InvalidRequest where two issuers may yield one subject and do not both say so."""
    for place, one in enumerate(issuers):
        for other in issuers[place + 1 :]:
            same = one.issuer == other.issuer and one.subject_text == other.subject_text
            said = one.shared_subjects and other.shared_subjects
            if (
                not same
                and not said
                and Template(one.subject_text).meets(Template(other.subject_text))
            ):
                raise InvalidRequest(
                    f"{one.name} and {other.name} may yield the same subject.",
                    hint="Let each begin with words of its own, or set shared_subjects in both.",
                )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def asked_scopes(config: IssuerConfig) -> tuple[str, ...]:
    """The issuer's names of the scopes that a client may usefully ask for.

    `admin:*` is left to whoever knows of it.
    """
    useful = {name for name, ours in config.scope_names.items() if ours & _USEFUL}
    return tuple(sorted({*config.required_scopes, *useful}))
