"""Where Google's APIs are: the Gemini API, and Vertex AI for a project at a location."""

from collections.abc import Mapping

from imagewright.adapters.wire.google_tokens import token_address

_GEMINI = "https://generativelanguage.googleapis.com"


def api_address(base_url: str | None, project: str | None, location: str) -> str:
    """Without the version: a gateway, else Vertex AI for a project, else the Gemini API."""
    if base_url is not None or project is None:
        return base_url or _GEMINI
    region = "" if location == "global" else f"{location}-"
    return f"https://{region}aiplatform.googleapis.com"


def opened(options: Mapping[str, object]) -> tuple[str, ...]:
    """Where the API is that options of `gemini` choose, and who gives tokens for it."""
    base, project, key = (
        None if options[name] is None else str(options[name])
        for name in ("base_url", "project", "key_file")
    )
    place = api_address(base, project, str(options["location"]))
    return (place, token_address(key)) if key is not None else (place,)
