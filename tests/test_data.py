"""crmlab.data: the contracts, the loaders, the summary of a purchase log."""

import datetime
import hashlib
import importlib.util
import pickle
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlab.data import ContractError, check, contract_table, load_cdnow, load_transactions, split, summarize
from crmlab.data.contracts import dictionary

LIFETIMES = Path(importlib.util.find_spec("lifetimes").origin).parent / "datasets"
LOG = pd.DataFrame(
    {"customer_id": ["a", "a", "b"], "date": ["2024-01-01", "2024-01-15", "2024-01-08"], "amount": [20.0, 30.0, 10.0]}
)
SUMMARY = pd.DataFrame(
    {
        "customer_id": ["a", "b"],
        "frequency": [2, 0],
        "recency": [3.0, 0.0],
        "T": [4.0, 4.0],
        "monetary_value": [9.0, 0.0],
    }
)


few = settings(max_examples=15, deadline=None)


@pytest.fixture(scope="module")
def cdnow():
    return load_cdnow()


# --- published numbers ---


def test_cdnow_is_the_published_sample(cdnow):
    """The read-me of CDNOW_sample.txt: 6,919 records, customers 1 to 2357, to the end of June 1998."""
    assert len(cdnow) == 6919
    assert cdnow["customer_id"].unique().tolist() == [f"{i:04d}" for i in range(1, 2358)]
    assert (cdnow["date"].min(), cdnow["date"].max()) == (pd.Timestamp("1997-01-01"), pd.Timestamp("1998-06-30"))


def test_cdnow_calibration_is_the_published_summary(cdnow):
    """The two-decimal (x, t_x, T, z-bar) of Fader, Hardie and Lee (2005), as lifetimes ships them, row by row."""
    table = split(cdnow, calibration_end="1997-09-30")
    published = pd.read_csv(LIFETIMES / "cdnow_customers_summary_with_transactions.csv")
    assert (len(table), (table["frequency"] > 0).sum()) == (2357, 946)
    assert table["frequency"].tolist() == published["x"].tolist()
    # Half a unit of the last printed digit, and what binary fractions add to it.
    for ours, theirs in [("recency", "t_x"), ("T", "T"), ("monetary_value", "zbar")]:
        np.testing.assert_allclose(table[ours], published[theirs], rtol=0, atol=0.005 + 1e-9)


def test_cdnow_hold_out_is_39_weeks(cdnow):
    table = split(cdnow, calibration_end="1997-09-30")
    assert table["duration_holdout"].unique().tolist() == [39.0]
    assert table["frequency"].sum() + table["frequency_holdout"].sum() == 6919 - 223 - 2357  # 223 rows share a day


# --- an independent reference: pandas, customer by customer ---


def slow_days(log):
    totals = log.assign(date=pd.to_datetime(log["date"])).groupby(["customer_id", "date"])["amount"].sum().round(6)
    return totals[totals >= 0].reset_index()


def slow_summary(days, until, unit_days):
    rows = []
    for customer, own in days.groupby("customer_id"):
        first, repeat = own["date"].min(), own[own["date"] > own["date"].min()]
        rows.append(
            {
                "customer_id": customer,
                "frequency": len(repeat),
                "recency": (own["date"].max() - first).days / unit_days,
                "T": (pd.Timestamp(until) - first).days / unit_days,
                "monetary_value": repeat["amount"].mean() if len(repeat) else 0.0,
            }
        )
    return pd.DataFrame(rows)


def slow_split(days, end, until, unit_days):
    table = slow_summary(days[days["date"] <= end], end, unit_days)
    later = days[days["date"] > end].groupby("customer_id")["amount"]
    return table.assign(
        frequency_holdout=table["customer_id"].map(later.size()).fillna(0).astype("int64"),
        monetary_value_holdout=table["customer_id"].map(later.mean()).fillna(0.0),
        duration_holdout=(pd.Timestamp(until) - pd.Timestamp(end)).days / unit_days,
    )


@st.composite
def logs(draw, lowest=-2000):
    """Small purchase logs in cents, with refunds, free orders and several rows a day."""
    row = st.tuples(st.sampled_from(["a", "B", "07", "7", "é"]), st.integers(0, 20), st.integers(lowest, 5000))
    customer, day, cents = zip(*draw(st.lists(row, min_size=1, max_size=40)), strict=True)
    dates = (np.datetime64("2024-02-20") + np.array(day)).astype(str)
    return pd.DataFrame({"customer_id": customer, "date": dates, "amount": np.array(cents) / 100})


