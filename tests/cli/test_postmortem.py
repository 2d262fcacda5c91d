"""`atomlab postmortem`: formats, files, and exit codes."""

from __future__ import annotations

import json
import sys
from functools import partial

import pytest
import yaml

from tests.refusals import is_one_line


@pytest.fixture
def run(run):
    """Return a function that runs `atomlab postmortem`: (exit code, stdout, stderr)."""
    return partial(run, "postmortem")


@pytest.fixture
def findings(tmp_path, incident):
    """Return the path of the incident's findings."""
    path = tmp_path / "findings.json"
    path.write_text(json.dumps(incident))
    return path


@pytest.fixture
def events(tmp_path, said):
    """Return the path of events that leave nothing open."""
    path = tmp_path / "events.yaml"
    path.write_text(yaml.safe_dump(said))
    return path


def test_the_draft_is_printed(run, findings):
    """Without a file to go to, stdout is the Markdown and nothing else; HTML can be asked for."""
    code, out, err = run(findings)
    assert (code, err) == (0, "")
    assert out.startswith("# Postmortem: ")
    code, out, _ = run(findings, "--format", "html")
    assert code == 0
    assert out.startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("name", "start"), [("md", b"# "), ("html", b"<!DOCTYPE"), ("docx", b"PK"), ("pdf", b"%PDF-")]
)
def test_the_name_of_the_file_says_the_format(run, findings, tmp_path, name, start):
    """Each format is written whole, and the line says how much is open."""
    out = tmp_path / f"postmortem.{name}"
    code, told, _ = run(findings, "--out", out)
    assert code == 0
    assert out.read_bytes().startswith(start)
    assert told == f"wrote {out}; 34 points open\n"


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        *(("x.doc", []), ("x.txt", []), ("x", [])),
        ("a.docx", ["--format", "md"]),
        ("a.md", ["--format", "pdf"]),
        ("a.htm", ["--format", "docx"]),
    ],
)
def test_a_name_that_says_another_format_or_none_is_refused(run, findings, tmp_path, name, asked):
    """Usage: exit 2, one line that names the file, and nothing is written."""
    code, out, err = run(findings, "--out", tmp_path / name, *asked)
    assert (code, out) == (2, "")
    assert name in err
    assert is_one_line(err.removesuffix("\n"))
    assert not (tmp_path / name).exists()


def test_overwrite_has_no_opposite(run, findings, tmp_path):
    """Keeping a file is what happens without it, as in every other command."""
    assert run(findings, "--out", tmp_path / "x.md", "--no-overwrite")[0] == 2


def test_a_format_that_is_asked_for_names_an_ending_that_says_none(run, findings, tmp_path):
    """With `--format` any ending will do that is not another format's."""
    out = tmp_path / "postmortem.txt"
    assert run(findings, "--out", out, "--format", "pdf")[0] == 0
    assert out.read_bytes().startswith(b"%PDF-")


def test_check_lists_everything_and_exits_3(run, findings):
    """One line for each point, with its place, then their number."""
    code, out, err = run(findings, "--check")
    *points, last = out.splitlines()
    assert (code, err) == (3, "")
    assert last == f"{len(points)} points open"
    assert all(point.startswith("draft:") and is_one_line(point) for point in points)


def test_advice_alone_is_exit_0(run, findings, events):
    """It is printed, and nothing is open."""
    said = events.read_text()
    assert "platform lead" in said
    events.write_text(said.replace("platform lead", "everyone"))
    code, out, err = run(findings, "--events", events, "--check")
    advice, last = out.splitlines()
    assert (code, err, last) == (0, "", "nothing open")
    assert advice.endswith(
        "Action items, row 1: advice: 'everyone' is nobody; name a person or a team"
    )


def test_check_exits_0_where_nothing_is_open(run, findings, events):
    """A finished postmortem passes."""
    assert run(findings, "--events", events, "--check") == (0, "nothing open\n", "")


