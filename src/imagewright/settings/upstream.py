"""The settings of one upstream."""

from collections.abc import Mapping
from typing import Literal

from pydantic import ConfigDict, Field, SecretStr, model_validator

from imagewright.settings.defaults import Defaults
from imagewright.settings.section import Section
from imagewright.settings.units import Models, Option, Templates, unwrap_secrets, wrap_secrets


class Provider(Section):
    """One upstream. Keys not named here are its adapter's own, and are checked by it."""

    model_config = ConfigDict(extra="allow", frozen=True, hide_input_in_errors=True)
    __pydantic_extra__: dict[str, Option]

    kind: str = Field(description="Which adapter speaks to it; the section's name if unset.")
    api_key: SecretStr | None = Field(
        default=None,
        description="Its key; also api_key_file, or the credential provider-<name>-key.",
    )
    title: str | None = Field(
        default=None, max_length=60, description="For people; unset is its adapter's."
    )
    discover: bool = Field(
        default=True, description="Ask it what models it has, where its adapter can."
    )
    policy: Literal["openai", "compat"] = Field(
        default="openai",
        description="compat sends every model a seed and a negative prompt, which relays take.",
    )
    prefix: str | None = Field(
        default=None, max_length=1000, description="Before every prompt; unset is `prefix` of all."
    )
    templates: Templates = Field(
        default={}, description="[providers.<name>.templates]: beside those of all."
    )
    defaults: Defaults = Field(
        default=Defaults(), description="[providers.<name>.defaults]: before those of all."
    )
    prices: dict[str, object] = Field(
        default={}, description="[providers.<name>.prices]: by model, before all others."
    )
    models: Models = Field(
        default=(),
        description="Names, or [[providers.<name>.models]] where they differ from the catalogue.",
    )

    @model_validator(mode="before")
    @classmethod
    def _hide(cls, data: Mapping[str, object]) -> dict[str, object]:
        return {
            key: value if key in cls.model_fields else wrap_secrets(key, value)
            for key, value in data.items()
        }

    def options(self) -> dict[str, object]:
        """The adapter's own keys, the key and the models; secrets are plain texts in it."""
        found = dict(self.model_extra or {})
        found |= {"api_key": self.api_key} if self.api_key is not None else {}
        found |= {"models": list(self.models)} if self.models else {}
        return {key: unwrap_secrets(value) for key, value in found.items()}
