"""All that happened at Harbour & Hill (simulated) in the weeks of a draw, before it is written into tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from crmlab.data.firms.firm import Draw
from crmlab.data.firms.harbour.trade import FIRST_DAY, Trade


@dataclass
class History:
    """What happened, event by event; customers are numbers, places in `trade.alone`.

    Attributes
    ----------
    trade : Trade
        The firm after its last week.
    orders : DataFrame, one row an order, by week, customer and place in the week
        customer, week, date, account (0, 1, ... among the customer's), urgent, own_drop (false for a further order of a
        delivery day), entry (share of the standard minutes of order taking), lines, late, late_days, wrong_place,
        wrong_customer, wrong_invoice, wrong_documents, kind (place in `harbour.KINDS`), complains, recovered, annoys,
        days_to_resolve, compensation (EUR), short_share, worst; ghosts' orders are not in it.
    lines : DataFrame, one row a line
        order (row in `orders`), item, quantity, delivered (units), wrong_item, damaged.
    stock : dict of arrays, shape (weeks, depots, stocked items)
        opening, received, demand, delivered; units.
    mood, here : arrays, shape (weeks, customers)
        How each felt at the end of each week, and whether it was a customer still.
    """

    trade: Trade
    orders: pd.DataFrame
    lines: pd.DataFrame
    stock: dict[str, np.ndarray]
    mood: np.ndarray
    here: np.ndarray

    @property
    def today(self) -> pd.Timestamp:
        """The last day."""
        return pd.Timestamp(FIRST_DAY + 7 * self.trade.weeks - 1)


def history(draw: Draw, do: Mapping[str, Any] | None = None) -> History:
    """Run a firm through the weeks of its draw."""
    trade = Trade(draw, do)
    weeks = []
    for week in range(trade.weeks):
        events = trade.week(week)
        events["order.week"] = np.full(len(events["order.unit"]), week)
        weeks.append(events)

    def table(part: str) -> pd.DataFrame:
        names = [name for name in weeks[0] if name.startswith(part)]
        return pd.DataFrame({name[len(part) :]: np.concatenate([week[name] for week in weeks]) for name in names})

    orders, lines = table("order."), table("line.")
    first = np.cumsum([0, *(len(week["order.unit"]) for week in weeks[:-1])])
    lines["order"] += np.repeat(first, [len(week["line.order"]) for week in weeks])
    real = ~orders["ghost"].to_numpy()
    place = np.cumsum(real) - 1
    kept = real[lines["order"]]
    lines = lines[kept].assign(order=place[lines["order"][kept]]).drop(columns=["unit", "luck", "number"])
    orders = orders[real].drop(columns=["ghost", "which"]).rename(columns={"unit": "customer"})
    orders["date"] = FIRST_DAY + (7 * orders["week"] + orders.pop("day")).to_numpy()
    return History(
        trade,
        orders.reset_index(drop=True),
        lines.reset_index(drop=True),
        {
            name: np.stack([week[f"stock.{name}"] for week in weeks])
            for name in ("opening", "received", "demand", "delivered")
        },
        np.stack([week["unit.mood"] for week in weeks]).astype(np.int8),
        np.stack([week["unit.here"] for week in weeks]),
    )
