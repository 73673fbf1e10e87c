"""What a run costs: operations, minutes, memory and disk, as formulas of its settings. No torch.

Costs are counted in forward passes of one image: a forward 1, a backward to the image 1, a backward to image and
weights 2.
Letters: N stored images, p² parts, C channels, S side, K classes, D embedding.
"""

from dataclasses import dataclass

from c2r.attacks.protocols import attempts, expected_passes
from c2r.base.named import named
from c2r.config import RunConfig
from c2r.data.splits import Shape
from c2r.methods.cost import Job, Spent, attack_cost
from c2r.registry import CHOSEN, METHODS
from c2r.scorers import FOLLOWER
from c2r.store.thinning import expected_frames, expected_steps


@dataclass(frozen=True)
class Speed:
    """How fast networks run: floating-point operations a second, and seconds a pass takes however small it is."""

    flop: float
    latency: float


# CPU: ConvNet-3, batch 128 and 320, median of 30 on two idle cores (float32, torch 2.13): 42 to 62 GFLOP/s at 16 px and
# width
# 48, 38 to 53 at 8 px and width 32, so 25 per core; assumed to grow with the cores up to 8. Latency: what short runs of
# the
# three phases at 8 px took beyond that (augmentation, optimiser), per pass; at 16 px the sum is within 30 % of each
# phase.
# CUDA: not measured; small networks wait for some 30 kernel launches a pass, large ones reach about 10 TFLOP/s.
SPEEDS = {"cpu": Speed(25e9, 0.6e-3), "cuda": Speed(10e12, 1e-3)}
MOST_CORES = 8
EVENT = 1400  # bytes of a line of events.jsonl
# Seconds of start and UMAP; seconds to decode one 32 px JPEG on one core (measured: 85 µs); GB of the libraries once
# loaded.
START_SECONDS, DECODE_SECONDS, START_GB = 15.0, 85e-6, 0.7
EVALUATION = ("evaluate",)


@dataclass(frozen=True)
class Cost:
    """One network: operations of a forward pass of one image, floats kept for its backward, parameters, and D."""

    forward: float
    activations: float
    parameters: float
    embedding: int


def _convnet(config: RunConfig, shape: Shape) -> Cost:
    """Blocks of a 3×3 convolution (2·9·C·w operations per pixel), norm, ReLU, pool 2 (2·w); then a linear layer."""
    width, inputs, side, total = config.width, shape.channels, shape.size, Cost(0, 0, 0, 0)
    for _ in range(config.depth):
        total = _plus(total, (18 * inputs + 2) * width * side**2, 3 * width * side**2, 9 * inputs * width)
        inputs, side = width, side // 2
    return _headed(total, width * side**2, shape)


