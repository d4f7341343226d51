"""From what happened at Harbour & Hill (simulated) to the tables that the firm would have of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from crmlab.data.firms.chance import choice, lognormal, poisson
from crmlab.data.firms.harbour import people as hp
from crmlab.data.firms.harbour import trade as hb
from crmlab.data.firms.harbour.history import History
from crmlab.data.firms.harbour.people import CAUSES, DEPOTS, GROUPS, NEVER, REGIONS, numbered
from crmlab.data.firms.harbour.policy import ANSWERS, FIXES
from crmlab.data.firms.harbour.trade import ACTIVITIES, FIRST_DAY, KINDS, MINUTE

UNNOTICED = 13  # weeks without an order after which the firm counts a customer as gone
ROUTES = ("tour", "return leg", "express")
CALLS = ("order status", "availability", "prices", "complaint")

FAMILIES = (
    "Abbot", "Barrow", "Carden", "Dunmore", "Ellery", "Farrant", "Gosford", "Hanley", "Ivers", "Jarrow",
    "Kettle", "Lowther", "Marden", "Norwood", "Oakes", "Pentire", "Quill", "Redfern", "Sallow", "Tarrant",
    "Upton", "Varley", "Wickham", "Yarrow", "Ashby", "Birch", "Colley", "Dray", "Eastlake", "Fenner",
)  # fmt: skip
TRADES = {
    "project builder": ("Construction", "Homes", "Projects", "Contracting", "Developments"),
    "independent dealer": ("Trading", "Building Supplies", "Hardware", "Timber & Tile", "Stores"),
    "public works": ("District Council", "Water Board", "Schools Office", "Roads Department", "Hospital Trust"),
    "repair trade": ("Repairs", "Roofing", "Joinery", "Plumbing", "Maintenance"),
}
FORMS = ("Ltd", "& Sons", "Brothers", "& Co", "Partners")
FIRST_NAMES = (
    "Ada",
    "Ben",
    "Cora",
    "Dan",
    "Ella",
    "Finn",
    "Greta",
    "Hal",
    "Ines",
    "Jon",
    "Kit",
    "Lena",
    "Max",
    "Nora",
    "Olaf",
    "Pia",
)
ROLES = ("buyer", "site manager", "owner", "accounts")
STREETS = (
    "Quay Street",
    "Mill Lane",
    "Church Road",
    "Station Road",
    "High Street",
    "Canal Side",
    "Orchard Way",
    "Foundry Row",
)


def ordered_by_day(h: History) -> History:
    """The same history, its orders in the order of their days."""
    place = np.argsort(h.orders["date"].to_numpy(), kind="stable")
    rank = np.empty(len(place), int)
    rank[place] = np.arange(len(place))
    lines = h.lines.assign(order=rank[h.lines["order"]]).sort_values("order", kind="stable", ignore_index=True)
    return replace(h, orders=h.orders.iloc[place].reset_index(drop=True), lines=lines)


class Book:
    """Ids, days and amounts that several tables share.

    Parameters
    ----------
    h : History
        By day.
    """

    def __init__(self, h: History) -> None:
        self.h, self.trade, self.people = h, h.trade, h.trade.alone
        ids = np.array(h.trade.ids)
        owners = h.trade.owners
        first = np.searchsorted(owners, np.arange(len(self.people)))
        self.own_ids = ids[first]  # of each customer, its first
        o = h.orders
        self.account = ids[first[o["customer"]] + o["account"]]
        width = max(5, len(str(len(o))))
        self.order_ids = numbered("O", len(o), width)
        self.product_ids = numbered("P", len(h.trade.goods), 3)
        self.today = FIRST_DAY + 7 * self.trade.weeks - 1
        days = o["date"].to_numpy().astype("datetime64[D]")
        self.promised = np.busday_offset(days, np.where(o["urgent"], hb.URGENT_DAYS, hb.LEAD_DAYS))
        self.delivered = np.busday_offset(self.promised, o["late_days"].to_numpy())
        price = h.trade.goods.price[h.lines["item"]] * (1 - h.lines["discount"].to_numpy())
        self.cents = np.floor(np.round(h.lines["delivered"] * price * 100, 4) + 0.5).astype(np.int64)

    def sum_by_order(self, values: np.ndarray) -> np.ndarray:
        """A sum over the lines of each order."""
        return np.bincount(self.h.lines["order"], values, len(self.h.orders))

    def luck(self, mechanism: str, orders: np.ndarray | None = None) -> np.ndarray:
        """Four numbers for each order: by customer, week and place among the customer's orders of the week."""
        o = self.h.orders
        which = o.groupby(["customer", "week"]).cumcount().to_numpy()
        address = [o["customer"].to_numpy(), o["week"].to_numpy(), which]
        return self.trade.chance.uniforms(mechanism, *(a if orders is None else a[orders] for a in address))


