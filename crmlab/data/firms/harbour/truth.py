"""What a customer of Harbour & Hill (simulated) is truly worth, and what a decision truly brings."""

from __future__ import annotations

import copy
import functools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from crmlab.data.firms.chance import lognormal
from crmlab.data.firms.firm import Draw
from crmlab.data.firms.harbour import people as hp
from crmlab.data.firms.harbour import trade as hb
from crmlab.data.firms.harbour.people import MOST_LINES, NEVER
from crmlab.data.firms.harbour.policy import COMPENSATION_TODAY, RECOVERED_TODAY, Effects, effects, today
from crmlab.data.firms.harbour.trade import Trade, saved_per

DISCOUNT_RATE = 0.10  # a year
LEVELS = 16  # of how good a year can be


# --- what a week brings in ---


def earned(trade: Trade, events: Mapping[str, np.ndarray]) -> np.ndarray:
    """Money by customer and world in a week: contribution of the goods less the costs that go when the customer goes.

    Parameters
    ----------
    trade : Trade
        Right after the week.
    events : dict
        What `Trade.week` returned.

    Returns
    -------
    array of float, one entry a customer and world, EUR
        Ghosts earn nothing. Costs count with the share that is saved within twelve months.
    """
    p, now, goods = trade.people, trade.now, trade.goods
    e = events
    price = goods.price[e["line.item"]] * (1 - e["line.discount"])
    contribution = e["line.delivered"] * (price - goods.cost[e["line.item"]])
    per_line = saved_per("order lines") * e["order.entry"][e["line.order"]] + saved_per("picking")
    returned = e["line.wrong_item"] | e["line.damaged"]
    lines = np.bincount(
        e["line.order"], contribution - per_line - saved_per("returns") * returned, len(e["order.unit"])
    )
    unit, urgent = e["order.unit"], e["order.urgent"]
    delivery = np.where(p.return_leg, saved_per("delivery on the return leg"), saved_per("delivery"))[unit]
    order = (
        lines
        - saved_per("order taking") * e["order.entry"]
        - delivery * e["order.own_drop"]
        - urgent * (saved_per("expediting") - now.urgent_fee[unit])
        - e["order.complains"] * saved_per("complaints")
        - e["order.compensation"]
    )
    total = np.bincount(unit, np.where(e["order.ghost"], 0.0, order), len(p))
    return total - e["unit.here"] * (standing_cost(p, now) + now.weekly_cost)


def standing_cost(p: hp.People, terms: Effects) -> np.ndarray:
    """What visits and late payments cost, whether a customer orders or not, EUR a week."""
    visits, late = p.visits * terms.visits, p.late_payer * terms.late_payments
    return saved_per("visits") * visits * 12 / 52 + saved_per("credit control") * late * 12 / 52


def carried(trade: Trade) -> np.ndarray:
    """What the stock and the decision cost in a week, by world, EUR."""
    stocked = trade.goods.stocked >= 0
    held = (trade.state.stock * trade.goods.cost[stocked]).sum(axis=1).reshape(trade.worlds, -1).sum(axis=1)
    return held * hb.HOLDING + trade.now.fixed_cost


# --- the value of a customer ---


def expected_line(trade: Trade) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """List value and cost (EUR) of an order's first line and of a further one, expected, by customer: (2, n) each.

    The third array is the share of the list value in goods of class A.
    """
    p, goods = trade.alone, trade.goods
    grid = np.geomspace(0.5 * p.size.min(), 2.0 * p.size.max(), 300)
    steps = grid[:, None] * hp.line_sizes()
    value = np.empty((len(hp.CATEGORIES), len(grid)))
    cost, stocked = value.copy(), value.copy()
    for category in range(len(hp.CATEGORIES)):
        of = slice(category * hp.PER_CATEGORY, (category + 1) * hp.PER_CATEGORY)
        price = goods.price[of]
        quantity = np.maximum(np.floor(steps[:, :, None] / price + 0.5), 1).mean(axis=1)
        value[category] = quantity @ (goods.popularity[of] * price)
        cost[category] = quantity @ (goods.popularity[of] * goods.cost[of])
        stocked[category] = quantity @ (goods.popularity[of] * price * (goods.stocked[of] >= 0))
    results = []
    for by_category in (value, cost, stocked):
        mine = np.stack([np.interp(p.size, grid, row) for row in by_category])
        results.append(
            np.stack([(hp.mix_of_categories(along)[p.group] * mine.T).sum(axis=1) for along in (False, True)])
        )
    value, cost, stocked = results
    return value, cost, stocked / value


