"""The architecture is a test: imports are parsed and compared with the layers. Run: pytest tests/test_layers.py"""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CORE = sorted((ROOT / "c2r").rglob("*.py"))
APP = sorted((ROOT / "app").rglob("*.py"))
PAGES = sorted((ROOT / "pages").glob("*.py"))

# A module may import only modules of `c2r` that stand in a row above its own.
LAYERS = [
    {"c2r", "c2r.errors"},
    {"c2r.schema", "c2r.paths", "c2r.tagging", "c2r.thinning", "c2r.disasters", "c2r.processes", "c2r.machine", "c2r.randomness", "c2r.untrusted"},
    {"c2r.fields", "c2r.files", "c2r.catalog", "c2r.badges", "c2r.lifecycle"},
    {"c2r.figurekey"},
    {"c2r.config", "c2r.claiming", "c2r.metrics", "c2r.summary", "c2r.methods"},
    {"c2r.kernels", "c2r.scorer", "c2r.paired", "c2r.digest", "c2r.beardlog", "c2r.literature", "c2r.protocols"},
    {"c2r.convblock"},
    {"c2r.threat", "c2r.margins", "c2r.memory", "c2r.contrastive", "c2r.curriculum", "c2r.augment", "c2r.partition", "c2r.models",
     "c2r.project", "c2r.device", "c2r.runs", "c2r.sources"},
    {"c2r.kinds"},
    {"c2r.formats", "c2r.linesearch", "c2r.data", "c2r.training", "c2r.attacks", "c2r.cost", "c2r.legacy", "c2r.writing", "c2r.headline", "c2r.slots"},
    {"c2r.preflight", "c2r.forking", "c2r.inner", "c2r.measure", "c2r.sets", "c2r.weights", "c2r.keeping", "c2r.listening"},
    {"c2r.pool", "c2r.synthetic", "c2r.checks", "c2r.archives"},
    {"c2r.visits", "c2r.judging", "c2r.checkpoint"},
    {"c2r.methods.c2r", "c2r.loop"},
    {"c2r.distill", "c2r.report"},
    {"c2r.evaluate", "c2r.worker"},
    {"c2r.origin"},
    {"c2r.evaluations"},
    {"c2r.tasks"},
    {"c2r.transfer", "c2r.foreign"},
    {"c2r.commands"},
    {"c2r.__main__"},
]  # fmt: skip


def imported(file: Path) -> set[str]:
    """Every module a file names in an import, also inside functions."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def module(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def layer(name: str) -> int | None:
    """The row of the longest known prefix of a dotted name; None outside `c2r`."""
    while name:
        for number, names in enumerate(LAYERS):
            if name in names:
                return number
        name = name.rpartition(".")[0]
    return None


@pytest.mark.parametrize("file", CORE, ids=module)
def test_the_core_never_imports_the_shell(file):
    roots = {name.split(".")[0] for name in imported(file)}
    assert not roots & {"app", "pages", "streamlit", "plotly"}


@pytest.mark.parametrize("file", CORE, ids=module)
def test_imports_of_the_core_only_point_to_lower_layers(file):
    own, mine = module(file), layer(module(file))
    package = own.split(".")[1] if "." in own else own
    for name in imported(file):
        if name.startswith("c2r.") and name.split(".")[1] != package:
            assert layer(name) < mine, f"{own} imports {name}"


@pytest.mark.parametrize("file", APP + PAGES, ids=module)
def test_the_shell_imports_no_torch_and_pages_do_not_import_each_other(file):
    names = imported(file)
    assert not {name.split(".")[0] for name in names} & {"torch", "torchvision", "umap", "sklearn"}
    if file in PAGES:
        assert not any(name.split(".")[0] == "pages" for name in names)
        assert "session_state" not in file.read_text(encoding="utf-8")


def test_what_the_app_imports_of_the_core_loads_no_torch():
    names = {name for file in APP + PAGES for name in imported(file) if name.startswith("c2r")}
    modules = sorted(
        {name for name in names if (ROOT / (name.replace(".", "/") + ".py")).exists() or (ROOT / name.replace(".", "/")).is_dir()}
    )
    code = f"import sys, importlib; [importlib.import_module(n) for n in {modules!r}]; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "False"


@pytest.mark.parametrize(("files", "budget"), [(CORE, 250), (PAGES, 80)], ids=["core", "pages"])
def test_files_keep_their_budget_or_say_why(files, budget):
    long = {module(f): n for f in files if (n := len(f.read_text().splitlines())) > budget and "Longer than" not in f.read_text()}
    assert not long


def test_functions_stay_under_forty_lines_or_say_why():
    long = []
    for file in CORE + APP + PAGES:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.FunctionDef)
                and node.end_lineno - node.lineno + 1 > 40
                and "Longer than" not in (ast.get_docstring(node) or "")
            ):
                long.append(f"{module(file)}.{node.name}: {node.end_lineno - node.lineno + 1}")
    assert not long


def test_no_file_is_named_utils():
    assert not [f for f in CORE + APP + PAGES if "util" in f.stem or "helper" in f.stem]


def test_a_home_is_expanded_in_one_place():
    assert [module(file) for file in CORE + APP + PAGES if "expanduser" in file.read_text(encoding="utf-8")] == ["c2r.paths"]
