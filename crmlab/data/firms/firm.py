"""A simulated firm: its tables as any firm might have them, and apart from them the truth that no firm has."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from crmlab.data.contracts import QUOTED, Breach, ContractError, check, columns_of, foreign_keys, key_of
from crmlab.data.loaders import read_bytes

CHECKSUMS = "SHA256SUMS"


class Tables(Mapping[str, pd.DataFrame]):
    """Tables by name, as attributes or as items; one that lies in a file is read when it is asked for.

    Each use gets a table of its own: what a caller changes in it changes nothing here.
    """

    def __init__(self, of: str, tables: Mapping[str, pd.DataFrame | Callable[[], pd.DataFrame]]) -> None:
        self._of, self._tables = of, dict(tables)

    def __getitem__(self, name: str) -> pd.DataFrame:
        table = self._tables[name]
        if callable(table):
            table = self._tables[name] = table()
        return table.copy(deep=False)

    def __getattr__(self, name: str) -> pd.DataFrame:
        if name.startswith("_") or name not in self._tables:
            raise AttributeError(
                f"{self._of} has no table {name!r}; it has: {', '.join(self.__dict__.get('_tables', ()))}"
            )
        return self[name]

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._tables]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tables)

    def __len__(self) -> int:
        return len(self._tables)


@dataclass(frozen=True)
class Draw:
    """What a firm is drawn from: the same draw gives the same bytes.

    Attributes
    ----------
    firm : str
        "harbour_and_hill" or "tern_mobile".
    customers : int
        Accounts of Harbour & Hill, lines of Tern Mobile.
    months : int
    seed : int
    story : {"told", "drawn"}
        Whether the planted facts are those of the chapters, or drawn from the seed.
    planted : bool
        False: the null twin, in which nothing is planted.
    """

    firm: str
    customers: int
    months: int
    seed: int
    story: str = "told"
    planted: bool = True


class Firm(Tables):
    """A simulated firm.

    Attributes
    ----------
    draw : Draw
        What it was drawn from.
    do : dict
        The decision under which it was run, {} for the firm as it is.
    truth : Tables
        What the generator knows and no firm does; `truth/README.md` of the firm's data tells its columns.
    today : Timestamp
        The last day that the tables cover.
    """

    def __init__(
        self,
        draw: Draw,
        tables: Mapping[str, pd.DataFrame | Callable[[], pd.DataFrame]],
        truth: Mapping[str, pd.DataFrame | Callable[[], pd.DataFrame]],
        today: pd.Timestamp,
        do: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(draw.firm, tables)
        self.draw, self.today, self.do = draw, today, dict(do or {})
        self.truth = Tables(f"the truth of {draw.firm}", truth)

    def __repr__(self) -> str:
        draw, under = self.draw, f", under {self.do}" if self.do else ""
        told = "" if draw.planted else ", nothing planted"
        return (
            f"<{draw.firm} (simulated): {draw.customers:,} customers, {draw.months} months to {self.today.date()}, "
            f"seed {draw.seed}{told}{under}; tables {', '.join(self)}>"
        )

    def check(self) -> Firm:
        """The firm, whose tables keep their contracts and join.

        Raises
        ------
        ContractError
            A table breaks its contract, or an id in it is that of no row of the table that it points to.
        """
        for name in self:
            contract = f"{self.draw.firm}.{name}"
            check(self[name], contract)
            for column, target in foreign_keys(contract).items():
                key = key_of(f"{self.draw.firm}.{target}")[0]
                known = self[name][column].isna() | self[name][column].isin(self[target][key])
                if not known.all():
                    rows = (~known).to_numpy().nonzero()[0]
                    values = tuple(self[name][column].iloc[rows[:QUOTED]])
                    remedy = f"Add the row to {target}, or correct the id."
                    raise ContractError(
                        contract, [Breach(column, f"no row of {target}", remedy, tuple((rows + 1).tolist()), values)]
                    )
        return self

    def dirtied(self, seed: int, **shares: float) -> Firm:
        """The same firm as three systems would hold it, with errors: see `crmlab.data.firms.dirt.dirtied`."""
        from crmlab.data.firms.dirt.twin import dirtied

        return dirtied(self, seed, **shares)

    def save(self, folder: str | Path) -> None:
        """Write the tables as CSV, the truth into `truth/`, and the checksums of all.

        Parameters
        ----------
        folder : str or Path
            Made where it is missing; files of the same names are replaced.
        """
        folder = Path(folder)
        (folder / "truth").mkdir(parents=True, exist_ok=True)
        sums = []
        for place, tables in (("", self), ("truth/", self.truth)):
            for name in tables:
                data = csv_bytes(tables[name])
                (folder / f"{place}{name}.csv").write_bytes(data)
                sums.append(f"{hashlib.sha256(data).hexdigest()}  {place}{name}.csv\n")
        (folder / CHECKSUMS).write_text("".join(sums), "utf-8")


def csv_bytes(table: pd.DataFrame) -> bytes:
    """A table as CSV: the same bytes on every machine."""
    flags = {str(name): table[name].astype("int8") for name in table if table[name].dtype == bool}
    return table.assign(**flags).to_csv(index=False, date_format="%Y-%m-%d", lineterminator="\n").encode()


def saved(folder: Path, draw: Draw, today: pd.Timestamp) -> Firm:
    """A firm whose tables lie in a folder, each read, and announced, when it is asked for."""

    def reader(path: Path, name: str, contract: str) -> Callable[[], pd.DataFrame]:
        return lambda: _read(read_bytes(path, f"{draw.firm}/{name}"), contract)

    def tables(place: str, prefix: str) -> dict[str, Callable[[], pd.DataFrame]]:
        names = [line.split("  ")[1] for line in (folder / CHECKSUMS).read_text("utf-8").splitlines()]
        own = [name for name in names if name.rpartition("/")[0] == place]
        return {Path(name).stem: reader(folder / name, name, f"{prefix}.{Path(name).stem}") for name in own}

    return Firm(draw, tables("", draw.firm), tables("truth", f"{draw.firm}.truth"), today)


def _read(data: bytes, contract: str) -> pd.DataFrame:
    words = {name: "str" for name, column in columns_of(contract).items() if column.kind in ("id", "text", "date")}
    gaps = dict.fromkeys(columns_of(contract), "")
    return check(pd.read_csv(io.BytesIO(data), dtype=words, keep_default_na=False, na_values=gaps), contract)
