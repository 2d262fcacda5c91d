"""Batches: a process for each report, whatever becomes of the others."""

from __future__ import annotations

import os

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from atomlab.report import batch
from atomlab.report.batch import default_jobs, run_batch
from atomlab.report.plan import Task
from tests.conftest import ROOT

SNAPSHOT = str(ROOT / "data" / "snapshots" / "brennan-2026-05-02.sqlite")
PARAMETERS = 'snapshot: str = ""  # a snapshot\ntenant: str = ""  # a tenant\n'
FINDINGS = """from IPython.display import display
from atomlab.diagnosis.findings import MIME
from atomlab.diagnosis.triage import triage
import atomlab
found = triage(atomlab.open_snapshot(snapshot), "delta", "simple").to_json()
display({MIME: found | {"answer": told}, "text/plain": "x"}, raw=True)"""


@pytest.fixture
def tasks(tmp_path):
    """Return a function that gives a task for each name, on a notebook with the given code."""

    def make(code, names):
        cells = [
            new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]}),
            new_code_cell(code),
            new_code_cell(FINDINGS),
        ]
        path = tmp_path / "small.ipynb"
        nbformat.write(new_notebook(cells=cells), path)
        return [
            Task(path, {"snapshot": SNAPSHOT, "tenant": name}, tmp_path / "out" / name, name, name)
            for name in names
        ]

    return make


def test_each_report_is_its_own_process_and_kernel(tasks):
    """Nothing that one notebook does to its kernel or its modules reaches the next."""
    code = """import os, sys
import atomlab.errors
seen = getattr(atomlab.errors, "touched", "untouched")
atomlab.errors.touched = tenant
told = f"{seen} {os.getpid()} {os.getppid()}" """
    outcomes = list(run_batch(tasks(code, ["a", "b", "c"]), 1, 60))
    told = [outcome.report.answer.split() for outcome in outcomes]
    assert [outcome.task.subject for outcome in outcomes] == ["a", "b", "c"]
    assert {words[0] for words in told} == {"untouched"}
    assert len({pid for words in told for pid in words[1:]} | {str(os.getpid())}) == 7


def test_the_kernel_is_warm_and_the_notebook_s_names_are_its_own(tasks):
    """Pandas is loaded before the first cell, and no name of the loading is in the notebook."""
    code = """import sys
told = str(("pandas" in sys.modules, sorted(n for n in globals() if n in ("gc", "name"))))"""
    (outcome,) = run_batch(tasks(code, ["a"]), 1, 60)
    assert outcome.report.answer == "(True, [])"


def test_as_many_run_at_once_as_jobs_were_asked_for(tasks, tmp_path):
    """Two jobs: each of two notebooks waits for the other to have started, and both end."""
    code = f"""import pathlib, time
folder = pathlib.Path({str(tmp_path)!r})
(folder / f"{{tenant}}.started").touch()
while len(list(folder.glob("*.started"))) < 2: time.sleep(0.05)
told = "together" """
    outcomes = list(run_batch(tasks(code, ["a", "b"]), 2, 60))
    assert [outcome.report.answer for outcome in outcomes] == ["together", "together"]


def test_a_long_answer_does_not_block_its_process(tasks):
    """It is more than a pipe holds, and is read while the process still writes it."""
    (outcome,) = run_batch(tasks("told = 'x' * 300_000", ["a"]), 1, 60)
    assert len(outcome.report.answer) == 300_000
    assert outcome.seconds < 55


def test_parameters_that_do_not_fit_fail_their_own_report(tasks):
    """What is wrong with one task is its outcome, in one line."""
    bad, good = tasks("told = ''", ["a", "b"])
    bad.parameters["tennant"] = "x"
    outcomes = {outcome.task.subject: outcome for outcome in run_batch([bad, good], 1, 60)}
    assert outcomes["a"].result == "failed"
    assert "did you mean tenant?" in outcomes["a"].error
    assert outcomes["b"].result == "affected"


def test_a_fault_of_our_own_is_a_failed_report_too(tasks, tmp_path):
    """An exception that nobody expected is named in the line, and stops nothing."""
    (task,) = tasks("told = ''", ["a"])
    odd = Task(task.notebook, None, tmp_path, "a", "a")
    outcomes = list(run_batch([odd, task], 1, 60))
    assert [outcome.result for outcome in outcomes] == ["failed", "affected"]
    assert "AttributeError" in outcomes[0].error


def test_a_process_that_is_killed_fails_its_own_report(tasks):
    """The line says how it ended; the next report is made."""
    code = "import os, signal; told = ''; tenant == 'a' and os.kill(os.getppid(), signal.SIGKILL)"
    outcomes = {
        outcome.task.subject: outcome for outcome in run_batch(tasks(code, ["a", "b"]), 1, 60)
    }
    assert outcomes["a"].result == "failed"
    assert "its process ended, exit code -9" in outcomes["a"].error
    assert outcomes["b"].result == "affected"


def test_a_process_that_does_not_end_in_time_is_killed(tasks, monkeypatch):
    """Where the deadline inside a report's process does not work, the one outside does."""
    monkeypatch.setattr(batch, "GRACE_S", -57.0)  # so that the outer one comes first
    (task,) = tasks("import time; time.sleep(300)", ["a"])
    (outcome,) = run_batch([task], 1, 58)
    assert outcome.result == "failed"
    assert "was still running after 58 seconds in all" in outcome.error
    assert 1 <= outcome.seconds < 30


def test_nothing_to_make_makes_nothing():
    """No task, no process, no outcome."""
    assert list(run_batch([], 4, 60)) == []


def test_the_default_is_a_job_per_core_up_to_four(monkeypatch):
    """Processors that this process may not use do not count."""
    for cores, jobs in ((1, 1), (2, 2), (64, 4)):
        monkeypatch.setattr(
            os, "sched_getaffinity", lambda _, n=cores: set(range(n)), raising=False
        )
        assert default_jobs() == jobs
