"""One batch of images under one attack: who is still standing, the best point found of each, what it has cost.

An attack is a generator over a `Hunt`: it asks for gradients or logits at x + δ and yields the share of its work done,
so
that whoever runs it can show progress or stop at any point; what was found until then is in `result`. Images that are
fooled
leave: the `live` ones, and only they, are what the attack's own tensors hold (`keep` says who stays). So a weak model
is
attacked fast, and no image sees another: losses are sums over images and noise belongs to each image.
Letters: B images, L live ones, K classes.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from c2r.attacks.losses import LOSSES, Aim
from c2r.attacks.noise import Noise
from c2r.core.margins import logit_margin
from c2r.core.threat import Threat
from c2r.errors import InputError

Model = Callable[[Tensor], Tensor]
Loss = Callable[..., Tensor]  # of logits [L, K], an `Aim` and what else it was handed: one value per image [L]
CHUNK = {"cpu": 160, "cuda": 1024}  # images of one pass at most: few passes, but what they hold should fit the caches


@dataclass(frozen=True)
class Attacked:
    """What an attack found for each image; all tensors [B] unless said otherwise.

    images [B, C, H, W] in [0, 1], the original where nothing was found; logits [B, K] there; fooled: within the threat
    model and
    no longer classified as y (targeted: classified as the target); margin: logit margin of y at `images`; distance:
    size of
    the perturbation in the attack's norm, infinite where a nearest-point attack failed; forwards, backwards: passes
    spent.
    A nearest-point attack also gives images that it fooled beyond ε, with `fooled` false: count by `fooled`, not by
    `logits`.
    """

    images: Tensor
    logits: Tensor
    fooled: Tensor
    margin: Tensor
    distance: Tensor
    forwards: Tensor
    backwards: Tensor


class Hunt:
    """State of one attack on images x [B, C, H, W] in [0, 1] with labels y [B].

    :param model: frozen, in eval mode, float32; images in, logits [B, K] out
    :param target: [B] classes to reach; None attacks untargeted
    :param nearest: keep each image's smallest successful perturbation, which counts when it is within ε; who leaves,
        the attack says
    :param last: what old tools do: nobody leaves and the last point counts, not the best
    :param anywhere: x may lie outside [0, 1], for the legacy protocol that attacks normalised images
    """

    def __init__(
        self,
        model: Model,
        x: Tensor,
        y: Tensor,
        *,
        threat: Threat,
        seed: int,
        target: Tensor | None = None,
        nearest: bool = False,
        last: bool = False,
        anywhere: bool = False,
    ):
        _check(model, x, y, anywhere)
        self.model, self.threat, self.nearest, self.last = model, threat, nearest, last
        self.enough = False  # whether a nearest-point attack lets images leave once they are fooled within ε
        self.noise = Noise(seed, x)
        self._all, self._aim = x, Aim(y, target)
        self.live = torch.arange(len(x), device=x.device)
        self._forwards, self._backwards = torch.zeros(len(x), device=x.device), torch.zeros(len(x), device=x.device)
        self._images, self._goal = x.clone(), x.new_full((len(x),), float("inf"))
        self._distance, self._clean = x.new_full((len(x),), float("inf")), self._through(x)
        self._logits = self._clean.clone()
        self._start()

    @property
    def x(self) -> Tensor:
        """The live images [L, C, H, W]."""
        return self._all[self.live]

    @property
    def classes(self) -> int:
        """K."""
        return self._clean.shape[1]

    @property
    def clean(self) -> Tensor:
        """Logits of the live images as they came, [L, K]."""
        return self._clean[self.live]

    @property
    def aim(self) -> Aim:
        """Labels and targets of the live images, each [L]."""
        return self._aim.of(self.live)

    def steps(self, count: int) -> Iterator[int]:
        """0 … count − 1, as long as an image is live."""
        for step in range(count):
            if not len(self.live):
                return
            yield step

    def start(self, random: bool = True) -> Tensor:
        """δ [L, C, H, W] to start from: uniform in the L∞ ball; for L2 a Gaussian direction of length ε·U(0, 1); or
        zero."""
        x = self.x
        if not random:
            return torch.zeros_like(x)
        if self.threat.norm == "Linf":
            return self.threat.project((2 * self.noise.uniform(self.live, x.shape[1:]) - 1) * self.threat.eps, x)
        direction = self.threat.steepest(self.noise.normal(self.live, x.shape[1:]))
        return self.threat.project(direction * self.threat.eps * self.noise.uniform(self.live, (1, 1, 1)), x)

    def look(self, delta: Tensor) -> tuple[Tensor, Tensor]:
        """Logits [L, K] at x + δ, one forward. Returns those of the images that stay, and `keep` [L] bool: who
        stays."""
        logits = self._through(self.x + delta) if len(self.live) else self._clean[:0]
        self.spend(1)
        keep = self.record(delta, logits)
        return logits[keep], keep

    def query(self, points: Tensor, each: int = 1) -> Tensor:
        """Logits at points [each · L, C, H, W], as many for every live image, and nothing else; `record` takes what is
        good."""
        self.spend(each)
        return self._through(points)

    def gradient(self, delta: Tensor, loss: str | Loss = "ce", *extra: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Gradient to the image of the loss to be raised, at x + δ: one forward and one backward.

        :param loss: a name of `losses.LOSSES`, or a function of logits [L, K] and `Aim` that gives one value per image
            [L]
        :param extra: tensors [L, …] that the loss takes after these two, one row per image
        :returns: gradient [L', C, H, W] and losses [L'] of the images that stay, and `keep` [L] bool: who stays
        """
        gradient, values, logits = self._climb(self.x + delta, self.aim, loss, extra)
        self.spend(1, 1)
        keep = self.record(delta, logits)
        return gradient[keep], values[keep], keep

    def slope(self, deltas: Tensor, loss: str | Loss = "ce") -> Tensor:
        """Gradients [S, L, C, H, W] at S points x + δ of each live image that are no candidates themselves; nobody
        leaves."""
        aim = self._aim.of(self.live.repeat(len(deltas)))
        gradient, _, _ = self._climb((self.x + deltas).flatten(0, 1), aim, loss, ())
        self.spend(len(deltas), len(deltas))
        return gradient.view_as(deltas)

    def jacobian(self, delta: Tensor, use: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Tensor:
        """What `use` makes of the gradients of all classes at x + δ, [L, …]: one forward and K − 1 backwards, no
        candidates.

        :param use: takes some points x + δ [l, C, H, W], how far the classes k = y + 1, …, y + K − 1 (mod K) are behind
            y there,
            z_y − z_k [l, K − 1], and the gradients of z_k − z_y [l, K − 1, C, H, W]; it is called a part at a time
        """
        made = []
        for part, y in zip(self._parts(self.x + delta), self._parts(self.aim.y), strict=True):
            with torch.enable_grad():
                point = part.detach().requires_grad_(True)
                logits = self.model(point)
                others = (y[:, None] + torch.arange(1, self.classes, device=y.device)) % self.classes
                ahead = logits.gather(1, others) - logits.gather(1, y[:, None])
                gradients = [
                    torch.autograd.grad(column.sum(), point, retain_graph=True)[0] for column in ahead.unbind(1)
                ]
            made.append(use(part, -ahead.detach(), torch.stack(gradients, 1)))
        self.spend(1, self.classes - 1)
        return torch.cat(made)

    def record(self, delta: Tensor, logits: Tensor) -> Tensor:
        """Take over the points at x + δ that are better than what was known, by their logits [L, K], at no cost.

        :returns: who stays, bool [L]; the others leave
        """
        live, x = self.live, self.x
        goal = self.aim.standing(logits)
        size = self.threat.distance(delta)
        if self.nearest:
            better = (goal <= 0) & (size < self._distance[live])
        else:
            better = (
                (goal < self._goal[live]) & self.threat.within(delta, x)
                if not self.last
                else torch.ones_like(goal, dtype=torch.bool)
            )
        at = live[better]
        self._images[at], self._goal[at], self._distance[at], self._logits[at] = (
            (x + delta)[better],
            goal[better],
            size[better],
            logits[better],
        )
        done = self._distance[live] <= self.threat.eps if self.nearest else self._goal[live] <= 0
        keep = ~done if not self.last and (self.enough or not self.nearest) else torch.ones_like(better)
        self.live = live[keep]
        return keep

    def leave(self, done: Tensor) -> None:
        """The images of `done`, bool [L], are finished: they leave; what was found of them stays."""
        self.live = self.live[~done]

    def spend(self, forwards: float = 0, backwards: float = 0) -> None:
        """Count passes that an attack made on the live images by itself."""
        self._forwards[self.live] += forwards
        if backwards:
            self._backwards[self.live] += backwards

    def spent(self) -> float:
        """Forwards + backwards so far, summed over all images."""
        return float(self._forwards.sum() + self._backwards.sum())

    def result(self) -> Attacked:
        """What was found so far."""
        near = torch.isfinite(self._distance) & (self._distance <= self.threat.eps * (1 + 1e-6) + 1e-6)
        fooled = near if self.nearest else self._goal <= 0
        distance = self._distance if self.nearest else self.threat.distance(self._images - self._all)
        margin = logit_margin(self._logits, self._aim.y)
        return Attacked(self._images, self._logits, fooled, margin, distance, self._forwards, self._backwards)

    def _start(self) -> None:
        """Look at the clean images: those already where the attack wants them leave with δ = 0."""
        self._forwards += 1
        self._goal = self._aim.standing(self._logits)
        self._distance[self._goal <= 0] = 0
        if not self.last:
            self.live = self.live[self._goal > 0]

    def _climb(
        self, points: Tensor, aim: Aim, loss: str | Loss, extra: tuple[Tensor, ...]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Gradients, losses and logits at `points`, a part at a time."""
        form = LOSSES[loss] if isinstance(loss, str) else loss
        gradient, losses, seen, begin = torch.empty_like(points), [], [], 0
        for part in self._parts(points):
            mine = slice(begin, begin + len(part))
            begin += len(part)
            with torch.enable_grad():
                point = part.detach().requires_grad_(True)
                logits = self.model(point)
                values = form(logits, aim.of(mine), *(tensor[mine] for tensor in extra))
                gradient[mine] = torch.autograd.grad(values.sum(), point)[0]
            losses.append(values.detach())
            seen.append(logits.detach())
        return gradient, torch.cat(losses), torch.cat(seen)

    @torch.no_grad()
    def _through(self, images: Tensor) -> Tensor:
        return torch.cat([self.model(part) for part in self._parts(images)])

    def _parts(self, images: Tensor) -> tuple[Tensor, ...]:
        """Equal parts of at most a chunk: a small rest would cost nearly as much as a whole one."""
        most = CHUNK.get(images.device.type, 1024)
        return images.chunk(-(-len(images) // most) or 1)


def _check(model: Model, x: Tensor, y: Tensor, anywhere: bool) -> None:
    if getattr(model, "training", False):
        raise InputError("An attack expects a network in eval mode, found one in training mode: call .eval() first.")
    if x.dtype != torch.float32:
        raise InputError(f"An attack expects float32 images, found {x.dtype}: convert them first.")
    if not anywhere and not (x.min() >= 0 and x.max() <= 1):
        raise InputError(
            f"An attack expects images in [0, 1], found values from {x.min():.2f} to {x.max():.2f}: put the"
            " normalisation inside the network."
        )
    if len(x) != len(y) or not len(x):
        raise InputError(f"An attack expects images with one label each, found {len(x)} images and {len(y)} labels.")
