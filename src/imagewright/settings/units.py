"""Types of settings: what a text from a file or the environment is read as."""

import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BeforeValidator, SecretStr

from imagewright.adapters.egress.ways import read_place
from imagewright.adapters.notices.letter import PREFIX, read_key
from imagewright.core.errors import InvalidRequest
from imagewright.core.forwarding import read_proxies
from imagewright.core.limit import parse_rate
from imagewright.core.notice import Event
from imagewright.core.quantity import parse_bytes, parse_seconds
from imagewright.core.wording import Wording

Read = TypeVar("Read")

_SECRET_NAME = re.compile(r"(?:keys?|tokens?|secrets?|passwords?|headers)\Z")
_PROVIDER_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}\Z")
_URL_PATH = re.compile(r"(?:/[A-Za-z0-9._~-]+)+\Z")
_TAKEN = (
    *("/v1", "/i", "/u", "/ui", "/health", "/ready", "/metrics", "/.well-known"),
    *("/authorize", "/register", "/revoke", "/token"),
)


class Unfit(ValueError):
    """A value that a setting cannot have; neither text quotes it."""

    def __init__(self, sentence: str, hint: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.hint = hint


def is_loopback(host: str) -> bool:
    """Whether a host name or address reaches this machine only."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def wrap_secrets(name: str, value: object) -> object:
    """Texts in a SecretStr if the name ends like a secret's; anything else as it is."""
    if isinstance(value, Mapping):
        inner = name if _SECRET_NAME.search(name) else ""
        return {key: wrap_secrets(inner or str(key), item) for key, item in value.items()}
    if isinstance(value, list):
        return [wrap_secrets(name, item) for item in value]
    if isinstance(value, str) and _SECRET_NAME.search(name):
        return SecretStr(value)
    return value


def unwrap_secrets(value: object) -> object:
    """The value as it was before `wrap_secrets`."""
    if isinstance(value, Mapping):
        return {key: unwrap_secrets(item) for key, item in value.items()}
    if isinstance(value, list):
        return [unwrap_secrets(item) for item in value]
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def _has_password(value: object) -> bool:
    if isinstance(value, Mapping):
        return any(_has_password(item) for item in value.values())
    if isinstance(value, list | tuple):
        return any(_has_password(item) for item in value)
    url = value if isinstance(value, str) else ""
    return "://" in url and "@" in url.split("://", 1)[1].split("/", 1)[0]


def _reading(parse: Callable[[object], Read]) -> BeforeValidator:
    def read(value: object) -> Read:
        try:
            return parse(value)
        except InvalidRequest as error:
            raise Unfit(error.sentence, error.hint) from None

    return BeforeValidator(read)


def _without_password(value: Read) -> Read:
    """Refuses addresses with a user or password, which logs would show."""
    if _has_password(value):
        raise Unfit("The address holds a user or password.", "Use a setting for it.")
    return value


def _provider_name(value: str) -> str:
    if not _PROVIDER_NAME.match(value):
        raise Unfit("A provider's name is a letter and at most 31 of a-z, 0-9, - and _.")
    return value


def _listed(value: object) -> object:
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


def _json(value: object) -> object:
    """A table; a variable holds it as JSON."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        raise Unfit("This is no JSON object.") from None


def _path(value: object) -> object:
    if isinstance(value, str) and (not value or "\0" in value):
        raise Unfit("This is no path.")
    return value


def _host(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9.-]+|[0-9A-Fa-f:.]+", value):
        raise Unfit("This is neither a host name nor an address.", "Write it like 127.0.0.1")
    return value


def _url_path(value: str) -> str:
    if not _URL_PATH.match(value):
        raise Unfit("This must begin with / and end without one.", "Write it like /mcp")
    if any(value == taken or value.startswith(f"{taken}/") for taken in _TAKEN):
        raise Unfit("The service answers something else there.", "Write it like /mcp")
    return value


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ValueError, OSError, KeyError):
        if not available_timezones():
            raise Unfit("There is no time zone data.", "Install the package tzdata.") from None
        raise Unfit("No such time zone.", "Write it like Europe/Berlin") from None
    return value


def _base_url(value: str) -> str:
    hint = "Write it like https://images.example.com"
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise Unfit("This is no address.", hint) from None
    if parts.scheme not in {"http", "https"} or not host or "@" in parts.netloc:
        raise Unfit("This is not https:// and a host name.", hint)
    if parts.path not in {"", "/"} or "?" in value or "#" in value:
        raise Unfit("The address has a path, a query or a fragment.", hint)
    if parts.scheme == "http" and not is_loopback(host):
        raise Unfit("An address that others reach must begin with https://", hint)
    return value.rstrip("/")


def _origin(value: str) -> str:
    if "*" in value:
        raise Unfit("Origins are listed one by one; * would let in every web page.")
    if not re.fullmatch(r"https?://[A-Za-z0-9.:\[\]-]+", value):
        raise Unfit("An origin has no path.", "Write it like https://app.example.com")
    return value


def _allowed_host(value: str) -> str:
    if not re.fullmatch(
        r"[A-Za-z0-9.-]+(?::[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](?::[0-9]{1,5})?", value
    ):
        raise Unfit(
            "This is not a host name with an optional port; * is not matched.",
            "Write it like images.example.com",
        )
    return value.lower()


def _proxy(value: str) -> str:
    try:
        read_proxies([value])
    except InvalidRequest as error:
        raise Unfit(error.sentence, error.hint) from None
    return value


def _templates(value: dict[str, str]) -> dict[str, str]:
    try:
        return dict(Wording(templates=value).templates)
    except InvalidRequest as error:
        raise Unfit(error.sentence, error.hint) from None


def _database(value: SecretStr) -> SecretStr:
    scheme = value.get_secret_value().partition("://")[0]
    if scheme not in {"sqlite", "postgresql"}:
        raise Unfit(
            "The database's address begins with neither sqlite:// nor postgresql://",
            "Leave it out to keep a database in the state directory.",
        )
    return value


def _valkey(value: SecretStr) -> SecretStr:
    hint = "Write it like valkeys://:password@valkey.example.com:6379/0"
    try:
        parts = urlsplit(value.get_secret_value())
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise Unfit("This is no address.", hint) from None
    if parts.scheme not in {"valkey", "valkeys"} or not host:
        raise Unfit("The address begins with neither valkey:// nor valkeys://", hint)
    if parts.query or parts.fragment:
        raise Unfit("The address has a query or a fragment.", hint)
    if parts.scheme == "valkey" and not is_loopback(host):
        raise Unfit("Another machine is reached with TLS only, by valkeys://", hint)
    return value


def _webhook_url(value: SecretStr) -> SecretStr:
    hint = "Write it like https://hooks.example.com/imagewright"
    try:
        parts = urlsplit(value.get_secret_value())
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise Unfit("This is no address.", hint) from None
    if parts.scheme not in {"http", "https"} or not host or "@" in parts.netloc:
        raise Unfit("This is not https:// and a host name.", hint)
    if parts.fragment or not re.fullmatch(r"[!-~]+", value.get_secret_value()):
        raise Unfit("The address has a fragment, a blank or letters beyond ASCII.", hint)
    if parts.scheme == "http" and not is_loopback(host):
        raise Unfit("Another machine is reached with TLS only, by https://", hint)
    return value


def _webhook_secret(value: SecretStr) -> SecretStr:
    try:
        read_key(value.get_secret_value())
    except ValueError:
        hint = f'Make one: echo "{PREFIX}$(openssl rand -base64 32)"'
        raise Unfit(f"This is not {PREFIX} and 24 to 64 bytes in base64.", hint) from None
    return value


def _place(value: str) -> str:
    try:
        read_place(value)
    except InvalidRequest as error:
        raise Unfit(error.sentence, error.hint) from None
    return value


def _rate(value: str) -> str:
    try:
        parse_rate(value)
    except InvalidRequest as error:
        raise Unfit(error.sentence, error.hint) from None
    return value


Templates = Annotated[dict[str, str], AfterValidator(_templates)]
Bytes = Annotated[int, _reading(parse_bytes)]
Seconds = Annotated[int, _reading(parse_seconds)]
FilePath = Annotated[Path, BeforeValidator(_path)]
Option = Annotated[object, AfterValidator(_without_password)]
Models = Annotated[
    tuple[str | dict[str, object], ...], AfterValidator(_without_password), BeforeValidator(_listed)
]
ProviderName = Annotated[str, AfterValidator(_provider_name)]
Host = Annotated[str, AfterValidator(_host)]
UrlPath = Annotated[str, AfterValidator(_url_path)]
Zone = Annotated[str, AfterValidator(_zone)]
BaseUrl = Annotated[str, AfterValidator(_base_url)]
Origins = Annotated[tuple[Annotated[str, AfterValidator(_origin)], ...], BeforeValidator(_listed)]
AllowedHosts = Annotated[
    tuple[Annotated[str, AfterValidator(_allowed_host)], ...], BeforeValidator(_listed)
]
TrustedProxies = Annotated[
    tuple[Annotated[str, AfterValidator(_proxy)], ...], BeforeValidator(_listed)
]
Words = Annotated[tuple[str, ...], BeforeValidator(_listed)]
Parameters = Annotated[Mapping[str, str], BeforeValidator(_json)]
WebhookUrl = Annotated[SecretStr, AfterValidator(_webhook_url)]
WebhookSecret = Annotated[SecretStr, AfterValidator(_webhook_secret)]
Events = Annotated[tuple[Event, ...], BeforeValidator(_listed)]
RateText = Annotated[str, AfterValidator(_rate)]
Places = Annotated[tuple[Annotated[str, AfterValidator(_place)], ...], BeforeValidator(_listed)]
ValkeyUrl = Annotated[SecretStr, AfterValidator(_valkey)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_database)]
