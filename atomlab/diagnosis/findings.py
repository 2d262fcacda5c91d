"""Findings: the one schema of `atomlab.findings/1`, by which cases write it and others read it.

Fields are only ever added; what a file lacks has its default, what is unknown is passed over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from atomlab.shown import Shown
from atomlab.verdicts import STATUS_OF, Outcome, Role, Status, Verdict

MIME = "application/vnd.atomlab.findings+json"
Json = dict[str, Any]  # what only scripts read: no reader of ours looks into it


class Record(Shown, BaseModel):
    """A part of the document; its fields stand in the order in which they are written."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    __str__ = Shown.__repr__


class RequestRecord(Record):
    """What was asked for."""

    complexity: str
    task: str | None = None
    capability: str | None = None
    tools: bool = False
    managed: bool | None = None
    turn: int = 0
    tokens: int = 0
    tier: str | None = None

    @property
    def kind(self) -> str:
        """What kind of request it is, in words."""
        return self.complexity + (" with tools" if self.tools else "")


@dataclass(frozen=True, repr=False)
class ClaimResult(Shown):
    """One claim's verdict: what was expected, what was observed, and on what evidence."""

    id: str
    statement: str
    verdict: Verdict
    expected: str
    observed: str
    evidence: tuple[str, ...] = ()


class VerificationRecord(Record):
    """All claims as tested, and the worst of their verdicts."""

    document: str = Field("atomlab.verification/1", alias="schema")
    title: str = ""
    tenant: str = ""
    snapshot: str = ""
    verdict: Verdict
    claims: tuple[ClaimResult, ...]
    assumptions: tuple[Json, ...] = ()


class CauseRecord(Record):
    """A cause, and what was observed of it."""

    code: str
    provider: str | None
    setting_key: str | None
    role: Role | None
    sufficient_alone: bool = False
    in_every_fix_set: bool = False
    evidence: tuple[str, ...]
    verdict: Verdict


@dataclass(frozen=True, repr=False)
class Rival(Shown):
    """Another explanation: its code, whether it is ruled out, and why."""

    code: str
    ruled_out: bool
    why: str


class FunnelRecord(Record):
    """How many models came to a filter, and how many it rejected."""

    filter: str
    entering: int
    rejected: int
    only_blocker: int = 0


class WinnerRecord(Record):
    """The model that the platform would choose; `chat` is None where that is not known."""

    provider: str
    model: str
    value_score: float | None = None
    mode: str | None = None
    chat: bool | None = None


class FallbackRecord(Record):
    """Who answers where pricing finds no model, and by what."""

    provider: str
    model: str
    by: str


class OutcomeRecord(Record):
    """One request: its outcome, and what explains it."""

    request: RequestRecord
    outcome: Outcome
    status: Status | None = None
    error: str | None
    fallback: FallbackRecord | None = None
    missing: str | None = None
    winner: WinnerRecord | None
    candidates: int
    funnel: tuple[FunnelRecord, ...]
    warnings: tuple[str, ...] = ()
    causes: tuple[CauseRecord, ...]
    fix_sets: tuple[Json, ...] = ()
    rivals: tuple[Rival, ...]
    interventions: tuple[Json, ...] = ()
    fix_sets_dropped: int = 0
    blocking_sets: tuple[tuple[str, ...], ...] | None = None
    assumptions: tuple[Json, ...] = ()

    @property
    def fails(self) -> bool:
        """Whether pricing finds no model, even if a fallback answers."""
        return STATUS_OF[self.outcome] == "affected"


class LookupRecord(Record):
    """One provider's key lookup."""

    provider: str
    setting_key: str
    state: str
    client: bool
    reason: str


class TenantRecord(Record):
    """The tenant that the case is about."""

    id: str
    name: str
    subdomain: str | None = None
    plan: str | None = None


class CaptureRecord(Record):
    """Which snapshot was decided on, when it was captured, and by which rules."""

    sha256: str = ""
    captured_at: str
    rules: str


class DiagnosisRecord(Record):
    """What the platform decides for the tenant."""

    document: str = Field("atomlab.diagnosis/1", alias="schema")
    snapshot: CaptureRecord
    tenant: TenantRecord
    withheld: int = 0
    ai_mode: str | None = None
    status: Status | None = None
    request_mode: str = ""
    assumptions: tuple[Json, ...] = ()
    lookups: tuple[LookupRecord, ...]
    clients: tuple[str, ...]
    diagnoses: tuple[OutcomeRecord, ...] = Field(min_length=1)


class SnapshotRecord(Record):
    """The snapshot: its name, hash and manifest."""

    name: str
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    manifest: Json


class TrialRecord(Record):
    """A change tried on a scratch copy."""

    name: str
    edit: str
    cured: bool
    result: str


class RepairRecord(Record):
    """What the fix cures on a scratch copy."""

    cured: tuple[str, ...]
    not_cured: tuple[str, ...]
    diagnosis: DiagnosisRecord | None = None
    verification: VerificationRecord


class AffectedRecord(Record):
    """How many tenants find no model for a kind of request, and some of them."""

    complexity: str
    failing: int
    tenants: int
    examples: tuple[str, ...]


