"""Error messages of commands: one line, without control characters."""

from __future__ import annotations

import errno
import sys

ADVICE = {
    errno.ENOENT: "Is the name right?",
    errno.EACCES: "Its rights do not allow it: change them, or choose another place.",
    errno.EPERM: "Its rights do not allow it: change them, or choose another place.",
    errno.EROFS: "Choose a place that can be written.",
    errno.ENOSPC: "Make room there, or choose another place.",
    errno.EDQUOT: "Make room there, or choose another place.",
    errno.EFBIG: "Files may not be so large there: choose another place.",
    errno.ENOTDIR: "A part of the path is a file: choose another path.",
    errno.EEXIST: "Choose another name.",
    errno.EISDIR: "Give the path of a file.",
    errno.ELOOP: "It is a link that leads back to itself: remove it.",
    errno.ENAMETOOLONG: "Shorten the name.",
}

NO_SANDBOX = """\
Each file runs in a process of its own, with limits on time, memory and output. This protects from
accidents, such as endless loops. It is not a sandbox: a file may read and delete whatever you may.
"""


def say(message: object) -> None:
    """Print a message on standard error.

    Examples
    --------
    >>> import contextlib
    >>> with contextlib.redirect_stderr(sys.stdout):
    ...     say("no file is called\\n'\\x1b[2J'")
    npstack: no file is called '\\x1b[2J'
    """
    text = plain(str(message))
    print(text if text.startswith("npstack ") else f"npstack: {text}", file=sys.stderr)


def plain(text: str) -> str:
    """Text on one line; other than printable characters are escaped."""
    return harmless(" ".join(text.split()))


def harmless(text: str) -> str:
    """Text in which other than printable characters are escaped, ends of lines excepted.

    Examples
    --------
    >>> print(harmless("red: \\x1b[31m"))
    red: \\x1b[31m
    """
    return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in text)


def of_system(error: OSError) -> str:
    """The message for an error of the system, with advice.

    Examples
    --------
    >>> of_system(FileNotFoundError(errno.ENOENT, "No such file or directory", "rain.csv"))
    "'rain.csv': no such file or directory. Is the name right?"
    """
    reason = error.strerror or str(error) or type(error).__name__
    names = [repr(str(name)) for name in (error.filename, error.filename2) if name is not None]
    words = ": ".join([*names[-1:], reason[:1].lower() + reason[1:]]).rstrip(".")
    return f"{words}. {ADVICE.get(error.errno or 0, '')}".rstrip()
