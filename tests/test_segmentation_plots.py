"""The pictures of chapter 03, its sliders, and how its notebook splits a budget."""

import numpy as np
import pandas as pd
import pytest
from helpers import ROOT
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize

from crmlab.runner.notebooks import read_notebook
from crmlab.segmentation import abc_classes, plots, regression_to_mean

NOTEBOOK = ROOT / "notebooks" / "03_segmentation.ipynb"


def title(ax):
    return ax.get_title(loc="left")


# ------------------------------------------------------------------------------------------------------------ pictures


def test_the_first_class_and_the_total_are_named():
    classes = abc_classes(pd.Series([50.0, 900.0, -150.0, 200.0, 0.0]))
    ax = plots.plot_pareto(classes, "EUR")
    assert title(ax) == "20% of the customers bring 900 of 1,000 EUR"
    assert ax.lines[0].get_ydata().tolist() == [0, 0.9, 1.1, 1.15, 1.15, 1.0]
    assert [text.get_text() for text in ax.texts] == ["A", "B", "C"]


def test_each_group_has_a_line_and_what_was_expected_of_it():
    before, after = pd.Series([10.0, 20.0, 30.0, 60.0]), pd.Series([20.0, 10.0, 40.0, 50.0])
    fall = regression_to_mean(before, after, before.gt(40).map({True: "best", False: "others"}))
    ax = plots.plot_fall(fall, "EUR")
    was, expected = ax.lines[0], ax.lines[1]
    assert was.get_ydata().tolist() == [60, 50]
    assert expected.get_ydata().tolist() == [fall.loc["best", "expected"]]


@pytest.mark.parametrize(("value", "written"), [(0.123, "0.12"), (9.999, "10.00"), (1234.5, "1,234")])
def test_profiles_are_written_in_their_own_units(value, written):
    ax = plots.plot_profiles(pd.DataFrame({"a": [1.0, -1.0]}), pd.DataFrame({"a": [value, 0.0]}))
    assert [text.get_text() for text in ax.texts] == [written, "0.00"]


def test_places_are_written_into_the_groups():
    groups = pd.DataFrame({"B1": [1, 3], "B2": [2, 1], "B3": [3, 2]}, ["one", "other"])
    ax = plots.plot_ranking_groups(groups)
    assert [text.get_text() for text in ax.texts] == ["1", "2", "3", "3", "1", "2"]


def test_small_cells_stand_on_top():
    cells = pd.DataFrame({"n": [2, 40], "mean": [90.0, 20.0], "shrunken_mean": [50.0, 21.0]}, ["small", "large"])
    ax = plots.plot_shrunken(cells, 23.0)
    assert [text.get_text() for text in ax.get_yticklabels()] == ["large (40)", "small (2)"]


# ------------------------------------------------------------------------------------------------------------- sliders


@pytest.mark.parametrize(
    ("budget", "says"),
    [
        (0.5, "Best at 0.5: split, +15 EUR"),
        (2.0, "Best at 2: split, +10 EUR"),
        (4.0, "Best at 4: left unspent"),
    ],
)
def test_the_best_rule_is_named_wherever_the_budget_stands(budget, says):
    rules = {"nothing": 0.0, "split": [20.0, 10.0, 10.0, -10.0], "equal": [-5.0, -10.0, -12.0, -20.0]}
    brought = pd.DataFrame(rules, [0, 1, 2, 4])
    ax = plots.plot_rules(brought, budget)
    assert title(ax) == says
    assert ax.lines[-1].get_xdata()[0] == budget


@pytest.mark.parametrize(("share", "gainers", "gain"), [(0.2, 0, 0), (0.5, 1, 100), (1.0, 2, 400)])
def test_who_has_the_share_already_does_not_move(share, gainers, gain):
    customers = pd.DataFrame({"contribution": [100.0, 100.0, -50.0], "served": [10.0, 20.0, 90.0]}, ["a", "b", "c"])
    ax = plots.plot_moves(customers.assign(share=[0.25, 0.5, 0.1]), share)
    assert title(ax) == f"At {share:.0%} of the wallet {gainers} customers bring {gain} EUR more"
    assert len(ax.texts) == gainers  # arrows


# ------------------------------------------------------------------------------------------- the split of the notebook


def functions():
    """`split` and `brought` from the chapter itself, a year of 52 weeks."""
    cells = (cell.source for cell in read_notebook(NOTEBOOK).cells if cell.cell_type == "code")
    space = {"np": np, "response": 0.05, "weeks": 52}
    exec(next(source for source in cells if source.startswith("def split(")), space)
    return space["split"], space["brought"]


split, brought = functions()
losses = st.lists(st.floats(0, 1e5), min_size=1, max_size=30).filter(any).map(pd.Series)


@given(losses, st.floats(0.1, 1000), st.floats(0.01, 0.5))
def test_all_is_spent_and_the_last_euro_brings_the_same_everywhere(loss, money, response):
    care = split(loss, money, response)
    assert care.sum() == pytest.approx(money, rel=1e-6)
    assert (care >= 0).all()
    last = loss * response * np.exp(-response * care)
    assert last[care > 1e-6].max() == pytest.approx(last[care > 1e-6].min(), rel=1e-3)
    assert last[care <= 1e-6].max() <= last[care > 1e-6].min() * (1 + 1e-3) or (care > 1e-6).all()


def test_no_other_split_that_scipy_finds_brings_more():
    loss, money = pd.Series([2000.0, 1000.0, 900.0, 10.0]), 40.0
    care = split(loss, money, 0.1)
    found = optimize.minimize(
        lambda x: -brought(loss, pd.Series(x), 0.1),
        np.full(4, money / 4),
        bounds=[(0, money)] * 4,
        constraints={"type": "eq", "fun": lambda x: x.sum() - money},
    )
    assert brought(loss, care, 0.1) == pytest.approx(-found.fun, rel=1e-6)


def test_who_is_no_loss_gets_nothing_however_large_the_budget():
    assert split(pd.Series([0.0, 100.0, 0.0]), 1e4, 1.0).tolist() == pytest.approx([0, 1e4, 0])
    assert split(pd.Series([0.0, 0.0]), 20.0, 0.05).tolist() == [0, 0]


def test_equals_get_equal_shares():
    assert split(pd.Series([500.0] * 4), 20.0, 0.05).tolist() == pytest.approx([5.0] * 4)
