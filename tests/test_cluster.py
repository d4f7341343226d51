"""Sweeps on a Dask cluster: the same results as here, whoever dies, and in words what cannot be done."""

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from cluster import dask_scheduler, free_port
from helpers import a_notebook
from pandas.testing import assert_frame_equal

from crmlab.runner import cluster
from crmlab.runner.catalogue import Catalogue, SweepError
from crmlab.runner.cluster import Cluster, as_the_client_names_them, difference_of, take
from crmlab.runner.sweeps import sweep

READS = """import time
from crmlab.data.loaders import read_bytes
time.sleep(wait)
rows = 0 if dataset == "cdnow" else len(read_bytes(dataset, dataset).splitlines())
print(dataset)
record("total", weeks * rate + rows, "USD", 1, 50)
decide("Do it.", weeks * rate, "USD", 1, 50, baseline="doing nothing")"""


# --- without Dask ----------------------------------------------------------------------------------------------------


def test_without_dask_the_extra_is_named(monkeypatch):
    monkeypatch.setattr(cluster.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SweepError, match=r'pip install "crmlab\[dask\]"'), Cluster("tcp://127.0.0.1:8786"):
        pass


def test_the_difference_of_versions_is_told_by_package_here_and_there():
    here = {"python": "3.12.1", "numpy": "2.2.0", "ruff": "0.12"}, "a" * 64
    there = {"python": "3.12.1", "numpy": "2.3.0", "dask": "2026.8"}, "b" * 64
    assert difference_of(here, there).splitlines() == [
        "  dask: none here, 2026.8 there",
        "  numpy: 2.2.0 here, 2.3.0 there",
        "  ruff: 0.12 here, none there",
        f"  crmlab's own files: {'a' * 12} here, {'b' * 12} there",
    ]
    assert difference_of(here, here) == ""


def test_of_many_differences_the_first_are_told_and_the_rest_counted():
    here = {f"package-{number:02}": "1" for number in range(13)}, "a" * 64
    lines = difference_of(here, ({}, "a" * 64)).splitlines()
    assert lines[0] == "  package-00: 1 here, none there"
    assert lines[10:] == ["  and 3 more packages"]


def test_a_file_comes_in_pieces_and_is_kept_by_its_content(tmp_path):
    worker = SimpleNamespace(local_directory=str(tmp_path))
    pieces = [b"one", b"two", b""]
    digest = hashlib.sha256(b"onetwo").hexdigest()
    for piece in pieces:
        take("transfer", piece, "a.csv", digest, dask_worker=worker)
    assert {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()} == {
        tmp_path / "crmlab" / digest / "a.csv": b"onetwo"
    }


def test_a_file_that_was_changed_on_the_way_is_refused_and_not_kept(tmp_path):
    worker = SimpleNamespace(local_directory=str(tmp_path))
    take("transfer", b"other", "a.csv", "0" * 64, dask_worker=worker)
    with pytest.raises(ValueError, match="changed while the sweep went on"):
        take("transfer", b"", "a.csv", "0" * 64, dask_worker=worker)
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == []


@pytest.mark.parametrize("file", ["a.csv", "data/a.csv", "/home of/d'or/a.csv", "../müll/a.csv"])
def test_files_are_called_what_the_client_calls_them(tmp_path, file):
    place = tmp_path / ("f" * 64) / Path(file).name
    text = json.dumps({"source": f'dataset = "{place}"', "name": place.name}, ensure_ascii=False)
    assert json.loads(as_the_client_names_them({file: place}, text)) == {
        "source": f'dataset = "{file}"',
        "name": "a.csv",
    }


# --- a real scheduler and real workers -------------------------------------------------------------------------------


