"""Loaders: tables from data sets and from files, held against their contract, and every file announced.

Every data file is read by `read_bytes`, which announces it: `sys.audit("crmlab.data.read", name, sha256)`. Whoever
records what a run has read listens to that; neither side imports the other.
"""

from __future__ import annotations

import difflib
import hashlib
import importlib.util
import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from crmlab.data.contracts import ContractError, check

# In CSV these columns are text as written: 0001 stays 0001, and NA may be a customer. In others these words are gaps.
AS_WRITTEN = ["customer_id", "date", "order_id", "product_id"]
GAPS = ["", "NA", "N/A", "NaN", "nan", "NULL", "null", "None"]


def read_bytes(path: str | Path, name: str) -> bytes:
    """The bytes of a data file, announced under `name`.

    Parameters
    ----------
    path : str or Path
    name : str
        The data set's name, or the file's name as the user gave it.

    Returns
    -------
    bytes

    Raises
    ------
    OSError
        There is no such file, it is a folder, or it may not be read.
    """
    with told_in_words(path, name):
        data = Path(path).read_bytes()
    sys.audit("crmlab.data.read", name, hashlib.sha256(data).hexdigest())
    return data


@contextmanager
def told_in_words(path: str | Path, name: str) -> Iterator[None]:
    """Why a file cannot be opened, and what to do."""
    try:
        yield
    except FileNotFoundError:
        near = difflib.get_close_matches(Path(path).name, [p.name for p in Path(path).parent.glob("*")], n=1)
        hint = f"Did you mean {str(Path(path).with_name(near[0]))!r}?" if near else f"You are in {str(Path.cwd())!r}."
        raise FileNotFoundError(f"there is no file {name!r}. {hint}") from None
    except IsADirectoryError:
        raise IsADirectoryError(f"{name!r} is a folder; name a file in it.") from None
    except PermissionError:
        raise PermissionError(f"{name!r} may not be read by you; ask its owner, or copy it.") from None


def load_cdnow() -> pd.DataFrame:
    """Purchases of CDs at CDNOW: all by a sample of those who first bought in the first quarter of 1997.

    Returns
    -------
    DataFrame, 6,919 rows, 2,357 customers
        Contract `transactions`: customer_id (the number in the sample, "0001" to "2357"), date (1997-01-01 to
        1998-06-30), amount (US dollars paid, a row; 8 rows are free), quantity (CDs).

    Raises
    ------
    ModuleNotFoundError
        The package `lifetimes`, which ships the file, is not installed.

    References
    ----------
    Fader and Hardie (2001), Forecasting repeat sales at CDNOW: a case study, Interfaces 31(3), S94-S107; file
    `CDNOW_sample.txt` of the package lifetimes, read where it is installed.

    Examples
    --------
    >>> load_cdnow().head(2)
      customer_id       date  amount  quantity
    0        0001 1997-01-01   29.33       2.0
    1        0001 1997-01-18   29.73       2.0
    """
    data = _shipped_by_lifetimes("CDNOW_sample.txt", "cdnow")
    names = ["number_in_all", "customer_id", "date", "quantity", "amount"]
    table = pd.read_csv(io.BytesIO(data), sep=r"\s+", header=None, names=names, dtype={"customer_id": "str"})
    return check(table[["customer_id", "date", "amount", "quantity"]], "transactions")


def load_donations() -> pd.DataFrame:
    """Donations to a charity: who of the first-time supporters of 1995 gave again in each of the next six years.

    Returns
    -------
    DataFrame, 11,104 rows, one a supporter
        Contract `customer_summary`, without monetary_value, in years: customer_id ("00001" to "11104", in the order of
        the histories), frequency (years with a gift after the first), recency (the last of these, 0 without any), T
        (6). `attrs` holds `unit`.

    Raises
    ------
    ModuleNotFoundError
        The package `lifetimes`, which ships the file, is not installed.

    References
    ----------
    Fader, Hardie and Shang (2010), Customer-base analysis in a discrete-time noncontractual setting, Marketing Science
    29(6), 1086-1108, table 3; file `donations.csv` of the package lifetimes, read where it is installed.

    Examples
    --------
    >>> load_donations().head(2)
      customer_id  frequency  recency    T
    0       00001          0      0.0  6.0
    1       00002          0      0.0  6.0
    """
    histories = pd.read_csv(io.BytesIO(_shipped_by_lifetimes("donations.csv", "donations")))
    rows = histories.loc[histories.index.repeat(histories["weights"])].reset_index(drop=True)
    rows = rows.rename(columns={"periods": "T"})
    rows.insert(0, "customer_id", [f"{number:05d}" for number in range(1, len(rows) + 1)])
    table = check(rows[["customer_id", "frequency", "recency", "T"]], "customer_summary")
    table.attrs["unit"] = "year"
    return table


