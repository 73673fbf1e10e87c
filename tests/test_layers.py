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

# The rooms of `c2r`, from the ground up: a module imports only from rooms in rows above its own, and from its own room.
# What stands in no room (settings, the table of methods, what a method hands out) stands in the row of "".
ROOMS = [
    {"base"},
    {""},
    {"core", "store"},
    {"data", "networks", "attacks"},
    {"look", "formats"},
    {"methods"},
    {"evaluation", "learn"},
    {"report", "work"},
    {"cli"},
]


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


def room(name: str) -> str:
    """The room of a dotted name of `c2r`, '' for what stands in none."""
    place = name.split(".")[1] if "." in name else ""
    return place if any(place in row for row in ROOMS) else ""


def floor(name: str) -> int:
    """The row of the room."""
    return next(number for number, row in enumerate(ROOMS) if room(name) in row)


@pytest.mark.parametrize("file", CORE, ids=module)
def test_the_core_never_imports_the_shell(file):
    roots = {name.split(".")[0] for name in imported(file)}
    assert not roots & {"app", "pages", "streamlit", "plotly"}


def test_the_core_does_not_know_where_the_sample_run_of_the_app_lies():
    assert not [module(file) for file in CORE if "sample_run" in file.read_text(encoding="utf-8")]


@pytest.mark.parametrize("file", CORE, ids=module)
def test_imports_of_the_core_only_point_to_lower_rooms(file):
    own = module(file)
    if own == "c2r.__main__":  # the door of the terminal
        return
    for name in imported(file):
        if name.startswith("c2r.") and room(name) != room(own) and name != "c2r.__version__":
            assert floor(name) < floor(own), f"{own} imports {name}"


def test_every_folder_of_the_core_is_a_room():
    folders = {file.parent.name for file in (ROOT / "c2r").glob("*/__init__.py")}
    assert folders == set().union(*ROOMS) - {""}


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
        {
            name
            for name in names
            if (ROOT / (name.replace(".", "/") + ".py")).exists() or (ROOT / name.replace(".", "/")).is_dir()
        }
    )
    code = f"import sys, importlib; [importlib.import_module(n) for n in {modules!r}]; print('torch' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
        == "False"
    )


@pytest.mark.parametrize("name", ["app.cache", "app.views"])
def test_what_is_kept_and_what_is_shown_as_plain_values_loads_no_plotly(name):
    code = f"import sys, {name}; print(sorted({{'plotly', 'streamlit', 'torch'}} & sys.modules.keys()))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "[]"


@pytest.mark.parametrize(("files", "budget"), [(CORE, 250), (PAGES, 80)], ids=["core", "pages"])
def test_files_keep_their_budget_or_say_why(files, budget):
    long = {
        module(f): n
        for f in files
        if (n := len(f.read_text().splitlines())) > budget and "Longer than" not in f.read_text()
    }
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


def parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    """The names a function takes, by place or by name; without self and cls."""
    taken = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
    return taken[1:] if taken[:1] in (["self"], ["cls"]) else taken


def test_functions_take_at_most_six_parameters_or_say_why():
    many = set()
    for file in CORE + APP + PAGES:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
                and len(parameters(node)) > 6
                and "More than six" not in (ast.get_docstring(node) or "")
            ):
                many.add(f"{module(file)}.{node.name}")
    assert not many


def test_no_file_is_named_utils():
    assert not [f for f in CORE + APP + PAGES if "util" in f.stem or "helper" in f.stem]


def test_a_home_is_expanded_in_one_place():
    assert [module(file) for file in CORE + APP + PAGES if "expanduser" in file.read_text(encoding="utf-8")] == [
        "c2r.base.paths"
    ]
