"""Notebook 4: find the bug. Two exercises for each bug: name the equation, repair the function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from npstack.cells.lstm import LSTMCell
from npstack.core.numerics import Array
from npstack.core.params import LSTMGates
from npstack.core.tape import LSTMState
from npstack.lessons.checking import Task
from npstack.lessons.tasks.course import (
    CALL,
    LOOP_RESULTS,
    PACKED,
    STEP_RESULTS,
    Function,
    draw_sequence,
    draw_step,
    sequence_with,
    step_with,
)

AS_IT_WAS = "This is the function as it was: its numbers have not changed."


def find(number: str, bug: int, equation: int, others: Mapping[int, str], hint: str) -> Task:
    """The exercise that asks for the equation; the others come with what speaks against each."""
    mistakes: dict[str, Callable[[], int]] = {
        f"Not ({other}). {words}": partial(int, other) for other, words in others.items()
    }
    asks = f"the number of the equation that bug {bug} has wrong"
    return Task(number, asks, partial(int, equation), mistakes, hint)


def right_step(dh: Array, dc_next: Array, cache: tuple[Array, ...]) -> tuple[Array, ...]:
    """The backward of npstack's own cell."""
    x, h_before, c_before, i, f, g, o, c, h, W, U = cache
    dparams, dx, dstate = LSTMCell.step_backward(
        {"W": W, "U": U},
        x,
        LSTMState(h=h_before, c=c_before),
        LSTMGates(input=i, forget=f, candidate=g, output=o),
        LSTMState(h=h, c=c),
        LSTMState(h=dh, c=dc_next),
    )
    return dx, dstate.h, dstate.c, dparams["W"], dparams["U"], dparams["b"]


def repair(number: str, bug: int, mistakes: Mapping[str, Function], hint: str) -> Task:
    """The exercise that asks for the backward of a step, repaired."""
    asks = f"the function backward_{bug}(dh, dc_next, cache), repaired"
    return Task(number, asks, right_step, mistakes, hint, draw_step, STEP_RESULTS, packed=PACKED)


def repair_loop(number: str, bug: int, mistakes: Mapping[str, Function], hint: str) -> Task:
    """The exercise that asks for the backward of a sequence, repaired."""
    asks = f"the function backward_{bug}(dhs, caches, step_backward), repaired"
    right: Any = sequence_with()
    return Task(number, asks, right, mistakes, hint, draw_sequence, LOOP_RESULTS, packed=PACKED)


def lines(old: str) -> Callable[[str], Function]:
    """The backward of a step with one line written in another way."""
    return lambda new: step_with((old, new))


of_g = lines("da_g = dg * tanh_derivative(g)")
of_c = lines("dc = dc_next + dh * o * tanh_derivative(tanh_c)")
of_c_before = lines("dc_before = dc * f")
of_a = lines("da = np.concatenate([da_i, da_f, da_g, da_o], axis=1)")

LEFT = "dx, dh, dc, dWx_t, dWh_t, db_t ="
ADDED = "dxs.append(dx)"


def carrying(line: str) -> Function:
    """The backward of a sequence, with another line for what a step passes on."""
    taken = "dx, dh_t, dc_t, dWx_t, dWh_t, db_t ="
    return sequence_with((LEFT, taken), (ADDED, f"{ADDED}\n        {line}"))


