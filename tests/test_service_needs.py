"""Factors, importance three ways, gaps, satisfaction: published numbers, special cases, laws, bad input, the truth."""

import functools
import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.decomposition import FactorAnalysis as Peer
from sklearn.isotonic import IsotonicRegression

from crmlab.data.firms import load, simulate
from crmlab.service_needs import (
    Correlations,
    acsi,
    ahp,
    bartlett_sphericity,
    centred_by_respondent,
    comparison_matrix,
    comparisons,
    congruence,
    consistency,
    correlations,
    cronbach_alpha,
    csat,
    derived_importance,
    factor_analysis,
    holm,
    importance,
    importance_draws,
    importance_performance,
    importance_shares,
    kmo,
    loyalty_curve,
    nps,
    parallel_analysis,
    perception_gap,
    quadrants,
    rank_chances,
    response_weights,
    servqual,
    straight_line_test,
    wave_change,
)
from crmlab.service_needs.factors import in_order, oblimin, varimax
from crmlab.stats import interval

# Harman's eight physical variables of 305 girls. Many copies have .277, a misprint, for .415 at arm span, chest width.
BODY = ["height", "arm span", "forearm", "lower leg", "weight", "bitrochanteric diameter", "chest girth", "chest width"]
BELOW = (
    (0.846,),
    (0.805, 0.881),
    (0.859, 0.826, 0.801),
    (0.473, 0.376, 0.380, 0.436),
    (0.398, 0.326, 0.319, 0.329, 0.762),
    (0.301, 0.277, 0.237, 0.327, 0.730, 0.583),
    (0.382, 0.415, 0.345, 0.365, 0.629, 0.577, 0.539),
)
SMOOTHED = [0.854, 0.897, 0.833, 0.783, 0.870, 0.687, 0.521, 0.579]  # communalities that Harman takes
SEEDS = range(2, 12)
seeds = st.integers(0, 10_000)


def harman(arm_span_and_chest_width=0.415):
    r = np.eye(8)
    r[np.tril_indices(8, -1)] = list(itertools.chain(*BELOW))
    r[7, 1] = arm_span_and_chest_width
    r = np.tril(r) + np.tril(r, -1).T
    return Correlations(pd.DataFrame(r, BODY, BODY), 305)


def two_factors(seed, n=120):
    """Ratings of seven elements behind which are two factors, and of a third of which one."""
    rng = np.random.default_rng(seed)
    loadings = np.array([[0.8, 0], [0.7, 0.1], [0.6, 0], [0.7, -0.1], [0, 0.8], [0.1, 0.7], [0, 0.6]])
    own = np.sqrt(1 - (loadings**2).sum(axis=1))
    ratings = rng.standard_normal((n, 2)) @ loadings.T + own * rng.standard_normal((n, 7))
    return pd.DataFrame(ratings, columns=list("abcdefg"))


def random_pairs(seed, respondents=5, elements=4):
    rng = np.random.default_rng(seed)
    a, b = np.triu_indices(elements, 1)
    names = np.array(list("abcdefgh"))
    return pd.DataFrame(
        {
            "respondent": np.repeat([f"M{number}" for number in range(respondents)], len(a)),
            "element_a": np.tile(names[a], respondents),
            "element_b": np.tile(names[b], respondents),
            "preference": np.exp(rng.normal(0, 0.7, respondents * len(a)).clip(-2, 2)),
        }
    )


@functools.cache
def firm():
    return load("harbour_and_hill")


def wide(table, values, columns="element_id", index="customer_id"):
    return table.pivot_table(index=index, columns=columns, values=values)


def true_loadings(of):
    return of.truth.factors.pivot_table(index="element_id", columns="factor", values="loading")


# --- published numbers ------------------------------------------------------------------------------------------------


def test_whether_harmans_matrix_can_be_factored():
    found = kmo(harman())
    assert found.overall == pytest.approx(0.845461, abs=5e-7)
    adequacy = [0.8643, 0.8163, 0.8577, 0.8867, 0.7796, 0.8511, 0.8240, 0.8985]
    assert found.elements.tolist() == pytest.approx(adequacy, abs=5e-5)
    test = bartlett_sphericity(harman())
    assert (round(test.statistic, 3), test.df) == (2085.740, 28)
    assert test.pvalue < 1e-300
    table = parallel_analysis(harman(), random_state=1)
    eigenvalues = [4.6729, 1.7710, 0.4810, 0.4214, 0.2332, 0.1867, 0.1373, 0.0965]
    assert table["eigenvalue"].tolist() == pytest.approx(eigenvalues, abs=5e-5)
    assert table["kept"].sum() == 2


def test_the_misprinted_matrix_gives_other_numbers():
    assert round(kmo(harman(0.277)).overall, 4) == 0.8421
    assert round(bartlett_sphericity(harman(0.277)).statistic, 2) == 2080.71


def test_principal_factors_with_given_communalities_are_the_published_ones():
    found = factor_analysis(harman(), 2, communalities=SMOOTHED)
    first, second = (100 * found.loadings).round().astype(int).T.to_numpy().tolist()
    assert first == [86, 85, 81, 83, 75, 64, 56, 62]
    assert second == [-33, -41, -41, -34, 56, 51, 49, 37]
    assert found.variance["sum_of_squares"].tolist() == pytest.approx([4.455751, 1.512747], abs=5e-7)


def test_varimax_of_harmans_factors():
    found = factor_analysis(harman(), 2, rotation="varimax", communalities=pd.Series(SMOOTHED[::-1], BODY[::-1]))
    first, second = found.loadings.round(3).T.to_numpy().tolist()
    assert first == [0.876, 0.922, 0.891, 0.857, 0.235, 0.183, 0.135, 0.254]
    assert second == [0.277, 0.204, 0.181, 0.249, 0.905, 0.793, 0.731, 0.676]
    assert found.variance["sum_of_squares"].round(3).tolist() == [3.317, 2.652]


@pytest.mark.parametrize(
    ("factors", "unique", "statistic", "df", "pvalue"),
    [
        (1, [0.158, 0.135, 0.190, 0.187, 0.760, 0.829, 0.877, 0.801], 611.44, 20, 1.12e-116),
        (2, [0.170, 0.107, 0.166, 0.199, 0.089, 0.364, 0.416, 0.537], 75.74, 13, 6.94e-11),
        (3, [0.127, 0.005, 0.193, 0.157, 0.090, 0.359, 0.411, 0.490], 22.81, 7, 0.00184),
        (4, [0.137, 0.005, 0.191, 0.116, 0.138, 0.283, 0.178, 0.488], 4.63, 2, 0.0988),
    ],
)
def test_maximum_likelihood_is_that_of_r(factors, unique, statistic, df, pvalue):
    """What R prints for example(Harman23.cor): factanal (tests/Examples/datasets-Ex.Rout.save of its source)."""
    if factors < 3:
        found = factor_analysis(harman(), factors, "ml")
    else:
        with pytest.warns(UserWarning, match="leave 'arm span' no variance of its own"):
            found = factor_analysis(harman(), factors, "ml")
    assert found.uniquenesses.tolist() == pytest.approx(unique, abs=5.1e-4)
    assert (round(found.statistic, 2), found.df) == (statistic, df)
    assert found.pvalue == pytest.approx(pvalue, rel=5e-3)


def test_varimax_is_at_least_as_simple_as_the_one_r_prints():
    """R stops at a relative gain of 1e-5, here 0.4 degrees before the end."""
    printed = np.array(
        [[0.865, 0.287], [0.927, 0.181], [0.895, 0.179], [0.859, 0.252],
         [0.233, 0.925], [0.194, 0.774], [0.134, 0.752], [0.278, 0.621]]
    )  # fmt: skip
    found = factor_analysis(harman(), 2, "ml", "varimax").loadings.to_numpy()
    assert found == pytest.approx(printed, abs=0.0075)

    def simple(loadings):
        return ((loadings**2 / (loadings**2).sum(axis=1, keepdims=True)).var(axis=0)).sum()

    assert simple(found) >= simple(printed)
    turns = [np.array([[np.cos(t), -np.sin(t)], [np.sin(t), np.cos(t)]]) for t in np.linspace(0, np.pi, 721)]
    assert max(simple(found @ turn) for turn in turns) <= simple(found) + 1e-12


