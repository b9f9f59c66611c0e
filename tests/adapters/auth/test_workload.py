"""Jobs of GitHub and GitLab: which are let in, and which sections are refused at the start."""

from typing import Any

import pytest

from imagewright.adapters.auth.issuer import IssuerConfig
from imagewright.adapters.auth.oidc import Oidc
from imagewright.adapters.auth.workload import GITHUB as GITHUB_VENDOR
from imagewright.adapters.auth.workload import GITLAB as GITLAB_VENDOR
from imagewright.adapters.auth.workload import is_by_name, is_guarded, vendor_of
from imagewright.core.caller import Caller
from imagewright.core.errors import InvalidRequest, Unauthenticated
from tests.adapters.auth.ci_tokens import (
    GITHUB,
    GITLAB,
    github,
    github_strangers,
    gitlab,
    gitlab_strangers,
)
from tests.adapters.auth.tokens_by_hand import (
    AUDIENCE,
    Json,
    Published,
    header,
    private,
    public,
    sign,
)
from tests.fakes.clock import HandClock

HUB = {"repository_id": ("74",), "ref": ("refs/heads/main",)}
LAB = {"project_id": ("20",), "ref_path": ("refs/heads/main",)}
HUB_STRANGERS, LAB_STRANGERS = github_strangers(), gitlab_strangers()


def section(preset: str = "github", conditions: Any = None, **more: Any) -> IssuerConfig:
    found: Json = {
        "name": "ci",
        "preset": preset,
        "issuer": GITHUB if preset == "github" else GITLAB,
        "audience": (AUDIENCE,),
        "conditions": conditions or (HUB if preset == "github" else LAB),
        **more,
    }
    return IssuerConfig(**found)


async def caller(config: IssuerConfig, claims: Json, typ: str | None = "JWT") -> Caller:
    oidc = Oidc([config], HandClock(), lambda _: Published(public("k1")))
    found = await oidc.authenticate(sign(header(typ=typ), claims, private("k1")), None)
    assert found is not None
    return found


async def refused(config: IssuerConfig, claims: Json, typ: str | None = "JWT") -> None:
    oidc = Oidc([config], HandClock(), lambda _: Published(public("k1")))
    made = sign(header(typ=typ), claims, private("k1"))
    if claims.get("iss") != config.issuer:  # nobody's, which the face answers alike
        assert await oidc.authenticate(made, None) is None
        return
    with pytest.raises(Unauthenticated) as caught:
        await oidc.authenticate(made, None)
    assert caught.value.public() == Unauthenticated("The token is not valid.").public()


async def test_a_job_is_named_for_its_repository() -> None:
    found = await caller(section(), github())
    assert found.subject == "service:ci/acme/site"
    assert found.name == "acme/site"
    assert found.credential.scopes is None
    assert (await caller(section("gitlab"), gitlab())).subject == "service:ci/acme/site"


@pytest.mark.parametrize("name", HUB_STRANGERS)
async def test_no_other_job_of_github_is_let_in(name: str) -> None:
    names = {"repository": ("acme/site",), "repository_owner_id": ("65",)}
    await caller(section(conditions=names | HUB), github())
    await refused(section(conditions=names | HUB), HUB_STRANGERS[name])


@pytest.mark.parametrize("name", LAB_STRANGERS)
async def test_no_other_job_of_gitlab_is_let_in(name: str) -> None:
    names = {"project_path": ("acme/site",), "namespace_id": ("72",)}
    await caller(section("gitlab", names | LAB), gitlab())
    await refused(section("gitlab", names | LAB), LAB_STRANGERS[name])


async def test_each_condition_of_the_table_matters() -> None:
    """Without the one that it fails, a stranger would be let in: the tables prove something."""
    await caller(section(conditions={"repository_id": ("75",)}), github(repository_id="75"))
    await caller(
        section(conditions={"repository": ("acme/site",)}),
        HUB_STRANGERS["the name given to somebody else"],
    )
    events = {**HUB, "event_name": ("pull_request_target",)}
    told = HUB_STRANGERS["pull_request_target, which says the main branch"]
    await caller(section(conditions=events), told)
    await refused(section(conditions=events), github())
    sources = {**LAB, "pipeline_source": ("merge_request_event",)}
    told = LAB_STRANGERS["a fork's merge request on an old server"]
    await caller(section("gitlab", sources), told)


