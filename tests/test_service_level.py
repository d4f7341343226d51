"""The perfect order, stock, service against cost, demand: published numbers, special cases, laws, bad input."""

import functools
import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import integrate, optimize, stats

from crmlab.data.firms import load, simulate
from crmlab.service_level import (
    COMPONENTS,
    cause_costs,
    cycle_service,
    demand_response,
    expected_short,
    failures,
    fill_rate,
    fill_rates,
    forecast_errors,
    least_cost_stock,
    level_table,
    newsvendor,
    optimal_level,
    order_flags,
    partial_correlation,
    perfect_by,
    perfect_order,
    pooled_sd,
    predictability,
    reorders,
    replay,
    safety_stock,
    stock_for_fill,
)
from crmlab.stats import shrunken_means

FLAGS = ["in_full", "undamaged", "right_invoice", "right_documents"]

# ------------------------------------------------------------------------------------------------ the perfect order


def flagged(counts, apart):
    """A hundred orders in which so many of each fail: each in orders of its own, or as far as possible in the same."""
    table, begins = pd.DataFrame(True, index=range(100), columns=FLAGS), 0
    for name, count in zip(FLAGS, counts, strict=True):
        table.loc[begins : begins + count - 1, name] = False
        begins += count * apart
    return table


def test_the_rate_is_not_the_product_and_may_lie_at_either_bound():
    apart, together = (perfect_order(flagged((5, 3, 2, 1), apart)) for apart in (True, False))
    assert apart.product == together.product == pytest.approx(0.89404, abs=5e-6)  # .95 * .97 * .98 * .99
    assert apart.rate == pytest.approx(0.89) == apart.lower == together.lower
    assert together.rate == pytest.approx(0.95) == together.upper == apart.upper


tables = arrays.arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 4))).map(
    lambda flags: pd.DataFrame(flags, columns=FLAGS[: flags.shape[1]])
)


@given(tables)
@settings(max_examples=25)
def test_the_rate_lies_between_its_bounds_and_the_causes_make_up_the_rest(table):
    result = perfect_order(table)
    assert result.lower - 1e-12 <= result.rate <= result.upper + 1e-12
    assert result.lower - 1e-12 <= result.product <= result.upper + 1e-12
    assert result.causes.sum() == pytest.approx(1 - result.rate)
    assert (result.alone <= result.causes + 1e-12).all()
    assert (result.causes <= 1 - result.rates + 1e-12).all()


def brute_shapley(worth, players):
    """The mean of what each adds, over all orders in which they may come."""
    worth, value = functools.cache(worth), dict.fromkeys(players, 0.0)
    orderings = list(itertools.permutations(players))
    for ordering in orderings:
        for place, player in enumerate(ordering):
            value[player] += (worth(frozenset(ordering[: place + 1])) - worth(frozenset(ordering[:place]))) / len(
                orderings
            )
    return pd.Series(value)


@given(tables)
@settings(max_examples=25)
def test_causes_are_shapleys_values_of_failing_and_of_mending(table):
    failed = ~table
    names = list(table)
    failing = brute_shapley(lambda some: failed[list(some)].any(axis=1).mean(), names)
    rate = (~failed.any(axis=1)).mean()
    mending = brute_shapley(lambda some: (~failed.drop(columns=list(some)).any(axis=1)).mean() - rate, names)
    causes = perfect_order(table).causes
    pd.testing.assert_series_equal(causes, failing, check_names=False)
    pd.testing.assert_series_equal(causes, mending, check_names=False)


@given(tables)
@settings(max_examples=25)
def test_holding_more_against_an_order_never_raises_the_rate(table):
    rates = [perfect_order(table, list(table)[:count]).rate for count in range(1, table.shape[1] + 1)]
    assert rates == sorted(rates, reverse=True)


@given(tables)
@settings(max_examples=25)
def test_the_same_component_twice_changes_the_product_alone(table):
    once, twice = perfect_order(table), perfect_order(table.assign(again=table["in_full"]), [*table, "again"])
    assert twice.rate == once.rate
    assert twice.product == pytest.approx(once.product * once.rates["in_full"])


def test_of_independent_failures_the_product_is_the_rate():
    rng = np.random.default_rng(4)
    gaps = []
    for _ in range(40):
        result = perfect_order(pd.DataFrame(rng.random((500, 4)) < [0.9, 0.8, 0.95, 0.7], columns=FLAGS))
        gaps.append(result.rate - result.product)
    assert abs(np.mean(gaps)) < 3 * np.std(gaps) / np.sqrt(len(gaps))
    assert np.std(gaps) < 0.03


def some_orders(**columns):
    days = {
        "promised_on": ["2024-05-02", "2024-05-03", "2024-05-06"],
        "delivered_on": ["2024-05-01", "2024-05-03", "2024-05-07"],
    }
    table = pd.DataFrame({"order_id": ["O1", "O2", "O3"], **{name: pd.to_datetime(days[name]) for name in days}})
    return table.assign(**columns)


def test_on_time_is_the_promised_day_or_before_whatever_the_hour():
    assert failures(some_orders())["on_time"].tolist() == [False, False, True]
    late_in_the_day = some_orders(delivered_on=pd.to_datetime(["2024-05-02 18:00"] * 3))
    assert failures(late_in_the_day)["on_time"].tolist() == [False, False, False]


def test_what_is_held_against_an_order_follows_from_the_columns():
    assert list(failures(some_orders())) == ["on_time"]
    assert list(failures(some_orders(undamaged=True, in_full=[True, False, True]))) == [
        "on_time",
        "in_full",
        "undamaged",
    ]
    assert list(failures(some_orders(gift_wrapped=False), ["gift_wrapped"])) == ["gift_wrapped"]
    assert failures(pd.DataFrame({"on_time": [1, 0]}))["on_time"].tolist() == [False, True]
    assert set(COMPONENTS) == set(failures(pd.DataFrame(True, index=[0], columns=list(COMPONENTS))))


def test_open_orders_are_told_and_not_counted():
    delivered = pd.to_datetime(["2024-05-09", None, None])
    result = perfect_order(
        some_orders(delivered_on=delivered, promised_on=pd.to_datetime(["2024-05-09", "2024-05-03", "2024-05-20"]))
    )
    assert (result.rate, result.orders, result.open, result.overdue) == (1.0, 1, 2, 1)
    on_the_last_day = pd.to_datetime(["2024-05-09", "2024-05-09", "2024-05-20"])
    assert perfect_order(some_orders(delivered_on=delivered, promised_on=on_the_last_day)).overdue == 0
    everything = perfect_order(some_orders(in_full=[True, False, True]))
    assert (everything.orders, everything.open, everything.overdue) == (3, 0, 0)


