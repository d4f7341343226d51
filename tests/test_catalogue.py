"""Catalogues of sweeps: what the folders say is what the tables say, typed, whole and in order."""

import datetime as dt
import json
import math
import random
import shutil
from contextlib import nullcontext
from itertools import pairwise

import pandas as pd
import pytest
from filelock import FileLock
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from sweeps import ASweep, decision, result

from crmlab.runner.catalogue import Catalogue, SweepError, column
from crmlab.runner.records import storable


@pytest.fixture
def sweep(tmp_path):
    return ASweep(tmp_path / "runs" / "discount")


def catalogue(sweep):
    return Catalogue(sweep.folder)


# --- the tables -----------------------------------------------------------------------------------------------------


def test_a_run_is_a_row_and_so_is_a_result(sweep):
    first = sweep.run({"rate": 0.05, "seed": 1}, result("clv", 40.5, 38, 43.5, "USD"), decision(3.5, 1, 6))
    second = sweep.run({"rate": 0.10, "seed": 1}, status="failed", error="cell [5] in 'Fit': ValueError: no", cell=5)
    third = sweep.run({"rate": 0.15, "seed": 1}, status="interrupted")
    runs = catalogue(sweep).runs
    assert " ".join(runs.columns) == (
        "id status notebook rate seed clv clv.low clv.high clv.unit clv.kind "
        "decision decision.low decision.high decision.unit decision.kind decision.text "
        "error cell started seconds notebook_sha256 crmlab_sha256 versions_sha256 commit dirty data superseded changed"
    )
    assert runs["id"].tolist() == [first, second, third]
    assert runs["status"].tolist() == ["done", "failed", "interrupted"]
    assert runs.loc[0, ["clv", "clv.low", "clv.high", "clv.unit", "clv.kind"]].tolist() == [
        40.5, 38, 43.5, "USD", "estimate",
    ]  # fmt: skip
    assert runs.loc[0, "decision.text"] == "Pay at most this much."
    assert (runs.loc[1, "cell"], runs.loc[1, "error"]) == (5, "cell [5] in 'Fit': ValueError: no")
    assert runs["clv"].isna().tolist() == [False, True, True]
    assert runs.loc[0, "started"] == pd.Timestamp("2026-11-23 01:02:03", tz="UTC")
    assert runs.loc[0, "data"] == "cdnow dddddddddddd"
    results = catalogue(sweep).results
    assert " ".join(results.columns) == "id status rate seed name value low high unit level kind"
    assert results[["id", "name", "value", "level"]].to_numpy().tolist() == [
        [first, "clv", 40.5, 0.9],
        [first, "decision", 3.5, 0.9],
    ]


def test_a_run_that_somebody_holds_is_running(sweep):
    name = sweep.run({"seed": 1}, status="interrupted")
    lock = sweep.folder / "runs" / name / "lock"
    with FileLock(lock):
        assert catalogue(sweep).runs["status"].tolist() == ["running"]
    assert lock.exists()
    assert catalogue(sweep).runs["status"].tolist() == ["interrupted"]
    with FileLock(lock, timeout=0):  # looking has not left it held
        pass


def test_results_of_a_failed_run_up_to_its_failure_are_kept(sweep):
    sweep.run({"seed": 1}, result("clv", 40.5), status="failed", error="cell [9]: ValueError: no", cell=9)
    assert catalogue(sweep).results[["status", "name"]].to_numpy().tolist() == [["failed", "clv"]]


def test_a_run_that_had_not_begun_and_foreign_files_are_passed_over(sweep):
    sweep.run({"seed": 1}, result("clv", 40.5))
    (sweep.folder / "runs" / ("0" * 16)).mkdir()
    (sweep.folder / "runs" / ".DS_Store").write_bytes(b"\0")
    (sweep.folder / "runs" / "notes").mkdir()
    (sweep.folder / "runs" / "notes" / "todo.txt").write_text("look at seed 1")
    assert len(catalogue(sweep).runs) == 1


def test_a_folder_without_runs_has_empty_tables(sweep):
    empty = catalogue(sweep)
    assert (len(empty.runs), len(empty.results), empty.parameters) == (0, 0, [])
    assert {"id", "status", "error", "superseded"} <= set(empty.runs)
    assert str(empty).endswith("discount: 0 runs")