def _shipped_by_lifetimes(file: str, name: str) -> bytes:
    # Found without an import, which warns and takes long.
    package = importlib.util.find_spec("lifetimes")
    if package is None or package.origin is None:
        raise ModuleNotFoundError(f'{name} comes with the package lifetimes: pip install "crmlab[real]" installs it.')
    return read_bytes(Path(package.origin).parent / "datasets" / file, name)


def load_harbour_and_hill() -> pd.DataFrame:
    """Orders of the simulated distributor Harbour & Hill, as a purchase log.

    Returns
    -------
    DataFrame, about 12,000 rows, at most 240 customers
        Contract `transactions`: customer_id (the account), date (of the order), amount (EUR, invoiced), order_id.

    Examples
    --------
    >>> load_harbour_and_hill()["customer_id"].nunique() <= 240
    True
    """
    from crmlab.data.firms import load

    columns = {"ordered_on": "date"}
    orders = load("harbour_and_hill").orders.rename(columns=columns)
    return check(orders[["customer_id", "date", "amount", "order_id"]], "transactions")


# Percent of the customers under contract after 0, 1, 2, ... yearly renewals.
PUBLISHED_COHORTS = {
    "Regular": [100, 63.1, 46.8, 38.2, 32.6, 28.9, 26.2, 24.1],
    "High End": [100, 86.9, 74.3, 65.3, 59.3, 55.1, 51.7, 49.1, 46.8, 44.5, 42.7, 40.9, 39.4],
}
WATCHED_RENEWALS = 12  # of the lines of Tern Mobile that joined long enough before the last day


def load_cohorts(source: str) -> pd.DataFrame:
    """Two cohorts of contracts: the percentage still under contract after each renewal.

    Parameters
    ----------
    source : {"published", "tern_mobile"}
        Regular and High End, or the two plans of the simulated telecom: the lines that joined while the tables cover
        it, and at least 12 months before their end.

    Returns
    -------
    DataFrame, indexed by renewals (0, 1, ...)
        A column a cohort; missing beyond what was observed. `attrs["customers"]` has the number of customers of each,
        1,000 where it was not published.

    Raises
    ------
    ValueError
        There is no such source.

    References
    ----------
    Fader and Hardie (2007), How to project customer retention, Journal of Interactive Marketing 21(1), 76-90, from
    data of Berry and Linoff (2004), Data Mining Techniques.

    Examples
    --------
    >>> load_cohorts("published").loc[1].tolist()
    [63.1, 86.9]
    """
    if source == "published":
        table = pd.DataFrame({name: pd.Series(percent, dtype=float) for name, percent in PUBLISHED_COHORTS.items()})
        table.attrs["customers"] = dict.fromkeys(table, 1000)
    elif source == "tern_mobile":
        table = _cohorts_of_tern()
    else:
        raise ValueError(f"there are no cohorts {source!r}; there are: 'published', 'tern_mobile'")
    return table.rename_axis("renewals")


