"""Arrays that are used again by the next pass of the same shape."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")
MOST = 4  # that wait to be used again


class Pool(Generic[T]):
    """Things that wait to be used again, by a key.

    Parameters
    ----------
    make : callable
        Makes one, from its key.

    Examples
    --------
    >>> pool = Pool(lambda key: [key])
    >>> first = pool.take("a")
    >>> pool.give("a", first)
    >>> pool.take("a") is first, pool.take("a") is first
    (True, False)
    """

    def __init__(self, make: Callable[..., T]) -> None:
        self.make, self.lock = make, Lock()
        self.waiting: list[tuple[object, T]] = []  # the longest first

    def take(self, key: object) -> T:
        """One that waits, or a new one."""
        with self.lock:
            for place in reversed(range(len(self.waiting))):
                if self.waiting[place][0] == key:
                    return self.waiting.pop(place)[1]
        return self.make(key)

    def give(self, key: object, thing: T) -> None:
        """It is not used any more."""
        with self.lock:
            self.waiting.append((key, thing))
            del self.waiting[:-MOST]
