"""Callers, asks, demands, verdicts and images that the contract suites enter."""

import hashlib
import itertools
from dataclasses import dataclass, field, replace
from typing import Any

from imagewright.core.ask import Ask
from imagewright.core.budget import Account, Charge, Level
from imagewright.core.caller import Caller, Credential
from imagewright.core.ids import Kind, new_id
from imagewright.core.image import Image, Origin, Parent, Role
from imagewright.core.job import Job, State
from imagewright.core.money import Nano
from imagewright.core.picture import Format, Picture
from imagewright.core.plan import Plan
from imagewright.core.quote import Consent, Quote, Told
from imagewright.core.size import Size
from imagewright.core.spending import Settled
from imagewright.core.verdict import Verdict
from imagewright.ports.approvals import Approvals
from imagewright.ports.books import Books, Capacity, Demand
from imagewright.ports.books import Origin as Whence
from imagewright.ports.jobs import Jobs, Lease, Own
from imagewright.ports.library import Library

SECOND = 1_000_000
NOON = 1_795_262_400 * SECOND
DAY = "2026-11-21"
PRICE = Nano(40_000_000)
WHENCE = Whence(request="req-1", address="192.0.2.7", client="tests")

OWNER = Caller(
    subject="user:owner@example.com",
    groups=frozenset({"design", "apps"}),
    credential=Credential(id="tok-1", scopes=frozenset({"images:read", "images:write"})),
)
TEAM_MATE = Caller(
    subject="user:mate@example.com",
    groups=frozenset({"design"}),
    credential=Credential(id="tok-2"),
)
STRANGER = Caller(subject="service:stranger", credential=Credential(id="tok-3"))


@dataclass
class Random:
    """Random bytes that are the same in every run; `seed` tells processes apart."""

    seed: str = ""
    _count: "itertools.count[int]" = field(default_factory=itertools.count)

    def __call__(self, size: int) -> bytes:
        return hashlib.sha256(f"{self.seed}/{next(self._count)}".encode()).digest()[:size]


def plan_of(prompt: str, **changes: Any) -> Plan:
    ask = Ask(prompt=prompt, **changes)
    return Plan(
        ask=ask,
        provider="painter",
        model="brush-1",
        upstream="brush-1-upstream",
        prompt=prompt,
        negative_prompt=None,
        size=Size(64, 64),
        quality=None,
        background=None,
        output_format=Format.PNG,
        output_compression=None,
    )


def day(level: Level, key: str, limit: int | None = None) -> Charge:
    return Charge(
        account=Account(level=level, key=key, period=DAY),
        limit=None if limit is None else Nano(limit),
    )


@dataclass
class Desk:
    """The ports on one store, and what to enter in them."""

    books: Books
    jobs: Jobs
    library: Library
    random: Random = field(default_factory=Random)
    answers: Approvals | None = None

    @property
    def approvals(self) -> Approvals:
        """For those suites that answer quotes."""
        assert self.answers is not None
        return self.answers

    def id(self, kind: Kind) -> str:
        return new_id(kind, self.random)

    def quote(
        self, plan: Plan, ceiling: int = PRICE, expires_at: int = NOON + 900 * SECOND
    ) -> Quote:
        return Quote(
            id=self.id(Kind.QUOTE),
            digest=plan.digest(),
            provider=plan.provider,
            model=plan.model,
            count=plan.ask.n,
            size="64x64",
            ceiling=Nano(ceiling),
            estimate=False,
            expires_at=expires_at,
            told=Told(prompt=plan.ask.prompt, fallbacks=("painter / brush-2",)),
        )

    def demand(self, prompt: str = "a fox", caller: Caller = OWNER, **changes: Any) -> Demand:
        """A demand without consent and without limits, but for what `changes` names."""
        plan = changes.pop("plan", None) or plan_of(prompt)
        quote = self.quote(plan, changes.pop("ceiling", PRICE))
        charges = (
            day(Level.EVERYONE, ""),
            day(Level.PROVIDER, plan.provider),
            day(Level.SUBJECT, caller.subject),
        )
        usual = Demand(
            job=self.id(Kind.JOB),
            caller=caller,
            plan=plan,
            quote=quote,
            consent=Consent.UNATTENDED,
            given=None,
            charges=charges,
            capacity=Capacity(),
            origin=WHENCE,
            reuse_since=None,
            now=NOON,
        )
        return replace(usual, **changes)

    async def admit(self, prompt: str = "a fox", caller: Caller = OWNER, **changes: Any) -> Job:
        return (await self.books.admit(self.demand(prompt, caller, **changes))).job

    async def run(self, owner: str = "worker-1", now: int = NOON + SECOND) -> Job:
        """The next job, claimed and started."""
        job = await self.claim(owner, now)
        assert job is not None
        assert await self.jobs.start(job, owner, now)
        return job

    async def claim(
        self, owner: str = "worker-1", now: int = NOON + SECOND, own: Own | None = None
    ) -> Job | None:
        return await self.jobs.claim(Lease(owner=owner, until=now + 60 * SECOND), 2, now, own)

    def image(self, job: str | None = None, prompt: str = "a fox", **changes: Any) -> Image:
        id_ = self.id(Kind.IMAGE)
        usual = Image(
            id=id_,
            job=job,
            index=0,
            origin=Origin.IMPORTED if job is None else Origin.GENERATED,
            path=f"images/{id_}.png",
            sha256=hashlib.sha256(id_.encode()).hexdigest(),
            picture=Picture(format=Format.PNG, size=Size(64, 48), frames=1, alpha=True, bytes=1234),
            provider="painter",
            model="brush-1",
            prompt=prompt,
            revised_prompt=None,
            seed=7,
            asked_size="auto",
            tags=(),
            created_at=NOON,
        )
        return replace(usual, **changes)

    async def done(self, prompt: str = "a fox", caller: Caller = OWNER) -> tuple[Job, Image]:
        """A job that succeeded at noon with one image."""
        await self.admit(prompt, caller)
        job = await self.run()
        image = self.image(job.id, prompt)
        assert await self.books.settle(verdict(job, images=(image,)))
        return await self.jobs.get(caller.subject, job.id), image


def made_from(*images: Image) -> tuple[Parent, ...]:
    return tuple(
        Parent(image=image.id, role=Role.REFERENCE, position=place)
        for place, image in enumerate(images)
    )


def verdict(job: Job, amount: int | None = PRICE, **changes: Any) -> Verdict:
    usual = Verdict(
        job=job.id,
        owner="worker-1",
        attempt=job.attempt,
        state=State.SUCCEEDED,
        at=NOON + 5 * SECOND,
        settled=None if amount is None else Settled(amount=Nano(amount)),
    )
    return replace(usual, **changes)
