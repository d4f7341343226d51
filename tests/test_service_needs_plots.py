"""The pictures of chapter 04, its sliders, what its notebook defines, what a pilot tells and a survey holds."""

import numpy as np
import pandas as pd
import pytest
from helpers import ROOT
from hypothesis import given
from hypothesis import strategies as st

from crmlab.runner.notebooks import read_notebook
from crmlab.service_needs import (
    answered_both,
    importance_performance,
    pairs_in_order,
    perception_gap,
    pilot_response,
    plots,
    survey_counts,
)

NOTEBOOK = ROOT / "notebooks" / "04_service_needs.ipynb"
NAMES = pd.Series({"E1": "speed", "E2": "price", "E3": "advice"})


def title(ax):
    return ax.get_title(loc="left")


# ------------------------------------------------------------------------------------------------------------ pictures


def test_the_ways_stand_in_the_order_of_the_last():
    def shares(*values):
        table = pd.DataFrame({"importance": values}, ["E1", "E2", "E3"])
        return table.assign(low=table["importance"] - 0.1, high=table["importance"] + 0.1)

    ax = plots.plot_ways({"ratings": shares(0.4, 0.3, 0.3), "points": shares(0.2, 0.7, 0.1)}, NAMES)
    assert [text.get_text() for text in ax.get_yticklabels()] == ["advice", "speed", "price"]
    ratings, points = ax.lines
    assert ratings.get_xdata().tolist() == [0.3, 0.4, 0.3]
    assert points.get_xdata().tolist() == [0.1, 0.2, 0.7]
    assert (ratings.get_ydata() > points.get_ydata()).all()


def test_loadings_are_sorted_by_their_factor_and_only_large_ones_written():
    loadings = pd.DataFrame({"F1": [0.1, 0.5, -0.8], "F2": [0.9, 0.2, 0.0]}, ["E1", "E2", "E3"])
    ax = plots.plot_loadings(loadings, NAMES)
    assert [text.get_text() for text in ax.get_yticklabels()] == ["advice", "price", "speed"]
    assert [text.get_text() for text in ax.texts if text.get_text()] == ["-0.80", "0.50", "0.90"]


def test_the_widest_gap_is_named_whichever_way_it_goes():
    customers = pd.DataFrame({"E1": [6, 7, 6, 7], "E2": [4, 5, 4, 5], "E3": [3, 4, 3, 4]})
    managers = pd.DataFrame({"E1": [4, 5], "E2": [5, 6], "E3": [3, 4]})
    ax = plots.plot_gaps(perception_gap(customers, managers), NAMES)
    assert title(ax) == "Widest gap: speed, managers -2.0"
    assert [text.get_text() for text in ax.get_yticklabels()] == ["speed", "advice", "price"]


def test_each_element_of_the_map_is_written_once_and_inside():
    wanted = pd.DataFrame({"E1": [6, 7, 6, 5], "E2": [3, 4, 5, 4], "E3": [3, 4, 5, 4]})
    done = pd.DataFrame({"E1": [4, 3, 4, 4], "E2": [5, 6, 4, 5], "E3": [5, 6, 4, 5]})
    placed = importance_performance(wanted, done, resamples=50, random_state=1)
    ax = plots.plot_map(placed, NAMES, "importance")
    assert sorted(text.get_text() for text in ax.texts) == ["advice", "price", "speed"]
    places = [text.get_position() for text in ax.texts]
    assert len(set(places)) == 3  # two lie on one point, and are told apart
    assert all(0 <= x <= 1 and 0 <= y <= 1 for x, y in places)


def test_an_element_that_is_not_sure_of_its_quadrant_is_hollow():
    placed = pd.DataFrame(
        {"importance": [1.0, 2.0], "performance": [1.0, 2.0], "quadrant": ["low priority", "keep up the good work"]},
        ["E1", "E2"],
    ).assign(chance=[0.5, 0.95])
    ax = plots.plot_map(placed, NAMES, "importance")
    faces = {line.get_color(): line.get_markerfacecolor() for line in ax.lines if len(line.get_xdata()) == 1}
    assert faces[plots.QUADRANT_COLORS["low priority"]] == "none"
    assert faces[plots.QUADRANT_COLORS["keep up the good work"]] != "none"


def test_the_curve_of_loyalty_is_in_percent():
    curve = pd.DataFrame({"n": [5, 9], "mean": [0.5, 1.0], "fitted": [0.5, 1.0]}, index=[3, 8])
    ax = plots.plot_loyalty(curve.assign(low=0.4, high=1.0, line=[0.6, 0.9]))
    assert ax.lines[0].get_ydata().tolist() == [50, 100]
    assert ax.lines[1].get_ydata().tolist() == [60, 90]


