"""Notebooks: where the shipped ones are, and what is in one."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from atomlab.errors import InputError, ReportError
from atomlab.files import read_bytes
from atomlab.report.parameters import Parameter, declared_parameters
from atomlab.text import did_you_mean

_PACKAGE = Path(__file__).parents[1]
# Beside the package in a clone, within it where it is installed.
_PLACES = (_PACKAGE.parent / "notebooks", _PACKAGE / "notebooks")


def shipped_notebooks() -> dict[str, Path]:
    """Return the shipped notebooks by name; raise ReportError if there are none."""
    found = {path.stem: path for place in _PLACES for path in sorted(place.glob("*.ipynb"))}
    if not found:
        raise ReportError("no notebooks were installed", where=_PACKAGE, todo="reinstall atomlab")
    return found


def shipped_notebook(name: str) -> Path:
    """Return the path of a shipped notebook; raise InputError, near misses named, if none."""
    shipped = shipped_notebooks()
    if name not in shipped:
        raise InputError(
            f"no notebook {name!r}",
            todo=f"{did_you_mean(name, shipped)} there are {', '.join(shipped)}".strip(),
        )
    return shipped[name]


def find_notebook(name: str) -> Path:
    """Return the notebook that goes by `name`: a path if it ends in .ipynb, else a shipped one."""
    return Path(name) if name.endswith(".ipynb") else shipped_notebook(name)


def folder_of(notebook: Path) -> Path | None:
    """Return the folder that a notebook of the user's own runs in, None for a shipped one."""
    found = notebook.resolve()
    return None if found in (p.resolve() for p in shipped_notebooks().values()) else found.parent


def parameters_of(path: Path) -> dict[str, Parameter]:
    """Return the parameters that the notebook in `path` declares; raise InputError if it cannot."""
    if not path.is_file():
        raise InputError("no such file", where=path, todo="check the path")
    try:
        document = json.loads(read_bytes(path))
        if document["nbformat"] >= 4 and all(cell["cell_type"] for cell in document["cells"]):
            return declared_parameters(document, path)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        pass
    raise InputError("is no notebook", where=path, todo="check the path")


def given_files(path: Path, values: Mapping[str, Any]) -> tuple[Path, ...]:
    """Return the files that a run is given: the notebook, and what its parameters name.

    These are the given `values`, and defaults. The notebook reads a relative path from its folder.
    """
    defaults = {name: parameter.default for name, parameter in parameters_of(path).items()}
    named = [v for v in {**defaults, **values}.values() if isinstance(v, str) and v]
    places = [folder / value for value in named for folder in (Path(), path.parent)]
    return (path, *filter(os.path.lexists, places))
