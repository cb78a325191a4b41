"""The notebooks that come with the package, copied to where they can be worked on."""

from __future__ import annotations

import json
import re
from pathlib import Path

from npstack.core.errors import DataError, fail

PACKAGE = Path(__file__).parents[1]
SOLUTIONS = "solutions"
# Links to what is not beside a copy.
TO_DOCS = re.compile(r"\[([^]]+)\]\(\.\./(docs/\w+\.md)(?:#[^)]*)?\)")
TO_SOLUTIONS = re.compile(rf"\[[^]]+\]\(({SOLUTIONS}/\w+\.md)\)")


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

    In the place of links that would be dead beside a copy are the names of the pages.

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
    found = {path.name: _copied(path, solutions) for path in sorted(folder.glob("[0-9]*.ipynb"))}
    for path in sorted((folder / SOLUTIONS).glob("[0-9]*.md")) if solutions else []:
        found[path.relative_to(folder).as_posix()] = path.read_bytes()
    return found


def _copied(path: Path, solutions: bool) -> bytes:
    """A notebook as it is beside no repository: its outputs and its code are the same."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            text = _without_dead_links("".join(cell["source"]), solutions)
            cell["source"] = text.splitlines(keepends=True)
    return (json.dumps(notebook, ensure_ascii=False, indent=1) + "\n").encode()


def _without_dead_links(text: str, solutions: bool) -> str:
    """Links to documents, and to solutions that are not copied, as names.

    Examples
    --------
    >>> _without_dead_links("See [masks](../docs/derivation.md#8-masks).", False)
    "See masks (`docs/derivation.md` in npstack's repository)."
    >>> _without_dead_links("In [this file](solutions/01_one_step.md).", False)
    'In `solutions/01_one_step.md` (copied by `npstack lessons DIR --solutions`).'
    """

    def named(link: re.Match[str]) -> str:
        words, page = link.groups()
        if page in words:
            return f"`{page}` in npstack's repository"
        return f"{words} (`{page}` in npstack's repository)"

    text = TO_DOCS.sub(named, text)
    if solutions:
        return text
    return TO_SOLUTIONS.sub(r"`\1` (copied by `npstack lessons DIR --solutions`)", text)
