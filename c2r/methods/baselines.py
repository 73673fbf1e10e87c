"""Sets whose images stay as they are: random real images, sets from a file, and real images with labels of a pool."""

from collections.abc import Iterator
from dataclasses import replace

from c2r.events import Event, Finished, State
from c2r.methods.context import Context, made_of
from c2r.methods.labels import soft_labels
from c2r.methods.settings import SoftConfig

BEFORE = -1  # the step of a state before the first look at a set


def keep(context: Context, state: State | None) -> Iterator[Event]:
    """Hand out the images that the run starts from, once to be seen and once as the result."""
    start = context.start
    if state is None:
        yield start
        yield State(0)
    yield Finished(made_of(start, context.config.partition))


def relabelled(context: Context, state: State | None) -> Iterator[Event]:
    """The images that the run starts from, with what a pool of networks answers to their parts as labels."""
    config, start = context.config, context.start
    assert isinstance(config, SoftConfig), "the row of the table says so"
    yield from context.fill(config.pool_size, "pool", lambda: State(BEFORE))
    labelled = replace(start, soft=soft_labels(start.images, config.partition, context.pool, config))
    if state is None or state.step == BEFORE:
        yield labelled
        yield State(0)
    yield Finished(made_of(labelled, config.partition))
