"""Harbour & Hill Building Supply (simulated): who buys there, and what.

Everything here is fixed before the first week: products, customers, and how each customer is made. Customers are
numbered 0, 1, ...; their ids are dealt out at random, so that an id tells nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from crmlab.data.firms.chance import Chance, choice, gamma, lognormal, normal, ranks_at_random
from crmlab.data.firms.firm import Draw
from crmlab.data.firms.story import Story

GROUPS = ("project builder", "independent dealer", "public works", "repair trade")
GROUP_SHARES = (0.25, 0.40, 0.10, 0.25)
REGIONS = ("Port", "Old Town", "Hillside", "Valley", "Mill Lane", "Moor")
REGION_SHARES = (0.28, 0.20, 0.18, 0.12, 0.12, 0.10)
DEPOTS = ("Harbour", "Hill", "Mill")
DEPOT_OF_REGION = np.array([0, 0, 1, 1, 2, 2])
TIMINGS = ("random", "announced", "seldom")  # seldom: a project, then a long silence
PROJECT_WEEKS, PROJECT_ORDERS = 4, 2  # of a project, and orders in each of its weeks

# By group: orders a week, lines an order, list value of a line (EUR), discount, share of urgent orders.
RATES = np.array([0.68, 0.50, 0.28, 0.66])
LINES = np.array([3.4, 2.7, 3.8, 1.9])
LINE_VALUES = np.array([330.0, 230.0, 380.0, 130.0])
DISCOUNTS = np.array([0.11, 0.07, 0.09, 0.04])
URGENT = np.array([0.10, 0.08, 0.04, 0.15])
MOST_LINES = 8
WORTH_A_VISIT = 30.0  # EUR a week, list value
LARGE = 700.0  # EUR a week, list value: beyond it customers grow by the square root only

CATEGORIES = (
    "cement", "timber", "roofing", "fixings", "paint", "plumbing",
    "electrical", "insulation", "tools", "tiles", "doors", "gravel",
)  # fmt: skip
COMPANIONS = (11, 3, 7, 8, 8, 3, 8, 3, 4, 0, 3, 0)  # what is bought along with each
ALONG = 0.30  # chance that a further line is of the companion category of the first
# How much each group buys of each category.
TASTES = np.array(
    [
        [5, 5, 4, 3, 1, 2, 2, 4, 1, 2, 3, 4],
        [2, 3, 2, 4, 5, 3, 3, 2, 4, 4, 2, 1],
        [5, 1, 2, 2, 2, 3, 3, 2, 1, 1, 1, 6],
        [1, 2, 2, 5, 4, 5, 4, 1, 5, 2, 2, 1],
    ],
    float,
)
PER_CATEGORY = 75  # items: 5 of class A, 20 of B, 50 of C
CLASS_SIZES = {"A": 5, "B": 20, "C": 50}
SPREAD = 16  # sizes that a line can have, around the customer's own

CAUSES = ("late delivery", "short delivery", "poor handling", "price", "neglect", "closing down")
SERVICE_CAUSES = CAUSES[:3]
CAUSE_NAMES = (*CAUSES, "served no longer")  # with the firm's own
NEVER = 1_000_000  # a week that does not come


@dataclass
class Products:
    """The 900 items, category after category, each with the most popular first."""

    category: np.ndarray
    abc: np.ndarray
    price: np.ndarray  # EUR, list
    cost: np.ndarray
    popularity: np.ndarray  # within its category, adding up to 1
    stocked: np.ndarray  # place among the 60 items of class A, or -1

    def __len__(self) -> int:
        return len(self.price)


def products(chance: Chance) -> Products:
    """The range of goods."""
    number = np.arange(len(CATEGORIES) * PER_CATEGORY)
    category, place = number // PER_CATEGORY, number % PER_CATEGORY
    u = chance.uniforms("products", number)
    level = np.array([9, 24, 18, 6, 28, 22, 16, 26, 35, 30, 95, 7.0])[category]
    price = np.round(np.maximum(1.0, level * lognormal(u[0], 0.7)), 2)
    rate = np.round(np.clip(0.27 + 0.055 * normal(u[1]) + 0.03 * (place >= 25), 0.12, 0.45), 3)
    popularity = 1 / (1.0 + place)
    popularity = np.round(popularity / popularity[:PER_CATEGORY].sum(), 9)
    abc = np.array(list("ABC"))[np.searchsorted([5, 25], place, side="right")]
    stocked = np.where(place < CLASS_SIZES["A"], category * CLASS_SIZES["A"] + place, -1)
    return Products(category, abc, price, np.round(price * (1 - rate), 2), popularity, stocked)


@dataclass
class People:
    """What makes each customer what it is; one entry a customer."""

    group: np.ndarray
    region: np.ndarray
    depot: np.ndarray
    rate: np.ndarray  # orders a week, while content
    timing: np.ndarray  # place in TIMINGS
    gap: np.ndarray  # weeks between the projects of those who buy seldom
    phase: np.ndarray  # the first week of the first of these
    lines: np.ndarray  # lines an order, mean
    size: np.ndarray  # list value of a line, mean, EUR
    discount: np.ndarray
    urgent: np.ndarray  # share of orders
    handling: np.ndarray  # minutes that its orders take, against the standard
    return_leg: np.ndarray  # delivered on the way back of a lorry that goes anyway
    temper: np.ndarray  # chance that a failure that nobody makes good annoys
    price_hazard: np.ndarray  # a week
    neglect_hazard: np.ndarray
    closing: np.ndarray  # the week in which it closes down, or NEVER
    joined: np.ndarray  # week; below 0 before the first day
    responds: np.ndarray  # how much care calms it
    forecasts: np.ndarray  # tells its needs ahead
    preference: np.ndarray  # which of the four orders of service bundles it has
    late_payer: np.ndarray
    visits: np.ndarray  # a month
    acquisition_cost: np.ndarray  # EUR
    rating: np.ndarray  # A 0, B 1, C 2: how the firm ranks it when goods are short
    share: np.ndarray  # of its needs that it buys here, while content
    accounts: np.ndarray  # under how many ids it is booked

    def __len__(self) -> int:
        return len(self.group)

    def copies(self, worlds: int) -> People:
        """Everybody once for each world, world after world."""
        return People(**{field.name: np.tile(getattr(self, field.name), worlds) for field in fields(self)})


# The customers with a part to play; everybody else is drawn.
BIG_LOSER, DULL_BEST, BEST_RATE, IDLE_LOSER, THREE_NAMES = range(5)
SPECIAL = 5


def people(draw: Draw, weeks: int, chance: Chance, story: Story) -> People:
    """Everybody who ever buys: one fewer for each account that is another's second or third."""
    three = story.plants("three accounts, one customer")
    count = draw.customers - 2 * three
    who = np.arange(count)

    def u(trait: str) -> np.ndarray:
        return chance.uniform(f"people.{trait}", who)

    group = choice(u("group"), GROUP_SHARES)
    region = choice(u("region"), REGION_SHARES)
    size_factor = lognormal(u("size"), 0.5)
    forecasts = u("forecasts") < 0.3
    seldom = (u("seldom") < 0.12) & story.plants("seldom buyers look dead")
    timing = np.where(seldom, 2, np.where(forecasts & story.plants("forecasts make predictable"), 1, 0))
    rate = np.round(np.clip(RATES[group] * gamma(u("rate"), 1.5), 0.03, 4.0), 6)
    gap = np.where(seldom, 30 + np.floor(u("gap") * 21).astype(int), 1)
    here_before = u("here_before") < 0.6
    joined = np.where(here_before, -np.floor(u("tenure") * 260), np.floor(u("joined") * 0.85 * weeks)).astype(int)
    closes = (u("closes") < 0.08) & story.plants("some who fade are closing down")
    # Half of them close down in the weeks after the last day, so that some are fading then.
    soon, when = u("closes soon") < 0.5, u("closing")
    closing = np.where(closes, np.where(soon, weeks + np.floor(when * 10), np.floor(when * weeks)).astype(int), NEVER)
    closing = np.where(closing > joined + 26, closing, NEVER)
    temper = np.round(0.9 / (1 + 1.2 * rate) * np.clip(lognormal(u("temper"), 0.5), 0.2, 1.1), 6)
    p = People(
        group=group,
        region=region,
        depot=DEPOT_OF_REGION[region],
        rate=np.where(seldom, np.round(PROJECT_WEEKS * PROJECT_ORDERS / gap, 6), rate),
        timing=timing,
        gap=gap,
        phase=np.where(here_before, 0, joined) + np.floor(u("phase") * gap).astype(int),
        lines=np.round(np.clip(LINES[group] * lognormal(u("lines"), 0.2), 1.1, 5.5), 3),
        size=np.round(LINE_VALUES[group] * size_factor * np.where(seldom, 1.2, 1.0), 2),
        discount=np.round(
            np.clip(DISCOUNTS[group] + 0.025 * np.log2(size_factor) + 0.01 * normal(u("deal")), 0.03, 0.17), 3
        ),
        urgent=np.round(np.clip(URGENT[group] * lognormal(u("urgent"), 0.5), 0, 0.4), 3),
        handling=np.round(np.clip(lognormal(u("handling"), 0.25), 0.5, 2.0), 3),
        return_leg=u("return_leg") < 0.06,
        temper=temper,
        price_hazard=np.round(0.0005 * lognormal(u("price"), 0.8) * (1 + 0.6 * (size_factor > 1.4)), 9),
        neglect_hazard=np.round(0.0004 * lognormal(u("neglect"), 0.6), 9),
        closing=closing,
        joined=joined,
        responds=np.round(np.array([0.030, 0.075, 0.020, 0.045])[group] * lognormal(u("responds"), 0.3), 6),
        forecasts=forecasts,
        preference=choice(u("preference"), [0.34, 0.28, 0.22, 0.16]),
        late_payer=np.round(np.clip(0.12 * lognormal(u("late_payer"), 0.9), 0, 0.9), 3),
        visits=np.zeros(count),
        acquisition_cost=np.round(np.array([900.0, 520, 1100, 240])[group] * lognormal(u("acquisition"), 0.4), 2),
        rating=np.zeros(count, int),
        share=np.round(np.clip(0.55 + 0.2 * normal(u("share")), 0.15, 0.95), 3),
        accounts=np.ones(count, int),
    )
    weekly = p.rate * p.lines * p.size
    p.size = np.round(p.size * np.where(weekly > LARGE, np.sqrt(LARGE / weekly), 1.0), 2)
    _plant(p, story)
    worth = p.rate * p.lines * p.size * (1 - p.discount) * lognormal(u("rating"), 0.25)
    p.rating = np.searchsorted([0.2, 0.5], ranks_at_random(-worth) / count, side="right")
    visits = np.array([1.0, 0.35, 0.08])[p.rating] * lognormal(u("visits"), 0.4)
    p.visits = np.round(np.where(p.rate * p.lines * p.size > WORTH_A_VISIT, visits, 0.0), 3)
    return p


