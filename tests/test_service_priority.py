"""Priority table, scarce goods, waiting in line: published numbers, special cases, laws, bad input."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from crmlab.data import ContractError
from crmlab.data.firms.harbour.trade import allotted
from crmlab.service_priority import (
    allocate,
    priority_table,
    priority_waits,
    shadow_prices,
    simulate_priority_queue,
)

# ------------------------------------------------------------------------------------------------- the priority table

COURSE = pd.DataFrame(
    {"product_id": list("ACFBGEYHLD"), "margin_grade": range(1, 11), "importance": [2, 3, 1, 3, 3, 2, 1, 2, 3, 2]}
)


def places(**settings):
    return priority_table(COURSE, **settings)["priority"].tolist()


def test_the_table_of_the_course_to_the_digit():
    assert priority_table(COURSE)["score"].tolist() == [2, 6, 3, 12, 15, 12, 7, 16, 27, 20]
    assert places() == [1, 3, 2, 5, 7, 5, 4, 8, 10, 9]
    assert places(rule="sum") == [1, 3, 2, 4, 5, 5, 5, 8, 9, 9]
    assert places(rule="margin_grade") == list(range(1, 11))


def test_how_far_the_rules_of_the_course_agree():
    renamed = places(importance_codes=(1, 2, 4))
    assert np.count_nonzero(np.array(places()) != renamed) == 6
    for other, tau in (
        (places(rule="sum"), 0.8947),
        (places(rule="margin_grade"), 0.7191),
        (renamed, 0.874),
    ):
        assert stats.kendalltau(places(), other).statistic == pytest.approx(tau, abs=5e-4 if tau == 0.874 else 5e-5)


def test_money_is_absolute_and_the_most_goes_first():
    products = pd.DataFrame(
        {
            "price": [100.0, 10.0, 3.0, 5.0],
            "unit_cost": [90.0, 4.0, 2.9, 6.0],  # the first has the lower rate and the larger contribution
            "units": [10, 10, 30, 10],
            "lost_if_delayed": [0.5, 0.5, 1.0, 1.0],
        }
    )
    table = priority_table(products, rule="money")
    assert table["score"].tolist() == pytest.approx([50, 30, 3, -10])
    assert table["priority"].tolist() == [1, 2, 3, 4]


def test_equal_money_ties_however_it_was_multiplied():
    products = pd.DataFrame({"price": [0.1, 0.3], "unit_cost": 0.0, "units": [3, 1], "lost_if_delayed": [0.7, 0.7]})
    assert 3 * 0.1 != 0.3
    assert priority_table(products, rule="money")["priority"].tolist() == [1, 1]


graded = st.lists(st.tuples(st.integers(1, 12), st.integers(1, 3)), min_size=1, max_size=12).map(
    lambda rows: pd.DataFrame(rows, columns=["margin_grade", "importance"])
)


@given(graded, st.randoms(use_true_random=False), st.sampled_from(["product", "sum", "margin_grade"]))
@settings(max_examples=20)
def test_names_and_order_of_rows_change_no_priority(products, random, rule):
    labels = [f"P{number}" for number in range(len(products))]
    table = priority_table(products.assign(product_id=labels), rule=rule)
    random.shuffle(labels)
    renamed = products.assign(product_id=labels).sample(frac=1, random_state=1)
    assert priority_table(renamed, rule=rule)["priority"].sort_index().equals(table["priority"])
    scaled = priority_table(products, rule="product", importance_codes=(0.1, 0.2, 0.3))["priority"]
    assert scaled.equals(priority_table(products)["priority"])
    better = (products["margin_grade"].to_numpy()[:, None] <= products["margin_grade"].to_numpy()) & (
        products["importance"].to_numpy()[:, None] <= products["importance"].to_numpy()
    )
    place = table["priority"].to_numpy()
    assert (place[:, None] <= place)[better].all()  # no worse in both is never served later


@pytest.mark.parametrize(
    ("change", "settings", "message"),
    [
        ({"margin_grade": 0}, {}, "margin_grade: not within 1 to"),
        ({"margin_grade": 2.5}, {}, r"margin_grade: not a whole number in 10 rows: row 1 \(2.5\)"),
        ({"importance": 4}, {}, r"importance: not within 1 to 3 in 10 rows: row 1 \(4\)"),
        ({"importance": None}, {}, "importance: missing in 10 rows"),
        ({"product_id": "A"}, {}, "product_id: not unique"),
        ({}, {"margin_grade": "margin"}, "margin: the column is missing"),
        ({"weight": 4}, {"importance": "weight"}, "weight: not within 1 to 3"),
        ({}, {"rule": "money"}, "lost_if_delayed: the column is missing"),
        (
            {"price": 2, "unit_cost": 1, "units": np.nan, "lost_if_delayed": 1},
            {"rule": "money"},
            "units: missing in 10",
        ),
        ({}, {"rule": "best"}, "rule must be one of 'product', 'sum'"),
        ({}, {"importance_codes": (1, 1, 2)}, "three rising numbers"),
        ({}, {"importance_codes": (1, 2)}, "three rising numbers"),
        ({}, {"importance_codes": (0, 1, 2)}, "three rising numbers above 0"),
        ({}, {"importance_codes": {1: 1, 2: 2, 3: 4}}, "three numbers in the order of importance"),
    ],
)
def test_products_that_cannot_be_ranked_are_refused(change, settings, message):
    with pytest.raises(ValueError, match=message):
        priority_table(COURSE.assign(**change), **settings)


def test_a_table_without_rows_is_refused_and_faults_keep_the_users_names():
    with pytest.raises(ValueError, match="products has no rows"):
        priority_table(COURSE.head(0))
    with pytest.raises(ContractError) as told:
        priority_table(COURSE.assign(grade=0), margin_grade="grade")
    assert told.value.breaches[0].column == "grade"


# ------------------------------------------------------------------------------------------------------- scarce goods


def lines(quantities, **columns):
    return pd.DataFrame({"quantity": quantities, **columns})


@st.composite
def shortages(draw):
    """Order lines of a few cells, and a stock that may or may not suffice."""
    cells = draw(st.integers(1, 4))
    count = draw(st.integers(1, 12))
    column = lambda values: draw(st.lists(values, min_size=count, max_size=count))  # noqa: E731
    orders = lines(
        column(st.integers(0, 30)),
        product_id=column(st.integers(0, cells - 1)),
        priority=column(st.integers(1, 3)),
        value=[whole + count / 64 for count, whole in enumerate(column(st.integers(1, 20)))],  # no two the same
        m3=column(st.integers(1, 5)),
    )
    return orders, pd.Series(draw(st.lists(st.integers(0, 60), min_size=cells, max_size=cells)), dtype=float)


FLOORS = st.sampled_from([0.0, 0.2, 0.34, 0.4, 1.0])


def worth(table):
    return float(table["allocated"] @ table["value"])


def per_cell(orders, units):
    """The sum of the line's cell, line by line."""
    return units.groupby(orders["product_id"]).transform("sum")


