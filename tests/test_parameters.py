"""What a notebook takes in: declared in its source, checked before a kernel starts."""

import datetime as dt
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import papermill
import pytest
from helpers import ALLOW, PARAMETERS, a_notebook
from hypothesis import given
from hypothesis import strategies as st

from crmlab.runner import NotebookError, ParameterError, allow, any_of, between, one_of, parameters, run
from crmlab.runner.inputs import Parameter, checked, declared_lines


def test_reads_name_type_default_help_and_what_is_allowed(notebook):
    declared = parameters(notebook)
    assert list(declared) == ["weeks", "rate", "dataset", "wait"]
    assert declared["weeks"] == Parameter("weeks", int, 39, "forecast horizon, weeks", between(1, 260))
    assert declared["dataset"] == Parameter("dataset", str, "cdnow", "a name, or a path", one_of("cdnow", file=True))


def test_reads_what_papermill_reads(notebook):
    theirs = papermill.inspect_notebook(str(notebook))
    for name, ours in parameters(notebook).items():
        assert theirs[name]["inferred_type_name"] == ours.type.__name__
        assert theirs[name]["help"] == ours.help


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        (between(1, 260), [1, 39, 260], [0, 261]),
        (between(0.0, 1.0), [0.0, 0.5, 1], [-0.1, 1.1]),
        (
            between("1997-01-01", "1998-06-30"),
            ["1997-01-01", "1997-09-30"],
            ["1996-12-31", "1998-07-01", "30.9.1997", "1997-02-30", "19970930"],
        ),
        (one_of("product", "sum"), ["product", "sum"], ["mean", "", "Product"]),
        (one_of(1, 2), [1, 2], [3, 1.0, True]),
        (any_of(one_of("all"), between(1, 12)), ["all", 1, 12], ["none", 13, None]),
        (any_of(one_of("auto"), between("1997-01-01", "1997-12-31")), ["auto", "1997-05-01"], ["1998-01-01", 5]),
    ],
)
def test_rules_allow_and_refuse(rule, good, bad):
    assert [rule.complaint(value) for value in good] == [None] * len(good)
    assert all(isinstance(rule.complaint(value), str) for value in bad)


def test_a_file_is_allowed_when_it_exists(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.csv").write_text("x")
    rule = one_of("cdnow", file=True)
    assert rule.complaint("mine.csv") is None
    assert "there is no such file" in rule.complaint("other.csv")
    assert str(tmp_path) in rule.complaint("other.csv")
    assert "is a folder" in rule.complaint(str(tmp_path))


@given(low=st.integers(-1000, 1000), width=st.integers(0, 1000), value=st.integers(-3000, 3000))
def test_between_allows_exactly_what_lies_between(low, width, value):
    assert (between(low, low + width).complaint(value) is None) == (low <= value <= low + width)


BAD_VALUES = [
    ({"week": 3}, "no parameter 'week'; did you mean 'weeks'?"),
    ({"nonsense": 3}, "no parameter 'nonsense'. Known: weeks, rate, dataset, wait"),
    ({"weeks": 3.5}, "weeks=3.5: must be a whole number"),
    ({"weeks": "banana"}, "weeks='banana': must be a whole number"),
    ({"weeks": True}, "weeks=True: must be a whole number"),
    ({"weeks": None}, "weeks=None: must be a whole number"),
    ({"rate": "banana"}, "rate='banana': must be a number"),
    ({"rate": float("nan")}, "rate=nan: must be a number"),
    ({"rate": float("inf")}, "rate=inf: must be a number"),
    ({"weeks": 0}, "weeks=0: must be between 1 and 260"),
    ({"dataset": 7}, "dataset=7: must be text"),
    ({"dataset": "no.csv"}, "dataset='no.csv': must be one of 'cdnow', or the path of a file; there is no such file"),
]


@pytest.mark.parametrize(("values", "message"), BAD_VALUES)
def test_bad_values_are_refused_before_a_kernel_starts(notebook, tmp_path, monkeypatch, values, message):
    monkeypatch.setattr(papermill, "execute_notebook", lambda *_, **__: pytest.fail("a kernel was started"))
    with pytest.raises(ParameterError) as refusal:
        run(notebook, tmp_path / "out.ipynb", **values)
    assert str(refusal.value).startswith(message)
    assert not (tmp_path / "out.ipynb").exists()


@pytest.mark.parametrize(("values", "message"), [case for case in BAD_VALUES if "no parameter" not in case[1]])
def test_the_allow_cell_refuses_with_the_same_message(values, message):
    cell = {"allow": allow, "between": between, "one_of": one_of}
    exec(PARAMETERS, cell)
    cell.update(values)
    with pytest.raises(ParameterError) as refusal:
        exec(ALLOW, cell)
    assert str(refusal.value).startswith(message)


def test_allow_before_the_parameters_says_so():
    with pytest.raises(ParameterError, match="weeks: has no value yet; run the cell tagged 'parameters' first"):
        exec(ALLOW, {"allow": allow, "between": between, "one_of": one_of})


@pytest.mark.parametrize(
    ("values", "message"),
    [pytest.param(*BAD_VALUES[n], marks=[pytest.mark.proof] * (n not in (2, 11))) for n in (2, 3, 4, 9, 11)],
)
def test_plain_papermill_stops_in_the_allow_cell_with_the_same_message(notebook, tmp_path, values, message):
    with pytest.raises(papermill.PapermillExecutionError) as stop:
        papermill.execute_notebook(str(notebook), str(tmp_path / "out.ipynb"), values, progress_bar=False)
    assert stop.value.ename == "ParameterError"
    assert stop.value.evalue.startswith(message)
    assert stop.value.source.startswith("allow(")


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ({"weeks": np.int64(5)}, 5),
        ({"rate": np.float64(0.5)}, 0.5),
        ({"dataset": Path(__file__)}, __file__),
    ],
)
def test_values_from_python_are_taken_plain(notebook, given, taken):
    name = next(iter(given))
    value = checked(parameters(notebook), given)[name]
    assert (value, type(value)) == (taken, type(taken))


