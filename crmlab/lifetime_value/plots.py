"""Pictures of the models of buying."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crmlab import figures
from crmlab.lifetime_value.constant_retention import margin_multiple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from crmlab.lifetime_value.purchase_model import PurchaseModel
    from crmlab.lifetime_value.shifted_beta_geometric import ShiftedBetaGeometric


def plot_probability_alive(
    model: PurchaseModel, T: float, frequencies: Sequence[int] = (1, 4, 15), ax: Axes | None = None
) -> Axes:
    """Draw the probability of being alive against the time of the last purchase, a line a frequency.

    Parameters
    ----------
    model : BetaGeoNBD, ModifiedBetaGeoNBD or ParetoNBD
        Fitted, or with known parameters.
    T : float
        How long the customers were observed, in the model's unit.
    frequencies : sequence of int
        Repeat purchases of each line, from 1 on.
    ax : Axes, optional
        Made when missing.

    Returns
    -------
    Axes
        Without title.

    Examples
    --------
    >>> from crmlab.lifetime_value import BetaGeoNBD
    >>> known = BetaGeoNBD.from_params(r=0.243, alpha=4.414, a=0.793, b=2.426)
    >>> ax = plot_probability_alive(known, T=39)
    >>> [float(round(line.get_ydata()[-1], 2)) for line in ax.lines]
    [0.75, 0.87, 0.95]
    """
    ax = ax or figures.axes()[1]
    last = np.linspace(T / 100, T, 100)
    for frequency, color in zip(frequencies, figures.PALETTE, strict=False):
        grid = pd.DataFrame({"customer_id": last.astype(str), "frequency": frequency, "recency": last, "T": T})
        alive = model.probability_alive(grid).to_numpy()
        ax.plot(last, alive, color=color)
        words = f" {frequency} repeat purchase{'s' * (frequency > 1)}"
        ax.annotate(words, (T, alive[-1]), color=color, va="center")
    ax.set_xlim(0, T * 1.3)  # room for the words at the lines' ends
    ax.set_xticks(np.linspace(0, T, 4).round())
    figures.label(ax, "", f"{model.unit} of the last purchase", "probability of being alive")
    return ax


def plot_holdout(by_group: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw purchases in the hold-out, actual and forecast, against purchases in calibration.

    Parameters
    ----------
    by_group : DataFrame, one row a group of customers
        Indexed by repeat purchases in calibration, the last row being that many or more. Columns `actual` and one a
        forecast, in purchases a customer.
    ax : Axes, optional
        Made when missing.

    Returns
    -------
    Axes
        Without title.
    """
    ax = ax or figures.axes()[1]
    actual = by_group["actual"]
    ax.plot(actual.index, actual, color=figures.GREY, marker="s", linewidth=3, label="actual")
    forecasts = by_group.drop(columns="actual")
    for forecast, color, marker in zip(forecasts, figures.PALETTE, "o^vD", strict=False):
        ax.plot(by_group.index, by_group[forecast], color=color, marker=marker, label=forecast)
    ax.set_xticks(by_group.index, [*map(str, by_group.index[:-1]), f"{by_group.index[-1]}+"])
    ax.legend()
    figures.label(ax, "", "repeat purchases in calibration", "purchases a customer in the hold-out")
    return ax


