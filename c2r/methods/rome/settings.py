"""The settings that ROME adds to those of every run, declared as `c2r.settings` does. No torch."""

from c2r.base.fields import setting
from c2r.methods.settings import LabelSettings, PoolSettings, TeacherSettings
from c2r.settings import RunConfig, Settings


class RomeSettings(Settings):
    """Objective of ROME"""

    rome_share: float = setting(
        0.2,
        "Share of the class means",
        "share of the class means' distance against cross-entropy",
        ge=0,
        le=1,
        symbol="α",
    )
    rome_weight: float = setting(
        50.0,
        "Weight of cross-entropy",
        "What cross-entropy is multiplied with, beside the accuracy (0 to 1) of the visited network; as released: 50"
        " for one and ten images per class (0.5 per percent), 10 for fifty",
        ge=0,
        le=1000,
    )
    rome_rate: float = setting(
        0.01,
        "Learning rate of ROME's images",
        "Adam's learning rate on the pixels (as released: SGD)",
        "pixel units",
        gt=0,
        le=1,
    )
    rome_batch: int = setting(
        32, "Real images of ROME", "Real images drawn per class and step", "images per class", ge=1, le=5000
    )


class RomeConfig(RomeSettings, TeacherSettings, LabelSettings, PoolSettings, RunConfig):
    """The settings of a run of ROME."""
