"""Pictures of the models of buying."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    >>> known = BetaGeoNBD.from_params(r=0.243, alpha=4.414, a=0.793, b=2.426)  # doctest: +SKIP
    >>> plot_probability_alive(known, T=39)  # doctest: +SKIP
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
    """Draw the number of purchases in each whole week, and where the calibration ends.

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
        Without title; its first line holds the numbers.
    """
    ax = ax or figures.axes()[1]
    weekly = transactions.set_index("date").resample("7D", origin="start").size()
    whole = weekly if (transactions["date"].max() - weekly.index[-1]).days == 6 else weekly.iloc[:-1]
    ax.plot(whole.index, whole, color=figures.BLUE)
    end = pd.Timestamp(calibration_end)
    ax.axvline(end, color=figures.GREY, linestyle="--")
    ax.annotate(" calibration ends", (end, whole.max()), color=figures.GREY)
    ax.set_ylim(0)
    figures.label(ax, "", "week", "purchases a week")
    return ax


def plot_promises(promised: pd.Series, likely: pd.DataFrame, happened: float, ax: Axes | None = None) -> Axes:
    """Draw promised values as bars with their intervals, and what happened as a line across them.

    Parameters
    ----------
    promised : Series, one entry a promise
    likely : DataFrame
        `low` and `high` of each, under the same names.
    happened : float
        NaN where nobody knows: no line.
    ax : Axes, optional
        Made when missing.

    Returns
    -------
    Axes
        Without title.
    """
    ax = ax or figures.axes(figsize=(7, 2.6))[1]
    ends = likely.loc[promised.index]
    reach = [promised - ends["low"], ends["high"] - promised]
    ax.barh(promised.index, promised, height=0.6, color=[figures.ORANGE, figures.BLUE], xerr=reach, capsize=4)
    ax.set_ylim(-0.5, len(promised) - 0.2)
    if not np.isnan(happened):
        ax.axvline(happened, color=figures.GREY, linestyle="--")
        ax.annotate(" what came", (happened, len(promised) - 0.45), color=figures.GREY)
    return ax
