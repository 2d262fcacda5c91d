"""The shipped notebooks: documents that answer one question each, and run for anybody's data."""

from __future__ import annotations

import json
import re
import shutil

import nbformat
import pytest
from nbclient import NotebookClient

import atomlab
from atomlab.errors import InputError
from atomlab.report.notebooks import (
    START,
    find_notebook,
    findings_in,
    parameters_of,
    shipped_notebook,
    shipped_notebooks,
)
from atomlab.report.page import to_html
from tests.conftest import ROOT
from tests.pages import Page
from tests.refusals import refused
from tests.report.conftest import run_report

SLOW = pytest.mark.slow
# What two ask for is a status, not a verdict; and the fix leaves advanced requests as they were.
RESULTS = {"fleet_impact": "affected", "tenant_triage": "affected", "confirmation": "refuted"}
NAMES = (
    "confirmation",
    "fix_comparison",
    "fleet_impact",
    "root_cause_verification",
    "tenant_triage",
    "what_changed",
)
SECTIONS = [
    "## Impact",
    "## Evidence",
    "## Argument",
    "## Fix",
    "## What the fix does not cure",
    "## What was not checked",
]
LAST = "## Three things to try"
HOSTILE = "</script><img src=x onerror=alert(1)>{{7*7}}=cmd|'/C calc'!A0 \u202e\x1b[31m"


@pytest.fixture(scope="module")
def before_path():
    """Return the path of the snapshot of the incident."""
    return str(ROOT / "data" / "snapshots" / "brennan-2026-05-02.sqlite")


def cells_of(name, kind="code"):
    """Return the cells of that kind, in order."""
    cells = nbformat.read(shipped_notebook(name), as_version=4).cells
    return [cell for cell in cells if cell.cell_type == kind]


def errors_and_noise(notebook):
    """Return the outputs that are errors, or were written to stderr."""
    outputs = [o for c in notebook.cells if c.cell_type == "code" for o in c.outputs]
    return [o for o in outputs if o.output_type == "error" or o.get("name") == "stderr"]


def test_the_map_names_every_notebook_and_its_question():
    """notebooks/README.md links each notebook and quotes its title, and nothing else."""
    text = (ROOT / "notebooks" / "README.md").read_text(encoding="utf-8")
    assert tuple(sorted(shipped_notebooks())) == NAMES
    assert sorted(set(re.findall(r"\]\((\w+)\.ipynb\)", text))) == list(NAMES)
    for name in NAMES:
        title = cells_of(name, "markdown")[0].source.splitlines()[0].lstrip("# ")
        assert title in text, name


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_is_a_document(name):
    """Title a question; what it can and cannot show; short code after prose; stripped outputs."""
    code, prose = cells_of(name), cells_of(name, "markdown")
    assert prose[0].source.startswith("# ")
    assert "?" in prose[0].source.splitlines()[0]
    assert "**What it can show:**" in prose[0].source
    assert "**What it cannot show:**" in prose[0].source
    headings = [cell.source.splitlines()[0] for cell in prose if cell.source.startswith("## ")]
    assert [heading.split(":")[0] for heading in headings] == [*SECTIONS, LAST]
    assert all(": " in heading for heading in headings[:4])
    assert not any(".answer()" in cell.source or "print(" in cell.source for cell in code)
    assert prose[-2].source.startswith("## What was not checked")
    assert prose[-1].source.startswith(LAST)
    assert not any(cell.outputs or cell.execution_count for cell in code)
    assert all(cell.source.count("\n") < 9 for cell in code)
    assert all(cell.id for cell in code + prose)
    imports = [line for cell in code for line in cell.source.splitlines() if "import " in line]
    assert imports == ["from typing import Literal", "import atomlab"]  # the former for parameters
    for word in ("def ", "class ", "lambda", "SELECT ", "INSERT "):
        assert not any(word in cell.source for cell in code), word


@pytest.mark.parametrize("name", NAMES)
def test_numbers_in_prose_come_from_code(name):
    """Prose counts nothing of the data: no number above a step's own, but of fixed costs."""
    for cell in cells_of(name, "markdown"):
        text = re.sub(r"`[^`]*`|^>.*$|## Step \d|Costs are ranks:.*", "", cell.source, flags=re.M)
        assert not re.search(r"\d{2,}", text), cell.source


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_is_declared_with_its_help(name):
    """The cell's lines are declarations, and the snapshot comes first."""
    declared = parameters_of(shipped_notebook(name))
    assert next(iter(declared)) == "snapshot"
    assert all(parameter.help for parameter in declared.values())


