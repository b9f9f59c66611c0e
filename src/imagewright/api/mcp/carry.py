"""An ask carried to its answer: admitted, waited for with progress, shown."""

import asyncio
import time

from fastmcp import Context
from fastmcp.tools.base import ToolResult
from mcp.types import InputRequiredResult

from imagewright.api.mcp.confirm import order
from imagewright.api.mcp.face import Face, face_of
from imagewright.api.mcp.render import JobView, job_result
from imagewright.core.ask import Ask
from imagewright.core.errors import Fault
from imagewright.core.image import Image
from imagewright.core.job import Job
from imagewright.ports.board import News

_STEP = 0.001


async def carry(
    ctx: Context, ask: Ask, wait: int | None, confirm: str | None
) -> ToolResult | InputRequiredResult:
    """Admit the ask, wait for its job within bounds, and show it."""
    face = face_of(ctx)
    caller = face.caller()
    admitted = await order(ctx, face, caller, ask, confirm)
    if isinstance(admitted, InputRequiredResult):
        return admitted
    job = await wait_for(ctx, face, admitted.job, wait)
    return await show(face, caller.subject, job, repeated=not admitted.fresh)


async def wait_for(ctx: Context, face: Face, job: Job, wait: int | None) -> Job:
    """The job once it has ended, or as it stands after the seconds; news goes on as progress."""
    seconds = face.wait if wait is None else wait
    if seconds == 0 or job.state.ended:
        return job
    began = time.monotonic()
    sent = 0.0

    async def on_news(news: News) -> None:
        nonlocal sent
        elapsed = time.monotonic() - began
        value = float(news.done) if news.total else elapsed
        sent = max(value, sent + _STEP)
        total = float(news.total) if news.total else None
        await ctx.report_progress(sent, total, f"{news.stage} ({elapsed:.0f} s)")

    return await face.jobs.wait(job.caller.subject, job.id, seconds, on_news)


async def show(face: Face, subject: str, job: Job, *, repeated: bool = False) -> ToolResult:
    """A job with its images, links, and previews as far as they fit."""
    images = await face.library.of_job(subject, job.id) if job.state.ended else ()
    paths = [face.library.local_path(subject, image) if face.paths else None for image in images]
    view = JobView(job=job, images=tuple(zip(images, paths, strict=True)), repeated=repeated)
    if not job.state.ended:
        partial = await face.library.partial(subject, job.id)
        return job_result(view, (partial,) if partial else ())
    return job_result(view, await _previews(face, subject, images))


async def _previews(face: Face, subject: str, images: tuple[Image, ...]) -> tuple[bytes, ...]:
    found: list[bytes] = []
    left = face.preview_bytes
    for made in await asyncio.gather(
        *(face.library.preview(subject, image.id) for image in images), return_exceptions=True
    ):
        if isinstance(made, bytes) and len(made) <= left:
            left -= len(made)
            found.append(made)
        elif isinstance(made, BaseException) and not isinstance(made, Fault):
            raise made
    return tuple(found)