def days(values: np.ndarray, known: np.ndarray | None = None) -> pd.Series:
    """Days as timestamps; missing where they are not known."""
    series = pd.Series(values.astype("datetime64[D]").astype("datetime64[us]"))
    return series if known is None else series.where(known)


def month_of(values: pd.Series) -> np.ndarray:
    """The first day of the month."""
    return values.to_numpy().astype("datetime64[M]").astype("datetime64[us]")


# --- who buys, and what ---


def customers(b: Book) -> pd.DataFrame:
    """One row an account: its owner's second and third differ in spelling."""
    p, owners = b.people, b.trade.owners
    extra = np.arange(len(owners)) - np.searchsorted(owners, owners)
    u, v = b.trade.chance.uniforms("customers.names", owners), b.trade.chance.uniforms("customers.places", owners)
    w = b.trade.chance.uniforms("customers.accounts", owners, 0, extra)
    group = np.array(GROUPS)[p.group[owners]]
    names = [
        _name(FAMILIES[int(a * 30)], TRADES[g][int(c * 5)], FORMS[int(d * 5)], g)
        for g, a, c, d in zip(group, *u[:3], strict=True)
    ]
    names = [_spelled(name, k) for name, k in zip(_told_apart(names, owners), extra, strict=True)]
    joined = FIRST_DAY + 7 * p.joined[owners] + (w[0] * 5).astype(int)
    return pd.DataFrame(
        {
            "customer_id": b.trade.ids,
            "name": names,
            "group": group,
            "region": np.array(REGIONS)[p.region[owners]],
            "depot": np.array(DEPOTS)[p.depot[owners]],
            "street": [f"{int(a * 180) + 1} {STREETS[int(c * 8)]}" for a, c in zip(v[0], v[1], strict=True)],
            "phone": [f"555-{int(a * 9000) + 1000}" for a in v[2]],
            "acquired_on": days(joined),
            "acquisition_cost": p.acquisition_cost[owners],
            "discount": p.discount[owners],
            "rating": np.array(list("ABC"))[p.rating[owners]],
            "shares_forecasts": p.forecasts[owners],
        }
    ).sort_values("customer_id", ignore_index=True)


def _name(family: str, trade: str, form: str, group: str) -> str:
    return f"{family} {trade}" if group == "public works" else f"{family} {trade} {form}"


def _told_apart(names: list[str], owners: np.ndarray) -> list[str]:
    """Two customers of one name are told apart by a number, as firms do it."""
    owner_of: dict[str, list[int]] = {}
    result = []
    for name, owner in zip(names, owners.tolist(), strict=True):
        known = owner_of.setdefault(name, [])
        if owner not in known:
            known.append(owner)
        place = known.index(owner)
        result.append(name if place == 0 else f"{name} ({place + 1})")
    return result


def _spelled(name: str, variant: int) -> str:
    """A name as another clerk would write it."""
    if variant == 1:
        return name.upper().replace("&", "AND")
    return (
        name.replace(" & ", " + ").replace("Construction", "Constr.").replace("Projects", "Proj.") + "."
        if variant == 2
        else name
    )


def contact_persons(b: Book) -> pd.DataFrame:
    """Whom the firm knows at each account."""
    table = customers(b)
    number = table["customer_id"].str[1:].astype(int).to_numpy()
    count = 1 + poisson(b.trade.chance.uniform("persons.count", number), np.where(table["rating"] == "A", 1.4, 0.5))
    account = np.repeat(np.arange(len(table)), count)
    which = np.arange(len(account)) - np.searchsorted(account, account)
    u = b.trade.chance.uniforms("persons", number[account], 0, which)
    name = [f"{FIRST_NAMES[int(a * 16)]} {FAMILIES[int(c * 30)]}" for a, c in zip(u[0], u[1], strict=True)]
    since = table["acquired_on"].to_numpy()[account].astype("datetime64[D]")
    known = np.maximum((b.today - since).astype(int), 1)
    return pd.DataFrame(
        {
            "person_id": numbered("H", len(account), 4),
            "customer_id": table["customer_id"].to_numpy()[account],
            "name": name,
            "role": np.where(which == 0, "buyer", np.array(ROLES)[choice(u[2], [0.2, 0.35, 0.2, 0.25])]),
            "since": days(since + np.floor(known * u[3] * (which > 0)).astype(int)),
        }
    )