@pytest.mark.parametrize("typ", [None, "at+jwt", "logout+jwt"])
async def test_only_what_these_systems_sign_is_taken(typ: str | None) -> None:
    await refused(section(), github(), typ)


@pytest.mark.parametrize(
    ("preset", "issuer", "vendor"),
    [
        ("", GITHUB, "github"),
        ("", f"{GITHUB}/acme", "github"),
        ("", "https://token.actions.acme.ghe.com", "github"),
        ("github", "https://git.example.com/_services/token", "github"),
        ("", GITLAB, "gitlab"),
        ("gitlab", "https://git.example.com", "gitlab"),
        ("", "https://git.example.com", None),
        ("", "https://token.actions.example.com", None),
        ("", "https://gitlab.com.example.com", None),
    ],
)
def test_a_system_is_known_by_its_address_or_named(
    preset: str, issuer: str, vendor: str | None
) -> None:
    found = vendor_of(preset, issuer)
    assert (found.name if found else None) == vendor


@pytest.mark.parametrize(
    "wrong",
    [
        {"preset": "jenkins"},
        {"preset": "github", "issuer": GITLAB},
        {"audience": ("https://github.com/acme",)},
        {"audience": ("github.com",)},
        {"audience": (AUDIENCE, "sigstore")},
        {"audience": ("sts.amazonaws.com",)},
        {"preset": "gitlab", "audience": (GITLAB,)},
        {"preset": "gitlab", "audience": ("gitlab.com",)},
        {
            "preset": "gitlab",
            "issuer": "https://git.example.com",
            "audience": ("https://git.example.com/x",),
        },
        {"conditions": {"ref": ("refs/heads/main",)}},
        {"conditions": {"sub": ("repo:acme/site:ref:refs/heads/main",)}},
        {"conditions": {"repository_owner_id": ("65",)}},
        {"conditions": {"repository_owner": ("acme",)}},
        {"conditions": {"repository": ()}},
        {"conditions": {"repository": ("*",)}},
        {"conditions": {"repository": ("acme*",)}},
        {"conditions": {"repository": ("/*",)}},
        {"conditions": {"repository": ("*/site",)}},
        {"conditions": {"repository": ("acme/site", "*")}},
        {"conditions": {"repository_id": ("*",)}},
        {"conditions": {"repository_id": ("7*",)}},
        {"conditions": {"repository_id": ("74", "7*")}},
        {"conditions": {"repository_id": (74,)}},
        {"conditions": {"repository_id": ("",)}},
        {"conditions": {**HUB, "ref_protected": (True,)}},
        {
            "conditions": {
                "repository_owner_id": ("65",),
                "job_workflow_ref": ("acme/ci/.github/workflows/*",),
            }
        },
        {"preset": "gitlab", "conditions": {"namespace_id": ("72",)}},
        {"preset": "gitlab", "conditions": {"job_project_id": ("20",)}},
        {"preset": "gitlab", "conditions": {"project_path": ("*",)}},
    ],
)
def test_what_would_let_in_too_many_stops_the_start(wrong: Json) -> None:
    with pytest.raises(InvalidRequest):
        section(**{"preset": "github", **wrong})


@pytest.mark.parametrize(
    "conditions",
    [
        {"repository": ("acme/site",)},
        {"repository": ("acme/site", "acme/shop-*")},
        {"repository_id": ("74", "75")},
        {
            "repository_owner_id": ("65",),
            "job_workflow_ref": ("acme/ci/.github/workflows/images.yml@refs/heads/main",),
        },
    ],
)
def test_one_repository_or_workflow_is_enough_to_begin_with(conditions: Json) -> None:
    assert section(conditions=conditions).conditions == conditions


WORKFLOW = "acme/ci/.github/workflows/images.yml@refs/heads/main"
HERE = {"repository_id": ("74",)}


