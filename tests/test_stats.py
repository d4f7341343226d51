"""The bootstrap of a whole calculation: textbook numbers, special cases, laws, bad input."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlab.stats import bootstrap, interval

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
