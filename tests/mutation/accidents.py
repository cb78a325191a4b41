"""Mistakes that really happened in hand-written LSTMs, done to this one: each must be noticed.

If there is a public report, it is named. ``old`` must stand in the file exactly once.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from tests.mutation.digests import digest_of, digests
from tests.mutation.operators import PACKAGE


class CannotHappen(Exception):
    """The text that an accident replaces does not stand in its file, or more than once."""


class Accident(NamedTuple):
    """One mistake as a replacement in the source."""

    name: str
    file: str
    old: str
    new: str

    @property
    def key(self) -> str:
        return f"accident | {self.name}"

    @property
    def text(self) -> str:
        return self.name

    def sources(self) -> tuple[str, str]:
        """The file without and with the mistake."""
        path = PACKAGE / self.file
        source = path.read_text(encoding="utf-8") if path.exists() else ""
        if source.count(self.old) == 1:
            return source, source.replace(self.old, self.new)
        elsewhere = [
            other.relative_to(PACKAGE).as_posix()
            for other in sorted(PACKAGE.rglob("*.py"))
            if other != path and self.old in other.read_text(encoding="utf-8")
        ]
        raise CannotHappen(
            f"the accident {self.name!r} cannot happen any more.\n"
            f"Its text stands {source.count(self.old)} times in npstack/{self.file}"
            f"{'' if path.exists() else ', which is no file'}, and must stand there once:\n"
            f"{self.old}\n"
            + (f"It stands in {', '.join(elsewhere)}: was it moved?\n" if elsewhere else "")
            + "What to do: look for the line that does this now, and in tests/mutation/accidents.py"
            " write it as `old` (and its file), and as `new` the same line with the same mistake;"
            " then run python -m tests.mutation run --new --overwrite, which judges it again."
        )

    @property
    def digest(self) -> str:
        """Of the changed functions: it is judged again when they differ."""
        before, after = (digests(ast.parse(source)) for source in self.sources())
        changed = [f"{unit} {after[unit]}" for unit in after if after[unit] != before.get(unit)]
        return digest_of(" ".join(sorted(changed)))

    @contextmanager
    def applied(self) -> Iterator[ast.Module]:
        yield ast.parse(self.sources()[1])


CELL, LAYER = "cells/lstm.py", "layers/recurrent.py"
ACCIDENTS = (
    Accident(
        "the output gate's bias used for all gates (ddbourgin/numpy-ml#42)",
        CELL,
        'state.h @ params["U"] + params["b"])',
        'state.h @ params["U"] + np.tile(split_gates(params["b"]).output, 4))',
    ),
    Accident(
        "delta of the forget gate used for the biases of input and output (hanbt/learn_dl#53)",
        CELL,
        '"b": da.sum(axis=0)}',
        '"b": join_gates(split_gates(da)._replace(input=split_gates(da).forget,'
        " output=split_gates(da).forget)).sum(axis=0)}",
    ),
    Accident(
        "derivative of the loss by the last cell state not added (deeplearning4j#8838)",
        LAYER,
        "        (dstate,) = dfinal\n",
        "        (dstate,) = dfinal\n        dstate = dstate._replace(c=np.zeros_like(dstate.c))\n",
    ),
    Accident(
        "cell state's own road back not added",
        CELL,
        "dc = dnew_state.c + dh * o * tanh_derivative(tanh_c)",
        "dc = dh * o * tanh_derivative(tanh_c)",
    ),
    Accident(
        "backward returns zeros (a widely installed library, green for years)",
        LAYER,
        "        return dparams, dx, (dstate,)",
        "        return {k: 0 * v for k, v in dparams.items()}, 0 * dx, (dstate,)",
    ),
    Accident(
        "backward returns an offset copy of the weights (the same library, another backend)",
        LAYER,
        "        return dparams, dx, (dstate,)",
        "        return {k: v + 1 for k, v in tape.params.items()}, dx, (dstate,)",
    ),
    Accident(
        "hidden state's gradient from the next step not added",
        LAYER,
        "dstate = dstate._replace(h=dstate.h + doutputs[:, t])",
        "dstate = dstate._replace(h=doutputs[:, t])",
    ),
    Accident(
        "loss seen at the last step only",
        LAYER,
        "            if self.return_sequences:\n",
        "            if self.return_sequences and t == tape.x.shape[1] - 1:\n",
    ),
    Accident(
        "recurrent kernel's gradient from the new hidden state, not the one before",
        CELL,
        '"U": state.h.T @ da',
        '"U": new_state.h.T @ da',
    ),
    Accident(
        "recurrent kernel not transposed on the way back",
        CELL,
        'dh_before = da @ params["U"].T',
        'dh_before = da @ np.ascontiguousarray(params["U"]).reshape(-1, state.h.shape[1])',
    ),
    Accident(
        "derivative of tanh of the cell state instead of its tanh",
        CELL,
        "tanh_derivative(tanh_c)  # (6) both",
        "tanh_derivative(new_state.c)  # (6) both",
    ),
    Accident(
        "derivative of the output gate left out",
        CELL,
        "output=do * sigmoid_derivative(o)",
        "output=do",
    ),
    Accident(
        "derivative of the forget gate from the new cell state",
        CELL,
        "df = dc * state.c",
        "df = dc * new_state.c",
    ),
    Accident(
        "forget bias added once more at run time (TensorFlow 1 read as Keras)",
        CELL,
        "f = sigmoid(a.forget)",
        "f = sigmoid(a.forget + 1)",
    ),
    Accident(
        "gates packed as i, g, f, o (TensorFlow 1, Haiku)",
        "core/params.py",
        "    input: Array\n    forget: Array\n    candidate: Array\n    output: Array",
        "    input: Array\n    candidate: Array\n    forget: Array\n    output: Array",
    ),
    Accident(
        "gates packed as i, o, f, g (ONNX)",
        "core/params.py",
        "    input: Array\n    forget: Array\n    candidate: Array\n    output: Array",
        "    input: Array\n    output: Array\n    forget: Array\n    candidate: Array",
    ),
    Accident(
        "hard sigmoid in place of sigmoid (Keras 2 default)",
        "core/numerics.py",
        "    negative = real(a) < 0\n",
        "    return np.clip(0.2 * a + 0.5, 0, 1)\n    negative = real(a) < 0\n",
    ),
    Accident(
        "sigmoid by tanh, which loses a nearly closed gate",
        "core/numerics.py",
        "    negative = real(a) < 0\n",
        "    return (1 + tanh(a / 2)) / 2\n    negative = real(a) < 0\n",
    ),
    Accident(
        "sigmoid that overflows",
        "core/numerics.py",
        "    negative = real(a) < 0\n",
        "    return 1 / (1 + exp(-a))\n    negative = real(a) < 0\n",
    ),
    Accident(
        "initial state ignored",
        LAYER,
        "        (given,) = context.states\n",
        "        given = None\n",
    ),
    Accident(
        "masked gradient multiplied away, not selected (alexTsaptsinos/lyricsHAN#3)",
        "core/masks.py",
        "np.where(batch_first(mask, x), x, np.zeros_like(x))",
        "x * batch_first(mask, x).astype(x.dtype)",
    ),
    Accident(
        "outputs held over padding instead of zero (Keras)",
        LAYER,
        "            outputs = zero_where_masked(every_state.h, mask)",
        "            outputs = every_state.h",
    ),
    Accident(
        "cell runs on through padding (Flax)",
        LAYER,
        "            state = select(valid, proposed, state)",
        "            state = proposed",
    ),
    Accident(
        "all-padding row loses its initial state (onnxruntime)",
        LAYER,
        "        outputs = state.h\n",
        "        outputs = (state := select(mask.any(axis=1, keepdims=True), state)).h\n",
    ),
    Accident(
        "gradient skips masked steps instead of passing through them",
        LAYER,
        "            dstate = select(valid, dbefore, dstate)",
        "            dstate = dbefore",
    ),
    Accident(
        "layer above sees only the last hidden state of the layer below",
        "layers/chain.py",
        "            x, told = tape.outputs, layer._after(told, tape)\n",
        "            x, told = tape.outputs, layer._after(told, tape)\n"
        "            x = x[:, -1:] + 0 * x if layer.recurrent and x.ndim == 3 else x\n",
    ),
    Accident(
        "states of the layers given in the wrong order",
        "layers/outer.py",
        "iter(states)",
        "iter(states[::-1])",
    ),
    Accident(
        "dropout not scaled up",
        "core/numerics.py",
        "np.where(kept, values / (1 - rate), np.zeros_like(values))",
        "np.where(kept, values, np.zeros_like(values))",
    ),
    Accident(
        "dropout in evaluation as well",
        "layers/dropout.py",
        "        if context.rng is not None:\n"
        "            return context.rng.random(self._shape(shape)) >= self.rate\n"
        "        return None\n",
        "        rng = context.rng or np.random.default_rng(0)\n"
        "        return rng.random(self._shape(shape)) >= self.rate\n",
    ),
    Accident(
        "dropout forgotten backward",
        "layers/dropout.py",
        "self._apply(tape.noise, doutputs), ()",
        "doutputs, ()",
    ),
    Accident(
        "a repeated symbol gets the gradient of its last place only",
        "layers/embedding.py",
        "        np.add.at(dW, tape.x, doutputs)  # a symbol",
        "        dW[tape.x] += doutputs  # a symbol",
    ),
    Accident(
        "gradient of the biases averaged over the batch",
        CELL,
        '"b": da.sum(axis=0)}',
        '"b": da.mean(axis=0)}',
    ),
    Accident(
        "loss divided by all steps, the padding included",
        "losses/boundary.py",
        "int(mask.sum()) * predictions.shape[-1]",
        "predictions.size",
    ),
    Accident(
        "loss without the factor two",
        "losses/functions.py",
        "lambda d: (d * d, 2 * d)",
        "lambda d: (d * d, d)",
    ),
    Accident(
        "derivative of a dense layer's activation left out",
        "layers/dense.py",
        "da = doutputs * self.activation.derivative(a, tape.outputs)",
        "da = doutputs",
    ),
)
