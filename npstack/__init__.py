"""npstack: the stacked LSTM you can read, prove and trust."""

from npstack import analysis, plots
from npstack.cells import LSTMCell
from npstack.checkpoint import (
    Checkpoint,
    load_checkpoint,
    load_weights,
    save_checkpoint,
    save_weights,
)
from npstack.decoding import Decoded, greedy_decode
from npstack.layers import LSTM, Dense, Dropout, Embedding, Layer, Recurrent, Sequential
from npstack.losses import Loss, mean_squared_error
from npstack.optim import Adam, clip_by_global_norm
from npstack.params import LSTMGates
from npstack.seq2seq import EncoderDecoder
from npstack.shapes import (
    ArgumentError,
    DataError,
    DtypeError,
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
    "LSTM",
    "Adam",
    "ArgumentError",
    "Checkpoint",
    "CompositeTape",
    "DataError",
    "Decoded",
    "Dense",
    "Dropout",
    "DtypeError",
    "Embedding",
    "EncoderDecoder",
    "Gradients",
    "History",
    "LSTMCell",
    "LSTMGates",
    "LSTMState",
    "Layer",
    "Loss",
    "NonFiniteError",
    "NpstackError",
    "Recurrent",
    "RecurrentTape",
    "Samples",
    "Sequential",
    "ShapeError",
    "SourceTarget",
    "StackedLSTM",
    "Tape",
    "TapeError",
    "__version__",
    "analysis",
    "check_gradients",
    "check_laws",
    "clip_by_global_norm",
    "evaluate",
    "fit",
    "gradcheck",
    "greedy_decode",
    "load_checkpoint",
    "load_weights",
    "mean_squared_error",
    "plots",
    "save_checkpoint",
    "save_weights",
    "shift_right",
]
