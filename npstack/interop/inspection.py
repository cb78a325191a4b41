"""See inside the recurrent layers of a model: their parts, whether they agree, their pictures."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from npstack.analysis.directions import readings
from npstack.core.errors import ArgumentError, fail
from npstack.core.tape import Tape
from npstack.files.atomic import replacing
from npstack.interop.comparison import DRAWS, Agreement, agreement, inputs_for
from npstack.interop.imported import Imported
from npstack.interop.loading import bring_in, capture, open_model
from npstack.interop.opened import Opened
from npstack.interop.parts import RecurrentPart
from npstack.interop.recording import Recorded
from npstack.interop.refusals import drawn_input

LONGEST = 100  # characters of a part's name in those of its files


@dataclass(frozen=True)
class Inspected:
    """One recurrent layer of a model, seen from inside.

    Attributes
    ----------
    part : RecurrentPart
    imported : Imported
    tape : Tape
        Of the recorded input; of a drawn one, if nothing was recorded.
    recorded : Recorded or None
    agreement : Agreement or None
        Whether npstack computes what the framework computed.
    """

    part: RecurrentPart
    imported: Imported
    tape: Tape
    recorded: Recorded | None
    agreement: Agreement | None

    def __str__(self) -> str:
        said = [str(self.part), str(self.imported.report)]
        if self.agreement is None:
            said.append("No input of this layer was recorded: its pictures are of a drawn one.")
        else:
            judged = [row.explained for row in self.agreement.rows]
            if False in judged:
                said.append("The outputs do not agree with the model's own: it is not rounding.")
            elif None in judged:
                said.append("Whether the outputs agree with the model's own cannot be resolved.")
            else:
                said.append("The outputs agree with the model's own: explained by rounding.")
            said.append(str(self.agreement))
        return "\n".join(said)

    def pictures(self, *, row: int = 0) -> dict[str, Any]:
        """Every picture of this layer.

        Parameters
        ----------
        row : int
            Which row of the batch.

        Returns
        -------
        dict of matplotlib.figure.Figure
            By a name for its file: activations, the gates of each layer, saturation.
        """
        from npstack import plots

        name = self.part.name or "the model"
        drawn = "" if self.recorded is not None else " (a drawn input)"
        found = {
            "activations": _titled(plots.activations(self.tape, row=row), f"{name}{drawn}"),
        }
        for own in readings(self.tape):
            if own.tape.gates:
                title = f"{name}, {own.name}{drawn}"
                axis = "step as read, from the end" if own.turned else "time step"
                picture = plots.gates(own.tape, row=row, title=title, time_label=axis)
                found[f"gates-{own.name}"] = picture
        if any(layer.gates for layer in self.tape.layers):
            found["saturation"] = _titled(plots.saturation(self.tape), f"{name}{drawn}")
        stem = (_stem(self.part.name) or "model")[:LONGEST]
        return {f"{stem}-{_stem(kind)}": own for kind, own in found.items()}

    def draw(self, folder: str | Path, *, row: int = 0, overwrite: bool = False) -> list[Path]:
        """Draw every picture of this layer into a folder.

        Parameters
        ----------
        folder : str or Path
            Made if it is not there.
        row : int
            Which row of the batch.
        overwrite : bool
            Replace files of these names.

        Returns
        -------
        list of Path
            The files.

        Raises
        ------
        ArgumentError
            A file of such a name is there.
        """
        target = Path(folder)
        pictures = {target / f"{name}.png": own for name, own in self.pictures(row=row).items()}
        there = [path for path in pictures if path.exists() and not overwrite]
        if there:
            expected = "the folder must not hold pictures of these names"
            advice = "Choose another, or overwrite=True."
            fail(ArgumentError, "draw", expected, repr(str(there[0])), advice)
        target.mkdir(parents=True, exist_ok=True)
        for path, picture in pictures.items():
            with replacing(path) as file:
                picture.savefig(file, format="png")
        return list(pictures)


def _titled(picture: Any, title: str) -> Any:
    """A picture with a title over all panels."""
    from npstack.plots.frame import TITLE, WIDE, lines

    picture.suptitle(lines(title, WIDE), fontsize=TITLE)
    return picture


def _stem(text: str) -> str:
    """Letters, digits and dashes, for the name of a file."""
    return "-".join(re.findall(r"[\w.]+", text))


def inspect(
    model: Any,
    feed: Any = None,
    *,
    part: str | None = None,
    draws: int = DRAWS,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Inspected, ...]:
    """Bring in the recurrent layers of a model, and hold each against the model's own outputs.

    Parameters
    ----------
    model
        As for `recurrent_parts`.
    feed
        An input of the whole model, as for `capture`. Without it, and where the model does not
        call a layer, the layer gets a drawn input.
    part : str, optional
        Only this part.
    draws, progress
        Of `agreement`.

    Returns
    -------
    tuple of Inspected
        Of every part that can be brought in.

    Raises
    ------
    ArgumentError
        There is no part of this name.
    DtypeError
        There is a feed, and the model cannot be run here: a file or a dictionary of arrays, or a
        module of Flax.

    Examples
    --------
    >>> import numpy as np
    >>> arrays = {"lstm.weight_ih_l0": np.ones((8, 3)), "lstm.weight_hh_l0": np.ones((8, 2))}
    >>> (found,) = inspect(arrays)
    >>> found.tape.layers[0].gates.forget.shape
    (4, 20, 2)
    """
    opened = open_model("inspect", model)
    chosen = opened.parts if part is None else (opened.part("inspect", part),)
    return inspect_parts(model, opened, chosen, feed, draws=draws, progress=progress)


def inspect_parts(
    model: Any,
    opened: Opened,
    chosen: Sequence[RecurrentPart],
    feed: Any = None,
    *,
    draws: int = DRAWS,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Inspected, ...]:
    """Inspect some parts of a model that is open."""
    taken = [part for part in chosen if not part.refused]
    if not taken:  # the error says why
        opened.part("inspect", chosen[0].name if chosen else None)
    recorded = {} if feed is None else capture(model, feed)
    found = []
    for part in taken:
        imported = bring_in(model, opened, part)
        record = recorded.get(part.name)
        if record is None:
            tape = imported.layer.forward(drawn_input(imported.layer))
            found.append(Inspected(part, imported, tape, None, None))
            continue
        x, initial = inputs_for(imported.layer, record)
        tape = imported.layer.forward(x, initial, lengths=record.lengths)
        judged = agreement(imported.layer, record, draws=draws, progress=progress)
        found.append(Inspected(part, imported, tape, record, judged))
    return tuple(found)
