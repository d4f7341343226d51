"""Sweeps: every case checked first, each run once, none lost, whatever is killed."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import nbformat
import psutil
import pytest
from helpers import CRMLAB, a_notebook, crmlab

from crmlab.runner import Catalogue, kernels, run, sweep
from crmlab.runner.cases import StudyError, study_of
from crmlab.runner.inputs import ParameterError, parameters
from crmlab.runner.sweeps import begin, carried_out, planned, register, run_here, run_id
from crmlab.runner.workers import WorkerDied, Workers

PARAMETERS = """weeks: int = 39  # weeks
rate: float = 0.1  # rate
dataset: str = "small"  # a name, or a path
seed: int = 1  # of the draw
wait: float = 0.0  # seconds to sleep"""
ALLOW = """allow(
    weeks=between(1, 260),
    rate=between(0.0, 1.0),
    dataset=one_of("small", file=True),
    seed=between(1, 100000),
    wait=between(0.0, 600.0),
)"""
BODY = """import os, pathlib, time
marks = pathlib.Path(os.environ.get("CRMLAB_TEST_MARKS", "/nowhere"))
if marks.is_dir():
    with open(marks / f"{weeks}-{rate}-{seed}", "a") as mark:
        print(os.getpid(), file=mark)
time.sleep(wait)"""
RECORD = """import random
size = len(pathlib.Path(dataset).read_text()) if dataset != "small" else 0
luck = random.Random(seed)
mean = sum(luck.gauss(weeks) for _ in range(100)) / 100
record("mean", mean, "EUR", mean - 0.1645, mean + 0.1645)
record("total", weeks * rate + size, "USD")"""


