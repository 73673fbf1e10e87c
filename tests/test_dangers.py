"""No shell, no evaluation of text, no unpickling, no raw HTML: every file of the program is parsed and looked
through."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted(file for folder in ("c2r", "app", "pages") for file in (ROOT / folder).rglob("*.py"))

# Calls that run text, start a shell or unpickle, whatever their arguments.
NEVER = {
    "eval",
    "exec",
    "compile",
    "__import__",
    "os.system",
    "os.popen",
    "os.execv",
    "os.execvp",
    "os.spawnl",
    "os.spawnv",
    "subprocess.getoutput",
    "subprocess.getstatusoutput",
    "pickle.load",
    "pickle.loads",
    "pickle.Unpickler",
    "dill.load",
    "joblib.load",
    "marshal.load",
    "marshal.loads",
    "shelve.open",
    "yaml.load",
    "yaml.unsafe_load",
    "pandas.read_pickle",
    "pd.read_pickle",
    "torch.hub.load",
    "st.html",
    "st.iframe",
    "components.html",
    "components.v1.html",
    "tempfile.mktemp",
    "np.lib.format.read_array",
}
# Keywords that make a harmless call dangerous, and the value with which they do.
NEVER_WITH = {"shell": True, "allow_pickle": True, "unsafe_allow_html": True, "unsafe_allow_javascript": True}
# Calls that need a keyword to be harmless.
ONLY_WITH = {
    "torch.load": ("weights_only", True),
    "np.load": ("allow_pickle", False),
    "numpy.load": ("allow_pickle", False),
}
ALLOWED_IMPORTS = {
    "c2r/formats/pickles.py": {
        "pickle"
    },  # its Unpickler is subclassed: find_class knows a table of names and builds none of them
}
NEVER_IMPORTED = {
    "pickle",
    "dill",
    "cloudpickle",
    "joblib",
    "marshal",
    "shelve",
    "yaml",
    "pty",
    "code",
    "codeop",
    "jsonpickle",
    "xmlrpc",
}


def dotted(node: ast.AST) -> str:
    """``os.system`` for the function of a call; '' for what has no name."""
    if isinstance(node, ast.Name):
        return node.id
    return f"{dotted(node.value)}.{node.attr}" if isinstance(node, ast.Attribute) else ""


def value(call: ast.Call, keyword: str) -> object:
    """The constant that a keyword is given; None when it is not given, and ... when it is something else than a
    constant."""
    found = next((one.value for one in call.keywords if one.arg == keyword), None)
    return None if found is None else found.value if isinstance(found, ast.Constant) else ...


def dangers(source: str, name: str = "") -> list[str]:
    """What a file must not hold, with its line."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            called = dotted(node.func)
            if called in NEVER:
                found.append(f"{node.lineno}: {called}")
            found += [
                f"{node.lineno}: {called}({key}=…)" for key, bad in NEVER_WITH.items() if value(node, key) in (bad, ...)
            ]
            if called in ONLY_WITH and value(node, ONLY_WITH[called][0]) is not ONLY_WITH[called][1]:
                found.append(f"{node.lineno}: {called} without {ONLY_WITH[called][0]}={ONLY_WITH[called][1]}")
        roots = {alias.name.split(".")[0] for alias in node.names} if isinstance(node, ast.Import) else set()
        roots |= (
            {node.module.split(".")[0]}
            if isinstance(node, ast.ImportFrom) and node.module and not node.level
            else set()
        )
        found += [
            f"{node.lineno}: import {root}"
            for root in sorted(roots & NEVER_IMPORTED - ALLOWED_IMPORTS.get(name, set()))
        ]
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_file_runs_text_starts_a_shell_unpickles_or_writes_raw_html(file):
    assert dangers(file.read_text(encoding="utf-8"), file.relative_to(ROOT).as_posix()) == []


@pytest.mark.parametrize(
    "source",
    [
        "import os\nos.system('ls')",
        "subprocess.run('ls', shell=True)",
        "subprocess.run('ls', shell=flag)",
        "eval('1')",
        "exec(text)",
        "import pickle",
        "from pickle import loads",
        "pickle.loads(b'')",
        "torch.load(f)",
        "torch.load(f, weights_only=False)",
        "np.load(f)",
        "np.load(f, allow_pickle=True)",
        "np.load(f, allow_pickle=given)",
        "import yaml",
        "st.markdown(x, unsafe_allow_html=True)",
        "st.html(x)",
    ],
)
def test_the_search_finds_what_it_is_for(source):
    assert dangers(source)


def test_the_search_lets_harmless_calls_through():
    assert not dangers(
        "np.load(f, allow_pickle=False)\ntorch.load(f, weights_only=True)\nmodel.eval()\nsubprocess.run(['ls'],"
        " check=True)\nre.compile('x')"
    )


def test_children_are_started_from_lists_of_words_only():
    """A command that is one text would be read by a shell on some systems; every start of a process gets a list."""
    starts = []
    for file in FILES:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and dotted(node.func) in (
                "subprocess.run",
                "subprocess.Popen",
                "subprocess.check_output",
            ):
                starts.append(
                    (
                        file.name,
                        isinstance(node.args[0], ast.List | ast.Name) and not isinstance(node.args[0], ast.JoinedStr),
                    )
                )
    assert starts and all(fine for _, fine in starts)
