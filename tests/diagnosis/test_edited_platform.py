"""Edits of the platform's side: each is of a copy, and of nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import atomlab
from atomlab.byok.platform import Platform
from atomlab.diagnosis.edits import Edit
from atomlab.diagnosis.sandbox import edited
from atomlab.evidence.inputs.pricing import FLAGS, NUMBERS
from atomlab.evidence.inputs.rules import load_rules


def test_a_made_up_model_is_one_that_no_filter_rejects(before):
    """One entry more, of that provider: its price and window are known, and it can do all."""
    platform = atomlab.load_platform(before.session)
    made = edited(platform, [Edit("add-model", provider="groq")]).pricing.columns
    for name, values in platform.pricing.columns.items():
        assert len(made[name]) == len(values) + 1
        if name in (*NUMBERS, *FLAGS):
            assert made[name].dtype == float
            assert np.array_equal(made[name][:-1], values, equal_nan=True)
        else:
            assert [*made[name]][:-1] == [*values]
    last = {name: values[-1] for name, values in made.items()}
    assert (last["model_id"].split("/")[0], last["litellm_provider"]) == ("groq", "groq")
    assert all(last[name] == 1 for name in FLAGS)
    assert all(0 < last[name] <= 1e-6 for name in NUMBERS if "cost" in name)
    assert last["max_input_tokens"] == last["max_tokens"] >= 1_000_000
    texts = {*made} - {*NUMBERS, *FLAGS, "model_id", "litellm_provider"}
    assert {last[name] for name in texts} == {None}


@pytest.mark.parametrize("edition", ["hosted-2026-05", "open-source-2026-05"])
@pytest.mark.parametrize("kind", ["register-provider", "allow-provider"])
@pytest.mark.parametrize("provider", ["perplexity", "openai", "groq"])
def test_a_provider_that_is_added_is_matched_as_if_it_had_been_there(
    before, edition, kind, provider
):
    """Whichever the edition's order of clients is, nothing is left of how it was before."""
    rules, platform = load_rules(edition), atomlab.load_platform(before.session)
    platform = replace(platform, rules=rules)
    assert len(platform.models.ids) > 2000  # matched once
    changed = edited(platform, [Edit(kind, provider=provider)])
    anew = Platform(changed.rules, changed.providers, changed.pricing, changed.catalog)
    assert [p.id for p in changed.providers] == [p.id for p in anew.providers]
    assert np.array_equal(changed.models.matches, anew.models.matches)
    assert np.array_equal(changed.models.served_by, anew.models.served_by)


def test_broken_entries_are_taken_out_and_the_others_stay_in_order(before):
    """Of all columns; an id that is not there takes nothing out."""
    platform = atomlab.load_platform(before.session)
    gone = {platform.models.ids[0], platform.models.ids[-1], "no-such/model"}
    left = edited(platform, [Edit("repair-entry", model=name) for name in gone])
    kept = [n for n, name in enumerate(platform.models.ids) if name not in gone]
    for name, values in platform.pricing.columns.items():
        wanted = [values[n] for n in kept]
        assert len(left.pricing.columns[name]) == len(wanted) == len(values) - 2
        if name == "model_id":
            assert left.pricing.columns[name] == wanted
    assert np.array_equal(left.pricing.window, platform.pricing.window[kept])


def test_only_unknown_windows_are_completed(before):
    """What the cache states stays; what it does not is wide enough for every request."""
    platform = atomlab.load_platform(before.session)
    completed, unknown = (
        edited(platform, [Edit("complete-windows")]).pricing,
        platform.pricing.window_unknown,
    )
    assert unknown.any()
    assert not completed.window_unknown.any()
    assert (completed.window[unknown] >= 1_000_000).all()
    assert np.array_equal(completed.window[~unknown], platform.pricing.window[~unknown])
