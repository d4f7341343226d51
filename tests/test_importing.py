"""crmlab.data.importing: files of one's own become tables that keep a contract, and every row that does not is told."""

import csv
import datetime
import decimal
import hashlib
import io
import os
import re
import shlex
import signal
import stat
import struct
import subprocess
import sys
import zipfile

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from typer.testing import CliRunner

from crmlab.cli import app
from crmlab.data import ImportRefusal, check, import_table, load_cdnow, load_transactions
from crmlab.data.contracts import contract_table, dictionary
from crmlab.data.firms import load
from crmlab.data.importing import limits
from crmlab.data.importing.dates import day_of_text
from crmlab.data.importing.encoding import decoded
from crmlab.data.importing.expressions import parsed, value_of
from crmlab.data.importing.money import Undecided, number_of_text
from crmlab.data.importing.names import ALSO, plain
from crmlab.data.importing.text import by_arrow, one_by_one, records, well_quoted
from crmlab.data.importing.values import QUANTITIES, read_column
from crmlab.data.schemas import GENERAL

few = settings(max_examples=20, deadline=None)
LOG = pd.DataFrame(
    {
        "customer_id": ["0007", "Müller", "0007"],
        "date": pd.to_datetime(["2024-12-31", "2024-02-01", "2024-04-03"]).astype("datetime64[us]"),
        "amount": [1234.5, -12.0, 7.5],
    }
).astype({"customer_id": "str"})
GERMAN = (
    "Kundennr.;Rechnungsdatum;Betrag\r\n0007;31.12.2024;1.234,50 €\r\nMüller;1.2.2024;-12,00 €\r\n0007;3.4.24;7,5 €\r\n"
)


def text(values):
    return pd.Series(values, dtype="str")


def numbers(*values, **settings):
    return number_of_text(text(values), **settings).numbers.tolist()


def days(*values, **settings):
    return [str(day)[:10] for day in day_of_text(text(values), **settings).days]


def told(read):
    """What could not be read in a column: problem -> places."""
    return {fault.problem: np.flatnonzero(rows).tolist() for rows, fault in read.faults}


def workbook(path, sheets, **states):
    """Write a workbook: name of a sheet -> rows."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        sheet.sheet_state = states.get(name, "visible")
        for row in rows:
            sheet.append(row)
    book.save(path)


def crmlab(*words):
    """Call the command in this process: its exit code, and what it writes."""
    return CliRunner().invoke(app, list(map(str, words)))


def imported(path, content, contract="transactions", mapping=None, **settings):
    """Import a text that is written to a path first."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return import_table(path, contract, mapping, **settings)


# --- known files: the same table from every form of it ---


def test_cdnow_through_an_ugly_export_is_cdnow(tmp_path):
    cdnow = load_cdnow()
    ugly = pd.DataFrame(
        {
            "Kunden-Nr.": cdnow["customer_id"],
            "Kaufdatum": cdnow["date"].dt.strftime("%d.%m.%Y"),
            "Menge": cdnow["quantity"].map("{:.0f}".format),
            "Betrag": cdnow["amount"].map("{:,.2f} €".format).str.translate(str.maketrans(",.", ".,")),
        }
    )
    ugly.to_csv(tmp_path / "cdnow.txt", sep=";", index=False, encoding="cp1252", lineterminator="\r\n")
    outcome = import_table(tmp_path / "cdnow.txt", "transactions", out=tmp_path / "cdnow.parquet")
    assert (outcome.read, outcome.kept, outcome.refused) == (6919, 6919, 0)
    assert_frame_equal(load_transactions(tmp_path / "cdnow.parquet")[cdnow.columns], cdnow)


def forms(folder):
    """One log as other countries, a database and a colleague would send it: file -> sign of the amounts."""
    (folder / "german.csv").write_bytes(("Umsätze 2024;;\r\n;;\r\n" + GERMAN).encode("cp1252"))
    tabs = "Customer ID\tInvoice date\tTotal\n0007\t12/31/2024 10:15\t1,234.50\n"
    tabs += "Müller\t2/1/2024 9:00\t(12.00)\n0007\t4/3/2024 8:00\t7.5\n"
    (folder / "utf16.txt").write_bytes(tabs.encode("utf-16"))
    (folder / "no_mark.tsv").write_bytes(tabs.encode("utf-16-le"))
    excel = "sep=|\r\nclient|day|paid\r\n0007|2024-12-31|1 234,5-\r\nMüller|20240201|12,0\r\n0007|3 Apr 2024|-7,5\r\n"
    (folder / "excel.csv").write_text(excel, "utf-8-sig", newline="")
    rows = [["customer", "date", "amount"], ["0007", datetime.date(2024, 12, 31), 1234.5]]
    rows += [["Müller", datetime.datetime(2024, 2, 1, 23, 59), "-12,00 €"], ["0007", 45385, 7.5]]
    sheets = {"About": [["Made by"]], "Sales": [["Report"], [], *rows], "Old": rows}
    workbook(folder / "report.xlsx", sheets, Old="hidden")
    table = {
        "kunde": pa.array(LOG["customer_id"]).dictionary_encode(),
        "datum": pa.array(LOG["date"].dt.date),
        "betrag": pa.array([decimal.Decimal(f"{amount:.2f}") for amount in LOG["amount"]], pa.decimal128(12, 2)),
    }
    pq.write_table(pa.table(table), folder / "log.parquet")
    return {"german.csv": 1, "utf16.txt": 1, "no_mark.tsv": 1, "excel.csv": -1, "report.xlsx": 1, "log.parquet": 1}


def test_every_form_of_a_log_gives_the_same_table(tmp_path):
    for name, sign in forms(tmp_path).items():
        outcome = import_table(tmp_path / name, "transactions")
        assert_frame_equal(outcome.table, LOG.assign(amount=sign * LOG["amount"]), obj=name)
        assert outcome.refused == 0


def test_the_export_of_an_online_shop(tmp_path):
    """The columns of the UCI Online Retail data: a price a piece, the month first, ids that are missing."""
    rows = """InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
536365,85123A,"WHITE HANGING, HEART",6,12/1/2010 8:26,2.55,17850,United Kingdom
C536379,D,Discount,-1,12/1/2010 9:41,27.5,14527,United Kingdom
536414,22139,,56,12/13/2010 11:52,0,,United Kingdom
"""
    with pytest.raises(ImportRefusal, match=r"amount may be Quantity\*UnitPrice") as asked:
        imported(tmp_path / "shop.csv", rows)
    assert "--map 'amount=Quantity*UnitPrice'" in asked.value.report
    outcome = import_table(tmp_path / "shop.csv", "transactions", {"amount": "Quantity * UnitPrice"})
    assert outcome.table["amount"].tolist() == [15.3, -27.5]
    assert outcome.table["date"].astype(str).tolist() == ["2010-12-01"] * 2
    assert outcome.table["order_id"].tolist() == ["536365", "C536379"]
    assert outcome.rejects.iloc[0, :4].tolist() == [4, "customer_id", "", "missing"]
    assert outcome.rejects["Description"].tolist() == [""]
    assert "not taken: 'Description', 'Country'" in outcome.report


# --- numbers as people write them ---


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (["1.234,50 €", "-3,00 €", "5 €"], [1234.5, -3, 5]),
        (["$1,234.50", "-$3.00", "$-5", "($6.00)", "7.00-"], [1234.5, -3, -5, -6, -7]),
        (["1 234,5", "1\u00a0234\u202f567,5"], [1234.5, 1234567.5]),
        (["1'234.50", "1’000"], [1234.5, 1000]),
        (["1.234.567", "2.345"], [1234567, 2345]),
        (["1,00,000", "5.5"], [100000, 5.5]),
        (["\u22122,5", "–1,5"], [-2.5, -1.5]),
        (["USD 5.00", "7"], [5, 7]),
        (["0.123", "1.000"], [0.123, 1]),
        (["1.5E+03", "1e3"], [1500, 1000]),
        (["+5", ".5", "5."], [5, 0.5, 5]),
        (["", "NA", "-", "3"], [np.nan, np.nan, np.nan, 3]),
    ],
)
def test_money_is_read_by_what_its_column_shows(written, read):
    outcome = read_column("number", "", text(written))
    np.testing.assert_array_equal(outcome.column, read)
    assert not outcome.faults


SIGNS = [(".", ","), (",", "."), (",", " "), (".", "'"), (",", "\u00a0"), (".", "")]


@few
@given(st.lists(st.integers(-(10**10), 10**10), min_size=1, max_size=8), st.sampled_from(SIGNS))
def test_money_written_and_read_is_the_same(cents, signs):
    point, thousand = signs
    written = [f"{cent / 100:,.2f}".replace(",", "_").replace(".", point).replace("_", thousand) for cent in cents]
    np.testing.assert_allclose(numbers(*written), np.array(cents) / 100, rtol=1e-15)


