"""Labelled sequences in files of one layout: long CSV tables, and arrays."""

import numpy as np
import pytest

from npstack import ArgumentError, DataError
from npstack.core.errors import NonFiniteError
from npstack.data import load_labelled_csv, load_labelled_npz

LONG = """sequence,step,warm,wet,label
a,0,20.5,1,calm
a,1,20.1,2,calm
a,3,19,3,calm
b,0,18,4,storm
"""
TAGS = LONG.replace("19,3,calm", "19,3,storm")


def test_one_label_per_sequence(write):
    samples, classes, features, ids = load_labelled_csv(write(LONG))
    assert samples.x.tolist() == [[[20.5, 1], [20.1, 2], [19, 3]], [[18, 4], [0, 0], [0, 0]]]
    assert samples.mask.tolist() == [[True] * 3, [True, False, False]]
    assert samples.y.tolist() == [0, 1]
    assert (classes, features, ids) == (("calm", "storm"), ("warm", "wet"), ("a", "b"))


def test_one_label_per_step(write):
    samples, classes, _, _ = load_labelled_csv(write(TAGS), labels="step")
    assert samples.y.tolist() == [[0, 0, 1], [1, 0, 0]]
    assert classes == ("calm", "storm")


def test_no_labels_to_predict_from(write):
    plain = "\n".join(line.rsplit(",", 1)[0] for line in LONG.splitlines())
    for content in (LONG, plain):
        samples, classes, features, _ = load_labelled_csv(write(content), labels="none")
        assert samples.y.tolist() == [-1, -1]
        assert classes == ()
        assert features == ("warm", "wet")


def test_the_step_may_be_left_out_and_features_chosen(write):
    content = "label;sequence;wet;warm\n2;x;1;1,5\n2;x;2;2,5\n10;y;3;3,5\n"
    found = load_labelled_csv(write(content), features=["warm"], decimal=",")
    assert found.samples.x[..., 0].tolist() == [[1.5, 2.5], [3.5, 0]]
    assert found.classes == ("2", "10"), "in order of number"


def test_classes_of_the_training_data_keep_their_numbers(write):
    found = load_labelled_csv(write(LONG), classes=["storm", "calm", "fog"])
    assert found.samples.y.tolist() == [1, 0]
    assert found.classes == ("storm", "calm", "fog")
    with pytest.raises(DataError, match=r"line 2: label must be one of 'storm', got 'calm'"):
        load_labelled_csv(write(LONG), classes=["storm"])


@pytest.mark.parametrize(
    ("content", "options", "words"),
    [
        (TAGS, {}, r"line 4, column 5: .*label of its sequence, got 'storm'.*labels='step'"),
        (LONG.replace("20.1,2,calm", "20.1,2,"), {}, "line 3, column 5"),
        (LONG + "a,4,1,1,calm\n", {}, "line 6: lines of one sequence .*'a' again"),
        (LONG.replace("a,3", "a,1"), {}, "line 4: step must .* rises .* got '1' after 1"),
        (LONG.replace("a,0", "a,x"), {}, "line 2: step must be a number"),
        (LONG.replace("20.1", ""), {}, r"line 3, column 3 \('warm'\): .*Fill it in"),
        (LONG.replace("20.1", "NaN"), {}, r"line 3, column 3 \('warm'\): .*Fill it in"),
        (LONG.replace("20.1", "x"), {}, r"line 3, column 3 \('warm'\): .*features=\[…\]"),
        (LONG.replace(",label", ",class"), {}, "columns must be among .*got 'label'"),
        (LONG.replace("sequence,", "id,"), {}, "got 'sequence'"),
        (LONG, {"features": ["wam"]}, "Did you mean 'warm'"),
        ("sequence,label\na,x\n", {}, "must have features"),
        ("sequence,x,label\n", {}, "lines must follow the header"),
        ("", {}, "must hold a table"),
    ],
)
def test_what_is_wrong_in_a_long_table_is_said_with_its_place(write, content, options, words):
    with pytest.raises(DataError, match=words):
        load_labelled_csv(write(content), **options)


def test_an_unknown_kind_of_labels(write):
    with pytest.raises(ArgumentError, match="labels must be one of"):
        load_labelled_csv(write(LONG), labels="steps")


