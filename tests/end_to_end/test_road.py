"""The road from a token to a stored image, in both eras."""

from typing import Any

from tests.end_to_end.service import OWNER, STRANGER, Mode, Service

TOOLS = {
    "generate_image", "edit_image", "estimate_cost", "get_job", "list_jobs", "cancel_job",
    "list_images", "get_image", "show_image", "delete_image", "list_providers", "get_usage",
    "server_info", "refine_image", "list_conversations", "clear_conversation", "batch",
}  # fmt: skip


async def make(service: Service, mode: Mode, who: str = OWNER, **more: Any) -> dict[str, Any]:
    async with service.client(who, mode) as client:
        arguments = {"prompt": "a red bicycle", "size": "256x192", **more}
        answer = await client.call_tool("generate_image", arguments)
    assert answer.structured_content is not None
    return dict(answer.structured_content)


async def test_an_owner_makes_lists_shows_and_deletes_an_image(
    service: Service, mode: Mode
) -> None:
    made = await make(service, mode, n=2, seed=7, tags=["bike"])
    assert made["state"] == "succeeded"
    assert [(each["width"], each["height"]) for each in made["images"]] == [(256, 192)] * 2
    async with service.client(OWNER, mode) as client:
        assert {tool.name for tool in await client.list_tools()} == TOOLS
        listed = await client.call_tool("list_images", {"tag": "bike"})
        assert listed.structured_content is not None
        assert listed.structured_content["total"] == 2
        first = made["images"][0]
        shown = await client.call_tool("show_image", {"image": first["id"]})
        assert [block.type for block in shown.content] == ["text", "image", "resource_link"]
        original = await client.read_resource(first["uri"])
        assert original[0].mime_type == "image/png"
        await client.call_tool("delete_image", {"image": first["uri"]})
        gone = await client.call_tool("get_image", {"image": first["id"]}, raise_on_error=False)
        assert gone.is_error


async def test_the_same_ask_again_returns_the_first_result(service: Service, mode: Mode) -> None:
    first = await make(service, mode)
    again = await make(service, mode)
    assert again["job"] == first["job"]
    assert again["repeated"]
    assert (await make(service, mode, variation="b"))["job"] != first["job"]
    assert (await make(service, mode, STRANGER))["job"] != first["job"]