def products(b: Book) -> pd.DataFrame:
    """The range of goods."""
    goods = b.trade.goods
    return pd.DataFrame(
        {
            "product_id": b.product_ids,
            "category": np.array(hp.CATEGORIES)[goods.category],
            "abc": goods.abc,
            "price": goods.price,
            "unit_cost": goods.cost,
            "principals": np.where(goods.stocked >= 0, b.trade.around.principals[np.maximum(goods.stocked, 0)], False),
        }
    )


# --- orders ---


def orders(b: Book) -> pd.DataFrame:
    """One row an order."""
    o = b.h.orders
    return pd.DataFrame(
        {
            "order_id": b.order_ids,
            "customer_id": b.account,
            "ordered_on": days(o["date"].to_numpy()),
            "promised_on": days(b.promised),
            "delivered_on": days(b.delivered, b.delivered <= b.today),
            "urgent": o["urgent"],
            "amount": b.sum_by_order(b.cents) / 100,
            "right_place": ~o["wrong_place"],
            "right_customer": ~o["wrong_customer"],
            "right_invoice": ~o["wrong_invoice"],
            "right_documents": ~o["wrong_documents"],
        }
    )


def order_lines(b: Book) -> pd.DataFrame:
    """One row a line."""
    line = b.h.lines
    order = line["order"].to_numpy()
    return pd.DataFrame(
        {
            "order_id": b.order_ids[order],
            "line": np.arange(len(order)) - np.searchsorted(order, order) + 1,
            "product_id": b.product_ids[line["item"]],
            "ordered": line["quantity"].astype(int),
            "delivered": line["delivered"].astype(int),
            "amount": b.cents / 100,
            "right_item": ~line["wrong_item"],
            "undamaged": ~line["damaged"],
        }
    )


def shipments(b: Book) -> pd.DataFrame:
    """One row a drop: an order is delivered in one."""
    o, p = b.h.orders, b.people
    u = b.luck("shipments")
    back = p.return_leg[o["customer"]]
    minutes = ACTIVITIES["delivery"][1] * p.handling[o["customer"]] * lognormal(u[0], 0.3) * o["own_drop"].to_numpy()
    shipped = np.busday_offset(b.delivered, -1)
    table = pd.DataFrame(
        {
            "shipment_id": np.char.replace(b.order_ids, "O", "S"),
            "order_id": b.order_ids,
            "depot": np.array(DEPOTS)[p.depot[o["customer"]]],
            "route": np.array(ROUTES)[np.where(back, 1, np.where(o["urgent"], 2, 0))],
            "shipped_on": days(shipped),
            "drop_minutes": np.round(minutes, 1),
        }
    )
    return table[shipped <= b.today].reset_index(drop=True)


def stock(b: Book) -> pd.DataFrame:
    """One row a week, depot and item of class A."""
    held = b.h.stock
    weeks, depots, items = held["demand"].shape
    week, depot, item = (part.ravel() for part in np.indices((weeks, depots, items)))
    stocked = np.flatnonzero(b.trade.goods.stocked >= 0)
    return pd.DataFrame(
        {
            "week": days(FIRST_DAY + 7 * week),
            "depot": np.array(DEPOTS)[depot],
            "product_id": b.product_ids[stocked[item]],
            **{name: held[name].ravel().astype(int) for name in ("opening", "received", "demand", "delivered")},
        }
    )


# --- what serving them takes ---


def activities(b: Book) -> pd.DataFrame:
    """What each activity takes, and how much of its cost can be saved."""
    return pd.DataFrame(
        {
            "activity": list(ACTIVITIES),
            "driver": [driver for driver, _, _ in ACTIVITIES.values()],
            "minutes": [minutes for _, minutes, _ in ACTIVITIES.values()],
            "cost_per_minute": MINUTE,
            **{f"avoidable_{m}_months": [s[k] for _, _, s in ACTIVITIES.values()] for k, m in enumerate((3, 12, 36))},
        }
    )


