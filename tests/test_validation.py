"""Forecasts held against what came, a budget split by the margin, and their pictures."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from crmlab import figures
from crmlab.data import load_cdnow, split, summarize
from crmlab.lifetime_value import (
    BetaGeoNBD,
    ParetoNBD,
    ShiftedBetaGeometric,
    alive_path,
    best_split,
    margin_multiple,
    plots,
    rolling_origin,
    saturating_response,
    tracking,
)

CDNOW = BetaGeoNBD.from_params(r=0.2425945, alpha=4.4136020, a=0.7929220, b=2.4259068)
END = "1997-09-30"


@pytest.fixture(scope="module")
def log():
    return load_cdnow()


def purchases(*days, customer="a", amount=10.0):
    return pd.DataFrame({"customer_id": customer, "date": list(days), "amount": amount})


# --- week by week ---------------------------------------------------------------------------------------------------


def test_tracking_counts_the_repeat_days_and_adds_up_the_model_customer_by_customer(log):
    weeks = tracking(CDNOW, log, END)
    until = weeks.index[-1] + pd.Timedelta(days=6)
    whole = summarize(log[log["date"] <= until], observed_until=until)
    assert weeks["actual"].sum() == whole["frequency"].sum()
    elapsed = whole["T"] + 1 / 7  # to the end of the last day
    assert weeks["expected"].sum() == pytest.approx(np.sum(CDNOW.expected_purchases(elapsed.to_numpy())))
    assert len(weeks) == 78
    assert weeks.index[0] == pd.Timestamp("1997-01-01")


def test_tracking_leaves_out_who_came_after_the_calibration():
    table = pd.concat([purchases("2024-01-01", "2024-01-10", "2024-03-01"), purchases("2024-02-20", customer="b")])
    weeks = tracking(CDNOW, table, "2024-01-31")
    alone = tracking(CDNOW, pd.concat([table.iloc[:3], table.iloc[:1]]), "2024-01-31")
    pd.testing.assert_frame_equal(weeks, alone)
    assert weeks["actual"].tolist() == [0, 1, 0, 0, 0, 0, 0, 0]  # the purchase of 1 March is in no whole week


@pytest.mark.parametrize(
    ("days", "end", "message"),
    [
        (["2024-02-01", "2024-04-01"], "2024-01-01", "nobody bought by 2024-01-01"),
        (["2024-01-01", "2024-01-03"], "2024-01-02", "the log is shorter than a week"),
    ],
)
def test_a_log_that_cannot_be_tracked_is_refused(days, end, message):
    with pytest.raises(ValueError, match=message):
        tracking(CDNOW, purchases(*days), end)


# --- from several days on -------------------------------------------------------------------------------------------


def test_rolling_origin_repeats_one_hold_out_after_another(log):
    def model(customers, seen):
        return CDNOW.conditional_expected_purchases(customers, 13)

    table = rolling_origin(log, [END, "1997-12-30"], 13, {"model": model, "nobody": lambda c, seen: 0 * c["T"]})
    until = pd.Timestamp(END) + pd.Timedelta(weeks=13)
    known = split(log[log["date"] <= until], END, observed_until=until)
    expected = CDNOW.conditional_expected_purchases(known, 13)
    row = table.loc[END, "model"]
    assert row["actual"] == known["frequency_holdout"].sum()
    assert row["total"] == pytest.approx(expected.sum())
    assert row["off_by"] == pytest.approx(expected.sum() / row["actual"] - 1)
    assert row["error"] == pytest.approx(((expected - known["frequency_holdout"]) ** 2).mean() ** 0.5)
    assert (table.xs("nobody", level="forecast")["off_by"] == -1).all()


def test_a_forecast_sees_nothing_of_what_follows(log):
    seen = []

    def spy(customers, known):
        seen.append((list(customers.columns), known["date"].max()))
        return customers["T"]

    rolling_origin(log, [END], 13, {"spy": spy})
    columns, last = seen[0]
    assert not [name for name in columns if "holdout" in name]
    assert last <= pd.Timestamp(END)


def test_a_day_too_late_for_its_hold_out_is_refused(log):
    with pytest.raises(ValueError, match=r"13 weeks after 1998-05-01 are not over when the log ends, 1998-06-30"):
        rolling_origin(log, ["1998-05-01"], 13, {})


# --- one customer ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [CDNOW, ParetoNBD.from_params(r=0.55, alpha=10.6, s=0.6, beta=11.7)])
def test_a_path_ends_each_day_where_the_summary_of_that_day_does(log, model):
    one = log[log["customer_id"] == "0509"]
    path = alive_path(model, one, "1998-06-30")
    assert path["purchase"].sum() == one["date"].nunique()
    for day in ("1997-03-01", END, "1998-06-30"):
        then = summarize(one[one["date"] <= day], observed_until=day)
        assert path.loc[day, "probability_alive"] == pytest.approx(model.probability_alive(then)[0])


def test_a_path_is_of_one_customer_and_ends_after_it_begins():
    both = pd.concat([purchases("2024-01-01"), purchases("2024-01-02", customer="b")])
    with pytest.raises(ValueError, match="purchases of one customer, not of 2"):
        alive_path(CDNOW, both, "2024-02-01")
    with pytest.raises(ValueError, match="the first purchase, 2024-01-01, comes after 2023-12-01"):
        alive_path(CDNOW, purchases("2024-01-01"), "2023-12-01")


# --- a budget -------------------------------------------------------------------------------------------------------


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.floats(50, 5000), st.floats(1e-4, 1e-2)), min_size=2, max_size=3), st.floats(100, 5000))
def test_the_best_split_is_the_one_that_an_optimizer_finds(curves, budget):
    responses = {
        str(number): (lambda money, worth=worth, rate=rate: worth * saturating_response(money, 1, rate))
        for number, (worth, rate) in enumerate(curves)
    }
    table = best_split(budget, responses)
    assert table["amount"].sum() == pytest.approx(budget)

    def lost(amounts):
        return -sum(response(max(money, 0)) for response, money in zip(responses.values(), amounts, strict=True))

    within = {"type": "eq", "fun": lambda amounts: amounts.sum() - budget}
    found = minimize(
        lost, np.full(len(curves), budget / len(curves)), bounds=[(0, budget)] * len(curves), constraints=within
    )
    assert table["brings"].sum() >= -found.fun * (1 - 1e-4)


def test_where_money_goes_to_several_uses_the_next_unit_brings_the_same():
    table = best_split(1000, {"a": lambda m: 30 * m**0.5, "b": lambda m: 40 * m**0.5, "c": lambda m: 0.01 * m})
    assert table.loc[["a", "b"], "next_unit"].tolist() == pytest.approx([0.79, 0.79], abs=0.01)
    assert table.loc["c", "amount"] == 0


@pytest.mark.parametrize(
    ("budget", "responses", "message"),
    [
        (0, {"a": float}, "budget must be a number above 0"),
        (float("nan"), {"a": float}, "budget must be a number above 0"),
        (10, {}, "name at least one use"),
        (10, {"a": float, "b": lambda money: money**2}, "the response 'b' has increasing returns"),
    ],
)
def test_a_budget_that_cannot_be_split_is_refused(budget, responses, message):
    with pytest.raises(ValueError, match=message):
        best_split(budget, responses)


@pytest.mark.parametrize("bad", [{"spend": -1}, {"spend": np.nan}, {"ceiling": -0.1}, {"rate": "fast"}])
def test_a_bad_response_is_refused_by_name(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        saturating_response(**({"spend": 1.0, "ceiling": 0.5, "rate": 0.1} | bad))


# --- pictures -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [(0.5, 100, 0.1), (0.8, 250, 0.05), (0.99, 10, 0.3)])
def test_the_slider_s_picture_marks_the_value_at_its_state(state):
    retention, margin, rate = state
    ax = plots.plot_margin_multiple(retention, margin, rate, "USD")
    (marked,) = [line for line in ax.lines if line.get_marker() == "o"]
    value = margin * margin_multiple(retention, rate)
    assert marked.get_xydata().tolist() == [[retention, pytest.approx(value)]]
    assert f"{value:,.0f} USD" in ax.get_title(loc="left")


def test_moving_a_slider_draws_anew():
    drawn = []

    def draw(retention, margin):
        drawn.append((retention, margin))
        return plots.plot_margin_multiple(retention, margin, 0.1, "USD")

    box = figures.sliders(draw, retention=(0.8, 0, 0.99, 0.01), margin=(100, 0, 1000, 10))
    *controls, picture = box.children
    before = bytes(picture.value)
    controls[1].value = 200
    assert drawn == [(0.8, 100), (0.8, 200)]
    assert bytes(picture.value).startswith(b"\x89PNG")
    assert bytes(picture.value) != before


def test_tracking_is_drawn_as_it_is(log):
    weeks = tracking(CDNOW, log, END)
    for cumulative, shown in ((False, weeks), (True, weeks.cumsum())):
        actual, expected = plots.plot_tracking(weeks, END, cumulative=cumulative).lines[:2]
        assert actual.get_ydata().tolist() == shown["actual"].tolist()
        assert expected.get_ydata() == pytest.approx(shown["expected"].to_numpy())


@pytest.mark.parametrize("most", [3, 15, 100_000])
def test_a_grid_is_bounded_and_drawn_from_the_model(most):
    numbers = plots.plot_grid(CDNOW, T=1e6, most=most).collections[0].get_array()
    assert numbers.size <= 40 * 40
    recent = pd.DataFrame({"customer_id": ["a"], "frequency": [most], "recency": [1e6], "T": [1e6]})
    assert numbers[-1, -1] == pytest.approx(CDNOW.probability_alive(recent)[0])
    bought = plots.plot_grid(CDNOW, T=39, most=most, t=13).collections[0].get_array()
    recent = recent.assign(recency=39.0, T=39.0)
    assert bought[-1, -1] == pytest.approx(CDNOW.conditional_expected_purchases(recent, 13)[0])


def test_a_path_is_drawn_with_its_purchases(log):
    path = alive_path(CDNOW, log[log["customer_id"] == "0509"], "1998-06-30")
    line, marks = plots.plot_alive_path(path).lines
    assert line.get_ydata().tolist() == path["probability_alive"].tolist()
    assert len(marks.get_xdata()) == path["purchase"].sum()


def test_the_value_curve_ends_at_all_of_the_value():
    ax = plots.plot_values(pd.Series([1.0, 3.0, 0.0, 6.0]), "USD")
    assert ax.lines[0].get_xydata().tolist() == [[25, 60], [50, 90], [75, 100], [100, 100]]
    assert "10 USD" in ax.get_ylabel()


def test_the_retention_curve_shows_what_was_used_and_what_was_hidden():
    active = pd.Series([1.0, 0.869, 0.743, 0.653, 0.593])
    model = ShiftedBetaGeometric.from_params(alpha=0.668, beta=3.806)
    constant, projected, used, hidden = plots.plot_retention(active, 2, model, churn=0.1).lines
    assert used.get_ydata().tolist() == [100, 86.9, 74.3]
    assert hidden.get_ydata().tolist() == [65.3, 59.3]
    assert projected.get_ydata() == pytest.approx(100 * model.survival(np.arange(5)))
    assert constant.get_ydata() == pytest.approx(100 * 0.9 ** np.arange(5))
