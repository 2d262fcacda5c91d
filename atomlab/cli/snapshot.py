"""`atomlab snapshot show` and `atomlab snapshot verify`."""

from __future__ import annotations

import typer

from atomlab.cli.options import AsJson, Snapshot, print_json

snapshot = typer.Typer(help="Show where a snapshot came from, or verify it.")


@snapshot.command()
def show(snapshot: Snapshot, as_json: AsJson = False) -> None:
    """Print where a snapshot came from, and what is in it.

    That is its manifest: source, times, versions, inputs, row counts and hashes.
    """
    from atomlab.evidence.snapshot import open_snapshot
    from atomlab.show.manifest import print_manifest

    with open_snapshot(snapshot) as evidence:
        if as_json:
            print_json({"sha256": evidence.sha256, **evidence.manifest})
        else:
            print_manifest(evidence)


@snapshot.command()
def verify(snapshot: Snapshot, as_json: AsJson = False) -> None:
    """Compute the hashes and counts of a snapshot again.

    Where one does not hold, the exit code is 1.
    """
    from atomlab.evidence.snapshot import open_snapshot
    from atomlab.show.manifest import print_verified

    with open_snapshot(snapshot) as evidence:
        evidence.verify()
        if as_json:
            tables = evidence.manifest["tables"]
            print_json({"sha256": evidence.sha256, "verified": True, "tables": tables})
        else:
            print_verified(evidence)
