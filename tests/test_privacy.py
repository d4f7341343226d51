"""crmlab.data_quality.privacy: pseudonyms, k-anonymity and links, consent, retention."""

import hashlib
import os
import stat

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlab.data import ContractError
from crmlab.data.firms import load
from crmlab.data_quality.privacy import (
    data_inventory,
    k_anonymity,
    may_contact,
    new_key,
    pseudonyms,
    read_key,
    retention,
    unique_links,
)

KEY = bytes(range(32))
few = settings(max_examples=20, deadline=None)


@pytest.fixture(scope="module")
def tern():
    return load("tern_mobile")


# --- published numbers ---


@pytest.mark.parametrize(
    ("key", "text", "published"),
    [
        (b"\x0b" * 20, "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
        (b"\x0c" * 20, "Test With Truncation", "a3b6167473100ee06e0c796c2955552b"),
        (
            b"\xaa" * 131,
            "Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        ),
    ],
)
def test_pseudonyms_are_hmac_sha_256_cut_to_128_bits(key, text, published):
    """RFC 4231, test cases 1, 5 (which is cut to 128 bits there, too) and 6."""
    assert pseudonyms(pd.Series([text]), key).tolist() == [published[:32]]


# Machanavajjhala and others (2007), figures 1 to 3: twelve patients, made 4-anonymous, and made 3-diverse.
PATIENTS = pd.DataFrame(
    [
        ("13053", 28, "Russian", "heart disease"),
        ("13068", 29, "American", "heart disease"),
        ("13068", 21, "Japanese", "viral infection"),
        ("13053", 23, "American", "viral infection"),
        ("14853", 50, "Indian", "cancer"),
        ("14853", 55, "Russian", "heart disease"),
        ("14850", 47, "American", "viral infection"),
        ("14850", 49, "American", "viral infection"),
        ("13053", 31, "American", "cancer"),
        ("13053", 37, "Indian", "cancer"),
        ("13068", 36, "Japanese", "cancer"),
        ("13068", 35, "American", "cancer"),
    ],
    columns=["zip", "age", "nationality", "condition"],
)
WHO = ["zip", "age", "nationality"]
FOUR_ANONYMOUS = PATIENTS.assign(
    zip=["130**"] * 4 + ["1485*"] * 4 + ["130**"] * 4,
    age=["< 30"] * 4 + [">= 40"] * 4 + ["3*"] * 4,
    nationality="*",
)
THREE_DIVERSE = PATIENTS.assign(
    zip=PATIENTS["zip"].str[:4] + "*", age=(PATIENTS["age"] > 40).map({True: "> 40", False: "<= 40"}), nationality="*"
)


def test_the_published_4_anonymous_table_gives_one_group_away():
    found = k_anonymity(FOUR_ANONYMOUS, WHO, "condition")
    assert found.drop("given_away").to_dict() == {"groups": 3, "k": 4, "alone": 0, "too_few": 1, "l": 1}
    assert found["given_away"] == pytest.approx(4 / 12)  # those in their thirties all have cancer


def test_the_published_3_diverse_table_gives_none_away():
    found = k_anonymity(THREE_DIVERSE, WHO, "condition", wanted=4)
    assert found.to_dict() == {"groups": 3, "k": 4, "alone": 0, "too_few": 0, "l": 3, "given_away": 0}


def test_the_published_neighbour_is_found_by_who_knows_him():
    """The homogeneity attack: Bob is 31, American, and lives in 13053."""
    bob = pd.DataFrame({"name": ["Bob"], "zip": ["13053"], "age": [31], "nationality": ["American"]})
    assert unique_links(PATIENTS, bob, WHO)[["name", "condition"]].to_numpy().tolist() == [["Bob", "cancer"]]
    hidden = bob.assign(zip="130**", age="3*", nationality="*")
    assert unique_links(FOUR_ANONYMOUS, hidden, WHO).empty  # no row is his, and yet each of them tells
    assert FOUR_ANONYMOUS.merge(hidden, on=WHO)["condition"].unique().tolist() == ["cancer"]


# --- pseudonyms ---


def test_a_hash_without_a_key_is_looked_up_and_one_with_a_key_is_not(tern):
    """The dictionary attack: L00001 to L99999 are all ids that there can be."""

    def plain(id):
        return hashlib.sha256(id.encode()).hexdigest()[:32]

    ids = tern.lines["line_id"]
    dictionary = {plain(id): id for id in (f"L{number:05d}" for number in range(100_000))}
    assert ids.map(plain).map(dictionary).tolist() == ids.tolist()
    assert pseudonyms(ids, KEY).map(dictionary).isna().all()


def test_pseudonyms_join_the_tables_of_one_key_and_of_no_other(tern):
    ours, bills = pseudonyms(tern.lines["line_id"], KEY), pseudonyms(tern.bills["line_id"], KEY)
    assert ours.is_unique
    assert bills.isin(ours).all()
    assert bills.nunique() == tern.bills["line_id"].nunique()
    assert not pseudonyms(tern.lines["line_id"], KEY[::-1]).isin(ours).any()


@few
@given(st.lists(st.one_of(st.none(), st.text(min_size=1, max_size=5).filter(str.strip)), min_size=1, max_size=8))
def test_two_ids_have_one_pseudonym_exactly_where_they_are_one(ids):
    ids = pd.Series([id if id is None else id.encode("utf-8", "ignore").decode() or "a" for id in ids], dtype="str")
    made = pseudonyms(ids, KEY)
    assert pd.factorize(made)[0].tolist() == pd.factorize(ids)[0].tolist()
    assert made.isna().tolist() == ids.isna().tolist()


def test_a_number_counts_as_its_digits_and_rows_keep_their_place():
    ids = pd.Series([7, 8], index=[4, 2], name="customer_id")
    made = pseudonyms(ids, KEY)
    assert made.tolist() == pseudonyms(pd.Series(["7", "8"]), KEY).tolist()
    assert (made.index.tolist(), made.name) == ([4, 2], "customer_id")


def test_a_key_is_made_by_chance_and_read_again(tmp_path):
    new_key(tmp_path / "one.key")
    new_key(tmp_path / "two.key")
    one, two = read_key(tmp_path / "one.key"), read_key(tmp_path / "two.key")
    assert (len(one), one == read_key(tmp_path / "one.key"), one == two) == (32, True, False)
    if os.name == "posix":
        assert stat.S_IMODE((tmp_path / "one.key").stat().st_mode) == 0o600


def test_a_key_is_never_written_over(tmp_path):
    new_key(tmp_path / "one.key")
    before = read_key(tmp_path / "one.key")
    with pytest.raises(FileExistsError, match=r"there is a file '.*one.key' already; read_key reads it"):
        new_key(tmp_path / "one.key")
    assert read_key(tmp_path / "one.key") == before


@pytest.mark.skipif(os.name != "posix", reason="no owners")
def test_a_key_that_others_may_read_is_refused(tmp_path):
    new_key(tmp_path / "one.key")
    (tmp_path / "one.key").chmod(0o640)
    with pytest.raises(PermissionError, match=r"others than its owner may read the key .*: chmod 600"):
        read_key(tmp_path / "one.key")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("open sesame", r"secret.key' holds no key: new_key writes one in hexadecimal digits"),
        ("", r"a key of 0 bytes; it needs 16 or more"),
        ("00" * 15, r"a key of 15 bytes; it needs 16 or more, made by chance: see new_key"),
    ],
)
def test_what_is_no_key_is_refused(tmp_path, text, message):
    path = tmp_path / "secret.key"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(ValueError, match=message):
        read_key(path)


