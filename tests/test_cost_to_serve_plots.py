"""The pictures of chapter 07, its sliders, and what its notebook says of the firm."""

import numpy as np
import pandas as pd
import pytest
from helpers import ROOT

from crmlab.cost_to_serve import customer_profit, plots, price_waterfall, whale_curve
from crmlab.data.firms import load
from crmlab.runner import results, run

NOTEBOOK = ROOT / "notebooks" / "07_cost_to_serve.ipynb"


def title(ax):
    return ax.get_title(loc="left")


# ------------------------------------------------------------------------------------------------------------ pictures


def one_customer(revenue, visits):
    sales = pd.DataFrame({"customer_id": ["A"], "revenue": [revenue], "cost_of_goods": [700.0]})
    ledger = pd.DataFrame({"customer_id": ["A"], "month": "2025-01-01", "activity": ["visits"], "cost": [visits]})
    return price_waterfall(customer_profit(sales, ledger))


@pytest.mark.parametrize(
    ("revenue", "visits", "words"),
    [
        (900.0, 50.0, "A pays 900 EUR, and leaves 150"),
        (900.0, 250.0, "A pays 900 EUR, and loses 50"),
        (900.0, 200.0, "A pays 900 EUR, and leaves 0"),
    ],
)
def test_the_steps_lead_from_what_is_paid_to_what_is_left(revenue, visits, words):
    ax = plots.plot_waterfall(one_customer(revenue, visits), "A")
    assert title(ax) == words
    bars = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in ax.patches]
    paid, goods, margin, served, left = bars[:5]
    assert paid == pytest.approx((0, 0.9))
    assert goods == pytest.approx((0.2, 0.9))
    assert margin == pytest.approx((0, 0.2))
    assert served == pytest.approx((0.2 - visits / 1000, 0.2))
    assert left == pytest.approx(tuple(sorted((0, 0.2 - visits / 1000))))


def test_a_step_of_nothing_is_left_out():
    steps = one_customer(900.0, 0.0)
    labels = [label.get_text() for label in plots.plot_waterfall(steps, "A").get_yticklabels()]
    assert labels == ["revenue", "cost of goods", "margin", "profit"]


def test_where_nobody_makes_money_the_whale_says_so():
    assert title(plots.plot_whale(whale_curve({"A": -5.0, "B": -20.0}))) == (
        "No customer makes money: together they lose 25 EUR"
    )


def test_the_whale_ends_at_the_total_and_names_the_last():
    ax = plots.plot_whale(whale_curve({"A": 150.0, "B": 75.0, "C": 0.0, "D": -125.0}))
    assert title(ax) == "2 customers make 225 EUR; the others take back 56%"
    assert ax.lines[0].get_ydata()[-1] == pytest.approx(0.1)
    assert "D " in [text.get_text() for text in ax.texts]


def test_the_map_marks_who_loses():
    table = pd.DataFrame(
        {"margin_rate": [0.2, 0.3, 0.1], "serving_rate": [0.1, 0.4, 0.9], "revenue": [9.0, 5, 1]}, index=list("ABC")
    )
    table["profit"] = (table["margin_rate"] - table["serving_rate"]) * table["revenue"]
    ax = plots.plot_quadrants(table, ["B"])
    assert title(ax) == "2 lose at full cost, 1 of them dearer to serve than most"
    points = ax.collections[0].get_offsets()
    assert points[2].tolist() == [60, 10], "60 stands for more"
    assert "B" in [text.get_text() for text in ax.texts]


def test_levers_that_are_not_pulled_are_not_drawn():
    saved = pd.DataFrame({"fee": [90.0, np.nan], "visits": [10.0, 20.0]}, index=["A", "B"])
    ax = plots.plot_levers(saved, pd.Series({"A": 75.0, "B": 25.0}))
    assert title(ax) == "A makes 75% of 100 EUR a year"
    assert [text.get_text() for text in ax.texts] == ["90", "20", "10", "25", "75"]


# ------------------------------------------------------------------------------------------------------------- sliders


@pytest.mark.parametrize(("avoidable", "gone"), [(0.0, 0), (0.7, 1), (1.0, 3)])
def test_the_slider_of_avoidable_cost(avoidable, gone):
    table = pd.DataFrame({"margin": [90.0, 75, 10, 500], "cost_to_serve": [100.0, 100, 100, 100]}, index=list("ABCD"))
    ax = plots.plot_avoidable(table, avoidable)
    assert title(ax) == f"If {avoidable:.0%} of serving goes: {gone} of 3 losers are better gone"
    heights = sorted(bar.get_height() for bar in ax.patches)
    assert heights == pytest.approx(sorted(m - avoidable * 100 for m in (90, 75, 10)))


@pytest.mark.parametrize(
    ("leaving", "effect", "money"),
    [
        (0.0, 1.0, 1500),  # all of the saving
        (0.1, 1.0, 1500 - 0.2 * 2 * (1000 + 1000)),  # two levers at A; B loses still, and its leaving costs nothing
        (0.5, 0.5, 750 - 1.0 * 2 * (1000 + 500)),  # no more than everybody leaves
    ],
)
def test_the_slider_of_leaving(leaving, effect, money):
    plan = pd.DataFrame(
        {"saved": [1000.0, 500], "brings": [1000.0, -900], "levers": [2, 1], "years": [2.0, 2.0]}, index=["A", "B"]
    )
    ax = plots.plot_leaving(plan, leaving, effect)
    assert title(ax) == f"{leaving:.0%} more leaving a lever, {effect:.0%} of the saving: {money:+,.0f} EUR a year"
    assert ax.lines[0].get_ydata()[0] == pytest.approx(effect * 1.5)


