"""A command that can be killed at a line: ``… killed_command LINE WORD …``.

It runs ``npstack WORD …`` and kills itself (SIGKILL, which nothing can catch) before the LINE-th
line that runs in the modules that make run folders and write files; 0 is never. It prints how many
such lines have run.
"""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType
from typing import Any

MODULES = ("cli/folders.py", "cli/runs.py", "cli/learning.py", "files/atomic.py")


def main(line: str, *words: str) -> int:
    """Run the command, unless a line is fatal."""
    from npstack.cli.main import main as command

    seen, fatal = 0, int(line)

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal seen
        if not frame.f_code.co_filename.endswith(MODULES):
            return None
        seen += event == "line"
        if event == "line" and seen == fatal:
            os.kill(os.getpid(), signal.SIGKILL)
        return trace

    sys.settrace(trace)
    try:
        return command(words)
    finally:
        sys.settrace(None)
        print(f"lines: {seen}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
