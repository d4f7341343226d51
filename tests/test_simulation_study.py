"""Performance against a truth: published figures, closed forms, laws, and what is refused."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtr, ndtri
from sweeps import ASweep, result

from crmlab.runner.catalogue import Catalogue
from crmlab.runner.simulation_study import measures, monte_carlo_error, performance

CLOSE = 1e-9


@pytest.fixture
def sweep(tmp_path):
    return ASweep(tmp_path / "sweep")


def catalogue(sweep):
    return Catalogue(sweep.folder)


def a_case(values, truth=0.0, low=math.nan, high=math.nan, level=0.9):
    """Estimates of one case, as `measures` takes them."""
    table = pd.DataFrame({"value": np.asarray(values, dtype=float), "truth": truth, "low": low, "high": high})
    return table.assign(level=level).astype(float)


# --- published figures ----------------------------------------------------------------------------------------------

# White (2010), simsum: Analyses of simulation studies including Monte Carlo error, Stata Journal 10(3), 369-385: 1000
# simulations of three ways to handle missing covariates, truth 0.5; figures to four digits as the package rsimsum
# prints them for these data. The data are not ours to copy: normal scores of the same mean and standard error, and as
# many intervals that cover, must give the other figures. (The error of the MSE asks for their fourth moment, too.)
PUBLISHED = [  # mean, empirical SE and its error, bias and its error, MSE, coverage and its error
    ("CC", 0.5168, 0.1511, 0.0034, 0.0168, 0.0048, 0.0231, 0.9430, 0.0073),
    ("MI_LOGT", 0.5009, 0.1320, 0.0030, 0.0009, 0.0042, 0.0174, 0.9490, 0.0070),
    ("MI_T", 0.4988, 0.1344, 0.0030, -0.0012, 0.0043, 0.0181, 0.9430, 0.0073),
]


@pytest.mark.parametrize("figures", PUBLISHED, ids=[figures[0] for figures in PUBLISHED])
def test_reproduces_the_published_figures(figures):
    _, mean, spread, spread_error, bias, bias_error, mse, coverage, coverage_error = figures
    scores = ndtri((np.arange(1000) + 0.5) / 1000)
    values = mean + spread * scores / scores.std(ddof=1)
    covers = np.arange(1000) < round(1000 * coverage)
    low = np.where(covers, 0.4, 0.6)
    found = measures(a_case(values, 0.5, low, low + 0.2, 0.95))
    half = 0.5e-4 + CLOSE  # of the last digit that is printed
    assert found["runs"] == found["intervals"] == 1000
    assert found["bias"] == pytest.approx(bias, abs=half)
    assert found["bias_error"] == pytest.approx(bias_error, abs=half)
    assert found["empirical_se_error"] == pytest.approx(spread_error, abs=half)
    assert found["rmse"] ** 2 == pytest.approx(mse, abs=half + 2 * spread * half)  # what was put in is rounded, too
    assert (found["coverage"], found["level"]) == (coverage, 0.95)
    assert found["coverage_error"] == pytest.approx(coverage_error, abs=half)


# --- closed forms, and another way --------------------------------------------------------------------------------


def test_a_case_by_hand():
    found = measures(a_case([1.0, 2.0, 3.0, 6.0], 2.0, [0, 1, 2.5, 5], [3, 3, 4, 7]))
    assert found["mean"] == 3
    assert found["bias"] == 1
    assert found["empirical_se"] == pytest.approx(math.sqrt(14 / 3))
    assert found["bias_error"] == pytest.approx(math.sqrt(14 / 3) / 2)
    assert found["empirical_se_error"] == pytest.approx(math.sqrt(14 / 3 / 6))
    assert found["rmse"] == pytest.approx(math.sqrt(18 / 4))
    # Squared errors are 1, 0, 1, 16: their mean 4.5, the sum of squared distances from it 177.
    assert found["rmse_error"] == pytest.approx(math.sqrt(177 / (4 * 3)) / (2 * math.sqrt(4.5)))
    assert (found["coverage"], found["coverage_error"]) == (0.5, 0.25)
    assert found["width"] == (3 + 2 + 1.5 + 2) / 4


@given(st.lists(st.integers(-1000, 1000), min_size=3, max_size=12), st.integers(-50, 50))
def test_errors_of_means_are_those_of_the_jackknife(values, truth):
    found = measures(a_case(values, float(truth)))
    without = [measures(a_case(values[:k] + values[k + 1 :], float(truth))) for k in range(len(values))]

    def jackknife(name, power=1):
        left = np.array([one[name] ** power for one in without])
        return math.sqrt((len(values) - 1) * ((left - left.mean()) ** 2).mean())

    assert found["bias_error"] == pytest.approx(jackknife("bias"), rel=1e-6, abs=1e-6)
    assert 2 * found["rmse"] * found["rmse_error"] == pytest.approx(jackknife("rmse", 2), rel=1e-6, abs=1e-6)


def test_errors_are_what_whole_studies_differ_by():
    """Four hundred studies of 60 normal estimates: each measure's mean squared error estimate is its variance."""
    rng = np.random.default_rng(7)
    values = rng.normal(11.0, 2.0, (400, 60))
    reach = float(ndtri(0.95)) * 2.0
    studies = pd.DataFrame([measures(a_case(row, 10.0, row - reach, row + reach)) for row in values])
    for name in ("bias", "empirical_se", "rmse", "coverage"):
        claimed = math.sqrt((studies[f"{name}_error"] ** 2).mean())
        assert claimed == pytest.approx(studies[name].std(), rel=0.12), name
    # Intervals of the right width around an estimate that is half a standard error too high cover too rarely.
    expected = float(ndtr(ndtri(0.95) - 0.5) - ndtr(-ndtri(0.95) - 0.5))
    assert studies["coverage"].mean() == pytest.approx(expected, abs=3 * math.sqrt(expected * (1 - expected) / 24_000))


