"""The page that lists a batch: one table, the most severe first, linked, inert."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256

import pytest

from atomlab.report.files import PARTIAL
from atomlab.report.index import index_page
from tests.pages import HOSTILE, Page, inert

NAMES = ("tenant", "status", "failing requests", "cause", "fix", "who acts", "certainty", "files")


def links(page):
    """Return the addresses of the table's links."""
    return [attrs["href"] for attrs, _ in page.all("a") if attrs["href"] != "index.csv"]


def cells(page):
    """Return the texts of each row's cells, by what the column is called on a phone."""
    rows, labels = [], [attrs.get("data-label", "note") for attrs, _ in page.all("td")]
    for label, (_, text) in zip(labels, page.all("td"), strict=True):
        if label == "status":
            rows.append({})
        rows[-1][label] = text
    return rows


def test_one_table_has_a_row_for_each_report(outcome, tmp_path):
    """Tenant, status in its colour, requests, cause, fix, who acts, certainty; no paragraph."""
    summary = {"failing": ["simple", "advanced"], "mute": ["moderate"], "cause": "empty key"}
    summary |= {"fix": "give it a key", "actor": "tenant", "certainty": "confirmed"}
    made = [
        outcome("Acme", "affected", summary, subject="acme"),
        outcome("Fine", "healthy", {}),
        outcome("Mute", "healthy", {"mute": ["simple"]}),
    ]
    html = index_page(made, tmp_path / "out", "snap", "tenant_triage", tenants=40)
    page = Page(html)
    assert page.headers("col") == [*NAMES]
    assert page.headers("row") == ["Acmeacme", "Mute", "Fine"]
    acme, mute, fine = cells(page)
    assert acme == {
        "status": "affected",
        "failing requests": "simple, advancedno chat model: moderate",
        "cause": "empty key",
        "fix": "give it a key",
        "who acts": "tenant",
        "certainty": "confirmed",
        "files": "notebook, findings",
    }
    assert mute["failing requests"] == "no chat model: simple"
    assert fine["failing requests"] == fine["cause"] == "–"
    badges = [(attrs["class"], text) for attrs, text in page.all("span") if "badge" in str(attrs)]
    assert badges == [
        ("badge bad", "affected"),
        ("badge open", "healthy"),
        ("badge good", "healthy"),
    ]
    assert [text for _, text in page.all("h1")] == ["1 of 40 tenants is affected"]
    counts = "3 reports: 1 affected, 0 undecided, 2 healthy (1 with a model that cannot chat)"
    assert [text for attrs, text in page.all("p") if attrs.get("class") == "counts"] == [counts]
    assert not page.all("p")[3:]  # what it is about, the counts, who made it


def test_every_request_is_said_in_two_words(outcome, tmp_path):
    """All four kinds are not listed."""
    summary = {"failing": ["simple", "moderate", "complex", "advanced"]}
    page = Page(index_page([outcome("A", "affected", summary)], tmp_path / "out", "s", "n"))
    assert cells(page)[0]["failing requests"] == "every request"


def test_claims_have_a_column_where_there_are_some(outcome, tmp_path):
    """The verdict on them stands beside the status, and says nothing of it."""
    made = [outcome("A", "confirmed", {"status": "affected"}), outcome("B", "refuted")]
    page = Page(index_page(made, tmp_path / "out", "s", "n"))
    assert page.headers("col") == [*NAMES[:2], "verdict", *NAMES[2:]]
    assert [(row["status"], row["verdict"]) for row in cells(page)] == [
        ("–", "refuted"),
        ("affected", "confirmed"),
    ]


def test_a_report_without_a_summary_has_one_sentence(outcome, tmp_path):
    """The answer's first; of a failed report the error."""
    made = [outcome("A", "affected", answer="It is so in 2.7. More."), outcome("B", "failed")]
    page = Page(index_page(made, tmp_path / "out", "s", "n"))
    assert [row["note"] for row in cells(page)] == ["the kernel died", "It is so in 2.7."]