# ------------------------------------------------------------------------------------------------------------- sliders


WORTH, WEEKLY = pd.Series({"B1": 0.4, "B2": 0.8}), pd.Series({"B1": 5.0, "B2": 15.0})


@pytest.mark.parametrize(
    ("response", "says"),
    [
        (0.01, "None pays up to 100,000 EUR elsewhere"),
        (0.1, "Best: B1 from 65,050"),
        (0.25, "Best: B1 from 26,050, B2 from 52,050"),
    ],
)
def test_a_bundle_pays_from_a_size_on_and_the_better_one_from_a_larger(response, says):
    ax = plots.plot_from_size(WORTH, WEEKLY, response, 0.1)
    assert title(ax) == says


@pytest.mark.parametrize("price", [0.0, 1.0, 8.0])
def test_the_more_price_weighs_the_more_a_cheap_bundle_is_worth(price):
    worths = functions()["worths"]
    points = pd.DataFrame([[20, 20, 20, 20 * price, 10, 10]], ["C1"], ["E07", "E08", "E06", "E12", "E15", "E02"])
    worth = worths(points, pd.Series([0], ["C1"]))
    assert worth.loc[0, "cheap"] == pytest.approx(price / (price + 3))
    assert plots.plot_from_size(worth.loc[0], pd.Series({"cheap": 10.0, "fast": 10.0}), 0.3, 0.1).get_xlabel()


@pytest.mark.parametrize(
    ("box", "taken"),
    [
        ((0.51, 0.70, 0.48, 0.52), False),  # beside its own dot
        ((0.51, 0.70, 0.54, 0.58), True),  # beside the other
        ((0.40, 0.60, 0.62, 0.66), True),  # beyond the other, with a line through it
        ((0.40, 0.60, 0.36, 0.40), False),  # below both
    ],
)
def test_a_name_that_could_be_taken_for_that_of_the_dot_above_is_told(box, taken):
    assert plots._seems_to_be_of((0.5, 0.56), box, own=(0.5, 0.5)) == taken


# ------------------------------------------------------------------------------------ what the notebook itself defines


def functions():
    """The chapter's own functions, for two groups and two bundles: `cheap` holds the price, `fast` the lead time."""
    cells = [cell.source for cell in read_notebook(NOTEBOOK).cells if cell.cell_type == "code"]
    things = {"E07": "fill", "E08": "fill", "E06": "lead time", "E12": "price", "E15": "returns", "E02": "visits"}
    holds = pd.DataFrame(0.0, ["cheap", "fast"], ["fill", "lead time", "price", "returns", "visits"])
    holds.loc["cheap", "price"] = holds.loc["fast", "lead time"] = 1.0
    stands_for = pd.get_dummies(pd.Series(things)).astype(int)[list(holds)]
    space = {"np": np, "pd": pd, "wishes": 1, "holds": holds, "stands_for": stands_for, "shrink": 1.0}
    space |= {"weekly": pd.Series({"cheap": 2.0, "fast": 1.0}), "offered": ["cheap", "fast"]}
    for name in ("worths", "tried", "gains"):
        source = next(source for source in cells if f"def {name}(" in source)
        exec(source.split("\n\n\nworth, places = ")[0].split("\n\n\ntable = tried(")[0], space)
    return space


def test_what_a_pilot_could_win_is_of_its_bundle_and_of_what_is_bought_elsewhere():
    trial = pd.DataFrame({"before": [0.4, 0.5, 0.2], "after": [0.5, 0.5, np.nan]}, ["A", "B", "gone"])
    trial["bundle"] = ["cheap", "none", "fast"]
    worth = pd.DataFrame({"cheap": [0.6], "fast": [0.2]})
    table = functions_once["tried"](trial, pd.Series(0, trial.index), worth)
    assert table["possible"].to_dict() == pytest.approx({"A": 0.6 * 0.6, "B": 0.0})
    assert table["change"].to_dict() == pytest.approx({"A": 0.1, "B": 0.0})


def test_two_elements_of_one_thing_count_as_one_wish_or_as_two():
    points = pd.DataFrame([[30, 30, 20, 20, 0, 0]], ["C1"], ["E07", "E08", "E06", "E12", "E15", "E02"])
    group = pd.Series([0], ["C1"])
    assert functions_once["worths"](points, group).loc[0, "cheap"] == pytest.approx(20 / 70)
    assert functions_once["worths"](points, group, "sum").loc[0, "cheap"] == pytest.approx(20 / 100)


