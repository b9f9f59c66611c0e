"""From an ask to a plan: a model that can do it, nothing dropped in silence."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from functools import partial

from imagewright.core.ask import AUTO, MAX_PROMPT, Action, Ask, Background, Quality
from imagewright.core.catalogue import Catalogue, Lifecycle, Model, Offer
from imagewright.core.conversation import Continued, retold
from imagewright.core.defaults import fill
from imagewright.core.errors import Fault, UnknownModel, UnknownProvider, Unsupported
from imagewright.core.picture import FORMATS_WITH_ALPHA, LOSSY_FORMATS, Format
from imagewright.core.plan import Plan
from imagewright.core.routing import Candidate, Routing, route
from imagewright.core.sizing import choose_size, size_name
from imagewright.core.wording import NO_TEMPLATE

Allowed = Callable[[str, str], bool]
"""Whether the caller may use a provider's model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choosing:
    """What a model is chosen by beside the ask: whom the caller may use, the day, the routing.

    `resting` are the providers that are left alone after failures.
    """

    allowed: Allowed
    today: date
    routing: Routing = Routing()
    resting: frozenset[str] = frozenset()


def resolve(ask: Ask, catalogue: Catalogue, choosing: Choosing) -> Plan:
    """The plan of a model that can do the ask: the provider's first, or routed where none is named.

    The model that made an image comes first where the image is gone on from.
    Raises UnknownProvider or UnknownModel naming those there are, or the fault of
    the first model tried when none can do it.
    """
    first: Fault | None = None
    able: list[Candidate] = []
    maker = _maker(ask, choosing.resting)
    pairs = _candidates(ask, catalogue, choosing.allowed)
    for offer, model in sorted(pairs, key=lambda pair: (pair[0].name, pair[1].id) != maker):
        try:
            plan = _plan(ask, offer, model, choosing.today)
        except Unsupported as fault:
            first = first or fault
            continue
        if ask.provider != AUTO:
            return plan
        if (offer.name, model.id) == maker:
            return replace(plan, reason="it made the image")
        able.append(Candidate(offer=offer, model=model, plan=plan))
    if able:
        return route(able, choosing.routing, choosing.resting)
    raise first or UnknownProvider(
        "No provider is configured and allowed for you.",
        hint="Ask the operator for a provider.",
        details={"providers": []},
    )


def _maker(ask: Ask, resting: frozenset[str]) -> tuple[str, str] | None:
    """Who made the image that an ask goes on from, unless it is left alone."""
    if ask.continued is None or ask.continued.provider in resting:
        return None
    return ask.continued.provider, ask.continued.model


def _candidates(ask: Ask, catalogue: Catalogue, allowed: Allowed) -> Iterator[tuple[Offer, Model]]:
    offers = {
        offer.name: (offer, models)
        for offer in catalogue.offers
        if (models := [model for model in offer.models if allowed(offer.name, model.id)])
    }
    if ask.provider != AUTO and ask.provider not in offers:
        raise UnknownProvider(
            "There is no such provider.",
            hint=f"Providers are: {', '.join(offers) or 'none'}.",
            details={"providers": list(offers)},
        )
    names = list(offers) if ask.provider == AUTO else [ask.provider]
    pairs = [(offers[name][0], model) for name in names for model in offers[name][1]]
    if ask.model != AUTO:
        known = list(dict.fromkeys(model.id for _, model in pairs))
        pairs = [pair for pair in pairs if pair[1].id == ask.model]
        if not pairs:
            raise UnknownModel(
                "There is no such model.",
                hint=f"Models are: {', '.join(known) or 'none'}.",
                details={"models": known},
            )
    yield from pairs


def _plan(ask: Ask, offer: Offer, model: Model, today: date) -> Plan:
    _check_life(model, today)
    settled = partial(_settled, offer=offer, model=model)
    return replace(settled(fill(ask, offer.defaults, settled)), asked=ask.digest())


def _settled(ask: Ask, offer: Offer, model: Model) -> Plan:
    _check_inputs(ask, model)
    _check_options(ask, model)
    output_format = _format(ask, model)
    prompt, negative, warnings = _words(ask, offer, model)
    size = choose_size(ask, model)
    return Plan(
        ask=ask,
        provider=offer.name,
        model=model.id,
        upstream=model.upstream,
        prompt=prompt,
        negative_prompt=negative,
        size=size,
        size_name=size_name(model.sizes, size, ask.aspect_ratio),
        per_call=model.per_call,
        options=tuple(sorted(model.options.items())),
        quality=None if ask.quality is Quality.AUTO else ask.quality,
        background=None if ask.background is Background.AUTO else ask.background,
        output_format=output_format,
        output_compression=_compression(ask, model, output_format),
        resumed=_resumed(ask, offer, model),
        warnings=(*warnings, *_mask_reading(ask), *_converted(ask, model)),
    )


def _check_life(model: Model, today: date) -> None:
    if model.lifecycle is Lifecycle.ENDED or (model.ends is not None and model.ends <= today):
        raise Unsupported(
            f"The model {model.id} has been shut down by its provider.",
            hint=f"Use {model.successor}." if model.successor else "Choose another model.",
        )


def _refuse(model: Model, what: str, can: str) -> Unsupported:
    return Unsupported(f"The model {model.id} {what}.", hint=can, details={"model": model.id})