def _plant(p: People, story: Story) -> None:
    """Give the five customers with a part to play what it takes; sizes go by everybody else's."""
    others = slice(SPECIAL, None)
    revenue = p.rate * p.lines * p.size * (1 - p.discount)

    def settled(who: int, group: int, region: int) -> None:
        p.group[who], p.region[who], p.depot[who] = group, region, DEPOT_OF_REGION[region]
        p.joined[who], p.closing[who], p.timing[who], p.gap[who] = -200, NEVER, 0, 1
        p.price_hazard[who] = p.neglect_hazard[who] = 0.000001
        p.temper[who], p.handling[who], p.return_leg[who] = 0.0002, 1.0, False

    quiet = 1 if story.pick("late depot", "Hill", DEPOTS) != "Hill" else 0
    region = (0, 2)[quiet]  # a depot that keeps its promises
    if story.plants("largest account loses money"):
        settled(BIG_LOSER, 0, region)
        p.lines[BIG_LOSER], p.urgent[BIG_LOSER], p.size[BIG_LOSER] = 1.6, 0.75, 150.0
        p.discount[BIG_LOSER] = 0.17
        # 1.35 times the revenue of the next, in orders so small that each loses money
        p.rate[BIG_LOSER] = np.round(revenue[others].max() * 2.0 / (1.6 * 150.0 * 0.83), 6)
    if story.plants("dull account is the best"):
        settled(DULL_BEST, 1, region)
        p.timing[DULL_BEST], p.urgent[DULL_BEST], p.discount[DULL_BEST] = 1, 0.0, 0.02
        p.rate[DULL_BEST], p.lines[DULL_BEST] = 0.9, 3.0
        p.size[DULL_BEST] = np.round(np.quantile(revenue[others], 0.93) / (0.9 * 3.0 * 0.98), 2)
    if story.plants("best rate brings little"):
        settled(BEST_RATE, 3, region)
        p.rate[BEST_RATE], p.lines[BEST_RATE], p.discount[BEST_RATE], p.urgent[BEST_RATE] = 0.07, 3.0, 0.0, 0.0
        p.size[BEST_RATE] = 85.0
    if story.plants("a loser on idle capacity"):
        settled(IDLE_LOSER, 1, region)
        p.rate[IDLE_LOSER], p.lines[IDLE_LOSER], p.urgent[IDLE_LOSER] = 1.4, 1.6, 0.0
        p.size[IDLE_LOSER], p.discount[IDLE_LOSER], p.return_leg[IDLE_LOSER] = 100.0, 0.08, True
    if story.plants("three accounts, one customer"):
        settled(THREE_NAMES, 0, region)
        p.accounts[THREE_NAMES] = 3
        p.rate[THREE_NAMES], p.lines[THREE_NAMES], p.urgent[THREE_NAMES] = 2.7, 2.6, 0.15
        p.discount[THREE_NAMES] = 0.13
        p.timing[THREE_NAMES] = 1
        p.size[THREE_NAMES] = np.round(np.sort(revenue[others])[-4] / (2.7 * 2.6 * 0.87), 2)


def numbered(letter: str, count: int, width: int) -> np.ndarray:
    """Ids: a letter and a number."""
    return np.char.add(letter, np.char.zfill(np.arange(1, count + 1).astype(str), width))


def mix_of_categories(along: bool) -> np.ndarray:
    """Shares of the categories, by group, of the first line of an order, or of a further one."""
    first = TASTES / TASTES.sum(axis=1, keepdims=True)
    if not along:
        return first
    companion = np.zeros_like(first)
    for category, other in enumerate(COMPANIONS):
        companion[:, other] += first[:, category]
    return (1 - ALONG) * first + ALONG * companion


def line_sizes() -> np.ndarray:
    """The sizes that a line can have, against the customer's own mean: 16 equally likely steps of a lognormal."""
    steps = lognormal((np.arange(SPREAD) + 0.5) / SPREAD, 0.8)
    return np.round(steps / steps.mean(), 6)
