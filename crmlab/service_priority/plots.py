"""Pictures of chapter 06 that need more than a few lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crmlab import figures
from crmlab.service_priority.waits import priority_waits

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_rank_changes(places: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Each item's place under one rule after another, as a line that rises and falls.

    Parameters
    ----------
    places : DataFrame, one row an item, one column a rule
        Places from 1, the first served; equals share the better place.
    ax : Axes, optional

    Returns
    -------
    Axes
        Its title says how many items change place at all, and which one most; the three that move farthest have a
        colour.
    """
    ax = ax or figures.axes(figsize=(7.2, 4.6))[1]
    rules, ranges = [str(rule) for rule in places], places.max(axis=1) - places.min(axis=1)
    far = ranges[ranges > 0].sort_values(ascending=False, kind="stable").index[:3]
    colors = dict(zip(far, (figures.VERMILION, figures.BLUE, figures.ORANGE), strict=False))
    # equals lie a little apart, in the order of the first rule, so that no line hides another
    rows = places.iloc[places.iloc[:, 0].argsort(kind="stable")]
    heights = rows + 0.3 * rows.apply(lambda column: column.groupby(column).cumcount())
    for item, y in zip(rows.index, heights.to_numpy(), strict=True):
        color, width = colors.get(item, figures.GREY), 2.6 if item in colors else 1.2
        ax.plot(range(len(rules)), y, "o-", color=color, linewidth=width, markersize=5, zorder=2 + (item in colors))
        for x, side, shift in ((0, "right", -0.06), (len(rules) - 1, "left", 0.06)):
            ax.text(x + shift, y[x], str(item), ha=side, va="center", fontsize=9, color=color)
    ax.set_xlim(-0.35, len(rules) - 0.65)
    ax.set_xticks(range(len(rules)), rules)
    ax.set_yticks(range(1, len(places) + 1))
    ax.invert_yaxis()
    ax.grid(axis="x", visible=False)
    title = f"{(ranges > 0).sum()} of {len(places)} change place from rule to rule"
    if len(far):
        title += f"; {far[0]} stands {places.min(axis=1)[far[0]]} to {places.max(axis=1)[far[0]]}"
    figures.label(ax, title, "", "place (1 is served first)")
    return ax


