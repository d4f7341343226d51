"""The kept studies: their cases, their catalogues, and that today's notebooks give the same results again."""

from pathlib import Path

import pandas as pd
import pytest

from crmlab.runner import parameters, run, stored_results
from crmlab.runner.cases import read_study
from crmlab.runner.inputs import checked

ROOT = Path(__file__).parents[1]
STUDIES = {path.stem: path for path in sorted((ROOT / "studies").glob("*.yaml"))}
CHAPTERS = [name for name in STUDIES if (ROOT / "notebooks" / f"{name}.ipynb").exists()]
RANGES = pd.read_csv(ROOT / "studies" / "ranges.csv")


def catalogue(name):
    """As it is kept; parameters by their names, results of the same name by `result.NAME`."""
    table = pd.read_csv(ROOT / "studies" / f"{name}.csv")
    return table.rename(columns=lambda column: column.removeprefix("parameter."))


def notebook(name):
    said = read_study(STUDIES[name]).notebook
    return next(path for path in (ROOT / said, ROOT / "notebooks" / f"{name}.ipynb") if path.is_file())


def cases(name):
    """All parameters of each case, defaults included, as texts in the order of the names."""
    declared = parameters(notebook(name))
    return [checked(declared, case) for case in read_study(STUDIES[name]).cases(declared)]


def recorded(row, results):
    """What a row of a catalogue has under the names of results, and the results: value, low and high."""
    kept, now = {}, {}
    for result in results:
        for ending, part in (("", "value"), (".low", "low"), (".high", "high")):
            value, column = result.get(part), result["name"] + ending
            there = row.get(f"result.{column}", row.get(column))
            now[column] = None if isinstance(value, dict) else value
            kept[column] = None if isinstance(value, dict) or pd.isna(there) else there
    return kept, now


def test_each_study_has_a_catalogue_and_each_catalogue_a_study():
    assert {path.stem for path in (ROOT / "studies").glob("*.csv")} == {*STUDIES, "ranges"}


@pytest.mark.parametrize("name", STUDIES)
def test_a_catalogue_holds_the_cases_of_its_study_and_all_are_done(name):
    table, wanted = catalogue(name), cases(name)
    assert table["status"].eq("done").all()
    there = table[list(wanted[0])].to_dict("records")
    assert sorted(map(str, map(list, map(dict.values, wanted)))) == sorted(map(str, map(list, map(dict.values, there))))


@pytest.mark.parametrize("name", CHAPTERS)
def test_the_run_with_nothing_moved_recorded_what_the_committed_chapter_shows(name):
    table, usual = catalogue(name), checked(parameters(notebook(name)), {})
    row = table[table[list(usual)].eq(pd.Series(usual)).all(axis=1)]
    assert len(row) == 1
    kept, now = recorded(row.iloc[0], list(stored_results(notebook(name))))
    assert kept == now, "the chapter has changed since its study was run: make studies"


@pytest.mark.parametrize("name", CHAPTERS)
def test_the_ends_of_the_ranges_are_the_cases_of_the_study(name):
    usual = checked(parameters(notebook(name)), {})
    ends = {(row.parameter, end) for row in RANGES.itertuples() if row.chapter == name for end in (row.low, row.high)}
    moved = {(key, case[key]) for case in cases(name) for key in usual if case[key] != usual[key] and key != "seed"}
    assert {(key, end) for key, end in ends if usual[key] != end} == moved


@pytest.mark.proof
@pytest.mark.parametrize("name", STUDIES)
def test_a_run_of_each_study_gives_the_same_results_again(name, tmp_path):
    case = cases(name)[-1]
    table = catalogue(name)
    row = table[table[list(case)].eq(pd.Series(case)).all(axis=1)].iloc[0]
    again = run(notebook(name), tmp_path, **case)
    assert again.status == "done", again.error
    kept, now = recorded(row, list(stored_results(again.output)))
    assert kept == now
