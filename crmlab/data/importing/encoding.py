"""Encodings: text of unknown letters in UTF-8, read as what makes words of its letters and money of its signs."""

from __future__ import annotations

import codecs
import re

import numpy as np

from crmlab.data.importing.names import ALSO, plain
from crmlab.data.importing.source import ImportRefusal, counted

ASIAN = ("gb18030", "big5", "shift_jis", "euc_jp", "euc_kr")
ENCODINGS = (  # the commonest first
    *("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1257", "cp850", "cp437", "mac_roman", "koi8_r"),
    *ASIAN,
)
MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
LOST = "\ufffd"  # stands where bytes are no letter
SAMPLE = 200  # lines with letters beyond ASCII that are tried
# The letters beyond ASCII of German, French, Spanish, Portuguese, Italian, Danish and Norwegian, Swedish and Finnish,
# Dutch; Icelandic, Polish, Czech and Slovak, Hungarian, Romanian, Croatian; Turkish, Lithuanian, Latvian, Estonian.
LATIN = (
    *("äöüß", "àâæçéèêëîïôœùûüÿ", "áéíñóúü", "àáâãçéêíóôõú", "àèéìíòóù", "æøåéöä", "åäöé", "éëïöüèá"),
    *("áðéíóúýþæö", "ąćęłńóśźż", "áäčďéěíĺľňóôŕřšťúůýž", "áéíóöőúüű", "ăâîşţșț", "čćđšž"),
    *("âçğıîöşüû", "ąčęėįšųūž", "āčēģīķļņšūž", "äõöüšž"),
)
OTHERS = tuple(map(re.compile, ("[Ѐ-џҐґ]+", "[Ά-ΏΑ-ία-ώ]+", "[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")))
WORD = re.compile(r"[^\W\d_µªº¹²³½¼¾]+")
SIGNS = re.compile(  # signs that are as they should be: 90°, 10 µm, m², 2 ½, a – b, “a”, it’s, ®, 2×3
    r"(?<=[0-9 ])°|µ(?=[mglsAFVW]\b)|(?<=m)[²³]|(?:^|(?<=[0-9 ;,\t]))[½¼¾](?=[;,\s]|$)|(?<= )[–—](?= )|[“„][^“”]*[“”]|"
    r"(?<=[a-z])’(?=[a-z])|(?<=[A-Za-z])[®™]|(?<=[0-9 ])×(?=[0-9 ])"
)
HARMLESS = set("\u00a0•·§¿¡…–—‘’‚“”„«»°ªºµ×²³©®№")  # signs that tell nothing where they stand otherwise
SIGN = "[€£¥￥₹₽₩₺₴₪฿元円]|zł|Kč|лв|руб"
MONEY = re.compile(rf"(?<=[0-9])[ \u00a0]?(?:{SIGN})(?![^\W\d])|(?<![^\W\d])(?:{SIGN})[ \u00a0]?(?=[0-9])")
HALF_WIDTH = re.compile("[\uff61-\uff9f]")  # katakana of old tills: all of Latin-1's letters are one of them, too


def decoded(data: bytes, encoding: str | None, name: str) -> tuple[bytes, str]:
    """The text in UTF-8, and how it was read, in words. What is no letter in its encoding is left as a mark."""
    if encoding is not None:
        try:
            return in_utf8(data, encoding), f"{encoding}, as given"
        except (LookupError, UnicodeError):
            raise ImportRefusal(f"there is no encoding {encoding!r}. Common ones: utf-8, cp1252, utf-16.") from None
    known = next((known for mark, known in MARKS.items() if data.startswith(mark)), None) or wide(data)
    if known:
        return in_utf8(data, known), known.upper().removesuffix("-SIG")
    if data.isascii():
        return data, "ASCII"
    lost = data.decode("utf-8", "replace").count(LOST)
    if not lost and not by_chance(data):
        return data, "UTF-8"
    beyond = np.frombuffer(data, np.uint8)
    if lost and ((beyond >= 0xC2) & (beyond <= 0xF4)).sum() > 20 * lost:  # so many letters begin as UTF-8 has them
        return in_utf8(data, "utf-8"), f"UTF-8, but for {counted(lost, 'sign')}"
    guess, shown = guessed(data, name)
    return in_utf8(data, guess), f"{guess}, found by its letters ({shown}; if that is wrong, give --encoding)"


def by_chance(data: bytes) -> bool:
    """Whether text is UTF-8 without meaning it: no words in it, but money in each line in another encoding (5 元)."""
    odd = b"\n".join(odd_lines(data))
    text = odd.decode("utf-8", "replace")
    if likelihood(text) >= 0 or MONEY.search(text):
        return False
    money = [len(MONEY.findall(reading)) for one in ENCODINGS if (reading := readable(odd, one)) is not None]
    return max(money, default=0) > odd.count(b"\n")


def odd_lines(data: bytes) -> list[bytes]:
    """The first lines with letters beyond ASCII."""
    return [line for line in data[: 1 << 22].splitlines() if not line.isascii()][:SAMPLE]


