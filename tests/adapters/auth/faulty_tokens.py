"""Tokens that are good but for one fault, each by a name."""

import base64
import json
from typing import Any

import jwt
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.adapters.auth.tokens_by_hand import (
    AUDIENCE,
    ISSUER,
    NOW,
    Json,
    claims,
    header,
    part,
    private,
    public,
    sign,
    token,
)

LOGOUT: Json = {"http://schemas.openid.net/event/backchannel-logout": {}}
EMBEDDED = sign(header(jwk=public("thief")), claims(), private("thief"))


def _pem() -> bytes:
    return (
        private("k1")
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )


def _hs(secret: bytes, algorithm: str = "HS256") -> str:
    # PyJWT refuses to do this by itself, so the signature is made by hand.
    signed = f"{part(header(alg=algorithm))}.{part(claims())}"
    method: Any = jwt.PyJWS().get_algorithm_by_name(algorithm)
    return f"{signed}.{part(method.sign(signed.encode(), secret))}"


def _text(claim: str) -> bytes:
    """The good claims as JSON text, with one more member at the end."""
    return f"{json.dumps(claims())[:-1]}, {claim}}}".encode()


def _parts() -> list[str]:
    return token().split(".")


def _flipped() -> str:
    head, body, signature = _parts()
    data = bytearray(base64.urlsafe_b64decode(signature + "=="))
    data[-1] ^= 1
    return f"{head}.{body}.{part(bytes(data))}"


def faulty() -> dict[str, str]:
    """Every one of them; the issuer publishes `k1` (RSA) and `e1` (P-256)."""
    return {
        **_algorithms(),
        **_headers(),
        **_forms(),
        **_signatures(),
        **_times(),
        **_names(),
        **_kinds(),
    }


def _algorithms() -> dict[str, str]:
    return {
        "alg none": f"{part(header(alg='none'))}.{part(claims())}.",
        "alg none with a signature": token({"alg": "none"}),
        "alg None": token({"alg": "None"}),
        "alg nOnE without typ": token({"alg": "nOnE", "typ": None}),
        "no alg": token({"alg": None}),
        "alg empty": token({"alg": ""}),
        "alg a number": token({"alg": 256}),
        "alg a list": token({"alg": ["RS256"]}),
        "alg in lower case": token({"alg": "rs256"}),
        "alg unknown": token({"alg": "RS1"}),
        "alg EdDSA": token({"alg": "EdDSA"}),
        "alg ES256K": token({"alg": "ES256K"}),
        "alg of another family": token({"alg": "ES256"}),
        "alg PS256 over RS256": token({"alg": "PS256"}),
        "alg RS512 over RS256": token({"alg": "RS512"}),
    }


def _headers() -> dict[str, str]:
    return {
        "jwk embedded and used": EMBEDDED,
        "jwk embedded, well signed": token({"jwk": public("k1")}),
        "jku": token({"jku": "https://thief.example.com/jwks"}),
        "jku of the issuer": token({"jku": f"{ISSUER}/jwks"}),
        "x5u": token({"x5u": "https://thief.example.com/cert"}),
        "x5c": token({"x5c": ["MIIB"]}),
        "crit unknown": token({"crit": ["exp"], "exp": NOW}),
        "crit empty": token({"crit": []}),
        "crit b64": token({"crit": ["b64"], "b64": True}),
        "b64 false": token({"b64": False}),
        "zip": token({"zip": "DEF"}),
        "enc": token({"enc": "A256GCM"}),
        "cty nested": token({"cty": "JWT"}),
        "no kid": token({"kid": None}),
        "kid unknown": token({"kid": "k9"}),
        "kid traversal": token({"kid": "../../../../dev/null"}),
        "kid an address": token({"kid": "https://thief.example.com/k1"}),
        "kid a query": token({"kid": "k1' OR '1'='1"}),
        "kid with a zero": token({"kid": "k1\0"}),
        "kid a list": token({"kid": ["k1"]}),
        "kid a number": token({"kid": 1}),
        "kid very long": token({"kid": "k" * 5000}),
        "kid of another key": token({"kid": "e1"}),
        "typ of an ID token": token({"typ": "JWT"}),
        "no typ": token({"typ": None}),
        "typ of a logout token": token({"typ": "logout+jwt"}),
        "typ of a DPoP proof": token({"typ": "dpop+jwt"}),
        "typ a list": token({"typ": ["at+jwt"]}),
        "typ with a tail": token({"typ": "at+jwt; x"}),
    }


def _forms() -> dict[str, str]:
    head, body, signature = _parts()
    return {
        "two parts": f"{head}.{body}",
        "five parts": f"{token()}.{part(b'x')}.{part(b'x')}",
        "no signature": f"{head}.{body}.",
        "padding": f"{head}.{body}.{signature}==",
        "base64 of the other alphabet": f"{head}.{body}.{signature[:-2]}+/",
        "base64 with trailing bits": f"{head}.{body}.{signature[:-1]}B",
        "a nested token": sign(header(cty="JWT"), token().encode()),
        "a body that is a token": sign(header(), token().encode()),
        "a body that is a list": sign(header(), [claims()]),
        "a body that is no JSON": sign(header(), b"{"),
        "a body that is not UTF-8": sign(header(), b'{"iss": "\xff"}'),
        "a body in UTF-16": sign(header(), json.dumps(claims()).encode("utf-16")),
        "a body with a byte order mark": sign(
            header(), b"\xef\xbb\xbf" + json.dumps(claims()).encode()
        ),
        "a header that is no JSON": sign(b"x", claims()),
        "a header that is a list": sign([header()], claims()),
        "sub twice": sign(header(), _text('"sub": "root"')),
        "aud twice": sign(header(), _text(f'"aud": "{AUDIENCE}"')),
        "sub twice by an escape": sign(header(), _text('"s\\u0075b": "root"')),
        "alg twice": sign(f'{json.dumps(header())[:-1]}, "alg": "RS256"}}'.encode(), claims()),
        "a member twice further in": sign(header(), _text('"x": {"y": 1, "y": 2}')),
        "oversized": token(padding="x" * 20_000),
        "very deep": sign(header(), _text(f'"x": {"[" * 4000}{"]" * 4000}')),
        "NaN": sign(header(), _text('"x": NaN')),
    }


