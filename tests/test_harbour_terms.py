"""Terms of trade at Harbour & Hill (simulated): what each changes, in the tables and in money; and what is refused."""

import functools

import numpy as np
import pandas as pd
import pytest

from crmlab.data.firms import play, simulate
from crmlab.data.firms.firm import Draw
from crmlab.data.firms.harbour import trade as harbour
from crmlab.data.firms.harbour import truth as harbour_truth
from crmlab.data.firms.harbour.policy import effects

NAME = "harbour_and_hill"
SMALL = {"customers": 60, "months": 10, "seed": 3}
MONTH = 5  # from which the terms hold
SINCE = pd.Timestamp("2023-06-01")  # a calendar month that is wholly under them


@functools.cache
def firm(**terms):
    do = {"terms": terms, "from_month": MONTH} if terms else None
    return simulate(NAME, **SMALL, do=do)


def booked(of, activity):
    """Units and minutes of an activity, before and after the terms hold."""
    rows = of.ledger[of.ledger["activity"] == activity]
    return (rows[rows["month"] < "2023-05-01"], rows[rows["month"] >= SINCE])


# --- the tables under terms -----------------------------------------------------------------------------------------


def test_a_delivery_day_takes_what_is_not_urgent_of_a_week_in_one_drop():
    after = firm(delivery_day=True)
    orders = after.orders.assign(week=after.orders["ordered_on"].dt.to_period("W"))
    back = after.ledger["activity"].eq("delivery on the return leg")
    riders = after.ledger.loc[back, "customer_id"].unique()
    owner = dict(after.truth.accounts[["account_id", "customer_id"]].itertuples(index=False))
    held = orders[(orders["ordered_on"] >= "2023-06-05") & ~orders["customer_id"].isin(riders)]
    held = held.assign(owner=held["customer_id"].map(owner))
    asked = held["urgent"].sum() + len(held[~held["urgent"]][["owner", "week"]].drop_duplicates())
    own = after.shipments.merge(held[["order_id"]])
    pending = held[~held["order_id"].isin(own["order_id"])]  # too late in the last week to be shipped
    assert asked - len(pending) <= (own["drop_minutes"] > 0).sum() <= asked
    assert asked < 0.95 * len(held)
    assert booked(after, "delivery")[0].equals(booked(firm(), "delivery")[0])


def test_who_orders_alone_takes_three_tenths_of_the_minutes_of_order_taking():
    after = firm(self_service=True)
    for activity, standard in (("order taking", 7.0), ("order lines", 1.5)):
        before, held = booked(after, activity)
        assert np.allclose(before["minutes"], standard * before["units"])
        assert np.allclose(held["minutes"], 0.3 * standard * held["units"])
    picking = booked(after, "picking")[1]
    assert np.allclose(picking["minutes"], 4.0 * picking["units"])


def test_who_pays_before_delivery_never_pays_late_and_who_is_not_visited_has_no_visits():
    assert len(booked(firm(), "credit control")[1])
    assert not len(booked(firm(prepaid=True), "credit control")[1])
    assert not len(booked(firm(visits=0.0), "visits")[1])
    half, usual = (booked(of, "visits")[1]["units"].sum() for of in (firm(visits=0.5), firm()))
    assert 0 < half < 0.75 * usual


def test_a_fee_leaves_fewer_orders_urgent():
    shares = [
        of.orders.loc[of.orders["ordered_on"] >= SINCE, "urgent"].mean() for of in (firm(), firm(urgent_fee=45.0))
    ]
    assert shares[1] < 0.5 * shares[0]


# --- one set, or a list of them -------------------------------------------------------------------------------------


def test_a_list_of_terms_is_each_of_them_for_its_own_customers():
    trade = harbour.Trade(firm().draw)
    book, some, others = trade.book(), trade.ids[:3], trade.ids[3:9]
    one, two = {"minimum_order": 400.0, "self_service": True}, {"urgent_fee": 20.0, "visits": 0.0, "prepaid": True}
    both = effects({"terms": [{"customers": some, **one}, {"customers": others, **two}]}, book)
    alone = [effects({"terms": {"customers": who, **terms}}, book) for who, terms in ((some, one), (others, two))]
    first = np.isin(np.arange(len(trade.alone)), trade.owners[:3])
    for name in ("rate", "size", "urgent", "urgent_fee", "entry", "visits", "late_payments", "added_hazard", "neglect"):
        assert (getattr(both, name) == np.where(first, *(getattr(e, name) for e in alone))).all()
    swapped = effects({"terms": [{"customers": others, **two}, {"customers": some, **one}]}, book)
    assert (swapped.added_hazard == both.added_hazard).all()


