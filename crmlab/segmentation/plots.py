"""Pictures of chapter 03 that need more than a few lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crmlab import figures

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_pareto(classes: pd.DataFrame, unit: str, ax: Axes | None = None) -> Axes:
    """What customers bring, added up from the best on, and where their classes end.

    Parameters
    ----------
    classes : DataFrame, the best customer first
        As `abc_classes` gives it.
    unit : str
        Of the values, such as "EUR".
    ax : Axes, optional

    Returns
    -------
    Axes
        Its title says what the first class brings.
    """
    ax = ax or figures.axes()[1]
    total = classes["value"].sum()
    percent = 100 * classes["share_of_items"]
    ax.plot([0, *percent], np.array([0, *classes["value"].cumsum()]) / 1000, color=figures.BLUE)
    ends = percent.groupby(classes["class"], observed=True).max()
    begins = [0.0, *ends.to_numpy()[:-1]]
    for (name, end), begin, color in zip(ends.items(), begins, figures.PALETTE[1:], strict=False):
        ax.axvspan(begin, end, color=color, alpha=0.12)
        ax.text((begin + end) / 2, 0, str(name), ha="center", va="bottom", fontweight="bold")
    ax.axhline(total / 1000, color=figures.GREY, linestyle="--", linewidth=1)
    ax.set_xlim(0, 100)
    first = classes["class"].iloc[0]
    best = classes.loc[classes["class"] == first, "value"].sum()
    title = f"{100 * (classes['class'] == first).mean():.0f}% of the customers bring {best:,.0f} of {total:,.0f} {unit}"
    figures.label(ax, title, "customers, best first, %", f"added up, thousand {unit}")
    return ax


def plot_fall(fall: pd.DataFrame, unit: str, ax: Axes | None = None) -> Axes:
    """What groups of customers brought, and brought next, beside what chance alone lets expect.

    Parameters
    ----------
    fall : DataFrame, one row a group
        As `regression_to_mean` gives it: `before`, `expected` and `after`, in `unit`.
    unit : str
    ax : Axes, optional

    Returns
    -------
    Axes
        Without title.
    """
    ax = ax or figures.axes(figsize=(7.0, 3.4))[1]
    for (name, row), color in zip(fall.iterrows(), figures.PALETTE, strict=False):
        ax.plot([0, 1], [row["before"], row["after"]], marker="o", color=color)
        ax.plot([1], [row["expected"]], marker="x", color=color, markersize=9, markeredgewidth=2, linestyle="")
        ax.annotate(f"{name} ", (0, row["before"]), color=color, ha="right", va="center")
    ax.plot([], [], "o", color=figures.GREY, label="was")
    ax.plot([], [], "x", color=figures.GREY, label="expected from the correlation of all")
    ax.set_xticks([0, 1], ["year of the choice", "next year"])
    ax.set_xlim(-0.35, 1.15)
    ax.legend(loc="center", bbox_to_anchor=(0.5, 0.66))
    figures.label(ax, "", "", f"mean, {unit} a customer")
    return ax


def plot_profiles(profiles: pd.DataFrame, typical: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Groups of customers by their features: coloured against all customers, with the group's own numbers.

    Parameters
    ----------
    profiles : DataFrame, one row a group, one column a feature
        In standard deviations from the mean of all.
    typical : DataFrame of the same shape
        What is written into the cells, in units.
    ax : Axes, optional

    Returns
    -------
    Axes
        Without title.
    """
    import seaborn as sns

    ax = ax or figures.axes(figsize=(7.0, 0.55 * len(profiles) + 1.2))[1]
    words = typical.map(lambda value: f"{value:,.0f}" if abs(value) >= 10 else f"{value:.2f}")
    key = {"label": "against all, in st. dev."}
    sns.heatmap(profiles, annot=words, fmt="", cmap="PuOr_r", vmin=-1.5, vmax=1.5, ax=ax, cbar_kws=key)
    figures.label(ax, "", "", "")
    ax.tick_params(length=0, labelrotation=0)
    ax.grid(False)
    return ax


