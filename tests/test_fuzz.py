"""Nothing that a file, a link, a name or an upload holds breaks a page, runs, or leads out of the store.

Run: pytest tests/test_fuzz.py (156 cases, always the same); C2R_FUZZ=full pytest tests/test_fuzz.py (3,500).
"""

import io
import json
import os
import pickle
import re
import shutil
import sys
import tempfile
import unicodedata
import zipfile
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from fake_run import make_evaluation, make_run
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors import SafetensorError
from safetensors.numpy import load, save
from streamlit.testing.v1 import AppTest

from app import attempts, cache, charts, contestants, frames, jobs, readings, runlist, state, views, words
from app.components import importing
from c2r import config, presets
from c2r.base.errors import InputError
from c2r.evaluation import comparability, curves, digest, exports, ranking, tables
from c2r.formats import FORMATS, Limits, read_upload
from c2r.formats.fromrun import from_run
from c2r.look.description import description
from c2r.look.summary import BIN_EDGES
from c2r.report import report
from c2r.store import runs

FULL = os.environ.get("C2R_FUZZ") == "full"
MAIN = Path(__file__).resolve().parents[1] / "app" / "script.py"
PAGES = ("home", "start", "live", "embeddings", "gallery", "compare")
CLOSER = ("Classes", "Margins", "Transfer", "Settings", "Export")
EVALUATION = "20261120-1000-00-pixel-2-255-pgd-at"


def cases(quick: int, full: int):
    """How often a test draws: always the same cases by default, fresh ones in the full run."""
    unhurried = {"deadline": None, "database": None, "suppress_health_check": list(HealthCheck)}
    return settings(max_examples=full if FULL else quick, derandomize=not FULL, print_blob=True, **unhurried)


# ---- what must hold whatever comes


def one_sentence(message: object) -> None:
    text = str(message)
    assert text and len(text) < 2000 and "Traceback" not in text, text
    assert not {unicodedata.category(letter) for letter in text} & {"Cc", "Cs", "Zl", "Zp"}, repr(text)


def tolerated(action, *arguments, **named):
    """What `action` gives; None when it refuses with one sentence. Any other error is a failure."""
    try:
        return action(*arguments, **named)
    except InputError as error:
        one_sentence(error)
        return None


OPENED: list[str] = []
WATCHING: list[bool] = []


def _heard(event: str, arguments: tuple) -> None:
    if WATCHING and event == "open" and isinstance(arguments[0], str | bytes | os.PathLike):
        OPENED.append(os.fsdecode(arguments[0]))


sys.addaudithook(_heard)


def listing(folder: Path) -> dict[str, int]:
    """Every file below a folder and its size."""
    return {
        str(file.relative_to(folder)): file.lstat().st_size for file in sorted(folder.rglob("*")) if not file.is_dir()
    }


@contextmanager
def untouched(folder: Path, secret: Path):
    """Nothing below `folder` changes and nothing below `secret` is opened."""
    before = listing(folder)
    OPENED.clear()
    WATCHING.append(True)
    try:
        yield
    finally:
        WATCHING.clear()
    assert listing(folder) == before
    assert not [name for name in OPENED if os.path.realpath(name).startswith(str(secret))]


MARKDOWN = ("title", "markdown", "caption", "info", "warning", "error", "success", "subheader", "header", "toast")


def read_as_markdown(app: AppTest) -> list[str]:
    """Every text of a page that the browser reads as Markdown."""
    found = [str(element.value) for kind in MARKDOWN for element in getattr(app, kind)]
    found += [
        element.label
        for kind in ("button", "selectbox", "expander", "metric", "multiselect")
        for element in getattr(app, kind)
    ]
    found += [str(cell) for table in app.table for column in table.value for cell in (column, *table.value[column])]
    return found + [
        option
        for kind in ("button_group", "segmented_control", "pills")
        for group in app.get(kind)
        for option in group.options
    ]


