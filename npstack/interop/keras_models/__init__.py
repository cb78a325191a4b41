"""Recurrent layers of Keras, live and in files: where they are, what they compute, and new ones."""