@pytest.mark.parametrize(
    ("table", "components", "message"),
    [
        (some_orders()[:0], None, "there are no orders"),
        (some_orders(delivered_on=pd.NaT), None, "none of the 3 orders is delivered"),
        (
            some_orders(promised_on=pd.to_datetime(["2024-05-02", None, None])),
            None,
            "2 of 3 delivered orders have no promised_on.*row 1.*give it",
        ),
        (
            some_orders(delivered_on=["2024-05-02"] * 3),
            None,
            "delivered_on must hold days, not str: read it with pd.to_datetime",
        ),
        (some_orders(order_id=["O1", "O2", "O1"]), None, "order 'O1' is in two rows"),
        (
            some_orders(in_full=[True, None, False]),
            None,
            r"in_full must be true or false in each row; row 1 holds None \(1 of 3",
        ),
        (
            some_orders(in_full=["yes", "no", "no"]),
            None,
            r"in_full must be true or false in each row; row 0 holds 'yes' \(3 of 3",
        ),
        (some_orders(in_full=[0.5, 1, 1]), None, "in_full must be true or false in each row; row 0 holds .*0.5"),
        (some_orders(), ["in_ful"], "there is no component 'in_ful'; the columns of orders tell of on_time"),
        (some_orders(), ["on_time", "on_time"], "the component 'on_time' is named twice"),
        (some_orders(), [], "components is empty"),
        (
            some_orders().drop(columns="promised_on"),
            ["on_time"],
            "on_time needs the columns promised_on and delivered_on",
        ),
        (some_orders()[["order_id"]], None, "nothing in orders tells whether one was right: it needs promised_on"),
    ],
)
def test_bad_orders_are_refused_in_words(table, components, message):
    with pytest.raises(ValueError, match=message):
        perfect_order(table, components)


LINES = pd.DataFrame(
    {
        "order_id": ["O1", "O1", "O2", "O3"],
        "ordered": [10, 5, 4, 1],
        "delivered": [10, 4, 5, 1],
        "right_item": [True, True, False, True],
        "undamaged": [False, True, True, True],
    }
)


def test_an_order_is_as_good_as_its_worst_line():
    table = order_flags(some_orders(), LINES)
    assert table[["in_full", "right_item", "undamaged"]].to_numpy().tolist() == [
        [False, True, False], [True, False, True], [True, True, True],
    ]  # fmt: skip
    assert fill_rates(LINES).to_dict() == pytest.approx({"order": 2 / 3, "line": 3 / 4, "unit": 19 / 20})


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 9), st.integers(0, 9)), min_size=1, max_size=20))
@settings(max_examples=25)
def test_no_more_orders_are_filled_than_by_the_worst_share_of_lines(rows):
    lines = pd.DataFrame(rows, columns=["order_id", "ordered", "delivered"])
    rates = fill_rates(lines)
    most = 1 - (1 - rates["line"]) * len(lines) / lines["order_id"].nunique() / lines.groupby("order_id").size().max()
    assert rates["order"] <= most + 1e-12
    assert rates.between(0, 1).all()


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (LINES.drop(columns="ordered"), "order_lines has no column 'ordered'"),
        (
            LINES.assign(delivered=["1", "2", "3", "4"]),
            "delivered must be numbers, not str: read it with pd.to_numeric",
        ),
        (LINES.assign(ordered=[1, -1, 1, 1]), "ordered must be 0 and above; row 1 holds -1"),
        (LINES.assign(order_id=["O1", "O1", "O2", "O9"]), "lines of 'O9', which is not in orders"),
        (LINES[:3], "order 'O3' has no lines"),
        (LINES[:0], "order_lines has no rows"),
        (LINES.assign(undamaged=[True, None, True, True]), "undamaged must be true or false"),
    ],
)
def test_bad_lines_are_refused_in_words(lines, message):
    with pytest.raises(ValueError, match=message):
        order_flags(some_orders(), lines)


def test_nothing_ordered_has_no_fill_rate():
    with pytest.raises(ValueError, match="no unit was ordered"):
        fill_rates(LINES.assign(ordered=0))


def by_group(sizes, rate, seed=1):
    group = np.repeat([f"G{number:02d}" for number in range(len(sizes))], sizes)
    return pd.DataFrame({"group": group, "in_full": np.random.default_rng(seed).random(len(group)) < rate})


def test_groups_have_wilsons_interval_and_exact_limits():
    orders = by_group([8, 30, 200, 40, 1], 0.8)
    table = perfect_by(orders, "group")
    assert table["n"].tolist() == [8, 30, 200, 40, 1]
    for name, row in table.iterrows():
        perfect = int(orders.loc[orders["group"] == name, "in_full"].sum())
        wilson = stats.binomtest(perfect, int(row["n"])).proportion_ci(0.9, method="wilson")
        assert (row["low"], row["high"]) == pytest.approx((wilson.low, wilson.high))
        for share, which in ((0.95, "95"), (0.998, "998")):
            inside = stats.binom.interval(share, int(row["n"]), orders["in_full"].mean())
            assert (row[f"lower_{which}"] * row["n"], row[f"upper_{which}"] * row["n"]) == pytest.approx(inside)
    assert perfect_by(orders, orders["group"]).equals(table)


def test_small_groups_are_drawn_to_the_rate_of_all():
    orders = by_group([4, 300, 300, 300, 300, 300], 0.8)
    orders.loc[:3, "in_full"] = [True, True, False, False]
    table = perfect_by(orders, "group")
    assert 0.6 < table["shrunken"].iloc[0] < orders["in_full"].mean()
    assert (table["shrunken"] - table["rate"]).iloc[1:].abs().max() < 0.03
    own = orders.groupby("group")["in_full"].agg(
        n="size", mean="mean", variance=lambda flags: flags.astype(float).var()
    )
    np.testing.assert_allclose(table["shrunken"], shrunken_means(own)["shrunken_mean"])
    assert perfect_by(orders[orders["group"] < "G03"], "group")["shrunken"].isna().all()


def test_of_groups_alike_as_many_lie_outside_as_chance_puts_there():
    table = perfect_by(by_group([60] * 1000, 0.8), "group")
    assert 0.02 < (table["outside"] > 0).mean() < 0.05  # exact limits leave out at most what they say
    assert (table["outside"] > 0.95).mean() < 0.004
    shifted = by_group([60] * 1000, np.repeat([0.5, 1.0, *[0.8] * 998], 60))
    assert perfect_by(shifted, "group")["outside"].iloc[:2].tolist() == [0.998, 0.998]


def test_two_tables_put_together_need_no_new_index():
    orders = by_group([30, 30], 0.8)
    pd.testing.assert_frame_equal(
        perfect_by(pd.concat([orders, orders]), "group")[["n", "rate"]],
        perfect_by(pd.concat([orders, orders], ignore_index=True), "group")[["n", "rate"]],
    )


def test_a_group_must_be_named():
    orders = by_group([5, 5], 0.8)
    with pytest.raises(ValueError, match="orders has no column 'depot'"):
        perfect_by(orders, "depot")
    with pytest.raises(ValueError, match="3 of 10 orders have no group; the first is row 2"):
        perfect_by(orders.assign(group=orders["group"].mask(orders.index.isin([2, 5, 7]))), "group")


@given(tables, st.integers(0, 100))
@settings(max_examples=25)
def test_costs_of_causes_add_up_to_those_of_imperfect_orders(table, seed):
    cost = pd.Series(np.random.default_rng(seed).random(len(table)) * 100)
    result = cause_costs(table, cost)
    imperfect = ~table.all(axis=1)
    assert result["cost"].sum() == pytest.approx(cost[imperfect].sum())
    assert result["blame"].sum() == pytest.approx(imperfect.sum())
    one = perfect_order(table)
    np.testing.assert_allclose(cause_costs(table, 10)["cost"], one.causes * len(table) * 10)
    np.testing.assert_allclose(cause_costs(table, 10)["saved"], one.alone * len(table) * 10)
    for name in table:
        mended = table.assign(**{name: True})
        assert result.loc[name, "saved"] == pytest.approx(cost[imperfect].sum() - cost[~mended.all(axis=1)].sum())


