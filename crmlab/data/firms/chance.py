"""Chance that can be looked up: each draw is a function of the seed, the mechanism, and whom and when it befalls.

A generator that hands out numbers one after another gives everybody other numbers as soon as one event more or less
happens. Here a draw has an address: the mechanism ("leaves.price"), who, when and which. So the same customer meets the
same luck in the same week whatever happens to the others, under any decision, and a new table or mechanism moves no
other.

References
----------
Salmon, Moraes, Dror and Shaw (2011), Parallel random numbers: as easy as 1, 2, 3, Proceedings of SC11: Philox 4x32-10.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from scipy import special

DIGITS = 9  # of a probability before it meets a draw: exp and log differ in the last bit between processors
BLOCK = 1 << 16  # draws at once: what the processor's cache holds
MOST = 40  # events that one Poisson draw can give

MULTIPLIERS = np.array([[0xD2511F53], [0xCD9E8D57]], np.uint64)
WEYL = np.array([[0x9E3779B9], [0xBB67AE85]], np.uint64) * np.arange(10, dtype=np.uint64)
LOW = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)


def philox(counters: np.ndarray, key: tuple[int, int]) -> np.ndarray:
    """Philox 4x32-10: four random words of 32 bits for each counter of four such words.

    Parameters
    ----------
    counters : array of uint64, shape (4, n), each below 2**32
    key : two ints below 2**32

    Returns
    -------
    array of uint64, shape (4, n), each below 2**32
    """
    even, odd = counters[::2], counters[1::2]
    keys: np.ndarray = np.array(key, np.uint64)[:, None] + WEYL  # of each round
    keys &= LOW
    for of_round in keys.T:
        products = (even * MULTIPLIERS)[::-1]
        even, odd = (products >> HALF) ^ odd ^ of_round[:, None], products & LOW
    return np.stack([even, odd], axis=1).reshape(counters.shape)


class Chance:
    """The luck of one firm.

    Parameters
    ----------
    seed : int
        0 and above.
    firm : str
        Two firms with one seed share no luck.
    """

    def __init__(self, seed: int, firm: str) -> None:
        self.seed, self.firm = seed, firm

    def uniforms(self, mechanism: str, who: Any, when: Any = 0, which: Any = 0, world: Any = 0) -> np.ndarray:
        """Four independent numbers between 0 and 1, both excluded, for each address.

        Parameters
        ----------
        mechanism : str
            What is drawn.
        who, when, which, world : whole numbers from 0 to 2**32 - 1, or arrays of them
            Whom it befalls, in which period, which event of that period, and in which of several possible futures.

        Returns
        -------
        array of float, shape (4, ...) with the common shape of the addresses
        """
        digest = hashlib.sha256(f"{self.seed}/{self.firm}/{mechanism}".encode()).digest()
        key = int.from_bytes(digest[:4], "little"), int.from_bytes(digest[4:8], "little")
        address = who, when, which, world
        counters = np.empty((4, *np.broadcast_shapes(*map(np.shape, address))), np.uint64)
        for place, part in enumerate(address):
            counters[place] = part
        flat, shape = counters.reshape(4, -1), counters.shape
        drawn = np.empty(flat.shape)
        for start in range(0, flat.shape[1], BLOCK):
            block = slice(start, start + BLOCK)
            drawn[:, block] = philox(flat[:, block], key)
        return ((drawn + 0.5) / 2**32).reshape(shape)

    def uniform(self, mechanism: str, who: Any, when: Any = 0, which: Any = 0, world: Any = 0) -> np.ndarray:
        """One number between 0 and 1, both excluded, for each address."""
        return self.uniforms(mechanism, who, when, which, world)[0]

    def happens(self, chance: Any, mechanism: str, who: Any, when: Any = 0, which: Any = 0, world: Any = 0) -> Any:
        """Whether what has this chance happens, for each address."""
        return self.uniform(mechanism, who, when, which, world) < np.round(chance, DIGITS)


# --- from a uniform number to others: the same bits on every processor ---


def normal(u: np.ndarray) -> np.ndarray:
    """Standard normal numbers, to six decimals."""
    return np.round(special.ndtri(u), 6)


def lognormal(u: np.ndarray, spread: Any) -> np.ndarray:
    """Numbers with mean 1 whose logarithms have this standard deviation, to six decimals."""
    spread = np.asarray(spread, float)
    return np.round(np.exp(normal(u) * spread - spread**2 / 2), 6)


def gamma(u: np.ndarray, shape: Any) -> np.ndarray:
    """Gamma numbers with mean 1, to six decimals."""
    return np.round(special.gammaincinv(shape, u) / shape, 6)


def beta(u: np.ndarray, a: Any, b: Any) -> np.ndarray:
    """Beta numbers, to nine decimals."""
    return np.round(special.betaincinv(a, b, u), DIGITS)


def poisson(u: np.ndarray, mean: Any) -> np.ndarray:
    """Poisson counts with these means, each at most about 15 (and the counts at most 40)."""
    mean = np.broadcast_to(np.asarray(mean, float), np.shape(u))
    term = np.exp(-mean)
    below, count = term.copy(), np.zeros(np.shape(u), np.int64)
    for k in range(1, MOST + 1):
        more = u > np.round(below, DIGITS)
        if not more.any():
            break
        count += more
        term = term * mean / k
        below = below + term
    return count


def binomial(u: np.ndarray, trials: Any, chance: Any) -> np.ndarray:
    """Binomial counts of a few trials each."""
    trials = np.broadcast_to(np.asarray(trials), np.shape(u))
    count = np.zeros(np.shape(u), np.int64)
    for k in range(int(trials.max(initial=0))):
        count += u > np.round(special.bdtr(k, trials, chance), DIGITS)
    return np.minimum(count, trials)


def choice(u: np.ndarray, shares: Any) -> np.ndarray:
    """Places 0, 1, ... with these shares, adding up to 1 by their last axis; one row of shares for all, or one each."""
    edges = np.round(np.cumsum(shares, axis=-1), DIGITS)[..., :-1]
    if edges.ndim == 1:
        return np.searchsorted(edges, u, side="right")
    return (u[..., None] >= edges).sum(axis=-1)


def ranks_at_random(u: np.ndarray) -> np.ndarray:
    """0, 1, ... in random order: the place of each number among all."""
    return np.argsort(np.argsort(u, kind="stable"), kind="stable")
