"""Orders: plans with their input pictures' bytes, in formats that the model takes."""

from imagewright.core.ask import Reference
from imagewright.core.catalogue import Model
from imagewright.core.picture import Format, Rendition
from imagewright.core.plan import Plan
from imagewright.ports.provider import Input, Order
from imagewright.services.library import LibraryService


async def order_of(library: LibraryService, subject: str, plan: Plan, model: Model) -> Order:
    """The order of a plan; its key is empty. Raises NotFound for an input that was deleted."""
    ask = plan.ask
    inputs = [await _input(library, subject, reference, model) for reference in ask.references]
    mask = None
    if ask.mask is not None:
        read = await library.mask(subject, ask.mask.image)
        mask = Input(data=read.data, format=Format.PNG)
    return Order(plan=plan, references=tuple(inputs), mask=mask, key="")


async def _input(
    library: LibraryService, subject: str, reference: Reference, model: Model
) -> Input:
    if reference.format in model.inputs:
        _, data = await library.original(subject, reference.image)
        return Input(data=data, format=reference.format)
    made = await library.view(subject, reference.image, Rendition(format=Format.PNG))
    return Input(data=made.data, format=Format.PNG)
