"""What a provider delivered: kept in the library, and told as the books enter it."""

import json
import logging
from dataclasses import asdict
from itertools import count, takewhile

from imagewright.core.errors import Fault, Internal, ProviderBadAnswer
from imagewright.core.job import Job, State
from imagewright.core.verdict import Verdict
from imagewright.services.labels import label_of, turn_of
from imagewright.services.library import LibraryService
from imagewright.services.result import Arrived, Result, delivered, instead, why_none

_log = logging.getLogger(__name__)


async def keep(library: LibraryService, job: Job, arrived: Arrived) -> Result:
    """What a job comes to once its pictures are in the library; those that cannot be are told."""
    plan, delivery = arrived.plan, arrived.delivery
    result = delivered(delivery, plan)
    places = (index for index in count() if index not in delivery.failures)
    for made, index in zip(delivery.pictures, places, strict=False):
        try:
            label = label_of(job, plan, index, made)
            image = await library.keep(job.caller.subject, made.data, label)
        except Fault as fault:
            _log.warning("picture not kept", extra={"job": job.id, "code": fault.code})
            result.failures[index] = fault.code
        except Exception:  # noqa: BLE001 - the other pictures are still to be kept
            _log.exception("picture not kept", extra={"job": job.id})
            result.failures[index] = Internal.code
        else:
            result.images.append(image)
            result.turns += turn_of(plan, image, made)
    for index in takewhile(lambda index: index < plan.ask.n, places):
        result.failures[index] = ProviderBadAnswer.code
    if not result.images:
        result.state = State.FAILED
        result.fault = why_none(delivery)
    return result


def verdict_of(job: Job, result: Result, owner: str, at: int) -> Verdict:
    """A result as the books enter it."""
    return Verdict(
        job=job.id,
        owner=owner,
        attempt=job.attempt,
        state=result.state,
        at=at,
        settled=result.settled,
        images=tuple(result.images),
        turns=tuple(result.turns),
        error_code=result.fault.code if result.fault else None,
        error_sentence=result.fault.sentence if result.fault else None,
        outcome=json.dumps(
            {
                "usage": asdict(result.usage) if result.usage else None,
                "request": result.request,
                "failures": result.failures,
                **instead(job, result),
            }
        ),
    )