def test_a_cost_is_known_and_not_negative():
    table = flagged((5, 3, 2, 1), True)
    with pytest.raises(ValueError, match="cost must be 0 and above for each imperfect order; row 0 has -1"):
        cause_costs(table, -1)
    with pytest.raises(ValueError, match="row 4 has nan"):
        cause_costs(table, pd.Series([3.0] * 4, range(4)))
    assert cause_costs(table, pd.Series([3.0] * 11, range(11)))["cost"].sum() == pytest.approx(33)


# ------------------------------------------------------------------------------------------------------------ stock


def test_newsvendors_of_the_literature():
    paper = newsvendor(price=5, cost=1.25, salvage=0, mean=9000, sd=2000)
    assert paper.critical_ratio == 0.75
    assert paper.quantity == pytest.approx(10348.98, abs=0.005)
    jackets = newsvendor(price=200, cost=140, salvage=30, mean=80, sd=30)
    assert jackets.critical_ratio == pytest.approx(60 / 170)
    assert jackets.quantity == pytest.approx(68.7, abs=0.05)  # 92.6, found elsewhere, has the sign of z wrong


def profit_of(quantity, price, cost, salvage, mean, sd):
    def of(demand):
        sold = min(quantity, demand)
        return (price * sold + salvage * (quantity - sold) - cost * quantity) * stats.norm.pdf(demand, mean, sd)

    parts = [(mean - 12 * sd, quantity), (quantity, mean + 12 * sd)]
    return sum(integrate.quad(of, *part, epsabs=1e-9, limit=200)[0] for part in parts)


money = st.floats(0.1, 50)


@given(money, money, money, st.floats(50, 500), st.floats(1, 12))
@settings(max_examples=20)
def test_the_best_quantity_earns_what_is_expected_and_no_other_more(salvage, loss, margin, mean, sd):
    arguments = salvage + loss + margin, salvage + loss, salvage, mean, sd
    result = newsvendor(*arguments)
    scale = margin * mean
    assert result.expected_profit == pytest.approx(profit_of(result.quantity, *arguments), abs=1e-5 * scale)
    for other in (result.quantity - sd / 2, result.quantity + sd / 2):
        assert profit_of(other, *arguments) < result.expected_profit + 1e-7 * scale
    assert stats.norm.cdf(result.quantity, mean, sd) == pytest.approx(result.critical_ratio)


def test_where_demand_is_sure_it_is_ordered_and_where_nothing_pays_nothing():
    assert newsvendor(5, 2, 1, 100, 0)[1:] == (100.0, 300.0)
    assert newsvendor(5, 4.9, 0, 10, 20)[1:] == (0.0, 0.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((5, -1, -2, 9, 2), "cost must be a number, 0 and above, not -1"),
        ((5, 2, 6, 9, 2), r"salvage must be below price \(5\), not 6"),
        ((5, 2, 2, 9, 2), r"salvage must be below cost \(2\), or what is left over costs nothing; it is 2"),
        ((5, 6, 2, 9, 2), r"cost must be below price \(5\), or nothing is worth ordering; it is 6"),
        ((5, 2, 1, 9, -2), "sd must be a number, 0 and above, not -2"),
        ((5, 2, 1, "9", 2), "mean must be a number, 0 and above, not '9'"),
        ((5, np.nan, 1, 9, 2), "cost must be a number, 0 and above, not nan"),
    ],
)
def test_bad_newsvendors(arguments, message):
    with pytest.raises(ValueError, match=message):
        newsvendor(*arguments)


def test_safety_stock_and_fill_of_the_worked_example():
    assert safety_stock(0.95, 20, 4) == pytest.approx(65.794, abs=5e-4)
    assert safety_stock(0.95, 50, 4) == pytest.approx(164.485, abs=5e-4)
    assert expected_short(65.794, 20, 4) == pytest.approx(0.8357, abs=5e-5)
    fills = [fill_rate(65.794, 20, 4, quantity) for quantity in (100, 200, 400)]
    assert fills == pytest.approx([0.99164, 0.99582, 0.99791], abs=5e-6)
    assert stock_for_fill(0.95, 20, 4, 200) == pytest.approx(13.795, abs=5e-4)


def test_a_lead_time_that_varies_costs_stock():
    varied = safety_stock(0.95, 20, 4, lead_time_sd=0.5, mean=100)
    assert varied == pytest.approx(stats.norm.ppf(0.95) * np.sqrt(4 * 20**2 + 100**2 * 0.5**2))
    rng = np.random.default_rng(2)
    periods = rng.normal(4, 0.5, 200_000)
    demand = rng.normal(100 * periods, 20 * np.sqrt(periods))
    assert demand.std() * stats.norm.ppf(0.95) == pytest.approx(varied, rel=0.01)
    assert safety_stock(0.95, 20, 4, lead_time_sd=0, mean=100) == safety_stock(0.95, 20, 4)


levels, sds, times = st.floats(0.01, 0.999), st.floats(0.1, 100), st.floats(0.1, 20)


@given(levels, sds, times)
def test_cycle_service_of_a_safety_stock_is_its_level(level, sd, time):
    assert cycle_service(safety_stock(level, sd, time), sd, time) == pytest.approx(level)


@given(st.floats(-100, 300), sds, times)
@settings(max_examples=25)
def test_expected_shortage_is_the_integral(stock, sd, time):
    spread = sd * np.sqrt(time)
    begin, end = max(stock, -12 * spread), max(stock, 0) + 12 * spread
    lack, _ = integrate.quad(lambda x: (x - stock) * stats.norm.pdf(x, 0, spread), begin, end, limit=200)
    assert expected_short(stock, sd, time) == pytest.approx(lack, abs=1e-6 * spread)


@given(st.floats(0.02, 0.9999), sds, times, st.floats(1, 1000))
@settings(max_examples=25)
def test_fill_of_the_stock_for_a_fill_is_the_fill(fill, sd, time, quantity):
    assert fill_rate(stock_for_fill(fill, sd, time, quantity), sd, time, quantity) == pytest.approx(fill, abs=1e-9)


@given(st.floats(-3, 3), st.floats(0.1, 3), sds, times, st.floats(1, 1000))
def test_fill_rises_with_stock_and_quantity_and_stays_a_share(k, step, sd, time, quantity):
    spread = sd * np.sqrt(time)
    fill = fill_rate(k * spread, sd, time, quantity)
    assert 0 <= fill <= 1
    assert fill_rate((k + step) * spread, sd, time, quantity) > fill
    assert fill_rate(k * spread, sd, time, 2 * quantity) > fill
    assert fill >= 1 - expected_short(k * spread, sd, time) / quantity - 1e-12


def test_fill_is_the_share_of_units_in_a_simulated_stock():
    # Orders of whole multiples of a quantity as stock and what is coming fall to the order point; back orders are kept.
    # Periods are short, since the formula knows no periods.
    lead, mean, variance, quantity, stock = 640, 0.25, 0.1, 8.0, 4.0
    demand = np.random.default_rng(7).gamma(mean**2 / variance, variance / mean, 3_000_000)
    ordered = np.cumsum(demand)
    triggered = np.concatenate([np.zeros(lead), ordered[:-lead]])
    received = mean * lead + stock + quantity * np.ceil(triggered / quantity)
    share = 1 - np.clip(ordered - received, 0, demand).sum() / demand.sum()
    fill = fill_rate(stock, np.sqrt(variance), lead, quantity)
    assert share == pytest.approx(fill, abs=0.01)
    assert fill - 0.025 > 1 - expected_short(stock, np.sqrt(variance), lead) / quantity  # counts back orders twice


