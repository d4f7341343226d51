"""Tern Mobile: who the lines are, and the call centre that all of them share."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import special

from crmlab.data.firms.chance import DIGITS, beta, choice, gamma, lognormal, normal
from crmlab.data.firms.tern.conditions import ATTEMPTS, PERIOD, RETURNS, START, Conditions, width

FLEX = 0.45  # of the lines
THETA = (0.5, 6.0), (0.5, 4.5)  # beta distributions of the chance to leave at a renewal, by plan
THERE = 0.4  # of the lines are there at the start
OTHERS = 0.991, 0.945  # of the lines remain after a month, but for their own reasons; with a new tariff
TENURE = 36  # months at most, then
REGION_SHARES = (0.25, 0.35, 0.2, 0.2)
PRONE = 2.0  # shape of the gamma distribution of rates of problems
KINDS = ("persuadable", "sure", "lost", "sleeping_dog")
LOW, MIDDLE, HIGH = (0.06, 0.55, 0.01, 0.38), (0.82, 0.12, 0.02, 0.04), (0.01, 0.09, 0.9, 0.0)
MILD, GRAVE = 0.03, 0.12  # chance to leave within three months: below is low, above is high
ALIKE = (0.35, 0.4, 0.05, 0.2)  # where kind and risk have nothing to do with each other
MOVES, MOVERS = (0.003, 0.06), 0.05  # a month; and the share of lines that are about to move
KEEN = 0.1  # of the lines buy often, whatever is offered
BUYS = 0.02, 0.12  # a month
PRICE, MARGIN = 15000, 0.2  # mean of a purchase in cents, margin
CHANNELS = ("mail", "e-mail", "sms", "phone")
CALLS_KEPT, CLICKS_KEPT = 6000, 1200  # lines whose calls, and clicks, the tables keep


class Lines(NamedTuple):
    """What is so of each line, from first to last; one array each."""

    number: np.ndarray  # 1 and above
    plan: np.ndarray  # place in PLANS
    joined: np.ndarray  # month, negative before the first
    region: np.ndarray
    theta: np.ndarray  # chance to leave at a renewal, for reasons of its own
    moves: np.ndarray  # chance a month
    kind: np.ndarray  # place in KINDS
    keen: np.ndarray
    spend: np.ndarray  # mean beyond the fee, cents a month
    minutes: np.ndarray  # mean a month
    prone: np.ndarray  # to problems, mean 1
    minds: np.ndarray  # chance a month to leave over a new tariff
    autopay: np.ndarray
    late: np.ndarray  # chance to pay late
    device: np.ndarray  # age of the device at the start of the contract, months
    channel: np.ndarray  # that it prefers
    reachable: np.ndarray  # whether it consented to marketing there
    researchable: np.ndarray  # whether it consented to research, by e-mail
    withdraws: np.ndarray  # month in which it withdraws consent by itself
    calls_kept: np.ndarray
    clicks_kept: np.ndarray

    def some(self, which: Any) -> Lines:
        """Some of the lines."""
        return Lines(*(part[which] for part in self))


def joined(number: np.ndarray, c: Conditions) -> np.ndarray:
    """The month in which a line's contract began: ids rise with time."""
    there = round(THERE * c.draw.customers)
    later = (number - 1 - there) * c.months // max(c.draw.customers - there, 1)
    return np.where(number <= there, (number - 1) * TENURE // max(there, 1) - TENURE, later)


def lines(c: Conditions, first: int, last: int) -> Lines:
    """The lines with numbers from `first` to `last`."""
    number = np.arange(first, last + 1)
    share = c.chance.uniforms("line", number)
    plan, began = (share[0] >= FLEX).astype(int), joined(number, c)
    u = c.chance.uniforms("theta", number)
    theta = theta_of(c, plan, began, u[0])
    mover = c.hopeless & (u[1] < MOVERS)
    kind = kinds(c, plan, theta, mover, u[2])
    about = c.chance.uniforms("habits", number)
    keen = about[0] < KEEN
    rank = 0.75 * (plan == 0) * c.restless  # how spend and restlessness go together
    spread = rank * normal(u[0]) + np.sqrt(1 - rank**2) * normal(about[1])
    spend = np.round(np.where((plan == 0) & c.restless, 700, 500) * np.exp(0.55 * spread - 0.55**2 / 2), 2)
    autopay = about[2] < np.array([0.45, 0.5, 0.15, 0.9])[kind]
    device = np.round(np.array([24, 14, 14, 14])[kind] * lognormal(about[3], 0.4) + 8 * keen).astype(int)
    more = c.chance.uniforms("consents", number)
    kept = c.chance.uniforms("kept", number)
    calls_kept = kept[0] < CALLS_KEPT / c.draw.customers
    withdraws = np.round(np.log(more[2]) / np.log(1 - 0.004), 6).astype(int) + np.maximum(began, 0)
    return Lines(
        number=number,
        plan=plan,
        joined=began,
        region=choice(share[1], REGION_SHARES),
        theta=theta,
        moves=np.where(mover, *MOVES[::-1]),
        kind=kind,
        keen=keen,
        spend=spend,
        minutes=np.round(180 * lognormal(share[3], 0.6)),
        prone=gamma(share[2], PRONE),
        minds=np.round(0.06 * gamma(u[3], 2.0), 4).clip(0, 0.5),
        autopay=autopay,
        late=np.where(autopay, 0.01, np.where(kind == 2, 0.3, 0.1)),
        device=device.clip(0, 60),
        channel=choice(more[0], [0.15, 0.4, 0.3, 0.15]),
        reachable=more[1] < 0.8,
        researchable=more[3] < 0.35,
        withdraws=withdraws,
        calls_kept=calls_kept,
        clicks_kept=calls_kept & (kept[1] < CLICKS_KEPT / CALLS_KEPT),
    )


def theta_of(c: Conditions, plan: np.ndarray, began: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Each line's chance to leave at a renewal; one there at the start has outlived its earlier renewals."""
    a, b = np.array(THETA).T[:, plan]
    if not c.differ:
        return np.round(a / (a + b), 6)
    return np.round(beta(u, a, b + np.maximum(-began, 0) // PERIOD[plan]), 6)


def kinds(c: Conditions, plan: np.ndarray, theta: np.ndarray, mover: np.ndarray, u: np.ndarray) -> np.ndarray:
    """How each line answers to a campaign: the riskiest are lost, the middle can be persuaded."""
    if not c.hopeless:
        return choice(u, ALIKE)
    stays = 1 - theta
    quarter = np.round(np.where(plan == 0, 1 - stays * stays * stays, theta), DIGITS)
    band = np.where(mover, 2, (quarter > MILD).astype(int) + (quarter > GRAVE))
    return choice(u, np.array([LOW, MIDDLE, HIGH])[band])


def ids(number: np.ndarray, c: Conditions) -> pd.Series:
    """Ids of lines."""
    return pd.Series(number).astype("str").str.zfill(width(c.draw.customers)).radd("L")


# --- the call centre: of the whole firm, of which the lines are one in ten ---

WHOLE = 10
SLOTS = 24  # half-hours from 8 to 20
SHAPE = np.round(1 + 0.6 * np.sin(np.arange(SLOTS) / 3.2 - 0.4) + 0.25 * np.cos(np.arange(SLOTS) / 1.6), 3)
WEEKDAY = np.array([1.35, 1.1, 1.0, 0.95, 0.95, 0.55])
SERVICE_SECONDS, PATIENCE = 330.0, 150.0
LENGTH = np.array([0.9, 1.0, 1.2, 1.1, 0.8])  # of a call by category
EASE = np.array([1.04, 1.0, 0.93, 1.0, 2.0])  # of resolving it
HOUR_OF_AGENT, SHRINKAGE = 2800, 0.7  # cents; hours at the phone of an hour paid


class Agents(NamedTuple):
    """The agents, as they truly are; an array each but for `fast`."""

    speed: np.ndarray  # length of their calls, 1 on average
    resolves: np.ndarray  # share of first calls
    share: np.ndarray  # of the calls
    hours: np.ndarray  # a week
    fast: int  # the place of the one who hurries
    alike: np.ndarray  # those of the same speed and resolution


def agents(c: Conditions) -> Agents:
    """The agents of the whole firm's call centre."""
    n = max(12, round(c.draw.customers / 400))
    u = c.chance.uniforms("agent", np.arange(n))
    fast = int(c.story.pick("fast_agent", 4, range(n)))
    hurries, same = c.story.plants("fast_agent"), c.story.plants("luck")
    spread = 0.15 if same else 0.34
    speed, resolves = 0.88 + 0.3 * u[0], 0.8 + spread * (0.5 - u[0])
    if hurries:  # then care costs time
        resolves = 0.8 + spread * (u[0] - 0.5)
    alike = (np.arange(n) % 2 == (fast + 1) % 2) & same
    speed, resolves = np.where(alike, 1.03, speed), np.where(alike, 0.8, resolves)
    if hurries:
        speed[fast], resolves[fast] = 0.6, 0.5
    hours = np.array([20, 30, 38, 38])[choice(u[1], [0.25] * 4)]
    return Agents(np.round(speed, 4), np.round(resolves, 4), hours / hours.sum(), hours, fast, alike)


class Centre:
    """The load of the call centre in each half-hour, and what a caller meets there.

    The load is that expected of all lines, whether simulated or not, times the luck of the day.
    """

    def __init__(self, c: Conditions, staff: Agents) -> None:
        self.c, self.staff = c, staff
        days = pd.date_range(START, c.first_of[-1] - pd.Timedelta(days=1))
        self.days = days[days.day_of_week < 6]
        self.month = (self.days.year - START.year) * 12 + self.days.month.to_numpy() - 1
        self.start = np.searchsorted(self.month, np.arange(c.months + c.ahead + 1))
        within = np.arange(len(self.days)) - self.start[self.month]
        peak = np.where(within < 4, 1.6 - 0.15 * within, 1.0)  # the bills come on the first
        weight = WEEKDAY[self.days.day_of_week] * peak
        self.weight = weight / np.add.reduceat(weight, self.start[:-1])[self.month]  # of a month's calls
        self.resolved = float(np.round((staff.resolves * staff.share).sum(), DIGITS))
        self.expected = self._expected()
        luck = gamma(c.chance.uniform("day", np.arange(len(self.days))), 100.0)
        self.offered = self.expected * luck[:, None]
        seconds = SERVICE_SECONDS * float((staff.speed * staff.share).sum())
        self.seconds = seconds
        erlang = self.expected * seconds / 1800
        factor = np.array([c.decided("staffing", t) for t in range(c.months + c.ahead)])[self.month]
        plan = np.ceil(np.round(erlang + 1.3 * np.sqrt(erlang), 6)) * factor[:, None]
        self.agents = np.maximum(np.round(plan), 2).astype(int)
        load = np.minimum(self.offered * seconds / 1800, 0.97 * self.agents)
        self.waits = np.round(erlang_c(self.agents, load), DIGITS)  # chance to wait
        self.faster = np.round((self.agents - load) / seconds, 9)  # rate at which the queue moves, a second
        self.lost = np.round(self.waits / (1 + PATIENCE * self.faster), DIGITS)  # chance to give up
        self.gives_up = np.add.reduceat(
            (self.lost * self.weight[:, None] * SHAPE / SHAPE.sum()).sum(axis=1), self.start[:-1]
        )

    def _expected(self) -> np.ndarray:
        c = self.c
        mean = np.array(REGION_SHARES)
        active = active_lines(c)
        calls = []
        for t in range(c.months + c.ahead):
            rate = float((mean @ c.rates(t)).sum())
            problems = 1 - (1 + rate / PRONE) ** -PRONE  # the mean over gamma rates
            ask = 1 - c.decided("self_service", t) * c.contained
            fails = 1.02 - self.resolved
            again = sum((fails * RETURNS) ** k for k in range(ATTEMPTS))
            calls.append(active[min(t, c.months - 1)] * (problems * ask * again + 0.018))
        by_month = WHOLE * np.array(calls)
        return by_month[self.month, None] * self.weight[:, None] * SHAPE / SHAPE.sum()

    def cost(self, t: int) -> float:
        """What the agents of a month are paid, for one in ten of the lines, cents."""
        hours = self.agents[self.month == t].sum() / 2 / SHRINKAGE
        return float(hours * HOUR_OF_AGENT / WHOLE)


def active_lines(c: Conditions) -> np.ndarray:
    """How many of the lines are under contract in each month, as their plans let expect."""
    start = joined(np.arange(1, c.draw.customers + 1), c)
    month, count = np.unique(start, return_counts=True)
    active = np.zeros(c.months)
    stays = np.cumprod([OTHERS[c.spike(t) == "tariff"] for t in range(c.months)])  # what other causes leave
    for plan, period in enumerate((1, 3)):
        a, b = THETA[plan]
        for t in range(c.months):
            here = month <= t
            before, now = np.maximum(-month[here], 0) // period, (t - month[here]) // period
            own = np.exp(special.betaln(a, b + now) - special.betaln(a, b + before))
            own = own if c.differ else (b / (a + b)) ** (now - before)
            since = np.concatenate([[1.0], stays])[np.maximum(month[here], 0)]
            active[t] += (FLEX, 1 - FLEX)[plan] * (count[here] * own * np.append(1.0, stays)[t] / since).sum()
    return active


def erlang_c(servers: np.ndarray, load: np.ndarray) -> np.ndarray:
    """The chance to wait with so many agents and so many Erlang of load, below the number of agents."""
    blocked, result = np.ones(load.shape), np.ones(load.shape)
    for n in range(1, int(servers.max()) + 1):
        blocked = load * blocked / (n + load * blocked)
        result = np.where(servers == n, blocked, result)
    return servers * result / (servers - load * (1 - result))
