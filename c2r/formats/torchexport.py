"""The DC-style ``.pt`` file. Loads torch, so `write` imports it only when such a file is asked for."""

import io

import numpy as np
import torch

from c2r.core.partition import expand
from c2r.errors import InputError
from c2r.formats.fromrun import training_constants
from c2r.formats.imported import ImportedSet


def dc_bytes(distilled: ImportedSet, *, normalisation: str = "", expanded: bool = False) -> bytes:
    """A file that DC, DSA, DM, DD-RobustBench and BEARD code reads: dict with data = [[images, labels]], accs_all_exps
    = {}.

    Images are float32 [N, C, H, W], normalised, sorted by class; labels int64 [N]. Sets of parts stay as they are
    stored unless `expanded`; the entry ``c2r`` says which, with the constants (other code ignores it).

    :param normalisation: constants to apply, as in `read_set`; '' takes those that were undone, else the data set's own
    :param expanded: cut p×p parts and upsample them, so N grows by p²
    :raises InputError: soft labels, which the layout cannot hold, or unknown constants
    """
    if distilled.soft is not None:
        raise InputError(
            "A DC-style file holds hard labels and this set has soft ones: export safetensors or npz instead."
        )
    mean, std = training_constants(distilled, normalisation)
    order = np.argsort(distilled.labels, kind="stable")
    images, labels = torch.from_numpy(distilled.images[order]), torch.from_numpy(distilled.labels[order])
    parts = distilled.partition
    if expanded and parts > 1:
        images, labels = expand(images, parts), labels.repeat_interleave(parts**2)
    shape = (1, -1, 1, 1)
    images = (images - torch.tensor(mean).view(shape)) / torch.tensor(std).view(shape)
    note = {
        "mean": list(mean),
        "std": list(std),
        "partition": 1 if expanded else parts,
        "expanded": expanded and parts > 1,
    }
    file = io.BytesIO()
    torch.save({"data": [[images.contiguous(), labels]], "accs_all_exps": {}, "c2r": note}, file)
    return file.getvalue()
