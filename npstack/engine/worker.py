"""One more thread, for large products while the loop over time goes on."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from types import TracebackType

import numpy as np

Work = Callable[[int], None]
_jobs: SimpleQueue[Callable[[], None]] | None = None
_lock = threading.Lock()


def _queue() -> SimpleQueue[Callable[[], None]]:
    """The jobs of the thread, which ends with the program."""
    global _jobs
    with _lock:
        if _jobs is None:
            _jobs = SimpleQueue()
            threading.Thread(target=_loop, args=(_jobs,), daemon=True, name="npstack").start()
        return _jobs


def _loop(jobs: SimpleQueue[Callable[[], None]]) -> None:
    while True:
        jobs.get()()


def _forget() -> None:
    """A forked process has no threads but the one that forked."""
    global _jobs, _lock
    _jobs, _lock = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


class Follower:
    """Pieces of work that follow the main loop, in order: on another thread, or at once.

    Parameters
    ----------
    work : callable
        Does one piece, by its number.
    threaded : bool
        Whether another thread does it.

    Examples
    --------
    >>> done = []
    >>> with Follower(done.append, threaded=True) as follower:
    ...     follower.tell()
    ...     follower.tell()
    ...     follower.wait(2)
    >>> done
    [0, 1]
    """

    def __init__(self, work: Work, threaded: bool) -> None:
        self.work, self.threaded = work, threaded
        self.told = 0
        self.done: SimpleQueue[BaseException | None] = SimpleQueue()
        self.count = 0  # pieces that are known to be done
        self.over = False  # what has not begun is left out
        self.settings = np.geterr()  # another thread has others

    def __enter__(self) -> Follower:
        return self

    def tell(self) -> None:
        """One more piece may be done."""
        if self.threaded:
            _queue().put(partial(self._do, self.told))
            self.told += 1
        else:
            self.work(self.count)
            self.count += 1

    def wait(self, count: int) -> None:
        """Until so many pieces are done; an error in one of them is raised here."""
        while self.count < count:
            error = self.done.get()
            if error is not None:
                raise error
            self.count += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.over = True

    def _do(self, number: int) -> None:
        """A piece, on the other thread, which never waits for this one."""
        if self.over:
            return
        try:
            with np.errstate(**self.settings):
                self.work(number)
        except BaseException as error:  # raised where it is waited for
            self.over = True
            self.done.put(error)
            return
        self.done.put(None)
