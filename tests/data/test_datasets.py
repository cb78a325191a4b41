"""Data sets by name, and the files of the UEA archive that one of them comes in."""

import importlib
import importlib.util
import subprocess
import sys

import numpy as np
import pytest

from npstack import ArgumentError, DataError, NpstackError
from npstack.data import MissingPackageError, load, load_sunspots, load_ts

TS = """#comments
@problemName Two
@timeStamps false
@missing false
@dimensions 2
@equalLength false
@classLabel true no yes

@data
1.5,1.25,-9e-1:1,2,3:yes
4:5:no
"""


def write(tmp_path, text):
    path = tmp_path / "two.ts"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_ts_file_by_hand(tmp_path):
    found = load_ts(write(tmp_path, TS))
    assert found.classes == ("no", "yes")
    assert found.features == ("dimension 0", "dimension 1")
    samples = found.samples
    assert samples.x.tolist() == [[[1.5, 1], [1.25, 2], [-0.9, 3]], [[4, 5], [0, 0], [0, 0]]]
    assert samples.mask.tolist() == [[True] * 3, [True, False, False]]
    assert samples.y.tolist() == [1, 0]
    assert samples.y.dtype == np.int64


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("1.25", "1,25", "line 10: dimension 1 must have 4 steps"),
        ("1.25", "x", r"line 10, dimension 0, step 1: the value must be a finite number, got 'x'"),
        ("1.25", "?", "line 10, dimension 0, step 1"),
        ("1.25", "1e999", "line 10, dimension 0, step 1.*got '1e999'"),
        (":yes", ":maybe", r"line 10: label must be one of 'no', 'yes', got 'maybe'"),
        ("4:5:no", "4:no", "line 11: a sequence must have 2 dimensions.*got 1"),
        ("4:5:no", "4:5,6:no", "line 11: dimension 1 must have 1 steps"),
        ("4:5:no", "no", "line 11: a sequence must have 2 dimensions.*got 0"),
        ("@dimensions 2", "@dimensions 3", "must have @dimensions 3, got 2"),
        ("@timeStamps false", "@timeStamps true", "no time stamps"),
        ("@classLabel true no yes", "@classLabel false", "@classLabel true"),
        ("@classLabel true no yes\n", "", "@classLabel true"),
        ("@data", "1,2:3,4:no", "line 9: the header must be lines '@key value'"),
        ("@data\n1.5,1.25,-9e-1:1,2,3:yes\n4:5:no\n", "", "sequences must follow"),
        (TS, "", "sequences must follow"),
    ],
)
def test_what_is_wrong_in_a_ts_file_is_said_with_its_place(tmp_path, old, new, words):
    assert old in TS
    with pytest.raises(DataError, match=words):
        load_ts(write(tmp_path, TS.replace(old, new)))


def test_sunspots_are_the_shipped_series():
    assert np.array_equal(load("sunspots").values, load_sunspots().values)


def test_pydoc_is_text_that_says_its_version():
    found = load("pydoc")
    assert len(found.text) > 300_000
    assert "lambda" in found.text
    assert found.source.startswith("pydoc_data.topics of Python 3.")
    assert load("pydoc") == found


def test_an_unknown_name_gets_a_suggestion():
    with pytest.raises(ArgumentError, match="Did you mean 'japanese_vowels'"):
        load("japanese-vowels")


def test_japanese_vowels_are_the_published_ones():
    if importlib.util.find_spec("aeon") is None:
        pytest.skip("pip install npstack[datasets]")
    data = load("japanese_vowels")
    assert data.train.x.shape == (270, 26, 12)
    assert data.test.x.shape == (370, 29, 12)
    assert np.bincount(data.train.y).tolist() == [30] * 9
    assert np.bincount(data.test.y).tolist() == [31, 35, 88, 44, 29, 24, 40, 50, 29]
    lengths = np.concatenate([part.mask.sum(1) for part in (data.train, data.test)])
    assert (lengths.min(), lengths.max()) == (7, 29)
    assert data.classes == tuple("123456789")
    assert data.train.x[0, :2, 0].tolist() == [1.860936, 1.891651]
    assert data.train.x[0, 0, :3].tolist() == [1.860936, -0.207383, 0.261557]
    assert not data.test.x[~data.test.mask].any()


def test_digits_are_rows_of_pixels_in_the_order_of_the_file():
    pytest.importorskip("sklearn", reason="pip install npstack[datasets]")
    data = load("digits")
    assert data.train.x.shape == (898, 8, 8)
    assert data.test.x.shape == (899, 8, 8)
    assert data.train.mask is None
    assert (data.train.x.min(), data.train.x.max()) == (0, 1)
    assert data.train.y[:10].tolist() == list(range(10))
    assert data.train.x[0, 0].tolist() == [0, 0, 5 / 16, 13 / 16, 9 / 16, 1 / 16, 0, 0]
    assert np.bincount(np.concatenate([data.train.y, data.test.y])).sum() == 1797


@pytest.mark.parametrize(
    ("name", "package"), [("japanese_vowels", "aeon"), ("digits", "scikit-learn")]
)
def test_without_the_package_the_error_says_what_to_install(monkeypatch, name, package):
    def absent(name, *rest):
        raise ModuleNotFoundError(f"No module named {name!r}")

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(importlib, "import_module", absent)
    with pytest.raises(MissingPackageError, match=rf"{package}.*pip install npstack\[datasets\]"):
        load(name)
    assert issubclass(MissingPackageError, NpstackError)
    assert issubclass(MissingPackageError, ImportError)


def test_a_package_without_its_files_is_told_so(monkeypatch, tmp_path):
    (tmp_path / "aeon").mkdir()
    (tmp_path / "aeon/__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "aeon", raising=False)
    with pytest.raises(DataError, match=r"JapaneseVowels_TRAIN\.ts"):
        load("japanese_vowels")
    folder = tmp_path / "aeon/datasets/data/JapaneseVowels"
    folder.mkdir(parents=True)
    for part in ("TRAIN", "TEST"):
        (folder / f"JapaneseVowels_{part}.ts").write_text(TS)
    data = load("japanese_vowels")
    assert data.classes == ("no", "yes")
    assert np.array_equal(data.train.x, data.test.x)


def test_a_data_set_imports_nothing_heavy():
    code = (
        "import sys; from npstack.data import load; load('sunspots'); load('pydoc')\n"
        "try:\n    load('japanese_vowels')\nexcept ImportError:\n    pass\n"
        "print(*{name.split('.')[0] for name in sys.modules})"
    )
    run = [sys.executable, "-c", code]
    loaded = set(subprocess.run(run, capture_output=True, text=True, check=True).stdout.split())
    assert not loaded & {"aeon", "sklearn", "scipy", "pandas", "numba", "matplotlib"}
