"""What is kept beside the bytes of a picture that a provider made."""

from imagewright.core.ask import Action
from imagewright.core.conversation import Turn, conversation_of
from imagewright.core.image import Image, Origin, Parent, Role
from imagewright.core.job import Job
from imagewright.core.plan import Plan
from imagewright.ports.provider import MAX_CONTINUATION, Made
from imagewright.services.library import Label


def label_of(job: Job, plan: Plan, index: int, made: Made) -> Label:
    """What is known of a job's picture before it is kept."""
    ask = plan.ask
    parents = [
        Parent(image=reference.image, role=Role.REFERENCE, position=position)
        for position, reference in enumerate(ask.references)
    ]
    if ask.mask is not None:
        parents.append(Parent(image=ask.mask.image, role=Role.MASK, position=len(parents)))
    return Label(
        origin=Origin.EDITED if ask.action is Action.EDIT else Origin.GENERATED,
        job=job.id,
        index=index,
        provider=plan.provider,
        model=plan.model,
        prompt=ask.prompt,
        revised_prompt=made.revised_prompt,
        seed=made.seed,
        asked_size=str(plan.size or ask.size),
        tags=ask.tags,
        folder=ask.folder,
        filename=ask.filename,
        parents=tuple(parents),
    )


def turn_of(plan: Plan, image: Image, made: Made) -> tuple[Turn, ...]:
    """The image's turn, where it goes on from another or its provider can go on from it."""
    continued, left = plan.ask.continued, made.continuation
    if left is not None and len(left) > MAX_CONTINUATION:
        left = None
    if continued is None and left is None:
        return ()
    turn = Turn(
        image=image.id,
        conversation=continued.conversation if continued else conversation_of(image.id),
        parent=continued.image if continued else None,
        provider=plan.provider,
        model=plan.model,
        prompt=plan.ask.prompt,
        at=image.created_at,
        continuation=left,
    )
    return (turn,)