def in_utf8(data: bytes, encoding: str) -> bytes:
    """Text of another encoding in UTF-8, without a byte-order mark."""
    return data.decode(encoding, "replace").removeprefix("\ufeff").encode("utf-8", "replace")


def wide(data: bytes) -> str | None:
    """UTF-16 without a mark: every other byte of plain text is nul."""
    start = np.frombuffer(data[: 4096 // 2 * 2][: len(data) // 2 * 2], np.uint8)
    first, second = (start[0::2] == 0).mean(), (start[1::2] == 0).mean()
    if max(first, second) < 0.3 or min(first, second) > 0.05:
        return None
    return "utf-16-be" if first > second else "utf-16-le"


def guessed(data: bytes, name: str) -> tuple[str, str]:
    """The encoding of text that is not in UTF-8, and a word in it (DECISIONS.md, "Letters of one's own files").

    Known names of columns decide it, then money, then words. Of several that are as good cp1252 is taken, and another
    reading is told; where it is none of them, it is asked for, as it is among Asian ones.
    """
    odd = b"\n".join(odd_lines(data))
    readings = {one: text for one in ENCODINGS if (text := readable(odd, one)) is not None}
    by_name = best({one: names_known(text) for one, text in readings.items()})
    if by_name:
        return by_name[0], example(readings[by_name[0]])
    by_money = best({one: len(MONEY.findall(text)) for one, text in readings.items()})
    readings = {one: readings[one] for one in by_money} or readings
    points = {one: likelihood(text) for one, text in readings.items()}
    good = [one for one in readings if points[one] == max(points.values())]
    good = [one for one in good if one not in ASIAN] or good  # any two letters are some sign of Chinese
    other = next((one for one in good if readings[one] != readings[good[0]]), None)
    clear = other is None and (by_money or good[0] not in ASIAN) if good else False
    if good and points[good[0]] >= 0 and (good[0] == "cp1252" or clear):
        if other is None:
            return good[0], example(readings[good[0]])
        one, two = (differing(readings[one], readings[two]) for one, two in ((good[0], other), (other, good[0])))
        return good[0], f"such as {one!r}, which {other} reads as {two!r}"
    likely = [one for one in reversed(readings) if points[one] >= min(1, max(points.values()))]
    could = {readings[one]: one for one in likely}  # the commonest of equal ones
    words = " or ".join(f"{one} ({example(text)})" for text, one in reversed(could.items())) or "cp1252, say"
    raise ImportRefusal(f"{name!r} is not in UTF-8. Say in which encoding it is by --encoding: {words}.")


def best(counts: dict[str, int]) -> list[str]:
    """The encodings that have most of something; none where none has any."""
    most = max(counts.values(), default=0)
    return [one for one, count in counts.items() if count == most] if most else []


def readable(data: bytes, encoding: str) -> str | None:
    """Bytes in an encoding, if they are text in it."""
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        return None
    plain_text = all(letter.isprintable() or letter in "\t\r\n\u00a0" for letter in text)
    return text if plain_text and not HALF_WIDTH.search(text) else None


def names_known(text: str) -> int:
    """How many words beyond ASCII of a text are known as names of columns."""
    known = {plain(word) for words in ALSO.values() for word in words.split() if not word.isascii()}
    words = {plain(word) for word in re.findall(r"[^\W\d]+", text) if not word.isascii()}
    return len(words & known)


def likelihood(text: str) -> int:
    """Words beyond ASCII that the likeliest language writes, and signs in their place, less words of no language."""
    words = [word for word in WORD.findall(text) if not word.isascii()]
    cased = [word for word in words if word in (word.lower(), word.upper(), word[0] + word[1:].lower())]
    odd = [{letter for letter in word.replace("İ", "i").lower() if not letter.isascii()} for word in cased]
    latin = [[letters <= set(language) for letters in odd] for language in LATIN]
    other = [[script.fullmatch(word) is not None for word in cased] for script in OTHERS]
    wrong = len(words) - sum(map(any, zip(*latin, *other, strict=True)))
    rest = MONEY.sub("", SIGNS.sub("", WORD.sub("", text)))
    wrong += sum(not sign.isascii() and sign not in HARMLESS for sign in rest)
    return max(map(sum, [*latin, *other])) + len(SIGNS.findall(text)) - wrong


def example(text: str) -> str:
    """A word of a text with a letter beyond ASCII."""
    word = re.search(r"\w*[^\W\d_a-zA-Z]\w*", text) or re.search(r"[^\x00-\x7f]", text)
    return f"such as {word[0][:20]!r}" if word else "none beyond ASCII"


def differing(text: str, other: str) -> str:
    """The first word of a text that another reading of it has otherwise."""
    place = next(place for place, (one, two) in enumerate(zip(text, other, strict=False)) if one != two)
    return (re.split(r"\W", text[:place])[-1] + text[place] + re.split(r"\W", text[place + 1 :])[0])[:20]
