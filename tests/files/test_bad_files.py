"""Bad files: a slice of the full run, every byte of a small file, and our own eyes."""

import os
import pickle

import numpy as np
import pytest

from npstack import DataError, History, load_checkpoint, load_weights, save_checkpoint, save_weights
from npstack.files import container
from npstack.training.checkpoint import Checkpoint
from tests.files.bad_reader import Reader, snapshot
from tests.files.forged import CANARY, Trap, archive_bytes, entries_of, resealed, with_json
from tests.full_runs.bad_files import FILES, KINDS, PER_KIND, figures, one, require, table
from tests.tools.provenance import read_evidence


@pytest.fixture(scope="module")
def reader():
    with Reader() as reader:
        yield reader


@pytest.fixture
def small(tmp_path):
    """A small checkpoint, and its bytes."""
    rng = np.random.default_rng(0)
    params = {"b": rng.standard_normal(2)}
    state = {"m.b": rng.standard_normal(2)}
    path = tmp_path / "bad.npz"
    whole = Checkpoint(params, {"name": "SGD"}, 1, state, rng.bit_generator.state, History())
    save_checkpoint(path, whole)
    return path, path.read_bytes()


# ---- the bar -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_bad_file_is_refused_clearly(kind, reader):
    for seed in (1000, 1001):
        assert one(kind, seed, reader).faults == []


def test_the_committed_run_refused_every_file_of_every_kind():
    evidence = read_evidence("bad_files")
    require(evidence)
    assert list(evidence["kinds"]) == [kind.__name__ for kind in KINDS]
    assert {row["files"] for row in evidence["kinds"].values()} == {PER_KIND}
    assert "refused clearly" in table(evidence)


# ---- every byte --------------------------------------------------------------------------------


@pytest.mark.parametrize("sealed", [False, True])
def test_no_byte_of_a_checkpoint_may_be_another_one_whether_the_digest_agrees_or_not(small, sealed):
    path, whole = small
    rng = np.random.default_rng(0)
    for at in range(0, len(whole) - 64 * sealed, 1 if sealed else 7):
        spoilt = bytearray(whole)
        spoilt[at] ^= 1 << int(rng.integers(8))
        path.write_bytes(resealed(bytes(spoilt)) if sealed else spoilt)
        with pytest.raises(DataError):
            load_checkpoint(path)


def test_no_end_of_a_checkpoint_may_be_missing(small):
    path, whole = small
    for length in (*range(0, len(whole) - 100, 7), *range(len(whole) - 100, len(whole))):
        path.write_bytes(whole[:length])
        with pytest.raises(DataError, match="whole npstack-checkpoint"):
            load_checkpoint(path)


# ---- that a fault would be seen ----------------------------------------------------------------


def test_what_is_not_spoilt_is_read_and_forged_from_its_parts_it_is_the_same(small, reader):
    path, whole = small
    met = reader.read("load_checkpoint", path)
    assert (met.error, met.message) == ("", "")
    assert archive_bytes(entries_of(whole)) == whole


def test_an_executed_pickle_would_leave_a_trace_in_the_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = snapshot(tmp_path)
    pickle.loads(pickle.dumps(Trap())).close()
    assert (tmp_path / CANARY).exists()
    assert snapshot(tmp_path) != before


def test_memory_is_measured_and_is_limited(tmp_path, reader):
    path = tmp_path / "large.npz"
    save_weights(path, {"b": np.zeros(5 * 10**6)})
    assert 40e6 < reader.read("load_weights", path).peak < 42e6
    with Reader(room=2**25) as little:
        assert little.read("load_weights", path).error == "MemoryError"


def leave(*_):
    os._exit(1)


def test_a_process_that_ends_is_no_refusal(tmp_path, monkeypatch):
    with Reader() as reader:
        monkeypatch.setattr("tests.files.bad_reader.read", leave)
        assert reader.read("load_weights", tmp_path / "w.npz").error == "the process ended"
        monkeypatch.undo()
        assert reader.read("load_weights", tmp_path / "w.npz").error == "FileNotFoundError"


def test_a_fault_is_counted(tmp_path, reader):
    good = one(KINDS[0], 0, reader)
    assert good.faults == []
    for change, words in (
        ({"met": good.met._replace(ours=False, error="KeyError")}, "no DataError, but KeyError"),
        ({"met": good.met._replace(ours=False, error="")}, "no DataError, but nothing"),
        ({"met": good.met._replace(message="load_weights: bad")}, "not where, what"),
        ({"met": good.met._replace(message=good.met.message * 20)}, "too long"),
        ({"met": good.met._replace(peak=10**9)}, "bytes of memory"),
        ({"folder_same": False}, "the folder has changed"),
    ):
        bad = good._replace(**change)
        assert any(words in fault for fault in bad.faults)
        found = figures([good, bad])
        assert (found["files"], found["refused_clearly"], len(found["faults"])) == (2, 1, 1)
        with pytest.raises(AssertionError):
            require({**found, "files": FILES + 1, "refused_clearly": FILES})


# ---- other ends --------------------------------------------------------------------------------


def test_a_file_that_is_shortened_while_it_is_read_is_noticed(tmp_path, monkeypatch):
    path = tmp_path / "w.npz"
    save_weights(path, {"b": np.zeros(10_000)})
    right = container.check_digest

    def shorten(*arguments):
        right(*arguments)
        os.truncate(path, 50_000)

    monkeypatch.setattr(container, "check_digest", shorten)
    with pytest.raises(DataError, match="must stay as it is while it is read"):
        load_weights(path)


def test_a_file_that_is_too_large_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "w.npz"
    save_weights(path, {"b": np.zeros(3)})
    os.truncate(path, 10**10)  # takes no room on the disk
    with pytest.raises(DataError, match="10,000,000,000 bytes, more than"):
        load_weights(path)


def test_a_pipe_is_refused_and_does_not_wait_for_ever(tmp_path):
    os.mkfifo(tmp_path / "pipe.npz")
    with pytest.raises(DataError, match="path must lead to a file"):
        load_weights(tmp_path / "pipe.npz")


def test_what_stands_in_a_bad_file_comes_into_the_message_short_and_as_plain_text(small):
    path, whole = small
    entries = with_json(entries_of(whole), lambda values: values.update(format="\x1b[31m" * 1000))
    path.write_bytes(archive_bytes(entries))
    with pytest.raises(DataError, match=r"x1b.*Give a file that npstack wrote") as raised:
        load_checkpoint(path)
    assert str(raised.value).isprintable()
    assert len(str(raised.value)) < 500
