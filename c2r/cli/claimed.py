"""Work in a folder that a command claims: signals, the queue of the device, what is printed at the end."""

import contextlib
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from c2r.base import disasters
from c2r.base.errors import InputError
from c2r.cli.terminal import Bar, print_badges, print_rows
from c2r.config import RunConfig
from c2r.evaluation import badges
from c2r.store import control, lifecycle, runs, slots, writing
from c2r.work import machine

POLL = 0.3  # seconds between two looks at the queue


def do(out: Path, config: RunConfig, work: Any, as_json: bool, **how: Any) -> int:
    """Claim the folder, `how` as for `writing.RunWriter`, wait for the device's slot, let a `Worker` do the work.

    :returns: the exit code: 0 done, 130 stopped
    :raises InputError: the folder cannot be claimed
    """
    signal.signal(signal.SIGTERM, _interrupt)
    rows, writer = [], None
    try:
        with _signals_held():
            writer = writing.RunWriter(out, config, **how)
            out = writer.path
        queue = slots.place(out, "cuda" if config.device != "cpu" and machine.gpu()[0] else "cpu")
        with (
            control.Listener(writer) as listener,
            slots.ticket(queue, out.absolute().relative_to(slots.store_of(out)).as_posix()) as mine,
        ):
            _wait(writer, listener, mine)
            from c2r.work.worker import Worker

            with Bar() as bar:
                rows = Worker(writer, bar.show, listener).run(work)
    except KeyboardInterrupt:
        if writer and writer.state in lifecycle.ALIVE:
            writer.status(state="stopped", message="Stopped on request, before anything was recorded.", force=True)
    except OSError as error:
        with contextlib.suppress(OSError, InputError):
            if writer:
                writer.status(state="failed", message=disasters.sentence(error), force=True)
        raise
    stopped = runs.open_run(out).state == "stopped"
    if not as_json:
        print(f"{'Stopped; kept in' if stopped else 'Done:'} {out}")
    print_rows(rows, as_json)
    if rows and not as_json:
        print_badges([badge for badge in badges.read(out) if badge.colour not in ("green", "grey")])
    return 130 if stopped else 0


@contextlib.contextmanager
def _signals_held() -> Iterator[None]:
    """Let a stop wait until a folder is claimed whole and there is somebody to say in it that the run was stopped.
    Raises KeyboardInterrupt."""
    came: list[int] = []
    heard = [how for how in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(how) is not signal.SIG_IGN]
    before = {how: signal.signal(how, lambda number, _: came.append(number)) for how in heard}
    try:
        yield
    finally:
        for how, handler in before.items():
            signal.signal(how, handler)
    if came:
        raise KeyboardInterrupt


def _wait(writer: writing.RunWriter, listener: control.Listener, mine: slots.Ticket) -> None:
    """Wait until the slot is free; 'stop' ends the waiting. Raises KeyboardInterrupt."""
    told, store = "", slots.store_of(writer.path)
    while before := slots.ahead(mine):
        message = f"Waiting for {slots.spoken(before[-1])}: one run at a time on this device, {len(before)} ahead."
        if runs.open_run(store / before[0]).state == "paused":
            message += f" Paused, to be resumed or stopped first: {slots.spoken(before[0])}."
        if message != told:
            print(message, file=sys.stderr, flush=True)
        told = message
        if listener.stopping:
            raise KeyboardInterrupt
        writer.status(message=message)
        time.sleep(POLL)
    with writer.mutex:
        if listener.stopping:
            raise KeyboardInterrupt
        writer.status(state="running", message="", force=True)


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt
