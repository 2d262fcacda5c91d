"""Data moves one way, evidence → decision → diagnosis → documents, and so do the imports."""

from __future__ import annotations

import ast
import re
from graphlib import TopologicalSorter

import pytest

from tests.conftest import ROOT

PACKAGE = ROOT / "atomlab"
# What every layer may import, then the layers: each may import itself and those before it.
GROUND = ("core_yaml", "errors", "files", "limits", "process", "shown", "text", "verdicts")
LAYERS = ("evidence", "byok", "capturing", "diagnosis", "fleets", "show", "report", "postmortem")
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}


def imports_of(path):
    """Return the full names of everything that a module imports, lazily and for types, too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} has a relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def modules_imported(path):
    """Return the modules of the package that a module imports."""
    names = {name for name in imports_of(path) if name.startswith("atomlab.")}
    return {name if name in MODULES else name.rpartition(".")[0] for name in names} - {"atomlab"}


def layer_of(module):
    """Return the layer, or the module of the ground, that a module belongs to."""
    return module.split(".")[1] if "." in module else "atomlab"


INSIDE = {name: path for name, path in MODULES.items() if layer_of(name) in (*GROUND, *LAYERS)}


@pytest.mark.parametrize("module", INSIDE)
def test_no_arrow_runs_back(module):
    """A layer imports the ground and what lies before it."""
    layer = layer_of(module)
    allowed = {*GROUND, *LAYERS[: LAYERS.index(layer) + 1]} if layer in LAYERS else set(GROUND)
    back = {name for name in modules_imported(INSIDE[module]) if layer_of(name) not in allowed}
    assert not back


def test_no_modules_import_each_other():
    """There is an order in which each module comes after all that it imports."""
    graph = {name: modules_imported(path) - {name} for name, path in MODULES.items()}
    assert len(list(TopologicalSorter(graph).static_order())) >= len(MODULES)


@pytest.mark.parametrize("layer", LAYERS[:5])
def test_no_layer_below_the_documents_imports_what_only_they_need(layer):
    """Figures, notebooks and the command line stay out of evidence, decision and diagnosis."""
    unwanted = ("atomlab.cli", "matplotlib", "papermill", "nbconvert", "typer", "rich")
    for module, path in INSIDE.items():
        if layer_of(module) == layer:
            assert not [name for name in imports_of(path) if name.startswith(unwanted)], module


@pytest.mark.parametrize("layer", LAYERS[:3])
def test_the_decision_reaches_no_network_or_environment(layer):
    """Nothing but the snapshot decides: no network module, no environment, no random number."""
    network = ("socket", "http", "urllib", "requests", "subprocess", "random", "os.environ", "time")
    for module, path in INSIDE.items():
        if layer_of(module) == layer:
            used = [name for name in imports_of(path) if name.startswith(network)]
            # The one clock, in capture alone: how long a query or the whole of it takes.
            clocked = path.name in ("sqlite.py", "capture.py")
            assert used == (["time.monotonic"] if clocked else []), module
            # The one exception: env:NAME, where a capture finds its database.
            variables = re.findall(r"os\.environ|getenv", path.read_text(encoding="utf-8"))
            assert variables == (["getenv"] if path.name == "source.py" else []), module


def test_each_folder_says_what_it_holds_and_what_it_may_import():
    """The docstring of every package names both."""
    for module, path in INSIDE.items():
        if path.name == "__init__.py" and "templates" not in module:
            said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
            assert "May import " in said, module


def test_the_plain_loop_shares_no_code_with_the_engine():
    """The reference ranking is written independently of what it is compared with."""
    names = imports_of(ROOT / "benchmarks" / "plain_loop.py")
    assert not [name for name in names if name.startswith("atomlab.byok")]


def test_each_folder_of_the_package_has_its_folder_of_tests():
    """And no other, but for what looks at the whole from outside."""
    tested = {path.parent.relative_to(ROOT / "tests") for path in ROOT.glob("tests/*/**/test_*.py")}
    packages = {path.parent.relative_to(PACKAGE) for path in PACKAGE.glob("*/**/__init__.py")}
    modules = {folder for folder in packages if [*(PACKAGE / folder).glob("[!_]*.py")]}
    assert {str(folder) for folder in tested - modules} == {"browser", "conformance"}
    assert not modules - tested