def test_a_thousand_or_one_is_asked_for():
    with pytest.raises(Undecided, match=r"'1,234' is 1.234 with --decimal comma and 1234 with --decimal point"):
        numbers("1,234", "5")
    with pytest.raises(Undecided, match=r"'1.234' is 1234 with --decimal comma and 1.234 with --decimal point"):
        numbers("1.234", "5")
    assert numbers("1,234", point="comma") == [1.234]
    assert numbers("1,234", point="point") == [1234]
    assert numbers("1,234", "2,345.6") == [1234, 2345.6]


def test_two_ways_or_two_currencies_in_a_column_are_refused():
    with pytest.raises(Undecided, match=r"decimals by comma \('2,5'\) and by point \('1.5'\)"):
        numbers("1.5", "2,5")
    with pytest.raises(ImportRefusal, match=r"more than one currency: '5 €' and '\$5'"):
        numbers("5 €", "$5")
    assert told(read_column("number", "", text(["1.5", "2,5"]), point="comma")) == {"not a number": [0]}


@pytest.mark.parametrize(
    "written", ["abc", "1,2,3", "12-13", "=1+1", "0x10", "1_000", "inf", "5 5", "1.2.3", "--5", "(-5)", "١٢", "1,50.00"]
)
def test_what_is_no_number_is_refused(written):
    assert told(read_column("number", "", text([written, "1.00", "2.50"]))) == {"not a number": [0]}


def test_a_unit_is_no_currency():
    pieces = read_column("number", "the product's unit", text(["5 PCS", "12 pcs.", "3pc", "-1", "1.5 Pcs"]))
    assert pieces.column.tolist() == [5, 12, 3, -1, 1.5]
    assert pieces.told == ["unit pc, as in '5 PCS'", "decimal point"]
    with pytest.raises(ImportRefusal, match="more than one unit: '5 PCS' and '12 KGS'"):
        read_column("number", "the product's unit", text(["5 PCS", "12 KGS"]))
    for written in ("5 PCS", "5 DEC", "TRUE", "5 USDX"):
        assert told(read_column("number", "money", text([written]))) == {"not a number": [0]}
    assert read_column("number", "money", text(["5 KES", "KES6", "ALLES"])).told == ["currency KES"]


def test_every_unit_of_a_quantity_is_one_of_a_contract():
    units = {column.metadata["unit"] for schema in GENERAL for column in schema.columns.values()}
    assert set(QUANTITIES) <= units


def test_a_percentage_is_told_as_such():
    assert told(read_column("number", "", text(["12%", "5"]))) == {"a percentage": [0]}


# --- days as people write them ---


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (["31.12.2024", "1.2.2025 10:15"], ["2024-12-31", "2025-02-01"]),
        (["12/31/2024 8:26 PM", "2/1/2025"], ["2024-12-31", "2025-02-01"]),
        (["31-Dec-24", "1. Februar 2025", "Dec 31, 2024"], ["2024-12-31", "2025-02-01", "2024-12-31"]),
        (["15 août 2024", "3 de mayo de 2024", "Tue, 5 Mar 2024"], ["2024-08-15", "2024-05-03", "2024-03-05"]),
        (["2024-12-31T23:59:00.5", "2024/1/5", "2024年1月5日"], ["2024-12-31", "2024-01-05", "2024-01-05"]),
        (["20241231", "45657", "45657.75"], ["2024-12-31"] * 3),
        (["31.12.24", "30.12.24", "1.1.70"], ["2024-12-31", "2024-12-30", "1970-01-01"]),
        (["13/04/2024", "03/04/2024"], ["2024-04-13", "2024-04-03"]),
        (["04/13/2024", "03/04/2024"], ["2024-04-13", "2024-03-04"]),
    ],
)
def test_days_are_read_by_what_their_column_shows(written, read):
    assert days(*written) == read


WAYS = {
    "%Y-%m-%d": None,
    "%d.%m.%Y": "day-first",
    "%m/%d/%Y": "month-first",
    "%d/%m/%y": "day-first",
    "%d %b %Y": None,
    "%B %d, %Y": None,
    "%Y%m%d": None,
    "%Y/%m/%d %H:%M": None,
}


@few
@given(
    st.lists(st.dates(datetime.date(1969, 1, 1), datetime.date(2068, 12, 31)), min_size=1, max_size=8),
    st.sampled_from(list(WAYS)),
)
def test_a_day_written_and_read_is_the_same(dates, form):
    assert days(*(day.strftime(form) for day in dates), order=WAYS[form]) == [day.isoformat() for day in dates]


def test_the_3rd_of_april_or_the_4th_of_march_is_asked_for():
    both = "'03/04/2024' is 2024-04-03 with --dates day-first and 2024-03-04 with --dates month-first"
    with pytest.raises(Undecided, match=both):
        days("03/04/2024", "05/05/2024")
    assert days("03/04/2024", order="day-first") == ["2024-04-03"]
    assert days("03/04/2024", order="month-first") == ["2024-03-04"]
    with pytest.raises(Undecided, match=r"the day first \('13/04/2024'\) and with the month first \('04/14/2024'\)"):
        days("13/04/2024", "04/14/2024")
    with pytest.raises(Undecided, match="in '24-12-31' the year may stand first or last"):
        days("24-12-31", "24-12-30")


def test_rows_in_another_zone_or_without_a_day_are_refused():
    read = read_column("date", "day", text(["2024-01-01T09:00Z", "2024-01-01T09:00+01:00", "2024-02-30", "soon", ""]))
    assert told(read) == {"not a date": [3], "no such day": [2], "not in the time zone of the first row": [1]}
    assert read.column.isna().tolist() == [False, True, True, True, True]


def test_numbers_that_are_no_days_are_refused():
    read = read_column("date", "day", pd.Series([20241231, 45657, 1704067200, 7, 20240230]))
    assert read.column.astype(str).tolist()[:2] == ["2024-12-31"] * 2
    assert told(read) == {"a number that is no day": [2, 3], "no such day": [4]}


def test_a_month_is_a_day_in_a_column_of_months_alone():
    assert days("2024-12", "Dec 2024", "12/2024", months=True) == ["2024-12-01"] * 3
    assert days("2024-12") == ["NaT"]


def test_a_day_in_a_column_of_months_is_taken_to_the_first_before_the_key_is_held(tmp_path):
    read = read_column("date", "month", text(["2024-01-15", "2024-01", "31.01.2024"]))
    assert read.column.astype(str).tolist() == ["2024-01-01"] * 3
    assert "days taken to the first of their month, such as 2024-01-15 to 2024-01-01" in read.told
    rows = "customer,month,activity,cost\nA,2024-01-01,pick,5\nA,2024-01-15,pick,9\nA,2024-02-15,pick,9\n"
    outcome = imported(tmp_path / "a.csv", rows, "ledger")
    assert outcome.rejects.iloc[:, [0, 3]].to_numpy().tolist() == [
        [3, "customer_id and month and activity as in an earlier row"]
    ]


@pytest.mark.parametrize(
    ("stamps", "refused"),
    [
        (["2024-01-05T23:30:00-08:00", "2024-07-05T23:30:00-07:00"], []),
        (["2024-01-05 23:30:00 -0800", "2024-07-05 23:30:00 -07:00"], []),
        (["2024-01-05T23:30Z", "2024-07-05T23:30+01:00"], []),
        (["2024-03-09T23:30-05:00", "2024-03-10T23:30-04:00"], []),
        (["2024-01-05T23:30-08:00", "2024-01-06T23:30-07:00"], [1]),
        (["2024-01-05T23:30-08:00", "2024-07-05T23:30-06:00"], [1]),
        (["2024-01-05T23:30-08:00", "2024-07-05T23:30"], [1]),
        (["2024-01-05T23:30-08:00", "2024-07-05T23:30-07:00", "2024-07-05T23:30-06:00"], [1, 2]),
    ],
)
def test_winter_and_summer_time_are_one_place(stamps, refused):
    read = read_column("date", "day", text(stamps))
    assert told(read) == ({"not in the time zone of the first row": refused} if refused else {})
    kept = [stamp[:10] for place, stamp in enumerate(stamps) if place not in refused]
    assert read.column.dropna().astype(str).tolist() == kept
    assert any("as in winter and summer: the local day counts" in how for how in read.told) is not bool(refused)


