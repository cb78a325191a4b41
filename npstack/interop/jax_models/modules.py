"""The recurrent cells of a live module of `flax.nnx`, with what they compute."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from npstack.core.errors import ArgumentError, describe, fail, optional_package
from npstack.core.numerics import Array
from npstack.interop.opened import Opened, flattened
from npstack.interop.parts import BACKWARD, RecurrentPart

ACTIVATIONS = {
    "sigmoid": "sigmoid",
    "tanh": "tanh",
    "relu": "relu",
    "elu": "elu",
    "leaky_relu": "leaky_relu",
    "softplus": "softplus",
    "soft_sign": "softsign",
    "identity": "linear",
    "hard_sigmoid": "hard_sigmoid_sixth",
}  # of jax.nn
BY_HAND = "Pass its arrays to npstack.interop.read"


def _nnx(where: str) -> ModuleType:
    advice = 'Run pip install "npstack[frameworks]".'
    return optional_package(where, "flax.nnx", "Flax must be installed", advice)


def opened(where: str, model: Any) -> Opened:
    """The recurrent cells of a module of nnx, in its order, each once.

    Parameters
    ----------
    where : str
    model : nnx.Module

    Returns
    -------
    Opened
        A part for each cell: Flax stores directions and layers as cells of their own. The name is
        the path, ``"encoder/cell"``. Cells that are not npstack's, and activations without a
        counterpart are listed with the reason in ``refused``. A layer with ``reverse=True`` gives
        its outputs in the order of time here, whether it has ``keep_order`` or not.

    Raises
    ------
    ArgumentError
        It is no module of nnx.
    """
    nnx = _nnx(where)
    if not isinstance(model, nnx.Module):
        expected = "model must be a module of flax.nnx"
        advice = "Of a module of linen, give its variables."
        fail(ArgumentError, where, expected, describe(model), advice)
    found: dict[str, Any] = {}
    parts: list[RecurrentPart] = []
    seen: set[int] = set()

    def visit(module: Any, path: tuple[str, ...], way: bool | None, *, backwards: bool) -> None:
        """``way``: the direction that a Bidirectional asks of an RNN."""
        if id(module) in seen:
            return
        seen.add(id(module))
        if isinstance(module, nnx.RNNCellBase):
            parts.append(_part(nnx, module, "/".join(path), backwards=backwards))
            found[parts[-1].name] = module
            return
        pair = isinstance(module, nnx.Bidirectional)
        if isinstance(module, nnx.RNN):
            backwards = module.reverse if way is None else way
        places = {key: place for place, key in enumerate(vars(module))}
        for key, child in sorted(
            nnx.iter_module_children(module), key=lambda own: places.get(own[0], -1)
        ):
            asked = key == BACKWARD if pair else None
            visit(child, (*path, str(key)), asked, backwards=backwards)

    visit(model, (), None, backwards=False)
    return Opened(tuple(parts), lambda part: _arrays(nnx, found[part.name]))


def _part(nnx: ModuleType, cell: Any, name: str, *, backwards: bool) -> RecurrentPart:
    """The part that a cell of nnx is."""
    kinds = {
        nnx.LSTMCell: ("lstm", "flax-linen"),
        nnx.OptimizedLSTMCell: ("lstm", "flax-nnx"),
        nnx.GRUCell: ("gru", "flax-nnx"),
        nnx.SimpleCell: ("rnn", "flax-nnx"),
    }
    base = next((own for own in type(cell).__mro__ if own in kinds), None)
    if base is None or type(cell).__call__ is not base.__call__:
        why = f"{type(cell).__name__} is no cell of flax.nnx. {BY_HAND} if npstack has it."
        sizes = getattr(cell, "in_features", 0), getattr(cell, "hidden_features", 0)
        return RecurrentPart(name, "rnn", *sizes, 1, False, "flax-nnx", {}, why)
    kind, layout = kinds[base]
    shown = {"lstm": ("candidate", "cell"), "gru": ("candidate",), "rnn": ("hidden",)}
    functions = dict.fromkeys(shown[kind], cell.activation_fn)
    if kind != "rnn":
        functions["gates"] = cell.gate_fn
    known = {gate: _activation(function) for gate, function in functions.items()}
    why = ""
    if None in known.values():
        strange = next(own for gate, own in functions.items() if known[gate] is None)
        why = (
            f"Its activation {getattr(strange, '__name__', 'without a name')} is none that npstack "
            f"has. {BY_HAND} with activations=…, where npstack.OwnActivation makes one."
        )
    elif getattr(cell, "residual", False):
        why = (
            "It adds h to the pre-activation (residual=True): the same as 1 added on the diagonal "
            f"of dense_h/kernel. {BY_HAND} with that."
        )
    attributes: dict[str, Any] = {"activations": known} | ({"backwards": True} if backwards else {})
    sizes = cell.in_features, cell.hidden_features
    return RecurrentPart(name, kind, *sizes, 1, False, layout, attributes, why)


def _activation(function: Any) -> str | None:
    """npstack's name of an activation of ``jax.nn``; None if it is no such function."""
    jax = optional_package("recurrent_parts", "jax.nn", "JAX must be installed", "")
    known = ((own, name) for other, name in ACTIVATIONS.items() if (own := getattr(jax, other)))
    return next((name for own, name in known if own is function), None)


def _arrays(nnx: ModuleType, cell: Any) -> dict[str, Array]:
    """The arrays of a cell, by the names of its layout."""
    tree = nnx.to_pure_dict(nnx.state(cell, nnx.Param))
    return flattened("load", tree)
