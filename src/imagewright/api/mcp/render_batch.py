"""A job group as a client sees it: counts, what failed, and each ask's state and images."""

from collections import Counter
from collections.abc import Iterable

from fastmcp.tools.base import ToolResult

from imagewright.api.allowance import left_shape, left_text
from imagewright.api.mcp.render import QuoteView, priced
from imagewright.api.mcp.shapes import PricedShape, QuoteShape
from imagewright.api.shapes import ItemShape, JobShape
from imagewright.api.times import iso
from imagewright.core.ask import AUTO
from imagewright.core.batch import Item, state_of
from imagewright.core.job import Job, State
from imagewright.core.money import FREE, Nano, usd
from imagewright.core.plan import Plan
from imagewright.services.batch import BatchEstimate, Bundle, jobs_of
from imagewright.services.usage import Allowance

_MOST_IMAGES = 300
_LINES = 20


def batch_result(
    bundle: Bundle, left: Allowance | None = None, *, repeated: bool = False
) -> ToolResult:
    """A group in a few lines, and as JSON; its images by id alone. `left` is as in `JobView`."""
    shape = _shape(bundle, repeated=repeated)
    if left is not None:
        shape["left"] = left_shape(left)
    return ToolResult(
        content=_text(bundle, shape),
        structured_content=dict(shape),
        is_error=shape["state"] in {State.FAILED, State.OUTCOME_UNKNOWN},
    )


def quotes_result(found: BatchEstimate, view: QuoteView) -> ToolResult:
    """What a batch would cost at most: the sum, and each ask's own ceiling."""
    quote, parts = found.quote, found.parts
    plans = [part.plan for part in parts]
    shape: QuoteShape = {
        "provider": quote.provider,
        "model": quote.model,
        "n": quote.count,
        "size": quote.size,
        "quality": _named(_quality(plan) for plan in plans),
        "output_format": _named(plan.output_format.value for plan in plans),
        "ceiling_usd": usd(quote.ceiling),
        "estimate": quote.estimate,
        "paid": quote.ceiling > FREE,
        "consent": sorted(each.value for each in view.consents),
        "warnings": [],
        "reason": _named(plan.reason for plan in plans if plan.reason),
        "fallbacks": list(dict.fromkeys(each for plan in plans for each in _fallbacks(plan))),
        "items": [_priced(place, found) for place in range(len(parts))],
    }
    text = (
        f"A batch of {len(parts)}, {quote.provider} / {quote.model}: n {quote.count}, "
        f"{quote.size}, at most ${usd(quote.ceiling)}{' (estimate)' if quote.estimate else ''}."
    )
    return priced(shape, text, view)


def _priced(place: int, found: BatchEstimate) -> PricedShape:
    plan, quote, same = found.parts[place].plan, found.parts[place].quote, found.firsts[place]
    shape: PricedShape = {
        "item": place,
        "provider": plan.provider,
        "model": plan.model,
        "n": plan.ask.n,
        "size": quote.size,
        "quality": _quality(plan),
        "output_format": plan.output_format.value,
        "ceiling_usd": usd(quote.ceiling if same == place else FREE),
        "estimate": quote.estimate,
        "reason": plan.reason,
    }
    if plan.warnings:
        shape["warnings"] = list(plan.warnings)
    if others := _fallbacks(plan):
        shape["fallbacks"] = others
    if same != place:
        shape["same_as"] = same
    return shape


def _quality(plan: Plan) -> str:
    return plan.quality.value if plan.quality else AUTO


def _fallbacks(plan: Plan) -> list[str]:
    return [f"{each.provider} / {each.model}" for each in plan.fallbacks]


def _shape(bundle: Bundle, *, repeated: bool) -> JobShape:
    group, jobs = bundle.group, jobs_of(bundle)
    own = [job for job in jobs if job.group == group.id]
    ended = sum(job.state.ended for job in jobs)
    items, left_out = _items(bundle)
    shape: JobShape = {
        "job": group.id,
        "state": state_of(jobs).value,
        "stage": f"{ended} of {len(jobs)} ended",
        "provider": _named(job.provider for job in jobs),
        "model": _named(job.model for job in jobs),
        "n": sum(job.count for job in jobs),
        "images": [],
        "quote": group.quote,
        "ceiling_usd": usd(Nano(sum(job.ceiling for job in own))),
        "created_at": iso(group.created_at),
        "counts": dict(Counter(item.job.state.value for item in bundle.items)),
        "items": items,
    }
    if ended < len(jobs):
        shape["done"], shape["total"] = ended, len(jobs)
    else:
        shape["cost_usd"] = usd(Nano(sum(job.actual or 0 for job in own)))
    failures = {str(each["item"]): each["code"] for each in items if "code" in each}
    if failures:
        shape["failures"] = failures
    if left_out:
        shape["images_left_out"] = left_out
    if repeated:
        shape["repeated"] = True
    return shape


def _named(names: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(names))


def _items(bundle: Bundle) -> tuple[list[ItemShape], int]:
    """Each ask, with images as far as they fit, and how many did not."""
    found, room, left_out = [], _MOST_IMAGES, 0
    for place, item in enumerate(bundle.items):
        images = [image.id for image in bundle.images.get(item.job.id, ())]
        found.append(_item(place, item, images[:room]))
        left_out += max(0, len(images) - room)
        room = max(0, room - len(images))
    return found, left_out


def _item(place: int, item: Item, images: list[str]) -> ItemShape:
    shape: ItemShape = {"item": place, "job": item.job.id, "state": item.job.state.value}
    if images:
        shape["images"] = images
    if item.job.error_code is not None:
        shape["code"] = item.job.error_code
    if item.reused:
        shape["reused"] = True
    return shape


def _text(bundle: Bundle, shape: JobShape) -> str:
    counts = ", ".join(f"{count} {state}" for state, count in shape["counts"].items())
    cost = f", cost ${shape['cost_usd']}" if "cost_usd" in shape else ""
    left = f"; {left_text(shape['left'])}" if "left" in shape else ""
    lines = [f"Batch {shape['job']} of {len(bundle.items)}: {counts}{cost}{left}."]
    failing = [(place, each.job) for place, each in enumerate(bundle.items) if each.job.error_code]
    lines += [f"Item {place}: {_why(job)}" for place, job in failing[:_LINES]]
    if len(failing) > _LINES:
        lines.append(f"{len(failing) - _LINES} more items failed: see failures.")
    if "done" in shape:
        lines.append("Call get_job with this id to wait for it.")
    return "\n".join(lines)


def _why(job: Job) -> str:
    return f"{job.error_code}: {job.error_sentence or 'The job failed.'}"
