"""Clusters on this machine: Spark's, a standalone master and two workers, and Dask's, a scheduler and its workers."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@contextmanager
def spark_cluster(folder, memory="1g"):
    """The address of a standalone master with two workers alive, each of one core; none of them outlives the block."""
    import pyspark

    home = Path(pyspark.__file__).parent
    command = [str(home / "bin" / "spark-class")]
    master, page, local = free_port(), free_port(), ["--host", "127.0.0.1"]
    environment = os.environ | {
        "SPARK_HOME": str(home),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_LOCAL_DIRS": str(folder / "local"),
        "SPARK_CONF_DIR": str(folder),
        "PYSPARK_PYTHON": sys.executable,
    }
    classes = [["master.Master", "--port", str(master), "--webui-port", str(page)]]
    for number in range(2):
        room = ["--cores", "1", "--memory", memory, "--work-dir", str(folder / f"worker-{number}")]
        ports = ["--port", str(free_port()), "--webui-port", str(free_port())]
        classes.append(["worker.Worker", *room, *ports, f"spark://127.0.0.1:{master}"])
    folder.mkdir()
    log = (folder / "log.txt").open("wb")
    processes = []
    try:
        for (name, *words), wait in zip(classes, [True, False, False], strict=True):
            line = [*command, f"org.apache.spark.deploy.{name}", *local, *words]
            processes.append(
                subprocess.Popen(line, env=environment, stdout=log, stderr=log, start_new_session=True, cwd=folder)
            )
            if wait:
                wait_for_workers(page, 0, folder)
        wait_for_workers(page, 2, folder)
        yield f"spark://127.0.0.1:{master}"
    finally:
        for process in processes:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # the worker's executors are in its group
            process.wait(timeout=30)
        log.close()


def wait_for_workers(page, number, folder, seconds=120):
    """Until so many workers are alive, as the master tells on its page."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with suppress(OSError):
            with direct.open(f"http://127.0.0.1:{page}/json/", timeout=5) as answer:
                alive = json.load(answer)["aliveworkers"]
            if alive >= number:
                return
        time.sleep(0.3)
    raise TimeoutError(f"no {number} workers in {seconds} s:\n{(folder / 'log.txt').read_text()[-3000:]}")


@contextmanager
def spark_session(address, folder, **settings):
    """A session on a cluster; the driver's Java ends with the block."""
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master(address).appName("crmlab")
    local = {
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.local.dir": str(folder / "driver"),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.executor.memory": "800m",
        "spark.sql.shuffle.partitions": "4",
        "spark.network.timeout": "120s",
    }
    for name, value in (local | settings).items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    java = session.sparkContext._gateway
    try:
        yield session
    finally:
        session.stop()
        java.shutdown()
        java.proc.stdin.close()
        java.proc.wait(timeout=60)


@contextmanager
def dask_scheduler(folder, **environment):
    """The address of a scheduler without workers, and a function that starts some; none outlives the block."""
    folder.mkdir()
    log = (folder / "log.txt").open("wb")
    address, processes = f"tcp://127.0.0.1:{free_port()}", []

    def start(*words, **environment):
        line = [str(Path(sys.executable).with_name("dask")), *words]
        settings = os.environ | {"DASK_TEMPORARY_DIRECTORY": str(folder)} | environment
        processes.append(
            subprocess.Popen(line, env=settings, stdout=log, stderr=log, start_new_session=True, cwd=folder)
        )
        return processes[-1]

    def workers(number, threads=1, **environment):
        numbers = ["--nthreads", str(threads), "--nworkers", str(number)]
        return start("worker", address, *numbers, "--no-dashboard", **environment)

    try:
        start("scheduler", "--host", "127.0.0.1", "--port", address.rpartition(":")[2], "--no-dashboard", **environment)
        yield address, workers
    finally:
        for process in reversed(processes):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=30)
        log.close()


def left_running(folder):
    """Processes whose command line names a folder."""
    lines = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    return [line for line in lines if str(folder).encode() in line]
