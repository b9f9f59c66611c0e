from datetime import date
from typing import Any

import pytest

from imagewright.adapters.catalogue.faults import CatalogueError
from imagewright.adapters.catalogue.reader import assemble, read_offer
from imagewright.core.ask import Background, Quality
from imagewright.core.catalogue import Lifecycle, PerImage, PerToken, Profile
from imagewright.core.money import Nano
from imagewright.core.picture import Format
from imagewright.core.size import Size

DATA = """
title = "Vendor"
[models.one]
sizes = { listed = ["64x64", "96x64"] }
price = { per = "image", prices = { "high/64x64" = "0.25", "*" = "0.1" } }
[models.two]
like = "one"
title = "Two"
lifecycle = "deprecated"
ends = 2027-01-31
successor = "one"
"""
FREE = {"per": "image", "prices": {"*": "0"}}
SQUARE = {"listed": ["64x64"]}


def offered(models: object = None, data: str = DATA) -> Any:
    return assemble("mine", ("vendor.toml", data), models, "imagewright.toml")


def faults(models: object = None, data: str = DATA) -> list[str]:
    with pytest.raises(CatalogueError) as caught:
        offered(models, data)
    assert str(caught.value) == "\n".join(str(fault) for fault in caught.value.faults)
    return [str(fault) for fault in caught.value.faults]


def test_the_file_is_offered_in_its_order() -> None:
    offer = offered()
    assert (offer.name, offer.title) == ("mine", "Vendor")
    one, two = offer.models
    assert (one.id, one.upstream, one.title) == ("one", "one", "one")
    assert one.sizes.fallback == Size(64, 64)
    assert one.price == PerImage(prices={"high/64x64": Nano(250_000_000), "*": Nano(100_000_000)})
    assert (two.title, two.lifecycle, two.ends) == ("Two", Lifecycle.DEPRECATED, date(2027, 1, 31))
    assert two.price == one.price


def test_templates_are_offered_only_where_they_are_listed() -> None:
    data = f"{DATA}\n[models.three]\nlike = 'one'\ntemplate = true\n"
    offer = offered(data=data)
    assert [model.id for model in offer.models] == ["one", "two"]
    assert [model.id for model in offer.known] == ["one", "two", "three"]
    listed = offered(["three", {"id": "four", "like": "three"}], data).models
    assert [model.id for model in listed] == ["three", "four"]
    (fault,) = faults(data=f"{DATA}template = 1\n")
    assert fault == "vendor.toml: models.two.template: must be true or false"


def test_the_operator_chooses_orders_changes_and_adds() -> None:
    offer = offered(
        [
            {"id": "sd", "sizes": SQUARE, "price": FREE, "upstream": "sd-xl", "seed": True},
            "two",
            {"id": "one", "price": FREE},
            {"id": "turbo", "like": "sd", "count": 4},
        ]
    )
    sd, two, one, turbo = offer.models
    assert (sd.upstream, sd.seed, sd.formats) == ("sd-xl", True, (Format.PNG,))
    assert two.successor == "one"
    assert one.free
    assert not two.free
    assert (turbo.count, turbo.seed, turbo.upstream) == (4, True, "sd-xl")


def test_a_local_server_needs_an_id_and_sizes_only() -> None:
    offer = read_offer("local", "openai", [{"id": "sd", "sizes": SQUARE}], title="Our own")
    assert [model.id for model in offer.models] == ["sd"]
    assert offer.title == "Our own"
    assert offer.models[0].price is None


def test_the_shipped_catalogues_are_right() -> None:
    offer = read_offer("openai", "openai")
    assert [model.id for model in offer.models] == [
        "gpt-image-2.5-flare",
        "gpt-image-2.5-sunburst",
        "gpt-image-2.6-flare",
        "gpt-image-2.6-sunburst",
        "gpt-image-2",
        "gpt-image-1.5",
        "chatgpt-image-latest",
        "gpt-image-1-mini",
        "gpt-image-1",
        "dall-e-3",
        "dall-e-2",
    ]
    assert all(model.price for model in offer.models if model.lifecycle is not Lifecycle.ENDED)
    assert all(model.profile for model in offer.models if model.lifecycle is Lifecycle.CURRENT)
    flare, mini = offer.models[0], offer.models[7]
    assert isinstance(flare.price, PerToken)
    assert (flare.price.text_in, flare.price.image_in, flare.price.image_out) == (
        5_000,
        8_000,
        30_000,
    )
    assert flare.qualities == tuple(Quality)[1:]
    assert Background.TRANSPARENT in flare.backgrounds
    assert isinstance(mini.price, PerToken)
    assert (mini.price.image_in, mini.ends) == (2_500, date(2026, 12, 1))
    assert read_offer("placeholder", "placeholder").models[0].free


