"""Tern Mobile: the same bytes, tables that agree, decisions that touch nothing else, and the truth of each plant."""

import functools

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmlab.data import check
from crmlab.data.contracts import ContractError, key_of
from crmlab.data.firms.chance import Chance
from crmlab.data.firms.firm import Draw, Firm, csv_bytes
from crmlab.data.firms.tern import firm as tern
from crmlab.data.firms.tern.conditions import CAMPAIGNS, CAUSES, COST_OF_GB, DISCOUNTING, UNIT_COST, Conditions
from crmlab.data.firms.tern.lines import MARGIN
from crmlab.lifetime_value import ShiftedBetaGeometric

SEED = 1
DEFAULT = Draw("tern_mobile", 6000, 24, SEED)
SMALL = Draw("tern_mobile", 150, 12, SEED)
OF_THE_FIRM = ("plans", "campaigns", "agents", "call_intervals", "pages", "facts")


@functools.cache
def default(planted=True):
    return firm(Draw("tern_mobile", 6000, 24, SEED, planted=planted))


@functools.cache
def small():
    return firm(SMALL)


def firm(draw, do=None):
    return Firm(draw, *tern.run(draw, do), do)


def figures(draw):
    """The facts of a draw, by name."""
    return tern.run(draw)[1]["facts"].set_index("fact")


def as_bytes(tables):
    return {name: csv_bytes(tables[name]) for name in tables}


def of_lines(tables, ids):
    """The rows of some lines, table by table."""
    named = {name: "customer_id" if name == "renewals" else "line_id" for name in tables}
    return {
        name: csv_bytes(tables[name][tables[name][named[name]].isin(ids)]) for name in tables if name not in OF_THE_FIRM
    }


# --- the same bytes, and the tables agree ---------------------------------------------------------------------------


def test_the_same_draw_gives_the_same_bytes_and_another_seed_others():
    first, again, other = small(), firm(SMALL), firm(Draw("tern_mobile", 150, 12, 2))
    assert as_bytes(first) == as_bytes(again)
    assert as_bytes(first.truth) == as_bytes(again.truth)
    assert as_bytes(first)["bills"] != as_bytes(other)["bills"]


draws = st.builds(
    Draw,
    st.just("tern_mobile"),
    st.integers(40, 220),
    st.integers(6, 16),
    st.integers(0, 2**31),
    st.sampled_from(["told", "drawn"]),
    st.booleans(),
)


