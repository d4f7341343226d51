"""The import of a million rows, CSV and Parquet, beside plain pandas in the same run. Prints a Markdown table.

The peer takes the file at its word: `read_csv` or `read_parquet`, `to_datetime` with the format given, `to_parquet`. It
finds no encoding, separator or order of dates, holds no row against a contract, and counts nothing.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

ROWS, TURNS = 1_000_000, 3
FORMAT = "%m/%d/%Y %H:%M"
PAIRS = {
    "CSV": ("ours_csv", "pandas_csv", "under 15 s"),
    "Parquet": ("ours_parquet", "pandas_parquet", "–"),
    "CSV, a quarter of the rows refused, quotes out of place": ("ours_dirty", "–", "–"),
}


def write_files(folder: Path) -> None:
    """Purchases as an online shop exports them, simulated: eight columns, as CSV and as Parquet, and with faults."""
    rng = np.random.default_rng(1)
    minutes = pd.to_timedelta(rng.integers(0, 370 * 1440, ROWS), unit="min")
    table = pd.DataFrame(
        {
            "InvoiceNo": 536365 + np.arange(ROWS) // 5,
            "StockCode": rng.integers(10_000, 90_000, ROWS),
            "Description": rng.choice(["WHITE HEART, T-LIGHT", "RED MUG", "CREAM CUPID"], ROWS),
            "Quantity": rng.integers(-3, 40, ROWS),
            "InvoiceDate": (pd.Timestamp("2010-12-01 08:00") + minutes).strftime(FORMAT),
            "UnitPrice": np.round(rng.gamma(2, 2, ROWS), 2),
            "CustomerID": rng.integers(12_000, 18_300, ROWS),
            "Country": "United Kingdom",
        }
    )
    table.to_csv(folder / "shop.csv", index=False)
    table.to_parquet(folder / "shop.parquet", index=False)
    dirty = table.assign(Description='5" pipe').astype("str")
    dirty.loc[rng.random(ROWS) < 0.25, "CustomerID"] = ""
    text = dirty.to_csv(index=False).replace('"5"" pipe"', '5" pipe')
    (folder / "dirty.csv").write_text(text, "utf-8")


def ours(folder: Path, name: str) -> None:
    from crmlab.data import import_table

    import_table(
        folder / name, "transactions", {"amount": "Quantity*UnitPrice"}, out=folder / "out.parquet", overwrite=True
    )


def pandas(folder: Path, name: str) -> None:
    read = pd.read_csv if name.endswith(".csv") else pd.read_parquet
    table = read(folder / name)
    table["InvoiceDate"] = pd.to_datetime(table["InvoiceDate"], format=FORMAT)
    table["amount"] = table["Quantity"] * table["UnitPrice"]
    table[["CustomerID", "InvoiceDate", "amount", "InvoiceNo", "StockCode", "Quantity"]].to_parquet(
        folder / "out.parquet"
    )


WORK = {
    "ours_csv": (ours, "shop.csv"),
    "pandas_csv": (pandas, "shop.csv"),
    "ours_parquet": (ours, "shop.parquet"),
    "pandas_parquet": (pandas, "shop.parquet"),
    "ours_dirty": (ours, "dirty.csv"),
}


def measured(work: str, folder: Path) -> None:
    """Do the work in this process; print seconds by the clock and of the processor, imports apart, and gigabytes."""
    import pandera.pandas  # noqa: F401
    import pyarrow.csv  # noqa: F401

    from crmlab.data.contracts import contracts

    contracts()
    function, name = WORK[work]
    start, busy = time.perf_counter(), time.process_time()
    function(folder, name)
    wall, busy = time.perf_counter() - start, time.process_time() - busy
    print(wall, busy, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6)


def main() -> None:
    print(
        "| work | by the clock, s | processor, s | pandas, processor, s | ours / pandas | peak memory, GB | reached |"
    )
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        write_files(Path(folder))
        for name, (our, peer, target) in PAIRS.items():
            taken: dict[str, list[list[float]]] = {one: [] for one in (our, peer) if one in WORK}
            for turn in range(TURNS):  # each turn begins with the other one
                for one in list(taken)[:: 1 if turn % 2 else -1]:
                    command = [sys.executable, __file__, one, folder]
                    done = subprocess.run(command, check=True, capture_output=True, text=True)
                    taken[one].append([float(number) for number in done.stdout.split()])
            wall, busy, memory = (statistics.median(column) for column in zip(*taken[our], strict=True))
            theirs = statistics.median(run[1] for run in taken[peer]) if peer in taken else None
            beside = f"{theirs:.2f} | {busy / theirs:.2f}" if theirs else "– | –"
            reached = f"{target}: {'yes' if wall < 15 else '**no**'}" if target != "–" else "–"
            print(f"| {name} | {wall:.2f} | {busy:.2f} | {beside} | {memory:.2f} | {reached} |", flush=True)


if __name__ == "__main__":
    measured(sys.argv[1], Path(sys.argv[2])) if len(sys.argv) > 2 else main()
