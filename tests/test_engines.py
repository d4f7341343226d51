"""Purchase logs on every engine: the same table, the same refusals, and nothing but summaries brought back."""

import datetime
import gzip
import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import duckdb
import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from cluster import left_running, spark_cluster, spark_session
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlab.data import ContractError, engines, split, summarize
from crmlab.data.engines import Lazy

few = settings(max_examples=12, deadline=None)  # of each engine; an example takes a tenth of a second
DUCK = duckdb.connect()


def as_arrow(log):
    return pa.Table.from_pandas(log, preserve_index=False)


ENGINES = {
    "pandas": lambda log: log,
    "polars": lambda log: pl.from_arrow(as_arrow(log)),
    "polars lazy": lambda log: pl.from_arrow(as_arrow(log)).lazy(),
    "pyarrow": as_arrow,
    "duckdb": lambda log: DUCK.from_arrow(as_arrow(log)),
}
NUMBERED = ["pandas", "polars", "pyarrow"]  # engines whose rows have numbers
LAZY = ["polars lazy", "duckdb"]
LOG = pd.DataFrame(
    {"customer_id": ["a", "a", "b"], "date": ["2024-01-01", "2024-01-15", "2024-01-08"], "amount": [20.0, 30.0, 10.0]}
)


# --- an independent reference: pandas, by its own group-by, from the definitions ---


def reference(log, end, until):
    """The summary up to `end`, the hold-out up to `until`, and what was left out; in days."""
    log = log.assign(customer_id=log["customer_id"].astype(str), date=pd.to_datetime(log["date"]).dt.normalize())
    totals = log.groupby(["customer_id", "date"])["amount"].sum().round(6).reset_index()
    refunds, days = totals[totals["amount"] < 0], totals[totals["amount"] >= 0]
    rows = []
    for customer, own in days.groupby("customer_id"):
        known, later = own[own["date"] <= end], own[own["date"] > end]
        if len(known):
            repeat = known["amount"].iloc[1:]
            rows.append(
                {
                    "customer_id": customer,
                    "frequency": len(repeat),
                    "recency": float((known["date"].max() - known["date"].min()).days),
                    "T": float((pd.Timestamp(end) - known["date"].min()).days),
                    "monetary_value": repeat.mean() if len(repeat) else 0.0,
                    "frequency_holdout": len(later),
                    "monetary_value_holdout": later["amount"].mean() if len(later) else 0.0,
                    "duration_holdout": float((pd.Timestamp(until) - pd.Timestamp(end)).days),
                }
            )
    left_out = {
        "refund_days": len(refunds),
        "refund_amount": pytest.approx(refunds["amount"].sum()),
        "customers_without_purchase": log["customer_id"].nunique() - days["customer_id"].nunique(),
        "customers_after_calibration": days["customer_id"].nunique() - len(rows),
    }
    return pd.DataFrame(rows), left_out


SUMMARY = ["customer_id", "frequency", "recency", "T", "monetary_value"]
TEXT_IDS = ["a", "B", "07", "7", "é", "ß", "\U0001f40c", "\uffee", "longer than a word of eight bytes", "a b"]
DATES = {
    "days": lambda days: days,
    "text": lambda days: days.astype(str),
    "digits": lambda days: pd.Series(days.astype(str)).str.replace("-", "").astype(int).to_numpy(),
    "times": lambda days: days.astype("datetime64[us]") + np.timedelta64(86_399, "s"),
    "text with times": lambda days: np.char.add(days.astype(str), "T23:59:59.5+02:00"),
}


@st.composite
def logs(draw):
    """Small logs in cents: refunds, free orders, several rows a day, ids as text or numbers, dates in every form."""
    ids = draw(st.sampled_from([TEXT_IDS, [3, 20, 100, -4, 2**40]]))
    row = st.tuples(st.sampled_from(ids), st.integers(0, 20), st.integers(-2000, 5000))
    customer, day, cents = zip(*draw(st.lists(row, min_size=1, max_size=40)), strict=True)
    days = np.datetime64("2024-02-20", "D") + np.array(day)
    amounts = np.array(cents) / 100
    return pd.DataFrame({"customer_id": customer, "date": days, "amount": amounts}), draw(st.sampled_from([*DATES]))


