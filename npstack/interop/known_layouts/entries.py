"""What the tables of layouts share: orders of gates by letters, and lists of entries."""

from __future__ import annotations

from npstack.interop.layout import LETTERS, Entry


def lstm(order: str) -> tuple[str, ...]:
    """The gates of an LSTM by their letters."""
    return tuple(LETTERS["lstm"][letter] for letter in order)


def gru(order: str) -> tuple[str, ...]:
    """The gates of a GRU by their letters."""
    return tuple(LETTERS["gru"][letter] for letter in order)


HIDDEN = ("hidden",)
IFGO, IOFG, IGFO, IFOG, FIGO = map(lstm, ("ifgo", "iofg", "igfo", "ifog", "figo"))
RZN, ZRN = map(gru, ("rzn", "zrn"))
ORDER = {"order": "§2.1", "kernels": "§2.3", "biases": "§2.4", "activations": "§5.4"}
GRU_ORDER = ORDER | {"order": "§2.2", "biases": "§2.5"}
SIGMOIDS = ("input", "forget", "output")
TWO_OF_GRU = (("reset", "update"),)
TWO_OF_LSTM = SIGMOIDS, ("candidate", "cell")  # one for gates, one for the rest
THREE_OF_LSTM = (SIGMOIDS,)  # one for gates, one for the candidate, one for the cell
MERGES = ("concat", "sum", "mul", "ave", "none")
AFTER, BEFORE = ("after",), ("before",)
BACKWARDS = frozenset({"backwards"})
TANH_OR_RELU = frozenset({"tanh", "relu"})


def four(names: str, gates: tuple[str, ...], turned: bool, *more: Entry) -> tuple[Entry, ...]:
    """Input kernel, recurrent kernel, and two biases that a layer may lack."""
    W, U, b, b_recurrent = names.split()
    return (
        Entry(W, "W", gates, turned),
        Entry(U, "U", gates, turned),
        Entry(b, "b", gates, optional="bias"),
        Entry(b_recurrent, "b_recurrent", gates, optional="bias"),
        *more,
    )


def three(names: str, gates: tuple[str, ...], turned: bool, *more: Entry) -> tuple[Entry, ...]:
    """Input kernel, recurrent kernel, one bias."""
    W, U, b = names.split()
    kernels = Entry(W, "W", gates, turned), Entry(U, "U", gates, turned)
    return *kernels, Entry(b, "b", gates, optional="bias"), *more


def per_gate(gates: dict[str, str], *forms: tuple[str, str, bool, str]) -> tuple[Entry, ...]:
    """An array for each gate; a form is a template, a role, turned, optional."""
    return tuple(
        Entry(template.replace("{gate}", own), role, (gate,), turned, optional)
        for template, role, turned, optional in forms
        for gate, own in gates.items()
    )
