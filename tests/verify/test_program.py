"""A file in a process of its own: whatever it does ends in words here, and harms nothing."""

import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from npstack import CodeError, DataError
from npstack.verify import check_gradients, foreign
from npstack.verify.other_code.program import Limits, Program
from tests.verify import course_pairs

SOON = Limits(seconds=1, loading=30)


@pytest.fixture
def program(tmp_path):
    """Write a file and load it; afterwards no process and no other file may be there."""
    made = []

    def load(text, limits=SOON):
        path = tmp_path / "mine.py"
        path.write_text(text)
        made.append(Program(path, limits))
        return made[-1]

    yield load
    for one in made:
        one.close()
    assert set(os.listdir(tmp_path)) <= {"mine.py", "sibling.py"}


CALLS = {
    "ends": ("exit()", "SystemExit: it ends the program (line 2 of mine.py: exit())"),
    "ends at once": ("import os; os._exit(3)", "the end of its process, with exit code 3"),
    "never ends": ("while True: pass", "within 1 s, got no answer. Is there a loop without an end"),
    "sleeps": ("import time; time.sleep(99)", "within 1 s, got no answer"),
    "prints": ("while True: print('x' * 999)", "print at most 1,000,000 bytes, got more"),
    "too large": ("return np.ones(10**10)", "MemoryError: Unable to allocate 74.5 GiB"),
    "too much": ("return np.zeros(4 * 10**7)", "320,000,000 bytes is too large to be returned"),
    "too deep": ("return f(x)", "RecursionError"),
    "raises": ("raise ValueError('no')", "ValueError: no (line 2 of mine.py: raise"),
    "not written": ("raise NotImplementedError", "f: it must be written, got Not"),
    "reads": ("return input()", "EOFError"),
    "crash": ("import os; os.kill(os.getpid(), 11)", "by signal SIGSEGV"),
    "channel": ("import os; os.closerange(3, 99)", "the end of its process"),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_call_ends_in_words(program, name):
    line, words = CALLS[name]
    one = program(f"def f(x):\n    {line}\nimport numpy as np\ndef double(x):\n    return 2 * x\n")
    process = one._running.process
    before = threading.active_count()
    with pytest.raises(CodeError) as caught:
        one.functions["f"](np.ones(2))
    assert words in str(caught.value)
    assert "Traceback" not in str(caught.value)
    assert one.functions["double"](np.ones(2)).tolist() == [2, 2]  # in another child, if need be
    assert process.poll() is not None or one._running.process is process
    assert threading.active_count() <= before + 2


LOADED = {
    "def f(x:\n": "SyntaxError: '(' was never closed (line 1 of mine.py: def f(x:)",
    "import nothing_there\n": "No module named 'nothing_there' (line 1 of mine.py",
    "while True: pass\n": "within 1 s",
    "1 / 0\n": "ZeroDivisionError",
    "x = '\0'\n": "null bytes",
    "import os; os._exit(0)\n": "exit code 0",
}


@pytest.mark.parametrize("text", LOADED)
def test_a_file_that_does_not_load_ends_in_words(program, text):
    with pytest.raises(CodeError, match=r"mine\.py: it must") as caught:
        program(text, Limits(loading=1 if "while" in text else 30))
    assert LOADED[text] in str(caught.value)


def test_what_is_no_file_is_refused(tmp_path):
    with pytest.raises(DataError, match="a folder"):
        Program(tmp_path)
    with pytest.raises(FileNotFoundError):
        Program(tmp_path / "none.py")
    (tmp_path / "large.py").write_bytes(b"#" * 2**21)
    with pytest.raises(DataError, match="at most"):
        Program(tmp_path / "large.py")


def test_replaced_functions_of_numpy_are_reported_and_stay_there(program):
    tanh = np.tanh
    one = program(
        "import json\nimport numpy as np\nnp.tanh = np.frombuffer = json.dumps = lambda x: x\n"
        "def f(x):\n    return np.tanh(x)\n"
    )
    assert one.functions["f"](np.array([3.0])) == 3
    assert one.replaced == ("frombuffer", "tanh")
    assert np.tanh is tanh


@pytest.mark.skipif(sys.platform != "linux", reason="no limit of memory")
def test_memory_is_limited(program):
    one = program(
        "import numpy as np\ndef f(n):\n    return np.zeros(int(n), np.uint8)[0]\n",
        SOON._replace(memory=1 << 30),
    )
    assert one.functions["f"](1 << 20) == 0
    with pytest.raises(CodeError, match="MemoryError"):
        one.functions["f"](1 << 31)


def test_output_is_limited_for_each_call(program):
    one = program("def f(n):\n    print('x' * int(n))\n    return n\n")
    for _ in range(3):
        assert one.functions["f"](600_000) == 600_000
    assert one.output == "x" * 10_000
    with pytest.raises(CodeError, match="print at most"):
        one.functions["f"](3_000_000)


def test_complex_numbers_that_are_cut_are_an_error(program):
    one = program(
        "import numpy as np\ndef f(x):\n    y = np.zeros(2)\n    y[:] = x\n    return y\n"
    )
    assert one.functions["f"](np.ones(2)).tolist() == [1, 1]
    with pytest.raises(CodeError, match="ComplexWarning"):
        one.functions["f"](np.ones(2) * 1j)


def test_a_file_may_import_another_beside_it(program, tmp_path, monkeypatch):
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    (tmp_path / "sibling.py").write_text("def f(x):\n    return 2 * x\n")
    one = program("from sibling import f\ndef g(x):\n    return f(x)\n")
    assert list(one.functions) == ["g"]
    assert one.functions["g"](np.ones(1)) == 2


@pytest.mark.parametrize(
    ("line", "uses"),
    [("import npstack", True), ("__import__('npstack.core.errors')", True), ("import json", False)],
)
def test_an_import_of_npstack_is_noticed(program, line, uses):
    one = program(f"def f():\n    {line}\n")
    assert not one.imports_npstack
    one.functions["f"]()
    assert one.imports_npstack is uses


def test_values_come_through_as_they_are(program):
    one = program("def f(*given):\n    return given\ndef first(pair):\n    return pair[0]\n")
    values = [
        np.arange(6.0).reshape(2, 3).T,
        np.array(3, np.int16),
        np.array([1 + 2j]),
        np.ones(2, np.longdouble) / 3,
        np.array([np.nan, -0.0], np.float32),
        np.ones((0, 3)),
        np.array([True]),
    ]
    for value in values:
        (found,) = one.functions["f"](value)
        assert found.dtype == value.dtype
        np.testing.assert_array_equal(found, value)
        assert one.functions["first"]((value, {"a": [value]})).tobytes() == value.tobytes()
    kept = one.functions["f"]([1], "text", None)
    assert str(kept[0]) == "list"
    assert kept[1:] == ("text", None)
    assert one.functions["f"](kept[0])[0].kind == "list"
    with pytest.raises(TypeError, match="cannot be sent"):
        one.functions["f"](object())


def test_what_it_changes_is_changed_here_as_if_it_ran_here(program):
    one = program("def f(x, y):\n    x *= 2\n    return y\n")
    x, y = np.ones(3), np.ones(2)
    one.functions["f"](x, y)
    assert (x.tolist(), y.tolist()) == ([2, 2, 2], [1, 1])
    x.flags.writeable = False
    with pytest.raises(CodeError, match="must not change what it is given, got another x"):
        one.functions["f"](x, y)


def test_an_answer_that_is_none_is_refused(program):
    """Other bytes on the channel: the first number that is free there belongs to it."""
    one = program(
        "import os\ndef f(head):\n    text = bytes(head)\n"
        "    for number in range(3, 9):\n        try:\n            os.write(number, text)\n"
        "        except OSError:\n            pass\n    return 0\n"
    )
    for text in (b'{"found": {"array": ["O", [2]]}}', b'{"found": {}}', b"[]", b'"'):
        message = len(text).to_bytes(8, "big") + bytes(8) + text
        with pytest.raises(CodeError, match="f: its process must answer, got something else"):
            one.functions["f"](np.frombuffer(message, np.uint8))
        one.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_answers_of_a_fork_are_not_taken_for_others(program):
    one = program("import os\ndef f(x):\n    os.fork()\n    return x\ndef g(x):\n    return x\n")
    assert one.functions["f"](np.ones(1)) == 1

    def many():
        for k in range(20):
            assert one.functions["g"](np.full(1, k)) == k

    with pytest.raises(CodeError, match="g: it"):
        many()
    assert one.functions["g"](np.full(1, 3)) == 3


def test_what_is_not_needed_here_is_not_kept_there(program):
    one = program(
        "import gc\nclass Cache: pass\ndef f():\n    return Cache(), 0\n"
        "def count():\n    return sum(isinstance(o, Cache) for o in gc.get_objects())\n"
    )
    held = [one.functions["f"]() for _ in range(5)]
    assert one.functions["count"]() == 5
    del held
    assert one.functions["count"]() == 0


def test_a_cache_of_a_child_that_has_ended_is_refused(program):
    one = program("import os\ndef f():\n    return [], 0\ndef g(x):\n    os._exit(x)\n")
    cache, _ = one.functions["f"]()
    with pytest.raises(CodeError):
        one.functions["g"](1)
    held = one.functions["f"]()  # of the same number, were they counted anew
    with pytest.raises(CodeError, match="belongs to a process that has ended"):
        one.functions["g"](cache)
    assert held[1] == 0


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "killpg"), reason="the parent of a process is kept")
def test_a_child_does_not_outlive_its_parent(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("import time\ndef f():\n    while True:\n        time.sleep(1)\n")
    code = (
        "from npstack.verify.other_code.program import Program\n"
        f"one = Program({str(path)!r})\n"
        "print(one._running.process.pid, flush=True)\n"
        "one.functions['f']()\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    with parent:
        pid = int(parent.stdout.readline())
        parent.kill()
    wait_for_the_end_of(pid)


def wait_for_the_end_of(pid):
    for _ in range(200):
        try:
            with open(f"/proc/{pid}/stat") as file:
                if file.read().split()[2] == "Z":  # nobody waits for it in a container
                    return
        except OSError:
            return
        time.sleep(0.05)
    pytest.fail("it still runs")


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="no groups of processes")
def test_what_the_child_began_ends_with_it(program):
    one = program(
        "import subprocess, sys\ndef f():\n"
        "    other = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(99)'])\n"
        "    return other.pid\n"
    )
    pid = one.functions["f"]()
    one.close()
    wait_for_the_end_of(pid)


def test_a_program_that_nobody_has_any_more_ends(program, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("def f():\n    return 0\n")
    one = Program(path)
    process = one._running.process
    one.functions.clear()  # they refer to the program
    del one
    process.wait(10)


def test_the_child_ends_with_its_parent(program):
    one = program("def f():\n    return 0\n")
    process = one._running.process
    process.stdin.close()
    assert process.wait(10) == 0


def test_a_child_that_somebody_else_ends_is_replaced(program):
    one = program("def f():\n    return 0\n")
    one._running.process.kill()
    with pytest.raises(CodeError, match="the end of its process by signal SIGKILL"):
        one.functions["f"]()
    assert one.functions["f"]() == 0


def test_functions_of_a_child_are_a_layer():
    local = foreign(course_pairs.lstm_step_forward, course_pairs.lstm_step_backward)
    with Program(course_pairs.__file__) as one:
        assert "sigmoid" in one.functions
        pair = (one.functions[f"lstm_step_{way}"] for way in ("forward", "backward"))
        layer = foreign(*pair)
        assert layer.notes == local.notes
        assert "changes dc in place" in layer.notes[1]
        x = np.random.default_rng(0).standard_normal((1, 2, 3))
        mine, other = check_gradients(layer, x), check_gradients(local, x)
        assert str(mine) == str(other)
        assert mine.passed
