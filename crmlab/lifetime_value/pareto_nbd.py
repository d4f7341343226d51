"""Pareto/NBD: customers who buy at a rate of their own until, at a random time, they leave.

While active, a customer buys at random times at a rate of its own; it leaves at a rate of its own, whether it buys or
not. Over customers, purchase rates vary as a gamma(r, alpha), rates of leaving as a gamma(s, beta) distribution.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import digamma, expit, exprel, gammaln

from crmlab.lifetime_value.purchase_model import PurchaseModel, Rows, negative_binomial
from crmlab.lifetime_value.special import blocks, scaled_exponential_integral, trigamma

Rule = tuple[np.ndarray, np.ndarray]  # nodes and weights of a quadrature over (-1, 1)
RULE: Rule = np.polynomial.legendre.leggauss(24)
GENTLE_RULE: Rule = np.polynomial.legendre.leggauss(12)
GENTLE_LENGTH, GENTLE_FALL = 2.0, 10.0  # 12 nodes are as exact where the integrand is no longer and falls no further
FADED = 38.0  # where an integrand has fallen by exp(-38), the rest is below the accuracy of the arithmetic
WIDE = 6.0  # 24 nodes are exact over this width of the logarithm of time, and over no more than this
BLOCK = 1024  # rows at a time: small enough for the processor's cache


class Past(NamedTuple):
    """Times y at which customers may have left: a row a node of a quadrature, a column a customer."""

    rate: np.ndarray  # 1 / (alpha + y)
    leave: np.ndarray  # 1 / (beta + y)
    log_alpha: np.ndarray  # of alpha + y
    log_beta: np.ndarray  # of beta + y
    share: np.ndarray  # weights of the nodes, of the odds of having left
    log_odds: np.ndarray  # of having left by T, a customer


class ParetoNBD(PurchaseModel):
    """The Pareto/NBD model of repeat purchases.

    Parameters
    ----------
    unit : {"week", "day", "month", "year"}
        The unit of time of the summary, and so of alpha, beta and of every time given to the model.

    Attributes
    ----------
    params_ : Series
        r and alpha (in `unit`): customers' purchase rates have mean r / alpha, and differ the more the smaller r is.
        s and beta (in `unit`): their rates of leaving have mean s / beta, and differ the more the smaller s is.
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
    The likelihood is an integral over the time of leaving. The textbook writes it by two hypergeometric functions,
    whose difference loses all digits on long histories; here it is integrated: DECISIONS.md, "The likelihood of
    Pareto/NBD". When a fit is refused: DECISIONS.md, "When a model has no fit".

    References
    ----------
    Schmittlein, Morrison and Colombo (1987), Counting your customers: who are they and what will they do next?,
    Management Science 33(1), 1-24. Fader and Hardie (2005), A note on deriving the Pareto/NBD model and related
    expressions, brucehardie.com/notes/009.

    Examples
    --------
    >>> import numpy as np
    >>> truth = ParetoNBD.from_params(r=0.55, alpha=10.6, s=0.6, beta=11.7)
    >>> customers = truth.simulate(np.full(5000, 52.0), random_state=1)
    >>> ParetoNBD().fit(customers).params_.round(2).to_dict()
    {'r': 0.51, 'alpha': 10.07, 's': 0.64, 'beta': 15.26}
    """

    _names = ("r", "alpha", "s", "beta")
    _limits = (
        ({"r": 1, "alpha": 1}, "customers do not differ in their purchase rate"),
        ({"s": 1, "beta": 1}, "customers do not differ in their rate of leaving"),
        ({"s": -1, "beta": -1}, "each customer either leaves at once or never does"),
        ({"s": -1}, "nobody leaves"),
        ({"beta": 1}, "nobody leaves"),
        ({"s": 1}, "everybody leaves at once"),
        ({"beta": -1}, "everybody leaves at once"),
        ({"r": -1}, "a few customers make all the purchases"),
    )
    _no_limit = "s is not above 1, and some customers hardly ever leave"

    @classmethod
    def from_params(cls, *, r: float, alpha: float, s: float, beta: float, unit: str = "week") -> Self:
        """A model with known parameters, such as published ones; it has no covariance.

        Parameters
        ----------
        r, alpha, s, beta : float
            Above 0; alpha and beta in `unit`.
        unit : {"week", "day", "month", "year"}

        Raises
        ------
        ValueError
            A parameter is not a number above 0, or the unit is none.

        Examples
        --------
        >>> ParetoNBD.from_params(r=0.553, alpha=10.578, s=0.606, beta=11.669).params_.to_dict()
        {'r': 0.553, 'alpha': 10.578, 's': 0.606, 'beta': 11.669}
        """
        return cls(unit=unit)._know([r, alpha, s, beta])

    # --- fitting ----------------------------------------------------------------------------------------------------

    def _start(self, rows: Rows) -> np.ndarray:
        r, s, mean_T = 0.5, 0.5, rows.weight @ rows.T / rows.weight.sum()
        return np.array([r, r * (rows.weight @ rows.T) / (rows.weight @ rows.x), s, s * mean_T])

    def _derivatives(self, params: np.ndarray, rows: Rows) -> tuple[float, np.ndarray, np.ndarray]:
        # The likelihood of a customer has three factors: of its frequency alone (on the distinct ones); of the time
        # until T, were it still active; and 1 plus the odds that it left before.
        r, alpha, s, beta = params
        value, gradient, hessian = 0.0, np.zeros(4), np.zeros((4, 4))

        x, n = rows.frequency, rows.frequency_weight
        value += n @ (gammaln(r + x) - gammaln(r))
        gradient[0] += n @ (digamma(r + x) - digamma(r))
        hessian[0, 0] += n @ (trigamma(r + x) - trigamma(r))

        x, recency, T, n = rows.x, rows.recency, rows.T, rows.weight
        rate, leave = 1 / (alpha + T), 1 / (beta + T)
        value -= n @ (r * np.log1p(T / alpha) + x * np.log(alpha + T) + s * np.log1p(T / beta))
        gradient -= [
            n @ np.log1p(T / alpha),
            n @ ((r + x) * rate - r / alpha),
            n @ np.log1p(T / beta),
            n @ (s * leave - s / beta),
        ]
        hessian[0, 1] += n @ (1 / alpha - rate)
        hessian[1, 1] += n @ ((r + x) * rate**2 - r / alpha**2)
        hessian[2, 3] += n @ (1 / beta - leave)
        hessian[3, 3] += n @ (s * leave**2 - s / beta**2)

        for some, rule in _parts(params, x, recency, T):
            odds = _odds_derivatives(params, x[some], recency[some], T[some], n[some], rule)
            value, gradient, hessian = value + odds[0], gradient + odds[1], hessian + odds[2]
        hessian[1, 0], hessian[3, 2] = hessian[0, 1], hessian[2, 3]
        return value, gradient, hessian

    def _log_odds_left(self, params: np.ndarray, x: np.ndarray, recency: np.ndarray, T: np.ndarray) -> np.ndarray:
        log_odds = np.empty(len(x))
        for some, rule in _parts(params, x, recency, T):
            log_odds[some] = _past(params, x[some], recency[some], T[some], rule).log_odds
        return log_odds

    def _alive_slopes(self, x: np.ndarray, recency: np.ndarray, T: np.ndarray) -> np.ndarray:
        params, slopes = self._known(), np.empty((4, len(x)))
        for some, rule in _parts(params, x, recency, T):
            past = _past(params, x[some], recency[some], T[some], rule)
            mean = (_slope(params, x[some], T[some], past) * past.share).sum(axis=1)
            slopes[:, some] = -params[:, None] * mean * (expit(past.log_odds) * expit(-past.log_odds))
        return slopes

    # --- prediction -------------------------------------------------------------------------------------------------
    # Given that a customer is active, its rates are again gamma, now (r + x, alpha + T) and (s, beta + T).

    def _before(self, params: np.ndarray) -> float:
        _, alpha, _, beta = params
        return float(min(alpha, beta))

    def _purchases_if_active(self, params: np.ndarray, x: np.ndarray, T: np.ndarray, t: ArrayLike) -> np.ndarray:
        r, alpha, s, beta = params
        left = np.log1p(t / (beta + T))  # (1 - exp(-(s - 1) left)) / (s - 1), which is `left` at s = 1
        return (r + x) / (alpha + T) * (beta + T) * left * exprel((1 - s) * left)

    def _stay_if_active(self, params: np.ndarray, x: np.ndarray, T: np.ndarray, t: ArrayLike) -> np.ndarray:
        _, _, s, beta = params
        return np.exp(-s * np.log1p(t / (beta + T)))

    def _purchases_for_ever(self, params: np.ndarray, x: np.ndarray, T: np.ndarray) -> np.ndarray | None:
        r, alpha, s, beta = params
        return (r + x) / (alpha + T) * (beta + T) / (s - 1) if s > 1 else None

    def _discounted_for_ever(self, params: np.ndarray, x: np.ndarray, T: np.ndarray, delta: float) -> np.ndarray:
        r, alpha, s, beta = params
        return (r + x) / (alpha + T) * (beta + T) * scaled_exponential_integral(s, delta * (beta + T))

    def _probability_of_purchases(self, params: np.ndarray, n: np.ndarray, t: np.ndarray) -> np.ndarray:
        r, alpha, s, beta = params
        probability = np.zeros(n.shape)
        # Either it stays until t and buys n times, or it leaves at some y before and bought n times until then.
        just, _ = negative_binomial(r, t / (alpha + t), n)
        probability += just * (1 + t / beta) ** -s
        nearer = min(alpha, beta)
        # In the logarithm of time the integrand begins with a fall of rate r + s + 1 at most, or is a peak of a half
        # width of 2 / sqrt(n + r + s) or more.
        wide = 12 / np.sqrt(1 + r + s + np.max(n, initial=0))
        nodes = _nodes(np.log(nearer) + 0 * t, np.log1p(t / nearer), min(WIDE, wide), 30 / (r + s + 1))
        for log_y, width in nodes:
            y = np.maximum(np.exp(log_y) - nearer, 0)
            just, _ = negative_binomial(r, y / (alpha + y), n)
            leaving = s / beta * (1 + y / beta) ** (-s - 1)
            probability += (just * leaving * (nearer + y) * width).sum(axis=0)
        return probability

    def _draw(self, params: np.ndarray, T: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        r, alpha, s, beta = params
        rate = rng.gamma(r, 1 / alpha, T.shape)
        leaving = np.maximum(rng.gamma(s, 1 / beta, T.shape), np.finfo(float).tiny)
        active = np.minimum(rng.exponential(size=T.shape) / leaving, T)
        made = rng.poisson(rate * active)
        # The last of m uniform draws is beta(m, 1).
        return made, np.where(made > 0, active * rng.beta(np.maximum(made, 1), 1), 0.0)


def _nodes(
    low: np.ndarray, length: np.ndarray, wide: float = WIDE, first: float = WIDE, rule: Rule = RULE
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Nodes and weights of a quadrature from `low` on over `length`, in panels: along a first axis.

    The first panel is `first` wide, each next one twice as wide as the one before, and none wider than `wide`.
    """
    nodes, shares = rule
    start, width, longest = 0.0, min(first, wide), np.max(length, initial=0.0)
    while start == 0 or start < longest:
        end = start + width
        half = (np.minimum(end, length) - np.minimum(start, length)) / 2
        yield low + np.minimum(start, length) + np.multiply.outer(1 + nodes, half), np.multiply.outer(shares, half)
        start, width = end, min(2 * width, wide)


