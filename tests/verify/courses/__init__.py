"""Recurrent cells as courses write them, by hand: step functions and a loop, no code shared."""
