"""Phrases that are not plain English stay out of everything that people read.

Texts are searched without line breaks, comment signs and quotes between lines, in any case. Figures
and records that programs have written are left out, and so is this list.
"""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WRITTEN_BY_PROGRAMS = re.compile(r"\.(csv|json|png|ipynb)$|^tests/vectors/|^LICENSE$")

# What is odd, and what to write instead.
EVERYWHERE = {
    "come for nothing": "are free",
    "comes for nothing": "is free",
    "we stand behind": "suppose that … has run",
    "witness": "another check",
    "told by": "reported by",
    "are told": "are reported",
    "of one's own": "your own",
    "one's own": "your own",
    "choosy": "selective",
    "hidden dice": "its own random numbers",
    "good manners": "no side effects",
    "honest opponents": "simple baselines",
    "honest baselines": "simple baselines",
    "what comes later would change": "later steps would change",
    "never heard of a": "does not use a",
    "hands on": "passes on, returns",
    "handed on": "passed on",
    "comes forth": "appears",
    "both roads": "both paths",
    "two roads": "two paths",
    "roads add": "paths add",
    "the road": "the path",
    "this road": "this path",
    "by roads": "by paths",
    "turned round": "reversed",
    "whoever": "code that, people who",
    "not the fashion": "no jokes in results",
    "of mine own": "my own",
    "nothing is turned": "there is nothing to reverse",
    "less is better": "lower is better",
}
PROSE = {  # in documents and in the package; tests and examples may use them as names
    "opponent": "baseline",
    "opponents": "baselines",
    "stranger": "somebody else",
    "nobody has": "no program has",
    "fickle": "fast",
    "is born": "first appears",
    "was born": "first appeared",
    "is customary": "is usual",
    "blow up are": "NaN and infinity are",
}
DOCUMENTS_AND_PACKAGE = re.compile(r"^(docs|npstack|notebooks|benchmarks)/|^[A-Z]+\.md$")


def readable(text):
    """A text on one line, in small letters, without the signs that stand between its lines."""
    lines = (line.strip().lstrip("#").strip().strip("\"'") for line in text.splitlines())
    return re.sub(r"\s+", " ", " ".join(lines)).replace("’", "'").casefold()


def found(text, phrases):
    """The phrases in a text, each with what to write instead."""
    hits = re.findall(rf"\b({'|'.join(phrases)})\b", readable(text))
    return {odd: phrases[odd] for odd in hits}


def texts():
    """Every text of the project by its path."""
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if not WRITTEN_BY_PROGRAMS.search(name) and path != Path(__file__) and path.exists():
            yield name, path.read_text(encoding="utf-8")


def test_texts_are_in_plain_english():
    odd = {}
    for name, text in texts():
        phrases = EVERYWHERE | (PROSE if DOCUMENTS_AND_PACKAGE.match(name) else {})
        if hits := found(text, phrases):
            odd[name] = hits
    assert not odd


@pytest.mark.parametrize(
    "text",
    [
        "They Come for\n    # nothing, at once.",
        'advice = "what comes later "\n"would change what was said"',
        "A layer of one’s own",
    ],
)
def test_an_odd_phrase_is_found_across_lines_and_in_any_case(text):
    assert found(text, EVERYWHERE)


def test_plain_sentences_pass():
    assert not found("A layer returns its state; thousands only. The roadmap is short.", EVERYWHERE)
