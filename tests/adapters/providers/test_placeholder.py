import asyncio
from collections.abc import AsyncIterator

import pytest

from imagewright.adapters.catalogue.reader import read_offer
from imagewright.adapters.imaging.config import ImagingConfig
from imagewright.adapters.imaging.vips import VipsImaging
from imagewright.adapters.providers.placeholder import Config, Placeholder, build
from imagewright.core.ask import Ask
from imagewright.core.catalogue import Model
from imagewright.core.picture import Format
from imagewright.core.size import Size
from imagewright.core.sizing import choose_size
from imagewright.ports.provider import Provider
from tests.contracts.provider import Edits, Masked, ProviderContract, Transparent
from tests.fakes.imaging import PlainImaging
from tests.fakes.orders import Time, Watched, order, parts


class Stuck(PlainImaging):
    """Imaging that is never done."""

    async def draw(self, drawing: object) -> bytes:
        await asyncio.sleep(30)
        return b""


class TestPlaceholderWithRealPictures(Transparent, Edits, Masked, ProviderContract):
    @pytest.fixture
    async def provider(self) -> AsyncIterator[Provider]:
        async with VipsImaging(ImagingConfig(workers=1)) as imaging:
            yield build(Config(), parts(imaging=imaging))

    @pytest.fixture
    def slow(self) -> Provider:
        return build(Config(), parts(imaging=Stuck()))


@pytest.fixture
def imaging() -> PlainImaging:
    return PlainImaging()


@pytest.fixture
def provider(imaging: PlainImaging) -> Placeholder:
    return build(Config(), parts(imaging=imaging))


class TestPlaceholder(Transparent, Edits, Masked, ProviderContract):
    @pytest.fixture
    def provider(self) -> Provider:
        return build(Config(), parts())

    @pytest.fixture
    def slow(self) -> Provider:
        return build(Config(), parts(imaging=Stuck()))


async def test_each_picture_has_a_seed_that_draws_it_again(provider: Placeholder) -> None:
    both = await provider.generate(order(ask={"n": 2}), Watched())
    seed = both.pictures[1].seed
    again = await provider.generate(order(ask={"seed": seed}), Watched())
    assert both.pictures[0].data != both.pictures[1].data
    assert again.pictures[0] == both.pictures[1]


async def test_seeds_follow_from_the_words_and_the_variation(provider: Placeholder) -> None:
    first = await provider.generate(order(), Watched())
    same = await provider.generate(order(), Watched())
    other = await provider.generate(order(ask={"variation": "b"}), Watched())
    assert first == same
    assert first.pictures[0].seed != other.pictures[0].seed


async def test_the_last_seed_is_followed_by_the_first(provider: Placeholder) -> None:
    made = await provider.generate(order(ask={"seed": 2**53 - 1, "n": 2}), Watched())
    assert [picture.seed for picture in made.pictures] == [2**53 - 1, 0]


async def test_partials_are_true_parts_of_each_picture(
    provider: Placeholder, imaging: PlainImaging
) -> None:
    watched = Watched()
    await provider.generate(order(ask={"n": 2, "partial_images": 3}), watched)
    assert [index for index, _ in watched.partials] == [0, 1, 2, 3, 4, 5]
    assert [drawing.fraction for drawing in imaging.drawn] == [0.25, 0.5, 0.75, 1.0] * 2
    assert watched.stages == [("Drawing", 0, 2), ("Drawing", 1, 2), ("Drawing", 2, 2)]


async def test_an_edit_is_drawn_over_the_first_reference(
    provider: Placeholder, imaging: PlainImaging
) -> None:
    asked = order(
        references=2,
        mask=True,
        ask={"strength": 0.5, "output_compression": 80},
        output_compression=80,
        form=Format.WEBP,
    )
    await provider.edit(asked, Watched())
    drawn = imaging.drawn[0]
    assert asked.mask is not None
    assert (drawn.reference, drawn.mask) == (asked.references[0].data, asked.mask.data)
    assert (drawn.strength, drawn.compression, drawn.format) == (0.5, 80, Format.WEBP)


async def test_the_delay_is_spread_over_the_partials() -> None:
    time = Time()
    provider = build(Config(delay=2.0), parts(time))
    await provider.generate(order(ask={"n": 2, "partial_images": 1}), Watched())
    assert time.slept == [1.0] * 4


async def test_it_answers_a_ping(provider: Placeholder) -> None:
    await provider.ping()


@pytest.mark.parametrize("delay", [-1.0, 601.0, float("nan")])
def test_a_delay_out_of_range_is_refused(delay: float) -> None:
    with pytest.raises(ValueError, match="delay"):
        Config(delay=delay)


@pytest.fixture
def model() -> Model:
    return read_offer("placeholder", "placeholder").models[0]


@pytest.mark.parametrize(
    ("asked", "size"),
    [
        ({"aspect_ratio": "8:1"}, Size(2896, 362)),
        ({"size": "16x16"}, Size(16, 16)),
        ({"size": "4096x4096"}, Size(4096, 4096)),
        ({"size": "4095x513"}, Size(4095, 513)),
        ({}, Size(1024, 1024)),
    ],
)
def test_its_sizes_are_nearly_free(model: Model, asked: dict[str, str], size: Size) -> None:
    assert model.free
    assert choose_size(Ask(prompt="a cat", **asked), model) == size  # type: ignore[arg-type]  # each is text
