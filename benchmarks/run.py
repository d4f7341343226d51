"""Speed beside peers, in one run: ratios, because absolute times belong to one machine and one moment.

`make bench` prints the table; benchmarks/README.md keeps one with the machine named.
"""

import json
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]

# The peer warns on import and pins nothing: it runs in a process of its own and times itself.
LIFETIMES = """
import json, sys, time, warnings
warnings.simplefilter("ignore")
import pandas as pd
from lifetimes import BetaGeoFitter
table = pd.read_parquet(sys.argv[1])
times = []
for _ in range(int(sys.argv[2])):
    begun = time.perf_counter()
    BetaGeoFitter().fit(table["frequency"], table["recency"], table["T"])
    times.append(time.perf_counter() - begun)
print(json.dumps(times))
"""


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


def lifetimes_seconds(table, repeats):
    """The median time of the peer's fit."""
    file = ROOT / "build" / "bench.parquet"
    file.parent.mkdir(exist_ok=True)
    table.to_parquet(file)
    command = [sys.executable, "-c", LIFETIMES, str(file), str(repeats)]
    return statistics.median(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def rows():
    """What was measured: work, ours in seconds, the peer's, and who the peer is."""
    import numpy as np

    from crmlab.data import load_cdnow, split
    from crmlab.lifetime_value import BetaGeoNBD

    yield "start Python and import crmlab", process_seconds("import crmlab"), process_seconds("pass"), "Python alone"

    cdnow = split(load_cdnow(), "1997-09-30")
    ours = median_seconds(lambda: BetaGeoNBD().fit(cdnow), 9)
    yield "BG/NBD fit, CDNOW (2,357 customers)", ours, lifetimes_seconds(cdnow, 5), "lifetimes"

    model = BetaGeoNBD.from_params(r=0.25, alpha=4.5, a=0.8, b=2.5)
    observed = np.random.default_rng(1).integers(189, 274, 200_000) / 7
    many = model.simulate(observed, random_state=1)
    many["recency"] = (many["recency"] * 7).round().clip(lower=(many["frequency"] > 0) * 1) / 7
    many["recency"] = many[["recency", "T"]].min(axis=1)
    ours = median_seconds(lambda: BetaGeoNBD().fit(many), 3)
    yield "BG/NBD fit, 200,000 customers in whole days", ours, lifetimes_seconds(many, 1), "lifetimes"

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
