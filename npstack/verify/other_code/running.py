"""A child process that answers messages: its channel, its output, its time."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from typing import Any

import numpy as np

from npstack.verify.other_code import child
from npstack.verify.other_code.child import receive, send

MOST_ANSWER, SHOWN = 1 << 30, 10_000  # bytes
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


class Running:
    """A child process: its channel, a thread that reads what it prints, one that watches the time.

    Attributes
    ----------
    why : str
        Why it was ended: ``time``, ``output``, or empty.
    printed : bytearray
        The beginning of what it has printed.
    """

    def __init__(self, most: int) -> None:
        environment = {**os.environ, "PYTHONIOENCODING": "utf-8:backslashreplace"}
        environment |= {**dict.fromkeys(THREADS, "1"), "PYTHONDONTWRITEBYTECODE": "1"}
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            [sys.executable, "-P", child.__file__],
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            env=environment,
            start_new_session=True,
            bufsize=0,
        )
        self.why, self.printed = "", bytearray()
        self._left, self._most = most, most
        self._asked = 0
        self._deadline = np.inf
        self._over = threading.Event()
        for body in (self._read_output, self._watch):
            threading.Thread(target=body, daemon=True).start()

    def ask(
        self, head: dict[str, Any], buffers: list[Any], seconds: float
    ) -> tuple[dict[str, Any], memoryview] | None:
        """Send a message and read the answer; None if the child ended."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._left = self._most
        self._deadline = time.monotonic() + seconds
        try:
            self._asked += 1
            head = {**head, "seconds": seconds, "number": self._asked}
            send(self.process.stdin.fileno(), head, buffers)
            answer = receive(self.process.stdout.fileno(), MOST_ANSWER)
            if answer is not None and answer[0].get("number") != self._asked:
                raise ValueError("an answer to another question: there are two processes")
            return answer
        finally:
            self._deadline = np.inf

    def end(self, patience: float = 0.0) -> int:
        """End the process and all that it began; its exit code."""
        self._over.set()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(patience)
        self._kill()
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            stream.close()
        return self.process.wait()

    def _kill(self) -> None:
        if hasattr(os, "killpg"):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)  # its own session
        else:
            self.process.kill()

    def _read_output(self) -> None:
        stream = self.process.stderr
        assert stream is not None
        with stream:
            while part := os.read(stream.fileno(), 1 << 16):
                self.printed += part[: max(SHOWN - len(self.printed), 0)]
                self._left -= len(part)
                if self._left < 0 and not self.why:
                    self.why = "output"
                    self._kill()

    def _watch(self) -> None:
        while not self._over.wait(0.05):
            if time.monotonic() > self._deadline and not self.why:
                self.why = "time"
                self._kill()


def signal_name(number: int) -> str:
    """The name of a signal.

    Examples
    --------
    >>> signal_name(9)
    'SIGKILL'
    """
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
