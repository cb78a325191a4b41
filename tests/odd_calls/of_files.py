"""What reads and writes files, and the small functions of the data room."""

import shutil
import tempfile
from pathlib import Path

import numpy as np

import npstack as nps
from npstack import analysis, data, text
from npstack.losses import Samples
from npstack.text import Vocabulary
from tests.odd_calls.calls import Call, draw, normal
from tests.odd_calls.kinds import REFUSED, SAME

FILES = {
    "table.csv": "a,b\n1,2\n3,4\n",
    "labelled.csv": "sequence,x,label\ns,1,u\ns,2,u\nt,3,v\n",
    "vowels.ts": "@classLabel true a e\n@data\n1,2:a\n3:e\n",
    "novel.txt": "Once.\n",
}


def in_folder(function):
    """The function, called with files around it; a relative path stands in their folder."""

    def call(path, **others):
        with tempfile.TemporaryDirectory() as folder:
            for name, content in FILES.items():
                Path(folder, name).write_text(content, encoding="utf-8")
            np.savez(Path(folder, "arrays.npz"), x=np.ones((2, 3, 1)), y=np.array([0, 1]))
            nps.save_weights(Path(folder, "weights.npz"), lstm().params)
            nps.save_model(Path(folder, "model.npz"), lstm())
            nps.save_checkpoint(Path(folder, "run.npz"), checkpoint())
            plain = isinstance(path, str | Path) and path and "\0" not in str(path)
            found = function(Path(folder, path) if plain else path, **others)
            shutil.rmtree(folder)
            Path(folder).mkdir()
            return found

    return call


def lstm():
    return nps.LSTM(3, 2, rng=draw())


def saved(save, load):
    def both(path, *given, **others):
        save(path, *given, **others)
        return load(path)

    return both


def reads(function, name, **kinds):
    usual = {key: value for key, (value, _) in kinds.items()}
    return Call(
        in_folder(function),
        lambda: {"path": name, **usual},
        {"path": "path", **{key: kind for key, (_, kind) in kinds.items()}},
    )


def checkpoint():
    adam = nps.Adam()
    params = adam.update(lstm().params, lstm().params)
    state = dict(draw().bit_generator.state)
    return nps.Checkpoint(params, adam.config(), adam.steps, adam.state(), state, nps.History())


CALLS = {
    "load_csv": reads(
        data.load_csv,
        "table.csv",
        header=(True, "flag or None"),
        delimiter=(",", "text or None"),
        decimal=(".", "word"),
        missing=("mask", "word"),
    ),
    "load_labelled_csv": reads(
        data.load_labelled_csv, "labelled.csv", labels=("step", "word"), decimal=(".", "word")
    ),
    "load_labelled_npz": reads(data.load_labelled_npz, "arrays.npz", most_bytes=(9999, "size")),
    "load_npz": reads(data.load_npz, "arrays.npz", most_bytes=(9999, "size")),
    "load_text": reads(data.load_text, "novel.txt", most_bytes=(9999, "size")),
    "load_ts": reads(data.load_ts, "vowels.ts"),
    "load_weights": reads(nps.load_weights, "weights.npz"),
    "load_checkpoint": reads(nps.load_checkpoint, "run.npz"),
    "load_model": reads(nps.load_model, "model.npz"),
    "save_weights": Call(
        in_folder(saved(nps.save_weights, nps.load_weights)),
        lambda: {"path": "new.npz", "params": lstm().params},
        {"path": "path", "params": "thing"},
    ),
    "save_weights of": Call(
        in_folder(lambda path, W: saved(nps.save_weights, nps.load_weights)(path, {"W": W})),
        lambda: {"path": "new.npz", "W": normal(3, 2)},
        {"W": "values"},
        {("W", "lists"): REFUSED, ("W", "an array of no axes"): None},
    ),
    "save_model": Call(
        in_folder(saved(nps.save_model, nps.load_model)),
        lambda: {"path": "new.npz", "model": lstm()},
        {"path": "path", "model": "layer"},
    ),
    "save_checkpoint": Call(
        in_folder(saved(nps.save_checkpoint, nps.load_checkpoint)),
        lambda: {"path": "new.npz", "checkpoint": checkpoint()},
        {"path": "path", "checkpoint": "thing"},
    ),
    "fit with a checkpoint": Call(
        in_folder(
            lambda path, batch_size: (
                nps.fit(
                    lstm(),
                    (normal(4, 5, 3), normal(4, 5, 2)),
                    epochs=1,
                    batch_size=batch_size,
                    rng=draw(),
                    checkpoint=path,
                ).train_loss
            )
        ),
        lambda: {"path": "run.npz", "batch_size": 4},
        {"path": "path or None", "batch_size": "size"},
    ),
    "optimiser_from": Call(
        nps.optimiser_from, lambda: {"config": nps.Adam().config()}, {"config": "thing"}
    ),
    "scaler_from": Call(
        data.scaler_from,
        lambda: {"config": data.MinMax.fit(normal(9, 1)).config()},
        {"config": "thing"},
    ),
    "check_leakage": Call(
        data.check_leakage,
        lambda: dict(
            zip(
                ("train", "held_out"),
                data.split_by_time(400).divide(data.windows(normal(400), 10)),
                strict=False,
            )
        ),
        {"train": "thing", "held_out": "thing"},
    ),
    "trim": Call(
        data.trim,
        lambda: {
            "samples": Samples(normal(2, 5, 1), np.zeros(2, int), np.arange(5) < [[3], [2]]),
            "keeps_time": False,
        },
        {"samples": "thing", "keeps_time": "flag"},
    ),
    "tagged_statements": Call(
        data.tagged_statements, lambda: {"source": "x = 1\n"}, {"source": "text"}
    ),
    "without_repeats": Call(text.without_repeats, lambda: {"text": "a\n\na\n"}, {"text": "text"}),
    "read": Call(
        lambda model, ids, span: [bits for _, bits in text.read(model, ids, span=span)],
        lambda: {
            "model": text.character_model(5, [4], rng=draw()),
            "ids": np.arange(12) % 5,
            "span": 4,
        },
        {"model": "layer", "ids": "whole", "span": "size"},
    ),
    "surprise": Call(
        text.surprise,
        lambda: {"logits": normal(6, 4), "ids": np.arange(6) % 4},
        {"logits": "floats", "ids": "whole"},
    ),
    "Vocabulary of": Call(Vocabulary.of, lambda: {"text": "abba"}, {"text": "text"}),
    "state_gradients": Call(
        analysis.state_gradients,
        lambda: {
            "model": lstm(),
            "tape": lstm().forward(normal(4, 5, 3)),
            "doutputs": normal(4, 5, 2),
        },
        {"model": "layer", "tape": "thing", "doutputs": "finite"},
    ),
    "recurrent_tapes": Call(
        lambda tape: analysis.recurrent_tapes("somewhere", tape),
        lambda: {"tape": lstm().forward(normal(4, 5, 3))},
        {"tape": "thing"},
    ),
    "SourceTarget": Call(
        lambda source, target_in, source_mask: (
            nps.EncoderDecoder(lstm(), lstm())
            .forward(nps.SourceTarget(source, target_in, source_mask))
            .outputs
        ),
        lambda: {
            "source": normal(2, 4, 3),
            "target_in": normal(2, 5, 3),
            "source_mask": np.arange(4) < [[4], [2]],
        },
        {"source": "finite", "target_in": "finite", "source_mask": "bools or None"},
        {("source", "NaN"): SAME, ("source", "infinity"): SAME},  # the last step is masked
    ),
}
