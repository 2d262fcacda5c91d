"""The command line: contracts of output, exit codes and one-line errors."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import signal
import sqlite3
import subprocess
import sys
from contextlib import chdir
from pathlib import Path

import pytest

import atomlab
from atomlab.cli import main
from tests.conftest import ROOT
from tests.labs import ATOMLAB

BRENNAN = str(ROOT / "data" / "hypotheses" / "brennan-minimax.yaml")


@pytest.fixture
def managed_world(make_database, prices, tmp_path):
    """Return a function that captures a tenant of a mode, on the free plan, with a minimax key."""

    def make(mode):
        source = make_database({"acme": {"MINIMAX_API_KEY": "a-key-of-more-than-12"}}, plan="free")
        with contextlib.closing(sqlite3.connect(source)) as db:
            db.execute("UPDATE tenants SET ai_mode = ?", (mode,))
            db.commit()
        atomlab.capture(str(source), tmp_path / "made.sqlite", pricing=prices).close()
        return tmp_path / "made.sqlite"

    return make


@pytest.fixture
def run(monkeypatch, capsys):
    """Return a function that runs the command line: (exit code, stdout, stderr)."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["atomlab", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            main()
        out, err = capsys.readouterr()
        return stop.value.code or 0, out, err

    return call


@pytest.fixture
def error(run):
    """Return a function that runs a command line that cannot look, and gives its one line."""

    def call(*arguments, code=1):
        got, out, err = run(*arguments)
        assert got == code
        assert out == ""
        lines = err.splitlines()
        assert len(lines) == 1
        assert lines[0].startswith("atomlab: ")
        return lines[0]

    return call


@pytest.mark.parametrize(
    ("snapshot", "code", "verdict"),
    [
        ("brennan-2026-05-02", 0, "confirmed"),
        ("brennan-2026-05-03", 3, "refuted"),
        ("local-dev", 4, "inconclusive"),
    ],
)
def test_verify_exits_by_verdict(run, shipped, snapshot, code, verdict):
    """Confirmed is 0, refuted 3, inconclusive 4, in words and as JSON."""
    got, out, err = run("verify", shipped(snapshot), BRENNAN)
    assert (got, err) == (code, "")
    assert f"verdict: {verdict}" in out

    got, out, err = run("verify", shipped(snapshot), BRENNAN, "--json")
    assert (got, err) == (code, "")
    assert json.loads(out)["verdict"] == verdict


def test_verify_tests_a_template_on_whom_it_is_told(run, error, shipped, template):
    """Claims without a tenant are of any; claims about a tenant are of no other, which is said."""
    snapshot = shipped("brennan-2026-05-02")
    assert run("verify", snapshot, template, "--tenant", "brennan")[0] == 0
    code, out, _ = run("verify", snapshot, template, "--tenant", "northwind")
    assert code == 3
    assert "tenant northwind" in out
    assert "names no tenant" in error("verify", snapshot, template)
    told = error("verify", snapshot, BRENNAN, "--tenant", "northwind")
    assert "brennan" in told
    assert "northwind" in told
    assert run("verify", snapshot, BRENNAN, "--tenant", "Brennan Machinery")[0] == 0


@pytest.mark.parametrize(
    ("mode", "asked", "told", "code"),
    [
        ("byok", (), "", 0),
        ("managed", (), "managed (ai_mode)", 3),
        ("hybrid", (), "BYOK (ai_mode)", 0),
        ("byok", ("--managed",), "managed (as asked)", 3),
        ("managed", ("--byok",), "BYOK (as asked)", 0),
    ],
)
def test_requests_are_as_the_tenant_s_mode_says_or_as_asked(
    run, managed_world, mode, asked, told, code
):
    """A plan counts for managed requests alone; the answer says which was used unless it is plain.

    The tenant's one key is of a provider whose models its plan does not allow.
    """
    snapshot = managed_world(mode)
    got, out, _ = run("diagnose", snapshot, "--tenant", "acme", "--complexity", "simple", *asked)
    assert got == code
    first = out.splitlines()[0]
    assert first == f"Acme (acme), plan free{f', requests {told}' if told else ''}: " + (
        "affected" if code else "healthy"
    )
    got, out, err = run("fix", snapshot, "--tenant", "acme", "--complexity", "simple", *asked)
    assert (got == 0) == (code == 0)
    assert (f"fix: for requests that are {told}" in err) == bool(told)


