"""Repairs that need no truth: what a system holds is held against a second witness, and mended where they disagree.

Each function tells, row by row, what was wrong and what the repair puts there, so that one kind of fault can be
repaired at a time and its worth be told.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd

from crmlab.data_quality.measures import is_known, read_days

UNITS = (100.0, 1000.0, 0.01, 0.001)  # cents for euros, euros for thousands, and the other way round
NEAR = 0.02  # a ratio within two percent of a unit's is that unit's


def amount_faults(held: pd.Series, witness: pd.Series, units: Sequence[float] = UNITS) -> pd.DataFrame:
    """Amounts held against what another source says of the same thing.

    Parameters
    ----------
    held : Series of str or number
        As the system holds them.
    witness : Series of number
        The same amount by another source, in the right unit; missing where it has none.
    units : sequence of float
        How many times too large an amount in a wrong unit may be.

    Returns
    -------
    DataFrame, one row an amount
        `held`, as a number, missing where none can be read; `kind`, "" or what is wrong: "missing" (a 0 too, where the
        witness knows better), "impossible" (below 0, and the witness says
        otherwise), "wrong unit" (one of `units` times its witness); `mended`, what a
        repair puts there: the witness for what is missing or impossible (missing still where it says nothing), the
        amount in its right unit.

    Raises
    ------
    ValueError
        The two are not of the same rows.

    Notes
    -----
    A small disagreement is no fault here: the two may be rounded, or told of at different times. A fault that both
    sources share cannot be seen.

    Examples
    --------
    >>> held, witness = pd.Series(["12.50", "NA", "-3.00", "990"]), pd.Series([12.5, 8.0, 3.0, 9.9])
    >>> amount_faults(held, witness)
        held        kind  mended
    0   12.5                12.5
    1    NaN     missing     8.0
    2   -3.0  impossible     3.0
    3  990.0  wrong unit     9.9
    """
    _must_be_of_the_same_rows(held, witness)
    amount = pd.to_numeric(held.where(is_known(held)), errors="coerce").astype("float64")
    said = witness.astype("float64").where(witness >= 0)
    ratio = (amount / said.where(said > 0)).to_numpy(float)
    unit = np.ones(len(amount))
    for size in units:
        unit[np.abs(ratio / size - 1) < NEAR] = size
    agree = np.isclose(amount, witness.astype("float64"), rtol=NEAR)  # of refunds, both are below 0
    conditions = [amount.isna() | ((amount == 0) & (said > 0)), (amount < 0) & ~agree, unit != 1]
    kind = np.select(conditions, ["missing", "impossible", "wrong unit"], "")
    mended = np.select(conditions, [said, said, amount / unit], amount)
    return pd.DataFrame({"held": amount, "kind": kind, "mended": mended}, index=held.index)


def day_faults(
    held: pd.Series,
    witness: pd.Series,
    *,
    earliest: pd.Timestamp,
    latest: pd.Timestamp,
    formats: Sequence[str] = (),
) -> pd.DataFrame:
    """Days held against the calendar, the system's own way of writing them, and another source.

    Parameters
    ----------
    held : Series of str
        As the system holds them; yyyy-mm-dd is its own way.
    witness : Series of Timestamp
        The day by another source; missing where it has none.
    earliest, latest : Timestamp
        A day before or after is impossible.
    formats : sequence of str
        Other formats that are in use, as `read_days` takes them.

    Returns
    -------
    DataFrame, one row a day
        `held`, what a reader of yyyy-mm-dd makes of it; `kind`, "" or what is wrong: "missing", "inconsistent" (written
        in another way), "impossible"; `mended`, what a repair puts there: the day read, or the witness.

    Raises
    ------
    ValueError
        The two are not of the same rows, or `earliest` is after `latest`.

    Examples
    --------
    >>> held, day = pd.Series(["2024-05-02", "02.05.2024", "1900-01-01"]), pd.Timestamp("2024-05-03")
    >>> faults = day_faults(
    ...     held, pd.Series([day] * 3), earliest=pd.Timestamp("2020-01-01"), latest=day, formats=["%d.%m.%Y"]
    ... )
    >>> faults["kind"].tolist(), faults["mended"].dt.day.tolist()
    (['', 'inconsistent', 'impossible'], [2, 2, 3])
    """
    _must_be_of_the_same_rows(held, witness)
    if earliest > latest:
        raise ValueError(f"earliest, {earliest.date()}, is after latest, {latest.date()}")
    own, read = read_days(held), read_days(held, formats)
    possible = read.between(earliest, latest)
    conditions = [read.isna(), ~possible, own.isna()]
    kind = np.select(conditions, ["missing", "impossible", "inconsistent"], "")
    mended = read.where(possible, witness)
    return pd.DataFrame({"held": own, "kind": kind, "mended": mended}, index=held.index)


def _must_be_of_the_same_rows(held: pd.Series, witness: pd.Series) -> None:
    if not held.index.equals(witness.index):
        raise ValueError(
            f"held and witness must be of the same rows: {len(held)} and {len(witness)} are given, "
            "or in another order. Join them by the id of the thing first."
        )


def after(faults: pd.DataFrame, repairs: Collection[str]) -> pd.Series:
    """What a column holds after some kinds of fault have been repaired.

    Parameters
    ----------
    faults : DataFrame
        As `amount_faults` or `day_faults` gives it.
    repairs : collection of str
        The kinds that are repaired; [] for the column as it is held.

    Returns
    -------
    Series

    Examples
    --------
    >>> faults = amount_faults(pd.Series(["990", None]), pd.Series([9.9, 8.0]))
    >>> after(faults, ["wrong unit"]).tolist(), after(faults, ["wrong unit", "missing"]).tolist()
    ([9.9, nan], [9.9, 8.0])
    """
    return faults["held"].mask(faults["kind"].isin(list(repairs)), faults["mended"])
