"""Pictures of chapter 05 that need more than a few lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crmlab import figures
from crmlab.service_level.perfect import FAULTS, PerfectOrder
from crmlab.service_level.stock import cycle_service, fill_rate, stock_for_fill

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SMALL = 0.0005  # a share below it is no step of a waterfall


def plot_waterfall(result: PerfectOrder, ax: Axes | None = None) -> Axes:
    """From all orders down to the perfect ones: what each cause takes away.

    Parameters
    ----------
    result : PerfectOrder
        As `perfect_order` gives it.
    ax : Axes, optional

    Returns
    -------
    Axes
        Its title says how many orders are perfect, and what the two largest causes take.
    """
    ax = ax or figures.axes(figsize=(7.0, 3.9))[1]
    causes = result.causes.sort_values(ascending=False, kind="stable")
    shown = causes[causes >= SMALL]
    names = [FAULTS.get(name, str(name)) for name in shown.index]
    steps, before = 100 * shown.to_numpy(), 100.0
    ax.bar(0, 100, color=figures.GREY)
    for place, step in enumerate(steps, start=1):
        color = figures.VERMILION if place <= 2 else figures.ORANGE
        ax.bar(place, step, bottom=before - step, color=color)
        ax.text(place, before - step - 0.6, f"-{step:.1f}", ha="center", va="top", fontsize=9)
        before -= step
    end = len(steps) + 1
    ax.bar(end, 100 * result.rate, color=figures.BLUE)
    ax.axhline(100 * result.product, color=figures.GREY, linestyle="--", linewidth=1)
    ax.annotate(
        f"product of the rates {100 * result.product:.1f}",
        (end / 2, 100 * result.product - 0.5),
        ha="center",
        va="top",
        fontsize=9,
        color=figures.GREY,
    )
    ax.text(end, 100 * result.rate + 0.4, f"{100 * result.rate:.1f}", ha="center", fontsize=9)
    ax.set_xticks(range(end + 1), ["all", *names, "perfect"], rotation=30, ha="right", rotation_mode="anchor")
    ax.set_ylim(max(0.0, 100 * min(result.rate, result.product) - 12), 101)
    ax.grid(axis="x", visible=False)
    two = " and ".join(f"{name} {step:.0f}" for name, step in zip(names[:2], steps[:2], strict=True))
    title = f"{result.rate:.0%} of the orders are perfect" + (f"; points lost by: {two}" if two else "")
    figures.label(ax, title, "", "orders, % (axis cut)")
    return ax


def plot_funnel(groups: pd.DataFrame, overall: float, ax: Axes | None = None) -> Axes:
    """The rate of perfect orders of each group against its number of orders, within the limits of chance.

    Parameters
    ----------
    groups : DataFrame, one row a group
        As `perfect_by` gives it.
    overall : float
        The rate of all.
    ax : Axes, optional

    Returns
    -------
    Axes
        Its title says how many groups lie below what chance allows.
    """
    from scipy import stats

    ax = ax or figures.axes()[1]
    sizes = np.unique(np.geomspace(1, groups["n"].max() * 1.1, 200).round())
    for share, style in ((0.95, "--"), (0.998, "-")):
        for end in ((1 - share) / 2, (1 + share) / 2):
            limit = 100 * stats.binom.ppf(end, sizes, overall) / sizes
            name = f"{100 * share:g}% of chance" if end < 0.5 else None
            ax.plot(sizes, limit, style, color=figures.GREY, linewidth=1, label=name)
    ax.axhline(100 * overall, color=figures.GREY, linewidth=1)
    below = (groups["outside"] == 0.998) & (groups["rate"] < overall)
    above = (groups["outside"] == 0.998) & (groups["rate"] > overall)
    for which, color, name in (
        (~below & ~above, figures.BLUE, "within"),
        (below, figures.VERMILION, "below"),
        (above, figures.GREEN, "above"),
    ):
        ax.plot(groups.loc[which, "n"], 100 * groups.loc[which, "rate"], "o", color=color, markersize=4, label=name)
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter("{x:g}")
    ax.set_ylim(-3, 103)
    ax.legend(loc="lower right", ncols=2, fontsize=8)
    title = f"{below.sum()} of {len(groups)} lie below what chance allows, {above.sum()} above"
    figures.label(ax, title, "orders of the customer (logarithmic)", "perfect orders, %")
    return ax


def plot_two_levels(order_quantity: float, sd: float, lead_time: float, ax: Axes | None = None) -> Axes:
    """The two service levels against the safety stock: cycles without a gap, and units that are there.

    Parameters
    ----------
    order_quantity : float
        Units that a delivery brings.
    sd : float
        Of the forecast error of one period, units.
    lead_time : float
        Periods to cover.
    ax : Axes, optional

    Returns
    -------
    Axes
        Its title says what stock each needs for 95%.
    """
    ax = ax or figures.axes()[1]
    spread = sd * np.sqrt(lead_time)
    stocks = np.linspace(-1.5 * spread, 3 * spread, 200)
    ax.plot(stocks, 100 * cycle_service(stocks, sd, lead_time), label="cycles without a gap")
    ax.plot(stocks, 100 * fill_rate(stocks, sd, lead_time, order_quantity), label="units that are there")
    needed = [1.644854 * spread, stock_for_fill(0.95, sd, lead_time, order_quantity)]
    ax.plot(needed, [95, 95], "o", color=figures.VERMILION)
    ax.axhline(95, color=figures.GREY, linestyle="--", linewidth=1)
    ax.legend(loc="lower right")
    title = f"95% of cycles need {needed[0]:.0f} units, 95% of units {needed[1]:.0f}"
    figures.label(ax, title, "safety stock, units", "service, %")
    return ax


def plot_curves(table: pd.DataFrame, today: float, best: float, unit: str = "EUR", ax: Axes | None = None) -> Axes:
    """What service brings, what it costs, and what is left: three curves and the best of the levels.

    Parameters
    ----------
    table : DataFrame, indexed by the share of units that are there, one row a level, rising
        `brings` and `costs`, in `unit` a year, each against the first row.
    today, best : float
        Entries of the index that are marked.
    unit : str
    ax : Axes, optional

    Returns
    -------
    Axes
        Its title says what the best brings beyond today.
    """
    ax = ax or figures.axes(figsize=(7.0, 4.0))[1]
    profit = table["brings"] - table["costs"]
    x = 100 * table.index.to_numpy()
    for values, color, name in (
        (table["brings"], figures.BLUE, "brings"),
        (table["costs"], figures.ORANGE, "costs"),
        (profit, figures.GREEN, "is left"),
    ):
        ax.plot(x, values / 1000, color=color, marker=".")
        ax.annotate(f" {name}", (x[-1], values.iloc[-1] / 1000), color=color, va="center")
    for level, name, shift in ((today, "today", 10), (best, "best", 22)):
        ax.plot(100 * level, profit[level] / 1000, "o", color=figures.VERMILION, zorder=3)
        ax.annotate(
            name, (100 * level, profit[level] / 1000), xytext=(0, shift), textcoords="offset points", ha="center"
        )
    ax.set_xlim(x[0], x[-1] + 0.12 * (x[-1] - x[0]))
    more = profit[best] - profit[today]
    title = f"At {best:.1%} of units at once {more:+,.0f} {unit} a year against {today:.1%} today"
    figures.label(ax, title, "units that are there when asked for, %", f"thousand {unit} a year")
    return ax


def plot_levels(table: pd.DataFrame, cost_of_week: float, today: float, ax: Axes | None = None) -> Axes:
    """What levels of service leave over, if each week with a badly short order costs so much.

    Parameters
    ----------
    table : DataFrame, indexed by the service level, one row a level, rising
        `holding` and `margin_lost`, EUR a year, and `bad_weeks`, a year.
    cost_of_week : float
        Of a customer and week with a badly short order, beside the margin of the goods, EUR.
    today : float
        An entry of the index: the level with which the others are compared.
    ax : Axes, optional

    Returns
    -------
    Axes
        Its title names the best level.
    """
    ax = ax or figures.axes()[1]
    cost = table["holding"] + table["margin_lost"] + cost_of_week * table["bad_weeks"]
    ahead = (cost[today] - cost) / 1000
    places = np.arange(len(table))
    colors = [figures.GREEN if level == ahead.idxmax() else figures.BLUE for level in table.index]
    ax.bar(places, ahead, color=colors)
    ax.axhline(0, color=figures.GREY, linewidth=1)
    ax.set_xticks(places, [f"{100 * level:g}" for level in table.index])
    ax.grid(axis="x", visible=False)
    best = ahead.idxmax()
    title = f"At {cost_of_week:,.0f} EUR a badly short week {100 * best:g}% is best: {1000 * ahead[best]:+,.0f} EUR"
    figures.label(ax, title, "service level by which stock is ordered, %", "thousand EUR a year against today")
    return ax


def plot_predictability(table: pd.DataFrame, profit: str, ax: Axes | None = None) -> Axes:
    """Variation of customers' orders against profit: as it is, and net of what volume explains.

    Parameters
    ----------
    table : DataFrame, one row a customer
        `cv`, `net` (the logarithm of cv against what volume alone gives), `shares_forecasts`, and the column `profit`.
    profit : str
        EUR a year.
    ax : Axes, optional
        Where the first panel goes; then the second is left out.

    Returns
    -------
    Axes
        The first.
    """
    both = [ax] if ax is not None else list(figures.axes(figsize=(7.2, 3.7), ncols=2, sharex=True)[0].axes)
    place = table[profit].rank(pct=True) * 100
    for panel, (column, y) in zip(
        both, (("cv", "variation of four-weekly orders (CV)"), ("net", "log of CV against volume alone")), strict=False
    ):
        for shares, color, name in ((False, figures.BLUE, "others"), (True, figures.ORANGE, "share forecasts")):
            of = table["shares_forecasts"] == shares
            panel.plot(place[of], table.loc[of, column], "o", color=color, markersize=4, label=name)
        r = place.corr(table[column], method="spearman")
        panel.set_title(f"{'As it is' if column == 'cv' else 'Net of volume'}: correlation {r:.2f}")
        panel.set_xlabel(f"rank by {profit}, % (best right)")
        panel.set_ylabel(y)
    if len(both) == 2:
        both[1].axhline(0, color=figures.GREY, linewidth=1)
    both[0].figure.legend(*both[0].get_legend_handles_labels(), fontsize=8, loc="outside lower center", ncols=2)
    return both[0]
