"""Tern Mobile: what holds in each month, as its story plants it and a decision changes it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from crmlab.data.firms.chance import Chance
from crmlab.data.firms.firm import Draw
from crmlab.data.firms.story import Story

START = pd.Timestamp("2024-01-01")
PLANS = ("flex", "steady")
PERIOD = np.array([1, 3])  # months from one renewal to the next
FEE, UNIT_COST = np.array([2400, 2200]), np.array([900, 800])  # cents a month
RAISE, PER_GB, COST_OF_GB = 250, 80, 20  # cents
CATEGORIES = ("billing", "tariff", "coverage", "device", "cancellation")
RATES = np.array([0.05, 0.03, 0.05, 0.04])  # problems a line and month, by the first four categories
REGIONS, COVERAGE = ("coast", "city", "hills", "north"), np.array([1.0, 0.7, 1.7, 1.0])
CAUSES = ("own", "tariff", "service", "moved", "woken")  # why a line leaves; of two in one month the later named
CAMPAIGNS = ("check_up", "upgrade", "loyalty")
COST_PER_CONTACT = np.array([400, 80, 150])  # cents
WINDOW = 3  # months that a campaign, or a new tariff, has effects
TRIAL, OFFERED = 0.35, 0.7  # of the lines there: in the trial of a campaign; of these: offered, not held out
DISCOUNT = 0.05, 0.02  # off the fee for WINDOW months: where it pays for one plan alone, and for both
FORGETS, SERVICE, UNINVITED = 0.2, 0.1, 0.005  # a month: an aggrieved line forgets, leaves; one uninvited leaves
OPT_OUT = 0.03, 0.2  # after a contact with consent, and without
RETURNS, ATTEMPTS = 0.7, 3  # of the unresolved call again; calls about one problem, at most
COMPLAINS, GRUMBLES = 0.6, 0.03  # of problems never resolved, and of resolved ones
DISCOUNTING = 1.1 ** (-1 / 12)  # a month, at 10% a year
NEVER = -99

TODAY: dict[str, Any] = {"staffing": 1.0, "self_service": 0.3, "recovery": {"share": 0.6, "compensation": 10.0}}
ALLOWED = {
    "from_month": "one of the months, counted from 0",
    "offers": 'a campaign -> {"lines": "all", "none" or ids, "month": .., "consent": true to leave out who gave none}',
    "tariff_change": "true or false",
    "recovery": '{"share": 0 to 1, "compensation": 0 to 100}',
    "staffing": "a factor from 0.3 to 3",
    "self_service": "a share from 0 to 0.9",
    "off": f"one of {', '.join(CAUSES)}",
}


class Mailing(NamedTuple):
    """A campaign under a decision: to whom (None: a trial), in which month, and whether consent is respected."""

    lines: Any
    month: int
    consent: bool


class Conditions:
    """What holds in each month.

    Parameters
    ----------
    draw : Draw
    do : dict
        A decision, as `tern.run` takes it.
    ahead : int
        Months after the draw's last that the decision is for; 0: it is for the draw's own months.
    """

    def __init__(self, draw: Draw, do: Mapping[str, Any] | None = None, ahead: int = 0) -> None:
        if draw.customers < 40 or draw.months < 6:
            raise ValueError(f"Tern Mobile has 40 lines and 6 months, or more, not {draw.customers} and {draw.months}")
        self.draw, self.months, self.chance = draw, draw.months, Chance(draw.seed, draw.firm)
        self.story = story = Story(draw, self.chance)
        self.ahead, self.do = ahead, _checked(dict(do or {}), draw, ahead)
        self.since = max(self.do.get("from_month", 0), self.months if ahead else 0)
        self.first_of = pd.date_range(START, periods=self.months + ahead + 1, freq="MS")
        self.today = self.first_of[self.months] - pd.Timedelta(days=1)

        last = self.months - WINDOW
        self.tariff_month = story.pick(
            "tariff_month", self.months * 14 // 24, range(max(1, self.months // 3), last + 1)
        )
        self.raised_by_tariff, self.spiked = story.plants("tariff"), draw.planted  # spiked: leaving and calls rise then
        told = np.minimum(self.months * np.array([7, 10, 19]) // 24, last)
        self.campaign_months = [
            int(m) - story.pick(f"month.{c}", 0, (0, 1)) for c, m in zip(CAMPAIGNS, told, strict=True)
        ]
        self._mailings = [self._mailing(place, month) for place, month in enumerate(self.campaign_months)]
        harms = story.pick("harms", "check_up", ("check_up", "upgrade")) if story.plants("harms") else None
        self.harmful = CAMPAIGNS.index(harms or "check_up")
        self.wakes = np.array([0.06 if harms == campaign else 0.0 for campaign in CAMPAIGNS])  # a sleeping dog, a month
        self.paying_plan = PLANS.index(story.pick("paying_plan", "steady", PLANS))
        loyal = [0.9 if plan == self.paying_plan else 0.1 for plan in range(2)]
        # By campaign and plan: the part of its own reasons to leave that a contact takes from a persuadable line.
        self.keeps = np.array(
            [[0.2] * 2 if harms else [0.8] * 2, [0.0] * 2, loyal if story.plants("price") else [0.9] * 2]
        )
        self.discount = DISCOUNT[not story.plants("price")]
        self.forward = story.plants("forward")
        self.uninvited = UNINVITED if story.plants("consent") else 0.0
        self.opt_out = OPT_OUT if story.plants("consent") else OPT_OUT[:1] * 2
        self.contained = 0.6 if story.plants("self_service") else 1.0
        self.uneven = story.plants("overdispersion")
        self.differ = story.plants("heterogeneity")  # where lines do not, two more facts have no ground
        self.restless = story.plants("spend") and self.differ  # high spenders on the flexible plan
        self.hopeless = story.plants("risk") and self.differ  # the riskiest lines

    def decided(self, key: str, t: int) -> Any:
        """What the decision says of a month, or what the firm does today."""
        return self.do[key] if key in self.do and t >= self.since else TODAY[key]

    def tariff(self, t: int) -> bool:
        """Whether the new tariff holds."""
        return t >= self.tariff_month and (self.do.get("tariff_change", True) or t < self.since)

    def spike(self, t: int) -> str:
        """What makes leaving rise: "tariff", "service" where the obvious reading is right, "" in all other months."""
        if not self.spiked or not self.tariff_month <= t < self.tariff_month + WINDOW:
            return ""
        return ("tariff" if self.tariff(t) else "") if self.raised_by_tariff else "service"

    def fee(self, plan: Any, t: int) -> Any:
        """The monthly fee, cents."""
        return FEE[plan] + RAISE * self.tariff(t)

    def on_one_side(self, one: int, other: int) -> bool:
        """Whether two months both lie before, or both after, the last day of the draw."""
        return (one < self.months) == (other < self.months)

    def off(self, cause: str, t: int) -> bool:
        """Whether the decision switches this cause off."""
        return self.do.get("off") == cause and t >= self.since

    def mailings(self, t: int) -> list[tuple[int, Mailing]]:
        """The campaigns of a month."""
        return [(place, mailing) for place, mailing in enumerate(self._mailings) if mailing.month == t]

    def _mailing(self, place: int, month: int) -> Mailing:
        decided = self.do.get("offers", {}).get(CAMPAIGNS[place])
        if decided is None:
            return Mailing(None, month, False)
        when = int(decided.get("month", self.months if self.ahead else month))
        if when < self.since or (month < self.since and not self.ahead):
            raise ValueError(f"{CAMPAIGNS[place]} goes out in month {min(when, month)}, before from_month {self.since}")
        to = decided["lines"]
        return Mailing(to if isinstance(to, str) else tuple(to), when, bool(decided.get("consent", True)))

    def rates(self, t: int) -> np.ndarray:
        """Problems a month of a line with mean proneness, by region (rows) and category."""
        times = {"": (1.0, 1.0, 1.0), "tariff": (1.4, 5.0, 1.0), "service": (1.0, 1.0, 6.0)}[self.spike(t)]
        rates = np.tile(RATES * np.array([*times, 1.0]), (len(REGIONS), 1))
        rates[:, 2] *= COVERAGE
        return rates

    def temper(self, t: int, world: int) -> float:
        """How readily customers complain in a month: mean 1, and no trend."""
        return 0.4 + 1.2 * float(self.chance.uniform("temper", 0, t, 0, world)) if self.uneven else 1.0

    def recovers(self, t: int) -> tuple[float, float]:
        """The share of complaints taken up, and the chance that one taken up is made good."""
        recovery = self.decided("recovery", t)
        paid = recovery["compensation"]
        return recovery["share"], 0.55 + 0.4 * paid / (paid + 20)


def over(plan: Any, monthly: Any) -> np.ndarray:
    """The chance of leaving when a renewal is due, from that of a month."""
    stays = 1 - np.asarray(monthly)
    return np.where(PERIOD[plan] == 1, 1 - stays, 1 - stays * stays * stays)


# --- a decision, checked ---


def _checked(do: dict[str, Any], draw: Draw, ahead: int) -> dict[str, Any]:
    for key, value in do.items():
        if key not in ALLOWED:
            near = difflib.get_close_matches(str(key), ALLOWED, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ValueError(f"Tern Mobile decides nothing called {key!r}: it decides {', '.join(ALLOWED)}{hint}")
        if not _allowed(key, value, draw, ahead):
            raise ValueError(f"{key} must be {ALLOWED[key]}; it is {value!r}")
    return do


def _number(value: Any, low: float, high: float) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and low <= float(value) <= high


def _allowed(key: str, value: Any, draw: Draw, ahead: int) -> bool:
    if key == "from_month":
        return isinstance(value, Integral) and _number(value, 0, draw.months + ahead - 1)
    if key == "tariff_change":
        return isinstance(value, bool)
    if key == "off":
        return value in CAUSES
    if key == "recovery":
        limits = {"share": 1, "compensation": 100}
        return (
            isinstance(value, Mapping)
            and set(value) == set(limits)
            and all(_number(value[k], 0, m) for k, m in limits.items())
        )
    if key in ("staffing", "self_service"):
        return _number(value, *((0.3, 3) if key == "staffing" else (0, 0.9)))
    if not isinstance(value, Mapping):
        return False
    for campaign, plan in value.items():
        _check_offer(campaign, plan, draw, ahead)
    return True


def _check_offer(campaign: str, plan: Any, draw: Draw, ahead: int) -> None:
    if campaign not in CAMPAIGNS:
        raise ValueError(f"there is no campaign {campaign!r}; there are: {', '.join(CAMPAIGNS)}")
    if not isinstance(plan, Mapping) or "lines" not in plan or set(plan) - {"lines", "month", "consent"}:
        raise ValueError(f"offers must be {ALLOWED['offers']}; for {campaign} it is {plan!r}")
    first, last = (draw.months, draw.months + ahead - 1) if ahead else (0, draw.months - WINDOW)
    if "month" in plan and not (isinstance(plan["month"], Integral) and first <= int(plan["month"]) <= last):
        raise ValueError(
            f"the month of {campaign} must be from {first} to {last}, counted from 0; it is {plan['month']!r}"
        )
    lines = plan["lines"]
    if isinstance(lines, str) or not isinstance(lines, Iterable):
        if lines not in ("all", "none"):
            raise ValueError(f'the lines of {campaign} must be "all", "none" or a list of line ids; they are {lines!r}')
    elif unknown := [line for line in lines if not known_line(line, draw.customers)]:
        raise ValueError(f"{campaign} is for {len(unknown)} lines that there are not, such as {unknown[0]!r}")


def width(customers: int) -> int:
    """Digits of a line's number in its id."""
    return max(5, len(str(customers)))


def known_line(line: Any, customers: int) -> bool:
    """Whether this is the id of a line."""
    digits = line[1:] if isinstance(line, str) else ""
    return digits.isdecimal() and line == f"L{int(digits):0{width(customers)}d}" and 1 <= int(digits) <= customers