def quiet(function, *args, **given):
    """The result where a warning of refund days may or may not come."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return function(*args, **given)


def same(left, right, **exactness):
    pd.testing.assert_frame_equal(left, right, **(exactness or {"check_exact": False, "rtol": 1e-12, "atol": 1e-9}))


@pytest.mark.parametrize("engine", ENGINES)
@few
@given(logs(), st.integers(0, 19))
def test_every_engine_agrees_with_the_reference(engine, made, shift):
    log, form = made
    table = ENGINES[engine](log.assign(date=DATES[form](log["date"].to_numpy("datetime64[D]"))))
    until = "2024-04-01"
    expected, left_out = reference(log, until, until)
    if expected.empty:
        with pytest.raises(ValueError, match="has no purchase"):
            summarize(table, until)
        return
    ours = quiet(summarize, table, until, "day")
    same(ours, expected[SUMMARY])
    del left_out["customers_after_calibration"]
    assert ours.attrs == {"unit": "day", "observed_until": until, "left_out": left_out}

    end = str(np.datetime64("2024-02-20", "D") + shift)
    if end < str(log["date"].min())[:10]:
        return
    expected, left_out = reference(log, end, until)
    if expected.empty:
        with pytest.raises(ValueError, match="nobody bought by"):
            quiet(split, table, end, until)
        return
    ours = quiet(split, table, end, until, "day")
    same(ours, expected)
    assert ours.attrs["left_out"] == left_out


def a_log(rows=20_000, customers=3000, seed=1):
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "customer_id": [f"é{number}" for number in random.integers(0, customers, rows)],
            "date": np.datetime64("2023-01-01", "D") + random.integers(0, 400, rows),
            "amount": random.integers(-2000, 9000, rows) / 100,
        }
    )


@pytest.mark.parametrize("engine", [*ENGINES][1:])
def test_every_engine_gives_the_same_bits(engine):
    log = a_log()
    for function in (summarize, lambda table: split(table, "2023-09-30")):
        ours, theirs = quiet(function, log), quiet(function, ENGINES[engine](log))
        same(theirs, ours, check_exact=True)
        assert theirs.attrs == ours.attrs
        # Another order of the rows, too.
        same(quiet(function, ENGINES[engine](log.sample(frac=1, random_state=1))), ours, check_exact=True)


@pytest.mark.parametrize("engine", ENGINES)
def test_types_that_databases_use_are_read(engine):
    log = pd.DataFrame(
        {
            "customer_id": pd.Categorical(["x", "x", "y"]),
            "date": [datetime.date(2024, 1, 1), datetime.date(2024, 1, 15), datetime.date(2024, 1, 8)],
            "amount": pd.array([20, 30, 10], dtype=pd.ArrowDtype(pa.decimal128(12, 2))),
            "shop": [{"town": "Ulm"}] * 3,
            "order_id": [1, None, 3],
            "quantity": pd.array([1, None, 2], dtype="Int32"),
        }
    ).astype({"order_id": "Int64"})
    expected = summarize(LOG.assign(customer_id=["x", "x", "y"]))
    same(summarize(ENGINES[engine](log)), expected, check_exact=True)
    small = log.astype({"amount": "float32"}).assign(customer_id=np.array([1, 1, 2], "int16"))
    same(summarize(ENGINES[engine](small)), expected.assign(customer_id=["1", "2"]), check_exact=True)


@pytest.mark.parametrize("engine", ["pandas", "polars", "polars lazy", "pyarrow"])
def test_a_stamp_counts_on_its_local_day(engine):
    stamps = pd.to_datetime(["2024-03-30 23:30", "2024-03-31 00:30", "2024-03-31 23:30"]).tz_localize("Europe/Berlin")
    log = pd.DataFrame({"customer_id": ["a"] * 3, "date": stamps, "amount": 1.0})
    table = summarize(ENGINES[engine](log), unit="day")
    assert table.loc[0, ["frequency", "recency"]].tolist() == [1, 1]


def test_in_duckdb_a_stamp_counts_in_the_zone_of_the_session():
    with duckdb.connect() as connection:
        log = connection.sql(
            "SELECT 'a' AS customer_id, 1.0 AS amount, unnest(['2024-03-30 22:30:00+00', '2024-03-30 23:30:00+00'])"
            "::TIMESTAMPTZ AS date"
        )
        for zone, days in {"Europe/Berlin": 1, "UTC": 0}.items():
            connection.execute(f"SET TimeZone = '{zone}'")
            assert summarize(log, unit="day")["frequency"].tolist() == [days]


def test_ids_of_one_hash_are_two_customers(monkeypatch):
    """Words are mixed by one multiplication: with a multiplier of 0 every id has the hash 0."""
    log = a_log(500)
    expected = quiet(summarize, log)
    monkeypatch.setattr("crmlab.data.rows.MULTIPLIER", np.uint64(0))
    same(quiet(summarize, log), expected, check_exact=True)


def test_other_columns_do_not_matter_even_twice():
    log = pd.concat([LOG, pd.DataFrame([[1, 2]] * 3, columns=["shop", "shop"])], axis=1)
    same(summarize(log.astype({"customer_id": "object"})), summarize(LOG), check_exact=True)


def test_keys_too_wide_for_one_word_are_sorted_all_the_same():
    log = a_log(70_000, customers=50).assign(customer_id=lambda table: table["customer_id"].str[1:].astype(int))
    far = {"customer_id": lambda table: table["customer_id"] * 80_000_000, "date": log["date"]}
    wide = pd.concat([log.assign(**far), pd.DataFrame({"customer_id": [0], "date": ["1900-01-01"], "amount": [1.0]})])
    wide["date"] = pd.to_datetime(wide["date"]).astype("datetime64[s]")
    narrow = wide.assign(customer_id=wide["customer_id"].astype(str))
    same(quiet(summarize, wide), quiet(summarize, narrow), check_exact=True)


# --- refusals ---

BAD_LOGS = {
    "no column": (LOG.rename(columns={"date": "day"}), "date: the column is missing"),
    "near column": (LOG.rename(columns={"date": "Date"}), "the column is missing. Did you mean 'Date'"),
    "id missing": (LOG.assign(customer_id=["a", None, ""]), "customer_id: missing in 2 rows"),
    "id float": (LOG.assign(customer_id=[1.5, 2.5, 3.5]), r"customer_id: not text in 3 rows: .*1\.5"),
    "date order": (
        LOG.assign(date=["03/04/2024", "2024-01-01", None]),
        "date: not a date of the form .* in 1 row: .*03/",
    ),
    "date missing": (LOG.assign(date=["2024-01-01", None, None]), "date: missing in 2 rows"),
    "no such day": (
        LOG.assign(date=["2024-02-30", "20240230", "2024-02-28"]),
        "date: no such day in 2 rows: .*2024-02-30",
    ),
    "date stand-in": (
        LOG.assign(date=["9999-12-31", "2024-01-01", "0001-01-01"]),
        "date: before 1900 or after 2100 in 2 rows: .*0001-01-01",
    ),
    "date far": (
        LOG.assign(date=np.array(["2024-01-01", "2102-01-01", "1899-12-31"], "datetime64[s]")),
        "date: before 1900 or after 2100 in 2 rows: .*2102-01-01",
    ),
    "date number": (LOG.assign(date=[1.5, 2.5, 3.5]), "date: not a date of the form .* in 3 rows"),
    "two zones": (
        LOG.assign(date=["2024-01-01T09:00Z", "2024-01-01T09:00+00:00", "2024-01-01T09:00+01:00"]),
        r"date: not in the time zone of (the first row|most rows) in 1 row: .*\+01:00",
    ),
    "amount text": (LOG.assign(amount=["1.5", "$2", "1,000.50"]), r"amount: not a number in 2 rows: .*\$2"),
    "amount missing": (LOG.assign(amount=[1, np.nan, 3]), "amount: missing in 1 row"),
    "amount infinite": (
        LOG.assign(amount=[1, np.inf, -np.inf]),
        "amount: not a finite number within a trillion in 2 rows",
    ),
    "amount huge": (LOG.assign(amount=["1", "1e13", "2"]), "amount: not a finite number .* in 1 row: .*1e13"),
    "amount day": (LOG.assign(amount=pd.to_datetime(LOG["date"])), "amount: not a number in 3 rows"),
    "quantity": (LOG.assign(quantity=["two", "1", None]), "quantity: not a number in 1 row: .*two"),
    "empty": (LOG[:0], "transactions has no rows"),
    "refunds alone": (LOG.assign(amount=-1.0), "has no purchase: on every day"),
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("log", "message"), BAD_LOGS.values(), ids=BAD_LOGS)
def test_a_bad_log_is_refused_on_every_engine(engine, log, message):
    with pytest.raises(ValueError, match=message) as refused:
        summarize(ENGINES[engine](log))
    told = str(refused.value)
    if isinstance(refused.value, ContractError) and "row" in told:
        assert bool(re.search("row [123]", told)) == (engine in NUMBERED)


@pytest.mark.parametrize("engine", LAZY)
def test_an_engine_tells_all_breaches_at_once_and_quotes_three_values(engine):
    log = pd.DataFrame(
        {"customer_id": [None] * 5, "date": ["x1", "x2", "x3", "x4", "2024-01-01"], "amount": [np.inf] * 5}
    )
    with pytest.raises(ContractError, match="in 3 ways") as refused:
        summarize(ENGINES[engine](log.astype({"customer_id": "str"})))
    assert [(breach.column, breach.count, len(breach.values)) for breach in refused.value.breaches] == [
        ("customer_id", 5, 0),
        ("date", 4, 3),
        ("amount", 5, 3),
    ]
    assert "in 4 rows: 'x1', 'x2', 'x3', ..." in str(refused.value)


BAD_CALLS = {
    "later rows": (lambda log: summarize(log, "2024-01-08"), "1 row after 2024-01-08, .* the last is on 2024-01-15"),
    "end": (
        lambda log: split(log, "2023-12-31"),
        "calibration_end is 2023-12-31, but .* from 2024-01-01 to 2024-01-14",
    ),
    "unit": (lambda log: summarize(log, unit="weeks"), "unit must be one of day, week, month, year, not 'weeks'"),
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("call", "message"), BAD_CALLS.values(), ids=BAD_CALLS)
def test_a_bad_call_is_refused_on_every_engine(engine, call, message):
    with pytest.raises(ValueError, match=message):
        call(ENGINES[engine](LOG))


@pytest.mark.parametrize("engine", LAZY)
def test_engines_warn_as_pandas_does(engine):
    refunded = pd.concat([LOG, pd.DataFrame({"customer_id": ["c"], "date": ["2024-01-02"], "amount": [-8.5]})])
    with pytest.warns(UserWarning, match=r"1 refund day \(together -8.50\) left out, and 1 customer with no") as told:
        summarize(ENGINES[engine](refunded))
    assert told[0].filename == __file__
    days = [*pd.date_range("2025-01-01", periods=29).strftime("%Y-%m-%d"), "2035-07-23"]
    mistyped = pd.DataFrame({"customer_id": ["a", "b"] * 15, "date": days, "amount": 5.0})
    with pytest.warns(UserWarning, match="the last day of the log, 2035-07-23, is 3,") as told:
        summarize(ENGINES[engine](mistyped))
    assert told[0].filename == __file__


@pytest.mark.parametrize(
    "source", [[1, 2], None, LOG["amount"], {"customer_id": ["a"]}, 3], ids=lambda x: type(x).__name__
)
def test_what_is_no_log_is_refused(source):
    kind = type(source).__name__
    with pytest.raises(TypeError, match=rf"must be a data frame \(pandas, polars, .*\) or the path .*, not {kind}"):
        summarize(source)


# --- lazy stays lazy ---


@pytest.mark.parametrize("engine", LAZY)
def test_an_engine_brings_back_days_and_customers_alone(engine, monkeypatch):
    collected = []
    collect = nw.LazyFrame.collect

    def counted(frame, *args, **given):
        result = collect(frame, *args, **given)
        collected.append(len(result))
        return result

    monkeypatch.setattr(nw.LazyFrame, "collect", counted)
    log = a_log(customers=700)
    quiet(split, ENGINES[engine](log), "2023-09-30")
    assert collected == [log["date"].nunique(), log["customer_id"].nunique()]


@pytest.mark.proof
def test_a_log_larger_than_duckdb_may_hold_is_summarized():
    with (
        tempfile.TemporaryDirectory() as spilled,
        duckdb.connect(config={"memory_limit": "100MB", "temp_directory": spilled, "threads": 2}) as connection,
    ):
        log = connection.sql(
            "SELECT range % 100_000 AS customer_id, DATE '2020-01-01' + (range // 100_000)::INT AS date, 1.5 AS amount "
            "FROM range(5_000_000)"
        )
        table = summarize(log, unit="day")
    assert table.drop(columns="customer_id").drop_duplicates().to_numpy().tolist() == [[49, 49, 49, 1.5]]
    assert len(table) == 100_000


def test_customers_are_taken_in_parts_when_memory_does_not_suffice(monkeypatch):
    log = a_log()
    expected, taken, collect = quiet(summarize, log), [], engines._collect

    def short_of_memory(frame):
        result = collect(frame)
        taken.append(len(result))
        if len(result) > 1000 and "customer_id" in result:
            raise duckdb.OutOfMemoryException("Out of Memory Error")
        return result

    monkeypatch.setattr(engines, "_collect", short_of_memory)
    table = quiet(summarize, ENGINES["duckdb"](log))
    same(table, expected, check_exact=True)
    assert table.attrs == expected.attrs
    assert sum(taken[2:]) == log["customer_id"].nunique()
    assert len(taken[2:]) == 8

    monkeypatch.setattr(engines, "PARTS", (1,))
    with pytest.raises(duckdb.OutOfMemoryException):
        quiet(summarize, ENGINES["duckdb"](log))


def test_importing_the_data_part_brings_no_engine_along():
    program = (
        "import sys, crmlab.data; print({'narwhals', 'duckdb', 'polars', 'pyspark'} & set(sys.modules))\n"
        "import pandas as pd\n"
        "crmlab.data.summarize(pd.DataFrame({'customer_id': ['a'], 'date': ['2024-01-01'], 'amount': [1]}))\n"
        "print({'duckdb', 'polars', 'pyspark'} & set(sys.modules))"
    )
    out = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert out.split() == ["set()", "set()"]


# --- files ---


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder to stand in; DuckDB must leave nothing in the folder for temporary files."""
    spilled, work = tmp_path / "temporary", tmp_path / "work"
    spilled.mkdir(), work.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(spilled))
    monkeypatch.chdir(work)
    yield work
    assert list(spilled.iterdir()) == []


