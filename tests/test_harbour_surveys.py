"""Harbour & Hill's surveys, partners and plan: contracts, sums that agree, models that come back, planted facts."""

import functools
import itertools
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import AgglomerativeClustering
from sklearn.decomposition import FactorAnalysis
from sklearn.metrics import adjusted_rand_score

from crmlab.data import contracts
from crmlab.data.firms.firm import Draw, csv_bytes
from crmlab.data.firms.harbour import survey_schemas as harbour_survey_schemas
from crmlab.data.firms.harbour import surveys as hs
from crmlab.data.firms.harbour import tables as harbour_tables
from crmlab.data.firms.harbour import wants as hw
from crmlab.data.firms.harbour.history import history
from crmlab.data.firms.harbour.partners import CRITERIA, PICKING, TENDERS, partners
from crmlab.data.firms.story import facts_table

SEEDS = range(2, 22)
SMALL = {"customers": 40, "months": 6}
DRAWS = [
    {},
    {"planted": False},
    {"story": "drawn", "seed": 4, "months": 20},
    SMALL,
    {**SMALL, "story": "drawn", "seed": 7},
]


def asked(h):
    """All that this part of a firm has, with its history."""
    b = harbour_tables.Book(h)
    own, truth, facts = hs.surveys(h, b.own_ids)
    more, more_truth, more_facts = partners(h, b.own_ids)
    assert not own.keys() & more.keys()
    assert not truth.keys() & more_truth.keys()
    known = facts_table([*facts, *more_facts]).set_index("fact")
    return SimpleNamespace(h=h, b=b, own=own | more, truth=truth | more_truth, facts=known)


def drawn(*, customers=240, months=36, seed=1, story="told", planted=True):
    return asked(history(Draw("harbour_and_hill", customers, months, seed, story, planted)))


@functools.cache
def default():
    return drawn()


@functools.cache
def null():
    return drawn(planted=False)


def as_bytes(firm):
    return {name: csv_bytes(table) for name, table in (firm.own | firm.truth | {"facts": firm.facts}).items()}


def by_element(table, column):
    return table.groupby("element_id")[column].mean().set_axis(hw.NAMES) if len(table) else table


# --- contracts, bytes, sizes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "draw", [pytest.param(draw, marks=[pytest.mark.proof] * (n in (1, 2, 3))) for n, draw in enumerate(DRAWS)]
)
def test_tables_keep_their_contracts_and_join(draw, monkeypatch):
    schemas = {schema.name: schema for schema in harbour_survey_schemas.TABLES}
    monkeypatch.setattr(contracts, "_schemas", lambda: schemas)
    firm = {0: default, 1: null}.get(DRAWS.index(draw), lambda: drawn(**draw))()
    tables = firm.own | {f"truth.{name}": table for name, table in firm.truth.items()}
    assert {f"harbour_and_hill.{name}" for name in tables} == set(schemas)
    for name, table in tables.items():
        contract = f"harbour_and_hill.{name}"
        assert list(table) == list(schemas[contract].columns), name
        contracts.check(table, contract)
        for column, target in contracts.foreign_keys(contract).items():
            known = firm.b.trade.ids if target == "customers" else firm.own[target].iloc[:, 0]
            assert table[column].dropna().isin(known).all(), (name, column)
        assert len(table) or name in ("constant_sum", "satisfaction"), name


@pytest.mark.parametrize("draw", [{**SMALL, "seed": 3}, {**SMALL, "seed": 3, "story": "drawn"}])
def test_the_same_draw_gives_the_same_bytes_in_whatever_order_its_orders_are(draw):
    one = drawn(**draw)
    again = asked(harbour_tables.ordered_by_day(one.h))
    assert as_bytes(one) == as_bytes(again)
    other = as_bytes(drawn(**draw | {"seed": 5}))
    same = {name for name, data in as_bytes(one).items() if data == other[name]}
    assert same <= {"elements", "bundles", "factors", "centres", "importances", "drifts"}


def test_tables_are_within_their_budget():
    sizes = {name: len(data) for name, data in as_bytes(default()).items()}
    assert sum(sizes.values()) < 1.3e6
    assert sizes["category_spend"] < 0.45e6


