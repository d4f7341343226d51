"""BG/BB: customers who buy, or do not, on occasions that come round: each year's appeal, each month's box.

While active, a customer buys on each occasion with a chance of its own; before each occasion it may leave, with another
chance of its own. Over customers, chances of buying vary as a beta(alpha, beta), of leaving as a beta(gamma, delta).
"""

from __future__ import annotations

from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import betaln, digamma, logsumexp

from crmlab.data.contracts import Breach, ContractError
from crmlab.lifetime_value.purchase_model import PurchaseModel, Rows
from crmlab.lifetime_value.special import discounted_sum, trigamma


class BetaGeoBetaBinomial(PurchaseModel):
    """The beta-geometric/beta-binomial model of purchases on occasions that come round.

    Its summaries count time in occasions: T is the number of occasions since the first purchase, recency the number of
    the last one with a purchase (0 without any), frequency the occasions with a purchase. All are whole numbers.

    Parameters
    ----------
    unit : {"year", "month", "week", "day"}
        The time from one occasion to the next, and so the unit of the summary and of every time given to the model.

    Attributes
    ----------
    params_ : Series
        alpha and beta: the chances of buying have mean alpha / (alpha + beta), and differ the more the smaller the sum
        is. gamma and delta: likewise for the chances of leaving.
    standard_errors_, covariance_ : Series, DataFrame
        Of these, from the observed information.
    log_likelihood_, aic_, bic_ : float
        Summed over customers, as the papers print it; the criteria of Akaike and of Schwarz, smaller being better.
    n_customers_, n_iter_, gradient_norm_ : int, int, float
        The customers used; the Newton steps taken on all of them; the norm of the last gradient, a customer, in log
        parameters.
    longest_T_ : float
        How many occasions the customer longest known had.

    Notes
    -----
    "Alive at T" is alive on occasion T itself; the next chance to leave comes before occasion T + 1. When a fit is
    refused: DECISIONS.md, "When a model has no fit".

    References
    ----------
    Fader, Hardie and Shang (2010), Customer-base analysis in a discrete-time noncontractual setting, Marketing Science
    29(6), 1086-1108.

    Examples
    --------
    >>> import numpy as np
    >>> truth = BetaGeoBetaBinomial.from_params(alpha=1.2, beta=0.75, gamma=0.66, delta=2.8)
    >>> customers = truth.simulate(np.full(5000, 6), random_state=1)
    >>> BetaGeoBetaBinomial().fit(customers).params_.round(2).to_dict()
    {'alpha': 1.28, 'beta': 0.78, 'gamma': 0.64, 'delta': 2.59}
    """

    _names = ("alpha", "beta", "gamma", "delta")
    _limits = (
        ({"alpha": 1, "beta": 1}, "customers do not differ in their chance of buying"),
        ({"alpha": -1, "beta": -1}, "each customer either buys on every occasion or never does"),
        ({"gamma": 1, "delta": 1}, "customers do not differ in their chance of leaving"),
        ({"gamma": -1, "delta": -1}, "each customer either leaves at once or never does"),
        ({"gamma": -1}, "nobody leaves"),
        ({"delta": 1}, "nobody leaves"),
        ({"gamma": 1}, "everybody leaves at once"),
        ({"delta": -1}, "everybody leaves at once"),
        ({"beta": -1}, "those who have not left buy on every occasion"),
        ({"alpha": 1}, "those who have not left buy on every occasion"),
    )
    _no_limit = "gamma is not above 1, and some customers hardly ever leave"

    def __init__(self, unit: str = "year") -> None:
        self.unit = unit

    @classmethod
    def from_params(cls, *, alpha: float, beta: float, gamma: float, delta: float, unit: str = "year") -> Self:
        """A model with known parameters, such as published ones; it has no covariance.

        Parameters
        ----------
        alpha, beta, gamma, delta : float
            Above 0.
        unit : {"year", "month", "week", "day"}

        Raises
        ------
        ValueError
            A parameter is not a number above 0, or the unit is none.

        Examples
        --------
        >>> model = BetaGeoBetaBinomial.from_params(alpha=1.204, beta=0.75, gamma=0.657, delta=2.783)
        >>> model.expected_purchases(6).round(2)
        np.float64(2.22)
        """
        return cls(unit=unit)._know([alpha, beta, gamma, delta])

    # --- columns ----------------------------------------------------------------------------------------------------

    def _columns(self, checked: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        x, recency, T = super()._columns(checked)
        remedy = f"Count time in occasions: {type(self).__name__} knows purchases on occasions that come round."
        bad = {
            "T": ((T % 1 != 0), "not a whole number of occasions", remedy),
            "recency": ((recency % 1 != 0), "not a whole number of occasions", remedy),
            "frequency": (x > recency, "more purchases than occasions until the last one", remedy),
        }
        breaches = [
            Breach(name, problem, what, tuple((np.flatnonzero(rows) + 1).tolist()), tuple(checked[name][rows][:3]))
            for name, (rows, problem, what) in bad.items()
            if rows.any()
        ]
        if breaches:
            raise ContractError("customer_summary", breaches)
        return x, recency, T

    def _times(self, name: str, t: ArrayLike) -> np.ndarray:
        times = super()._times(name, t)
        if (times % 1).any():
            raise ValueError(f"{name} must be whole occasions; {times[times % 1 > 0].flat[0]} is not")
        return times

    # --- fitting ----------------------------------------------------------------------------------------------------

    def _start(self, rows: Rows) -> np.ndarray:
        return np.array([1.0, 1.0, 0.5, 2.0])

    def _derivatives(self, params: np.ndarray, rows: Rows) -> tuple[float, np.ndarray, np.ndarray]:
        # A customer was active for y occasions, from the last with a purchase on; y = T says that it still is. The
        # likelihood is a sum over y, and its derivatives are means over the y that the customer's history leaves open.
        alpha, beta, gamma, delta = params
        x, n = rows.x, rows.weight
        y, share, log_likelihood = self._past(params, x, rows.recency, rows.T)
        x, left = x[:, None], (y < rows.T[:, None]) * 1.0

        both, ends = digamma(alpha + beta) - digamma(alpha + beta + y), digamma(gamma + delta)
        both2, ends2 = trigamma(alpha + beta) - trigamma(alpha + beta + y), trigamma(gamma + delta)
        after = gamma + delta + left + y
        slope = np.stack(
            [
                digamma(alpha + x) - digamma(alpha) + both,
                digamma(beta + y - x) - digamma(beta) + both,
                digamma(gamma + left) - digamma(gamma) + ends - digamma(after),
                digamma(delta + y) - digamma(delta) + ends - digamma(after),
            ]
        )
        bend = np.zeros((4, 4, *y.shape))
        bend[:2, :2] += both2
        bend[2:, 2:] += ends2 - trigamma(after)
        bend[0, 0] += trigamma(alpha + x) - trigamma(alpha)
        bend[1, 1] += trigamma(beta + y - x) - trigamma(beta)
        bend[2, 2] += trigamma(gamma + left) - trigamma(gamma)
        bend[3, 3] += trigamma(delta + y) - trigamma(delta)

        weighted = share * n[:, None]
        mean = (slope * share).sum(axis=2)
        hessian = (slope * weighted).reshape(4, -1) @ slope.reshape(4, -1).T + (bend * weighted).sum(axis=(2, 3))
        return float(n @ log_likelihood), mean @ n, hessian - (mean * n) @ mean.T

    def _past(
        self, params: np.ndarray, x: np.ndarray, recency: np.ndarray, T: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """How many occasions a customer may have been active, how likely each is, and the customer's log-likelihood."""
        alpha, beta, gamma, delta = params
        longest = int(np.max(T - recency, initial=0))
        y = np.minimum(recency[:, None] + np.arange(longest + 1), T[:, None])
        again = recency[:, None] + np.arange(longest + 1) > T[:, None]  # y = T came before: it counts once
        left, x = y < T[:, None], x[:, None]
        buying = betaln(alpha + x, beta + y - x) - betaln(alpha, beta)
        leaving = betaln(gamma + left, delta + y) - betaln(gamma, delta)
        log = np.where(again, -np.inf, buying + leaving)
        total = logsumexp(log, axis=1)
        return y, np.exp(log - total[:, None]), total

    def _log_odds_left(self, params: np.ndarray, x: np.ndarray, recency: np.ndarray, T: np.ndarray) -> np.ndarray:
        y, share, _ = self._past(params, x, recency, T)
        active = np.where(y == T[:, None], share, 0).sum(axis=1)
        left = np.where(y < T[:, None], share, 0).sum(axis=1)
        with np.errstate(divide="ignore"):
            return np.log(left) - np.log(active)

    # --- prediction -------------------------------------------------------------------------------------------------
    # Given that a customer is active, its chances are again beta: (alpha + x, beta + T - x) and (gamma, delta + T).

    def _before(self, params: np.ndarray) -> float:
        alpha, beta, _, delta = params
        return float(min(alpha + beta, delta))

    def _stay_if_active(self, params: np.ndarray, x: np.ndarray, T: np.ndarray, t: ArrayLike) -> np.ndarray:
        _, _, gamma, delta = params
        return np.exp(betaln(gamma, delta + T + t) - betaln(gamma, delta + T))

    def _purchases_if_active(self, params: np.ndarray, x: np.ndarray, T: np.ndarray, t: ArrayLike) -> np.ndarray:
        return self._sum_if_active(params, x, T, t, 0.0)

    def _discounted_if_active(
        self, params: np.ndarray, x: np.ndarray, T: np.ndarray, horizon: float, delta: float
    ) -> np.ndarray:
        return self._sum_if_active(params, x, T, horizon, delta)

    def _sum_if_active(
        self, params: np.ndarray, x: np.ndarray, T: np.ndarray, t: ArrayLike, force: float
    ) -> np.ndarray:
        """Purchases on the next t occasions, discounted: the chance of buying times the occasions still active."""
        alpha, beta, gamma, delta = params
        until = np.asarray(t, dtype=float)
        active, total = np.ones(np.shape(T)), np.zeros(np.broadcast_shapes(np.shape(T), until.shape))
        for occasion in range(1, int(until.max(initial=0)) + 1):
            active = active * (delta + T + occasion - 1) / (gamma + delta + T + occasion - 1)
            total = total + np.where(occasion <= until, np.exp(-force * occasion) * active, 0)
        return (alpha + x) / (alpha + beta + T) * total

    def _discounted_for_ever(self, params: np.ndarray, x: np.ndarray, T: np.ndarray, delta: float) -> np.ndarray:
        alpha, beta, gamma, d = params
        stay, now = (d + T) / (gamma + d + T), np.exp(-delta)
        return (alpha + x) / (alpha + beta + T) * stay * now * discounted_sum(d + T + 1, gamma + d + T + 1, now)

    def _purchases_for_ever(self, params: np.ndarray, x: np.ndarray, T: np.ndarray) -> np.ndarray | None:
        alpha, beta, gamma, delta = params
        return (alpha + x) / (alpha + beta + T) * (delta + T) / (gamma - 1) if gamma > 1 else None

    def _probability_of_purchases(self, params: np.ndarray, n: np.ndarray, t: np.ndarray) -> np.ndarray:
        alpha, beta, gamma, delta = params
        probability = np.zeros(n.shape)
        for y in range(int(np.max(t, initial=0)) + 1):  # active for y occasions
            # Of y, those with n purchases are as many as ways to choose; 1 / ((y + 1) B(n + 1, y - n + 1)) of them.
            possible, others = (n <= y) & (y <= t), np.maximum(y - n, 0)
            ways = -np.log(y + 1) - betaln(n + 1, others + 1)
            buying = betaln(alpha + n, beta + others) - betaln(alpha, beta)
            leaving = betaln(gamma + (y < t), delta + y) - betaln(gamma, delta)
            probability += np.where(possible, np.exp(ways + buying + leaving), 0)
        return probability

    # --- simulation -------------------------------------------------------------------------------------------------

    def _draw(self, params: np.ndarray, T: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        alpha, beta, gamma, delta = params
        tiny = np.finfo(float).tiny
        buying = np.maximum(rng.beta(alpha, beta, T.shape), tiny)
        leaving = np.maximum(rng.beta(gamma, delta, T.shape), tiny)
        active = np.minimum(rng.geometric(leaving) - 1, T)
        last = active - rng.geometric(buying) + 1  # counted back from the last occasion to the first purchase met
        recency = np.where(last >= 1, last, 0)
        made = rng.binomial(np.maximum(recency - 1, 0).astype(np.int64), buying) + (recency > 0)
        return made, recency.astype(float)