def test_tables_of_items_go_in_and_come_out_with_their_index():
    sd = pd.Series({"cement": 20.0, "tiles": 50.0})
    stock = safety_stock(0.95, sd, 4)
    assert stock.round(3).to_dict() == {"cement": 65.794, "tiles": 164.485}
    for result in (cycle_service(stock, sd, 4), fill_rate(stock, sd, 4, 200), stock_for_fill(0.95, sd, 4, 200)):
        assert list(result.index) == ["cement", "tiles"]
    assert stock_for_fill([0.9, 0.95], 20, 4, 200)[1] == pytest.approx(13.795, abs=5e-4)
    assert stock_for_fill(pd.Series({"cement": 0.95}), 20, 4, 200).round(3).to_dict() == {"cement": 13.795}
    other_order = pd.Series({"tiles": 4.0, "cement": 2.0})
    for call in (safety_stock, stock_for_fill):
        with pytest.raises(ValueError, match="not of the same items in the same order"):
            call(0.95, sd, other_order, *([200] if call is stock_for_fill else []))
    with pytest.raises(ValueError, match="not of the same items in the same order"):
        least_cost_stock(0.95, sd, other_order, 5, 2, 10)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: safety_stock(95, 20, 4), "service_level must lie between 0 and 1, not 95: did you mean 0.95?"),
        (lambda: safety_stock(1, 20, 4), "service_level must lie between 0 and 1, not 1$"),
        (lambda: safety_stock(0, 20, 4), "service_level must lie between 0 and 1, not 0$"),
        (lambda: safety_stock("0.95", 20, 4), "service_level must be a number, not '0.95'"),
        (lambda: safety_stock(0.95, -1, 4), "sd must be a number, 0 and above, not -1"),
        (lambda: safety_stock(0.95, 20, 0), "lead_time must be a number above 0, not 0"),
        (lambda: safety_stock(0.95, 20, 4, 1), "where lead_time_sd is above 0, mean is needed"),
        (lambda: fill_rate(10, 20, 4, 0), "order_quantity must be a number above 0, not 0"),
        (lambda: fill_rate(np.nan, 20, 4, 10), "safety_stock must be a number, not nan"),
        (lambda: cycle_service(10, 0, 4), "sd must be a number above 0, not 0"),
        (lambda: stock_for_fill(98, 20, 4, 10), "fill must lie between 0 and 1, not 98: did you mean 0.98?"),
        (lambda: pooled_sd([1, -1]), "sd must be a number, 0 and above, not -1"),
        (lambda: pooled_sd([1, 1], 2), "correlation must lie between -1 and 1, not 2"),
        (lambda: pooled_sd([1, 1, 1], -0.9), "no 3 demands can have the correlations -0.9"),
        (lambda: pooled_sd([1, 1], np.eye(3)), r"correlation must be one number or of shape \(2, 2\), not \(3, 3\)"),
        (lambda: pooled_sd([1, 1], [[1, 0.5], [0.2, 1]]), "correlation must be symmetric, with 1 on its diagonal"),
        (lambda: least_cost_stock(0.95, [1, -1], 5, 2, 4, 10), "holding_cost must be a number above 0, not -1"),
    ],
)
def test_bad_stocks(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@given(st.lists(st.floats(0, 50), min_size=2, max_size=5), st.floats(0, 1))
def test_pooling_never_needs_more_than_the_sum(sd, correlation):
    assert pooled_sd(sd) <= pooled_sd(sd, correlation) + 1e-9
    assert pooled_sd(sd, correlation) <= sum(sd) + 1e-9
    assert pooled_sd(sd, 1) == pytest.approx(sum(sd))
    covariance = correlation * np.ones((len(sd), len(sd))) + (1 - correlation) * np.eye(len(sd))
    assert pooled_sd(sd, covariance) == pytest.approx(pooled_sd(sd, correlation))


@given(sds)
def test_demands_that_make_up_for_each_other_leave_nothing(sd):
    for correlation in (-0.5, -0.5 - 1e-10):  # the second by rounding
        assert pooled_sd([sd] * 3, correlation) == pytest.approx(0, abs=1e-6 * sd)


def test_two_demands_pool_as_the_formula_says():
    assert pooled_sd([20, 50], 0.3) == pytest.approx(np.sqrt(20**2 + 50**2 + 2 * 0.3 * 20 * 50))


def test_the_least_costly_stocks_are_scipys():
    holding, demand = np.array([0.1, 0.5, 2.0]), np.array([50.0, 20, 10])
    sd, quantity = np.array([20.0, 10, 8]), np.array([200.0, 60, 30])
    table = least_cost_stock(0.97, holding, demand, sd, 4, quantity)
    reached = (demand @ table["fill"]) / demand.sum()
    assert reached == pytest.approx(0.97)
    np.testing.assert_allclose(table["fill"], fill_rate(table["stock"].to_numpy(), sd, 4, quantity))
    scipys = optimize.minimize(
        lambda stock: holding @ stock,
        x0=[60, 30, 20],
        bounds=[(0, None)] * 3,
        constraints={"type": "ineq", "fun": lambda s: demand @ fill_rate(s, sd, 4, quantity) / demand.sum() - 0.97},
        method="SLSQP",
        options={"ftol": 1e-12},
    )
    assert table["cost"].sum() == pytest.approx(scipys.fun, rel=1e-5)
    np.testing.assert_allclose(table["stock"], scipys.x, atol=0.02)
    alike = holding @ stock_for_fill(0.97, sd, 4, quantity)
    assert table["cost"].sum() < alike


def test_items_alike_get_the_same_stock_and_a_modest_goal_none():
    names = pd.Index(["cement", "tiles"])
    table = least_cost_stock(0.95, pd.Series([1.0, 1.0], names), 50, 20, 4, 200)
    assert table["stock"].round(3).tolist() == [13.795, 13.795]
    assert list(table.index) == list(names)
    assert least_cost_stock(0.5, [1.0, 2.0], 50, 20, 4, 200)["stock"].tolist() == [0, 0]


# ------------------------------------------------------------------------------------------------ service against cost


def curves(margin, holding, sd=20.0, demand=100.0):
    """What is sold of a normal demand, and what the stock behind a level costs."""

    def benefit(level):
        return margin * (demand - expected_short(sd * stats.norm.ppf(level), sd, 1))

    return benefit, lambda level: holding * sd * stats.norm.ppf(level)


@given(st.floats(1, 50), st.floats(0.02, 0.4))
@settings(max_examples=20)
def test_at_the_optimum_a_point_more_brings_what_it_costs(margin, share):
    benefit, cost = curves(margin, share * margin)
    best = optimal_level(benefit, cost)
    assert not best.at_end
    assert best.marginal_benefit == pytest.approx(best.marginal_cost, rel=1e-3)
    assert best.level == pytest.approx(1 - share, abs=1e-5)  # a unit more is sold with chance 1 - level
    for lost in (best.point_less, best.point_more):
        assert np.isnan(lost) or lost > 0
    dearer = optimal_level(benefit, curves(margin, share * margin * 1.2)[1])
    assert dearer.level < best.level


@given(money, money, money)
@settings(max_examples=20)
def test_the_newsvendor_is_the_special_case(salvage, loss, margin):
    price, cost, mean, sd = salvage + loss + margin, salvage + loss, 100.0, 20.0
    assume(0.05 < margin / (margin + loss) < 0.95)

    def bought(level):
        return mean + sd * stats.norm.ppf(level)

    def income(level):
        sold = mean - expected_short(bought(level) - mean, sd, 1)
        return price * sold + salvage * (bought(level) - sold)

    best = optimal_level(income, lambda level: cost * bought(level), low=0.01)
    direct = newsvendor(price, cost, salvage, mean, sd)
    assert best.level == pytest.approx(direct.critical_ratio, abs=1e-5)
    assert best.profit == pytest.approx(direct.expected_profit, rel=1e-8)


def test_a_cost_of_each_gap_gives_its_closed_form():
    gap, holding = 100.0, 4.0  # of a cycle with a gap, and of a standard deviation of stock a cycle
    best = optimal_level(lambda level: gap * level, lambda level: holding * stats.norm.ppf(level))
    z = np.sqrt(2 * np.log(gap / (holding * np.sqrt(2 * np.pi))))
    assert best.level == pytest.approx(stats.norm.cdf(z), abs=1e-6)


def test_an_optimum_at_the_end_of_the_range_says_so():
    best = optimal_level(lambda level: 5 * level, lambda level: level, high=0.99)
    assert (best.level, best.at_end) == (0.99, True)
    assert np.isnan(best.point_more)
    assert best.point_less == pytest.approx(0.04)
    below = optimal_level(lambda level: -((level - 0.505) ** 2), lambda level: 0 * level)
    assert np.isnan(below.point_less)
    assert below.point_more == pytest.approx(1e-4)
    two_peaks = optimal_level(
        lambda level: np.maximum(1 - 50 * (level - 0.6) ** 2, 2 - 900 * (level - 0.9) ** 2), lambda level: 0 * level
    )
    assert two_peaks.level == pytest.approx(0.9, abs=1e-6)


def test_the_table_holds_curves_and_their_slopes():
    benefit, cost = curves(10, 1)
    table = level_table(benefit, cost, [0.8, 0.9, 0.95])
    assert table.index.tolist() == [0.8, 0.9, 0.95]
    np.testing.assert_allclose(table["profit"], table["benefit"] - table["cost"])
    slope = 0.01 * 20 / stats.norm.pdf(stats.norm.ppf(table.index))  # of stock, units a point
    np.testing.assert_allclose(table["marginal_cost"], slope, rtol=1e-5)
    np.testing.assert_allclose(table["marginal_benefit"], 10 * (1 - table.index) * slope, rtol=1e-5)
    np.testing.assert_allclose(table["marginal_profit"], table["marginal_benefit"] - table["marginal_cost"])
    assert abs(table.loc[0.9, "marginal_profit"]) < 1e-4
    assert np.isfinite(level_table(benefit, cost, [1e-5, 0.99999])).all(axis=None)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda one: level_table(one, one, [0.5, 95]), "levels must lie between 0 and 1"),
        (lambda one: level_table(one, one, []), "be one or more"),
        (lambda one: optimal_level(one, one, 0.5, 1), "low and high must lie between 0 and 1, low first"),
        (
            lambda one: optimal_level(one, lambda level: np.where(level > 0.9, np.nan, 1.0)),
            "cost gives no finite number at level 0.9",
        ),
        (lambda one: optimal_level(lambda level: np.inf, one), "benefit gives no finite number at level 0.5"),
    ],
)
def test_bad_levels(call, message):
    with pytest.raises(ValueError, match=message):
        call(lambda level: level)


