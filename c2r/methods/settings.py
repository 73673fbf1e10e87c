"""Settings that several families of methods share, declared as `c2r.settings` does. No torch."""

from typing import Literal

from c2r.base.fields import setting
from c2r.settings import RunConfig, Settings


class PoolSettings(Settings):
    """Pool of adversarially trained networks"""

    pool_size: int = setting(
        6,
        "Pool networks",
        "Networks that are adversarially trained on real data; their stages are what images are matched under",
        "networks",
        ge=1,
        le=100,
    )
    pool_eta: float = setting(
        0.0,
        "Contrastive share of the pool",
        "Share of the contrastive loss in training the networks of the pool, but for the first, which is the scorer",
        ge=0,
        le=1,
    )


class LabelSettings(Settings):
    """Labels"""

    labels: Literal["hard", "soft"] = setting(
        "hard",
        "Labels",
        "hard = the class of an image; soft = what the pool's networks answer to each of its parts, on average,"
        " stored beside the image (their bytes are counted)",
    )
    label_stage: int = setting(
        0,
        "Stage that labels",
        "Which stage of each pool network gives soft labels: 1 is the earliest, 0 the last",
        "stage",
        ge=0,
        le=10_000,
    )
    label_heat: float = setting(
        1.0, "Temperature of labels", "Temperature of the soft labels: above 1 they are flatter", gt=0, le=100
    )


class SoftConfig(LabelSettings, PoolSettings, RunConfig):
    """The settings of real images with labels of a pool."""
