"""The package computes the bits that it computed before its files moved: a slice of that run."""

import subprocess

import pytest

from tests.full_runs.same_bits import ROOT, digests, digests_of
from tests.tools.provenance import read_evidence


def test_the_full_run_found_no_difference():
    full = read_evidence("same_bits")
    assert full["configurations"] >= 500
    assert (full["refused"], full["differ"]) == (0, 0)


@pytest.mark.slow
def test_a_slice_has_the_bits_of_the_earlier_commit():
    commit = read_evidence("same_bits")["compared_with"]
    known = subprocess.run(["git", "cat-file", "-e", commit], cwd=ROOT, check=False).returncode == 0
    if not known:
        pytest.skip("a shallow clone has no earlier commit")
    here = digests(90)
    assert len(here) == 90
    assert digests_of(commit, 90) == here
