"""JAX's ``lstm_ref``, and the cells of Flax linen and nnx in ``RNN``, all in float64.

Flax keeps computing on the padding (§7.2), so valid steps alone are compared.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from npstack.core.activations import Activation
from tests.agreement.lattice.config import Config, sound
from tests.agreement.lattice.judging import Framework, Pair
from tests.agreement.lattice.models import (
    make_case,
    prefixes,
    refuse_large,
    second_bias,
    state_names,
)
from tests.specification.flax_runs import fast_compiler, gru_tree, lstm_tree
from tests.tools.random_stacks import Arrays, Case

FUNCTIONS = {
    "linear": "identity",
    "hard_sigmoid_sixth": "hard_sigmoid",  # §5.2
    "softsign": "soft_sign",
    **{name: name for name in ("sigmoid", "tanh", "relu", "softplus", "elu")},
}
CHOICES = {
    "cell": ("lstm", "lstm", "gru", "rnn"),
    "batch": (1, 2, 3, 4),
    "steps": range(1, 9),
    "layers": (1, 1, 2),
    "same": (False,),
    "directions": ("forward", "backward", "as_read", "both", "both"),
    "merge": ("concat", "sum", "mul", "ave", "none"),
    "bias": (True, True, True, False),
    "initial": (True, True, False),
    "padding": ("none", "lengths", "lengths"),
    "activation": [lambda rng, name=name: Activation(name) for name in FUNCTIONS],
    "flavour": ("lstm_ref", "linen", "linen", "nnx", "nnx"),
    "extra": ("optimised", "residual"),
}


def allowed(config: Config) -> Config:
    """What each of the three programs has."""
    config, flavour = sound(config), config.flavour or "linen"
    if flavour == "lstm_ref":  # one size; both directions are concatenated
        directions = "both" if config.directions == "both" else "forward"
        sizes = (config.sizes[0],) * len(config.sizes)
        config = replace(config, cell="lstm", directions=directions, merge="concat", sizes=sizes)
        config = replace(config, activations=())
    elif config.cell == "lstm":  # ``activation_fn`` stands for candidate and cell (§5.4)
        config = replace(config, activations=tuple((a[0], a[1], a[1]) for a in config.activations))
    possible = {"lstm": {"optimised"}, "rnn": {"residual"}}.get(config.cell, set())
    extras = set(config.extras) & (possible if flavour != "lstm_ref" else set())
    if (config.cell, flavour) == ("gru", "nnx"):
        extras |= {"no_recurrent_bias"}  # §2.5
    return sound(replace(config, flavour=flavour, extras=tuple(sorted(extras))))


def parameters(config: Config, case: Case, prefix: str) -> Arrays:
    """One cell's parameters; of a residual one ``U`` without the identity (§3.9)."""
    p = {n.removeprefix(prefix): a for n, a in case.model.params.items() if n.startswith(prefix)}
    if "residual" in config.extras:
        p["U"] = p["U"] - np.eye(len(p["U"]))
    if config.cell == "gru":
        H = len(p["b_recurrent"])
        p["b2"] = np.concatenate([np.zeros(2 * H), p["b_recurrent"]])
    return p


# ---- lstm_ref ------------------------------------------------------------------------------------


def by_lstm_ref(config: Config, case: Case) -> Arrays:
    """All layers and directions at once; zero on the padding."""
    import jax.numpy as jnp
    from jax.experimental import rnn

    names, places = state_names(config, "final"), sorted(prefixes(config))
    weights, biases = [], []
    for place in places:
        prefix = prefixes(config)[place]
        p = parameters(config, case, prefix)
        weights += [p["W"].T.ravel(), p["U"].T.ravel()]
        biases += second_bias(config, prefix, p["b"])
    H = config.sizes[0]
    sizes = {
        "input_size": config.input_size,
        "hidden_size": H,
        "num_layers": len(config.sizes),
        "bidirectional": config.directions == "both",
    }
    flat = jnp.asarray(np.concatenate([*weights, *biases]))
    unpacked = rnn.unpack_lstm_weights(flat, **sizes)
    start = np.zeros((2, len(places), config.batch, H))
    if config.initial:
        rows = [names[place].replace("final", "initial") for place in places]
        start = np.array([[case.inputs[f"{row}.{f}"] for row in rows] for f in "hc"])
    lengths = jnp.asarray(case.lengths.astype(np.int32))
    outputs, h, c = rnn.lstm_ref(
        jnp.asarray(case.x), *map(jnp.asarray, start), *unpacked, lengths, dropout=0.0, **sizes
    )
    finals = {
        f"{names[place]}.{field}": values[row]
        for field, values in (("h", h), ("c", c))
        for row, place in enumerate(places)
    }
    return {"outputs": outputs, **finals}


# ---- linen and nnx -------------------------------------------------------------------------------


def functions(config: Config, direction: int) -> dict[str, Any]:
    """The activations of one direction as arguments of a cell."""
    import jax

    acts = [getattr(jax.nn, FUNCTIONS[a.name]) for a in config.activations_of(direction)]
    gates = {} if config.cell == "rnn" else {"gate_fn": acts[0]}
    residual = {"residual": True} if "residual" in config.extras else {}
    return {**gates, "activation_fn": acts[min(1, len(acts) - 1)], **residual}


def kind(config: Config) -> str:
    """The name of the cell."""
    optimised = "Optimized" if "optimised" in config.extras else ""
    return {"lstm": f"{optimised}LSTMCell", "gru": "GRUCell", "rnn": "SimpleCell"}[config.cell]


