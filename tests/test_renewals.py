"""Contracts that are renewed (sBG), and value at constant retention: published numbers, exactness, laws, bad input."""

import functools
import json

import mpmath as mp
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from sklearn.base import clone

from crmlab.data import ContractError, check, contract_table
from crmlab.lifetime_value import (
    FitError,
    ShiftedBetaGeometric,
    fit_or_limit,
    margin_multiple,
    retention_elasticity,
)

# Fader and Hardie (2007), survival in percent; 1000 customers each.
REGULAR = [1000, 631, 468, 382, 326, 289, 262, 241]
HIGH_END = [1000, 869, 743, 653, 593, 551, 517, 491]
KNOWN = ShiftedBetaGeometric.from_params(alpha=0.6681, beta=3.8061)
FINITE = ShiftedBetaGeometric.from_params(alpha=3.0, beta=6.0)


@functools.cache
def fitted(cohort="high end"):
    return ShiftedBetaGeometric().fit_cohorts(HIGH_END if cohort == "high end" else REGULAR)


def contracts(renewals, left, **more):
    """A table of contracts from lists."""
    ids = [f"c{i}" for i in range(len(renewals))]
    return pd.DataFrame({"customer_id": ids, "renewals": renewals, "left": left} | more)


FEW = contracts([0, 1, 4, 5], [True, True, False, False])


def drawn(model=KNOWN, n=4000, seed=1):
    return model.simulate(np.arange(n) % 9 + 1, random_state=seed)


# --- published numbers ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cohort", "params", "log_likelihood", "rates"),
    [
        # The paper prints 0.704 and 1.182; 0.688, which circulates, is a misprint: with it the likelihood is lower.
        ("regular", [0.7041, 1.1820], -1680.27, [0.6267, 0.7560, 0.8188]),
        ("high end", [0.6681, 3.8061], -1611.16, [0.8507, 0.8780, 0.8968]),
    ],
)
def test_both_cohorts_of_the_paper_are_reproduced(cohort, params, log_likelihood, rates):
    model = fitted(cohort)
    assert model.params_.to_numpy() == pytest.approx(params, abs=5.1e-5)
    assert model.log_likelihood_ == pytest.approx(log_likelihood, abs=5.1e-3)
    assert model.retention_rate([1, 2, 3]) == pytest.approx(rates, abs=5.1e-5)
    assert (model.n_customers_, model.longest_) == (1000, 7)


def test_the_misprinted_alpha_is_not_the_maximum():
    table = pd.DataFrame({"renewals": [*range(7), 7], "left": [True] * 7 + [False]}).rename_axis("customer_id")
    table = table.reset_index().loc[np.repeat(np.arange(8), [*-np.diff(REGULAR), REGULAR[-1]])]
    table = table.assign(customer_id=np.arange(1000))
    misprinted = ShiftedBetaGeometric.from_params(alpha=0.688, beta=1.182)
    assert misprinted.log_likelihood(table) < fitted("regular").log_likelihood_ - 0.1
    assert fitted("regular").log_likelihood(table) == pytest.approx(fitted("regular").log_likelihood_, rel=1e-12)


def test_seven_years_project_the_twelfth():
    assert fitted().survival(12) == pytest.approx(0.378, abs=5.1e-4)  # 0.394 came


def test_four_years_of_the_high_end_cohort():
    model = ShiftedBetaGeometric().fit_cohorts(HIGH_END[:5])
    assert model.params_.to_numpy() == pytest.approx([1.281, 7.790], abs=5.1e-4)


@pytest.mark.parametrize(("cohort", "by_model", "constant"), [("regular", 3.695, 2.324), ("high end", 5.922, 4.412)])
def test_the_price_of_ignoring_that_customers_differ(cohort, by_model, constant):
    model = fitted(cohort)
    assert model.discounted_expected_lifetime(0.1) == pytest.approx(by_model, abs=5.1e-4)
    assert margin_multiple(model.retention_rate(1), 0.1, first_margin="now") == pytest.approx(constant, abs=5.1e-4)


