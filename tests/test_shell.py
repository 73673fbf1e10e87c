"""The shell names no method, no loss and no phase: what a run's method is, its manifest says. Every file of app/ and
pages/ is parsed. Run: pytest tests/test_shell.py"""

import ast
from pathlib import Path

import pytest

from c2r.registry import METHODS

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted([*(ROOT / "app").rglob("*.py"), *(ROOT / "pages").glob("*.py")])
OF_METHODS = {
    *METHODS,
    *(series.name for row in METHODS.values() for series in row.series),
    *(phase.name for row in METHODS.values() for phase in row.phases),
}
# Words that mean something else too, and the files that may say them in that sense.
ELSE = {
    "c2r": ("the program, as Python is told to run it", {"app/jobs.py"}),
    "distill": ("the word of the command line that makes a run", {"app/jobs.py"}),
    "total": (
        "of status.json how many steps there are, of the storage all bytes",
        {"app/components/evaluation.py", "app/components/housekeeping.py", "app/components/live.py", "app/jobs.py"}
        | {"app/words.py"},
    ),
    "imported": (
        "a kind of run, and the setting that names a set",
        {"app/components/importing.py", "app/places.py", "app/settings.py"},
    ),
}
# Who may look into the table of methods: to list them on the Start page and as baselines on the Compare page.
LISTING = {"app/components/compare.py", "app/components/compare_checks.py", "app/settings.py"}
SPEAKING = {"method", "phase"}  # what holds the name of a method or of a phase


def name_of(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def docstrings(tree: ast.Module) -> set[ast.AST]:
    """Every text that stands alone: docstrings."""
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}


def words(tree: ast.AST) -> list[ast.Constant]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def said(file: Path) -> set[str]:
    """The names of methods, series and phases that a file says outside its docstrings."""
    tree = parsed(file)
    apart = docstrings(tree)
    return {node.value for node in words(tree) if node not in apart} & OF_METHODS


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_no_method_series_or_phase_is_named(file):
    allowed = {word for word, (_, files) in ELSE.items() if name_of(file) in files}
    assert not said(file) - allowed, "read it from c2r.look.description.description(run)"


def test_what_may_be_said_in_another_sense_is_said():
    assert {word: files for word, (_, files) in ELSE.items()} == {
        word: {name_of(file) for file in FILES if word in said(file)} for word in ELSE
    }


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_neither_a_method_nor_a_phase_is_compared_with_a_name(file):
    for node in ast.walk(parsed(file)):
        if isinstance(node, ast.Compare):
            asked = {part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)}
            asked |= {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
            asked |= {word.value for word in words(node)}
            assert not (asked & SPEAKING and compared(node) & OF_METHODS), f"line {node.lineno}: {ast.unparse(node)}"
        if isinstance(node, ast.Subscript) and ast.unparse(node.value).endswith("METHODS"):
            assert not isinstance(node.slice, ast.Constant), f"line {node.lineno}: {ast.unparse(node)}"


def compared(node: ast.Compare) -> set[object]:
    """The texts on both sides of a comparison, also in a tuple, list or set; not what is handed to a call in it."""
    sides = [part for side in (node.left, *node.comparators) for part in getattr(side, "elts", [side])]
    return {part.value for part in sides if isinstance(part, ast.Constant)}


def test_the_table_of_methods_is_only_listed():
    asking = {name_of(file) for file in FILES if any(alias == "METHODS" for alias in imports(file))}
    assert asking == LISTING


def imports(file: Path) -> list[str]:
    """The names that a file imports from modules."""
    nodes = [node for node in ast.walk(parsed(file)) if isinstance(node, ast.ImportFrom)]
    return [alias.name for node in nodes for alias in node.names]
