"""Models of buying and spending, and the value that follows: published numbers, special cases, laws, bad input."""

import json
import subprocess
import sys

import mpmath as mp
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone

from crmlab.data import ContractError, load_cdnow, split
from crmlab.lifetime_value import (
    BetaGeoNBD,
    FitError,
    GammaGamma,
    customer_lifetime_value,
    fit_or_limit,
    new_customer_value,
    plots,
)

CDNOW_BUYING = {"r": 0.2425945, "alpha": 4.4136020, "a": 0.7929220, "b": 2.4259068}
CDNOW_SPENDING = {"p": 6.24957, "q": 3.74422, "v": 15.44351}
TERMS = {"horizon": 52, "gross_margin": 0.3, "discount_rate": 0.1}


def customers(frequency, recency, T, monetary_value=None, unit="week"):
    """A customer summary from lists."""
    table = pd.DataFrame({"frequency": frequency, "recency": recency, "T": T})
    if monetary_value is not None:
        table["monetary_value"] = monetary_value
    table.insert(0, "customer_id", [f"c{i}" for i in range(len(table))])
    table.attrs["unit"] = unit
    return table


ONE = customers([2], [30.43], [38.86], [22.35])


@pytest.fixture(scope="module")
def cdnow():
    return split(load_cdnow(), calibration_end="1997-09-30")


@pytest.fixture(scope="module")
def buying(cdnow):
    return BetaGeoNBD().fit(cdnow)


@pytest.fixture(scope="module")
def spending(cdnow):
    return GammaGamma().fit(cdnow)


# --- published numbers ----------------------------------------------------------------------------------------------
# CDNOW with exact dates (weeks are days / 7), calibration to 1997-09-30, 2,357 customers.


def test_bg_nbd_reproduces_cdnow(buying):
    assert buying.params_.round(7).to_dict() == CDNOW_BUYING
    assert buying.log_likelihood_ == pytest.approx(-9582.429207, abs=5e-7)
    assert buying.n_customers_ == 2357
    assert buying.gradient_norm_ < 1e-9


def test_gamma_gamma_reproduces_cdnow(spending):
    assert spending.params_.to_dict() == pytest.approx(CDNOW_SPENDING, abs=1.5e-5)
    assert spending.log_likelihood_ == pytest.approx(-4055.917695, abs=5e-7)
    assert spending.n_customers_ == 946
    assert spending.gradient_norm_ < 1e-9


def test_purchases_expected_of_a_new_customer():
    expected = BetaGeoNBD.from_params(**CDNOW_BUYING).expected_purchases([0.1429, 1, 3, 31.8571, 32, 78])
    assert expected == pytest.approx([0.0078, 0.0532, 0.1506, 1.0405, 1.0437, 1.858], abs=5.1e-5)


def test_one_customer_of_the_paper():
    model = BetaGeoNBD.from_params(**CDNOW_BUYING)
    assert model.conditional_expected_purchases(ONE, 39)[0] == pytest.approx(1.226, abs=5e-4)
    assert model.probability_alive(ONE)[0] == pytest.approx(0.7266, abs=5e-5)


@pytest.mark.parametrize(("x", "recency", "expected"), [(0, 0.0, -0.59947382), (200, 38.0, 100.7957)])
def test_log_likelihood_where_the_textbook_form_overflows(x, recency, expected):
    model = BetaGeoNBD.from_params(a=0.8, b=2.5, r=0.25, alpha=4)  # Fader and Hardie, brucehardie.com/notes/027
    assert model.log_likelihood(customers([x], [recency], [40.0])) == pytest.approx(expected, rel=5e-7)


# --- other computations of the same ---------------------------------------------------------------------------------

LIFETIMES = """
import json, sys, warnings
warnings.simplefilter("ignore")  # the library warns when it is imported
import pandas as pd
from lifetimes import BetaGeoFitter, GammaGammaFitter
s = pd.read_json(sys.stdin)
x, recency, T, again = s["frequency"], s["recency"], s["T"], s["frequency"] > 0
buying = BetaGeoFitter().fit(x, recency, T)
spending = GammaGammaFitter().fit(x[again], s["monetary_value"][again])
json.dump({
    "buying": dict(buying.params_), "spending": dict(spending.params_),
    "alive": list(map(float, buying.conditional_probability_alive(x, recency, T))),
    "purchases": list(buying.conditional_expected_number_of_purchases_up_to_time(39, x, recency, T)),
    "spend": list(spending.conditional_expected_average_profit(x, s["monetary_value"])),
}, sys.stdout)
"""


def test_lifetimes_agrees_for_every_customer_of_cdnow(cdnow, buying, spending):
    columns = cdnow[["frequency", "recency", "T", "monetary_value"]]
    answer = subprocess.run(
        [sys.executable, "-c", LIFETIMES],
        input=columns.to_json(double_precision=15),
        capture_output=True,
        text=True,
        check=True,
    )
    theirs = json.loads(answer.stdout)
    assert buying.params_.to_dict() == pytest.approx(theirs["buying"], rel=1e-5)
    assert spending.params_.to_dict() == pytest.approx(theirs["spending"], rel=1e-5)
    assert buying.probability_alive(cdnow).to_numpy() == pytest.approx(theirs["alive"], rel=1e-5)
    ours = buying.conditional_expected_purchases(cdnow, 39).to_numpy()
    assert ours == pytest.approx(theirs["purchases"], rel=1e-5)
    assert spending.expected_spend(cdnow).to_numpy() == pytest.approx(theirs["spend"], rel=1e-5)