def test_what_others_did_changes_nobody_s_answers():
    """Luck goes by address: the ratings of the first who answer are theirs, whoever answers after them."""
    h, w = default().h, default().h.trade.wants
    who = hs.respondents(h, 2)[1]
    weights = hs._own_weights(h, w, who)
    assert (hs._own_weights(h, w, who[::3]) == weights[::3]).all()


# --- sums that agree ------------------------------------------------------------------------------------------------


def test_what_a_customer_spends_with_us_is_what_we_invoiced_it():
    firm = default()
    orders = harbour_tables.orders(firm.b)
    owner = dict(zip(firm.b.trade.ids, firm.b.own_ids[firm.b.trade.owners], strict=True))
    quarter = orders["ordered_on"].dt.to_period("Q").dt.start_time
    invoiced = orders.groupby([orders["customer_id"].map(owner), quarter])["amount"].sum()
    spend = firm.own["category_spend"]
    told = spend[spend["supplier"] == "us"].set_index(["customer_id", "quarter"])["spend"]
    assert (invoiced.reindex(told.index, fill_value=0.0) - told).abs().max() < 0.001
    assert invoiced.index.isin(told.index).all()


def test_spending_follows_the_true_share_and_falls_while_a_customer_is_annoyed():
    firm = default()
    spend, shares = firm.own["category_spend"], firm.truth["shares"]
    total = spend.groupby(["customer_id", "quarter"])["spend"].sum()
    ours = spend[spend["supplier"] == "us"].set_index(["customer_id", "quarter"])["spend"]
    table = shares.set_index(["customer_id", "quarter"]).assign(total=total, ours=ours)
    assert abs((table["share"] * table["total"]).sum() / table["ours"].sum() - 1) < 0.10
    content = dict(zip(firm.b.own_ids, firm.b.people.share, strict=True))
    below = table["share"] / table.index.get_level_values(0).map(content)
    assert below.max() < 1.001
    assert below.min() < 0.7


def test_the_rank_in_the_customer_s_mind_tells_its_share_but_not_exactly():
    spend = default().own["category_spend"]
    size = spend.groupby(["customer_id", "quarter"])["supplier"].transform("size")
    mean_rank = spend.groupby(["customer_id", "quarter"])["stated_rank"].rank(method="average")
    rule = (1 - mean_rank / (size + 1)) * 2 / size
    true = spend["spend"] / spend.groupby(["customer_id", "quarter"])["spend"].transform("sum")
    several = (size > 1) & true.notna()
    assert 0.4 < np.corrcoef(rule[several], true[several])[0, 1] < 0.95


def test_the_plan_s_actual_figures_are_those_of_the_orders():
    firm = default()
    orders = harbour_tables.orders(firm.b)
    depot = orders["customer_id"].map(harbour_tables.customers(firm.b).set_index("customer_id")["depot"])
    month = orders["ordered_on"].dt.to_period("M").dt.start_time
    plan = firm.own["plan"].set_index(["kpi", "month"])["actual"]
    for name in depot.unique():
        revenue = orders["amount"][depot == name].groupby(month).sum()
        assert (plan[f"revenue {name}"] - revenue).abs().max() < 0.01
    assert (plan["orders"] == orders.groupby(month).size()[-12:]).all()
    shares = firm.own["partners"].set_index("kind")["their_share_of_our_profit"]
    assert abs(shares[["principal", "supplier"]].sum() - 1) < 0.001


def test_points_add_up_and_rankings_are_whole_or_the_best_three():
    own = default().own
    points = own["constant_sum"].groupby("customer_id")["points"]
    assert (points.sum() == 100).all()
    assert (points.size() == 6).all()
    ranks = own["rankings"].groupby("customer_id")["rank"].agg(sorted).map(tuple)
    assert set(ranks) == {tuple(range(1, 9)), (1, 2, 3)}
    assert 0.03 < (ranks.map(len) == 3).mean() < 0.2
    assert sum(CRITERIA.values()) == pytest.approx(1)


