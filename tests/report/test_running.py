"""Reports: whole or not at all, proven by verdicts, and honest about failures."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
from hashlib import sha256
from pathlib import Path

import nbformat
import pypdf
import pytest

import atomlab
from atomlab import AtomlabError
from atomlab.errors import ReportError
from atomlab.report.files import PARTIAL, RECORD, ReportFolder
from atomlab.report.notebooks import shipped_notebook
from tests.refusals import is_one_line, refused
from tests.report.conftest import run_report

SLOW = pytest.mark.slow


def injected(report):
    """Return the source of the cell that papermill injected."""
    cells = nbformat.read(report.folder / "notebook.ipynb", as_version=4).cells
    return next(c.source for c in cells if "injected-parameters" in c.metadata.get("tags", []))


def test_the_report_states_the_verdict_that_the_claims_have(report):
    """The verdict comes from the findings, and the files are all there."""
    findings = json.loads((report.folder / "findings.json").read_text())

    assert report.result == findings["verdict"] == "confirmed"
    assert {c["verdict"] for c in findings["verification"]["claims"]} == {"confirmed"}
    assert sorted(path.name for path in report.folder.iterdir()) == [
        RECORD,
        "explore.html",
        "findings.json",
        "fix.sql",
        "notebook.ipynb",
        "report.html",
    ]


def test_the_script_beside_the_report_is_the_one_that_fix_prints(report, arguments, run):
    """Byte for byte; it is recorded with the other files."""
    _, printed, _ = run("fix", arguments["snapshot"], "--tenant", "brennan")
    script = (report.folder / "fix.sql").read_bytes()
    assert script.decode() == printed
    assert f"{sha256(script).hexdigest()}  fix.sql" in (report.folder / RECORD).read_text()


def test_a_report_without_a_script_keeps_an_earlier_one_and_says_so(notebook, tmp_path):
    """It is not linked, and not written anew; one of the user's own is never touched."""
    folder = tmp_path / "out"
    remedy = '"remedy": {"status": "sql", "words": [], "sql": "X;", "rollback": "Y;"}, "title"'
    run_report(notebook(STATES.replace('"title"', remedy)), {}, folder)
    page = (folder / "report.html").read_text()
    assert (folder / "fix.sql").read_text().splitlines()[0] == "X;"
    assert 'href="fix.sql"' in page
    assert run_report(notebook(STATES), {}, folder).kept == ("fix.sql",)
    assert 'href="fix.sql"' not in (folder / "report.html").read_text()
    (folder / "fix.sql").write_text("mine")
    with refused(ReportError, "is not as a report wrote it and is kept", folder / "fix.sql"):
        run_report(notebook("1 / 0"), {}, folder)
    assert (folder / "fix.sql").read_text() == "mine"


STATES = """
from atomlab.diagnosis.findings import MIME
from IPython.display import display
found = {"verdict": "confirmed", "answer": "It is so.", "title": "A title"}
display({MIME: found, "text/plain": "told"}, raw=True)
"""


def test_a_pdf_is_of_the_run_that_is_beside_it(notebook, tmp_path):
    """It says what the page says; a later run without one keeps it, and tells of it."""
    made = run_report(notebook(STATES), {}, tmp_path / "out", pdf=True)
    first, then = pypdf.PdfReader(made.folder / "report.pdf").pages
    assert "It is so." in first.extract_text()
    assert "The step in question" not in first.extract_text()
    assert "The step in question" in then.extract_text()
    before = (made.folder / "report.pdf").read_bytes()
    assert made.kept == ()
    assert run_report(notebook(STATES), {}, tmp_path / "out").kept == ("report.pdf",)
    assert (made.folder / "report.pdf").read_bytes() == before
    check = ["sha256sum", "--check", "--strict", "--quiet", RECORD]
    assert subprocess.run(check, cwd=made.folder).returncode == 0
    assert run_report(notebook(STATES), {}, tmp_path / "out", pdf=True).kept == ()


@pytest.mark.parametrize("package", ["pypandoc", "typst"])
def test_a_pdf_that_cannot_be_set_is_known_before_anything_runs(
    notebook, tmp_path, monkeypatch, package
):
    """Without a package for it one line says what to install, and nothing is written."""
    monkeypatch.setitem(sys.modules, package, None)
    with refused(ReportError, "pip install 'atomlab[documents]'"):
        run_report(notebook(STATES), {}, tmp_path / "out", pdf=True)
    assert not (tmp_path / "out").exists()


def test_every_cell_ran_without_an_error_or_a_warning(report):
    """The executed notebook has no error output and nothing on stderr."""
    outputs = [
        output
        for cell in nbformat.read(report.folder / "notebook.ipynb", as_version=4).cells
        if cell.cell_type == "code"
        for output in cell.outputs
    ]
    assert outputs
    assert {output.output_type for output in outputs} <= {"execute_result", "display_data"}


