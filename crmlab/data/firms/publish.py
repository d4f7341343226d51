"""Write the default draw of each firm, its dictionary and its truth in words into `datasets/`: `make data` does it.

Everything there but the general part of `datasets/README.md` is made here, and a test makes it again and compares.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

from crmlab.data.contracts import contracts, dictionary
from crmlab.data.firms.causes import GRAPHS, graph
from crmlab.data.firms.dirt.twin import DIRTY
from crmlab.data.firms.firm import Firm
from crmlab.data.firms.simulation import DEFAULTS, simulate
from crmlab.data.firms.story import Fact

MARK = "<!-- From here on `make data` writes. -->\n"
TITLES = {"harbour_and_hill": "Harbour & Hill Building Supply", "tern_mobile": "Tern Mobile"}


def dictionary_of(firm: str) -> str:
    """The part of `datasets/README.md` on one firm: its causal graph, its tables, its truth, its dirty twin."""
    own, dirty = ([name for name in contracts() if name.startswith(f"{of}.")] for of in (firm, firm + DIRTY))
    parts = [
        f"# {TITLES[firm]} (simulated)\n",
        f"![What causes what at {TITLES[firm]}: {graph_in_words(firm)}]({firm}/causes.svg)\n",
        *(dictionary(name) for name in own),
        f"# {TITLES[firm]} as three systems hold it (simulated; `Firm.dirtied` makes it)\n",
        *(dictionary(name) for name in dirty),
    ]
    return "\n".join(parts)


def graph_in_words(firm: str) -> str:
    """The arrows of a causal graph, in a sentence."""
    return "; ".join(f"{cause} to {effect}" for cause, effect in GRAPHS[firm].arrows)


def truth_in_words(firm: Firm) -> str:
    """`truth/README.md`: each planted fact in words and numbers."""
    lines = [
        f"# What is true of {TITLES[firm.draw.firm]} (simulated)\n",
        f"The default draw: {firm.draw.customers:,} customers, {firm.draw.months} months to {firm.today.date()}, seed "
        f"{firm.draw.seed}. The tables here tell what no firm knows; the dictionary of their columns is in "
        "[datasets/README.md](../../README.md). The numbers below are reckoned from them.\n",
    ]
    facts = firm.truth.facts.sort_values(["chapter", "fact"])
    for fact in (Fact(*row) for row in facts.itertuples(index=False)):
        figure = "" if pd.isna(fact.figure) else f" Size: {fact.figure:,.4g} ({fact.unit})."
        where = f" Where: {fact.where}." if isinstance(fact.where, str) and fact.where else ""
        words = fact.words[0].upper() + fact.words[1:]
        lines.append(f"## {fact.fact[0].upper() + fact.fact[1:]} (chapter {fact.chapter})\n\n{words}{where}{figure}\n")
    return "\n".join(lines)


def publish(folder: Path) -> None:
    """Write everything that is made into a folder that holds the general part of `README.md`."""
    for name in DEFAULTS:
        firm = simulate(name).check()
        firm.save(folder / name)
        (folder / name / "truth" / "README.md").write_text(truth_in_words(firm), "utf-8")
        (folder / name / "causes.svg").write_text(graph(name), "utf-8")
    readme = folder / "README.md"
    general = readme.read_text("utf-8").partition(MARK)[0]
    readme.write_text(general + MARK + "\n" + "\n".join(dictionary_of(name) for name in DEFAULTS), "utf-8")


if __name__ == "__main__":
    publish(Path(sys.argv[1]))
