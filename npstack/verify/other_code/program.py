"""A Python file that runs in a process of its own, with limits; its functions can be called.

The child process returns arrays. Whatever else the file does (ends, hangs, prints without end,
replaces functions of NumPy) happens there: the call is an error in words here, and the next call
begins another child. This protects from mistakes. It is not a sandbox: the file may read and write
whatever the user may.
"""

from __future__ import annotations

import inspect
import signal
import weakref
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, Self

import numpy as np

from npstack.core.errors import CodeError, fail
from npstack.files.paths import open_file
from npstack.verify.other_code.calls import fail_raised
from npstack.verify.other_code.child import Kept, decode, encode
from npstack.verify.other_code.running import MOST_ANSWER, Running, signal_name

MOST_SOURCE = 1 << 20  # bytes


class Limits(NamedTuple):
    """What a program may take.

    Attributes
    ----------
    seconds, loading : float
        Time of one call; time in which a child begins and loads the file.
    memory : int
        Bytes of address space of the process; not on Windows, and not reliably on macOS.
    output : int
        Bytes that one call may print.
    """

    seconds: float = 10.0
    loading: float = 10.0
    memory: int = 2 << 30
    output: int = 1_000_000


class Program:
    """A Python file in a process of its own.

    Parameters
    ----------
    path : str or Path
    limits : Limits

    Attributes
    ----------
    functions : dict of callable
        The functions that the file defines, by name, in its order. They take and return arrays,
        tuples and dictionaries of arrays; anything else that they return, such as a cache, stays in
        the child, and is found again when it is passed back.
    classes, cells : tuple of str
        The classes of the file; those that inherit from `npstack.Cell`, see `build`.
    imports_npstack : bool
        Whether the file has imported npstack, itself or by another module.
    replaced : tuple of str
        The functions of NumPy that the file has replaced by others.
    output : str
        The beginning of what it has printed.

    Raises
    ------
    CodeError
        The file does not run; its functions raise it if they end, hang, or print too much.
    DataError, OSError
        There is no such file, or it is something else.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = Path(folder.name, "mine.py")
    >>> _ = path.write_text("def double(x):\\n    return 2 * x\\n")
    >>> with Program(path) as program:
    ...     program.functions["double"](np.ones(2))
    array([2., 2.])
    >>> folder.cleanup()
    """

    def __init__(self, path: str | Path, limits: Limits = Limits()) -> None:  # noqa: B008
        self.where = repr(str(path)) if isinstance(path, str | Path) else "Program"
        advice = "Is it the right file?"
        with open_file(self.where, path, MOST_SOURCE, advice) as file:
            self._source = file.read()
        self.path, self.limits = Path(path).resolve(), limits
        self.imports_npstack = False
        self.replaced: tuple[str, ...] = ()
        self._running: Running | None = None
        self.cells: tuple[str, ...] = ()
        self._built: dict[str, dict[str, Any]] = {}
        self._begun = 0
        self._forgotten: list[int] = []
        self.functions: dict[str, Remote] = {}
        try:
            loaded = self._start()
        except BaseException:
            self.close()
            raise
        for name, arguments in loaded["functions"].items():
            self.functions[name] = Remote(self, name, arguments)
        self.cells, self.classes = tuple(loaded["cells"]), tuple(loaded["classes"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __deepcopy__(self, memo: Any) -> Self:
        return self

    def close(self) -> None:
        """End the child."""
        if self._running is not None:
            self._running.end()
            self._ending.detach()
        self._running = None

    @property
    def output(self) -> str:
        """The beginning of what the file has printed in the present child."""
        return (
            "" if self._running is None else bytes(self._running.printed).decode(errors="replace")
        )

    def call(self, name: str, arguments: list[str] | None, given: tuple[Any, ...]) -> Any:
        """Call a function of the file."""
        if self._running is None:
            self._start()
        buffers: list[Any] = []
        forget, self._forgotten[:] = list(self._forgotten), []
        head = {"do": "call", "name": name, "given": encode(given, buffers, None), "forget": forget}
        reply, body = self._ask(head, buffers, name)
        names = arguments or [f"argument {k + 1}" for k in range(len(given))]
        if "error" in reply:
            shown = {} if arguments is None else dict(zip(names, given, strict=False))
            fail_raised(name, reply["error"], shown)
        at = [0]
        try:
            found = decode(reply["found"], body, at, self._keep)
            changed = decode(reply["changed"], body, at, self._keep)
        except (AttributeError, LookupError, TypeError, ValueError):
            self.close()
            self._fail_ended(name, "odd", 0, 0)
        for k, value in changed.items():
            if not given[int(k)].flags.writeable:
                expected, advice = "it must not change what it is given", "Copy it: x = x.copy()."
                fail(CodeError, name, expected, f"another {names[int(k)]}", advice)
            given[int(k)][...] = value  # as if it ran here
        return found

    def build(
        self, name: str, input_size: int, hidden_size: int, dtype: Any, seed: int
    ) -> tuple[dict[str, Any], Remote, Remote]:
        """Build a cell of the file: what it declares, and its two steps as functions."""
        sizes, head = [input_size, hidden_size], {"do": "build", "name": name, "seed": seed}
        self._built[name] = {**head, "sizes": sizes, "dtype": np.dtype(dtype).str}
        if self._running is None:
            self._start()
        reply, body = self._ask(self._built[name], [], name)
        if "error" in reply:
            _fail_built(name, reply["error"])
        if "unfit" in reply:
            step, takes, got = reply["unfit"]
            advice = "So does every step of npstack.Cell; docs/cells.md has an example."
            takes, got = ", ".join(takes), ", ".join(got) or "nothing"
            fail(CodeError, f"{name}.{step}", f"it must take {takes}", got, advice)
        declared = decode(reply["cell"], body, [0], self._keep)
        forward, backward = (
            Remote(self, f"{name}.{step}", None) for step in ("step", "step_backward")
        )
        return declared, forward, backward

    def _keep(self, number: int, kind: str) -> Kept:
        """A value that stays in the child until nobody needs it here."""
        kept = Kept(number, kind)
        weakref.finalize(kept, self._forgotten.append, number)
        return kept

    def _start(self) -> dict[str, Any]:
        """Begin a child, and load the file."""
        self._begun += 1
        self._running = Running(self.limits.output)
        self._ending = weakref.finalize(self, self._running.end)  # when no code refers to it
        head = {"do": "load", "path": str(self.path), "memory": self.limits.memory}
        head["first"] = self._begun << 40  # no number of one child is a number of another
        reply, _ = self._ask(head, [self._source], self.path.name)
        if "error" in reply:
            fail_raised(self.path.name, reply["error"], {})
        for name, built in self._built.items():
            self._ask(built, [], name)
        return reply

    def _ask(
        self, head: dict[str, Any], buffers: list[Any], name: str
    ) -> tuple[dict[str, Any], memoryview]:
        """Send a message and wait for the answer; the child ends if there is none."""
        running = self._running
        assert running is not None
        seconds = self.limits.loading if head["do"] == "load" else self.limits.seconds
        reply, why = None, "ended"
        try:
            reply = running.ask(head, buffers, seconds)
        except OverflowError:
            why = "large"
        except ValueError:
            why = "odd"
        except OSError:  # a broken pipe
            pass
        except BaseException:
            self.close()
            raise
        if reply is None or running.why:  # it may have answered just before it was ended
            code = running.end(patience=2.0 if why == "ended" and not running.why else 0.0)
            self._ending.detach()
            self._running = None
            self._fail_ended(name, running.why or why, code, seconds)
        self.imports_npstack |= bool(reply[0].get("npstack"))
        self.replaced = tuple(reply[0].get("replaced", ()))
        return reply

    def _fail_ended(self, name: str, why: str, code: int, seconds: float) -> NoReturn:
        """Raise the error for a child that has ended, or was ended."""
        expected, got = "it must return", f"the end of its process, with exit code {code}"
        advice = "Does it call os._exit?"
        if why == "time" or code == -getattr(signal, "SIGXCPU", 0):
            does = "load" if name == self.path.name else "return"
            expected, got = f"it must {does} within {seconds:g} s", "no answer"
            advice = "Is there a loop without an end?"
        elif why == "output":
            expected, got = f"it must print at most {self.limits.output:,} bytes", "more"
            advice = "Remove print from its loops."
        elif why == "odd":
            expected, got = "its process must answer", "something else"
            advice = "Does it write to streams that it has not opened?"
        elif why == "large":
            expected = f"it must return at most {MOST_ANSWER:,} bytes"
            got, advice = "more", "Return arrays of the shapes that are asked for."
        elif code < 0:
            got = f"the end of its process by signal {signal_name(-code)}"
            advice = "Does it call the system, or take all the memory?"
        fail(CodeError, name, expected, got, advice, raised=why)


def _fail_built(name: str, told: dict[str, Any]) -> NoReturn:
    """Raise the error for a cell that cannot be made."""
    if told["raised"] in ("TypeError", "ArgumentError") and "argument" in told["message"]:
        expected = f"it must be made by {name}(input_size, hidden_size, rng=…, dtype=…)"
        got = told["message"].partition(". ")[0]  # without npstack's own advice
        fail(CodeError, name, expected, got, "Let its __init__ take these four.")
    fail_raised(name, told, {})


class Remote:
    """A function of a program."""

    def __init__(self, program: Program, name: str, arguments: list[str] | None) -> None:
        self.program, self.__name__, self.arguments = program, name, arguments
        if arguments is not None:
            kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
            parameters = [inspect.Parameter(argument, kind) for argument in arguments]
            self.__signature__ = inspect.Signature(parameters)

    def __call__(self, *given: Any) -> Any:
        """Call it in the child process."""
        return self.program.call(self.__name__, self.arguments, given)

    def __repr__(self) -> str:
        return f"{self.__name__} of {self.program.path.name}"
