"""The paths by which a layer may run: the readable one, or a faster twin that computes the same.

The readable path is `Layer._forward` and `Layer._backward`. `npstack.engine` puts its twins into
`TWINS` when it is imported: when an engine is first asked for.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple, Protocol

import numpy as np

from npstack.core.arguments import check_option, check_size
from npstack.core.errors import DtypeError, describe, fail
from npstack.core.numerics import Array
from npstack.core.params import Params, with_prefix
from npstack.core.ran import Ran
from npstack.core.tape import Tape
from npstack.layers.boundary import tape_of
from npstack.layers.interface import Context, States

KINDS = ("readable", "fused", "wavefront", "auto")
Triple = tuple[dict[str, Array], Array | None, States]


@dataclass(frozen=True)
class Engine:
    """How `forward` and `backward` are computed.

    Attributes
    ----------
    kind : {"readable", "fused", "wavefront", "auto"}
        "readable": the equations as they are printed, step by step. "fused": layer by layer, with
        few large matrix products and no temporary arrays. "wavefront": all layers of a stack at
        once, for few rows and narrow layers. "auto": what is fastest for the sizes; the same
        sizes always give the same choice.
    threads : int, optional
        Threads of NumPy's matrix products while the layer runs; needs threadpoolctl. They are left
        as they are by default.
    budget : int, optional
        Bytes that a tape may take. If it would take more, states are kept every few steps only, and
        the steps between are computed again in the backward pass.

    Examples
    --------
    >>> Engine("fused")
    Engine(kind='fused', threads=None, budget=None)
    """

    kind: str = "auto"
    threads: int | None = None
    budget: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", check_option("Engine", "kind", self.kind, KINDS))
        advice = {"threads": "Use an int, for example 1.", "budget": "In bytes: 2**26 is 64 MiB."}
        for name, said in advice.items():
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, check_size("Engine", name, value, said))

    def record(self) -> dict[str, Any]:
        """What the numbers of a run depend on besides its settings, as plain values."""
        numpy, blas = libraries()
        return {"kind": self.kind, "threads": self.threads, "numpy": numpy, "blas": blas}


READABLE = Engine("readable")


class EngineAttribute:
    """The attribute ``engine`` of a layer: the readable path, until another is assigned."""

    def __get__(self, layer: Any, kind: type) -> Engine:
        return READABLE if layer is None else vars(layer).get("engine", READABLE)

    def __set__(self, layer: Any, engine: object) -> None:
        vars(layer)["engine"] = check_engine(f"{type(layer).__name__}.engine", engine)


def check_engine(where: str, engine: object) -> Engine:
    """An engine, from itself or from its kind.

    Examples
    --------
    >>> check_engine("fit", "auto")
    Engine(kind='auto', threads=None, budget=None)
    """
    if isinstance(engine, Engine):
        return engine
    if isinstance(engine, str):
        return Engine(check_option(where, "engine", engine, KINDS))
    expected = f"engine must be {', '.join(map(repr, KINDS))} or an Engine"
    return fail(DtypeError, where, expected, describe(engine), "Use engine='auto'.")


@contextmanager
def using(layer: Any, engine: Engine) -> Iterator[None]:
    """A layer runs by an engine for a while."""
    before = vars(layer).get("engine")
    layer.engine = engine
    try:
        yield
    finally:
        del vars(layer)["engine"]
        if before is not None:
            layer.engine = before


def own_engine(layer: Any) -> Engine | None:
    """The engine that was assigned to a layer; None if none was."""
    found: Engine | None = vars(layer).get("engine")
    return found


class Item(NamedTuple):
    """One layer, and what it gets in a forward pass besides input, mask and resets."""

    layer: Any
    params: Params
    states: States
    noise: Any


class Run(Protocol):
    """Some layers of a chain that have run at once.

    Attributes
    ----------
    count : int
        How many. It does not refer to their tapes, which refer to it: a tape that nobody holds any
        more gives its memory back at once.
    """

    count: int

    def check(self) -> None:
        """Check that its tapes have not been released."""

    def backward(
        self, doutputs: Array, dfinal: Sequence[States], need_x: bool = True
    ) -> list[Triple]:
        """Parameters' gradients, ``dx`` and initial states' gradients of each, bottom first.

        Only the ``dx`` of the first counts; it is None if it is not needed.
        """


class Twin(ABC):
    """A faster path for some layers."""

    @abstractmethod
    def takes(self, items: Sequence[Item], x: Array, context: Context) -> tuple[int, str]:
        """How many of these layers, from the first, it runs at once; if none, why."""

    @abstractmethod
    def forward(self, items: Sequence[Item], x: Array, context: Context) -> tuple[Tape, ...]:
        """The tapes of these layers; each has the `Run` as ``run``."""


TWINS: dict[str, Twin] = {}  # by the kind of engine


def twin_of(engine: Engine | None) -> Twin | None:
    """The twin for an engine; None for the readable path."""
    if engine is None or engine.kind == "readable":
        return None
    import_module("npstack.engine")
    return TWINS[engine.kind]


def by_twin(items: Sequence[Item], x: Array, context: Context) -> tuple[tuple[Tape, ...], str]:
    """The tapes of the first layers of a chain, of all that a twin takes at once; if none, why."""
    twin = twin_of(context.engine)
    if twin is None:
        return (), ""
    count, why = twin.takes(items, x, context)
    return (twin.forward(items[:count], x, context), "") if count else ((), why)


def has_its_own(layer: Any, base: type, *methods: str) -> bool:
    """Whether a layer has other methods than those of a class, which a twin takes the place of."""
    kind, own = type(layer), vars(layer)
    return any(name in own or getattr(kind, name) is not getattr(base, name) for name in methods)


def with_reason(tape: Tape, why: str) -> Tape:
    """The tape of the readable path, which says why no twin has run."""
    if why and isinstance(tape, Tape):  # a user's layer may return something else
        for part in tape.layers:
            object.__setattr__(part, "engine", Ran("readable", None, why, *libraries()))
    return tape


# ---- layers one after another ------------------------------------------------------------------


def through(chain: Any, params: Params, x: Array, context: Context) -> Tape:
    """The tape of a chain, forward; see `Chain._forward`."""
    inputs, told = x, context
    items, tapes = list(chain.handed(params, context)), list[Tape]()
    while len(tapes) < len(items):
        layer, own, states, noise = items[len(tapes)]
        made, _ = by_twin(items[len(tapes) :], x, told)
        if not made:
            alone = layer.pass_on(own, x, told._replace(states=states, noise=noise))
            made = (tape_of(layer, alone),)
        for tape in made:
            told = items[len(tapes)].layer._after(told, tape)
            tapes.append(tape)
        x = made[-1].outputs  # those of the layers below may not have been kept
    if tapes[0].run is not None:  # which has a copy
        inputs = tapes[0].x
    whole: Tape = chain.composed(params, inputs, context, x, tapes)
    return whole


def back_through(chain: Any, tape: Tape, doutputs: Array, dfinal: States, need_x: bool) -> Triple:
    """The gradients of a chain; see `Chain._backward`."""
    grads: dict[str, Array] = {}
    dinitial: States = ()
    dx: Array | None = doutputs
    parts = list(zip(chain.children.items(), tape.parts, chain.shares(dfinal), strict=True))
    while parts:
        count = _together([part for _, part, _ in parts])
        last, parts = parts[-count:], parts[:-count]
        wanted = need_x or bool(parts)
        (_, layer), part, own = last[0]
        if count > 1:
            found = part.run.backward(dx, [own for _, _, own in last], wanted)
        else:
            found = [layer.pass_back(part, dx, own, wanted)]
        for ((name, _), _, _), (dparams, _, dstates) in zip(last[::-1], found[::-1], strict=True):
            grads |= with_prefix(name, dparams)
            dinitial = dstates + dinitial
        dx = found[0][1]
    return {name: grads[name] for name in tape.params if name in grads}, dx, dinitial


def _together(tapes: Sequence[Tape]) -> int:
    """How many of the last parts of a chain's tape have run at once."""
    run = tapes[-1].run
    count = run.count if run is not None else 1
    same = [part.run is run for part in tapes[-count:]]
    return count if len(same) == count and all(same) else 1


@cache
def libraries() -> tuple[str, str]:
    """NumPy's version, and name and version of the library that multiplies its matrices."""
    built: Any = np.show_config(mode="dicts")
    blas = built.get("Build Dependencies", {}).get("blas", {})
    return np.__version__, f"{blas.get('name', 'unknown')} {blas.get('version', '')}".strip()
