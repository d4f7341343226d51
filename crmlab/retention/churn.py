"""Who will leave, as far as it can be known on the day, and what it brings to answer the riskiest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

Tables = Mapping[str, pd.DataFrame]
Dates = Mapping[str, Mapping[str, Sequence[str]]]
Features = Callable[[Tables, pd.Timestamp], pd.DataFrame]

WITH_GAPS: dict[Any, Any] = {
    "b": "boolean",
    "i": "Int64",
    "u": "UInt64",
}  # types that can be missing, by kind of those that can not
OUTCOME = ["as_of", "left", "known_on"]
WHO = "who is in the table"


def known_before(tables: Tables, day: Any, dates: Dates) -> dict[str, pd.DataFrame]:
    """The tables as they stood on the morning of a day: what came on it or later is not in them.

    Parameters
    ----------
    tables : dict of DataFrame
    day : date
    dates : dict
        Of each table, ``{day column: [columns]}``. The first day column says when a row was written. Each further one
        says when the columns beside it were filled in: before, they and that day are missing.

    Returns
    -------
    dict of DataFrame
        Those named in `dates`. Columns that are filled in later can be missing: bool becomes boolean, int Int64.

    Raises
    ------
    ValueError
        `dates` names a table or a column that is not there, or no day of a table.

    Examples
    --------
    >>> complaints = pd.DataFrame({"opened_on": pd.to_datetime(["2025-01-07", "2025-03-01"]),
    ...                            "resolved_on": pd.to_datetime(["2025-02-10", "2025-03-05"]),
    ...                            "recovered": [True, False]})
    >>> dates = {"complaints": {"opened_on": [], "resolved_on": ["recovered"]}}
    >>> known_before({"complaints": complaints}, "2025-02-01", dates)["complaints"]
       opened_on resolved_on  recovered
    0 2025-01-07         NaT       <NA>
    """
    day = pd.Timestamp(day)
    return {name: _table_before(name, tables, day, columns) for name, columns in dates.items()}


def _table_before(name: str, tables: Tables, day: pd.Timestamp, columns: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    if name not in tables:
        raise ValueError(f"dates names the table {name!r}; there are {', '.join(map(repr, tables))}")
    if not columns:
        raise ValueError(f"{name}: dates must name the column that says when a row was written")
    table = tables[name]
    named = [*columns, *(column for some in columns.values() for column in some)]
    if missing := [column for column in named if column not in table]:
        raise ValueError(f"{name} has no column {missing[0]!r}, which dates names")
    written, *later = columns
    table = table[table[written] < day].copy()
    for filled_in in later:
        unknown = ~(table[filled_in] < day)
        for column in (*columns[filled_in], filled_in):
            kind = table[column].dtype.kind
            table[column] = table[column].astype(WITH_GAPS.get(kind, table[column].dtype)).mask(unknown)
    return table


def person_periods(
    features: Features,
    tables: Tables,
    days: Sequence[Any],
    left_on: pd.Series,
    *,
    now: Any,
    weeks: int = 13,
    noticed_after: int = 13,
) -> pd.DataFrame:
    """One row a customer and period: what was known at its start, and whether the customer left within it.

    A logistic regression on such rows is the discrete-time hazard model.

    Parameters
    ----------
    features : function of tables and a day
        Gives one row a customer whom the firm took for one on that day, indexed by customer, from what was known before
        it: let it begin with `known_before`, and hold it against `leaking_columns`.
    tables : dict of DataFrame
        Handed to `features`.
    days : dates
        On which the periods start.
    left_on : Series by customer
        When it left; missing, or no row, for those who did not.
    now : date
        The day after the last of the tables.
    weeks : int
        Length of a period.
    noticed_after : int
        Weeks that pass until the firm knows that a customer left.

    Returns
    -------
    DataFrame, by day, then customer
        `customer_id`, `as_of` (the period's first day), the features, `left`, and `known_on`: the first day on which
        `left` is known. `left` is missing where that is after `now`. Who had left before the period, unnoticed, is in
        the table, and did not leave within it: there was nobody left to keep. Who comes and leaves within one period is
        in no row.

    Raises
    ------
    ValueError
        There are no days, one is not before the next, or one is after `now`; weeks are not positive; the features of a
        day hold a customer twice, or columns named as those above; or `left_on` holds a customer twice.

    Notes
    -----
    Periods that overlap count one leaver several times: let the days be `weeks` apart.

    Train on rows with ``known_on <= day``, to predict those with ``as_of == day``. Rows that only start before the day
    may have outcomes of which nobody knew then.

    References
    ----------
    Allison (1982), Discrete-time methods for the analysis of event histories, Sociological Methodology 13, 61-98.

    Examples
    --------
    >>> orders = pd.DataFrame({"customer_id": ["a", "b"], "ordered_on": pd.to_datetime(["2025-01-02", "2025-01-03"])})
    >>> def features(tables, day):
    ...     known = known_before(tables, day, {"orders": {"ordered_on": []}})
    ...     return known["orders"].groupby("customer_id").agg(orders=("ordered_on", "size"))
    >>> left_on = pd.Series({"a": pd.Timestamp("2025-02-01")})
    >>> days = ["2025-01-06", "2025-04-07"]
    >>> rows = person_periods(features, {"orders": orders}, days, left_on, now="2025-07-07")
    >>> rows[["as_of", "customer_id", "orders", "left"]]
           as_of customer_id  orders   left
    0 2025-01-06           a       1   True
    1 2025-01-06           b       1  False
    2 2025-04-07           a       1   <NA>
    3 2025-04-07           b       1   <NA>
    """
    starts, now = [pd.Timestamp(day) for day in days], pd.Timestamp(now)
    if not starts or starts != sorted(set(starts)) or starts[-1] > now:
        raise ValueError("days must be one day or more, each before the next, and none after now")
    if weeks < 1 or noticed_after < 0:
        raise ValueError(f"weeks must be 1 or more and noticed_after 0 or more, not {weeks!r} and {noticed_after!r}")
    if not left_on.index.is_unique:
        raise ValueError(f"left_on holds {left_on.index[left_on.index.duplicated()][0]!r} twice")
    parts = []
    for day in starts:
        table, ends = _checked(features(tables, day), day), day + pd.Timedelta(weeks=weeks)
        known_on = ends + pd.Timedelta(weeks=noticed_after)
        gone = left_on.reindex(table.index)
        left = ((gone >= day) & (gone < ends)).astype("boolean")
        left = left if known_on <= now else left.mask(left.notna())
        parts.append(table.sort_index().assign(as_of=day, left=left, known_on=known_on))
    rows = pd.concat(parts).rename_axis("customer_id").reset_index()
    return rows[["customer_id", "as_of", *rows.columns.difference(["customer_id", *OUTCOME], sort=False), *OUTCOME[1:]]]


def _checked(table: pd.DataFrame, day: pd.Timestamp) -> pd.DataFrame:
    if not table.index.is_unique:
        twice = table.index[table.index.duplicated()][0]
        raise ValueError(f"the features of {day.date()} hold {twice!r} twice: index them by customer")
    if taken := [name for name in ("customer_id", *OUTCOME) if name in table]:
        raise ValueError(f"the features hold a column {taken[0]!r}; person_periods writes one of that name")
    return table


def leaking_columns(features: Features, tables: Tables, dates: Dates, day: Any) -> pd.Series:
    """Which features of a day change if all that came on it or later is taken away: they knew the future.

    Parameters
    ----------
    features, tables : as `person_periods` takes them
    dates : as `known_before` takes it
    day : date
        With much before it and much after.

    Returns
    -------
    Series of int
        By column that changes, of how many customers. Customers who are in one of the two tables only are counted under
        "who is in the table". Empty if nothing leaks.

    Raises
    ------
    ValueError
        As `known_before`; or a table is not in `dates`, or the features hold a customer twice.

    Notes
    -----
    It cannot see what the tables do not date, such as a rating that is overwritten; a day that is wrong; tables that
    `features` reads past its arguments; or a leak that changes nothing on this day. `auc_alone` sees some of these.

    Examples
    --------
    >>> orders = pd.DataFrame({"customer_id": ["a", "a"], "ordered_on": pd.to_datetime(["2025-01-02", "2025-03-03"])})
    >>> def careless(tables, day):
    ...     return tables["orders"].groupby("customer_id").agg(orders=("ordered_on", "size"))
    >>> leaking_columns(careless, {"orders": orders}, {"orders": {"ordered_on": []}}, "2025-02-03").to_dict()
    {'orders': 1}
    """
    day = pd.Timestamp(day)
    if undated := [name for name in tables if name not in dates]:
        raise ValueError(
            f"dates does not name the table {undated[0]!r}: say when its rows were written, or leave it out"
        )
    whole, cut = (_checked(features(some, day), day) for some in (tables, known_before(tables, day, dates)))
    both = whole.index.intersection(cut.index)
    changes = {WHO: len(whole.index.union(cut.index)) - len(both)}
    for column in whole.columns.union(cut.columns, sort=False):
        if column in whole and column in cut:
            changes[column] = int((~_same(whole.loc[both, column], cut.loc[both, column])).sum())
        else:
            changes[column] = len(both)
    return pd.Series({name: count for name, count in changes.items() if count}, name="customers", dtype="int64")


def _same(one: pd.Series, other: pd.Series) -> pd.Series:
    equal = (one == other).fillna(False).astype(bool)
    if pd.api.types.is_float_dtype(one.dtype) and pd.api.types.is_numeric_dtype(other.dtype):
        equal |= np.isclose(one.astype("float64"), other.astype("float64"), rtol=1e-9, atol=1e-12)
    return equal | (one.isna() & other.isna())


def auc_alone(table: pd.DataFrame, left: Any) -> pd.Series:
    """How well each column alone tells who left from who stayed: what is too good to be true is worth a second look.

    Parameters
    ----------
    table : DataFrame, one row a customer (and period)
        Numbers, days, true or false; text counts by its alphabet. What is missing counts as lower than all else.
    left : array of bool
        Of the same rows.

    Returns
    -------
    Series, the highest first
        Area under the curve, in whichever direction the column tells more: from 0.5, nothing, to 1, all.

    Raises
    ------
    ValueError
        `left` is not of the rows of `table`, not bool, or all alike.

    Notes
    -----
    It cannot see a leak that tells little, or only together with other columns; and what is best need not leak.

    Examples
    --------
    >>> table = pd.DataFrame({"orders": [3, 9, 4, 5], "stated_cause": ["price", None, None, None]})
    >>> auc_alone(table, [True, False, False, False]).to_dict()
    {'orders': 1.0, 'stated_cause': 1.0}
    """
    from sklearn.metrics import roc_auc_score

    gone = _outcome(left, len(table))
    ranks = table.rank(na_option="top")
    auc = pd.Series({name: roc_auc_score(gone, ranks[name]) for name in ranks}, dtype="float64", name="auc")
    return auc.where(auc >= 0.5, 1 - auc).sort_values(ascending=False, kind="stable")


def profit_by_depth(score: Any, left: Any, value: Any, cost: Any, saved_share: Any) -> pd.DataFrame:
    """What it would have brought to answer the customers with the highest scores, at each depth.

    Parameters
    ----------
    score : array of numbers
        Of each customer: the higher, the sooner it is answered.
    left : array of bool
        Whether it left, had nobody answered.
    value : number or array, money
        Of each customer, if it is kept.
    cost : number or array, money
        Of answering one, 0 and above.
    saved_share : number or array
        Of those who would leave, the share that an answer keeps, 0 to 1.

    Returns
    -------
    DataFrame, indexed by `depth`: 0.01, 0.02, ... 1, of all customers, rounded up to whole ones
        `answered`; `captured`, the share of those who leave that are among them (the gain); `lift`, that against the
        share of all customers that is answered; `profit`, the value kept less the cost, in the unit of the two.

    Raises
    ------
    ValueError
        The arrays are of different lengths, empty, or hold something missing; `left` is not bool, or all alike; a cost
        is negative, or a share not from 0 to 1.

    Notes
    -----
    Of customers with equal scores, each counts in equal parts: the numbers are the mean over all orders in which they
    could be answered. So the order of the rows changes nothing, and a score that tells nothing has a lift of 1.

    References
    ----------
    Verbeke, Dejaeger, Martens, Hur and Baesens (2012), New insights into churn prediction in the telecommunication
    sector: a profit driven data mining approach, European Journal of Operational Research 218(1), 211-229.

    Examples
    --------
    >>> table = profit_by_depth([0.9, 0.8, 0.1, 0.1], [True, False, True, False], 100.0, 20.0, 0.5)
    >>> table.loc[[0.25, 0.75, 1.0]].reset_index()
       depth  answered  captured  lift  profit
    0   0.25         1      0.50   2.0    30.0
    1   0.75         3      0.75   1.0    15.0
    2   1.00         4      1.00   1.0    20.0
    """
    score = _numbers("score", score, None)
    count = len(score)
    gone = _outcome(left, count)
    worth, price, share = (
        _numbers(name, given, count) for name, given in [("value", value), ("cost", cost), ("saved_share", saved_share)]
    )
    if (price < 0).any() or not ((share >= 0) & (share <= 1)).all():
        raise ValueError("cost must be 0 or more, and saved_share from 0 to 1")
    rows = pd.DataFrame({"customers": 1, "leavers": gone, "profit": gone * worth * share - price})
    tied = rows.groupby(-score).sum().cumsum()
    depth = np.arange(1, 101) / 100
    answered = -(-np.arange(1, 101) * count // 100)  # rounded up

    def reached(column: str) -> np.ndarray:
        return np.interp(answered, [0, *tied["customers"]], [0, *tied[column]])

    captured = reached("leavers") / gone.sum()
    table = {"answered": answered, "captured": captured, "lift": captured * count / answered}
    return pd.DataFrame({**table, "profit": reached("profit")}, index=pd.Index(depth, name="depth"))


def _numbers(name: str, given: Any, count: int | None) -> np.ndarray:
    values = np.asarray(given, dtype="float64")
    if count is not None and values.ndim == 0:
        values = np.full(count, values)
    if values.ndim != 1 or not len(values):
        raise ValueError(f"{name} must hold one number for each customer, of one customer or more")
    if count is not None and len(values) != count:
        raise ValueError(f"there are {count} scores, but {name} holds {len(values)} numbers")
    if not np.isfinite(values).all():
        row = int(np.flatnonzero(~np.isfinite(values))[0])
        raise ValueError(f"{name} must be a number for each customer; row {row + 1} holds {values[row]}")
    return values


def _outcome(left: Any, count: int) -> np.ndarray:
    gone = pd.array(left) if not hasattr(left, "dtype") else left
    if pd.api.types.is_bool_dtype(gone) and bool(pd.isna(gone).any()):
        raise ValueError(f"left is missing in {int(pd.isna(gone).sum())} rows: leave out periods that are not over yet")
    if not pd.api.types.is_bool_dtype(gone) or len(gone) != count:
        raise ValueError(f"left must be true or false for each of the {count} rows; it holds {len(gone)} {gone.dtype}")
    result = np.asarray(gone, dtype=bool)
    if result.all() or not result.any():
        raise ValueError(
            f"left is {bool(result[0]) if count else 'empty'} in all {count} rows: there is nothing to tell apart"
        )
    return result
