"""A notebook's parameters, checked against its own declarations before a kernel starts.

papermill warns of an unknown parameter and goes on, and turns `0042` into 42; here an unknown
name is an error, and a string stays a string.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from atomlab.errors import InputError
from atomlab.text import did_you_mean, listed, storable

_TYPES: dict[str, type] = {"str": str, "int": int, "float": float, "bool": bool}
_IMPORT = "from typing import Literal"


@dataclass(frozen=True)
class Parameter:
    """A declared parameter: its line is `name: type = default  # help`.

    Written `name: Literal["a", "b"] = "a"  # help` it has `choices`, all of one type.
    """

    name: str
    type: str
    default: Any
    help: str
    choices: tuple[Any, ...] = ()


def declared_parameters(notebook: Mapping[str, Any], where: Path) -> dict[str, Parameter]:
    """Return the parameters that the cell tagged `parameters` declares, by name.

    Beside its lines the cell may import `Literal`. Raises InputError if there is no such cell, or
    anything else is in it.
    """
    cells = [
        cell
        for cell in notebook["cells"]
        if "parameters" in cell.get("metadata", {}).get("tags", ())
    ]
    if len(cells) != 1:
        raise InputError(
            f"has {len(cells)} cells tagged parameters", where=where, todo="tag exactly one"
        )
    lines = "".join(cells[0]["source"]).splitlines()
    wanted = [line for line in map(str.strip, lines) if line and line != _IMPORT]
    found = [_declared(line, where) for line in wanted]
    names = [parameter.name for parameter in found]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise InputError(f"declares {twice} twice", where=where, todo="declare it once")
    return {parameter.name: parameter for parameter in found}


def check_parameters(
    given: Mapping[str, Any], declared: Mapping[str, Parameter], where: Path
) -> dict[str, Any]:
    """Return the given values in their declared types; text is converted, and only where it fits.

    Raises InputError for an undeclared name (near misses suggested), or a value that does not fit
    or is none of the choices.
    """
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name not in declared:
            hint = did_you_mean(name, declared)
            raise InputError(
                f"declares no parameter {name!r}",
                where=where,
                todo=f"{hint} it declares {', '.join(declared) or 'none'}".strip(),
            )
        values[name] = _chosen(_converted(value, declared[name], where), declared[name], where)
    return values


def _declared(line: str, where: Path) -> Parameter:
    try:
        (statement,) = ast.parse(line).body
        if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
            raise ValueError("no declaration")
        choices = _choices(statement.annotation)
        kind = type(choices[0]).__name__ if choices else ast.unparse(statement.annotation)
        default = ast.literal_eval(statement.value or ast.Constant(None))
        values = (default, *choices)
        if not all(type(value) is _TYPES[kind] for value in values):
            raise ValueError("a value of another type")
        if choices and default not in choices:
            raise ValueError("a default that is none of the choices")
        return Parameter(statement.target.id, kind, default, _comment(line), choices)
    except (SyntaxError, ValueError, KeyError, RecursionError, tokenize.TokenError):
        raise InputError(
            f"has a parameter line of another form: {line!r}",
            where=where,
            todo="write name: type = default  # help",
        ) from None


def _choices(annotation: ast.expr) -> tuple[Any, ...]:
    """Return the values of a `Literal[…]`, none for another annotation."""
    if not isinstance(annotation, ast.Subscript) or ast.unparse(annotation.value) != "Literal":
        return ()
    inside = ast.literal_eval(annotation.slice)
    return inside if isinstance(inside, tuple) else (inside,)


def _comment(line: str) -> str:
    """Return the line's comment without its mark; raise ValueError if it has none."""
    tokens = tokenize.generate_tokens(io.StringIO(line).readline)
    comments = [token.string.lstrip("# ") for token in tokens if token.type == tokenize.COMMENT]
    if not comments or not comments[0]:
        raise ValueError("no help")
    return comments[0]


def _converted(value: Any, parameter: Parameter, where: Path) -> Any:
    kind = _TYPES[parameter.type]
    if kind is str and isinstance(value, str) and storable(value) == value:
        return value
    if kind is not str and type(value) is kind:
        return value
    try:
        if kind is not str and isinstance(value, str):
            return {"true": True, "false": False}[value.lower()] if kind is bool else kind(value)
        if kind is float and type(value) is int:
            return float(value)
    except (ValueError, KeyError, OverflowError):
        pass
    raise InputError(
        f"parameter {parameter.name} is {parameter.type}, not {value!r}",
        where=where,
        todo=f"give a value like {parameter.default!r}",
    )


def _chosen(value: Any, parameter: Parameter, where: Path) -> Any:
    if parameter.choices and value not in parameter.choices:
        hint = did_you_mean(str(value), map(str, parameter.choices))
        known = listed(map(repr, parameter.choices), 20)
        raise InputError(
            f"parameter {parameter.name} cannot be {value!r}",
            where=where,
            todo=f"{hint} it is one of {known}".strip(),
        )
    return value
