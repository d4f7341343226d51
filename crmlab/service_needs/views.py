"""Two views and two waves: what managers believe against what customers say, and what changed."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd

from crmlab.service_needs.checks import by_label, number_column, numbers, upper, warn_of_scales


def perception_gap(customers: pd.DataFrame, managers: pd.DataFrame, *, level: float = 0.9) -> pd.DataFrame:
    """What managers believe to be important against what customers say.

    Parameters
    ----------
    customers, managers : DataFrame, one row a person, one column an element
        Ratings on the same scale; gaps allowed.
    level : float
        Of each interval by itself.

    Returns
    -------
    DataFrame, one row an element that both rated, in the order of `customers`
        `customers` and `managers`, mean ratings; `gap`, managers less customers, points; `low` and `high`; `pvalue` of
        no gap; `holm`, the same corrected for so many elements. Missing where a side has fewer than two answers, or
        nobody differs on either.

    Raises
    ------
    ValueError
        The two tables have no same elements, or an answer is no number.

    Warns
    -----
    UserWarning
        An element is in one table only: it is left out; or the two hardly have one scale.

    Notes
    -----
    Welch's t: the two sides differ in number and spread. It covers who was asked, as if both were drawn at random: of
    six managers who are all there are, read it as what six such persons could have said.

    References
    ----------
    Welch (1947), Biometrika 34, 28-35; Holm (1979), A simple sequentially rejective multiple test procedure,
    Scandinavian Journal of Statistics 6(2), 65-70.

    Examples
    --------
    >>> customers = pd.DataFrame({"price": [4, 5, 5, 6, 4, 6], "speed": [6, 6, 7, 5, 6, 6]})
    >>> managers = pd.DataFrame({"price": [7, 6, 7], "speed": [5, 6, 6]})
    >>> perception_gap(customers, managers)[["gap", "low", "high", "holm"]].round(2)
            gap   low  high  holm
    price  1.67  0.71  2.62  0.03
    speed -0.33 -1.21  0.54  0.47
    """
    a, b = _same_elements(customers, managers)
    warn_of_scales(a, b)
    errors = [table.var() / table.notna().sum() for table in (a, b)]
    total = errors[0] + errors[1]
    df = total**2 / sum(error**2 / (table.notna().sum() - 1) for error, table in zip(errors, (a, b), strict=True))
    gap = b.mean() - a.mean()
    return pd.DataFrame({"customers": a.mean(), "managers": b.mean(), "gap": gap, **_t(gap, total, df, level)})


def wave_change(
    first: pd.DataFrame, second: pd.DataFrame, groups: pd.Series | None = None, *, level: float = 0.9
) -> pd.DataFrame:
    """What the same respondents changed between two waves.

    Parameters
    ----------
    first, second : DataFrame, one row a respondent, one column an element
        The index names the respondents; gaps allowed.
    groups : Series, optional
        The group of each respondent: each is then looked at by itself.
    level : float
        Of each interval by itself.

    Returns
    -------
    DataFrame, one row an element, or a group and element
        `n`, who rated it in both waves; `before` and `after`, their means; `change`, points; `low` and `high`;
        `pvalue` of no change; `holm`, the same corrected for all rows. Missing where fewer than two rated it twice, or
        all changed alike.

    Raises
    ------
    ValueError
        No element or no respondent is in both; a respondent is there twice, or has no group; an answer is no number.

    Warns
    -----
    UserWarning
        An element is in one table only: it is left out.

    References
    ----------
    Student's t of paired differences; Holm (1979), as `perception_gap`.

    Examples
    --------
    >>> first = pd.DataFrame({"price": [5, 6, 4, 5]}, index=list("ABCD"))
    >>> second = pd.DataFrame({"price": [6, 6, 6, 7]}, index=list("BCDE"))
    >>> wave_change(first, second)[["n", "before", "after", "change", "low", "high"]].round(2)
           n  before  after  change   low  high
    price  3     5.0    6.0     1.0 -0.69  2.69
    """
    first, second = _same_elements(first, second)
    for table in (first, second):
        if twice := table.index[table.index.duplicated()].tolist():
            raise ValueError(f"{twice[0]!r} is in a wave twice: one row a respondent")
    both = first.index.intersection(second.index, sort=False)
    if not len(both):
        raise ValueError("no respondent is in both waves: what changed cannot be told from who answered")
    before, after = first.loc[both], second.loc[both]
    if groups is None:
        table = _paired(before, after)
    else:
        group = by_label(groups, both, "group")
        parts = {name: group == name for name in sorted(group.unique())}
        each = {name: _paired(before[part], after[part]) for name, part in parts.items()}
        table = pd.concat(each, names=[group.name, first.columns.name])
    return table.drop(columns="error").assign(**_t(table["change"], table["error"], table["n"] - 1, level))


def holm(pvalues: pd.Series) -> pd.Series:
    """P-values corrected for their number: that of any false alarm among them.

    Parameters
    ----------
    pvalues : Series
        From 0 to 1; missing ones are not counted.

    Returns
    -------
    Series
        None smaller than before, none above 1.

    Raises
    ------
    ValueError
        One is not from 0 to 1.

    References
    ----------
    Holm (1979), A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6(2),
    65-70.

    Examples
    --------
    >>> holm(pd.Series([0.01, 0.04, 0.03])).round(3).tolist()
    [0.03, 0.06, 0.06]
    """
    given = number_column(pd.Series(pvalues), "p-values").astype("float64")
    if len(beyond := given[(given < 0) | (given > 1)]):
        raise ValueError(f"a p-value is from 0 to 1: that of {beyond.index.tolist()[0]!r} is {beyond.iloc[0]:g}")
    ordered = given.dropna().sort_values(kind="stable")
    times = np.arange(len(ordered), 0, -1)
    return (ordered * times).cummax().clip(upper=1.0).reindex(given.index)


def _same_elements(one: pd.DataFrame, other: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Both as numbers, of the elements that they have in common; the others are named in a warning."""
    one, other = numbers(one), numbers(other)
    names = one.columns.intersection(other.columns, sort=False)
    if not len(names):
        raise ValueError("the two tables have no element in common")
    if len(apart := one.columns.symmetric_difference(other.columns, sort=False)):
        warnings.warn(f"left out, since only one table has it: {', '.join(map(repr, apart))}", stacklevel=3)
    return one[names], other[names]


def _paired(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Means of those who answered twice, and the squared standard error of their change."""
    change = after - before
    twice = change.notna()
    return pd.DataFrame(
        {
            "n": change.count(),
            "before": before.where(twice).mean(),
            "after": after.where(twice).mean(),
            "change": change.mean(),
            "error": change.var() / change.count(),
        }
    )


def _t(difference: pd.Series, error: pd.Series, df: pd.Series, level: float) -> dict[str, pd.Series]:
    """Interval and p-values of a difference with this squared standard error."""
    from scipy import stats

    size = np.sqrt(error.where(error > 0))
    reach = size * stats.t.ppf(upper(level), df)
    pvalue = pd.Series(2 * stats.t.sf(np.abs(difference / size), df), difference.index)
    return {"low": difference - reach, "high": difference + reach, "pvalue": pvalue, "holm": holm(pvalue)}
