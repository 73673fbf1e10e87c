"""C2R and its ablations: a pool of adversarially trained networks, then updates of the images, hardest first."""

from collections.abc import Callable, Iterator

import torch

from c2r.core.curriculum import rank_weights
from c2r.data.real import ClassDraws
from c2r.events import Event, State
from c2r.methods.c2r.balance import series, weighted
from c2r.methods.c2r.loop import Loop
from c2r.methods.c2r.update import Batch, update
from c2r.methods.c2r.visits import Queues, Visit, stage_of, visit
from c2r.methods.context import Context
from c2r.methods.images import begin, updates
from c2r.methods.observer import in_order
from c2r.methods.pool import contrastive_loss
from c2r.networks.training import cross_entropy


def run(context: Context, state: State | None) -> Iterator[Event]:
    """Distil."""
    loop = Loop.before(context)
    config = loop.config
    yield from begin(loop, state)
    loss = contrastive_loss(config.pool_eta) if config.pool_eta else cross_entropy
    yield from context.fill(config.pool_size, "pool", loop.kept, loss)
    queues, again = _queues(loop)
    yield from updates(loop, lambda step: _update(loop, step, again(step), queues))


def _queues(loop: Loop) -> tuple[Queues, Callable[[int], Visit]]:
    """The queues as the steps that are done left them, and what draws the visit of a step."""
    context, config = loop.context, loop.config
    draws = ClassDraws(context.data.labels, len(context.data.classes))

    def again(step: int) -> Visit:
        return visit(step, context, draws, config, loop.parts.attack)

    past = [stage_of(step, context.pool, config.seed)[0] for step in range(1, loop.step + 1)]
    return Queues(config, context.data, again, past), again


def _update(loop: Loop, step: int, seen: Visit, queues: Queues) -> None:
    """Move the images by the gradient of the weighted terms, the hardest the furthest where the settings say so."""
    config, epoch = loop.config, loop.epoch
    if epoch.over:
        _cut_order(loop)
    done = update(loop, Batch(epoch.batch(config.batch), rank_weights(epoch.order, config.hard_weight)), seen, queues)
    if loop.parts.queue:
        queues.add(step, seen)
    terms = weighted(loop, done.terms, step)
    further = rank_weights(epoch.order, config.hard_step) if config.hard_step else None
    loop.descend(torch.stack(list(terms.values())).sum(), further)
    loop.series = series(loop, terms)
    loop.forwards += done.forwards
    loop.backwards += done.backwards


def _cut_order(loop: Loop) -> None:
    """Begin an epoch: mini-batches get a new order, and what the scorer's attack finds now is the warm start."""
    scores = loop.context.score(loop.snapshot())
    loop.epoch.renew(in_order(scores, loop.parts.order, loop.config.seed, loop.step), scores)
    loop.forwards += scores.forwards
    loop.backwards += scores.backwards