def ledger(b: Book) -> pd.DataFrame:
    """One row a customer, month and activity that it caused: units of the driver, standard minutes, cost."""
    o = b.h.orders
    back = b.people.return_leg[o["customer"]]
    returned = b.sum_by_order((b.h.lines["wrong_item"] | b.h.lines["damaged"]).to_numpy())
    by_order: dict[str, Any] = {
        "order taking": np.ones(len(o)),
        "order lines": o["lines"],
        "picking": o["lines"],
        "delivery": ~back & o["own_drop"],
        "delivery on the return leg": back & o["own_drop"],
        "expediting": o["urgent"],
        "returns": returned,
        "complaints": o["complains"],
    }
    entered = o["entry"].to_numpy()
    shares = {"order taking": entered, "order lines": entered}  # of the standard minutes
    keys = pd.DataFrame({"customer_id": b.account, "month": month_of(o["date"])})
    parts = [
        _units(keys.assign(activity=activity, units=np.asarray(units, int)), shares.get(activity, 1.0))
        for activity, units in by_order.items()
    ]
    parts += [
        _monthly(b, activity, drawn) for activity, drawn in (("visits", _visits), ("credit control", _late_payments))
    ]
    table = pd.concat(parts, ignore_index=True)
    standard = table["activity"].map({name: minutes for name, (_, minutes, _) in ACTIVITIES.items()})
    table["minutes"] = np.round(table["counted"] * standard, 9)
    table["cost"] = np.round(table["minutes"] * MINUTE, 2)
    place = table["activity"].map({name: place for place, name in enumerate(ACTIVITIES)})
    table = table.assign(place=place).sort_values(["month", "customer_id", "place"], ignore_index=True)
    return table[["customer_id", "month", "activity", "units", "minutes", "cost"]]


def _units(orders: pd.DataFrame, share: Any) -> pd.DataFrame:
    """Units by customer and month, and how many they count for at the share of the standard minutes that each takes."""
    sums = orders.assign(counted=orders["units"] * share).groupby(["customer_id", "month", "activity"]).sum()
    return sums[sums["units"] > 0].reset_index()


def _visits(b: Book, who: np.ndarray, month: np.ndarray) -> np.ndarray:
    kept = _kept(b, "visits", who, month)
    return poisson(b.trade.chance.uniform("visits", who, month), np.round(b.people.visits[who] * kept, 9))


def _late_payments(b: Book, who: np.ndarray, month: np.ndarray) -> np.ndarray:
    kept = _kept(b, "late_payments", who, month)
    return b.trade.chance.happens(b.people.late_payer[who] * kept, "late payments", who, month).astype(int)


