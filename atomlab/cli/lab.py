"""`atomlab lab`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from atomlab.cli.options import REPORT_MB, Hypothesis, not_empty
from atomlab.process import need


def lab(
    snapshot: Annotated[
        str | None,
        Argument(help="A snapshot; the shipped example if none is given.", callback=not_empty),
    ] = None,
    tenant: Annotated[
        str | None, Option(help="The tenant's id, subdomain or exact name.", callback=not_empty)
    ] = None,
    hypothesis: Hypothesis = None,
    folder: Annotated[
        Path, Option(help="Where your copies are kept, a subfolder for each choice.")
    ] = Path("atomlab-notebooks"),
    port: Annotated[
        int, Option(min=1024, max=65535, help="The server's; the next free one if taken.")
    ] = 8888,
    browser: Annotated[
        bool, Option("--browser/--no-browser", help="Open it, or only print its address.")
    ] = True,
) -> None:
    """Open JupyterLab on your own copies of the notebooks, until Ctrl-C.

    The snapshot, tenant and hypothesis are written into the parameters cell of each new copy.
    A copy that is there already is kept as you left it.
    """
    from atomlab.report.copies import choose, copy_notebooks
    from atomlab.report.lab import print_address, print_copies, serve_lab

    need(REPORT_MB)
    choice = choose(snapshot, tenant, hypothesis)
    own = folder / choice.name
    print_copies(choice, copy_notebooks(own, choice.parameters), tenant is not None)
    serve_lab(own, port, browser=browser, announce=print_address)
