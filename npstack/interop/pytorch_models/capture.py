"""What the recurrent layers of a live PyTorch module read and compute: `capture`.

Modules run as they are, without gradients. `capture` watches the layers by forward hooks, which are
removed afterwards, and changes neither parameters nor modes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from npstack.core.arguments import check_whole
from npstack.core.errors import ArgumentError, CodeError, fail, in_words
from npstack.core.numerics import Array
from npstack.interop.opened import as_numpy
from npstack.interop.parts import RecurrentPart
from npstack.interop.pytorch_models.parts import (
    EVALUATION,
    import_torch,
    is_parametrized,
    opened,
)
from npstack.interop.recording import STATE_OF, Recorded
from npstack.layers import Directions


def _check_settled(torch: ModuleType, model: Any) -> None:
    """A run must not change the model, nor draw what a part computes."""
    nn = torch.nn
    for name, module in model.named_modules():
        why = ""
        if isinstance(module, nn.RNNBase) and module.dropout and module.num_layers > 1:
            why = f"drops {module.dropout:g} between its layers"
        elif isinstance(module, nn.modules.batchnorm._NormBase) and module.track_running_stats:
            why = "changes its running statistics"
        elif is_parametrized(torch, module):
            why = "may change its parametrisations"
        if why and module.training:
            expected = "a run must leave the model as it is, and draw nothing inside a part"
            got = f"{name!r} in training mode, which {why}"
            fail(ArgumentError, "capture", expected, got, EVALUATION)


class Call(NamedTuple):
    """One call of a layer: ``x (B, T, D)``, and states by layer and direction."""

    x: Array
    lengths: Array | None
    initial: Any
    outputs: Array
    final: Any
    eps: float


class Step(NamedTuple):
    """One call of a cell: ``x (B, D)``, and the fields of the states before and after it."""

    x: Array
    before: tuple[Array, ...] | None
    after: tuple[Array, ...]
    eps: float


def capture(model: Any, feed: Any, *, calls: int = 1) -> dict[str, Recorded]:
    """Run a PyTorch module, and record what every recurrent layer reads and computes.

    Parameters
    ----------
    model : torch.nn.Module
        Runs once, in the modes that it is in, without gradients.
    feed : array, tensor, tuple or dict
        The input: one argument, a tuple of positional arguments, or a dictionary of keyword
        arguments. Floating-point NumPy arrays become tensors of the model's dtype; others, also
        inside lists, tuples and dictionaries, keep theirs.
    calls : int
        Which call of a layer is recorded, if it is called several times; 1 is the first. For a
        cell, calls that begin with the state in which an earlier one ended are the steps of one.

    Returns
    -------
    dict of str to Recorded
        By the names of `recurrent_parts`, without those that are refused or not called that often.
        Arrays are batch-first, whatever the module has; a sequence without a batch has B = 1; a
        packed sequence has its lengths, its rows in their original order, and zeros in the padding.

    Raises
    ------
    ArgumentError
        No part was called that often; or a part in training mode drops out between its layers.
    CodeError
        The model does not run on ``feed``.
    MissingPackageError
    """
    where = "capture"
    torch = import_torch(where)
    calls = check_whole(where, "calls", calls, "1 records the first call.", least=1)
    parts = [part for part in opened(where, model).parts if not part.refused]
    _check_settled(torch, model)
    made: dict[str, list[Any]] = {part.name: [] for part in parts}
    counts = dict.fromkeys(made, 0)
    hooks = []
    try:
        for part in parts:
            watch = _watch(torch, part, made[part.name], counts, calls)
            module = model.get_submodule(part.name)
            hooks.append(module.register_forward_hook(watch, with_kwargs=True))
        _run(where, torch, model, feed)
    finally:
        for hook in hooks:
            hook.remove()
    found: dict[str, Recorded] = {}
    for part in parts:
        own: list[Call] = made[part.name]
        if part.layout == "pytorch-cell":
            chains = _chains(made[part.name])
            counts[part.name] = len(chains)
            own = [_joined(part, chain) for chain in chains[calls - 1 : calls]]
        for call in own:
            source = f"torch {torch.__version__}: {type(model).__name__}"
            at = f"{source}.{part.name}" if part.name else source
            count = counts[part.name]
            call_of = f"{at}, call {calls} of {count}" if count > 1 else at
            found[part.name] = Recorded(**call._asdict(), source=call_of)
    if not found:
        expected = f"a recurrent layer that npstack has must be called {calls} times"
        listed = ", ".join(f"{name!r} {count}" for name, count in counts.items()) or "no such layer"
        advice = (
            "recurrent_parts(model) lists them; layer.forward(x) is seen by no hook, layer(x) is."
        )
        fail(ArgumentError, where, expected, f"calls: {listed}", advice)
    return found


def _run(where: str, torch: ModuleType, model: Any, feed: Any) -> None:
    """The model on its feed."""
    like = next((p for p in model.parameters() if p.is_floating_point()), torch.zeros(1))

    def tensors(value: Any) -> Any:
        if isinstance(value, np.ndarray | np.generic):
            if np.asarray(value).dtype.kind != "f":
                return torch.tensor(np.array(value)).to(like.device)
            return torch.tensor(np.array(value, np.float64)).to(like.device, like.dtype)
        if isinstance(value, Mapping):
            return {key: tensors(own) for key, own in value.items()}
        if type(value) in (list, tuple):  # not a PackedSequence
            return type(value)(map(tensors, value))
        return value

    try:
        given = tensors(feed)
        with torch.no_grad():
            if isinstance(feed, Mapping):
                model(**given)
            elif type(feed) is tuple:
                model(*given)
            else:
                model(given)
    except Exception as error:
        advice = "Give what the model is called with: an array, a tuple, or a dict of keywords."
        message = in_words(error)
        kind = type(error).__name__
        raise CodeError(
            where, "the model must run on feed", message, advice, raised=kind
        ) from error


def _watch(
    torch: ModuleType, part: RecurrentPart, made: list[Any], counts: dict[str, int], calls: int
) -> Callable[..., None]:
    """The hook that records the calls of a part: of a layer the wanted one, of a cell all."""

    def layer(module: Any, given: Any, keywords: Any, result: Any) -> None:
        counts[part.name] += 1
        if counts[part.name] == calls:
            made.append(_call(torch, part, module, *_arguments(given, keywords), result))

    def cell(module: Any, given: Any, keywords: Any, result: Any) -> None:
        x, before = _arguments(given, keywords)
        batched = x.dim() == 2

        eps = torch.finfo((result[0] if part.kind == "lstm" else result).dtype).eps

        def rows(tensor: Any) -> Array:
            return as_numpy(tensor) if batched else as_numpy(tensor)[None]

        def fields(state: Any) -> tuple[Array, ...]:
            return tuple(map(rows, state if part.kind == "lstm" else (state,)))

        made.append(Step(rows(x), None if before is None else fields(before), fields(result), eps))

    return cell if part.layout == "pytorch-cell" else layer


def _arguments(given: tuple[Any, ...], keywords: Mapping[str, Any]) -> tuple[Any, Any]:
    """The two arguments of every recurrent layer and cell, by position or by name."""
    named = {**dict(zip(("input", "hx"), given, strict=False)), **keywords}
    return named["input"], named.get("hx")


def _call(
    torch: ModuleType, part: RecurrentPart, module: Any, x: Any, before: Any, result: Any
) -> Call:
    """What a layer read and computed, batch-first."""
    outputs, after = result
    packed = isinstance(x, torch.nn.utils.rnn.PackedSequence)
    batched = packed or x.dim() == 3

    def sequence(values: Any) -> Array:
        array = as_numpy(values)
        if not batched:
            return array[None]
        return array if module.batch_first else np.ascontiguousarray(array.swapaxes(0, 1))

    def states(given: Any) -> Any:
        fields = [as_numpy(own) for own in (given if part.kind == "lstm" else (given,))]
        fields = fields if batched else [own[:, None] for own in fields]
        cells = [STATE_OF[part.kind](*own) for own in zip(*fields, strict=True)]
        if part.bidirectional:
            cells = [Directions(*cells[k : k + 2]) for k in range(0, len(cells), 2)]
        return cells[0] if part.layers == 1 else tuple(cells)

    initial, final = None if before is None else states(before), states(after)
    if not packed:
        eps = torch.finfo(outputs.dtype).eps
        return Call(sequence(x), None, initial, sequence(outputs), final, eps)
    padded = partial(torch.nn.utils.rnn.pad_packed_sequence, batch_first=True)
    (rows, lengths), (computed, _) = padded(x), padded(outputs)
    eps = torch.finfo(computed.dtype).eps
    return Call(as_numpy(rows), as_numpy(lengths), initial, as_numpy(computed), final, eps)


def _chains(steps: list[Step]) -> list[list[Step]]:
    """The steps of sequences: a call that begins with the state of another follows it."""
    chains: list[list[Step]] = []
    for step in steps:
        before = step.before
        follows = (
            chain
            for chain in reversed(chains)
            if before is not None and all(map(np.array_equal, chain[-1].after, before))
        )
        chain = next(follows, None)
        if chain is None:
            chains.append([step])
        else:
            chain.append(step)
    return chains


def _joined(part: RecurrentPart, chain: list[Step]) -> Call:
    """The steps of a cell as one call over time."""
    state = STATE_OF[part.kind]
    before = chain[0].before
    return Call(
        np.stack([step.x for step in chain], axis=1),
        None,
        None if before is None else state(*before),
        np.stack([step.after[0] for step in chain], axis=1),
        state(*chain[-1].after),
        chain[0].eps,
    )
