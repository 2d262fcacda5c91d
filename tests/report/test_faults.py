"""Faults: whatever takes a report away half way, the old one stays whole and nothing is left."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from atomlab.report.files import PARTIAL, RECORD, ReportFolder
from tests.conftest import ROOT
from tests.refusals import is_one_line

SLOW = pytest.mark.slow
SNAPSHOT = str(ROOT / "data" / "snapshots" / "brennan-2026-05-02.sqlite")
OLD = {"report.html": "old page", "findings.json": "old findings", "notebook.ipynb": "old notebook"}
PARAMETERS = 'snapshot: str = ""  # a snapshot\ntenant: str = ""  # a tenant\n'
FINDINGS = """import atomlab
from atomlab.diagnosis.triage import triage
from atomlab.show.cards import Findings
Findings(triage(atomlab.open_snapshot(snapshot), tenant, "simple"))"""


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a notebook: what it prints first, the step, the findings."""

    def make(step):
        cells = [
            new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]}),
            new_markdown_cell("## The first step"),
            new_code_cell("print('the first output')"),
            new_markdown_cell("## The step in question"),
            new_code_cell(step),
            new_code_cell(FINDINGS),
        ]
        path = tmp_path / "small.ipynb"
        nbformat.write(new_notebook(cells=cells), path)
        return path

    return make


@pytest.fixture
def start(tmp_path):
    """Return a function that starts `atomlab report`; all its processes are ended with the test."""
    started = []

    def run(notebook, tenants, *, out="out", options=(), **given):
        (tmp_path / "t").mkdir(exist_ok=True)
        command = [sys.executable, "-c", "from atomlab.cli import main; main()", "report", SNAPSHOT]
        command += [part for tenant in tenants for part in ("--tenant", tenant)]
        command += ["--notebook", str(notebook), "--out", str(tmp_path / out), *options]
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path / "t")},
            start_new_session=True,
            **given,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        for each in (*family(process), process):
            each.kill()
        process.communicate()


