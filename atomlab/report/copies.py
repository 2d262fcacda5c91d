"""The user's own copies of the notebooks, with what they are about written into them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from sqlalchemy import select

from atomlab.diagnosis.hypothesis import load_hypothesis
from atomlab.errors import InputError, ReportError, TenantError
from atomlab.evidence.schema import Tenant
from atomlab.evidence.snapshot import Snapshot, open_snapshot
from atomlab.files import whole_files
from atomlab.report.notebooks import VERIFICATION, parameters_of, shipped_notebook
from atomlab.report.plan import folder_names


@dataclass(frozen=True)
class Choice:
    """What the notebooks are to be about: their `parameters`, and a folder's `name` for that."""

    name: str
    parameters: Mapping[str, str]


@dataclass(frozen=True)
class Copy:
    """A file in the user's folder: `fresh`, or kept as the user left it.

    `other` has the parameters of a kept notebook that are not as chosen.
    """

    path: Path
    fresh: bool
    other: Mapping[str, Any] = field(default_factory=dict)


def choose(snapshot: str | None, tenant: str | None, hypothesis: str | None) -> Choice:
    """Return what was chosen, checked: by default the shipped example, which has a hypothesis.

    Without `tenant` it is the example's, or the first by id where the snapshot has no such one.
    """
    example = _defaults(shipped_notebook(VERIFICATION))
    if hypothesis:
        load_hypothesis(hypothesis)
    with open_snapshot(snapshot or example["snapshot"]) as evidence:
        name = evidence.name.lstrip(".") or "snapshot"
        if tenant:
            name += f"-{folder_names([evidence.tenant(tenant)])[0]}"
        values = {
            "snapshot": str(evidence.path.resolve()),
            "tenant": tenant or _some_tenant(evidence, example["tenant"]),
            "hypothesis": str(Path(hypothesis).absolute()) if hypothesis else "",
        }
    if snapshot:  # the example's good day has no such tenant; a user gives another
        values["good"] = values["snapshot"]
    if not (snapshot or tenant or hypothesis):
        values["hypothesis"] = example["hypothesis"]
    return Choice(name, values)


def copy_notebooks(folder: Path, values: Mapping[str, str]) -> list[Copy]:
    """Return the shipped notebooks' copies in `folder`: fresh ones about `values`, or kept ones.

    What is there already is never written to.
    """
    try:
        folder.mkdir(0o755, parents=True, exist_ok=True)
    except OSError as error:
        raise ReportError(
            f"cannot be written ({error.strerror})", where=folder, todo="name another --folder"
        ) from None
    shipped = shipped_notebook(VERIFICATION).parent
    sources = sorted([*shipped.glob("*.ipynb"), *shipped.glob("*.md")])
    copies = {source: _copy(folder / source.name, values) for source in sources}
    fresh = [source for source, copy in copies.items() if copy.fresh]
    with whole_files({copies[source].path: False for source in fresh}) as streams:
        for source, stream in zip(fresh, streams, strict=True):
            stream.write(_filled(source, values).encode())
    return [*copies.values()]


def _some_tenant(evidence: Snapshot, preferred: str) -> str:
    try:
        evidence.tenant(preferred)
    except TenantError:
        return evidence.session.scalar(select(Tenant.id).order_by(Tenant.id).limit(1)) or preferred
    return preferred


def _copy(target: Path, values: Mapping[str, str]) -> Copy:
    stated = _stated(target)
    other = {n: stated[n] for n in values if n in stated and stated[n] != values[n]}
    return Copy(target, not os.path.lexists(target), other)


def _filled(source: Path, values: Mapping[str, str]) -> str:
    """Return a shipped file with `values` in its parameters cell, where it declares them."""
    text = source.read_text(encoding="utf-8")
    if source.suffix != ".ipynb":
        return text
    notebook = nbformat.reads(text, as_version=4)
    declared, values = parameters_of(source), {**_defaults(source), **values}
    for cell in notebook.cells:
        if "parameters" in cell.metadata.get("tags", ()):
            lines = {line.partition(":")[0]: line for line in cell.source.splitlines()}
            for name, parameter in declared.items():
                if values[name] != parameter.default:  # texts, all of them
                    written = f"{name}: str = {values[name]!r}  # {parameter.help}"
                    lines[name] = written
            cell.source = "\n".join(lines.values())
    return str(nbformat.writes(notebook)) + "\n"


def _defaults(source: Path) -> dict[str, Any]:
    """Return a shipped notebook's parameters as they are, relative paths made absolute."""
    found = _stated(source)
    relative = [n for n, value in found.items() if isinstance(value, str) and value[:3] == "../"]
    whole = {
        name: ",".join(str((source.parent / each).resolve()) for each in found[name].split(","))
        for name in relative
    }
    return found | whole


def _stated(notebook: Path) -> dict[str, Any]:
    """Return what a notebook's parameters cell says, nothing if a user's edits hide it."""
    try:
        return {name: parameter.default for name, parameter in parameters_of(notebook).items()}
    except InputError:
        return {}
