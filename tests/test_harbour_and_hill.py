"""Harbour & Hill (simulated): sums that agree, streams apart, decisions, true values, and what is planted."""

import functools

import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from crmlab.data import ContractError, check, summarize
from crmlab.data.firms.chance import Chance
from crmlab.data.firms.firm import Draw, Firm, csv_bytes, saved
from crmlab.data.firms.harbour import trade as harbour
from crmlab.data.firms.harbour import truth as harbour_truth
from crmlab.data.firms.harbour.policy import effects, listed
from crmlab.data.firms.simulation import play, simulate
from crmlab.data.firms.story import Story
from crmlab.lifetime_value import BetaGeoNBD, fit_or_limit

NAME = "harbour_and_hill"
FIRST_MONDAY = pd.Timestamp("2023-01-02")
WEEK = pd.Timedelta(weeks=1)
SERVICE = ["late delivery", "short delivery", "poor handling"]
SMALL = {"customers": 60, "months": 10, "seed": 3}


def harbour_and_hill(**settings):
    return simulate(NAME, **settings)


@functools.lru_cache(maxsize=64)
def small(**settings):
    return harbour_and_hill(**(SMALL | settings))


@functools.lru_cache(maxsize=3)
def default(**settings):
    return harbour_and_hill(**settings)


def bytes_of(firm):
    """Each table as CSV, those of the truth too."""
    return {name: csv_bytes(firm[name]) for name in firm} | {
        f"truth/{name}": csv_bytes(firm.truth[name]) for name in firm.truth
    }


@functools.cache
def usual():
    return bytes_of(small())


def differ(one, other):
    """The tables in which two firms differ."""
    ours, theirs = usual() if one is small() else bytes_of(one), bytes_of(other)
    assert ours.keys() == theirs.keys()
    return {name for name in ours if ours[name] != theirs[name]}


def owners(firm):
    """Whose each account is."""
    return firm.truth.accounts.set_index("account_id")["customer_id"]


def customer_table(firm):
    return firm.customers.set_index("customer_id")


def weeks(days):
    return (days - FIRST_MONDAY) // WEEK


def orders(firm):
    """The orders with what is known of their lines and customers."""
    lines = firm.order_lines
    lines = lines.assign(short=lines["delivered"] < lines["ordered"], damaged=~lines["undamaged"])
    table = firm.orders.join(lines.groupby("order_id")[["short", "damaged"]].any(), on="order_id")
    known = customer_table(firm)[["depot", "region", "rating", "group", "shares_forecasts"]]
    return table.join(known, on="customer_id").assign(
        late=table["delivered_on"] > table["promised_on"], owner=table["customer_id"].map(owners(firm))
    )


def lines_with_orders(firm):
    return firm.order_lines.merge(
        firm.orders[["order_id", "customer_id", "ordered_on"]], on="order_id", validate="m:1"
    ).merge(firm.products, on="product_id", validate="m:1")


# --- laws that every draw keeps -------------------------------------------------------------------------------------

LAWS = []


def law(function):
    LAWS.append(function)
    return function


@law
def tables_keep_their_contracts_and_join(firm):
    firm.check()
    for name in firm.truth:
        check(firm.truth[name], f"{NAME}.truth.{name}")


@law
def lines_add_up_to_orders_to_the_cent(firm):
    cents = (firm.order_lines["amount"] * 100).round().groupby(firm.order_lines["order_id"]).sum()
    own = firm.orders.set_index("order_id")["amount"] * 100
    assert (cents.reindex(own.index) == own.round()).all()
    assert len(cents) == len(own)


@law
def the_ledger_costs_units_at_their_minutes_and_90_cents_a_minute(firm):
    minutes = firm.activities.set_index("activity")["minutes"]
    ledger = firm.ledger
    assert ledger["minutes"].tolist() == (ledger["units"] * ledger["activity"].map(minutes)).tolist()
    assert ledger["cost"].to_numpy() == pytest.approx((ledger["minutes"] * 0.90).to_numpy(), abs=0.00501)
    assert (ledger["units"] > 0).all()


@law
def what_activities_used_is_what_the_ledger_booked_and_no_more_than_there_was(firm):
    booked = firm.ledger.groupby(["month", "activity"])["minutes"].sum()
    costs = firm.activity_costs.set_index(["month", "activity"])
    assert booked.reindex(costs.index, fill_value=0.0).to_numpy() == pytest.approx(costs["used_minutes"].to_numpy())
    assert booked.index.isin(costs.index).all()
    assert (costs["capacity_minutes"] >= costs["used_minutes"]).all()
    assert costs["cost"].to_numpy() == pytest.approx((costs["capacity_minutes"] * 0.90).to_numpy(), abs=0.00501)


@law
def the_ledger_counts_the_orders_and_lines_of_each_month(firm):
    month = firm.orders["ordered_on"].dt.to_period("M")
    units = firm.ledger.pivot_table(index="month", columns="activity", values="units", aggfunc="sum", fill_value=0)
    per_month = firm.orders.groupby(month).size()
    assert units["order taking"].tolist() == per_month.tolist()
    delivered = units.get("delivery", 0) + units.get("delivery on the return leg", 0)
    assert delivered.tolist() == per_month.tolist()
    assert units["expediting"].sum() == firm.orders["urgent"].sum()
    assert units["picking"].sum() == units["order lines"].sum() == len(firm.order_lines)
    assert units["returns"].sum() == (~firm.order_lines["right_item"] | ~firm.order_lines["undamaged"]).sum()
    assert units["complaints"].sum() >= len(firm.complaints)  # complaints of the last days are still to come


@law
def stock_is_what_it_was_less_deliveries_and_more_supplies(firm):
    stock = firm.stock.sort_values(["depot", "product_id", "week"])
    before = stock.groupby(["depot", "product_id"])[["opening", "delivered"]].shift()
    known = before["opening"].notna()
    reckoned = before["opening"] - before["delivered"] + stock["received"]
    assert (stock.loc[known, "opening"] == reckoned[known]).all()
    assert (stock["delivered"] <= stock[["demand", "opening"]].min(axis=1)).all()
    assert (stock["received"] <= stock["opening"]).all()


@law
def goods_are_short_only_when_they_are_gone(firm):
    short = firm.stock[firm.stock["delivered"] < firm.stock["demand"]]
    assert (short["delivered"] == short["opening"]).all()


@law
def stock_sees_the_lines_of_class_a_by_week_and_depot(firm):
    lines = lines_with_orders(firm).query("abc == 'A'")
    week = lines["ordered_on"].dt.to_period("W").dt.start_time.astype(firm.stock["week"].dtype)
    depot = lines["customer_id"].map(customer_table(firm)["depot"])
    sums = lines.groupby([week, depot, lines["product_id"]])[["ordered", "delivered"]].sum()
    stock = firm.stock.set_index(["week", "depot", "product_id"])[["demand", "delivered"]]
    assert sums.reindex(stock.index, fill_value=0).to_numpy().tolist() == stock.to_numpy().tolist()
    assert sums.index.isin(stock.index).all()
    assert set(firm.stock["product_id"]) == set(firm.products.loc[firm.products["abc"] == "A", "product_id"])


@law
def amounts_are_prices_less_the_discount(firm):
    lines = lines_with_orders(firm)
    discount = lines["customer_id"].map(customer_table(firm)["discount"])
    exact = lines["delivered"] * lines["price"] * (1 - discount)
    assert lines["amount"].to_numpy() == pytest.approx(exact.to_numpy(), abs=0.00501)


