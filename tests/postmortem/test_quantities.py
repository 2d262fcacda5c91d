"""Quantities: which digits of a text count something, and which only name it."""

from __future__ import annotations

import pytest

from atomlab.postmortem.quantities import quantities


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("212 requests failed", ["212"]),
        ("about 2,690 models", ["2,690"]),
        ("(9 of 9)", ["9", "9"]),
        ("it took 40ms, then 3h", ["40ms", "3h"]),
        ("12% of users, ~50", ["12%", "~50"]),
        ("$300 were lost", ["$300"]),
        ("40-50 jobs, 5/8 done", ["40-50", "5/8"]),
        ("0.5 of them", ["0.5"]),
        ("three tenants waited two hours", ["three tenants", "two hours"]),
        ("dozens of angry customers", ["dozens of angry customers"]),
        ("1e6 users, 2.5e-3 of them", ["1e6", "2.5e-3"]),
        ("Half of all tenants", ["Half of all tenants"]),
        ("Sixteen tenants, twenty-one jobs", ["Sixteen tenants", "twenty-one jobs"]),
        ("a dozen wrote, hundreds of others did not", ["a dozen", "hundreds of"]),
        ("a third of our users waited half an hour", ["third of our users", "half an hour"]),
        ("three regions, five workers", ["three regions", "five workers"]),
        ("one hour, two engineers", ["one hour", "two engineers"]),
        ("a two-hour outage", ["two-hour outage"]),
        ("a 12-hour outage of a 45-tenant fleet", ["12-hour", "45-tenant"]),
        ("ten-fold, tenfold, 10-fold", ["10-fold", "ten-fold", "tenfold"]),
        ("Zero tenants, zero failed requests", ["Zero tenants", "zero failed requests"]),
        ("twice as many", ["twice as many"]),
        ("the rate doubled", ["doubled"]),
        ("½ of jobs", ["½ of jobs"]),
        ("one in five calls failed", ["one in five"]),
        ("#40 minutes", ["40"]),
        ("row 3 tenants lost data", ["3"]),
        ("issue 12 tenants", ["12"]),
        ("no. 40 minutes", ["40"]),
        ("1.2.3 jobs", ["1.2.3"]),
        ("The ratio was 3:20", ["3:20"]),
        ("took 3h20", ["3h20"]),
        ("We had 0 alerts", ["0"]),
        ("In week 48 jobs failed, last week 12 did, this week 7 of 9", ["48", "12", "7", "9"]),
        ("They wait a week, 48 of them for more", ["48"]),
    ],
)
def test_numbers_that_count_are_found(text, found):
    """Figures with and without units, ranges, shares, money, and numbers in words."""
    assert quantities(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "on 2026-05-02 at 08:15 UTC, 2026-05-02T08:15:00Z",
        "MINIMAX_2_7_API_KEY, gpt-4o, minimax/MiniMax-M2.5, claim H1b, brennan-2026-05-03",
        "version 0.1.0, v1.2.3, PostgreSQL 13, Python 3.11",
        "PR #1989, issue 7454884299, lines 588-612, option 2",
        "https://tracker.example/12?page=3",
        "SHA-256, SEV-2, P1",
        "one of the two names",
        "HTTP 500 errors, exit code 1, port 8888, RFC 2119",
        "Windows 11, Level 3 support, minimax 2.7, k8s 1.29",
        "issue 12, tenants wrote; row 3; version 1.2.3 jobs",
        "between 09:00 and 09:30 UTC",
        "The on-call person of week 48 was on leave",
        "Every tenant failed",
        "double-checked, on call 24/7",
        "no number at all",
        "",
    ],
)
def test_names_dates_and_labels_are_none(text):
    """Digits in names, dates, times, versions, labels and addresses count nothing."""
    assert quantities(text) == []
