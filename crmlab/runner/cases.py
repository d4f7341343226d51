"""The cases of a study: from the command line, or from a file, each checked before anything runs.

A file is YAML:

.. code-block:: yaml

    notebook: 08
    cases:                    # as they stand
      - {dataset: cdnow}
      - {dataset: mine.parquet, gross_margin: 0.25}
    zip:                      # side by side
      calibration_end: [1997-06-30, 1997-09-30]
      horizon_weeks: [52, 39]
    grid:                     # each with each
      discount_rate: [0.05, 0.10, 0.15]
    draw:                     # at random between two ends, whole numbers where the parameter is one
      number: 20
      seed: 1
      between: {acquisition_cost: [10, 60]}
    repeat:                   # every case under the same seeds, so that differences are paired
      seed: 5

Each part multiplies the ones before it.
"""

from __future__ import annotations

import csv
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crmlab.runner.inputs import Parameter, ParameterError, checked, plain

PARTS = ("notebook", "cases", "zip", "grid", "draw", "repeat", "study")
MANY = 10_000  # cases that a study has only if it says so

Case = dict[str, Any]


class StudyError(ValueError):
    """A study that cannot be run as it is written."""


@dataclass(frozen=True)
class Study:
    """What a file of cases says.

    Attributes
    ----------
    notebook : str or None
        Number, name or path of the chapter.
    parts : tuple of lists of dicts
        Each a list of parameters set together; a case takes one of each.
    declared : dict
        What was declared of the study before it is run.
    repeated : str or None
        The parameter, a seed, under whose values 1, 2, ... every case is repeated.
    """

    notebook: str | None = None
    parts: tuple[list[Case], ...] = ()
    declared: Mapping[str, Any] = field(default_factory=dict)
    repeated: str | None = None

    @property
    def number(self) -> int:
        """How many cases there are, without making them."""
        return math.prod(len(part) for part in self.parts)

    def cases(self, declared: Mapping[str, Parameter]) -> list[Case]:
        """Every case, its values checked against what the notebook allows.

        Parameters
        ----------
        declared : dict of str to Parameter
            As `crmlab.runner.parameters` reads them.

        Returns
        -------
        list of dict
            The parameters that are set, in the order of the file: the last part changes fastest.

        Raises
        ------
        ParameterError
            A name or a value that the notebook does not allow; the message says in which case.
        StudyError
            Two cases are the same, or there is none.
        """
        made = [
            {name: plain(value) for part in one for name, value in part.items()}
            for one in itertools.product(*self.parts)
        ]
        if not made:
            raise StudyError("there are no cases: a list of values is empty")
        first: dict[tuple[Any, ...], int] = {}
        for number, case in enumerate(made, start=1):
            try:
                filled = checked(declared, case)
            except ParameterError as error:
                raise ParameterError(f"case {number} of {len(made)} ({in_words(case)}): {error}") from None
            same = first.setdefault(tuple((type(value), value) for value in filled.values()), number)
            if same != number:
                raise StudyError(f"cases {same} and {number} are the same: {in_words(case)}")
        return made


def in_words(case: Mapping[str, Any]) -> str:
    """A case in a message."""
    return ", ".join(f"{name}={value!r}" for name, value in case.items()) or "all as the notebook has them"


def from_settings(settings: Sequence[str], declared: Mapping[str, Parameter]) -> Study:
    """The grid that texts `name=value,value` mean; in double quotes a value may hold a comma.

    Raises
    ------
    ParameterError
        A text of another form, or a name given twice.
    """
    parts: list[list[Case]] = []
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals or not name:
            raise ParameterError(f"{setting!r} is not of the form name=value,value,...")
        if any(name in part[0] for part in parts):
            raise ParameterError(f"{name!r} is given more than once")
        values = next(csv.reader([text], skipinitialspace=True), [""])
        parts.append([{name: declared[name].parse(value) if name in declared else value} for value in values])
    return Study(parts=tuple(parts))


def read_study(path: Path) -> Study:
    """The study in a file.

    Raises
    ------
    StudyError
        There is no such file, it is not YAML (line and column), or a part is not of the form above.
    """
    import yaml

    try:
        said = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StudyError(f"{path}: there is no such file") from None
    except UnicodeDecodeError:
        raise StudyError(f"{path}: not a text file in UTF-8") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise StudyError(f"{path}{where}: {getattr(error, 'problem', None) or 'not YAML'}") from None
    try:
        return study_of(said)
    except StudyError as error:
        raise StudyError(f"{path}: {error}") from None


