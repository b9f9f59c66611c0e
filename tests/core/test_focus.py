from zoneinfo import ZoneInfo

from imagewright.core.focus import BY, COLUMNS, focus_row
from imagewright.core.money import Nano
from imagewright.core.usage import By, Sum

UTC = ZoneInfo("UTC")
KEYS = {
    By.DAY: "2026-12-31",
    By.SUBJECT: "user:a",
    By.PROVIDER: "openai",
    By.MODEL: "brush-1",
    By.TOKEN: "tok_1",
}
FOUND = Sum(keys=tuple(KEYS[by] for by in BY), jobs=2, images=3, settled=Nano(10), adjusted=Nano(5))


def test_a_row_has_every_column_and_no_other() -> None:
    assert sorted(focus_row(FOUND, UTC)) == sorted(COLUMNS)
    assert len(set(COLUMNS)) == len(COLUMNS)


def test_the_cost_is_exact_and_the_same_four_times() -> None:
    row = focus_row(FOUND, UTC)
    costs = {row[name] for name in ("BilledCost", "ContractedCost", "EffectiveCost", "ListCost")}
    assert costs == {"0.000000015"}
    assert (row["BillingCurrency"], row["PricingQuantity"]) == ("USD", "3")


def test_periods_are_instants_of_the_zones_days_and_months() -> None:
    names = ("ChargePeriodStart", "ChargePeriodEnd", "BillingPeriodStart", "BillingPeriodEnd")
    assert [focus_row(FOUND, UTC)[name] for name in names] == [
        "2026-12-31T00:00:00Z", "2027-01-01T00:00:00Z",
        "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z",
    ]  # fmt: skip
    berlin = focus_row(FOUND, ZoneInfo("Europe/Berlin"))
    assert berlin["ChargePeriodStart"] == "2026-12-30T23:00:00Z"


def test_who_and_what_stand_in_their_columns() -> None:
    row = focus_row(FOUND, UTC)
    assert row["SubAccountId"] == row["SubAccountName"] == "user:a"
    assert row["ProviderName"] == row["BillingAccountId"] == "openai"
    assert (row["x_Model"], row["x_Token"]) == ("brush-1", "tok_1")
    assert row["ChargeClass"] == ""
