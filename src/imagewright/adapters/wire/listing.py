"""The models that OpenAI-shaped servers and Google list (`GET /models`)."""

import asyncio
import re
from collections.abc import Mapping
from datetime import date

from imagewright.adapters.web.client import Answer, Call
from imagewright.adapters.wire.judge import Judge
from imagewright.adapters.wire.line import Line
from imagewright.adapters.wire.results import read_object
from imagewright.core.errors import ProviderBadAnswer
from imagewright.ports.provider import Found, Parts

_LIMIT = 8 * 1024 * 1024
_MOST = 10_000
_ID = re.compile(r"[!-~]{1,200}\Z")
_OURS = ("gpt-image-", "chatgpt-image-")
_FAMILIES = {
    "gpt-image-1": "gpt-image-1.5",
    "gpt-image-2-": "gpt-image-2",
    "gpt-image-2.5-flare": "gpt-image-2.5-flare",
    "gpt-image-2.5-": "gpt-image-2.5-sunburst",
    "chatgpt-": "chatgpt-image-latest",
}
_NEWEST = "gpt-image-2.6-flare"
"""What a model is like whose family is not known: no newer one took less."""
_GOOGLES = ("-image", "nano-banana")
_GOOGLES_NEWEST = "gemini-nano-banana-2.1"
"""What a model is taken to be like that the data file does not know; it gets no price from it."""


async def ask_for_models(line: Line, parts: Parts, path: str = "models") -> Answer:
    """The list as it came, for nothing. Raises a Provider* fault."""
    call = Call(path=path, method="GET", limit=_LIMIT)
    return await line.look(call, Judge(parts, ""))


async def models_of(answer: Answer) -> tuple[Mapping[str, object], ...]:
    """Those of a list whose `id` could be one. Raises ProviderBadAnswer for what is no list."""
    found = await asyncio.to_thread(read_object, answer.body)
    listed = found.get("data") if found is not None else None
    if not isinstance(listed, list):
        raise ProviderBadAnswer("The provider's list of models cannot be read.")
    return tuple(
        each
        for each in listed[:_MOST]
        if isinstance(each, dict) and isinstance(each.get("id"), str) and _ID.match(each["id"])
    )


async def openai_models(answer: Answer) -> tuple[Found, ...]:
    """OpenAI's makers of pictures, with the days on which they end (`shutdown_date`)."""
    return tuple(
        _found(str(each["id"]), each)
        for each in await models_of(answer)
        if str(each["id"]).startswith(_OURS)
    )


def google_models(page: Mapping[str, object]) -> tuple[Found, ...]:
    """Google's makers of pictures on a page, by their names: it does not tell what they make."""
    listed = page.get("models", page.get("publisherModels"))
    models = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    found = []
    for model in models:
        name = str(model.get("name", "")).rpartition("/")[2]
        methods = model.get("supportedGenerationMethods", ["generateContent"])
        able = isinstance(methods, list) and "generateContent" in methods
        if able and any(part in name for part in _GOOGLES):
            title = model.get("displayName")
            told = title if isinstance(title, str) else None
            found.append(Found(upstream=name, title=told, like=_GOOGLES_NEWEST))
    return tuple(found)


def _found(name: str, model: Mapping[str, object]) -> Found:
    like = next((like for start, like in _FAMILIES.items() if name.startswith(start)), _NEWEST)
    return Found(upstream=name, ends=_day(model.get("shutdown_date")), like=like)


def _day(text: object) -> date | None:
    try:
        return date.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
