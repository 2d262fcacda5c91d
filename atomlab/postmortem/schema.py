"""The parts of `atomlab.findings/1` that a postmortem is made of, checked as they are read."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from atomlab.verdicts import Status, Verdict


class _Part(BaseModel):
    """A part of `atomlab.findings/1`; fields that a postmortem does not need are passed over."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Claim(_Part):
    """A claim of the hypothesis as it was tested."""

    id: str
    statement: str
    verdict: Verdict
    expected: str
    observed: str


class Verification(_Part):
    """All claims as tested, and the verdict on the whole."""

    verdict: Verdict
    claims: tuple[Claim, ...]


class Cause(_Part):
    """A cause, and what was observed of it."""

    code: str
    provider: str | None
    setting_key: str | None
    role: Literal["sole", "one-of-k", "joint"] | None
    evidence: tuple[str, ...]
    verdict: Verdict


class Rival(_Part):
    """Another explanation, and why it is ruled out or not."""

    code: str
    ruled_out: bool
    why: str


class Filter(_Part):
    """How many models came to a filter, and how many it rejected."""

    filter: str
    entering: int
    rejected: int


class Winner(_Part):
    """The model that the platform would choose."""

    provider: str
    model: str


class Fallback(_Part):
    """Who answers where pricing finds no model, and by what."""

    provider: str
    model: str
    by: str


class Request(_Part):
    """What was asked for."""

    complexity: str
    tools: bool = False

    @property
    def kind(self) -> str:
        """What kind of request it is, in words."""
        return self.complexity + (" with tools" if self.tools else "")


class Diagnosed(_Part):
    """One request: its outcome, and what explains it."""

    request: Request
    outcome: Literal["ranked", "fallback", "no-models", "inconclusive"]
    error: str | None
    fallback: Fallback | None = None
    winner: Winner | None
    candidates: int
    funnel: tuple[Filter, ...]
    causes: tuple[Cause, ...]
    rivals: tuple[Rival, ...]

    @property
    def fails(self) -> bool:
        """Whether pricing finds no model, be it that a fallback answers."""
        return self.outcome in ("fallback", "no-models")


class Lookup(_Part):
    """One provider's key lookup."""

    provider: str
    setting_key: str
    state: str
    client: bool
    reason: str


class Tenant(_Part):
    """The tenant that was investigated."""

    id: str
    name: str
    subdomain: str | None = None
    plan: str | None = None


class Taken(_Part):
    """When the snapshot was captured, and the rules on it."""

    captured_at: str
    rules: str


class Diagnosis(_Part):
    """What the platform decides for the tenant."""

    snapshot: Taken
    tenant: Tenant
    lookups: tuple[Lookup, ...]
    clients: tuple[str, ...]
    diagnoses: tuple[Diagnosed, ...] = Field(min_length=1)


class Snapshot(_Part):
    """The snapshot: its name, hash and manifest."""

    name: str
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    manifest: dict[str, Any]


class Trial(_Part):
    """A change tried on a scratch copy."""

    name: str
    edit: str
    cured: bool
    result: str


class Repaired(_Part):
    """What the fix cures on a scratch copy."""

    cured: tuple[str, ...]
    not_cured: tuple[str, ...]
    verification: Verification


class Affected(_Part):
    """How many tenants get the error for a kind of request."""

    complexity: str
    failing: int
    tenants: int
    examples: tuple[str, ...]


class Option(_Part):
    """A fix and its effects on every tenant."""

    name: str
    kind: str
    cost: int
    cures: tuple[str, ...]
    leaves: tuple[str, ...]
    pros: tuple[str, ...] | None = None
    cons: tuple[str, ...] | None = None


class Remedy(_Part):
    """The fix of least effort, as SQL or in words."""

    status: Literal["sql", "words", "nothing", "inconclusive"]
    words: tuple[str, ...]
    dialect: str = "postgresql"
    sql: str = ""


class Step(_Part):
    """A step of verification, its state and its proof."""

    step: str
    state: Literal["done", "open", "failed"]
    evidence: str


class Findings(_Part):
    """The findings on one tenant; what is not in the file is empty, and not `recorded`."""

    document: Literal["atomlab.findings/1"] = Field(alias="schema")
    tool: str = "an atomlab that is not recorded"
    title: str
    verdict: Verdict | None = None
    status: Status | None = None
    answer: str
    request: Request
    snapshot: Snapshot
    verification: Verification
    diagnosis: Diagnosis
    rows: dict[str, str] = {}
    warnings: tuple[str, ...] = ()
    trials: tuple[Trial, ...] = ()
    repaired: Repaired | None = None
    affected: tuple[Affected, ...] = ()
    options: tuple[Option, ...] = ()
    remedy: Remedy | None = None
    steps: tuple[Step, ...] = ()
    limits: tuple[str, ...] = ()

    def recorded(self, name: str) -> bool:
        """Return whether the file holds this part, be it empty."""
        return name in self.model_fields_set
