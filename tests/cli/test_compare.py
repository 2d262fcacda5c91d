"""`atomlab compare`: exit codes, one document on stdout, and what fits a screen."""

from __future__ import annotations

import json

import pytest

from tests.screen import COLUMNS, ROWS, on_screen

NO_PRICES: tuple[dict[str, None], ...] = ({}, {"pricing": None})


@pytest.mark.parametrize(
    ("tenant", "code"), [("brennan", 0), ("northwind", 3), ("nobody-at-all", 1)]
)
def test_it_ends_with_what_it_found(run, before, after, tenant, code):
    """0 explained, 3 nothing to explain, 1 for an unknown tenant, in one line."""
    given = ("compare", after.path, before.path, "--tenant", tenant)
    ended, out, err = run(*given)
    assert ended == code
    assert (err.count("\n") == 1) is (code == 1)
    assert ("There is nothing to explain" in out) is (code == 3)


def test_json_is_one_document(run, before, after):
    """For a tenant and for all, with the same ends."""
    for more in (("--tenant", "brennan"), ()):
        code, out, err = run("compare", after.path, before.path, *more, "--json")
        assert (code, err) == (0, "")
        assert json.loads(out)["schema"] == "atomlab.compare/1"


def test_a_file_that_is_no_snapshot_is_refused(run, before, tmp_path):
    """In one line, whichever of the two it is."""
    (tmp_path / "no.sqlite").write_text("no")
    for files in ((before.path, tmp_path / "no.sqlite"), (tmp_path / "no.sqlite", before.path)):
        code, out, err = run("compare", *files)
        assert (code, out, err.count("\n")) == (1, "", 1)


@pytest.mark.parametrize("more", [("--tenant", "brennan"), ()])
def test_it_fits_the_screen(before, after, more):
    """The answer is last, and all of it on 80 columns and 24 rows."""
    code, lines = on_screen("compare", after.path, before.path, *more)
    assert code == 0
    assert len(lines) < ROWS
    assert max(map(len, lines)) <= COLUMNS


def test_two_snapshots_without_a_tenant_in_common_are_refused(run, before, local_dev):
    """They explain nothing, and that is no finding: it is the wrong database."""
    code, out, err = run("compare", before.path, local_dev.path)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "no tenant is in both snapshots" in err
    assert "45" in err


def test_without_what_decides_it_is_inconclusive(run, captured):
    """Exit code 4, for a tenant and for all: one of the days has no price cache."""
    days = [
        captured({"a": {"OPENAI_API_KEY": "sk-0123456789abcdef"}}, **more) for more in NO_PRICES
    ]
    for more in (("--tenant", "a"), ()):
        code, out, _ = run("compare", *(day.path for day in days), *more)
        assert code == 4
        assert "Nothing can be decided" in out
