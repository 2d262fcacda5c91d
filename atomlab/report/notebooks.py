"""Notebooks: where the shipped ones are, and the parameters that one declares.

papermill warns of an unknown parameter and goes on, and turns `0042` into 42; here an unknown
name is an error, and a string stays a string. Nor can its `inspect_notebook` read a `Literal`.
"""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from atomlab.diagnosis.findings import MIME, Conclusion, result_of
from atomlab.errors import InputError, ReportError
from atomlab.files import read_bytes, shipped
from atomlab.text import did_you_mean, listed, storable
from atomlab.verdicts import STATUSES, VERDICTS

VERIFICATION, TRIAGE = "root_cause_verification", "tenant_triage"
START = "start_here"  # where JupyterLab opens: a page to begin at, not a question to report on
_TYPES: Mapping[str, Any] = {"str": str, "int": int, "float": float, "bool": bool}
_IMPORT = "from typing import Literal"


@dataclass(frozen=True)
class Parameter:
    """A declared parameter: its line is `name: type = default  # help`.

    Written `name: Literal["a", "b"] = "a"  # help` it has `choices`, which are texts.
    """

    name: str
    type: str
    default: Any
    help: str
    choices: tuple[str, ...] = ()

    def parse(self, value: Any) -> Any:
        """Return the value in the declared type: text converted, or raise ValidationError."""
        kind: Any = Literal[self.choices] if self.choices else _TYPES[self.type]
        adapter: TypeAdapter[Any] = TypeAdapter(kind)
        if isinstance(value, str):
            return adapter.validate_strings(storable(value))
        return adapter.validate_python(value, strict=True)


def shipped_notebooks() -> dict[str, Path]:
    """Return the shipped notebooks that make a report, by name; raise ReportError if none."""
    folder = shipped("notebooks")
    found = {path.stem: path for path in sorted(folder.glob("*.ipynb")) if path.stem != START}
    if not found:
        raise ReportError("no notebooks were installed", where=folder, todo="reinstall atomlab")
    return found


def shipped_notebook(name: str) -> Path:
    """Return the path of a shipped notebook; raise InputError, with near misses, if none."""
    known = shipped_notebooks()
    if name not in known:
        raise InputError(
            f"no notebook {name!r}",
            todo=f"{did_you_mean(name, known)} there are {', '.join(known)}".strip(),
        )
    return known[name]


def find_notebook(name: str) -> Path:
    """Return the notebook that goes by `name`: a path if it ends in .ipynb, else a shipped one."""
    return Path(name) if name.endswith(".ipynb") else shipped_notebook(name)


def folder_of(notebook: Path) -> Path | None:
    """Return the folder that a notebook of the user's own runs in, None for a shipped one."""
    found = notebook.resolve()
    return None if found in (p.resolve() for p in shipped_notebooks().values()) else found.parent


def given_files(path: Path, values: Mapping[str, Any]) -> tuple[Path, ...]:
    """Return the files that a run reads: the notebook, and those that its parameters name."""
    defaults = {name: parameter.default for name, parameter in parameters_of(path).items()}
    named = [v for v in {**defaults, **values}.values() if isinstance(v, str) and v]
    each = {part for value in named for part in (value, *value.split(","))} - {""}
    places = [folder / value for value in each for folder in (Path(), path.parent)]
    return (path, *filter(os.path.lexists, places))


def parameters_of(path: Path) -> dict[str, Parameter]:
    """Return the parameters that a notebook declares in its cell tagged `parameters`, by name.

    Beside them the cell may import `Literal`. Raises InputError for any other notebook.
    """
    if not path.is_file():
        raise InputError("no such file", where=path, todo="check the path")
    try:
        document = json.loads(read_bytes(path))
        cells = [cell for cell in document["cells"] if cell["cell_type"]]
        tagged = [c for c in cells if "parameters" in c.get("metadata", {}).get("tags", ())]
        sources = ["".join(cell["source"]) for cell in tagged]
        if document["nbformat"] < 4:
            raise ValueError
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise InputError("is not a notebook", where=path, todo="check the path") from None
    return declared_parameters(sources, path)


