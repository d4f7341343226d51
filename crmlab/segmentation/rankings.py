"""Which customers are alike: orderings of what they prefer, how far apart they are, and what a group agrees on.

A ranking is one row: the place of each item, 1 the best. Equals share a place (any number: only the order counts), and
an item without a place (missing) comes after all that have one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

MOST_ITEMS = 8  # whose Kemeny consensus is searched for exactly

Rankings = pd.DataFrame | np.ndarray


def kendall_distance(a: Any, b: Any) -> float:
    """In how many pairs of items two rankings disagree; a pair that one of them ties counts a half.

    Parameters
    ----------
    a, b : array of numbers
        Places of the same items.

    Returns
    -------
    float
        From 0 to n (n - 1) / 2 for n items. It is a metric, on rankings with ties and gaps, too.

    Raises
    ------
    ValueError
        They are not of the same items, or of fewer than two.

    References
    ----------
    Kendall (1938), A new measure of rank correlation, Biometrika 30, 81-93; with ties: Fagin, Kumar, Mahdian, Sivakumar
    and Vee (2006), Comparing partial rankings, SIAM Journal on Discrete Mathematics 20(3), 628-648, penalty 1/2.

    Examples
    --------
    >>> kendall_distance([1, 2, 3, 4, 5], [2, 1, 3, 5, 4])
    2.0
    """
    one, other = _pairs(np.stack(_two(a, b)))
    return float(np.abs(one - other).sum() / 2)


def spearman_distance(a: Any, b: Any) -> float:
    """The root of the summed squared differences of places, equals at the mean of theirs.

    Parameters
    ----------
    a, b : array of numbers
        Places of the same items.

    Returns
    -------
    float
        0 and above. It is a metric; its square, which is often named Spearman's distance, is not.

    Raises
    ------
    ValueError
        As `kendall_distance`.

    References
    ----------
    Diaconis (1988), Group Representations in Probability and Statistics, chapter 6.

    Examples
    --------
    >>> spearman_distance([1, 2, 3, 4, 5], [2, 1, 3, 5, 4])
    2.0
    """
    one, other = places(np.stack(_two(a, b)))
    return float(np.sqrt(((one - other) ** 2).sum()))


def places(rankings: Rankings) -> np.ndarray:
    """Rankings as places from 1: equals at the mean of theirs, items without a place at the mean of the last.

    Parameters
    ----------
    rankings : DataFrame or array, one row a ranking, one column an item

    Returns
    -------
    array of float
        Each row sums to n (n + 1) / 2 for n items.

    Examples
    --------
    >>> places(np.array([[10, 20, np.nan, np.nan]])).tolist()
    [[1.0, 2.0, 3.5, 3.5]]
    """
    from scipy import stats

    table = _table(rankings)
    return np.asarray(stats.rankdata(np.where(np.isnan(table), np.inf, table), axis=1), dtype="float64")


def borda(rankings: Rankings) -> Any:
    """The consensus by mean places.

    Parameters
    ----------
    rankings : DataFrame or array, one row a ranking, one column an item

    Returns
    -------
    Series or array
        The place of each item; equals share the mean of theirs.

    References
    ----------
    Borda (1781); see Marden (1995), Analyzing and Modeling Rank Data, chapter 2.

    Examples
    --------
    >>> borda(np.array([[1, 2, 3], [1, 3, 2], [2, 1, 3]])).tolist()
    [1.0, 2.0, 3.0]
    """
    mean = np.round(places(rankings).mean(axis=0), 9)  # binary fractions must not part equals
    return _as_given(places(mean[None])[0], rankings)


def kemeny(rankings: Rankings, weights: Any = None) -> Any:
    """The ordering with the smallest sum of Kendall distances to all rankings, found exactly.

    Parameters
    ----------
    rankings : DataFrame or array, one row a ranking, one column an item
    weights : array of numbers, optional
        How often each ranking counts, 0 and above; once by default.

    Returns
    -------
    Series or array of int
        The place of each item, 1 to n, no two alike. Of orderings that are as good, the one that puts the earlier
        column first.

    Raises
    ------
    ValueError
        There are more items than can be searched exactly, fewer than two, no ranking, or a weight is negative.

    Notes
    -----
    Which set of items comes first is decided set by set (dynamic programming): 2^n steps instead of n!.

    References
    ----------
    Kemeny (1959), Mathematics without numbers, Daedalus 88(4), 577-591; Young (1988), Condorcet's theory of voting,
    American Political Science Review 82(4), 1231-1244.

    Examples
    --------
    >>> kemeny(np.array([[1, 2, 3], [1, 3, 2], [2, 1, 3]])).tolist()
    [1, 2, 3]
    """
    table = places(rankings)
    items = table.shape[1]
    if items > MOST_ITEMS:
        raise ValueError(f"the exact consensus is for at most {MOST_ITEMS} items, these are {items}: borda takes any")
    weight = np.ones(len(table)) if weights is None else np.asarray(weights, dtype="float64")
    if len(table) == 0 or weight.shape != (len(table),) or not (weight >= 0).all():
        raise ValueError("kemeny needs a ranking or more, and a weight of 0 or more for each")
    # How much is lost if item i comes before item j: all who rank j before i, half of those who tie them.
    first = np.sign(table[:, :, None] - table[:, None, :])
    lost = np.tensordot(weight, (1 + first) / 2, axes=1)
    np.fill_diagonal(lost, 0)
    best: dict[int, tuple[float, list[int]]] = {0: (0.0, [])}
    for chosen in range(1, 2**items):
        members = [item for item in range(items) if chosen >> item & 1]
        options = []
        for last in members:
            cost, order = best[chosen ^ 1 << last]
            options.append((round(cost + sum(lost[item, last] for item in order), 9), [*order, last]))
        best[chosen] = min(options)
    order = best[2**items - 1][1]
    consensus = np.empty(items, dtype="int64")
    consensus[order] = np.arange(1, items + 1)
    return _as_given(consensus, rankings)


def _two(a: Any, b: Any) -> tuple[np.ndarray, np.ndarray]:
    one, other = np.asarray(a, dtype="float64"), np.asarray(b, dtype="float64")
    if one.ndim != 1 or one.shape != other.shape or len(one) < 2:
        raise ValueError(f"two rankings of the same items are compared, two or more: {one.shape} and {other.shape}")
    return one, other


def _table(rankings: Rankings) -> np.ndarray:
    table = np.asarray(rankings, dtype="float64")
    if table.ndim != 2 or table.shape[1] < 2:
        raise ValueError(
            f"rankings are a table of two items or more, one row a ranking; this is of shape {table.shape}"
        )
    return table


def _pairs(rankings: np.ndarray) -> np.ndarray:
    """Each pair of items in each ranking: -1 the first before, 1 after, 0 tied."""
    table = places(rankings)
    i, j = np.triu_indices(table.shape[1], 1)
    return np.sign(table[:, i] - table[:, j])


def _as_given(values: np.ndarray, rankings: Rankings) -> Any:
    return pd.Series(values, rankings.columns) if isinstance(rankings, pd.DataFrame) else values
