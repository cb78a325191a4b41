"""A slice of the naming run, and the committed figures of all of it."""

import pytest

from npstack.verify import CATALOGUE
from tests.full_runs.naming import judged, require, strangers, trials
from tests.tools.provenance import read_evidence
from tests.verify.courses.outside import outside

ALL = trials()
FINE = ("named", "no change")


@pytest.mark.slow
def test_a_slice_is_named():
    found = [judged(trial) for trial in ALL[3::31]]
    assert not [own for own in found if own["verdict"] not in FINE]


@pytest.mark.slow
def test_mistakes_from_outside_are_not_named():
    found = list(strangers())
    assert not [own for own in found if own["right"] or own["named"]]


@pytest.mark.parametrize("trial", ALL[7::230], ids=lambda own: f"{own.cell}-{own.name}")
def test_a_mistake_is_named(trial):
    found = judged(trial._replace(steps=min(trial.steps, 4)))
    assert found["verdict"] in FINE, found


def test_the_full_run_is_whole_and_meets_the_bars():
    evidence = read_evidence("naming")
    assert evidence["mistakes"] == len(CATALOGUE)
    assert evidence["trials"] == len(ALL)
    assert evidence["from outside"] == len(outside()) >= 60
    require(evidence)