@given(shortages(), FLOORS)
@settings(max_examples=20)
def test_strict_priority_with_a_floor_is_what_the_firm_does(case, floor):
    orders, stock = case
    done = allocate(orders, stock, constraints={"floor": floor})["allocated"]
    firm = allotted(
        orders["product_id"].to_numpy(),
        orders["quantity"].to_numpy(float),
        stock.to_numpy(),
        -orders["priority"].to_numpy(float),
        floor,
    )
    assert done.tolist() == firm.tolist()


@given(shortages(), FLOORS, st.sampled_from(["priority", "first come", "proportional"]))
@settings(max_examples=20)
def test_all_goods_are_given_out_and_never_more_than_there_are_or_were_ordered(case, floor, rule):
    orders, stock = case
    done = allocate(orders, stock, rule, {"floor": floor})
    assert done["allocated"].between(0, orders["quantity"]).all()
    assert (done["allocated"] + done["short"]).equals(orders["quantity"])
    given_out = done.groupby("product_id")["allocated"].sum()
    asked = orders.groupby("product_id")["quantity"].sum()
    assert (given_out == np.minimum(asked, stock[asked.index])).all()
    # a cell is a world of its own
    for cell, own in orders.groupby("product_id"):
        alone = allocate(own, stock[cell], rule, {"floor": floor})["allocated"]
        assert alone.equals(done.loc[own.index, "allocated"])


