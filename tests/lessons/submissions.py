"""Answers to exercises, right and wrong, each with the grade that it deserves."""

from __future__ import annotations

from typing import NamedTuple

from npstack.lessons.bugs import bug
from npstack.lessons.exercises import exercise
from npstack.lessons.solutions import parts_of, solution, solved, with_holes

VERDICTS = {
    "r": "right",
    "w": "wrong",
    "m": "not written yet",
    "t": "cannot be tried yet",
    "o": "does not count",
}


class Submission(NamedTuple):
    """A file, and what the grader must find.

    Attributes
    ----------
    name : str
    text : str or bytes
    verdicts : str
        A letter of `VERDICTS` for each stage.
    points : int
    said : tuple of str
        Words that the printed grade must have.
    """

    name: str
    text: str | bytes
    verdicts: str
    points: int
    said: tuple[str, ...] = ()


LSTM, GRU = solution("lstm"), solution("gru")


def edited(text: str, *edits: tuple[str, str]) -> str:
    """A text in which expressions that occur once are exchanged for others."""
    for old, new in edits:
        assert text.count(old) == 1, (old, text.count(old))
        text = text.replace(old, new)
    return text


def of_lstm(
    name: str, verdicts: str, points: int, said: tuple[str, ...], *edits: tuple[str, str]
) -> Submission:
    """The right LSTM with edits."""
    return Submission(name, edited(LSTM, *edits), verdicts, points, said)


def of_gru(
    name: str, verdicts: str, points: int, said: tuple[str, ...], *edits: tuple[str, str]
) -> Submission:
    """The right GRU with edits."""
    return Submission(name, edited(GRU, *edits), verdicts, points, said)


def without(stage: int) -> str:
    """The LSTM without one stage."""
    first, *parts = parts_of("lstm")
    made = [with_holes(part) if k == stage else solved(part) for k, part in enumerate(parts)]
    return first + "".join(made)


def headed(text: str, answer: str) -> str:
    """An answer with the head of an exercise."""
    return "\n".join([*text.splitlines()[:2], answer])


def part(text: str, function: str) -> tuple[str, str]:
    """What comes before a function, and the rest."""
    before, mark, after = text.partition(f"def {function}(")
    return before, mark + after


def within(function: str, old: str, new: str, text: str = LSTM) -> str:
    """The first place of an expression in a function, and after it, exchanged for another."""
    before, after = part(text, function)
    assert old in after, (function, old)
    return before + after.replace(old, new, 1)


DO = "    do = dh * tanh_c"
INLINED = edited(
    LSTM,
    (
        "        h, c, cache = step_forward(x[:, t], h, c, Wx, Wh, b)\n",
        "        before = x[:, t], h, c\n"
        "        i, f, g, o = np.split(before[0] @ Wx + h @ Wh + b, 4, axis=1)\n"
        "        i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)\n"
        "        c = f * c + i * g\n"
        "        h = o * np.tanh(c)\n"
        "        cache = *before, i, f, g, o, c, h, Wx, Wh\n",
    ),
)
BUG = bug(3)
FOUND = solution(BUG.course)

RIGHT = [
    Submission("right", LSTM, "rrrrr", 100),
    Submission("right_gru", GRU, "rrr", 100),
    Submission("right_with_head", headed(exercise("lstm"), LSTM), "rrrrr", 100),
    Submission("right_stage", headed(exercise("lstm", stage="masks"), LSTM), "r", 16),
    Submission("right_inlined", INLINED, "rrrrr", 100),
    of_lstm("right_list", "rrrrr", 100, (), ("return dx, *dweights", "return [dx, *dweights]")),
    of_lstm("right_prints", "rrrrr", 100, (), (DO, f"    print(dh.shape)\n{DO}")),
    of_lstm("right_in_place", "rrrrr", 100, (), (DO, f"    dh += 0\n    dc_next += 0\n{DO}")),
    Submission("bug_found", headed(exercise("bug", seed=3), FOUND), "r", 100),
    Submission("bug_as_it_was", exercise("bug", seed=3), "w", 0, (f"Hint: {BUG.mistake.hint}",)),
    Submission("holes", exercise("lstm"), "mtmmm", 0, ("needs the cache",)),
    Submission("holes_gru", exercise("gru"), "mtm", 0),
    Submission("hole_backward", without(1), "rmttt", 45, ("needs step_backward",)),
    Submission("hole_masks", without(3), "rrrmr", 84),
]

FORWARD = [
    of_lstm(
        "no_tanh_of_c", "wrrrr", 90, ("equation (6)",), ("h = o * np.tanh(c)  ", "h = o * c  ")
    ),
    of_lstm(
        "tanh_gate", "wrrrr", 80, ("equation (1)",), ("i = sigmoid(a_i)  #", "i = np.tanh(a_i)  #")
    ),
    of_lstm("no_bias", "wrrrr", 80, ("the sum a",), (" @ Wh + b\n    a_i", " @ Wh\n    a_i")),
    of_lstm("other_order", "wwrrr", 50, (), ("a_i, a_f, a_g, a_o = ", "a_i, a_f, a_o, a_g = ")),
    of_lstm(
        "old_cell_lost",
        "wrrrr",
        80,
        ("equation (5)",),
        ("c = f * c_before + i * g  ", "c = i * g  "),
    ),
    of_gru(
        "z_exchanged",
        "wrr",
        75,
        ("equation (5)",),
        ("h = z * h_before + (1 - z) * n  ", "h = (1 - z) * h_before + z * n  "),
    ),
]