@pytest.mark.parametrize(("r", "later", "now"), [(0.8, 2.667, 3.667), (0.9, 4.5, 5.5)])
def test_margin_multiples_of_both_conventions(r, later, now):
    assert margin_multiple(r, 0.1) == pytest.approx(later, abs=5.1e-4)
    assert margin_multiple(r, 0.1, first_margin="now") == pytest.approx(now, abs=5.1e-4)


def test_the_mail_order_exercise():
    assert 150 * margin_multiple(0.55, 0.1) - 100 == pytest.approx(50)


def test_elasticities_of_both_conventions():
    r = [0.6, 0.7, 0.8, 0.9]
    assert retention_elasticity(r, 0.12) == pytest.approx([2.15, 2.67, 3.50, 5.09], abs=5.1e-3)
    assert retention_elasticity(r, 0.12, "now")[[0, 3]] == pytest.approx([1.15, 4.09], abs=5.1e-3)


def gain(d, first_margin="period_end"):
    """What 5 points more of retention add to the multiple at 90%."""
    return margin_multiple(0.95, d, first_margin) / margin_multiple(0.9, d, first_margin) - 1


def test_five_points_more_retention():
    gains = [round(100 * gain(d)) for d in (0, 0.05, 0.1, 0.12, 0.2)]
    assert gains == [111, 58, 41, 37, 27]


def test_75_percent_needs_a_discount_rate_that_nobody_has():
    rates = [brentq(lambda d, first=first: gain(d, first) - 0.75, 1e-6, 1) for first in ("period_end", "now")]
    assert rates == pytest.approx([0.026, 0.017], abs=5.1e-4)


# --- exact ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("params", [(0.7041, 1.182), (1e-3, 50.0), (300.0, 0.02)])
def test_likelihood_gradient_and_hessian_are_those_of_the_printed_recursion(params):
    renewals, left, weight = [0, 1, 4, 9], [True, True, False, True], np.array([5.0, 2.0, 7.0, 1.0])

    def log_likelihood(alpha, beta):
        total = mp.mpf(0)
        for made, gone, count in zip(renewals, left, weight, strict=True):
            p, survival = alpha / (alpha + beta), beta / (alpha + beta)  # equation 7, from P(T = 1) on
            for t in range(2, made + 2):
                p *= (beta + t - 2) / (alpha + beta + t - 1)
                survival *= (beta + t - 1) / (alpha + beta + t - 1)
            kept = mp.fprod((beta + i) / (alpha + beta + i) for i in range(made))
            total += count * mp.log(p if gone else kept)
        return total

    model = ShiftedBetaGeometric.from_params(alpha=params[0], beta=params[1])
    value, gradient, hessian = model._derivatives(np.array(params), model._rows(contracts(renewals, left), weight))
    exact, scale = [mp.mpf(p) for p in params], np.array(params)
    with mp.workdps(50):
        slope = [mp.diff(log_likelihood, exact, by) for by in ((1, 0), (0, 1))]
        bend = [[mp.diff(log_likelihood, exact, by) for by in row] for row in (((2, 0), (1, 1)), ((1, 1), (0, 2)))]
        assert value == pytest.approx(float(log_likelihood(*exact)), rel=1e-11)
    slope, bend = np.array(slope, dtype=float) * scale, np.array(bend, dtype=float) * np.outer(scale, scale)
    assert gradient * scale == pytest.approx(slope, rel=1e-9, abs=1e-10)
    assert hessian * np.outer(scale, scale) == pytest.approx(bend, rel=1e-8, abs=1e-9)


@pytest.mark.parametrize("model", [KNOWN, FINITE, ShiftedBetaGeometric.from_params(alpha=0.01, beta=900.0)])
def test_lifetimes_and_survival_are_one_story(model):
    t = np.arange(1, 60)
    survival, lifetime = model.survival(np.arange(60)), model.probability_of_lifetime(t)
    assert survival[0] == 1
    assert lifetime == pytest.approx(-np.diff(survival), rel=1e-6, abs=1e-15)  # a difference loses digits
    assert model.retention_rate(t) == pytest.approx(survival[1:] / survival[:-1], rel=1e-11)
    assert (np.diff(model.retention_rate(t)) > 0).all()  # although no customer changes


