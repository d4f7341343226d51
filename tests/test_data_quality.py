"""Measures, duplicates, the golden record, repairs and the books of the dirty twin."""

import itertools

import numpy as np
import pandas as pd
import pytest
from helpers import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import precision_recall_curve

from crmlab import data_quality as dq
from crmlab.data.firms import simulate
from crmlab.data_quality import plots
from crmlab.data_quality.repairs import UNITS
from crmlab.runner import run

FORMATS = ["%d.%m.%Y", "%m/%d/%Y", "%d %b %Y"]
DAY = pd.Timestamp("2024-05-03")
few = settings(max_examples=40, deadline=None)  # tables are made in each


# ----------------------------------------------------------------------------------------------------------- measures


def test_measures_count_what_they_say():
    since = dq.Expected("day", low=pd.Timestamp("2000-01-01"), high=DAY, formats=FORMATS)
    phone = dq.Expected(way=r"555-\d{4}", nothing=["0"])
    held = pd.DataFrame(
        {
            "since": ["2024-05-01", "02.05.2024", "1900-01-01", "2031-01-01", "soon", None, "unknown", "3 May 2024"],
            "phone": ["555-0001", "555-0001", "(555) 0002", "0", "NA", "", " n/a ", "555-0003"],
            "amount": ["12.50", "-3", "inf", "0", "1e3", None, "1,000", "7"],
            "group": ["PB", "pb", "ID", None, "PB", "PB", "PB", "PB"],
        }
    )
    rules = {"since": since, "phone": phone, "amount": dq.Expected("number", low=0)}
    rules["group"] = dq.Expected(among=["PB", "ID"])
    table = dq.quality(held, rules)
    assert table.loc["since"].tolist() == pytest.approx([8, 6 / 8, 3 / 6, 1 / 3, 1])
    assert table.loc["phone"].tolist() == pytest.approx([8, 4 / 8, 1, 3 / 4, 3 / 4])
    assert table.loc["amount"].tolist() == pytest.approx([8, 7 / 8, 4 / 7, 1, 1])
    assert table.loc["group"].tolist() == pytest.approx([8, 7 / 8, 6 / 7, 1, 3 / 7])
    assert dq.seen(held["since"], since).tolist() == [
        "", "inconsistent", "invalid", "invalid", "invalid", "missing", "missing", "inconsistent",
    ]  # fmt: skip


def test_a_column_with_nothing_in_it_has_no_shares():
    table = dq.quality(pd.DataFrame({"a": pd.Series([None, "NA"], dtype="str")}), {"a": dq.Expected()})
    assert table.loc["a", ["rows", "completeness"]].tolist() == [2, 0]
    assert table.loc["a", ["validity", "consistency", "uniqueness"]].isna().all()


@few
@given(st.lists(st.sampled_from(["2024-05-01", "1.5.2024", "1900-01-01", "soon", "", None]), min_size=1))
def test_measures_and_what_is_seen_tell_the_same(values):
    held = pd.Series(values, dtype="str")
    rule = dq.Expected("day", low=pd.Timestamp("2000-01-01"), formats=FORMATS)
    row, seen = dq.quality(held.to_frame("day"), {"day": rule}).loc["day"], dq.seen(held, rule)
    assert row["completeness"] == pytest.approx((seen != "missing").mean())
    shares = row[["completeness", "validity", "consistency"]].fillna(1)
    assert shares.prod() == pytest.approx((seen == "").mean())


def test_the_formats_decide_what_a_day_is():
    assert dq.read_days(pd.Series(["03/04/2024"]), ["%m/%d/%Y"])[0] == pd.Timestamp("2024-03-04")
    assert dq.read_days(pd.Series(["03/04/2024"]), ["%d/%m/%Y"])[0] == pd.Timestamp("2024-04-03")
    assert dq.read_days(pd.Series(["03/04/2024", "2024-02-30"])).isna().all()


