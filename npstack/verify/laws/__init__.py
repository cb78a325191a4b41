"""Sentences that hold for every layer, and the code that tries them."""
