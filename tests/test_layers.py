"""Data moves one way, evidence → decision → diagnosis → report, and so do the imports."""

from __future__ import annotations

import ast
import re

import pytest

from tests.conftest import ROOT

LAYERS = ("evidence", "byok", "diagnosis", "report")
MODULES = sorted((ROOT / "atomlab").rglob("*.py"))


def imports_of(path):
    """Return the full names of everything that a module imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} has a relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("layer", LAYERS)
def test_no_layer_imports_a_later_one(layer):
    """Evidence knows no decision, the decision no diagnosis, the diagnosis no report."""
    later = LAYERS[LAYERS.index(layer) + 1 :]
    modules = [path for path in MODULES if path.parent.name == layer]
    assert modules
    for path in modules:
        for name in imports_of(path):
            assert not name.startswith(tuple(f"atomlab.{other}" for other in later)), path.name


@pytest.mark.parametrize("layer", LAYERS[:3])
def test_no_layer_below_the_report_imports_what_only_reports_need(layer):
    """Figures, notebooks and the command line stay out of evidence, decision and diagnosis."""
    unwanted = ("atomlab.cli", "matplotlib", "papermill", "nbconvert", "typer", "rich")
    for path in MODULES:
        if path.parent.name == layer:
            assert not [name for name in imports_of(path) if name.startswith(unwanted)], path.name


def test_display_knows_no_layer():
    """What shows objects of all layers imports none of them, so that each may import it."""
    modules = sorted((ROOT / "atomlab" / "display").rglob("*.py"))
    assert modules
    for path in modules:
        names = imports_of(path)
        assert not [n for n in names if n.startswith(tuple(f"atomlab.{x}" for x in LAYERS))]


@pytest.mark.parametrize("layer", ["evidence", "byok"])
def test_the_decision_reaches_no_network_or_environment(layer):
    """Nothing but the snapshot decides: no network module, no environment, no random number."""
    network = ("socket", "http", "urllib", "requests", "subprocess", "random", "os.environ", "time")
    for path in MODULES:
        if path.parent.name == layer:
            used = [name for name in imports_of(path) if name.startswith(network)]
            # The one clock, in capture alone: how long a query or the whole of it takes.
            clocked = path.name in ("sqlite.py", "postgres.py", "capture.py")
            assert used == (["time.monotonic"] if clocked else []), path.name
            # The one exception: env:NAME, where a capture finds its database.
            variables = re.findall(r"os\.environ|getenv", path.read_text(encoding="utf-8"))
            assert variables == (["getenv"] if path.name == "source.py" else []), path.name


def test_the_plain_loop_shares_no_code_with_the_engine():
    """The reference ranking is written independently of what it is compared with."""
    names = imports_of(ROOT / "benchmarks" / "plain_loop.py")
    assert not [name for name in names if name.startswith("atomlab.byok")]
