"""Submissions that end their process, never end, or do what no exercise asks for."""

from __future__ import annotations

from tests.lessons.submissions import DO, GRU, LSTM, Submission, of_lstm

START = "import numpy as np\n"
CACHE = "    cache = x, h_before, c_before, i, f, g, o, c, h, Wx, Wh\n    return h, c, cache"
UNABLE = "ttttt"
PATCHES = (
    "np.array_equal = np.allclose = np.isfinite = lambda *a, **k: True\nnp.frombuffer = None\n"
)
ENDLESS_PRINT = "import sys\n    while True: sys.stderr.write('x' * 10000)"
IGNORING = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
STARTING = "import subprocess\nsubprocess.Popen(['sleep', '1000'])\n"
BREAKING = "import json, os\njson.dumps = json.loads = os.read = os.write = None\n"


def at_start(name: str, verdicts: str, points: int, said: tuple[str, ...], code: str) -> Submission:
    """The right LSTM with code behind its import."""
    return of_lstm(name, verdicts, points, said, (START, START + code))


def in_step(name: str, verdicts: str, points: int, said: tuple[str, ...], code: str) -> Submission:
    """The right LSTM with code in its backward step."""
    return of_lstm(name, verdicts, points, said, (DO, f"    {code}\n{DO}"))


def returning(
    name: str, verdicts: str, points: int, said: tuple[str, ...], what: str
) -> Submission:
    """The right LSTM whose forward step returns something else."""
    return of_lstm(name, verdicts, points, said, (CACHE, CACHE.replace("return h, c, cache", what)))


ENDING = [
    in_step("endless", "rwwww", 45, ("within",), "while True: pass"),
    at_start("endless_at_start", UNABLE, 0, ("within",), "while True: pass\n"),
    in_step("ends_process", "rwwww", 45, ("end of its process",), "__import__('os')._exit(0)"),
    at_start("ends_at_start", UNABLE, 0, ("end of its process",), "import os\nos._exit(0)\n"),
    in_step("leaves", "rwttt", 45, ("SystemExit",), "raise SystemExit"),
    at_start("leaves_at_start", UNABLE, 0, ("SystemExit",), "raise SystemExit\n"),
    in_step("kills_itself", "rwwww", 45, ("SIGKILL",), "import os; os.kill(os.getpid(), 9)"),
    in_step("ten_gigabytes", "rwttt", 45, ("MemoryError",), "np.ones(1_250_000_000)"),
    in_step("prints_a_gigabyte", "rwwww", 45, (), "for _ in range(10**6): print('x' * 1000)"),
    in_step("recursion", "rwttt", 45, ("RecursionError",), "step_backward(dh, dc_next, cache)"),
    in_step("prints_without_end", "rwwww", 45, ("print at most",), ENDLESS_PRINT),
    in_step(
        "closes_files", "rwwww", 45, ("end of its process",), "import os; os.closerange(0, 99)"
    ),
    in_step("huge_result", "rwwww", 45, ("too large",), "return (np.zeros(60_000_000),) * 6"),
    at_start("ignores_signals", "rrrrr", 100, (), IGNORING),
    at_start("leaves_a_process", "rrrrr", 100, (), STARTING),
    at_start("reads_input", UNABLE, 0, ("EOFError",), "input()\n"),
    at_start("import_missing", UNABLE, 0, ("ModuleNotFoundError",), "import no_such_module\n"),
]

FORBIDDEN = [
    at_start("imports", "ooooo", 0, ("npstack",), "import npstack\n"),
    at_start("imports_from", "ooooo", 0, ("npstack",), "from npstack.cells import lstm\n"),
    at_start(
        "imports_lib",
        "ooooo",
        0,
        ("npstack",),
        "from importlib import import_module as m\nm('np' 'stack')\n",
    ),
    in_step("imports_in_step", "roooo", 20, ("npstack",), "__import__('nps' + 'tack')"),
    of_lstm(
        "imports_in_stack",
        "rrrro",
        86,
        ("line",),
        ("    dweights = []\n", "    import npstack\n    dweights = []\n"),
    ),
]

ODD = [
    Submission("empty", "", "mtmmm", 0, ("no function step_forward",)),
    Submission(
        "syntax_error", LSTM.replace("hs = np.stack(", "hs = = np.stack(", 1), UNABLE, 0, ("line",)
    ),
    Submission(
        "not_utf8", LSTM.encode().replace(b"stage by stage", b"\xff\xfe"), UNABLE, 0, ("UTF-8",)
    ),
    Submission(
        "other_signature",
        LSTM.replace("c_before, Wx, Wh, b):", "c_before, weights):", 1),
        "wtwwt",
        0,
        ("TypeError",),
    ),
    returning("returns_none", "wtwwt", 0, ("got None",), "return"),
    returning("too_few", "wtwwt", 0, ("got 2 values",), "return h, cache"),
    returning(
        "lists", "wrwrt", 63, ("h must be an array",), "return h.tolist(), c.tolist(), cache"
    ),
    in_step("text", "rwwwt", 45, ("dx must be an array",), "return tuple('abcdef')"),
    in_step("generator", "rwwwt", 45, ("got a generator",), "return (x for x in range(6))"),
    in_step(
        "long_message",
        "rwttt",
        45,
        ("what is it?wha (line",),
        "raise ValueError('what is it?' * 10**5)",
    ),
    at_start("breaks_modules", "rrrrr", 100, (), BREAKING),
    in_step("writes_to_stdout", "rrrrr", 100, (), "import os; os.write(1, b'x' * 100)"),
    in_step("nan", "rwwww", 45, ("NaN",), "dh = dh * np.nan"),
    in_step("float32", "rwrrr", 70, ("float32",), "o = o.astype(np.float32)"),
    in_step("raises", "rwttt", 45, ("ValueError: what is",), "raise ValueError('what is c?')"),
    at_start("replaces_numpy", "wwrrr", 50, ("tanh",), "np.tanh = lambda a: a\n" + PATCHES),
    at_start("replaces_harmlessly", "rrrrr", 100, ("array_equal",), PATCHES),
    at_start(
        "raises_warnings", "rrrrr", 100, (), "import warnings\nwarnings.simplefilter('error')\n"
    ),
    Submission("gru_for_lstm", "# npstack exercise lstm\n" + GRU, "wttmm", 0, ()),
]

MISBEHAVING = [*ENDING, *FORBIDDEN, *ODD]
