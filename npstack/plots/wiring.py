"""One step of one unit of an LSTM: its wires, with the numbers of this step on them."""

from __future__ import annotations

from npstack.core.arguments import check_whole
from npstack.core.params import GATE_LETTERS
from npstack.core.tape import LSTMState, RecurrentTape
from npstack.plots.frame import Picture, look, row_of_batch
from npstack.plots.given import text
from npstack.plots.sheet import BACKWARD, FORWARD, QUIET, WIDTH, Sheet, listed
from npstack.plots.wire_numbers import (
    Wires,
    check_gradients_of_states,
    check_place,
    lstm_tape,
    wires,
)

# Where things are, in points at a width of 80 mm; upwards in the order of the equations.
H_BUS, X_BUS, BOX, FUNCTION, PRODUCT, SPINE = 3.0, 8.0, (12.0, 61.0), 70.5, 125.0, 177.5
RIGHT, BESIDE, LEFT_OF = WIDTH - 1, SPINE + 6, SPINE - 6
ROWS = {"f": 82.0, "i": 134.0, "g": 186.0, "o": 260.0}
NAMES = {letter: gate for gate, letter in GATE_LETTERS.items()}
NUMBERS = {"i": "(1)", "f": "(2)", "g": "(3)", "o": "(4)"}
X_ROW, H_ROW, C_ROW, SUM, BRANCH, TANH, TOP = 8.0, 20.0, 42.0, 160.0, 190.0, 217.0, 288.0
TITLE = 336.0
HALF = 9.0  # of the width of a function
LABEL = FUNCTION + 11
LINE = 9.0  # from one line of text to the next


def cell_step(
    tape: RecurrentTape,
    step: int,
    *,
    row: int = 0,
    unit: int = 0,
    dstates: LSTMState | None = None,
    title: str = "",
) -> Picture:
    """One step of an LSTM as a wiring diagram, with this step's number on every wire.

    Read it along the arrows: the input x and the hidden state h' of the step before enter the sum
    of each gate at the left, the cell state runs up at the right, and h leaves on top. The numbers
    of the operations are those of the six equations in ``npstack/cells/lstm.py``. A prime means
    "of the step before".

    With ``dstates``, each wire also carries its gradient, in another colour and in italics: read
    these against the arrows. They are the variables of the cell's own ``step_backward``. ``da_f``
    is the gradient of ``a_f``, and so on; c is reached by two paths, through h and from the next
    step, and both are shown.

    Parameters
    ----------
    tape : RecurrentTape
        Of one LSTM layer: ``tape.layers[k]`` of a stack.
    step : int
        The time step, in the order in which the layer reads; not a masked one.
    row, unit : int
        The row of the batch, and the unit of the layer.
    dstates : LSTMState of (B, T, H), optional
        From ``npstack.analysis.state_gradients(model, tape, doutputs)[k]``, for the same layer.
    title : str
        Over the picture, such as ``"layer 0"``; the step and the unit are added.

    Returns
    -------
    matplotlib.figure.Figure
        Made for a width of 80 mm: its smallest letters are 7 points high at this width.

    Raises
    ------
    TapeError
        Not the tape of one plain LSTM layer.
    ArgumentError, ShapeError, DtypeError
        No such step, row or unit; a masked step; gradients that are not of this layer.
    NonFiniteError
        NaN or infinity in this step.

    Examples
    --------
    >>> import numpy as np
    >>> from npstack import LSTM, analysis
    >>> layer = LSTM(1, 1, rng=np.random.default_rng(0))
    >>> tape = layer.forward(np.ones((1, 2, 1)))
    >>> (dstates,) = analysis.state_gradients(layer, tape, np.ones((1, 2, 1)))
    >>> words = [text.get_text() for text in cell_step(tape, 1, dstates=dstates).axes[0].texts]
    >>> [word for word in words if word.startswith(("c ", "dc ", "h ", "dh "))]
    ['c −0.893', 'dc 0.0725', 'h −0.105', 'dh 1.000']
    """
    where = "plots.cell_step"
    tape = lstm_tape(where, tape)
    step, row = check_place(where, tape, step, row)
    most = tape.states.h.shape[-1] - 1
    unit = check_whole(where, "unit", unit, "unit=0 is the first.", most=most)
    given = None if dstates is None else check_gradients_of_states(where, dstates, tape)
    title = text(where, "title", title)
    found = wires(where, tape, step, row, given)
    drawing = _Drawing(found, unit)
    drawing.inputs()
    for letter in ROWS:
        drawing.gate(letter)
    drawing.cell_state()
    drawing.hidden_state()
    place = [title, f"step {step}", row_of_batch(row, len(tape.x)), f"unit {unit}"]
    drawing.heading(" · ".join(filter(None, place)))
    return drawing.sheet.picture