# -------------------------------------------------------------------------------------------------------- the notebook


@pytest.fixture(scope="module")
def recorded():
    return results(NOTEBOOK).set_index("name")["value"]


@pytest.fixture(scope="module")
def firm():
    return load("harbour_and_hill")


def test_the_largest_account_added_up_order_by_order(recorded, firm):
    cost = dict(zip(firm.products["product_id"], firm.products["unit_cost"], strict=True))
    mine = firm.orders[(firm.orders["customer_id"] == "C168") & (firm.orders["ordered_on"] >= "2025-01-01")]
    lines = firm.order_lines[firm.order_lines["order_id"].isin(mine["order_id"])]
    goods = sum(line.delivered * cost[line.product_id] for line in lines.itertuples())
    booked = firm.ledger[(firm.ledger["customer_id"] == "C168") & (firm.ledger["month"] >= "2025-01-01")]["cost"].sum()
    claims = firm.complaints[
        (firm.complaints["customer_id"] == "C168") & (firm.complaints["opened_on"] >= "2025-01-01")
    ]
    left = mine["amount"].sum() - goods - booked - claims["compensation"].sum()
    assert recorded["largest_account"] == "C168"
    assert recorded["its_profit"] == pytest.approx(left, rel=1e-5)


def test_profit_and_what_nobody_used_make_what_was_paid(recorded):
    assert recorded["profit"] - recorded["unused_capacity"] == pytest.approx(recorded["profit_after_unused"], abs=0.5)
    assert recorded["whale_peak"] - recorded["losers_take_back"] == pytest.approx(recorded["profit"], abs=0.5)
    assert recorded["bridge_change"] == pytest.approx(
        sum(recorded[f"bridge_{name}"] for name in ("volume", "price", "mix", "cost_to_serve")), abs=0.5
    )


def test_what_the_chapter_says_of_its_decision(recorded):
    decision = results(NOTEBOOK).query("kind == 'decision'").iloc[0]
    assert decision["low"] < decision["value"] < decision["high"]
    assert decision["value"] == recorded["judged_the_plan"]
    assert recorded["judged_the_plan"] < recorded["judged_promised"], "a choice flatters itself"
    rivals = ["first_dropped", "drop_all_below_0", "minimum_for_small"]
    assert recorded["judged_the_plan"] > max(recorded[f"judged_{name}"] for name in rivals)
    lead = recorded["judged_terms_less_drop_first"]
    assert 0 < lead < 0.2 * recorded["judged_drop_the_first"], "terms and dropping are close"


def test_what_is_planted_shows_in_the_books_and_in_truth(recorded):
    assert recorded["contribution_of_C197"] > 0 > recorded["played_drop_C197"]
    assert recorded["contribution_of_C168"] < 0 < recorded["played_the_first"]
    assert recorded["played_drop_the_first"] < recorded["played_the_first"]
    assert recorded["played_drop_the_others_below_0"] > 0, "by contribution, not by full cost"
    assert decision_lies_within(recorded["played_the_plan"])


def decision_lies_within(money):
    decision = results(NOTEBOOK).query("kind == 'decision'").iloc[0]
    return decision["low"] < money < decision["high"]


def own_files(folder):
    firm = load("harbour_and_hill")
    ledger = firm.ledger[firm.ledger["month"].dt.year == 2024]
    ledger[["customer_id", "month", "activity", "cost"]].to_csv(folder / "ledger.csv", index=False)
    sales = firm.orders[firm.orders["ordered_on"].dt.year == 2024]
    sales = sales.rename(columns={"ordered_on": "date"})[["customer_id", "date", "amount"]]
    sales.to_csv(folder / "sales.csv", index=False)
    return ledger, sales


@pytest.mark.proof
def test_a_ledger_of_ones_own_with_its_sales(tmp_path):
    ledger, sales = own_files(tmp_path)
    files = {"dataset": str(tmp_path / "ledger.csv"), "sales_file": str(tmp_path / "sales.csv")}
    outcome = run(NOTEBOOK, tmp_path / "own", margin_rate=0.25, resamples=50, **files)
    assert outcome.error is None, outcome.error
    own = results(tmp_path / "own" / NOTEBOOK.name).set_index("name")["value"]
    assert own["cost_to_serve"] == pytest.approx(ledger["cost"].sum(), rel=1e-5)
    assert own["profit"] == pytest.approx(0.25 * sales["amount"].sum() - ledger["cost"].sum(), rel=1e-4)


@pytest.mark.proof
def test_a_ledger_alone_tells_where_serving_goes(tmp_path, recorded):
    ledger, _ = own_files(tmp_path)
    outcome = run(NOTEBOOK, tmp_path / "own", dataset=str(tmp_path / "ledger.csv"), resamples=50)
    assert outcome.error is None, outcome.error
    own = results(tmp_path / "own" / NOTEBOOK.name).set_index("name")["value"]
    assert own["cost_to_serve"] == pytest.approx(ledger["cost"].sum(), rel=1e-5)
    assert own["profit"] == recorded["profit"], "from there on it is Harbour & Hill"


@pytest.mark.proof
def test_what_is_too_little_is_refused(tmp_path):
    ledger, _ = own_files(tmp_path)
    few = ledger[ledger["customer_id"].isin(sorted(ledger["customer_id"].unique())[:4])]
    few.to_csv(tmp_path / "few.csv", index=False)
    outcome = run(NOTEBOOK, tmp_path / "few", dataset=str(tmp_path / "few.csv"))
    assert "4 customers and" in outcome.error
    outcome = run(NOTEBOOK, tmp_path / "alone", sales_file=str(tmp_path / "sales.csv"))
    assert "sales_file goes with a ledger of your own" in outcome.error
