"""A notebook's parameters, checked against its own declarations before a kernel starts.

papermill warns of an unknown parameter and goes on, and turns `0042` into 42; here an unknown
name is an error, and a string stays a string.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from atomlab.errors import InputError
from atomlab.text import did_you_mean

_LINE = re.compile(r"(?P<name>\w+)\s*:\s*(?P<type>\w+)\s*=\s*(?P<default>.+?)\s*#\s*(?P<help>.+)")
_TYPES: dict[str, type] = {"str": str, "int": int, "float": float, "bool": bool}


@dataclass(frozen=True)
class Parameter:
    """A declared parameter: its line is `name: type = default  # help`."""

    name: str
    type: str
    default: Any
    help: str


def declared_parameters(notebook: Mapping[str, Any], where: Path) -> dict[str, Parameter]:
    """Return the parameters that the cell tagged `parameters` declares, by name.

    Raises InputError if there is no such cell, or a line of it is of another form.
    """
    tagged = [
        cell
        for cell in notebook.get("cells", ())
        if "parameters" in cell["metadata"].get("tags", ())
    ]
    if len(tagged) != 1:
        raise InputError(
            f"has {len(tagged)} cells tagged parameters", where=where, todo="tag exactly one"
        )
    found: dict[str, Parameter] = {}
    for line in filter(None, map(str.strip, "".join(tagged[0]["source"]).splitlines())):
        match = _LINE.fullmatch(line)
        if match is None or match["type"] not in _TYPES:
            raise InputError(
                f"parameter line {line!r} has another form",
                where=where,
                todo="write name: type = default  # help",
            )
        default = ast.literal_eval(match["default"])
        found[match["name"]] = Parameter(match["name"], match["type"], default, match["help"])
    return found


def check_parameters(
    given: Mapping[str, Any], declared: Mapping[str, Parameter], where: Path
) -> dict[str, Any]:
    """Return the given values in their declared types; text is converted, and only where it fits.

    Raises InputError for an undeclared name (near misses suggested) or a value that does not fit.
    """
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name not in declared:
            hint = did_you_mean(name, declared)
            raise InputError(
                f"declares no parameter {name!r}",
                where=where,
                todo=f"{hint} it declares {', '.join(declared)}".strip(),
            )
        values[name] = _converted(value, declared[name], where)
    return values


def _converted(value: Any, parameter: Parameter, where: Path) -> Any:
    kind = _TYPES[parameter.type]
    if type(value) is kind:
        return value
    try:
        if isinstance(value, str):
            if kind is bool:
                return {"true": True, "false": False}[value.lower()]
            return kind(value)
        if kind is float and type(value) is int:
            return float(value)
    except (ValueError, KeyError):
        pass
    raise InputError(
        f"parameter {parameter.name} is {parameter.type}, not {value!r}",
        where=where,
        todo=f"give a value like {parameter.default!r}",
    )