def bg_nbd_as_printed(x, recency, T):
    """Equation 6 of Fader, Hardie and Lee (2005), factor by factor."""

    def log_likelihood(r, alpha, a, b):
        common = mp.gamma(r + x) * alpha**r / mp.gamma(r)
        stays = mp.beta(a, b + x) / mp.beta(a, b) * common / (alpha + T) ** (r + x)
        left = mp.beta(a + 1, b + x - 1) / mp.beta(a, b) * common / (alpha + recency) ** (r + x) if x else 0
        return mp.log(stays + left)

    return log_likelihood


def gamma_gamma_as_printed(x, mean):
    """Equation 1a of Fader and Hardie (2013)."""

    def log_likelihood(p, q, v):
        return mp.log(v**q * mean ** (p * x - 1) * x ** (p * x) / mp.beta(p * x, q) / (v + mean * x) ** (p * x + q))

    return log_likelihood


@pytest.mark.parametrize(
    ("model", "table", "printed"),
    [
        (BetaGeoNBD.from_params(r=0.24, alpha=4.4, a=0.8, b=2.4), customers([0], [0], [30.0]), (0, 0, 30)),
        (BetaGeoNBD.from_params(r=1.7, alpha=9.0, a=2.5, b=0.4), customers([1], [12.5], [30.0]), (1, 12.5, 30)),
        (BetaGeoNBD.from_params(r=0.24, alpha=4.4, a=0.8, b=2.4), customers([7], [20.0], [21.0]), (7, 20, 21)),
        (GammaGamma.from_params(p=6.2, q=3.7, v=15.4), customers([3], [9.0], [30.0], [22.5]), (3, 22.5)),
        (GammaGamma.from_params(p=0.4, q=0.9, v=200.0), customers([40], [9.0], [30.0], [0.25]), (40, 0.25)),
    ],
)
def test_likelihood_gradient_and_hessian_are_those_of_the_printed_equation(model, table, printed):
    as_printed = bg_nbd_as_printed if isinstance(model, BetaGeoNBD) else gamma_gamma_as_printed
    function, params = as_printed(*map(mp.mpf, printed)), [mp.mpf(float(p)) for p in model.params_]
    value, gradient, hessian = model._derivatives(model.params_.to_numpy(), model._rows(table, np.ones(1)))

    def derivative(*by):
        with mp.workdps(40):
            return float(mp.diff(function, params, tuple(by.count(i) for i in range(len(params)))))

    n = range(len(params))
    assert value == pytest.approx(float(function(*params)), rel=1e-10)
    assert gradient == pytest.approx([derivative(i) for i in n], rel=1e-9, abs=1e-12)
    assert hessian == pytest.approx(np.array([[derivative(i, j) for j in n] for i in n]), rel=1e-9, abs=1e-12)


def purchases_by_mpmath(r, alpha, a, b, x, T, t):
    """Purchases of an active customer, as printed, in 60 digits."""
    with mp.workdps(60):
        r, alpha, a, b = mp.mpf(r) + x, mp.mpf(alpha) + T, mp.mpf(a) + mp.mpf("1e-30"), mp.mpf(b) + x
        c, z = a + b - 1, t / (alpha + t)
        return float(c / (a - 1) * (1 - (1 - z) ** r * mp.hyp2f1(r, b, c, z)))


@pytest.mark.parametrize(
    ("r", "alpha", "a", "b"),
    [
        (0.24, 4.4, 0.79, 2.4),  # CDNOW
        (0.24, 4.4, 1.0, 2.4),  # where the printed formula is 0 / 0
        (0.24, 4.4, 1.0 + 1e-12, 2.4),
        (0.24, 4.4, 1.0 - 3e-4, 2.4),
        (2.0, 0.1, 1.0010001, 0.3),
        (0.24, 4.4, 0.4, 0.6),  # where it divides by 0
        (0.24, 4.4, 0.3, 0.2),
        (0.05, 50.0, 0.002, 0.001),
        (3.0, 1.0, 0.0004, 0.9996),
        (0.05, 0.125, 2.05, 0.25),  # where a - r is a whole number, and nearly so
        (0.29 + 1e-14, 0.5, 1.29, 2.4),
        (0.25, 4.0, 0.75 - 2e-13, 0.75),
        (20.0, 100.0, 15.0, 60.0),
        (0.5, 0.01, 70.0, 2.0),
    ],
)
def test_expected_purchases_are_exact_on_extreme_rows(r, alpha, a, b):
    model = BetaGeoNBD.from_params(r=r, alpha=alpha, a=a, b=b)
    x, T, t = [0, 1, 12, 200, 200, 3000], [0.0, 3.0, 52.0, 38.0, 5000.0, 300.0], [99.0, 39.0, 52.0, 4.0, 4e4, 300.0]
    table = customers(x, T, T)
    ours, alive = model.conditional_expected_purchases(table, pd.Series(t)), model.probability_alive(table)
    exact = [purchases_by_mpmath(r, alpha, a, b, *row) for row in zip(x, T, t, strict=True)]
    assert (ours / alive).to_numpy() == pytest.approx(exact, rel=1e-7)
    assert model.expected_purchases(39) == pytest.approx(purchases_by_mpmath(r, alpha, a, b, 0, 0, 39), rel=1e-7)