def _resnet18(config: RunConfig, shape: Shape) -> Cost:
    """A 3×3 stem, then four stages of four 3×3 convolutions at width w, 2w, 4w, 8w; each later stage halves the
    side."""
    width, side = config.width, shape.size
    total = Cost(18 * shape.channels * width * side**2, 3 * width * side**2, 9 * shape.channels * width, 0)
    for stage in range(4):
        first, wide = max(1, 2**stage // 2) * width, 2**stage * width
        weights = 9 * wide * (first + 3 * wide)
        total = _plus(total, 2 * weights * side**2, 10 * wide * side**2, weights)
        side = -(-side // 2)
    return _headed(total, 8 * width, shape)


def _mlp(config: RunConfig, shape: Shape) -> Cost:
    """Linear layers of `width` units: two operations per weight."""
    weights = shape.channels * shape.size**2 * config.width + (config.depth - 1) * config.width**2
    return _headed(Cost(2 * weights, 2 * config.width * config.depth, weights, 0), config.width, shape)


def _plus(cost: Cost, forward: float, activations: float, parameters: float) -> Cost:
    return Cost(cost.forward + forward, cost.activations + activations, cost.parameters + parameters, 0)


def _headed(cost: Cost, embedding: int, shape: Shape) -> Cost:
    head = embedding * shape.classes
    return Cost(cost.forward + 2 * head, cost.activations + embedding, cost.parameters + head, embedding)


NETWORKS = {"convnet": _convnet, "resnet18": _resnet18, "mlp": _mlp}


def spent(config: RunConfig, shape: Shape) -> Spent:
    """What the run's method costs by itself."""
    own: Spent = named(METHODS[config.method].cost)(config, shape)
    return own


def jobs(config: RunConfig, shape: Shape) -> list[Job]:
    """The work of a run: its scorers, what its method says, looks at its set, and the evaluation.

    Single-step adversarial training costs an attack step (2) and a training step (3). A look is counted in full, though
    LS-PGD reuses perturbations: an upper bound.
    """
    row, classes = METHODS[config.method], shape.classes
    parts = classes * config.ipc * config.partition**2
    looks = (1 + (config.steps / config.record_every if row.updates else 0)) * len(config.scorers)
    tested, looked_at = min(config.eval_images or shape.test, shape.test), 0 if row.source == "all" else parts
    training = 3 + (2 * config.eval_at_steps if config.eval_training == "pgd-at" else 0)
    real = [scorer for scorer in config.scorers if scorer != FOLLOWER]
    refreshed = (1 + row.updates * config.steps // config.scorer_refresh) * (FOLLOWER in config.scorers)
    tried = [
        (expected_passes(a, classes), expected_passes(a.on_set(config.eval_set_budget), classes, 0.9))
        for a in attempts(config)
    ]
    chosen = parts / config.init_share if config.init in CHOSEN and row.source == "drawn" else 0
    seen = [
        Job("scorer", 1, round(min(chosen, shape.train)), attack_cost("ls-pgd", config, config.cold_rounds)),
        Job("scorer", len(real) * config.pool_steps, config.pool_batch, 5),
        Job("scorer", refreshed * config.scorer_set_steps, min(config.eval_batch, parts), training),
        Job(
            row.phases[-1].name if row.phases else "scorer",
            looks,
            parts,
            attack_cost(row.attack, config, config.ls_rounds) + 3,
        ),
    ]
    return [
        *(seen if row.source != "all" else []),
        *spent(config, shape).jobs,
        Job("evaluate", config.eval_seeds * config.eval_steps, min(config.eval_batch, parts), training),
        Job("evaluate", config.eval_seeds, tested, sum(test for test, _ in tried)),
        Job("evaluate", config.eval_seeds, looked_at, sum(own for _, own in tried)),
    ]


def flops(config: RunConfig, shape: Shape) -> dict[str, float]:
    """Floating-point operations of the phases that cost some, in their order: scorer, the method's own, evaluate."""
    forward = NETWORKS[config.model](config, shape).forward
    by_phase: dict[str, float] = {}
    for job in jobs(config, shape):
        by_phase[job.phase] = by_phase.get(job.phase, 0.0) + job.times * job.images * job.cost * forward
    return by_phase


def shares(config: RunConfig, shape: Shape, phases: tuple[str, ...] = ()) -> dict[str, float]:
    """Expected share of each phase in the work of a run, in the order of its phases, or of some of them.

    A method that names no cost is taken for half of the work, divided as its row says.
    """
    work = {name: value for name, value in flops(config, shape).items() if not phases or name in phases}
    own = {} if phases or spent(config, shape).jobs else {p.name: p.share for p in METHODS[config.method].phases}
    known = {name: value for name, value in work.items() if name not in own}
    rest = 0.5 if own else 1.0
    told = {name: rest * value / sum(known.values()) for name, value in known.items()}
    evaluation = {"evaluate": told.pop("evaluate")}
    return told | {name: (1 - rest) * share / sum(own.values()) for name, share in own.items()} | evaluation


def minutes(config: RunConfig, shape: Shape, device: str, cores: int, phases: tuple[str, ...] = ()) -> float:
    """Estimated minutes of a run, or of some of its phases, start and loading included, on ``cpu`` (with so many cores)
    or ``cuda``."""
    speed = SPEEDS[device]
    rate = speed.flop * (min(config.threads or cores, cores, MOST_CORES) if device == "cpu" else 1)
    passes = sum(job.times * job.cost for job in jobs(config, shape) if not phases or job.phase in phases)
    operations = sum(value for phase, value in flops(config, shape).items() if not phases or phase in phases)
    decoding = 0.0 if config.data == "digits" else (shape.train + shape.test) * DECODE_SECONDS
    return (operations / rate + passes * speed.latency + START_SECONDS + decoding) / 60


def memory_gb(config: RunConfig, shape: Shape) -> float:
    """Estimated peak memory in GB: libraries, real images (twice while loading), the largest backward pass, networks
    and what the method holds beside them."""
    cost, parts = NETWORKS[config.model](config, shape), shape.classes * config.ipc * config.partition**2
    real = 2 * (shape.train + shape.test) * shape.channels * shape.size**2
    own = (job.images for job in spent(config, shape).jobs)
    batch = max(config.pool_batch, min(config.eval_batch, parts), 2 * parts, *own)
    weights, held = _networks(config, shape)
    return START_GB + (real + 4 * 2 * batch * cost.activations + weights + held) / 1e9


def _networks(config: RunConfig, shape: Shape) -> tuple[float, float]:
    """Bytes of the weights of all stages of the networks trained on real data, and of what is held for each."""
    cost, own = NETWORKS[config.model](config, shape), spent(config, shape)
    stages = own.networks * -(-config.pool_steps // config.pool_stage)
    return 4 * stages * cost.parameters, 4 * stages * own.floats * cost.embedding


def disk_mb(config: RunConfig, shape: Shape) -> float:
    """Estimated size of the run folder in MB when it is largest: frames and events, the pool, two checkpoints while one
    replaces the other, map and results."""
    stored, pixels = shape.classes * config.ipc, shape.channels * shape.size**2
    weights = _networks(config, shape)[0] if METHODS[config.method].source != "all" else 0.0
    checkpoint = 4 * stored * pixels * spent(config, shape).pixels
    shown = 16 * min(stored, config.map_points) * expected_frames(config)
    return (
        frames_mb(config, shape)
        + (weights + 2 * checkpoint + shown + stored * pixels) / 1e6
        + evaluation_mb(config, shape)
    )


def frames_mb(config: RunConfig, shape: Shape) -> float:
    """MB of the recorded steps: per frame the images (1 byte), δ (2), two embeddings (2 each), seven vectors; the
    events."""
    pixels, embedding = shape.channels * shape.size**2, NETWORKS[config.model](config, shape).embedding
    frame = shape.classes * config.ipc * (3 * pixels + 4 * embedding + 44) + 4000
    return (expected_frames(config) * frame + expected_steps(config) * EVENT) / 1e6 + 0.2


def evaluation_mb(config: RunConfig, shape: Shape) -> float:
    """MB of one evaluation: the weights of its networks, and per network, attempt and image a margin (4 bytes) and an
    outcome (1), twice."""
    stored = shape.classes * config.ipc * config.partition**2
    tested = min(config.eval_images or shape.test, shape.test)
    outcomes = 2 * 5 * (len(attempts(config)) + 1) * (stored + tested)
    return config.eval_seeds * (4 * NETWORKS[config.model](config, shape).parameters + outcomes) / 1e6 + 0.2
