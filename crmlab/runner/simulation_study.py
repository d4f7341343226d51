"""How well a method finds the truth: bias, error and coverage over the repeats of a sweep, each with its own error."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Real
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from crmlab.runner.catalogue import Catalogue

MEASURES = {
    "result",
    "runs",
    "failed",
    "mean",
    "bias",
    "bias_error",
    "empirical_se",
    "empirical_se_error",
    "rmse",
    "rmse_error",
    "intervals",
    "coverage",
    "coverage_error",
    "level",
    "width",
}


def performance(catalogue: Catalogue, truth: Mapping[str, float | str | None], *, by: str = "seed") -> pd.DataFrame:
    """How well recorded results find the truth, over repeats under other seeds.

    Parameters
    ----------
    catalogue : Catalogue
        Of runs on data whose truth is known. Superseded runs are left out.
    truth : dict of str to number, str or None
        For each recorded result to be judged its true value: a number; or the column of `catalogue.runs` (a parameter,
        or another recorded result) that holds it in each run; or None where it is not known.
    by : str
        The parameter that repeats a case: the seed.

    Returns
    -------
    DataFrame, one row a case and result
        The parameters that vary (beside `by`), then, in the result's unit unless said otherwise:
        result; runs (those with a number); failed (runs without one: failed, not finished, or none recorded);
        mean; bias and bias_error; empirical_se and empirical_se_error; rmse and rmse_error; intervals (runs with
        one); coverage and coverage_error (shares); level (the share that the intervals claim); width (mean).
        Each `_error` is the Monte Carlo standard error of the column before it. What cannot be known is missing: errors
        of fewer than two runs, coverage without intervals; without a truth all but mean, empirical_se and width, and
        bias_error is the error of the mean.

    Raises
    ------
    ValueError
        `by` is no parameter, no run is done, no run recorded a result, a result or its truth is not a number, a truth
        is neither a number nor a column or is missing in a run, or intervals of one case have several levels.

    Notes
    -----
    Where the truth differs from run to run, the empirical standard error is that of estimate less truth: DECISIONS.md,
    "Performance against a truth that varies".

    References
    ----------
    Morris, White and Crowther (2019), Using simulation studies to evaluate statistical methods, Statistics in Medicine
    38(11), 2074-2102, Table 6. The error of the RMSE follows from that of the mean squared error by the delta method.

    Examples
    --------
    Of a folder of repeats, whose truth is a parameter::

        performance(Catalogue("runs/coverage"), {"churn_rate": "true_churn_rate"})
    """
    import pandas as pd

    runs = catalogue.runs[~catalogue.runs["superseded"]].set_index("id")
    if by not in catalogue.parameters:
        raise ValueError(f"by={by!r} is no parameter; there are: {', '.join(catalogue.parameters) or 'none'}")
    if not (runs["status"] == "done").any():
        raise ValueError(f"{catalogue.folder}: no run is done")
    varying = [name for name in catalogue.parameters if name != by and len(runs[name].unique()) > 1]
    rows = []
    for result, true in truth.items():
        table = estimates(catalogue, runs, result, true)
        cases = table.groupby([runs[name] for name in varying], dropna=False) if varying else [((), table)]
        for values, case in cases:
            parameters = {parameter_column(name): value for name, value in zip(varying, values, strict=True)}
            rows.append(parameters | {"result": result} | measures(case))
    return pd.DataFrame(rows)


def monte_carlo_error(values: np.ndarray) -> float:
    """The standard error of the mean of what independent runs gave; missing for fewer than two.

    Examples
    --------
    >>> import numpy as np
    >>> monte_carlo_error(np.array([2.0, 4.0, 6.0, 8.0, 5.0]))
    1.0
    """
    return float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else math.nan


def parameter_column(name: str) -> str:
    """What a parameter is called beside the measures."""
    return f"parameter.{name}" if name in MEASURES else name


def estimates(catalogue: Catalogue, runs: pd.DataFrame, result: str, true: float | str | None) -> pd.DataFrame:
    """For each run, as numbers: value, low, high and level of a result, and its truth; missing where there is none."""
    import pandas as pd

    recorded = catalogue.results[catalogue.results["status"] == "done"]
    table = recorded[recorded["name"] == result].set_index("id")
    if table.empty:
        known = ", ".join(recorded["name"].unique())
        raise ValueError(f"no run that is done recorded {result!r}; recorded are: {known or 'none'}")
    parts = {part: numbers(table[part].reindex(runs.index), result) for part in ("value", "low", "high", "level")}
    parts["value"] = parts["value"].replace([math.inf, -math.inf], math.nan)
    if isinstance(true, str):
        if true not in runs:
            raise ValueError(f"the truth of {result!r}, {true!r}, is neither a parameter nor a recorded result")
        parts["truth"] = numbers(runs[true], true)
        if (lost := runs.index[parts["value"].notna() & parts["truth"].isna()]).size:
            raise ValueError(f"the truth of {result!r}, {true!r}, is missing in run {lost[0]}")
    elif true is not None and not (is_number(true) and math.isfinite(true)):
        raise ValueError(f"the truth of {result!r} must be a number or the name of a column, not {true!r}")
    else:
        parts["truth"] = pd.Series(true, index=runs.index, dtype="float64")
    return pd.DataFrame(parts)


def numbers(values: pd.Series, name: str) -> pd.Series:
    """Values as numbers; what is something else is refused with its run."""
    for run, value in values[values.notna()].items():
        if not is_number(value):
            raise ValueError(f"{name!r} is no number in run {run}: {value!r}")
    return values.astype("Float64").astype("float64")


def is_number(value: Any) -> bool:
    """A whole number or another, NumPy's too, but no bool."""
    return isinstance(value, Real) and not isinstance(value, bool)


def measures(case: pd.DataFrame) -> dict[str, Any]:
    """The measures of one result over the runs of one case."""
    import numpy as np

    found = case[case["value"].notna()]
    value, truth, low, high, level = found[["value", "truth", "low", "high", "level"]].to_numpy().T
    runs = len(value)
    known = runs > 0 and not np.isnan(truth).any()
    errors = value - truth if known else value
    bounded = ~np.isnan(low)
    intervals = int(bounded.sum())
    levels = np.unique(level[bounded]).tolist()
    if len(levels) > 1:
        raise ValueError(
            f"the intervals of one case have several levels, {levels}; the first is in run {found.index[0]}"
        )
    spread = float(errors.std(ddof=1)) if runs > 1 else math.nan
    rmse = math.sqrt((errors**2).mean()) if known else math.nan
    coverage = float(((low <= truth) & (truth <= high))[bounded].mean()) if known and intervals else math.nan
    return {
        "runs": runs,
        "failed": len(case) - runs,
        "mean": float(value.mean()) if runs else math.nan,
        "bias": float(errors.mean()) if known else math.nan,
        "bias_error": monte_carlo_error(errors),
        "empirical_se": spread,
        "empirical_se_error": spread / math.sqrt(2 * (runs - 1)) if runs > 1 else math.nan,
        "rmse": rmse,
        "rmse_error": monte_carlo_error(errors**2) / (2 * rmse) if rmse else monte_carlo_error(errors),
        "intervals": intervals,
        "coverage": coverage,
        "coverage_error": math.sqrt(coverage * (1 - coverage) / intervals) if intervals > 1 else math.nan,
        "level": levels[0] if levels else math.nan,
        "width": float((high - low)[bounded].mean()) if intervals else math.nan,
    }