@law
def only_failed_orders_are_complained_of_and_for_what_failed(firm):
    items = firm.order_lines.groupby("order_id")["right_item"].all()
    table = orders(firm).set_index("order_id").join(items)
    failed = pd.DataFrame(
        {
            "late": table["late"],
            "short": table["short"],
            "damage": table["damaged"],
            "wrong item": ~table["right_item"],
            "wrong place": ~table["right_place"],
            "wrong customer": ~table["right_customer"],
            "invoice": ~table["right_invoice"],
            "documents": ~table["right_documents"],
        }
    )
    complaints = firm.complaints
    about = failed.loc[complaints["order_id"]].to_numpy()
    assert about[np.arange(len(complaints)), failed.columns.get_indexer(complaints["category"])].all()
    assert not complaints["order_id"].duplicated().any()
    own = firm.orders.set_index("order_id").loc[complaints["order_id"]]
    assert complaints["customer_id"].tolist() == own["customer_id"].tolist()
    assert (complaints["opened_on"].to_numpy() > own["delivered_on"].to_numpy()).all()
    assert (complaints["resolved_on"].isna() | (complaints["resolved_on"] > complaints["opened_on"])).all()
    assert (complaints["recovered"] <= complaints["resolved_on"].notna()).all()
    assert (complaints.loc[~complaints["recovered"], "compensation"] == 0).all()


@law
def every_order_has_one_drop_once_it_is_shipped(firm):
    drops = firm.shipments.merge(firm.orders, on="order_id", validate="1:1")
    known = drops["delivered_on"].notna()
    assert (drops.loc[known, "shipped_on"] < drops.loc[known, "delivered_on"]).all()
    assert firm.orders.loc[firm.orders["delivered_on"].notna(), "order_id"].isin(firm.shipments["order_id"]).all()
    assert drops["depot"].tolist() == drops["customer_id"].map(customer_table(firm)["depot"]).tolist()
    express = drops["route"] == "express"
    assert (drops.loc[express, "urgent"]).all()


@law
def nothing_happens_after_the_last_day(firm):
    plans = {"promised_on", "due_on", "takes_effect", "exclusivity_ends"}  # may be for later
    for name in firm:
        for column in set(firm[name].select_dtypes("datetime")) - plans:
            assert not (firm[name][column] > firm.today).any(), (name, column)
    assert firm.orders["ordered_on"].min() >= FIRST_MONDAY


@law
def orders_begin_when_their_customer_joined(firm):
    # The first account of a customer has the day of its first order's week.
    own = firm.orders.assign(owner=firm.orders["customer_id"].map(owners(firm)))
    first = weeks(own.groupby("owner")["ordered_on"].min())
    joined = weeks(customer_table(firm)["acquired_on"])
    new = joined[joined >= 0].index.intersection(first.index)
    assert (first[new] == joined[new]).all()
    assert joined[joined >= 0].index.isin(firm.truth.accounts["account_id"]).all()
    assert (own["customer_id"].map(joined) <= weeks(own["ordered_on"])).all()


@law
def nobody_orders_after_the_week_in_which_it_left(firm):
    own = firm.orders.assign(customer_id=firm.orders["customer_id"].map(owners(firm)))
    table = own.merge(firm.truth.leavers, on="customer_id")
    assert (weeks(table["ordered_on"]) <= weeks(table["left_on"])).all()


@law
def who_left_is_known_and_why(firm):
    truth = firm.truth.customers.set_index("customer_id")
    leavers = firm.truth.leavers.set_index("customer_id")
    assert truth["left_on"].dropna().sort_index().equals(leavers["left_on"].sort_index())
    assert (truth["left_on"].notna() == truth["mood"].isna()).all()
    assert (truth.loc[truth["left_on"].notna(), "value_to_infinity"] == 0).all()
    assert leavers["would_have_left"].eq(leavers["would_have_left_on"].notna()).all()
    later = leavers["would_have_left_on"].dropna()
    assert (later > leavers.loc[later.index, "left_on"]).all()
    closed = leavers[leavers["cause"] == "closing down"]
    assert (truth.loc[closed.index, "closing_on"] == closed["left_on"]).all()


@law
def every_defection_is_a_leaver_noticed_a_quarter_later(firm):
    leavers = firm.truth.leavers.set_index("customer_id")
    seen = firm.defections.set_index("customer_id")
    assert seen.index.isin(leavers.index).all()
    assert (weeks(seen["noticed_on"]) == weeks(leavers["left_on"].reindex(seen.index)) + 13).all()
    last = firm.orders.groupby(firm.orders["customer_id"].map(owners(firm)))["ordered_on"].max()
    assert seen["last_order_on"].fillna(FIRST_MONDAY).equals(last.reindex(seen.index).fillna(FIRST_MONDAY))
    assert (seen["stated_cause"].notna() == seen["interviewed"]).all()
    due = leavers[(weeks(leavers["left_on"]) + 13 < weeks(firm.today) + 1) & (leavers["cause"] != "served no longer")]
    assert set(due.index) == set(seen.index)


@law
def the_true_costs_are_the_ledgers_to_the_last_cent(firm):
    assert firm.truth.customers["true_cost"].sum() == pytest.approx(firm.ledger["cost"].sum(), abs=2)


def contribution_from_tables(firm):
    """Margin of the goods less compensation, less the costs that are saved within a year."""
    lines = lines_with_orders(firm)
    margin = (lines["amount"] - lines["delivered"] * lines["unit_cost"]).groupby(lines["customer_id"]).sum()
    paid = firm.complaints.groupby("customer_id")["compensation"].sum()
    share = firm.activities.set_index("activity")["avoidable_12_months"]
    saved_costs = (firm.ledger["cost"] * firm.ledger["activity"].map(share)).groupby(firm.ledger["customer_id"]).sum()
    own = margin.sub(paid, fill_value=0).sub(saved_costs, fill_value=0)
    return own.groupby(owners(firm)).sum()


@law
def contributions_can_be_reckoned_from_the_tables(firm):
    truth = firm.truth.customers.set_index("customer_id")["contribution"]
    ours = contribution_from_tables(firm).reindex(truth.index, fill_value=0.0)
    recent = set(firm.orders.loc[firm.orders["ordered_on"] > firm.today - 8 * WEEK, "customer_id"].map(owners(firm)))
    settled = ~truth.index.isin(recent)  # compensation that was not paid yet is in the truth only
    entries = firm.ledger.groupby(firm.ledger["customer_id"].map(owners(firm))).size()
    rounding = 0.0051 * entries.reindex(truth.index, fill_value=0) + 0.01  # half a cent for each entry of the ledger
    assert (abs(truth - ours) <= rounding)[settled].all()
    assert ((ours - truth) >= -rounding).all()
    assert (ours - truth).sum() <= 0.005 * abs(truth).sum() + 200


@law
def only_the_planted_customer_has_more_than_one_account(firm):
    accounts = firm.truth.accounts
    assert sorted(accounts["account_id"]) == sorted(firm.customers["customer_id"])
    planted = firm.truth.facts.set_index("fact").loc["three accounts, one customer", "planted"]
    counts = accounts["customer_id"].value_counts()
    assert sorted(counts[counts > 1].tolist()) == ([3] if planted else [])
    assert set(accounts["customer_id"]) == set(firm.truth.customers["customer_id"])


FIRMS = {
    "default": lambda: default(),
    "null twin": lambda: small(planted=False),
    "drawn": lambda: small(story="drawn", seed=8),
    "decided": lambda: decided(),
}


@functools.cache
def decided():
    ids = small().customers["customer_id"].tolist()
    return harbour_and_hill(
        **SMALL,
        do={
            "allocation": {"rule": "first come", "floor": 0.3},
            "drop": ids[:3],
            "care": {ids[5]: 9.0},
            "bundles": {ids[6]: "B4", ids[7]: "B6"},
            "fix": ["late"],
            "terms": {"customers": ids[10:20], "minimum_order": 300.0},
            "from_month": 5,
        },
    )


# All contracts of a firm take a second: of two firms, they are held in `make proof`.
@pytest.mark.parametrize(
    ("holds", "of"),
    [
        pytest.param(
            holds,
            of,
            marks=[pytest.mark.proof]
            * (holds is tables_keep_their_contracts_and_join and of in ("null twin", "drawn")),
        )
        for holds in LAWS
        for of in FIRMS
    ],
    ids=lambda case: case if isinstance(case, str) else case.__name__,
)
def test_a_law(holds, of):
    holds(FIRMS[of]())


