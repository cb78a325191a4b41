"""Cells, and parts of them, that cannot be built."""

import numpy as np

from npstack import (
    GRU,
    RNN,
    ArgumentError,
    BidirectionalStacked,
    Clipped,
    CodeError,
    DtypeError,
    GRUCell,
    GRUResetBeforeCell,
    LayerNormLSTMCell,
    LSTMCell,
    LSTMVariantCell,
    NoBias,
    OwnActivation,
    RecurrentDropout,
    RecurrentDropoutPerGate,
    RNNCell,
    Stacked,
    StackedBidirectional,
    StackedGRU,
    StackedRNN,
    TwoBiases,
    Zoneout,
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
from tests.layers.wrong_calls.world import D, H, R

WRONG_CELLS = {
    "part not built": (
        lambda w: LSTMVariantCell(D, H, Peepholes, rng=R),
        (ArgumentError, "LSTMVariantCell: parts must be parts", "Build it"),
    ),
    "two parts of a kind": (
        lambda w: LSTMVariantCell(D, H, CellClip(1.0), Coupled(), CellClip(2.0), rng=R),
        (ArgumentError, "parts must be of different kinds, got two of CellClip", "Leave one out"),
    ),
    "several parts of two kinds": (
        lambda w: LSTMVariantCell(
            D, H, *(Coupled(), CellClip(1.0), Peepholes(), Coupled(), CellClip(2.0)), rng=R
        ),
        (ArgumentError, "parts must be of different kinds, got two of Coupled, CellClip"),
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
    "candidate of a GRU misspelt": (
        lambda w: GRUCell(D, H, candidate="tan", rng=R),
        (ArgumentError, "GRUCell: candidate must be one of", "Did you mean 'tanh'?"),
    ),
    "gate of the paper's GRU misspelt": (
        lambda w: GRUResetBeforeCell(D, H, gate="sigmod", rng=R),
        (ArgumentError, "GRUResetBeforeCell: gate must be one of"),
    ),
    "candidate of the paper's GRU misspelt": (
        lambda w: GRUResetBeforeCell(D, H, candidate="tan", rng=R),
        (ArgumentError, "GRUResetBeforeCell: candidate must be one of"),
    ),
    "a GRU that resets between": (
        lambda w: GRU(D, H, reset="between", rng=R),
        (ArgumentError, "GRU: reset must be one of 'after', 'before', got 'between'"),
    ),
    "a GRU with a seed": (
        lambda w: GRU(D, H, rng=0),
        (DtypeError, "GRU: rng must be a numpy.random.Generator", "got 0 (int)"),
    ),
    "a plain network with a seed": (
        lambda w: RNN(D, H, rng=0),
        (DtypeError, "RNN: rng must be a numpy.random.Generator", "got 0 (int)"),
    ),
    "dropout around what is no cell": (
        lambda w: RecurrentDropout(w.lstm, 0.5),
        (DtypeError, "RecurrentDropout: cell must be a cell", "is an LSTMCell"),
    ),
    "zoneout around what is no cell": (
        lambda w: Zoneout(3, h=0.5),
        (DtypeError, "Zoneout: cell must be a cell, got 3 (int)", "Build it first"),
    ),
    "recurrent dropout of everything": (
        lambda w: RecurrentDropout(LSTMCell(D, H, rng=R), 1.0),
        (
            ArgumentError,
            "RecurrentDropout: rate must be a number with 0 <= rate < 1",
            "0.25 drops a quarter",
        ),
    ),
    "dropout per gate of a cell with other products": (
        lambda w: RecurrentDropoutPerGate(LayerNormLSTMCell(D, H, rng=R), 0.5),
        (
            ArgumentError,
            "RecurrentDropoutPerGate: cell must be one of LSTMCell, LSTMVariantCell",
            "RecurrentDropout, one draw for all gates",
        ),
    ),
    "zoneout of everything": (
        lambda w: Zoneout(LSTMCell(D, H, rng=R), c=1.0),
        (ArgumentError, "Zoneout: c must be a number with 0 <= c < 1", "0.5 for c"),
    ),
    "zoneout of what the state has not": (
        lambda w: Zoneout(LSTMCell(D, H, rng=R), h=0.1, s=0.5),
        (ArgumentError, "Zoneout: rates must be of h or c", "got s=0.5", "Leave it out"),
    ),
    "two biases of what is no cell": (
        lambda w: TwoBiases(w.lstm),
        (DtypeError, "TwoBiases: cell must be a cell", "is an LSTMCell"),
    ),
    "no bias of a wrapper": (
        lambda w: NoBias(Zoneout(LSTMCell(D, H, rng=R), h=0.1)),
        (DtypeError, "NoBias: cell must be an LSTM, GRU or RNN cell", "Zoneout(NoBias(cell)"),
    ),
    "a clip of an activation at zero": (
        lambda w: GRUCell(D, H, candidate=Clipped("tanh", 0.0), rng=R),
        (ArgumentError, "Clipped: limit must be above 0, got 0.0"),
    ),
    "a function without its slope": (
        lambda w: RNNCell(D, H, activation=np.tanh, rng=R),
        (ArgumentError, "activation must be the name of an activation", "OwnActivation("),
    ),
    "a function with another slope": (
        lambda w: OwnActivation("own", lambda a: a * a, np.ones_like),
        (CodeError, "OwnActivation: derivative must be the slope of own at a =", "complex step"),
    ),
    "branches apart in a stack": (
        lambda w: StackedBidirectional(LSTMCell, D, [H, H], merge="none", rng=R),
        (
            ArgumentError,
            "StackedBidirectional: merge must make one sequence",
            "got 'none'",
            "concat",
        ),
    ),
    "two directions with a seed": (
        lambda w: StackedBidirectional(LSTMCell, D, [H], rng=0),
        (DtypeError, "StackedBidirectional: rng must be a numpy.random.Generator"),
    ),
    "two stacks with a seed": (
        lambda w: BidirectionalStacked(LSTMCell, D, [H], rng=0),
        (DtypeError, "BidirectionalStacked: rng must be a numpy.random.Generator"),
    ),
    "two directions without sizes": (
        lambda w: StackedBidirectional(LSTMCell, D, [], rng=R),
        (ArgumentError, "StackedBidirectional: hidden_sizes must list one size per layer"),
    ),
    "two directions that drop everything": (
        lambda w: StackedBidirectional(LSTMCell, D, [H, H], dropout=1.0, rng=R),
        (ArgumentError, "StackedBidirectional: dropout must be"),
    ),
}
