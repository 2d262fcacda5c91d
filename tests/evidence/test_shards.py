"""Shards are opened together or refused: all of one capture, and nothing else."""

from __future__ import annotations

import json
import shutil

import pytest

import atomlab
from atomlab.errors import SnapshotError
from atomlab.evidence.shards import SHARD_NAME, open_shards, shard_name
from tests.forgery import changed, sealed, unsealed
from tests.refusals import refused

FLEET = {f"t{n:02}": {"OPENAI_API_KEY": "sk-a-key"} for n in range(20)}


@pytest.fixture
def fleet(make_database, prices, tmp_path):
    """Return a function that captures a fleet in shards: the folder."""
    source = make_database(FLEET)

    def make(name="fleet", of=4, **options):
        made = atomlab.capture(str(source), tmp_path / name, shards=of, pricing=prices, **options)
        for shard in made:
            shard.close()
        return tmp_path / name

    return make


@pytest.fixture
def opened():
    """Return a function that opens shards: the numbers of tenants, by the names of the files."""

    def open_all(*paths):
        found = open_shards(*paths)
        told = {s.path.name: s.manifest["tables"]["tenants"]["rows"] for s in found}
        for snapshot in found:
            snapshot.close()
        return told

    return open_all


def test_folder_and_files_are_opened_in_order(fleet, opened):
    """Whatever the order in which they are given, and what else is in the folder."""
    folder = fleet()
    (folder / "a.key").write_text("mine")
    names = [f"shard-0{n}-of-04.sqlite" for n in (1, 2, 3, 4)]
    told = opened(folder)
    assert list(told) == names
    assert sum(told.values()) == 20
    assert opened(*(str(folder / name) for name in reversed(names))) == told


@pytest.mark.parametrize("of", [1, 9, 10, 16, 99, 100])
def test_names_sort_as_the_numbers_do(of):
    """However many there are; each is known as a shard's name."""
    names = [shard_name(number, of) for number in range(1, of + 1)]
    assert sorted(names) == names
    assert all(map(SHARD_NAME.fullmatch, names))


def test_shards_in_several_folders_are_opened(fleet, opened, tmp_path):
    """They may have been sent to different places, under other names."""
    folder, other = fleet(), tmp_path / "other"
    other.mkdir()
    (folder / "shard-02-of-04.sqlite").rename(other / "x.sqlite")
    assert list(opened(folder, other))[1] == "x.sqlite"


def test_one_whole_snapshot_is_a_fleet(captured, opened):
    """It holds all tenants by itself."""
    snapshot = captured({"acme": {}, "zeta": {}})
    assert opened(snapshot.path) == {snapshot.path.name: 2}


def test_one_shard_of_one_is_a_fleet(fleet, opened):
    """A single one needs no other."""
    assert opened(fleet(of=1)) == {"shard-01-of-01.sqlite": 20}


@pytest.mark.parametrize(
    ("gone", "what"),
    [([2], "1 shard of 4 not given: 2"), ([1, 4], "2 shards of 4 not given: 1, 4")],
)
def test_missing_shard_is_named(fleet, opened, gone, what):
    """Its tenants would be nobody's."""
    folder = fleet()
    for number in gone:
        (folder / f"shard-0{number}-of-04.sqlite").unlink()
    with refused(SnapshotError, what, folder):
        opened(folder)


def test_shard_alone_is_not_a_fleet(fleet, opened):
    """It knows that there are others."""
    with refused(SnapshotError, "3 shards of 4 not given: 2, 3, 4"):
        opened(fleet() / "shard-01-of-04.sqlite")


def test_shard_that_is_given_twice_is_named(fleet, opened):
    """As a copy, or by its folder and by itself."""
    folder = fleet()
    copy = folder / "y.sqlite"
    with refused(SnapshotError, "is shard 3, and so is", folder / "shard-03-of-04.sqlite"):
        opened(folder, folder / "shard-03-of-04.sqlite")
    shutil.copy(folder / "shard-03-of-04.sqlite", copy)
    with refused(SnapshotError, "is shard 3, and so is", copy):
        opened(folder)


def test_shard_of_another_capture_is_named(fleet, opened):
    """Its tenants are those of another moment."""
    folder, other = fleet(), fleet("other")
    (folder / "shard-04-of-04.sqlite").unlink()
    with refused(SnapshotError, "is of another capture than", other / "shard-04-of-04.sqlite"):
        opened(folder, other / "shard-04-of-04.sqlite")


def test_damaged_shard_is_named(fleet, opened):
    """As any snapshot is."""
    path = fleet() / "shard-02-of-04.sqlite"
    content = bytearray(path.read_bytes())
    content[5000] ^= 1
    path.write_bytes(content)
    with refused(SnapshotError, "damaged", path):
        opened(path.parent)


@pytest.mark.parametrize(
    ("table", "what"),
    [("rules", "other rules"), ("pricing", "other prices"), ("environment", "other environment")],
)
def test_shards_that_decide_by_other_rules_are_refused(fleet, opened, table, what):
    """Even if they say that they are of one capture."""
    path = fleet() / "shard-02-of-04.sqlite"
    change = f"UPDATE manifest SET value = json_set(value, '$.{table}.sha256', '{'0' * 64}')"
    path.write_bytes(sealed(changed(unsealed(path), f"{change} WHERE name = 'tables'")))
    with refused(SnapshotError, f"holds {what} than", path):
        opened(path.parent)


def test_several_whole_snapshots_are_refused(captured, fleet, opened):
    """A tenant may stand in two of them."""
    one, two = captured({"acme": {}}).path, captured({"acme": {}}).path
    for paths in ([one, two], [one, one], [fleet(), two]):
        with refused(SnapshotError, "is a whole snapshot, and a tenant of it may stand in"):
            opened(*paths)


def test_folder_without_snapshots_and_missing_file_are_refused(opened, tmp_path):
    """One line each."""
    with refused(SnapshotError, "has no snapshot (*.sqlite) in it", tmp_path):
        opened(tmp_path)
    with refused(SnapshotError, "no such", tmp_path / "gone.sqlite"):
        opened(tmp_path / "gone.sqlite")


@pytest.mark.parametrize(
    "shard",
    [
        {"number": 5, "of": 4, "capture": "0" * 16},
        {"number": 0, "of": 4, "capture": "0" * 16},
        {"number": 1, "of": 10**9, "capture": "0" * 16},
        {"number": 1, "of": 4, "capture": "x"},
        {"number": 1, "of": 4},
    ],
)
def test_shard_that_cannot_be_is_refused(fleet, opened, shard):
    """Whoever wrote it, it is no capture's."""
    path = fleet() / "shard-01-of-04.sqlite"
    change = f"UPDATE manifest SET value = '{json.dumps(shard)}' WHERE name = 'shard'"
    path.write_bytes(sealed(changed(unsealed(path), change)))
    with refused(SnapshotError, "shard", path):
        opened(path.parent)


def test_tenant_of_another_shard_is_found_by_verify(fleet):
    """It may stand in its own one, too, and would be counted twice."""
    path = fleet() / "shard-01-of-04.sqlite"
    change = "UPDATE manifest SET value = json_set(value, '$.number', 2) WHERE name = 'shard'"
    path.write_bytes(sealed(changed(unsealed(path), change)))
    with (
        atomlab.open_snapshot(path) as shard,
        refused(SnapshotError, "belongs in another shard", path),
    ):
        shard.verify()
