"""OpenRouter's lists of image models and of their prices (openrouter 1.3.84).

`GET /images/models` lists what there is; `GET /images/models/{author}/{slug}/endpoints` says by
whom each is served, and with `pricing` lines for what: `{billable, unit, cost_usd, variant}`.
"""

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from math import ceil

from imagewright.core.catalogue import PerImage
from imagewright.core.money import DOLLAR, FREE, Nano
from imagewright.ports.provider import Found

_LIKE = "grok-imagine-image-2.0"
_RATIOS = frozenset({"1:1", "16:9", "9:16", "4:3", "3:4"})
"""Those of the model above, which is words and a named size only, as most of them can do."""
_MOST_USD = 1000
_TITLE = 200


def read_models(body: bytes) -> list[Found] | None:
    """The models that are listed, without prices; None where it is no such list.

    A model that takes words and the usual sizes is `like` the plainest of the data file.
    """
    listed = _data(body)
    if not isinstance(listed, list):
        return None
    return [found for each in listed if isinstance(each, dict) for found in _found(each)]


def read_model_price(body: bytes) -> PerImage | None:
    """The dearest price a picture over all endpoints, any of which an order may be routed to.

    None where one bills otherwise (by token, by megapixel, or for what goes in): then no
    price a picture covers it.
    """
    data = _data(body)
    endpoints = data.get("endpoints") if isinstance(data, dict) else None
    if not isinstance(endpoints, list) or not endpoints:
        return None
    prices = [_endpoint_price(each) for each in endpoints]
    told = [each for each in prices if each is not None]
    return PerImage(prices={"*": max(told)}) if len(told) == len(prices) else None


def nano(value: object) -> Nano | None:
    """US dollars as JSON's number, rounded up to a nano-dollar; None for what is no amount."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    if not amount.is_finite() or not 0 <= amount < _MOST_USD:
        return None
    return Nano(ceil(amount * DOLLAR))


def _data(body: bytes) -> object:
    try:
        answer = json.loads(body, parse_float=Decimal)
    except (ValueError, RecursionError):
        return None
    if not isinstance(answer, dict):
        return None
    return answer.get("data", answer)


def _found(model: Mapping[str, object]) -> Iterator[Found]:
    name, title = model.get("id"), model.get("name")
    if isinstance(name, str) and name.count("/") == 1:
        told = title[:_TITLE] if isinstance(title, str) and title else None
        yield Found(upstream=name, title=told, like=_LIKE if _is_like(model) else None)


def _is_like(model: Mapping[str, object]) -> bool:
    """Whether it takes the sizes of the one that it is then taken to be like."""
    taken = model.get("supported_parameters")
    if not isinstance(taken, dict):
        return False
    return _values(taken.get("aspect_ratio")) >= _RATIOS and "1K" in _values(
        taken.get("resolution")
    )


def _values(capability: object) -> frozenset[str]:
    values = capability.get("values") if isinstance(capability, dict) else None
    return frozenset(map(str, values)) if isinstance(values, list) else frozenset()


def _endpoint_price(endpoint: object) -> Nano | None:
    lines = endpoint.get("pricing") if isinstance(endpoint, dict) else None
    if not isinstance(lines, list):
        return None
    dearest = None
    for line in lines:
        cost = nano(line.get("cost_usd")) if isinstance(line, dict) else None
        if cost is None:
            return None
        if line.get("billable") == "output_image" and line.get("unit") == "image":
            dearest = max(cost, dearest or FREE)
        elif cost:
            return None
    return dearest
