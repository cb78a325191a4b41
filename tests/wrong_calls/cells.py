"""Cells, and parts of them, that cannot be built."""

from npstack import (
    ArgumentError,
    DtypeError,
    GRUCell,
    LSTMVariantCell,
    RNNCell,
    Stacked,
    StackedGRU,
    StackedRNN,
)
from npstack.cells import (
    Activations,
    CellClip,
    Coupled,
    ForgetBias,
    Peepholes,
    PreactivationClip,
    Projection,
)
from tests.wrong_calls.world import D, H, R

WRONG_CELLS = {
    "part not built": (
        lambda w: LSTMVariantCell(D, H, Peepholes, rng=R),
        (ArgumentError, "LSTMVariantCell: parts must be parts", "Build it"),
    ),
    "two parts of a kind": (
        lambda w: LSTMVariantCell(D, H, CellClip(1.0), Coupled(), CellClip(2.0), rng=R),
        (ArgumentError, "parts must be of different kinds, got two of CellClip", "Leave one out"),
    ),
    "variant with a seed": (
        lambda w: LSTMVariantCell(D, H, Peepholes(), rng=0),
        (DtypeError, "LSTMVariantCell: rng must be", "got 0 (int)"),
    ),
    "forget bias of a variant not a number": (
        lambda w: LSTMVariantCell(D, H, forget_bias="one", rng=R),
        (ArgumentError, "LSTMVariantCell: forget_bias must be a finite number", "'one' (str)"),
    ),
    "clip at zero": (
        lambda w: PreactivationClip(0.0),
        (ArgumentError, "PreactivationClip: limit must be above 0, got 0.0"),
    ),
    "cell clip not a number": (
        lambda w: CellClip("3"),
        (ArgumentError, "CellClip: limit must be a finite number, got '3' (str)"),
    ),
    "projection to nothing": (
        lambda w: Projection(0),
        (ArgumentError, "Projection: size must be a whole number of at least 1, got 0 (int)"),
    ),
    "projection with a negative clip": (
        lambda w: Projection(2, clip=-1.0),
        (ArgumentError, "Projection: clip must be above 0, got -1.0 (float)", "None"),
    ),
    "run-time forget bias not a number": (
        lambda w: ForgetBias(None),
        (ArgumentError, "ForgetBias: bias must be a finite number, got None"),
    ),
    "activation of a gate misspelt": (
        lambda w: Activations(candidate="tan"),
        (ArgumentError, "Activations: candidate must be one of", "Did you mean 'tanh'?"),
    ),
    "stack of what is no cell": (
        lambda w: Stacked(lambda D, H, **options: "LSTM", D, [H], rng=R),
        (ArgumentError, "Stacked: cell_type must build a cell, got 'LSTM' (str)", "Give a class"),
    ),
    "stack of cells without sizes": (
        lambda w: StackedGRU(D, [], rng=R),
        (ArgumentError, "StackedGRU: hidden_sizes must list one size per layer", "got []"),
    ),
    "stack of cells with a seed": (
        lambda w: StackedRNN(D, [H], rng=0),
        (DtypeError, "StackedRNN: rng must be a numpy.random.Generator", "got 0 (int)"),
    ),
    "gate of a GRU misspelt": (
        lambda w: GRUCell(D, H, gate="sigmod", rng=R),
        (ArgumentError, "GRUCell: gate must be one of", "Did you mean 'sigmoid'?"),
    ),
    "activation of a plain network of two meanings": (
        lambda w: RNNCell(D, H, activation="hard_sigmoid", rng=R),
        (ArgumentError, "RNNCell: activation must be 'hard_sigmoid_fifth' or"),
    ),
}