def test_reports_are_of_requests_as_asked(run, managed_world, tmp_path):
    """`--managed` and `--byok` reach the notebook, and decide who is affected."""
    snapshot = managed_world("managed")
    given = ("report", snapshot, "-p", "complexity=simple", "--out", tmp_path / "out")
    code, out, _ = run(*given, "--tenant", "acme")
    assert code == 3
    assert "requests: managed (ai_mode)" in out.splitlines()
    code, out, _ = run(*given, "--tenant", "acme", "--byok")
    assert code == 0
    assert out.splitlines()[:2] == ["acme: healthy", "requests: BYOK (as asked)"]
    page = (tmp_path / "out" / "report.html").read_text()
    assert "<dt>Requests</dt><dd>BYOK (as asked)</dd>" in page
    assert run(*given, "--all-affected", "--byok")[0] == 0
    assert "No tenant is affected" in (tmp_path / "out" / "index.html").read_text()
    assert run(*given, "--all-affected")[0] == 3


def test_diagnose_prints_one_json_document_and_nothing_else(run, shipped):
    """`--json` gives the diagnosis of all four complexities."""
    code, out, err = run("diagnose", shipped("brennan-2026-05-02"), "--tenant", "brennan", "--json")
    assert (code, err) == (3, "")
    document = json.loads(out)
    assert document["schema"] == "atomlab.diagnosis/1"
    assert len(document["diagnoses"]) == 4


def test_diagnose_fits_a_screen_and_folds_the_counts(run, shipped):
    """In the terminal a diagnosis is short, and says in one line why no model is usable."""
    code, out, _ = run("diagnose", shipped("brennan-2026-05-02"), "--tenant", "brennan")
    assert code == 3
    assert out.splitlines()[0] == "Brennan Machinery (brennan), plan team: affected"
    assert "0 of 2,690 models usable: 2,690 no client for provider" in out
    assert len(out.splitlines()) <= 40


def test_diagnose_takes_every_field_of_a_request(run, shipped):
    """All options of the contract reach the request."""
    options = ["--complexity", "complex", "--task", "extract", "--capability", "vision"]
    options += ["--tools", "--managed", "--turn", "2", "--tokens", "5000", "--json"]
    code, out, _ = run("diagnose", shipped("brennan-2026-05-03"), "--tenant", "brennan", *options)
    assert code == 3
    (diagnosis,) = json.loads(out)["diagnoses"]
    assert diagnosis["request"] == {
        "complexity": "complex",
        "task": "extract",
        "capability": "vision",
        "tools": True,
        "managed": True,
        "turn": 2,
        "tokens": 5000,
        "tier": None,
    }


def test_capture_makes_a_snapshot_that_can_be_diagnosed(run, make_database, prices, tmp_path):
    """From a database to a decision in two commands; without prices it is inconclusive."""
    source = make_database({"acme": {"OPENAI_API_KEY": "a-secret-key"}})
    out = tmp_path / "made.sqlite"
    code, text, _ = run("capture", source, "--out", out, "--pricing", prices)
    assert code == 0
    assert "1 tenant, 1 key setting redacted, 4 models" in " ".join(text.split())
    assert run("diagnose", out, "--tenant", "acme", "--complexity", "simple")[0] == 0
    assert run("diagnose", out, "--tenant", "acme")[0] == 3  # no model is good enough for advanced

    bare = tmp_path / "bare.sqlite"
    code, _, err = run("capture", source, "--out", bare)
    assert code == 0
    assert "no --pricing given" in err
    assert run("diagnose", bare, "--tenant", "acme")[0] == 4


def test_report_runs_and_prints_the_verdict_and_the_path(run, shipped, tmp_path):
    """The verdict and the report's path are all that stdout has; progress goes to stderr."""
    code, out, err = run(
        *("report", shipped("brennan-2026-05-02"), "--tenant", "brennan"),
        *("--hypothesis", BRENNAN, "--out", tmp_path / "out"),
    )
    assert code == 0
    assert out.splitlines() == ["brennan: confirmed", f"report: {tmp_path / 'out' / 'report.html'}"]
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
    assert "is no notebook" in error(*start, "--notebook", tmp_path / "mine.ipynb")
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
    """`--hypothesis "$UNSET"` is no report without a hypothesis, which could exit with 0."""
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
    assert out.splitlines()[0] == "brennan-2026-05-02: affected"
    assert (tmp_path / "report.html").is_file()


