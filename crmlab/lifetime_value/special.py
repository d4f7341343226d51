"""Special functions where the libraries' own break, and what stands in for them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import zeta

GAP = 1e-3  # how near to a point where a formula breaks it is not used


def trigamma(x: ArrayLike) -> np.ndarray:
    """The second derivative of the log of the gamma function, at positive `x`."""
    return zeta(2, x)


def bridge(beside: Callable[[float], np.ndarray], off: float | np.ndarray) -> np.ndarray:
    """A smooth function `off` the point where its formula breaks, by the cubic through four of its values beside it."""
    s = off / GAP
    return (
        (s - 1) * (s - 3) * (3 * (s + 3) * beside(-GAP) - (s + 1) * beside(-3 * GAP))
        + (s + 1) * (s + 3) * (3 * (3 - s) * beside(GAP) + (s - 1) * beside(3 * GAP))
    ) / 48


def discounted_sum(b: ArrayLike, c: ArrayLike, z: float) -> np.ndarray:
    """2F1(1, b; c; z), the sum over j from 0 on of z^j (b)_j / (c)_j.

    For 0 < `b` < `c`, 1 < `c`, and `z` from 0 to below 1. By Gauss' continued fraction, where every
    term is positive and nothing overflows.

    References
    ----------
    Abramowitz and Stegun (1964), chapter 15, for 2F1; Wall (1948), Analytic theory of continued fractions, chapter 18.
    """
    b, c = np.broadcast_arrays(np.asarray(b, dtype=float), np.asarray(c, dtype=float))
    fraction = np.ones(b.shape)
    for m in range(int(20 / np.sqrt(1 - z)) + 2, 0, -1):
        fraction = 1 - m * (c - b + m - 1) / ((c + 2 * m - 2) * (c + 2 * m - 1)) * z / fraction
        odd = m - 1
        fraction = 1 - (b + odd) * (c - 1 + odd) / ((c + 2 * odd - 1) * (c + 2 * odd)) * z / fraction
    return 1 / fraction


def scaled_exponential_integral(s: float, z: ArrayLike) -> np.ndarray:
    """exp(z) E_s(z), the integral over u from 0 to infinity of exp(-z u) (1 + u)^-s, for `s` > 0 and `z` > 0.

    By the trapezoidal rule in the logarithm of u, which converges exponentially: to 10 digits with this step.
    """
    z = np.asarray(z, dtype=float)
    if not z.size:
        return z
    step = 0.4
    total = np.zeros(z.shape)
    for log in np.arange(-30 - np.log(z.max() + s), np.log(40 / z.min()), step):
        u = np.exp(log)
        total += np.exp(log - z * u - s * np.log1p(u))
    return step * total
