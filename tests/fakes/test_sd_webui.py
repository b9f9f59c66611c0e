"""The fake server against a client made for the real ones, so that its shapes are theirs."""

import threading
import time
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
import webuiapi
from PIL import Image

from tests.fakes.pictures import encoded, half_changed
from tests.fakes.sd_webui import CHECKPOINTS, LOADED, PASSWORD, USER, FakeSdWebui, error


@pytest.fixture(scope="module")
def running() -> Iterator[FakeSdWebui]:
    with FakeSdWebui() as vendor:
        yield vendor


@pytest.fixture
def vendor(running: FakeSdWebui) -> FakeSdWebui:
    running.forget()
    return running


def client_of(vendor: FakeSdWebui, password: str = PASSWORD) -> Any:
    return webuiapi.WebUIApi(
        baseurl=f"{vendor.origin}/sdapi/v1", username=USER, password=password, sampler="Euler"
    )


@pytest.fixture
def client(vendor: FakeSdWebui) -> Iterator[Any]:
    client = client_of(vendor)
    yield client
    client.session.close()


def opened(data: bytes) -> Image.Image:
    return Image.open(BytesIO(data))


def test_it_makes_pictures_after_a_grid_and_tells_their_seeds(client: Any) -> None:
    made = client.txt2img(prompt="a cat", width=96, height=64, batch_size=2, seed=7)
    assert [each.size for each in made.images] == [(192, 64), (96, 64), (96, 64)]
    assert made.info["all_seeds"] == [7, 8]
    assert made.info["index_of_first_image"] == 1


def test_it_edits_behind_a_mask(client: Any, vendor: FakeSdWebui) -> None:
    image, mask = opened(encoded(96, 64)), opened(half_changed(96, 64))
    made = client.img2img(images=[image], mask_image=mask, prompt="a dog", width=96, height=64)
    assert [each.size for each in made.images] == [(96, 64)]
    received = vendor.received[-1].values
    assert len(received["init_images"]) == 1
    assert received["mask"]


def test_it_lists_its_checkpoints_and_settings(client: Any) -> None:
    assert client.util_get_model_names() == sorted(
        f"{name}.safetensors [abcdef0123]" for name in CHECKPOINTS
    )
    assert client.util_get_current_model().startswith(LOADED)


def test_it_tells_how_far_it_is_and_is_interrupted(client: Any, vendor: FakeSdWebui) -> None:
    vendor.seconds = 30.0
    made: list[Any] = []
    other = client_of(vendor)
    thread = threading.Thread(target=lambda: made.append(other.txt2img(prompt="a cat")))
    thread.start()
    until = time.monotonic() + 10
    while not (state := client.get_progress())["state"]["job_count"]:
        assert time.monotonic() < until
    assert 0 <= state["progress"] <= 1
    client.interrupt()
    thread.join(10)
    other.session.close()
    assert [each.size for each in made[0].images] == [(512, 512)]


def test_it_refuses_as_the_client_expects(client: Any, vendor: FakeSdWebui) -> None:
    with pytest.raises(RuntimeError) as caught:
        client.txt2img(prompt="a cat", sampler_name="None such")
    assert caught.value.args[0] == 404
    vendor.replies.append(error(500, "OutOfMemoryError"))
    with pytest.raises(RuntimeError) as caught:
        client.txt2img(prompt="a cat")
    assert caught.value.args[0] == 500
    stranger = client_of(vendor, "wrong")
    with pytest.raises(RuntimeError) as caught:
        stranger.txt2img(prompt="a cat")
    stranger.session.close()
    assert caught.value.args[0] == 401
