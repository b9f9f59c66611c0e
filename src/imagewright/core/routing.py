"""Which of several providers that can do an ask does it, and why."""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from imagewright.core.catalogue import Model, Offer
from imagewright.core.errors import Unpriced
from imagewright.core.money import Nano
from imagewright.core.plan import Plan
from imagewright.core.pricing import ceiling

_FALLBACKS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Words that, whole in a prompt, ask for models that are good at this.

    Those are the models whose profile names the rule, or `prefer`: providers, or
    `provider/model` in which `*` stands for any text.
    """

    name: str
    words: tuple[str, ...]
    prefer: tuple[str, ...] = ()

    def found(self, prompt: str) -> str | None:
        """The first of the words in the prompt."""
        folded = prompt.casefold()
        return next((word for word in self.words if _is_in(word.casefold(), folded)), None)

    def wants(self, offer: Offer, model: Model) -> bool:
        """Whether it asks for this model."""
        if self.prefer:
            names = (offer.name, f"{offer.name}/{model.id}")
            return any(fnmatchcase(name, each) for name in names for each in self.prefer)
        return model.profile is not None and self.name in model.profile.kinds


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    """How the operator has asks routed that name no provider.

    `first` is the provider that is preferred, `rules` in their order come before it. With
    `fallback` an ask that a provider does not take goes to the next that costs no more.
    """

    first: str | None = None
    rules: tuple[Rule, ...] = ()
    fallback: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A model that can do an ask, and the plan to do it by."""

    offer: Offer
    model: Model
    plan: Plan

    @property
    def price(self) -> Nano | None:
        """The price ceiling, or None where there is none."""
        try:
            return ceiling(self.plan, self.model).amount
        except Unpriced:
            return None


def route(candidates: Sequence[Candidate], routing: Routing, resting: Collection[str]) -> Plan:
    """The plan of the best, with the reason and those that may stand in for it.

    By rule first, then the operator's preference, then price, then health; a provider that is left
    alone after failures comes last, and one that only stands in for a real one after those that
    are real. Within a provider its order counts. `candidates` are in the operator's, and not none.
    """
    rule, word = _matched(candidates, routing.rules)
    best = _one_each(candidates, rule)

    def rank(each: Candidate) -> tuple[object, ...]:
        wanted = rule is not None and rule.wants(each.offer, each.model)
        price = each.price
        return (
            each.offer.name in resting,
            not wanted,
            each.offer.name != routing.first,
            each.model.stand_in and not wanted,
            (price is None, price or 0),
            each.offer.degraded,
        )

    ordered = sorted(best, key=rank)
    chosen = ordered[0]
    reason = "; ".join(_reasons(ordered, (rule, word), routing, resting))
    others = _fallbacks(ordered) if routing.fallback else ()
    return replace(chosen.plan, reason=reason, fallbacks=others)


def _matched(
    candidates: Iterable[Candidate], rules: Iterable[Rule]
) -> tuple[Rule | None, str | None]:
    """The first rule whose word is in the prompt and that any candidate can follow."""
    every = tuple(candidates)
    prompt = every[0].plan.ask.prompt
    for rule in rules:
        word = rule.found(prompt)
        if word is not None and any(rule.wants(each.offer, each.model) for each in every):
            return rule, word
    return None, None


def _one_each(candidates: Iterable[Candidate], rule: Rule | None) -> list[Candidate]:
    """Of each provider its first that the rule wants, else its first."""
    found: dict[str, Candidate] = {}
    for each in candidates:
        known = found.get(each.offer.name)
        if known is None or (
            rule is not None
            and rule.wants(each.offer, each.model)
            and not rule.wants(known.offer, known.model)
        ):
            found[each.offer.name] = each
    return list(found.values())


def _reasons(
    ordered: Sequence[Candidate],
    matched: tuple[Rule | None, str | None],
    routing: Routing,
    resting: Collection[str],
) -> Iterable[str]:
    chosen, (rule, word) = ordered[0], matched
    if rule is not None and rule.wants(chosen.offer, chosen.model):
        yield f"the rule {rule.name} wants it for the word {word}"
    elif len(ordered) == 1:
        yield "no other provider can do it"
    elif chosen.offer.name == routing.first:
        yield "the operator prefers it"
    else:
        yield "it has the lowest price ceiling"
    left_alone = [each.offer.name for each in ordered[1:] if each.offer.name in resting]
    if left_alone:
        yield f"{', '.join(left_alone)} is left alone after failures"


def _fallbacks(ordered: Sequence[Candidate]) -> tuple[Plan, ...]:
    chosen, *others = ordered
    most = chosen.price
    if most is None:
        return ()
    fitting = [
        each.plan
        for each in others
        if (price := each.price) is not None
        and price <= most
        and each.model.stand_in <= chosen.model.stand_in
    ]
    return tuple(fitting[:_FALLBACKS])


def _is_in(word: str, text: str) -> bool:
    """Whether it is there whole. Scripts that part no words by spaces have it anywhere."""
    if not word.isascii():
        return word in text
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) is not None
