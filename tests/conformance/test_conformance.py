"""The public edition decides as it ran: all that was recorded of it, replayed through atomlab."""

from __future__ import annotations

import copy
import gzip
import hashlib
import json

import pytest

from tests.conformance.replay import CLASSES, RECORDED, agreement, load_record, main, replay


@pytest.fixture(scope="module")
def record():
    """Return the recorded decisions."""
    return load_record()


@pytest.fixture(scope="module")
def compared(record, tmp_path_factory):
    """Return every comparison of what was recorded with what atomlab decides."""
    return list(replay(record, tmp_path_factory.mktemp("conformance")))


@pytest.mark.parametrize("kind", CLASSES)
def test_all_that_was_recorded_is_decided_alike(compared, kind):
    """No fact of the class differs, and none is left out."""
    assert [one for one in compared if one.kind == kind and not one.agrees] == []
    assert agreement(compared)[kind] == (CLASSES[kind], CLASSES[kind])


def test_the_classes_are_all_of_the_record(record):
    """Tenants, rankings and answers are counted here from the file itself."""
    tenants = [tenant for database in record["databases"] for tenant in database["tenants"]]
    outcomes = [o for t in tenants for whose in ("own", "registry") for o in t["decided"][whose]]
    answered = sum("order" in outcome for outcome in outcomes)
    assert set(CLASSES.values()) == {
        *(len(tenants), len(outcomes), answered, len(outcomes) - answered)
    }
    assert {name for t in tenants for name in t["decided"]} == {
        *("lookup_db", "lookup_core_db", "lookup_core_env"),
        *("clients_db", "clients_env", "own", "registry"),
    }


def test_the_record_is_the_one_described():
    """The file that data/README.md describes, byte for byte."""
    digest = hashlib.sha256(RECORDED.read_bytes()).hexdigest()
    assert digest == "09d722ea9b450f09b6600c444c21ed403f5d2da7a6d2769127d4d383ec331a2e"


def _said(tenant):
    return tenant["decided"]


def _answered(tenant):
    return next(o for o in tenant["decided"]["registry"] if o["by"] == "bpc")


def _unanswered(tenant):
    return next(o for o in tenant["decided"]["own"] if o["by"] == "static")


# What a record that differs in one fact would say, and in which class it is seen.
CHANGES = {
    "clients, in order": lambda t: _said(t)["clients_env"].append("openai"),
    "clients, keys in the database alone": lambda t: _said(t)["clients_db"].append("openai"),
    "keys that the manager finds": lambda t: _said(t)["lookup_core_env"].append("openai"),
    "keys that it finds in the database alone": lambda t: _said(t).update(lookup_core_db=1),
    "keys that the settings' own manager finds": lambda t: _said(t)["lookup_db"].update(openai=1),
    "order of the ranking, or none": lambda t: _answered(t)["order"].reverse(),
    "first three value scores": lambda t: _answered(t)["score"].reverse(),
    "first three qualities": lambda t: _answered(t)["quality"].pop(),
    "providers that serve": lambda t: _answered(t)["served"].pop(),
    "number of models that get a price": lambda t: _answered(t).update(passed=7),
    "whether an entry breaks the ranking": lambda t: _unanswered(t).update(by="static-after-error"),
    "pairs of the static mapping": lambda t: _unanswered(t).update(static=[["openai", "o3"]]),
    "who answers where pricing finds none": lambda t: _unanswered(t).update(optimal=["a", "b"]),
}


@pytest.fixture
def run(record, tmp_path, capsys):
    """Return a function that replays the first tenant alone, its record changed by a function."""

    def replayed(change):
        database = copy.deepcopy(record["databases"][0])
        del database["tenants"][1:]
        change(database["tenants"][0])
        path = tmp_path / "record.json.gz"
        path.write_bytes(gzip.compress(json.dumps({**record, "databases": [database]}).encode()))
        code = main([str(path)])
        return code, capsys.readouterr().out

    return replayed


def test_agreement_is_printed_by_class(run):
    """A line for each class, and exit code 0 where all agrees."""
    code, out = run(lambda tenant: None)
    assert code == 0
    lines = out.splitlines()
    assert len(lines) == len(CLASSES)
    assert all(line.startswith(kind) for kind, line in zip(CLASSES, lines, strict=True))
    assert "1 of     1  100.0%" in lines[0]


@pytest.mark.parametrize("kinds", [list(CLASSES)[:-1], list(CLASSES)[-1:]], ids=["most", "last"])
def test_what_differs_is_seen(run, kinds):
    """A fact that was recorded otherwise lowers its class, is named, and ends with 3."""
    code, out = run(lambda tenant: [CHANGES[kind](tenant) for kind in kinds])
    lines = dict(zip(CLASSES, out.splitlines(), strict=False))
    assert code == 3
    for kind in kinds:
        assert lines[kind].startswith(kind)
        assert "100.0%" not in lines[kind]
        assert f"\n{kind}: db0, tenant T0-0" in out
