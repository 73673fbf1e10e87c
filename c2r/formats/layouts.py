"""How other projects lay tensors out (methods spec §5): DC-style dictionaries, pairs, MTT folders. numpy, no torch."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from c2r.errors import InputError
from c2r.formats.arrays import IMAGES, LABELS
from c2r.formats.imported import Raw
from c2r.formats.normalisation import as_constants
from c2r.formats.safe import Budget, require_file
from c2r.formats.standins import Array, Tensor, as_array
from c2r.formats.tensors import read_tensors
from c2r.untrusted import word

ARRAY = Tensor | Array
PROTOTYPES = re.compile(rb'\s{0,99}\{\s{0,99}"[^"]{0,999}"\s{0,99}:\s{0,99}\[\s{0,99}(\[\s{0,99}){1,5}-?\d')


def is_dc(content: Any) -> bool:
    """Whether an object is DC's dictionary: ``data`` is a list over experiments of [images, labels]."""
    data = content.get("data") if isinstance(content, dict) else None
    return isinstance(data, list) and bool(data) and all(is_pair(entry) for entry in data)


def is_pair(content: Any) -> bool:
    """Whether an object is (images, labels), or a dictionary of the two."""
    content = _named(content)
    return (
        isinstance(content, list | tuple)
        and len(content) == 2
        and all(isinstance(item, ARRAY | list) for item in content)
    )


def read_dc(content: Any, budget: Budget, experiment: int = -1) -> Raw:
    """One experiment of a DC-style file; DD-RobustBench reads the last one, BEARD the first.

    :raises InputError: there is no such experiment
    """
    data = content["data"]
    if not -len(data) <= experiment < len(data):
        known = f"experiments 0 to {len(data) - 1}" if len(data) > 1 else "one experiment, number 0"
        raise InputError(
            f"{budget.name} has {known}: expected one of them, found {experiment}; choose another --experiment."
        )
    images, labels = (as_array(item, budget) for item in data[experiment])
    facts = {
        "experiments": len(data),
        "experiment": experiment % len(data),
        "accuracies": _accuracies(content.get("accs_all_exps")),
    }
    note = content.get("c2r")
    return (
        _with_note(Raw(images, labels, facts=facts), note, budget.name)
        if isinstance(note, dict)
        else Raw(images, labels, facts=facts)
    )


def _with_note(raw: Raw, note: dict[str, Any], name: str) -> Raw:
    """What our own export of this layout adds: the constants that were applied, and the parts per side."""
    mean, std, parts = note.get("mean"), note.get("std"), note.get("partition")
    if type(parts) is not int or not 1 <= parts <= 16 or not isinstance(mean, list) or not isinstance(std, list):
        raise InputError(
            f"The entry 'c2r' of {name} is damaged: expected mean, std and partition; remove it or export the set"
            " again."
        )
    facts = raw.facts | {"partition": parts, "partition_reason": "stored in the file"}
    return replace(
        raw, facts=facts, constants=as_constants(tuple(map(float, mean)), tuple(map(float, std)), f"of {name}")
    )


def _accuracies(stored: Any) -> dict[str, float]:
    """Mean of the accuracies that the file says its networks reached, by network."""
    means = {}
    for name, values in list(stored.items())[:50] if isinstance(stored, dict) else []:
        if (
            isinstance(name, str)
            and isinstance(values, list)
            and values
            and all(isinstance(v, int | float) for v in values)
        ):
            means[word(name)] = float(np.mean(values))
    return means


def read_pair(content: Any, budget: Budget, _experiment: int = -1) -> Raw:
    """(images, labels) of IDM, ROME, DREAM and IDC."""
    images, labels = (as_array(item, budget) for item in _named(content))
    return Raw(images, labels)


def _named(content: Any) -> Any:
    """The pair of a dictionary whose names say images and labels; anything else as it is."""
    names = (
        [next((n for n in known if n in content), None) for known in (IMAGES, LABELS)]
        if isinstance(content, dict)
        else [None]
    )
    return content if None in names else tuple(content[n] for n in names)