WRITERS = {
    "csv": lambda log, path: log.to_csv(path, index=False),
    "csv.gz": lambda log, path: log.to_csv(path, index=False),
    "parquet": lambda log, path: log.to_parquet(path),
}


@pytest.mark.parametrize(
    "kind", ["csv.gz", *(pytest.param(kind, marks=pytest.mark.proof) for kind in ("csv", "parquet"))]
)
def test_however_a_log_is_cut_into_files_the_table_is_the_same(folder, kind):
    log = a_log(5000).assign(shop="x", product_id=None)
    expected = quiet(split, log, "2023-09-30")
    WRITERS[kind](log, folder / f"whole.{kind}")
    parts = [log[:1000], log[1000:1001].drop(columns="shop"), log[1001:][["amount", "date", "customer_id"]]]
    for number, part in enumerate(parts):
        WRITERS[kind](part, folder / f"part [{number}].{kind}")
    for source in (f"whole.{kind}", folder / f"whole.{kind}", f"part*.{kind}", Path(f"**/part*.{kind}")):
        table = quiet(split, source, "2023-09-30")
        same(table, expected, check_exact=True)
        assert table.attrs == expected.attrs
    assert len(quiet(summarize, f"part [0].{kind}")) == len(quiet(summarize, log[:1000]))  # a name, no pattern


