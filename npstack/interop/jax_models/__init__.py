"""Recurrent cells of Flax, and the flat vector of weights of ``jax.experimental.rnn``."""
