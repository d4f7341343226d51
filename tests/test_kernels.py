"""Kernels forked from a warm process: as good as new ones, each its own, none left behind, and quicker to start."""

import os
import signal
import subprocess
import sys
import time
from operator import is_
from pathlib import Path

import psutil
import pytest
from jupyter_client.manager import KernelManager

from crmlab.runner import kernels as warm_kernels
from crmlab.runner.kernels import forkable, warm_process
from crmlab.runner.warm import MODULES
from crmlab.runner.workers import Workers

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere kernels are started as usual")


class Kernel:
    """A kernel of one provisioner or the other, and what it answers."""

    def __init__(self, provisioner, **environment):
        self.manager = KernelManager(kernel_name="python3")
        self.manager.kernel_spec.metadata["kernel_provisioner"] = {"provisioner_name": provisioner}
        self.manager.start_kernel(env=os.environ | environment, extra_arguments=["--log-level=ERROR"])
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=120)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)

    def says(self, code):
        """What a piece of code prints."""
        texts = []
        reply = self.client.execute_interactive(
            code, timeout=60, output_hook=lambda m: texts.append(m["content"].get("text", ""))
        )
        assert reply["content"]["status"] == "ok", reply["content"]
        return "".join(texts).strip()


def forked(**environment):
    return Kernel(warm_kernels.NAME, **environment)


@pytest.fixture(scope="module")
def usual():
    with Kernel("local-provisioner") as kernel:
        kernel.says(f"import importlib; _ = [importlib.import_module(module) for module in {MODULES}]; del importlib")
        yield kernel


@pytest.fixture(scope="module")
def one():
    """A kernel of a warm process that has forked a worker before, which needs other modules."""
    with Workers(1, is_) as machine:
        machine.submit("a task")
        assert machine.finished(60) == [("a task", False)]
    with forked() as kernel:
        yield kernel


# --- as good as new -------------------------------------------------------------------------------------------------

SEEN = {
    "options of pandas": "from pandas._config import config; print({k: config.get_option(k) for k in "
    "sorted(config._registered_options) if k not in config._deprecated_options})",
    "settings of matplotlib": "import matplotlib; print(dict(matplotlib.rcParams))",
    "backend": "import matplotlib.pyplot as plt; print(plt.get_backend())",
    "print options of numpy": "import numpy as np; print(np.get_printoptions(), np.geterr())",
    "filters of warnings": "import warnings; print(sorted(map(str, warnings.filters)))",
    "signals": "import signal; print({s: str(signal.getsignal(s)).split(' at ')[0] for s in "
    "(signal.SIGINT, signal.SIGTERM, signal.SIGCHLD, signal.SIGPIPE)})",
    "names": "print(__name__, sorted(k for k in globals() if not k.startswith('_')))",
    "path": "import sys; print(sys.path, sys.flags, sys.argv[0].rpartition('/')[2].removesuffix('.py'))",
    "folder": "import os; print(os.getcwd())",
    "environment": "import os; print({k: v for k, v in sorted(os.environ.items()) "
    "if k not in ('JPY_PARENT_PID', 'JPY_INTERRUPT_EVENT', 'JPY_SESSION_NAME')})",
    "locale": "import locale, time; print(locale.setlocale(locale.LC_ALL), time.tzname)",
    "threads for sums": "import threadpoolctl, numpy; print(sorted({p['num_threads'] for p in "
    "threadpoolctl.threadpool_info()}))",
    "a table": "import pandas as pd; print(pd.DataFrame([[1.5] * 30]))",
    "an error": "try: 1 / 0\nexcept ZeroDivisionError as e: print(repr(e))",
    "a session of its own": "import os; print(os.getsid(0) == os.getpid() == os.getpgid(0))",
}


@pytest.mark.parametrize("what", SEEN)
def test_a_forked_kernel_is_as_a_new_one(usual, one, what):
    assert one.says(SEEN[what]) == usual.says(SEEN[what]) != ""


def test_it_has_imported_what_chapters_import_and_neither_polars_nor_duckdb(one):
    assert one.says(f"import sys; print([m for m in {MODULES} if m not in sys.modules])") == "[]"
    assert one.says("import sys; print([m for m in ('polars', 'duckdb') if m in sys.modules])") == "[]"


def test_nothing_of_one_kernel_is_in_the_next():
    with forked() as first:
        first.says("import pandas as pd, os, sys; pd.options.display.max_rows = 7; os.environ['LEFT'] = 'x'")
        first.says("pd.left = 1; sys.path.append('left'); os.chdir('/'); np = 3")
    with forked() as second:
        said = second.says("import pandas as pd, os, sys; print(pd.options.display.max_rows, hasattr(pd, 'left'))")
        assert said == "60 False"
        assert second.says("print('LEFT' in os.environ, 'left' in sys.path, os.getcwd() == '/', 'np' in dir())") == (
            "False False False False"
        )


