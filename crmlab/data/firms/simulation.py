"""Simulate a firm, load its default draw, and play a decision on it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

from crmlab.data.firms.firm import CHECKSUMS, Draw, Firm, saved

SEED = 1
DEFAULTS = {
    "harbour_and_hill": Draw("harbour_and_hill", customers=240, months=36, seed=SEED),
    "tern_mobile": Draw("tern_mobile", customers=6000, months=24, seed=SEED),
}
SMALLEST, FEWEST_MONTHS, MOST_MONTHS = 40, 6, 120
DATASETS = Path(__file__).parents[3] / "datasets"  # of a checkout


def simulate(
    name: str,
    *,
    customers: int | None = None,
    months: int | None = None,
    seed: int = SEED,
    story: str = "told",
    planted: bool = True,
    do: Mapping[str, Any] | None = None,
) -> Firm:
    """A simulated firm with known truth.

    Parameters
    ----------
    name : {"harbour_and_hill", "tern_mobile"}
        The distributor, without contracts; or the telecom, with them.
    customers : int, optional
        Accounts of Harbour & Hill (240), lines of Tern Mobile (6,000); at least 40.
    months : int, optional
        36 and 24; from 6 to 120.
    seed : int
        The same seed and size give the same bytes on every machine.
    story : {"told", "drawn"}
        Whether the planted facts are as the chapters tell them, or drawn from the seed: their month, depot, cause,
        segment and sign, and whether they are there.
    planted : bool
        False gives the null twin: the same firm with nothing planted.
    do : dict, optional
        A decision under which the firm is run. What it does not touch stays as it is, to the byte. Harbour & Hill:
        `crmlab.data.firms.harbour.policy`; Tern Mobile: `crmlab.data.firms.tern.firm`.

    Returns
    -------
    Firm
        Its tables as attributes, its truth in `truth`.

    Raises
    ------
    ValueError
        There is no such firm, or an argument is out of its range; the message says what is allowed.

    Examples
    --------
    >>> firm = simulate("harbour_and_hill", customers=60, months=12, seed=3)
    >>> len(firm.customers), firm.today.date()
    (60, datetime.date(2023, 12, 31))
    >>> firm.truth.accounts["customer_id"].nunique()
    58
    """
    draw = _draw(name, customers, months, seed, story, planted)
    if do is not None and not isinstance(do, Mapping):
        raise ValueError(f"do must be a dict, such as {{'service_level': 0.99}}, not {do!r}")
    tables, truth, today = _module(name).run(draw, do)
    return Firm(draw, tables, truth, today, do)


def _draw(name: str, customers: int | None, months: int | None, seed: int, story: str, planted: bool) -> Draw:
    if not isinstance(name, str) or name not in DEFAULTS:
        near = difflib.get_close_matches(str(name), DEFAULTS, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else "."
        raise ValueError(f"there is no firm {name!r}{hint} There are: {', '.join(map(repr, DEFAULTS))}")
    default = DEFAULTS[name]
    if story not in ("told", "drawn"):
        raise ValueError(f"story must be 'told' or 'drawn', not {story!r}")
    if not isinstance(planted, bool):
        raise ValueError(f"planted must be True or False, not {planted!r}")
    return Draw(
        name,
        _whole("customers", default.customers if customers is None else customers, SMALLEST, 10**7),
        _whole("months", default.months if months is None else months, FEWEST_MONTHS, MOST_MONTHS),
        _whole("seed", seed, 0, 2**63 - 1),
        story,
        planted,
    )


def write_parquet(
    name: str,
    folder: str | Path,
    *,
    customers: int | None = None,
    months: int | None = None,
    seed: int = SEED,
    story: str = "told",
    planted: bool = True,
) -> Path:
    """Simulate a firm of any size into Parquet files: a folder a table, a file a piece.

    Parameters
    ----------
    name, customers, months, seed, story, planted
        As in `simulate`.
    folder : str or Path
        A new folder, or an empty one.

    Returns
    -------
    Path
        The folder: `orders/000.parquet`, ...; the truth in `truth/`. `crmlab.data.summarize` reads `orders/*.parquet`,
        as DuckDB, Spark and polars do.

    Raises
    ------
    FileExistsError
        There is something in the folder already.
    ValueError
        As in `simulate`.
    """
    draw, folder = _draw(name, customers, months, seed, story, planted), Path(folder)
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsError(f"{str(folder)!r} is not empty; name a new folder.")
    for number, (tables, truth) in enumerate(_module(name).pieces(draw)):
        for place, frames in ((folder, tables), (folder / "truth", truth)):
            for table, frame in frames.items():
                (place / table).mkdir(parents=True, exist_ok=True)
                frame.to_parquet(place / table / f"{number:03d}.parquet", index=False)
    return folder


def load(name: str) -> Firm:
    """The default draw of a firm: from `datasets/` of a checkout, elsewhere simulated; the same to the byte.

    Parameters
    ----------
    name : {"harbour_and_hill", "tern_mobile"}

    Returns
    -------
    Firm
        Each table of a checkout is read, and announced, when it is asked for.

    Raises
    ------
    ValueError
        There is no such firm.
    """
    folder = DATASETS / str(name)
    if name not in DEFAULTS or not (folder / CHECKSUMS).is_file():
        return simulate(name)
    return saved(folder, DEFAULTS[name], _module(name).last_day(DEFAULTS[name]))


def _module(name: str) -> ModuleType:
    if name == "harbour_and_hill":
        from crmlab.data.firms.harbour import firm as harbour_firm

        return harbour_firm
    from crmlab.data.firms.tern import firm as tern

    return tern


def _whole(what: str, value: Any, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not low <= value <= high:
        raise ValueError(f"{what} must be a whole number from {low:,} to {high:,}, not {value!r}")
    return int(value)


@dataclass(frozen=True)
class Played:
    """What a decision truly brings, held against other rules.

    Attributes
    ----------
    table : DataFrame, one row a rule
        rule; year, the money that the months played bring beyond today's rule; later, what the customers then left are
        worth beyond it; total; error, the standard error of the total over the futures; all EUR. The decision is the
        row "this decision".
    money : float
        Its total against today's rule, EUR.
    best : str
        The rule with the highest total.
    regret : float
        What the best brings beyond this decision, EUR; 0 where it is the best.
    """

    table: pd.DataFrame
    futures: pd.DataFrame

    @property
    def money(self) -> float:
        return float(self.table["total"].to_numpy()[-1])  # the decision stands last

    @property
    def best(self) -> str:
        return str(self.table["rule"].to_numpy()[self.table["total"].to_numpy().argmax()])

    @property
    def regret(self) -> float:
        return float(self.table["total"].max() - self.money)


THIS, TODAY = "this decision", "as today"


def play(
    firm: Firm,
    decision: Mapping[str, Any],
    *,
    against: Mapping[str, Mapping[str, Any]] | None = None,
    months: int = 12,
    worlds: int = 20,
) -> Played:
    """What a decision brings in the months after a firm's last day: the truth, that no firm knows.

    The firm goes on from its last day in several possible futures, once under each rule; the same future has the same
    luck under each, so that their difference is the effect of the rule alone.

    Parameters
    ----------
    firm : Firm
        As it was simulated or loaded; the decision under which it ran counts as no rule of today.
    decision : dict
        As `do` of `simulate`, without from_month.
    against : dict of dicts, optional
        Other rules by name; by default those that the firm lists for the same kind of decision.
    months : int
        How far to play.
    worlds : int
        How many futures.

    Returns
    -------
    Played

    Raises
    ------
    ValueError
        The decision, or another number, is out of its range.

    Examples
    --------
    >>> firm = simulate("harbour_and_hill", customers=60, months=12, seed=3)
    >>> result = play(firm, {"fix": ["documents"]}, worlds=2)
    >>> result.table["rule"].tolist()
    ['as today', 'late', 'documents', 'damage', 'wrong item', 'invoice', 'this decision']
    """
    _whole("months", months, 1, 60)
    _whole("worlds", worlds, 2, 1000)
    if not isinstance(decision, Mapping) or "from_month" in decision:
        raise ValueError(
            "a decision is a dict as `do` of simulate; it holds from the firm's last day, so no from_month"
        )
    if firm.draw.firm not in DEFAULTS:
        raise ValueError(f"{firm.draw.firm} cannot be played; play the firm that it was made from")
    module = _module(firm.draw.firm)
    if against is None:
        kinds = module.listed(firm)
        mine = [kind for kind in kinds if kind in decision]
        against = dict(list(kinds[mine[0]].items())[1:]) if len(mine) == 1 else {}
    rules = {TODAY: {}, **against, THIS: decision}
    results = {rule: module.played(firm.draw, do, ahead=months, worlds=worlds) for rule, do in rules.items()}
    beyond = {rule: result - results[TODAY] for rule, result in results.items()}
    futures = pd.DataFrame({rule: gain["money"] + gain["future"] for rule, gain in beyond.items()}).round(2)
    table = {
        "year": [gain["money"].mean() for gain in beyond.values()],
        "later": [gain["future"].mean() for gain in beyond.values()],
        "total": futures.mean().to_numpy(),
        "error": futures.std().to_numpy() / np.sqrt(worlds),
    }
    return Played(pd.DataFrame({"rule": list(results), **table}).round(2), futures)
