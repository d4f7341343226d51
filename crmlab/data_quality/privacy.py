"""Privacy: ids that name nobody, what a release gives away, who may be contacted, and what is kept for too long.

The words of the law are those of Regulation (EU) 2016/679 (GDPR), which replaced Directive 95/46/EC. This is arithmetic
on tables, no legal advice.
"""

from __future__ import annotations

import hmac
import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from crmlab.data.contracts import QUOTED, Breach, ContractError, missing_column
from crmlab.data.reading import MISSING, Refusal, read_dates, read_flags, read_ids

SHORTEST_KEY = 16  # bytes: nobody tries out 2**128 keys
DIGITS = 32  # of a pseudonym, hexadecimal: half of the hash
LEGAL_BASES = ("consent", "contract", "legal obligation", "vital interests", "public task", "legitimate interests")


# --- pseudonyms ---


def new_key(path: str | Path) -> None:
    """Make a secret key by chance, 32 bytes, in a file that its owner alone may read.

    Parameters
    ----------
    path : str or Path
        Outside the folder of the notebook, and of all that is shared with the data.

    Raises
    ------
    FileExistsError
        There is such a file. With a key that is written over, its pseudonyms lose their meaning for good.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     new_key(f"{folder}/secret.key")
    ...     len(read_key(f"{folder}/secret.key"))
    32
    """
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise FileExistsError(f"there is a file {str(path)!r} already; read_key reads it, or name another.") from None
    with os.fdopen(file, "w") as key:
        key.write(secrets.token_hex(32) + "\n")


def read_key(path: str | Path) -> bytes:
    """The secret key that `new_key` made.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    bytes

    Raises
    ------
    FileNotFoundError, PermissionError, ValueError
        There is no such file; others than its owner may read it (where the system knows of owners); or it holds no key
        of at least 16 bytes in hexadecimal.

    Examples
    --------
    >>> read_key("nowhere.key")
    Traceback (most recent call last):
    FileNotFoundError: there is no key 'nowhere.key'; new_key makes one.
    """
    try:
        text, mode = Path(path).read_text("ascii", errors="replace"), Path(path).stat().st_mode
    except FileNotFoundError:
        raise FileNotFoundError(f"there is no key {str(path)!r}; new_key makes one.") from None
    if os.name == "posix" and mode & 0o077:
        raise PermissionError(f"others than its owner may read the key {str(path)!r}: chmod 600 takes that away.")
    try:
        key = bytes.fromhex(text)
    except ValueError:
        raise ValueError(f"{str(path)!r} holds no key: new_key writes one in hexadecimal digits.") from None
    return _checked_key(key)


def _checked_key(key: Any) -> bytes:
    if not isinstance(key, bytes):
        raise TypeError(f"key must be bytes, not {type(key).__name__}; new_key makes one, read_key reads it.")
    if len(key) < SHORTEST_KEY:
        raise ValueError(f"a key of {len(key)} bytes; it needs {SHORTEST_KEY} or more, made by chance: see new_key.")
    return key


def pseudonyms(ids: pd.Series, key: bytes) -> pd.Series:
    """Ids hashed with a secret key: the same id has the same pseudonym, which only the owner of the key can make.

    A hash without a key protects nothing: whoever can list all ids, hashes the list and looks the pseudonyms up. With a
    key for each recipient, two of them cannot join their tables.

    Parameters
    ----------
    ids : Series
        Text, or whole numbers, which count as their digits. A missing id stays missing.
    key : bytes
        At least 16.

    Returns
    -------
    Series of text
        32 hexadecimal digits. Among n ids the chance that any two share a pseudonym is below n**2 / 2**129: 1.5e-27 for
        a million.

    Raises
    ------
    TypeError, ValueError
        `key` is not bytes, or too short.
    ContractError
        An id is neither text nor a whole number.

    Notes
    -----
    Pseudonyms are personal data still (GDPR, article 4(5) and recital 26): the key undoes them. How long they are:
    DECISIONS.md, "Pseudonyms".

    References
    ----------
    Krawczyk, Bellare and Canetti (1997), HMAC: keyed-hashing for message authentication, RFC 2104.

    Examples
    --------
    >>> pseudonyms(pd.Series(["C001", "C002", "C001"]), key=bytes(range(32))).str[:8].tolist()
    ['80749eee', '0aa56a10', '80749eee']
    """
    key = _checked_key(key)
    text, refusals = read_ids(ids)
    _refuse("pseudonyms", str(ids.name or "ids"), ids, *refusals)
    hashed = {id: hmac.digest(key, id.encode(), "sha256").hex()[:DIGITS] for id in text.dropna().unique()}
    return text.map(hashed).astype("str")


