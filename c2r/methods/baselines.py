"""Sets that stay as they are: random real images, and sets from a file."""

from collections.abc import Iterator

from c2r.distilled import DistilledSet
from c2r.events import Event, Finished, State
from c2r.methods.context import Context, as_bytes


def keep(context: Context, state: State | None) -> Iterator[Event]:
    """Hand out the images that the run starts from, once to be seen and once as the result."""
    start = context.start
    if state is None:
        yield start
        yield State(0)
    soft = None if start.soft is None else start.soft.cpu().numpy()
    yield Finished(DistilledSet(as_bytes(start.images), start.labels.cpu().numpy(), soft, context.config.partition))