def test_who_does_not_keep_them_is_in_the_log_of_promises():
    promises = default().own["promises"]
    due = promises[promises["due_on"] < "2025-11-01"]
    kept = due["kept_on"].notna().groupby(due["by"]).mean()
    assert kept["us"] > kept["them"] > 0.6
    conflicts = default().own["conflicts"].dropna(subset="resolved_on")
    again = conflicts["recurred_on"].notna().groupby(conflicts["policy_changed"]).mean()
    assert again[False] > again[True] + 0.1


def test_shared_forecasts_are_better_only_where_that_is_planted():
    def error(firm):
        table = firm.own["shared_forecasts"].groupby(["shared", "customer_id"])[["forecast", "actual"]]
        wrong = table.apply(lambda t: (t["forecast"] - t["actual"]).abs().sum() / max(t["actual"].sum(), 1))
        return wrong.groupby("shared").median()

    assert error(default())[True] < 0.3 < error(default())[False]
    assert error(null())[True] > 0.3


def test_the_principal_gives_notice_a_year_ahead():
    firm = default()
    letter = firm.own["notices"].query("subject == 'End of exclusivity'").iloc[0]
    assert (letter["date"], letter["partner_id"]) == (pd.Timestamp("2025-06-15"), "P01")
    assert firm.own["partners"].set_index("partner_id")["exclusivity_ends"].dropna().to_dict() == {
        "P01": letter["takes_effect"]
    }


# --- models that come back ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("theta", [0.0, 0.8])
def test_mallows_gives_each_ranking_its_chance(theta):
    n = 200
    u = np.stack([part.ravel() for part in np.meshgrid(*[(np.arange(n) + 0.5) / n] * 2)])
    ranks = hs.mallows(np.stack([u[0], *u]), np.tile([2, 0, 1], (n * n, 1)), np.full(n * n, theta))
    centre = np.array([2, 3, 1])  # the rank of each thing
    chances = {}
    for ranking in itertools.permutations((1, 2, 3)):
        apart = sum((ranking[a] - ranking[b]) * (centre[a] - centre[b]) < 0 for a, b in ((0, 1), (0, 2), (1, 2)))
        chances[ranking] = np.exp(-theta * apart)
    found = pd.Series(list(map(tuple, ranks.tolist()))).value_counts(normalize=True)
    for ranking, chance in chances.items():
        assert found[ranking] == pytest.approx(chance / sum(chances.values()), abs=0.01)


def test_groups_come_back_from_their_rankings():
    w = default().h.trade.wants
    group = np.repeat(np.arange(4), 25)
    u = np.random.default_rng(1).random((8, 100))

    def found(theta):
        ranks = hs.mallows(u, w.centres[group], np.full(100, theta))
        clusters = AgglomerativeClustering(4, linkage="average").fit_predict(ranks)
        return adjusted_rand_score(group, clusters)

    assert found(4.0) == 1.0
    assert found(0.1) < 0.3
    table = default().own["rankings"].pivot_table(index="customer_id", columns="bundle_id", values="rank").dropna()
    truth = default().truth["preferences"].set_index("customer_id")["preference"][table.index]
    centres = default().truth["centres"].pivot_table(index="preference", columns="bundle_id", values="rank")
    nearest = table.apply(lambda ranks: ((centres - ranks) ** 2).sum(axis=1).idxmin(), axis=1)
    assert (nearest == truth).mean() > 0.75


@pytest.mark.parametrize("rating", ["importance", "performance"])
def test_the_four_factors_come_back_from_the_ratings(rating):
    table = default().own["survey"].pivot_table(index=["customer_id", "wave"], columns="element_id", values=rating)
    table = (table - table.mean()) / table.std()
    assert (np.linalg.eigvalsh(table.corr()) > 1).sum() == 4
    found = FactorAnalysis(4, rotation="varimax", random_state=0).fit(table.fillna(0)).components_
    true = default().truth["factors"].pivot_table(index="factor", columns="element_id", values="loading")
    alike = np.abs([[np.corrcoef(a, b)[0, 1] for b in true.to_numpy()] for a in found])
    assert sorted(alike.argmax(axis=1)) == [0, 1, 2, 3]
    assert (alike.max(axis=1) > 0.85).all()


