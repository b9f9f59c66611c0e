"""What models are right for, as their data files say it."""

import pytest

from imagewright.adapters.catalogue.reader import read_offer
from imagewright.adapters.catalogue.rules import shipped_rules
from imagewright.adapters.kinds import own_kinds
from imagewright.core.catalogue import Lifecycle, Model

RULES = {rule.name for rule in shipped_rules()}
CURRENT = [
    (kind, model)
    for kind in own_kinds()
    for model in read_offer(kind, kind).known
    if model.lifecycle is Lifecycle.CURRENT
]


@pytest.mark.parametrize(
    "model", [model for _, model in CURRENT], ids=[f"{kind}-{model.id}" for kind, model in CURRENT]
)
def test_every_current_model_says_what_it_is_right_for(model: Model) -> None:
    profile = model.profile
    assert profile is not None
    assert profile.strengths
    assert profile.weaknesses
    assert profile.grammar
    assert profile.good
    assert profile.bad
    assert profile.good != profile.bad
    assert profile.kinds
    assert set(profile.kinds) <= RULES
    assert len(set(profile.kinds)) == len(profile.kinds)


def test_every_rule_has_a_model_that_is_right_for_it() -> None:
    assert {kind for _, model in CURRENT if model.profile for kind in model.profile.kinds} == RULES


@pytest.mark.parametrize("kind", own_kinds())
def test_every_kind_of_provider_has_current_models(kind: str) -> None:
    assert [model for name, model in CURRENT if name == kind]
