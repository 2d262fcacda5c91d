"""Verification: each claim of a hypothesis tested on a snapshot, with one of three verdicts.

`confirmed`: what the claim says was observed. `refuted`: the opposite was, or the intervention
was run and changed nothing. `inconclusive`: the snapshot cannot tell, and the verdict names what
is missing; a hypothesis tested on the wrong database proves nothing either way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from atomlab.byok.filters import NAMES
from atomlab.byok.handler import BYOKHandler
from atomlab.byok.platform import Platform, load_platform
from atomlab.byok.ranking import Ranking
from atomlab.byok.request import Request
from atomlab.diagnosis import cards
from atomlab.diagnosis.hypothesis import (
    ClientAbsent,
    ClientPresent,
    FixResolves,
    Hypothesis,
    KeyAbsent,
    KeyPresent,
    ModelsSkipped,
    RankingRaises,
)
from atomlab.diagnosis.interventions import Edit, Laboratory, try_fix
from atomlab.errors import NO_MODELS, TenantError
from atomlab.evidence.redaction import USABLE, State, name_may_leave
from atomlab.evidence.snapshot import Evidence
from atomlab.text import count, did_you_mean, listed, printable

if TYPE_CHECKING:
    import pandas as pd

Verdict = Literal["confirmed", "refuted", "inconclusive"]


@dataclass(frozen=True)
class ClaimResult:
    """One claim's verdict: what was expected, what was observed, and on what evidence."""

    id: str
    statement: str
    verdict: Verdict
    expected: str
    observed: str
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verification:
    """All claims of a hypothesis tested on a snapshot, on these requests, one or several."""

    title: str
    tenant: str
    snapshot: str
    requests: tuple[Request, ...]
    claims: tuple[ClaimResult, ...]

    @property
    def request(self) -> Request:
        """The request that the claims are about, the first of several."""
        return self.requests[0]

    @property
    def verdict(self) -> Verdict:
        """The worst of the claims' verdicts; without a claim nothing is concluded."""
        return worst(claim.verdict for claim in self.claims)

    def frame(self) -> pd.DataFrame:
        """Return one row per claim: id, claim, verdict, expected, observed."""
        import pandas as pd

        rows = [(c.id, c.statement, c.verdict, c.expected, c.observed) for c in self.claims]
        return pd.DataFrame(rows, columns=["id", "claim", "verdict", "expected", "observed"])

    def _repr_html_(self) -> str:
        return cards.verification_card(self).html()

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
        }


def worst(verdicts: Iterable[str]) -> Verdict:
    """Return `refuted` if any is, else `inconclusive` if any (or none) is, else `confirmed`."""
    found = set(verdicts) or {"inconclusive"}
    order: Sequence[Verdict] = ("refuted", "inconclusive", "confirmed")
    return next(verdict for verdict in order if verdict in found)


@dataclass(frozen=True)
class _Bench:
    """What the claims are tested on."""

    evidence: Evidence
    tenant_id: str
    platform: Platform
    rows: dict[str, State]
    clients: tuple[str, ...]
    ranking: Ranking


_Finding = tuple[Verdict, str, str, tuple[str, ...]]


def verify(
    evidence: Evidence,
    hypothesis: Hypothesis,
    request: Request | None = None,
    platform: Platform | None = None,
) -> Verification:
    """Return the verdict on every claim of `hypothesis` on `evidence`.

    `request` replaces the hypothesis's own; `platform` is the evidence's, if it is loaded
    already. A tenant that is not in the snapshot makes every claim inconclusive; raises
    TenantError if the name fits several tenants.
    """
    asked = request or hypothesis.request
    try:
        tenant = evidence.tenant(hypothesis.tenant)
    except TenantError as error:
        if error.matches:
            raise
        missing: _Finding = ("inconclusive", "the tenant in the snapshot", error.what, ())
        results = [_result(claim, missing) for claim in hypothesis.claims]
        name = hypothesis.tenant
    else:
        platform = platform or load_platform(evidence.session)
        handler = BYOKHandler(tenant.id, evidence.session, platform=platform)
        bench = _Bench(
            evidence,
            tenant.id,
            platform,
            handler.byok_manager.row_states(tenant.id, evidence.session),
            tuple(handler.clients),
            handler.explain(asked),
        )
        results = [_result(claim, _TESTS[claim.kind](claim, bench)) for claim in hypothesis.claims]
        name = tenant.subdomain or tenant.id
    return Verification(hypothesis.title, name, evidence.sha256, (asked,), tuple(results))


def _result(claim: Any, finding: _Finding) -> ClaimResult:
    verdict, expected, observed, evidence = finding
    return ClaimResult(claim.id, claim.statement, verdict, expected, observed, evidence)


