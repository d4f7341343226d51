"""sBG: how long contracts are renewed.

At the end of each period a customer renews, or leaves, with a chance of its own; over customers, these chances vary as
a beta(alpha, beta) distribution. So retention rises with age, although no customer changes: those likely to leave go
first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import betaln, digamma

from crmlab.data import check
from crmlab.data.transactions import DAYS
from crmlab.lifetime_value.arguments import check_rate, whole_numbers
from crmlab.lifetime_value.climbing import collapse
from crmlab.lifetime_value.fitting import LikelihoodModel
from crmlab.lifetime_value.special import discounted_sum, trigamma


class Rows(NamedTuple):
    """How often customers renewed, whether they left then, and how many did."""

    renewals: np.ndarray
    left: np.ndarray
    weight: np.ndarray
    n_customers: int


class ShiftedBetaGeometric(LikelihoodModel):
    """The shifted-beta-geometric model of contracts that are renewed.

    Parameters
    ----------
    unit : {"year", "month", "week", "day"}
        The period of the contract.

    Attributes
    ----------
    params_ : Series
        alpha and beta: the chances of leaving at the end of a period have mean alpha / (alpha + beta), and differ the
        more the smaller the sum is.
    standard_errors_, covariance_ : Series, DataFrame
        Of these, from the observed information.
    log_likelihood_, aic_, bic_ : float
        Summed over customers, as the paper prints it; the criteria of Akaike and of Schwarz, smaller being better.
    n_customers_, n_iter_, gradient_norm_ : int or float, int, float
        The customers used; the Newton steps taken on all of them; the norm of the last gradient, a customer, in log
        parameters.
    longest_ : int
        The renewals that the oldest customers had to decide on.

    Notes
    -----
    When a fit is refused: DECISIONS.md, "When a model has no fit".

    References
    ----------
    Fader and Hardie (2007), How to project customer retention, Journal of Interactive Marketing 21(1), 76-90.

    Examples
    --------
    >>> model = ShiftedBetaGeometric().fit_cohorts([1000, 869, 743, 653, 593, 551, 517, 491])
    >>> model.params_.round(3).to_dict()
    {'alpha': 0.668, 'beta': 3.806}
    >>> model.survival(12).round(3)
    np.float64(0.378)
    """

    _names = ("alpha", "beta")
    _limits = (
        ({"alpha": 1, "beta": 1}, "customers do not differ in their chance of leaving"),
        ({"alpha": -1, "beta": -1}, "each customer either leaves at the first renewal or never does"),
        ({"alpha": -1}, "nobody leaves"),
        ({"beta": 1}, "nobody leaves"),
        ({"alpha": 1}, "everybody leaves at the first renewal"),
        ({"beta": -1}, "everybody leaves at the first renewal"),
    )
    _learned: ClassVar[tuple[str, ...]] = (*LikelihoodModel._learned, "longest_")

    def __init__(self, unit: str = "year") -> None:
        self.unit = unit

    @classmethod
    def from_params(cls, *, alpha: float, beta: float, unit: str = "year") -> Self:
        """A model with known parameters, such as published ones; it has no covariance.

        Parameters
        ----------
        alpha, beta : float
            Above 0.
        unit : {"year", "month", "week", "day"}

        Raises
        ------
        ValueError
            A parameter is not a number above 0, or the unit is none.

        Examples
        --------
        >>> ShiftedBetaGeometric.from_params(alpha=0.668, beta=3.806).retention_rate([1, 2, 3]).round(3).tolist()
        [0.851, 0.878, 0.897]
        """
        return cls(unit=unit)._know([alpha, beta])

    def _know(self, params: ArrayLike) -> Self:
        if self.unit not in DAYS:
            raise ValueError(f"unit must be one of {', '.join(DAYS)}, not {self.unit!r}")
        return super()._know(params)

    # --- fitting ----------------------------------------------------------------------------------------------------

    def fit(self, renewals: pd.DataFrame, weights: ArrayLike | None = None) -> Self:
        """Find the parameters under which the data are most likely.

        Parameters
        ----------
        renewals : DataFrame, one row a customer
            Contract `renewals`.
        weights : array, one entry a row of `renewals`, optional
            How many customers a row stands for, 0 or more; 1 each if not given.

        Returns
        -------
        The model itself.

        Raises
        ------
        ContractError
            `renewals` breaks its contract.
        FitError
            The data do not settle the parameters; the message says what they lack.
        ValueError
            The weights do not fit the rows, are negative or not finite.

        Examples
        --------
        >>> table = pd.DataFrame({"customer_id": ["a", "b", "c", "d"], "renewals": [0, 1, 4, 5],
        ...                       "left": [True, True, False, False]})
        >>> ShiftedBetaGeometric().fit(table).params_.round(1).to_dict()
        {'alpha': 0.3, 'beta': 0.8}
        """
        super().fit(renewals, weights)
        self.longest_ = _longest(check(renewals, "renewals"))
        return self

    def fit_cohorts(self, active: Sequence[float] | pd.Series | pd.DataFrame) -> Self:
        """The same from the numbers of customers still under contract.

        Parameters
        ----------
        active : list or Series; or DataFrame, one column a cohort
            Customers at the start, after 1 renewal, after 2, ..., as they are counted: the errors depend on how many
            they are. Cohorts that began later end earlier: what is not observed yet is missing, not 0.

        Returns
        -------
        The model itself.

        Raises
        ------
        ValueError
            A number is negative, not finite, above the one before it, or missing between others; or a cohort starts
            with less than two customers, as shares would.
        FitError
            The data do not settle the parameters; the message says what they lack.

        Examples
        --------
        >>> ShiftedBetaGeometric().fit_cohorts([1000, 631, 468, 382, 326, 289, 262, 241]).params_.round(3).to_dict()
        {'alpha': 0.704, 'beta': 1.182}
        """
        rows = [_cohort(name, column) for name, column in _columns(active).items()]
        whole = pd.concat(rows, ignore_index=True)
        whole.insert(0, "customer_id", whole.index.astype(str))
        return self.fit(whole, weights=whole["customers"])

    def _rows(self, summary: pd.DataFrame, weight: np.ndarray) -> Rows:
        checked = check(summary, "renewals")
        used = weight > 0
        columns = (checked[name].to_numpy(float)[used] for name in ("renewals", "left"))
        (renewals, left), row = collapse(*columns)
        summed = np.bincount(row, weight[used])
        return Rows(renewals, left, summed, round(weight.sum()))

    def _shortage(self, rows: Rows) -> str | None:
        if not rows.n_customers:
            return "there are no customers."
        if not rows.left.any():
            return "nobody left yet, so that the chance of leaving cannot be told. Observe longer or add customers."
        if not rows.renewals.any():
            return "no customer ever renewed, so that nothing tells how customers differ. Observe longer."
        return None

    def _start(self, rows: Rows) -> np.ndarray:
        chances = rows.weight @ (rows.renewals + rows.left)
        share = np.clip(rows.weight @ rows.left / chances, 0.01, 0.99)
        return np.array([2 * share, 2 * (1 - share)])

    def _derivatives(self, params: np.ndarray, rows: Rows) -> tuple[float, np.ndarray, np.ndarray]:
        # The probability of n renewals, then of leaving (or not): B(alpha + left, beta + n) / B(alpha, beta).
        alpha, beta = params
        a, b, n = alpha + rows.left, beta + rows.renewals, rows.weight
        both = digamma(alpha + beta) - digamma(a + b)
        bend = n @ (trigamma(alpha + beta) - trigamma(a + b))
        value = n @ (betaln(a, b) - betaln(alpha, beta))
        gradient = np.array([n @ (digamma(a) - digamma(alpha) + both), n @ (digamma(b) - digamma(beta) + both)])
        hessian = bend + np.diag([n @ (trigamma(a) - trigamma(alpha)), n @ (trigamma(b) - trigamma(beta))])
        return value, gradient, hessian

    # --- prediction -------------------------------------------------------------------------------------------------

    def survival(self, t: ArrayLike) -> float | np.ndarray:
        """The share of customers still under contract after t renewals.

        Parameters
        ----------
        t : int or array
            Renewals due since the start, 0 or more.

        Returns
        -------
        float or array, as `t`

        Raises
        ------
        ValueError
            A number is negative or not whole, or the model has no parameters yet.

        References
        ----------
        Fader and Hardie (2007).

        Examples
        --------
        >>> ShiftedBetaGeometric.from_params(alpha=1, beta=1).survival([0, 1, 2]).round(3).tolist()
        [1.0, 0.5, 0.333]
        """
        alpha, beta = self._known()
        return np.exp(betaln(alpha, beta + whole_numbers("t", t)) - betaln(alpha, beta))[()]

    def retention_rate(self, t: ArrayLike) -> float | np.ndarray:
        """The share of customers who renew at renewal t, of those who came so far.

        Parameters
        ----------
        t : int or array
            1 is the first renewal.

        Returns
        -------
        float or array, as `t`

        Raises
        ------
        ValueError
            A number is below 1 or not whole, or the model has no parameters yet.

        References
        ----------
        Fader and Hardie (2007).

        Examples
        --------
        >>> ShiftedBetaGeometric.from_params(alpha=1, beta=1).retention_rate([1, 2, 3]).round(3).tolist()
        [0.5, 0.667, 0.75]
        """
        alpha, beta = self._known()
        number = whole_numbers("t", t, low=1)
        return ((beta + number - 1) / (alpha + beta + number - 1))[()]

    def probability_of_lifetime(self, t: ArrayLike) -> float | np.ndarray:
        """The probability that a customer stays for just t periods, and leaves at renewal t.

        Parameters
        ----------
        t : int or array
            Periods, 1 or more.

        Returns
        -------
        float or array, as `t`

        Raises
        ------
        ValueError
            A number is below 1 or not whole, or the model has no parameters yet.

        References
        ----------
        Fader and Hardie (2007).

        Examples
        --------
        >>> ShiftedBetaGeometric.from_params(alpha=1, beta=1).probability_of_lifetime([1, 2, 3]).round(3).tolist()
        [0.5, 0.167, 0.083]
        """
        alpha, beta = self._known()
        return np.exp(betaln(alpha + 1, beta + whole_numbers("t", t, low=1) - 1) - betaln(alpha, beta))[()]

    def discounted_expected_lifetime(self, discount_rate: float) -> float:
        """The periods that a new customer pays for, each counted at what it is worth at the start.

        Parameters
        ----------
        discount_rate : float
            **A year**, as a share, whatever `unit`.

        Returns
        -------
        float
            In periods, of which the first is paid at the start and counts 1. Times the margin a period it is the
            lifetime value.

        Raises
        ------
        ValueError
            Without discounting the mean is infinite (alpha <= 1); or the model has no parameters yet.

        References
        ----------
        Fader and Hardie (2010), Customer-base valuation in a contractual setting: the perils of ignoring heterogeneity,
        Marketing Science 29(1), 85-93.

        Examples
        --------
        >>> model = ShiftedBetaGeometric.from_params(alpha=0.6681, beta=3.8061)
        >>> round(model.discounted_expected_lifetime(discount_rate=0.1), 3)
        5.922
        """
        discount = self._discount(discount_rate)
        return float(1 + discount * self._discounted(np.zeros(1), discount)[0])

    def discounted_expected_residual_lifetime(self, renewals: ArrayLike, discount_rate: float) -> pd.DataFrame:
        """The periods that customers will still pay for, each counted at what it is worth just before the next renewal.

        Parameters
        ----------
        renewals : int or list
            Times that the customer has renewed so far: 0 in its first period.
        discount_rate : float
            **A year**, as a share, whatever `unit`.

        Returns
        -------
        DataFrame, one row an entry of `renewals`
            `renewals`. `discounted_lifetime`: in periods; the next one, if it is renewed, is paid at once and not
            discounted. `share_beyond`: the share of it from renewals later than any that was observed (`longest_`),
            where the model alone speaks; all of it where nothing was observed.

        Raises
        ------
        ValueError
            A number is negative or not whole; without discounting the mean is infinite (alpha <= 1); or the model has
            no parameters yet.

        Notes
        -----
        The horizon beyond which nothing was observed: DECISIONS.md, "Value to infinity".

        References
        ----------
        Fader and Hardie (2010).

        Examples
        --------
        >>> model = ShiftedBetaGeometric.from_params(alpha=0.6681, beta=3.8061)
        >>> model.discounted_expected_residual_lifetime([0, 1, 4], 0.1)["discounted_lifetime"].round(2).tolist()
        [5.41, 5.9, 6.9]
        """
        made, discount = np.atleast_1d(whole_numbers("renewals", renewals)), self._discount(discount_rate)
        whole = self._discounted(made, discount)
        within, alpha, beta = np.zeros(made.shape), *self._known()
        for ahead in range(longest := getattr(self, "longest_", 0)):
            stay = np.exp(betaln(alpha, beta + made + ahead + 1) - betaln(alpha, beta + made))
            within += np.where(made + ahead < longest, discount**ahead * stay, 0)
        beyond = np.clip(1 - within / whole, 0, 1)
        return pd.DataFrame({"renewals": made.astype(int), "discounted_lifetime": whole, "share_beyond": beyond})

    def expected_lifetime(self) -> float:
        """The mean number of periods that customers stay, without discounting.

        Returns
        -------
        float

        Raises
        ------
        ValueError
            alpha <= 1: the mean is infinite.

        References
        ----------
        Fader and Hardie (2007).

        Examples
        --------
        >>> ShiftedBetaGeometric.from_params(alpha=3, beta=6).expected_lifetime()
        4.0
        """
        return self.discounted_expected_lifetime(0.0)

    def _discount(self, discount_rate: float) -> float:
        """What a period later counts."""
        self._known()
        return float((1 + check_rate("discount_rate", discount_rate)) ** (-DAYS[self.unit] / DAYS["year"]))

    def _discounted(self, renewals: np.ndarray, discount: float) -> np.ndarray:
        """The sum over all renewals to come of the chance that they are made, the next counting 1."""
        alpha, beta = self._known()
        stay = (beta + renewals) / (alpha + beta + renewals)
        if discount < 1:
            return stay * discounted_sum(beta + renewals + 1, alpha + beta + renewals + 1, discount)
        if alpha <= 1:
            raise ValueError(
                "without discounting, the mean lifetime is infinite: alpha is not above 1, and some customers hardly "
                "ever leave. Give a discount_rate above 0"
            )
        return (beta + renewals) / (alpha - 1)

    # --- simulation -------------------------------------------------------------------------------------------------

    def simulate(self, renewals_due: ArrayLike, random_state: int | np.random.Generator | None = None) -> pd.DataFrame:
        """Customers drawn from the model.

        Parameters
        ----------
        renewals_due : array, one entry a customer
            How many renewals each would have made by now, had it stayed: whole numbers, 0 or more.
        random_state : int, Generator or None
            The same int gives the same customers.

        Returns
        -------
        DataFrame, one row a customer
            Contract `renewals`: customer_id ("1", "2", ...), renewals, left.

        Raises
        ------
        ValueError
            A number is negative or not whole, or the model has no parameters yet.

        Examples
        --------
        >>> ShiftedBetaGeometric.from_params(alpha=1, beta=2).simulate([3, 3, 3], random_state=1)
          customer_id  renewals  left
        0           1         0  True
        1           2         1  True
        2           3         1  True
        """
        alpha, beta = self._known()
        due = np.atleast_1d(whole_numbers("renewals_due", renewals_due)).astype(np.int64)
        if due.ndim > 1:
            raise ValueError(f"renewals_due must be a list, one number a customer, not of shape {due.shape}")
        rng = np.random.default_rng(random_state)
        chance = np.maximum(rng.beta(alpha, beta, due.shape), np.finfo(float).tiny)
        made = np.minimum(rng.geometric(chance) - 1, due)
        ids = np.arange(1, len(due) + 1).astype(str)
        return pd.DataFrame({"customer_id": ids, "renewals": made, "left": made < due})

    def _simulated_like(self, summary: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
        # How long those who left would have been observed is not in the table: as long as the longest.
        checked = check(summary, "renewals")
        return self.simulate(np.where(checked["left"], _longest(checked), checked["renewals"]), rng)


def _longest(renewals: pd.DataFrame) -> int:
    """The most renewals that a customer had to decide on."""
    return int((renewals["renewals"] + renewals["left"]).max())


def _columns(active: Any) -> dict[str, np.ndarray]:
    """The cohorts by name, as numbers."""
    refusal = ValueError(
        "active must be a list of the customers still under contract, or a DataFrame with one column a cohort, each "
        "with its own name"
    )
    if isinstance(active, pd.DataFrame):
        columns = {str(name): active.iloc[:, place] for place, name in enumerate(active.columns)}
        if not columns or len(columns) < active.shape[1]:
            raise refusal
    elif isinstance(active, list | tuple | pd.Series | np.ndarray) and np.ndim(active) == 1:
        columns = {"active": pd.Series(active)}
    else:
        raise refusal
    for name, column in columns.items():
        numeric = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
        if len(column) and not numeric:
            raise ValueError(f"cohort {name!r} must be numbers of customers, not {column.iloc[:1].tolist()}...")
    return {name: column.to_numpy(float) for name, column in columns.items()}


def _cohort(name: str, active: np.ndarray) -> pd.DataFrame:
    """One cohort's counts as rows: how many left after each number of renewals, and how many are still there."""
    known = np.isfinite(active)
    seen = int(known.sum())
    if seen < 2 or not known[:seen].all() or np.isinf(active).any():
        raise ValueError(
            f"cohort {name!r} must have two numbers or more, finite, missing only after the last: customers at the "
            "start, after 1 renewal, after 2, ..."
        )
    counts = active[:seen]
    if (counts < 0).any():
        raise ValueError(f"cohort {name!r} is negative at renewal {int(np.argmax(counts < 0))} (0 is the start)")
    if (grows := np.diff(counts) > 0).any():
        raise ValueError(
            f"cohort {name!r} grows at renewal {int(np.argmax(grows)) + 1}: nobody joins a cohort later. Give the "
            "numbers still under contract, not those who left"
        )
    if counts[0] < 2:
        raise ValueError(
            f"cohort {name!r} starts with {counts[0]:g} customers: give numbers of customers. Shares must be "
            "multiplied by the number at the start, on which the errors depend"
        )
    lost = np.append(-np.diff(counts), counts[-1])
    renewals = np.arange(seen)
    return pd.DataFrame({"renewals": renewals, "left": renewals < seen - 1, "customers": lost})
