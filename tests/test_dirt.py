"""The dirty twin of a simulated firm: three systems, their errors, and the truth that undoes them."""

import re
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from scipy import stats

from crmlab.data import contracts
from crmlab.data.firms import simulate
from crmlab.data.firms.dirt import schemas as dirt_schemas
from crmlab.data.firms.dirt import words as dirt_words
from crmlab.data.firms.dirt.twin import KINDS, _systems, dirtied
from crmlab.data.firms.firm import csv_bytes

NONE = dict.fromkeys(("duplicates", "missing", "wrong_units", "stale", "inconsistent", "misbooked"), 0)
MADE = {  # the kinds that a share is of
    "duplicates": ["duplicate"], "missing": ["missing", "impossible"], "wrong_units": ["wrong unit"],
    "stale": ["stale"], "inconsistent": ["inconsistent"], "misbooked": ["misbooked"],
}  # fmt: skip
FIRMS = {"harbour_and_hill": {"customers": 40, "months": 6}, "tern_mobile": {"customers": 120, "months": 6}}

shares = st.fixed_dictionaries(dict.fromkeys(NONE, st.floats(0, 1 / 3)))
seeds = st.integers(0, 2**63 - 1)
laws = settings(max_examples=20, deadline=None)


@pytest.fixture(scope="module", autouse=True)
def _contracts():
    """The contracts of the dirty twins, until the package knows them."""
    known = {schema.name: schema for schema in dirt_schemas.TABLES}
    missing = known.keys() - contracts._schemas().keys()
    contracts._schemas().update({name: known[name] for name in missing})
    yield
    for name in missing:
        del contracts._schemas()[name]


@pytest.fixture(scope="module", params=FIRMS)
def firm(request):
    return simulate(request.param, seed=5, **FIRMS[request.param])


@pytest.fixture(scope="module")
def harbour():
    return simulate("harbour_and_hill", customers=240, months=12)


@pytest.fixture(scope="module")
def dirty(harbour):
    return dirtied(harbour, 1)


@pytest.fixture(scope="module")
def clean(harbour):
    return dirtied(harbour, 9, **NONE)


def key(dirty, table):
    return contracts.key_of(f"{dirty.draw.firm}.{table}")[0]


def registers(dirty):
    """The tables of customers, by system."""
    return {name.split("_")[0]: name for name in dirty if name.endswith(("_customers", "_lines"))}


def undone(dirty):
    """The tables with every error undone, from the truth alone."""
    errors = dirty.truth.errors
    tables = {}
    for name in set(dirty) - {"codes"}:
        table = dirty[name].set_index(key(dirty, name), drop=False)
        for column, part in errors[(errors["table"] == name) & (errors["column"] != table.index.name)].groupby(
            "column"
        ):
            table.loc[part["record_id"], column] = part["right"].to_numpy()
        tables[name] = table.reset_index(drop=True)
    for system, register in registers(dirty).items():
        own = key(dirty, register)
        again = errors[(errors["table"] == register) & (errors["column"] == own)].set_index("held")["right"]
        tables[register] = tables[register][~tables[register][own].isin(again.index)].reset_index(drop=True)
        for name in tables:
            if name.startswith(system) and name != register:
                tables[name][own] = tables[name][own].replace(again)
    return tables


def account_of(dirty, system):
    """The account behind each id of a system."""
    records = dirty.truth.records
    return records[records["system"] == system].set_index("record_id")["account_id"]


def all_bytes(dirty):
    return {
        (place, name): csv_bytes(tables[name])
        for place, tables in (("", dirty), ("truth", dirty.truth))
        for name in tables
    }


# --- clean systems ---


