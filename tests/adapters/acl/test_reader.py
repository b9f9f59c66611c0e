from contextlib import suppress
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagewright.adapters.acl.reader import Known, read_acl
from imagewright.adapters.toml.document import parse_document
from imagewright.core.ask import Quality
from imagewright.core.budget import Budget
from imagewright.core.flaw import Flaw, Misconfigured
from imagewright.core.limit import Limits, Pace
from imagewright.core.money import parse_usd
from imagewright.core.policy import Acl, Entry, Maximum
from imagewright.core.scope import Scope, expand

KNOWN = Known(
    tools=frozenset({"generate_image", "get_image", "get_usage"}),
    providers=frozenset({"openai", "placeholder"}),
)
EXAMPLE = """
[subjects]
"user:alice@example.com" = ["images:read", "images:write", "spend"]
"service:dashboard" = ["read"]

[subjects."service:ci-bot"]
scopes    = ["images:read", "images:write", "spend:unattended"]
tools     = ["generate_image", "get_*"]
providers = ["openai", "placeholder"]
models    = ["gpt-image-2.5-*"]
budget    = { per_call = "0.10", day = "2", month = "20" }
max       = { n = 2, quality = "medium", pixels = 2_400_000 }
expires   = 2027-01-01

[groups.design]
scopes = ["images:read", "images:write", "spend"]
budget = { month = "200" }

[everyone]
budget = { day = "50" }

[providers.openai]
budget = { month = "500" }
"""


def read(text: str, known: Known = KNOWN) -> tuple[Acl, tuple[Flaw, ...]]:
    return read_acl(parse_document(Path("acl.toml"), text.encode()), known, read_only=False)


def faults(text: str) -> str:
    with pytest.raises(Misconfigured) as found:
        read(text)
    return str(found.value)


def test_both_forms_are_read() -> None:
    acl, warnings = read(EXAMPLE)
    assert warnings == ()
    assert not acl.read_only
    assert acl.subjects["user:alice@example.com"].scopes == expand(
        ["images:read", "images:write", "spend"]
    )
    assert acl.subjects["service:dashboard"] == Entry(scopes=frozenset({Scope.IMAGES_READ}))
    assert acl.subjects["service:ci-bot"] == Entry(
        scopes=frozenset({Scope.IMAGES_READ, Scope.IMAGES_WRITE, Scope.SPEND_UNATTENDED}),
        tools=("generate_image", "get_*"),
        providers=("openai", "placeholder"),
        models=("gpt-image-2.5-*",),
        budget=Budget(per_call=parse_usd("0.10"), day=parse_usd("2"), month=parse_usd("20")),
        maximum=Maximum(n=2, quality=Quality.MEDIUM, pixels=2_400_000),
        expires=date(2027, 1, 1),
    )
    assert acl.groups["design"].budget == Budget(month=parse_usd("200"))
    assert acl.everyone == Entry(budget=Budget(day=parse_usd("50")))
    assert acl.providers == {"openai": Budget(month=parse_usd("500"))}


def test_limits_on_what_is_done_are_read_in_every_entry() -> None:
    keys = """
rate = "30/minute"
images = "200/day"
jobs = 2
storage = "2GiB"
bandwidth = "5GiB/day"
"""
    acl, warnings = read(f'[subjects."user:a"]{keys}[groups.g]{keys}[everyone]{keys}')
    assert warnings == ()
    limits = Limits(
        rate=Pace(count=30, seconds=60),
        images=200,
        jobs=2,
        storage=2 * 1024**3,
        bandwidth=Pace(count=5 * 1024**3, seconds=86_400),
    )
    assert [each.limits for each in (acl.subjects["user:a"], acl.groups["g"], acl.everyone)] == [
        limits
    ] * 3


def test_an_empty_file_names_nobody() -> None:
    assert read("")[0].subjects == {}


