"""The settings of who may call, and of how people sign in."""

from typing import Literal

from pydantic import Field, SecretStr

from imagewright.core.redirect import LOOPBACK
from imagewright.settings.issuers import Issuers
from imagewright.settings.section import Section
from imagewright.settings.units import FilePath, Parameters, Seconds, ValkeyUrl, Words

DAY = 86_400


class Auth(Section):
    """Who may call, and with what."""

    acl_path: FilePath | None = Field(default=None, description="acl.toml: who may do what.")
    tokens_path: FilePath | None = Field(
        default=None, description="tokens.toml: tokens and their subjects."
    )
    token: SecretStr | None = Field(
        default=None, description="A single token for a small set-up; also IMAGEWRIGHT_TOKEN."
    )
    token_subject: str | None = Field(
        default=None, description="The subject of `token`; also IMAGEWRIGHT_TOKEN_SUBJECT."
    )
    issuers: Issuers = Field(
        default={}, description="[auth.issuers.<name>]: whose signed tokens are good."
    )

    @property
    def configured(self) -> bool:
        """Whether callers over HTTP have to show who they are."""
        return self.tokens_path is not None or self.token is not None or bool(self.issuers)


class SignIn(Section):
    """How people sign in to the pages, and for how long."""

    tokens: bool = Field(default=True, description="Whether a pasted token signs in.")
    issuer: str | None = Field(
        default=None, description="The table of [auth.issuers] that people sign in with."
    )
    title: str | None = Field(
        default=None, max_length=60, description="What the button calls it; unset is its name."
    )
    client_id: str | None = Field(default=None, description="What this service is called there.")
    client_secret: SecretStr | None = Field(
        default=None, description="Its secret there; unset is a public client."
    )
    scopes: Words = Field(
        default=("openid", "profile", "email"), description="What is asked of it."
    )
    hosts: Words = Field(default=(), description="Other hosts that its endpoints may stand on.")
    idle: Seconds = Field(
        default=1800, ge=60, le=86_400, description="How long a sign-in lasts without a use."
    )
    longest: Seconds = Field(
        default=28_800, ge=60, le=604_800, description="How long a sign-in lasts in all."
    )
    failures: int = Field(
        default=10, ge=1, le=1000, description="Failed sign-ins from one address in a minute."
    )


class Audit(Section):
    """What the audit tells beyond decisions that spent, changed or refused something."""

    reads: bool = Field(default=False, description="A line for each read that was allowed.")
    prompts: Literal["hash", "text"] = Field(
        default="hash", description="Prompts as keyed hashes, or as they were written."
    )


class Proxy(Section):
    """Our own authorization server, for an identity provider where no client can register."""

    issuer: str | None = Field(
        default=None, description="Which of [auth.issuers] signs people in; unset is off."
    )
    client_id: str = Field(default="", description="Our client at the provider.")
    client_secret: SecretStr | None = Field(
        default=None, description="Its secret; also client_secret_file."
    )
    method: Literal["client_secret_basic", "client_secret_post", "none"] = Field(
        default="client_secret_basic", description="How our client shows its secret."
    )
    scopes: Words = Field(
        default=("openid", "profile", "email", "offline_access"),
        description="What the provider is asked for.",
    )
    parameters: Parameters = Field(
        default={}, description="More parameters for the provider's sign-in page."
    )
    redirects: Words = Field(
        default=(LOOPBACK,), description="Where clients may have people sent back to."
    )
    documents: bool = Field(
        default=False, description="Whether a client may be a document at an address of its own."
    )
    access: Seconds = Field(
        default=600, ge=60, le=3600, description="How long an access token is good."
    )
    idle: Seconds = Field(
        default=30 * DAY, ge=DAY, le=366 * DAY, description="How long a grant lives unused."
    )
    registrations: int = Field(
        default=100, ge=1, le=100_000, description="Registrations in an hour, in total."
    )
    registrations_each: int = Field(
        default=20, ge=1, le=100_000, description="Registrations in an hour from one address."
    )
    clients: int = Field(default=5000, ge=1, le=1_000_000, description="Clients that are kept.")
    client_unused: Seconds = Field(
        default=3600, ge=600, le=DAY, description="How long a client is kept before its first use."
    )
    client_idle: Seconds = Field(
        default=90 * DAY, ge=DAY, le=3660 * DAY, description="How long a client is kept unused."
    )
    valkey_url: ValkeyUrl | None = Field(
        default=None, description="Where sealed values stand in stead of the database."
    )