def test_quartimin_of_harmans_factors_is_that_of_jennrich():
    """The example that comes with Bernaards and Jennrich's gradient projection."""
    start = np.array(
        [[0.830, -0.396], [0.818, -0.469], [0.777, -0.470], [0.798, -0.401],
         [0.786, 0.500], [0.672, 0.458], [0.594, 0.444], [0.647, 0.333]]
    )  # fmt: skip
    required = [
        [0.891822, 0.056015], [0.953680, -0.023246], [0.929150, -0.046503], [0.876683, 0.033658],
        [0.013701, 0.925000], [-0.017265, 0.821253], [-0.052445, 0.764953], [0.085890, 0.683115],
    ]  # fmt: skip
    for begin in (start, varimax(start)):
        assert in_order(*oblimin(begin))[0] == pytest.approx(np.array(required), abs=1e-5)


def test_priorities_of_drinks_are_those_of_saaty():
    """Saaty (2008), Decision making with the analytic hierarchy process, Int. J. Services Sciences 1(1), 83-98."""
    drinks = ["coffee", "wine", "tea", "beer", "sodas", "milk", "water"]
    matrix = np.array(
        [[1, 9, 5, 2, 1, 1, 1 / 2], [1 / 9, 1, 1 / 3, 1 / 9, 1 / 9, 1 / 9, 1 / 9],
         [1 / 5, 3, 1, 1 / 3, 1 / 4, 1 / 3, 1 / 9], [1 / 2, 9, 3, 1, 1 / 2, 1, 1 / 3],
         [1, 9, 4, 2, 1, 2, 1 / 2], [1, 9, 3, 1, 1 / 2, 1, 1 / 3], [2, 9, 9, 3, 2, 3, 1]]
    )  # fmt: skip
    found = ahp(pd.DataFrame(matrix, drinks, drinks))
    assert found.weights.round(3).tolist() == [0.177, 0.019, 0.042, 0.116, 0.190, 0.129, 0.327]
    assert found.consistency_ratio == pytest.approx(0.022, abs=5e-4)


def test_three_comparisons_contradict_each_other_as_far_as_their_circle_goes():
    """Of three things the largest eigenvalue is 1 + c + 1/c, c the third root of a12 a23 / a13."""
    names = pd.MultiIndex.from_tuples([("a", "b"), ("a", "c"), ("b", "c")])
    compared = pd.DataFrame([[2.0, 1 / 4, 4.0], [2.0, 8.0, 4.0]], ["M1", "M2"], names)
    circle = (2 * 4 / (1 / 4)) ** (1 / 3)
    found = ahp(comparison_matrix(compared.loc[["M1"]]))
    assert found.largest_eigenvalue == pytest.approx(1 + circle + 1 / circle)
    assert found.consistency_index == pytest.approx((circle + 1 / circle - 2) / 2)
    assert found.consistency_ratio == pytest.approx(found.consistency_index / 0.58)
    table = consistency(compared)
    assert table["consistent"].tolist() == [False, True]
    # In a triad of three all pairs fit equally badly: the first is named.
    assert table.loc["M1", ["element_a", "element_b", "given"]].tolist() == ["a", "b", 2.0]
    assert table.loc["M1", "fitting"] == pytest.approx(2 / circle)


def test_figures_of_satisfaction_by_hand():
    estimate = nps([10] * 6 + [8] * 3 + [2], level=0.95)
    assert (estimate.value, estimate.n) == (pytest.approx(50), 10)
    p, d = 6.75 / 13, 1.75 / 13
    reach = stats.norm.ppf(0.975) * np.sqrt((p + d - (p - d) ** 2) / 13)
    assert (estimate.low, estimate.high) == pytest.approx((100 * (p - d - reach), 100 * (p - d + reach)))
    answers = pd.DataFrame({"overall": [8, 6], "expected": [7, 5], "ideal": [6, 4]})
    weights = {"ideal": 0.2, "overall": 0.5, "expected": 0.3}
    by_hand = np.mean([(7 * 0.5 + 6 * 0.3 + 5 * 0.2) / 9, (5 * 0.5 + 4 * 0.3 + 3 * 0.2) / 9]) * 100
    assert acsi(answers, item_weights=pd.Series(weights)).value == pytest.approx(by_hand)
    share = csat([9, 9, 8, 7, 3], top=8, level=0.95)
    wilson = stats.binomtest(3, 5).proportion_ci(0.95, method="wilson")
    assert share[:3] == pytest.approx((0.6, wilson.low, wilson.high))


# --- special cases that must agree ------------------------------------------------------------------------------------


def test_iterated_communalities_are_those_of_their_loadings():
    found = factor_analysis(harman(), 2)
    again = factor_analysis(harman(), 2, communalities=found.communalities)
    assert again.loadings.to_numpy() == pytest.approx(found.loadings.to_numpy(), abs=1e-7)
    ratings = two_factors(1)
    assert factor_analysis(ratings, 2).loadings.equals(factor_analysis(correlations(ratings), 2).loadings)


def test_maximum_likelihood_agrees_with_scikit_learn():
    ratings = two_factors(3)
    z = (ratings - ratings.mean()) / ratings.std(ddof=0)
    peer = Peer(2, tol=1e-10, max_iter=20_000).fit(z)
    found = factor_analysis(ratings, 2, "ml")
    assert found.uniquenesses.to_numpy() == pytest.approx(peer.noise_variance_, abs=1e-4)
    common = found.reproduced.to_numpy()
    assert common == pytest.approx(peer.components_.T @ peer.components_, abs=1e-4)


def test_scores_by_weights_and_scores_by_patterns_agree():
    ratings = two_factors(4)
    found = factor_analysis(ratings, 2, "ml", "oblimin")
    z = (ratings - ratings.mean()) / ratings.std()
    scores = found.scores(ratings)
    assert scores.to_numpy() == pytest.approx((z @ found.weights).to_numpy())
    gaps = ratings.copy()
    gaps.iloc[0, 0], gaps.iloc[1] = np.nan, np.nan
    some = found.scores(gaps)
    assert (some.iloc[1] == 0).all()
    assert np.corrcoef(some["F1"], scores["F1"])[0, 1] > 0.98


def test_correlations_with_gaps_are_the_closed_form_where_there_is_one():
    """Two columns, the second with gaps: Anderson (1957), Maximum likelihood estimates for a multivariate normal."""
    ratings = two_factors(5)[["a", "b"]]
    gaps = ratings.assign(b=ratings["b"].where(ratings["a"] < 0.5))
    whole = gaps.dropna()
    slope = whole.cov().loc["a", "b"] / whole["a"].var()
    rest = (whole["b"] - slope * whole["a"]).var(ddof=0)
    spread = ratings["a"].var(ddof=0)
    r = slope * np.sqrt(spread) / np.sqrt(slope**2 * spread + rest)
    assert correlations(gaps, missing="em").matrix.loc["a", "b"] == pytest.approx(r, abs=1e-7)
    assert correlations(gaps, missing="complete").matrix.loc["a", "b"] == pytest.approx(whole.corr().loc["a", "b"])


def test_who_is_left_out_of_correlations_is_told():
    ratings = two_factors(6)
    ratings.iloc[0, 0], ratings.iloc[1] = np.nan, np.nan
    assert correlations(ratings, missing="complete")[1:] == (118, 2)
    assert correlations(ratings, missing="em")[1:] == (119, 1)
    assert correlations(two_factors(6), missing="em").matrix.equals(correlations(two_factors(6)).matrix)


