"""The answers as settings, and as other programs' files."""

import json
import re
import shlex
import sys
from collections.abc import Callable, Mapping
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from string import Template
from types import MappingProxyType
from typing import Any

import tomli_w

from imagewright.adapters.toml.statements import assignment
from imagewright.app.setup.answers import Answers
from imagewright.settings.names import variable

_INSIDE = "/etc/imagewright"
"""Where a container sees the directory of the files."""
_PLAIN = re.compile(r"[A-Za-z0-9_.,:/@%+=-]*\Z")


class Form(StrEnum):
    """What the answers may be printed as."""

    TOML = "toml"
    ENV = "env"
    COMPOSE = "compose"
    DOCKER = "docker"
    SYSTEMD = "systemd"
    MCP_JSON = "mcp.json"


def printed(form: Form, answers: Answers) -> str:
    """The answers in a form; it names the files that hold secrets, and holds none itself."""
    return _FORMS[form](answers)


def notes(form: Form, answers: Answers) -> tuple[str, ...]:
    """What the form leaves to be done: where secrets stand, and who must be able to read them."""
    if form is Form.MCP_JSON:
        return ("No file was written. Set IMAGEWRIGHT_TOKEN to the token where the client runs.",)
    beside = ["acl.toml", "tokens.toml"]
    beside += ["imagewright.toml"] if form not in {Form.TOML, Form.ENV} else []
    where = f"{', '.join(sorted(beside))} in {answers.directory}"
    key = f" and the key in {answers.key_file}" if answers.key_file else ""
    told = [
        f"No file was written. It needs {where}{key}.",
        "The same command without --as writes them and shows the token.",
    ]
    if form in {Form.COMPOSE, Form.DOCKER}:
        told.append(f"User 10001 must be able to read them: chown -R 10001 {answers.directory}")
    if form is Form.SYSTEMD:
        told.append(
            "User imagewright must be able to read them:"
            f" useradd --system imagewright; chown -R imagewright {answers.directory}"
        )
    return tuple(told)


def settings_text(answers: Answers) -> str:
    """imagewright.toml; files beside it are named without their directory."""
    table = settings_table(answers)
    for name in ("acl_path", "tokens_path"):
        table["auth"][name] = Path(str(table["auth"][name])).name
    for section in table["providers"].values():
        key = Path(str(section.get("api_key_file", "")))
        if key.parent == answers.directory:
            section["api_key_file"] = key.name
    return _template("imagewright.toml", settings=tomli_w.dumps(table).strip())


def acl_text(answers: Answers) -> str:
    """acl.toml: everything for the first subject, and a budget for everybody."""
    budget = ""
    if answers.budget is not None:
        budget = f"\n[everyone]\n{assignment('budget', {'month': answers.budget})}\n"
    return _template("acl.toml", subject=assignment(answers.subject, ["*"]).strip(), budget=budget)


def settings_table(answers: Answers) -> dict[str, Any]:
    """The settings with absolute paths, in tables."""
    above: dict[str, object] = {"read_only": answers.read_only, "state": str(answers.state)}
    above |= {"public_url": answers.public_url} if answers.public_url else {}
    provider = {"api_key_file": str(answers.key_file)} if answers.key_file else {}
    return {
        **above,
        "server": {"port": answers.port},
        "auth": {
            "acl_path": str(answers.directory / "acl.toml"),
            "tokens_path": str(answers.directory / "tokens.toml"),
        },
        "providers": {answers.provider: provider},
    }


def _env(answers: Answers) -> str:
    found = dict(_variables((), settings_table(answers)))
    found[variable(("providers", answers.provider, "kind"))] = answers.provider
    return "".join(f"{name}={_quoted(value)}\n" for name, value in found.items())


def _variables(above: tuple[str, ...], table: Mapping[str, object]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for key, value in table.items():
        if isinstance(value, dict):
            found += _variables((*above, key), value)
        else:
            text = str(value).lower() if isinstance(value, bool) else str(value)
            found.append((variable((*above, key)), text))
    return found


def _quoted(text: str) -> str:
    """A value as shells, systemd and environment files read it alike."""
    return text if _PLAIN.match(text) else json.dumps(text, ensure_ascii=False)


def _compose(answers: Answers) -> str:
    return _template(
        "compose.yaml",
        directory=_compose_text(f"{answers.directory}:{_INSIDE}:ro"),
        port=str(answers.port),
        key=_mounted_key(answers, lambda mount: f"\n      - {_compose_text(mount)}"),
    )


def _compose_text(text: str) -> str:
    """A text in double quotes; Compose would put a variable in the place of a lone $."""
    return json.dumps(text.replace("$", "$$"), ensure_ascii=False)


def _docker(answers: Answers) -> str:
    return _template(
        "docker.sh",
        directory=shlex.quote(f"{answers.directory}:{_INSIDE}:ro"),
        port=str(answers.port),
        key=_mounted_key(answers, lambda mount: f"--volume {shlex.quote(mount)} \\\n  "),
    )


def _mounted_key(answers: Answers, written: Callable[[str], str]) -> str:
    """A key's file that stands elsewhere, at its own path inside too."""
    key = answers.key_file
    if key is None or key.parent == answers.directory:
        return ""
    return written(f"{key}:{key}:ro")


def _systemd(answers: Answers) -> str:
    state = f"ReadWritePaths={_unit_word(str(answers.state))}"
    if answers.state.parent == Path("/var/lib"):
        state = f"StateDirectory={_unit_word(answers.state.name)}\nStateDirectoryMode=0700"
    words = (sys.executable, "-m", "imagewright", "serve", "--config", str(answers.config))
    return _template("imagewright.service", start=" ".join(map(_unit_word, words)), state=state)


def _unit_word(text: str) -> str:
    """A word as a unit's line takes it (systemd.service(5), Command lines)."""
    text = text.replace("%", "%%").replace("$", "$$")
    return text if _PLAIN.match(text.replace("%%", "")) else json.dumps(text, ensure_ascii=False)


def _mcp_json(answers: Answers) -> str:
    server = {
        "type": "http",
        "url": answers.url,
        "headers": {"Authorization": "Bearer ${IMAGEWRIGHT_TOKEN}"},
    }
    return json.dumps({"mcpServers": {"imagewright": server}}, indent=2) + "\n"


def _template(name: str, **values: str) -> str:
    text = files("imagewright.app.setup").joinpath(name).read_text("utf-8")
    return Template(text).substitute(values)


_FORMS: Mapping[Form, Callable[[Answers], str]] = MappingProxyType(
    {
        Form.TOML: settings_text,
        Form.ENV: _env,
        Form.COMPOSE: _compose,
        Form.DOCKER: _docker,
        Form.SYSTEMD: _systemd,
        Form.MCP_JSON: _mcp_json,
    }
)