def test_report_for_all_affected_makes_a_triage_for_each(run, shipped, tmp_path):
    """Each affected tenant has its report, all are linked from the index, the worst counts."""
    code, out, _ = run(
        "report", shipped("local-dev"), "--all-affected", "--out", tmp_path, "--jobs", "2"
    )
    found = sorted(path.parent.name for path in tmp_path.glob("*/findings.json"))
    assert found == ["brenda", "demo"]
    assert code == 3
    assert out.splitlines()[-1] == f"index: {tmp_path / 'index.html'}"
    index = (tmp_path / "index.html").read_text()
    assert all(f'href="{name}/report.html"' in index for name in found)


HALF = """
import os, signal, sys
number = int(sys.argv.pop())
from atomlab.capturing import capture
from atomlab.__main__ import run
def half_way(work, content, manifest, stream):
    stream.write(b"half")
    stream.flush()
    signal.raise_signal(number)
capture.write_sealed = half_way
run()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_capture_leaves_no_temporary_file(make_database, tmp_path, number):
    """What is half-made goes with the process."""
    source, folder = make_database({"acme": {}}), tmp_path / "folder"
    folder.mkdir()
    done = subprocess.run(
        [
            *(sys.executable, "-c", HALF),
            "capture",
            source,
            "--out",
            folder / "x",
            f"{number:d}",
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (130, "atomlab: interrupted\n")
    assert list(folder.iterdir()) == []


def test_interrupt_while_it_loads_is_one_line():
    """The command says that it was interrupted, however early that was."""
    early = (
        "import signal, sys\n"
        "class Early:\n"
        "    def find_spec(self, name, *_):\n"
        "        name == 'typer' and signal.raise_signal(signal.SIGINT)\n"
        "sys.meta_path.insert(0, Early())\n"
        "from atomlab.__main__ import run\n"
        "run()\n"
    )
    done = subprocess.run([sys.executable, "-c", early], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (130, "atomlab: interrupted\n")


def test_reports_are_made_where_a_socket_s_address_would_be_too_long(shipped, tmp_path):
    """Sockets are elsewhere where the temporary folder's name leaves no room for theirs."""
    temporary = tmp_path / ("t" * 90)
    temporary.mkdir()
    done = subprocess.run(
        [*ATOMLAB, "report", shipped("local-dev"), "--all-affected", "--out", tmp_path / "out"],
        env={**os.environ, "TMPDIR": str(temporary), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 3, done.stderr
    assert len([*tmp_path.glob("out/*/report.html")]) == 2


def test_report_for_all_affected_where_nobody_is(run, captured, tmp_path):
    """Nobody affected is done: an index that says so; without prices nobody can tell."""
    healthy = captured({"acme": {"OPENAI_API_KEY": "a-key-of-more-than-twelve"}})
    given = ("--all-affected", "--out", tmp_path / "out", "-p", "complexity=simple")
    code, out, _ = run("report", healthy.path, *given)
    assert (code, out) == (0, f"index: {tmp_path / 'out' / 'index.html'}\n")
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
    assert out.count("report: ") == sum(result != "failed" for result in results)
    assert err.count("the kernel died") == results.count("failed")


def test_bad_input_is_one_clear_line(error, shipped, make_database, tmp_path):
    """What, where, what to do, on one line of stderr; nothing on stdout; exit 1."""
    good = shipped("brennan-2026-05-02")
    (tmp_path / "text").write_text("not a snapshot")
    (tmp_path / "cut").write_bytes(good.read_bytes()[:50_000])
    flipped = bytearray(good.read_bytes())
    flipped[123_456] ^= 1
    (tmp_path / "flipped").write_bytes(flipped)
    source = make_database({"acme": {}})
    (tmp_path / "prices.json").write_text("{not json")

    brennan = ("--tenant", "brennan")
    assert "no such snapshot" in error("diagnose", tmp_path / "none", *brennan)
    assert "not an SQLite file" in error("diagnose", tmp_path / "text", *brennan)
    assert "is damaged" in error("diagnose", tmp_path / "cut", *brennan)
    assert "is damaged" in error("diagnose", tmp_path / "flipped", *brennan)
    assert "no snapshot; make one" in error("diagnose", source, *brennan)
    assert "did you mean brennan" in error("diagnose", good, "--tenant", "brenan")
    out = tmp_path / "out.sqlite"
    assert "is not JSON" in error(
        "capture", source, "--out", out, "--pricing", tmp_path / "prices.json"
    )
    assert "exists already" in error("capture", source, "--out", good)
    assert not out.exists()


def test_a_hostile_name_does_not_reach_the_terminal(run, before):
    """Control and bidi characters of a tenant's name are shown escaped."""
    tenant = before.tenant("bidi")
    assert "\x1b" in tenant.name
    for arguments in (("diagnose", before.path, "--tenant", "bidi"),):
        _, out, _ = run(*arguments)
        assert "\x1b[31m" not in out
        assert "\u202e" not in out
        assert r"\x1b[31m" in out


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["diagnose"],
        ["nonsense"],
        ["verify", "x"],
        ["diagnose", "x", "--tools=no"],
        ["diagnose", "x", "--tenant", "y", "--complexity", "hard"],
        ["diagnose", "x", "--tenant", "y", "--turn", "-1"],
        *(
            ["report", "x", "--tenant", "y", "--timeout", given]
            for given in ("soon", "inf", "nan", "1e400")
        ),
        *(["capture", "x", "--out", "y", "--statement-timeout", g] for g in ("inf", "nan", "1e9")),
    ],
)
def test_wrong_usage_exits_2(error, arguments):
    """Usage errors are one line too, and exit with 2."""
    assert "ee --help" in error(*arguments, code=2)