@pytest.mark.parametrize("model", [KNOWN, FINITE, ShiftedBetaGeometric.from_params(alpha=0.05, beta=0.05)])
@pytest.mark.parametrize("rate", [0.02, 0.1, 1.0])
def test_discounted_lifetimes_are_their_sums(model, rate):
    ahead = np.arange(5000)  # 1.02^-5000 is 1e-43
    worth = np.exp(-np.log1p(rate) * ahead)
    whole = (model.survival(ahead) * worth).sum()
    assert model.discounted_expected_lifetime(rate) == pytest.approx(whole, rel=1e-9)
    made = np.array([0, 1, 4, 30])
    table = model.discounted_expected_residual_lifetime(made, rate)
    for n, ours in zip(made, table["discounted_lifetime"], strict=True):
        residual = model.survival(n + 1 + ahead) / model.survival(n) * worth
        assert ours == pytest.approx(residual.sum(), rel=1e-9)
    assert table["renewals"].tolist() == made.tolist()
    assert (table["share_beyond"] == 1).all()  # nothing was observed


def test_the_share_beyond_is_what_the_oldest_cohort_leaves():
    model, made, rate = fitted(), np.array([0, 3]), 0.1
    table = model.discounted_expected_residual_lifetime(made, rate)
    for n, whole, share in zip(made, table["discounted_lifetime"], table["share_beyond"], strict=True):
        within = sum(
            model.survival(n + k + 1) / model.survival(n) / 1.1**k for k in range(7 - n)
        )  # later ones were not seen
        assert share == pytest.approx(1 - within / whole, rel=1e-9)


def test_without_discount_the_mean_lifetime_exists_only_where_alpha_is_above_1():
    assert FINITE.expected_lifetime() == pytest.approx(1 + 6 / 2)
    t = np.arange(1, 2_000_000)  # the terms left out are below 2e6^-2 of the sum
    assert FINITE.expected_lifetime() == pytest.approx(t @ FINITE.probability_of_lifetime(t), rel=1e-9)
    table = FINITE.discounted_expected_residual_lifetime([0, 5], 0)
    nearly = FINITE.discounted_expected_residual_lifetime([0, 5], 1e-6)
    assert table["discounted_lifetime"].to_numpy() == pytest.approx(nearly["discounted_lifetime"].to_numpy(), rel=1e-4)
    for alpha in (0.5, 1.0):
        model = ShiftedBetaGeometric.from_params(alpha=alpha, beta=6)
        for use in (model.expected_lifetime, lambda m=model: m.discounted_expected_residual_lifetime([1], 0)):
            with pytest.raises(ValueError, match=r"infinite: alpha is not above 1.*Give a discount_rate above 0"):
                use()


def test_the_rate_is_a_year_whatever_the_period_is():
    monthly = ShiftedBetaGeometric.from_params(**KNOWN.params_, unit="month")
    a_year = 1.1 ** (1 / 12)
    assert monthly.discounted_expected_lifetime(0.1) == pytest.approx(
        KNOWN.discounted_expected_lifetime(a_year - 1), rel=1e-9
    )


# --- special cases that agree ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("r", [0.3, 0.8, 0.95])
@pytest.mark.parametrize("d", [0.02, 0.1])
def test_alike_customers_have_the_value_of_constant_retention(r, d):
    alike = ShiftedBetaGeometric.from_params(alpha=(1 - r) * 1e9, beta=r * 1e9)
    assert alike.discounted_expected_lifetime(d) == pytest.approx(margin_multiple(r, d, "now"), rel=1e-6)
    residual = alike.discounted_expected_residual_lifetime([0, 7], d)["discounted_lifetime"]
    assert residual.to_numpy() == pytest.approx(margin_multiple(r, d) * (1 + d), rel=1e-6)


@given(st.floats(0, 0.999), st.floats(0.001, 1))
@settings(max_examples=50)
def test_margin_multiples_are_their_sums_and_elasticities_their_slopes(r, d):
    n = int(40 / np.log((1 + d) / max(r, 0.5))) + 2  # what is left out is below exp(-40)
    share = (r / (1 + d)) ** np.arange(n)
    assert margin_multiple(r, d, "now") == pytest.approx(share.sum(), rel=1e-9)
    assert margin_multiple(r, d) == pytest.approx(share[1:].sum(), rel=1e-9, abs=1e-12)
    if r > 0.01:
        for first in ("period_end", "now"):
            up, down = (np.log(margin_multiple(r * np.exp(h), d, first)) for h in (1e-6, -1e-6))
            assert retention_elasticity(r, d, first) == pytest.approx((up - down) / 2e-6, rel=1e-4, abs=1e-6)


