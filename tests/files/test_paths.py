"""One door for paths: what is no file is said in words by all that read or write, and at once."""

import os
import socket
import tracemalloc

import numpy as np
import pytest

from npstack import (
    GRU,
    Adam,
    DataError,
    History,
    NpstackError,
    Samples,
    fit,
    load_checkpoint,
    load_model,
    load_weights,
    save_checkpoint,
    save_model,
    save_weights,
)
from npstack.data import (
    load_csv,
    load_labelled_csv,
    load_labelled_npz,
    load_npz,
    load_text,
    load_ts,
)
from npstack.files import strict_json
from npstack.training.checkpoint import Checkpoint

RNG = np.random.default_rng(0)
MODEL = GRU(1, 2, rng=RNG)
NOW = Checkpoint(MODEL.params, {}, 0, {}, RNG.bit_generator.state, History())
ONES = Samples(np.ones((2, 3, 1)), np.ones((2, 3, 2)))
READERS = {
    load.__name__: load
    for load in (
        *(load_csv, load_labelled_csv, load_labelled_npz, load_npz, load_text, load_ts),
        *(load_checkpoint, load_model, load_weights),
    )
} | {"strict_json.read": lambda path: strict_json.read("a run", path, "Was it edited?")}
WRITERS = {
    "save_weights": lambda path: save_weights(path, MODEL.params),
    "save_model": lambda path: save_model(path, MODEL),
    "save_checkpoint": lambda path: save_checkpoint(path, NOW),
    "fit": lambda path: fit(
        *(MODEL, ONES), epochs=1, batch_size=2, rng=RNG, optimiser=Adam(0.1), checkpoint=path
    ),
}
EITHER = READERS | WRITERS


class Broken(os.PathLike):
    def __fspath__(self):
        return 3


NO_NAMES = {
    "None": (None, "must be a str or a Path, got None"),
    "a number, which is standard input": (0, r"must be a str or a Path, got 0 \(int\)"),
    "bytes": (b"a.csv", r"must be a str or a Path, got b'a.csv' .*os.fsdecode"),
    "a list": (["a.csv"], "must be a str or a Path"),
    "an open file": (open(os.devnull), "must be a str or a Path"),  # noqa: SIM115
    "a path that is none": (Broken(), "must be a str or a Path"),
    "nothing": ("", "must name a file"),
    "a zero character": ("a\0b.csv", "no zero character.*Take it out"),
    "home": ("~/a.csv", r"must be spelt out, got '~/a.csv'.*Path\('~/a.csv'\).expanduser"),
    "somebody's home": ("~root/a.csv", "must be spelt out"),
}


@pytest.mark.parametrize("name", NO_NAMES)
@pytest.mark.parametrize("who", EITHER)
def test_what_names_no_file_is_said_in_words(who, name):
    path, words = NO_NAMES[name]
    if (who, path) == ("fit", None):
        return  # without a checkpoint
    with pytest.raises(NpstackError, match=words):
        EITHER[who](path)


def no_files(folder):
    """Everything that a path can lead to and that is no file."""
    os.mkfifo(folder / "pipe")
    (folder / "loop").symlink_to("loop")
    (folder / "folder").mkdir()
    (folder / "to a pipe").symlink_to("pipe")
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(folder / "s"))
    server.close()
    kinds = {"pipe": "a pipe", "loop": "a link that leads back", "folder": "a folder"}
    kinds |= {"to a pipe": "a pipe", "s": "a socket"}
    return {folder / name: kind for name, kind in kinds.items()} | {"/dev/zero": "a device"}


@pytest.mark.parametrize("who", EITHER)
def test_a_path_that_leads_to_no_file_is_refused_and_left_alone(who, tmp_path):
    expected = "must lead to a file" if who in READERS else "must be free, or lead to a file"
    for path, kind in no_files(tmp_path).items():
        with pytest.raises(NpstackError, match=f"{expected}, got {kind}"):
            EITHER[who](path)
    assert len(list(tmp_path.iterdir())) == 5


@pytest.mark.parametrize("who", READERS)
def test_a_file_that_is_not_there_is_told_as_python_tells_it(who, tmp_path):
    for path in (tmp_path / "a", tmp_path / "no folder" / "a"):
        with pytest.raises(FileNotFoundError, match=str(path)):
            EITHER[who](path)


@pytest.mark.parametrize("who", WRITERS)
def test_a_name_in_no_folder_is_refused(who, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NpstackError, match=r"the folder of \w+ must exist, got '.*away'"):
        WRITERS[who](tmp_path / "away" / "a.npz")
    with pytest.raises(NpstackError, match="a path that goes through a file"):
        WRITERS[who](tmp_path / "file" / "a.npz")


def test_names_that_look_odd_are_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "~").mkdir()
    for name in ("~backup.npz", "#1.npz", " .npz", "~/a.npz", "-.npz", "a\nb.npz", "naïve.npz"):
        save_weights(name, {"b": np.ones(2)})
        assert load_weights(name)[0]["b"].sum() == 2, name


SIZES = {
    "load_csv": r"most_bytes=\d+",
    "load_labelled_csv": r"most_bytes=\d+",
    "load_ts": r"most_bytes=\d+",
    "load_text": r"most_bytes=\d+",
    "strict_json.read": "Was it edited",
}


@pytest.mark.parametrize("who", READERS)
def test_a_sparse_file_of_eight_gigabytes_is_refused_with_the_figure_before_it_is_read(
    who, tmp_path
):
    path = tmp_path / "huge"
    path.write_bytes(b"PK\3\4" if "text" not in who and "csv" not in who else b"a,b\n1,2\n")
    os.truncate(path, 2**33)
    tracemalloc.start()
    try:
        with pytest.raises(DataError) as raised:
            READERS[who](path)
        assert tracemalloc.get_traced_memory()[1] < 2**22
    finally:
        tracemalloc.stop()
    if who in SIZES:
        assert raised.match(f"at most .* bytes, got 8,589,934,592. .*{SIZES[who]}")
