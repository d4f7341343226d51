"""The summary of a large purchase log beside polars, DuckDB and Spark doing the same in their own idiom.

`make bench-engines` prints the tables; benchmarks/README.md keeps them with the machine named. Every peer's result is
held against ours before anything is timed. Rows can be given: `python benchmarks/engines.py --rows 1000000`.
"""

import argparse
import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

DUCKDB = """
WITH days AS (
    SELECT customer_id, date, round(sum(amount), 6) AS total FROM {log} GROUP BY ALL HAVING total >= 0
), customers AS (
    SELECT customer_id, count(*) - 1 AS frequency, min(date) AS first, max(date) AS last,
           sum(total) - arg_min(total, date) AS spend
    FROM days GROUP BY customer_id
)
SELECT customer_id::VARCHAR AS customer_id, frequency, (last - first) / 7 AS recency,
       ((SELECT max(date) FROM {log}) - first) / 7 AS T, spend / greatest(frequency, 1) AS monetary_value
FROM customers ORDER BY customer_id
"""


def a_log(rows, text, customers):
    """Purchases of the same customers over two years, on random days; ids as text or as numbers."""
    random = np.random.default_rng(1)
    number = random.integers(0, customers, rows)
    ids = pd.Series([f"C{n:07d}" for n in range(customers)], dtype="str").take(number).array if text else number
    days = np.datetime64("2023-01-01", "D") + random.integers(0, 730, rows)
    return pd.DataFrame({"customer_id": ids, "date": days, "amount": random.integers(0, 20_000, rows) / 100})


def by_polars(log):
    import polars as pl

    total, date = pl.col("amount"), pl.col("date")
    until = log["date"].max()
    days = log.lazy().group_by("customer_id", "date").agg(total.sum().round(6)).filter(total >= 0)
    customers = days.group_by("customer_id").agg(
        frequency=pl.len() - 1, first=date.min(), last=date.max(), spend=total.sum() - total.sort_by("date").first()
    )
    return (
        customers.select(
            pl.col("customer_id").cast(pl.String),
            pl.col("frequency"),
            recency=(pl.col("last") - pl.col("first")).dt.total_days() / 7,
            T=(pl.lit(until) - pl.col("first")).dt.total_days() / 7,
            monetary_value=pl.col("spend") / pl.col("frequency").clip(1),
        )
        .sort("customer_id")
        .collect()
    )


def seconds(works, repeats):
    """The median time of each of some calls, in turns that begin with another each time: no place is favoured."""
    times, names = {name: [] for name in works}, list(works)
    for turn in range(repeats):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            begun = time.perf_counter()
            works[name]()
            times[name].append(time.perf_counter() - begun)
    return {name: statistics.median(some) for name, some in times.items()}


def same(ours, theirs):
    """The peer has done the same work."""
    theirs = theirs.astype({"frequency": "int64", "customer_id": "str"})
    pd.testing.assert_frame_equal(ours, theirs, check_exact=False, rtol=1e-9, atol=1e-6)


def in_memory(rows, text, repeats):
    """Seconds of a log in memory: ours from pandas and from polars, the peers from their own frame and table."""
    import duckdb
    import polars as pl

    from crmlab.data import summarize

    log = a_log(rows, text, customers=rows // 20)
    frame = pl.from_pandas(log).with_columns(pl.col("date").cast(pl.Date))
    connection = duckdb.connect()
    connection.register("frame", frame.to_arrow())
    connection.execute("CREATE TABLE log AS FROM frame")
    works = {
        "ours, pandas": lambda: summarize(log),
        "ours, polars": lambda: summarize(frame),
        "polars": lambda: by_polars(frame),
        "DuckDB": lambda: connection.sql(DUCKDB.format(log="log")).to_arrow_table(),
    }
    ours = works["ours, pandas"]()
    same(ours, works["polars"]().to_pandas())
    same(ours, works["DuckDB"]().to_pandas())
    return seconds(works, repeats)


def write_files(folder, rows):
    """A log of text ids as Parquet files of ten million rows, without bounds but the disk's."""
    import duckdb

    folder.mkdir()
    with duckdb.connect() as connection:
        for number, start in enumerate(range(0, rows, 10_000_000)):
            connection.execute(
                f"COPY (SELECT 'C' || lpad((hash(range) % {rows // 40})::VARCHAR, 8, '0') AS customer_id, "
                f"DATE '2023-01-01' + (hash(range + {rows}) % 730)::INT AS date, "
                f"(hash(range + {2 * rows}) % 1_000_000_000) / 1e5 AS amount "
                f"FROM range({start}, {min(start + 10_000_000, rows)})) "
                f"TO '{folder / f'{number:03d}.parquet'}' (FORMAT parquet, COMPRESSION uncompressed)"
            )
    return sum(file.stat().st_size for file in folder.iterdir())


def in_little_memory(who, files, limit):
    """Run in a process of its own: seconds, rows of the result and the most memory that the process ever held."""
    import duckdb

    begun, customers = time.perf_counter(), None
    if who == "ours":
        from crmlab.data import summarize

        duckdb.sql(f"SET memory_limit = '{limit}'")
        customers = len(summarize(files))
    else:
        with (
            tempfile.TemporaryDirectory() as spilled,
            duckdb.connect(config={"memory_limit": limit, "temp_directory": spilled}) as connection,
            suppress(duckdb.OutOfMemoryException),  # told as such
        ):
            connection.execute("SET preserve_insertion_order = false")
            customers = len(connection.sql(DUCKDB.format(log=f"read_parquet('{files}')")).to_arrow_table())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"seconds": customers and time.perf_counter() - begun, "customers": customers, "peak": peak}