# ------------------------------------------------------------------------------------------------------------ demand


def test_the_forecast_is_exponential_smoothing():
    demand = np.random.default_rng(3).poisson(20, 300).astype(float)
    expected, errors = demand[:50].mean(), []
    for units in demand:
        errors.append(units - expected)
        expected += 0.08 * errors[-1]
    row = forecast_errors(pd.DataFrame({"a": demand}), warm_up=150).loc["a"]
    late = np.array(errors[150:])
    assert row[["bias", "mad", "error_sd", "errors"]].tolist() == pytest.approx(
        [late.mean(), abs(late).mean(), np.sqrt((late**2).mean()), 150], abs=1e-3
    )


def test_error_over_the_lead_time_is_more_than_the_root_says_and_by_how_much():
    # Of demand at random, the error of the forecast itself is common to all weeks: a / (2 - a) of the variance.
    noise = pd.DataFrame(np.random.default_rng(5).normal(100, 10, (4000, 12)))
    table = forecast_errors(noise, lead_time=2, review=1)
    share = 0.08 / (2 - 0.08)
    assert table["error_sd"].mean() == pytest.approx(10 * np.sqrt(1 + share), rel=0.01)
    ratio = (table["lead_sd"] / table["scaled_sd"]).mean()
    assert ratio == pytest.approx(np.sqrt((1 + 3 * share) / (1 + share)), rel=0.01)
    np.testing.assert_allclose(table["scaled_sd"], table["error_sd"] * np.sqrt(3))
    assert (table["mad"] * np.sqrt(np.pi / 2)).mean() == pytest.approx(table["error_sd"].mean(), rel=0.01)  # 1.25 mad


def test_demand_that_goes_together_from_week_to_week_errs_further():
    rng = np.random.default_rng(6)
    steps = rng.normal(0, 10, (3000, 6))
    carried = pd.DataFrame(steps).ewm(alpha=0.4, adjust=False).mean() + 100
    table = forecast_errors(carried)
    assert (table["lead_sd"] > 1.2 * table["scaled_sd"]).all()
    one = forecast_errors(carried, lead_time=0, review=1)
    np.testing.assert_allclose(one["lead_sd"], one["error_sd"])


@pytest.mark.parametrize(
    ("demand", "settings", "message"),
    [
        ([1.0] * 20, {}, "20 periods are too few: 26 to settle, 3 to cover and 2 more are needed"),
        ([1.0] * 40, {"smoothing": 0}, "smoothing must lie above 0, and at most at 1, not 0"),
        ([1.0] * 40, {"lead_time": -1}, "lead_time must be a whole number of periods, 0 and above, not -1"),
        ([1.0] * 40, {"lead_time": 1.5}, "lead_time must be a whole number of periods, 0 and above, not 1.5"),
        ([1.0] * 40, {"lead_time": 0, "review": 0}, "there is no time that stock must cover"),
        (["1"] * 40, {}, "demand must be numbers; 'a' holds str"),
        ([1.0] * 39 + [None], {}, "demand must be 0 and above; row 39 of 'a' holds nan"),
        ([1.0] * 39 + [-2], {}, "demand must be 0 and above; row 39 of 'a' holds -2.0"),
    ],
)
def test_bad_demand(demand, settings, message):
    with pytest.raises(ValueError, match=message):
        forecast_errors(pd.DataFrame({"a": demand}), **settings)