def mtt_files(folder: Path) -> tuple[list[tuple[Path, Path]], str]:
    """The pairs (images, labels) of an MTT folder that make up its set, and which ones these are; [] when it is none.

    The best ones first; else parts numbered without gaps, which belong together; else the last numbered pair. Of
    whitened images, the ``images_zca`` file is the view with the whitening undone, and is preferred.
    """
    labels = {file.stem.removeprefix("labels_"): file for file in folder.glob("labels_*.pt")}
    zca = {file.stem.removeprefix("images_zca_"): file for file in folder.glob("images_zca_*.pt")}
    plain = {
        stem: file
        for file in folder.glob("images_*.pt")
        if not (stem := file.stem.removeprefix("images_")).startswith("zca_")
    }
    images = plain | zca
    names = [name for name in images if name in labels]
    numbers = sorted(int(name) for name in names if re.fullmatch(r"\d{1,9}", name))
    if "best" in names:
        chosen, note = ["best"], "the best pair"
    elif len(numbers) > 1 and numbers == list(range(numbers[0], numbers[0] + len(numbers))) and numbers[0] <= 1:
        chosen, note = [str(n) for n in numbers], f"{len(numbers)} numbered parts, joined"
    elif numbers:
        chosen, note = [str(numbers[-1])], f"pair {numbers[-1]}, the last of {len(numbers)}"
    else:
        return [], ""
    return [(images[n], labels[n]) for n in chosen], note + (
        ", whitening (ZCA) undone by its writer" if chosen[0] in zca else ""
    )


def read_mtt(folder: Path, budget: Budget) -> Raw:
    """The set of an MTT or TESLA folder; its learned learning rate is not in the files."""
    pairs, note = mtt_files(folder)
    if not pairs:
        raise InputError(
            f"{folder.name} has no images_best.pt with labels_best.pt: expected an MTT folder; choose another format."
        )
    images, labels = (
        [as_array(read_tensors(require_file(f, budget.limits), budget)[0], budget) for f in side]
        for side in zip(*pairs, strict=True)
    )
    return Raw(np.concatenate(images), np.concatenate(labels), facts={"view": note})


def is_experts(content: Any) -> bool:
    """Whether an object is MTT's buffer: trajectories of epochs of parameter lists."""
    for _ in range(3):
        if not isinstance(content, list | tuple) or not content:
            return False
        content = content[0]
    return isinstance(content, ARRAY)


def is_weights(content: Any) -> bool:
    """Whether an object is a dictionary of named parameters."""
    return (
        isinstance(content, dict)
        and bool(content)
        and not is_pair(content)
        and all(isinstance(k, str) and isinstance(v, ARRAY) for k, v in content.items())
    )


OTHERS: list[tuple[Callable[[Any], bool], str]] = [
    (
        lambda content: isinstance(content, dict) and {"images_train", "labels_train"} <= content.keys(),
        (
            "is a data set (Tiny-ImageNet as one file), no distilled set: expected synthetic images; to use it as real"
            " data, store it as an npz with x_train, y_train, x_test, y_test and give that as data"
        ),
    ),
    (
        is_experts,
        (
            "holds expert trajectories of MTT, no images: expected a distilled set; import the folder with"
            " images_best.pt instead"
        ),
    ),
    (
        is_weights,
        (
            "holds network weights, no images: expected a distilled set; attack the network with 'python -m c2r attack"
            " --weights' instead"
        ),
    ),
]


def refuse_others(content: Any, name: str) -> None:
    """Raise InputError for tensors that are recognised and are no distilled set."""
    for applies, sentence in OTHERS:
        if applies(content):
            raise InputError(f"{name} {sentence}.")


def is_prototypes(path: Path) -> bool:
    """Whether a JSON file begins like D4M's prototypes: a class and lists of lists of numbers."""
    if path.suffix.lower() != ".json" or not path.is_file():
        return False
    with open(path, "rb") as file:
        return PROTOTYPES.match(file.read(4096)) is not None


def refuse_prototypes(path: Path) -> Raw:
    """Raise InputError: prototypes are recognised and cannot be read."""
    if not is_prototypes(path):
        raise InputError(
            f"{path.name} holds no prototypes of D4M: expected a class and lists of numbers; choose another format or"
            " file."
        )
    raise InputError(
        f"{path.name} is JSON, as D4M's prototypes are: expected images, and these are latents that need Stable"
        " Diffusion's decoder; decode them with D4M's code and import its image folder."
    )
