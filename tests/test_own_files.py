"""No command writes on, or removes, a file that it was given, or one that it did not write."""

from __future__ import annotations

import hashlib
import json
import resource
import shutil
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest

from tests.attacks import tries
from tests.conftest import ROOT

TENANT = ("--tenant", "brennan")
NAMES = ("SHA256SUMS", "findings.json", "report.html", "notebook.ipynb", "notebook.partial.ipynb")


@pytest.fixture
def given(tmp_path, make_database):
    """Return the files that commands read, by what they are."""
    files = {
        "snapshot": ROOT / "data" / "snapshots" / "brennan-2026-05-02.sqlite",
        "hypothesis": ROOT / "data" / "hypotheses" / "brennan-minimax.yaml",
        "notebook": ROOT / "notebooks" / "tenant_triage.ipynb",
    }
    made = tmp_path / "given"
    made.mkdir()
    for name, file in files.items():
        files[name] = Path(shutil.copy(file, made / f"{name}{file.suffix}"))
    return {**files, "database": make_database({"brennan": {"MINIMAX_2_7_API_KEY": "k" * 20}})}


def tree(folder):
    """Return every file below a folder, links as they are, with a hash of what is in it."""
    return {
        path.relative_to(folder): (
            str(path.readlink())
            if path.is_symlink()
            else hashlib.sha256(path.read_bytes()).hexdigest()
        )
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


def as_output(file, output, way):
    """Let `file` be there as `output`, in one of the ways in which a file can be at a place."""
    output.parent.mkdir(parents=True, exist_ok=True)
    if way == "moved":
        return file.rename(output)
    {"hard link": output.hardlink_to, "symbolic link": output.symlink_to}[way](file)
    return file


WAYS = ("moved", "hard link", "symbolic link")


def report_attacks():
    """Return what is given in place of a file of the report, which, and how."""
    return [*product(("snapshot", "hypothesis"), NAMES, WAYS)]


@pytest.mark.attack("1 a command and its own inputs, or files of others")
@pytest.mark.parametrize(("what", "output", "way"), report_attacks())
@pytest.mark.parametrize("option", [(), ("--overwrite",)], ids=["kept", "overwrite"])
def test_a_report_replaces_nothing_that_it_reads(run, given, tmp_path, what, output, way, option):
    """Whatever the file is called, and by whatever link; not with leave to overwrite either."""
    out = tmp_path / "out"
    files = given | {what: as_output(given[what], out / output, way)}
    before = tree(tmp_path)
    code, _, err = run(
        *("report", files["snapshot"], *TENANT, "--hypothesis", files["hypothesis"]),
        *("--out", out, *option),
    )
    assert code == 1
    assert str(out / output) in err
    assert tree(tmp_path) == before


@pytest.mark.attack("1 a command and its own inputs, or files of others")
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("output", ["notebook.ipynb", "notebook.partial.ipynb"])
def test_a_report_replaces_no_notebook_that_it_runs(run, given, tmp_path, output, way):
    """The user's notebook is run, not overwritten."""
    out = tmp_path / "out"
    notebook = as_output(given["notebook"], out / output, way)
    before = tree(tmp_path)
    code, _, err = run("report", given["snapshot"], *TENANT, "--notebook", notebook, "--out", out)
    assert code == 1
    assert str(out / output) in err
    assert tree(tmp_path) == before


@pytest.mark.attack("1 a command and its own inputs, or files of others")
def test_a_report_can_be_run_again_but_not_over_its_own_notebook(run, given, tmp_path):
    """What a report wrote it replaces; what it is given it does not, its own work or not."""
    again = ("report", given["snapshot"], *TENANT, "--out", tmp_path / "out")
    assert run(*again)[0] == run(*again)[0] == 3
    before = tree(tmp_path)
    executed = tmp_path / "out" / "notebook.ipynb"
    for option in ((), ("--overwrite",)):
        code, _, err = run(*again, "--notebook", executed, *option)
        assert code == 1
        assert "is one of the files to read and is kept" in err
        assert tree(tmp_path) == before


@pytest.mark.attack("1 a command and its own inputs, or files of others")
@pytest.mark.parametrize(
    "output",
    [
        "report.pdf",
        "SHA256SUMS",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("index.html", "report.html")),
    ],
)
def test_a_file_of_somebody_else_is_kept(run, given, tmp_path, output):
    """A PDF that is not asked for stays beside the report; of others the report is refused."""
    out = tmp_path / "out"
    out.mkdir()
    (out / output).write_text("mine")
    several = [*TENANT, "--tenant", "northwind"] if output == "index.html" else TENANT
    command = ("report", given["snapshot"], *several, "--out", out)
    code, _, err = run(*command)
    assert (out / output).read_text() == "mine"
    assert code == (3 if output == "report.pdf" else 1)
    assert output == "report.pdf" or "is not as a report wrote it and is kept" in err
    code, _, _ = run(*command, "--overwrite", *(["--format", "pdf"] if "pdf" in output else []))
    assert code == 3
    assert (out / output).read_bytes() != b"mine"


