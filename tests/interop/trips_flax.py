"""Round trips of Flax (linen and nnx) and of jax.experimental.rnn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import flax.linen as linen
import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from flax.traverse_util import unflatten_dict
from jax.experimental import rnn

from npstack.cells.gru import GRUState
from npstack.cells.rnn import RNNState
from npstack.core.tape import LSTMState
from npstack.interop.jax_models.modules import ACTIVATIONS
from npstack.interop.jax_models.vectors import join_vector, split_vector
from npstack.interop.recording import Recorded
from npstack.layers import Directions
from tests.interop.opening import arrays_of, recurrent_parts
from tests.interop.trips import Arrays, Pair, Trip
from tests.specification.flax_runs import fast_compiler

LINEN = {
    "LSTMCell": linen.LSTMCell,
    "OptimizedLSTMCell": linen.OptimizedLSTMCell,
    "GRUCell": linen.GRUCell,
    "SimpleCell": linen.SimpleCell,
}
NNX = {name: getattr(nnx, name) for name in LINEN}
SATURATING = ("sigmoid", "tanh", "soft_sign", "hard_sigmoid")  # others may grow without bound
PLAIN = {"gate_fn": "sigmoid", "activation_fn": "tanh"}


@contextmanager
def precision(dtype: str) -> Iterator[None]:
    """JAX with numbers of this dtype."""
    with jax.enable_x64(dtype == "float64"), fast_compiler():
        yield


def drawn(rng: np.random.Generator, shape: tuple[int, ...], scale: float, dtype: str) -> Any:
    return (scale * rng.uniform(-1, 1, shape)).astype(dtype)


class Draw:
    """What the cells of linen and nnx have in common: options, sizes, input and states."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.name = str(rng.choice([*LINEN]))
        self.dtype = str(rng.choice(["float32", "float64"]))
        self.D, self.H, self.B, self.T = (int(n) for n in rng.integers(1, (6, 7, 4, 6)))
        self.functions = dict(PLAIN)
        if rng.random() < 0.6:
            shown = [*ACTIVATIONS] if self.name == "SimpleCell" else [*SATURATING]
            self.functions["activation_fn"] = str(rng.choice(shown))
            self.functions["gate_fn"] = str(rng.choice([*SATURATING]))
        if self.name == "SimpleCell":
            del self.functions["gate_fn"]
        self.reverse = bool(rng.random() < 0.4)
        self.keep_order = bool(rng.random() < 0.5)
        self.time_major = bool(rng.random() < 0.3)
        self.scale = float(rng.choice([0.5, 1.0, 2.0]))
        self.x = rng.standard_normal((self.B, self.T, self.D)).astype(self.dtype)
        self.lengths = rng.integers(1, self.T + 1, self.B) if rng.random() < 0.5 else None
        size = (2, self.B, self.H)
        self.states = drawn(rng, size, 1.0, self.dtype) if rng.random() < 0.5 else None
        self.rng = rng

    @property
    def called(self) -> dict[str, Any]:
        """How an RNN is called."""
        return {
            "reverse": self.reverse,
            "keep_order": self.keep_order,
            "time_major": self.time_major,
            "return_carry": True,
            "initial_carry": None if self.states is None else self.carry(),
            "seq_lengths": None if self.lengths is None else jnp.asarray(self.lengths),
        }

    def carry(self) -> Any:
        c, h = map(jnp.asarray, self.states)
        return (c, h) if "LSTM" in self.name else h

    @property
    def kind(self) -> str:
        return "lstm" if "LSTM" in self.name else {"G": "gru", "S": "rnn"}[self.name[0]]

    def state(self, carry: Any) -> Any:
        """npstack's state; Flax puts the cell state first."""
        if self.kind == "lstm":
            return LSTMState(h=np.array(carry[1]), c=np.array(carry[0]))
        return {"gru": GRUState, "rnn": RNNState}[self.kind](np.array(carry))

    def recorded(self, run: Callable[[Any], Any]) -> Recorded:
        """What an RNN computes, batch-first, in the order of time, zero in the padding."""
        with precision(self.dtype):
            x = self.x.swapaxes(0, 1) if self.time_major else self.x
            carry, result = run(jnp.asarray(x))
            outputs = np.array(result.swapaxes(0, 1) if self.time_major else result)
            final = self.state(carry)
            initial = None if self.states is None else self.state(self.carry())
        ends = np.full(self.B, self.T) if self.lengths is None else self.lengths
        for row, end in enumerate(ends):
            outputs[row, end:] = 0
            if self.reverse and not self.keep_order:
                outputs[row, :end] = outputs[row, :end][::-1].copy()
        return Recorded(self.x, outputs, self.lengths, initial, final)

    def cell(self, table: dict[str, Any], *sizes: Any, **more: Any) -> Any:
        given = {name: getattr(jax.nn, own) for name, own in self.functions.items()}
        return table[self.name](*sizes, dtype=self.dtype, param_dtype=self.dtype, **given, **more)

    def filled(self, tree: Any) -> Any:
        """A tree of the same shapes with drawn numbers."""
        scale = self.scale / np.sqrt(self.H)
        shapes = (own.shape for own in jax.tree.leaves(tree))
        made = [jnp.asarray(drawn(self.rng, shape, scale, self.dtype)) for shape in shapes]
        return jax.tree.unflatten(jax.tree.structure(tree), made)

    @property
    def options(self) -> dict[str, str]:
        order = ("in time" if self.keep_order else "as read") if self.reverse else "forward"
        return {
            "cell": self.name,
            "dtype": self.dtype,
            **self.functions,
            "order": order,
            "time_major": str(self.time_major),
            "input": "lengths" if self.lengths is not None else "batch",
            "states": "given" if self.states is not None else "zeros",
            "scale": str(self.scale),
        }

    def trip(self, arrays: Arrays, how: dict[str, Any], layout: str, back: Any) -> Trip:
        told = {"cell": self.kind, **how}
        # the only second bias of linen's GRU is that of the candidate, which no sum replaces
        kept = "input" if (self.kind, layout) == ("gru", "flax-linen") else "kept"
        return Trip(self.options, arrays, layout, told, back(arrays), back, kept=kept)


