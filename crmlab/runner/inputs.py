"""What a notebook takes in: names, types and defaults from its tagged cell, limits from its `allow(...)` call.

The same code reads a notebook file before a kernel starts and checks the values inside the kernel, so that whoever
injected a value (crmlab, papermill, a student's keyboard) meets the same message.
"""

from __future__ import annotations

import ast
import difflib
import io
import math
import os
import sys
import tokenize
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crmlab.runner.notebooks import NotebookError, read_cells, tags

if TYPE_CHECKING:
    from nbformat import NotebookNode

TYPES = {"int": int, "float": float, "str": str, "bool": bool}
TYPE_WORDS = {int: "a whole number", float: "a number", str: "text", bool: "True or False"}


class ParameterError(ValueError):
    """A value that a notebook does not allow, or a name that it does not know."""


# ---------------------------------------------------------------------------------------------------- what is allowed


@dataclass(frozen=True)
class Between:
    """Whole numbers, numbers or ISO dates from `low` to `high`, both included."""

    low: Any
    high: Any

    @property
    def types(self) -> set[type]:
        """The type of what is allowed: int between whole numbers, float between others, str for dates."""
        return {type(self.low) if type(self.low) is type(self.high) else float}

    def complaint(self, value: Any) -> str | None:
        """Why `value` is not allowed; None when it is."""
        if wrong := type_complaint(value, *self.types):
            return wrong
        if isinstance(value, str) and iso_date(value) is None:
            return "must be a date written yyyy-mm-dd"
        return None if self.low <= value <= self.high else f"must be {self}"

    def __str__(self) -> str:
        return f"between {self.low} and {self.high}"


@dataclass(frozen=True)
class OneOf:
    """One of the listed choices, or, with `file`, an existing file."""

    choices: tuple[Any, ...]
    file: bool

    @property
    def types(self) -> set[type]:
        """The types of what is allowed."""
        return {type(choice) for choice in self.choices} | ({str} if self.file else set())

    def complaint(self, value: Any) -> str | None:
        """Why `value` is not allowed; None when it is."""
        if len(self.types) == 1 and (wrong := type_complaint(value, *self.types)):
            return wrong
        if any(type(value) is type(choice) and value == choice for choice in self.choices):
            return None
        if not (self.file and isinstance(value, str)):
            return f"must be {self}"
        if Path(value).is_file():
            return None
        what = "is a folder" if Path(value).is_dir() else "there is no such file"
        return f"must be {self}; {what} (relative paths start at {Path.cwd()})"

    def __str__(self) -> str:
        choices = ", ".join(repr(choice) for choice in self.choices)
        return f"one of {choices}" + (", or the path of a file" if self.file else "")


@dataclass(frozen=True)
class AnyOf:
    """Whatever at least one of several rules allows."""

    rules: tuple[Any, ...]

    @property
    def types(self) -> set[type]:
        """The types of what is allowed."""
        return {kind for rule in self.rules for kind in rule.types}

    def complaint(self, value: Any) -> str | None:
        """Why `value` is not allowed; None when it is."""
        complaints = [rule.complaint(value) for rule in self.rules]
        return None if None in complaints else f"must be {self}"

    def __str__(self) -> str:
        return ", or ".join(str(rule) for rule in self.rules)


Rule = Between | OneOf | AnyOf


def between(low: Any, high: Any) -> Between:
    """Allow whole numbers (between two ints), numbers (two floats) or dates written yyyy-mm-dd, both ends included.

    Raises
    ------
    ParameterError
        Not two numbers or two dates, or the first above the second.

    Examples
    --------
    >>> between(1, 260).complaint(261)
    'must be between 1 and 260'
    >>> between("1997-01-01", "1998-06-30").complaint("30.9.1997")
    'must be a date written yyyy-mm-dd'
    """
    dates = iso_date(low) is not None and iso_date(high) is not None
    numbers = type_complaint(low, float) is None and type_complaint(high, float) is None
    if not (dates or numbers):
        raise ParameterError(f"between({low!r}, {high!r}): give two numbers or two dates written yyyy-mm-dd")
    if low > high:
        raise ParameterError(f"between({low!r}, {high!r}): the first must not be above the second")
    return Between(low, high)


def one_of(*choices: Any, file: bool = False) -> OneOf:
    """Allow the listed choices and, with `file=True`, the path of an existing file.

    Raises
    ------
    ParameterError
        No choice is given.

    Examples
    --------
    >>> one_of("product", "sum").complaint("mean")
    "must be one of 'product', 'sum'"
    """
    if not choices:
        raise ParameterError("one_of(): give at least one choice")
    return OneOf(choices, file)


def any_of(*rules: Rule) -> AnyOf:
    """Allow what at least one of several rules allows, also of another type than the default's.

    Raises
    ------
    ParameterError
        What is given are not rules.

    Examples
    --------
    >>> any_of(one_of("all"), between(1, 12)).complaint(13)
    "must be one of 'all', or between 1 and 12"
    """
    if not rules or not all(isinstance(rule, Rule) for rule in rules):
        raise ParameterError("any_of(...): give rules, such as any_of(one_of('all'), between(1, 12))")
    return AnyOf(rules)


