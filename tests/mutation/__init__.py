"""How strong are the tests? Every small mistake at every place of the package, and who notices.

- `tests.mutation.operators` and `mistakes`: the mistakes, found on the syntax tree;
- `tests.mutation.traces`: which names of a function may be confused, because they look alike;
- `tests.mutation.accidents`: mistakes that really happened, in other people's LSTMs;
- `tests.mutation.digests` and `census`: what a function is, wherever it stands, and which of its
  mutants are judged already;
- `tests.mutation.runner` and `judging`: let each mutant meet the tests, in a forked process;
- `tests.mutation.behaviour`: what a mutant computes, to show that it computes nothing else;
- `tests.mutation.verdicts` and `report`: the table, and how it is shown.

``python -m tests.mutation`` says how it is run. The table stands in
``tests/evidence/mutation.json``, one line per function: who changes a function loses its verdicts,
who moves it does not. What cannot be noticed, and why, stands in ``equivalent.json`` here.
"""
