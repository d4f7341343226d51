"""What is planted in Harbour & Hill (simulated), each fact with its size in this draw; and the tables of the truth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from crmlab.data.firms.harbour import people as hp
from crmlab.data.firms.harbour import trade as hb
from crmlab.data.firms.harbour.history import History
from crmlab.data.firms.harbour.people import CAUSE_NAMES, CAUSES, DEPOTS, NEVER, REGIONS, SERVICE_CAUSES
from crmlab.data.firms.harbour.tables import Book, days
from crmlab.data.firms.harbour.trade import FIRST_DAY, YEAR, saved_per
from crmlab.data.firms.harbour.truth import values
from crmlab.data.firms.story import Fact

MOODS = ("content", "badly handled", "late", "short")


def truth_tables(b: Book, tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """customers, accounts, leavers."""
    p, s, trade = b.people, b.trade.state, b.trade
    listed = b.sum_by_order(b.h.lines["list_value"].to_numpy())
    worth = values(trade, b.h.orders[["customer", "short_share", "worst"]].assign(list_value=listed))
    now = worth[np.arange(len(p)), s.mood] * (s.here & (p.joined < trade.weeks))
    closing = FIRST_DAY + 7 * np.minimum(p.closing, 10_000)
    customers = pd.DataFrame(
        {
            "customer_id": b.own_ids,
            "orders_a_week": p.rate,
            "timing": np.array(hp.TIMINGS)[p.timing],
            "urgent": p.urgent,
            "temper": p.temper,
            "price_hazard": p.price_hazard,
            "neglect_hazard": p.neglect_hazard,
            "closing_on": days(closing, p.closing < NEVER),
            "responds": p.responds,
            "preference": b.trade.wants.group,
            "share_of_wallet": p.share,
            "mood": pd.Series(np.array(MOODS)[s.mood]).where(s.here),
            "left_on": days(FIRST_DAY + 7 * np.minimum(s.left, 10_000), s.left < NEVER),
            "contribution": np.round(contributions(b, tables), 2),
            "true_cost": np.round(true_costs(b, tables), 2),
            "value_to_infinity": np.round(now, 2),
        }
    )
    accounts = pd.DataFrame({"account_id": trade.ids, "customer_id": b.own_ids[trade.owners]})
    gone = np.flatnonzero(s.left < NEVER)
    leavers = pd.DataFrame(
        {
            "customer_id": b.own_ids[gone],
            "left_on": days(FIRST_DAY + 7 * s.left[gone]),
            "cause": np.array(CAUSE_NAMES)[s.cause[gone]],
            "would_have_left": s.would_leave[gone] < NEVER,
            "would_have_left_on": days(
                FIRST_DAY + 7 * np.minimum(s.would_leave[gone], 10_000), s.would_leave[gone] < NEVER
            ),
        }
    )
    made = {"customers": customers, "accounts": accounts, "leavers": leavers}
    return {name: table.sort_values(table.columns[0], ignore_index=True) for name, table in made.items()}


def goods_margin(b: Book) -> np.ndarray:
    """What is left of each order's amount after the cost of the goods, EUR."""
    cost = b.h.lines["delivered"].to_numpy() * b.trade.goods.cost[b.h.lines["item"]]
    return b.sum_by_order(b.cents / 100 - cost)


def contributions(b: Book, tables: Mapping[str, pd.DataFrame]) -> np.ndarray:
    """By customer, over the months of the draw: margin of the goods less costs saved within a year, EUR."""
    saved = tables["ledger"]["activity"].map({name: saved_per(name) for name in hb.ACTIVITIES})
    cost = (saved * tables["ledger"]["units"]).groupby(tables["ledger"]["customer_id"]).sum()
    owner = dict(zip(b.trade.ids, b.trade.owners.tolist(), strict=True))
    costs = np.bincount(cost.index.map(owner), cost.to_numpy(), len(b.people))
    margin = goods_margin(b) - b.h.orders["compensation"].to_numpy()
    return np.bincount(b.h.orders["customer"], margin, len(b.people)) - costs


def true_costs(b: Book, tables: Mapping[str, pd.DataFrame]) -> np.ndarray:
    """By customer: the ledger's cost, with drops at the minutes that they took; the total is the ledger's."""
    ledger, drops = tables["ledger"], tables["shipments"]
    owner = dict(zip(b.trade.ids, b.trade.owners.tolist(), strict=True))
    delivery = ledger["activity"].isin(["delivery", "delivery on the return leg"])
    place = ledger["customer_id"].map(owner).to_numpy()
    rest = np.bincount(place[~delivery], ledger["cost"].to_numpy()[~delivery], len(b.people))
    booked = ledger["cost"].to_numpy()[delivery].sum()
    account = pd.Series(b.account, index=b.order_ids)[drops["order_id"]].map(owner).to_numpy()
    minutes = np.bincount(account, drops["drop_minutes"], len(b.people))
    return rest + booked * minutes / max(minutes.sum(), 1e-9)


def place_of(values: np.ndarray, who: int) -> int:
    """The rank of one among all, the highest being 1."""
    return int((values > values[who]).sum()) + 1


