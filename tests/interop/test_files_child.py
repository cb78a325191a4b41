"""The process with limits in which libraries in C++ read files."""

import os
import subprocess
import sys
import time

import numpy as np
import pytest

from npstack.core.errors import DataError, MissingPackageError
from npstack.interop.files import child
from npstack.interop.files.child import in_child
from npstack.interop.files.stored import most_bytes


def plain(stream, *args):
    """A function for the child: what it was given, and an array."""
    print("noise")
    print("noise", file=sys.stderr)
    os.write(1, b"noise")
    text = stream.read()
    return [text.decode(), *args], {"a": np.arange(6.0).reshape(2, 3), "b": np.ones(2, np.float32)}


def burn(stream):
    while True:
        pass


def fill(stream):
    return None, {"a": np.ones(10**9)}


def crash(stream):
    os.abort()


def end(stream):
    os._exit(7)


def quiet(stream):
    os._exit(0)


def start(stream):
    return subprocess.run(["true"], check=True).returncode, {}


def put(stream, path):
    with open(path, "w") as file:
        file.write("x")
    return 0, {}


def put_much(stream):
    return 0, {"a": np.zeros(most_bytes(0) + 2**26, np.uint8)}


def no_numbers(stream):
    return 0, {"a": np.ones(2, complex)}


HERE = __name__


def test_a_child_gives_back_what_it_read_without_its_noise(capfd, tmp_path):
    (tmp_path / "a").write_bytes(b"content")
    with open(tmp_path / "a", "rb") as file:
        file.read(3)  # it begins at the beginning all the same
        for source in (file, b"content"):
            value, arrays = in_child(f"{HERE}:plain", source, 3, "é", where="here")
            assert value == ["content", 3, "é"]
            assert arrays["a"].tolist() == [[0, 1, 2], [3, 4, 5]]
            assert arrays["b"].dtype == np.float32
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="limits as Linux has them")
@pytest.mark.parametrize(
    ("function", "words"),
    [
        ("fill", "must fit into the memory"),
        ("crash", r"a crash \(SIGABRT\)"),
        ("end", r"a crash \(code 7\)"),
        ("start", "subprocess.Popen while a file is read"),
        ("put_much", "File too large"),
        ("no_numbers", "complex128"),
        ("nothing", "AttributeError"),
    ],
)
def test_what_a_child_may_not_do_is_an_error_here(function, words):
    with pytest.raises(DataError, match=words) as caught:
        in_child(f"{HERE}:{function}", b"", where="here")
    assert caught.value.where == "here"
    assert caught.value.advice


def test_a_child_writes_no_file(tmp_path):
    with pytest.raises(DataError, match="open while a file is read"):
        in_child(f"{HERE}:put", b"", str(tmp_path / "x"), where="here")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="limits as Unix has them")
def test_a_child_that_does_not_end_is_ended(monkeypatch):
    monkeypatch.setattr(child, "SECONDS", 1)
    began = time.monotonic()
    with pytest.raises(DataError, match="too much time"):
        in_child(f"{HERE}:burn", b"", where="here")
    monkeypatch.setattr(child, "SECONDS", 30)
    monkeypatch.setattr(child, "WAIT", -59)
    with pytest.raises(DataError, match="1 seconds without an end"):
        in_child(f"{HERE}:burn", b"", where="here")
    assert time.monotonic() - began < 30


def test_a_package_that_is_missing_is_named_with_its_extra():
    with pytest.raises(MissingPackageError, match=r"npstack\[interop\]"):
        in_child(f"{HERE}:plain", b"", where="here", package="no_such_package")


@pytest.mark.parametrize("long", ["argument", "where", "path"])
def test_what_is_asked_for_may_be_longer_than_an_argument_of_a_program(long, monkeypatch):
    text, where = "é" * 10**6, "here"
    if long == "path":
        monkeypatch.setattr(
            sys, "path", [*sys.path, *("/" + "p" * 1000 + str(k) for k in range(300))]
        )
        text = "é"
    elif long == "where":
        text, where = "é", "w" * 10**6
    value, arrays = in_child(f"{HERE}:plain", b"content", text, where=where)
    assert value == ["content", text]
    assert arrays["a"].tolist() == [[0, 1, 2], [3, 4, 5]]
    with pytest.raises(DataError, match="AttributeError") as caught:
        in_child(f"{HERE}:nothing", b"", text, where=where)
    assert caught.value.where == where


def test_a_child_that_ends_without_an_answer_has_given_none():
    with pytest.raises(DataError, match="must begin with the length of its head, got 0 bytes"):
        in_child(f"{HERE}:quiet", b"", where="here")