def test_timeliness_counts_a_record_without_a_day_as_not_looked_over():
    days = pd.Series(pd.to_datetime(["2024-05-03", "2023-05-04", "2023-05-03", None]))
    assert dq.timeliness(days, DAY, months=12) == 0.5


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: dq.Expected("date"), ValueError, "kind must be one of text, number, day, not 'date'"),
        (lambda: dq.quality(pd.DataFrame({"a": []}), {"b": dq.Expected()}), KeyError, "no column 'b'; it has: a"),
        (lambda: dq.timeliness(pd.Series([], dtype="datetime64[us]"), DAY, 1), ValueError, "there are no records"),
        (lambda: dq.timeliness(pd.Series(["2024-05-01"]), DAY, 1), ValueError, "looked_over must be days"),
        (
            lambda: dq.timeliness(pd.Series([DAY + pd.Timedelta(days=1)]), DAY, 1),
            ValueError,
            "1 records were looked over after 2024-05-03",
        ),
    ],
)
def test_measures_refuse_in_words(call, error, words):
    with pytest.raises(error, match=words):
        call()


# --------------------------------------------------------------------------------------------------------- duplicates


def test_what_clerks_write_each_in_their_own_way_is_the_same():
    same = ["Oakes Projects & Co", "OAKES  PROJECTS and Company.", "oakes projects + co", "Oakes, Projects (Co)"]
    assert set(dq.plain_words(pd.Series(same))) == {"oakes projects co"}
    assert dq.plain_words(pd.Series([None, "unknown", " & "])).isna().all()


def test_a_number_is_its_last_digits():
    records = pd.DataFrame({"phone": ["+1 555-0100", "(555) 0100", "0100", None], "name": "a b", "street": "1 Rd"})
    assert dq.comparable(records)["phone"].fillna("").tolist() == ["5550100", "5550100", "", ""]


keyed = st.lists(st.tuples(*[st.sampled_from(["a", "b", "c", None])] * 2), max_size=12)


@few
@given(keyed)
def test_blocking_finds_every_pair_that_shares_a_key_once(rows):
    table = pd.DataFrame(rows, columns=["one", "two"], dtype="object")
    pairs = dq.candidate_pairs(table, ["one", "two"]).to_numpy().tolist()
    shared = [
        [i, j]
        for i, j in itertools.combinations(range(len(rows)), 2)
        if any(a is not None and a == b for a, b in zip(rows[i], rows[j], strict=True))
    ]
    assert pairs == shared


def test_a_gap_neither_adds_nor_takes_away():
    table = pd.DataFrame({"name": ["oakes ltd"] * 3, "phone": ["1", None, "2"], "street": [None, None, None]})
    table["all"] = "x"
    scored = dq.pair_scores(table, dq.candidate_pairs(table, ["all"]), weight=0.3)
    assert scored["score"].tolist() == pytest.approx([1.0, 0.7, 1.0])
    assert scored["phone"].tolist() == [0, -1, 0]


def test_order_of_words_does_not_count_and_no_name_is_like_nothing():
    table = pd.DataFrame({"name": ["dray roofing", "roofing dray", None], "phone": "1", "street": None})
    scored = dq.pair_scores(table, dq.candidate_pairs(table, ["phone"]), weight=0)
    assert scored["score"].tolist() == [1, 0, 0]


scores = st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=1, max_size=30)


@few
@given(scores)
def test_thresholds_agree_with_scikit_learn(pairs):
    score = pd.Series([number / 4 for number, _ in pairs])
    match = pd.Series([yes for _, yes in pairs])
    table = dq.threshold_table(score, match).iloc[1:]
    if match.any():
        precision, recall, threshold = precision_recall_curve(match, score)
        assert table["threshold"].tolist() == threshold[::-1].tolist()
        assert table["precision"].tolist() == pytest.approx(precision[-2::-1].tolist())
        assert table["recall"].tolist() == pytest.approx(recall[-2::-1].tolist())
    else:
        assert table["recall"].isna().all()


@few
@given(scores, st.integers(0, 5), st.integers(0, 9), st.integers(0, 9))
def test_costs_are_those_of_the_errors_at_each_line(pairs, never, cost_false, cost_missed):
    score = pd.Series([float(number) for number, _ in pairs])
    match = pd.Series([yes for _, yes in pairs])
    settings = {"never_compared": never, "cost_false": cost_false, "cost_missed": cost_missed}
    for row in dq.threshold_table(score, match, **settings).itertuples():
        called = score >= row.threshold
        false, missed = (called & ~match).sum(), (~called & match).sum() + never
        assert row.cost == false * cost_false + missed * cost_missed


