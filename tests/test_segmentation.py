"""Orderings: distances, consensus, agreement."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from crmlab.segmentation import borda, kemeny, kendall_distance, places, spearman_distance
from crmlab.stats import kendall_w

ONE, OTHER = (1, 2, 3, 4, 5), (2, 1, 3, 5, 4)
weak = st.lists(st.lists(st.sampled_from([1, 2, 3, 4, np.nan]), min_size=4, max_size=4), min_size=3, max_size=3)
full = st.integers(2, 6).flatmap(lambda n: st.lists(st.permutations(range(1, n + 1)), min_size=2, max_size=5))


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
    found = kemeny(table)

    def total(order):
        return sum(kendall_distance(order, row) for row in table)

    everything = itertools.permutations(range(1, table.shape[1] + 1))
    assert total(found) == min(map(total, everything))


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
