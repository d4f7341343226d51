"""How long the mixture of Mallows models takes on 10,000 customers and 8 items, beside k-means on the places.

Simulated rankings in four groups, by how close these are (theta). Seconds of the processor, medians of 5 turns.
Prints a Markdown table.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from crmlab.segmentation import MallowsMixture, draw_rankings

SIZES, ITEMS, TURNS = (4_000, 3_000, 2_000, 1_000), 8, 5
THETAS = (2.0, 1.0, 0.6, 0.3)


def simulated(theta: float) -> tuple[np.ndarray, np.ndarray]:
    """Rankings, and the group of each."""
    rng = np.random.default_rng(1)
    drawn = [draw_rankings(rng.permutation(ITEMS) + 1, theta, size, random_state=rng) for size in SIZES]
    return np.concatenate(drawn), np.repeat(np.arange(len(SIZES)), SIZES)


def seconds(work: Callable[[], np.ndarray]) -> tuple[float, np.ndarray]:
    """Of the processor, and what came out."""
    start = time.process_time()
    labels = work()
    return time.process_time() - start, labels


def main() -> None:
    print(
        "| theta | different orderings | ours, s | k-means, s | ours / k-means | adjusted Rand, ours | k-means |\n"
        "| --- | --- | --- | --- | --- | --- | --- |"
    )
    for theta in THETAS:
        rankings, truth = simulated(theta)
        contestants = {
            "ours": lambda rankings=rankings: MallowsMixture(4, random_state=1).fit(rankings).labels_,
            "k-means": lambda rankings=rankings: KMeans(4, n_init=10, random_state=1).fit(rankings).labels_,
        }
        times: dict[str, list[float]] = {name: [] for name in contestants}
        rand = {}
        for turn in range(TURNS + 1):  # the first warms up
            for name, work in contestants.items():
                taken, labels = seconds(work)
                rand[name] = adjusted_rand_score(truth, labels)
                times[name] += [taken] if turn else []
        ours, theirs = (statistics.median(times[name]) for name in ("ours", "k-means"))
        different = len(np.unique(rankings, axis=0))
        print(
            f"| {theta} | {different:,} | {ours:.2f} | {theirs:.2f} | {ours / theirs:.1f} | {rand['ours']:.3f} | "
            f"{rand['k-means']:.3f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
