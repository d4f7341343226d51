"""Statistics that the libraries lack: bootstrap of a whole calculation, shares, agreement of rankings, small groups."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd


def bootstrap(
    calculation: Callable[[pd.DataFrame], float | Mapping[str, float] | pd.Series],
    table: pd.DataFrame,
    *,
    resamples: int = 400,
    random_state: int | np.random.Generator | None = None,
) -> pd.DataFrame:
    """What a whole calculation would have given on other samples of the same size.

    Parameters
    ----------
    calculation : function of one table
        All the way from the data to the result: what is decided beforehand does not vary. Gives a number, or several by
        name.
    table : DataFrame, one row a sampled unit (a customer, an order, a week)
    resamples : int
        How often the rows are drawn anew, with replacement, as many as `table` has.
    random_state : int, Generator or None
        The same int gives the same draws.

    Returns
    -------
    DataFrame, one row a resample
        A column a name (`value` for a plain number), in the unit of the calculation.

    Raises
    ------
    ValueError
        `table` has no rows, or `resamples` is not a positive whole number.
    RuntimeError
        The calculation failed on a resample, or gave no number there. Leaving such a resample out would make the
        interval too short.

    Notes
    -----
    The calculation receives the drawn rows with a fresh index 0, 1, ... A customer drawn twice is in it twice, under
    the same id; where ids must be unique, give new ones first: ``table.assign(customer_id=table.index.astype(str))``.

    References
    ----------
    Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapter 6.

    Examples
    --------
    >>> orders = pd.DataFrame({"late": [0, 0, 0, 1, 0, 1, 0, 0]})
    >>> draws = bootstrap(lambda table: table["late"].mean(), orders, random_state=1)
    >>> interval(draws)
           low  high
    value  0.0   0.5
    """
    if len(table) == 0:
        raise ValueError("table has no rows: there is nothing to draw from")
    rng = np.random.default_rng(random_state)

    def drawn() -> pd.DataFrame:
        return table.take(rng.integers(len(table), size=len(table))).reset_index(drop=True)

    return repeat(calculation, drawn, resamples)


def repeat(
    calculation: Callable[[pd.DataFrame], float | Mapping[str, float] | pd.Series],
    draw: Callable[[], pd.DataFrame],
    resamples: int,
) -> pd.DataFrame:
    """What a calculation gives on tables drawn one after another.

    Parameters
    ----------
    calculation : function of one table
        Gives a number, or several by name.
    draw : function without arguments
        Gives the next table.
    resamples : int
        How many tables are drawn.

    Returns
    -------
    DataFrame, one row a resample
        A column a name (`value` for a plain number), in the unit of the calculation.

    Raises
    ------
    ValueError
        `resamples` is not a positive whole number.
    RuntimeError
        The calculation failed on a resample, or gave no number there. Leaving such a resample out would make the
        interval too short.

    Examples
    --------
    >>> rolls = iter([3, 1, 6])
    >>> repeat(lambda table: table["eyes"].mean(), lambda: pd.DataFrame({"eyes": [next(rolls)]}), 3)["value"].tolist()
    [3.0, 1.0, 6.0]
    """
    if isinstance(resamples, bool) or not isinstance(resamples, int | np.integer) or resamples < 1:
        raise ValueError(f"resamples must be a positive whole number, not {resamples!r}")
    draws = []
    for number in range(1, resamples + 1):
        drawn = draw()
        try:
            result = calculation(drawn)
        except Exception as error:
            raise RuntimeError(
                f"the calculation failed on resample {number} of {resamples}: {type(error).__name__}: {error}"
            ) from error
        draws.append(dict(result) if isinstance(result, Mapping | pd.Series) else {"value": result})
        if missing := [name for name in draws[0] | draws[-1] if pd.isna(draws[-1].get(name))]:
            raise RuntimeError(f"the calculation gave no number for {missing[0]!r} on resample {number} of {resamples}")
    return pd.DataFrame(draws)


def interval(draws: pd.DataFrame, level: float = 0.9) -> pd.DataFrame:
    """The middle part of each column of draws (percentile interval).

    Parameters
    ----------
    draws : DataFrame, one row a draw
        As `bootstrap` gives it.
    level : float
        The share of the draws inside, between 0 and 1.

    Returns
    -------
    DataFrame, one row a column of `draws`
        `low` and `high`, in the unit of the column.

    Raises
    ------
    ValueError
        `level` is not between 0 and 1, or there are no draws.

    References
    ----------
    Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapter 13.

    Examples
    --------
    >>> interval(pd.DataFrame({"share": [0.1, 0.2, 0.3, 0.4, 0.5]}), level=0.5)
           low  high
    share  0.2   0.4
    """
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, not {level!r}")
    if len(draws) == 0:
        raise ValueError("draws has no rows: run bootstrap first")
    ends = draws.quantile([(1 - level) / 2, (1 + level) / 2])
    return pd.DataFrame({"low": ends.iloc[0], "high": ends.iloc[1]})


def wilson(share: Any, n: Any, level: float = 0.9) -> tuple[Any, Any]:
    """Wilson's interval of a share, or of many at once.

    Parameters
    ----------
    share : number, array or Series
        What was found, 0 to 1.
    n : number, array or Series
        Of how many, above 0; an effective number, not whole, where answers count unequally.
    level : float
        Of the interval.

    Returns
    -------
    low, high : as `share`
        Between 0 and 1.

    Raises
    ------
    ValueError
        `level` is not between 0 and 1.

    References
    ----------
    Wilson (1927), Probable inference, the law of succession, and statistical inference, Journal of the American
    Statistical Association 22, 209-212.

    Examples
    --------
    >>> [round(float(end), 3) for end in wilson(0.625, 8)]
    [0.348, 0.839]
    """
    from scipy.special import ndtri

    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, not {level!r}")
    z = ndtri((1 + level) / 2)
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    reach = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return np.maximum(middle - reach, 0), np.minimum(middle + reach, 1)


class KendallW(NamedTuple):
    """How far several rankings of the same things agree.

    Attributes
    ----------
    w : float
        Kendall's coefficient of concordance, from 0, none, to 1, all the same.
    statistic : float
        Chi-squared, with as many degrees of freedom as things less one (Friedman's test).
    pvalue : float
        Of no agreement at all; for few rankings a rough value.
    mean_ranks : Series or array
        Of each thing.
    """

    w: float
    statistic: float
    pvalue: float
    mean_ranks: Any


def kendall_w(rankings: pd.DataFrame | np.ndarray) -> KendallW:
    """Kendall's W: how far several rankings, or ratings, of the same things agree.

    Parameters
    ----------
    rankings : DataFrame or array, one row who ranks, one column a thing
        Ranks, or ratings that are ranked here, all in one direction; equals share the mean of their places.

    Returns
    -------
    KendallW

    Raises
    ------
    ValueError
        There are fewer than two rows or columns, a value is missing, or everybody ties everything.

    References
    ----------
    Kendall and Babington Smith (1939), The problem of m rankings, Annals of Mathematical Statistics 10(3), 275-287;
    corrected for ties: Siegel and Castellan (1988), Nonparametric Statistics for the Behavioral Sciences, 9.5.

    Examples
    --------
    >>> round(kendall_w(np.array([[1, 2, 3], [1, 3, 2], [1, 2, 3]])).w, 3)
    0.778
    """
    from scipy import stats

    table = np.asarray(rankings, dtype="float64")
    if table.ndim != 2 or min(table.shape) < 2:
        raise ValueError(f"W needs two rankings or more of two things or more; these are of shape {table.shape}")
    if np.isnan(table).any():
        raise ValueError(f"the ranking in row {int(np.isnan(table).any(axis=1).argmax()) + 1} has a gap")
    ranks = stats.rankdata(table, axis=1)
    who, things = ranks.shape
    ties = sum((count**3 - count).sum() for count in (np.unique(row, return_counts=True)[1] for row in ranks))
    most = who**2 * (things**3 - things) - who * ties
    if most == 0:
        raise ValueError("everybody ties everything: there is no order to agree on")
    sums = ranks.sum(axis=0)
    w = float(12 * ((sums - sums.mean()) ** 2).sum() / most)
    statistic = who * (things - 1) * w
    mean = pd.Series(sums / who, rankings.columns) if isinstance(rankings, pd.DataFrame) else sums / who
    return KendallW(w, statistic, float(stats.chi2.sf(statistic, things - 1)), mean)


def shrunken_means(
    cells: pd.DataFrame, *, n: str = "n", mean: str = "mean", variance: str = "variance"
) -> pd.DataFrame:
    """The means of small groups, drawn towards the mean of all as far as chance makes them differ.

    Parameters
    ----------
    cells : DataFrame, one row a group
        Needs the three columns named below; the groups should be of one kind, before anybody looks at their means.
    n : str
        Column of the number of observations, 1 or more.
    mean : str
        Column of their mean, in any unit.
    variance : str
        Column of their variance around it, that unit squared, with n - 1 in the denominator; not read where n is 1.

    Returns
    -------
    DataFrame
        `cells` with `weight`, how much of the own mean is kept, between 0 and 1, and `shrunken_mean`.

    Raises
    ------
    ValueError
        There are fewer than four groups, a column is missing, a mean is, an n is not a whole number of 1 or more, a
        variance is negative or missing, or no group has two observations.

    Notes
    -----
    One variance within groups is pooled from all: DECISIONS.md, "Variance of small groups".

    References
    ----------
    Morris (1983), Parametric empirical Bayes inference: theory and applications, Journal of the American Statistical
    Association 78, 47-55: of k groups none is drawn by more than (k - 3) / (k - 1). Short of that, and with the same n,
    it is James and Stein's estimate as in Efron and Morris (1977), Stein's paradox in statistics, Scientific American
    236(5), 119-127. The variance between groups, in which Morris's steps end, is that of Paule and Mandel (1982),
    Consensus values and weighting factors, Journal of Research of the National Bureau of Standards 87(5), 377-385.

    Examples
    --------
    >>> cells = pd.DataFrame({"n": [2, 50, 40, 30], "mean": [90.0, 20.0, 30.0, 45.0], "variance": [400.0] * 4})
    >>> shrunken_means(cells)[["weight", "shrunken_mean"]].round(2)
       weight  shrunken_mean
    0    0.93          87.01
    1    1.00          20.08
    2    1.00          30.06
    3    0.99          45.00
    """
    from scipy.optimize import brentq

    size, own, within = _cells(cells, n, mean, variance)
    groups, free = len(cells), np.where(size > 1, size - 1, 0)
    pooled = float(free @ np.where(size > 1, within, 0) / free.sum())
    error = pooled / size

    def fit(between: float) -> tuple[float, float]:
        """The mean of all, and the squared distances from it in units of what is expected."""
        trust = 1 / (error + between)
        center = float(trust @ own / trust.sum())
        return center, float(trust @ (own - center) ** 2)

    between = 0.0
    if pooled > 0 and fit(0)[1] > groups - 1:
        between = brentq(lambda one: fit(one)[1] - (groups - 1), 0, ((own - own.mean()) ** 2).sum() / (groups - 1))
    weight = 1 - (groups - 3) / (groups - 1) * error / (error + between) if pooled > 0 else np.ones(groups)
    center = fit(between)[0] if pooled > 0 else own.mean()
    return cells.assign(weight=weight, shrunken_mean=weight * own + (1 - weight) * center)


def _cells(cells: pd.DataFrame, n: str, mean: str, variance: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sizes, means and variances of groups that can be shrunken."""
    if missing := [name for name in (n, mean, variance) if name not in cells]:
        raise ValueError(f"cells has no column {missing[0]!r}")
    if len(cells) < 4:
        raise ValueError(f"{len(cells)} groups are too few to tell chance from difference: four or more are needed")
    size, own, within = (cells[name].to_numpy(dtype="float64", na_value=np.nan) for name in (n, mean, variance))
    for name, bad, wants in (
        (n, ~((size >= 1) & (size % 1 == 0)), "a whole number of 1 or more"),
        (mean, ~np.isfinite(own), "a number"),
        (variance, (size > 1) & ~((within >= 0) & np.isfinite(within)), "0 or more where there are two or more"),
    ):
        if bad.any():
            raise ValueError(
                f"{name} must be {wants}; {cells[name].iloc[int(bad.argmax())]} of row {cells.index[bad][0]} is not"
            )
    if (size == 1).all():
        raise ValueError("no group has two observations: how far chance goes cannot be told")
    return size, own, within
