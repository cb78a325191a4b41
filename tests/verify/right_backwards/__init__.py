"""Right backwards of every kind, drawn by number: what a gradient check must never accuse."""
