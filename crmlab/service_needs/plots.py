"""Pictures of chapter 04 that need more than a few lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crmlab import figures

if TYPE_CHECKING:
    from matplotlib.axes import Axes

QUADRANT_COLORS = {
    "concentrate here": figures.VERMILION,
    "keep up the good work": figures.GREEN,
    "possible overkill": figures.ORANGE,
    "low priority": figures.GREY,
}


def plot_ways(ways: Mapping[str, pd.DataFrame], names: pd.Series, ax: Axes | None = None) -> Axes:
    """Importance of the same elements by several ways of asking, side by side, with intervals.

    Parameters
    ----------
    ways : dict of DataFrames, by the name of the way
        Each as `importance` gives it: `importance`, `low` and `high`, shares that add to 1, one row an element.
    names : Series by element
        What each element is called.
    ax : Axes, optional

    Returns
    -------
    Axes
        Without title; the elements in the order of the last way, the most important at the top.
    """
    ax = ax or figures.axes(figsize=(7.0, 3.6))[1]
    last = list(ways.values())[-1]
    order = last.sort_values("importance", kind="stable").index
    place = np.arange(len(order))
    for k, ((way, table), color) in enumerate(zip(ways.items(), figures.PALETTE, strict=False)):
        shown, height = table.loc[order], place + 0.22 * (len(ways) / 2 - 0.5 - k)
        ax.hlines(height, shown["low"], shown["high"], color=color, linewidth=2)
        ax.plot(shown["importance"], height, "o", color=color, markersize=5, label=way)
    ax.set_yticks(place, [str(names.get(element, element)) for element in order])
    ax.set_xlim(0, None)
    ax.legend(loc="lower right")
    figures.label(ax, "", "importance, share of 1 (90% interval)", "")
    return ax


def plot_loadings(loadings: pd.DataFrame, names: pd.Series, bold: float = 0.4, ax: Axes | None = None) -> Axes:
    """Loadings as a heat map, the elements sorted by the factor that they go with most.

    Parameters
    ----------
    loadings : DataFrame, one row an element, one column a factor
    names : Series by element
        What each element is called.
    bold : float
        Loadings of at least this size are written.
    ax : Axes, optional

    Returns
    -------
    Axes
        Without title.
    """
    import seaborn as sns

    main = loadings.abs().to_numpy().argmax(axis=1)
    size = loadings.abs().to_numpy().max(axis=1)
    order = np.lexsort([-size.round(9), main])
    shown = loadings.iloc[order]
    ax = ax or figures.axes(figsize=(7.0, 0.3 * len(shown) + 1.2))[1]
    words = shown.map(lambda value: f"{value:.2f}" if abs(round(value, 9)) >= bold else "")
    rows = [str(names.get(element, element)) for element in shown.index]
    sns.heatmap(shown.set_axis(rows), annot=words, fmt="", cmap="PuOr_r", vmin=-1, vmax=1, ax=ax, cbar=False)
    figures.label(ax, "", f"factor (loadings from {bold:g} on are written; violet: below 0)", "")
    ax.tick_params(length=0, labelrotation=0)
    ax.grid(False)
    return ax


def plot_gaps(gaps: pd.DataFrame, names: pd.Series, ax: Axes | None = None) -> Axes:
    """What managers believe to be important beside what customers say, one line an element.

    Parameters
    ----------
    gaps : DataFrame, one row an element
        As `perception_gap` gives it: `customers`, `managers`, `gap` and `holm`.
    names : Series by element
        What each element is called.
    ax : Axes, optional

    Returns
    -------
    Axes
        Its title says where the gap is widest.
    """
    shown = gaps.sort_values("gap", kind="stable")
    ax = ax or figures.axes(figsize=(7.0, 0.26 * len(shown) + 1.2))[1]
    place = np.arange(len(shown))
    ax.hlines(place, shown["customers"], shown["managers"], color=figures.GREY, linewidth=1.5)
    ax.plot(shown["customers"], place, "o", color=figures.BLUE, label="customers")
    ax.plot(shown["managers"], place, "D", color=figures.ORANGE, label="managers")
    ax.set_yticks(place, [str(names.get(element, element)) for element in shown.index])
    ax.legend(loc="lower left")
    widest = str(shown["gap"].abs().idxmax())
    title = f"Widest gap: {names.get(widest, widest)}, managers {shown['gap'][widest]:+.1f}"
    figures.label(ax, title, "mean rating of importance", "")
    return ax


def plot_map(placed: pd.DataFrame, names: pd.Series, x: str, ax: Axes | None = None) -> Axes:
    """The importance-performance map: each element by how important it is and how well it is done.

    Parameters
    ----------
    placed : DataFrame, one row an element
        As `importance_performance` gives it: `importance`, `performance`, `quadrant` and `chance`.
    names : Series by element
        What each element is called.
    x : str
        What importance is measured by, for the axis.
    ax : Axes, optional

    Returns
    -------
    Axes
        Without title; an element whose quadrant is less than 90% sure is drawn hollow.
    """
    ax = ax or figures.axes(figsize=(7.0, 4.6))[1]
    for quadrant, color in QUADRANT_COLORS.items():
        for sure, face in ((True, color), (False, "none")):
            own = placed[(placed["quadrant"] == quadrant) & ((placed["chance"] >= 0.9) == sure)]
            label = quadrant if sure else None
            ax.plot(own["importance"], own["performance"], "o", color=color, markerfacecolor=face, label=label)
    ax.axvline(float(placed["importance"].mean()), color=figures.GREY, linestyle="--", linewidth=1)
    ax.axhline(float(placed["performance"].mean()), color=figures.GREY, linestyle="--", linewidth=1)
    ax.margins(x=0.2, y=0.1)
    _write_apart(ax, placed, names)
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=4, fontsize=8, columnspacing=1.0)
    figures.label(ax, "", x, "performance, mean rating")
    return ax


def _write_apart(ax: Axes, placed: pd.DataFrame, names: pd.Series) -> None:
    """Names beside their dots: to the right if there is room, else to the left, above or below."""
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    x = (placed["importance"] - left) / (right - left)  # of the width of the picture, and of its height
    y = (placed["performance"] - low) / (high - low)
    dots = [(float(one), float(other)) for one, other in zip(x, y, strict=True)]
    taken = [(one - 0.008, one + 0.008, other - 0.012, other + 0.012) for one, other in dots]
    for element in y.sort_values(kind="stable").index:
        word, at = str(names.get(element, element)), (float(x[element]), float(y[element]))
        wide, tall = 0.0078 * len(word), 0.036
        tries = [(0.012, 0.0), (-0.012 - wide, 0.0)]
        tries += [
            (shift, rise)
            for rise in (0.045, -0.045, 0.08, -0.08, 0.115, -0.115, 0.15, -0.15)
            for shift in (-wide / 2, 0.012, -0.012 - wide)
        ]
        boxes = [(at[0] + dx, at[0] + dx + wide, at[1] + dy - tall / 2, at[1] + dy + tall / 2) for dx, dy in tries]
        hits = [
            sum(box[0] < b and a < box[1] and box[2] < d and c < box[3] for a, b, c, d in taken)
            + 3 * (box[0] < 0 or box[1] > 1 or box[3] > 1)
            + 2 * any(_seems_to_be_of(dot, box, at) for dot in dots if dot != at)
            for box in boxes
        ]
        best = int(np.argmin(hits))
        box, middle = boxes[best], (boxes[best][2] + boxes[best][3]) / 2
        taken.append(box)
        if best > 1:  # not beside its dot: a line leads to it
            end = min(max(at[0], box[0]), box[1]), middle - np.sign(middle - at[1]) * tall / 2
            ax.plot(*zip(at, end, strict=True), color=figures.GREY, linewidth=0.6, transform=ax.transAxes)
        side = "right" if best == 1 else "left"
        ax.text(box[1] if best == 1 else box[0], middle, word, fontsize=7, ha=side, va="center", transform=ax.transAxes)


def _seems_to_be_of(dot: tuple[float, float], box: tuple[float, float, float, float], own: tuple[float, float]) -> bool:
    """Whether a name in a box could be taken for that of another dot: near it, or on the line to its own."""
    left, right, low, high = box
    near = (min(max(own[0], left), right), min(max(own[1], low), high))  # where the line to its own dot ends
    line = [(own[0] + part * (near[0] - own[0]), own[1] + part * (near[1] - own[1])) for part in (0.25, 0.5, 0.75)]
    beside = left - 0.03 < dot[0] < right + 0.03 and low - 0.02 < dot[1] < high + 0.02
    return beside or any(abs(dot[0] - x) < 0.015 and abs(dot[1] - y) < 0.02 for x, y in line)


def plot_loyalty(curve: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """How many stayed, by how satisfied they were: as it is, the curve that never falls, and a straight line.

    Parameters
    ----------
    curve : DataFrame, one row a score
        As `loyalty_curve` gives it, of shares.
    ax : Axes, optional

    Returns
    -------
    Axes
        Without title; the dots are as large as there are answers.
    """
    ax = ax or figures.axes(figsize=(7.0, 3.4))[1]
    ax.fill_between(curve.index, 100 * curve["low"], 100 * curve["high"], color=figures.BLUE, alpha=0.15, linewidth=0)
    ax.plot(curve.index, 100 * curve["fitted"], color=figures.BLUE, label="never falling, with 90% interval")
    ax.plot(curve.index, 100 * curve["line"], "--", color=figures.GREY, linewidth=1, label="a straight line")
    ax.scatter(
        curve.index,
        100 * curve["mean"],
        s=3 * curve["n"],
        color=figures.ORANGE,
        zorder=3,
        label="as it is (size: answers)",
    )
    ax.set_ylim(0, 105)
    ax.legend(loc="lower right", markerscale=0.5)
    figures.label(ax, "", "satisfied, of 10", "stayed for a year, %")
    return ax


def plot_from_size(
    worth: pd.Series, weekly: pd.Series, response: float, rate: float, largest: float = 100_000, ax: Axes | None = None
) -> Axes:
    """What each bundle brings a year, by what an account spends elsewhere, and from which size on which is best.

    Parameters
    ----------
    worth : Series by bundle
        Part of all that is wanted that it holds.
    weekly : Series by bundle
        Its cost, EUR a week.
    response : float
        Part of what is bought elsewhere that comes here for all that is wanted.
    rate : float
        What a euro of sales brings.
    largest : float
        The highest spend elsewhere that is drawn, EUR a year.
    ax : Axes, optional

    Returns
    -------
    Axes
        Its title names the best bundle and the size from which it is, one after another.
    """
    ax = ax or figures.axes()[1]
    size = np.linspace(0, largest, 2001)
    brings = {name: np.round(response * rate * worth[name] * size - 52 * weekly[name], 6) for name in worth.index}
    best = pd.DataFrame({"": 0.0, **brings}, index=size).idxmax(axis=1)
    first = best[best != best.shift()].iloc[1:]
    steps = [f"{name} from {start:,.0f}" if name else f"none from {start:,.0f}" for start, name in first.items()]
    named = [name for name in dict.fromkeys(first) if name]
    others = [name for name in brings if name not in named]
    for name in others:
        label = f"never best: {', '.join(others)}" if name == others[0] else None
        ax.plot(size / 1000, brings[name], color=figures.GREY, linewidth=0.7, alpha=0.6, label=label)
    for name, color in zip(named, figures.PALETTE, strict=False):
        ax.plot(size / 1000, brings[name], color=color, linewidth=2, label=name)
    ax.axhline(0, color=figures.GREY, linewidth=1)
    ax.set_ylim(-1100, None)
    ax.legend(loc="upper left")
    title = "Best: " + ", ".join(steps) if named else f"None pays up to {largest:,.0f} EUR elsewhere"
    figures.label(ax, title, "spent elsewhere, thousand EUR a year", "brought less its cost, EUR a year")
    return ax
