"""Verification: each claim of a hypothesis tested on a snapshot, with one of three verdicts.

`confirmed`: what the claim says was observed. `refuted`: the opposite was, or the intervention
was run and changed nothing. `inconclusive`: the snapshot cannot tell, and the verdict names what
is missing; a hypothesis tested on the wrong database proves nothing either way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from atomlab.byok.clients import BYOKHandler
from atomlab.byok.platform import Platform, load_platform
from atomlab.byok.ranking import Candidate, Ranking
from atomlab.byok.request import Request
from atomlab.diagnosis.assumptions import Assumption, assumptions, missing_input
from atomlab.diagnosis.edits import Edit
from atomlab.diagnosis.findings import ClaimResult
from atomlab.diagnosis.hypothesis import (
    ClientClaim,
    FixResolves,
    Hypothesis,
    KeyClaim,
    ModelsSkipped,
    RankingRaises,
)
from atomlab.diagnosis.sandbox import Sandbox, Trial, try_fix
from atomlab.errors import TenantError
from atomlab.evidence.inputs.environment import STORED
from atomlab.evidence.redaction import USABLE, State, reach_of
from atomlab.evidence.snapshot import Evidence
from atomlab.shown import Several, Shown
from atomlab.text import count, did_you_mean, listed, printable
from atomlab.verdicts import Verdict, worst_verdict


@dataclass(frozen=True)
class Verification(Shown):
    """All claims of a hypothesis tested on a snapshot, on these requests, one or several.

    `assumptions` are what the verdicts take for granted.
    """

    title: str
    tenant: str
    snapshot: str
    requests: tuple[Request, ...]
    claims: tuple[ClaimResult, ...]
    assumptions: tuple[Assumption, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """The worst of the claims' verdicts; without a claim nothing is concluded."""
        return worst_verdict(claim.verdict for claim in self.claims)

    def __repr__(self) -> str:
        claims = count(len(self.claims), "claim")
        return f"<Verification of {printable(self.title)}: {self.verdict}, {claims}>"

    def to_json(self) -> dict[str, Any]:
        """Return the document `atomlab.verification/1`."""
        return {
            "schema": "atomlab.verification/1",
            "title": self.title,
            "tenant": self.tenant,
            "snapshot": self.snapshot,
            "verdict": self.verdict,
            "claims": [asdict(claim) | {"evidence": list(claim.evidence)} for claim in self.claims],
            "assumptions": [assumption.to_json() for assumption in self.assumptions],
        }


@dataclass(frozen=True)
class _Bench:
    """What the claims are tested on; `missing` is what the platform has and the snapshot lacks."""

    evidence: Evidence
    tenant_id: str
    platform: Platform
    rows: dict[str, State]
    clients: tuple[str, ...]
    ranking: Ranking
    missing: str | None

    @property
    def undecided(self) -> str | None:
        """Why nothing can be said of the request; a model that is found is found for all that."""
        return None if self.evidence.has_pricing and len(self.ranking.order) else self.missing

    @property
    def keyless(self) -> bool:
        """Whether keys come from the worker's environment, and that was not captured."""
        inputs = self.evidence.manifest["inputs"]
        in_environment = self.platform.rules.keys_from == "environment"
        return in_environment and inputs["environment"] == "absent"

    @property
    def failure(self) -> str:
        """What the tenant gets where pricing finds no model: an error, or the fallback's answer."""
        return _ERROR if self.platform.rules.fallback is None else "no model by pricing"


# Whether the claim holds, None if the snapshot cannot show it; expected, observed, evidence.
_Finding = tuple[bool | None, str, str, tuple[str, ...]]
_VERDICTS: dict[bool | None, Verdict] = {True: "confirmed", False: "refuted", None: "inconclusive"}
_ERROR = "the error"


