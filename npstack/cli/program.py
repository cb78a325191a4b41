"""The program ``npstack``, which is also ``python -m npstack``.

It loads nothing until it listens for Ctrl-C, and it is the one place where the streams of a process
are made fit for use: a console that lacks a letter, a reader that has left, a disk that is full.
"""

from __future__ import annotations

import os
import sys
from typing import Any

OK, FAILED, USAGE, BAD_DATA, FAULT, INTERRUPTED = 0, 1, 2, 3, 70, 130


class Outlasted:
    """A stream whose end does not end the work; afterwards, what is written to it goes nowhere.

    Parameters
    ----------
    stream : text stream
    harmless : type of OSError
        Errors after which the work goes on. Others are raised, once.
    """

    def __init__(self, stream: Any, harmless: type[OSError]) -> None:
        self._stream, self._harmless = stream, harmless

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """As the stream's."""
        self._try(self._stream.write, text)
        return len(text)

    def flush(self) -> None:
        """As the stream's."""
        self._try(self._stream.flush)

    def _try(self, method: Any, *given: str) -> None:
        try:
            method(*given)
        except OSError as error:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)
            if not isinstance(error, self._harmless):
                raise


def run() -> int:
    """Run the command that was typed; its exit code, whatever happens."""
    code = INTERRUPTED
    try:
        _prepare()
        from npstack.cli.main import main

        code = main()
    except SystemExit as left:  # argparse has said all
        code = USAGE if left.code else OK
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
    except MemoryError:
        print("npstack: there is not enough memory to begin. Close something.", file=sys.stderr)
        code = BAD_DATA
    except Exception as error:
        code = FAULT
        _report(error)
    return _last(code)


def _prepare() -> None:
    """Streams that can be written, whatever they lead to; no warnings of libraries."""
    for name, harmless in (("stdout", BrokenPipeError), ("stderr", OSError)):
        stream = getattr(sys, name)
        if stream is None:  # closed by whoever started this
            stream = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 (until the end)
        else:
            stream.reconfigure(errors="backslashreplace")
        setattr(sys, name, Outlasted(stream, harmless))
    if not sys.warnoptions:
        import warnings

        warnings.simplefilter("ignore")


def _report(error: Exception) -> None:
    """A fault of our own, in a line; developers want the traceback."""
    if sys.flags.dev_mode:
        raise error
    words = " ".join(f"{type(error).__name__}: {error}".split())
    print(
        f"npstack: this is a fault in npstack itself ({words}). Please report it, with what "
        "python -X dev -m npstack … prints.",
        file=sys.stderr,
    )


def _last(code: int) -> int:
    """Nothing is left to be interrupted, or to be flushed in vain."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        sys.stdout.flush()
    except OSError as error:
        print(f"npstack: the output cannot be written: {error.strerror}.", file=sys.stderr)
        code = BAD_DATA
    sys.stderr.flush()
    return code
