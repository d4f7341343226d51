"""Orderings, groups of them and of customers, classes by value: published numbers, special cases, laws, bad input."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.cluster import hierarchy
from scipy.optimize import minimize, minimize_scalar
from scipy.spatial.distance import squareform
from sklearn.base import clone
from sklearn.cluster import DBSCAN, AgglomerativeClustering, KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score, silhouette_score
from sklearn.mixture import GaussianMixture

from crmlab.segmentation import (
    MallowsMixture,
    abc_classes,
    borda,
    consensus,
    distance_matrix,
    draw_rankings,
    gap_choice,
    kemeny,
    kendall_distance,
    migration,
    number_of_groups,
    places,
    ranking_groups,
    regression_to_mean,
    rfm_scores,
    spearman_distance,
    stability,
)
from crmlab.segmentation.clusters import log_within
from crmlab.segmentation.mallows import expected_distance, log_constant
from crmlab.stats import kendall_w

ONE, OTHER = (1, 2, 3, 4, 5), (2, 1, 3, 5, 4)
weak = st.lists(st.lists(st.sampled_from([1, 2, 3, 4, np.nan]), min_size=4, max_size=4), min_size=3, max_size=3)
full = st.integers(2, 6).flatmap(lambda n: st.lists(st.permutations(range(1, n + 1)), min_size=2, max_size=5))


def all_orderings(items):
    return np.array(list(itertools.permutations(range(1, items + 1))))


def test_the_pair_of_five_items():
    assert kendall_distance(ONE, OTHER) == 2
    assert 1 - 4 * kendall_distance(ONE, OTHER) / (5 * 4) == pytest.approx(0.6) == stats.kendalltau(ONE, OTHER)[0]
    rho = 1 - 6 * spearman_distance(ONE, OTHER) ** 2 / (5 * 24)
    assert rho == pytest.approx(0.8) == stats.spearmanr(ONE, OTHER)[0]


def test_agreement_of_four_raters_is_the_published_one():
    raters = np.array([[2, 5, 4, 5, 1], [3, 3, 4, 5, 3], [3, 4, 4, 6, 2], [2, 4, 3, 6, 2]])
    result = kendall_w(raters)
    assert result.w == pytest.approx(0.856164, abs=5e-7)
    assert result.statistic == pytest.approx(13.698630, abs=5e-7)
    assert result.pvalue == pytest.approx(0.008322, abs=5e-7)
    assert result.mean_ranks.tolist() == [1.875, 3.5, 3.375, 4.875, 1.375]
    friedman = stats.friedmanchisquare(*raters.T)
    assert (result.statistic, result.pvalue) == pytest.approx((friedman.statistic, friedman.pvalue))


@pytest.mark.parametrize("distance", [kendall_distance, spearman_distance])
@given(weak)
def test_both_distances_are_metrics_ties_and_gaps_included(distance, rows):
    a, b, c = rows
    same = (places(np.array([a, b]))[0] == places(np.array([a, b]))[1]).all()
    assert (distance(a, b) == 0) == same
    assert distance(a, b) == distance(b, a)
    assert distance(a, c) <= distance(a, b) + distance(b, c) + 1e-9


def test_the_square_of_spearmans_distance_is_no_metric():
    a, b, c = (1, 2, 3), (2, 1, 3), (3, 1, 2)
    far, near = spearman_distance(a, c) ** 2, spearman_distance(a, b) ** 2 + spearman_distance(b, c) ** 2
    assert far > near


@given(full, st.randoms())
def test_the_names_of_the_items_change_no_distance_and_no_agreement(rows, chance):
    table = np.array(rows)
    order = list(range(table.shape[1]))
    chance.shuffle(order)
    assert kendall_distance(table[0], table[1]) == kendall_distance(table[0, order], table[1, order])
    assert kendall_w(table).w == pytest.approx(kendall_w(table[:, order]).w)
    assert -1e-9 <= kendall_w(table).w <= 1 + 1e-9


@given(full)
@settings(max_examples=15)
def test_kemenys_consensus_is_the_best_of_all_orderings(rows):
    table = np.array(rows)
    everything = all_orderings(table.shape[1])
    total = distance_matrix(np.concatenate([everything, table]))[: len(everything), len(everything) :].sum(axis=1)
    found = (everything == kemeny(table)).all(axis=1)
    assert total[found] == total.min()


def test_a_weight_is_a_ranking_that_is_there_so_often():
    table = np.array([[1, 2, 3, 4], [4, 3, 2, 1], [2, 1, 4, 3]])
    assert kemeny(table, [1, 0, 3]).tolist() == kemeny(table[[0, 2, 2, 2]]).tolist() == [2, 1, 4, 3]


def test_all_alike_is_the_consensus_and_full_agreement():
    table = pd.DataFrame([[2, 1, 3]] * 4, columns=["visits", "price", "speed"])
    assert kemeny(table).to_dict() == borda(table).to_dict() == {"visits": 2, "price": 1, "speed": 3}
    assert kendall_w(table).w == 1


def test_the_best_three_of_five_leave_the_others_tied_behind():
    assert places(np.array([[2, np.nan, 1, 3, np.nan]])).tolist() == [[2, 4.5, 1, 3, 4.5]]
    assert kendall_distance([1, 2, np.nan, np.nan], [1, 2, 3, 4]) == 0.5


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: kendall_distance([1, 2], [1, 2, 3]), r"same items are compared, two or more: \(2,\) and \(3,\)"),
        (lambda: spearman_distance([1], [1]), "two or more"),
        (lambda: places(np.array([1, 2])), "a table of two items or more"),
        (lambda: kemeny(np.arange(9)[None]), "at most 8 items, these are 9: borda takes any"),
        (lambda: kemeny(np.empty((0, 3))), "a ranking or more"),
        (lambda: kemeny(np.array([[1, 2]]), [-1]), "a weight of 0 or more"),
        (lambda: kendall_w(np.array([[1, 2, 3]])), "two rankings or more"),
        (lambda: kendall_w(np.array([[1, 2], [1, np.nan]])), "row 2 has a gap"),
        (lambda: kendall_w(np.ones((3, 3))), "everybody ties everything"),
    ],
)
def test_bad_rankings_are_refused_in_words(call, words):
    with pytest.raises(ValueError, match=words):
        call()


# --- groups of rankings -----------------------------------------------------------------------------------------------

SIX = pd.DataFrame(  # three want visits first and stock last, two the reverse, one is nearer to the three
    [[1, 2, 3, 4], [1, 2, 3, 4], [2, 1, 3, 4], [4, 3, 2, 1], [4, 3, 1, 2], [1, 3, 2, 4]],
    index=["C1", "C2", "C3", "C4", "C5", "C6"],
    columns=["visits", "returns", "price", "stock"],
)


def planted(theta, sizes=(60, 40, 30, 20), items=6, seed=0):
    """Rankings around centers that are far from each other, and the group of each."""
    ahead = np.arange(1, items + 1)
    centers = [ahead, ahead[::-1], np.roll(ahead, items // 2), np.roll(ahead[::-1], items // 2)][: len(sizes)]
    rng = np.random.default_rng(seed)
    drawn = [draw_rankings(center, theta, size, random_state=rng) for center, size in zip(centers, sizes, strict=True)]
    return np.concatenate(drawn), np.repeat(np.arange(len(sizes)), sizes)


@given(weak, st.sampled_from(["kendall", "spearman"]))
@settings(max_examples=40)
def test_the_table_of_distances_holds_what_two_rankings_give(rows, metric):
    one_by_one = {"kendall": kendall_distance, "spearman": spearman_distance}[metric]
    pairwise = [[one_by_one(a, b) for b in rows] for a in rows]
    assert distance_matrix(np.array(rows), metric) == pytest.approx(np.array(pairwise))


@pytest.mark.parametrize("method", ["medoids", "average", "complete"])
def test_six_customers_fall_apart_as_the_eye_sees(method):
    assert ranking_groups(SIX, 2, method=method).to_dict() == {"C1": 0, "C2": 0, "C3": 0, "C4": 1, "C5": 1, "C6": 0}
    agreed = consensus(SIX, ranking_groups(SIX, 2, method=method))
    assert agreed["customers"].tolist() == [4, 2]
    assert agreed.loc[0, SIX.columns].tolist() == [1, 2, 3, 4]
    assert agreed.loc[1, SIX.columns].tolist() == [4, 3, 1, 2]  # price or stock first is a tie: price is the earlier
    assert agreed["w"].tolist() == pytest.approx([kendall_w(SIX.iloc[[0, 1, 2, 5]]).w, kendall_w(SIX.iloc[3:5]).w])


TRAP = "1324 1324 2431 2431 3142 3142 3412 3421 4231 4213 4312"  # where every start of the search ends at 17, not 16


@given(st.lists(st.permutations(range(1, 5)), min_size=3, max_size=12), st.integers(1, 3))
@example(rows=[[int(place) for place in row] for row in TRAP.split()], n_groups=2)
@settings(max_examples=40)
def test_no_other_medoids_are_nearer(rows, n_groups):
    table = np.array(rows)
    if n_groups > len(np.unique(table, axis=0)):
        return
    labels, distances = ranking_groups(table, n_groups), distance_matrix(table)
    found = sum(distances[np.ix_(labels == one, labels == one)].sum(axis=0).min() for one in range(n_groups))
    best = min(
        distances[:, list(medoids)].min(axis=1).sum() for medoids in itertools.combinations(range(len(table)), n_groups)
    )
    assert found == pytest.approx(best)


@pytest.mark.parametrize("linkage", ["average", "complete"])
def test_merging_is_that_of_scipy(linkage):
    table, _ = planted(1.5, (12, 8), items=5, seed=3)
    theirs = hierarchy.fcluster(hierarchy.linkage(squareform(distance_matrix(table)), linkage), 2, "maxclust")
    assert adjusted_rand_score(theirs, ranking_groups(table, 2, method=linkage)) == 1


@pytest.mark.parametrize("method", ["medoids", "average", "complete", "mixture"])
@pytest.mark.parametrize("seed", [1, 2])
def test_groups_do_not_depend_on_the_order_of_customers_and_items(method, seed):
    table, _ = planted(1.0, seed=seed)

    def groups(rankings):
        if method == "mixture":
            return MallowsMixture(4, random_state=0).fit(rankings).labels_
        return ranking_groups(rankings, 4, method=method)

    rng = np.random.default_rng(seed)
    rows, items = rng.permutation(len(table)), rng.permutation(table.shape[1])
    assert groups(table)[rows].tolist() == groups(table[rows][:, items]).tolist()


@pytest.mark.parametrize("seed", range(3))
def test_planted_groups_are_found_at_low_noise_and_less_at_high(seed):
    def found(theta):
        rankings, truth = planted(theta, sizes=(40, 30, 20), seed=seed)
        yield adjusted_rand_score(truth, MallowsMixture(3, n_init=3, random_state=0).fit(rankings).labels_)
        for metric in ("kendall", "spearman"):
            yield adjusted_rand_score(truth, ranking_groups(rankings, 3, metric=metric))

    assert list(found(4.0)) == [1.0, 1.0, 1.0]
    assert max(found(0.3)) < 0.5


def test_rankings_with_equals_and_gaps_find_their_group():
    table = SIX.astype(float)
    table.loc["C3"] = [1, 1, np.nan, np.nan]
    table.loc["C4"] = [np.nan, np.nan, 1, 1]
    assert ranking_groups(table, 2).tolist() == [0, 0, 0, 1, 1, 0]


def test_one_customer_alone_has_no_agreement():
    assert np.isnan(consensus(SIX, ["a"] * 5 + ["b"]).loc["b", "w"])


# --- the model of rankings --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("items", [4, 5])
@pytest.mark.parametrize("theta", [0.0, 0.4, 2.0])
def test_probabilities_sum_to_one_over_all_orderings(items, theta):
    everything, center = all_orderings(items), np.arange(1, items + 1)
    distance = np.array([kendall_distance(center, one) for one in everything])
    chance = np.exp(-theta * distance - log_constant(np.array([theta]), items)[0])
    assert chance.sum() == pytest.approx(1)
    assert expected_distance(theta, items) == pytest.approx(chance @ distance)
    # Fligner and Verducci's closed form, which fails at 0
    if theta:
        j = np.arange(1, items + 1)
        assert log_constant(np.array([theta]), items)[0] == pytest.approx(
            np.log((1 - np.exp(-j * theta)) / (1 - np.exp(-theta))).sum()
        )


def test_draws_have_the_models_probabilities():
    center, theta, size = np.array([3, 1, 4, 2]), 0.7, 40_000
    drawn, count = np.unique(draw_rankings(center, theta, size, random_state=5), axis=0, return_counts=True)
    distance = np.array([kendall_distance(center, one) for one in drawn])
    expected = size * np.exp(-theta * distance - log_constant(np.array([theta]), 4)[0])
    assert len(drawn) == 24
    assert stats.chisquare(count, expected).pvalue > 0.01


@pytest.mark.parametrize("seed", [0, 1])
def test_one_group_is_the_maximum_over_all_centers_and_thetas(seed):
    rankings = draw_rankings([1, 2, 3, 4, 5], 0.8, 30, random_state=seed)
    model = MallowsMixture(1, random_state=0).fit(rankings)
    everything = all_orderings(5)
    best = []
    for distance in distance_matrix(np.concatenate([everything, rankings]))[: len(everything), len(everything) :]:

        def misfit(theta, distance=distance):
            return theta * distance.sum() + len(distance) * log_constant(np.array([theta]), 5)[0]

        found = minimize_scalar(misfit, bounds=(0, 20), method="bounded", options={"xatol": 1e-8})
        best.append((found.fun, found.x))
    least = min(best)
    assert -model.loglikelihood_ == pytest.approx(least[0])
    assert model.theta_[0] == pytest.approx(least[1], abs=1e-5)
    center = np.asarray(model.centers_)[0]
    assert best[(everything == center).all(axis=1).argmax()][0] == pytest.approx(least[0])
    assert center.tolist() == kemeny(rankings).tolist()


def test_two_groups_are_a_maximum_that_scipy_cannot_better():
    rankings, _ = planted(1.2, (30, 20), items=4, seed=2)
    model = MallowsMixture(2, random_state=0).fit(rankings)
    distance = np.array([[kendall_distance(center, one) for center in model.centers_] for one in rankings])

    def misfit(point):
        theta, share = np.exp(point[:2]), 1 / (1 + np.exp(point[2]))
        joint = np.exp(-theta * distance - log_constant(theta, 4)) * [share, 1 - share]
        return -np.log(joint.sum(axis=1)).sum()

    at = np.append(np.log(model.theta_), np.log(model.weights_[1] / model.weights_[0]))
    assert misfit(at) == pytest.approx(-model.loglikelihood_)
    assert minimize(misfit, at, method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-10}).fun == pytest.approx(
        misfit(at), abs=1e-4
    )


def test_the_mixture_finds_the_parameters_it_was_drawn_from():
    rankings, truth = planted(1.5, (1500, 1000, 500), seed=4)
    frame = pd.DataFrame(rankings, columns=list("abcdef"))
    model = MallowsMixture(3, random_state=0).fit(frame)
    assert model.converged_
    assert model.weights_ == pytest.approx([0.5, 1 / 3, 1 / 6], abs=0.02)
    assert model.weights_.sum() == pytest.approx(1)
    assert model.theta_ == pytest.approx([1.5] * 3, abs=0.1)
    assert model.centers_.to_numpy().tolist() == [[1, 2, 3, 4, 5, 6], [6, 5, 4, 3, 2, 1], [4, 5, 6, 1, 2, 3]]
    assert list(model.centers_) == list("abcdef")
    assert model.predict_proba(frame).sum(axis=1) == pytest.approx(1)
    assert (model.predict(frame) == model.labels_).all()
    criteria = [MallowsMixture(k, random_state=0).fit(frame).bic(frame) for k in (1, 2, 3, 4)]
    assert int(np.argmin(criteria)) + 1 == 3
    assert model.bic(frame) == pytest.approx(8 * np.log(3000) - 2 * model.loglikelihood_)
    assert adjusted_rand_score(truth, model.labels_) > 0.95


def test_six_customers_in_the_mixture():
    model = clone(MallowsMixture(2, random_state=1)).fit(SIX)
    assert model.labels_.tolist() == [0, 0, 0, 1, 1, 0]
    assert model.centers_.loc[0].tolist() == [1, 2, 3, 4]
    assert model.get_params()["n_components"] == 2


def test_all_rankings_alike_end_at_the_largest_theta_and_no_agreement_at_none():
    alike = MallowsMixture(1, random_state=0).fit(np.array([[2, 1, 3]] * 4))
    assert (alike.theta_.tolist(), alike.loglikelihood_) == ([20.0], pytest.approx(0, abs=1e-7))
    everything = MallowsMixture(1, random_state=0).fit(all_orderings(4))
    assert everything.theta_.tolist() == [0.0]
    assert everything.loglikelihood_ == pytest.approx(-24 * np.log(24))
    apart = MallowsMixture(2, random_state=0).fit(np.array([[1, 2, 3]] * 3 + [[3, 2, 1]] * 2))
    assert (apart.theta_.tolist(), apart.weights_.tolist()) == ([20, 20], pytest.approx([0.6, 0.4]))


def test_a_climb_that_is_cut_short_says_so():
    with pytest.warns(ConvergenceWarning, match="still rises after 2 steps: choose a larger max_iter"):
        model = MallowsMixture(3, max_iter=2, random_state=0).fit(planted(0.5)[0])
    assert not model.converged_


def test_a_majority_in_a_circle_and_a_tie_go_to_the_earlier_column():
    assert kemeny(np.array([[1, 2, 3], [3, 1, 2], [2, 3, 1]])).tolist() == [1, 2, 3]
    assert kemeny(np.array([[1, 2], [2, 1]])).tolist() == [1, 2]


# --- recency, frequency, money ----------------------------------------------------------------------------------------

TEN = pd.DataFrame(
    {
        "recency": [2, 5, 5, 9, 20, 31, 45, 60, 90, 200],
        "frequency": [12, 8, 3, 12, 3, 3, 1, 3, 1, 1],
        "monetary": [900, 700, 80, 400, 300, 150, 60, 500, 30, 20],
    },
    index=[f"C{number:02}" for number in range(1, 11)],
)


def test_scores_of_ten_customers_reckoned_by_hand():
    # Places from the worst, equals at the middle: recency 10, 8.5, 8.5, 7, 6, 5, 4, 3, 2, 1; frequency 9.5, 8, 5.5,
    # 9.5, 5.5, 5.5, 2, 5.5, 2, 2; money 10, 9, 4, 7, 6, 5, 3, 8, 2, 1. Places up to 2 score 1, to 4 2, to 6 3, to 8 4,
    # the others 5; 8.5 lies on the border of 8 and 9 and scores 5.
    assert rfm_scores(TEN)["rfm"].tolist() == ["555", "545", "532", "454", "333", "333", "212", "234", "111", "111"]
    # In two bins the five of least recency score 2. Among them frequency 12, 8, 3, 12, 3 scores 2, 2, 1, 2, 1 (the
    # middle one lies on the border), among the others 3, 1, 3, 1, 1 scores 2, 1, 2, 1, 1; money in each of four cells.
    nested = rfm_scores(TEN, bins=2, nested=True)["rfm"]
    assert nested.tolist() == ["222", "222", "211", "221", "212", "121", "112", "122", "112", "111"]


@given(
    st.lists(st.tuples(*[st.integers(0, 6)] * 3), min_size=9, max_size=30),
    st.integers(2, 5),
    st.booleans(),
    st.randoms(),
)
@settings(max_examples=40)
def test_equal_customers_score_alike_better_ones_no_worse_and_order_does_not_matter(rows, bins, nested, chance):
    table = pd.DataFrame(rows, columns=["recency", "frequency", "monetary"])
    assume((table.max() > table.min()).all())
    scored = rfm_scores(table, bins=bins, nested=nested)
    assert not scored.drop_duplicates()[["recency", "frequency", "monetary"]].duplicated().any()
    by_recency = scored.sort_values("recency")["recency_score"]
    assert by_recency.is_monotonic_decreasing
    assert scored["recency_score"].between(1, bins).all()
    mixed = list(table.index)
    chance.shuffle(mixed)
    assert rfm_scores(table.loc[mixed], bins=bins, nested=nested)["rfm"].loc[table.index].equals(scored["rfm"])


@given(st.permutations(range(23)), st.integers(2, 9))
@settings(max_examples=20)
def test_without_equals_scores_part_the_customers_evenly(values, bins):
    table = pd.DataFrame({"recency": values, "frequency": values, "monetary": values})
    sizes = rfm_scores(table, bins=bins)["monetary_score"].value_counts()
    assert len(sizes) == bins
    assert sizes.max() - sizes.min() <= 1


# --- classes by value -------------------------------------------------------------------------------------------------


def test_twenty_fifty_thirty_per_cent_of_the_items():
    table = abc_classes(TEN["monetary"])
    assert table.index[:3].tolist() == ["C01", "C02", "C08"]
    assert table["class"].value_counts().to_dict() == {"B": 5, "C": 3, "A": 2}
    assert table["share_of_gains"].tolist() == table["share_of_net"].tolist()
    # 900 + 700 + 500 + 400 of 3,140 are 79.6 per cent: the next one still begins before 80, and ends at 89.2.
    by_gains = abc_classes(TEN["monetary"], of="gains")["class"]
    assert by_gains.tolist() == ["A"] * 5 + ["B"] * 2 + ["C"] * 3


def test_who_earns_nothing_is_in_no_class_of_gains_but_the_last():
    profit = pd.Series([100.0, 60.0, 40.0, 0.0, -150.0], index=list("abcde"))
    table = abc_classes(profit, of="gains")
    assert table["class"].tolist() == ["A", "A", "B", "C", "C"]
    assert table["share_of_gains"].tolist() == [0.5, 0.8, 1, 1, 1]
    assert table["share_of_net"].tolist() == [2, 3.2, 4, 4, 1]
    assert abc_classes(profit - 40)["share_of_net"].isna().all()
    assert abc_classes(-profit - 1)["share_of_gains"].iloc[0] == 1  # the loss of 150 is a gain of 149 alone


def test_absolute_profit_and_margin_rate_class_differently():
    accounts = pd.DataFrame({"revenue": [1000, 100, 400], "profit": [80, 30, 60]}, index=["large", "small", "middle"])
    by_profit = abc_classes(accounts["profit"], cuts=(0.3, 0.6))["class"]
    by_rate = abc_classes(accounts["profit"] / accounts["revenue"], cuts=(0.3, 0.6))["class"]
    assert (by_profit["large"], by_rate["large"]) == ("A", "C")


@given(st.lists(st.integers(-5, 9), min_size=2, max_size=20), st.sampled_from(["items", "gains"]))
@settings(max_examples=40)
def test_classes_never_rise_where_value_falls_and_equals_share_one(values, of):
    assume(len(set(values)) > 1 and max(values) > 0)
    table = abc_classes(pd.Series(values, dtype=float), of=of)
    assert table["class"].is_monotonic_increasing
    assert not table[["value", "class"]].drop_duplicates()["value"].duplicated().any()
    assert table["share_of_items"].iloc[-1] == table["share_of_gains"].iloc[-1] == pytest.approx(1)
    assert table["class"].iloc[0] == "A"


# --- who moves --------------------------------------------------------------------------------------------------------

classes = st.dictionaries(st.integers(0, 20), st.sampled_from("ABC"), min_size=1)


@given(classes, classes)
@settings(max_examples=40)
def test_migration_counts_everybody_once(before, after):
    counts, shares = migration(pd.Series(before), pd.Series(after))
    assert counts.to_numpy().sum() == len(before.keys() | after.keys())
    assert counts.loc["came"].sum() == len(after.keys() - before.keys())
    assert counts["left"].sum() == len(before.keys() - after.keys())
    assert counts.loc["came", "left"] == 0
    assert shares.sum(axis=1).tolist() == pytest.approx((counts.sum(axis=1) > 0).astype(float).tolist())


def test_classes_in_their_own_order():
    order = pd.CategoricalDtype(["high", "middle", "low"], ordered=True)
    now = pd.Series(["low", "high"], ["C1", "C2"], dtype=order)
    assert list(migration(now, now).counts) == ["high", "middle", "low", "left"]


def test_regression_to_the_mean_in_its_special_cases():
    before = pd.Series([1.0, 2.0, 3.0, 6.0])
    after = pd.Series([2.0, 1.0, 4.0, 5.0])
    groups = pd.Series(["low", "low", "high", "high"])
    nobody_returns = regression_to_mean(before, before, groups, correlation=1)
    assert nobody_returns["expected"].tolist() == pytest.approx(nobody_returns["before"].tolist())
    all_return = regression_to_mean(before, after, groups, correlation=0)
    assert all_return["expected"].tolist() == pytest.approx([3, 3])
    line = stats.linregress(before, after)
    fitted = regression_to_mean(before, after, groups)["expected"]
    assert fitted["high"] == pytest.approx(line.intercept + line.slope * 4.5)


def test_the_fall_of_the_best_is_what_chance_alone_lets_expect():
    rng = np.random.default_rng(7)
    true = rng.normal(100, 20, 4000)  # nobody changes
    before, after, again = (pd.Series(true + rng.normal(0, 20, 4000)) for _ in range(3))
    best = before.rank(pct=True).gt(0.8).map({True: "best", False: "others"})
    table = regression_to_mean(before, after, best, correlation=before.corr(again))
    assert table.loc["best", "after"] == pytest.approx(table.loc["best", "expected"], abs=1.5)
    assert table.loc["best", "before"] - table.loc["best", "after"] > 15


# --- how many groups --------------------------------------------------------------------------------------------------


def blobs(seed, spread=0.3):
    rng = np.random.default_rng(seed)
    centers = np.array([[0, 0, 0], [4, 0, 0], [0, 4, 0]])
    return pd.DataFrame(np.repeat(centers, 25, axis=0) + rng.normal(0, spread, (75, 3)), columns=list("xyz"))


@pytest.mark.parametrize("clusterer", [None, AgglomerativeClustering()])
def test_three_groups_are_told_and_none_where_there_are_none(clusterer):
    table = number_of_groups(blobs(1), clusterer, most=5, references=10, resamples=5)
    assert table.index.tolist() == [1, 2, 3, 4, 5]
    assert (table["silhouette"].idxmax(), gap_choice(table), table["bic"].idxmin()) == (3, 3, 3)
    assert table.loc[3, "stability"] == 1
    nothing = pd.DataFrame(np.random.default_rng(2).normal(size=(75, 3)))
    table = number_of_groups(nothing, clusterer, most=5, references=10, resamples=5)
    assert (gap_choice(table), table["bic"].idxmin()) == (1, 1)
    assert table["stability"].max() < 0.8


def test_columns_of_the_table_are_scikit_learns_and_the_papers():
    features = blobs(3, spread=1.5)
    table = number_of_groups(features, most=3, references=4, resamples=2, random_state=5)
    points = features.to_numpy()
    labels = KMeans(3, n_init=4, random_state=5).fit_predict(points)
    assert table.loc[3, "silhouette"] == silhouette_score(points, labels)
    assert table.loc[3, "bic"] == GaussianMixture(3, n_init=3, random_state=5).fit(points).bic(points)
    again = number_of_groups(features, most=3, references=4, resamples=2, random_state=5)
    pd.testing.assert_frame_equal(again, table)


def test_the_gap_of_a_rectangle_is_known():
    # Points on a grid of 40 by 10 vary by (40^2 + 10^2 - 2) / 12, uniform ones in its box by (39^2 + 9^2) / 12.
    grid = pd.DataFrame({"x": np.tile(np.arange(40), 10), "y": np.repeat(np.arange(10), 40)})
    gap = number_of_groups(grid, most=2, references=40, resamples=1).loc[1]
    assert gap["gap"] == pytest.approx(np.log((39**2 + 9**2) / (40**2 + 10**2 - 2)), abs=0.015)


def test_within_squares_are_k_means_inertia():
    points = blobs(4, spread=2).to_numpy()
    model = KMeans(4, n_init=4, random_state=0).fit(points)
    assert np.exp(log_within(points, model.labels_)) == pytest.approx(model.inertia_)


def test_turning_the_customers_changes_no_gap():
    features = blobs(5, spread=1)
    angle = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    turned = pd.DataFrame(features.to_numpy() @ angle)
    gaps = [number_of_groups(one, most=3, references=40, resamples=1)["gap"] for one in (features, turned)]
    assert gaps[0].to_numpy() == pytest.approx(gaps[1].to_numpy(), abs=0.1)


# --- bad input --------------------------------------------------------------------------------------------------------

VALUES = pd.Series([1.0, 2.0, 3.0], index=["C1", "C2", "C3"])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: ranking_groups(SIX, 6), "from 1 to 5, so many different orderings"),
        (lambda: ranking_groups(SIX, 2, method="ward"), "one of medoids, average, complete, not 'ward'"),
        (lambda: distance_matrix(SIX, "footrule"), "'kendall' or 'spearman', not 'footrule'"),
        (lambda: distance_matrix(np.tile([1, 2], (5001, 1))), "5001 rankings are too many.*MallowsMixture"),
        (lambda: consensus(SIX, [1, 2]), r"6 rankings and labels of shape \(2,\)"),
        (lambda: consensus(SIX.set_axis(["w", *SIX.columns[1:]], axis=1), [0] * 6), "an item is named 'w'"),
        (lambda: draw_rankings([1, 1, 2], 1, 1), "two items the same place"),
        (lambda: draw_rankings([1, 2], -1, 1), "theta must be 0 or more"),
        (lambda: kemeny(SIX, [0] * 6), "not all 0"),
        (
            lambda: MallowsMixture(2).fit(SIX.assign(price=[1, 2, 3, 2, 2, 2])),
            r"row C1 gives two items the same place \(3 such",
        ),
        (
            lambda: MallowsMixture(2).fit(SIX.where(SIX < 4)),
            r"row C1 has a gap \(6 such rows\): leave them out, or use",
        ),
        (lambda: MallowsMixture(6).fit(SIX), "only 5 different orderings"),
        (lambda: MallowsMixture(0).fit(SIX), "n_components must be a whole number of 1 or more, not 0"),
        (lambda: MallowsMixture(1).fit(np.arange(1, 10)[None]), "at most 8 items, these are 9"),
        (lambda: MallowsMixture(1).fit(np.empty((0, 3))), "no rankings"),
        (lambda: ranking_groups(np.empty((0, 3)), 1), "no rankings"),
        (lambda: MallowsMixture(1, random_state=0).fit(SIX).predict(SIX[SIX.columns[::-1]]), "in the same order"),
        (lambda: rfm_scores(TEN.drop(columns="recency")), "no column 'recency'"),
        (lambda: rfm_scores(TEN, bins=1), "from 2 to 9, not 1"),
        (lambda: rfm_scores(TEN.head(3)), "3 customers cannot be parted by 5 scores"),
        (lambda: rfm_scores(TEN.head(0)), "recency has no rows"),
        (lambda: rfm_scores(TEN.assign(frequency=1)), "frequency is 1 for everybody"),
        (
            lambda: rfm_scores(TEN.assign(monetary=np.nan)),
            "monetary has 10 missing or infinite values, the first for C01",
        ),
        (lambda: rfm_scores(TEN.assign(monetary="much")), "monetary must be numbers"),
        (lambda: abc_classes(VALUES, of="revenue"), "'items' or 'gains', not 'revenue'"),
        (lambda: abc_classes(VALUES, cuts=(0.8, 0.5)), "cuts must rise"),
        (lambda: abc_classes(-VALUES, of="gains"), "no value is above 0"),
        (lambda: abc_classes(VALUES * 0), "is 0.0 for everybody"),
        (lambda: migration(VALUES, VALUES.head(0)), "after has no customers"),
        (lambda: migration(pd.concat([VALUES, VALUES]), VALUES), "before has C1 more than once"),
        (lambda: migration(VALUES, VALUES.where(VALUES > 1)), "after has no class for C1"),
        (lambda: migration(VALUES.astype(str), pd.Series({"C1": "left"})), "after has a class 'left'"),
        (lambda: regression_to_mean(VALUES, VALUES, VALUES.where(VALUES > 1)), "groups has none for C1"),
        (lambda: regression_to_mean(VALUES, VALUES.head(2), VALUES), "of the same customers"),
        (lambda: regression_to_mean(VALUES, VALUES, VALUES, correlation=2), "between -1 and 1"),
        (lambda: number_of_groups(blobs(1).head(8)), "8 different customers are too few to look for 8 groups"),
        (lambda: number_of_groups(blobs(1).assign(z=1.0), most=2), "z is the same for everybody"),
        (lambda: number_of_groups(blobs(1).assign(z=[np.nan] * 75), most=2), "z is missing or infinite for 0"),
        (lambda: number_of_groups(blobs(1).assign(z="a"), most=2), "z must be numbers"),
        (lambda: number_of_groups(blobs(1), most=1), "most must be a whole number of 2 or more"),
        (lambda: number_of_groups(blobs(1), most=2, references=1), "references must be 2 or more, not 1"),
        (lambda: stability(blobs(1), KMeans(2), resamples=0), "resamples must be 1 or more, not 0"),
        (lambda: stability(blobs(1), DBSCAN()), "DBSCAN has neither n_clusters nor n_components"),
    ],
)
def test_what_cannot_be_done_is_said(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_series_are_matched_by_the_names_of_their_items():
    one = pd.Series({"x": 1, "y": 2, "z": 3})
    assert kendall_distance(one, one.iloc[::-1]) == 0 == spearman_distance(one, one.iloc[::-1])
    with pytest.raises(ValueError, match="the two rankings name different items"):
        kendall_distance(one, one.rename({"z": "w"}))
    rankings = pd.DataFrame([[1, 2], [2, 1]], index=["p", "q"], columns=["x", "y"])
    assert kemeny(rankings, pd.Series({"q": 5, "p": 1})).tolist() == [2, 1]