def _signatures() -> dict[str, str]:
    head, body, signature = _parts()
    return {
        "another's key": sign(header(), claims(), private("thief")),
        "HS256 with the public key in PEM": _hs(_pem()),
        "HS256 with the modulus": _hs(public("k1")["n"].encode()),
        "HS512 with the JWK": _hs(json.dumps(public("k1")).encode(), "HS512"),
        "HS256 with nothing": _hs(b""),
        "a bit flipped": _flipped(),
        "another body": f"{head}.{part(claims(sub='root'))}.{signature}",
        "another header": f"{part(header(x=1))}.{body}.{signature}",
        "a signature of zeros": f"{head}.{body}.{part(bytes(256))}",
        "an ES256 signature of zeros": (
            f"{part(header(alg='ES256', kid='e1'))}.{body}.{part(bytes(64))}"
        ),
        "an ES256 signature in DER": _der(),
    }


def _der() -> str:
    signed = f"{part(header(alg='ES256', kid='e1'))}.{part(claims())}"
    key = private("e1", "P-256")
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return f"{signed}.{part(key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))}"


def _times() -> dict[str, str]:
    return {
        "no exp": token(exp=None),
        "exp passed": token(exp=NOW - 31),
        "exp passed by the leeway": token(exp=NOW - 30),
        "exp a text": token(exp=str(NOW + 300)),
        "exp true": token(exp=True),
        "exp null": sign(header(), {**claims(), "exp": None}),
        "exp endless": sign(
            header(), json.dumps(claims(exp=-7)).replace('"exp": -7', '"exp": 1e999').encode()
        ),
        "exp negative": token(exp=-1),
        "exp in milliseconds of a far age": token(exp=10**17),
        "nbf to come": token(nbf=NOW + 31),
        "nbf a text": token(nbf="0"),
        "nbf null": sign(header(), {**claims(), "nbf": None}),
        "iat to come": token(iat=NOW + 31),
        "iat a list": token(iat=[NOW]),
    }


def _names() -> dict[str, str]:
    return {
        "no iss": token(iss=None),
        "iss with a slash": token(iss=f"{ISSUER}/"),
        "iss of a longer host": token(iss=f"{ISSUER}.thief.example"),
        "iss in capitals": token(iss=ISSUER.upper()),
        "iss a list": token(iss=[ISSUER]),
        "iss over http": token(iss=ISSUER.replace("https", "http")),
        "no aud": token(aud=None),
        "aud of another": token(aud="https://other.example.com"),
        "aud a prefix": token(aud=AUDIENCE[:-1]),
        "aud longer": token(aud=f"{AUDIENCE}/"),
        "aud the origin": token(aud="https://images.example.com"),
        "aud in capitals": token(aud=AUDIENCE.upper()),
        "aud an empty list": token(aud=[]),
        "aud with a number": token(aud=[AUDIENCE, 1]),
        "aud an object": token(aud={AUDIENCE: True}),
        "aud in one text": token(aud=f"{AUDIENCE} other"),
        "no sub": token(sub=None),
        "sub empty": token(sub=""),
        "sub a number": token(sub=7),
        "sub a list": token(sub=["alice"]),
        "sub of Cyrillic letters": token(sub="\u0430lice"),
        "sub of full-width letters": token(sub="\uff41lice"),
        "sub with a zero-width space": token(sub="ali\u200bce"),
        "sub with a direction mark": token(sub="\u202ealice"),
        "sub with an accent put on": token(sub="alice\u0301"),
        "sub with a line end": token(sub="alice\n"),
        "sub with a zero": token(sub="alice\0"),
        "sub with a space in front": token(sub=" alice"),
        "sub with a space behind": token(sub="alice "),
        "sub very long": token(sub="a" * 300),
        "sub a lone surrogate": sign(header(), _text('"x": 1').replace(b"alice", b"\\ud800")),
    }


def _kinds() -> dict[str, str]:
    return {
        "an ID token by its nonce": token(nonce="n"),
        "an ID token by at_hash": token(at_hash="h"),
        "an ID token by c_hash": token(c_hash="h"),
        "an ID token by its typ claim": token(typ="ID"),
        "an ID token by token_use": token(token_use="id"),
        "a logout token": token(events=LOGOUT),
        "bound by DPoP": token(cnf={"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}),
        "bound by mutual TLS": token(
            cnf={"x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}
        ),
        "cnf null": sign(header(), {**claims(), "cnf": None}),
        "events null": sign(header(), {**claims(), "events": None}),
        "scope a number": token(scope=7),
        "scope null": sign(header(), {**claims(), "scope": None}),
        "scope a list of numbers": token(scope=[1]),
    }