@given(shortages(), FLOORS)
@settings(max_examples=20)
def test_a_floor_is_kept_where_the_goods_suffice_for_it_and_cut_alike_where_not(case, floor):
    orders, stock = case
    allocated, there = allocate(orders, stock, constraints={"floor": floor})["allocated"], stock[orders["product_id"]]
    asked = per_cell(orders, orders["quantity"] * floor).to_numpy()
    part = np.minimum(1, there.to_numpy() / np.where(asked > 0, asked, 1))
    assert (allocated > orders["quantity"] * floor * part - 1 - 1e-6).all()


def test_shares_by_largest_remainder():
    # 21 of 100, 60 and 50 asked for: quotas 10, 6 and 5; with 20 goods 9.52, 5.71 and 4.76
    assert allocate(lines([100, 60, 50]), 21, "proportional")["allocated"].tolist() == [10, 6, 5]
    assert allocate(lines([100, 60, 50]), 20, "proportional")["allocated"].tolist() == [9, 6, 5]
    # 2.333, 2.333 and 5.333: of equal remainders the first row's
    assert allocate(lines([7, 7, 16]), 10, "proportional")["allocated"].tolist() == [3, 2, 5]
    assert allocate(lines([16, 7, 7]), 10, "proportional")["allocated"].tolist() == [6, 2, 2]


def test_a_rule_goes_by_several_columns_dates_and_cells():
    orders = lines(
        [5, 5, 5, 5],
        week=[1, 1, 1, 2],
        item=["a", "a", "a", "a"],
        rating=["B", "A", "A", "C"],
        day=pd.to_datetime(["2025-01-06", "2025-01-08", "2025-01-07", "2025-01-13"]),
    )
    stock = pd.Series([7, 2], index=pd.MultiIndex.from_tuples([(1, "a"), (2, "a")]))
    where = {"cell": ["week", "item"]}
    assert allocate(orders, stock, by=["rating", "day"], **where)["allocated"].tolist() == [0, 2, 5, 2]
    assert allocate(orders, stock, "first come", by="day", **where)["allocated"].tolist() == [5, 0, 2, 2]


@given(shortages())
@settings(max_examples=20)
def test_with_one_limit_the_programme_is_sorting_by_value(case):
    orders, stock = case
    best = allocate(orders, stock, "value")["allocated"]
    by_value = allocate(orders.assign(priority=-orders["value"]), stock)["allocated"]
    assert best.tolist() == pytest.approx(by_value.tolist(), abs=1e-6)


def test_with_a_second_limit_value_by_room_decides():
    # 60 m3: by value 10 of the first and nothing else, 100; by value a m3 all 20 of the second and 4 of the first, 120
    orders = lines([10, 20], value=[10.0, 4.0], m3=[6.0, 1.8])
    best = allocate(orders, 100, "value", {"limits": {"m3": 60}})
    assert best["allocated"].tolist() == [4, 20]
    assert shadow_prices(orders, 100, {"limits": {"m3": 60}})["shadow_price"].tolist() == pytest.approx([0, 10 / 6])


