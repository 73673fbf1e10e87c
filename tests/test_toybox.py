"""The toy's worker: a line in, a line out; what cannot be answered is a sentence; a worker that died is replaced."""

import io
import json

import pytest

from app import toybox
from c2r.base.errors import InputError
from c2r.learn.settings import Toy
from c2r.work import learning

ONE = Toy(data="blobs", per_class=3).model_dump(mode="json")


def test_every_line_is_answered_also_a_wrong_one():
    asked = [
        "not JSON",
        json.dumps({"ask": "fly"}),
        json.dumps({"ask": "record", "one": {"eps": 9}}),
        json.dumps({"ask": "claim", "one": ONE, "other": ONE, "claim": "that pigs fly"}),
        json.dumps({"ask": "record"}),
        json.dumps([1]),
    ]
    said = io.StringIO()
    learning.serve(io.StringIO("\n".join(asked)), said)
    answers = [json.loads(line) for line in said.getvalue().splitlines()]
    assert len(answers) == len(asked) and all(set(answer) == {"problem"} for answer in answers)
    assert "eps" in answers[2]["problem"] and "that pigs fly" in answers[3]["problem"]


@pytest.fixture
def fresh_box():
    toybox._kept.cache_clear()
    yield
    for worker in toybox._WORKER:
        worker.process.stdin.close()
        assert worker.process.wait(20) == 0  # it ends with its input
    toybox._WORKER.clear()


@pytest.mark.usefixtures("fresh_box")
def test_the_worker_answers_keeps_and_is_replaced(monkeypatch):
    kept = toybox.record(ONE)
    assert len(kept["frames"]) == 61 and kept is toybox.record(ONE)
    worker = toybox._WORKER[0]
    with pytest.raises(InputError, match="data"):
        toybox.record(ONE | {"data": "cubes"})
    assert toybox._WORKER[0] is worker
    worker.process.kill()
    worker.process.wait(10)
    assert set(toybox.claim("wrong-space", ONE, ONE | {"space": "normalised"})) == {"holds", "figures"}
    assert toybox._WORKER[0] is not worker
    monkeypatch.setattr(toybox, "PATIENCE", 0.0)
    with pytest.raises(InputError, match="ended or took too long"):
        toybox.students(ONE)
    assert not toybox._WORKER
    monkeypatch.undo()
    assert set(toybox.students(ONE)["at"]) == {"0", "20", "40", "60"}
