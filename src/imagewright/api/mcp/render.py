"""From the services' values to what a client sees: text, links, a small preview, and JSON."""

import json
from dataclasses import dataclass

from fastmcp.tools.base import ToolResult
from fastmcp.utilities.types import Image as Inline
from mcp.types import ContentBlock, ResourceLink, TextContent
from pydantic import AnyUrl

from imagewright.api.mcp.allowance import left_shape, left_text
from imagewright.api.mcp.shapes import FaultShape, ImageShape, JobShape, JobsShape, QuoteShape
from imagewright.api.mcp.times import iso
from imagewright.core.ask import AUTO
from imagewright.core.errors import FAULTS, Canceled, Internal, Retry
from imagewright.core.image import Image, image_uri
from imagewright.core.job import Job, State
from imagewright.core.money import FREE, usd
from imagewright.core.plan import read_plan
from imagewright.core.quote import Consent
from imagewright.services.images import Estimate
from imagewright.services.usage import Allowance

_MICRO = 1_000_000
_RETRIES = {fault.code: fault.retry for fault in FAULTS} | {Canceled.code: Retry.LATER}
"""What is worth trying after a job ended so; a cancelled one may be asked for again."""
_ADVICE = {Retry.LATER: "Ask again", Retry.CHANGED: "Change the ask"}


@dataclass(frozen=True, slots=True, kw_only=True)
class JobView:
    """A job, its images with their paths on this machine, and whether it is an earlier one.

    `left` is the tightest of the budgets that count it, as it stands now.
    """

    job: Job
    images: tuple[tuple[Image, str | None], ...] = ()
    repeated: bool = False
    left: Allowance | None = None


def image_shape(image: Image, path: str | None, *, prompt: bool) -> ImageShape:
    """One image as JSON; `path` only where the caller shares this machine."""
    size = image.picture.size
    shape: ImageShape = {
        "id": image.id,
        "uri": image_uri(image.id),
        "width": size.width,
        "height": size.height,
        "megapixels": round(size.pixels / 1_000_000, 2),
        "bytes": image.picture.bytes,
        "mime": image.picture.format.mime,
        "origin": image.origin.value,
        "provider": image.provider,
        "model": image.model,
        "created_at": iso(image.created_at),
        "name": image.path.removeprefix("images/"),
        "sha256": image.sha256,
    }
    if prompt:
        shape["prompt"] = image.prompt
    if image.asked_size and image.asked_size != str(size):
        shape["asked_size"] = image.asked_size
    if image.seed is not None:
        shape["seed"] = image.seed
    if image.revised_prompt is not None:
        shape["revised_prompt"] = image.revised_prompt
    if image.tags:
        shape["tags"] = list(image.tags)
    if image.parents:
        shape["parents"] = [
            {"image": each.image, "role": each.role.value} for each in image.parents
        ]
    if path is not None:
        shape["path"] = path
    return shape


def job_shape(view: JobView) -> JobShape:
    """One job as JSON."""
    job = view.job
    shape: JobShape = {
        "job": job.id,
        "state": job.state.value,
        "stage": job.stage,
        "provider": job.provider,
        "model": job.model,
        "n": job.count,
        "images": [image_shape(image, path, prompt=False) for image, path in view.images],
        "quote": job.quote,
        "ceiling_usd": usd(job.ceiling),
        "created_at": iso(job.created_at),
    }
    if job.total and not job.state.ended:
        shape["done"], shape["total"] = job.done, job.total
    if job.actual is not None:
        shape["cost_usd"] = usd(job.actual)
    if view.left is not None:
        shape["left"] = left_shape(view.left)
    if job.started_at is not None and job.finished_at is not None:
        shape["elapsed_seconds"] = round((job.finished_at - job.started_at) / _MICRO, 2)
    if view.repeated:
        shape["repeated"] = True
    plan = read_plan(job.plan)
    if plan.ask.continued is not None:
        shape["conversation"] = plan.ask.continued.conversation
    if job.group is not None:
        shape["group"] = job.group
    if plan.reason:
        shape["reason"] = plan.reason
    if plan.warnings:
        shape["warnings"] = list(plan.warnings)
    _add_outcome(shape, job)
    return shape


def _add_outcome(shape: JobShape, job: Job) -> None:
    outcome = json.loads(job.outcome or "{}")
    usage = outcome.get("usage") or {}
    tokens = {
        name: usage[key]
        for name, key in (
            ("text_in", "text_tokens"),
            ("image_in", "image_tokens"),
            ("out", "output_tokens"),
            ("text_out", "word_tokens"),
            ("text_model_in", "reader_tokens"),
        )
        if usage.get(key) is not None
    }
    if tokens:
        shape["tokens"] = tokens
    if outcome.get("failures"):
        shape["failures"] = outcome["failures"]
    if "provider" in outcome:
        shape["instead_of"] = f"{shape['provider']} / {shape['model']}"
        shape["provider"], shape["model"] = outcome["provider"], outcome["model"]
    if job.error_code is not None:
        shape["error"] = job_fault(job)


def job_fault(job: Job) -> FaultShape:
    """The error that ended a job, as JSON."""
    code = job.error_code or Internal.code
    retry = _RETRIES.get(code, Retry.LATER)
    if job.state is State.OUTCOME_UNKNOWN:
        hint = "Its cost stays held until the operator resolves it; asking again returns this job."
    elif job.actual:
        hint = "What the provider made could not be used."
    else:
        hint = f"{_ADVICE.get(retry, 'Ask the operator')}; nothing was charged."
    return {
        "code": code,
        "message": job.error_sentence or "The job failed.",
        "retry": retry.value,
        "hint": hint,
    }