def test_nobody_gets_a_bundle_that_loses():
    gains, chosen = functions_once["gains"], functions_once["chosen"]
    accounts = pd.DataFrame({"elsewhere": [1000.0, 100000.0], "rate": 0.1}, ["small", "large"])
    worth = pd.DataFrame({"cheap": [0.6], "fast": [0.2]})
    gain = gains(accounts, pd.Series(0, accounts.index), worth, 0.3)
    assert gain.loc["large", "cheap"] == pytest.approx(100000 * 0.1 * 0.3 * 0.6 - 52 * 2)
    assert chosen(gain).to_dict() == {"large": "cheap"}
    assert functions_once["brings"](chosen(gain), gain) == pytest.approx(gain.loc["large", "cheap"])


# ------------------------------------------------------------------------------ what a pilot tells, what a survey holds


@given(st.floats(0.05, 0.9), st.floats(-0.5, 0.5), st.integers(0, 1000))
def test_what_a_pilot_won_is_found_where_nothing_else_happened(response, falls, seed):
    rng = np.random.default_rng(seed)
    before = pd.Series(rng.uniform(0.2, 0.8, 40))
    possible = rng.uniform(0.3, 0.9, 40) * (1 - before) * (np.arange(40) % 2 == 0)
    change = response * possible + falls * before - 0.01
    assert pilot_response(change, possible, before) == pytest.approx(response, abs=1e-6)


def test_an_account_that_is_far_off_counts_less():
    before = pd.Series(np.linspace(0.3, 0.6, 40))
    possible = 0.5 * (1 - before) * (np.arange(40) % 2 == 0)
    change = 0.3 * possible
    change.iloc[0] = 0.9
    assert pilot_response(change, possible, before) == pytest.approx(0.3, abs=0.05)
    far = np.linalg.lstsq(np.column_stack([np.ones(40), before, possible]), change, rcond=None)[0][-1]
    assert abs(far - 0.3) > 0.05


def test_a_pilot_without_a_control_or_with_gaps_is_refused():
    before = pd.Series([0.2, 0.3, 0.4])
    with pytest.raises(ValueError, match="3 customers got something and 0 nothing"):
        pilot_response(before, before, before)
    with pytest.raises(ValueError, match="has no possible change"):
        pilot_response(before, before.where(before > 0.2), before)


@given(st.integers(2, 6), st.integers(0, 1000))
def test_pairs_are_in_order_by_themselves_and_never_by_their_reverse(things, seed):
    worth = pd.DataFrame(np.random.default_rng(seed).permuted(np.tile(np.arange(things), (3, 1)), axis=1))
    assert pairs_in_order(worth, worth.iloc[::-1, ::-1]) == 1
    assert pairs_in_order(worth, -worth) == 0
    with pytest.raises(ValueError, match="on one of two sides only"):
        pairs_in_order(worth, worth.rename(columns={0: "another"}))


def survey(customers=40, elements=4, waves=(1, 2)):
    rows = [
        (f"C{who}", f"E{element}", wave, 1.0 + (who + element) % 7)
        for wave in waves
        for who in range(customers)
        for element in range(elements)
    ]
    return pd.DataFrame(rows, columns=["customer_id", "element_id", "wave", "importance"])


def test_what_a_survey_holds_is_counted():
    counts = survey_counts(survey(), 2)["there_is"]
    assert counts.loc[["elements", "customers in this wave", "highest rating"]].tolist() == [4, 40, 7]
    assert len(answered_both(survey(), 1, 2)) == 40
    assert len(answered_both(survey(waves=(1,)), 1, 2)) == 0


@pytest.mark.parametrize(
    ("answers", "wave", "says"),
    [
        (survey(), 3, "there is no wave 3: the survey has the waves 1, 2"),
        (survey(customers=12), 1, "12 customers in this wave, and 30 are needed"),
        (survey(elements=3), 1, "3 elements, and 4 are needed"),
        (survey(customers=35, elements=20), 1, "35 customers in all, and 40 are needed"),
        (survey().assign(importance=np.nan), 1, "nobody rates importance in wave 1"),
        (survey().assign(importance=5.0), 1, "1 different ratings of E0, and 2 are needed: leave the element out"),
    ],
)
def test_a_survey_that_is_too_small_is_refused_and_says_in_what(answers, wave, says):
    with pytest.raises(ValueError, match=says):
        survey_counts(answers, wave)


functions_once = functions()
