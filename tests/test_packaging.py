"""What is promised of the package as a whole: its dependencies, its lock, its cheap import."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import yaml

import atomlab
from tests.conftest import ROOT

HEAVY = ("pandas", "numpy", "sqlalchemy", "matplotlib", "papermill", "nbconvert", "pydantic")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCK = (ROOT / "requirements.lock").read_text()


def name_of(requirement: str) -> str:
    return re.match(r"[A-Za-z0-9._-]+", requirement)[0].lower().replace("_", "-")


def test_environment_yml_names_what_pyproject_names():
    """environment.yml has pyproject's Python, dependencies and build backend, bounds included."""
    document = yaml.safe_load((ROOT / "environment.yml").read_text())
    conda = {
        line.replace("jupyter_client", "jupyter-client")
        for line in document["dependencies"]
        if isinstance(line, str)
    } - {"pip"}

    wanted = {f"python{PROJECT['project']['requires-python']}"}
    wanted |= set(PROJECT["project"]["dependencies"]) | set(PROJECT["build-system"]["requires"])
    assert conda == wanted


def test_the_lock_pins_every_dependency_with_hashes():
    """Each package that pyproject names is pinned in the lock, and every pin has hashes."""
    extras = PROJECT["project"]["optional-dependencies"]
    wanted = {
        name_of(r)
        for r in PROJECT["project"]["dependencies"]
        + [r for extra in extras.values() for r in extra]
    }
    entries = re.split(r"\n(?=\S)", LOCK.strip())

    assert wanted <= {name_of(entry) for entry in entries}
    assert all(re.match(r"[\w.-]+==[\w.]+", entry) for entry in entries)
    assert all("--hash=sha256:" in entry for entry in entries)


def test_the_lock_names_no_index():
    """No index address stands in the lock, so that it serves whatever mirror is at hand."""
    assert "://" not in LOCK
    assert not re.search(r"--(extra-)?index-url|--find-links", LOCK)


def test_importing_atomlab_is_cheap():
    """`import atomlab` loads none of the heavy libraries, nor does the command line's help."""
    for statement in ("import atomlab", "import atomlab.cli"):
        code = f"import sys; {statement}; print(*[m for m in {HEAVY!r} if m in sys.modules])"
        found = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        assert found.stdout.strip() == "", statement


def test_every_public_name_can_be_used():
    """Each name in `__all__` loads, and the lazy table and the type checker's imports agree."""
    assert all(getattr(atomlab, name) is not None for name in atomlab.__all__)
    tree = ast.parse(Path(atomlab.__file__).read_text())
    typed = {
        (alias.asname or alias.name): f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module.startswith("atomlab.")
        for alias in node.names
    }
    assert set(typed) == set(atomlab.__all__)
    homes = {name: home.rstrip(":").replace(":", ".") for name, home in atomlab._HOMES.items()}
    assert homes == typed


def test_an_unknown_name_is_an_attribute_error():
    """A misspelt name fails as it does on any module."""
    assert not hasattr(atomlab, "diagnoze")


def test_what_people_import_is_byte_compiled_by_make():
    """The Makefile compiles atomlab, which an editable install leaves uncompiled."""
    assert "compileall -q atomlab" in (ROOT / "Makefile").read_text()