def declared_parameters(sources: list[str], where: Path) -> dict[str, Parameter]:
    """Return the parameters that the one source declares; raise InputError if it does not."""
    if len(sources) != 1:
        raise InputError(
            f"has {len(sources)} cells tagged parameters", where=where, todo="tag exactly one"
        )
    lines = map(str.strip, sources[0].splitlines())
    found = [_declared(line, where) for line in lines if line and line != _IMPORT]
    names = [parameter.name for parameter in found]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise InputError(f"declares {twice} twice", where=where, todo="declare it once")
    return {parameter.name: parameter for parameter in found}


def check_parameters(
    given: Mapping[str, Any], declared: Mapping[str, Parameter], where: Path
) -> dict[str, Any]:
    """Return the given values in their declared types; raise InputError for what does not fit."""
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name not in declared:
            raise InputError(
                f"declares no parameter {name!r}",
                where=where,
                todo=f"{did_you_mean(name, declared)} it declares"
                f" {', '.join(declared) or 'none'}".strip(),
            )
        try:
            values[name] = declared[name].parse(value)
        except ValidationError:
            raise _misfit(declared[name], value, where) from None
    return values


def _misfit(parameter: Parameter, value: Any, where: Path) -> InputError:
    if parameter.choices:
        hint = did_you_mean(str(value), parameter.choices)
        known = listed(map(repr, parameter.choices), 20)
        what, todo = f"cannot be {value!r}", f"{hint} it is one of {known}".strip()
    else:
        what = f"is {parameter.type}, not {value!r}"
        todo = f"give a value like {parameter.default!r}"
    return InputError(f"parameter {parameter.name} {what}", where=where, todo=todo)


def _declared(line: str, where: Path) -> Parameter:
    try:
        (statement,) = ast.parse(line).body
        if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
            raise ValueError("no declaration")
        kind = ast.unparse(statement.annotation)
        choices = ()
        if isinstance(statement.annotation, ast.Subscript) and kind.startswith("Literal["):
            inside = ast.literal_eval(statement.annotation.slice)
            kind, choices = "str", inside if isinstance(inside, tuple) else (inside,)
        default = ast.literal_eval(statement.value or ast.Constant(None))
        rest = line.encode()[statement.end_col_offset :].decode()  # columns are counted in bytes
        described = rest.strip().lstrip("# ")
        if not all(type(value) is _TYPES[kind] for value in (default, *choices)) or not described:
            raise ValueError("a value of another type, or no help")
        parameter = Parameter(statement.target.id, kind, default, described, choices)
        parameter.parse(default)
    except (SyntaxError, ValueError, KeyError, RecursionError):
        raise InputError(
            f"has a parameter line of another form: {line!r}",
            where=where,
            todo="write name: type = default  # help",
        ) from None
    return parameter


def findings_in(notebook: Mapping[str, Any]) -> dict[str, Any]:
    """Return the findings that an executed notebook holds; raise ReportError unless it has one."""
    outputs = [output for cell in notebook["cells"] for output in cell.get("outputs", ())]
    stated = [o["data"][MIME] for o in outputs if MIME in o.get("data", {})]
    if len(stated) == 1 and _are_findings(stated[0]):
        return dict(stated[0])
    what = f"{len(stated)} findings, of which one counts" if len(stated) > 1 else "no findings"
    raise ReportError(
        f"the notebook ran, but states {what}",
        todo="let its last cell, and no other, evaluate atomlab.Findings(case)",
    )


def _are_findings(stated: Any) -> bool:
    try:
        Conclusion.model_validate(stated)
    except ValidationError:
        return False
    return result_of(stated) in (*VERDICTS, *STATUSES)