@few
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=12))
def test_joined_records_are_those_between_which_there_is_a_path(ties):
    index = pd.Index(range(10))
    customer = dq.one_customer(index, pd.DataFrame(ties, columns=["left", "right"], dtype="int64"))
    group = list(range(10))
    for _ in group:
        for left, right in ties:
            group[left] = group[right] = min(group[left], group[right])
    assert pd.crosstab(customer, pd.Series(group)).gt(0).sum().eq(1).all()
    assert customer.nunique() == len(set(group))


def test_a_perfect_list_has_precision_and_recall_one_and_single_records_none():
    whose = pd.Series(["a", "a", "b", "b", "b"])
    assert dq.pairs_within(whose, whose) == {"precision": 1, "recall": 1}
    alone = dq.pairs_within(pd.Series(range(5)), whose)
    assert np.isnan(alone["precision"])
    assert alone["recall"] == 0
    assert dq.pairs_within(pd.Series([0] * 5), whose) == {"precision": 0.4, "recall": 1}


TWO = pd.DataFrame({"name": ["a", "b"], "phone": [None, None], "street": [None, None]}, index=["r", "r"])


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: dq.comparable(TWO[["name"]]), KeyError, "no column 'phone'; they have: name"),
        (lambda: dq.candidate_pairs(TWO, ["name"]), ValueError, "index has a label twice: reset_index"),
        (lambda: dq.candidate_pairs(TWO.reset_index(), []), ValueError, "no key to block by"),
        (lambda: dq.pair_scores(TWO, TWO, weight=-1), ValueError, "weight must be 0 or more, not -1"),
        (
            lambda: dq.threshold_table(pd.Series([1.0]), pd.Series([], dtype=bool)),
            ValueError,
            "1 scores and 0 matches must be by the same index",
        ),
        (
            lambda: dq.threshold_table(pd.Series([np.nan]), pd.Series([True])),
            ValueError,
            "a score or a match is missing",
        ),
        (
            lambda: dq.threshold_table(pd.Series([1.0]), pd.Series([True]), cost_false=-2),
            ValueError,
            "costs must be 0 or more, not -2 and 1.0",
        ),
        (
            lambda: dq.one_customer(pd.Index(["a"]), pd.DataFrame({"left": ["a"], "right": ["z"]})),
            KeyError,
            r"the pair \['a', 'z'\] names a record that is not there",
        ),
        (lambda: dq.pairs_within(pd.Series([0]), pd.Series([0, 1])), ValueError, "must be by the same index"),
        (lambda: dq.one_customer(TWO.index, TWO), ValueError, "the index has a label twice, such as 'r'"),
    ],
)
def test_duplicates_refuse_in_words(call, error, words):
    with pytest.raises(error, match=words):
        call()


# ------------------------------------------------------------------------------------------------------ golden record


def test_bookings_tell_which_ids_go_together():
    sales = pd.Series(["S1"] * 10 + ["S2"] * 5 + ["S1", None])
    finance = pd.Series(["D1"] * 6 + ["D9"] * 4 + ["D2"] * 5 + ["D2", "D2"])
    pairs = dq.shared_bookings(sales, finance).set_index(["left", "right"])
    assert pairs.loc[("S1", "D1"), ["shared", "share"]].tolist() == [6, 1]
    assert pairs.loc[("S1", "D9"), ["shared", "share"]].tolist() == [4, 1]  # a second record of one customer
    assert pairs.loc[("S1", "D2"), ["shared", "share"]].tolist() == [1, pytest.approx(1 / 6)]  # a wrong booking


def test_each_field_comes_from_the_record_that_its_rule_trusts():
    records = pd.DataFrame(
        {
            "name": ["oakes", "oakes", "okaes", "dray"],
            "street": ["1 quay", None, "9 quay", "unknown"],
            "looked_over": pd.to_datetime(["2021-01-01", "2024-01-01", "2022-01-01", None]),
        }
    )
    whose = pd.Series([0, 0, 0, 1])
    golden = dq.golden_record(records, whose, {"name": "most frequent", "street": "newest"})
    assert golden.loc[0].tolist() == [3, "oakes", "9 quay"]  # the newest record holds no street
    assert golden.loc[1, ["records", "name"]].tolist() == [1, "dray"]
    assert pd.isna(golden.loc[1, "street"])