def linen_cells(rng: np.random.Generator) -> Trip:
    """A cell of linen over time; what its tree does not say is told to `read`."""
    own = Draw(rng)
    layer = linen.RNN(own.cell(LINEN, own.H))
    with precision(own.dtype):
        first = jnp.zeros((1, 1, own.D), own.dtype)
        tree = own.filled(jax.eval_shape(layer.init, jax.random.key(0), first))
    cell = tree["params"]["cell"]
    (part,) = recurrent_parts(cell)
    named = {key: ACTIVATIONS[name] for key, name in own.functions.items()}
    shown = {"lstm": ("candidate", "cell"), "gru": ("candidate",), "rnn": ("hidden",)}[own.kind]
    activations = dict.fromkeys(shown, named["activation_fn"])
    if "gate_fn" in named:
        activations["gates"] = named["gate_fn"]

    def back(arrays: Arrays) -> Recorded:
        variables = {"params": {"cell": unflatten_dict(arrays, sep="/")}}
        return own.recorded(lambda x: layer.apply(variables, x, **own.called))

    how = {"activations": activations, "backwards": own.reverse}
    return own.trip(arrays_of(cell, part), how, part.layout, back)


def nnx_cells(rng: np.random.Generator) -> Trip:
    """A cell of nnx over time; the module says everything."""
    own = Draw(rng)
    zeros = nnx.initializers.zeros
    inits = {"kernel_init": zeros, "recurrent_kernel_init": zeros, "rngs": nnx.Rngs(0)}
    with precision(own.dtype):
        cell = own.cell(NNX, own.D, own.H, **inits)
        nnx.update(cell, own.filled(nnx.to_pure_dict(nnx.state(cell, nnx.Param))))
        layer = nnx.RNN(cell, reverse=own.reverse)
        (part,) = recurrent_parts(layer)
        first = arrays_of(layer, part)

    def back(arrays: Arrays) -> Recorded:
        with precision(own.dtype):
            again = own.cell(NNX, own.D, own.H, **inits)
            named = {key.replace("if/", "if_/"): value for key, value in arrays.items()}
            nnx.update(again, jax.tree.map(jnp.asarray, unflatten_dict(named, sep="/")))
        return own.recorded(lambda x: nnx.RNN(again)(x, **own.called))

    return own.trip(first, part.attributes, part.layout, back)


def jax_lstm(rng: np.random.Generator) -> Trip:
    """The stack of LSTMs of jax.experimental.rnn, by its reference (cuDNN needs a GPU)."""
    D, H, B, T, layers = (int(n) for n in rng.integers(1, (6, 7, 4, 6, 4)))
    dtype = str(rng.choice(["float32", "float64"]))
    two = bool(rng.random() < 0.5)
    ways = 1 + two
    sizes = {"layers": layers, "bidirectional": two}
    scale = float(rng.choice([0.5, 1.0, 3.0]))
    count = rnn.get_num_params_in_lstm(D, H, layers, two)
    weights = drawn(rng, (count,), scale / np.sqrt(H), dtype)
    x = rng.standard_normal((B, T, D)).astype(dtype)
    lengths = rng.integers(1, T + 1, B) if rng.random() < 0.5 else None
    given = rng.random() < 0.5
    h, c = drawn(rng, (2, layers * ways, B, H), float(given), dtype)

    def states(h: Any, c: Any) -> Any:
        cells = [LSTMState(np.array(a), np.array(b)) for a, b in zip(h, c, strict=True)]
        if two:
            cells = [Directions(*cells[k : k + 2]) for k in range(0, len(cells), 2)]
        return cells[0] if layers == 1 else tuple(cells)

    def back(arrays: Arrays) -> Recorded:
        with precision(dtype):
            vector = jnp.asarray(join_vector(arrays))
            cut = rnn.unpack_lstm_weights(vector, D, H, layers, two)
            ends = jnp.asarray(np.full(B, T) if lengths is None else lengths, jnp.int32)
            fed = map(jnp.asarray, (x, h, c))
            outputs, *final = rnn.lstm_ref(*fed, *cut, ends, D, H, layers, 0.0, two)
        initial = states(h, c) if given else None
        return Recorded(x, np.array(outputs), lengths, initial, states(*final))

    def pairs(own: Arrays) -> list[Pair]:
        firsts = [own[key] for key in own if key.startswith("bias_ih")]
        seconds = [own[key] for key in own if key.startswith("bias_hh")]
        return [Pair(b, r, np.ones(4 * H, bool)) for b, r in zip(firsts, seconds, strict=True)]

    arrays = split_vector(weights, D, H, **sizes)
    options = {
        "dtype": dtype,
        **{name: str(value) for name, value in sizes.items()},
        "input": "lengths" if lengths is not None else "batch",
        "states": "given" if given else "zeros",
        "scale": str(scale),
    }
    return Trip(options, arrays, "jax", {"bidirectional": two}, back(arrays), back, pairs)