def panel(seed, customers=100, periods=20, effect=-3.0, strength=3.0):
    """Who is busy orders more and so is served short more often; trouble comes to all, and hits some more."""
    rng = np.random.default_rng(seed)
    who, when = (one.ravel() for one in np.meshgrid(range(customers), range(periods), indexing="ij"))
    busy = rng.normal(size=(customers, periods)).ravel()
    reach = rng.uniform(0, 1, customers)[who] * (rng.permutation(periods) < 0.3 * periods)[when]
    short = strength * reach + 0.4 * busy + rng.normal(0, 0.3, len(who))
    ordered = effect * short + 3 * busy + rng.normal(0, 3, customers)[who] + rng.normal(0, 2, periods)[when]
    ordered += rng.normal(0, 1, len(who))
    return pd.DataFrame({"customer_id": who, "period": when, "reach": reach, "short": short, "ordered": ordered})


def respond(table, **settings):
    return demand_response(table, "ordered", "short", "reach", **settings)


def test_chance_shortages_tell_the_effect_and_the_naive_comparison_does_not():
    tables = [respond(panel(seed)) for seed in range(20)]
    naive, instrumented = (np.mean([one.loc[row, "effect"] for one in tables]) for row in ("naive", "instrumented"))
    assert instrumented == pytest.approx(-3, abs=0.15)
    assert naive > -1
    assert all(one.loc["instrumented", "first_stage_f"] > 50 for one in tables)
    assert max(respond(panel(seed, strength=0)).loc["instrumented", "first_stage_f"] for seed in range(5)) < 10


@pytest.mark.proof
def test_the_interval_covers_the_planted_effect():
    tables = [respond(panel(seed)).loc["instrumented"] for seed in range(400)]
    assert 0.87 <= np.mean([one["low"] <= -3 <= one["high"] for one in tables]) <= 0.93


def test_it_is_the_regression_with_dummies_and_clustered_errors():
    table = panel(1, customers=12, periods=8).drop(index=[3, 17, 40])
    table["extra"] = np.random.default_rng(1).normal(size=len(table))
    table["same"] = table["short"]
    result = demand_response(table, "ordered", "short", "same", controls=["extra"])
    design = np.column_stack(
        [
            table["short"],
            table["extra"],
            pd.get_dummies(table["customer_id"], dtype=float),
            pd.get_dummies(table["period"], dtype=float).iloc[:, 1:],
        ]
    )
    inverse = np.linalg.inv(design.T @ design)
    coefficients = inverse @ design.T @ table["ordered"].to_numpy()
    scores = pd.DataFrame(design * (table["ordered"].to_numpy() - design @ coefficients)[:, None])
    sums = scores.groupby(table["customer_id"].to_numpy()).sum().to_numpy()
    variance = 12 / 11 * inverse @ sums.T @ sums @ inverse
    for row in ("naive", "instrumented"):
        assert result.loc[row, "effect"] == pytest.approx(coefficients[0])
        assert result.loc[row, "se"] == pytest.approx(np.sqrt(variance[0, 0]))
    t = stats.t.ppf(0.95, 11)
    assert result.loc["naive", "high"] == pytest.approx(coefficients[0] + t * np.sqrt(variance[0, 0]))


def test_it_is_the_same_in_two_stages():
    table = panel(2, customers=15, periods=6)
    fixed = np.column_stack([pd.get_dummies(table[name], dtype=float) for name in ("customer_id", "period")])
    first = np.column_stack([table["reach"], fixed])
    foreseen = first @ np.linalg.lstsq(first, table["short"].to_numpy(), rcond=None)[0]
    second = np.column_stack([foreseen, fixed])
    effect = np.linalg.lstsq(second, table["ordered"].to_numpy(), rcond=None)[0][0]
    assert respond(table).loc["instrumented", "effect"] == pytest.approx(effect)


@given(st.integers(0, 50), st.floats(-100, 100), st.floats(0.1, 10))
@settings(max_examples=15)
def test_levels_of_customers_and_periods_units_and_directions_do_not_matter(seed, shift, scale):
    table = panel(seed, customers=10, periods=6)
    pd.testing.assert_frame_equal(respond(table.assign(reach=-table["reach"])), respond(table))
    moved = table.assign(
        ordered=table["ordered"] + shift * table["customer_id"] - shift * table["period"], short=table["short"] * scale
    )
    assert respond(moved)["effect"].to_numpy() * scale == pytest.approx(respond(table)["effect"].to_numpy(), rel=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns="reach"), "there is no column 'reach'; there are 'customer_id'"),
        (lambda t: t.assign(short=t["short"].mask(t.index == 5)), "short is missing in 1 of 40 rows; the first is 5"),
        (lambda t: pd.concat([t, t[:1]]), "customer 0 has two rows for period 0: add them up"),
        (lambda t: t[t["customer_id"] == 0], "a panel needs three customers or more, in two periods or more"),
        (lambda t: t.assign(reach=t["period"]), "reach does not vary beyond what customers and periods have in common"),
        (lambda t: t.assign(short=1.0), "short does not vary beyond"),
    ],
)
def test_bad_panels(change, message):
    with pytest.raises(ValueError, match=message):
        respond(change(panel(1, customers=10, periods=4)))


def test_orders_at_random_have_dispersion_one_whatever_their_volume():
    rng = np.random.default_rng(8)
    means = np.repeat([0.7, 3, 20], 60)
    counts = pd.DataFrame(rng.poisson(means, (400, len(means))))
    table = predictability(counts)
    by = table.groupby(means)
    assert by["dispersion"].mean().tolist() == pytest.approx([1, 1, 1], abs=0.03)
    assert by["cv"].mean().tolist() == pytest.approx(1 / np.sqrt([0.7, 3, 20]), rel=0.03)
    assert table["net"].abs().max() < 0.2
    np.testing.assert_allclose(table["net"], 0.5 * np.log(table["dispersion"]))


def test_money_of_random_orders_varies_as_their_sizes_say():
    rng = np.random.default_rng(9)
    totals = pd.DataFrame(
        {
            name: [rng.lognormal(3, 0.8, rng.poisson(rate)).sum() for _ in range(3000)]
            for name, rate in (("A", 2), ("B", 15))
        }
    )
    batch = np.exp(3 + 1.5 * 0.8**2)  # mean square by mean of a lognormal size
    table = predictability(totals, batch)
    assert table["dispersion"].tolist() == pytest.approx([1, 1], abs=0.12)
    pd.testing.assert_frame_equal(table, predictability(totals, pd.Series({"B": batch, "A": batch})))


@given(st.floats(0.1, 100))
@settings(max_examples=10)
def test_units_do_not_matter(scale):
    purchases = pd.DataFrame(np.random.default_rng(1).poisson(4, (30, 3)), columns=["A", "B", "C"])
    one, other = predictability(purchases), predictability(purchases * scale, scale)
    for name in ("cv", "expected_cv", "dispersion", "net"):
        np.testing.assert_allclose(one[name], other[name])


def test_periods_before_one_was_a_customer_do_not_count():
    purchases = pd.DataFrame({"A": [np.nan, np.nan, 2, 3, 4], "B": [0.0] * 5, "C": [np.nan, np.nan, np.nan, 1, 2]})
    table = predictability(purchases)
    assert table["periods"].tolist() == [3, 5, 2]
    assert table.loc["A", "cv"] == pytest.approx(1 / 3)
    assert table.loc[["B", "C"], ["cv", "dispersion", "error_sd"]].isna().all(axis=None)
    alone = predictability(purchases[["A"]].dropna())
    assert table.loc["A", "error_sd"] == pytest.approx(alone.loc["A", "error_sd"])


