"""npstack: the stacked LSTM you can read, prove and trust.

Every name is imported when it is first used: ``import npstack`` loads little more than NumPy.
"""

from npstack.core.lazy import lazy
from npstack.version import __version__

TYPE_CHECKING = False  # as in typing, which would take longer to load than all of this
if TYPE_CHECKING:
    from npstack import analysis, plots
    from npstack.cells import (
        Cell,
        GRUCell,
        GRUGates,
        GRUResetBeforeCell,
        GRUState,
        LayerNormLSTMCell,
        LSTMCell,
        LSTMVariantCell,
        NoBias,
        RecurrentDropout,
        RecurrentDropoutPerGate,
        RNNCell,
        RNNState,
        TwoBiases,
        Zoneout,
    )
    from npstack.core.activations import Activation
    from npstack.core.clipped import Clipped
    from npstack.core.errors import (
        ArgumentError,
        CodeError,
        DataError,
        DtypeError,
        LeakageError,
        NonFiniteError,
        NpstackError,
        ShapeError,
        TapeError,
    )
    from npstack.core.own_activation import OwnActivation
    from npstack.core.params import LSTMGates
    from npstack.core.tape import CompositeTape, Gradients, LSTMState, RecurrentTape, Tape
    from npstack.files.model import build, load_model, save_model
    from npstack.layers import (
        GRU,
        LSTM,
        RNN,
        Bidirectional,
        Dense,
        Directions,
        Dropout,
        Embedding,
        Layer,
        Parallel,
        Recurrent,
        RepeatVector,
        Residual,
        Reversed,
        Sequential,
        SkipConnected,
        TimeDistributed,
    )
    from npstack.layers.gru import StackedGRU
    from npstack.layers.rnn import StackedRNN
    from npstack.layers.stacked import Stacked, StackedLSTM
    from npstack.layers.stacked_bidirectional import BidirectionalStacked, StackedBidirectional
    from npstack.layers.streaming import Stream, predict
    from npstack.layers.twins import Engine
    from npstack.losses import (
        Loss,
        binary_cross_entropy,
        huber,
        mean_absolute_error,
        mean_squared_error,
        softmax_cross_entropy,
    )
    from npstack.seq2seq.decode import Decoded, greedy_decode
    from npstack.seq2seq.encoder_decoder import EncoderDecoder
    from npstack.seq2seq.pairs import SourceTarget, shift_right
    from npstack.training.bptt import truncated_gradients
    from npstack.training.checkpoint import (
        Checkpoint,
        load_checkpoint,
        load_weights,
        save_checkpoint,
        save_weights,
    )
    from npstack.training.executors import RestartingExecutor
    from npstack.training.fit import History, Samples, evaluate, fit
    from npstack.training.optim import (
        SGD,
        Adam,
        AdamW,
        Optimiser,
        RMSprop,
        clip_by_global_norm,
        clip_by_value,
        global_norm,
        optimiser_from,
    )
    from npstack.training.recorder import Recorder
    from npstack.training.schedules import Constant, Cosine, Schedule, StepDecay, WarmUp
    from npstack.training.sharded import sharded_gradients
    from npstack.training.sweep import sweep
    from npstack.verify import check_gradients, check_laws, gradcheck