@pytest.fixture(scope="module", autouse=True)
def importable():
    """Workers find the tasks of this module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parent))
        yield


@pytest.fixture
def small(tmp_path):
    """A notebook with a seed, a file and a wait."""
    return a_notebook(tmp_path / "05_small.ipynb", BODY, RECORD, parameters=PARAMETERS, allow=ALLOW)


@pytest.fixture
def marks(tmp_path, monkeypatch):
    """A folder where every run of the small notebook leaves the number of its process."""
    folder = tmp_path / "marks"
    folder.mkdir()
    monkeypatch.setenv("CRMLAB_TEST_MARKS", str(folder))
    return folder


def times_run(marks):
    """How often each case was begun."""
    return {mark.name: len(mark.read_text().splitlines()) for mark in marks.iterdir()}


# --- what a sweep gives ---------------------------------------------------------------------------------------------


def test_a_sweep_gives_what_single_runs_give(small, tmp_path):
    catalogue = sweep(small, {"grid": {"weeks": [5, 7], "rate": [0.1, 0.2]}}, tmp_path / "out", workers=2)
    one = run(small, tmp_path / "one", weeks=7, rate=0.2)
    runs = catalogue.runs.set_index(["weeks", "rate"])
    assert runs["status"].tolist() == ["done"] * 4
    same = runs.loc[(7, 0.2)]
    assert [same["mean"], same["total"]] == one.results["value"].tolist()
    assert same["mean.unit"] == "EUR"
    executed = nbformat.read(tmp_path / "out" / "runs" / same["id"] / "notebook.ipynb", 4)
    assert executed.metadata["crmlab"]["notebook"] == "05_small.ipynb"
    assert executed.metadata["crmlab"]["versions"] == one.provenance["versions"]
    assert executed.cells[-1].outputs == nbformat.read(one.output, 4).cells[-1].outputs


def test_what_is_done_is_not_done_again(small, tmp_path, marks):
    out = tmp_path / "out"
    sweep(small, [{"weeks": 5}, {"weeks": 6}], out, workers=2)
    sweep(small, [{"weeks": 5}, {"weeks": 6}, {"weeks": 7}], out, workers=2)
    assert times_run(marks) == {"5-0.1-1": 1, "6-0.1-1": 1, "7-0.1-1": 1}
    sweep(small, [{"weeks": 5}], out, force=True)
    assert times_run(marks)["5-0.1-1"] == 2
    assert len(Catalogue(out).runs) == 3


def test_a_changed_cell_or_file_makes_new_runs_and_the_catalogue_says_why(small, tmp_path):
    out, data = tmp_path / "out", tmp_path / "mine.csv"
    data.write_text("a\n1\n")
    sweep(small, [{"dataset": str(data)}], out)
    data.write_text("a\n1\n2\n")
    sweep(small, [{"dataset": str(data)}], out)
    a_notebook(small, BODY, RECORD + "\nrecord('more', 1)", parameters=PARAMETERS, allow=ALLOW)
    runs = sweep(small, [{"dataset": str(data)}], out).runs
    assert runs["changed"].tolist() == ["", "dataset's file", "notebook"]
    assert runs["superseded"].tolist() == [True, True, False]
    assert runs["total"].tolist() == [7.9, 9.9, 9.9]


def test_a_file_that_changes_while_its_run_goes_on_fails_the_run(small, tmp_path):
    data = tmp_path / "mine.csv"
    data.write_text("a\n")
    plan = planned(small, study_of({"cases": [{"dataset": str(data)}]}), tmp_path / "out")
    data.write_text("b\n1\n")
    with Workers(1, run_here) as machine:
        ((_, outcome),) = carried_out(plan.todo, machine)
    assert outcome["status"] == "failed"
    assert outcome["error"] == f"dataset: {data} was changed while the sweep went on"


def test_a_file_may_be_the_default(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine.csv").write_text("a\n")
    declared = PARAMETERS.replace('"small"', '"mine.csv"')
    notebook = a_notebook("05_small.ipynb", BODY, RECORD, parameters=declared, allow=ALLOW)
    runs = sweep(notebook, [{"weeks": 5}], "out", workers=1).runs
    assert runs["total"].tolist() == [2.5]


def test_a_run_that_another_sweep_ended_since_the_plan_is_not_done_again(small, tmp_path, marks):
    study = study_of({"cases": [{"weeks": 5}]})
    plan = planned(small, study, tmp_path / "out")
    sweep(small, study, tmp_path / "out", workers=1)
    with Workers(1, run_here) as machine:
        ((_, outcome),) = carried_out(plan.todo, machine)
    assert outcome["status"] == "done"
    assert times_run(marks) == {"5-0.1-1": 1}


def test_a_run_that_is_done_again_is_kept_until_it_is(small, tmp_path):
    done = sweep(small, [{"weeks": 5}], tmp_path / "out", workers=1)
    (task,) = planned(small, study_of({"cases": [{"weeks": 5}]}), tmp_path / "out", force=True).todo
    begin(task)  # and killed at this moment
    assert Catalogue(tmp_path / "out").runs.equals(done.runs)


def test_the_notebook_may_be_edited_while_the_sweep_goes_on(small, tmp_path):
    plan = planned(small, study_of({"cases": [{"weeks": 5}]}), tmp_path / "out")
    small.write_text("no notebook any more")
    with Workers(1, run_here) as machine:
        ((_, outcome),) = carried_out(plan.todo, machine)
    assert outcome["status"] == "done"


def test_an_id_is_made_of_all_that_results_depend_on(small):
    declared = parameters(small)
    hashes = {"notebook_sha256": "a", "crmlab_sha256": "b", "versions_sha256": "c"}
    base = {"parameters": {"weeks": 5, "rate": 1.0, "dataset": "x.csv"}, "files": {"dataset": "d"}, **hashes}
    others = [
        base | {"parameters": base["parameters"] | {"weeks": 6}},
        base | {"files": {"dataset": "e"}},
        *(base | {name: "z"} for name in hashes),
    ]
    ids = [run_id(one, declared) for one in [base, *others]]
    assert len(set(ids)) == len(ids)
    assert run_id(base | {"parameters": base["parameters"] | {"rate": 1}}, declared) == ids[0]
    assert run_id(base | {"parameters": base["parameters"] | {"dataset": "copy.csv"}}, declared) == ids[0]


# --- runs that fail -------------------------------------------------------------------------------------------------


def test_a_run_that_fails_is_recorded_and_the_others_go_on(tmp_path, marks):
    failing = BODY + "\nif weeks == 6: raise ValueError('no such week')"
    notebook = a_notebook(tmp_path / "05_small.ipynb", failing, RECORD, parameters=PARAMETERS, allow=ALLOW)
    ended = crmlab("sweep", notebook, "-p", "weeks=5,6,7", "--out", tmp_path / "out")
    assert ended.returncode == 1
    assert "weeks=6: cell [5]: ValueError: no such week" in ended.stderr
    assert ended.stdout.startswith("2 done, 1 failed.")
    runs = Catalogue(tmp_path / "out").runs.set_index("weeks")
    assert runs["status"].tolist() == ["done", "failed", "done"]
    assert runs.loc[6, "cell"] == 5
    again = crmlab("sweep", notebook, "-p", "weeks=5,6,7", "--out", tmp_path / "out")
    assert again.returncode == 1
    assert times_run(marks) == {"5-0.1-1": 1, "6-0.1-1": 2, "7-0.1-1": 1}


def test_a_run_that_takes_too_long_or_too_much_is_ended(tmp_path):
    hungry = BODY + "\nhoard = b'x' * (10**9 if weeks == 6 else 10**6)\ntime.sleep(1)"
    notebook = a_notebook(tmp_path / "05_small.ipynb", hungry, RECORD, parameters=PARAMETERS, allow=ALLOW)
    cases = [{"weeks": 5}, {"weeks": 6}, {"weeks": 7, "wait": 600.0}]
    runs = sweep(notebook, cases, tmp_path / "out", workers=2, timeout=15, memory=1000).runs.set_index("weeks")
    assert runs["status"].tolist() == ["done", "failed", "failed"]
    assert re.fullmatch(r"cell \[5\]: stopped at [\d,]+ MB of memory; the limit is 1,000 MB", runs.loc[6, "error"])
    assert runs.loc[7, "error"] == "cell [5]: stopped after 15 s, as the time limit says"


def test_a_kernel_that_is_killed_fails_its_run_alone(tmp_path):
    dying = BODY + "\nimport signal\nif weeks == 6: os.kill(os.getpid(), signal.SIGKILL)"
    notebook = a_notebook(tmp_path / "05_small.ipynb", dying, RECORD, parameters=PARAMETERS, allow=ALLOW)
    runs = sweep(notebook, {"grid": {"weeks": [5, 6, 7]}}, tmp_path / "out", workers=1).runs
    assert runs["status"].tolist() == ["done", "failed", "done"]
    assert runs["error"].tolist()[1] == "cell [5]: the kernel died (out of memory, or killed)"


@pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux alone")
def test_a_kernel_that_ends_before_it_begins_is_started_again(small, tmp_path, monkeypatch):
    """As one does that loses the race for its ports."""
    real, starts = kernels.forked, []

    def the_first_one_dies(*arguments):
        process = real(*arguments)
        starts.append(process)
        if len(starts) == 1:
            process.kill()
        return process

    monkeypatch.setattr(kernels, "forked", the_first_one_dies)
    assert run(small, tmp_path / "out").status == "done"
    assert len(starts) == 2


def kill_my_worker(task, tell):
    """A task that ends the process that does it, while the file that it names is there."""
    if task.exists():
        task.unlink()
        os.kill(os.getpid(), signal.SIGKILL)
    return "done"


def always_killed(task, tell):
    os.kill(os.getpid(), signal.SIGKILL)


def all_finished(machine, number):
    ended = []
    while len(ended) < number:
        ended += machine.finished(1)
    return ended


def test_a_task_whose_worker_is_killed_is_given_to_another_and_twice_killed_it_has_failed(tmp_path):
    (tmp_path / "once").touch()
    with Workers(1, kill_my_worker) as machine:
        machine.submit(tmp_path / "once")
        assert all_finished(machine, 1) == [(tmp_path / "once", "done")]
    with Workers(2, always_killed) as machine:
        machine.submit("a task")
        ((task, what),) = all_finished(machine, 1)
    assert task == "a task"
    assert isinstance(what, WorkerDied)
    assert str(what) == "the process that ran it was killed, 2 times"


def raises(task, tell):
    raise OSError(28, "No space left on device", "runs/x/notebook.ipynb")


def test_what_stops_a_worker_stops_the_sweep_in_words():
    with Workers(1, raises) as machine:
        machine.submit("a task")
        with pytest.raises(OSError, match="No space left"):
            all_finished(machine, 1)


def told_back(task, tell):
    tell("half")
    return task * 2


def test_workers_tell_of_their_progress_and_leave_no_process():
    told = []
    with Workers(2, told_back, lambda task, news: told.append((task, news))) as machine:
        for task in (1, 2):
            machine.submit(task)
        assert machine.room == 0
        assert sorted(all_finished(machine, 2)) == [(1, 2), (2, 4)]
        processes = [psutil.Process(worker.process.pid) for worker in machine._workers]
    assert sorted(told) == [(1, "half"), (2, "half")]
    assert not any(process.is_running() and process.status() != "zombie" for process in processes)


# --- stopped in the middle ------------------------------------------------------------------------------------------


def started(*words, marks):
    """The command in a process of its own, in a session of its own."""
    return subprocess.Popen(
        [str(CRMLAB), *map(str, words)],
        env=os.environ | {"CRMLAB_TEST_MARKS": str(marks)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for(condition, seconds=60):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.02)


def none_left(processes):
    """All of these are gone, soon."""
    wait_for(lambda: not any(one.is_running() and one.status() != "zombie" for one in processes), 10)


def family(process):
    return psutil.Process(process.pid).children(recursive=True)


@pytest.mark.skipif(sys.platform != "linux", reason="workers are forked on Linux alone")
def test_an_interrupted_sweep_leaves_no_process_and_goes_on(small, tmp_path, marks):
    words = ["sweep", small, "--grid", tmp_path / "study.yaml", "--out", tmp_path / "out", "--workers", 2]
    cases = [{"weeks": 5}, {"weeks": 6, "wait": 600.0}, {"weeks": 7}]
    (tmp_path / "study.yaml").write_text(json.dumps({"cases": cases}))
    process = started(*words, marks=marks)
    wait_for(lambda: len(list(tmp_path.glob("out/runs/*/run.json"))) == 2)
    own = family(process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.splitlines()[-1] == (
        "crmlab: interrupted; nothing is left running, what is done is kept, and the same command goes on"
    )
    none_left(own)
    runs = Catalogue(tmp_path / "out").runs.set_index("weeks")
    assert runs["status"].to_dict() == {5: "done", 6: "interrupted", 7: "done"}
    stopped = nbformat.read(tmp_path / "out" / "runs" / runs.loc[6, "id"] / "unfinished.ipynb", 4)
    assert stopped.metadata["crmlab"]["status"] == "interrupted"
    plan = planned(small, study_of({"cases": cases}), tmp_path / "out")
    assert [task.given["weeks"] for task in plan.todo] == [6]


@pytest.mark.skipif(sys.platform != "linux", reason="workers are forked on Linux alone")
def test_a_killed_sweep_takes_its_workers_and_kernels_with_it(small, tmp_path, marks):
    process = started("sweep", small, "-p", "weeks=5,6", "-p", "wait=600.0", "--out", tmp_path / "out", marks=marks)
    wait_for(lambda: len(times_run(marks)) == 2)
    own = family(process)
    assert len(own) >= 5  # the warm process, two workers, each with a warm process and a kernel
    process.kill()
    process.communicate()
    none_left(own)
    assert Catalogue(tmp_path / "out").runs["status"].tolist() == ["interrupted"] * 2


def test_two_sweeps_on_one_folder_at_once_do_each_run_once(small, tmp_path, marks):
    weeks = "weeks=" + ",".join(map(str, range(1, 13)))
    words = ["sweep", small, "-p", weeks, "--out", tmp_path / "out", "--workers", 1]
    both = [started(*words, marks=marks) for _ in range(2)]
    for process in both:
        _, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
    assert set(times_run(marks).values()) == {1}
    assert Catalogue(tmp_path / "out").runs["status"].tolist() == ["done"] * 12


def values(catalogue):
    """What the runs of a catalogue found, by their parameters."""
    columns = ["weeks", "seed", "status", "mean", "total"]
    return catalogue.runs.sort_values(["weeks", "seed"])[columns].to_dict("records")


def kernels_of(marks):
    """The numbers of all processes that have run the small notebook so far."""
    return {int(line) for mark in marks.iterdir() for line in mark.read_text().split()}


def next_kernels(process, marks):
    """The kernels that a sweep has run since it began, as soon as there is one; none if it ends before."""
    before = kernels_of(marks)
    wait_for(lambda: process.poll() is not None or kernels_of(marks) > before)
    return kernels_of(marks) - before


@pytest.mark.proof
@pytest.mark.skipif(sys.platform != "linux", reason="workers are forked on Linux alone")
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_whatever_is_killed_whenever_no_run_is_lost_and_the_same_command_goes_on(small, tmp_path, marks, seed):
    luck, out = random.Random(seed), tmp_path / "out"
    words = ["sweep", small, "-p", "weeks=1,2,3,4,5", "-p", "seed=1,2,3,4", "-p", "wait=0.3", "--workers", 2]
    done, sweeps, killed = {}, 0, {"sweep": 0, "worker or warm process": 0, "kernel": 0}
    while len(done) < 20:
        process = started(*words, "--out", out, marks=marks)
        sweeps += 1
        for kernel in next_kernels(process, marks):
            if luck.random() < 0.5 or not killed["kernel"]:
                with suppress(ProcessLookupError):
                    os.kill(kernel, signal.SIGKILL)
                    killed["kernel"] += 1
        until = time.monotonic() + luck.uniform(0.5, 6)
        while process.poll() is None and time.monotonic() < until:
            time.sleep(luck.uniform(0.1, 1))
            own = family(process) if process.poll() is None else []
            for victim in [one for one in own if luck.random() < 0.15]:
                with suppress(psutil.NoSuchProcess):
                    victim.kill()
                    killed["kernel" if victim.pid in kernels_of(marks) else "worker or warm process"] += 1
        own = family(process) if process.poll() is None else []
        killed["sweep"] += process.poll() is None
        process.kill()
        process.communicate()
        none_left(own)
        catalogue = Catalogue(out)  # reads every run.json that there is: none is half
        assert set(catalogue.runs["status"]) <= {"done", "failed", "interrupted"}
        now = {row["id"]: row["mean"] for row in catalogue.runs[catalogue.runs["status"] == "done"].to_dict("records")}
        assert done.items() <= now.items()  # none that was done is lost
        done = now
        assert sweeps < 60, "it does not come to an end"
    assert min(killed.values()) > 0, killed
    assert not list(out.glob("runs/*/.run.json*"))
    fresh = sweep(small, {"grid": {"weeks": [1, 2, 3, 4, 5], "seed": [1, 2, 3, 4], "wait": [0.3]}}, tmp_path / "fresh")
    assert values(Catalogue(out)) == values(fresh)


@pytest.mark.skipif(sys.platform == "win32", reason="limits of the size of files are of POSIX")
def test_a_disk_that_is_full_stops_the_sweep_and_loses_nothing(small, tmp_path, marks):
    import resource

    sweep(small, [{"weeks": 5}], tmp_path / "out")
    process = subprocess.run(
        [str(CRMLAB), "sweep", str(small), "-p", "weeks=5,6,7", "--out", str(tmp_path / "out")],
        capture_output=True,
        text=True,
        timeout=120,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000)),
    )
    assert process.returncode == 2
    assert process.stderr.splitlines()[-1].startswith("crmlab: ")
    assert "File too large" in process.stderr.splitlines()[-1]
    assert Catalogue(tmp_path / "out").runs["status"].tolist().count("done") == 1
    assert crmlab("sweep", small, "-p", "weeks=5,6,7", "--out", tmp_path / "out").returncode == 0
    assert Catalogue(tmp_path / "out").runs["status"].tolist() == ["done"] * 3


# --- a declared study -----------------------------------------------------------------------------------------------

STUDY = """notebook: 05_small.ipynb
grid: {weeks: [5, 7]}
repeat: {seed: 3}
study:
  question: Does the mean depend on the weeks?
  primary: mean
  rule: The larger mean is the better.
  truth: weeks