def study_of(said: Any) -> Study:
    """The study that a mapping of parts describes."""
    if not isinstance(said, Mapping):
        raise StudyError(f"a study is a mapping with some of {', '.join(PARTS)}")
    if unknown := [part for part in said if part not in PARTS]:
        raise StudyError(f"there is no part {unknown[0]!r}; there are: {', '.join(PARTS)}")
    parts = [cases for part, make in MAKERS.items() if part in said for cases in make(said[part])]
    names = [sorted({name for case in part for name in case}) for part in parts]
    for one, other in itertools.combinations(names, 2):
        if twice := set(one) & set(other):
            raise StudyError(f"{min(twice)!r} is set in two parts; set it in one")
    notebook = said.get("notebook")
    repeated = next((str(name) for name in said.get("repeat", ())), None)
    return Study(None if notebook is None else chapter(notebook), tuple(parts), declared(said.get("study")), repeated)


def declared(said: Any) -> dict[str, Any]:
    """What is said of the study itself."""
    known: dict[str, Any] = {
        "question": str,
        "primary": str,
        "rule": str,
        "truth": (int, float, str),
        "until_error": (int, float),
    }
    if said is None:
        return {}
    if not isinstance(said, Mapping):
        raise StudyError(f"study: give some of {', '.join(known)}")
    for part, value in said.items():
        if part not in known:
            raise StudyError(f"study: there is no {part!r}; there are: {', '.join(known)}")
        if isinstance(value, bool) or not isinstance(value, known[part]):
            raise StudyError(f"study: {part}: {value!r} is {'no text' if known[part] is str else 'no number'}")
    return dict(said)


def chapter(notebook: Any) -> str:
    """Number, name or path as text; YAML reads 08 as a text and 7 as a number."""
    if isinstance(notebook, bool) or not isinstance(notebook, str | int):
        raise StudyError(f"notebook: {notebook!r} is no chapter's number, name or path")
    return str(notebook)


def listed(said: Any) -> list[Case]:
    """Cases as they stand."""
    if not isinstance(said, list) or not all(isinstance(case, Mapping) for case in said):
        raise StudyError("cases: give a list of cases, such as [{discount_rate: 0.1}]")
    return [dict(case) for case in said]


def columns(part: str, said: Any) -> dict[str, list[Any]]:
    """Parameters with a list of values each."""
    if not isinstance(said, Mapping) or not all(isinstance(values, list) for values in said.values()):
        raise StudyError(f"{part}: give each parameter a list of values, such as {{discount_rate: [0.05, 0.1]}}")
    return {str(name): values for name, values in said.items()}


def gridded(said: Any) -> list[list[Case]]:
    """Each value with each: a part for each parameter, so that they are counted before they are made."""
    return [[{name: value} for value in values] for name, values in columns("grid", said).items()]


def together(given: Mapping[str, list[Any]]) -> list[Case]:
    """The first values together, then the second, and so on."""
    lengths = {name: len(values) for name, values in given.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise StudyError(f"zip: the lists are of different lengths: {told}")
    return [dict(zip(given, values, strict=True)) for values in zip(*given.values(), strict=True)]


def drawn(said: Any) -> list[Case]:
    """So many cases at random between two ends; whole numbers between whole numbers."""
    import numpy as np

    if not isinstance(said, Mapping) or set(said) != {"number", "seed", "between"}:
        raise StudyError("draw: give number, seed, and between: {parameter: [low, high]}")
    number, seed, between = said["number"], said["seed"], columns("draw: between", said["between"])
    for name, value in (("number", number), ("seed", seed)):
        if type(value) is not int or value < (name == "number"):
            raise StudyError(f"draw: {name} must be a whole number from {int(name == 'number')}, not {value!r}")
    for name, ends in between.items():
        numbers = len(ends) == 2 and all(type(end) in (int, float) and math.isfinite(end) for end in ends)
        if not numbers or not ends[0] < ends[1]:
            raise StudyError(f"draw: between: {name}: give two numbers, the lower first, not {ends!r}")
    values: dict[str, list[Any]] = {}
    for place, (name, (low, high)) in enumerate(between.items()):
        random = np.random.default_rng([seed, place])  # another parameter beside it changes none of these
        if type(low) is type(high) is int:
            values[name] = [int(one) for one in random.integers(low, high, (number,), endpoint=True)]
        else:
            values[name] = [float(f"{one:.6g}") for one in random.uniform(low, high, (number,))]
    return together(values)


def repeated(said: Any) -> list[Case]:
    """The same seeds 1, 2, ... for every case."""
    if not isinstance(said, Mapping) or len(said) != 1 or type(next(iter(said.values()))) is not int:
        raise StudyError("repeat: give one parameter, the seed, and how often, such as {seed: 20}")
    ((name, often),) = said.items()
    if often < 1:
        raise StudyError(f"repeat: {name}: must be a whole number from 1, not {often}")
    return [{str(name): seed} for seed in range(1, often + 1)]


MAKERS: dict[str, Callable[[Any], list[list[Case]]]] = {
    "cases": lambda said: [listed(said)],
    "zip": lambda said: [together(columns("zip", said))],
    "grid": gridded,
    "draw": lambda said: [drawn(said)],
    "repeat": lambda said: [repeated(said)],
}
