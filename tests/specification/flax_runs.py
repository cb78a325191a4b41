"""Flax cells with given weights in ``RNN`` and ``Bidirectional``: linen and nnx under one name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from tests.specification.plainly import D, H


@contextmanager
def fast_compiler() -> Iterator[None]:
    """These tests spend their time on compiling what then runs for microseconds."""
    import jax

    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


def f4(a: Any) -> Any:
    import jax.numpy as jnp

    return jnp.asarray(np.asarray(a, "f4"))


def lstm_tree(p: dict[str, Any], cast: Callable[[Any], Any] = f4) -> dict[str, Any]:
    """Parameters of ``linen.LSTMCell``: a kernel per gate, the bias with the hidden state."""
    tree: dict[str, Any] = {}
    for k, gate in enumerate("ifgo"):
        W, U, b = (np.split(p[name], 4, axis=-1)[k] for name in ("W", "U", "b"))
        tree[f"i{gate}"] = {"kernel": cast(W)}
        tree[f"h{gate}"] = {"kernel": cast(U), "bias": cast(b)}
    return tree


def gru_tree(p: dict[str, Any], cast: Callable[[Any], Any] = f4) -> dict[str, Any]:
    """Parameters of ``linen.GRUCell``: the bias with the input, and a second one for n."""
    tree: dict[str, Any] = {}
    for k, gate in enumerate("rzn"):
        W, U, b, b2 = (np.split(p[name], 3, axis=-1)[k] for name in ("W", "U", "b", "b2"))
        tree[f"i{gate}"] = {"kernel": cast(W), "bias": cast(b)}
        tree[f"h{gate}"] = {"kernel": cast(U)}
        if gate == "n":
            tree["hn"]["bias"] = cast(b2)
    return tree


class Linen(NamedTuple):
    """``flax.linen``."""

    name: str = "linen"

    def run(self, layers: list[Any], x: Any, *initial: Any, **options: Any) -> Any:
        """Carry (c, h) and outputs of one LSTM, or of two directions."""
        from flax import linen

        ends = [linen.RNN(linen.LSTMCell(H)) for _ in layers]
        net = ends[0] if len(layers) == 1 else linen.Bidirectional(*ends, **merge_of(options))
        names = ["forward_rnn", "backward_rnn"]
        tree: Any = lstm_tree(layers[0])
        if len(layers) == 1:
            tree = {"cell": tree}
        else:
            trees = zip(names, layers, strict=True)
            tree = {name: {"cell": lstm_tree(p)} for name, p in trees}
        return net.apply({"params": tree}, f4(x), return_carry=True, **carry(initial), **options)


class Nnx(NamedTuple):
    """``flax.nnx``."""

    name: str = "nnx"

    def run(self, layers: list[Any], x: Any, *initial: Any, **options: Any) -> Any:
        """Carry (c, h) and outputs of one LSTM, or of two directions."""
        from flax import nnx

        ends = [nnx.RNN(self.cell(p)) for p in layers]
        net = ends[0] if len(layers) == 1 else nnx.Bidirectional(*ends, **merge_of(options))
        return net(f4(x), return_carry=True, **carry(initial), **options)

    def cell(self, p: dict[str, Any]) -> Any:
        """The fused cell, packed as ours is."""
        from flax import nnx

        cell = nnx.OptimizedLSTMCell(D, H, rngs=nnx.Rngs(0))
        cell.dense_i.kernel[...] = f4(p["W"])
        cell.dense_h.kernel[...] = f4(p["U"])
        cell.dense_h.bias[...] = f4(p["b"])
        return cell


def merge_of(options: dict[str, Any]) -> dict[str, Any]:
    """The arguments that belong to the constructor, taken out of the call's."""
    return {"merge_fn": options.pop("merge_fn")} if "merge_fn" in options else {}


def carry(initial: tuple[Any, ...]) -> dict[str, Any]:
    """Our h, c as Flax's (c, h)."""
    return {"initial_carry": (f4(initial[1]), f4(initial[0]))} if initial else {}
