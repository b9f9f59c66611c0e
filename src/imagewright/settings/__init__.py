"""The only reader of the environment and of imagewright.toml; all faults are reported together."""

from imagewright.settings.checks import Clash
from imagewright.settings.loading import Check, Loaded, SettingsFault, load
from imagewright.settings.sections import Settings

__all__ = ["Check", "Clash", "Loaded", "Settings", "SettingsFault", "load"]
