"""Sweeps, the whole workbook and kernels, beside papermill in one run on the same cores: ratios, and memory a worker.

`make bench` prints the tables; `--only sweep` (workbook, memory, kernels) prints one. The notebook of the sweep is made
here: the imports of a chapter, data drawn from a seed, a fit, a picture, a recorded result.
"""

import argparse
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

ROOT = Path(__file__).parents[1]
RUNS, PROCESSES = 40, 2
CELLS = """
import pandas as pd
import numpy as np
import seaborn as sns
from matplotlib import pyplot as plt
from sklearn.linear_model import LogisticRegression
from crmlab.runner import allow, between, record
---
seed: int = 0  # of the draw
---
allow(seed=between(0, 10_000))
---
rng = np.random.default_rng(seed)
customers = pd.DataFrame({"recency": rng.exponential(9, 500), "frequency": rng.poisson(4, 500)})
odds = np.exp(0.3 * customers["frequency"] - 0.15 * customers["recency"])
customers["returns"] = rng.random(500) < odds / (1 + odds)
customers.head()
---
measured = ["recency", "frequency"]
model = LogisticRegression().fit(customers[measured], customers["returns"])
customers["chance"] = model.predict_proba(customers[measured])[:, 1]
---
fig, ax = plt.subplots()
_ = sns.histplot(customers, x="chance", ax=ax)
---
record("recency", float(model.coef_[0, 0]))
"""
ONE_AFTER_ANOTHER = """import sys
from papermill import execute_notebook
for name in sys.argv[2:]:
    execute_notebook(name, sys.argv[1] + "/" + name.split("/")[-1], progress_bar=False)
"""


def write_notebook(path):
    """The notebook of the sweep."""
    import nbformat
    from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

    cells = [new_code_cell(source.strip()) for source in CELLS.split("---\n")]
    cells[1].metadata["tags"] = ["parameters"]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    title = new_markdown_cell("# Who returns\n\n*Does recency tell?*")
    nbformat.write(new_notebook(cells=[title, *cells], metadata={"kernelspec": kernel}), path)
    return path


def seconds(work):
    """How long a call takes, by the clock."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def command(*words):
    """Run `crmlab` as a user does."""
    subprocess.run([sys.executable, "-m", "crmlab", *map(str, words)], check=True, capture_output=True, cwd=ROOT)


def our_sweep(notebook, folder, runs=RUNS, workers=PROCESSES):
    """A sweep over seeds, into a folder."""
    seeds = ",".join(map(str, range(runs)))
    command("sweep", notebook, "-p", f"seed={seeds}", "--workers", workers, "--out", folder)


def their_run(notebook, folder, seed):
    """One run by papermill."""
    from papermill import execute_notebook

    execute_notebook(str(notebook), str(folder / f"{seed}.ipynb"), {"seed": seed}, progress_bar=False)


def in_silence():
    """In a process of the pool: leave out what kernels note on themselves."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def their_sweep(notebook, folder):
    """The same runs by papermill, from a pool of processes."""
    folder.mkdir()
    with ProcessPoolExecutor(PROCESSES, multiprocessing.get_context("spawn"), in_silence) as pool:
        list(pool.map(partial(their_run, notebook, folder), range(RUNS)))


def sweep_rows(folder):
    """A sweep beside papermill's; ours before and after, lest a machine that slows down decide."""
    from crmlab.runner import Catalogue, results

    notebook = write_notebook(folder / "returns.ipynb")
    before = seconds(lambda: our_sweep(notebook, folder / "before"))
    theirs = seconds(lambda: their_sweep(notebook, folder / "papermill"))
    after = seconds(lambda: our_sweep(notebook, folder / "after"))
    table = Catalogue(folder / "after").runs.set_index("seed")
    for seed in range(RUNS):
        assert results(folder / "papermill" / f"{seed}.ipynb")["value"].tolist() == [table.loc[seed, "recency"]]
    yield f"{RUNS} runs", (before + after) / 2, theirs, f"papermill, a pool of {PROCESSES}"


def workbook_rows(folder):
    """The whole workbook beside papermill, one chapter after another."""
    from crmlab.workbook.build import write_pages

    chapters = [str(path) for path in sorted((ROOT / "notebooks").glob("*.ipynb"))]
    (folder / "papermill").mkdir()
    theirs = seconds(
        lambda: subprocess.run(
            [sys.executable, "-c", ONE_AFTER_ANOTHER, str(folder / "papermill"), *chapters],
            check=True,
            capture_output=True,
            cwd=ROOT,
        )
    )
    ours = seconds(lambda: command("run", *chapters, "--workers", PROCESSES, "--out", folder / "ours"))
    pages = seconds(lambda: write_pages(folder / "ours"))
    work = f"the workbook, {len(chapters)} chapters"
    yield f"{work}, with pages and index", ours, theirs, "papermill, one after another, no pages"
    yield f"{work}, less the time of its pages", ours - pages, theirs, "papermill, one after another"


