"""The rows of a batch: their order, their sums, and as CSV."""

from __future__ import annotations

import csv
from io import StringIO

import pytest

from atomlab.report.index import index_page
from atomlab.report.rows import counts, first_sentence, rows_of, sums, to_csv
from tests.pages import HOSTILE, NAMES

ALL = ["simple", "moderate", "complex", "advanced"]


@pytest.fixture
def rows(outcome, tmp_path):
    """Return a row for each kind of thing that a report may find, in no order."""
    made = [
        outcome("Healthy", "healthy", {}),
        outcome("b in part", "affected", {"failing": ALL[:3]}),
        outcome("A in part", "affected", {"failing": ["simple"], "mute": ["complex"]}),
        outcome("Own", "affected"),
        outcome("Mute", "healthy", {"mute": ["simple"]}),
        outcome("Open", "undecided", {"what": "No prices. So nothing."}),
        outcome("Zeta in full", "affected", {"failing": ALL}),
        outcome("Eta in full", "affected", {"failing": ALL}),
        outcome("Broken", "failed"),
    ]
    return rows_of(made, tmp_path / "out")


def test_the_most_severe_comes_first(rows):
    """Failed, then all kinds fail, then some, undecided, no chat model, healthy; then by name."""
    assert [row.tenant for row in rows] == [
        "Broken",
        "Eta in full",
        "Zeta in full",
        "A in part",
        "b in part",
        "Own",
        "Open",
        "Mute",
        "Healthy",
    ]
    assert [row.tone for row in rows] == [*["bad"] * 6, "open", "open", "good"]


def test_verdicts_stand_where_there_is_no_status(outcome, tmp_path):
    """Refuted before affected, inconclusive before undecided, confirmed before healthy."""
    results = ("healthy", "confirmed", "undecided", "inconclusive", "affected", "refuted")
    made = [outcome(f"of {result}", result) for result in results]
    ordered = [row.word for row in rows_of(made, tmp_path / "out")]
    assert ordered == list(reversed(results))
    claims = outcome("Claims", "refuted", {"status": "affected"})
    [row] = rows_of([claims], tmp_path / "out")
    assert (row.status, row.verdict, row.word) == ("affected", "refuted", "affected")


def test_the_sums_are_of_what_is_listed(rows, outcome, tmp_path):
    """Counted by hand; of all tenants where more were looked at than have a report."""
    failed = "1 report could not be made"
    assert sums(rows) == ["5 of 8 tenants are affected, 1 undecided", failed]
    assert sums(rows, 1200) == ["5 of 1,200 tenants are affected, 1 undecided", failed]
    assert counts(rows) == (
        "8 reports: 5 affected (2 in full), 1 undecided, 2 healthy (1 with a model that cannot"
        " chat); 1 report could not be made"
    )
    assert sums([], 40) == ["no tenant is affected"]
    assert sums(rows[:1]) == [failed]
    made = [outcome("One", "refuted"), outcome("Two", "confirmed", {"status": "affected"})]
    claims = rows_of(made, tmp_path / "out")
    assert sums(claims) == ["1 of 1 tenant is affected", "verdicts: 1 refuted, 1 confirmed"]
    assert sums(claims[:1]) == ["verdicts: 1 refuted"]
    assert counts(claims[:1]) == "1 report; verdicts: 1 refuted"


def test_the_csv_has_a_column_for_each_fact(outcome, tmp_path):
    """One line of names, then one for each row; more than one thing in a cell has commas."""
    summary = {"failing": ALL[:2], "cause": "empty key", "fix": "give, or take", "actor": "tenant"}
    summary |= {"certainty": "confirmed", "left": "Nothing."}
    made = [
        outcome("Übel & Söhne", "affected", summary, subject="acme", mode="managed"),
        outcome("Broken", "failed"),
    ]
    text = to_csv(rows_of(made, tmp_path / "out"))
    broken, acme = csv.DictReader(StringIO(text))
    assert text.count("\n") == 3
    assert acme == {
        "tenant": "Übel & Söhne",
        "short_name": "acme",
        "tenant_id": "id of Übel & Söhne",
        "status": "affected",
        "failing_requests": "simple, moderate",
        "no_chat_model": "",
        "cause": "empty key",
        "fix": "give, or take",
        "who_acts": "tenant",
        "certainty": "confirmed",
        "verdict": "",
        "not_cured": "Nothing.",
        "unserved": "",
        "requests_are": "managed",
        "note": "",
        "folder": "acme",
        "report": "acme/report.html",
        "files": "notebook.ipynb, findings.json",
        "seconds": "1.5",
    }
    assert (broken["status"], broken["note"], broken["report"]) == ("failed", "the kernel died", "")
    assert broken["files"] == "notebook.partial.ipynb"


FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\uff1d1", "a;=1+1", '=HYPERLINK("http://x")')


@pytest.mark.parametrize("name", [*HOSTILE, *FORMULAS], ids=[*NAMES, *map(repr, FORMULAS)])
def test_no_cell_is_a_formula_and_no_line_is_broken(outcome, tmp_path, name):
    """Whatever a tenant is called, a spreadsheet shows it, and a terminal, too."""
    summary = dict.fromkeys(("cause", "fix", "actor", "left"), name)
    made = [
        outcome(name, "affected", {**summary, "failing": [name]}),
        outcome(f"2{name}", "failed", answer=name),
    ]
    text = to_csv(rows_of(made, tmp_path / "out"))
    for separator in ",;":
        for line in csv.reader(StringIO(text), delimiter=separator):
            assert not [cell for cell in line if cell[:1] in tuple("=+-@\t\uff1d")]
    lines = text.splitlines()
    assert len(lines) == 3
    assert all(line.isprintable() for line in lines)


@pytest.mark.parametrize(
    ("answer", "first"),
    [
        ("One. Two.", "One."),
        ("Of 2.7 models none fits! Two.", "Of 2.7 models none fits!"),
        ("No end", "No end"),
        ("a\nb. c", r"a\nb."),
        ("x" * 1000, f"{'x' * 300}… (1,000 characters)"),
        ("", ""),
    ],
)
def test_a_first_sentence_ends_at_its_mark(answer, first):
    """A point inside a number ends nothing."""
    assert first_sentence(answer) == first


def test_a_row_says_what_the_fix_leaves_broken(outcome, tmp_path):
    """In the index, too; the sentence on it stands in the CSV and in the report."""
    made = [
        outcome("A", "affected", {"fix": "x", "left": "Two.", "unserved": ["simple", "advanced"]})
    ]
    [row] = rows_of(made, tmp_path / "out")
    assert row.unserved == ("simple", "advanced")
    html = index_page(made, tmp_path / "out", "snap", "tenant_triage")
    assert "leaves broken: simple, advanced" in html