def _check_inputs(ask: Ask, model: Model) -> None:
    if ask.action is Action.EDIT and not model.references:
        raise _refuse(model, "cannot edit images", "Choose a model that takes references.")
    if len(ask.references) > model.references:
        raise _refuse(
            model,
            f"takes at most {model.references} input images",
            f"Name at most {model.references}.",
        )
    if ask.mask is not None and not model.mask:
        raise _refuse(model, "takes no mask", "Leave the mask out, or choose another model.")
    if ask.n > model.count:
        raise _refuse(
            model, f"makes at most {model.count} images a call", f"Ask for {model.count}."
        )


def _check_options(ask: Ask, model: Model) -> None:
    levels = [level.value for level in model.qualities]
    if ask.quality is not Quality.AUTO and ask.quality not in model.qualities:
        can = f"Levels are: auto, {', '.join(levels)}." if levels else "Leave the quality out."
        raise _refuse(model, f"has no quality {ask.quality.value}", can)
    if ask.background is not Background.AUTO and ask.background not in model.backgrounds:
        can = ", ".join(each.value for each in model.backgrounds)
        raise _refuse(model, f"makes no {ask.background.value} background", f"It makes: {can}.")
    if ask.partial_images > model.partials:
        raise _refuse(
            model, f"sends at most {model.partials} partial images", f"Ask for {model.partials}."
        )
    _check_taken(ask, model)
    _check_hours(ask, model)


def _check_hours(ask: Ask, model: Model) -> None:
    if ask.economy is None:
        return
    if model.economy is None:
        raise _refuse(
            model, "is not made for less by waiting", "Leave economy out, or choose another model."
        )
    hours = model.economy.hours
    if ask.economy < hours:
        raise _refuse(
            model,
            f"is promised within {hours} hours at that price",
            f"Give economy at least {hours}, or leave it out.",
        )


def _check_taken(ask: Ask, model: Model) -> None:
    for name, value, takes in (
        ("seed", ask.seed, model.seed),
        ("strength", ask.strength, model.strength),
    ):
        if value is not None and not takes:
            raise _refuse(model, f"takes no {name}", f"Leave {name} out.")
    for name, chosen, choices in (
        ("moderation", ask.moderation, model.moderations),
        ("input_fidelity", ask.input_fidelity, model.fidelities),
    ):
        if chosen is not None and chosen not in choices:
            can = f"It takes: {', '.join(choices)}." if choices else f"Leave {name} out."
            raise _refuse(model, f"does not take {name} {chosen.value}", can)


def _format(ask: Ask, model: Model) -> Format:
    choices = [
        each
        for each in model.formats
        if ask.background is not Background.TRANSPARENT or each in FORMATS_WITH_ALPHA
    ]
    names = ", ".join(each.value for each in choices)
    if ask.output_format is None and choices:
        return choices[0]
    if ask.output_format not in choices:
        wanted = ask.output_format.value if ask.output_format else "transparent pictures"
        raise _refuse(model, f"cannot make {wanted} here", f"Formats that fit: {names or 'none'}.")
    return ask.output_format


def _compression(ask: Ask, model: Model, output_format: Format) -> int | None:
    if ask.output_compression is None:
        return None
    if not model.compression or output_format not in LOSSY_FORMATS:
        raise _refuse(
            model,
            f"takes no output_compression for {output_format.value}",
            "Leave output_compression out, or ask for webp or jpeg.",
        )
    return ask.output_compression


def _words(ask: Ask, offer: Offer, model: Model) -> tuple[str, str | None, tuple[str, ...]]:
    negative, avoid, warnings = None, "", []
    if ask.template not in {None, NO_TEMPLATE}:
        warnings.append(f"The prompt stands in the template {ask.template}.")
    if model.negative_prompt:
        negative = ask.negative_prompt
    elif ask.negative_prompt is not None:
        avoid = f"\n\nAvoid: {ask.negative_prompt}"
        warnings.append(
            f"{model.id} has no negative prompt; it was added to the prompt as 'Avoid:'."
        )
    prompt = offer.wording.around(ask.prompt, ask.template) + avoid
    room = MAX_PROMPT - len(prompt)
    if room < 0:
        raise _refuse(
            model,
            f"takes a prompt of {MAX_PROMPT} characters in all, with the operator's words",
            "Shorten the prompt or the negative prompt.",
        )
    if ask.continued is not None and not _resumed(ask, offer, model):
        words, dropped = retold(ask.continued.earlier, ask.prompt, room)
        prompt = offer.wording.around(words, ask.template) + avoid
        warnings += _retelling(ask.continued, model, dropped)
    return prompt, negative, tuple(warnings)


def _resumed(ask: Ask, offer: Offer, model: Model) -> bool:
    return ask.continued is not None and ask.continued.left_with(offer.name, model.id)


def _retelling(continued: Continued, model: Model, dropped: int) -> Iterator[str]:
    told = len(continued.earlier) - dropped
    if told:
        prompts = "1 earlier prompt" if told == 1 else f"{told} earlier prompts"
        yield f"{model.id} is told the {prompts} of the conversation in words."
    if dropped or continued.cut:
        yield "The oldest prompts of the conversation had no room and were left out."


def _mask_reading(ask: Ask) -> tuple[str, ...]:
    if ask.mask is None:
        return ()
    what = "transparent" if ask.mask.alpha else "white, for it has no alpha channel"
    return (f"The mask changes what is {what}.",)


def _converted(ask: Ask, model: Model) -> tuple[str, ...]:
    others = [each for each in ask.references if each.format not in model.inputs]
    return tuple(
        f"{model.id} takes no {each.format.value}: {each.image} is sent as PNG, its first frame."
        for each in others
    )
