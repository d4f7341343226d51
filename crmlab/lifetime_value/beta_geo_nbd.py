"""BG/NBD and MBG/NBD: how often customers buy, and whether they still do, where nobody gives notice.

While active, a customer buys at random times, at a rate of its own; after each repeat purchase it may leave, with a
chance of its own (under MBG/NBD after its first purchase, too). Over customers, rates vary as a gamma(r, alpha)
distribution, chances as a beta(a, b) distribution.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaln, digamma, expit, gammaln, hyp2f1, log_expit

from crmlab.lifetime_value.purchase_model import PurchaseModel, Rows, negative_binomial
from crmlab.lifetime_value.special import GAP, blocks, bridge, trigamma

BLOCK = 16384  # rows at a time: small enough for the processor's cache


class BetaGeoNBD(PurchaseModel):
    """The beta-geometric/NBD model of repeat purchases.

    Parameters
    ----------
    unit : {"week", "day", "month", "year"}
        The unit of time of the summary, and so of alpha and of every time given to the model.

    Attributes
    ----------
    params_ : Series
        r and alpha (in `unit`): customers' purchase rates have mean r / alpha, and differ the more the smaller r is.
        a and b: the chances of leaving after a repeat purchase have mean a / (a + b), and differ the more the smaller
        a + b is.
    standard_errors_, covariance_ : Series, DataFrame
        Of these, from the observed information.
    log_likelihood_, aic_, bic_ : float
        Summed over customers, as the papers print it; the criteria of Akaike and of Schwarz, smaller being better.
    n_customers_, n_iter_, gradient_norm_ : int, int, float
        The customers used; the Newton steps taken on all of them; the norm of the last gradient, a customer, in log
        parameters.
    longest_T_ : float
        How long the customer longest known was observed, in `unit`.

    Notes
    -----
    A customer without a repeat purchase had no occasion to leave: the model holds it alive for sure. When a fit is
    refused: DECISIONS.md, "When a model has no fit".

    References
    ----------
    Fader, Hardie and Lee (2005), "Counting your customers" the easy way: an alternative to the Pareto/NBD model,
    Marketing Science 24(2), 275-284.

    Examples
    --------
    >>> import numpy as np
    >>> truth = BetaGeoNBD.from_params(r=0.5, alpha=5, a=0.8, b=2.4)
    >>> customers = truth.simulate(np.full(5000, 52.0), random_state=1)
    >>> BetaGeoNBD().fit(customers).params_.round(2).to_dict()
    {'r': 0.48, 'alpha': 4.75, 'a': 0.76, 'b': 2.2}
    """

    _names = ("r", "alpha", "a", "b")
    _limits = (
        ({"r": 1, "alpha": 1}, "customers do not differ in their purchase rate"),
        ({"a": 1, "b": 1}, "customers do not differ in their chance of leaving"),
        ({"a": -1, "b": -1}, "each customer either leaves at the first chance or never does"),
        ({"a": -1, "b": 1}, "nobody leaves"),
        ({"a": -1}, "nobody leaves"),
        ({"b": 1}, "nobody leaves"),
        ({"a": 1, "b": -1}, "everybody leaves after the first repeat purchase"),
        ({"a": 1}, "everybody leaves after the first repeat purchase"),
        ({"b": -1}, "everybody leaves after the first repeat purchase"),
        ({"r": -1}, "a few customers make all the purchases"),
    )
    _no_limit = "a is not above 1, and some customers hardly ever leave"
    _chances_at_start: ClassVar[int] = 0  # occasions to leave that a customer has before it can come back

    @classmethod
    def from_params(cls, *, r: float, alpha: float, a: float, b: float, unit: str = "week") -> Self:
        """A model with known parameters, such as published ones; it has no covariance.

        Parameters
        ----------
        r, alpha, a, b : float
            Above 0; alpha in `unit`.
        unit : {"week", "day", "month", "year"}

        Raises
        ------
        ValueError
            A parameter is not a number above 0, or the unit is none.

        Examples
        --------
        >>> BetaGeoNBD.from_params(r=0.243, alpha=4.414, a=0.793, b=2.426).params_.to_dict()
        {'r': 0.243, 'alpha': 4.414, 'a': 0.793, 'b': 2.426}
        """
        return cls(unit=unit)._know([r, alpha, a, b])

    # --- fitting ----------------------------------------------------------------------------------------------------

    def _start(self, rows: Rows) -> np.ndarray:
        r, repeats = 0.5, rows.weight @ rows.x
        return np.array([r, r * (rows.weight @ rows.T) / repeats, 1.0, 1 + repeats / rows.weight.sum()])

    def _derivatives(self, params: np.ndarray, rows: Rows) -> tuple[float, np.ndarray, np.ndarray]:
        # The likelihood of a customer has three factors: of its frequency alone (on the distinct ones); of the time
        # until T, were it still active; and 1 plus the odds that it left at its last purchase.
        r, _, a, b = params
        value, gradient, hessian = 0.0, np.zeros(4), np.zeros((4, 4))

        x, n = rows.frequency, rows.frequency_weight
        passed = x + self._chances_at_start
        value += n @ (gammaln(r + x) - gammaln(r) + betaln(a, b + passed) - betaln(a, b))
        a_slope = digamma(a + b) - digamma(a + b + passed)
        gradient += [
            n @ (digamma(r + x) - digamma(r)),
            0,
            n @ a_slope,
            n @ (a_slope + digamma(b + passed) - digamma(b)),
        ]
        a_bend = n @ (trigamma(a + b) - trigamma(a + b + passed))
        hessian[0, 0] += n @ (trigamma(r + x) - trigamma(r))
        hessian[2:, 2:] += a_bend
        hessian[3, 3] += n @ (trigamma(b + passed) - trigamma(b))

        for block in blocks(len(rows.x), BLOCK):
            some = self._row_derivatives(params, *(column[block] for column in rows[:4]))
            value, gradient, hessian = value + some[0], gradient + some[1], hessian + some[2]
        hessian[1, 0] = hessian[0, 1]
        return value, gradient, hessian

    def _row_derivatives(
        self, params: np.ndarray, x: np.ndarray, recency: np.ndarray, T: np.ndarray, n: np.ndarray
    ) -> tuple[float, np.ndarray, np.ndarray]:
        """Of the factors with recency or T, summed over customers; of the Hessian in r and alpha the upper part."""
        r, alpha, a, _ = params
        slope, since = self._log_odds_slopes(params, x, recency, T), np.log1p(T / alpha)
        until_T, until_last, per_chance = 1 / (alpha + T), 1 / (alpha + recency), slope[3]
        odds = self._log_odds(params, x, slope[0])
        left, alive = expit(odds) * n, expit(-odds)

        value = n @ (np.logaddexp(0, odds) - (r + x) * since - x * np.log(alpha))
        gradient = slope @ left
        gradient[0] -= n @ since
        gradient[1] += n @ (r / alpha - (r + x) * until_T)
        hessian = (slope * (left * alive)) @ slope.T
        hessian[0, 1] += n @ (1 / alpha - until_T) + left @ (until_T - until_last)
        hessian[1, 1] += n @ ((r + x) * until_T**2 - r / alpha**2) - left @ ((r + x) * (until_T**2 - until_last**2))
        hessian[2, 2] -= left.sum() / a**2
        hessian[3, 3] += left @ per_chance**2
        return float(value), gradient, hessian

    def _log_odds_left(self, params: np.ndarray, x: np.ndarray, recency: np.ndarray, T: np.ndarray) -> np.ndarray:
        return self._log_odds(params, x, np.log1p((T - recency) / (params[1] + recency)))

    def _log_odds(self, params: np.ndarray, x: np.ndarray, silent: np.ndarray) -> np.ndarray:
        """Log odds of having left; `silent` is the logarithm of (alpha + T) / (alpha + recency)."""
        r, _, a, b = params
        passed = x + self._chances_at_start
        odds = np.log(a) - np.log(b + np.maximum(passed, 1) - 1) + (r + x) * silent
        return np.where(passed > 0, odds, -np.inf)

    def _log_odds_slopes(self, params: np.ndarray, x: np.ndarray, recency: np.ndarray, T: np.ndarray) -> np.ndarray:
        r, alpha, a, b = params
        return np.stack(
            [
                np.log1p((T - recency) / (alpha + recency)),
                (r + x) * (1 / (alpha + T) - 1 / (alpha + recency)),
                np.full_like(x, 1 / a),
                -1 / (b + np.maximum(x + self._chances_at_start, 1) - 1),
            ]
        )

    def _alive_slopes(self, x: np.ndarray, recency: np.ndarray, T: np.ndarray) -> np.ndarray:
        params = self._known()
        odds, slopes = self._log_odds_left(params, x, recency, T), self._log_odds_slopes(params, x, recency, T)
        return -params[:, None] * slopes * (expit(odds) * expit(-odds))

    # --- prediction -------------------------------------------------------------------------------------------------
    # Given that a customer is active, its rate is again gamma, now (r + x, alpha + T), and its chance again beta, now
    # (a, b + the occasions that it passed).

    def _before(self, params: np.ndarray) -> float:
        return float(params[1])

    def _purchases_if_active(self, params: np.ndarray, x: np.ndarray, T: np.ndarray, t: ArrayLike) -> np.ndarray:
        r, alpha, a, b = params
        return purchases_of_the_active(r + x, alpha + T, a, b + x + self._chances_at_start, t)

    def _stay_if_active(self, params: np.ndarray, x: np.ndarray, T: np.ndarray, t: ArrayLike) -> np.ndarray:
        r, alpha, a, b = params
        r, alpha, b = r + x, alpha + T, b + x + self._chances_at_start

        def given(p: np.ndarray, r: np.ndarray, alpha: np.ndarray, t: np.ndarray) -> np.ndarray:
            return np.exp(-r * np.log1p(p * t / alpha))

        return _mended(_stay(r, alpha, a, b, np.asarray(t, dtype=float)), given, a, b, r, alpha, np.asarray(t))

    def _purchases_for_ever(self, params: np.ndarray, x: np.ndarray, T: np.ndarray) -> np.ndarray | None:
        _, _, a, b = params
        return (a + b + x + self._chances_at_start - 1) / (a - 1) if a > 1 else None

    def _probability_of_purchases(self, params: np.ndarray, n: np.ndarray, t: np.ndarray) -> np.ndarray:
        r, alpha, a, b = params
        just, or_more = negative_binomial(r, t / (alpha + t), n)
        passed = n + self._chances_at_start
        stays = np.exp(betaln(a, b + passed) - betaln(a, b))
        leaves = np.where(passed > 0, stays * a / (b + np.maximum(passed, 1) - 1), 0)
        return stays * just + leaves * or_more

    def _draw(self, params: np.ndarray, T: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        r, alpha, a, b = params
        wished = rng.poisson(rng.gamma(r, 1 / alpha, T.shape) * T)  # purchases of one who never leaves
        chance = np.maximum(rng.beta(a, b, T.shape), np.finfo(float).tiny)
        made = np.minimum(wished, rng.geometric(chance) - self._chances_at_start)
        # The times of m purchases are m uniform draws in order, and the k-th of these is beta(k, m - k + 1).
        share = rng.beta(np.maximum(made, 1), wished - made + 1)
        return made, np.where(made > 0, T * share, 0.0)


class ModifiedBetaGeoNBD(BetaGeoNBD):
    """The modified beta-geometric/NBD model: as BetaGeoNBD, but a customer may leave right after its first purchase.

    So a customer without a repeat purchase may have left, too: the longer it is silent, the likelier. Parameters,
    attributes and methods are those of BetaGeoNBD.

    References
    ----------
    Batislam, Denizel and Filiztekin (2007), Empirical validation and comparison of models for customer base analysis,
    International Journal of Research in Marketing 24(3), 201-209.

    Examples
    --------
    >>> import pandas as pd
    >>> model = ModifiedBetaGeoNBD.from_params(r=0.525, alpha=6.183, a=0.891, b=1.614)
    >>> customer = pd.DataFrame({"customer_id": ["a"], "frequency": [0], "recency": [0.0], "T": [38.86]})
    >>> model.probability_alive(customer).round(2).tolist()
    [0.39]
    """

    _limits = (
        *BetaGeoNBD._limits[:6],
        ({"a": 1, "b": -1}, "everybody leaves after the first purchase"),
        ({"a": 1}, "everybody leaves after the first purchase"),
        ({"b": -1}, "everybody leaves after the first purchase"),
        BetaGeoNBD._limits[-1],
    )
    _chances_at_start = 1


def purchases_of_the_active(r: ArrayLike, alpha: ArrayLike, a: float, b: ArrayLike, t: ArrayLike) -> np.ndarray:
    """Purchases to expect within t of customers who are active at its start: rates gamma(r, alpha), chances beta(a, b).

    Equation 9 of Fader, Hardie and Lee (2005), led around the places where it or its arithmetic breaks: DECISIONS.md,
    "Expected purchases".
    """
    r, alpha, b, t = (np.asarray(v, dtype=float) for v in (r, alpha, b, t))
    if np.any(a + b < 1.5):
        # At a + b = 1 the equation divides by 0. Instead, the mean over the outcomes of one occasion to leave: taken,
        # it adds 1 to a; passed, 1 to b.
        taken, passed = purchases_of_the_active(r, alpha, a + 1, b, t), purchases_of_the_active(r, alpha, a, b + 1, t)
        return (a * taken + b * passed) / (a + b)

    def equation_9(a: float) -> np.ndarray:
        with np.errstate(over="ignore", invalid="ignore"):
            return (a + b - 1) / (a - 1) * (1 - _stay(r, alpha, a - 1, b, t))

    purchases = equation_9(a) if abs(a - 1) >= GAP else bridge(lambda h: equation_9(1 + h), a - 1)  # at a = 1: 0 / 0

    def given(p: np.ndarray, r: np.ndarray, alpha: np.ndarray, t: np.ndarray) -> np.ndarray:
        return -np.expm1(-r * np.log1p(p * t / alpha)) / p

    return _mended(purchases, given, a, b, r, alpha, t)


def _stay(r: np.ndarray, alpha: np.ndarray, a: float, b: np.ndarray, t: np.ndarray) -> np.ndarray:
    """The probability of still being active after t: the mean of (1 + p t / alpha)^-r over beta(a, b), as a function
    of a from -1 on, where it is one no longer.

    Where r and a differ by nearly a whole number, scipy's 2F1 is wrong, or not a number, for arguments above 0.9.
    """
    z = t / (alpha + t)

    def mean(r: np.ndarray) -> np.ndarray:
        # (1 - z)^r 2F1(r, b; c; z) is (1 - z)^a 2F1(c - r, a; c; z) by Euler's transformation (Abramowitz and Stegun,
        # 15.3.3). The form with the smaller exponent does not overflow.
        c, printed = a + b, r < a
        series = hyp2f1(np.where(printed, r, c - r), np.where(printed, b, a), c, z)
        with np.errstate(over="ignore", invalid="ignore"):
            return (1 - z) ** np.minimum(r, a) * series

    off = np.rint(a - r) - (a - r)
    near = (np.abs(off) < GAP) & (t > 8 * alpha)
    stay = mean(r)
    return np.where(near, bridge(lambda h: mean(r - off + h), off), stay) if near.any() else stay


def _mended(
    values: np.ndarray, given: Callable[..., np.ndarray], a: float, b: np.ndarray, *columns: np.ndarray
) -> np.ndarray:
    """Values, and where they are not numbers, the mean of what is given a chance p, over beta(a, b), by quadrature.

    By the trapezoidal rule in the log odds of p; what is given at the ends is taken off before, so that it fades there.
    """
    bad = ~np.isfinite(values)
    if not bad.any():
        return values
    b, *at = (np.broadcast_to(column, values.shape)[bad][:, None] for column in (b, *columns))
    tiny, steps = 1e-300, 400
    spread = 10 * np.sqrt(1 / (a + 1) + 1 / (b + 1))
    middle = np.log((a + 1) / (b + 1))
    low, high = middle - np.maximum(38 / (a + 1), spread), middle + np.maximum(38 / (b + 1), spread)
    step = (high - low) / steps
    odds = low + step * np.arange(steps + 1)
    p, none, all_ = expit(odds), given(np.full_like(b, tiny), *at), given(np.ones_like(b), *at)
    density = np.exp(a * log_expit(odds) + b * log_expit(-odds) - betaln(a, b))
    rest = (density * (given(p, *at) - none - (all_ - none) * p)).sum(axis=1, keepdims=True) * step
    mended = np.array(values, dtype=float)
    mended[bad] = (none + (all_ - none) * a / (a + b) + rest)[:, 0]
    return mended
