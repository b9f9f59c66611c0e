import pytest

from imagewright.core.oauth import (
    GRANTABLE,
    Asked,
    Refused,
    Tokens,
    Trouble,
    asked_scopes,
    challenge_of,
    proves,
)

# RFC 7636, appendix B.
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_a_verifier_proves_its_own_challenge() -> None:
    assert challenge_of(VERIFIER) == CHALLENGE
    assert proves(VERIFIER, CHALLENGE)
    for other in (
        "",
        CHALLENGE,
        VERIFIER[:-1],
        VERIFIER + "x",
        "x" * 129,
        VERIFIER + "\n",
        "ü" * 43,
    ):
        assert not proves(other, CHALLENGE)
    assert not proves(VERIFIER, VERIFIER)


@pytest.mark.parametrize("challenge", ["", "short", "x" * 42, "x" * 44, CHALLENGE[:-1] + "="])
def test_no_request_is_without_a_challenge(challenge: str) -> None:
    with pytest.raises(Refused, match="PKCE"):
        Asked(client="c", redirect="r", challenge=challenge, scopes=(), state="")


@pytest.mark.parametrize("state", ["x" * 513, "two\nlines", "ü"])
def test_a_state_is_short_ascii(state: str) -> None:
    with pytest.raises(Refused, match="state"):
        Asked(client="c", redirect="r", challenge=CHALLENGE, scopes=(), state=state)


def test_scopes_are_those_that_a_client_may_have() -> None:
    assert asked_scopes("spend images:read  spend") == ("images:read", "spend")
    assert asked_scopes("") == ("images:read", "images:write", "spend", "styles:write")
    assert {"admin:read", "admin:write"} <= GRANTABLE
    for wide in ("*", "read", "approve", "spend:unattended", "images:read spend:relayed", "x"):
        with pytest.raises(Refused) as refused:
            asked_scopes(wide)
        assert refused.value.trouble is Trouble.INVALID_SCOPE


def test_tokens_are_not_shown_by_accident() -> None:
    tokens = Tokens(access="secret-a", refresh="secret-r", seconds=60, scopes=())
    assert "secret" not in repr(tokens)
