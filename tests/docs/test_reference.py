"""The reference names what there is, and nothing that is not."""

import inspect
import re
from collections.abc import Collection
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.metrics_core import Metric

from imagewright.adapters.acl.reader import ENTRY, TOP
from imagewright.adapters.auth.token_reader import ENTRY as TOKEN_ENTRY
from imagewright.adapters.auth.workload import GITHUB, GITLAB
from imagewright.adapters.telemetry.metrics import Metrics
from imagewright.adapters.toml.budgets import BUDGET
from imagewright.adapters.wire.dialect import DIALECTS
from imagewright.api.mcp.component import ToolSpec
from imagewright.api.mcp.prompts import PROMPTS
from imagewright.api.mcp.resources import RESOURCES
from imagewright.api.mcp.server import TOOLS
from imagewright.app import build
from imagewright.core.audit import Entry
from imagewright.core.chain import Seal
from imagewright.core.errors import FAULTS, Fault, Retry
from imagewright.core.money import Nano
from imagewright.core.scope import SHORTHANDS, Scope
from imagewright.settings import Settings
from imagewright.settings.issuers import Introspection, Issuer
from imagewright.settings.names import SHORT, variable
from imagewright.settings.section import Section
from tests.docs import facts
from tests.docs.pages import DOCS, ROOT, Table, codes, named, tables

REFERENCE = DOCS / "reference"
SETTINGS = REFERENCE / "settings.md"
FIELDS = facts.setting_fields()


def same(page: str, documented: Collection[str], there: Collection[str]) -> None:
    """Fail with what the page lacks and with what it makes up."""
    missing = sorted(set(there) - set(documented))
    made_up = sorted(set(documented) - set(there))
    assert not missing, f"docs/reference/{page} does not name: {', '.join(missing)}"
    assert not made_up, f"docs/reference/{page} names what is not there: {', '.join(made_up)}"
    assert len(set(documented)) == len(documented), f"docs/reference/{page} names a thing twice"


def firsts(rows: Table, column: str) -> list[str]:
    return [code for row in rows if column in row for code in codes(row[column])]


def rows_of(page: str, column: str, heading: str | None = None) -> dict[str, dict[str, str]]:
    """Rows by the code in their first column."""
    rows = tables(REFERENCE / page, heading)
    return {codes(row[column])[0]: row for row in rows if column in row}


def test_every_setting_has_its_row() -> None:
    same("settings.md", firsts(tables(SETTINGS), "Setting"), FIELDS)


def test_every_section_of_settings_has_its_heading() -> None:
    sections = [
        f"[{name}]"
        for name, field in Settings.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section)
    ]
    same("settings.md", named(SETTINGS), [*sections, "[providers.<name>]"])


@pytest.mark.parametrize("name", FIELDS)
def test_a_setting_has_its_variable_and_default(name: str) -> None:
    row, field = rows_of("settings.md", "Setting")[name], FIELDS[name]
    if name.startswith("providers."):
        return
    assert codes(row["Variable"]) == [variable(tuple(name.split(".")))]
    if field.is_required():
        assert row["Default"] == "see meaning"
    elif field.default is None:
        assert row["Default"] == "unset"
    else:
        assert facts.read_as(field, codes(row["Default"])[0]) == field.default


def test_short_names_of_variables() -> None:
    rows = rows_of("settings.md", "Variable", "Short names")
    assert {name: codes(row["Stands for"])[0] for name, row in rows.items()} == dict(SHORT)


def test_every_tool_has_its_heading() -> None:
    same("tools.md", named(REFERENCE / "tools.md"), [tool.name for tool in TOOLS])


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_a_tool_has_its_arguments_with_their_defaults(tool: ToolSpec) -> None:
    rows = rows_of("tools.md", "Argument", f"`{tool.name}`")
    wanted = dict(list(inspect.signature(tool.call).parameters.items())[1:])
    same(f"tools.md under {tool.name}", list(rows), wanted)
    for name, parameter in wanted.items():
        assert rows[name]["Default"] == _default(parameter.default), f"{tool.name}, {name}"


def _default(value: object) -> str:
    if value is inspect.Parameter.empty:
        return "required"
    if value is None:
        return "unset"
    return "`false`" if value is False else f"`{value}`" if value != "" else '`""`'


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_a_tool_has_its_scope_and_hints(tool: ToolSpec) -> None:
    text = (REFERENCE / "tools.md").read_text("utf-8").partition(f"## `{tool.name}`")[2]
    hints = {
        "read-only": tool.read_only,
        "destructive": tool.destructive,
        "idempotent": tool.idempotent,
        "open world": tool.open_world,
    }
    own = text.partition("\n## ")[0]
    assert f"Scope: `{tool.scope.value}`.\n" in own
    assert f"Hints: {', '.join(hint for hint, has in hints.items() if has)}.\n" in own