@pytest.mark.parametrize(
    ("ids", "key", "error", "message"),
    [
        (["a"], "0123456789abcdef", TypeError, "key must be bytes, not str; new_key makes one"),
        (["a"], b"123456789012345", ValueError, "a key of 15 bytes; it needs 16 or more"),
        ([1.5], KEY, ContractError, r"pseudonyms: ids: not text in 1 row: row 1 \(1.5\). Read ids as text"),
    ],
)
def test_bad_keys_and_ids_are_refused(ids, key, error, message):
    with pytest.raises(error, match=message):
        pseudonyms(pd.Series(ids), key)


# --- what a release gives away ---


@st.composite
def releases(draw):
    """Small tables of three quasi-identifiers, gaps among them, and a secret."""
    value = st.sampled_from(["a", "b", None])
    rows = draw(st.lists(st.tuples(value, value, st.sampled_from("xy"), st.integers(0, 1)), min_size=1, max_size=12))
    return pd.DataFrame(rows, columns=["q", "r", "s", "secret"]).astype({"q": "str", "r": "str"})


@few
@given(releases(), st.randoms())
def test_the_order_of_rows_and_the_index_change_nothing(release, random):
    rows = list(range(len(release)))
    random.shuffle(rows)
    shuffled = release.iloc[rows].set_axis([0] * len(rows))
    expected = k_anonymity(release, ["q", "r", "s"], "secret")
    assert k_anonymity(shuffled, ["s", "q", "r"], "secret").to_dict() == expected.to_dict()


