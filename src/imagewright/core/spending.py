"""What a provider reports it used."""

from dataclasses import dataclass

from imagewright.core.money import Nano

_MOST = 2**63 - 1
"""The largest amount that the ledger can hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """A provider's own report; None for what it does not tell.

    `cost` is a price in the answer itself, `pictures` how many were made.
    Token counts are those billed: text and image input, image output, the words that came out
    beside the pictures, thoughts included, and what a text model read that passed the order on.
    """

    pictures: int | None = None
    text_tokens: int | None = None
    image_tokens: int | None = None
    output_tokens: int | None = None
    word_tokens: int | None = None
    reader_tokens: int | None = None
    cost: Nano | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """The cost entered in the ledger. A report outside 0..ceiling is kept as `disputed`.

    Of an absurd one, as much is kept as the ledger can hold.
    """

    amount: Nano
    disputed: Nano | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """Pictures of one ask that did not come: how many surely cost nothing, and how many may."""

    spared: int = 0
    unsure: int = 0


NONE_MISSING = Missing()


def cost(ceiling: Nano, count: int, reported: Nano | None, missing: Missing) -> Nano | None:
    """What `count` pictures come to where some are missing, or None for the ceiling itself.

    Without a report, those that came and those that nobody knows of cost their share of the
    ceiling; a report does not count the latter, so their share is added to it.
    """
    if reported is not None:
        return Nano(reported + _share(ceiling, missing.unsure, count))
    if missing.spared:
        return _share(ceiling, count - missing.spared, count)
    return None


def _share(ceiling: Nano, part: int, count: int) -> Nano:
    return Nano(-(-ceiling * part // count))


def settle(ceiling: Nano, reported: Nano | None) -> Settled:
    """The reported cost if it lies between nothing and the ceiling, else the ceiling."""
    if reported is None:
        return Settled(amount=ceiling)
    if 0 <= reported <= ceiling:
        return Settled(amount=reported)
    return Settled(amount=ceiling, disputed=Nano(max(-_MOST, min(reported, _MOST))))
