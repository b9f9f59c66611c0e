"""All wiring: settings become an `App`, and nothing else constructs an adapter.

```python
from imagewright.app import build
from imagewright.settings import load

app = build(load().settings)
```
"""

from imagewright.app.application import App, build
from imagewright.app.parts import Parts

__all__ = ["App", "Parts", "build"]
