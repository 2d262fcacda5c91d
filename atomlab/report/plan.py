"""What a report command is to make, checked before a kernel starts."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atomlab.errors import InputError
from atomlab.report.files import INDEX, RECORD, TABLE, ReportFolder
from atomlab.report.notebooks import Parameter, check_parameters, given_files, parameters_of
from atomlab.show.words import ai_mode_of, managed_of
from atomlab.text import printable

if TYPE_CHECKING:
    from atomlab.diagnosis.population import TenantRow
    from atomlab.evidence.schema import Tenant
    from atomlab.evidence.snapshot import Snapshot


@dataclass(frozen=True)
class Wanted:
    """What is asked for: a notebook on a snapshot, for which tenants, and where to.

    `tenants` is empty for all that are affected, or for a notebook about no single tenant;
    `parameters` are further ones of the notebook; `pdf` asks for a PDF beside the HTML,
    `overwrite` allows files to be replaced that no report wrote.
    """

    snapshot: str
    notebook: Path
    out: Path
    tenants: tuple[str, ...] = ()
    all_affected: bool = False
    hypothesis: str | None = None
    managed: bool | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    pdf: bool = False
    overwrite: bool = False

    @property
    def folder(self) -> ReportFolder:
        """The folder to write, which may hold files that are read and so are kept."""
        named = {**self.parameters, "snapshot": self.snapshot, "hypothesis": self.hypothesis}
        return ReportFolder(self.out, self.overwrite, given_files(self.notebook, named))

    @property
    def single(self) -> bool:
        """Whether it is one report, whatever the snapshot holds."""
        return not self.all_affected and len(self.tenants) <= 1


@dataclass(frozen=True)
class Task:
    """One report to make, and what it is about: in short (`subject`) and by name."""

    notebook: Path
    parameters: Mapping[str, Any]
    folder: Path
    subject: str = ""
    name: str = ""
    pdf: bool = False
    overwrite: bool = False


def checked(wanted: Wanted) -> Wanted:
    """Return the same with all parameters in their types; raise InputError for wrong options."""
    notebook, given, declared = wanted.notebook, wanted.parameters, parameters_of(wanted.notebook)
    about_a_tenant = bool(wanted.tenants) or wanted.all_affected
    if wanted.tenants and wanted.all_affected:
        raise InputError("--tenant and --all-affected exclude each other", todo="give one of them")
    options = {
        "snapshot": True,
        "tenant": about_a_tenant,
        "hypothesis": bool(wanted.hypothesis),
        "ai_mode": wanted.managed is not None,
    }
    for name, used in options.items():
        if used and name not in declared:
            raise InputError(f"declares no parameter {name}", where=notebook, todo="leave it out")
        if name in given:
            raise InputError(f"parameter {name} cannot be given here", todo="use its own option")
    if "tenant" in declared and not about_a_tenant:
        raise InputError(
            "the notebook is about a tenant", where=notebook, todo="add --tenant or --all-affected"
        )
    values = check_parameters(given, declared, notebook)
    values = {name: _whole_path(value, declared[name]) for name, value in values.items()}
    if "hypothesis" in declared and not wanted.hypothesis:
        values["hypothesis"] = ""  # not the notebook's own
    if wanted.managed is not None:
        values["ai_mode"] = ai_mode_of(wanted.managed)
    return replace(wanted, parameters=values)


def plan(wanted: Wanted) -> list[Task]:
    """Return the reports to make, none if no tenant is affected.

    A single one goes into the folder that was asked for; several, or all that are affected, go
    into a folder each below it.
    """
    from atomlab.evidence.snapshot import open_snapshot

    values = {**wanted.parameters, "snapshot": str(Path(wanted.snapshot).absolute())}
    claims = None
    if wanted.hypothesis:
        from atomlab.diagnosis.hypothesis import load_hypothesis

        claims = load_hypothesis(wanted.hypothesis)
        values["hypothesis"] = str(Path(wanted.hypothesis).absolute())
    task = Task(wanted.notebook, values, wanted.out, pdf=wanted.pdf, overwrite=wanted.overwrite)
    with open_snapshot(wanted.snapshot) as evidence:
        if not wanted.tenants and not wanted.all_affected:
            return [replace(task, subject=evidence.name, name=evidence.name)]
        tenants = _tenants(wanted, evidence)
        if claims:
            for name in wanted.tenants or [tenant.id for tenant in tenants]:
                claims.tested_on(evidence, name)
    single = len(tenants) == 1 and not wanted.all_affected
    names = ["."] if single else folder_names(tenants)
    return [
        replace(
            task,
            parameters={**values, "tenant": tenant.id},
            folder=wanted.out / name,
            subject=printable(tenant.subdomain or tenant.name),
            name=tenant.called,
        )
        for tenant, name in zip(tenants, names, strict=True)
    ]


def _whole_path(value: Any, parameter: Parameter) -> Any:
    """Return an absolute path for the relative one of a file: the notebook runs elsewhere.

    Only a text with a slash or an ending can name one; `simple` is a word, whatever lies around.
    Several files have commas between them.
    """
    if not isinstance(value, str) or parameter.choices:
        return value
    if "," in value and not os.path.isfile(value):  # noqa: PTH113
        return ",".join(_whole_path(each, parameter) for each in value.split(","))
    if Path(value).is_absolute():
        return value
    named = "/" in value or Path(value).suffix
    return str(Path(value).absolute()) if named and os.path.isfile(value) else value  # noqa: PTH113


def folder_names(tenants: Sequence[Tenant | TenantRow]) -> list[str]:
    """Return a folder name for each tenant: plain, and all different, whatever ids hold.

    It is the subdomain (else the id), with a hash of the id where that had to be changed or is
    also another tenant's.
    """
    wanted = [tenant.subdomain or tenant.id for tenant in tenants]
    plain = [re.sub(r"[^A-Za-z0-9._-]+", "-", name)[:60].lstrip(".-") for name in wanted]
    # Some file systems ignore case.
    uses = Counter(name.lower() for name in [INDEX, TABLE, RECORD, *plain])
    return [
        name
        if name == original and uses[name.lower()] == 1
        else f"{name or 'tenant'}-{sha256(tenant.id.encode()).hexdigest()[:12]}"
        for tenant, original, name in zip(tenants, wanted, plain, strict=True)
    ]


def _tenants(wanted: Wanted, evidence: Snapshot) -> Sequence[Tenant | TenantRow]:
    """Return the tenants that are named, each once, or those that are affected."""
    if not wanted.all_affected:
        found = map(evidence.tenant, wanted.tenants)
        return list({tenant.id: tenant for tenant in found}.values())
    from atomlab.diagnosis.population import affected_tenants

    managed = managed_of(wanted.parameters.get("ai_mode", ""))
    return affected_tenants(evidence, wanted.parameters.get("complexity", ""), managed)