def test_a_tenant_that_looks_like_a_number_stays_text(arguments, template, tmp_path):
    """Tenant "0042" reaches the notebook as text, and its report is about that tenant."""
    about = {**arguments, "tenant": "0042", "hypothesis": str(template)}
    made = run_report(shipped_notebook("root_cause_verification"), about, tmp_path)
    assert 'tenant = "0042"' in injected(made)
    assert (
        json.loads((made.folder / "findings.json").read_text())["diagnosis"]["tenant"]["name"]
        == "0042"
    )
    assert made.result == "refuted"


def test_parameters_are_checked_before_a_kernel_starts(notebook, tmp_path):
    """An undeclared name or a value of another type is an error, and nothing is written."""
    out = tmp_path / "out"
    for given in ({"tennant": "x"}, {"limit": "banana"}):
        with pytest.raises(AtomlabError, match=r"no parameter 'tennant'|limit is int"):
            run_report(notebook("1 / 0"), given, out)
    assert not out.exists()


@pytest.fixture
def earlier(tmp_path):
    """Return a folder that holds an earlier report."""
    folder = tmp_path / "out"
    folder.mkdir()
    ReportFolder(folder).write({"report.html": "the earlier report"})
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

    assert is_one_line(str(caught.value))
    assert sorted(p.name for p in earlier.iterdir()) == [RECORD, PARTIAL, "report.html"]
    assert (earlier / "report.html").read_text() == "the earlier report"
    cells = nbformat.read(earlier / PARTIAL, as_version=4).cells
    step = next(cell for cell in cells if cell.source == code)
    assert f"cell {step.id!r}" in str(caught.value) or "states no findings" in message


@pytest.mark.slow
def test_the_deadline_bounds_the_whole_run(notebook, earlier):
    """A notebook that does not finish is stopped, and its cell named."""
    started = time.monotonic()
    with pytest.raises(AtomlabError, match="'The step in question' was still running after 10 sec"):
        run_report(notebook("import time; time.sleep(120)"), {}, earlier, timeout_s=10)
    assert 10 <= time.monotonic() - started < 60
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

    findings = json.loads((made.folder / "findings.json").read_text())
    assert made.result == alone.verdict == "refuted"
    assert findings["request"] == alone.requests[0].to_json()
    assert (findings["request"]["complexity"], findings["request"]["tools"]) == ("advanced", True)
    assert findings["verification"]["claims"] == alone.to_json()["claims"]


def test_a_report_that_succeeds_removes_the_partial_notebook(arguments, notebook, earlier):
    """After a failure and then a success only its files are there, and the record of them."""
    with pytest.raises(AtomlabError):
        run_report(notebook("1 / 0"), {}, earlier)
    assert (earlier / PARTIAL).exists()
    values = {"snapshot": arguments["snapshot"], "tenant": "delta"}
    run_report(shipped_notebook("tenant_triage"), values, earlier)
    names = sorted(path.name for path in earlier.iterdir())
    assert names == [RECORD, "explore.html", "findings.json", "notebook.ipynb", "report.html"]


def test_the_cells_are_named_as_they_start(notebook, tmp_path):
    """Whoever watches hears of each cell once, in order, and how many there are."""
    heard = []
    with pytest.raises(AtomlabError, match="states no findings"):
        run_report(notebook("1"), {"limit": 4}, tmp_path, on_cell=lambda *at: heard.append(at))
    assert heard == [(0, 4), (1, 4), (2, 4), (3, 4)]  # papermill adds one for the parameters


@pytest.mark.parametrize(
    "findings",
    [
        {"verdict": "fine", "answer": ""},
        *(pytest.param(found, marks=SLOW) for found in ({}, {"verdict": "confirmed"})),
    ],
    ids=str,
)
def test_findings_without_a_known_verdict_are_none(notebook, tmp_path, findings):
    """A verdict is one of three, and comes with an answer; anything else proves nothing."""
    code = f"""from atomlab.diagnosis.findings import MIME
from IPython.display import display
display({{MIME: {findings!r}, "text/plain": "x"}}, raw=True)"""
    with pytest.raises(AtomlabError, match="states no findings"):
        run_report(notebook(code), {}, tmp_path)


def test_two_findings_are_an_error(notebook, tmp_path):
    """Whichever counted, the other would be gone without a word."""
    other = STATES.replace("confirmed", "refuted")
    with pytest.raises(AtomlabError, match="states 2 findings, of which one counts"):
        run_report(notebook(STATES + other), {}, tmp_path)
    assert (tmp_path / PARTIAL).exists()


def test_findings_beside_others_that_are_none_are_an_error(notebook, tmp_path):
    """Two are stated, though only one of them has a verdict."""
    other = STATES.replace('"verdict": "confirmed", ', "")
    assert other != STATES
    with pytest.raises(AtomlabError, match="states 2 findings"):
        run_report(notebook(STATES + other), {}, tmp_path)