def on_a_cluster(test):
    return pytest.mark.proof(pytest.mark.dask(test))


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    """The address of a scheduler with three worker processes."""
    with dask_scheduler(tmp_path_factory.mktemp("cluster") / "dask") as (address, workers):
        workers(3)
        with a_client(address) as client:
            client.wait_for_workers(3, timeout=120)
        yield address


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder to be in, with a notebook and a data file."""
    monkeypatch.chdir(tmp_path)
    a_notebook("05_small.ipynb", READS)
    Path("data").mkdir()
    Path("data/mine.csv").write_text("one\ntwo\nthree\n")
    return tmp_path


def a_client(address):
    from distributed import Client

    return Client(address, set_as_default=False)


def worker_processes(address):
    with a_client(address) as client:
        return [psutil.Process(pid) for pid in client.run(os.getpid).values()]


def doing_runs(processes):
    """What workers started for a run: a warm process, a fork of it, the warm process of that, and the kernel."""
    return [child for one in processes for child in one.children(recursive=True)]


def until(true, seconds=60):
    """Whether something comes true in time."""
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.1)
    return true()


def ended(out):
    return len(list(Path(out).glob("runs/*/run.json")))


def values(catalogue):
    """What the runs gave, without the times."""
    gave = ["id", "status", "weeks", "rate", "dataset", "total", "total.low", "total.unit", "error", "cell", "data"]
    return catalogue.runs[gave].sort_values("id", ignore_index=True)


CALL = """
import sys
from crmlab.runner.sweeps import sweep
if __name__ == "__main__":
    sweep("05_small.ipynb", {"grid": {"weeks": [1, 2, 3], "wait": [30.0]}}, "runs", scheduler=sys.argv[1])
"""


@on_a_cluster
def test_a_worker_is_killed_and_every_run_is_done_once_with_the_values_of_a_sweep_here(three, place):
    parts = {"grid": {"weeks": [1, 2, 3, 4, 5, 6], "dataset": ["cdnow", "data/mine.csv"], "wait": [1.0]}}
    victim = worker_processes(three)[0]

    def kill_in_the_middle():
        assert until(lambda: ended("there") >= 3)
        victim.kill()

    with ThreadPoolExecutor(1) as pool:
        killed = pool.submit(kill_in_the_middle)
        there = sweep("05_small.ipynb", parts, "there", scheduler=three)
    killed.result()
    assert not victim.is_running()
    assert there.runs["status"].tolist() == ["done"] * 12
    assert there.runs["id"].is_unique
    assert_frame_equal(values(there), values(sweep("05_small.ipynb", parts, "here")))
    for notebook in Path("there").glob("runs/*/notebook.ipynb"):
        assert cells(notebook) == cells(Path("here", *notebook.parts[1:]))


def cells(notebook):
    """What an executed notebook says, without when it was run."""
    node = json.loads(notebook.read_text(encoding="utf-8"))
    for fact in ("seconds", "started"):
        del node["metadata"]["crmlab"][fact]
    return node


@on_a_cluster
def test_one_worker_does_several_runs_at_a_time_within_limits_and_none_twice(place):
    body = "import time\nspace = bytearray(weeks * 10**6)\ntime.sleep(wait)\nrecord('total', weeks)"
    a_notebook("05_small.ipynb", body + "\ndecide('Do it.', 1, 'USD', 1, 1, baseline='nothing')")
    cases = [{"weeks": 1}, {"weeks": 2, "wait": 300.0}, {"weeks": 3, "rate": 1.0}]
    with dask_scheduler(place / "dask") as (address, workers):
        workers(1, threads=3)
        with a_client(address) as client:
            client.wait_for_workers(1, timeout=120)
        runs = sweep("05_small.ipynb", cases, "runs", timeout=15, scheduler=address).runs.set_index("weeks")
        assert runs["status"].to_dict() == {1: "done", 2: "failed", 3: "done"}
        assert "15 s" in runs["error"][2]
        before = {file: file.stat().st_mtime_ns for file in Path("runs").glob("runs/*/run.json")}
        again = sweep("05_small.ipynb", cases[::2], "runs", scheduler=address)
    began = runs["started"].sort_values()
    assert (began.iloc[2] - began.iloc[0]).total_seconds() < 5  # together
    assert len(again.runs) == 3
    assert {file: file.stat().st_mtime_ns for file in before} == before


@on_a_cluster
@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGKILL])
def test_when_the_client_goes_what_it_began_ends_on_the_workers_and_they_stay(three, place, sign):
    workers = worker_processes(three)
    with subprocess.Popen([sys.executable, "-c", CALL, three], stderr=subprocess.DEVNULL) as client:
        assert until(lambda: all(len(doing_runs([one])) == 4 for one in workers)), doing_runs(workers)
        client.send_signal(sign)
        assert client.wait(60) != 0
    assert until(lambda: not doing_runs(workers), 60), doing_runs(workers)
    assert all(one.is_running() for one in workers)
    assert ended("runs") == 0


@on_a_cluster
def test_a_run_whose_worker_dies_each_time_has_failed_and_the_others_go_on(place):
    kills = """import os, psutil