@dataclass(frozen=True, repr=False)
class Option(Shown):
    """A fix and its effects on requests, named by their kind.

    `edits` are the kinds of its edits, none for a change of the code. `cures` and `leaves` are the
    tenant's failing requests; of the latter, `unable` are those whose winner is not a chat
    model. `breaks` are requests that worked, and then get no chat model. `touched` are the
    other tenants that get another answer, each with its first change.
    """

    name: str
    kind: str
    cost: int
    cures: tuple[str, ...]
    leaves: tuple[str, ...]
    touched: Mapping[str, str] = field(default_factory=dict)
    edits: tuple[str, ...] = ()
    unable: Mapping[str, str] = field(default_factory=dict)
    breaks: tuple[str, ...] = ()


@dataclass(frozen=True, repr=False)
class OptionRecord(Option):
    """An option, and its pros and cons."""

    pros: tuple[str, ...] | None = None
    cons: tuple[str, ...] | None = None


class RemedyRecord(Record):
    """The easiest fix, as SQL or in words."""

    dialect: str = "postgresql"
    status: Literal["sql", "words", "nothing", "inconclusive"]
    words: tuple[str, ...]
    sql: str = ""
    rollback: str = ""


class Summary(Record):
    """What was found in plain words, each field empty where there is nothing to say.

    `failing` are the kinds of request that find no model, `mute` those whose model cannot chat,
    `unserved` those of either sort with the fix made; `cause` and `fix` are short, for a list.
    """

    title: str
    status: Status
    failing: tuple[str, ...] = ()
    mute: tuple[str, ...] = ()
    unserved: tuple[str, ...] = ()
    what: str
    warning: str = ""
    claims: str = ""
    why: str = ""
    certainty: Verdict | None = None
    proof: str = ""
    todo: str = ""
    who: str = ""
    actor: str | None = None
    left: str = ""
    cause: str = ""
    fix: str = ""


class StepRecord(Record):
    """A step of verification, its state and its proof: a JSON Pointer into this document.

    `name` is one that a worker's log shows: the fix was made, a job ran again, jobs succeed.
    """

    step: str
    state: Literal["done", "open", "failed"]
    evidence: str
    name: Literal["", "fix", "rerun", "success"] = ""


class KindRecovery(Record):
    """What a worker's log shows of one kind of request after a fix, each job counted once."""

    complexity: str
    verdict: Literal["over", "not over", "inconclusive"]
    why: str
    missing: str = ""
    expected: str | None = None
    failed_before: int = 0
    jobs_before: int = 0
    rate: float = 0
    needed: int | None = None
    counted: dict[str, int] = {}
    between: int = 0
    curve: tuple[tuple[str, float], ...] = ()
    cited: tuple[Json, ...] = ()


class RecoveryRecord(Record):
    """Whether it is over, by the log of the worker: the worst of the verdicts on each kind."""

    verdict: Literal["over", "not over", "inconclusive"]
    fixed_at: str
    fix: str
    log: tuple[Json, ...] = ()
    kinds: tuple[KindRecovery, ...] = Field(min_length=1)


class Conclusion(Record):
    """What every notebook states: a verdict on claims, a tenant's status, and an answer in words.

    `result` is the one of the two that answers the question: the status in a triage, and
    wherever nothing is claimed.
    """

    document: str = Field("", alias="schema")
    tool: str = "an atomlab that is not recorded"
    title: str = ""
    status: Status | None = None
    verdict: Verdict | None = None
    result: Status | Verdict | None = None
    answer: str


class CaseRecord(Conclusion):
    """The findings of any case; what is not in the file is empty."""

    document: Literal["atomlab.findings/1"] = Field(alias="schema")
    title: str
    snapshot: SnapshotRecord
    verification: VerificationRecord
    tested: tuple[RequestRecord, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the document, without the fields that were not set."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)


class TenantFindings(CaseRecord):
    """The findings on one tenant."""

    request: RequestRecord
    requests: tuple[RequestRecord, ...] = ()
    summary: Summary | None = None
    diagnosis: DiagnosisRecord
    rows: dict[str, str] = {}
    warnings: tuple[str, ...] = ()
    fix: Json | None = None
    trials: tuple[TrialRecord, ...] = ()
    repaired: RepairRecord | None = None
    affected: tuple[AffectedRecord, ...] = ()
    options: tuple[OptionRecord, ...] = ()
    remedy: RemedyRecord | None = None
    steps: tuple[StepRecord, ...] = ()
    limits: tuple[str, ...] = ()
    recovery: RecoveryRecord | None = None
    compared: Json | None = None


def result_of(findings: Mapping[str, Any]) -> str:
    """Return the word that answers what was asked: the verdict on claims, else the status."""
    names = ("result", "verdict", "status")
    return next((str(findings[name]) for name in names if findings.get(name) is not None), "")


def certainty_of(findings: Mapping[str, Any]) -> str:
    """Return how sure the cause is of a tenant that is affected, empty where none is named."""
    return str(findings.get("verdict") or "") if result_of(findings) == "affected" else ""