@pytest.mark.parametrize("a", [0.7, 3.0])
def test_huge_frequencies_and_long_silences_neither_overflow_nor_lose_sense(a):
    model = BetaGeoNBD.from_params(r=0.5, alpha=5, a=a, b=2.5)
    table = customers([10**6, 10**6, 1, 0], [51.0, 52.0, 1e-9, 0], [52.0, 52.0, 1e9, 1e9])
    alive, purchases = model.probability_alive(table), model.conditional_expected_purchases(table, 52)
    assert alive.tolist() == pytest.approx([0, 1, 0, 1], abs=1e-5)
    # Many small chances of leaving act as a rate of leaving, gamma-distributed: the formula in its limit.
    limit = 10**6 * (1 - (57 / 109) ** (a - 1)) / (a - 1)
    assert purchases[1] == pytest.approx(alive[1] * limit, rel=1e-5)
    assert np.isfinite(purchases).all()


# --- special cases that agree ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [BetaGeoNBD(), GammaGamma()])
def test_weights_count_like_rows(cdnow, model):
    some = cdnow.head(300)
    twice = pd.concat([some, some]).assign(customer_id=np.arange(600))
    once, weighted, repeated = (clone(model) for _ in range(3))
    once.fit(some)
    weighted.fit(some, weights=pd.Series(2, index=some.index))
    repeated.fit(twice)
    for fit in (weighted, repeated):
        assert fit.params_.to_numpy() == pytest.approx(once.params_.to_numpy(), rel=1e-8)
        assert fit.log_likelihood_ == pytest.approx(2 * once.log_likelihood_, rel=1e-12)
        assert (fit.covariance_ * 2).to_numpy() == pytest.approx(once.covariance_.to_numpy(), rel=1e-6)
    split_up = clone(model).fit(twice, weights=[0.3] * 300 + [0.7] * 300)
    assert split_up.params_.to_numpy() == pytest.approx(once.params_.to_numpy(), rel=1e-8)


@pytest.mark.parametrize("model", [BetaGeoNBD(), GammaGamma()])
def test_rows_of_weight_0_count_for_nothing(cdnow, model):
    weights = np.repeat([1, 0], [300, len(cdnow) - 300])
    left_out, absent = clone(model).fit(cdnow, weights=weights), clone(model).fit(cdnow.head(300))
    pd.testing.assert_series_equal(left_out.params_, absent.params_)
    assert left_out.n_customers_ == absent.n_customers_


def test_known_parameters_give_what_the_fit_gives(cdnow, buying, spending):
    known = BetaGeoNBD.from_params(**buying.params_)
    assert known.log_likelihood(cdnow) == pytest.approx(buying.log_likelihood_, abs=1e-8)
    pd.testing.assert_series_equal(known.probability_alive(cdnow), buying.probability_alive(cdnow))
    known = GammaGamma.from_params(**spending.params_)
    assert known.log_likelihood(cdnow) == pytest.approx(spending.log_likelihood_, abs=1e-8)
    pd.testing.assert_series_equal(known.expected_spend(cdnow), spending.expected_spend(cdnow))


def test_covariance_is_symmetric_and_the_inverse_of_the_curvature(cdnow, buying, spending):
    for model in (buying, spending):
        covariance = model.covariance_.to_numpy()
        hessian = model._derivatives(model.params_.to_numpy(), model._rows(cdnow, np.ones(len(cdnow))))[2]
        assert (covariance == covariance.T).all()
        assert covariance == pytest.approx(np.linalg.inv(-hessian), rel=1e-6)
        assert (model.standard_errors_**2).to_numpy() == pytest.approx(np.diag(covariance))


def test_a_customer_just_won_is_one_with_no_history(buying, spending):
    new = customers([0], [0.0], [0.0], [0.0])
    assert buying.conditional_expected_purchases(new, 39)[0] == pytest.approx(buying.expected_purchases(39))
    assert buying.probability_alive(new)[0] == 1
    assert spending.expected_spend(new)[0] == spending.mean_spend()
    value = customer_lifetime_value(buying, spending, new, **TERMS)["value"][0]
    assert new_customer_value(buying, spending, **TERMS) == pytest.approx(value)


def test_the_mean_spend_is_the_population_mean():
    assert GammaGamma.from_params(p=6, q=4, v=15).mean_spend() == 6 * 15 / 3


def test_a_long_history_outweighs_the_population():
    table = customers([1, 10**9], [30.0, 30.0], [38.0, 38.0], [100.0, 100.0])
    few, many = GammaGamma.from_params(**CDNOW_SPENDING).expected_spend(table)
    assert 35 < few < 100
    assert many == pytest.approx(100, rel=1e-6)


def test_without_discount_value_is_purchases_times_spend_times_margin(cdnow, buying, spending):
    value = customer_lifetime_value(buying, spending, cdnow, horizon=39, gross_margin=0.25, discount_rate=0)["value"]
    expected = buying.conditional_expected_purchases(cdnow, 39) * spending.expected_spend(cdnow) * 0.25
    assert value.to_numpy() == pytest.approx(expected.to_numpy(), rel=1e-12)