@pytest.mark.parametrize(
    "wrong",
    [
        '"requests": [1]',
        *(
            pytest.param(form, marks=SLOW)
            for form in ('"snapshot": "s"', '"snapshot": {"name": "s"}', '"verification": {}')
        ),
    ],
)
def test_findings_of_another_form_are_one_clear_line(notebook, tmp_path, wrong):
    """What a notebook of one's own states may be anything; the error says whose it is."""
    code = STATES.replace('"title"', f'{wrong}, "title"')
    with refused(ReportError, "the findings are not in the form", tmp_path / PARTIAL):
        run_report(notebook(code), {}, tmp_path)


@pytest.mark.slow
def test_the_deadline_bounds_the_making_of_the_page_too(notebook, tmp_path, monkeypatch):
    """A page that takes too long is not a report; the notebook is kept."""
    monkeypatch.setattr("atomlab.report.page.to_html", lambda *_, **__: time.sleep(60))
    started = time.monotonic()
    with refused(
        ReportError,
        "the making of the page was still running after 8 seconds in all",
        tmp_path / PARTIAL,
    ):
        run_report(notebook(STATES), {}, tmp_path, timeout_s=8)
    assert time.monotonic() - started < 20
    assert (tmp_path / PARTIAL).exists()


def test_an_error_is_one_printable_line(notebook, tmp_path):
    """Whatever a cell raises, and whatever its heading says, the line can be shown."""
    code = "raise ValueError('\\x1b[31m\\u202e\\n' + 'x' * 1_000_000)"
    with pytest.raises(AtomlabError, match="failed: ValueError") as caught:
        run_report(notebook(code), {}, tmp_path)
    assert is_one_line(str(caught.value))
    assert len(str(caught.value)) < 1500


def test_the_kernel_is_this_python_whatever_else_is_installed(notebook, tmp_path, monkeypatch):
    """A kernel of the user's own that is called python3 too is not what runs."""
    spec = tmp_path / "jupyter" / "kernels" / "python3"
    spec.mkdir(parents=True)
    (spec / "kernel.json").write_text(json.dumps({"argv": ["false"], "display_name": "mine"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    code = "import sys; raise RuntimeError(sys.executable)"
    with pytest.raises(AtomlabError, match=f"RuntimeError: {re.escape(sys.executable)}"):
        run_report(notebook(code), {}, tmp_path / "out")


def test_a_kernel_that_does_not_start_says_why(notebook, tmp_path):
    """What the kernel wrote last before it died is in the line: of the notebook's own folder."""
    (tmp_path / "ipykernel.py").write_text("raise ImportError('no kernel today')")
    line = r"the kernel did not start \(ImportError: no kernel today\)"
    with pytest.raises(AtomlabError, match=line):
        run_report(notebook("pass"), {}, tmp_path / "out", timeout_s=30)
    assert (tmp_path / "out" / PARTIAL).exists()


def test_a_kernel_that_starts_too_slowly_is_told_from_a_slow_cell(notebook, tmp_path):
    """Where the time is up before the first cell, the line says so."""
    (tmp_path / "ipykernel.py").write_text("import time; time.sleep(60)")
    with pytest.raises(
        AtomlabError, match="the kernel's start was still running after 2 seconds in all"
    ):
        run_report(notebook("pass"), {}, tmp_path / "out", timeout_s=2)


def test_nothing_of_a_run_stays_outside_its_folder(notebook, tmp_path, monkeypatch):
    """No history, no connection file, no socket is left when the report is made."""
    for name in ("home", "tmp"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    for variable in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR"):
        monkeypatch.setenv(variable, str(tmp_path / "home" / variable))
    with pytest.raises(AtomlabError, match="states no findings"):
        run_report(notebook("1"), {}, tmp_path / "out")
    assert [path.name for path in (tmp_path / "tmp").iterdir()] == []
    left = [path.name for path in (tmp_path / "home").rglob("*") if path.is_file()]
    assert not [name for name in left if "history" in name or name.startswith("kernel")]


@pytest.mark.parametrize(
    "cell",
    [
        {"cell_type": "code", "source": "1", "outputs": [], "execution_count": None},
        {"cell_type": "markdown", "metadata": {}, "source": 7},
        {"cell_type": "code", "metadata": {}, "source": "1", "outputs": 7},
        {"cell_type": "code", "metadata": {}},
        {"cell_type": "odd", "metadata": {}, "source": "1"},
    ],
    ids=["no metadata", "no text", "no outputs", "no source", "odd kind"],
)
def test_a_notebook_of_another_form_is_one_clear_line(notebook, tmp_path, cell):
    """What no notebook editor would write is refused, or runs like any other."""
    path = notebook("pass")
    document = json.loads(path.read_text())
    document["cells"].append({"id": "odd", **cell})
    path.write_text(json.dumps(document))
    with pytest.raises(AtomlabError, match=r"is not a valid notebook|states no findings") as caught:
        run_report(path, {}, tmp_path / "out")
    assert is_one_line(str(caught.value))
