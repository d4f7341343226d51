"""BG/NBD: how often customers buy, and whether they still do, where nobody gives notice.

While active, a customer buys at random times, at a rate of its own; after each repeat purchase it may leave, with a
chance of its own. Over customers, rates vary as a gamma(r, alpha) distribution, chances as a beta(a, b) distribution.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import betaln, digamma, expit, gammaln, hyp2f1

from crmlab.data import check
from crmlab.data.transactions import DAYS
from crmlab.lifetime_value.fitting import LikelihoodModel, collapse, trigamma

GAP = 1e-3  # how near to a point where a formula breaks it is not used


class Rows(NamedTuple):
    """The distinct rows of a summary, its distinct frequencies, and how many customers have them."""

    x: np.ndarray
    recency: np.ndarray
    T: np.ndarray
    weight: np.ndarray
    frequency: np.ndarray
    frequency_weight: np.ndarray
    n_customers: int


class BetaGeoNBD(LikelihoodModel):
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
    log_likelihood_ : float
        Summed over customers, as the papers print it.
    n_customers_, n_iter_, gradient_norm_ : int, int, float
        The customers used; the Newton steps taken; the norm of the last gradient, a customer, in log parameters.

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

    def __init__(self, unit: str = "week") -> None:
        self.unit = unit

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
        model = cls(unit=unit)
        model._check_unit(None)
        return model._know([r, alpha, a, b])

    def _know(self, params: ArrayLike) -> Self:
        self._unit_of_params = self.unit
        return super()._know(params)

    def _known(self) -> np.ndarray:
        params = super()._known()
        if self._unit_of_params != self.unit:
            raise ValueError(f"the parameters are by the {self._unit_of_params}: fit the model anew for {self.unit!r}")
        return params

    # --- fitting ----------------------------------------------------------------------------------------------------

    def _check_unit(self, summary: pd.DataFrame | None) -> None:
        if self.unit not in DAYS:
            raise ValueError(f"unit must be one of {', '.join(DAYS)}, not {self.unit!r}")
        theirs = self.unit if summary is None else summary.attrs.get("unit", self.unit)
        if theirs != self.unit:
            raise ValueError(
                f"the summary counts time by the {theirs}, the model by the {self.unit}: "
                f"make the summary with unit={self.unit!r}, or the model BetaGeoNBD(unit={theirs!r})"
            )

    def _checked(self, summary: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Frequency, recency and T of a summary that keeps its contract."""
        checked = check(summary, "customer_summary")
        self._check_unit(summary)
        x, recency, T = (checked[name].to_numpy(float) for name in ("frequency", "recency", "T"))
        return x, recency, T

    def _rows(self, summary: pd.DataFrame, weight: np.ndarray) -> Rows:
        used = weight > 0
        (x, recency, T), row = collapse(*(column[used] for column in self._checked(summary)))
        (frequency,), of_frequency = collapse(x)
        summed = np.bincount(row, weight[used])
        return Rows(x, recency, T, summed, frequency, np.bincount(of_frequency, summed), int(used.sum()))

    def _shortage(self, rows: Rows) -> str | None:
        if not rows.x.any():
            return (
                "no customer bought again, so that the purchase rate cannot be told. Observe longer or add customers."
                if rows.n_customers
                else "the summary has no customers."
            )
        if len(rows.x) == 1:
            return (
                "all customers have the same frequency, recency and T, so that nothing tells how customers differ. "
                "Add customers."
            )
        return None

    def _start(self, rows: Rows) -> np.ndarray:
        r, repeats = 0.5, rows.weight @ rows.x
        return np.array([r, r * (rows.weight @ rows.T) / repeats, 1.0, 1 + repeats / rows.weight.sum()])

    def _derivatives(self, params: np.ndarray, rows: Rows) -> tuple[float, np.ndarray, np.ndarray]:
        # The likelihood of a customer has three factors: of its frequency alone (on the distinct ones); of the time
        # until T, were it still active; and 1 plus the odds that it left at its last purchase.
        r, alpha, a, b = params
        value, gradient, hessian = 0.0, np.zeros(4), np.zeros((4, 4))

        x, n = rows.frequency, rows.frequency_weight
        value += n @ (gammaln(r + x) - gammaln(r) + betaln(a, b + x) - betaln(a, b))
        a_slope = digamma(a + b) - digamma(a + b + x)
        gradient += [
            n @ (digamma(r + x) - digamma(r)),
            0,
            n @ a_slope,
            n @ (a_slope + digamma(b + x) - digamma(b)),
        ]
        a_bend = n @ (trigamma(a + b) - trigamma(a + b + x))
        hessian[0, 0] += n @ (trigamma(r + x) - trigamma(r))
        hessian[2:, 2:] += a_bend
        hessian[3, 3] += n @ (trigamma(b + x) - trigamma(b))

        x, recency, T, n = rows.x, rows.recency, rows.T, rows.weight
        until_T, until_last = 1 / (alpha + T), 1 / (alpha + recency)
        value -= n @ (r * np.log1p(T / alpha) + x * np.log(alpha + T))
        gradient[0] -= n @ np.log1p(T / alpha)
        gradient[1] += n @ (r / alpha - (r + x) * until_T)
        hessian[0, 1] += n @ (1 / alpha - until_T)
        hessian[1, 1] += n @ ((r + x) * until_T**2 - r / alpha**2)

        odds = self._log_odds_left(params, x, recency, T)
        left = expit(odds) * n
        chances = b + np.maximum(x, 1) - 1
        slope = np.stack(
            [
                np.log1p((T - recency) * until_last),
                (r + x) * (until_T - until_last),
                np.full_like(x, 1 / a),
                -1 / chances,
            ]
        )
        value += n @ np.logaddexp(0, odds)
        gradient += slope @ left
        hessian += (slope * (left * expit(-odds))) @ slope.T
        hessian[0, 1] += left @ (until_T - until_last)
        hessian[1, 1] -= left @ ((r + x) * (until_T**2 - until_last**2))
        hessian[2, 2] -= left.sum() / a**2
        hessian[3, 3] += left @ chances**-2.0

        hessian[1, 0] = hessian[0, 1]
        return value, gradient, hessian

    @staticmethod
    def _log_odds_left(params: np.ndarray, x: np.ndarray, recency: np.ndarray, T: np.ndarray) -> np.ndarray:
        """Log odds of having left at the last repeat purchase; minus infinity without any."""
        r, alpha, a, b = params
        silent = np.log1p((T - recency) / (alpha + recency))
        return np.where(x > 0, np.log(a) - np.log(b + np.maximum(x, 1) - 1) + (r + x) * silent, -np.inf)

    # --- simulation -------------------------------------------------------------------------------------------------

    def simulate(self, T: ArrayLike, random_state: int | np.random.Generator | None = None) -> pd.DataFrame:
        """Customers drawn from the model.

        Parameters
        ----------
        T : array, one entry a customer
            How long each is observed from its first purchase on, in `unit`; 0 or more.
        random_state : int, Generator or None
            The same int gives the same customers.

        Returns
        -------
        DataFrame, one row a customer
            Contract `customer_summary`, without monetary_value: customer_id ("1", "2", ...), frequency, recency and T.

        Raises
        ------
        ValueError
            `T` is not a list of times of 0 or more, or the model has no parameters yet.

        Examples
        --------
        >>> BetaGeoNBD.from_params(r=0.5, alpha=5, a=0.8, b=2.4).simulate([26, 52, 52], random_state=4)["T"].tolist()
        [26.0, 52.0, 52.0]
        """
        r, alpha, a, b = self._known()
        observed = _times("T", T)
        if observed.ndim != 1:
            raise ValueError(f"T must be a list of times, one a customer, not of shape {observed.shape}")
        rng = np.random.default_rng(random_state)
        wished = rng.poisson(rng.gamma(r, 1 / alpha, observed.shape) * observed)  # purchases of one who never leaves
        chance = np.maximum(rng.beta(a, b, observed.shape), np.finfo(float).tiny)
        made = np.minimum(wished, rng.geometric(chance))
        # The times of m purchases are m uniform draws in order, and the k-th of these is beta(k, m - k + 1).
        share = rng.beta(np.maximum(made, 1), wished - made + 1)
        table = pd.DataFrame(
            {
                "customer_id": np.arange(1, len(observed) + 1).astype(str),
                "frequency": made,
                "recency": np.where(made > 0, observed * share, 0.0),
                "T": observed,
            }
        )
        table.attrs["unit"] = self.unit
        return table

    # --- prediction -------------------------------------------------------------------------------------------------

    def probability_alive(self, summary: pd.DataFrame) -> pd.Series:
        """The probability that a customer has not left by T.

        Parameters
        ----------
        summary : DataFrame, one row a customer
            Contract `customer_summary`; times in `unit`.

        Returns
        -------
        Series, indexed as `summary`
            From 0 to 1; 1 for customers without a repeat purchase, who had no occasion to leave.

        Raises
        ------
        ContractError
            `summary` breaks its contract.
        ValueError
            The summary counts time by another unit, or the model has no parameters yet.

        References
        ----------
        Fader and Hardie (2008), Computing P(alive) using the BG/NBD model, brucehardie.com/notes/021.

        Examples
        --------
        >>> import pandas as pd
        >>> model = BetaGeoNBD.from_params(r=0.2426, alpha=4.4136, a=0.7929, b=2.4259)
        >>> customer = pd.DataFrame({"customer_id": ["a"], "frequency": [2], "recency": [30.43], "T": [38.86]})
        >>> model.probability_alive(customer).round(4).tolist()
        [0.7266]
        """
        params = self._known()
        alive = expit(-self._log_odds_left(params, *self._checked(summary)))
        return pd.Series(alive, index=summary.index, name="probability_alive")

    def expected_purchases(self, t: ArrayLike) -> float | np.ndarray:
        """Repeat purchases to expect of a new customer within a time after its first purchase.

        Parameters
        ----------
        t : float or array
            Time since the first purchase, in `unit`; 0 or more.

        Returns
        -------
        float or array, as `t`
            Mean number of repeat purchases; the first purchase is not counted.

        Raises
        ------
        ValueError
            A time is negative or not finite, or the model has no parameters yet.

        References
        ----------
        Fader, Hardie and Lee (2005), equation 9.

        Examples
        --------
        >>> model = BetaGeoNBD.from_params(r=0.2426, alpha=4.4136, a=0.7929, b=2.4259)
        >>> model.expected_purchases([1, 32, 78]).round(4).tolist()
        [0.0532, 1.0438, 1.858]
        """
        r, alpha, a, b = self._known()
        return _purchases_of_the_active(r, alpha, a, b, _times("t", t))[()]

    def conditional_expected_purchases(self, summary: pd.DataFrame, t: float | pd.Series) -> pd.Series:
        """Purchases to expect of each customer within a time after its T.

        Parameters
        ----------
        summary : DataFrame, one row a customer
            Contract `customer_summary`; times in `unit`.
        t : float, or Series indexed as `summary`
            Time after T, in `unit`; 0 or more.

        Returns
        -------
        Series, indexed as `summary`
            Mean number of purchases.

        Raises
        ------
        ContractError
            `summary` breaks its contract.
        ValueError
            A time is negative, not finite, or of other customers; the units differ; or the model has no parameters yet.

        References
        ----------
        Fader, Hardie and Lee (2005), equation 10.

        Examples
        --------
        >>> import pandas as pd
        >>> model = BetaGeoNBD.from_params(r=0.2426, alpha=4.4136, a=0.7929, b=2.4259)
        >>> customer = pd.DataFrame({"customer_id": ["a"], "frequency": [2], "recency": [30.43], "T": [38.86]})
        >>> model.conditional_expected_purchases(customer, 39).round(3).tolist()
        [1.226]
        """
        self._known()
        if isinstance(t, pd.Series) and not t.index.equals(summary.index):
            raise ValueError("t and summary have different indexes: use t.reindex(summary.index)")
        times = _times("t", t)
        if times.shape not in ((), (len(summary),)):
            raise ValueError(f"t must be one time, or one for each of the {len(summary)} rows, not shape {times.shape}")
        purchases = self._conditional_expected_purchases(self._checked(summary), times)
        return pd.Series(purchases, index=summary.index, name="expected_purchases")

    def _conditional_expected_purchases(self, columns: Sequence[np.ndarray], t: ArrayLike) -> np.ndarray:
        params = r, alpha, a, b = self._known()
        x, recency, T = columns
        alive = expit(-self._log_odds_left(params, x, recency, T))
        # Given that a customer is active, its rate is again gamma, now (r + x, alpha + T), and its chance again beta,
        # now (a, b + x): it passed x occasions to leave.
        return alive * _purchases_of_the_active(r + x, alpha + T, a, b + x, np.asarray(t))


