"""Random configurations over all options that both npstack and another framework can represent.

A `Config` is a neutral description; `tests.lattice.models` makes npstack's model and all numbers
from it; one module per framework makes that framework's model from the same numbers;
`tests.lattice.judging` holds the two against each other and reduces what fails.
"""
