"""The options of `read`, checked: what a kind of cell does not have is refused, not left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from npstack.core.activations import Activation, check_activation
from npstack.core.arguments import (
    check_flag,
    check_number,
    check_option,
    check_positive,
    check_size,
)
from npstack.core.errors import ArgumentError, DtypeError, describe, fail
from npstack.interop.known_layouts.entries import MERGES
from npstack.interop.layout import USUAL, Column, Layout, with_default
from npstack.interop.weights import complementary

WHERE = "read"
LIMITS = ("clip", "cell_clip", "projection_clip")
FLAGS = ("bidirectional", "coupled", "backwards", "return_sequences")
ONLY_LSTM = ("forget_bias", "cell_clip", "projection_clip", "coupled")


def checked_options(
    layout: Layout, cell: str, column: Column, given: Mapping[str, Any]
) -> dict[str, Any]:
    """The options of `read` by name, each of its type, and no two that contradict."""
    told = dict(given)
    for name in FLAGS:
        told[name] = check_flag(WHERE, name, told[name])
    for name in LIMITS:
        if told[name] is not None:
            told[name] = check_positive(WHERE, name, told[name], "Leave it out for no clip.")
    if told["layers"] is not None:
        told["layers"] = check_size(WHERE, "layers", told["layers"])
    if told["forget_bias"] is not None:
        told["forget_bias"] = check_number(
            WHERE, "forget_bias", told["forget_bias"], "0 adds nothing."
        )
    told["merge"] = check_option(WHERE, "merge", told["merge"], MERGES)
    told["biases"] = check_option(WHERE, "biases", told["biases"], ("sum", "kept"))
    told["activations"] = _activations(cell, told["activations"])
    _of_this_cell(cell, told)
    if cell == "gru":
        _of_gru(layout, column, told)
    _of_directions(layout, column, told)
    return told


def _activations(cell: str, given: Any) -> dict[str, Activation] | None:
    """Activations by place."""
    if given is None:
        return None
    places = [*USUAL[cell], *(["gates"] if cell != "rnn" else [])]
    if not isinstance(given, Mapping):
        advice = f"For example {{{places[0]!r}: 'sigmoid'}}."
        fail(DtypeError, WHERE, "activations must be a dictionary by gate", describe(given), advice)
    return {
        check_option(WHERE, "activations", gate, places): check_activation(
            WHERE, f"activations[{gate!r}]", value
        )
        for gate, value in given.items()
    }


def _of_this_cell(cell: str, told: Mapping[str, Any]) -> None:
    """No option that this kind of cell does not have."""
    kinds = {"reset": "gru", **dict.fromkeys(ONLY_LSTM, "lstm")}
    for name, kind in kinds.items():
        if told[name] not in (None, False) and cell != kind:
            expected = f"{name} is for cell={kind!r}"
            fail(ArgumentError, WHERE, expected, f"cell={cell!r}", "Leave it out.")
    if told["coupled"] and told["forget_bias"]:
        expected, got = "coupled gates have no forget bias (§2.6)", told["forget_bias"]
        fail(ArgumentError, WHERE, expected, f"forget_bias={got}", "Leave it out.")


def _of_gru(layout: Layout, column: Column, told: Mapping[str, Any]) -> None:
    """One activation for both gates, and one that can be turned if the layout asks for it."""
    chosen = with_default("gru", column, told["activations"])
    reset, update = (
        check_activation(WHERE, "activations", chosen[gate]) for gate in ("reset", "update")
    )
    if reset != update:
        expected = "both gates of a GRU must have one activation"
        got = f"{reset} for the reset gate, {update} for the update gate"
        advice = "Give it as 'gates'; a GRU with two is a cell of your own."
        fail(ArgumentError, WHERE, expected, got, advice)
    if not column.keeps and not complementary(update):
        expected = f"in {layout.name} the update gate is the share that is replaced (§3.7)"
        got = f"{update}, for which 1 - y(a) is not y(-a)"
        advice = "No GRU of npstack computes this: write a cell of your own."
        fail(ArgumentError, WHERE, expected, got, advice)


def _of_directions(layout: Layout, column: Column, told: Mapping[str, Any]) -> None:
    """One direction or two."""
    if told["bidirectional"] and len(column.directions) < 2:
        expected = f"the layout {layout.name} holds one direction"
        advice = "Read each direction by itself, and join them: Bidirectional(forward, backward)."
        fail(ArgumentError, WHERE, expected, "bidirectional=True", advice)
    if told["bidirectional"] and told["backwards"]:
        expected = "backwards is for a layer of one direction"
        fail(ArgumentError, WHERE, expected, "bidirectional=True", "Leave backwards out.")
    if not told["bidirectional"] and told["merge"] != "concat":
        expected, got = "merge is for two directions", f"merge={told['merge']!r}"
        fail(ArgumentError, WHERE, expected, got, "bidirectional=True, or none.")
