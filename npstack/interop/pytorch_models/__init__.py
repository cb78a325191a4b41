"""Recurrent layers of PyTorch: where they are, what they compute, and new ones."""
