"""Pictures of chapter 01 that need more than a few lines."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from crmlab import figures
from crmlab.data_quality.duplicates import threshold_table

SHARES = ["completeness", "validity", "consistency"]


def plot_quality(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Completeness, validity and consistency of columns as a heat map, in percent.

    Parameters
    ----------
    table : DataFrame
        As `quality` gives it; the index names the columns, with what is in brackets left out of the title.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    import seaborn as sns

    ax = ax or figures.axes(figsize=(7.0, 0.32 * len(table) + 1.2))[1]
    shares = 100 * table[SHARES]
    low = min(80.0, float(np.floor(shares.min().min())))
    sns.heatmap(shares, annot=True, fmt=".1f", cmap="cividis", vmin=low, vmax=100, ax=ax, cbar=False)
    row, column = divmod(int(shares.to_numpy().argmin()), len(SHARES))
    names = [str(name).partition(" (")[0] for name in table.index]
    lowest = f"Lowest: {shares.to_numpy()[row, column]:.1f}%, {SHARES[column]} of {names[row]}"
    figures.label(ax, lowest, "% of the cells", "")
    ax.tick_params(length=0, labelrotation=0)
    ax.grid(False)
    return ax


def plot_scores(score: pd.Series, match: pd.Series, threshold: float, ax: Axes | None = None) -> Axes:
    """How pairs of records score, those of one customer apart from the others.

    Parameters
    ----------
    score : Series of float
    match : Series of bool
        Whether each pair is of one customer.
    threshold : float
        Pairs at or above it are called one customer.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax or figures.axes()[1]
    bins = np.linspace(score.min(), score.max(), 40).tolist()
    ax.hist(score[~match], bins, color=figures.ORANGE, label="two customers")
    ax.hist(score[match], bins, color=figures.BLUE, alpha=0.75, label="one customer")
    ax.axvline(threshold, color=figures.GREY, linestyle="--")
    ax.set_yscale("log")
    beyond = int((match & (score < threshold)).sum())
    wrong = int((~match & (score >= threshold)).sum())
    title = f"The line at {threshold:.2f}: {beyond} true pairs below it, {wrong} false above"
    figures.label(ax, title, "score of the pair", "pairs, logarithmic scale")
    ax.legend(loc="upper right")
    return ax


def plot_error_costs(
    score: pd.Series, match: pd.Series, cost_false: float, cost_missed: float, ax: Axes | None = None
) -> Axes:
    """What the errors cost, wherever the line between one customer and two is drawn.

    Parameters
    ----------
    score : Series of float
    match : Series of bool
        Whether each pair is of one customer.
    cost_false, cost_missed : float
        Of a pair called one customer that is not, and of one that was missed, EUR.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax or figures.axes()[1]
    lines = threshold_table(score, match, cost_false=cost_false, cost_missed=cost_missed)
    threshold, cost = lines["threshold"].to_numpy(), lines["cost"].to_numpy() / 1000
    best, drawn = cost.argmin(), np.isfinite(threshold)
    ax.plot(threshold[drawn], cost[drawn], color=figures.BLUE, drawstyle="steps-post")
    ax.axvline(min(threshold[best], score.max()), color=figures.GREY, linestyle="--")
    title = f"Errors cost least, {1000 * cost[best]:,.0f} EUR, with the line at {threshold[best]:.2f}"
    figures.label(ax, title, "line: pairs with this score or more are called one customer", "cost, thousand EUR")
    ax.set_ylim(bottom=0)
    return ax


def plot_gains(gains: pd.DataFrame, unit: str, truth: pd.Series | None = None, ax: Axes | None = None) -> Axes:
    """What each repair brings, with its interval, the largest at the top.

    Parameters
    ----------
    gains : DataFrame, indexed by repair
        `gain`, `low` and `high`, in thousands of `unit`.
    unit : str
        Such as "EUR".
    truth : Series, optional
        The true gain by repair, in the same unit: a mark beside the bar.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = ax or figures.axes()[1]
    shown = gains.sort_values("gain")
    place = np.arange(len(shown))
    error = np.abs(shown[["low", "high"]].sub(shown["gain"], axis=0).to_numpy().T)
    ax.barh(place, shown["gain"], color=figures.BLUE, height=0.6)
    ax.errorbar(shown["gain"], place, xerr=error, fmt="none", color="black", capsize=3, label="90% interval")
    if truth is not None:
        ax.plot(truth.reindex(shown.index), place, "D", color=figures.VERMILION, label="truth")
    ax.set_yticks(place, shown.index.astype(str).tolist())
    ax.axvline(0, color=figures.GREY, linewidth=1)
    figures.label(ax, "", f"gain, thousand {unit}", "")
    ax.legend(loc="lower right")
    return ax
