"""Engines: a purchase log, wherever it lies, reduced to one row a customer.

A frame in memory is read as arrays (`rows.py`). Anything lazy, such as a DuckDB relation, a Spark or polars LazyFrame,
or files, is reduced where it lies, by one narwhals expression for all: what comes back is one row a day, to see whether
the log keeps its contract, and one row a customer. A day is a whole number throughout, because durations differ from
engine to engine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
import pandas as pd

from crmlab.data.contracts import QUOTED, Breach, ContractError, columns_of, missing_column
from crmlab.data.files import relation_of_files
from crmlab.data.reading import DAY, MISSING, NOT_A_DATE, NOT_A_NUMBER, NOT_TEXT, OTHER_ZONE, Fault, read_dates
from crmlab.data.rows import CONTRACT, MILLION, Customers, Rows, in_text_order, to_millionths

if TYPE_CHECKING:
    import narwhals as nw

PARTS = (1, 8, 64)  # of the customers, one after another: tried in turn until DuckDB's memory suffices
NEVER = 99991231  # later than any day that a contract allows, as yyyymmdd


class PurchaseLog(Protocol):
    """A log that keeps its contract."""

    def days(self) -> tuple[np.ndarray, np.ndarray]:
        """The days on which it has rows, in order, and how many rows each has."""

    def customers(self, end: int) -> Customers:
        """Its customers, with the calibration ending on a day."""


@contextmanager
def purchase_log(source: Any) -> Iterator[PurchaseLog]:
    """A purchase log from whatever holds it, held against its contract."""
    if isinstance(source, str | Path):
        with relation_of_files(source) as relation:
            yield _lazy_or_eager(relation)
    else:
        yield Rows.read(source) if isinstance(source, pd.DataFrame) else _lazy_or_eager(source)


def _lazy_or_eager(source: Any) -> PurchaseLog:
    import narwhals as nw

    frame = nw.from_native(source, pass_through=True)
    if isinstance(frame, nw.LazyFrame):
        return Lazy.read(frame)
    if isinstance(frame, nw.DataFrame):
        return Rows.read(_as_pandas(frame))
    raise TypeError(
        f"{CONTRACT} must be a data frame (pandas, polars, pyarrow, DuckDB, Spark) or the path of CSV or Parquet "
        f"files, not {type(source).__name__}"
    )


def _present(columns: Iterable[str]) -> list[str]:
    """The contract's columns among those of a frame; those that must be there are."""
    contract = columns_of(CONTRACT)
    if absent := [name for name in contract if contract[name].required and name not in columns]:
        raise ContractError(CONTRACT, [missing_column(name, columns) for name in absent])
    return [name for name in contract if name in columns]


def _as_pandas(frame: nw.DataFrame[Any]) -> pd.DataFrame:
    """The contract's columns of a frame; whole numbers with gaps stay whole, decimals become floats."""
    import pyarrow as pa

    table = frame.select(_present(frame.columns)).to_arrow()
    for place, field in enumerate(table.schema):
        if pa.types.is_decimal(field.type):
            table = table.set_column(place, field.name, table[field.name].cast(pa.float64()))
    with_gaps = {field.type for field in table.schema if table[field.name].null_count}
    whole = {pa.int64(): pd.Int64Dtype(), pa.int32(): pd.Int32Dtype(), pa.uint64(): pd.UInt64Dtype()}
    return table.to_pandas(
        date_as_object=False, types_mapper=lambda kind: whole.get(kind) if kind in with_gaps else None
    )


TEXT_OF_DAY = rf"^(?:{DAY})\z"
BEFORE_ZONE = r"^[0-9]{4}-?[0-9]{2}-?[0-9]{2}([T ][0-9:.]+)?"
NUMBER = r"^\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,2})?\s*\z"


class Reading(NamedTuple):
    """A column as expressions: its value, missing where there is none, and the rows that cannot be read."""

    value: nw.Expr
    unread: nw.Expr
    fault: Fault
    zone: nw.Expr | None = None  # of dates written as text