def test_multiples_take_one_rate_or_many():
    assert margin_multiple(0.8, 0.1).ndim == 0
    assert margin_multiple([0.8, 0.9], 0.1).shape == (2,)
    assert margin_multiple(0, 0) == 0
    assert margin_multiple(0, 0, "now") == 1
    assert margin_multiple(1, 0.1) == pytest.approx(10)


def test_one_row_a_customer_weights_and_cohorts_are_the_same_data():
    lost = [*-np.diff(HIGH_END), HIGH_END[-1]]
    short = contracts([*range(7), 7], [True] * 7 + [False])
    long = short.loc[np.repeat(np.arange(8), lost)].assign(customer_id=np.arange(1000))
    models = [ShiftedBetaGeometric().fit(long), ShiftedBetaGeometric().fit(short, weights=lost), fitted()]
    for model in models[:2]:
        pd.testing.assert_series_equal(model.params_, models[2].params_, rtol=1e-9)
        pd.testing.assert_frame_equal(model.covariance_, models[2].covariance_, rtol=1e-6)
        assert model.log_likelihood_ == pytest.approx(models[2].log_likelihood_, rel=1e-12)
        assert model.bic_ == pytest.approx(models[2].bic_, rel=1e-12)
        assert (model.n_customers_, model.longest_) == (1000, 7)


def test_cohorts_of_unequal_age_are_fitted_together():
    both = pd.DataFrame({"1999": HIGH_END[:5], "2001": [500, 430, 380, np.nan, np.nan]})
    model = ShiftedBetaGeometric().fit_cohorts(both)
    rows = contracts(
        [0, 1, 2, 3, 4, 0, 1, 2], [True] * 4 + [False] + [True] * 2 + [False]
    )  # the second cohort is seen for 2 renewals
    weights = [131, 126, 90, 60, 593, 70, 50, 380]
    assert model.params_.to_numpy() == pytest.approx(ShiftedBetaGeometric().fit(rows, weights).params_, rel=1e-9)
    assert (model.n_customers_, model.longest_) == (1500, 4)


def test_known_parameters_give_what_the_fit_gives():
    fit, table = ShiftedBetaGeometric().fit(drawn()), drawn()
    known = ShiftedBetaGeometric.from_params(**fit.params_)
    assert known.log_likelihood(table) == pytest.approx(fit.log_likelihood_, rel=1e-12)
    hessian = fit._derivatives(fit.params_.to_numpy(), fit._rows(table, np.ones(len(table))))[2]
    assert fit.covariance_.to_numpy() == pytest.approx(np.linalg.inv(-hessian), rel=1e-6)
    assert (fit.covariance_.to_numpy() == fit.covariance_.to_numpy().T).all()
    assert (fit.standard_errors_**2).to_numpy() == pytest.approx(np.diag(fit.covariance_))
    assert fit.aic_ == pytest.approx(4 - 2 * fit.log_likelihood_)
    assert fit.bic_ == pytest.approx(2 * np.log(4000) - 2 * fit.log_likelihood_)


def test_a_model_is_kept_to_the_last_bit():
    for model in (fitted(), KNOWN):
        text = model.to_json()
        again = ShiftedBetaGeometric.from_json(text)
        pd.testing.assert_series_equal(again.params_, model.params_, check_exact=True)
        assert again.to_json() == text
    again = ShiftedBetaGeometric.from_json(fitted().to_json())
    pd.testing.assert_frame_equal(again.covariance_, fitted().covariance_, check_exact=True)
    ours, theirs = (m.discounted_expected_residual_lifetime([1, 2], 0.1) for m in (again, fitted()))
    pd.testing.assert_frame_equal(ours, theirs, check_exact=True)  # longest_ is kept too