def draws(customers, months):
    """Draws of up to so many customers and months."""
    return st.fixed_dictionaries(
        {
            "seed": st.integers(0, 2**63 - 1),
            "customers": st.integers(40, customers),
            "months": st.integers(6, months),
            "story": st.sampled_from(["told", "drawn"]),
            "planted": st.booleans(),
        }
    )


@settings(max_examples=1, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])  # shrinking takes long
@given(draws(100, 12))
def test_all_laws_hold_in_any_draw(draw):
    firm = harbour_and_hill(**draw)
    for holds in LAWS:
        holds(firm)


@pytest.mark.proof
@settings(max_examples=25, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(draws(300, 40))
def test_all_laws_hold_in_many_draws(draw):
    firm = harbour_and_hill(**draw)
    for holds in LAWS:
        holds(firm)


@pytest.mark.parametrize("seed", [8, *(pytest.param(seed, marks=pytest.mark.proof) for seed in (10, 56))])
def test_two_notices_of_a_partner_on_one_day_are_two(seed):
    harbour_and_hill(customers=40, months=36, seed=seed).check()


# --- a firm and its tables ------------------------------------------------------------------------------------------


def test_one_draw_has_the_same_bytes_and_another_seed_others():
    again = harbour_and_hill(**SMALL)
    assert not differ(small(), again)
    constant = {"activities", "playbook"}
    other = differ(small(), small(seed=4))
    assert {"customers", "orders", "ledger", "stock", "calls", "truth/customers", "truth/leavers"} <= other
    assert not constant & other


def test_the_tables_saved_and_read_again_are_the_same(tmp_path):
    firm = small()
    firm.save(tmp_path)
    again = saved(tmp_path, firm.draw, firm.today)
    assert not differ(firm, again)
    for name in firm:
        pd.testing.assert_frame_equal(firm[name], again[name])
    for name in set(firm.truth) - {"facts"}:
        pd.testing.assert_frame_equal(firm.truth[name], again.truth[name])
    again.check()


def test_the_facts_saved_and_read_again_are_the_same(tmp_path):
    small().save(tmp_path)
    again = saved(tmp_path, small().draw, small().today)
    pd.testing.assert_frame_equal(small().truth.facts, again.truth.facts)


def test_what_a_caller_changes_in_a_table_changes_nothing_in_the_firm():
    firm = small()
    before = bytes_of(firm)
    table = firm.orders
    table.loc[0, "amount"] = -5
    table["more"] = 1
    table.index.name = table.columns.name = "mine"
    del firm.truth.customers["mood"]
    with pytest.raises(ValueError, match="read-only"):
        firm.customers["discount"].to_numpy()[:] = 0
    assert bytes_of(firm) == before
    assert firm.orders.index.name is None


def test_a_table_that_is_not_there_is_told_with_those_that_are():
    with pytest.raises(AttributeError, match=r"harbour_and_hill has no table 'ordrs'; it has: customers, .*orders"):
        _ = small().ordrs
    with pytest.raises(AttributeError, match=r"truth of harbour_and_hill has no table 'orders'; it has: customers"):
        _ = small().truth.orders


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("orders", "customer_id", 3), "C999", r"customer_id: no row of customers in 1 row: row 4 \('C999'\). Add"),
        (("order_lines", "product_id", 0), "P901", r"product_id: no row of products in 1 row: row 1 \('P901'\)"),
        (("orders", "amount", 1), -2.0, r"amount: .*row 2 \(-2.0\)"),
        (("customers", "group", 2), "baker", r"group: .*row 3 \('baker'\)"),
        (("order_lines", "delivered", 4), 10**6, r"delivered: more than was ordered in 1 row: row 5 \(1000000\)"),
    ],
    ids=str,
)
def test_a_broken_table_is_told_with_its_rows(place, value, message):
    firm, (table, column, row) = small(), place
    broken = firm[table]
    broken.loc[row, column] = value
    with pytest.raises(ContractError, match=rf"^harbour_and_hill.{table}: {message}"):
        Firm(firm.draw, {**firm, table: broken}, firm.truth, firm.today).check()


# --- streams --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mechanism", "changes"),
    [
        ("calls", {"calls"}),
        ("customers.names", {"customers"}),
        pytest.param("exit interviews", {"defections", "truth/facts"}, marks=pytest.mark.proof),
        pytest.param("visits", {"ledger", "activity_costs", "truth/customers", "truth/facts"}, marks=pytest.mark.proof),
        pytest.param("shipments", {"shipments", "truth/customers", "truth/facts"}, marks=pytest.mark.proof),
        pytest.param("people.acquisition", {"customers"}, marks=pytest.mark.proof),
        ("people.preference", None),
    ],
)
def test_other_luck_of_one_mechanism_changes_its_own_tables_alone(monkeypatch, mechanism, changes):
    true_luck = Chance.uniforms

    def half(self, name, *address, **named):
        numbers = true_luck(self, name, *address, **named)
        return np.full_like(numbers, 0.5) if name == mechanism else numbers

    usual = small()
    monkeypatch.setattr(Chance, "uniforms", half)
    changed = differ(usual, harbour_and_hill(**SMALL))
    if changes is None:  # what they want and say: nothing of what they do
        assert "truth/customers" in changed
        assert not changed & {"orders", "order_lines", "customers", "ledger", "stock", "calls", "truth/leavers"}
    else:
        table = {f"truth/{mechanism}", *changes} - {"truth/facts"}
        assert changed <= changes
        assert changed & table


def test_a_mechanism_more_changes_no_other(monkeypatch):
    usual, week = small(), harbour.Trade.week

    def with_another(self, number):
        self.chance.uniforms("a new mechanism", np.arange(99), number)
        return week(self, number)

    monkeypatch.setattr(harbour.Trade, "week", with_another)
    assert not differ(usual, harbour_and_hill(**SMALL))


RULES_OF_TODAY = {
    "allocation": {"rule": "rating", "floor": 0.0},
    "recovery": {"share": 0.45, "compensation": 25.0},
    "answer": {},
    "terms": {},
    "service_level": 0.95,
    "drop": [],
    "care": {},
    "bundles": {},
    "fix": [],
}


@pytest.mark.parametrize(
    "do",
    [
        RULES_OF_TODAY,
        {"drop": ["C001"], "from_month": 99},
        pytest.param({"answer": {}}, marks=pytest.mark.proof),
        pytest.param({"terms": {"customers": []}}, marks=pytest.mark.proof),
    ],
    ids=str,
)
def test_a_decision_that_changes_nothing_leaves_every_byte(do):
    assert not differ(small(), harbour_and_hill(**SMALL, do=do))


def test_a_bundle_wins_what_a_customer_buys_elsewhere_by_what_it_is_worth_to_it():
    trade = harbour.Trade(small().draw)
    p, ids = trade.alone, np.array(trade.ids)
    with_bundles = effects({"bundles": dict.fromkeys(trade.ids, "B6")}, trade.book())
    worth = trade.wants.utilities[trade.wants.group, 5] / 100
    bought, needed = p.share * with_bundles.size, np.ones(len(p))
    assert bought - p.share == pytest.approx(0.35 * worth * (needed - p.share))
    assert (bought < needed).all()
    assert with_bundles.neglect == pytest.approx(1 - 0.5 * worth)
    assert set(with_bundles.weekly_cost) == {9.5}
    one = effects({"bundles": {ids[trade.owners == 3][0]: "B1"}}, trade.book())
    assert (np.flatnonzero(one.weekly_cost) == [3]).all()
    assert (one.size[np.arange(len(p)) != 3] == 1).all()


