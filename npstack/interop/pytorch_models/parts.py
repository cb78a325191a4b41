"""The recurrent layers of a live PyTorch module: where they are, and their arrays."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from itertools import product
from types import ModuleType
from typing import Any

import numpy as np

from npstack.core.errors import ArgumentError, describe, fail, optional_package
from npstack.core.numerics import Array
from npstack.interop.known_layouts import LAYOUTS
from npstack.interop.opened import Opened, as_numpy
from npstack.interop.parts import RecurrentPart, parts_of_arrays

KINDS = {
    **dict.fromkeys(("LSTM", "LSTMCell"), "lstm"),
    **dict.fromkeys(("GRU", "GRUCell"), "gru"),
    **dict.fromkeys(("RNN", "RNNCell", "RNN_TANH", "RNN_RELU"), "rnn"),
}
EVALUATION = "Call model.eval(); model.train() afterwards."


def import_torch(where: str) -> ModuleType:
    """PyTorch, or the error that names the extra."""
    advice = 'Run pip install "npstack[frameworks]".'
    return optional_package(where, "torch", "PyTorch must be installed", advice)


def opened(where: str, model: Any) -> Opened:
    """The recurrent layers and cells of a PyTorch module, in its order.

    Parameters
    ----------
    where : str
    model : torch.nn.Module
        A model, or one of these layers itself.

    Returns
    -------
    Opened
        The name of a part is the path of the module, ``"encoder.lstm"``, empty for the model
        itself; a module that is used in several places is listed once. Quantised and compiled
        (TorchScript) layers, subclasses with a ``forward`` of their own, and weights that are
        computed at each call are listed with the reason in ``refused``. Arrays have the names of
        the ``state_dict``; parametrised weights are given as the layer uses them.

    Raises
    ------
    ArgumentError
        The model is not a ``torch.nn.Module``.
    MissingPackageError
    """
    torch = import_torch(where)
    if not isinstance(model, torch.nn.Module):
        expected = "model must be a torch.nn.Module"
        advice = "Give the module; a state_dict goes to read(arrays, 'pytorch')."
        fail(ArgumentError, where, expected, describe(model), advice)
    found: list[RecurrentPart] = []
    inside: tuple[str, ...] = ()  # layers of torch.ao have modules of their own
    for name, module in model.named_modules():
        if name.startswith(inside):
            continue
        part = _part(torch, name, module)
        if part is not None:
            found.append(part)
            if _of_quantisation(module):
                inside += (f"{name}." if name else "",)
    parts = (*found, *_frozen(torch, model, found))
    return Opened(parts, partial(_arrays, where, torch, model))


def _part(torch: ModuleType, name: str, module: Any) -> RecurrentPart | None:
    """The part that a module is, if it is one."""
    if isinstance(module, torch.nn.RNNBase | torch.nn.RNNCellBase) or _of_quantisation(module):
        kind = KINDS[getattr(module, "mode", None) or _torch_class(torch, module).__name__]
        nonlinearity = getattr(module, "nonlinearity", "tanh")
        part = RecurrentPart(
            name=name,
            kind=kind,
            input_size=int(module.input_size),
            hidden_size=int(module.hidden_size),
            layers=int(getattr(module, "num_layers", 1)),
            bidirectional=bool(getattr(module, "bidirectional", False)),
            layout="pytorch" if hasattr(module, "num_layers") else "pytorch-cell",
            attributes={"activations": {"hidden": nonlinearity}} if kind == "rnn" else {},
            remarks=_remarks(module),
            projected=int(getattr(module, "proj_size", 0)),
        )
        return part._replace(refused=_refusal(torch, part, module))
    own = module.named_parameters(recurse=False)
    shapes = {key: value.shape for key, value in own if re.match(r"(weight|bias)_[ih][hr]", key)}
    alike = parts_of_arrays({key: np.broadcast_to(0.0, shape) for key, shape in shapes.items()})
    if not alike:
        return None
    by_hand = "its state_dict goes to npstack.interop.read, as NumPy arrays"
    if isinstance(module, torch.jit.ScriptModule):
        why = (
            "It is compiled (TorchScript), and no hook can watch it. Bring in the module that it "
            f"was made from; or its numbers alone: {by_hand}."
        )
    else:
        why = (
            f"{type(module).__name__} is no layer of torch.nn, though its parameters have their "
            f"names. If it computes the same, {by_hand}."
        )
    return alike[0]._replace(name=name, refused=why)


def _remarks(module: Any) -> tuple[str, ...]:
    """What else is to be known of a layer."""
    if getattr(module, "dropout", 0) and module.num_layers > 1:
        return (f"dropout={module.dropout:g} between its layers, in training only",)
    return ()


# ---- their arrays --------------------------------------------------------------------------------


def is_parametrized(torch: ModuleType, module: Any) -> bool:
    """Whether some weights of a module are computed from others when they are asked for."""
    return bool(torch.nn.utils.parametrize.is_parametrized(module))


def _arrays(where: str, torch: ModuleType, model: Any, part: RecurrentPart) -> dict[str, Array]:
    """The arrays of a part, by the names of its ``state_dict``."""
    module = model.get_submodule(part.name)
    if module.training and is_parametrized(torch, module):
        expected = "a look at the weights must not change them"
        got = f"{part.name!r} with parametrisations in training mode"
        fail(ArgumentError, where, expected, got, EVALUATION)
    return {own: as_numpy(getattr(module, own)) for own in weight_names(part, module)}


# ---- why one cannot be brought in ---------------------------------------------------------------


def _of_quantisation(module: Any) -> bool:
    """Whether it is a recurrent layer of ``torch.ao``."""
    own = type(module)
    return own.__module__.startswith("torch.ao.nn.") and own.__name__ in KINDS


def _torch_class(torch: ModuleType, module: Any) -> Any:
    """The class of PyTorch that a recurrent layer is, or that it is derived from."""
    if _of_quantisation(module):
        return type(module)
    return next(own for own in type(module).__mro__ if own.__module__ == torch.nn.LSTM.__module__)


def weight_names(part: RecurrentPart, module: Any) -> list[str]:
    """The names of the weights and biases of a layer or cell of ``torch.nn``."""
    column = LAYOUTS[part.layout].column(part.kind)
    assert column is not None
    missing = {"R"} if not getattr(module, "proj_size", 0) else set()
    missing |= set() if module.bias else {"b", "b_recurrent"}
    ways = 2 if part.bidirectional else 1
    places = product(range(part.layers), range(ways))
    named = (pair for place in places for pair in column.named(*place, ways))
    return [name for name, entry in named if entry.role not in missing]


def _refusal(torch: ModuleType, part: RecurrentPart, module: Any) -> str:
    """Why a layer of PyTorch cannot be brought in; empty if it can."""
    own = type(module)
    if _of_quantisation(module):
        return (
            f"{own.__module__}.{own.__name__} is quantised, or prepared for it. Bring in the layer "
            "of torch.nn that it was made from."
        )
    original = _torch_class(torch, module)
    if own.forward is not original.forward:
        return (
            f"{own.__name__} has a forward of its own. If it computes what torch.nn."
            f"{original.__name__} computes, its state_dict goes to npstack.interop.read."
        )
    parametrized = getattr(module, "parametrizations", {})
    stored = dict(module.named_parameters(recurse=False))
    for name in weight_names(part, module):
        if name not in stored and name not in parametrized:
            return (
                f"{name} is computed anew at each call. Make it a parameter first, with "
                "torch.nn.utils.remove_weight_norm or torch.nn.utils.prune.remove."
            )
        if getattr(stored.get(name), "is_meta", False):
            return f"{name} has no numbers: it is on the device meta. Load the weights first."
    return ""


def _frozen(torch: ModuleType, model: Any, found: list[RecurrentPart]) -> Iterator[RecurrentPart]:
    """Compiled modules whose parameters have become constants of their code."""
    modules = dict(model.named_modules())  # get_submodule does not know a compiled one
    for name, module in modules.items():
        parent = modules[name.rpartition(".")[0]]
        outermost = not name or not isinstance(parent, torch.jit.ScriptModule)
        listed = any(part.name == name or part.name.startswith(f"{name}.") for part in found)
        if not isinstance(module, torch.jit.ScriptModule) or not outermost or (found and not name):
            continue
        if listed or not hasattr(module, "inlined_graph"):
            continue
        operators = set(re.findall(r"aten::(lstm|gru|rnn)\w*\(", str(module.inlined_graph)))
        for kind in sorted(operators)[:1]:
            why = (
                "It is compiled and frozen (TorchScript): its weights are constants of its code. "
                "Bring in the module that it was made from, before torch.jit.freeze."
            )
            yield RecurrentPart(name, kind, 0, 0, 0, False, "pytorch", {}, why)
