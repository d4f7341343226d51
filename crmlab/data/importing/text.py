"""Text files: separator, names, rows. What a file does not decide is asked for."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

import crmlab.data.importing.limits as limits
from crmlab.data.importing.encoding import decoded
from crmlab.data.importing.source import Broken, ImportRefusal, Source, counted, filled, header_at, names_of

SEPARATORS = {",": "','", ";": "';'", "\t": "tab", "|": "'|'"}
SAMPLE = 200  # lines from which separator and names are found


class Records(NamedTuple):
    """The rows below the names."""

    table: pd.DataFrame
    rows: np.ndarray  # the line on which each begins
    broken: list[Broken]


def read_text(data: bytes, name: str, encoding: str | None, separator: str | None) -> Source:
    """The table of a text file.

    Raises
    ------
    ImportRefusal
        It is no text, no table, or does not decide how it is read.
    """
    body, how = decoded(data, encoding, name)
    if (place := body.find(b"\0")) >= 0:
        line = body.count(b"\n", 0, place) + 1
        raise ImportRefusal(
            f"{name!r} has nul bytes (first on line {line}): it is damaged, or no text. Export it again."
        )
    check_lines(body, name)
    lines = first_lines(body)
    sign, passed = separator_of(lines, separator, name)
    offset, names, above = header(lines, sign, passed, name)
    if not body[offset:].strip():
        raise ImportRefusal(f"{name!r} has the names of its columns, but no rows.")
    line = 1 + above[1]
    found = records(body[offset:], names, sign, line)
    read = [f"text in {how}, values separated by {SEPARATORS.get(sign, repr(sign))}, names on line {line - 1}"]
    if above[0]:
        read.append(f"passed over above the names: {', '.join(map(repr, above[0]))}")
    return Source(name, read, found.table, found.rows, found.broken, "line")


# --- separator, names ---


def check_lines(body: bytes, name: str) -> None:
    """Refuse a line that is too long to be a row."""
    letters = np.frombuffer(body, np.uint8)
    ends = np.flatnonzero((letters == 10) | (letters == 13))
    lengths = np.diff(np.concatenate([[-1], ends, [len(body)]])) - 1
    if (longest := int(lengths.argmax())) >= 0 and lengths[longest] > limits.LINE:
        raise ImportRefusal(
            f"{name!r} has a line of {lengths[longest]:,} bytes (line {longest + 1}); the limit is {limits.LINE:,}. "
            "It is no table of one row a line."
        )


def first_lines(body: bytes) -> list[str]:
    """The first lines of a text, with their ends."""
    text = io.StringIO(body[: 2 * limits.LINE].decode("utf-8", "ignore"), newline="")
    return list(itertools.islice(text, SAMPLE))


def separator_of(lines: list[str], given: str | None, name: str) -> tuple[str, int]:
    """What separates the values, and the lines to pass over: Excel may tell the separator on a line of its own."""
    told = re.fullmatch(r"sep=(.)\r?\n", lines[0])
    if given is not None:
        sign = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";"}.get(given.lower(), given)
        if len(sign) != 1 or sign in '"\r\n':
            raise ImportRefusal(f"a separator is one sign, or 'tab', not {given!r}.")
        return sign, 1 if told else 0
    if told:
        return told[1], 1
    shares = {sign: share_of_rows(lines, sign) for sign in SEPARATORS}
    best = max(shares.values())
    good = [sign for sign, share in shares.items() if share == best]
    if not best:
        raise ImportRefusal(
            f"{name!r} is no table: its lines are separated into columns by none of comma, semicolon, tab and |. If "
            "another sign does it, give --separator."
        )
    if len(good) > 1:
        could = " or by ".join(SEPARATORS[sign] for sign in good)
        raise ImportRefusal(f"{name!r} could be separated by {could}. Say by which: --separator {SEPARATORS[good[0]]}.")
    return good[0], 0


def share_of_rows(lines: list[str], sign: str) -> float:
    """The share of the first rows that have as many values as most, if these are two or more; 0 if hardly any has."""
    try:
        widths = [len(row) for row in csv.reader(lines, delimiter=sign) if filled(row)]
    except csv.Error:
        return 0
    width = max(set(widths), key=lambda one: (widths.count(one), one), default=0)
    share = widths.count(width) / len(widths) if widths else 0
    return share if width > 1 and (share > 0.5 or len(widths) < 3) else 0


def header(lines: list[str], sign: str, passed: int, name: str) -> tuple[int, list[str], tuple[list[str], int]]:
    """Where the rows begin (bytes), the names of the columns, what stands above them, and the line they end on."""
    reader = csv.reader(lines[passed:], delimiter=sign)
    rows, ends = [], []
    try:
        for row in reader:
            rows.append(row)
            ends.append(reader.line_num + passed)
    except csv.Error as error:
        raise ImportRefusal(f"{name!r} is no table: line {reader.line_num + passed}: {error}.") from None
    place = header_at(rows)
    if place is None:
        first = lines[passed].strip()[:60]
        raise ImportRefusal(
            f"{name!r} has no line with the names of its columns: the first is {first!r}. Write them above the rows."
        )
    names = rows[place]
    if len(names) > limits.COLUMNS:
        raise ImportRefusal(
            f"{name!r} has {len(names):,} columns; the limit is {limits.COLUMNS:,}. Keep those you need."
        )
    above = [next(cell.strip()[:40] for cell in row if cell.strip()) for row in rows[:place] if filled(row)]
    offset = len("".join(lines[: ends[place]]).encode())
    return offset, names_of(names, name), (above, ends[place])


# --- rows ---


def records(body: bytes, names: list[str], sign: str, line: int) -> Records:
    """The rows of a text, each held against the number of columns.

    Where every quote stands where quotes belong, arrow reads them, five times as fast; else they are walked one by one,
    and after a quote that is not closed the next line begins a row again.
    """
    found = (by_arrow if well_quoted(body, sign) else one_by_one)(body, names, sign, line)
    empty = np.ones(len(found.table), bool)
    for _, column in found.table.items():
        empty[empty] = column[empty].str.strip().eq("").to_numpy()
    table = found.table[~empty].reset_index(drop=True)
    return Records(table, found.rows[~empty], [row for row in found.broken if row.text.strip(sign + " \t\r\n")])


def well_quoted(body: bytes, sign: str) -> bool:
    """Whether every quote opens a value, closes one, or is doubled within one."""
    letters = np.frombuffer(b"\n" + body + b"\n", np.uint8)
    quotes = np.flatnonzero(letters == ord('"'))
    if len(quotes) % 2:
        return False
    beside = np.zeros(256, bool)
    beside[[ord("\n"), ord("\r"), ord('"'), *sign.encode()]] = True
    return bool(
        len(sign.encode()) == 1 and beside[letters[quotes[0::2] - 1]].all() and beside[letters[quotes[1::2] + 1]].all()
    )


def by_arrow(body: bytes, names: list[str], sign: str, line: int) -> Records:
    """Rows of a text whose quotes are in order."""
    import pyarrow as pa
    from pyarrow import compute
    from pyarrow import csv as arrow_csv

    skipped: list[tuple[int, str]] = []

    def skip(row: object) -> str:
        skipped.append((row.number, row.text))  # type: ignore[attr-defined]
        return "skip"

    columns = [f"{place}" for place in range(len(names))]
    table = arrow_csv.read_csv(
        pa.BufferReader(body),
        arrow_csv.ReadOptions(use_threads=False, column_names=columns, block_size=8 * limits.LINE),
        arrow_csv.ParseOptions(
            delimiter=sign, newlines_in_values=True, ignore_empty_lines=False, invalid_row_handler=skip
        ),
        arrow_csv.ConvertOptions(column_types=dict.fromkeys(columns, pa.large_string()), strings_can_be_null=False),
    )
    number = np.setdiff1d(np.arange(1, table.num_rows + len(skipped) + 1), [place for place, _ in skipped])
    more = np.zeros(table.num_rows + len(skipped) + 1, np.int64)  # line ends within values, by row
    end = "\n" if b"\n" in body else "\r"
    if b'"' in body:
        for column in table.columns:
            more[number] += compute.count_substring(column, end).to_numpy()
        more[[place for place, _ in skipped]] = [text.count(end) for _, text in skipped]
    begins = line + np.concatenate([[0], np.arange(len(more) - 1) + np.cumsum(more)[:-1]])
    frame = pd.DataFrame({name: as_text(column) for name, column in zip(names, table.columns, strict=True)})
    broken = [misfit(int(begins[place]), text, names, sign) for place, text in skipped]
    return Records(frame, begins[number], broken)


def as_text(column: object) -> pd.Series:
    return pd.Series(pd.array(column, dtype="str"))  # type: ignore[call-overload]


def misfit(row: int, text: str, names: list[str], sign: str) -> Broken:
    """A row with too many or too few values."""
    values = next(csv.reader(io.StringIO(text, newline=""), delimiter=sign), [])
    problem = f"{counted(len(values), 'value')} in a table of {len(names)} columns"
    remedy = f"Put a value that holds {SEPARATORS.get(sign, repr(sign))} in quotes, or add what is missing."
    return Broken(row, values, text, problem, remedy)


def one_by_one(body: bytes, names: list[str], sign: str, line: int) -> Records:
    """Rows of a text in which some quote is not where quotes belong."""
    import pyarrow as pa

    lines = list(io.StringIO(body.decode(), newline=""))
    pieces: list[list[pa.Array]] = [[] for _ in names]
    good: list[list[str]] = []
    begins, broken, at = [], [], 0

    def from_line(place: int) -> Iterator[str]:
        for number in range(place, len(lines)):
            yield lines[number]

    def put_away() -> None:
        for piece, values in zip(pieces, zip(*good, strict=True), strict=True):
            piece.append(pa.array(values, pa.large_string()))
        good.clear()

    while at < len(lines):
        reader, read = csv.reader(from_line(at), delimiter=sign, strict=True), 0
        try:
            for row in reader:
                begin, read = line + at + read, reader.line_num
                if len(row) == len(names):
                    good.append(row)
                    begins.append(begin)
                    if len(good) == 5_000:
                        put_away()
                elif row:
                    broken.append(misfit(begin, "".join(lines[begin - line : at + read]).rstrip("\r\n"), names, sign))
            at = len(lines)
        except csv.Error:
            text = lines[at + read].rstrip("\r\n")
            remedy = 'Close it, and write a quote within quotes twice: "5"" pipe".'
            broken.append(
                Broken(line + at + read, [], text, "a quote is not closed, or not where quotes belong", remedy)
            )
            at += read + 1
    if good:
        put_away()
    table = {
        name: as_text(pa.chunked_array(piece, pa.large_string())) for name, piece in zip(names, pieces, strict=True)
    }
    return Records(pd.DataFrame(table), np.array(begins, np.int64), broken)
