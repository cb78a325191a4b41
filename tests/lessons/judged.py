"""What the grader says about a submission, held against what it deserves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from npstack.lessons import Grade
from npstack.lessons.submissions import grade_folder
from tests.lessons.misbehaving import MISBEHAVING
from tests.lessons.submissions import ANSWERS, VERDICTS, Submission

SECONDS = 2.0  # of one call
ALL = (*ANSWERS, *MISBEHAVING)
INSIDE = ("Traceback", "npstack/", "Kept", "a fault")  # what nobody should see


def put(folder: Path, submissions: Iterable[Submission]) -> None:
    """Write submissions as files."""
    for one in submissions:
        content = one.text if isinstance(one.text, bytes) else one.text.encode()
        (folder / f"{one.name}.py").write_bytes(content)


def judged(
    folder: Path, submissions: Iterable[Submission]
) -> Iterator[tuple[Submission, Grade, list[str]]]:
    """Grade a folder of submissions; each with its grade, and what is wrong about that."""
    by_name = {f"{one.name}.py": one for one in submissions}
    put(folder, by_name.values())
    for found in grade_folder(folder, seconds=SECONDS):
        yield by_name[found.name], found, faults(by_name[found.name], found)


def faults(one: Submission, found: Grade) -> list[str]:
    """What a grade lacks, or has too much."""
    verdicts = [VERDICTS[letter] for letter in one.verdicts]
    text = " ".join(str(found).split())
    wrong = [f"does not say {words!r}" for words in one.said if words not in text]
    wrong += [f"shows {words!r}" for words in INSIDE if words in text]
    if [mark.verdict for mark in found.marks] != verdicts:
        wrong.append(f"verdicts {[mark.verdict for mark in found.marks]}, deserved {verdicts}")
    if found.points != one.points:
        wrong.append(f"{found.points} points, deserved {one.points}")
    return wrong