def test_value_is_the_discounted_sum_over_short_periods(buying, spending):
    edges = np.linspace(0, 104, 20_001)
    bought = np.diff(buying.expected_purchases(edges)) / 1.2 ** ((edges[1:] + edges[:-1]) / 2 * 7 / 365.25)
    value = new_customer_value(buying, spending, horizon=104, gross_margin=1, discount_rate=0.2)
    assert value == pytest.approx(bought.sum() * spending.mean_spend(), rel=1e-7)


@pytest.mark.parametrize(("unit", "days"), [("day", 1), ("month", 365.25 / 12), ("year", 365.25)])
def test_the_unit_of_time_does_not_change_the_value(cdnow, buying, spending, unit, days):
    other = cdnow.assign(recency=cdnow["recency"] * 7 / days, T=cdnow["T"] * 7 / days)
    other.attrs["unit"] = unit
    model = BetaGeoNBD(unit=unit).fit(other)
    terms = {**TERMS, "horizon": 52 * 7 / days}
    ours = customer_lifetime_value(model, spending, other, **terms)
    pd.testing.assert_frame_equal(ours, customer_lifetime_value(buying, spending, cdnow, **TERMS), rtol=1e-6)


def test_the_interval_is_that_of_parameters_drawn_from_their_covariance(cdnow, buying, spending):
    some = cdnow.head(12)
    rng = np.random.default_rng(1)

    def draws(model):
        logs = model.covariance_ / np.outer(model.params_, model.params_)
        return np.exp(rng.multivariate_normal(np.log(model.params_), logs, 120))

    values = [
        customer_lifetime_value(
            BetaGeoNBD.from_params(**dict(zip(CDNOW_BUYING, one, strict=True))),
            GammaGamma.from_params(**dict(zip(CDNOW_SPENDING, other, strict=True))),
            some,
            **TERMS,
            level=None,
        )["value"]
        for one, other in zip(draws(buying), draws(spending), strict=True)
    ]
    table = customer_lifetime_value(buying, spending, some, **TERMS)
    half = (table["high"] - table["value"]).to_numpy()
    assert half == pytest.approx(1.645 * np.std(values, axis=0), rel=0.25)
    assert (table["value"] - table["low"]).to_numpy() == pytest.approx(half)


def test_what_is_given_is_not_changed(cdnow, buying, spending):
    before = cdnow.copy()
    BetaGeoNBD().fit(cdnow, weights=np.ones(len(cdnow)))
    customer_lifetime_value(buying, spending, cdnow, **TERMS)
    pd.testing.assert_frame_equal(cdnow, before)


def test_results_keep_the_index_of_the_summary(cdnow, buying, spending):
    some = cdnow.head(5).set_axis(list("edcba"))
    t = pd.Series(np.arange(5.0), index=some.index)
    assert buying.probability_alive(some).index.tolist() == list("edcba")
    assert buying.conditional_expected_purchases(some, t).index.tolist() == list("edcba")
    assert spending.expected_spend(some).index.tolist() == list("edcba")
    assert customer_lifetime_value(buying, spending, some, **TERMS).index.tolist() == list("edcba")


def test_scikit_learn_clones_a_model_without_what_it_learned(buying):
    copy = clone(BetaGeoNBD.from_params(**CDNOW_BUYING, unit="day"))
    assert copy.get_params() == {"unit": "day"}
    assert not hasattr(copy, "params_")


# --- laws -----------------------------------------------------------------------------------------------------------

positive = st.floats(0.05, 20)
models = st.builds(BetaGeoNBD.from_params, r=positive, alpha=positive, a=positive, b=positive)
histories = st.lists(
    st.tuples(st.integers(0, 60), st.floats(0.01, 1), st.floats(1, 100)).map(
        lambda h: (h[0], h[1] * h[2] if h[0] else 0.0, h[2])
    ),
    min_size=1,
    max_size=8,
)
sparingly = settings(max_examples=30, deadline=None)


@given(models, histories)
@sparingly
def test_probability_alive_is_a_probability_and_falls_with_silence(model, rows):
    table = customers(*zip(*rows, strict=True))
    alive = model.probability_alive(table)
    assert alive.between(0, 1).all()
    assert (alive[table["frequency"] == 0] == 1).all()
    later = model.probability_alive(table.assign(T=table["T"] + 5))
    assert (later <= alive).all()


@given(models, histories)
@sparingly
def test_expected_purchases_begin_at_0_and_grow_with_time(model, rows):
    table = customers(*zip(*rows, strict=True))
    path = np.array([model.conditional_expected_purchases(table, t) for t in (0, 1, 10, 100)])
    assert (path[0] == 0).all()
    assert (np.diff(path, axis=0) >= -1e-12).all()
    new = model.expected_purchases([0, 1, 10, 100])
    assert new[0] == 0 < new[1]
    assert (np.diff(new) >= -1e-12).all()


@given(st.integers(0, 2**32))
@settings(max_examples=5, deadline=None)
def test_neither_the_order_nor_the_names_of_customers_matter(cdnow, buying, spending, seed):
    shuffled = cdnow.sample(frac=1, random_state=np.random.default_rng(seed)).assign(customer_id=np.arange(len(cdnow)))
    for model in (buying, spending):
        again = clone(model).fit(shuffled)
        assert again.params_.to_numpy() == pytest.approx(model.params_.to_numpy(), rel=1e-9)
    pd.testing.assert_series_equal(buying.probability_alive(shuffled).sort_index(), buying.probability_alive(cdnow))


