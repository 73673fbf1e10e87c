"""The toy's worker: a process that answers questions about it, a line of JSON each, until its input ends.

The shell starts ``python -m c2r.work.learning`` and keeps it, since loading torch takes longer than a whole toy run. It
writes no file. A question: ``ask`` (record, students, claim), ``one``, for a claim ``other`` and ``claim``. An answer:
``answer``, or ``problem`` with one sentence.
"""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, TextIO

from c2r.base.errors import InputError
from c2r.learn.settings import toy

Question = dict[str, Any]


def record(question: Question) -> Any:
    """A whole toy run, see `c2r.learn.record.recording`."""
    from c2r.learn.record import recording

    return recording(toy(question["one"]))


def students(question: Question) -> Any:
    """Fresh networks on the points of some steps."""
    from c2r.learn.record import students as trained

    return trained(toy(question["one"]))


def claim(question: Question) -> Any:
    """Whether the claim of a lesson holds, and its figures."""
    from c2r.learn.claims import claim as asked

    return asdict(asked(question["claim"], toy(question["one"]), toy(question["other"])))


ASKED: dict[str, Callable[[Question], Any]] = {"record": record, "students": students, "claim": claim}


def answer(line: str) -> dict[str, Any]:
    """The answer to one line; what cannot be answered is a sentence, and the worker goes on."""
    try:
        question = json.loads(line)
        return {"answer": ASKED[question["ask"]](question)}
    except InputError as error:
        return {"problem": str(error)}
    except (ValueError, KeyError, TypeError) as error:
        return {"problem": f"The toy's worker expected a question it knows, found {error!r}: reload the page."}


def serve(asked: TextIO, answers: TextIO) -> None:
    """Answer line after line, each at once."""
    for line in asked:
        print(json.dumps(answer(line)), file=answers, flush=True)


def main() -> None:
    """Answer on what was the output; whatever else is printed goes to the terminal of the server."""
    import torch

    torch.set_num_threads(1)
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    serve(sys.stdin, answers)


if __name__ == "__main__":
    main()
