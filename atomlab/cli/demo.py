"""`atomlab demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer import Option

from atomlab.cli.options import harmless


def demo(
    out: Annotated[
        Path | None,
        Option(
            metavar="DIR",
            help="Also make the report of the incident, in this folder.",
            callback=harmless,
        ),
    ] = None,
) -> None:
    """Show the incident that comes with atomlab, in seconds.

    A worker of Brennan Machinery finds no model. The claims of the incident document are tested
    on the snapshot of that day; then come the answer and the next commands to try.
    """
    from atomlab.diagnosis.diagnose import diagnose
    from atomlab.diagnosis.hypothesis import load_hypothesis
    from atomlab.diagnosis.summary import summarize
    from atomlab.diagnosis.verify import verify
    from atomlab.evidence.snapshot import open_snapshot
    from atomlab.files import shipped
    from atomlab.show.demo import print_demo

    snapshot = shipped("data/snapshots/brennan-2026-05-02.sqlite")
    hypothesis = shipped("data/hypotheses/brennan-minimax.yaml")
    if out is not None:
        _report(snapshot, hypothesis, out)
    with open_snapshot(snapshot) as evidence:
        tested = verify(evidence, load_hypothesis(str(hypothesis)))
        answer = summarize(diagnose(evidence, tested.tenant))
        print_demo(answer, tested, snapshot, evidence.captured_at, reported=out is not None)


def _report(snapshot: Path, hypothesis: Path, out: Path) -> None:
    """Make the report; what it ends with is the verdict, which is no failure of a demonstration."""
    from atomlab.cli.report import report

    try:
        report(str(snapshot), tenant=["brennan"], hypothesis=str(hypothesis), out=out)
    except typer.Exit as made:
        if made.exit_code == 1:
            raise
