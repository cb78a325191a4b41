"""Calls that are sent to an executor, and sent again if their worker is lost."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import BrokenExecutor, Executor, Future
from threading import Lock
from typing import Any, NoReturn

from npstack.core.errors import ArgumentError, DtypeError, describe, fail, in_words

NOT_SENT = (pickle.PicklingError, AttributeError, TypeError)  # what pickling raises


class RestartingExecutor(Executor):
    """An executor that is made again when it has lost a worker.

    A ``ProcessPoolExecutor`` works no more when one of its processes was killed. This one puts a
    new one in its place when the next call is submitted. The calls that were lost raise an error
    as usual; `sharded_gradients` sends them again.

    Parameters
    ----------
    make : callable
        Returns a new executor.

    Examples
    --------
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> with RestartingExecutor(lambda: ThreadPoolExecutor(2)) as executor:
    ...     list(executor.map(abs, [-1, 2]))
    [1, 2]
    """

    def __init__(self, make: Callable[[], Executor]) -> None:
        if not callable(make) or isinstance(make, Executor):
            expected, advice = "make must be a function", "Use lambda: ProcessPoolExecutor(4)."
            fail(DtypeError, "RestartingExecutor", expected, describe(make), advice)
        self.make, self._lock = make, Lock()
        self._executor = self._made()

    def _made(self) -> Executor:
        made = self.make()
        if not isinstance(made, Executor):
            expected = "make must return a concurrent.futures.Executor"
            advice = "Use lambda: ProcessPoolExecutor(4)."
            fail(DtypeError, "RestartingExecutor", expected, describe(made), advice)
        return made

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Send a call to a worker."""
        with self._lock:
            try:
                return self._executor.submit(fn, *args, **kwargs)
            except BrokenExecutor:
                self._executor.shutdown(wait=False)
                self._executor = self._made()
                return self._executor.submit(fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Free the workers; nothing can be submitted any more."""
        with self._lock:
            self._executor.shutdown(wait, cancel_futures=cancel_futures)


def results(
    where: str,
    function: Callable[[Any, int], Any],
    tasks: Mapping[str, Any],
    executor: Executor,
    retries: int,
) -> Iterator[Any]:
    """What ``function(task, attempt)`` returns for each named task, in their order.

    The function raises nothing itself, so every error is the executor's: a worker was lost, or the
    call cannot be sent. ``attempt`` makes a call that is sent again a different one, for executors
    that keep results.

    Examples
    --------
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> with ThreadPoolExecutor(2) as pool:
    ...     list(results("here", pow, {"first": 2, "second": 3}, pool, retries=0))
    [1, 1]
    """
    sent = _Sent(where, function, tasks, executor, retries)
    try:
        for name in tasks:
            yield sent.result(name)
    finally:
        sent.cancel()


class _Sent:
    """Tasks that were sent to an executor.

    Attributes
    ----------
    attempts : dict of int
        How often each was sent.
    futures : dict of Future
        Of those whose result has not been used.
    """

    def __init__(
        self,
        where: str,
        function: Callable[[Any, int], Any],
        tasks: Mapping[str, Any],
        executor: Executor,
        retries: int,
    ) -> None:
        self.where, self.function, self.tasks = where, function, tasks
        self.executor, self.retries = executor, retries
        self.attempts = dict.fromkeys(tasks, 0)
        self.futures: dict[str, Future[Any]] = {}
        for name in tasks:
            self.send(name)

    def send(self, name: str) -> None:
        """Send a task, for the first time or again."""
        try:
            future = self.executor.submit(self.function, self.tasks[name], self.attempts[name])
        except Exception as error:
            self.cancel()
            self.fail(name, error)
        self.futures[name] = future
        self.attempts[name] += 1

    def result(self, name: str) -> Any:
        """The result of a task. If a worker was lost, all that were lost with it are sent again."""
        while True:
            try:
                found = self.futures[name].result()
            except Exception as error:
                if isinstance(error, NOT_SENT) or self.attempts[name] > self.retries:
                    self.fail(name, error)
                for other in [own for own, future in self.futures.items() if _lost(future)]:
                    self.send(other)
            else:
                del self.futures[name]
                return found

    def cancel(self) -> None:
        """Nobody waits for the others."""
        for future in self.futures.values():
            future.cancel()

    def fail(self, name: str, error: Exception) -> NoReturn:
        """Say why a task has no result."""
        told = in_words(error).removesuffix(".")
        if isinstance(error, NOT_SENT):
            expected = "model, samples, states and loss must be such that they can be pickled"
            advice = "Define functions and classes in a module, with def, not inside a function."
            raise DtypeError(self.where, expected, told, advice) from error
        advice = "Smaller shards need less memory. Does the loss end its process?"
        if self.attempts[name] <= self.retries:  # nothing can be sent
            advice = "A pool that has lost a process works no more, a RestartingExecutor does. "
            advice += "Call inside of the with block of the executor."
        expected = f"{name} must be computed by a worker"
        got = f"{told} (attempt {max(self.attempts[name], 1)} of {self.retries + 1})"
        raise ArgumentError(self.where, expected, got, advice) from error


def _lost(future: Future[Any]) -> bool:
    """Whether it will have no result, because its worker, or the whole pool, was lost."""
    return future.cancelled() or (future.done() and future.exception() is not None)
