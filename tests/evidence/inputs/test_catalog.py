"""The model catalogue: what is read of it, and files that are none."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings

from atomlab.byok.platform import load_platform
from atomlab.errors import InputError, SourceError
from atomlab.evidence.inputs.catalog import CatalogEntry, catalog_from_rows, load_catalog
from atomlab.evidence.sources.source import open_source
from tests.evidence.inputs.test_pricing import JSON
from tests.refusals import loaded, refused


@pytest.mark.parametrize(
    ("stored", "capabilities"),
    [
        pytest.param(["vision", "tools"], {"vision", "tools"}, id="list"),
        pytest.param('["vision"]', {"vision"}, id="json-text"),
        pytest.param('["vision", 5, null]', {"vision"}, id="only-words-count"),
        pytest.param("vision", set(), id="not-json"),
        pytest.param('{"vision": true}', set(), id="object"),
        pytest.param('["vision"', set(), id="cut-off"),
        pytest.param("[null]", set(), id="list-of-nothing"),
        pytest.param(None, {"chat"}, id="null"),
        pytest.param("null", {"chat"}, id="json-null"),
        pytest.param([], {"chat"}, id="empty-list"),
        pytest.param(" [] ", {"chat"}, id="json-of-an-empty-list"),
        pytest.param("", set(), id="empty-text"),
        pytest.param(5, set(), id="number"),
    ],
)
def test_capabilities_are_a_list_or_the_json_of_one(stored, capabilities):
    """None at all are chat; anything that is not a list of words lists none. The model stays."""
    expected = CatalogEntry(frozenset(capabilities))
    assert catalog_from_rows([("m", stored, 0)]) == {"m": expected}
    assert catalog_from_rows([("m", expected.stored, 0)]) == {"m": expected}


def test_catalogue_file_is_a_list_of_models(write_json):
    """A file gives what the platform's table gives."""
    document = [
        {"model_id": "a", "capabilities": ["tools"], "exclude_from_general_routing": True},
        {"model_id": "b"},
        {"model_id": "c", "capabilities": []},
        {"model_id": "d", "capabilities": "broken ["},
    ]
    assert load_catalog(write_json(document)) == {
        "a": CatalogEntry(frozenset({"tools"}), excluded=True),
        "b": CatalogEntry(frozenset({"chat"})),
        "c": CatalogEntry(frozenset({"chat"})),
        "d": CatalogEntry(frozenset()),
    }


def test_a_snapshot_lists_the_same_capabilities(captured):
    """What counts as chat in the platform's table, and what lists none, do in a snapshot too."""
    stored = {"null": None, "json-null": "null", "empty": "[]", "broken": "[", "odd": "[5]"}
    snapshot = captured({}, catalog=[(model, value, 0) for model, value in stored.items()])
    assert load_platform(snapshot.session).catalog == {
        model: CatalogEntry(frozenset({"chat"} if model in ("null", "json-null", "empty") else ()))
        for model in stored
    }


@pytest.mark.parametrize(
    ("stored", "excluded"),
    [(x, True) for x in (True, 1, "1", "true", "True", "TRUE")]
    + [(x, False) for x in (False, 0, None, "0", "false", "False")],
    ids=repr,
)
def test_exclusion_is_read_however_it_is_spelled(write_json, stored, excluded):
    """A database or JSON may hold a flag as a boolean, a number or text."""
    document = [{"model_id": "m", "exclude_from_general_routing": stored}]
    assert load_catalog(write_json(document))["m"].excluded is excluded


@pytest.mark.parametrize("stored", ["no", "", 2, -1, [], ["false"], {}])
def test_exclusion_that_is_neither_true_nor_false_is_a_clear_error(
    write_json, make_database, stored
):
    """A flag that says neither is refused with the model's name, from a file or a table."""
    path = write_json([{"model_id": "m", "exclude_from_general_routing": stored}])
    with refused(InputError, "model 'm': exclude_from_general_routing is neither", path):
        load_catalog(path)
    if isinstance(stored, list | dict):
        return
    database = make_database({}, catalog=[("m", "[]", stored)])
    with open_source(str(database)) as source, refused(SourceError, "model 'm'", source.name):
        source.catalog()


@pytest.mark.parametrize(
    ("document", "what"),
    [
        pytest.param({}, "is not a model catalogue", id="object"),
        pytest.param(["m"], "is not a model catalogue", id="list-of-words"),
        pytest.param([{"capabilities": []}], "entry without model_id", id="no-id"),
        pytest.param([{"model_id": 5}], "entry without model_id", id="number-as-id"),
    ],
)
def test_file_that_is_no_catalogue_is_a_clear_error(write_json, document, what):
    """A catalogue that is not a list of models with ids is refused."""
    path = write_json(document)
    with refused(InputError, what, path):
        load_catalog(path)


@given(JSON)
@settings(deadline=None)
def test_any_json_is_a_catalogue_or_a_clear_error(document):
    """Nothing but AtomlabError is raised for any JSON value."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "catalog.json")
        for content in (document, [{"model_id": "m", "capabilities": document}]):
            path.write_text(json.dumps(content))
            catalog = loaded(load_catalog, path)
            assert catalog is None or all(isinstance(model, str) for model in catalog)