@given(st.floats(1e-3, 1e3))
@settings(max_examples=5, deadline=None)
def test_another_unit_of_time_or_money_scales_alpha_or_v_and_nothing_else(cdnow, buying, spending, factor):
    scaled = cdnow.assign(recency=cdnow["recency"] * factor, T=cdnow["T"] * factor)
    assert BetaGeoNBD().fit(scaled).params_.to_numpy() == pytest.approx(buying.params_ * [1, factor, 1, 1], rel=1e-8)
    scaled = cdnow.assign(monetary_value=cdnow["monetary_value"] * factor)
    assert GammaGamma().fit(scaled).params_.to_numpy() == pytest.approx(spending.params_ * [1, 1, factor], rel=1e-8)


# --- simulated truth ------------------------------------------------------------------------------------------------


def test_simulated_customers_keep_the_contract_and_buy_as_expected():
    model = BetaGeoNBD.from_params(r=0.5, alpha=5, a=0.8, b=2.4)
    table = model.simulate(np.repeat([0.0, 10, 52], 30_000), random_state=1)
    assert table.attrs == {"unit": "week"}
    assert model.probability_alive(table).between(0, 1).all()  # the contract is checked on the way
    bought = table.groupby("T")["frequency"]
    error = (bought.mean() - model.expected_purchases([0, 10, 52])) / np.maximum(bought.sem(), 1e-9)
    assert error.abs().max() < 4


def test_simulation_is_repeated_by_its_seed():
    model = BetaGeoNBD.from_params(r=0.5, alpha=5, a=0.8, b=2.4)
    pd.testing.assert_frame_equal(
        model.simulate([9.0] * 50, random_state=3), model.simulate([9.0] * 50, random_state=3)
    )


def test_forecasts_meet_what_simulated_customers_do_next():
    truth = BetaGeoNBD.from_params(r=0.8, alpha=6, a=0.6, b=2)
    n = 40_000
    # The same customers, seen for 30 weeks and for 60: draw each whole history, then look at its first half.
    rng = np.random.default_rng(5)
    rate, chance = rng.gamma(0.8, 1 / 6, n), rng.beta(0.6, 2, n)
    times = np.cumsum(rng.exponential(1 / rate[:, None], (n, 60)), axis=1)
    stays = np.cumsum(rng.random((n, 60)) < chance[:, None], axis=1)
    made = np.concatenate([np.zeros((n, 1)), stays[:, :-1]], axis=1) == 0
    early, late = made & (times <= 30), made & (times > 30) & (times <= 60)
    table = customers(early.sum(axis=1), np.where(early, times, 0).max(axis=1), np.full(n, 30.0))
    alive = (stays * early).max(axis=1) == 0
    for group in (table["frequency"] == 0, table["frequency"].between(1, 3), table["frequency"] > 3):
        forecast, actual = truth.conditional_expected_purchases(table, 30)[group], late.sum(axis=1)[group]
        assert forecast.mean() == pytest.approx(actual.mean(), abs=4 * actual.std() / np.sqrt(group.sum()))
        assert truth.probability_alive(table)[group].mean() == pytest.approx(alive[group].mean(), abs=0.02)


@pytest.mark.parametrize(
    "truth",
    [
        BetaGeoNBD.from_params(r=0.25, alpha=4.5, a=0.8, b=2.4),
        BetaGeoNBD.from_params(r=3.0, alpha=20.0, a=1.0, b=3.0, unit="day"),
        BetaGeoNBD.from_params(r=0.6, alpha=1.0, a=0.3, b=0.9),
    ],
)
def test_a_fit_recovers_the_rates_behind_simulated_customers(truth):
    model = BetaGeoNBD(unit=truth.unit).fit(truth.simulate(np.linspace(20, 80, 20_000), random_state=1))
    assert ((model.params_ - truth.params_).abs() < 4 * model.standard_errors_).all()
    assert (model.standard_errors_ < truth.params_ / 4).all()


@pytest.mark.parametrize("truth", [GammaGamma.from_params(p=6, q=4, v=15), GammaGamma.from_params(p=0.7, q=0.9, v=300)])
def test_a_fit_recovers_the_spend_behind_simulated_customers(truth):
    x = np.arange(20_000) % 9
    table = customers(x, x * 1.0, np.full(len(x), 40.0), truth.simulate(x, random_state=1))
    model = GammaGamma().fit(table)
    assert ((model.params_ - truth.params_).abs() < 4 * model.standard_errors_).all()
    assert (model.standard_errors_ < truth.params_ / 4).all()
    assert model.n_customers_ == (x > 0).sum()


@pytest.mark.proof
def test_ninety_percent_intervals_hold_the_truth_in_ninety_percent_of_samples():
    truth, spend = BetaGeoNBD.from_params(r=0.5, alpha=5, a=0.8, b=2.4), GammaGamma.from_params(p=6, q=4, v=15)
    held = []
    for seed in range(400):
        table = truth.simulate(np.linspace(30, 60, 2000), random_state=seed)
        table["monetary_value"] = spend.simulate(table["frequency"], random_state=seed)
        for model, real in ((BetaGeoNBD().fit(table), truth), (GammaGamma().fit(table), spend)):
            error = np.log(model.params_ / real.params_) / (model.standard_errors_ / model.params_)
            held.append(error.abs() < 1.645)
    coverage = pd.concat(held).groupby(level=0).mean()
    assert coverage.between(0.87, 0.93).all(), coverage


