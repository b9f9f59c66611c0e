"""The only reader of the environment and of imagewright.toml; all faults are reported together."""

from imagewright.settings.loading import Loaded, ProviderConfig, SettingsFault, load
from imagewright.settings.sections import Settings

__all__ = ["Loaded", "ProviderConfig", "Settings", "SettingsFault", "load"]