def test_intervals_of_a_normal_mean_cover_as_they_claim(sweep):
    from scipy.stats import t

    rng = np.random.default_rng(3)
    for seed in range(1, 201):
        sample = rng.normal(5.0, 3.0, 12)
        reach = float(t.ppf(0.95, 11)) * sample.std(ddof=1) / math.sqrt(12)
        mean = sample.mean()
        sweep.run({"seed": seed, "weeks": 12}, result("mean", mean, mean - reach, mean + reach))
    (found,) = performance(catalogue(sweep), {"mean": 5.0}).itertuples()
    assert (found.runs, found.failed, found.level) == (200, 0, 0.9)
    assert abs(found.coverage - 0.9) < 3 * found.coverage_error
    assert abs(found.bias) < 3 * found.bias_error
    assert abs(found.empirical_se - 3 / math.sqrt(12)) < 3 * found.empirical_se_error


# --- laws -----------------------------------------------------------------------------------------------------------

ESTIMATES = st.lists(st.floats(-1e3, 1e3).map(lambda x: round(x, 3)), min_size=2, max_size=20)


@given(ESTIMATES, st.integers(-100, 100), st.integers(1, 50))
def test_another_unit_or_origin_moves_the_measures_along(values, origin, unit):
    values = np.array(values)
    one = measures(a_case(values, 1.0, values - 1, values + 1))
    other = measures(
        a_case(unit * values + origin, unit * 1.0 + origin, unit * (values - 1.0) + origin - 1e-6, math.inf)
    )
    for name in ("bias", "bias_error", "empirical_se", "empirical_se_error", "rmse"):
        assert other[name] == pytest.approx(unit * one[name], rel=1e-6, abs=1e-6)
    assert other["coverage"] >= one["coverage"]


@given(ESTIMATES)
def test_mean_squared_error_is_bias_and_variance(values):
    found = measures(a_case(values, 0.25))
    shrunk = found["empirical_se"] ** 2 * (len(values) - 1) / len(values)
    assert found["rmse"] ** 2 == pytest.approx(found["bias"] ** 2 + shrunk, rel=1e-9, abs=1e-9)


def test_exact_estimates_have_no_error():
    found = measures(a_case([2.0] * 5, 2.0, 2.0, 2.0))
    assert [found[name] for name in ("bias", "bias_error", "empirical_se", "rmse", "rmse_error")] == [0.0] * 5
    assert (found["coverage"], found["coverage_error"], found["width"]) == (1.0, 0.0, 0.0)


# --- cases of a sweep -----------------------------------------------------------------------------------------------


def test_a_row_a_case_and_result(sweep):
    for weeks in (26, 52):
        for seed in (1, 2, 3):
            sweep.run(
                {"weeks": weeks, "seed": seed, "dataset": "tern_mobile"},
                *(
                    result("clv", weeks + seed, weeks, weeks + 4),
                    result("churn", 0.1 * seed),
                    result("true_churn", 0.2),
                ),
            )
    found = performance(catalogue(sweep), {"clv": "weeks", "churn": "true_churn"})
    assert found.columns[:3].tolist() == ["weeks", "result", "runs"]
    assert found[["weeks", "result", "runs"]].to_numpy().tolist() == [
        *([26, "clv", 3], [52, "clv", 3]),
        *([26, "churn", 3], [52, "churn", 3]),
    ]
    assert found["bias"].tolist() == pytest.approx([2, 2, 0, 0], abs=CLOSE)
    assert found["coverage"].tolist()[:2] == [1, 1]
    assert found[["coverage", "coverage_error", "level", "width"]].iloc[2:].isna().all(axis=None)
    assert found["intervals"].tolist() == [3, 3, 0, 0]


def test_a_truth_that_varies_from_run_to_run_is_taken_off_in_each(sweep):
    for seed, true in enumerate((10.0, 20.0, 30.0), start=1):
        sweep.run({"seed": seed}, result("clv", true + seed, true + seed - 2, true + 5), result("true", true))
    (found,) = performance(catalogue(sweep), {"clv": "true"}).itertuples()
    assert (found.bias, found.empirical_se, found.mean) == (2, 1, 22)
    assert found.coverage == pytest.approx(2 / 3)