class Conditions:
    """How often an order goes wrong under the conditions of the last week, shortages being as frequent as they were.

    Attributes
    ----------
    annoys : array, shape (3, n)
        Chance, before temper, that an order annoys by handling, lateness, shortage: at most one of them.
    filled : array, shape (n,)
        Share of the value ordered that is delivered.
    complains, compensation, returned : array, shape (n,)
        An order's chance of a complaint, expected compensation (EUR), and lines that come back.
    """

    def __init__(self, trade: Trade, orders: pd.DataFrame) -> None:
        p, around = trade.alone, trade.around
        last = trade.weeks - 1
        short, weight, short_complains, missing = _shortages(trade, orders)
        handled = hb.COMPLAINS * (1 - RECOVERED_TODAY) + (1 - hb.COMPLAINS) * hb.SILENT
        late = around.late[p.depot, last] * (1 + 0.3 * p.urgent)
        lines = _line_counts(p.lines)
        rest, kinds = (1 - short) * (1 - late), {}
        faults = {
            hb.CUSTOMER: np.full(len(p), hb.RANDOM_FAULTS["wrong customer"]),
            hb.PLACE: np.full(len(p), hb.RANDOM_FAULTS["wrong place"]),
            hb.ITEM: _any_line(lines, hb.RANDOM_FAULTS["wrong item"]),
            hb.DAMAGE: _any_line(lines, around.damage[p.depot, last]),
            hb.DOCUMENTS: around.documents[p.region],
            hb.INVOICE: np.full(len(p), hb.RANDOM_FAULTS["invoice"]),
        }
        for kind, chance in faults.items():
            kinds[kind] = rest * chance
            rest = rest * (1 - chance)
        kinds[hb.TOO_LATE] = (1 - short) * late
        handling = sum(kinds[kind] * handled[kind] for kind in faults)
        self.annoys = np.stack([handling, kinds[hb.TOO_LATE] * handled[hb.TOO_LATE], weight])
        self.filled = 1 - missing
        self.complains = sum(kinds[kind] * hb.COMPLAINS[kind] for kind in kinds) + short_complains
        self.compensation = self.complains * RECOVERED_TODAY * COMPENSATION_TODAY
        count = (lines * np.arange(1, MOST_LINES + 1)).sum(axis=1)
        self.lines = count
        self.returned = count * (hb.RANDOM_FAULTS["wrong item"] + around.damage[p.depot, last])


def _line_counts(mean: np.ndarray) -> np.ndarray:
    """Chance of 1, 2, ... 8 lines, by customer."""
    below = stats.poisson.cdf(np.arange(MOST_LINES - 1), mean[:, None] - 1)
    return np.diff(np.column_stack([np.zeros(len(mean)), below, np.ones(len(mean))]), axis=1)


def _any_line(lines: np.ndarray, chance: Any) -> np.ndarray:
    none = (1 - np.reshape(chance, (-1, 1))) ** np.arange(1, MOST_LINES + 1)
    return 1 - (lines * none).sum(axis=1)


def _shortages(trade: Trade, orders: pd.DataFrame) -> tuple[np.ndarray, ...]:
    """By customer: an order's chance of being short, its weight (handling included), complaints, share not delivered.

    Taken from all orders of the same depot and rating, and from those of the same group, and of those who buy seldom,
    against all.
    """
    p = trade.alone
    kind = np.full(len(orders), hb.TOO_FEW)
    complains = hb.complaint_chance(kind, orders["worst"].to_numpy())
    handled = complains * (1 - RECOVERED_TODAY) + (1 - complains) * hb.SILENT[hb.TOO_FEW]
    table = pd.DataFrame(
        {
            "cell": p.depot[orders["customer"]] * 3 + p.rating[orders["customer"]],
            "kind": p.group[orders["customer"]] + 4 * (p.timing[orders["customer"]] == 2),
            "short": orders["short_share"] > 0,
            "weight": handled * trade.weight(kind, orders["worst"].to_numpy()),
            "complains": complains,
            "missing": orders["short_share"] * orders["list_value"],
            "value": orders["list_value"],
        }
    )
    table[["weight", "complains"]] = table[["weight", "complains"]].mul(table["short"], axis=0)

    def factor(by: str, columns: list[str], values: np.ndarray) -> np.ndarray:
        means = table.groupby(by)[columns].mean().reindex(range(9)).fillna(table[columns].mean())
        return means.to_numpy()[values]

    columns = ["short", "weight", "complains"]
    mine = factor("cell", columns, p.depot * 3 + p.rating) * factor("kind", columns, p.group + 4 * (p.timing == 2))
    mine = mine / np.maximum(table[columns].mean().to_numpy(), 1e-12)
    sums = table.groupby("cell")[["missing", "value"]].sum().reindex(range(9))
    missing = (sums["missing"] / sums["value"]).fillna(0.0).to_numpy()[p.depot * 3 + p.rating]
    return *np.minimum(mine, 0.9).T, missing


