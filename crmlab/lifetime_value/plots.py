"""Pictures of the models of buying."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crmlab import figures

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from crmlab.lifetime_value.beta_geo_nbd import BetaGeoNBD


def plot_probability_alive(
    model: BetaGeoNBD, T: float, frequencies: Sequence[int] = (1, 4, 15), ax: Axes | None = None
) -> Axes:
    """Draw the probability of being alive against the time of the last purchase, a line a frequency.

    Parameters
    ----------
    model : BetaGeoNBD
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
    whole = range((date.max() - date.min()).days // 7)
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