class Lazy(NamedTuple):
    """A log that an engine holds."""

    rows: nw.LazyFrame[Any]  # customer_id as text; date as a whole number, yyyymmdd; amount
    dates: pd.DataFrame  # one row a day: date, and how many rows it has

    @classmethod
    def read(cls, frame: nw.LazyFrame[Any]) -> Lazy:
        """A log that keeps its contract, in every row of it: the engine counts the breaches."""
        import narwhals as nw

        contract, schema = columns_of(CONTRACT), frame.collect_schema()
        present = _present(schema)
        readings = {name: _reading(name, contract[name].kind, schema[name]) for name in present}
        faults = [fault for name in present for fault in _faults(name, contract[name], readings[name])]

        zone = readings["date"].zone
        days = (
            frame.select(
                readings["date"].value.alias("date"),
                (nw.lit("") if zone is None else zone).alias("zone"),
                *(flag.cast(nw.Int64).alias(f"fault_{place}") for place, (_, _, flag) in enumerate(faults)),
            )
            .group_by("date", "zone")
            .agg(
                nw.len().alias("rows"), *(nw.col(f"fault_{place}").sum().cast(nw.Int64) for place in range(len(faults)))
            )
        )
        counted = _collect(days)
        if counted.empty:
            raise ValueError(f"{CONTRACT} has no rows: there is nothing to summarize.")
        breaches = [
            Breach(name, *fault, values=_examples(frame, name, flag), count=count)
            for place, (name, fault, flag) in enumerate(faults)
            if (count := int(counted[f"fault_{place}"].sum()))
        ]
        if breaches := [*breaches, *_date_breaches(counted.dropna(subset="date"))]:
            raise ContractError(CONTRACT, breaches)
        dates = counted.astype({"date": "int64"}).groupby("date")[["rows"]].sum().reset_index()
        return cls(
            frame.select(*(readings[name].value.alias(name) for name in ("customer_id", "date", "amount"))), dates
        )

    def days(self) -> tuple[np.ndarray, np.ndarray]:
        return _day_numbers(self.dates["date"]), self.dates["rows"].to_numpy("int64")

    def customers(self, end: int) -> Customers:
        import narwhals as nw

        date, total = nw.col("date"), nw.col("total")
        last = int(str(np.datetime64(end, "D")).replace("-", ""))
        bought, before = total >= 0, (total >= 0) & (date <= last)
        customers = _collect_in_parts(
            self.rows,
            lambda rows: (
                rows.group_by("customer_id", "date")
                .agg(nw.col("amount").sum().alias("total"))
                .with_columns(_millionths(total))
                .with_columns(
                    first=nw.when(bought).then(date).otherwise(nw.lit(NEVER)),
                    last=nw.when(before).then(date).otherwise(nw.lit(0)),
                    days=before.cast(nw.Int64),
                    days_after=(bought & (date > last)).cast(nw.Int64),
                    refund_days=(~bought).cast(nw.Int64),
                    spend=nw.when(before).then(total).otherwise(nw.lit(0.0)),
                    spend_after=nw.when(bought & (date > last)).then(total).otherwise(nw.lit(0.0)),
                    refund_amount=nw.when(~bought).then(total).otherwise(nw.lit(0.0)),
                )
                .group_by("customer_id")
                .agg(
                    nw.col("first").min(),
                    nw.col("last").max(),
                    _of_first(total, self.rows.implementation).alias("first_total"),
                    # DuckDB adds whole numbers up in 128 bits.
                    *(nw.col(name).sum().cast(nw.Int64) for name in ("days", "days_after", "refund_days")),
                    *(nw.col(name).sum() for name in ("spend", "spend_after", "refund_amount")),
                )
            ),
        )
        bought_once = customers["first"] < NEVER
        table = in_text_order(customers[bought_once])
        repeat = (table["spend"] - table["first_total"]).where(table["days"] > 0, 0.0)
        first = _day_numbers(table["first"])
        table = table.assign(
            first=first,
            last=np.where(
                table["days"] > 0, _day_numbers(table["last"].where(table["days"] > 0, table["first"])), first
            ),
            repeat_spend=to_millionths(repeat),
            spend_after=to_millionths(table["spend_after"]),
        )
        return Customers(
            table[["customer_id", "first", "last", "days", "repeat_spend", "days_after", "spend_after"]],
            int(customers["refund_days"].sum()),
            float(to_millionths(customers["refund_amount"].sum())),
            int((~bought_once).sum()),
        )


def _of_first(total: nw.Expr, engine: nw.Implementation) -> nw.Expr:
    """The total of the first purchase day, in a group; narwhals has no ordered `first` on Spark."""
    import narwhals as nw

    if engine.is_spark_like():
        return nw.struct(nw.col("first"), total).min().struct.field("total")
    return total.first(order_by="first")


def _collect(frame: nw.LazyFrame[Any]) -> pd.DataFrame:
    """What an engine has reduced: one row a day, or one a customer."""
    return frame.collect("pyarrow").to_native().to_pandas()


def _collect_in_parts(
    rows: nw.LazyFrame[Any], reduce: Callable[[nw.LazyFrame[Any]], nw.LazyFrame[Any]]
) -> pd.DataFrame:
    """What rows are reduced to by customer; if DuckDB's memory does not hold all customers, some of them at a time."""
    import narwhals as nw

    if not rows.implementation.is_duckdb():
        return _collect(reduce(rows))
    import duckdb

    def collected(parts: int) -> pd.DataFrame:
        some = (rows.to_native().filter(f"hash(customer_id) % {parts} = {part}") for part in range(parts))
        return pd.concat([_collect(reduce(nw.from_native(one))) for one in some], ignore_index=True)

    for parts in PARTS[:-1]:
        with suppress(duckdb.OutOfMemoryException):
            return collected(parts)
    return collected(PARTS[-1])


