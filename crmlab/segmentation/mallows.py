"""Groups of customers by what they prefer: a mixture of Mallows's model of rankings."""

from __future__ import annotations

import math
import warnings
from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from crmlab.segmentation.rankings import (
    Orderings,
    Rankings,
    best_order,
    check_items,
    complete_places,
    distinct,
    pair_signs,
)

NEAR = 1e-5  # the gain a customer at which the best of several climbs shows
MOST_THETA = 20.0  # an ordering one step from the center is then 500 million times rarer than the center


class MallowsMixture(BaseEstimator):
    """Groups of customers that scatter around an ordering each, by maximum likelihood.

    In a group, an ordering at Kendall distance d from the center is exp(-theta d) times as likely as the center.

    Parameters
    ----------
    n_components : int
        How many groups.
    n_init : int
        How many starts are drawn. All are climbed until a step gains little (1e-5 a customer), the best to
        the end.
    max_iter : int
        Steps of one climb at most.
    tol : float
        The climb ends when a step gains no more log-likelihood a customer.
    random_state : int, Generator or None
        Of the starts. The same int gives the same groups, whatever the order of rows and (unless two items were placed
        alike by all customers together) columns.

    Attributes
    ----------
    labels_ : array of int, one entry a customer
        The likeliest group of each, 0 the largest.
    centers_ : DataFrame or array, one row a group, one column an item
        The place of each item in the group's center, exactly the best one (`kemeny`).
    theta_ : array, one entry a group
        How close the group is to its center: 0, not at all, to 20, where all rankings are the center's (the maximum
        lies at infinity then).
    weights_ : array, one entry a group
        The shares of the groups among all customers; they sum to 1.
    loglikelihood_ : float
        Summed over the customers.
    n_iter_ : int
        Steps of the climb to the end.
    converged_ : bool
        Whether it ended before `max_iter`; a warning says if it did not.

    References
    ----------
    Mallows (1957), Non-null ranking models, Biometrika 44, 114-130; Fligner and Verducci (1986), Distance based ranking
    models, Journal of the Royal Statistical Society B 48(3), 359-369; Murphy and Martin (2003), Mixtures of distance-
    based models for ranking data, Computational Statistics & Data Analysis 41, 645-655.

    Examples
    --------
    >>> rankings = pd.DataFrame([[1, 2, 3], [1, 2, 3], [3, 2, 1], [1, 3, 2], [3, 1, 2]], columns=list("abc"))
    >>> model = MallowsMixture(2, random_state=1).fit(rankings)
    >>> model.labels_.tolist()
    [0, 0, 1, 0, 1]
    """

    def __init__(
        self,
        n_components: int = 2,
        *,
        n_init: int = 10,
        max_iter: int = 2000,
        tol: float = 1e-8,
        random_state: int | np.random.Generator | None = None,
    ) -> None:
        self.n_components = n_components
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state

    def fit(self, rankings: Rankings, y: None = None) -> Self:
        """Find the groups under which the rankings are most likely.

        Parameters
        ----------
        rankings : DataFrame or array, one row a customer, one column an item
            Complete, without equals; 8 items at most.
        y : None
            Not used.

        Returns
        -------
        MallowsMixture
            Itself.

        Raises
        ------
        ValueError
            A ranking has equals or gaps, there are too many items, fewer different orderings than groups, or a setting
            is out of range.
        """
        for name in ("n_components", "n_init", "max_iter"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
                raise ValueError(f"{name} must be a whole number of 1 or more, not {value!r}")
        orderings = distinct(complete_places(rankings))
        check_items(orderings.table.shape[1])
        if self.n_components > len(orderings.weight):
            raise ValueError(
                f"{self.n_components} groups cannot be told apart: there are only {len(orderings.weight)} different "
                "orderings. Choose fewer, n_components"
            )
        signs, rng = pair_signs(orderings.table), np.random.default_rng(self.random_state)
        starts = [_start(signs, orderings, self.n_components, rng) for _ in range(self.n_init)]
        near = [_climb(start, signs, orderings, self.max_iter, max(NEAR, self.tol))[0] for start in starts]
        best = max(near, key=lambda one: round(one.loglikelihood / len(rankings), 9))
        end, self.n_iter_, self.converged_ = _climb(
            best._replace(loglikelihood=-np.inf), signs, orderings, self.max_iter, self.tol
        )
        if not self.converged_:
            warnings.warn(
                f"the likelihood still rises after {self.max_iter} steps: choose a larger max_iter, or fewer groups",
                ConvergenceWarning,
                stacklevel=2,
            )
        order = np.lexsort([*end.centers.T[::-1], -end.weights.round(9)])
        self.weights_, self.theta_ = end.weights[order], end.theta[order]
        centers = np.empty_like(end.centers)
        centers[:, orderings.items] = end.centers[order]
        self.items_ = rankings.columns if isinstance(rankings, pd.DataFrame) else None
        self.centers_ = centers if self.items_ is None else pd.DataFrame(centers, columns=self.items_)
        self.labels_ = self.predict(rankings)
        self.loglikelihood_ = float(self._log_joint(rankings)[1].sum())
        return self

    def predict_proba(self, rankings: Rankings) -> np.ndarray:
        """How likely each customer is of each group.

        Parameters
        ----------
        rankings : DataFrame or array, one row a customer, one column an item
            The items of `fit`, in the same order.

        Returns
        -------
        array, one row a customer, one column a group
            Each row sums to 1.

        Raises
        ------
        ValueError
            As `fit`, or the items are others.
        """
        joint, total = self._log_joint(rankings)
        return np.exp(joint - total[:, None])

    def predict(self, rankings: Rankings) -> np.ndarray:
        """The likeliest group of each customer; of equals the larger. As `predict_proba`."""
        return self.predict_proba(rankings).round(9).argmax(axis=1)

    def bic(self, rankings: Rankings) -> float:
        """The Bayesian information criterion: the lower, the better this number of groups.

        Parameters
        ----------
        rankings : DataFrame or array, one row a customer, one column an item
            Mostly those of `fit`.

        Returns
        -------
        float

        Raises
        ------
        ValueError
            As `predict_proba`.

        Notes
        -----
        A group counts as three parameters, its center, theta and share, all shares together as one fewer:
        DECISIONS.md, "Parameters of a mixture of rankings". A single customer can be a group of its own, its center at
        no distance and theta at its largest, and lower the criterion so: look at the sizes of the groups, too.
        """
        total = self._log_joint(rankings)[1]
        return float((3 * self.n_components - 1) * np.log(len(total)) - 2 * total.sum())

    def _log_joint(self, rankings: Rankings) -> tuple[np.ndarray, np.ndarray]:
        """Log probability of each ranking and each group together, and of each ranking."""
        check_is_fitted(self)
        table = complete_places(rankings)
        columns = rankings.columns if isinstance(rankings, pd.DataFrame) else None
        same = columns is None or self.items_ is None or columns.equals(self.items_)
        if not same or table.shape[1] != self.centers_.shape[1]:
            raise ValueError(
                f"the items must be those of fit, in the same order: {_names(self.items_, self.centers_)}; these are "
                f"{_names(columns, table)}"
            )
        fitted = Mixture(np.asarray(self.centers_), self.theta_, self.weights_, np.nan)
        return _log_joint(pair_signs(table), fitted)


def draw_rankings(
    center: Any, theta: float, size: int, *, random_state: int | np.random.Generator | None = None
) -> np.ndarray:
    """Rankings that scatter around one ordering, as Mallows's model has it.

    Parameters
    ----------
    center : array of numbers
        Places of the items, without equals.
    theta : float, 0 and above
        How close they are: a ranking at Kendall distance d from the center is exp(-theta d) times as likely as the
        center. With 0 all orderings are equally likely.
    size : int
        How many.
    random_state : int, Generator or None
        The same int gives the same rankings.

    Returns
    -------
    array of int, one row a ranking, one column an item
        Places from 1.

    Raises
    ------
    ValueError
        `center` has equals or gaps, or `theta` is negative or not finite.

    References
    ----------
    Mallows (1957), Non-null ranking models, Biometrika 44, 114-130; drawn by repeated insertion: Doignon, Pekec and
    Regenwetter (2004), The repeated insertion model for rankings, Psychometrika 69(1), 33-54.

    Examples
    --------
    >>> draw_rankings([2, 1, 3], 20.0, 2, random_state=1).tolist()
    [[2, 1, 3], [2, 1, 3]]
    """
    given = complete_places(np.asarray(center, dtype="float64")[None])[0].astype("int64")
    if not 0 <= theta < np.inf:
        raise ValueError(f"theta must be 0 or more and finite, not {theta!r}")
    rng = np.random.default_rng(random_state)
    drawn = np.ones((size, len(given)), dtype="int64")
    for number in range(1, len(given)):
        # The next item comes last among those before it, or `passed` places earlier.
        chance = np.exp(-theta * np.arange(number + 1))
        upto = np.round(np.cumsum(chance) / chance.sum(), 12)  # the same draw on any processor
        passed = np.searchsorted(upto[:-1], rng.random(size), side="right")
        place = number + 1 - passed
        drawn[:, :number] += drawn[:, :number] >= place[:, None]
        drawn[:, number] = place
    return drawn[:, given - 1]


class Mixture(NamedTuple):
    """A state of the climb: places, theta and share of each group, and the log-likelihood that led to it."""

    centers: np.ndarray
    theta: np.ndarray
    weights: np.ndarray
    loglikelihood: float


def _names(columns: Any, table: Any) -> str:
    return f"{table.shape[1]} without names" if columns is None else ", ".join(map(str, columns))


def _log_joint(signs: np.ndarray, mixture: Mixture) -> tuple[np.ndarray, np.ndarray]:
    distance = (signs.shape[1] - signs @ pair_signs(mixture.centers).T) / 2
    joint = np.log(mixture.weights) - log_constant(mixture.theta, mixture.centers.shape[1]) - mixture.theta * distance
    most = joint.max(axis=1)
    return joint, most + np.log(np.exp(joint - most[:, None]).sum(axis=1))


def log_constant(theta: np.ndarray, items: int) -> np.ndarray:
    """The logarithm of what exp(-theta d) sums to over all orderings, one entry a theta.

    The distance is a sum of independent numbers, the j-th from 0 to j - 1: Fligner and Verducci (1986).
    """
    return np.log(np.cumsum(np.exp(-np.outer(theta, np.arange(items))), axis=1)).sum(axis=1)


def expected_distance(theta: float, items: int) -> float:
    """The mean Kendall distance from the center, summed from those independent numbers."""
    total = weighted = mean = 0.0
    for number in range(items):
        chance = math.exp(-theta * number)
        total, weighted = total + chance, weighted + number * chance
        mean += weighted / total
    return mean


def _theta(distance: float, items: int) -> float:
    """The theta under which that is the mean distance."""
    from scipy.optimize import brentq

    if distance >= items * (items - 1) / 4:
        return 0.0
    if distance <= expected_distance(MOST_THETA, items):
        return MOST_THETA
    return float(brentq(lambda theta: expected_distance(theta, items) - distance, 0, MOST_THETA, xtol=1e-12))


def _start(signs: np.ndarray, orderings: Orderings, groups: int, rng: np.random.Generator) -> Mixture:
    """Centers drawn among the orderings, far from each other rather than near (as k-means++)."""
    chance, chosen = orderings.weight / orderings.weight.sum(), []
    nearest = np.full(len(signs), np.inf)
    for _ in range(groups):
        chosen.append(int(np.searchsorted(np.cumsum(chance).round(12), rng.random(), side="right")))
        nearest = np.minimum(nearest, (signs.shape[1] - signs @ signs[chosen[-1]]) / 2)
        far = orderings.weight * nearest**2
        chance = far / far.sum() if far.any() else chance
    mean = float(orderings.weight @ nearest / orderings.weight.sum())
    theta = min(_theta(mean, orderings.table.shape[1]), 2.0)  # wide, so that no group is shut out
    return Mixture(
        orderings.table[chosen].astype("int64"), np.full(groups, theta), np.full(groups, 1 / groups), -np.inf
    )


def _climb(
    mixture: Mixture, signs: np.ndarray, orderings: Orderings, max_iter: int, tol: float
) -> tuple[Mixture, int, bool]:
    """The mixture at the end of expectation and maximization by turns, the steps, and whether it is the end."""
    for step in range(1, max_iter + 1):
        joint, total = _log_joint(signs, mixture)
        reached = float(orderings.weight @ total)
        if reached - mixture.loglikelihood <= tol * orderings.weight.sum():
            return mixture._replace(loglikelihood=reached), step, True
        share = np.exp(joint - total[:, None]) * orderings.weight[:, None]
        mixture = _best(share, signs, mixture)._replace(loglikelihood=reached)
    return mixture, max_iter, False


def _best(share: np.ndarray, signs: np.ndarray, before: Mixture) -> Mixture:
    """Centers, theta and weights under which rankings that belong to the groups by shares are most likely."""
    size, items = share.sum(axis=0), before.centers.shape[1]
    centers, theta = before.centers.copy(), before.theta.copy()
    sums = share.T @ signs
    for group in np.flatnonzero(size > 0):
        pairs = sums[group] / size[group]
        centers[group] = best_order(pairs, items)
        distance = (signs.shape[1] - pairs @ pair_signs(centers[group][None])[0]) / 2
        theta[group] = _theta(float(distance), items)
    return Mixture(centers, theta, np.maximum(size / size.sum(), 1e-300), np.nan)