def test_a_component_counts_only_if_all_before_it_do():
    ratings = pd.DataFrame(np.random.default_rng(1).standard_normal((400, 4)), columns=list("abcd"))
    table = parallel_analysis(Correlations(ratings.corr(), 40), random_state=1)
    assert (table["eigenvalue"] > table["by_chance"]).iloc[[0, -1]].tolist() == [False, True]
    assert not table["kept"].any()
    median = parallel_analysis(Correlations(ratings.corr(), 40), quantile=0.5, random_state=1)
    assert (median["by_chance"] < table["by_chance"]).all()


def test_alpha_is_that_of_standardised_sums():
    ratings = two_factors(7)[list("abcd")]
    z = (ratings - ratings.mean()) / ratings.std()
    by_variances = 4 / 3 * (1 - 4 / z.sum(axis=1).var())
    assert cronbach_alpha(ratings) == pytest.approx(by_variances)


def test_relative_weights_of_two_are_the_mean_over_both_orders():
    a, b, between = 0.6, 0.5, 0.3
    matrix = pd.DataFrame([[1, between, a], [between, 1, b], [a, b, 1]], list("aby"), list("aby"))
    both = (a**2 + b**2 - 2 * a * b * between) / (1 - between**2)
    shapley = [(a**2 + both - b**2) / 2, (b**2 + both - a**2) / 2]
    found = derived_importance(Correlations(matrix, 100), "y")
    assert found["weight"].tolist() == pytest.approx(shapley)
    assert found["share"].sum() == pytest.approx(1)


def test_gaps_and_changes_are_those_of_scipy():
    rng = np.random.default_rng(1)
    customers = pd.DataFrame(rng.integers(3, 8, (30, 3)), columns=list("abc")).astype(float)
    managers = pd.DataFrame(rng.integers(3, 8, (6, 3)), columns=list("abc")).astype(float)
    customers.loc[3, "a"] = np.nan
    found = perception_gap(customers, managers, level=0.95)
    peers = [stats.ttest_ind(managers[e], customers[e].dropna(), equal_var=False) for e in found.index]
    assert found["pvalue"].tolist() == pytest.approx([peer.pvalue for peer in peers])
    ends = [peer.confidence_interval(0.95) for peer in peers]
    assert found["low"].tolist() == pytest.approx([end.low for end in ends])
    assert found["high"].tolist() == pytest.approx([end.high for end in ends])

    second = (customers + rng.integers(-1, 2, (30, 3))).iloc[5:]
    change = wave_change(customers, second)
    paired = stats.ttest_rel(second["b"], customers["b"].iloc[5:])
    assert change.loc["b", "pvalue"] == pytest.approx(paired.pvalue)
    assert change["n"].tolist() == [25, 25, 25]
    group = pd.Series(np.where(customers.index < 20, "north", "south"), customers.index, name="region")
    split = wave_change(customers, second, group)
    north = group == "north"
    alone = wave_change(customers[north], second[north.iloc[5:]])
    columns = ["n", "before", "after", "change", "low", "high", "pvalue"]
    assert split.loc["north", columns].equals(alone[columns])
    assert (split["holm"] >= split["pvalue"]).all()


def test_only_who_rated_twice_counts_before_and_after():
    first = pd.DataFrame({"a": [1, 2, 9, np.nan]}, index=list("ABCD"))
    second = pd.DataFrame({"a": [2, 4, np.nan, 9]}, index=list("ABCD"))
    assert wave_change(first, second).loc["a", ["n", "before", "after", "change"]].tolist() == [2, 1.5, 3, 1.5]
    table = servqual(first, second, pd.Series({"a": "reliability"}))
    assert table.loc["reliability", ["n", "expectation", "performance", "gap"]].tolist() == [2, 1.5, 3, 1.5]


def test_nobody_who_differs_has_no_p_value():
    managers = pd.DataFrame({"a": [5, 5, 5], "b": [4, 5, 6]})
    found = perception_gap(pd.DataFrame({"a": [4, 4], "b": [4, 5]}), managers)
    assert found["gap"].tolist() == pytest.approx([1, 0.5])
    assert np.isnan(found.loc["a", ["low", "high", "pvalue", "holm"]].astype(float)).all()
    assert found.loc["b", "holm"] == found.loc["b", "pvalue"]


def test_holm_by_hand():
    assert holm(pd.Series([0.04, np.nan, 0.01, 0.6, 0.02])).tolist() == pytest.approx(
        [0.08, np.nan, 0.04, 0.6, 0.06], nan_ok=True
    )


def test_answers_of_one_customer_are_not_counted_as_of_several():
    once = np.array([10, 9, 8, 7, 6, 3, 9, 10, 8, 5])
    customers = np.repeat(np.arange(10), 2)
    for figure in (nps, csat):
        single, twice = figure(once), figure(np.repeat(once, 2), customers=customers)
        assert twice[:3] == pytest.approx(single[:3])
        assert (twice.n, twice.effective_n) == (20, pytest.approx(10))
        assert figure(once, customers=np.arange(10)) == pytest.approx(single)
    table = pd.DataFrame({"overall": once.clip(1), "ideal": once.clip(1)})
    doubled = table.loc[table.index.repeat(2)].reset_index(drop=True)
    assert acsi(doubled, customers=customers)[:3] == pytest.approx(acsi(table)[:3])


def test_the_index_of_one_question_has_students_interval():
    scores = pd.DataFrame({"overall": [3, 8, 9, 7, 6, 5]})
    peer = stats.ttest_1samp((scores["overall"] - 1) / 9 * 100, 0).confidence_interval(0.9)
    assert acsi(scores)[1:3] == pytest.approx((peer.low, peer.high))


def test_weights_of_classes_give_each_its_part():
    answered = pd.Series([True] * 6 + [False] * 2 + [True] * 2 + [False] * 6)
    classes = pd.Series(["big"] * 8 + ["small"] * 8)
    scores = pd.Series([10.0] * 6 + [0.0] * 2, [*range(6), 8, 9])
    weights = response_weights(answered, classes)
    assert weights.mean() == pytest.approx(1)
    assert nps(scores).value == pytest.approx(50)
    assert nps(scores, weights=weights[::-1]).value == pytest.approx(0)  # half of all asked are big
    assert nps(scores, weights=weights).effective_n < 8


def test_the_curve_that_never_falls_is_that_of_scikit_learn():
    rng = np.random.default_rng(2)
    satisfied = rng.integers(1, 11, 500)
    loyal = rng.random(500) < 1 / (1 + np.exp(6 - satisfied))
    curve = loyalty_curve(satisfied, loyal, resamples=50, random_state=1)
    peer = IsotonicRegression().fit(satisfied, loyal)
    assert curve["fitted"].to_numpy() == pytest.approx(peer.predict(curve.index))
    assert (curve["low"] <= curve["fitted"] + 1e-12).all()
    assert (curve["n"] * curve["mean"]).sum() == pytest.approx(loyal.sum())
    slope, at_zero = np.polyfit(satisfied, loyal, 1)
    assert curve["line"].to_numpy() == pytest.approx(at_zero + slope * curve.index.to_numpy())
    unequal = loyalty_curve([3, 6, 6, 6, 7, 9], [0, 1, 1, 0, 0, 1], resamples=10, random_state=1)
    assert unequal["fitted"].tolist() == pytest.approx([0, 0.5, 0.5, 1])
    assert straight_line_test(satisfied, loyal).pvalue < 0.001
    assert straight_line_test(satisfied, satisfied + rng.normal(size=500)).pvalue > 0.05


