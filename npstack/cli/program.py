"""The program ``npstack``, which is also ``python -m npstack``.

It handles Ctrl-C before anything else is loaded, and it prepares the streams of the process for
consoles that lack characters, readers that have closed the pipe, and full disks.
"""

from __future__ import annotations

import os
import sys

from npstack.cli.messages import of_system, say

TYPE_CHECKING = False  # as in typing, which is loaded later
if TYPE_CHECKING:
    from typing import Any

OK, FAILED, USAGE, BAD_DATA, FAULT, INTERRUPTED = 0, 1, 2, 3, 70, 130


class Outlasted:
    """A stream whose failure does not end the work; later output to it is discarded.

    Parameters
    ----------
    stream : text stream
    harmless : type of OSError
        Errors after which the work continues. Others are raised once.
    """

    def __init__(self, stream: Any, harmless: type[OSError]) -> None:
        self._stream, self._harmless = stream, harmless

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """As for the stream."""
        self._try(self._stream.write, text)
        return len(text)

    def flush(self) -> None:
        """As for the stream."""
        self._try(self._stream.flush)

    def _try(self, method: Any, *given: str) -> None:
        try:
            method(*given)
        except OSError as error:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)
            if not isinstance(error, self._harmless):
                error.filename = "the output"
                raise


def run() -> int:
    """Run the command; return its exit code in all cases."""
    code = INTERRUPTED
    pressed: list[int] = []
    try:
        _prepare()
        _note_interrupts(pressed)
        from npstack.cli.main import main

        code = main()
    except SystemExit as left:  # argparse has printed the message
        code = USAGE if left.code else OK
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
    except MemoryError:
        say("there is not enough memory to begin. Close another program.")
        code = BAD_DATA
    except Exception as error:
        if pressed:  # NumPy makes an ImportError of it while it is loaded
            print("\ninterrupted", file=sys.stderr)
        else:
            code = FAULT
            _report(error)
    return _last(code)


def _prepare() -> None:
    """Make the streams safe to write to, and hide warnings of libraries."""
    for name, harmless in (("stdout", BrokenPipeError), ("stderr", OSError)):
        stream = getattr(sys, name)
        if stream is None:  # closed by the parent process
            stream = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 (until the end)
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
        setattr(sys, name, Outlasted(stream, harmless))
    if not sys.warnoptions:
        import warnings

        warnings.simplefilter("ignore")


def _note_interrupts(pressed: list[int]) -> None:
    """Ctrl-C is an exception, as ever, and is noted beside; where it is ignored, it stays so."""
    import signal

    def note(number: int, frame: Any) -> None:
        pressed.append(number)
        signal.default_int_handler(number, frame)

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, note)


def _report(error: Exception) -> None:
    """Report a fault in npstack in one line; developers get the traceback."""
    if sys.flags.dev_mode:
        raise error
    words = f"{type(error).__name__}: {error}"
    say(
        f"this is a fault in npstack itself ({words}). Please report it, with what "
        "python -X dev -m npstack … prints."
    )


def _last(code: int) -> int:
    """End without further interrupts or failing flushes."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        sys.stdout.flush()
    except OSError as error:
        say(of_system(error))
        code = BAD_DATA
    sys.stderr.flush()
    return code
