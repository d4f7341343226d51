"""Which customers want the same: orderings of what they prefer, how far apart they are, groups, what a group agrees on.

A ranking is one row: the place of each item, 1 the best. Equals share a place (any number: only the order counts), and
an item without a place (missing) comes after all that have one.
"""

from __future__ import annotations

from functools import cache
from itertools import combinations
from math import comb
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from crmlab.stats import kendall_w

MOST_ITEMS = 8  # whose Kemeny consensus is searched for exactly
MOST_ROWS = 5_000  # whose distances to each other are held in memory, 200 MB
STARTS = 10  # of the search for medoids,
MOST_CHOICES = 1_000  # and the most choices of medoids that are all tried instead
METHODS = ("medoids", "average", "complete")

Rankings = pd.DataFrame | np.ndarray


def kendall_distance(a: Any, b: Any) -> float:
    """In how many pairs of items two rankings disagree; a pair that one of them ties counts a half.

    Parameters
    ----------
    a, b : array of numbers
        Places of the same items; two Series are matched by their index.

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
    one, other = pair_signs(places(np.stack(_two(a, b))))
    return float(np.abs(one - other).sum() / 2)


def spearman_distance(a: Any, b: Any) -> float:
    """The root of the summed squared differences of places, equals at the mean of theirs.

    Parameters
    ----------
    a, b : array of numbers
        Places of the same items; two Series are matched by their index.

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
        How often each ranking counts, 0 and above; once by default. A Series is matched by the rows' index.

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
    check_items(table.shape[1])
    if isinstance(weights, pd.Series) and isinstance(rankings, pd.DataFrame):
        weights = weights.reindex(rankings.index)
    weight = np.ones(len(table)) if weights is None else np.asarray(weights, dtype="float64")
    if len(table) == 0 or weight.shape != (len(table),) or not (weight >= 0).all() or not 0 < weight.sum() < np.inf:
        raise ValueError("kemeny needs a ranking or more, and a weight of 0 or more for each, not all 0")
    return _as_given(best_order(weight @ pair_signs(table) / weight.sum(), table.shape[1]), rankings)


def distance_matrix(rankings: Rankings, metric: str = "kendall") -> Any:
    """How far apart all rankings are from each other.

    Parameters
    ----------
    rankings : DataFrame or array, one row a ranking, one column an item
    metric : {"kendall", "spearman"}
        `kendall_distance` or `spearman_distance`.

    Returns
    -------
    DataFrame or array
        One row and one column a ranking.

    Raises
    ------
    ValueError
        There are more than 5,000 rankings, or no such metric.

    Examples
    --------
    >>> distance_matrix(np.array([[1, 2, 3], [2, 1, 3], [3, 2, 1]])).tolist()
    [[0.0, 1.0, 3.0], [1.0, 0.0, 2.0], [3.0, 2.0, 0.0]]
    """
    distances = _distances(places(rankings), metric)
    if isinstance(rankings, pd.DataFrame):
        return pd.DataFrame(distances, rankings.index, rankings.index)
    return distances