def test_an_empty_list_is_no_terms():
    assert simulate(NAME, **SMALL, do={"terms": []}).ledger.equals(firm().ledger)


# --- in money -------------------------------------------------------------------------------------------------------

EVERY = {"urgent_fee": 10.0, "delivery_day": True, "self_service": True, "prepaid": True, "visits": 0.5}


def forward(terms, worlds, months):
    """The value of all under terms, and by world what they bring in a year to come and are worth then."""
    trade = harbour.Trade(Draw(NAME, 240, months, 1), beyond=52)
    past = pd.concat([harbour_truth.order_rows(trade.week(week)) for week in range(trade.weeks)], ignore_index=True)
    value = harbour_truth.values(trade, past, effects({"terms": terms}, trade.book()))
    now = np.where(trade.state.here, value[np.arange(len(value)), trade.state.mood], 0.0)
    ahead, kept = trade.futures(worlds, {"terms": terms}), 1.1 ** (-1 / 52)
    brings = sum(kept**week * harbour_truth.earned(ahead, ahead.week(trade.weeks + week)) for week in range(52))
    then = np.tile(value, (worlds, 1))[np.arange(len(ahead.state.mood)), ahead.state.mood] * ahead.state.here
    return now.sum(), (brings + kept**52 * then).reshape(worlds, -1).sum(axis=1)


def test_what_customers_under_terms_bring_and_are_worth_then_is_what_they_are_worth():
    value, brings = forward(EVERY, worlds=20, months=24)
    assert abs(brings.mean() - value) < 0.05 * value + 2 * brings.std() / 20**0.5


@pytest.mark.parametrize(
    ("terms", "left"),
    [
        ({"self_service": True}, {"order taking": 0.3, "order lines": 0.3}),
        ({"visits": 0.25}, {"visits": 0.25}),
        ({"delivery_day": True}, {"delivery": None, "delivery on the return leg": None}),  # as the orders fell
    ],
    ids=["self-service", "visits", "delivery day"],
)
def test_in_the_year_after_a_lever_saves_about_the_avoidable_part_of_what_it_spares(terms, left):
    of = firm()
    ids = of.customers["customer_id"].tolist()
    costs = of.ledger[of.ledger["month"] >= "2023-03-01"].groupby("activity")["cost"].sum() * 12 / 8  # of a year
    avoidable = of.activities.set_index("activity")["avoidable_12_months"] * costs
    owner = of.truth.accounts.set_index("account_id")["customer_id"]
    calm = of.orders[~of.orders["urgent"]]
    visited = calm.groupby([calm["customer_id"].map(owner), calm["ordered_on"].dt.to_period("W")]).ngroups
    drops = (visited + of.orders["urgent"].sum()) / len(of.orders)
    spared = sum((1 - (share or drops)) * avoidable[activity] for activity, share in left.items())
    spared -= 52 * of.truth.customers["customer_id"].nunique() * terms.get("self_service", False)
    year = play(of, {"terms": {"customers": ids, **terms}}, worlds=8, against={"as today": {}}).table["year"]
    assert year.iloc[-1] == pytest.approx(spared, rel=0.35)  # some leave, and the year to come is another one


# --- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ("fee", "terms must be a dict, or a list of dicts for different customers, not 'fee'"),
        (3, "terms must be a dict, or a list of dicts"),
        ({"minimum": 3}, "terms must be a dict with some of 'customers', 'minimum_order', .*'visits', not"),
        ([{"urgent_fee": 3.0}, ["C001"]], r"terms must be a dict with some of .*not \['C001'\]"),
        ({"delivery_day": 1}, "terms: delivery_day must be True or False, not 1"),
        ({"visits": 1.5}, "terms: visits must be a number from 0 to 1, not 1.5"),
        (
            [{"customers": ["C001", "C002"], "prepaid": True}, {"customers": ["C002"], "visits": 0.0}],
            "terms: 'C002' is in two of the list; name all of its terms in one",
        ),
    ],
    ids=str,
)
def test_terms_that_cannot_be_are_refused_in_words(terms, message):
    with pytest.raises(ValueError, match=message):
        simulate(NAME, customers=40, months=6, do={"terms": terms})