def greedy(orders, stock, room, by):
    """A plain rule that minds the room, too."""
    left, allocated = stock.copy(), pd.Series(0, index=orders.index)
    for line in orders.sort_values(by, kind="stable").itertuples():
        allocated[line.Index] = min(line.quantity, left[line.product_id], room // line.m3)
        left[line.product_id] -= allocated[line.Index]
        room -= allocated[line.Index] * line.m3
    return orders.assign(allocated=allocated)


@given(shortages(), st.integers(0, 300))
@settings(max_examples=20)
def test_no_rule_that_keeps_the_limits_does_better_than_the_programme(case, room):
    orders, stock = case
    best = allocate(orders, stock, "value", {"limits": {"m3": room}})
    assert best["allocated"].between(0, orders["quantity"]).all()
    assert best["allocated"] @ orders["m3"] <= room + 1e-4
    assert (per_cell(best, best["allocated"]).to_numpy() <= stock[best["product_id"]].to_numpy() + 1e-4).all()
    for by in ("priority", "product_id"):
        assert worth(best) >= worth(greedy(orders, stock, room, by)) - 1e-3
    assert worth(allocate(orders, stock + 1, "value", {"limits": {"m3": room}})) >= worth(best) - 1e-3
    turned = orders.iloc[::-1].assign(product_id=9 - orders["product_id"])
    again = allocate(turned, stock.rename(lambda cell: 9 - cell), "value", {"limits": {"m3": room}})
    assert worth(again) == pytest.approx(worth(best), abs=1e-3)


@given(shortages(), FLOORS)
@settings(max_examples=20)
def test_with_a_floor_no_rule_that_keeps_it_does_better(case, floor):
    orders, stock = case
    least = np.floor((orders["quantity"] * floor).round(6))
    if (per_cell(orders, least).to_numpy() > stock[orders["product_id"]].to_numpy()).any():
        with pytest.raises(ValueError, match="the floor cannot be met"):
            allocate(orders, stock, "value", {"floor": floor})
        return
    best = allocate(orders, stock, "value", {"floor": floor})
    assert (best["allocated"] >= least).all()
    for rule in ("priority", "first come", "proportional"):
        other = allocate(orders, stock, rule, {"floor": floor})
        if (other["allocated"] >= least).all():
            assert worth(best) >= worth(other) - 1e-3


@given(shortages(), st.integers(1, 300))
@settings(max_examples=20)
def test_shadow_prices_explain_the_whole_value_and_what_a_little_more_brings(case, room):
    orders, stock = case
    limits = {"limits": {"m3": room}}
    prices = shadow_prices(orders, stock, limits)
    value = worth(allocate(orders, stock, "value", limits))
    # strong duality: the limits at their prices, and what each line is worth beyond them
    beyond = orders["value"] - prices["shadow_price"][orders["product_id"]].to_numpy()
    rent = (beyond - prices.loc["m3", "shadow_price"] * orders["m3"]).clip(lower=0) @ orders["quantity"]
    assert prices["capacity"] @ prices["shadow_price"] + rent == pytest.approx(value, abs=1e-3)
    assert (prices["used"] <= prices["capacity"] + 1e-4).all()
    slack = prices["used"] < prices["capacity"] - 1e-4
    assert (prices["shadow_price"][slack] == 0).all()
    more = worth(allocate(orders, stock, "value", {"limits": {"m3": room + 0.5}})) - value
    less = value - worth(allocate(orders, stock, "value", {"limits": {"m3": room - 0.5}}))
    assert more - 1e-3 <= 0.5 * prices.loc["m3", "shadow_price"] <= less + 1e-3


def test_a_floor_is_not_a_unit_less_by_rounding_and_first_come_minds_no_priority():
    assert 100 * 0.29 < 29
    orders = lines([100, 100], priority=[2, 1])
    assert allocate(orders, 129, constraints={"floor": 0.29})["allocated"].tolist() == [29, 100]
    assert allocate(orders, 129, "first come")["allocated"].tolist() == [100, 29]


def test_what_lacks_for_a_floor_and_which_floor_can_be_met():
    orders = lines([1000, 500, 50], product_id=["P1", "P1", "P2"], value=1.0, minimum=[0.5, 0.5, 1.0])
    stock = {"P1": 600, "P2": 50}
    with pytest.raises(ValueError, match=r"'P1' lacks 150 beyond its 600. At most a floor of 0.40 can be met"):
        allocate(orders, stock, "value", {"floor": 0.5})
    with pytest.raises(ValueError, match=r"'P1' lacks 150 beyond its 600. At most 80% of 'minimum' can be met"):
        allocate(orders, stock, "value", {"floor": "minimum"})
    assert allocate(orders, stock, "value", {"floor": 0.4})["allocated"].tolist() == [400, 200, 50]
    assert allocate(orders, stock, constraints={"floor": "minimum"}, by="value")["allocated"].tolist() == [400, 200, 50]


@given(shortages(), st.integers(0, 100))
@settings(max_examples=15)
def test_whole_orders_are_the_best_of_all_choices(case, room):
    orders, stock = case
    orders = orders.assign(order_id=np.arange(len(orders)) % 5)
    best = allocate(orders, stock, "value", {"whole_orders": "order_id", "limits": {"m3": room}})
    served = best["allocated"].where(best["quantity"] > 0)
    assert ((served == 0) | (served == best["quantity"]) | served.isna()).all()
    most, count = 0.0, orders["order_id"].nunique()
    for chosen in itertools.product([0, 1], repeat=count):
        units = orders["quantity"] * np.array(chosen)[orders["order_id"]]
        used = units.groupby(orders["product_id"]).sum()
        if (used <= stock[used.index]).all() and units @ orders["m3"] <= room:
            most = max(most, float(units @ orders["value"]))
    assert worth(best) == pytest.approx(most)


def many_orders(count):
    """Orders of one line, of eight scarce uses, hard to choose from."""
    rng = np.random.default_rng(1)
    uses = {f"hours{number}": rng.integers(100, 1000, count) for number in range(8)}
    value = sum(uses.values()) / 8 + rng.integers(0, 100, count)
    orders = lines([1] * count, value=value, order_id=range(count), **uses)
    return orders, {name: float(use.sum() // 2) for name, use in uses.items()}


def test_a_search_that_ends_early_tells_how_much_more_is_possible():
    orders, limits = many_orders(200)
    with pytest.warns(UserWarning, match=r"whole orders: not proven best after 0.3 s; .* more is possible"):
        best = allocate(orders, 200, "value", {"limits": limits, "whole_orders": "order_id", "seconds": 0.3})
    assert all(best["allocated"] @ orders[name] <= capacity for name, capacity in limits.items())


def test_a_search_without_time_does_no_worse_than_going_through_the_orders_once():
    orders, limits = many_orders(2000)
    with pytest.warns(UserWarning, match="not proven best"):
        best = allocate(orders, 2000, "value", {"limits": limits, "whole_orders": "order_id", "seconds": 0.01})
    assert all(best["allocated"] @ orders[name] <= capacity for name, capacity in limits.items())
    left, once = dict(limits), 0.0
    part = (orders[list(limits)] / pd.Series(limits)).max(axis=1)  # of the limit of which an order takes most
    for row in orders.loc[(-orders["value"] / part).sort_values(kind="stable").index].to_dict("records"):
        if all(row[name] <= left[name] for name in left):
            left = {name: left[name] - row[name] for name in left}
            once += row["value"]
    assert worth(best) >= once - 1e-6


@pytest.mark.parametrize(
    ("change", "stock", "settings", "message"),
    [
        ({}, 5, {"rule": "fair"}, "rule must be one of 'priority', 'proportional', 'first come', 'value'"),
        ({}, 5, {"by": "rank"}, "orders has no column 'rank'"),
        ({}, 5, {"rule": "proportional", "by": "rank"}, "goes by what is ordered: leave `by` out"),
        ({"priority": [1, np.nan]}, 5, {}, "priority is missing in row 2"),
        (
            {"quantity": [1, -1]},
            5,
            {},
            "quantity must be numbers, 0 and above; 1 lines hold something else.* row 2: -1",
        ),
        ({"quantity": [1, 1.5]}, 5, {}, "quantity must be whole"),
        ({}, -5, {}, "stock must be whole units, 0 and above, not -5"),
        ({}, 2.5, {}, "stock must be whole units"),
        ({}, np.nan, {}, "stock must be whole units"),
        ({}, {"P1": "many"}, {}, "stock must be whole units, 0 and above, not nan"),
        ({}, None, {}, "stock must be a number, or a dict or Series by cell"),
        ({"product_id": ["P1", "P2"]}, {"P1": 5}, {}, r"stock has no entry for 'P2' \(1 lines lack one\): give 0"),
        ({"product_id": ["P1", "P2"]}, 5, {}, "stock is one number for lines of more than one product_id"),
        ({}, [5, 6], {}, "stock must be a number, or a dict or Series by cell"),
        ({}, pd.Series([1, 2, 3], ["P1", "P2", "P1"]), {}, "stock has 'P1' twice"),
        ({}, {"P1": 5}, {"cell": "item"}, "orders has no column 'item'"),
        ({}, 5, {"constraints": {"flor": 0.4}}, "there is no 'flor'; there are: floor, limits"),
        ({}, 5, {"constraints": {"floor": 40}}, "floor must lie between 0 and 1"),
        (
            {},
            5,
            {"constraints": {"floor": [0.4, 0.4]}},
            "floor must be a number between 0 and 1, or the name of a column",
        ),
        ({}, 5, {"rule": "value", "constraints": {"limits": ["m3"]}}, "limits must be a dict of columns"),
        ({}, 5, {"rule": "value", "constraints": {"limits": {"m3": "4"}}}, "the capacity of 'm3' must be a number"),
        ({}, 5, {"constraints": {"limits": {"m3": 4}}}, "constraints other than 'floor' are for the rule 'value'"),
        ({}, 5, {"rule": "value", "constraints": {"limits": {"m3": 4}}}, "orders has no column 'm3'"),
        ({"m3": -1}, 5, {"rule": "value", "constraints": {"limits": {"m3": 4}}}, "m3 must be numbers, 0 and above"),
        ({"m3": 1}, 5, {"rule": "value", "constraints": {"limits": {"m3": -4}}}, "the capacity of 'm3' must be"),
        ({"value": np.nan}, 5, {"rule": "value"}, "value must be numbers; 2 lines hold something else"),
        ({}, 5, {"rule": "value", "by": ["value", "m3"]}, "goes by one column"),
        ({}, 5, {"rule": "value", "constraints": {"whole_orders": "order"}}, "whole_orders must name a column"),
        ({}, 5, {"rule": "value", "constraints": {"seconds": 0}}, "seconds must be above 0"),
        (
            {"order": 1},
            5,
            {"rule": "value", "constraints": {"whole_orders": "order", "floor": 0.2}},
            "'floor' and 'whole_orders' cannot both hold",
        ),
    ],
)
def test_orders_that_cannot_be_allocated_are_refused(change, stock, settings, message):
    orders = lines([3, 4], product_id=["P1", "P1"], priority=[1, 2], value=[2.0, 1.0]).assign(**change)
    with pytest.raises(ValueError, match=message):
        allocate(orders, stock, **settings)


def test_no_orders_and_prices_of_whole_orders_are_refused():
    with pytest.raises(ValueError, match="orders has no rows"):
        allocate(lines([], priority=[]), 5)
    with pytest.raises(ValueError, match="whole orders have no shadow prices"):
        shadow_prices(lines([1], value=1.0), 5, {"whole_orders": "order_id"})
    with pytest.raises(ValueError, match="'P1' is the name of a cell, too"):
        shadow_prices(lines([1], value=1.0, product_id="P1", P1=2.0), {"P1": 5}, {"limits": {"P1": 4}})


# ------------------------------------------------------------------------------------------------------ waiting in line


def test_cobhams_waits():
    waits = priority_waits([0.2, 0.2, 0.1], 1.0)
    assert waits["wait"].round(4).tolist() == [0.6250, 1.0417, 1.6667]
    assert waits["first_come"].tolist() == pytest.approx([1.0] * 3)
    assert np.average(waits["wait"], weights=waits["load"]) == pytest.approx(1.0)


def test_one_class_is_the_plain_queue():
    assert priority_waits([0.6], 1.0)["wait"].item() == pytest.approx(0.6 / (1 - 0.6))  # M/M/1
    assert priority_waits([0.6], 1.0, cv2=0)["wait"].item() == pytest.approx(0.6 / (1 - 0.6) / 2)  # M/D/1


@st.composite
def desks(draw):
    """Arrivals, services and spreads of up to four classes, and a load below 1."""
    count = draw(st.integers(1, 4))
    column = lambda low, high: np.array(draw(st.lists(st.floats(low, high), min_size=count, max_size=count)))  # noqa: E731
    service = column(0.5, 4)
    load = column(0.1, 1)
    return load * draw(st.floats(0.1, 0.95)) / load.sum() * service, service, column(0, 3)


@given(desks(), st.randoms(use_true_random=False))
@settings(max_examples=25)
def test_in_whatever_order_the_waits_weighted_by_load_are_conserved(desk, random):
    order = list(range(len(desk[0])))
    random.shuffle(order)
    arrival, service, spread = (one[order] for one in desk)
    waits = priority_waits(arrival, service, cv2=spread)
    in_turn = priority_waits(*desk[:2], cv2=desk[2])["first_come"].iloc[0]
    assert np.average(waits["wait"], weights=waits["load"]) == pytest.approx(in_turn)
    assert waits["wait"].is_monotonic_increasing


@given(desks(), st.lists(st.floats(0.1, 10), min_size=4, max_size=4))
@settings(max_examples=30)
def test_cost_of_delay_times_service_rate_is_the_cheapest_order(desk, costs):
    costs = np.array(costs)[: len(desk[0])]

    def cost(order):
        arrival, service, spread = (one[list(order)] for one in desk)
        return float(arrival * costs[list(order)] @ priority_waits(arrival, service, cv2=spread)["wait"])

    cheapest = min(map(cost, itertools.permutations(range(len(costs)))))
    assert cost(np.argsort(-costs * desk[1])) == pytest.approx(cheapest)


def test_names_go_with_their_rates():
    waits = priority_waits({"a": 0.2, "b": 0.3}, pd.Series({"b": 2.0, "a": 1.0}))
    assert waits["load"].to_dict() == pytest.approx({"a": 0.2, "b": 0.15})


def mean_waits(seed, **settings):
    """Of each class, and the standard error, from 40 stretches one after another."""
    queue = simulate_priority_queue([0.2, 0.25, 0.1], [1.0, 1.5, 0.5], customers=40_000, random_state=seed, **settings)
    stretches = queue.pivot_table(index=np.arange(len(queue)) // 1000, columns="class", values="wait")
    return stretches.mean().to_numpy(), stretches.sem().to_numpy()


@pytest.mark.parametrize(("cv2", "strict"), [(1.0, 1.0), (1.0, 0.5), ([0.0, 2.0, 0.5], 1.0)])
def test_the_simulated_desk_agrees_with_the_formula(cv2, strict):
    waits = priority_waits([0.2, 0.25, 0.1], [1.0, 1.5, 0.5], cv2=cv2)
    expected = strict * waits["wait"] + (1 - strict) * waits["first_come"]
    found = [mean_waits(seed, cv2=cv2, strict=strict) for seed in (1, 2, 3)]
    means, errors = (np.array(one) for one in zip(*found, strict=True))
    assert (abs(means - expected.to_numpy()) < 4 * errors).all()
    pooled = abs(means.mean(axis=0) - expected) / np.sqrt((errors**2).sum(axis=0)) * 3
    assert (pooled < 3).all()


def test_in_turn_the_simulated_waits_follow_lindley():
    queue = simulate_priority_queue([0.4, 0.3], 1.0, strict=0, customers=500, random_state=1)
    wait, between = [0.0], queue["arrival"].diff()
    for service, gap in zip(queue["service"], between[1:], strict=False):
        wait.append(max(wait[-1] + service - gap, 0))
    assert queue["wait"].tolist() == pytest.approx(wait)


def test_who_is_first_takes_from_the_others_what_he_gains_customer_by_customer():
    strict, in_turn = (
        simulate_priority_queue([0.4, 0.4], 1.0, cv2=0, strict=share, customers=5000, random_state=2)
        for share in (1, 0)
    )
    assert strict[["class", "arrival", "service"]].equals(in_turn[["class", "arrival", "service"]])
    assert strict["wait"].sum() == pytest.approx(in_turn["wait"].sum())  # all services are of one length
    gained = (in_turn["wait"] - strict["wait"]).groupby(strict["class"]).sum()
    assert gained[1] > 0
    assert gained[1] == pytest.approx(-gained[2])


@pytest.mark.parametrize(
    ("arguments", "settings", "message"),
    [
        (([0.6, 0.6], 1.0), {}, "the load is 1.20: who comes brings 120% of the work"),
        (([0.5, 0.5], 1.0), {}, "the load is 1.00"),
        (([0.5, 0.0], 1.0), {}, "arrival_rates must be above 0, not 0"),
        (([0.5, np.nan], 1.0), {}, "arrival_rates must be above 0, not nan"),
        ((["a"], 1.0), {}, "arrival_rates must be above 0, not nan"),
        ((pd.Series([0.1, 0.2], ["a", "a"]), 1.0), {}, "arrival_rates names 'a' twice"),
        (([0.5], -1.0), {}, "service_rate must be above 0, not -1"),
        (([0.2, 0.2], [1.0]), {}, "service_rate must be a number, or one for each of the 2 classes, not 1"),
        (([0.2], 1.0), {"cv2": -1}, "cv2 must be 0 and above"),
        (([], 1.0), {}, "arrival_rates must be a list, dict or Series of one rate a class"),
        (({}, 1.0), {}, "arrival_rates must be a list, dict or Series of one rate a class"),
        ((0.5, 1.0), {}, "arrival_rates must be a list, dict or Series of one rate a class"),
        (({"a": 0.2}, {"b": 1.0}), {}, "service_rate must name the classes of arrival_rates: a"),
    ],
)
def test_desks_that_cannot_work_are_refused(arguments, settings, message):
    for function in (priority_waits, simulate_priority_queue):
        with pytest.raises(ValueError, match=message):
            function(*arguments, **settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"strict": 2}, "strict must lie between 0 and 1"),
        ({"customers": 0}, "customers must be a positive whole number"),
    ],
)
def test_simulations_that_cannot_be_run_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        simulate_priority_queue([0.5], 1.0, **settings)