def test_words_for_no_day_are_gaps(tmp_path):
    words = ["00.00.0000", "0000-00-00", "0000-00-00 00:00:00", "00000000", "9999-12-31", "31.12.9999", "12/31/9999"]
    read = read_column("date", "day", text([*words, "2024-01-02"]))
    assert (read.column.notna().tolist(), read.faults) == ([False] * 7 + [True], [])
    assert not read_column("date", "day", pd.Series([0, 2_958_465, 99_991_231, 20240102])).faults
    typed = pd.Series([datetime.datetime(9999, 12, 31), datetime.datetime(2024, 1, 2)], dtype="object")
    assert read_column("date", "day", typed).column.isna().tolist() == [True, False]
    rows = (
        "order,customer,ordered,promised,delivered\n3,a,2024-01-02,2024-01-04,00.00.0000\n4,a,9999-12-31,2024-01-04,\n"
    )
    outcome = imported(tmp_path / "a.csv", rows, "orders")
    assert outcome.table["delivered_on"].isna().tolist() == [True]
    assert outcome.rejects.iloc[0, 1:4].tolist() == ["ordered_on", "9999-12-31", "missing"]


def test_a_year_is_not_first_where_no_month_can_follow():
    assert days("2/13/24", "2/3/24") == ["2024-02-13", "2024-02-03"]


def test_a_time_of_day_is_minutes_after_midnight():
    times = text(["09:17", "9:17 PM", "2024-01-01 23:59", "12:00 AM", "557"])
    read = read_column("count", "minutes after midnight", times)
    assert read.column.tolist() == [557, 21 * 60 + 17, 1439, 0, 557]
    stamps = pd.to_datetime(["2024-01-01 09:17:30", None])
    assert read_column("count", "minutes after midnight", pd.Series(stamps)).column.tolist()[0] == 557


def test_durations_are_seconds_or_minutes():
    seconds = read_column("number", "seconds", text(["2:50", "75:09", "1:02:03", "00:00:05", "12", "1:2", "1:75:00"]))
    assert seconds.column.tolist()[:5] == [170, 4509, 3723, 5, 12]
    assert told(seconds) == {"not a number": [5, 6]}
    assert seconds.told == ["'2:50' is 170 seconds"]
    minutes = read_column("number", "minutes", text(["1:30:00", "0:00:30", "7.5", "1:30"]))  # 1:30 may be hours
    assert minutes.column.tolist()[:3] == [90, 0.5, 7.5]
    assert told(minutes) == {"not a number": [3]}


# --- ids, words, flags ---


def test_ids_stay_as_they_are_written():
    read = read_column("id", "", text([" 007 ", "NA", "NULL", "1e5", "\ufffdx"]))
    assert read.column.tolist()[:2] == ["007", "NA"]
    assert read.column.isna().tolist() == [False, False, True, False, False]
    assert told(read) == {"a sign that is none in this encoding": [4]}
    assert read_column("id", "", text(["17850.0", "7.0"])).column.tolist() == ["17850", "7"]
    big = pd.Series(pd.array([2**60 + 1, None], dtype="Int64"))
    assert read_column("id", "", big).column.tolist()[0] == str(2**60 + 1)
    floats = read_column("id", "", pd.Series([7.0, 7.5]))
    assert floats.column.tolist()[0] == "7"
    assert told(floats) == {"not text": [1]}


def test_words_for_nobody_are_no_ids():
    read = read_column("id", "", text(["-", "–", "n/a", "N/A", "?", "Unknown", "UNBEKANNT", "NA", "None", "Nan", "-7"]))
    assert read.column.dropna().tolist() == ["NA", "Nan", "-7"]
    assert (read.faults, read.told) == ([], [])
    assert read_column("id", "", text(["NA", "7", "NA", "NA"])).told == [
        "'NA' is kept as an id, in 3 rows: empty these cells if it is nobody's"
    ]
    assert read_column("text", "", text(["-", "?"])).column.tolist() == ["-", "?"]


def test_ids_that_a_spreadsheet_has_spoilt_are_refused_or_told():
    read = read_column("id", "", text(["4.51E+11", "4,51E+11", "4E+15", "4.51e11", "E+11"]))
    assert told(read) == {"an id that a spreadsheet has cut short": [0, 1, 2]}
    assert read_column("id", "", text(["1.0", "1", "2"])).told == ["'1.0' and '1' are two ids: write them alike if not"]
    assert read_column("id", "", text(["1.0", "2", "3"])).told == []


@pytest.mark.parametrize(
    ("cell", "total"),
    [
        ("Total", True),
        ("TOTAL:", True),
        ("Grand Total", True),
        ("Subtotal January", True),
        ("*** Summe ***", True),
        ("Sous-total", True),
        ("Total général", True),
        ("Suma", True),
        ("合计", True),
        ("小计一月", True),
        ("Totalis Ltd", False),
        ("Summer Ltd", False),
        ("Gesamtschule", False),
        ("Company Total", False),
    ],
)
def test_a_total_is_no_row_of_its_own(tmp_path, cell, total):
    rows = HEAD + f"a,2024-01-02,1\n{cell},2024-01-31,1\n"
    outcome = imported(tmp_path / "a.csv", rows)
    assert outcome.kept == 2 - total
    assert outcome.rejects["refused_problem"].tolist() == ["a total, not a row of its own"] * total


def test_a_total_is_known_by_its_first_cell_too_and_a_product_may_begin_so(tmp_path):
    rows = "product,customer,date,amount\nTotal Care,a,2024-01-02,1\nTotal,b,2024-01-31,1\n"
    outcome = imported(tmp_path / "a.csv", rows)
    assert outcome.table["product_id"].tolist() == ["Total Care"]
    assert outcome.rejects["refused_column"].tolist() == ["product"]


def test_yes_and_no_in_several_languages():
    read = read_column("flag", "", text(["Ja", "no", "WAHR", "0", "x", "?", ""]))
    assert read.column.tolist() == [True, False, True, False, True, None, None]
    assert told(read) == {"neither yes nor no": [5]}


# --- expressions ---

KNOWN = {"a": 3.0, "b b": 0.5, "c": -2.0}


@st.composite
def formulas(draw, depth=0):
    """An expression of ours, and the same for Python."""
    kind = draw(st.sampled_from(["column", "number"] if depth > 3 else ["column", "number", "operation", "sign"]))
    if kind == "column":
        name = draw(st.sampled_from(list(KNOWN)))
        ours = name if name.isalpha() else draw(st.sampled_from([f"[{name}]", f"`{name}`", f'"{name}"']))
        return ours, f"({KNOWN[name]})"
    if kind == "number":
        number = draw(st.sampled_from(["2", "0.5", "10.", ".25"]))
        return number, number
    ours, theirs = draw(formulas(depth + 1))
    if kind == "sign":
        return f"-({ours})", f"-({theirs})"
    sign, blank = draw(st.sampled_from("+-*/")), draw(st.sampled_from(["", " "]))
    right, their_right = draw(formulas(depth + 1))
    if draw(st.booleans()):
        return f"({ours}){blank}{sign}{blank}{right}", f"({theirs}){sign}{their_right}"
    return f"{ours}{blank}{sign}{blank}({right})", f"{theirs}{sign}({their_right})"


@settings(max_examples=100, deadline=None)
@given(formulas())
def test_an_expression_means_what_it_means_in_python(formula):
    ours, theirs = f"a+{formula[0]}", f"3.0+{formula[1]}"
    value = value_of(parsed(ours, KNOWN), {name: np.array([number]) for name, number in KNOWN.items()})
    try:
        expected = eval(theirs)
    except ZeroDivisionError:
        assert not np.isfinite(value).all()
        return
    np.testing.assert_allclose(value, expected, rtol=1e-12)


def test_the_name_of_a_column_needs_no_quotes_where_it_stands_alone():
    assert parsed("Quantity*Price", ["Quantity*Price", "Quantity"]).name == "Quantity*Price"
    assert parsed("Unit price (EUR)", ["Unit price (EUR)"]).name == "Unit price (EUR)"


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("a b", r"'a b', place 3: 'b' was not expected"),
        ("a +", "place 4: a column, a number or a parenthesis is expected"),
        ("(a", "place 3: a closing parenthesis is missing"),
        ("a)*2", r"place 2: '\)' was not expected"),
        ("a**c", "place 3: a column, a number or a parenthesis is expected"),
        ("a % c", "place 3: '%' is no column"),
        ("A*2", "place 1: there is no column 'A'. .* The columns are: 'a', 'b b', 'c'"),
        ("a.c", r"place 2: '\.' is no column"),
        ("[a", r"place 1: '\[' is no column"),
        ("1e5*a", "place 1: '1' is no column"),
        ("__import__('os').system('x')", 'place 1: there is no column|place 12: "\'" is no column'),
        ("1+2", "names no column"),
        ("(" * 60 + "a" + ")" * 60, "more than 50 parentheses"),
        ("a" + "+a" * 600, "at most 1,000 signs; this one has 1,201"),
    ],
)
def test_a_bad_expression_is_refused_with_its_place(expression, message):
    with pytest.raises(ImportRefusal, match=message):
        parsed(expression, KNOWN)