def _key(claim: KeyPresent | KeyAbsent, bench: _Bench) -> _Finding:
    wanted, key = claim.kind == "key_present", claim.setting_key
    expected = f"a row {key} with a usable key" if wanted else f"no row {key}"
    if not name_may_leave(key, bench.platform.providers):
        return "inconclusive", expected, _UNNAMED, ()
    state = bench.rows.get(key)
    observed = f"the row exists, it is {state}" if state else "no such row"
    holds = state in USABLE if wanted else state is None
    return _judge(holds), expected, observed, _rows_seen(bench)


def _client(claim: ClientPresent | ClientAbsent, bench: _Bench) -> _Finding:
    wanted = claim.kind == "client_present"
    expected = f"{'a' if wanted else 'no'} client {claim.provider}"
    if claim.provider not in bench.platform.column:
        near = did_you_mean(claim.provider, bench.platform.column)
        observed = f"the registry has no provider {claim.provider}; {near}".rstrip("; ")
        return "inconclusive", expected, observed, ()
    holds = (claim.provider in bench.clients) == wanted
    return _judge(holds), expected, _clients_seen(bench), ()


def _models_skipped(claim: ModelsSkipped, bench: _Bench) -> _Finding:
    expected = f"every model of {claim.provider} skipped for want of a client"
    if not bench.evidence.has_pricing:
        return "inconclusive", expected, _NO_PRICING, ()
    models = bench.platform.models
    places = np.flatnonzero(bench.platform.models_of(claim.provider))
    if not len(places):
        return "inconclusive", expected, f"the pricing cache has no model of {claim.provider}", ()
    skipped = int((bench.ranking.blockers[places] >> NAMES.index("client") & 1).sum())
    observed = f"{skipped:,} of {count(len(places), 'model')} skipped"
    names = tuple(models.ids[place] for place in places)
    return _judge(skipped == len(places)), expected, observed, names


def _ranking_raises(claim: RankingRaises, bench: _Bench) -> _Finding:
    expected = f"the error {claim.message!r}"
    if not bench.evidence.has_pricing:
        return "inconclusive", expected, _NO_PRICING, ()
    winner = bench.ranking.winner
    observed = f"{winner.model} wins" if winner else f"the error {NO_MODELS!r}"
    raised = winner is None and claim.message == NO_MODELS
    return _judge(raised), expected, observed, (bench.ranking.summary(),)


def _fix_resolves(claim: FixResolves, bench: _Bench) -> _Finding:
    expected = f"the error, until {claim.setting_key} holds the value of {claim.copy_from}"
    if not bench.evidence.has_pricing:
        return "inconclusive", expected, _NO_PRICING, ()
    names = (claim.setting_key, claim.copy_from)
    if not all(name_may_leave(name, bench.platform.providers) for name in names):
        return "inconclusive", expected, _UNNAMED, ()
    if len(bench.ranking.order):
        return "refuted", expected, "there is no error to cure", (bench.ranking.summary(),)
    with Laboratory(bench.evidence, bench.platform) as lab:
        edit = Edit("copy-key", claim.setting_key, claim.copy_from)
        request = bench.ranking.request
        fix, *placebos = try_fix(lab, bench.tenant_id, [edit], claim.setting_key, request)
    evidence = tuple(f"{trial.name}: {trial.edit}; {trial.result}" for trial in (fix, *placebos))
    winner = fix.after.winner
    if not fix.applied:
        return "refuted", expected, f"the fix {fix.result}", evidence
    if winner is None:
        return "refuted", expected, f"after the fix: {fix.result}", evidence
    if winner.provider != claim.provider:
        observed = f"cured, but through {winner.provider}: {fix.result}"
        return "refuted", expected, observed, evidence
    if helped := [placebo.name for placebo in placebos if placebo.cured]:
        return "inconclusive", expected, f"a placebo helps too: {listed(helped)}", evidence
    observed = f"after the fix {fix.result}; {count(len(placebos), 'placebo')} leave the error"
    return "confirmed", expected, observed, evidence


_TESTS: dict[str, Callable[[Any, _Bench], _Finding]] = {
    "key_present": _key,
    "key_absent": _key,
    "client_present": _client,
    "client_absent": _client,
    "models_skipped": _models_skipped,
    "ranking_raises": _ranking_raises,
    "fix_resolves": _fix_resolves,
}
_UNNAMED = "a snapshot does not hold the names of settings that are no API key"
_NO_PRICING = "the snapshot holds no pricing cache"


def _judge(holds: bool) -> Verdict:
    return "confirmed" if holds else "refuted"


def _rows_seen(bench: _Bench) -> tuple[str, ...]:
    return tuple(f"{name}: {state}" for name, state in sorted(bench.rows.items()))


def _clients_seen(bench: _Bench) -> str:
    return f"clients: {listed(bench.clients, 8)}" if bench.clients else "no client at all"
