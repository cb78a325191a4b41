"""The program as a shell starts it: Ctrl-C while it loads, streams that fail, its own faults."""

import configparser
import os
import subprocess
import sys
from pathlib import Path

import pytest

from npstack.cli import main as cli
from npstack.cli import messages, program
from tests.cli.small_runs import heed_interrupts

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="shells and signals as Unix has")
CHECK = "-m npstack check --hidden-sizes 2 --steps 2"
INTERRUPTED_AT = """
import os, signal, sys
from npstack.cli.program import run

class Finder:
    moment, seen = sys.argv.pop(1), []

    def find_spec(self, name, *_):
        Finder.seen.append(name)
        if Finder.moment in (name, str(len(Finder.seen))):
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Finder())
sys.exit(run())
"""


def shell(command, **options):
    """What a shell makes of a command line that begins with the name of Python."""
    line = f"{sys.executable} {command}"
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    run = ["bash", "-o", "pipefail", "-c", line]
    options = {"capture_output": True, "text": True, "timeout": 60} | options
    return subprocess.run(run, env=os.environ | threads | options.pop("env", {}), **options)


# From within NumPy's C code, which imports datetime, it comes as an ImportError.
@pytest.mark.parametrize("moment", ["1", "40", "150", "300", "datetime"])
def test_ctrl_c_while_modules_are_loaded_is_one_line(moment, tmp_path):
    command = [sys.executable, "-c", INTERRUPTED_AT, moment, "check"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    pipes = {"capture_output": True, "text": True, "cwd": tmp_path}
    done = subprocess.run(command, env=environment, preexec_fn=heed_interrupts, **pipes)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "\ninterrupted\n")


def test_the_program_listens_before_it_loads_numpy():
    code = (
        "import sys; import npstack.cli.program as p; print('numpy' in sys.modules);"
        "import npstack.__main__; print('numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.split() == ["False", "False"], done.stderr


def test_what_is_installed_is_the_program():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    scripts = setup["options.entry_points"]["console_scripts"].split()
    assert scripts == ["npstack", "=", f"{program.__name__}:{program.run.__name__}"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        (CHECK + " | head -1", 0, ""),
        (CHECK + " > /dev/full", 3, "npstack: 'the output': no space left"),
        (CHECK + " >&-", 0, ""),
        (CHECK + " 2>/dev/full >/dev/full", 3, ""),
        ("-m npstack train none.csv --task text 2>&-", 3, ""),
        ("-m npstack train none.csv --task text", 3, "npstack: 'none.csv': no such file"),
        ("-m npstack", 2, "usage: npstack"),
    ],
)
def test_streams_that_fail_leave_one_line_and_a_code(command, code, words, tmp_path):
    done = shell(command, cwd=tmp_path)
    assert done.returncode == code
    assert done.stderr.startswith(words)
    assert done.stderr.count("\n") == bool(words) * (done.stderr.count("usage") * 2 or 1)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_console_that_lacks_letters_gets_their_numbers(encoding):
    done = shell("-m npstack train --help", env={"PYTHONIOENCODING": encoding}, text=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert (b"\\u2026" in done.stdout) == (encoding == "ascii")  # cp1252 has an ellipsis


@pytest.fixture
def in_this_process(monkeypatch, capsys):
    """Run the program here; what it does to the process is undone."""
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, getattr(sys, name))
    monkeypatch.setattr("signal.signal", lambda *_: None)
    monkeypatch.setattr("warnings.simplefilter", lambda *_: None)
    return lambda: (program.run(), *capsys.readouterr())


def test_a_fault_of_its_own_is_no_failed_check(monkeypatch, in_this_process):
    def faulty():
        raise TypeError("of the\ninside")

    monkeypatch.setattr(cli, "main", faulty)
    code, out, err = in_this_process()
    assert (code, out, err.count("\n")) == (program.FAULT, "", 1)
    assert "this is a fault in npstack itself (TypeError: of the inside)" in err


def test_too_little_memory_is_said_in_words(monkeypatch, in_this_process):
    def large(given):
        raise MemoryError("Unable to allocate 7 TiB")

    monkeypatch.setattr("npstack.cli.commands.check.run", large)
    monkeypatch.setattr(sys, "argv", ["npstack", "check"])
    code, _, err = in_this_process()
    assert code == program.BAD_DATA
    assert err.startswith("npstack check: this must fit into the memory")


def test_the_codes_are_those_of_the_page():
    text = (ROOT / "docs/commands.md").read_text(encoding="utf-8")
    for name in ("OK", "FAILED", "USAGE", "BAD_DATA", "FAULT", "INTERRUPTED"):
        assert f"{getattr(program, name)} " in text.split("## Exit codes")[1].split("\n\n")[1]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb", "a b"),
        ("\x1b[2J", "\\x1b[2J"),
        ("größe Ω", "größe Ω"),
        ("\udcff", "\\udcff"),
        ("\u202e", "\\u202e"),
    ],
)
def test_a_message_is_one_line_that_no_terminal_obeys(text, shown):
    assert messages.plain(text) == shown