def test_what_people_edited_can_be_checked_and_set_again(run, findings, events, tmp_path):
    """The Markdown is the source: the draft, edited, is checked and set in other formats."""
    edited = tmp_path / "edited.md"
    run(findings, "--events", events, "--out", edited)
    assert run(edited, "--check") == (0, "nothing open\n", "")

    edited.write_text(edited.read_text().replace("| platform lead |", "| |"))
    line = edited.read_text()[: edited.read_text().index("| detect | |")].count("\n") + 1
    code, out, _ = run(edited, "--check")
    assert code == 3
    assert out.splitlines() == [f"{edited}:{line}: Action items, row 1: no owner", "1 point open"]

    code, out, _ = run(edited, "--check", "--out", tmp_path / "edited.pdf")
    assert code == 3
    assert f"wrote {tmp_path / 'edited.pdf'}; 1 point open" in out


def test_a_file_that_is_there_is_kept(run, findings, events, tmp_path):
    """What people wrote is not overwritten, unless they say so; inputs never are."""
    out = tmp_path / "postmortem.md"
    out.write_text("days of work")
    code, _, err = run(findings, "--out", out)
    assert code == 1
    assert "exists already and is kept" in err
    assert out.read_text() == "days of work"
    assert run(findings, "--out", out, "--overwrite")[0] == 0
    for given in (findings, events):
        arguments = ("--out", given, "--format", "md", "--overwrite")
        code, _, err = run(findings, "--events", events, *arguments)
        assert code == 1
        assert "is one of the files to read" in err


def test_what_cannot_be_read_is_one_line_and_exit_1(run, findings, events, tmp_path):
    """Wrong files, and findings beside a finished postmortem."""
    latin = tmp_path / "latin.md"
    latin.write_bytes(b"caf\xe9")
    for arguments, told in (
        ([tmp_path / "nowhere.json"], "no such file"),
        ([tmp_path / "nowhere.md"], "no such file"),
        ([tmp_path], "cannot be read"),
        ([events], "is not JSON"),
        ([findings, "--events", findings], "unknown field"),
        ([findings, "--events", tmp_path / "nowhere.yaml"], "no such file"),
        ([latin], "is not UTF-8 text"),
        ([latin, findings], "is a postmortem already"),
        ([latin, "--events", events], "is a postmortem already"),
        ([findings, "--out", tmp_path / "no-folder" / "x.md"], "no such folder"),
    ):
        code, out, err = run(*arguments)
        assert (code, out) == (1, "")
        assert is_one_line(err.removesuffix("\n"))
        assert told in err


@pytest.mark.parametrize("name", ["docx", "pdf"])
def test_a_format_that_no_terminal_shows_needs_a_file(run, findings, name):
    """Usage: exit 2, and the option that is missing."""
    code, out, err = run(findings, "--format", name)
    assert (code, out) == (2, "")
    assert "--out" in err


@pytest.mark.parametrize(("name", "package"), [("docx", "pypandoc"), ("pdf", "typst")])
def test_a_package_that_is_missing_is_named(run, findings, tmp_path, monkeypatch, name, package):
    """Where pandoc or typst is not installed, one line says what to install."""
    monkeypatch.setitem(sys.modules, package, None)
    code, _, err = run(findings, "--out", tmp_path / f"x.{name}")
    assert code == 1
    assert is_one_line(err.removesuffix("\n"))
    assert "pip install 'atomlab[documents]'" in err
    assert not (tmp_path / f"x.{name}").exists()


def test_control_characters_of_an_edited_file_reach_no_terminal(run, tmp_path):
    """What people pasted into a document is shown as escapes."""
    edited = tmp_path / "edited.md"
    edited.write_text("# P\n\n## Impact\x1b[31m\n\n12 \u202e jobs TO WRITE \x1b]0;x\x07\n")
    code, out, _ = run(edited, "--check")
    assert code == 3
    assert "\x1b" not in out
    assert "\u202e" not in out
