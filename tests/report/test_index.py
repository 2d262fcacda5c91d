"""The page that lists a batch: sorted by result, linked, inert."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest

from atomlab.report.files import PARTIAL
from atomlab.report.index import index_page
from atomlab.report.plan import Task
from atomlab.report.running import Outcome, Report
from tests.pages import HOSTILE, Page, inert


@pytest.fixture
def outcome(tmp_path):
    """Return a function that gives an outcome, its files in place."""

    def make(name, result, told="An answer.", subject="", certainty=""):
        folder = tmp_path / "out" / (subject or re.sub(r"\W", "-", name)[:40])
        folder.mkdir(parents=True)
        task = Task(Path("x.ipynb"), {}, folder, subject or name, name)
        if result == "failed":
            (folder / PARTIAL).write_text("{}")
            return Outcome(task, None, told, 1.5)
        report = Report(result, told, folder, certainty)
        for name in ("report.html", "notebook.ipynb", "findings.json"):
            (folder / name).write_text("")
        return Outcome(task, report, "", 1.5)

    return make


def links(page):
    """Return the addresses that lead out of the page."""
    addresses = [attrs["href"] for tag, attrs in page.tags if tag == "a"]
    return [address for address in addresses if not address.startswith("#")]


def test_reports_are_sorted_by_result_the_worst_first(outcome, tmp_path):
    """Failed, refuted, inconclusive, confirmed; within each by name."""
    made = [
        outcome("Zeta", "confirmed"),
        outcome("alpha", "confirmed"),
        outcome("Beta", "inconclusive"),
        outcome("Gamma", "refuted"),
        outcome("Delta", "failed", "the kernel died"),
    ]
    text = Page(index_page(made, tmp_path / "out", "snap", "tenant_triage")).text
    places = [text.index(name) for name in ("Delta", "Gamma", "Beta", "alpha", "Zeta")]
    assert places == sorted(places)
    assert "5 reports on snap" in text
    for count in ("1 failed", "1 refuted", "1 inconclusive", "2 confirmed"):
        assert count in text
    assert "the kernel died" in text
    page = Page(index_page(made, tmp_path / "out", "snap", "tenant_triage"))
    assert len(page.all("caption")) == len(page.all("table")) == 4
    assert all(caption for _, caption in page.all("caption"))


def test_tenants_are_sorted_by_status_and_the_cause_stands_apart(outcome, tmp_path):
    """Affected, undecided, healthy; only of the affected a verdict, and only on the cause."""
    made = [
        outcome("Zeta", "healthy"),
        outcome("Alpha", "affected", certainty="inconclusive"),
        outcome("Beta", "undecided"),
        outcome("Gamma", "affected", certainty="confirmed"),
    ]
    page = Page(index_page(made, tmp_path / "out", "snap", "tenant_triage"))
    places = [page.text.index(name) for name in ("Alpha", "Gamma", "Beta", "Zeta")]
    assert places == sorted(places)
    heads = [(attrs["class"], text) for attrs, text in page.all("a") if "class" in attrs]
    assert heads == [
        ("badge bad", "2 affected"),
        ("badge open", "1 undecided"),
        ("badge good", "1 healthy"),
    ]
    badges = [(attrs["class"], text) for attrs, text in page.all("span") if "badge" in str(attrs)]
    assert badges == [("badge open", "inconclusive"), ("badge plain", "confirmed")]


def test_every_file_is_linked_and_is_there(outcome, tmp_path):
    """Each report, executed notebook and findings; of a failed one the partial notebook."""
    made = [outcome("Brennan & Sons", "confirmed", subject="brennan"), outcome("b", "failed")]
    found = links(Page(index_page(made, tmp_path / "out", "snap", "x")))
    assert found == [
        f"b/{PARTIAL}",
        "brennan/report.html",
        "brennan/notebook.ipynb",
        "brennan/findings.json",
    ]
    assert all((tmp_path / "out" / address).is_file() for address in found)


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
    made = [outcome(name, "confirmed", name), outcome(f"2{name}", "failed", name)]
    html = index_page(made, tmp_path / "out", name, "x")
    assert inert(re.sub(r'href="[\w.~%/-]+"', 'href="#beside"', html))
    assert len(html) < 50_000
    assert all(re.fullmatch(r"[\w.~%/-]+", address) for address in links(Page(html)))


def test_no_report_at_all_says_so(tmp_path):
    """A batch for nobody leaves a page that says that nobody is affected."""
    page = Page(index_page([], tmp_path / "out", "snap", "tenant_triage"))
    assert "No tenant is affected" in page.text


def test_an_answer_is_not_cut(outcome, tmp_path):
    """The longest that a report gives stands in the index whole."""
    told = "An answer of several sentences. " * 25
    page = Page(index_page([outcome("a", "confirmed", told)], tmp_path / "out", "s", "n"))
    assert told.strip() in page.text
    assert "characters)" not in page.text


def test_an_unfinished_batch_says_what_is_missing(outcome, tmp_path):
    """After an interrupt the page lists what was made, and says that it is not all."""
    html = index_page([outcome("a", "confirmed")], tmp_path / "out", "snap", "x", missing=2)
    assert "Interrupted: 2 of 3 reports were not made." in Page(html).text
    assert "Interrupted" not in index_page([], tmp_path / "out", "snap", "x")
