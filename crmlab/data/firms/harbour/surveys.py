"""What customers of Harbour & Hill (simulated) say when they are asked, and what they truly want.

Each customer belongs to one of four preference groups by what it would give up for what, the part-worths of five things
that a bundle of services can hold. They make its ranking of bundles, how it divides points, how it compares elements in
pairs. Ratings are another matter: four factors, the customer's use of the scale, and courtesy make them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from crmlab.data.firms.chance import choice, gamma, lognormal, normal, ranks_at_random
from crmlab.data.firms.harbour.history import History
from crmlab.data.firms.harbour.people import numbered
from crmlab.data.firms.harbour.tables import Book, days
from crmlab.data.firms.harbour.trade import APPETITE, CONTENT, FADED, FADING, FIRST_DAY, YEAR
from crmlab.data.firms.harbour.wants import (
    BUNDLES,
    COMPLETE,
    DISCUSSED,
    ELEMENT_IDS,
    ELEMENTS,
    FACTORS,
    HOLDS,
    IMPORTANT,
    LOADINGS,
    NAMES,
    STANDS_FOR,
    WEEKLY,
    Wants,
    loaded,
)
from crmlab.data.firms.story import Fact

HALF_YEAR = 26  # weeks
GOOD = 4.9  # middle rating of performance, of 7
SOLVED, PAPERS = map(NAMES.index, ("complaint resolution", "invoices and papers that agree"))
THETAS = np.array([1.3, 1.1, 1.2, 1.0])  # how close the rankings of a group are to its centre
TOP_ONLY, TOP = 0.10, 3

MANAGERS = ("managing director", "sales director", "depot manager", "field sales", "purchasing", "finance")
SAATY = np.round([*(1 / k for k in range(9, 1, -1)), *range(1, 10)], 4)
COMPARING = 30  # customers who compare in pairs
SUPPLIERS = ("us", "A", "B", "C")
USED = 0.12  # a rival with less of what goes to rivals is none


def surveys(
    h: History, ids: Sequence[str] | np.ndarray
) -> tuple[dict[str, pd.DataFrame], dict[str, pd.DataFrame], list[Fact]]:
    """What customers and managers were asked: tables, truth tables, planted facts.

    Parameters
    ----------
    h : History
    ids : sequence of str
        The customer_id under which each customer is asked, by its number.
    """
    names, w = np.array(ids), h.trade.wants
    spend, shares = category_spend(h)
    own = {
        "elements": elements(h, w),
        "survey": survey(h, w),
        "supplier_view": supplier_view(h, w),
        "constant_sum": constant_sum(h, w),
        "paired": paired(h, w, names),
        "bundles": bundles(),
        "rankings": rankings(h, w),
        "category_spend": spend,
        "satisfaction": satisfaction(h),
    }
    facts = facts_of(h, w, own)
    truth = {
        "factors": long(LOADINGS, ("element_id", ELEMENT_IDS), ("factor", FACTORS), "loading"),
        "importances": importances(w),
        "preferences": preferences(w),
        "centres": centres(w),
        "shares": shares,
    }
    return named(own, names), named(truth, names), facts


def named(tables: dict[str, pd.DataFrame], names: np.ndarray) -> dict[str, pd.DataFrame]:
    """Tables with ids of customers for their numbers."""
    return {
        name: table.assign(customer=names[table["customer"]]).rename(columns={"customer": "customer_id"})
        if "customer" in table
        else table
        for name, table in tables.items()
    }


def long(cells: np.ndarray, row: tuple[str, Any], column: tuple[str, Any], value: str) -> pd.DataFrame:
    """A matrix as a table with one row a cell."""
    i, j = grid(*cells.shape)
    return pd.DataFrame({row[0]: np.array(row[1])[i], column[0]: np.array(column[1])[j], value: cells.ravel()})


def grid(rows: int, columns: int) -> np.ndarray:
    """Row and column of each cell of a matrix, row after row."""
    return np.indices((rows, columns)).reshape(2, -1)


def month_number(dates: np.ndarray) -> np.ndarray:
    """0 for January of the first year, 1 for February, ..."""
    return (dates.astype("datetime64[M]") - FIRST_DAY.astype("datetime64[M]")).astype(int)


def first_of(month: np.ndarray) -> np.ndarray:
    """The first day of a month, by its number."""
    return (FIRST_DAY.astype("datetime64[M]") + month).astype("datetime64[us]")


# --- ratings ---


def rated(values: np.ndarray, low: int = 1, high: int = 7) -> np.ndarray:
    """Whole numbers on a scale with ends."""
    return np.clip(np.floor(np.round(values, 6) + 0.5), low, high).astype(int)


def elements(h: History, w: Wants) -> pd.DataFrame:
    """The 18 service elements."""
    cost = np.array([element[2] for element in ELEMENTS], float)
    pair = [STANDS_FOR[3], STANDS_FOR[4]]
    cost[pair] = cost[pair[::-1]] if w.dear == 3 else cost[pair]
    cost = np.round(cost * len(h.trade.ids) / 240, -2)
    phases = [element[1] for element in ELEMENTS]
    return pd.DataFrame({"element_id": ELEMENT_IDS, "phase": phases, "name": NAMES, "yearly_cost": cost})


def failures(h: History, week: int) -> dict[str, np.ndarray]:
    """What each customer lived through in the half year up to a week: shares of its orders, of few nearer to 0."""
    o, n = h.orders[h.orders["week"].between(week - HALF_YEAR + 1, week)], len(h.trade.alone)
    flags = {
        "late": o["late"],
        "short": o["short_share"] > 0,
        "papers": o["wrong_invoice"] | o["wrong_documents"],
        "unheard": o["complains"] & ~o["recovered"],
    }
    orders = np.bincount(o["customer"], minlength=n) + 2
    return {name: np.round(np.bincount(o["customer"], flag, n) / orders, 6) for name, flag in flags.items()}


def answering(h: History, mechanism: str, week: int, content: float, annoyed: float) -> np.ndarray:
    """Numbers of those who are customers in a week, and answer, with these chances."""
    chance = np.where(h.mood[week] == CONTENT, content, annoyed)
    return np.flatnonzero(h.here[week] & h.trade.chance.happens(chance, mechanism, np.arange(len(chance)), week))


def respondents(h: History, wave: int) -> tuple[int, np.ndarray]:
    """Week of a wave of the survey, and the numbers of those who answer in it."""
    week = (h.trade.weeks if wave == 2 else h.trade.weeks // 2) - 1
    return week, answering(h, "survey.answers", week, 0.70, 0.40)


def survey(h: History, w: Wants) -> pd.DataFrame:
    """Ratings of importance and performance in two waves: one row a customer and element that it rates."""
    return pd.concat([_wave(h, w, wave) for wave in (1, 2)], ignore_index=True)


def _wave(h: History, w: Wants, wave: int) -> pd.DataFrame:
    chance, element, (week, who) = h.trade.chance, np.arange(len(ELEMENTS)), respondents(h, wave)
    bias, worse, spread, _ = normal(chance.uniforms("survey.scale", who))[:, :, None]
    spread = np.round(np.exp(0.15 * spread), 6)
    wanted, seen = (normal(chance.uniforms(f"survey.{name}", who)).T for name in ("wanted", "seen"))
    always, now = (chance.uniforms("survey.element", who[:, None], when, element) for when in (0, wave))
    noise = 0.45 * (normal(always) + normal(now))
    importance = w.importance(wave)[w.group[who]] - IMPORTANT + loaded(0.9 * wanted) + noise[0]
    f = {name: share[who] for name, share in failures(h, week).items()}
    lived = np.stack([f["late"] + f["short"], f["unheard"], f["papers"], np.zeros(len(who))], axis=1)
    performance = loaded(0.8 * seen - 2.5 * lived) - 0.6 * (h.mood[week, who] != CONTENT)[:, None] + noise[1]
    for place, failure in ((STANDS_FOR[0], "late"), (COMPLETE, "short"), (SOLVED, "unheard"), (PAPERS, "papers")):
        performance[:, place] -= 2.5 * f[failure]
    row, which = np.nonzero(now[2] < 0.97)  # what a customer does not know, it does not rate
    said = {
        "importance": rated(IMPORTANT + 0.4 * bias + spread * importance)[row, which],
        "performance": rated(GOOD + 0.4 * worse + spread * performance)[row, which],
    }
    return pd.DataFrame({"wave": wave, "customer": who[row], "element_id": ELEMENT_IDS[which], **said})


def believed(w: Wants) -> int:
    """The attribute that managers believe to matter most, where they are wrong: the first wish of one group."""
    return w.wish[2]


def supplier_view(h: History, w: Wants) -> pd.DataFrame:
    """What six managers believe that customers find important."""
    u = h.trade.chance.uniform("supplier_view", np.arange(len(MANAGERS))[:, None], 0, np.arange(len(ELEMENTS)))
    means = np.round(w.importance(2)[w.group].mean(axis=0), 4)
    if h.trade.story.plants("the supplier thinks of price"):
        means[STANDS_FOR[believed(w)]] = 6.8
        means[[STANDS_FOR[w.wish[0]], *([COMPLETE] if w.wish[0] == 0 else [])]] -= 0.9
    view = long(rated(means + 0.45 * normal(u)), ("role", MANAGERS), ("element_id", ELEMENT_IDS), "importance")
    view.insert(0, "manager_id", np.repeat(numbered("M", len(MANAGERS), 1), len(ELEMENTS)))
    return view


# --- trade-offs ---


def _own_weights(h: History, w: Wants, who: np.ndarray) -> np.ndarray:
    """What each of the six elements weighs for these customers, adding up to 1."""
    u = h.trade.chance.uniform("trade_offs", who[:, None], 0, np.arange(len(DISCUSSED)))
    weights = w.weights[w.group[who]] * lognormal(u, 0.3)
    return np.round(weights / weights.sum(axis=1, keepdims=True), 6)


def constant_sum(h: History, w: Wants) -> pd.DataFrame:
    """How those who answer in the second wave divide 100 points, in fives."""
    _, who = respondents(h, 2)
    fives = np.round(_own_weights(h, w, who) * 20, 5)
    whole = np.floor(fives)
    place = np.argsort(np.argsort(whole - fives, axis=1, kind="stable"), axis=1, kind="stable")
    points = 5 * (whole + (place < 20 - whole.sum(axis=1, keepdims=True))).astype(int)
    return long(points, ("customer", who), ("element_id", ELEMENT_IDS[DISCUSSED]), "points")


def paired(h: History, w: Wants, names: np.ndarray) -> pd.DataFrame:
    """Comparisons of the six elements in pairs by the managers and 30 customers, on Saaty's scale."""
    chance, (_, who) = h.trade.chance, respondents(h, 2)
    who = np.sort(who[ranks_at_random(chance.uniform("paired.asked", who)) < COMPARING])
    belief = w.weights[w.group].mean(axis=0)
    if h.trade.story.plants("the supplier thinks of price"):
        belief[[element in (STANDS_FOR[w.wish[0]], COMPLETE) for element in DISCUSSED]] *= 0.5
        belief[DISCUSSED.index(STANDS_FOR[believed(w)])] = 2 * belief.max()
    count, (a, b) = len(MANAGERS), np.triu_indices(len(DISCUSSED), 1)
    logs = np.log(np.concatenate([np.tile(belief, (count, 1)), _own_weights(h, w, who)]))
    asker, side = np.concatenate([np.arange(count), who]), np.repeat([0, 1], [count, len(who)])
    u = chance.uniform("paired", asker[:, None], side[:, None], np.arange(len(a)))
    ratio = np.round(logs[:, a] - logs[:, b] + 0.35 * normal(u), 6)
    nearest = np.abs(ratio[:, :, None] - np.round(np.log(SAATY), 6)).argmin(axis=2)
    asked = np.repeat([*numbered("M", count, 1), *names[who]], len(a))
    pairs = {f"element_{side}": np.tile(ELEMENT_IDS[DISCUSSED][c], len(logs)) for side, c in (("a", a), ("b", b))}
    customer = pd.Series(asked).where(np.arange(len(asked)) >= count * len(a))
    return pd.DataFrame({"respondent": asked, "customer_id": customer, **pairs, "preference": SAATY[nearest].ravel()})


