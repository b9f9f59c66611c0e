"""Tokens made by hand, good ones and ones with a single fault, and the keys behind them."""

import base64
import functools
import json
from collections.abc import Callable, Mapping
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from imagewright.adapters.auth.discovery import NotPublished
from imagewright.adapters.auth.issuer import IssuerConfig
from imagewright.adapters.auth.oidc import Oidc
from tests.contracts.samples import NOON, SECOND
from tests.fakes.clock import HandClock

ISSUER = "https://idp.example.com"
AUDIENCE = "https://images.example.com/mcp"
NOW = NOON // SECOND
Json = dict[str, Any]
Private = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def private(kid: str, kind: str = "RSA") -> Private:
    """The same key for the same id, made once a run."""
    return _made(kid, kind)


@functools.cache
def _made(kid: str, kind: str) -> Private:
    curves: dict[str, Callable[[], ec.EllipticCurve]] = {
        "P-256": ec.SECP256R1,
        "P-384": ec.SECP384R1,
        "P-521": ec.SECP521R1,
    }
    if kind in curves:
        return ec.generate_private_key(curves[kind]())
    bits = 1024 if kind == "short" else 2048
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def public(kid: str, kind: str = "RSA", **more: object) -> Json:
    """The JWK that an issuer publishes of it."""
    key = private(kid, kind).public_key()
    if isinstance(key, rsa.RSAPublicKey):
        jwk = RSAAlgorithm.to_jwk(key, as_dict=True)
    else:
        jwk = ECAlgorithm.to_jwk(key, as_dict=True)
    jwk.pop("key_ops", None)
    return {**jwk, "kid": kid, "use": "sig", **more}


def claims(**more: object) -> Json:
    """Good claims at `NOW`; None leaves one out."""
    found = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "alice",
        "iat": NOW - 10,
        "exp": NOW + 300,
        "jti": "j1",
        **more,
    }
    return {name: value for name, value in found.items() if value is not None}


def header(**more: object) -> Json:
    found = {"alg": "RS256", "kid": "k1", "typ": "at+jwt", **more}
    return {name: value for name, value in found.items() if value is not None}


def part(value: object) -> str:
    """Base64url of bytes, or of JSON."""
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sign(head: object, body: object, key: Any = None, algorithm: str = "RS256") -> str:
    """A token of exactly that header and body, be they objects or bytes."""
    signed = f"{part(head)}.{part(body)}"
    method = jwt.PyJWS().get_algorithm_by_name(algorithm)
    return f"{signed}.{part(method.sign(signed.encode(), key or private('k1')))}"


def token(head: Mapping[str, object] | None = None, **more: object) -> str:
    """A good token, but for what is said."""
    return sign(header(**(head or {})), claims(**more))


class Published:
    """An issuer's keys without a network: counted, and away while `away`."""

    def __init__(self, *keys: Json) -> None:
        self.jwks = list(keys)
        self.asked = 0
        self.away = False

    async def keys(self) -> list[Json]:
        self.asked += 1
        if self.away:
            raise NotPublished("away")
        return list(self.jwks)

    async def close(self) -> None:
        return None


def config(**more: Any) -> IssuerConfig:
    found: Json = {"name": "corp", "issuer": ISSUER, "audience": (AUDIENCE,), **more}
    return IssuerConfig(**found)


def oidc(
    *configs: IssuerConfig, published: Published | None = None, clock: HandClock | None = None
) -> Oidc:
    """An authenticator whose issuers publish the key `k1`, at noon."""
    source = published or Published(public("k1"))
    return Oidc(configs or (config(),), clock or HandClock(), lambda _: source)
