"""Limits: a stranger's file that is beyond them is refused soon, and one within them ends soon."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

import atomlab
from atomlab import limits
from atomlab.byok.scoring import scorer
from atomlab.diagnosis import lint
from atomlab.diagnosis.hypothesis import load_hypothesis
from atomlab.errors import InputError, SnapshotError, SourceError
from atomlab.evidence.inputs.catalog import load_catalog
from atomlab.evidence.inputs.environment import load_variables
from atomlab.evidence.inputs.pricing import load_pricing
from atomlab.evidence.inputs.registry import load_registry
from atomlab.evidence.inputs.rules import load_rules
from atomlab.evidence.names import key_stem
from atomlab.files import MAX_BYTES, MOST_MEMORY
from atomlab.postmortem.cases import load_cases
from atomlab.report.notebooks import parameters_of
from tests.apart import apart
from tests.forgery import changed, sealed, unsealed
from tests.refusals import loaded, refused

ACME = {"acme": {"OPENAI_API_KEY": ""}}
_TOKEN = f"v1:present:{'5' * 64}"


def sql_of(table: str, number: int, values: str) -> str:
    """Return SQL that adds so many rows; `n` counts them."""
    counting = f"WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT {number})"
    return f"{counting} INSERT INTO {table} SELECT {values} FROM c"


KEYS = f"'x' || n, 'id-acme', 'ZQ' || n || '_API_KEY', '{_TOKEN}', NULL"
PRICE = "9000000 + n, 'zq' || n || '/gpt-4o', 'zq' || n, 'chat', 1e-6, 1e-6, 1e6, 1e6, 1e6, 1, 1, 1"
PRICE += ", NULL, NULL"


def forged_snapshots() -> Iterator[tuple[str, str, str]]:
    """Yield (name, SQL, what is said) of snapshots that are just beyond a limit."""
    row = "9000 + n, 'p' || n, NULL, 1, NULL"
    yield "keys", sql_of("tenant_settings", limits.KEY_SETTINGS, KEYS), "key settings of one tenant"
    yield "providers", sql_of("providers", limits.PROVIDERS, row), "providers"
    yield "prices", sql_of("pricing", limits.PRICES, PRICE), "prices"
    variable = f"'V' || n || '_API_KEY', '{_TOKEN}'"
    yield "variables", sql_of("environment", limits.KEY_SETTINGS + 1, variable), "variables"
    long = f"replace(hex(zeroblob({limits.TEXT // 2 + 1})), '00', 'ab')"
    for table, column in {
        "tenants": "name",
        "pricing": "model_id",
        "rules": "document",
        "manifest": "value",
        "providers": "api_key_env_var",
    }.items():
        where = f"WHERE rowid = (SELECT min(rowid) FROM {table})" if table != "manifest" else ""
        yield f"long-{table}", f"UPDATE {table} SET {column} = {long} {where}", "too long"
    name = f"hex(zeroblob({limits.SETTING_NAME // 2 + 1}))"
    yield "long-setting", f"UPDATE tenant_settings SET setting_key = {name}", "too long"


@pytest.fixture
def forge(captured, tmp_path) -> Callable[[str], Path]:
    """Return a function that changes a snapshot by SQL and seals it properly again."""
    snapshot = captured(ACME)

    def make(script: str) -> Path:
        path = tmp_path / "forged.sqlite"
        path.write_bytes(sealed(changed(unsealed(snapshot.path), script)))
        return path

    return make


@pytest.mark.attack("6 size without end")
@pytest.mark.parametrize(
    ("script", "what"), [pytest.param(*f, id=n) for n, *f in forged_snapshots()]
)
def test_a_snapshot_beyond_a_limit_is_not_opened(forge, script, what):
    """One line says of what there is too much."""
    path = forge(script)
    with refused(SnapshotError, what, path):
        atomlab.open_snapshot(path)


@pytest.mark.attack("6 size without end")
def test_work_per_tenant_is_linear(forge):
    """As many keys as there may be, each of a provider with a chat model, are diagnosed soon."""
    number = limits.KEY_SETTINGS - 1
    path = forge(f"{sql_of('tenant_settings', number, KEYS)}; {sql_of('pricing', number, PRICE)}")
    with atomlab.open_snapshot(path) as snapshot:
        began = time.monotonic()
        found = atomlab.diagnose(snapshot, "acme")
        assert time.monotonic() - began < 60  # 2 s, where it took minutes
    assert {each.status for each in found.requests} == {"affected"}
    assert len(found.requests[0].explanation.causes) == limits.DEFECTS[0]


@pytest.mark.attack("6 size without end")
def test_work_per_broken_entry_is_linear(forge, run):
    """Each of many entries that break the ranking is taken out, said and compared but once."""
    broken = PRICE.rpartition(",")[0] + """, '["litellm_provider"]'"""
    path = forge(sql_of("pricing", 60_000, broken) + "; DELETE FROM tenant_settings")
    began = time.monotonic()
    code, out, _ = run("diagnose", path, "--tenant", "acme")
    assert time.monotonic() - began < 60  # 4 s, where it took a quarter of an hour
    assert (code, "pricing-entry-broken" in out) == (3, True)


@pytest.mark.attack("6 size without end")
def test_lint_reads_the_rules_once(forge, monkeypatch):
    """However many models are scored: a table of a thousand words is not made ready for each."""
    made = []
    monkeypatch.setattr(lint, "scorer", lambda rules: made.append(rules) or scorer(rules))
    with atomlab.open_snapshot(forge(sql_of("pricing", 500, PRICE))) as snapshot:
        atomlab.lint(snapshot)
    assert len(made) == 1


def test_as_many_as_may_be_are_captured_and_one_more_is_not(make_database, prices, tmp_path):
    """What capture accepts, every command opens."""
    names = [f"ZQ_{n}_API_KEY" for n in range(limits.KEY_SETTINGS + 1)]
    for number in (limits.KEY_SETTINGS, limits.KEY_SETTINGS + 1):
        source = make_database({"acme": dict.fromkeys(names[:number], "sk-1")}, name=f"{number}.db")
        out = tmp_path / f"{number}.sqlite"
        if number > limits.KEY_SETTINGS:
            with refused(
                SourceError, "it has 2,001 key settings of one tenant, more than the 2,000"
            ):
                atomlab.capture(str(source), out, pricing=prices)
            assert not out.exists()
        else:
            atomlab.capture(str(source), out, pricing=prices).close()


def _prices() -> bytes:
    entries = ",".join(f'"{n:x}":{{"mode":0}}' for n in range(limits.PRICES + 1))
    return f"{{{entries}}}".encode()


def _providers() -> bytes:
    return json.dumps({"providers": [{"id": str(n)} for n in range(limits.PROVIDERS + 1)]}).encode()


def _capabilities() -> bytes:
    return json.dumps([{"model_id": "m", "capabilities": [str(n) for n in range(1001)]}]).encode()


def _many(unit: str, wrap: str, zipped: bool) -> bytes:
    """Return a file of nearly as many bytes as are read, all of one small part after the other."""
    parts = "".join(unit % n for n in range(2_500_000)) if "%" in unit else unit
    content = (wrap % (parts * (1 if "%" in unit else MAX_BYTES // len(unit) - 99))).encode()
    return gzip.compress(content, 1) if zipped else content


def too_large_files() -> Iterator[tuple[str, Callable[[Path], object], Callable[[], bytes], str]]:
    """Yield (name, what loads it, what makes it, what is said) of files beyond a limit."""
    yield "prices", load_pricing, _prices, f"{limits.PRICES:,}"
    for name, unit, wrap in (
        ("tiny-prices", '"%x":{},', '{%s"z":{}}'),
        ("data", "{},", '{"data":[%s{}]}'),
        ("lists", "[],", "[%s[]]"),
        ("lists-in-an-entry", "[],", '{"a":{"mode":[%s[]]}}'),
        ("fields", '"%x":1,', '{"a":{%s"mode":""}}'),
        ("floats", "1.5,", "[%s1]"),
    ):
        for zipped in (False, True):
            make = partial(_many, unit, wrap, zipped)
            yield f"{name}{'-gz' * zipped}", load_pricing, make, "more values than are read"
    yield "providers", load_registry, _providers, "it has 1,001 providers, more than the 1,000"
    yield "capabilities", load_catalog, _capabilities, "1,001 capabilities of one model"


@pytest.mark.attack("6 size without end")
@pytest.mark.parametrize(
    ("load", "make", "what"), [pytest.param(*f, id=n) for n, *f in too_large_files()]
)
def test_a_file_beyond_a_limit_is_refused(tmp_path, load, make, what):
    """One line names the limit, be the file gzipped or not."""
    path = tmp_path / "file.json"
    path.write_bytes(make())
    with refused(InputError, what, path):
        load(path)


def test_rules_and_claims_have_limits_too(tmp_path):
    """What a YAML file may hold is bounded by more than its bytes."""
    path = tmp_path / "file.yaml"
    many = ", ".join(f"[a{n}, 1]" for n in range(limits.RULES // 2))
    path.write_text(f"name: own\nbased_on: hosted-2026-05\nquality: [{many}]\n")
    with refused(InputError, "words and numbers, more than the 2,000 that are read", path):
        load_rules(str(path))
    claims = "\n".join(
        f"- {{id: a{n}, statement: s, kind: ranking_raises}}" for n in range(limits.CLAIMS + 1)
    )
    path.write_text(f"title: t\ntenant: x\nclaims:\n{claims}\n")
    with refused(InputError, "claims: has too many entries, more than 100", path):
        load_hypothesis(path)


@pytest.mark.attack("6 size without end")
@pytest.mark.parametrize("part", ["V%d=x\n", "V%d=x\0", "\n", "x\n"])
def test_an_environment_has_a_number_of_lines(tmp_path, part):
    """Of many short ones each would take forty times its bytes of memory."""
    path = tmp_path / "env"
    for number in (limits.LINES, limits.LINES + 1):
        lines = (part % n if "%" in part else part for n in range(number - 1))
        path.write_text(f"A=1{part[-1]}{''.join(lines)}")
        if number > limits.LINES:
            with refused(InputError, "has more than 100,000 lines", path):
                load_variables(path)
        else:
            assert load_variables(path)["A"].startswith("1")


def test_findings_and_notebooks_have_a_size(tmp_path):
    """A postmortem is made of findings of some megabytes, a report of a notebook of some more."""
    path = tmp_path / "file.ipynb"
    path.write_bytes(b" " * (MAX_BYTES + 1))
    with refused(InputError, f"is larger than {MAX_BYTES:,} bytes", path):
        load_cases([path])
    with refused(InputError, f"is larger than {MAX_BYTES:,} bytes", path):
        parameters_of(path)


def memory_of(path: Path) -> int:
    """Return by how many bytes reading prices raises the memory of a fresh process."""
    import resource

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    loaded(load_pricing, path)
    return 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)


@pytest.mark.slow
@pytest.mark.attack("6 size without end")
def test_no_price_file_takes_ten_times_the_largest(tmp_path):
    """Whatever is in it: many small entries, many fields, long texts, wide letters."""
    contents = {
        "entries": ",".join(
            f'"o/{n}":{{"input_cost_per_token":1e-6}}' for n in range(limits.PRICES)
        ),
        "wide": '"a":"' + "a" * (MAX_BYTES - 99) + '\U0001f600"',
    }
    for name, content in contents.items():
        path = tmp_path / f"{name}.json"
        path.write_text(f"{{{content}}}")
        assert path.stat().st_size <= MAX_BYTES
        [(_, taken)] = apart(memory_of, [path])
        assert taken < MOST_MEMORY, name


def test_the_end_of_an_endless_name_is_found_soon():
    """A name that ends in what a key's does, over and over, is read once."""
    began = time.monotonic()
    assert key_stem("_API_KEY" * 100_000 + "X").endswith("X")
    assert time.monotonic() - began < 5
    assert key_stem("OPENAI_API_KEY_API_KEY") == "OPENAI"


def test_pairs_of_providers_and_models_have_a_limit(forge):
    """Each is judged, so that many of both are too many."""
    number = limits.PAIRS // 900
    script = sql_of("providers", 900, "9000 + n, 'p' || n, NULL, 1, NULL")
    path = forge(f"{script}; {sql_of('pricing', number, PRICE)}")
    with atomlab.open_snapshot(path) as snapshot, refused(SnapshotError, "pairs of a provider"):
        atomlab.diagnose(snapshot, "acme")
