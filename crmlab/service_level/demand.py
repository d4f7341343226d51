"""Demand: how well it is foreseen, how far it varies beyond what volume explains, and what shortages do to it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from crmlab.stats import bootstrap, interval


def forecast_errors(
    demand: pd.DataFrame, *, smoothing: float = 0.08, lead_time: int = 2, review: int = 1, warm_up: int = 26
) -> pd.DataFrame:
    """How far a simple forecast errs: for one period, and for the time that stock must cover.

    Parameters
    ----------
    demand : DataFrame, one row a period in the order of time, one column a series (an item at a depot)
        Units; 0 where none was asked for.
    smoothing : number
        Weight of the newest period in the forecast (exponential smoothing), above 0, at most 1. The forecast is the
        same for each period ahead. The first periods are weighted so that they sum to 1, where the rule of `replay`
        begins with a mean of several.
    lead_time, review : whole numbers of periods
        From order to delivery, and from one review to the next; their sum is what stock must cover, 1 or more.
    warm_up : whole number of periods
        First periods whose errors are left out: the forecast must settle.

    Returns
    -------
    DataFrame, one row a series
        `mean` and `sd` of demand after the warm-up, units a period; `bias`, mean of demand less forecast; `mad`, mean
        of its size; `error_sd`, root of its mean square, all of one period; `scaled_sd`, error_sd times the root of the
        periods to cover; `lead_sd`, root of the mean square of the error of their sum, reckoned directly; `errors`,
        how many one-period errors there are. `lead_sd` is above `scaled_sd` where errors go together from period to
        period, as they do through the error of the forecast itself.

    Raises
    ------
    ValueError
        Demand is missing, negative or no number; a setting is out of its range; or there are too few periods.

    References
    ----------
    Brown (1959), Statistical Forecasting for Inventory Control, for the smoothing; Prak, Teunter and Syntetos (2017),
    On the calculation of safety stocks when demand is forecasted, European Journal of Operational Research 256(2),
    454-461, for what scaling by the root leaves out.

    Examples
    --------
    >>> demand = pd.DataFrame({"cement": [10, 12, 8, 11, 9, 10, 12, 8] * 10})
    >>> forecast_errors(demand)[["mean", "error_sd", "scaled_sd", "lead_sd"]].round(2)
            mean  error_sd  scaled_sd  lead_sd
    cement  9.96      1.57       2.72     1.02
    """
    if not 0 < smoothing <= 1:
        raise ValueError(f"smoothing must lie above 0, and at most at 1, not {smoothing!r}")
    for name, value in (("lead_time", lead_time), ("review", review), ("warm_up", warm_up)):
        if not isinstance(value, int | np.integer) or value < 0:
            raise ValueError(f"{name} must be a whole number of periods, 0 and above, not {value!r}")
    cover = lead_time + review
    if cover == 0:
        raise ValueError("lead_time and review are 0: there is no time that stock must cover")
    if len(demand) < warm_up + cover + 2:
        raise ValueError(
            f"{len(demand)} periods are too few: {warm_up} to settle, {cover} to cover and 2 more are needed"
        )
    units = _numbers(demand, "demand")
    ahead = units.ewm(alpha=smoothing).mean().shift()
    error = (units - ahead).iloc[warm_up:]
    whole = (units.rolling(cover).sum().shift(1 - cover) - cover * ahead).iloc[warm_up:].dropna()
    error_sd = np.sqrt((error**2).mean())
    return pd.DataFrame(
        {
            "mean": units.iloc[warm_up:].mean(),
            "sd": units.iloc[warm_up:].std(),
            "bias": error.mean(),
            "mad": error.abs().mean(),
            "error_sd": error_sd,
            "scaled_sd": error_sd * np.sqrt(cover),
            "lead_sd": np.sqrt((whole**2).mean()),
            "errors": error.count(),
        }
    )


def demand_response(
    panel: pd.DataFrame,
    outcome: str,
    shortage: str,
    instrument: str,
    *,
    customer: str = "customer_id",
    period: str = "period",
    controls: Sequence[str] = (),
    level: float = 0.9,
) -> pd.DataFrame:
    """What customers order after they were served short: compared naively, and by shortages that came by chance.

    Parameters
    ----------
    panel : DataFrame, one row a customer and period
        The columns named below, without gaps. A customer's level and what all share in a period are taken out.
    outcome : str
        Column of what the customer ordered then, any unit.
    shortage : str
        Column of how short it had been served before that, any unit.
    instrument : str
        Column of what made goods short without regard to the customer's orders: the supplier's trouble times the share
        of a customer's usual purchases that it reaches, or what other customers lacked of these.
    customer, period : str
        Columns of ids.
    controls : names of columns
        Also taken out.
    level : float
        Of the intervals, between 0 and 1.

    Returns
    -------
    DataFrame, rows `naive` (least squares) and `instrumented` (two-stage least squares)
        `effect`, units of outcome for a unit of shortage; `se`, with errors that go together within a customer; `low`
        and `high`; `first_stage_f`, how strongly the instrument moves the shortage (missing for naive): below 10 the
        effect and its interval are not to be trusted.

    Raises
    ------
    ValueError
        A column is missing, no number or has gaps, a customer and period are in two rows, there are fewer than three
        customers or two periods, or the shortage or the instrument does not vary within customers and periods.

    Notes
    -----
    With few customers the errors are too small: with 6 a 90% interval covers about 83%. Have 20 or more.

    References
    ----------
    Angrist and Pischke (2009), Mostly Harmless Econometrics, chapters 4, 5 and 8; Liang and Zeger (1986), Longitudinal
    data analysis using generalized linear models, Biometrika 73(1), 13-22, for the errors (times G / (G - 1) for G
    customers); Staiger and Stock (1997), Instrumental variables regression with weak instruments, Econometrica 65(3),
    557-586, for the 10.

    Examples
    --------
    >>> panel = pd.DataFrame({"customer_id": [*"AABBCC"], "period": [1, 2] * 3, "trouble": [0, 1, 0, 0, 0, 2],
    ...                       "short": [0, 2, 0, 1, 0, 4], "ordered": [9, 7.1, 5, 4.5, 8, 4.4]})
    >>> demand_response(panel, "ordered", "short", "trouble")["effect"].round(2).to_dict()
    {'naive': -1.01, 'instrumented': -1.03}
    """
    from scipy import stats

    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, not {level!r}")
    if isinstance(controls, str):
        raise ValueError(f"controls must be a list of columns: [{controls!r}]")
    names = [outcome, shortage, instrument, *controls]
    y, x, z = _within(panel, names, customer, period)
    for name, left in ((shortage, x), (instrument, z)):
        if np.ptp(left) < 1e-9 * max(1.0, float(panel[name].abs().max())):
            raise ValueError(f"{name} does not vary beyond what customers and periods have in common: it tells nothing")
    groups = pd.factorize(panel[customer])[0]

    def slope(y: np.ndarray, x: np.ndarray, z: np.ndarray) -> tuple[float, float]:
        """Of y on x, moved by z, and its standard error."""
        effect = float(z @ y / (z @ x))
        sums = np.bincount(groups, z * (y - effect * x))
        return effect, float(np.sqrt(len(sums) / (len(sums) - 1) * (sums @ sums)) / abs(z @ x))

    first, first_error = slope(x, z, z)
    t = stats.t.ppf((1 + level) / 2, groups.max())
    rows = {"naive": (*slope(y, x, x), np.nan), "instrumented": (*slope(y, x, z), (first / first_error) ** 2)}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["effect", "se", "first_stage_f"])
    table.insert(2, "low", table["effect"] - t * table["se"])
    table.insert(3, "high", table["effect"] + t * table["se"])
    return table


def predictability(purchases: pd.DataFrame, batch: float | pd.Series = 1.0, *, smoothing: float = 0.08) -> pd.DataFrame:
    """How far each customer's purchases vary, and how far beyond what their volume alone would make them.

    Parameters
    ----------
    purchases : DataFrame, one row a period in the order of time, one column a customer
        Orders, units or money; 0 where nothing was bought, missing while it was no customer. Take seasons out first.
    batch : number or Series by customer
        How many units come at once: 1 for counts of orders; for units or money the mean square of an order by the mean
        of an order, which holds that orders come at random and differ in size.
    smoothing : number
        Of the forecast, as for `forecast_errors`.

    Returns
    -------
    DataFrame, one row a customer
        `periods`; `mean`; `variance`; `cv`, standard deviation by mean; `error_sd`, root mean square of the error of
        the smoothed forecast one period ahead; `expected_cv`, what volume alone would give, the root of batch by mean;
        `dispersion`, variance by batch and mean: 1 for orders at random, whatever the volume; `net`, the logarithm of
        cv by expected_cv, 0 for orders at random, missing where nothing varies. All but `periods` are missing where
        nothing was bought or there are fewer than 3 periods.

    Raises
    ------
    ValueError
        Purchases are no numbers or negative, a batch is not above 0, or `smoothing` is out of its range.

    Notes
    -----
    The cv of one who buys more is smaller by arithmetic, as the mean is in its denominator: set against anything that
    grows with volume, such as profit, it tells of volume first. `dispersion` and `net` do not have that fault.

    References
    ----------
    Cox and Lewis (1966), The Statistical Analysis of Series of Events, for the index of dispersion.

    Examples
    --------
    >>> purchases = pd.DataFrame({"A": [4, 5, 4, 3, 4, 4], "B": [0, 3, 0, 0, 3, 0]})
    >>> predictability(purchases)[["cv", "expected_cv", "dispersion"]].round(2)
         cv  expected_cv  dispersion
    A  0.16          0.5         0.1
    B  1.55          1.0         2.4
    """
    if not 0 < smoothing <= 1:
        raise ValueError(f"smoothing must lie above 0, and at most at 1, not {smoothing!r}")
    units = _numbers(purchases, "purchases", gaps=True)
    size = batch.reindex(units.columns) if isinstance(batch, pd.Series) else pd.Series(float(batch), units.columns)
    if (wrong := ~(size > 0)).any():
        raise ValueError(
            f"batch must be above 0 for each customer; that of {wrong.idxmax()!r} is {size[wrong].iloc[0]}"
        )
    periods = units.count()
    mean = units.mean().where((periods >= 3) & (units.sum() > 0))
    variance = units.var().where(mean.notna())
    error = units - units.ewm(alpha=smoothing).mean().shift()
    cv, expected = np.sqrt(variance) / mean, np.sqrt(size / mean)
    return pd.DataFrame(
        {
            "periods": periods,
            "mean": mean,
            "variance": variance,
            "cv": cv,
            "error_sd": np.sqrt((error**2).mean()).where(mean.notna()),
            "expected_cv": expected,
            "dispersion": variance / (size * mean),
            "net": np.log((cv / expected).where(cv > 0)),
        }
    )


def partial_correlation(
    table: pd.DataFrame,
    x: str,
    y: str,
    given: str,
    *,
    level: float = 0.9,
    resamples: int = 400,
    random_state: int | np.random.Generator | None = None,
) -> pd.DataFrame:
    """How far two things go together: as they are, and among rows alike in a third.

    Parameters
    ----------
    table : DataFrame, one row a customer
        The three columns, numbers without gaps.
    x, y, given : str
        Columns in any unit: they are ranked (Spearman).
    level : float
        Of the intervals, between 0 and 1.
    resamples : int
        How often the customers are drawn anew for these.
    random_state : int, Generator or None

    Returns
    -------
    DataFrame, rows `raw` and `net`
        `correlation`, from -1 to 1, of x and y; net of `given`, of what is left of their ranks after a straight line
        in its ranks; `low` and `high`.

    Raises
    ------
    ValueError
        A column is missing, no number or has gaps, all its values are equal, two rank alike, or there are fewer than
        four rows.

    References
    ----------
    Kendall and Stuart (1973), The Advanced Theory of Statistics 2, chapter 27, for the formula.

    Examples
    --------
    >>> table = pd.DataFrame({"cv": [5, 4, 3, 2, 1] * 3, "profit": range(15), "mean": [1, 3, 2, 4, 5] * 3})
    >>> result = partial_correlation(table, "cv", "profit", given="mean", resamples=50, random_state=1)
    >>> result["correlation"].round(2).to_dict()
    {'raw': -0.33, 'net': -0.15}
    """
    _complete(table, [x, y, given])
    if len(table) < 4:
        raise ValueError(f"{len(table)} rows are too few for a correlation net of a third column: 4 are needed")
    if flat := [name for name in (x, y, given) if table[name].min() == table[name].max()]:
        raise ValueError(f"all values of {flat[0]} are equal: nothing can go with it")
    ranks = table[[x, y, given]].rank()
    if alike := [name for name in (x, y) if abs(ranks[name].corr(ranks[given])) > 1 - 1e-12]:
        raise ValueError(f"{alike[0]} and {given} rank the rows alike: net of the one nothing is left of the other")

    def correlations(rows: pd.DataFrame) -> dict[str, float]:
        r = rows[[x, y, given]].rank().corr().to_numpy()
        net = (r[0, 1] - r[0, 2] * r[1, 2]) / np.sqrt((1 - r[0, 2] ** 2) * (1 - r[1, 2] ** 2))
        return {"raw": r[0, 1], "net": net}

    draws = bootstrap(correlations, table, resamples=resamples, random_state=random_state)
    return pd.DataFrame({"correlation": pd.Series(correlations(table))}).join(interval(draws, level))


def _within(panel: pd.DataFrame, names: list[str], customer: str, period: str) -> np.ndarray:
    """The first three columns, less customers' means, what all share in a period, and the other columns."""
    _complete(panel, names, ids=[customer, period])
    if (again := panel.duplicated([customer, period])).any():
        who, when = (panel.loc[again, name].iloc[0] for name in (customer, period))
        raise ValueError(f"customer {who} has two rows for period {when}: add them up")
    if panel[customer].nunique() < 3 or panel[period].nunique() < 2:
        raise ValueError("a panel needs three customers or more, in two periods or more")
    columns = [panel[name].to_numpy(dtype=float) for name in names]
    values = pd.DataFrame(np.column_stack([*columns, pd.get_dummies(panel[period], dtype=float)]))
    values -= values.groupby(panel[customer].to_numpy()).transform("mean")
    own, shared = values.to_numpy()[:, :3], values.to_numpy()[:, 3:]
    return (own - shared @ np.linalg.lstsq(shared, own, rcond=None)[0]).T


