"""What an object shows of itself in Jupyter: a card, found by its class; a case, its findings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import singledispatch
from itertools import islice
from typing import TYPE_CHECKING, Any

from atomlab.byok.ranking import Ranking
from atomlab.diagnosis.diagnose import Diagnosis, RequestDiagnosis
from atomlab.diagnosis.findings import MIME, certainty_of, result_of
from atomlab.diagnosis.fixes import Fix, in_words, root_fix
from atomlab.diagnosis.verify import Verification
from atomlab.diagnosis.what_changed import WhatChanged
from atomlab.diagnosis.what_if import WhatIf
from atomlab.evidence.snapshot import Snapshot
from atomlab.fleets.flips import Flips
from atomlab.fleets.replay import Replay
from atomlab.fleets.what_if import FleetWhatIf
from atomlab.show import change_tables
from atomlab.show.facts import facts_of, title_of
from atomlab.show.facts import tables_of as facts_tables
from atomlab.show.replay_tables import span_of, tables_of
from atomlab.show.tables import Table, badge, table_of
from atomlab.show.templates import render
from atomlab.shown import Shown
from atomlab.text import capital, count, listed, printable
from atomlab.verdicts import STATUSES

if TYPE_CHECKING:
    from atomlab.diagnosis.case import SnapshotCase


_BEST = 5
_MOST = 20  # tenants
_LONGEST = 20_000  # characters; a script is some 3,000, and holds a tenant's id in full


@dataclass(frozen=True)
class Card:
    """A title with a word on it, facts by name, tables, remarks, and scripts by title."""

    title: str = ""
    word: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)
    tables: Sequence[Table] = ()
    remarks: Sequence[str] = ()
    scripts: Mapping[str, str] = field(default_factory=dict)

    def html(self) -> str:
        """Return the card as HTML, everything in it escaped."""
        return render(
            "card.html",
            title=printable(self.title, 200),
            badge=badge(printable(self.word)) if self.word else "",
            facts={printable(name): printable(value, 300) for name, value in self.facts.items()},
            tables=[table.html() for table in self.tables],
            remarks=[printable(remark, 600) for remark in self.remarks],
            scripts={printable(name): script for name, script in self.scripts.items()},
        )


@singledispatch
def card_of(thing: object) -> Card:
    """Return the card of `thing`: one that its class has, else its facts as they are."""
    if not isinstance(thing, Shown):
        raise TypeError(f"no card for {type(thing).__name__}")
    return Card(title_of(thing), facts=facts_of(thing), tables=facts_tables(thing))


@card_of.register
def _table_card(table: Table) -> Card:
    return Card(tables=[table])


@card_of.register
def _snapshot_card(snapshot: Snapshot) -> Card:
    """Return where the evidence came from: one fact each."""
    manifest = snapshot.manifest
    prices, fidelity, tables = manifest["pricing"], manifest["fidelity"], manifest["tables"]
    models = f"{count(prices['models'], 'model')}, {prices['format']}" if prices else "not captured"
    agree = f"yes, for {count(fidelity['tenants'], 'tenant')}" if fidelity["agree"] else "no"
    return Card(
        title=f"Snapshot {snapshot.name}",
        facts={
            "captured at (UTC)": snapshot.captured_at,
            "from": f"{manifest['source']['kind']} database {manifest['source']['name']}",
            "by": manifest["tool"],
            "rules": manifest["rules"],
            "tenants": f"{tables['tenants']['rows']:,}",
            "prices": models,
            "prices fetched at": (prices or {}).get("last_fetch") or "unknown",
            "same decisions as the source": agree,
            "sha256 of the file": snapshot.sha256,
        },
        remarks=[manifest["note"]] if manifest.get("note") else [],
    )


@card_of.register
def _ranking_card(ranking: Ranking) -> Card:
    """Return the outcome, the filters that reject a model, and the best candidates."""
    funnel, frame = ranking.funnel(), ranking.frame()
    funnel = funnel[funnel["rejected"] > 0].rename(columns={"only_blocker": "only blocker"})
    best = frame.iloc[ranking.order[:_BEST]][["model", "provider", "quality", "value_score"]]
    tables = [Table(funnel, "Models that a filter rejects, in the platform's order.")]
    if len(best):
        tables.append(Table(best, f"The best {len(best)}.", {"value_score": ",.0f"}))
    return Card(
        title=f"Ranking, {ranking.request.complexity} request",
        word="ranked" if len(ranking.order) else "no-models",
        facts={
            "usable": f"{len(ranking.order):,} of {len(ranking.blockers):,} models",
            "clients": listed(ranking.clients) or "none",
            "winner": ranking.winner.model if ranking.winner else "none",
        },
        tables=tables,
        remarks=ranking.warnings(),
    )


@card_of.register
def _diagnosis_card(diagnosis: Diagnosis) -> Card:
    """Return the tenant, and for each request status, root cause, and the easiest fix."""
    tenant = diagnosis.tenant
    decided = table_of(
        [_request_row(each, diagnosis) for each in diagnosis.requests],
        ["request", "status", "usable", "winner", "root cause", "easiest fix", "who acts", "needs"],
        "What is decided for each request as captured, the easiest fix, who makes it, and what "
        "window and quality the request needs of a model.",
    )
    return Card(
        title=f"Diagnosis of {tenant.name}",
        word=diagnosis.status,
        facts={
            "tenant": tenant.subdomain or tenant.id,
            "plan": tenant.plan_type,
            "requests are": diagnosis.request_mode,
            "key settings": listed(sorted(diagnosis.rows)) or "none",
            "clients": listed(diagnosis.clients) or "none",
            "models": f"{len(diagnosis.platform.models.ids):,}",
            "rules": diagnosis.platform.rules.name,
        },
        tables=[decided],
        remarks=diagnosis.warnings(),
    )


@card_of.register
def _fix_card(fix: Fix) -> Card:
    """Return what to do in words, and the script with its rollback where there is one."""
    scripts = {"SQL to review and run": fix.sql, "SQL to undo it": fix.rollback}
    remarks = [f"{capital(sentence)}." for sentence in fix.sentences]
    if len(fix.sql) > _LONGEST:
        remarks.append("The script is too long to be shown: atomlab fix writes it to a file.")
    return Card(
        title="The fix",
        remarks=remarks,
        scripts={name: text for name, text in scripts.items() if 0 < len(text) <= _LONGEST},
    )


@card_of.register
def _verification_card(verification: Verification) -> Card:
    """Return the verdict, and each claim with its own."""
    claims = table_of(
        [(c.id, c.statement, c.verdict, c.observed) for c in verification.claims],
        ["id", "claim", "verdict", "observed"],
        "Each claim with its verdict, and what was observed.",
    )
    nothing = "Nothing is claimed, so nothing was tested."
    kinds = dict.fromkeys(request.kind for request in verification.requests)
    return Card(
        title=verification.title,
        word=verification.verdict if verification.claims else "",
        facts={
            "tenant": verification.tenant,
            "request" if len(kinds) == 1 else "requests": ", ".join(kinds),
        },
        tables=[claims] if verification.claims else [],
        remarks=[] if verification.claims else [nothing],
    )


@card_of.register
def _replay_card(replay: Replay) -> Card:
    """Return what recorded requests get, why those that fail do, and what changes would flip."""
    changes = (str(edit) for change in replay.changes for edit in change.edits)
    return Card(
        title="Recorded requests, replayed",
        word=replay.status,
        facts={
            "file": replay.file,
            "requests": f"{replay.requests:,}",
            "made (UTC)": " to ".join(span_of(replay)),
            "find no model": f"{replay.failing_requests:,}",
            "get no chat model": f"{replay.unable_requests:,}",
            "changes": listed(changes) or "none",
        },
        tables=[*tables_of(replay)],
        remarks=[replay.answer()],
    )


@card_of.register(WhatChanged)
@card_of.register(Flips)
def _changes_card(found: WhatChanged | Flips) -> Card:
    """Return the two days, what differs, and which of it did it."""
    if isinstance(found, WhatChanged):
        title, tables = f"What changed for {found.tenant.name}", change_tables.of_tenant(found)
    else:
        title, tables = "What changed", [change_tables.flips(found)]
    facts = change_tables.facts(found)
    return Card(title, found.verdict, facts, tables, remarks=[found.answer()])


@card_of.register
def _what_if_card(found: WhatIf) -> Card:
    """Return what was changed, and who answers each request as captured and with the changes."""
    rows = [(each.kind, *each.answers, each.flip) for each in found.requests]
    caption = "Who answers each request as captured, and with the changes made in memory."
    return Card(
        title=f"What if, for {found.before.tenant.called}",
        word=found.status,
        facts={**_changes(found), "as captured": found.before.status},
        tables=[table_of(rows, ["request", "before", "after", "what flips"], caption)],
        remarks=_remarks(found),
    )


@card_of.register
def _fleet_what_if_card(found: FleetWhatIf) -> Card:
    """Return what was changed, how many tenants are affected then, and some of those that flip."""
    statuses = [(side, *numbers.values()) for side, numbers in found.by_status.items()]
    tables = [table_of(statuses, ["", *STATUSES], "Tenants, as captured and with the changes.")]
    if flips := [*islice(found.rows(), _MOST)]:
        rows = [
            (t.called, n.before, n.after, listed(n.gained) or None, listed(n.lost) or None)
            for t, n in flips
        ]
        names = ["tenant", "before", "after", "gains a model for", "loses it for"]
        some = "" if len(rows) == found.counts["flip"] else f", the first {len(rows)}"
        tables.append(table_of(rows, names, f"Tenants that flip{some}."))
    return Card(
        title="What if, for all tenants",
        word=found.status,
        facts=_changes(found),
        tables=tables,
        remarks=_remarks(found),
    )


def _changes(found: WhatIf | FleetWhatIf) -> dict[str, object]:
    return {"changes": listed(map(str, found.altered.steps), 12) or "none"}


def _remarks(found: WhatIf | FleetWhatIf) -> list[str]:
    """Return the answer, then what is easily overlooked, a sentence each."""
    return [found.answer(), *(f"{capital(remark)}." for remark in found.remarks())]


def _request_row(each: RequestDiagnosis, diagnosis: Diagnosis) -> tuple[object, ...]:
    winner, fix = each.ranking.winner, root_fix(each, diagnosis.failing)
    rules, kind = diagnosis.platform.rules, each.request.complexity
    return (
        each.request.complexity,
        each.status,
        len(each.ranking.order),
        f"{winner.model} (no chat model)" if winner and winner.unable else winner and winner.model,
        " and ".join(map(str, each.explanation.root)) or None,
        in_words(fix.edits, diagnosis) if fix else None,
        fix.who if fix else None,
        f"{rules.min_context_tokens[kind]:,.10g} tokens, quality {rules.min_quality[kind]:g}",
    )


@dataclass(frozen=True)
class Findings:
    """The findings of a case; evaluated in a notebook's last cell, its report says them."""

    case: SnapshotCase

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        findings = self.case.to_json()
        line = _line(findings)
        html = render("sentence.html", text=line)
        return {MIME: findings, "text/html": html, "text/plain": line}

    def __repr__(self) -> str:
        return printable(_line(self.case.to_json()), 450)


def _line(findings: Mapping[str, Any]) -> str:
    result, certainty = result_of(findings), certainty_of(findings)
    found = f"{'Status' if result in STATUSES else 'Verdict'}: {result}"
    cause = f" Cause: {certainty}." if certainty else ""
    return printable(f"{found}.{cause} {findings['answer']}", 2000)
