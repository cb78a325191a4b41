"""The encoder–decoder as a whole: gradients, laws, what containers say to it, its diagram."""

import numpy as np
import pytest

from npstack import (
    ArgumentError,
    Embedding,
    EncoderDecoder,
    Reversed,
    Sequential,
    SourceTarget,
    StackedLSTM,
    check_gradients,
    check_laws,
    plots,
)


@pytest.mark.parametrize("reverse_source", [False, True])
@pytest.mark.parametrize("symbols", [False, True])
def test_gradients_and_laws_of_the_whole_model(symbols, reverse_source):
    rng = np.random.default_rng(0)
    sides = [StackedLSTM(3, [4, 2], dropout=0.2, rng=rng) for _ in range(2)]
    source, target = rng.standard_normal((2, 4, 3)), rng.standard_normal((2, 3, 3))
    if symbols:
        sides = [Sequential(Embedding(5, 3, rng=rng), side) for side in sides]
        source, target = rng.integers(0, 5, (2, 4)), rng.integers(0, 5, (2, 3))
    model = EncoderDecoder(*sides, reverse_source=reverse_source)
    pair = SourceTarget(source, target, np.array([[True] * 4, [True, True, False, False]]))
    report = check_gradients(model, pair, mask=np.array([[True] * 3, [True, False, False]]))
    assert report.passed, report
    read = {row.parameter for row in report.rows}
    assert ({"x.source", "x.target_in"} <= read) is not symbols
    laws = check_laws(model, rng=rng, batch=4, steps=4)
    assert laws.passed, laws
    held = [row.law for row in laws.rows if row.verdict == "holds"]
    assert {"source: padding_is_irrelevant", "decoder: causality"} <= set(held)


def test_a_gradient_that_is_not_handed_back_is_noticed(monkeypatch):
    rng = np.random.default_rng(0)
    model = EncoderDecoder(*(StackedLSTM(1, [1], rng=rng) for _ in range(2)))
    pair = SourceTarget(rng.standard_normal((2, 2, 1)), rng.standard_normal((2, 1, 1)))
    right = EncoderDecoder._handed_back
    monkeypatch.setattr(
        EncoderDecoder,
        "_handed_back",
        lambda self, d: (right(self, d)[0]._replace(c=0 * d[0].c), *right(self, d)[1:]),
    )
    assert not check_gradients(model, pair).passed
    monkeypatch.setattr(EncoderDecoder, "_handed_back", lambda self, d: right(self, d)[:1] * 2)
    assert not check_laws(model, rng=rng).passed


def test_a_container_refuses_a_whole_model_in_words():
    rng = np.random.default_rng(0)
    model = EncoderDecoder(*(StackedLSTM(3, [4], rng=rng) for _ in range(2)))
    for build in (
        lambda: Sequential(model),
        lambda: Reversed(model),
        lambda: EncoderDecoder(model, StackedLSTM(3, [4], rng=rng)),
    ):
        with pytest.raises(ArgumentError, match="whole model: it reads a source and a target"):
            build()
    picture = plots.diagram(model)
    assert [ax.get_title(loc="left").partition(",")[0] for ax in picture.axes] == [
        "encoder",
        "decoder",
    ]