def bundles() -> pd.DataFrame:
    """Eight bundles of services."""
    fill, lead_time, price, returns, visits = HOLDS.T
    return pd.DataFrame(
        {
            "bundle_id": BUNDLES,
            "lead_days": np.where(lead_time, 1, 3),
            "fill_rate": np.where(fill, 0.99, 0.94),
            "visits_a_month": visits,
            "returns_collected": returns == 1,
            "price_level": np.where(price, 0.96, 1.0),
            "weekly_cost": (HOLDS * WEEKLY).sum(axis=1),
        }
    )


def mallows(u: np.ndarray, centre: np.ndarray, theta: np.ndarray) -> np.ndarray:
    """Rankings, shape (n, m), 1 for the best, scattered around centres by Mallows' model, drawn by repeated insertion.

    The chance of a ranking falls with its Kendall distance from the centre, by exp(-theta) a pair. `u` has shape
    (m, n); `centre` lists the m things of each ranking's centre, the best first, shape (n, m); `theta` has shape (n,).
    """
    ranks = np.zeros(centre.shape, int)
    for place in range(1, centre.shape[1]):
        shares = np.exp(-theta[:, None] * np.arange(place + 1))
        at = place - choice(u[place], shares / shares.sum(axis=1, keepdims=True))
        ranks[:, :place] += ranks[:, :place] >= at[:, None]
        ranks[:, place] = at
    result = np.empty_like(ranks)
    np.put_along_axis(result, centre, ranks + 1, axis=1)
    return result