def quiet(function, *args, **settings):
    """The result where a warning of refund days may or may not come."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return function(*args, **settings)


def same(left, right):
    pd.testing.assert_frame_equal(left, right, check_exact=False, rtol=1e-12, atol=1e-9)


@pytest.mark.parametrize(
    ("unit", "days"),
    [
        ("week", 7),
        pytest.param("day", 1, marks=pytest.mark.proof),
        pytest.param("month", 365.25 / 12, marks=pytest.mark.proof),
        pytest.param("year", 365.25, marks=pytest.mark.proof),
    ],
)
def test_cdnow_agrees_with_the_slow_reference(cdnow, unit, days):
    some = cdnow[cdnow["customer_id"] <= "0150"]
    same(summarize(some, "1998-06-30", unit), slow_summary(slow_days(some), "1998-06-30", days))
    same(
        split(some, "1997-09-30", "1998-06-30", unit),
        slow_split(slow_days(some), "1997-09-30", "1998-06-30", days),
    )


@few
@given(logs())
def test_any_log_agrees_with_the_slow_reference(log):
    days = slow_days(log)
    if days.empty:
        with pytest.raises(ValueError, match="has no purchase"):
            summarize(log)
        return
    same(quiet(summarize, log, "2024-04-01"), slow_summary(days, "2024-04-01", 7))


@few
@given(logs(lowest=0), st.integers(0, 20))  # so that something is left for the hold-out
def test_any_split_agrees_with_the_slow_reference(log, shift):
    end = str(np.datetime64(min(log["date"])) + shift)
    same(split(log, end, "2024-04-01"), slow_split(slow_days(log), end, "2024-04-01", 7))


# --- laws ---


@few
@given(logs(), st.randoms())
def test_the_order_of_the_rows_changes_nothing(log, random):
    rows = list(range(len(log)))
    random.shuffle(rows)
    try:
        expected = quiet(summarize, log)
    except ValueError:  # refunds alone
        return
    pd.testing.assert_frame_equal(quiet(summarize, log.iloc[rows]), expected, check_exact=True)


@few
@given(logs(lowest=0))
def test_other_ids_change_nothing_else(log):
    new_names = {"a": "x4", "B": "x1", "07": "x3", "7": "x5", "é": "x2"}
    renamed = summarize(log.assign(customer_id=log["customer_id"].map(new_names)))
    expected = summarize(log).assign(customer_id=lambda table: table["customer_id"].map(new_names))
    pd.testing.assert_frame_equal(renamed, expected.sort_values("customer_id", ignore_index=True), check_exact=True)


@few
@given(logs(lowest=0), st.data())
def test_a_second_purchase_on_a_day_changes_no_count_and_no_time(log, data):
    again = log.iloc[[data.draw(st.integers(0, len(log) - 1))]]
    counts = ["customer_id", "frequency", "recency", "T"]
    pd.testing.assert_frame_equal(summarize(pd.concat([log, again]))[counts], summarize(log)[counts])


@few
@given(logs(lowest=0), st.integers(0, 20))  # so that something is left for the hold-out
def test_the_calibration_is_the_summary_of_the_rows_up_to_its_end(log, shift):
    end = str(np.datetime64(min(log["date"])) + shift)
    table = split(log, end, observed_until="2024-04-01")
    alone = summarize(log[log["date"] <= end], observed_until=end)
    pd.testing.assert_frame_equal(table[alone.columns], alone, check_exact=True)
    everybody = len(summarize(log))
    assert table.attrs["left_out"]["customers_after_calibration"] == everybody - len(table)


@few
@given(logs(lowest=0))
def test_a_summary_keeps_its_contract(log):
    table = summarize(log)
    pd.testing.assert_frame_equal(check(table, "customer_summary"), table)


def test_no_argument_is_changed():
    log = LOG.assign(shop="x").set_index(pd.Index([5, 3, 9]))
    before = log.copy(deep=True)
    check(log, "transactions"), summarize(log), split(log, "2024-01-08")
    pd.testing.assert_frame_equal(log, before)


# --- definitions, each at its edge ---


def test_one_customer_on_one_day_has_no_time():
    assert summarize(LOG[:1]).drop(columns="customer_id").to_numpy().tolist() == [[0, 0, 0, 0]]


def test_attrs_tell_the_unit_and_the_days():
    table = split(LOG, datetime.date(2024, 1, 8), pd.Timestamp("2024-01-29 18:00"), unit="day")
    assert table.attrs == {
        "unit": "day",
        "calibration_end": "2024-01-08",
        "observed_until": "2024-01-29",
        "left_out": {
            "refund_days": 0,
            "refund_amount": 0.0,
            "customers_without_purchase": 0,
            "customers_after_calibration": 0,
        },
    }


def log_of(*rows):
    return pd.DataFrame(rows, columns=["customer_id", "date", "amount"])


def test_a_free_order_is_a_purchase():
    table = summarize(log_of(("a", "2024-01-01", 0), ("a", "2024-01-08", 0), ("a", "2024-01-15", 10)))
    assert table.loc[0, ["frequency", "monetary_value"]].tolist() == [2, 5]


def test_a_refund_on_the_day_of_the_purchase_is_netted_to_the_cent():
    # In floats 10.10 + 20.20 - 30.30 is -3.6e-15: not a refund day.
    days = [("a", "2024-01-01", 5), ("a", "2024-01-08", 10.10), ("a", "2024-01-08", 20.20), ("a", "2024-01-08", -30.30)]
    assert summarize(log_of(*days)).loc[0, ["frequency", "monetary_value"]].tolist() == [1, 0]


def test_refund_days_are_left_out_counted_and_told():
    log = log_of(("a", "2024-01-01", 20), ("a", "2024-01-08", 30), ("a", "2024-01-15", -7.5), ("b", "2024-01-01", -1))
    with pytest.warns(
        UserWarning, match=r"2 refund days \(together -8.50\) left out, and 1 customer with no other day"
    ) as told:
        table = summarize(log)
    assert told[0].filename == __file__
    assert table.to_dict("records") == [
        {"customer_id": "a", "frequency": 1, "recency": 1.0, "T": 2.0, "monetary_value": 30.0}
    ]
    assert table.attrs["left_out"] == {"refund_days": 2, "refund_amount": -8.5, "customers_without_purchase": 1}


@pytest.mark.parametrize(
    "dates",
    [
        ["2024-01-01", "2024-01-15", "2024-01-08"],
        ["20240101", "20240115", "20240108"],
        [20240101, 20240115, 20240108],
        ["2024-01-01 23:59", "2024-01-15T00:00:00", "2024-01-08"],
        ["2024-01-01T23:59:00-05:00", "2024-01-15T00:00:00-05:00", "2024-01-08T12:00:00.123456-05:00"],
        [datetime.date(2024, 1, 1), datetime.datetime(2024, 1, 15, 23), pd.Timestamp("2024-01-08 12:00")],
        pd.to_datetime(["2024-01-01 23:59", "2024-01-15 00:00", "2024-01-08 00:00"]).astype("datetime64[ns]"),
        pd.to_datetime(["2024-01-01 23:59", "2024-01-15 00:00", "2024-01-08 00:00"]).tz_localize("Asia/Tokyo"),
        pd.Categorical(["2024-01-01", "2024-01-15", "2024-01-08"]),
        pd.period_range("2024-01-01", periods=3, freq="7D")[[0, 2, 1]],
    ],
    ids=["iso", "digits", "whole numbers", "times", "offset", "objects", "ns", "zone", "categories", "periods"],
)
def test_dates_in_any_clear_form_are_their_local_day(dates):
    days = check(LOG.assign(date=dates), "transactions")["date"]
    assert days.dtype == "datetime64[us]"
    assert days.astype(str).tolist() == LOG["date"].tolist()


def test_a_zone_may_change_its_clocks():
    stamps = pd.to_datetime(["2024-03-30 23:30", "2024-03-31 23:30"]).tz_localize("Europe/Berlin")
    table = summarize(pd.DataFrame({"customer_id": ["a", "a"], "date": stamps, "amount": [1, 2]}), unit="day")
    assert table.loc[0, ["frequency", "recency"]].tolist() == [1, 1]


@pytest.mark.parametrize(
    "ids", [[7, 7, 8], pd.Categorical([7, 7, 8]), pd.array([7, 7, 8], dtype="Int64"), ["7", "7", "8"]]
)
def test_ids_become_text(ids):
    assert check(LOG.assign(customer_id=ids), "transactions")["customer_id"].tolist() == ["7", "7", "8"]


def test_check_keeps_rows_index_attrs_and_other_columns():
    table = SUMMARY.assign(frequency=[2.0, 0.0], region=["n", "s"]).set_index(pd.Index([7, 3]))
    table.attrs = {"unit": "month"}
    checked = check(table, "customer_summary")
    assert checked["frequency"].dtype == "int64"
    assert (checked.index.tolist(), checked.attrs, checked["region"].tolist()) == (
        [7, 3],
        {"unit": "month"},
        ["n", "s"],
    )


def test_a_summary_of_purchases_alone_needs_no_money():
    assert "monetary_value" not in check(SUMMARY.drop(columns="monetary_value"), "customer_summary")


def test_optional_columns_may_have_gaps():
    log = LOG.assign(order_id=[1, 2, 3], product_id=[None, "p", "q"], quantity=[1, np.nan, -2])
    assert check(log, "transactions").isna().sum().sum() == 2


# --- files ---


def test_csv_and_parquet_give_the_same_table(tmp_path):
    log = LOG.assign(customer_id=["0001", "0001", "NA"], shop=[1, 2, 3])
    log.to_csv(tmp_path / "log.csv", index=False)
    log.assign(date=pd.to_datetime(log["date"]).dt.date).to_parquet(tmp_path / "log.parquet")
    expected = check(log, "transactions")
    pd.testing.assert_frame_equal(load_transactions(tmp_path / "log.csv"), expected)
    pd.testing.assert_frame_equal(load_transactions(str(tmp_path / "log.parquet")), expected)


def test_a_csv_of_a_spreadsheet_is_read(tmp_path):
    (tmp_path / "log.csv").write_bytes("\ufeffcustomer_id,date,amount\r\né,2024-01-01,0.1\r\n\r\n".encode())
    assert load_transactions(tmp_path / "log.csv")["customer_id"].tolist() == ["é"]


def test_a_csv_with_row_names_and_gaps_elsewhere_is_read(tmp_path):
    LOG.assign(customer_id=["NA", "NA", "b"], shop=[1, None, 3]).to_csv(tmp_path / "log.csv")
    table = load_transactions(tmp_path / "log.csv")
    assert table["customer_id"].tolist() == ["NA", "NA", "b"]
    assert table["shop"].isna().tolist() == [False, True, False]


def test_a_data_set_by_its_name(cdnow):
    pd.testing.assert_frame_equal(load_transactions("cdnow"), cdnow)


def test_whoever_reads_a_file_announces_it(tmp_path):
    LOG.to_csv(tmp_path / "log.csv", index=False)
    program = (
        "import sys; sys.addaudithook(lambda event, args: print(*args) if event == 'crmlab.data.read' else None)\n"
        "from crmlab.data import load_transactions\n"
        "load_transactions('log.csv'), load_transactions('cdnow'); assert 'lifetimes' not in sys.modules"
    )
    out = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout
    files = {"log.csv": tmp_path / "log.csv", "cdnow": LIFETIMES / "CDNOW_sample.txt"}
    assert out.splitlines() == [f"{name} {hashlib.sha256(p.read_bytes()).hexdigest()}" for name, p in files.items()]


def test_the_import_is_light():
    program = (
        "import sys, crmlab.data; sys.exit(bool({'pandera', 'lifetimes', 'matplotlib', 'sklearn'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


# --- the dictionary ---


@pytest.mark.parametrize("contract", ["transactions", "customer_summary"])
def test_the_dictionary_is_the_schemas(contract):
    assert dictionary(contract) in (Path(__file__).parents[1] / "datasets" / "README.md").read_text("utf-8")
    assert contract_table(contract)["meaning"].str.len().gt(0).all()


# --- bad input, each by its message ---

BAD_LOGS = {
    "no table": ([1, 2], r"transactions must be a (pandas DataFrame|data frame .*), not list"),
    "no column": (LOG[["customer_id", "date"]], r"amount: the column is missing. The columns are: customer_id, date\."),
    "other name": (LOG.rename(columns={"customer_id": "CustomerID"}), "customer_id: .* Did you mean 'CustomerID'\\?"),
    "in the index": (LOG.set_index("customer_id"), r"It is the index of the table: table.reset_index\(\)"),
    "twice": (pd.concat([LOG, LOG[["date"]]], axis=1), "date: there is more than one such column"),
    "id missing": (
        LOG.assign(customer_id=["a", None, ""]),
        r"customer_id: missing in 2 rows: row 2 \(nan\), row 3 \(''\)",
    ),
    "id float": (LOG.assign(customer_id=[1.0, 2.0, 3.0]), r"customer_id: not text in 3 rows: row 1 \(1.0\)"),
    "id mixed": (LOG.assign(customer_id=pd.Series(["a", 1, "b"], dtype=object)), r"not text in 1 row: row 2 \(1\)"),
    "id list": (LOG.assign(customer_id=[["a"], "a", "b"]), r"not text in 1 row: row 1 \(\['a'\]\)"),
    "date missing": (
        LOG.assign(date=pd.to_datetime(["2024-01-01", None, None])),
        r"date: missing in 2 rows: row 2 \(NaT\)",
    ),
    "date ambiguous": (LOG.assign(date=["03/04/2024"] * 3), "date: not a date of the form .* the 3rd of April to some"),
    "date no day": (LOG.assign(date=["2024-01-01", "2024-02-30", "2024-01-01"]), "no such day in 1 row: row 2"),
    "date epoch": (LOG.assign(date=[1704067200] * 3), "not a date of the form yyyy-mm-dd or yyyymmdd in 3 rows"),
    "date stand-in": (
        LOG.assign(date=["9999-12-31", "2024-01-01", "0001-01-01"]),
        "before 1900 or after 2100 in 2 rows",
    ),
    "date list": (LOG.assign(date=[["2024-01-01"], "2024-01-01", "x"]), "not a date of the form .* in 2 rows: row 1"),
    "two zones": (
        LOG.assign(date=["2024-01-01T09:00Z", "2024-01-01T09:00+00:00", "2024-01-01T09:00+01:00"]),
        "not in the time zone of the first row in 1 row: row 3",
    ),
    "zone and none": (
        LOG.assign(
            date=pd.Series([pd.Timestamp("2024-01-01", tz="UTC"), *[pd.Timestamp("2024-01-01")] * 2], dtype=object)
        ),
        "not in the time zone of the first row in 2 rows: row 2",
    ),
    "amount text": (LOG.assign(amount=["1.5", "$2", "1,000.50"]), r"amount: not a number in 2 rows: row 2 \('\$2'\)"),
    "amount missing": (LOG.assign(amount=[1, np.nan, 3]), r"amount: missing in 1 row: row 2 \(nan\)"),
    "amount infinite": (LOG.assign(amount=[1, np.inf, -np.inf]), "amount: not a finite number .* in 2 rows"),
    "amount bool": (LOG.assign(amount=[True, False, True]), r"amount: not a number in 3 rows: row 1 \(True\)"),
    "amount day": (LOG.assign(amount=pd.to_datetime(LOG["date"])), "amount: not a number in 3 rows"),
    "quantity": (LOG.assign(quantity=["two", "1", None]), r"quantity: not a number in 1 row: row 1 \('two'\)"),
    "long": (LOG.assign(amount=["x" * 99, "1", "2"]), r"row 1 \('x{36}\.\.\.\)"),
}


@pytest.mark.parametrize(("log", "message"), BAD_LOGS.values(), ids=BAD_LOGS)
@pytest.mark.parametrize("function", [lambda log: check(log, "transactions"), summarize], ids=["check", "summarize"])
def test_a_bad_log_is_refused(function, log, message):
    with pytest.raises((ContractError, TypeError), match=message):
        function(log)


BAD_SUMMARIES = {
    "no T": (SUMMARY.drop(columns="T"), "T: the column is missing"),
    "twice": (SUMMARY.assign(customer_id="a"), r"customer_id: not unique in 2 rows: row 1 \('a'\), row 2"),
    "fraction": (SUMMARY.assign(frequency=[1.5, 0]), r"frequency: not a whole number in 1 row: row 1 \(1.5\)"),
    "negative": (SUMMARY.assign(frequency=[-1, 0]), r"frequency: negative or not finite in 1 row: row 1 \(-1\)"),
    "infinite": (SUMMARY.assign(T=[np.inf, 4]), "T: negative or not finite in 1 row"),
    "recency over T": (SUMMARY.assign(recency=[5.0, 0.0]), "recency: longer than T in 1 row: row 1"),
    "recency of none": (SUMMARY.assign(recency=[3.0, 1.0]), "recency: 0 with repeat purchases, or above 0 without any"),
    "no recency": (SUMMARY.assign(recency=[0.0, 0.0]), "recency: 0 with repeat purchases, or above 0 without any"),
    "money of none": (SUMMARY.assign(monetary_value=[9.0, 1.0]), "monetary_value: above 0 without a repeat purchase"),
    "money missing": (SUMMARY.assign(monetary_value=[9.0, np.nan]), "monetary_value: missing in 1 row: row 2"),
    "money negative": (SUMMARY.assign(monetary_value=[-9.0, 0.0]), "monetary_value: negative or not finite in 1 row"),
}


@pytest.mark.parametrize(("table", "message"), BAD_SUMMARIES.values(), ids=BAD_SUMMARIES)
def test_a_bad_summary_is_refused(table, message):
    with pytest.raises(ContractError, match=message):
        check(table, "customer_summary")


def test_all_breaches_are_told_at_once_the_most_important_first():
    log = pd.DataFrame(
        {"date": ["x", None, "2024-01-01", "2024-01-01"], "amount": [np.inf, None, 1, 2], "quantity": "?"}
    )
    with pytest.raises(ContractError, match="transactions breaks its contract in 6 ways") as refused:
        check(log, "transactions")
    problems = [(breach.column, breach.problem.split(" of ")[0], breach.rows) for breach in refused.value.breaches]
    assert problems == [
        ("customer_id", "the column is missing", ()),
        ("date", "not a date", (1,)),
        ("quantity", "not a number", (1, 2, 3, 4)),
        ("date", "missing", (2,)),
        ("amount", "missing", (2,)),
        ("amount", "not a finite number within a trillion", (1,)),
    ]
    assert "row 1 ('?'), row 2 ('?'), row 3 ('?'), ..." in str(refused.value)
    assert str(pickle.loads(pickle.dumps(refused.value))) == str(refused.value)


def test_an_unknown_contract_is_refused():
    with pytest.raises(ValueError, match="there is no contract 'purchases'; there are: transactions, customer_summary"):
        check(LOG, "purchases")


BAD_CALLS = {
    "empty": (lambda: summarize(LOG[:0]), "transactions has no rows"),
    "refunds alone": (lambda: summarize(LOG.assign(amount=-1)), "has no purchase: on every day"),
    "unit": (lambda: summarize(LOG, unit="weeks"), "unit must be one of day, week, month, year, not 'weeks'"),
    "later rows": (
        lambda: summarize(LOG, "2024-01-08"),
        "transactions has 1 row after 2024-01-08, .* the last is on 2024-01-15",
    ),
    "later rows in split": (lambda: split(LOG, "2024-01-01", "2024-01-07"), "transactions has 2 rows after 2024-01-07"),
    "until no day": (
        lambda: summarize(LOG, "8 January"),
        "observed_until must be a day, such as '1997-09-30', not '8 Ja",
    ),
    "until no date": (lambda: summarize(LOG, pd.NaT), "observed_until must be a day, .*, not NaT"),
    "end no day": (lambda: split(LOG, "2024-13-01"), "calibration_end must be a day"),
    "end before": (
        lambda: split(LOG, "2023-12-31"),
        "calibration_end is 2023-12-31, but .* choose a day from 2024-01-01 to",
    ),
    "end at the end": (
        lambda: split(LOG, "2024-01-15"),
        "calibration_end is 2024-01-15, but .* choose a day from 2024-01-01 to",
    ),
}


@pytest.mark.parametrize(("call", "message"), BAD_CALLS.values(), ids=BAD_CALLS)
def test_a_bad_call_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_nobody_who_bought_by_the_end_of_calibration_is_refused():
    log = log_of(("a", "2024-01-01", -5), ("a", "2024-01-08", 5))
    with (
        pytest.warns(UserWarning, match="1 refund day"),
        pytest.raises(ValueError, match="nobody bought by 2024-01-01"),
    ):
        split(log, "2024-01-01")


HEADER = b"customer_id,date,amount\n"
BAD_FILES = {
    "log.csv": {
        "nothing": (b"", "is empty"),
        "blank": (b"\n \n", "is empty"),
        "no rows": (HEADER, "has no rows"),
        "png": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "is not a CSV file: it is not text"),
        "parquet": (b"PAR1....", "is not a CSV file; it is a Parquet file: name it .parquet"),
        "excel": (b"PK\x03\x04....", "is not a CSV file; it is zipped, perhaps Excel"),
        "utf-16": ("customer_id".encode("utf-16"), "is not in UTF-8|is not text"),
        "latin": (HEADER + b"a,2024-01-01,1\nJos\xe9,2024-01-01,1\n", r"is not in UTF-8 \(first on line 3\)"),
        "semicolons": (b"customer_id;date;amount\na;2024-01-01;1\n", "by ';'.*let `crmlab import` do it"),
        "longer row": (HEADER + b"a,2024-01-01,1\na,2024-01-01,1,000\n", "is not a table with commas: .*line 3"),
        "longer rows": (HEADER + b"a,2024-01-01,1,000\n", "has rows with more values than the 3 names"),
        "shorter row": (HEADER + b"a,2024-01-01\n", r"amount: missing in 1 row: row 1 \(nan\)"),
        "open quote": (HEADER + b'"a,2024-01-01,1\n', "is not a table with commas"),
        "two columns": (b"customer_id,date,amount,amount\na,2024-01-01,1,2\n", "has more than one column 'amount'"),
        "other names": (
            b"customerid,day,amount\na,2024-01-01,1\n",
            r"transactions in [^\n]*log.csv[^\n]*\n.* Did you mean 'customerid'",
        ),
        "row": (HEADER + b"a,2024-01-01,1\n,2024-01-01,1\n", r"customer_id: missing in 1 row: row 2 \(nan\)"),
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
def test_a_bad_file_is_refused(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message) as refused:
        load_transactions(tmp_path / name)
    assert name in str(refused.value)


def test_a_source_that_is_none_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "orders.csv").write_text("")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(FileNotFoundError, match=r"there is no file 'order.csv'. Did you mean 'orders.csv'\?"):
        load_transactions("order.csv")
    with pytest.raises(FileNotFoundError, match=r"there is no file 'zzz.parquet'. You are in"):
        load_transactions("zzz.parquet")
    with pytest.raises(IsADirectoryError, match=r"'folder.csv' is a folder"):
        load_transactions("folder.csv")
    with pytest.raises(
        ValueError,
        match=r"'cdnwo' is neither a data set \('cdnow', 'harbour_and_hill'\) nor a file .* Did you mean 'cdnow'\?",
    ):
        load_transactions("cdnwo")
    with pytest.raises(ValueError, match=r"'log.xlsx' is neither a data set"):
        load_transactions("log.xlsx")


def test_a_file_that_may_not_be_read_is_refused(monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(PermissionError, match=r"'log.csv' may not be read"):
        load_transactions("log.csv")


def test_without_the_package_the_loader_names_the_extra(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r'pip install "crmlab\[real\]"'):
        load_cdnow()


# --- a mistyped last day ---


def test_a_last_day_far_from_all_others_is_told():
    days = pd.date_range("2025-01-01", periods=30, freq="7D").strftime("%Y-%m-%d").tolist()
    log = pd.DataFrame({"customer_id": ["a", "b"] * 15, "date": days, "amount": 5.0})
    summarize(log)  # no warning: warnings are errors here
    mistyped = log.assign(date=[*days[:-1], "2035-07-23"])
    with pytest.warns(UserWarning, match="the last day of the log, 2035-07-23, is 3,659 days after the one before"):
        summarize(mistyped)
    with pytest.warns(UserWarning, match="If it is mistyped, correct it"):
        split(mistyped, "2025-04-01")
    summarize(mistyped, observed_until="2035-07-23")  # said on purpose


# --- the quick look agrees with pandera ---


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "c", "d", None]),
            st.sampled_from([0.0, 1.0, 2.0, 1.5, -1.0, np.nan]),
            st.sampled_from([0.0, 3.0, 9.0, -2.0, np.nan]),
            st.sampled_from([0.0, 5.0, 8.0, np.nan]),
            st.sampled_from([0.0, 20.0, -1.0, np.inf]),
        ),
        min_size=1,
        max_size=3,
    )
)
def test_the_quick_look_finds_a_breach_exactly_where_pandera_does(rows):
    from pandera.errors import SchemaErrors

    from crmlab.data.contracts import _schema, keeps

    names = ["customer_id", "frequency", "recency", "T", "monetary_value"]
    table = pd.DataFrame(rows, columns=names).astype({"customer_id": "str"})
    table = table.astype(dict.fromkeys(names[1:], "float64"))
    schema = _schema("customer_summary")
    try:
        schema.validate(table, lazy=True)
        kept = True
    except SchemaErrors:
        kept = False
    assert keeps(schema, table) == kept
