"""Cases of a study: lists, grids, lists side by side, draws and repeats; and what is refused before anything runs."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlab.runner.cases import StudyError, from_settings, read_study, study_of
from crmlab.runner.inputs import Between, OneOf, Parameter, ParameterError

DECLARED = {
    one.name: one
    for one in (
        Parameter("weeks", int, 39, "", Between(1, 260)),
        Parameter("rate", float, 0.1, "", Between(0.0, 1.0)),
        Parameter("dataset", str, "cdnow", "", OneOf(("cdnow", "a,b", "tern"), False)),
        Parameter("end", str, "1997-06-30", "", Between("1997-01-01", "1998-06-30")),
        Parameter("seed", int, 1, "", Between(0, 1000)),
    )
}


def cases(said):
    return study_of(said).cases(DECLARED)


# --- each part ------------------------------------------------------------------------------------------------------


def test_settings_are_a_grid_and_the_last_changes_fastest():
    study = from_settings(["rate=0.05,0.10", 'dataset=cdnow,"a,b"', "weeks=7"], DECLARED)
    assert study.number == 4
    assert study.cases(DECLARED) == [
        {"rate": rate, "dataset": dataset, "weeks": 7} for rate in (0.05, 0.10) for dataset in ("cdnow", "a,b")
    ]


def test_no_settings_are_one_case_as_the_notebook_has_it():
    assert from_settings([], DECLARED).cases(DECLARED) == [{}]


def test_parts_multiply():
    said = {
        "cases": [{"dataset": "cdnow"}, {"dataset": "tern"}],
        "zip": {"end": ["1997-03-31", "1997-06-30"], "weeks": [10, 20]},
        "grid": {"rate": [0.1, 0.2, 0.3]},
        "repeat": {"seed": 4},
    }
    made = cases(said)
    assert len(made) == study_of(said).number == 2 * 2 * 3 * 4
    assert made[0] == {"dataset": "cdnow", "end": "1997-03-31", "weeks": 10, "rate": 0.1, "seed": 1}
    assert [case["seed"] for case in made[:5]] == [1, 2, 3, 4, 1]
    by_case = itertools.groupby(made, lambda case: {name: case[name] for name in case if name != "seed"})
    assert all([case["seed"] for case in group] == [1, 2, 3, 4] for _, group in by_case)  # paired


def drawn(**between):
    return study_of({"draw": {"number": 50, "seed": 3, "between": between}}).parts[0]


def test_draws_lie_between_their_ends_and_another_parameter_changes_none():
    both = drawn(weeks=[5, 9], rate=[0.2, 0.4])
    assert {case["weeks"] for case in both} == {5, 6, 7, 8, 9}
    assert all(0.2 <= case["rate"] <= 0.4 for case in both)
    assert [case["weeks"] for case in both] == [case["weeks"] for case in drawn(weeks=[5, 9])]


@given(st.lists(st.integers(0, 6), max_size=4))
def test_the_number_is_known_before_the_cases_are_made(lengths):
    names = ["weeks", "rate", "seed", "end"]
    grid = {
        name: [0.5 * k / 10 if name == "rate" else f"1997-01-{k + 1:02d}" if name == "end" else k + 1 for k in range(n)]
        for name, n in zip(names, lengths, strict=False)
    }
    study = study_of({"grid": grid})
    if study.number:
        assert len(study.cases(DECLARED)) == study.number
    else:
        with pytest.raises(StudyError, match="a list of values is empty"):
            study.cases(DECLARED)


def test_a_grid_of_a_billion_is_counted_at_once():
    assert study_of({"grid": {f"p{k}": list(range(1000)) for k in range(3)}}).number == 10**9


def test_a_file_says_the_same(tmp_path):
    path = tmp_path / "study.yaml"
    path.write_text("notebook: 08\ngrid:\n  end: [1997-03-31, 1997-06-30]\nstudy: {primary: decision}\n")
    study = read_study(path)
    assert (study.notebook, dict(study.declared)) == ("08", {"primary": "decision"})
    assert [case["end"] for case in study.cases(DECLARED)] == ["1997-03-31", "1997-06-30"]


# --- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["rate"], "'rate' is not of the form name=value,value,..."),
        (["=3"], "'=3' is not of the form"),
        (["rate=0.1", "rate=0.2"], "'rate' is given more than once"),
        (["rat=0.1"], r"case 1 of 1 \(rat='0.1'\): no parameter 'rat'; did you mean 'rate'"),
        (["rate=0.1,2"], r"case 2 of 2 \(rate=2\): rate=2: must be between 0.0 and 1.0"),
        (["rate=0.1,"], r"case 2 of 2 \(rate=''\): rate='': must be a number"),
        (["rate=0.1,0.10"], "cases 1 and 2 are the same: rate=0.1"),
        (["weeks=39,40", "seed=1,1"], "cases 1 and 2 are the same: weeks=39, seed=1"),
    ],
    ids=str,
)
def test_settings_that_cannot_be_run_are_refused_by_their_case(settings, message):
    with pytest.raises((StudyError, ParameterError), match=message):
        from_settings(settings, DECLARED).cases(DECLARED)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (None, "a study is a mapping with some of notebook, cases"),
        ([1], "a study is a mapping"),
        ({"gird": {}}, "there is no part 'gird'; there are: notebook, cases, zip, grid"),
        ({"notebook": [8]}, r"notebook: \[8\] is no chapter's number, name or path"),
        ({"cases": {"rate": 1}}, "cases: give a list of cases"),
        ({"grid": {"rate": 0.1}}, "grid: give each parameter a list of values"),
        ({"zip": {"rate": [1, 2], "weeks": [1]}}, "zip: the lists are of different lengths: rate 2, weeks 1"),
        ({"grid": {"rate": [0.1]}, "cases": [{"rate": 0.2}]}, "'rate' is set in two parts; set it in one"),
        ({"draw": {"number": 3}}, "draw: give number, seed, and between"),
        ({"draw": {"number": 0, "seed": 1, "between": {}}}, "draw: number must be a whole number from 1, not 0"),
        ({"draw": {"number": 2, "seed": 1, "between": {"rate": [1, 0]}}}, "rate: give two numbers, the lower first"),
        ({"repeat": {"seed": 0}}, "repeat: seed: must be a whole number from 1, not 0"),
        ({"repeat": {"seed": "x"}}, "repeat: give one parameter, the seed, and how often"),
        ({"grid": {"rate": []}}, "there are no cases: a list of values is empty"),
        ({"cases": []}, "there are no cases"),
    ],
    ids=str,
)
def test_a_study_that_cannot_be_run_is_refused_in_words(said, message):
    with pytest.raises(StudyError, match=message):
        cases(said)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"grid:\n  rate: [0.1, 0.2\n", "study.yaml, line 3, column 1: "),
        (b"grid: {rate: [0.1]\nzip: 3", "study.yaml, line 2, column"),
        (b"\xff\xfe\x00", "study.yaml: not a text file in UTF-8"),
        (b"", "study.yaml: a study is a mapping"),
        (b"just words", "study.yaml: a study is a mapping"),
    ],
    ids=str,
)
def test_a_file_that_is_no_study_is_refused_with_its_place(tmp_path, text, message):
    path = tmp_path / "study.yaml"
    path.write_bytes(text)
    with pytest.raises(StudyError, match=message):
        read_study(path)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(StudyError, match="there is no such file"):
        read_study(tmp_path / "none.yaml")
