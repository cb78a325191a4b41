"""How light is ``import npstack``? ``python benchmarks/light.py`` prints seconds beyond NumPy.

Each sample is a fresh interpreter that has imported NumPy before the clock starts; byte code is
compiled beforehand into a separate folder, as in an installation.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile

CODE = """
import time, sys, numpy
began = time.perf_counter()
import npstack
print(time.perf_counter() - began)
assert "matplotlib" not in sys.modules
"""


def main() -> None:
    """Print the median and the range."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=15, help="fresh interpreters (15)")
    samples = parser.parse_args().samples
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": cache, "PYTHONDONTWRITEBYTECODE": ""}

        def seconds() -> float:
            command = [sys.executable, "-c", CODE]
            done = subprocess.run(
                command, env=environment, capture_output=True, text=True, check=True
            )
            return float(done.stdout)

        seconds()  # compiles
        times = sorted(seconds() for _ in range(samples))
    print(
        f"import npstack beyond NumPy, without matplotlib, in {samples} fresh interpreters: "
        f"median {statistics.median(times):.3f} s, {times[0]:.3f} to {times[-1]:.3f} s"
    )


if __name__ == "__main__":
    main()
