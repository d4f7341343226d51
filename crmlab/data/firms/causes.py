"""The causal graphs of the simulated firms: what makes what happen, as the generators have it."""

from __future__ import annotations

from html import escape
from typing import NamedTuple

WIDE, HIGH, GAP_X, GAP_Y, MARGIN = 156, 44, 60, 26, 24


class Graph(NamedTuple):
    """Boxes, each with its column and row, causes left of their effects, and the arrows between them."""

    boxes: dict[str, tuple[int, int]]
    arrows: tuple[tuple[str, str], ...]
    decided: frozenset[str]  # boxes that a decision can move


HARBOUR = Graph(
    boxes={
        "customer: rate, life, preferences": (0, 0),
        "season": (0, 1),
        "principal's supply": (0, 2),
        "service level": (0, 3),
        "allocation rule": (0, 4),
        "orders": (1, 1),
        "stock": (1, 3),
        "margin, activity costs": (2, 0),
        "damage, wrong papers": (2, 1),
        "late deliveries": (2, 2),
        "short deliveries": (2, 3),
        "calls": (3, 1),
        "complaints": (3, 2),
        "recovery": (3, 3),
        "care, answers, offers": (3, 4),
        "mood": (4, 2),
        "money": (5, 0),
        "orders next week": (5, 1),
        "leaving": (5, 3),
    },
    arrows=(
        ("customer: rate, life, preferences", "orders"),
        ("season", "orders"),
        ("principal's supply", "stock"),
        ("service level", "stock"),
        ("orders", "stock"),
        ("orders", "late deliveries"),
        ("stock", "short deliveries"),
        ("allocation rule", "short deliveries"),
        ("short deliveries", "late deliveries"),
        ("orders", "damage, wrong papers"),
        ("orders", "margin, activity costs"),
        ("late deliveries", "complaints"),
        ("short deliveries", "complaints"),
        ("damage, wrong papers", "complaints"),
        ("late deliveries", "calls"),
        ("complaints", "recovery"),
        ("recovery", "mood"),
        ("complaints", "mood"),
        ("care, answers, offers", "mood"),
        ("margin, activity costs", "money"),
        ("mood", "orders next week"),
        ("mood", "leaving"),
        ("care, answers, offers", "leaving"),
        ("care, answers, offers", "orders next week"),
    ),
    decided=frozenset({"allocation rule", "service level", "care, answers, offers", "recovery"}),
)
TERN = Graph(
    boxes={
        "line: usage, own chance of leaving": (0, 0),
        "tariff": (0, 1),
        "staffing": (0, 3),
        "consent": (0, 5),
        "bills": (1, 0),
        "problems": (1, 2),
        "offers": (1, 5),
        "clicks and self-service": (2, 2),
        "calls": (2, 3),
        "purchases": (2, 4),
        "failure demand: calls again": (3, 2),
        "complaints": (3, 3),
        "mood": (4, 3),
        "money": (5, 0),
        "leaving": (5, 3),
    },
    arrows=(
        ("line: usage, own chance of leaving", "bills"),
        ("tariff", "bills"),
        ("line: usage, own chance of leaving", "problems"),
        ("problems", "calls"),
        ("tariff", "calls"),
        ("staffing", "calls"),
        ("problems", "clicks and self-service"),
        ("clicks and self-service", "failure demand: calls again"),
        ("calls", "failure demand: calls again"),
        ("calls", "complaints"),
        ("complaints", "mood"),
        ("consent", "offers"),
        ("offers", "purchases"),
        ("offers", "leaving"),
        ("tariff", "leaving"),
        ("mood", "leaving"),
        ("purchases", "money"),
        ("bills", "money"),
    ),
    decided=frozenset({"tariff", "staffing", "offers"}),
)
GRAPHS = {"harbour_and_hill": HARBOUR, "tern_mobile": TERN}


def graph(firm: str) -> str:
    """The causal graph of a firm as SVG; what a decision can move is drawn with a thick edge."""
    drawn = GRAPHS[firm]
    columns, rows = (1 + max(place[axis] for place in drawn.boxes.values()) for axis in (0, 1))
    width = 2 * MARGIN + columns * WIDE + (columns - 1) * GAP_X
    height = 2 * MARGIN + rows * HIGH + (rows - 1) * GAP_Y
    place = {
        name: (MARGIN + column * (WIDE + GAP_X), MARGIN + row * (HIGH + GAP_Y))
        for name, (column, row) in drawn.boxes.items()
    }
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif" font-size="12">',
        f"<title>What causes what at {firm} (simulated); a thick edge: a decision can move it</title>",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0L8 4L0 8z" fill="#666"/></marker></defs>',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        *(_arrow(place[cause], place[effect]) for cause, effect in drawn.arrows),
        *(_box(name, *place[name], name in drawn.decided) for name in place),
        "</svg>\n",
    ]
    return "\n".join(parts)


def _arrow(start: tuple[int, int], end: tuple[int, int]) -> str:
    """Down or up within a column; otherwise along the row of the cause, and over to that of the effect at the end."""
    (x, y), (u, v) = start, end
    if x == u:
        y, v = (y + HIGH, v) if v > y else (y, v + HIGH)
        path = f"M{x + WIDE / 2:g} {y:g}L{u + WIDE / 2:g} {v:g}"
    else:
        level, goal = y + HIGH / 2, v + HIGH / 2
        bend = f"{u - GAP_X * 0.3:g} {level:g} {u - GAP_X * 0.7:g} {goal:g} {u:g} {goal:g}"
        path = f"M{x + WIDE:g} {level:g}H{u - GAP_X}C{bend}"
    return f'<path d="{path}" fill="none" stroke="#666" stroke-width="1.2" marker-end="url(#tip)"/>'


def _box(name: str, x: int, y: int, decided: bool) -> str:
    edge = 'stroke="#b35900" stroke-width="3"' if decided else 'stroke="#333" stroke-width="1"'
    words, lines = name.split(), [""]
    for word in words:
        if len(lines[-1]) + len(word) > 21:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    first = y + HIGH / 2 + 4 - 7 * (len(lines) - 1)
    text = "".join(
        f'<text x="{x + WIDE / 2:g}" y="{first + 14 * k:g}" text-anchor="middle" fill="#111">{escape(line)}</text>'
        for k, line in enumerate(lines)
    )
    return f'<rect x="{x:g}" y="{y:g}" width="{WIDE}" height="{HIGH}" rx="6" fill="#f6f3ee" {edge}/>{text}'
