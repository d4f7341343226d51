"""Tern Mobile: the lines month by month. Problems, calls, complaints, campaigns, purchases, and who leaves why."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np

from crmlab.data.firms.chance import DIGITS, choice, lognormal
from crmlab.data.firms.tern.conditions import (
    ATTEMPTS,
    CAMPAIGNS,
    CAUSES,
    COMPLAINS,
    FORGETS,
    GRUMBLES,
    NEVER,
    OFFERED,
    PER_GB,
    PERIOD,
    RETURNS,
    SERVICE,
    TRIAL,
    WINDOW,
    Conditions,
    over,
)
from crmlab.data.firms.tern.lines import (
    BUYS,
    EASE,
    LENGTH,
    PATIENCE,
    PRICE,
    SERVICE_SECONDS,
    SHAPE,
    SLOTS,
    Centre,
    Lines,
)

PULLED = 0.85  # of the purchases due, those that an offer moves forward by WINDOW months; none across the last day
TEMPTED = 0.05, 0.1  # a month, where an offer wins purchases: buys beside what is due; whoever is keen


class Course:
    """The lines of a firm, month by month.

    A line that has left goes on as a ghost, in no table, without the cause that fired: so it is known whether it would
    have left anyway.

    Attributes
    ----------
    here : array of bool
        Under contract.
    going : array of bool
        Under contract, or a ghost.
    aggrieved : array of bool
    contacted : array of int, a row a campaign
        Month of the last contact.
    uninvited : array of bool, a row a campaign
        Whether that contact was without consent.
    left, cause, anyway : arrays of int
        Month in which the line left, place in CAUSES, and the month in which its ghost left; NEVER.
    """

    def __init__(self, c: Conditions, lines: Lines, centre: Centre) -> None:
        self.c, self.lines, self.centre = c, lines, centre
        n = len(lines.number)
        self.here = lines.joined < 0
        self.going = self.here.copy()
        self.aggrieved = np.zeros(n, bool)
        self.contacted = np.full((len(CAMPAIGNS), n), NEVER)
        self.uninvited = np.zeros((len(CAMPAIGNS), n), bool)
        self.withdrawn = lines.withdraws.copy()
        self.objected = np.zeros(n, bool)
        self.left, self.anyway, self.cause = (np.full(n, NEVER) for _ in range(3))
        self.blocked = np.full(n, -1)  # the cause that is switched off for the ghost
        self.records: dict[str, list[dict[str, np.ndarray]]] = defaultdict(list)
        self._luck: dict[str, dict[tuple[int, int], np.ndarray]] = defaultdict(dict)

    def month(self, t: int, world: int = 0) -> None:
        """One month: contacts, bills, purchases, problems and their calls, then the renewals that are due."""
        joins = self.lines.joined == t
        self.here |= joins
        self.going |= joins
        self._contacts(t, world)
        self._bills(t, world)
        self._purchases(t, world)
        self._problems(t, world)
        self._renewals(t, world)

    def luck(self, mechanism: str, t: int, world: int) -> np.ndarray:
        """A number between 0 and 1 for each line in a month: four months share one look-up."""
        known, key = self._luck[mechanism], (t // 4, world)
        if key not in known:
            while len(known) > 1:
                del known[next(iter(known))]
            known[key] = self.c.chance.uniforms(mechanism, self.lines.number, t // 4, 0, world)
        return known[key][t % 4]

    def chance(self, mechanism: str, who: np.ndarray, t: int, which: Any = 0, world: int = 0) -> np.ndarray:
        """Four numbers between 0 and 1 for each of these lines (places)."""
        return self.c.chance.uniforms(mechanism, self.lines.number[who], t, which, world)

    def note(self, table: str, t: int, who: np.ndarray, **columns: np.ndarray) -> None:
        """What the tables will tell of lines (places) that are under contract."""
        kept = self.here[who]
        rows = {name: values[kept] for name, values in columns.items()}
        self.records[table].append({"who": who[kept], "t": np.full(kept.sum(), t, np.int32), **rows})

    def those_here(self, c: Conditions, centre: Centre) -> Course:
        """The lines under contract alone, as they are now, under other conditions from now on."""
        one, here = Course(c, self.lines.some(self.here), centre), self.here
        for name in ("going", "aggrieved", "withdrawn", "objected", "left", "anyway", "cause", "blocked"):
            setattr(one, name, getattr(self, name)[here])
        one.here, one.contacted, one.uninvited = here[here], self.contacted[:, here], self.uninvited[:, here]
        return one

    # --- campaigns ---

    def _contacts(self, t: int, world: int) -> None:
        for place, mailing in self.c.mailings(t):
            there = np.flatnonzero(self.going)
            if mailing.lines is None:
                u = self.chance(f"trial.{CAMPAIGNS[place]}", there, 0)
                there, offered = there[u[0] < TRIAL], (u[1] < OFFERED)[u[0] < TRIAL]
            else:
                if not isinstance(mailing.lines, str):
                    there = there[np.isin(self.lines.number[there], [int(line[1:]) for line in mailing.lines])]
                offered = np.full(len(there), mailing.lines != "none")
            consent = self.consents(there, t)
            if mailing.consent:
                offered = offered & consent
            who = there[offered]
            self.contacted[place, who], self.uninvited[place, who] = t, ~consent[offered]
            u = self.chance("opts_out", who, t, place, world)[0]
            out = who[u < np.where(consent[offered], *self.c.opt_out)]
            self.objected[out[self.withdrawn[out] >= t]] = True
            self.withdrawn[out] = np.minimum(self.withdrawn[out], t)
            told = offered | (mailing.lines is None)
            self.note(
                "offers",
                t,
                there[told],
                campaign=np.full(told.sum(), place),
                offered=offered[told],
                aggrieved=self.aggrieved[there[told]],
                consent=consent[told],
            )

    def consents(self, who: np.ndarray, t: int) -> np.ndarray:
        """Whether lines (places) consent, at the start of a month, to marketing through the channel they prefer."""
        return self.lines.reachable[who] & (self.withdrawn[who] >= t)

    # --- bills and purchases ---

    def _bills(self, t: int, world: int) -> None:
        who, lines = np.flatnonzero(self.here), self.lines
        u = self.chance("usage", who, t, 0, world)
        gb = np.round(lines.spend[who] / PER_GB * lognormal(u[0], 0.3), 1)
        fee = self.c.fee(lines.plan[who], t)
        less = np.round(self.c.discount * fee * discounted(self.contacted[:, who], t)).astype(int)
        self.note(
            "bills",
            t,
            who,
            amount=fee - less + np.round(gb * PER_GB).astype(int),
            data_gb=gb,
            minutes=np.round(lines.minutes[who] * lognormal(u[1], 0.3)).astype(int),
            paid_late=u[2] < lines.late[who],
        )

    def _due(self, t: int, world: int) -> np.ndarray:
        return self.luck("purchase", t, world) < np.where(self.lines.keen, *BUYS[::-1])

    def _moves(self, t: int, world: int) -> np.ndarray:
        """Whether a purchase is due that an offer would move forward."""
        return self._due(t, world) & (self.luck("moves", t, world) < PULLED) & ~self.lines.keen

    def _purchases(self, t: int, world: int) -> None:
        buys, offered = self._due(t, world), within(self.contacted[1], t)
        if not self.c.forward:
            extra = tempted(self.c, self.lines) / (1 - np.where(self.lines.keen, *BUYS[::-1]))
            buys = buys | (offered & (self.luck("tempted", t, world) < np.round(extra, DIGITS)))
        elif (self.contacted[1] != NEVER).any():
            if self.c.on_one_side(t, t + WINDOW):
                buys = buys | (offered & self._moves(t + WINDOW, world))
            if self.c.on_one_side(t - WINDOW, t):
                moved = within(self.contacted[1], t - WINDOW) & self._moves(t, world)
                buys = buys & ~moved
        who = np.flatnonzero(buys & self.here)
        u = self.chance("basket", who, t, 0, world)
        self.note("purchases", t, who, day=u[1], amount=np.round(PRICE * lognormal(u[0], 0.5)).astype(int))

    # --- problems, calls, complaints ---

    def _problems(self, t: int, world: int) -> None:
        rates = self.c.rates(t)
        total = rates.sum(axis=1)
        chance = np.round(-np.expm1(-total[self.lines.region] * self.lines.prone), DIGITS)
        who = np.flatnonzero(self.going & (self.luck("problem", t, world) < chance))
        u = self.chance("contact", who, t, 0, world)
        category = choice(u[0], (rates / total[:, None])[self.lines.region[who]])
        online = u[1] < self.c.decided("self_service", t)
        solved = online & (u[2] < self.c.contained)
        self.note("contacts", t, who, online=online, solved=solved)
        resolved, day = self._calls(t, world, who[~solved], category[~solved], online[~solved])
        self._complaints(t, world, who[~solved], category[~solved], resolved, day)

    def _calls(
        self, t: int, world: int, who: np.ndarray, category: np.ndarray, online: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The calls about problems; whether each problem was resolved in the end, and on which day it was last told."""
        u = self.chance("hour", who, t, 0, world)
        first, last = self.centre.start[t], self.centre.start[t + 1] - 1
        day = first + choice(u[0], self.centre.weight[first : last + 1])
        slot = choice(u[1], SHAPE / SHAPE.sum())
        resolved, told = np.zeros(len(who), bool), day.copy()
        open_ = np.arange(len(who))
        for attempt in range(ATTEMPTS):
            told[open_] = day
            done = self._call(t, world, who[open_], category[open_], day, slot, attempt, online[open_])
            resolved[open_] = done
            more = self.chance("again", who[open_], t, attempt, world)
            stays = ~done & (more[0] < RETURNS)
            later = np.minimum(day + 1 + (3 * more[1]).astype(int), last)
            same = np.minimum(slot + 1 + (more[2] * (SLOTS - 1 - slot)).astype(int), SLOTS - 1)
            slot = np.where(later > day, choice(more[2], SHAPE / SHAPE.sum()), same)[stays]
            day, open_ = later[stays], open_[stays]
        return resolved, told

    def _call(
        self,
        t: int,
        world: int,
        who: np.ndarray,
        category: np.ndarray,
        day: np.ndarray,
        slot: np.ndarray,
        attempt: int,
        online: Any,
    ) -> np.ndarray:
        """One call each: whether it settled the matter."""
        u = self.chance("call", who, t, attempt, world)
        agent = choice(u[0], self.centre.staff.share)
        chance, faster = self.centre.waits[day, slot], self.centre.faster[day, slot]
        wait = np.round(np.log(np.maximum(chance / u[1], 1)) / faster, 3)
        patience = np.round(-PATIENCE * np.log(u[2]), 3)
        gone = wait > patience
        eased = np.round(self.centre.staff.resolves[agent] * EASE[category], DIGITS)
        done = ~gone & (u[3] < eased)
        kept = np.flatnonzero(self.lines.calls_kept[who])
        length = self.chance("length", who[kept], t, attempt, world)[0]
        seconds = SERVICE_SECONDS * self.centre.staff.speed[agent] * LENGTH[category]
        told = {
            "place": np.full(len(who), attempt),
            "day": day,
            "slot": slot,
            "agent": agent,
            "category": category,
            "abandoned": gone,
            "resolved": done,
            "wait": np.round(np.minimum(wait, patience)).astype(int),
            "returned": np.full(len(who), 0 < attempt < ATTEMPTS),
            "online": np.broadcast_to(online, len(who)),
        }
        seconds = np.where(gone[kept], 0, np.round(seconds[kept] * lognormal(length, 0.5))).astype(int)
        self.note("calls", t, who[kept], seconds=seconds, **{name: values[kept] for name, values in told.items()})
        return done

    def _complaints(
        self, t: int, world: int, who: np.ndarray, category: np.ndarray, resolved: np.ndarray, day: np.ndarray
    ) -> None:
        u = self.chance("complaint", who, t, 0, world)
        chance = np.where(resolved, GRUMBLES, COMPLAINS) * self.c.temper(t, world)
        complains = u[0] < np.round(chance, DIGITS)
        share, made_good = self.c.recovers(t)
        taken = complains & (u[1] < share)
        good = taken & (u[2] < np.round(made_good, DIGITS))
        more = self.chance("grudge", who, t, 0, world)
        paid = round(100 * self.c.decided("recovery", t)["compensation"])
        told = np.flatnonzero(complains)
        self.note(
            "complaints",
            t,
            who[told],
            category=category[told],
            day=day[told],
            good=good[told],
            paid=taken[told] * paid,
            closed=(good | (more[0] < 0.5))[told],
            days=np.ceil(np.round(-6 * np.log(more[1]) * np.where(good, 1, 3), 3)).astype(int)[told],
        )
        self.aggrieved &= ~(self.luck("forgets", t, world) < FORGETS)
        self.aggrieved[who[complains & ~good]] = True

    # --- renewals ---

    def _renewals(self, t: int, world: int) -> None:
        who = np.flatnonzero(self.going & due(self.lines, t))
        lines = self.lines.some(who)
        chances = hazards(self.c, lines, t, self.contacted[:, who], self.uninvited[:, who])
        chances["service"] = chances["service"] * self.aggrieved[who]
        fires = np.zeros((len(CAUSES), len(who)), bool)
        for place, cause in enumerate(CAUSES):
            chance = np.round(np.where(self.blocked[who] == place, 0, chances[cause]), DIGITS)
            if cause in ("own", "moved"):
                fires[place] = self.luck(f"leaves.{cause}", t, world)[who] < chance
            elif (possible := np.flatnonzero(chance)).size:
                fires[place, possible] = (
                    self.chance(f"leaves.{cause}", who[possible], t, 0, world)[0] < chance[possible]
                )
        self._leave(t, world, who, fires)

    def _leave(self, t: int, world: int, who: np.ndarray, fires: np.ndarray) -> None:
        leaves = fires.any(axis=0) & self.here[who]
        cause = len(CAUSES) - 1 - fires[::-1].argmax(axis=0)
        gone = who[leaves]
        self.left[gone], self.cause[gone], self.blocked[gone] = t, cause[leaves], cause[leaves]
        u = self.chance("farewell", gone, t, 0, world)
        calls = u[0] < 0.5
        first, last = self.centre.start[t], self.centre.start[t + 1] - 1
        day = first + choice(u[1], self.centre.weight[first : last + 1])
        slot = choice(u[2], SHAPE / SHAPE.sum())
        self._call(t, world, gone[calls], np.full(calls.sum(), 4), day[calls], slot[calls], ATTEMPTS, False)
        self.here[gone] = False
        fires[cause[leaves], np.flatnonzero(leaves)] = False
        ends = who[fires.any(axis=0)]
        self.anyway[ends], self.going[ends] = t, False


