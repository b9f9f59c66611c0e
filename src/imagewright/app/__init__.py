"""All wiring: settings become an `App`, and nothing else constructs an adapter.

```python
from imagewright.app import build
from imagewright.settings import load

app = build(load().settings)
```
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imagewright.app.application import App, build
    from imagewright.app.parts import Parts

__all__ = ["App", "Parts", "build"]
_PLACES = {"App": "application", "Parts": "parts", "build": "application"}


def __getattr__(name: str) -> object:
    # What is beside it in this package, the egress proxy above all, is to run without the service.
    if name not in _PLACES:
        raise AttributeError(name)
    found: object = getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
    return found
