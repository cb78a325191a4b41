"""What every side can do: prepare a problem, run it, and give its results by name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from importlib import import_module
from importlib.metadata import version
from typing import Any, ClassVar, NamedTuple

from benchmarks.engines.cases import MODES, Answer, Problem


class NotOffered(Exception):
    """A side cannot do what is asked for; the message says why. It is left out of the tables."""


class Side(ABC):
    """A program that computes stacks of LSTM layers.

    A side lives in a process of its own, whose thread pools have been limited before it starts.

    Parameters
    ----------
    threads : int
        How many threads it may use.
    """

    packages: ClassVar[tuple[str, ...]] = ()  # whose versions are reported
    has_results = True  # False: it does the work without the numbers, and cannot be checked

    def __init__(self, threads: int = 1) -> None:
        self.threads = threads

    @abstractmethod
    def prepare(self, problem: Problem, mode: str) -> None:
        """Take parameters and data over, compile; nothing is computed yet."""

    @abstractmethod
    def run(self) -> Any:
        """Compute everything once. This is what is timed: it returns when all is computed."""

    @abstractmethod
    def answer(self) -> Answer:
        """Run once more, and give the results in npstack's layout."""

    def ran(self) -> str:
        """What the last run says of itself, for the tables."""
        return ""

    def versions(self) -> dict[str, str]:
        """Versions of the packages that compute."""
        return {name: version(name) for name in self.packages}


class Spec(NamedTuple):
    """How a side is made.

    Attributes
    ----------
    title : str
        For people.
    made_by : str
        ``module:class``.
    threads : tuple of int
        The numbers of threads with which it is measured; the better one counts.
    options : dict
        Further arguments of the class.
    modes : tuple of str
        What it offers.
    dtypes : tuple of str
        The dtypes that it takes.
    """

    title: str
    made_by: str
    threads: tuple[int, ...] = (1,)
    options: dict[str, Any] = {}  # noqa: RUF012  never changed
    modes: tuple[str, ...] = MODES
    dtypes: tuple[str, ...] = ("float32", "float64")


HERE = "benchmarks.engines.sides"
SPECS = {
    **{
        kind: Spec(f"npstack, {kind}", f"{HERE}.own:Own", options={"kind": kind})
        for kind in ("readable", "fused", "wavefront", "auto")
    },
    "torch": Spec("PyTorch", f"{HERE}.torch_lstm:TorchLSTM", (1, 2)),
    "jax": Spec("JAX", f"{HERE}.jax_scan:JaxScan", (1, 2)),
    "onnxruntime": Spec("onnxruntime", f"{HERE}.onnx_lstm:OnnxLSTM", (1, 2), modes=("forward",)),
    "peer": Spec("neuralnetworknumpy", f"{HERE}.numpy_peer:NumpyPeer", (1, 2), dtypes=("float64",)),
    "floor": Spec("products alone", f"{HERE}.products:Products"),
}
OURS = ("readable", "fused", "wavefront", "auto")


def make(spec: Spec, threads: int) -> Side:
    """The side itself, in the process in which it is to run."""
    module, _, name = spec.made_by.partition(":")
    try:
        kind = getattr(import_module(module), name)
    except ModuleNotFoundError as missing:
        raise NotOffered(f"{missing.name} is not installed") from None
    side: Side = kind(threads, **spec.options)
    return side
