"""All limits of the import: each is far above what a table for these chapters needs, and below what harms a laptop."""

BYTES = 1 << 30  # of a file
LINE = 1 << 20  # bytes of one line of text
COLUMNS = 1_000
VALUES = 200_000_000  # rows times columns of a Parquet file, which may say many in few bytes
ENTRIES = 2_000  # files within a workbook
INFLATED = 1 << 30  # bytes of a workbook when it is unpacked
CELLS = 60_000_000  # of a sheet, from its first corner to the last cell that is used
CELL_TEXT = 2 << 30  # bytes of text in a sheet, counted once a cell
CELL = 32_767  # signs in a cell, by Excel's own limit