def test_without_dirt_the_systems_merge_back_to_the_firm(harbour, clean):
    assert clean.truth.errors.empty
    merged = []
    for system in ("sales", "service", "finance"):
        table = clean[f"{system}_customers"]
        table = table.set_index(table[f"{system}_id"].map(account_of(clean, system)))
        for (name, what), codes in clean.codes.groupby(["system", "what"]):
            for column in {what, f"{what}_code"} & set(table) if name == system else ():
                table[what] = table[column].map(codes.set_index("code")["meaning"])
        merged.append(table.sort_index())
    sales, service, finance = merged
    assert sales["depot"].tolist() == service["depot"].tolist() == finance["depot"].tolist()
    assert sales["region"].tolist() == service["region"].tolist()
    assert sales["group"].tolist() == finance["group"].tolist()
    assert sales["street"].tolist() == finance["street"].tolist()
    whole = sales.rename(columns={"customer_since": "acquired_on"}).assign(
        acquisition_cost=finance["acquisition_cost"].astype(float),
        discount=(finance["discount_percent"].astype(float) / 100).round(3),
        acquired_on=lambda t: pd.to_datetime(t["acquired_on"]).astype("datetime64[us]"),
    )
    whole = whole.rename_axis("customer_id").reset_index()
    pd.testing.assert_frame_equal(whole[harbour.customers.columns], harbour.customers, check_index_type=False)


@pytest.mark.parametrize(
    ("table", "system", "own", "days"),
    [
        ("sales_orders", "sales", "orders", ["ordered_on"]),
        ("service_complaints", "service", "complaints", ["opened_on"]),
        ("service_calls", "service", "calls", ["called_on"]),
        ("finance_costs", "finance", "ledger", []),
    ],
)
def test_without_dirt_the_bookings_are_the_firms(harbour, clean, table, system, own, days):
    held = clean[table]
    held = held.assign(customer_id=held[f"{system}_id"].map(account_of(clean, system)))
    held = held.assign(**{day: pd.to_datetime(held[day]).astype("datetime64[us]") for day in days})
    for column in {"amount", "compensation", "minutes", "cost"} & set(held):
        held[column] = held[column].astype(float)
    columns = [column for column in harbour[own] if column in held]
    assert len(columns) >= 4
    pd.testing.assert_frame_equal(held[columns], harbour[own][columns])


def test_each_delivered_order_is_invoiced(harbour, clean):
    invoices = clean.finance_invoices
    delivered = harbour.orders.dropna(subset="delivered_on")
    assert invoices["order_id"].tolist() == delivered["order_id"].tolist()
    assert invoices["amount"].astype(float).tolist() == delivered["amount"].tolist()
    assert pd.to_datetime(invoices["invoiced_on"]).tolist() == delivered["delivered_on"].tolist()


def test_three_accounts_of_one_customer_stay_three_records(harbour, clean):
    accounts = harbour.truth.accounts
    assert accounts["customer_id"].value_counts().max() == 3
    for _, records in clean.truth.records.groupby("system"):
        whose = records.set_index("account_id")["customer_id"]
        assert whose[accounts["account_id"]].tolist() == accounts["customer_id"].tolist()


def test_a_person_with_several_lines_is_several_records():
    dirty = dirtied(simulate("tern_mobile", **FIRMS["tern_mobile"]), 9, **NONE)
    person = dirty.truth.records.set_index("record_id")["customer_id"]
    lines = dirty.sales_lines.assign(person=dirty.sales_lines["sales_id"].map(person))
    assert lines["phone"].is_unique
    assert 5 < len(lines) - lines["person"].nunique() < 40
    assert (lines.groupby("person")[["name", "street"]].nunique().max() == 1).all()


# --- laws ---


@given(seed=seeds, shares=shares)
@settings(max_examples=3, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])  # each takes a second
def test_laws_of_dirt(firm, seed, shares):
    dirty, clean = dirtied(firm, seed, **shares), dirtied(firm, seed, **NONE)
    every_error_can_be_undone(dirty, clean)
    errors_are_where_the_truth_says(dirty)
    contracts_hold_and_records_add_up(dirty)
    shares_are_held_within_chance(firm, dirty, clean, shares)