# --- what a release gives away ---


def k_anonymity(
    release: pd.DataFrame, quasi_identifiers: Sequence[str], sensitive: str | None = None, *, wanted: int = 5
) -> pd.Series:
    """How well the rows of a release hide behind each other from who knows the quasi-identifiers, and no more.

    Parameters
    ----------
    release : DataFrame, one row a person
    quasi_identifiers : list of str
        Columns that an outsider may know of a person. A gap counts as a value. Rows that agree in all are a group.
    sensitive : str, optional
        The column that the outsider wants to learn.
    wanted : int
        The rows that a group should have.

    Returns
    -------
    Series
        `groups`; `k`, the rows of the smallest group; `alone` and `too_few`, the shares of the rows that are in a group
        of one, and of fewer than `wanted`. With a sensitive column also `l`, the fewest different values in a group,
        and `given_away`, the share of the rows in groups that agree in it: there a large k hides nothing.

    Raises
    ------
    ContractError, ValueError
        A column is missing, the release has no rows, or `wanted` is not a positive whole number.

    Notes
    -----
    l counts different values, the plainest of the measures: DECISIONS.md, "Diversity of a group".

    References
    ----------
    Sweeney (2002), k-anonymity: a model for protecting privacy, International Journal of Uncertainty, Fuzziness and
    Knowledge-Based Systems 10(5), 557-570; Machanavajjhala, Kifer, Gehrke and Venkitasubramaniam (2007), l-diversity:
    privacy beyond k-anonymity, ACM Transactions on Knowledge Discovery from Data 1(1), article 3.

    Examples
    --------
    >>> release = pd.DataFrame({"region": ["city", "city", "coast"], "left": [True, True, False]})
    >>> k_anonymity(release, ["region"], "left", wanted=2).round(2).to_dict()
    {'groups': 2.0, 'k': 1.0, 'alone': 0.33, 'too_few': 0.33, 'l': 1.0, 'given_away': 1.0}
    """
    _need("release", release, quasi_identifiers)
    group = release.groupby(list(quasi_identifiers), dropna=False, observed=True).ngroup()
    rows = group.map(group.value_counts())
    too_few = rows < _whole("wanted", wanted, 1)
    found = {"groups": group.nunique(), "k": rows.min(), "alone": (rows == 1).mean(), "too_few": too_few.mean()}
    if sensitive:
        _need("release", release, [sensitive])
        values = group.map(release[sensitive].groupby(group).nunique(dropna=False))
        found |= {"l": values.min(), "given_away": (values == 1).mean()}
    return pd.Series(found, dtype="float64")


