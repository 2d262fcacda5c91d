"""What the commands print for people: one screen, and escaped whatever a database holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from atomlab.byok.filters import PHRASES
from atomlab.errors import NO_MODELS
from atomlab.text import count, listed, printable

if TYPE_CHECKING:  # each command loads what it needs, and no more
    from atomlab.diagnosis.diagnose import Diagnosis, RequestDiagnosis
    from atomlab.diagnosis.verify import Verification
    from atomlab.evidence.snapshot import Snapshot

_STYLES = {
    "confirmed": "bold green",
    "refuted": "bold red",
    "inconclusive": "bold yellow",
    "ranked": "green",
    "no-models": "bold red",
    "present": "green",
    "ciphertext": "green",
    "blank": "yellow",
    "missing": "dim",
}


def print_capture(snapshot: Snapshot) -> None:
    """Print what a capture wrote, and on stderr what it had to take on trust."""
    manifest, out = snapshot.manifest, Console()
    tables = manifest["tables"]
    _line(
        out,
        f"{snapshot.path}: {count(tables['tenants']['rows'], 'tenant')}, "
        f"{count(tables['tenant_settings']['rows'], 'key setting')} redacted, "
        f"{count(tables['pricing']['rows'], 'model')}; every decision as on the source",
    )
    _line(out, f"sha256 {snapshot.sha256}")
    from atomlab.byok.platform import load_platform

    warnings = load_platform(snapshot.session).pricing.warnings()
    if manifest["pricing"] is None:
        warnings = ["no --pricing given: the snapshot cannot say which models are available"]
    elif not tables["pricing"]["rows"]:
        warnings = ["the pricing cache is empty"]
    _warn(warnings)


def print_diagnosis(diagnosis: Diagnosis, snapshot: str) -> None:
    """Print a diagnosis: keys, clients, and per request the outcome with its folded reasons."""
    out, tenant = Console(), diagnosis.tenant
    _line(
        out,
        f"{printable(tenant.name)} ({printable(tenant.subdomain or tenant.id)}), "
        f"plan {printable(tenant.plan_type)}",
        "bold",
    )
    _line(
        out,
        f"snapshot {printable(snapshot)}, captured {diagnosis.evidence.captured_at}, "
        f"rules {printable(diagnosis.platform.rules.name)}",
        "dim",
    )
    out.print(_lookups(diagnosis))
    _line(out, f"clients: {listed(diagnosis.clients, 12) if diagnosis.clients else 'none'}")
    for each in diagnosis.requests:
        out.print(_outcome(each), soft_wrap=True)
    if failing := [d for d in diagnosis.requests if d.outcome == "no-models"]:
        _line(out, f"error: {NO_MODELS} ({', '.join(d.request.complexity for d in failing)})")
    _warn([*diagnosis.platform.pricing.warnings(), *diagnosis.warnings()])


def print_verification(verification: Verification, snapshot: str) -> None:
    """Print the verdict on each claim, then the one on the hypothesis."""
    out = Console()
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("", "claim", "verdict", "observed"):
        table.add_column(name, overflow="fold")
    for claim in verification.claims:
        table.add_row(
            Text(printable(claim.id)),
            Text(printable(claim.statement, 200)),
            Text(claim.verdict, _STYLES[claim.verdict]),
            Text(printable(claim.observed, 200)),
        )
    _line(out, f"{printable(verification.title)}, on snapshot {printable(snapshot)}", "bold")
    out.print(table)
    _line(out, f"verdict: {verification.verdict}", _STYLES[verification.verdict])


def investigate_and_report(
    snapshot: str,
    tenants: Sequence[str],
    hypothesis: str,
    out: Path,
    parameters: Mapping[str, str],
    timeout_s: float,
) -> str:
    """Make a report for each tenant, print its verdict and path; return the worst verdict.

    What can be checked without a kernel is checked for all of them first. Raises AtomlabError.
    """
    from atomlab.diagnosis.hypothesis import load_hypothesis
    from atomlab.evidence.snapshot import open_snapshot
    from atomlab.report.runner import run_report, shipped_notebook

    load_hypothesis(hypothesis)
    with open_snapshot(snapshot) as evidence:
        found = [evidence.tenant(name) for name in tenants]
    verdicts = []
    for tenant in found:
        values = {
            **parameters,
            "snapshot": str(Path(snapshot).resolve()),
            "tenant": tenant.id,
            "hypothesis": str(Path(hypothesis).resolve()),
        }
        folder = out / tenant.id if len(found) > 1 else out
        notebook = shipped_notebook("root_cause_verification")
        made = run_report(notebook, values, folder, timeout_s=timeout_s, progress=True)
        verdicts.append(made.verdict)
        name = printable(tenant.subdomain or tenant.name)
        _line(Console(), f"{name}: {made.verdict}", _STYLES[made.verdict])
        _line(Console(), f"report: {made.html}")
    return next(v for v in ("refuted", "inconclusive", "confirmed") if v in verdicts)


def _lookups(diagnosis: Diagnosis) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("provider", "platform looks for", "state", "client", "why"):
        table.add_column(name, overflow="fold")
    found = [look for look in diagnosis.lookups if look.state != "missing"]
    for look in found:
        table.add_row(
            Text(printable(look.provider)),
            Text(printable(look.setting_key)),
            Text(look.state, _STYLES.get(look.state, "red")),
            Text("yes" if look.client else "no"),
            Text(look.reason),
        )
    missing = [look.provider for look in diagnosis.lookups if look.state == "missing"]
    table.add_row(
        Text(f"{len(missing)} more"), Text("…", "dim"), Text("missing", "dim"), Text("no")
    )
    return table


def _outcome(diagnosis: RequestDiagnosis) -> Text:
    ranking, winner = diagnosis.ranking, diagnosis.ranking.winner
    complexity = f"{diagnosis.request.complexity:<9}"
    if diagnosis.outcome == "inconclusive":
        return Text(f"{complexity} inconclusive: the snapshot holds no pricing cache", "yellow")
    rejected = ranking.rejected().items()
    reasons = ", ".join(f"{number:,} {PHRASES[name]}" for name, number in rejected)
    usable = f"{len(ranking.order):,} of {len(ranking.blockers):,} models usable"
    line = Text(complexity)
    line.append(usable, _STYLES[diagnosis.outcome])
    line.append(f": {reasons}" if reasons else "")
    if winner:
        line.append(f"; {printable(winner.model)} wins", "bold")
    return line


def _line(console: Console, text: str, style: str = "") -> None:
    console.print(Text(text, style), soft_wrap=True)


def _warn(warnings: Sequence[str]) -> None:
    for warning in warnings:
        _line(Console(stderr=True), f"warning: {warning}", "yellow")
