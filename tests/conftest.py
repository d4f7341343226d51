"""What the tests share: a small notebook."""

import pytest
from helpers import a_notebook


@pytest.fixture
def notebook(tmp_path):
    """A small notebook that keeps the runner's contract: parameters weeks, rate, dataset, wait."""
    return a_notebook(tmp_path / "05_small.ipynb")
