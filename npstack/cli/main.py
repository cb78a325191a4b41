"""The command line: ``npstack train``, ``predict``, ``plot``, ``check``, ``exercise``, ``grade`` …

Exit codes: 0 fine, 1 a check failed, 2 usage, 3 bad data or a refusal of the system, 70 a fault in
npstack itself, 130 interrupted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from npstack.cli.commands import (
    check,
    convert,
    demo,
    exercise,
    grade,
    inspect,
    lessons,
    plot,
    predict,
    train,
)
from npstack.cli.messages import of_system, say
from npstack.cli.program import BAD_DATA, FAILED, INTERRUPTED, OK, USAGE
from npstack.core.errors import DataError, NpstackError
from npstack.version import __version__

__all__ = ["BAD_DATA", "FAILED", "INTERRUPTED", "OK", "USAGE", "main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    given = _parser().parse_args(arguments)
    try:
        return int(given.run(given))
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return INTERRUPTED
    except OSError as error:
        say(of_system(error))
        return BAD_DATA
    except MemoryError as error:
        what = f" ({error})" if str(error) else ""
        say(
            f"npstack {given.name}: this must fit into the memory of this machine, got more{what}. "
            "Take less at once: fewer data, or smaller layers, windows and batches."
        )
        return BAD_DATA
    except NpstackError as error:
        error.advice = error.typed or error.advice  # as options, not as a call
        say(error)
        return BAD_DATA if isinstance(error, DataError) else USAGE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="npstack", description="Stacked LSTMs in plain NumPy.")
    parser.add_argument("--version", action="version", version=f"npstack {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="name")
    for command in (
        train,
        predict,
        plot,
        demo,
        check,
        exercise,
        grade,
        lessons,
        inspect,
        convert,
    ):
        command.add(commands)
    return parser