def _complete(table: pd.DataFrame, names: Sequence[str], ids: Sequence[str] = ()) -> None:
    for name in (*ids, *names):
        if name not in table:
            raise ValueError(f"there is no column {name!r}; there are {', '.join(map(repr, table.columns))}")
        if name in names and not pd.api.types.is_numeric_dtype(table[name]):
            raise ValueError(f"{name} must be numbers, not {table[name].dtype}: read it with pd.to_numeric")
        if name in names and np.isinf(table[name].astype(float)).any():
            raise ValueError(f"{name} holds a number without end (inf)")
        if (gaps := table[name].isna()).any():
            raise ValueError(f"{name} is missing in {gaps.sum()} of {len(table)} rows; the first is {gaps.idxmax()}")


def _numbers(table: pd.DataFrame, what: str, gaps: bool = False) -> pd.DataFrame:
    if table.empty:
        raise ValueError(f"{what} is empty")
    if text := [name for name in table if not pd.api.types.is_numeric_dtype(table[name])]:
        raise ValueError(f"{what} must be numbers; {text[0]!r} holds {table[text[0]].dtype}")
    values = table.astype(float)
    bad = values.lt(0) | np.isinf(values) | (values.isna() & (not gaps))
    if bad.any(axis=None):
        name = bad.any().idxmax()
        wrong = values[name][bad[name]]
        raise ValueError(f"{what} must be 0 and above; row {wrong.index[0]} of {name!r} holds {wrong.iloc[0]}")
    return values
