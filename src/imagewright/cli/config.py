"""`imagewright config`: what is set, and whether it is good."""

import json

from cyclopts import App

from imagewright.cli.listing import AsJson
from imagewright.cli.sources import Sources, settings_or_exit
from imagewright.settings.shown import as_origins, as_table, as_toml

app = App(name="config", help="Check and show the configuration.")


@app.command
def check(*, sources: Sources | None = None) -> None:
    """Print ok, or everything that would stop a start, and exit with 2."""
    from imagewright.app.checking import faults_of

    settings_or_exit(sources, faults_of)
    print("ok")


@app.command
def show(
    *,
    sources: Sources | None = None,
    as_json: AsJson = False,
) -> None:
    """Print the settings in force without secrets, and where each comes from."""
    loaded = settings_or_exit(sources)
    if as_json:
        print(json.dumps({"settings": as_table(loaded), "from": as_origins(loaded)}, indent=2))
    else:
        print(as_toml(loaded), end="")
