"""Code that somebody else wrote, as a layer: checks and laws do not ask where it comes from."""