def test_two_kernels_have_luck_of_their_own():
    draw = "import numpy as np, random; print(np.random.rand(), random.random(), np.random.default_rng().random())"
    with forked() as first, forked() as second:
        one, two = (kernel.says(draw).split() for kernel in (first, second))
    assert not set(one) & set(two)


def test_a_kernel_is_a_child_of_the_warm_process_and_that_of_its_owner(one):
    parent = int(one.says("import os; print(os.getppid())"))
    assert psutil.Process(parent).ppid() == os.getpid()


def test_the_warm_process_has_no_threads_of_python_and_one_socket(one):
    warm = psutil.Process(int(one.says("import os; print(os.getppid())")))
    others = {Path(f"/proc/{warm.pid}/task/{thread.id}/comm").read_text().strip() for thread in warm.threads()[1:]}
    assert others <= {"jemalloc_bg_thd"}  # Arrow's, which survives forks
    sockets = [os.readlink(fd) for fd in Path(f"/proc/{warm.pid}/fd").iterdir()]
    assert len([link for link in sockets if link.startswith("socket:")]) == 1
    assert not warm.net_connections("inet")


def test_another_backend_or_thread_number_has_a_warm_process_of_its_own():
    with forked(MPLBACKEND="agg", OPENBLAS_NUM_THREADS="2") as other:
        assert other.says("import matplotlib.pyplot as plt; print(plt.get_backend())") == "agg"


# --- ends ------------------------------------------------------------------------------------------------------------


def gone(pid, seconds=10):
    until = time.monotonic() + seconds
    while psutil.pid_exists(pid) and time.monotonic() < until:
        time.sleep(0.05)
    return not psutil.pid_exists(pid)


def test_a_kernel_that_is_killed_or_ends_itself_is_told():
    with forked() as kernel:
        pid = int(kernel.says("import os; print(os.getpid())"))
        os.kill(pid, signal.SIGKILL)
        assert gone(pid)
        assert not kernel.manager.is_alive()


def test_an_interrupt_reaches_the_kernel():
    with forked() as kernel:
        kernel.client.execute("import time; time.sleep(60)")
        time.sleep(0.5)
        kernel.manager.interrupt_kernel()
        reply = kernel.client.get_shell_msg(timeout=20)
        assert reply["content"]["ename"] == "KeyboardInterrupt"


def test_when_the_warm_process_is_killed_its_kernels_end_and_the_next_one_has_a_new_warm_process():
    with forked(MPLBACKEND="svg") as kernel:
        pid, parent = map(int, kernel.says("import os; print(os.getpid(), os.getppid())").split())
        os.kill(parent, signal.SIGKILL)
        assert gone(pid)
        assert not kernel.manager.is_alive()
    with forked(MPLBACKEND="svg") as kernel:
        assert int(kernel.says("import os; print(os.getppid())")) != parent


OWNER = """
import os, sys, time
from crmlab.runner.kernels import warm_process
warm = warm_process(dict(os.environ))
kernel = warm.fork(dict(os.environ), os.getcwd(), ["-f", sys.argv[1], "--log-level=ERROR"])
print(warm._process.pid, kernel, flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM])
def test_when_the_owner_ends_the_warm_process_and_its_kernels_end(tmp_path, sign):
    words = [sys.executable, "-c", OWNER, str(tmp_path / "kernel.json")]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as owner:
        warm, kernel = map(int, owner.stdout.readline().split())
        time.sleep(0.5)
        owner.send_signal(sign)
        owner.wait(10)
    assert gone(warm)
    assert gone(kernel)


# --- where it is not to be had ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "platform", "expected"),
    [
        ([sys.executable, "-m", "ipykernel_launcher", "-f", "x"], "linux", True),
        ([sys.executable, "-m", "ipykernel_launcher", "-f", "x"], "darwin", False),
        ([sys.executable, "-m", "ipykernel_launcher", "-f", "x"], "win32", False),
        (["/usr/bin/another", "-m", "ipykernel_launcher", "-f", "x"], "linux", False),
        ([sys.executable, "-m", "xeus", "-f", "x"], "linux", False),
    ],
)
def test_only_kernels_of_this_python_on_linux_are_forked(monkeypatch, command, platform, expected):
    monkeypatch.setattr(sys, "platform", platform)
    assert forkable(command) == expected


def test_a_kernel_that_cannot_be_forked_is_started_as_usual(monkeypatch):
    monkeypatch.setattr(warm_kernels, "forkable", lambda command: False)
    with forked() as kernel:
        assert int(kernel.says("import os; print(os.getppid())")) == os.getpid()


def test_a_warm_process_is_not_shared_with_a_fork_of_its_owner(monkeypatch):
    warm = warm_process(dict(os.environ))
    assert warm.alive
    monkeypatch.setattr(os, "getpid", lambda: 1)
    assert not warm.alive
