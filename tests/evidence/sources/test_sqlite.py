"""SQLite as a source: one moment of a file that may be in use, and nothing left beside it."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing, contextmanager, nullcontext, suppress

import pytest

from atomlab.capturing.capture import capture as proven_capture
from atomlab.capturing.fidelity import FidelityCheck
from atomlab.errors import SourceError
from atomlab.evidence.sources import source as source_module
from atomlab.evidence.sources import sqlite
from atomlab.evidence.sources.source import open_source
from tests.canaries import Scanner
from tests.conftest import ATOM_SCHEMA
from tests.evidence.talkative import views_of_sqlite
from tests.mounts import read_only
from tests.refusals import refused, said


@pytest.fixture(params=["copied", "in place"], autouse=True)
def way(request, monkeypatch):
    """Let each test see a file that is copied, as small ones are, and one that is read in place."""
    if request.param == "in place":
        monkeypatch.setattr(sqlite, "_SMALL", -1)
    return request.param


@pytest.fixture
def folder(tmp_path):
    """Return a folder that nothing but the source's files stands in."""
    path = tmp_path / "of the source"
    path.mkdir()
    return path


@pytest.fixture
def database(folder):
    """Return a function that makes a platform database with one tenant, in a journal mode."""

    def make(mode="delete", *, name="platform.db"):
        path = folder / name
        with closing(sqlite3.connect(path)) as db:
            db.execute(f"PRAGMA journal_mode = {mode}")
            db.executescript(ATOM_SCHEMA)
            write(db, "first")
            db.commit()
        return path

    return make


def write(db, tenant):
    """Write a tenant and its key, without committing."""
    db.execute("INSERT INTO tenants (id, name) VALUES (?, ?)", (tenant, tenant.title()))
    db.execute(
        "INSERT INTO tenant_settings (id, tenant_id, setting_key, setting_value)"
        " VALUES (?, ?, 'OPENAI_API_KEY', 'sk-value')",
        (f"key of {tenant}", tenant),
    )


def change(path, script):
    """Run SQL on a database file."""
    with closing(sqlite3.connect(path)) as db:
        db.executescript(script)


def tenants(path, **options):
    """Return the ids of tenants, and those who own settings, that a source gives."""
    with open_source(str(path), **options) as source:
        there = [row[0] for rows in source.tenants() for row in rows]
        owners = [row[1] for rows in source.settings() for row in rows]
    return there, owners


def contents(folder):
    """Return each file of a folder with its content, without SQLite's shared memory."""
    return {p.name: p.read_bytes() for p in folder.iterdir() if not p.name.endswith("-shm")}