def test_every_resource_has_its_row() -> None:
    rows = rows_of("resources.md", "Resource")
    same("resources.md", list(rows), [each.uri for each in RESOURCES])


def test_every_prompt_has_its_row_and_arguments() -> None:
    rows = rows_of("resources.md", "Prompt")
    same("resources.md", list(rows), [each.name for each in PROMPTS])
    for each in PROMPTS:
        assert codes(rows[each.name]["Arguments"]) == list(each.arguments)


def test_every_scope_has_its_row() -> None:
    same("scopes.md", list(rows_of("scopes.md", "Scope")), [each.value for each in Scope])


def test_short_forms_of_scopes() -> None:
    rows = rows_of("scopes.md", "Written")
    same("scopes.md", list(rows), SHORTHANDS)
    for name, scopes in SHORTHANDS.items():
        told = set(codes(rows[name]["Means"]))
        left_out = {each.value for each in Scope} - scopes
        assert told == (left_out if name == "*" else {each.value for each in scopes})


def test_every_error_has_its_row() -> None:
    rows = rows_of("errors.md", "Code")
    same("errors.md", list(rows), [fault.code for fault in FAULTS])
    assert set(rows_of("errors.md", "Retry", "Errors")) == {each.value for each in Retry}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.code)
def test_an_error_has_its_status_retry_and_next_step(fault: type[Fault]) -> None:
    row = rows_of("errors.md", "Code")[fault.code]
    assert (row["Status"], codes(row["Retry"])) == (str(fault.status), [fault.retry.value])
    assert row["Meaning"].endswith(".")
    assert row["Next step"].endswith(".")


def test_every_command_has_its_heading_and_options() -> None:
    commands = facts.commands()
    same("commands.md", named(REFERENCE / "commands.md"), commands)
    for command, options in commands.items():
        rows = rows_of("commands.md", "Option", f"`{command}`")
        same(f"commands.md under {command}", list(rows), options)


def test_every_kind_of_provider_has_its_heading() -> None:
    same("providers.md", named(REFERENCE / "providers.md"), facts.kinds())


@pytest.mark.parametrize("kind", sorted(facts.kinds()))
def test_a_provider_has_its_keys_with_their_defaults(kind: str) -> None:
    rows = rows_of("providers.md", "Key", f"`{kind}`")
    wanted = facts.config_fields(kind)
    same(f"providers.md under {kind}", list(rows), wanted)
    for name, field in wanted.items():
        default, cell = facts.default_of(field), rows[name]["Default"]
        assert cell == ("unset" if default is None else f"`{_toml(default)}`"), f"{kind}, {name}"


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if value == ():
        return "[]"
    return f'"{value}"' if isinstance(value, str) else str(value)


@pytest.mark.parametrize("kind", sorted(facts.kinds()))
def test_a_provider_has_its_models_with_their_prices(kind: str, tmp_path: Path) -> None:
    rows = rows_of("providers.md", "Model", f"`{kind}`")
    models = {model.id: model for model in facts.offer(kind, tmp_path).models}
    same(f"providers.md under {kind}", list(rows), models)
    for name, model in models.items():
        assert rows[name]["Life"] == facts.life(model), name
        assert rows[name]["Price"] == facts.price(model), name


@pytest.mark.parametrize("kind", sorted(facts.kinds()))
def test_a_provider_has_its_templates(kind: str) -> None:
    rows = rows_of("providers.md", "Template", f"`{kind}`")
    models = {model.id: model for model in facts.templates(kind)}
    same(f"providers.md under {kind}", list(rows), models)
    for name, model in models.items():
        assert (rows[name]["Life"], rows[name]["Price"]) == (facts.life(model), facts.price(model))


def test_every_dialect_has_its_row() -> None:
    rows = rows_of("providers.md", "Dialect", "`openai_compatible`")
    same("providers.md under openai_compatible", list(rows), DIALECTS)