def test_a_name_that_is_taken_says_what_it_is(sweep):
    sweep.run({"status": "gold", "level": 0.9, "clv": 3}, result("clv", 40.5), result("error", 0.1))
    one = catalogue(sweep)
    assert one.parameters == ["parameter.status", "parameter.level", "clv"]
    assert one.runs.loc[0, ["status", "parameter.status", "parameter.level"]].tolist() == ["done", "gold", 0.9]
    assert one.runs.loc[0, ["clv", "result.clv", "result.error", "result.error.kind"]].tolist() == [
        3, 40.5, 0.1, "estimate",
    ]  # fmt: skip
    assert one.results["parameter.level"].tolist() == [0.9, 0.9]


# --- types ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([39, 40], "int64"),
        ([39, None], "Int64"),
        ([0.1, None], "float64"),
        ([1, 0.5], "float64"),
        ([True, False], "bool"),
        ([True, None], "boolean"),
        (["a", None], "str"),
        ([dt.date(1997, 9, 30), None], "datetime64[us]"),
        ([math.nan, math.inf], "float64"),
        ([None, None], "float64"),
        ([], "float64"),
        ([1, "all"], "object"),
        ([1, True], "object"),
        ([2**70], "object"),
        ([2**70, None], "object"),
        ([10**400, 0.5], "object"),
    ],
    ids=str,
)
def test_a_column_has_the_type_of_its_values(values, dtype):
    assert column([None if value is None else storable("x", value) for value in values]).dtype == dtype


@given(st.lists(st.none() | st.integers() | st.booleans() | st.text() | st.dates() | st.floats(-1e6, 1e6)))
def test_no_value_is_lost_in_a_column(values):
    kept = column([None if value is None else storable("x", value) for value in values])
    assert len(kept) == len(values)
    for value, stored in zip(values, kept.tolist(), strict=True):
        if value is None:
            assert pd.isna(stored)
        else:
            wanted = float(f"{value:.6g}") if isinstance(value, float) else value
            assert stored == (pd.Timestamp(wanted) if isinstance(stored, pd.Timestamp) else wanted)


def test_whole_numbers_stay_whole_beside_runs_that_lack_them(sweep):
    sweep.run({"weeks": 39, "seed": 1}, result("customers", 2357), result("fitted", True))
    sweep.run({"seed": 2}, status="failed", error="cell [1]: ValueError: no")
    runs = catalogue(sweep).runs
    assert runs["weeks"].tolist() == [39, pd.NA]
    assert [str(runs.loc[0, name]) for name in ("weeks", "customers", "fitted")] == ["39", "2357", "True"]
    assert "39.0" not in runs.to_csv()


# --- one run after another ------------------------------------------------------------------------------------------


def test_a_later_run_of_the_same_values_supersedes_and_says_what_changed(sweep):
    values = {"dataset": "my.parquet", "rate": 0.1}
    sweep.run(values, files={"dataset": "1" * 64})
    sweep.run({**values, "rate": 0.2}, files={"dataset": "1" * 64})
    sweep.run(values, files={"dataset": "2" * 64})
    sweep.run(values, files={"dataset": "2" * 64}, notebook_sha256="m" * 64, versions_sha256="w" * 64)
    sweep.run(values, files={"dataset": "2" * 64}, notebook_sha256="m" * 64, crmlab_sha256="e" * 64)
    runs = catalogue(sweep).runs
    assert runs["superseded"].tolist() == [True, False, True, True, False]
    assert runs["changed"].tolist() == ["", "", "dataset's file", "notebook, versions", "crmlab, versions"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15, deadline=None)
@given(cases=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), unique=True, min_size=1, max_size=9))
def test_of_each_case_exactly_the_last_run_is_not_superseded(tmp_path_factory, cases):
    sweep = ASweep(tmp_path_factory.mktemp("law") / "sweep")
    for case, version in cases:
        sweep.run({"case": case}, crmlab_sha256=str(version) * 64)
    runs = catalogue(sweep).runs
    assert runs["case"].tolist() == [case for case, _ in cases]
    current = runs[~runs["superseded"]]
    assert sorted(current["case"]) == sorted({case for case, _ in cases})
    assert current.index.tolist() == sorted(runs.groupby("case").tail(1).index)


