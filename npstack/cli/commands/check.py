"""``npstack check``: gradients and laws of a stack of a given shape, or of the code in a file."""

from __future__ import annotations

import argparse
import sys
from typing import Any

import numpy as np

from npstack.cli.memory import afford, lstm_numbers
from npstack.cli.messages import NO_SANDBOX, harmless, say
from npstack.cli.program import BAD_DATA, FAILED, OK
from npstack.cli.tasks.common import SEED, number, path, sizes, whole
from npstack.core.errors import ArgumentError, CodeError, fail

WHERE = "npstack check"
MOST_SECONDS, PATIENCE = 3600, 10
CALL, PRODUCT = 2e-4, 2e-9  # seconds: of one step of a layer, and of a product in it
STYLES = ("step", "sequence", "columns", "columns_sequence")
CELLS = ("lstm", "gru", "gru_reset_before", "rnn", "peephole")
OF_STACK = {"hidden_sizes": [4, 3], "dropout": 0.2, "last_step": False}
OF_FILE: dict[str, Any] = {"forward": None, "backward": None, "style": None, "cell": None}
OF_FILE |= {"gates": None, "hidden_size": 4, "seconds": 10.0}
EXAMPLES = f"""\
examples:
  npstack check --input-size 3 --hidden-sizes 4,3 --steps 5
  npstack check lstm.py                        all pairs such as step_forward, step_backward
  npstack check mine.py --forward fwd --backward bwd --style step --cell gru --gates zrn

exit codes of a file: 0 if all is right; 1 if a number is wrong, a parameter's gradient is not
returned, or a function does not run; 2 after a wrong call; 3 if it cannot be loaded.

{NO_SANDBOX}"""


