"""Which tokens of an issuer are accepted, and who each of them is."""

import hashlib
import math
import re
from collections.abc import Mapping
from typing import Any

from imagewright.adapters.auth.compact import BadToken, Parsed
from imagewright.adapters.auth.conditions import holds
from imagewright.adapters.auth.issuer import IssuerConfig, Template, media_type
from imagewright.core.caller import Caller, Credential
from imagewright.core.errors import Forbidden, InvalidRequest

PREFIX = "oidc:"
"""Begins the id of every credential that came from an issuer."""
_KEYS_OF_THE_TOKEN = ("jwk", "jku", "x5u", "x5c", "crit", "cty", "zip", "enc", "b64")
_ID_TOKEN_ONLY = ("nonce", "at_hash", "c_hash", "s_hash")
_KID = re.compile(r"[ -~]{1,256}\Z")
_JTI = re.compile(r"[A-Za-z0-9._~-]{1,64}\Z")
_ASCII = re.compile(r"[ -~]{1,255}\Z")
_MOST_GROUPS = 256
_LONGEST_NAME = 100
_LAST_SECOND = 1 << 53


def check_header(header: Mapping[str, Any], config: IssuerConfig) -> tuple[str, str]:
    """The algorithm and the key's id (RFC 7515, RFC 8725). Raises BadToken.

    A key that a token brings itself, or names by an address, is never looked at: a token with
    one is refused, and so is one that is not plain (nested, compressed, or `crit`).
    """
    for name in _KEYS_OF_THE_TOKEN:
        if name in header:
            raise BadToken(name)
    algorithm, kid, typ = header.get("alg"), header.get("kid"), header.get("typ", "")
    if not isinstance(algorithm, str) or algorithm not in config.algorithms:
        raise BadToken("alg")
    if not isinstance(kid, str) or not _KID.match(kid):
        raise BadToken("kid")
    if not isinstance(typ, str) or media_type(typ) not in config.types:
        raise BadToken("typ")
    return algorithm, kid


def check_claims(claims: Mapping[str, Any], config: IssuerConfig, now: float) -> None:
    """Raise BadToken unless the claims hold at `now`, in seconds since 1970 (RFC 7519 4.1).

    `exp`, `iss`, `aud` and `sub` are required.
    """
    if claims.get("iss") != config.issuer:
        raise BadToken("iss")
    if "exp" not in claims or now >= _time(claims, "exp") + config.leeway:
        raise BadToken("exp")
    for name in ("nbf", "iat"):
        if name in claims and now < _time(claims, name) - config.leeway:
            raise BadToken(name)
    _check_audience(claims.get("aud"), config)
    subject = claims.get("sub")
    if not isinstance(subject, str) or not _ASCII.match(subject):
        raise BadToken("sub")
    _check_purpose(claims, config)


def caller_of(parsed: Parsed, config: IssuerConfig) -> Caller:
    """Who a verified token is.

    Raises BadToken where the conditions do not hold or no subject comes of it, and Forbidden
    for a token without a scope that the issuer's section asks for.
    """
    claims = parsed.claims
    for name, allowed in config.asked.items():
        if not holds(claim(claims, (name,)), allowed):
            raise BadToken("conditions")
    scopes = _token_scopes(claims)
    caller = _caller(parsed, config, scopes)
    if not set(config.required_scopes) <= (scopes or frozenset()):
        raise Forbidden(
            "The token's scope does not reach this.",
            hint="Get a token with the scopes that are named.",
            details={"scopes": list(config.required_scopes)},
        )
    return caller


