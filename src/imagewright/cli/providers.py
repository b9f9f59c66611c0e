"""`imagewright providers`: what the settings offer."""

import asyncio
import json
from typing import Annotated

from cyclopts import App, Parameter

from imagewright.cli.columns import columns
from imagewright.cli.listing import AsJson
from imagewright.cli.sources import Sources, settings_or_exit

app = App(name="providers", help="Show providers and their models.")
_COLUMNS = ("provider", "model", "lifecycle", "ends", "price")


@app.command(name="list")
def list_(
    *,
    sources: Sources | None = None,
    ask: Annotated[bool, Parameter(negative="", help="Ask them what models they have.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print every model that the settings offer: until when, and at what price."""
    from imagewright.app.checking import faults_of
    from imagewright.app.offering import offered

    settings = settings_or_exit(sources, faults_of).settings
    found = asyncio.run(offered(settings, ask=ask))
    if as_json:
        print(json.dumps({"providers": found}, indent=2))
        return
    rows = [
        {
            "provider": provider["name"],
            "model": model["id"],
            "lifecycle": model["lifecycle"],
            "ends": model.get("ends", ""),
            "price": _price(model["price"]),
        }
        for provider in found
        for model in provider["models"]
    ]
    print(columns(_COLUMNS, rows), end="")
    for provider in found:
        for warning in provider.get("warnings", ()):
            print(f"{provider['name']}: {warning}")


def _price(price: dict[str, str]) -> str:
    if "refused" in price:
        return "none, refused"
    name, amount = next(iter(price.items()))
    return f"${amount} {name}" + (" ..." if len(price) > 1 else "")
