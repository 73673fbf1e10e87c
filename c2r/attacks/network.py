"""What attacks ask of a network: logits, gradients of a loss, gradients of all classes, a part of the images at a time.

Letters: n points, K classes.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from c2r.attacks.losses import LOSSES, Aim

Model = Callable[[Tensor], Tensor]
Loss = Callable[..., Tensor]  # of logits [n, K], an `Aim` and what else it was handed: one value per image [n]
Use = Callable[[Tensor, Tensor, Tensor], Tensor]
CHUNK = {"cpu": 160, "cuda": 1024}  # images of one pass at most: few passes, but what they hold should fit the caches


@torch.no_grad()
def logits_of(model: Model, points: Tensor) -> Tensor:
    """Logits [n, K] at points [n, C, H, W]."""
    return torch.cat([model(part) for part in _parts(points)])


def gradients(
    model: Model, points: Tensor, aim: Aim, loss: str | Loss, extra: tuple[Tensor, ...] = ()
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients [n, C, H, W], losses [n] and logits [n, K] at points [n, C, H, W].

    :param loss: a name of `losses.LOSSES`, or a function of logits [n, K] and `Aim` that gives one value per image [n]
    :param extra: tensors [n, …] that the loss takes after these two
    """
    form = LOSSES[loss] if isinstance(loss, str) else loss
    gradient, losses, seen, begin = torch.empty_like(points), [], [], 0
    for part in _parts(points):
        mine = slice(begin, begin + len(part))
        begin += len(part)
        with torch.enable_grad():
            point = part.detach().requires_grad_(True)
            logits = model(point)
            values = form(logits, aim.of(mine), *(tensor[mine] for tensor in extra))
            gradient[mine] = torch.autograd.grad(values.sum(), point)[0]
        losses.append(values.detach())
        seen.append(logits.detach())
    return gradient, torch.cat(losses), torch.cat(seen)


def jacobian(model: Model, points: Tensor, y: Tensor, use: Use) -> Tensor:
    """What `use` makes of the gradients of all classes at points [n, C, H, W] with labels y [n]: a tensor [n, …].

    :param use: takes some points [l, C, H, W], how far the classes k = y + 1, …, y + K − 1 (mod K) are behind y there,
        z_y − z_k [l, K − 1], and the gradients of z_k − z_y [l, K − 1, C, H, W]; it is called a part at a time
    """
    made = []
    for part, labels in zip(_parts(points), _parts(y), strict=True):
        with torch.enable_grad():
            point = part.detach().requires_grad_(True)
            logits = model(point)
            classes = logits.shape[1]
            others = (labels[:, None] + torch.arange(1, classes, device=labels.device)) % classes
            ahead = logits.gather(1, others) - logits.gather(1, labels[:, None])
            columns = [torch.autograd.grad(column.sum(), point, retain_graph=True)[0] for column in ahead.unbind(1)]
        made.append(use(part, -ahead.detach(), torch.stack(columns, 1)))
    return torch.cat(made)


def _parts(rows: Tensor) -> tuple[Tensor, ...]:
    """Equal parts of at most a chunk: a small rest would cost nearly as much as a whole one."""
    most = CHUNK.get(rows.device.type, 1024)
    return rows.chunk(-(-len(rows) // most) or 1)
