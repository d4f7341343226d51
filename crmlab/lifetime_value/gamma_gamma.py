"""Gamma-Gamma: what a customer spends a purchase, from the mean of what it has spent.

A customer's purchases vary as a gamma(p, nu) distribution around a mean of its own, p / nu; over customers, nu varies
as a gamma(q, v) distribution. How much is spent is taken to be independent of how often.
"""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import digamma, gammaln

from crmlab.data import check
from crmlab.lifetime_value.arguments import whole_numbers
from crmlab.lifetime_value.climbing import collapse
from crmlab.lifetime_value.fitting import LikelihoodModel
from crmlab.lifetime_value.special import trigamma


class Rows(NamedTuple):
    """The distinct rows of those who bought again, their distinct frequencies, and how many customers have them."""

    x: np.ndarray
    mean: np.ndarray
    weight: np.ndarray
    frequency: np.ndarray
    frequency_weight: np.ndarray
    n_customers: int


class GammaGamma(LikelihoodModel):
    """The Gamma-Gamma model of spend a purchase, fitted to the customers who bought again.

    Attributes
    ----------
    params_ : Series
        p: purchases of one customer vary the less the larger p is. q: customers differ the less the larger q is. v (in
        currency): the scale. The mean spend of all customers is p v / (q - 1); it exists for q > 1.
    standard_errors_, covariance_ : Series, DataFrame
        Of these, from the observed information.
    log_likelihood_, aic_, bic_ : float
        Summed over customers, as the papers print it; the criteria of Akaike and of Schwarz, smaller being better.
    n_customers_, n_iter_, gradient_norm_ : int, int, float
        The customers used, all with frequency above 0; the Newton steps taken on all of them; the norm of the last
        gradient, a customer, in log parameters.

    Notes
    -----
    When a fit is refused: DECISIONS.md, "When a model has no fit".

    References
    ----------
    Fader and Hardie (2013), The Gamma-Gamma model of monetary value, brucehardie.com/notes/025, equation 1a.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> frequency = np.arange(3000) % 6 + 1
    >>> money = GammaGamma.from_params(p=6.25, q=3.74, v=15.44).simulate(frequency, random_state=1)
    >>> table = pd.DataFrame({"customer_id": np.arange(3000), "frequency": frequency, "recency": 20.0, "T": 39.0,
    ...                       "monetary_value": money})
    >>> GammaGamma().fit(table).params_.round(1).to_dict()
    {'p': 6.3, 'q': 3.7, 'v': 15.1}
    """

    _names = ("p", "q", "v")
    _limits = (
        ({"q": 1, "v": 1}, "customers do not differ in their mean spend"),
        ({"p": 1, "v": -1}, "the mean spends do not show how much the purchases of one customer vary"),
        ({"p": 1}, "the mean spends do not show how much the purchases of one customer vary"),
        ({"q": 1}, "customers do not differ in their mean spend"),
        ({"q": -1}, "a few customers spend without comparison more than the others"),
    )

    @classmethod
    def from_params(cls, *, p: float, q: float, v: float) -> Self:
        """A model with known parameters, such as published ones; it has no covariance.

        Parameters
        ----------
        p, q, v : float
            Above 0; v in currency.

        Raises
        ------
        ValueError
            A parameter is not a number above 0.

        Examples
        --------
        >>> GammaGamma.from_params(p=6.25, q=3.74, v=15.44).params_.to_dict()
        {'p': 6.25, 'q': 3.74, 'v': 15.44}
        """
        return cls()._know([p, q, v])

    # --- fitting ----------------------------------------------------------------------------------------------------

    def _checked(self, summary: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Frequency and mean spend of a summary that keeps its contract."""
        return self._columns(check(summary, "customer_summary"))

    def _columns(self, checked: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """The same of a summary that has been held against its contract."""
        if "monetary_value" not in checked:
            raise ValueError(
                "the summary has no column monetary_value, the mean spend a repeat purchase: make the summary from "
                "purchases with their amounts, crmlab.data.summarize(transactions)"
            )
        return checked["frequency"].to_numpy(float), checked["monetary_value"].to_numpy(float)

    def _rows(self, summary: pd.DataFrame, weight: np.ndarray) -> Rows:
        x, mean = self._checked(summary)
        used = (x > 0) & (weight > 0)
        if free := int((mean[used] <= 0).sum()):
            raise ValueError(
                f"{free:,} of {used.sum():,} customers with repeat purchases have monetary_value 0, which the model "
                "rules out: leave these customers out, or leave free orders out before summarizing"
            )
        (x, mean), row = collapse(x[used], mean[used])
        (frequency,), of_frequency = collapse(x)
        summed = np.bincount(row, weight[used])
        return Rows(x, mean, summed, frequency, np.bincount(of_frequency, summed), int(used.sum()))

    def _shortage(self, rows: Rows) -> str | None:
        if not rows.n_customers:
            return "no customer bought again, and the first purchase does not count. Observe longer or add customers."
        if len(rows.x) == 1:
            return (
                "all customers with repeat purchases have the same frequency and monetary_value, so that nothing tells "
                "how spend differs. Add customers."
            )
        return None

    def _start(self, rows: Rows) -> np.ndarray:
        p, q = 2.0, 3.0
        return np.array([p, q, (q - 1) / p * np.exp(rows.weight @ np.log(rows.mean) / rows.weight.sum())])

    def _derivatives(self, params: np.ndarray, rows: Rows) -> tuple[float, np.ndarray, np.ndarray]:
        p, q, v = params
        x, n = rows.frequency, rows.frequency_weight
        value = n @ (gammaln(p * x + q) - gammaln(p * x) - gammaln(q))
        own, other = digamma(p * x + q) - digamma(p * x), digamma(p * x + q) - digamma(q)
        gradient = np.array([n @ (x * own), n @ other, 0])
        bend = trigamma(p * x + q)
        pp, pq, qq = n @ (x**2 * (bend - trigamma(p * x))), n @ (x * bend), n @ (bend - trigamma(q))

        x, mean, n = rows.x, rows.mean, rows.weight
        total = x * mean
        all_in = 1 / (v + total)
        value += n @ (p * x * np.log(total * all_in) - q * np.log1p(total / v) - np.log(mean))
        gradient += [
            n @ (x * np.log(total * all_in)),
            -n @ np.log1p(total / v),
            n @ (q / v - (p * x + q) * all_in),
        ]
        pv, qv, vv = -n @ (x * all_in), n @ (1 / v - all_in), n @ ((p * x + q) * all_in**2 - q / v**2)
        return value, gradient, np.array([[pp, pq, pv], [pq, qq, qv], [pv, qv, vv]])

    # --- simulation -------------------------------------------------------------------------------------------------

    def simulate(self, frequency: ArrayLike, random_state: int | np.random.Generator | None = None) -> np.ndarray:
        """Mean spends drawn from the model.

        Parameters
        ----------
        frequency : array, one entry a customer
            Repeat purchases of each: whole numbers, 0 or more.
        random_state : int, Generator or None
            The same int gives the same spends.

        Returns
        -------
        array, one entry a customer
            monetary_value: the mean spend of these purchases, in currency; 0 without any.

        Raises
        ------
        ValueError
            A frequency is not a whole number of 0 or more, or the model has no parameters yet.

        Examples
        --------
        >>> model = GammaGamma.from_params(p=6.25, q=3.74, v=15.44)
        >>> model.simulate([0, 1, 4], random_state=1).round(2).tolist()
        [0.0, 17.92, 19.08]
        """
        p, q, v = self._known()
        x = whole_numbers("frequency", frequency)
        rng = np.random.default_rng(random_state)
        rate = rng.gamma(q, 1 / v, x.shape)
        return rng.gamma(p * x) / (np.maximum(x, 1) * rate)

    def _simulated_like(self, summary: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
        return summary.assign(monetary_value=self.simulate(self._checked(summary)[0], rng))

    # --- prediction -------------------------------------------------------------------------------------------------

    def mean_spend(self) -> float:
        """The mean spend a purchase of all customers, and so of a new one.

        Returns
        -------
        float
            p v / (q - 1), in currency.

        Raises
        ------
        ValueError
            q <= 1: the mean does not exist.

        Examples
        --------
        >>> round(GammaGamma.from_params(p=6.25, q=3.74, v=15.44).mean_spend(), 2)
        35.22
        """
        return float(self._expected_spend(np.zeros(1), np.zeros(1))[0])

    def expected_spend(self, summary: pd.DataFrame) -> pd.Series:
        """The spend to expect of each customer, a future purchase.

        Parameters
        ----------
        summary : DataFrame, one row a customer
            Contract `customer_summary`, with monetary_value.

        Returns
        -------
        Series, indexed as `summary`
            In currency, a purchase. Without repeat purchases it is the mean of all customers.

        Raises
        ------
        ContractError
            `summary` breaks its contract.
        ValueError
            The mean does not exist: p x + q <= 1 for a customer with x repeat purchases; without any, q <= 1.

        References
        ----------
        Fader and Hardie (2013), equation 5.

        Examples
        --------
        >>> import pandas as pd
        >>> model = GammaGamma.from_params(p=6.25, q=3.74, v=15.44)
        >>> table = pd.DataFrame({"customer_id": ["a", "b"], "frequency": [0, 2], "recency": [0, 30.43],
        ...                       "T": [38.86, 38.86], "monetary_value": [0, 22.35]})
        >>> model.expected_spend(table).round(2).tolist()
        [35.22, 24.66]
        """
        self._known()
        spend = self._expected_spend(*self._checked(summary))
        return pd.Series(spend, index=summary.index, name="expected_spend")

    def _expected_spend(self, x: np.ndarray, mean: np.ndarray) -> np.ndarray:
        p, q, v = self._known()
        below = p * x + q - 1
        if (below <= 0).any():
            raise ValueError(
                f"the mean spend of a customer with {x[below <= 0].min():.0f} repeat purchases does not exist: "
                f"p x + q = {below.min() + 1:.4g} must be above 1. Spends differ so much that no mean settles: look "
                "for a few extreme amounts"
            )
        return (v + x * mean) * p / below
