"""The fake Batch API against the vendor's own client, so that its shapes are the vendor's."""

from collections.abc import Iterator

import pytest
from google import genai
from google.genai import errors, types

from tests.fakes.gemini import KEY, MODEL, blocked, error
from tests.fakes.gemini_batches import FakeGeminiBatches
from tests.fakes.pictures import facts

STATE = types.JobState


@pytest.fixture
def vendor() -> Iterator[FakeGeminiBatches]:
    with FakeGeminiBatches() as found:
        yield found


@pytest.fixture
def client(vendor: FakeGeminiBatches) -> Iterator[genai.Client]:
    options = types.HttpOptions(base_url=vendor.origin, timeout=5000)
    with genai.Client(api_key=KEY, http_options=options) as client:
        yield client


def begun(client: genai.Client, count: int = 1, name: str = "mine") -> types.BatchJob:
    config = types.GenerateContentConfig(
        response_modalities=["IMAGE"],
        image_config=types.ImageConfig(aspect_ratio="3:2", image_size="1K"),
    )
    requests = [
        types.InlinedRequest(
            model=MODEL, contents="a cat", config=config, metadata={"key": str(number)}
        )
        for number in range(count)
    ]
    return client.batches.create(model=MODEL, src=requests, config={"display_name": name})


def name_of(job: types.BatchJob) -> str:
    assert job.name is not None
    return job.name


def answers(job: types.BatchJob) -> list[types.InlinedResponse]:
    assert job.dest is not None
    return job.dest.inlined_responses or []


def test_a_batch_is_carried_out(client: genai.Client, vendor: FakeGeminiBatches) -> None:
    vendor.states.extend(["PENDING", "RUNNING"])
    job = begun(client, 2)
    assert (job.name, job.display_name, job.state) == (
        "batches/b0",
        "mine",
        STATE("JOB_STATE_PENDING"),
    )
    seen = [client.batches.get(name=name_of(job)) for _ in range(3)]
    assert [each.state for each in seen] == [
        STATE.JOB_STATE_PENDING,
        STATE.JOB_STATE_RUNNING,
        STATE.JOB_STATE_SUCCEEDED,
    ]
    told = answers(seen[-1])
    assert [each.metadata for each in told] == [{"key": "0"}, {"key": "1"}]
    assert told[1].response is not None
    parts = told[1].response.parts or []
    assert parts[-1].inline_data is not None
    assert facts(parts[-1].inline_data.data or b"") == ("png", 1264, 848, False)
    assert vendor.received[0].path == f"/v1/models/{MODEL}:batchGenerateContent"


def test_a_request_that_is_refused_is_told_of(
    client: genai.Client, vendor: FakeGeminiBatches
) -> None:
    vendor.replies.extend([error(429), blocked()])
    refused, kept_back = answers(client.batches.get(name=name_of(begun(client, 2))))
    assert refused.error is not None
    assert (refused.error.code, refused.response) == (8, None)
    assert kept_back.response is not None
    assert kept_back.response.prompt_feedback is not None


def test_a_batch_is_taken_back(client: genai.Client, vendor: FakeGeminiBatches) -> None:
    vendor.hurried = 1
    job = begun(client, 3)
    client.batches.cancel(name=name_of(job))
    seen = [client.batches.get(name=name_of(job)) for _ in range(2)]
    assert [each.state for each in seen] == [STATE.JOB_STATE_RUNNING, STATE.JOB_STATE_CANCELLED]
    assert len(answers(seen[-1])) == 1


def test_batches_are_listed_in_pages(client: genai.Client) -> None:
    for number in range(3):
        begun(client, name=f"mine-{number}")
    listed = client.batches.list(config={"page_size": 2})
    assert [each.display_name for each in listed] == ["mine-2", "mine-1", "mine-0"]


def test_a_batch_that_fails_says_so(client: genai.Client, vendor: FakeGeminiBatches) -> None:
    vendor.refusal = 3
    job = client.batches.get(name=name_of(begun(client)))
    assert (job.state, job.dest) == (STATE.JOB_STATE_FAILED, None)


def test_a_batch_is_not_known_to_it(client: genai.Client) -> None:
    with pytest.raises(errors.ClientError, match="NOT_FOUND"):
        client.batches.get(name="batches/none")