def is_dask(one):
    return "multiprocessing.spawn" in " ".join(one.cmdline())
if weeks == 2:
    next(one for one in psutil.Process().parents() if is_dask(one)).kill()
record("total", weeks)
decide("Do it.", 1, "USD", 1, 1, baseline="nothing")"""
    a_notebook("05_small.ipynb", kills)
    allowed = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1"}
    with dask_scheduler(place / "dask", **allowed) as (address, workers):
        workers(1)
        with a_client(address) as client:
            client.wait_for_workers(1, timeout=120)
        runs = sweep("05_small.ipynb", {"grid": {"weeks": [1, 2, 3]}}, "runs", scheduler=address).runs
    assert runs.set_index("weeks")["status"].to_dict() == {1: "done", 2: "failed", 3: "done"}
    assert "died, 2 times" in runs.set_index("weeks")["error"][2]


@pytest.fixture
def another_environment(tmp_path):
    """The variables of an environment in which one more package is installed."""
    folder = tmp_path / "more" / "crmlab_elsewhere-1.0.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: crmlab-elsewhere\nVersion: 1.0\n")
    return {"PYTHONPATH": os.pathsep.join([str(folder.parent), *filter(None, [os.environ.get("PYTHONPATH")])])}


DIFFERENCE = "crmlab-elsewhere: none here, 1.0 there"


@on_a_cluster
def test_a_worker_with_other_packages_is_refused_before_the_first_run(place, another_environment):
    with dask_scheduler(place / "dask") as (address, workers):
        with pytest.raises(SweepError, match=f"{address} has no workers; on each machine start: dask worker {address}"):
            sweep("05_small.ipynb", [{}], "runs", scheduler=address)
        workers(1)
        workers(1, **another_environment)
        with a_client(address) as client:
            client.wait_for_workers(2, timeout=120)
        with pytest.raises(SweepError, match=DIFFERENCE):
            sweep("05_small.ipynb", [{}], "runs", scheduler=address)
    assert not list(Path("runs").glob("runs/*"))


@on_a_cluster
def test_a_worker_with_other_packages_that_joins_is_refused(place, another_environment):
    cases = {"grid": {"weeks": list(range(1, 40)), "wait": [2.0]}}
    with dask_scheduler(place / "dask") as (address, workers), ThreadPoolExecutor(1) as pool:
        workers(1)
        with a_client(address) as client:
            client.wait_for_workers(1, timeout=120)
        going = pool.submit(sweep, "05_small.ipynb", cases, "runs", scheduler=address)
        assert until(lambda: ended("runs") >= 1 or going.done()), (place / "dask" / "log.txt").read_text()
        workers(1, **another_environment)
        with pytest.raises(SweepError, match=DIFFERENCE):
            going.result(120)
    assert 1 <= ended("runs") < 39


@on_a_cluster
def test_a_scheduler_that_goes_in_the_middle_is_told(place):
    with ThreadPoolExecutor(1) as pool:
        with dask_scheduler(place / "dask") as (address, workers):
            workers(1)
            with a_client(address) as client:
                client.wait_for_workers(1, timeout=120)
            going = pool.submit(sweep, "05_small.ipynb", [{"wait": 300.0}], "runs", scheduler=address)
            assert until(lambda: list(Path("runs").glob("runs/*/started.json")))
        with pytest.raises(SweepError, match=f"the scheduler at {address} has gone"):
            going.result(60)
    assert Catalogue("runs").runs["status"].tolist() == ["interrupted"]


@on_a_cluster
def test_a_scheduler_that_does_not_answer_is_told_in_time(place):
    with socket.create_server(("127.0.0.1", 0)) as silent:  # it takes connections and says nothing
        for port in (silent.getsockname()[1], free_port()):
            begun = time.monotonic()
            with pytest.raises(SweepError, match=f"127.0.0.1:{port} does not answer within 10 s"):
                sweep("05_small.ipynb", [{}], "runs", scheduler=f"tcp://127.0.0.1:{port}")
            assert time.monotonic() - begun < 20


@on_a_cluster
@pytest.mark.parametrize("address", ["cluster", "http://127.0.0.1:8786", "tcp://127.0.0.1:port"])
def test_what_is_no_address_is_told(place, address):
    with pytest.raises(SweepError, match=f"{address} is no address of a scheduler"):
        sweep("05_small.ipynb", [{}], "runs", scheduler=address)
