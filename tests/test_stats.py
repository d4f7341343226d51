"""Bootstrap of a whole calculation, means of small groups: textbook numbers, special cases, laws, bad input."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from crmlab.stats import bootstrap, interval, shrunken_means, wilson

# Efron and Tibshirani (1993), Table 2.1: survival of the treated mice, in days. The bootstrap standard error of the
# mean tends to 23.36 (their table 2.2, infinitely many resamples).
MICE = pd.DataFrame({"days": [94.0, 197, 16, 38, 99, 141, 23]})


def mean_days(table):
    return table["days"].mean()


# --- published numbers ----------------------------------------------------------------------------------------------


def test_standard_error_of_the_mean_survival_of_the_mice():
    draws = bootstrap(mean_days, MICE, resamples=4000, random_state=1)
    assert draws["value"].mean() == pytest.approx(86.86, abs=1.2)
    assert draws["value"].std() == pytest.approx(23.36, abs=0.8)


# --- special cases --------------------------------------------------------------------------------------------------


def test_a_resample_has_the_size_of_the_table_a_fresh_index_and_its_rows():
    table = MICE.set_axis(list("abcdefg"))

    def look(drawn):
        assert drawn.index.tolist() == list(range(7))
        assert set(drawn["days"]) <= set(table["days"])
        return {"distinct": drawn["days"].nunique()}

    draws = bootstrap(look, table, resamples=300, random_state=1)
    assert list(draws.columns) == ["distinct"]
    assert draws["distinct"].mean() == pytest.approx(7 * (1 - (6 / 7) ** 7), abs=0.2)


def test_a_number_a_dictionary_and_a_series_give_the_same_draws():
    number = bootstrap(mean_days, MICE, resamples=20, random_state=2)
    named = bootstrap(lambda table: {"value": mean_days(table)}, MICE, resamples=20, random_state=2)
    series = bootstrap(lambda table: table.mean(), MICE, resamples=20, random_state=2)
    pd.testing.assert_frame_equal(number, named)
    pd.testing.assert_frame_equal(number, series.set_axis(["value"], axis=1))


def test_the_table_is_not_changed():
    before = MICE.copy()
    bootstrap(mean_days, MICE, resamples=2, random_state=1)
    pd.testing.assert_frame_equal(MICE, before)


@pytest.mark.parametrize(("k", "n"), [(0, 7), (5, 8), (30, 30), (412, 1000)])
@pytest.mark.parametrize("level", [0.5, 0.9, 0.99])
def test_wilson_is_the_interval_of_scipy(k, n, level):
    ends = stats.binomtest(k, n).proportion_ci(level, method="wilson")
    assert wilson(k / n, n, level) == pytest.approx((ends.low, ends.high), abs=1e-12)


def test_wilson_of_many_shares_is_that_of_each():
    low, high = wilson(pd.Series([0.2, 0.9]), pd.Series([10.0, 40.0]))
    assert (low[0], high[0]) == pytest.approx(wilson(0.2, 10.0))
    assert (low[1], high[1]) == pytest.approx(wilson(0.9, 40.0))


@pytest.mark.parametrize("level", [0, 1, 90])
def test_wilson_refuses_a_level_that_is_none(level):
    with pytest.raises(ValueError, match="level must lie between 0 and 1"):
        wilson(0.5, 10, level)


def test_interval_holds_the_middle_of_each_column():
    draws = pd.DataFrame({"one": np.arange(101.0), "two": -np.arange(101.0)})
    expected = pd.DataFrame({"low": [5.0, -95.0], "high": [95.0, -5.0]}, index=["one", "two"])
    pd.testing.assert_frame_equal(interval(draws), expected)


# --- laws -----------------------------------------------------------------------------------------------------------


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20), st.floats(0.05, 0.95), st.integers(0, 9))
@settings(max_examples=25, deadline=None)
def test_a_wider_level_gives_a_wider_interval_within_the_range_of_the_data(values, level, seed):
    draws = bootstrap(lambda t: t["x"].max(), pd.DataFrame({"x": values}), resamples=20, random_state=seed)
    narrow, wide = interval(draws, level).loc["value"], interval(draws, (1 + level) / 2).loc["value"]
    assert min(values) <= wide["low"] <= narrow["low"] <= narrow["high"] <= wide["high"] <= max(values)


# --- bad input ------------------------------------------------------------------------------------------------------


def test_a_failure_is_raised_with_its_resample_and_its_reason():
    def fails_without_the_longest(table):
        if table["days"].max() < 197:
            raise ZeroDivisionError("no long survivor")
        return 1.0

    with pytest.raises(RuntimeError, match=r"failed on resample \d+ of 50: ZeroDivisionError: no long survivor"):
        bootstrap(fails_without_the_longest, MICE, resamples=50, random_state=1)


@pytest.mark.parametrize("result", [np.nan, None, {"value": np.nan}])
def test_a_missing_number_is_raised_with_its_name(result):
    with pytest.raises(RuntimeError, match="no number for 'value' on resample 1 of 400"):
        bootstrap(lambda table: result, MICE)


def test_a_name_that_comes_only_sometimes_is_raised():
    results = iter([{"a": 1.0, "b": 2.0}, {"a": 1.0}])
    with pytest.raises(RuntimeError, match="no number for 'b' on resample 2 of 2"):
        bootstrap(lambda table: next(results), MICE, resamples=2)


@pytest.mark.parametrize("resamples", [0, -1, 2.5, True, "many"])
def test_a_bad_number_of_resamples_is_refused(resamples):
    with pytest.raises(ValueError, match="resamples must be a positive whole number, not"):
        bootstrap(mean_days, MICE, resamples=resamples)


def test_an_empty_table_is_refused():
    with pytest.raises(ValueError, match="table has no rows"):
        bootstrap(mean_days, MICE.head(0))


@pytest.mark.parametrize("level", [0, 1, 90, -0.1, np.nan])
def test_a_bad_level_is_refused(level):
    with pytest.raises(ValueError, match="level must lie between 0 and 1"):
        interval(MICE, level)


def test_no_draws_are_refused():
    with pytest.raises(ValueError, match="draws has no rows"):
        interval(MICE.head(0))


# --- the means of small groups --------------------------------------------------------------------------------------

# Efron and Morris (1977), Stein's paradox in statistics: batting averages of 18 players after 45 times at bat. Their
# shrinking factor is .212, their grand average .265.
BATTING = np.array([400, 378, 356, 333, 311, 311, 289, 267, 244, 244, 222, 222, 222, 222, 222, 200, 178, 156]) / 1000
PLAYERS = pd.DataFrame({"n": 45, "mean": BATTING, "variance": BATTING.mean() * (1 - BATTING.mean())})


def cells(means, sizes, variance=4.0):
    return pd.DataFrame({"n": sizes, "mean": means, "variance": variance})


def test_the_eighteen_players_of_efron_and_morris():
    found = shrunken_means(PLAYERS)
    assert found["weight"].round(3).tolist() == [0.212] * 18
    assert PLAYERS["mean"].mean() == pytest.approx(0.265, abs=5e-4)
    theirs = 0.265 + 0.212 * (BATTING - 0.265)
    assert found["shrunken_mean"].to_numpy() == pytest.approx(theirs, abs=5e-4)


@given(st.lists(st.floats(-100, 100), min_size=4, max_size=12), st.integers(1, 50), st.floats(0.5, 50))
def test_equal_groups_are_james_and_steins(means, size, variance):
    table = cells(means, [size + 1] * len(means), variance)
    k, spread = len(means), float(((np.array(means) - np.mean(means)) ** 2).sum())
    theirs = 1 - (k - 3) * variance / (size + 1) / max(spread, (k - 1) * variance / (size + 1))
    assert shrunken_means(table)["weight"].to_numpy() == pytest.approx(np.full(k, theirs), abs=1e-6)


@given(
    st.lists(st.tuples(st.floats(-100, 100), st.integers(1, 60), st.floats(0.1, 50)), min_size=4, max_size=12),
)
def test_shrunken_means_lie_between_the_own_and_that_of_all_and_small_groups_move_most(rows):
    table = pd.DataFrame(rows, columns=["mean", "n", "variance"]).sort_values("n")
    assume(table["n"].max() > 1)
    found = shrunken_means(table)
    assert found["weight"].between(2 / (len(table) - 1) - 1e-9, 1).all()
    assert found["weight"].is_monotonic_increasing
    low, high = table["mean"].min() - 1e-9, table["mean"].max() + 1e-9
    assert found["shrunken_mean"].between(low, high).all()


def test_morriss_steps_end_in_the_variance_between_groups():
    table = cells([10.0, 14.0, 9.0, 20.0, 12.0], [3, 20, 8, 2, 50], variance=18.0)
    error, mean, between, k = 18 / table["n"], table["mean"], 1.0, len(table)
    for _ in range(500):
        trust = 1 / (error + between)
        center = (trust * mean).sum() / trust.sum()
        between = (trust * (k / (k - 1) * (mean - center) ** 2 - error)).sum() / trust.sum()
    weight = 1 - (k - 3) / (k - 1) * error / (error + between)
    found = shrunken_means(table)
    assert found["weight"].tolist() == pytest.approx(weight.tolist(), abs=1e-6)
    assert found["shrunken_mean"].tolist() == pytest.approx((weight * mean + (1 - weight) * center).tolist(), abs=1e-5)


def test_small_groups_come_nearer_to_the_truth():
    rng = np.random.default_rng(3)
    true, sizes = rng.normal(50, 5, 60), rng.integers(2, 12, 60)
    drawn = [rng.normal(one, 20, size) for one, size in zip(true, sizes, strict=True)]
    table = pd.DataFrame({"n": sizes, "mean": [d.mean() for d in drawn], "variance": [d.var(ddof=1) for d in drawn]})
    shrunken = shrunken_means(table)["shrunken_mean"]
    assert ((shrunken - true) ** 2).mean() < 0.5 * ((table["mean"] - true) ** 2).mean()


def test_one_customer_alone_is_a_group_and_without_any_variance_nothing_moves():
    alone = shrunken_means(cells([1.0, 2, 3, 40], [1, 5, 5, 5], [np.nan, 4, 4, 4]))
    assert alone["weight"].iloc[0] == alone["weight"].min()
    exact = shrunken_means(cells([1.0, 2, 3, 4], [5] * 4, 0.0))
    assert (exact["weight"].tolist(), exact["shrunken_mean"].tolist()) == ([1] * 4, [1, 2, 3, 4])


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (cells([1.0, 2, 3], [5] * 3), "3 groups are too few"),
        (cells([1.0, 2, 3, 4], [5] * 4).drop(columns="n"), "no column 'n'"),
        (cells([1.0, 2, 3, 4], [5, 0, 5, 5]), "n must be a whole number of 1 or more; 0 of row 1 is not"),
        (cells([1.0, np.nan, 3, 4], [5] * 4), "mean must be a number; nan of row 1 is not"),
        (cells([1.0, 2, 3, 4], [5] * 4, -1.0), "variance must be 0 or more"),
        (cells([1.0, 2, 3, 4], [1] * 4), "no group has two observations"),
    ],
)
def test_groups_that_cannot_be_shrunken_are_refused(table, words):
    with pytest.raises(ValueError, match=words):
        shrunken_means(table)