def family(process):
    """Return the process's descendants, as long as it lives."""
    try:
        return psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def until(happened: Callable[[], object], seconds: float = 60) -> object:
    """Return what `happened` returns as soon as that is true; fail after so many seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := happened():
            return found
        time.sleep(0.05)
    raise AssertionError(f"{happened} did not happen")


def kept(folder):
    """Return the output of the first step if the partial notebook in `folder` has it."""
    try:
        notebook = json.loads((folder / PARTIAL).read_text())
    except FileNotFoundError:
        return None
    outputs = [o for cell in notebook["cells"] for o in cell.get("outputs", [])]
    return next(("".join(o["text"]) for o in outputs if "text" in o), None)


def partial_text(folder):
    """Return the partial notebook in `folder` as its file says it, if it is there."""
    path = folder / PARTIAL
    return path.read_text() if path.exists() else ""


def gone(processes):
    """Return whether none of the processes runs any more."""
    return not [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


def put_old_report(folder):
    folder.mkdir(parents=True)
    ReportFolder(folder).write(OLD)


def holds_old_report(folder):
    """Return whether every file of the old report is as it was."""
    return all((folder / name).read_text() == text for name, text in OLD.items())


def one_error(stderr):
    """Return the one line of error, progress aside."""
    lines = [line for line in stderr.splitlines() if line.startswith("atomlab: ")]
    assert len(lines) == 1
    assert "Traceback" not in stderr
    assert is_one_line(lines[0])
    return lines[0]


@pytest.mark.slow
def test_a_killed_atomlab_leaves_the_old_report_and_the_partial_notebook(start, write, tmp_path):
    """SIGKILL half way: the old report is whole, the partial notebook beside it, no kernel left."""
    put_old_report(tmp_path / "out")
    process = start(write("import time; time.sleep(300)"), ["brennan"])
    until(lambda: kept(tmp_path / "out"))
    children = family(process)
    assert children
    process.kill()
    process.communicate()
    until(lambda: gone(children), 20)
    assert holds_old_report(tmp_path / "out")
    assert kept(tmp_path / "out") == "the first output\n"
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted([PARTIAL, RECORD, *OLD])


def test_a_terminated_report_is_one_clear_line_and_keeps_what_ran(start, write, tmp_path):
    """SIGTERM half way: exit 130, the old report whole, the partial one beside it, no kernel."""
    put_old_report(tmp_path / "out")
    process = start(write("import time; time.sleep(300)"), ["brennan"])
    until(lambda: kept(tmp_path / "out"))
    children = family(process)
    process.terminate()
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, "")
    assert "was asked to end before it was done" in one_error(err)
    assert PARTIAL in one_error(err)
    until(lambda: gone(children), 20)
    assert holds_old_report(tmp_path / "out")
    assert kept(tmp_path / "out") == "the first output\n"
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted([PARTIAL, RECORD, *OLD])
    assert list((tmp_path / "t").iterdir()) == []


@pytest.mark.slow
def test_a_partial_notebook_keeps_up_with_a_long_cell(start, write, tmp_path):
    """What a cell has put out is there a second or two later, however long the cell goes on."""
    step = "import time\nfor n in range(100): print(f'line {n}', flush=True); time.sleep(0.5)"
    process = start(write(step), ["brennan"])
    until(lambda: "line 4" in partial_text(tmp_path / "out"))
    process.kill()
    process.communicate(timeout=30)


def test_an_interrupted_report_leaves_nothing(start, write, tmp_path):
    """Ctrl-C: one line, exit 130, no folder, no kernel, no temporary file."""
    process = start(write("import time; time.sleep(300)"), ["brennan"], out="new/out")
    until(lambda: kept(tmp_path / "new" / "out"))
    children = family(process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert one_error(err) == "atomlab: interrupted"
    until(lambda: gone(children), 20)
    assert not (tmp_path / "new").exists()
    assert list((tmp_path / "t").iterdir()) == []


@pytest.mark.slow
def test_an_interrupt_keeps_the_old_report(start, write, tmp_path):
    """What an earlier run left is as it was, and nothing is beside it."""
    put_old_report(tmp_path / "out")
    process = start(write("import time; time.sleep(300)"), ["brennan"])
    until(lambda: kept(tmp_path / "out"))
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert holds_old_report(tmp_path / "out")
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted([RECORD, *OLD])


@pytest.mark.slow
def test_a_kernel_that_is_taken_away_is_one_clear_line(start, write, tmp_path):
    """Exit 1, the cell named, the old report whole, the partial notebook beside it."""
    put_old_report(tmp_path / "out")
    step = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    process = start(write(step), ["brennan"])
    out, err = process.communicate(timeout=120)
    assert (process.returncode, out) == (1, "")
    line = one_error(err)
    assert "the kernel died in cell" in line
    assert "under 'The step in question'" in line
    assert str(tmp_path / "out" / PARTIAL) in line
    assert holds_old_report(tmp_path / "out")
    assert kept(tmp_path / "out") == "the first output\n"


@pytest.mark.slow
def test_a_full_disk_is_one_clear_line(start, write, tmp_path):
    """No file can grow past a limit: exit 1, the old report whole, a whole partial notebook."""
    put_old_report(tmp_path / "out")
    step = "import time; time.sleep(1.5); print('x' * 300_000)"

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

    process = start(write(step), ["brennan"], preexec_fn=limit)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, out) == (1, "")
    line = one_error(err)
    assert "cannot be written (File too large)" in line
    assert "make room" in line
    assert holds_old_report(tmp_path / "out")
    assert kept(tmp_path / "out") == "the first output\n"
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted([PARTIAL, RECORD, *OLD])


@pytest.mark.slow
def test_one_failure_does_not_stop_the_others(start, write, tmp_path):
    """Of four reports one raises, one loses its kernel, one its process: the fourth is made."""
    step = """import os, signal, time