def plot_harm(ends: pd.DataFrame, kinds: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Purchases lost after a shortage, against how much was missing.

    Parameters
    ----------
    ends : DataFrame, rows `half` and `all`
        `lost`, `low` and `high`, weeks of usual orders, of one who lacked half and all of its worst line.
    kinds : DataFrame, one row a kind of shortage
        `missing`, its mean share, and the same three columns.
    ax : Axes, optional

    Returns
    -------
    Axes
        Its title says what all missing loses, and half.
    """
    ax = ax or figures.axes()[1]
    x, (half, whole) = [0, 50, 100], ends.loc[["half", "all"], "lost"].to_numpy(dtype=float)
    ax.fill_between(x, [0, *ends["low"]], [0, *ends["high"]], alpha=0.25)
    ax.plot(x, [0, half, whole], label="a line that may bend at half (band: 90%)")
    ax.plot([0, 100], [0, whole], "--", color=figures.GREY, label="in proportion")
    reach = [kinds["lost"] - kinds["low"], kinds["high"] - kinds["lost"]]
    ax.errorbar(
        100 * kinds["missing"],
        kinds["lost"],
        reach,
        fmt="o",
        color=figures.VERMILION,
        capsize=3,
        label="three kinds of shortage, 90%",
    )
    ax.axhline(0, color=figures.GREY, linewidth=1)
    ax.legend(loc="upper left")
    title = f"All missing loses {whole:.1f} weeks of orders, half missing {half:.1f}"
    figures.label(ax, title, "missing of the worst line, %", "weeks of usual orders lost")
    return ax


def plot_who_pays(gains: Mapping[str, pd.DataFrame], against: str, unit: str = "EUR", ax: Axes | None = None) -> Axes:
    """What a rule brings or takes, by class of customers: now, and later.

    Parameters
    ----------
    gains : dict of DataFrames by rule, one row a class of customers
        `now` and `later`, in `unit` a year.
    against : str
        The rule that all are compared with.
    unit : str
    ax : Axes, optional

    Returns
    -------
    Axes
        Its title says what the first rule brings to or takes from each class.
    """
    ax = ax or figures.axes(figsize=(7.2, 4.2))[1]
    rules, classes = list(gains), list(next(iter(gains.values())).index)
    width = 0.8 / len(classes)
    for number, (name, color) in enumerate(zip(classes, figures.PALETTE, strict=False)):
        x = np.arange(len(rules)) + (number - (len(classes) - 1) / 2) * width
        now = np.array([gains[rule].loc[name, "now"] for rule in rules]) / 1000
        later = np.array([gains[rule].loc[name, "later"] for rule in rules]) / 1000
        # parts of one sign are stacked, parts of two signs lie on either side of 0
        base = np.where(np.sign(now) == np.sign(later), now, 0)
        ax.bar(x, now, 0.9 * width, color=color, alpha=0.45)
        ax.bar(x, later, 0.9 * width, bottom=base, color=color, label=str(name))
        ax.plot(x, now + later, "D", color="black", markersize=4, label="sum" if number == len(classes) - 1 else None)
    ax.axhline(0, color=figures.GREY, linewidth=1)
    ax.set_xticks(range(len(rules)), rules)
    ax.grid(axis="x", visible=False)
    bottom, top = ax.get_ylim()
    ax.set_ylim(bottom, top + 0.15 * (top - bottom))  # room for the legend
    ax.legend(fontsize=9, ncols=len(classes) + 1, loc="upper right")
    sums = gains[rules[0]].sum(axis=1)
    title = f"{rules[0]} against {against}, {unit} a year: " + ", ".join(
        f"{name} {value:+,.0f}" for name, value in sums.items()
    )
    figures.label(ax, title, "", f"thousand {unit} a year (pale: now, full: later)")
    return ax


def plot_waits(
    arrival_rates: Mapping[str, float],
    minutes: Mapping[str, float],
    load: float,
    strict: float = 1.0,
    cv2: float | Mapping[str, float] = 1.0,
    ax: Axes | None = None,
) -> Axes:
    """Mean wait of each class at one desk, served by class, against all served as they come.

    Parameters
    ----------
    arrival_rates : dict by class, in the order of service
        Arrivals in any unit: they are scaled to the load.
    minutes : dict by class
        Mean service time.
    load : float
        Share of the time that the desk is busy, above 0 and below 1.
    strict : float
        Share of the busy periods in which classes are served in their order; in the others as they come.
    cv2 : number, or dict by class
        Variance of the service time by its squared mean.
    ax : Axes, optional

    Returns
    -------
    Axes
        Its title says what the first class gains and the last one pays.
    """
    ax = ax or figures.axes()[1]
    rates, means = pd.Series(arrival_rates, dtype=float), pd.Series(minutes, dtype=float)
    table = priority_waits(rates * load / (rates * means).sum(), 1 / means, cv2=cv2)
    wait = strict * table["wait"] + (1 - strict) * table["first_come"]
    in_turn = table["first_come"].iloc[0]
    colors = [figures.GREEN if mine < in_turn else figures.VERMILION for mine in wait]
    ax.bar(range(len(wait)), wait, color=colors)
    for place, mine in enumerate(wait):
        ax.text(place, mine, f"{mine:.1f}", ha="center", va="bottom")
    ax.axhline(in_turn, color=figures.GREY, linestyle="--", linewidth=1)
    ax.text(-0.48, in_turn, f"as they come {in_turn:.1f}", va="bottom", color=figures.GREY)
    ax.set_xticks(range(len(wait)), [str(name) for name in wait.index])
    ax.set_ylim(0, 1.12 * max(wait.max(), in_turn))
    ax.grid(axis="x", visible=False)
    gained, paid = abs(in_turn - wait.iloc[0]), abs(wait.iloc[-1] - in_turn)
    title = f"{wait.index[0]} waits {gained:.1f} minutes less, {wait.index[-1]} {paid:.1f} more"
    figures.label(ax, title, f"class, in the order of service (load {load:.0%})", "mean wait, minutes")
    return ax


def plot_floors(pieces: pd.DataFrame, half: float, weeks: float, unit: str = "EUR", ax: Axes | None = None) -> Axes:
    """What each floor brings against none, if what is missing does so much harm.

    Parameters
    ----------
    pieces : DataFrame, indexed by the floor, rising from 0
        `now`, in `unit` a year; `half` and `all`, the same for each week of purchases that is lost by one who lacks
        half of a line, and all of it.
    half : float
        Harm of half a line as a share of that of a whole one; 0.5 is in proportion.
    weeks : float
        Of purchases lost by one whose whole line is missing.
    unit : str
    ax : Axes, optional

    Returns
    -------
    Axes
        Its title names the best floor.
    """
    ax = ax or figures.axes()[1]
    later = weeks * (half * pieces["half"] + pieces["all"])
    total = pieces["now"] + later
    x = 100 * pieces.index.to_numpy()
    for values, color, name in ((total, figures.BLUE, "in all"), (pieces["now"], figures.ORANGE, "of it now")):
        ax.plot(x, values / 1000, color=color, marker=".")
        ax.annotate(f" {name}", (x[-1], values.iloc[-1] / 1000), color=color, va="center")
    ax.axhline(0, color=figures.GREY, linewidth=1)
    best = int(total.to_numpy().argmax())
    ax.plot(x[best], total.iloc[best] / 1000, "o", color=figures.VERMILION, zorder=3)
    ax.set_xlim(-2, 118)
    ax.set_xticks(range(0, 101, 20))
    title = f"If half missing does {half:.0%} of the harm: best floor {x[best]:.0f}%, "
    title += f"{total.iloc[best]:+,.0f} {unit} a year"
    figures.label(
        ax, title, "floor: share of each line served before the order of service, %", f"thousand {unit} a year"
    )
    return ax
