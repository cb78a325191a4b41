"""Run folders that somebody else has made, edited, or put links into."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from npstack import load_checkpoint, save_weights
from tests.cli.odd.case import BAD_DATA, OK, Case
from tests.cli.odd.of_files import NO_FILES, at
from tests.cli.odd.of_folders import link

USES = {
    "f": ("predict f sales.csv", "train --resume --out f", "plot f --out o"),
    "c": ("predict c signs.csv", "train --resume --out c", "plot c --out o"),
    "t": ("predict t --length 5", "train --resume --out t", "plot t --out o"),
}
GONE = object()  # a field that is taken away


def edited(run: str, path: str, value: Any, honest: bool = True) -> Callable[[Path], None]:
    """Another value in ``config.json``; the digest of the facts fits, as somebody can make it."""

    def prepare(work: Path) -> None:
        file = work / run / "config.json"
        config = json.loads(file.read_text(encoding="utf-8"))
        *parents, last = path.split(".")
        place = config
        for name in parents:
            place = place[name]
        if value is GONE:
            del place[last]
        else:
            place[last] = value(place[last]) if callable(value) else value
        if honest and isinstance(config.get("facts"), dict | list):
            text = json.dumps(config["facts"], sort_keys=True)
            config["facts_sha256"] = hashlib.sha256(text.encode()).hexdigest()
        file.write_text(json.dumps(config), encoding="utf-8")

    shown = "gone" if value is GONE else "changed" if callable(value) else repr(value)[:40]
    prepare.says = f"{run}: {path} {shown}"  # type: ignore[attr-defined]
    return prepare


def _each(run: str, path: str, values: list[Any]) -> list[Case]:
    """One use of the run, in turn, for every value."""
    return [
        Case(USES[run][k % 3], BAD_DATA, "config.json", prepare=edited(run, path, value))
        for k, value in enumerate(values)
    ]


HUGE = [0.0] * 3000
FACTS = [
    *_each("f", "facts", [None, 7, [], {}, "x", GONE]),
    *_each("f", "facts.columns", [None, 7, [], "sold", ["sold"], ["sold", "sold"], ["sold", 7]]),
    *_each("f", "facts.columns", [["sold", ""], ["sold", "rain", "sun"], [["sold", "rain"]], GONE]),
    *_each("f", "facts.target", [None, "sun", "", 1, ["sold"], GONE]),
    *_each("f", "facts.scaler", [None, [], {}, "Standardiser", GONE]),
    *_each("f", "facts.scaler.name", ["MinMax", "eval", None, 7]),
    *_each(
        "f", "facts.scaler.shift", [None, [1.0], HUGE, ["a", "b"], [[1.0], [2.0]], [1, 2], GONE]
    ),
    *_each("f", "facts.scaler.scale", [[0.0, 1.0], [-1.0, 1.0], [1.0], [None, 1.0], [True, True]]),
    *_each(
        "f", "facts.scaler.rows", [None, [], [[5, 2]], [[0.5, 2]], [[-3, 2]], [["a", "b"]], "x"]
    ),
    *_each("f", "facts.more", [1]),
    *_each("c", "facts.features", [None, [], ["u", "u"], ["u"], "uv", ["u", 3], GONE]),
    *_each("c", "facts.classes", [None, [], ["a"], ["a", "a", "b"], "abc", {"a": 1}, GONE]),
    *_each("c", "facts.scaler", [None, {}, 7]),
    *_each("t", "facts.symbols", [None, "", "aa", 7, ["a"], GONE]),
    *_each("t", "facts.counts", [None, [], [1], ["a"], lambda n: [0 for _ in n], GONE]),
    *_each("t", "facts.counts", [lambda n: [-1, *n[1:]], lambda n: [0.5, *n[1:]]]),
    *(
        Case(line, BAD_DATA, prepare=edited("f", "facts.columns", ["rain", "sold"]))
        for line in USES["f"][1:]
    ),
    *(
        Case(line, BAD_DATA, "facts", prepare=edited("f", "facts.scaler.shift", [5.0, 5.0]))
        for line in USES["f"][1:]
    ),
    Case(USES["f"][0], OK, prepare=edited("f", "facts.scaler.rows", [[0, 10**15]])),
    Case(USES["f"][0], BAD_DATA, "facts", prepare=edited("f", "facts.target", "rain", False)),
]
CONFIGS = [
    *_each("f", "task", ["classify", "text", "fly", None, 7, [], {}, GONE]),
    *_each("c", "task", ["forecast", "text"]),
    *_each("t", "task", ["forecast", "classify"]),
    *_each("f", "format", ["other", None, 7, [], GONE]),
    *_each("f", "version", [2, "1", None, 1.5]),
    *_each("f", "options", [None, 7, [], "x", [[1, 2]], GONE]),
    *_each("f", "options.window", [-5, [[]], {}, "x", 1.5, True]),
    *_each("f", "options.layers", [[0], "x", {}, [[4]], [4, None], [1] * 101]),
    *_each("f", "options.dtype", ["float16", 7]),
    *_each("f", "options.learning_rate", [0, "x", [], -1]),
    *_each("f", "data", [None, 7, [], {}, "x", GONE]),
    *_each("f", "data.path", [None, 7, [], GONE]),
    *(
        Case(USES["f"][1], BAD_DATA, prepare=edited("f", "data.path", path))
        for path in ("", "\0", "nowhere", "/dev/zero", ".", "x" * 5000, "\x1b[2J")
    ),
    Case(USES["f"][1], BAD_DATA, "other bytes", prepare=edited("f", "data.sha256", "0" * 64)),
    Case(USES["f"][0], BAD_DATA, prepare=edited("f", "options.layers", [5, 3])),
    Case(USES["f"][1], BAD_DATA, prepare=edited("f", "options.horizon", 4)),
    Case(USES["f"][1], BAD_DATA, prepare=edited("f", "options.validation", 0.2)),
    Case(USES["f"][1], BAD_DATA, prepare=edited("f", "options.batch_size", 7)),
    Case(USES["f"][2], 2, "memory", prepare=edited("f", "options.layers", [300_000])),
    Case(USES["t"][0], BAD_DATA, "replacement", prepare=edited("t", "options.replacement", "ß")),
]
JSON = ("empty", "random bytes", "a brace", "an empty list", "null", "deep", "a key twice")
JSON = (*JSON, "not a number", "many digits", "half a letter", "link", "sparse", "unreadable")


def _in_place_of(name: str, kinds: tuple[str, ...]) -> list[Case]:
    """Odd things in the place of a file of a run, used in turn."""
    return [
        Case(
            USES["f"][k % 3],
            BAD_DATA,
            prepare=at(f"f/{name}", kind),
            how={"user": "nobody"} if kind == "unreadable" else {},
        )
        for k, kind in enumerate(kinds)
    ]


def of_another_task(work: Path) -> None:
    """The checkpoint is that of another task's run."""
    shutil.copy(work / "c" / "checkpoint.npz", work / "f" / "checkpoint.npz")


