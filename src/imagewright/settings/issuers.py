"""[auth.issuers.<name>]: issuers of OIDC tokens, as the file has them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    TypeAdapter,
    ValidationError,
)

from imagewright.adapters.auth.client import ClientConfig
from imagewright.adapters.auth.introspection import IntrospectionConfig
from imagewright.adapters.auth.issuer import ALGORITHMS, IssuerConfig
from imagewright.adapters.auth.workload import GITHUB, GITLAB, vendor_of
from imagewright.adapters.toml.document import OPEN_TO_READ, read_bytes
from imagewright.core.errors import InvalidRequest
from imagewright.settings.units import FilePath, Seconds, Unfit


def _several(value: object) -> object:
    """One value where several may stand."""
    if isinstance(value, list):
        return tuple(value)
    return (value,) if isinstance(value, str | bool | int) else value


Texts = Annotated[tuple[str, ...], BeforeValidator(_several)]
Values = Annotated[tuple[bool | int | str, ...], Field(strict=True), BeforeValidator(_several)]


class Introspection(BaseModel):
    """How the issuer is asked of opaque tokens. What a file holds is checked by its reader."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    client_id: str = Field(description="The service's own registration at the issuer.")
    client_secret: SecretStr | None = Field(default=None, description="Its secret.")
    client_secret_file: FilePath | None = Field(
        default=None, description="A file with that secret; no wider than 0640."
    )
    private_key_file: FilePath | None = Field(
        default=None, description="A file with a private key in PEM, in stead of a secret."
    )
    method: Literal["client_secret_basic", "client_secret_post"] = Field(
        default="client_secret_basic", description="Where the secret is sent."
    )
    endpoint: str | None = Field(
        default=None, description="Where it answers, if discovery does not say so."
    )
    prefix: str = Field(default="", description="What its opaque tokens begin with.")

    def config(self, issuer: IssuerConfig) -> IntrospectionConfig:
        """What its adapter reads, the files among it. Raises InvalidRequest and Misconfigured."""
        given = [self.client_secret, self.client_secret_file, self.private_key_file]
        if len([each for each in given if each is not None]) != 1:
            raise InvalidRequest(
                "The client's secret is missing, or there are two.",
                hint="Set client_secret_file, client_secret or private_key_file.",
            )
        file = self.client_secret_file or self.private_key_file
        if file is not None and not file.is_absolute():
            raise InvalidRequest("The file's path does not begin with a slash.")
        text = self.client_secret.get_secret_value() if self.client_secret else ""
        client = ClientConfig(
            id=self.client_id,
            secret=_text(file) if file is not None else text,
            method="private_key_jwt" if self.private_key_file is not None else self.method,
        )
        return IntrospectionConfig(
            issuer=issuer, client=client, endpoint=self.endpoint, prefix=self.prefix
        )


def _text(file: Path) -> str:
    data, _ = read_bytes(file, OPEN_TO_READ)
    try:
        return data.decode().strip()
    except UnicodeDecodeError:
        raise InvalidRequest("The file is not UTF-8.") from None


class Issuer(BaseModel):
    """One source of signed tokens. What must hold between keys is checked by its adapter."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    preset: Literal["", "github", "gitlab"] = Field(
        default="", description="The CI system that it is; unset is as its address says."
    )
    issuer: str = Field(
        default="",
        description="Exactly what its tokens have as `iss`; unset is the preset's own.",
    )
    audience: Texts = Field(
        default=(), description="What its tokens may have as `aud`; unset is the MCP address."
    )
    algorithms: Texts = Field(default=ALGORITHMS, description="What its tokens may be signed with.")
    typ: Texts = Field(
        default=(),
        description='What its tokens may have as `typ`, "" for none; unset is at+jwt, '
        "JWT or none with id_tokens, and JWT of a CI system.",
    )
    id_tokens: bool = Field(
        default=False, description="Whether ID tokens are accepted, as of CI systems."
    )
    leeway: Seconds = Field(default=30, le=120, description="How far its clock may be away.")
    required_scopes: Texts = Field(default=(), description="Scopes that every token has to have.")
    subject: str = Field(
        default="",
        description='Who a token is, with claims in braces; unset is "user:<name>/{sub}", '
        'and of a CI system "service:<name>/" and its repository or project.',
    )
    shared_subjects: bool = Field(
        default=False, description="Whether another issuer may yield the same subjects."
    )
    conditions: Mapping[str, Values] = Field(
        default_factory=dict,
        description="Claims and what each must be: one of a list, or begin as what ends in *.",
    )
    groups_claim: Texts = Field(
        default=(), description="The claim with groups; a list is the path of an inner one."
    )
    groups: Mapping[str, Texts] = Field(
        default_factory=dict, description="Its groups and ours; set, nothing else counts."
    )
    scopes: Mapping[str, Texts] = Field(
        default_factory=dict, description="Its scopes and ours; set, nothing else counts."
    )
    name_claim: Texts = Field(
        default=(), description="The claim with a name for people; unset is `name`."
    )
    jwks_uri: str | None = Field(
        default=None, description="Where its keys stand, if discovery does not say so."
    )
    ca_path: FilePath | None = Field(
        default=None, description="Certificates of a private authority, in PEM."
    )
    introspection: Introspection | None = Field(
        default=None, description="How it is asked of opaque tokens; unset is not at all."
    )
    advertise: bool | None = Field(
        default=None,
        description="Whether clients are sent to it for a token; unset is unless its tokens "
        "are ID tokens.",
    )

    @property
    def advertised(self) -> bool:
        """Whether clients are sent to it."""
        if self.advertise is not None:
            return self.advertise
        return not self.id_tokens and vendor_of(self.preset, self.issuer) is None

    @property
    def address(self) -> str:
        """Where it is, which is the preset's own place if none is set."""
        return self.issuer or _ADDRESSES.get(self.preset, "")

    def config(
        self, name: str, audience: str | None = None, egress: str | None = None
    ) -> IssuerConfig:
        """What its adapter reads; `audience` is for one that sets none. Raises InvalidRequest.

        `egress` is the Unix socket of the proxy by way of which it is asked.
        """
        fields = {key: value for key, value in self if key not in _OURS}
        fields["issuer"] = self.address
        fields["egress"] = egress
        fields["audience"] = self.audience or ((audience,) if audience else ())
        return IssuerConfig(name=name, **fields)


def _read(value: object) -> dict[str, Issuer]:
    """Every issuer's section; a variable holds them all as JSON."""
    try:
        table = json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        raise Unfit("This is no JSON object of issuers by name.") from None
    if not isinstance(table, Mapping):
        raise Unfit("This must be a table.", "Write [auth.issuers.name].")
    return {str(name): _issuer(str(name), section) for name, section in table.items()}


def _issuer(name: str, section: object) -> Issuer:
    try:
        found = _ISSUER.validate_python(section)
        # The audience may be unset here; whether there is one is told with the other settings.
        found.config(name, "unset")
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        deep = 2 if first["loc"][:1] == ("introspection",) else 1
        key = ".".join([name, *(str(part) for part in first["loc"][:deep])])
        raise Unfit(f"{key}: {first['msg']}.") from None
    except InvalidRequest as error:
        raise Unfit(f"{name}: {error.sentence}", error.hint) from None
    return found


_OURS = frozenset({"advertise", "introspection"})
_ADDRESSES = {each.name: each.address for each in (GITHUB, GITLAB)}
_ISSUER = TypeAdapter(Issuer)
Issuers = Annotated[Mapping[str, Issuer], BeforeValidator(_read)]
