"""Every setting: its name, type, bounds, default and what it is for."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, InitSettingsSource, SettingsConfigDict
from pydantic_settings import PydanticBaseSettingsSource as Source

from imagewright.settings.defaults import Defaults
from imagewright.settings.egress import Egress
from imagewright.settings.identity import Audit, Auth, Proxy, SignIn
from imagewright.settings.rates import Rates
from imagewright.settings.routing import Routing
from imagewright.settings.section import Section
from imagewright.settings.units import (
    AllowedHosts,
    BaseUrl,
    Bytes,
    DatabaseUrl,
    FilePath,
    Host,
    Origins,
    ProviderName,
    Seconds,
    Templates,
    TrustedProxies,
    UrlPath,
    Words,
    Zone,
)
from imagewright.settings.upstream import Provider
from imagewright.settings.webhook import Webhook

KIB, MIB, GIB = 1024, 1024**2, 1024**3
Port = Annotated[int, Field(ge=1, le=65_535)]


class Server(Section):
    """Where the service listens, and for whom."""

    host: Host = Field(
        default="127.0.0.1", description="Address to listen on; any other needs [auth]."
    )
    port: Port = Field(default=8787, description="Port to listen on.")
    path: UrlPath = Field(default="/mcp", description="Path of the MCP endpoint.")
    allowed_hosts: AllowedHosts = Field(
        default=(), description="Host headers answered, beside loopback's and public_url's."
    )
    allowed_origins: Origins = Field(
        default=(),
        description="Web origins whose pages may call the service; none by default, never *.",
    )
    trusted_proxies: TrustedProxies = Field(
        default=(), description="Proxies that are believed when they name the client's address."
    )
    drain: Seconds = Field(
        default=120, le=3600, description="How long running jobs may end after a stop signal."
    )
    session_idle: Seconds = Field(
        default=1800,
        ge=10,
        le=86_400,
        description="How long an MCP session without a call is kept.",
    )


class Metrics(Section):
    """The listener of /metrics, apart from the service's."""

    host: Host = Field(default="127.0.0.1", description="Address of the metrics listener.")
    port: Port | None = Field(
        default=None, description="Port of the metrics listener; unset is off."
    )