def test_what_a_customer_lived_through_shows_in_what_it_says():
    firm = default()
    who = {name: place for place, name in enumerate(firm.b.own_ids)}
    week = firm.b.trade.weeks - 1
    lived = hs.failures(firm.h, week)
    last = firm.own["survey"].query("wave == 2")
    day = last[last["element_id"] == hw.ELEMENT_IDS[hw.STANDS_FOR[0]]]
    late = lived["late"][day["customer_id"].map(who)]
    assert np.corrcoef(late, day["performance"])[0, 1] < -0.2
    satisfied = firm.own["satisfaction"].groupby("satisfied")["recommend"].mean()
    assert satisfied[8] - satisfied[6] > 2 * (satisfied[4] - satisfied[2])  # steep in the middle


def test_pairs_are_compared_not_quite_consistently():
    paired = default().own["paired"]
    assert paired["respondent"].nunique() == 36
    whole = np.where(paired["preference"] < 1, 1 / paired["preference"], paired["preference"])
    assert np.abs(whole - np.round(whole)).max() < 0.01
    there = paired.assign(log=np.log(paired["preference"]))
    back = there.rename(columns={"element_a": "element_b", "element_b": "element_a"}).assign(log=-there["log"])
    both = pd.concat([there, back])
    logs = both.groupby(["respondent", "element_a"])["log"].sum() / 6  # log weights by geometric means
    key = [pd.MultiIndex.from_arrays([there["respondent"], there[side]]) for side in ("element_a", "element_b")]
    error = there["log"].to_numpy() - (logs[key[0]].to_numpy() - logs[key[1]].to_numpy())
    assert 0.1 < error.std() < 0.6
    managers = logs[logs.index.get_level_values(0).str.startswith("M")].groupby(level=1).mean()
    assert managers.idxmax() == hw.ELEMENT_IDS[hw.NAMES.index("price level")]
    customers = logs[logs.index.get_level_values(0).str.startswith("C")].groupby(level=1).mean()
    assert customers.idxmin() == hw.ELEMENT_IDS[hw.NAMES.index("dedicated representative")]


# --- what is planted ------------------------------------------------------------------------------------------------


def test_the_supplier_thinks_of_price():
    own = default().own
    view = by_element(own["supplier_view"], "importance")
    assert view.idxmax() == "price level"
    wave = by_element(own["survey"].query("wave == 2"), "importance")
    assert wave["delivery on the day promised"] > wave["price level"]
    weight = default().truth["importances"].pivot_table(index="preference", columns="element_id", values="weight")
    first = weight.set_axis(np.array(hw.NAMES)[sorted(hw.DISCUSSED)], axis=1).idxmax(axis=1)
    assert first.tolist() == ["delivery on the day promised"] * 2 + ["order lead time", "price level"]


def test_an_element_that_nobody_wants_gets_fives_and_no_points():
    firm = default()
    elements = firm.own["elements"].set_index("name")
    assert elements["yearly_cost"].idxmax() == "dedicated representative"
    rating = by_element(firm.own["survey"], "importance")["dedicated representative"]
    points = (
        firm.own["constant_sum"]
        .groupby("element_id")["points"]
        .mean()[elements["element_id"]["dedicated representative"]]
    )
    assert rating > 5
    assert points < 2
    assert null().facts["figure"]["an element nobody wants"] > 7


def test_preference_cuts_across_behaviour_and_in_the_null_twin_is_behaviour():
    fact = "preference cuts across behaviour"
    assert default().facts["figure"][fact] < 0.2
    assert null().facts["figure"][fact] == 1
    assert (default().truth["preferences"]["preference"] == default().b.people.preference).all()


def test_the_best_score_has_one_side():
    own = default().own
    scores = own["partner_scores"]
    total = (scores["score"] * scores["weight"]).groupby(scores["partner_id"]).sum()
    best = own["partners"].set_index("partner_id").loc[total.idxmax()]
    assert best["kind"] == "principal"
    ours = best["their_share_of_our_profit"] * min(best["months_to_replace_them"] / 12, 1)
    assert ours > 5 * best["our_share_of_their_sales"] * min(best["months_to_replace_us"] / 12, 1)


