"""From the services' values to what a client sees: text, links, a small preview, and JSON."""

import json
from dataclasses import dataclass

from fastmcp.tools.base import ToolResult
from fastmcp.utilities.types import Image as Inline
from mcp.types import ContentBlock, ResourceLink, TextContent
from pydantic import AnyUrl

from imagewright.api.allowance import left_shape, left_text
from imagewright.api.job_view import JobView, job_fault, job_shape
from imagewright.api.mcp.shapes import JobsShape, QuoteShape
from imagewright.api.times import iso
from imagewright.core.ask import AUTO
from imagewright.core.image import Image, image_uri
from imagewright.core.job import Job, State
from imagewright.core.money import FREE, usd
from imagewright.core.plan import read_plan
from imagewright.core.quote import Consent
from imagewright.services.images import Estimate
from imagewright.services.usage import Allowance


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
