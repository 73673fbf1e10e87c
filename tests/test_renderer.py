"""The process that draws planes: newest wish only, frames, refusals. Run: pytest tests/test_renderer.py"""

import io
import json
import queue
import subprocess
import sys
import threading

import numpy as np
from safetensors.numpy import load

from c2r.base.errors import InputError
from c2r.work.renderer import LENGTH, serve


def frames(content):
    """What every frame says: id, what, about, names of its arrays."""
    said, file = [], io.BytesIO(content)
    while head := file.read(LENGTH):
        frame = file.read(int.from_bytes(head, "little"))
        size = int.from_bytes(frame[:8], "little")
        told = json.loads(frame[8 : 8 + size])["__metadata__"]
        said.append((int(told["id"]), told["what"], json.loads(told["about"]), sorted(load(frame))))
    return said


class Lines:
    """The input of a process: lines that a test sends one by one."""

    def __init__(self):
        self.lines = queue.Queue()

    def send(self, **told):
        self.lines.put(json.dumps(told))

    def close(self):
        self.lines.put(None)

    def __iter__(self):
        return iter(self.lines.get, None)


class Sink(io.BytesIO):
    """An output on which a test can wait for a number of frames."""

    def __init__(self):
        super().__init__()
        self.counted = threading.Semaphore(0)

    def flush(self):
        self.counted.release()

    def wait(self, count):
        for _ in range(count):
            assert self.counted.acquire(timeout=10)


def started(render, mapped=map):
    source, sink = Lines(), Sink()
    thread = threading.Thread(target=serve, args=(render, source, sink, mapped, 10.0))
    thread.start()
    return source, sink, thread


def test_a_wish_is_answered_record_by_record_and_a_refusal_is_one_sentence():
    def render(ask, _mapped):
        if ask["n"] < 0:
            raise InputError("A plane expects points, found none: ask for some.")
        if ask["n"] == 0:
            raise RuntimeError("secret")
        for i in range(ask["n"]):
            yield {"a": np.zeros(i, np.float32)}, {"i": i}

    source, sink, thread = started(render)
    for id, n in enumerate([2, -1, 0]):
        source.send(id=id, viewer=f"v{id}", ask={"n": n})
    sink.wait(5)
    source.close()
    thread.join(10)
    said = frames(sink.getvalue())
    assert said[:3] == [(0, "record", {"i": 0}, ["a"]), (0, "record", {"i": 1}, ["a"]), (0, "end", "", [])]
    assert said[3] == (1, "refused", "A plane expects points, found none: ask for some.", [])
    assert said[4] == (2, "refused", "The plane broke with RuntimeError: please report it.", [])


def test_of_several_wishes_of_one_viewer_only_the_newest_is_drawn_and_others_are_not_touched():
    drawn, begun, go = [], threading.Event(), threading.Event()

    def render(ask, mapped):
        drawn.append(ask["n"])
        begun.set()
        assert go.wait(10)
        yield {}, {"sum": sum(mapped(lambda x: x, [1, 2]))}

    source, sink, thread = started(render)
    source.send(id=1, viewer="one", ask={"n": 1})
    assert begun.wait(10)
    for id in (2, 3, 4):
        source.send(id=id, viewer="one", ask={"n": id})
    source.send(id=5, viewer="two", ask={"n": 5})
    sink.wait(2)  # 2 and 3 are dropped while 1 is still being drawn
    go.set()
    sink.wait(5)
    source.close()
    thread.join(10)
    said = [(id, what) for id, what, *_ in frames(sink.getvalue())]
    assert said[:3] == [(2, "dropped"), (3, "dropped"), (1, "dropped")]
    assert said[3:] == [(4, "record"), (4, "end"), (5, "record"), (5, "end")] and drawn == [1, 4, 5]


def test_a_viewer_who_left_stops_the_drawing_within_a_batch():
    counted, begun, go = [], threading.Event(), threading.Event()

    def render(_ask, mapped):
        def one(part):
            counted.append(part)
            begun.set()
            assert go.wait(10)

        yield {}, {"of": len(list(mapped(one, range(100))))}

    source, sink, thread = started(render)
    source.send(id=1, viewer="one", ask={})
    assert begun.wait(10)
    source.send(forget=1)
    source.send(id=2, viewer="two", ask={})
    source.send(id=3, viewer="two", ask={})
    sink.wait(1)
    go.set()
    sink.wait(3)
    source.close()
    thread.join(10)
    said = [(id, what) for id, what, *_ in frames(sink.getvalue())]
    assert said == [(2, "dropped"), (1, "dropped"), (3, "record"), (3, "end")] and counted[:2] == [0, 0]


def test_the_process_ends_with_its_input_and_prints_nothing_but_frames(finished):
    last = int(sorted(finished.glob("frames/*"))[-1].stem)
    ask = {"path": str(finished), "network": "seed0", "step": last, "sample": 0}
    process = subprocess.Popen(
        [sys.executable, "-m", "c2r.work.renderer"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    for id, wish in enumerate([ask, ask | {"sample": 999}]):
        process.stdin.write(json.dumps({"id": id, "viewer": str(id), "ask": wish}).encode() + b"\n")
    process.stdin.flush()
    content = b"".join(one_frame(process.stdout) for _ in range(5))
    process.stdin.close()
    assert process.wait(20) == 0 and not process.stdout.read()
    said = frames(content)
    assert [what for _, what, *_ in said] == ["record", "record", "record", "end", "refused"]
    assert [about["n"] for _, what, about, _ in said if what == "record"] == [26, 51, 101]
    assert "has images 0 to 29" in said[-1][2]


def one_frame(pipe):
    head = pipe.read(LENGTH)
    return head + pipe.read(int.from_bytes(head, "little"))
