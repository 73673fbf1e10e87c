"""C2R and its ablations: a pool of adversarially trained networks, then updates of the images, hardest first."""

from collections.abc import Callable, Iterator

import torch

from c2r.core.curriculum import rank_weights
from c2r.data.real import ClassDraws
from c2r.events import Event, Finished, Progress, State
from c2r.methods.c2r.balance import series, weighted
from c2r.methods.c2r.loop import Loop, begin, kept
from c2r.methods.c2r.update import Batch, Update, update
from c2r.methods.c2r.visits import Queues, Visit, stage_of, visit
from c2r.methods.context import Context, made_of
from c2r.methods.observer import in_order
from c2r.methods.pool import contrastive_loss
from c2r.networks.training import cross_entropy


def run(context: Context, state: State | None) -> Iterator[Event]:
    """Distil. Without a state the images are seen once before anything moves them."""
    loop = begin(context, state)
    if state is None:
        yield loop.snapshot()
        yield kept(loop)
    loss = contrastive_loss(loop.config.pool_eta) if loop.config.pool_eta else cross_entropy
    yield from context.fill(loop.config.pool_size, "pool", lambda: kept(loop), loss)
    yield from _update_images(loop)
    yield Finished(made_of(loop.snapshot(), loop.config.partition))


def _update_images(loop: Loop) -> Iterator[Event]:
    config, held = loop.config, loop.held
    optimiser = torch.optim.Adam([held.images], lr=config.image_rate)
    if loop.moments:
        optimiser.state[held.images] = dict(loop.moments)
    queues, again = _queues(loop)
    for step in range(loop.step + 1, config.steps + 1):
        if loop.position >= len(loop.order):
            _cut_order(loop)
        done = _terms(loop, again(step), queues, step)
        terms = weighted(loop, done.terms, step)
        optimiser.zero_grad(set_to_none=True)
        total = torch.stack(list(terms.values())).sum()
        total.backward()
        _move(loop, optimiser)
        loop.step, loop.position = step, loop.position + config.batch
        loop.series = series(loop, terms)
        loop.forwards += done.forwards
        loop.backwards += done.backwards
        yield Progress("distill", step, config.steps)
        if step % config.record_every == 0 or step == config.steps:
            yield loop.snapshot()
            loop.moments = optimiser.state[held.images]
            yield kept(loop)


def _queues(loop: Loop) -> tuple[Queues, Callable[[int], Visit]]:
    """The queues as the steps that are done left them, and what draws the visit of a step."""
    context, config = loop.context, loop.config
    draws = ClassDraws(context.data.labels, len(context.data.classes))

    def again(step: int) -> Visit:
        return visit(step, context, draws, config, loop.parts.attack)

    past = [stage_of(step, context.pool, config.seed)[0] for step in range(1, loop.step + 1)]
    return Queues(config, context.data, again, past), again


def _cut_order(loop: Loop) -> None:
    """Begin an epoch: the set keeps what the scorer's attack finds now as its warm start, and mini-batches get a new
    order."""
    held, scores = loop.held, loop.context.score(loop.snapshot())
    held.delta, held.loss = scores.delta, scores.loss
    loop.forwards += scores.forwards
    loop.backwards += scores.backwards
    loop.order, loop.position = in_order(scores, loop.parts.order, loop.config.seed, loop.step), 0


def _terms(loop: Loop, seen: Visit, queues: Queues, step: int) -> Update:
    config = loop.config
    index = loop.order[loop.position : loop.position + config.batch]
    done = update(loop, Batch(index, rank_weights(loop.order, config.hard_weight)), seen, queues)
    if loop.parts.queue:
        queues.add(step, seen)
    return done


@torch.no_grad()
def _move(loop: Loop, optimiser: torch.optim.Adam) -> None:
    """One step of the images, the hardest the furthest where the settings say so, back into [0, 1]."""
    images, before = loop.held.images, loop.held.images.clone()
    optimiser.step()
    if loop.config.hard_step:
        further = rank_weights(loop.order, loop.config.hard_step)[:, None, None, None]
        images.copy_(before + further * (images - before))
    images.clamp_(0, 1)
