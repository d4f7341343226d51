"""How many groups customers fall into by their behaviour, if any: four criteria side by side."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

SUBSAMPLE = 0.8  # of the customers, in which groups are sought again


def number_of_groups(
    features: pd.DataFrame,
    clusterer: Any = None,
    *,
    most: int = 8,
    references: int = 20,
    resamples: int = 10,
    random_state: int = 0,
) -> pd.DataFrame:
    """What speaks for one, two, three groups and so on.

    Parameters
    ----------
    features : DataFrame, one row a customer
        Numbers on scales that may be compared: standardize them first.
    clusterer : scikit-learn clusterer, optional
        With `n_clusters` or `n_components`; k-means with four starts by default. One without a `random_state` gets the
        one below.
    most : int
        The largest number of groups, 2 or more.
    references : int
        How many tables without groups the gap is held against.
    resamples : int
        How many pairs of subsamples stability is the mean of.
    random_state : int
        The same int gives the same table.

    Returns
    -------
    DataFrame, one row a number of groups from 1 to `most`
        `silhouette`, -1 to 1, the higher the better, missing for one group; `gap` and `gap_error`, in logarithms (see
        `gap_choice`); `bic` of a Gaussian mixture with so many components, whatever the clusterer, the lower the
        better; `stability`, as the function of that name, missing for one group.

    Raises
    ------
    ValueError
        There are no more different customers than groups, a value is missing, a column is constant, or a setting is out
        of range.

    Notes
    -----
    The gap's tables are uniform over the box along the principal axes of the customers: DECISIONS.md, "The reference of
    the gap statistic".

    References
    ----------
    Rousseeuw (1987), Silhouettes, Journal of Computational and Applied Mathematics 20, 53-65; Tibshirani, Walther and
    Hastie (2001), Estimating the number of clusters in a data set via the gap statistic, Journal of the Royal
    Statistical Society B 63(2), 411-423.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> features = pd.DataFrame(rng.normal(0, 0.1, (60, 2)) + np.repeat([[0, 0], [1, 0], [0, 1]], 20, axis=0))
    >>> table = number_of_groups(features, most=4, references=10, resamples=5)
    >>> int(table["silhouette"].idxmax()), gap_choice(table), float(table["stability"][3])
    (3, 3, 1.0)
    """
    from sklearn.cluster import KMeans
    from sklearn.metrics import silhouette_score
    from sklearn.mixture import GaussianMixture

    points = _points(features, most)
    if references < 2:
        raise ValueError(f"references must be 2 or more, not {references!r}: the gap's error is their spread")
    clusterer = KMeans(n_init=4) if clusterer is None else clusterer
    rng = np.random.default_rng(random_state)
    empty = [_uniform_like(points, rng) for _ in range(references)]
    rows = {}
    for groups in range(1, most + 1):
        model = _with_groups(clusterer, groups, random_state)
        labels = model.fit_predict(points)
        gaps = np.array([log_within(one, model.fit_predict(one)) for one in empty]) - log_within(points, labels)
        mixture = GaussianMixture(groups, n_init=3, random_state=random_state).fit(points)
        several = groups > 1
        rows[groups] = {
            "silhouette": silhouette_score(points, labels) if several else np.nan,
            "gap": gaps.mean(),
            "gap_error": gaps.std() * np.sqrt(1 + 1 / references),
            "bic": mixture.bic(points),
            "stability": stability(features, model, resamples=resamples, random_state=random_state)
            if several
            else np.nan,
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("groups")


def gap_choice(table: pd.DataFrame) -> int:
    """The number of groups that the gap statistic speaks for.

    Parameters
    ----------
    table : DataFrame, one row a number of groups
        With `gap` and `gap_error`, as `number_of_groups` gives it.

    Returns
    -------
    int
        The smallest number whose gap is no more than one standard error below that of the next; the largest number if
        there is none.

    References
    ----------
    Tibshirani, Walther and Hastie (2001), section 3.

    Examples
    --------
    >>> gap_choice(pd.DataFrame({"gap": [0.1, 0.5, 0.52], "gap_error": [0.03, 0.03, 0.03]}, index=[1, 2, 3]))
    2
    """
    enough = table["gap"] >= (table["gap"] - table["gap_error"]).shift(-1)
    return int(table.index.to_numpy()[enough.to_numpy().argmax() if enough.any() else -1])


def stability(features: pd.DataFrame, clusterer: Any, *, resamples: int = 10, random_state: int = 0) -> float:
    """How far the groups found in one part of the customers are those found in another.

    Parameters
    ----------
    features : DataFrame, one row a customer
    clusterer : scikit-learn clusterer
        With its number of groups set.
    resamples : int
        How many pairs of parts, each of 80% of the customers.
    random_state : int
        The same int gives the same parts.

    Returns
    -------
    float
        The mean adjusted Rand index of two parts, over the customers in both: 1 the same groups, 0 as by chance.

    Raises
    ------
    ValueError
        As `number_of_groups`.

    References
    ----------
    Ben-Hur, Elisseeff and Guyon (2002), A stability based method for discovering structure in clustered data, Pacific
    Symposium on Biocomputing 7, 6-17; Hubert and Arabie (1985), Comparing partitions, Journal of Classification 2,
    193-218.

    Examples
    --------
    >>> from sklearn.cluster import KMeans
    >>> features = pd.DataFrame({"orders": [1, 2, 1, 2, 1, 40, 41, 42, 40, 41]})
    >>> stability(features, KMeans(2, random_state=0), resamples=5)
    1.0
    """
    from sklearn.metrics import adjusted_rand_score

    points = _points(features)
    if resamples < 1:
        raise ValueError(f"resamples must be 1 or more, not {resamples!r}")
    model, rng = _with_groups(clusterer, None, random_state), np.random.default_rng(random_state)
    size = round(SUBSAMPLE * len(points))
    found = []
    for _ in range(resamples):
        parts = [np.sort(rng.choice(len(points), size, replace=False)) for _ in range(2)]
        labels = [pd.Series(model.fit_predict(points[part]), part) for part in parts]
        both = np.intersect1d(parts[0], parts[1])
        found.append(adjusted_rand_score(labels[0][both], labels[1][both]))
    return float(np.mean(found))


def _points(features: pd.DataFrame, most: int = 2) -> np.ndarray:
    """The features as numbers, fit to be grouped into `most` groups."""
    table = pd.DataFrame(features)
    if isinstance(most, bool) or not isinstance(most, int | np.integer) or most < 2:
        raise ValueError(f"most must be a whole number of 2 or more, not {most!r}")
    if bad := [name for name in table if not pd.api.types.is_numeric_dtype(table[name])]:
        raise ValueError(f"{bad[0]} must be numbers, these are {table[bad[0]].dtype}")
    points = table.to_numpy(dtype="float64")
    if not np.isfinite(points).all():
        row, column = np.argwhere(~np.isfinite(points))[0]
        raise ValueError(
            f"{table.columns[column]} is missing or infinite for {table.index[row]}: fill it or leave the customer out"
        )
    different = len(np.unique(points, axis=0))
    if different * SUBSAMPLE <= most:
        raise ValueError(
            f"{different} different customers are too few to look for {most} groups in four fifths of them"
        )
    if constant := [str(name) for name in table if table[name].min() == table[name].max()]:
        raise ValueError(f"{constant[0]} is the same for everybody: it tells nobody apart; leave it out")
    return points


def _with_groups(clusterer: Any, groups: int | None, random_state: int) -> Any:
    """A fresh clusterer with that number of groups, and with a random state if it takes one and has none."""
    from sklearn.base import clone

    settings = clusterer.get_params()
    name = next((name for name in ("n_clusters", "n_components") if name in settings), None)
    if name is None:
        raise ValueError(f"{type(clusterer).__name__} has neither n_clusters nor n_components to be set")
    new = {} if groups is None else {name: groups}
    if "random_state" in settings and settings["random_state"] is None:
        new["random_state"] = random_state
    return clone(clusterer).set_params(**new)


def log_within(points: np.ndarray, labels: np.ndarray) -> float:
    """The logarithm of the summed squares around the means of the groups."""
    parts = (points[labels == label] for label in np.unique(labels))
    return float(np.log(sum(((part - part.mean(axis=0)) ** 2).sum() for part in parts)))


def _uniform_like(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """As many points without groups, uniform over the box along the principal axes of the others."""
    center = points.mean(axis=0)
    axes = np.linalg.svd(points - center, full_matrices=False)[2]
    axes *= np.sign(axes[np.arange(len(axes)), np.abs(axes).round(9).argmax(axis=1)])[:, None]  # one of two directions
    turned = (points - center) @ axes.T
    return rng.uniform(turned.min(axis=0), turned.max(axis=0), turned.shape) @ axes + center