def test_runs_that_depart_from_the_registered_study_say_how(sweep):
    sweep.register([({"rate": 0.1, "seed": 1}, {}), ({"rate": "my.csv", "seed": 1}, {"rate": "1" * 64})], repeat="seed")
    sweep.run({"rate": 0.1, "seed": 1}, decision(3, 1, 5))
    sweep.run({"rate": 0.1, "seed": 1}, decision(4, 2, 6), notebook_sha256="m" * 64)
    sweep.run({"rate": "my.csv", "seed": 1}, files={"rate": "2" * 64})
    sweep.run({"rate": "elsewhere.csv", "seed": 1}, files={"rate": "1" * 64})
    sweep.run({"rate": 0.1, "seed": 9})
    sweep.run({"rate": 0.7, "seed": 1}, crmlab_sha256="e" * 64, versions_sha256="w" * 64)
    told = catalogue(sweep)
    assert told.runs["deviates"].tolist() == [
        "",
        "notebook",
        "rate's file",
        "",
        "a further repeat",
        "crmlab, versions, not a registered case",
    ]
    printed = str(told)
    assert "Registered study: How deep?" in printed
    assert "primary result: decision; rule: Mail if low > 0." in printed
    assert "2 of 2 cases are done as registered; 4 runs deviate" in printed


def test_repeats_until_a_declared_error_are_no_departure(sweep):
    sweep.register([({"rate": 0.1, "seed": 1}, {})], repeat="seed", until_error=0.5)
    sweep.run({"rate": 0.1, "seed": 2})
    sweep.run({"rate": 0.3, "seed": 2})
    assert catalogue(sweep).runs["deviates"].tolist() == ["", "not a registered case"]


def test_a_run_before_the_study_was_registered_says_so(sweep):
    sweep.began = -60
    sweep.run({"rate": 0.1})
    sweep.register([({"rate": 0.1}, {})])
    assert catalogue(sweep).runs["deviates"].tolist() == ["run before it was registered"]


def test_without_a_registered_study_there_is_no_such_column(sweep):
    sweep.run({"seed": 1})
    assert "deviates" not in catalogue(sweep).runs


# --- files ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def varied(sweep):
    """Runs with every type of value, missing ones among them."""
    sweep.run({"weeks": 39, "wave": "all", "end": "1997-09-30"}, result("day", dt.date(1997, 9, 30)), result("x", 1.5))
    sweep.run({"weeks": 40, "wave": 2, "end": "1997-06-30"}, result("x", math.nan), result("ok", True), result("n", 7))
    sweep.run({"weeks": 41, "wave": 3, "end": "1997-06-30"}, status="failed", error="cell [1]: 'a', \"b\"\nc", cell=1)
    return catalogue(sweep)


@pytest.mark.parametrize("long", [False, True])
def test_parquet_gives_back_what_was_written_with_its_types(varied, tmp_path, long):
    table = varied.results if long else varied.runs
    varied.write(tmp_path / "out.parquet", long=long)
    back = pd.read_parquet(tmp_path / "out.parquet")
    mixed = table.columns[[str(kind) == "object" for kind in table.dtypes]]
    assert mixed.tolist() == (["wave", "value"] if long else ["wave"])
    assert_frame_equal(back.drop(columns=mixed), table.drop(columns=mixed))
    for name in mixed:
        assert back[name].dtype == "str"
        assert back[name].tolist() == [str(value) for value in table[name]]


def test_csv_gives_back_what_was_written(varied, tmp_path):
    varied.write(tmp_path / "out.csv")
    runs = varied.runs.astype({"wave": "str"})
    kinds = {name: kind for name, kind in runs.dtypes.items() if name not in ("day", "started")}
    back = pd.read_csv(tmp_path / "out.csv", dtype=kinds, parse_dates=["day", "started"])
    # An empty text and a missing one are the same in CSV.
    assert_frame_equal(back.fillna({"changed": ""}), runs, check_dtype=False)
    assert b"\r" not in (tmp_path / "out.csv").read_bytes()


def test_another_ending_is_refused_and_nothing_written(varied, tmp_path):
    with pytest.raises(SweepError, match=r"out.xlsx: name a file that ends in .parquet or .csv"):
        varied.write(tmp_path / "out.xlsx")
    assert not (tmp_path / "out.xlsx").exists()


# --- two runs -------------------------------------------------------------------------------------------------------

PROSE = "# Title\n\n## Fit"
BEFORE = (PROSE, "import pandas", "clv = mean * 39", "# ## End", "record('clv', clv)")


@pytest.fixture
def changed(sweep):
    """Two runs between which everything changed; their ids."""
    sweep.write("versions/" + "v" * 64 + ".json", {"python": "3.12.1", "numpy": "2.1"})
    sweep.write("versions/" + "w" * 64 + ".json", {"python": "3.12.1", "numpy": "2.2", "extra": "1.0"})
    old = sweep.notebook(*BEFORE)
    new = sweep.notebook(PROSE, "import pandas", "mean = 2\nclv = mean * 40", *BEFORE[3:], "clv + 1")
    before = sweep.run(
        {"weeks": 39, "rate": 0.1},
        *(result("clv", 40.5, 38, 43.5, "USD"), result("segments", 5), result("best", "A"), result("gone", 1)),
        files={"rate": "1" * 64},
        notebook_sha256=old,
    )
    after = sweep.run(
        {"weeks": 40, "rate": 0.1},
        *(result("clv", 44, 41, 47, "USD"), result("segments", 4), result("best", "B"), result("new", True)),
        files={"rate": "2" * 64},
        notebook_sha256=new,
        versions_sha256="w" * 64,
        crmlab_sha256="e" * 64,
        commit="b" * 40,
    )
    return before, after


