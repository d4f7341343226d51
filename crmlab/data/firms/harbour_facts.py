"""What is planted in Harbour & Hill (simulated), each fact with its size in this draw; and the tables of the truth."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from crmlab.data.firms import harbour as hb
from crmlab.data.firms import harbour_people as hp
from crmlab.data.firms.harbour import FIRST_DAY, YEAR, saved_per
from crmlab.data.firms.harbour_history import History
from crmlab.data.firms.harbour_people import CAUSES, DEPOTS, NEVER, REGIONS, SERVICE_CAUSES
from crmlab.data.firms.harbour_tables import Book, days
from crmlab.data.firms.harbour_truth import CAUSE_NAMES, values
from crmlab.data.firms.story import Fact, facts_table

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
            "preference": p.preference,
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


def harbour_facts(b: Book, tables: Mapping[str, pd.DataFrame], truth: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The table `truth.facts`, apart from the facts of surveys and partners."""
    return facts_table([*_leaving(b, tables), *_orders(b, tables), *_customers(b, tables, truth)])


def _leaving(b: Book, tables: Mapping[str, pd.DataFrame]) -> list[Fact]:
    story, s, p = b.trade.story, b.trade.state, b.people
    gone = s.left < NEVER
    depot = story.pick("late depot", "Hill", DEPOTS)
    service = gone & (s.cause < len(SERVICE_CAUSES))
    late = gone & (s.cause == CAUSES.index("late delivery"))
    there = late & (p.depot == DEPOTS.index(depot))
    asked = tables["defections"]
    spoke = asked[asked["interviewed"]]
    silent = asked.loc[~asked["interviewed"], "customer_id"]
    badly = pd.Series(service, index=b.own_ids)
    shifted, first = hb.shift(b.trade.draw, story)
    of_depot = pd.Series(p.depot == DEPOTS.index(shifted))[b.h.orders["customer"]].to_numpy()
    after = b.h.orders["week"].to_numpy() >= first
    damage = (b.h.orders["kind"] == hb.DAMAGE).to_numpy()
    closing = np.flatnonzero((p.closing < b.trade.weeks + YEAR) & (p.closing >= b.trade.weeks) & s.here)
    return [
        Fact("late deliveries drive them away", 2, story.plants("late deliveries drive them away"), depot,
             _share(there, gone), "share of those who left", f"late delivery from depot {depot} is the true cause of more leaving than any price."),
        Fact("they say price", 2, story.plants("they say price"), "",
             float((spoke["stated_cause"] == "price").mean()) if len(spoke) else np.nan, "share of stated causes",
             "most who are asked say price; the hazard that fired was mostly another."),
        Fact("the silent were served badly", 2, story.plants("the silent were served badly"), "",
             float(badly[silent].mean()) if len(silent) else np.nan, "share of those who refuse the interview",
             "those who refuse the interview left for bad service more often than those who speak."),
        Fact("some who fade are closing down", 2, story.plants("some who fade are closing down"),
             " ".join(b.own_ids[closing]), float(len(closing)), "customers",
             "some of those who order less and less are closing down within the year: no action keeps them."),
        Fact("one shift in complaints", 2, story.plants("one shift in complaints"),
             f"{shifted} {pd.Timestamp(FIRST_DAY + 7 * first).date()}",
             _ratio(damage[of_depot & after], damage[of_depot & ~after]), "damaged orders after, against before",
             f"damage at depot {shifted} rises for good; the month before, at the peak of the season, has more complaints."),
        Fact("complaints end relations", 8, story.plants("late deliveries drive them away"), "",
             _share(service, gone), "share of those who left", "bad service that nobody made good ends most relations, not chance."),
    ]  # fmt: skip


def _orders(b: Book, tables: Mapping[str, pd.DataFrame]) -> list[Fact]:
    story, p, o = b.trade.story, b.people, b.h.orders
    ok = ~(o["late"].to_numpy())
    full = o["short_share"].to_numpy() == 0
    region = story.pick("documents region", "Valley", REGIONS)
    there = p.region[o["customer"]] == REGIONS.index(region)
    wrong = o["wrong_documents"].to_numpy()
    short = tables["stock"]["delivered"] < tables["stock"]["demand"]
    annoyed = o["annoys"].to_numpy() & (o["kind"].to_numpy() == hb.TOO_FEW)
    starved = pd.Series(p.rating[o["customer"].to_numpy()[annoyed]] > 0).mean()
    return [
        Fact("late and short come together", 5, story.plants("late and short come together"), "",
             float((ok & full).mean() - ok.mean() * full.mean()), "rate of both right, less the product of the rates",
             "late and short deliveries are not independent: the product of the rates is not the rate of orders with both right."),
        Fact("documents fail in one region", 5, story.plants("documents fail in one region"), region,
             _ratio(wrong[there], wrong[~there]), "wrong documents there, against elsewhere",
             f"documents are wrong in region {region}, and hardly anywhere else."),
        Fact("forecasts make predictable", 5, story.plants("forecasts make predictable"), "",
             _steadiness(b), "variance of orders against their mean, of those who tell their needs against the others",
             "customers that buy more vary less, by volume alone; net of volume only those are steadier who tell their needs."),
        Fact("a floor pays", 6, story.plants("a floor pays"), f"{int(short.sum())} weeks, depots and items",
             float(starved) if annoyed.any() else np.nan, "of those annoyed by a shortage, share not rated A",
             "strict priority starves small customers, who then buy elsewhere and leave: with a floor for all the year's money is higher."),
    ]  # fmt: skip


