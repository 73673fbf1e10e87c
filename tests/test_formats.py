"""Sets of other projects are read as they are laid out, and normalised ones are recognised. Run: pytest
tests/test_formats.py"""

import io
import json
import pickle
import zipfile
from collections import OrderedDict

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.numpy import save_file
from torch.utils.data import RandomSampler

from c2r.base.errors import InputError
from c2r.formats import FORMATS, NORMALISATIONS, Limits, NormalisationNeeded, read_set, read_upload
from c2r.formats.fkd import draws
from c2r.formats.normalisation import guesses

X = torch.rand(20, 3, 16, 16, generator=torch.Generator().manual_seed(0))
Y = torch.arange(10).repeat_interleave(2)


def normalised(name: str, x: torch.Tensor = X) -> torch.Tensor:
    mean, std = (torch.tensor(values).view(1, -1, 1, 1) for values in NORMALISATIONS[name])
    return (x - mean) / std


def picture(path, value: int, side: int = 16) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((side, side, 3), value, np.uint8)).save(path)


def on_gpu(stored: bytes) -> bytes:
    """The same pickle as if its storages had been on the first GPU."""
    changed = stored.replace(b"X\x03\x00\x00\x00cpu", b"X\x06\x00\x00\x00cuda:0")
    assert changed != stored
    return changed