@contextmanager
def another_process(path, script):
    """Run a script with `db` open in another process, which holds on while the block lasts."""
    holder = subprocess.Popen(
        [sys.executable, "-c", f"import sqlite3, sys\ndb = sqlite3.connect({str(path)!r},"
         f" isolation_level=None)\n{script}\nprint('ready', flush=True)\nsys.stdin.read()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    with holder:
        assert holder.stdout.readline() == "ready\n"
        yield holder
        holder.kill()


COMMITTED = "db.execute(\"INSERT INTO tenants (id, name) VALUES ('second', 'Second')\")"
UNCOMMITTED = "db.execute('BEGIN IMMEDIATE'); db.execute('DELETE FROM tenants')"


@pytest.mark.parametrize("mode", ["delete", "wal"])
@pytest.mark.parametrize(
    ("script", "expected"),
    [
        pytest.param(COMMITTED, ["first", "second"], id="committed"),
        pytest.param(UNCOMMITTED, ["first"], id="uncommitted"),
        pytest.param(f"{COMMITTED}; {UNCOMMITTED}", ["first", "second"], id="both"),
        pytest.param("db.execute('SELECT 1')", ["first"], id="idle"),
    ],
)
def test_database_in_use_is_read_as_it_was_last_committed(database, folder, mode, script, expected):
    """What another process has committed is read, be it in the log only; what it has not is not."""
    path = database(mode)
    with another_process(path, script):
        before = contents(folder)
        assert tenants(path) == (expected, ["first"])
        assert contents(folder) == before
    assert tenants(path)[0] == expected


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_whoever_writes_can_go_on_and_commit(database, tmp_path, mode, way):
    """A capture keeps no lock on the file while it works: the copy is taken, and that is all.

    Where a large file without a log is read, who writes commits when all is read.
    """
    path, waits = database(mode), (mode, way) == ("delete", "in place")
    with closing(sqlite3.connect(path, timeout=0)) as db:
        db.execute("SELECT * FROM tenants").fetchall()  # opens the file

        def between(table, *_):
            if table == "tenants":
                write(db, "second")
                with pytest.raises(sqlite3.OperationalError) if waits else nullcontext():
                    db.commit()

        with proven_capture(str(path), tmp_path / "out.sqlite", progress=between) as snapshot:
            assert snapshot.manifest["tables"]["tenants"]["rows"] == 1
            assert snapshot.manifest["tables"]["tenant_settings"]["rows"] == 1
        db.commit()
    assert tenants(path) == (["first", "second"], ["first", "second"])


def test_captures_of_a_database_that_is_written_all_the_time_are_consistent(database):
    """Every copy is of one moment: each tenant's key is there, however fast they come."""
    path, done = database("wal"), threading.Event()

    def write_on():
        with closing(sqlite3.connect(path)) as db:
            for number in range(100_000):
                if done.is_set():
                    return
                write(db, f"t{number:06}")
                db.commit()

    writer = threading.Thread(target=write_on)
    writer.start()
    seen = []
    while not path.with_name(f"{path.name}-shm").exists():
        time.sleep(0.01)
    try:
        while len(seen) < 10 or (len({len(there) for there, _ in seen}) < 4 and len(seen) < 500):
            seen.append(tenants(path))
    finally:
        done.set()
        writer.join()
    assert all(there == owners for there, owners in seen)
    assert len({len(there) for there, _ in seen}) > 3


@pytest.mark.parametrize("beside", [(), ("-wal",), ("-shm",)], ids=["closed", "empty-log", "index"])
def test_database_in_wal_mode_that_nobody_has_open_stays_alone(database, folder, beside):
    """Reading it makes no log beside it, in a folder that can be written as in one that cannot."""
    path = database("wal")
    for end in beside:
        path.with_name(path.name + end).touch()
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    assert tenants(path) == (["first"], ["first"])
    with read_only(folder):
        assert tenants(path) == (["first"], ["first"])
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before


def test_log_of_a_process_that_was_killed_is_read(database, folder):
    """What was committed before a crash counts, also where nothing can be written."""
    path = database("wal")
    with another_process(path, COMMITTED) as holder:
        os.kill(holder.pid, signal.SIGKILL)
    before = contents(folder)
    assert set(before) == {path.name, f"{path.name}-wal"}
    with read_only(folder):
        assert tenants(path)[0] == ["first", "second"]
    assert tenants(path)[0] == ["first", "second"]
    assert contents(folder) == before


def test_log_without_its_index_is_refused(database, folder):
    """Reading it would make an index beside the file; nothing is made, and nothing is left out."""
    path = database("wal")
    copy = folder.with_name("copy") / path.name
    copy.parent.mkdir()
    with another_process(path, COMMITTED):
        for end in ("", "-wal"):
            shutil.copy(f"{path}{end}", f"{copy}{end}")
        with refused(SourceError, "has a log (-wal) without its index (-shm)", copy):
            tenants(copy)
        assert len(list(copy.parent.iterdir())) == 2
        shutil.copy(f"{path}-shm", f"{copy}-shm")
        assert tenants(copy)[0] == ["first", "second"]


def remarks(path):
    """Return what a source says that one should know of it."""
    with open_source(str(path)) as source:
        return source.custody["remarks"]


def test_database_that_was_copied_without_its_log_is_remarked_on(database, folder, tmp_path):
    """A transaction is missing that stands in the log only; nothing in the copy says so."""
    path = database("wal")
    copy = tmp_path / "copy.db"
    with another_process(path, COMMITTED):
        shutil.copy(path, copy)
        assert remarks(path) == []
    assert tenants(path)[0] == ["first", "second"]
    assert tenants(copy)[0] == ["first"]
    assert remarks(copy) == [
        "the file is in WAL mode, and no log (-wal) lies beside it: if it is a copy that was made"
        " while the platform ran, its last transactions are missing"
    ]


@pytest.mark.parametrize(
    ("mode", "beside", "told"),
    [
        pytest.param("delete", (), 0, id="no-wal"),
        pytest.param("wal", (), 1, id="closed"),
        pytest.param("wal", ("-shm",), 1, id="index-without-log"),
        pytest.param("wal", ("-wal",), 0, id="empty-log"),
        pytest.param("wal", ("-wal", "-shm"), 0, id="both"),
    ],
)
def test_only_a_wal_database_without_a_log_is_remarked_on(database, mode, beside, told):
    """An empty log holds no transaction, but it is there: nothing was left behind."""
    path = database(mode)
    for end in beside:
        path.with_name(path.name + end).touch()
    assert len(remarks(path)) == told


def test_later_schema_is_remarked_on(database):
    """A table of a later version tells that these rules are older than the platform."""
    path = database()
    assert remarks(path) == []
    change(path, "CREATE TABLE Local_Model_Providers (id VARCHAR)")
    assert remarks(path) == [
        "the database's schema is later than these rules (table local_model_providers): newer"
        " versions decide otherwise"
    ]


def test_link_to_a_database_in_use_is_read_with_its_log(database, tmp_path):
    """The log stands beside the file itself, not beside the link."""
    path, link = database("wal"), tmp_path / "link.db"
    link.symlink_to(path)
    with another_process(path, COMMITTED):
        assert tenants(link)[0] == ["first", "second"]


def test_database_that_is_opened_while_it_is_copied_is_a_clear_error(
    database, tmp_path, monkeypatch, way
):
    """Rather than a copy of several moments."""
    path, take = database("wal"), {"copied": "_copy", "in place": "_begin"}[way]
    seen = getattr(sqlite, take)

    def late(path, *args):
        seen(path, *args)
        change(path, "UPDATE tenants SET name = name || '!'")

    monkeypatch.setattr(sqlite, take, late)
    with refused(SourceError, "was opened while it was copied", path):
        tenants(path)
    with refused(SourceError, "was opened while it was copied", path):
        proven_capture(str(path), tmp_path / "out.sqlite")
    assert not (tmp_path / "out.sqlite").exists()


def test_lock_on_a_large_file_ends_when_all_is_read(database, tmp_path, monkeypatch):
    """Who writes does not wait until the copy is proven and written."""
    path, prove = database(), FidelityCheck.compare
    monkeypatch.setattr(sqlite, "_SMALL", -1)

    def proven(*args):
        change(path, "UPDATE tenants SET name = 'Later'")
        return prove(*args)

    monkeypatch.setattr(FidelityCheck, "compare", proven)
    with proven_capture(str(path), tmp_path / "out.sqlite") as snapshot:
        assert snapshot.tenant("first").name == "First"


def test_rows_before_and_after_text_that_is_no_utf8_are_read_once(database, monkeypatch):
    """In whatever batch it stands; only its odd bytes are escaped."""
    path = database()
    names = [f"K{n:02}" for n in range(20)]
    for odd in (0, 7, 19):
        change(path, "DELETE FROM tenant_settings")
        for n, name in enumerate(names):
            value = "CAST(x'61ff' AS text)" if n == odd else "'plain'"
            row = f"'{n}', 'first', '{name}', {value}, NULL"
            change(path, f"INSERT INTO tenant_settings VALUES ({row})")
        for size in (1, 3, 8, 500):
            monkeypatch.setattr(source_module, "_BATCH_ROWS", size)
            with open_source(str(path)) as source:
                rows = [row[2:4] for rows in source.settings() for row in rows]
                assert not source.database.only_utf8()
            expected = ["a\udcff" if n == odd else "plain" for n in range(20)]
            assert rows == list(zip(names, expected, strict=True))


def test_database_that_somebody_has_locked_is_a_clear_error(database, folder):
    """An exclusive lock is waited for, but not for ever."""
    path = database()
    with another_process(path, "db.execute('BEGIN EXCLUSIVE')"):
        before, started = contents(folder), time.monotonic()
        with refused(SourceError, "cannot be read (database is locked)", path) as caught:
            tenants(path, statement_timeout_s=0.3)
        assert 0.2 < time.monotonic() - started < 5
        assert "--statement-timeout" in caught.value.todo
        assert contents(folder) == before


def test_database_whose_log_one_process_keeps_to_itself_is_a_clear_error(database):
    """Without the shared index its log cannot be read; it is not left out instead."""
    path = database("wal")
    script = f"db.execute('PRAGMA locking_mode = EXCLUSIVE'); {COMMITTED}"
    expected = refused(SourceError, "has a log (-wal) without its index (-shm)", path)
    with another_process(path, script), expected:
        tenants(path)


def test_lock_that_is_given_up_in_time_is_waited_for(database):
    """Whoever holds the file for a moment only delays a capture."""
    path = database()
    with another_process(path, "db.execute('BEGIN EXCLUSIVE')") as holder:
        release = threading.Timer(0.3, holder.kill)
        release.start()
        assert tenants(path, statement_timeout_s=10)[0] == ["first"]
        release.join()


def test_transaction_that_was_cut_off_is_a_clear_error(database, folder):
    """A hot journal is for the platform to roll back; it is neither rolled back nor ignored."""
    path = database()
    spill = (
        "db.execute('PRAGMA cache_size = 1'); db.execute('BEGIN')\n"
        "db.executemany('INSERT INTO tenants VALUES (?,?,?,?,?,?,?)',"
        " [(str(n), 'x' * 900) + (None,) * 5 for n in range(2000)])"
    )
    with another_process(path, spill) as holder:
        os.kill(holder.pid, signal.SIGKILL)
    before = contents(folder)
    assert f"{path.name}-journal" in before
    with refused(SourceError, "a transaction in it was cut off", path) as caught:
        tenants(path)
    assert "sqlite3" in caught.value.todo
    assert contents(folder) == before
    change(path, "SELECT * FROM tenants")
    assert tenants(path)[0] == ["first"]


@pytest.mark.parametrize(
    "name", ["what?.db", "a#b&mode=rw.db", "100%25.db", "two words ü.db", "-x.db", "caf\udce9.db"]
)
def test_odd_names_are_names_of_files(database, folder, name):
    """Whatever a file is called, it is the one that is read, and the only one in its folder."""
    path = database("wal", name=name)
    with another_process(path, COMMITTED):
        assert tenants(path)[0] == ["first", "second"]
    assert {p.name for p in folder.iterdir()} <= {name, f"{name}-wal", f"{name}-shm"}


def test_views_tables_without_rowid_and_generated_columns_are_read(folder):
    """However the platform's tables are made, and however their names are spelled."""
    path = folder / "platform.db"
    change(
        path,
        "CREATE TABLE Stored (ID PRIMARY KEY, nAme, plan AS (upper(nAme))) WITHOUT ROWID;"
        "CREATE VIEW Tenants AS SELECT id AS ID, name AS Name, plan AS Plan_Type FROM Stored;"
        "CREATE TABLE Tenant_Settings (Tenant_Id, Setting_Key, raw,"
        " Setting_Value AS (trim(raw)) STORED, PRIMARY KEY (Tenant_Id, Setting_Key)) WITHOUT ROWID;"
        "INSERT INTO Stored VALUES ('b', 'bee'), ('a', 'ay');"
        "INSERT INTO Tenant_Settings (Tenant_Id, Setting_Key, raw)"
        " VALUES ('b', 'OPENAI_API_KEY', ' k '), ('a', 'X', '');",
    )
    with open_source(str(path)) as source:
        assert list(source.tenants()) == [
            [("a", "ay", None, "AY", None), ("b", "bee", None, "BEE", None)]
        ]
        assert list(source.settings()) == [
            [(None, "a", "X", "", None), (None, "b", "OPENAI_API_KEY", "k", None)]
        ]


@pytest.mark.parametrize("of", ["table", "tenants-a-view", "indexed"])
def test_first_stored_of_several_rows_of_a_key_comes_first(database, of):
    """Where a key is stored twice, rows come in the order of the table, not of their ids."""
    path = database()
    change(
        path,
        "INSERT INTO tenant_settings SELECT '9', 'first', 'K', '1st', NULL;"
        "INSERT INTO tenant_settings SELECT '5', 'first', 'K', '2nd', NULL;"
        "INSERT INTO tenant_settings SELECT '7', 'first', 'K', '3rd', NULL;"
        "DELETE FROM tenant_settings WHERE setting_key <> 'K';",
    )
    if of == "tenants-a-view":
        change(
            path,
            "ALTER TABLE tenants RENAME TO stored; CREATE VIEW tenants AS SELECT * FROM stored",
        )
    if of == "indexed":
        change(path, "CREATE INDEX by_value ON tenant_settings (tenant_id, setting_key, id)")
    with open_source(str(path)) as source:
        assert [row[3] for rows in source.settings() for row in rows] == ["1st", "2nd", "3rd"]


def test_error_of_a_view_is_the_sources(database, tmp_path):
    """What fails in the source's own SQL is not taken for a failure to write the snapshot."""
    path = database()
    change(
        path,
        "ALTER TABLE tenant_settings RENAME TO stored; CREATE VIEW tenant_settings AS SELECT"
        " tenant_id, setting_key, abs(-9223372036854775807 - 1) AS setting_value"
        " FROM stored",
    )
    with refused(SourceError, "a view or column in it fails", path):
        proven_capture(str(path), tmp_path / "out.sqlite")
    assert not (tmp_path / "out.sqlite").exists()


def test_interrupt_in_the_middle_of_a_statement_is_no_fault_of_the_file(database):
    """Ctrl-C while SQLite is at work ends a capture as it does anywhere else."""
    endless = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n) SELECT sum(n) FROM n"
    threading.Timer(0.3, signal.raise_signal, [signal.SIGINT]).start()
    with open_source(str(database()), 30) as source, pytest.raises(KeyboardInterrupt):
        list(source._rows(endless, ()))


SECRET = "sk-live0secretvalue"


@pytest.mark.attack("3 the words of a source")
@pytest.mark.parametrize(
    "script", [pytest.param(s, id=name) for name, s in views_of_sqlite(SECRET)]
)
def test_no_word_of_a_source_is_repeated(make_database, tmp_path, capfd, script):
    """What fails on a value, or names what is not there, is told by SQLite's result code."""
    path, error = make_database({"acme": {"OPENAI_API_KEY": SECRET}}), None
    with suppress(sqlite3.Error):
        change(path, script)
    with suppress(SourceError):
        try:
            proven_capture(str(path), tmp_path / "out.sqlite").close()
        except SourceError as caught:
            error = caught
            raise
    out = tmp_path / "out.sqlite"
    content = out.read_bytes() if out.exists() else b""
    told = said(error) + "".join(capfd.readouterr()).encode() + content
    assert Scanner({"secret": SECRET}).found_in(told) == []