def test_an_empty_list_is_a_limit_and_no_list_is_none() -> None:
    acl, _ = read("[groups.a]\nmodels = []\n[groups.b]\n")
    assert acl.groups["a"].models == ()
    assert acl.groups["b"].models is None


@pytest.mark.parametrize("pattern", ["image://{id}", "/v1/models", "/v1/*", "image*://*"])
def test_resources_and_routes_are_no_tools(pattern: str) -> None:
    assert "matches nothing" in faults(f'[groups.g]\ntools = ["{pattern}"]\n')


WRONG = """subject = 1
[subjects]
"*" = ["read"]
"alice" = ["images:raed"]
"user:bob" = "read"
[groups.g]
tool = ["get_*"]
tools = ["delete_image"]
budget = { day = 1.5, week = "1" }
max = { n = 0, quality = "auto", pixels = true }
expires = 2027-01-01T00:00:00Z
"""
FLAWS = [
    "acl.toml:1: subject: This key means nothing here. Did you mean subjects?",
    (
        'acl.toml:3: subjects."*": Subjects are named in full; * matches nobody. '
        "Use [groups.<name>]."
    ),
    (
        "acl.toml:4: subjects.alice: The subject is not of the form user:<id> or service:<id> "
        'in printable ASCII. Write it like "user:alice@example.com".'
    ),
    (
        "acl.toml:4: subjects.alice.scopes: There is no scope 'images:raed'. Scopes are: read, "
        "write, *, images:read, images:write, styles:write, spend, spend:relayed, "
        "spend:unattended, admin:read, admin:write, approve."
    ),
    (
        'acl.toml:5: subjects."user:bob": This must be a list of scopes or a table. '
        'Write ["images:read"].'
    ),
    "acl.toml:7: groups.g.tool: This key means nothing here. Did you mean tools?",
    "acl.toml:8: groups.g.tools: 'delete_image' matches nothing. Did you mean generate_image?",
    (
        "acl.toml:9: groups.g.budget.week: This key means nothing here. "
        "Known here: day, month, per_call, soft."
    ),
    (
        "acl.toml:9: groups.g.budget.day: This must be a text in double quotes. "
        'Amounts are US dollars in double quotes, like "2.50".'
    ),
    "acl.toml:10: groups.g.max.n: This must be a whole number of 1 or more.",
    "acl.toml:10: groups.g.max.quality: No such level. Levels: low, medium, high, xhigh, max.",
    "acl.toml:10: groups.g.max.pixels: This must be a whole number of 1 or more.",
    (
        "acl.toml:11: groups.g.expires: This must be a date, the last day of the grant. "
        "Write it without quotes: 2027-01-01"
    ),
]


def test_every_fault_is_reported_with_its_line() -> None:
    assert faults(WRONG).splitlines() == FLAWS


@pytest.mark.parametrize(
    "amount", ['"-1"', '"1e3"', '"NaN"', '"5 USD"', '""', '"1."', "5", "0.1", "nan", "true"]
)
def test_malformed_amounts_are_refused(amount: str) -> None:
    assert "everyone.budget.day" in faults(f"[everyone]\nbudget = {{ day = {amount} }}")
    soft = faults(f"[providers.openai]\nbudget = {{ soft = {{ month = {amount} }} }}")
    assert "providers.openai.budget.soft.month" in soft


def test_a_soft_limit_stands_beside_the_hard_one() -> None:
    acl, warnings = read('[everyone]\nbudget = { day = "5", soft = { day = "4", month = "50" } }')
    assert acl.everyone.budget == Budget(
        day=parse_usd("5"), soft_day=parse_usd("4"), soft_month=parse_usd("50")
    )
    assert warnings == ()


def test_a_soft_limit_above_the_hard_one_is_warned_of() -> None:
    _, warnings = read('[everyone]\nbudget = { day = "5", soft = { day = "6", month = "7" } }')
    (flaw,) = warnings
    assert (flaw.place, flaw.key, flaw.warning) == ("acl.toml:2", "everyone.budget.soft.day", True)
    assert flaw.sentence == "This is more than day itself, which is reached first."


