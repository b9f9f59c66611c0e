"""CI systems whose jobs show an ID token: what theirs look like, and what must be asked of them.

Claims are those of docs.github.com/actions/reference/security/oidc and
docs.gitlab.com/ci/secrets/id_token_authentication.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from imagewright.adapters.auth.conditions import Conditions, is_exact
from imagewright.core.errors import InvalidRequest

_YES = "true"
_OTHERS = frozenset(
    {"sigstore", "pypi", "testpypi", "sts.amazonaws.com", "api://AzureADTokenExchange"}
)
"""Audiences of other services: a token that was made for one of them must open nothing here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """One CI system, by the names of its claims; every value of them is a text.

    `place` is the claim with the name of the repository or project, `place_id` with its id,
    which is never given to another. `shared` are two claims that do in their stead, the owner's
    id and the one workflow of its. `refs`, `environment` and `workflows` say what runs there;
    `qualified` are refs that are only told apart by a second claim. `trigger` is why it runs,
    and `trusted` are reasons that only somebody who may write there can give.
    """

    name: str
    address: str
    home: str
    place: str
    place_id: str
    owner_ids: tuple[str, ...]
    shared: tuple[str, str] | None
    refs: tuple[str, ...]
    qualified: tuple[tuple[str, str], ...] = ()
    environment: str = "environment"
    ref_protected: str = "ref_protected"
    workflows: tuple[str, ...]
    trigger: str
    trusted: tuple[str, ...]

    @property
    def texts(self) -> frozenset[str]:
        """Claims of which a condition is always a text."""
        named = (self.place, self.place_id, *self.owner_ids, *self.refs, *self.workflows)
        return frozenset({*named, self.environment, self.ref_protected, self.trigger})

    @property
    def asked(self) -> Conditions:
        """What is asked of a token unless the operator asks for something else of that claim."""
        return {self.trigger: self.trusted}


GITHUB = Vendor(
    name="github",
    address="https://token.actions.githubusercontent.com",
    home="github.com",
    place="repository",
    place_id="repository_id",
    owner_ids=("repository_owner_id", "enterprise_id"),
    shared=("repository_owner_id", "job_workflow_ref"),
    refs=("ref",),
    workflows=("workflow_ref", "job_workflow_ref"),
    trigger="event_name",
    # A pull request, a comment or an issue is anybody's, and runs with the default branch as ref.
    trusted=(
        *("push", "workflow_dispatch", "repository_dispatch"),
        *("schedule", "release", "deployment"),
    ),
)
GITLAB = Vendor(
    name="gitlab",
    address="https://gitlab.com",
    home="gitlab.com",
    place="project_path",
    place_id="project_id",
    owner_ids=("namespace_id",),
    shared=None,
    refs=("ref_path",),
    qualified=(("ref", "ref_type"),),
    workflows=("ci_config_ref_uri",),
    trigger="pipeline_source",
    # A merge request is anybody's, and so is a pipeline that one of its jobs begins.
    trusted=("push", "web", "schedule", "api", "trigger", "pipeline"),
)
_VENDORS = (GITHUB, GITLAB)
PRESETS = tuple(each.name for each in _VENDORS)


def vendor_of(preset: str, issuer: str) -> Vendor | None:
    """The CI system that the operator names, or that the address is known for.

    Raises InvalidRequest for a name of none, or of another than the address is known for.
    """
    known = next((each for each in _VENDORS if _is_of(each, urlsplit(issuer).hostname)), None)
    named = next((each for each in _VENDORS if each.name == preset), known)
    if preset and preset not in PRESETS:
        raise InvalidRequest("There is no such preset.", hint=f"Presets: {', '.join(PRESETS)}.")
    if named is not known and known is not None:
        raise InvalidRequest("The preset and the issuer are of different CI systems.")
    return named


def check_workload(
    vendor: Vendor, issuer: str, audience: Iterable[str], conditions: Conditions
) -> None:
    """Raise InvalidRequest for what would let in jobs of everybody, or of nobody."""
    for each in audience:
        if each in _OTHERS or _authority(each) in {vendor.home, _authority(issuer)}:
            raise InvalidRequest(
                "The audience is one that tokens have for others.",
                hint="Leave it unset, or set a name of your own and let the job ask for it.",
            )
    for name in vendor.texts & conditions.keys():
        if not all(isinstance(each, str) for each in conditions[name]):
            raise InvalidRequest(
                f"The condition on {name} is no text, and the claim always is.",
                hint=f'Write it in double quotes, like {name} = "true".',
            )
    if not _is_placed(vendor, conditions):
        hint = f"Set a condition on {vendor.place_id}, or on {vendor.place} with its owner in full"
        if vendor.shared:
            hint += f", or on {' and '.join(vendor.shared)}"
        raise InvalidRequest("This issuer gives tokens to everybody.", hint=f"{hint}.")


def is_guarded(vendor: Vendor, conditions: Conditions) -> bool:
    """Whether the conditions are narrow enough for a subject that spends.

    One repository or project to the letter, or one workflow of one owner; and in it one ref,
    those that are protected, one environment or one workflow. A pattern is no guard: whoever
    may write there makes a branch, a tag or a file that fits. What anybody can start is guarded
    by an environment alone, which can ask a person first.
    """
    places = (vendor.place, vendor.place_id)
    environment = _exact(conditions, vendor.environment)
    shared = vendor.shared is not None and all(_exact(conditions, each) for each in vendor.shared)
    if not shared and not any(_exact(conditions, each) for each in places):
        return False
    if not set(conditions.get(vendor.trigger, vendor.trusted)) <= set(vendor.trusted):
        return environment
    singles = (*vendor.refs, *vendor.workflows)
    return (
        environment
        or conditions.get(vendor.ref_protected) == (_YES,)
        or any(_exact(conditions, each) for each in singles)
        or any(all(_exact(conditions, each) for each in pair) for pair in vendor.qualified)
    )


def guard_hint(vendor: Vendor) -> str:
    """What to add where `is_guarded` says no."""
    guards = (*vendor.refs, vendor.environment, *vendor.workflows)
    return (
        f"Name one {vendor.place_id} or {vendor.place} without *, and one of "
        f'{", ".join(guards)} without *, or {vendor.ref_protected} = "true".'
    )


def is_by_name(vendor: Vendor, conditions: Conditions) -> bool:
    """Whether all that is asked is a name, which somebody else may have one day."""
    return not any(_exact(conditions, each) for each in (vendor.place_id, *vendor.owner_ids))


def _is_placed(vendor: Vendor, conditions: Conditions) -> bool:
    if vendor.shared and all(_exact(conditions, each) for each in vendor.shared):
        return True
    if _exact(conditions, vendor.place_id):
        return True
    names = conditions.get(vendor.place, ())
    return bool(names) and all(
        isinstance(each, str) and each.find("/", 1) > 0 and "*" not in each[:-1] for each in names
    )


def _exact(conditions: Conditions, name: str) -> bool:
    """Whether the claim is asked for, and each value stands for itself."""
    values = conditions.get(name, ())
    return bool(values) and all(is_exact(each) and each != "" for each in values)


def _authority(address: str) -> str:
    try:
        return urlsplit(address).netloc or address
    except ValueError:
        return address


def _is_of(vendor: Vendor, host: str | None) -> bool:
    if vendor is GITHUB and host is not None and host.startswith("token.actions."):
        return host.endswith((".githubusercontent.com", ".ghe.com"))
    return host == urlsplit(vendor.address).hostname