def test_a_comparison_says_what_changed(sweep, changed):
    compared = catalogue(sweep).compare(*changed)
    assert (compared.before, compared.after) == changed
    assert compared.changes.to_numpy().tolist() == [
        ["parameter", "weeks", 39, 40],
        ["file", "rate", "1" * 12, "2" * 12],
        ["cell", "[2] in 'Fit'", "clv = mean * 39", "mean = 2"],
        ["cell", "[4] in '## End'", None, "clv + 1"],
        ["crmlab", "sources", "c" * 12, "e" * 12],
        ["version", "numpy", "2.1", "2.2"],
        ["version", "extra", None, "1.0"],
        ["commit", "", "a" * 40, "b" * 40],
    ]


def test_a_comparison_says_how_results_moved(sweep, changed):
    results = catalogue(sweep).compare(*changed).results.set_index("name")
    assert results.loc["clv"].tolist() == ["USD", 40.5, 44, 3.5, False]
    assert results.loc["segments", ["before", "after", "difference"]].tolist() == [5, 4, -1]
    assert results.loc["best", ["before", "after"]].tolist() == ["A", "B"]
    assert results.loc[["segments", "best", "gone", "new"], "inside"].isna().all()
    assert results.loc[["best", "gone", "new"], "difference"].isna().all()


def test_a_comparison_the_other_way_round_is_its_mirror(sweep, changed):
    there, back = (catalogue(sweep).compare(*pair) for pair in (changed, changed[::-1]))
    by_name = [one.results.set_index("name").sort_index() for one in (there, back)]
    assert by_name[0]["difference"].dropna().tolist() == (-by_name[1]["difference"]).dropna().tolist()
    assert by_name[1].loc["clv", "inside"] == (41 <= 40.5 <= 47)


def test_a_comparison_fits_a_page(sweep, changed):
    printed = str(catalogue(sweep).compare(*changed)).splitlines()
    assert printed[0] == f"{changed[0]} -> {changed[1]}"
    assert max(map(len, printed)) <= 118
    assert any(line.split() == ["clv", "USD", "40.5", "44", "3.5", "False"] for line in printed)


def test_a_run_beside_itself_has_not_changed(sweep, changed):
    compared = catalogue(sweep).compare(changed[0], changed[0])
    assert compared.changes.empty
    assert compared.results["difference"].dropna().tolist() == [0, 0, 0]
    assert compared.results.loc[0, "inside"]
    assert "Nothing changed." in str(compared)


def test_lost_copies_are_told_by_their_checksums(sweep, changed):
    shutil.rmtree(sweep.folder / "notebooks")
    shutil.rmtree(sweep.folder / "versions")
    changes = catalogue(sweep).compare(*changed).changes
    assert changes.loc[changes["what"] == "notebook", "name"].tolist() == ["(a copy is lost)"]
    assert changes.loc[changes["what"] == "version"].to_numpy().tolist() == [
        ["version", "(the list is lost)", "v" * 12, "w" * 12]
    ]


def test_a_run_is_named_by_the_beginning_of_its_id(sweep):
    names = sorted(sweep.run({"seed": seed}) for seed in range(40))
    one = catalogue(sweep)
    shared = next(one[0] for one, other in pairwise(names) if one[0] == other[0])
    assert one.compare(names[3][:12], names[4][:12]).before == names[3]
    with pytest.raises(SweepError, match=rf"runs begin with '{shared}'. Give one of: {shared}"):
        one.compare(shared, names[4])
    with pytest.raises(SweepError, match=r"there is no run 'xyz'. Give one of: .* and 35 more"):
        one.compare("xyz", names[4])


# --- in print -------------------------------------------------------------------------------------------------------


