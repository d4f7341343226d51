"""Costs of activities, profit of customers, what is avoidable: published numbers, special cases, laws, bad input."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from crmlab.cost_to_serve import (
    activity_based_costing,
    avoidable_cost,
    customer_profit,
    death_spiral,
    drop_regret,
    loser_chance,
    price_waterfall,
    profit_draws,
    ranking_loss,
    time_driven_costing,
    time_equation,
    whale_curve,
)
from crmlab.data.firms import load, simulate

ACTIVITIES = ["orders", "inquiries", "credit checks"]
money = st.integers(-100_000, 100_000).map(lambda cents: cents / 100)


def by(*values, names=ACTIVITIES):
    return pd.Series(values, names[: len(values)], dtype=float)


def customers(values, low=None):
    """Numbers by customer."""
    return pd.Series(values, [f"C{n:02d}" for n in range(len(values))], dtype=float).clip(lower=low)


profits = st.lists(money, min_size=1, max_size=12).map(customers)

# ---------------------------------------------------------------------------------------------------------- activities


def test_a_survey_of_time_gives_the_published_rates():
    table = activity_based_costing(560_000, by(0.7, 0.1, 0.2), by(49_000, 1_400, 2_500)[::-1])
    assert table["rate"].tolist() == pytest.approx([8, 40, 44.8])
    assert table["cost"].sum() == pytest.approx(560_000)


@pytest.mark.parametrize(
    ("minutes", "volumes", "rates"),
    [
        ((8, 44, 50), (49_000, 1_400, 2_500), (6.4, 35.2, 40)),  # Kaplan and Anderson (2004)
        ((40, 220, 250), (9_800, 280, 500), (32, 176, 200)),  # their working paper
    ],
)
def test_unit_times_give_the_published_rates_and_what_nobody_used(minutes, volumes, rates):
    result = time_driven_costing(560_000, 700_000, by(*minutes), by(*volumes)[::-1])
    assert result.rate == pytest.approx(0.8)
    assert result.table["rate"].tolist() == pytest.approx(rates)
    assert result.table["used"].tolist() == [392_000, 61_600, 125_000]
    assert (result.used, round(result.utilisation, 2)) == (578_600, 0.83)
    assert (result.assigned, result.unused_cost) == pytest.approx((462_880, 97_120))
    assert result.unused == 121_400  # minutes: as many hours, as one summary prints, would cost ten times the ledger
    assert result.unused * 60 * result.rate > 10 * 560_000


def test_both_ways_agree_where_nothing_is_idle_and_the_survey_is_right():
    minutes, volumes = by(8, 44, 50), by(49_000, 1_400, 2_500)
    timed = time_driven_costing(560_000, 578_600, minutes, volumes)
    asked = activity_based_costing(560_000, minutes * volumes / 578_600, volumes)
    assert timed.unused_cost == pytest.approx(0, abs=1e-6)
    pd.testing.assert_series_equal(timed.table["rate"], asked["rate"])


def test_several_pools_of_like_shares_are_one_pool():
    shares = pd.DataFrame([by(0.7, 0.1, 0.2)] * 2, index=["wages", "rooms"])
    several = activity_based_costing(by(400, 160, names=["rooms", "wages"]), shares, by(10, 5, 2))
    pd.testing.assert_frame_equal(several, activity_based_costing(560, by(0.7, 0.1, 0.2), by(10, 5, 2)))


@given(st.integers(0, 10**9), st.lists(st.tuples(st.integers(0, 500), st.integers(0, 900)), min_size=1, max_size=3))
@settings(max_examples=30)
def test_assigned_and_unused_make_up_the_ledger_to_the_cent(cents, drivers):
    minutes, volumes = (by(*values) for values in zip(*drivers, strict=True))
    result = time_driven_costing(cents / 100, max(minutes @ volumes, 1) * 1.3, minutes, volumes)
    assert result.assigned + result.unused_cost == pytest.approx(cents / 100, abs=0.005)
    assert result.table["cost"].sum() == pytest.approx(result.assigned, abs=0.005)
    assert result.unused_cost >= 0


def orders(n, rng):
    return pd.DataFrame({"lines": rng.integers(1, 9, n), "urgent": rng.random(n) < 0.3})


def test_a_time_equation_gives_the_minutes_that_a_straight_line_gives():
    rng = np.random.default_rng(1)
    lines = orders(50, rng)[["lines"]]
    minutes = 5 + 2 * lines["lines"] + rng.random(50)
    slope, base = np.polyfit(lines["lines"], minutes, 1)
    assert time_equation(lines, minutes.sample(frac=1, random_state=2))["minutes"].tolist() == pytest.approx(
        [base, slope]
    )


@pytest.mark.parametrize("size", [1, 4])
def test_the_intervals_of_a_time_equation_are_those_of_leaving_out_each_customer(size):
    rng = np.random.default_rng(5)
    cases, whose = orders(40, rng), pd.Series(np.arange(40) // size)
    minutes = pd.Series(rng.uniform(5, 60, 40))
    found = time_equation(cases, minutes, whose[::-1])
    x = np.column_stack([np.ones(40), cases]).astype(float)
    each, *without = (np.linalg.lstsq(x[whose != one], minutes[whose != one])[0] for one in range(-1, 40 // size))
    reach = stats.t.ppf(0.95, {1: 37, 4: 9}[size]) * np.sqrt(((np.array(without) - each) ** 2).sum(axis=0))
    assert found["minutes"].tolist() == pytest.approx(each)
    assert (found["high"] - found["minutes"]).tolist() == pytest.approx(reach)
    assert (found["minutes"] - found["low"]).tolist() == pytest.approx(reach)
    pd.testing.assert_frame_equal(time_equation(cases, minutes), time_equation(cases, minutes, cases.index.to_series()))


@pytest.mark.proof
def test_the_intervals_of_a_time_equation_hold_the_truth_though_customers_differ_and_long_orders_vary_more():
    rng, truth, inside = np.random.default_rng(3), np.array([5, 2, 9.0]), []
    for _ in range(400):
        cases, whose = orders(150, rng), pd.Series(np.arange(150) % 30)
        expected = truth[0] + cases.astype(float) @ truth[1:]
        slow = rng.uniform(0.6, 1.4, 30)[whose] * rng.uniform(0.5, 1.5, 150)
        found = time_equation(cases, expected * slow, whose)
        inside.append((found["low"] <= truth) & (truth <= found["high"]))
    assert np.mean(inside, axis=0) == pytest.approx([0.9] * 3, abs=0.03)


# ---------------------------------------------------------------------------------------------------------- customers


def books(firm):
    """Sales and ledger of Harbour & Hill."""
    lines = firm.order_lines.merge(firm.orders[["order_id", "customer_id"]]).merge(firm.products)
    lines["list_value"], lines["cost_of_goods"] = (lines["delivered"] * lines[name] for name in ("price", "unit_cost"))
    return lines.rename(columns={"amount": "revenue"}), firm.ledger


SALES = pd.DataFrame(
    {
        "customer_id": ["A", "B", "A"],
        "list_value": [600.0, 120.0, 400.0],
        "revenue": [520.0, 100.0, 380.0],
        "cost_of_goods": [400.0, 60.0, 300.0],
    }
)
LEDGER = pd.DataFrame(
    {
        "customer_id": ["A", "A", "C", "A"],
        "month": ["2025-01-01", "2025-01-01", "2025-02-01", "2025-02-01"],
        "activity": ["delivery", "visits", "visits", "delivery"],
        "cost": [150.0, 10.0, 15.0, 90.0],
    }
)


def test_who_costs_and_does_not_buy_is_kept_and_told_and_so_is_the_other_way_round():
    result = customer_profit(SALES, LEDGER)
    assert result.table["profit"].to_dict() == {"A": -50.0, "B": 40.0, "C": -15.0}
    assert (result.without_sales, result.without_costs) == (["C"], ["B"])
    assert result.table["discount"].to_dict() == {"A": 100.0, "B": 20.0, "C": 0.0}
    assert result.costs.to_dict("index") == {
        "A": {"delivery": 240.0, "visits": 10.0},
        "B": {"delivery": 0.0, "visits": 0.0},
        "C": {"delivery": 0.0, "visits": 15.0},
    }


def test_unused_capacity_is_charged_only_if_asked_for():
    alone, charged = customer_profit(SALES, LEDGER), customer_profit(SALES, LEDGER, unused=53)
    assert (alone.table["unused"] == 0).all()
    assert charged.table["unused"].to_dict() == {"A": 50.0, "B": 0.0, "C": pytest.approx(3.0)}
    assert customer_profit(SALES, LEDGER, unused=20, key="revenue").table["unused"].to_dict() == {
        "A": 18,
        "B": 2,
        "C": 0,
    }
    assert (alone.table["profit"] - charged.table["unused"]).tolist() == pytest.approx(charged.table["profit"].tolist())


def test_numbers_as_ids_are_the_same_customer_in_both_tables():
    result = customer_profit(SALES.assign(customer_id=[7, 8, 7]), LEDGER.assign(customer_id=["7", "7", "8", "7"]))
    assert result.table.index.tolist() == ["7", "8"]


@st.composite
def firms(draw):
    """Sales and a ledger of a few customers."""
    who = st.sampled_from(list("ABCDE"))
    sold = draw(st.lists(st.tuples(who, money, money), min_size=1, max_size=8))
    keys = st.tuples(who, st.sampled_from(["2025-01-01", "2025-02-01"]), st.sampled_from(ACTIVITIES))
    booked = draw(st.dictionaries(keys, money.map(abs), min_size=1, max_size=8))
    ledger = pd.DataFrame(booked.keys(), columns=["customer_id", "month", "activity"]).assign(
        cost=list(booked.values())
    )
    return pd.DataFrame(sold, columns=["customer_id", "revenue", "cost_of_goods"]), ledger


@given(firms())
@settings(max_examples=15)
def test_the_sums_are_those_of_the_tables_and_names_do_not_matter(firm):
    sales, ledger = firm
    result = customer_profit(sales, ledger)
    expected = sales["revenue"].sum() - sales["cost_of_goods"].sum() - ledger["cost"].sum()
    assert result.table["profit"].sum() == pytest.approx(expected, abs=0.005)
    assert result.costs.to_numpy().sum() == pytest.approx(ledger["cost"].sum(), abs=0.005)
    assert set(result.table.index) == set(sales["customer_id"]) | set(ledger["customer_id"])
    other = dict(zip("ABCDE", "QPXYB", strict=True))
    renamed = customer_profit(*(part.assign(customer_id=part["customer_id"].map(other)) for part in firm))
    assert renamed.table["profit"].to_dict() == pytest.approx(
        {other[name]: profit for name, profit in result.table["profit"].items()}
    )


@given(firms(), st.sampled_from([None, "one", "two"]))
@settings(max_examples=15)
def test_each_bar_of_the_waterfall_begins_where_the_last_one_ended_and_the_end_is_profit(firm, some):
    result = customer_profit(*firm, unused=7.0 if firm[1]["cost"].any() else 0.0)
    names = result.table.index
    who = {None: None, "one": names[0], "two": [*names[:2], names[0]]}[some]  # named twice is there once
    steps = price_waterfall(result, who)
    ends, sums = steps["end"].to_numpy(), steps["total"].to_numpy()
    assert steps.index[-1] == "profit"
    assert sums[-1]
    chosen = {None: names, "one": names[:1], "two": names[:2]}[some]
    assert ends[-1] == pytest.approx(result.table.loc[chosen, "profit"].sum(), abs=1e-6)
    assert ends[:-1][sums[1:]] == pytest.approx(ends[1:][sums[1:]], abs=1e-6)  # a sum stands as high as what led to it
    assert ends[:-1][~sums[1:]] == pytest.approx(steps["start"].to_numpy()[1:][~sums[1:]])
    assert (steps["start"] + steps["amount"]).to_numpy() == pytest.approx(ends)


# --------------------------------------------------------------------------------------------------------- whale curve


def test_a_fifth_of_the_customers_makes_225_percent_of_the_profit_and_the_largest_loses_125():
    """Kanthal, as told: the rest breaks even."""
    profit = pd.Series([-125.0, 0, 0, 150, 0, 0, 0, 75, 0, 0], index=list("ABCDEFGHIJ"))
    curve = whale_curve(profit)
    assert curve.table.index.tolist() == list("DHBCEFGIJA")  # equals stay in the order given
    assert (curve.total, curve.peak, curve.peak_at, curve.peak_share) == (100, 225, 2, 2.25)
    assert curve.table["share_of_profit"].iloc[[1, 8, 9]].tolist() == [2.25, 2.25, 1]
    assert curve.table["share_of_customers"].iloc[1] == 0.2


def test_a_published_firm_of_264_customers_still_has_percents():
    groups = [(30, 513), (121, 141), (87, -55), (26, -499)]
    curve = whale_curve(pd.Series(np.concatenate([np.full(n, total / n) for n, total in groups])))
    assert curve.table["share_of_profit"].iloc[29] == pytest.approx(5.13)
    assert (curve.peak_at, curve.peak_share) == (151, pytest.approx(6.54))


@pytest.mark.parametrize("last", [-100.0, -99.0, -130.0])
def test_percent_of_a_total_near_zero_is_missing_and_the_money_is_there(last):
    curve = whale_curve(pd.Series({"A": 100.0, "B": last}))
    assert curve.table["share_of_profit"].isna().all()
    assert math.isnan(curve.peak_share)
    assert (curve.peak, curve.total) == (100, 100 + last)
    assert whale_curve(pd.Series({"A": 100.0, "B": -90.0})).peak_share == pytest.approx(10)  # 10 of 190 is above 5%


@given(profits)
@settings(max_examples=30)
def test_the_curve_ends_at_the_total_and_nowhere_lies_above_its_peak(profit):
    curve = whale_curve(profit)
    assert curve.total == pytest.approx(math.fsum(profit), abs=1e-6) == curve.table["cumulative"].iloc[-1]
    assert curve.peak == max(curve.table["cumulative"].max(), 0) == pytest.approx(profit.clip(lower=0).sum())
    assert curve.table["profit"].is_monotonic_decreasing
    assert curve.table["share_of_customers"].iloc[-1] == 1
    if not math.isnan(curve.peak_share):
        assert curve.table["share_of_profit"].iloc[-1] == pytest.approx(1)


def test_the_best_by_rate_and_by_size_are_not_the_best_by_money():
    table = pd.DataFrame({"revenue": [900, 400, 300, 10], "margin": [90, 80, 45, 5.0]}, index=list("ABCD"))
    profit = table["margin"] - [150, 20, 10, 1]
    found = ranking_loss(profit, table.assign(rate=table["margin"] / table["revenue"])[["revenue", "rate"]], k=2)
    assert found.loc["revenue"].drop("tau").to_dict() == {"shared": 1, "profit": 0, "lost": 95}  # A, B for B, C
    assert found.loc["rate"].drop("tau").to_dict() == {"shared": 1, "profit": 64, "lost": 31}  # D, B for B, C


@given(st.lists(st.tuples(money, st.integers(0, 2)), min_size=2, max_size=10), st.data())
@settings(max_examples=20)
def test_no_ranking_beats_profit_itself_and_the_order_of_rows_does_not_matter(rows, data):
    table = pd.DataFrame(rows, index=customers([0] * len(rows)).index, columns=["profit", "score"])
    scores, k = table.assign(same=1)[["profit", "score", "same"]], data.draw(st.integers(1, len(rows)))
    found = ranking_loss(table["profit"], scores, k)
    assert (found["lost"] >= -1e-9).all()
    assert found.loc["profit", "lost"] == 0
    assert found.loc["same", "profit"] == pytest.approx(table["profit"].mean() * k, abs=1e-6)  # a choice by lot
    pd.testing.assert_frame_equal(found, ranking_loss(table["profit"], scores[::-1], k))
    again = data.draw(st.permutations(list(table.index)))
    pd.testing.assert_frame_equal(found, ranking_loss(table["profit"][again], scores.loc[again], k))


# -------------------------------------------------------------------------------------------------------------- doubt

COSTS = pd.DataFrame(
    {"delivery": [400.0, 100, 0, 40], "visits": [0.0, 60, 30, 0], "returns": [0.0] * 4}, index=list("ABCD")
)
MARGIN = pd.Series({"A": 380.0, "B": 300.0, "C": 31.0, "D": 40.0})


def test_without_doubt_every_draw_is_the_profit_as_reckoned():
    draws = profit_draws(MARGIN, COSTS, activity_cv=0, customer_cv=0, draws=3)
    assert draws.to_numpy() == pytest.approx(np.tile((MARGIN - COSTS.sum(axis=1)).to_numpy(), (3, 1)))
    table = loser_chance(draws)
    assert table["loses"].to_dict() == {"A": 1, "B": 0, "C": 0, "D": 0}
    assert (table["rank_low"] == table["rank_high"]).all()


def test_own_times_move_cost_between_customers_and_the_total_stays():
    draws = profit_draws(MARGIN, COSTS, activity_cv=0, customer_cv=0.4, random_state=1)
    assert draws.sum(axis=1).to_numpy() == pytest.approx(MARGIN.sum() - COSTS.to_numpy().sum())
    assert draws.std().gt(1).all()
    alone = profit_draws(MARGIN, COSTS[["delivery"]], activity_cv=0, customer_cv=0.4, random_state=1)
    assert alone["C"].to_numpy() == pytest.approx(31)  # takes none of it
    only = COSTS.assign(delivery=[570.0, 0, 0, 0])[["delivery"]]
    assert profit_draws(MARGIN, only, activity_cv=0, customer_cv=0.4)["A"].to_numpy() == pytest.approx(
        -190
    )  # all of it


def test_an_activity_s_factor_has_mean_one_and_the_cv_that_was_stated():
    draws = profit_draws(
        MARGIN, COSTS, activity_cv=by(0.8, 0, 0, names=COSTS.columns), customer_cv=0, draws=20_000, random_state=2
    )
    factor = (MARGIN["A"] - draws["A"]) / 400
    assert factor.mean() == pytest.approx(1, abs=0.02)
    assert factor.std() == pytest.approx(0.8, abs=0.03)
    assert (MARGIN["B"] - draws["B"] - 60).to_numpy() == pytest.approx(100 * factor.to_numpy())  # one factor for all
    chance = loser_chance(draws)["loses"]
    assert chance["A"] == (factor > 380 / 400).mean()
    assert chance["D"] == (factor > 1).mean()


def test_ranges_of_profit_and_of_rank():
    draws = pd.DataFrame({"A": np.arange(101.0), "B": np.full(101, 94.5), "C": np.full(101, -1.0)})
    table = loser_chance(draws)
    assert table.loc["A", ["mean", "low", "high", "rank_low", "rank_high"]].tolist() == pytest.approx([50, 5, 95, 1, 2])
    assert table.loc["C", ["loses", "rank_low", "rank_high"]].tolist() == [1, 3, 3]
    assert loser_chance(draws, 0.5).loc["A", ["low", "high"]].tolist() == pytest.approx([25, 75])


def test_the_same_seed_gives_the_same_draws():
    one, again, other = (profit_draws(MARGIN, COSTS, draws=5, random_state=seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(one, again)
    assert not one.equals(other)


@given(st.integers(0, 10**6), st.data())
@settings(max_examples=30)
def test_what_a_rule_wins_and_what_it_errs_are_what_knowing_would_win(seed, data):
    draws = pd.DataFrame(np.random.default_rng(seed).normal(size=(20, 4)), columns=list("ABCD"))
    some = {name: data.draw(st.booleans()) for name in "ABCD"}
    table = drop_regret(draws, {"mean below 0": draws.mean() < 0, "some": some, "none": draws.mean() < -99})
    knowing = -draws.clip(upper=0).mean().sum()
    assert (table["gain"] + table["regret"]).tolist() == pytest.approx([knowing] * 3)
    assert table["regret"].idxmin() == "mean below 0" or table["regret"].nunique() < 3
    assert table.loc["none", ["dropped", "gain", "good_dropped"]].tolist() == [0, 0, 0]


def test_dropping_only_who_surely_loses_errs_less_in_one_way_and_more_in_the_other():
    draws = profit_draws(MARGIN, COSTS, random_state=1)
    chance = loser_chance(draws)["loses"]
    point, sure = drop_regret(draws, {"point": MARGIN - COSTS.sum(axis=1) < 0, "sure": chance > 0.9}).itertuples()
    assert point.dropped > sure.dropped
    assert point.good_dropped > sure.good_dropped
    assert point.bad_kept < sure.bad_kept


# ---------------------------------------------------------------------------------------------------------- avoidable


def test_what_is_avoidable_of_each_activity():
    horizons = pd.DataFrame({"3": [0.0, 0.5, 1], "36": [0.9, 1, 1]}, index=["delivery", "visits", "returns"])[::-1]
    saved = avoidable_cost(COSTS, horizons)
    assert saved.loc["B"].to_dict() == {"3": 30.0, "36": 150.0}
    pd.testing.assert_series_equal(saved["3"], avoidable_cost(COSTS, horizons["3"]), check_names=False)


@given(profits, st.floats(0, 1))
@settings(max_examples=30)
def test_dropping_losers_pays_their_loss_if_all_is_avoidable_and_never_if_nothing_is(margin, share):
    margin = margin.abs()
    costs = pd.DataFrame({"all": margin[::-1].to_numpy() * 1.5}, index=margin.index)
    profit = margin - costs["all"]
    gain = {part: -(margin - avoidable_cost(costs, {"all": part}))[profit < 0].sum() for part in (0, share, 1)}
    assert gain[1] == pytest.approx(-profit.clip(upper=0).sum())
    assert gain[0] <= 1e-9
    assert gain[0] - 1e-6 <= gain[share] <= gain[1] + 1e-6


@given(profits, st.integers(0, 10**6), st.data())
@settings(max_examples=30)
def test_the_spiral_ends_and_the_firm_loses_with_every_round_what_the_dropped_brought(contribution, cents, data):
    keys = data.draw(st.lists(st.integers(1, 50), min_size=len(contribution), max_size=len(contribution)))
    rounds, dropped_in = death_spiral(contribution, cents / 100, customers(keys)[::-1])
    assert rounds["dropped"].iloc[-1] == 0
    assert (rounds["dropped"].iloc[:-1] > 0).all()
    assert rounds["customers"].diff().iloc[1:].tolist() == (-rounds["dropped"].iloc[:-1]).tolist()
    for number, row in rounds.iterrows():
        charged = contribution[dropped_in.isna() | (dropped_in >= number).fillna(False)]
        assert row["firm_profit"] == pytest.approx(charged.sum() - cents / 100, abs=1e-6)
    assert dropped_in.notna().sum() == rounds["dropped"].sum()


@given(profits)
@settings(max_examples=30)
def test_with_nothing_fixed_the_spiral_drops_those_who_lose_and_stops(contribution):
    rounds, dropped_in = death_spiral(contribution, 0, contribution.abs())
    assert set(dropped_in[dropped_in == 1].index) == set(contribution[contribution < 0].index)
    assert rounds["firm_profit"].iloc[-1] == pytest.approx(contribution.clip(lower=0).sum())
    assert len(rounds) == 1 + (contribution < 0).any()


def test_a_spiral_ruins_a_firm_in_which_everybody_brings_money():
    contribution = customers([100, 60, 40, 30, 20])
    rounds, _ = death_spiral(contribution, 150, customers([1] * 5))
    assert rounds["customers"].tolist() == [5, 4, 3, 2, 1, 0]  # of the second a charge of 30 leaves nothing: it stays
    assert rounds["firm_profit"].tolist() == [100, 80, 50, 10, -50, -150]
    assert death_spiral(contribution, 150, contribution[::-1]).rounds["customers"].tolist() == [
        5
    ]  # by what each can bear


# --------------------------------------------------------------------------------------------------- Harbour and Hill


def planted(firm):
    """Revenue, rate, profit and contribution (after what 12 months save) by customer; whom the truth names."""
    table = (result := customer_profit(*books(firm))).table
    shares = firm.activities.set_index("activity")["avoidable_12_months"]
    table["contribution"] = table["margin"] - avoidable_cost(result.costs, shares)
    where = firm.truth.facts.set_index("fact")["where"]
    names = ["largest account loses money", "best rate brings little", "a loser on idle capacity"]
    return table, *where[names]


def hold_the_planted_truths(firm):
    table, largest, rate, idle = planted(firm)
    assert table["revenue"].idxmax() == largest == table["profit"].idxmin()
    assert table.loc[largest, "contribution"] < 0
    assert (table["margin"] / table["revenue"]).rank(ascending=False)[rate] <= 0.1 * len(table)
    assert table["profit"].rank(ascending=False)[rate] > 0.3 * len(table)
    assert table.loc[idle, "profit"] < 0 < table.loc[idle, "contribution"]


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.proof) for seed in range(2, 13))])
def test_the_largest_loses_the_best_rate_brings_little_and_one_loser_only_seems_so(seed):
    hold_the_planted_truths(simulate("harbour_and_hill", customers=60, months=36, seed=seed))


def test_the_default_draw_holds_the_planted_truths_to_the_last_cent_of_its_books():
    firm = load("harbour_and_hill")
    hold_the_planted_truths(firm)
    table, largest, _, _ = planted(firm)
    assert table["cost_to_serve"].sum() == pytest.approx(firm.ledger["cost"].sum(), abs=0.005)
    assert table["revenue"].sum() == pytest.approx(firm.orders["amount"].sum(), abs=0.005)
    fact = firm.truth.facts.set_index("fact").loc["largest account loses money", "figure"]
    assert table.loc[largest, "profit"] == pytest.approx(fact, rel=0.03)  # the truth has the minutes that drops took


# ----------------------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: activity_based_costing(-1, by(1), by(1)), "cost must be a number from 0 on, not -1"),
        (lambda: activity_based_costing("9", by(1), by(1)), "cost must be a number from 0 on, not '9'"),
        (lambda: activity_based_costing(9, by(0.7, 0.2), by(1, 1)), "add up to 0.9, not 1"),
        (lambda: activity_based_costing(9, by(0.7, 0.4), by(1, 1)), "add up to 1.1, not 1"),
        (lambda: activity_based_costing(9, by(0.333, 0.333, 0.333), by(1, 1, 1)), "add up to 0.999, not 1"),
        (lambda: activity_based_costing(9, by(1.2, -0.2), by(1, 1)), "must be from 0 to 1, .* 'orders' is 1.2"),
        (lambda: activity_based_costing(9, by(0.5, 0.5), by(1)), "volumes has no 'inquiries', which is in shares"),
        (lambda: activity_based_costing(9, by(1), by(1, 2)), "volumes has 'inquiries', which is not in shares"),
        (lambda: activity_based_costing(9, by(0.5, 0.5), by(1, 0)), "volumes of 'inquiries' is 0: there is no unit"),
        (lambda: time_driven_costing(9, 0, by(1), by(1)), "capacity must be a number above 0, not 0"),
        (lambda: time_driven_costing(9, math.nan, by(1), by(1)), "capacity must be a number above 0, not nan"),
        (lambda: time_driven_costing(9, 99, by(2), by(50)), "100 minutes are used of 99: .* overtime"),
        (lambda: time_driven_costing(9, 99, by(-2), by(50)), "minutes must be 0 or more, .* 'orders' is -2"),
        (lambda: time_driven_costing(9, 99, {}, {}), "minutes is empty"),
        (lambda: time_driven_costing(9, 99, {"a": "2"}, {"a": 1}), "minutes must be numbers, not str"),
        (lambda: time_equation(SALES[["revenue"]].assign(same=7), by(1, 2, 3, names=range(3))), "cannot tell 3 terms"),
        (
            lambda: time_equation(SALES[["customer_id"]], by(1, 2, 3, names=range(3))),
            "cases, customer_id must be numbers",
        ),
        (lambda: time_equation(pd.DataFrame({"x": [0, 0, 1]}), [1, 2, 3]), "2 alone decides a term"),
        (
            lambda: time_equation(pd.DataFrame({"x": [0, 2, 1, 2]}), [1, 2, 3, 4], list("ABBB")),
            "'A' alone decides|'B' alone decides",
        ),
        (
            lambda: time_equation(pd.DataFrame({"x": [0, 2, 1]}), [1, 2, 3], ["A", "B", None]),
            "groups says nothing of the case 2",
        ),
        (lambda: time_equation(pd.DataFrame({"x": [0, 2, 1]}), [1, 2]), "minutes has no 2, which is in cases"),
        (
            lambda: time_equation(pd.DataFrame({"x": [0, 2, 1]}), [1, 2, 3], level=90),
            "level must be between 0 and 1, not 90",
        ),
        (lambda: customer_profit(SALES.drop(columns="revenue"), LEDGER), "sales has no column 'revenue'"),
        (
            lambda: customer_profit(SALES.assign(revenue=[1, math.nan, 3]), LEDGER),
            "revenue must be numbers, .* row 2 is nan",
        ),
        (lambda: customer_profit(SALES.assign(revenue="1,50"), LEDGER), "sales, revenue must be numbers, not str"),
        (lambda: customer_profit(SALES.assign(customer_id=["A", None, "A"]), LEDGER), "1 of 3 rows are not"),
        (lambda: customer_profit(SALES[:0], LEDGER), "sales must be a DataFrame with rows"),
        (lambda: customer_profit(SALES, LEDGER.assign(cost=-1.0)), "ledger: cost: negative or not finite in 4 rows"),
        (lambda: customer_profit(SALES, LEDGER[:0]), "ledger has no rows"),
        (
            lambda: customer_profit(SALES, pd.concat([LEDGER, LEDGER])),
            "ledger: .*customer_id and month and activity as in an earlier row",
        ),
        (lambda: customer_profit(SALES, LEDGER, unused=-1), "unused must be a number from 0 on, not -1"),
        (lambda: customer_profit(SALES, LEDGER, unused=1, key="size"), "key must be 'revenue' or 'cost_to_serve'"),
        (lambda: customer_profit(SALES, LEDGER.assign(cost=0.0), unused=5), "no cost_to_serve to charge 5.00"),
        (lambda: price_waterfall(customer_profit(SALES, LEDGER), "Z"), "there is no customer 'Z'"),
        (lambda: price_waterfall(customer_profit(SALES, LEDGER), []), "customers is empty"),
        (lambda: whale_curve([]), "profit is empty"),
        (lambda: whale_curve([1, math.inf]), "profit must be numbers, none missing; that of 1 is inf"),
        (lambda: whale_curve(pd.Series([1, 2], ["A", "A"])), "profit has 'A' twice"),
        (lambda: ranking_loss(MARGIN, COSTS, 5), "k must be a whole number from 1 to the 4 customers, not 5"),
        (lambda: ranking_loss(MARGIN[:3], COSTS, 1), "scores has 'D', which is not in profit"),
        (
            lambda: ranking_loss(MARGIN, COSTS.assign(visits=math.nan), 1),
            "scores, visits must be numbers, none missing",
        ),
        (lambda: profit_draws(MARGIN[:3], COSTS), "costs has 'D', which is not in margin"),
        (lambda: profit_draws(MARGIN, COSTS.assign(visits=-1)), "costs, visits must be 0 or more, .* 'A' is -1"),
        (
            lambda: profit_draws(MARGIN, COSTS, customer_cv=-0.1),
            "customer_cv must be between 0 and 3, not -0.1",
        ),
        (lambda: profit_draws(MARGIN, COSTS, activity_cv=20), "activity_cv must be between 0 and 3, not 20"),
        (lambda: profit_draws(MARGIN, COSTS, activity_cv={"delivery": 0.1}), "activity_cv has no 'visits'"),
        (lambda: profit_draws(MARGIN, COSTS, activity_cv=by(0.1)), "activity_cv has no 'delivery', which is in costs"),
        (lambda: profit_draws(MARGIN, COSTS, draws=0), "draws must be a whole number, 1 or more, not 0"),
        (lambda: loser_chance(pd.DataFrame()), "draws must be a DataFrame with rows and columns"),
        (lambda: loser_chance(COSTS, level=90), "level must lie between 0 and 1, not 90"),
        (lambda: drop_regret(COSTS, {}), "rules must be a dict, not empty"),
        (lambda: drop_regret(COSTS, [COSTS.mean() < 0]), "rules must be a dict, not empty"),
        (lambda: whale_curve(COSTS), "profit must be a Series, a number a name, not a DataFrame"),
        (lambda: customer_profit({}, LEDGER), "sales must be a DataFrame, one row a sale, not dict"),
        (lambda: price_waterfall(COSTS, "A"), "result must be what customer_profit gives, not DataFrame"),
        (lambda: drop_regret(COSTS, {"x": COSTS.mean()}), "the rule 'x' must say true or false"),
        (lambda: drop_regret(COSTS, {"x": {"visits": True}}), "the rule 'x' has no 'delivery', which is in draws"),
        (lambda: avoidable_cost(COSTS, {"delivery": 0.5}), "shares has no activity 'visits', which is in costs"),
        (lambda: avoidable_cost(COSTS, dict.fromkeys(COSTS, 30)), "shares must be from 0 to 1, .* 'delivery' is 30"),
        (lambda: avoidable_cost(pd.concat([COSTS, COSTS]), {}), "costs, delivery has 'A' twice"),
        (lambda: death_spiral(MARGIN, -5, MARGIN), "fixed must be a number from 0 on, not -5"),
        (lambda: death_spiral(MARGIN, 5, MARGIN * 0), "no key is above 0"),
        (lambda: death_spiral(MARGIN, 5, -MARGIN), "key must be 0 or more, .* 'A' is -380"),
    ],
)
def test_bad_input_is_refused_in_the_user_s_words(call, message):
    with pytest.raises(ValueError, match=message):
        call()
