"""Text, character by character: symbols, rows that continue each other, bits, generated text.

::

    "to be"  →  19 14 0 1 4  →  model  →  logits for the character after each of them

A character model reads a text from left to right and gives, after each character, the probability
of each character to be the next one. Its error is measured in bits per character of unseen text:
the mean of ``-log2 p(character | all before it)``, which is the length of the text if it is
compressed with these probabilities.
"""

from npstack.text.model import bits_per_character, character_model, read, sample, surprise
from npstack.text.symbols import Vocabulary, one_hot, streams, without_repeats

__all__ = [
    "Vocabulary",
    "bits_per_character",
    "character_model",
    "one_hot",
    "read",
    "sample",
    "streams",
    "surprise",
    "without_repeats",
]
