"""The fleet on the command line: who is affected at a glance, a list, a file, one document."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import sys

import pytest

import atomlab
from atomlab.fleets.listing import OWN, AffectedRows, Shared
from atomlab.fleets.summary import summarize_totals
from atomlab.fleets.survey import survey
from atomlab.show.fleet_terminal import print_fleet
from tests.cli.test_terminal import answer_of, run_piped
from tests.conftest import ROOT
from tests.diagnosis.made import EVERY, KEY, capture_made
from tests.screen import COLUMNS, on_screen


@pytest.fixture(scope="module")
def fleet(before):
    """Return the survey of the shipped snapshot."""
    return survey(before)


def table(lines, head):
    """Return the cells of the rows below the line that begins with `head`, by their first."""
    start = next(n for n, line in enumerate(lines) if line.startswith(head))
    rows = (re.split(r"\s{2,}", line.strip()) for line in lines[start:])
    return {row[0]: row[1:] for row in rows if len(row) > 2}


def test_causes_and_requests_stand_in_one_table(run, before, fleet):
    """One row per cause, as the totals count it, and their sum."""
    code, out, err = run("fleet", before.path)
    assert code == 3
    totals, lines = fleet.totals, out.splitlines()
    rows = table(lines[: lines.index("")], "cause")
    assert rows["cause"] == ["tenants", *totals.kinds, "confirmed"]
    for cause, number in totals.by("cause").items():
        numbers = (number, *totals.by_request(cause).values(), totals.confirmed_by_cause[cause])
        assert rows[cause] == [str(n or "–") for n in numbers]
    assert rows["all"][0] == str(totals.by_status["affected"])
    assert lines[0] == "45 tenants: 33 affected, 12 healthy"
    who = ", ".join(f"{name} {number}" for name, number in totals.by("who").items())
    assert f"who acts  {who}" in lines
    named = next(line for line in lines if line.startswith("providers "))
    assert named.count(",") == 7
    assert "cannot chat" in err


def test_a_pipe_gets_a_line_for_each_tenant(before, fleet):
    """Subdomain, what fails, cause, fix and who acts, total outages first; the rest is counted."""
    lines = run_piped("fleet", before.path, "--limit", "4")
    start = next(n for n, line in enumerate(lines) if line.startswith("tenant "))
    rows = [re.split(r"\s{2,}", line) for line in lines[start + 1 : start + 5]]
    for cells, (tenant, shared) in zip(rows, AffectedRows(fleet), strict=False):
        cause = " ".join(filter(None, (shared.cause, shared.provider)))
        assert cells == [tenant.subdomain, "all", cause, f"{shared.fix} ({shared.who})"]
    assert lines[start + 5].startswith("and 29 more affected tenants; --limit 33 lists all")
    whole = run_piped("fleet", before.path, "--limit", "33")
    assert not [line for line in whole if "more affected" in line]
    listed = [t.subdomain or t.id for t, _ in AffectedRows(fleet)]
    assert [
        line.split()[0] for line in whole if re.match(rf"({'|'.join(listed)}) ", line)
    ] == listed


def test_the_answer_is_last_on_a_terminal_and_fits_its_width(before, fleet):
    """It says what the library says, below the warnings."""
    code, lines = on_screen("fleet", before.path)
    said, found = summarize_totals(fleet.totals), answer_of(lines)
    assert code == 3
    fields = (said.what, said.why, said.todo, said.who, said.left)
    assert [*found.values()] == [each for each in fields if each]
    assert max(map(len, lines)) <= COLUMNS
    quiet = on_screen("fleet", before.path, "-q")[1]
    assert answer_of(quiet) == found
    assert len([line for line in quiet if "━" not in line]) <= 16


@pytest.mark.parametrize(
    ("tenants", "options", "code"),
    [
        ({"a": {"OPENAI_API_KEY": KEY}}, {}, 0),
        ({"a": {"OPENAI_API_KEY": KEY}, "b": {}}, {}, 3),
        ({"a": {"OPENAI_API_KEY": KEY}}, {"rules": "open-source-2026-05"}, 4),
    ],
    ids=["healthy", "affected", "undecided"],
)
def test_the_exit_code_says_whether_anybody_is_affected(run, captured, tenants, options, code):
    """In words, too; of whom nothing is wrong there is no table."""
    snapshot, kind = captured(tenants, **options), ("--complexity", "moderate")
    got, out, _ = run("fleet", snapshot.path, *kind)
    assert got == code
    assert ("cause " in out) == (code == 3)
    assert out.splitlines()[-1].strip()
    document = json.loads(run("fleet", snapshot.path, *kind, "--json")[1])
    assert document["status"] == {0: "healthy", 3: "affected", 4: "undecided"}[code]
    assert (document["missing"] is None) == (code != 4)


@pytest.mark.parametrize(("option", "asked"), [((), None), (("--managed",), True)])
def test_requests_are_as_asked(run, tmp_path, option, asked):
    """Of the kind and the mode that the options name; else as each tenant's mode says."""
    capture_made(tmp_path, EVERY).close()
    given = ("fleet", tmp_path / "made.sqlite", *option, "--complexity", "complex", "--json")
    code, out, err = run(*given, "--limit", "1000")
    assert (code, err) == (3, "")
    document = json.loads(out)
    hit = {name for name, made in EVERY.items() if not made.usable("complex", asked)}
    assert {tenant["subdomain"] for tenant in document["tenants"]} == hit
    assert document["kinds"] == [{"complexity": "complex", "tenants": len(hit)}]
    assert document["left_out"] == 0
    said = run(*given[:-1])[1]
    assert ("requests are managed (as asked) for 54 tenants" in said) == (asked is True)
    assert ("requests are managed (ai_mode) for 18 tenants" in said) == (asked is None)


