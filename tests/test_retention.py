"""Who stays, share of wallet, control charts."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from crmlab.retention import control_chart, kaplan_meier, logrank, run_rules, wallet_allocation_rule

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


# ------------------------------------------------------------------------------------------------------------ wallet


def test_the_published_shares_of_wallet():
    rule = {n: [round(100 * wallet_allocation_rule(rank, n)) for rank in range(1, n + 1)] for n in (1, 2, 3, 4)}
    assert rule == {1: [100], 2: [67, 33], 3: [50, 33, 17], 4: [40, 30, 20, 10]}


@given(st.lists(st.integers(1, 5), min_size=1, max_size=8))
def test_shares_of_a_wallet_sum_to_one_ties_included(places):
    rank = pd.Series(places).rank()
    assert wallet_allocation_rule(rank, len(places)).sum() == pytest.approx(1)


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
    rng, firsts = np.random.default_rng(2), []
    for _ in range(500):
        z = rng.normal(size=700)
        chart = pd.DataFrame({"value": z, "centre": 0.0, "lower": -3.0, "upper": 3.0, "out": np.abs(z) > 3})
        firsts.append(run_rules(chart).any(axis=1).argmax() + 1)
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
    ],
)
def test_charts_refuse_in_words(arguments, words):
    with pytest.raises(ValueError, match=words):
        control_chart(*arguments)
