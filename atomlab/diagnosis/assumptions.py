"""Assumptions: what a decision rests on that the snapshot does not hold.

An input was captured, given as a file, is the edition's default, or is absent. What is absent is
replaced by what the platform does without it; where the platform certainly has it, nothing is
concluded from its absence.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from atomlab.byok.platform import Platform
from atomlab.evidence.inputs.rules import Rules
from atomlab.evidence.snapshot import Evidence
from atomlab.shown import Several, Shown

# By an input and its state: what is assumed in its place, and what that would change.
_ASSUMED = json.loads(Path(__file__).with_name("assumptions.json").read_bytes())
_ONLY_WITH_ENVIRONMENT = ("environment", "stored keys")


@dataclass(frozen=True, repr=False)
class Assumption(Shown):
    """An input that is the edition's default, or absent, and what is assumed in its place."""

    input: str
    state: str
    assumed: str

    def to_json(self) -> dict[str, Any]:
        """Return the assumption as an element of `assumptions` in `atomlab.diagnosis/1`."""
        return asdict(self)


def assumptions(evidence: Evidence, platform: Platform) -> tuple[Assumption, ...]:
    """Return what decisions on this evidence assume, in the order of the manifest's inputs."""
    rules = platform.rules
    words = {"rules": rules.name, "least_health": rules.min_health_score}
    inputs = {**evidence.manifest["inputs"], "rules": _state_of_rules(evidence, rules)}
    found = [
        Assumption(name, state, _ASSUMED[name][state].format(**words))
        for name, state in inputs.items()
        if state in _ASSUMED.get(name, {})
        and (rules.keys_from == "environment" or name not in _ONLY_WITH_ENVIRONMENT)
    ]
    own = (Assumption("rules", inputs["rules"], a) for a in rules.assumptions)
    return Several((*found, *own))


def _state_of_rules(evidence: Evidence, rules: Rules) -> str:
    """Return whether the rules are an edition's or somebody's own, also of others than captured."""
    if rules.name == evidence.manifest["rules"]:
        return str(evidence.manifest["inputs"]["rules"])
    return "default" if rules.name == rules.based_on else "given"


def missing_input(evidence: Evidence, platform: Platform) -> str | None:
    """Return what the platform certainly has and the snapshot lacks, in words; None if nothing."""
    if not evidence.has_pricing:
        return "the snapshot holds no pricing cache"
    absent = evidence.manifest["inputs"]["environment"] == "absent"
    if platform.rules.keys_from == "environment" and absent:
        return "the snapshot holds no environment of the worker, where its keys are"
    return None
