"""A revoked token is one that is not valid; where it cannot be told, nobody is let in."""

from dataclasses import replace

import pytest

from imagewright.adapters.auth.barred import Barred
from imagewright.core.caller import Caller, Credential
from imagewright.core.errors import Unauthenticated, Unavailable
from imagewright.core.policy import Acl
from imagewright.core.revocation import EVERYBODY, Target, What
from tests.fakes.outside import Credentials, EditedAcl

ALICE = Caller(subject="user:alice", credential=Credential(id="tok_a"))
TOKEN = Target(what=What.TOKEN, key="tok_a")
SUBJECT = Target(what=What.SUBJECT, key="user:alice")


class Away:
    def current(self) -> Acl:
        raise Unavailable("away")


@pytest.fixture
def acl() -> EditedAcl:
    return EditedAcl(Acl())


@pytest.fixture
def chain(acl: EditedAcl) -> Barred:
    return Barred(Credentials(callers={"secret": ALICE}, revoked={"tok_gone"}), acl)


async def test_what_is_not_revoked_goes_through(chain: Barred, acl: EditedAcl) -> None:
    others = {EVERYBODY, Target(what=What.TOKEN, key="user:alice")}
    for revoked in (frozenset[Target](), frozenset(others)):
        acl.acl = replace(acl.acl, revoked=revoked)
        assert await chain.authenticate("secret", None) == ALICE
        assert await chain.authenticate("other", None) is None
        assert await chain.credential("tok_a") == Credential(id="tok_a")
        assert await chain.credential("tok_gone") is None
        assert await chain.standing(ALICE) == Credential(id="tok_a")
        assert await chain.standing(replace(ALICE, credential=Credential(id="tok_gone"))) is None


@pytest.mark.parametrize("target", [TOKEN, SUBJECT], ids=str)
async def test_what_is_revoked_is_not_valid(chain: Barred, acl: EditedAcl, target: Target) -> None:
    acl.acl = replace(acl.acl, revoked=frozenset({target}))
    with pytest.raises(Unauthenticated, match=r"The token is not valid\.") as raised:
        await chain.authenticate("secret", None)
    assert "revoked" not in str(raised.value.public())
    assert await chain.authenticate("other", None) is None
    assert (await chain.credential("tok_a") is None) == (target is TOKEN)
    assert await chain.standing(ALICE) is None


async def test_where_it_cannot_be_told_nobody_is_let_in() -> None:
    chain = Barred(Credentials(callers={"secret": ALICE}), Away())
    with pytest.raises(Unavailable):
        await chain.authenticate("secret", None)
    with pytest.raises(Unavailable):
        await chain.credential("tok_a")
    with pytest.raises(Unavailable):
        await chain.standing(ALICE)
    assert await chain.authenticate("other", None) is None