@few
@given(releases())
def test_who_knows_less_tells_fewer_apart(release):
    fine, coarse = (k_anonymity(release, on, "secret", wanted=3) for on in (["q", "r", "s"], ["q", "r"]))
    assert (coarse[["k", "l"]] >= fine[["k", "l"]]).all()
    falling = ["groups", "alone", "too_few", "given_away"]
    assert (coarse[falling] <= fine[falling]).all()
    assert fine["l"] <= fine["k"]
    assert fine["alone"] <= fine["too_few"]


@few
@given(releases())
def test_groups_are_counted_as_by_hand(release):
    keys = [tuple("gap" if pd.isna(value) else value for value in row) for row in release[["q", "r"]].to_numpy()]
    sizes = [keys.count(key) for key in keys]
    found = k_anonymity(release, ["q", "r"], wanted=2)
    assert (found["groups"], found["k"]) == (len(set(keys)), min(sizes))
    assert found["alone"] == found["too_few"] == pytest.approx(sizes.count(1) / len(keys))


def test_a_gap_in_the_secret_is_a_value_too():
    release = pd.DataFrame({"q": ["a", "a"], "secret": ["yes", None]})
    assert k_anonymity(release, ["q"], "secret")[["l", "given_away"]].tolist() == [2, 0]


@few
@given(releases(), releases())
def test_links_are_of_rows_that_are_alone_on_both_sides(release, known):
    on = ["q", "r", "s"]
    links = unique_links(release.assign(row=range(len(release))), known.assign(name=range(len(known))), on)
    whole = [table[on].dropna().value_counts() for table in (release, known)]
    alone = [set(counts.index[counts == 1]) for counts in whole]
    assert set(links[on].itertuples(index=False, name=None)) == alone[0] & alone[1]
    assert links["row"].is_unique
    assert links["name"].is_unique
    assert (release["secret"].iloc[links["row"]].to_numpy() == links["secret_release"].to_numpy()).all()


def test_a_release_without_names_is_not_anonymous(tern):
    """The lesson of chapter 01: the lines without their ids, and somebody who knows them all."""
    on = ["plan", "region", "device_months", "started_on"]
    release = tern.lines[on]
    assert k_anonymity(release, on)["alone"] > 0.5
    links = unique_links(release, tern.lines[["line_id", *on]], on)
    assert len(links) / len(release) == k_anonymity(release, on)["alone"]
    coarse = release.assign(started_on=release["started_on"].dt.year, device_months=release["device_months"] > 12)
    assert k_anonymity(coarse, on)["k"] >= 5
    assert unique_links(coarse, coarse.assign(name="x"), on).empty


@pytest.mark.parametrize(
    ("ask", "error", "message"),
    [
        (lambda: k_anonymity(PATIENTS, ["zip", "sex"]), ContractError, "release: sex: the column is missing"),
        (lambda: k_anonymity(PATIENTS, WHO, "illness"), ContractError, "release: illness: the column is missing"),
        (lambda: k_anonymity(PATIENTS, "zip"), ValueError, "release: name the columns in a list, not 'zip'"),
        (
            lambda: k_anonymity(PATIENTS, "zip", "condition"),
            ValueError,
            "release: name the columns in a list, not 'zip'",
        ),
        (lambda: k_anonymity(PATIENTS, []), ValueError, r"release: name the columns in a list, not \[\]"),
        (lambda: k_anonymity(PATIENTS[:0], WHO), ValueError, "release has no rows"),
        (lambda: k_anonymity(PATIENTS, WHO, wanted=0), ValueError, "wanted must be a whole number, 1 or more, not 0"),
        (lambda: unique_links(PATIENTS, PATIENTS[["zip"]], WHO), ContractError, "known breaks its contract in 2 ways"),
        (
            lambda: unique_links(PATIENTS, FOUR_ANONYMOUS, ["age"]),
            TypeError,
            "age is int64 in release and str in known: bring both to one type",
        ),
    ],
)
def test_bad_releases_are_refused(ask, error, message):
    with pytest.raises(error, match=message):
        ask()


