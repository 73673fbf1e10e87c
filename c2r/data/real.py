"""Real images as one uint8 tensor, class-balanced draws of them, and the synthetic images a run starts from.

Letters: N images, C channels, H W sides, K classes, p parts per side.
"""

import hashlib
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from c2r.base import device
from c2r.base.errors import InputError
from c2r.base.paths import at_home
from c2r.base.untrusted import word
from c2r.core.partition import boxes
from c2r.data import sources
from c2r.data.splits import Tell, budget_problem, partition_problem
from c2r.settings import DataSettings, RunConfig, SyntheticSettings


@dataclass(frozen=True)
class RealData:
    """Real images in memory.

    :param images, labels: the train split, uint8 [N, C, H, W] (square) and int64 [N]
    :param test_images, test_labels: the test split, in the same form
    :param classes: K names; every class has images in both splits
    :param hash: 16 hexadecimal digits of the content at this image size, see `content_hash`
    """

    name: str
    images: Tensor
    labels: Tensor
    test_images: Tensor
    test_labels: Tensor
    classes: tuple[str, ...]
    hash: str

    def to(self, device: torch.device) -> "RealData":
        """The same data with its four tensors on `device`."""
        names = ("images", "labels", "test_images", "test_labels")
        return replace(self, **{name: getattr(self, name).to(device) for name in names})


def load(settings: DataSettings, tell: Tell | None = None) -> RealData:
    """Read the data that `settings` name, resized to `image_size` px (0 keeps their own size).

    A picture that is not square is cropped to its centre square; shrinking is by area, growing is bilinear.

    :param tell: called with what is being done and the share done, 0 to 1; of a download from another thread
    :raises InputError: the source is unknown, missing, damaged or unfit to train on; one sentence each
    """
    splits = sources.read(settings.data, settings.image_size, tell or (lambda _text, _share: None))
    arrays = (splits.images, splits.labels, splits.test_images, splits.test_labels)
    images, labels, test_images, test_labels = (torch.from_numpy(array).contiguous() for array in arrays)
    digest = content_hash(images, labels, test_images, test_labels)
    return RealData(_name(settings.data), images, labels, test_images, test_labels, splits.names, digest)


def _name(data: str) -> str:
    if data in sources.WORDS:
        return data
    path = at_home(data).resolve()
    return word({".parquet": path.parent.name, ".npz": path.stem}.get(path.suffix, path.name), "images")


def content_hash(*tensors: Tensor) -> str:
    """The first 16 hexadecimal digits of the SHA-256 over shape and bytes of each CPU tensor, in order."""
    digest = hashlib.sha256()
    for tensor in tensors:
        digest.update(str(tuple(tensor.shape)).encode())
        digest.update(tensor.contiguous().numpy().data)
    return digest.hexdigest()[:16]


class ClassDraws:
    """Class-balanced draws of indices; the table is built once, and a draw has no loop over classes.

    :param labels: int64 [N], 0 to K - 1, each class at least once; draws are on its device
    :param classes: K; 0 takes it from the labels
    """

    def __init__(self, labels: Tensor, classes: int = 0):
        self.counts = torch.bincount(labels, minlength=classes)
        self._smallest, width = int(self.counts.min()), int(self.counts.max())
        self._even = self._smallest == width
        self._filled = torch.arange(width, device=labels.device) < self.counts[:, None]
        self._table = torch.zeros(self._filled.shape, dtype=torch.int64, device=labels.device)
        self._table[self._filled] = labels.argsort(stable=True)

    def draw(self, generator: torch.Generator, per_class: int) -> Tensor:
        """Indices [K, per_class], row k from class k, in random order.

        Without replacement; in a class with fewer than `per_class` images, with replacement.
        """
        keys = self._random(generator, self._table.shape[1])
        keys = keys if self._even else keys.masked_fill(~self._filled, 2.0)
        places = keys.topk(min(per_class, keys.shape[1]), largest=False).indices
        if per_class > self._smallest:
            counts = self.counts[:, None]
            repeated = (self._random(generator, per_class) * counts).long().minimum(counts - 1)
            places = torch.where(counts < per_class, repeated, F.pad(places, (0, per_class - places.shape[1])))
        return self._table.gather(1, places)

    def _random(self, generator: torch.Generator, columns: int) -> Tensor:
        return torch.rand(len(self.counts), columns, generator=generator, device=generator.device).to(
            self._table.device
        )


def require_budget(data: RealData, settings: SyntheticSettings) -> None:
    """Raise InputError when a class has fewer train images than ipc × partition², or a part would be under 4 px."""
    smallest = int(torch.bincount(data.labels).min())
    problem = partition_problem(data.images.shape[-1], settings.partition) or budget_problem(
        smallest, settings.ipc, settings.partition
    )
    if problem:
        raise InputError(problem)


def initial_images(data: RealData, settings: SyntheticSettings, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """The synthetic images a run starts from: float32 [K·ipc, C, H, W] in [0, 1] and labels [K·ipc], sorted by class.

    With ``init="noise"`` all pixels are uniform noise, else every one of the p × p parts of every image is another
    train image of its class, drawn at random.

    :raises InputError: see `require_budget`
    """
    require_budget(data, settings)
    device, count = data.images.device, len(data.classes) * settings.ipc
    labels = torch.arange(len(data.classes), device=device).repeat_interleave(settings.ipc)
    if settings.init == "noise":
        shape = (count, *data.images.shape[1:])
        return torch.rand(shape, generator=generator, device=generator.device).to(device), labels
    parts = settings.partition**2
    index = ClassDraws(data.labels).draw(generator, settings.ipc * parts).view(count, parts)
    return mosaic(data, index, settings.partition), labels


def mosaic(data: RealData, index: Tensor, partition: int) -> Tensor:
    """Stored images float32 [N, C, H, W] whose p² parts are the train images of `index` [N, p²], shrunk by area to the
    pixel boxes of the parts."""
    cells = boxes(data.images.shape[2], data.images.shape[3], partition)
    images = torch.empty((len(index), *data.images.shape[1:]), device=data.images.device)
    for part, (rows, columns) in enumerate(cells):
        size = (rows.stop - rows.start, columns.stop - columns.start)
        images[:, :, rows, columns] = F.interpolate(data.images[index[:, part]].float() / 255, size, mode="area")
    return images


def fixed_test_subset(data: RealData, n: int, seed: int) -> Tensor:
    """Ascending indices of `n` test images, fixed by `seed` and balanced over the classes; all of them for n = 0.

    Class sizes differ by one at most, unless a class has too few images: the others then make up for it.
    """
    labels = data.test_labels.cpu()
    if n == 0 or n >= len(labels):
        return torch.arange(len(labels))
    shuffled = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))
    by_class = shuffled[labels[shuffled].argsort(stable=True)]
    counts = torch.bincount(labels)
    turn = torch.arange(len(labels)) - (counts.cumsum(0) - counts).repeat_interleave(counts)
    return by_class[turn.argsort(stable=True)[:n]].sort().values


def statistics(data: RealData) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of the training images per channel, each [C], in pixel units."""
    sample = data.images[:20_000].float() / 255
    return sample.mean((0, 2, 3)), sample.std((0, 2, 3)).clamp(min=1e-3)


def flips(data: RealData) -> bool:
    """Whether mirroring keeps the class: natural colour images yes; digits, letters and house numbers no."""
    return data.images.shape[1] == 3 and not data.name.startswith("svhn")


def load_on_device(config: RunConfig, tell: Tell | None = None) -> RealData:
    """The real data on the device of the run. Raises InputError."""
    place = device.resolve(config.device, config.threads)
    return load(config, tell).to(place)
