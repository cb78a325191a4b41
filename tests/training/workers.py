"""What tests send to workers: losses and runs that kill the process they are in, and executors."""

import os
import pickle
import signal
import threading
import time
from concurrent.futures import Executor, Future
from pathlib import Path

import numpy as np

from npstack import LSTM, SGD, fit, mean_squared_error


def die():
    """End this process as the system does when memory is short."""
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))


def die_at_first(folder, times=1):
    """Kill the process the first so many times; each call leaves a file."""
    for k in range(times):
        try:
            (Path(folder) / str(k)).touch(exist_ok=False)
        except FileExistsError:
            continue
        die()


def deadly_loss(folder, times, predictions, targets, mask=None, weights=None):
    """The squared error, in a process that survives it at last."""
    die_at_first(folder, times)
    return mean_squared_error(predictions, targets, mask, weights=weights)


def train(rng, rate, folder=None, times=1, optimiser=None):
    """A short training run: all that it has learned, and how many BLAS threads it had."""
    if folder is not None:
        die_at_first(folder, times)
    if rate < 0:
        return 1 / (rate + 1)
    x = rng.standard_normal((6, 4, 2))
    model = LSTM(2, 3, rng=rng)
    optimiser = SGD(rate) if optimiser is None else optimiser
    history = fit(model, (x, np.tanh(x @ np.ones((2, 3)))), epochs=2, batch_size=3, rng=rng,
                  optimiser=optimiser)  # fmt: skip
    return history.train_loss, dict(model.params)


def deadly_if_negative(rng, rate):
    """A run that kills its process each time if its rate is negative.

    Not at once: dask (2026.8) may not notice that a process has died while it was starting.
    """
    if rate < 0:
        time.sleep(0.5)
        die()
    return train(rng, rate)


def blas_threads(rng):
    """The number of BLAS threads during a run."""
    import threadpoolctl

    return {
        lib["num_threads"] for lib in threadpoolctl.threadpool_info() if lib["user_api"] == "blas"
    }


class Backwards(Executor):
    """Everything is pickled, and calculated when all have been sent: the last one first."""

    def __init__(self, count):
        self.count, self.calls = count, []

    def submit(self, fn, /, *args):
        future = Future()
        self.calls.append((future, pickle.dumps((fn, args))))
        if len(self.calls) == self.count:
            threading.Thread(target=self.run).start()
        return future

    def run(self):
        for future, call in reversed(self.calls):
            fn, args = pickle.loads(call)
            future.set_result(pickle.loads(pickle.dumps(fn(*args))))


class Forgetful(Executor):
    """Loses each call some times before it runs it."""

    def __init__(self, losses):
        self.losses, self.sent, self.futures = losses, [], []

    def submit(self, fn, /, *args):
        self.sent.append(args[1])
        future = Future()
        self.futures.append(future)
        if args[1] < self.losses:
            future.set_exception(MemoryError("the worker is gone"))
        else:
            future.set_result(fn(*args))
        return future