# --- consent ---


def register(*rows):
    names = ["line_id", "channel", "purpose", "given_on", "withdrawn_on", "preferred_time"]
    return pd.DataFrame(rows, columns=names)


REGISTER = register(
    ("given", "sms", "marketing", "2025-03-01", None, "morning"),
    ("withdrew", "sms", "marketing", "2025-03-01", "2025-06-01", "morning"),
    ("objected", "sms", "marketing", None, "2025-06-01", "evening"),
    ("for research", "sms", "research", "2025-03-01", None, "morning"),
    ("by phone", "phone", "marketing", "2025-03-01", None, "evening"),
)
ALL = pd.Series([*REGISTER["line_id"], "in no row"], name="line_id")


def why(on, **asked):
    return may_contact(ALL, REGISTER, on, channel="sms", **asked).set_index("line_id")["why"].to_dict()


@pytest.mark.parametrize(
    ("on", "given", "withdrew", "objected"),
    [
        ("2025-02-28", "no consent", "no consent", "no consent"),
        ("2025-03-01", "consent", "consent", "no consent"),  # it counts from its day on
        ("2025-05-31", "consent", "consent", "no consent"),
        ("2025-06-01", "consent", "withdrawn", "objected"),  # a withdrawal wins on its own day
        ("2026-01-01", "consent", "withdrawn", "objected"),
    ],
)
def test_consent_counts_from_its_day_to_the_day_before_its_withdrawal(on, given, withdrew, objected):
    told = why(on)
    assert (told["given"], told["withdrew"], told["objected"]) == (given, withdrew, objected)
    assert {told[name] for name in ("for research", "by phone", "in no row")} == {"no consent"}


def test_purpose_channel_and_time_are_each_asked():
    assert why("2025-04-01", purpose="research")["for research"] == "consent"
    assert why("2025-04-01", purpose="research")["given"] == "no consent"
    assert why("2025-04-01", at="evening")["given"] == "another time"
    assert why("2025-04-01", at="morning")["given"] == "consent"
    every = may_contact(ALL, REGISTER, "2025-04-01").set_index(["line_id", "channel"])["may"]
    assert (len(every), every["by phone", "phone"], every["by phone", "sms"]) == (2 * len(ALL), True, False)


def test_a_withdrawal_on_the_day_of_the_consent_wins():
    same_day = register(("a", "sms", "marketing", "2025-03-01", "2025-03-01", "morning"))
    assert may_contact(pd.Series(["a"], name="line_id"), same_day, "2025-03-01")["why"].tolist() == ["withdrawn"]


def test_the_register_of_tern_by_hand(tern):
    day = tern.today
    told = may_contact(tern.lines["line_id"], tern.consent, day, channel="e-mail")
    rows = tern.consent[(tern.consent["channel"] == "e-mail") & (tern.consent["purpose"] == "marketing")]
    holds = rows[(rows["given_on"] <= day) & ~(rows["withdrawn_on"] <= day)]
    assert set(told.loc[told["may"], "line_id"]) == set(holds["line_id"])
    objections = rows["given_on"].isna() & rows["withdrawn_on"].notna()
    assert (told["why"] == "objected").sum() == objections.sum() > 0
    assert len(told) == len(tern.lines)
    assert set(told["why"]) == {"consent", "no consent", "objected", "withdrawn"}


days = st.dates(pd.Timestamp("2025-01-01").date(), pd.Timestamp("2025-01-09").date())


@few
@given(st.one_of(st.none(), days), st.one_of(st.none(), days), days, days)
def test_who_may_not_be_contacted_after_a_withdrawal_may_never_again(given_on, withdrawn_on, first, second):
    if given_on and withdrawn_on and withdrawn_on < given_on:
        given_on, withdrawn_on = withdrawn_on, given_on
    rows = register(("a", "sms", "marketing", given_on, withdrawn_on, "morning"))
    person = pd.Series(["a"], name="line_id")
    told = [may_contact(person, rows, str(day))["why"].iloc[0] for day in sorted([first, second])]
    assert told != ["withdrawn", "consent"]
    assert told[0] != "objected" or told[1] == "objected"
    if given_on is None:
        assert "consent" not in told


