"""What the tests share: a small notebook, and how many examples a law gets that does not say so itself."""

import pytest
from helpers import a_notebook
from hypothesis import settings

# `--hypothesis-profile=default` takes 100.
settings.register_profile("quick", max_examples=25)
settings.load_profile("quick")


@pytest.fixture
def notebook(tmp_path):
    """A small notebook that keeps the runner's contract: parameters weeks, rate, dataset, wait."""
    return a_notebook(tmp_path / "05_small.ipynb")