class Log(Section):
    """What is logged, to standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least severe that is logged."
    )
    format: Literal["json", "console"] = Field(
        default="json", description="One JSON object a line, or text for a terminal."
    )


class Database(Section):
    """Where jobs, ledger and library stand."""

    url: DatabaseUrl | None = Field(
        default=None, description="sqlite:// or postgresql:// address; unset is SQLite in `state`."
    )


class Imaging(Section):
    """The jailed processes that read and draw pictures."""

    workers: int = Field(default=2, ge=1, le=64, description="How many work at once.")
    deadline: Seconds = Field(
        default=30, ge=1, le=600, description="How long one picture may take."
    )
    memory: Bytes = Field(default=GIB, ge=256 * MIB, description="Address space of one worker.")


class Storage(Section):
    """Space that is set aside in the state directory for a full disk."""

    spool_bytes: Bytes = Field(default=64 * MIB, description="Keeps pictures that were paid for.")
    ballast_bytes: Bytes = Field(
        default=16 * MIB, ge=MIB, description="Given up first, for the database."
    )


class Limits(Section):
    """The most of everything."""

    input_bytes: Bytes = Field(default=20 * MIB, ge=1, description="One input picture.")
    inputs_total: Bytes = Field(
        default=50 * MIB, ge=1, description="All input pictures of one ask."
    )
    output_bytes: Bytes = Field(default=50 * MIB, ge=1, description="One picture from a provider.")
    pixels: int = Field(default=50_000_000, ge=1, description="Pixels of one frame.")
    edge: int = Field(default=16_384, ge=1, description="Pixels of the longer edge.")
    frames: int = Field(default=16, ge=1, description="Frames of an animation.")
    prompt: int = Field(default=32_000, ge=1, description="Characters of a prompt.")
    rendition_edge: int = Field(
        default=4_096, ge=1, description="Longer edge of a rendition, in pixels."
    )
    queue: int = Field(default=200, ge=1, description="Jobs that wait, over all subjects.")
    waiting: int = Field(default=8, ge=1, description="Jobs of one subject that wait.")
    running: int = Field(default=2, ge=1, description="Jobs of one subject that run.")
    streams: int = Field(
        default=8, ge=1, description="Streams of events of one subject that are open."
    )
    link: Seconds = Field(
        default=3600, ge=1, le=86_400, description="How long a signed link is good."
    )
    quote: Seconds = Field(default=600, ge=10, le=86_400, description="How long a quote is good.")
    wait: Seconds = Field(default=40, le=600, description="How long a call waits for its job.")
    reuse: Seconds = Field(
        default=3600, le=2_592_000, description="How long the same ask finds its result."
    )
    preview_bytes: Bytes = Field(
        default=200_000, ge=1000, description="The preview in a tool's result."
    )
    thumbnail_edge: int = Field(
        default=512, ge=16, le=4096, description="Longer edge of a thumbnail."
    )


class Settings(BaseSettings):
    """Everything that the operator may set; `load` gives it the sources to read it from."""

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        case_sensitive=True,
    )

    name: str = Field(
        default="Imagewright", max_length=100, description="What clients call the service."
    )
    instructions: str = Field(
        default="", max_length=10_000, description="The operator's words to every agent."
    )
    read_only: bool = Field(
        default=True, description="Refuse everybody all that makes, changes or deletes."
    )
    state: FilePath = Field(
        description="Directory of everything kept; $STATE_DIRECTORY, else "
        "$XDG_STATE_HOME/imagewright, else ~/.local/state/imagewright."
    )
    public_url: BaseUrl | None = Field(default=None, description="The address that clients reach.")
    time_zone: Zone = Field(
        default="UTC",
        validate_default=True,
        description="Where days and months of budgets begin.",
    )
    default_provider: str | None = Field(
        default=None, description="Preferred by asks that name none; unset is the cheapest."
    )
    consent: Literal["client", "human"] = Field(
        default="client", description="The weakest consent that the scope `spend` takes."
    )
    paid_providers: Words | None = Field(
        default=None,
        description="Providers whose prices are asked about; unset is all, empty is none.",
    )
    prefix: str = Field(
        default="", max_length=1000, description="Before every prompt, such as a relay's marker."
    )
    templates: Templates = Field(
        default={}, description="[templates]: texts with {prompt} in them, by name, to choose from."
    )
    defaults: Defaults = Defaults()
    routing: Routing = Routing()
    server: Server = Server()
    metrics: Metrics = Metrics()
    log: Log = Log()
    auth: Auth = Auth()
    sign_in: SignIn = SignIn()
    audit: Audit = Audit()
    proxy: Proxy = Proxy()
    webhook: Webhook = Webhook()
    egress: Egress = Egress()
    rates: Rates = Rates()
    database: Database = Database()
    imaging: Imaging = Imaging()
    storage: Storage = Storage()
    limits: Limits = Limits()
    providers: dict[ProviderName, Provider] = Field(
        default_factory=dict, description="Upstreams by name, in the operator's order."
    )

    @field_validator("providers", mode="before")
    @classmethod
    def _name_kinds(cls, data: Mapping[str, Mapping[str, object]]) -> dict[str, object]:
        return {name: {"kind": name, **section} for name, section in data.items()}

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the library passes it
        init_settings: Source,
        *_: Source,
        **__: Source,
    ) -> tuple[Source, ...]:
        """The sources in the argument `_sources`, or nothing but the arguments themselves."""
        given = init_settings.init_kwargs if isinstance(init_settings, InitSettingsSource) else {}
        return (init_settings, *given.pop("_sources", ()))
