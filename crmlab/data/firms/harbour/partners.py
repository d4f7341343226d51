"""Whom Harbour & Hill (simulated) works with: its partners, what each depends on, and its plan for the year."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from crmlab.data.firms.chance import beta, choice, lognormal, normal, poisson
from crmlab.data.firms.harbour.history import History
from crmlab.data.firms.harbour.people import DEPOTS, numbered
from crmlab.data.firms.harbour.surveys import first_of, grid, long, month_number, named, rated
from crmlab.data.firms.harbour.tables import Book, days
from crmlab.data.firms.harbour.trade import ACTIVITIES, FIRST_DAY, YEAR
from crmlab.data.firms.story import Fact

KINDS = ("principal", "supplier", "carrier", "customer")
PARTNERS = (
    ("Northmere Building Products", 0), ("Tolland & Frame", 1), ("Quillet Works", 1), ("Brackwater Trade", 1),
    ("Hadden Supply", 1), ("Lumley Makers", 1), ("Swiftwain Haulage", 2), ("Eastlock Carriers", 2),
)  # fmt: skip
SUPPLYING = 6  # the first of these supply goods
TOP_CUSTOMERS = 5
REPLACED = np.array([[14, 8], [6, 6], [2, 3], [9, 5]])  # by kind: months to replace them, months until they replace us
CRITERIA = {
    "philosophy of doing business": 0.20, "reliability": 0.20, "margin it leaves us": 0.15, "technological edge": 0.10,
    "financial soundness": 0.10, "growth of its market": 0.10, "openness with information": 0.10, "flexibility": 0.05,
}  # fmt: skip
TIES = ("social", "economic", "service", "technical")
MODES = {"e-mail": (0.40, 8.0), "call": (0.35, 14.0), "meeting": (0.10, 70.0), "visit": (0.15, 90.0)}  # share, minutes
OURS = ("Ada Marden", "Ben Oakes", "Cora Yarrow", "Dan Tarrant", "Ella Birch", "Finn Colley", "Greta Dray", "Hal Quill")
THEIRS = (
    "Abel Stroud", "Bea Lorne", "Cyril Moss", "Dora Penn", "Edgar Vane", "Flora Reeve", "Gus Tindall", "Hilda Crewe",
    "Ivo Sands", "June Marlow", "Kurt Balen", "Lia Forde", "Milo Garth", "Nell Ostler", "Otto Wray", "Poppy Slade",
)  # fmt: skip
ISSUES = (
    "late payment",
    "price rise unannounced",
    "wrong allocation",
    "damaged goods",
    "sold past us",
    "forecast missed",
)
NOTICE_MONTH, NOTICE_DAYS = 30, 365
NOTICES = (
    ("New prices", "Our list prices rise on the day named."),
    ("Works holiday", "Our works close for two weeks from the day named."),
    ("New terms of delivery", "Smaller drops carry a charge from the day named."),
)
EXCLUSIVITY = (
    "End of exclusivity",
    "Until the day named you alone sell our goods in the region; then others will, too.",
)
FORECASTERS, LOOK_BACK = 40, 3  # customers with forecasts; months that the firm's own forecast is the mean of

PLAN_MONTHS = 12
PICKING, TENDERS = "picking minutes a line", "tenders won"
KPIS = {  # unit, which is better, tolerance as a share of what is planned
    **{f"revenue {depot}": ("EUR", "up", 0.20) for depot in DEPOTS},
    "orders": ("orders", "up", 0.15),
    "on-time rate": ("share", "up", 0.03),
    "complaints per 100 orders": ("complaints", "down", 0.30),
    "fill rate": ("share", "up", 0.03),
    PICKING: ("minutes", "down", 0.06),
    TENDERS: ("tenders", "up", 0.50),
}
CREEP, PICKING_NOISE = 0.012, 0.006  # a month; spread of a month's mean
TENDERS_PLANNED, USUAL, ALARMS = 4, (0.15, 0.22, 0.26, 0.22, 0.15), {-1: 1, 1: 8}  # shares of 2 to 6 tenders a month


def partners(
    h: History, ids: Sequence[str] | np.ndarray
) -> tuple[dict[str, pd.DataFrame], dict[str, pd.DataFrame], list[Fact]]:
    """Partners and the plan: tables, truth tables, planted facts; `ids` as in `harbour_surveys.surveys`."""
    b, names = Book(h), np.array(ids)
    top = top_customers(b)
    count = len(PARTNERS) + len(top)
    table, dependence = partner_table(b, top, names)
    planned, drifts = plan(b)
    own = {
        "partners": table,
        "partner_scores": partner_scores(b, count),
        "notices": notices(b),
        "ties": ties(b, count),
        "contacts": contacts(b, count),
        "promises": promises(b, count),
        "conflicts": conflicts(b, count),
        "shared_forecasts": shared_forecasts(b),
        "plan": planned,
    }
    truth = {"dependence": dependence, "drifts": drifts}
    facts = [*_partner_facts(b, own, dependence), *_plan_facts(b, planned, drifts)]
    return named(own, names), truth, facts


def partner_ids(count: int) -> np.ndarray:
    """Ids of partners: those of the firm's choosing, then its best customers."""
    return numbered("P", count, 2)