def model(**keys: Any) -> list[Any]:
    return [{"id": "m", "sizes": SQUARE, **keys}]


def sized(**keys: Any) -> list[Any]:
    return model(sizes={**SQUARE, **keys})


PROFILE = {"strengths": ["text in images"], "grammar": "Plain sentences."}


def test_profile_options_and_named_sizes_are_read() -> None:
    found = offered(
        model(
            profile={**PROFILE, "weaknesses": ["hands"], "good": "A fox.", "bad": "fox, 8k"},
            options={"steps": 20, "sampler": "Euler", "hires": False, "cfg": 4.5},
            sizes={"listed": ["64x64"], "named": {"1:1/512": "64x64"}},
            per_call=1,
            watermark=True,
        )
    ).models[0]
    assert found.profile == Profile(
        strengths=("text in images",),
        grammar="Plain sentences.",
        weaknesses=("hands",),
        good="A fox.",
        bad="fox, 8k",
    )
    assert found.options == {"steps": 20, "sampler": "Euler", "hires": False, "cfg": 4.5}
    assert found.sizes.named == {"1:1/512": Size(64, 64)}
    assert (found.per_call, found.watermark) == (1, True)


def token(**keys: Any) -> dict[str, Any]:
    price = {"per": "token", "text_in": "5", "image_in": "8", "image_out": "30"}
    return {"price": {**price, "base": {"high": 48}, **keys}}


def image(prices: Any) -> dict[str, Any]:
    return {"price": {"per": "image", "prices": prices}}