def test_the_test_of_a_straight_line_is_walds_of_square_and_cube():
    rng = np.random.default_rng(4)
    x, customers = rng.integers(1, 11, 60).astype(float), np.repeat(np.arange(20), 3)
    y = x + rng.normal(size=60) + np.repeat(rng.normal(size=20), 3)
    design = np.vander(x - 5, 4, increasing=True)
    bread = np.linalg.inv(design.T @ design)
    coefficients = bread @ design.T @ y
    rest = y - design @ coefficients
    sums = [design[customers == who].T @ rest[customers == who] for who in range(20)]
    covariance = 20 / 19 * bread @ sum(np.outer(one, one) for one in sums) @ bread
    wald = coefficients[2:] @ np.linalg.solve(covariance[2:, 2:], coefficients[2:])
    found = straight_line_test(x, y, customers=customers)
    assert (found.statistic, found.df) == (pytest.approx(wald), 2)
    assert found.pvalue == pytest.approx(stats.chi2.sf(wald, 2))


def test_servqual_is_the_weighted_sum_of_its_gaps():
    expectation, performance = two_factors(1) + 5, two_factors(2) + 4
    dimensions = pd.Series(dict(zip("abcdefg", "rrrrsst", strict=True)))
    weights = pd.Series({"s": 1.0, "r": 2.0, "t": 1.0})
    table = servqual(expectation, performance, dimensions, weights=weights)
    by_element = performance.mean() - expectation.mean()
    assert table.loc["r", "gap"] == pytest.approx(by_element[list("abcd")].mean())
    assert table.loc["overall", "gap"] == pytest.approx(table["gap"].iloc[:3] @ [0.5, 0.25, 0.25])
    assert table.loc["r", "alpha"] == pytest.approx(cronbach_alpha(performance[list("abcd")]))
    assert np.isnan(table.loc[["t", "overall"], "alpha"]).all()


def test_the_map_of_importance_and_performance():
    rng = np.random.default_rng(3)
    means = pd.Series({"speed": 6.0, "price": 6.0, "advice": 4.0, "visits": 4.0})
    seen = pd.Series({"speed": 3.0, "price": 6.0, "advice": 3.0, "visits": 6.0})
    importance_ratings = pd.DataFrame(rng.normal(means, 0.5, (60, 4)), columns=means.index)
    performance = pd.DataFrame(rng.normal(seen, 0.5, (60, 4)), columns=means.index)
    found = importance_performance(importance_ratings, performance, resamples=50, random_state=1)
    assert found["quadrant"].equals(quadrants(means, seen))
    assert set(found["quadrant"]) == {
        "concentrate here", "keep up the good work", "low priority", "possible overkill"
    }  # fmt: skip
    assert (found["chance"] == 1).all()
    satisfied = performance["speed"] + performance["visits"] + rng.normal(0, 0.3, 60)
    performance.loc[3, "speed"] = np.nan
    derived = importance_performance(None, performance, outcome=satisfied, resamples=50, random_state=1)
    assert derived["importance"].to_numpy() == pytest.approx(performance.corrwith(satisfied).to_numpy())
    assert derived["quadrant"]["speed"] == "concentrate here"


def test_a_customer_who_answered_twice_makes_no_quadrant_surer():
    rng = np.random.default_rng(5)
    wanted, seen = (pd.DataFrame(rng.normal(5, 1, (20, 3)), columns=list("abc")) for _ in range(2))
    setup = {"resamples": 400, "random_state": 1}
    once = importance_performance(wanted, seen, **setup)
    twice = [pd.concat([one, one], ignore_index=True) for one in (wanted, seen)]
    known = importance_performance(*twice, customers=pd.Series([*range(20)] * 2), **setup)
    pd.testing.assert_frame_equal(known, once)
    assert (once["low"] < once["importance"]).all()
    assert (once["importance"] < once["high"]).all()
    unknown = importance_performance(*twice, **setup)
    assert (unknown["high"] - unknown["low"]).mean() < 0.85 * (once["high"] - once["low"]).mean()


def test_each_respondent_keeps_its_weight_when_drawn():
    ratings = pd.DataFrame([[6, 2]] * 20 + [[2, 6]] * 20, columns=["speed", "price"])
    draws = importance_draws(ratings, weights=[9] * 20 + [1] * 20, random_state=1)
    assert draws["speed"].mean() == pytest.approx((9 * 6 + 2) / (10 * 8), abs=0.01)


def test_equals_share_the_better_place():
    ratings = pd.DataFrame({"a": [1, 1, 0], "b": [0, 0, 1], "c": [1, 0, 0]})
    table = importance(ratings, weights=[0.1, 0.2, 0.3], resamples=1, random_state=3)  # 0.1 + 0.2 is not quite 0.3
    assert table["rank"].tolist() == [1, 1, 3]


def test_whoever_stands_in_another_row_is_found_by_label():
    rng = np.random.default_rng(6)
    satisfied = pd.Series(rng.integers(1, 11, 40))
    loyal, customers = satisfied + rng.normal(size=40), satisfied.index.to_series() // 2
    turn = rng.permutation(40)
    curve = loyalty_curve(satisfied, loyal, customers=customers, resamples=20, random_state=1)
    again = loyalty_curve(satisfied, loyal[turn], customers=customers[turn], resamples=20, random_state=1)
    assert again.equals(curve)
    line = straight_line_test(satisfied, loyal, customers=customers)
    assert straight_line_test(satisfied, loyal[turn], customers=customers[turn]) == line
    wanted, seen = (pd.DataFrame(rng.integers(1, 8, (40, 3)), columns=list("abc")) for _ in range(2))
    setup = {"resamples": 20, "random_state": 1}
    other = wanted.loc[turn, list("cab")]
    assert importance_performance(other, seen, **setup).equals(importance_performance(wanted, seen, **setup))
    given = importance_performance(None, seen, outcome=loyal, **setup)
    assert importance_performance(None, seen, outcome=loyal[turn], **setup).equals(given)
    dimensions = pd.Series({"c": "y", "a": "x", "b": "x"})
    assert servqual(other, seen, dimensions).equals(servqual(wanted, seen, dimensions))
    matrix = pd.DataFrame([[1, 5, 3], [1 / 5, 1, 1 / 2], [1 / 3, 2, 1]], list("abc"), list("abc"))
    assert ahp(matrix[list("cba")]).weights.equals(ahp(matrix).weights)


@pytest.mark.parametrize("times", range(2, 10))
def test_a_reciprocal_of_two_digits_is_one(times):
    matrix = pd.DataFrame([[1, times], [round(1 / times, 2), 1]])
    assert ahp(matrix).weights[0] == pytest.approx(times / (1 + times), abs=0.01)


def test_numbers_kept_as_objects_are_numbers():
    ratings = two_factors(1).round(2)
    assert kmo(ratings.astype(object)).overall == kmo(ratings).overall
    gaps = pd.DataFrame({"a": [5, None, 6], "b": ["5", "6", "7"]}, dtype=object)
    assert importance_shares(gaps).equals(importance_shares(pd.DataFrame({"a": [5, np.nan, 6], "b": [5, 6, 7]})))


def test_where_all_have_the_same_gap_there_is_no_interval():
    wanted = pd.DataFrame({"a": [5, 6, 7], "b": [5, 6, 4]})
    table = servqual(wanted, wanted - [1, 0], pd.Series({"a": "x", "b": "y"}))
    assert table["gap"].tolist() == [-1, 0, -0.5]
    assert table[["low", "high"]].isna().all(axis=None)
    with pytest.warns(UserWarning, match="no interval"):
        index = acsi(pd.DataFrame({"overall": [8, 8, 8]}))
    assert index.value == pytest.approx(700 / 9)
    assert np.isnan(index[1:3]).all()


# --- laws -------------------------------------------------------------------------------------------------------------


