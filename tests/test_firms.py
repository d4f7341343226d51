"""The simulated firms as data: the default draws in `datasets/`, their dictionary, loading, Parquet in pieces."""

import hashlib
import shutil
import sys

import pandas as pd
import pytest
from helpers import ROOT
from pandas.testing import assert_frame_equal

from crmlab.data import ContractError, load_cohorts, load_transactions, summarize
from crmlab.data.contracts import contracts, dictionary, key_of
from crmlab.data.firms import load, play, simulate, simulation
from crmlab.data.firms.causes import GRAPHS
from crmlab.data.firms.firm import CHECKSUMS, csv_bytes
from crmlab.data.firms.publish import publish

DATASETS = ROOT / "datasets"
FIRMS = ("harbour_and_hill", "tern_mobile")
BUDGET = 12e6


@pytest.fixture(scope="module")
def simulated():
    return {name: simulate(name) for name in FIRMS}


def test_datasets_are_what_the_generator_writes(tmp_path, simulated, monkeypatch):
    monkeypatch.setattr("crmlab.data.firms.publish.simulate", simulated.get)  # once for all tests here
    for name in ("README.md", "glossary.csv"):  # written by hand, the one in part and the other all of it
        shutil.copy(DATASETS / name, tmp_path)
    publish(tmp_path)
    made = {path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()}
    kept = {path.relative_to(DATASETS) for path in DATASETS.rglob("*") if path.is_file()}
    assert made == kept
    changed = [str(name) for name in sorted(made) if (tmp_path / name).read_bytes() != (DATASETS / name).read_bytes()]
    assert not changed, "run `make data`, look at the difference, and commit it"


def test_datasets_keep_to_their_budget():
    assert sum(path.stat().st_size for path in DATASETS.rglob("*.csv")) < BUDGET


@pytest.mark.parametrize("name", FIRMS)
def test_checksums_are_those_of_the_files(name):
    lines = (DATASETS / name / CHECKSUMS).read_text("utf-8").splitlines()
    for line in lines:
        checksum, file = line.split("  ")
        assert hashlib.sha256((DATASETS / name / file).read_bytes()).hexdigest() == checksum
    assert {line.split("  ")[1] for line in lines} == {
        str(path.relative_to(DATASETS / name)) for path in (DATASETS / name).rglob("*.csv")
    }


@pytest.mark.parametrize("name", FIRMS)
def test_what_is_loaded_is_what_is_simulated(name, simulated):
    firm = load(name)
    assert firm.draw == simulated[name].draw
    assert firm.today == simulated[name].today
    assert list(firm) == list(simulated[name])
    assert list(firm.truth) == list(simulated[name].truth)
    for table in firm:
        assert_frame_equal(firm[table], simulated[name][table], check_dtype=False, check_exact=True, obj=table)
    for table in firm.truth:
        assert csv_bytes(firm.truth[table]) == csv_bytes(simulated[name].truth[table]), table
    firm.check()


def test_outside_a_checkout_the_same_is_simulated(tmp_path, monkeypatch):
    monkeypatch.setattr(simulation, "DATASETS", tmp_path)
    assert csv_bytes(load("tern_mobile").renewals) == csv_bytes(load_from(DATASETS / "tern_mobile", "renewals"))


def load_from(folder, table):
    name = folder.name
    return simulation.saved(folder, simulation.DEFAULTS[name], pd.Timestamp("2025-12-28"))[table]


def test_a_table_is_announced_when_it_is_read():
    heard = []
    sys.addaudithook(lambda event, args: heard.append(args) if event == "crmlab.data.read" else None)
    firm = load("harbour_and_hill")
    assert not [args for args in heard if "harbour" in args[0]]
    expected = hashlib.sha256((DATASETS / "harbour_and_hill" / "products.csv").read_bytes()).hexdigest()
    assert len(firm.products) == 900
    assert heard[-1] == ("harbour_and_hill/products.csv", expected)


def test_a_changed_file_is_refused_with_its_row(tmp_path):
    folder = tmp_path / "harbour_and_hill"
    shutil.copytree(DATASETS / "harbour_and_hill", folder)
    text = (folder / "products.csv").read_text("utf-8").splitlines()
    text[3] = text[3].replace(",A,", ",Z,")
    (folder / "products.csv").write_text("\n".join(text), "utf-8")
    with pytest.raises(ContractError, match=r"abc: none of: A, B, C in 1 row: row 3 \('Z'\)"):
        load_from(folder, "products")


