"""Jobs and images as every face shows them: JSON, made in one place."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from imagewright.api.allowance import left_shape
from imagewright.api.shapes import FaultShape, ImageShape, JobShape
from imagewright.api.times import iso
from imagewright.core.caller import Caller
from imagewright.core.errors import FAULTS, Canceled, Internal, Retry
from imagewright.core.image import Image, image_uri
from imagewright.core.job import Job, State
from imagewright.core.money import usd
from imagewright.core.plan import read_plan
from imagewright.services.library import LibraryService
from imagewright.services.usage import Allowance, UsageService

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


@dataclass(frozen=True, slots=True, kw_only=True)
class JobViews:
    """Looks up what belongs to a job; `paths` is whether images are named as files too."""

    library: LibraryService
    usage: UsageService
    paths: bool = False

    async def of(self, caller: Caller, job: Job, *, repeated: bool = False) -> JobView:
        """One of the caller's own jobs; its images are there once it has ended."""
        subject = caller.subject
        images = await self.library.of_job(subject, job.id) if job.state.ended else ()
        local = self.library.local_path
        paths = [local(subject, image) if self.paths else None for image in images]
        return JobView(
            job=job,
            images=tuple(zip(images, paths, strict=True)),
            repeated=repeated,
            left=await self.left(caller, [job]),
        )

    async def left(self, caller: Caller, jobs: Iterable[Job]) -> Allowance | None:
        """The tightest budget of those that count paid jobs; what is free is not limited."""
        providers = {job.provider for job in jobs if job.ceiling}
        return await self.usage.tightest(caller, providers) if providers else None


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