@pytest.mark.attack("4 secrets beside the settings, mistyped sources")
@pytest.mark.parametrize("words", ["svc:correct horse battery@h/db", "svc: horse", "a b c horse d"])
def test_words_of_a_password_with_spaces_are_not_repeated(error, words):
    """Without quotes around it they are arguments that no command takes."""
    line = error("capture", *f"postgresql://{words}".split(), "--out", "x", code=2)
    assert "unexpected extra argument" in line
    assert "horse" not in line


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
        "index.html",
        "northwind",
    ]
    assert [line for line in told.splitlines() if not line.startswith("report")] == [
        "brennan: confirmed",
        "northwind: refuted",
        f"index: {out / 'index.html'}",
    ]
    for name in ("brennan", "northwind"):
        assert (out / name / "report.html").is_file()


@pytest.mark.parametrize(
    ("tenant", "status", "code"), [("brennan", "affected", 3), ("northwind", "healthy", 0)]
)
def test_a_triage_ends_with_the_status_and_says_apart_how_sure_the_cause_is(
    run, shipped, tmp_path, tenant, status, code
):
    """A tenant is affected or healthy; confirmed is a cause, which a healthy one has not."""
    given = ("report", shipped("brennan-2026-05-02"), "--tenant", tenant, "--out", tmp_path)
    got, out, _ = run(*given)
    assert got == code
    cause = ["cause: confirmed"] if code else []
    report = f"report: {tmp_path / 'report.html'}"
    assert out.splitlines() == [f"{tenant}: {status}", *cause, report]
    page = (tmp_path / "report.html").read_text()
    head = page[: page.index("</header>")]
    assert ("confirmed" in head) == bool(code)
    assert f": {status}</h1>" in head
    assert (f'class="verdict {"bad" if code else "good"}"' in head) is True


def test_a_report_needs_no_hypothesis(run, shipped, tmp_path):
    """Without claims a report is a triage: it finds the root cause, and confirms it."""
    given = ("report", shipped("brennan-2026-05-02"), "--tenant", "brennan", "--out", tmp_path)
    code, out, _ = run(*given)
    assert code == 3
    assert out.startswith("brennan: affected")
    found = json.loads((tmp_path / "findings.json").read_text())
    assert found["title"] == "What is wrong with Brennan Machinery?"
    assert "The root cause is key-under-alias (confirmed)" in found["answer"]


