"""Greedy decoding: the decoder reads its own outputs.

::

    states = encode(source)
    for t = 0, 1, …:
        said(t) = the most likely symbol after said(t-1), from the final states of step t-1

A row stops at its end symbol. If the model then reads the decoded symbols at once, with teacher
forcing, it outputs the same symbols: both ways compute the same function.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from npstack.core.arguments import check_size, check_whole
from npstack.core.errors import ArgumentError, DtypeError, describe, fail
from npstack.core.numerics import Array
from npstack.layers.interface import Mask
from npstack.layers.streaming import Stream
from npstack.seq2seq.encoder_decoder import EncoderDecoder


class Decoded(NamedTuple):
    """The result of greedy decoding.

    Attributes
    ----------
    symbols : integers (B, max_steps)
        With the end symbol, which is repeated up to the end.
    mask : bool array (B, max_steps)
        True up to and including the end symbol.
    """

    symbols: NDArray[np.int64]
    mask: NDArray[np.bool_]


def greedy_decode(
    model: EncoderDecoder,
    source: Array,
    *,
    start: int,
    stop: int,
    max_steps: int,
    source_mask: Mask = None,
) -> Decoded:
    """Write a sequence: at each step the most likely symbol, given the symbols before it.

    Parameters
    ----------
    model : EncoderDecoder
        The symbols of its decoder's input and output must be the same.
    source : array (B, S, D), or integers (B, S)
        What the encoder reads.
    start : int
        The symbol that the decoder reads first, as in training.
    stop : int
        The end symbol; a row stops after it.
    max_steps : int
        The length at which a row without an end symbol is cut off.
    source_mask : bool array (B, S), optional
        True at valid steps of the source.

    Returns
    -------
    Decoded
        ``max_steps`` long, even if all rows stop early.

    Examples
    --------
    >>> from npstack import Dense, Embedding, LSTM, Sequential
    >>> rng = np.random.default_rng(0)
    >>> encoder = Sequential(Embedding(9, 4, rng=rng), LSTM(4, 8, rng=rng))
    >>> decoder = Sequential(Embedding(5, 3, rng=rng), LSTM(3, 8, rng=rng), Dense(8, 5, rng=rng))
    >>> model = EncoderDecoder(encoder, decoder)
    >>> written = greedy_decode(model, np.array([[7, 1, 3]]), start=0, stop=1, max_steps=6)
    >>> written.symbols.shape, written.mask[:, 0]
    ((1, 6), array([ True]))
    """
    where = "greedy_decode"
    if not isinstance(model, EncoderDecoder):
        advice = "Build one: EncoderDecoder(encoder, decoder)."
        fail(DtypeError, where, "model must be an EncoderDecoder", describe(model), advice)
    max_steps = check_size(where, "max_steps", max_steps)
    decoder = model.decoder
    if not decoder.interface.takes_symbols or decoder.input_size != decoder.output_size:
        reads = "symbols" if decoder.interface.takes_symbols else "features"
        got = f"{decoder.input_size} {reads} read, {decoder.output_size} written"
        advice = "Use Sequential(Embedding(K, …), StackedLSTM(…), Dense(…, K))."
        fail(ArgumentError, where, "decoder must read the symbols that it writes", got, advice)
    last = (decoder.input_size or 0) - 1
    start, stop = (
        check_whole(where, name, symbol, "It is one of the decoder's symbols.", most=last)
        for name, symbol in (("start", start), ("stop", stop))
    )
    stream = Stream(decoder, model.encode(source, source_mask))
    symbols = np.full((len(source), max_steps), stop)
    mask = np.zeros(symbols.shape, dtype=bool)
    said, going = np.full(len(source), start), np.ones(len(source), dtype=bool)
    for t in range(max_steps):
        said = np.where(going, stream.step(said, mask=going).argmax(axis=-1), stop)
        symbols[:, t], mask[:, t] = said, going
        going = going & (said != stop)
        if not going.any():
            break
    return Decoded(symbols, mask)
