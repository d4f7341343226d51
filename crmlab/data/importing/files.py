"""A file's bytes, and what it is: nothing is read that is no plain file, too large, or other than its name says."""

from __future__ import annotations

import os
import re
import stat
import struct
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np

import crmlab.data.importing.limits as limits
from crmlab.data.importing.source import ImportRefusal
from crmlab.data.loaders import read_bytes, told_in_words

TEXT, EXCEL, PARQUET = "text", "Excel", "Parquet"
KINDS = {
    ".csv": TEXT,
    ".tsv": TEXT,
    ".tab": TEXT,
    ".txt": TEXT,
    ".xlsx": EXCEL,
    ".xlsm": EXCEL,
    ".parquet": PARQUET,
}
SAVE = "open it in the program that made it and save it as CSV, .xlsx or Parquet"
# How files begin that are no text; where there is None, it is a kind that can be read.
SIGNATURES: dict[bytes, tuple[str, str | None]] = {
    b"PAR1": ("a Parquet file", PARQUET),
    b"PK\x03\x04": ("an Excel workbook, or another zipped file", EXCEL),
    b"PK\x05\x06": ("a zipped file with nothing in it", None),
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": ("an old Excel file (.xls), or a workbook with a password", None),
    b"\x1f\x8b": ("compressed by gzip", None),
    b"BZh": ("compressed by bzip2", None),
    b"\xfd7zXZ\0": ("compressed by xz", None),
    b"\x28\xb5\x2f\xfd": ("compressed by zstd", None),
    b"7z\xbc\xaf\x27\x1c": ("compressed by 7-Zip", None),
    b"Rar!": ("compressed by RAR", None),
    b"%PDF": ("a PDF", None),
    b"{\\rtf": ("a text document (RTF)", None),
    b"SQLite format 3": ("an SQLite database", None),
    b"\x89PNG": ("a picture (PNG)", None),
    b"\xff\xd8\xff": ("a picture (JPEG)", None),
}


def file_bytes(path: str | Path) -> tuple[bytes, str]:
    """The bytes of a file, announced, and what it is: text, Excel or Parquet.

    Raises
    ------
    ImportRefusal
        It is no plain file, too large, or not what its name says.
    OSError
        There is no such file, it is a folder, or it may not be read.
    """
    name = str(path)
    with told_in_words(path, name):
        mode = os.stat(path)
        if stat.S_ISDIR(mode.st_mode):
            raise IsADirectoryError
        if not stat.S_ISREG(mode.st_mode):
            raise ImportRefusal(f"{name!r} is no plain file (a pipe or a device). Save what it holds to a file first.")
        if mode.st_size > limits.BYTES:
            raise ImportRefusal(
                f"{name!r} has {mode.st_size:,} bytes; the limit is {limits.BYTES:,}. Split it, by year say."
            )
        with open(path, "rb") as file:
            start = file.read(limits.LINE)
    kind = kind_of(start, name)
    if kind == TEXT and len(start) == limits.LINE and not re.search(b"[\r\n\0]", start):
        raise ImportRefusal(f"{name!r} begins with a line of more than {limits.LINE:,} bytes: it is no table.")
    return read_bytes(path, name), kind


def kind_of(start: bytes, name: str) -> str:
    """What a file is, by how it begins; refused where its name says otherwise."""
    suffix = Path(name).suffix.lower()
    if not start.strip():
        raise ImportRefusal(f"{name!r} is empty.")
    words, kind = next((found for sign, found in SIGNATURES.items() if start.startswith(sign)), (None, TEXT))
    if words and kind is None:
        remedy = "Unpack it first." if "compressed" in words else SAVE[0].upper() + SAVE[1:] + "."
        raise ImportRefusal(f"{name!r} is {words}, which cannot be imported. {remedy}")
    if kind == TEXT and (markup := markup_of(start)):
        raise ImportRefusal(f"{name!r} is {markup}, whatever its name says. {SAVE[0].upper() + SAVE[1:]}.")
    if suffix not in KINDS:
        raise ImportRefusal(
            f"{name!r} is of no kind that can be imported: {', '.join(KINDS)}. Rename it, or save it so."
        )
    if KINDS[suffix] != kind:
        names = " or ".join(ending for ending, of in KINDS.items() if of == kind and ending != ".xlsm")
        if kind == TEXT and re.search(b"[\x01-\x08\x0e-\x1f]", start[:4096]):
            raise ImportRefusal(f"{name!r} is no table of any kind known. {SAVE[0].upper() + SAVE[1:]}.")
        what = words or "text"
        raise ImportRefusal(f"{name!r} is {what}, not what its name says. If it is, name it {names}.")
    assert kind is not None
    return kind