# --- who depends on whom ---


def _margins(b: Book) -> np.ndarray:
    """Margin of the goods of each line in the last year, cents."""
    line = b.h.lines
    cost = np.floor(np.round(line["delivered"] * b.trade.goods.cost[line["item"]] * 100, 4) + 0.5)
    recent = b.h.orders["week"].to_numpy() >= b.trade.weeks - YEAR
    return (b.cents - cost).to_numpy() * recent[line["order"]]


def top_customers(b: Book) -> np.ndarray:
    """Numbers of the five customers who bought most in the last year, and are customers still."""
    recent = b.h.orders["week"].to_numpy() >= b.trade.weeks - YEAR
    bought = np.bincount(b.h.orders["customer"], b.sum_by_order(b.cents) * recent, len(b.people))
    return np.argsort(np.where(b.h.here[-1], -bought, 1), kind="stable")[:TOP_CUSTOMERS]


def _profit_shares(b: Book, top: np.ndarray) -> np.ndarray:
    """The share of our margin that each partner's goods, lorries or orders bring."""
    goods, o, margin, line = b.trade.goods, b.h.orders, _margins(b), b.h.lines
    principals = (goods.stocked >= 0) & b.trade.around.principals[np.maximum(goods.stocked, 0)]
    supplier = np.where(principals, 0, 1 + goods.category % (SUPPLYING - 1))
    by_order = b.sum_by_order(margin)
    urgent, far = o["urgent"].to_numpy(), b.people.region[o["customer"]] >= 4
    carried = [(by_order * urgent).sum(), (by_order * (far & ~urgent)).sum()]
    bought = np.bincount(o["customer"], by_order, len(b.people))[top]
    brought = np.concatenate([np.bincount(supplier[line["item"]], margin, SUPPLYING), carried, bought])
    return np.clip(np.round(brought / max(margin.sum(), 1), 4), 0.001, 0.9)


def best_scored(b: Book) -> int:
    """The partner whose score has one side, where that is planted."""
    return b.trade.story.pick("best partner", 0, range(SUPPLYING))


def partner_scores(b: Book, count: int) -> pd.DataFrame:
    """Each partner's score on eight criteria."""
    u = b.trade.chance.uniform("partners.scores", np.arange(count)[:, None], 0, np.arange(len(CRITERIA)))
    scores = rated(3.2 + 0.9 * normal(u), 1, 5)
    if b.trade.story.plants("the best score has one side"):
        scores[best_scored(b)] = 4 + (u[best_scored(b)] < 0.7)
    table = long(scores, ("partner_id", partner_ids(count)), ("criterion", list(CRITERIA)), "score")
    return table.assign(weight=np.tile(list(CRITERIA.values()), count))


