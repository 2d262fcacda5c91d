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
        Argument(
            metavar="SNAPSHOT",
            help="The snapshot to look at. Without it, the example that comes with atomlab.",
            callback=not_empty,
        ),
    ] = None,
    tenant: Annotated[
        str | None,
        Option(
            metavar="T",
            help="The tenant: its id, its subdomain or its exact name.",
            callback=not_empty,
        ),
    ] = None,
    hypothesis: Hypothesis = None,
    folder: Annotated[
        Path,
        Option(metavar="DIR", help="The folder of your copies, with a subfolder for each choice."),
    ] = Path("atomlab-notebooks"),
    port: Annotated[
        int,
        Option(
            min=1024,
            max=65535,
            metavar="N",
            help="The port of the server. If it is taken, the next free one.",
        ),
    ] = 8888,
    browser: Annotated[
        bool, Option("--browser/--no-browser", help="Open the browser, or only print the address.")
    ] = True,
) -> None:
    """Open JupyterLab on your own copies of the notebooks.

    It begins with a notebook that says which one answers what. It runs until Ctrl-C.

    The snapshot, tenant and hypothesis are written into the parameters cell of each new copy.
    A copy that is there already is kept as you left it.
    """
    from atomlab.report.copies import choose, copy_notebooks
    from atomlab.report.lab import print_copies, serve_lab

    need(REPORT_MB)
    choice = choose(snapshot, tenant, hypothesis)
    own = folder / choice.name
    print_copies(choice, copy_notebooks(own, choice.parameters), tenant is not None)
    serve_lab(own, port, browser=browser)
