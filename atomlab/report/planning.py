"""Which reports are to be made: what a command line asks for, checked before anything runs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atomlab.errors import InputError
from atomlab.report.files import INDEX, RECORD, ReportFolder
from atomlab.report.notebooks import find_notebook, given_files
from atomlab.report.parameters import Parameter, check_parameters
from atomlab.show.words import ai_mode_of, managed_of
from atomlab.text import printable

if TYPE_CHECKING:
    from atomlab.evidence.schema import Tenant
    from atomlab.evidence.snapshot import Snapshot

VERIFICATION, TRIAGE = "root_cause_verification", "tenant_triage"


@dataclass(frozen=True)
class Wanted:
    """What is asked for: a notebook on a snapshot, for which tenants, and where to.

    `parameters` are the further ones of the notebook, in their declared types; `pdf` asks for
    PDF beside the HTML, `overwrite` lets files be replaced that no report wrote. `tenants` is
    empty for all that are affected, or for a notebook that is about none.
    """

    snapshot: str
    notebook: Path
    tenants: tuple[str, ...]
    all_affected: bool
    hypothesis: str | None
    out: Path
    parameters: Mapping[str, Any]
    pdf: bool
    overwrite: bool = False

    @property
    def into(self) -> ReportFolder:
        """The folder to write, which may hold files that are read, and are kept."""
        named = {**self.parameters, "snapshot": self.snapshot, "hypothesis": self.hypothesis}
        return ReportFolder(self.out, self.overwrite, given_files(self.notebook, named))

    @property
    def one(self) -> bool:
        """Whether it is one report, whatever the snapshot holds."""
        return not self.all_affected and len(self.tenants) <= 1


@dataclass(frozen=True)
class Task:
    """One report to make: what it is about, in short and by name, and how."""

    subject: str
    name: str
    notebook: Path
    parameters: Mapping[str, Any]
    folder: Path
    pdf: bool = False
    overwrite: bool = False


def notebook_for(name: str | None, *, hypothesis: bool) -> Path:
    """Return the notebook of that name, or the one that fits what is asked; raise InputError.

    It is the verification of a hypothesis, and the triage where there is none to verify.
    """
    return find_notebook(name or (VERIFICATION if hypothesis else TRIAGE))


def want(
    snapshot: str,
    notebook: Path,
    declared: Mapping[str, Parameter],
    tenants: Sequence[str],
    all_affected: bool,
    hypothesis: str | None,
    out: Path,
    given: Mapping[str, str],
    managed: bool | None = None,
    pdf: bool = False,
    overwrite: bool = False,
) -> Wanted:
    """Return what is asked for, checked against what the notebook declares.

    `given` are further parameters, as text; `managed` is the notebook's `ai_mode`. Raises
    InputError.
    """
    if tenants and all_affected:
        raise InputError("--tenant and --all-affected exclude each other", todo="give one of them")
    asked = {"tenant": bool(tenants) or all_affected, "hypothesis": bool(hypothesis)}
    _check_options(notebook, declared, {**asked, "ai_mode": managed is not None})
    for name in ("snapshot", "tenant", "hypothesis", "ai_mode"):
        if name in given:
            raise InputError(f"parameter {name} cannot be given here", todo="use its own option")
    values = check_parameters(given, declared, notebook)
    if "hypothesis" in declared and not hypothesis:
        values["hypothesis"] = ""  # not the notebook's own
    if managed is not None:
        values["ai_mode"] = ai_mode_of(managed)
    about = (snapshot, notebook, tuple(tenants), all_affected, hypothesis, out)
    return Wanted(*about, values, pdf, overwrite)


def _check_options(path: Path, declared: Container[str], asked: Mapping[str, bool]) -> None:
    """Raise InputError unless the notebook declares what is asked, and is given its tenant."""
    for name, given in {"snapshot": True, **asked}.items():
        if given and name not in declared:
            raise InputError(f"declares no parameter {name}", where=path, todo="leave it out")
    if "tenant" in declared and not asked["tenant"]:
        raise InputError(
            "the notebook is about a tenant", where=path, todo="add --tenant, or --all-affected"
        )


def plan(wanted: Wanted) -> list[Task]:
    """Return the reports to make, none if no tenant is affected.

    They are in the folder that was asked for, several, or all that are affected, in a folder each
    below it. Raises AtomlabError for a snapshot, a tenant or a hypothesis that cannot be read, or
    one that is about another tenant.
    """
    from atomlab.evidence.snapshot import open_snapshot

    values = {**wanted.parameters, "snapshot": str(Path(wanted.snapshot).absolute())}
    claims = None
    if wanted.hypothesis:
        from atomlab.diagnosis.hypothesis import load_hypothesis

        claims = load_hypothesis(wanted.hypothesis)
        values["hypothesis"] = str(Path(wanted.hypothesis).absolute())
    with open_snapshot(wanted.snapshot) as evidence:
        if not wanted.tenants and not wanted.all_affected:
            return [
                Task(
                    *(evidence.name, evidence.name, wanted.notebook, values, wanted.out),
                    *(wanted.pdf, wanted.overwrite),
                )
            ]
        tenants = _tenants(wanted, evidence)
        if claims:
            for name in wanted.tenants or [tenant.id for tenant in tenants]:
                claims.tested_on(evidence, name)
    one = len(tenants) == 1 and not wanted.all_affected
    folders = [wanted.out] if one else [wanted.out / name for name in folder_names(tenants)]
    return [
        Task(
            printable(tenant.subdomain or tenant.name),
            tenant.name,
            wanted.notebook,
            {**values, "tenant": tenant.id},
            folder,
            wanted.pdf,
            wanted.overwrite,
        )
        for tenant, folder in zip(tenants, folders, strict=True)
    ]


def folder_names(tenants: Sequence[Tenant]) -> list[str]:
    """Return a folder's name for each tenant: plain, and all different, whatever ids hold.

    It is the subdomain (else the id), with a hash of the id where that had to be changed or is
    another tenant's too.
    """
    wanted = [tenant.subdomain or tenant.id for tenant in tenants]
    plain = [re.sub(r"[^A-Za-z0-9._-]+", "-", name)[:60].lstrip(".-") for name in wanted]
    uses = Counter(
        [INDEX, RECORD.lower(), *(name.lower() for name in plain)]
    )  # some file systems ignore case
    return [
        name
        if name == original and uses[name.lower()] == 1
        else f"{name or 'tenant'}-{sha256(tenant.id.encode()).hexdigest()[:12]}"
        for tenant, original, name in zip(tenants, wanted, plain, strict=True)
    ]


def _tenants(wanted: Wanted, evidence: Snapshot) -> list[Tenant]:
    """Return the tenants that are named, each once, or those that are affected."""
    if not wanted.all_affected:
        found = map(evidence.tenant, wanted.tenants)
        return list({tenant.id: tenant for tenant in found}.values())
    from atomlab.diagnosis.population import affected_tenants

    managed = managed_of(wanted.parameters.get("ai_mode", ""))
    return affected_tenants(evidence, wanted.parameters.get("complexity", ""), managed)