def test_of_equally_frequent_values_the_newest_is_taken():
    days = pd.to_datetime(["2021-01-01", "2022-01-01"])
    records = pd.DataFrame({"name": ["old", "new"], "looked_over": days})
    assert dq.golden_record(records, pd.Series([0, 0]), {"name": "most frequent"})["name"].tolist() == ["new"]


RECORDS = pd.DataFrame({"name": ["a"], "looked_over": [DAY]})


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (
            lambda: dq.shared_bookings(pd.Series(["a"]), pd.Series([])),
            ValueError,
            "left has 1 bookings, right 0: they must be by the same index",
        ),
        (
            lambda: dq.golden_record(RECORDS, pd.Series([0], index=[7]), {}),
            ValueError,
            "customer must be by the same index",
        ),
        (lambda: dq.golden_record(RECORDS, pd.Series([0]), {"phone": "newest"}), KeyError, "no column 'phone'"),
        (
            lambda: dq.golden_record(RECORDS.astype("str"), pd.Series([0]), {"name": "newest"}),
            ValueError,
            "looked_over must be days, such as read_days gives them, not text",
        ),
        (
            lambda: dq.golden_record(RECORDS, pd.Series([0]), {"name": "longest"}),
            ValueError,
            "one of newest, most frequent, not 'longest'",
        ),
    ],
)
def test_the_golden_record_refuses_in_words(call, error, words):
    with pytest.raises(error, match=words):
        call()


# ------------------------------------------------------------------------------------------------------------ repairs


cents = st.integers(1, 10**7).map(lambda number: number / 100)


@few
@given(cents, st.sampled_from(UNITS))
def test_an_amount_in_a_wrong_unit_is_found_and_put_right(amount, unit):
    faults = dq.amount_faults(pd.Series([amount * unit]), pd.Series([amount])).iloc[0]
    assert faults["kind"] == "wrong unit"
    assert faults["mended"] == pytest.approx(amount)


@few
@given(cents, st.floats(0.985, 1.015))
def test_a_small_disagreement_is_no_fault(amount, ratio):
    faults = dq.amount_faults(pd.Series([amount * ratio]), pd.Series([amount])).iloc[0]
    assert faults["kind"] == ""
    assert faults["mended"] == faults["held"]


def test_amounts_without_a_good_witness_stay_as_they_are():
    held = pd.Series(["NA", "-4", "-4", "0", "0", "12", "12"])
    said = pd.Series([np.nan, np.nan, -4.0, 0.0, 5.0, -12.0, np.nan])
    faults = dq.amount_faults(held, said)
    assert faults["kind"].tolist() == ["missing", "impossible", "", "", "missing", "", ""]  # a refund in both is none
    assert faults["mended"].fillna(-1).tolist() == [-1, -1, -4, 0, 5, 12, 12]


@few
@given(st.dates(pd.Timestamp("2023-01-01").date(), DAY.date()), st.sampled_from(FORMATS))
def test_a_day_written_otherwise_is_the_same_day(day, form):
    held, none = pd.Series([day.strftime(form)]), pd.Series([pd.NaT])
    limits = {"earliest": pd.Timestamp("2023-01-01"), "latest": DAY}
    faults = dq.day_faults(held, none, **limits, formats=FORMATS).iloc[0]
    assert (faults["kind"], faults["mended"]) == ("inconsistent", pd.Timestamp(day))


def test_a_repair_changes_its_own_kind_alone():
    faults = dq.amount_faults(pd.Series(["990", None, "-3", "7"]), pd.Series([9.9, 8.0, 3.0, 7.0]))
    assert dq.after(faults, []).equals(faults["held"])
    assert dq.after(faults, ["missing"]).fillna(0).tolist() == [990, 8, -3, 7]
    assert dq.after(faults, ["missing", "impossible", "wrong unit"]).equals(faults["mended"])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: dq.amount_faults(pd.Series(["1"]), pd.Series([1.0, 2.0])), "the same rows: 1 and 2 are given"),
        (
            lambda: dq.day_faults(pd.Series(["1"]), pd.Series([DAY]), earliest=DAY, latest=pd.Timestamp("2020-01-01")),
            "earliest, 2024-05-03, is after latest, 2020-01-01",
        ),
    ],
)
def test_repairs_refuse_in_words(call, words):
    with pytest.raises(ValueError, match=words):
        call()