BACKWARD = [
    of_lstm(
        "carry_of_c",
        "rwrrr",
        70,
        ("equation (6), backward",),
        ("dc = dc_next + dh * o", "dc = dh * o"),
    ),
    of_lstm(
        "second_path_of_c",
        "rwrrr",
        70,
        ("equation (6), backward",),
        ("dc = dc_next + dh * o * tanh_derivative(tanh_c)", "dc = dc_next"),
    ),
    of_lstm(
        "new_cell_for_old",
        "rwrrr",
        75,
        ("equation (5), backward", "(gate f)"),
        ("df = dc * c_before", "df = dc * c"),
    ),
    of_lstm(
        "slope_at_sum",
        "rwrrr",
        75,
        ("equation (3), backward",),
        ("dg * tanh_derivative(g)", "dg * (1 - g)"),
    ),
    of_lstm(
        "new_h_for_old", "rwrrr", 95, ("the sum a, backward",), ("dWh = h_before.T", "dWh = h.T")
    ),
    of_lstm(
        "bias_averaged",
        "rwrrr",
        95,
        ("the sum a, backward",),
        ("db = da.sum(axis=0)", "db = da.mean(axis=0)"),
    ),
    of_lstm("no_transpose", "rwwww", 89, ("(D, 4H)",), ("dWx = x.T @ da", "dWx = (x.T @ da).T")),
    of_lstm(
        "one_path_of_dh",
        "rwrrr",
        95,
        (),
        ("    dh_before = da @ Wh.T", "    dh_before = 0 * da @ Wh.T"),
    ),
    of_gru(
        "z_for_1_minus_z",
        "rwr",
        60,
        ("equation (5), backward",),
        ("dn = dh * (1 - z)", "dn = dh * z"),
    ),
    of_gru(
        "reset_left_out", "rwr", 80, ("equation (4), backward",), ("dq = da_n * r", "dq = da_n")
    ),
    of_gru(
        "direct_path_lost",
        "rwr",
        93,
        ("equation (5), backward",),
        ("dh_before = dh_before + from_h", "dh_before = from_h"),
    ),
]

TIME = [
    of_lstm(
        "dh_not_carried",
        "rrwrr",
        90,
        ("from T = 2 on",),
        ("step_backward(dh + dhs[:, t], dc,", "step_backward(dhs[:, t], dc,"),
    ),
    of_lstm(
        "dc_not_carried",
        "rrwrr",
        90,
        ("from T = 2 on",),
        ("dhs[:, t], dc, caches[t])", "dhs[:, t], 0 * dc, caches[t])"),
    ),
    of_lstm(
        "first_state_ignored",
        "rrwrr",
        80,
        ("T = 1",),
        (
            """hs, caches = [], []
    for t in range(x.shape[1]):
        h, c, cache""",
            """hs, caches = [], []
    h, c = 0 * h0, 0 * c0
    for t in range(x.shape[1]):
        h, c, cache""",
        ),
    ),
    Submission(
        "overwritten",
        within("sequence_backward", "dWx = dWx + dWx_t", "dWx = dWx_t"),
        "rrwrr",
        98,
        ("from T = 2 on",),
    ),
    Submission(
        "dx_reversed",
        within("sequence_backward", "dxs[::-1]", "dxs"),
        "rrwrr",
        98,
        ("from T = 2 on",),
    ),
    of_gru(
        "gru_not_carried",
        "rrw",
        82,
        (),
        ("step_backward(dh + dhs[:, t], caches", "step_backward(dhs[:, t], caches"),
    ),
]

MASKS = [
    of_lstm(
        "dh_not_held",
        "rrrwr",
        92,
        ("between valid ones",),
        ("dh = np.where(valid, dh_before, dh)", "dh = dh_before"),
    ),
    of_lstm("h_not_held", "rrrwr", 84, (), ("h = np.where(valid, new_h, h)", "h = new_h")),
    of_lstm(
        "hs_not_zero",
        "rrrwr",
        92,
        ("padding at the end",),
        ("hs.append(np.where(valid, h, 0))", "hs.append(h)"),
    ),
    of_lstm(
        "multiplied",
        "rrrwr",
        94,
        ("NaN", "0 * NaN"),
        ("x = np.where(mask[:, :, np.newaxis], x, 0)", "x = x * mask[:, :, np.newaxis]"),
    ),
    of_lstm(
        "padding_counted",
        "rrrwr",
        96,
        (),
        ("np.where(valid, dh, 0), np.where(valid, dc, 0)", "dh, dc"),
    ),
]

STACK = [
    of_lstm(
        "order_of_layers",
        "rrrrw",
        94,
        ("layers of",),
        ("[dWx, dWh, db, *dweights]", "[*dweights, dWx, dWh, db]"),
    ),
    of_lstm(
        "one_size",
        "rrrrw",
        86,
        ("ValueError",),
        (
            "zeros = np.zeros((len(x), len(Wh)), x.dtype)",
            "zeros = np.zeros((len(x), len(weights[1])), x.dtype)",
        ),
    ),
    of_lstm(
        "last_step_only",
        "rrrrw",
        86,
        (),
        (
            "        caches.append(cache)\n    hs = x",
            "        x = 0 * x + x[:, -1:]\n        caches.append(cache)\n    hs = x",
        ),
    ),
]

ANSWERS = [*RIGHT, *FORWARD, *BACKWARD, *TIME, *MASKS, *STACK]
