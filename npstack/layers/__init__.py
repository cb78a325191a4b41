"""Layers: anything with ``params``, ``forward -> tape`` and ``backward -> gradients``."""

from npstack.layers.base import Layer
from npstack.layers.composite import Composite
from npstack.layers.dense import Dense
from npstack.layers.dropout import Dropout
from npstack.layers.embedding import Embedding
from npstack.layers.recurrent import LSTM, Recurrent
from npstack.layers.sequential import Sequential

__all__ = ["LSTM", "Composite", "Dense", "Dropout", "Embedding", "Layer", "Recurrent", "Sequential"]