# -------------------------------------------------------------------------------------------------------------- books


@pytest.fixture(scope="module")
def small():
    return simulate("harbour_and_hill", customers=60, months=18, seed=3)


@pytest.fixture(scope="module")
def dirty(small):
    return small.dirtied(seed=1)


def owner(systems):
    return systems.truth.records.set_index("record_id")["customer_id"]


def test_without_errors_no_repair_changes_anything(small):
    shares = dict.fromkeys(("duplicates", "missing", "wrong_units", "stale", "inconsistent", "misbooked"), 0.0)
    clean = small.dirtied(seed=1, **shares)
    books = dq.read_books(clean, clean.truth.records.set_index("record_id")["account_id"], FORMATS)
    assert books.cells().eq(0).all()
    held, mended = books.after(), books.after(dq.KINDS)
    for name, table in held.items():
        pd.testing.assert_frame_equal(table, mended[name])
    orders = small.orders[small.orders["delivered_on"].notna()]
    assert held["invoices"]["amount"].sum() == pytest.approx(orders["amount"].sum())
    assert held["costs"]["amount"].sum() == pytest.approx(small.ledger["cost"].sum())
    assert len(held["complaints"]) == len(small.complaints)


def test_all_repairs_bring_the_books_near_the_truth(small, dirty):
    books = dq.read_books(dirty, owner(dirty), FORMATS)
    held, mended = books.after(), books.after(dq.KINDS)
    right = small.orders.loc[small.orders["delivered_on"].notna(), "amount"].sum()
    assert held["invoices"]["amount"].sum() > 1.3 * right  # cents among the euros
    assert mended["invoices"]["amount"].sum() == pytest.approx(right, rel=0.02)
    assert mended["costs"]["amount"].sum() == pytest.approx(small.ledger["cost"].sum(), rel=0.02)
    days = mended["orders"].set_index("order_id")["day"]
    off = (days - small.orders.set_index("order_id")["ordered_on"]).dt.days.abs()
    assert off.isna().mean() < 0.01
    assert off.max() <= 14
    accounts = small.truth.accounts.set_index("account_id")["customer_id"]
    whose = small.orders.set_index("order_id")["customer_id"].map(accounts)
    ours = mended["orders"].set_index("order_id")["customer"].map(owner(dirty))
    assert (ours == whose.reindex(ours.index)).mean() > 0.99


@pytest.mark.parametrize("kind", dq.KINDS)
def test_each_repair_touches_its_own_kind_alone(dirty, kind):
    books = dq.read_books(dirty, owner(dirty), FORMATS)
    held, mended = books.after(), books.after([kind])
    about = {"duplicate": "customer", "misbooked": "customer"}.get(kind, "cells")
    for name, table in held.items():
        moved = {column for column in table if not table[column].equals(mended[name][column])}
        assert moved <= ({"customer"} if about == "customer" else {"amount", "day"})
    assert books.cells()[kind] > 0


def test_rows_of_sales_and_service_lead_to_the_account_that_pays(small, dirty):
    books = dq.read_books(dirty, owner(dirty), FORMATS)
    account = dirty.truth.records.set_index("record_id")["account_id"]
    booked = dirty.truth.orders.set_index("order_id")["booked_customer_id"]
    table = books.after()["orders"].set_index("order_id")
    assert (table["customer"].map(account) == booked.reindex(table.index)).mean() > 0.97
    assert table["customer"].notna().all()


def test_other_systems_and_unknown_records_are_refused(small, dirty):
    with pytest.raises(ValueError, match=r"of a dirty Harbour & Hill \(see dirtied\), not harbour_and_hill"):
        dq.read_books(small, pd.Series(dtype=str))
    with pytest.raises(ValueError, match="customer knows nothing of the record 'D"):
        dq.read_books(dirty, owner(dirty).iloc[:5])
    books = dq.read_books(dirty, owner(dirty), FORMATS)
    with pytest.raises(ValueError, match="no repair of 'stale'; there are: duplicate, missing"):
        books.after(["stale"])


# ----------------------------------------------------------------------------- what the chapter finds, on other draws