TASKS = (
    find(
        "4.1",
        1,
        3,
        {
            5: "dg = dc i is right, you can compute it by hand. What is done with dg next?",
            6: "do and dc are in (6). If dc were wrong, i, f and c0 would be wrong, too.",
            0: "The sum serves all four gates in the same way; here, one gate is wrong.",
            1: "That is the input gate. Which gate is wrong in the table?",
            2: "That is the forget gate. Which gate is wrong in the table?",
            4: "That is the output gate. Which gate is wrong in the table?",
        },
        "One gate is wrong. Two equations have a line for this gate alone.",
    ),
    repair(
        "4.2",
        1,
        {
            AS_IT_WAS: of_g("da_g = dg * sigmoid_derivative(g)"),
            "The slope of tanh has the square of its value.": of_g("da_g = dg * (1 - g)"),
            "g is the value of tanh already: do not take tanh of it again.": of_g(
                "da_g = dg * (1 - np.tanh(g) ** 2)"
            ),
            "Now the slope is missing.": of_g("da_g = dg"),
        },
        "Is g a sigmoid?",
    ),
    find(
        "4.3",
        2,
        6,
        {
            5: "All lines of (5) begin with dc, and all are wrong together. Is dc itself right?",
            8: "With a single step, no loop has run.",
            0: "With dh alone, dx, dW, dU and db are right: the sum has nothing to do with it.",
            7: "That is a line of the loop; the table is that of a single step.",
            2: "The forget gate is wrong, and so are other gates: what do they share?",
        },
        "With dh alone, everything is right. Where is the other gradient, dc_next, read?",
    ),
    repair(
        "4.4",
        2,
        {
            AS_IT_WAS: of_c("dc = dh * o * tanh_derivative(tanh_c)"),
            "Now the path through h is missing.": of_c("dc = dc_next"),
            "dc_next does not pass through the tanh: it is added at the end.": of_c(
                "dc = (dc_next + dh * o) * tanh_derivative(tanh_c)"
            ),
            "dc_next does not pass through the output gate: it is added at the end.": of_c(
                "dc = (dc_next + dh * tanh_derivative(tanh_c)) * o"
            ),
            "dc_next belongs to dc, not to the gradient of the output gate.": step_with(
                ("dc = dc_next + dh * o", "dc = dh * o"),
                ("do = dh * tanh_c", "do = dh * tanh_c + dc_next"),
            ),
        },
        "By how many paths does c reach the loss?",
    ),
    find(
        "4.5",
        3,
        5,
        {
            8: "dc0 is wrong with a single step, before any loop has passed it on.",
            6: "If dc were wrong, the gates i, f and g would be wrong at T = 1.",
            0: "At T = 1, everything that is computed from da is right.",
            2: "At T = 1, the forget gate is right in dW, dU and db.",
            7: "That is a line of the loop, and dc0 is wrong with a single step.",
        },
        "Which line makes dc', and which equation does it come from?",
    ),
    repair(
        "4.6",
        3,
        {
            AS_IT_WAS: of_c_before("dc_before = dc * i"),
            "A gate is missing: how much of c' is kept in c?": of_c_before("dc_before = dc"),
            "Only what came from the next step is passed on; dc has two parts.": of_c_before(
                "dc_before = dc_next * f"
            ),
            "The slope belongs to a_f; here the gate itself is the factor.": of_c_before(
                "dc_before = dc * f * (1 - f)"
            ),
            "c' is the factor of f. What is the factor of c'?": of_c_before(
                "dc_before = dc * c_before"
            ),
        },
        "c = f c' + i g: what is c' multiplied by?",
    ),
    find(
        "4.7",
        4,
        0,
        {
            1: "With H = 1 the slope of every gate is right. What is new at H = 2?",
            5: "(5) works entry by entry: it cannot be right for one unit and wrong for two.",
            6: "(6) works entry by entry: it cannot be right for one unit and wrong for two.",
            3: "With H = 1 the slope of every gate is right. What is new at H = 2?"
            " More than one gate is wrong.",
            8: "With a single step, no loop has run.",
        },
        "Which lines do not work entry by entry, and have several units in one array?",
    ),
    repair(
        "4.8",
        4,
        {
            AS_IT_WAS: of_a(
                "da = np.stack([da_i, da_f, da_g, da_o], axis=2).reshape(len(da_i), -1)"
            ),
            "The gates are whole blocks now, but in another order than in W, U and b.": of_a(
                "da = np.concatenate([da_i, da_f, da_o, da_g], axis=1)"
            ),
            "The gates are whole blocks now, but in reverse.": of_a(
                "da = np.concatenate([da_o, da_g, da_f, da_i], axis=1)"
            ),
            "These are all gates of one row after the other: rows and gates are mixed.": of_a(
                "da = np.concatenate([da_i, da_f, da_g, da_o], axis=0).reshape(len(da_i), -1)"
            ),
        },
        "All units of the input gate come first, then all of the forget gate, and so on.",
    ),
    find(
        "4.9",
        5,
        7,
        {
            9: "Then only dW, dU and db would be wrong: dx is not a sum over steps.",
            8: "What step 1 returns is kept in dh and dc. Is it also read?",
            0: "The step is right: at T = 1, all is.",
            5: "The step is right: at T = 1, all is.",
            6: "The step is right: at T = 1, all is.",
        },
        "At T = 2, step 1 is right and step 0 is wrong. What should step 0 get from step 1?",
    ),
    repair_loop(
        "4.10",
        5,
        {
            AS_IT_WAS: sequence_with((CALL, "step_backward(dhs[:, t], dc, caches[t])")),
            "Now what the loss gives to each h is lost.": sequence_with(
                (CALL, "step_backward(dh, dc, caches[t])")
            ),
            "Two paths add; here, one is subtracted.": sequence_with(
                (CALL, "step_backward(dhs[:, t] - dh, dc, caches[t])")
            ),
            "The gradient that the loss gives belongs to h of this step.": sequence_with(
                (CALL, "step_backward(dh + dhs[:, t - 1], dc, caches[t])")
            ),
            "dh of the next step counts twice.": sequence_with(
                (CALL, "step_backward(2 * dh + dhs[:, t], dc, caches[t])")
            ),
        },
        "h of a step is read by the loss and by the next step.",
    ),
    find(
        "4.11",
        6,
        8,
        {
            7: "Each step gets dh and dc as they are at this moment. Is dc what it should be then?",
            9: "Then dx would be right at every step.",
            5: "The step is right: at T = 1, all is.",
            6: "The step is right: at T = 1, all is.",
            0: "The step is right: at T = 1, all is.",
        },
        "At T = 2, only dc0 is wrong. Follow dc by hand: before step 1, after it, after step 0.",
    ),
    repair_loop(
        "4.12",
        6,
        {
            AS_IT_WAS: carrying("dh, dc = dh_t, dc + dc_t"),
            "Now dh is added up, too: both are replaced.": carrying(
                "dh, dc = dh + dh_t, dc + dc_t"
            ),
            "Now dh is added up in the place of dc: both are replaced.": carrying(
                "dh, dc = dh + dh_t, dc_t"
            ),
            "Now dc is not passed on at all.": carrying("dh = dh_t"),
            "dh and dc are exchanged.": carrying("dh, dc = dc_t, dh_t"),
        },
        "dc_t is already the whole gradient by c of the step before, as far as later steps go.",
    ),
)