def contribution_an_order(trade: Trade, conditions: Conditions, terms: Effects) -> np.ndarray:
    """Expected contribution of an order and its fee less the costs that go with it, EUR, by customer."""
    p = trade.alone
    value, cost, _ = expected_line(trade)
    further = conditions.lines - 1
    goods = (value[0] + further * value[1]) * (1 - p.discount) - (cost[0] + further * cost[1])
    delivery = np.where(p.return_leg, saved_per("delivery on the return leg"), saved_per("delivery"))
    weekly = 1 - _none(p, p.rate[:, None], (1 - p.urgent)[:, None])[:, 0]  # drops of what is not urgent, in one
    drops = np.where(terms.one_drop, p.urgent + weekly / p.rate, 1.0)
    costs = (
        saved_per("order taking") * terms.entry
        + conditions.lines * (saved_per("order lines") * terms.entry + saved_per("picking"))
        + delivery * drops
        + p.urgent * saved_per("expediting")
        + conditions.returned * saved_per("returns")
        + conditions.complains * saved_per("complaints")
        + conditions.compensation
    )
    return goods * conditions.filled + p.urgent * terms.urgent_fee - costs


def new_moods(trade: Trade, conditions: Conditions, season: float, fading: bool) -> np.ndarray:
    """Chance that a week's orders annoy a customer anew, by its mood before: shape (n, 4 before, 4 after).

    After 0 stands for no new annoyance. Averaged over good and bad years.
    """
    p = trade.alone
    levels = lognormal((np.arange(LEVELS)[:, None] + 0.5) / LEVELS, trade.around.years[p.timing])
    rate = p.rate[:, None] * hb.APPETITE * (hb.FADED if fading else 1.0) * np.where(p.timing == 2, 1.0, season)[:, None]
    result = np.zeros((len(p), 4, 4))
    for level in levels:
        temper = np.minimum(p.temper / level, 1.0)
        mean = rate * level[:, None]
        worse = np.zeros(len(p))  # an order that leaves this mood, or a graver one
        before = np.ones((len(p), 4))
        for mood in (hb.SHORT, hb.LATE, hb.BADLY_HANDLED):
            worse = worse + temper * conditions.annoys[mood - 1]
            none = _none(p, mean, worse[:, None])
            result[:, :, mood] += (before - none) / LEVELS
            before = none
        result[:, :, 0] += before / LEVELS
    return result


def _none(p: hp.People, mean: np.ndarray, chance: np.ndarray) -> np.ndarray:
    """Chance that none of a week's orders is one of those that befall each with this chance."""
    trials = hb.announced_trials(p.rate)[:, None]
    told = (1 - np.minimum(mean / trials, 1) * chance) ** trials
    return np.select(
        [p.timing[:, None] == 0, p.timing[:, None] == 1], [np.exp(-mean * chance), told], 1 - mean * chance
    )


def values(trade: Trade, orders: pd.DataFrame, terms: Effects | None = None, *, after: int = 0) -> np.ndarray:
    """Expected discounted contribution of each customer from the last week on, to infinity, by mood: shape (n, 4), EUR.

    For one who is a customer then; 10% a year, the conditions of the last week, shortages as frequent as they were.
    Each week takes the values by mood of the next to those of this; a year of such steps has one fixed point, the
    value to infinity, from which two years lead back to the last day, past the days when some close down.

    Notes
    -----
    Customers who buy seldom count as if their orders came evenly.
    """
    conditions = Conditions(trade, orders)
    terms = terms or today(trade.alone.rating)
    trade = under_terms(trade, terms)
    p = trade.alone
    order = contribution_an_order(trade, conditions, terms)
    standing = standing_cost(p, terms) + terms.weekly_cost
    season = trade.around.season
    steps = {(level, False): week_step(trade, conditions, level, False) for level in np.unique(season)}

    def earns(week: int) -> np.ndarray:
        busy = np.where(p.timing == 2, 1.0, season[week % hb.YEAR])
        return (order * p.rate * busy)[:, None] * hb.APPETITE - standing[:, None]

    year, brings = np.eye(4), np.zeros((len(p), 4))
    first = trade.weeks + after
    for week in range(first + hb.YEAR - 1, first - 1, -1):
        step = steps[season[week % hb.YEAR], False]
        year, brings = step @ year, earns(week) + _times(step, brings)
    value = np.linalg.solve(np.eye(4) - year, brings[:, :, None])[:, :, 0]
    closes = np.flatnonzero(p.closing < NEVER)
    for week in range(first + 2 * hb.YEAR - 1, first - 1, -1):
        level = season[week % hb.YEAR]
        ahead, value = value, earns(week) + _times(steps[level, False], value)
        if len(closes):
            if (level, True) not in steps:
                steps[level, True] = week_step(trade, conditions, level, True)
            faded = earns(week)[closes] * hb.FADED - standing[closes, None] * (1 - hb.FADED)
            fading = faded + _times(steps[level, True][closes], ahead[closes])
            value[closes] = np.where((p.closing[closes] - week <= hb.FADING)[:, None], fading, value[closes])
            value[closes[p.closing[closes] < week]] = 0.0
    return value


