"""How strong are the tests? Every small mistake at every place of the package, and who notices.

- `tests.mutation.operators` and `mistakes`: the mistakes, found on the syntax tree;
- `tests.mutation.traces`: which names of a function may be confused, because they look alike;
- `tests.mutation.accidents`: mistakes that really happened, in other people's LSTMs;
- `tests.mutation.runner`: lets each mutant meet the tests, in a forked process;
- `tests.mutation.behaviour`: what a mutant computes, to show that it computes nothing else.

``python -m tests.mutation`` says how it is run. The table stands in
``tests/evidence/mutation.json``; what cannot be noticed, and why, in ``equivalent.json`` here.
"""
