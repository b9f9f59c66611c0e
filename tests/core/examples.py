"""Small values that the tests of core start from and replace fields of."""

from datetime import date

from imagewright.core.ask import Action, Ask, Background, Fidelity, Moderation, Quality, Reference
from imagewright.core.caller import Caller
from imagewright.core.catalogue import Catalogue, Model, Offer, PerImage, PerToken, SizeRule
from imagewright.core.money import FREE, Nano
from imagewright.core.picture import Format
from imagewright.core.plan import Plan
from imagewright.core.size import Size

TODAY = date(2026, 11, 21)
SQUARE = Size(1024, 1024)
WIDE = Size(1536, 1024)
TALL = Size(1024, 1536)

ALICE = Caller(subject="user:alice@example.com", groups=frozenset({"design"}))

PHOTO = Reference(
    image="img_" + "a" * 26, sha256="1" * 64, size=SQUARE, format=Format.PNG, alpha=False
)
OTHER = Reference(
    image="img_" + "b" * 25 + "e", sha256="2" * 64, size=WIDE, format=Format.JPEG, alpha=False
)

ASK = Ask(prompt="A red fox")
EDIT = Ask(action=Action.EDIT, prompt="Make it blue", references=(PHOTO,))

LISTED = SizeRule(listed=(SQUARE, WIDE, TALL), fallback=SQUARE)
CUSTOM = SizeRule(
    listed=(SQUARE, WIDE, TALL),
    fallback=SQUARE,
    step=16,
    edge=3840,
    min_edge=256,
    min_pixels=655_360,
    max_pixels=8_294_400,
    ratio=3.0,
)

TOKENS = PerToken(
    text_in=Nano(5_000),
    image_in=Nano(8_000),
    image_out=Nano(30_000),
    base={Quality.LOW: 16, Quality.MEDIUM: 24, Quality.HIGH: 48},
    reference=2_000,
    partial=100,
)

PAINTER = Model(
    id="painter-2",
    upstream="painter-2-2026-09-08",
    title="Painter 2",
    sizes=CUSTOM,
    qualities=(Quality.LOW, Quality.MEDIUM, Quality.HIGH),
    formats=(Format.PNG, Format.JPEG, Format.WEBP),
    backgrounds=(Background.OPAQUE, Background.TRANSPARENT),
    moderations=(Moderation.AUTO, Moderation.LOW),
    fidelities=(Fidelity.HIGH,),
    count=10,
    references=16,
    mask=True,
    partials=3,
    compression=True,
    price=TOKENS,
)
SKETCHER = Model(
    id="sketcher",
    upstream="sketcher",
    title="Sketcher",
    sizes=LISTED,
    seed=True,
    negative_prompt=True,
    strength=True,
    price=PerImage(prices={"*": FREE}),
)
CATALOGUE = Catalogue(
    offers=(
        Offer(name="studio", title="Studio", models=(PAINTER,)),
        Offer(name="local", title="Local", models=(SKETCHER,)),
    )
)

PLAN = Plan(
    ask=ASK,
    provider="studio",
    model="painter-2",
    upstream="painter-2-2026-09-08",
    prompt="A red fox",
    negative_prompt=None,
    size=SQUARE,
    quality=Quality.LOW,
    background=None,
    output_format=Format.PNG,
    output_compression=None,
)