def under_terms(trade: Trade, terms: Effects) -> Trade:
    """The firm with customers who order as its terms make them."""
    other, p = copy.copy(trade), trade.alone
    other.alone = replace(
        p,
        rate=p.rate * terms.rate,
        size=p.size * terms.size,
        urgent=p.urgent * terms.urgent,
        price_hazard=p.price_hazard + terms.added_hazard,
        neglect_hazard=p.neglect_hazard * terms.neglect,
    )
    return other


def week_step(trade: Trade, conditions: Conditions, season: float, fading: bool) -> np.ndarray:
    """How the values by mood of next week make those of this one: shape (n, 4 this week, 4 next week)."""
    p = trade.alone
    chain = new_moods(trade, conditions, season, fading)
    kept = (1 + DISCOUNT_RATE) ** (-1 / hb.YEAR)
    stays = kept * ((1 - p.price_hazard) * (1 - p.neglect_hazard))[:, None] * (1 - hb.HAZARDS)
    step = chain * stays[:, None, :]
    step[:, :, 0] = chain[:, :, 0] * stays * hb.FORGETS  # not annoyed anew, and calm by the end of the week
    moods = np.arange(4)
    step[:, moods, moods] += chain[:, :, 0] * stays * (1 - hb.FORGETS)
    return step


def _times(step: np.ndarray, value: np.ndarray) -> np.ndarray:
    return np.einsum("nij,nj->ni", step, value)


# --- what a decision brings ---


@functools.lru_cache(maxsize=4)
def _at_the_end(draw: Draw, beyond: int) -> tuple[Trade, pd.DataFrame, np.ndarray]:
    """The firm at the end of its draw, its orders, and the value of each customer by mood some weeks later."""
    trade = Trade(draw, beyond=beyond)
    orders = pd.concat([order_rows(trade.week(week)) for week in range(trade.weeks)], ignore_index=True)
    return trade, orders, values(trade, orders, after=beyond)


def order_rows(events: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """What the value needs of a week's orders."""
    listed = np.bincount(events["line.order"], events["line.list_value"], len(events["order.unit"]))
    names = {"customer": "order.unit", "short_share": "order.short_share", "worst": "order.worst"}
    table = pd.DataFrame({name: events[event] for name, event in names.items()}).assign(list_value=listed)
    return table[~events["order.ghost"]]


def played(draw: Draw, do: Mapping[str, Any], *, ahead: int, worlds: int) -> pd.DataFrame:
    """What the months after a draw bring under a decision, in each of several possible futures.

    Parameters
    ----------
    draw : Draw
    do : dict
        See the module `policy`; it holds from the draw's last day on.
    ahead : int
        Months.
    worlds : int
        The same world has the same luck under every decision.

    Returns
    -------
    DataFrame, one row a world
        money, the contribution of these months less avoidable costs and the cost of the decision, and future, the
        value to infinity of the customers then left; EUR, the future discounted to the draw's last day at 10% a year.
        Terms of trade go on after the months; everything else is then as it is today.
    """
    base, orders, value = _at_the_end(draw, hb.weeks_in(ahead))
    if "terms" in do:
        value = values(base, orders, effects({"terms": do["terms"]}, base.book()), after=base.beyond)
    trade = copy.deepcopy(base).futures(worlds, do)
    money = np.zeros(worlds)
    for week in range(trade.weeks, trade.weeks + trade.beyond):
        events = trade.week(week)
        money += earned(trade, events).reshape(worlds, -1).sum(axis=1) - carried(trade)
    s = trade.state
    later = np.where(s.here, np.tile(value, (worlds, 1))[np.arange(len(s.mood)), s.mood], 0.0)
    kept = (1 + DISCOUNT_RATE) ** (-trade.beyond / hb.YEAR)
    return pd.DataFrame({"money": money, "future": kept * later.reshape(worlds, -1).sum(axis=1)}).round(2)
