"""`atomlab lint`."""

from __future__ import annotations

from atomlab.cli.options import AsJson, Snapshot, print_json


def lint(snapshot: Snapshot, as_json: AsJson = False) -> None:
    """Look for faults in a snapshot's registry, rules and prices that break tenants, or will."""
    from atomlab.diagnosis.lint import lint
    from atomlab.evidence.snapshot import open_snapshot
    from atomlab.show.terminal import print_lint

    with open_snapshot(snapshot) as evidence:
        found = lint(evidence)
        if as_json:
            print_json(found.to_json())
        else:
            print_lint(found, evidence.name)
