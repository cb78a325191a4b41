"""Tests run with NumPy's floating-point errors raised; Hypothesis draws the same each time."""

import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, settings

# Derandomised everywhere: a red test must be red for everyone. "explore" is for hunting by hand
# (pytest --hypothesis-profile=explore).
quiet = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("ci", derandomize=True, database=None, print_blob=True, **quiet)
settings.register_profile("explore", max_examples=500, **quiet)
settings.register_profile(
    "mutation", settings.get_profile("ci"), phases=(Phase.explicit, Phase.generate)
)
settings.load_profile("ci")


# Of these many cases, of a file or of one test, the first of each test is tried by default, and of
# the others one in so many, drawn by its name; all with `-m slow`.
SLICED = {
    "tests/agreement/test_records_onnx.py": 2,
    "tests/cells/test_cells.py": 3,
    "tests/cells/test_variants.py": 3,
    "tests/cli/test_check_newcomers.py": 2,
    "tests/cli/test_program.py::test_streams_that_fail_leave_one_line_and_a_code": 3,
    "tests/cli/test_resume.py": 3,
    "tests/cli/test_train.py": 2,
    "tests/documents/test_own_backward.py": 4,
    "tests/files/test_bad_files.py": 2,
    "tests/layers/test_nested_gradients.py": 6,
    "tests/layers/test_nested_oracle.py": 3,
    "tests/layers/test_stacks.py::test_laws_and_gradients_of_stacks_in_two_directions": 4,
    "tests/lessons/test_grading.py": 2,
    "tests/odd_calls/test_odd_calls.py": 10,
    "tests/plots/test_odd.py": 3,
    "tests/plots/test_diagnostics.py": 2,
    "tests/plots/test_plots.py": 2,
    "tests/plots/test_results.py": 2,
    "tests/plots/test_scale.py": 3,
    "tests/plots/test_states.py": 2,
    "tests/seq2seq/test_seq2seq.py": 4,
    "tests/seq2seq/test_whole_model.py": 2,
    "tests/training/test_losses.py": 2,
    "tests/training/test_losses_ends.py": 2,
    "tests/training/test_metrics_ends.py": 2,
    "tests/training/test_resume.py": 3,
    "tests/verify/test_checker.py": 4,
    "tests/verify/test_explain.py": 3,
    "tests/verify/test_foreign.py": 3,
    "tests/verify/test_gradcheck_differences.py": 2,
    "tests/verify/test_gradcheck_inside.py": 8,
    "tests/verify/test_gradcheck_rounding.py": 3,
    "tests/verify/test_laws.py": 9,
    "tests/verify/test_oracle_gradients.py": 3,
    "tests/verify/test_program.py": 2,
    "tests/verify/test_right_backwards.py": 2,
    "tests/verify/test_truth.py": 2,
    "tests/verify/test_truth_ladder.py": 4,
}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the cases beyond the slice as slow, before any are deselected."""
    before = ""
    for item in items:
        file, test = (item.nodeid.partition(end)[0] for end in ("::", "["))
        every = SLICED.get(test, SLICED.get(file, 1))
        if test == before and zlib.crc32(item.name.encode()) % every:
            item.add_marker(pytest.mark.slow)
        before = test


@pytest.fixture(autouse=True)
def floating_point_errors_raised() -> Iterator[None]:
    """Underflow excepted: a saturated gate underflows legitimately."""
    with np.errstate(all="raise", under="ignore"):
        yield


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes a file of the test's own and says where it is."""

    def put(content: str | bytes, name: str = "a.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return put