# --- bad input ------------------------------------------------------------------------------------------------------


def repeated(*rows, times=30):
    return customers(*(list(column) * times for column in zip(*rows, strict=True)))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (customers([], [], []).astype({"customer_id": str}), "the summary has no customers"),
        (repeated((0, 0.0, 30.0), (0, 0.0, 20.0)), "no customer bought again.*Observe longer or add customers"),
        (customers([3], [4.0], [9.0]), "all customers have the same frequency, recency and T"),
        (repeated((2, 4.0, 9.0)), "all customers have the same frequency, recency and T"),
        (repeated((1, 9.0, 9.0), (2, 9.0, 9.0), (0, 0.0, 9.0), (9, 9.0, 9.0)), "b grows. It seems that nobody leaves"),
        (
            customers([2] * 50, [4.0] * 50, np.linspace(5, 9, 50)),
            "r grows, alpha grows.*customers do not differ in their purchase rate",
        ),
        (
            repeated((0, 0.0, 90.0), (1, 0.1, 90.0)),
            "everybody leaves after the first repeat purchase|explain these data equally well",
        ),
        (repeated((0, 0.0, 10.0), (0, 0.0, 10.0), (0, 0.0, 10.0), (1, 3.0, 10.0)), "equally well|keeps rising"),
    ],
)
def test_data_that_do_not_settle_the_rates_are_refused_with_what_they_lack(table, message):
    with pytest.raises(FitError, match=message):
        BetaGeoNBD().fit(table)


@pytest.mark.parametrize(
    ("x", "mean", "message"),
    [
        ([0, 0], [0, 0], "no customer bought again, and the first purchase does not count"),
        ([3], [10], "the same frequency and monetary_value"),
        ([3, 3, 3], [10, 10, 10], "the same frequency and monetary_value"),
        ([1, 2, 3, 4], [10, 10, 10, 10], "the mean spends do not show how much the purchases of one customer vary"),
        ([20, 30, 40, 50], [9.9, 10.1, 9.8, 10.1], "customers do not differ in their mean spend"),
    ],
)
def test_data_that_do_not_settle_the_spend_are_refused_with_what_they_lack(x, mean, message):
    with pytest.raises(FitError, match=message):
        GammaGamma().fit(customers(x, x, [60.0] * len(x), mean))


@pytest.mark.parametrize("scale", [10**3, 10**6, 10**9])
def test_huge_frequencies_are_fitted_like_small_ones(scale):
    truth = BetaGeoNBD.from_params(r=0.5, alpha=5 / scale, a=0.8, b=2.4 * scale)
    table = truth.simulate(np.full(1000, 50.0), random_state=1)
    model = BetaGeoNBD().fit(table)
    assert (np.abs(np.log(model.params_ / truth.params_)) < 4 * model.standard_errors_ / model.params_).all()
    assert np.isfinite(model.conditional_expected_purchases(table, 10)).all()


def test_a_mean_spend_that_does_not_exist_is_refused_only_where_it_is_needed():
    model = GammaGamma.from_params(p=2, q=0.8, v=15)
    assert model.expected_spend(customers([3], [9.0], [30.0], [20.0]))[0] == pytest.approx((15 + 60) * 2 / 5.8)
    with pytest.raises(ValueError, match=r"0 repeat purchases does not exist: p x \+ q = 0.8 must be above 1"):
        model.mean_spend()
    with pytest.raises(ValueError, match="mean spend of a customer with 0 repeat purchases"):
        model.expected_spend(customers([3, 0], [9.0, 0], [30.0, 30.0], [20.0, 0]))
    with pytest.raises(ValueError, match="mean spend"):
        new_customer_value(BetaGeoNBD.from_params(**CDNOW_BUYING), model, **TERMS)


def test_free_purchases_are_refused_with_their_number():
    with pytest.raises(ValueError, match=r"1 of 2 customers with repeat purchases have monetary_value 0.*leave"):
        GammaGamma().fit(customers([3, 2, 0], [9.0, 8, 0], [30.0] * 3, [20.0, 0, 0]))


def test_a_summary_without_money_is_refused_where_money_is_needed(buying, spending):
    table = buying.simulate([30.0, 40.0], random_state=1)
    with pytest.raises(ValueError, match="no column monetary_value"):
        GammaGamma().fit(table)
    with pytest.raises(ValueError, match="no column monetary_value"):
        customer_lifetime_value(buying, spending, table, **TERMS)


@pytest.mark.parametrize("use", ["fit", "log_likelihood", "probability_alive"])
def test_a_breach_of_contract_is_refused(use):
    model = BetaGeoNBD.from_params(**CDNOW_BUYING)
    with pytest.raises(ContractError, match="recency"):
        getattr(model, use)(customers([1], [9.0], [8.0]))
    with pytest.raises(ContractError, match="customer_id"):
        getattr(model, use)(ONE.drop(columns="customer_id"))


