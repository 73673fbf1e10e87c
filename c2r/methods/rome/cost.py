"""What ROME costs. No torch."""

from c2r.data.splits import Shape
from c2r.methods.cost import PGD_STEPS, Job, Spent
from c2r.methods.rome.settings import RomeConfig
from c2r.settings import RunConfig


def spent(config: RunConfig, shape: Shape) -> Spent:
    """Single-step adversarial training of the pool (5 passes an image), and updates: real images attacked, parts."""
    assert isinstance(config, RomeConfig), "the row of the table says so"
    parts = shape.classes * config.ipc * config.partition**2
    trained = config.pool_size - ("ce" in config.scorers)
    return Spent(
        (
            Job("pool", trained * config.pool_steps, config.pool_batch, 5),
            Job("distill", config.steps, shape.classes * config.rome_batch, 2 * PGD_STEPS + 1),
            Job("distill", config.steps, parts, 2),
        ),
        networks=config.pool_size,
        pixels=3,
    )