@pytest.mark.parametrize("soft", ["1", '"4"', '{ week = "1" }', '{ per_call = "1" }', "true"])
def test_shapes_of_soft_limits_that_are_refused(soft: str) -> None:
    assert "budget.soft" in faults(f"[everyone]\nbudget = {{ soft = {soft} }}")


def test_nothing_may_be_spent_is_a_budget() -> None:
    acl, _ = read('[everyone]\nbudget = { day = "0" }')
    assert acl.everyone.budget == Budget(day=parse_usd("0"))


@pytest.mark.parametrize(
    "budget", ["", 'budget = { per_call = "1" }', 'budget = { day = "1", month = "2" }']
)
@pytest.mark.parametrize("table", ['subjects."service:a"', "groups.a"])
def test_spending_unattended_needs_caps(table: str, budget: str) -> None:
    assert "spend:unattended needs" in faults(f'[{table}]\nscopes = ["spend:unattended"]\n{budget}')


@pytest.mark.parametrize("span", ["day", "month"])
def test_spending_unattended_inside_caps_is_granted(span: str) -> None:
    acl, _ = read(
        f'[groups.a]\nscopes = ["spend:unattended"]\nbudget = {{ per_call = "1", {span} = "2" }}'
    )
    assert Scope.SPEND_UNATTENDED in acl.groups["a"].scopes


def test_a_day_above_its_month_is_warned_of() -> None:
    _, warnings = read('[everyone]\nbudget = { day = "5", month = "4" }')
    assert [str(flaw) for flaw in warnings] == [
        "warning: acl.toml:2: everyone.budget.day: day is more than month, which is reached first."
    ]


def test_everyone_is_granted_nothing() -> None:
    said = faults('[everyone]\nscopes = ["read"]\nexpires = 2027-01-01')
    assert "everyone.scopes: This is a ceiling for all" in said
    assert "everyone.expires" in said


def test_unknown_providers_are_refused_where_providers_are_known() -> None:
    text = '[groups.a]\nproviders = ["opnai"]\n[providers.stabilty]\nbudget = { day = "1" }'
    assert faults(text).count("\n") == 1
    assert "Did you mean openai?" in faults(text)
    assert read(text, Known())[0].groups["a"].providers == ("opnai",)


@pytest.mark.parametrize(
    "text",
    [
        "subjects = 1",
        'groups = ["a"]',
        "everyone = true",
        "[providers]\nopenai = 1",
        '[groups]\n"" = ["read"]',
        '[groups]\n"*" = ["read"]',
        "[groups.a]\nscopes = 'read'",
        "[groups.a]\nscopes = [1]",
        "[groups.a]\nmax = 1",
        "[groups.a]\nbudget = '1'",
        '[groups.a]\nrate = "30 a minute"',
        "[groups.a]\ntools = [' ']",
        '[providers.openai]\nbudget = { day = "1" }\nrate = "1/day"',
    ],
)
def test_shapes_that_are_refused(text: str) -> None:
    faults(text)


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.dates()
    | st.text(max_size=8)
    | st.sampled_from(["read", "*", "spend:unattended", "1", "-1", "1/day", "2GiB", "low"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "scopes",
                    "tools",
                    "providers",
                    "models",
                    "budget",
                    "rate",
                    "storage",
                    "max",
                    "expires",
                    "per_call",
                    "day",
                    "month",
                    "n",
                    "quality",
                    "pixels",
                    "user:a",
                    "*",
                    "",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["subjects", "groups", "everyone", "providers"]), JUNK))
def test_no_values_raise_anything_else(table: dict[str, object]) -> None:
    document = parse_document(Path("acl.toml"), b"")
    object.__setattr__(document, "table", table)
    with suppress(Misconfigured):
        read_acl(document, KNOWN, read_only=True)