def test_a_part_of_an_expression_that_is_missing_is_told_by_its_name(tmp_path):
    rows = "customer,date,qty,price\na,2024-01-02,3,2.10\nb,2024-01-03,3,\n"
    outcome = imported(tmp_path / "a.csv", rows, mapping={"amount": "qty*price"})
    assert outcome.rejects.iloc[0, :4].tolist() == [3, "amount", "", "price is missing"]
    assert "  amount: price is missing in 1 row: line 3 ('')." in outcome.report


def test_division_by_zero_refuses_the_row(tmp_path):
    rows = "customer,date,total,n\na,2024-01-02,6,3\nb,2024-01-03,6,0\n"
    outcome = imported(tmp_path / "a.csv", rows, mapping={"amount": "total/n"})
    assert outcome.table["amount"].tolist() == [2]
    assert outcome.rejects.iloc[0, :4].tolist() == [3, "amount", "6, 0", "divided by 0"]


# --- the mapping that is suggested ---


def test_every_known_name_is_that_of_a_column_and_is_plain():
    assert set(ALSO) == {name for schema in GENERAL for name in schema.columns}
    for words in ALSO.values():
        assert all(word == plain(word) for word in words.split()), words
        assert len(set(words.split())) == len(words.split()), words


def test_a_mapping_is_suggested_and_shown(tmp_path):
    outcome = imported(tmp_path / "a.csv", GERMAN)
    assert outcome.mapping == {"customer_id": "Kundennr.", "date": "Rechnungsdatum", "amount": "Betrag"}
    assert "  date        <- 'Rechnungsdatum': a known name; day first, as '31.12.2024' shows" in outcome.report
    assert "  amount      <- 'Betrag': a known name; currency EUR; decimal comma" in outcome.report


@pytest.mark.parametrize(
    ("name", "target", "contract"),
    [
        ("Umsatz (EUR)", "amount", "transactions"),
        ("Montant HT", "amount", "transactions"),
        ("Montant T.T.C.", "amount", "transactions"),
        ("Total net [USD]", "amount", "transactions"),
        ("Betrag €", "amount", "transactions"),
        ("netto", "amount", "transactions"),
        ("VK-Preis", "price", "products"),
        ("VK Preis brutto", "price", "products"),
        ("EK", "unit_cost", "products"),
    ],
)
def test_what_a_name_is_measured_in_is_no_part_of_it(tmp_path, name, target, contract):
    rows = f"customer,date,product,{name}\na,2024-01-02,p,1.50\n"
    assert imported(tmp_path / "a.csv", rows, contract).mapping[target] == name


def test_a_column_that_is_possible_stands_in_the_command_that_is_proposed(tmp_path):
    rows = "Code client,Date facture,N° facture,Montant HT,Montant TTC\n1,2024-01-02,F1,1,1.2\n"
    with pytest.raises(ImportRefusal, match="amount could be 'Montant HT' or 'Montant TTC'") as asked:
        imported(tmp_path / "a.csv", rows)
    command = shlex.split(asked.value.report.splitlines()[-1])
    assert {"order_id=N° facture", "amount=Montant HT", "customer_id=Code client"} <= set(command)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("customer,date,net,gross", r"amount could be 'net' or 'gross'\. Say what is meant by --map\."),
        ("customer,InvoiceDate,OrderDate,amount", "date could be 'InvoiceDate' or 'OrderDate'"),
        ("who,date,amount,x", "customer_id was not found"),
        ("customer,date,quantity,UnitPrice", r"amount may be quantity\*UnitPrice"),
        ("customer,date,Pieces,Unit price", r"amount may be Pieces\*\[Unit price\]"),
    ],
)
def test_nothing_is_guessed_between_two(tmp_path, header, message):
    values = {"customer": "a", "who": "a", "InvoiceDate": "2024-01-02", "OrderDate": "2024-01-02", "date": "2024-01-02"}
    row = ",".join(values.get(name, "1") for name in header.split(","))
    with pytest.raises(ImportRefusal, match=message) as asked:
        imported(tmp_path / "a.csv", f"{header}\n{row}\n")
    command = shlex.split(asked.value.report.splitlines()[-1])
    assert command[:2] == ["crmlab", "import"]
    assert "--map" in command


