"""Two stacks connected by their states: from one sequence to another."""

from npstack.seq2seq.decode import Decoded, greedy_decode
from npstack.seq2seq.encoder_decoder import EncoderDecoder
from npstack.seq2seq.pairs import SourceTarget, shift_right

__all__ = ["Decoded", "EncoderDecoder", "SourceTarget", "greedy_decode", "shift_right"]