"""


def test_a_declared_study_is_frozen_and_runs_that_deviate_are_marked(small, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("study.yaml").write_text(STUDY)
    said = crmlab("sweep", "--register", "study.yaml", "--out", "out")
    assert said.stdout == "6 cases registered in out, nothing run yet; crmlab sweep --out out runs them\n"
    assert not list(Path("out").glob("runs/*"))
    frozen = json.loads(Path("out/registered.json").read_text())
    assert frozen["study"]["rule"] == "The larger mean is the better."
    assert [case["given"] for case in frozen["cases"]][-1] == {"weeks": 7, "seed": 3}
    assert crmlab("sweep", "--out", "out").stdout.startswith("6 done, 0 failed.")
    assert set(Catalogue("out").runs["deviates"]) == {""}
    crmlab("sweep", small, "-p", "weeks=9", "--out", "out")
    assert Catalogue("out").runs.set_index("weeks").loc[9, "deviates"] == "not a registered case"
    assert "registered here already" in crmlab("sweep", "--register", "study.yaml", "--out", "out").stderr
    crmlab("sweep", small, "-p", "weeks=8", "--out", "other")
    late = crmlab("sweep", "--register", "study.yaml", "--out", "other")
    assert late.returncode == 2
    assert "other: there are runs already; a study is declared before its first run" in late.stderr


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({}, "says its primary under `study:`"),
        ({"primary": "mean"}, "says its rule under `study:`"),
        ({"primary": "median", "rule": "x"}, "05_small.ipynb records no 'median'; it records: mean, total"),
    ],
)
def test_a_study_without_its_result_or_rule_is_not_registered(small, tmp_path, said, message):
    executed = run(small, tmp_path / "done")
    shutil.copy(executed.output, small)
    with pytest.raises(StudyError, match=re.escape(message)):
        register(small, study_of({"grid": {"weeks": [5, 6]}, "study": said}), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_repeats_go_on_until_the_error_is_small(small, tmp_path):
    study = {"grid": {"weeks": [5, 7]}, "repeat": {"seed": 3}, "study": {"primary": "mean", "truth": "weeks"}}
    runs = sweep(small, study, tmp_path / "out", workers=2, until_error=0.055).runs
    for _, case in runs.groupby("weeks"):
        deviation = (case["mean"] - case["weeks"]).astype(float)
        assert sorted(case["seed"]) == list(range(1, len(case) + 1))  # the same seeds, and as many again each time
        assert deviation.sem() <= 0.055
        first_half = deviation[case["seed"] <= len(case) // 2]
        assert len(case) == 3 or first_half.sem() > 0.055
    assert len(runs) > 6


def test_until_an_error_is_small_needs_repeats_and_a_result(small, tmp_path):
    for study in ({"repeat": {"seed": 3}}, {"grid": {"weeks": [5]}, "study": {"primary": "mean"}}):
        with pytest.raises(StudyError, match="the study needs `repeat:`, and under `study:` its `primary` result"):
            sweep(small, study, tmp_path / "out", until_error=0.1)


# --- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-p", "weaks=5,6"], "case 1 of 2 (weaks='5'): no parameter 'weaks'; did you mean 'weeks'?"),
        (["-p", "weeks=5,999"], "case 2 of 2 (weeks=999): weeks=999: must be between 1 and 260"),
        (["-p", "weeks=5,x"], "case 2 of 2 (weeks='x'): weeks='x': must be a whole number"),
        (["-p", "weeks=5,5"], "cases 1 and 2 are the same"),
        (["-p", "rate=1,1.0"], "cases 1 and 2 are the same run"),
        (["-p", "weeks"], "'weeks' is not of the form name=value,value,..."),
        (["-p", "weeks=5", "-p", "weeks=6"], "'weeks' is given more than once"),
        (["-p", "weeks=5", "--grid", "study.yaml"], "give one of them"),
        (["--grid", "nowhere.yaml"], "nowhere.yaml: there is no such file"),
        (["--grid", "bad.yaml"], "bad.yaml, line 3, column 7: "),
        (["--grid", "empty.yaml"], "there are no cases: a list of values is empty"),
        (["--grid", "great.yaml"], "1,000,000 cases are a great many; --yes runs them"),
        (["--grid", "study.yaml", "--out", "full"], "full: has other files in it and is not a sweep's folder"),
        (["--grid", "study.yaml", "--out", "study.yaml"], "study.yaml: is a file and is not a sweep's folder"),
        (["--grid", "study.yaml", "--out", "newer"], "newer"),
        (["--grid", "study.yaml", "--out", "study.yaml/out"], "study.yaml/out: "),
        (["--grid", "study.yaml", "--out", "/proc/sweep"], "crmlab: /proc/sweep: "),
    ],
)
def test_what_cannot_be_run_is_refused_before_anything_runs(small, tmp_path, monkeypatch, marks, words, message):
    monkeypatch.chdir(tmp_path)
    Path("study.yaml").write_text("grid: {weeks: [5, 6]}")
    Path("bad.yaml").write_text("grid:\n  weeks: [5, 6\nrepeat: {seed: 2}\n")
    Path("empty.yaml").write_text("grid: {weeks: []}")
    Path("great.yaml").write_text("repeat: {seed: 1000000}")
    Path("full").mkdir()
    Path("full/thesis.txt").write_text("mine")
    Path("newer").mkdir()
    Path("newer/sweep.json").write_text('{"format": 99}')
    ended = crmlab("sweep", small, *words)
    assert ended.returncode == 2, ended
    assert message in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert not times_run(marks)
    assert sorted(file.name for file in Path("full").iterdir()) == ["thesis.txt"]


def test_a_sweep_without_chapter_or_study_says_what_to_do(small, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "name the chapter whose parameters these are" in crmlab("sweep", "-p", "weeks=5").stderr
    assert "no study is registered here; say what to run, by -p or --grid" in crmlab("sweep", "--out", "x").stderr
    Path("study.yaml").write_text("grid: {weeks: [5, 6]}")
    assert "names no notebook, and neither did you" in crmlab("sweep", "--grid", "study.yaml").stderr
    assert "no chapter '77'" in crmlab("sweep", "77", "-p", "weeks=5").stderr


def test_files_of_equal_content_are_one_run(small, tmp_path):
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("same")
    cases = [{"dataset": str(tmp_path / name)} for name in ("a.csv", "b.csv")]
    with pytest.raises(StudyError, match="cases 1 and 2 are the same run, with equal values or files"):
        sweep(small, cases, tmp_path / "out")


def test_a_value_out_of_range_is_refused_in_python_too(small, tmp_path):
    with pytest.raises(ParameterError, match=r"case 1 of 1 \(weeks=0\)"):
        sweep(small, [{"weeks": 0}], tmp_path / "out")
    assert not (tmp_path / "out").exists()


# --- the command says what it does ----------------------------------------------------------------------------------


def test_the_number_of_runs_and_their_time_are_said(small, tmp_path):
    first = crmlab("sweep", small, "-p", "weeks=5,6", "--out", tmp_path / "out", "--workers", 2)
    assert "2 cases: 0 done already, 2 to run, 2 at once" in first.stderr
    then = crmlab("sweep", small, "-p", "weeks=5,6,7", "--out", tmp_path / "out", "--workers", 2)
    assert re.search(r"3 cases: 2 done already, 1 to run, 2 at once, about \d+ s", then.stderr)
    assert "1 done, 0 failed, 0 left" in then.stderr


def test_runs_shows_writes_and_compares(small, tmp_path):
    catalogue = sweep(small, [{"weeks": 5}, {"weeks": 6}], tmp_path / "out", workers=2)
    one, other = catalogue.runs["id"]
    assert "2 done" in crmlab("runs", tmp_path / "out").stdout
    assert "weeks" in crmlab("runs", tmp_path / "out", "--compare", one[:6], other).stdout
    written = crmlab("runs", tmp_path / "out", "--out", tmp_path / "runs.csv")
    assert written.stdout == f"{tmp_path / 'runs.csv'}: 2 runs\n"
    assert crmlab("runs", tmp_path / "out", "--long", "--out", tmp_path / "long.csv").stdout.endswith(": 4 results\n")
    refused = crmlab("runs", tmp_path)
    assert refused.returncode == 2
    assert str(tmp_path) in refused.stderr


def test_new_makes_a_notebook_that_keeps_the_contract(tmp_path):
    made = crmlab("new", tmp_path / "mine.ipynb")
    assert made.returncode == 0
    assert crmlab("check", tmp_path / "mine.ipynb").stdout == "1 notebook checked, 0 complaints\n"
    assert "is there already" in crmlab("new", tmp_path / "mine.ipynb").stderr
