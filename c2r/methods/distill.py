"""One run, whatever its method: the method works, the observer looks, and what is to be kept is handed out.

It prints, saves and draws nothing; whoever runs it decides. Randomness comes from CPU generators seeded by the
configuration, so the same seed on the same device gives the same bits: one for the start and the networks trained on
real data, one for each update, order and look, so that recording more or less often changes no image.
"""

from collections.abc import Iterator
from dataclasses import replace

import torch

from c2r.base.named import named
from c2r.config import RunConfig
from c2r.data.real import RealData
from c2r.distilled import DistilledSet
from c2r.events import Finished, Progress, Snapshot, State
from c2r.methods.context import Context, start_of
from c2r.methods.observer import Basis, Observer, Recorded
from c2r.registry import METHODS

Event = Progress | Basis | Recorded | State | Finished


def distill(
    config: RunConfig, data: RealData, start: DistilledSet | None = None, state: State | None = None
) -> Iterator[Event]:
    """Distil `data`, whose tensors lie on the device to use. Yields events; the last one is `Finished`.

    :param start: the set to start from, for a fork and an imported set; None makes one as the settings say
    :param state: what an earlier process kept; the result is that of a run that never stopped, bit for bit on the CPU
    """
    generator = torch.Generator().manual_seed(config.seed)
    first = start_of(config, data, start, generator)
    drawn = start is None and METHODS[config.method].source == "drawn"
    context = Context(config, data, first, generator, lambda seen: observer.score(seen), drawn)
    observer = Observer(context)
    if state:
        context.restore(state)
    yield from observer.prepare(state)
    if state is None:
        yield observer.basis()
    for event in named(METHODS[config.method].run)(context, state):
        if isinstance(event, Snapshot):
            yield observer.record(event)
        elif isinstance(event, State):
            yield observer.keep(event)
        elif isinstance(event, Progress):
            yield replace(event, figures=event.figures or observer.figures)
        else:
            yield event
