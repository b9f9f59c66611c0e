"""What the MCP face stands on: the services, and who is calling."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from fastmcp import Context
from fastmcp.server.dependencies import get_access_token, get_http_request

from imagewright.api.bearer import CallerToken
from imagewright.core.audit import legible
from imagewright.core.caller import LOCAL, Caller, Credential
from imagewright.core.errors import Unauthenticated
from imagewright.core.ids import Kind
from imagewright.core.shape import Shaper
from imagewright.ports.books import Origin
from imagewright.ports.telemetry import Telemetry
from imagewright.services.approvals import ApprovalService
from imagewright.services.batch import BatchService
from imagewright.services.conversations import ConversationService
from imagewright.services.gate import Gate
from imagewright.services.images import ImageService
from imagewright.services.inputs import Inputs
from imagewright.services.jobs import JobService
from imagewright.services.library import LibraryService
from imagewright.services.limiter import Limiter
from imagewright.services.own_limits import OwnLimits
from imagewright.services.status import StatusService
from imagewright.services.usage import UsageService
from imagewright.services.witness import Witness

_KEY = "face"
_NAME = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """Everything that tools and resources reach. `local` allows the subject `local`.

    `paths` is whether results name files of this machine: over stdio only.
    """

    gate: Gate
    images: ImageService
    inputs: Inputs
    library: LibraryService
    conversations: ConversationService
    jobs: JobService
    batches: BatchService
    usage: UsageService
    own_limits: OwnLimits
    limiter: Limiter
    status: StatusService
    telemetry: Telemetry
    witness: Witness
    shaper: Shaper
    approvals: ApprovalService
    new_id: Callable[[Kind], str]
    local: bool
    paths: bool = False
    wait: int = 40
    elicit_seconds: int = 600
    preview_bytes: int = 200_000

    def lifespan_value(self) -> dict[str, object]:
        """What the server's lifespan yields, for `face_of` to find."""
        return {_KEY: self}

    def caller(self) -> Caller:
        """The caller of the request being served. Raises Unauthenticated where there is none."""
        token = get_access_token()
        if isinstance(token, CallerToken):
            return token.caller
        if self.local:
            return Caller(subject=LOCAL, credential=Credential(id=LOCAL))
        raise Unauthenticated("This server needs a bearer token.")


def face_of(ctx: Context) -> Face:
    """The face that the server's lifespan yielded."""
    return cast("Face", ctx.lifespan_context[_KEY])


def origin_of(ctx: Context) -> Origin:
    """Where the request came from, for the audit."""
    client = _client(ctx)
    try:
        request = get_http_request()
    except RuntimeError:
        return Origin(request=str(ctx.request_id)[:_NAME], client=client)
    address = request.client.host if request.client else None
    state = request.scope.get("state") or {}
    name = str(state.get("request_id") or ctx.request_id)
    return Origin(request=name[:_NAME], address=address, client=client)


def _client(ctx: Context) -> str | None:
    """What the client calls itself, as far as it can be printed."""
    request = ctx.request_context
    params = request.session.client_params if request is not None else None
    if params is None:
        return None
    return legible(f"{params.client_info.name} {params.client_info.version}")