def verify(
    evidence: Evidence,
    hypothesis: Hypothesis,
    request: Request | None = None,
    platform: Platform | None = None,
    tenant: str | None = None,
    managed: bool | None = None,
) -> Verification:
    """Return the verdict on every claim of `hypothesis` on `evidence`.

    `request` replaces the hypothesis's own, `managed` what either says of that. `tenant` is whom
    to test, needed where the hypothesis names nobody. One that is not in the snapshot makes every
    claim inconclusive; raises TenantError if the name fits several tenants, InputError if `tenant`
    is another one than the hypothesis is about.
    """
    wanted = hypothesis.tested_on(evidence, tenant)
    asked = request or hypothesis.request
    asked = asked if managed is None else replace(asked, managed=managed)
    platform = platform or load_platform(evidence.session)
    try:
        found = evidence.tenant(wanted)
    except TenantError as error:
        if error.matches or hypothesis.tenant is None:  # or who was asked for is not there
            raise
        missing: _Finding = (None, "the tenant in the snapshot", error.what, ())
        name, results = wanted, [_result(claim, missing) for claim in hypothesis.claims]
    else:
        handler = BYOKHandler(found.id, evidence.session, platform=platform)
        bench = _Bench(
            evidence,
            found.id,
            platform,
            handler.byok_manager.states(evidence.session, found.id).of(found.id),
            tuple(handler.clients),
            handler.explain(asked),
            missing_input(evidence, platform),
        )
        name, asked = found.subdomain or found.id, bench.ranking.request
        results = [_result(claim, _TESTS[claim.kind](claim, bench)) for claim in hypothesis.claims]
    return Verification(
        hypothesis.title,
        name,
        evidence.sha256,
        (asked,),
        Several(results),
        assumptions(evidence, platform),
    )


def _result(claim: Any, finding: _Finding) -> ClaimResult:
    holds, expected, observed, evidence = finding
    return ClaimResult(claim.id, claim.statement, _VERDICTS[holds], expected, observed, evidence)


def _key(claim: KeyClaim, bench: _Bench) -> _Finding:
    wanted, key = claim.kind == "key_present", claim.setting_key
    row = "row" if bench.platform.rules.keys_from == "settings" else "variable"
    expected = f"a {row} {key} with a usable key" if wanted else f"no {row} {key}"
    state = bench.rows.get(key)
    if unseen := _unseen(key, bench):
        return None, expected, unseen, ()
    observed = f"the {row} exists, it is {state}" if state else f"no such {row}"
    holds = state in USABLE if wanted else state is None
    evidence = tuple(f"{name}: {state}" for name, state in sorted(bench.rows.items()))
    return holds, expected, observed, evidence


def _unseen(name: str, bench: _Bench) -> str:
    """Return why the snapshot cannot tell of a key of this name, empty if it can.

    A stored key's name is `byok_keys.json PROVIDER`.
    """
    if bench.platform.rules.keys_from == "environment" and name.startswith(STORED):
        if bench.evidence.manifest["inputs"]["stored keys"] == "absent":
            return f"the snapshot holds no stored keys ({STORED.strip()})"
        known = name.removeprefix(STORED) in bench.platform.column
        return "" if known else _UNNAMED
    if reach_of(bench.platform.providers)(name) != "always":
        return _UNNAMED
    return _NO_ENVIRONMENT if bench.keyless else ""


def _client(claim: ClientClaim, bench: _Bench) -> _Finding:
    wanted, provider = claim.kind == "client_present", claim.provider
    expected = f"{'a' if wanted else 'no'} client {provider}"
    if provider not in bench.platform.column:
        near = did_you_mean(provider, bench.platform.column)
        known = "registry has" if bench.platform.rules.client_order == "registry" else "edition has"
        observed = f"no client {provider} can be built: the {known} no such provider; {near}"
        return not wanted, expected, observed.rstrip("; "), ()
    present = provider in bench.clients
    allowed = provider in bench.platform.rules.llm_providers
    if not present and allowed and bench.keyless:
        return None, expected, _NO_ENVIRONMENT, ()
    observed = f"clients: {listed(bench.clients, 8)}" if bench.clients else "no client at all"
    return present == wanted, expected, observed, ()