def test_purchases_that_grow_are_foreseen_too_low_and_steady_ones_to_the_unit():
    table = predictability(pd.DataFrame({"grows": np.arange(60.0), "steady": [4.0] * 60}), smoothing=0.5)
    assert table.loc["grows", "error_sd"] == pytest.approx(2, abs=0.05)
    assert table.loc["steady", ["cv", "error_sd", "dispersion"]].tolist() == pytest.approx([0, 0, 0], abs=1e-12)
    assert np.isnan(table.loc["steady", "net"])


def test_bad_purchases():
    purchases = pd.DataFrame({"A": [1.0, 2, 3], "B": [1.0, -2, 3]})
    with pytest.raises(ValueError, match=r"purchases must be 0 and above; row 1 of 'B' holds -2.0"):
        predictability(purchases)
    with pytest.raises(ValueError, match="batch must be above 0 for each customer; that of 'B' is nan"):
        predictability(purchases.abs(), pd.Series({"A": 1.0}))
    with pytest.raises(ValueError, match="purchases must be numbers; 'A' holds str"):
        predictability(purchases.abs().astype({"A": "str"}))
    with pytest.raises(ValueError, match="purchases is empty"):
        predictability(purchases[:0])


def test_what_goes_through_volume_alone_is_nothing_net_of_it():
    rng = np.random.default_rng(10)
    volume = rng.lognormal(1, 1, 400)
    table = pd.DataFrame(
        {
            "volume": volume,
            "cv": volume**-0.5 * rng.lognormal(0, 0.3, 400),
            "profit": volume * rng.lognormal(0, 0.6, 400),
        }
    )
    result = partial_correlation(table, "cv", "profit", "volume", resamples=200, random_state=1)
    assert result.loc["raw", "high"] < -0.5
    assert result.loc["net", "low"] < 0 < result.loc["net", "high"]
    ranks = table.rank()
    left = {
        name: ranks[name] - np.polyval(np.polyfit(ranks["volume"], ranks[name], 1), ranks["volume"])
        for name in ("cv", "profit")
    }
    assert result.loc["net", "correlation"] == pytest.approx(np.corrcoef(left["cv"], left["profit"])[0, 1])
    assert result.loc["raw", "correlation"] == pytest.approx(stats.spearmanr(table["cv"], table["profit"])[0])


def test_bad_correlations():
    table = pd.DataFrame({"x": [1.0, 2, 3, 4], "y": [2.0, 1, 4, 3], "v": [1.0, 1, 1, 1]})
    with pytest.raises(ValueError, match="all values of v are equal"):
        partial_correlation(table, "x", "y", "v")
    with pytest.raises(ValueError, match="3 rows are too few"):
        partial_correlation(table[:3], "x", "y", "v")
    with pytest.raises(ValueError, match="y is missing in 1 of 4 rows; the first is 2"):
        partial_correlation(table.assign(y=[1, 2, None, 3]), "x", "y", "v")


# ------------------------------------------------------------------------------------------------ what is planted


def fulfilled(firm):
    known = firm.customers[["customer_id", "region", "depot", "shares_forecasts"]]
    return order_flags(firm.orders, firm.order_lines).merge(known, on="customer_id", how="left")


def gap_of_late_and_short(firm):
    result = perfect_order(fulfilled(firm), ["on_time", "in_full"])
    return result.rate - result.product


def steadiness(firm):
    """Median dispersion of four-weekly orders, seasons taken out, of those who tell their needs against the others."""
    orders = firm.orders
    month = (orders["ordered_on"] - orders["ordered_on"].min()).dt.days // 28
    counts = orders.groupby([month, "customer_id"]).size().unstack(fill_value=0)  # noqa: PD010
    regular = counts.columns[(counts.mean() > 0.5) & (counts.iloc[:3].sum() > 0) & (counts.iloc[-3:].sum() > 0)]
    table = predictability(counts[regular].div(counts.sum(axis=1) / counts.sum(axis=1).mean(), axis=0))
    shares = firm.customers.set_index("customer_id")["shares_forecasts"].reindex(table.index)
    middle = table["dispersion"].groupby(shares).median()
    return middle[True] / middle[False]


def test_what_is_planted_in_the_firm_is_found():
    firm = load("harbour_and_hill")
    facts = firm.truth.facts.set_index("fact")
    assert gap_of_late_and_short(firm) == pytest.approx(facts.loc["late and short come together", "figure"], rel=0.05)
    documents = perfect_by(fulfilled(firm), "region", ["right_documents"])
    there = facts.loc["documents fail in one region", "where"]
    assert documents["rate"].idxmin() == there
    assert documents.loc[there, "outside"] == 0.998
    assert not (documents.drop(there)["rate"] < documents.drop(there)["lower_998"]).any()
    assert steadiness(firm) < 0.84
    errors = forecast_errors(
        firm.stock.pivot_table(index="week", columns=["depot", "product_id"], values="demand", aggfunc="sum")
    )
    assert (errors["lead_sd"] / errors["scaled_sd"]).mean() > 1.02
    served = firm.stock["delivered"].sum() / firm.stock["demand"].sum()
    assert served < 0.95  # the firm's 95% is another one


def lacked_by_others(lines):
    """Of the items in a customer's usual basket: the share that others lacked in a period, on average over lines."""
    ids, units = ["customer_id", "period", "item"], ["ordered", "lacked"]
    lines = lines.assign(lacked=lines["ordered"] - lines["delivered"])
    basket = lines.groupby("customer_id")["item"].value_counts(normalize=True).rename("share").reset_index()
    everybody = lines.groupby(ids[1:])[units].sum().add_prefix("all_").reset_index()
    cells = basket.merge(everybody, on="item").join(lines.groupby(ids)[units].sum(), on=ids).fillna(0.0)
    lacked = (cells["all_lacked"] - cells["lacked"]) / (cells["all_ordered"] - cells["ordered"])
    return (cells["share"] * lacked.fillna(0.0)).groupby([cells["customer_id"], cells["period"]]).sum()


def after_shortages(firm):
    """Orders in the two four weeks to come by the customer's mean, whether a line was short, and what made it so."""
    lines = firm.order_lines.merge(firm.orders[["order_id", "customer_id", "ordered_on"]], on="order_id")
    lines["period"] = (lines["ordered_on"] - lines["ordered_on"].min()).dt.days // 28
    lines["item"] = lines["customer_id"].map(firm.customers.set_index("customer_id")["depot"]) + lines["product_id"]
    lines["short"] = lines["delivered"] < lines["ordered"]
    table = lines.groupby(["customer_id", "period"]).agg(orders=("order_id", "nunique"), short=("short", "max"))
    every = [np.sort(lines[name].unique()) for name in ("customer_id", "period")]
    table = table.astype(float).reindex(pd.MultiIndex.from_product(every, names=["customer_id", "period"]))
    table["exposure"] = lacked_by_others(lines[lines["product_id"].isin(firm.stock["product_id"].unique())])
    table = table.fillna(0.0).reset_index()
    of = table.groupby("customer_id")["orders"]
    table["next"] = (of.shift(-1) + of.shift(-2)) / 2 / of.transform("mean")
    since = table["customer_id"].map(lines.groupby("customer_id")["period"].min())
    return table[(table["period"] >= since) & (of.transform("mean") > 0.5)].dropna()


