"""The keys of an issuer: kept for minutes, asked for again when they may have changed."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from imagewright.adapters.auth.discovery import NotPublished
from imagewright.core.errors import Unavailable
from imagewright.ports.clock import Clock

_log = logging.getLogger(__name__)

FRESH = 240.0
"""Seconds after which keys are asked for before one is used: a withdrawn key dies within 300."""
PAUSE = 5.0
"""Seconds between two questions, whatever comes: a new key works within 10."""
KEPT = 900.0
"""Seconds that known keys stay good while the issuer cannot be asked."""
_MOST = 100
_RSA_BITS = range(2048, 8193)
_CURVES = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
PublicKey = RSAPublicKey | EllipticCurvePublicKey


class Source(Protocol):
    """Where the keys are published."""

    async def keys(self) -> list[dict[str, Any]]:
        """Every JWK. Raises NotPublished where they cannot be had."""

    async def close(self) -> None:
        """Close what it holds open."""


@dataclass(frozen=True, slots=True)
class Key:
    """A public key, and the algorithms that it may be used with (RFC 7517 4.4)."""

    public: PublicKey
    algorithms: frozenset[str]


class KeyCache:
    """One issuer's keys by their id; questions to the issuer are one at a time, and bounded.

    Keys are never dropped for want of room, only for want of news: there are at most 100.
    """

    def __init__(self, name: str, source: Source, clock: Clock) -> None:
        self._name = name
        self._source = source
        self._clock = clock
        self._keys: Mapping[str, tuple[Key, ...]] = {}
        self._told: float | None = None
        self._asked: float | None = None
        self._away = True
        self._asking: asyncio.Task[None] | None = None

    async def find(self, kid: str, algorithm: str) -> tuple[PublicKey, ...]:
        """The keys of that id for that algorithm, none if the issuer has none.

        Raises Unavailable where the issuer would have to say, and cannot be asked.
        """
        if self._asking is None and self._due(kid):
            self._asking = asyncio.create_task(self._ask(), name=f"keys of {self._name}")
        if self._asking is not None and self._waits(kid):
            await asyncio.shield(self._asking)
        found = self._keys.get(kid, ()) if self._age() < KEPT else ()
        if not found and self._away:
            raise Unavailable(
                "The identity provider cannot be asked now, so the token cannot be checked.",
                hint="Keep the token and try again.",
                details={"retry_after": int(PAUSE)},
            )
        return tuple(key.public for key in found if algorithm in key.algorithms)

    async def close(self) -> None:
        """Stop asking."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)
        await self._source.close()

    def _age(self) -> float:
        return float("inf") if self._told is None else self._clock.monotonic() - self._told

    def _waits(self, kid: str) -> bool:
        return kid not in self._keys or self._age() >= FRESH

    def _due(self, kid: str) -> bool:
        if self._asked is not None and self._clock.monotonic() - self._asked < PAUSE:
            return False
        return self._waits(kid)

    async def _ask(self) -> None:
        began = self._asked = self._clock.monotonic()
        try:
            published = await self._source.keys()
        except NotPublished as error:
            self._away = True
            _log.warning("no keys", extra={"issuer": self._name, "reason": str(error)})
        except Exception:  # noqa: BLE001 - whatever breaks, the issuer could not be asked
            self._away = True
            _log.error("no keys", exc_info=True, extra={"issuer": self._name})
        else:
            self._keys, self._told, self._away = read_keys(published), began, False
        finally:
            self._asking = None


def read_keys(published: Sequence[Mapping[str, Any]]) -> Mapping[str, tuple[Key, ...]]:
    """The public signing keys among them, by id; what is not one is left out."""
    found: dict[str, tuple[Key, ...]] = {}
    for jwk in published[:_MOST]:
        kid, key = jwk.get("kid"), _key(jwk)
        if isinstance(kid, str) and key is not None:
            found[kid] = (*found.get(kid, ()), key)
    return found


def _key(jwk: Mapping[str, Any]) -> Key | None:
    only = jwk.get("alg")
    try:
        if jwk.get("use", "sig") != "sig" or "verify" not in jwk.get("key_ops", ["verify"]):
            return None
        public = None if "d" in jwk else _public(jwk)
    except (jwt.PyJWTError, ValueError, TypeError, KeyError):
        return None
    fitting = frozenset(each for each in _algorithms(public) if only in (None, each))
    return Key(public, fitting) if public is not None and fitting else None


def _public(jwk: Mapping[str, Any]) -> PublicKey | None:
    if jwk.get("kty") == "RSA":
        rsa = RSAAlgorithm.from_jwk(dict(jwk))
        return rsa if isinstance(rsa, RSAPublicKey) and rsa.key_size in _RSA_BITS else None
    if jwk.get("kty") == "EC":
        curve = ECAlgorithm.from_jwk(dict(jwk))
        return curve if isinstance(curve, EllipticCurvePublicKey) else None
    return None


def _algorithms(public: PublicKey | None) -> frozenset[str]:
    if isinstance(public, RSAPublicKey):
        return frozenset(f"{family}{bits}" for family in ("RS", "PS") for bits in (256, 384, 512))
    if isinstance(public, EllipticCurvePublicKey) and public.curve.name in _CURVES:
        return frozenset({_CURVES[public.curve.name]})
    return frozenset()
