"""What is promised of the package as a whole: its dependencies, its lock, its cheap import."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

import atomlab
from tests.conftest import ROOT

HEAVY = ("pandas", "numpy", "sqlalchemy", "matplotlib", "papermill", "nbconvert", "pydantic")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
MAKEFILE = (ROOT / "Makefile").read_text()
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
    assert "compileall -q atomlab" in MAKEFILE


@pytest.fixture(scope="module")
def dist(tmp_path_factory):
    """Return the folder with the wheel and the source archive, built as `make dist` does."""
    (built,) = re.findall(r"^\t@\$\(BIN\)/python (-m hatchling .*)$", MAKEFILE, re.M)
    folder = tmp_path_factory.mktemp("dist")
    words = [str(folder) if word == "dist" else word for word in built.split()]
    subprocess.run([sys.executable, *words], cwd=ROOT, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def installed(dist, tmp_path_factory):
    """Return a function that runs atomlab from the wheel, in an empty folder: stdout's lines."""
    site, empty = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("empty")
    with zipfile.ZipFile(next(dist.glob("*.whl"))) as wheel:
        wheel.extractall(site)
    for path in (site, *site.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)

    def run(*arguments):
        done = subprocess.run(
            [sys.executable, "-P", "-m", "atomlab", *arguments],
            cwd=empty,
            env={**os.environ, "PYTHONPATH": str(site)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        assert str(ROOT) not in done.stdout
        return done.stdout.splitlines(), empty

    return run


def test_a_wheel_holds_the_package_and_its_example_alone(dist):
    """Every file of the package, and of what comes with it; no test, no cache, nothing twice."""
    with zipfile.ZipFile(next(dist.glob("*.whl"))) as wheel:
        names = [name for name in wheel.namelist() if ".dist-info/" not in name]
    package = {path for path in (ROOT / "atomlab").rglob("*") if path.is_file()}
    brought = {
        path
        for folder in ("notebooks", "data/snapshots", "data/hypotheses", "data/logs")
        for path in (ROOT / folder).iterdir()
        if path.suffix in (".ipynb", ".md", ".sqlite", ".yaml", ".log")
    } | {ROOT / "data" / "pricing" / "LICENSE-litellm.txt"}
    wanted = {str(path.relative_to(ROOT)) for path in package if "__pycache__" not in path.parts}
    wanted |= {f"atomlab/{path.relative_to(ROOT)}" for path in brought}
    assert sorted(names) == sorted(wanted)


def test_a_source_archive_holds_what_builds_and_tests_it(dist):
    """And nothing that lies about: no report, no snapshot of one's own, no hidden folder."""
    with tarfile.open(next(dist.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    tops = {name.partition("/")[0] for name in names}
    folders = {"atomlab", "benchmarks", "data", "docs", "notebooks", "tests"}
    assert {top for top in tops if (ROOT / top).is_dir()} == folders
    assert {"pyproject.toml", "README.md", "LICENSE", "Makefile", "requirements.lock"} <= tops


def test_the_demonstration_runs_from_a_wheel_in_an_empty_folder(installed):
    """Whatever the current folder is, and with a package that cannot be written; it leaves none."""
    lines, folder = installed("demo")
    assert lines[1].startswith("verdict: confirmed")
    assert not [*folder.iterdir()]


@pytest.mark.slow
def test_a_report_can_be_made_from_a_wheel(installed):
    """Its notebooks come along."""
    lines, folder = installed("demo", "--out", "made")
    assert lines[:2] == ["Brennan Machinery: every request fails (affected)", "verdict: confirmed"]
    assert (folder / "made" / "report.html").stat().st_size > 10_000


def test_what_the_readme_installs_is_what_is_built(dist):
    """No index has atomlab: it names the wheel that `make dist` builds, with extras that exist."""
    told = re.findall(r"pip install '([^']+)'", (ROOT / "README.md").read_text())
    built = next(dist.glob("*.whl")).name
    assert told
    for path, extras in (re.fullmatch(r"dist/([^\[]+)\[(.+)\]", each).groups() for each in told):
        assert path == built
        assert set(extras.split(",")) <= set(PROJECT["project"]["optional-dependencies"])
