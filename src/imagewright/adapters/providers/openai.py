"""OpenAI's Images API. What its answers prove stands in `adapters.wire.images_api`.

Asks that may take hours are handed to the Batch API; see `adapters.wire.openai_batches`.

The options of its models are parameters under their own names: `complexity`, `frame_count` and
`frame_duration_ms` of the 2.6 family.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from imagewright.adapters.web.client import Client
from imagewright.adapters.wire.dialect import OPENAI, Dialect, Edits
from imagewright.adapters.wire.images import picture_call
from imagewright.adapters.wire.images_api import ImagesApi, links_of
from imagewright.adapters.wire.line import Line
from imagewright.adapters.wire.listing import openai_models
from imagewright.adapters.wire.openai_batches import Batches
from imagewright.adapters.wire.pace import Pace
from imagewright.adapters.wire.refusals import not_made, read_error
from imagewright.adapters.wire.results import read_results
from imagewright.adapters.wire.server import Server, endpoint
from imagewright.ports.provider import Delivery, Found, Order, Parts, Watch

_OPENAI = frozenset({"api.openai.com"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(Server):
    """An operator's settings for OpenAI. `edits` is how input images are sent: both are the API's.

    `batch_poll` is the seconds between two looks at a batch. Raises ValueError for an address or a
    number that cannot be.
    """

    name: str = "openai"
    base_url: str = "https://api.openai.com/v1"
    organization: str | None = None
    project: str | None = None
    edits: Literal["multipart", "images"] = "multipart"
    batch_poll: float = 60.0

    def __post_init__(self) -> None:
        Server.__post_init__(self)
        if self.batch_poll <= 0:
            raise ValueError("batch_poll must be above 0")


def build(config: Config, parts: Parts) -> "OpenAIImages":
    """The provider as configured; the connection is opened with the first order."""
    more = {"OpenAI-Organization": config.organization, "OpenAI-Project": config.project}
    dialect = replace(OPENAI, edit_style=Edits(config.edits))
    return OpenAIImages(config, dialect, parts, Client(endpoint(config, parts, more=more)))


def outward(options: Mapping[str, object]) -> tuple[str, ...]:
    """OpenAI sends pictures along; what stands in its place may answer with addresses."""
    return links_of(options["base_url"], _OPENAI)


class OpenAIImages(ImagesApi):
    """`ports.provider.Provider`, `Economical`, `Health` and `Discovery`."""

    def __init__(self, config: Config, dialect: Dialect, parts: Parts, client: Client) -> None:
        super().__init__(config, dialect, parts, client)
        # A line of a batch is JSON.
        self._batched = replace(dialect, edit_style=Edits.IMAGES)
        pace = Pace(poll=config.batch_poll, total=config.total_timeout)
        self._batches = Batches(client, Line(client, parts, config.retries), parts, pace)

    async def submit(self, order: Order, watch: Watch) -> float:
        await watch.stage("Handing in the batch")
        call = picture_call(order, await self.mask(order), self._batched, 0)
        return await self._batches.submit(order, call, watch)

    async def collect(self, order: Order, request: str, watch: Watch) -> Delivery:
        # A line holds as much as the answer of one call.
        answer = await self._batches.answer(order, request, watch, self.limit(order))
        inputs = bool(order.plan.ask.references)
        results = await asyncio.to_thread(read_results, answer.body, inputs=inputs)
        if results is None:
            raise not_made(read_error(answer.body))
        return await self.delivery(results, answer, order, watch)

    async def discover(self) -> tuple[Found, ...]:
        return await openai_models(await self.models())