class Told(NamedTuple):
    """What is said of a fact, whatever its size."""

    chapter: int
    unit: str
    words: str


TOLD = {
    "three accounts, one customer": Told(
        1,
        "rank by revenue, merged",
        "three accounts are one customer under three spellings; each seems a middling one.",
    ),
    "late deliveries drive them away": Told(
        2, "share of those who left", "late delivery from one depot is the true cause of more leaving than any price."
    ),
    "they say price": Told(
        2, "share of stated causes", "most who are asked say price; the hazard that fired was mostly another."
    ),
    "the silent were served badly": Told(
        2,
        "share of those who refuse the interview that left for bad service",
        "those who refuse the interview left for bad service more often than those who speak.",
    ),
    "some who fade are closing down": Told(
        2,
        "customers",
        "some of those who order less and less are closing down within the year: no action keeps them.",
    ),
    "one shift in complaints": Told(
        2,
        "times as many damaged orders as before",
        "damage at one depot rises for good; the month before, at the peak of the season, has more complaints and "
        "looks worse.",
    ),
    "good years pass": Told(
        3,
        "median change of revenue, best fifth of the year before last less the others; who buys at random",
        "those who were best in one year fall back in the next without anybody's doing.",
    ),
    "late and short come together": Told(
        5,
        "rate of orders with both right, less the product of the rates",
        "late and short deliveries are not independent: the product of the rates is not the rate of both.",
    ),
    "documents fail in one region": Told(
        5, "times as many wrong documents as elsewhere", "documents are wrong in one region, and hardly anywhere else."
    ),
    "forecasts make predictable": Told(
        5,
        "times the variance against the mean of four-weekly orders of the others",
        "customers that buy more vary less, by volume alone; only who tells its needs is steadier net of volume.",
    ),
    "a floor pays": Told(
        6,
        "of those whom a shortage annoyed, share not rated A",
        "strict priority starves small customers, who then buy elsewhere and leave: with a floor for all the year's "
        "money is higher.",
    ),
    "largest account loses money": Told(
        7,
        "EUR after all costs",
        "the account with the largest revenue loses money, through small urgent drops; terms can mend it.",
    ),
    "best rate brings little": Told(
        7, "EUR of contribution", "one account has a margin rate among the best, and brings next to nothing."
    ),
    "a loser on idle capacity": Told(
        7,
        "EUR after all costs",
        "one account loses money at full cost but fills lorries that go back anyway: without it the firm earns less.",
    ),
    "complaints end relations": Told(
        8, "share of those who left", "bad service that nobody made good ends most relations, not chance."
    ),
    "dull account is the best": Told(
        8, "rank by true value", "a quiet account of middling size is worth more than any other."
    ),
    "seldom buyers look dead": Told(
        8,
        "customers",
        "some buy in projects half a year and more apart: a model of random purchases takes their silence for death.",
    ),
}


def harbour_facts(b: Book, tables: Mapping[str, pd.DataFrame], truth: Mapping[str, pd.DataFrame]) -> list[Fact]:
    """The planted facts, apart from those of surveys and partners."""
    found = {**_leaving(b, tables), **_orders(b, tables), **_customers(b, truth)}
    return [
        Fact(name, told.chapter, b.trade.story.plants(name), *found[name], told.unit, told.words)
        for name, told in TOLD.items()
    ]


Found = dict[str, tuple[str, float]]  # of each fact, where it is and its size


def _leaving(b: Book, tables: Mapping[str, pd.DataFrame]) -> Found:
    story, s, p = b.trade.story, b.trade.state, b.people
    gone = s.left < NEVER
    depot = story.pick("late depot", "Hill", DEPOTS)
    service = gone & (s.cause < len(SERVICE_CAUSES))
    there = gone & (s.cause == CAUSES.index("late delivery")) & (p.depot == DEPOTS.index(depot))
    asked = tables["defections"]
    stated = asked["stated_cause"].dropna()
    silent = asked.loc[~asked["interviewed"], "customer_id"]
    shifted, first = hb.shift(b.trade.draw, story)
    of_depot = p.depot[b.h.orders["customer"]] == DEPOTS.index(shifted)
    after = b.h.orders["week"].to_numpy() >= first
    damage = b.sum_by_order(b.h.lines["damaged"].to_numpy()) > 0
    closing = np.flatnonzero((p.closing < b.trade.weeks + YEAR) & (p.closing >= b.trade.weeks) & s.here)
    return {
        "late deliveries drive them away": (depot, _share(there, gone)),
        "they say price": ("", _mean((stated == "price").to_numpy())),
        "the silent were served badly": ("", _mean(pd.Series(service, index=b.own_ids)[silent].to_numpy())),
        "some who fade are closing down": (" ".join(b.own_ids[closing]), float(len(closing))),
        "one shift in complaints": (
            f"{shifted} {pd.Timestamp(FIRST_DAY + 7 * first).date()}",
            _ratio(damage[of_depot & after], damage[of_depot & ~after]),
        ),
        "complaints end relations": ("", _share(service, gone)),
    }