def test_one_document_has_the_totals_and_the_listed_tenants(run, before, fleet):
    """Its numbers are the totals'; what is not listed is counted."""
    code, out, err = run("fleet", before.path, "--json", "--limit", "5")
    assert (code, err) == (3, "")
    found, totals = json.loads(out), fleet.totals
    assert found["schema"] == "atomlab.fleet/1"
    assert found["statuses"] == totals.by_status
    assert (len(found["tenants"]), found["left_out"]) == (5, totals.by_status["affected"] - 5)
    assert set(found["tenants"][0]) == {*OWN, *Shared._fields}
    assert {each["cause"]: each["tenants"] for each in found["causes"]} == totals.by("cause")
    assert {each["provider"]: each["tenants"] for each in found["providers"]} == totals.by(
        "provider"
    )
    assert {each["who"]: each["tenants"] for each in found["who"]} == totals.by("who")
    assert found["groups"] == totals.groups()
    assert found["snapshots"][0]["sha256"] == before.sha256
    assert found["summary"]["what"] == summarize_totals(totals).what


def test_the_file_has_them_all_and_is_replaced_only_if_asked(run, error, before, tmp_path):
    """Whatever --limit says; what is there is kept, and a snapshot always is."""
    out = tmp_path / "fleet.csv"
    code, said, _ = run("fleet", before.path, "--limit", "0", "--csv", out)
    assert code == 3
    with out.open(newline="", encoding="utf-8") as stream:
        rows = [*csv.DictReader(stream)]
    assert len(rows) == len(survey(before).affected_tenants)
    assert f"{out}: all {len(rows)} affected tenants" in said
    assert "tenant  " not in said
    made = out.read_bytes()
    assert "exists already and is kept" in error("fleet", before.path, "--csv", out)
    assert run("fleet", before.path, "--csv", out, "--overwrite", "--json")[0] == 3
    assert out.read_bytes() == made
    copy = tmp_path / "copy.sqlite"
    copy.write_bytes(before.path.read_bytes())
    line = error("fleet", copy, "--csv", copy, "--overwrite")
    assert "is one of the files to read and is kept" in line
    assert "no such folder" in error("fleet", copy, "--csv", tmp_path / "none" / "x.csv")


def test_what_cannot_be_looked_at_is_one_line(error, before, tmp_path):
    """No snapshot, a damaged one, two that need not belong together, a wrong number."""
    assert "none.sqlite" in error("fleet", tmp_path / "none.sqlite")
    damaged = tmp_path / "damaged.sqlite"
    damaged.write_bytes(before.path.read_bytes()[:-10])
    assert "damaged.sqlite" in error("fleet", damaged)
    assert "is a whole snapshot" in error("fleet", before.path, before.path)
    assert "--limit" in error("fleet", before.path, "--limit", "-1", code=2)
    assert not [path for path in tmp_path.iterdir() if path != damaged]


STOPPED = """
import signal, sys
from atomlab.fleets import listing
from atomlab.__main__ import run
number, cells = int(sys.argv.pop()), listing._cells
def half_way(values):
    signal.raise_signal(number)
    return cells(values)
listing._cells = half_way
run()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_list_that_is_stopped_leaves_no_file(before, tmp_path, number):
    """What is half written goes with the process: 130, and one line."""
    given = ("fleet", before.path, "--csv", tmp_path / "fleet.csv", f"{number:d}")
    done = subprocess.run(
        [sys.executable, "-P", "-c", STOPPED, *map(str, given)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (130, "atomlab: interrupted\n")
    assert [*tmp_path.iterdir()] == []


def test_progress_counts_tenants_on_a_terminal_alone(before):
    """With tenants per second and the time left; a pipe gets none of it."""
    assert any("tenants/s" in line for line in on_screen("fleet", before.path)[1])
    assert not any("tenants/s" in line for line in run_piped("fleet", before.path))


def test_hostile_names_are_text(captured, capsys):
    """Neither a tenant's name nor a setting's moves the cursor or reorders the line."""
    evil = "acme\u202e\x1b[31m[red]x"
    found = survey(captured({evil: {f"{evil}_API_KEY".upper(): KEY}}))
    print_fleet(found.totals, [*AffectedRows(found)], "snapshot")
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert "[red]" in out


def test_the_columns_of_file_and_frame_are_the_same(before):
    """But for what a frame leaves out."""
    frame = atomlab.tenants(before)
    assert [name for name in (*OWN, *Shared._fields) if name not in ("cost", "leaves")] == list(
        frame.columns
    )


@pytest.mark.parametrize("command", [("fleet",), ("what-if", "--add-key", "openai")])
@pytest.mark.parametrize("more", [(), ("--json",)])
def test_no_limit_is_too_large_for_a_line(run, before, command, more):
    """One that no list can reach is wrong use, said in a line; the largest lists all."""
    name, *rest = command
    code, out, err = run(name, before.path, *rest, *more, "--limit", "9" * 30)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert run(name, before.path, *rest, *more, "--limit", str(sys.maxsize))[0] == 3
