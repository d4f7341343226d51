"""Starting crmlab and running a chapter, beside peers in one run: ratios, because seconds belong to one machine.

`make bench` prints the table, then that of models.py; benchmarks/README.md keeps both with the machine named.
"""

import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]


def median_seconds(work, repeats):
    """The median time of calling something."""
    times = []
    for _ in range(repeats):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def process_seconds(code, repeats=9):
    """The median time of a fresh Python that runs some code."""
    return median_seconds(lambda: subprocess.run([sys.executable, "-c", code], check=True), repeats)


def rows():
    """What was measured: work, ours in seconds, the peer's, and who the peer is."""
    yield "start Python and import crmlab", process_seconds("import crmlab"), process_seconds("pass"), "Python alone"

    notebook, out = ROOT / "notebooks" / "08_lifetime_value.ipynb", ROOT / "build" / "bench.ipynb"
    by_crmlab = [sys.executable, "-m", "crmlab", "run", str(notebook), "--out", str(out.with_suffix(""))]
    by_papermill = [sys.executable, "-m", "papermill", str(notebook), str(out)]
    ours, theirs = (
        median_seconds(lambda command=command: subprocess.run(command, check=True, capture_output=True), 1)
        for command in (by_crmlab, by_papermill)
    )
    yield "chapter 08: crmlab run (with page and index)", ours, theirs, "papermill (notebook only)"


if __name__ == "__main__":
    print(f"{platform.python_implementation()} {platform.python_version()} on {platform.machine()}\n")
    print("| work | ours, s | peer, s | ours / peer | peer |\n|---|---|---|---|---|")
    for work, ours, peer, name in rows():
        print(f"| {work} | {ours:.3g} | {peer:.3g} | {ours / peer:.3g} | {name} |", flush=True)
