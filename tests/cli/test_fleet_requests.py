"""Recorded requests on the command line: what fails, why, and what a change would flip."""

from __future__ import annotations

import json

import pytest

from atomlab.fleets.replay import replay
from tests.diagnosis.made import KEY
from tests.pages import HOSTILE
from tests.refusals import is_one_line


@pytest.fixture
def requests(tmp_path):
    """Return a function that writes a file of (tenant, complexity) requests."""

    def write(*asked):
        path = tmp_path / "requests.jsonl"
        lines = (json.dumps({"tenant": t, "complexity": c}) for t, c in asked)
        path.write_text("\n".join(lines))
        return path

    return write


def test_causes_rows_and_flips_are_listed(run, before, requests):
    """Each cause with its number, a row for each tenant, the flips; the answer is last."""
    path = requests(*[("brennan", "moderate")] * 3, ("fjord", "simple"), ("?", "simple"))
    code, out, _ = run(
        "fleet", before.path, "--requests", path, "--skip-bad", "--with-fix", "brennan"
    )
    found = replay(before, path, ["brennan"], skip_bad=True)
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert code == 3
    assert lines[-1] == found.answer()
    assert "key-under-alias minimax confirmed 4 2" in lines
    assert "brennan moderate key-under-alias minimax 3" in lines
    assert "cured no model minimax/MiniMax-M2.5 3 1" in lines
    assert "skipped 1 line (unknown-tenant), the first is line 5" in lines
    assert "change: set MINIMAX_API_KEY to the value of MINIMAX_2_7_API_KEY" in lines
    quiet = run("fleet", before.path, "--requests", path, "--skip-bad", "-q")[1]
    assert quiet.splitlines() == [replay(before, path, skip_bad=True).answer()]


def test_one_document_is_printed(run, before, requests, tmp_path):
    """With the changes of a file, decided as is asked; tables are cut, the document is not."""
    path, file = requests(("brennan", "simple"), ("fjord", "simple")), tmp_path / "c.yaml"
    file.write_text("changes: [{tenant: fjord}]")
    options = ("--requests", path, "--changes", file, "--managed")
    document = json.loads(run("fleet", before.path, *options, "--json")[1])
    assert document == json.loads(
        json.dumps(replay(before, path, changes=file, managed=True).to_json())
    )
    out = run("fleet", before.path, *options, "--limit", "1")[1]
    assert "and 1 more row" in out


@pytest.mark.parametrize(
    ("tenants", "options", "code"),
    [
        ({"a": {"OPENAI_API_KEY": KEY}}, {}, 0),
        ({"a": {}}, {}, 3),
        ({"a": {}}, {"pricing": None}, 4),
    ],
    ids=["healthy", "affected", "undecided"],
)
def test_the_exit_code_says_whether_requests_fail(run, captured, requests, tenants, options, code):
    """As for a fleet."""
    snapshot = captured(tenants, **options)
    assert run("fleet", snapshot.path, "--requests", requests(("a", "simple")))[0] == code


def test_options_that_do_not_go_together_are_named(error, before, requests):
    """A file of requests says of which kind they are; the others are about such a file."""
    path = requests(("brennan", "simple"))
    for option in (("--complexity", "simple"), ("--csv", "x.csv"), ("--scheduler", "tcp://x:1")):
        line = error("fleet", before.path, "--requests", path, *option, code=2)
        assert f"{option[0]}: cannot go with --requests" in line
    for option in (("--skip-bad",), ("--with-fix", "brennan"), ("--changes", "x.yaml")):
        assert f"{option[0]}: goes with --requests" in error("fleet", before.path, *option, code=2)


def test_a_bad_line_and_shards_are_one_line(error, before, requests, make_database, tmp_path):
    """The line has its number; requests are decided on a whole snapshot."""
    import atomlab

    path = requests(("brennan", "simple"), ("nobody", "simple"))
    assert f"{path}: line 2 names a tenant" in error("fleet", before.path, "--requests", path)
    source = make_database({"a": {}, "b": {}})
    for each in atomlab.capture(str(source), tmp_path / "shards", shards=2):
        each.close()
    line = error("fleet", tmp_path / "shards", "--requests", path)
    assert "requests are decided on one whole snapshot" in line


@pytest.mark.parametrize("name", HOSTILE[:12])
def test_names_are_inert(run, captured, requests, name):
    """What tenants are called, and the file, moves no cursor."""
    if "\0" in name or not name.isprintable():
        name = name.encode("unicode_escape").decode()
    snapshot = captured({name: {}})
    _, out, err = run("fleet", snapshot.path, "--requests", requests((name, "simple")))
    assert all(is_one_line(line) for line in (out + err).splitlines() if line)