def test_who_is_given_a_bundle_orders_the_same_orders_larger():
    firm, ids = small(), small().customers["customer_id"].tolist()
    after = harbour_and_hill(**SMALL, do={"bundles": dict.fromkeys(ids, "B1"), "from_month": 4})
    since = FIRST_MONDAY + 17 * WEEK
    asked = [f.order_lines.merge(f.orders[["order_id", "ordered_on"]]) for f in (firm, after)]
    before, held = ([t[(t["ordered_on"] >= since) == later] for t in asked] for later in (False, True))
    assert before[0].equals(before[1])
    assert held[1]["ordered"].sum() > 1.05 * held[0]["ordered"].sum()
    assert len(held[1]) == pytest.approx(len(held[0]), rel=0.05)  # moods differ, by what was short
    spend = [f.category_spend.query("quarter >= '2023-07-01'") for f in (firm, after)]
    ours, theirs = ([t.loc[(t["supplier"] == "us") == us, "spend"].sum() for t in spend] for us in (True, False))
    assert ours[1] > 1.05 * ours[0]
    assert 0.5 < (theirs[0] - theirs[1]) / (ours[1] - ours[0]) < 1.5  # they lose what we are expected to win


def test_no_decision_is_changed_by_being_taken():
    do = {"allocation": {"rule": "score", "scores": {"C001": 1.0}}, "drop": ["C002"]}
    kept = repr(do)
    harbour_and_hill(customers=40, months=6, do=do)
    assert repr(do) == kept


def of_depot(firm, depots):
    """Orders as their customers see them: the numbers that orders bear run through all depots."""
    table = orders(firm)
    table = table[table["depot"].isin(depots)]
    lines = firm.order_lines[firm.order_lines["order_id"].isin(table["order_id"])]
    return [csv_bytes(part.drop(columns="order_id")) for part in (table, lines)]


@pytest.mark.parametrize(
    "decision",
    [
        pytest.param(
            lambda who: {"terms": {"customers": [who], "minimum_order": 900.0, "urgent_fee": 20.0}}, id="terms"
        ),
        pytest.param(lambda who: {"drop": [who]}, id="drop"),
        pytest.param(lambda who: {"bundles": {who: "B3"}}, id="bundles"),
        pytest.param(
            lambda who: {"answer": {"visit": [who], "delivery watch": [who]}}, id="answer", marks=pytest.mark.proof
        ),
        pytest.param(lambda who: {"care": {who: 40.0}}, id="care", marks=pytest.mark.proof),
        pytest.param(
            lambda who: {"recovery": {"share": 1.0, "customers": [who]}}, id="recovery", marks=pytest.mark.proof
        ),
    ],
)
def test_what_befalls_one_customer_leaves_other_depots_as_they_were(decision):
    firm = small()
    left = set(firm.truth.leavers["customer_id"])
    mine = firm.orders.groupby("customer_id").size().drop(left, errors="ignore").idxmax()
    depot = customer_table(firm).loc[mine, "depot"]
    others = {"Harbour", "Hill", "Mill"} - {depot}
    after = harbour_and_hill(**SMALL, do=decision(mine))
    assert of_depot(after, others) == of_depot(firm, others)
    stock = [f.stock[f.stock["depot"] != depot] for f in (firm, after)]
    assert csv_bytes(stock[0]) == csv_bytes(stock[1])


def test_before_a_decision_holds_all_is_as_it_was():
    do = {"allocation": {"floor": 1.0}, "fix": ["late"], "service_level": 0.7, "drop": ["C002", "C009"]}
    after, holds_from = harbour_and_hill(**SMALL, do=do | {"from_month": 6}), FIRST_MONDAY + 26 * WEEK
    columns = ["order_id", "customer_id", "ordered_on", "urgent", "promised_on", "amount", "right_place"]
    before = [f.orders.loc[f.orders["ordered_on"] < holds_from, columns] for f in (small(), after)]
    assert csv_bytes(before[0]) == csv_bytes(before[1])
    assert differ(small(), after)


def test_a_longer_history_has_the_same_people_but_not_the_same_newcomers():
    # Who joins and who closes down is dealt over the whole length: the first 24 of 36 months are no draw of 24.
    short, long = small(), small(months=16)
    same = ["name", "group", "region", "depot", "discount", "rating", "acquisition_cost", "shares_forecasts"]
    assert short.customers[same].equals(long.customers[same])
    known = short.customers["acquired_on"] < FIRST_MONDAY
    assert short.customers.loc[known, "acquired_on"].equals(long.customers.loc[known, "acquired_on"])
    assert not short.customers["acquired_on"].equals(long.customers["acquired_on"])


# --- decisions ------------------------------------------------------------------------------------------------------

FEW = Draw(NAME, 60, 10, 3)
YEAR = {"ahead": 12, "worlds": 20}


@functools.cache
def as_today(draw, **length):
    return harbour_truth.played(draw, {}, **length)


def effect(draw, do, **length):
    """What a decision brings beyond today's rule in each world: money, future and both."""
    length = YEAR | length
    difference = harbour_truth.played(draw, do, **length) - as_today(draw, **length)
    return difference.assign(total=difference["money"] + difference["future"])


def test_the_same_worlds_give_equal_numbers_and_doing_nothing_nothing():
    do, few = {"allocation": {"floor": 0.5}, "fix": ["late"]}, {"ahead": 6, "worlds": 5}
    once, again = (harbour_truth.played(FEW, do, **few) for _ in range(2))
    assert once.equals(again)
    assert once["money"].nunique() == few["worlds"]
    for nothing in ({"answer": {}}, RULES_OF_TODAY):
        assert (effect(FEW, nothing, **few) == 0).all(axis=None)


def test_more_worlds_are_the_same_worlds_and_others():
    few, more = (harbour_truth.played(FEW, {}, ahead=3, worlds=worlds) for worlds in (4, 9))
    assert more.head(4).equals(few)


@pytest.mark.proof
def test_the_more_complaints_are_made_good_the_more_the_customers_are_worth():
    none, everyone = (effect(default().draw, {"recovery": {"share": share}}) for share in (0.0, 1.0))
    assert none["future"].mean() < 0 < everyone["future"].mean()


def test_play_holds_a_decision_against_today_and_the_listed_rules():
    result = play(small(), {"fix": ["late"]}, worlds=5)
    table = result.table.set_index("rule")
    assert table.index[0] == "as today"
    assert (table.loc["as today"] == 0).all()
    assert (table["total"] - table["year"] - table["later"]).abs().max() <= 0.011
    assert table.loc["late"].equals(table.loc["this decision"].rename("late"))
    ours = effect(small().draw, {"fix": ["late"]}, worlds=5)
    assert result.money == pytest.approx(ours["total"].mean(), abs=0.01)
    assert table.loc["late", "error"] == pytest.approx(ours["total"].std() / 5**0.5, abs=0.01)
    assert result.regret == pytest.approx(table["total"].max() - result.money)
    assert table.loc[result.best, "total"] == table["total"].max()


@pytest.mark.proof
def test_every_listed_rule_can_be_played_and_the_first_is_todays():
    for rules in listed(small()).values():
        first = next(iter(rules.values()))
        assert not differ(small(), harbour_and_hill(**SMALL, do=first))
        for do in rules.values():
            harbour_and_hill(customers=60, months=6, seed=3, do=do)


@pytest.mark.proof
def test_removing_late_deliveries_keeps_customers():
    before, after = (f.truth.leavers for f in (default(), harbour_and_hill(do={"fix": ["late"]})))
    assert (after["cause"] == "late delivery").sum() < 0.6 * (before["cause"] == "late delivery").sum()
    assert len(after) < len(before)


@pytest.mark.proof
def test_with_a_cause_switched_off_nobody_leaves_for_it_and_those_stay_who_would_have():
    leavers = default().truth.leavers
    after = harbour_and_hill(do={"off": "late delivery"}).truth.leavers.set_index("customer_id")
    late = leavers[leavers["cause"] == "late delivery"]
    assert "late delivery" not in set(after["cause"])
    left_anyway = late["customer_id"].isin(after.index)
    assert (left_anyway == late["would_have_left"]).mean() >= 0.9