def _parts(params: np.ndarray, x: np.ndarray, recency: np.ndarray, T: np.ndarray) -> Iterator[tuple[np.ndarray, Rule]]:
    """Rows, few at a time, and the nodes that suffice for them: most integrands are short and fall little."""
    r, alpha, s, beta = params
    of_alpha, of_beta = (np.log1p((T - recency) / (scale + recency)) for scale in (alpha, beta))
    length = np.maximum(of_alpha, of_beta)
    fall = (r + x) * of_alpha + (s + 1) * of_beta - length  # of the logarithm of the integrand
    gentle = (length <= GENTLE_LENGTH) & (fall <= GENTLE_FALL)
    for rows, rule in ((np.flatnonzero(gentle), GENTLE_RULE), (np.flatnonzero(~gentle), RULE)):
        for some in blocks(len(rows), BLOCK):
            yield rows[some], rule


def _past(params: np.ndarray, x: np.ndarray, recency: np.ndarray, T: np.ndarray, rule: Rule) -> Past:
    """When customers may have left: from the last purchase to T, with what odds against being active at T.

    The odds of having left at y are s ((alpha + T) / (alpha + y))^(r + x) ((beta + T) / (beta + y))^s / (beta + y).
    They are integrated over the logarithm of y plus the smaller of alpha and beta: over it the integrand is smooth
    however small these are. Where it falls steeply from the last purchase on, only the steep part is covered.
    """
    r, alpha, s, beta = params
    near, far = min(alpha, beta), max(alpha, beta)
    near_power, far_power = (r + x, s + 1) if alpha < beta else (s + 1 + 0 * x, r + x)
    low, length = np.log(near + recency), np.log1p((T - recency) / (near + recency))

    def fall(since: np.ndarray) -> np.ndarray:  # of the logarithm of the integrand, since the last purchase
        return (near_power - 1) * since + far_power * np.log1p(np.expm1(since) * (near + recency) / (far + recency))

    for _ in range(8):  # Newton steps towards the point where it has faded; the fall is convex, so that none overshoots
        there = np.exp(low + length)
        slope = near_power - 1 + far_power * there / (far - near + there)
        excess = fall(length) - FADED
        length = np.where(excess > 0, np.maximum(length - excess / np.maximum(slope, 1), 0), length)
        if not (excess > 1).any():
            break
    nodes, widths = (np.concatenate(parts) for parts in zip(*_nodes(low, length, rule=rule), strict=True))
    from_near = np.exp(nodes)
    from_far = from_near + (far - near)
    of_near, of_far = (nodes, 1 / from_near), (np.log(from_far), 1 / from_far)
    (log_alpha, rate), (log_beta, leave) = (of_near, of_far) if alpha < beta else (of_far, of_near)
    log = nodes - (r + x) * log_alpha - (s + 1) * log_beta
    top = log.max(axis=0)
    share = np.exp(log - top) * np.maximum(widths, np.finfo(float).tiny)
    total = share.sum(axis=0)
    log_odds = np.log(s) + top + np.log(total) + (r + x) * np.log(alpha + T) + s * np.log(beta + T)
    return Past(rate, leave, log_alpha, log_beta, share / total, np.where(recency < T, log_odds, -np.inf))


