"""Waiting in line: who waits how long where some are served first, and what that costs the others."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

Rates = Sequence[float] | Mapping[str, float] | pd.Series


def priority_waits(arrival_rates: Rates, service_rate: float | Rates, *, cv2: float | Rates = 1.0) -> pd.DataFrame:
    """How long each class waits on average where the first class is served first.

    Parameters
    ----------
    arrival_rates : numbers above 0, one a class in the order of service
        Customers a unit of time, by chance (Poisson). The names of a dict or Series name the classes.
    service_rate : number, or one a class
        Customers that the desk serves in a unit of time while it is busy.
    cv2 : number, or one a class
        Variance of the service time by its squared mean: 1 for exponential times, 0 for times always the same.

    Returns
    -------
    DataFrame, one row a class
        `arrival_rate`; `load`, the share of time that the desk works for the class; `wait`, mean time until service
        begins; `first_come`, the same if all are served in the order in which they come. Weighted by load, `wait` has
        the mean `first_come` in whatever order the classes are served (Kleinrock's conservation law).

    Raises
    ------
    ValueError
        A rate is not above 0, cv2 is negative, the numbers of classes differ, or the desk cannot serve all who come.

    Notes
    -----
    One desk; who is being served is not interrupted. Within a class the first come are served first.

    References
    ----------
    Cobham (1954), Priority assignment in waiting line problems, Operations Research 2(1), 70-76; Kleinrock (1965), A
    conservation law for a wide class of queueing disciplines, Naval Research Logistics Quarterly 12(2), 181-192.

    Examples
    --------
    >>> priority_waits({"builders": 0.2, "dealers": 0.2, "trades": 0.1}, 1.0)[["wait", "first_come"]].round(4)
                wait  first_come
    builders  0.6250         1.0
    dealers   1.0417         1.0
    trades    1.6667         1.0
    """
    names, arrival, service, spread = _classes(arrival_rates, service_rate, cv2)
    load = arrival / service
    # the mean rest of the service that an arrival finds under way
    rest = (arrival * (1 + spread) / service**2).sum() / 2
    left = 1 - np.concatenate([[0], load.cumsum()])
    wait, in_turn = rest / (left[:-1] * left[1:]), rest / left[-1]
    return pd.DataFrame({"arrival_rate": arrival, "load": load, "wait": wait, "first_come": in_turn}, index=names)


def simulate_priority_queue(
    arrival_rates: Rates,
    service_rate: float | Rates,
    *,
    cv2: float | Rates = 1.0,
    strict: float = 1.0,
    customers: int = 10_000,
    random_state: int | np.random.Generator | None = None,
) -> pd.DataFrame:
    """One desk, customer by customer: the queue of `priority_waits` with its luck.

    Parameters
    ----------
    arrival_rates, service_rate, cv2
        As for `priority_waits`; service times follow a gamma distribution.
    strict : float
        Chance, drawn whenever the desk has been idle, that classes are served in their order until it is idle again;
        otherwise all are served as they come. Mean waits are then strict * wait + (1 - strict) * first_come.
    customers : int
        How many come. The first find nobody before them.
    random_state : int, Generator or None
        The same int gives the same draws.

    Returns
    -------
    DataFrame, one row a customer in the order of arrival
        `class`, and `arrival` (moment), `service` and `wait` (durations), in the unit of time of the rates.

    Raises
    ------
    ValueError
        As for `priority_waits`; `strict` is not between 0 and 1, or `customers` no positive whole number.

    Examples
    --------
    >>> simulate_priority_queue([0.2, 0.3], 1.0, customers=3, random_state=1)["class"].tolist()
    [1, 2, 2]
    """
    names, arrival, service, spread = _classes(arrival_rates, service_rate, cv2)
    if not 0 <= strict <= 1:
        raise ValueError(f"strict must lie between 0 and 1, not {strict}")
    if not isinstance(customers, int | np.integer) or customers < 1:
        raise ValueError(f"customers must be a positive whole number, not {customers!r}")
    rng = np.random.default_rng(random_state)
    moments = rng.exponential(1 / arrival.sum(), customers).cumsum()
    classes = rng.choice(len(arrival), customers, p=arrival / arrival.sum())
    shape = 1 / np.where(spread > 0, spread, 1)
    drawn = rng.gamma(shape[classes]) / (shape * service)[classes]
    durations = np.where(spread[classes] > 0, drawn, 1 / service[classes])
    by_class = rng.random(customers) < strict  # read for who finds the desk idle
    waits = _waits(moments.tolist(), durations.tolist(), classes.tolist(), by_class.tolist())
    return pd.DataFrame({"class": names[classes], "arrival": moments, "service": durations, "wait": waits})


def _waits(moments: list[float], durations: list[float], classes: list[int], by_class: list[bool]) -> list[float]:
    waits = [0.0] * len(moments)
    queue: list[tuple[int, int]] = []  # rank of the class, then the order of arrival
    now, come, ranked = 0.0, 0, False
    while queue or come < len(moments):
        if not queue and moments[come] >= now:  # the desk is idle
            now, ranked = moments[come], by_class[come]
        while come < len(moments) and moments[come] <= now:
            heapq.heappush(queue, (classes[come] * ranked, come))
            come += 1
        _, who = heapq.heappop(queue)
        waits[who] = now - moments[who]
        now += durations[who]
    return waits


def _classes(
    arrival_rates: Rates, service_rate: float | Rates, cv2: float | Rates
) -> tuple[pd.Index, np.ndarray, np.ndarray, np.ndarray]:
    """Names of the classes, and a number each of arrivals, services and spread."""
    named = isinstance(arrival_rates, Mapping | pd.Series)
    if not (named or isinstance(arrival_rates, Sequence | np.ndarray)) or len(arrival_rates) == 0:
        raise ValueError("arrival_rates must be a list, dict or Series of one rate a class, and one class or more")
    names = pd.Series(arrival_rates).index if named else pd.RangeIndex(1, len(arrival_rates) + 1)
    if names.has_duplicates:
        raise ValueError(f"arrival_rates names {names[names.duplicated()][0]!r} twice: give each class its own name")
    arrival = _one_each("arrival_rates", arrival_rates, names)
    service = _one_each("service_rate", service_rate, names)
    spread = _one_each("cv2", cv2, names, positive=False)
    if (load := float((arrival / service).sum())) >= 1:
        raise ValueError(
            f"the load is {load:.2f}: who comes brings {load:.0%} of the work that the desk can do, so the line grows "
            "without end; raise service_rate, or let fewer come, until it is below 1"
        )
    return names, arrival, service, spread


def _one_each(name: str, values: Any, names: pd.Index, positive: bool = True) -> np.ndarray:
    if isinstance(values, Mapping | pd.Series):
        if set(pd.Series(values).index) != set(names):
            raise ValueError(f"{name} must name the classes of arrival_rates: {', '.join(map(str, names))}")
        values = pd.Series(values).reindex(names).to_numpy()
    numbers = np.asarray(pd.to_numeric(values, errors="coerce"), dtype=float)  # what is no number is refused as nan
    if numbers.ndim and numbers.shape != names.shape:
        raise ValueError(f"{name} must be a number, or one for each of the {len(names)} classes, not {len(numbers)}")
    if not (np.isfinite(numbers) & ((numbers > 0) if positive else (numbers >= 0))).all():
        raise ValueError(f"{name} must be {'above 0' if positive else '0 and above'}, not {numbers.min():g}")
    return np.broadcast_to(numbers, names.shape)
