"""Gemini on Vertex AI: whose token is sent, and how one is got."""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from imagewright.adapters.providers.gemini import Config, Gemini, build
from imagewright.adapters.web.origin import Origin, origin_of, parse_url
from imagewright.adapters.wire.google_addresses import api_address
from imagewright.app.upstreams import offers_of
from imagewright.core.catalogue import PerToken
from imagewright.core.errors import (
    Fault,
    ProviderMisconfigured,
    ProviderUnavailable,
    Unsupported,
)
from imagewright.core.picture import Format
from imagewright.ports.provider import Found, Order, Parts, Provider
from imagewright.settings import Settings
from tests.adapters.providers.gemini_setup import SENT_SIZE, gemini_order, on_vertex
from tests.contracts.http_provider import HttpProviderContract, shown
from tests.contracts.provider import Edits, made
from tests.fakes.gemini import KEY, MODEL, TOKEN, FakeGemini, blocked, error
from tests.fakes.orders import Time, Watched, parts
from tests.fakes.vendor import Reply

PATH = f"/v1/projects/my-project/locations/global/publishers/google/models/{MODEL}:generateContent"
ACCOUNT = "painter@my-project.iam.gserviceaccount.com"


@pytest.fixture(scope="module")
def running() -> Iterator[FakeGemini]:
    with FakeGemini() as vendor:
        yield vendor


@pytest.fixture
def vendor(running: FakeGemini) -> FakeGemini:
    running.forget()
    return running


@pytest.fixture(scope="module")
def private_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n")
    return path


@pytest.fixture
def key_file(tmp_path: Path, vendor: FakeGemini, private_key: rsa.RSAPrivateKey) -> Path:
    vendor.public_key = private_key.public_key()
    pem = private_key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return written(tmp_path, vendor, private_key=pem.decode())


def written(place: Path, vendor: FakeGemini, **changes: object) -> Path:
    """A key as Google Cloud gives it out."""
    key = {
        "type": "service_account",
        "client_email": ACCOUNT,
        "private_key_id": "key-1",
        "token_uri": f"{vendor.origin}/token",
        **changes,
    }
    path = place / "key.json"
    path.write_text(json.dumps(key))
    return path


class TestGeminiOnVertex(Edits, HttpProviderContract):
    secrets: ClassVar[tuple[str, ...]] = (TOKEN,)
    forms: ClassVar[tuple[Format, ...]] = (Format.PNG, Format.JPEG)
    per_call: ClassVar[int] = 1
    moderated: ClassVar[tuple[Reply, ...]] = (blocked("MODEL_ARMOR"), blocked("JAILBREAK"))
    exhausted: ClassVar[tuple[Reply, ...]] = (error(402),)

    @pytest.fixture(autouse=True)
    def _token(self, token_file: Path) -> None:
        self.token_file = str(token_file)

    def build(self, vendor: Any, parts: Parts, **config: Any) -> Provider:
        return build(on_vertex(vendor, token_file=self.token_file, **config), parts)

    def error(self, status: int, **headers: str) -> Reply:
        return error(status, headers=headers)

    def order(self, **changes: Any) -> Order:
        return gemini_order(**changes)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
async def keyed(vendor: FakeGemini, key_file: Path, time: Time) -> AsyncIterator[Gemini]:
    provider = build(on_vertex(vendor, key_file=str(key_file)), parts(time))
    yield provider
    await provider.close()


def tokens(vendor: FakeGemini) -> list[str]:
    sent = [each for each in vendor.received if each.path == PATH]
    return [each.headers["authorization"].removeprefix("Bearer ") for each in sent]


async def fault_of(provider: Gemini, **changes: Any) -> Fault:
    with pytest.raises(Fault) as caught:
        await provider.generate(gemini_order(**changes), Watched())
    assert caught.value.__context__ is None
    await provider.close()
    return caught.value


async def test_what_vertex_takes_is_sent(vendor: FakeGemini, token_file: Path) -> None:
    config = on_vertex(vendor, token_file=str(token_file), people="ALLOW_ADULT")
    provider = build(config, parts())
    asked = gemini_order(form=Format.JPEG, output_compression=70)
    assert made(await provider.generate(asked, Watched())) == [("jpeg", 1264, 848, False)]
    assert vendor.received[0].path == PATH
    assert vendor.received[0].values["generationConfig"]["imageConfig"] == {
        **SENT_SIZE,
        "imageOutputOptions": {"mimeType": "image/jpeg", "compressionQuality": 70},
        "personGeneration": "ALLOW_ADULT",
    }
    assert type(await fault_of(provider, form=Format.WEBP)) is Unsupported