def memory_of(process):
    """PSS and USS of a process and all below it, in MB: shared pages count once in the one, never in the other."""
    import psutil

    pss = uss = 0
    for one in [process, *process.children(recursive=True)]:
        try:
            held = one.memory_full_info()
        except (psutil.NoSuchProcess, psutil.AccessDenied):  # gone by now
            continue
        pss, uss = pss + held.pss, uss + held.uss
    return pss / 1e6, uss / 1e6


def peak_memory(notebook, folder, workers):
    """The most that a sweep's processes held together: by PSS, by USS."""
    import psutil

    words = ["sweep", notebook, "-p", f"seed={','.join(map(str, range(6 * workers)))}", "--workers", workers]
    started = subprocess.Popen(
        [sys.executable, "-m", "crmlab", *map(str, words), "--out", str(folder)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    process, most = psutil.Process(started.pid), (0.0, 0.0)
    while started.poll() is None:
        most = tuple(map(max, most, memory_of(process)))
        time.sleep(0.02)
    assert started.returncode == 0
    return most


def kernel_seconds(notebook, provisioner):
    """Until a kernel is ready, until its cells are done, until it is gone: with Jupyter's own, or a warm process."""
    import nbformat
    from jupyter_client import KernelManager

    manager = KernelManager(kernel_name="python3")
    if provisioner:
        manager.kernel_spec.metadata["kernel_provisioner"] = {"provisioner_name": provisioner}
    cells = [cell.source for cell in nbformat.read(notebook, 4).cells if cell.cell_type == "code"]
    client = None

    def ready():
        nonlocal client
        manager.start_kernel(extra_arguments=["--log-level=ERROR"])  # no notes on itself
        client = manager.client()
        client.start_channels()
        client.wait_for_ready(timeout=60)

    def work():
        for source in cells:
            assert client.execute_interactive(source, output_hook=lambda _: None)["content"]["status"] == "ok"

    def stop():
        client.stop_channels()
        manager.shutdown_kernel(now=bool(provisioner))  # papermill lets it end by itself, crmlab does not

    return seconds(ready), seconds(work), seconds(stop)


def comparison(rows):
    """A table of ours beside the peer's."""
    print("| work | ours, s | papermill, s | papermill / ours | papermill is |\n|---|---|---|---|---|")
    for work, ours, theirs, who in rows:
        print(f"| {work} | {ours:.1f} | {theirs:.1f} | {theirs / ours:.2f} | {who} |", flush=True)


def memory_table(folder):
    """Memory by workers, and what each worker more takes."""
    notebook = write_notebook(folder / "returns.ipynb")
    print("| workers | all processes, PSS, MB | each worker more, MB | USS, MB | each worker more, MB |")
    print("|---|---|---|---|---|")
    before = None
    for workers in (1, 2, 4):
        most = peak_memory(notebook, folder / str(workers), workers)
        more = (
            [f"{(now - then) / (workers - before[0]):.0f}" for now, then in zip(most, before[1], strict=True)]
            if before
            else ["–"] * 2
        )
        print(f"| {workers} | {most[0]:.0f} | {more[0]} | {most[1]:.0f} | {more[1]} |", flush=True)
        before = workers, most


def kernel_table(folder, repeats=7):
    """A kernel's three times, medians, cold and warm by turns."""
    from crmlab.runner.kernels import NAME, warm_process

    notebook = write_notebook(folder / "returns.ipynb")
    once = seconds(lambda: kernel_seconds(notebook, NAME))  # starts the warm process, too
    turns = [(kernel_seconds(notebook, None), kernel_seconds(notebook, NAME)) for _ in range(repeats)]
    warm_process({**os.environ}).close()
    print("| kernel | ready, s | its cells, s | stop, s | together, s |\n|---|---|---|---|---|")
    for name, times in zip(["Jupyter's own", "forked from a warm process"], zip(*turns, strict=True), strict=True):
        parts = [statistics.median(part) for part in zip(*times, strict=True)]
        print(f"| {name} | {' | '.join(f'{part:.2f}' for part in [*parts, sum(parts)])} |")
    print(f"\nThe first one, with the start of the warm process: {once:.2f} s.")


PARTS = {
    "sweep": lambda folder: comparison(sweep_rows(folder)),
    "workbook": lambda folder: comparison(workbook_rows(folder)),
    "memory": memory_table,
    "kernels": kernel_table,
}


def main():
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=PARTS, nargs="+", default=[*PARTS])
    for name in parser.parse_args().only:
        print(f"\n## {name}\n", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            PARTS[name](Path(folder))


if __name__ == "__main__":
    os.environ |= dict.fromkeys(("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"), "1")
    os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # as it is for nearly everybody
    main()