RULES = {"between": between, "one_of": one_of, "any_of": any_of}


def iso_date(value: Any) -> date | None:
    """The date that a text yyyy-mm-dd names; None for anything else."""
    try:
        return date.fromisoformat(value) if isinstance(value, str) and len(value) == 10 else None
    except ValueError:
        return None


def type_complaint(value: Any, wanted: type) -> str | None:
    """Why `value` is not of the wanted type; None when it is. A bool is no number, infinity and NaN are none either."""
    if wanted is float:
        fits = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    else:
        fits = type(value) is wanted
    return None if fits else f"must be {TYPE_WORDS[wanted]}"


# ------------------------------------------------------------------------------------------------------ one parameter


@dataclass(frozen=True)
class Parameter:
    """One parameter of a notebook.

    Attributes
    ----------
    name : str
    type : type
        int, float, str or bool.
    default : int, float, str or bool
    help : str
        The comment behind it in the tagged cell.
    allowed : Between, OneOf or AnyOf
    """

    name: str
    type: type
    default: Any
    help: str
    allowed: Rule

    def check(self, value: Any) -> None:
        """Refuse a value of the wrong type or outside what is allowed.

        Raises
        ------
        ParameterError
            In one line: name, value, and what is allowed.
        """
        if complaint := self.allowed.complaint(value):
            raise ParameterError(f"{self.name}={value!r}: {complaint}")

    def is_file(self, value: Any) -> bool:
        """Whether an allowed value names a file, and not a choice."""
        rules = self.allowed.rules if isinstance(self.allowed, AnyOf) else (self.allowed,)
        choices = [rule for rule in rules if isinstance(rule, OneOf)]
        named = any(value in rule.choices for rule in choices)
        return isinstance(value, str) and any(rule.file for rule in choices) and not named and Path(value).is_file()

    def parse(self, text: str) -> Any:
        """The value that a text on the command line means; `check` says whether it will do."""
        if self.allowed.types == {str}:
            return text
        try:
            return ast.literal_eval(text)
        except (ValueError, SyntaxError):
            return text


# ------------------------------------------------------------------------------------- reading them without a kernel


def parameters(notebook: str | Path | NotebookNode) -> dict[str, Parameter]:
    """What a notebook declares, read from its source without starting a kernel.

    Parameters
    ----------
    notebook : path, or a notebook that nbformat has read

    Returns
    -------
    dict of str to Parameter
        In the order of the tagged cell.

    Raises
    ------
    NotebookError
        No such notebook, not a notebook, no cell tagged `parameters`, a line in it that is not one annotated
        literal, or no `allow(...)` call in the next code cell.
    """
    name = "notebook" if not isinstance(notebook, str | Path) else str(notebook)
    cells = read_cells(notebook) if isinstance(notebook, str | Path) else notebook.cells
    code = [cell for cell in cells if cell.cell_type == "code" and "injected-parameters" not in tags(cell)]
    tagged = [place for place, cell in enumerate(code) if "parameters" in tags(cell)]
    if len(tagged) != 1:
        found = "no cell is" if not tagged else f"{len(tagged)} cells are"
        raise NotebookError(f"{name}: {found} tagged 'parameters'; tag the one cell that holds them")
    try:
        declared = declared_lines(code[tagged[0]].source)
        following = code[tagged[0] + 1].source if tagged[0] + 1 < len(code) else ""
        rules = allowed_rules(following)
        if unknown := [name for name in rules if name not in declared]:
            raise ParameterError(f"allow(...) names {unknown[0]!r}, which the parameters cell does not declare")
        return {name: with_rule(line, rules) for name, line in declared.items()}
    except ParameterError as error:
        raise NotebookError(f"{name}: {error}") from error


@dataclass(frozen=True)
class Line:
    """One line of a parameters cell."""

    name: str
    type: type
    default: Any
    help: str


def statements(source: str, where: str) -> list[ast.stmt]:
    """The statements of a cell; what is not plain Python is refused by its line."""
    try:
        return ast.parse(source).body
    except SyntaxError as error:
        line = source.splitlines()[error.lineno - 1] if error.lineno and source else ""
        raise ParameterError(f"{where}, line {error.lineno}: {error.msg}: {line.strip()!r}") from None


def declared_lines(source: str) -> dict[str, Line]:
    """What the source of a tagged cell declares, one annotated literal a line, by name."""
    lines = statements(source, "parameters cell")
    comments = {
        token.start[0]: token.string.lstrip("#").strip()
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    found = {}
    for line in lines:
        text = ast.unparse(line)
        if not (isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name) and line.value is not None):
            raise ParameterError(f"parameters cell: {text!r} is not of the form  name: type = value  # help")
        kind = TYPES.get(ast.unparse(line.annotation))
        if kind is None:
            raise ParameterError(f"parameters cell: the type in {text!r} is none of {', '.join(TYPES)}")
        try:
            default = ast.literal_eval(line.value)
        except ValueError:
            raise ParameterError(f"parameters cell: the value in {text!r} is not a literal") from None
        found[line.target.id] = Line(line.target.id, kind, default, comments.get(line.lineno, ""))
    return found