def markup_of(start: bytes) -> str | None:
    """What a text is that is no table: HTML, XML or JSON."""
    head = start[:4096].decode("utf-8-sig", "ignore").replace("\0", "").lstrip().lower()
    if re.match(r"<(!doctype html|html|head|body|table|div|meta|style)\b", head):
        return "a web page (HTML)"
    if re.match(r"<(\?xml|!--|!doctype|[a-z]+[ >:])", head):
        return "XML"
    if re.match(r"[\[{]\s*[\[{\"]", head):
        return "JSON"
    return None


# --- workbooks: what is packed is unpacked by us first, counted, and never believed ---


def safe_workbook(file: BinaryIO, name: str) -> None:
    """Refuse a workbook that would harm when it is read.

    Every part is unpacked here, whatever size the directory states, and the sum is limited; so are the area of a sheet,
    which a reader holds in memory with all its empty cells, and the text in it, of which a part may be used many times.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError, EOFError, struct.error) as error:
        raise ImportRefusal(f"{name!r} is a damaged Excel workbook: {error}. Save it again, or as CSV.") from None
    if len(parts) > limits.ENTRIES:
        raise ImportRefusal(f"{name!r} has {len(parts):,} files in it; no workbook needs more than {limits.ENTRIES:,}.")
    if "xl/workbook.xml" not in {part.filename for part in parts}:
        hint = (
            " It is an OpenDocument table: save it as .xlsx." if any(p.filename == "content.xml" for p in parts) else ""
        )
        raise ImportRefusal(f"{name!r} is zipped, but no Excel workbook (.xlsx).{hint}")
    left, shared, used = limits.INFLATED, [0], 0
    for part in sorted(parts, key=lambda part: "sharedStrings" not in part.filename):
        content = inflated(file, part, left, name)
        left -= len(content)
        if part.filename.endswith((".xml", ".rels")) and (b"<!DOCTYPE" in content or b"\0" in content):
            raise ImportRefusal(f"{name!r} has XML with entities or in UTF-16 in it, which Excel does not write.")
        if "sharedStrings" in part.filename:
            shared = [len(text) for text in content.split(b"</si>")]
        elif b"<sheetData" in content or b":sheetData" in content:
            used += text_used(content, shared)
            if (area := sheet_area(content)) > limits.CELLS or used > limits.CELL_TEXT:
                raise ImportRefusal(
                    f"{name!r} has a sheet that would fill the memory ({area:,} cells corner to corner, {used:,} "
                    "bytes of text). Delete what stands far below or right of the table, or save the table as CSV."
                )


def inflated(file: BinaryIO, part: zipfile.ZipInfo, left: int, name: str) -> bytes:
    """The content of one part of a zip file, unpacked up to the bytes that are left."""
    file.seek(part.header_offset)
    header = file.read(30)
    if len(header) < 30 or not header.startswith(b"PK\x03\x04"):
        raise ImportRefusal(f"{name!r} is a damaged Excel workbook. Save it again, or as CSV.")
    if part.flag_bits & 1:
        raise ImportRefusal(f"{name!r} has a password. Save it without one.")
    file.seek(sum(struct.unpack("<HH", header[26:30])), os.SEEK_CUR)
    packed = file.read(part.compress_size)
    if part.compress_type == zipfile.ZIP_STORED:
        content = packed
    elif part.compress_type == zipfile.ZIP_DEFLATED:
        try:
            content = zlib.decompressobj(-15).decompress(packed, left + 1)
        except zlib.error:
            raise ImportRefusal(f"{name!r} is a damaged Excel workbook. Save it again, or as CSV.") from None
    else:
        raise ImportRefusal(f"{name!r} is packed in a way that Excel does not use. Save it again, or as CSV.")
    if len(content) > left:
        raise ImportRefusal(
            f"{name!r} unpacks to more than {limits.INFLATED:,} bytes, as a zip bomb does. If it is a table, save it "
            "as CSV."
        )
    return content


def sheet_area(xml: bytes) -> int:
    """Cells of a sheet from its first corner to the last one that is used, empty ones among them."""
    columns = max((column_number(letters) for letters in set(re.findall(rb'\br="([A-Z]{1,3})[0-9]', xml))), default=0)
    rows = max(map(int, set(re.findall(rb'\br="[A-Z]{0,3}([0-9]{1,10})"', xml))), default=0)
    return columns * rows


def column_number(letters: bytes) -> int:
    """A -> 1, Z -> 26, AA -> 27."""
    number = 0
    for letter in letters:
        number = 26 * number + letter - 64
    return number


def text_used(xml: bytes, shared: list[int]) -> int:
    """Bytes of the shared texts of a workbook that the cells of a sheet hold, each cell counted."""
    places = np.array(re.findall(rb'\bt="s"[^>]*>\s*<v>([0-9]{1,9})<', xml), dtype="S9").astype(np.int64)
    return int(np.asarray(shared)[places[places < len(shared)]].sum())
