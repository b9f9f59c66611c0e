"""What every table of settings keeps."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Frozen; a key that it does not know is a fault; errors quote no value."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)
