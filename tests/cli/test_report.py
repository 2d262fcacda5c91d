"""Report: what it prints, where it writes, and how it ends."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.labs import ATOMLAB

BRENNAN = str(ROOT / "data" / "hypotheses" / "brennan-minimax.yaml")


def test_reports_are_of_requests_as_asked(run, managed_world, tmp_path):
    """`--managed` and `--byok` reach the notebook, and decide who is affected."""
    snapshot = managed_world("managed")
    given = ("report", snapshot, "-p", "complexity=simple", "--out", tmp_path / "out")
    code, out, _ = run(*given, "--tenant", "acme")
    assert code == 3
    assert "requests: managed (ai_mode)" in out.splitlines()
    code, out, _ = run(*given, "--tenant", "acme", "--byok")
    assert code == 0
    assert re.fullmatch(r".*: simple requests find a model \(healthy\)", out.splitlines()[0])
    assert out.splitlines()[1] == "requests: BYOK (as asked)"
    page = (tmp_path / "out" / "report.html").read_text()
    assert "<dt>Requests</dt><dd>BYOK (as asked)</dd>" in page
    assert run(*given, "--all-affected", "--byok")[0] == 0
    assert "No tenant is affected" in (tmp_path / "out" / "index.html").read_text()
    assert run(*given, "--all-affected")[0] == 3


def test_report_runs_and_prints_the_verdict_and_the_path(run, shipped, tmp_path):
    """State, verdict, cause, fix, who acts and path are all on stdout; progress goes to stderr."""
    code, out, err = run(
        *("report", shipped("brennan-2026-05-02"), "--tenant", "brennan"),
        *("--hypothesis", BRENNAN, "--out", tmp_path / "out"),
    )
    assert code == 0
    assert out.splitlines() == [
        "Brennan Machinery: every request fails (affected)",
        "verdict: confirmed",
        "cause: key under another name (minimax), confirmed",
        "fix: set MINIMAX_API_KEY to the value of MINIMAX_2_7_API_KEY",
        "who acts: tenant",
        "stays broken: Advanced requests stay broken; they need another fix: the tenant has to add"
        " a new key for any of: anthropic, deepinfra, moonshot, openrouter.",
        f"report: {tmp_path / 'out' / 'report.html'}",
    ]
    assert "cell" in err
    assert (tmp_path / "out" / "report.html").is_file()


def test_report_checks_everything_before_a_kernel_starts(error, shipped, tmp_path):
    """A typo in a tenant, a parameter or a hypothesis costs no waiting and writes nothing."""
    start = ("report", shipped("brennan-2026-05-02"), "--out", tmp_path / "out")
    given = (*start, "--hypothesis", BRENNAN, "--tenant")
    assert "did you mean brennan" in error(*given, "brenan")
    for parameter, told in (
        ("complexty=simple", "did you mean complexity"),
        ("complexity=bogus", "complexity cannot be 'bogus'; it is one of"),
        ("complexity", "write NAME=VALUE"),
        ("tenant=other", "parameter tenant cannot be given here"),
        ("snapshot=other", "parameter snapshot cannot be given here"),
        ("hypothesis=other", "parameter hypothesis cannot be given here"),
    ):
        assert told in error(*given, "brennan", "-p", parameter, code=2)
    assert "nowhere.yaml" in error(*start, "--tenant", "brennan", "--hypothesis", "nowhere.yaml")
    assert "add --tenant or --all-affected" in error(*start, code=2)
    assert "exclude each other" in error(*given, "brennan", "--all-affected", code=2)
    assert "did you mean tenant_triage" in error(*start, "--notebook", "tenant_triag", code=2)
    (tmp_path / "mine.ipynb").write_text("no notebook")
    assert "is not a notebook" in error(*start, "--notebook", tmp_path / "mine.ipynb")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "given",
    [
        ("report", "s.sqlite", "--tenant", "t", "--hypothesis", ""),
        ("report", "s.sqlite", "--tenant", "t", "--notebook", ""),
        ("postmortem", "findings.json", "--events", ""),
        ("lab", ""),
        ("lab", "--tenant", ""),
        ("lab", "--hypothesis", ""),
    ],
)
def test_an_option_that_is_empty_is_not_taken_for_none(error, given):
    """`--hypothesis "$UNSET"` is not a report without a hypothesis, which could exit with 0."""
    assert "is empty" in error(*given, code=2)


def test_report_lists_a_notebook_s_parameters(run, error):
    """`--help-notebook` names type, default, choices and help, and runs nothing."""
    code, out, err = run("report", "--help-notebook", "fix_comparison")
    assert (code, err) == (0, "")
    told = " ".join(out.split())
    for name in ("snapshot", "tenant", "complexity", "tools", "others"):
        assert re.search(rf"^{name} ", out, re.M)
    assert "'moderate'" in told
    assert "whether the request requires tools" in told
    assert "bool False" in told
    assert "did you mean fleet_impact" in error("report", "--help-notebook", "fleet_impct", code=2)


def test_report_runs_another_notebook(run, shipped, tmp_path):
    """A notebook about no tenant needs none; that some tenant is affected is its exit code."""
    given = ("--notebook", "fleet_impact", "--out", tmp_path, "-p", "complexity=simple")
    code, out, _ = run("report", shipped("brennan-2026-05-02"), *given)
    assert code == 3
    found = json.loads((tmp_path / "findings.json").read_text())
    told = out.splitlines()
    assert told[0] == "22 of 45 tenants: some requests fail (affected)"
    assert told[1] == f"stays broken: {found['summary']['left']}"
    assert told[2:] == [f"report: {tmp_path / 'report.html'}"]


def test_report_for_all_affected_makes_a_triage_for_each(run, shipped, tmp_path):
    """Each affected tenant has its report, all are linked from the index, the worst counts."""
    code, out, err = run(
        "report", shipped("local-dev"), "--all-affected", "--out", tmp_path, "--jobs", "2"
    )
    found = sorted(path.parent.name for path in tmp_path.glob("*/findings.json"))
    assert found == ["brenda", "demo"]
    assert code == 3
    *lines, last = out.splitlines()
    assert last == f"2 of 3 tenants are affected; index: {tmp_path / 'index.html'}"
    for name, line in zip(sorted(found), lines, strict=True):  # each once, with cause and place
        cause = json.loads((tmp_path / name / "findings.json").read_text())["summary"]["cause"]
        place = re.escape(f"{tmp_path / name / 'report.html'}")
        assert re.fullmatch(rf"{name}: affected +{re.escape(cause)} +{place}", line)
        assert name not in err
        explorer = (tmp_path / name / "explore.html").read_text()
        assert f'"called":"{name}"' in explorer.replace('": "', '":"')  # each its own tenant's
    listed = csv.DictReader((tmp_path / "index.csv").read_text().splitlines())
    assert {row["report"] for row in listed} == {f"{name}/report.html" for name in found}
    index = (tmp_path / "index.html").read_text()
    assert all(f'href="{name}/report.html"' in index for name in found)


@pytest.mark.slow
def test_reports_are_made_where_a_socket_s_address_would_be_too_long(shipped, tmp_path):
    """Sockets are elsewhere where the temporary folder's name leaves no room for theirs."""
    temporary = tmp_path / ("t" * 90)
    temporary.mkdir()
    done = subprocess.run(
        [*ATOMLAB, "report", shipped("local-dev"), "--tenant", "demo", "--out", tmp_path / "out"],
        env={**os.environ, "TMPDIR": str(temporary), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 3, done.stderr
    assert (tmp_path / "out" / "report.html").exists()


def test_report_for_all_affected_where_nobody_is(run, captured, tmp_path):
    """Nobody affected is done: an index that says so; without prices nobody can tell."""
    healthy = captured({"acme": {"OPENAI_API_KEY": "a-key-of-more-than-twelve"}})
    given = ("--all-affected", "--out", tmp_path / "out", "-p", "complexity=simple")
    code, out, _ = run("report", healthy.path, *given)
    last = f"no tenant is affected; index: {tmp_path / 'out' / 'index.html'}\n"
    assert (code, out) == (0, last)
    assert "No tenant is affected" in (tmp_path / "out" / "index.html").read_text()
    bare = captured({"acme": {}}, pricing=None)
    code, out, err = run("report", bare.path, *given)
    assert (code, out) == (1, "")
    assert "nobody can tell who is affected" in err


@pytest.mark.parametrize(
    ("results", "code"),
    [
        (["confirmed", "failed", "refuted", "inconclusive"], 1),
        (["inconclusive", "refuted", "confirmed"], 3),
        (["confirmed", "inconclusive"], 4),
        (["confirmed", "confirmed"], 0),
        (["undecided", "healthy", "affected", "failed"], 1),
        (["undecided", "healthy", "affected"], 3),
        (["healthy", "undecided"], 4),
        (["healthy", "healthy"], 0),
        ([], 0),
    ],
)
def test_a_batch_exits_by_its_worst_report(run, shipped, monkeypatch, tmp_path, results, code):
    """1 could not look, before 3 refuted or affected, before 4 cannot tell, before 0."""
    from atomlab.report import batch
    from atomlab.report.plan import Task
    from atomlab.report.running import Outcome, Report

    def made(number, result):
        task = Task(tmp_path, {}, tmp_path, f"t{number}", "T")
        if result == "failed":
            return Outcome(task, None, "the kernel died", 1.0)
        return Outcome(task, Report(result, "", tmp_path), "", 1.0)

    outcomes = [made(number, result) for number, result in enumerate(results)]
    monkeypatch.setattr(batch, "plan", lambda _: [outcome.task for outcome in outcomes])
    monkeypatch.setattr(batch, "run_batch", lambda *_: iter(outcomes))
    got, out, err = run("report", shipped("local-dev"), "--all-affected", "--out", tmp_path)
    assert got == code
    assert out.count("report.html") == sum(result != "failed" for result in results)
    assert err.count("the kernel died") == results.count("failed")


def test_a_report_for_several_tenants_has_a_folder_each(run, shipped, template, tmp_path):
    """Folders are named by subdomain, a tenant named twice has one, the worst verdict counts."""
    tenants, out = ("brennan", "31c06fc4-db22-4740-83ea-48ac14f25810", "northwind"), tmp_path / "x"
    code, told, _ = run(
        *("report", shipped("brennan-2026-05-02"), "--hypothesis", template, "--out", out),
        *(part for tenant in tenants for part in ("--tenant", tenant)),
    )
    assert code == 3
    assert sorted(p.name for p in out.iterdir()) == [
        "SHA256SUMS",
        "brennan",
        "index.csv",
        "index.html",
        "northwind",
    ]
    assert [line.split("  ")[0] for line in told.splitlines()] == [
        "brennan: affected, verdict confirmed",
        "northwind: healthy, verdict refuted",
        "1 of 2 tenants is affected; verdicts: 1 refuted, 1 confirmed;"
        f" index: {out / 'index.html'}",
    ]
    for name in ("brennan", "northwind"):
        assert (out / name / "report.html").is_file()


@pytest.mark.parametrize(
    ("tenant", "status", "code"), [("brennan", "affected", 3), ("northwind", "healthy", 0)]
)
def test_a_triage_ends_with_the_status_and_says_apart_how_sure_the_cause_is(
    run, shipped, tmp_path, tenant, status, code
):
    """Without claims a tenant is affected or healthy; confirmed is a cause, which only one has."""
    given = ("report", shipped("brennan-2026-05-02"), "--tenant", tenant, "--out", tmp_path)
    got, out, _ = run(*given)
    assert got == code
    found = json.loads((tmp_path / "findings.json").read_text())
    first, *facts, last = out.splitlines()
    assert first == f"{found['summary']['title']} ({status})"
    assert last == f"report: {tmp_path / 'report.html'}"
    names = ["cause", "fix", "who acts", "stays broken"] if code else []
    assert [fact.split(": ")[0] for fact in facts] == names
    assert ("confirmed" in out) == bool(code)
    page = (tmp_path / "report.html").read_text()
    head = page[: page.index("</header>")]
    assert ("Cause: proven" in head) == bool(code)
    says = "every request fails" if code else "simple requests get a model that cannot chat"
    assert f": {says}</h1>" in head
    assert f'class="badge {"bad" if code else "open"}">{status.capitalize()}' in head
    assert found["title"].startswith("What is wrong with ")
    assert ("The root cause is key-under-alias (confirmed)" in found["answer"]) == bool(code)


def test_a_verification_without_claims_names_the_cause_all_the_same(run, shipped, tmp_path):
    """Asked for by name it has no verdict, and still says what the diagnosis found."""
    given = ("report", shipped("brennan-2026-05-02"), "--tenant", "brennan", "--out", tmp_path)
    code, out, _ = run(*given, "--notebook", "root_cause_verification")
    assert code == 3
    assert out.splitlines()[0] == "Brennan Machinery: every request fails (affected)"
    found = json.loads((tmp_path / "findings.json").read_text())
    assert found["answer"].startswith("0 of 2,690 models are usable for a moderate request")
    assert "The root cause is key-under-alias (confirmed)" in found["answer"]
    assert found["answer"].endswith("No claim was given to test.")
    assert found["repaired"] is None


@pytest.mark.parametrize(
    "notebook",
    [
        "root_cause_verification",
        "tenant_triage",
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in ("fleet_impact", "fix_comparison")
        ),
    ],
)
def test_a_report_without_prices_decides_nothing(run, captured, tmp_path, notebook):
    """Every notebook runs to its end on a snapshot that decides nothing, and says so."""
    bare = captured({"acme": {"MINIMAX_2_7_API_KEY": "k"}}, pricing=None)
    tenant = () if notebook == "fleet_impact" else ("--tenant", "acme")
    given = ("report", bare.path, *tenant, "--notebook", notebook, "--out", tmp_path / "out")
    code, out, err = run(*given)
    assert code == 4, err
    assert ("inconclusive" if notebook == "fix_comparison" else "undecided") in out


@pytest.mark.parametrize("beside", [(), ("--tenant", "brennan")], ids=["alone", "of several"])
def test_a_report_refuses_claims_about_another_tenant(error, shipped, tmp_path, beside):
    """The wrong hypothesis at night: one line names both, and nothing is made."""
    given = ("report", shipped("brennan-2026-05-02"), "--hypothesis", BRENNAN)
    told = error(*given, *beside, "--tenant", "fjord", "--out", tmp_path / "fjord")
    assert "brennan" in told
    assert "fjord" in told
    assert not (tmp_path / "fjord").exists()


@pytest.mark.slow
def test_what_an_earlier_report_left_is_kept_and_named(run, shipped, tmp_path):
    """A PDF beside a report that has none, an index, other folders: none goes, each is told of."""
    pytest.importorskip("typst")
    given = ("report", shipped("local-dev"), "--out", tmp_path / "out", "--tenant")
    run(*given, "demo", "--format", "pdf")
    paper = tmp_path / "out" / "report.pdf"
    before = paper.read_bytes()
    os.utime(paper, (1_000_000_000, 1_000_000_000))
    _, _, err = run(*given, "demo")
    assert paper.read_bytes() == before
    assert f"kept: {paper} of an earlier report (2001-09-09 01:46 UTC)" in err.splitlines()
    _, _, err = run(*given, "demo", "--tenant", "brenda", "--format", "pdf")
    kept = [line for line in err.splitlines() if line.startswith("kept: ")]
    assert [Path(line.split()[1]).name for line in kept] == [
        "explore.html",
        "findings.json",
        "notebook.ipynb",
        "report.html",
        "report.pdf",
    ]
    _, _, err = run(*given, "brenda", "--tenant", "localhost")
    kept = [line for line in err.splitlines() if line.startswith("kept: ")]
    assert f"kept: {tmp_path / 'out' / 'brenda' / 'report.pdf'} of an earlier report" in kept[5]
    assert kept[6:] == ["kept: of earlier reports, and not in the index: demo"]
    _, out, err = run(*given, "brenda")
    kept = [Path(line.split()[1]).name for line in err.splitlines() if line.startswith("kept: ")]
    assert kept == ["index.csv", "index.html", "report.pdf"]
    assert "kept" not in out
    check = ["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"]
    for folder in ("out", "out/brenda", "out/demo"):
        assert subprocess.run(check, cwd=tmp_path / folder).returncode == 0