def by_spark(session, log):
    """The same summary in Spark's own SQL."""
    log.createOrReplaceTempView("log")
    return session.sql(
        """
        WITH days AS (
            SELECT customer_id, date, round(sum(amount), 6) AS total FROM log GROUP BY 1, 2 HAVING total >= 0
        ), customers AS (
            SELECT customer_id, count(*) - 1 AS frequency, min(date) AS first, max(date) AS last,
                   sum(total) - min_by(total, date) AS spend FROM days GROUP BY customer_id
        )
        SELECT customer_id, frequency, datediff(last, first) / 7 AS recency,
               datediff((SELECT max(date) FROM log), first) / 7 AS T, spend / greatest(frequency, 1) AS monetary_value
        FROM customers ORDER BY customer_id
        """
    ).toArrow()


def on_spark(files, folder):
    """Seconds on a master and two workers: ours, and Spark's own SQL; and ours by DuckDB from the same files."""
    from cluster import spark_cluster, spark_session

    from crmlab.data import summarize

    with (
        spark_cluster(folder, memory="2g") as address,
        spark_session(
            address, folder, **{"spark.executor.memory": "1800m", "spark.driver.maxResultSize": "2g"}
        ) as session,
    ):
        log = session.read.parquet(str(Path(files).parent))
        works = {
            "ours, Spark": lambda: summarize(log),
            "Spark": lambda: by_spark(session, log),
            "ours, files": lambda: summarize(files),
        }
        ours = works["ours, Spark"]()
        pd.testing.assert_frame_equal(ours, works["ours, files"](), check_exact=True)
        same(ours, works["Spark"]().to_pandas())
        return seconds(works, 1)


def in_a_process(python, *words):
    """What a part of this file prints, run by some Python."""
    out = subprocess.run([python, __file__, *map(str, words)], check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(out.splitlines()[-1])


def print_rows(work, times, peers):
    for ours in (name for name in times if name.startswith("ours")):
        for peer in peers:
            ratio = times[ours] / times[peer]
            print(f"| {work} | {ours} | {times[ours]:.2f} | {peer} | {times[peer]:.2f} | {ratio:.2f} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000, help="transactions in memory and on Spark")
    parser.add_argument("--file-rows", type=int, default=80_000_000, help="transactions in files")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--limit", default="1GB", help="DuckDB's memory for files")
    parser.add_argument("--part", nargs="+", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.part:
        name, *words = given.part
        part = {"in_little_memory": in_little_memory, "on_spark": lambda files, folder: on_spark(files, Path(folder))}
        print(json.dumps(part[name](*words)))
        return

    print("| work | ours | ours, s | peer | peer, s | ours / peer |\n|---|---|---|---|---|---|")
    for text in (False, True):
        times = in_memory(given.rows, text, given.repeats)
        print_rows(
            f"{given.rows:,} rows in memory, ids as {'text' if text else 'numbers'}", times, ["polars", "DuckDB"]
        )

    folder = Path(tempfile.mkdtemp())
    try:
        size = write_files(folder / "files", given.file_rows)
        files = folder / "files" / "*.parquet"
        work = f"{given.file_rows:,} rows in {size / 1e9:.1f} GB of Parquet, {given.limit} for DuckDB"
        ours, peer = (
            in_a_process(sys.executable, "--part", "in_little_memory", who, files, given.limit)
            for who in ("ours", "DuckDB")
        )
        if peer["seconds"] is None:
            print(f"| {work} | ours, files | {ours['seconds']:.0f} | DuckDB | out of memory | – |", flush=True)
        else:
            assert ours["customers"] == peer["customers"]
            print_rows(work, {"ours, files": ours["seconds"], "DuckDB": peer["seconds"]}, ["DuckDB"])
        shutil.rmtree(folder / "files")

        write_files(folder / "files", given.rows)
        spark = ROOT / ".venv-engines" / "bin" / "python"
        times = in_a_process(spark, "--part", "on_spark", files, folder / "spark")
        print_rows(f"{given.rows:,} rows in Parquet, Spark with two workers of one core", times, ["Spark"])
        print(
            f"\nMost memory of the process that read {size / 1e9:.1f} GB of files, {ours['customers']:,} customers: "
            f"ours {ours['peak'] / 1e9:.2f} GB, DuckDB {peer['peak'] / 1e9:.2f} GB."
        )
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