@pytest.mark.proof
def test_the_counterfactual_of_leavers_is_what_another_run_shows():
    # Not of all: who stays takes goods that others then lack.
    agree = []
    for seed in range(1, 7):
        base = harbour_and_hill(seed=seed).truth.leavers
        for off in SERVICE:
            after = set(harbour_and_hill(seed=seed, do={"off": off}).truth.leavers["customer_id"])
            own = base[base["cause"] == off]
            agree += (own["customer_id"].isin(after) == own["would_have_left"]).tolist()
    assert np.mean(agree) > 0.93


def test_an_invoice_knows_of_a_discount_that_was_decided():
    ids = small().customers["customer_id"].tolist()
    after = harbour_and_hill(**SMALL, do={"answer": {"discount": ids}})
    lines = lines_with_orders(after)
    own = 1 - lines["customer_id"].map(customer_table(small())["discount"])
    share = lines["amount"].sum() / (lines["delivered"] * lines["price"] * (own - 0.03)).sum()
    assert share == pytest.approx(1, abs=1e-4)


BAD = [
    ({"alocation": {}}, "a decision has no 'alocation'; did you mean 'allocation'"),
    ({"zzz": 1}, "a decision has no 'zzz'; there are: from_month, allocation, recovery"),
    ({"from_month": -1, "fix": []}, "from_month must be a whole number from 0, not -1"),
    ({"from_month": 1.5, "fix": []}, "from_month must be a whole number from 0, not 1.5"),
    ({"allocation": {"rule": "lottery"}}, "the rule must be 'rating', 'first come' or 'score', not 'lottery'"),
    ({"allocation": {"flor": 1}}, "allocation must be a dict with some of 'rule', 'floor', 'scores'"),
    ({"allocation": {"floor": 1.2}}, "allocation: floor must be a number from 0 to 1, not 1.2"),
    ({"allocation": {"rule": "score"}}, "the rule 'score' and only it needs 'scores'"),
    ({"allocation": {"scores": {"C001": 1}}}, "the rule 'score' and only it needs 'scores'"),
    ({"allocation": {"rule": "score", "scores": {"C001": "x"}}}, "a score must be a number from"),
    ({"allocation": {"rule": "score", "scores": {"X": 1}}}, r"no customer 'X' \(1 of 1 ids are unknown\)"),
    ({"recovery": 0.5}, "recovery must be a dict with some of 'share', 'compensation', 'customers', not 0.5"),
    ({"recovery": {"share": 1.01}}, "recovery: share must be a number from 0 to 1, not 1.01"),
    ({"recovery": {"compensation": -1}}, "recovery: compensation must be a number from 0 to 1000, not -1"),
    ({"answer": {"letter": []}}, "answer must be a dict with some of 'call', 'visit', 'delivery watch', 'discount'"),
    ({"answer": {"call": "C001"}}, "answer: call must be a list of customer ids, not 'C001'"),
    ({"answer": {"call": ["C001", "C9"]}}, r"answer: call: no customer 'C9' \(1 of 2 ids are unknown\)"),
    ({"terms": {"minimum_order": float("nan")}}, "terms: minimum_order must be a number from 0 to 1e[+]06, not nan"),
    ({"terms": {"urgent_fee": True}}, "terms: urgent_fee must be a number from 0 to 10000, not True"),
    ({"service_level": 1.0}, "service_level must be a number from 0.5 to 0.9999, not 1.0"),
    ({"service_level": "high"}, "service_level must be a number from 0.5 to 0.9999, not 'high'"),
    ({"drop": "C001"}, "drop must be a list of customer ids, not 'C001'"),
    ({"care": ["C001"]}, "care must be a dict {customer_id: EUR a week}, not"),
    ({"care": {"C001": 1e9}}, "care: EUR a week must be a number from 0 to 1000"),
    ({"bundles": ["B1"]}, "bundles must be a dict {customer_id: bundle_id}, not"),
    ({"bundles": {"C001": "B9"}}, "bundles: no bundle 'B9'; there are: B1, B2, .*B8"),
    ({"bundles": {"C9": "B1"}}, r"bundles: no customer 'C9'"),
    ({"fix": "late"}, "fix must be a list of some of 'late', 'documents', .*'invoice', not 'late'"),
    ({"fix": ["rain"]}, "fix must be a list of some of"),
    ({"off": "rain"}, "off must be one of 'late delivery', 'short delivery', .*, not 'rain'"),
    ([{"fix": []}], "do must be a dict, such as"),
]
ODD = [
    ({"from_month": "x"}, "from_month must be a whole number"),
    ({"allocation": {"rule": "score", "scores": [1, 2]}}, "scores"),
    ({"fix": [["late"]]}, "fix must be a list of some of"),
    ({"drop": [["C001"]]}, "drop: no customer"),
]


@pytest.mark.parametrize(("do", "message"), BAD, ids=lambda case: str(case)[:50])
def test_a_bad_decision_is_refused_in_words(do, message):
    with pytest.raises(ValueError, match=message):
        harbour_and_hill(customers=40, months=6, do=do)


@pytest.mark.parametrize(("do", "message"), ODD, ids=lambda case: str(case)[:50])
def test_an_odd_decision_is_refused_in_words_too(do, message):
    with pytest.raises(ValueError, match=message):
        harbour_and_hill(customers=40, months=6, do=do)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": ["x"]}, "there is no firm"),
        ({"name": "harbour"}, "there is no firm 'harbour'; did you mean 'harbour_and_hill'"),
        ({"customers": 39}, "customers must be a whole number from 40 to 10,000,000, not 39"),
        ({"customers": 60.0}, "customers must be a whole number"),
        ({"months": 5}, "months must be a whole number from 6 to 120, not 5"),
        ({"months": True}, "months must be a whole number"),
        ({"seed": -1}, "seed must be a whole number from 0"),
        ({"seed": None}, "seed must be a whole number"),
        ({"story": "sung"}, "story must be 'told' or 'drawn', not 'sung'"),
        ({"planted": 1}, "planted must be True or False, not 1"),
    ],
    ids=str,
)
def test_a_bad_draw_is_refused_in_words(settings, message):
    with pytest.raises(ValueError, match=message):
        simulate(**({"name": NAME, "customers": 40, "months": 6} | settings))


@pytest.mark.parametrize(
    ("decision", "settings", "message"),
    [
        ({"fix": []}, {"worlds": 1}, "worlds must be a whole number from 2 to 1,000, not 1"),
        ({"fix": []}, {"months": 0}, "months must be a whole number from 1 to 60, not 0"),
        ({"fix": [], "from_month": 3}, {}, "a decision is a dict as `do` of simulate; .* so no from_month"),
        (["fix"], {}, "a decision is a dict"),
        ({"fixx": []}, {"worlds": 2}, "a decision has no 'fixx'"),
        ({"drop": ["C9999"]}, {"worlds": 2}, "drop: no customer 'C9999'"),
        ({"fix": []}, {"worlds": 2, "against": {"mad": {"fix": ["rain"]}}}, "fix must be a list of some of"),
    ],
    ids=str,
)
def test_what_cannot_be_played_is_refused_in_words(decision, settings, message):
    with pytest.raises(ValueError, match=message):
        play(small(), decision, **settings)


# --- the value of a customer ----------------------------------------------------------------------------------------


