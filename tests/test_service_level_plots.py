"""The pictures of chapter 05, its sliders, and what its notebook says of the firm's stock."""

import numpy as np
import pandas as pd
import pytest
from helpers import ROOT
from matplotlib import pyplot
from scipy import integrate, stats

from crmlab.data.firms import load
from crmlab.runner import results, run
from crmlab.service_level import perfect_by, perfect_order, plots

NOTEBOOK = ROOT / "notebooks" / "05_service_level.ipynb"


def title(ax):
    return ax.get_title(loc="left")


# ------------------------------------------------------------------------------------------------------------ pictures


def orders(late, short):
    days = pd.to_datetime(["2024-05-03"] * len(late))
    return pd.DataFrame(
        {
            "order_id": [f"O{number}" for number in range(len(late))],
            "customer_id": ["A", "B"] * (len(late) // 2),
            "promised_on": days,
            "delivered_on": days + pd.to_timedelta(late, "D"),
            "in_full": ~np.array(short, dtype=bool),
        }
    )


def test_the_steps_of_the_waterfall_lead_from_all_to_the_perfect_orders():
    result = perfect_order(orders([1, 1, 0, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0, 0, 0]))
    ax = plots.plot_waterfall(result)
    assert title(ax) == "75% of the orders are perfect; points lost by: late 19 and short 6"
    first, *steps, last = [(bar.get_y(), bar.get_height()) for bar in ax.patches]
    assert first == (0, 100)
    assert last == (0, 75)
    for (low, _), (below, height) in zip([(100, 0), *steps], steps, strict=False):
        assert below + height == pytest.approx(low)
    assert steps[-1][0] == pytest.approx(75)


def test_without_a_fault_the_waterfall_has_no_step():
    ax = plots.plot_waterfall(perfect_order(orders([0] * 4, [0] * 4)))
    assert title(ax) == "100% of the orders are perfect"
    assert len(ax.patches) == 2


def test_the_funnel_counts_who_lies_beyond_chance():
    bad = orders([1] * 60 + [0] * 140, [0] * 200).assign(customer_id=["A"] * 60 + ["B"] * 140)
    ax = plots.plot_funnel(perfect_by(bad, "customer_id"), 0.7)
    assert title(ax) == "1 of 2 lie below what chance allows, 1 above"
    below = next(line for line in ax.lines if line.get_label() == "below")
    assert below.get_xydata().tolist() == [[60, 0]]


def levels():
    table = pd.DataFrame(
        {"holding": [10.0, 20.0, 40.0], "margin_lost": [60.0, 40.0, 30.0], "bad_weeks": [6.0, 4.0, 3.0]},
        index=pd.Index([0.9, 0.95, 0.99], name="level"),
    )
    return table * [1000, 1000, 100]


def test_three_curves_and_what_the_best_brings():
    table = pd.DataFrame({"brings": [0.0, 20_000, 28_000], "costs": [0.0, 9_000, 30_000]}, index=[0.8, 0.9, 0.95])
    ax = plots.plot_curves(table, 0.8, 0.9)
    assert title(ax) == "At 90.0% of units at once +11,000 EUR a year against 80.0% today"
    brings, costs, left = (line.get_ydata() for line in ax.lines[:3])
    assert left.tolist() == (brings - costs).tolist() == [0, 11, -2]


def test_predictability_beside_what_volume_explains():
    cv, net = [2.0, 1.5, 1.0, 0.5], [0.1, -0.1, 0.2, -0.2]
    table = pd.DataFrame({"cv": cv, "net": net, "margin": [1, 2, 3, 4], "shares_forecasts": [False, True, False, True]})
    ax = plots.plot_predictability(table, "margin")
    assert title(ax) == "As it is: correlation -1.00"
    assert title(ax.figure.axes[1]) == "Net of volume: correlation -0.40"
    alone = pyplot.subplots()[1]
    assert plots.plot_predictability(table, "margin", alone) is alone


# ------------------------------------------------------------------------------------------------------------- sliders


@pytest.mark.parametrize(("quantity", "sd", "lead_time"), [(200, 20, 4), (10, 20, 4), (800, 100, 12)])
def test_the_slider_of_the_two_levels(quantity, sd, lead_time):
    """At the dots 95% of the cycles have no gap, and 95% of the units are there, by integration."""
    ax = plots.plot_two_levels(quantity, sd, lead_time)
    dots = next(line for line in ax.lines if line.get_linestyle() == "None").get_xdata()
    demand = stats.norm(scale=sd * np.sqrt(lead_time))
    assert demand.cdf(dots[0]) == pytest.approx(0.95, abs=1e-6)
    lacks, _ = integrate.quad(demand.sf, dots[1], dots[1] + quantity)
    assert 1 - lacks / quantity == pytest.approx(0.95, abs=1e-6)
    assert title(ax) == f"95% of cycles need {dots[0]:.0f} units, 95% of units {dots[1]:.0f}"


@pytest.mark.parametrize(
    ("lost_order", "words"),
    [
        (0, "At 0 EUR a badly short week 95% is best: +0 EUR"),
        (50, "At 50 EUR a badly short week 95% is best: +0 EUR"),
        (200, "At 200 EUR a badly short week 99% is best: +10,000 EUR"),
    ],
)
def test_the_slider_of_a_lost_order(lost_order, words):
    ax = plots.plot_levels(levels(), lost_order, 0.95)
    assert title(ax) == words
    assert ax.patches[1].get_height() == 0


# -------------------------------------------------------------------------------------------------------- the notebook


@pytest.fixture(scope="module")
def recorded():
    return results(NOTEBOOK).set_index("name")["value"]


def test_what_the_firms_stock_gave_counted_row_by_row(recorded):
    stock = load("harbour_and_hill").stock
    year = stock[stock["week"] >= "2024-12-30"]
    gaps = sum(delivered < demand for delivered, demand in year[["delivered", "demand"]].itertuples(index=False))
    assert recorded["weeks_without_a_gap"] == pytest.approx(1 - gaps / len(year), rel=1e-5)
    units = sum(year["delivered"]) / sum(year["demand"])
    assert recorded["units_that_were_there"] == pytest.approx(units, rel=1e-5)
    assert recorded["fill_replayed_today"] == pytest.approx(units, abs=1e-4), "the replay is the firm"


def test_the_replay_agrees_with_the_firm_run_again_under_another_level(recorded):
    """The generator's own count under 99.8%, whose customers also order more, lies near the replay's."""
    from crmlab.data.firms import simulate

    firm = simulate("harbour_and_hill", do={"service_level": 0.998})
    year = firm.stock[firm.stock["week"] >= "2024-12-30"].merge(firm.products, on="product_id")
    held = ((year["opening"] - year["delivered"]) * year["unit_cost"]).sum() / 52
    assert recorded["stock_at_best"] == pytest.approx(held, rel=0.1)


def test_the_decision_is_the_level_and_the_watches(recorded):
    decision = results(NOTEBOOK).query("kind == 'decision'").iloc[0]
    assert decision["low"] < decision["value"] < decision["high"]
    assert decision["value"] == pytest.approx(recorded["drawn_the_plan"], rel=0.1), "nothing lost between the draws"
    assert 0 < recorded["it_brings"] < decision["value"]
    assert recorded["accounts_to_watch"] > 0
    assert recorded["perfect_order_rate"] < recorded["perfect_orders_expected"] < 1
    assert recorded["perfect_order_lower"] < recorded["perfect_order_product"] < recorded["perfect_order_rate"]


@pytest.mark.proof
def test_a_file_of_ones_own_answers_the_first_sections(tmp_path):
    firm = load("harbour_and_hill")
    few = firm.orders.tail(900).assign(depot="one", right_place=True)
    few.drop(columns=["right_invoice", "right_customer"]).to_csv(tmp_path / "orders.csv", index=False)
    outcome = run(NOTEBOOK, tmp_path / "own", dataset=str(tmp_path / "orders.csv"), resamples=50)
    assert outcome.error is None, outcome.error
    own = results(tmp_path / "own" / NOTEBOOK.name).set_index("name")["value"]
    assert own["rights"] == 3
    assert own["orders"] < 900


@pytest.mark.proof
def test_too_few_orders_are_refused(tmp_path):
    load("harbour_and_hill").orders.head(150).to_csv(tmp_path / "few.csv", index=False)
    outcome = run(NOTEBOOK, tmp_path / "few", dataset=str(tmp_path / "few.csv"))
    assert "delivered orders in the 52 weeks to " in outcome.error
