"""Odd but plausible calls of every public function: the expected outcome is written down first.

`kinds` says, for each kind of argument, which odd values there are and what must come of each:
the same result as the usual value gives, or an error in the user's words. `calls` lists the
public functions, a usual call of each, and which kind every argument is.
"""
