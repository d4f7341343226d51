"""What a notebook gives back."""

import datetime as dt
import decimal
import math

import nbformat
import numpy as np
import pandas as pd
import pytest
from helpers import a_notebook
from hypothesis import given
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_notebook, new_output

import crmlab.runner.records as module
from crmlab.runner import RecordError, answer, decide, record, results, stored_results
from crmlab.runner.records import MIME_TYPE, plain, sentence, storable, storable_answer


@pytest.fixture(autouse=True)
def shown(monkeypatch):
    """What would be displayed; each test has a kernel's memory of its own."""
    outputs = []
    monkeypatch.setattr(module, "_recorded", {})
    monkeypatch.setattr(module, "publish", outputs.append)
    return outputs


def executed(*stored):
    """A notebook whose outputs hold these stored results."""
    cell = new_code_cell("", outputs=[new_output("display_data", data={MIME_TYPE: one}) for one in stored])
    return new_notebook(cells=[cell])


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (3, 3),
        (True, True),
        ("yes", "yes"),
        (1 / 3, 0.333333),
        (123456789.0, 123457000.0),
        (np.float64(2.5), 2.5),
        (np.float32(2.5), 2.5),
        (np.int64(7), 7),
        (np.bool_(True), True),
        (np.array(1.25), 1.25),
        (np.datetime64("1997-09-30"), {"date": "1997-09-30"}),
        (dt.date(1997, 9, 30), {"date": "1997-09-30"}),
        (pd.Timestamp("1997-09-30"), {"date": "1997-09-30"}),
        (math.nan, {"float": "NaN"}),
        (math.inf, {"float": "Infinity"}),
        (-np.inf, {"float": "-Infinity"}),
    ],
)
def test_scalars_are_stored_plain(value, stored):
    assert storable("x", value) == stored
    assert type(storable("x", value)) is type(stored)


@pytest.mark.parametrize(
    ("value", "type_name"),
    [
        (None, "NoneType"),
        (1j, "complex"),
        (decimal.Decimal("1.5"), "Decimal"),
        ([1], "list"),
        ({"a": 1}, "dict"),
        (np.array([1, 2]), "ndarray"),
        (pd.Series([1]), "Series"),
        (pd.NaT, "NaTType"),
        (pd.NA, "NAType"),
        (object(), "object"),
    ],
)
def test_what_cannot_be_stored_is_refused_with_its_type(value, type_name):
    with pytest.raises(RecordError, match=type_name):
        record("x", value)


def test_a_time_of_day_is_refused():
    with pytest.raises(RecordError, match="has a time of day"):
        record("x", pd.Timestamp("1997-09-30 10:00"))


def test_columns_and_kinds(shown):
    record("a", 1.5, "USD", 1, 2)
    record("b", "yes", kind="scenario")
    decide("Do it.", 3, "USD", 1.0, 4.0, baseline="nothing")
    table = results(executed(*shown))
    assert table.columns.tolist() == ["name", "value", "unit", "low", "high", "level", "kind"]
    assert table["kind"].tolist() == ["estimate", "scenario", "decision"]
    assert table.loc[0].tolist() == ["a", 1.5, "USD", 1, 2, 0.9, "estimate"]
    assert table.loc[1, ["low", "high", "level"]].tolist() == [None, None, None]
    assert next(r for r in stored_results(executed(*shown)) if r["kind"] == "decision")["baseline"] == "nothing"


@given(st.floats(allow_nan=False) | st.integers() | st.text() | st.booleans() | st.dates())
def test_plain_gives_back_what_was_stored(value):
    back = plain(storable("x", value))
    assert type(back) is type(value)
    assert back == (float(f"{value:.6g}") if isinstance(value, float) else value)


def test_a_name_twice_is_refused():
    record("a", 1)
    with pytest.raises(RecordError, match="'a' is recorded already"):
        record("a", 2)


def test_running_the_same_cell_again_replaces_its_result(monkeypatch):
    monkeypatch.setattr(module, "current_cell", lambda: ("cell-7", 1))
    record("a", 1)
    monkeypatch.setattr(module, "current_cell", lambda: ("cell-7", 2))
    record("a", 2)
    with pytest.raises(RecordError, match="recorded already"):
        record("a", 3)


def test_a_second_decision_is_refused():
    decide("Do it.", 3, "USD", 1, 4, baseline="nothing")
    with pytest.raises(RecordError, match="'decision' is recorded already"):
        decide("Or not.", 3, "USD", 1, 4, baseline="nothing")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: record("a", 1, low=1), "an interval has two ends"),
        (lambda: record("a", 1, low=2, high=1), "is not below its high end"),
        (lambda: record("a", 1, low=1, high=2, level=90), "level 90 is not between 0 and 1"),
        (lambda: record("a", 1, kind="guess"), "kind 'guess' is none of"),
        (lambda: record("", 1), "must be text"),
        (lambda: record(7, 1), "must be text"),
        (lambda: decide("", 1, "USD", 0, 2, baseline="b"), "say in words"),
        (lambda: decide("x", 1, "USD", 0, 2, baseline=""), "say in words"),
        (lambda: decide("x", 1, "USD", None, None, baseline="b"), "money with an interval"),
        (lambda: decide("x", "much", "USD", 0, 2, baseline="b"), "money with an interval"),
        (lambda: answer("q", list(range(10_001))), "10,001 values are more than 10,000"),
        (lambda: answer("q", pd.DataFrame(np.zeros((5001, 2)))), "10,002 cells are more than 10,000"),
        (lambda: answer("q", {"a": 1}), "dict cannot be recorded"),
    ],
)
def test_bad_results_are_refused(call, message):
    with pytest.raises(RecordError, match=message):
        call()


def test_answers_hold_lists_and_tables():
    assert storable_answer("q", pd.Series([1.0, 2.5])) == [1.0, 2.5]
    assert storable_answer("q", (1, "a")) == [1, "a"]
    table = pd.DataFrame({"a": [1, 2], "b": ["x", None]})
    assert storable_answer("q", table)["rows"] == [[1, "x"], [2, {"float": "NaN"}]]
    stored = storable_answer("q", table[["a"]])
    assert stored == {"columns": ["a"], "rows": [[1], [2]]}
    pd.testing.assert_frame_equal(plain(stored), table[["a"]])


def test_two_results_of_one_name_in_a_file_are_refused():
    one = {"name": "a", "value": 1, "kind": "estimate"}
    with pytest.raises(RecordError, match="'a' is recorded twice"):
        results(executed(one, one))


def test_a_sentence_a_reader_can_read():
    stored = {"name": "value", "value": 12345.6, "unit": "USD", "low": 1.0, "high": 20000.0, "level": 0.9}
    assert sentence(stored | {"kind": "estimate"}) == "value: 12,345.6 USD (90% interval 1 to 20,000)"


def test_results_of_a_notebook_without_outputs_are_empty(tmp_path):
    path = a_notebook(tmp_path / "n.ipynb")
    assert results(path).empty
    assert nbformat.read(path, 4).cells
