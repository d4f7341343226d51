"""What Harbour & Hill can decide, and what each decision changes.

A decision is a dict `do`. Its keys, each optional:

========================  ============================================================================================
``"from_month"``          months after the first day from which it holds (0)
``"allocation"``          who gets the goods of class A when there are too few: ``{"rule": "rating"}`` (A before B,
                          the rule of today), ``"first come"``, ``"score"`` with ``"scores": {customer_id: number}``,
                          higher first; with any of them ``"floor": 0.4`` serves first two fifths of every line, as far
                          as the goods go; 1 is an equal share for all
``"recovery"``            complaints made good: ``{"share": 0.5, "compensation": 30.0}``, and ``"customers"`` if not all
``"answer"``              what is done for customers who may leave: ``{action: [customer_id, ...]}``, actions in ANSWERS
``"terms"``               terms of trade, any of ``{"customers": [...], "minimum_order": EUR, "urgent_fee": EUR,
                          "delivery_day": True, "self_service": True, "prepaid": True, "visits": 0.5}``; or a list of
                          such, each for other customers. A delivery day takes all of a week's orders that are not
                          urgent in one drop; ``"visits"`` is the share of its visits that a customer keeps
``"service_level"``       the chance that the stock of a class A item lasts until it is filled up again
``"drop"``                accounts served no longer
``"care"``                ``{customer_id: EUR a week}`` for looking after them
``"bundles"``             ``{customer_id: bundle_id}``: the bundle of services it is given, see `wants`
``"fix"``                 causes of imperfect orders to remove: names in FIXES
``"off"``                 a cause of leaving that is switched off: one of CAUSES (to learn what it does)
========================  ============================================================================================
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from crmlab.data.firms.harbour.people import CAUSES, DEPOTS, NEVER
from crmlab.data.firms.harbour.wants import BUNDLES, HOLDS, WEEKLY

RECOVERED_TODAY = 0.45
COMPENSATION_TODAY = 25.0  # EUR
SERVICE_LEVEL_TODAY = 0.95
FLOOR_TODAY = 0.0
WON = 0.35  # of what it buys elsewhere comes here from a customer whose bundle holds all that it could want,
HELD = 0.5  # and this part of its leaving for a price or for neglect is prevented
MOST_CONSOLIDATED = 4.0  # times as large as before are the orders of those who must order more at once
ENTRY_LEFT = 0.3  # of the minutes of order taking, where customers enter their orders themselves
ACCESS = 1.0  # EUR a week, for that
# What terms add to the hazard of leaving for a price, a week,
DISLIKED = {"minimum_order": 0.0006, "delivery_day": 0.0002, "prepaid": 0.0004}
UNMET = 0.004  # for each time that the minimum lies beyond what its orders can become,
FEE_DISLIKED = 0.00002  # and for each EUR of a fee.
NOT_SPOKEN_TO = 1.5  # times as often those leave for neglect who order by themselves,
NOT_SEEN = 1.0  # and by so much more often those who are visited no longer


class Answer(NamedTuple):
    """What can be done for a customer who may leave."""

    owner: str
    cost: float  # EUR a week
    late: float = 1.0  # what is left of its late deliveries,
    price: float = 1.0  # of its leaving for a price,
    neglect: float = 1.0  # and of its leaving for neglect
    discount: float = 0.0
    calms: float = 0.0  # chance a week that an annoyed customer is content again


ANSWERS = {
    "call": Answer("inside sales", 2.0, neglect=0.7, calms=0.06),
    "visit": Answer("field sales", 7.0, neglect=0.3, calms=0.10),
    "delivery watch": Answer("depot manager", 4.0, late=0.25),
    "discount": Answer("sales director", 0.0, price=0.25, discount=0.03),
}


class Fix(NamedTuple):
    """A cause of imperfect orders that money can remove."""

    cost: float  # EUR a year
    left: float  # share of the faults that stays


FIXES = {
    "late": Fix(16_000.0, 0.35),
    "documents": Fix(2_500.0, 0.15),
    "damage": Fix(5_000.0, 0.30),
    "wrong item": Fix(6_000.0, 0.40),
    "invoice": Fix(4_000.0, 0.30),
}


@dataclass
class Effects:
    """What holds in a week: one entry a customer, or one for all."""

    scores: np.ndarray  # who is served first when goods are short: higher first
    first_come: bool
    floor: float
    recovered: np.ndarray
    compensation: float
    rate: np.ndarray  # factors on the customer's own
    size: np.ndarray
    urgent: np.ndarray
    temper: np.ndarray
    late: np.ndarray
    price: np.ndarray
    neglect: np.ndarray
    added_hazard: np.ndarray  # of leaving for a price
    discount: np.ndarray  # beyond the customer's own
    calms: np.ndarray
    urgent_fee: np.ndarray  # EUR an urgent order
    one_drop: np.ndarray  # a week's orders that are not urgent go together
    entry: np.ndarray  # what is left of the minutes of order taking,
    visits: np.ndarray  # of the visits,
    late_payments: np.ndarray  # and of the late payments
    weekly_cost: np.ndarray  # EUR
    service_level: float
    dropped: np.ndarray
    faults: dict[str, float]
    fixed_cost: float  # EUR a week, for all
    off: int  # place in CAUSES, or -1


def today(rating: np.ndarray) -> Effects:
    """How the firm runs as it is."""
    ones, zeros = np.ones(len(rating)), np.zeros(len(rating))
    return Effects(
        scores=-rating.astype(float),
        first_come=False,
        floor=FLOOR_TODAY,
        recovered=ones * RECOVERED_TODAY,
        compensation=COMPENSATION_TODAY,
        rate=ones,
        size=ones,
        urgent=ones,
        temper=ones,
        late=ones,
        price=ones,
        neglect=ones,
        added_hazard=zeros,
        discount=zeros,
        calms=zeros,
        urgent_fee=zeros,
        one_drop=zeros.astype(bool),
        entry=ones,
        visits=ones,
        late_payments=ones,
        weekly_cost=zeros,
        service_level=SERVICE_LEVEL_TODAY,
        dropped=zeros.astype(bool),
        faults=dict.fromkeys(FIXES, 1.0),
        fixed_cost=0.0,
        off=-1,
    )


KEYS = (
    "from_month",
    "allocation",
    "recovery",
    "answer",
    "terms",
    "service_level",
    "drop",
    "care",
    "bundles",
    "fix",
    "off",
)


def first_week(do: Mapping[str, Any]) -> int:
    """The week in which a decision begins to hold; NEVER for one that decides nothing."""
    months = do.get("from_month", 0)
    if isinstance(months, bool) or not isinstance(months, int | np.integer) or months < 0:
        raise ValueError(f"from_month must be a whole number from 0, not {months!r}")
    return int(months) * 13 // 3 if set(do) - {"from_month"} else NEVER


class Book(NamedTuple):
    """What the policies must know of the customers, to read ids and to reckon."""

    place: Mapping[str, int]  # of each customer_id among the customers
    worlds: int  # in each of which there is everybody once
    rating: np.ndarray
    order_value: np.ndarray  # EUR, mean
    responds: np.ndarray
    share: np.ndarray  # of its needs that each customer buys here
    worth: np.ndarray  # of each bundle to it: share of all that it could want, shape (n, 8)

    def places(self, what: str, ids: Any) -> np.ndarray:
        """The customers that a decision names."""
        if isinstance(ids, str) or not isinstance(ids, Iterable):
            raise ValueError(f"{what} must be a list of customer ids, not {ids!r}")
        ids = list(ids)
        if unknown := [name for name in ids if not isinstance(name, str) or name not in self.place]:
            raise ValueError(f"{what}: no customer {unknown[0]!r} ({len(unknown)} of {len(ids)} ids are unknown)")
        here = np.array([self.place[name] for name in ids], int)
        count = len(self.rating) // self.worlds
        return (here + count * np.arange(self.worlds)[:, None]).ravel()


def effects(do: Mapping[str, Any], book: Book) -> Effects:
    """What a decision changes.

    Raises
    ------
    ValueError
        A key, a name or a number in `do` is not one of those above; the message says which are.
    """
    for key in do:
        if key not in KEYS:
            near = difflib.get_close_matches(str(key), KEYS, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(KEYS)}"
            raise ValueError(f"a decision has no {key!r}; {hint}")
    result = today(book.rating)
    for key, change in CHANGES.items():
        if key in do:
            result = change(result, do[key], book)
    return result


def _fields(what: str, given: Any, known: Iterable[str]) -> dict[str, Any]:
    known = list(known)
    if not isinstance(given, Mapping) or not set(given) <= set(known):
        raise ValueError(f"{what} must be a dict with some of {', '.join(map(repr, known))}, not {given!r}")
    return dict(given)


def _number(what: str, value: Any, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not low <= value <= high:
        raise ValueError(f"{what} must be a number from {low:g} to {high:g}, not {value!r}")
    return float(value)


def _allocation(e: Effects, given: Any, book: Book) -> Effects:
    given = _fields("allocation", given, ("rule", "floor", "scores"))
    rule = given.get("rule", "rating")
    if rule not in ("rating", "first come", "score"):
        raise ValueError(f"allocation: the rule must be 'rating', 'first come' or 'score', not {rule!r}")
    if (rule == "score") != ("scores" in given):
        raise ValueError("allocation: the rule 'score' and only it needs 'scores': {customer_id: number}")
    scores = e.scores
    if rule == "score":
        named = given["scores"]
        if not isinstance(named, Mapping):
            raise ValueError(f"allocation: scores must be a dict {{customer_id: number}}, not {named!r}")
        places = book.places("allocation", named)
        scores = np.full(len(scores), -np.inf)
        given_scores = [_number("allocation: a score", score, -1e12, 1e12) for score in named.values()]
        scores[places] = given_scores * book.worlds
    floor = _number("allocation: floor", given.get("floor", 0.0), 0, 1)
    return replace(e, scores=scores, first_come=rule == "first come", floor=floor)


def _recovery(e: Effects, given: Any, book: Book) -> Effects:
    given = _fields("recovery", given, ("share", "compensation", "customers"))
    share = _number("recovery: share", given.get("share", RECOVERED_TODAY), 0, 1)
    recovered = e.recovered.copy()
    recovered[book.places("recovery", given.get("customers", book.place))] = share
    paid = _number("recovery: compensation", given.get("compensation", COMPENSATION_TODAY), 0, 1000)
    return replace(e, recovered=recovered, compensation=paid)


def _answer(e: Effects, given: Any, book: Book) -> Effects:
    given = _fields("answer", given, ANSWERS)
    e = replace(e, **{name: getattr(e, name).copy() for name in ("late", "price", "neglect", "discount", "calms")})
    cost = e.weekly_cost.copy()
    for action, ids in given.items():
        who, what = book.places(f"answer: {action}", ids), ANSWERS[action]
        e.late[who] *= what.late
        e.price[who] *= what.price
        e.neglect[who] *= what.neglect
        e.discount[who] += what.discount
        e.calms[who] = 1 - (1 - e.calms[who]) * (1 - what.calms)
        cost[who] += what.cost
    return replace(e, weekly_cost=cost)


TERMS = ("customers", "minimum_order", "urgent_fee", "delivery_day", "self_service", "prepaid", "visits")


def _terms(e: Effects, given: Any, book: Book) -> Effects:
    sets = [given] if isinstance(given, Mapping) else given
    if isinstance(sets, str) or not isinstance(sets, Iterable):
        raise ValueError(f"terms must be a dict, or a list of dicts for different customers, not {given!r}")
    bound = np.zeros(len(e.rate), bool)
    for one_set in sets:
        terms = _fields("terms", one_set, TERMS)
        who = np.zeros(len(e.rate), bool)
        who[book.places("terms: customers", terms.get("customers", book.place))] = True
        if (twice := np.flatnonzero(bound & who)).size:
            name = next(name for name, place in book.place.items() if place == twice[0])
            raise ValueError(f"terms: {name!r} is in two of the list; name all of its terms in one")
        bound |= who
        e = _agreed(e, terms, who, book)
    return e


def _agreed(e: Effects, terms: Mapping[str, Any], who: np.ndarray, book: Book) -> Effects:
    """What one set of terms changes for those who are bound by it."""
    least = _number("terms: minimum_order", terms.get("minimum_order", 0.0), 0, 1e6)
    fee = _number("terms: urgent_fee", terms.get("urgent_fee", 0.0), 0, 1e4)
    kept = _number("terms: visits", terms.get("visits", 1.0), 0, 1)
    one_drop, alone, prepaid = (who & _switch(terms, name) for name in ("delivery_day", "self_service", "prepaid"))
    # Orders that are too small are put together: as much is bought, in fewer orders, and less of it is urgent.
    together = np.where(who, np.clip(least / book.order_value, 1.0, MOST_CONSOLIDATED), 1.0)
    asked = np.where(who, np.maximum(least / book.order_value - MOST_CONSOLIDATED, 0), 0)  # beyond what it can do
    spared = np.where(who & (fee > 0), 1 / (1 + fee / 15), 1.0)  # a fee of 15 halves what is urgent
    disliked = (
        DISLIKED["minimum_order"] * (together > 1)
        + UNMET * np.minimum(asked, 5)
        + FEE_DISLIKED * np.where(who, fee, 0)
        + DISLIKED["delivery_day"] * one_drop
        + DISLIKED["prepaid"] * prepaid
    )
    lonely = np.where(alone, NOT_SPOKEN_TO, 1.0) * np.where(who, 1 + NOT_SEEN * (1 - kept), 1.0)
    return replace(
        e,
        rate=np.round(e.rate / together, 9),
        size=np.round(e.size * together, 9),
        urgent=np.round(e.urgent * spared / together, 9),
        urgent_fee=np.where(who, fee, e.urgent_fee),
        one_drop=e.one_drop | one_drop,
        entry=np.where(alone, ENTRY_LEFT, e.entry),
        visits=np.where(who, kept, e.visits),
        late_payments=np.where(prepaid, 0.0, e.late_payments),
        added_hazard=np.round(e.added_hazard + disliked, 9),
        neglect=np.round(e.neglect * lonely, 9),
        weekly_cost=e.weekly_cost + ACCESS * alone,
    )


def _switch(terms: Mapping[str, Any], name: str) -> bool:
    value = terms.get(name, False)
    if not isinstance(value, bool):
        raise ValueError(f"terms: {name} must be True or False, not {value!r}")
    return value


def _service_level(e: Effects, given: Any, book: Book) -> Effects:
    return replace(e, service_level=_number("service_level", given, 0.5, 0.9999))


def _drop(e: Effects, given: Any, book: Book) -> Effects:
    dropped = e.dropped.copy()
    dropped[book.places("drop", given)] = True
    return replace(e, dropped=dropped)


def _care(e: Effects, given: Any, book: Book) -> Effects:
    if not isinstance(given, Mapping):
        raise ValueError(f"care must be a dict {{customer_id: EUR a week}}, not {given!r}")
    who = book.places("care", given)
    spent = np.zeros(len(e.rate))
    spent[who] = [_number("care: EUR a week", amount, 0, 1000) for amount in given.values()] * book.worlds
    calmer = np.round(np.exp(-book.responds * spent), 9)
    return replace(
        e, temper=e.temper * calmer, neglect=e.neglect * calmer, weekly_cost=np.round(e.weekly_cost + spent, 6)
    )


def _bundles(e: Effects, given: Any, book: Book) -> Effects:
    if not isinstance(given, Mapping):
        raise ValueError(f"bundles must be a dict {{customer_id: bundle_id}}, not {given!r}")
    who, known = book.places("bundles", given), BUNDLES.tolist()
    if unknown := [name for name in given.values() if name not in known]:
        raise ValueError(f"bundles: no bundle {unknown[0]!r}; there are: {', '.join(known)}")
    which = np.array([known.index(name) for name in given.values()] * book.worlds, int)
    worth, cost = np.zeros(len(e.size)), e.weekly_cost.copy()
    worth[who], cost[who] = book.worth[who, which], cost[who] + (HOLDS * WEEKLY).sum(axis=1)[which]
    left = 1 - HELD * worth
    return replace(
        e,
        size=np.round(e.size * (1 + WON * worth * (1 - book.share) / book.share), 9),
        price=np.round(e.price * left, 9),
        neglect=np.round(e.neglect * left, 9),
        weekly_cost=cost,
    )


def _fix(e: Effects, given: Any, book: Book) -> Effects:
    given = given if isinstance(given, str) or not isinstance(given, Iterable) else list(given)
    if not isinstance(given, list) or not all(isinstance(name, str) and name in FIXES for name in given):
        raise ValueError(f"fix must be a list of some of {', '.join(map(repr, FIXES))}, not {given!r}")
    faults = {name: FIXES[name].left if name in given else 1.0 for name in FIXES}
    return replace(e, faults=faults, fixed_cost=sum(FIXES[name].cost for name in set(given)) / 52)


def _off(e: Effects, given: Any, book: Book) -> Effects:
    if given not in CAUSES:
        raise ValueError(f"off must be one of {', '.join(map(repr, CAUSES))}, not {given!r}")
    return replace(e, off=CAUSES.index(given))


CHANGES: dict[str, Callable[[Effects, Any, Book], Effects]] = {
    "allocation": _allocation,
    "recovery": _recovery,
    "answer": _answer,
    "terms": _terms,
    "service_level": _service_level,
    "drop": _drop,
    "care": _care,
    "bundles": _bundles,
    "fix": _fix,
    "off": _off,
}


def listed(firm: Any) -> dict[str, dict[str, dict[str, Any]]]:
    """The rules that a decision is held against: kind of decision, name of the rule, decision.

    The first of each kind is what the firm does today. Lists of customers are made from what the firm can see.
    """
    customers = firm.customers
    ids = customers["customer_id"].tolist()
    spend = firm.orders.groupby("customer_id")["amount"].agg(["sum", "mean"])
    small = spend.index[spend["mean"] < 250].tolist()
    by_depot = {depot: customers.loc[customers["depot"] == depot, "customer_id"].tolist() for depot in DEPOTS}
    best = spend["sum"].sort_values(ascending=False).index[: max(len(ids) // 5, 1)].tolist()
    budget = 2.0 * len(ids)  # EUR a week for care
    return {
        "allocation": {
            "best first": {"allocation": {"rule": "rating"}},
            "first come": {"allocation": {"rule": "first come"}},
            "a fifth for all": {"allocation": {"rule": "rating", "floor": 0.2}},
            "two fifths for all": {"allocation": {"rule": "rating", "floor": 0.4}},
            "equal shares": {"allocation": {"rule": "rating", "floor": 1.0}},
        },
        "recovery": {
            "as today": {"recovery": {"share": RECOVERED_TODAY}},
            "none": {"recovery": {"share": 0.0}},
            "four of five": {"recovery": {"share": 0.8}},
            "all, twice as generous": {"recovery": {"share": 1.0, "compensation": 2 * COMPENSATION_TODAY}},
        },
        "answer": {
            "nobody": {"answer": {}},
            "call all": {"answer": {"call": ids}},
            "discount for all": {"answer": {"discount": ids}},
            **{f"watch deliveries of {depot}": {"answer": {"delivery watch": of}} for depot, of in by_depot.items()},
            "watch all deliveries": {"answer": {"delivery watch": ids}},
        },
        "terms": {
            "none": {"terms": {}},
            "fee for urgent orders": {"terms": {"urgent_fee": 15.0}},
            "small orders at least 300": {"terms": {"customers": small, "minimum_order": 300.0}},
            "all orders at least 300": {"terms": {"minimum_order": 300.0}},
        },
        "service_level": {
            "95% (today)": {"service_level": SERVICE_LEVEL_TODAY},
            **{f"{level:.1%}": {"service_level": level} for level in (0.80, 0.90, 0.975, 0.99, 0.999)},
        },
        "care": {
            "none": {"care": {}},
            "the same for all": {"care": {name: budget / len(ids) for name in ids}},
            "favourites by revenue": {"care": {name: budget / len(best) for name in best}},
        },
        "bundles": {
            "none": {"bundles": {}},
            **{f"{name} for all": {"bundles": dict.fromkeys(ids, name)} for name in BUNDLES.tolist()},
        },
        "fix": {"nothing": {"fix": []}, **{name: {"fix": [name]} for name in FIXES}},
        "drop": {"nobody": {"drop": []}},
    }
