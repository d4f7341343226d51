"""Scarce goods: who gets them, by a rule or by the programme that makes the most of them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

RULES = ("priority", "proportional", "first come", "value")
Names = str | Sequence[str]
TOLERANCE = 1e-9  # of sums of what units use


def allocate(
    orders: pd.DataFrame,
    stock: float | Mapping[Any, float] | pd.Series,
    rule: str = "priority",
    constraints: Mapping[str, Any] | None = None,
    *,
    by: Names | None = None,
    cell: Names = "product_id",
    quantity: str = "quantity",
) -> pd.DataFrame:
    """Who gets the goods where there are too few.

    Parameters
    ----------
    orders : DataFrame, one row an order line
        Needs the columns named below.
    stock : number, or dict or Series by cell
        Whole units, 0 where there are none. A number: all lines are of one item.
    rule : {"priority", "first come", "proportional", "value"}
        "priority" serves the lowest `by` first ("priority" if not given), "first come" the earliest (the rows as they
        stand if not given); equal lines are served in the order of the rows. "proportional" gives every line the same
        share, in whole units by largest remainder. "value" is the linear programme with the largest sum of `by`
        ("value" if not given), money a unit.
    constraints : dict
        Its keys, each optional: ``"floor"``, a share between 0 and 1 or a column of shares: that part of a line,
        rounded down to whole units (0.4 of a line of 2 is none), is served before the rule begins, and by all but
        "value" cut alike where there is not enough.
        For "value" only: ``"limits"``, a dict of columns of what a unit uses, and the capacity for all rows
        together; ``"whole_orders"``, column of the order that a line belongs to: orders are served in full or not at
        all; ``"seconds"`` that the search for these may take (30).
    by : str or list of str
        Column that the rule goes by; for "priority" and "first come" also several, the first before the others. Text is
        sorted as text, "10/1/2025" before "9/1/2025": give dates as dates.
    cell : str or list of str
        Column of the item, or several that make up where a line is served from, such as week, depot and item, as
        `stock` is indexed. Not read where `stock` is a number.
    quantity : str
        Column of whole units ordered, 0 and above.

    Returns
    -------
    DataFrame
        `orders` with `allocated` and `short`, units; the programme may cut a unit into parts where a limit ends.

    Raises
    ------
    ValueError
        The rule or a constraint is unknown, a column is missing or holds what it must not, a cell has no stock given,
        or the programme cannot meet the floor: the message says what lacks, and which floor can be met.

    Warns
    -----
    UserWarning
        The search for whole orders ended before its result was proven best; how much more is possible at most.

    Notes
    -----
    If stock is the only limit, no value is negative and no floor is asked for, the programme is the rule "priority" by
    the largest value a unit.

    References
    ----------
    Dantzig (1957), Discrete-variable extremum problems, Operations Research 5(2), 266-277 (sorting by value); Schork
    and Gondzio (2020), Implementation of an interior point method with basis preconditioning, Mathematical Programming
    Computation 12, 603-635 (in HiGHS); Balinski and Young (2001), Fair Representation, 2nd ed., appendix A (largest
    remainders).

    Examples
    --------
    >>> orders = pd.DataFrame({"customer_id": ["C1", "C2", "C3"], "quantity": [6, 6, 3], "priority": [2, 1, 3]})
    >>> allocate(orders, 8)["allocated"].tolist()
    [2, 6, 0]
    >>> allocate(orders, 8, constraints={"floor": 0.34})["allocated"].tolist()
    [2, 5, 1]
    >>> allocate(orders, 8, "proportional")["allocated"].tolist()
    [3, 3, 2]
    """
    if rule not in RULES:
        raise ValueError(f"rule must be one of {', '.join(map(repr, RULES))}, not {rule!r}")
    keep = _read(constraints)
    if rule != "value" and keep != _Constraints(floor=keep.floor):
        raise ValueError(f"constraints other than 'floor' are for the rule 'value' only, not for {rule!r}")
    if rule == "proportional" and by is not None:
        raise ValueError(f"the rule 'proportional' goes by what is ordered: leave `by` out, not {by!r}")
    demand = _demand(orders, stock, keep.floor, cell, quantity)
    if rule == "value":
        if not isinstance(by, str | None):
            raise ValueError(f"the rule 'value' goes by one column, money a unit, not by {by!r}")
        allocated = _best(orders, demand, keep, by or "value").allocated
    else:
        allocated = _floors(demand)
        wanted, left = demand.quantity - allocated, demand.stock - demand.per_cell(allocated)
        if rule == "proportional":
            allocated += _shares(demand.cell, wanted, left)
        else:
            by = "priority" if by is None and rule == "priority" else by
            allocated += _in_turn(_order(orders, by), demand.cell, wanted, left)
        allocated = allocated.astype(np.int64)
    return orders.assign(allocated=allocated, short=demand.quantity.astype(allocated.dtype) - allocated)


def shadow_prices(
    orders: pd.DataFrame,
    stock: float | Mapping[Any, float] | pd.Series,
    constraints: Mapping[str, Any] | None = None,
    *,
    by: str = "value",
    cell: Names = "product_id",
    quantity: str = "quantity",
) -> pd.DataFrame:
    """What one more unit of each limit would bring, if the programme "value" of `allocate` gives out the goods.

    Parameters
    ----------
    orders, stock, constraints, by, cell, quantity
        As for `allocate`; whole orders have no such prices.

    Returns
    -------
    DataFrame, one row a cell of the stock, then one a further limit
        `capacity` and `used`, in the unit of the limit, and `shadow_price`, money a unit of it: the rate at that place.
        Where a limit ends just where a line does, it lies between what one more brings and what one less takes.

    Raises
    ------
    ValueError
        As for `allocate`, or whole orders are asked for.

    References
    ----------
    Bertsimas and Tsitsiklis (1997), Introduction to Linear Optimization, chapter 4.

    Examples
    --------
    >>> orders = pd.DataFrame({"product_id": ["P1", "P1", "P2"], "quantity": [4, 4, 9], "value": [5.0, 2.0, 3.0]})
    >>> shadow_prices(orders, {"P1": 6, "P2": 20})
        capacity  used  shadow_price
    P1       6.0   6.0           2.0
    P2      20.0   9.0           0.0
    """
    keep = _read(constraints)
    if keep.whole_orders is not None:
        raise ValueError("whole orders have no shadow prices: leave 'whole_orders' out of the constraints")
    demand = _demand(orders, stock, keep.floor, cell, quantity)
    if both := [name for name in keep.limits if name in demand.names]:
        raise ValueError(f"limits: {both[0]!r} is the name of a cell, too; rename the column")
    best = _best(orders, demand, keep, by)
    return pd.DataFrame(
        {"capacity": best.capacity, "used": best.used, "shadow_price": best.prices},
        index=pd.Index([*demand.names, *keep.limits], tupleize_cols=False),
    )


# --- what is asked for, and what is there ---


class _Constraints(NamedTuple):
    floor: float | str = 0.0
    limits: Mapping[str, float] = {}
    whole_orders: str | None = None
    seconds: float = 30.0


def _read(constraints: Mapping[str, Any] | None) -> _Constraints:
    given = dict(constraints or {})
    if wrong := [name for name in given if name not in _Constraints._fields]:
        raise ValueError(f"constraints: there is no {wrong[0]!r}; there are: {', '.join(_Constraints._fields)}")
    keep = _Constraints(**given)
    if not isinstance(keep.limits, Mapping):
        raise ValueError(f"limits must be a dict of columns and their capacities, not {keep.limits!r}")
    for name, capacity in keep.limits.items():
        if not isinstance(capacity, Real) or not 0 <= capacity < np.inf:
            raise ValueError(f"limits: the capacity of {name!r} must be a number, 0 and above, not {capacity!r}")
    if not isinstance(keep.floor, str | Real):
        raise ValueError("floor must be a number between 0 and 1, or the name of a column of them")
    if not isinstance(keep.seconds, Real) or not keep.seconds > 0:
        raise ValueError(f"seconds must be above 0, not {keep.seconds!r}")
    return keep


class _Demand(NamedTuple):
    quantity: np.ndarray  # of each line
    cell: np.ndarray  # its place in stock
    stock: np.ndarray
    names: Sequence[Any] | pd.Index  # of the cells
    floor: np.ndarray  # share of each line

    def per_cell(self, units: np.ndarray) -> np.ndarray:
        return np.bincount(self.cell, units, len(self.stock))

    def first(self, part: Any = 1.0) -> np.ndarray:
        """The floors in whole units, or a part of them."""
        return np.floor(np.round(self.quantity * self.floor * part, 6))


def _demand(orders: pd.DataFrame, stock: Any, floor: float | str, cell: Names, quantity: str) -> _Demand:
    if len(orders) == 0:
        raise ValueError("orders has no rows: there is nothing to give out")
    units = _numbers(orders, quantity)
    if (units % 1 > 0).any():
        raise ValueError(f"{quantity} must be whole: count what can be divided in smaller units")
    place, goods = _cells(orders, stock, [cell] if isinstance(cell, str) else list(cell))
    if (wrong := ~(np.isfinite(goods) & (goods >= 0) & (goods % 1 == 0))).any():
        raise ValueError(f"stock must be whole units, 0 and above, not {goods[wrong].iloc[0]:g}")
    shares = _numbers(orders, floor) if isinstance(floor, str) else np.full(len(orders), float(floor))
    if not ((shares >= 0) & (shares <= 1)).all():
        raise ValueError(f"floor must lie between 0 and 1: a share of each line, not {floor!r}")
    return _Demand(units, place, goods.to_numpy(), goods.index, shares)


def _cells(orders: pd.DataFrame, stock: Any, columns: list[str]) -> tuple[np.ndarray, pd.Series]:
    """The place of each line in the stock, and the stock by cell."""
    if not isinstance(stock, Mapping | pd.Series):
        if not isinstance(stock, Real):
            raise ValueError("stock must be a number, or a dict or Series by cell")
        there = [name for name in columns if name in orders]
        if there and len(orders[there].drop_duplicates()) > 1:
            raise ValueError(f"stock is one number for lines of more than one {' and '.join(there)}: give it for each")
        return np.zeros(len(orders), dtype=np.intp), pd.Series({"stock": stock}, dtype=float)
    goods = pd.to_numeric(pd.Series(stock), errors="coerce").astype(float)  # what is no number is refused as nan
    if missing := [name for name in columns if name not in orders]:
        raise ValueError(f"orders has no column {missing[0]!r}; name those of the cells by `cell`")
    if goods.index.has_duplicates:
        raise ValueError(f"stock has {goods.index[goods.index.duplicated()][0]!r} twice: add it up")
    wanted = pd.Index(orders[columns[0]]) if len(columns) == 1 else pd.MultiIndex.from_frame(orders[columns])
    place = goods.index.get_indexer(wanted)
    if (unknown := place < 0).any():
        raise ValueError(
            f"stock has no entry for {wanted[unknown][0]!r} ({unknown.sum():,} lines lack one): give 0 if none is there"
        )
    return place, goods


def _numbers(orders: pd.DataFrame, name: str, low: float = 0.0) -> np.ndarray:
    """A column without gaps, at least `low`."""
    if name not in orders:
        raise ValueError(f"orders has no column {name!r}; the columns are: {', '.join(map(str, orders.columns))}")
    values = pd.to_numeric(orders[name], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    wrong = ~(np.isfinite(values) & (values >= low))
    if wrong.any():
        kind = "numbers" if low < 0 else "numbers, 0 and above"
        row = int(wrong.argmax())
        raise ValueError(
            f"{name} must be {kind}; {int(wrong.sum()):,} lines hold something else, the first is row {row + 1}: "
            f"{orders[name].iloc[row]}"
        )
    return values


# --- plain rules ---


def _floors(demand: _Demand) -> np.ndarray:
    """The floor of each line, cut alike within a cell where there is not enough for it."""
    asked = demand.per_cell(demand.quantity * demand.floor)
    part = np.minimum(1, demand.stock / np.where(asked > 0, asked, 1))
    return demand.first(np.where(asked > 0, part, 1)[demand.cell])


def _order(orders: pd.DataFrame, by: Names | None) -> np.ndarray:
    """The places of the lines in the order of service."""
    if by is None:
        return np.arange(len(orders))
    columns = [by] if isinstance(by, str) else list(by)
    for name in columns:
        if name not in orders:
            raise ValueError(f"orders has no column {name!r} to go by; name one by `by`")
        if orders[name].isna().any():
            raise ValueError(f"{name} is missing in row {int(orders[name].isna().to_numpy().argmax()) + 1}")
    return orders[columns].reset_index(drop=True).sort_values(columns, kind="stable").index.to_numpy()


def _in_turn(order: np.ndarray, cell: np.ndarray, wanted: np.ndarray, left: np.ndarray) -> np.ndarray:
    """What each line gets if lines are served one after another as far as the goods of their cell go."""
    order = order[np.argsort(cell[order], kind="stable")]
    cell, wanted = cell[order], wanted[order]
    before = np.cumsum(wanted) - wanted
    before -= before[np.searchsorted(cell, cell)]
    served = np.empty(len(order))
    served[order] = np.clip(left[cell] - before, 0, wanted)
    return served


def _shares(cell: np.ndarray, wanted: np.ndarray, left: np.ndarray) -> np.ndarray:
    """Equal shares in whole units: rounded down, and what is over to the largest remainders."""
    total = np.bincount(cell, wanted, len(left))
    quota = np.round(wanted * np.minimum(1, left / np.maximum(total, 1))[cell], 9)
    whole = np.floor(quota)
    over = np.minimum(left, total) - np.bincount(cell, whole, len(left))
    return whole + _in_turn(np.argsort(np.round(whole - quota, 9), kind="stable"), cell, np.ceil(quota) - whole, over)


# --- the programme ---


class _Best(NamedTuple):
    allocated: np.ndarray
    capacity: np.ndarray  # of the cells, then of the further limits
    used: np.ndarray
    prices: np.ndarray | None


def _best(orders: pd.DataFrame, demand: _Demand, keep: _Constraints, by: str) -> _Best:
    """The lines served so that the value is largest, by HiGHS."""
    from scipy import sparse

    value, lines = _numbers(orders, by, -np.inf), np.arange(len(orders))
    cells = sparse.csr_array((np.ones(len(lines)), (demand.cell, lines)), shape=(len(demand.stock), len(lines)))
    further = [sparse.csr_array(_numbers(orders, name)[None]) for name in keep.limits]
    use = sparse.vstack([cells, *further], format="csr")
    capacity = np.concatenate([demand.stock, np.array(list(keep.limits.values()), dtype=float)])
    if keep.whole_orders is None:
        _check_floors(demand, keep, use, capacity)
        allocated, prices = _parts(demand, value, use, capacity)
        return _Best(allocated, capacity, use @ allocated, prices)
    if demand.floor.any():
        raise ValueError("constraints: 'floor' and 'whole_orders' cannot both hold: a part of an order is not whole")
    allocated = _whole_orders(orders, demand, keep, value, use, capacity)
    return _Best(allocated, capacity, use @ allocated, None)


def _check_floors(demand: _Demand, keep: _Constraints, use: Any, capacity: np.ndarray) -> None:
    """Refuse floors that cannot be met, with what lacks and the largest that can."""

    def lacks(part: float) -> np.ndarray:
        return use @ demand.first(part) - capacity

    missing = lacks(1)
    if not (too_small := int((missing > TOLERANCE).sum())):
        return
    worst = int((missing / np.maximum(missing + capacity, TOLERANCE)).argmax())
    name = [*demand.names, *keep.limits][worst]
    # tried in hundredths: of all that is ordered, or of the column of floors
    whole = 1.0 if isinstance(keep.floor, str) else keep.floor
    broken = [bool((lacks(hundredth / 100 / whole) > TOLERANCE).any()) for hundredth in range(101)]
    met = broken.index(True) - 1
    most = f"{met}% of {keep.floor!r}" if isinstance(keep.floor, str) else f"a floor of {met / 100:.2f}"
    raise ValueError(
        f"the floor cannot be met: {name!r} lacks {missing[worst]:,.6g} beyond its {capacity[worst]:,.6g}"
        f"{f' and {too_small - 1:,} more limits are too small' * (too_small > 1)}. At most {most} can be met; "
        "the other rules serve a floor as far as the goods go"
    )


def _parts(demand: _Demand, value: np.ndarray, use: Any, capacity: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Units of each line, and the price of each limit."""
    from scipy.optimize import linprog

    lowest = demand.first()
    bounds = np.column_stack([lowest, demand.quantity])
    # where one limit couples many lines, the simplex crawls, and so does presolving
    found = linprog(-value, A_ub=use, b_ub=capacity, bounds=bounds, method="highs-ipm", options={"presolve": False})
    if found.status:
        raise RuntimeError(f"HiGHS found no best allocation: {found.message}")
    units = np.floor(np.round(found.x * 1e6, 2)) / 1e6  # rounded down: no limit is passed
    return np.clip(units, lowest, demand.quantity), -found.ineqlin.marginals + 0.0