def test_a_csv_of_a_spreadsheet_is_read(folder):
    text = '\ufeffcustomer_id,date,amount,quantity\r\n#1,2024-01-01,0.1,NA\r\n"NA, ""x""",20240102, 5 ,\r\n\r\n'
    (folder / "log.csv").write_bytes(text.encode())
    assert summarize("log.csv")["customer_id"].tolist() == ["#1", 'NA, "x"']


def test_a_csv_with_row_names_is_read(folder):
    LOG.to_csv("log.csv")
    same(summarize("log.csv"), summarize(LOG), check_exact=True)


def test_stamps_in_parquet_count_on_their_local_day_whatever_the_zone_of_the_machine(folder):
    for zone in ("Asia/Tokyo", "+05:00"):
        stamps = pd.Series(pd.to_datetime(["2024-03-30 23:30", "2024-03-31 00:30"])).dt.tz_localize(
            zone if "/" in zone else datetime.timezone(datetime.timedelta(hours=5))
        )
        pd.DataFrame({"customer_id": "a", "date": stamps, "amount": 1.0}).to_parquet("log.parquet")
        assert summarize("log.parquet", unit="day")["recency"].tolist() == [1.0]
    LOG.assign(date=pd.to_datetime(LOG["date"]).dt.tz_localize("UTC")).to_parquet("other.parquet")
    with pytest.raises(ValueError, match=r"in 2 time zones, \+05:00 and UTC: a stamp counts on its local day"):
        summarize("*.parquet")