def linked(systems, line=1.0):
    """The customers of three systems, as chapter 01 joins them."""
    names = {"sales_id": "record_id", "service_id": "record_id", "finance_id": "record_id", "legal_name": "name"}
    lists = [systems[f"{one}_customers"].rename(columns=names) for one in ("sales", "service", "finance")]
    records = pd.concat([one.reindex(columns=["record_id", "name", "phone", "street"]) for one in lists])
    plain = dq.comparable(records.set_index("record_id"))
    scored = dq.pair_scores(plain, dq.candidate_pairs(plain, ["word_1", "word_2", "phone", "street"]))
    shared = dq.bookings_in_common(systems)
    sure = shared[(shared["share"] > 0.5) & (shared["shared"] > 2)]
    return dq.one_customer(plain.index, pd.concat([scored[scored["score"] >= line], sure])[["left", "right"]])


@pytest.mark.parametrize(
    "seed", [1, pytest.param(2, marks=pytest.mark.proof), pytest.param(3, marks=pytest.mark.proof)]
)
def test_likeness_and_bookings_find_the_customers(seed):
    firm = simulate("harbour_and_hill", seed=seed)
    systems = firm.dirtied(seed=seed + 10)
    customer, whose = linked(systems), owner(systems)
    found = dq.pairs_within(customer, whose.loc[customer.index])
    assert found["precision"] > 0.9  # one false pair joins all records of two customers
    assert found["recall"] > 0.95
    accounts = firm.truth.facts.set_index("fact").loc["three accounts, one customer", "where"].split()
    account = systems.truth.records.set_index("record_id")["account_id"]
    assert len(set(customer[account.loc[customer.index].isin(accounts)])) == 1


@pytest.mark.proof
@pytest.mark.parametrize(
    "values",
    [
        {"seed": 77, "dirt": 0.1, "audited": 20, "labelled": 50},
        {"seed": 5, "dirt": 4.0, "audited": 200, "labelled": 1000, "merge_wrongly": 0.0},
        {"programme_cost": 5000.0, "call_success": 0.01, "retention": 0.0, "lookup_cost": 0.0},
    ],
)
def test_the_chapter_runs_with_other_values(values, tmp_path):
    outcome = run(ROOT / "notebooks" / "01_data_quality.ipynb", tmp_path, **values)
    assert outcome.status == "done", outcome.error
    results = outcome.results.set_index("name")["value"]
    assert 0.8 < results["recall"] <= 1
    assert results["cost_of_dirt"] >= 0


# ----------------------------------------------------------------------------------------------------------- pictures


def test_titles_say_what_the_numbers_say():
    table = pd.DataFrame({"completeness": [1.0, 0.9], "validity": [1.0, 1.0], "consistency": [0.85, 1.0]}, ["day", "b"])
    assert plots.plot_quality(table).get_title(loc="left") == "Lowest: 85.0%, consistency of day"
    score, match = pd.Series([0.2, 0.8, 0.9, 1.0]), pd.Series([False, True, False, True])
    assert plots.plot_scores(score, match, 0.85).get_title(loc="left").endswith("1 true pairs below it, 1 false above")


@pytest.mark.parametrize(("cost_false", "cost_missed", "line"), [(1, 1, "1.00"), (0, 50, "0.80"), (1000, 1, "1.00")])
def test_the_cheapest_line_moves_with_the_costs(cost_false, cost_missed, line):
    score, match = pd.Series([0.2, 0.8, 0.9, 1.0]), pd.Series([False, True, False, True])
    ax = plots.plot_error_costs(score, match, cost_false, cost_missed)
    assert ax.get_title(loc="left").endswith(f"with the line at {line}")
    assert min(ax.lines[0].get_ydata()) >= 0


def test_gains_are_drawn_with_their_intervals_and_the_truth():
    gains = pd.DataFrame({"gain": [1.0, 3.0], "low": [0.5, 2.0], "high": [2.0, 4.0]}, ["a", "b"])
    ax = plots.plot_gains(gains, "EUR", truth=pd.Series({"a": 1.5, "b": 2.5}))
    assert [text.get_text() for text in ax.get_yticklabels()] == ["a", "b"]
    marks = next(line for line in ax.lines if line.get_marker() == "D")
    assert marks.get_xdata().tolist() == [1.5, 2.5]