def test_the_command_that_is_proposed_works(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a b.csv").write_text("customer,date,Pieces,Unit price\na,2024-01-02,2,3.5\n")
    first = crmlab("import", "a b.csv", "--as", "transactions")
    assert first.exit_code == 2
    proposed = shlex.split(first.stdout.splitlines()[-1])
    second = crmlab(*proposed[1:])
    assert (second.exit_code, second.stderr) == (0, "")
    assert load_transactions(tmp_path / "a b.parquet")["amount"].tolist() == [7.0]


def test_the_same_name_is_beyond_doubt_and_the_other_is_told(tmp_path):
    outcome = imported(tmp_path / "a.csv", "customer_id,Kunde,date,amount\n1,2,2024-01-02,3\n")
    assert outcome.table["customer_id"].tolist() == ["1"]
    assert "<- 'customer_id': the same name; could also be 'Kunde'" in outcome.report


def test_a_name_that_is_only_alike_is_taken_where_there_must_be_one(tmp_path):
    rows = "CustomerNumer,date,amount,quantitty\na,2024-01-02,3,4\n"
    outcome = imported(tmp_path / "a.csv", rows)
    assert outcome.mapping == {"customer_id": "CustomerNumer", "date": "date", "amount": "amount"}
    assert "quantity    <- ?  could be 'quantitty'" in outcome.report


def test_a_column_that_does_not_hold_what_its_name_says_is_not_suggested(tmp_path):
    with pytest.raises(ImportRefusal, match="date was not found"):
        imported(tmp_path / "a.csv", "customer,day,amount\na,Monday,1\nb,Tuesday,2\n")


def test_an_optional_column_can_be_left_out(tmp_path):
    rows = "customer,date,amount,qty\na,2024-01-02,3,many\nb,2024-01-02,3,1\nc,2024-01-02,3,2\n"
    first = imported(tmp_path / "a.csv", rows)
    assert first.refused == 1
    assert "Write a number, such as 1234.50. Or leave it out: --map quantity=" in first.report
    outcome = import_table(tmp_path / "a.csv", "transactions", {"quantity": ""})
    assert (outcome.refused, list(outcome.table)) == (0, ["customer_id", "date", "amount"])


def test_the_names_of_columns_tell_an_encoding(tmp_path):
    rows = "客户编号,日期,金额\nC1,2024年1月5日,￥12.50\n"
    for encoding in ("utf-8", "gb18030", "utf-16"):
        outcome = imported(tmp_path / "a.csv", rows.encode(encoding))
        assert outcome.table.astype(str).to_numpy().tolist() == [["C1", "2024-01-05", "12.5"]]


ROWS_OF_EURO = "".join(f"K{day};{day:02d}.02.2024;{day},50 €;é\n" for day in range(1, 29))


@pytest.mark.parametrize(
    ("written", "encoding", "told"),
    [
        (ROWS_OF_EURO, "cp1252", "cp1252, found by its letters (such as 'é', which cp1253 reads as 'ι'; if"),
        ("a;1.2.2024;£1.50\n", "cp1252", "cp1252, found by its letters (such as '£';"),
        ("a;1.2.2024;1.50 €\n", "cp1252", "cp1252, found by its letters (such as '€';"),
        ("a;90°\nb;10 µm\n", "cp1252", "cp1252, found"),
        (
            "Señor Peña;Ø 5 – ½\n",
            "cp1252",
            "cp1252, found by its letters (such as 'Señor', which cp1257 reads as 'Seńor'",
        ),
        ("Peña\n", "cp1252", "cp1252, found by its letters (such as 'Peña', which cp1250 reads as 'Peńa'"),
        ("Crème brûlée\ngarçon\n", "cp1252", "cp1252, found by its letters (such as 'Crème';"),
        ("Smørrebrød\nkjære\nåben\n", "cp1252", "cp1252, found by its letters (such as 'Smørrebrød';"),
        ("Łódź\nGdańsk\n", "cp1250", "cp1250, found by its letters (such as 'Łódź';"),
        ("12,50 zł\n", "cp1250", "cp1250, found by its letters (such as 'zł';"),
        ("İstanbul\nÇağrı\n", "cp1254", "cp1254, found by its letters (such as 'İstanbul';"),
        ("Šarūnas\nąžuolas\n", "cp1257", "cp1257, found by its letters (such as 'Šarūnas';"),
        ("Москва\nИванов\n", "cp1251", "cp1251, found by its letters (such as 'Москва';"),
        ("Москва\nИванов\n", "koi8_r", "koi8_r, found by its letters (such as 'Москва';"),
        ("Αθήνα\nΓιώργος\n", "cp1253", "cp1253, found by its letters (such as 'Αθήνα';"),
        ("Müller\nStraße\n", "cp850", "cp850, found by its letters (such as 'Müller';"),
        ("José\n", "mac_roman", "mac_roman, found by its letters (such as 'José';"),
        ("1.50 元\n2.50 元\n", "gb18030", "gb18030, found by its letters (such as '元';"),  # is UTF-8, too, by chance
        ("Ԫ и\n", "utf-8", "UTF-8"),
        ("price 5 €\nสวัสดี\n", "utf-8", "UTF-8"),
    ],
)
def test_an_encoding_is_told_by_money_and_words(written, encoding, told):
    body, how = decoded(written.encode(encoding), None, "a.csv")
    assert how.startswith(told)
    assert body.decode() == written


def test_an_encoding_that_nothing_tells_is_asked_for_and_no_reading_is_katakana_of_half_width():
    with pytest.raises(ImportRefusal, match=r"by --encoding: gb18030 \(such as '北京'\) or big5 .* or euc_jp") as asked:
        decoded("北京\n上海\n".encode("gb18030"), None, "a.csv")
    assert not re.search("[\uff61-\uff9f]", str(asked.value))


def test_an_encoding_that_is_given_is_taken_and_its_gaps_are_refused(tmp_path):
    rows = "customer,date,amount\nJos\xe9,2024-01-02,1\nAnn,2024-01-02,2\n".encode("cp1252")
    assert imported(tmp_path / "a.csv", rows, encoding="cp1252").table["customer_id"].tolist() == ["José", "Ann"]
    outcome = import_table(tmp_path / "a.csv", "transactions", encoding="utf-8")
    assert (outcome.kept, outcome.rejects["refused_problem"].tolist()) == (1, ["a sign that is none in this encoding"])


# --- rows ---


def test_rows_that_do_not_fit_are_refused_and_the_others_kept(tmp_path):
    rows = (
        'customer,date,amount,text\na,2024-01-02,1,"ok"\nb,2024-01-02,2,"open\nc,2024-01-03,3,5" pipe\n\n'
        'd,2024-01-04,4,"two\nlines"\ne,2024-01-05,5,6,7\nf,2024-01-06\n,,,\ng,2024-01-07,8,"x"y\nh,2024-01-08,9,z\n'
    )
    outcome = imported(tmp_path / "a.csv", rows)
    assert outcome.table["customer_id"].tolist() == ["a", "c", "d", "h"]
    assert outcome.rejects["refused_row"].tolist() == [3, 8, 9, 11]
    assert outcome.rejects["refused_problem"].tolist() == [
        "a quote is not closed, or not where quotes belong",
        "5 values in a table of 4 columns",
        "2 values in a table of 4 columns",
        "a quote is not closed, or not where quotes belong",
    ]
    assert outcome.rejects["refused_value"].tolist()[0] == 'b,2024-01-02,2,"open'
    assert outcome.rejects.loc[1, ["customer", "date", "amount", "text"]].tolist() == ["e", "2024-01-05", "5", "6"]
    assert "a quote is not closed, or not where quotes belong in 2 rows: line 3" in outcome.report


def test_a_row_with_several_faults_is_refused_once_with_all_of_them(tmp_path):
    rows = (
        "order,customer,ordered,promised,delivered,amount\n1,,2024-02-30,2024-01-01,2024-01-05,abc\n"
        "2,a,2024-01-02,2024-01-01,,1e15\n3,a,2024-01-02,2024-01-04,,1\n"
    )
    outcome = imported(tmp_path / "a.csv", rows, "orders")
    assert outcome.rejects["refused_column"].tolist() == ["customer_id; ordered_on; amount", "amount"]
    assert outcome.rejects["refused_value"].tolist()[0] == "; 2024-02-30; abc"
    assert outcome.rejects["refused_problem"].tolist()[0] == "missing; no such day; not a number"
    assert (outcome.kept, outcome.refused) == (1, 2)


def test_rules_between_columns_are_held(tmp_path):
    rows = "order,customer,ordered,promised,delivered\n2,a,2024-01-02,2024-01-01,\n3,a,2024-01-02,2024-01-04,\n"
    outcome = imported(tmp_path / "a.csv", rows, "orders")
    assert outcome.rejects.iloc[0, 1:4].tolist() == ["promised_on", "2024-01-01", "before ordered_on"]


def test_rows_that_share_a_key_are_refused(tmp_path):
    outcome = imported(tmp_path / "a.csv", "product,grade,importance\nA,1,2\nA,1,2\nB,2,4\nC,3,3\n", "products")
    assert outcome.table["product_id"].tolist() == ["C"]
    assert outcome.rejects["refused_problem"].tolist() == ["not unique", "not unique", "not within 1 to 3"]


def test_equal_rows_are_kept_and_told(tmp_path):
    rows = "customer,date,amount,till\na,2024-01-02,1,1\na,2024-01-02,1,1\na,2024-01-02,1,2\n"
    outcome = imported(tmp_path / "a.csv", rows)
    assert outcome.kept == 3
    assert "1 row kept like an earlier one in every column of the file" in outcome.report


def test_a_currency_and_a_state_that_are_not_taken_are_warned_of(tmp_path):
    head, rows = "customer,date,amount,Währung,Financial Status\n", "a,2024-01-02,1,{},paid\nb,2024-01-03,2,USD,{}\n"
    several = imported(tmp_path / "a.csv", head + rows.format("EUR", "Refunded") + rows.format("EUR", "VOIDED"))
    assert "  warning: 'Währung' has 'EUR', 'USD', and the amounts are not converted" in several.report.splitlines()
    assert (
        "  warning: 'Financial Status' is 'Refunded' in 1 row, 'VOIDED' in 1 row: are these to count? Take them out of "
        "the file if not"
    ) in several.report.splitlines()
    assert "warning" not in imported(tmp_path / "a.csv", head + rows.format("USD", "pending")).report


@st.composite
def messy_files(draw):
    """A text with cells that hold anything, written by the csv module, sometimes with a line that is spoilt."""
    cell = st.text(st.sampled_from('ab7,;"\n 1.é'), max_size=4)
    rows = draw(st.lists(st.lists(cell, min_size=3, max_size=3), min_size=1, max_size=8))
    out = io.StringIO()
    csv.writer(out, lineterminator=draw(st.sampled_from(["\n", "\r\n"]))).writerows(rows)
    lines = out.getvalue().splitlines(keepends=True)
    if draw(st.booleans()):
        place = draw(st.integers(0, len(lines) - 1))
        lines[place] = draw(st.sampled_from(["x,y\n", "1,2,3,4\n", '"x\n', 'a"b,c,d\n', "\n", ",,\n"]))
    return "".join(lines)


@settings(max_examples=100, deadline=None)
@given(messy_files())
def test_both_readers_find_the_same_rows(body):
    """Wherever every quote is in its place, arrow finds what the csv module finds, on the same lines."""
    data = body.encode()
    if not well_quoted(data, ","):
        return
    fast, slow = (reader(data, ["x", "y", "z"], ",", 2) for reader in (by_arrow, one_by_one))
    some_fast, some_slow = ((~one.table.eq("").all(axis=1)).to_numpy() for one in (fast, slow))
    assert fast.table[some_fast].to_numpy().tolist() == slow.table[some_slow].to_numpy().tolist()
    assert fast.rows[some_fast].tolist() == slow.rows[some_slow].tolist()
    assert [(one.row, one.cells) for one in fast.broken] == [(one.row, one.cells) for one in slow.broken]


@settings(max_examples=100, deadline=None)
@given(messy_files())
def test_no_line_is_lost(body):
    """Every letter of a text is in a row that was read, or in one that was refused; no line is in two rows."""
    found = records(body.encode(), ["x", "y", "z"], ",", 1)
    starts = [*found.rows.tolist(), *(one.row for one in found.broken)]
    assert len(set(starts)) == len(starts)
    held = "".join(found.table.to_numpy().ravel()) + "".join(one.text for one in found.broken)
    for letter in "ab7é":
        assert held.count(letter) == body.count(letter)


@settings(max_examples=10, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "007", "", "NULL"]),
            st.sampled_from(["2024-01-31", "31.12.2024", "2024-02-30", "", "x"]),
            st.sampled_from(["1.50", "1,234.50", "-2", "abc", "", "9e99"]),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_what_is_kept_and_what_is_refused_is_what_was_read(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("law") / "a.csv"
    rows = [("b", "31.12.2024", "1.50"), *rows]  # so that something is kept, and the order of dates is decided
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows([("customer", "date", "amount"), *rows])
    rows = [row for row in rows if any(row)]
    good = [
        row[0] not in ("", "NULL") and row[1] in ("2024-01-31", "31.12.2024") and row[2] in ("1.50", "1,234.50", "-2")
        for row in rows
    ]
    outcome = import_table(path, "transactions", {"customer_id": "customer", "date": "date", "amount": "amount"})
    assert (outcome.read, outcome.kept) == (len(rows), sum(good))
    bad = [list(row) for row, fine in zip(rows, good, strict=True) if not fine]
    assert outcome.rejects[["customer", "date", "amount"]].to_numpy().tolist() == bad


# --- every contract ---

OWN = [
    ("harbour_and_hill", "orders", "orders", {}),
    ("harbour_and_hill", "products", "products", {}),
    ("harbour_and_hill", "ledger", "ledger", {}),
    ("harbour_and_hill", "survey", "ratings", {}),
    ("harbour_and_hill", "rankings", "rankings", {"bundle_id": "item_id"}),
    ("harbour_and_hill", "calls", "calls", {"called_on": "date"}),
    ("harbour_and_hill", "orders", "transactions", {"ordered_on": "date"}),
    ("tern_mobile", "calls", "calls", {"line_id": "customer_id"}),
    ("tern_mobile", "renewals", "renewals", {}),
    ("tern_mobile", "purchases", "transactions", {"line_id": "customer_id"}),
]


@pytest.mark.parametrize(
    ("firm", "table", "contract", "renamed", "suffix"),
    [pytest.param(*one, ".parquet", id=f"{one[0]} {one[2]}.parquet") for one in OWN]
    + [
        pytest.param(*one, ".csv", id=f"{one[0]} {one[2]}.csv", marks=[pytest.mark.proof] * (n > 0))
        for n, one in enumerate(OWN)
    ],
)
def test_a_firms_own_table_keeps_the_contract_after_at_most_a_rename(tmp_path, firm, table, contract, renamed, suffix):
    own = load(firm)[table].head(200)
    check(own.rename(columns=renamed), contract)
    own.to_csv(tmp_path / "own.csv", index=False)
    mapping = {new: old for old, new in renamed.items()}
    outcome = import_table(tmp_path / "own.csv", contract, mapping, out=tmp_path / f"out{suffix}")
    assert (outcome.kept, outcome.refused) == (len(own), 0)
    if suffix == ".parquet":
        written = pd.read_parquet(tmp_path / "out.parquet")
        assert written.dtypes.to_dict() == outcome.table.dtypes.to_dict()
    else:
        ids = contract_table(contract).query("type == 'text'")["column"]
        written = pd.read_csv(tmp_path / "out.csv", dtype=dict.fromkeys(ids, "str"))
    assert_frame_equal(check(written, contract), outcome.table)


def test_a_summary_can_be_imported(tmp_path):
    outcome = imported(tmp_path / "a.csv", "CustomerID,frequency,recency,T\n1,2,3.5,10\n2,0,0,9\n", "customer_summary")
    assert outcome.table["frequency"].tolist() == [2, 0]


@pytest.mark.parametrize("contract", [schema.name for schema in GENERAL])
def test_every_contract_is_in_the_dictionary_and_in_the_help(contract):
    assert dictionary(contract) in (ROOT / "datasets" / "README.md").read_text("utf-8")
    assert contract in (ROOT / "crmlab" / "cli.py").read_text("utf-8")


def test_the_textbook_table_of_service_priority_is_products(tmp_path):
    outcome = imported(tmp_path / "a.csv", "产品,利润率等级,重要度\nA,1,2\nC,2,3\nF,3,1\n", "products")
    assert outcome.table.to_numpy().tolist() == [["A", 1, 2], ["C", 2, 3], ["F", 3, 1]]


def test_calls_by_day_and_time(tmp_path):
    rows = "Ticket;Opened;Reason;Solved\n1;31.12.2024 09:17;order;ja\n2;31.12.2024 21:05;price;nein\n"
    outcome = imported(tmp_path / "a.csv", rows, "calls", {"minute": "Opened"})
    assert outcome.table["date"].astype(str).tolist() == ["2024-12-31"] * 2
    assert outcome.table["minute"].tolist() == [557, 1265]
    assert outcome.table["resolved"].tolist() == [True, False]


# --- files that are refused, each by its message ---

HEAD = "customer,date,amount\n"
ROW = "a,2024-01-02,1\n"
TABLE = [["customer", "date", "amount"], ["a", "2024-01-02", 1]]
JAPANESE = "顧客,日付,金額\n田中一郎,2024,5\n鈴木さくら,2024,7\nお客様サービス,2024,3\n".encode("shift_jis")


def zipped(*parts):
    """A zip file of some parts."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts:
            archive.writestr(name, content)
    return out.getvalue()


def sheet_of(xml, shared=b"<sst/>"):
    """The least that is a workbook, around the XML of a sheet."""
    book = ("xl/workbook.xml", b"<workbook/>")
    return zipped(book, ("xl/sharedStrings.xml", shared), ("xl/worksheets/sheet1.xml", xml))


def in_directory(data, place, form, value):
    """A zip file whose directory says something else of each part."""
    changed = bytearray(data)
    for match in re.finditer(b"PK\x01\x02", data):
        struct.pack_into(form, changed, match.start() + place, value)
    return bytes(changed)


BOMB = zipped(("xl/workbook.xml", b"<workbook/>"), ("xl/media/image.bin", b"\0" * 4_000_000))
CORNERS = b'<worksheet><sheetData><row r="1"><c r="A1"/></row><row><c r="XFD1048576"/></row></sheetData></worksheet>'
MANY = b"<worksheet><sheetData>" + b'<c r="A1" t="s"><v>0</v></c>' * 3000 + b"</sheetData></worksheet>"
LONG = b"<sst><si><t>" + b"x" * 1_000_000 + b"</t></si></sst>"
ENTITY = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;">]><worksheet><sheetData/></worksheet>'
THIRTY = ",".join(f"c{number}" for number in range(30)) + "\n" + "1," * 29 + "1\n"
TWO_SIGNS = "customer;x,date;y,amount;z\na;b,c;d,e;f\n"

# name of the file, what it holds (bytes, text, or the sheets of a workbook), the message, and perhaps options
BAD_FILES = {
    "empty": ("a.csv", "", "'.*a.csv' is empty"),
    "blank": ("a.csv", " \n\n", "is empty"),
    "names alone": ("a.csv", HEAD, "has the names of its columns, but no rows"),
    "no names": ("a.csv", ROW * 3, "has no line with the names of its columns: the first is 'a,2024-01-02,1'"),
    "one column": ("a.csv", "customer\na\nb\n", "is no table: its lines are separated into columns by none of comma"),
    "prose": ("a.txt", "Dear customer\nhow are you?\n\nYours\nX\n", "is no table: its lines are separated"),
    "two separators": ("a.csv", TWO_SIGNS, "could be separated by ',' or by ';'. Say by which: --separator ','"),
    "parquet as csv": ("a.csv", b"PAR1....", "is a Parquet file, not what its name says. If it is, name it .parquet"),
    "excel as csv": ("a.csv", zipped(("x", b"y")), "is an Excel workbook, or another zipped file, not what its name"),
    "csv as excel": ("a.xlsx", HEAD + ROW, "is text, not what its name says. If it is, name it .csv"),
    "noise as excel": (
        "a.xlsx",
        b"\x17\x93k\x02 no text" * 9,
        "is no table of any kind known. Open it in the program that made it",
    ),
    "csv as parquet": ("a.parquet", HEAD + ROW, "is text, not what its name says. If it is, name it .csv"),
    "html as xls": ("a.xls", "<html><table><tr><td>a</td></tr></table>", r"is a web page \(HTML\), whatever its name"),
    "html as csv": (
        "a.csv",
        "\ufeff <!DOCTYPE html><html>",
        r"is a web page \(HTML\), whatever its name says. Open it",
    ),
    "xml": ("a.csv", "<?xml version='1.0'?><a/>", "is XML, whatever its name says"),
    "json": ("a.csv", '[{"customer": 1}]', "is JSON, whatever its name says"),
    "old excel": (
        "a.xls",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 99,
        r"an old Excel file \(.xls\), or a workbook",
    ),
    "gzip": ("a.csv.gz", b"\x1f\x8b\x08\0...", "is compressed by gzip, which cannot be imported. Unpack it first"),
    "zstd": ("a.csv", b"\x28\xb5\x2f\xfd...", "is compressed by zstd, which cannot be imported"),
    "pdf": ("a.csv", b"%PDF-1.7", "is a PDF, which cannot be imported. Open it in the program that made it"),
    "rtf": ("a.csv", b"{\\rtf1 x}", r"is a text document \(RTF\)"),
    "picture": ("a.csv", b"\x89PNG\r\n\x1a\n\0", r"is a picture \(PNG\)"),
    "database": ("a.csv", b"SQLite format 3\0", "is an SQLite database"),
    "other kind": ("a.ods", HEAD + ROW, "is of no kind that can be imported: .csv, .tsv, .tab, .txt, .xlsx, .xlsm"),
    "nul bytes": (
        "a.csv",
        HEAD + "a,2024-01-02,1\nb,2024-\0-02,1\n",
        r"has nul bytes \(first on line 3\): it is damaged",
    ),
    "zeros": ("a.csv", b"\0" * 5000, r"has nul bytes \(first on line 1\)"),
    "long line": ("a.csv", HEAD + "x" * 5000, r"has a line of 5,000 bytes \(line 2\); the limit is 4,096"),
    "one long line": ("a.csv", "x" * 9000, "begins with a line of more than 4,096 bytes"),
    "many columns": ("a.csv", THIRTY, "has 30 columns; the limit is 20. Keep those you need"),
    "two of a name": ("a.csv", "customer,date,date,amount\na,b,c,d\n", "has more than one column 'date'. Keep one"),
    "asian letters": ("a.csv", JAPANESE, "is not in UTF-8. Say in which encoding it is by --encoding: .*shift_jis"),
    "no encoding": ("a.csv", HEAD + ROW, "there is no encoding 'klingon'", {"encoding": "klingon"}),
    "no separator": ("a.csv", HEAD + ROW, "a separator is one sign, or 'tab', not 'xx'", {"separator": "xx"}),
    "wrong separator": ("a.csv", HEAD + ROW, "has no line with the names of its columns", {"separator": ";"}),
    "day or month": ("a.csv", HEAD + "a,03/04/2024,1\n", r"date \(column 'date'\): '03/04/2024' is 2024-04-03 with"),
    "both": ("a.csv", HEAD + "a,13/04/2024,1\na,04/13/2024,1\n", r"date \(column 'date'\): dates with the day first"),
    "thousand": ("a.csv", HEAD + 'a,2024-01-02,"1,234"\n', r"amount \(column 'amount'\): '1,234' is 1.234 with"),
    "currencies": ("a.csv", HEAD + "a,2024-01-02,5 €\na,2024-01-02,5 $\n", "more than one currency: '5 €' and '5 \\$'"),
    "all refused": ("a.csv", HEAD + "a,soon,1\n,2024-01-02,2\n", "no row keeps the contract transactions; they are in"),
    "bad option": ("a.csv", HEAD + ROW, "--dates is day-first or month-first", {"dates": "american"}),
    "sheet of a text": ("a.csv", HEAD + ROW, "is text and has no sheet: leave --sheet out", {"sheet": "x"}),
    "no such column": ("a.csv", HEAD + ROW, "there is no column 'Amount'", {"mapping": {"amount": "Amount"}}),
    "no such name": ("a.csv", HEAD + ROW, "transactions has no column 'price'", {"mapping": {"price": "amount"}}),
    "reckoned id": (
        "a.csv",
        HEAD + ROW,
        "customer_id is no number: name one",
        {"mapping": {"customer_id": "amount*2"}},
    ),
    "zip bomb": ("a.xlsx", BOMB, "unpacks to more than 2,000,000 bytes, as a zip bomb does"),
    "zip bomb that lies": ("a.xlsx", in_directory(BOMB, 24, "<I", 10), "unpacks to more than 2,000,000 bytes"),
    "many parts": ("a.xlsx", zipped(*((f"{n}", b"") for n in range(60))), "has 60 files in it; no workbook needs more"),
    "corner to corner": ("a.xlsx", sheet_of(CORNERS), r"would fill the memory \(17,179,869,184 cells"),
    "one text many times": ("a.xlsx", sheet_of(MANY, LONG), "would fill the memory .* 3,000,0.*000 bytes of text"),
    "entities": ("a.xlsx", sheet_of(ENTITY), "has XML with entities or in UTF-16 in it"),
    "no workbook": ("a.xlsx", zipped(("word/document.xml", b"<x/>")), r"is zipped, but no Excel workbook \(.xlsx\)"),
    "open document": ("a.xlsx", zipped(("content.xml", b"<x/>")), "It is an OpenDocument table: save it as .xlsx"),
    "damaged workbook": ("a.xlsx", sheet_of(b"<x/>")[:200], "is a damaged Excel workbook"),
    "no workbook inside": (
        "a.xlsx",
        sheet_of(b"<worksheet><sheetData><row></x>"),
        "is a damaged Excel workbook|nothing on",
    ),
    "locked parts": ("a.xlsx", in_directory(sheet_of(b"<x/>"), 8, "<H", 1), "has a password. Save it without one"),
    "two sheets": (
        "a.xlsx",
        {"One": TABLE, "Two": TABLE},
        "has 2 sheets with tables: 'One', 'Two'. Say which: --sheet",
    ),
    "no such sheet": ("a.xlsx", {"One": TABLE}, "has no sheet 'Two'; there are: 'One'", {"sheet": "Two"}),
    "empty sheet": ("a.xlsx", {"One": []}, "has nothing on its sheets"),
    "sheet of notes": ("a.xlsx", {"One": [["Just a note"], ["and another"]]}, "has no sheet with the names of columns"),
    "separator of a book": ("a.xlsx", {"One": TABLE}, "is Excel and has no separator: leave", {"separator": ";"}),
    "damaged parquet": ("a.parquet", b"PAR1" + b"\0" * 40 + b"PAR1", "is a damaged Parquet file"),
    "cut off": ("a.parquet", b"PAR1" + b"\x15" * 100, "is a damaged Parquet file"),
}


@pytest.fixture
def small_limits(monkeypatch):
    for name, value in {"LINE": 4096, "COLUMNS": 20, "ENTRIES": 50, "INFLATED": 2_000_000}.items():
        monkeypatch.setattr(limits, name, value)


@pytest.mark.parametrize("case", BAD_FILES.values(), ids=BAD_FILES)
def test_a_bad_file_is_refused(tmp_path, small_limits, case):
    name, content, message, *options = case
    path = tmp_path / name
    if isinstance(content, dict):
        workbook(path, content)
    else:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ImportRefusal, match=message) as refused:
        import_table(path, "transactions", out=tmp_path / "out.parquet", **(options[0] if options else {}))
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "out.parquet").exists()


def test_limits_are_those_that_are_meant():
    """The table of bad files lowers some; these hold. And it has forty files at least."""
    assert (limits.BYTES, limits.LINE, limits.COLUMNS, limits.ENTRIES) == (1 << 30, 1 << 20, 1000, 2000)
    assert (limits.INFLATED, limits.CELLS, limits.VALUES) == (1 << 30, 60_000_000, 200_000_000)
    assert len(BAD_FILES) >= 40


def test_a_file_of_ten_thousand_columns_is_refused(tmp_path):
    names = ",".join(f"c{number}" for number in range(10_000))
    with pytest.raises(ImportRefusal, match="has 10,000 columns; the limit is 1,000"):
        imported(tmp_path / "a.csv", names + "\n" + ",".join("1" * 10_000) + "\n")


def test_what_is_no_plain_file_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sales.csv").write_text(HEAD + ROW)
    (tmp_path / "folder.csv").mkdir()
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(ImportRefusal, match=r"'pipe.csv' is no plain file \(a pipe or a device\)"):
        import_table("pipe.csv", "transactions")
    with pytest.raises(ImportRefusal, match="'/dev/zero' is no plain file"):
        import_table("/dev/zero", "transactions")
    with pytest.raises(IsADirectoryError, match=r"'folder.csv' is a folder; name a file in it"):
        import_table("folder.csv", "transactions")
    with pytest.raises(FileNotFoundError, match=r"there is no file 'sale.csv'. Did you mean 'sales.csv'\?"):
        import_table("sale.csv", "transactions")
    monkeypatch.setattr(limits, "BYTES", 10)
    with pytest.raises(ImportRefusal, match=r"'sales.csv' has \d+ bytes; the limit is 10. Split it"):
        import_table("sales.csv", "transactions")


def test_a_file_that_may_not_be_read_is_refused(tmp_path, monkeypatch):
    def refuse(*args, **settings):
        raise PermissionError(13, "Permission denied")

    (tmp_path / "a.csv").write_text(HEAD + ROW)
    monkeypatch.setattr("crmlab.data.importing.files.open", refuse, raising=False)
    with pytest.raises(PermissionError, match=r"may not be read by you; ask its owner"):
        import_table(tmp_path / "a.csv", "transactions")


def test_an_unknown_contract_is_refused_with_those_that_there_are(tmp_path):
    for contract in ("sales", "harbour_and_hill.orders"):
        with pytest.raises(ImportRefusal, match=f"cannot be imported as '{contract}'; it can be as: transactions, cus"):
            imported(tmp_path / "a.csv", HEAD + ROW, contract)


def test_a_workbook_row_right_of_the_table_is_refused(tmp_path):
    workbook(tmp_path / "a.xlsx", {"S": [*TABLE, ["b", "2024-01-03", 2, None, "x"]]})
    outcome = import_table(tmp_path / "a.xlsx", "transactions")
    assert outcome.kept == 1
    assert outcome.rejects["refused_row"].tolist() == [3]
    assert outcome.rejects["refused_problem"].tolist() == ["a value right of the last of 3 named columns"]


def test_lists_and_bytes_in_parquet_are_no_text(tmp_path):
    lists, stamps = pa.array([["a"], ["b"]]), pa.array([datetime.datetime(2024, 1, 2)] * 2)
    pq.write_table(pa.table({"customer": lists, "date": stamps, "amount": [1, 2]}), tmp_path / "a.parquet")
    with pytest.raises(ImportRefusal, match="no row keeps the contract") as refused:
        import_table(tmp_path / "a.parquet", "transactions", {"customer_id": "customer"})
    assert "customer_id: not text in 2 rows: row 1" in refused.value.report


def test_a_parquet_file_that_says_many_rows_in_few_bytes_is_refused(tmp_path, monkeypatch):
    pd.DataFrame({"customer": ["a"] * 1000, "date": "2024-01-02", "amount": 1}).to_parquet(tmp_path / "a.parquet")
    monkeypatch.setattr(limits, "VALUES", 2000)
    with pytest.raises(ImportRefusal, match="has 1,000 rows of 3 columns; the limits are 2,000 values"):
        import_table(tmp_path / "a.parquet", "transactions")


# --- writing ---


def test_rejects_stand_beside_the_output_with_everything_to_correct_them(tmp_path):
    rows = "customer,date,amount,=cmd\na,2024-01-02,1,x\n=1+1,soon,-5,@SUM(A1)\n-b,later,+x,-7\n"
    outcome = imported(tmp_path / "a.csv", rows, out=tmp_path / "my.parquet")
    data = (tmp_path / "my.rejects.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")
    written = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    ours = ["refused_row", "refused_column", "refused_value", "refused_problem", "refused_remedy"]
    assert written[0] == [*ours, "customer", "date", "amount", "'=cmd"]
    assert written[1][5:] == ["'=1+1", "soon", "-5", "'@SUM(A1)"]
    assert written[2][5:] == ["'-b", "later", "'+x", "-7"]
    assert outcome.rejects["customer"].tolist() == ["=1+1", "-b"]
    assert len(written) == 1 + outcome.refused


def test_a_file_of_rejects_can_be_corrected_and_imported(tmp_path):
    imported(tmp_path / "a.csv", HEAD + "a,2024-01-02,1\nb,2024-02-30,2\n", out=tmp_path / "one.parquet")
    rejects = tmp_path / "one.rejects.csv"
    rejects.write_text(rejects.read_text("utf-8-sig").replace("2024-02-30", "2024-02-29"), "utf-8-sig")
    outcome = import_table(rejects, "transactions", out=tmp_path / "two.parquet")
    assert outcome.table.astype(str).to_numpy().tolist() == [["b", "2024-02-29", "2.0"]]
    spoilt = rejects.read_text("utf-8-sig") + "3,x,x,x,x,,2024-01-01,1\n"
    again = imported(tmp_path / "b.csv", spoilt)
    assert [name for name in again.rejects if name.startswith("refused_row")] == [
        "refused_row",
        "refused_row_in_source",
    ]


@pytest.mark.parametrize(
    ("out", "message"),
    [
        ("my.txt", r"--out must end in .parquet or .csv, not 'my.txt'"),
        ("nowhere/my.parquet", "there is no folder .*nowhere.* Make it first"),
        ("there.parquet", r"there.parquet' is there already. Give --out another name, or --overwrite"),
        ("half.parquet", r"half.rejects.csv' is there already"),
        ("a.csv", "is the file that is imported. Give --out another name"),
        ("link.csv", "is the file that is imported"),
        ("folder.parquet", "folder.parquet' is a folder"),
    ],
)
def test_a_file_that_cannot_be_written_is_refused_before_anything_is_read(tmp_path, out, message):
    (tmp_path / "a.csv").write_text(HEAD + ROW)
    (tmp_path / "there.parquet").write_text("mine")
    (tmp_path / "half.rejects.csv").write_text("mine")
    (tmp_path / "link.csv").symlink_to(tmp_path / "a.csv")
    (tmp_path / "folder.parquet").mkdir()
    with pytest.raises(ImportRefusal, match=message):
        import_table(tmp_path / "a.csv", "transactions", out=tmp_path / out)
    assert (tmp_path / "there.parquet").read_text() == "mine"
    assert (tmp_path / "a.csv").read_text() == HEAD + ROW


def test_overwriting_is_asked_for(tmp_path):
    (tmp_path / "my.csv").write_text("old")
    outcome = imported(tmp_path / "a.csv", HEAD + ROW, out=tmp_path / "my.csv", overwrite=True)
    assert (tmp_path / "my.csv").read_text() == "customer_id,date,amount\na,2024-01-02,1.0\n"
    assert_frame_equal(load_transactions(tmp_path / "my.csv"), outcome.table)
    (tmp_path / "plain").write_text("")
    assert stat.S_IMODE((tmp_path / "my.csv").stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)


def test_killed_in_the_middle_it_leaves_no_half_file(tmp_path):
    (tmp_path / "a.csv").write_text(HEAD + ROW)
    program = (
        "import os, signal, pandas as pd\n"
        "from crmlab.data import import_table\n"
        "def half(self, path, **settings):\n"
        "    open(path, 'wb').write(b'PAR1 half'); os.kill(os.getpid(), signal.SIGKILL)\n"
        "pd.DataFrame.to_parquet = half\n"
        "import_table('a.csv', 'transactions', out='my.parquet')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True)
    assert done.returncode == -signal.SIGKILL
    assert not (tmp_path / "my.parquet").exists()
    assert len(list(tmp_path.glob(".my.parquet.*.part"))) == 1  # nobody reads this name


def test_interrupted_in_the_middle_it_tidies_up(tmp_path, monkeypatch):
    def half(table, path, **settings):
        path.write_bytes(b"PAR1 half")
        raise KeyboardInterrupt

    monkeypatch.setattr(pd.DataFrame, "to_parquet", half)
    (tmp_path / "a.csv").write_text(HEAD + ROW)
    done = crmlab("import", tmp_path / "a.csv", "--as", "transactions", "--out", tmp_path / "my.parquet")
    assert (done.exit_code, done.stderr) == (130, "crmlab: interrupted; no half file is left\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "my.rejects.csv"]


def test_whoever_reads_a_file_announces_it(tmp_path):
    heard = []
    sys.addaudithook(lambda event, args: heard.append(args) if event == "crmlab.data.read" else None)
    path = tmp_path / "a.csv"
    imported(path, HEAD + ROW)
    assert heard == [(str(path), hashlib.sha256(path.read_bytes()).hexdigest())]


# --- the command ---


def test_the_command_says_what_it_did(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sales.csv").write_bytes(
        (GERMAN + "8;5.4.2024;1,00 €\r\n" * 16 + ";5.4.2024;1,00 €\r\n").encode("cp1252")
    )
    done = crmlab("import", "sales.csv", "--as", "transactions", "--out", "my.parquet")
    assert (done.exit_code, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("sales.csv: text in cp1252, found by its letters (such as 'Müller'")
    assert lines[0].endswith("values separated by ';', names on line 1; 20 rows of 3 columns")
    assert "read 20 rows = kept 19 + refused 1" in lines
    assert lines[-3:] == [
        "my.parquet: the 19 rows kept",
        "my.rejects.csv: the 1 row refused, with reasons",
        "next: crmlab run 08 -p dataset=my.parquet -p calibration_end=2024-07-17",
    ]


def test_where_much_is_refused_no_next_step_is_proposed(tmp_path):
    outcome = imported(tmp_path / "a.csv", HEAD + ROW + ROW.replace("02", "09") + "b,soon,1\n", out=tmp_path / "o.csv")
    assert outcome.report.endswith(
        "33% of the rows were refused: put them right first, or a chapter reckons without them"
    )
    assert "next:" not in outcome.report


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--map", "amount"], "crmlab: 'amount' is not of the form name=column"),
        (["--map", "amount=net", "--map", "amount=gross"], "crmlab: --map has a name more than once"),
        ([], "crmlab: 'a.csv': amount could be 'net' or 'gross'. Say what is meant by --map."),
        (["--map", "amount=net+"], "crmlab: 'net+', place 5: a column, a number or a parenthesis is expected."),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_line_with_exit_code_2(tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_text("customer,date,net,gross\na,2024-01-02,1,2\n")
    done = crmlab("import", "a.csv", "--as", "transactions", "--out", "my.parquet", *words)
    assert done.exit_code == 2
    assert done.stderr.startswith(message)
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "my.parquet").exists()
    assert words or "--map amount=net --out my.parquet" in done.stdout


def test_a_missing_file_is_refused_in_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = crmlab("import", "none.csv", "--as", "transactions")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("crmlab: there is no file 'none.csv'. You are in")


def test_a_value_cannot_speak_to_the_terminal(tmp_path):
    outcome = imported(tmp_path / "a.csv", HEAD + "\x1b[31mred,soon,1\na,2024-01-02,1\n")
    assert outcome.refused == 1
    assert "\x1b" not in outcome.report