def unique_links(release: pd.DataFrame, known: pd.DataFrame, on: Sequence[str]) -> pd.DataFrame:
    """The rows to which an outsider puts a name: alone with their values in the release, and in the outsider's list.

    Parameters
    ----------
    release : DataFrame, one row a person
    known : DataFrame, one row a person
        What the outsider has: names beside the same quasi-identifiers, written alike.
    on : list of str
        The quasi-identifiers. A row with a gap in one of them is linked to nothing.

    Returns
    -------
    DataFrame, one row a link
        The columns of both tables; those of one name that are not in `on` end in _release and _known. A link may be
        wrong: the person may not be in the other table, or a value in it may be.

    Raises
    ------
    ContractError, ValueError
        A column is missing, or a table has no rows.
    TypeError
        A column is of one type in the one table and of another in the other, so that nothing would agree.

    References
    ----------
    Sweeney (2002), k-anonymity: a model for protecting privacy, International Journal of Uncertainty, Fuzziness and
    Knowledge-Based Systems 10(5), 557-570: re-identification by linking.

    Examples
    --------
    >>> release = pd.DataFrame({"region": ["city", "city", "coast"], "paid_late": [0, 1, 1]})
    >>> known = pd.DataFrame({"name": ["Ann", "Bo"], "region": ["city", "coast"]})
    >>> unique_links(release, known, ["region"])
      region  paid_late name
    0  coast          1   Bo
    """
    _need("release", release, on)
    _need("known", known, on)
    for name in on:
        here, there = release[name].dtype, known[name].dtype
        if here != there and not (here.kind in "iuf" and there.kind in "iuf"):
            raise TypeError(f"{name} is {here} in release and {there} in known: bring both to one type.")

    def alone(table: pd.DataFrame) -> pd.DataFrame:
        return table[~table.duplicated(list(on), keep=False) & table[list(on)].notna().all(axis=1)]

    return alone(release).merge(alone(known), on=list(on), suffixes=("_release", "_known"), validate="one_to_one")


# --- consent ---


def may_contact(
    people: pd.Series,
    consent: pd.DataFrame,
    on: Any,
    *,
    channel: str | None = None,
    purpose: str = "marketing",
    at: str | None = None,
) -> pd.DataFrame:
    """Who may be contacted on a day by its consent, and why the others may not.

    Parameters
    ----------
    people : Series
        The ids asked about, each once, under the name of their column in the register. Who is in no row of it has not
        consented; rows about others are not looked at.
    consent : DataFrame, one row a person, channel and purpose
        The register, as `tern_mobile.consent`: the ids, `channel`, `purpose`, `given_on` and `withdrawn_on` (days; gaps
        where there was none), `preferred_time`. An objection by one who never consented has no `given_on`.
    on : day
    channel : str, optional
        One channel; without it each channel in the register.
    purpose : str
    at : str, optional
        A time of day in the words of `preferred_time`; without it any time will do.

    Returns
    -------
    DataFrame, one row a person and channel
        The id, `channel`, `may` and `why`: "consent", "no consent" (none by that day), "objected" (without ever having
        consented), "withdrawn", or "another time".

    Raises
    ------
    ContractError
        A column is missing, an id is missing or twice in `people`, the register has a gap in its key or a day that
        cannot be read, a person, channel and purpose are in two rows, or a consent was withdrawn before it was given.
    ValueError
        `people` has no name, `on` is no day, or the register has no row of that channel, purpose or time.

    Notes
    -----
    A consent counts from the day on which it was given up to the day before it was withdrawn: DECISIONS.md, "The day of
    a withdrawal". Whether something else than consent allows to write, such as a contract its bills, is not asked here.

    References
    ----------
    Regulation (EU) 2016/679, articles 6(1)(a), 7(3) and 21(3).

    Examples
    --------
    >>> consent = pd.DataFrame({"line_id": ["a", "b"], "channel": "sms", "purpose": "marketing"})
    >>> consent = consent.assign(given_on="2025-01-01", withdrawn_on=[None, "2025-03-01"], preferred_time="midday")
    >>> may_contact(pd.Series(["a", "b", "c"], name="line_id"), consent, "2025-03-01")[["line_id", "may", "why"]]
      line_id    may         why
    0       a   True     consent
    1       b  False   withdrawn
    2       c  False  no consent
    """
    if people.name is None:
        raise ValueError("people has no name: give it that of its column in the register, people.rename('line_id').")
    day, who = _day("on", on), str(people.name)
    register = _read_register(consent, who)
    for name, value in {"channel": channel, "purpose": purpose, "preferred_time": at}.items():
        if value is not None and value not in set(register[name]):
            there = ", ".join(sorted(register[name].dropna().unique()))
            raise ValueError(f"consent has no row of {name} {value!r}; there are: {there}")
    ids, refusals = read_ids(people)
    twice = Refusal((ids.notna() & ids.duplicated()).to_numpy(), "there twice", "Ask about each person once.")
    _refuse("people", who, people, *refusals, Refusal(ids.isna().to_numpy(), *MISSING), twice)

    channels = pd.DataFrame({"channel": [channel] if channel else sorted(register["channel"].unique())})
    asked = ids.to_frame(who).merge(channels, how="cross")
    rows = register[register["purpose"] == purpose]
    found = asked.merge(rows, on=[who, "channel"], how="left", validate="one_to_one")
    given, withdrawn = (found["given_on"] <= day).to_numpy(), (found["withdrawn_on"] <= day).to_numpy()
    other_time = np.full(len(found), at is not None) & (found["preferred_time"] != at).to_numpy()
    cases = [given & withdrawn, withdrawn, ~given, other_time]
    why = np.select(cases, ["withdrawn", "objected", "no consent", "another time"], "consent")
    return asked.assign(may=why == "consent", why=pd.Series(why, dtype="str"))