def ranking_groups(rankings: Rankings, n_groups: int, *, method: str = "medoids", metric: str = "kendall") -> Any:
    """Groups of customers whose orderings are near each other.

    Parameters
    ----------
    rankings : DataFrame or array, one row a customer, one column an item
        Equals and gaps may be there.
    n_groups : int
        From 1 to the number of different orderings.
    method : {"medoids", "average", "complete"}
        Around medoids, each the ordering that is nearest to its whole group; or by merging the two nearest groups
        again and again, by the mean or by the largest distance between their customers.
    metric : {"kendall", "spearman"}

    Returns
    -------
    Series or array of int
        The group of each customer, 0 the largest. It depends neither on the order of the rows nor, unless two items
        were placed alike, on that of the columns.

    Raises
    ------
    ValueError
        `n_groups` does not fit, there is no such method or metric, or there are more than 5,000 different orderings
        (for the merging: customers).

    Notes
    -----
    Customers with the same ordering are one point with their number as its weight. Where there are few choices of
    medoids, a thousand at the most, all are tried. Else the search starts from its own first guess and from nine drawn
    ones, always the same; the best end counts, and may not be the best of all.

    References
    ----------
    Schubert and Rousseeuw (2021), Fast and eager k-medoids clustering, Information Systems 101, 101804 (FasterPAM).

    Examples
    --------
    >>> ranking_groups(np.array([[1, 2, 3, 4], [4, 3, 2, 1], [1, 2, 4, 3], [2, 1, 3, 4], [4, 3, 1, 2]]), 2).tolist()
    [0, 1, 0, 0, 1]
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, not {method!r}")
    orderings = distinct(places(rankings))
    if n_groups not in range(1, len(orderings.weight) + 1):
        raise ValueError(
            f"n_groups must be a whole number from 1 to {len(orderings.weight)}, so many different orderings there "
            f"are; not {n_groups!r}"
        )
    if method == "medoids":
        group = _around_medoids(_distances(orderings.table, metric), orderings.weight, n_groups)
    else:
        group = _merged(orderings, n_groups, method, metric)
    return _as_given_rows(largest_first(group, orderings.weight)[orderings.row], rankings)


def consensus(rankings: Rankings, labels: Any) -> pd.DataFrame:
    """What each group agrees on, and how far.

    Parameters
    ----------
    rankings : DataFrame or array, one row a customer, one column an item
    labels : array, one entry a customer
        Groups of any kind.

    Returns
    -------
    DataFrame, one row a group
        `customers`; `share` of all; `w`, Kendall's W inside the group, missing for one customer alone; and the place of
        each item in the group's Kemeny consensus.

    Raises
    ------
    ValueError
        As `kemeny`, or the labels are not as many as the rankings, or an item is named as a column above.

    Examples
    --------
    >>> rankings = pd.DataFrame({"visits": [1, 1, 3, 3], "price": [2, 3, 1, 2], "speed": [3, 2, 2, 1]})
    >>> consensus(rankings, [0, 0, 1, 1])
       customers  share     w  visits  price  speed
    0          2    0.5  0.75       1      2      3
    1          2    0.5  0.75       3      1      2
    """
    table, labels = pd.DataFrame(rankings), np.asarray(labels)
    if labels.shape != (len(table),):
        raise ValueError(f"there are {len(table)} rankings and labels of shape {labels.shape}: one each")
    if taken := {"customers", "share", "w"} & set(table.columns):
        raise ValueError(f"an item is named {min(taken)!r}, as a column of the result: rename it")
    rows = {}
    for label in np.unique(labels):
        group = table[labels == label]
        rows[label] = {
            "customers": len(group),
            "share": len(group) / len(table),
            "w": _agreement(places(group)),
            **kemeny(group).to_dict(),
        }
    return pd.DataFrame.from_dict(rows, orient="index")


# --- what the mixture needs, too --------------------------------------------------------------------------------------


class Orderings(NamedTuple):
    """The different orderings among rankings.

    Attributes
    ----------
    table : array, one row an ordering, one column an item
        Places; items and rows in an order that depends on neither that of the customers nor that of the columns.
    weight : array of int
        How many customers have it.
    row : array of int, one entry a customer
        Which they have.
    items : array of int
        The column that each item was.
    """

    table: np.ndarray
    weight: np.ndarray
    row: np.ndarray
    items: np.ndarray


def distinct(table: np.ndarray) -> Orderings:
    """The different rows of a table of places."""
    if len(table) == 0:
        raise ValueError("there are no rankings")
    items = np.lexsort([(table**power).sum(axis=0) for power in (4, 3, 2, 1)])  # by mean place; the sums are exact
    rows, row, weight = np.unique(table[:, items], axis=0, return_inverse=True, return_counts=True)
    return Orderings(rows, weight, row.ravel(), items)


def complete_places(rankings: Rankings) -> np.ndarray:
    """Places of rankings that must have neither equals nor gaps."""
    table, found = _table(rankings), places(rankings)
    name = rankings.index if isinstance(rankings, pd.DataFrame) else range(1, len(table) + 1)
    for what, bad in (
        ("has a gap", np.isnan(table).any(axis=1)),
        ("gives two items the same place", (np.sort(found, axis=1) != np.arange(1, table.shape[1] + 1)).any(axis=1)),
    ):
        if bad.any():
            raise ValueError(
                f"the ranking of row {name[int(bad.argmax())]} {what} ({int(bad.sum())} such rows): leave them out, or "
                "use ranking_groups, which takes them"
            )
    return found


def check_items(items: int) -> None:
    """That there are not too many to search all their orderings."""
    if items > MOST_ITEMS:
        raise ValueError(f"the exact consensus is for at most {MOST_ITEMS} items, these are {items}: borda takes any")


def pair_signs(table: np.ndarray) -> np.ndarray:
    """Each pair of items in each row of places: -1 the first before, 1 after, 0 tied."""
    i, j = _pairs(table.shape[1])
    return np.sign(table[:, i] - table[:, j])


def largest_first(group: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Groups numbered anew from 0, the heaviest first; of equal ones that with the earliest row."""
    found, first, number = np.unique(group, return_index=True, return_inverse=True)
    order = np.lexsort([first, -np.bincount(number, weight)])
    new = np.empty(len(found), dtype="int64")
    new[order] = np.arange(len(found))
    return new[number]


