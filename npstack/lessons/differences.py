"""How an answer differs from the right one: the kind, the shape, the sign, which gate."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from npstack.core.errors import describe
from npstack.core.params import LSTMGates

NEARLY = 0.05  # of the largest number: digits that were dropped on the way
GATES = tuple(name if name == "candidate" else f"{name} gate" for name in LSTMGates._fields)


def is_same(answer: Any, right: Any, share: float) -> bool:
    """Whether an answer is right, but for a share of its largest number.

    Examples
    --------
    >>> is_same("The Input gate", "the input-gate", 0.0), is_same([1, 2], (1.0, 2.0), 0.0)
    (True, True)
    """
    if isinstance(right, str) or isinstance(answer, str):
        return (
            isinstance(answer, str) and isinstance(right, str) and _plain(answer) == _plain(right)
        )
    found, wanted = _array(answer), _array(right)
    if found is None or wanted is None or found.shape != wanted.shape:
        return False
    if wanted.dtype.kind in "biu" and found.dtype.kind in "biu":
        return bool((found == wanted).all())
    largest = np.abs(wanted).max(initial=0.0)
    with np.errstate(all="ignore"):
        return bool((np.abs(found - wanted) <= share * (largest or 1.0)).all())


def kind(right: Any) -> str:
    """What kind of answer is expected.

    Examples
    --------
    >>> kind("a"), kind((1, 2)), kind(np.ones((2, 3))), kind(1.5)
    ('a word', 'a tuple of 2 numbers', 'an array of shape (2, 3)', 'a number')
    """
    if isinstance(right, str):
        return "a word"
    if isinstance(right, bool | np.bool_):
        return "True or False"
    if isinstance(right, tuple):
        return f"a tuple of {len(right)} number{'s' * (len(right) != 1)}"
    shape = np.shape(right)
    return f"an array of shape {shape}" if shape else "a number"


def differs(
    name: str, answer: Any, right: Any, share: float, packed: bool = False
) -> Iterator[str]:
    """How an answer differs, where something can be said; at least an empty line.

    Examples
    --------
    >>> right = np.arange(8.0)
    >>> for line in differs("db", np.r_[right[:2], 9, 9, right[4:]], right, 1e-6, packed=True):
    ...     print(line)
    db: The block of the forget gate is wrong.
    """
    of = f"{name}: " if name else ""
    if isinstance(answer, str) and isinstance(right, str):
        yield ""
        return
    found = None if isinstance(answer, str) else _array(answer)
    wanted = None if isinstance(right, str) else _array(right)
    if found is None or wanted is None:
        got = "None" if answer is None else describe(answer)
        yield f"{of}Expected is {kind(right)}, got {got}."
    elif found.shape != wanted.shape:
        turned = found.ndim > 1 and found.shape == wanted.shape[::-1]
        more = " It is transposed." if turned else ""
        yield f"{of}Expected is {kind(right)}, got {kind(answer)}.{more}"
    else:
        about = _of_gates(found, wanted, share) if packed else ""
        if not about and wanted.dtype.kind != "b":
            about = _of_numbers(found, wanted, share, isinstance(right, tuple))
        yield f"{of}{about}" if about else (f"{name} is wrong." if name else "")


def _plain(text: str) -> str:
    return re.sub(r"[\s_-]+", " ", text.strip(" \t\n.").lower())


def _array(value: Any) -> np.ndarray | None:
    """As an array of numbers; None if it is none."""
    try:
        found = np.asarray(value)
        if found.dtype.kind == "O":
            if any(one is None or isinstance(one, str | bytes) for one in found.ravel().tolist()):
                return None  # which NumPy would take for numbers
            found = found.astype(float)
    except Exception:  # whatever a foreign object raises
        return None
    return found if found.dtype.kind in "biuf" else None


def _of_gates(found: np.ndarray, wanted: np.ndarray, share: float) -> str:
    """Which blocks of an array are wrong, if not all of them are."""
    if not np.isfinite(found).all():
        return ""
    own, right = (np.split(array, len(GATES), axis=-1) for array in (found, wanted))
    wrong = [gate for gate, a, b in zip(GATES, own, right, strict=True) if not is_same(a, b, share)]
    if all(any(is_same(a, b, share) for a in own) for b in right):
        return "The blocks of the gates are right, their order is not: i, f, g, o."
    if not 0 < len(wrong) < len(GATES):
        return ""
    if len(wrong) == 1:
        return f"The block of the {wrong[0]} is wrong."
    return f"The blocks of the {', the '.join(wrong[:-1])} and the {wrong[-1]} are wrong."


def _of_numbers(found: np.ndarray, wanted: np.ndarray, share: float, ordered: bool) -> str:
    """How numbers of the right shape differ; nothing where nothing helps."""
    size = float(np.abs(wanted).max(initial=0.0)) or 1.0
    off = np.abs(found.astype(float) - wanted)
    if not np.isfinite(off).all():
        return "There is NaN or infinity in it."
    if is_same(-found.astype(float), wanted, share):
        return "The sign is the other way round."
    if ordered and is_same(np.sort(found), np.sort(wanted), share):
        return "The numbers are right, their order is not."
    if (factor := _factor(found, wanted, share)) is not None:
        return f"All numbers are {factor:.4g} times the right ones."
    if wanted.dtype.kind == "f" and off.max() <= NEARLY * size:
        return f"It is off by {off.max() / size:.1g} of the largest number."
    wrong = int((off > share * size).sum())
    if wrong == off.size:
        return ""
    return f"{wrong} of {off.size} numbers {'is' if wrong == 1 else 'are'} wrong."


def _factor(found: np.ndarray, wanted: np.ndarray, share: float) -> float | None:
    """One factor for several numbers, if there is one."""
    if wanted.size < 2 or not wanted.any() or not found.any():
        return None
    found, wanted = found.astype(float), wanted.astype(float)
    with np.errstate(all="ignore"):
        factor = float((found * wanted).sum() / (wanted * wanted).sum())
        fits = 0 < abs(factor) < np.inf and is_same(found, factor * wanted, share)
    return factor if fits else None
