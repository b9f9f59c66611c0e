"""The only reader of the environment and of imagewright.toml; all faults are reported together."""

from imagewright.settings.checks import Clash
from imagewright.settings.loading import Check, Loaded, SettingsFault, load, load_bare
from imagewright.settings.sections import Settings

__all__ = ["Check", "Clash", "Loaded", "Settings", "SettingsFault", "load", "load_bare"]