def test_every_metric_has_its_row() -> None:
    metrics = Metrics()
    metrics.call("a", "b", 0.0)
    metrics.request("a", 200, 0.0)
    metrics.job("a", "b", 0.0)
    metrics.auth_failure("a")
    metrics.limited("a")
    metrics.audit_dropped("a")
    metrics.file("a", faulty=True)
    metrics.notice("a", "b")
    metrics.provider("a", degraded=True)
    metrics.breaker("a", is_open=True)
    metrics.soft_limit("a", "b")
    metrics.unknown("a", 1)
    metrics.reconciled("a", Nano(0), 0)
    found: dict[str, Metric] = {
        f"{each.name}_total" if each.type == "counter" else each.name: each
        for each in metrics.registry.collect()
    }
    rows = rows_of("metrics.md", "Metric")
    same("metrics.md", list(rows), found)
    for name, metric in found.items():
        labels = {label for sample in metric.samples for label in sample.labels} - {"le"}
        assert rows[name]["Type"] == metric.type, name
        assert set(codes(rows[name]["Labels"])) == labels, name


def test_every_route_has_its_row(tmp_path: Path) -> None:
    app = facts.proxied_app(tmp_path)
    assert callable(app.http)
    found: dict[str, Any] = {
        str(getattr(route, "path", "")): route
        for route in app.mcp.http_app(path=app.settings.server.path).routes
        if not str(getattr(route, "path", "")).startswith("/ui")
    }
    rows = rows_of("http.md", "Route")
    same("http.md", list(rows), found)
    for path, route in found.items():
        told = set(rows[path]["Method"].split(", "))
        if methods := getattr(route, "methods", None):  # the MCP endpoint takes them itself
            assert told - {"HEAD"} == set(methods) - {"HEAD"}, path


def test_every_page_has_its_row(tmp_path: Path) -> None:
    (tmp_path / "acl.toml").touch()
    acl = str(tmp_path / "acl.toml")
    settings = facts.settings(
        tmp_path, auth__acl_path=acl, auth__token="t" * 40, auth__token_subject="user:a"
    )
    app = build(settings)
    assert callable(app.http)
    found: dict[str, set[str]] = {}
    for route in app.mcp.http_app(path=settings.server.path).routes:
        path = str(getattr(route, "path", ""))
        if path.startswith("/ui"):
            found.setdefault(path, set()).update(getattr(route, "methods", None) or ())
    rows = rows_of("http.md", "Page")
    same("http.md", list(rows), found)
    for path, methods in found.items():
        assert set(rows[path]["Method"].split(", ")) == methods, path


def test_every_key_of_the_acl_has_its_row() -> None:
    rows = rows_of("acl.md", "Table")
    same("acl.md", list(rows), [f"[{name}]" for name in TOP])
    same("acl.md", list(rows_of("acl.md", "Key", "Keys of an entry")), ENTRY)
    budget = [key for row in tables(REFERENCE / "acl.md", "Budgets") for key in codes(row["Key"])]
    same("acl.md", budget, BUDGET)


def test_every_key_of_a_token_has_its_row() -> None:
    same("tokens.md", list(rows_of("tokens.md", "Key")), TOKEN_ENTRY)


def test_every_field_of_the_audit_has_its_row() -> None:
    same("audit.md", list(rows_of("audit.md", "Field", "Fields")), columns(Entry))
    same("audit.md", list(rows_of("audit.md", "Field", "Seals")), columns(Seal))


def columns(kind: type[Any]) -> list[str]:
    return [each.name for each in fields(kind)]


def test_every_action_of_the_audit_has_its_row() -> None:
    source = "".join(path.read_text("utf-8") for path in (ROOT / "src").rglob("*.py"))
    written = set(re.findall(r'\baction="(\w+)"', source))
    same("audit.md", sorted(set(rows_of("audit.md", "Action"))), written)


def test_every_key_of_an_issuer_has_its_row() -> None:
    same("issuers.md", list(rows_of("issuers.md", "Key")), Issuer.model_fields)
    same("issuers.md", list(rows_of("issuers.md", "Introspection key")), Introspection.model_fields)


def test_every_claim_that_a_ci_system_is_asked_for_is_told() -> None:
    rows = tables(REFERENCE / "issuers.md", "CI systems")
    for vendor in (GITHUB, GITLAB):
        least, guards, trusted, ids = (set(codes(row[f"`{vendor.name}`"])) for row in rows)
        assert least == {vendor.place, vendor.place_id, *(vendor.shared or ())}
        pairs = {claim for pair in vendor.qualified for claim in pair}
        assert guards - {f'{vendor.ref_protected} = "true"'} == {
            *(*vendor.refs, *vendor.workflows, vendor.environment),
            *pairs,
        }
        assert trusted == {vendor.trigger, *vendor.trusted}
        assert ids == {vendor.place_id, *vendor.owner_ids}
