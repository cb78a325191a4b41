"""Data sets by name: one is in npstack, one in Python, two are in other packages."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, NamedTuple, NoReturn, overload

import numpy as np

from npstack.core.arguments import check_option
from npstack.core.errors import DataError, MissingPackageError, fail
from npstack.data.labelled import Classification
from npstack.data.series import Series, load_sunspots
from npstack.data.timeseries import load_ts
from npstack.losses.samples import Samples


class Text(NamedTuple):
    """A text for character models.

    Attributes
    ----------
    text : str
    source : str
        Where it comes from, with the version.
    """

    text: str
    source: str


@overload
def load(name: Literal["sunspots"]) -> Series: ...
@overload
def load(name: Literal["pydoc"]) -> Text: ...
@overload
def load(name: Literal["digits", "japanese_vowels"]) -> Classification: ...


def load(name: str) -> Any:
    """Load a data set by its name. Nothing is downloaded.

    ==================  ==========================================================================
    name                what it is
    ==================  ==========================================================================
    "sunspots"          `Series`: monthly mean sunspot numbers, 1749 to 2009; see `load_sunspots`
    "pydoc"             `Text`: the help topics of Python, in 3.11 some 465,000 characters, about
                        a programming language. They differ between versions of Python: compare
                        results within one version only
    "digits"            `Classification`: 1,797 handwritten digits (UCI, Alpaydin & Kaynak 1998) of
                        8 × 8 pixels, read from top to bottom: T = 8 rows, D = 8 pixels from 0
                        (paper) to 1 (ink), 10 classes. The first 898 are for training and the last
                        899 for the test, as in the example of scikit-learn, whose
                        file is read
    "japanese_vowels"   `Classification`: nine men say the vowels a and e (Kudo, Toyama & Shimbo
                        1999, UCI); the class is the speaker. T = 7 to 29 frames, D = 12 cepstral
                        coefficients, 270 utterances for training and 370 for the test, as
                        published. Of aeon, only two files are read: ``pip install --no-deps aeon``
                        is enough
    ==================  ==========================================================================

    Parameters
    ----------
    name : {"sunspots", "pydoc", "digits", "japanese_vowels"}

    Raises
    ------
    MissingPackageError
        The data set comes with a package that is not installed; the message says how to get it.

    Examples
    --------
    >>> series = load("sunspots")
    >>> len(series.values)
    3126
    """
    loaders = {
        "sunspots": load_sunspots,
        "pydoc": _pydoc,
        "digits": _digits,
        "japanese_vowels": _japanese_vowels,
    }
    return loaders[check_option("load", "name", name, loaders)]()


def _pydoc() -> Text:
    import platform

    topics = _module("pydoc_data.topics", "pydoc", "Python's standard library").topics
    text = "\n\n".join(topics[topic].strip() for topic in sorted(topics)) + "\n"
    return Text(text, f"pydoc_data.topics of Python {platform.python_version()}")


def _digits() -> Classification:
    found = _module("sklearn.datasets", "digits", "scikit-learn").load_digits()
    x, y = found.images / 16.0, found.target.astype(np.int64)
    half = len(x) // 2
    names = tuple(map(str, range(10)))
    features = tuple(f"column {d}" for d in range(x.shape[2]))
    return Classification(Samples(x[:half], y[:half]), Samples(x[half:], y[half:]), names, features)


def _japanese_vowels() -> Classification:
    spec = importlib.util.find_spec("aeon")  # found, not imported: that takes seconds
    places = [] if spec is None else spec.submodule_search_locations or []
    folder = next((Path(place) / "datasets/data/JapaneseVowels" for place in places), None)
    if folder is None:
        _missing("japanese_vowels", "aeon")
    parts = {}
    for part in ("TRAIN", "TEST"):
        path = folder / f"JapaneseVowels_{part}.ts"
        if not path.is_file():
            expected, advice = f"aeon must bring the file {path.name}", "Use aeon 1.6."
            fail(DataError, "load('japanese_vowels')", expected, f"no {path}", advice)
        parts[part] = load_ts(path)
    train, test = parts["TRAIN"], parts["TEST"]
    return Classification(train.samples, test.samples, train.classes, train.features)


def _module(name: str, data: str, package: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError:
        _missing(data, package)


def _missing(data: str, package: str) -> NoReturn:
    expected = f"the data come with {package}, which must be installed"
    advice = "Use: pip install npstack[datasets]"
    fail(MissingPackageError, f"load({data!r})", expected, "no such package", advice + ".")