def best_order(pairs: np.ndarray, items: int) -> np.ndarray:
    """The places that contradict the fewest, from the mean of `pair_signs`; of those as good, earlier columns first."""
    # How much is lost if item i comes before item j: all who rank j before i, half of those who tie them.
    lost = np.zeros((items, items))
    i, j = _pairs(items)
    lost[i, j], lost[j, i] = (1 + pairs) / 2, (1 - pairs) / 2
    # Where majorities contradict each other nowhere, they are the order.
    beaten = (lost.round(12) > 0.5).sum(axis=1)
    if (np.bincount(beaten, minlength=items) == 1).all():
        return beaten + 1
    sets, sizes = _sets(items)
    # Set by set, the smaller first: which of its items comes first, and what the best order of the set loses.
    first_lost = np.where(sets, sets @ lost.T, np.inf)
    best, first = np.zeros(len(sets)), np.zeros(len(sets), dtype="int64")
    for size in range(1, items + 1):
        now = np.flatnonzero(sizes == size)
        loss = np.round(first_lost[now] + best[now[:, None] & ~(1 << np.arange(items))], 12)
        first[now], best[now] = loss.argmin(axis=1), loss.min(axis=1)
    consensus, rest = np.empty(items, dtype="int64"), len(sets) - 1
    for place in range(1, items + 1):
        consensus[first[rest]] = place
        rest ^= 1 << int(first[rest])
    return consensus


def _two(a: Any, b: Any) -> tuple[np.ndarray, np.ndarray]:
    if isinstance(a, pd.Series) and isinstance(b, pd.Series):
        if len(a) != len(b) or not a.index.is_unique or not a.index.isin(b.index).all():
            raise ValueError("the two rankings name different items, or one twice")
        b = b.reindex(a.index)
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


@cache
def _pairs(items: int) -> tuple[np.ndarray, np.ndarray]:
    """Each pair of items once, the earlier column first."""
    return np.triu_indices(items, 1)


@cache
def _sets(items: int) -> tuple[np.ndarray, np.ndarray]:
    """Every set of items, set by set in binary, and its size."""
    sets = (np.arange(2**items)[:, None] >> np.arange(items) & 1).astype(bool)
    return sets, sets.sum(axis=1)


def _distances(table: np.ndarray, metric: str) -> np.ndarray:
    from scipy.spatial.distance import cdist

    if len(table) > MOST_ROWS:
        raise ValueError(
            f"{len(table)} rankings are too many for a table of distances ({MOST_ROWS} at most): take a sample, "
            "or MallowsMixture, which needs none"
        )
    if metric == "kendall":
        signs = pair_signs(table)
        return cdist(signs, signs, "cityblock") / 2
    if metric == "spearman":
        return cdist(table, table)
    raise ValueError(f"metric must be 'kendall' or 'spearman', not {metric!r}")


def _around_medoids(distances: np.ndarray, weight: np.ndarray, n_groups: int) -> np.ndarray:
    """The nearest medoid of each row, where the weighted sum of distances to it is least."""
    few = comb(len(weight), n_groups) <= MOST_CHOICES
    medoids = (_best_medoids if few else _medoids_found)(distances, weight, n_groups)
    return distances[:, medoids].round(9).argmin(axis=1)


def _merged(orderings: Orderings, n_groups: int, linkage: str, metric: str) -> np.ndarray:
    """The group of each ordering, merged from customers."""
    from sklearn.cluster import AgglomerativeClustering

    if n_groups == len(orderings.weight):
        return np.arange(n_groups)
    customers = np.repeat(np.arange(len(orderings.weight)), orderings.weight)
    model = AgglomerativeClustering(n_groups, metric="precomputed", linkage=linkage)
    labels = model.fit_predict(_distances(orderings.table[customers], metric))
    return labels[np.searchsorted(customers, np.arange(len(orderings.weight)))]


def _agreement(table: np.ndarray) -> float:
    """Kendall's W, missing where there is nothing to agree on."""
    return kendall_w(table).w if len(table) > 1 and np.ptp(table) > 0 else np.nan


def _as_given(values: np.ndarray, rankings: Rankings) -> Any:
    return pd.Series(values, rankings.columns) if isinstance(rankings, pd.DataFrame) else values


def _as_given_rows(values: np.ndarray, rankings: Rankings) -> Any:
    return pd.Series(values, rankings.index, name="group") if isinstance(rankings, pd.DataFrame) else values


def _best_medoids(distances: np.ndarray, weight: np.ndarray, n_groups: int) -> np.ndarray:
    """The medoids of the least sum, by trying all."""
    choices = [list(choice) for choice in combinations(range(len(weight)), n_groups)]
    return np.array(min(choices, key=lambda choice: round(float(weight @ distances[:, choice].min(axis=1)), 6)))


def _medoids_found(distances: np.ndarray, weight: np.ndarray, n_groups: int) -> np.ndarray:
    """The medoids of the least sum that a search found from ten starts."""
    import kmedoids

    # FasterPAM reads row by row, how far it is to a medoid: a row that counts twice is twice as far from all.
    weighted = np.ascontiguousarray(distances * weight[:, None], dtype="float64")
    rng = np.random.default_rng(0)
    starts = [np.sort(rng.choice(len(weight), n_groups, replace=False)) for _ in range(STARTS - 1)]
    ends = [kmedoids.fasterpam(weighted, n_groups, init="build", n_cpu=1)]
    ends += [kmedoids.fasterpam(weighted, start.astype("uint64"), n_cpu=1) for start in starts]
    return np.sort(min(ends, key=lambda end: round(float(end.loss), 6)).medoids).astype("int64")
