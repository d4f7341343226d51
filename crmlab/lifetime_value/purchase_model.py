"""What the models of repeat purchases share: customers who give no notice, told by frequency, recency and T.

A model says how likely it is that a customer has left, and what one who has not will do; all forecasts follow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, NamedTuple, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import betainc, expit, gammaln, xlogy

from crmlab.data import check
from crmlab.data.transactions import DAYS
from crmlab.lifetime_value.arguments import check_rate, whole_numbers
from crmlab.lifetime_value.climbing import collapse
from crmlab.lifetime_value.fitting import LikelihoodModel
from crmlab.lifetime_value.special import interpolated

# Gauss-Legendre for purchases within a horizon, in panels of the logarithm of time.
NODES, SHARES = (np.polynomial.legendre.leggauss(24)[0] + 1) / 2, np.polynomial.legendre.leggauss(24)[1] / 2
PANEL, PANELS = 6.0, 4
FADED = 40.0  # exp(-40) is nothing beside 1

FEW = 10_000  # rows that a fit to many begins with

NEW = (np.zeros(1), np.zeros(1), np.zeros(1))  # frequency, recency and T of a customer just won


class Rows(NamedTuple):
    """The distinct rows of a summary, its distinct frequencies, and how many customers have them."""

    x: np.ndarray
    recency: np.ndarray
    T: np.ndarray
    weight: np.ndarray
    frequency: np.ndarray
    frequency_weight: np.ndarray
    n_customers: int


class PurchaseModel(LikelihoodModel):
    """A model of repeat purchases where nobody gives notice of leaving.

    Beside what a LikelihoodModel needs, a model gives the methods that raise NotImplementedError here.
    """

    _learned: ClassVar[tuple[str, ...]] = (*LikelihoodModel._learned, "longest_T_")

    def __init__(self, unit: str = "week") -> None:
        self.unit = unit

    # --- what a model gives ---

    def _log_odds_left(self, params: np.ndarray, x: np.ndarray, recency: np.ndarray, T: np.ndarray) -> np.ndarray:
        """Log odds of having left by T; minus infinity where there was no occasion to leave."""
        raise NotImplementedError

    def _purchases_if_active(self, params: np.ndarray, x: np.ndarray, T: np.ndarray, t: ArrayLike) -> np.ndarray:
        """Purchases to expect within t after T of customers who are active at T."""
        raise NotImplementedError

    def _stay_if_active(self, params: np.ndarray, x: np.ndarray, T: np.ndarray, t: ArrayLike) -> np.ndarray:
        """The probability that customers who are active at T still are at T + t."""
        raise NotImplementedError

    def _purchases_for_ever(self, params: np.ndarray, x: np.ndarray, T: np.ndarray) -> np.ndarray | None:
        """All purchases to come of customers who are active at T; None where their mean is infinite."""
        raise NotImplementedError

    def _probability_of_purchases(self, params: np.ndarray, n: np.ndarray, t: np.ndarray) -> np.ndarray:
        """The probability that a new customer makes n repeat purchases within t."""
        raise NotImplementedError

    def _draw(self, params: np.ndarray, T: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Frequency and recency of customers drawn from the model."""
        raise NotImplementedError

    def _before(self, params: np.ndarray) -> float:
        """How long before T = 0 the formulas of customers active at T break first, were it continued there."""
        raise NotImplementedError

    _no_limit: ClassVar[str]  # why the purchases of all time have no mean, in terms of the parameters

    # --- units and columns ---

    def _check_unit(self, summary: pd.DataFrame | None) -> None:
        if self.unit not in DAYS:
            raise ValueError(f"unit must be one of {', '.join(DAYS)}, not {self.unit!r}")
        theirs = self.unit if summary is None else summary.attrs.get("unit", self.unit)
        if theirs != self.unit:
            raise ValueError(
                f"the summary counts time by the {theirs}, the model by the {self.unit}: make the summary with "
                f"unit={self.unit!r}, or the model {type(self).__name__}(unit={theirs!r})"
            )

    def _know(self, params: ArrayLike) -> Self:
        self._check_unit(None)
        return super()._know(params)

    def _checked(self, summary: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Frequency, recency and T of a summary that keeps its contract."""
        return self._columns(check(summary, "customer_summary"))

    def _columns(self, checked: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The same of a summary that has been held against its contract."""
        self._check_unit(checked)
        x, recency, T = (checked[name].to_numpy(float) for name in ("frequency", "recency", "T"))
        return x, recency, T

    def _times(self, name: str, t: ArrayLike) -> np.ndarray:
        """Times that are finite and not negative."""
        try:
            times = np.asarray(t, dtype=float)
        except (TypeError, ValueError):
            raise ValueError(f"{name} must be times, 0 or more, not {t!r}") from None
        if (bad := ~(np.isfinite(times) & (times >= 0))).any():
            raise ValueError(f"{name} must be finite and 0 or more; {times[bad].flat[0]} is not")
        return times

    # --- fitting ---

    def fit(self, summary: pd.DataFrame, weights: ArrayLike | None = None) -> Self:
        super().fit(summary, weights)
        self.longest_T_ = float(pd.to_numeric(summary["T"]).max())
        return self

    fit.__doc__ = LikelihoodModel.fit.__doc__

    def _rows(self, summary: pd.DataFrame, weight: np.ndarray) -> Rows:
        used = weight > 0
        (x, recency, T), row = collapse(*(column[used] for column in self._checked(summary)))
        return self._with_frequencies(x, recency, T, np.bincount(row, weight[used]), int(used.sum()))

    def _with_frequencies(
        self, x: np.ndarray, recency: np.ndarray, T: np.ndarray, weight: np.ndarray, n_customers: int
    ) -> Rows:
        (frequency,), of_frequency = collapse(x)
        return Rows(x, recency, T, weight, frequency, np.bincount(of_frequency, weight), n_customers)

    def _few(self, rows: Rows) -> Rows | None:
        every = len(rows.x) // FEW
        if every < 4:
            return None
        x, recency, T, weight = (column[::every] for column in rows[:4])
        few = self._with_frequencies(x, recency, T, weight, rows.n_customers)
        return few if few.x.any() else None

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

    # --- simulation ---

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
        >>> from crmlab.lifetime_value import BetaGeoNBD
        >>> BetaGeoNBD.from_params(r=0.5, alpha=5, a=0.8, b=2.4).simulate([26, 52, 52], random_state=4)["T"].tolist()
        [26.0, 52.0, 52.0]
        """
        params, observed = self._known(), self._times("T", T)
        if observed.ndim != 1:
            raise ValueError(f"T must be a list of times, one a customer, not of shape {observed.shape}")
        frequency, recency = self._draw(params, observed, np.random.default_rng(random_state))
        ids = np.arange(1, len(observed) + 1).astype(str)
        table = pd.DataFrame({"customer_id": ids, "frequency": frequency, "recency": recency, "T": observed})
        table.attrs["unit"] = self.unit
        return table

    def _simulated_like(self, summary: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
        return self.simulate(self._checked(summary)[2], rng)

    # --- prediction ---

    def probability_alive(self, summary: pd.DataFrame, ahead: float = 0) -> pd.Series:
        """The probability that a customer has not left by T, or by some time after it.

        Parameters
        ----------
        summary : DataFrame, one row a customer
            Contract `customer_summary`; times in `unit`.
        ahead : float
            Time after T, in `unit`; 0 or more.

        Returns
        -------
        Series, indexed as `summary`
            From 0 to 1. Under BetaGeoNBD it is 1 for customers without a repeat purchase, who had no occasion to leave.

        Raises
        ------
        ContractError
            `summary` breaks its contract.
        ValueError
            The summary counts time by another unit, `ahead` is negative, or the model has no parameters yet.

        References
        ----------
        Fader and Hardie (2008), Computing P(alive) using the BG/NBD model, brucehardie.com/notes/021; and the paper of
        each model.

        Examples
        --------
        >>> import pandas as pd
        >>> from crmlab.lifetime_value import BetaGeoNBD
        >>> model = BetaGeoNBD.from_params(r=0.2426, alpha=4.4136, a=0.7929, b=2.4259)
        >>> customer = pd.DataFrame({"customer_id": ["a"], "frequency": [2], "recency": [30.43], "T": [38.86]})
        >>> model.probability_alive(customer).round(4).tolist()
        [0.7266]
        >>> model.probability_alive(customer, ahead=52).round(4).tolist()
        [0.5317]
        """
        params, later = self._known(), self._times("ahead", ahead)
        if later.ndim:
            raise ValueError("ahead must be one time for all customers, not a list of them")

        def alive(x: np.ndarray, recency: np.ndarray, T: np.ndarray) -> np.ndarray:
            now = expit(-self._log_odds_left(params, x, recency, T))
            return now * self._stay_if_active(params, x, T, later) if later.any() else now

        return self._by_customer("probability_alive", summary, alive)

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
        Fader, Hardie and Lee (2005), equation 9; and the paper of each model.

        Examples
        --------
        >>> from crmlab.lifetime_value import BetaGeoNBD
        >>> model = BetaGeoNBD.from_params(r=0.2426, alpha=4.4136, a=0.7929, b=2.4259)
        >>> model.expected_purchases([1, 32, 78]).round(4).tolist()
        [0.0532, 1.0438, 1.858]
        """
        self._known()
        times = self._times("t", t)
        return self._conditional_expected_purchases(NEW, times.ravel()).reshape(times.shape)[()]

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
        Fader, Hardie and Lee (2005), equation 10; and the paper of each model.

        Examples
        --------
        >>> import pandas as pd
        >>> from crmlab.lifetime_value import BetaGeoNBD
        >>> model = BetaGeoNBD.from_params(r=0.2426, alpha=4.4136, a=0.7929, b=2.4259)
        >>> customer = pd.DataFrame({"customer_id": ["a"], "frequency": [2], "recency": [30.43], "T": [38.86]})
        >>> model.conditional_expected_purchases(customer, 39).round(3).tolist()
        [1.226]
        """
        self._known()
        if isinstance(t, pd.Series) and not t.index.equals(summary.index):
            raise ValueError("t and summary have different indexes: use t.reindex(summary.index)")
        times = self._times("t", t)
        if times.shape not in ((), (len(summary),)):
            raise ValueError(f"t must be one time, or one for each of the {len(summary)} rows, not shape {times.shape}")

        def purchases(x: np.ndarray, recency: np.ndarray, T: np.ndarray, t: np.ndarray) -> np.ndarray:
            return self._conditional_expected_purchases((x, recency, T), t)

        return self._by_customer("expected_purchases", summary, purchases, np.broadcast_to(times, len(summary)))

    def probability_of_purchases(self, n: ArrayLike, t: ArrayLike) -> float | np.ndarray:
        """The probability that a new customer makes just n repeat purchases within a time after its first purchase.

        Parameters
        ----------
        n : int or array
            Repeat purchases: whole numbers, 0 or more.
        t : float or array
            Time since the first purchase, in `unit`; 0 or more. `n` and `t` are broadcast against each other.

        Returns
        -------
        float or array

        Raises
        ------
        ValueError
            A number of purchases is not whole or negative, a time is negative or not finite, or the model has no
            parameters yet.

        References
        ----------
        Fader, Hardie and Lee (2005), equation 8; and the paper of each model.

        Examples
        --------
        >>> from crmlab.lifetime_value import BetaGeoNBD
        >>> model = BetaGeoNBD.from_params(r=0.2426, alpha=4.4136, a=0.7929, b=2.4259)
        >>> model.probability_of_purchases([0, 1, 2], 39).round(3).tolist()
        [0.574, 0.199, 0.085]
        """
        params, count, times = self._known(), whole_numbers("n", n), self._times("t", t)
        try:
            both = np.broadcast_arrays(count, times)
        except ValueError:
            raise ValueError(
                f"n and t must be single, of one length, or a column against a row; their shapes are {count.shape} and "
                f"{times.shape}"
            ) from None
        return self._probability_of_purchases(params, *both)[()]

    def discounted_expected_residual_transactions(self, summary: pd.DataFrame, discount_rate: float) -> pd.DataFrame:
        """All purchases to expect of each customer after its T, each counted at what it is worth at T.

        Parameters
        ----------
        summary : DataFrame, one row a customer
            Contract `customer_summary`; times in `unit`.
        discount_rate : float
            **A year**, as a share, whatever `unit`: a purchase t years after T counts (1 + discount_rate)^-t.

        Returns
        -------
        DataFrame, indexed as `summary`
            `discounted_transactions`: their mean number. `share_beyond`: the share of it that lies further ahead than
            any customer was observed (`longest_T_`), where the model alone speaks.

        Raises
        ------
        ContractError
            `summary` breaks its contract.
        ValueError
            Without discounting, the mean is infinite; the units differ; or the model has no parameters yet.

        Notes
        -----
        The horizon beyond which nothing was observed: DECISIONS.md, "Value to infinity".

        References
        ----------
        Fader, Hardie and Lee (2005), RFM and CLV: using iso-value curves for customer base analysis, Journal of
        Marketing Research 42(4), 415-430.

        Examples
        --------
        >>> import pandas as pd
        >>> from crmlab.lifetime_value import ParetoNBD
        >>> model = ParetoNBD.from_params(r=0.553, alpha=10.578, s=0.606, beta=11.669)
        >>> customer = pd.DataFrame({"customer_id": ["a"], "frequency": [2], "recency": [30.43], "T": [38.86]})
        >>> model.discounted_expected_residual_transactions(customer, discount_rate=0.15).round(2)
           discounted_transactions  share_beyond
        0                     6.52          0.79
        """
        delta = self._force_of_interest(discount_rate)
        columns = self._checked(summary)
        table = {
            "discounted_transactions": self._discounted(columns, np.inf, delta),
            "share_beyond": self._share_beyond(columns, delta),
        }
        return pd.DataFrame(table, index=summary.index)

    # --- what they rest on ---

    def _by_customer(
        self, name: str, summary: pd.DataFrame, function: Callable[..., np.ndarray], *more: np.ndarray
    ) -> pd.Series:
        """A function of frequency, recency and T (and more columns), reckoned once for customers alike."""
        columns, row = collapse(*self._checked(summary), *more)
        return pd.Series(function(*columns)[row], index=summary.index, name=name)

    def _conditional_expected_purchases(self, columns: Sequence[np.ndarray], t: ArrayLike) -> np.ndarray:
        params, (x, recency, T) = self._known(), columns
        alive = expit(-self._log_odds_left(params, x, recency, T))
        return alive * self._purchases_if_active(params, x, T, t)

    def _force_of_interest(self, discount_rate: float) -> float:
        """The continuous rate, a unit of time, of a discount rate a year."""
        self._check_unit(None)
        return float(np.log1p(check_rate("discount_rate", discount_rate)) * DAYS[self.unit] / DAYS["year"])

    def _discounted(self, columns: Sequence[np.ndarray], horizon: float, delta: float) -> np.ndarray:
        """Purchases to expect within a horizon (or for ever), discounted to T."""
        params, (x, recency, T) = self._known(), columns

        def if_active(x: np.ndarray, T: np.ndarray) -> np.ndarray:
            return self._worth_if_active(x, T, horizon, delta)[None]

        return self._alive(x, recency, T) * interpolated(if_active, x, T, self._before(params))[0]

    def _discounted_with_slopes(
        self, columns: Sequence[np.ndarray], horizon: float, delta: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """The same, and how it changes with the logarithms of the parameters: a row a parameter."""
        params, (x, recency, T) = self._known(), columns

        def if_active(x: np.ndarray, T: np.ndarray) -> np.ndarray:
            slopes = self._slopes(lambda model: model._worth_if_active(x, T, horizon, delta))
            return np.vstack([self._worth_if_active(x, T, horizon, delta), slopes])

        alive, of_alive = self._alive(x, recency, T), self._alive_slopes(x, recency, T)
        worth, *of_worth = interpolated(if_active, x, T, self._before(params))
        slopes = [alive * by_worth + by_alive * worth for by_worth, by_alive in zip(of_worth, of_alive, strict=True)]
        return alive * worth, np.stack(slopes)

    def _alive(self, x: np.ndarray, recency: np.ndarray, T: np.ndarray) -> np.ndarray:
        return expit(-self._log_odds_left(self._known(), x, recency, T))

    def _alive_slopes(self, x: np.ndarray, recency: np.ndarray, T: np.ndarray) -> np.ndarray:
        """How it changes with the logarithms of the parameters: a row a parameter."""
        return self._slopes(lambda model: model._alive(x, recency, T))

    def _worth_if_active(self, x: np.ndarray, T: np.ndarray, horizon: float, delta: float) -> np.ndarray:
        """Discounted purchases of customers who are active at T."""
        params = self._known()
        if np.isfinite(horizon):
            return self._discounted_if_active(params, x, T, horizon, delta)
        if delta > 0:
            return self._discounted_for_ever(params, x, T, delta)
        for_ever = self._purchases_for_ever(params, x, T)
        if for_ever is None:
            raise ValueError(
                f"without discounting, the purchases of all time have no finite mean: {self._no_limit}. Give a "
                "discount_rate above 0, or a horizon"
            )
        return for_ever

    def _discounted_if_active(
        self, params: np.ndarray, x: np.ndarray, T: np.ndarray, horizon: float, delta: float
    ) -> np.ndarray:
        """Discounted purchases within a horizon of the active: the integral of exp(-delta t) over them, by parts.

        Gauss-Legendre in panels of the logarithm of t: purchases come thickest at first. Where exp(-delta t) has faded
        nothing is left to add.
        """

        def bought(t: float | np.ndarray) -> np.ndarray:
            return np.exp(-delta * t) * self._purchases_if_active(params, x[:, None], T[:, None], t)

        if delta == 0:
            return bought(horizon)[:, 0]
        until = min(horizon, FADED / delta)
        mean = np.zeros(len(x))
        for panel in range(PANELS):
            t = until * np.exp(PANEL * (NODES - panel - 1))
            mean += bought(t) @ (PANEL * SHARES * t)
        return bought(until)[:, 0] + delta * mean

    def _discounted_for_ever(self, params: np.ndarray, x: np.ndarray, T: np.ndarray, delta: float) -> np.ndarray:
        """The same to infinity, by the trapezoidal rule in the logarithm of t."""
        step, total = 0.4, np.zeros(len(x))
        for logs in np.array_split(np.arange(-27, 3.8, step), 4):
            shares = step * np.exp(logs - np.exp(logs))
            total += self._purchases_if_active(params, x[:, None], T[:, None], np.exp(logs) / delta) @ shares
        return total

    def _share_beyond(self, columns: Sequence[np.ndarray], delta: float) -> np.ndarray:
        """The share of all discounted purchases that lies further ahead than any customer was observed."""
        horizon = max(getattr(self, "longest_T_", 0.0), float(np.max(columns[2], initial=0.0)))
        if horizon == 0:
            return np.ones(len(columns[0]))
        x, _, T = columns
        within, all_time = (self._worth_if_active(x, T, until, delta) for until in (horizon, np.inf))
        return np.clip(1 - within / all_time, 0, 1)


def negative_binomial(r: ArrayLike, share: np.ndarray, n: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The probabilities of n purchases, and of n or more, where rates are gamma: `share` is t / (alpha + t)."""
    log_ways = gammaln(r + n) - gammaln(r) - gammaln(n + 1)
    just = np.exp(log_ways + xlogy(n, share) + r * np.log1p(-share))
    return just, np.where(n > 0, betainc(np.maximum(n, 1), r, share), 1.0)