def _times(name: str, t: ArrayLike) -> np.ndarray:
    try:
        times = np.asarray(t, dtype=float)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be times, 0 or more, not {t!r}") from None
    if not (np.isfinite(times) & (times >= 0)).all():
        raise ValueError(
            f"{name} must be finite and 0 or more; {times[~(times >= 0) | np.isinf(times)].flat[0]} is not"
        )
    return times


def _purchases_of_the_active(r: ArrayLike, alpha: ArrayLike, a: float, b: ArrayLike, t: ArrayLike) -> np.ndarray:
    """Purchases to expect within t of customers who are active at its start: rates gamma(r, alpha), chances beta(a, b).

    Equation 9 of Fader, Hardie and Lee (2005), led around the places where it or its arithmetic breaks: DECISIONS.md,
    "Expected purchases".
    """
    r, alpha, b, t = (np.asarray(v, dtype=float) for v in (r, alpha, b, t))
    if np.any(a + b < 1.5):
        # At a + b = 1 the equation divides by 0. Instead, the mean over the outcomes of one occasion to leave: taken,
        # it adds 1 to a; passed, 1 to b.
        taken, passed = _purchases_of_the_active(r, alpha, a + 1, b, t), _purchases_of_the_active(r, alpha, a, b + 1, t)
        return (a * taken + b * passed) / (a + b)

    def by_r(a: float) -> np.ndarray:
        # Where r and a differ by nearly a whole number, scipy's 2F1 is wrong, or not a number, for z > 0.9.
        off = np.rint(a - r) - (a - r)
        near = (np.abs(off) < GAP) & (t > 8 * alpha)
        purchases = _equation_9(r, alpha, a, b, t)
        if near.any():
            purchases = np.where(near, _bridge(lambda h: _equation_9(r - off + h, alpha, a, b, t), off), purchases)
        return purchases

    purchases = by_r(a) if abs(a - 1) >= GAP else _bridge(lambda h: by_r(1 + h), a - 1)  # at a = 1 it is 0 / 0
    if not np.isfinite(purchases).all():
        raise ValueError(
            "expected purchases are out of reach: hundreds are due, and the chances of leaving hardly differ "
            f"(a = {a:.4g}). Use a shorter time, or look whether the model fits these data"
        )
    return purchases


