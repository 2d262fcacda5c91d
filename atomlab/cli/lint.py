"""`atomlab lint`."""

from __future__ import annotations

from atomlab.cli.options import AsJson, Quiet, Snapshot, Verbose, detail_of, print_json


def lint(
    snapshot: Snapshot, as_json: AsJson = False, verbose: Verbose = False, quiet: Quiet = False
) -> None:
    """Find faults in registry, rules and prices that break tenants.

    Those that will break the next tenant are found, too. The last line says how many there are.
    """
    from atomlab.diagnosis.lint import lint
    from atomlab.evidence.snapshot import open_snapshot
    from atomlab.show.terminal import print_lint

    detail = detail_of(verbose, quiet)
    with open_snapshot(snapshot) as evidence:
        found = lint(evidence)
        if as_json:
            print_json(found.to_json())
        else:
            print_lint(found, evidence.name, detail)
