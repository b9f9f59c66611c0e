"""Tools on the service itself: providers, one's own usage, facts."""

from fastmcp import Context
from fastmcp.tools.base import ToolResult

from imagewright.api.allowance import allowance_shape
from imagewright.api.mcp import arguments as a
from imagewright.api.mcp.component import ToolSpec
from imagewright.api.mcp.face import face_of
from imagewright.api.mcp.offers import offer_warnings, provider_shape
from imagewright.api.mcp.shapes import InfoShape, LimitShape, ProvidersShape, UsageShape
from imagewright.api.times import iso
from imagewright.core.scope import WRITING, Scope
from imagewright.services.own_limits import Standing


async def list_providers(ctx: Context, refresh: a.Refresh = False) -> ToolResult:
    """The providers and models open to you: what each can do, until when, at what price."""
    face = face_of(ctx)
    caller, today = face.caller(), face.images.today()
    if refresh:
        await face.images.refresh(caller)
    offers = face.images.offers(caller)
    shape: ProvidersShape = {"providers": [provider_shape(offer, today) for offer in offers]}
    lines = [
        "\n".join(
            (
                f"{offer.name}: {', '.join(model.id for model in offer.models)}",
                *(f"  {warning}" for warning in offer_warnings(offer, today)),
            )
        )
        for offer in offers
    ]
    return ToolResult(
        content="\n".join(lines) or "No provider is open to you.", structured_content=dict(shape)
    )


async def get_usage(ctx: Context) -> ToolResult:
    """What you have spent and used, and what is left of budgets and limits."""
    face = face_of(ctx)
    caller = face.caller()
    found = await face.usage.allowances(caller)
    shape: UsageShape = {
        "subject": caller.subject,
        "allowances": [allowance_shape(each) for each in found],
        "limits": [_limit(each) for each in await face.own_limits.of(caller)],
    }
    lines = [
        f"{each['level']} {each['name']} {each['span']}: ${each['settled_usd']} spent, "
        f"${each['held_usd']} held"
        + (f", ${each['left_usd']} left of ${each['limit_usd']}" if "left_usd" in each else "")
        for each in shape["allowances"]
    ]
    lines += [
        f"{each['limit']} {each['allowed']}: {each['used']} used, {each['left']} left"
        for each in shape["limits"]
    ]
    return ToolResult(content="\n".join(lines), structured_content=dict(shape))


async def server_info(ctx: Context) -> ToolResult:
    """This server's version, mode and limits, and what you may do here."""
    face = face_of(ctx)
    caller = face.caller()
    about = face.status.about
    scopes = face.gate.scopes(caller)
    shape: InfoShape = {
        "name": about.name,
        "version": about.version,
        "subject": caller.subject,
        "scopes": sorted(scope.value for scope in scopes),
        "read_only": not scopes & WRITING,
        "limits": dict(about.limits),
        "own_limits": [
            f"{bound.limit.value} {bound}" for bound in face.limiter.bounds(caller).all()
        ],
    }
    if Scope.ADMIN_READ in scopes:
        shape["confinement"] = dict(about.confinement())
    mode = "read-only" if shape["read_only"] else "read and write"
    return ToolResult(
        content=f"{about.name} {about.version}, {mode} for {caller.subject}.",
        structured_content=dict(shape),
    )


def _limit(found: Standing) -> LimitShape:
    bound = found.bound
    shape: LimitShape = {
        "limit": bound.limit.value,
        "allowed": str(bound),
        "owner": bound.owner,
        "used": found.used,
        "left": found.left,
    }
    if bound.name:
        shape["name"] = bound.name
    if found.resets_at is not None:
        shape["resets_at"] = iso(found.resets_at)
    return shape


TOOLS = (
    ToolSpec(
        call=list_providers,
        scope=Scope.IMAGES_READ,
        title="List providers",
        answer=ProvidersShape,
    ),
    ToolSpec(call=get_usage, scope=Scope.IMAGES_READ, title="Get usage", answer=UsageShape),
    ToolSpec(
        call=server_info, scope=Scope.IMAGES_READ, title="Server information", answer=InfoShape
    ),
)