def job_text(view: JobView) -> str:
    """One job in a few lines."""
    job = view.job
    lines = [_headline(view)]
    for image, path in view.images:
        size = image.picture.size
        seed = "" if image.seed is None else f", seed {image.seed}"
        lines.append(
            f"{image.id}: {size}, {image.picture.format.value}, {image.picture.bytes:,} bytes{seed}"
        )
        if path is not None:
            lines.append(f"  {path}")
    if job.error_code is not None:
        fault = job_fault(job)
        lines.append(f"{fault['code']}: {fault['message']} {fault.get('hint', '')}".strip())
    if job.ceiling:
        lines.append(_money(view))
    lines += [f"Note: {warning}" for warning in read_plan(job.plan).warnings]
    return "\n".join(lines)


def _money(view: JobView) -> str:
    """What was quoted, what it cost, and what is left, under one id."""
    job = view.job
    cost = "held" if job.actual is None else f"cost ${usd(job.actual)}"
    left = f"; {left_text(left_shape(view.left))}" if view.left is not None else ""
    return f"Quote {job.quote}: at most ${usd(job.ceiling)}, {cost}{left}."


def _headline(view: JobView) -> str:
    job = view.job
    cost = f", cost ${usd(job.actual)}" if job.actual else ""
    if job.state is State.SUCCEEDED:
        again = " (the first result of the same ask, at no cost)" if view.repeated else ""
        maker = f"{job.provider} / {job.model}"
        instead = json.loads(job.outcome or "{}")
        if "provider" in instead:
            maker = f"{instead['provider']} / {instead['model']}, for {maker} did not take it"
        return f"Made {len(view.images)} of {job.count} with {maker}{cost}{again}."
    if not job.state.ended:
        return f"Job {job.id} is {job.state.value}: {job.stage}. Call get_job to wait for it."
    return f"Job {job.id} ended as {job.state.value}{cost}."


def job_result(view: JobView, previews: tuple[bytes, ...]) -> ToolResult:
    """A job with links to its images and as many previews as were handed in."""
    content: list[ContentBlock] = [TextContent(type="text", text=job_text(view))]
    content += [link(image) for image, _ in view.images]
    content += [Inline(data=each, format="webp").to_image_content() for each in previews]
    failed = view.job.state in {State.FAILED, State.OUTCOME_UNKNOWN}
    return ToolResult(content=content, structured_content=dict(job_shape(view)), is_error=failed)


def jobs_result(jobs: tuple[Job, ...]) -> ToolResult:
    """Several jobs, a line each."""
    shape: JobsShape = {"jobs": [job_shape(JobView(job=job)) for job in jobs]}
    lines = [
        f"{job.id}: {job.state.value}, {job.provider} / {job.model}, "
        f"n {job.count}, {iso(job.created_at)}"
        for job in jobs
    ]
    return ToolResult(content="\n".join(lines) or "No jobs.", structured_content=dict(shape))


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteView:
    """By which strengths the caller may consent to what is priced, and what is left to it.

    `open_quote` is the id of a question about exactly this that is open.
    """

    consents: frozenset[Consent]
    open_quote: str | None = None
    left: Allowance | None = None


def quote_result(found: Estimate, view: QuoteView) -> ToolResult:
    """What an ask would cost at most."""
    plan, quote = found.plan, found.quote
    shape: QuoteShape = {
        "provider": plan.provider,
        "model": plan.model,
        "n": plan.ask.n,
        "size": quote.size,
        "quality": plan.quality.value if plan.quality else AUTO,
        "output_format": plan.output_format.value,
        "ceiling_usd": usd(quote.ceiling),
        "estimate": quote.estimate,
        "paid": quote.ceiling > FREE,
        "consent": sorted(each.value for each in view.consents),
        "warnings": list(plan.warnings),
        "reason": plan.reason,
        "fallbacks": [f"{each.provider} / {each.model}" for each in plan.fallbacks],
    }
    text = (
        f"{plan.provider} / {plan.model}: n {plan.ask.n}, {quote.size}, "
        f"at most ${usd(quote.ceiling)}{' (estimate)' if quote.estimate else ''}."
    )
    return priced(shape, text, view)


def priced(shape: QuoteShape, text: str, view: QuoteView) -> ToolResult:
    """A price, with the question that is open about it and what is left."""
    if view.open_quote is not None:
        shape["quote"] = view.open_quote
    if view.left is not None:
        shape["left"] = left_shape(view.left)
        text += f" {left_text(shape['left'])}."
    return ToolResult(content=text, structured_content=dict(shape))


def short(prompt: str) -> str:
    """A prompt's beginning, on one line."""
    line = " ".join(prompt.split())
    return line if len(line) <= 80 else f"{line[:79]}…"  # noqa: PLR2004 - a line's length


def link(image: Image) -> ResourceLink:
    """A link to the original."""
    return ResourceLink(
        type="resource_link",
        uri=str(AnyUrl(image_uri(image.id))),
        name=image.id,
        mime_type=image.picture.format.mime,
        size=image.picture.bytes,
    )