@settings(max_examples=12)
@given(seeds, st.permutations(list("abcdefg")), st.sampled_from(["principal", "ml"]))
def test_relabelling_elements_relabels_results(seed, order, method):
    ratings = two_factors(seed, n=300)
    assert kmo(ratings[order]).elements.to_numpy() == pytest.approx(kmo(ratings).elements[order].to_numpy())
    for rotation in (None, "varimax", "oblimin"):
        one = factor_analysis(ratings, 2, method, rotation).loadings
        other = factor_analysis(ratings[order], 2, method, rotation).loadings
        assert other.to_numpy() == pytest.approx(one.loc[order].to_numpy(), abs=1e-4)


@settings(max_examples=12)
@given(seeds, st.sampled_from(["principal", "ml"]))
def test_rotation_changes_neither_communalities_nor_reproduced_correlations(seed, method):
    ratings = two_factors(seed, n=300)
    found = {rotation: factor_analysis(ratings, 2, method, rotation) for rotation in (None, "varimax", "oblimin")}
    for rotation, one in found.items():
        assert one.communalities.to_numpy() == pytest.approx(found[None].communalities.to_numpy())
        assert one.reproduced.to_numpy() == pytest.approx(found[None].reproduced.to_numpy())
        assert one.variance["sum_of_squares"].is_monotonic_decreasing
        assert (one.loadings.sum() > 0).all()
        if rotation != "oblimin":
            assert one.communalities.to_numpy() == pytest.approx((one.loadings**2).sum(axis=1).to_numpy())
            assert (one.factor_correlation.to_numpy() == np.eye(2)).all()
    assert np.diag(found["oblimin"].factor_correlation) == pytest.approx([1, 1])


@given(seeds, st.permutations(range(3)), st.lists(st.sampled_from([-1.0, 1.0]), min_size=3, max_size=3))
def test_signs_and_order_do_not_depend_on_those_given(seed, order, signs):
    loadings = np.random.default_rng(seed).uniform(-1, 1, (5, 3)).round(2)
    phi = np.array([[1, 0.2, -0.1], [0.2, 1, 0.3], [-0.1, 0.3, 1]])
    one = in_order(loadings, phi)
    again = in_order(*one)
    explained = (one[0] * (one[0] @ one[1])).sum(axis=0)
    assert (np.diff(explained) <= 1e-8).all()
    if np.abs(np.diff(explained)).min() > 1e-6:
        other = in_order(loadings[:, order] * signs, phi[np.ix_(order, order)] * np.outer(signs, signs))
        for a, b, c in zip(one, again, other, strict=True):
            assert (a == b).all()
            assert c == pytest.approx(a)


def test_a_factor_whose_loadings_cancel_has_its_largest_positive():
    assert in_order(np.array([[-0.5], [0.3], [0.2]]), np.eye(1))[0].ravel().tolist() == [0.5, -0.3, -0.2]


@settings(max_examples=40)
@given(seeds, st.sampled_from(["rating", "points", "pairs"]), st.floats(0.1, 10))
def test_shares_add_up_to_one_and_depend_on_weights_by_their_ratio(seed, method, unit):
    rng = np.random.default_rng(seed)
    answers = {
        "rating": pd.DataFrame(rng.integers(1, 8, (6, 4)), columns=list("abcd")),
        "points": pd.DataFrame(rng.multinomial(100, [0.4, 0.3, 0.2, 0.1], 6), columns=list("abcd")),
        "pairs": comparisons(random_pairs(seed, respondents=6)),
    }[method]
    weights = pd.Series(rng.integers(0, 4, 6) + np.eye(6, dtype=int)[0], answers.index)
    share = importance_shares(answers, method, weights=weights)
    assert share.sum() == pytest.approx(1)
    assert importance_shares(answers, method, weights=unit * weights[::-1]).to_numpy() == pytest.approx(
        share.to_numpy()
    )
    repeated = answers.loc[answers.index.repeat(weights)]
    assert importance_shares(repeated, method).to_numpy() == pytest.approx(share.to_numpy())


@settings(max_examples=10)
@given(seeds)
def test_each_draw_is_a_whole_and_each_element_has_some_place(seed):
    answers = comparisons(random_pairs(seed))
    draws = importance_draws(answers, "pairs", resamples=20, random_state=seed)
    assert draws.sum(axis=1).to_numpy() == pytest.approx(np.ones(20))
    chances = rank_chances(draws)
    assert chances.sum(axis=1).to_numpy() == pytest.approx(np.ones(4))
    table = importance(answers, "pairs", resamples=20, random_state=seed)
    assert table[["low", "high"]].equals(interval(draws).set_axis(table.index))
    within = [chances.loc[e, low:high].sum() for e, low, high in table[["rank_low", "rank_high"]].itertuples()]
    assert min(within) >= 0.9 - 1e-9


@given(st.lists(st.floats(0.05, 1), min_size=3, max_size=8), st.sampled_from(["eigenvector", "geometric"]))
def test_consistent_comparisons_give_back_their_weights(weights, method):
    true = np.array(weights) / sum(weights)
    names = list("abcdefgh")[: len(true)]
    found = ahp(pd.DataFrame(np.outer(true, 1 / true), names, names), method)
    assert found.weights.to_numpy() == pytest.approx(true)
    assert found.consistency_ratio == pytest.approx(0, abs=1e-9)


@settings(max_examples=20)
@given(seeds)
def test_of_three_elements_both_methods_give_the_same_priorities(seed):
    matrix = comparison_matrix(comparisons(random_pairs(seed, elements=3)))
    one, other = ahp(matrix), ahp(matrix, "geometric")
    assert one.weights.to_numpy() == pytest.approx(other.weights.to_numpy())
    assert one.consistency_ratio == other.consistency_ratio >= 0


@settings(max_examples=20)
@given(seeds)
def test_which_element_is_named_first_does_not_matter(seed):
    pairs = random_pairs(seed)
    turn = np.random.default_rng(seed).random(len(pairs)) < 0.5
    turn[:3] = False  # the order in which elements turn up stays
    turned = pairs.assign(
        element_a=pairs["element_b"].where(turn, pairs["element_a"]),
        element_b=pairs["element_a"].where(turn, pairs["element_b"]),
        preference=(1 / pairs["preference"]).where(turn, pairs["preference"]),
    )
    assert comparisons(turned).to_numpy() == pytest.approx(comparisons(pairs).to_numpy())
    both = pd.concat([pairs, turned], ignore_index=True)  # told twice, consistently
    assert comparisons(both).to_numpy() == pytest.approx(comparisons(pairs).to_numpy())
    mean = comparison_matrix(comparisons(pairs))
    assert (mean * mean.T).to_numpy() == pytest.approx(np.ones((4, 4)))


@given(st.lists(st.sampled_from([3, 7, 10]), min_size=1, max_size=30))
def test_the_score_of_the_opposite_answers_is_the_opposite(answers):
    opposite = [{3: 10, 7: 7, 10: 3}[answer] for answer in answers]
    one, other = nps(answers), nps(opposite)
    assert (one.value, one.low, one.high) == pytest.approx((-other.value, -other.high, -other.low))
    assert -100 <= one.low <= one.value <= one.high <= 100


@settings(max_examples=25)
@given(seeds)
def test_relative_weights_add_up_to_r_squared(seed):
    ratings = two_factors(seed)
    r = ratings.corr()
    names = list("bcdefg")
    squared = r.loc[names, "a"] @ np.linalg.solve(r.loc[names, names], r.loc[names, "a"])
    found = derived_importance(ratings, "a")
    assert found["weight"].sum() == pytest.approx(squared)
    assert (found["weight"] >= 0).all()