def test_one_relation_hangs_on_one_person_and_is_the_best_kept():
    met = default().own["contacts"].groupby("partner_id")
    pairs = met[["our_person", "their_person"]].apply(lambda t: len(t.drop_duplicates()))
    assert pairs["P03"] == 1
    assert pairs.drop("P03").min() >= 4
    assert met.size().idxmax() == "P03"


def test_one_alarm_is_noise_and_a_drift_begins_within_tolerance():
    plan = default().own["plan"].set_index("month")
    off = plan["actual"] / plan["planned"] - 1
    tenders, picking = (plan["kpi"] == name for name in (TENDERS, PICKING))
    alarms = off[tenders].abs() > plan["tolerance"][tenders]
    assert alarms[alarms].index.tolist() == [pd.Timestamp("2025-08-01")]
    red = off[picking] > plan["tolerance"][picking]
    assert not red[:"2025-07-01"].any()
    assert red["2025-11-01":].all()
    true = default().truth["drifts"].query("kpi == @PICKING").set_index("month")["true_mean"]
    assert (true[:"2025-04-01"] == true.iloc[0]).all()
    assert true["2025-05-01"] > true.iloc[0]


def test_a_drawn_story_moves_details_and_signs_and_plants_some_facts_only():
    facts = pd.concat([drawn(**SMALL, seed=seed, story="drawn").facts for seed in range(8)])
    planted = facts["planted"].astype(bool).groupby(level=0).agg(["any", "all"])
    assert planted["any"].all()
    assert not planted["all"].all()
    places = facts["where"].groupby(level=0).nunique()
    assert (places.drop("preference cuts across behaviour") > 1).all()
    figures = facts[facts["planted"]]["figure"]
    for fact in ("a wish grows or fades", "one alarm is noise"):
        assert figures[fact].min() < 0 < figures[fact].max()


def holds(figures):
    """Whether each fact is there."""
    return pd.DataFrame(
        {
            "the supplier thinks of price": figures["the supplier thinks of price"] > 0.7,
            "an element nobody wants": figures["an element nobody wants"] < 3,
            "a wish grows or fades": figures["a wish grows or fades"] > 0.5,
            "preference cuts across behaviour": figures["preference cuts across behaviour"] < 0.3,
            "the best score has one side": figures["the best score has one side"] > 0.04,
            "one relation hangs on one person": figures["one relation hangs on one person"] == 1,
            "one alarm is noise": figures["one alarm is noise"] == -3,
            "a drift within tolerance": figures["a drift within tolerance"] > 5,
        }
    )


def test_each_planted_fact_is_there_and_none_in_the_null_twin():
    assert default().facts["planted"].all()
    assert not null().facts["planted"].any()
    assert holds(default().facts[["figure"]].T).all(axis=None)
    assert not holds(null().facts[["figure"]].T).any(axis=None)


@pytest.mark.proof
def test_each_planted_fact_is_there_in_other_seeds():
    figures = pd.DataFrame([drawn(seed=seed).facts["figure"] for seed in SEEDS])
    there = holds(figures).mean()
    assert (there.drop("a wish grows or fades") == 1).all(), there
    assert there["a wish grows or fades"] >= 0.9, figures["a wish grows or fades"]


@pytest.mark.proof
def test_nothing_planted_has_no_systematic_effect_in_the_null_twin():
    figures = pd.DataFrame([drawn(seed=seed, planted=False).facts["figure"] for seed in SEEDS])
    around_nothing = [
        "the supplier thinks of price",
        "a wish grows or fades",
        "the best score has one side",
        "one alarm is noise",
    ]
    for fact in around_nothing:
        assert abs(figures[fact].mean()) < 3 * figures[fact].sem() + 1e-9, (fact, figures[fact])
    assert (figures["a drift within tolerance"] == 0).all()
    assert (figures["one relation hangs on one person"] >= 5).all()
    assert (figures["an element nobody wants"] > 6).all()
    assert (figures["one alarm is noise"].abs() <= 2).all()