@pytest.mark.parametrize(
    ("ask", "error", "message"),
    [
        (
            lambda: may_contact(ALL, REGISTER.drop(columns="given_on"), "2025-04-01"),
            ContractError,
            "consent: given_on: the column is missing",
        ),
        (
            lambda: may_contact(ALL.rename("customer_id"), REGISTER, "2025-04-01"),
            ContractError,
            "consent: customer_id: the column is missing",
        ),
        (
            lambda: may_contact(ALL, pd.concat([REGISTER, REGISTER[:1]]), "2025-04-01"),
            ContractError,
            r"consent: line_id: line_id, channel and purpose as in an earlier row in 1 row: row 6 \('given'\)",
        ),
        (
            lambda: may_contact(ALL, REGISTER.replace("2025-06-01", "2025-02-01"), "2025-04-01"),
            ContractError,
            r"consent: withdrawn_on: before given_on in 1 row: row 2 \('2025-02-01'\). Correct one of them",
        ),
        (
            lambda: may_contact(ALL, REGISTER.replace("2025-03-01", "01/03/2025"), "2025-04-01"),
            ContractError,
            "consent: given_on: not a date of the form yyyy-mm-dd or yyyymmdd in 4 rows",
        ),
        (
            lambda: may_contact(pd.concat([ALL, ALL[:1]]), REGISTER, "2025-04-01"),
            ContractError,
            r"people: line_id: there twice in 1 row: row 7 \('given'\). Ask about each person once",
        ),
        (
            lambda: may_contact(pd.Series([None], name="line_id", dtype="str"), REGISTER, "2025-04-01"),
            ContractError,
            "people: line_id: missing in 1 row",
        ),
        (
            lambda: may_contact(ALL, REGISTER, "2025-04-01", channel="SMS"),
            ValueError,
            "consent has no row of channel 'SMS'; there are: phone, sms",
        ),
        (
            lambda: may_contact(ALL, REGISTER, "2025-04-01", at="noon"),
            ValueError,
            "consent has no row of preferred_time 'noon'; there are: evening, morning",
        ),
        (lambda: may_contact(ALL, REGISTER, "soon"), ValueError, "on must be a day such as '2025-12-31', not 'soon'"),
        (lambda: may_contact(ALL, REGISTER[:0], "2025-04-01"), ValueError, "consent has no rows"),
        (lambda: may_contact(ALL.rename(None), REGISTER, "2025-04-01"), ValueError, "people has no name: give it that"),
        (
            lambda: may_contact(ALL, REGISTER.replace("phone", None), "2025-04-01"),
            ContractError,
            r"consent: channel: missing in 1 row: row 5",
        ),
    ],
)
def test_a_bad_register_is_refused(ask, error, message):
    with pytest.raises(error, match=message):
        ask()


# --- what is held, and for how long ---


HELD = {"people": pd.DataFrame(columns=["name", "phone", "birthday"]), "parts": pd.DataFrame(columns=["price"])}
STATED = pd.DataFrame(
    [
        ("people.name", True, "delivery", "contract", 24, "last order"),
        ("people.phone", True, "delivery", None, 24, "last order"),
        ("people.fax", True, "delivery", "contract", 24, "last order"),
        ("parts.price", False, "offers", None, None, None),
    ],
    columns=["field", "personal", "purpose", "legal_basis", "keep_months", "counted_from"],
)


def finding(field, **changed):
    stated = STATED.astype(object)
    for name, value in changed.items():
        stated.loc[stated["field"] == field, name] = value
    return data_inventory(HELD, stated).set_index("field")["finding"][field]


def test_the_inventory_tells_what_is_wrong_with_each_field():
    inventory = data_inventory(HELD, STATED)
    assert inventory[["field", "finding"]].to_numpy().tolist() == [
        ["people.name", "in order"],
        ["people.phone", "no legal basis"],
        ["people.fax", "stated, not held"],
        ["parts.price", "in order"],  # no person's: neither basis nor period is asked
        ["people.birthday", "held, not stated"],
    ]
    assert finding("people.name", purpose=None) == "no purpose"
    assert finding("people.name", keep_months=None) == "no period"
    assert finding("people.name", counted_from=None) == "no period"
    assert finding("parts.price", personal=True) == "no legal basis"
    assert finding("parts.price", purpose=None) == "no purpose"