def _orders(b: Book, tables: Mapping[str, pd.DataFrame]) -> Found:
    story, p, o = b.trade.story, b.people, b.h.orders
    on_time, full = ~o["late"].to_numpy(), o["short_share"].to_numpy() == 0
    region = story.pick("documents region", "Valley", REGIONS)
    there = p.region[o["customer"]] == REGIONS.index(region)
    wrong = o["wrong_documents"].to_numpy()
    short = int((tables["stock"]["delivered"] < tables["stock"]["demand"]).sum())
    annoyed = o["annoys"].to_numpy() & (o["kind"].to_numpy() == hb.TOO_FEW)
    return {
        "late and short come together": ("", float((on_time & full).mean() - on_time.mean() * full.mean())),
        "documents fail in one region": (region, _ratio(wrong[there], wrong[~there])),
        "forecasts make predictable": ("", _steadiness(b)),
        "a floor pays": (
            f"{short} times short, counted by week, depot and item",
            _mean(p.rating[o["customer"].to_numpy()[annoyed]] > 0),
        ),
    }


def _customers(b: Book, truth: Mapping[str, pd.DataFrame]) -> Found:
    p = b.people
    known = truth["customers"].set_index("customer_id").reindex(b.own_ids)
    spend = b.sum_by_order(b.cents / 100)
    revenue = np.bincount(b.h.orders["customer"], spend, len(p))
    margin = np.bincount(b.h.orders["customer"], goods_margin(b), len(p))
    profit = margin - known["true_cost"].to_numpy()
    of_three = truth["accounts"].loc[truth["accounts"]["customer_id"] == b.own_ids[hp.THREE_NAMES], "account_id"]
    seldom = (p.timing == 2) & b.trade.state.here
    worth = known["value_to_infinity"].to_numpy()
    return {
        "three accounts, one customer": (" ".join(of_three), float(place_of(revenue, hp.THREE_NAMES))),
        "good years pass": ("", _fall_of_the_best(b.h, spend)),
        "largest account loses money": (b.own_ids[hp.BIG_LOSER], float(profit[hp.BIG_LOSER])),
        "best rate brings little": (b.own_ids[hp.BEST_RATE], float(known["contribution"].iloc[hp.BEST_RATE])),
        "a loser on idle capacity": (b.own_ids[hp.IDLE_LOSER], float(profit[hp.IDLE_LOSER])),
        "dull account is the best": (b.own_ids[hp.DULL_BEST], float(place_of(worth, hp.DULL_BEST))),
        "seldom buyers look dead": (" ".join(b.own_ids[seldom]), float(seldom.sum())),
    }


def _fall_of_the_best(h: History, spend: np.ndarray) -> float:
    """Median change of spend from one full year to the next: the best fifth of the first less the others."""
    years, year = h.trade.weeks // YEAR, h.orders["week"].to_numpy() // YEAR
    if years < 2:
        return np.nan
    n = len(h.trade.alone)
    before, after = (np.bincount(h.orders["customer"], spend * (year == years - k), n) for k in (2, 1))
    varied = (h.trade.alone.timing == 0) & (np.arange(n) >= hp.SPECIAL)  # the others' years hardly differ
    here = h.here[(years - 2) * YEAR] & h.here[years * YEAR - 1] & (before > 0) & varied
    best = here & (before >= np.quantile(before[here], 0.8)) if here.any() else here
    if not best.any() or not (here & ~best).any():
        return np.nan
    change = after / np.maximum(before, 1e-9)
    return float(np.median(change[best]) - np.median(change[here & ~best]))


def _steadiness(b: Book) -> float:
    """Variance of four-weekly orders over their mean, of those who tell their needs ahead against those who do not."""
    p, weeks = b.people, b.trade.weeks // 4 * 4
    counts = np.zeros((len(p), weeks // 4))
    within = b.h.orders["week"].to_numpy() < weeks
    np.add.at(counts, (b.h.orders["customer"].to_numpy()[within], b.h.orders["week"].to_numpy()[within] // 4), 1)
    season = counts.sum(axis=0) / max(counts.sum(axis=0).mean(), 1e-9)
    counts = counts / np.maximum(season, 1e-9)
    known = b.h.here[0] & b.h.here[-1] & (p.gap == 1) & (counts.mean(axis=1) > 0.5) & (np.arange(len(p)) >= hp.SPECIAL)
    dispersion = counts.var(axis=1) / np.maximum(counts.mean(axis=1), 1e-9)
    if not (known & p.forecasts).any() or not (known & ~p.forecasts).any():
        return np.nan
    return float(np.median(dispersion[known & p.forecasts]) / np.median(dispersion[known & ~p.forecasts]))


def _share(part: np.ndarray, whole: np.ndarray) -> float:
    return float(part.sum() / whole.sum()) if whole.any() else np.nan


def _mean(flags: np.ndarray) -> float:
    return float(flags.mean()) if len(flags) else np.nan


def _ratio(these: np.ndarray, those: np.ndarray) -> float:
    return float(these.mean() / those.mean()) if len(these) and those.sum() else np.nan
