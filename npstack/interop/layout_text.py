"""A layout in words."""

from __future__ import annotations

from npstack.interop.layout import LETTERS, Column, Layout

KINDS = {"lstm": "An LSTM", "gru": "A GRU", "rnn": "An Elman network"}
COUNT = {"lstm": "4H", "gru": "3H", "rnn": "H"}
FORMS = {
    "after": "after the product (§3.7)",
    "before": "before the product (§3.8)",
}
ALSO = {
    "coupled": "coupled gates (§3.4)",
    "clip": "a clip of the pre-activations (§4.1)",
    "cell_clip": "a clip of the cell state (§4.2)",
    "projection_clip": "a clip of the projected state (§4.3)",
    "backwards": "one direction from the end (§8.1)",
}


def paragraph(layout: Layout) -> str:
    """What `print` shows of a layout.

    Examples
    --------
    >>> from npstack.interop.known_layouts import LAYOUTS
    >>> print(paragraph(LAYOUTS["dynet"]))
    dynet: VanillaLSTMBuilder of DyNet: parameters _0, _1, _2 of a layer.
    An LSTM has _0 (4H, D), _1 (4H, H), _2 (4H); its gates lie in the order i, f, o, g (§2.1);
    1 is added to the forget gate at run time (§2.6); it may be without its bias; its activations
    are fixed (§5.4).
    Known from its documentation or source: no test runs it.
    """
    said = [f"{layout.name}: {layout.what}."]
    said += [_column(kind, own) for kind in KINDS if (own := layout.column(kind))]
    if not layout.live:
        said.append("Known from its documentation or source: no test runs it.")
    return "\n".join(said)


def _column(kind: str, column: Column) -> str:
    """One kind of cell."""
    letters = {gate: letter for letter, gate in LETTERS[kind].items()}
    arrays: dict[str, str] = {}
    for name, entry in column.named(0, 0, 1):
        gates = len(entry.gates)
        count = COUNT[kind] if gates == len(letters) else "H" if gates == 1 else f"{gates}H"
        rows = {"W": "D", "U": "H", "WU": "D + H", "R": "H"}.get(entry.role)
        columns = "P" if entry.role == "R" else count
        if entry.role == "b_both":
            shape = f"(2, {count})" if entry.axis else f"({2 * gates}H)"
        elif rows is None:
            shape = f"({count})"
        else:
            shape = f"({columns}, {rows})" if entry.turned else f"({rows}, {columns})"
        arrays[name] = f"{arrays[name]} or {shape}" if name in arrays else f"{name} {shape}"
    said = [f"{KINDS[kind]} has {', '.join(arrays.values())}"]
    if column.stacked:
        said.append("each with an axis for the directions in front (§2.3)")
    orders = {entry.gates for entry in column.entries if len(entry.gates) > 1}
    for order in sorted(orders, key=len, reverse=True)[:1]:
        listed = ", ".join(letters[gate] for gate in order)
        said.append(f"its gates lie in the order {listed} ({column.clauses['order']})")
    if column.forget_bias:
        said.append(f"{column.forget_bias:g} is added to the forget gate at run time (§2.6)")
    if column.reset:
        said.append(f"it resets {' or '.join(FORMS[form] for form in column.reset)}")
    if not column.keeps:
        said.append("its update gate is the share that is replaced (§3.7)")
    if not column.inner_bias:
        said.append("it has no bias inside the reset product (§2.5)")
    without = dict.fromkeys(entry.optional for entry in column.entries if entry.optional)
    if without:
        said.append(f"it may be without {' or '.join(f'its {group}' for group in without)}")
    also = [words for name, words in ALSO.items() if name in column.has]
    also += ["two directions (§8.4)"] if len(column.directions) > 1 else []
    if also:
        said.append(f"it can have {', '.join(also)}")
    said.append(_activations(column))
    return "; ".join(said) + "."


def _activations(column: Column) -> str:
    """Which can be chosen."""
    said = f"its activations {'can be chosen' if column.choosable else 'are fixed'}"
    if column.choosable and 0 < len(column.offers) < 4:
        said += f" from {', '.join(sorted(column.offers))}"
    if column.fixed:
        said += f", but not those of {', '.join(column.fixed)}"
    usual = ", ".join(f"{gate} {value}" for gate, value in column.activations.items())
    return f"{said} (§5.4)" + (f", {'usual: ' * column.choosable}{usual}" if usual else "")
