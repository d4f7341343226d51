"""What all tests share: an option that fails on skips, and notebooks made in a line."""

import os

import pytest
from helpers import a_notebook

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def pytest_addoption(parser):
    parser.addoption("--no-skips", action="store_true", help="fail if any test was skipped")


def pytest_sessionfinish(session, exitstatus):
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if session.config.getoption("--no-skips") and reporter and reporter.stats.get("skipped") and exitstatus == 0:
        reporter.write_line("Tests were skipped, and --no-skips was given.", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture
def notebook(tmp_path):
    """A small notebook that keeps the runner's contract: parameters weeks, rate, dataset, wait."""
    return a_notebook(tmp_path / "05_small.ipynb")
