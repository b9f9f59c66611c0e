"""Refusals of OpenAI-shaped APIs, as `adapters.wire.line` wants them judged."""

from dataclasses import dataclass

from imagewright.adapters.web.client import Answer
from imagewright.adapters.wire.line import Judgement
from imagewright.adapters.wire.refusals import read_error, refusal
from imagewright.adapters.wire.retrying import asked_pause, may_repeat
from imagewright.ports.provider import Parts


@dataclass(frozen=True, slots=True)
class Judge:
    """Reads the refusals of a call for a model, by the catalogue's name for it."""

    parts: Parts
    model: str

    def __call__(self, answer: Answer) -> Judgement:
        error = read_error(answer.body)
        pause = asked_pause(answer.headers, self.parts.clock.now() / 1_000_000)
        own = error is not None and not error.broken
        repeatable = may_repeat(answer.status, answer.headers, own_error=own)
        return Judgement(
            fault=refusal(answer, model=self.model, asked_pause=pause),
            repeatable=repeatable and not (error is not None and error.quota),
            pause=pause,
        )
