"""Harbour & Hill Building Supply (simulated), week by week.

Each week customers order what their rate, their mood and the season bring; goods of class A come from a stock that can
run out, and a rule says who then gets them; orders are delivered well or badly; what goes wrong is complained about or
not, made good or not; what is not made good annoys; who is annoyed orders less and may leave. A customer's life is a
set of competing hazards, and its cause of leaving is the one that fired. Who has left goes on as a ghost, in no table
and taking no goods, with that one cause switched off and all other luck the same: so it is known whether it would have
left anyway.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from crmlab.data.firms.chance import Chance, binomial, choice, lognormal, poisson
from crmlab.data.firms.firm import Draw
from crmlab.data.firms.harbour import people as hp
from crmlab.data.firms.harbour.people import CAUSES, DEPOTS, NEVER, REGIONS, People, Products
from crmlab.data.firms.harbour.policy import Book, Effects, effects, first_week, today
from crmlab.data.firms.harbour.wants import wants
from crmlab.data.firms.story import Story

FIRST_DAY = np.datetime64("2023-01-02", "D")  # a Monday
YEAR = 52
# Moods, and what each does: orders against a content customer's, and the hazard of leaving for that reason, a week.
CONTENT, BADLY_HANDLED, LATE, SHORT = range(4)
APPETITE = np.array([1.0, 0.90, 0.90, 0.50])
HAZARDS = np.array([0.0, 0.016, 0.085, 0.009])
FORGETS = 0.08  # chance a week that an annoyed customer is content again
CAUSE_OF_MOOD = np.array([-1, 2, 0, 1])  # place in CAUSES
YEARLY, YEARLY_ANNOUNCED = 0.45, 0.10  # spread of the logarithm of a customer's years, a matter of its projects
EVEN_YEARS = 0.02  # the same where years do not differ
FADING = 40  # weeks in which one who closes down buys little
FADED = 0.12
WORKDAYS = 5
# Kinds of failure of an order, the gravest last: an order counts by its gravest.
KINDS = ("none", "invoice", "documents", "damage", "wrong item", "wrong place", "wrong customer", "late", "short")
INVOICE, DOCUMENTS, DAMAGE, ITEM, PLACE, CUSTOMER, TOO_LATE, TOO_FEW = range(1, 9)
COMPLAINS = np.array([0, 0.40, 0.30, 0.60, 0.60, 0.80, 0.80, 0.25, 0.30])  # chance of a complaint, by kind
# How much a failure annoys that was not complained of, against one complained of in vain, by kind.
SILENT = np.array([0, 0.35, 0.35, 0.35, 0.35, 0.35, 0.35, 0.35, 0.90])
MOOD_OF_KIND = np.array([0, 1, 1, 1, 1, 1, 1, 2, 3])
LEAD_DAYS, URGENT_DAYS = 3, 1
B_C_SHORT = 0.010  # a line of class B or C of which only a part is there
# The stock of class A.
LEAD_WEEKS = 2
TROUBLE = 6  # weeks that the principal's trouble lasts, three times a year
CUT = 0.25  # what the principal delivers in weeks of trouble
SMOOTHING = 0.08
HOLDING = 0.25 / YEAR  # of the stock's cost, a week
RANDOM_FAULTS = {"wrong place": 0.004, "wrong customer": 0.003, "invoice": 0.015, "wrong item": 0.006, "damage": 0.008}

# Activities: minutes for each unit of the driver, and the share of the cost that is saved within 3, 12 and 36 months
# when the driver falls.
ACTIVITIES = {
    "order taking": ("orders", 7.0, (0.3, 0.6, 0.9)),
    "order lines": ("lines", 1.5, (0.3, 0.6, 0.9)),
    "picking": ("lines", 4.0, (0.4, 0.8, 1.0)),
    "delivery": ("drops", 32.0, (0.3, 0.7, 0.95)),
    "delivery on the return leg": ("drops", 32.0, (0.0, 0.05, 0.2)),
    "expediting": ("urgent orders", 42.0, (0.8, 0.9, 1.0)),
    "returns": ("returned lines", 30.0, (0.5, 0.7, 0.9)),
    "complaints": ("complaints", 40.0, (0.3, 0.6, 0.9)),
    "credit control": ("late payments", 20.0, (0.2, 0.5, 0.9)),
    "visits": ("visits", 75.0, (0.5, 0.9, 1.0)),
}
MINUTE = 0.90  # EUR


def saved_per(activity: str) -> float:
    """EUR saved within a year for each unit of an activity's driver that falls away."""
    _, minutes, shares = ACTIVITIES[activity]
    return minutes * MINUTE * shares[1]