def test_everything_at_once_can_be_undone(firm):
    """Shares of 1 crowd each other out, but each error stays known."""
    dirty, clean = dirtied(firm, 2, **dict.fromkeys(NONE, 1)), dirtied(firm, 2, **NONE)
    every_error_can_be_undone(dirty, clean)
    errors_are_where_the_truth_says(dirty)
    contracts_hold_and_records_add_up(dirty)


def every_error_can_be_undone(dirty, clean):
    for name, table in undone(dirty).items():
        pd.testing.assert_frame_equal(table, clean[name])


def errors_are_where_the_truth_says(dirty):
    errors = dirty.truth.errors.fillna("")
    assert (errors["held"] != errors["right"]).all()
    for (name, column), part in errors.groupby(["table", "column"]):
        held = dirty[name].set_index(key(dirty, name), drop=False).loc[part["record_id"], column]
        assert held.fillna("").tolist() == part["held"].tolist()


def contracts_hold_and_records_add_up(dirty):
    dirty.check()
    for name in {"records", "errors", "orders", "bills"} & set(dirty.truth):
        contracts.check(dirty.truth[name], f"{dirty.draw.firm}.truth.{name}")
    errors = dirty.truth.errors
    for system, register in registers(dirty).items():
        own = key(dirty, register)
        again = errors[(errors["table"] == register) & (errors["column"] == own)]
        accounts = account_of(dirty, system)
        assert sorted(accounts.index) == sorted(dirty[register][own])
        assert len(accounts) == dirty.draw.customers + len(again)
        assert accounts.nunique() == dirty.draw.customers
        assert accounts[again["held"]].tolist() == accounts[again["right"]].tolist()


def befallen(systems):
    """Each table, column and share that there is."""
    for source in (*systems.registers, *systems.bookings):
        yield from ((source.name, column, share) for column, cell in source.cells.items() for share in cell.kinds())
    yield from ((register.name, register.key, "duplicates") for register in systems.registers)
    yield from ((books.name, f"{books.system}_id", "misbooked") for books in systems.bookings if books.misbooked)


def shares_are_held_within_chance(firm, dirty, clean, shares):
    """By column: no count so far from its binomial mean that chance would bring it once in a billion times."""
    kinds = dirty.truth.errors.groupby(["table", "column"])["kind"].value_counts()
    for name, column, share in befallen(_systems(firm)):
        counts = kinds.get((name, column), pd.Series(dtype=int))
        found = counts.reindex(MADE[share], fill_value=0).sum()
        expected = shares[share] * (0.5 if name == "finance_invoices" and share == "misbooked" else 1)
        differ = counts.get("duplicate", 0)  # cells of second records, which no other kind befalls
        cells = len(clean[name]) if share == "duplicates" else len(dirty[name]) - differ
        # An amount of 0 has no wrong unit and no sign; an address may move to itself.
        zeros = 2 * (pd.to_numeric(clean[name][column], errors="coerce") == 0).sum()
        low = stats.binom.cdf(found, max(cells - zeros, 0), 0.95 * expected)
        high = stats.binom.sf(found - 1, cells, expected)
        assert min(low, high) > 1e-9, (name, column, share)


def test_raising_one_kind_leaves_the_others_where_they_are(firm):
    shares = dict(zip(NONE, (0.1, 0.05, 0.1, 0.15, 0.2, 0.1), strict=True))
    before = dirtied(firm, 11, **shares)
    old, known = before.truth.errors.fillna(""), set(before.truth.records["record_id"])
    for raised, kinds in MADE.items():
        after = dirtied(firm, 11, **{**shares, raised: 1 / 3})
        new, entered = after.truth.errors.fillna(""), set(after.truth.records["record_id"]) - known
        assert set(old.itertuples(index=False, name=None)) <= set(new.itertuples(index=False, name=None))
        assert raised == "duplicates" or not entered
        assert new["kind"].isin(kinds).sum() > 1.5 * old["kind"].isin(kinds).sum()
        both = new[~new["record_id"].isin(entered)].merge(old, how="left", indicator=True)
        assert set(both.loc[both["_merge"] == "left_only", "kind"]) <= set(kinds)


