"""The documents are correct: their code runs, its output is right, quoted lines are in the code.

A fenced block ``python`` that begins with ``>>>`` is a doctest; any other is executed as it is. The
blocks of one document share their names, as a reader who types along would have it.
"""

from __future__ import annotations

import ast
import doctest
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    path
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "benchmarks/README.md"]
    if path.exists()
)
FENCE = re.compile(r"^(?P<indent> *)```python\n(?P<code>.*?)^ *```$", re.MULTILINE | re.DOTALL)
QUOTATION = re.compile(r"→ `(?P<path>[\w/]+\.py)`: `(?P<line>[^`]+)`")
EXCERPT = re.compile(
    r"→ `(?P<path>[\w/]+\.py)`[^`\n]*(?:`\w+`)?:\n\n```py\n(?P<code>.*?)^```$", re.M | re.S
)
LINK = re.compile(r"\]\((?!\w+:)(?P<path>[^)#\s]+)?(?:#(?P<anchor>[^)\s]+))?\)")


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def python_blocks(text: str) -> list[tuple[int, str]]:
    """Line number and code of every fenced Python block."""
    return [
        (text[: match.start("code")].count("\n"), textwrap.dedent(match["code"]))
        for match in FENCE.finditer(text)
    ]


def run_blocks(text: str, file: str) -> None:
    """Run all blocks in one namespace; raise AssertionError with doctest's report on a failure."""
    names: dict[str, object] = {"__name__": "__main__"}
    for line, code in python_blocks(text):
        if not code.lstrip().startswith(">>>"):
            tree = ast.parse(code, file)
            exec(compile(ast.increment_lineno(tree, line), file, "exec"), names)
            continue
        report: list[str] = []
        examples = doctest.DocTestParser().get_doctest(code, {}, file, file, line)
        examples.globs = names
        runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
        runner.run(examples, out=report.append, clear_globs=False)
        assert not runner.failures, "".join(report)


def anchors(text: str) -> set[str]:
    """The anchors that a rendered document offers for its headings."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


LONG = {"docs/pictures.md", "docs/questions.md"}  # they train what they show


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, id=name(path), marks=[pytest.mark.slow] if name(path) in LONG else [])
        for path in DOCUMENTS
    ],
)
def test_code_in_documents_runs_and_prints_what_it_says(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    run_blocks(path.read_text(encoding="utf-8"), name(path))


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_lines_quoted_from_the_code_stand_in_the_code(path):
    for quotation in QUOTATION.finditer(path.read_text(encoding="utf-8")):
        source = (ROOT / "npstack" / quotation["path"]).read_text(encoding="utf-8")
        assert quotation["line"] in map(str.strip, source.splitlines()), quotation[0]


def stands_in(excerpt: str, source: str) -> bool:
    """Whether the lines of an excerpt follow one another in the source, but for "..." between them.

    They are indented alike: a line of the source has the excerpt's indentation, and the same more.
    """
    lines, runs = source.splitlines(), [[]]
    for line in excerpt.splitlines():
        if line.strip() == "...":
            runs.append([])
        else:
            runs[-1].append(line)
    for more in {len(line) - len(line.lstrip()) for line in lines}:
        place = 0
        for run in filter(None, runs):
            wanted = [" " * more + line if line else line for line in run]
            places = range(place, len(lines) - len(wanted) + 1)
            found = [k for k in places if lines[k : k + len(wanted)] == wanted]
            if not found:
                break
            place = found[0] + len(wanted)
        else:
            return True
    return False


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_excerpts_of_the_code_stand_in_the_code(path):
    text = path.read_text(encoding="utf-8")
    excerpts = list(EXCERPT.finditer(text))
    assert len(excerpts) == text.count("```py\n")
    for excerpt in excerpts:
        source = (ROOT / "npstack" / excerpt["path"]).read_text(encoding="utf-8")
        assert stands_in(excerpt["code"], source), excerpt[0]


def test_an_excerpt_that_is_not_the_code_is_noticed():
    source = "def f():\n    a = 1\n    if a:\n        b = 2\n    return b\n"
    assert stands_in("a = 1\n...\nreturn b\n", source)
    assert stands_in("if a:\n    b = 2\n", source)
    for wrong in ("a = 1\nreturn b\n", "a = 2\n", "return b\n...\na = 1\n", "if a:\nb = 2\n"):
        assert not stands_in(wrong, source)


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_links_inside_the_project_lead_somewhere(path):
    for link in LINK.finditer(path.read_text(encoding="utf-8")):
        target = path.parent / link["path"] if link["path"] else path
        assert target.exists(), link[0]
        if link["anchor"]:
            assert link["anchor"] in anchors(target.read_text(encoding="utf-8")), link[0]


def test_the_derivation_quotes_every_numbered_line_of_the_cell():
    cell = (ROOT / "npstack/cells/lstm.py").read_text(encoding="utf-8")
    numbered = {line.strip() for line in cell.splitlines() if re.search(r"# \(\d\)", line)}
    text = (ROOT / "docs/derivation.md").read_text(encoding="utf-8")
    assert len(numbered) >= 16
    assert numbered <= {quotation["line"] for quotation in QUOTATION.finditer(text)}


def test_the_coverage_names_tests_and_clauses_that_exist():
    text = (ROOT / "docs/coverage.md").read_text(encoding="utf-8")
    sources = "\n".join(
        path.read_text(encoding="utf-8") for path in ROOT.glob("tests/**/test_*.py")
    )
    named = set(re.findall(r"`(test_\w+)`", text))
    assert len(named) > 20
    assert not named - set(re.findall(r"def (test_\w+)", sources))
    clauses = (ROOT / "docs/specification.md").read_text(encoding="utf-8")
    assert all(f"### §{clause} " in clauses for clause in re.findall(r"§(\d+\.\d+)", text))


def test_the_contributing_guide_maps_every_module():
    modules = {path.stem for path in (ROOT / "npstack").iterdir() if path.suffix in ("", ".py")}
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    mapped = set(re.findall(r"`(\w+)/?`", text[text.index("## How the package") :]))
    assert not {name for name in modules if not name.startswith("_")} - mapped - {"version"}


def test_the_benchmark_table_is_the_one_that_the_command_prints():
    text = (ROOT / "benchmarks/README.md").read_text(encoding="utf-8")
    command = "benchmarks/readable.py --show benchmarks/results/readable.json"
    printed = subprocess.run(
        [sys.executable, *command.split()], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert f"```console\n$ python {command}\n{printed}```\n" in text


@pytest.mark.parametrize(
    ("block", "error"),
    [
        (">>> 1 + 1\n3\n", AssertionError),
        (">>> missing\n", AssertionError),
        ("assert 1 == 2\n", AssertionError),
        ("missing\n", NameError),
    ],
)
def test_a_wrong_block_is_noticed(block, error):
    with pytest.raises(error):
        run_blocks(f"text\n\n```python\n{block}```\n", "wrong.md")


def test_blocks_share_their_names_and_errors_give_the_line_of_the_document():
    text = "```python\nn = 2\n```\n\n```python\n>>> n\n2\n```\n\n```python\nn / 0\n```\n"
    with pytest.raises(ZeroDivisionError) as caught:
        run_blocks(text, "three.md")
    assert caught.traceback[-1].lineno + 1 == text.splitlines().index("n / 0") + 1
