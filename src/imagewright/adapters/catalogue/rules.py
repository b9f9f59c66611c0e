"""The routing rules that are in force unless the operator says otherwise."""

import tomllib
from importlib.resources import files

from imagewright.core.routing import Rule


def shipped_rules() -> tuple[Rule, ...]:
    """Those of the data file beside this module, in its order."""
    text = files(__package__).joinpath("rules.toml").read_text("utf-8")
    return tuple(
        Rule(name=name, words=tuple(table["words"])) for name, table in tomllib.loads(text).items()
    )
