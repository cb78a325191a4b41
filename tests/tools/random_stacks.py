"""Random stacks, the same stacks run by somebody else, and what "equal" means.

A `Case` is a model with everything that one forward and one backward pass take. ``case.run()``
gives every output, final state and gradient by name; another program gives the same names for the
same case (`tests.tools.other_programs`); `compare` holds the two against each other block by block,
in eps. A block above the bar is judged by `tests.tools.rounding.explain`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from npstack import Dense, Embedding, LSTMState, Sequential, StackedLSTM
from npstack.core.trees import filled, named
from npstack.layers.base import Layer
from npstack.verify.gradients.layer_function import gate_blocks

Arrays = dict[str, np.ndarray]


# ---- cases -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """One model, one input, one set of cotangents: all that two programs must agree about."""

    seed: int
    model: Layer
    x: np.ndarray
    states: Any
    mask: np.ndarray | None
    noise: Any
    doutputs: np.ndarray
    dfinal: Any

    @property
    def inputs(self) -> Arrays:
        """Everything that can be differentiated by, under the name of its gradient."""
        x = {} if self.model.interface.takes_symbols else {"x": self.x}
        return {**self.model.params, **x, **named_states("initial", self.states)}

    @property
    def dfinals(self) -> Arrays:
        """The cotangents of the final states, under the names of these."""
        return named_states("final", self.dfinal)

    @property
    def lengths(self) -> np.ndarray:
        """How many steps of each row are valid, where the padding is on the right."""
        if self.mask is None:
            return np.full(len(self.x), self.x.shape[1])
        return self.mask.sum(axis=1)

    @property
    def sizes(self) -> list[int]:
        """Input size and the sizes of the recurrent layers, bottom first."""
        layers = self.model.recurrent
        return [layers[0].input_size, *(layer.hidden_size for layer in layers)]

    def forward(self, inputs: Arrays | None = None) -> Any:
        """The tape, of other numbers than the case's own where ``inputs`` are given."""
        inputs = self.inputs if inputs is None else inputs
        own = named_states("initial", self.states)
        states = filled(self.states, iter([inputs[name] for name in own])) or None
        params = {name: inputs[name] for name in self.model.params}
        return self.model.forward(
            inputs.get("x", self.x), states, mask=self.mask, params=params, noise=self.noise
        )

    def run(self) -> Arrays:
        """Outputs, finals and gradients (``d`` and the name) by npstack's readable path."""
        tape = self.forward()
        return {**values(tape), **self.gradients(tape)}

    def gradients(self, tape: Any) -> Arrays:
        """``d`` and the name of everything that can be differentiated by."""
        grads = self.model.backward(tape, self.doutputs, self.dfinal)
        dinputs = {**grads.params, **named_states("initial", grads.initial_states)}
        if grads.x is not None:
            dinputs["x"] = grads.x
        return {f"d{name}": dinputs[name] for name in self.inputs}

    def loss(self, inputs: Arrays) -> Any:
        """The number whose gradients ``run`` returns: all outputs and finals, each weighted."""
        tape = self.forward(inputs)
        total = (self.doutputs * tape.outputs).sum()
        finals = named_states("final", tape.final)
        for name, weights in self.dfinals.items():
            total += (weights * finals[name]).sum()
        return total


def named_states(prefix: str, states: Any) -> Arrays:
    """``{"final.0.h": …, "final.0.c": …, "final.1.forward.h": …}``."""
    found = named(prefix, states)
    return {name.replace("[", ".").replace("]", ""): array for name, array in found.items()}


def values(tape: Any) -> Arrays:
    """Outputs and final states."""
    return {"outputs": tape.outputs, **named_states("final", tape.final)}


def draw_case(
    seed: int,
    *,
    padding: str = "none",
    ends: bool = False,
    dropout: bool = False,
    wide: bool = False,
    junk: float = 0.0,
    max_layers: int = 5,
    max_size: int = 8,
    max_steps: int = 12,
    dtype: Any = np.float64,
) -> Case:
    """A random stack at standard scale, the same one for the same arguments.

    ``padding`` is "none", "lengths" (1 to T, on the right) or "holes" (anywhere, whole rows
    included), in about half of the cases; ``junk`` is what stands in it. ``ends``: an embedding
    below and a dense head on top, each in half of the cases. ``wide``: every second stack has sizes
    up to 64 and up to 100 steps. One layer in twenty has a single unit: there a block is often one
    number, a sum that may cancel, and a few in a hundred such blocks exceed any bar in eps. No bias
    is zero and no two parameters are equal.
    """
    rng = np.random.default_rng([seed, 0])

    def up_to(n: int) -> int:
        return int(rng.integers(1, n + 1))

    def size() -> int:
        return 1 if rng.random() < 0.05 else int(rng.integers(2, max_size + 1))

    if wide and seed % 2:
        max_size, max_steps = 64, 100
    B, T, D, L = up_to(4), up_to(max_steps), size(), up_to(max_layers)
    sizes = [size()] * L if rng.random() < 0.3 else [size() for _ in range(L)]
    kernel, recurrent = rng.choice(["uniform", "glorot"]), rng.choice(["uniform", "orthogonal"])
    stack = StackedLSTM(
        D,
        sizes,
        return_sequences=bool(rng.random() < 0.7),
        dropout=0.4 if dropout else 0.0,
        rng=rng,
        kernel_init=str(kernel),
        recurrent_init=str(recurrent),
        bias_init="uniform",
        forget_bias=None if rng.random() < 0.5 else 1.0 + float(rng.random()),
        dtype=dtype,
    )
    layers: list[Layer] = [stack]
    if ends and rng.random() < 0.5:
        layers.insert(0, Embedding(4, D, rng=rng, dtype=dtype))
    if ends and rng.random() < 0.5:
        activation = str(rng.choice(["linear", "tanh", "sigmoid", "relu"]))
        options = {"activation": activation, "bias_init": "uniform"}
        layers.append(Dense(sizes[-1], up_to(4), rng=rng, dtype=dtype, **options))
    model = Sequential(*layers) if ends else stack

    mask = draw_mask(rng, padding, B, T)
    if model.interface.takes_symbols:
        x = rng.integers(0, 4, (B, T))
    else:
        x = rng.standard_normal((B, T, D)).astype(dtype)
        if mask is not None:
            x[~mask] = junk

    def draw_states() -> tuple[LSTMState, ...]:
        draws = [[rng.uniform(-1, 1, (B, H)).astype(dtype) for _ in "hc"] for H in sizes]
        return tuple(LSTMState(*pair) for pair in draws)

    tape = model.forward(x, mask=mask, rng=np.random.default_rng([seed, 1]))
    doutputs = rng.standard_normal(tape.outputs.shape).astype(dtype)
    return Case(seed, model, x, draw_states(), mask, tape.noise, doutputs, draw_states())