# ---- arrays --------------------------------------------------------------------------------------

X = np.arange(24.0).reshape(4, 3, 2)
ARRAYS = {"x": X, "y": np.array([3, 1, 3, 10]), "lengths": np.array([3, 1, 2, 3])}


@pytest.fixture
def save(tmp_path):
    def put(**changes):
        path = tmp_path / "a.npz"
        np.savez(path, **{k: v for k, v in (ARRAYS | changes).items() if v is not None})
        return path

    return put


def test_arrays_with_lengths(save):
    x = X.copy()
    x[1, 1:] = np.nan  # padding
    samples, classes, features, ids = load_labelled_npz(save(x=x))
    assert samples.mask.sum(1).tolist() == [3, 1, 2, 3]
    assert samples.y.tolist() == [1, 0, 1, 2]
    assert np.array_equal(samples.x[samples.mask], X[samples.mask])
    assert not samples.x[~samples.mask].any()
    assert classes == ("1", "3", "10")
    assert features == ("feature 0", "feature 1")
    assert ids == ("0", "1", "2", "3")


def test_texts_for_labels_names_for_features_labels_per_step_and_none(save):
    words = np.array([["v", "n", "v"], ["n", "", ""], ["v", "v", ""], ["n", "n", "n"]])
    found = load_labelled_npz(save(y=words, features=np.array(["p", "q"])))
    assert found.classes == ("n", "v")
    assert found.samples.y.tolist() == [[1, 0, 1], [0, 0, 0], [1, 1, 0], [0, 0, 0]]
    assert found.features == ("p", "q")
    plain = load_labelled_npz(save(y=None, lengths=None, x=X.astype(np.int32)))
    assert plain.samples.y.tolist() == [-1] * 4
    assert plain.samples.mask.all()
    assert plain.samples.x.dtype == np.float64
    assert load_labelled_npz(save(), classes=["10", "3", "1"]).samples.y.tolist() == [1, 2, 1, 0]


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"x": None}, DataError, "arrays must be x, and of features, lengths, y"),
        ({"z": X}, DataError, "arrays must be x"),
        ({"x": X[0]}, DataError, r"x must be numbers \(N, T, D\), got float64 of shape \(3, 2\)"),
        ({"x": X > 3}, DataError, "x must be numbers"),
        ({"x": X[:, :0]}, DataError, "none of them 0"),
        ({"y": np.ones(3, int)}, DataError, r"y must be integers or texts \(4,\)"),
        ({"y": np.ones(4)}, DataError, "y must be integers or texts"),
        ({"y": np.ones((4, 2), int)}, DataError, r"\(4, 3\)"),
        ({"lengths": np.array([1, 2, 3, 4])}, DataError, "between 1 and T=3, got 4 in row 3"),
        ({"lengths": np.array([1, 0, 3, 3])}, DataError, "got 0 in row 1"),
        ({"lengths": np.ones(4)}, DataError, "lengths must be integers"),
        ({"features": np.array(["p"])}, DataError, r"features must be texts \(2,\)"),
        ({"x": X * np.array([1, np.nan])}, NonFiniteError, "time step 0"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(save, changes, error, words):
    with pytest.raises(error, match=words):
        load_labelled_npz(save(**changes))


def test_an_unknown_class_is_told_with_its_place(save):
    with pytest.raises(DataError, match=r"y\[3\]: label must be one of '3', '1', got '10'"):
        load_labelled_npz(save(), classes=["3", "1"])


def test_the_three_columns_may_be_called_otherwise(tmp_path):
    path = tmp_path / "weather.csv"
    path.write_text("day,label,hour,sky\n1,5.0,0,dull\n1,6.0,1,dull\n2,7.0,0,clear\n")
    found = load_labelled_csv(path, called={"sequence": "day", "step": "hour", "label": "sky"})
    assert (found.classes, found.features, found.ids) == (("clear", "dull"), ("label",), ("1", "2"))
    np.testing.assert_array_equal(found.samples.x[..., 0], [[5.0, 6.0], [7.0, 0.0]])
    with pytest.raises(DataError, match=r"'hour', 'sky', got 'skies'"):
        load_labelled_csv(path, called={"sequence": "day", "step": "hour", "label": "skies"})