def _slope(params: np.ndarray, x: np.ndarray, T: np.ndarray, past: Past) -> np.ndarray:
    """Of the logarithm of the odds of having left at y, in each parameter."""
    r, alpha, s, beta = params
    slope = np.empty((4, *past.share.shape))
    slope[0] = np.log(alpha + T) - past.log_alpha
    slope[1] = (r + x) * (1 / (alpha + T) - past.rate)
    slope[2] = 1 / s + np.log(beta + T) - past.log_beta
    slope[3] = s / (beta + T) - (s + 1) * past.leave
    return slope


def _odds_derivatives(
    params: np.ndarray, x: np.ndarray, recency: np.ndarray, T: np.ndarray, n: np.ndarray, rule: Rule
) -> tuple[float, np.ndarray, np.ndarray]:
    """Of log(1 + odds of having left), summed over customers: value, gradient, and the upper part of the Hessian."""
    r, alpha, s, beta = params
    past = _past(params, x, recency, T, rule)
    left = expit(past.log_odds) * n
    slope = _slope(params, x, T, past)
    mean = (slope * past.share).sum(axis=1)
    weighted = past.share * left
    hessian = (slope * weighted).reshape(4, -1) @ slope.reshape(4, -1).T
    hessian -= (mean * (left * expit(past.log_odds))) @ mean.T
    # And the mean second derivatives of the logarithm of the odds of having left at y.
    rate, leave, rate_T, leave_T = past.rate, past.leave, 1 / (alpha + T), 1 / (beta + T)
    hessian[0, 1] += (weighted * (rate_T - rate)).sum()
    hessian[1, 1] += ((r + x) * weighted * (rate**2 - rate_T**2)).sum()
    hessian[2, 2] -= left.sum() / s**2
    hessian[2, 3] += (weighted * (leave_T - leave)).sum()
    hessian[3, 3] += (weighted * ((s + 1) * leave**2 - s * leave_T**2)).sum()
    return float(n @ np.logaddexp(0, past.log_odds)), mean @ left, hessian
