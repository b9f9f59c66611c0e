"""Bodies of Stable Diffusion WebUI's API: A1111 1.10, Forge, and stable-diffusion.cpp's server.

Read from `modules/api` of A1111 and Forge and `routes_sdapi.cpp` of stable-diffusion.cpp, and tried
with webuiapi 0.9.17. Nothing here changes a server's settings beyond the one request.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from imagewright.adapters.web.client import Answer
from imagewright.adapters.wire.judge import Judge
from imagewright.adapters.wire.line import Judgement
from imagewright.adapters.wire.results import decode_base64, read_object, whole
from imagewright.core.errors import Fault, ProviderMisconfigured, ProviderRejected, Unsupported
from imagewright.core.option import Option
from imagewright.core.size import Size
from imagewright.ports.provider import Input, Made, Order

_ALWAYS = {
    "steps": "steps",
    "cfg_scale": "cfg_scale",
    "distilled_cfg_scale": "distilled_cfg_scale",
    "sampler": "sampler_name",
    "scheduler": "scheduler",
}
_SETTINGS = {"clip_skip": "CLIP_stop_at_last_layers", "vae": "sd_vae"}
_HIRES = {
    "hires_upscaler": "hr_upscaler",
    "hires_steps": "hr_second_pass_steps",
    "hires_strength": "denoising_strength",
}
_EDIT: Mapping[str, tuple[str, Option]] = {
    "strength": ("denoising_strength", 0.75),
    "resize_mode": ("resize_mode", 1),
    "mask_blur": ("mask_blur", 4),
    "inpainting_fill": ("inpainting_fill", 1),
    "inpaint_full_res": ("inpaint_full_res", False),
    "inpaint_full_res_padding": ("inpaint_full_res_padding", 32),
}
OPTIONS = frozenset({*_ALWAYS, *_SETTINGS, *_HIRES, *_EDIT, "hires_scale"})
"""What a model's options may be named."""

