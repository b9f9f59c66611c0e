"""Claims as the two CI systems write them, and ones with a single thing changed.

Their shapes are those of docs.github.com/actions/reference/security/oidc and
docs.gitlab.com/ci/secrets/id_token_authentication.
"""

from collections.abc import Mapping

from tests.adapters.auth.tokens_by_hand import AUDIENCE, NOW, Json

GITHUB = "https://token.actions.githubusercontent.com"
GITLAB = "https://gitlab.com"


def github(**more: object) -> Json:
    """A push to the main branch of acme/site; None leaves a claim out."""
    return _with(
        more,
        iss=GITHUB,
        aud=AUDIENCE,
        sub="repo:acme@65/site@74:ref:refs/heads/main",
        jti="6f4762ed-0758-4ccb-808d-ee3af5d723a8",
        nbf=NOW - 600,
        iat=NOW - 10,
        exp=NOW + 300,
        actor="octocat",
        actor_id="12",
        base_ref="",
        event_name="push",
        head_ref="",
        job_workflow_ref="acme/site/.github/workflows/images.yml@refs/heads/main",
        job_workflow_sha="c9ed89cf4dacf01feb527c42a26e0a8920d14c61",
        ref="refs/heads/main",
        ref_protected="true",
        ref_type="branch",
        repository="acme/site",
        repository_id="74",
        repository_owner="acme",
        repository_owner_id="65",
        repository_visibility="private",
        run_attempt="2",
        run_id="22259804324",
        run_number="10",
        runner_environment="github-hosted",
        sha="c040cae0f0dc81641728557b80f09cfa23b83fe5",
        workflow="images",
        workflow_ref="acme/site/.github/workflows/images.yml@refs/heads/main",
        workflow_sha="c040cae0f0dc81641728557b80f09cfa23b83fe5",
    )


def gitlab(**more: object) -> Json:
    """A push to the main branch of acme/site; None leaves a claim out."""
    return _with(
        more,
        iss=GITLAB,
        aud=AUDIENCE,
        sub="project_path:acme/site:ref_type:branch:ref:main",
        jti="235b3a54-b797-45c7-ae9a-f72d7bc6ef5b",
        nbf=NOW - 15,
        iat=NOW - 10,
        exp=NOW + 3600,
        ci_config_ref_uri="gitlab.com/acme/site//.gitlab-ci.yml@refs/heads/main",
        ci_config_sha="714a629c0b401fdce83e847fc9589983fc6f46bc",
        groups_direct=["acme", "acme/painters"],
        job_id="302",
        job_namespace_id="72",
        job_namespace_path="acme",
        job_project_id="20",
        job_project_path="acme/site",
        namespace_id="72",
        namespace_path="acme",
        pipeline_id="574",
        pipeline_source="push",
        project_id="20",
        project_path="acme/site",
        project_visibility="private",
        ref="main",
        ref_path="refs/heads/main",
        ref_protected="true",
        ref_type="branch",
        runner_environment="gitlab-hosted",
        runner_id=1,
        sha="714a629c0b401fdce83e847fc9589983fc6f46bc",
        user_access_level="developer",
        user_email="sample-user@example.com",
        user_id="1",
        user_login="sample-user",
    )


def github_strangers() -> dict[str, Json]:
    """What is not a push to the main branch of repository 74, acme/site, and meant for us."""
    return {**_other_places(), **_other_events(), **_other_uses()}


def _other_places() -> dict[str, Json]:
    return {
        "another repository of the owner": github(repository="acme/other", repository_id="75"),
        "a longer name": github(repository="acme/site-evil", repository_id="76"),
        "the name in capitals": github(repository="ACME/site"),
        "the name given to somebody else": github(repository_id="9001", repository_owner_id="9000"),
        "a fork": github(
            repository="mallory/site",
            repository_id="99",
            repository_owner="mallory",
            repository_owner_id="98",
        ),
        "a fork whose sub is made up": github(
            repository="mallory/site", repository_id="99", repository_owner_id="98"
        ),
        "a repository of a look-alike": github(repository="\u0430cme/site", repository_id="77"),
        "no repository": github(repository=None, repository_id=None),
        "an id that is a number": github(repository_id=74),
        "ids in a list with others": github(repository_id=["74x", "7"]),
    }


def _other_events() -> dict[str, Json]:
    return {
        "a pull request": github(event_name="pull_request", ref="refs/pull/7/merge"),
        "a pull request on the branch": github(event_name="pull_request"),
        "pull_request_target, which says the main branch": github(
            event_name="pull_request_target", head_ref="patch-1", base_ref="main"
        ),
        "a comment": github(event_name="issue_comment"),
        "an issue": github(event_name="issues"),
        "a run after a run of a fork": github(event_name="workflow_run"),
        "no event": github(event_name=None),
        "events in one text": github(event_name="push,pull_request_target"),
        "another branch": github(ref="refs/heads/patch-1"),
        "a branch with a longer name": github(ref="refs/heads/main-2"),
        "a branch below": github(ref="refs/heads/main/x"),
        "a tag with the branch's name": github(ref="refs/tags/main", ref_type="tag"),
        "no ref": github(ref=None),
    }


def _other_uses() -> dict[str, Json]:
    return {
        "the vendor's own audience": github(aud="https://github.com/acme"),
        "our audience beside another": github(aud=[AUDIENCE, "https://vault.example.com"]),
        "no audience": github(aud=None),
        "a customised issuer": github(iss=f"{GITHUB}/acme"),
        "expired": github(exp=NOW - 31),
        "a logout": github(events={}),
    }


def gitlab_strangers() -> dict[str, Json]:
    """What is not a push to the main branch of project 20, acme/site, and meant for us."""
    return {
        "another project of the group": gitlab(project_path="acme/other", project_id="21"),
        "a project of a subgroup": gitlab(project_path="acme/sub/site", project_id="22"),
        "the name given to somebody else": gitlab(project_id="9001", namespace_id="9000"),
        "a fork's merge request that runs here": gitlab(
            project_id="99", project_path="mallory/site", pipeline_source="merge_request_event"
        ),
        "a fork's merge request on an old server": gitlab(pipeline_source="merge_request_event"),
        "a child of a merge request": gitlab(pipeline_source="parent_pipeline"),
        "an external pull request": gitlab(pipeline_source="external_pull_request_event"),
        "no source": gitlab(pipeline_source=None),
        "no project": gitlab(project_id=None, project_path=None),
        "an id that is a number": gitlab(project_id=20),
        "another branch": gitlab(ref="x", ref_path="refs/heads/x"),
        "a tag with the branch's name": gitlab(ref_type="tag", ref_path="refs/tags/main"),
        "no ref": gitlab(ref_path=None),
        "the vendor's own audience": gitlab(aud=GITLAB),
        "our audience beside another": gitlab(aud=["https://vault.example.com", AUDIENCE]),
        "no audience": gitlab(aud=None),
        "expired": gitlab(exp=NOW - 31),
        "a person that signs in": {
            **{name: gitlab()[name] for name in ("iss", "aud", "exp", "iat", "jti")},
            "sub": "20",
            "nonce": "n",
            "email": "sample-user@example.com",
            "email_verified": True,
        },
    }


def _with(more: Mapping[str, object], **usual: object) -> Json:
    return {name: value for name, value in {**usual, **more}.items() if value is not None}