def _read_register(consent: pd.DataFrame, who: str) -> pd.DataFrame:
    """A register of consent with its days read, of which no two rows contradict each other."""
    days = ("given_on", "withdrawn_on")
    _need("consent", consent, [who, "channel", "purpose", *days, "preferred_time"])
    register = consent.reset_index(drop=True)
    for name in (who, "channel", "purpose", *days):
        register[name], refusals = read_dates(register[name]) if name in days else read_ids(register[name])
        gap = Refusal((register[name].isna() & (name not in days)).to_numpy(), *MISSING)
        _refuse("consent", name, consent[name], *refusals, gap)
    twice = Refusal(
        register.duplicated([who, "channel", "purpose"]).to_numpy(),
        f"{who}, channel and purpose as in an earlier row",
        "Keep one row for each.",
    )
    early = Refusal(
        (register["withdrawn_on"] < register["given_on"]).to_numpy(),
        "before given_on",
        "Correct one of them; a consent given anew has no withdrawn_on.",
    )
    _refuse("consent", who, consent[who], twice)
    _refuse("consent", "withdrawn_on", consent["withdrawn_on"], early)
    return register


# --- what is held, why, and for how long ---


def data_inventory(tables: Mapping[str, pd.DataFrame], stated: pd.DataFrame) -> pd.DataFrame:
    """What a firm says that it holds, and why, against what it holds.

    Parameters
    ----------
    tables : mapping of names to DataFrames
        What is held.
    stated : DataFrame, one row a field
        `field` ("table.column"), `personal` (true or false), and, with gaps, `purpose`, `legal_basis` (consent,
        contract, legal obligation, vital interests, public task, legitimate interests), `keep_months`, `counted_from`.

    Returns
    -------
    DataFrame, one row a field: first those stated, then those that are only held
        The columns of `stated`, and `finding`: "held, not stated", "stated, not held", "no purpose", and of personal
        data "no legal basis" and "no period"; "in order" where none applies. The first that applies is told.

    Raises
    ------
    ContractError
        A column is missing, a field is stated twice, `personal` is neither true nor false, or a legal basis is none of
        the six.

    References
    ----------
    Regulation (EU) 2016/679, articles 5(1)(b), (c) and (e) and 6(1).

    Examples
    --------
    >>> people = pd.DataFrame({"name": ["Ann"], "birthday": ["1990-01-01"]})
    >>> stated = pd.DataFrame({"field": ["people.name"], "personal": True, "purpose": "delivery"})
    >>> stated = stated.assign(legal_basis="contract", keep_months=24, counted_from="last order")
    >>> data_inventory({"people": people}, stated)[["field", "finding"]]
                 field           finding
    0      people.name          in order
    1  people.birthday  held, not stated
    """
    _need("stated", stated, ["field", "personal", "purpose", "legal_basis", "keep_months", "counted_from"])
    twice = Refusal(stated["field"].duplicated().to_numpy(), "stated twice", "Keep one row for each field.")
    personal, refusals = read_flags(stated["personal"])
    unsaid = Refusal(stated["personal"].isna().to_numpy(), *MISSING)
    other = (stated["legal_basis"].notna() & ~stated["legal_basis"].isin(LEGAL_BASES)).to_numpy()
    no_basis = Refusal(other, f"none of: {', '.join(LEGAL_BASES)}", "Article 6(1) of the GDPR has these alone.")
    _refuse("stated", "field", stated["field"], twice)
    _refuse("stated", "personal", stated["personal"], *refusals, unsaid)
    _refuse("stated", "legal_basis", stated["legal_basis"], no_basis)

    held = [f"{name}.{column}" for name in tables for column in tables[name].columns]
    fields = [*stated["field"], *(field for field in held if field not in set(stated["field"]))]
    inventory = stated.assign(personal=personal).set_index("field").reindex(fields).reset_index()
    about_people, gap = inventory["personal"].eq(True), inventory.isna()
    findings = {
        "held, not stated": ~inventory["field"].isin(stated["field"]),
        "stated, not held": ~inventory["field"].isin(held),
        "no purpose": gap["purpose"],
        "no legal basis": about_people & gap["legal_basis"],
        "no period": about_people & (gap["keep_months"] | gap["counted_from"]),
    }
    finding = np.select([applies.to_numpy() for applies in findings.values()], list(findings), "in order")
    return inventory.assign(finding=pd.Series(finding, dtype="str"))