def forward(seed, worlds, plenty=False, years=2, **draw):
    """The value of each customer, and what it brings in years to come and is worth then, by world; the trade."""
    do = {"service_level": 0.9999} if plenty else {}
    trade = harbour.Trade(Draw(NAME, 240, 36, seed, **draw), do, beyond=52 * years)
    if plenty:
        trade.around.supply[:] = 1.0
    past = [harbour_truth.order_rows(trade.week(week)) for week in range(trade.weeks)]
    value = harbour_truth.values(trade, pd.concat(past, ignore_index=True))
    n, mood, here = len(value), trade.state.mood.copy(), trade.state.here.copy()
    ahead = trade.futures(worlds, do)
    if plenty:
        ahead.around.supply[:] = 1.0
    kept, brings = 1.1 ** (-1 / 52), np.zeros(n * worlds)
    for passed in range(52 * years):
        events = ahead.week(trade.weeks + passed)
        brings += kept**passed * harbour_truth.earned(ahead, events)
    then = np.tile(value, (worlds, 1))[np.arange(n * worlds), ahead.state.mood] * ahead.state.here
    brings += kept ** (52 * years) * then
    return np.where(here, value[np.arange(n), mood], 0.0), brings.reshape(worlds, n), trade


def test_what_customers_bring_and_are_worth_then_is_what_they_are_worth():
    # Not quite: there are fewer of them each year, and so other shortages.
    value, brings, trade = forward(1, worlds=40)
    error = brings.sum(axis=1).std() / 40**0.5
    assert abs(brings.sum(axis=1).mean() - value.sum()) < 0.05 * value.sum() + 2 * error
    known = default().truth.customers.set_index("customer_id")["value_to_infinity"]
    first = np.searchsorted(trade.owners, np.arange(len(value)))
    assert known[np.array(trade.ids)[first]].to_numpy() == pytest.approx(value, abs=0.0051)


@pytest.mark.proof
def test_the_value_of_all_customers_is_within_five_percent_of_what_they_bring():
    for seed in range(1, 6):
        value, brings, _ = forward(seed, worlds=100)
        assert brings.sum(axis=1).mean() == pytest.approx(value.sum(), rel=0.05)


@pytest.mark.proof
def test_without_shortages_the_value_is_what_customers_bring():
    # By how they buy, how they are rated, how they feel.
    sums = {}
    for seed in range(1, 6):
        value, brings, trade = forward(seed, worlds=200, plenty=True)
        p, mood, here = trade.alone, trade.state.mood, trade.state.here
        kinds = {"all": here, "content": here & (mood == 0), "annoyed": here & (mood > 0)}
        kinds |= {f"timing {k}": here & (p.timing == k) for k in range(3)}
        kinds |= {f"rating {k}": here & (p.rating == k) for k in range(3)}
        for kind, who in kinds.items():
            own = brings[:, who].sum(axis=1)
            before = sums.get(kind, np.zeros(3))
            sums[kind] = before + np.array([value[who].sum(), own.mean(), own.var() / len(own)])
    for kind, (value, brings, variance) in sums.items():
        assert abs(brings - value) < 0.02 * value + 3 * variance**0.5, kind


# --- what is planted ------------------------------------------------------------------------------------------------

FIGURES = {}


def figure(function):
    FIGURES[function.__name__] = function
    return function


def fact_of(firm, name):
    return firm.truth.facts.set_index("fact").loc[name]


def of(firm, name):
    """What a fact is about."""
    where = fact_of(firm, name)["where"]
    return [] if pd.isna(where) else where.split()


def cause_of_defection(firm):
    """What the firm knows of those it lost, and why they truly left."""
    truth = firm.truth.leavers.set_index("customer_id")[["cause"]]
    return firm.defections.set_index("customer_id").join(truth).join(customer_table(firm)[["depot"]])


def rank(values, who):
    return values.rank(ascending=False)[who]


def revenue(firm, by="customer_id"):
    return orders(firm).groupby(by)["amount"].sum()


def profits(firm):
    """By account: revenue, margin of the goods, that less all costs of the ledger, and less those saved in a year."""
    lines = lines_with_orders(firm)
    table = lines.assign(margin=lines["amount"] - lines["delivered"] * lines["unit_cost"])
    table = table.groupby("customer_id")[["amount", "margin"]].sum()
    share = firm.ledger["activity"].map(firm.activities.set_index("activity")["avoidable_12_months"])
    costs = (
        firm.ledger.assign(avoidable=firm.ledger["cost"] * share).groupby("customer_id")[["cost", "avoidable"]].sum()
    )
    table = table.join(costs)
    return table.assign(profit=table["margin"] - table["cost"], contribution=table["margin"] - table["avoidable"])


@figure
def rank_of_the_three_accounts_merged(firm):
    who = of(firm, "three accounts, one customer")
    return rank(revenue(firm, "owner"), owners(firm)[who[0]]) if len(who) == 3 else np.nan


@figure
def rank_of_the_best_of_the_three_accounts_alone(firm):
    who = of(firm, "three accounts, one customer")
    return rank(revenue(firm), who).min() if len(who) == 3 else np.nan


@figure
def share_that_says_price(firm):
    return (firm.defections.loc[firm.defections["interviewed"], "stated_cause"] == "price").mean()


@figure
def share_that_says_price_less_the_share_that_leaves_for_it(firm):
    return share_that_says_price(firm) - (cause_of_defection(firm)["cause"] == "price").mean()


@figure
def leavers_for_late_delivery_there_less_leavers_for_a_price(firm):
    left = firm.truth.leavers
    depot = left["customer_id"].map(customer_table(firm)["depot"])
    there = (left["cause"] == "late delivery") & (depot == of(firm, "late deliveries drive them away")[0])
    return there.sum() - (left["cause"] == "price").sum()


@figure
def late_delivery_less_the_next_cause(firm):
    counts = firm.truth.leavers["cause"].value_counts()
    return counts["late delivery"] - counts.drop("late delivery").max()


@figure
def late_orders_there_against_elsewhere(firm):
    table = orders(firm)
    table = table[table["ordered_on"] >= FIRST_MONDAY + 52 * WEEK]
    there = table["depot"] == of(firm, "late deliveries drive them away")[0]
    return table.loc[there, "late"].mean() / table.loc[~there, "late"].mean()


@figure
def failed_by_service_of_the_silent_less_of_those_who_speak(firm):
    table = cause_of_defection(firm)
    served_badly = table["cause"].isin(SERVICE).groupby(table["interviewed"]).mean()
    return served_badly[False] - served_badly[True]


