"""Unknown keyword arguments of constructors, many of them from other frameworks."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, get_args

from npstack.core.errors import ArgumentError, fail

# Keywords of PyTorch, Keras and ONNX, and their equivalent in npstack.
ELSEWHERE = {
    "dropout": "StackedLSTM(…, dropout=…) drops between layers; Dropout(…) is a layer.",
    "recurrent_dropout": "Put RecurrentDropoutPerGate(LSTMCell(…), rate) into Recurrent(…).",
    "bidirectional": "Use Bidirectional(LSTM(…), LSTM(…)), or StackedBidirectional(LSTM, …).",
    "num_layers": "Use StackedLSTM(D, H, num_layers).",
    "units": "It is called hidden_size.",
    "input_dim": "It is called input_size.",
    "input_shape": "Only its last number is needed, input_size.",
    "unit_forget_bias": "forget_bias=1.0 is the default; forget_bias=None leaves it out.",
    "batch_first": "Arrays are always (B, T, D); leave it out.",
    "time_major": "Arrays are always (B, T, D); leave it out.",
    "bias": "There is always a bias; leave it out.",
    "use_bias": "There is always a bias; leave it out.",
    "proj_size": "Use LSTMVariantCell(D, H, Projection(P), rng=rng) in Recurrent(…).",
    "peephole": "Use LSTMVariantCell(D, H, Peepholes(), rng=rng) in Recurrent(…).",
    "use_peepholes": "Use LSTMVariantCell(D, H, Peepholes(), rng=rng) in Recurrent(…).",
    "cell_clip": "Use LSTMVariantCell(D, H, CellClip(3.0), rng=rng) in Recurrent(…).",
    "activation": "Use LSTMVariantCell(D, H, Activations(…), rng=rng) in Recurrent(…).",
    "recurrent_activation": "Use LSTMVariantCell(D, H, Activations(…), rng=rng) in Recurrent(…).",
    "nonlinearity": "It is called activation.",
    "stateful": "Pass it to fit, or pass states=tape.final to the next forward.",
    "return_state": "The final state is tape.final, always.",
    "go_backwards": "Use Reversed(LSTM(…)).",
    "reset_after": "Use reset='after' or reset='before'.",
    "linear_before_reset": "Use reset='after' or reset='before'.",
    "kernel_initializer": "It is called kernel_init.",
    "recurrent_initializer": "It is called recurrent_init.",
    "bias_initializer": "It is called bias_init.",
    "seed": "Pass rng=np.random.default_rng(seed).",
    "random_state": "Pass rng=np.random.default_rng(seed).",
    "device": "Everything runs on the CPU; leave it out.",
}


def check_keywords(where: str, constructor: Callable[..., Any], given: Iterable[str]) -> None:
    """Check that the constructor has all these keywords."""
    accepted = _keywords(constructor)
    for name in given:
        if accepted is None or name in accepted:
            continue
        near = difflib.get_close_matches(name, accepted, n=1)
        advice = f"Did you mean {near[0]}?" if near else "Leave it out."
        expected = f"its arguments must be among {', '.join(accepted)}"
        fail(ArgumentError, where, expected, f"{name}=…", ELSEWHERE.get(name, advice))


@cache
def _keywords(constructor: Callable[..., Any]) -> tuple[str, ...] | None:
    """All keywords of a constructor; None if it accepts any."""
    names: list[str] = []
    for parameter in list(inspect.signature(constructor).parameters.values())[1:]:
        if parameter.kind is parameter.VAR_KEYWORD:
            options = get_args(_meaning(constructor, parameter.annotation))
            if not options or not hasattr(options[0], "__annotations__"):
                return None
            names += options[0].__annotations__  # those of a TypedDict
        elif parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            names.append(parameter.name)
    return tuple(dict.fromkeys(names))


def _meaning(function: Any, annotation: Any) -> Any:
    """The meaning of an annotation; annotations are texts here."""
    return eval(annotation, function.__globals__) if isinstance(annotation, str) else annotation