def test_every_column_of_a_firm_is_in_its_inventory(tern):
    inventory = data_inventory(tern, STATED)
    assert len(inventory) == len(STATED) + sum(tern[name].shape[1] for name in tern)
    assert set(inventory["finding"]) == {"stated, not held", "held, not stated"}


@pytest.mark.parametrize(
    ("begun", "months", "until"),
    [
        ("2024-01-31", 1, "2024-02-29"),  # the last day of a month that has no 31st
        ("2023-01-31", 1, "2023-02-28"),
        ("2024-02-29", 12, "2025-02-28"),
        ("2024-02-29", 48, "2028-02-29"),
        ("2024-11-15", 3, "2025-02-15"),
        ("2024-11-15", 0, "2024-11-15"),
    ],
)
def test_a_period_ends_with_its_last_day(begun, months, until):
    table = pd.DataFrame({"left_on": [begun]})
    last, after = (
        retention(table, "left_on", months, pd.Timestamp(until) + pd.Timedelta(days=more)) for more in (0, 1)
    )
    assert last["keep_until"].tolist() == [pd.Timestamp(until)]
    assert (last["standing"].tolist(), after["standing"].tolist()) == (["within"], ["over"])


def test_no_row_is_lost_and_a_missing_date_is_told():
    table = pd.DataFrame({"left_on": ["2020-01-01", None, "2025-01-01"], "name": list("abc")}, index=[7, 7, 3])
    kept = retention(table, "left_on", 24, "2025-12-31")
    pd.testing.assert_frame_equal(kept[["left_on", "name"]], table)
    assert kept["standing"].tolist() == ["over", "no date", "within"]


@few
@given(st.lists(days, min_size=1, max_size=5), st.integers(0, 400), st.integers(0, 400))
def test_who_keeps_longer_has_fewer_rows_over(begun, months, more):
    table = pd.DataFrame({"begun": [str(day) for day in begun]})
    short, long = (retention(table, "begun", period, "2040-01-01") for period in (months, months + more))
    assert (short["keep_until"] <= long["keep_until"]).all()
    assert (long["standing"] == "over").sum() <= (short["standing"] == "over").sum()


def test_no_argument_is_changed():
    tables = [PATIENTS, REGISTER, STATED, ALL]
    before = [table.copy(deep=True) for table in tables]
    k_anonymity(PATIENTS, WHO, "condition"), unique_links(PATIENTS, PATIENTS, WHO), data_inventory(HELD, STATED)
    may_contact(ALL, REGISTER, "2025-04-01"), pseudonyms(ALL, KEY), retention(REGISTER, "given_on", 1, "2025-04-01")
    assert all(table.equals(copy) for table, copy in zip(tables, before, strict=True))


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (
            lambda: data_inventory(HELD, STATED.drop(columns="purpose")),
            "stated: purpose: the column is missing",
        ),
        (
            lambda: data_inventory(HELD, pd.concat([STATED, STATED[:1]])),
            r"stated: field: stated twice in 1 row: row 5 \('people.name'\). Keep one row for each field",
        ),
        (
            lambda: data_inventory(HELD, STATED.replace("contract", "because")),
            r"stated: legal_basis: none of: consent, contract, .* in 2 rows: row 1 \('because'\), row 3",
        ),
        (
            lambda: data_inventory(HELD, STATED.assign(personal="perhaps")),
            "stated: personal: neither true nor false in 4 rows",
        ),
        (
            lambda: data_inventory(HELD, STATED.assign(personal=None)),
            "stated: personal: missing in 4 rows",
        ),
        (lambda: retention(REGISTER, "left_on", 12, "2025-04-01"), "table: left_on: the column is missing"),
        (
            lambda: retention(REGISTER, "given_on", -1, "2025-04-01"),
            "keep_months must be a whole number, 0 or more, not -1",
        ),
        (lambda: retention(REGISTER, "given_on", 1.5, "2025-04-01"), "keep_months must be a whole number"),
        (lambda: retention(REGISTER, "given_on", 1, "today"), "today must be a day such as '2025-12-31', not 'today'"),
        (
            lambda: retention(REGISTER, "channel", 1, "2025-04-01"),
            "table: channel: not a date of the form yyyy-mm-dd or yyyymmdd in 5 rows",
        ),
    ],
)
def test_what_cannot_be_kept_account_of_is_refused(ask, message):
    with pytest.raises(ValueError, match=message):  # a ContractError is one
        ask()