def retention(table: pd.DataFrame, counted_from: str, keep_months: int, today: Any) -> pd.DataFrame:
    """Which rows are kept for longer than they should be.

    Parameters
    ----------
    table : DataFrame
    counted_from : str
        The column with the day from which the period is counted.
    keep_months : int
        Calendar months.
    today : day

    Returns
    -------
    DataFrame
        `table` with `keep_until`, the last day of the period, and `standing`: "within", "over" from the day after, or
        "no date", where the period has not begun, or its date is missing.

    Raises
    ------
    ContractError, ValueError
        The column is missing, or a day cannot be read; `keep_months` is not a whole number, 0 or more.

    Notes
    -----
    The period ends on the day of the same number, or on the last of a month that has none: DECISIONS.md, "The end of a
    period".

    References
    ----------
    Regulation (EU) 2016/679, articles 5(1)(e) and 17(1)(a).

    Examples
    --------
    >>> left = pd.DataFrame({"left_on": ["2024-01-31", "2024-02-01", None]})
    >>> retention(left, "left_on", 1, today="2024-03-01")["standing"].tolist()
    ['over', 'within', 'no date']
    """
    _need("table", table, [counted_from])
    begun, refusals = read_dates(table[counted_from].reset_index(drop=True))
    _refuse("table", counted_from, table[counted_from], *refusals)
    until = (begun + pd.DateOffset(months=_whole("keep_months", keep_months, 0))).to_numpy()
    standing = np.select([np.isnat(until), until < _day("today", today).to_numpy()], ["no date", "over"], "within")
    return table.assign(keep_until=until, standing=pd.array(standing, dtype="str"))


# --- what is told by callers, refused in their words ---


def _need(what: str, table: pd.DataFrame, columns: Sequence[str]) -> None:
    if isinstance(columns, str) or not columns:
        raise ValueError(f"{what}: name the columns in a list, not {columns!r}")
    if missing := [name for name in columns if name not in table.columns]:
        raise ContractError(what, [missing_column(name, table.columns, table.index.names) for name in missing])
    if table.empty:
        raise ValueError(f"{what} has no rows.")


def _refuse(what: str, column: str, given: pd.Series, *refusals: Refusal) -> None:
    rows = [np.flatnonzero(refusal.rows) for refusal in refusals]
    breaches = [
        Breach(column, refusal.problem, refusal.remedy, tuple((at + 1).tolist()), tuple(given.iloc[at[:QUOTED]]))
        for refusal, at in zip(refusals, rows, strict=True)
        if at.size
    ]
    if breaches:
        raise ContractError(what, breaches)


def _whole(name: str, value: Any, low: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < low:
        raise ValueError(f"{name} must be a whole number, {low} or more, not {value!r}")
    return int(value)


def _day(name: str, value: Any) -> pd.Timestamp:
    day = read_dates(pd.Series([value]))[0].iloc[0]
    if pd.isna(day):
        raise ValueError(f"{name} must be a day such as '2025-12-31', not {value!r}")
    return day