@settings(max_examples=25)
@given(seeds)
def test_centred_ratings_add_up_to_nothing_and_know_no_use_of_the_scale(seed):
    rng = np.random.default_rng(seed)
    ratings = pd.DataFrame(rng.integers(1, 6, (5, 4)), columns=list("abcd"))
    up = ratings.add(rng.integers(0, 3, 5), axis=0)
    assert centred_by_respondent(ratings).sum(axis=1).to_numpy() == pytest.approx(np.zeros(5))
    assert centred_by_respondent(up).to_numpy() == pytest.approx(centred_by_respondent(ratings).to_numpy())
    stretched = centred_by_respondent(2 * up - 3, spread=True)
    assert stretched.to_numpy() == pytest.approx(centred_by_respondent(ratings, spread=True).to_numpy())


# --- bad input --------------------------------------------------------------------------------------------------------

GOOD = two_factors(1)
NOISE = pd.DataFrame(np.random.default_rng(4).standard_normal((150, 6)), columns=list("abcdef"))
PAIRS = random_pairs(1)


@pytest.mark.parametrize(
    ("ratings", "message"),
    [
        (GOOD.iloc[:7], "7 respondents are too few for 7 elements"),
        (GOOD.assign(a=4.0), "all 120 respondents give 'a' the same rating"),
        (GOOD.assign(h=GOOD["a"] + GOOD["b"]), "'a', 'b', 'h' repeat each other"),
        (GOOD.assign(h=3 - 2 * GOOD["g"]), "'g', 'h' repeat each other"),
        (GOOD.assign(h=GOOD.sum(axis=1)), "'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h' repeat each other"),
        (GOOD.assign(a=GOOD["a"].where(GOOD["a"] < 1)), r"left a rating out, first of 'a': use correlations\("),
        (GOOD.assign(a="good"), "the ratings of 'a' are no numbers: 'good' in row 0 .120 such"),
        (GOOD.assign(a=pd.Timestamp("2025-01-01")), "the ratings of 'a' are no numbers"),
        (GOOD.to_numpy(), "the ratings must be a DataFrame, not of type ndarray"),
        (GOOD[:0], "there are no answers"),
        (GOOD.assign(a=np.inf), "infinite"),
        (GOOD[["a", "b"]], "three elements or more"),
        (GOOD[["a", "a", "b"]], "two columns 'a'"),
        (centred_by_respondent(GOOD), "add up to the same, as points and ratings net of the respondent's mean do"),
        (Correlations(harman().matrix, 8), "8 respondents are too few for 8 elements"),
        (Correlations(harman().matrix * 2, 305), "ones on its diagonal"),
        (Correlations(harman().matrix.replace(0.881, -0.881), 305), "not positive definite"),
    ],
)
@pytest.mark.parametrize("analysis", [kmo, lambda ratings: factor_analysis(ratings, 1)])
def test_ratings_that_cannot_be_factored_are_refused(analysis, ratings, message):
    with pytest.raises(ValueError, match=message):
        analysis(ratings)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: factor_analysis(GOOD, 0), "7 elements can tell 1 to 6 factors"),
        (lambda: factor_analysis(GOOD, 4, "ml"), "7 elements can tell 1 to 3 factors with method='ml'"),
        (lambda: factor_analysis(GOOD, 2, "pca"), "method must be 'principal' or 'ml'"),
        (lambda: factor_analysis(GOOD, 2, rotation="promax"), "rotation None, 'varimax' or 'oblimin'"),
        (lambda: factor_analysis(GOOD, 2, "ml", communalities=[0.5] * 7), "finds the communalities itself"),
        (lambda: factor_analysis(GOOD, 2, communalities=[0.5] * 6), "one communality for each of 7"),
        (lambda: factor_analysis(GOOD, 2, communalities=[0.5] * 6 + [1.5]), "above 0 and at most 1"),
        (lambda: factor_analysis(harman(), 3), "leave '.*' no variance of its own.*use method='ml'"),
        (lambda: factor_analysis(GOOD, 1).scores(GOOD[["a"]]), "no column 'b'"),
        (lambda: factor_analysis(harman(), 5), "no variance left for factor 5"),
        (lambda: correlations(GOOD, missing="mean"), "missing must be 'refuse', 'complete' or 'em'"),
        (lambda: parallel_analysis(GOOD, quantile=95), "quantile lie between 0 and 1"),
        (lambda: congruence(factor_analysis(GOOD, 1).loadings, pd.DataFrame({"F1": [1]}, ["a"])), "'b' is on one"),
        (lambda: cronbach_alpha(GOOD[["a"]]), "two elements or more"),
        (lambda: centred_by_respondent(GOOD[["a"]]), "two elements or more"),
        (lambda: derived_importance(GOOD, "satisfied"), "no column 'satisfied'"),
    ],
)
def test_factor_analyses_that_make_no_sense_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: factor_analysis(NOISE, 1), r"share too little to be factored \(KMO 0.495, below 0.5\)"),
        (
            lambda: perception_gap(POINTS, POINTS.assign(c=1)[["b", "c"]]),
            "left out, since only one table has it: 'a', 'c'",
        ),
        (lambda: wave_change(POINTS, POINTS[["a"]]), "left out, since only one table has it: 'b'"),
        (lambda: perception_gap(POINTS, POINTS / 10), "largest ratings are 60 and 6: see that both are on one scale"),
        (lambda: servqual(POINTS, POINTS**2, pd.Series({"a": "r", "b": "s"})), "are 60 and 3600: see that both are on"),
        (lambda: acsi(pd.DataFrame({"overall": [8, 8]})), "all answers are the same"),
    ],
)
def test_what_is_doubtful_is_said(call, message):
    with pytest.warns(UserWarning, match=message):
        call()


def test_two_elements_that_hardly_anybody_rated_both_are_named():
    ratings = GOOD.copy()
    ratings.loc[:60, "a"], ratings.loc[62:, "b"] = np.nan, np.nan
    with pytest.raises(ValueError, match="only 1 respondents rated both 'a' and 'b'"):
        correlations(ratings, missing="em")