def _reading(name: str, kind: str, dtype: Any) -> Reading:
    """How a column of some type is read."""
    import narwhals as nw

    given = nw.col(name)
    if written := dtype in (nw.String, nw.Categorical, nw.Enum):
        given = given.cast(nw.String)
    nothing = given.is_null()
    if kind == "id" and (written or dtype.is_integer()):
        text = given.cast(nw.String)
        return Reading(nw.when(text != "").then(text), nw.lit(False), NOT_TEXT)
    if kind == "number" and dtype.is_numeric():
        number = given.cast(nw.Float64)
        return Reading(nw.when(~number.is_nan()).then(number), nw.lit(False), NOT_A_NUMBER)
    if kind == "number" and written:
        plain = given.str.contains(NUMBER)
        return Reading(nw.when(plain).then(given).cast(nw.Float64), ~nothing & ~plain, NOT_A_NUMBER)
    if kind == "date" and (written or dtype.is_integer()):
        text = given.cast(nw.String)
        well = text.str.contains(TEXT_OF_DAY)
        text = nw.when(well).then(text)
        digits = text.str.slice(0, 10).str.replace_all("-", "", literal=True)
        return Reading(digits.cast(nw.Int64), ~nothing & ~well, NOT_A_DATE, text.str.replace_all(BEFORE_ZONE, ""))
    if kind == "date" and dtype in (nw.Date, nw.Datetime):
        parts = (given.dt.year(), 10_000), (given.dt.month(), 100), (given.dt.day(), 1)
        year, month, day = (part.cast(nw.Int64) * weight for part, weight in parts)
        return Reading(year + month + day, nw.lit(False), NOT_A_DATE)
    fault = {"id": NOT_TEXT, "number": NOT_A_NUMBER, "date": NOT_A_DATE}[kind]
    return Reading(nw.lit(None, nw.String if kind == "id" else nw.Int64), ~nothing, fault)


def _faults(name: str, column: Any, reading: Reading) -> Iterator[tuple[str, Fault, nw.Expr]]:
    """What can be wrong in a column, each with the rows in which it is; a value is told once, for its first fault."""
    yield name, reading.fault, reading.unread
    if column.required:
        yield name, MISSING, reading.value.is_null() & ~reading.unread
    if column.kind == "number":  # a rule about dates is held against the distinct days
        for rule in column.rules:
            yield name, Fault(rule.problem, rule.remedy), ~reading.value.is_null() & ~rule.holds(reading.value)


def _examples(frame: nw.LazyFrame[Any], name: str, flag: nw.Expr) -> tuple[Any, ...]:
    return tuple(_collect(frame.filter(flag).select(name).head(QUOTED))[name].dropna())


def _date_breaches(days: pd.DataFrame) -> Iterator[Breach]:
    """What is wrong with the days that could be read: the distinct days are held against the contract in pandas."""
    days = days.assign(of_zone=days.groupby("zone")["rows"].transform("sum"))
    days = days.sort_values(["of_zone", "zone", "date"], ascending=[False, True, True], ignore_index=True)
    digits = days["date"].astype("int64").astype("str").str.zfill(8)
    text = digits.str[:-4] + "-" + digits.str[-4:-2] + "-" + digits.str[-2:]
    dates, refusals = read_dates((text + "T00:00" + days["zone"]).where(days["zone"] != "", text))
    faults = [(Fault(refusal.problem, refusal.remedy), refusal.rows) for refusal in refusals]
    for rule in columns_of(CONTRACT)["date"].rules:
        faults.append((Fault(rule.problem, rule.remedy), (dates.notna() & ~rule.holds(dates)).to_numpy()))
    for fault, where in faults:
        if where.any():
            if fault == OTHER_ZONE:  # an engine has no first row; the commonest zone is the first here
                fault = Fault("not in the time zone of most rows", fault.remedy)
            values = (text + days["zone"])[where][:QUOTED]
            yield Breach("date", *fault, values=tuple(values), count=int(days["rows"][where].sum()))


def _day_numbers(dates: pd.Series) -> np.ndarray:
    """Days since 1970-01-01, of whole numbers that are written as yyyymmdd."""
    number = dates.to_numpy("int64")
    month = np.datetime64("1970-01", "M") + (number // 10_000 - 1970) * 12 + (number // 100 % 100 - 1)
    return month.astype("datetime64[D]").astype("int64") + number % 100 - 1


def _millionths(total: nw.Expr) -> nw.Expr:
    """As `to_millionths`; a float beyond a billion billion has no millionths, and Spark would cut it off."""
    import narwhals as nw

    rounded = (total * MILLION + 0.5).floor().cast(nw.Float64) / MILLION
    return nw.when(total.abs() < 1e12).then(rounded).otherwise(total)