_GRID = 8
_EXTRA = "<sd_cpp_extra_args>"
_SEEDS = range(2**63)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What a request names beside the order: a checkpoint, None for the loaded one; options."""

    checkpoint: str | None
    options: Mapping[str, Option] = field(default_factory=dict)


def check_words(order: Order) -> None:
    """Raise Unsupported for words that a server takes for settings.

    stable-diffusion.cpp reads JSON between two such marks within a prompt, and obeys it.
    """
    plan = order.plan
    if _EXTRA in plan.prompt or _EXTRA in (plan.negative_prompt or ""):
        raise Unsupported(
            f"The prompt holds {_EXTRA}, which some servers take for settings.",
            hint="Leave it out.",
        )


def check_options(options: Mapping[str, Option]) -> None:
    """Raise ProviderMisconfigured for options that mean nothing."""
    if wrong := sorted(set(options) - OPTIONS):
        raise ProviderMisconfigured(
            f"The model's options hold {', '.join(wrong)}, which mean nothing to its adapter.",
            hint="Ask the operator to take them out.",
        )


def body(order: Order, chosen: Chosen, seed: int) -> dict[str, object]:
    """The body of `/sdapi/v1/txt2img`, or with references of `/sdapi/v1/img2img`."""
    plan, options = order.plan, chosen.options
    settings = {_SETTINGS[name]: options[name] for name in _SETTINGS if name in options}
    if chosen.checkpoint is not None:
        settings["sd_model_checkpoint"] = chosen.checkpoint
    values: dict[str, object] = {
        "prompt": plan.prompt,
        "negative_prompt": plan.negative_prompt or "",
        "seed": seed,
        "n_iter": 1,
        "batch_size": plan.ask.n,
        "send_images": True,
        "save_images": False,
        "override_settings": settings,
        "override_settings_restore_afterwards": True,
        **_size(plan.size),
        **{_ALWAYS[name]: options[name] for name in _ALWAYS if name in options},
    }
    extra = _edit(order, options) if order.references else _hires(plan.size, options)
    return {**values, **extra}


def _size(size: Size | None) -> dict[str, object]:
    return {} if size is None else {"width": size.width, "height": size.height}


def _hires(size: Size | None, options: Mapping[str, Option]) -> dict[str, object]:
    """A second pass that ends at the size asked for; the first is smaller by `hires_scale`."""
    scale = options.get("hires_scale")
    if size is None or not isinstance(scale, int | float) or scale <= 1:
        return {}
    first = Size(_on_grid(size.width / scale), _on_grid(size.height / scale))
    return {
        "enable_hr": True,
        **_size(first),
        "hr_scale": scale,
        "hr_resize_x": size.width,
        "hr_resize_y": size.height,
        **{_HIRES[name]: options[name] for name in _HIRES if name in options},
    }


def _on_grid(pixels: float) -> int:
    return max(_GRID, round(pixels / _GRID) * _GRID)


def _edit(order: Order, options: Mapping[str, Option]) -> dict[str, object]:
    values: dict[str, object] = {
        parameter: options.get(name, default) for name, (parameter, default) in _EDIT.items()
    }
    if order.plan.ask.strength is not None:
        values["denoising_strength"] = order.plan.ask.strength
    values["init_images"] = [_text(each) for each in order.references]
    if order.mask is not None:
        values |= {"mask": _text(order.mask), "inpainting_mask_invert": 0}
    return values


def _text(picture: Input) -> str:
    return base64.b64encode(picture.data).decode("ascii")


@dataclass(frozen=True, slots=True)
class WebuiJudge:
    """`Judge`, and this API's own refusals before it."""

    shared: Judge

    def __call__(self, answer: Answer) -> Judgement:
        judgement = self.shared(answer)
        error = read_object(answer.body) or {}
        if answer.status == 404 and error.get("detail") == "Sampler not found":
            fault: Fault = ProviderMisconfigured(
                "The provider has no sampler of the name that the model's options give.",
                hint="Ask the operator to correct `sampler`, or choose another model.",
            )
        elif answer.status == 500 and error.get("error") == "OutOfMemoryError":
            fault = out_of_memory()
        else:
            return judgement
        return replace(judgement, fault=fault)


def out_of_memory() -> ProviderRejected:
    """The fault for an engine whose memory was too small for what was asked."""
    return ProviderRejected(
        "The provider's memory does not suffice for this.",
        hint="Ask for a smaller size or fewer images.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """The pictures of an answer by their index; those that are missing could not be read."""

    listed: int
    made: Mapping[int, Made]


def read_pictures(data: bytes, count: int, seed: int, limit: int) -> Pictures | None:
    """At most `count` pictures of at most `limit` bytes, or None where it is no such answer.

    Grids come before them, and control images after: `info` says where they begin and has a
    seed for each. stable-diffusion.cpp leaves it empty, and counts on from the seed sent.
    """
    answer = read_object(data)
    images = answer.get("images") if answer is not None else None
    if answer is None or not isinstance(images, list):
        return None
    info = answer.get("info")
    told = read_object(info.encode()) if isinstance(info, str) else None
    seeds = _seeds(told or {}, range(seed, seed + count))
    start = whole((told or {}).get("index_of_first_image")) or 0
    wanted = images[max(0, start) :][: min(count, len(seeds))]
    made = {
        index: Made(data=picture, seed=seeds[index])
        for index, each in enumerate(wanted)
        if isinstance(each, str) and (picture := decode_base64(each)) and len(picture) <= limit
    }
    return Pictures(listed=len(wanted), made=made)


def _seeds(info: Mapping[str, object], sent: range) -> list[int]:
    found = info.get("all_seeds")
    if not isinstance(found, list):
        return list(sent)
    seeds = [seed for each in found if (seed := whole(each)) is not None and seed in _SEEDS]
    return seeds if seeds and len(seeds) == len(found) else list(sent)
