"""Checks of the two sides of an encoder–decoder, alone and together."""

from __future__ import annotations

from npstack.core.errors import ArgumentError, ShapeError, fail, kind_of
from npstack.layers.base import Layer
from npstack.layers.boundary import check_causal
from npstack.layers.walk import walk


def check_ends(where: str, encoder: Layer, decoder: Layer) -> None:
    """Check that the encoder ends in a recurrent layer, and that the decoder has all time steps."""
    for side, layer in {"encoder": encoder, "decoder": decoder}.items():
        pairs = [inner for inner in layer.recurrent if inner.cell is None]
        if pairs:
            expected = f"every recurrent layer of the {side} must have one state"
            advice = "The states of two directions are a pair, with which no decoder begins."
            fail(ArgumentError, where, expected, kind_of(pairs[0]), advice)
    check_causal(where, "decoder", decoder)
    *_, last = (visit.layer for visit in walk(encoder) if visit.leaf)
    if last not in encoder.recurrent:
        expected, got = "encoder must end in a recurrent layer", kind_of(last)
        advice = "Its states are passed to the decoder, and its outputs are not used."
        fail(ArgumentError, where, expected, got, advice)
    if not decoder.interface.keeps_time:
        expected, got = "decoder must keep the time axis", "return_sequences=False"
        fail(ShapeError, where, expected, got, "Build it with return_sequences=True.")


def check_sizes(where: str, encoder: Layer, decoder: Layer, handover: str) -> None:
    """Check that each state fits the layer to which it is passed."""
    read, written = ([layer.output_size for layer in side.recurrent] for side in (encoder, decoder))
    if handover == "top":
        if read[-1] != written[0]:
            expected = f"layer 0 of the decoder must have H={read[-1]}, as the encoder's last"
            fail(ShapeError, where, expected, f"H={written[0]}", "handover='top' joins these.")
    elif read != written:
        odd = [k for k, (a, b) in enumerate(zip(read, written, strict=False)) if a != b]
        got = f"layer {odd[0]} differs" if odd else f"{len(read)} and {len(written)} layers"
        expected = "the recurrent layers of encoder and decoder must have the same sizes"
        advice = "Each layer of the encoder passes its final state to the same layer there."
        fail(ShapeError, where, expected, f"{read} and {written}: {got}", advice)
    ends = [
        [layer.cell.state_sizes for layer in side.recurrent if layer.cell is not None]
        for side in (encoder, decoder)
    ]
    if handover == "top":
        ends = [ends[0][-1:], ends[1][:1]]
    for before, after in zip(*ends, strict=True):
        if (type(before), before) != (type(after), after):
            expected = "states that are passed to the decoder must be of one kind and size"
            advice = "Build both sides of the same cells."
            fail(ShapeError, where, expected, f"{before} and {after}", advice)
