"""One batch of images under one attack: who is still standing, the best point found of each, what it has cost.

An attack is a generator over an `AttackState`: it asks for gradients or logits at x + δ and yields the share of its
work done, so that whoever runs it can show progress or stop at any point; what was found until then is in `result`.
Images that are fooled leave: the `live` ones, and only they, are what the attack's own tensors hold (`keep` says who
stays). So a weak model is attacked fast, and no image sees another: losses are sums over images and noise belongs to
each image. Letters: B images, L live ones, K classes.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from c2r.attacks.losses import Aim
from c2r.attacks.network import Loss, Model, Use, gradients, jacobian, logits_of
from c2r.attacks.noise import Noise
from c2r.core.margins import logit_margin
from c2r.core.threat import Threat
from c2r.errors import InputError


@dataclass(frozen=True)
class Attacked:
    """What an attack found for each image; all tensors [B] unless said otherwise.

    images [B, C, H, W] in [0, 1], the original where nothing was found; logits [B, K] there; fooled: within the threat
    model and no longer classified as y (targeted: classified as the target); margin: logit margin of y at `images`;
    distance: size of the perturbation in the attack's norm, infinite where a nearest-point attack failed; forwards,
    backwards: passes spent. A nearest-point attack also gives images that it fooled beyond ε, with `fooled` false:
    count by `fooled`, not by `logits`.
    """

    images: Tensor
    logits: Tensor
    fooled: Tensor
    margin: Tensor
    distance: Tensor
    forwards: Tensor
    backwards: Tensor


@dataclass(frozen=True)
class Rules:
    """What counts in an attack, and who leaves.

    :param nearest: keep each image's smallest successful perturbation, which counts when it is within ε; who leaves,
        the attack says
    :param last: what old tools do: nobody leaves and the last point counts, not the best
    :param anywhere: x may lie outside [0, 1], for the legacy protocol that attacks normalised images
    """

    threat: Threat
    seed: int = 0
    nearest: bool = False
    last: bool = False
    anywhere: bool = False


class AttackState:
    """State of one attack on images x [B, C, H, W] in [0, 1].

    :param model: frozen, in eval mode, float32; images in, logits [B, K] out
    :param aim: labels [B] and, for a targeted attack, the classes to reach [B]
    :raises InputError: images, labels or a network that cannot be attacked
    """

    def __init__(self, model: Model, x: Tensor, aim: Aim, rules: Rules):
        _refuse_unfit(model, x, aim.y, rules.anywhere)
        self.model, self.threat, self.rules = model, rules.threat, rules
        self.enough = False  # whether a nearest-point attack lets images leave once they are fooled within ε
        self.noise = Noise(rules.seed, x)
        self._all, self._aim = x, aim
        self.live = torch.arange(len(x), device=x.device)
        self._forwards, self._backwards = torch.zeros(len(x), device=x.device), torch.zeros(len(x), device=x.device)
        self._images, self._goal = x.clone(), x.new_full((len(x),), float("inf"))
        self._distance, self._clean = x.new_full((len(x),), float("inf")), logits_of(model, x)
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
        logits = logits_of(self.model, self.x + delta) if len(self.live) else self._clean[:0]
        self.spend(1)
        keep = self.record(delta, logits)
        return logits[keep], keep

    def query(self, points: Tensor, each: int = 1) -> Tensor:
        """Logits at points [each · L, C, H, W], as many for every live image, and nothing else; `record` takes what is
        good."""
        self.spend(each)
        return logits_of(self.model, points)

    def gradient(self, delta: Tensor, loss: str | Loss = "ce", *extra: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Gradient to the image of the loss to be raised, at x + δ: one forward and one backward.

        :param loss: a name of `losses.LOSSES`, or a function of logits [L, K] and `Aim` that gives one value per image
            [L]
        :param extra: tensors [L, …] that the loss takes after these two, one row per image
        :returns: gradient [L', C, H, W] and losses [L'] of the images that stay, and `keep` [L] bool: who stays
        """
        gradient, values, logits = gradients(self.model, self.x + delta, self.aim, loss, extra)
        self.spend(1, 1)
        keep = self.record(delta, logits)
        return gradient[keep], values[keep], keep

    def slope(self, deltas: Tensor, loss: str | Loss = "ce") -> Tensor:
        """Gradients [S, L, C, H, W] at S points x + δ of each live image that are no candidates themselves; nobody
        leaves."""
        aim = self._aim.of(self.live.repeat(len(deltas)))
        gradient, _, _ = gradients(self.model, (self.x + deltas).flatten(0, 1), aim, loss)
        self.spend(len(deltas), len(deltas))
        return gradient.view_as(deltas)

    def jacobian(self, delta: Tensor, use: Use) -> Tensor:
        """What `use` makes of the gradients of all classes at x + δ, [L, …]: one forward and K − 1 backwards, no
        candidates.

        :param use: see `network.jacobian`
        """
        made = jacobian(self.model, self.x + delta, self.aim.y, use)
        self.spend(1, self.classes - 1)
        return made

    def record(self, delta: Tensor, logits: Tensor) -> Tensor:
        """Take over the points at x + δ that are better than what was known, by their logits [L, K], at no cost.

        :returns: who stays, bool [L]; the others leave
        """
        live, point, goal = self.live, self.x + delta, self.aim.standing(logits)
        size = self.threat.distance(delta)
        better = self._better(delta, goal, size)
        at = live[better]
        self._images[at], self._goal[at] = point[better], goal[better]
        self._distance[at], self._logits[at] = size[better], logits[better]
        done = self._distance[live] <= self.threat.eps if self.rules.nearest else self._goal[live] <= 0
        leaving = not self.rules.last and (self.enough or not self.rules.nearest)
        keep = ~done if leaving else torch.ones_like(better)
        self.live = live[keep]
        return keep

    def _better(self, delta: Tensor, goal: Tensor, size: Tensor) -> Tensor:
        """Which points x + δ are taken over, bool [L]: by their size, by how far they lead, or all of them."""
        if self.rules.nearest:
            return (goal <= 0) & (size < self._distance[self.live])
        if self.rules.last:
            return torch.ones_like(goal, dtype=torch.bool)
        return (goal < self._goal[self.live]) & self.threat.within(delta, self.x)

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
        fooled = near if self.rules.nearest else self._goal <= 0
        distance = self._distance if self.rules.nearest else self.threat.distance(self._images - self._all)
        margin = logit_margin(self._logits, self._aim.y)
        return Attacked(self._images, self._logits, fooled, margin, distance, self._forwards, self._backwards)

    def _start(self) -> None:
        """Look at the clean images: those already where the attack wants them leave with δ = 0."""
        self._forwards += 1
        self._goal = self._aim.standing(self._logits)
        self._distance[self._goal <= 0] = 0
        if not self.rules.last:
            self.live = self.live[self._goal > 0]


def _refuse_unfit(model: Model, x: Tensor, y: Tensor, anywhere: bool) -> None:
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