@pytest.mark.proof
def test_who_was_short_seems_to_order_more_and_by_chance_shortages_does_not():
    tables = []
    for seed in range(2, 6):
        table = after_shortages(simulate("harbour_and_hill", seed=seed, customers=600, months=60))
        tables.append(demand_response(table, "next", "short", "exposure"))
    assert all(one.loc["naive", "low"] > 0 for one in tables)
    assert all(one.loc["instrumented", "first_stage_f"] > 30 for one in tables)
    naive, instrumented = (np.mean([one.loc[row, "effect"] for one in tables]) for row in ("naive", "instrumented"))
    assert instrumented < 0 < naive


@pytest.mark.proof
def test_what_is_planted_is_found_over_seeds_and_not_in_the_null_twin():
    planted, null = [], []
    for seed in range(2, 8):
        for found, is_planted in ((planted, True), (null, False)):
            firm = simulate("harbour_and_hill", seed=seed, planted=is_planted)
            documents = perfect_by(fulfilled(firm), "region", ["right_documents"])["rate"]
            found.append((gap_of_late_and_short(firm), documents.min(), steadiness(firm)))
    planted, null = np.array(planted), np.array(null)
    assert planted[:, 0].min() > 0.02
    assert abs(null[:, 0]).max() < 0.015
    assert planted[:, 1].max() < 0.93
    assert null[:, 1].min() > 0.97
    assert np.median(planted[:, 2]) < 0.8 < np.median(null[:, 2])


# ------------------------------------------------------------------------------------------------- the rule, run again


def lumps(seed=1, periods=160, items=6):
    random = np.random.default_rng(seed)
    return random.poisson(0.5, (periods, items)) * random.integers(1, 30, (periods, items))


def test_what_was_reordered_is_what_came_where_suppliers_are_reliable():
    firm = load("harbour_and_hill")
    wide = {n: firm.stock.pivot_table(n, "week", ["depot", "product_id"]) for n in ("demand", "opening", "delivered")}
    arrived = firm.stock.pivot_table("received", "week", ["depot", "product_id"]).to_numpy()
    left = (wide["opening"] - wide["delivered"]).to_numpy()
    due = reorders(0.95, wide["demand"].to_numpy(), left)
    goods = firm.products.set_index("product_id")["principals"]
    of_others = ~goods[wide["demand"].columns.get_level_values("product_id")].to_numpy(dtype=bool)
    assert (due == arrived)[-52:, of_others].mean() > 0.99


def test_what_was_reordered_follows_from_the_stock_of_the_replay():
    demand = lumps()
    result = replay([0.9], demand)
    due = reorders(0.9, demand, result.stock[0])
    opening = result.stock[0][1:] + demand[1:] - result.short[0][1:]
    np.testing.assert_allclose((opening - result.stock[0][:-1])[2:], due[1:][2:])


def test_steady_demand_needs_no_safety_stock_in_the_end():
    result = replay([0.99], np.full((400, 1), 10.0))
    assert result.short[0, -50:].sum() == 0
    assert result.stock[0, -1, 0] == pytest.approx(10, abs=1), "one period's; two more are on their way"


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_a_higher_level_never_leaves_more_short_from_the_same_start(seed):
    demand = lumps(seed, periods=120)
    short = replay([0.6, 0.9, 0.99], demand).short.sum(axis=(1, 2))
    assert (np.diff(short) <= 0).all()


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_levels_side_by_side_are_as_each_by_itself(seed):
    demand = lumps(seed, periods=60)
    both = replay([0.8, 0.95], demand, supply=0.5)
    one = replay([0.95], demand, supply=0.5)
    np.testing.assert_array_equal(both.stock[1], one.stock[0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"levels": [95]}, "levels must lie between 0 and 1"),
        ({"levels": 0.95}, "and be one or more"),
        ({"demand": [[1.0], [-1.0]]}, "demand must be a table"),
        ({"demand": [1.0, 2.0]}, "demand must be a table"),
        ({"supply": 1.5}, "supply must lie between 0 and 1"),
        ({"warm_up": 200}, "at most the 160 periods"),
        ({"smoothing": 0}, "smoothing above 0"),
    ],
)
def test_a_replay_of_nothing_sensible_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        replay(**({"levels": [0.95], "demand": lumps()} | arguments))


def test_reorders_need_the_stock_of_each_period():
    with pytest.raises(ValueError, match="stock must be of the shape of demand"):
        reorders(0.95, lumps(), np.zeros(3))


# ------------------------------------------------------------------------------------------------ what was told to us


def small_panel(customers):
    rows = [(c, p, float(p * c), float((p + c) % 2), float(p % 2)) for c in range(customers) for p in range(4)]
    return pd.DataFrame(rows, columns=["customer_id", "period", "ordered", "short", "trouble"])


def test_two_customers_have_no_error_that_could_be_told():
    with pytest.raises(ValueError, match="three customers or more"):
        demand_response(small_panel(2), "ordered", "short", "trouble")


@pytest.mark.parametrize(
    ("change", "arguments", "message"),
    [
        ({"ordered": "a"}, {}, "ordered must be numbers"),
        ({"ordered": np.inf}, {}, "ordered holds a number without end"),
        ({}, {"controls": "trouble"}, "controls must be a list"),
    ],
)
def test_a_panel_says_which_column_is_wrong(change, arguments, message):
    with pytest.raises(ValueError, match=message):
        demand_response(small_panel(5).assign(**change), "ordered", "short", "trouble", **arguments)


def test_two_columns_of_one_rank_leave_nothing():
    table = pd.DataFrame({"cv": range(9), "profit": [3, 1, 4, 1, 5, 9, 2, 6, 5], "volume": np.arange(9) ** 2})
    with pytest.raises(ValueError, match="cv and volume rank the rows alike"):
        partial_correlation(table, "cv", "profit", "volume")


def test_what_is_pooled_must_be_labelled_alike():
    sd = pd.Series([30.0, 40.0], index=["a", "b"])
    matrix = pd.DataFrame(np.eye(2), index=["b", "a"], columns=["b", "a"])
    with pytest.raises(ValueError, match="give them one index"):
        pooled_sd(sd, matrix)
    with pytest.raises(ValueError, match="nothing to pool"):
        pooled_sd([])


def test_nobody_orders_at_an_expected_loss():
    assert newsvendor(price=100, cost=50, salvage=20, mean=0, sd=100)[1:] == (0, 0)


@pytest.mark.parametrize("cost", ["40", [40.0], pd.Series(["a", "b"])])
def test_a_cost_that_is_no_number_is_refused(cost):
    with pytest.raises(ValueError, match="cost must be a number"):
        cause_costs(pd.DataFrame({"in_full": [False, True]}), cost)


def test_a_cost_without_end_is_refused():
    with pytest.raises(ValueError, match="cost must be 0 and above"):
        cause_costs(pd.DataFrame({"in_full": [False, True]}), np.inf)


def test_a_line_of_no_order_is_refused():
    lines = pd.DataFrame({"order_id": ["O1", None], "ordered": [1, 1], "delivered": [1, 1]})
    with pytest.raises(ValueError, match="order_id is missing in 1 rows"):
        fill_rates(lines)


def test_the_best_level_asks_for_nothing_beyond_the_range():
    def within(level):
        return np.interp(level, [0.6, 0.9], [0.0, 30.0], left=np.nan, right=np.nan)

    best = optimal_level(within, lambda level: 0 * level, low=0.6, high=0.9)
    assert best.at_end
    assert best.marginal_benefit == pytest.approx(1)