def claim(claims: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    """The claim at a path, or None; an e-mail address counts only where it was verified."""
    if path == ("email",) and claims.get("email_verified") is not True:
        return None
    found: Any = claims
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _time(claims: Mapping[str, Any], name: str) -> float:
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadToken(name)
    if not math.isfinite(value) or not 0 <= value <= _LAST_SECOND:
        raise BadToken(name)
    return float(value)


def _check_audience(audience: object, config: IssuerConfig) -> None:
    named = [audience] if isinstance(audience, str) else audience
    if not isinstance(named, list) or not all(isinstance(each, str) for each in named):
        raise BadToken("aud")
    if not set(named) & set(config.audience):
        raise BadToken("aud")
    # Each of several audiences could show the token to us as its own.
    if config.vendor is not None and not set(named) <= set(config.audience):
        raise BadToken("aud")


def _check_purpose(claims: Mapping[str, Any], config: IssuerConfig) -> None:
    """Logout tokens never (OpenID Back-Channel Logout 2.4), ID tokens where they are meant.

    Tokens bound to a key never.
    """
    if "events" in claims:
        raise BadToken("events")
    # Bound to a key (RFC 7800): shown without its proof, it is only a stolen one.
    if "cnf" in claims:
        raise BadToken("cnf")
    if config.takes_id_tokens:
        return
    if any(name in claims for name in _ID_TOKEN_ONLY):
        raise BadToken("id token")
    # Keycloak and Cognito say outright what their tokens are.
    kinds = (claims.get("typ"), claims.get("token_use"))
    if any(isinstance(kind, str) and kind.lower() == "id" for kind in kinds):
        raise BadToken("id token")


def _caller(parsed: Parsed, config: IssuerConfig, scopes: frozenset[str] | None) -> Caller:
    template = Template(config.subject_text)
    values = {name: claim(parsed.claims, (name,)) for name in template.claims}
    texts = {
        name: value
        for name, value in values.items()
        if isinstance(value, str) and _ASCII.match(value)
    }
    subject = template.fill(texts)
    if subject is None:
        raise BadToken("subject")
    try:
        return Caller(
            subject=subject,
            groups=_groups(claim(parsed.claims, config.groups_claim), config),
            credential=_credential(parsed, config, scopes),
            name=_name(claim(parsed.claims, config.name_path)),
        )
    except InvalidRequest:
        raise BadToken("subject") from None


def _credential(parsed: Parsed, config: IssuerConfig, scopes: frozenset[str] | None) -> Credential:
    """The narrowing is the token's own; a token without scopes is as wide as its subject."""
    jti = parsed.claims.get("jti")
    if not isinstance(jti, str) or not _JTI.match(jti):
        jti = hashlib.sha256(parsed.token.encode()).hexdigest()[:32]
    ours = config.scope_names
    narrowed = None
    if scopes is not None:
        narrowed = frozenset(scope.value for name in scopes if name in ours for scope in ours[name])
    line = f"{PREFIX}{config.name}"
    ends_at = round(_time(parsed.claims, "exp") * 1_000_000)
    return Credential(id=f"{line}:{jti}", scopes=narrowed, line=line, ends_at=ends_at)


def _token_scopes(claims: Mapping[str, Any]) -> frozenset[str] | None:
    """RFC 8693's `scope`, or the `scp` of vendors that write a list; None without either."""
    value = claims.get("scope", claims.get("scp"))
    if value is None and not {"scope", "scp"} & claims.keys():
        return None
    names = value.split(" ") if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(each, str) for each in names):
        raise BadToken("scope")
    return frozenset(each for each in names if each)


def _groups(value: object, config: IssuerConfig) -> frozenset[str]:
    """The groups, none where the claim is not what it should be: that only takes rights away."""
    if not config.groups_claim:
        return frozenset()
    named = [value] if isinstance(value, str) else value
    if not isinstance(named, list) or len(named) > _MOST_GROUPS:
        return frozenset()
    texts = [each for each in named if isinstance(each, str) and _ASCII.match(each)]
    if config.groups:
        return frozenset(group for each in texts for group in config.groups.get(each, ()))
    return frozenset(texts)


def _name(value: object) -> str:
    """For people to read, so without anything that prints as nothing or turns the line around."""
    text = value if isinstance(value, str) else ""
    return "".join(each for each in text[:_LONGEST_NAME] if each.isprintable()).strip()