@pytest.mark.parametrize(
    ("conditions", "guarded"),
    [
        ({**HERE}, False),
        ({**HERE, "ref": ("refs/heads/main",)}, True),
        ({**HERE, "ref": ("refs/heads/main", "refs/tags/v1")}, True),
        ({**HERE, "ref": ()}, False),
        ({**HERE, "ref": ("*",)}, False),
        ({**HERE, "ref": ("refs/heads/*",)}, False),
        ({**HERE, "ref": ("refs/heads/main", "refs/tags/*")}, False),
        ({**HERE, "ref": ("refs/tags/*",), "ref_protected": ("true",)}, True),
        ({**HERE, "ref_protected": ("true",)}, True),
        ({**HERE, "ref_protected": ("true", "false")}, False),
        ({**HERE, "ref_protected": ("false",)}, False),
        ({**HERE, "environment": ("production",)}, True),
        ({**HERE, "environment": ("prod*",)}, False),
        ({**HERE, "workflow_ref": (WORKFLOW,)}, True),
        ({**HERE, "workflow_ref": ("acme/ci/.github/workflows/images.yml@*",)}, False),
        ({**HERE, "workflow": ("images",)}, False),
        ({**HERE, "actor": ("octocat",)}, False),
        ({"repository": ("acme/site",), "ref": ("refs/heads/main",)}, True),
        ({"repository": ("acme/*",), "ref": ("refs/heads/main",)}, False),
        ({"repository": ("acme/*",), "environment": ("production",)}, False),
        ({"repository_owner_id": ("65",), "job_workflow_ref": (WORKFLOW,)}, True),
        ({"repository_owner_id": ("65",), "workflow_ref": (WORKFLOW,)}, False),
        ({**HERE, "ref": ("refs/heads/main",), "event_name": ("push",)}, True),
        ({**HERE, "ref": ("refs/heads/main",), "event_name": ("pull_request_target",)}, False),
        ({**HERE, "ref": ("refs/heads/main",), "event_name": ("push", "issues")}, False),
        ({**HERE, "ref": ("refs/heads/main",), "event_name": ("*",)}, False),
        ({**HERE, "environment": ("production",), "event_name": ("pull_request",)}, True),
    ],
)
def test_what_guards_money_at_github(conditions: Json, *, guarded: bool) -> None:
    assert is_guarded(GITHUB_VENDOR, conditions) is guarded


@pytest.mark.parametrize(
    ("conditions", "guarded"),
    [
        ({"project_id": ("20",)}, False),
        ({"project_id": ("20",), "ref_path": ("refs/heads/main",)}, True),
        ({"project_id": ("20",), "ref": ("main",)}, False),
        ({"project_id": ("20",), "ref": ("main",), "ref_type": ("branch",)}, True),
        ({"project_id": ("20",), "ref": ("*",), "ref_type": ("branch",)}, False),
        ({"project_id": ("20",), "ref_protected": ("true",)}, True),
        ({"project_path": ("acme/*",), "ref_protected": ("true",)}, False),
        (
            {
                "project_id": ("20",),
                "ref_path": ("refs/heads/main",),
                "pipeline_source": ("merge_request_event",),
            },
            False,
        ),
    ],
)
def test_what_guards_money_at_gitlab(conditions: Json, *, guarded: bool) -> None:
    assert is_guarded(GITLAB_VENDOR, conditions) is guarded


@pytest.mark.parametrize(
    ("conditions", "by_name"),
    [
        ({"repository": ("acme/site",)}, True),
        ({"repository": ("acme/*",), "repository_owner_id": ("65",)}, False),
        ({"repository_id": ("74",)}, False),
        ({"repository": ("acme/site",), "enterprise_id": ("3",)}, False),
    ],
)
def test_a_name_alone_is_told_apart(conditions: Json, *, by_name: bool) -> None:
    assert is_by_name(GITHUB_VENDOR, conditions) is by_name


def test_ours_are_the_only_names_of_presets() -> None:
    assert section().takes_id_tokens
    assert section().types == {"jwt"}
    assert section(typ=("",)).types == {""}
    assert section(name_claim=("actor",)).name_path == ("actor",)
    assert section(subject="service:bot").subject_text == "service:bot"