POINTS = pd.DataFrame({"a": [60, 50], "b": [40, 50]}, index=["A", "B"])
HARDLY = pd.DataFrame({"a": range(40), "b": [5, 6] + [np.nan] * 38})


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: importance_shares(POINTS.assign(b=[40, 60]), "points"), "points of '.' have a gap"),
        (lambda: importance_shares(POINTS.assign(b=[40, np.nan]), "points"), "points of 'B' have a gap"),
        (lambda: importance_shares(-POINTS), "ratings must be 0 or above"),
        (lambda: importance_shares(POINTS.assign(b=np.nan)), "nobody who counts rates 'b'"),
        (lambda: importance_shares(POINTS * 0), "no shares of nothing"),
        (lambda: importance_shares(POINTS, "ahp"), "method must be 'rating', 'points' or 'pairs'"),
        (lambda: importance_shares(POINTS.iloc[:0]), "no answers"),
        (lambda: importance_shares(POINTS, weights=[1]), "one weight for each of 2"),
        (lambda: importance_shares(POINTS, weights=[0, 0]), "each weight must be a number of 0 or more, and not all"),
        (lambda: importance_shares(POINTS, weights=pd.Series({"A": 1})), "'B' has no weight"),
        (lambda: importance_shares(POINTS, weights=pd.Series([1, 2, 3], list("ABB"))), "more than one weight of 'B'"),
        (lambda: importance_shares(POINTS, "pairs"), "pairs of elements as columns"),
        (lambda: importance_shares(comparisons(PAIRS).iloc[:, 1:], "pairs"), "each pair of elements once"),
        (lambda: comparisons(PAIRS.drop(columns="preference")), "no column 'preference'"),
        (lambda: comparisons(PAIRS.iloc[1:]), "'M0' did not compare 'a' with 'b'"),
        (lambda: comparisons(PAIRS.assign(preference=0)), "'M0' compares 'a' with 'b' by 0"),
        (lambda: comparisons(pd.concat([PAIRS, PAIRS.assign(preference=9.0)])), "twice, and not reciprocally"),
        (lambda: ahp(pd.DataFrame([[1, 3], [3, 1]], list("ab"), list("ab"))), "'a' against 'b' is 3, the reverse 3"),
        (lambda: ahp(pd.DataFrame([[1, np.nan], [3, 1]], list("ab"), list("ab"))), "not reciprocal"),
        (lambda: ahp(pd.DataFrame(np.ones((11, 11)))), "2 to 10 elements"),
        (lambda: ahp(pd.DataFrame(np.ones((3, 3))), "mean"), "method must be 'eigenvector' or 'geometric'"),
        (lambda: perception_gap(POINTS, GOOD[["c"]]), "no element in common"),
        (lambda: perception_gap(POINTS, POINTS, level=90), "level must lie between 0 and 1"),
        (lambda: wave_change(POINTS, POINTS.set_axis(["C", "D"])), "no respondent is in both waves"),
        (lambda: wave_change(POINTS, POINTS.set_axis(["A", "A"])), "'A' is in a wave twice"),
        (lambda: wave_change(POINTS, POINTS.set_axis([7, 7])), "^7 is in a wave twice"),
        (lambda: wave_change(POINTS, POINTS, pd.Series({"A": 1})), "'B' has no group"),
        (lambda: quadrants(pd.Series({"a": 1}), pd.Series({"b": 1})), "'a' is on one of two sides only"),
        (lambda: quadrants(pd.Series({"a": 1.0}), pd.Series({"a": np.nan})), "'a' has no performance"),
        (lambda: importance_performance(POINTS, POINTS, outcome=POINTS["a"]), "give one of the two"),
        (lambda: importance_performance(POINTS, POINTS[:1]), "respondent 'B' is on one of two sides only"),
        (lambda: importance_performance(POINTS, POINTS[["a"]]), "element 'b' is on one of two sides only"),
        (lambda: importance_performance(POINTS, POINTS.set_axis(["A", "A"])), "respondent 'B' is on one"),
        (
            lambda: importance_performance(POINTS.loc[["A", "B", "B"]], POINTS.loc[["B", "A", "B"]]),
            "respondent 'B' is there twice",
        ),
        (lambda: importance_performance(None, POINTS.assign(b=5), outcome=POINTS["a"], resamples=1), "of 'b' the same"),
        (lambda: importance_performance(None, POINTS, outcome=pd.Series({"C": 1})), "'A' has no outcome .2 such"),
        (lambda: importance_performance(None, POINTS, outcome=[1, 2]), "each outcome must be told by label"),
        (lambda: servqual(POINTS, POINTS, pd.Series({"a": "r"})), "'b' has no dimension"),
        (
            lambda: servqual(POINTS, POINTS, pd.Series({"a": "r", "b": "r"}), weights=pd.Series({"s": 1})),
            "'r' has no weight",
        ),
        (
            lambda: servqual(POINTS, POINTS, pd.Series({"a": "r", "b": "r"}), weights=pd.Series({"r": 0})),
            "dimension 'r' needs a weight above 0",
        ),
        (lambda: servqual(POINTS[:1], POINTS[:1], pd.Series({"a": "r", "b": "r"})), "rated by 1 respondents"),
        (lambda: servqual(POINTS, POINTS, pd.Series({"a": "r", "b": "overall"})), "give it another name"),
        (lambda: servqual(POINTS, POINTS, pd.Series({"a": "r", "b": "r"}), level=2), "level must lie between 0 and 1"),
        (lambda: importance(POINTS.assign(b="often")), "answers of 'b' are no numbers: 'often' in row 'A' .2 such"),
        (lambda: importance(POINTS.to_numpy()), "the answers must be a DataFrame, not of type ndarray"),
        (lambda: importance(HARDLY), "'b' has 2 answers that count, of 40 respondents: 400 resamples need 6"),
        (
            lambda: importance_performance(HARDLY[:4], HARDLY[:4], customers=pd.Series([1, 1, 2])),
            "3 has no customer .1 such",
        ),
        (lambda: importance_performance(HARDLY, HARDLY), "'b' has 2 answers that count, of 40 respondents"),
        (lambda: importance_performance(HARDLY[["a"]], HARDLY), "element 'b' is on one of two sides only"),
        (lambda: perception_gap(POINTS, POINTS.assign(a="high")), "ratings of 'a' are no numbers: 'high' in row 'A'"),
        (lambda: wave_change(POINTS, POINTS, ["north", "south"]), "each group must be told by label, as a Series"),
        (lambda: holm(pd.Series({"a": 0.5, "b": 1.5})), "from 0 to 1: that of 'b' is 1.5"),
        (lambda: holm(pd.Series({"a": -0.2})), "from 0 to 1: that of 'a' is -0.2"),
        (lambda: comparisons(PAIRS.assign(preference=50)), "by 50: a preference is from 1/9 to 9"),
        (
            lambda: comparisons(PAIRS.assign(preference="twice")),
            "values of 'preference' are no numbers: 'twice' in row 0",
        ),
        (lambda: comparisons(PAIRS.assign(respondent=None)), "'respondent' is missing in row 0"),
        (lambda: comparisons(PAIRS.assign(preference=np.nan)), "'preference' is missing in row 0"),
        (lambda: ahp([[1, 2], [0.5, 1]]), "the comparisons must be a DataFrame, not of type list"),
        (lambda: ahp(pd.DataFrame(np.ones((2, 2)), list("ab"), list("ac"))), "element 'b' is on one of two sides only"),
    ],
)
def test_answers_that_tell_no_importance_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nps([11, 3]), "1 of 2 answers are outside the scale of 0 to 10, the first 11"),
        (lambda: nps([9, -1]), "outside the scale"),
        (lambda: nps([8.5]), "a whole number from 0 to 10, not 8.5"),
        (lambda: nps([]), "no answers"),
        (lambda: nps([9, np.nan]), "1 of 2 answers are missing"),
        (lambda: nps([9, 8], weights=[1, -1]), "each weight must be a number of 0 or more"),
        (lambda: nps([9, 8], weights=[1]), "one weight for each of 2"),
        (lambda: nps([9, 8], customers=["A", None]), "1 has no customer"),
        (lambda: nps(pd.Series([9, 8]), weights=pd.Series([1, 1], [5, 6])), "0 has no weight .2 such"),
        (lambda: csat([0, 5]), "outside the scale of 1 to 10"),
        (lambda: csat([5], level=90), "level must lie between 0 and 1"),
        (lambda: acsi(pd.DataFrame({"overall": [0]})), "outside the scale"),
        (lambda: acsi(pd.DataFrame(index=[0])), "no questions"),
        (
            lambda: acsi(pd.DataFrame({"overall": [5]}), item_weights=[-1]),
            "each item weight must be a number of 0 or more",
        ),
        (lambda: acsi(pd.Series([5, 6])), "the answers must be a DataFrame, not of type Series"),
        (lambda: acsi(pd.DataFrame({"overall": [5]})), "the index of one customer has no interval"),
        (lambda: acsi(pd.DataFrame({"overall": [5, 6]}), customers=["A", "A"]), "the index of one customer has no"),
        (lambda: acsi(pd.DataFrame({"overall": [5, 6]}), level=2), "level must lie between 0 and 1"),
        (lambda: csat([5, 4, 3], scale=(1, 5)), r"top must lie above 1 and not above 5.*scale=\(1, 5\), top=4"),
        (lambda: csat([5, 4, 3], top=1), "top must lie above 1"),
        (lambda: csat(["9", "ten"]), "the answers are no numbers: 'ten' in row 1"),
        (lambda: nps([9, 8], weights=["much", "little"]), "the weights are no numbers: 'much' in row 0 .2 such"),
        (lambda: nps([9, 8], weights=[1, np.inf]), "the weights must be finite"),
        (
            lambda: response_weights(pd.Series(["no", "yes"]), pd.Series(["a", "a"])),
            "True or False .* 0 is 'no' .2 such",
        ),
        (lambda: response_weights(pd.Series([True, None]), pd.Series(["a", "a"])), "True or False .* 1 is None"),
        (lambda: response_weights(pd.Series([1, 2]), pd.Series(["a", "a"])), "True or False .* 1 is"),
        (lambda: response_weights(pd.Series([True, False]), pd.Series(["a", "b"])), "nobody of class 'b' answered"),
        (lambda: response_weights(pd.Series([True, False]), pd.Series(["a"])), "1 has no class"),
        (lambda: loyalty_curve([1, 2], [1]), "one entry of loyal for each of 2"),
        (lambda: loyalty_curve([1, 2], [1, np.nan]), "1 has no entry of loyal"),
        (lambda: loyalty_curve([1, np.nan], [1, 1]), "1 has no score of satisfied"),
        (lambda: loyalty_curve(["low", "high"], [1, 1]), "the scores of satisfied are no numbers: 'low' in row 0"),
        (lambda: loyalty_curve(pd.Series([1, 2]), pd.Series([1, 0], [1, 2])), "0 has no entry of loyal .1 such"),
        (lambda: loyalty_curve([1, 1], [1, 0]), "two scores or more"),
        (lambda: loyalty_curve([1, 2], [1, 0], customers=[1]), "one customer for each of 2"),
        (lambda: straight_line_test([1, 2, 3], [1, 2, 3]), "four scores or more, and ten customers"),
    ],
)
def test_answers_that_tell_no_satisfaction_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# --- the planted truth ------------------------------------------------------------------------------------------------