def linen_layer(config: Config, k: int, cells: list[Arrays], merge: Any) -> Any:
    """One layer, in one direction or both, as a function of its input."""
    import jax.numpy as jnp
    from flax import linen

    make = getattr(linen, kind(config))
    ends = [
        linen.RNN(make(config.sizes[k], param_dtype=jnp.float64, **functions(config, d)))
        for d in range(len(cells))
    ]
    trees = [{"cell": linen_tree(config, p)} for p in cells]
    if len(ends) == 1:
        net, tree = ends[0], trees[0]
    else:
        net = linen.Bidirectional(*ends, merge_fn=merge)
        tree = dict(zip(("forward_rnn", "backward_rnn"), trees, strict=True))
    return lambda x, **options: net.apply({"params": tree}, x, **options)


def linen_tree(config: Config, p: Arrays) -> dict[str, Any]:
    """Parameters as linen names them (§2)."""
    if config.cell == "lstm":
        return lstm_tree(p, np.asarray)
    if config.cell == "gru":
        return gru_tree(p, np.asarray)
    return {"i": {"kernel": p["W"], "bias": p["b"]}, "h": {"kernel": p["U"]}}


def nnx_layer(config: Config, k: int, cells: list[Arrays], merge: Any) -> Any:
    """One layer, in one direction or both."""
    from flax import nnx

    ends = [nnx.RNN(nnx_cell(config, config.sizes[k], d, p)) for d, p in enumerate(cells)]
    return ends[0] if len(ends) == 1 else nnx.Bidirectional(*ends, merge_fn=merge)


def nnx_cell(config: Config, size: int, direction: int, p: Arrays) -> Any:
    """A cell with these parameters (§2)."""
    import jax.numpy as jnp
    from flax import nnx

    dtypes = {"dtype": jnp.float64, "param_dtype": jnp.float64}
    options = {"rngs": nnx.Rngs(0), **dtypes, **functions(config, direction)}
    cell = getattr(nnx, kind(config))(len(p["W"]), size, **options)
    if config.cell == "lstm" and "optimised" not in config.extras:
        for gate, named in lstm_tree(p, np.asarray).items():
            linear = getattr(cell, "if_" if gate == "if" else gate)
            for name, value in named.items():
                getattr(linear, name)[...] = value
        return cell
    cell.dense_i.kernel[...], cell.dense_h.kernel[...] = p["W"], p["U"]
    (cell.dense_h if config.cell == "lstm" else cell.dense_i).bias[...] = p["b"]
    return cell


def merged(name: str) -> Any:
    """How two directions are joined, §8.3."""
    import jax.numpy as jnp

    return {
        "concat": lambda a, b: jnp.concatenate([a, b], axis=-1),
        "sum": lambda a, b: a + b,
        "mul": lambda a, b: a * b,
        "ave": lambda a, b: (a + b) / 2,
        "none": lambda a, b: jnp.stack([a, b], axis=-2),
    }[name]


def by_flax(config: Config, case: Case) -> Arrays:
    """Layer after layer, each an ``RNN`` or a ``Bidirectional``."""
    import jax.numpy as jnp

    x, finals = jnp.asarray(case.x), {}
    told: dict[str, Any] = {"return_carry": True}
    if case.mask is not None:
        told["seq_lengths"] = jnp.asarray(case.lengths)
    if config.directions in ("backward", "as_read"):
        told |= {"reverse": True, "keep_order": config.directions == "backward"}
    top, lstm = len(config.sizes) - 1, config.cell == "lstm"
    for k in range(top + 1):
        ends = range(len(config.ends))
        cells = [parameters(config, case, prefixes(config)[k, d]) for d in ends]
        merge = "concat" if config.merge == "none" and k < top else config.merge
        build = linen_layer if config.flavour == "linen" else nnx_layer
        names = [state_names(config, "initial")[k, d] for d in ends]
        begin = {}
        if config.initial:
            given = [
                [jnp.asarray(case.inputs[f"{name}.{f}"]) for f in ("ch" if lstm else "h")]
                for name in names
            ]
            carries = [tuple(own) if lstm else own[0] for own in given]
            begin["initial_carry"] = tuple(carries) if len(carries) > 1 else carries[0]
        after, x = build(config, k, cells, merged(merge))(x, **told, **begin)
        for name, carry in zip(names, after if len(names) > 1 else (after,), strict=True):
            fields = dict(zip("ch", carry, strict=True)) if lstm else {"h": carry}
            final = name.replace("initial", "final")
            finals |= {f"{final}.{f}": value for f, value in fields.items()}
    return {"outputs": valid_steps(config, case, np.asarray(x)), **finals}


def valid_steps(config: Config, case: Case, outputs: np.ndarray) -> np.ndarray:
    """Zero on the padding; a valid prefix that was reversed goes to the end, as ours does."""
    if case.mask is None:
        return outputs
    turned = config.directions == "as_read" and len(config.sizes) % 2 == 1
    found = np.zeros_like(outputs)
    for row, n in enumerate(case.lengths):
        found[row, len(found[row]) - n if turned else 0 :][:n] = outputs[row, :n]
    return found


def results(config: Config, case: Case) -> Arrays:
    """What JAX or Flax makes of the case, under npstack's names."""
    import jax

    with jax.enable_x64(True), fast_compiler():
        found = (by_lstm_ref if config.flavour == "lstm_ref" else by_flax)(config, case)
        theirs = {name: np.asarray(value) for name, value in found.items()}
    assert all(value.dtype == np.float64 for value in theirs.values())
    return theirs


def pair(config: Config) -> Pair:
    """Both programs."""
    refuse_large(config)
    case = make_case(config)
    return Pair(case, case.run(), results(config, case))


FRAMEWORK = Framework(CHOICES, pair, 64, 200, ("jax", "flax"), allowed)