def draw_mask(rng: np.random.Generator, padding: str, B: int, T: int) -> np.ndarray | None:
    """See `draw_case`."""
    if padding == "none" or rng.random() < 0.4:
        return None
    if padding == "lengths":
        return np.arange(T) < rng.integers(1, T + 1, B)[:, np.newaxis]
    mask = rng.random((B, T)) < 0.7
    mask[rng.random(B) < 0.2] = False
    return mask


# ---- blocks and their errors -------------------------------------------------------------------


def blocks(case: Case, names: Iterable[str]) -> Iterator[tuple[str, str, Any]]:
    """Label, array name and index of every block: parameters of a cell by gate, the gradient by
    the input by time step, everything else whole."""
    gates = {f"d{name}": parts for name, parts in gate_blocks(case.model).items()}
    for name in names:
        if name in gates:
            yield from ((f"{name}.{gate}", name, index) for gate, index in gates[name].items())
        elif name == "dx":
            yield from ((f"dx[t={t}]", name, np.s_[:, t]) for t in range(case.x.shape[1]))
        else:
            yield name, name, ...


def block_error(actual: np.ndarray, reference: np.ndarray, eps: float) -> float:
    """``max|a - r| / max|r|`` in eps; where the reference is zero, anything else is infinitely
    wrong."""
    assert actual.shape == reference.shape, (actual.shape, reference.shape)
    scale = float(np.abs(reference).max(initial=0))
    error = float(np.abs(actual - reference).max(initial=0))
    if not np.isfinite([scale, error]).all():
        return float("inf")
    return error / scale / eps if scale else (0.0 if error == 0 else float("inf"))


def compare(case: Case, actual: Arrays, reference: Arrays) -> dict[str, float]:
    """Error of every block that the reference has, in eps of the case's dtype."""
    eps = float(np.finfo(case.doutputs.dtype).eps)
    return {
        label: block_error(actual[name.partition(":")[0]][index], reference[name][index], eps)
        for label, name, index in blocks(case, reference)
    }


# ---- many cases ----------------------------------------------------------------------------------


def judge(
    cases: Iterable[Case],
    other: Callable[[Case], Arrays],
    bar: float,
    explain: Callable[[Case, str, Arrays, Arrays], dict[str, Any]],
) -> dict[str, Any]:
    """Compare npstack with ``other`` on all cases; ``bar`` is in eps.

    Returns what an evidence file holds besides its provenance: how many blocks, quantiles, the
    worst block, and every block above the bar with its explanation.
    """
    errors: list[float] = []
    stacks, above = [], []
    worst: dict[str, Any] = {"error": -1.0}
    for case in cases:
        ours, theirs = case.run(), other(case)
        found = compare(case, ours, theirs)
        errors += found.values()
        label = max(found, key=found.__getitem__)
        here = {"seed": case.seed, "sizes": case.sizes, "shape": list(case.x.shape)}
        stacks.append({**here, "blocks": len(found), "worst": found[label]})
        if found[label] > worst["error"]:
            worst = {"error": found[label], "block": label, **here}
        above += [
            {"error": error, "block": block, **here, **explain(case, block, ours, theirs)}
            for block, error in found.items()
            if error > bar
        ]
    levels = (0.5, 0.9, 0.99, 0.999)
    return {
        "bar_eps": bar,
        "stacks": len(stacks),
        "blocks": len(errors),
        "quantiles_eps": {str(q): float(np.quantile(errors, q)) for q in levels},
        "worst": worst,
        "above_bar": len(above),
        "above_bar_not_explained": sum(not block["explained"] for block in above),
        "exceptions": above,
        "per_stack": stacks,
    }


def require(figures: dict[str, Any]) -> None:
    """The bar as the design reads it: nothing unexplained, at most one block in a thousand."""
    assert figures["above_bar_not_explained"] == 0, figures["exceptions"]
    assert figures["above_bar"] <= max(1, figures["blocks"] // 1000), figures["exceptions"]


def same_figures(part: dict[str, Any], full: dict[str, Any]) -> None:
    """The stacks of a short run are the first of the full run, and their errors are alike.

    The stacks must be the same exactly. Their errors need not be: another machine's products are
    summed in another order; within four times either way, give or take 8 eps.
    """
    for now, then in zip(part["per_stack"], full["per_stack"], strict=False):
        assert {**now, "worst": None} == {**then, "worst": None}
        assert now["worst"] <= 4 * then["worst"] + 8
        assert then["worst"] <= 4 * now["worst"] + 8
