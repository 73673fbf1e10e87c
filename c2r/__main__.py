"""The command line: ``python -m c2r COMMAND``, see `c2r.cli.entry`. Ctrl-C is heard before anything else is loaded."""

import os
import sys

STOPPED = 130  # exit code


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code: 0 done, 2 bad input or a disaster (one sentence on stderr), 130
    stopped."""
    from c2r.cli.entry import run

    return run(arguments)


def _leave(*_: object) -> None:
    """End at once: while libraries load nothing is begun yet, and an exception inside their imports can be swallowed or
    printed."""
    os.write(2, b"Stopped.\n")
    os._exit(STOPPED)


def _started() -> int:
    """`main` of a process of its own. A shell's background job that ignores Ctrl-C goes on doing so."""
    import signal

    heard = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if heard:
        signal.signal(signal.SIGINT, _leave)
    import c2r.cli.entry  # noqa: F401

    if heard:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    code = main()
    if code == STOPPED:  # Python would end as if nobody had heard Ctrl-C, when it came while a library was loaded
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code


if __name__ == "__main__":
    try:
        sys.exit(_started())
    except KeyboardInterrupt:
        _leave()