def opens(page: str, query: dict[str, str], payload: str = "") -> AppTest:
    """Open a page: no exception, one-line messages, and `payload` nowhere as it would be read as markup."""
    app = AppTest.from_file(str(MAIN), default_timeout=60)
    for key, value in query.items():
        app.query_params[key] = value
    if page != "home":
        app.switch_page(f"../pages/{page}.py")
    app.run()
    assert not app.exception, (page, query)
    for element in app.error:
        assert "\n" not in str(element.value)
    if payload:
        raw = re.compile((r"(?m)^\s*" if payload[0] in "-1" else r"(?<!\\)") + re.escape(payload))
        assert not [text for text in read_as_markdown(app) if raw.search(text)]
    if "<" in payload:
        assert not [
            chart
            for chart in app.get("plotly_chart")
            if payload in json.dumps(json.loads(chart.proto.spec), ensure_ascii=False)
        ]
    return app


@contextmanager
def stored(base: Path):
    """A copy of a store with an empty secret beside it, made the store of the app."""
    with tempfile.TemporaryDirectory(prefix="c2r-fuzz-") as place:
        root = Path(place).resolve()
        shutil.copytree(base, root / "runs")
        secret = root / "secret"
        shutil.copytree(base / "one", secret / "one")
        old = {key: os.environ.get(key) for key in ("C2R_RUNS", "C2R_SAMPLE")}
        os.environ |= {"C2R_RUNS": str(root / "runs"), "C2R_SAMPLE": str(root / "none")}
        try:
            yield root
        finally:
            for key, value in old.items():
                os.environ.pop(key) if value is None else os.environ.update({key: value})


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    """A store with two small runs, one of them evaluated twice."""
    store = tmp_path_factory.mktemp("fuzz") / "runs"
    for name in ("one", "two"):
        make_run(store / name, n=12, classes=3, steps=3)
    make_evaluation(
        store / "one", EVALUATION, tried={"clean": 0.8, "pgd": 0.5, "pgd@8/255": 0.2}, protocol="pixel-2/255"
    )
    return store


# ---- values that hurt

WORDS = [
    "",
    " ",
    "\0",
    "\n\n# big\n",
    "a\n===",
    "\u202egnp.exe",
    "\u2066x",
    "\x1b[31m",
    "../../etc/passwd",
    "/etc/passwd",
    "~root/.ssh",
    "C:\\x",
    "%00",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "**b**",
    "[x](javascript:alert(1))",
    "![x](http://e.x/y.png)",
    ":red[x]",
    ":material/home:",
    "$\\frac{1}{0}$",
    "`x`",
    "| a | b |",
    "https://e.example/x",
    "www.e.example",
    "=cmd|' /C calc'!A0",
    "{0.__class__}",
    "%s%n",
    "nan",
    "inf",
    "-1",
    "1e999",
    "2/0",
    "1/1e-320",
    "0x10",
    "٣",
    "\ud800",
    "é" * 300,
    "x" * 5000,
    "NaN",
    "null",
    "[]",
    "{{7*7}}",
]
NUMBERS = [
    0,
    -1,
    1,
    2**31,
    2**63,
    -(2**63) - 1,
    10**400,
    1e308,
    -1e308,
    5e-324,
    1e16,
    0.5,
    float("nan"),
    float("inf"),
    float("-inf"),
    True,
    False,
]
nasty = st.one_of(
    st.sampled_from(NUMBERS), st.sampled_from(WORDS), st.none(), st.text(max_size=20), st.integers(), st.floats()
)
values = st.recursive(
    nasty,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
DEEP = [
    "[" * 100_000,
    "[" * 900 + "]" * 900,
    '{"a":' * 100_000,
    '{"ipc": ' + "9" * 5000 + "}",
    '{"ipc": 1, "ipc": null}',
    "\ufeff{}",
    "nul",
    '"\\ud800"',
]


# ---- (a) settings


@cases(25, 600)
@given(
    st.one_of(
        values.map(json.dumps),
        st.text(),
        st.sampled_from(DEEP),
        st.binary().map(lambda raw: raw.decode("utf-8", "replace")),
    )
)
def test_any_text_as_settings_gives_settings_or_one_sentence(text):
    found = tolerated(config.from_json, text)
    assert found is None or isinstance(found, config.RunConfig)


@cases(30, 600)
@given(st.sampled_from(sorted(config.every_name())), values, st.sampled_from(sorted(presets.PRESETS)))
def test_a_setting_with_any_value_is_accepted_whole_or_refused_by_name(name, value, preset):
    found = tolerated(config.load, preset, {name: value})
    if found is not None:
        assert config.from_json(config.to_json(found)) == found
        assert all("\0" not in word for word in config.command(found, preset, "out"))
    for text in (lambda: json.dumps({name: value}), lambda: json.dumps({name: value}, ensure_ascii=False)):
        tolerated(config.from_json, text())


# ---- (b) run folders

FILES = [
    "config.json",
    "status.json",
    "manifest.json",
    "events.jsonl",
    "rows.jsonl",
    "facts.json",
    "checks.json",
    "log.txt",
    "control",
    "basis.safetensors",
    "map.safetensors",
    "outcomes.safetensors",
    "test.safetensors",
    "synthetic.safetensors",
    "frames/000000.safetensors",
    "frames/000010.safetensors",
    "frames/000020.safetensors",
    *(
        f"evaluations/{EVALUATION}/{name}"
        for name in (
            "config.json",
            "status.json",
            "manifest.json",
            "rows.jsonl",
            "facts.json",
            "checks.json",
            "test.safetensors",
            "outcomes.safetensors",
        )
    ),
]
JSONS = [name for name in FILES if ".json" in name]
ARRAYS = [name for name in FILES if name.endswith(".safetensors")]
damage = st.one_of(
    st.tuples(
        st.just("bytes"), st.sampled_from(FILES), st.integers(0, 10**6), st.binary(max_size=12), st.integers(0, 40)
    ),
    st.tuples(st.just("cut"), st.sampled_from(FILES), st.floats(0, 1)),
    st.tuples(st.just("gone"), st.sampled_from([*FILES, "frames", "evaluations", f"evaluations/{EVALUATION}"])),
    st.tuples(st.just("folder"), st.sampled_from(FILES)),
    st.tuples(st.just("swap"), st.sampled_from(FILES), st.sampled_from(FILES)),
    st.tuples(st.just("value"), st.sampled_from(JSONS), st.integers(0, 10**6), values),
    st.tuples(st.just("value"), st.sampled_from(JSONS), st.integers(0, 10**6), nasty),
    st.tuples(st.just("array"), st.sampled_from(ARRAYS), st.integers(0, 50), st.integers(0, 12)),
    st.tuples(st.just("array"), st.sampled_from(ARRAYS), st.integers(0, 50), st.integers(0, 12)),
    st.tuples(
        st.just("extra"),
        st.sampled_from(
            [
                "frames/9x.safetensors",
                "frames/7.safetensors",
                "frames/000099.safetensors",
                "frames/0000000000099.safetensors",
                "evaluations/empty/config.json",
            ]
        ),
    ),
)


def change(array: np.ndarray, how: int) -> np.ndarray:
    """One of thirteen ways in which an array can be wrong."""
    flat = array.reshape(-1)
    big = np.iinfo(array.dtype).max if array.dtype.kind in "iu" else np.inf if array.dtype.kind == "f" else True
    ways = [
        lambda: array[:0],
        lambda: array[:-1],
        lambda: array.astype(np.float64),
        lambda: array.astype(np.int64, casting="unsafe"),
        lambda: array[None],
        lambda: flat,
        lambda: np.full_like(array, big),
        lambda: np.full_like(array, -1 if array.dtype.kind == "i" else 0),
        lambda: np.concatenate([array, array]),
        lambda: np.full(array.shape, np.nan, np.float32),
        lambda: array.astype(bool),
        lambda: np.zeros((), np.int64),
        lambda: np.where(np.arange(array.size).reshape(array.shape) == 0, big, array).astype(array.dtype),
    ]
    with np.errstate(all="ignore"):
        return np.ascontiguousarray(ways[how]())


def put_value(file: Path, where: int, value: object) -> None:
    """Replace one value, however deep, of a JSON file or of one of its lines."""
    lines = file.read_text().splitlines() if file.suffix == ".jsonl" else [file.read_text()]
    line = where % max(1, len(lines))
    whole = json.loads(lines[line])
    places = []

    def walk(inside: object) -> None:
        pairs = inside.items() if isinstance(inside, dict) else enumerate(inside) if isinstance(inside, list) else ()
        for key, child in list(pairs):
            places.append((inside, key))
            walk(child)

    walk(whole)
    if places:
        inside, key = places[where // 7 % len(places)]
        inside[key] = value
    lines[line] = json.dumps(whole)
    file.write_text("\n".join(lines) + "\n")


def hurt(run: Path, how: tuple) -> None:
    """Damage a run folder; what cannot be done to what is left is not done."""
    kind, file = how[0], run / how[1]
    with suppress(
        FileNotFoundError, IsADirectoryError, NotADirectoryError, ValueError, SafetensorError, IndexError, OverflowError
    ):
        if kind == "bytes":
            content = file.read_bytes()
            at = how[2] % (len(content) + 1)
            file.write_bytes(content[:at] + how[3] + content[at + how[4] :])
        elif kind == "cut":
            content = file.read_bytes()
            file.write_bytes(content[: int(how[2] * len(content))])
        elif kind == "gone":
            shutil.rmtree(file) if file.is_dir() else file.unlink()
        elif kind == "folder":
            file.unlink(missing_ok=True)
            file.mkdir()
        elif kind == "swap":
            file.write_bytes((run / how[2]).read_bytes())
        elif kind == "value":
            put_value(file, how[2], how[3])
        elif kind == "array":
            arrays = load(file.read_bytes())
            name = sorted(arrays)[how[2] % len(arrays)]
            arrays[name] = change(arrays[name], how[3])
            file.write_bytes(save(arrays))
        elif kind == "extra":
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(b"x")


def look_below(store: Path) -> None:
    """Everything that stands between a run folder and a page: readers, tables, charts' inputs, comparisons, the
    report."""
    found = runs.list_runs(store)
    rows = [cache.rows(run.path) for run in found]
    runlist.run_table(found, rows, [run.id for run in found], 1.8e9)
    for run in found:
        words.strip_text(run, 1.8e9)
        words.evaluation_text(run)
        one_sentence(run.problem or "fine.")
        state.result_folders(run)
        attempts.evaluation_table([run], [cache.own_rows(run.path)], [""])
        tolerated(look_at_steps, run)
        tolerated(from_run, run.path)
        tolerated(report, [run.path])
    offered = list(contestants.offers(found).values())
    compared = contestants.entries(offered)
    sets = [entry.contestant for entry in compared]
    if sets and all(tolerated(getattr, one, "digest") is not None for one in sets):
        look_at_comparison(sets)


def look_at_steps(run: runs.Run) -> None:
    events, steps, method = cache.events(run.path), state.recorded_steps(run.path), description(run)
    readings.curves(events, method)
    names = list(state.names_of(run, steps))
    for at in range(len(events)):
        readings.kpis(events[: at + 1], method)
        words.cost_sentence(events[at], method.attack)
        views.strangers(events, events[at]["step"])
    for step in steps:
        frame = tolerated(cache.margins, run.path, step)
        for name in ("images", "delta"):
            tolerated(frames.rows, run.path, step, name, [0])
        tolerated(frames.projected, run.path, step)
        tolerated(frames.largest_delta, run.path, step)
        if frame is not None:
            everyone = frame["order"].tolist()
            change = tolerated(frames.change_since, run.path, steps[0], step)
            views.sample_table(frame, everyone, names)
            views.behind_bars(
                [{"curve_number": 0, "customdata": [3]}], frame["margin_clean"], frame["margin_adv"], BIN_EDGES
            )
            for sort in views.SORTS:
                views.arrange(frame, sort, values={"accuracy": None, "change": change})
            tolerated(frames.nearest_other, run.path, step, 0)
    past = tolerated(cache.history, run.path, list(steps))
    if past is not None:
        charts.curriculum_heatmap(past.steps, past.by_rank, n=past.orders.shape[1])
    for name in ("basis", "map", "outcomes", "test"):
        tolerated(cache.arrays, run.path, name)


def look_at_comparison(sets: list) -> None:
    comparability.remarks(sets)
    for threat in [None, *digest.threats(one.digest for one in sets)]:
        comparability.differences(sets, threat)
        ranks = ranking.ranks(sets, threat)
        ranking.standing(sets, threat, ranks)
        tables.accuracy_table(sets, threat, ranking.places(sets, ranks))
        tables.difference_table(ranking.differences(sets, threat, sets[0].name), sets[0].name)
        tables.ratio_table(sets, threat)
        tables.cautions(sets, threat)
        exports.exported(sets, threat)
    curves.sweeps(sets)
    tables.settings_that_differ(sets)
    views.to_csv(exports.exported_rows(sets))


@cases(16, 500)
@given(st.lists(damage, min_size=1, max_size=3))
def test_a_damaged_run_folder_is_read_as_far_as_it_goes_or_refused_in_a_sentence(base, harm):
    with stored(base) as root:
        for how in harm:
            hurt(root / "runs" / "one", how)
        with untouched(root, root / "secret"):
            look_below(root / "runs")


@cases(2, 40)
@given(st.lists(damage, min_size=1, max_size=3), st.sampled_from(CLOSER), st.sampled_from(["0", "10", "20"]))
def test_every_page_opens_over_a_damaged_run_folder(base, harm, closer, step):
    with stored(base) as root:
        for how in harm:
            hurt(root / "runs" / "one", how)
        with untouched(root, root / "secret"):
            for page in PAGES:
                opens(page, {"run": "one"})
            opens("live", {"run": "one", "step": step, "class": "zero", "curriculum": "By class"})
            opens("gallery", {"run": "one", "step": step, "sample": "3"})
            opens("embeddings", {"run": "one", "step": step, "map-method": "PCA"})
            opens("compare", {"runs": f"one,two,one/{EVALUATION}", "closer": closer})


# ---- (c) addresses

KEYS = (
    "run",
    "step",
    "selected",
    "evaluation",
    "attack",
    "class",
    "sample",
    "runs",
    "sort",
    "size",
    "page",
    "broken",
    "map-method",
    "colour",
    "lines",
    "curriculum",
    "closer",
    "threat",
    "published",
    "every",
    "preset",
    "protocol",
    "<b>",
    "__proto__",
)
TRAVERSAL = [
    "../secret/one",
    "..%2Fsecret%2Fone",
    "one/../../secret/one",
    "/secret/one",
    "one,../secret/one",
    "file:///etc/passwd",
    "one/evaluations/../..",
    ".slots",
    "one/",
    "one\0",
    "9" * 400,
    "-1",
    "1e3",
    "12,13",
    "x" * 20_000,
    ",".join(["one"] * 500),
    "٣٤",
]
letters = st.one_of(st.sampled_from(WORDS), st.sampled_from(TRAVERSAL), st.text(max_size=40)).filter(
    lambda text: text.encode("utf-8", "replace").decode() == text
)


@cases(8, 120)
@given(st.sampled_from(PAGES), st.dictionaries(st.sampled_from(KEYS), letters, min_size=1, max_size=6))
def test_any_address_opens_a_page_and_reads_nothing_outside_the_store(base, page, query):
    with stored(base) as root, untouched(root, root / "secret"):
        opens(page, query)


@pytest.mark.parametrize(
    ("page", "query"),
    [
        ("start", {"preset": "none-such"}),
        ("gallery", {"sample": "9" * 400}),
        ("gallery", {"sample": "1e999"}),
        ("live", {"run": " "}),
        ("embeddings", {"run": "bare", "map-method": "none-such"}),
    ],
)
def test_addresses_that_once_broke_a_page_open_it(base, page, query):
    with stored(base) as root:
        make_run(root / "runs" / "bare", n=12, classes=3, steps=2, mapped=False)
        opens(page, query)


MARKUP = [
    "<b>zq</b>",
    "**zq**",
    "[zq](https://e.example)",
    "![zq](https://e.example/x.png)",
    ":red[zq]",
    "`zq`",
    "$zq$",
    "# zq",
    "https://zq.example",
    "www.zq.example",
    "zq@zq.example",
    ":material/zq:",
    "<script>zq</script>",
    "- zq",
    "zq\n===",
    "1. zq",
    "&lt;zq&gt;",
    "~~zq~~",
    "zq\n\n- zq",
    "\u202ezq",
]


@cases(4, 60)
@given(
    st.sampled_from(PAGES),
    st.sampled_from(["run", "runs", "step", "class", "attack", "evaluation", "sample"]),
    st.sampled_from(MARKUP),
)
def test_markup_in_an_address_is_shown_as_text(base, page, key, payload):
    with stored(base) as root, untouched(root, root / "secret"):
        opens(page, {key: payload}, payload)


# ---- (d) uploads


def _saved(content: object) -> bytes:
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


def _zipped(files: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()


def _picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 8), (200, 30, 30)).save(file, "PNG")
    return file.getvalue()


def uploads() -> dict[str, list[tuple[str, bytes]]]:
    """A small valid set in every layout that can be uploaded."""
    x, y = torch.linspace(0, 1, 4 * 3 * 8 * 8).reshape(4, 3, 8, 8), torch.tensor([0, 0, 1, 1])
    arrays = {"images": (255 * x).byte().numpy(), "labels": y.numpy()}
    npz = io.BytesIO()
    np.savez(npz, **arrays)
    pictures = {f"set/{k}/{i}.png": _picture() for k in range(2) for i in range(2)}
    views_ = [torch.zeros(4, 4), torch.zeros(4, dtype=torch.bool), None, None, None, torch.zeros(4, 2).half()]
    return {
        "dc-pt": [("a.pt", _saved({"data": [[x, y]], "accs_all_exps": {}}))],
        "tensor-pair": [("a.pt", _saved((x, y)))],
        "idm-pickle": [("a.pkl", pickle.dumps((x.numpy(), y.numpy())))],
        "npz": [("a.npz", npz.getvalue())],
        "safetensors": [("a.safetensors", save(arrays))],
        "mtt-folder": [("images_best.pt", _saved(x)), ("labels_best.pt", _saved(y))],
        "image-folder": [("a.zip", _zipped(pictures))],
        "fkd": [
            (
                "a.zip",
                _zipped(
                    {f"images/{name}": content for name, content in pictures.items()}
                    | {"labels/epoch_0/batch_0.tar": _saved(views_)}
                ),
            )
        ],
        "prototypes-json": [("a.json", b"{}")],
    }


UPLOADS = uploads()
NAMES = [
    "../../evil.pt",
    "/etc/evil.npz",
    "..\\evil.pkl",
    "",
    ".",
    "..",
    ".hidden.zip",
    "a\nb.pt",
    "x" * 300 + ".pt",
    "\u202etp.a",
    "nul\0.pt",
    "CON.npz",
]
SMALL = Limits(bytes=20_000_000, files=500)


def test_every_layout_is_among_the_uploads_and_reads_as_it_is():
    assert set(UPLOADS) == set(FORMATS)
    for name in ("dc-pt", "tensor-pair", "idm-pickle", "npz", "safetensors", "mtt-folder", "image-folder"):
        assert read_upload(UPLOADS[name], limits=SMALL).images.shape == (4, 3, 8, 8)


@cases(50, 1200)
@given(
    st.sampled_from(sorted(UPLOADS)),
    st.sampled_from(["auto", *FORMATS]),
    st.integers(0, 10**6),
    st.binary(max_size=16),
    st.integers(0, 64),
    st.sampled_from([None, *NAMES]),
    st.booleans(),
)
def test_a_mutated_upload_gives_a_set_or_one_sentence(kind, format, at, piece, drop, name, cut):
    files = list(UPLOADS[kind])
    first, content = files[at % len(files)]
    place = at % (len(content) + 1)
    files[at % len(files)] = (
        name if name is not None else first,
        content[:place] + piece + (b"" if cut else content[place + drop :]),
    )
    with tempfile.TemporaryDirectory(prefix="c2r-fuzz-") as folder:
        before = listing(Path(folder))
        found = tolerated(read_upload, files, format, normalisation="none", limits=SMALL)
        assert listing(Path(folder)) == before
    assert found is None or (
        found.images.ndim == 4 and len(found.images) == len(found.labels) and np.isfinite(found.images).all()
    )


@cases(15, 300)
@given(
    st.one_of(st.sampled_from(NAMES), st.text(max_size=60)).filter(
        lambda text: text.encode("utf-8", "replace").decode() == text
    ),
    st.binary(max_size=200),
)
def test_random_bytes_under_any_name_give_one_sentence_and_stay_in_their_folder(name, content):
    tolerated(read_upload, [(name, content)], limits=SMALL)
    with tempfile.TemporaryDirectory(prefix="c2r-fuzz-") as folder:
        root = Path(folder).resolve()
        inside = root / "inside"
        inside.mkdir()
        place = tolerated(importing.saved, [(name, content), ("b.npz", b"x")], inside)
        assert place is None or place.resolve().is_relative_to(inside)
        assert not [file for file in listing(root) if not file.startswith("inside/")]


# ---- (e) names

SPOKEN = [
    *MARKUP,
    "\x1b[31mzq",
    "a\rzq",
    "שלום zq",
    "\u2066zq\u2069",
    "zq" * 60,
    "zq'\"\\",
    "{zq}",
    "%zq",
    "zq\u2028zq",
    "-zq",
    "*zq",
    "zq|zq",
    "--- zq",
]


@cases(6, 80)
@given(
    st.sampled_from(SPOKEN),
    st.sampled_from(["run", "classes", "facts", "rows", "message", "log"]),
    st.sampled_from(PAGES),
)
def test_names_and_notes_are_shown_as_text(base, name, where, page):
    with stored(base) as root:
        run = root / "runs" / "one"
        if where == "run":
            run = run.rename(root / "runs" / name.replace("/", "∕"))
        write_name(run, name, where)
        with untouched(root, root / "secret"):
            opens(
                page,
                {"run": run.name},
                name if re.search(r"[*`<\[$#:&\n]|https|www|@|~|^- |^1\. |^---|\u202e", name) else "",
            )


def write_name(run: Path, name: str, where: str) -> None:
    """Put a name into a run folder where a page shows it."""
    changes = {
        "classes": ("manifest.json", {"classes": [name, f"{name} b", "c"]}),
        "facts": ("manifest.json", {"device": name, "data": {"name": name, "hash": name}}),
        "message": ("status.json", {"state": "failed", "message": name}),
    }
    if where in changes:
        file, change_ = run / changes[where][0], changes[where][1]
        file.write_text(json.dumps(json.loads(file.read_text()) | change_))
    if where == "rows":
        for file in run.rglob("rows.jsonl"):
            rows = [json.loads(line) | {"network": name} for line in file.read_text().splitlines()]
            file.write_text(
                "".join(json.dumps(row | ({"label": name} if row["key"] != "clean" else {})) + "\n" for row in rows)
            )
    if where == "log":
        (run / "log.txt").write_text(name)


def test_a_run_folder_whose_name_is_no_text_is_left_out(base):
    with stored(base) as root:
        os.rename(os.fsencode(root / "runs" / "two"), os.fsencode(root / "runs") + b"/\xff\xfe")
        assert [run.id for run in runs.list_runs(root / "runs")] == ["one"]
        opens("home", {})


def test_a_map_and_axes_of_other_images_are_not_drawn(base):
    with stored(base) as root:
        run = root / "runs" / "one"
        map_, basis = (load((run / f"{name}.safetensors").read_bytes()) for name in ("map", "basis"))
        (run / "map.safetensors").write_bytes(save(map_ | {"index": map_["index"] + 5}))
        (run / "basis.safetensors").write_bytes(
            save(basis | {"mean": basis["mean"][:5], "axes": np.ascontiguousarray(basis["axes"][:5])})
        )
        app = opens("embeddings", {"run": "one"})
        said = [element.value for element in app.error]
        assert len(said) == 2 and all("belongs to other images" in sentence for sentence in said)


def test_a_log_of_any_bytes_is_shown(base):
    with stored(base) as root:
        (root / "runs" / "one" / "log.txt").write_bytes(bytes(range(256)) * 10)
        assert jobs.last_words(root / "runs" / "one")