def plot_ranking_groups(groups: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """The consensus ranking of each group as a heat map.

    Parameters
    ----------
    groups : DataFrame, one row a group, one column an item
        Places, 1 the best.
    ax : Axes, optional

    Returns
    -------
    Axes
        Without title.
    """
    import seaborn as sns

    ax = ax or figures.axes(figsize=(7.0, 0.45 * len(groups) + 1.3))[1]
    sns.heatmap(groups, annot=True, fmt=".0f", cmap="cividis_r", ax=ax, cbar=False)
    figures.label(ax, "", "", "")
    ax.tick_params(length=0, labelrotation=0)
    ax.grid(False)
    return ax


def plot_rules(brought: pd.DataFrame, at: float, unit: str = "EUR", ax: Axes | None = None) -> Axes:
    """What rules for dividing a budget bring, against the budget, and which is the best at one of them.

    Parameters
    ----------
    brought : DataFrame, indexed by the budget, one column a rule
        In `unit`, less the budget itself.
    at : float
        The budget that is marked.
    unit : str
    ax : Axes, optional

    Returns
    -------
    Axes
        Its title says which rule is the best there, and what it brings.
    """
    ax = ax or figures.axes()[1]
    for rule, color in zip(brought, figures.PALETTE, strict=False):
        ax.plot(brought.index, brought[rule] / 1000, color=color, label=str(rule))
    ax.axhline(0, color=figures.GREY, linewidth=1)
    ax.axvline(at, color=figures.GREY, linestyle="--", linewidth=1)
    here = {str(rule): float(np.interp(at, brought.index, brought[rule])) for rule in brought}
    best = max(here, key=here.__getitem__)
    title = f"Best at {at:g}: {best}, {here[best]:+,.0f} {unit}" if here[best] > 0 else f"Best at {at:g}: left unspent"
    figures.label(ax, title, f"budget, {unit} a week and customer", f"brought less what it costs, thousand {unit}")
    ax.legend(loc="lower left", frameon=True, framealpha=1, edgecolor="none")  # hides the line behind it
    return ax


def plot_moves(customers: pd.DataFrame, share: float, unit: str = "EUR", ax: Axes | None = None) -> Axes:
    """Current and potential contribution of customers, an arrow each for those who would move most.

    Parameters
    ----------
    customers : DataFrame, one row a customer
        `contribution` and `served`, what it brings and what serving it costs, a year; `share`, the part of its needs
        that it buys here.
    share : float
        The part that could be attained, 0 to 1; who buys more already stays where it is.
    unit : str
    ax : Axes, optional

    Returns
    -------
    Axes
        Its title says how many would bring more, and how much together.
    """
    ax = ax or figures.axes(figsize=(7.0, 4.2))[1]
    times = (share / customers["share"]).clip(lower=1).where(customers["contribution"] > 0, 1.0)
    ahead = customers[["served", "contribution"]].mul(times, axis=0)
    gain = ahead["contribution"] - customers["contribution"]
    ax.plot(customers["served"], customers["contribution"], "o", color=figures.GREY, markersize=3, label="now")
    for name in gain.nlargest(10).index[gain.nlargest(10) > 0]:
        start = customers.loc[name, ["served", "contribution"]].to_numpy(dtype="float64")
        end = ahead.loc[name].to_numpy(dtype="float64")
        ax.annotate("", end, start, arrowprops={"arrowstyle": "->", "color": figures.BLUE})
        ax.plot(*end, "o", color=figures.BLUE, markersize=4)
    ax.axhline(0, color=figures.GREY, linewidth=1)
    ax.axvline(float(customers["served"].median()), color=figures.GREY, linestyle=":", linewidth=1)
    title = f"At {share:.0%} of the wallet {(gain > 0).sum()} customers bring {gain.sum():,.0f} {unit} more"
    figures.label(ax, title, f"cost to serve, {unit} a year", f"contribution, {unit} a year")
    ax.set_xlim(0, 1.05 * float(np.quantile(ahead["served"], 0.99)) + 1)
    low, high = np.quantile(customers["contribution"], 0.02), ahead["contribution"].to_numpy().max()
    ax.set_ylim(1.2 * min(low, 0.0) - 1, 1.05 * high + 1)  # a loss far below the others would flatten them
    return ax


def plot_shrunken(cells: pd.DataFrame, overall: float, unit: str = "EUR", ax: Axes | None = None) -> Axes:
    """Means of small cells as they are and shrunken, the smallest cell at the top.

    Parameters
    ----------
    cells : DataFrame, one row a cell
        As `shrunken_means` gives it: `n`, `mean` and `shrunken_mean`.
    overall : float
        The mean towards which they move.
    unit : str
    ax : Axes, optional

    Returns
    -------
    Axes
        Without title.
    """
    shown = cells.sort_values("n", ascending=False, kind="stable")
    ax = ax or figures.axes(figsize=(7.0, 0.22 * len(shown) + 1.3))[1]
    place = np.arange(len(shown))
    ax.hlines(place, shown["mean"], shown["shrunken_mean"], color=figures.GREY, linewidth=1)
    ax.plot(shown["mean"], place, "o", color=figures.ORANGE, label="as it is")
    ax.plot(shown["shrunken_mean"], place, "o", color=figures.BLUE, label="shrunken")
    ax.axvline(overall, color=figures.GREY, linestyle="--", linewidth=1)
    ax.set_yticks(place, [f"{name} ({count})" for name, count in zip(shown.index, shown["n"], strict=True)])
    ax.tick_params(axis="y", labelsize=8)
    ax.legend(loc="lower right")
    figures.label(ax, "", f"mean contribution, {unit} a year", "")
    return ax