def test_intervals_and_the_bootstrap_agree_on_a_large_sample():
    fit = fitted()
    by_delta = fit.interval(lambda model: model.survival([7, 12]), within=(0, 1))
    # Counts as contracts: 1000 customers who all could renew 7 times.
    rows = contracts([*range(7), 7], [True] * 7 + [False])
    table = rows.loc[np.repeat(np.arange(8), [*-np.diff(HIGH_END), 491])].assign(customer_id=np.arange(1000))
    draws = fit.parametric_bootstrap(
        lambda model: dict(zip("ab", model.survival([7, 12]), strict=True)), table, resamples=80, random_state=1
    )
    half = (by_delta["high"] - by_delta["low"]).to_numpy() / 2
    # 80 draws give a standard deviation to 8%, and a mean to a ninth of it.
    assert draws.std().to_numpy() * 1.645 == pytest.approx(half, rel=0.24)
    assert draws.mean().to_numpy() == pytest.approx(by_delta["value"].to_numpy(), abs=0.25 * half.min())
    assert fit.interval(lambda model: model.survival(7) - model.survival(3))["high"][0] < 0


# --- laws and simulated truth ---------------------------------------------------------------------------------------


@given(st.floats(0.01, 50), st.floats(0.01, 50), st.floats(0.001, 1))
@settings(max_examples=50)
def test_those_who_stayed_longer_stay_longer_still(alpha, beta, rate):
    model = ShiftedBetaGeometric.from_params(alpha=alpha, beta=beta)
    table = model.discounted_expected_residual_lifetime([0, 1, 5, 50], rate)
    assert (np.diff(table["discounted_lifetime"]) >= -1e-9 * table["discounted_lifetime"].max()).all()
    assert (table["discounted_lifetime"] < (1 + rate) / rate + 1e-9).all()
    assert 1 <= model.discounted_expected_lifetime(rate) < (1 + rate) / rate + 1e-9
    # A contract of which the first period is paid: 1, and what the rest is worth a period later.
    first = 1 + table["discounted_lifetime"][0] / (1 + rate)
    assert model.discounted_expected_lifetime(rate) == pytest.approx(first, rel=1e-12)


@pytest.mark.parametrize("model", [KNOWN, FINITE, ShiftedBetaGeometric.from_params(alpha=0.05, beta=0.1)])
def test_simulated_customers_renew_as_the_model_says(model):
    n = 40_000
    table = model.simulate(np.full(n, 5), random_state=2)
    check(table, "renewals")
    stay = [(table["renewals"] >= t).mean() for t in range(6)]
    assert model.survival(np.arange(6)) == pytest.approx(stay, abs=4 * 0.5 / np.sqrt(n))
    assert (table["left"] == (table["renewals"] < 5)).all()
    pd.testing.assert_frame_equal(model.simulate([5] * 9, random_state=1), model.simulate([5] * 9, random_state=1))


def test_a_fit_recovers_the_rates_behind_simulated_customers():
    model = ShiftedBetaGeometric().fit(drawn(n=20_000))
    assert ((model.params_ - KNOWN.params_).abs() < 4 * model.standard_errors_).all()
    assert (model.standard_errors_ < KNOWN.params_ / 4).all()


@pytest.mark.proof
def test_ninety_percent_intervals_hold_the_truth_in_ninety_percent_of_samples():
    held = []
    for seed in range(400):  # 3000 customers, up to 12 renewals: errors of a tenth, where Wald intervals hold
        model = ShiftedBetaGeometric().fit(KNOWN.simulate(np.full(3000, 12), random_state=seed))
        error = np.log(model.params_ / KNOWN.params_) / (model.standard_errors_ / model.params_)
        held.append(error.abs() < 1.645)
    coverage = pd.concat(held).groupby(level=0).mean()
    assert coverage.between(0.87, 0.93).all(), coverage


