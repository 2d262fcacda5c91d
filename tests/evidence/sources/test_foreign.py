"""A file or folder that is no database: what it is, by its content, and what to do about it."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import sqlite3
import subprocess
import tarfile
import zipfile
from contextlib import closing

import psycopg
import pytest

from atomlab.errors import SourceError
from atomlab.evidence.sources.database import conditions
from atomlab.evidence.sources.foreign import _known
from atomlab.evidence.sources.source import open_source
from tests.refusals import refused

PLAIN = b"--\n-- PostgreSQL database dump\n--\n\n\\restrict x\n\nSET lock_timeout = 0;\n"
CUSTOM = b"PGDMP\x01\x0f\x00\x04\x08\x01" + bytes(40)
RESTORE = "restore it first: createdb atom_copy && "
PSQL, PG_RESTORE = "psql -d atom_copy -f FILE", "pg_restore --no-owner -d atom_copy FILE"
ASK = "give the database itself"
OFFICE = b"PK\x03\x04\x14\x00\x06\x00\x08\x00[Content_Types].xml xl/workbook.xml"


def tar_of(*names):
    """Return a tar archive of empty files."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in names:
            archive.addfile(tarfile.TarInfo(name))
    return stream.getvalue()


def zip_of(name):
    """Return a zip archive of one file."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(name, "x")
    return stream.getvalue()


FILES = {
    "empty": (b"", "an empty file", "check the path"),
    "plain": (PLAIN, "a PostgreSQL dump in SQL text", RESTORE + PSQL),
    "plain-bom-crlf": (
        codecs.BOM_UTF8 + PLAIN.replace(b"\n", b"\r\n"),
        "a PostgreSQL dump in SQL",
        PSQL,
    ),
    "plain-headless": (b"/* a */ -- b\n\nCREATE TABLE public.tenants (id text);", "SQL", PSQL),
    "inserts": (b"INSERT INTO tenants VALUES ('a', 'b');\n", "a dump in SQL text", PSQL),
    "copy": (b"COPY public.tenants (id) FROM stdin;\na\n\\.\n", "a dump in SQL text", PSQL),
    "dumpall": (
        b"--\n-- PostgreSQL database cluster dump\n--\nSET x = 1;",
        "a whole PostgreSQL server (pg_dumpall)",
        "psql -d postgres -f FILE",
    ),
    "custom": (CUSTOM, "a PostgreSQL dump (pg_dump -Fc or -Ft)", RESTORE + PG_RESTORE),
    "dump-in-tar": (tar_of("toc.dat", "1.dat"), "a PostgreSQL dump", RESTORE + PG_RESTORE),
    "toc": (CUSTOM[:10] + b"\x05" + bytes(9), "a folder (pg_dump -Fd)", "THE_FOLDER"),
    "mysql": (b"-- MySQL dump 10.13  Distrib 8.0\n--\n", "a MySQL dump", ASK),
    "mariadb": (
        b"/*M!999999\\- enable the sandbox mode */ \n-- MariaDB dump 10.19\n",
        "a MySQL dump",
        ASK,
    ),
    "sqlite-dump": (
        b"PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\n",
        "the SQL text of an SQLite database",
        "sqlite3 copy.db < FILE",
    ),
    "gzip": (gzip.compress(bytes(9)), "a gzip archive, not", "gunzip -c FILE > COPY"),
    "gzip-plain": (
        gzip.compress(PLAIN * 999),
        "a gzip archive of a PostgreSQL dump in SQL text",
        "gunzip -c FILE > COPY, then restore it: createdb atom_copy && psql -d atom_copy -f COPY",
    ),
    "gzip-custom": (gzip.compress(CUSTOM), "of a PostgreSQL dump", "-d atom_copy COPY"),
    "gzip-tar": (gzip.compress(tar_of("x.db")), "of a tar archive", "unpack it: tar -xf COPY"),
    "gzip-csv": (gzip.compress(b"id,name\n1,Acme\n"), "archive of a CSV", "> COPY"),
    "gzip-damaged": (b"\x1f\x8bnothing of the kind", "a gzip archive, not", "gunzip"),
    "bzip2": (
        bz2.compress(PLAIN),
        "a bzip2 archive of a PostgreSQL dump",
        "bunzip2 -c FILE > COPY",
    ),
    "xz": (lzma.compress(PLAIN), "an xz archive of a PostgreSQL dump", "xz -dc FILE > COPY"),
    "zstd": (b"\x28\xb5\x2f\xfd\x24\x05\x29\x00", "a zstd archive", "zstd -dc FILE > COPY"),
    "lz4": (b"\x04\x22\x4d\x18\x64\x40\xa7", "an lz4 archive", "lz4 -dc FILE > COPY"),
    "7z": (b"7z\xbc\xaf\x27\x1c\x00\x04", "a 7z archive", "7z x FILE"),
    "rar": (b"Rar!\x1a\x07\x01\x00", "a RAR archive", "unrar x FILE"),
    "zip": (zip_of("production.db"), "a zip archive", "unzip FILE"),
    "tar": (tar_of("production.db"), "a tar archive", "tar -xf FILE"),
    "excel": (OFFICE, "a spreadsheet or another Office document", ASK),
    "old-excel": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Excel or another", ASK),
    "parquet": (b"PAR1\x15\x04\x15", "a Parquet file", ASK),
    "arrow": (b"ARROW1\x00\x00\xff", "a table in a columnar format", ASK),
    "pdf": (b"%PDF-1.7\n", "a PDF document", ASK),
    "duckdb": (bytes(8) + b"DUCK@\x00", "a DuckDB database", ASK),
    "access": (b"\x00\x01\x00\x00Standard ACE DB\x00", "an Access database", ASK),
    "redis": (b"REDIS0011\xfa\x09", "a dump of Redis", ASK),
    "wal": (b"\x37\x7f\x06\x82\x00\x2d\xe2\x18", "the log, index or journal", "beside it"),
    "encrypted": (b"-----BEGIN PGP MESSAGE-----\n", "an encrypted file", "decrypt it first"),
    "lfs": (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS", "git lfs pull"),
    "login-page": (b"<!DOCTYPE html>\n<html>", "a web page", "fetch the file again"),
    "json": (b'{"pricing": {}}', "JSON", "--pricing"),
    "json-list": (b'[\n  {"id": "a"}]', "JSON", "--catalog"),
    "url": (b"postgresql://svc:S3cretPW@h/atom\n", "a file with a URL in it", "env:DATABASE_URL"),
    "variables": (b"# of the worker\nDATABASE_URL=postgresql://svc:S3cretPW@h/a\n", "env", "env:"),
    "csv": (b"id,name,subdomain\n1,Acme,acme\n", "a CSV", ASK),
    "semicolons": (b'"id";"name"\n"1";"Acme"\n', "a CSV", ASK),
    "psql-table": (b" id | name\n----+------\n 1 | Acme\n", "a CSV or another table", ASK),
    "text": (b"not a database at all, Sir.\n", "is text", "check the path"),
    "powershell": (
        codecs.BOM_UTF16_LE + PLAIN.decode().encode("utf-16-le"),
        "UTF-16 text (as PowerShell writes it) of a PostgreSQL dump in SQL text",
        "iconv -f UTF-16 -t UTF-8 FILE > COPY, then restore it",
    ),
}


@pytest.mark.parametrize("kind", FILES)
def test_file_that_is_no_database_says_what_it_is(tmp_path, kind):
    """By its content, whatever it is called, with the command that makes a database of it."""
    content, what, todo = FILES[kind]
    path = tmp_path / "production.sqlite"
    path.write_bytes(content)
    with refused(SourceError, what, path) as caught, open_source(str(path)):
        pass
    assert "not a database" in str(caught.value)
    assert todo in caught.value.todo
    assert "S3cret" not in str(caught.value)
    assert [*tmp_path.iterdir()] == [path]


def test_every_known_kind_of_file_is_tried():
    """A row of the table that no file of these needs would be one that nobody has seen to work."""
    told = " ".join(what for what, _ in (_known(content) for content, _, _ in FILES.values()))
    rows = conditions("file", "", "forms").values()
    assert [what for what, _ in rows if what not in told and "SQLite database" not in what] == []


def test_an_sqlite_database_in_an_archive_is_named(make_database, tmp_path):
    """Unpacked, it is what was meant."""
    content, path = make_database({"acme": {}}).read_bytes(), tmp_path / "backup.db"
    for pack, told in ((gzip.compress, "a gzip"), (bz2.compress, "a bzip2"), (lzma.compress, "an")):
        path.write_bytes(pack(content))
        with refused(SourceError, "archive of an SQLite database", path) as caught:  # noqa: SIM117
            with open_source(str(path)):
                pass
        assert told in str(caught.value)
        assert caught.value.todo.endswith("> COPY, then capture COPY")


def test_an_archive_of_endless_content_is_not_unpacked(tmp_path):
    """Of what it holds only the beginning is looked at."""
    path = tmp_path / "bomb.db"
    path.write_bytes(gzip.compress(gzip.compress(bytes(1 << 28), 9), 9))
    with refused(SourceError, "a gzip archive of a gzip archive", path), open_source(str(path)):
        pass


@pytest.mark.parametrize(
    ("inside", "what", "todo"),
    [
        ("toc.dat", "a PostgreSQL dump (pg_dump -Fd)", PG_RESTORE),
        ("toc.dat.gz", "a PostgreSQL dump (pg_dump -Fd)", PG_RESTORE),
        ("PG_VERSION", "server's data folder", "start a server on it"),
        ("production.db", "a folder", "one of the database files in it"),
        ("notes.txt", "a folder", ASK),
    ],
)
def test_folder_says_what_it_is(tmp_path, inside, what, todo):
    """By what is in it, by path or by URL."""
    (tmp_path / inside).touch()
    for form in ("{}", "sqlite:///{}"):
        with refused(SourceError, what, tmp_path) as caught, open_source(form.format(tmp_path)):
            pass
        assert todo in caught.value.todo


@pytest.mark.parametrize("form", ["plain", "custom", "tar", "directory"])
def test_real_dump_is_known_and_restored_as_it_says(make_postgres, postgres, tmp_path, form):
    """What pg_dump writes today is recognized; the program that is named can read it."""
    url, path = make_postgres({"acme": {}}), tmp_path / "dump.db"
    subprocess.run([postgres.bin_path / "pg_dump", "-F", form, "-f", path, "-d", url], check=True)
    with refused(SourceError, "dump", path) as caught, open_source(str(path)):
        pass
    target = make_postgres({})
    with psycopg.connect(target, autocommit=True) as db:
        db.execute("DROP TABLE tenant_settings, tenants, model_catalog")
    _, _, restore = caught.value.todo.partition(" && ")
    command = restore.partition(", then")[0].replace("atom_copy", f"'{target}'")
    # Only a program and a path that the test itself made.
    restoring = f"{postgres.bin_path}/{command.replace('FILE', str(path))}"
    subprocess.run(restoring, shell=True, check=True, stdout=subprocess.DEVNULL)
    with open_source(target) as source:
        assert [row[0] for rows in source.tenants() for row in rows] == ["id-acme"]


def test_what_sqlite_dumps_and_keeps_beside_a_file_is_known(make_database):
    """The text of `.dump`, and the log and the index of a database in use."""
    path = make_database({"acme": {}})
    with closing(sqlite3.connect(path)) as db:
        assert _known("\n".join(db.iterdump()).encode())[0].startswith("the SQL text of")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("UPDATE tenants SET name = 'x'")
        db.commit()
        for end in ("-wal", "-shm"):
            beside = path.with_name(path.name + end)
            with refused(SourceError, "the log, index or journal", beside):  # noqa: SIM117
                with open_source(str(beside)):
                    pass
