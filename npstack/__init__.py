"""npstack: the stacked LSTM you can read, prove and trust."""

from npstack.cells import LSTMCell
from npstack.layers import LSTM, Dense, Dropout, Embedding, Layer, Recurrent, Sequential
from npstack.losses import Loss, mean_squared_error
from npstack.params import LSTMGates
from npstack.shapes import (
    ArgumentError,
    DataError,
    DtypeError,
    NonFiniteError,
    NpstackError,
    ShapeError,
    TapeError,
)
from npstack.stack import StackedLSTM
from npstack.tape import CompositeTape, Gradients, LSTMState, RecurrentTape, Tape
from npstack.verify import check_gradients, gradcheck