def rankings(h: History, w: Wants) -> pd.DataFrame:
    """How those who are customers at either wave, and answer, rank the bundles; some tell only their best three."""
    chance, here = h.trade.chance, h.here[respondents(h, 1)[0]] | h.here[-1]
    u = chance.uniforms("rankings", np.arange(len(here)))
    who = np.flatnonzero(here & (u[0] < 0.8))
    luck = chance.uniform("rankings.mallows", who, 0, np.arange(len(BUNDLES))[:, None])
    ranks = mallows(luck, w.centres[w.group[who]], THETAS[w.group[who]])
    table = long(ranks, ("customer", who), ("bundle_id", BUNDLES), "rank")
    told = (u[1] >= TOP_ONLY)[table["customer"]] | (table["rank"] <= TOP)
    return table[told].reset_index(drop=True)


# --- share of the customer's business ---


def category_spend(h: History) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What each customer spends with whom in each quarter, and the true share that is ours.

    Needs go by the customer's own rate, season and year; what it no longer orders while annoyed goes to rivals,
    and what a bundle wins comes from them.
    """
    chance, n, quarters = h.trade.chance, len(h.trade.alone), -(-h.trade.draw.months // 3)
    quarter = np.minimum(month_number(h.orders["date"].to_numpy()) // 3, quarters - 1)
    cell = (quarter * n + h.orders["customer"].to_numpy())[h.lines["order"]]
    ours = np.bincount(cell, Book(h).cents, quarters * n).reshape(quarters, n) / 100
    needs, kept = _needs(h, quarters)
    share = np.round(kept / np.maximum(needs, 1e-9), 4)
    who, when, suppliers = np.arange(n)[:, None], np.arange(quarters)[:, None, None] + 1, np.arange(len(SUPPLIERS))
    appeal = gamma(chance.uniform("rivals", who, 0, suppliers[1:]), 1.5)
    appeal = appeal * (appeal / appeal.sum(axis=1, keepdims=True) > USED)
    theirs = appeal * lognormal(chance.uniform("rivals", who, when, suppliers[1:]), 0.2)
    theirs *= ((needs - kept) / theirs.sum(axis=2))[:, :, None]
    # A supplier's place in the customer's mind: its part in tenths, by habit and by what the quarter was like.
    habit = lognormal(chance.uniform("stated_rank", who, 0, suppliers), 0.3)
    noise = lognormal(chance.uniform("stated_rank", who, when, suppliers), 0.15)
    part = np.concatenate([share[:, :, None], theirs / np.maximum(needs, 1e-9)[:, :, None]], axis=2)
    score = np.round(part * habit * noise, 1)
    spend = np.concatenate([ours[:, :, None], np.round(theirs, 2)], axis=2)
    used = ((needs > 0) | (ours > 0))[:, :, None] & ((spend > 0) | (suppliers == 0))
    rank = 1 + ((score[:, :, None, :] > score[:, :, :, None]) & used[:, :, None, :]).sum(axis=3)
    first, (q, i, s) = first_of(3 * np.arange(quarters)), np.nonzero(used)
    told = {"supplier": np.array(SUPPLIERS)[s], "spend": spend[q, i, s], "stated_rank": rank[q, i, s]}
    table = pd.DataFrame({"customer": i, "quarter": first[q], **told})
    q, i = np.nonzero(needs > 0)
    return table, pd.DataFrame({"customer": i, "quarter": first[q], "share": share[q, i]})


def _needs(h: History, quarters: int) -> tuple[np.ndarray, np.ndarray]:
    """What each customer needs in each quarter from anybody, and of that from us: EUR, shape (quarters, n)."""
    trade, p, week = h.trade, h.trade.alone, np.arange(h.trade.weeks)
    here = h.here | np.roll(h.here, 1, axis=0) & (week > 0)[:, None]  # who left this week was a customer in it
    years = np.stack([trade.year_factor(year * YEAR) for year in range(week[-1] // YEAR + 1)])
    season = np.where(p.timing == 2, 1.0, trade.around.season[week % YEAR][:, None])
    fading = np.where(p.closing - week[:, None] <= FADING, FADED, 1.0)
    kept = here * season * fading * years[week // YEAR] * p.rate * p.lines * p.size * (1 - p.discount)
    won = np.where(week[:, None] >= trade.first_week, trade.decided.rate * trade.decided.size, 1.0)
    starts = np.searchsorted(month_number(FIRST_DAY + 7 * week) // 3, np.arange(quarters))
    needs, ours = (np.add.reduceat(part, starts) for part in (kept / p.share, kept * APPETITE[h.mood] * won))
    return np.round(needs, 4), np.round(ours, 4)


# --- satisfaction ---


def satisfaction(h: History) -> pd.DataFrame:
    """How satisfied customers are, every half year; loyalty turns on it steeply between 5 and 8."""
    parts = []
    for week in range(HALF_YEAR - 1, h.trade.weeks, HALF_YEAR):
        who = answering(h, "satisfaction.answers", week, 0.60, 0.42)
        u, f = normal(h.trade.chance.uniforms("satisfaction", who, week)), failures(h, week)
        bias = normal(h.trade.chance.uniform("satisfaction.bias", who))
        harm = 5 * (f["late"] + f["short"])[who] + 6 * f["unheard"][who] + 1.6 * (h.mood[week, who] != CONTENT)
        felt = np.round(8.2 + 0.6 * bias + 0.7 * u[0] - harm, 6)
        answers = {
            "satisfied": rated(felt, 1, 10),
            "recommend": rated(10 / (1 + np.exp(-1.1 * (felt - 6.6))) + 0.8 * u[1], 0, 10),
            "buys_again": rated(1 + 9 / (1 + np.exp(-1.3 * (felt - 6.2))) + 0.7 * u[2], 1, 10),
        }
        parts.append(
            pd.DataFrame({"customer": who, "date": days(FIRST_DAY + 7 * week + np.full(len(who), 6)), **answers})
        )
    return pd.concat(parts, ignore_index=True)


# --- the truth ---


def importances(w: Wants) -> pd.DataFrame:
    """By preference group: mean rating of each element in each wave, and what the discussed ones weigh."""
    weights = np.full((len(w.worths), len(ELEMENTS)), np.nan)
    weights[:, DISCUSSED] = w.weights
    table = long(w.importance(1), ("preference", range(4)), ("element_id", ELEMENT_IDS), "importance_1")
    return table.assign(importance_2=w.importance(2).ravel(), weight=weights.ravel())


def preferences(w: Wants) -> pd.DataFrame:
    """What each customer wants."""
    utilities = {f"utility_{bundle}": w.utilities[w.group, place] for place, bundle in enumerate(BUNDLES)}
    customer = np.arange(len(w.group))
    return pd.DataFrame({"customer": customer, "preference": w.group, "theta": THETAS[w.group], **utilities})


def centres(w: Wants) -> pd.DataFrame:
    """The ranking that each preference group scatters around."""
    table = long(w.utilities, ("preference", range(4)), ("bundle_id", BUNDLES), "utility")
    return table.assign(rank=(np.argsort(w.centres, axis=1) + 1).ravel())


def association(a: np.ndarray, b: np.ndarray) -> float:
    """Cramér's V of two classifications into four: 0 if one tells nothing of the other, 1 if it tells all."""
    counts = np.bincount(4 * a + b, minlength=16).reshape(4, 4)
    expected = np.maximum(np.outer(counts.sum(axis=1), counts.sum(axis=0)) / len(a), 1e-9)
    return float(np.sqrt(((counts - expected) ** 2 / expected).sum() / len(a) / 3))


