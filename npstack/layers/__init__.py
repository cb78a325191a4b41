"""Layers: anything with ``params``, ``forward -> tape`` and ``backward -> gradients``."""

from npstack.layers.base import Layer
from npstack.layers.bidirectional import Bidirectional, Directions
from npstack.layers.chain import Chain
from npstack.layers.dense import Dense
from npstack.layers.dropout import Dropout
from npstack.layers.embedding import Embedding
from npstack.layers.gru import GRU
from npstack.layers.interface import Context, Interface
from npstack.layers.lstm import LSTM
from npstack.layers.parallel import Parallel
from npstack.layers.recurrent import Recurrent
from npstack.layers.repeat import RepeatVector
from npstack.layers.residual import Residual
from npstack.layers.reversed import Reversed
from npstack.layers.rnn import RNN
from npstack.layers.sequential import Sequential
from npstack.layers.skip import SkipConnected
from npstack.layers.time_distributed import TimeDistributed
from npstack.layers.wrapper import Wrapper

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "Bidirectional",
    "Chain",
    "Context",
    "Dense",
    "Directions",
    "Dropout",
    "Embedding",
    "Interface",
    "Layer",
    "Parallel",
    "Recurrent",
    "RepeatVector",
    "Residual",
    "Reversed",
    "Sequential",
    "SkipConnected",
    "TimeDistributed",
    "Wrapper",
]
