"""Reports: whole or not at all, proven by verdicts, and honest about failures."""

from __future__ import annotations

import json
import time
from pathlib import Path

import nbformat
import pytest

import atomlab
from atomlab import AtomlabError
from atomlab.report.parameters import check_parameters, declared_parameters
from atomlab.report.runner import run_report, shipped_notebook
from tests.conftest import ROOT


def injected(report):
    """Return the source of the cell that papermill injected."""
    cells = nbformat.read(report.notebook, as_version=4).cells
    return next(c.source for c in cells if "injected-parameters" in c.metadata.get("tags", []))


def test_the_report_states_the_verdict_that_the_claims_have(report):
    """The verdict comes from the findings, and the files are all there."""
    findings = json.loads(report.findings.read_text())

    assert report.verdict == findings["verdict"] == "confirmed"
    assert {c["verdict"] for c in findings["verification"]["claims"]} == {"confirmed"}
    assert sorted(path.name for path in report.folder.iterdir()) == [
        "findings.json",
        "notebook.ipynb",
        "report.html",
    ]


def test_every_cell_ran_without_an_error_or_a_warning(report):
    """The executed notebook has no error output and nothing on stderr."""
    outputs = [
        output
        for cell in nbformat.read(report.notebook, as_version=4).cells
        if cell.cell_type == "code"
        for output in cell.outputs
    ]
    assert outputs
    assert {output.output_type for output in outputs} <= {"execute_result", "display_data"}


def test_a_tenant_that_looks_like_a_number_stays_text(arguments, tmp_path):
    """Tenant "0042" reaches the notebook as text, and its report is about that tenant."""
    made = run_report(
        shipped_notebook("root_cause_verification"), {**arguments, "tenant": "0042"}, tmp_path
    )
    assert 'tenant = "0042"' in injected(made)
    assert json.loads(made.findings.read_text())["diagnosis"]["tenant"]["name"] == "0042"
    assert made.verdict == "refuted"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"tennant": "x"}, "no parameter 'tennant'; did you mean tenant"),
        ({"colour": "x"}, "no parameter 'colour'; it declares tenant, limit"),
        ({"limit": "banana"}, "limit is int, not 'banana'; give a value like 3"),
        ({"limit": 3.5}, "limit is int, not 3.5"),
        ({"limit": True}, "limit is int, not True"),
        ({"tenant": 42}, "tenant is str, not 42"),
    ],
)
def test_parameters_are_checked_before_a_kernel_starts(notebook, tmp_path, given, message):
    """An undeclared name or a value of another type is an error, and nothing is written."""
    out = tmp_path / "out"
    with pytest.raises(AtomlabError, match=message):
        run_report(notebook("1 / 0"), given, out)
    assert not out.exists()


def test_text_is_converted_to_the_declared_type_and_only_there(notebook):
    """`-p limit=7` is a number because the notebook says so; `0042` for a str stays text."""
    path = notebook("pass")
    declared = declared_parameters(nbformat.read(path, as_version=4), path)

    values = check_parameters({"limit": "7", "tenant": "0042"}, declared, path)
    assert values == {"limit": 7, "tenant": "0042"}


@pytest.mark.parametrize("line", ["tenant = 'x'", "tenant: str = 'x'", "tenant: list = []  # h"])
def test_a_parameters_cell_of_another_form_is_an_error(notebook, tmp_path, line):
    """Every parameter declares its type and its help."""
    with pytest.raises(AtomlabError, match="write name: type = default  # help"):
        run_report(notebook("pass", line), {}, tmp_path / "out")


def test_the_shipped_notebook_declares_its_parameters():
    """The four parameters of the investigation, each with its help."""
    path = shipped_notebook("root_cause_verification")
    declared = declared_parameters(nbformat.read(path, as_version=4), path)
    assert list(declared) == ["snapshot", "tenant", "hypothesis", "complexity"]
    assert all(parameter.help for parameter in declared.values())


@pytest.fixture
def earlier(tmp_path):
    """Return a folder that holds an earlier report."""
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "report.html").write_text("the earlier report")
    return folder


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("raise KeyError('gone')", "'The step in question' failed: KeyError: 'gone'"),
        ("import os; os._exit(7)", "kernel died in .*'The step in question'"),
        ("print('all is well')", "states no findings"),
    ],
    ids=["exception", "kernel death", "no findings"],
)
def test_a_failed_notebook_is_kept_and_its_cell_named(notebook, earlier, code, message):
    """Whatever goes wrong, the partial notebook is kept beside the earlier report."""
    with pytest.raises(AtomlabError, match=message) as caught:
        run_report(notebook(code), {}, earlier)

    assert "\n" not in str(caught.value)
    assert sorted(p.name for p in earlier.iterdir()) == ["notebook.failed.ipynb", "report.html"]
    assert (earlier / "report.html").read_text() == "the earlier report"
    assert nbformat.read(earlier / "notebook.failed.ipynb", as_version=4).cells


def test_the_deadline_bounds_the_whole_run(notebook, earlier):
    """A notebook that does not finish is stopped, and its cell named."""
    started = time.monotonic()
    with pytest.raises(AtomlabError, match="'The step in question' was still running after 4 sec"):
        run_report(notebook("import time; time.sleep(120)"), {}, earlier, timeout_s=4)
    assert time.monotonic() - started < 60
    assert (earlier / "report.html").read_text() == "the earlier report"


def test_a_folder_that_cannot_be_written_is_one_clear_line(notebook, tmp_path):
    """A file where the folder should be is named, before a kernel starts."""
    (tmp_path / "file").write_text("")
    with pytest.raises(AtomlabError, match=r"cannot be written.*name another folder"):
        run_report(notebook("pass"), {}, tmp_path / "file" / "out")


def test_a_report_is_about_the_hypothesis_own_request(arguments, tmp_path):
    """An advanced request with tools: the report's verdict is verify's, and ranks that request."""
    claims = Path(arguments["hypothesis"]).read_text()
    wanted = "complexity: advanced\n  tools: true"
    path = tmp_path / "advanced.yaml"
    path.write_text(claims.replace("complexity: moderate", wanted))
    made = run_report(
        shipped_notebook("root_cause_verification"),
        {**arguments, "hypothesis": str(path)},
        tmp_path / "out",
    )
    with atomlab.open_snapshot(arguments["snapshot"]) as snapshot:
        alone = atomlab.verify(snapshot, atomlab.load_hypothesis(path))

    findings = json.loads(made.findings.read_text())
    assert made.verdict == alone.verdict == "refuted"
    assert findings["request"] == alone.request.to_json()
    assert (findings["request"]["complexity"], findings["request"]["tools"]) == ("advanced", True)
    assert findings["verification"]["claims"] == alone.to_json()["claims"]


def test_the_shipped_notebooks_are_documents():
    """No outputs, no def, class or SQL, short cells, one parameters cell, ids kept."""
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        cells = nbformat.read(path, as_version=4).cells
        code = [cell for cell in cells if cell.cell_type == "code"]
        assert not any(cell.outputs for cell in code)
        assert all(cell.source.count("\n") < 8 for cell in code)
        for word in ("def ", "class ", "SELECT ", "INSERT "):
            assert not any(word in cell.source for cell in code), (path.name, word)
        assert all(cell.id for cell in cells)