def allowed_rules(source: str) -> dict[str, Rule]:
    """What the `allow(...)` call in a cell's source allows, by parameter."""
    calls = [
        statement.value
        for statement in statements(source, "the cell after the parameters")
        if isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Call)
        and ast.unparse(statement.value.func) == "allow"
    ]
    if len(calls) != 1:
        raise ParameterError("the code cell after the parameters must call allow(...) once, to say what is allowed")
    if calls[0].args:
        raise ParameterError("allow(...) takes names only, such as allow(weeks=between(1, 52))")
    return {keyword.arg or "**": rule_in(keyword.value) for keyword in calls[0].keywords}


def rule_in(node: ast.expr) -> Rule:
    """The rule that a call such as `between(1, 260)` makes, its arguments literals or rules."""
    name = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
    if not isinstance(node, ast.Call) or name not in RULES:
        raise ParameterError(f"allow(...): {ast.unparse(node)} is none of {', '.join(RULES)}")
    try:
        read = rule_in if name == "any_of" else ast.literal_eval
        arguments = [read(argument) for argument in node.args]
        options = {keyword.arg or "**": ast.literal_eval(keyword.value) for keyword in node.keywords}
        return RULES[name](*arguments, **options)  # type: ignore[operator]
    except ParameterError:
        raise
    except (ValueError, TypeError):
        raise ParameterError(f"allow(...): {ast.unparse(node)}: give {name} its arguments as literals") from None


def with_rule(line: Line, rules: Mapping[str, Rule]) -> Parameter:
    """A declared parameter with what is allowed for it, of the same type."""
    rule = rules.get(line.name)
    if rule is None:
        raise ParameterError(f"allow(...) does not say what is allowed for {line.name!r}")
    if line.type not in rule.types or (len(rule.types) > 1 and not isinstance(rule, AnyOf)):
        allows = " or ".join(sorted(kind.__name__ for kind in rule.types))
        raise ParameterError(f"{line.name!r} is declared {line.type.__name__}, but allow(...) allows {allows} for it")
    return Parameter(line.name, line.type, line.default, line.help, rule)


def checked(declared: Mapping[str, Parameter], values: Mapping[str, Any]) -> dict[str, Any]:
    """All parameters of a run, defaults filled in, each value checked.

    Raises
    ------
    ParameterError
        An unknown name (with the nearest known one), a wrong type, a value that is not allowed.
    """
    for name in values:
        if name not in declared:
            near = difflib.get_close_matches(name, declared, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else "."
            raise ParameterError(f"no parameter {name!r}{hint} Known: {', '.join(declared) or 'none'}")
    filled = {name: plain(values.get(name, parameter.default)) for name, parameter in declared.items()}
    for name, value in filled.items():
        declared[name].check(value)
    return filled


def plain(value: Any) -> Any:
    """A value as a notebook takes it: NumPy's scalars as Python's, paths as text, whole days as yyyy-mm-dd."""
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == datetime.min.time() else value
    if isinstance(value, date):
        return value.isoformat()
    return value.item() if hasattr(value, "item") and getattr(value, "ndim", 0) == 0 else value


# ---------------------------------------------------------------------------------------------------- inside a kernel


def allow(**rules: Rule) -> None:
    """Check the notebook's parameters, whoever set them, and start relative paths at the caller's folder.

    Stands alone in the code cell after the one tagged `parameters`, and names each of them. The caller's folder is
    where papermill, pytest or `jupyter lab` was started: with it, `dataset="my.csv"` means the same file in each of
    them (Jupyter and nbval start kernels in the notebook's own folder).

    Raises
    ------
    ParameterError
        A value of the wrong type or outside what is allowed, with the same words as `crmlab run`.

    Examples
    --------
    >>> weeks = 261
    >>> allow(weeks=between(1, 260))
    Traceback (most recent call last):
    ...
    crmlab.runner.inputs.ParameterError: weeks=261: must be between 1 and 260
    """
    values = sys._getframe(1).f_globals
    os.chdir(callers_folder())
    for name, allowed in rules.items():
        if name not in values:
            raise ParameterError(f"{name}: has no value yet; run the cell tagged 'parameters' first")
        if complaint := allowed.complaint(values[name]):
            raise ParameterError(f"{name}={values[name]!r}: {complaint}")


def callers_folder() -> str:
    """The folder of the program that started this kernel; this process's own outside a kernel."""
    if "ipykernel" not in sys.modules:
        return os.getcwd()
    import psutil

    try:
        parent = psutil.Process().parent()
        return parent.cwd() if parent is not None else os.getcwd()
    except (psutil.Error, OSError):
        return os.getcwd()