# --- bad input: the contract ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (FEW.drop(columns="left"), "left: the column is missing. The columns are: customer_id, renewals"),
        (FEW.rename(columns={"renewals": "Renewals"}), "Did you mean 'Renewals'. Rename it to 'renewals'"),
        (FEW.set_index("customer_id"), r"customer_id: the column is missing. It is the index.*reset_index"),
        (FEW.assign(renewals=[0, 1, -4, 5]), r"renewals: negative or not finite in 1 row: row 3 \(-4\)"),
        (FEW.assign(renewals=[0, 1, 0.5, 5]), r"renewals: not a whole number in 1 row: row 3 \(0.5\)"),
        (FEW.assign(renewals=[0, 1, np.nan, 5]), r"renewals: missing in 1 row: row 3"),
        (FEW.assign(renewals=[0, 1, np.inf, 5]), r"renewals: negative or not finite in 1 row: row 3 \(inf\)"),
        (FEW.assign(renewals=list("abcd")), r"renewals: not a number in 4 rows: row 1 \('a'\)"),
        (FEW.assign(customer_id=list("aacd")), r"customer_id: not unique in 2 rows: row 1 \('a'\), row 2 \('a'\)"),
        (FEW.assign(left=["yes", "no", "no", "no"]), r"left: neither true nor false in 4 rows.*Write True or False"),
        (FEW.assign(left=[2, 0, 0, 1]), r"left: neither true nor false in 1 row: row 1 \(2\)"),
        (FEW.assign(left=[True, None, False, False]), r"left: missing in 1 row: row 2"),
    ],
)
def test_contracts_that_break_their_contract_are_refused_by_row(table, message):
    for use in (ShiftedBetaGeometric().fit, KNOWN.log_likelihood, lambda table: check(table, "renewals")):
        with pytest.raises(ContractError, match=message):
            use(table)


def test_all_breaches_are_told_at_once():
    with pytest.raises(
        ContractError, match=r"(?s)in 2 ways:.*left: neither true nor false.*renewals: not a whole number"
    ):
        check(FEW.assign(renewals=[0, 1, 0.5, 5], left=[2, 0, 0, 1]), "renewals")


def test_what_is_no_table_is_refused():
    with pytest.raises(TypeError, match="renewals must be a pandas DataFrame, not list"):
        ShiftedBetaGeometric().fit([1, 2])


def test_flags_are_read_in_all_their_ways_and_nothing_else_is_changed():
    before = FEW.assign(left=["True", "TRUE", "false", "0"], note="kept")
    read = check(before, "renewals")
    assert read["left"].tolist() == [True, True, False, False]
    assert read["left"].dtype == bool
    assert read["note"].tolist() == ["kept"] * 4
    assert before["left"].tolist() == ["True", "TRUE", "false", "0"]
    assert contract_table("renewals")["column"].tolist() == ["customer_id", "renewals", "left"]


# --- bad input: cohorts ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("active", "message"),
    [
        ([100, 80, 90], "cohort 'active' grows.*at renewal 2: nobody joins a cohort later.*still under contract"),
        ([100, 50, -1], "cohort 'active' .*negative.* at renewal 2"),
        ([100, -5, -6], "cohort 'active' .*negative.* at renewal 1"),
        ([-5, -6], "cohort 'active' .*negative.* at (the start|renewal 0)"),
        ([100, np.nan, 80, 70], "cohort 'active' must have .*missing only after the last"),
        ([np.nan, 100, 80], "cohort 'active' must have .*missing only after the last"),
        ([100], "cohort 'active' must have two numbers or more"),
        ([], "cohort 'active' must have two numbers or more"),
        ([1, 0.869, 0.743], "cohort 'active' starts with 1 customers.*Shares must be multiplied"),
        ([0, 0, 0], "cohort 'active' starts with 0 customers"),
        ([100, np.inf, 50], "cohort 'active' must have .*finite"),
        (pd.DataFrame({"2020": [9, 8, 7], "2021": [9, 8, 9]}), "cohort '2021' grows"),
        (pd.DataFrame({"2020": [9, 8, 7], "2021": [9, np.nan, np.nan]}), "cohort '2021' must have two numbers or more"),
    ],
)
def test_counts_that_no_cohort_has_are_refused_with_the_place(active, message):
    with pytest.raises(ValueError, match=message):
        ShiftedBetaGeometric().fit_cohorts(active)