@pytest.mark.parametrize("name", NAMES)
def test_run_all_works_with_the_shipped_data(name, tmp_path):
    """As JupyterLab does it: in the notebook's own folder, or a copy of it beside the data."""
    for part in ("notebooks", "data"):
        shutil.copytree(ROOT / part, tmp_path / part)
    path = tmp_path / "notebooks" / f"{name}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    resources = {"metadata": {"path": str(path.parent)}}
    NotebookClient(notebook, timeout=120, kernel_name="python3", resources=resources).execute()
    assert not errors_and_noise(notebook)
    findings = findings_in(notebook)
    assert findings["result"] == RESULTS.get(name, "confirmed")
    html = to_html(notebook, findings)
    page = Page(html)
    assert "characters)" not in html  # no text is cut off
    assert page.text.count(findings["summary"]["what"]) == 1
    assert LAST.lstrip("# ") not in page.text
    assert len(page.all("table")) == len([text for _, text in page.all("caption") if text])


@pytest.mark.parametrize(
    "name", [START, "tenant_triage", *(pytest.param(n, marks=SLOW) for n in NAMES[:-1])]
)
def test_each_of_the_three_things_works(name, monkeypatch):
    """Each has one line of code: a new value of a parameter, or a call that shows something."""
    monkeypatch.chdir(ROOT / "notebooks")
    notebook = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    last = notebook.cells[-1]
    things = re.findall(r"^\d\. (.*)$", last.source, flags=re.M)
    assert (len(things), last.metadata.tags) == (3, ["notebook-only"])
    assert last.source.startswith(LAST)
    ran: dict[str, object] = {}
    run_cells(code, ran)
    for thing in things:
        (line,) = re.findall("`([^`]*)`", thing)
        if " = " in line:
            assert line.partition(" ")[0] in parameters_of(ROOT / "notebooks" / f"{name}.ipynb")
            run_cells(code, {}, changed=line)
        else:
            assert 20 < len(repr(eval(line, ran))) < 5_000


def run_cells(cells, names, changed=""):
    """Run cells in order, with a line that changes a parameter after the first."""
    first, *rest = cells
    for source in (first.source, changed, *(cell.source for cell in rest)):
        exec(source, names)


def test_the_start_notebook_leads_to_all_others():
    """It links each, and the README; its first cells show the snapshot and the diagnosis."""
    notebook = nbformat.read(ROOT / "notebooks" / f"{START}.ipynb", as_version=4)
    title, *_ = notebook.cells
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert sorted(re.findall(r"\]\((.*?)\)", title.source)) == [
        "README.md",
        *(f"{name}.ipynb" for name in NAMES),
    ]
    assert len(title.source) < 1_500
    assert [cell.source.splitlines()[-1] for cell in code[1:]] == [
        "evidence",
        "atomlab.diagnose(evidence, tenant)",
    ]
    with refused(InputError, "no notebook 'start_here'"):
        shipped_notebook(START)


def test_triage_finds_the_cause_without_being_told(before_path, tmp_path):
    """For a tenant with a misnamed key: cause, verdict and fix are those of diagnose."""
    values = {"snapshot": before_path, "tenant": "cascade", "complexity": "complex"}
    made = run_report(shipped_notebook("tenant_triage"), values, tmp_path)
    found = json.loads((made.folder / "findings.json").read_text())
    with atomlab.open_snapshot(before_path) as snapshot:
        request = atomlab.Request("complex")
        diagnosis = atomlab.diagnose(snapshot, "cascade", [request])
        stated = json.loads(json.dumps(diagnosis.to_json()))
    (alone,) = diagnosis.requests
    (cause,) = alone.explanation.causes
    assert (made.result, made.certainty, cause.verdict) == ("affected", "confirmed", "confirmed")
    assert cause.code == "key-misnamed"
    assert cause.code in made.answer
    assert str(alone.explanation.fix_sets[0].edits[0]) in made.answer
    assert found["diagnosis"] == stated


