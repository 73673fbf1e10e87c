"""The training script that goes with an exported npz file: plain torch, nothing of this project. No torch here, only
its text."""

from c2r.errors import InputError
from c2r.formats.fromrun import training_constants
from c2r.formats.imported import ImportedSet

SCRIPT = '''"""Train a small network on the npz file below: {count} stored images in [0, 1], {classes} classes{parts}.\
 Run: python train.py [steps]"""
import sys, numpy as np, torch, torch.nn as nn, torch.nn.functional as F
file, steps = np.load({file!r}), int(sys.argv[1]) if len(sys.argv) > 1 else 1000
x, y = torch.tensor(file["images"]) / 255, torch.tensor(file[{labels!r}])
{expand}x = (x - torch.tensor({mean}).view(1, -1, 1, 1)) / torch.tensor({std}).view(1, -1, 1, 1)
block = lambda a, b: nn.Sequential(nn.Conv2d(a, b, 3, padding=1), nn.GroupNorm(b, b), nn.ReLU(), nn.AvgPool2d(2))
model = nn.Sequential({blocks}, nn.Flatten(), nn.Linear({embedding}, {classes}))
optimiser = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9, weight_decay=5e-4)
for step in range(steps):
    i = torch.randint(len(x), (min(256, len(x)),))
    loss = F.cross_entropy(model(x[i]), y[i])
    optimiser.zero_grad(), loss.backward(), optimiser.step()
print(f"{{len(x)}} images, {{steps}} steps, loss {{loss.item():.3f}}")
torch.save(model.state_dict(), "model.pt")
'''
# The cut positions and the order of parts are those of partition.expand.
EXPAND = """cut = lambda side: [round(i * side / {p}) for i in range({p} + 1)]
rows, columns = cut(x.shape[2]), cut(x.shape[3])
boxes = [(slice(*rows[i : i + 2]), slice(*columns[j : j + 2])) for i in range({p}) for j in range({p})]
x = torch.stack([F.interpolate(x[:, :, r, c], x.shape[2:], mode="bilinear") for r, c in boxes], 1).flatten(0, 1)
y = y.repeat_interleave({p} ** 2, 0)
"""


def snippet(distilled: ImportedSet, *, file: str = "synthetic.npz") -> bytes:
    """The text of ``train.py``: a ConvNet trained on the npz export named `file`, partition-expansion and soft labels
    included.

    The file name and every number in it come from here, so it has no settings but the number of steps. The name is
    written by `repr` and nowhere else, so that no name becomes code.

    :raises InputError: the images are too small for a network
    """
    channels, height, width = distilled.images.shape[1:]
    side, p, classes = min(height, width), distilled.partition, len(distilled.classes)
    depth = min(3, side.bit_length() - 2)
    if depth < 1:
        raise InputError(
            f"The images are {side} px wide: expected at least 4 px for a training script; export npz alone."
        )
    widths = [channels] + [64] * depth
    mean, std = ([float(f"{value:.4g}") for value in values] for values in training_constants(distilled))
    return SCRIPT.format(
        file=file,
        count=len(distilled.images),
        classes=classes,
        parts=f", {p}x{p} parts each" if p > 1 else "",
        labels="labels" if distilled.soft is None else "soft_labels",
        embedding=64 * (height >> depth) * (width >> depth),
        expand=EXPAND.format(p=p) if p > 1 else "",
        mean=mean,
        std=std,
        blocks=", ".join(f"block({a}, {b})" for a, b in zip(widths, widths[1:], strict=False)),
    ).encode()
