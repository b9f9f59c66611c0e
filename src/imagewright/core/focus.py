"""Spending as a row of FOCUS, the FinOps Open Cost and Usage Specification.

https://focus.finops.org/focus-specification/v1-2/: every column that version 1.2 calls mandatory,
the sub account, and columns of ours, which must begin with `x_`. Times are UTC, money is in USD,
what is null is empty.
"""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from imagewright.core.money import usd
from imagewright.core.usage import By, Sum, midnight

BY = (By.DAY, By.SUBJECT, By.PROVIDER, By.MODEL, By.TOKEN)
"""What a row is of."""
COLUMNS = (
    "BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency", "BillingPeriodEnd",
    "BillingPeriodStart", "ChargeCategory", "ChargeClass", "ChargeDescription", "ChargePeriodEnd",
    "ChargePeriodStart", "ContractedCost", "EffectiveCost", "InvoiceIssuerName", "ListCost",
    "PricingQuantity", "PricingUnit", "ProviderName", "PublisherName", "ServiceCategory",
    "ServiceName", "SubAccountId", "SubAccountName", "x_Model", "x_Token",
)  # fmt: skip


def focus_row(found: Sum, zone: ZoneInfo) -> dict[str, str]:
    """The columns of a sum that was made by `BY`, its days being those of the zone.

    The provider is its section's name in the settings, and stands for the account there too. No
    discount is known, so all costs are the same.
    """
    day, subject, provider, model, token = found.keys
    first = date.fromisoformat(day)
    month = first.replace(day=1)
    following = (month + timedelta(days=32)).replace(day=1)
    cost = usd(found.spent)
    return {
        **dict.fromkeys(("BilledCost", "ContractedCost", "EffectiveCost", "ListCost"), cost),
        **dict.fromkeys(("BillingAccountId", "BillingAccountName", "InvoiceIssuerName"), provider),
        **dict.fromkeys(("ProviderName", "PublisherName"), provider),
        "BillingCurrency": "USD",
        "BillingPeriodStart": _instant(month, zone),
        "BillingPeriodEnd": _instant(following, zone),
        "ChargeCategory": "Usage",
        "ChargeClass": "",
        "ChargeDescription": f"Images by {model}",
        "ChargePeriodStart": _instant(first, zone),
        "ChargePeriodEnd": _instant(first + timedelta(days=1), zone),
        "PricingQuantity": str(found.images),
        "PricingUnit": "Images",
        "ServiceCategory": "AI and Machine Learning",
        "ServiceName": "Image generation",
        "SubAccountId": subject,
        "SubAccountName": subject,
        "x_Model": model,
        "x_Token": token,
    }


def _instant(day: date, zone: ZoneInfo) -> str:
    at = midnight(day, zone) // 1_000_000
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"