@pytest.mark.parametrize(
    ("config", "origin"),
    [
        (Config(), Origin("https", "generativelanguage.googleapis.com", 443)),
        (
            Config(project="p", token_file="t"),
            Origin("https", "aiplatform.googleapis.com", 443),
        ),
        (
            Config(project="p", token_file="t", location="us-east5"),
            Origin("https", "us-east5-aiplatform.googleapis.com", 443),
        ),
    ],
)
def test_the_address_follows_project_and_location(config: Config, origin: Origin) -> None:
    found = api_address(config.base_url, config.project, config.location)
    assert origin_of(parse_url(found)) == origin


async def test_the_token_is_read_for_every_order(vendor: FakeGemini, token_file: Path) -> None:
    provider = build(on_vertex(vendor, token_file=str(token_file)), parts())
    await provider.generate(gemini_order(), Watched())
    vendor.good = {"renewed"}
    token_file.write_text("renewed")
    await provider.generate(gemini_order(), Watched())
    assert tokens(vendor) == [TOKEN, "renewed"]
    await provider.close()


async def test_a_key_is_exchanged_for_a_token_that_is_kept(
    keyed: Gemini, vendor: FakeGemini, time: Time
) -> None:
    await keyed.generate(gemini_order(ask={"n": 2}), Watched())
    time.at += 3400
    await keyed.generate(gemini_order(), Watched())
    time.at += 100
    await keyed.generate(gemini_order(), Watched())
    assert tokens(vendor) == [f"{TOKEN}-1"] * 3 + [f"{TOKEN}-2"]
    now = 1_763_700_000
    assert vendor.assertions[0] == {
        "iss": ACCOUNT,
        "scope": "https://www.googleapis.com/auth/cloud-platform",
        "aud": f"{vendor.origin}/token",
        "iat": now,
        "exp": now + 3600,
        "kid": "key-1",
    }


async def test_a_token_that_is_refused_is_not_kept(keyed: Gemini, vendor: FakeGemini) -> None:
    await keyed.generate(gemini_order(), Watched())
    vendor.good.clear()
    with pytest.raises(ProviderMisconfigured):
        await keyed.generate(gemini_order(), Watched())
    await keyed.generate(gemini_order(), Watched())
    assert tokens(vendor) == [f"{TOKEN}-1", f"{TOKEN}-1", f"{TOKEN}-2"]


@pytest.mark.parametrize(
    ("granted", "expected"),
    [
        ((400, {"error": "invalid_grant"}), ProviderMisconfigured),
        ((401, {"error": "invalid_client"}), ProviderMisconfigured),
        ((503, {}), ProviderUnavailable),
        ((200, {}), ProviderUnavailable),
        ((200, {"access_token": 7}), ProviderUnavailable),
        ((200, {"access_token": "line\nbreak"}), ProviderUnavailable),
    ],
)
async def test_without_a_token_nothing_is_asked(
    keyed: Gemini, vendor: FakeGemini, granted: Any, expected: type[Fault]
) -> None:
    vendor.granted = granted
    assert type(await fault_of(keyed)) is expected
    assert not tokens(vendor)


@pytest.mark.parametrize(
    "changes",
    [
        {"private_key": "no key"},
        {"private_key": None},
        {"token_uri": "http://oauth2.example.com/token"},
        {"token_uri": 7},
        {"client_email": None, "private_key_id": None, "private_key": "x" * 100_000},
    ],
)
async def test_a_key_file_that_is_none_is_told(
    vendor: FakeGemini, tmp_path: Path, changes: dict[str, object]
) -> None:
    path = written(tmp_path, vendor, **changes)
    provider = build(on_vertex(vendor, key_file=str(path)), parts())
    fault = await fault_of(provider)
    assert type(fault) is ProviderMisconfigured
    assert not [word for word in ("no key", str(path)) if word in shown(fault)]
    assert not vendor.received


@pytest.mark.parametrize("held", [None, "", "two\nlines"])
async def test_a_token_file_that_is_none_is_told(
    vendor: FakeGemini, tmp_path: Path, held: str | None
) -> None:
    path = tmp_path / "token"
    if held is not None:
        path.write_text(held)
    provider = build(on_vertex(vendor, token_file=str(path)), parts())
    fault = await fault_of(provider)
    assert (type(fault), "token_file" in fault.sentence) == (ProviderMisconfigured, True)


async def test_its_models_are_found_and_it_answers_a_ping(
    keyed: Gemini, vendor: FakeGemini
) -> None:
    await keyed.ping()
    assert await keyed.discover() == (Found(upstream=MODEL, like=MODEL),)
    assert not tokens(vendor)


@pytest.mark.parametrize(
    ("where", "hurries"), [({"api_key": KEY}, False), ({"project": "p", "token_file": "t"}, True)]
)
def test_no_model_of_vertex_takes_economy(
    tmp_path: Path, where: dict[str, str], hurries: bool
) -> None:
    section = {"kind": "gemini", **where}
    (found,) = offers_of(
        Settings.model_validate({"state": tmp_path, "providers": {"mine": section}})
    )
    priced = [each for each in (*found.models, *found.known) if isinstance(each.price, PerToken)]
    assert priced
    assert all(each.economy is None for each in priced) is hurries
