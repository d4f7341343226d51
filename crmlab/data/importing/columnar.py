"""Parquet files: the columns with the types that the file gives them."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pandas as pd

import crmlab.data.importing.limits as limits
from crmlab.data.importing.source import ImportRefusal, Source, names_of


def read_parquet(data: bytes, name: str) -> Source:
    """The table of a Parquet file.

    Raises
    ------
    ImportRefusal
        The file is damaged, or too large.
    """
    from pyarrow import ArrowException, parquet

    try:
        file = parquet.ParquetFile(io.BytesIO(data))
        names = names_of(file.schema_arrow.names, name)
        rows, columns = file.metadata.num_rows, len(names)
        if rows * columns > limits.VALUES or columns > limits.COLUMNS:
            raise ImportRefusal(
                f"{name!r} has {rows:,} rows of {columns:,} columns; the limits are {limits.VALUES:,} values and "
                f"{limits.COLUMNS:,} columns. Split it, or keep the columns you need."
            )
        if not rows:
            raise ImportRefusal(f"{name!r} has columns, but no rows.")
        text = [field.name for field in file.schema_arrow if is_text(field.type)]
        table = parquet.read_table(io.BytesIO(data), read_dictionary=text)  # a text that is there often is held once
    except (ArrowException, OSError) as error:
        raise ImportRefusal(f"{name!r} is a damaged Parquet file: {str(error).splitlines()[0]}") from None
    frame = pd.DataFrame({one: as_series(column) for one, column in zip(names, table.columns, strict=True)})
    return Source(name, ["Parquet"], frame, np.arange(1, rows + 1))


def is_text(kind: Any) -> bool:
    import pyarrow as pa

    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def as_series(column: Any) -> pd.Series:
    """A column as pandas holds it: decimals as numbers, days as stamps, whole numbers whole even with gaps."""
    import pyarrow as pa

    kind = column.type
    if pa.types.is_dictionary(kind):
        return pd.Series(column.to_pandas())
    if pa.types.is_decimal(kind):
        whole = kind.scale == 0 and kind.precision <= 18
        return as_series(column.cast(pa.int64() if whole else pa.float64()))
    if pa.types.is_date(kind):
        return pd.Series(column.cast(pa.timestamp("us")).to_pandas())
    if pa.types.is_uint64(kind):
        return pd.Series(column.cast(pa.string()).to_pandas(), dtype="str")
    if pa.types.is_integer(kind):
        return pd.Series(pd.array(column.to_pandas(integer_object_nulls=True), dtype="Int64"))
    if pa.types.is_boolean(kind):
        return pd.Series(column.cast(pa.string()).to_pandas(), dtype="str")
    if pa.types.is_nested(kind):  # in brackets: a value that is no text, no number and no day
        return pd.Series([None if value is None else (str(value),) for value in column.to_pylist()], dtype="object")
    return pd.Series(column.to_pandas())
