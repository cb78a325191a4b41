"""The notebooks that come with the package, copied to where they can be worked on."""

from __future__ import annotations

from pathlib import Path

from npstack.core.errors import DataError, fail

PACKAGE = Path(__file__).parents[1]
SOLUTIONS = "solutions"


def notebooks_folder() -> Path:
    """Where the notebooks are: in the package, or beside it in a clone.

    Raises
    ------
    DataError
        They have been deleted.
    """
    places = PACKAGE / "notebooks", PACKAGE.parent / "notebooks"
    found = [folder for folder in places if any(folder.glob("[0-9]*.ipynb"))]
    if not found:
        expected = "the package must hold its notebooks"
        fail(DataError, "lessons", expected, "none", "Install npstack again.")
    return found[0]


def notebooks(*, solutions: bool = False) -> dict[str, bytes]:
    """The content of each notebook, by its name.

    Parameters
    ----------
    solutions : bool
        Whether the solutions of their exercises are wanted, too.

    Examples
    --------
    >>> names = list(notebooks())
    >>> names[0], len(names)
    ('01_one_step.ipynb', 8)
    >>> [name for name in notebooks(solutions=True) if name.startswith("solutions")][0]
    'solutions/01_one_step.md'
    """
    folder = notebooks_folder()
    found = sorted(folder.glob("[0-9]*.ipynb"))
    found += sorted((folder / SOLUTIONS).glob("[0-9]*.md")) if solutions else []
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}
