"""One more thread, for large products while the loop over time goes on."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from queue import SimpleQueue
from types import TracebackType

import numpy as np

Work = Callable[[int], None]
_jobs: SimpleQueue[Callable[[], None]] | None = None


def _queue() -> SimpleQueue[Callable[[], None]]:
    """The jobs of the thread, which ends with the program."""
    global _jobs
    if _jobs is None:
        _jobs = SimpleQueue()
        threading.Thread(target=_loop, args=(_jobs,), daemon=True, name="npstack").start()
    return _jobs


def _loop(jobs: SimpleQueue[Callable[[], None]]) -> None:
    while True:
        jobs.get()()


def _forget() -> None:
    """A forked process has no threads but the one that forked."""
    global _jobs
    _jobs = None


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
        self.told: SimpleQueue[bool] = SimpleQueue()
        self.done: SimpleQueue[BaseException | None] = SimpleQueue()
        self.count = 0  # pieces that are known to be done
        self.settings = np.geterr()  # another thread has others

    def __enter__(self) -> Follower:
        if self.threaded:
            _queue().put(self._follow)
        return self

    def tell(self) -> None:
        """One more piece may be done."""
        if self.threaded:
            self.told.put(True)
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
        if self.threaded:
            self.told.put(False)

    def _follow(self) -> None:
        number = 0
        with np.errstate(**self.settings):
            while self.told.get():
                try:
                    self.work(number)
                except BaseException as error:  # raised where it is waited for
                    self.done.put(error)
                    return
                self.done.put(None)
                number += 1
