"""npstack: the stacked LSTM you can read, prove and trust."""

from npstack import analysis, plots
from npstack.activations import Activation
from npstack.bptt import truncated_gradients
from npstack.cells import (
    Cell,
    GRUCell,
    GRUGates,
    GRUResetBeforeCell,
    GRUState,
    LayerNormLSTMCell,
    LSTMCell,
    LSTMVariantCell,
    RNNCell,
    RNNState,
)
from npstack.checkpoint import (
    Checkpoint,
    load_checkpoint,
    load_weights,
    save_checkpoint,
    save_weights,
)
from npstack.decoding import Decoded, greedy_decode
from npstack.layers import (
    GRU,
    LSTM,
    RNN,
    Dense,
    Dropout,
    Embedding,
    Layer,
    Recurrent,
    Sequential,
)
from npstack.losses import (
    Loss,
    binary_cross_entropy,
    huber,
    mean_absolute_error,
    mean_squared_error,
    softmax_cross_entropy,
)
from npstack.optim import (
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
from npstack.params import LSTMGates
from npstack.recorder import Recorder
from npstack.schedules import Constant, Cosine, Schedule, StepDecay, WarmUp
from npstack.seq2seq import EncoderDecoder
from npstack.shapes import (
    ArgumentError,
    DataError,
    DtypeError,
    LeakageError,
    NonFiniteError,
    NpstackError,
    ShapeError,
    TapeError,
)
from npstack.source_target import SourceTarget, shift_right
from npstack.stack import StackedLSTM
from npstack.tape import CompositeTape, Gradients, LSTMState, RecurrentTape, Tape
from npstack.train import History, Samples, evaluate, fit
from npstack.verify import check_gradients, check_laws, gradcheck
from npstack.version import __version__

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "SGD",
    "Activation",
    "Adam",
    "AdamW",
    "ArgumentError",
    "Cell",
    "Checkpoint",
    "CompositeTape",
    "Constant",
    "Cosine",
    "DataError",
    "Decoded",
    "Dense",
    "Dropout",
    "DtypeError",
    "Embedding",
    "EncoderDecoder",
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
    "NonFiniteError",
    "NpstackError",
    "Optimiser",
    "RMSprop",
    "RNNCell",
    "RNNState",
    "Recorder",
    "Recurrent",
    "RecurrentTape",
    "Samples",
    "Schedule",
    "Sequential",
    "ShapeError",
    "SourceTarget",
    "StackedLSTM",
    "StepDecay",
    "Tape",
    "TapeError",
    "WarmUp",
    "__version__",
    "analysis",
    "binary_cross_entropy",
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
    "load_weights",
    "mean_absolute_error",
    "mean_squared_error",
    "optimiser_from",
    "plots",
    "save_checkpoint",
    "save_weights",
    "shift_right",
    "softmax_cross_entropy",
    "truncated_gradients",
]