@pytest.mark.attack("1 a command and its own inputs, or files of others")
@pytest.mark.parametrize("output", [*NAMES[1:], "report.pdf"])
def test_hashes_of_ones_own_files_let_no_report_replace_them(run, given, tmp_path, output):
    """Who has run `sha256sum * > SHA256SUMS` has listed files that no report wrote."""
    out = tmp_path / "out"
    out.mkdir()
    (out / output).write_text("mine")
    listed = hashlib.sha256(b"mine").hexdigest()
    (out / "SHA256SUMS").write_text(f"{listed}  {output}\n")
    before = tree(out)
    code, _, err = run("report", given["snapshot"], *TENANT, "--out", out)
    assert code == 1
    assert "is not as a report wrote it and is kept" in err
    assert tree(out) == before


@pytest.mark.attack("1 a command and its own inputs, or files of others")
@pytest.mark.parametrize("named", ["findings.json", "other/../findings.json", ""])
def test_a_file_that_a_notebook_reads_from_its_folder_is_kept(run, given, tmp_path, named):
    """A parameter names it as the notebook finds it; where none is given, its default does."""
    notebook = given["notebook"].rename(tmp_path / "own.ipynb")
    cells = json.loads(notebook.read_text())
    (cell,) = (c for c in cells["cells"] if "parameters" in c["metadata"].get("tags", ()))
    cell["source"] = ["".join(cell["source"]), '\nolder: str = "./findings.json"  # to compare\n']
    notebook.write_text(json.dumps(cells))
    (tmp_path / "other").mkdir()
    (tmp_path / "findings.json").write_text("mine")
    before = tree(tmp_path)
    parameter = ("-p", f"older={named}") if named else ()
    code, _, err = run(
        *("report", given["snapshot"], *TENANT, "--notebook", notebook, *parameter),
        *("--out", tmp_path, "--overwrite"),
    )
    assert code == 1
    assert "is one of the files to read and is kept" in err
    assert tree(tmp_path) == before


def other_attacks(given, out):
    """Yield command lines, the file that each would write, and what is given in its place."""
    snapshot, database = given["snapshot"], given["database"]
    files = ("--pricing", "--providers", "--catalog", "--env", "--keys", "--rules")
    inputs = dict.fromkeys(files, given["hypothesis"])
    inputs |= {"--parent": snapshot, "--key-file": given["notebook"]}
    for option, file in inputs.items():
        yield ("capture", database, option, file, "--out", out), out, file
    for option, file in inputs.items():
        if option != "--key-file":
            line = ("capture", database, option, file, "--key-file", out, "--out")
            yield (*line, out.with_name("another")), out, file
    yield ("capture", database, "--out", out), out, database
    server = f"postgresql://u@127.0.0.1:1/db?sslkey={given['notebook']}"
    yield ("capture", server, "--out", out), out, given["notebook"]
    yield ("fix", snapshot, *TENANT, "--out", out), out, snapshot
    beside = out.with_name("rollback.sql")
    rollback = out.with_name("rollback.rollback.sql")
    yield ("fix", snapshot, *TENANT, "--out", beside), rollback, snapshot
    yield ("postmortem", given["notebook"], "--format", "md", "--out", out), out, given["notebook"]
    events = ("postmortem", given["notebook"], "--events", given["hypothesis"], "--format", "md")
    yield (*events, "--out", out), out, given["hypothesis"]


@pytest.mark.attack("1 a command and its own inputs, or files of others")
@pytest.mark.parametrize("way", ["hard link", "symbolic link", "itself", "dotted"])
def test_no_other_command_replaces_what_it_reads(run, given, tmp_path, way):
    """Every command that writes, each of its outputs, each of its inputs in that place."""
    out = tmp_path / "there" / "out.md"
    out.parent.mkdir()
    done = 0
    for line, output, file in tries(other_attacks(given, out)):
        target = output
        if way in ("itself", "dotted"):
            target = file if way == "itself" else file.parent / ".." / file.parent.name / file.name
            if output != out:
                continue  # its name follows from another
        else:
            as_output(file, output, way)
        before = tree(tmp_path)
        words = [target if word == out else word for word in line]
        code, _, err = run(*words, "--overwrite")
        assert code in (1, 2), (words, err)
        assert tree(tmp_path) == before, words
        if way not in ("itself", "dotted"):
            output.unlink()
        done += 1
    assert done > 15


@pytest.mark.attack("8 a full disk")
@pytest.mark.parametrize("old", [pytest.param(None, marks=pytest.mark.slow), "old"])
def test_a_script_and_its_rollback_are_there_together_or_not_at_all(given, tmp_path, old):
    """The disk is full at any size: both are new, or both are as they were."""
    command = [sys.executable, "-m", "atomlab", "fix", given["snapshot"], *TENANT]
    command += ["--complexity", "simple", "--overwrite", "--out", tmp_path / "fix.sql"]
    places = (tmp_path / "fix.sql", tmp_path / "fix.rollback.sql")

    def written(limit):
        for place in places:
            place.write_text(old) if old else place.unlink(missing_ok=True)
        bound = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))  # noqa: E731
        done = subprocess.run(command, preexec_fn=bound, capture_output=True, text=True)
        there = [place.read_text() if place.exists() else None for place in places]
        return done.returncode, done.stderr, there

    code, _, (script, rollback) = written(10**6)
    assert code == 0
    sizes = sorted((len(script), len(rollback)))
    for limit in (0, sizes[0] - 1, sizes[0], sizes[1] - 1):
        code, err, there = written(limit)
        assert code == 1
        assert "cannot be written (File too large)" in err
        assert there == [old, old]
    assert written(sizes[1])[2] == [script, rollback]
