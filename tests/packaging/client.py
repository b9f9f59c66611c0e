"""A client of the service in a container, which prints JSON.

Its words are `URL TOKEN generate [PROVIDER SIZE]` or `URL TOKEN view IMAGE`.

It runs in the container's network with this environment's Python.
"""

import asyncio
import base64
import hashlib
import json
import sys
from typing import Any

from fastmcp import Client
from fastmcp.client.auth import BearerAuth
from mcp.types import BlobResourceContents


async def _generate(
    client: Client[Any], provider: str = "placeholder", size: str = "256x192"
) -> dict[str, object]:
    answer = await client.call_tool(
        "generate_image",
        {"prompt": "a red bicycle", "provider": provider, "size": size, "wait": 60},
    )
    assert answer.structured_content is not None
    (image,) = answer.structured_content["images"]
    return await _view(client, str(image["id"]))


async def _view(client: Client[Any], image: str) -> dict[str, object]:
    (content,) = await client.read_resource(f"image://{image}/view")
    assert isinstance(content, BlobResourceContents)
    data = base64.b64decode(content.blob)
    return {"id": image, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


async def _main(url: str, token: str, act: str, *more: str) -> None:
    async with Client(url, auth=BearerAuth(token)) as client:
        found = await (_view(client, *more) if act == "view" else _generate(client, *more))
    print(json.dumps(found))


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
