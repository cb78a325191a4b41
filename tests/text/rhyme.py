"""A short text, its vocabulary, and a small model that reads it."""

from npstack.text import Vocabulary, character_model

TEXT = "the cat sat on the mat;\nthe dog ate the cat's hat.\n" * 3
VOCABULARY = Vocabulary.of(TEXT)
IDS = VOCABULARY.encode(TEXT)


def small_model(rng):
    return character_model(len(VOCABULARY), [7, 5], embedding=4, rng=rng)