@settings(max_examples=2, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(draws)
def test_every_table_of_a_draw_keeps_its_contract_joins_and_agrees_with_the_others(draw):
    keeps_its_contracts_and_agrees(draw)


@pytest.mark.proof
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(draws)
def test_every_table_of_every_draw_keeps_its_contract_joins_and_agrees_with_the_others(draw):
    keeps_its_contracts_and_agrees(draw)


def keeps_its_contracts_and_agrees(draw):
    tern_mobile = firm(draw).check()
    for name in tern_mobile.truth:
        check(tern_mobile.truth[name], f"tern_mobile.truth.{name}")
    agrees(tern_mobile)


def agrees(firm):
    """What must add up between the tables of a firm."""
    lines, renewals, bills = firm.lines.set_index("line_id"), firm.renewals.set_index("customer_id"), firm.bills
    until = renewals["left_on"].fillna(firm.today)
    first = bills["line_id"].map(lines["started_on"])
    assert (bills["month"] >= first).all()
    assert (bills["month"] <= bills["line_id"].map(until)).all()
    start = pd.Series(firm.bills["month"].min(), lines.index).where(lines["started_on"] < bills["month"].min())
    since = start.fillna(lines["started_on"])
    months = (until.dt.year - since.dt.year) * 12 + until.dt.month - since.dt.month + 1
    assert bills.groupby("line_id").size().reindex(lines.index, fill_value=0).eq(months).all()

    every = lines["plan"].map(firm.plans.groupby("plan")["renewed_every"].first())
    life = (until.dt.year - lines["started_on"].dt.year) * 12 + until.dt.month - lines["started_on"].dt.month + 1
    assert renewals["renewals"].eq(life // every - renewals["left"]).all()
    assert (life[renewals["left"]] % every[renewals["left"]] == 0).all()

    leavers = firm.truth.leavers.set_index("line_id")
    assert sorted(leavers.index) == sorted(renewals.index[renewals["left"]])
    assert leavers["left_on"].eq(renewals["left_on"].reindex(leavers.index)).all()
    truth = firm.truth.lines.set_index("line_id")
    assert truth["here"].eq(~renewals["left"]).all()
    assert truth["value_to_infinity"].eq(0).eq(~truth["here"]).all()

    terms = firm.plans.sort_values("from_month")
    priced = pd.merge_asof(
        bills.assign(plan=bills["line_id"].map(lines["plan"])), terms, left_on="month", right_on="from_month", by="plan"
    )
    data = priced["price_per_gb"] * priced["data_gb"]
    less = (priced["fee"] + data - priced["amount"]).round(2)
    loyalty = firm.campaigns.set_index("campaign").loc["loyalty"]
    of_it = (firm.offers["campaign"] == "loyalty") & firm.offers["offered"]
    discounted = priced["line_id"].isin(firm.offers.loc[of_it, "line_id"]) & priced["month"].between(
        loyalty["month"], loyalty["month"] + pd.DateOffset(months=int(loyalty["discount_months"]) - 1)
    )
    assert less.sub((priced["fee"] * loyalty["discount"]).where(discounted, 0)).abs().max() < 0.011

    for table, column in (("calls", "date"), ("purchases", "date"), ("complaints", "opened_on"), ("clicks", "date")):
        days, who = firm[table][column], firm[table]["line_id"]
        assert (days >= who.map(lines["started_on"])).all()
        assert (days <= who.map(until)).all()
    assert firm.calls["line_id"].isin(lines.index[lines["calls_kept"]]).all()
    assert firm.clicks["line_id"].isin(lines.index[lines["clicks_kept"]]).all()
    assert not (firm.calls["abandoned"] & firm.calls["resolved"]).any()
    assert not (firm.offers["accepted"] & ~firm.offers["offered"]).any()


def test_each_call_that_returns_follows_one_that_did_not_settle_the_matter():
    calls = default().calls.sort_values(["line_id", "call_id"])
    before = calls.shift()
    again = calls[calls["returned"]]
    earlier = before.loc[again.index]
    assert earlier["line_id"].eq(again["line_id"]).all()
    assert not earlier["resolved"].astype(bool).any()
    assert earlier["category"].eq(again["category"]).all()
    assert (earlier["date"] <= again["date"]).all()
    same_day = earlier["date"] == again["date"]
    assert (earlier.loc[same_day, "slot"] <= again.loc[same_day, "slot"]).all()


def test_the_renewals_are_a_table_of_the_general_contract():
    assert len(check(default().renewals, "renewals")) == 6000


def test_the_tables_stay_small():
    sizes = {name: len(csv_bytes(default()[name])) for name in default()}
    assert sizes["bills"] < 3e6
    assert sum(sizes.values()) < 5e6


def test_what_the_centre_offers_is_ten_times_what_the_lines_call():
    intervals, calls = default().call_intervals, default().calls
    same_days = calls[calls["date"] >= intervals["date"].min()]
    assert intervals["offered"].sum() == pytest.approx(10 * len(same_days), rel=0.1)
    answered = same_days[~same_days["abandoned"]]
    assert (answered["wait_seconds"] <= 20).mean() == pytest.approx(
        intervals["answered_within_20s"].sum() / (intervals["offered"] - intervals["abandoned"]).sum(), abs=0.02
    )
    lost = intervals["abandoned"].sum() / intervals["offered"].sum()
    assert same_days["abandoned"].mean() == pytest.approx(lost, abs=0.02)


# --- a decision, a table, a piece touch nothing else ----------------------------------------------------------------


@pytest.mark.parametrize(
    "do",
    [
        {"staffing": 1.0, "self_service": 0.3, "recovery": {"share": 0.6, "compensation": 10}, "offers": {}},
        pytest.param({"tariff_change": True}, marks=pytest.mark.proof),
        pytest.param({"off": "tariff", "from_month": 11}, marks=pytest.mark.proof),
    ],
)
def test_a_decision_that_does_nothing_changes_nothing(do):
    as_it_is, decided = small(), firm(SMALL, do)
    assert as_bytes(as_it_is) == as_bytes(decided)
    assert as_bytes(as_it_is.truth) == as_bytes(decided.truth)


@pytest.mark.parametrize(
    "campaign", [pytest.param(name, marks=[pytest.mark.proof] * (n > 0)) for n, name in enumerate(CAMPAIGNS)]
)
def test_a_campaign_to_a_list_leaves_all_other_lines_as_they_are(campaign):
    ids = [f"L{n:05d}" for n in range(1, 150, 3)]
    nobody = firm(SMALL, {"offers": {campaign: {"lines": "none"}}})
    some = firm(SMALL, {"offers": {campaign: {"lines": ids, "consent": False}}})
    others = [line for line in nobody.lines["line_id"] if line not in ids]
    assert of_lines(nobody, others) == of_lines(some, others)
    assert of_lines(nobody, ids) != of_lines(some, ids)
    contacted = some.offers.query("campaign == @campaign")
    assert contacted["line_id"].isin(ids).all()
    assert contacted["offered"].all()
    assert nobody.offers.query("campaign == @campaign").empty


def test_a_campaign_that_respects_consent_reaches_only_those_who_gave_it():
    draw = Draw("tern_mobile", 600, 12, SEED)
    asked, all_of_them = (
        firm(draw, {"offers": {"upgrade": {"lines": "all", "consent": consent}}}) for consent in (True, False)
    )
    who = asked.offers.query("campaign == 'upgrade'")
    given = asked.consent.query("purpose == 'marketing'").merge(who, on=["line_id", "channel"])
    assert set(given.loc[given["given_on"].notna(), "line_id"]) == set(who["line_id"])
    wider = all_of_them.offers.query("campaign == 'upgrade'")
    assert set(who["line_id"]) < set(wider["line_id"])
    withdrawn = [set(f.consent.dropna(subset="withdrawn_on")["line_id"]) for f in (asked, all_of_them)]
    assert len(withdrawn[0]) < len(withdrawn[1])


@pytest.mark.proof
def test_other_luck_of_one_mechanism_moves_no_table_that_does_not_stand_on_it(monkeypatch):
    plain, uniforms = small(), Chance.uniforms

    def other(self, mechanism, *address):
        return uniforms(self, mechanism + ("'" if mechanism in touched else ""), *address)

    monkeypatch.setattr(Chance, "uniforms", other)
    for touched, tables in {
        ("survey", "visit"): {"satisfaction", "clicks"},
        ("basket",): {"purchases", "offers"},
        ("usage",): {"bills"},
        ("length", "interval"): {"calls", "call_intervals"},
        ("register",): {"consent"},
        ("a mechanism that there is not",): set(),
    }.items():
        moved = firm(SMALL)
        assert {name for name in plain if csv_bytes(plain[name]) != csv_bytes(moved[name])} == tables, touched


def test_pieces_equal_the_same_lines_of_the_whole():
    draw = Draw("tern_mobile", 400, 12, SEED, "drawn")
    tables, truth, _ = tern.run(draw)
    seen = 0
    for own, true in tern.pieces(draw, 150):
        ids = own["lines"]["line_id"]
        seen += len(ids)
        assert of_lines(tables, ids) == {name: csv_bytes(own[name]) for name in own if name not in OF_THE_FIRM}
        assert of_lines(truth, ids) == {
            name: csv_bytes(true[name]) for name in true if name not in (*OF_THE_FIRM, "agents")
        }
    assert seen == 400


# --- decisions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cause", [pytest.param(name, marks=[pytest.mark.proof] * (n > 1)) for n, name in enumerate(CAUSES)]
)
def test_a_cause_that_is_switched_off_fires_no_more(cause):
    without = firm(Draw("tern_mobile", 400, 18, SEED), {"off": cause, "from_month": 6})
    leavers = without.truth.leavers
    assert not (leavers["left_on"][leavers["cause"] == cause] > "2024-07-01").any()


def test_would_have_left_anyway_is_what_a_run_without_the_cause_shows():
    draw = Draw("tern_mobile", 600, 24, SEED)
    truth = firm(draw).truth.leavers.set_index("line_id")
    for cause in ("tariff", "service", "moved"):
        without = firm(draw, {"off": cause}).truth.leavers.set_index("line_id")
        gone = truth[truth["cause"] == cause]
        assert len(gone)
        anyway = without["left_on"].reindex(gone.index)
        assert gone["would_have_left"].eq(anyway.notna()).all()
        assert gone.loc[gone["would_have_left"], "would_have_left_on"].eq(anyway.dropna()).all()


@pytest.mark.proof
def test_decisions_move_what_they_are_about():
    draw = Draw("tern_mobile", 1500, 24, SEED)
    plain, kept = firm(draw), firm(draw, {"tariff_change": False})
    assert "tariff" not in set(kept.truth.leavers["cause"])
    assert len(kept.plans) == 2 < len(plain.plans)
    assert len(kept.calls) < len(plain.calls)
    fewer, none = firm(draw, {"staffing": 0.5}), firm(draw, {"recovery": {"share": 0, "compensation": 0}})
    assert fewer.calls["wait_seconds"].mean() > 1.3 * plain.calls["wait_seconds"].mean()
    assert not none.complaints["recovered"].any()
    assert (none.truth.leavers["cause"] == "service").sum() > (plain.truth.leavers["cause"] == "service").sum()
    online = firm(draw, {"self_service": 0.8})
    assert len(online.calls) < len(plain.calls)
    assert online.calls["after_self_service"].mean() > plain.calls["after_self_service"].mean()


@pytest.mark.parametrize(
    ("do", "message"),
    [
        ({"staff": 1.2}, "did you mean 'staffing'"),
        ({"staffing": 9}, "staffing must be a factor from 0.3 to 3; it is 9"),
        ({"self_service": True}, "self_service must be a share from 0 to 0.9"),
        ({"recovery": {"share": 2, "compensation": 5}}, '"share": 0 to 1'),
        ({"recovery": 0.5}, "recovery must be"),
        ({"tariff_change": "no"}, "tariff_change must be true or false"),
        ({"off": "price"}, "off must be one of own, tariff, service, moved, woken; it is 'price'"),
        ({"from_month": 99}, "from_month must be one of the months"),
        ({"offers": ["loyalty"]}, "offers must be a campaign"),
        (
            {"offers": {"spring": {"lines": "all"}}},
            "there is no campaign 'spring'; there are: check_up, upgrade, loyalty",
        ),
        ({"offers": {"loyalty": {"month": 2}}}, "for loyalty it is {'month': 2}"),
        ({"offers": {"loyalty": {"lines": "few"}}}, 'must be "all", "none" or a list of line ids'),
        ({"offers": {"loyalty": {"lines": ["L00001", "L99999"]}}}, "for 1 lines that there are not, such as 'L99999'"),
        ({"offers": {"loyalty": {"lines": None}}}, 'must be "all", "none" or a list of line ids; they are None'),
        (
            {"offers": {"check_up": {"lines": "all"}}, "from_month": 6},
            "check_up goes out in month 3, before from_month 6",
        ),
        ({"offers": {"loyalty": {"lines": "all", "month": 11}}}, "the month of loyalty must be from 0 to 9"),
    ],
)
def test_a_decision_that_cannot_be_is_refused_in_words(do, message):
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        tern.run(SMALL, do)


@pytest.mark.parametrize(("customers", "months"), [(39, 12), (100, 5)])
def test_a_firm_too_small_is_refused(customers, months):
    with pytest.raises(ValueError, match="40 lines and 6 months, or more"):
        tern.run(Draw("tern_mobile", customers, months, SEED))


def test_an_id_that_points_nowhere_breaks_the_firm():
    tables, truth, today = tern.run(SMALL)
    tables["bills"].loc[0, "line_id"] = "L99999"
    with pytest.raises(ContractError, match="no row of lines"):
        Firm(
            SMALL, {"lines": tables["lines"], "plans": tables["plans"], "bills": tables["bills"]}, truth, today
        ).check()


# --- possible futures -----------------------------------------------------------------------------------------------


def test_listed_decisions_begin_with_what_the_firm_does_today_and_can_be_run():
    for kind, rules in tern.LISTED.items():
        assert next(iter(rules.values())) == {}, kind
        for do in rules.values():
            Conditions(SMALL, do)
            Conditions(SMALL, do, ahead=3)


def test_futures_are_paired_and_a_decision_that_does_nothing_changes_none():
    plain = tern.played(SMALL, {}, ahead=4, worlds=3)
    assert plain.equals(tern.played(SMALL, {"staffing": 1.0}, ahead=4, worlds=3))
    assert plain.iloc[:2].equals(tern.played(SMALL, None, ahead=4, worlds=2))
    assert plain["money"].nunique() == 3
    fewer = tern.played(SMALL, {"self_service": 0.2}, ahead=4, worlds=3)
    assert (fewer["money"] - plain["money"]).std() < plain["money"].std() / 2
    assert not fewer.equals(plain)


def test_contacting_nobody_costs_nothing_and_contacting_all_costs_by_the_head():
    nobody = tern.played(SMALL, {"offers": {"upgrade": {"lines": "none"}}}, ahead=1, worlds=2)
    assert nobody.equals(tern.played(SMALL, {}, ahead=1, worlds=2))
    one = tern.played(SMALL, {"offers": {"check_up": {"lines": ["L00150"], "consent": False}}}, ahead=1, worlds=2)
    assert (nobody["money"] - one["money"]).tolist() == pytest.approx([4.0, 4.0])


def test_played_needs_a_month_and_a_world():
    with pytest.raises(ValueError, match="ahead and worlds must be 1 or more; they are 0 and 5"):
        tern.played(SMALL, {}, ahead=0, worlds=5)
    with pytest.raises(ValueError, match="the month of loyalty must be from 12 to 14"):
        tern.played(SMALL, {"offers": {"loyalty": {"lines": "all", "month": 2}}}, ahead=3, worlds=1)


def forward_values(draw, ahead, worlds):
    """Discounted contribution of each line's next months, and what is left then: one row a world, one column a line."""
    rows = []
    for course, later in tern.goes_on(draw, {}, ahead=ahead, worlds=worlds):
        cash = np.zeros(len(course.here))
        for part in course.records["bills"]:
            cost = part["data_gb"] * COST_OF_GB + UNIT_COST[course.lines.plan[part["who"]]]
            cash[part["who"]] += (part["amount"] - cost) * DISCOUNTING ** (part["t"] - draw.months + 1)
        for part in course.records["purchases"]:
            gain = MARGIN * part["amount"] * DISCOUNTING ** (part["t"] - draw.months + 1)
            np.add.at(cash, part["who"], gain)
        rows.append((cash / 100 + later * DISCOUNTING**ahead, course.lines))
    return np.stack([row for row, _ in rows]), rows[0][1]


@pytest.mark.parametrize(
    ("draw", "ahead", "worlds"),
    [
        (Draw("tern_mobile", 600, 24, SEED), 12, 16),
        pytest.param(DEFAULT, 60, 60, marks=pytest.mark.proof),
        pytest.param(Draw("tern_mobile", 3000, 20, 7, "drawn"), 36, 60, marks=pytest.mark.proof),
    ],
)
def test_value_to_infinity_is_what_simulated_futures_bring(draw, ahead, worlds):
    truth = tern.run(draw)[1]["lines"].query("here")
    simulated, lines = forward_values(draw, ahead, worlds)
    assert truth["line_id"].str[1:].astype(int).tolist() == lines.number.tolist()
    groups = {"all": lines.plan >= 0, "flex": lines.plan == 0, "steady": lines.plan == 1, "prone": lines.prone > 1.5}
    groups["aggrieved"] = truth["aggrieved"].to_numpy()
    for name, group in groups.items():
        sums = simulated[:, group].sum(axis=1)
        error = sums.std(ddof=1) / np.sqrt(worlds)
        assert abs(sums.mean() - truth["value_to_infinity"].to_numpy()[group].sum()) <= 3 * error, name


# --- what is planted ------------------------------------------------------------------------------------------------

# What the figure of a fact is where it is planted, and where it is not: the obvious reading is right.
PLANTS = {
    "risk is not persuadability": (lambda x: x < -15, lambda x: x > -12),
    "campaign harms": (lambda x: x > 1, lambda x: x <= 0),
    "campaign moves purchases forward": (lambda x: abs(x) < 5, lambda x: x == 100),
    "likely buyers buy anyway": (lambda x: x < -5, lambda x: x >= 0),
    "tariff causes the spike": (lambda x: x > 40, lambda x: x == 0),
    "retention rises by selection": (lambda x: x < 65, lambda x: x == 100),
    "fastest agent resolves least": (lambda x: x < -20, lambda x: x > 3),
    "two agents differ by luck": (lambda x: x == 0, lambda x: x > 5),
    "self service returns calls": (lambda x: 33 < x < 47, lambda x: x == 0),
    "complaints overdispersed": (lambda x: x > 15, lambda x: x == 0),
    "web site leaks": (lambda x: x > 15, lambda x: x == 0),
    "contact without consent harms": (lambda x: x > 0.8, lambda x: abs(x) < 0.8),
    "top spenders are not worth most": (lambda x: x < -8, lambda x: x > -5),
    "discount pays for one plan": (lambda x: x < -2, lambda x: x > 0),
}


def hold(facts):
    """The facts that are not what their planting says."""
    return {
        name: (row["figure"], row["planted"])
        for name, row in facts.iterrows()
        if not PLANTS[name][0 if row["planted"] else 1](row["figure"])
    }


def test_all_facts_are_planted_in_the_told_story_and_none_in_the_null_twin():
    told, null = default().truth.facts.set_index("fact"), default(False).truth.facts.set_index("fact")
    assert set(told.index) == set(PLANTS)
    assert told["planted"].all()
    assert not null["planted"].any()
    assert hold(told) == {}
    assert hold(null) == {}


def test_a_drawn_story_draws_what_is_planted_and_its_details():
    stories = [figures(Draw("tern_mobile", 60, 8, seed, "drawn")) for seed in range(5)]
    assert {bool(flag) for facts in stories for flag in facts["planted"]} == {True, False}
    for detail in (
        "tariff causes the spike",
        "fastest agent resolves least",
        "web site leaks",
        "discount pays for one plan",
    ):
        assert len({facts.loc[detail, "where"] for facts in stories}) > 1, detail


@pytest.mark.proof
def test_it_pays_to_call_the_persuadable_within_consent_and_not_the_riskiest_or_everybody():
    truth = default().truth.lines.merge(default().lines, on="line_id").query("here")
    leaves = 1 - (1 - truth["moves"]) ** 3 * (1 - truth["theta"]) ** truth["plan"].map({"flex": 3, "steady": 1})
    persuadable = truth.query("kind == 'persuadable' and plan == 'steady'")
    lists = {
        "riskiest": truth.assign(leaves=leaves).nlargest(300, "leaves")["line_id"].tolist(),
        "persuadable": persuadable.nlargest(300, "theta")["line_id"].tolist(),
        "all": "all",
    }
    plain = tern.played(DEFAULT, {}, ahead=6, worlds=8)
    gain = {
        name: (tern.played(DEFAULT, {"offers": {"loyalty": {"lines": lines}}}, ahead=6, worlds=8) - plain).sum(axis=1)
        for name, lines in lists.items()
    }
    uninvited = {"offers": {"loyalty": {"lines": "all", "consent": False}}}
    gain["uninvited"] = (tern.played(DEFAULT, uninvited, ahead=6, worlds=8) - plain).sum(axis=1)
    assert gain["riskiest"].max() < 0 < gain["persuadable"].min()
    assert gain["persuadable"].mean() > gain["all"].mean() > gain["uninvited"].mean()
    assert gain["uninvited"].max() < 0


@pytest.mark.proof
@pytest.mark.parametrize("seed", range(2, 22))
def test_the_plants_hold_over_other_seeds_told_drawn_and_null(seed):
    for story, planted in (("told", True), ("drawn", True), ("told", False)):
        assert hold(figures(Draw("tern_mobile", 6000, 24, seed, story, planted))) == {}, story


def retention_by_age(firm):
    """The share of lines of the flexible plan that renew, at their first to sixth renewal: cohorts watched whole."""
    table = firm.renewals.query("plan == 'flex' and from_start and cohort < '2024-09-01'")
    due = [(table["renewals"] >= age).sum() for age in range(7)]
    return [due[age + 1] / due[age] for age in range(6)]


def test_the_tables_show_retention_that_rises_where_lines_differ_and_not_in_the_null_twin():
    planted, null = retention_by_age(default()), retention_by_age(default(False))
    assert np.mean(planted[3:]) - np.mean(planted[:3]) > 0.005
    assert abs(np.mean(null[3:]) - np.mean(null[:3])) < 0.02


def test_the_model_of_renewals_finds_the_heterogeneity_of_the_flexible_plan():
    table = default().renewals.query("plan == 'flex' and from_start and cohort < '2024-12-01'")
    until = pd.to_datetime("2025-03-01")  # before the new tariff
    table = table[table["cohort"] < until]
    gone = table["left"] & (table["left_on"] < until)
    age = (until.year - table["cohort"].dt.year) * 12 + until.month - table["cohort"].dt.month
    model = ShiftedBetaGeometric().fit(table.assign(left=gone, renewals=table["renewals"].where(gone, age)))
    assert 0.35 < model.params_["alpha"] < 1.2  # 0.5, with causes besides its own


def test_the_hold_out_shows_what_each_campaign_does():
    offers = default().offers
    rates = offers.groupby(["campaign", "offered"])[["left", "bought"]].mean()
    assert rates.loc[("check_up", True), "left"] > rates.loc[("check_up", False), "left"]
    assert rates.loc[("upgrade", True), "bought"] > rates.loc[("upgrade", False), "bought"]
    assert offers.groupby("campaign")["offered"].mean().between(0.65, 0.75).all()


def test_the_spike_of_leavers_is_the_tariffs_and_calls_rise_with_it():
    firm = default()
    month = pd.Timestamp(firm.truth.facts.set_index("fact").loc["tariff causes the spike", "where"])
    window = [month, month + pd.DateOffset(months=3)]
    monthly = firm.renewals["left_on"].dt.to_period("M").value_counts()
    inside = [str(period)[:7] for period in pd.period_range(window[0], periods=3, freq="M")]
    before = pd.period_range(end=month - pd.DateOffset(months=1), periods=6, freq="M")
    assert monthly[inside].mean() > 2 * monthly[before].mean()
    for table, day in (("calls", "date"), ("complaints", "opened_on")):
        by_month = firm[table][day].dt.to_period("M").value_counts()
        assert by_month[inside].mean() > 1.4 * by_month[before].mean()
    causes = firm.truth.leavers["cause"].value_counts()
    assert causes["tariff"] > 2 * causes["service"]


def test_the_fastest_agent_takes_the_most_calls_an_hour_and_settles_the_fewest():
    calls = default().calls.query("not abandoned and category != 'cancellation'")
    agents = calls.groupby("agent_id").agg(seconds=("service_seconds", "mean"), settled=("resolved", "mean"))
    fast = default().truth.facts.set_index("fact").loc["fastest agent resolves least", "where"]
    assert agents["seconds"].idxmin() == agents["settled"].idxmin() == fast
    first, second = default().truth.facts.set_index("fact").loc["two agents differ by luck", "where"].split()
    true = default().truth.agents.set_index("agent_id")
    assert true.loc[first].equals(true.loc[second])
    last = calls[calls["date"] >= "2025-12-01"].groupby("agent_id")["resolved"].mean()
    assert last[first] - last[second] > 0.05


def test_complaints_vary_more_between_months_than_chance_and_not_in_the_null_twin():
    def dispersion(firm, months):
        lines = firm.bills.groupby("month").size()
        counts = firm.complaints["opened_on"].dt.to_period("M").dt.to_timestamp().value_counts().reindex(lines.index)
        expected = lines * counts[months].sum() / lines[months].sum()
        return (((counts - expected) ** 2 / expected)[months]).mean()

    months = pd.date_range("2024-01-01", "2025-02-01", freq="MS")
    assert dispersion(default(), months) > 1.9
    assert dispersion(default(False), pd.date_range("2024-01-01", "2025-12-01", freq="MS")) < 1.7


def test_the_clicks_follow_the_true_chain_and_leak_where_it_says():
    clicks = default().clicks.sort_values(["session_id", "step"])
    after = clicks["page"].shift(-1).where(clicks["session_id"] == clicks["session_id"].shift(-1), "exit")
    ends = clicks["page"] == "order"
    seen = pd.crosstab(clicks["page"][~ends], after[~ends], normalize="index")
    true = default().truth.pages.pivot_table(index="page", columns="next_page", values="probability")
    many = clicks["page"].value_counts()
    for page in seen.index[many[seen.index] > 150]:
        error = np.sqrt(true.loc[page, seen.columns] / many[page])
        assert ((seen.loc[page] - true.loc[page, seen.columns]).abs() < 4 * error + 0.02).all(), page
    leak = default().truth.facts.set_index("fact").loc["web site leaks", "where"]
    assert seen.loc[leak, "exit"] > 0.4
    assert np.allclose(true.sum(axis=1), 1)


def test_consent_can_be_read_from_the_register():
    firm = default()
    register = firm.consent.query("purpose == 'marketing'")
    offers = firm.offers.merge(firm.truth.offer_effects[["campaign", "line_id", "consented"]])
    asked = offers.merge(register, on=["line_id", "channel"], how="left")
    open_then = ~(asked["withdrawn_on"] < asked["month"])
    assert ((asked["given_on"] <= asked["month"]) & open_then).eq(asked["consented"]).all()


def test_who_is_contacted_without_consent_objects_more_often():
    firm = default()
    contacted = firm.offers.query("offered").merge(firm.truth.offer_effects[["campaign", "line_id", "consented"]])
    objected = firm.consent.query("purpose == 'marketing'").dropna(subset="withdrawn_on")
    later = contacted.merge(objected.drop_duplicates("line_id")[["line_id", "withdrawn_on"]], how="left", on="line_id")
    soon = (later["withdrawn_on"] >= later["month"]) & (
        later["withdrawn_on"] < later["month"] + pd.DateOffset(months=1)
    )
    rates = soon.groupby(later["consented"]).mean()
    assert rates[False] > 3 * rates[True]


def test_keys_are_told_by_the_contracts():
    assert key_of("tern_mobile.offers") == ("campaign", "line_id")
    assert default().truth.offer_effects[["campaign", "line_id"]].equals(default().offers[["campaign", "line_id"]])
