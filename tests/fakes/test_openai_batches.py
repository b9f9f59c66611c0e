"""The fake Batch API against the vendor's own client, so that its shapes are the vendor's."""

import base64
import json
from collections.abc import Iterator

import openai
import pytest
from openai.types import Batch

from tests.fakes.openai_batches import FakeBatches
from tests.fakes.openai_images import KEY, error
from tests.fakes.pictures import facts


@pytest.fixture
def vendor() -> Iterator[FakeBatches]:
    with FakeBatches() as found:
        yield found


@pytest.fixture
def client(vendor: FakeBatches) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key=KEY, base_url=vendor.base_url, max_retries=0, timeout=2.0) as client:
        yield client


def begun(client: openai.OpenAI) -> Batch:
    body = {"model": "gpt-image-2", "prompt": "a cat", "size": "96x64"}
    line = {"custom_id": "1", "method": "POST", "url": "/v1/images/generations", "body": body}
    data = json.dumps(line).encode()
    file = client.files.create(file=("in.jsonl", data, "application/jsonl"), purpose="batch")
    return client.batches.create(
        input_file_id=file.id,
        endpoint="/v1/images/generations",
        completion_window="24h",
        metadata={"mine": "yes"},
    )


def test_a_batch_is_carried_out(client: openai.OpenAI, vendor: FakeBatches) -> None:
    vendor.states.extend(["validating", "in_progress", "finalizing"])
    batch = begun(client)
    assert (batch.status, batch.metadata) == ("validating", {"mine": "yes"})
    seen = [client.batches.retrieve(batch.id) for _ in range(4)]
    assert [each.status for each in seen] == [
        "validating",
        "in_progress",
        "finalizing",
        "completed",
    ]
    assert (
        seen[-1].error_file_id,
        seen[-1].request_counts and seen[-1].request_counts.completed,
    ) == (
        None,
        1,
    )
    line = json.loads(client.files.content(seen[-1].output_file_id or "").text)
    made = base64.b64decode(line["response"]["body"]["data"][0]["b64_json"])
    assert (line["custom_id"], facts(made)) == ("1", ("png", 96, 64, False))


def test_a_line_that_is_refused_is_told_of(client: openai.OpenAI, vendor: FakeBatches) -> None:
    vendor.replies.append(error(400, "moderation_blocked"))
    batch = client.batches.retrieve(begun(client).id)
    line = json.loads(client.files.content(batch.error_file_id or "").text)
    assert (batch.output_file_id, line["response"]["status_code"]) == (None, 400)


def test_a_batch_is_taken_back(client: openai.OpenAI, vendor: FakeBatches) -> None:
    batch = begun(client)
    assert client.batches.cancel(batch.id).status == "cancelling"
    seen = [client.batches.retrieve(batch.id) for _ in range(2)]
    assert [each.status for each in seen] == ["cancelling", "cancelled"]
    line = json.loads(client.files.content(seen[-1].error_file_id or "").text)
    assert (line["response"], line["error"]["code"]) == (None, "batch_cancelled")


def test_batches_are_listed_in_pages(client: openai.OpenAI, vendor: FakeBatches) -> None:
    vendor.page = 1
    ids = [begun(client).id for _ in range(3)]
    assert [each.id for each in client.batches.list(limit=1)] == ids[::-1]


def test_a_batch_that_fails_says_why(client: openai.OpenAI, vendor: FakeBatches) -> None:
    vendor.refusal = "token_limit_exceeded"
    batch = client.batches.retrieve(begun(client).id)
    assert batch.errors is not None
    assert batch.errors.data is not None
    assert (batch.status, batch.errors.data[0].code) == ("failed", "token_limit_exceeded")
