"""What programs that keep figures have in common: they print, and write a file only when told.

``--help`` does nothing else; ``--json`` keeps the figures; a file that is there is replaced only
with ``--overwrite``, and that is said before the work, not after it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tests.tools.provenance import EVIDENCE, provenance, write_figures


class FullRun(NamedTuple):
    """A run that has begun.

    Attributes
    ----------
    given : Namespace
        The options.
    chosen : list of str
        Which of its parts run.
    origins : dict
        By part, where its figures come from, as it was before the run; None if none are kept.
    files : dict
        By part, the name of its file in ``tests/evidence``.
    """

    given: argparse.Namespace
    chosen: list[str]
    origins: Mapping[str, dict[str, Any] | None]
    files: Mapping[str, str]

    def keep(self, figures: dict[str, Any], part: str = "") -> None:
        """Write the figures of a part, if they are to be kept."""
        origin = self.origins[part]
        if origin is not None:
            print(f"-> {write_figures(self.files[part], origin, figures).name}", flush=True)


def begin(
    about: str,
    program: str,
    files: str | Mapping[str, str],
    words: list[str] | None = None,
    *,
    packages: Callable[[str], Iterable[str]] = lambda part: (),
    add: Callable[[argparse.ArgumentParser], None] = lambda parser: None,
) -> FullRun:
    """Read the options of a full run; nothing is replaced that was not to be.

    Parameters
    ----------
    about : str
        The module's docstring, for ``--help``.
    program : str
        The module, ``tests.full_runs.NAME``.
    files : str or dict
        The name of its file in ``tests/evidence``; or such names by part, and each part can be
        chosen on the command line.
    words : list of str, optional
        Those of the command line by default.
    packages : callable
        From a part to the packages whose versions matter besides NumPy's.
    add : callable
        Adds options of the run's own.
    """
    command = f"python -m {program}"
    parser = parser_of(about, command)
    parts = {"": files} if isinstance(files, str) else files
    if len(parts) > 1:
        some = f"which of {', '.join(parts)} (default: all)"
        parser.add_argument("parts", nargs="*", metavar="PART", help=some)
    where = "tests/evidence/" + ", ".join(f"{name}.json" for name in parts.values())
    parser.add_argument("--json", action="store_true", help=f"keep the figures in {where}")
    add_overwrite(parser)
    add(parser)
    given = parser.parse_args(words)
    chosen = getattr(given, "parts", []) or list(parts)
    if set(chosen) - set(parts):
        parser.error(f"there is no {(set(chosen) - set(parts)).pop()}, but {', '.join(parts)}")
    if not given.json:
        return FullRun(given, chosen, dict.fromkeys(chosen), parts)
    check_free(parser, [EVIDENCE / f"{parts[part]}.json" for part in chosen], given.overwrite)
    origins = {}
    for part in chosen:
        typed = " ".join([command, *([part] if part else []), "--json"])
        origins[part] = provenance(typed, packages(part))
    return FullRun(given, chosen, origins, parts)


def parser_of(about: str, command: str) -> argparse.ArgumentParser:
    """A parser whose help is the docstring, as it stands."""
    return argparse.ArgumentParser(
        prog=command, description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def add_overwrite(parser: argparse.ArgumentParser) -> None:
    """The option by which older files are replaced."""
    parser.add_argument("--overwrite", action="store_true", help="replace files that are there")


def check_free(parser: argparse.ArgumentParser, paths: Iterable[Path], overwrite: bool) -> None:
    """Files that are there are a wrong call, unless they are to be replaced."""
    taken = [] if overwrite else [path for path in paths if path.exists()]
    if taken:
        parser.error(f"{taken[0]} exists; --overwrite replaces it")
