"""Layers around layers, of every kind and nesting: a table of builders.

`tests.tools.strategies.LAYERS` has them next to the plain ones, so the laws, the mutants'
behaviour and everything else that goes through that table tries these, too. Each must keep its
builder small: laws are many.
"""

from npstack.layers import (
    LSTM,
    Bidirectional,
    Dense,
    Dropout,
    Embedding,
    Parallel,
    RepeatVector,
    Residual,
    Reversed,
    Sequential,
    SkipConnected,
    TimeDistributed,
)
from npstack.layers.parallel import MERGES
from npstack.layers.stacked import StackedLSTM


def both(n, o, *, merge="concat", **options):
    """Two directions of one size."""
    ahead, back = (LSTM(n.D, n.H0, **options, **o) for _ in range(2))
    return Bidirectional(ahead, back, merge=merge)


def dropped(D, H, o):
    return Sequential(Dropout(0.3), LSTM(D, H, **o))


def dense(D, K, o, activation="tanh"):
    return Dense(D, K, activation=activation, bias_init="uniform", **o)


NESTED = {
    "LSTM, learned": lambda n, o: LSTM(n.D, n.H0, learn_initial=True, **o),
    "Dropout, one draw for all steps": lambda n, o: Dropout(0.4, each_step=False),
    "Reversed": lambda n, o: Reversed(LSTM(n.D, n.H0, **o)),
    "Reversed, as read": lambda n, o: Reversed(LSTM(n.D, n.H0, **o), order="as_read"),
    "Reversed, last step": lambda n, o: Reversed(LSTM(n.D, n.H0, return_sequences=False, **o)),
    "Reversed twice, as read": lambda n, o: Reversed(
        Sequential(Dropout(0.3), Reversed(LSTM(n.D, n.H0, **o), order="as_read")), order="as_read"
    ),
    "Reversed, of symbols": lambda n, o: Reversed(
        Sequential(Embedding(n.D, n.H0, **o), LSTM(n.H0, n.H1, **o))
    ),
    "as read, Dropout, LSTM": lambda n, o: Sequential(
        Reversed(LSTM(n.D, n.H0, **o), order="as_read"),
        Dropout(0.3),
        LSTM(n.H0, n.H1, learn_initial=True, **o),
    ),
    "as read twice, LSTM": lambda n, o: Sequential(
        Reversed(LSTM(n.D, n.H0, **o), order="as_read"),
        Reversed(dropped(n.H0, n.H1, o), order="as_read"),
        LSTM(n.H1, n.H2, **o),
    ),
    **{f"Bidirectional, {merge}": lambda n, o, m=merge: both(n, o, merge=m) for merge in MERGES},
    "Bidirectional, last steps": lambda n, o: both(n, o, return_sequences=False),
    "Bidirectional, last steps, none": lambda n, o: both(
        n, o, merge="none", return_sequences=False
    ),
    "Bidirectional, learned": lambda n, o: both(n, o, learn_initial=True),
    "Bidirectional, unequal": lambda n, o: Bidirectional(
        LSTM(n.D, n.H0, **o), LSTM(n.D, n.H1, **o)
    ),
    "Bidirectional on Bidirectional": lambda n, o: Sequential(
        both(n, o),
        Dropout(0.3, each_step=False),
        Bidirectional(
            LSTM(2 * n.H0, n.H1, return_sequences=False, **o),
            LSTM(2 * n.H0, n.H1, return_sequences=False, **o),
            merge="sum",
        ),
        dense(n.H1, n.H2, o),
    ),
    "Bidirectional of stacks": lambda n, o: Bidirectional(
        StackedLSTM(n.D, [n.H0, n.H1], dropout=0.3, **o),
        StackedLSTM(n.D, [n.H1, n.H1], dropout=0.3, **o),
    ),
    "Bidirectional in Bidirectional": lambda n, o: Bidirectional(
        LSTM(n.D, n.H0, **o), Sequential(Dropout(0.3), both(n, o, merge="ave"))
    ),
    "Reversed Bidirectional": lambda n, o: Reversed(both(n, o), order="as_read"),
    "Residual": lambda n, o: Residual(LSTM(n.D, n.D, **o)),
    "Residual of two, reversed": lambda n, o: Residual(
        Reversed(Sequential(LSTM(n.D, n.H0, **o), Dropout(0.3), LSTM(n.H0, n.D, **o)))
    ),
    **{
        f"SkipConnected, {from_input:d}{to_output:d}": lambda n, o, i=from_input, t=to_output: (
            SkipConnected(
                LSTM(n.D, n.H0, **o),
                LSTM(n.H0 + n.D * i, n.H1, **o),
                LSTM(n.H1 + n.D * i, n.H2, learn_initial=True, **o),
                from_input=i,
                to_output=t,
            )
        )
        for from_input in (False, True)
        for to_output in (False, True)
    },
    "SkipConnected Bidirectional": lambda n, o: SkipConnected(
        both(n, o), LSTM(2 * n.H0 + n.D, n.H1, **o)
    ),
    "Parallel, concat": lambda n, o: Parallel(
        LSTM(n.D, n.H0, **o), dense(n.D, n.H1, o), Dropout(0.3)
    ),
    **{
        f"Parallel, {merge}": lambda n, o, m=merge: Parallel(
            LSTM(n.D, n.H0, learn_initial=True, **o),
            dense(n.D, n.H0, o),
            LSTM(n.D, n.H0, **o),
            merge=m,
        )
        for merge in ("mul", "ave", "none")
    },
    "Parallel of symbols": lambda n, o: Parallel(
        Embedding(n.D, n.H0, **o), Embedding(n.D, n.H1, **o)
    ),
    "TimeDistributed": lambda n, o: TimeDistributed(
        Sequential(dense(n.D, n.H0, o), Dropout(0.3), dense(n.H0, n.H1, o, "linear"))
    ),
    "TimeDistributed, none": lambda n, o: TimeDistributed(
        Parallel(dense(n.D, n.H0, o), dense(n.D, n.H0, o), merge="none")
    ),
    "LSTM, RepeatVector, LSTM, TimeDistributed": lambda n, o: Sequential(
        LSTM(n.D, n.H0, return_sequences=False, **o),
        RepeatVector(3),
        LSTM(n.H0, n.H1, **o),
        TimeDistributed(dense(n.H1, n.H2, o)),
    ),
}