def _kept(b: Book, what: str, who: np.ndarray, month: np.ndarray) -> np.ndarray:
    """What the decision leaves, in each month, of what befalls customers by the month."""
    return np.where(month * 13 // 3 >= b.trade.first_week, getattr(b.trade.decided, what)[who], 1.0)


def _monthly(b: Book, activity: str, drawn: Callable[[Book, np.ndarray, np.ndarray], np.ndarray]) -> pd.DataFrame:
    """What befalls each customer by the month, as long as it is one."""
    middle = [min(hb.weeks_in(month) + 2, b.trade.weeks - 1) for month in range(b.trade.draw.months)]
    month, who = np.nonzero(b.h.here[middle])
    units = drawn(b, who, month)
    first = (FIRST_DAY.astype("datetime64[M]") + month).astype("datetime64[us]")
    table = pd.DataFrame(
        {"customer_id": b.own_ids[who], "month": first, "units": units, "counted": units, "activity": activity}
    )
    return table[table["units"] > 0]


def activity_costs(b: Book, booked: pd.DataFrame) -> pd.DataFrame:
    """One row a month and activity: what was there, what was used, what it cost; what nobody used is in the cost."""
    used = booked.pivot_table(index="month", columns="activity", values="minutes", aggfunc="sum", fill_value=0.0)
    used = used.reindex(columns=list(ACTIVITIES), fill_value=0.0)
    capacity = used.clip(lower=np.ceil(np.round(used.mean() * 1.15, 6)), axis=1)
    month, activity = (part.ravel() for part in np.indices(used.shape))
    table = pd.DataFrame(
        {
            "month": used.index[month],
            "activity": used.columns[activity],
            "capacity_minutes": capacity.to_numpy().ravel(),
            "used_minutes": used.to_numpy().ravel(),
        }
    )
    return table.assign(cost=np.round(table["capacity_minutes"] * MINUTE, 2))


# --- calls, complaints, those who left ---


def complaints(b: Book) -> pd.DataFrame:
    """One row a complaint; open ones have no day of resolution."""
    o = b.h.orders
    opened = b.delivered + 1
    resolved = opened + o["days_to_resolve"].to_numpy()
    rows = np.flatnonzero(o["complains"].to_numpy() & (opened <= b.today))
    table = pd.DataFrame(
        {
            "complaint_id": numbered("Q", len(rows), 5),
            "customer_id": b.account[rows],
            "order_id": b.order_ids[rows],
            "category": np.array(KINDS)[o["kind"].to_numpy()[rows]],
            "opened_on": days(opened[rows]),
            "resolved_on": days(resolved[rows], resolved[rows] <= b.today),
            "recovered": o["recovered"].to_numpy()[rows] & (resolved[rows] <= b.today),
            "compensation": np.where(resolved[rows] <= b.today, o["compensation"].to_numpy()[rows], 0.0),
        }
    )
    return table


def calls(b: Book) -> pd.DataFrame:
    """One row a telephone call about an order."""
    o = b.h.orders
    u = b.luck("calls")
    late = np.where(o["late"], 0.45, 0.08)
    category = np.select([o["complains"], u[0] < np.round(late, 9), u[0] < 0.14, u[0] < 0.17], [3, 0, 1, 2], -1)
    after = np.where(
        category == 3,
        b.delivered + 1,
        np.where(category == 0, b.promised, o["date"].to_numpy().astype("datetime64[D]")),
    )
    rows = np.flatnonzero((category >= 0) & (after <= b.today))
    return pd.DataFrame(
        {
            "call_id": numbered("T", len(rows), 5),
            "customer_id": b.account[rows],
            "order_id": b.order_ids[rows],
            "called_on": days(after[rows]),
            "category": np.array(CALLS)[category[rows]],
            "minutes": np.round(np.array([4.0, 5.0, 6.0, 9.0])[category[rows]] * lognormal(u[1][rows], 0.5), 1),
            "resolved": np.where(category[rows] == 3, o["recovered"].to_numpy()[rows], u[2][rows] < 0.9),
        }
    )


def defections(b: Book) -> pd.DataFrame:
    """One row a customer whom the firm has noticed to be gone: what it said, if it spoke."""
    s, story = b.trade.state, b.trade.story
    noticed = s.left + UNNOTICED
    who = np.flatnonzero((s.left < NEVER) & (noticed < b.trade.weeks) & (s.cause < len(CAUSES)))
    u = b.trade.chance.uniforms("exit interviews", who)
    service = s.cause[who] < len(hp.SERVICE_CAUSES)
    silent = story.plants("the silent were served badly")
    speaks = u[0] < np.where(service, 0.30, 0.85) if silent else u[0] < 0.6
    says_price = service & (u[1] < (0.75 if story.plants("they say price") else 0.05))
    stated = np.where(says_price, CAUSES.index("price"), s.cause[who])
    stated = np.where(~service & (u[1] < 0.12), CAUSES.index("price"), stated)
    last = b.h.orders.groupby("customer")["date"].max().reindex(who)
    rows = np.argsort(noticed[who], kind="stable")
    return (
        pd.DataFrame(
            {
                "customer_id": b.own_ids[who],
                "last_order_on": days(last.to_numpy()),
                "noticed_on": days(FIRST_DAY + 7 * noticed[who] + (u[2] * 5).astype(int)),
                "interviewed": speaks,
                "stated_cause": pd.Series(np.array(CAUSES)[stated]).where(speaks),
            }
        )
        .iloc[rows]
        .reset_index(drop=True)
    )


def playbook(b: Book) -> pd.DataFrame:
    """What the firm can do against leaving and against faults, what it costs, and what it believes that it does."""
    believed = {"call": 0.30, "visit": 0.40, "delivery watch": 0.10, "discount": 0.60}
    triggers = {
        "call": "orders half as often as before", "visit": "no order for twice its usual gap",
        "delivery watch": "two late deliveries in a quarter", "discount": "asks for a better price",
    }  # fmt: skip
    answers = [
        {"action": name, "kind": "answer", "trigger": triggers[name], "owner": answer.owner, "cost": answer.cost,
         "per": "customer and week", "believed_success": believed[name]}
        for name, answer in ANSWERS.items()
    ]  # fmt: skip
    fixes = [
        {"action": name, "kind": "fix", "trigger": "imperfect orders", "owner": "operations", "cost": fix.cost,
         "per": "year", "believed_success": round(1 - fix.left, 2)}
        for name, fix in FIXES.items()
    ]  # fmt: skip
    return pd.DataFrame(answers + fixes)


def tables(b: Book) -> dict[str, pd.DataFrame]:
    """What the firm's own systems hold."""
    booked = ledger(b)
    simple = (customers, contact_persons, products, orders, order_lines, shipments, stock, activities)
    made = {make.__name__: make(b) for make in simple}
    made |= {"ledger": booked, "activity_costs": activity_costs(b, booked)}
    return made | {make.__name__: make(b) for make in (complaints, calls, defections, playbook)}