def partner_table(b: Book, top: np.ndarray, names: np.ndarray) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The partners, and as truth how far each side depends on the other, and keeps its promises.

    Dependence is a share of profit or sales times the years, at most one, until the other side is replaced.
    """
    kind, mine = np.array([*(kind for _, kind in PARTNERS), *[3] * len(top)]), _profit_shares(b, top)
    u = b.trade.chance.uniforms("partners", np.arange(len(kind)))
    months = np.clip(np.round(REPLACED[kind].T * lognormal(u[:2], 0.3)), 1, 24).astype(int)
    ours = np.round(mine * np.minimum(months[0] / 12, 1), 6)
    # By and large, two sides depend on each other alike.
    sales = np.clip(np.round(ours * np.exp(0.7 * normal(u[2])) / np.minimum(months[1] / 12, 1), 3), 0.002, 0.9)
    if b.trade.story.plants("the best score has one side"):
        best = best_scored(b)
        months[:, best], sales[best] = (max(months[0, best], 9), 2), np.round(0.2 * mine[best] + 0.001, 3)
    table = pd.DataFrame(
        {
            "partner_id": partner_ids(len(kind)),
            "name": pd.Series([name for name, _ in PARTNERS] + [None] * len(top), dtype="str"),
            "kind": np.array(KINDS)[kind],
            "customer_id": pd.Series([None] * len(PARTNERS) + [*names[top]], dtype="str"),
            "our_share_of_their_sales": sales,
            "their_share_of_our_profit": mine,
            "months_to_replace_them": months[0],
            "months_to_replace_us": months[1],
            "exclusivity_ends": days(np.repeat(notice_day(b) + NOTICE_DAYS, len(kind)), np.arange(len(kind)) == 0),
        }
    )
    ours, theirs = np.round(np.array([mine, sales]) * np.minimum(months / 12, 1), 4)
    we, they = _kept(b, len(kind))
    truth = {"ours": ours, "theirs": theirs, "we_keep": we, "they_keep": they}
    return table, pd.DataFrame({"partner_id": table["partner_id"], **truth})


def notice_day(b: Book) -> np.ndarray:
    """The day on which the principal gives notice, in an array of one."""
    month = b.trade.story.pick("notice month", NOTICE_MONTH, range(NOTICE_MONTH - 4, NOTICE_MONTH + 4))
    month = min(month, b.trade.draw.months * 5 // 6)
    return first_of(np.array([month - 1])).astype("datetime64[D]") + 14


def notices(b: Book) -> pd.DataFrame:
    """What suppliers and carriers gave notice of."""
    each = max(b.trade.draw.months // 12, 1)
    partner, which = grid(len(PARTNERS), each)
    u = b.trade.chance.uniforms("notices", partner, 0, which)
    on = FIRST_DAY + np.floor(u[0] * (b.trade.weeks * 7 - 1)).astype(int)
    kind, effect = (u[1] * len(NOTICES)).astype(int), on + 30 + np.floor(u[2] * 60).astype(int)
    table = pd.DataFrame(
        {
            "date": days(np.concatenate([on, notice_day(b)])),
            "partner_id": partner_ids(len(PARTNERS))[[*partner, 0]],
            "subject": [*(NOTICES[k][0] for k in kind), EXCLUSIVITY[0]],
            "text": [*(NOTICES[k][1] for k in kind), EXCLUSIVITY[1]],
            "takes_effect": days(np.concatenate([effect, notice_day(b) + NOTICE_DAYS])),
        }
    )
    table = table.sort_values(["date", "partner_id"], kind="stable", ignore_index=True)
    table.insert(0, "notice_id", numbered("N", len(table), 3))
    return table


# --- how the relations are kept ---


def ties(b: Book, count: int) -> pd.DataFrame:
    """Four kinds of ties with each partner."""
    u = b.trade.chance.uniforms("ties", np.arange(count)[:, None], 0, np.arange(len(TIES)))
    table = long(rated(2.5 + 1.2 * normal(u[0]), 0, 5), ("partner_id", partner_ids(count)), ("type", TIES), "strength")
    return table.assign(both_sided=(u[1].ravel() < 0.6) & (table["strength"] > 0))


def single_thread(b: Book) -> int:
    """The partner whose contacts all go through one pair of people, where that is planted."""
    return b.trade.story.pick("single thread", 2, range(1, len(PARTNERS)))


def contacts(b: Book, count: int) -> pd.DataFrame:
    """Who met whom: with each partner up to three of ours and three of theirs."""
    chance = b.trade.chance
    often = 0.25 + 0.45 * chance.uniform("contacts.often", np.arange(count))
    often[single_thread(b)] = 0.9  # the best kept of all, by number
    week, partner = grid(b.trade.weeks, count)
    met = poisson(chance.uniform("contacts", partner, week), often[partner])
    week, partner = np.repeat(week, met), np.repeat(partner, met)
    which = np.arange(met.sum()) - np.repeat(np.cumsum(met) - met, met)
    u = chance.uniforms("contacts.each", partner, week, which)
    pair = choice(u[2], np.outer([0.5, 0.3, 0.2], [0.5, 0.3, 0.2]).ravel())
    if b.trade.story.plants("one relation hangs on one person"):
        pair = np.where(partner == single_thread(b), 0, pair)
    mode = choice(u[1], [share for share, _ in MODES.values()])
    usual = np.array([minutes for _, minutes in MODES.values()])[mode]
    table = pd.DataFrame(
        {
            "date": days(FIRST_DAY + 7 * week + np.floor(u[0] * 5).astype(int)),
            "partner_id": partner_ids(count)[partner],
            "our_person": np.array(OURS)[(3 * partner + pair // 3) % len(OURS)],
            "their_person": np.array(THEIRS)[(3 * partner + pair % 3) % len(THEIRS)],
            "mode": np.array(list(MODES))[mode],
            "minutes": np.maximum(np.round(usual * lognormal(u[3], 0.4)), 1).astype(int),
        }
    )
    table = table.sort_values(["date", "partner_id"], kind="stable", ignore_index=True)
    table.insert(0, "contact_id", numbered("K", len(table), 5))
    return table


def _kept(b: Book, count: int) -> np.ndarray:
    """The chance that a promise is kept: ours, theirs; shape (2, partners)."""
    u = b.trade.chance.uniforms("promises.kept", np.arange(count))[:2]
    return np.round([beta(u[0], 18, 2), beta(u[1], 8, 2)], 3)


def promises(b: Book, count: int) -> pd.DataFrame:
    """What was promised, by either side, and when it was kept."""
    partner, which = grid(count, b.trade.draw.months // 3)
    u = b.trade.chance.uniforms("promises", partner, 0, which)
    v = b.trade.chance.uniforms("promises.fate", partner, 0, which)
    made = FIRST_DAY + np.floor(u[0] * (b.trade.weeks * 7 - 14)).astype(int)
    due, them = made + 7 + np.floor(u[1] * 42).astype(int), u[2] < 0.5
    late = np.where(v[1] < 0.2, np.floor(v[2] * 20) + 1, -np.floor(v[2] * 5)).astype(int)
    kept = v[0] < _kept(b, count)[them.astype(int), partner]
    table = pd.DataFrame(
        {
            "partner_id": partner_ids(count)[partner],
            "by": np.where(them, "them", "us"),
            "made_on": days(made),
            "due_on": days(due),
            "kept_on": days(due + late, kept & (due + late <= b.today)),
        }
    ).sort_values(["made_on", "partner_id"], kind="stable", ignore_index=True)
    table.insert(0, "promise_id", numbered("R", len(table), 3))
    return table


def conflicts(b: Book, count: int) -> pd.DataFrame:
    """What was fought over: less often again where a policy was changed."""
    partner, which = grid(count, 1 + b.trade.draw.months // 12)
    u = b.trade.chance.uniforms("conflicts", partner, 0, which)
    v = b.trade.chance.uniforms("conflicts.after", partner, 0, which)
    opened = FIRST_DAY + np.floor(u[0] * b.trade.weeks * 7).astype(int)
    resolved = opened + 2 + np.floor(np.round(-35 * np.log(u[1]), 6)).astype(int)
    changed, closed = u[2] < 0.4, resolved <= b.today
    again = resolved + 10 + np.floor(np.round(-160 * np.log(v[0]), 6)).astype(int)
    recurs = v[1] < np.where(changed, 0.15, 0.60)
    table = pd.DataFrame(
        {
            "partner_id": partner_ids(count)[partner],
            "issue": np.array(ISSUES)[(u[3] * len(ISSUES)).astype(int)],
            "opened_on": days(opened),
            "resolved_on": days(resolved, closed),
            "policy_changed": changed & closed,
            "recurred_on": days(again, recurs & (again <= b.today)),
        }
    ).sort_values(["opened_on", "partner_id"], kind="stable", ignore_index=True)
    table.insert(0, "conflict_id", numbered("K", len(table), 3))
    return table


def shared_forecasts(b: Book) -> pd.DataFrame:
    """A month's units of the forty largest customers: forecast by those who share their forecasts, for others by us."""
    h, p, months = b.h, b.people, b.trade.draw.months
    month = np.minimum(month_number(h.orders["date"].to_numpy()), months - 1)
    ordered = b.sum_by_order(h.lines["quantity"].to_numpy())
    actual = np.bincount(month * len(p) + h.orders["customer"], ordered, months * len(p)).reshape(months, -1)
    bought = np.bincount(h.orders["customer"], b.sum_by_order(b.cents), len(p))
    who = np.sort(np.argsort(-bought, kind="stable")[:FORECASTERS])
    starts = np.searchsorted(month_number(FIRST_DAY + 7 * np.arange(b.trade.weeks)), np.arange(months))
    here = h.here[np.minimum(starts, b.trade.weeks - 1)]
    first = np.arange(LOOK_BACK, months)
    mean = sum(actual[first - back] for back in range(1, LOOK_BACK + 1)) / LOOK_BACK
    u = b.trade.chance.uniform("forecasts", np.arange(len(p)), first[:, None])
    known = actual[first] if b.trade.story.plants("forecasts make predictable") else mean
    forecast = np.round(np.where(p.forecasts, known * lognormal(u, 0.15), mean)).astype(int)
    row, place = np.nonzero((here[first] & here[first - LOOK_BACK])[:, who])
    customer = who[place]
    told = {"shared": p.forecasts[customer], "forecast": forecast[row, customer]}
    units = actual[first][row, customer].astype(int)
    return pd.DataFrame({"customer": customer, "month": first_of(first)[row], **told, "actual": units})