def test_whoever_reads_files_announces_each(folder):
    LOG.to_csv("a.csv", index=False), LOG.to_csv("b.csv", index=False)
    program = (
        "import sys; sys.addaudithook(lambda event, args: print(*args) if event == 'crmlab.data.read' else None)\n"
        "from crmlab.data import summarize; summarize('*.csv')"
    )
    out = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    digest = hashlib.sha256((folder / "a.csv").read_bytes()).hexdigest()
    assert out.splitlines() == [f"a.csv {digest}", f"b.csv {digest}"]


HEADER = b"customer_id,date,amount\n"
BAD_FILES = {
    "log.csv": {
        "nothing": (b"", "is empty"),
        "no rows": (HEADER, "has no rows"),
        "png": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "is not a CSV file: it is not text"),
        "excel": (b"PK\x03\x04....", "is not a CSV file; it is zipped, perhaps Excel"),
        "latin": (HEADER + b"a,2024-01-01,1\nJos\xe9,2024-01-01,1\n", r"is not in UTF-8 \(first on line 3\)"),
        "semicolons": (b"customer_id;date;amount\na;2024-01-01;1\n", "separates its values by ';'"),
        "longer row": (
            HEADER + b"a,2024-01-01,1\na,2024-01-01,1,000\n",
            "3 values are expected, but 4 found on line 3",
        ),
        "shorter row": (HEADER + b"a,2024-01-01\n", "3 values are expected, but 2 found on line 2"),
        "open quote": (HEADER + b'"a,2024-01-01,1\n', "is not a table with commas: a quote is not closed"),
        "ends of lines": (HEADER + b"a,2024-01-01,1\r\na,2024-01-01,1\n", "lines end in different ways"),
        "two columns": (b"customer_id,date,amount,amount\na,2024-01-01,1,2\n", "has more than one column 'amount'"),
        "capitals": (
            b"customer_id,Date,amount,date\na,2024-01-01,1,2\n",
            "differ in capitals alone: customer_id, Date,",
        ),
        "other names": (b"customerid,day,amount\na,2024-01-01,1\n", "Did you mean 'customerid'"),
        "values": (HEADER + b"a,03/04/2024,$1\n,2024-01-01,1\n", r"(?s)transactions in '.*log.csv' .* in 3 ways.*\$1"),
    },
    "log.csv.gz": {
        "not compressed": (HEADER + b"a,2024-01-01,1\n", "is not compressed by gzip"),
        "semicolons": (gzip.compress(b"customer_id;date;amount\na;2024-01-01;1\n"), "separates its values by ';'"),
    },
    "log.parquet": {
        "nothing": (b"", "is empty"),
        "csv": (HEADER + b"a,2024-01-01,1\n", "is not a Parquet file. If it is CSV, name it .csv"),
        "damaged": (b"PAR1" + b"\0" * 40 + b"PAR1", "is a damaged Parquet file"),
    },
}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        pytest.param(name, *case, id=f"{name}: {label}")
        for name, cases in BAD_FILES.items()
        for label, case in cases.items()
    ],
)
def test_a_bad_file_is_refused(folder, name, content, message):
    (folder / name).write_bytes(content)
    with pytest.raises(ValueError, match=message) as refused:
        summarize(name)
    assert name in str(refused.value) or "has no rows" in message