@pytest.mark.parametrize("name", FIRMS)
def test_every_table_has_a_contract_and_its_place_in_the_dictionary(name, simulated):
    readme = (DATASETS / "README.md").read_text("utf-8")
    tables = [f"{name}.{table}" for table in simulated[name]]
    tables += [f"{name}.truth.{table}" for table in simulated[name].truth]
    assert set(tables) == {contract for contract in contracts() if contract.startswith(f"{name}.")}
    for table in tables:
        assert dictionary(table) in readme
        assert key_of(table), f"{table} has no key"


@pytest.mark.parametrize("name", FIRMS)
def test_every_fact_is_told_in_words_and_in_numbers(name, simulated):
    told = (DATASETS / name / "truth" / "README.md").read_text("utf-8")
    facts = simulated[name].truth.facts
    assert facts["planted"].all()
    assert facts["figure"].notna().all()
    for fact in facts["fact"]:
        assert f"## {fact[0].upper() + fact[1:]} (chapter" in told


@pytest.mark.parametrize("name", FIRMS)
def test_the_causal_graph_has_no_loose_ends(name):
    graph = GRAPHS[name]
    assert {end for arrow in graph.arrows for end in arrow} == set(graph.boxes)
    assert graph.decided <= set(graph.boxes)
    assert len(set(graph.boxes.values())) == len(graph.boxes), "two boxes in one place"
    for cause, effect in graph.arrows:
        assert graph.boxes[cause][0] <= graph.boxes[effect][0], f"{cause} stands right of {effect}"


@pytest.mark.parametrize("name", ["tern_mobile", pytest.param("harbour_and_hill", marks=pytest.mark.proof)])
def test_parquet_in_pieces_is_the_firm(name, tmp_path, monkeypatch):
    module = simulation._module(name)
    monkeypatch.setattr(module.pieces, "__defaults__", (70,)) if name == "tern_mobile" else monkeypatch.setattr(
        module, "ROWS", 1000
    )
    folder = simulation.write_parquet(name, tmp_path / "big", customers=150, months=12, seed=5)
    firm = simulate(name, customers=150, months=12, seed=5)
    pieces = 0
    for table in firm:
        files = sorted((folder / table).glob("*.parquet"))
        pieces = max(pieces, len(files))
        whole = pd.concat(map(pd.read_parquet, files), ignore_index=True)
        key = list(key_of(f"{name}.{table}"))
        assert csv_bytes(whole.sort_values(key, ignore_index=True)) == csv_bytes(
            firm[table].sort_values(key, ignore_index=True)
        ), table
    assert pieces > 1


def test_parquet_is_written_into_no_folder_that_holds_something(tmp_path):
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(FileExistsError, match="is not empty; name a new folder"):
        simulation.write_parquet("harbour_and_hill", tmp_path, customers=40, months=6)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


# --- as the chapters take them ---


def test_orders_as_a_purchase_log():
    log, orders = load_transactions("harbour_and_hill"), load("harbour_and_hill").orders
    assert len(log) == len(orders)
    assert log["amount"].sum() == pytest.approx(orders["amount"].sum())
    assert len(summarize(log)) == orders["customer_id"].nunique()


def test_cohorts_of_the_telecom_are_those_of_its_renewals():
    cohorts, firm = load_cohorts("tern_mobile"), load("tern_mobile")
    assert cohorts.loc[0].eq(100).all()
    assert cohorts["flex"].is_monotonic_decreasing
    renewals = firm.renewals
    watched = renewals[renewals["from_start"] & (renewals["plan"] == "flex") & (renewals["cohort"] < "2025-01-01")]
    assert cohorts.attrs["customers"]["flex"] == len(watched)
    assert cohorts.loc[3, "flex"] == pytest.approx(100 * (watched["renewals"] >= 3).mean())
    gone_early = watched["left"] & (watched["renewals"] < 12)
    assert cohorts.loc[12, "flex"] == pytest.approx(100 * (1 - gone_early.mean()))


def test_unknown_cohorts_are_refused():
    with pytest.raises(ValueError, match="there are no cohorts 'mine'; there are: 'published', 'tern_mobile'"):
        load_cohorts("mine")


def test_a_dirty_firm_is_not_played(simulated):
    with pytest.raises(ValueError, match="harbour_and_hill_dirty cannot be played"):
        play(simulated["harbour_and_hill"].dirtied(1), {})