def test_superseded_runs_are_left_out_and_failed_ones_counted(sweep):
    for seed in (1, 2, 3):
        sweep.run({"rate": 0.1, "seed": seed}, result("clv", 1000.0), crmlab_sha256="0" * 64)
    for seed in (1, 2, 3):
        sweep.run({"rate": 0.1, "seed": seed}, result("clv", float(seed)))
    sweep.run({"rate": 0.1, "seed": 4}, result("clv", 99.0), status="failed", error="cell [7]: ValueError: no")
    sweep.run({"rate": 0.1, "seed": 5}, status="interrupted")
    sweep.run({"rate": 0.1, "seed": 6}, result("other", 1.0))
    sweep.run({"rate": 0.1, "seed": 7}, result("clv", math.nan))
    sweep.run({"rate": 0.2, "seed": 1}, status="failed", error="cell [7]: ValueError: no")
    found = performance(catalogue(sweep), {"clv": 2}).set_index("rate")
    assert found["runs"].tolist() == [3, 0]
    assert found["failed"].tolist() == [4, 1]
    assert found.loc[0.1, ["mean", "bias"]].tolist() == [2, 0]
    assert found.loc[0.2, ["mean", "bias", "bias_error", "empirical_se", "rmse", "coverage"]].isna().all()


def test_of_one_run_the_errors_are_missing(sweep):
    sweep.run({"seed": 1}, result("clv", 3.0, 1, 4))
    (found,) = performance(catalogue(sweep), {"clv": 2}).itertuples()
    assert (found.bias, found.rmse, found.coverage) == (1, 1, 1)
    for name in ("bias_error", "empirical_se", "empirical_se_error", "rmse_error", "coverage_error"):
        assert math.isnan(getattr(found, name))


def test_without_a_truth_the_error_is_that_of_the_mean(sweep):
    for seed in (1, 2, 3, 4, 5):
        sweep.run({"seed": seed}, result("clv", float(seed), 0, 9))
    (found,) = performance(catalogue(sweep), {"clv": None}).itertuples()
    assert (found.mean, found.bias_error) == (3, pytest.approx(math.sqrt(0.5)))
    assert found.bias_error == monte_carlo_error(np.arange(1.0, 6.0))
    assert all(math.isnan(getattr(found, name)) for name in ("bias", "rmse", "rmse_error", "coverage"))


def test_a_parameter_that_is_called_as_a_measure_keeps_its_name_apart(sweep):
    for coverage in (1, 2):
        sweep.run({"seed": 1, "coverage": coverage}, result("clv", 3.0))
    assert performance(catalogue(sweep), {"clv": 2})["parameter.coverage"].tolist() == [1, 2]


# --- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("truth", "by", "message"),
    [
        ({"clv": 2}, "draw", "by='draw' is no parameter; there are: rate, seed"),
        ({"cvl": 2}, "seed", "no run that is done recorded 'cvl'; recorded are: clv, true, best"),
        ({"clv": "turth"}, "seed", "the truth of 'clv', 'turth', is neither a parameter nor a recorded result"),
        ({"clv": "true"}, "seed", "the truth of 'clv', 'true', is missing in run "),
        ({"clv": True}, "seed", "the truth of 'clv' must be a number or the name of a column, not True"),
        ({"clv": math.nan}, "seed", "must be a number or the name of a column, not nan"),
        ({"clv": [2]}, "seed", "must be a number or the name of a column"),
        ({"best": 2}, "seed", "'best' is no number in run .*: 'A'"),
        ({"clv": "best"}, "seed", "'best' is no number in run .*: 'A'"),
    ],
    ids=str,
)
def test_what_cannot_be_judged_is_refused(sweep, truth, by, message):
    sweep.run({"rate": 0.1, "seed": 1}, result("clv", 3.0), result("true", 2.5), result("best", "A"))
    sweep.run({"rate": 0.1, "seed": 2}, result("clv", 3.0))
    with pytest.raises(ValueError, match=message):
        performance(catalogue(sweep), truth, by=by)


def test_intervals_of_several_levels_are_refused(sweep):
    sweep.run({"seed": 1}, result("clv", 3.0, 1, 4, level=0.9))
    sweep.run({"seed": 2}, result("clv", 3.0, 1, 4, level=0.5))
    with pytest.raises(ValueError, match=r"several levels, \[0.5, 0.9\]"):
        performance(catalogue(sweep), {"clv": 3})


def test_a_sweep_without_a_done_run_is_refused(sweep):
    sweep.run({"seed": 1}, status="failed", error="cell [1]: ValueError: no")
    with pytest.raises(ValueError, match="sweep: no run is done"):
        performance(catalogue(sweep), {"clv": 2})