@pytest.mark.parametrize(
    "use",
    [
        lambda: BetaGeoNBD().probability_alive(ONE),
        lambda: BetaGeoNBD().expected_purchases(1),
        lambda: BetaGeoNBD().conditional_expected_purchases(ONE, 1),
        lambda: BetaGeoNBD().log_likelihood(ONE),
        lambda: BetaGeoNBD().simulate([1.0]),
        lambda: GammaGamma().expected_spend(ONE),
        lambda: GammaGamma().mean_spend(),
        lambda: GammaGamma().simulate([1]),
        lambda: new_customer_value(BetaGeoNBD(), GammaGamma(), **TERMS),
        lambda: customer_lifetime_value(BetaGeoNBD(), GammaGamma(), ONE, **TERMS),
    ],
)
def test_a_model_without_parameters_says_so(use):
    with pytest.raises(ValueError, match=r"has no parameters yet: call fit\(summary\), or make one by"):
        use()


@pytest.mark.parametrize("bad", [0, -1, np.nan, np.inf, "1", None, True])
def test_a_parameter_that_is_no_positive_number_is_refused(bad):
    with pytest.raises(ValueError, match="alpha must be a number above 0, not"):
        BetaGeoNBD.from_params(**CDNOW_BUYING | {"alpha": bad})
    with pytest.raises(ValueError, match="q must be a number above 0, not"):
        GammaGamma.from_params(**CDNOW_SPENDING | {"q": bad})


def test_units_are_never_mixed(cdnow, spending):
    daily = BetaGeoNBD.from_params(**CDNOW_BUYING, unit="day")
    message = r"the summary counts time by the week, the model by the day: .*BetaGeoNBD\(unit='week'\)"
    for use in (
        lambda: daily.probability_alive(cdnow),
        lambda: daily.fit(cdnow),
        lambda: customer_lifetime_value(daily, spending, cdnow, **TERMS),
    ):
        with pytest.raises(ValueError, match=message):
            use()


def test_parameters_of_one_unit_are_not_taken_for_another(cdnow):
    model = BetaGeoNBD.from_params(**CDNOW_BUYING).set_params(unit="day")
    with pytest.raises(ValueError, match="the parameters are by the week: fit the model anew for 'day'"):
        model.expected_purchases(39)
    assert model.fit(split(load_cdnow(), "1997-09-30", unit="day")).expected_purchases(273) > 0


def test_models_in_the_wrong_order_are_refused(cdnow, buying, spending):
    with pytest.raises(TypeError, match="give the model of purchases, then that of spend"):
        customer_lifetime_value(spending, buying, cdnow, **TERMS)


def test_an_unknown_unit_is_refused(cdnow):
    for use in (lambda: BetaGeoNBD("fortnight").fit(cdnow), lambda: BetaGeoNBD.from_params(**CDNOW_BUYING, unit="w")):
        with pytest.raises(ValueError, match="unit must be one of day, week, month, year, not"):
            use()


@pytest.mark.parametrize("t", [-1, np.nan, np.inf, "soon", [1, -2]])
def test_a_bad_time_is_refused(buying, t):
    with pytest.raises(ValueError, match="t must be"):
        buying.expected_purchases(t)
    with pytest.raises(ValueError, match="T must be"):
        buying.simulate(t)


def test_times_of_other_customers_are_refused(cdnow, buying):
    with pytest.raises(ValueError, match=r"different indexes: use t.reindex\(summary.index\)"):
        buying.conditional_expected_purchases(ONE, pd.Series([1.0], index=["x"]))
    with pytest.raises(ValueError, match="one for each of the 1 rows"):
        buying.conditional_expected_purchases(ONE, [1.0, 2.0])


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1.0], r"one entry for each of the 2357 rows, not shape \(1,\)"),
        (-np.ones(2357), "finite and 0 or more"),
        (np.full(2357, np.nan), "finite and 0 or more"),
        (pd.Series(1, index=range(1, 2358)), r"different indexes: use weights.reindex\(summary.index\)"),
        (np.zeros(2357), "no customers"),
    ],
)
def test_weights_that_do_not_fit_are_refused(cdnow, weights, message):
    with pytest.raises(ValueError, match=message):
        BetaGeoNBD().fit(cdnow, weights=weights)


@pytest.mark.parametrize("frequency", [[-1], [1.5], [np.nan], [np.inf]])
def test_a_bad_frequency_is_refused(spending, frequency):
    with pytest.raises(ValueError, match="frequency must be whole numbers, 0 or more"):
        spending.simulate(frequency)


@pytest.mark.parametrize(
    ("term", "bad", "allowed"),
    [(term, bad, "a number above 0") for term in ["horizon"] for bad in (0, -1, np.nan, -np.inf, "39", None, True)]
    + [("gross_margin", bad, "a number from 0 to 1") for bad in (-0.1, 1.1, 30, np.nan, "30%")]
    + [("discount_rate", bad, "0, or from 0.000001 to 1 .0.1 is 10%.") for bad in (-1, 10, np.nan, np.inf, "10%")],
)
def test_a_bad_term_is_refused_by_name(buying, spending, term, bad, allowed):
    for use in (
        lambda terms: customer_lifetime_value(buying, spending, ONE, **terms),
        lambda terms: new_customer_value(buying, spending, **terms),
    ):
        with pytest.raises(ValueError, match=f"{term} must be {allowed}, not"):
            use(TERMS | {term: bad})


