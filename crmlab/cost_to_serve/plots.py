"""Pictures of chapter 07 that need more than a few lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crmlab import figures
from crmlab.cost_to_serve.customers import WhaleCurve

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_waterfall(steps: pd.DataFrame, customer: str, unit: str = "EUR", ax: Axes | None = None) -> Axes:
    """From list price to profit: what each step takes of what a customer pays.

    Parameters
    ----------
    steps : DataFrame, one row a step
        As `price_waterfall` gives it, money.
    customer : str
        Whose it is, for the title.
    unit : str
    ax : Axes, optional

    Returns
    -------
    Axes
        Its title says what the customer pays, and what is left.
    """
    ax = ax or figures.axes(figsize=(7.2, 4.4))[1]
    shown = steps[steps["total"] | steps["amount"].ne(0)]
    places = np.arange(len(shown))[::-1]
    low, high = shown[["start", "end"]].min(axis=1) / 1000, shown[["start", "end"]].max(axis=1) / 1000
    paid, profit = (float(steps["amount"][name]) for name in ("revenue", "profit"))
    colors = np.where(shown["total"], figures.BLUE, figures.ORANGE)
    colors[-1] = figures.VERMILION if profit < 0 else figures.GREEN
    ax.barh(places, high - low, left=low, color=colors)
    for place, amount, end in zip(places, shown["amount"], high, strict=True):
        ax.annotate(f" {amount / 1000:.1f}", (max(end, 0), place), va="center", fontsize=9, color=figures.GREY)
    ax.axvline(0, color=figures.GREY, linewidth=1)
    ax.set_yticks(places, [str(name).replace("_", " ") for name in shown.index])
    reach = max(high.max(), 0.001) - min(low.min(), 0)
    ax.set_xlim(min(low.min(), 0) - 0.03 * reach, max(high.max(), 0.001) + 0.1 * reach)
    ax.grid(axis="y", visible=False)
    verb = "loses" if profit < 0 else "leaves"
    title = f"{customer} pays {paid:,.0f} {unit}, and {verb} {abs(profit):,.0f}"
    figures.label(ax, title, f"thousand {unit} a year", "")
    return ax


def plot_whale(whale: WhaleCurve, unit: str = "EUR", named: int = 1, ax: Axes | None = None) -> Axes:
    """Profit from the best customer to the worst, added up: the whale curve, in money.

    Parameters
    ----------
    whale : WhaleCurve
    unit : str
    named : int
        How many of the last customers are named.
    ax : Axes, optional

    Returns
    -------
    Axes
        Its title says how many customers make the peak, and what the others take back of it.
    """
    ax = ax or figures.axes(figsize=(7.2, 4.0))[1]
    money = np.r_[0.0, whale.table["cumulative"]] / 1000
    ax.fill_between(np.arange(len(money)), money, color=figures.SKY, alpha=0.5)
    ax.plot(money, color=figures.BLUE)
    ax.plot([0, len(money) - 1], [0, money[-1]], "--", color=figures.GREY, linewidth=1)
    ax.plot(whale.peak_at, whale.peak / 1000, "o", color=figures.GREEN)
    ax.annotate(
        f"peak {whale.peak / 1000:,.0f}", (whale.peak_at, whale.peak / 1000), xytext=(0, 6),
        textcoords="offset points", ha="center",
    )  # fmt: skip
    ax.plot(len(money) - 1, money[-1], "o", color=figures.VERMILION)
    ax.annotate(
        f"{money[-1]:,.0f}", (len(money) - 1, money[-1]), xytext=(6, 0), textcoords="offset points", va="center"
    )
    for place in range(len(whale.table) - named, len(whale.table)):
        ax.annotate(
            f"{whale.table.index[place]} ", (place + 0.5, (money[place] + money[place + 1]) / 2), ha="right",
            va="center", fontsize=9, color=figures.VERMILION,
        )  # fmt: skip
    ax.set_ylim(min(0, 1.05 * money.min()), 1.12 * money.max())
    title = f"No customer makes money: together they lose {-whale.total:,.0f} {unit}"
    if whale.peak > 0:
        taken = (whale.peak - whale.total) / whale.peak
        title = f"{whale.peak_at} customers make {whale.peak:,.0f} {unit}; the others take back {taken:.0%}"
    figures.label(ax, title, "customers, the best first", f"profit so far, thousand {unit} a year")
    return ax


def plot_avoidable(table: pd.DataFrame, avoidable: float, unit: str = "EUR", ax: Axes | None = None) -> Axes:
    """What each loser would take along, if such a share of its cost to serve went with it.

    Parameters
    ----------
    table : DataFrame, one row a customer
        `margin` and `cost_to_serve`, money a year.
    avoidable : float
        Share of all cost to serve, the same for each activity.
    unit : str
    ax : Axes, optional

    Returns
    -------
    Axes
        Its title says how many of the losers the firm is better off without.
    """
    ax = ax or figures.axes()[1]
    loses = table[table["margin"] < table["cost_to_serve"]]
    brings = (loses["margin"] - avoidable * loses["cost_to_serve"]).sort_values(ascending=False, kind="stable")
    ax.bar(range(len(brings)), brings, color=np.where(brings < 0, figures.VERMILION, figures.BLUE))
    ax.axhline(0, color=figures.GREY, linewidth=1)
    ax.set_yscale("symlog", linthresh=500)
    ax.yaxis.set_major_formatter("{x:,.0f}")
    ax.grid(axis="x", visible=False)
    title = f"If {avoidable:.0%} of serving goes: {(brings < 0).sum()} of {len(brings)} losers are better gone"
    figures.label(ax, title, "losers at full cost", f"contribution, {unit} a year (symlog)")
    return ax


def plot_quadrants(table: pd.DataFrame, named: list[str], ax: Axes | None = None) -> Axes:
    """Customers by net price and cost to serve, in four parts.

    Parameters
    ----------
    table : DataFrame, one row a customer
        `margin_rate` and `serving_rate`, shares of revenue; `revenue`, money; `profit`, money.
    named : list
        Whose names are written.
    ax : Axes, optional

    Returns
    -------
    Axes
        Its title says how many lose, and where they lie.
    """
    ax = ax or figures.axes(figsize=(7.2, 4.6))[1]
    x, y = 100 * table["serving_rate"].clip(upper=0.6), 100 * table["margin_rate"]
    color = np.where(table["profit"] < 0, figures.VERMILION, figures.BLUE)
    ax.scatter(x, y, s=8 + table["revenue"] / table["revenue"].max() * 300, c=color, alpha=0.6, linewidths=0)
    ends = np.array([max(x.min(), y.min()), min(60.0, y.max())])
    ax.plot(ends, ends, color=figures.GREY, linewidth=1)
    ax.annotate("profit 0 ", (ends[1], ends[1]), ha="right", va="bottom", fontsize=9, color=figures.GREY)
    across, up = 100 * table["serving_rate"].median(), 100 * table["margin_rate"].median()
    ax.axvline(across, color=figures.GREY, linewidth=1, linestyle=":")
    ax.axhline(up, color=figures.GREY, linewidth=1, linestyle=":")
    corners = {
        "passive": (0.01, 0.98, "left", "top"),
        "carriage trade": (0.99, 0.98, "right", "top"),
        "bargain basement": (0.01, 0.02, "left", "bottom"),
        "aggressive": (0.99, 0.02, "right", "bottom"),
    }
    for name, (right, top, ha, va) in corners.items():
        ax.text(right, top, name, transform=ax.transAxes, ha=ha, va=va, style="italic")
    for name in named:
        ax.annotate(name, (x[name], y[name]), xytext=(6, 4), textcoords="offset points", fontsize=9)
    right = ((table["profit"] < 0) & (table["serving_rate"] > table["serving_rate"].median())).sum()
    title = f"{(table['profit'] < 0).sum()} lose at full cost, {right} of them dearer to serve than most"
    figures.label(ax, title, "cost to serve, % of revenue (60: or more)", "net price: margin, % of revenue")
    return ax


def plot_levers(saved: pd.DataFrame, net: pd.Series, unit: str = "EUR", ax: Axes | None = None) -> Axes:
    """Which levers are pulled at which account, what each saves, and what is left when some customers leave.

    Parameters
    ----------
    saved : DataFrame, one row an account, one column a lever
        Money a year that the lever adds to those before it; missing where it is not pulled.
    net : Series by account
        Money a year, less the worth of those that leave.
    unit : str
    ax : Axes, optional

    Returns
    -------
    Axes
        Its title says what the account with the most makes of all.
    """
    ax = ax or figures.axes(figsize=(7.2, 0.42 * len(saved) + 1.4))[1]
    most = max(float(np.nanmax(saved.to_numpy())), float(net.max()))
    columns = [*zip(saved.columns, figures.PALETTE, strict=False), ("net of leaving", figures.GREY)]
    for across, (name, color) in enumerate(columns):
        for down, account in enumerate(saved.index[::-1]):
            money = net[account] if name not in saved else saved.loc[account, name]
            if pd.notna(money):
                ax.scatter(across, down, s=30 + 1400 * max(money, 0) / most, color=color, alpha=0.35, linewidths=0)
                ax.text(across, down, f"{money:,.0f}", ha="center", va="center", fontsize=9)
    ax.set_xticks(range(len(columns)), [name.replace(" ", "\n", 1) for name, _ in columns])
    ax.set_yticks(range(len(saved)), saved.index[::-1])
    ax.set_xlim(-0.6, len(columns) - 0.4)
    ax.set_ylim(-0.6, len(saved) - 0.2)
    title = f"{net.idxmax()} makes {net.max() / net.sum():.0%} of {net.sum():,.0f} {unit} a year"
    figures.label(ax, title, f"{unit} a year that a lever adds, from left to right", "")
    return ax


def plot_leaving(plan: pd.DataFrame, leaving: float, effect: float, unit: str = "EUR", ax: Axes | None = None) -> Axes:
    """What a plan of levers leaves, against how many customers a lever drives away.

    Parameters
    ----------
    plan : DataFrame, one row an account
        `saved`, money a year; `brings`, its contribution as it is, money a year; `levers`, how many are pulled;
        `years`, what a customer is worth in years of its contribution.
    leaving : float
        Extra leaving a year for each lever, a share.
    effect : float
        Of what is expected to be saved: 1 is all of it.
    unit : str
    ax : Axes, optional

    Returns
    -------
    Axes
        Its title says what the plan leaves there.
    """
    ax = ax or figures.axes()[1]

    def left(rate: float) -> float:
        saved = effect * plan["saved"]
        worth = (plan["years"] * (plan["brings"] + saved)).clip(lower=0)
        return float((saved - np.minimum(rate * plan["levers"], 1) * worth).sum())

    rates = np.linspace(0, 0.5, 51)
    ax.plot(100 * rates, [left(rate) / 1000 for rate in rates], color=figures.BLUE)
    ax.plot(100 * leaving, left(leaving) / 1000, "o", color=figures.VERMILION)
    ax.axhline(0, color=figures.GREY, linewidth=1)
    title = f"{leaving:.0%} more leaving a lever, {effect:.0%} of the saving: {left(leaving):+,.0f} {unit} a year"
    figures.label(ax, title, "extra leaving a year for each lever, %", f"the plan leaves, thousand {unit} a year")
    return ax