_HOMES = {
    "npstack.files.model": "build load_model save_model",
    "npstack": "analysis plots",
    "npstack.cells": (
        "Cell GRUCell GRUGates GRUResetBeforeCell GRUState LayerNormLSTMCell LSTMCell "
        "LSTMVariantCell NoBias RecurrentDropout RecurrentDropoutPerGate RNNCell RNNState "
        "TwoBiases Zoneout"
    ),
    "npstack.core.activations": "Activation",
    "npstack.core.clipped": "Clipped",
    "npstack.core.errors": (
        "ArgumentError CodeError DataError DtypeError LeakageError NonFiniteError "
        "NpstackError ShapeError TapeError"
    ),
    "npstack.core.own_activation": "OwnActivation",
    "npstack.core.params": "LSTMGates",
    "npstack.core.tape": "CompositeTape Gradients LSTMState RecurrentTape Tape",
    "npstack.layers": (
        "GRU LSTM RNN Bidirectional Dense Directions Dropout Embedding Layer Parallel "
        "Recurrent RepeatVector Residual Reversed Sequential SkipConnected TimeDistributed"
    ),
    "npstack.layers.gru": "StackedGRU",
    "npstack.layers.rnn": "StackedRNN",
    "npstack.layers.stacked": "Stacked StackedLSTM",
    "npstack.layers.streaming": "Stream predict",
    "npstack.layers.stacked_bidirectional": "BidirectionalStacked StackedBidirectional",
    "npstack.layers.twins": "Engine",
    "npstack.losses": (
        "Loss binary_cross_entropy huber mean_absolute_error mean_squared_error "
        "softmax_cross_entropy"
    ),
    "npstack.seq2seq.decode": "Decoded greedy_decode",
    "npstack.seq2seq.encoder_decoder": "EncoderDecoder",
    "npstack.seq2seq.pairs": "SourceTarget shift_right",
    "npstack.training.bptt": "truncated_gradients",
    "npstack.training.checkpoint": (
        "Checkpoint load_checkpoint load_weights save_checkpoint save_weights"
    ),
    "npstack.training.executors": "RestartingExecutor",
    "npstack.training.fit": "History Samples evaluate fit",
    "npstack.training.optim": (
        "SGD Adam AdamW Optimiser RMSprop clip_by_global_norm clip_by_value global_norm "
        "optimiser_from"
    ),
    "npstack.training.recorder": "Recorder",
    "npstack.training.schedules": "Constant Cosine Schedule StepDecay WarmUp",
    "npstack.training.sharded": "sharded_gradients",
    "npstack.training.sweep": "sweep",
    "npstack.verify": "check_gradients check_laws gradcheck",
}

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "SGD",
    "Activation",
    "Adam",
    "AdamW",
    "ArgumentError",
    "Bidirectional",
    "BidirectionalStacked",
    "Cell",
    "Checkpoint",
    "Clipped",
    "CodeError",
    "CompositeTape",
    "Constant",
    "Cosine",
    "DataError",
    "Decoded",
    "Dense",
    "Directions",
    "Dropout",
    "DtypeError",
    "Embedding",
    "EncoderDecoder",
    "Engine",
    "GRUCell",
    "GRUGates",
    "GRUResetBeforeCell",
    "GRUState",
    "Gradients",
    "History",
    "LSTMCell",
    "LSTMGates",
    "LSTMState",
    "LSTMVariantCell",
    "Layer",
    "LayerNormLSTMCell",
    "LeakageError",
    "Loss",
    "NoBias",
    "NonFiniteError",
    "NpstackError",
    "Optimiser",
    "OwnActivation",
    "Parallel",
    "RMSprop",
    "RNNCell",
    "RNNState",
    "Recorder",
    "Recurrent",
    "RecurrentDropout",
    "RecurrentDropoutPerGate",
    "RecurrentTape",
    "RepeatVector",
    "Residual",
    "RestartingExecutor",
    "Reversed",
    "Samples",
    "Schedule",
    "Sequential",
    "ShapeError",
    "SkipConnected",
    "SourceTarget",
    "Stacked",
    "StackedBidirectional",
    "StackedGRU",
    "StackedLSTM",
    "StackedRNN",
    "StepDecay",
    "Stream",
    "Tape",
    "TapeError",
    "TimeDistributed",
    "TwoBiases",
    "WarmUp",
    "Zoneout",
    "__version__",
    "analysis",
    "binary_cross_entropy",
    "build",
    "check_gradients",
    "check_laws",
    "clip_by_global_norm",
    "clip_by_value",
    "evaluate",
    "fit",
    "global_norm",
    "gradcheck",
    "greedy_decode",
    "huber",
    "load_checkpoint",
    "load_model",
    "load_weights",
    "mean_absolute_error",
    "mean_squared_error",
    "optimiser_from",
    "plots",
    "predict",
    "save_checkpoint",
    "save_model",
    "save_weights",
    "sharded_gradients",
    "shift_right",
    "softmax_cross_entropy",
    "sweep",
    "truncated_gradients",
]

__getattr__, __dir__ = lazy(__name__, _HOMES)
