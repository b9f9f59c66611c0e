"""What a first configuration needs to know of its operator."""

from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from imagewright.adapters.kinds import own_kinds
from imagewright.core.caller import LOCAL, check_subject
from imagewright.core.errors import InvalidRequest
from imagewright.core.money import parse_usd
from imagewright.settings.units import BaseUrl, Unfit

_LAST_PORT = 65_535
FREE = "placeholder"
"""The provider that needs no key and costs nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """Good answers. `directory` and `state` are absolute; `budget` is US dollars a month.

    `key_file` is of a paid provider, and stands in `directory` where it is to be made.
    Raises InvalidRequest.
    """

    directory: Path
    state: Path
    subject: str
    provider: str = FREE
    key_file: Path | None = None
    public_url: str | None = None
    port: int = 8787
    budget: str | None = None
    read_only: bool = False

    def __post_init__(self) -> None:
        check_first(self.subject)
        check_provider(self.provider)
        check_port(self.port)
        if self.public_url is not None:
            check_public_url(self.public_url)
        if self.budget is not None:
            parse_usd(self.budget)
        if self.provider != FREE and self.key_file is None:
            raise InvalidRequest(
                f"The provider {self.provider} needs a key.", hint="Give its file: --key-file"
            )
        if self.provider != FREE and self.budget is None:
            raise InvalidRequest(
                f"The provider {self.provider} costs money, and no budget is given.",
                hint="Give the most of a month in US dollars: --budget 20",
            )

    @property
    def files(self) -> tuple[Path, ...]:
        """What is written, the settings last."""
        names = ("acl.toml", "tokens.toml", "imagewright.toml")
        return tuple(self.directory / name for name in names)

    @property
    def config(self) -> Path:
        """The settings' file."""
        return self.directory / "imagewright.toml"

    @property
    def url(self) -> str:
        """The MCP endpoint as clients reach it."""
        return f"{(self.public_url or f'http://127.0.0.1:{self.port}').rstrip('/')}/mcp"


def provider_kinds() -> tuple[str, ...]:
    """Every kind of provider of ours, the free one first."""
    return (FREE, *sorted({*own_kinds()} - {FREE}))


def check_first(subject: str) -> str:
    """A subject who has a token, which `local` has not. Raises InvalidRequest."""
    if check_subject(subject) == LOCAL:
        raise InvalidRequest("The subject local has no token.", hint="Write it like user:alice.")
    return subject


def check_provider(name: str) -> str:
    """A kind of provider. Raises InvalidRequest."""
    if name not in provider_kinds():
        known = ", ".join(provider_kinds())
        raise InvalidRequest("There is no provider of this kind.", hint=f"There are: {known}.")
    return name


def check_port(port: int) -> int:
    """A port to listen on. Raises InvalidRequest."""
    if not 1 <= port <= _LAST_PORT:
        raise InvalidRequest("The port is not from 1 to 65535.")
    return port


def check_public_url(text: str) -> str:
    """An address that clients reach, https beyond this machine. Raises InvalidRequest."""
    adapter: TypeAdapter[str] = TypeAdapter(BaseUrl)
    try:
        return adapter.validate_python(text)
    except ValidationError as error:
        cause = error.errors()[0].get("ctx", {}).get("error")
        unfit = cause if isinstance(cause, Unfit) else Unfit("This is no address.")
        raise InvalidRequest(unfit.sentence, hint=unfit.hint) from None