class Pickled:
    """Pickles as a call of `function`."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def stream(value) -> bytes:
    file = io.BytesIO()
    torch.save(value, file, _use_new_zipfile_serialization=False)
    return file.getvalue()


def gpu_tensor(x: torch.Tensor) -> Pickled:
    """A tensor that was pickled, not torch-saved, on a GPU."""
    storage = Pickled(
        torch.storage._load_from_bytes,
        on_gpu(stream(torch.storage.TypedStorage(wrap_storage=x.untyped_storage(), dtype=x.dtype, _internal=True))),
    )
    return Pickled(torch._utils._rebuild_tensor_v2, storage, 0, tuple(x.shape), x.stride(), False, OrderedDict())


def test_a_dc_file_gives_its_last_experiment_or_the_one_asked_for(tmp_path):
    file = tmp_path / "res_DM_SVHN_ConvNet_2ipc.pt"
    torch.save({"data": [[X, Y], [X / 2, Y]], "accs_all_exps": {"ConvNet": [0.25, 0.75]}}, file)
    last, first = read_set(file), read_set(file, experiment=0)
    assert last.format == "dc-pt" and last.facts["experiment"] == 1 and last.facts["experiments"] == 2
    assert np.array_equal(last.images, (X / 2).numpy()) and np.array_equal(first.images, X.numpy())
    assert np.array_equal(last.labels, Y.numpy()) and last.labels.dtype == np.int64 and last.soft is None
    assert (last.facts["method"], last.facts["data"], last.facts["ipc"]) == ("dm", "svhn", 2)
    assert last.facts["accuracies"] == {"ConvNet": 0.5} and last.facts["class_counts"] == [2] * 10
    with pytest.raises(InputError, match="has experiments 0 to 1: expected one of them, found 5"):
        read_set(file, experiment=5)


def test_normalised_images_are_asked_about_and_undone(tmp_path):
    file = tmp_path / "res_DC_CIFAR10_ConvNet_2ipc.pt"
    torch.save({"data": [[normalised("cifar10-dc"), Y]]}, file)
    with pytest.raises(NormalisationNeeded, match=r"values from -2.43 to 2.75, .* most likely cifar10-dc") as error:
        read_set(file)
    assert error.value.guesses[0] == "cifar10-dc" and "mnist" in error.value.guesses
    found = read_set(file, normalisation="cifar10-dc")
    assert np.abs(found.images - X.numpy()).max() < 1e-6 and (found.mean, found.std) == NORMALISATIONS["cifar10-dc"]
    typed = read_set(file, normalisation="0.4914,0.4822,0.4465;0.2023,0.1994,0.2010")
    assert np.array_equal(typed.images, found.images) and typed.facts["clipped"] == 0


@pytest.mark.parametrize("name", ["cifar10", "cifar10-dc", "cifar100", "imagenet", "svhn", "half", "bytes"])
def test_the_first_guess_is_the_constants_whose_undoing_fills_zero_to_one(name):
    full = X.clone()
    full[:, :, 0, 0], full[:, :, 0, 1] = 0, 1
    found = guesses(normalised(name, full).numpy())[0]
    assert found == name or NORMALISATIONS[found] == NORMALISATIONS[name]


def test_values_that_undoing_leaves_outside_are_clipped_and_counted(tmp_path):
    beyond = normalised("half")
    beyond[:5] = 3.0
    torch.save((beyond, Y), tmp_path / "a.pt")
    found = read_set(tmp_path / "a.pt", normalisation="half")
    assert found.facts["clipped"] == pytest.approx(0.25) and found.images.max() == 1
    assert read_set(tmp_path / "a.pt", normalisation="none").facts["clipped"] > 0.25


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("cifar11", "Unknown normalisation"),
        ("1,2;3", "cannot be read"),
        ("a;b", "cannot be read"),
        ("0.5,0.5;1,1", "has 2 channels"),
        ("0;0", "cannot be read"),
        ("nan;1", "cannot be read"),
    ],
)
def test_constants_that_cannot_be_used_get_one_sentence(tmp_path, text, part):
    torch.save((X, Y), tmp_path / "a.pt")
    with pytest.raises(InputError, match=part):
        read_set(tmp_path / "a.pt", normalisation=text)


@pytest.mark.parametrize("new", [True, False])
def test_a_pair_of_tensors_is_read_from_both_containers_of_torch(tmp_path, new):
    torch.save((X[:, :, ::2].transpose(2, 3), Y), tmp_path / "a.pt", _use_new_zipfile_serialization=new)
    found = read_set(tmp_path / "a.pt")
    assert found.format == "tensor-pair" and found.facts["container"] == ("torch zip" if new else "torch stream")
    assert np.array_equal(found.images, X[:, :, ::2].transpose(2, 3).numpy())


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64, torch.uint8])
def test_every_number_type_of_torch_gives_the_same_values_as_torch(tmp_path, kind):
    x = (X * 255).to(kind) if kind == torch.uint8 else X.to(kind)
    torch.save({"images": x, "labels": Y.int()}, tmp_path / "a.pt")
    wanted = x.float().numpy() / (255 if kind == torch.uint8 else 1)
    assert np.allclose(read_set(tmp_path / "a.pt").images, wanted, atol=1e-7)


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_plain_pickles_hold_tensors_or_arrays(tmp_path, protocol):
    for pair in (
        (X, Y),
        (X.numpy(), Y.numpy()),
        [torch.nn.Parameter(X), Y.tolist()],
        (np.asfortranarray(X.numpy()), Y.numpy()),
    ):
        (tmp_path / "acc_50.pkl").write_bytes(pickle.dumps(pair, protocol))
        found = read_set(tmp_path / "acc_50.pkl")
        assert (
            found.format == "idm-pickle"
            and np.array_equal(found.images, X.numpy())
            and np.array_equal(found.labels, Y.numpy())
        )


def test_a_plain_pickle_of_gpu_tensors_is_read_on_the_cpu(tmp_path):
    content = pickle.dumps((gpu_tensor(X), gpu_tensor(Y)))
    if not torch.cuda.is_available():
        with pytest.raises(RuntimeError, match="CUDA"):
            pickle.loads(content)
    (tmp_path / "acc_61.2.pkl").write_bytes(content)
    found = read_set(tmp_path / "acc_61.2.pkl")
    assert np.array_equal(found.images, X.numpy()) and np.array_equal(found.labels, Y.numpy())


@pytest.mark.parametrize("new", [True, False])
def test_torch_files_of_gpu_tensors_are_read_on_the_cpu(tmp_path, new):
    file = tmp_path / "acc.pkl"
    torch.save((X, Y), file, _use_new_zipfile_serialization=new)
    if new:
        with zipfile.ZipFile(file) as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}
        with zipfile.ZipFile(file, "w") as archive:
            for name, content in parts.items():
                archive.writestr(name, on_gpu(content) if name.endswith("data.pkl") else content)
    else:
        file.write_bytes(on_gpu(file.read_bytes()))
    found = read_set(file)
    assert found.format == "idm-pickle" and np.array_equal(found.images, X.numpy())


def test_an_mtt_folder_prefers_the_best_pair_and_the_view_without_whitening(tmp_path):
    for name, x in (("images_best", X / 4), ("images_zca_best", X), ("images_100", X / 8)):
        torch.save(x, tmp_path / f"{name}.pt")
    logits = torch.randn(20, 10, generator=torch.Generator().manual_seed(1))
    torch.save(logits, tmp_path / "labels_best.pt")
    torch.save(Y, tmp_path / "labels_100.pt")
    found = read_set(tmp_path)
    assert found.format == "mtt-folder" and "ZCA" in found.facts["view"] and np.array_equal(found.images, X.numpy())
    assert np.allclose(found.soft, logits.softmax(1).numpy(), atol=1e-6) and "softmax" in found.facts["labels"]
    assert np.array_equal(found.labels, logits.argmax(1).numpy())


def test_numbered_mtt_pairs_are_parts_when_gapless_else_iterations(tmp_path):
    for number in (0, 1):
        torch.save(X[number * 10 : number * 10 + 10], tmp_path / f"images_{number}.pt")
        torch.save(Y[number * 10 : number * 10 + 10], tmp_path / f"labels_{number}.pt")
    parts = read_set(tmp_path)
    assert np.array_equal(parts.images, X.numpy()) and parts.facts["view"] == "2 numbered parts, joined"
    for kind in ("images", "labels"):
        (tmp_path / f"{kind}_1.pt").rename(tmp_path / f"{kind}_500.pt")
    last = read_set(tmp_path)
    assert np.array_equal(last.images, X[10:].numpy()) and last.facts["view"].startswith("pair 500")


@pytest.mark.parametrize(
    "name",
    ["{k}/{k}-image{i}5.png", "new{k:03d}/class{k:03d}_id{i:03d}.png", "{k}_word/{i}.png"],
    ids=["d4m", "sre2l", "numbered"],
)
def test_class_folders_are_ordered_by_number_and_not_by_letter(tmp_path, name):
    for k in (0, 2, 10, 11):
        for i in (0, 1):
            picture(tmp_path / name.format(k=k, i=i), 20 * k + i)
    found = read_set(tmp_path)
    assert found.format == "image-folder" and found.images.shape == (8, 3, 16, 16)
    assert (found.pixels[:, 0, 0, 0]).tolist() == [0, 1, 40, 41, 200, 201, 220, 221]
    assert found.labels.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]


def test_plain_class_folders_keep_their_names_and_pictures_are_counted_by_number(tmp_path):
    for word in ("truck", "cat"):
        for i in (2, 10):
            picture(tmp_path / "train" / word / f"{i}.png", i)
    found = read_set(tmp_path)
    assert found.classes == ("cat", "truck") and found.pixels[:, 0, 0, 0].tolist() == [2, 10, 2, 10]


@pytest.mark.parametrize("again", [False, True])
def test_the_draws_of_the_fkd_sampler_are_those_of_torch(again):
    generator = torch.Generator().manual_seed(42)
    sampler = RandomSampler(range(37), generator=generator)
    wanted = [list(sampler) if again else torch.randperm(37, generator=generator).tolist() for _ in range(3)]
    assert [order.tolist() for order in draws(37, 3, again)] == wanted


def fkd(folder, classes: int = 12, per_class: int = 3, epochs: int = 2, batch: int = 8, wrong: bool = False) -> None:
    """An image folder and FKD labels as the relabelling of SRe2L stores them; each view's logits point at its image's
    class."""
    for k in range(classes):
        for i in range(per_class):
            picture(folder / "syn" / str(k) / f"{i}.png", 10 * k + i)
    by_name = [(k, i) for k in sorted(range(classes), key=str) for i in range(per_class)]
    sampler = RandomSampler(range(len(by_name)), generator=torch.Generator().manual_seed(42 + wrong))
    for epoch in range(epochs):
        order = list(sampler)
        for b in range(0, len(order), batch):
            rows = order[b : b + batch]
            logits = torch.stack(
                [6.0 * torch.eye(classes)[by_name[j][0]] + by_name[j][1] * torch.eye(classes)[-1] for j in rows]
            )
            mixed = torch.arange(len(rows)).flip(0)
            share = 1.0 if epoch else 0.25
            shown = logits if epoch else logits[mixed]
            stored = [
                torch.rand(len(rows), 4),
                [False] * len(rows),
                mixed,
                np.float64(share),
                [0, 0, 8, 8],
                shown.half(),
            ]
            file = folder / "labels" / f"epoch_{epoch}" / f"batch_{b // batch}.tar"
            file.parent.mkdir(parents=True, exist_ok=True)
            torch.save(stored, file)


def test_fkd_labels_are_averaged_for_the_image_that_each_view_shows_most(tmp_path):
    fkd(tmp_path)
    found = read_set(tmp_path)
    assert found.format == "fkd" and found.soft.shape == (36, 12) and found.facts["epochs"] == 2
    wanted = torch.stack([6.0 * torch.eye(12)[k] + i * torch.eye(12)[-1] for k in range(12) for i in range(3)]).softmax(
        1
    )
    assert np.allclose(found.soft, wanted.numpy(), atol=2e-3) and found.facts["agreement"] == 1
    assert (
        "RandomSampler with seed 42" in found.facts["soft_from"]
        and found.labels.tolist() == np.repeat(np.arange(12), 3).tolist()
    )


def test_fkd_labels_in_another_order_are_refused(tmp_path):
    fkd(tmp_path, wrong=True)
    with pytest.raises(InputError, match="expected the order of RandomSampler with seed 42"):
        read_set(tmp_path)
    assert read_set(tmp_path, "image-folder").soft is None


def test_arrays_under_common_names_are_read_from_npz_and_safetensors(tmp_path):
    last = np.ascontiguousarray((X.numpy() * 255).astype(np.uint8).transpose(0, 2, 3, 1))
    np.savez(tmp_path / "a.npz", x_train=last, y_train=Y.numpy()[:, None])
    save_file({"data": X.numpy(), "target": Y.numpy()}, tmp_path / "b.safetensors")
    a, b = read_set(tmp_path / "a.npz"), read_set(tmp_path / "b.safetensors")
    assert a.images.shape == (20, 3, 16, 16) and np.array_equal(a.pixels, last.transpose(0, 3, 1, 2))
    assert a.facts["rounding"] == 0 and 0 < b.facts["rounding"] <= 1 / 510 and np.array_equal(b.images, X.numpy())


def test_one_hot_labels_are_hard_and_soft_ones_stay(tmp_path):
    hot = np.eye(10, dtype=np.float32)[Y.numpy()]
    np.savez(tmp_path / "a.npz", images=X.numpy(), labels=hot)
    np.savez(tmp_path / "b.npz", images=X.numpy(), labels=0.9 * hot + 0.01)
    assert read_set(tmp_path / "a.npz").soft is None and np.array_equal(read_set(tmp_path / "a.npz").labels, Y.numpy())
    assert np.allclose(read_set(tmp_path / "b.npz").soft, 0.9 * hot + 0.01)


def test_parts_are_recognised_by_their_seams(tmp_path):
    ramp = torch.linspace(0, 1, 8).view(1, 1, 1, 8).expand(20, 3, 8, 8)
    ramp = (ramp + ramp.transpose(2, 3)) / 2
    quarters = torch.cat([torch.cat([ramp, ramp], 2), torch.cat([ramp, ramp], 2)], 3).contiguous()
    torch.save((quarters, Y), tmp_path / "quarters.pt")
    torch.save((X, Y), tmp_path / "idm_x.pt")
    torch.save((X, Y), tmp_path / "unknown.pt")
    found = read_set(tmp_path / "quarters.pt")
    assert found.partition == 2 and "seams" in found.facts["partition_reason"]
    assert (
        read_set(tmp_path / "idm_x.pt").partition == 2 and read_set(tmp_path / "unknown.pt").facts["partition"] is None
    )
    given = read_set(tmp_path / "unknown.pt", partition=3)
    assert given.partition == 3 and given.facts["partition_reason"] == "given by you"
    with pytest.raises(InputError, match="partition 17: expected a whole number from 1 to 16"):
        read_set(tmp_path / "unknown.pt", partition=17)


def test_a_zip_and_an_upload_are_read_like_the_folder(tmp_path):
    torch.save(X, tmp_path / "images_best.pt")
    torch.save(Y, tmp_path / "labels_best.pt")
    files = [(f.name, f.read_bytes()) for f in sorted(tmp_path.iterdir())]
    with zipfile.ZipFile(tmp_path / "mtt.zip", "w") as archive:
        for name, content in files:
            archive.writestr(f"logged/run/{name}", content)
    for found in (
        read_upload(files),
        read_set(tmp_path / "mtt.zip"),
        read_upload([("mtt.zip", (tmp_path / "mtt.zip").read_bytes())]),
    ):
        assert found.format == "mtt-folder" and np.array_equal(found.images, X.numpy())
    assert read_upload([("../../acc.pkl", pickle.dumps((X, Y)))]).format == "idm-pickle"
    with pytest.raises(InputError, match="No file came"):
        read_upload([])


@pytest.mark.parametrize(
    ("name", "content", "part"),
    [
        (
            "tinyimagenet.pt",
            {"classes": ["a"], "images_train": X, "labels_train": Y, "images_val": X, "labels_val": Y},
            "is a data set",
        ),
        ("replay_buffer_0.pt", [[[X, Y], [X, Y]]], "expert trajectories"),
        ("model.pt", OrderedDict(weight=X, bias=Y), "network weights"),
        ("other.pt", {"a": 1}, "holds a dict of a"),
        ("prototypes.json", {"cat": [[[[0.5]]]]}, "latents"),
        ("config.json", {"method": "c2r", "eps": [1, 2]}, "config.json ends in '.json': expected one of dc-pt"),
        ("list.json", [[[0.5]]], "list.json ends in '.json'"),
        ("set.mat", "x", "ends in '.mat'"),
    ],
)
def test_files_that_are_no_distilled_set_are_named_for_what_they_are(tmp_path, name, content, part):
    if name.endswith(".pt"):
        torch.save(content, tmp_path / name)
    else:
        (tmp_path / name).write_text(json.dumps(content))
    with pytest.raises(InputError, match=part):
        read_set(tmp_path / name)


@pytest.mark.parametrize(
    ("images", "labels", "part"),
    [
        (X, Y[:5], "20 images and 5 labels"),
        (torch.full_like(X, float("nan")), Y, "15360 values of the images of a.pt are NaN"),
        (X, -Y, "no class numbers"),
        (X, Y + 0.5, "no class numbers"),
        (X, Y + 10**12, "A label of a.pt is"),
        (X[:0], Y[:0], "holds no images"),
        (X.flatten(1), Y, "expected .N, H, W."),
        (X.long() - 5, Y, "are int64"),
    ],
)
def test_unfit_images_and_labels_get_one_sentence(tmp_path, images, labels, part):
    torch.save((images, labels), tmp_path / "a.pt")
    with pytest.raises(InputError, match=part):
        read_set(tmp_path / "a.pt")


def test_names_that_do_not_exist_and_empty_places_get_one_sentence(tmp_path):
    (tmp_path / "nothing").mkdir()
    (tmp_path / "empty.pt").touch()
    for path, format, part in (
        ("nothing", "auto", "is empty: expected one of dc-pt"),
        ("empty.pt", "auto", "is empty: expected images"),
        ("absent", "auto", "no file or folder"),
        ("nothing", "dcpt", "Unknown format 'dcpt'.* Did you mean 'dc-pt'"),
        ("nothing", "mtt-folder", "expected an MTT folder"),
        ("nothing", "image-folder", "no folders of pictures"),
    ):
        with pytest.raises(InputError, match=part):
            read_set(tmp_path / path, format)


def test_every_format_has_a_label_and_the_limit_is_a_setting(tmp_path):
    assert all(row.label for row in FORMATS.values())
    torch.save((X, Y), tmp_path / "a.pt")
    with pytest.raises(InputError, match="a.pt has 6.* kB: expected at most 10 kB"):
        read_set(tmp_path / "a.pt", limits=Limits(bytes=10_000))
