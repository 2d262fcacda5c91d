"""The process: nothing of the current folder runs in it, and it ends with a line whenever told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from atomlab import process
from tests.conftest import ROOT

# As the script that pip makes: what Python looks at first is the script's own folder.
SCRIPT = """import re
import sys
from atomlab.__main__ import run
if __name__ == "__main__":
    sys.exit(run())
"""
SNAPSHOT = ROOT / "data" / "snapshots" / "brennan-2026-05-02.sqlite"
HYPOTHESIS = ROOT / "data" / "hypotheses" / "brennan-minimax.yaml"
INCIDENT = ("report", SNAPSHOT, "--tenant", "brennan", "--hypothesis", HYPOTHESIS)
COMMANDS = {
    "help": ("--help",),
    "version": ("--version",),
    "show": ("snapshot", "show", SNAPSHOT),
    "diagnose": ("diagnose", SNAPSHOT, "--tenant", "brennan"),
    "verify": ("verify", SNAPSHOT, HYPOTHESIS),
    "lint": ("lint", SNAPSHOT),
    "fix": ("fix", SNAPSHOT, "--tenant", "brennan"),
    "report": INCIDENT,
    "batch": ("report", SNAPSHOT, "--tenant", "brennan", "--tenant", "nettle", "--jobs", "2"),
    "capture": ("capture", "gone.db", "--out", "made.sqlite"),
    "postmortem": ("postmortem", "gone.json"),
    "lab": ("lab", "--no-browser", "--port", "8970"),
}
OTHERS = """IPython atomlab click comm ipykernel ipykernel_launcher jinja2 matplotlib
    matplotlib_inline nbclient nbconvert nbformat nh3 numpy pandas papermill psutil pydantic rich
    sitecustomize sqlalchemy tornado traitlets typer usercustomize yaml zmq""".split()  # noqa: SIM905
# What `python -m` loads from the current folder before anything of atomlab: only -P keeps it out.
BEFORE = """__future__ _abc _collections _functools _operator atomlab collections contextlib
    functools importlib itertools keyword operator reprlib runpy types warnings""".split()  # noqa: SIM905


def hostile_files(ran: Path, without: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """Yield name and content of what a folder of evidence may hold to run code, or be obeyed."""
    code = f"open({str(ran)!r}, 'a').write(__name__ + '\\n')\nraise SystemExit(__name__)\n"
    for name in sorted({*sys.stdlib_module_names, *OTHERS} - {*without}):
        yield f"{name}.py", code
    for name in ("pandas", "nbformat", "json", "atomlab"):
        if name not in without:
            yield f"{name}/__init__.py", code
    for name in ("ipython", "ipython_kernel", "jupyter", "jupyter_server", "jupyter_nbconvert"):
        yield f"{name}_config.py", code
        yield f"{name}_config.json", "{"
    for name in ("ipython_config.py", "ipython_kernel_config.py", "startup/00.py", "startup/0.ipy"):
        yield f".ipython/profile_default/{name}", code
        yield f"profile_default/{name}", code
    for place in ("", "share/jupyter/nbconvert/templates/base/", ".local/share/jupyter/nbconvert/"):
        for name in ("index.html.j2", "display_priority.j2", "null.j2"):
            yield f"{place}{name}", "HIJACKED"
    for place in ("", ".config/matplotlib/"):
        yield f"{place}matplotlibrc", "figure.facecolor: red\nsvg.fonttype: none\nno such key\n"
    yield ".env", "PYTHONSTARTUP=json.py\n"
    yield "kernels/python3/kernel.json", json.dumps({"argv": ["touch", str(ran)]})


@pytest.fixture
def hostile(tmp_path: Path):
    """Return a function that makes such a folder, and the file that names what ran in it."""

    def make(without: tuple[str, ...] = ()) -> tuple[Path, Path]:
        folder, ran = tmp_path / "evidence", tmp_path / "ran"
        for name, content in hostile_files(ran, without):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(content)
        return folder, ran

    return make


def start(
    folder: Path, arguments: tuple[object, ...], how: tuple[str, ...] = (), **env: str
) -> subprocess.Popen[str]:
    """Return the command as it runs in `folder`, started by pip's script if not said otherwise."""
    script = folder.parent / "bin" / "atomlab"
    script.parent.mkdir(exist_ok=True)
    script.write_text(SCRIPT)
    return subprocess.Popen(
        [sys.executable, *(how or [str(script)]), *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """Return pages of reports that were made in a folder where nothing else is."""
    folder = tmp_path_factory.mktemp("clean") / "empty"
    folder.mkdir()
    for name in ("report", "batch"):
        with start(folder, (*COMMANDS[name], "--out", name)) as command:
            _, err = command.communicate(timeout=120)
        assert command.returncode in (0, 3), err
    return {str(p.relative_to(folder)): p.read_text() for p in folder.rglob("report.html")}


@pytest.mark.parametrize(
    ("how", "env", "without"),
    [
        ((), {}, ()),
        ((), {"HOME": ".", "IPYTHONDIR": ".ipython", "PYTHONSTARTUP": "json.py"}, ()),
        ((), {"MATPLOTLIBRC": ".", "MPLCONFIGDIR": ".", "JUPYTER_PATH": "share/jupyter"}, ()),
        ((), {"JUPYTER_CONFIG_DIR": ".", "JUPYTER_DATA_DIR": "share/jupyter"}, ()),
        (("-m", "atomlab"), {}, tuple(BEFORE)),
        (("-P", "-m", "atomlab"), {}, ()),
        ((), {"PYTHONPATH": "."}, (*sys.stdlib_module_names, "atomlab", "sitecustomize")),
    ],
    ids=["script", "home", "matplotlib", "jupyter", "-m", "-P -m", "PYTHONPATH"],
)
def test_nothing_of_the_current_folder_runs_in_a_report(how, env, without, hostile, clean):
    """One report, and two at once, are what they are elsewhere, whatever lies where one stands."""
    folder, ran = hostile(without)
    env = {name: str(folder / value) for name, value in env.items()}
    if "PYTHONPATH" in env:
        env["PYTHONPATH"] += f"{os.pathsep}{os.pathsep}{ROOT}"
    found = {}
    for name in ("report", "batch"):
        with start(folder, (*COMMANDS[name], "--out", f"../{name}"), how, **env) as command:
            _, err = command.communicate(timeout=120)
        assert command.returncode in (0, 3), err
        assert not ran.exists(), ran.read_text()
        made = (folder.parent / name).rglob("report.html")
        found |= {str(p.relative_to(folder.parent)): p.read_text() for p in made}
    assert found == clean
    assert not [page for page in found.values() if "may import" in page]


OWN = """import helper, json, os, pandas
from atomlab.report.findings import MIME
assert pandas.DataFrame and open('data.txt').read() == 'beside'
assert os.environ.get('PYTHONSAFEPATH') is None
found = {'schema': 'atomlab.findings/1', 'verdict': 'confirmed', 'answer': helper.__file__}
display({MIME: found, 'text/plain': ''}, raw=True)
"""


def test_a_notebook_of_one_s_own_has_its_folder_and_the_page_says_so(tmp_path):
    """It reads and imports what lies beside it, wherever it is called; alone and in batches."""
    folder, elsewhere = tmp_path / "mine", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    (elsewhere / "helper.py").write_text("raise SystemExit")
    (folder / "helper.py").write_text("")
    (folder / "data.txt").write_text("beside")
    declared = new_code_cell(
        "snapshot: str = ''  # s\ntenant: str = ''  # t", metadata={"tags": ["parameters"]}
    )
    nbformat.write(new_notebook(cells=[declared, new_code_cell(OWN)]), folder / "mine.ipynb")
    asked = ("--notebook", "../mine/mine.ipynb", "--out", "out")
    for name in ("report", "batch"):
        arguments = [a for a in COMMANDS[name] if a not in ("--hypothesis", HYPOTHESIS)]
        with start(elsewhere, (*arguments, *asked)) as command:
            _, err = command.communicate(timeout=120)
        assert command.returncode == 0, err
        for page in (elsewhere / "out").rglob("report.html"):
            text = page.read_text()
            assert str(folder / "helper.py") in text
            assert "it may import Python files of its own folder" in text


def test_the_path_has_neither_the_current_folder_nor_what_could_stand_before(monkeypatch, tmp_path):
    """What PYTHONPATH names comes last; where atomlab and what is installed are stays in place."""
    python = [p for p in sys.path if p and Path(p) != ROOT and p != str(tmp_path)]
    monkeypatch.setattr(sys, "path", ["", str(tmp_path), "/named", str(ROOT), *python])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["/named", str(ROOT), ""]))
    monkeypatch.chdir(tmp_path)
    assert process.safe_path() == [str(ROOT), *python, "/named"]
    monkeypatch.chdir(ROOT)
    assert process.safe_path() == [str(ROOT), str(tmp_path), str(ROOT), *python, "/named"]