@pytest.mark.parametrize("level", [0, 1, 90, np.nan, "high"])
def test_a_bad_level_is_refused(buying, spending, level):
    with pytest.raises(ValueError, match="level must"):
        customer_lifetime_value(buying, spending, ONE, **TERMS, level=level)


def test_no_interval_without_a_covariance(buying, spending):
    known = BetaGeoNBD.from_params(**CDNOW_BUYING), GammaGamma.from_params(**CDNOW_SPENDING)
    for models in (known, (known[0], spending), (buying, known[1])):
        with pytest.raises(ValueError, match=r"made by from_params.*takes level=None"):
            customer_lifetime_value(*models, ONE, **TERMS)
        assert list(customer_lifetime_value(*models, ONE, **TERMS, level=None).columns) == ["value"]


@pytest.mark.parametrize("a", [0.3, 1.0, 70.0])
def test_where_the_hypergeometric_function_fails_the_mean_over_the_chances_does_not(a):
    # Rates that hardly differ: r = 1e6 is beyond scipy's 2F1; the limit of equal rates m is known by 1F1.
    model, m, t = BetaGeoNBD.from_params(r=1e6, alpha=1e6, a=a, b=2.5), 1.0, 5.0
    with mp.workdps(30):
        exact = mp.quad(
            lambda p: p ** (a - 1) * (1 - p) ** 1.5 / mp.beta(a, 2.5) * (1 - mp.exp(-m * p * t)) / p, [0, 0.01, 0.3, 1]
        )
    assert model.expected_purchases(t) == pytest.approx(float(exact), rel=1e-5)  # the rates differ by a thousandth


# --- limits and pictures ----------------------------------------------------------------------------------------------


def test_the_limit_of_a_fit_predicts_what_the_likelihood_rises_to():
    alike = customers([2, 3], [20.0, 30.0], [39.0, 39.0])
    with pytest.raises(FitError) as refusal:
        BetaGeoNBD().fit(alike)
    limit = fit_or_limit(BetaGeoNBD(), alike)
    assert limit.params_.equals(refusal.value.limit.params_)
    assert not hasattr(limit, "covariance_")
    # The last stretch of the way, with rates a tenth as alike, had gained nearly nothing and moved no forecast.
    r, alpha, a, b = limit.params_
    before = BetaGeoNBD.from_params(r=r / 10, alpha=alpha / 10, a=a, b=b)
    assert 0 <= limit.log_likelihood(alike) - before.log_likelihood(alike) < 1e-3
    assert before.expected_purchases(39.0) == pytest.approx(limit.expected_purchases(39.0), rel=1e-3)


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.proof) for seed in range(1, 5))])
def test_every_resample_of_a_small_shop_has_a_forecast(seed):
    shop = BetaGeoNBD.from_params(r=0.6, alpha=6, a=2, b=8).simulate(np.full(60, 52.0), random_state=seed)
    rng = np.random.default_rng(seed)
    for _ in range(40):
        drawn = shop.take(rng.integers(60, size=60)).assign(customer_id=[str(n) for n in range(60)])
        assert 0 < fit_or_limit(BetaGeoNBD(), drawn).expected_purchases(52.0) < 52


def test_a_fit_with_a_maximum_is_the_same_either_way(cdnow, buying):
    assert fit_or_limit(BetaGeoNBD(), cdnow).params_.equals(buying.params_)


def test_without_anything_to_fit_there_is_no_limit():
    once = customers([0, 0], [0.0, 0.0], [10.0, 20.0])
    with pytest.raises(FitError, match="no customer bought again"):
        fit_or_limit(BetaGeoNBD(), once)


def test_a_mean_spend_can_be_given_as_a_number(buying, spending):
    by_model = new_customer_value(buying, spending, **TERMS)
    assert new_customer_value(buying, spending.mean_spend(), **TERMS) == pytest.approx(by_model, rel=1e-12)
    with pytest.raises(ValueError, match="spend must be a number from 0 on, not -1"):
        new_customer_value(buying, -1, **TERMS)


def test_pictures_show_what_they_are_given(buying):
    log = load_cdnow()
    weekly = plots.plot_weekly_purchases(log, "1997-09-30")
    first, repeat = (line.get_ydata().sum() for line in weekly.lines[:2])
    last_whole = log["date"].min() + pd.Timedelta(days=7 * len(weekly.lines[0].get_ydata()))
    assert first + repeat == (log["date"] < last_whole).sum()

    alive = plots.plot_probability_alive(buying, T=39, frequencies=(1, 15))
    assert [text.get_text() for text in alive.texts] == [" 1 repeat purchase", " 15 repeat purchases"]

    by_group = pd.DataFrame({"actual": [0.2, 0.7, 6.4], "BG/NBD": [0.2, 0.5, 6.2]}, index=[0, 1, 7])
    holdout = plots.plot_holdout(by_group)
    assert [label.get_text() for label in holdout.get_xticklabels()] == ["0", "1", "7+"]

    promises = pd.DataFrame({"value": [18.0, 16.0], "low": [16.0, 14.0], "high": [21.0, 19.0]}, index=["mean", "model"])
    assert [text.get_text() for text in plots.plot_promises(promises, 16.5).texts] == [" what came"]
    assert not plots.plot_promises(promises, float("nan")).texts
