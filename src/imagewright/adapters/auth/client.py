"""How the service shows itself to an issuer whose client it is (RFC 6749 2.3, RFC 7523 2.2)."""

from dataclasses import dataclass, field
from typing import Any, Literal, get_args
from urllib.parse import quote_plus, urlencode

from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from joserfc.jwk import ECKey, RSAKey

from imagewright.core.errors import InvalidRequest

Method = Literal["client_secret_basic", "client_secret_post", "private_key_jwt"]
METHODS: tuple[str, ...] = get_args(Method)
_CURVES = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
_RSA_BITS = range(2048, 8193)
_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientConfig:
    """Our registration at an issuer.

    `secret` is the client's, or its private key in PEM for `private_key_jwt`.
    Raises InvalidRequest.
    """

    id: str
    secret: str = field(repr=False)
    method: Method = "client_secret_basic"

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise InvalidRequest("No such method.", hint=f"Methods: {', '.join(METHODS)}.")
        if not _is_plain(self.id) or not self.id:
            raise InvalidRequest("The client's id is missing, or not printable ASCII.")
        if self.method == "private_key_jwt":
            _key(self.secret)
        elif not _is_plain(self.secret) or not self.secret:
            raise InvalidRequest("The client's secret is missing, or not printable ASCII.")


class OAuthClient:
    """Puts our credentials on a form that is to be posted; Authlib knows how."""

    def __init__(self, config: ClientConfig, issuer: str) -> None:
        """A signed assertion is for the `issuer`: for no address that it may name tomorrow."""
        secret: object = config.secret
        method: object = config.method
        id = config.id
        if config.method == "private_key_jwt":
            secret = key = _key(config.secret)
            method = PrivateKeyJWT(issuer, alg=_algorithm(key))
        elif config.method == "client_secret_basic":
            # RFC 6749 2.3.1: both are form-encoded first, which Authlib leaves out.
            id, secret = quote_plus(id), quote_plus(config.secret)
        self._auth: Any = ClientAuth(id, secret, method)

    def sign(self, url: str, form: dict[str, str]) -> tuple[dict[str, str], str]:
        """The headers and the body of a POST of the form to the address, both ours to send."""
        _, headers, body = self._auth.prepare("POST", url, {"Content-Type": _FORM}, urlencode(form))
        return dict(headers), str(body)


def _key(pem: str) -> RSAKey | ECKey:
    try:
        found = load_pem_private_key(pem.encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        found = None
    if isinstance(found, RSAPrivateKey) and found.key_size in _RSA_BITS:
        return RSAKey.import_key(pem)
    if isinstance(found, EllipticCurvePrivateKey) and found.curve.name in _CURVES:
        return ECKey.import_key(pem)
    raise InvalidRequest(
        "This is no private key of RSA or of the curve P-256, P-384 or P-521.",
        hint="Write it in PEM, without a password.",
    )


def _algorithm(key: RSAKey | ECKey) -> str:
    return "RS256" if isinstance(key, RSAKey) else _CURVES[key.raw_value.curve.name]


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable()