def _customers(b: Book, tables: Mapping[str, pd.DataFrame], truth: Mapping[str, pd.DataFrame]) -> list[Fact]:
    story, p = b.trade.story, b.people
    known = truth["customers"].set_index("customer_id").reindex(b.own_ids)
    revenue = np.bincount(b.h.orders["customer"], b.sum_by_order(b.cents / 100), len(p))
    margin = np.bincount(b.h.orders["customer"], goods_margin(b), len(p))
    profit = margin - known["true_cost"].to_numpy()
    of_three = b.own_ids[hp.THREE_NAMES]
    accounts = truth["accounts"].loc[truth["accounts"]["customer_id"] == of_three, "account_id"]
    year = b.h.orders["week"].to_numpy() // YEAR
    spend = b.sum_by_order(b.cents / 100)
    passing = _fall_of_the_best(b.h, spend, year)
    seldom = (p.timing == 2) & b.trade.state.here

    def name(who: int) -> str:
        return b.own_ids[who]

    return [
        Fact("three accounts, one customer", 1, story.plants("three accounts, one customer"), " ".join(accounts),
             float(place_of(revenue, hp.THREE_NAMES)), "rank by revenue, merged", "three accounts are one customer under three spellings."),
        Fact("good years pass", 3, story.plants("good years pass"), "", passing, "change of revenue, best tenth of the year before last against the rest of the firm",
             "those who were best in one year fall back in the next without anybody's doing."),
        Fact("largest account loses money", 7, story.plants("largest account loses money"), name(hp.BIG_LOSER),
             float(profit[hp.BIG_LOSER]), "EUR after all costs", "the account with the largest revenue loses money, through small urgent drops; terms can mend it."),
        Fact("best rate brings little", 7, story.plants("best rate brings little"), name(hp.BEST_RATE),
             float(known["contribution"].iloc[hp.BEST_RATE]), "EUR of contribution", "one account has a margin rate among the best, and brings next to nothing."),
        Fact("a loser on idle capacity", 7, story.plants("a loser on idle capacity"), name(hp.IDLE_LOSER),
             float(profit[hp.IDLE_LOSER]), "EUR after all costs", "one account loses money at full cost but travels on lorries that go back anyway: without it the firm earns less."),
        Fact("dull account is the best", 8, story.plants("dull account is the best"), name(hp.DULL_BEST),
             float(place_of(known["value_to_infinity"].to_numpy(), hp.DULL_BEST)), "rank by true value", "a quiet account of middling size is worth more than any other."),
        Fact("seldom buyers look dead", 8, story.plants("seldom buyers look dead"), " ".join(b.own_ids[seldom]),
             float(seldom.sum()), "customers", "some buy in projects half a year and more apart: a model of purchases at random takes their silence for death."),
    ]  # fmt: skip


def _fall_of_the_best(h: History, spend: np.ndarray, year: np.ndarray) -> float:
    """How much less the best tenth of one full year spend in the next, against all the others; those here throughout."""
    years = h.trade.weeks // YEAR
    if years < 2:
        return np.nan
    n = len(h.trade.alone)
    before, after = (np.bincount(h.orders["customer"], spend * (year == years - k), n) for k in (2, 1))
    here = h.here[(years - 2) * YEAR] & h.here[years * YEAR - 1]
    best = here & (before >= np.quantile(before[here], 0.9)) if here.any() else here
    rest = here & ~best
    if not best.any() or before[rest].sum() == 0:
        return np.nan
    return float(after[best].sum() / before[best].sum() - after[rest].sum() / before[rest].sum())


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


def _ratio(these: np.ndarray, those: np.ndarray) -> float:
    return float(these.mean() / those.mean()) if len(these) and those.sum() else np.nan
