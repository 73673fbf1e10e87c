"""What C2R costs. No torch."""

from c2r.data.splits import Shape
from c2r.methods.c2r.settings import C2RConfig, LiteralConfig
from c2r.methods.cost import Job, Spent, attack_cost
from c2r.registry import METHODS

TERMS = ("match", "ce", "crl")
MEASURED = 10  # updates between two measurements of the terms' gradients


def spent(config: C2RConfig, shape: Shape) -> Spent:
    """Single-step adversarial training of the pool (5 passes an image), and updates: real images, all parts, orders,
    what moves the images, and labels at recorded steps."""
    row, classes = METHODS[config.method], shape.classes
    stored = classes * config.ipc
    parts = stored * config.partition**2
    own, real = (attack_cost(row.attack, config, rounds) for rounds in (config.ls_rounds, config.real_rounds))
    orders = config.steps * min(config.batch, stored) / stored
    trained = config.pool_size - ("ce" in config.scorers)
    labelled = config.pool_size * (config.labels == "soft") * (1 + config.steps / config.record_every)
    return Spent(
        (
            Job("pool", trained * config.pool_steps, config.pool_batch, 5),
            Job("distill", config.steps, classes * config.real_batch, real + 2),
            Job("distill", config.steps, parts, own + 4),
            Job("distill", orders, parts, own + 3),
            Job("distill", config.steps / MEASURED, parts, 2 * len(TERMS)),
            Job("distill", labelled, parts, 1),
        ),
        networks=config.pool_size,
        floats=classes * config.queue_size + config.queue_rank,
        pixels=3 + config.partition**2,
    )


def literal(config: LiteralConfig, shape: Shape) -> Spent:
    """Updates of the paper's own loop: mini-batches attacked and learned from, and orders."""
    stored = shape.classes * config.ipc
    parts, taken = stored * config.partition**2, min(config.batch, stored) * config.partition**2
    own = attack_cost("ls-pgd", config, config.ls_rounds)
    return Spent(
        (
            Job("distill", config.steps, taken, own + 6),
            Job("distill", config.steps * min(config.batch, stored) / stored, parts, own + 3),
        ),
        floats=2 * (shape.classes * config.queue_size + config.queue_rank),
        pixels=3 + config.partition**2,
    )
