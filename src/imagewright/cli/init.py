"""`imagewright init`: a first configuration, from questions or from options."""

import asyncio
import getpass
import os
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from imagewright.cli.operator import operator
from imagewright.cli.questions import ask, ask_secret, yes
from imagewright.cli.trouble import told
from imagewright.core.errors import InvalidRequest

if TYPE_CHECKING:
    from imagewright.app.setup.answers import Answers

_Form = Literal["toml", "env", "compose", "docker", "systemd", "mcp.json"]


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """The answers that are given as options."""

    directory: Annotated[
        Path | None, Parameter(help="Where the files go; /etc/imagewright for root.")
    ] = None
    state: Annotated[Path | None, Parameter(help="Where images are kept.")] = None
    subject: Annotated[str | None, Parameter(help="Who the first token is for.")] = None
    provider: Annotated[str | None, Parameter(help="Who makes the images.")] = None
    key_file: Annotated[Path | None, Parameter(help="The file of the provider's key.")] = None
    budget: Annotated[
        str | None, Parameter(help="The most of a month for everybody, in US dollars.")
    ] = None
    public_url: Annotated[
        str | None, Parameter(help="The https address that clients reach; else this machine only.")
    ] = None
    port: Annotated[int, Parameter(help="The port to listen on, on loopback.")] = 8787
    read_only: Annotated[
        bool | None, Parameter(negative="", help="Make and change nothing yet.")
    ] = None


def init(
    *,
    given: Given | None = None,
    accept: Annotated[
        bool, Parameter(name="--yes", negative="", help="Ask nothing; take the defaults.")
    ] = False,
    form: Annotated[
        _Form | None, Parameter(name="--as", help="Print the answers so, and write no file.")
    ] = None,
) -> None:
    """Write settings, an ACL and a first token, and show the token, this once."""
    with told():
        answers, key = _answers(given or Given(), asking=not accept)
        if form is None:
            _write(answers, key)
        else:
            _print(answers, form)


def _answers(given: Given, *, asking: bool) -> "tuple[Answers, str | None]":
    """The answers, and the provider's key if it was typed in."""
    from imagewright.app.setup.answers import FREE, Answers

    if asking and not sys.stdin.isatty():
        raise InvalidRequest(
            "There is no terminal to ask on.", hint="Give --yes, and what differs as options."
        )
    talk = _Talk(asking=asking)
    directory = talk.directory(given.directory)
    subject = talk.subject(given.subject)
    provider = talk.provider(given.provider)
    key, key_file, budget = None, given.key_file, given.budget
    if provider != FREE:
        if key_file is None and asking:
            key, key_file = ask_secret(f"Key of {provider}, not shown"), Path(f"{provider}.key")
            key_file = directory / key_file
        budget = talk.budget(budget)
    answers = Answers(
        directory=directory,
        state=_absolute(given.state) if given.state else _state(directory),
        subject=subject,
        provider=provider,
        key_file=_absolute(key_file) if key_file else None,
        budget=budget,
        public_url=talk.public_url(given.public_url),
        port=given.port,
        read_only=talk.read_only(given.read_only),
    )
    return answers, key


class _Talk:
    """Takes what is given, else asks, else takes the default."""

    def __init__(self, *, asking: bool) -> None:
        self._asking = asking

    def directory(self, given: Path | None) -> Path:
        default = "/etc/imagewright" if os.geteuid() == 0 else "imagewright"
        return _absolute(given or Path(self._ask("Directory for the settings", default)))

    def subject(self, given: str | None) -> str:
        from imagewright.app.setup.answers import check_first

        default = _whoever()
        if given is None and self._asking:
            return ask("Who is the first token for", default, check_first)
        return given or default

    def provider(self, given: str | None) -> str:
        from imagewright.app.setup.answers import FREE, check_provider, provider_kinds

        if given is None and self._asking:
            kinds = ", ".join(provider_kinds())
            print(f"Providers: {kinds}. {FREE} draws test images for nothing.", file=sys.stderr)
            return ask("Who makes the images", FREE, check_provider)
        return given or FREE

    def budget(self, given: str | None) -> str | None:
        from imagewright.core.money import parse_usd

        if given is not None or not self._asking:
            return given

        def amount(text: str) -> str:
            parse_usd(text)
            return text

        return ask("The most of a month for everybody, in US dollars", "20", amount)

    def public_url(self, given: str | None) -> str | None:
        from imagewright.app.setup.answers import check_public_url

        if given is not None or not self._asking:
            return given

        def url(text: str) -> str | None:
            return check_public_url(text) if text else None

        question = "The https address that clients reach (empty: this machine only)"
        return ask(question, "", url)

    def read_only(self, given: bool | None) -> bool:
        if given is not None or not self._asking:
            return bool(given)
        return not ask("May images be made and changed (y or n)", "y", yes)

    def _ask(self, question: str, default: str) -> str:
        return ask(question, default, str) if self._asking else default


def _whoever() -> str:
    try:
        return f"user:{getpass.getuser()}"
    except (KeyError, OSError):  # a container's user need not have a name
        return "user:admin"


def _absolute(path: Path) -> Path:
    return path.expanduser().absolute()


def _state(directory: Path) -> Path:
    at_home = directory != Path("/etc/imagewright")
    return directory / "state" if at_home else Path("/var/lib/imagewright")


def _write(answers: "Answers", key: str | None) -> None:
    from imagewright.app.setup.files import entered, for_service, write

    made = write(answers, key)
    try:
        _tell_written(answers, made.id, with_key=bool(key))
        _tell_start(answers, installed=for_service(answers))
        print(made.token, flush=True)
    finally:
        if (flaw := asyncio.run(entered(answers, made, operator()))) is not None:
            _say(str(flaw))


def _tell_written(answers: "Answers", id: str, *, with_key: bool) -> None:
    _say(f"\nWrote {answers.directory}:")
    _say("  imagewright.toml  the settings")
    _say(f"  acl.toml          who may do what; {answers.subject} may do everything")
    _say(f"  tokens.toml       the hash of the token {id}")
    if with_key and answers.key_file:
        _say(f"  {answers.key_file.name:<16}  the provider's key")


def _tell_start(answers: "Answers", *, installed: bool) -> None:
    config = f"--config {shlex.quote(str(answers.config))}"
    _say("\nStart it:\n")
    _say("  systemctl restart imagewright" if installed else f"  imagewright serve {config}")
    if os.geteuid() == 0 and not installed:
        own = shlex.quote(str(answers.directory))
        _say(f"\nTo run it as another user than root, do before: chown -R USER {own}")
    _say("\nGive others a token, and name them in acl.toml:\n")
    _say(f"  imagewright token add user:bob@example.com {config}")
    _say("\nConnect a client, with the token in the place of $TOKEN:\n")
    _say(f"  claude mcp add --transport http imagewright {answers.url} \\")
    _say('    --header "Authorization: Bearer $TOKEN"')
    _say(f"\nThe token of {answers.subject}, shown this once:")


def _print(answers: "Answers", form: _Form) -> None:
    from imagewright.app.setup.forms import Form, notes, printed

    print(printed(Form(form), answers), end="", flush=True)
    for note in notes(Form(form), answers):
        _say(note)


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)