def _cohorts_of_tern() -> pd.DataFrame:
    from crmlab.data.firms import load

    firm = load("tern_mobile")
    renewals = firm.renewals
    latest = firm.today + pd.Timedelta(days=1) - pd.DateOffset(months=WATCHED_RENEWALS)
    watched = renewals[renewals["from_start"] & (renewals["cohort"] < latest)]
    every = firm.plans.set_index("plan")["renewed_every"].to_dict()
    cohorts = {}
    for plan in sorted(every, key=lambda plan: -every[plan]):
        done = watched.loc[watched["plan"] == plan, "renewals"].to_numpy()
        cohorts[plan] = pd.Series([100 * (done >= k).mean() for k in range(WATCHED_RENEWALS // every[plan] + 1)])
    table = pd.DataFrame(cohorts)
    table.attrs["customers"] = {str(plan): int((watched["plan"] == plan).sum()) for plan in cohorts}
    return table


DATASETS = {"cdnow": load_cdnow, "harbour_and_hill": load_harbour_and_hill}


def load_transactions(source: str | Path) -> pd.DataFrame:
    """The purchase log of a data set, or of a file of one's own.

    Parameters
    ----------
    source : str or Path
        "cdnow", "harbour_and_hill" (simulated), or the path of a CSV file (UTF-8, commas, one line of column names) or
        of a Parquet file.

    Returns
    -------
    DataFrame
        Contract `transactions`. Ids keep their leading zeros; columns beyond the contract are kept as they are.

    Raises
    ------
    ContractError
        The file's table breaks the contract; rows are counted from 1 below the line of column names.
    OSError
        There is no such file, it is a folder, or it may not be read.
    ValueError
        There is no such data set, or the file is not what its name says.

    Examples
    --------
    >>> len(load_transactions("cdnow"))
    6919
    """
    name = str(source)
    if name in DATASETS:
        return DATASETS[name]()
    readers = {".csv": _read_csv, ".parquet": _read_parquet}
    if (suffix := Path(source).suffix.lower()) not in readers:
        near = difflib.get_close_matches(name.lower(), DATASETS, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else " Save it as CSV, or as Parquet."
        known = ", ".join(map(repr, DATASETS))
        raise ValueError(f"{name!r} is neither a data set ({known}) nor a file named .csv or .parquet.{hint}")
    table = readers[suffix](read_bytes(source, name), name)
    if table.empty:
        raise ValueError(f"{name!r} has no rows.")
    try:
        return check(table, "transactions")
    except ContractError as error:
        raise ContractError(f"{error.table} in {name!r}", error.breaches) from None


# What a file begins with, whatever its name says.
SIGNATURES = {b"PAR1": "a Parquet file: name it .parquet", b"PK\x03\x04": "zipped, perhaps Excel: save it as CSV"}


def csv_header(start: bytes, name: str) -> pd.Series:
    """The column names of a CSV file, from how it starts; refused where it is no table with commas."""
    if not start.strip():
        raise ValueError(f"{name!r} is empty.")
    for signature, kind in SIGNATURES.items():
        if start.startswith(signature):
            raise ValueError(f"{name!r} is not a CSV file; it is {kind}.")
    if b"\0" in start:
        raise ValueError(f"{name!r} is not a CSV file: it is not text. (Text in UTF-16? Save it as UTF-8.)")
    lines = start[: start.rfind(b"\n") + 1] or start  # the end may be cut off within a quote
    with _told_as_no_table(name):
        header = pd.read_csv(
            io.BytesIO(lines), encoding="utf-8-sig", encoding_errors="replace", header=None, nrows=1, dtype="str"
        ).iloc[0]
    if len(header) == 1 and (separator := next((s for s in ";\t|" if s in str(header[0])), None)):
        raise ValueError(
            f"{name!r} separates its values by {separator!r}. Save it with commas, and 5,10 as 5.10; or let "
            "`crmlab import` do it."
        )
    if twice := header[header.duplicated()].tolist():
        raise ValueError(f"{name!r} has more than one column {twice[0]!r}. Keep one of them, or rename the others.")
    return header


def no_table(name: str, reason: str) -> ValueError:
    return ValueError(f"{name!r} is not a table with commas: {reason}. Put text that holds commas in quotes.")


@contextmanager
def _told_as_no_table(name: str) -> Iterator[None]:
    try:
        yield
    except pd.errors.ParserError as error:
        raise no_table(name, str(error).partition("C error: ")[2].strip() or str(error).strip()) from None


def _read_csv(data: bytes, name: str) -> pd.DataFrame:
    header = csv_header(data, name)
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(f"{name!r} is not in UTF-8 (first on line {line}). Save it as CSV in UTF-8.") from None
    with _told_as_no_table(name):
        table = pd.read_csv(
            io.BytesIO(data),
            encoding="utf-8-sig",
            dtype=dict.fromkeys(AS_WRITTEN, "str"),
            keep_default_na=False,
            na_values={name: "" if name in AS_WRITTEN else GAPS for name in header},
            low_memory=False,  # one type a column, not one a chunk
        )
    if not isinstance(table.index, pd.RangeIndex):
        raise ValueError(
            f"{name!r} has rows with more values than the {len(header)} names in its first line, {','.join(header)!r}. "
            "Take away what stands above the names, and commas at the ends of rows."
        )
    return table


def _read_parquet(data: bytes, name: str) -> pd.DataFrame:
    if not data:
        raise ValueError(f"{name!r} is empty.")
    if not data.startswith(b"PAR1"):
        raise ValueError(f"{name!r} is not a Parquet file. If it is CSV, name it .csv.")
    from pyarrow import ArrowException

    try:
        return pd.read_parquet(io.BytesIO(data))
    except (ArrowException, OSError) as error:
        raise ValueError(f"{name!r} is a damaged Parquet file: {str(error).splitlines()[0]}") from None