def test_a_verification_without_claims_names_the_cause_all_the_same(run, shipped, tmp_path):
    """Asked for by name it has no verdict, and still says what the diagnosis found."""
    given = ("report", shipped("brennan-2026-05-02"), "--tenant", "brennan", "--out", tmp_path)
    code, out, _ = run(*given, "--notebook", "root_cause_verification")
    assert code == 3
    assert out.splitlines()[0] == "brennan: affected"
    found = json.loads((tmp_path / "findings.json").read_text())
    assert found["answer"].startswith("0 of 2,690 models are usable for a moderate request")
    assert "The root cause is key-under-alias (confirmed)" in found["answer"]
    assert found["answer"].endswith("No claim was given to test.")
    assert found["repaired"] is None


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_output_that_cannot_be_written_is_one_clear_line(shipped, as_json):
    """A full disk under stdout is exit 1 and one line, no traceback."""
    command = [sys.executable, "-c", "from atomlab.cli import main; main()", "diagnose"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*command, shipped("local-dev"), "--tenant", "demo", *as_json],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
        )
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last == "atomlab: cannot write the output (No space left on device); send it elsewhere"


def test_a_terminal_that_knows_ascii_only_gets_escapes(shipped):
    """What an encoding cannot say is escaped, never an exception."""
    done = subprocess.run(
        [
            *(sys.executable, "-c", "from atomlab.cli import main; main()", "verify"),
            *(shipped("brennan-2026-05-02"), BRENNAN),
        ],
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 0
    assert done.stdout.isascii()


def test_help_names_the_exit_codes(run):
    """The contract of the exit codes stands in the help."""
    code, out, _ = run("--help")
    assert code == 0
    told = "0 done.*1 could not look.*2 usage.*3 refuted, affected.*4 inconclusive or undecided"
    assert re.search(told, " ".join(out.split()))


def test_json_has_no_control_characters(run, before):
    """JSON output is ASCII, whatever a tenant is called, and loses nothing."""
    _, out, _ = run("diagnose", before.path, "--tenant", "bidi", "--json")
    assert out.isascii()
    assert json.loads(out)["tenant"]["name"] == before.tenant("bidi").name
    assert atomlab.AtomlabError("a\nb\x1b").args[0] == r"a\nb\x1b"


def test_fix_prints_a_script_and_nothing_else(run, shipped):
    """Stdout is the script, its rollback commented out; what it cures is said on stderr."""
    code, out, err = run("fix", shipped("brennan-2026-05-02"), "--tenant", "brennan")
    assert code == 0
    script, undo = out.split("-- To undo it")
    assert "INSERT INTO tenant_settings" in script
    assert "\nCOMMIT;" in script
    assert all(line.startswith("--") or not line for line in undo.splitlines()[1:])
    assert "to cure simple, moderate, complex requests" in err
    assert "advanced requests need another fix" in err


def test_fix_writes_the_script_and_its_rollback(run, error, shipped, tmp_path):
    """With --out both scripts are files, the command's own and whole."""
    given = ("fix", shipped("brennan-2026-05-02"), "--tenant", "brennan", "--dialect", "sqlite")
    code, out, _ = run(*given, "--out", tmp_path / "fix.sql")
    assert code == 0
    assert len(out.splitlines()) == 2
    assert "INSERT INTO" in (tmp_path / "fix.sql").read_text()
    assert "DELETE FROM" in (tmp_path / "fix.rollback.sql").read_text()


@pytest.mark.parametrize("there", ["fix.sql", "fix.rollback.sql"])
def test_fix_replaces_scripts_only_when_told(run, error, shipped, tmp_path, there):
    """An earlier script, or its rollback, stays as it is without --overwrite."""
    given = ("fix", shipped("brennan-2026-05-02"), "--tenant", "brennan")
    (tmp_path / there).write_text("mine")
    with chdir(tmp_path):
        line = error(*given, "--out", "fix.sql")
        assert there in line
        assert "exists already and is kept" in line
        assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]
        assert run(*given, "--out", "fix.sql", "--overwrite")[0] == 0
    assert "COMMIT;" in (tmp_path / there).read_text()


@pytest.mark.parametrize(
    ("out", "what"),
    [
        ("none/fix.sql", "no such folder"),
        (".", "is no regular file"),
        ("", "is no regular file"),
        ("/", "is no regular file"),
        ("snapshot.sqlite", "is one of the files to read and is kept"),
    ],
)
def test_fix_writes_no_script_where_none_belongs(error, shipped, tmp_path, out, what):
    """Folders, and the snapshot itself, are one clear line."""
    snapshot = tmp_path / "snapshot.sqlite"
    snapshot.write_bytes(shipped("brennan-2026-05-02").read_bytes())
    with chdir(tmp_path):
        given = ("fix", "snapshot.sqlite", "--tenant", "brennan", "--overwrite", "--out", out)
        assert what in error(*given)
    assert snapshot.read_bytes() == shipped("brennan-2026-05-02").read_bytes()