def test_of_several_files_the_bad_one_is_named(folder):
    LOG.to_csv("a.csv", index=False), LOG.drop(columns="date").to_csv("b.csv", index=False)
    with pytest.raises(ContractError, match=r"'b.csv'.* date: the column is missing"):
        summarize("*.csv")
    (folder / "b.csv").write_bytes(HEADER + b"a,2024-01-01\n")
    with pytest.raises(ValueError, match=r"'b.csv' is not a table with commas: 3 values"):
        summarize("*.csv")


def test_a_path_that_names_no_log_is_refused(folder):
    LOG.to_csv("orders.csv", index=False), LOG.to_parquet("orders.parquet"), (folder / "year.csv").mkdir()
    for source, error, message in [
        ("order.csv", FileNotFoundError, r"there is no file 'order.csv'. Did you mean 'orders.csv'\?"),
        ("*.zzz.csv", FileNotFoundError, r"no file matches '\*.zzz.csv'. You are in"),
        ("year.csv", IsADirectoryError, r"'year.csv' is a folder; name the files in it, such as 'year.csv/\*.parquet'"),
        (".", IsADirectoryError, r"is a folder; name the files in it"),
        ("orders*", ValueError, r"names both CSV and Parquet files: name one kind"),
        ("log.xlsx", ValueError, r"names no file of the kinds .csv, .csv.gz, .parquet. Save it as one"),
        ("cdnow", ValueError, r"load_transactions\('cdnow'\) reads the data set"),
    ]:
        with pytest.raises(error, match=message):
            summarize(source)


