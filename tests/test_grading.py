"""Practice questions answer back."""

import numpy as np
import pytest

from crmlab.grading import check


@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        (None, "no answer yet"),
        (12.5, "right"),
        (np.float64(12.45), "right"),
        (-12.5, "not yet; the size is right, the sign is not"),
        (1250, "not yet; 100 times too large: is it a fraction or a percentage?"),
        (0.125, "not yet; 100 times too small: is it a fraction or a percentage?"),
        (20, "not yet; too large"),
        (3, "not yet; too small"),
        ("12.5", "not yet; one number is asked for, this is a str"),
        (True, "not yet; one number is asked for, this is a bool"),
        (float("nan"), "not yet; this is no finite number"),
    ],
)
def test_an_answer_is_told_right_or_wrong(capsys, value, verdict):
    check("practice 1", value, 12.5)
    assert capsys.readouterr().out == f"practice 1: {verdict}\n"
