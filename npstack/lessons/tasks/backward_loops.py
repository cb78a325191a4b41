"""Notebook 3, its second half: back through time, and through a stack."""

from __future__ import annotations

from npstack.lessons.checking import Task
from npstack.lessons.tasks.course import (
    CALL,
    LOOP_RESULTS,
    PACKED,
    draw_sequence,
    draw_stack,
    sequence_with,
    stack_with,
)

ROWS, STEPS = 8, 20

ADDED = (
    ("dx, dh, dc, dWx_t,", "dx, dh, new, dWx_t,"),
    ("dxs.append(dx)", "dxs.append(dx)\n        dc = dc + new"),
)
FORWARD_IN_TIME = (
    ("for t in reversed(range(dhs.shape[1]))", "for t in range(dhs.shape[1])"),
    ("dxs[::-1]", "dxs"),
)
OF_ONE_STEP = (
    ("dWx = dWx + dWx_t", "dWx = dWx_t"),
    ("dWh = dWh + dWh_t", "dWh = dWh_t"),
    ("db = db + db_t", "db = db_t"),
)
KEPT_APART = (
    ("dhs, dh0, dc0, dWx, dWh, db = seq", "dx, dh0, dc0, dWx, dWh, db = seq"),
    ("    dx = dhs\n", ""),
)
ONLY_LAST = (
    "dweights = [dWx",
    "dhs = dhs * (np.arange(dhs.shape[1]) == dhs.shape[1] - 1)[:, np.newaxis]\n"
    "        dweights = [dWx",
)

TASKS = (
    Task(
        "3.7",
        "how many products each number of dW is the sum of, for 8 sequences of 20 steps",
        lambda: ROWS * STEPS,
        {
            "This is the sum over the steps of one sequence.": lambda: STEPS,
            "This is the sum over the rows in one step.": lambda: ROWS,
            "W is the same in all rows and at all steps: each use adds something.": lambda: 1,
            "Steps and rows are not added: every row takes every step.": lambda: ROWS + STEPS,
        },
        "How often is an entry of W used, if the layer reads the whole batch?",
    ),
    Task(
        "3.8",
        "a function sequence_backward(dhs, caches, step_backward) that returns dx, dh0, dc0, dW, "
        "dU, db",
        sequence_with(),
        {
            "h is read by the next step, too: what comes from there is lost.": sequence_with(
                (CALL, "step_backward(dhs[:, t], dc, caches[t])")
            ),
            "The gradient of c from the next step is lost.": sequence_with(
                (CALL, "step_backward(dh + dhs[:, t], 0, caches[t])")
            ),
            "Only the last step gets its gradient from the loss: every h has one in dhs.": (
                sequence_with(
                    (
                        CALL,
                        "step_backward(dh + dhs[:, t] * (t == dhs.shape[1] - 1), dc, caches[t])",
                    ),
                )
            ),
            "dW, dU and db are those of one step: all steps share the parameters.": sequence_with(
                *OF_ONE_STEP
            ),
            "dx is in the wrong order: the loop makes the last step first.": sequence_with(
                ("dxs[::-1]", "dxs")
            ),
            "dx is stacked along axis 0, (T, B, D): time must be axis 1.": sequence_with(
                ("dx = np.stack(dxs[::-1], axis=1)", "dx = np.stack(dxs[::-1], axis=0)")
            ),
            "The loop begins with the first step; what comes back begins with the last one.": (
                sequence_with(*FORWARD_IN_TIME)
            ),
            "The new gradient of c replaces the old one, it is not added to it.": sequence_with(
                *ADDED
            ),
        },
        "Take T = 1, then T = 2: what does step 0 get from step 1?",
        draw_sequence,
        LOOP_RESULTS,
        packed=PACKED,
        simpler=("With T = 1", lambda dhs, caches, step: (dhs[:, :1], caches[:1], step)),
    ),
    Task(
        "3.9",
        "at how many of 6 steps layer 0 of a stack of two gets a gradient from layer 1, if the "
        "loss reads the last h of layer 1 only",
        lambda: 6,
        {
            "That many steps of layer 1 get a gradient from the loss. Do the others have a path to "
            "it?": lambda: 1,
            "The last step reads layer 0, too.": lambda: 5,
            "Layer 1 reads layer 0: its dx is not zero.": lambda: 0,
        },
        "At which steps does layer 1 read layer 0, and which of its own steps have a path to "
        "the loss?",
    ),
    Task(
        "3.10",
        "a function stack_backward(dhs, caches, sequence_backward) that returns dx, then dW, dU, "
        "db of each layer, those of layer 0 first",
        stack_with(),
        {
            "Layer 0 gets the gradient that the loss gives to the top layer; what does the top "
            "layer pass down?": stack_with(*KEPT_APART),
            "The gradients of the top layer are first; those of layer 0 should be.": stack_with(
                ("[dWx, dWh, db, *dweights]", "[*dweights, dWx, dWh, db]")
            ),
            "Layer 0 gets a gradient at its last step only; the layer above reads every step.": (
                stack_with(ONLY_LAST)
            ),
            "It begins with layer 0. The gradient comes from the top.": stack_with(
                ("in reversed(caches)", "in caches")
            ),
        },
        "Go from the top layer down. What one layer returns for x is what the layer below gets.",
        draw_stack,
        (
            *("dx", "dW of layer 0", "dU of layer 0", "db of layer 0"),
            *("dW of layer 1", "dU of layer 1", "db of layer 1"),
        ),
        packed=tuple(f"{name} of layer {k}" for k in (0, 1) for name in PACKED),
        simpler=("With one layer alone", lambda dhs, caches, back: (dhs, caches[-1:], back)),
    ),
)