def _whole_orders(
    orders: pd.DataFrame, demand: _Demand, keep: _Constraints, value: np.ndarray, use: Any, capacity: np.ndarray
) -> np.ndarray:
    """Units of each line, where orders are served in full or not at all."""
    from scipy import sparse
    from scipy.optimize import Bounds, LinearConstraint, milp

    if keep.whole_orders not in orders or orders[keep.whole_orders].isna().any():
        raise ValueError(f"whole_orders must name a column that says the order of each line, not {keep.whole_orders!r}")
    order, names = pd.factorize(orders[keep.whole_orders])
    lines = sparse.csr_array((demand.quantity, (np.arange(len(order)), order)), shape=(len(order), len(names)))
    found = milp(
        -(value @ lines),
        integrality=np.ones(len(names)),
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(use @ lines, ub=capacity),
        options={"time_limit": keep.seconds},
    )
    if found.status == 0:
        return demand.quantity * np.round(found.x)[order]
    worth = value @ lines
    tried = [_filled_up(worth, (use @ lines).tocsc(), capacity)]
    tried += [] if found.x is None else [np.round(found.x)]
    served = max(tried, key=lambda chosen: float(worth @ chosen))
    most = min(worth.clip(min=0).sum(), np.inf if found.mip_dual_bound is None else -found.mip_dual_bound)
    warnings.warn(
        f"whole orders: not proven best after {keep.seconds} s; {worth @ served:,.2f} found, at most "
        f"{most - worth @ served:,.2f} more is possible. Raise 'seconds' to go on",
        stacklevel=4,
    )
    return demand.quantity * served[order]


def _filled_up(worth: np.ndarray, use: Any, capacity: np.ndarray) -> np.ndarray:
    """Orders served one after another, the largest value for the part of a limit that it takes first."""
    left, served = capacity.copy(), np.zeros(len(worth))
    part = (use.multiply(1 / np.maximum(capacity, TOLERANCE)[:, None])).max(axis=0).toarray().ravel()
    for number in np.argsort(-worth / np.maximum(part, TOLERANCE), kind="stable"):
        limits = use.indices[use.indptr[number] : use.indptr[number + 1]]
        needs = use.data[use.indptr[number] : use.indptr[number + 1]]
        if worth[number] > 0 and (needs <= left[limits]).all():
            left[limits] -= needs
            served[number] = 1
    return served