@pytest.mark.parametrize(
    "active",
    [
        ["a", "b", "c"],
        "9876",  # four customers counts to Python, and a slip of the pen to everybody else
        None,
        5,
        {"2020": [100, 80, 70]},
        np.array([[100, 80, 70], [60, 50, 40]]),
        pd.DataFrame({"2020": ["x", 80, 70]}),
        pd.DataFrame([[100, 90], [80, 70], [70, 65]], columns=["a", "a"]),
        pd.DataFrame(),
        [True, True, False],
    ],
)
def test_what_is_no_count_of_customers_is_refused_in_words(active):
    with pytest.raises((ValueError, TypeError), match=r"cohort|active"):
        ShiftedBetaGeometric().fit_cohorts(active)


@pytest.mark.parametrize(
    ("active", "message"),
    [
        ([100, 100, 100], "nobody left yet, so that the chance of leaving cannot be told. Observe longer or add"),
        ([100, 0, 0], "no customer ever renewed, so that nothing tells how customers differ. Observe longer"),
        ([100, 80], "many values of alpha and beta explain these data equally well.*[Oo]bserve longer"),
        ([1000, 900, 700, 400, 100], "customers do not differ in their chance of leaving"),
        # The textbook's constant retention, 90% a year. (The likelihood rises towards alike customers without end.)
        ([10000, 9000, 8100, 7290, 6561], "customers do not differ in their chance of leaving"),
    ],
)
def test_cohorts_that_settle_nothing_are_refused_with_what_they_lack(active, message):
    with pytest.raises(FitError, match=f"ShiftedBetaGeometric cannot be fitted: .*{message}"):
        ShiftedBetaGeometric().fit_cohorts(active)


def test_the_limit_of_contracts_predicts():
    alike = contracts([0, 1, 2, 3, 3], [True, True, True, True, True])
    limit = fit_or_limit(ShiftedBetaGeometric(), alike)
    # 5 left at 14 decisions: constant retention.
    assert limit.retention_rate([1, 5]) == pytest.approx(9 / 14, abs=2e-3)
    assert limit.discounted_expected_lifetime(0.1) == pytest.approx(margin_multiple(9 / 14, 0.1, "now"), rel=5e-3)
    assert not hasattr(limit, "covariance_")
    for nothing in (contracts([3, 3], [False, False]), contracts([0, 0], [True, True]), FEW.iloc[:0]):
        with pytest.raises(FitError):
            fit_or_limit(ShiftedBetaGeometric(), nothing)


# --- bad input: arguments -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [-1, 0.5, "x", None, np.nan, np.inf, [1, -2]])
def test_a_bad_number_of_renewals_is_refused_by_name(bad):
    for name, use in (
        ("t", KNOWN.survival),
        ("t", KNOWN.retention_rate),
        ("t", KNOWN.probability_of_lifetime),
        ("renewals", lambda n: KNOWN.discounted_expected_residual_lifetime(n, 0.1)),
        ("renewals_due", KNOWN.simulate),
    ):
        with pytest.raises(ValueError, match=f"^{name} must be whole numbers, [01] or more, not"):
            use(bad)


def test_the_first_renewal_is_number_1():
    for use in (KNOWN.retention_rate, KNOWN.probability_of_lifetime):
        with pytest.raises(ValueError, match="t must be whole numbers, 1 or more, not 0"):
            use(0)


def test_a_list_of_lists_is_no_list_of_customers():
    with pytest.raises(ValueError, match="renewals_due must be a list"):
        KNOWN.simulate([[1, 2], [3, 4]])


@pytest.mark.parametrize("bad", [-0.1, 1e-9, 10, np.nan, np.inf, "10%", None, True])
def test_a_bad_discount_rate_is_refused(bad):
    for use in (
        KNOWN.discounted_expected_lifetime,
        lambda rate: KNOWN.discounted_expected_residual_lifetime([1], rate),
        lambda rate: margin_multiple(0.8, rate),
        lambda rate: retention_elasticity(0.8, rate),
    ):
        with pytest.raises(ValueError, match=r"discount_rate must be 0, or from 0.000001 to 1 \(0.1 is 10%\), not"):
            use(bad)


