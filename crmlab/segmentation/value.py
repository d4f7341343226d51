"""Which customers matter: recency, frequency and money, classes by value, and who moves between them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

# Where classes end: 20, 50 and 30 per cent of the items, or 80, 15 and 5 per cent of what the gainful ones bring.
CUTS = {"items": (0.2, 0.7), "gains": (0.8, 0.95)}
LEFT, CAME = "left", "came"


def rfm_scores(
    customers: pd.DataFrame,
    *,
    recency: str = "recency",
    frequency: str = "frequency",
    monetary: str = "monetary",
    bins: int = 5,
    nested: bool = False,
) -> pd.DataFrame:
    """Score customers by how lately, how often and for how much they bought.

    Parameters
    ----------
    customers : DataFrame, one row a customer
        Needs the three columns named below, without gaps.
    recency : str
        Column of the time since the last purchase, in any unit: the shorter the better. (The `recency` of a customer
        summary runs from the first purchase to the last; T less it is what is meant here.)
    frequency, monetary : str
        Columns of the number of purchases and of money, in any unit: the more the better.
    bins : int
        How many scores there are, 2 to 9.
    nested : bool
        Whether frequency is scored among the customers of one recency score, and money among those of one recency and
        one frequency score, so that cells are about as large; each among all customers otherwise.

    Returns
    -------
    DataFrame
        `customers` with `recency_score`, `frequency_score` and `monetary_score`, 1 to `bins`, the best `bins`, and
        `rfm`, the three as one text. Equal values get one score, that of the middle of their places (on the border
        of two, the better); a score may go to nobody then: DECISIONS.md, "Ties in recency, frequency and money".

    Raises
    ------
    ValueError
        There are no customers or fewer than scores, a column is missing, has gaps or one value only, or `bins` is not
        2 to 9.

    References
    ----------
    Hughes (1994), Strategic Database Marketing, for nested scores.

    Examples
    --------
    >>> customers = pd.DataFrame({"recency": [9, 2, 5, 30], "frequency": [3, 8, 3, 1], "monetary": [40, 90, 10, 20]})
    >>> rfm_scores(customers, bins=2)["rfm"].tolist()
    ['122', '222', '221', '111']
    """
    if bins not in range(2, 10):
        raise ValueError(f"bins must be a whole number from 2 to 9, not {bins!r}")
    columns = {"recency": recency, "frequency": frequency, "monetary": monetary}
    if missing := [name for name in columns.values() if name not in customers]:
        raise ValueError(f"customers has no column {missing[0]!r}; name yours: rfm_scores(..., recency=...)")
    for name in columns.values():
        _check_values(customers[name], name)
    if len(customers) < bins:
        raise ValueError(f"{len(customers)} customers cannot be parted by {bins} scores: choose fewer bins")
    scored = customers.copy()
    inside: list[str] = []
    for what, name in columns.items():
        value = -customers[name] if what == "recency" else customers[name]
        among = value.groupby([scored[one] for one in inside]) if inside else value
        scored[f"{what}_score"] = _quantile_class(among.rank(), among.transform("size") if inside else len(value), bins)
        inside += [f"{what}_score"] if nested else []
    digits = [scored[f"{what}_score"].astype(str) for what in columns]
    return scored.assign(rfm=digits[0] + digits[1] + digits[2])


def abc_classes(
    values: pd.Series, *, of: str = "items", cuts: Sequence[float] | None = None, names: Sequence[str] = ("A", "B", "C")
) -> pd.DataFrame:
    """Class the items, or customers, of most value as A, the next as B, the rest as C.

    Parameters
    ----------
    values : Series, one entry an item
        Profit, revenue, a margin rate: any unit, losses too.
    of : {"items", "gains"}
        What the classes are shares of: the number of items, or the sum of all values above 0.
    cuts : increasing numbers between 0 and 1, one fewer than `names`
        Where a class ends, as a cumulative share; by default 0.2 and 0.7 of the items, 0.8 and 0.95 of the gains.
    names : names of the classes, the best first

    Returns
    -------
    DataFrame, the best first, the index of `values`
        `value`; `place`, 1 the best; `share_of_items`; `share_of_gains`, of all values above 0; `share_of_net`, of the
        sum of all, above 1 where losses follow and missing where the sum is not above 0 (shares are cumulative, to
        the end of the row); and `class`, which an item has if its class begins before it is counted. Equal values share
        the better place and the class. By gains, who brings none is in the last class.

    Raises
    ------
    ValueError
        There are no values, some are missing, all are equal, none is above 0 (by gains), or the cuts do not fit.

    References
    ----------
    Christopher, Logistics & Supply Chain Management, 4th ed., chapter 2: 20, 50 and 30 per cent of the items by profit.
    What a share is where there are losses: DECISIONS.md, "Shares of a total with losses".

    Examples
    --------
    >>> profit = pd.Series({"C1": 50.0, "C2": 900.0, "C3": -150.0, "C4": 200.0, "C5": 0.0})
    >>> abc_classes(profit)[["share_of_gains", "share_of_net", "class"]].round(3)
        share_of_gains  share_of_net class
    C2           0.783          0.90     A
    C4           0.957          1.10     B
    C1           1.000          1.15     B
    C5           1.000          1.15     B
    C3           1.000          1.00     C
    """
    if of not in CUTS:
        raise ValueError(f"of must be 'items' or 'gains', not {of!r}")
    ends = np.asarray(CUTS[of] if cuts is None else cuts, dtype="float64")
    if len(ends) != len(names) - 1 or not ((ends > 0) & (ends < 1)).all() or not (np.diff(ends) > 0).all():
        raise ValueError(f"cuts must rise between 0 and 1, one fewer than the {len(names)} names, not {tuple(ends)}")
    _check_values(values, "values")
    gains, net = float(values.clip(lower=0).sum()), float(values.sum())
    if of == "gains" and gains == 0:
        raise ValueError("no value is above 0: there are no gains to be parted; take of='items'")
    table = pd.DataFrame({"value": values}).sort_values("value", ascending=False, kind="stable")
    first = np.searchsorted(-table["value"].to_numpy(), -table["value"].to_numpy())  # where its equals begin
    table["place"] = first + 1
    table["share_of_items"] = np.arange(1, len(table) + 1) / len(table)
    table["share_of_gains"] = table["value"].clip(lower=0).cumsum() / gains if gains else np.nan
    table["share_of_net"] = table["value"].cumsum() / net if net > 0 else np.nan
    share = table[f"share_of_{of}"].shift(fill_value=0.0).to_numpy()[first]
    number = np.searchsorted(ends.round(9), share.round(9), side="right")
    if of == "gains":
        number = np.where(table["value"] > 0, number, len(names) - 1)
    table["class"] = pd.Categorical.from_codes(number, categories=pd.Index(names), ordered=True)
    return table


class Migration(NamedTuple):
    """How many customers went from which class to which.

    Attributes
    ----------
    counts : DataFrame, one row a class before, one column a class after
        Customers. The last row has those who came, the last column those who left.
    shares : DataFrame
        The same as a share of the row.
    """

    counts: pd.DataFrame
    shares: pd.DataFrame


def migration(before: pd.Series, after: pd.Series) -> Migration:
    """Who was in which class, and is in which class now.

    Parameters
    ----------
    before, after : Series of classes, indexed by customer
        Those in `before` alone left, those in `after` alone came.

    Returns
    -------
    Migration

    Raises
    ------
    ValueError
        A customer is there twice, a class is missing or is named "left" or "came", or there is nobody.

    Examples
    --------
    >>> before = pd.Series({"C1": "A", "C2": "A", "C3": "B", "C4": "B"})
    >>> after = pd.Series({"C1": "A", "C2": "B", "C3": "B", "C5": "B"})
    >>> migration(before, after).counts.rename_axis(index=None)
    after  A  B  left
    A      1  1     0
    B      0  1     1
    came   0  1     0
    """
    for name, classes in (("before", before), ("after", after)):
        if not len(classes):
            raise ValueError(f"{name} has no customers")
        if classes.index.has_duplicates:
            raise ValueError(f"{name} has {classes.index[classes.index.duplicated()][0]} more than once")
        if classes.isna().any():
            raise ValueError(f"{name} has no class for {classes.index[classes.isna()][0]}; leave out who was not there")
        if clash := {LEFT, CAME} & set(classes):
            raise ValueError(f"{name} has a class {min(clash)!r}, which names who left or came: rename it")
    order = _order(before, after)
    both = pd.DataFrame({"before": before.astype("object"), "after": after.astype("object")})
    counts = (
        pd.crosstab(both["before"].fillna(CAME), both["after"].fillna(LEFT))
        .reindex(index=[*order, CAME], columns=[*order, LEFT], fill_value=0)
        .rename_axis(index="before", columns="after")
    )
    return Migration(counts, counts.div(counts.sum(axis=1), axis=0))


def regression_to_mean(
    before: pd.Series, after: pd.Series, groups: pd.Series, *, correlation: float | None = None
) -> pd.DataFrame:
    """What groups of customers would be worth in the next period if the best fell back by chance alone.

    Parameters
    ----------
    before, after : Series of numbers, indexed by customer
        Values of two periods, in any unit; those who left have 0 after.
    groups : Series, indexed by customer
        Mostly the class by `before`.
    correlation : float, -1 to 1, optional
        Of the values of one customer in two periods; by default that of `before` and `after`, which holds true change,
        too. That of two halves of one period tells of chance alone.

    Returns
    -------
    DataFrame, one row a group
        `customers`; the means `before`, `expected` and `after`, in the unit of the values. Expected is, in standard
        deviations from the mean of all, `correlation` times what was before.

    Raises
    ------
    ValueError
        The three are not of the same customers, a value or group is missing, or all values of a period are equal.

    References
    ----------
    Galton (1886), Regression towards mediocrity in hereditary stature, Journal of the Anthropological Institute 15,
    246-263.

    Examples
    --------
    >>> before = pd.Series({"C1": 10.0, "C2": 20.0, "C3": 30.0, "C4": 60.0})
    >>> after = pd.Series({"C1": 20.0, "C2": 10.0, "C3": 40.0, "C4": 50.0})
    >>> regression_to_mean(before, after, before.gt(40).map({True: "best", False: "others"})).round(1)
            customers  before  expected  after
    best            1    60.0      51.4   50.0
    others          3    20.0      22.9   23.3
    """
    if not (set(before.index) == set(after.index) == set(groups.index)) or before.index.has_duplicates:
        raise ValueError(
            "before, after and groups must be of the same customers, each once: after.reindex(before.index, "
            "fill_value=0) gives those who left 0"
        )
    for name, values in (("before", before), ("after", after)):
        _check_values(values, name)
    if groups.isna().any():
        raise ValueError(f"groups has none for {groups.index[groups.isna()][0]}: leave out who is in no group")
    r = before.corr(after) if correlation is None else correlation
    if not -1 <= r <= 1:
        raise ValueError(f"correlation must lie between -1 and 1, not {r!r}")
    expected = after.mean() + r * after.std() * (before - before.mean()) / before.std()
    table = pd.DataFrame({"before": before, "expected": expected, "after": after})
    means = table.groupby(groups, observed=True).mean()
    means.insert(0, "customers", groups.groupby(groups, observed=True).size())
    return means.rename_axis(None)


def _check_values(values: pd.Series, name: str) -> None:
    """That there are numbers, none missing, not all the same."""
    if not len(values):
        raise ValueError(f"{name} has no rows: there is nobody to be parted")
    if not pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
        raise ValueError(f"{name} must be numbers, these are {values.dtype}")
    bad = ~np.isfinite(values.to_numpy(dtype="float64", na_value=np.nan))
    if bad.any():
        raise ValueError(
            f"{name} has {int(bad.sum())} missing or infinite values, the first for {values.index[bad][0]}"
        )
    if values.min() == values.max():
        raise ValueError(f"{name} is {values.iloc[0]} for everybody: it puts nobody before another")


def _quantile_class(rank: pd.Series, size: pd.Series | int, bins: int) -> pd.Series:
    """The class, 1 to bins, in which the middle of a place lies; places of equals are the mean of theirs."""
    return (bins * (2 * rank - 1) // (2 * size)).astype(int) + 1  # halves are exact


def _order(before: pd.Series, after: pd.Series) -> list:
    """All classes, in their own order if they have one."""
    found = list(dict.fromkeys(name for classes in (before, after) for name in classes.unique()))
    for classes in (before, after):
        if isinstance(classes.dtype, pd.CategoricalDtype) and set(found) <= set(classes.cat.categories):
            return list(classes.cat.categories)
    return sorted(found)
