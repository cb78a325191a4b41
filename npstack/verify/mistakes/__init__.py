"""Mistakes in a forward or a backward, as data: each is an edit of the cell file."""
