"""Churn: tables as known on a day, rows of customer and period, leaks, profit at each depth."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from crmlab.data.firms import load
from crmlab.retention.churn import auc_alone, known_before, leaking_columns, person_periods, profit_by_depth

DATES = {
    "orders": {"ordered_on": []},
    "complaints": {"opened_on": [], "resolved_on": ["recovered", "compensation"]},
    "defections": {"noticed_on": []},
}
DAYS = pd.date_range("2023-07-03", periods=10, freq="91D")  # of Harbour & Hill: each quarter, up to the last


@pytest.fixture(scope="module")
def tables():
    firm = load("harbour_and_hill")
    return {name: firm[name] for name in DATES}


def features(tables, day):
    known = known_before(tables, day, DATES)
    orders, complaints = known["orders"], known["complaints"]
    gone = known["defections"]["customer_id"]
    recent = orders[orders["ordered_on"] >= day - pd.Timedelta(weeks=13)]
    vain = complaints[~complaints["recovered"].fillna(False)]
    table = orders.groupby("customer_id").agg(last=("ordered_on", "max"), all=("amount", "sum"))
    table["recent"], table["in_vain"] = recent["customer_id"].value_counts(), vain["customer_id"].value_counts()
    return table.drop(gone, errors="ignore").fillna({"recent": 0, "in_vain": 0})


def gone_since(tables):
    return tables["defections"].set_index("customer_id")["noticed_on"] - pd.Timedelta(weeks=13)


# ----------------------------------------------------------------------------------------------------- what was known


def test_a_complaint_is_known_from_its_opening_and_its_end_from_its_closing(tables):
    day, complaints = pd.Timestamp("2024-07-01"), tables["complaints"].set_index("complaint_id")
    known = known_before(tables, day, DATES)["complaints"].set_index("complaint_id")
    assert sorted(known.index) == sorted(complaints.index[complaints["opened_on"] < day])
    open_then = ~(complaints.loc[known.index, "resolved_on"] < day)
    assert open_then.any()
    for column in ("resolved_on", "recovered", "compensation"):
        assert known[column].isna().equals(open_then)
        assert (known.loc[~open_then, column] == complaints.loc[known.index, column][~open_then]).all()
    assert known["category"].notna().all()


def test_what_came_on_the_day_itself_is_not_known():
    days = pd.to_datetime(["2025-02-02", "2025-02-03", "2025-02-04"])
    letters = pd.DataFrame({"sent_on": days[[0, 0, 0, 1]], "answered_on": days[[0, 1, 2, 1]], "score": [7, 7, 7, 7]})
    dates = {"letters": {"sent_on": [], "answered_on": ["score"]}}
    known = known_before({"letters": letters}, "2025-02-03", dates)["letters"]
    assert known["score"].fillna(0).tolist() == [7, 0, 0]


def test_what_is_cut_twice_is_cut_once(tables):
    once = known_before(tables, "2024-07-01", DATES)
    twice = known_before(known_before(once, "2025-01-01", DATES), "2024-07-01", DATES)
    for name in DATES:
        pd.testing.assert_frame_equal(once[name], twice[name])


def test_cutting_changes_no_table_that_was_given(tables):
    before = {name: table.copy() for name, table in tables.items()}
    known_before(tables, "2024-07-01", DATES)
    for name in DATES:
        pd.testing.assert_frame_equal(before[name], tables[name])


def test_whole_numbers_that_come_later_can_be_missing():
    table = pd.DataFrame({"sent_on": pd.to_datetime(["2025-01-01"]), "answered_on": [pd.NaT], "score": [7]})
    known = known_before({"letters": table}, "2025-02-01", {"letters": {"sent_on": [], "answered_on": ["score"]}})
    assert known["letters"]["score"].dtype == "Int64"
    assert known["letters"]["score"].isna().all()


@pytest.mark.parametrize(
    ("dates", "message"),
    [
        ({"visits": {"date": []}}, "dates names the table 'visits'; there are 'orders', 'complaints', 'defections'"),
        ({"orders": {}}, "orders: dates must name the column that says when a row was written"),
        ({"orders": {"came_on": []}}, "orders has no column 'came_on', which dates names"),
        ({"orders": {"ordered_on": [], "delivered_on": ["weight"]}}, "orders has no column 'weight'"),
    ],
)
def test_days_that_are_not_there_are_refused(tables, dates, message):
    with pytest.raises(ValueError, match=message):
        known_before(tables, "2024-07-01", dates)


# ------------------------------------------------------------------------------------------------- customer and period


def test_who_leaves_does_so_in_one_period_and_all_are_found_who_had_ordered_before_it(tables):
    rows = person_periods(features, tables, DAYS, gone_since(tables), now="2025-12-29")
    left = rows[rows["left"].fillna(False)]
    assert left["customer_id"].is_unique
    since = gone_since(tables)
    begun = DAYS[np.searchsorted(DAYS, since, side="right") - 1]
    first = tables["orders"].groupby("customer_id")["ordered_on"].min().reindex(since.index)
    within = since[(since >= DAYS[0]) & (since < "2025-09-29") & (first < begun)]
    assert len(within) > 60
    assert sorted(left["customer_id"]) == sorted(within.index)
    went = left["customer_id"].map(since)
    assert ((went >= left["as_of"]) & (went < left["as_of"] + pd.Timedelta(weeks=13))).all()


def test_an_outcome_that_is_not_known_yet_is_blank(tables):
    rows = person_periods(features, tables, DAYS, gone_since(tables), now="2025-12-29")
    assert rows["left"].isna().equals(rows["known_on"] > pd.Timestamp("2025-12-29"))
    assert rows["left"].isna().any()
    assert (rows["known_on"] == rows["as_of"] + pd.Timedelta(weeks=26)).all()


def test_who_left_unnoticed_is_there_and_does_not_leave_again(tables):
    rows = person_periods(features, tables, DAYS, gone_since(tables), now="2025-12-29")
    unnoticed = rows["customer_id"].map(gone_since(tables)) < rows["as_of"]
    assert unnoticed.sum() > 50
    assert not rows.loc[unnoticed, "left"].fillna(False).any()


@settings(max_examples=20)
@given(st.lists(st.integers(0, 60), min_size=1, max_size=12), st.integers(1, 20))
def test_leavers_are_counted_once_whatever_the_length_of_the_period(weeks_until, weeks):
    start = pd.Timestamp("2024-01-01")
    left_on = pd.Series([start + pd.Timedelta(weeks=w) for w in weeks_until])
    days = pd.date_range(start, "2025-03-31", freq=f"{7 * weeks}D")[:30]
    rows = person_periods(
        lambda tables, day: pd.DataFrame({"one": 1}, index=left_on.index),
        {}, days, left_on, now="2030-01-07", weeks=weeks, noticed_after=0,
    )  # fmt: skip
    end = days[-1] + pd.Timedelta(weeks=weeks)
    assert rows["left"].sum() == (left_on < end).sum()


def test_periods_without_sense_are_refused(tables):
    left_on = gone_since(tables)
    for days in ([], ["2024-04-01", "2024-01-01"], ["2024-01-01", "2024-01-01"], ["2026-02-01"]):
        with pytest.raises(ValueError, match="days must be one day or more, each before the next, and none after now"):
            person_periods(features, tables, days, left_on, now="2025-12-29")
    with pytest.raises(ValueError, match="weeks must be 1 or more and noticed_after 0 or more, not 0 and 13"):
        person_periods(features, tables, DAYS, left_on, now="2025-12-29", weeks=0)
    twice = pd.concat([left_on, left_on.iloc[:1]])
    with pytest.raises(ValueError, match=f"left_on holds '{left_on.index[0]}' twice"):
        person_periods(features, tables, DAYS, twice, now="2025-12-29")
    with pytest.raises(ValueError, match=r"the features of 2023-07-03 hold 'C\d+' twice: index them by customer"):
        person_periods(lambda t, day: t["orders"].set_index("customer_id"), tables, DAYS, left_on, now="2025-12-29")
    with pytest.raises(ValueError, match="the features hold a column 'left'"):
        person_periods(lambda t, day: features(t, day).assign(left=1), tables, DAYS, left_on, now="2025-12-29")


# ------------------------------------------------------------------------------------------------------------- leaks

LEAKS = {  # columns that know the future, each of its own kind
    "last_order_on": lambda t: t["defections"].set_index("customer_id")["last_order_on"],
    "noticed": lambda t: t["defections"].set_index("customer_id")["noticed_on"].notna(),
    "orders_in_all": lambda t: t["orders"]["customer_id"].value_counts(),
    "compensated": lambda t: t["complaints"].groupby("customer_id")["compensation"].sum(),
    "days_to_resolve": lambda t: (
        (t["complaints"]["resolved_on"] - t["complaints"]["opened_on"])
        .dt.days.groupby(t["complaints"]["customer_id"])
        .mean()
    ),
}


def test_features_from_what_was_known_do_not_leak(tables):
    for day in DAYS[::3]:
        assert leaking_columns(features, tables, DATES, day).empty


@pytest.mark.parametrize("leak", LEAKS)
def test_a_planted_leak_is_found_and_nothing_else(tables, leak):
    def careless(tables, day):
        return features(tables, day).assign(**{leak: LEAKS[leak](tables)})

    found = leaking_columns(careless, tables, DATES, "2024-07-01")
    assert found.index.tolist() == [leak]
    assert found[leak] > 10


def test_an_end_that_was_not_known_is_a_leak_though_its_row_was(tables):
    day = pd.Timestamp("2024-07-01")

    def careless(tables, day):  # cuts the rows, but not the columns that are filled in later
        cut = tables["complaints"][tables["complaints"]["opened_on"] < day]
        return features(tables, day).assign(closed=cut["resolved_on"].notna().groupby(cut["customer_id"]).sum())

    found = leaking_columns(careless, tables, DATES, day)
    complaints = tables["complaints"]
    open_then = complaints[(complaints["opened_on"] < day) & (complaints["resolved_on"] >= day)]
    assert found.to_dict() == {"closed": open_then["customer_id"].nunique()}


def test_customers_chosen_by_what_came_later_are_a_leak(tables):
    def careless(tables, day):
        return features(tables, day).drop(tables["defections"]["customer_id"], errors="ignore")

    known, later = (tables["defections"]["noticed_on"] < "2024-07-01"), tables["defections"]["noticed_on"]
    there = features(tables, pd.Timestamp("2024-07-01")).index
    expected = tables["defections"].loc[~known & later.notna(), "customer_id"].isin(there).sum()
    found = leaking_columns(careless, tables, DATES, "2024-07-01")
    assert found.to_dict() == {"who is in the table": expected}


def test_a_column_that_is_there_only_with_the_future_leaks_wholly(tables):
    def careless(tables, day):
        late = (tables["orders"]["ordered_on"] > day).any()
        return features(tables, day).assign(**({"future": 1} if late else {}))

    found = leaking_columns(careless, tables, DATES, "2024-07-01")
    assert found["future"] == len(features(tables, pd.Timestamp("2024-07-01")))


def test_a_table_without_days_is_refused(tables):
    with pytest.raises(ValueError, match="dates does not name the table 'ratings': say when its rows were written"):
        leaking_columns(features, tables | {"ratings": tables["orders"]}, DATES, "2024-07-01")


def test_a_leak_that_no_day_shows_stands_out_alone(tables):
    rows = person_periods(features, tables, DAYS[:8], gone_since(tables), now="2025-12-29")
    planted = rows.assign(last_order_on=rows["customer_id"].map(LEAKS["last_order_on"](tables)))
    auc = auc_alone(planted[["recent", "all", "in_vain", "last_order_on"]], rows["left"])
    assert auc.index[0] == "last_order_on"
    assert auc.iloc[0] > 0.8 > 0.7 > auc.iloc[1]


@given(st.lists(st.tuples(st.booleans(), st.integers(-3, 3)), min_size=2, max_size=30))
def test_a_column_alone_is_judged_as_scikit_learn_does_in_either_direction(rows):
    left, value = (np.array(column) for column in zip(*rows, strict=True))
    if left.all() or not left.any():
        with pytest.raises(ValueError, match=f"left is {left[0]} in all {len(left)} rows"):
            auc_alone(pd.DataFrame({"x": value}), left)
        return
    auc = auc_alone(pd.DataFrame({"x": value, "less": -value, "same": 1}), left)
    known = roc_auc_score(left, value)
    assert auc["x"] == pytest.approx(max(known, 1 - known))
    assert auc["less"] == pytest.approx(auc["x"])
    assert auc["same"] == 0.5


def test_what_is_missing_counts_as_lower_than_all_else():
    table = pd.DataFrame({"last": pd.to_datetime([None, "2025-01-02", "2025-01-09"])})
    assert auc_alone(table, [True, False, False])["last"] == 1
    assert auc_alone(table, [False, True, False])["last"] == 0.5  # between the two; were it higher, it would be 1


# ----------------------------------------------------------------------------------------------------- profit and lift


def test_a_list_reckoned_by_hand():
    # Four customers; the first and third leave. 100 a customer, half are kept, 20 an answer.
    table = profit_by_depth([4, 3, 2, 1], [True, False, True, False], 100.0, 20.0, 0.5).loc[[0.25, 0.5, 0.75, 1.0]]
    assert table["answered"].tolist() == [1, 2, 3, 4]
    assert table["captured"].tolist() == [0.5, 0.5, 1, 1]
    assert table["lift"].tolist() == pytest.approx([2, 1, 4 / 3, 1])
    assert table["profit"].tolist() == [30, 10, 40, 20]


def test_value_cost_and_share_can_differ_by_customer():
    table = profit_by_depth([2, 1], [True, False], [100.0, 900.0], [10.0, 30.0], [0.5, 1.0])
    assert table["profit"].loc[[0.5, 1.0]].tolist() == [40, 10]


customers = st.lists(
    st.tuples(st.integers(0, 5), st.booleans(), st.integers(-500, 2000), st.integers(0, 9)), min_size=2, max_size=40
).filter(lambda rows: 0 < sum(left for _, left, *_ in rows) < len(rows))


def arrays(rows):
    score, left, value, cost = (np.array(column) for column in zip(*rows, strict=True))
    return score, left, value, cost


@given(customers)
def test_what_is_captured_never_falls_and_the_whole_list_has_a_lift_of_1(rows):
    score, left, value, cost = arrays(rows)
    table = profit_by_depth(score, left, value, cost, 0.3)
    assert table["captured"].between(0, 1 + 1e-12).all()
    assert (table["captured"].diff().dropna() >= -1e-12).all()
    assert (table["answered"].diff().dropna() >= 0).all()
    whole = table.loc[1.0]
    assert whole["answered"] == len(rows)
    assert whole["lift"] == pytest.approx(1)
    assert whole["profit"] == pytest.approx((0.3 * value * left - cost).sum())


@given(customers)
def test_no_score_captures_sooner_than_the_outcome_itself(rows):
    score, left, value, cost = arrays(rows)
    perfect = profit_by_depth(left.astype(float), left, value, cost, 0.3)
    earliest = np.minimum(perfect["answered"] / left.sum(), 1)
    np.testing.assert_allclose(perfect["captured"], earliest)
    given_score = profit_by_depth(score, left, value, cost, 0.3)
    assert (given_score["captured"] <= perfect["captured"] + 1e-12).all()


@given(customers, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_changes_nothing(rows, random):
    shuffled = random.sample(rows, len(rows))
    one, other = (profit_by_depth(*arrays(some), 0.3) for some in (rows, shuffled))
    pd.testing.assert_frame_equal(one, other)


@given(customers)
def test_a_score_that_tells_nothing_has_a_lift_of_1_and_a_share_of_the_whole_profit(rows):
    _, left, value, cost = arrays(rows)
    table = profit_by_depth(np.zeros(len(rows)), left, value, cost, 0.3)
    np.testing.assert_allclose(table["lift"], 1)
    whole = table["profit"].iloc[-1]
    np.testing.assert_allclose(table["profit"], whole * table["answered"] / len(rows), atol=1e-9)


@given(customers)
def test_equal_scores_count_as_the_mean_over_their_orders(rows):
    rows = [(0, *rest) for _, *rest in rows[:4]]
    if not 0 < sum(left for _, left, *_ in rows) < len(rows):
        return
    _, left, value, cost = arrays(rows)
    turned = [np.roll(np.arange(len(rows)), turn) for turn in range(len(rows))]
    broken = [profit_by_depth(-turn, left, value, cost, 0.3)["profit"] for turn in turned]
    tied = profit_by_depth(np.zeros(len(rows)), left, value, cost, 0.3)["profit"]
    np.testing.assert_allclose(np.mean(broken, axis=0), tied, atol=1e-9)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"score": []}, "score must hold one number for each customer, of one customer or more"),
        ({"score": [0.1, np.nan, 0.3]}, "score must be a number for each customer; row 2 holds nan"),
        ({"left": [True, False]}, "left must be true or false for each of the 3 rows; it holds 2"),
        ({"left": [1, 0, 1]}, "left must be true or false for each of the 3 rows; it holds 3 Int64"),
        ({"left": [False, False, False]}, "left is False in all 3 rows: there is nothing to tell apart"),
        ({"left": np.ones(3, bool)}, "left is True in all 3 rows: there is nothing to tell apart"),
        ({"left": pd.array([True, pd.NA, False])}, "left is missing in 1 rows: leave out periods that are not over"),
        ({"value": [1.0, 2.0]}, "there are 3 scores, but value holds 2 numbers"),
        ({"value": [1.0, np.inf, 2.0]}, "value must be a number for each customer; row 2 holds inf"),
        ({"cost": -1.0}, "cost must be 0 or more, and saved_share from 0 to 1"),
        ({"saved_share": 1.2}, "cost must be 0 or more, and saved_share from 0 to 1"),
    ],
)
def test_a_list_without_sense_is_refused(changed, message):
    given = {"score": [0.1, 0.2, 0.3], "left": [True, False, False], "value": 10.0, "cost": 1.0, "saved_share": 0.5}
    with pytest.raises(ValueError, match=message):
        profit_by_depth(**(given | changed))
