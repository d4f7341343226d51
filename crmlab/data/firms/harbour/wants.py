"""What customers of Harbour & Hill (simulated) want, and what service bundles could give them.

Each customer belongs to one of four preference groups by what it would give up for what, the part-worths of five things
that a bundle of services can hold. Surveys ask for them; a bundle that is offered is worth what they say.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crmlab.data.firms.harbour.people import People, numbered
from crmlab.data.firms.story import Story

FACTORS = ("reliability", "responsiveness", "information", "terms")
PRE, TRANSACTION, POST = PHASES = ("pre-transaction", "transaction", "post-transaction")
# Name, phase, EUR a year for 240 customers, importance against that of all, loadings on the four factors.
ELEMENTS = (
    ("written service policy", PRE, 3_000, -1.0, (0.0, 0.0, 0.6, 0.0)),
    ("dedicated representative", PRE, 84_000, 0.2, (0.0, 0.6, 0.0, 0.0)),
    ("room for special requests", PRE, 14_000, -0.3, (0.0, 0.7, 0.0, 0.0)),
    ("technical advice", PRE, 22_000, -0.2, (0.0, 0.0, 0.7, 0.0)),
    ("stock shown online", PRE, 9_000, -0.1, (0.0, 0.0, 0.8, 0.0)),
    ("order lead time", TRANSACTION, 30_000, 0.3, (0.0, 0.8, 0.0, 0.0)),
    ("delivery on the day promised", TRANSACTION, 26_000, 0.5, (0.8, 0.0, 0.0, 0.0)),
    ("complete delivery", TRANSACTION, 35_000, 0.4, (0.8, 0.0, 0.0, 0.0)),
    ("right goods at the right place", TRANSACTION, 12_000, 0.5, (0.7, 0.0, 0.0, 0.0)),
    ("order status", TRANSACTION, 6_000, -0.2, (0.0, 0.0, 0.8, 0.0)),
    ("urgent delivery the same day", TRANSACTION, 38_000, 0.0, (0.0, 0.7, 0.0, 0.0)),
    ("price level", TRANSACTION, 60_000, 0.4, (0.0, 0.0, 0.0, 0.8)),
    ("quantity discount", TRANSACTION, 25_000, -0.2, (0.0, 0.0, 0.0, 0.7)),
    ("complaint resolution", POST, 16_000, 0.2, (0.4, 0.5, 0.0, 0.0)),
    ("returns collected", POST, 31_000, 0.1, (0.0, 0.0, 0.0, 0.6)),
    ("invoices and papers that agree", POST, 5_000, 0.0, (0.6, 0.0, 0.3, 0.0)),
    ("payment terms", POST, 20_000, 0.0, (0.0, 0.0, 0.0, 0.8)),
    ("warranty repair", POST, 10_000, -0.3, (0.0, 0.5, 0.0, 0.0)),
)
NAMES = tuple(element[0] for element in ELEMENTS)
ELEMENT_IDS = numbered("E", len(ELEMENTS), 2)
LOADINGS = np.array([element[4] for element in ELEMENTS])
IMPORTANT = 5.1  # middle rating of importance, of 7

# What a bundle can hold (fill, lead time, price, returns, visits), and the element that each thing stands for.
STANDS_FOR = tuple(map(NAMES.index, (
    "delivery on the day promised", "order lead time", "price level", "returns collected", "dedicated representative",
)))  # fmt: skip
COMPLETE = NAMES.index("complete delivery")
DISCUSSED = [STANDS_FOR[0], COMPLETE, *STANDS_FOR[1:]]  # the six elements that are traded off
# By group: part-worths of the first, second and third wish, of returns collected and of visits, where these are wanted.
WISHES = np.array([[1.0, 0.15, 0.70, 0.31, 0.45], [1.0, 0.62, 0.08, 0.42, 0.29],
                   [0.31, 1.0, 0.45, 0.10, 0.52], [0.20, 0.12, 1.0, 0.62, 0.30]])  # fmt: skip
UNWANTED = 0.04
FACTOR_OF_WISH = np.array([0, 1, 3])  # of fill, lead time and price
LEANING = np.array([[0.8, -0.2, 0.3], [0.9, 0.2, -0.5], [-0.3, 0.9, -0.3], [-0.4, -0.4, 1.0]])  # to each wish's factor
HOLDS = np.array([[0, 0, 1, 1, 1], [1, 0, 0, 1, 1], [0, 1, 1, 0, 0], [1, 1, 0, 0, 0],
                  [1, 0, 1, 0, 0], [1, 0, 0, 1, 0], [0, 1, 0, 1, 0], [0, 1, 0, 0, 1]])  # fmt: skip
BUNDLES = numbered("B", len(HOLDS), 1)
WEEKLY = np.array([6.0, 9.0, 10.0, 3.5, 15.5])  # EUR a customer


@dataclass
class Wants:
    """What customers want."""

    group: np.ndarray  # of each customer, 0 to 3: whose part-worths, and whose centre of rankings it has
    worths: np.ndarray  # part-worths, shape (4 groups, 5 attributes)
    wish: tuple[int, int, int]  # the attribute that groups 0 and 1 want first, that of group 2, that of group 3
    dear: int  # the attribute that costs much; nobody wants it where that is planted
    drift: tuple[
        int, int, float
    ]  # element and group whose importance changes between the waves, and by how many points

    @property
    def utilities(self) -> np.ndarray:
        """Of each bundle to each group, shape (4, 8): 100 is that of a bundle with everything."""
        return np.round((self.worths[:, None, :] * HOLDS).sum(axis=2) / self.worths.sum(axis=1)[:, None] * 100, 2)

    @property
    def centres(self) -> np.ndarray:
        """Bundles of each group, the best first, shape (4, 8)."""
        return np.argsort(-self.utilities, axis=1, kind="stable")

    @property
    def weights(self) -> np.ndarray:
        """What each discussed element weighs in a trade-off, shape (4, 6), adding up to 1."""
        weights = self.worths[:, [0, 0, 1, 2, 3, 4]] * np.array([1, 0.9, 1, 1, 1, 1])
        return np.round(weights / weights.sum(axis=1, keepdims=True), 6)

    def importance(self, wave: int) -> np.ndarray:
        """Mean rating of each element by each group, on a scale without ends, shape (4, 18)."""
        means = np.zeros((len(WISHES), len(FACTORS)))
        means[:, FACTOR_OF_WISH[[*self.wish]]] = LEANING
        result = IMPORTANT + np.array([element[3] for element in ELEMENTS]) + loaded(means)
        element, group, points = self.drift
        result[group, element] += points * (wave == 2)
        return np.round(result, 4)


def wants(p: People, story: Story) -> Wants:
    """What the customers of a draw want."""
    wish = story.pick("first wish", (0, 1, 2), ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)))
    worths = np.empty_like(WISHES)
    worths[:, [*wish, 3, 4]] = WISHES
    dear = story.pick("dear element", 4, (3, 4))
    if story.plants("an element nobody wants"):
        worths[:, dear] = UNWANTED
    points = 1.4 * story.pick("drift sign", 1, (1, -1)) * story.plants("a wish grows or fades")
    drift = story.pick("drift element", 4, (2, 4, 9, 10)), story.pick("drift group", 2, range(4)), points
    group = p.preference if story.plants("preference cuts across behaviour") else p.group
    return Wants(group, worths, wish, dear, drift)


def loaded(factors: np.ndarray) -> np.ndarray:
    """What factors add to each element, shape (n, 18)."""
    return (factors[:, None, :] * LOADINGS).sum(axis=2)
