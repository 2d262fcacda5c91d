"""Cases: the findings that a postmortem is made of, and the evidence that each of them is."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

from pydantic import ValidationError

from atomlab.diagnosis.findings import DiagnosisRecord, OutcomeRecord, TenantFindings
from atomlab.errors import InputError
from atomlab.files import parse_json, read_bytes
from atomlab.text import printable

HASH_SHOWN = 12  # characters of a snapshot's hash in a row of evidence; it is given in full above


@dataclass(frozen=True)
class EvidenceItem:
    """What a number leads to: a finding (with the hash of its snapshot), or a source.

    `place` is a findings file and a JSON Pointer into it, or the source in people's words; it and
    the snapshot tell one piece of evidence from another.
    """

    place: str
    says: str = field(compare=False)
    snapshot: str = ""


@dataclass(frozen=True)
class Statement:
    """A text and the evidence that it cites; with `missing`, what people still have to write."""

    text: str = ""
    cites: tuple[EvidenceItem, ...] = ()
    missing: str = ""


@dataclass(frozen=True)
class Case:
    """Findings on a tenant, the name and hash of their file, and whether there are others."""

    file: str
    sha256: str
    found: TenantFindings
    among: bool = False

    @property
    def diagnosis(self) -> DiagnosisRecord:
        """What the platform decides for the tenant."""
        return self.found.diagnosis

    @property
    def diagnoses(self) -> tuple[OutcomeRecord, ...]:
        """All requests that were diagnosed."""
        return self.diagnosis.diagnoses

    @property
    def failing(self) -> list[int]:
        """The places of the diagnosed requests for which pricing finds no model."""
        return [place for place, each in enumerate(self.diagnoses) if each.fails]

    @property
    def asked(self) -> int:
        """The place of the request that was asked about, else of the first that fails, else 0."""
        kinds = [each.request.kind for each in self.diagnoses]
        kind = self.found.request.kind
        return kinds.index(kind) if kind in kinds else next(iter(self.failing), 0)

    @property
    def place(self) -> int:
        """The place of the request that is explained: that asked about, else one with causes."""
        with_causes = [n for n in (self.asked, *self.failing) if self.diagnoses[n].causes]
        return next(iter(with_causes), self.asked)

    @property
    def shown(self) -> OutcomeRecord:
        """The request that is explained."""
        return self.diagnoses[self.place]

    @property
    def served(self) -> bool:
        """Whether the request that was asked about finds a model."""
        return self.diagnoses[self.asked].winner is not None

    @property
    def who(self) -> str:
        """The tenant, by name and subdomain."""
        tenant = self.diagnosis.tenant
        return f"{printable(tenant.name)} ({printable(tenant.subdomain or tenant.id)})"

    @property
    def heading(self) -> str:
        """The tenant and the snapshot where there are other cases, else nothing."""
        snapshot = printable(self.found.snapshot.name)
        return f"{self.who}, snapshot {snapshot}" if self.among else ""

    def is_over(self, kind: str) -> bool:
        """Whether a worker's log shows that a kind of request works again."""
        kinds = self.found.recovery.kinds if self.found.recovery else ()
        return any(each.complexity == kind and each.verdict == "over" for each in kinds)

    def cite(self, pointer: str, says: str) -> EvidenceItem:
        """Return the finding at a JSON Pointer as evidence; among others it says whose it is."""
        if self.among and self.who not in says:
            says = f"{self.who}: {says}"
        return EvidenceItem(f"{self.file}#{pointer}", says, self.found.snapshot.sha256[:HASH_SHOWN])


def sourced(text: str | None, source: str | None, missing: str = " ") -> Statement:
    """Return what people state, citing its source; without a text, what they have to write."""
    if text is None:
        return Statement(missing=missing)
    cites = (EvidenceItem(source, "stated by people, not measured"),) if source else ()
    return Statement(text, cites)


def load_cases(paths: Sequence[str | Path]) -> list[Case]:
    """Return the findings in these JSON files, in the order in which they were captured.

    Raises InputError for a file that cannot be read or does not hold the findings on one tenant.
    """
    files = list(dict.fromkeys(map(Path, paths)))
    folder = os.path.commonpath([path.absolute().parent for path in files])
    cases = [_load(path, path.absolute().relative_to(folder).as_posix()) for path in files]
    cases = [replace(case, among=len(cases) > 1) for case in cases]
    # What a log shows was found after what the snapshot shows.
    return sorted(
        cases, key=lambda case: (case.diagnosis.snapshot.captured_at, bool(case.found.recovery))
    )


def _load(path: Path, name: str) -> Case:
    content = read_bytes(path)
    try:
        found = TenantFindings.model_validate(parse_json(content, path))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        what, todo = first["msg"], "give a findings.json that atomlab report wrote"
        if first["loc"] == ("diagnosis", "tenant") and first["input"] is None:
            what, todo = "is about all tenants", "give one tenant's (atomlab report --tenant)"
        place = ".".join(map(str, first["loc"])) or "the file"
        what = f"is not one tenant's findings ({place}: {what})"
        raise InputError(what, where=path, todo=todo) from None
    return Case(name, sha256(content).hexdigest(), found)
