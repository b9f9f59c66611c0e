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

_MOST_USD = 1000
_TITLE = 200


def read_models(body: bytes) -> list[Found] | None:
    """The models that are listed, without prices; None where it is no such list."""
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
        yield Found(upstream=name, title=told)


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
