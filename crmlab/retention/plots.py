"""Pictures of chapter 02."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from crmlab import figures


def plot_cohorts(triangle: pd.DataFrame, ax: Any = None) -> Any:
    """A cohort triangle as a heat map: dark where more are still there, white where nothing is observed.

    Parameters
    ----------
    triangle : DataFrame
        As `crmlab.retention.cohort_triangle` gives it.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    import seaborn as sns

    if ax is None:
        _, ax = figures.axes(figsize=(7.0, 0.6 + 0.42 * len(triangle)))
    sizes = triangle.attrs["customers"]
    rows = [f"{cohort} ({sizes[cohort]})" for cohort in triangle.index]
    sns.heatmap(
        100 * triangle.set_axis(rows),
        annot=True,
        fmt=".0f",
        cmap="Blues",
        vmin=0,
        vmax=100,
        cbar=False,
        linewidths=1,
        ax=ax,
    )
    newest = ", ".join(f"{share:.0%}" for share in triangle.iloc[:, 0].dropna().tail(3))
    figures.label(
        ax, f"Of the last cohorts {newest} outlast the first period", "periods after it came", "came in (accounts)"
    )
    ax.tick_params(axis="y", rotation=0)
    ax.grid(False)
    return ax


def plot_survival(curves: Mapping[str, pd.DataFrame], x: str, ax: Any = None) -> Any:
    """Shares that stay so long, as steps; a band around the first.

    Parameters
    ----------
    curves : dict of DataFrame
        By name, as `crmlab.retention.kaplan_meier` gives them.
    x : str
        What is along the axis, with its unit.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    if ax is None:
        _, ax = figures.axes()
    for number, (name, curve) in enumerate(curves.items()):
        steps = pd.concat([pd.DataFrame({"survival": [1.0], "low": [1.0], "high": [1.0]}, index=[0.0]), curve])
        ax.step(steps.index, 100 * steps["survival"], where="post", label=name, ls="-" if number == 0 else "--")
        if number == 0:
            low, high = 100 * steps["low"].ffill(), 100 * steps["high"].ffill()
            ax.fill_between(steps.index, low, high, step="post", alpha=0.2)
    figures.label(ax, "How long customers stay", x, "still there, %")
    ax.set_ylim(0, 102)
    ax.legend()
    return ax


def plot_pareto(counts: pd.Series, values: pd.Series, unit: str = "thousand EUR a year") -> Any:
    """Causes by how often they are named, and by the value that is lost with them, from the largest down.

    Parameters
    ----------
    counts, values : Series, by cause
    unit : str
        Of the values.

    Returns
    -------
    Axes
        The first of two.
    """
    figure, both = figures.axes(figsize=(7.0, 3.6), ncols=2)
    axes: Any = both
    for ax, bars, x in zip(axes, (counts, values), ("accounts", unit), strict=True):
        bars = bars.sort_values(kind="stable")
        colours = [figures.GREY if cause == "no answer" else figures.BLUE for cause in bars.index]
        ax.barh(bars.index, bars, color=colours)
        running = bars[::-1].cumsum()[::-1] / bars.sum()
        for place, (length, share) in enumerate(zip(bars, running, strict=True)):
            ax.text(length, place, f" {share:.0%}", va="center", fontsize=9)
        ax.set_xlim(0, 1.18 * bars.max())
        ax.grid(axis="y", visible=False)
        ax.set_xlabel(x)
    axes[0].set_title("Lost accounts, by what they say")
    axes[1].set_title("What they had brought")
    top = counts.drop("no answer", errors="ignore").idxmax()
    figure.suptitle(
        f"Of those who answer most say {top}; more value left without a word"
        if values.idxmax() == "no answer"
        else f"Most value was lost by: {values.idxmax()}",
        fontweight="bold",
        fontsize=11,
        x=0.01,
        ha="left",
    )
    return axes[0]


def plot_control_chart(chart: pd.DataFrame, title: str, y: str, alarms: Any = None, ax: Any = None) -> Any:
    """A control chart: values, centre and limits, and the points that tell of a change.

    Parameters
    ----------
    chart : DataFrame
        As `crmlab.retention.control_chart` gives it; its index is time.
    title, y : str
        What it says, and what the values are, with their unit.
    alarms : Series of bool, optional
        Of each point, whether it is marked; those beyond the limits by default.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    if ax is None:
        _, ax = figures.axes()
    when = chart.index.to_timestamp() if isinstance(chart.index, pd.PeriodIndex) else chart.index
    ax.step(when, chart["upper"], where="mid", color=figures.GREY, lw=1, ls="--", label="limits")
    ax.step(when, chart["lower"], where="mid", color=figures.GREY, lw=1, ls="--")
    ax.step(when, chart["centre"], where="mid", color=figures.GREY, lw=1, label="centre")
    ax.plot(when, chart["value"], marker="o", ms=4, color=figures.BLUE)
    marked = np.asarray(chart["out"] if alarms is None else alarms, dtype=bool)
    ax.plot(when[marked], chart["value"][marked], "o", ms=8, mfc="none", mew=2, color=figures.VERMILION, label="alarm")
    figures.label(ax, title, "", y)
    ax.set_ylim(bottom=0)
    ax.legend(loc="upper left", ncols=3)
    ax.set_ylim(top=1.18 * max(chart["value"].max(), chart["upper"].max()))
    return ax


def plot_budget(queues: Mapping[str, pd.DataFrame], budget: float, ax: Any = None) -> Any:
    """What answering more and more cases brings, against what it costs.

    Parameters
    ----------
    queues : dict of DataFrame
        By name, as `crmlab.retention.answer_queue` gives them: `spent` and `brought`, EUR a year.
    budget : float
        EUR a year; marked.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    if ax is None:
        _, ax = figures.axes()
    reached = []
    for name, queue in queues.items():
        ax.plot([0, *queue["spent"] / 1000], [0, *queue["brought"] / 1000], marker=".", label=name)
        within = queue.loc[queue["spent"] <= budget, "brought"]
        reached.append(f"{name} {within.iloc[-1] / 1000 if len(within) else 0:.0f}")
    ax.axvline(budget / 1000, color=figures.GREY, ls="--", lw=1, label="budget")
    title = f"Thousand EUR within the budget: {', '.join(reached)}"
    figures.label(ax, title, "spent on answers, thousand EUR a year", "expected to bring, thousand EUR")
    ax.legend()
    return ax


def plot_save_rate(cost: float, value: float, risk: float, ax: Any = None) -> Any:
    """The share of leavers that an action must keep so that it pays, against how likely those answered are to leave.

    Parameters
    ----------
    cost : float
        Of answering one customer, EUR.
    value : float
        Of a customer that is kept, EUR.
    risk : float
        Of those who are answered; marked.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    from crmlab.retention.response import break_even_save_rate

    if ax is None:
        _, ax = figures.axes()
    risks = np.linspace(0.01, 1, 100)
    rates = 100 * break_even_save_rate(cost, value, risks)
    ax.plot(100 * risks, np.where(rates <= 100, rates, np.nan))
    needed = break_even_save_rate(cost, value, risk)
    if needed <= 1:
        ax.plot(100 * risk, 100 * needed, "o", color=figures.VERMILION)
    words = f"must keep {needed:.0%} of leavers" if needed <= 1 else "cannot pay"
    title = f"{cost:,.0f} EUR for a value of {value:,.0f}, at a risk of {risk:.0%}: {words}"
    figures.label(ax, title, "chance to leave of those who are answered, %", "share of leavers to be kept, %")
    ax.set_xlim(0, 100)
    ax.set_ylim(0, 100)
    return ax