def test_files_keep_the_limits_that_duckdb_was_given(folder, monkeypatch):
    a_log(500).to_parquet("log.parquet")
    seen, limits = [], "SELECT current_setting('memory_limit'), current_setting('threads')"
    read = Lazy.read.__func__

    def watched(cls, frame):
        relation = frame.to_native()
        seen.extend(relation.query("log", limits).fetchall())
        return read(cls, frame)

    monkeypatch.setattr(Lazy, "read", classmethod(watched))
    before = duckdb.sql(limits).fetchall()[0]
    duckdb.sql("SET memory_limit = '300MiB'"), duckdb.sql("SET threads = 1")
    try:
        quiet(summarize, "log.parquet")
    finally:
        duckdb.sql(f"SET memory_limit = '{before[0]}'"), duckdb.sql(f"SET threads = {before[1]}")
    assert seen == [("300.0 MiB", 1)]


# --- a Spark cluster: a master and two workers ---


def many_purchases(folder, rows, files=4):
    """A large log in Parquet files: ids as text, stamps with times, refunds, some files larger than others."""
    folder.mkdir()
    random = np.random.default_rng(7)
    for number, part in enumerate(np.array_split(np.arange(rows), [rows // 10, rows // 2, rows * 3 // 4][: files - 1])):
        second = random.integers(0, 700 * 86_400, part.size)
        pd.DataFrame(
            {
                "customer_id": pd.Series(random.integers(0, rows // 20, part.size)).astype("str") + "é",
                "date": np.datetime64("2023-01-01", "us") + second.astype("timedelta64[s]"),
                "amount": random.integers(-1500, 20_000, part.size) / 100,
            }
        ).to_parquet(folder / f"{number}.parquet", index=False)


@pytest.mark.proof
@pytest.mark.spark
@pytest.mark.filterwarnings("default::ResourceWarning")  # py4j leaves its sockets to the garbage collector
@pytest.mark.filterwarnings("default:PySpark does not yet fully support pandas:FutureWarning")  # its word to all users
def test_a_spark_cluster_gives_the_same_tables_as_duckdb(tmp_path):
    pytest.importorskip("pyspark", reason="pyspark is not here: `make proof` runs this in an environment of its own")
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java 17 or later; there is no command java")
    rows, spark_folder = 1_000_000, tmp_path / "spark"
    many_purchases(tmp_path / "log", rows)
    files = str(tmp_path / "log" / "*.parquet")
    with spark_cluster(spark_folder) as address, spark_session(address, spark_folder) as session:
        log = session.read.parquet(str(tmp_path / "log"))
        assert log.count() == rows
        executors = session.sparkContext._jsc.sc().statusTracker().getExecutorInfos()
        assert len(executors) == 3  # the driver and two more
        for function in (summarize, lambda table: split(table, "2024-06-30", "2024-12-31", unit="month")):
            by_spark, by_duckdb = quiet(function, log), quiet(function, files)
            same(by_spark, by_duckdb, check_exact=True)
            assert by_spark.attrs == by_duckdb.attrs
            assert by_spark["frequency"].sum() > rows / 3
        table = quiet(summarize, files, unit="day")
        expected, left_out = totals(pd.read_parquet(tmp_path / "log"))
        assert table[["frequency", "recency"]].sum().tolist() == expected
        assert table.attrs["left_out"] == left_out

        bad = session.createDataFrame([("a", "2024-01-01", "1"), ("a", "03/04/2024", "$2"), (None, "2024-02-30", "3")])
        with pytest.raises(ContractError, match="in 4 ways") as refused:
            summarize(bad.toDF("customer_id", "date", "amount"))
        assert "amount: not a number in 1 row: '$2'" in str(refused.value)
        with pytest.raises(ContractError, match=r"date: the column is missing. Did you mean 'Day_'|The columns are"):
            summarize(log.withColumnRenamed("date", "day"))
    assert left_running(spark_folder) == []


def totals(log):
    """Repeat purchase days and days from first to last, of all customers together; by a plain group-by."""
    day = log.assign(date=log["date"].dt.normalize()).groupby(["customer_id", "date"])["amount"].sum().round(6)
    bought = day[day >= 0].reset_index().groupby("customer_id")["date"].agg(["size", "min", "max"])
    left_out = {
        "refund_days": int((day < 0).sum()),
        "refund_amount": pytest.approx(day[day < 0].sum()),
        "customers_without_purchase": log["customer_id"].nunique() - len(bought),
    }
    return [int((bought["size"] - 1).sum()), float((bought["max"] - bought["min"]).dt.days.sum())], left_out
