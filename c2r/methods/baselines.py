"""Sets that stay as they are: random real images, and sets from a file."""

from collections.abc import Iterator

from c2r.events import Event, Finished, State
from c2r.methods.context import Context, made_of


def keep(context: Context, state: State | None) -> Iterator[Event]:
    """Hand out the images that the run starts from, once to be seen and once as the result."""
    start = context.start
    if state is None:
        yield start
        yield State(0)
    yield Finished(made_of(start, context.config.partition))