if tenant.startswith("31c06fc4"): raise KeyError("gone")
if tenant.startswith("6b9f0093"): os.kill(os.getpid(), signal.SIGKILL)
if tenant.startswith("1d85097a"): time.sleep(2); os.kill(os.getppid(), signal.SIGKILL)"""
    names = ["brennan", "mosaic", "harbor", "cascade"]
    process = start(write(step), names, options=["--jobs", "2"])
    out, err = process.communicate(timeout=180)
    assert process.returncode == 1
    first, last = out.splitlines()
    assert first.startswith("cascade: affected ")
    failed = "1 of 1 tenant is affected; 3 reports could not be made"
    assert last == f"{failed}; index: {tmp_path / 'out' / 'index.html'}"
    told = dict(
        line.removeprefix("atomlab: ").split(": ", 1)
        for line in err.splitlines()
        if line.startswith("atomlab: ")
    )
    assert list(told) == ["brennan", "harbor", "mosaic"]
    assert "failed: KeyError: 'gone'" in told["brennan"]
    assert "the kernel died in cell" in told["mosaic"]
    assert "its process ended, exit code -9; open that notebook" in told["harbor"]
    assert all(str(tmp_path / "out" / name / PARTIAL) in line for name, line in told.items())
    assert all(kept(tmp_path / "out" / name) for name in told)
    assert (tmp_path / "out" / "cascade" / "report.html").exists()


@pytest.mark.slow
def test_the_deadline_is_each_report_s_own(start, write, tmp_path):
    """The slow one is stopped in time and named, the other is made."""
    step = "import time; time.sleep(300 if tenant.startswith('31c06fc4') else 0)"
    options = ["--jobs", "1", "--timeout", "12"]
    process = start(write(step), ["brennan", "cascade"], options=options)
    out, err = process.communicate(timeout=180)
    assert process.returncode == 1
    assert "brennan: " in one_error(err)
    assert "was still running after 12 seconds in all" in one_error(err)
    assert out.startswith("cascade: affected")


@pytest.mark.slow
def test_a_batch_that_is_ended_before_any_report_keeps_the_old_index(start, write, tmp_path):
    """The page of an earlier batch is not replaced by one that lists nothing."""
    (tmp_path / "out").mkdir()
    index = tmp_path / "out" / "index.html"
    ReportFolder(tmp_path / "out").write({"index.html": "the old index"})
    process = start(write("import time; time.sleep(300)"), ["brennan", "harbor"])
    until(lambda: kept(tmp_path / "out" / "brennan"))
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert index.read_text() == "the old index"


@SLOW
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_batch_that_is_ended_leaves_no_process(start, write, tmp_path, number):
    """Finished reports stay, no process does; after Ctrl-C no folder of what was not finished."""
    step = "import time; time.sleep(0 if tenant.startswith('353c06a9') else 300)"
    options = ["--jobs", "2"]
    process = start(write(step), ["cobalt", "brennan", "harbor"], options=options)
    out = tmp_path / "out"
    until(lambda: kept(out / "brennan") and kept(out / "harbor"))
    assert (out / "cobalt" / "report.html").exists()
    children = family(process)
    assert len(children) >= 4  # two workers, their kernels
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    until(lambda: gone(children), 20)
    index = out / "index.html"
    assert index.exists() == (number != signal.SIGKILL)  # it lists what was finished
    assert not index.exists() or "2 of 3 reports were not made" in index.read_text()
    assert (out / "cobalt" / "report.html").exists()
    if number != signal.SIGKILL:
        assert list((tmp_path / "t").iterdir()) == []
    if number != signal.SIGINT:
        assert kept(out / "brennan") == kept(out / "harbor") == "the first output\n"
        assert process.returncode == (130 if number == signal.SIGTERM else -signal.SIGKILL)
        assert number == signal.SIGKILL or "was asked to end before" in one_error(err)
        return
    assert process.returncode == 130
    assert one_error(err) == "atomlab: interrupted"
    assert sorted(path.name for path in out.iterdir()) == [
        RECORD,
        "cobalt",
        "index.csv",
        "index.html",
    ]
