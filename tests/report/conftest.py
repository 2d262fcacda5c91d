"""What the report tests share: one real report, and small notebooks that go wrong."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from atomlab.report import running
from atomlab.report.files import PARTIAL
from atomlab.report.notebooks import shipped_notebook
from atomlab.report.plan import Task
from atomlab.report.running import Outcome, Report
from tests.conftest import ROOT

PARAMETERS = 'tenant: str = "brennan"  # a tenant\nlimit: int = 3  # a number\n'


def run_report(notebook, values, folder, *, pdf=False, timeout_s=300, on_cell=None):
    """Run a notebook with these parameters into a report in the folder, and return it."""
    return running.run_report(Task(notebook, values, folder, pdf=pdf), timeout_s, on_cell)


@pytest.fixture(scope="session")
def arguments():
    """Return the notebook's parameters for the Brennan incident."""
    return {
        "snapshot": str(ROOT / "data" / "snapshots" / "brennan-2026-05-02.sqlite"),
        "tenant": "brennan",
        "hypothesis": str(ROOT / "data" / "hypotheses" / "brennan-minimax.yaml"),
    }


@pytest.fixture(scope="session")
def report(arguments, tmp_path_factory):
    """Return the report of the Brennan incident, made once."""
    notebook = shipped_notebook("root_cause_verification")
    return run_report(notebook, arguments, tmp_path_factory.mktemp("report"))


@pytest.fixture
def notebook(tmp_path):
    """Return a function that writes a notebook with a parameters cell and the given code."""

    def make(code, parameters=PARAMETERS):
        declared = new_code_cell(parameters, metadata={"tags": ["parameters"]})
        cells = [declared, new_markdown_cell("## The step in question"), new_code_cell(code)]
        path = tmp_path / "small.ipynb"
        nbformat.write(new_notebook(cells=cells), path)
        return path

    return make


@pytest.fixture
def short_path():
    """Return a temporary folder of a short name: scratch folders are in no long one."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        yield Path(folder)


@pytest.fixture
def outcome(tmp_path):
    """Return a function that gives a report's outcome, its files in place below `out`.

    `summary` is what the findings' summary says beside what each has to say.
    """

    def make(
        name, result, summary=None, *, answer="An answer. More.", subject="", kept=(), mode=""
    ):
        folder = tmp_path / "out" / (subject or re.sub(r"\W", "-", name)[:40])
        folder.mkdir(parents=True)
        task = Task(Path("x.ipynb"), {"tenant": f"id of {name}"}, folder, subject or name, name)
        if result == "failed":
            (folder / PARTIAL).write_text("{}")
            return Outcome(task, None, "the kernel died" if "More" in answer else answer, 1.5)
        if summary is not None:
            summary = {"title": f"{name}: so it is", "status": result, "what": "", **summary}
        for file in ("report.html", "notebook.ipynb", "findings.json"):
            (folder / file).write_text("")
        report = Report(result, answer, folder, mode=mode, summary=summary, kept=kept)
        return Outcome(task, report, "", 1.5)

    return make
