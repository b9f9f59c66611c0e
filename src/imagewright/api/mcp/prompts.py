"""Prompts that help an agent choose a model and write for it; their texts are files."""

from functools import cache
from importlib.resources import files

from fastmcp import Context
from jinja2 import DictLoader, Environment, StrictUndefined

from imagewright.api.mcp import texts
from imagewright.api.mcp.component import PromptSpec
from imagewright.api.mcp.errors import answering_resource
from imagewright.api.mcp.face import Face, face_of
from imagewright.api.mcp.guide import Choice, advice, choices, find
from imagewright.core.ask import MAX_PROMPT
from imagewright.core.errors import InvalidRequest
from imagewright.core.scope import Scope

_TEXTS = ("select_provider", "write_prompt")
_WANTED = "What the picture is to show and what it is for."


async def select_provider(ctx: Context, wanted: str) -> str:
    """Choose among the models open to you the one that suits a picture best."""
    return _text("select_provider", wanted=_checked(wanted), entries=advice(_open(face_of(ctx))))


async def write_prompt(ctx: Context, wanted: str, model: str) -> str:
    """Write the words for a picture in the way that a model wants to be asked."""
    chosen = find(model, _open(face_of(ctx)))
    return _text(
        "write_prompt",
        wanted=_checked(wanted),
        provider=chosen.offer.name,
        model=chosen.model.id,
        title=chosen.model.title,
        profile=chosen.model.profile,
        negative=chosen.model.negative_prompt,
        references=chosen.model.references,
        mask=chosen.model.mask,
    )


def completed(face: Face, argument: str, begun: str) -> list[str]:
    """What may stand for an argument that begins so: for `model` those open to the caller."""
    if argument != "model":
        return []
    names = [each.name for each in _open(face)]
    names += dict.fromkeys(name.partition("/")[2] for name in names)
    return [name for name in names if name.casefold().startswith(begun.casefold())]


def _open(face: Face) -> tuple[Choice, ...]:
    return choices(face.images.offers(face.caller()), face.images.today())


def _checked(wanted: str) -> str:
    if not wanted.strip() or len(wanted) > MAX_PROMPT:
        raise InvalidRequest(
            f"What is wanted has to be told, in {MAX_PROMPT} characters at most.",
            hint="Say in a few sentences what the picture is to show.",
        )
    return wanted.strip()


def _text(name: str, **values: object) -> str:
    return _templates().get_template(name).render(values).strip() + "\n"


@cache
def _templates() -> Environment:
    place = files(texts)
    found = {name: place.joinpath(f"{name}.md").read_text("utf-8") for name in _TEXTS}
    return Environment(
        loader=DictLoader(found),
        autoescape=False,  # noqa: S701  # these are words for a model, not a page
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
    )


PROMPTS = (
    PromptSpec(
        call=answering_resource(select_provider),
        scope=Scope.IMAGES_READ,
        title="Select a provider",
        arguments={"wanted": _WANTED},
    ),
    PromptSpec(
        call=answering_resource(write_prompt),
        scope=Scope.IMAGES_READ,
        title="Write a prompt",
        arguments={
            "wanted": _WANTED,
            "model": "The model, as its name or as provider/model; see select_provider.",
        },
    ),
)
