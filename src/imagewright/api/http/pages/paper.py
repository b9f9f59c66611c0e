"""Templates and the headers that every page carries."""

from collections.abc import Mapping
from importlib.resources import files

from jinja2 import DictLoader, Environment, StrictUndefined
from starlette.responses import HTMLResponse, Response

_TEMPLATES = (
    "base",
    "sign_in",
    "going",
    "home",
    "error",
    "consent",
    "approvals",
    "approval",
    "answered",
)
_HEADERS = {
    "Cache-Control": "no-store",
    # With no-referrer, browsers would send `Origin: null` with our own forms.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Paper:
    """Every value is escaped; a template that names one it was not given is an error."""

    def __init__(self, service: str) -> None:
        """`service` is the name that stands above every page."""
        place = files(__package__)
        texts = {name: place.joinpath(f"{name}.html").read_text("utf-8") for name in _TEMPLATES}
        self._style = place.joinpath("style.css").read_text("utf-8")
        self._templates = Environment(
            loader=DictLoader(texts), autoescape=True, undefined=StrictUndefined, auto_reload=False
        )
        self._service = service

    def page(
        self, name: str, values: Mapping[str, object], *, origin: str, status: int = 200
    ) -> Response:
        """A page whose forms go to `origin` and nowhere else."""
        text = self._templates.get_template(name).render(service=self._service, **values)
        return HTMLResponse(text, status, headers={**_HEADERS, **_policy(origin)})

    def style(self) -> Response:
        """The one style sheet."""
        headers = {**_HEADERS, "Cache-Control": "public, max-age=300"}
        return Response(self._style, media_type="text/css", headers=headers)


def _policy(origin: str) -> dict[str, str]:
    """No script, nothing of others, in nobody's frame (Content Security Policy 3)."""
    rules = "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'"
    return {"Content-Security-Policy": f"{rules}; form-action {origin}"}
