"""The trigger: what set it off, and not the root cause again in whatever words."""

from __future__ import annotations

import pytest

from atomlab.postmortem.reader import blocks
from atomlab.postmortem.trigger import repeats
from tests.conftest import ROOT
from tests.postmortem.conftest import lines

AGAIN = """
    The tenant has no row MINIMAX_API_KEY, which the platform looks for.
    The tenant has no row MINIMAX_API_KEY.
    The platform looks for MINIMAX_API_KEY, a row that the tenant has not.
    There was no MINIMAX_API_KEY row for the tenant.
    MINIMAX_API_KEY is missing.
    MINIMAX_API_KEY was never set
    The key stands under the wrong name.
    The row is missing. The key is missing.
    The tenant's key for minimax stands under another name.
    See root cause.
    Same as root cause
    Same as the root cause above.
    Identical to root cause: the key is missing.
    It is the root cause.
    MINIMAX_API_KEY was missing from tenant settings.
    The API key was stored under the wrong name.
    The tenant's key was misnamed.
    key-under-alias.
    The platform could not find the key for minimax.
    The platform looks up MINIMAX_API_KEY but the tenant has MINIMAX_2_7_API_KEY.
    No client was built for minimax.
"""
ELSE = """
    The first backfill of the tenant was started.
    The worker ran the backfill job, which asked for a model.
    On 2026-05-01 Ana deleted the row MINIMAX_API_KEY.
    A deploy removed MINIMAX_API_KEY.
    The key was renamed to MINIMAX_2_7_API_KEY.
    A moderate request of Brennan Machinery.
    The backfill ran for the first time. The key was missing.
    A new release looks for MINIMAX_API_KEY alone.
    The release of 2026-05-01 changed the name that the platform looks for.
    The tenant saved its key in the settings page.
    A moderate request of the tenant was made.
    The tenant switched its plan on 2026-05-01 at 10:00 UTC.
    Support rotated the key on Friday.
    A deploy changed the lookup of keys.
    The first request for a minimax model came in.
    Support added MINIMAX_2_7_API_KEY for the tenant.
    The tenant removed its key.
    The platform was upgraded.
    The tenant was migrated to the platform.
"""


@pytest.fixture(scope="module")
def roots():
    """Return the texts under the root cause of the shipped postmortem."""
    text = (ROOT / "data" / "postmortem" / "postmortem.md").read_text(encoding="utf-8")
    return [block.whole for block in blocks(text) if "Root cause" in block.section]


@pytest.mark.parametrize("trigger", lines(AGAIN))
def test_the_root_cause_in_other_words_is_no_trigger(roots, trigger):
    """Shortened, with its clauses swapped, or only pointed at."""
    assert repeats(trigger, roots)
    assert repeats(trigger.upper(), roots)


@pytest.mark.parametrize("trigger", lines(ELSE))
def test_an_event_is_a_trigger_though_it_names_the_key(roots, trigger):
    """Something happened that the root cause does not tell."""
    assert not repeats(trigger, roots)


def test_every_text_of_a_root_cause_repeats_itself(roots):
    """Whole, and each of its sentences that is about more than names."""
    about = [root for root in roots if "key" in root.lower() or "model" in root.lower()]
    assert len(about) > 5
    assert [root for root in about if not repeats(root, roots)] == []
