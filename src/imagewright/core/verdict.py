"""How a job ended, as the books enter it."""

from dataclasses import dataclass

from imagewright.core.conversation import Turn
from imagewright.core.image import Image
from imagewright.core.job import State
from imagewright.core.spending import Settled


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The end of one attempt at a job.

    `settled` None keeps the hold (outcome unknown); an amount of nothing releases it.
    `turns` are of those images that a conversation can go on from, or went on to.
    `outcome` is JSON: usage, revised prompts, warnings, failures by index.
    """

    job: str
    owner: str
    attempt: int
    state: State
    at: int
    settled: Settled | None
    images: tuple[Image, ...] = ()
    turns: tuple[Turn, ...] = ()
    error_code: str | None = None
    error_sentence: str | None = None
    outcome: str = "{}"