def _models_skipped(claim: ModelsSkipped, bench: _Bench) -> _Finding:
    expected = f"every model of {claim.provider} skipped, because it has no client"
    if bench.missing and not bench.evidence.has_pricing:
        return None, expected, bench.missing, ()
    models, providers = bench.platform.models, bench.platform.providers
    places = np.flatnonzero(bench.platform.models_of(claim.provider))
    if not len(places):
        return None, expected, f"the pricing cache has no model of {claim.provider}", ()
    serving = bench.ranking.view.active[places]  # another client may serve a model of the provider
    skipped = int((serving < 0).sum())
    served = dict.fromkeys(providers[place].id for place in serving if place >= 0)
    if not served and bench.missing:
        return None, expected, bench.missing, ()
    observed = f"{skipped:,} of {count(len(places), 'model')} skipped"
    if served:
        observed += f", {listed(served)} {'serves' if len(served) == 1 else 'serve'} the others"
    names = tuple(models.ids[place] for place in places)
    return not served, expected, observed, names


def _ranking_raises(claim: RankingRaises, bench: _Bench) -> _Finding:
    expected = f"the error {claim.message!r}"
    if bench.undecided:
        return None, expected, bench.undecided, ()
    error = bench.ranking.error
    return error == claim.message, expected, _outcome(bench), (bench.ranking.summary(),)


def _outcome(bench: _Bench) -> str:
    winner, answer = bench.ranking.winner, bench.ranking.fallback
    if winner is not None:
        return f"{winner.model} wins{_no_chat(winner)}"
    if answer is not None:
        by = f"{answer.provider}/{answer.model} ({answer.by})"
        return f"no error: pricing finds no model, and the fallback answers with {by}"
    return f"the error {bench.ranking.error!r}"


def _no_chat(winner: Candidate) -> str:
    return f", which is not a chat model ({winner.mode})" if winner.unable else ""


def _fix_resolves(claim: FixResolves, bench: _Bench) -> _Finding:
    expected = f"{bench.failure}, until {claim.setting_key} holds the value of {claim.copy_from}"
    if bench.undecided:
        return None, expected, bench.undecided, ()
    for name in (claim.setting_key, claim.copy_from):
        if unseen := _unseen(name, bench):
            return None, expected, unseen, ()
    if len(bench.ranking.order):
        return False, expected, "there is no error to cure", (bench.ranking.summary(),)
    lab = Sandbox(bench.evidence, bench.platform)
    edit = Edit("copy-key", claim.setting_key, claim.copy_from)
    fix, *placebos = try_fix(lab, bench.tenant_id, [edit], claim.setting_key, bench.ranking.request)
    evidence = tuple(f"{trial.name}: {trial.edit}; {trial.result}" for trial in (fix, *placebos))
    if (winner := fix.after.winner) is not None and winner.chat is None:
        evidence += (f"whether {winner.model} is a chat model is not in the pricing cache",)
    holds, observed = _tried(fix, placebos, claim.provider, bench.failure)
    return holds, expected, observed, evidence


def _tried(
    fix: Trial, placebos: Sequence[Trial], provider: str, failure: str
) -> tuple[bool | None, str]:
    """Return whether the fix cures, and through the provider, and what was observed."""
    winner = fix.after.winner
    if not fix.applied:
        return False, f"the fix {fix.result}"
    if winner is None:
        return False, f"after the fix: {fix.result}"
    if winner.unable:
        removes = f"the fix removes {failure}, but {winner.model} wins{_no_chat(winner)}: no cure"
        return False, removes
    if winner.provider != provider:
        return False, f"cured, but through {winner.provider}: {fix.result}"
    if helped := [placebo.name for placebo in placebos if placebo.cured]:
        return None, f"a placebo helps too: {listed(helped)}"
    left = "leave the error" if failure == _ERROR else "do not help"
    return True, f"after the fix {fix.result}; {count(len(placebos), 'placebo')} {left}"


_TESTS: dict[str, Callable[[Any, _Bench], _Finding]] = {
    "key_present": _key,
    "key_absent": _key,
    "client_present": _client,
    "client_absent": _client,
    "models_skipped": _models_skipped,
    "ranking_raises": _ranking_raises,
    "fix_resolves": _fix_resolves,
}
_UNNAMED = "a snapshot keeps no names of settings that are not API keys"

_NO_ENVIRONMENT = "the snapshot holds no environment of the worker"