def _drifted(answers: pd.DataFrame, w: Wants) -> float:
    """Change of the importance that drifts, in its group against the others: of those who answered in both waves."""
    of_it = answers[answers["element_id"] == ELEMENT_IDS[w.drift[0]]].set_index("customer")
    change = of_it.loc[of_it["wave"] == 2, "importance"].sub(of_it.loc[of_it["wave"] == 1, "importance"]).dropna()
    among = w.group[change.index.to_numpy(int)] == w.drift[1]
    return change[among].mean() - change[~among].mean()


def facts_of(h: History, w: Wants, own: dict[str, pd.DataFrame]) -> list[Fact]:
    """What is planted in the surveys."""
    thought, dear, first = (STANDS_FOR[place] for place in (believed(w), w.dear, w.wish[0]))

    def mean(table: str, column: str, element: int) -> float:
        return own[table].loc[own[table]["element_id"] == ELEMENT_IDS[element], column].mean()

    rows = (
        ("the supplier thinks of price", 4, ELEMENT_IDS[thought], "points of 7, managers above customers",
         mean("supplier_view", "importance", thought) - mean("survey", "importance", thought),
         f"the managers believe that {NAMES[thought]} matters most; two of four groups put {NAMES[first]} first."),
        ("an element nobody wants", 4, ELEMENT_IDS[dear], "points of 100", mean("constant_sum", "points", dear),
         f"no group would give up anything for: {NAMES[dear]}. It is dear, and on the rating scale it gets fives."),
        ("a wish grows or fades", 4, ELEMENT_IDS[w.drift[0]], "points of 7", _drifted(own["survey"], w),
         f"between the waves one group alone changes its mind on: {NAMES[w.drift[0]]}. The mean of all hardly moves."),
        ("preference cuts across behaviour", 3, "", "Cramér's V", association(w.group, h.trade.alone.group),
         "what customers prefer goes with neither their kind, nor size, nor region: one segmentation is not enough."),
    )  # fmt: skip
    plants = h.trade.story.plants
    return [
        Fact(fact, chapter, plants(fact), str(where), round(float(figure), 4), unit, words)
        for fact, chapter, where, unit, figure, words in rows
    ]
