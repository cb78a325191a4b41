"""A command that can be killed at a line: ``… killed_command LINE WORD …``.

It runs ``npstack WORD …`` and kills itself (SIGKILL, which nothing can catch) before the LINE-th
line that runs in the modules that make run folders and write files; 0 is never. It prints how many
such lines have run.
"""

from __future__ import annotations

import sys

from tests.tools.fatal_line import count_lines

MODULES = ("cli/folders.py", "cli/runs.py", "cli/learning.py", "files/atomic.py")


def main(line: str, *words: str) -> int:
    """Run the command, unless a line is fatal."""
    from npstack.cli.main import main as command

    codes: list[int] = []
    seen = count_lines(MODULES, lambda: codes.append(command(words)), int(line))
    print(f"lines: {seen}", file=sys.stderr)
    return codes[0]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