# --- what a line can expect: the same words for the simulation and for its closed form ---


def due(lines: Lines, t: int) -> np.ndarray:
    """Whether a renewal is due at the end of a month."""
    return (t - lines.joined + 1) % PERIOD[lines.plan] == 0


def within(contacted: np.ndarray, t: int, months: int = WINDOW) -> np.ndarray:
    """Whether a contact was in the last months, this one included."""
    return (t - contacted >= 0) & (t - contacted < months)


def discounted(contacted: np.ndarray, t: int) -> np.ndarray:
    """Whether the discount of the campaign "loyalty" is on the bill."""
    return within(contacted[2], t)


def tempted(c: Conditions, lines: Lines) -> np.ndarray:
    """Purchases a month that an offer wins of each line, where it does not only move them."""
    return np.where(lines.keen & c.draw.planted, *TEMPTED[::-1])


def hazards(c: Conditions, lines: Lines, t: int, contacted: np.ndarray, uninvited: np.ndarray) -> dict[str, np.ndarray]:
    """The chance of each cause if a renewal is due, of service while aggrieved; 0 where a decision switches it off."""
    active = within(contacted, t)
    own, wakes = lines.theta.copy(), np.zeros(len(lines.theta))
    for place in range(len(CAMPAIGNS)):
        own *= 1 - np.where(active[place] & (lines.kind == 0), c.keeps[place][lines.plan], 0)
        wakes += active[place] * (c.wakes[place] * (lines.kind == 3) + c.uninvited * uninvited[place])
    tariff = lines.minds if c.spike(t) == "tariff" else 0 * lines.minds
    monthly = {"tariff": tariff, "service": SERVICE, "moved": lines.moves, "woken": wakes}
    found = {"own": own} | {cause: over(lines.plan, chance) for cause, chance in monthly.items()}
    return {cause: chance * (not c.off(cause, t)) for cause, chance in found.items()}