class _Drawing:
    """The parts of the diagram, each with its labels."""

    def __init__(self, found: Wires, unit: int) -> None:
        self.found, self.unit, self.sheet = found, unit, Sheet(TITLE + 10)

    def ahead(self, wire: str) -> str:
        return self.found.words(wire, self.unit)

    def back(self, wire: str) -> str:
        return self.found.words(wire, self.unit, back=True)

    def labels(self, x: float, y: float, wire: str, names: tuple[str, str], **style: str) -> None:
        """The forward number above ``y``, and the gradient below."""
        self.sheet.text((x, y + LINE / 2), f"{names[0]} {self.ahead(wire)}", **style)
        if self.found.backward:
            self.sheet.text(
                (x, y - LINE / 2), f"{names[1]} {self.back(wire)}".strip(), BACKWARD, **style
            )

    def inputs(self) -> None:
        """x from below, h' from the left, and the two lines to the gates."""
        sheet, top = self.sheet, ROWS["o"] + 18
        sheet.wire((X_BUS, 0), (X_BUS, top), arrow=False)
        sheet.wire((0, H_ROW), (H_BUS, H_ROW), (H_BUS, top - LINE), arrow=False)
        for y, name in ((X_ROW, "x"), (H_ROW, "h'")):
            shown_name = name.replace("'", "′")
            self.sheet.text((BOX[0], y), f"{shown_name} {self._vector(name, False)}")
            if self.found.backward:
                words = f"d{shown_name} {self._vector(name, True)}"
                alone = len(self.found.forward[name]) == 1
                at, side = (LABEL, "left") if alone else (RIGHT, "right")
                sheet.text((at, y), words, BACKWARD, ha=side)

    def _vector(self, name: str, backward: bool) -> str:
        """A few numbers; of many hidden states that of this unit, and how many there are."""
        values = (self.found.backward if backward else self.found.forward).get(name)
        if values is None:
            return "?"
        if len(values) > 3 and name == "h'":
            return f"{self.found.words(name, self.unit, back=backward)}, one of {len(values)}"
        return listed(values.tolist())

    def gate(self, letter: str) -> None:
        """The sum of a gate in a box, its function, and the wire to the product."""
        sheet, y = self.sheet, ROWS[letter]
        lines = 5 if self.found.backward else 4
        ends = BOX[0] + 2, BOX[1] - 2
        colour = look(NAMES[letter]).colour
        sheet.box((BOX[0], y + 22 - LINE * lines - 2), BOX[1] - BOX[0], LINE * lines + 3, colour)
        for line, (name, wire) in enumerate((("x W", "xW"), ("h′U", "hU"), ("b", "b"))):
            at = y + 18 - LINE * line
            sheet.row(ends, at, name, self.ahead(f"{wire}_{letter}"))
            bus = (X_BUS, H_BUS)[line] if line < 2 else None
            if bus is not None:
                sheet.wire((bus, at), (BOX[0], at))
                if letter != "o":
                    sheet.dot((bus, at))
        sheet.wire((BOX[0], y - 4.5), (BOX[1], y - 4.5), arrow=False, colour=QUIET, thick=0.4)
        sheet.row(ends, y - 9, f"$a_{letter}$", self.ahead(f"a_{letter}"))
        if self.found.backward:
            sheet.row(ends, y - 18, f"d$a_{letter}$", self.back(f"a_{letter}"), BACKWARD)
        at = y - 9
        sheet.wire((BOX[1], at), (FUNCTION - HALF, at), arrow=False)
        sheet.operation((FUNCTION, at), "tanh" if letter == "g" else " σ ", colour)
        sheet.text((FUNCTION, at + 11), NUMBERS[letter], QUIET, ha="center")
        self.labels(LABEL, at, letter, (letter, f"d{letter}"))
        out = FUNCTION + HALF
        if letter in "fo":
            sheet.wire((out, at), (SPINE - 5.5, at))
        else:
            end = SUM - 9 + (5.5 if letter == "g" else -5.5)
            sheet.wire((out, at), (PRODUCT, at), (PRODUCT, end))

    def cell_state(self) -> None:
        """From c' past the forget gate and the sum (5) to c, and on to the next step."""
        sheet = self.sheet
        keep, add = ROWS["f"] - 9, SUM - 9
        sheet.text((FUNCTION + 8, C_ROW), "step before", QUIET, ha="right")
        sheet.wire((FUNCTION + HALF, C_ROW), (SPINE, C_ROW), (SPINE, keep - 5.5))
        self.labels(LABEL, C_ROW, "c'", ("c′", "dc′"))
        sheet.operation((SPINE, keep), "×")
        sheet.wire((SPINE, keep + 5.5), (SPINE, add - 5.5))
        self.labels(BESIDE, (keep + add) / 2, "kept", ("f c′", ""))
        sheet.operation((PRODUCT, add), "×")
        sheet.wire((PRODUCT + 5.5, add), (SPINE - 5.5, add))
        self.labels((PRODUCT + SPINE) / 2, add, "written", ("i g", ""), ha="center")
        sheet.operation((SPINE, add), "+")
        sheet.text((BESIDE + 2, add), "(5)", QUIET)
        sheet.wire((SPINE, add + 5.5), (SPINE, TANH - 5.5))
        self.labels(BESIDE, (add + BRANCH) / 2 + 2, "c", ("c", "dc"))
        sheet.dot((SPINE, BRANCH))
        sheet.wire((SPINE, BRANCH), (RIGHT, BRANCH))
        if self.found.backward:
            sheet.text((BESIDE, BRANCH + 15), "from t + 1", BACKWARD)
            sheet.text((BESIDE, BRANCH + 6), self.back("later"), BACKWARD)
            sheet.text((LEFT_OF, BRANCH + 15), "through h", BACKWARD, ha="right")
            sheet.text((LEFT_OF, BRANCH + 6), self.back("through_h"), BACKWARD, ha="right")

    def hidden_state(self) -> None:
        """From c through tanh and the output gate (6) to h, and on."""
        sheet, show = self.sheet, ROWS["o"] - 9
        sheet.operation((SPINE, TANH), "tanh")
        sheet.wire((SPINE, TANH + 5.5), (SPINE, show - 5.5))
        self.labels(SPINE - 4, (TANH + show) / 2, "tanh_c", ("tanh c", ""), ha="right")
        sheet.operation((SPINE, show), "×")
        sheet.text((BESIDE + 2, show), "(6)", QUIET)
        sheet.wire((SPINE, show + 5.5), (SPINE, TOP + 18))
        self.labels(BESIDE, (show + TOP) / 2 + 3, "h", ("h", "dh"))
        sheet.dot((SPINE, TOP))
        sheet.wire((SPINE, TOP), (RIGHT, TOP))
        sheet.text((RIGHT, TOP + 6), "next step", QUIET, ha="right")
        sheet.text((LEFT_OF, TOP + 13), "layer above, or output", QUIET, ha="right")

    def heading(self, words: str) -> None:
        """What it is, and which colour means what."""
        self.sheet.text((2, TITLE), words, weight="bold")
        self.sheet.text((2, TITLE - LINE - 2), "forward: black, along the arrows", FORWARD)
        if self.found.backward:
            words = "gradients of the loss: red italics, against the arrows"
            self.sheet.text((2, TITLE - 2 * LINE - 4), words, BACKWARD)
