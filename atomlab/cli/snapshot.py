"""`atomlab snapshot show` and `atomlab snapshot verify`."""

from __future__ import annotations

import typer

from atomlab.cli.options import AsJson, Snapshot, print_json

snapshot = typer.Typer(help="Where a snapshot came from, and whether it is still what it was.")


@snapshot.command()
def show(snapshot: Snapshot, as_json: AsJson = False) -> None:
    """Print a snapshot's manifest: where it came from, how, when, and what is in it."""
    from atomlab.evidence.snapshot import open_snapshot
    from atomlab.show.manifest import print_manifest

    with open_snapshot(snapshot) as evidence:
        if as_json:
            print_json({"sha256": evidence.sha256, **evidence.manifest})
        else:
            print_manifest(evidence)


@snapshot.command()
def verify(snapshot: Snapshot, as_json: AsJson = False) -> None:
    """Compute a manifest's hashes and counts again; exit code 1 if one does not hold."""
    from atomlab.evidence.snapshot import open_snapshot
    from atomlab.show.manifest import print_verified

    with open_snapshot(snapshot) as evidence:
        evidence.verify()
        if as_json:
            tables = evidence.manifest["tables"]
            print_json({"sha256": evidence.sha256, "verified": True, "tables": tables})
        else:
            print_verified(evidence)