def _equation_9(r: np.ndarray, alpha: np.ndarray, a: float, b: np.ndarray, t: np.ndarray) -> np.ndarray:
    c, z = a + b - 1, t / (alpha + t)
    # (1 - z)^r 2F1(r, b; c; z), as printed, is (1 - z)^(a - 1) 2F1(c - r, a - 1; c; z) by Euler's transformation
    # (Abramowitz and Stegun, 15.3.3). The form with the smaller exponent does not overflow.
    printed = r < a - 1
    series = hyp2f1(np.where(printed, r, c - r), np.where(printed, b, a - 1), c, z)
    with np.errstate(over="ignore", invalid="ignore"):
        return c / (a - 1) * (1 - (1 - z) ** np.minimum(r, a - 1) * series)


def _bridge(beside: Callable[[float], np.ndarray], off: float | np.ndarray) -> np.ndarray:
    """A smooth function `off` the point where its formula breaks, by the cubic through four of its values beside it."""
    s = off / GAP
    return (
        (s - 1) * (s - 3) * (3 * (s + 3) * beside(-GAP) - (s + 1) * beside(-3 * GAP))
        + (s + 1) * (s + 3) * (3 * (3 - s) * beside(GAP) + (s - 1) * beside(3 * GAP))
    ) / 48
