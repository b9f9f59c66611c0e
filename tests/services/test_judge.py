"""One answer is decided by one ACL."""

from imagewright.core.scope import Scope
from tests.services.shop import POOR, Shop, entry, grants


def test_a_judge_decides_all_by_the_acl_it_began_with(shop: Shop) -> None:
    judge = shop.gate.judge(POOR)
    before = shop.images.offers(POOR)
    shop.acl.acl = grants(subjects={POOR.subject: entry("images:write", models=("other",))})
    assert judge.decide(None, Scope.IMAGES_READ).allowed
    assert judge.decide_model("painter", "sketch")
    assert shop.images.offers(POOR, judge) == before != ()
    assert not shop.gate.decide(POOR, None, Scope.IMAGES_READ).allowed
    assert shop.images.offers(POOR) == ()