@pytest.mark.parametrize("day", [dt.date(1997, 9, 30), dt.datetime(1997, 9, 30), pd.Timestamp("1997-09-30")])
def test_days_from_python_are_taken_as_text(day):
    declared = {"end": Parameter("end", str, "1997-01-01", "", between("1997-01-01", "1998-06-30"))}
    assert checked(declared, {"end": day}) == {"end": "1997-09-30"}
    with pytest.raises(ParameterError, match="must be text"):
        checked(declared, {"end": dt.datetime(1997, 9, 30, 10)})


def test_any_of_allows_another_type_than_the_default(tmp_path):
    declared = {"months": Parameter("months", str, "all", "", any_of(one_of("all"), between(1, 12)))}
    assert checked(declared, {"months": 6}) == {"months": 6}
    assert declared["months"].parse("6") == 6
    assert declared["months"].parse("all") == "all"
    with pytest.raises(ParameterError, match="months=13: must be one of 'all', or between 1 and 12"):
        checked(declared, {"months": 13})


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("weeks = 39", "'weeks = 39' is not of the form  name: type = value"),
        ("weeks: int", "is not of the form"),
        ("import os", "is not of the form"),
        ("weeks: int = 3 * 13", "the value in 'weeks: int = 3 * 13' is not a literal"),
        ("weeks: list = [1]", "the type in 'weeks: list = [1]' is none of int, float, str, bool"),
        ("when: datetime.date = '1997-01-01'", "is none of int, float, str, bool"),
    ],
)
def test_a_line_that_is_no_annotated_literal_is_refused(source, message):
    with pytest.raises(ParameterError) as refusal:
        declared_lines(source)
    assert message in str(refusal.value)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"parameters": None, "allow": None}, "no cell is tagged 'parameters'"),
        ({"allow": None}, "must call allow(...) once"),
        ({"allow": "allow(weeks=between(1, 260))"}, "does not say what is allowed for 'rate'"),
        ({"allow": ALLOW.replace("wait=", "pause=")}, "allow(...) names 'pause'"),
        (
            {"allow": ALLOW.replace("between(0.0, 600.0)", "between(0.0, 10 * 60.0)")},
            "give between its arguments as literals",
        ),
        (
            {"allow": ALLOW.replace("between(0.0, 600.0)", "range(600)")},
            "range(600) is none of between, one_of, any_of",
        ),
        (
            {"allow": ALLOW.replace("between(0.0, 600.0)", "between(6.0, 0.0)")},
            "the first must not be above the second",
        ),
        ({"allow": ALLOW.replace("between(0.0, 600.0)", "between('a', 'b')")}, "give two numbers or two dates"),
        ({"allow": ALLOW.replace("between(0.0, 600.0)", "one_of()")}, "give at least one choice"),
        (
            {"allow": ALLOW.replace("between(0.0, 600.0)", "between(0, 600, 7)")},
            "give between its arguments as literals",
        ),
        ({"allow": "allow(between(1, 2))"}, "takes names only"),
        ({"allow": ALLOW.replace("(0.0, 600.0)", "(0, 600)")}, "'wait' is declared float, but allow(...) allows int"),
        ({"allow": ALLOW.replace("between(1, 260)", "one_of(1, 'all')")}, "'weeks' is declared int"),
    ],
)
def test_a_notebook_that_is_no_function_is_refused(tmp_path, parts, message):
    path = a_notebook(tmp_path / "bad.ipynb", **parts)
    with pytest.raises(NotebookError) as refusal:
        parameters(path)
    assert message in str(refusal.value)
    assert str(path) in str(refusal.value)


def test_two_tagged_cells_are_refused(tmp_path):
    path = a_notebook(tmp_path / "bad.ipynb")
    node = nbformat.read(path, 4)
    node.cells[1].metadata["tags"] = ["parameters"]
    nbformat.write(node, path)
    with pytest.raises(NotebookError, match="2 cells are tagged 'parameters'"):
        parameters(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such notebook"),
        (b"", "not a Jupyter notebook"),
        (b"hello", "not a Jupyter notebook"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "not a Jupyter notebook"),
        (b"[1, 2]", "not a Jupyter notebook"),
        (b'{"a": 1}', "not a Jupyter notebook"),
    ],
)
def test_a_file_that_is_no_notebook_is_refused(tmp_path, content, message):
    path = tmp_path / "not.ipynb"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(NotebookError, match=message):
        parameters(path)


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(NotebookError, match="a folder, not a notebook"):
        parameters(tmp_path)
