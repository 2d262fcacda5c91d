"""The diagnosis in the terminal: what failed, why, why not else, the fix; then the answer."""

from __future__ import annotations

import re

import pytest

import atomlab
from atomlab import Request
from atomlab.diagnosis.fixes import best_fix, in_words, plan_fix
from atomlab.show.argument import print_diagnosis


@pytest.fixture
def screen(capsys, monkeypatch):
    """Return a function that prints a tenant's diagnosis and gives the lines of stdout."""

    def show(snapshot, tenant, *requests, managed=None, detail="usual"):
        monkeypatch.setenv("COLUMNS", "100")
        found = atomlab.diagnose(snapshot, tenant, requests or None, managed=managed)
        print_diagnosis(found, "a-snapshot", detail)
        return capsys.readouterr().out.splitlines()

    return show


def test_the_incident_fits_one_screen_and_names_the_cause(screen, before):
    """Rows, outcome, cause with evidence, fix with proof, placebos, rivals: within 40 lines."""
    lines = screen(before, "brennan", detail="verbose")
    text = "\n".join(lines)
    assert len(screen(before, "brennan")) < len(lines) <= 40
    assert lines[0] == "Brennan Machinery (brennan), plan team: affected"
    assert "0 of 2,690 models usable: 2,690 no client for provider" in text
    assert "key-under-alias minimax, confirmed (one-of-k; simple, moderate, complex)" in text
    assert "the tenant has no row MINIMAX_API_KEY, which the platform looks for" in text
    told = "set MINIMAX_API_KEY to the value of MINIMAX_2_7_API_KEY (tenant, cost 1; verified"
    assert told in text
    assert "quality minimax, confirmed (joint; advanced)" in text
    assert "ruled out pricing-cache-empty" in text


def test_rows_that_no_provider_reads_are_shown(screen, captured):
    """A key under a wrong name is what one looks for: it is listed, not hidden."""
    lines = screen(captured({"acme": {"openai-api-key": "k", "STRIPE_API_KEY": "k"}}), "acme")
    shown = [line for line in lines if "no provider reads it" in line]
    assert [line.split()[0] for line in shown] == ["STRIPE_API_KEY", "openai-api-key"]


def test_the_row_that_a_cause_misses_is_shown(screen, captured):
    """The name that the platform looks for stands beside the one that the tenant has."""
    lines = screen(captured({"acme": {"openai-api-key": "k"}}), "acme")
    (row,) = [line.split() for line in lines if line.startswith("OPENAI_API_KEY")]
    assert row[1:4] == ["missing", "openai", "no:"]
    assert not [line for line in lines if line.startswith("MISTRAL_API_KEY")]


def test_a_client_without_models_is_marked(screen, before):
    """A key that makes a client of which the cache has no model says so in its row."""
    row = next(line for line in screen(before, "delta") if line.startswith("QWEN_API_KEY"))
    assert "yes, but" in row


def test_the_fix_is_the_one_that_the_fix_command_tells(screen, before):
    """Of several requests that fail alike, the fix is one that cures all, each with its winner."""
    for tenant in ("nettle", "quarry", "brennan"):
        lines = screen(before, tenant, detail="verbose")
        diagnosis = atomlab.diagnose(before, tenant)
        best = best_fix(diagnosis)
        fixes = [line for line in lines if line.startswith("fix ")]
        told = in_words(best.edits, diagnosis)
        assert fixes[0].startswith(f"fix       {told} ({best.who}, cost {best.cost};")
        assert any(told in words for words in plan_fix(diagnosis, "postgresql").words)
        for request in diagnosis.requests:
            for fix_set in request.explanation.fix_sets:
                if fix_set.edits == best.edits and fix_set.verified:
                    assert fix_set.after.winner.model in "".join(fixes)
        (usual, *others) = [line for line in screen(before, tenant) if line.startswith("fix ")]
        assert usual == fixes[0].replace(told, "as below")
        assert others == fixes[1:]


def test_every_shipped_tenant_fits_a_screen(screen, before):
    """Whatever is wrong, the argument stays short."""
    for (tenant,) in before.session.query(atomlab.Tenant.id):
        assert len(screen(before, tenant)) <= 48


def test_hostile_names_are_escaped(screen, captured):
    """Setting names with control characters and markup are shown as text."""
    lines = screen(
        captured({"acme": {"\x1bopenai\x1b_api_key": "k", "[groq]_api_key": "k"}}), "acme"
    )
    text = "\n".join(lines)
    assert "\x1b" not in text
    assert "[groq]_api_key" in text


def test_a_terminal_gets_lines_folded_between_words(screen, before, monkeypatch):
    """No word is cut at the edge, what goes on stands under its beginning; a pipe gets it whole."""
    whole = screen(before, "brennan", detail="verbose")
    monkeypatch.setenv("FORCE_COLOR", "1")  # for rich, that is a terminal
    coloured = screen(before, "brennan", detail="verbose")
    folded = [re.sub(r"\x1b\[[0-9;]*m", "", line).rstrip() for line in coloured]
    assert max(map(len, folded)) <= 100 < max(map(len, whole))
    assert " ".join(folded).split() == " ".join(whole).split()
    follows = folded[next(i for i, line in enumerate(folded) if line.startswith("placebos")) + 1]
    assert re.match(r" {10}\S", follows)