def test_fleet_impact_counts_every_tenant(before_path, tmp_path):
    """Its affected tenants are those that fail when each is decided alone; it has pictures."""
    values = {"snapshot": before_path, "complexity": "moderate"}
    made = run_report(shipped_notebook("fleet_impact"), values, tmp_path)
    found = json.loads((made.folder / "findings.json").read_text())
    failing = set()
    with atomlab.open_snapshot(before_path) as snapshot:
        for tenant in snapshot.session.query(atomlab.Tenant):
            handler = atomlab.BYOKHandler(tenant.id, snapshot.session)
            try:
                handler.rank_models_by_pricing("moderate")
            except atomlab.NoModelsAvailableError:
                failing.add(tenant.id)
    assert {tenant["id"] for tenant in found["tenants"]} == failing
    assert f"{len(failing)} of 45 tenants" in made.answer
    assert (made.folder / "report.html").read_text().count("<img ") == 3


def test_fix_comparison_weighs_data_against_code(before_path, tmp_path):
    """For advanced requests the copied key is not enough: another option is best."""
    values = {"snapshot": before_path, "tenant": "brennan", "complexity": "advanced", "others": 3}
    made = run_report(shipped_notebook("fix_comparison"), values, tmp_path)
    found = json.loads((made.folder / "findings.json").read_text())
    kinds = [option["kind"] for option in found["options"]]
    assert made.result == "confirmed"
    assert "with a new credential" in made.answer
    assert {"data", "code"} <= set(kinds)
    copied = next(o for o in found["options"] if o["name"].startswith("set MINIMAX_API_KEY to"))
    assert "advanced" in copied["leaves"]


@pytest.mark.parametrize(
    "name",
    ["tenant_triage", *(pytest.param(n, marks=SLOW) for n in ("fleet_impact", "fix_comparison"))],
)
def test_a_hostile_name_is_inert_in_every_new_notebook(name, captured, tmp_path):
    """Whatever tenants, plans and rows are called, the report runs through and holds no control."""
    snapshot = captured({HOSTILE: {"MINIMAX_2_7_API_KEY": "k", "NEAR MISS_API_KEY": "k"}, "b": {}})
    values = {"snapshot": str(snapshot.path)}
    if name != "fleet_impact":
        values["tenant"] = f"id-{HOSTILE}"
    made = run_report(shipped_notebook(name), values, tmp_path / "out")
    html = (made.folder / "report.html").read_text(encoding="utf-8")
    html = html.replace("<wbr>", "")  # where a name may break
    assert not re.search("<(script|img src=x)", html)
    assert "{{7*7}}" in html
    assert not re.search("[\u202a-\u202e\x00-\x08\x0b-\x1f]", html)


@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("tenant_triage", "undecided"),
        pytest.param("fleet_impact", "undecided", marks=SLOW),
        pytest.param("fix_comparison", "inconclusive", marks=SLOW),
    ],
)
def test_without_prices_every_new_notebook_decides_nothing(name, result, captured, tmp_path):
    """A snapshot without a pricing cache decides nothing, and the report says so."""
    snapshot = captured({"acme": {"OPENAI_API_KEY": "k"}}, pricing=None)
    values = {"snapshot": str(snapshot.path)}
    if name != "fleet_impact":
        values["tenant"] = "acme"
    made = run_report(shipped_notebook(name), values, tmp_path / "out")
    assert made.result == result
    assert "no pricing cache" in made.answer


def test_an_unknown_notebook_is_named_with_near_misses():
    """A name must be a shipped one's; whatever ends in .ipynb is a path."""
    with refused(InputError, "no notebook 'tenant_triag'; did you mean tenant_triage?"):
        shipped_notebook("tenant_triag")
    assert find_notebook("mine.ipynb").name == "mine.ipynb"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not json",
        b"[]",
        b"{}",
        b'{"nbformat": 3, "cells": []}',
        b'{"nbformat": 4, "cells": 7}',
        b'{"nbformat": 4, "cells": [1]}',
        b'{"nbformat": 4, "cells": [{"cell_type": "code"}]}',
        b'{"nbformat": 4, "cells": ' + b"[" * 100_000,
        b"\xff\xfe",
    ],
)
def test_a_file_that_is_no_notebook_is_refused(content, tmp_path):
    """One clear line, whatever the file holds."""
    path = tmp_path / "bad.ipynb"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"is not a notebook|has 0 cells tagged"):
        parameters_of(path)
    with refused(InputError, "no such file", tmp_path / "none.ipynb"):
        parameters_of(tmp_path / "none.ipynb")
