"""Windows, splits, scalers, ragged rows, texts, problems, baselines."""

import numpy as np

import npstack as nps
from npstack import baselines, data, text
from npstack.baselines import NGram, Split
from tests.odd_calls.calls import Call, draw, normal
from tests.odd_calls.kinds import SAME

SERIES = normal(400)
TASK = {"rng": "rng", "batch": "size", "length": "size"}
WORDS = text.Vocabulary("abcdefgh\n")


def cut(**others):
    return lambda: {"values": normal(300, 2), "length": 100, **others}


def windows():
    return data.windows(SERIES, 10, ahead=3)


def scaled(kind):
    return lambda values: kind.fit(values).apply(values)


def task(function, *others):
    return Call(
        function,
        lambda: {"rng": draw(), "batch": 2, "length": 100},
        TASK,
    )


def model():
    return text.character_model(len(WORDS), [4], rng=draw(), embedding=3)


def spread(shape=(6, 5, 2)):
    return normal(*shape)


FEW = np.arange(5) < np.array([[5], [3], [1], [4], [5], [2]])

CALLS = {
    "windows": Call(
        data.windows,
        cut(
            ahead=100,
            stride=100,
            inputs=1,
            targets=1,
            every_step=True,
            warm_up=50,
        ),
        {
            "values": "reals",
            "length": "size",
            "ahead": "index",
            "stride": "size",
            "inputs": "index or None",
            "targets": "index or None",
            "every_step": "flag",
            "warm_up": "index",
        },
        {
            ("values", "float32"): None,
            **{(own, "a list of it"): SAME for own in ("ahead", "inputs", "targets")},
            **{(own, "an array of no axes"): SAME for own in ("ahead", "inputs", "targets")},
        },
    ),
    "windows, masked": Call(
        data.windows,
        cut(mask=np.arange(300) < 290),
        {"mask": "bools or None"},
    ),
    "window_positions": Call(
        data.window_positions,
        lambda: {"count": 300, "length": 100, "ahead": 100, "stride": 100, "every_step": True},
        {
            "count": "size",
            "length": "size",
            "ahead": "index",
            "stride": "size",
            "every_step": "flag",
        },
        {("ahead", "a list of it"): SAME, ("ahead", "an array of no axes"): SAME},
    ),
    "split_by_time": Call(
        data.split_by_time,
        lambda: {"count": 300, "train": 100, "validation": 100, "gap": 20},
        {"count": "size", "train": "size", "validation": "index", "gap": "index"},
    ),
    "split_by_time in shares": Call(
        data.split_by_time,
        lambda: {"count": 300, "train": 0.5, "validation": 0.25},
        {"train": "number", "validation": "number"},
    ),
    "split_by_row": Call(
        data.split_by_row,
        lambda: {"count": 300, "rng": draw(), "train": 0.5, "validation": 0.25},
        {"count": "size", "rng": "rng", "train": "number", "validation": "number"},
    ),
    "divide": Call(
        lambda windows, reach_back: data.split_by_time(400).divide(windows, reach_back=reach_back),
        lambda: {"windows": windows(), "reach_back": False},
        {"windows": "thing", "reach_back": "flag"},
    ),
    "unscale": Call(
        lambda predictions: windows().unscale(predictions),
        lambda: {"predictions": normal(5, 1)},
        {"predictions": "floats"},
    ),
    "Standardiser": Call(
        scaled(data.Standardiser), lambda: {"values": normal(9, 2)}, {"values": "reals"}
    ),
    "MinMax": Call(scaled(data.MinMax), lambda: {"values": normal(9, 2)}, {"values": "reals"}),
    "MinMax bounds": Call(
        lambda low, high: data.MinMax.fit(SERIES[:, np.newaxis], low=low, high=high),
        lambda: {"low": -0.5, "high": 2.0},
        {"low": "number", "high": "number"},
    ),
    "Scale": Call(
        lambda values: data.Scale.fit(values).apply(values),
        lambda: {"values": np.abs(normal(9)) + 1},
        {"values": "values"},
    ),
    "pad": Call(
        lambda first, length, side: data.pad([first, normal(7, 2)], length, side),
        lambda: {"first": normal(5, 2), "length": 100, "side": "left"},
        {"first": "values", "length": "size or None", "side": "word"},
    ),
    "pad all": Call(
        data.pad,
        lambda: {"sequences": [normal(5), normal(3)]},
        {"sequences": "thing"},
        {("sequences", "an array"): None},
    ),
    "unpad": Call(
        data.unpad,
        lambda: {"x": spread(), "mask": FEW.copy()},
        {"x": "values", "mask": "bools"},
    ),
    "by_length": Call(
        lambda lengths, batch_size: list(data.by_length(lengths, batch_size)(draw())),
        lambda: {"lengths": np.array([5, 3, 1, 4]), "batch_size": 2},
        {"lengths": "integers", "batch_size": "size"},
    ),
    "adding": task(data.adding),
    "adding_1997": task(data.adding_1997),
    "temporal_order": task(data.temporal_order),
    "copying": Call(
        data.copying,
        lambda: {"rng": draw(), "batch": 2, "delay": 100, "symbols": 100, "width": 100},
        {"rng": "rng", "batch": "size", "delay": "size", "symbols": "size", "width": "size"},
    ),
    "delayed_recall": Call(
        data.delayed_recall,
        lambda: {"rng": draw(), "batch": 2, "length": 120, "delay": 100, "symbols": 100},
        {"rng": "rng", "batch": "size", "length": "size", "delay": "size", "symbols": "size"},
    ),
    "say_time": Call(
        data.say_time, lambda: {"hour": 14, "minute": 45}, {"hour": "index", "minute": "index"}
    ),
    "load": Call(data.load, lambda: {"name": "pydoc"}, {"name": "word"}),
    "Vocabulary": Call(
        text.Vocabulary, lambda: {"symbols": "abc", "replacement": "a"}, {"symbols": "text"}
    ),
    "encode": Call(WORDS.encode, lambda: {"text": "badge"}, {"text": "text"}),
    "decode": Call(WORDS.decode, lambda: {"ids": np.array([1, 2, 3])}, {"ids": "whole"}),
    "one_hot": Call(
        text.one_hot,
        lambda: {"ids": np.array([[1, 2], [0, 3]]), "size": 100},
        {"ids": "whole", "size": "size"},
        {("ids", "an axis more"): None},
    ),
    "streams": Call(
        text.streams,
        lambda: {"ids": np.arange(300) % 9, "rows": 100},
        {"ids": "integers", "rows": "size"},
    ),
    "character_model": Call(
        text.character_model,
        lambda: {
            "num_symbols": 100,
            "hidden_sizes": 4,
            "num_layers": 2,
            "rng": draw(),
            "embedding": 100,
            "dropout": 0.5,
            "frequencies": np.ones(100),
        },
        {
            "num_symbols": "size",
            "hidden_sizes": "size",
            "num_layers": "size or None",
            "rng": "rng",
            "embedding": "size or None",
            "dropout": "number",
        },
    ),
    "sample": Call(
        text.sample,
        lambda: {
            "model": model(),
            "vocabulary": WORDS,
            "length": 5,
            "rng": draw(),
            "prompt": "bad",
            "temperature": 0.5,
        },
        {
            "model": "layer",
            "vocabulary": "thing",
            "length": "size",
            "rng": "rng",
            "prompt": "text",
            "temperature": "number",
        },
    ),
    "bits_per_character": Call(
        text.bits_per_character,
        lambda: {"model": model(), "ids": np.arange(20) % 9, "span": 7},
        {"model": "layer", "ids": "whole", "span": "size"},
    ),
    "NGram": Call(
        lambda ids, order, num_symbols: NGram(ids, order, num_symbols).probabilities(ids),
        lambda: {"ids": np.arange(30) % 7, "order": 2, "num_symbols": 7},
        {"ids": "whole", "order": "index", "num_symbols": "size"},
    ),
    "compressed_bits": Call(
        baselines.compressed_bits,
        lambda: {"text": "abcabc", "after": "abc", "method": "bz2"},
        {"text": "text", "after": "text", "method": "word"},
    ),
    "dtw": Call(
        baselines.dtw,
        lambda: {"x": spread(), "others": spread((4, 5, 2)), "mask": FEW.copy()},
        {"x": "typed", "others": "typed", "mask": "bools or None"},
    ),
    "nearest": Call(
        baselines.nearest,
        lambda: {"distances": np.abs(normal(3, 4)), "labels": np.array([0, 1, 0, 2])},
        {"distances": "reals", "labels": "integers"},
    ),
    "resample": Call(
        baselines.resample,
        lambda: {"x": spread(), "mask": FEW.copy(), "steps": 100},
        {"x": "floats", "mask": "bools or None", "steps": "size"},
    ),
    "summaries": Call(
        baselines.summaries,
        lambda: {"x": spread(), "mask": FEW.copy()},
        {"x": "floats", "mask": "bools or None"},
    ),
    "ridge_classifier": Call(
        baselines.ridge_classifier,
        lambda: {
            "features": normal(8, 3),
            "labels": np.arange(8) % 3,
            "test_features": normal(4, 3),
            "penalties": np.array([0.5, 2.0]),
        },
        {
            "features": "finite",
            "labels": "integers",
            "test_features": "finite",
            "penalties": "reals",
        },
    ),
    "ridge": Call(
        baselines.ridge,
        lambda: {
            "z": normal(60),
            "months": 5,
            "split": Split(2, 30, 45),
            "penalties": np.array([0.5, 2.0]),
        },
        {"z": "reals", "months": "size", "split": "thing", "penalties": "reals"},
    ),
    "best_lag": Call(
        baselines.best_lag,
        lambda: {"z": normal(60), "split": Split(2, 30, 45), "lags": range(2, 9)},
        {"z": "reals", "split": "thing"},
    ),
    "lagged": Call(
        baselines.lagged,
        lambda: {"z": normal(60), "lag": 5, "split": Split(2, 30, 45)},
        {"z": "reals", "lag": "size", "split": "thing"},
    ),
    "evaluate a text model": Call(
        lambda model: nps.evaluate(
            model, text.streams(np.arange(40) % 9, 4), nps.softmax_cross_entropy
        ),
        lambda: {"model": model()},
        {"model": "layer"},
    ),
}