def weeks_in(months: int) -> int:
    """Whole weeks in that many months: 52 a year."""
    return months * 13 // 3


@dataclass
class Setting:
    """What surrounds the customers: week by week, as far as anybody looks."""

    season: np.ndarray  # of demand, mean 1 over a year; by week of the year
    late: np.ndarray  # chance that an order is late, by depot and week
    late_if_short: float
    damage: np.ndarray  # chance that a line is damaged, by depot and week
    documents: np.ndarray  # chance of wrong documents, by region
    supply: np.ndarray  # share of what was ordered that arrives, by world and week; of the principal's goods
    principals: np.ndarray  # which of the 60 stocked items the principal supplies
    years: np.ndarray  # spread of the logarithm of a customer's years, by timing
    convex: bool  # whether a line cut to nothing annoys more than two cut by half


def setting(draw: Draw, weeks: int, chance: Chance, story: Story, worlds: int = 1) -> Setting:
    """The setting of a draw, and of what may come after it in each world."""
    month = np.arange(YEAR) * 12 // YEAR
    season = np.where(month == 8, 1.9, np.where(month == 9, 0.75, 1.0))
    late = np.full((len(DEPOTS), weeks), 0.03)
    if story.plants("late deliveries drive them away"):
        start = weeks_in(min(int(story.pick("late month", 8, range(4, 14))), max(draw.months // 3, 1)))
        late[DEPOTS.index(story.pick("late depot", "Hill", DEPOTS)), start:] = 0.42
    damage = np.full((len(DEPOTS), weeks), RANDOM_FAULTS["damage"])
    if story.plants("one shift in complaints"):
        depot, first = shift(draw, story)
        damage[DEPOTS.index(depot), first:] = 0.060
    documents = np.full(len(REGIONS), 0.005)
    if story.plants("documents fail in one region"):
        documents[REGIONS.index(story.pick("documents region", "Valley", REGIONS))] = 0.10
    together = story.plants("late and short come together")
    together_sign = story.pick("late and short sign", 1, (1, -1))
    trouble = np.zeros((worlds, weeks), bool)
    for year in range(-(-weeks // YEAR)):
        world = np.arange(worlds) + 1 if year * YEAR >= weeks_in(draw.months) else np.zeros(worlds, int)
        for which in range(3):
            begins = year * YEAR + which * 17 + np.floor(chance.uniform("supply.trouble", year, 0, which, world) * 10)
            since = np.arange(weeks) - begins[:, None]
            trouble |= (since >= 0) & (since < TROUBLE)
    places = np.arange(len(hp.CATEGORIES) * hp.CLASS_SIZES["A"])
    return Setting(
        season=season / season.mean(),
        late=late,
        late_if_short=(0.45 if together_sign > 0 else 0.0) if together else -1.0,
        damage=damage,
        documents=documents,
        supply=np.where(trouble, CUT, 1.0),
        principals=chance.uniform("supply.principal", places) < 0.6,
        years=np.array(
            [YEARLY, YEARLY_ANNOUNCED, 0.0] if story.plants("good years pass") else [EVEN_YEARS, EVEN_YEARS, 0.0]
        ),
        convex=story.plants("a floor pays"),
    )


def shift(draw: Draw, story: Story) -> tuple[str, int]:
    """Depot and week from which more goods are damaged."""
    month = story.pick("shift month", 22, range(14, 27))
    if month > draw.months * 0.8:
        month = draw.months * 6 // 10
    return story.pick("shift depot", "Mill", DEPOTS[1:]), weeks_in(month - 1)


@dataclass
class World:
    """Where everybody stands; one entry a customer, world after world."""

    number: np.ndarray  # of the customer: its address in chance
    world: np.ndarray
    here: np.ndarray  # buys still
    ghost: np.ndarray  # has left, and goes on with the cause of that switched off
    mood: np.ndarray
    left: np.ndarray  # week
    cause: np.ndarray
    would_leave: np.ndarray  # week in which the ghost left
    stock: np.ndarray  # by world and depot, and item
    coming: np.ndarray  # by weeks ahead, then the same
    expected: np.ndarray  # demand a week, smoothed
    error: np.ndarray  # its mean absolute error, smoothed


class Trade:
    """A firm at work: `week` takes it from one week to the next.

    Parameters
    ----------
    draw : Draw
    do : dict
        The decision, see the module `policy`.
    beyond : int
        Weeks after the draw's last that can be played.
    """

    def __init__(self, draw: Draw, do: Mapping[str, Any] | None = None, *, beyond: int = 0) -> None:
        self.draw, self.beyond, self.worlds = draw, beyond, 1
        self.weeks = weeks_in(draw.months)
        self.chance = Chance(draw.seed, draw.firm)
        self.story = Story(draw, self.chance)
        self.goods: Products = hp.products(self.chance)
        self.alone: People = hp.people(draw, self.weeks, self.chance, self.story)
        self.people = self.alone
        self.wants = wants(self.alone, self.story)
        self.around = setting(draw, self.weeks + beyond, self.chance, self.story)
        self.ids, self.owners = account_ids(draw, self.alone, self.chance)
        self.state = self._at_the_start()
        self.decide(do or {}, first_week(do or {}))

    def decide(self, do: Mapping[str, Any], week: int) -> None:
        """Let a decision hold from a week on."""
        self.do, self.first_week = dict(do), week
        self.as_today = today(self.people.rating)
        self.decided = effects({key: do[key] for key in do if key != "from_month"}, self.book())
        self.now: Effects = self.as_today
        self._year: Any = None

    def futures(self, worlds: int, do: Mapping[str, Any]) -> Trade:
        """The firm as it stands, in many worlds at once, with a decision that holds from now on."""
        other, s = copy.copy(self), self.state
        other.worlds, other.people = worlds, self.alone.copies(worlds)
        other.around = setting(self.draw, self.weeks + self.beyond, self.chance, self.story, worlds)
        by_customer = ("number", "world", "here", "ghost", "mood", "left", "cause", "would_leave")
        other.state = World(
            **{name: np.tile(getattr(s, name), worlds) for name in by_customer},
            **{name: np.tile(getattr(s, name), (worlds, 1)) for name in ("stock", "expected", "error")},
            coming=np.tile(s.coming, (1, worlds, 1)),
        )
        other.state.world = np.repeat(np.arange(worlds), len(self.alone))
        other.decide(do, self.weeks)
        return other

    # --- the start ---

    def book(self) -> Book:
        """What the policies must know of the customers."""
        p = self.people
        value = np.round(p.lines * p.size * (1 - p.discount), 6)
        everywhere = dict(zip(self.ids, self.owners.tolist(), strict=True))
        worth = np.tile(self.wants.utilities[self.wants.group] / 100, (self.worlds, 1))
        return Book(everywhere, self.worlds, p.rating, value, p.responds, p.share, worth)

    def _at_the_start(self) -> World:
        n, expected = len(self.people), self._expected_demand()
        return World(
            number=np.arange(n),
            world=np.zeros(n, int),
            here=np.ones(n, bool),
            ghost=np.zeros(n, bool),
            mood=np.zeros(n, int),
            left=np.full(n, NEVER),
            cause=np.full(n, -1),
            would_leave=np.full(n, NEVER),
            stock=np.floor(expected * (LEAD_WEEKS + 1)),
            coming=np.repeat(np.floor(expected)[None], LEAD_WEEKS, axis=0),
            expected=expected,
            error=np.round(np.sqrt(expected * 12), 6),  # a few large lines a week
        )

    def _expected_demand(self) -> np.ndarray:
        """Units a week of each stocked item at each depot, while all are content and here."""
        p, goods = self.alone, self.goods
        here = (p.joined <= 0).astype(float)
        spend = np.zeros((len(DEPOTS), len(hp.CATEGORIES)))
        for lines, along in ((np.minimum(p.lines, 1.0), False), (p.lines - 1, True)):
            by_category = (here * p.rate * lines * p.size)[:, None] * hp.mix_of_categories(along)[p.group]
            np.add.at(spend, p.depot, by_category)
        stocked = goods.stocked >= 0
        units = spend[:, goods.category[stocked]] * goods.popularity[stocked] / goods.price[stocked]
        return np.round(np.maximum(units, 0.05), 6)

    # --- a week ---

    def week(self, week: int) -> dict[str, np.ndarray]:
        """Let one week pass; what happened in it, as arrays by name.

        `order.*` one entry an order, `line.*` one entry a line, `stock.*` by world and depot and item, `unit.*` one
        entry a customer and world.
        """
        p, s = self.people, self.state
        self.now = self.decided if week >= self.first_week else self.as_today
        self._later = week >= self.weeks
        self._who_goes_by_decision(week)
        self._luck = self.chance.uniforms("weeks", s.number, week, 0, self._worlds(s.world))
        o = self._orders(week)
        line = self._lines(week, o)
        stock = self._deliver(week, o, line)
        self._faults(week, o, line)
        self._complaints(week, o)
        self._moods(week, o)
        return (
            {f"order.{name}": values for name, values in o.items()}
            | {f"line.{name}": values for name, values in line.items()}
            | {f"stock.{name}": values for name, values in stock.items()}
            | {"unit.mood": s.mood.copy(), "unit.here": s.here & (p.joined <= week)}
        )

    def _worlds(self, worlds: np.ndarray) -> np.ndarray:
        """The part of an address that tells worlds apart: their past is one."""
        return worlds + 1 if self._later else np.zeros_like(worlds)

    def _who_goes_by_decision(self, week: int) -> None:
        s = self.state
        gone = self.now.dropped & s.here
        s.left[gone], s.here[gone] = week, False
        s.cause[gone] = len(CAUSES)  # dropped

    def _orders(self, week: int) -> dict[str, np.ndarray]:
        p, s, now, world = self.people, self.state, self.now, self._worlds(self.state.world)
        active = (s.here | s.ghost) & (p.joined <= week)
        rate = p.rate * APPETITE[s.mood] * now.rate * np.where(p.closing - week <= FADING, FADED, 1.0)
        mean = rate * self.around.season[week % YEAR] * self.year_factor(week)
        u = self._luck[0]
        count = np.where(p.timing == 0, poisson(u, np.minimum(mean, 20.0)), 0)
        told = np.flatnonzero(p.timing == 1)
        trials = announced_trials(p.rate[told])
        count[told] = binomial(u[told], trials, np.minimum(mean[told] / trials, 1.0))
        seldom = np.flatnonzero(p.timing == 2)
        keen = u[seldom] < np.round(rate / p.rate, 9)[seldom]
        count[seldom] = hp.PROJECT_ORDERS * (self._projects(week, seldom) & keen)
        if week <= p.joined.max():  # a customer is one from its first order on
            count = np.where((p.joined == week) & (count == 0), 1, count)
        unit = np.repeat(np.arange(len(count)), np.where(active, count, 0))
        which = np.arange(len(unit)) - np.searchsorted(unit, unit)
        u = self.chance.uniforms("orders", s.number[unit], week, which, world[unit])
        lines = 1 + np.minimum(poisson(u[0], p.lines[unit] - 1), hp.MOST_LINES - 1)
        urgent = u[1] < np.round(p.urgent * now.urgent, 9)[unit]
        waits = np.flatnonzero(~urgent & now.one_drop[unit])  # for the delivery day
        own_drop = np.ones(len(unit), bool)
        own_drop[waits[1:]] = unit[waits[1:]] != unit[waits[:-1]]
        return {
            "unit": unit,
            "which": which,
            "lines": lines,
            "urgent": urgent,
            "own_drop": own_drop,
            "entry": now.entry[unit],
            "day": (u[2] * WORKDAYS).astype(int),
            "account": (u[3] * p.accounts[unit]).astype(int),
            "ghost": s.ghost[unit],
        }

    def _projects(self, week: int, seldom: np.ndarray) -> np.ndarray:
        """Whether those who buy seldom are in a project."""
        p, gap = self.people, self.people.gap[seldom]
        which = (week - p.phase[seldom] + gap // 2) // gap
        started = which >= 0
        which = np.maximum(which, 0)
        later = np.floor(self.chance.uniform("projects", self.state.number[seldom], 0, which) * 3).astype(int) - 1
        since = week - (p.phase[seldom] + which * gap + later)
        return started & (since >= 0) & (since < hp.PROJECT_WEEKS)

    def year_factor(self, week: int) -> np.ndarray:
        """How good a year each customer has: of mean 1."""
        p, s, year = self.people, self.state, week // YEAR
        if self._year != year:
            world = s.world + 1 if year * YEAR >= self.weeks else 0
            u = self.chance.uniform("years", s.number, year, 0, world)
            self._year, self._factor = year, lognormal(u, self.around.years[p.timing])
        return self._factor

    def _lines(self, week: int, o: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        p, s, goods = self.people, self.state, self.goods
        order = np.repeat(np.arange(len(o["unit"])), o["lines"])
        number = np.arange(len(order)) - np.searchsorted(order, order)
        unit = o["unit"][order]
        address = s.number[unit], week, o["which"][order] * hp.MOST_LINES + number, self._worlds(s.world)[unit]
        u = self.chance.uniforms("lines", *address)
        shares = hp.mix_of_categories(False)
        along = (number > 0) & (u[0] < hp.ALONG)
        own = np.where((number > 0) & ~along, (u[0] - hp.ALONG) / (1 - hp.ALONG), u[0])
        category = choice(own, shares[p.group[unit]])
        first = (
            category[np.maximum.accumulate(np.where(number == 0, np.arange(len(order)), 0))] if len(order) else category
        )
        category = np.where(along, np.array(hp.COMPANIONS)[first], category)
        item = category * hp.PER_CATEGORY + choice(u[1], goods.popularity[: hp.PER_CATEGORY])
        value = np.round(p.size[unit] * self.now.size[unit] * hp.line_sizes()[(u[2] * hp.SPREAD).astype(int)], 6)
        quantity = np.maximum(np.floor(np.round(value / goods.price[item], 6) + 0.5), 1.0)
        return {
            "order": order,
            "number": number,
            "unit": unit,
            "item": item,
            "quantity": quantity,
            "discount": np.round(p.discount + self.now.discount, 6)[unit],
            "luck": u[3],
        }

    # --- what is delivered ---

    def _deliver(self, week: int, o: dict[str, np.ndarray], line: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        s, goods, p = self.state, self.goods, self.people
        supply = np.repeat(self.around.supply[:, week], len(DEPOTS))[:, None]
        received = np.floor(s.coming[0] * np.where(self.around.principals, supply, 1.0))
        opening = s.stock + received
        place = goods.stocked[line["item"]]
        row = s.world[line["unit"]] * len(DEPOTS) + p.depot[line["unit"]]
        cell = np.where(place >= 0, row * opening.shape[1] + place, -1)
        real = (cell >= 0) & ~o["ghost"][line["order"]]
        demand = np.bincount(cell[real], line["quantity"][real], opening.size).reshape(opening.shape)
        part = np.floor(line["quantity"] * line["luck"] / B_C_SHORT)
        line["delivered"] = np.where(line["luck"] < B_C_SHORT, np.minimum(part, line["quantity"] - 1), line["quantity"])
        line["delivered"] = np.where(cell >= 0, line["quantity"], line["delivered"])
        scarce = (demand > opening).ravel()
        tight = np.flatnonzero(real & scarce[np.maximum(cell, 0)])
        if len(tight):
            scores = self._first_come(o, line)[tight] if self.now.first_come else self.now.scores[line["unit"][tight]]
            line["delivered"][tight] = allotted(
                cell[tight], line["quantity"][tight], opening.ravel(), scores, self.now.floor
            )
        # A ghost takes nothing from the stock; it would have been served as those of its cell were.
        ghostly = np.flatnonzero((cell >= 0) & ~real)
        if len(ghostly):
            served = np.minimum(opening / np.maximum(demand, 1e-9), 1.0).ravel()
            line["delivered"][ghostly] = np.floor(line["quantity"][ghostly] * np.round(served[cell[ghostly]], 9))
        delivered = np.bincount(cell[real], line["delivered"][real], opening.size).reshape(opening.shape)
        s.stock = opening - delivered
        self._reorder(demand)
        return {"opening": opening, "received": received, "demand": demand, "delivered": delivered}

    def _first_come(self, o: dict[str, np.ndarray], line: dict[str, np.ndarray]) -> np.ndarray:
        """The earlier the higher: by day, then by luck."""
        return -(o["day"] + self._luck[1][o["unit"]])[line["order"]]

    def _reorder(self, demand: np.ndarray) -> None:
        s = self.state
        s.error = np.round(s.error + SMOOTHING * (np.abs(demand - s.expected) - s.error), 6)
        s.expected = np.round(s.expected + SMOOTHING * (demand - s.expected), 6)
        z = round(float(special.ndtri(self.now.service_level)), 6)
        target = s.expected * (LEAD_WEEKS + 1) + z * 1.25 * s.error * np.round(np.sqrt(LEAD_WEEKS + 1), 9)
        position = s.stock + s.coming[1:].sum(axis=0)
        s.coming = np.concatenate([s.coming[1:], np.maximum(np.ceil(np.round(target - position, 6)), 0)[None]])

    def _faults(self, week: int, o: dict[str, np.ndarray], line: dict[str, np.ndarray]) -> None:
        p, s, now, around = self.people, self.state, self.now, self.around
        unit, world = o["unit"], self._worlds(s.world)
        u = self.chance.uniforms(
            "lines.faults", s.number[line["unit"]], week, o["which"][line["order"]] * hp.MOST_LINES + line["number"],
            world[line["unit"]],
        )  # fmt: skip
        damage = around.damage[p.depot, week] * now.faults["damage"]
        line["wrong_item"] = u[0] < np.round(RANDOM_FAULTS["wrong item"] * now.faults["wrong item"], 9)
        line["damaged"] = u[1] < np.round(damage, 9)[line["unit"]]
        line["list_value"] = np.round(line["quantity"] * self.goods.price[line["item"]], 2)
        missing = np.round((line["quantity"] - line["delivered"]) * self.goods.price[line["item"]], 2)

        def by_order(values: np.ndarray) -> np.ndarray:
            return np.bincount(line["order"], values, len(unit))

        o["short_share"] = np.round(by_order(missing) / np.maximum(by_order(line["list_value"]), 0.01), 9)
        o["worst"] = np.zeros(len(unit))  # the share that is missing of the line of which most is missing
        np.maximum.at(o["worst"], line["order"], np.round(1 - line["delivered"] / line["quantity"], 9))
        address = s.number[unit], week, o["which"], world[unit]
        u, v = self.chance.uniforms("orders.faults", *address), self.chance.uniforms("orders.papers", *address)
        late = around.late[p.depot, week] * now.faults["late"] * now.late
        late = late[unit] * np.where(o["urgent"], 1.3, 1.0)
        if around.late_if_short >= 0:
            joint = around.late_if_short * now.late[unit]
            late = np.where(
                o["short_share"] > 0, np.maximum(late, joint) if joint.size and around.late_if_short else 0.0, late
            )
        o["late"] = u[0] < np.round(late, 9)
        o["late_days"] = np.where(
            o["late"], 1 + np.minimum(np.floor(np.round(np.log(v[1]) / np.log(0.6), 6)), 14), 0
        ).astype(int)
        o["wrong_place"] = u[1] < RANDOM_FAULTS["wrong place"]
        o["wrong_customer"] = u[2] < RANDOM_FAULTS["wrong customer"]
        o["wrong_invoice"] = u[3] < np.round(RANDOM_FAULTS["invoice"] * now.faults["invoice"], 9)
        o["wrong_documents"] = v[0] < np.round(around.documents[p.region] * now.faults["documents"], 9)[unit]
        o["complains"], o["recovered"] = v[2], v[3] < np.round(now.recovered, 9)[unit]  # luck, made an event below
        flags = {
            INVOICE: o["wrong_invoice"],
            DOCUMENTS: o["wrong_documents"],
            DAMAGE: by_order(line["damaged"]) > 0,
            ITEM: by_order(line["wrong_item"]) > 0,
            PLACE: o["wrong_place"],
            CUSTOMER: o["wrong_customer"],
            TOO_LATE: o["late"],
            TOO_FEW: o["short_share"] > 0,
        }
        o["kind"] = np.maximum.reduce([kind * flag for kind, flag in flags.items()]).astype(int)

    def _complaints(self, week: int, o: dict[str, np.ndarray]) -> None:
        s, unit, kind = self.state, o["unit"], o["kind"]
        o["complains"] = o["complains"] < np.round(complaint_chance(kind, o["worst"]), 9)
        o["recovered"] &= o["complains"]
        u = self.chance.uniforms("orders.mood", s.number[unit], week, o["which"], self._worlds(s.world)[unit])
        handled = np.where(o["complains"], ~o["recovered"], SILENT[kind])
        o["annoys"] = u[0] < np.round(
            np.minimum(self.annoyance(week)[unit] * self.weight(kind, o["worst"]), 1.0) * handled, 9
        )
        o["days_to_resolve"] = np.floor(np.where(o["recovered"], 1 + 5 * u[1], 4 + 24 * u[1])).astype(int)
        o["compensation"] = np.where(o["recovered"], np.round(self.now.compensation * (0.5 + u[2]), 2), 0.0)

    def annoyance(self, week: int) -> np.ndarray:
        """Chance that a failure that is not made good annoys a customer: in a busy year each weighs less."""
        return np.minimum(self.people.temper * self.now.temper / self.year_factor(week), 1.0)

    def weight(self, kind: np.ndarray, worst: np.ndarray) -> np.ndarray:
        """How grave a failure is: 1, but a short delivery weighs by what is missing of its worst line."""
        return np.where(kind == TOO_FEW, 1.3 * worst**3 if self.around.convex else 0.3 * worst, 1.0)

    # --- moods, and leaving ---

    def _moods(self, week: int, o: dict[str, np.ndarray]) -> None:
        p, s, now, world = self.people, self.state, self.now, self._worlds(self.state.world)
        annoyed = np.zeros(len(s.mood), int)
        np.maximum.at(annoyed, o["unit"], np.where(o["annoys"], MOOD_OF_KIND[o["kind"]], 0))
        s.mood = np.where(annoyed > 0, annoyed, s.mood)
        hazards = np.zeros((len(CAUSES), len(s.mood)))
        for mood in (BADLY_HANDLED, LATE, SHORT):
            hazards[CAUSE_OF_MOOD[mood]] = np.where(s.mood == mood, HAZARDS[mood], 0.0)
        hazards[3] = p.price_hazard * now.price + now.added_hazard
        hazards[4] = p.neglect_hazard * now.neglect
        hazards[5] = p.closing <= week
        hazards[:, p.joined >= week] = 0.0
        luck = np.concatenate(
            [
                self.chance.uniforms("leaves.service", s.number, week, 0, world)[:3],
                self.chance.uniforms("leaves", s.number, week, 0, world)[:3],
            ]
        )
        fires = luck < np.round(hazards, 9)
        if now.off >= 0:
            fires[now.off] = False
        leaves = fires.any(axis=0) & s.here
        s.cause[leaves], s.left[leaves] = fires.argmax(axis=0)[leaves], week
        haunting = np.flatnonzero(s.ghost)
        fires[s.cause[haunting], haunting] = False  # what drove it away is switched off for a ghost
        vanishes = fires.any(axis=0) & s.ghost
        s.would_leave[vanishes] = week
        s.ghost = (s.ghost & ~vanishes) | leaves
        s.here = s.here & ~leaves
        calm = self._luck[2] < np.round(1 - (1 - FORGETS) * (1 - now.calms), 9)
        s.mood = np.where(calm & (annoyed == 0), CONTENT, s.mood)


def complaint_chance(kind: np.ndarray, worst: np.ndarray) -> np.ndarray:
    """Chance that a failed order is complained of: half as often where less than half of the worst line is missing."""
    return COMPLAINS[kind] * np.where((kind == TOO_FEW) & (worst <= 0.5), 0.5, 1.0)


def announced_trials(rate: np.ndarray) -> np.ndarray:
    """Orders that a customer who tells its needs ahead can place in a week, at the most."""
    return np.maximum(np.ceil(np.round(rate * 2.6, 6)), 1).astype(int)


def allotted(
    cells: np.ndarray, quantity: np.ndarray, stock: np.ndarray, scores: np.ndarray, floor: float
) -> np.ndarray:
    """Who gets what of scarce goods: a floor of every line first, as far as the goods go, then the higher score first.

    Parameters
    ----------
    cells : array of int, shape (lines,)
        The place in `stock` that a line is served from.
    quantity : array of float, shape (lines,), units
    stock : array of float, units
    scores : array of float, shape (lines,)
        Equal scores are served in the order of the lines.
    floor : float
        Between 0 and 1.

    Returns
    -------
    array of float, shape (lines,), whole units
    """
    demand = np.bincount(cells, quantity, len(stock))
    share = np.minimum(floor, np.round(stock / np.maximum(demand, 1), 9))
    first = np.floor(np.round(quantity * share[cells], 6))
    left = stock - np.bincount(cells, first, len(stock))
    order = np.lexsort((np.arange(len(cells)), -scores, cells))
    wanted = (quantity - first)[order]
    before = np.cumsum(wanted) - wanted
    begins = np.searchsorted(cells[order], cells[order])
    served = np.clip(left[cells[order]] - (before - before[begins]), 0, wanted)
    result = first.copy()
    result[order] += served
    return result


def account_ids(draw: Draw, people: People, chance: Chance) -> tuple[list[str], np.ndarray]:
    """The ids that customers are booked under, and whose each is; the first id of a customer is its own."""
    owner = np.repeat(np.arange(len(people)), people.accounts)
    dealt = np.argsort(chance.uniform("ids", np.arange(draw.customers)), kind="stable")
    digits = max(3, len(str(draw.customers)))
    return [f"C{number + 1:0{digits}d}" for number in dealt], owner