@figure
def closing_customers_among_the_tenth_that_fell_most(firm):
    truth = firm.truth.customers.set_index("customer_id")
    table, end = orders(firm), firm.today
    recent = table[table["ordered_on"] > end - 26 * WEEK].groupby("owner").size()
    before = table[table["ordered_on"].between(end - 78 * WEEK, end - 26 * WEEK)].groupby("owner").size()
    here = truth.index[truth["left_on"].isna()].intersection(before.index)
    fall = (recent.reindex(here, fill_value=0) / before[here]).sort_values()
    return len(set(of(firm, "some who fade are closing down")) & set(fall.index[: len(fall) // 10]))


def shifted(firm):
    *depot, day = of(firm, "one shift in complaints")
    return " ".join(depot), pd.Timestamp(day)


@figure
def damaged_orders_after_the_shift_against_before(firm):
    depot, day = shifted(firm)
    table = orders(firm)
    table = table[table["depot"] == depot]
    damaged = table.groupby(table["ordered_on"] >= day)["damaged"].mean()
    return damaged[True] / damaged[False]


@figure
def complaints_of_the_month_before_less_of_the_month_of_the_shift(firm):
    month = shifted(firm)[1].round("D") + pd.Timedelta(days=5)
    opened = firm.complaints["opened_on"].dt.to_period("M").value_counts()
    return opened[month.to_period("M") - 1] - opened[month.to_period("M")]


@figure
def fall_of_the_best_against_the_others(firm):
    """Median change from the second year to the third: the best tenth of the second, less the others."""
    truth = firm.truth.customers.set_index("customer_id")
    table = orders(firm)
    spend = table.pivot_table(index="owner", columns=weeks(table["ordered_on"]) // 52, values="amount", aggfunc="sum")
    spend = spend[truth.reindex(spend.index)["left_on"].isna() & spend[0].notna() & spend[1].notna()].fillna(0)
    best, change = spend[1] >= spend[1].quantile(0.9), spend[2] / spend[1]
    return change[best].median() - change[~best].median()


@figure
def both_right_less_the_product(firm):
    table = orders(firm).dropna(subset="delivered_on")
    return (~table["late"] & ~table["short"]).mean() - (~table["late"]).mean() * (~table["short"]).mean()


@figure
def wrong_documents_there_against_the_worst_elsewhere(firm):
    table = orders(firm)
    wrong = (~table["right_documents"]).groupby(table["region"]).mean()
    there = " ".join(of(firm, "documents fail in one region"))
    return wrong[there] / wrong.drop(there).max()


def dispersion(firm):
    """Of four-weekly orders, seasons taken out, of those who are customers throughout: mean and variance over mean."""
    truth = firm.truth.customers.set_index("customer_id")
    counts = orders(firm).groupby(["owner", weeks(orders(firm)["ordered_on"]) // 4]).size().unstack(fill_value=0)  # noqa: PD010
    table = customer_table(firm).reindex(counts.index)
    here = truth.reindex(counts.index)
    here = here["left_on"].isna() & (here["timing"] != "seldom") & (table["acquired_on"] < FIRST_MONDAY)
    counts = counts[here] / (counts.sum() / counts.sum().mean())
    mean = counts.mean(axis=1)
    result = pd.DataFrame({"mean": mean, "ratio": counts.var(axis=1) / mean, "cv": counts.std(axis=1) / mean})
    return result[mean > 0.5].join(table["shares_forecasts"])


@figure
def variance_of_those_who_tell_their_needs_against_the_others(firm):
    ratio = dispersion(firm).groupby("shares_forecasts")["ratio"].median()
    return ratio[True] / ratio[False]


@figure
def how_volume_goes_with_variation(firm):
    table = dispersion(firm)
    return table["cv"].corr(table["mean"], method="spearman")


@figure
def leavers_for_short_delivery(firm):
    return (firm.truth.leavers["cause"] == "short delivery").sum()


def account(firm, name):
    return of(firm, name)[0]


@figure
def rank_by_revenue_of_the_largest_loser(firm):
    return rank(revenue(firm), account(firm, "largest account loses money"))


@figure
def profit_of_the_largest_account(firm):
    return profits(firm).loc[account(firm, "largest account loses money"), "profit"]


@figure
def contribution_of_the_largest_account(firm):
    return profits(firm).loc[account(firm, "largest account loses money"), "contribution"]


@figure
def profit_of_the_idle_loser(firm):
    return profits(firm).loc[account(firm, "a loser on idle capacity"), "profit"]


@figure
def contribution_of_the_idle_loser(firm):
    return profits(firm).loc[account(firm, "a loser on idle capacity"), "contribution"]


@figure
def rank_by_margin_rate_of_the_best_rate(firm):
    table = profits(firm)
    return rank(table["margin"] / table["amount"], account(firm, "best rate brings little"))


@figure
def contribution_of_the_best_rate_against_the_median(firm):
    table = profits(firm)["contribution"]
    return table[account(firm, "best rate brings little")] - table.median()


@figure
def rank_by_true_value_of_the_dull_one(firm):
    value = firm.truth.customers.set_index("customer_id")["value_to_infinity"]
    return rank(value, account(firm, "dull account is the best"))


@figure
def rank_by_recent_revenue_of_the_dull_one(firm):
    table = orders(firm)
    recent = table[table["ordered_on"] > firm.today - 52 * WEEK].groupby("owner")["amount"].sum()
    return recent.rank(ascending=False).get(account(firm, "dull account is the best"), np.nan)


@figure
def alive_by_bg_nbd_the_seldom_against_the_others(firm):
    log = firm.orders[["customer_id", "ordered_on", "amount"]].rename(columns={"ordered_on": "date"})
    summary = summarize(log, observed_until=firm.today)
    model = fit_or_limit(BetaGeoNBD(), summary)
    alive = pd.Series(model.probability_alive(summary).to_numpy(), summary["customer_id"])
    truth = firm.truth.customers.set_index("customer_id")
    here = truth.index[truth["left_on"].isna()]
    seldom = here[truth.loc[here, "timing"] == "seldom"]
    return alive.reindex(seldom).mean() - alive.reindex(here.difference(seldom)).mean() if len(seldom) else 0.0


@figure
def share_of_leavers_that_bad_service_drove_away(firm):
    return firm.truth.leavers["cause"].isin(SERVICE).mean()


THERE = {
    "rank_of_the_three_accounts_merged": lambda x: x <= 5,
    "rank_of_the_best_of_the_three_accounts_alone": lambda x: x > 10,
    "share_that_says_price": lambda x: x > 0.5,
    "share_that_says_price_less_the_share_that_leaves_for_it": lambda x: x > 0.3,
    "leavers_for_late_delivery_there_less_leavers_for_a_price": lambda x: x > 0,
    "late_delivery_less_the_next_cause": lambda x: x > 0,
    "late_orders_there_against_elsewhere": lambda x: x > 3,
    "failed_by_service_of_the_silent_less_of_those_who_speak": lambda x: x > 0.05,
    "closing_customers_among_the_tenth_that_fell_most": lambda x: x > 0,
    "damaged_orders_after_the_shift_against_before": lambda x: x > 3,
    "complaints_of_the_month_before_less_of_the_month_of_the_shift": lambda x: x > 0,
    "fall_of_the_best_against_the_others": lambda x: x < 0,
    "both_right_less_the_product": lambda x: x > 0.02,
    "wrong_documents_there_against_the_worst_elsewhere": lambda x: x > 5,
    "variance_of_those_who_tell_their_needs_against_the_others": lambda x: x < 0.95,
    "how_volume_goes_with_variation": lambda x: x < -0.7,
    "rank_by_revenue_of_the_largest_loser": lambda x: x == 1,
    "profit_of_the_largest_account": lambda x: x < -20_000,
    "contribution_of_the_largest_account": lambda x: x < 0,
    "profit_of_the_idle_loser": lambda x: x < 0,
    "contribution_of_the_idle_loser": lambda x: x > 0,
    "rank_by_margin_rate_of_the_best_rate": lambda x: x <= 24,  # of 240
    "contribution_of_the_best_rate_against_the_median": lambda x: x < 0,
    "rank_by_true_value_of_the_dull_one": lambda x: x == 1,
    "rank_by_recent_revenue_of_the_dull_one": lambda x: x > 1,
    "alive_by_bg_nbd_the_seldom_against_the_others": lambda x: x < -0.1,
    "share_of_leavers_that_bad_service_drove_away": lambda x: x > 0.5,
}
# What the null twin's figures are on average, and how far from it the mean of 20 may lie.
ABSENT = {
    "share_that_says_price_less_the_share_that_leaves_for_it": (0.08, 0.05),
    "late_orders_there_against_elsewhere": (1.0, 0.1),
    "failed_by_service_of_the_silent_less_of_those_who_speak": (0.0, 0.05),
    "closing_customers_among_the_tenth_that_fell_most": (0, 0),
    "damaged_orders_after_the_shift_against_before": (1.0, 0.25),
    "both_right_less_the_product": (0.0, 0.001),
    "wrong_documents_there_against_the_worst_elsewhere": (0.65, 0.25),  # one of six, against the worst of five
    "variance_of_those_who_tell_their_needs_against_the_others": (1.0, 0.05),
    "alive_by_bg_nbd_the_seldom_against_the_others": (0.0, 0.0),
}


@functools.cache
def figures(seed, planted=True):
    firm = harbour_and_hill(seed=seed, planted=planted)
    return {name: figure(firm) for name, figure in FIGURES.items()}


SEEDS = range(2, 22)


@pytest.mark.parametrize("name", THERE)
def test_what_is_planted_is_there(name):
    assert THERE[name](FIGURES[name](default()))


# The best tenth are thirteen customers: their years differ by luck, and only on average do they fall back.
IN_EACH = [name for name in THERE if name != "fall_of_the_best_against_the_others"]


@pytest.mark.proof
@pytest.mark.parametrize("name", IN_EACH)
def test_what_is_planted_is_there_over_20_seeds(name):
    missed = {seed: figures(seed)[name] for seed in SEEDS if not THERE[name](figures(seed)[name])}
    assert not missed


@pytest.mark.proof
@pytest.mark.parametrize("name", ABSENT)
def test_nothing_is_planted_in_the_null_twin(name):
    mean, margin = ABSENT[name]
    found = [figures(seed, planted=False)[name] for seed in SEEDS]
    assert np.nanmean(found) == pytest.approx(mean, abs=margin + 3 * np.nanstd(found) / len(found) ** 0.5)


@pytest.mark.proof
def test_planting_makes_the_best_fall_more_and_shortages_drive_more_away():
    planted, null = ([figures(seed, planted=planted) for seed in SEEDS] for planted in (True, False))

    def mean(firms, name):
        return np.mean([firm[name] for firm in firms])

    fall, short = "fall_of_the_best_against_the_others", "leavers_for_short_delivery"
    assert mean(planted, fall) < mean(null, fall) - 0.1
    assert mean(planted, short) > 1.5 * mean(null, short)


def test_the_null_twin_says_that_nothing_is_planted():
    null = small(planted=False)
    assert not null.truth.facts["planted"].any()
    assert default().truth.facts["planted"].all()
    assert null.truth.facts["fact"].tolist() == default().truth.facts["fact"].tolist()
    assert (null.truth.customers["timing"] == "random").all()
    assert null.truth.customers["closing_on"].isna().all()


def test_facts_tell_the_figures_that_the_tables_give():
    firm = default()
    pairs = {
        "three accounts, one customer": rank_of_the_three_accounts_merged,
        "they say price": share_that_says_price,
        "complaints end relations": share_of_leavers_that_bad_service_drove_away,
        "dull account is the best": rank_by_true_value_of_the_dull_one,
    }
    for name, figure in pairs.items():
        assert fact_of(firm, name)["figure"] == pytest.approx(figure(firm), rel=1e-3), name
    profit = fact_of(firm, "largest account loses money")["figure"]
    assert profit == pytest.approx(profit_of_the_largest_account(firm), rel=0.1)  # its drops take other minutes
    assert fact_of(firm, "late and short come together")["figure"] == pytest.approx(
        both_right_less_the_product(firm), abs=0.003
    )  # the last orders are open


def test_the_fact_of_the_shift_tells_the_damaged_orders():
    ratio = damaged_orders_after_the_shift_against_before(default())
    assert fact_of(default(), "one shift in complaints")["figure"] == pytest.approx(ratio, rel=1e-3)


def test_the_three_accounts_are_spelled_differently_but_live_at_one_address():
    table = customer_table(default())
    three = table.loc[of(default(), "three accounts, one customer")]
    assert three["name"].nunique() == 3
    assert len(three[["street", "phone", "region", "group"]].drop_duplicates()) == 1
    assert len(table[["street", "phone"]].drop_duplicates()) == len(table) - 2


# --- planted, in money ----------------------------------------------------------------------------------------------

FLOOR = {"allocation": {"floor": 0.4}}


def terms_and_dropping(firm):
    who = account(firm, "largest account loses money")
    terms = {"terms": {"customers": [who], "minimum_order": 600.0, "urgent_fee": 15.0}}
    return effect(firm.draw, terms), effect(firm.draw, {"drop": [who]})


def test_the_largest_account_is_better_mended_than_dropped():
    terms, dropped = terms_and_dropping(default())
    for money in ("money", "total"):
        assert terms[money].mean() > dropped[money].mean() > 0


def test_without_the_loser_on_idle_capacity_the_firm_earns_less():
    dropped = effect(default().draw, {"drop": [account(default(), "a loser on idle capacity")]})
    assert (dropped[["money", "total"]].mean() < 0).all()


@pytest.mark.proof
def test_a_floor_for_all_pays():
    brings = effect(default().draw, FLOOR, worlds=40)
    assert (brings[["money", "total"]].mean() > 2 * brings[["money", "total"]].std() / 40**0.5).all()


@pytest.mark.proof
def test_decisions_pay_as_planted_over_20_seeds():
    missed = []
    for seed in SEEDS:
        firm = harbour_and_hill(seed=seed)
        left = set(firm.truth.leavers["customer_id"])
        floor = effect(firm.draw, FLOOR, worlds=40)
        signs = {"floor, year": floor["money"].mean() > 0, "floor": floor["total"].mean() > 0}
        idle = account(firm, "a loser on idle capacity")
        signs["idle loser"] = idle not in left and effect(firm.draw, {"drop": [idle]})["total"].mean() < 0
        if account(firm, "largest account loses money") in left:
            signs["largest account is here"] = False
        else:
            terms, dropped = terms_and_dropping(firm)
            for money in ("money", "total"):
                signs[f"mended, {money}"] = terms[money].mean() > dropped[money].mean() > 0
        missed += [(seed, name) for name, right in signs.items() if not right]
    assert not missed


@pytest.mark.proof
def test_in_the_null_twin_a_floor_does_not_raise_the_years_money():
    brings = [effect(Draw(NAME, 240, 36, seed, planted=False), FLOOR)["money"].mean() for seed in SEEDS]
    assert abs(np.mean(brings)) < 200 + 3 * np.std(brings) / len(brings) ** 0.5


# --- a story drawn from the seed ------------------------------------------------------------------------------------


def drawn_story(seed):
    draw = Draw(NAME, 60, 10, seed, story="drawn")
    return Story(draw, Chance(seed, NAME))


def test_a_drawn_story_differs_from_seed_to_seed_and_plants_three_facts_of_four():
    stories = [drawn_story(seed) for seed in range(100)]
    for fact in default().truth.facts["fact"]:
        assert 0.55 < np.mean([story.plants(fact) for story in stories]) < 0.92, fact
    for detail, options in (("late depot", "ABC"), ("late month", range(4, 14)), ("late and short sign", (1, -1))):
        picked = pd.Series([story.pick(detail, None, options) for story in stories]).value_counts()
        assert set(picked.index) == set(options)
        assert picked.min() > 0.3 * 100 / len(options)


def test_a_told_story_is_told_alike_with_every_seed():
    told = [small(seed=seed).truth.facts for seed in (3, 4)]
    for name in ("late deliveries drive them away", "one shift in complaints", "documents fail in one region"):
        assert len({table.set_index("fact").loc[name, "where"] for table in told}) == 1


@pytest.mark.proof
def test_drawn_facts_hold_where_they_are_planted_and_nowhere_else():
    found = []
    for seed in SEEDS:
        firm = harbour_and_hill(seed=seed, story="drawn")
        for fact, name, near in (
            ("late deliveries drive them away", "late_orders_there_against_elsewhere", (0.5, 2)),
            ("one shift in complaints", "damaged_orders_after_the_shift_against_before", (0.3, 2.5)),
            ("documents fail in one region", "wrong_documents_there_against_the_worst_elsewhere", (0, 3)),
            ("they say price", "share_that_says_price", (0, 0.5)),
            ("forecasts make predictable", "variance_of_those_who_tell_their_needs_against_the_others", (0.84, 9)),
            ("dull account is the best", "rank_by_true_value_of_the_dull_one", (1.5, 240)),
        ):
            value, planted = FIGURES[name](firm), fact_of(firm, fact)["planted"]
            if not (THERE[name](value) if planted else near[0] <= value <= near[1]):
                found.append((seed, fact, bool(planted), float(value)))
        fact = fact_of(firm, "late and short come together")
        sign = firm_sign(firm) if fact["planted"] else 0
        together = both_right_less_the_product(firm)
        if not (together * sign > 0.0004 if sign else abs(together) < 0.006):
            found.append((seed, "together", sign, together))
    assert not found


def firm_sign(firm):
    return Story(firm.draw, Chance(firm.draw.seed, NAME)).pick("late and short sign", 1, (1, -1))