# --- the default dirt ---


def test_repaired_from_the_truth_the_money_is_the_firms(harbour, dirty):
    """By hand, kind by kind: revenue and cost by customer to the cent, complaints by customer."""
    tables = undone(dirty)
    for name, system, amount, own, theirs in [
        ("sales_orders", "sales", "amount", "orders", "amount"),
        ("finance_costs", "finance", "cost", "ledger", "cost"),
        ("service_complaints", "service", "compensation", "complaints", "compensation"),
    ]:
        table = tables[name]
        cents = (table[amount].astype(float) * 100).round().astype(int)
        mine = cents.groupby(table[f"{system}_id"].map(account_of(dirty, system))).agg(["sum", "size"])
        right = (harbour[own][theirs] * 100).round().astype(int)
        right = right.groupby(harbour[own]["customer_id"]).agg(["sum", "size"])
        pd.testing.assert_frame_equal(mine, right, check_names=False, check_index_type=False)


def test_unrepaired_the_money_is_not(harbour, dirty):
    orders = dirty.sales_orders
    amount = pd.to_numeric(orders["amount"], errors="coerce").fillna(0)
    held = amount.groupby(orders["sales_id"].map(account_of(dirty, "sales"))).sum()
    right = harbour.orders.groupby("customer_id")["amount"].sum()
    assert (held.reindex(right.index, fill_value=0).round(2) != right.round(2)).mean() > 0.5
    invoices = pd.to_numeric(dirty.finance_invoices["amount"], errors="coerce").sum()
    assert invoices > 1.5 * right.sum()  # cents among the euros


def test_who_is_entered_twice_is_booked_under_both(dirty):
    records = dirty.truth.records
    twice = records[records["system"].eq("sales") & records.duplicated(["system", "account_id"], keep=False)]
    booked = dirty.sales_orders["sales_id"].value_counts().reindex(twice["record_id"], fill_value=0)
    by_account = booked.groupby(twice.set_index("record_id")["account_id"]).agg(["min", "sum"])
    busy = by_account[by_account["sum"] >= 20]
    assert len(busy) >= 2
    assert (busy["min"] > 0.15 * busy["sum"]).all()


def test_every_kind_and_every_kind_of_duplicate_is_there(harbour):
    dirty = dirtied(harbour, 1, **{**NONE, "duplicates": 0.5})
    assert set(dirtied(harbour, 1).truth.errors["kind"]) == set(KINDS)
    sales, errors = dirty.sales_customers.set_index("sales_id"), dirty.truth.errors
    pairs = errors[errors["column"].eq("sales_id")]
    first, second = sales.loc[pairs["right"]], sales.loc[pairs["held"]]
    same_name, same_street = (first[c].to_numpy() == second[c].to_numpy() for c in ("name", "street"))
    assert 0.1 < (same_name & same_street).mean() < 0.4
    assert 0.05 < (same_name & ~same_street).mean() < 0.3
    words = [(set(a.split()), set(b.split())) for a, b in zip(first["name"], second["name"], strict=True) if a != b]
    assert any(a == b for a, b in words)  # swapped
    assert any("." in "".join(b - a) for a, b in words)  # abbreviated
    assert any((a ^ b) & {"Ltd", "Limited"} for a, b in words)  # another legal form


def test_ids_do_not_tell_who_was_entered_twice(harbour):
    dirty = dirtied(harbour, 1, **{**NONE, "duplicates": 1})
    pairs = dirty.truth.errors.query("column == 'sales_id'")
    assert 0.4 < (pairs["held"] > pairs["right"]).mean() < 0.6