@pytest.mark.parametrize(
    ("models", "key"),
    [
        (model(colour=1), "models.m.colour: is not a known key"),
        (model(count=11), "models.m.count:"),
        (model(count=True), "models.m.count:"),
        (model(count="1"), "models.m.count:"),
        (model(mask=1), "models.m.mask:"),
        (model(title=" "), "models.m.title:"),
        (model(per_call=0), "models.m.per_call:"),
        (model(watermark="yes"), "models.m.watermark:"),
        (model(options={"steps": [1]}), "models.m.options: holds 'steps', which is no text"),
        (model(options=1), "models.m.options: must be a table"),
        (model(profile={"grammar": "words"}), "models.m.profile.strengths: is missing"),
        (model(profile={"strengths": ["text"]}), "models.m.profile.grammar: is missing"),
        (model(profile={"strengths": []}), "models.m.profile.strengths: must be a list"),
        (model(profile={**PROFILE, "mood": "dark"}), "models.m.profile.mood: is not a known key"),
        (sized(named={"wide": "64x64"}), "models.m.sizes.named: has the name 'wide'"),
        (sized(named={"1:1/1K": "1024x1024"}), "models.m.sizes.named.1:1/1K: is not a size"),
        (model(ends="2026-12-01"), "models.m.ends:"),
        (model(lifecycle="old"), "models.m.lifecycle:"),
        (model(lifecycle="ended", ends=date(2026, 1, 1)), "models.m.successor: is missing"),
        (model(lifecycle="ended", successor="one"), "models.m.ends: is missing"),
        (model(successor="nobody"), "models.m.successor: names no model"),
        (model(like="nobody"), "models.m.like: names no model"),
        (model(like="m"), "models.m.like: leads back to itself"),
        (model(formats=["bmp"]), "models.m.formats:"),
        (model(formats=[]), "models.m.formats:"),
        (model(formats=["png", "png"]), "models.m.formats:"),
        (model(formats="png"), "models.m.formats:"),
        (model(backgrounds=[]), "models.m.backgrounds:"),
        (model(qualities=["auto"]), "models.m.qualities:"),
        (model(sizes=7), "models.m.sizes:"),
        ([{"id": "m"}], "models.m.sizes: is missing"),
        (model(sizes={}), "models.m.sizes.listed:"),
        (model(sizes={"listed": []}), "models.m.sizes.listed:"),
        (model(sizes={"listed": ["64"]}), "models.m.sizes.listed:"),
        (model(sizes={**SQUARE, "fallback": "32x32"}), "models.m.sizes.fallback:"),
        (model(sizes={**SQUARE, "step": 16}), "models.m.sizes.edge:"),
        (model(sizes={**SQUARE, "ratio": 0.5}), "models.m.sizes.ratio:"),
        (model(sizes={**SQUARE, "colour": 1}), "models.m.sizes.colour:"),
        (model(price=7), "models.m.price:"),
        (model(price={}), "models.m.price.per:"),
        (model(price={"per": "hour"}), "models.m.price.per:"),
        (model(price={"per": "image"}), "models.m.price.prices: is missing"),
        (model(**image({})), "models.m.price.prices: is empty"),
        (model(**image({"*": "-1"})), "models.m.price.prices:"),
        (model(**image({"*": 0.04})), "models.m.price.prices:"),
        (model(**image({"*": "1e3"})), "models.m.price.prices:"),
        (model(**image({"big": "1"})), "models.m.price.prices:"),
        (model(**image({"big/64x64": "1"})), "models.m.price.prices:"),
        (model(**image({"low/64": "1"})), "models.m.price.prices:"),
        (model(**image(7)), "models.m.price.prices:"),
        (model(**token(colour=1)), "models.m.price.colour:"),
        (model(**token(text_in="-5")), "models.m.price.text_in:"),
        (model(**token(text_in="0.0001")), "models.m.price.text_in:"),
        (model(**token(base={"best": 1})), "models.m.price.base:"),
        (model(**token(base={"high": 0})), "models.m.price.base:"),
        (model(**token(table={"high": 1})), "models.m.price.table:"),
        (model(**token(reference=-1)), "models.m.price.reference:"),
        (model(**token(words=9)), "models.m.price.words: and text_out belong together"),
        (model(**token(reading=9)), "models.m.price.reading: and reader_in belong together"),
        (model(**token(text_out="9")), "models.m.price.words: and text_out belong together"),
        (model(price={"per": "token", "base": {"high": 1}}), "models.m.price.image_out:"),
        (
            model(price={"per": "token", "text_in": "1", "image_in": "1", "image_out": "1"}),
            "models.m.price.base:",
        ),
        (model(qualities=["low"], **token()), "models.m.price.table: has no tokens for low/64x64"),
        ([], "models: is empty"),
        ([7], "models: must list"),
        (7, "models: must list"),
        ("one", "models: must list"),
        ({"id": "one"}, "models: must list"),
        ([{"id": ""}], "models: must list"),
        (["one", "one"], "models: lists one twice"),
        (["nobody"], "models: lists nobody, which is not known; known are one, two"),
    ],
)
def test_each_fault_is_told_with_its_place(models: object, key: str) -> None:
    found = faults(models)
    assert [fault for fault in found if fault.startswith(f"imagewright.toml: {key}")], found


def test_the_operators_faults_name_the_provider() -> None:
    with pytest.raises(CatalogueError, match=r"imagewright\.toml \[providers\.mine\]: models: is"):
        read_offer("mine", "openai", [])


def test_every_fault_is_told_at_once() -> None:
    found = faults(["nobody", *model(count=0, mask=7, **image({"*": "-1"}))])
    assert len(found) == 4


@pytest.mark.parametrize(
    ("data", "start"),
    [
        ("title =", "vendor.toml: toml:"),
        ("colour = 1", "vendor.toml: colour: is not a known key"),
        ("models = 7", "vendor.toml: models:"),
        ("[models]\none = 7", "vendor.toml: models:"),
        ("[models.one]\nmask = 7", "vendor.toml: models.one.mask:"),
    ],
)
def test_the_files_own_faults_name_the_file(data: str, start: str) -> None:
    assert [fault for fault in faults(data=data) if fault.startswith(start)]


def test_a_changed_model_needs_tokens_for_its_free_sizes() -> None:
    free = {**SQUARE, "step": 1, "edge": 64, "max_pixels": 4096, "ratio": 1}
    found = faults(model(sizes=free, qualities=["low"], **token(table={"low/64x64": 1})))
    assert found == ["imagewright.toml: models.m.price.base: has no low, and sizes are free"]
