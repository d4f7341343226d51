"""Who stays, share of wallet, control charts."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from helpers import ROOT, crmlab
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from crmlab.data.firms import load, simulate
from crmlab.retention import (
    answer_queue,
    best_answers,
    break_even_save_rate,
    cohort_triangle,
    control_chart,
    hazard_by_tenure,
    kaplan_meier,
    logrank,
    plots,
    run_rules,
    share_of_wallet,
    wallet_allocation_rule,
)
from crmlab.runner import results, run

# ---------------------------------------------------------------------------------------------------------- survival

# Freireich and others (1963): weeks of remission; a plus is a patient still in remission.
TREATED = "6 6 6 6+ 7 9+ 10 10+ 11+ 13 16 17+ 19+ 20+ 22 23 25+ 32+ 32+ 34+ 35+"
CONTROL = "1 1 2 2 3 4 4 5 5 8 8 8 8 11 11 12 12 15 17 22 23"


def watched(weeks):
    times = weeks.split()
    return np.array([float(time.rstrip("+")) for time in times]), np.array([not time.endswith("+") for time in times])


def test_remission_under_6_mp_is_the_published_curve():
    curve = kaplan_meier(*watched(TREATED))
    assert curve.index.tolist() == [6, 7, 10, 13, 16, 22, 23]
    expected = [0.8571, 0.8067, 0.7529, 0.6902, 0.6275, 0.5378, 0.4482]
    assert curve["survival"].round(4).tolist() == expected
    assert curve["at_risk"].tolist() == [21, 17, 15, 12, 11, 7, 6]
    assert (curve["low"] < curve["survival"]).all()
    assert (curve["survival"] < curve["high"]).all()


def test_log_rank_of_6_mp_against_control_is_the_published_test():
    time, gone = (np.concatenate(both) for both in zip(watched(TREATED), watched(CONTROL), strict=True))
    result = logrank(time, gone, ["6-MP"] * 21 + ["control"] * 21)
    assert result.table["left"].tolist() == [9, 21]
    assert result.table["expected"].tolist() == pytest.approx([19.2505, 10.7495], abs=5e-5)
    assert result.statistic == pytest.approx(16.7929, abs=5e-5)
    assert result.pvalue == pytest.approx(4.17e-5, abs=5e-8)


lives = st.lists(st.tuples(st.integers(0, 8), st.booleans()), min_size=2, max_size=30)


@given(lives)
def test_survival_never_rises_and_its_interval_holds_it(rows):
    time, gone = np.array([float(t) for t, _ in rows]), np.array([left for _, left in rows])
    curve = kaplan_meier(time, gone)
    assert (curve["survival"].diff().dropna() < 0).all()
    assert curve["survival"].between(0, 1).all()
    known = curve.dropna()
    assert ((known["low"] <= known["survival"]) & (known["survival"] <= known["high"])).all()


@given(lives)
def test_the_curve_is_scipys(rows):
    time, gone = np.array([float(t) for t, _ in rows]), np.array([left for _, left in rows])
    curve = kaplan_meier(time, gone)
    scipys = stats.ecdf(stats.CensoredData.right_censored(time, ~gone)).sf
    np.testing.assert_allclose(curve["survival"], scipys.evaluate(curve.index.to_numpy()), atol=1e-12)


def test_the_interval_is_scipys():
    curve = kaplan_meier(*watched(TREATED), level=0.95)
    time, gone = watched(TREATED)
    sf = stats.ecdf(stats.CensoredData.right_censored(time, ~gone)).sf
    band = sf.confidence_interval(0.95, method="log-log")
    at = curve.index.to_numpy()
    np.testing.assert_allclose(curve["low"], band.low.evaluate(at))
    np.testing.assert_allclose(curve["high"], band.high.evaluate(at))


@given(st.lists(st.integers(0, 8), min_size=1, max_size=30))
def test_without_censoring_it_is_the_share_that_stayed_longer(times):
    curve = kaplan_meier(times, np.ones(len(times), bool))
    for when, share in curve["survival"].items():
        assert share == pytest.approx(np.mean([time > when for time in times]))


@given(lives, st.data())
def test_two_groups_are_tested_as_scipy_tests_them(rows, data):
    time, gone = np.array([float(t) for t, _ in rows]), np.array([left for _, left in rows])
    group = np.array(data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows))))
    if group.all() or not group.any() or not gone.any():
        return
    samples = [stats.CensoredData.right_censored(time[group == one], ~gone[group == one]) for one in (False, True)]
    result = logrank(time, gone, group)
    with np.errstate(all="ignore"):
        scipys = stats.logrank(*samples).statistic
    if np.isfinite(scipys):
        assert result.statistic == pytest.approx(scipys**2, abs=1e-9)


@given(lives)
def test_expected_leavers_add_up_and_names_of_groups_change_nothing(rows):
    time, gone = np.array([float(t) for t, _ in rows]), np.array([left for _, left in rows])
    if not gone.any():
        return
    group = np.arange(len(rows)) % 3 if len(rows) > 2 else np.arange(2)
    result, renamed = logrank(time, gone, group), logrank(time, gone, np.array(["z", "y", "x"])[group])
    assert result.table["expected"].sum() == pytest.approx(gone.sum())
    assert renamed.statistic == pytest.approx(result.statistic, abs=1e-9)
    assert 0 <= result.pvalue <= 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([1, 2], [True]), "of the same customers, one or more: 2 and 1"),
        (([], []), "one or more: 0 and 0"),
        (([1, -2], [True, True]), "duration must be a number, 0 and above; row 2 holds -2.0"),
        (([1, np.nan], [True, True]), "row 2 holds nan"),
        (([1, 2], [1, 0]), "left must be true or false"),
    ],
)
def test_who_stays_refuses_in_words(arguments, words):
    with pytest.raises(ValueError, match=words):
        kaplan_meier(*arguments)


@pytest.mark.parametrize(("group", "words"), [(["a", "a"], "two groups or more"), (["a", None], "one group for each")])
def test_log_rank_refuses_in_words(group, words):
    with pytest.raises(ValueError, match=words):
        logrank([1, 2], [True, True], group)
    with pytest.raises(ValueError, match="in which somebody left"):
        logrank([1, 2], [False, False], ["a", "b"])


# --------------------------------------------------------------------------------- watched from some time on; tenure


@given(lives)
def test_who_is_watched_from_the_start_is_as_without_entry(rows):
    time, gone = np.array([float(t) + 1 for t, _ in rows]), np.array([left for _, left in rows])
    pd.testing.assert_frame_equal(kaplan_meier(time, gone), kaplan_meier(time, gone, entered=np.zeros(len(time))))


def test_survivors_do_not_count_before_they_were_watched():
    rng = np.random.default_rng(3)
    began, lasts = rng.uniform(-6, 3, 8000), rng.exponential(2.0, 8000)  # half leave within 2 log 2 = 1.386
    known = began + lasts > 0  # who had gone before 0 is in no table
    began, lasts = began[known], lasts[known]
    time, entered = np.minimum(lasts, 3 - began), np.maximum(-began, 0)
    gone = lasts <= 3 - began

    def median(curve):
        return curve.index[curve["survival"] < 0.5].min()

    assert median(kaplan_meier(time, gone, entered=entered)) == pytest.approx(2 * np.log(2), rel=0.06)
    assert median(kaplan_meier(time, gone)) > 2.2
    hazard = hazard_by_tenure(time, gone, [0, 1, 2, 4], entered=entered)
    assert hazard["hazard"].tolist() == pytest.approx([0.5] * 3, rel=0.12)
    assert ((hazard["low"] < 0.5) & (hazard["high"] > 0.5)).all()


def test_log_rank_counts_those_at_risk_only():
    # Customer 3 enters after 1 has left, so that it cannot be expected to have left then.
    result = logrank([1.0, 2.0, 3.0], [True, True, False], ["a", "b", "a"], entered=[0.0, 0.0, 1.5])
    assert result.table["expected"].tolist() == pytest.approx([1 / 2 + 1 / 2, 1 / 2 + 1 / 2])


@given(lives)
def test_the_classes_of_tenure_share_out_all_time_and_all_leavers(rows):
    time, gone = np.array([float(t) for t, _ in rows]), np.array([left for _, left in rows])
    table = hazard_by_tenure(time, gone, [-1, 0, 2, 5, 8])
    assert table["watched"].sum() == pytest.approx(time.sum() + len(time))  # the first class holds the time before 0
    assert table["left"].sum() == gone.sum()
    shown = table.dropna()
    assert ((shown["low"] <= shown["hazard"]) & (shown["hazard"] <= shown["high"])).all()


def test_the_interval_of_a_rate_is_garwoods():
    one = hazard_by_tenure([10.0] * 4, [True, True, True, False], [0, 20], level=0.95).iloc[0]
    assert [one["low"] * 40, one["high"] * 40] == pytest.approx([0.61867, 8.76727], abs=1e-5)  # exact, for a count of 3


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: kaplan_meier([1, 2], [True, True], entered=[0, 2]), "watched from 2.0 on cannot end at 2.0 .row 2."),
        (lambda: kaplan_meier([1, 2], [True, True], entered=[0]), "2 and 2 and 1"),
        (lambda: hazard_by_tenure([1], [True], [0, 0]), "edges must be two numbers or more"),
        (lambda: hazard_by_tenure([1], [True], [3]), "edges must be two numbers or more"),
    ],
)
def test_tenure_refuses_in_words(call, words):
    with pytest.raises(ValueError, match=words):
        call()


# ----------------------------------------------------------------------------------------------------------- cohorts

JOINED = pd.to_datetime(["2022-06-01", "2022-07-01", "2023-03-01", "2023-05-01", "2024-02-01"])
GONE = pd.to_datetime(["2023-02-01", None, "2024-06-01", None, None])


def test_cohorts_by_hand():
    table = cohort_triangle(JOINED, GONE, "2024-12-31")
    assert table.index.astype(str).tolist() == ["2022", "2023", "2024"]
    assert table.to_numpy()[0].tolist() == [1.0, 0.5, 0.5]
    assert table.to_numpy()[1, :2].tolist() == [1.0, 0.5]
    assert np.isnan(table.to_numpy()[1, 2])
    assert table.attrs["customers"].tolist() == [2, 2, 1]


def test_what_is_not_observed_is_blank_never_0():
    known = cohort_triangle(JOINED, GONE, "2024-12-30", since="2023-01-01")
    assert known.iloc[0].isna().tolist() == [True, False]  # 2022 was before the records, 2024 lacks a day
    assert known.iloc[2].isna().all()
    assert not (known == 0).any(axis=None)


periods = st.tuples(st.dates(date(2020, 1, 1), date(2023, 12, 31)), st.integers(-1, 900))


@given(st.lists(periods, min_size=1, max_size=15), st.sampled_from(["year", "quarter", "month"]))
def test_a_cohort_never_grows_and_all_cohorts_hold_all_customers(rows, unit):
    joined = pd.Series(pd.to_datetime([day for day, _ in rows]))
    gone = joined + pd.to_timedelta([np.nan if days < 0 else days for _, days in rows], unit="D")
    table = cohort_triangle(joined, gone, "2023-12-31", unit)
    assert (table.diff(axis=1).fillna(0) <= 1e-12).all(axis=None)
    assert table.isna().all(axis=None) or (table.min().min() >= 0 and table.max().max() <= 1)
    assert table.attrs["customers"].sum() == len(rows)
    still = (~(gone <= pd.Timestamp("2023-12-31"))).sum()
    last = sum(table.loc[one].dropna().iloc[-1] * size for one, size in table.attrs["customers"].items())
    assert last == pytest.approx(still)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([], [], "2024-12-31"), "one or more: 0 and 0"),
        ((JOINED, GONE[:2], "2024-12-31"), "5 and 2"),
        ((JOINED, GONE, "2023-12-31"), "1 customers: the one in row 5 joined after today .2023-12-31."),
        ((JOINED, [None] * 4 + ["2023-01-01"], "2024-12-31"), "row 5 left before it joined"),
        (([None, "2024-01-01"], [None, None], "2024-12-31"), "row 1 has no date of joining"),
        ((JOINED, GONE, "2024-12-31", "week"), "unit must be one of 'year', 'quarter', 'month', not 'week'"),
    ],
)
def test_cohorts_refuse_in_words(arguments, words):
    with pytest.raises(ValueError, match=words):
        cohort_triangle(*arguments)


# ------------------------------------------------------------------------------------------------------------ wallet


def test_the_published_shares_of_wallet():
    rule = {n: [round(100 * wallet_allocation_rule(rank, n)) for rank in range(1, n + 1)] for n in (1, 2, 3, 4)}
    assert rule == {1: [100], 2: [67, 33], 3: [50, 33, 17], 4: [40, 30, 20, 10]}


@given(st.lists(st.integers(1, 5), min_size=1, max_size=8))
def test_shares_of_a_wallet_sum_to_one_ties_included(places):
    rank = pd.Series(places).rank()
    assert wallet_allocation_rule(rank, len(places)).sum() == pytest.approx(1)


wallets = st.lists(
    st.tuples(st.sampled_from("AB"), st.sampled_from(["us", "x", "y"]), st.integers(0, 9)), min_size=1, max_size=12
)


@given(wallets)
def test_the_shares_of_all_suppliers_sum_to_one(rows):
    spend = pd.DataFrame(rows, columns=["customer_id", "supplier", "spend"])
    parts = sum(share_of_wallet(spend, one)["share"].dropna() for one in spend["supplier"].unique())
    assert np.allclose(parts, 1)


@pytest.mark.parametrize(
    ("spend", "words"),
    [
        ({"customer_id": ["A"], "spend": [1]}, "needs the column 'supplier'"),
        ({"customer_id": ["A"], "supplier": ["us"], "spend": [-1]}, "spend must be 0 and above; row 1 holds -1"),
        ({"customer_id": ["A"], "supplier": ["us"], "spend": [np.nan]}, "row 1 holds nan"),
        ({"customer_id": ["A"], "supplier": ["x"], "spend": [1]}, "there is no supplier 'us'; there are 'x'"),
    ],
)
def test_a_wallet_is_refused_in_words(spend, words):
    with pytest.raises(ValueError, match=words):
        share_of_wallet(pd.DataFrame(spend))


@pytest.mark.parametrize("rank", [0, 4, np.nan])
def test_a_place_that_is_none_is_refused(rank):
    with pytest.raises(ValueError, match="rank must be from 1 to the number of brands"):
        wallet_allocation_rule(rank, 3)


# ---------------------------------------------------------------------------------------------------- control charts

# Montgomery (1991), pages 173 to 175, as R's package qcc ships them.
CIRCUIT = [21, 24, 16, 12, 15, 5, 28, 20, 31, 25, 20, 24, 16, 19, 10, 17, 13, 22, 18, 39, 30, 24, 16, 19, 17, 15]
COMPUTERS = [10, 12, 8, 14, 10, 16, 11, 7, 10, 15, 9, 5, 7, 11, 12, 6, 8, 10, 7, 5]
JUICE = [12, 15, 8, 10, 4, 7, 16, 9, 14, 10, 5, 6, 17, 12, 22, 8, 10, 5, 13, 11]
JUICE += [20, 18, 24, 15, 9, 12, 7, 13, 9, 6]


def limits(chart):
    return chart[["centre", "upper", "lower"]].iloc[0].tolist()


def out(chart):
    return (np.flatnonzero(chart["out"]) + 1).tolist()


def test_montgomerys_charts():
    c, u, p = control_chart(CIRCUIT), control_chart(COMPUTERS, 5, "u"), control_chart(JUICE, 50, "p")
    assert limits(c) == pytest.approx([19.84615, 33.21086, 6.48145], abs=1e-5)
    assert out(c) == [6, 20]
    assert limits(u) == pytest.approx([1.93, 3.793867, 0.066133], abs=1e-6)
    assert out(u) == []
    assert limits(p) == pytest.approx([0.231333, 0.410239, 0.052428], abs=1e-6)
    assert out(p) == [15, 23]


@given(st.lists(st.integers(0, 40), min_size=1, max_size=20))
def test_a_u_chart_with_exposure_one_is_the_c_chart(counts):
    pd.testing.assert_frame_equal(control_chart(counts), control_chart(counts, 1, "u"))


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(40, 90)), min_size=2, max_size=20))
def test_phases_are_charts_of_their_own(rows):
    counts, size = zip(*rows, strict=True)
    phase = np.arange(len(rows)) >= len(rows) // 2
    whole = control_chart(counts, size, "p", phase)
    for one in (False, True):
        part = control_chart(np.array(counts)[phase == one], np.array(size)[phase == one], "p")
        np.testing.assert_allclose(whole[phase == one].to_numpy(float), part.to_numpy(float))


@given(st.lists(st.integers(0, 40), min_size=3, max_size=20), st.integers(1, 10))
def test_a_base_gives_its_limits_to_all_that_comes_later(counts, known):
    base = np.arange(len(counts)) < known
    chart, learned = control_chart(counts, base=base), control_chart(counts[:known])
    assert (chart[["centre", "lower", "upper"]] == learned.iloc[0][["centre", "lower", "upper"]].astype(float)).all(
        axis=None
    )


def test_laneys_limits_are_those_of_chance_where_chance_is_all_there_is_and_wider_where_it_is_not():
    rng = np.random.default_rng(1)
    size = np.full(4000, 2000.0)
    chance, more = rng.poisson(0.1 * size), rng.poisson(0.1 * size * rng.gamma(20, 1 / 20, 4000))
    usual, laney = control_chart(chance, size, "u"), control_chart(chance, size, "u'")
    assert (laney["upper"] - laney["centre"]).iloc[0] == pytest.approx(
        (usual["upper"] - usual["centre"]).iloc[0], rel=0.05
    )
    assert control_chart(more, size, "u")["out"].mean() > 0.3
    assert control_chart(more, size, "u'")["out"].mean() < 0.01


def test_the_rules_raise_as_many_false_alarms_as_published():
    z = np.random.default_rng(2).normal(size=(500, 700))
    z = np.hstack([np.zeros((500, 8)), z]).ravel()  # 500 charts in one: no pattern reaches over eight zeros
    chart = pd.DataFrame({"value": z, "centre": 0.0, "lower": -3.0, "upper": 3.0, "out": np.abs(z) > 3})
    firsts = run_rules(chart).any(axis=1).to_numpy().reshape(500, 708)[:, 8:].argmax(axis=1) + 1
    assert np.mean(firsts) == pytest.approx(91.75, rel=0.1)  # Champ and Woodall (1987); its standard error is 4%


@pytest.mark.parametrize(
    ("z", "rule", "found"),
    [
        ([2.5, 0, 2.5], "2 of 3 beyond 2 sigma", [False, False, True]),
        ([2.5, 0, -2.5], "2 of 3 beyond 2 sigma", [False, False, False]),
        ([1.5, 1.5, 0, 1.5, 1.5], "4 of 5 beyond 1 sigma", [False, False, False, False, True]),
        ([1.5, 1.5, 1.5, 1.5, 0], "4 of 5 beyond 1 sigma", [False, False, False, True, False]),
        ([0.1] * 9, "8 on one side", [False] * 7 + [True] * 2),
        ([0.1] * 7 + [-0.1], "8 on one side", [False] * 8),
    ],
)
def test_each_rule_finds_its_pattern_and_no_other(z, rule, found):
    chart = pd.DataFrame({"value": z, "centre": 0.0, "lower": -3.0, "upper": 3.0, "out": False})
    assert run_rules(chart)[rule].tolist() == found


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([1], None, "n"), "kind must be one of"),
        (([], None, "c"), "there are no counts"),
        (([1, -2], None, "c"), "whole numbers, 0 and above; row 2 holds -2"),
        (([1, 2.5], None, "c"), "row 2 holds 2.5"),
        (([1, np.nan], None, "c"), "row 2 holds nan"),
        (([1], 5, "c"), "a c chart needs no exposure"),
        (([1], None, "u"), "a u chart needs the exposure of each count"),
        (([1, 2], [5], "u"), "there are 2 counts, but 1 exposures"),
        (([1, 2], [5, 0], "u"), "exposure must be above 0; row 2 holds 0"),
        (([1, 6], [5, 5], "p"), "no count exceeds its exposure; row 2 holds 6.0 of 5.0"),
        (([1, 6], None, "c", ["a"]), "of the 2 rows of counts"),
        (([1, 6], None, "c", None, [1, 0]), "true or false"),
        (([1, 6], None, "c", ["a", "b"], [True, False]), "the phase that begins in row 2 has no row in base"),
    ],
)
def test_charts_refuse_in_words(arguments, words):
    with pytest.raises(ValueError, match=words):
        control_chart(*arguments)


# ----------------------------------------------------------------------------------------------------------- answers

RISK = pd.DataFrame({"late": [0.30, 0.05, 0.0], "other": [0.1, 0.1, 0.5]}, index=["A", "B", "C"])
VALUE = pd.Series({"A": 2000.0, "B": 500.0, "C": -900.0})
EFFECT = pd.DataFrame({"late": [0.3, 0.6], "other": [0.3, 0.0]}, index=["call", "watch"])
COST = pd.DataFrame({"call": [20.0] * 3, "watch": [40.0] * 3}, index=["A", "B", "C"])


def test_the_best_answers_by_hand():
    best = best_answers(RISK, VALUE, EFFECT, COST)
    assert best["action"].fillna("none").tolist() == ["watch", "call", "none"]
    # A: 0.3 x 0.6 x 2000 = 360 by a watch, (0.4 x 0.3) x 2000 = 240 by a call; B: 22.5 by a call
    assert best["saved"].tolist() == pytest.approx([360, 22.5, 0])
    assert best["net"].tolist() == pytest.approx([320, 2.5, 0])


shares = st.floats(0, 0.5)
money = st.floats(-100, 1000)


@given(st.lists(st.tuples(shares, shares, money, st.floats(0.01, 50)), min_size=1, max_size=12), st.floats(0, 300))
def test_a_queue_keeps_its_budget_and_each_euro_brings_less(rows, budget):
    table = pd.DataFrame(rows, columns=["late", "other", "value", "price"])
    cost = pd.DataFrame({"call": table["price"], "watch": 2 * table["price"]})
    best = best_answers(table[["late", "other"]], table["value"], EFFECT, cost)
    whole, queue = answer_queue(best), answer_queue(best, budget)
    assert (best["net"] >= 0).all()
    assert (queue.loc[queue["answered"], "cost"].sum()) <= budget + 1e-9
    assert (whole["net"] / whole["cost"]).round(6).is_monotonic_decreasing
    assert whole["answered"].all()
    assert len(whole) == best["action"].notna().sum()
    chosen = best.loc[best["action"].notna()]
    for action in ("call", "watch"):  # no other action would have brought more
        saved = table[["late", "other"]] @ EFFECT.loc[action] * table["value"].clip(lower=0)
        assert (chosen["net"] >= (saved - cost[action])[chosen.index] - 1e-9).all()


def test_renaming_and_reordering_customers_changes_no_answer():
    best, other = best_answers(RISK, VALUE, EFFECT, COST), ["C", "A", "B"]
    again = best_answers(RISK.loc[other], VALUE.iloc[::-1], EFFECT[["other", "late"]], COST[["watch", "call"]])
    pd.testing.assert_frame_equal(best, again.loc[best.index])


@given(st.floats(0, 500), st.floats(1, 9000), st.floats(0.01, 1))
def test_at_the_break_even_save_rate_nothing_is_gained_or_lost(cost, value, risk):
    rate = break_even_save_rate(cost, value, risk)
    assert rate * risk * value == pytest.approx(cost, abs=1e-9)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: break_even_save_rate(-1, 10), "cost must be 0 and above, not -1"),
        (lambda: break_even_save_rate(1, 0), "value must be above 0, not 0"),
        (lambda: break_even_save_rate(1, 10, [0.5, 1.5]), "risk must be above 0, and at most 1, not 1.5"),
        (lambda: best_answers(RISK, VALUE.drop("B"), EFFECT, COST), "value: customers must be the same .*'B' is not"),
        (lambda: best_answers(RISK, VALUE, EFFECT[["late"]], COST), "effect: causes must be the same .*'other' is not"),
        (lambda: best_answers(RISK, VALUE, EFFECT, COST[["call"]]), "cost: actions must be the same .*'watch' is not"),
        (lambda: best_answers(RISK + 0.4, VALUE, EFFECT, COST), "the risks of 'C' sum to more than 1"),
        (lambda: best_answers(-RISK, VALUE, EFFECT, COST), "risk must be numbers from 0 to 1"),
        (lambda: best_answers(RISK, VALUE, EFFECT, COST * np.nan), "cost must be numbers from 0"),
        (lambda: best_answers(RISK, VALUE.where(VALUE < 1000), EFFECT, COST), "the value of 'A' is missing"),
        (lambda: best_answers(RISK.iloc[[0, 0]], VALUE.iloc[[0]], EFFECT, COST.iloc[[0]]), "each once; 'A' is not"),
        (lambda: best_answers(RISK, VALUE, EFFECT.iloc[:0], COST[[]]), "there are none"),
        (lambda: answer_queue(best_answers(RISK, VALUE, EFFECT, COST), -1), "budget must be a number, 0 and above"),
    ],
)
def test_answers_refuse_in_words(call, words):
    with pytest.raises(ValueError, match=words):
        call()


# ---------------------------------------------------------------------------------------------------------- pictures


@pytest.mark.parametrize(("risk", "words"), [(0.02, "cannot pay"), (0.2, "22% of leavers"), (1.0, "4% of leavers")])
def test_the_slider_of_the_save_rate(risk, words):
    assert words in plots.plot_save_rate(104.0, 2343.0, risk).get_title(loc="left")


@pytest.mark.parametrize(("budget", "words"), [(0.0, "plan 0"), (25.0, "plan 2"), (1e6, "plan 3")])
def test_the_slider_of_the_budget(budget, words):
    queue = pd.DataFrame({"spent": [20.0, 40.0], "brought": [2000.0, 3000.0]})
    assert plots.plot_budget({"plan": queue}, budget).get_title(loc="left").endswith(words)


def test_pictures_say_what_they_show():
    triangle = cohort_triangle(JOINED, GONE, "2024-12-31")
    assert "100%, 100%, 100%" in plots.plot_cohorts(triangle).get_title(loc="left")
    shown = plots.plot_survival({"all": kaplan_meier([1, 2], [True, True])}, "years")
    assert shown.get_xlabel() == "years"
    by = pd.Series({"no answer": 5, "price": 3})
    assert "say price" in plots.plot_pareto(by, by).figure.get_suptitle()
    assert "lost by: price" in plots.plot_pareto(by, by[::-1].set_axis(by.index)).figure.get_suptitle()
    chart = plots.plot_control_chart(control_chart(CIRCUIT), "two out", "faults")
    marked = next(line for line in chart.lines if line.get_label() == "alarm")
    assert list(marked.get_xdata() + 1) == [6, 20]


# ------------------------------------------------------------------------------------------------ what is planted


def late_and_damage(firm, depot, kind):
    of = firm.customers.set_index("customer_id")["depot"]
    orders = firm.orders[firm.orders["customer_id"].map(of) == depot]
    told = firm.complaints[(firm.complaints["customer_id"].map(of) == depot) & (firm.complaints["category"] == kind)]
    months = pd.period_range("2023-01", "2025-12", freq="M")
    counts = told["opened_on"].dt.to_period("M").value_counts().reindex(months, fill_value=0)
    exposure = orders["ordered_on"].dt.to_period("M").value_counts().reindex(months)
    return control_chart(counts, exposure, "u", base=months < "2023-09")


def test_the_planted_shifts_are_found_in_their_month():
    firm = load("harbour_and_hill")
    late, damage = late_and_damage(firm, "Hill", "late"), late_and_damage(firm, "Mill", "damage")
    assert str(late.index[late["out"]].min()) == "2023-09"  # from the last days of August on
    shift = firm.truth.facts.set_index("fact").loc["one shift in complaints", "where"]
    assert shift == "Mill 2024-09-30"
    assert str(damage.index[damage["out"]].min()) == "2024-10"


@pytest.mark.proof
def test_the_planted_lateness_is_found_over_seeds_and_the_null_twin_is_quieter():
    found, quiet = [], []
    for seed in range(2, 12):
        late = late_and_damage(simulate("harbour_and_hill", seed=seed), "Hill", "late")
        null = late_and_damage(simulate("harbour_and_hill", seed=seed, planted=False), "Hill", "late")
        found.append(late["out"][-28:].mean())
        quiet.append(null["out"][-28:].mean())
    assert np.mean(found) > 0.5
    assert np.mean(quiet) < 0.15
    assert min(found) > np.mean(quiet)


# ------------------------------------------------------------------------------------------------ the chapter


@pytest.fixture(scope="module")
def recorded():
    return results(ROOT / "notebooks" / "02_retention.ipynb").set_index("name")


def test_three_retentions_added_up_order_by_order(recorded):
    firm = load("harbour_and_hill")
    cost = firm.products.set_index("product_id")["unit_cost"].to_dict()
    goods = {}
    for order, product, delivered in firm.order_lines[["order_id", "product_id", "delivered"]].itertuples(index=False):
        goods[order] = goods.get(order, 0.0) + delivered * cost[product]
    middle, start = firm.today - pd.Timedelta(days=364), firm.today - pd.Timedelta(days=728)
    sums = {"before": {}, "now": {}}
    rows = firm.orders[["order_id", "customer_id", "ordered_on", "amount"]]
    for order, customer, day, amount in rows.itertuples(index=False):
        if start < day <= firm.today:
            part = sums["before" if day <= middle else "now"].setdefault(customer, [0.0, 0.0])
            part[0] += amount
            part[1] += amount - goods[order]
    before, now = sums["before"], sums["now"]
    both = [customer for customer in before if customer in now]
    assert recorded.loc["customers_retention", "value"] == pytest.approx(len(both) / len(before), rel=1e-5)
    for place, name in enumerate(["revenue", "margin"]):
        kept = sum(now[customer][place] for customer in both) / sum(part[place] for part in before.values())
        assert recorded.loc[f"{name}_retention", "value"] == pytest.approx(kept, rel=1e-5)


def test_the_truth_that_the_chapter_tells(recorded):
    firm = load("harbour_and_hill")
    stated = firm.defections["stated_cause"].dropna()
    assert recorded.loc["stated_price", "value"] == pytest.approx((stated == "price").mean(), rel=1e-5)
    late = recorded.loc["attributed_late"]
    assert late["low"] < recorded.loc["truly_late", "value"] < late["high"]
    assert recorded.loc["truly_price", "value"] < 0.15 < recorded.loc["stated_price", "value"]
    anyway = firm.truth.leavers["would_have_left"].mean()
    assert recorded.loc["would_have_left_anyway", "value"] == pytest.approx(anyway, rel=1e-5)


def test_the_plan_is_ahead_in_truth_as_far_as_its_interval_promised(recorded):
    decision, played = recorded.loc["decision"], recorded.loc["ahead_played"]
    assert played["low"] > 0
    assert played["high"] > decision["low"]  # they overlap
    assert recorded.loc["plan_played", "value"] < recorded.loc["plan_brings", "value"]  # it is told as half


def purchases(customers, years):
    rng, rows = np.random.default_rng(5), []
    for number in range(customers):
        day, gap = rng.uniform(0, 200 * years), rng.gamma(2, 15)
        while day < min(365 * years, 200 * years + rng.exponential(900)):
            rows.append(
                (f"K{number:04d}", pd.Timestamp("2022-01-01") + pd.Timedelta(days=int(day)), rng.lognormal(5, 1))
            )
            day += 1 + rng.exponential(gap)
    return pd.DataFrame(rows, columns=["customer_id", "date", "amount"])


@pytest.mark.proof
def test_a_short_file_is_refused_in_words(tmp_path):
    purchases(20, 2.5).to_csv(tmp_path / "few.csv", index=False)
    done = crmlab("run", "02", "-p", f"dataset={tmp_path / 'few.csv'}", "--out", str(tmp_path / "out"))
    assert done.returncode != 0
    assert "20 customers from 2022-" in done.stderr
    assert "needed are 50, over two windows of 52 weeks" in done.stderr


@pytest.mark.proof
def test_the_chapter_runs_on_purchases_alone_and_without_effects(tmp_path):
    purchases(300, 2.5).to_csv(tmp_path / "own.csv", index=False)
    own = run(ROOT / "notebooks" / "02_retention.ipynb", tmp_path / "own", dataset=str(tmp_path / "own.csv"))
    assert own.results.set_index("name").loc["accounts", "value"] == 300
    none = dict.fromkeys(["call_effect", "visit_effect", "watch_effect"], 0.0)
    nothing = run(ROOT / "notebooks" / "02_retention.ipynb", tmp_path / "none", **none)
    assert nothing.results.set_index("name").loc["decision", "value"] == 0
    assert "Answer nobody" in (tmp_path / "none" / "02_retention.ipynb").read_text("utf-8")
