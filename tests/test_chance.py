"""Chance by address: Philox's known answers, the distributions, and what makes streams independent of each other."""

import itertools
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from crmlab.data.firms import chance as ch
from crmlab.data.firms.chance import Chance, beta, binomial, choice, gamma, lognormal, normal, philox, poisson

few = settings(max_examples=25, deadline=None)
ADDRESS = st.integers(0, 2**32 - 1)
LUCK = Chance(1, "a firm")
REMEMBERED = 1621617501  # checksum of some of it
PARTS = ("who", "when", "which", "world")
N = 400_000
U = LUCK.uniforms("numbers", np.arange(N // 4)).ravel()
NEAR_0_AND_1 = (np.array([0, 2**32 - 1]) + 0.5) / 2**32  # the extreme numbers that can be drawn


def correlation(x, y):
    """In standard errors."""
    return abs(np.corrcoef(x, y)[0, 1]) * np.sqrt(len(x))


def chi_square(counts, expected):
    """The p-value; rare values are taken together."""
    counts, expected = np.asarray(counts, float), np.asarray(expected, float)
    rare = expected < 20
    if rare.any():
        counts = np.append(counts[~rare], counts[rare].sum())
        expected = np.append(expected[~rare], expected[rare].sum())
    kept = expected > 0.5
    if kept.sum() == 1:  # nothing else can be
        return float(counts[~kept].sum() == 0)
    return stats.chisquare(counts[kept], expected[kept] * counts[kept].sum() / expected[kept].sum()).pvalue


# --- published numbers ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("counter", "key", "answer"),
    [
        ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
    ],
)
def test_philox_gives_the_known_answers_of_random123(counter, key, answer):
    counter, key, answer = ([int(word, 16) for word in words.split()] for words in (counter, key, answer))
    assert philox(np.array(counter, np.uint64)[:, None], tuple(key)).ravel().tolist() == answer


def philox_in_plain_words(counter, key):
    """The same from the paper, with Python's whole numbers."""
    (a, b, c, d), (k, m) = counter, key
    for _ in range(10):
        first, second = 0xD2511F53 * a, 0xCD9E8D57 * c
        a, b, c, d = (second >> 32) ^ b ^ k, second % 2**32, (first >> 32) ^ d ^ m, first % 2**32
        k, m = (k + 0x9E3779B9) % 2**32, (m + 0xBB67AE85) % 2**32
    return [a, b, c, d]


@few
@given(st.lists(ADDRESS, min_size=4, max_size=4), st.tuples(ADDRESS, ADDRESS))
def test_philox_in_arrays_is_philox_in_whole_numbers(counter, key):
    both = np.array([counter, counter[::-1]], np.uint64).T
    assert philox(both, key).T.tolist() == [philox_in_plain_words(c, key) for c in (counter, counter[::-1])]


def test_the_luck_of_seed_1_is_what_it_always_was():
    # The bytes of both firms hang on it: who changes it must mean to.
    luck = Chance(1, "harbour_and_hill").uniforms("orders", np.arange(1000), 7, 2)
    assert zlib.crc32(luck.tobytes()) == REMEMBERED


# --- an address and its numbers -------------------------------------------------------------------------------------


@few
@given(st.lists(st.tuples(ADDRESS, ADDRESS, ADDRESS, ADDRESS), min_size=1, max_size=20), st.randoms())
def test_an_address_gives_the_same_numbers_alone_or_among_others_in_any_order(addresses, random):
    alone = {address: LUCK.uniforms("m", *address).tolist() for address in addresses}
    random.shuffle(addresses)
    together = LUCK.uniforms("m", *map(list, zip(*addresses, strict=True)))
    assert together.T.tolist() == [alone[address] for address in addresses]


def test_blocks_leave_no_seam():
    n = ch.BLOCK * 2 + 3
    at = [0, ch.BLOCK - 1, ch.BLOCK, ch.BLOCK + 1, n - 1]
    assert (LUCK.uniforms("m", np.arange(n), 5)[:, at] == LUCK.uniforms("m", at, 5)).all()


def test_addresses_are_broadcast():
    numbers = LUCK.uniforms("m", np.arange(5)[:, None], np.arange(3), which=4)
    assert numbers.shape == (4, 5, 3)
    assert numbers[:, 4, 2].tolist() == LUCK.uniforms("m", 4, 2, 4, 0).tolist()
    assert LUCK.uniform("m", np.arange(5)).tolist() == LUCK.uniforms("m", np.arange(5))[0].tolist()
    assert LUCK.uniforms("m", np.array([], int)).shape == (4, 0)


@pytest.mark.parametrize("part", PARTS)
def test_each_part_of_an_address_counts_to_its_last_bit(part):
    at = dict.fromkeys(PARTS, 12345)
    others = [0, 1, 12344, 12346, 2**16 + 12345, 2**31 + 12345, 2**32 - 1]
    numbers = [LUCK.uniforms("m", **at | {part: value}) for value in [12345, *others]]
    assert len({number.tobytes() for number in numbers}) == len(numbers)


def test_seed_firm_and_mechanism_each_give_other_luck():
    luck = [Chance(seed, firm).uniform(m, range(9)) for seed, firm, m in itertools.product((1, 2), "ab", ("m", "n"))]
    assert len({numbers.tobytes() for numbers in luck}) == 8


# --- independence ---------------------------------------------------------------------------------------------------


def test_numbers_are_uniform_and_never_0_or_1():
    assert 0 < U.min() < 1e-4
    assert 1 - 1e-4 < U.max() < 1
    assert chi_square(np.bincount((U * 1000).astype(int), minlength=1000), np.full(1000, N / 1000)) > 1e-4
    assert stats.kstest(U, "uniform").pvalue > 1e-4


def test_the_last_digits_are_uniform_too():
    last = np.bincount((U * 2**32).astype(np.uint64) % 256, minlength=256)
    assert chi_square(last, np.full(256, N / 256)) > 1e-4


@pytest.mark.parametrize("part", PARTS)
def test_neighbours_in_each_part_of_an_address_are_independent(part):
    at = dict.fromkeys(PARTS, 7)
    numbers = LUCK.uniforms("m", **at | {part: np.arange(50_000)})
    for one, other in itertools.product(range(4), repeat=2):
        assert correlation(numbers[one, :-1], numbers[other, 1:]) < 4.5
        assert correlation(numbers[one, :-52], numbers[other, 52:]) < 4.5
    pairs = (numbers[0, :-1] * 20).astype(int) * 20 + (numbers[0, 1:] * 20).astype(int)
    assert chi_square(np.bincount(pairs[::2], minlength=400), np.full(400, len(pairs[::2]) / 400)) > 1e-4


def test_the_four_numbers_of_an_address_are_independent():
    numbers = LUCK.uniforms("m", np.arange(50_000))
    for one, other in itertools.combinations(numbers, 2):
        assert correlation(one, other) < 4.5
        cells = np.bincount((one * 20).astype(int) * 20 + (other * 20).astype(int), minlength=400)
        assert chi_square(cells, np.full(400, 125)) > 1e-4


def test_mechanisms_seeds_and_firms_are_independent():
    streams = [
        Chance(seed, firm).uniform(m, np.arange(50_000))
        for seed, firm, m in itertools.product((1, 2, 3), "ab", ("leaves", "leaves.service", "orders"))
    ]
    worst = max(correlation(one, other) for one, other in itertools.combinations(streams, 2))
    assert worst < 4.5  # of 153 pairs


def test_who_and_when_are_not_interchangeable():
    # As they would be were an address their sum.
    table = LUCK.uniform("m", np.arange(300)[:, None], np.arange(300))
    assert correlation(table.ravel(), table.T.ravel()) < np.sqrt(300) + 4.5  # the diagonal is its own mirror
    assert len(np.unique(table)) > 300 * 300 - 5


# --- what happens ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("p", [0.0, 1e-4, 0.3, 0.999, 1.0])
def test_what_has_a_chance_happens_as_often(p):
    count = LUCK.happens(p, "m", np.arange(N)).sum()
    assert abs(count - N * p) <= 4.5 * np.sqrt(N * p * (1 - p))


def test_the_last_bit_of_a_chance_decides_nothing():
    chance = np.round(LUCK.uniform("m", np.arange(1000)), 9)  # as near to the draws as can be
    assert (
        LUCK.happens(chance * (1 + 2**-52), "m", np.arange(1000))
        == LUCK.happens(chance * (1 - 2**-52), "m", np.arange(1000))
    ).all()


def test_who_is_likelier_is_hit_whenever_the_other_is():
    low, high = (LUCK.happens(p, "m", np.arange(10_000)) for p in (0.2, 0.3))
    assert (high | ~low).all()


# --- other distributions --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mean", [0.0, 0.01, 0.3, 1.0, 3.3, 8.0, 15.0, 20.0])
def test_poisson_counts_are_poisson(mean):
    counts = poisson(U, mean)
    assert abs(counts.mean() - mean) <= 4.5 * np.sqrt(mean / N)
    assert chi_square(np.bincount(counts, minlength=61), N * stats.poisson.pmf(np.arange(61), mean)) > 1e-4


def test_poisson_counts_stop_at_the_most_and_each_has_its_own_mean():
    assert poisson(np.array([NEAR_0_AND_1[1]]), 300.0).tolist() == [ch.MOST]
    assert poisson(NEAR_0_AND_1, 20.0).tolist() == [0, ch.MOST]
    means = np.array([0.1, 5.0, 0.1, 15.0])
    assert poisson(np.full(4, 0.5), means).tolist() == stats.poisson.ppf(0.5, means).tolist()


@given(st.floats(1e-6, 1 - 1e-6), st.floats(0, 15))
def test_poisson_is_the_inverse_of_its_distribution(u, mean):
    count = int(poisson(np.array([u]), mean)[0])
    assert stats.poisson.cdf(count, mean) >= u - 2e-9
    assert stats.poisson.cdf(count - 1, mean) <= u + 2e-9


@pytest.mark.parametrize(("trials", "p"), [(1, 0.3), (3, 0.5), (8, 0.02), (5, 0.9), (4, 0.0), (4, 1.0), (0, 0.5)])
def test_binomial_counts_are_binomial(trials, p):
    counts = binomial(U, trials, p)
    assert counts.max() <= trials
    expected = N * stats.binom.pmf(np.arange(trials + 2), trials, p)
    assert chi_square(np.bincount(counts, minlength=trials + 2), expected) > 1e-4
    assert abs(counts.mean() - trials * p) <= 4.5 * np.sqrt(trials * p * (1 - p) / N)


def test_each_binomial_has_its_own_trials_and_chance():
    trials, p = np.array([0, 1, 3, 6]), np.array([0.5, 0.2, 0.7, 0.7])
    for u in (0.01, 0.5, 0.99, NEAR_0_AND_1[1]):
        counts = binomial(np.full(4, u), trials, p)
        assert counts.tolist() == stats.binom.ppf(np.round(u, 9), trials, p).astype(int).tolist()


@pytest.mark.parametrize("shape", [0.5, *(pytest.param(shape, marks=pytest.mark.proof) for shape in (1.5, 7.0))])
def test_gamma_numbers_are_gamma_with_mean_1(shape):
    assert stats.kstest(gamma(U, shape), stats.gamma(shape, scale=1 / shape).cdf).pvalue > 1e-4


@pytest.mark.parametrize(("a", "b"), [(0.5, 0.5), (2, 5), (9, 1)])
def test_beta_numbers_are_beta(a, b):
    assert stats.kstest(beta(U, a, b), stats.beta(a, b).cdf).pvalue > 1e-4


@pytest.mark.parametrize("spread", [0.25, 0.8])
def test_lognormal_numbers_have_mean_1_and_their_spread(spread):
    numbers = lognormal(U, spread)
    assert stats.kstest(numbers, stats.lognorm(spread, scale=np.exp(-(spread**2) / 2)).cdf).pvalue > 1e-4
    assert numbers.mean() == pytest.approx(1, abs=4.5 * np.sqrt(np.expm1(spread**2) / N))
    assert (lognormal(U, 0.0) == 1).all()


def test_normal_numbers_are_normal():
    assert stats.kstest(normal(U), "norm").pvalue > 1e-4
    assert np.isfinite(normal(NEAR_0_AND_1)).all()


def test_choices_have_their_shares():
    shares = np.array([0.5, 0.0, 0.3, 0.2])
    counts = np.bincount(choice(U, shares), minlength=4)
    assert counts[1] == 0
    assert chi_square(counts[[0, 2, 3]], N * shares[[0, 2, 3]]) > 1e-4
    rows = np.where(np.arange(N)[:, None] % 2, shares, shares[::-1])
    assert (choice(U, rows)[1::2] == choice(U[1::2], shares)).all()
    assert (choice(U, rows)[::2] == choice(U[::2], shares[::-1])).all()


def test_a_choice_is_one_of_those_there_are_though_shares_add_up_to_a_little_less_than_1():
    assert choice(NEAR_0_AND_1, np.full(3, 1 / 3) - 1e-9).tolist() == [0, 2]
    assert choice(NEAR_0_AND_1, np.array([[0.1] * 10, [0.1] * 10])).tolist() == [0, 9]
    assert choice(NEAR_0_AND_1, [1.0]).tolist() == [0, 0]


@pytest.mark.parametrize(
    "numbers",
    [lambda u: normal(u), lambda u: lognormal(u, 0.8), lambda u: gamma(u, 1.5), lambda u: beta(u, 2, 5)],
    ids=["normal", "lognormal", "gamma", "beta"],
)
def test_numbers_are_rounded_and_rise_with_luck(numbers):
    got = numbers(np.sort(U[:1000]))
    assert (np.diff(got) >= 0).all()
    assert (np.round(got, 9) == got).all()


def test_ranks_at_random_are_a_shuffle_in_which_all_orders_are_as_likely():
    ranks = np.array([ch.ranks_at_random(row) for row in U[:60_000].reshape(-1, 3)])
    assert (np.sort(ranks, axis=1) == np.arange(3)).all()
    orders = np.bincount(ranks @ [9, 3, 1], minlength=27)
    orders = orders[orders > 0]
    assert len(orders) == 6
    assert chi_square(orders, np.full(6, len(ranks) / 6)) > 1e-4
