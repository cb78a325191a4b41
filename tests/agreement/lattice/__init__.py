"""Random configurations over all options that both npstack and another framework can represent.

A `Config` is a neutral description; `tests.agreement.lattice.models` makes npstack's model and all
numbers from it; one module per framework makes that framework's model from the same numbers;
`tests.agreement.lattice.judging` holds the two against each other and reduces what fails.
"""