@pytest.mark.parametrize("bad", [-0.1, 1.1, 80, np.nan, "80%", None, [0.8, 1.2]])
def test_retention_that_is_no_share_is_refused(bad):
    for function in (margin_multiple, retention_elasticity):
        with pytest.raises(ValueError, match="retention must be a share from 0 to 1, not"):
            function(bad, 0.1)


def test_other_bad_terms_of_constant_retention_are_refused():
    for function in (margin_multiple, retention_elasticity):
        with pytest.raises(ValueError, match="first_margin must be 'period_end' or 'now', not 'later'"):
            function(0.8, 0.1, first_margin="later")
        with pytest.raises(ValueError, match=r"nobody leaves \(retention 1\) and nothing is discounted"):
            function([0.5, 1], 0)


@pytest.mark.parametrize("bad", [0, -1, np.nan, np.inf, "1", None, True])
@pytest.mark.parametrize("name", ["alpha", "beta"])
def test_a_parameter_that_is_no_positive_number_is_refused_by_name(name, bad):
    with pytest.raises(ValueError, match=f"{name} must be a number above 0, not"):
        ShiftedBetaGeometric.from_params(**{"alpha": 1, "beta": 1} | {name: bad})


def test_units_are_known_and_not_mixed():
    for use in (
        lambda: ShiftedBetaGeometric("fortnight").fit_cohorts(HIGH_END),
        lambda: ShiftedBetaGeometric.from_params(alpha=1, beta=1, unit="fortnight"),
    ):
        with pytest.raises(ValueError, match="unit must be one of day, week, month, year, not 'fortnight'"):
            use()
    # Chances a year are no chances a month: a model of the one must not discount as the other.
    other = clone(KNOWN)._know(KNOWN.params_).set_params(unit="month")
    with pytest.raises(ValueError, match=r"by the year: fit the model anew"):
        other.discounted_expected_lifetime(0.1)


def test_a_model_without_parameters_says_how_to_get_them():
    for use in (
        lambda: ShiftedBetaGeometric().survival(1),
        lambda: ShiftedBetaGeometric().retention_rate(1),
        lambda: ShiftedBetaGeometric().probability_of_lifetime(1),
        lambda: ShiftedBetaGeometric().discounted_expected_lifetime(0.1),
        lambda: ShiftedBetaGeometric().discounted_expected_residual_lifetime([1], 0.1),
        lambda: ShiftedBetaGeometric().expected_lifetime(),
        lambda: ShiftedBetaGeometric().simulate([1]),
        lambda: ShiftedBetaGeometric().log_likelihood(FEW),
        lambda: ShiftedBetaGeometric().to_json(),
        lambda: ShiftedBetaGeometric().interval(lambda model: model.survival(1)),
        lambda: ShiftedBetaGeometric().parametric_bootstrap(lambda model: 1.0, FEW),
    ):
        with pytest.raises(ValueError, match=r"ShiftedBetaGeometric has no parameters yet: call fit\("):
            use()


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1.0], r"one entry for each of the 4 rows, not shape \(1,\)"),
        ([1, 1, 1, -1], "weights must be finite and 0 or more"),
        ([1, 1, 1, np.nan], "weights must be finite and 0 or more"),
        (pd.Series(1, index=range(1, 5)), r"different indexes: use weights.reindex"),
        ([0, 0, 0, 0], "there are no customers"),
    ],
)
def test_weights_that_do_not_fit_are_refused(weights, message):
    with pytest.raises(ValueError, match=message):
        ShiftedBetaGeometric().fit(FEW, weights=weights)


def tampered(**changes):
    return json.dumps(json.loads(fitted().to_json()) | changes)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "this is no ShiftedBetaGeometric as to_json writes it"),
        (lambda: tampered(model="GammaGamma"), "its model is 'GammaGamma'"),
        (lambda: tampered(params={"alpha": 1, "beta": 0}), "beta must be a number above 0, not 0"),
        (lambda: tampered(covariance=[[1, 2], [3, 4]]), "covariance is not symmetric"),
        (lambda: tampered(covariance=[[1, 5], [5, 1]]), "cannot be read: .*covariance"),
        (lambda: tampered(longest=None), "cannot be read: .*longest"),
    ],
)
def test_what_is_no_kept_model_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        ShiftedBetaGeometric.from_json(text() if callable(text) else text)