def test_fix_says_that_an_earlier_script_is_not_of_this_fix(run, shipped, tmp_path):
    """Where the fix is no SQL, an old script is left, and named as what it is."""
    old = tmp_path / "fix.sql"
    old.write_text("of another tenant")
    given = ("fix", shipped("brennan-2026-05-02"), "--tenant", "nettle", "--overwrite")
    code, _, err = run(*given, "--out", old)
    assert code == 3
    assert err.splitlines()[-1] == f"warning: {old} is an earlier script, not of this fix"
    assert old.read_text() == "of another tenant"


@pytest.mark.parametrize(
    ("tenant", "code"), [("glacier", 3), ("cobalt", 0), ("northwind", 3), ("delta", 3)], ids=str
)
def test_fix_exits_by_what_it_could_do(run, shipped, tenant, code):
    """A fix by hand is not fixed (3), nothing to fix is done (0), but for a winner without chat."""
    got, out, err = run("fix", shipped("brennan-2026-05-02"), "--tenant", tenant)
    assert (got, out) == (code, "")
    assert err.startswith("fix: ")


def test_a_fix_that_is_no_cure_is_not_fixed(run, captured, write_json):
    """Its script is printed, and removes the error; that a speech model then wins ends with 3."""
    model = {"litellm_provider": "groq", "max_input_tokens": 9_000, "mode": "audio_speech"}
    prices = write_json({"groq/tts": model | {"input_cost_per_token": 1e-7}}, "speech.json")
    snapshot = captured({"acme": {"GROQ_KEY": "a-key"}}, pricing=prices)
    given = ("fix", snapshot.path, "--tenant", "acme", "--complexity", "simple")
    code, out, err = run(*given)
    assert code == 3
    assert "INSERT INTO" in out
    assert "groq/tts is no chat model" in err


def test_a_fix_of_what_is_undecided_is_inconclusive(run, captured):
    """Without prices nobody knows whether anything is to be fixed: 4, and no script."""
    bare = captured({"acme": {"MINIMAX_2_7_API_KEY": "k"}}, pricing=None)
    code, out, err = run("fix", bare.path, "--tenant", "acme")
    assert (code, out) == (4, "")
    assert err.startswith("fix: the snapshot holds no pricing cache, so nothing can be decided")


def test_the_version_is_printed(run):
    """`--version` names the tool and its version."""
    assert re.fullmatch(r"atomlab \d+\.\d+\.\d+\n", run("--version")[1])


def test_a_snapshot_is_no_source(error, shipped, tmp_path):
    """Capturing from a snapshot would take its tokens for values: it is refused."""
    line = error("capture", shipped("brennan-2026-05-02"), "--out", tmp_path / "x.sqlite")
    assert "is a snapshot already" in line


@pytest.mark.parametrize(
    "notebook", ["root_cause_verification", "tenant_triage", "fleet_impact", "fix_comparison"]
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


def test_a_current_folder_that_is_gone_is_one_clear_line(tmp_path):
    """What a command would say of its files there would be of no help."""
    gone = tmp_path / "gone"
    gone.mkdir()
    given = " ".join(map(shlex.quote, [*ATOMLAB, "--version"]))
    command = f"cd {shlex.quote(str(gone))} && rmdir {shlex.quote(str(gone))} && {given}"
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(["sh", "-c", command], env=env, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == "atomlab: the current folder is gone; cd to one that is there\n"


@pytest.mark.parametrize(
    "given",
    [
        ("w0rd@host",),
        ("pw9Zk3",),
        ("u%3Apw9Zk3",),
        ("--pw9Zk3",),
        ("--tokens", "pw9Zk3"),
        ("--tokens=pw9Zk3",),
        ("--complexity", "pw9Zk3"),
        ("--byok=pw9Zk3",),
    ],
)
def test_words_of_a_command_line_that_may_be_a_password_are_not_repeated(error, shipped, given):
    """A space in a password leaves half of it for an argument of its own: it is not quoted."""
    told = error("diagnose", shipped("local-dev"), "--tenant", "x", *given, code=2)
    assert "pw9Zk3" not in told
    assert "w0rd" not in told