def test_a_key_of_any_of_several_is_proven_by_one_of_them(screen, before):
    """The model that is said to win is one that a named provider's key makes win."""
    lines = screen(before, "brennan")
    (told,) = [line for line in lines if line.startswith("fix       add a new key for any of")]
    found = atomlab.diagnose(before, "brennan")
    key, model = re.search(r"with (\w+), verified: (\S+) wins", told).groups()
    assert key.removesuffix("_API_KEY").lower() in found.keys_that_serve
    winners = {
        fix.edits[0].setting_key: fix.after.winner.model
        for fix in found.requests[3].explanation.fix_sets
        if len(fix.edits) == 1 and fix.cures
    }
    assert winners[key] == model


SPEECH = {"litellm_provider": "openai", "max_input_tokens": 9_000, "mode": "audio_speech"}


def test_a_winner_that_cannot_chat_stands_in_the_first_line(screen, captured, write_json):
    """The tenant is healthy, since a model is found; that it fails is said before all else."""
    prices = write_json({"openai/tts": SPEECH | {"input_cost_per_token": 1e-9}}, "speech.json")
    lines = screen(captured({"acme": {"OPENAI_API_KEY": "k"}}, pricing=prices), "acme")
    first = "healthy; for simple, moderate requests the winner openai/tts is not a chat model"
    assert lines[0].startswith("Acme (acme), plan team: affected; for simple")
    lines = screen(
        captured({"acme": {"OPENAI_API_KEY": "k"}}, pricing=prices), "acme", Request("simple")
    )
    assert lines[0].endswith(first.replace("simple, moderate", "simple") + " (audio_speech)")
    assert any("openai/tts, no chat model (audio_speech) wins" in line for line in lines)


def test_a_fix_that_is_no_cure_names_the_next_that_is(screen, captured, write_json):
    """The least effort lets a speech model win: the next, whose winner can chat, stands below."""
    speech = SPEECH | {"litellm_provider": "groq", "input_cost_per_token": 1e-9}
    chat = {"litellm_provider": "mistral", "max_input_tokens": 9_000, "mode": "chat"}
    prices = write_json({"groq/tts": speech, "mistral/a": chat}, "speech.json")
    snapshot = captured({"acme": {"GROQ_KEY": "k"}}, pricing=prices)
    lines = screen(snapshot, "acme", Request("simple"))
    (fix,) = [line for line in lines if line.startswith("fix ")]
    (instead,) = [line for line in lines if line.startswith("instead ")]
    assert fix.endswith("groq/tts, no chat model (audio_speech) wins, which is no cure)")
    assert instead.endswith("(tenant, cost 5; verified: mistral/a wins)")


def test_who_answers_where_pricing_finds_no_model_is_named(screen, captured, tmp_path):
    """In an edition with a fallback no error is raised; the tenant is affected all the same."""
    (tmp_path / "env").write_text("MINIMAX_API_KEY=a-key\nLUX_MODEL_API_KEY=a-key\n")
    about = {"rules": "open-source-2026-05", "env": tmp_path / "env"}
    lines = screen(captured({"acme": {}}, **about), "acme", Request("advanced"))
    assert lines[0].endswith(": affected")
    (told,) = [line for line in lines if line.startswith("advanced")]
    assert told.endswith(
        "; pricing finds no model; the static mapping answers with minimax/MiniMax-M2.7"
    )
    assert not [line for line in lines if line.startswith("error")]
    assert [line.split()[2] for line in lines if line.startswith("MINIMAX_API_KEY")] == ["minimax"]


def test_what_is_missing_to_decide_is_named(screen, captured):
    """Without prices no request is decided, and none is told as failing."""
    lines = screen(captured({"acme": {"OPENAI_API_KEY": "k"}}, pricing=None), "acme")
    assert lines[0].endswith(": undecided")
    told = [line for line in lines if line.startswith(("simple", "moderate", "complex", "adv"))]
    why = "undecided: the snapshot holds no pricing cache"
    assert told == [f"simple, moderate, complex, advanced: {why}"]


def test_each_input_that_was_not_captured_is_a_line(screen, captured, write_json):
    """What is the edition's default, or absent, with what is assumed; what was given is not."""
    snapshot = captured({"acme": {}})
    found = atomlab.diagnose(snapshot, "acme").assumptions
    (line,) = [line for line in screen(snapshot, "acme") if line.startswith("assumes")]
    assert all(f"{each.input} ({each.state})" in line for each in found)
    lines = screen(snapshot, "acme", detail="verbose")
    lines = [line for line in lines if line.startswith("assumes")]
    assert [line.split()[1] for line in lines] == list(dict.fromkeys(a.input for a in found))
    assert all(any(each.assumed in line for line in lines) for each in found)
    registry = write_json({"providers": [{"id": "openai"}]}, "registry.json")
    (given,) = [
        line
        for line in screen(captured({"acme": {}}, providers=registry), "acme")
        if line.startswith("assumes")
    ]
    assert "registry" not in given