@pytest.mark.parametrize(("table", "column"), [("sales_customers", "street"), ("service_customers", "depot_code")])
def test_entered_on_tells_who_may_be_stale(harbour, table, column):
    dirty = dirtied(harbour, 1, **{**NONE, "stale": 0.2})
    held = dirty[table].set_index(key(dirty, table))
    known_since = harbour.customers.set_index("customer_id")["acquired_on"]
    known_since = known_since[account_of(dirty, table.split("_")[0])[held.index]].set_axis(held.index)
    looked_over = (pd.to_datetime(held["entered_on"]) - known_since) / (dirty.today - known_since)
    assert looked_over.between(0, 1).all()
    stale = held.index.isin(dirty.truth.errors.query("table == @table and column == @column")["record_id"])
    assert looked_over[stale].mean() < looked_over[~stale].mean() - 0.2


def test_misbooked_is_under_a_neighbour_in_the_list_of_names(harbour):
    dirty = dirtied(harbour, 1, **{**NONE, "misbooked": 0.3})
    orders = dirty.truth.orders
    owner = harbour.truth.accounts.set_index("account_id")["customer_id"]
    wrong = orders[orders["booked_customer_id"] != orders["customer_id"]]
    assert (wrong["booked_customer_id"].map(owner) != wrong["customer_id"].map(owner)).all()
    names = harbour.customers.set_index("customer_id")["name"].str.casefold().sort_values(kind="stable")
    place = pd.Series(np.arange(len(names)), names.index)
    apart = (wrong["booked_customer_id"].map(place) - wrong["customer_id"].map(place)).abs()
    assert (np.minimum(apart, len(names) - apart) <= 5).all()
    assert (
        dirty.sales_orders["sales_id"].map(account_of(dirty, "sales")).tolist() == orders["booked_customer_id"].tolist()
    )
    assert orders["customer_id"].tolist() == harbour.orders["customer_id"].tolist()
    invoiced = dirty.finance_invoices.set_index("order_id")["finance_id"].map(account_of(dirty, "finance"))
    both = orders.set_index("order_id").loc[invoiced.index]
    follows = invoiced == both["booked_customer_id"]
    assert (follows | (invoiced == both["customer_id"])).all()
    assert 0.4 < follows[both["booked_customer_id"] != both["customer_id"]].mean() < 0.6


def test_the_same_seed_gives_the_same_bytes_and_another_others(firm):
    first, second, other = dirtied(firm, 3), dirtied(firm, 3), dirtied(firm, 4)
    assert all_bytes(first) == all_bytes(second)
    assert all_bytes(first)[("truth", "errors")] != all_bytes(other)[("truth", "errors")]


def test_the_firm_is_not_changed(firm):
    before = {name: csv_bytes(firm[name]) for name in firm}, {name: csv_bytes(firm.truth[name]) for name in firm.truth}
    dirty = dirtied(firm, 3, missing=1)
    assert before == ({n: csv_bytes(firm[n]) for n in firm}, {n: csv_bytes(firm.truth[n]) for n in firm.truth})
    assert dirty.draw.firm == f"{firm.draw.firm}_dirty"
    assert set(firm.truth) <= set(dirty.truth)
    assert dirty.truth.facts.equals(firm.truth.facts)


def test_a_dirty_firm_can_be_saved(dirty, tmp_path):
    dirty.save(tmp_path)
    again = pd.read_csv(tmp_path / "sales_customers.csv", dtype="str", keep_default_na=False, na_values=[""])
    text = again.columns.drop("shares_forecasts")
    pd.testing.assert_frame_equal(again[text], dirty.sales_customers[text])


def test_every_table_has_its_contract_and_dictionary(firm):
    dirty = dirtied(firm, 3)
    for name in dirty:
        table = contracts.contract_table(f"{dirty.draw.firm}.{name}").set_index("column")
        assert set(table.index) == set(dirty[name])
        touched = dirty.truth.errors.query("table == @name and kind not in ('duplicate', 'misbooked')")["column"]
        assert (table.loc[touched, "type"] == "text").all()
        assert (table["meaning"] != "").all()


# --- words ---

luck = st.tuples(*[st.floats(0, 1, exclude_max=True)] * 4)
NAMES = (
    "Eastlake Homes Ltd",
    "EASTLAKE HOMES AND SONS",
    "Barrow Timber & Tile & Co (2)",
    "Ada B. Birch",
    "Birch, Ada B.",
)