# --- the plan ---


def plan(b: Book) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What was planned and what came of it in the last twelve months; the true means of what is measured by itself."""
    o, months = b.h.orders, b.trade.draw.months
    last = np.arange(max(months - PLAN_MONTHS, 0), months)
    before = np.arange(max(last[0] - PLAN_MONTHS, 0), last[0]) if last[0] else last
    month = np.minimum(month_number(o["date"].to_numpy()), months - 1)
    of_week = np.arange(YEAR) * 12 // YEAR
    season = (np.bincount(of_week, b.trade.around.season) / np.bincount(of_week))[np.arange(months) % 12]

    def monthly(by_order: Any) -> np.ndarray:
        return np.bincount(month, by_order, months)

    depot, cents = b.people.depot[o["customer"]], b.sum_by_order(b.cents)
    ordered, delivered = (monthly(b.sum_by_order(b.h.lines[name].to_numpy())) for name in ("quantity", "delivered"))
    actual = {f"revenue {name}": monthly(cents * (depot == place)) / 100 for place, name in enumerate(DEPOTS)}
    actual["orders"] = orders = monthly(np.ones(len(o)))
    planned = {
        name: np.round((values / season)[before].mean() * 1.02 * season[last]) for name, values in actual.items()
    }
    rates = {
        "on-time rate": 1 - monthly(o["late"]) / np.maximum(orders, 1),
        "complaints per 100 orders": 100 * monthly(o["complains"]) / np.maximum(orders, 1),
        "fill rate": delivered / np.maximum(ordered, 1),
    }
    actual |= {name: np.round(values, 4) for name, values in rates.items()}
    planned |= {name: np.full(len(last), np.round(values[before].mean(), 3)) for name, values in rates.items()}
    actual = {name: values[last] for name, values in actual.items()}
    true = {PICKING: _creeping(b, len(last)), TENDERS: np.full(len(last), float(TENDERS_PLANNED))}
    noise = normal(b.trade.chance.uniform("plan.picking", 0, last))
    actual |= {PICKING: np.round(true[PICKING] * (1 + PICKING_NOISE * noise), 3), TENDERS: _tenders(b, last)}
    planned |= {PICKING: np.full(len(last), ACTIVITIES["picking"][1]), TENDERS: true[TENDERS]}
    head = {name: {"kpi": name, "month": first_of(last)} for name in KPIS}
    parts = [
        pd.DataFrame({**head[name], "planned": planned[name], "actual": actual[name], "tolerance": tolerance}).assign(
            better=better, unit=unit
        )
        for name, (unit, better, tolerance) in KPIS.items()
    ]
    drifts = [pd.DataFrame({**head[name], "true_mean": mean}) for name, mean in true.items()]
    return pd.concat(parts, ignore_index=True), pd.concat(drifts, ignore_index=True)


def _place(b: Book, detail: str, told: int, options: range) -> int:
    """A month of the plan, 0 to 11, or as far on in a shorter one."""
    return int(b.trade.story.pick(detail, told, options)) * min(b.trade.draw.months, PLAN_MONTHS) // PLAN_MONTHS


def _creeping(b: Book, count: int) -> np.ndarray:
    """True minutes that picking a line takes, month by month."""
    since = np.arange(count) - _place(b, "drift month", 4, range(3, 7)) + 1
    planted = b.trade.story.plants("a drift within tolerance")
    return np.round(ACTIVITIES["picking"][1] * (1 + CREEP * np.maximum(since, 0) * planted), 4)


def _tenders(b: Book, last: np.ndarray) -> np.ndarray:
    """Tenders won in each month: few, so that luck alone is beyond tolerance in one of them."""
    won = 2.0 + choice(b.trade.chance.uniform("plan.tenders", 0, last), USUAL)
    if b.trade.story.plants("one alarm is noise"):
        won[_place(b, "noise month", 7, range(3, 11))] = ALARMS[b.trade.story.pick("noise sign", -1, (-1, 1))]
    return won


# --- what is planted ---


def _partner_facts(b: Book, own: dict[str, pd.DataFrame], dependence: pd.DataFrame) -> list[Fact]:
    plants, scores, met = b.trade.story.plants, own["partner_scores"], own["contacts"]
    total = (scores["score"] * scores["weight"]).groupby(scores["partner_id"]).sum().round(6).to_numpy()
    best, single = dependence.iloc[total.argmax()], partner_ids(len(total))[single_thread(b)]
    pairs = met.loc[met["partner_id"] == single, ["our_person", "their_person"]].drop_duplicates()
    return [
        Fact("the best score has one side", 11, plants("the best score has one side"), best["partner_id"],
             round(float(best["ours"] - best["theirs"]), 4), "our dependence less theirs",
             "the partner with the best score depends on us less than we on it: a score has one side."),
        Fact("one relation hangs on one person", 11, plants("one relation hangs on one person"), str(single),
             float(len(pairs)), "pairs of people",
             "the partner that is met most often is met by one person of ours alone, who knows one of theirs."),
    ]  # fmt: skip


def _plan_facts(b: Book, planned: pd.DataFrame, drifts: pd.DataFrame) -> list[Fact]:
    plants, tenders = b.trade.story.plants, planned[planned["kpi"] == TENDERS].reset_index(drop=True)
    alarm = tenders.iloc[_place(b, "noise month", 7, range(3, 11))]
    picking = drifts[drifts["kpi"] == PICKING].reset_index(drop=True)
    begins = picking.iloc[_place(b, "drift month", 4, range(3, 7))]
    rise = 100 * (picking["true_mean"].iloc[-1] / picking["true_mean"].iloc[0] - 1)
    return [
        Fact("one alarm is noise", 12, plants("one alarm is noise"), f"{alarm['month']:%Y-%m}",
             float(alarm["actual"] - alarm["planned"]), "tenders against the plan",
             "one month's tenders are far beyond their tolerance, and nothing is behind it: they are few."),
        Fact("a drift within tolerance", 12, plants("a drift within tolerance"), f"{begins['month']:%Y-%m}",
             round(float(rise), 4), "% by the last month",
             "picking takes longer month by month; its first months are within tolerance, and show green."),
    ]  # fmt: skip
