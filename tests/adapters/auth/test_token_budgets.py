"""Budgets of tokens, as an operator writes them."""

from pathlib import Path

from imagewright.adapters.auth.tokens import Tokens, TokensConfig
from imagewright.core.budget import Budget
from imagewright.core.flaw import Flaw
from imagewright.core.money import DOLLAR, FREE, Nano
from tests.adapters.auth.test_tokens import TOKEN, At, hashed, written


async def test_a_tokens_budget_is_its_credentials(tmp_path: Path) -> None:
    told: list[Flaw] = []
    amounts = 'budget = { per_call = "0.10", day = "3", month = "2", soft = { day = "1" } }'
    path = written(tmp_path, hashed(TOKEN, amounts))
    source = Tokens(TokensConfig(path=path), At(), told.append)
    budget = Budget(
        per_call=Nano(DOLLAR // 10),
        day=Nano(3 * DOLLAR),
        month=Nano(2 * DOLLAR),
        soft_day=Nano(DOLLAR),
    )
    caller, kept = await source.authenticate(TOKEN, None), await source.credential("tok_ci")
    assert caller is not None
    assert kept is not None
    assert caller.credential.budget == kept.budget == budget
    assert ["day is more than month" in str(flaw) for flaw in told] == [True]
    path.write_text(hashed(TOKEN, 'budget = { day = "0" }'))
    assert source.refresh(force=True)
    kept = await source.credential("tok_ci")
    assert kept is not None
    assert kept.budget == Budget(day=FREE)