@given(u=luck)
@laws
def test_written_otherwise_it_is_the_same_day_and_number(u):
    held = dirt_words.redated("2024-03-09", u)
    form = "%d.%m.%Y" if "." in held else "%m/%d/%Y" if "/" in held else "%d %b %Y"
    assert pd.to_datetime(held, format=form) == pd.Timestamp("2024-03-09")
    assert re.sub(r"\D", "", dirt_words.repunctuated("555-1387", u)).endswith("5551387")


@pytest.mark.parametrize("name", NAMES)
@given(u=luck)
@settings(max_examples=10, deadline=None)
def test_a_name_stays_like_itself(name, u):
    assert abs(len(dirt_words.mistyped(name, u)) - len(name)) <= 1
    assert dirt_words.mistyped(name, u)[0] == name[0]
    assert sorted(re.findall(r"\w+", dirt_words.swapped(name, u))) == sorted(re.findall(r"\w+", name))
    for wrong in (dirt_words.mistyped, dirt_words.swapped, dirt_words.respelled, dirt_words.part_of_name):
        assert wrong(name, u) not in (name, "")


@pytest.mark.parametrize(
    ("wrong", "value", "held"),
    [
        (dirt_words.in_cents, "241.17", {"24117"}),
        (dirt_words.in_cents_or_thousands, "241.17", {"24117", "0.24117"}),
        (dirt_words.in_thousands, "15000", {"15"}),
        (dirt_words.as_share, "14.1", {"0.141"}),
        (dirt_words.times(60), "2.5", {"150"}),
        (dirt_words.negative, "50.40", {"-50.40"}),
        (dirt_words.no_number, "50.40", {"", "NA", "0"}),
        (dirt_words.no_number, "0.00", {"", "NA"}),
        (dirt_words.in_cents, "0.00", {"0.00"}),
        (dirt_words.short_road, "4 Canal Side", {"4 Canal Sd", "4 CANAL SIDE"}),
        (dirt_words.part_of_name, "Birch, Ada B.", {"Birch"}),
        (dirt_words.abbreviated, "HANLEY BUILDING SUPPLIES LTD", {"HANLEY BLDG. SUPP. LTD"}),
        (dirt_words.abbreviated, "Hanley Homes Ltd", {"H. Homes Ltd"}),
        (dirt_words.other_form, "Barrow Water Board", {"Barrow Water Board"}),
    ],
)
def test_what_is_held_instead(wrong, value, held):
    assert {wrong(value, (u, 0.5, 0.5, 0.5)) for u in np.linspace(0, 0.999, 50)} == held


# --- bad arguments ---


@pytest.mark.parametrize("share", [1.5, -0.01, "0.1", None, True, float("nan"), [0.1]])
@pytest.mark.parametrize("name", NONE)
def test_a_bad_share_is_refused(harbour, name, share):
    with pytest.raises(ValueError, match=f"{name} must be a share, a number from 0 to 1, not {re.escape(repr(share))}"):
        dirtied(harbour, 1, **{name: share})


@pytest.mark.parametrize("seed", [-1, 1.5, "1", None, True, 2**63])
def test_a_bad_seed_is_refused(harbour, seed):
    with pytest.raises(ValueError, match="seed must be a whole number, 0 and above"):
        dirtied(harbour, seed)


def test_what_is_no_clean_firm_is_refused(dirty):
    with pytest.raises(ValueError, match="harbour_and_hill_dirty is dirty already"):
        dirtied(dirty, 1)
    with pytest.raises(ValueError, match="only a simulated firm can be dirtied"):
        dirtied("harbour_and_hill", 1)


def test_any_kind_of_number_is_a_share(firm):
    one, same = dirtied(firm, np.int64(3), stale=Fraction(1, 4)), dirtied(firm, 3, stale=np.float32(0.25))
    assert one.truth.errors.equals(same.truth.errors)