def test_every_file_is_linked_and_is_there(outcome, tmp_path):
    """Each report, executed notebook and findings; of a failed one the partial notebook."""
    made = [outcome("Brennan & Sons", "confirmed", subject="brennan"), outcome("b", "failed")]
    (made[0].task.folder / "fix.sql").write_text("")
    found = links(Page(index_page(made, tmp_path / "out", "snap", "x")))
    assert found == [
        f"b/{PARTIAL}",
        "brennan/report.html",
        "brennan/fix.sql",
        "brennan/notebook.ipynb",
        "brennan/findings.json",
    ]
    assert all((tmp_path / "out" / address).is_file() for address in found)


def test_files_of_an_earlier_report_are_not_linked(outcome, tmp_path):
    """A PDF that was kept is not of this report."""
    made = outcome("b", "healthy", kept=("report.pdf",))
    (made.task.folder / "report.pdf").write_text("")
    assert "b/report.pdf" not in links(Page(index_page([made], tmp_path / "out", "snap", "x")))


def test_folders_of_earlier_reports_are_named_below(outcome, tmp_path):
    """They are not in the table, and are linked all the same."""
    made = [outcome("b", "healthy")]
    earlier = [tmp_path / "out" / "a b"]
    page = Page(index_page(made, tmp_path / "out", "snap", "x", earlier=earlier))
    assert links(page)[-1] == "a%20b/report.html"
    assert "from earlier runs and not listed above: a b." in page.text


def test_a_failure_that_left_no_notebook_is_not_linked(outcome, tmp_path):
    """What is not there is not linked."""
    made = outcome("b", "failed")
    (made.task.folder / PARTIAL).unlink()
    assert links(Page(index_page([made], tmp_path / "out", "snap", "x"))) == []


def test_the_page_is_one_inert_file(outcome, tmp_path):
    """No script, a policy that allows none, no address but those of the reports beside it."""
    html = index_page([outcome("a", "confirmed")], tmp_path / "out", "snap", "x")
    page = Page(html)
    policy = next(attrs["content"] for _, attrs in page.tags if attrs.get("http-equiv"))
    style = re.search("<style>(.*?)</style>", html, re.DOTALL)[1]
    digest = b64encode(sha256(style.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'" in policy
    assert "script-src" not in policy
    assert not {tag for tag, _ in page.tags} & {"script", "iframe", "object", "link", "base"}
    assert "://" not in html
    assert 'lang="en"' in html


@pytest.mark.parametrize("name", [*HOSTILE, "x" * 1_000_000])
def test_hostile_names_are_inert(outcome, tmp_path, name):
    """A tenant, an answer, an error or a snapshot of any name is text."""
    summary = dict.fromkeys(("title", "what", "cause", "fix", "actor", "left"), name)
    made = [
        outcome(name, "affected", {**summary, "failing": [name], "mute": [name]}),
        outcome(f"2{name}", "failed", answer=name),
        outcome(f"3{name}", "confirmed", answer=name),
    ]
    html = index_page(made, tmp_path / "out", name, "x")
    assert inert(re.sub(r'href="[\w.~%/-]+"', 'href="#beside"', html))
    assert len(html) < 50_000
    assert all(re.fullmatch(r"[\w.~%/-]+", address) for address in links(Page(html)))


def test_no_report_at_all_says_so(tmp_path):
    """A batch for nobody leaves a page that says that nobody is affected."""
    page = Page(index_page([], tmp_path / "out", "snap", "tenant_triage"))
    assert "No tenant is affected" in page.text


def test_an_unfinished_batch_says_what_is_missing(outcome, tmp_path):
    """After an interrupt the page lists what was made, and says that it is not all."""
    html = index_page([outcome("a", "confirmed")], tmp_path / "out", "snap", "x", missing=2)
    assert "Interrupted: 2 of 3 reports were not made." in Page(html).text
    assert "Interrupted" not in index_page([], tmp_path / "out", "snap", "x")
