"""A capture in shards: snapshots like any other, at one moment, and all of them or none."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing

import pytest

from atomlab.capturing import capture as capture_module
from atomlab.capturing.capture import capture
from atomlab.errors import InputError, SnapshotError, SourceError
from atomlab.evidence.snapshot import open_snapshot
from tests.refusals import refused

KEY = "sk-a-key-of-somebody"
FLEET = {f"t{n:02}": {"OPENAI_API_KEY": KEY, "X": "y"} for n in range(40)}
NAMES = [f"shard-0{number}-of-04.sqlite" for number in (1, 2, 3, 4)]


@pytest.fixture
def source(make_database):
    """Return the path of a platform database with forty tenants."""
    return str(make_database(FLEET))


def rows(snapshots, columns="*"):
    """Return the tenants of snapshots, and their settings, sorted."""
    queries = (f"SELECT {columns} FROM tenants", "SELECT * FROM tenant_settings")
    return [sorted(r for s in snapshots for r in s._connection.execute(q)) for q in queries]


@pytest.mark.parametrize("tenants", [[], ["t01", "t02"]], ids=["all", "narrowed"])
def test_shards_hold_together_what_one_snapshot_does(source, prices, tmp_path, tenants):
    """Each is sealed, proven and says which it is; values compare across them."""
    out, key = tmp_path / "fleet", tmp_path / "a.key"
    options = {"pricing": prices, "key_file": key, "tenants": tenants}
    shards = capture(source, out, shards=4, **options)
    with capture(source, tmp_path / "whole.sqlite", **options) as whole:
        assert rows(shards) == rows([whole])
    assert sorted(path.name for path in out.iterdir()) == NAMES
    for number, shard in enumerate(shards, 1):
        shard.verify()
        about = shard.manifest
        assert about["shard"] == {
            "number": number,
            "of": 4,
            "capture": shards[0].manifest["shard"]["capture"],
        }
        assert about["fidelity"]["tenants"] == about["tables"]["tenants"]["rows"]
        assert about["captured_at"] == shards[0].captured_at
        assert about["narrowed"] is bool(tenants)
        assert about["fingerprint"] == whole.manifest["fingerprint"]
        shard.close()
    assert "shard" not in whole.manifest


def test_tenant_stands_in_the_shard_that_its_id_says(source, tmp_path):
    """It is the same one in every capture, on every machine: BLAKE2b of the id says it."""
    for number, shard in enumerate(capture(source, tmp_path / "fleet", shards=4), 1):
        with shard:
            for (tenant,) in shard._connection.execute("SELECT id FROM tenants"):
                digest = hashlib.blake2b(tenant.encode(), digest_size=8).hexdigest()
                assert int(digest, 16) % 4 + 1 == number


def test_environment_is_in_every_shard_and_a_stored_key_beside_its_tenant(source, tmp_path):
    """Each shard decides by itself, in an edition whose keys come from the environment, too."""
    stored = {
        f"gemini_{name}_production": {
            "provider_id": "gemini",
            "key_name": name,
            "encrypted_key": KEY,
        }
        for name in ("default", "id-t07")
    }
    shards = capture(
        source,
        tmp_path / "fleet",
        shards=4,
        rules="open-source-2026-05",
        env={"OPENAI_API_KEY": KEY},
        keys=stored,
    )
    for shard in shards:
        with shard:
            tenants, _ = rows([shard], "id")
            (held,) = shard._connection.execute("SELECT count(*) FROM stored_keys").fetchone()
            assert held == 1 + (("id-t07",) in tenants)
            assert shard.manifest["tables"]["environment"]["rows"] == 1


def test_shards_are_of_one_moment(source, tmp_path):
    """What is written while they are captured is in none of them."""

    def between(*_):
        with closing(sqlite3.connect(source, timeout=0)) as db:
            db.execute("INSERT INTO tenants (id, name) VALUES (hex(randomblob(8)), 'late')")
            db.execute("DELETE FROM tenant_settings")
            db.commit()

    shards = capture(source, tmp_path / "fleet", shards=4, progress=between)
    tenants, settings = rows(shards)
    assert (len(tenants), len(settings)) == (40, 40)
    for shard in shards:
        shard.close()


@pytest.mark.parametrize("is_there", [False, True], ids=["new-folder", "folder"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError, SourceError])
def test_capture_that_fails_leaves_no_shard(source, tmp_path, monkeypatch, is_there, error):
    """Neither a file nor, if it was not there, the folder, whichever shard it was at."""
    out, written = tmp_path / "fleet", []
    if is_there:
        out.mkdir()

    def fail(work, content, manifest, stream):
        written.append(manifest["shard"]["number"])
        if written[-1] == 3:
            raise SourceError("x", todo="y") if error is SourceError else error("x")

    monkeypatch.setattr(capture_module, "write_sealed", fail)
    with pytest.raises((KeyboardInterrupt, SnapshotError, SourceError)):
        capture(source, out, shards=4, key_file=tmp_path / "new.key")
    assert written == [1, 2, 3]
    assert out.exists() == is_there
    assert [path.name for path in tmp_path.rglob("*") if path != out] == ["production.db"]


def test_bad_row_of_any_shard_is_refused(source, tmp_path):
    """One line names the tenant, and no shard is there."""
    with closing(sqlite3.connect(source)) as db:
        db.execute(
            "INSERT INTO tenants (id, name) SELECT id, name FROM tenants WHERE id = 'id-t33'"
        )
        db.commit()
    with refused(SourceError, "tenant 'id-t33' has no name, no id, or one that stands there twice"):
        capture(source, tmp_path / "fleet", shards=4)
    assert not (tmp_path / "fleet").exists()


def test_earlier_shards_are_replaced_only_on_demand(source, tmp_path):
    """Then all of them are, also where there were more; other files stay."""
    out = tmp_path / "fleet"
    for shard in capture(source, out, shards=7):
        shard.close()
    other = out / "notes.txt"
    other.write_text("mine")
    before = sorted(out.iterdir())
    with refused(SnapshotError, "holds the shards of an earlier capture, which are kept", out):
        capture(source, out, shards=4)
    assert sorted(out.iterdir()) == before
    for shard in capture(source, out, shards=4, overwrite=True):
        shard.close()
    assert sorted(path.name for path in out.iterdir()) == ["notes.txt", *NAMES]
    with refused(SnapshotError, "is one of the files to read and is kept"):
        capture(source, out, shards=2, overwrite=True, parent=out / NAMES[3])
    assert sorted(path.name for path in out.iterdir()) == ["notes.txt", *NAMES]


@pytest.mark.parametrize(
    ("name", "shards", "kind", "what"),
    [
        ("a file", 4, SnapshotError, "is no folder"),
        ("gone/fleet", 4, SnapshotError, "cannot be written"),
        ("fleet", 0, InputError, "shards is 0"),
        ("fleet", 101, InputError, "shards is 101"),
    ],
)
def test_folder_or_number_that_cannot_be_is_refused(source, tmp_path, name, shards, kind, what):
    """Before anything is read."""
    (tmp_path / "a file").write_text("mine")
    before = sorted(tmp_path.iterdir())
    with refused(kind, what):
        capture(source, tmp_path / name, shards=shards)
    assert sorted(tmp_path.iterdir()) == before
    assert (tmp_path / "a file").read_text() == "mine"


def test_ids_of_odd_bytes_are_put_in_shards_as_they_are_written(source, tmp_path):
    """Also where none of their settings is kept, but is counted."""
    with closing(sqlite3.connect(source)) as db:
        db.execute("INSERT INTO tenants (id, name) VALUES (CAST(x'69ff' AS text), 'odd')")
        db.execute(
            "INSERT INTO tenant_settings (id, tenant_id, setting_key, setting_value)"
            " VALUES ('x', CAST(x'69ff' AS text), 'TIMEZONE', 'UTC')"
        )
        db.execute("DELETE FROM tenant_settings WHERE id <> 'x'")
        db.commit()
    shards = capture(source, tmp_path / "fleet", shards=4)
    odd = [row for shard in shards for row in rows([shard], "id, unnamed_settings")[0] if row[1]]
    assert odd == [("i\\udcff", 1)]
    for shard in shards:
        shard.verify()
        shard.close()


def test_command_writes_shards_and_says_so(run, source, prices, tmp_path):
    """The last line sums them up; each says in its manifest which it is."""
    out = tmp_path / "fleet"
    code, text, _ = run("capture", source, "--out", out, "--shards", 4, "--pricing", prices)
    assert code == 0
    last = " ".join(text.split())
    assert f"{out}: 4 shards, 40 tenants, 40 key settings redacted, 4 models; every" in last
    for name in NAMES:
        with open_snapshot(out / name) as shard:
            assert f"sha256 {shard.sha256} {name}" in last
    code, text, _ = run("snapshot", "show", out / NAMES[1])
    assert "all; shard 2 of 4 of capture" in text
    assert run("snapshot", "verify", out / NAMES[1])[0] == 0
    assert run("capture", source, "--out", out, "--shards", 101)[0] == 2
