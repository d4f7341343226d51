"""Running notebooks: outcome, provenance, failures, interruptions, the committed form."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import papermill
import psutil
import pytest
from helpers import BODY, CRMLAB, a_notebook, crmlab

from crmlab.runner import NotebookError, results, run
from crmlab.runner.refresh import refresh

READS = "import sys\nsys.audit('crmlab.data.read', 'mine.csv', 'abc123')\nrecord('a', 1)"


def test_a_run_gives_results_output_and_provenance(tmp_path):
    notebook = a_notebook(tmp_path / "05_small.ipynb", BODY, READS)
    outcome = run(notebook, tmp_path / "new" / "folder" / "out.ipynb", weeks=13)
    assert outcome.status == "done"
    assert outcome.error is None
    assert outcome.seconds > 0
    assert outcome.results.set_index("name")["value"].to_dict() == {"total": 1.3, "decision": 1.3, "a": 1}
    assert outcome.parameters == {"weeks": 13, "rate": 0.1, "dataset": "cdnow", "wait": 0.0}
    provenance = outcome.provenance
    assert provenance["data"] == [{"name": "mine.csv", "sha256": "abc123"}]
    assert provenance["versions"]["pandas"]
    assert len(provenance["notebook_sha256"]) == 64
    assert {"commit", "dirty", "started"} <= set(provenance)
    kept = nbformat.read(outcome.output, 4).metadata["crmlab"]
    assert kept["status"] == "done"
    assert kept["parameters"] == outcome.parameters
    assert results(outcome.output).equals(outcome.results)


def test_the_page_holds_nothing_that_is_not_the_notebooks(notebook, tmp_path):
    run(notebook, tmp_path / "out.ipynb", weeks=13)
    text = (tmp_path / "out.ipynb").read_text()
    assert "papermill" not in json.loads(text)["metadata"]
    assert "encryption" not in text
    assert "stderr" not in text
    outputs = [output for cell in nbformat.read(tmp_path / "out.ipynb", 4).cells for output in cell.get("outputs", [])]
    assert all(output.output_type == "display_data" for output in outputs)


def test_the_notebook_hash_tells_sources_from_outputs(notebook, tmp_path):
    first = refresh(notebook)[0].provenance["notebook_sha256"]
    assert run(notebook, tmp_path / "b.ipynb").provenance["notebook_sha256"] == first
    node = nbformat.read(notebook, 4)
    node.cells[-1].source += "\n1 + 1"
    nbformat.write(node, notebook)
    assert run(notebook, tmp_path / "c.ipynb").provenance["notebook_sha256"] != first


def test_commit_and_dirty_tree_are_told(tmp_path):
    def git(*words):
        who = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
        return subprocess.run(["git", *who, *words], cwd=tmp_path, check=True, capture_output=True, text=True).stdout

    notebook = a_notebook(tmp_path / "n.ipynb")
    git("init")
    git("add", "n.ipynb")
    git("commit", "-m", "one")
    clean = run(notebook, tmp_path.parent / f"{tmp_path.name}-a.ipynb").provenance
    assert (clean["commit"], clean["dirty"]) == (git("rev-parse", "HEAD").strip(), False)
    (tmp_path / "n.ipynb").write_text(notebook.read_text() + "\n")
    assert run(notebook, tmp_path.parent / f"{tmp_path.name}-b.ipynb").provenance["dirty"] is True


def test_a_failing_cell_is_named_and_the_output_kept(tmp_path):
    notebook = a_notebook(tmp_path / "05_small.ipynb", BODY, "1 / 0")
    outcome = run(notebook, tmp_path / "out.ipynb")
    assert outcome.status == "failed"
    assert outcome.error == "cell [5]: ZeroDivisionError: division by zero"
    assert outcome.results["name"].tolist() == ["total", "decision"]
    kept = nbformat.read(tmp_path / "out.ipynb", 4)
    assert kept.metadata["crmlab"]["status"] == "failed"
    assert kept.cells[-1].outputs[0].ename == "ZeroDivisionError"
    assert len(kept.cells) == 6


def test_the_section_of_a_failing_cell_is_named(tmp_path):
    notebook = a_notebook(tmp_path / "05_small.ipynb", "1 / 0")
    node = nbformat.read(notebook, 4)
    node.cells[0].source += "\n## What came\n"
    nbformat.write(node, notebook)
    assert run(notebook, tmp_path / "out.ipynb").error == "cell [4] in 'What came': ZeroDivisionError: division by zero"


def test_an_error_of_many_lines_is_told_in_one(tmp_path):
    notebook = a_notebook(tmp_path / "05_small.ipynb", "raise ValueError('one\\n  two')")
    assert run(notebook, tmp_path / "out.ipynb").error == "cell [4]: ValueError: one two"


def test_an_output_that_cannot_be_written_is_told_before_the_work(notebook, tmp_path, monkeypatch):
    monkeypatch.setattr(papermill, "execute_notebook", lambda *_, **__: pytest.fail("the work was begun"))
    (tmp_path / "file").write_text("x")
    with pytest.raises(OSError, match="file"):
        run(notebook, tmp_path / "file" / "out.ipynb")


def test_a_dead_kernel_is_a_failed_run(tmp_path):
    notebook = a_notebook(tmp_path / "05_small.ipynb", "import os\nos._exit(3)")
    outcome = run(notebook, tmp_path / "out.ipynb")
    assert outcome.status == "failed"
    assert outcome.error == "cell [4]: the kernel died (out of memory, or killed)"


def test_the_output_may_not_overwrite_the_notebook(notebook):
    before = notebook.read_bytes()
    with pytest.raises(NotebookError, match="would overwrite the notebook"):
        run(notebook, notebook)
    with pytest.raises(NotebookError, match="would overwrite the notebook"):
        run(notebook, notebook.parent)
    assert notebook.read_bytes() == before


def test_paths_with_braces_and_spaces_are_only_paths(tmp_path):
    notebook = a_notebook(tmp_path / "a {b} c" / "05 {x}.ipynb")
    assert run(notebook, tmp_path / "out {y}").output == tmp_path / "out {y}" / "05 {x}.ipynb"


def test_equal_runs_give_equal_files_but_for_their_times(notebook, tmp_path):
    one, two = (json.loads(run(notebook, tmp_path / f"{n}.ipynb", weeks=3).output.read_text()) for n in "ab")
    for node in (one, two):
        for time_of_this_run in ("seconds", "started"):
            del node["metadata"]["crmlab"][time_of_this_run]
    assert one == two


RELATIVE = 'record("text", open(dataset).read())'


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """A caller's folder with mine.csv in it, which is not the notebook's folder."""
    notebook = a_notebook(tmp_path / "elsewhere" / "05_small.ipynb", RELATIVE)
    caller = tmp_path / "caller"
    caller.mkdir()
    (caller / "mine.csv").write_text("here")
    monkeypatch.chdir(caller)
    return notebook


def test_relative_paths_mean_the_callers_folder_in_the_runner(folders):
    assert run(folders, "out.ipynb", dataset="mine.csv").results["value"].tolist() == ["here"]


def test_relative_paths_mean_the_callers_folder_in_papermill(folders):
    command = [sys.executable, "-m", "papermill", folders, "out.ipynb", "-p", "dataset", "mine.csv"]
    subprocess.run(command, check=True, capture_output=True)
    assert results("out.ipynb")["value"].tolist() == ["here"]


def test_relative_paths_mean_the_callers_folder_in_nbval(folders):
    run(folders, "out.ipynb", dataset="mine.csv")
    node = nbformat.read("out.ipynb", 4)
    node.metadata.pop("crmlab")
    nbformat.write(node, folders)  # now the parameter is injected, the output saved, the notebook elsewhere
    command = [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", "-p", "no:cacheprovider", folders]
    outcome = subprocess.run(command, capture_output=True, text=True)
    assert outcome.returncode == 0, outcome.stdout


def test_relative_paths_mean_the_callers_folder_in_jupyter(folders):
    """Jupyter's server starts a kernel in the notebook's folder; the server's own folder is the caller's."""
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(cwd=str(folders.parent), kernel_name="python3")
    try:
        for cell in nbformat.read(folders, 4).cells[1:4]:
            source = cell.source.replace('"cdnow"  #', '"mine.csv"  #')
            reply = client.execute_interactive(source, timeout=60)
            assert reply["content"]["status"] == "ok", reply["content"]
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


# --------------------------------------------------------------------------------------------- stopped in the middle


def interrupted(command, sign, number=1):
    """Start a command, interrupt it when its kernels wait, and see it end: exit code, errors, processes left."""
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n{command}",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    until = time.monotonic() + 60
    while len(waiting()) < number and time.monotonic() < until:
        time.sleep(0.1)
    own = {child.pid for child in psutil.Process(process.pid).children(recursive=True)}
    if len(waiting()) < number or not waiting() <= own:
        process.kill()
        pytest.fail(f"no kernel came to wait: {process.communicate()}")
    process.send_signal(sign)
    _out, err = process.communicate(timeout=60)
    time.sleep(0.2)
    return process.returncode, err, {pid for pid in own if psutil.pid_exists(pid)}


def waiting():
    """The kernels that are in their waiting cell, which marks itself with a file."""
    return {int(mark.name) for mark in MARKS.iterdir()}


MARKS = Path(os.environ.get("TMPDIR", "/tmp")) / f"crmlab-tests-{os.getpid()}"
WAITING = f"import os, pathlib, time\npathlib.Path({str(MARKS)!r}, str(os.getpid())).touch()\ntime.sleep(wait)\n"


@pytest.fixture
def slow(tmp_path):
    MARKS.mkdir(exist_ok=True)
    yield [a_notebook(tmp_path / f"0{n}_slow.ipynb", "record('first', 1)", WAITING) for n in (1, 2)]
    for mark in MARKS.iterdir():
        mark.unlink()
    MARKS.rmdir()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(
    ("sign", "number"),
    [
        (signal.SIGINT, 1),
        pytest.param(signal.SIGTERM, 2, marks=pytest.mark.proof),
        pytest.param(signal.SIGTERM, 1, marks=pytest.mark.proof),
        pytest.param(signal.SIGINT, 2, marks=pytest.mark.proof),
    ],
)
def test_an_interrupted_command_leaves_no_kernel_and_marks_the_run(slow, tmp_path, sign, number):
    words = ["crmlab", "run", *map(str, slow[:number]), "--out", str(tmp_path / "out"), "-p", "wait=600"]
    code, err, left = interrupted(f"sys.argv = {words!r}\nfrom crmlab.cli import main\nmain()", sign, number)
    assert code == 130
    assert "crmlab: interrupted; no kernel is left running" in err.splitlines()[-1]
    assert not left
    for notebook in slow[:number]:
        kept = nbformat.read(tmp_path / "out" / notebook.name, 4)
        assert kept.metadata["crmlab"]["status"] == "interrupted"
        assert results(kept)["name"].tolist() == ["first"]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_kill_leaves_no_half_file_and_the_kernel_ends_by_itself(slow, tmp_path):
    code, _, _ = interrupted(
        f"from crmlab.runner import run\nrun({str(slow[0])!r}, 'out.ipynb', wait=600)", signal.SIGKILL
    )
    assert code == -signal.SIGKILL
    assert not Path("out.ipynb").exists()
    until = time.monotonic() + 30
    kernel = waiting().pop()
    while psutil.pid_exists(kernel) and time.monotonic() < until:
        time.sleep(0.2)
    assert not psutil.pid_exists(kernel)


# -------------------------------------------------------------------------------------------------- the committed form


def test_refresh_twice_gives_the_same_bytes_and_tells_what_moved(tmp_path):
    notebook = a_notebook(tmp_path / "05_small.ipynb")
    first, moved = refresh(notebook)
    assert first.status == "done"
    assert moved["name"].tolist() == ["decision", "total"]
    content = notebook.read_bytes()
    assert b"papermill" not in content
    assert b"started" not in content
    _second, moved = refresh(notebook)
    assert moved.empty
    assert notebook.read_bytes() == content
    node = nbformat.read(notebook, 4)
    node.cells[2].source = node.cells[2].source.replace("39", "40")
    nbformat.write(node, notebook)
    _, moved = refresh(notebook)
    assert moved.set_index("name").loc["total"].tolist() == [3.9, 4.0]


def test_refresh_leaves_a_failing_notebook_as_it_was(tmp_path):
    notebook = a_notebook(tmp_path / "05_small.ipynb", "1 / 0")
    before = notebook.read_bytes()
    outcome, _ = refresh(notebook)
    assert outcome.status == "failed"
    assert notebook.read_bytes() == before


def test_papermill_itself_runs_the_notebook_unchanged(notebook, tmp_path):
    papermill.execute_notebook(str(notebook), str(tmp_path / "p.ipynb"), {"weeks": 13}, progress_bar=False)
    assert results(tmp_path / "p.ipynb")["value"].tolist() == [1.3, 1.3]


@pytest.mark.parametrize("written", ["", '{"cells": [{"cell_ty'])
def test_stopped_while_it_writes_it_still_leaves_a_whole_notebook(notebook, tmp_path, monkeypatch, written):
    def stopped(node, path, **_):
        Path(path).write_text(written)
        raise KeyboardInterrupt

    refresh(notebook)  # so that the notebook holds results of another run
    monkeypatch.setattr(papermill, "execute_notebook", stopped)
    with pytest.raises(KeyboardInterrupt):
        run(notebook, tmp_path / "out.ipynb")
    kept = nbformat.read(tmp_path / "out.ipynb", 4)
    assert kept.metadata["crmlab"]["status"] == "interrupted"
    assert len(kept.cells) == 5
    assert results(kept).empty


def test_two_runs_at_once_into_one_folder_are_both_whole(notebook, tmp_path):
    command = [CRMLAB, "run", notebook, "--out", tmp_path / "out"]
    both = [subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in range(2)]
    assert [process.wait(timeout=120) for process in both] == [0, 0]
    assert len(results(tmp_path / "out" / notebook.name)) == 2
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "05_small.html",
        "05_small.ipynb",
        "index.html",
    ]


def test_messages_of_a_failed_command(tmp_path):
    notebook = a_notebook(tmp_path / "05_small.ipynb", BODY, "1 / 0")
    outcome = crmlab("run", notebook, "--out", tmp_path / "out")
    assert outcome.returncode == 1
    kept = tmp_path / "out" / "05_small.ipynb"
    wanted = f"crmlab: 05_small: cell [5]: ZeroDivisionError: division by zero (the notebook is kept: {kept})"
    assert outcome.stderr.splitlines()[-1] == wanted
    assert "division by zero" in (tmp_path / "out" / "05_small.html").read_text()