def plot_weekly_purchases(transactions: pd.DataFrame, calibration_end: str, ax: Axes | None = None) -> Axes:
    """Draw first and repeat purchases in each whole week, and where the calibration ends.

    Parameters
    ----------
    transactions : DataFrame, one row a purchase
        Contract `transactions`.
    calibration_end : date
    ax : Axes, optional
        Made when missing.

    Returns
    -------
    Axes
        Without title; its first two lines are those of first and of repeat purchases.
    """
    ax = ax or figures.axes()[1]
    date = transactions["date"]
    week = (date - date.min()).dt.days // 7
    whole = range(((date.max() - date.min()).days + 1) // 7)
    again = date > transactions.groupby("customer_id")["date"].transform("min")
    weeks = date.min() + pd.to_timedelta([7 * number for number in whole], unit="D")
    for chosen, name, color in ((~again, "first", figures.GREY), (again, "repeat", figures.BLUE)):
        ax.plot(weeks, week[chosen].value_counts().reindex(whole, fill_value=0), color=color, label=name)
    end: Any = np.datetime64(calibration_end)
    ax.axvline(end, color=figures.GREY, linestyle="--")
    ax.annotate(" calibration ends", (end, ax.get_ylim()[1]), color=figures.GREY, va="top")
    ax.set_ylim(0)
    ax.legend(title="purchases", loc="center right")
    figures.label(ax, "", "week", "purchases a week")
    return ax


def plot_promises(promises: pd.DataFrame, came: float, ax: Axes | None = None) -> Axes:
    """Draw promised values as bars with their intervals, the first on top, and what came as a line across them.

    Parameters
    ----------
    promises : DataFrame, one row a promise
        `value`, `low` and `high`.
    came : float
        NaN where nobody knows: no line.
    ax : Axes, optional
        Made when missing.

    Returns
    -------
    Axes
        Without title.
    """
    ax = ax or figures.axes(figsize=(7, 2.6))[1]
    upwards = promises.iloc[::-1]
    reach = [upwards["value"] - upwards["low"], upwards["high"] - upwards["value"]]
    colors = [figures.BLUE, figures.ORANGE][: len(upwards)]
    ax.barh(upwards.index, upwards["value"], height=0.6, color=colors, xerr=reach, capsize=4)
    ax.set_ylim(-0.5, len(upwards) - 0.2)
    if not np.isnan(came):
        ax.axvline(came, color=figures.GREY, linestyle="--")
        ax.annotate(" what came", (came, len(upwards) - 0.45), color=figures.GREY)
    return ax


def plot_tracking(weeks: pd.DataFrame, calibration_end: str, cumulative: bool = False, ax: Axes | None = None) -> Axes:
    """Draw repeat purchases as they came and as a model expects them, and where the calibration ends.

    Parameters
    ----------
    weeks : DataFrame, one row a week
        As `tracking` gives it.
    calibration_end : date
    cumulative : bool
        Added up from the first week on, rather than a week.
    ax : Axes, optional
        Made when missing.

    Returns
    -------
    Axes
        Without title.
    """
    ax = ax or figures.axes()[1]
    shown = weeks.cumsum() if cumulative else weeks
    ax.plot(shown.index, shown["actual"], color=figures.GREY, label="actual")
    ax.plot(shown.index, shown["expected"], color=figures.BLUE, label="expected by the model")
    end: Any = np.datetime64(calibration_end)
    ax.axvline(end, color=figures.GREY, linestyle="--")
    ax.set_ylim(0)
    ax.legend(loc="lower right")
    figures.label(ax, "", "week", "repeat purchase days so far" if cumulative else "repeat purchase days a week")
    return ax


def plot_grid(
    model: PurchaseModel, T: float, most: int, t: float | None = None, cells: int = 40, ax: Axes | None = None
) -> Axes:
    """Draw, over frequency and recency, the probability of being alive, or the purchases to expect.

    Parameters
    ----------
    model : BetaGeoNBD, ModifiedBetaGeoNBD or ParetoNBD
        Fitted, or with known parameters.
    T : float
        How long the customers were observed, in the model's unit.
    most : int
        The highest frequency.
    t : float, optional
        The time after T that purchases are expected for; without it the probability of being alive is drawn.
    cells : int
        At most so many steps either way, whatever `T` and `most` are.
    ax : Axes, optional
        Made when missing.

    Returns
    -------
    Axes
        Without title; its first collection holds the numbers drawn.
    """
    ax = ax or figures.axes()[1]
    frequency = np.unique(np.linspace(1, most, min(cells, most)).round())
    recency = np.linspace(T / cells, T, cells)
    x, last = (side.ravel() for side in np.meshgrid(frequency, recency))
    grid = pd.DataFrame({"customer_id": np.arange(len(x)), "frequency": x, "recency": last, "T": T})
    value = model.probability_alive(grid) if t is None else model.conditional_expected_purchases(grid, t)
    drawn = ax.pcolormesh(
        frequency, recency, value.to_numpy().reshape(len(recency), -1), cmap="viridis", vmin=0, shading="nearest"
    )
    word = "probability of being alive" if t is None else f"purchases in the next {t:g} {model.unit}s"
    ax.figure.colorbar(drawn, ax=ax, label=word)
    ax.grid(False)
    figures.label(ax, "", "repeat purchases", f"{model.unit} of the last purchase")
    return ax


def plot_alive_path(path: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw one customer's probability of being alive from day to day, its purchases marked.

    Parameters
    ----------
    path : DataFrame, one row a day
        As `alive_path` gives it.
    ax : Axes, optional
        Made when missing.

    Returns
    -------
    Axes
        Without title.
    """
    ax = ax or figures.axes()[1]
    ax.plot(path.index, path["probability_alive"], color=figures.BLUE)
    bought = path[path["purchase"]]
    ax.plot(bought.index, bought["probability_alive"], "o", color=figures.ORANGE, label="purchase")
    ax.set_ylim(0, 1.05)
    ax.legend(loc="lower left")
    figures.label(ax, "", "day", "probability of being alive")
    return ax


def plot_values(values: pd.Series, unit: str, ax: Axes | None = None) -> Axes:
    """Draw how the value of all customers is spread over them: the share that the best so many percent hold.

    Parameters
    ----------
    values : Series, one entry a customer
        0 or more.
    unit : str
        Of the values, such as "USD".
    ax : Axes, optional
        Made when missing.

    Returns
    -------
    Axes
        Without title.
    """
    ax = ax or figures.axes()[1]
    ranked = values.sort_values(ascending=False)
    customers = np.arange(1, len(ranked) + 1) / len(ranked)
    ax.plot(100 * customers, 100 * ranked.cumsum() / ranked.sum(), color=figures.BLUE)
    ax.plot([0, 100], [0, 100], color=figures.GREY, linestyle="--")
    ax.annotate(" all worth the same", (50, 50), color=figures.GREY, va="top")
    ax.set_xlim(0, 100)
    ax.set_ylim(0, 102)
    figures.label(ax, "", "customers, best first, %", f"share of the value ({ranked.sum():,.0f} {unit}), %")
    return ax


def plot_retention(
    active: pd.Series, seen: int, model: ShiftedBetaGeometric, churn: float, ax: Axes | None = None
) -> Axes:
    """Draw the share of a cohort still under contract: observed, projected by sBG, and at a constant churn.

    Parameters
    ----------
    active : Series
        Customers after 0, 1, 2, ... renewals, as a share of those at the start.
    seen : int
        The renewals that the model was fitted to; those that follow are drawn as hidden from it.
    model : ShiftedBetaGeometric
        Fitted to `active` up to `seen`.
    churn : float
        The constant share that leaves at each renewal, from 0 to 1.
    ax : Axes, optional
        Made when missing.

    Returns
    -------
    Axes
        Without title.
    """
    ax = ax or figures.axes()[1]
    renewals = np.arange(len(active))
    ax.plot(renewals, 100 * (1 - churn) ** renewals, color=figures.ORANGE, linestyle="--", label="constant churn")
    ax.plot(renewals, 100 * np.asarray(model.survival(renewals)), color=figures.BLUE, label="sBG")
    shown, hidden = active.iloc[: seen + 1], active.iloc[seen + 1 :]
    ax.plot(renewals[: seen + 1], 100 * shown, "o", color=figures.GREY, label="observed, used")
    ax.plot(
        renewals[seen + 1 :], 100 * hidden, "o", color=figures.GREY, markerfacecolor="white", label="observed, hidden"
    )
    ax.set_ylim(0, 102)
    ax.legend()
    figures.label(ax, "", "renewals", "customers still under contract, %")
    return ax


def plot_margin_multiple(
    retention: float, margin: float, discount_rate: float, currency: str, ax: Axes | None = None
) -> Axes:
    """Draw the value of a customer against retention, both conventions, one retention marked.

    Parameters
    ----------
    retention : float
        The share that stays from one period to the next, from 0 to 0.99.
    margin : float
        A period, in currency.
    discount_rate : float
        A period, as a share; above 0.
    currency : str
    ax : Axes, optional
        Made when missing.

    Returns
    -------
    Axes
        Its title says the value at the retention marked.

    Examples
    --------
    >>> plot_margin_multiple(0.8, 100, 0.1, "USD").get_title(loc="left")
    'Retention 0.80 is worth 267 USD (first margin at period end)'
    """
    ax = ax or figures.axes()[1]
    rates = np.linspace(0, 0.99, 100)
    for when, name, color in (("now", "now", figures.ORANGE), ("period_end", "at period end", figures.BLUE)):
        ax.plot(rates, margin * margin_multiple(rates, discount_rate, when), color=color, label=f"first margin {name}")
    value = float(margin * margin_multiple(retention, discount_rate))
    ax.plot([retention], [value], "o", color=figures.BLUE)
    ax.legend()
    title = f"Retention {retention:.2f} is worth {value:,.0f} {currency} (first margin at period end)"
    figures.label(ax, title, "retention, a period", f"value of a customer, {currency}")
    return ax


def plot_against_truth(estimate: pd.Series, truth: pd.Series, currency: str, ax: Axes | None = None) -> Axes:
    """Values in truth against values by a model, one dot a customer, and the line of equality.

    Parameters
    ----------
    estimate, truth : Series, one entry a customer, in `currency`
    currency : str
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = figures.axes()[1] if ax is None else ax
    thousands = pd.DataFrame({"estimate": estimate.to_numpy(), "truth": truth.to_numpy()}) / 1000
    ends = [0, max(thousands["estimate"].max(), thousands["truth"].max())]
    ax.plot(ends, ends, linestyle="--", color="grey", linewidth=1)
    ax.scatter(thousands["estimate"], thousands["truth"], s=14, alpha=0.6, color=figures.PALETTE[0])
    figures.label(
        ax,
        "Value in truth against value by the model",
        f"by the model, 1,000 {currency}",
        f"in truth, 1,000 {currency}",
    )
    return ax