def test_the_summary_shows_what_varies_and_the_decision(sweep):
    for seed in (1, 2):
        sweep.run({"rate": 0.05, "seed": seed, "year": 1997}, result("clv", 40), decision(1234.5, -1, 5000.25))
    sweep.run({"rate": 0.1, "seed": 1, "year": 1997}, status="failed", error="cell [5] in 'Fit': ValueError: no\nway")
    sweep.run({"rate": 0.1, "seed": 2, "year": 1997}, status="failed", error="cell [5] in 'Fit': ValueError: no\nway")
    sweep.run({"rate": 0.1, "seed": 3, "year": 1997}, status="interrupted")
    printed = str(catalogue(sweep)).splitlines()
    assert printed[0].endswith("5 runs of 08_lifetime_value.ipynb: 2 done, 2 failed, 1 interrupted")
    assert printed[2].split() == ["id", "rate", "seed", "decision", "interval", "unit", "status"]
    assert printed[3].split()[1:] == ["0.05", "1", "1,234.5", "-1", "to", "5,000.25", "USD", "per", "customer", "done"]
    assert printed[-1].endswith(" and 1 more failed: cell [5] in 'Fit': ValueError: no way")


def test_a_superseded_run_is_counted_and_not_shown(sweep):
    sweep.run({"seed": 1}, decision(1, 0, 2))
    sweep.run({"seed": 1}, decision(9, 8, 10), crmlab_sha256="e" * 64)
    printed = str(catalogue(sweep))
    assert "2 done, 1 superseded by a later run of the same case" in printed
    assert printed.splitlines()[-1].split()[1:3] == ["9", "8"]


def test_a_large_sweep_is_cut_to_a_page_and_says_so(sweep):
    random.seed(1)
    for case in range(60):
        values = {f"parameter_number_{k}": random.random() for k in range(9)}
        long = {"dataset": f"/a/folder/of/some/length/and/then/some/more/{case}.parquet"}
        sweep.run({**values, **long}, result("clv", case, case, case + 1, "USD"), status="done")
    printed = str(catalogue(sweep)).splitlines()
    assert "... and 20 more; --out writes all" in printed
    assert printed[-1].startswith("Also varying: parameter_number_4 (60 values), ")
    assert "dataset (60 values)" in printed[-1]
    assert max(map(len, printed[1:-1])) <= 118
    assert len(printed) == 45


# --- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"format": 1, "id": "0', "run.json: damaged, no JSON .*; delete .* and sweep again"),
        (b"", "run.json: damaged, no JSON"),
        (b"\xff\xfe", "run.json: damaged, no JSON"),
        (b"[1, 2]", "run.json: damaged, a list and no mapping; delete .* and sweep again"),
        (b'{"format": 2}', "of format 2, written by another version of crmlab; this one reads format 1. Read it with"),
        (b"{}", "of format None, written by another version"),
        (b'{"format": 1}', "run.json: damaged, without 'crmlab_sha256'"),
    ],
    ids=str,
)
def test_a_run_that_cannot_be_read_is_refused_with_its_path(sweep, content, message):
    name = sweep.run({"seed": 1})
    (sweep.folder / "runs" / name / "run.json").write_bytes(content)
    with pytest.raises(SweepError, match=message) as refused:
        catalogue(sweep)
    assert name in str(refused.value)


def test_a_copy_of_a_run_is_refused(sweep):
    name = sweep.run({"seed": 1})
    shutil.copytree(sweep.folder / "runs" / name, sweep.folder / "runs" / "copy")
    with pytest.raises(SweepError, match=f"copy: holds the run {name}"):
        catalogue(sweep)


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda path: nullcontext(), "there is no such folder"),
        (lambda path: path.write_text("x"), "a file, not a folder"),
        (lambda path: path.mkdir(), "not the folder of a sweep"),
        (lambda path: ASweep(path).write("sweep.json", {"format": 7}), "of format 7, written by another version"),
        (lambda path: ASweep(path).write("sweep.json", [1]), "a list and no mapping; put a copy of it in its place"),
        (
            lambda path: ASweep(path).write("registered.json", {"format": 1}),
            "registered.json: damaged, without 'cases'",
        ),
    ],
    ids=["none", "file", "other", "newer", "list", "registered"],
)
def test_what_is_no_sweep_is_refused(tmp_path, made, message):
    made(tmp_path / "x")
    with pytest.raises(SweepError, match=message):
        Catalogue(tmp_path / "x")


def test_what_the_folder_says_now_is_what_a_new_catalogue_says(sweep):
    name = sweep.run({"seed": 1}, result("clv", 1.5))
    before = catalogue(sweep)
    path = sweep.folder / "runs" / name / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"results": [result("clv", 2.5)]}))
    assert (before.runs.loc[0, "clv"], catalogue(sweep).runs.loc[0, "clv"]) == (1.5, 2.5)
