"""Soft labels: what the networks of a pool answer to each part of a stored image.

After RSLAD (Zi et al. 2021), which trains on a robust teacher's answer to the clean image. Letters: N stored images, p²
parts of each, C channels, H W sides, K classes.
"""

import torch
from torch import Tensor

from c2r.core.partition import expand
from c2r.methods.context import Context
from c2r.methods.pool import Pool
from c2r.methods.settings import LabelSettings, PoolSettings, TeacherSettings


def current_labels(context: Context, images: Tensor) -> Tensor | None:
    """Those that a set has now: of the pool, once it is trained and soft ones are asked for, else those that it came
    with."""
    config, pool = context.config, context.pool
    if isinstance(config, LabelSettings) and config.labels == "soft":
        assert isinstance(config, PoolSettings) and isinstance(config, TeacherSettings), "a pool gives soft labels"
        if len(pool.ends) == config.pool_size:
            return soft_labels(images, config.partition, pool, config)
    return context.start.soft


@torch.no_grad()
def soft_labels(images: Tensor, partition: int, pool: Pool, settings: TeacherSettings) -> Tensor:
    """Probabilities of the clean parts, the mean over the pool's networks: images [N, C, H, W] → float16 [N, p², K], or
    [N, K] for images that are not cut into parts. Two bytes a probability, since labels count as stored bytes.

    Each network answers as it was at the stage that the settings name, at most its last.
    """
    effective = expand(images.detach(), partition)
    teachers = [stages[min(settings.label_stage or len(stages), len(stages)) - 1] for stages in pool.networks]
    answers = [
        torch.cat([teacher(part).div(settings.label_heat).softmax(1) for part in effective.split(500)])
        for teacher in teachers
    ]
    mean = torch.stack(answers).mean(0).half()
    return mean if partition == 1 else mean.view(len(images), partition**2, -1)
