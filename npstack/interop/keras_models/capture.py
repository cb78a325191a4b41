"""What the recurrent layers of a live Keras model read and compute: `capture`.

Models run eagerly, with ``training=False``. `capture` watches ``layer.inner_loop``, the method that
every recurrent layer of Keras runs its steps in: it gets the real input, mask and initial state,
and returns the final states even if the layer does not return them. No layer is built anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from npstack.core.arguments import check_whole
from npstack.core.errors import ArgumentError, CodeError, DataError, fail, in_words
from npstack.core.numerics import Array
from npstack.interop.keras_models.parts import Place, import_keras, part_at, places
from npstack.interop.parts import RecurrentPart
from npstack.interop.recording import STATE_OF, Recorded, eps_of
from npstack.layers import Directions
from npstack.layers.parallel import MERGES

# What Keras puts around the message of an error: colours, and the arguments.
WRAPPED = re.compile(r"\x1b\[[0-9;]*m|Arguments received by .*", re.DOTALL)
ENDS = "final states for the zeros that Keras gives where the last step is masked (§7.6)"
LONGEST = 400  # characters of its message; numbers may be printed in the middle of it


class Call(NamedTuple):
    """One run of ``inner_loop``: what went in and came out, as NumPy arrays."""

    x: Array
    mask: Array | None
    initial: list[Array]
    last: Array
    outputs: Array
    final: list[Array]


def capture(model: Any, feed: Any, *, calls: int = 1) -> dict[str, Recorded]:
    """Run a Keras model, and record what every recurrent layer reads and computes.

    Parameters
    ----------
    model : keras.Model or keras.layers.Layer
        Runs once, with ``training=False``; states of stateful layers and all other variables are
        afterwards what they were before.
    feed : array, list, dict or tuple
        The input as the model takes it: an array, or a list or dictionary of arrays for several
        inputs. A tuple holds several positional arguments. For a layer that is not a model, a
        dictionary holds keyword arguments, ``{"sequences": x, "mask": mask}``.
    calls : int
        Which call of a layer is recorded, if it is called several times; 1 is the first.
        ``source`` then says, for example, "call 1 of 3".

    Returns
    -------
    dict of str to Recorded
        By the names of `recurrent_parts`, without those that are refused or not called that often.
        Outputs are in the order of time, also those of a layer with ``go_backwards``, and zero
        where masked. A mask with holes or padding in front has no lengths: then the steps that the
        layer did read are moved to the front, and ``source`` says so. It also says if the final
        state stands for a last output that Keras makes zero because its step is masked.

    Raises
    ------
    ArgumentError
        No part was called that often.
    CodeError
        The model does not run on ``feed``.
    DataError
        A fused path of the backend hides the states of a Bidirectional.
    """
    where = "capture"
    keras = import_keras(where)
    number = check_whole(where, "calls", calls, "1 records the first call.", least=1)
    own = places(where, keras, model)
    parts = [(place, part_at(keras, place)) for place in own]
    chosen = [(place, part) for place, part in parts if not part.refused]
    seen: dict[int, list[Call]] = {}
    joined: dict[int, list[Any]] = {}
    with _unchanged(keras, model, own):
        try:
            for place, _ in chosen:
                for layer in place.pair or (place.layer,):
                    _watch_loop(keras, layer, seen)
                if place.pair:
                    _watch_call(keras, place.layer, joined)
            _run(where, keras, model, feed)
        finally:
            for place, _ in chosen:
                for layer in (place.layer, *place.pair):
                    for method in ("inner_loop", "call"):
                        vars(layer).pop(method, None)
    found = {}
    for place, part in chosen:
        record = _recorded(place, part, seen, joined, number)
        if record is not None:
            said = "; ".join([record.source, *part.remarks])
            found[part.name] = replace(record, source=said)
    if not found:
        most = max((len(own) for own in seen.values()), default=0)
        expected = f"a recurrent layer that npstack has must be called {number} times"
        fail(
            ArgumentError,
            where,
            expected,
            f"at most {most} calls",
            "Look at recurrent_parts(model).",
        )
    return found


def _run(where: str, keras: ModuleType, model: Any, feed: Any) -> None:
    """The model on its feed."""
    arguments: dict[str, Any] = {}
    if isinstance(feed, tuple):
        given = feed
    elif isinstance(feed, Mapping) and not isinstance(model, keras.Model):
        given, arguments = (), dict(feed)
    else:
        given = (feed,)
    if getattr(model, "_call_has_training_arg", False):
        arguments["training"] = False
    try:
        model(*given, **arguments)
    except Exception as error:
        words = WRAPPED.sub("", in_words(error)).strip()
        if len(words) > LONGEST:
            words = f"{words[: LONGEST // 2]} … {words[-LONGEST // 2 :]}"
        advice = (
            "Give what the model is called with: an array, a list, a tuple, or a dict of names."
        )
        kind = type(error).__name__
        expected = "the model must run on feed"
        raise CodeError(where, expected, words.rstrip("."), advice, raised=kind) from error


@contextmanager
def _unchanged(keras: ModuleType, model: Any, own: list[Place]) -> Iterator[None]:
    """Variables that are not trained, and states of stateful layers, get their values back."""
    layers = [layer for place in own for layer in (place.layer, *place.pair)]
    states = [v for layer in layers for v in keras.tree.flatten(getattr(layer, "states", None))]
    kept = [
        (variable, np.array(keras.ops.convert_to_numpy(variable)))
        for variable in (*model.variables, *states)  # Keras does not count states as variables
        if isinstance(variable, keras.Variable) and not variable.trainable
    ]
    try:
        yield
    finally:
        for variable, value in kept:
            if not np.array_equal(keras.ops.convert_to_numpy(variable), value, equal_nan=True):
                variable.assign(value)


def _watch_loop(keras: ModuleType, layer: Any, seen: dict[int, list[Call]]) -> None:
    """Put a watcher before ``layer.inner_loop``, on this object alone."""
    real = layer.inner_loop

    def flat(values: Any) -> list[Array]:
        # Copies: a backend may write the next state into the same memory.
        return [np.array(keras.ops.convert_to_numpy(v)) for v in keras.tree.flatten(values)]

    def watching(sequences: Any, initial_state: Any, mask: Any, **options: Any) -> Any:
        (x,), before = flat(sequences), flat(initial_state)
        masks = flat(mask)[:1] if mask is not None else []
        last, outputs, final = result = real(
            sequences=sequences, initial_state=initial_state, mask=mask, **options
        )
        (top,), (sequence,) = flat(last), flat(outputs)
        own = Call(x, masks[0] if masks else None, before, top, sequence, flat(final))
        seen.setdefault(id(layer), []).append(own)
        return result

    vars(layer)["inner_loop"] = watching  # not setattr: Keras would track it


def _watch_call(keras: ModuleType, layer: Any, joined: dict[int, list[Any]]) -> None:
    """Put a watcher before the ``call`` of a Bidirectional: it joins the outputs."""
    real = layer.call

    def watching(*given: Any, **options: Any) -> Any:
        result = real(*given, **options)
        outputs = [result] if not isinstance(result, list | tuple) else list(result)
        count = 2 if layer.merge_mode is None else 1
        values = [np.array(keras.ops.convert_to_numpy(v)) for v in outputs[:count]]
        joined.setdefault(id(layer), []).append(values)
        return result

    vars(layer)["call"] = watching


def _recorded(
    place: Place,
    part: RecurrentPart,
    seen: dict[int, list[Call]],
    joined: dict[int, list[Any]],
    number: int,
) -> Recorded | None:
    """What was seen of a part; None if it was not called that often."""
    ways = [seen.get(id(layer), []) for layer in place.pair or (place.layer,)]
    if place.pair and len(joined.get(id(place.layer), [])) > len(ways[0]):
        expected = f"{part.name!r} must run its two layers one by one"
        advice = "Set use_cudnn=False in both of them: layer.forward_layer.use_cudnn = False."
        fail(DataError, "capture", expected, "a fused path of the backend", advice)
    if len(ways[0]) < number:
        return None
    own = [way[number - 1] for way in ways]
    first = own[0]
    dtype = np.result_type(
        *(np.float32 if a.dtype.itemsize < 4 else a for a in (first.x, first.last))
    )
    full = place.layer.return_sequences
    if place.pair:
        results = joined[id(place.layer)][number - 1]
        outputs = results[0] if len(results) == 1 else np.stack(results, axis=-2)
    else:
        outputs = first.outputs if full else first.last
        if full and place.layer.go_backwards:
            outputs = outputs[:, ::-1]  # which Keras returns as they were read
    said = [f"keras layer {part.name or type(place.layer).__name__!r}"]
    if len(ways[0]) > 1:
        said[0] += f", call {number} of {len(ways[0])}"
    if place.layer.compute_dtype != dtype.name:
        said.append(f"computed in {place.layer.compute_dtype}")
    x, lengths = first.x, None
    if first.mask is not None:
        mask = first.mask.astype(bool)
        lengths = mask.sum(axis=1)
        x, outputs, moved = _padded(x, outputs, mask, full=full)
        if moved:
            said.append("masked steps taken out, the others moved to the front (§7.4)")
    final = [_state(part, call.final, dtype) for call in own]
    initial = [_state(part, call.initial, dtype) for call in own]
    none = not any(a.any() for call in own for a in call.initial)
    if first.mask is not None and not full:
        tops = [call.final[_top(part)] for call in own]
        ends = [
            ~call.last.any(axis=1) & top.any(axis=1) for call, top in zip(own, tops, strict=True)
        ]
        zeros = np.logical_or.reduce(ends)
        if zeros.any():
            meant = MERGES[part.attributes["merge"]].join(tops) if place.pair else tops[0]
            outputs = np.where(zeros[(...,) + (None,) * (outputs.ndim - 1)], meant, outputs)
            said.append(ENDS)
    return Recorded(
        x=x.astype(dtype),
        lengths=lengths,
        initial=None if none else (Directions(*initial) if place.pair else initial[0]),
        outputs=outputs.astype(dtype),
        final=Directions(*final) if place.pair else final[0],
        source="; ".join(said),
        eps=eps_of(place.layer.compute_dtype),
    )


def _top(part: RecurrentPart) -> int:
    """Where the hidden state of the top cell is in a flat list of states."""
    return (part.layers - 1) * len(STATE_OF[part.kind]._fields)


def _state(part: RecurrentPart, values: Sequence[Array], dtype: Any) -> Any:
    """A state with names; a tuple of them for a stack."""
    kind = STATE_OF[part.kind]
    each = len(kind._fields)
    arrays = [a.astype(dtype) for a in values]
    states = [kind(*arrays[k : k + each]) for k in range(0, len(arrays), each)]
    return states[0] if part.layers == 1 else tuple(states)


def _padded(x: Array, outputs: Array, mask: Array, *, full: bool) -> tuple[Array, Array, bool]:
    """Input and outputs with all valid steps in front, and whether any had to be moved."""
    order = np.argsort(~mask, axis=1, kind="stable")
    moved = bool((order != np.arange(mask.shape[1])).any())
    valid = np.take_along_axis(mask, order, axis=1)

    def in_front(a: Array) -> Array:
        axes = (...,) + (None,) * (a.ndim - 2)
        return np.take_along_axis(a, order[axes], axis=1) if moved else a

    if full:
        kept = valid[(...,) + (None,) * (outputs.ndim - 2)]
        front = in_front(outputs)
        outputs = np.where(kept, front, np.zeros_like(front))
    return in_front(x), outputs, moved