def add(commands: Any) -> None:
    """Add the command to a parser."""
    parser = commands.add_parser(
        "check",
        help="check gradients and laws of a stack of a given shape, or of your own code",
        description="Build a stack, check every gradient by complex step, and every law. With\n"
        "FILE.py, check the functions that it defines, and name the equation that is wrong,\n"
        "beside the line of npstack's own cell.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=path, nargs="?", metavar="FILE.py")
    parser.add_argument("--input-size", type=whole(1), help="D (default 2; of a file 3)")
    parser.add_argument("--batch", type=whole(1), default=2, help="B (default 2)")
    parser.add_argument("--steps", type=whole(1), default=5, help="T (default 5)")
    parser.add_argument("--dtype", choices=["float32", "float64"], default="float64")
    seed = "of all random numbers (default 0)"
    parser.add_argument("--seed", type=whole(0, SEED), default=0, help=seed)
    stack = parser.add_argument_group("a stack")
    stack.add_argument("--hidden-sizes", type=sizes, help="H of each layer (default 4,3)")
    stack.add_argument("--dropout", type=number(0, 1, True), help="between layers (default 0.2)")
    last = "return_sequences=False"
    stack.add_argument("--last-step", action="store_true", default=None, help=last)
    _add_options_of_file(parser.add_argument_group("a file"))
    parser.set_defaults(run=run)


def _add_options_of_file(group: Any) -> None:
    """The options that say what is in a file."""
    group.add_argument("--forward", metavar="NAME", help="of a function (default: all pairs)")
    group.add_argument("--backward", metavar="NAME", help="of its partner")
    group.add_argument("--style", choices=STYLES, help="of both (default: by their names)")
    group.add_argument("--cell", choices=CELLS, help="what they are (default: found out)")
    gates = "their order in the last axis, such as ifog, or rZn where z keeps the new state "
    gates += "(default: found out)"
    group.add_argument("--gates", metavar="ORDER", help=gates)
    group.add_argument("--hidden-size", type=whole(1), help="H (default 4)")
    limit = "of a single call of a function (default 10)"
    group.add_argument("--seconds", type=number(0, 3600), metavar="S", help=limit)


def run(given: argparse.Namespace) -> int:
    """Check the file, or a stack."""
    own, other = (OF_STACK, OF_FILE) if given.file is None else (OF_FILE, OF_STACK)
    home, here = ("a file", "none") if given.file is None else ("a stack", "a file")
    for name in other:
        if getattr(given, name) is not None:
            expected = f"--{name.replace('_', '-')} must go with {home}"
            fail(ArgumentError, WHERE, expected, f"it with {here}", "Leave it out.")
    for name, usual in own.items():
        if getattr(given, name) is None:
            setattr(given, name, usual)
    if given.input_size is None:
        given.input_size = 2 if given.file is None else 3
    return _run_stack(given) if given.file is None else _run_file(given)


def _run_file(given: argparse.Namespace) -> int:
    """Check each pair of functions of a file, and print what is found as it is found."""
    from npstack.verify.other_code.file_check import check_file
    from npstack.verify.other_code.program import Limits

    given.hidden_sizes = [given.hidden_size]
    _check_cost(given)
    options = {name: getattr(given, name) for name in OF_FILE if name != "seconds"}
    options |= {n: getattr(given, n) for n in ("input_size", "batch", "steps", "dtype", "seed")}
    passed: list[bool] = []
    try:
        for checked in check_file(given.file, limits=Limits(given.seconds), **options):
            print(harmless(f"\n{checked}" if passed else str(checked)), flush=True)
            passed.append(checked.passed)
    except CodeError as error:
        say(error)
        return BAD_DATA
    return OK if all(passed) else FAILED


def _run_stack(given: argparse.Namespace) -> int:
    """Build, check, print; nothing is written."""
    from npstack.layers.stacked import StackedLSTM
    from npstack.verify import check_gradients, check_laws

    _check_cost(given)
    rng = np.random.default_rng(given.seed)
    dtype: Any = np.dtype(given.dtype)
    stack = StackedLSTM(
        given.input_size,
        given.hidden_sizes,
        return_sequences=not given.last_step,
        dropout=given.dropout,
        rng=rng,
        dtype=dtype,
    )
    x = rng.standard_normal((given.batch, given.steps, given.input_size)).astype(dtype)
    mask = rng.random((given.batch, given.steps)) < 0.8
    mask[0, 0] = True  # with every step masked, all gradients would be zero, and nothing checked
    gradients = check_gradients(stack, x, mask=mask, noise_rng=rng, rng=rng)
    laws = check_laws(stack, rng=rng, batch=given.batch, steps=given.steps)
    print(stack.summary(given.batch, given.steps))
    print()
    print(gradients)
    print()
    print(laws)
    return OK if gradients.passed and laws.passed else FAILED


def _check_cost(given: argparse.Namespace) -> None:
    """Refuse what does not fit into memory, or into an hour: each number costs a forward pass."""
    B, T, layers = given.batch, given.steps, given.hidden_sizes
    parameters = lstm_numbers(given.input_size, layers)
    numbers = parameters + B * T * given.input_size + 2 * B * sum(layers)
    advice = "Take a smaller stack, or fewer steps or rows."
    what = f"{numbers:,} parameters, inputs and states, with gradients,"
    afford(WHERE, what, 2 * 16 * numbers, advice)
    tape = 16 * B * T * 8 * sum(layers)  # complex; states, gates and outputs of every step
    afford(WHERE, f"the tape of {B:,} rows of {T:,} steps", tape, advice)
    seconds = numbers * T * (len(layers) * CALL + B * parameters * PRODUCT)
    work = f"about {seconds:,.0f} s, for {numbers:,} forward passes of {T:,} steps"
    if seconds > MOST_SECONDS:
        advice = f"{advice} In Python, check_gradients(…, entries=5) checks a sample."
        fail(ArgumentError, WHERE, f"the check may take {MOST_SECONDS:,} s", work, advice)
    if seconds > PATIENCE:
        print(f"This takes {work}.", file=sys.stderr)
