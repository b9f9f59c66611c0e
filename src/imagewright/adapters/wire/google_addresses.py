"""Where Google's APIs are: the Gemini API, and Vertex AI for a project at a location."""

from collections.abc import Mapping

from imagewright.adapters.wire.google_tokens import token_address

_GEMINI = "https://generativelanguage.googleapis.com"


def api_address(project: str | None, location: str) -> str:
    """The Gemini API's address, or Vertex AI's for a project."""
    if project is None:
        return _GEMINI
    region = "" if location == "global" else f"{location}-"
    return f"https://{region}aiplatform.googleapis.com"


def opened(options: Mapping[str, object]) -> tuple[str, ...]:
    """Every address that options of `gemini` lead to, beside a `base_url`."""
    key, project = options["key_file"], options["project"]
    tokens = (token_address(str(key)),) if key is not None else ()
    if options["base_url"] is not None:
        return tokens
    known = str(project) if project is not None else None
    return (api_address(known, str(options["location"])), *tokens)
