"""Which constants a set was normalised with: recognise it, ask, undo it. numpy, no torch.

Most distillation code stores (x − mean) / std (methods spec §5 and §6, pitfall 7); everything here is [0, 1] again.
"""

from typing import Any

import numpy as np

from c2r.errors import InputError, unknown

Constants = tuple[tuple[float, ...], tuple[float, ...]]

CIFAR_MEAN = (0.4914, 0.4822, 0.4465)
IMAGENET: Constants = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
# cifar10-dc is what DC, DSA, DM, MTT, ROME and BEARD use, cifar10 the deviations of the pixels; half is [-1, 1], bytes
# [0, 255].
NORMALISATIONS: dict[str, Constants] = {
    "cifar10-dc": (CIFAR_MEAN, (0.2023, 0.1994, 0.2010)),
    "cifar10": (CIFAR_MEAN, (0.2470, 0.2435, 0.2616)),
    "cifar100": ((0.5071, 0.4866, 0.4409), (0.2673, 0.2564, 0.2762)),
    "tiny-imagenet": IMAGENET,
    "imagenet": IMAGENET,
    "svhn": ((0.4377, 0.4438, 0.4728), (0.1980, 0.2010, 0.1970)),
    "mnist": ((0.1307,), (0.3081,)),
    "fashion-mnist": ((0.2861,), (0.3530,)),
    "half": ((0.5,), (0.5,)),
    "bytes": ((0.0,), (1 / 255,)),
}
SLACK = 1e-4  # rounding beyond [0, 1] that is no sign of a normalisation
FEW = 0.01  # share of values outside [0, 1] that unclipped synthetic images may have under their own constants


class NormalisationNeeded(InputError):
    """Images have values outside [0, 1], and nobody said what was done to them.

    :param guesses: names of `NORMALISATIONS`, the most likely first
    :param low, high: smallest and largest value found
    """

    def __init__(self, name: str, low: float, high: float, guesses: tuple[str, ...]):
        self.low, self.high, self.guesses = low, high, guesses
        super().__init__(
            f"The images of {name} have values from {low:.3g} to {high:.3g}, so they look normalised: expected to be"
            f" told the constants; choose a normalisation, most likely {guesses[0]}, else {', '.join(guesses[1:4])},"
            " 'none' or 'mean;std'."
        )


def resolve(
    images: np.ndarray, wanted: str, name: str, hint: str = "", known: Constants | None = None
) -> Constants | None:
    """The constants to undo on float images [N, C, H, W]; None when they already are in [0, 1].

    :param wanted: ``ask``, ``none``, a name of `NORMALISATIONS`, or ``m1,m2,m3;s1,s2,s3``
    :param hint: a data set that the file's name speaks of; breaks ties between guesses
    :param known: constants that the file itself states; ``ask`` takes them
    :raises NormalisationNeeded: with ``ask``, when values lie outside [0, 1]
    :raises InputError: unknown name, malformed numbers, or not as many constants as channels
    """
    if wanted == "none":
        return None
    if wanted != "ask":
        return _fitting(_parse(wanted), wanted, images.shape[1])
    low, high = float(images.min()), float(images.max())
    if low >= -SLACK and high <= 1 + SLACK:
        return None
    if known:
        return _fitting(known, "of the file", images.shape[1])
    raise NormalisationNeeded(name, low, high, guesses(images, hint))


def guesses(images: np.ndarray, hint: str = "") -> tuple[str, ...]:
    """Names of `NORMALISATIONS` that fit the channels, the one whose undoing lands best in [0, 1] first.

    Constants that leave more than one value in a hundred outside come last; then the hinted data set; then how closely
    the undone values fill [0, 1].
    """
    sample = images[:: max(1, len(images) // 200)]

    def rank(name: str) -> tuple[bool, bool, float]:
        back = _undo(sample, NORMALISATIONS[name])
        outside = float(((back < -0.004) | (back > 1.004)).mean())
        return outside > FEW, not (hint and name.startswith(hint)), abs(float(back.min())) + abs(1 - float(back.max()))

    return tuple(
        sorted((name for name, (mean, _) in NORMALISATIONS.items() if len(mean) in (1, images.shape[1])), key=rank)
    )


def undo(images: np.ndarray, constants: Constants | None) -> tuple[np.ndarray, float]:
    """Images as float32 in [0, 1], and the share of values that had to be clipped."""
    back = _undo(images, constants) if constants else images.astype(np.float32)
    clipped = float(((back < -SLACK) | (back > 1 + SLACK)).mean())
    return back.clip(0, 1), clipped


def _undo(images: np.ndarray, constants: Constants) -> np.ndarray:
    mean, std = (np.array(values, np.float32).reshape(1, -1, 1, 1) for values in constants)
    return images.astype(np.float32) * std + mean


def _parse(text: str) -> Constants:
    if text in NORMALISATIONS:
        return NORMALISATIONS[text]
    if ";" not in text:
        raise unknown("normalisation", text, ["ask", "none", *NORMALISATIONS, "mean;std"])
    try:
        mean, std = (tuple(float(number) for number in part.split(",")) for part in text.split(";"))
    except ValueError:
        mean, std = (), ()
    return as_constants(mean, std, f"'{text}'")


def as_constants(mean: tuple[float, ...], std: tuple[float, ...], text: str) -> Constants:
    """The two as constants. Raises InputError, quoting `text`, unless they are as many finite means as positive
    deviations."""
    if not mean or len(mean) != len(std) or not np.isfinite([*mean, *std]).all() or min(std) <= 0:
        raise InputError(
            f"Normalisation {text} cannot be read: expected means and positive deviations per channel; "
            "write for example 0.49,0.48,0.45;0.2,0.2,0.2."
        )
    return mean, std


def constants(mean: Any, std: Any) -> Constants | None:
    """Two lists from elsewhere as constants; None when they are none."""
    if not all(isinstance(values, list | tuple) for values in (mean, std)):
        return None
    try:
        return as_constants(tuple(map(float, [*mean])), tuple(map(float, [*std])), "of the file")
    except (TypeError, ValueError, OverflowError):
        return None


def _fitting(constants: Constants, name: str, channels: int) -> Constants:
    if len(constants[0]) not in (1, channels):
        raise InputError(
            f"Normalisation '{name}' has {len(constants[0])} channels: expected {channels} as the images have; choose"
            " another one."
        )
    return constants