def recovered(of, wave, rating, rotation="varimax"):
    """The least congruence of a true factor with the found one nearest to it, which must be another for each."""
    ratings = wide(of.survey.query("wave == @wave"), rating)
    found = factor_analysis(correlations(ratings, missing="em"), 4, "ml", rotation)
    alike = congruence(found.loadings, true_loadings(of))
    assert alike.idxmax().is_unique
    return alike.max().min()


@pytest.mark.parametrize("rating", ["importance", "performance"])
def test_the_planted_factors_are_found(rating):
    ratings = wide(firm().survey.query("wave == 2"), rating)
    known = correlations(ratings, missing="em")
    assert parallel_analysis(known, simulations=100, random_state=1)["kept"].sum() == 4
    assert recovered(firm(), 2, rating) > 0.9
    assert recovered(firm(), 2, rating, "oblimin") > 0.9


def test_what_is_planted_in_what_customers_want():
    survey = firm().survey
    now = wide(survey.query("wave == 2"), "importance")
    gap = perception_gap(now, wide(firm().supplier_view, "importance", index="manager_id"))
    assert gap.loc["E12", "gap"] > 1  # price, which managers overrate
    assert gap.loc["E07", "gap"] < -0.9  # delivery on the day promised
    assert set(gap.index[gap["holm"] < 0.05]) == {"E07", "E12"}
    rated = importance(now, resamples=100, random_state=1)
    points = importance(wide(firm().constant_sum, "points"), "points", resamples=100, random_state=1)
    pairs = comparisons(firm().paired)
    customers = importance(pairs[pairs.index.str.startswith("C")], "pairs", resamples=100, random_state=1)
    # A dedicated representative: a good rating, and nobody gives anything for it.
    assert rated.loc["E02", "rank_high"] <= 9
    assert points.loc["E02", ["rank_low", "importance"]].tolist() == [6, pytest.approx(0.006, abs=5e-4)]
    assert customers.loc["E02", "rank_low"] == 6
    assert consistency(pairs)["consistent"].sum() == 35


def test_how_sure_a_quadrant_is():
    now = firm().survey.query("wave == 2")
    found = importance_performance(wide(now, "importance"), wide(now, "performance"), resamples=100, random_state=1)
    assert found.loc[["E07", "E08"], "quadrant"].tolist() == ["concentrate here"] * 2
    assert (found.loc[["E07", "E08"], "chance"] > 0.95).all()
    assert found.loc["E05", "chance"] < 0.8


def test_what_changed_shows_in_one_group_and_not_in_all():
    waves = [wide(firm().survey.query("wave == @wave"), "importance") for wave in (1, 2)]
    assert (wave_change(*waves)["holm"] > 0.5).all()
    group = firm().truth.preferences.set_index("customer_id")["preference"]
    by_group = wave_change(*waves, group)
    assert by_group.index[by_group["holm"] < 0.05].tolist() == [(2, "E05")]


@pytest.mark.proof
def test_the_planted_factors_are_found_in_other_seeds():
    least = [recovered(simulate("harbour_and_hill", seed=seed), 2, "importance") for seed in SEEDS]
    assert min(least) > 0.8, least
    assert np.mean(least) > 0.9, least


@pytest.mark.proof
def test_unrelated_ratings_seldom_have_a_factor():
    noise = (np.random.default_rng(seed).standard_normal((60, 6)) for seed in range(300))
    found = [parallel_analysis(pd.DataFrame(one), simulations=200, random_state=1)["kept"].any() for one in noise]
    assert 0.02 < np.mean(found) < 0.08


@pytest.mark.proof
def test_the_test_of_enough_factors_is_true_to_its_level():
    pvalues = np.array([factor_analysis(two_factors(seed, n=400), 2, "ml").pvalue for seed in range(400)])
    assert 0.03 < (pvalues < 0.05).mean() < 0.08
    assert stats.kstest(pvalues, "uniform").pvalue > 0.001


def coverage(interval_of, true, draw, seeds=4000):
    ends = [interval_of(draw(np.random.default_rng(seed))) for seed in range(seeds)]
    return np.mean([low <= true <= high for low, high in ends])


@pytest.mark.proof
@pytest.mark.parametrize("shares", [(0.5, 0.3, 0.2), (0.85, 0.1, 0.05), (0.2, 0.2, 0.6)])
def test_the_interval_of_the_score_covers_better_than_walds(shares):
    true = 100 * (shares[0] - shares[2])

    def draw(rng):
        return rng.choice([10, 8, 3], 25, p=shares)

    def wald(answers):
        net = 100 * ((answers == 10).astype(float) - (answers == 3))
        reach = 1.644854 * net.std() / np.sqrt(len(net))
        return net.mean() - reach, net.mean() + reach

    ours = coverage(lambda answers: nps(answers)[1:3], true, draw)
    assert 0.87 <= ours <= 0.95
    assert abs(ours - 0.9) <= abs(coverage(wald, true, draw) - 0.9) + 0.005


@pytest.mark.proof
def test_intervals_allow_for_several_answers_of_a_customer():
    def draw(rng):
        own = rng.random(60)
        return np.where(rng.random((60, 3)) < (0.8 * (own < 0.5) + 0.1)[:, None], 10, 5).ravel()

    customers = np.repeat(np.arange(60), 3)
    known = coverage(lambda answers: csat(answers, customers=customers)[1:3], 0.5, draw, 1000)
    unknown = coverage(lambda answers: csat(answers)[1:3], 0.5, draw, 1000)
    assert 0.87 <= known <= 0.93
    assert unknown < 0.8


@pytest.mark.proof
def test_a_straight_line_is_seldom_called_bent():
    def bent(seed):
        rng = np.random.default_rng(seed)
        satisfied = rng.integers(1, 11, 300)
        own = np.repeat(rng.normal(size=100), 3)
        loyal = satisfied + own + rng.normal(size=300)
        return straight_line_test(satisfied, loyal, customers=np.repeat(np.arange(100), 3)).pvalue < 0.05

    assert 0.03 < np.mean([bent(seed) for seed in range(600)]) < 0.09
