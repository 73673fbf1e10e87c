"""Preflight: costs against counted operations, the device, and a sentence for every reason not to start."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from c2r.config import RunConfig, load
from c2r.data.splits import Shape
from c2r.networks.models import build
from c2r.registry import METHODS, Method, Phase
from c2r.store import slots
from c2r.store.writing import RunWriter
from c2r.work import cost, machine, preflight

SHAPE = Shape(channels=3, size=16, classes=10, train=5000, test=1000, smallest=500)


def config(**changes: object) -> RunConfig:
    return load("demo", changes)


@pytest.fixture
def plain_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """No GPU and 64 GB of free memory."""
    monkeypatch.setattr(machine, "gpu", lambda: ("", 0.0))
    monkeypatch.setattr(machine.psutil, "virtual_memory", lambda: SimpleNamespace(available=64e9, total=64e9))


@pytest.mark.parametrize("model", ["convnet", "resnet18", "mlp"])
def test_a_network_costs_what_torch_counts(generator: torch.Generator, model: str) -> None:
    settings = config(model=model, width=16, depth=3)
    network = build(settings, (3, 16, 16), 10, (torch.zeros(3), torch.ones(3)), generator)
    with FlopCounterMode(display=False) as counter:
        network(torch.rand(2, 3, 16, 16))
    found = cost.NETWORKS[model](settings, SHAPE)
    weights = sum(p.numel() for p in network.parameters() if p.ndim > 1)
    assert found.forward == pytest.approx(counter.get_total_flops() / 2, rel=0.02)
    assert found.parameters == pytest.approx(weights, rel=0.02)
    assert found.embedding == network.embedding


def test_the_operations_of_a_run_are_the_sums_of_its_formulas() -> None:
    settings = config(
        scorers=("ce",),
        pool_size=2,
        pool_steps=10,
        pool_batch=8,
        steps=4,
        ipc=2,
        partition=2,
        batch=10,
        real_batch=3,
        real_rounds=1,
        ls_rounds=2,
        ls_tries=2,
        record_every=2,
        eval_seeds=2,
        eval_steps=5,
        eval_batch=16,
        eval_at_steps=3,
        eval_pgd_steps=10,
        eval_images=100,
        eval_attacks=("fgsm", "pgd"),
    )
    forward = cost.NETWORKS["convnet"](settings, SHAPE).forward
    looks = 4 * 10 / 20 + 4 / 2 + 1
    expected = {
        "scorer": 10 * 8 * 5,
        "pool": (2 - 1) * 10 * 8 * 5,
        "distill": 4 * (30 * (4 + 2) + 80 * (8 + 4)) + looks * 80 * (8 + 3) + 4 / 10 * 80 * 2 * 3,
        "evaluate": 2 * 5 * 16 * 9 + 2 * 100 * (1 + 0.4 * (4 + 22)) + 2 * 80 * (1 + 0.9 * (4 + 22)),
    }
    assert cost.flops(settings, SHAPE) == pytest.approx({phase: value * forward for phase, value in expected.items()})


def test_a_baseline_without_updates_pays_for_its_scorer_only() -> None:
    full, baseline = (cost.flops(config(method=name, record_every=300), SHAPE) for name in ("c2r", "random-real"))
    assert baseline["scorer"] == pytest.approx(full["scorer"], rel=0.3)  # the look at its set is counted there
    assert set(baseline) == {"scorer", "evaluate"} and sum(baseline.values()) < sum(full.values())
    assert baseline["evaluate"] == full["evaluate"]


def test_a_method_that_names_no_cost_is_half_of_the_work_as_its_row_divides_it(monkeypatch) -> None:
    phases = (Phase("one", "One", share=1), Phase("two", "Two", share=3))
    monkeypatch.setitem(METHODS, "costless", Method("Costless", "Tests", "Nothing is known of its cost", phases=phases))
    found = cost.shares(config(method="costless"), SHAPE)
    assert list(found) == ["scorer", "one", "two", "evaluate"] and sum(found.values()) == pytest.approx(1)
    assert found["two"] == pytest.approx(3 / 8)


def test_estimates_grow_with_the_work_and_shrink_with_the_cores() -> None:
    base, longer = config(steps=1000, threads=0), config(steps=4000, threads=0)
    assert cost.minutes(longer, SHAPE, "cpu", 2) > 2 * cost.minutes(base, SHAPE, "cpu", 2)
    assert cost.minutes(base, SHAPE, "cpu", 4) < cost.minutes(base, SHAPE, "cpu", 2)
    assert cost.minutes(base, SHAPE, "cpu", 64) == cost.minutes(base, SHAPE, "cpu", cost.MOST_CORES)
    assert cost.memory_gb(config(width=128, pool_batch=4096), SHAPE) > 5 * cost.memory_gb(base, SHAPE)


def test_the_disk_estimate_is_the_size_of_the_frames(tmp_path: Path) -> None:
    settings = config(ipc=20, steps=40, record_every=10)
    n, dimension = 200, cost.NETWORKS["convnet"](settings, SHAPE).embedding
    vectors = {name: np.zeros(n, np.float32) for name in ("margin_clean", "margin_adv", "score")}
    whole = {name: np.zeros(n, np.int64) for name in ("labels", "order", "pred_clean", "pred_adv")}
    images = {"images": np.zeros((n, 3, 16, 16), np.uint8), "delta": np.zeros((n, 3, 16, 16), np.float16)}
    embeddings = {name: np.zeros((n, dimension), np.float16) for name in ("embedding_clean", "embedding_adv")}
    writer = RunWriter(tmp_path / "run", settings)
    for step in range(0, 50, 10):
        writer.frame(step, {}, vectors | whole | images | embeddings)
    written = sum(file.stat().st_size for file in (tmp_path / "run").rglob("*.safetensors")) / 1e6
    assert cost.frames_mb(settings, SHAPE) == pytest.approx(written, rel=0.1)


@pytest.mark.usefixtures("plain_machine")
def test_the_default_run_may_start(tmp_path: Path) -> None:
    found = preflight.check(config(), tmp_path / "runs")
    assert found.problems == ()
    assert found.device.startswith("cpu, ") and "core" in found.device
    assert 0.1 < found.minutes < 60 and 0.3 < found.memory_gb < 4 and 0.1 < found.disk_mb < 100


PROBLEMS = {
    "Setting 'device' is cuda, found no GPU": {"device": "cuda"},
    "Unknown data source 'digit': .* Did you mean 'digits'": {"data": "digit"},
    "There is no file or folder /no/where": {"data": "/no/where"},
    "has 131 train images: expected at least ipc × partition² = 132": {"ipc": 33, "partition": 2},
    "leave 2 px per part: expected at least 4 px": {"partition": 3},
    "depth 4 expects images of at least 16 px, found 8 px": {"depth": 4},
    "images of imagenette have sizes of their own": {"data": "imagenette"},
}


@pytest.mark.usefixtures("plain_machine")
@pytest.mark.parametrize("sentence", PROBLEMS)
def test_what_forbids_a_run_is_said_in_one_sentence(tmp_path: Path, sentence: str) -> None:
    found = preflight.check(config(**PROBLEMS[sentence]), tmp_path)
    assert len(found.problems) == 1
    with pytest.raises(ValueError, match=sentence):
        raise ValueError(found.problems[0])


@pytest.mark.usefixtures("plain_machine")
def test_a_store_that_cannot_be_written_forbids_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    assert "which is a file: expected a folder" in preflight.check(config(), tmp_path / "file" / "runs").problems[0]
    monkeypatch.setattr(preflight.os, "access", lambda *_: False)
    assert "No permission to write the run store" in preflight.check(config(), tmp_path / "new" / "runs").problems[0]


@pytest.mark.usefixtures("plain_machine")
def test_a_full_disk_forbids_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight.shutil, "disk_usage", lambda _: SimpleNamespace(free=1e6))
    (problem,) = preflight.check(config(), tmp_path).problems
    assert "has 1.0 MB free" in problem and "raise record_every" in problem


@pytest.mark.usefixtures("plain_machine")
def test_a_run_with_the_same_settings_is_noted_and_does_not_block(tmp_path: Path) -> None:
    writer = RunWriter(tmp_path / "twin", config(ipc=3))
    writer.status(state="running")
    writer.status(state="done")
    found = preflight.check(config(ipc=3), tmp_path)
    assert found.problems == () and found.notes[0].startswith("Run twin (done) has these very settings")
    assert preflight.check(config(ipc=4), tmp_path).notes == ()


@pytest.mark.usefixtures("plain_machine")
def test_too_little_memory_is_noted_and_does_not_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine.psutil, "virtual_memory", lambda: SimpleNamespace(available=1e8, total=64e9))
    found = preflight.check(config(), tmp_path)
    assert found.problems == () and "0.1 GB are free" in found.notes[0]


@pytest.mark.usefixtures("plain_machine")
def test_a_download_is_announced_until_it_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("C2R_DATA", str(tmp_path / "cache"))
    settings = config(data="cifar10", pool_batch=8)
    assert "cifar10 is downloaded first: about 170 MB" in preflight.check(settings, tmp_path).notes[0]
    (tmp_path / "cache" / "cifar10").mkdir(parents=True)
    assert preflight.check(settings, tmp_path).notes != ()
    (tmp_path / "cache" / "cifar10" / "cifar-10-python.tar.gz").write_bytes(b"archive")
    assert preflight.check(settings, tmp_path).notes == ()


def test_a_gpu_is_named_and_used_unless_the_cpu_is_wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "gpu", lambda: ("Fast 9000", 80.0))
    for device, shown in (("auto", "cuda: Fast 9000"), ("cuda", "cuda: Fast 9000"), ("cpu", "cpu, ")):
        found = preflight.check(config(device=device), tmp_path)
        assert found.problems == () and found.device.startswith(shown)
    monkeypatch.setattr(machine, "gpu", lambda: ("Small 1", 0.5))
    found = preflight.check(config(device="cuda"), tmp_path)
    assert found.problems == () and "and the GPU has 0.5 GB: lower ipc, width or the batches." in " ".join(found.notes)


@pytest.mark.parametrize(
    ("build", "visible", "answer", "name", "gb"),
    [
        ("2.13.0+cu130", "all", "Fast 9000, 80000\nSlow 1, 1000\n", "Fast 9000", 80_000 * 2**20 / 1e9),
        ("2.13.0+cu130", "all", "Slow, old 1, [N/A]\n", "Slow, old 1", 0.0),
        ("2.13.0+cpu", "all", "Fast 9000, 80000\n", "", 0.0),
        ("2.13.0+cu130", "", "Fast 9000, 80000\n", "", 0.0),
        ("2.13.0", "all", None, "", 0.0),
    ],
)
def test_the_gpu_is_asked_for_without_torch(
    monkeypatch: pytest.MonkeyPatch, build: str, visible: str, answer: str | None, name: str, gb: float
) -> None:
    def run(*_: object, **__: object) -> subprocess.CompletedProcess:
        if answer is None:
            raise FileNotFoundError("nvidia-smi")
        return subprocess.CompletedProcess([], 0, stdout=answer)

    monkeypatch.setattr(machine.metadata, "version", lambda _: build)
    monkeypatch.setattr(machine.subprocess, "run", run)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    machine.gpu.cache_clear()
    assert machine.gpu() == (name, gb)
    machine.gpu.cache_clear()


def test_preflight_loads_neither_torch_nor_scikit_learn() -> None:
    code = (
        "import sys; from c2r import config; from c2r.work import preflight; preflight.peek('digits', 0); "
        "print(*{'torch', 'sklearn', 'torchvision', 'pyarrow'} & set(sys.modules))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1]
    )
    assert found.stdout.strip() == ""


def test_a_start_says_whom_it_would_wait_for(tmp_path):
    settings = load("demo")
    said = lambda: [note for note in preflight.check(settings, tmp_path).notes if "one at a time works" in note]  # noqa: E731
    assert said() == []
    RunWriter(tmp_path / "one", settings).status(state="running")
    assert said() == [
        "1 run is at work or waits in this store: one at a time works on a device, in the order they came."
    ]
    writer = RunWriter(tmp_path / "two", settings)
    writer.status(state="running")
    writer.status(state="paused")
    assert said()[0].startswith("2 runs are") and said()[0].endswith(" Paused, to be resumed or stopped first: two.")
    held = RunWriter(tmp_path / "one" / "evaluations" / "e", settings)
    held.status(state="running")
    held.status(state="paused")
    with slots.ticket(slots.place(held.path, "cpu"), "one/evaluations/e"):
        assert said()[0].startswith("2 runs and 1 evaluation are at work or wait in") and said()[0].endswith(
            " first: two, the evaluation of one."
        )
    assert said()[0].startswith("2 runs are")


@pytest.mark.parametrize(("partition", "fine"), [(2, True), (3, False)])
@pytest.mark.usefixtures("plain_machine")
def test_the_parts_of_an_imported_set_are_at_least_4_px_too(tmp_path: Path, partition: int, fine: bool) -> None:
    (tmp_path / "set.safetensors").write_bytes(b"x")
    for method in ("imported", "c2r"):
        found = preflight.check(
            config(method=method, imported=str(tmp_path / "set.safetensors"), partition=partition), tmp_path
        )
        assert any("leave 2 px per part: expected at least 4 px" in problem for problem in found.problems) != fine
