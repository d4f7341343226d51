"""The pictures of chapter 06, and what its sliders draw."""

import pandas as pd
import pytest
from matplotlib import pyplot

from crmlab.service_priority import plots, priority_waits


@pytest.fixture(autouse=True)
def closed():
    yield
    pyplot.close("all")


def title(ax):
    return ax.get_title(loc="left")


# ------------------------------------------------------------------------------------------------------------ pictures


def test_a_line_joins_the_places_of_an_item_and_the_farthest_movers_have_a_colour():
    places = pd.DataFrame({"product": [1, 2, 3, 4], "money": [1, 4, 2, 3]}, index=list("ABCD"))
    ax = plots.plot_rank_changes(places)
    assert title(ax) == "3 of 4 change place from rule to rule; B stands 2 to 4"
    assert [line.get_ydata().tolist() for line in ax.lines] == [[1, 1], [2, 4], [3, 2], [4, 3]]
    assert len({line.get_color() for line in ax.lines}) == 4  # A is grey
    assert ax.get_ylim()[0] > ax.get_ylim()[1]  # place 1 is on top


def test_equal_places_lie_apart_and_one_order_has_no_mover():
    ax = plots.plot_rank_changes(pd.DataFrame({"one": [1, 1, 3], "other": [1, 1, 3]}, index=list("ABC")))
    assert title(ax) == "0 of 3 change place from rule to rule"
    starts = [line.get_ydata()[0] for line in ax.lines]
    assert len(set(starts)) == 3


def test_the_harm_is_drawn_beside_harm_in_proportion():
    ends = pd.DataFrame({"lost": [0.5, 3.0], "low": [0.0, 2.0], "high": [1.0, 4.0]}, index=["half", "all"])
    kinds = pd.DataFrame({"missing": [0.3, 1.0], "lost": [0.4, 3.1], "low": [-0.5, 2.0], "high": [1.0, 4.0]})
    ax = plots.plot_harm(ends, kinds)
    assert title(ax) == "All missing loses 3.0 weeks of orders, half missing 0.5"
    bent, straight = (line.get_xydata().tolist() for line in ax.lines[:2])
    assert (bent, straight) == ([[0, 0], [50, 0.5], [100, 3]], [[0, 0], [100, 3]])


def test_parts_of_one_sign_are_stacked_and_parts_of_two_lie_on_either_side():
    gains = {
        "by rating": pd.DataFrame({"now": [1000.0, -500.0], "later": [2000.0, 1500.0]}, index=["A", "B"]),
        "shares": pd.DataFrame({"now": [0.0, 100.0], "later": [0.0, -300.0]}, index=["A", "B"]),
    }
    ax = plots.plot_who_pays(gains, against="today")
    assert title(ax) == "by rating against today, EUR a year: A +3,000, B +1,000"
    now_a, later_a, _, later_b = ax.containers[:4]
    assert [(bar.get_y(), bar.get_height()) for bar in now_a] == [(0, 1), (0, 0)]
    assert [(bar.get_y(), bar.get_height()) for bar in later_a] == [(1, 2), (0, 0)]
    assert [(bar.get_y(), bar.get_height()) for bar in later_b] == [(0, 1.5), (0, -0.3)]
    assert [line.get_ydata().tolist() for line in ax.lines[:2]] == [[3, 0], [1, pytest.approx(-0.2)]]


# ------------------------------------------------------------------------------------------------------------- sliders

ARRIVALS, MINUTES = {"A": 4.0, "B": 4.0, "C": 2.0}, {"A": 10.0, "B": 10.0, "C": 10.0}


@pytest.mark.parametrize("strict", [0.0, 0.5, 1.0])
def test_the_waits_mix_strict_service_and_service_in_turn(strict):
    ax = plots.plot_waits(ARRIVALS, MINUTES, 0.5, strict)
    table = priority_waits([0.02, 0.02, 0.01], 0.1)
    wanted = strict * table["wait"] + (1 - strict) * table["first_come"]
    assert [bar.get_height() for bar in ax.patches] == pytest.approx(wanted.tolist())
    gained, paid = 10 - wanted.iloc[0], wanted.iloc[-1] - 10
    assert title(ax) == f"A waits {abs(gained):.1f} minutes less, C {abs(paid):.1f} more"
    even = plots.plot_waits(ARRIVALS, MINUTES, 0.5, strict, cv2=dict.fromkeys("ABC", 0.0))
    assert [bar.get_height() for bar in even.patches] == pytest.approx((wanted / 2).tolist())  # half the rest of a job


@pytest.mark.parametrize("load", [0.1, 0.5, 0.95])
def test_the_waits_hold_the_load_whatever_the_unit_of_the_arrivals(load):
    heights = [
        [bar.get_height() for bar in plots.plot_waits(arrivals, MINUTES, load).patches]
        for arrivals in (ARRIVALS, {name: 1000 * rate for name, rate in ARRIVALS.items()})
    ]
    assert heights[0] == pytest.approx(heights[1])
    assert sum(rate * wait for rate, wait in zip((4, 4, 2), heights[0], strict=True)) / 10 == pytest.approx(
        10 * load / (1 - load)
    )


def floors():
    return pd.DataFrame(
        {"now": [0.0, 100.0, 150.0], "half": [0.0, -600.0, -1200.0], "all": [0.0, 500.0, 700.0]}, index=[0.0, 0.5, 1.0]
    )


@pytest.mark.parametrize(("half", "best", "brings"), [(0.0, "100%", 1550), (0.4, "50%", 620), (0.8, "50%", 140)])
def test_the_best_floor_depends_on_the_harm_of_half(half, best, brings):
    ax = plots.plot_floors(floors(), half, 2.0)
    assert title(ax) == f"If half missing does {half:.0%} of the harm: best floor {best}, {brings:+,} EUR a year"
    total, now = (line.get_ydata() for line in ax.lines[:2])
    assert total[0] == now[0] == 0
    assert max(total) == pytest.approx(brings / 1000)


@pytest.mark.parametrize(("weeks", "brings"), [(0.0, 150), (1.0, 850), (4.0, 2950)])
def test_the_gain_grows_with_the_weeks_that_are_lost(weeks, brings):
    assert title(plots.plot_floors(floors(), 0.0, weeks)).endswith(f"{brings:+,} EUR a year")