def weights_alone(work: Path) -> None:
    """Weights where the checkpoint should be."""
    path = work / "f" / "checkpoint.npz"
    save_weights(path, load_checkpoint(path).params)


def cut_short(work: Path) -> None:
    """A checkpoint without its last bytes."""
    path = work / "f" / "checkpoint.npz"
    path.write_bytes(path.read_bytes()[:-100])


def of_numpy(work: Path) -> None:
    """A checkpoint that np.savez has written."""
    (work / "f" / "checkpoint.npz").unlink()
    np.savez(work / "f" / "checkpoint.npz", a=np.ones(3))


def remains(work: Path) -> None:
    """Names like those of a killed save: a pipe, a link, and a file of somebody."""
    os.mkfifo(work / "f" / "checkpoint.npz.01234567.part")
    (work / "f" / "config.json.01234567.part").symlink_to("../../outside/config.json")
    (work / "f" / "checkpoint.npz.mine.part").write_text("somebody's")


def a_link_to_the_run(work: Path) -> None:
    """The run folder is reached by a link, which a user may have made."""
    (work / "f").rename(work / "elsewhere")
    (work / "f").symlink_to("elsewhere")


def nothing_but_links(work: Path) -> None:
    """A run folder whose files all lead to another run's."""
    (work / "f").rename(work / "real")
    (work / "f").mkdir()
    for path in (work / "real").iterdir():
        (work / "f" / path.name).symlink_to(f"../real/{path.name}")


SPOILT = (of_another_task, weights_alone, cut_short, of_numpy, nothing_but_links)
FILES = [
    *_in_place_of("config.json", (*NO_FILES, *JSON)),
    *_in_place_of("checkpoint.npz", (*NO_FILES, "link", "sparse", "empty", "random bytes", "zip")),
    *_in_place_of("metrics.json", ("link", "pipe", "loop", "folder")),
    *_in_place_of("README.txt", ("link", "dangling", "device")),
    *_in_place_of("checkpoint.npz.previous", ("link", "pipe", "folder")),
    *(Case(USES["f"][k % 2], BAD_DATA, prepare=spoil) for k, spoil in enumerate(SPOILT)),
    *(
        Case(line, BAD_DATA, prepare=link(f"f/{name}", f"../../outside/{name}"))
        for name in ("config.json", "checkpoint.npz")
        for line in USES["f"]
    ),
    Case(
        "train --resume --out f",
        OK,
        prepare=remains,
        makes=(
            "f/config.json",
            "f/README.txt",
            "f/metrics.json",
            "f/training.png",
            "f/forecasts.png",
            "f/errors_by_horizon.png",
            "f/activations.png",
        ),
    ),
    Case(
        "train --resume --out f --no-pictures", OK, prepare=a_link_to_the_run, makes=("elsewhere",)
    ),
    Case("predict f sales.csv", OK, prepare=a_link_to_the_run),
]
CASES = [*FACTS, *CONFIGS, *FILES]
