"""How a source is written: what is read, and what is named of what is not."""

from __future__ import annotations

import psycopg
import pytest
from sqlalchemy.engine import make_url

from atomlab.errors import SourceError
from atomlab.evidence.sources.address import postgres_url
from atomlab.evidence.sources.database import conditions
from atomlab.evidence.sources.source import open_source
from tests.refusals import is_one_line, refused, said

PASSWORD = "S3cretPW"
URL = f"postgresql://svc:{PASSWORD}@127.0.0.1:1/atom"
FORM = "postgresql://USER@HOST:PORT/DATABASE"
OPTIONS = {option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults()}
SEARCH_PATH = "for schema write options=-csearch_path%3DSCHEMA (nothing if it is public)"
LACKS = "options that PostgreSQL cannot read: "

# What is given, what is said of it, and what to do: the beginning of what follows.
WRONG = [
    # Options.
    (f"{URL}?schema=public", f"{LACKS}schema (Prisma's);", SEARCH_PATH),
    (f"{URL}?pgbouncer=true", f"{LACKS}pgbouncer (Prisma's);", "leave out pgbouncer"),
    (
        f"{URL}?sslmode=require&pgbouncer=true&schema=atom&connection_limit=1",
        f"{LACKS}pgbouncer (Prisma's), schema (Prisma's), connection_limit (Prisma's);",
        f"{SEARCH_PATH} and leave out pgbouncer, connection_limit",
    ),
    (f"{URL}?sslmod=require", f"{LACKS}sslmod;", "correct or leave out sslmod (did you mean sslm"),
    (f"{URL}?one=1&two=2", f"{LACKS}one, two;", "correct or leave out one, two"),
    (f"{URL}?sslmode", f"{LACKS}sslmode (without a value);", "correct or leave out sslmode"),
    (f"{URL}?pgbouncer", f"{LACKS}pgbouncer (Prisma's);", "leave out pgbouncer"),
    (f"{URL}?ssl=true", f"{LACKS}ssl (asyncpg's and JDBC's);", "for ssl write sslmode=require"),
    (f"{URL}?password=x&{PASSWORD}=1", "1 that may be the rest of a password;", "write %26"),
    (f"{URL}?password=x&word=1", "1 that may be the rest of a password;", "write %26"),
    (f"{URL}?passwd=x&word", f"{LACKS}passwd (another program's), 1 that may be", "for passwd"),
    (f"{URL}?{PASSWORD}", "1 that may be the rest of a password;", "write %26"),
    (f"{URL}?{PASSWORD}=1", "1 that may be the rest of a password;", "write %26"),
    # Quotes and the like.
    (f"'{URL}'", "the source is in quotes;", "write it without them"),
    (f'"{URL}"', "the source is in quotes;", "write it without them"),
    (f"“{URL}”", "the source is in quotes;", "write it without them"),
    (f"'{URL}'\r\n", "the source is in quotes;", "write it without them"),
    ('"production.db"', "the source is in quotes;", "write it without them"),
    (f'{URL}"', "the URL ends in a quotation mark;", "leave it out"),
    (f"{URL}\n{URL}", "the source is several lines;", "give one URL"),
    (f"DATABASE_URL={URL}", "begins with the name of a variable;", "give what follows the ="),
    (f'export DATABASE_URL="{URL}"', "begins with the name of a variable;", "give what follows"),
    ("$DATABASE_URL", "is a variable that the shell did not fill in;", "write env:NAME"),
    ("${DATABASE_URL}", "is a variable that the shell did not fill in;", "write env:NAME"),
    ("%DATABASE_URL%", "is a variable that the shell did not fill in;", "write env:NAME"),
    ("ENV:DATABASE_URL", "is env: in a form that is not read;", "write env:NAME"),
    (f"psql '{URL}'", "is a command;", "give only the URL"),
    ("~/production.db", "begins with ~", "write the whole path"),
    ("-", "stands for a pipe;", "give a file"),
    # Other forms.
    (f"jdbc:{URL}", "is a JDBC URL;", f"write {FORM}: no jdbc: before it"),
    (f"jdbc:postgresql://h/db?user=svc&password={PASSWORD}", "is a JDBC URL;", f"write {FORM}"),
    ("r2dbc:postgresql://h/db", "is a JDBC URL;", f"write {FORM}"),
    (f"jdbc:mysql://h/db?password={PASSWORD}", "JDBC URL of another kind", "ATOM's database is"),
    (f"host=h dbname=atom password={PASSWORD}", "a list of keywords", f"write {FORM}"),
    (f"password = '{PASSWORD} x' host = h", "a list of keywords", f"write {FORM}"),
    (f"Server=h;Port=1;User Id=svc;Password={PASSWORD};", "a list of keywords", f"write {FORM}"),
    (f"postgresql://svc:{PASSWORD}@h1,h2/atom", "has several hosts", "write one of them"),
    (f"postgresql://svc:{PASSWORD}@h1:5432,h2:5432/atom", "has several hosts", "write one"),
    (f"postgresql://svc:{PASSWORD}@/atom?host=h1,h2", "has several hosts", "write one of them"),
    (f"postgresql://svc:{PASSWORD}@/atom?host=h1&host=h2", "has several hosts", "write one"),
    (f"postgresql://svc:{PASSWORD}@::1:5432/atom", "IPv6 address without brackets", "write [A"),
    ("postgresql://svc:[YOUR-PASSWORD]@h/atom", "a placeholder for its password", "write the"),
    ("postgresql://svc:<password>@h/atom", "a placeholder for its password", "write the"),
    ("postgresql://svc:****@h/atom", "a placeholder for its password", "write the"),
    (f"postgresql://svc:{PASSWORD}@h:{PASSWORD}/atom", "colon is no port;", f"give {FORM}"),
    (f"postgress://svc:{PASSWORD}@h/atom", "another word than postgresql", f"write {FORM}"),
    (f"postgresql//svc:{PASSWORD}@h/atom", "without its colon", f"write {FORM}"),
    (f"pgsql://svc:{PASSWORD}@h/atom", "another word than postgresql", f"write {FORM}"),
    (f"svc:{PASSWORD}@h/atom", "a URL without its beginning;", f"write {FORM}"),
    ("db.example.org:5432/atom", "a URL without its beginning;", f"write {FORM}"),
    # Other kinds of database, and of address.
    (f"mysql://svc:{PASSWORD}@h/atom", "is a MySQL URL;", "ATOM's database is"),
    (f"mariadb+pymysql://svc:{PASSWORD}@h/atom", "is a MySQL URL;", "ATOM's database is"),
    (f"mongodb+srv://svc:{PASSWORD}@h/atom", "is a MongoDB URL;", "ATOM's database is"),
    (f"rediss://:{PASSWORD}@h:6379/0", "is a Redis URL;", "ATOM's database is"),
    (f"mssql+pyodbc://svc:{PASSWORD}@h/atom", "is an SQL Server URL;", "ATOM's database is"),
    (f"oracle://svc:{PASSWORD}@h/atom", "is an Oracle URL;", "ATOM's database is"),
    (f"libsql://h/?authToken={PASSWORD}", "of another kind of database;", "ATOM's database is"),
    (f"prisma://h/?api_key={PASSWORD}", "only Prisma can use;", f"give the database's own, {FORM}"),
    (f"https://svc:{PASSWORD}@h/dump.sql", "is a web address;", "give the database's own URL"),
    ("s3://bucket/production.db", "is on another machine;", "fetch the file first"),
    (f"neo4j://svc:{PASSWORD}@h", "is not the URL of a database", "give a PostgreSQL URL"),
    # Files.
    ("file:./production.db", "is a file: URL;", "give the path alone"),
    ("sqlite3:///production.db", "begins with sqlite3:;", "write sqlite:///PATH"),
    ("sqlite:///:memory:", "another process's memory;", "give a file"),
    ("sqlite:production.db", "too few slashes;", "write sqlite:///PATH"),
    ("sqlite://production.db", "too few slashes;", "write sqlite:///PATH"),
    ("sqlite:///", "without its path;", "write sqlite:///PATH"),
    ("C:\\atom\\production.db", "is a path of Windows", "write the path as it is here"),
    ("sqlite:///C:/atom/production.db", "is a path of Windows", "write the path as it is here"),
    ("\\\\server\\atom\\production.db", "is a path of Windows", "write the path as it is here"),
]


@pytest.mark.attack("4 secrets beside the settings, mistyped sources")
@pytest.mark.parametrize("way", ["argument", "env"])
@pytest.mark.parametrize(("source", "what", "todo"), WRONG)
def test_what_cannot_be_read_is_named(tmp_path, monkeypatch, way, source, what, todo):
    """In one line with what to write instead; the same through a variable, and no password."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOURCE", source)
    given = source if way == "argument" else "env:SOURCE"
    with refused(SourceError, what) as caught, open_source(given):
        pass
    assert caught.value.todo.startswith(todo)
    assert PASSWORD.encode() not in said(caught.value)
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("kind", ["address", "option"])
def test_every_row_of_the_tables_is_told(kind):
    """No two rows of addresses stand in each other's way; each option's row gives a line."""
    if kind == "address":
        told = " ".join(what for _, what, _ in WRONG)
        known = [what for what, _ in conditions("address", "", "forms").values()]
        assert [w for w in known if not any(part in w for _, part, _ in stripped())] == [], told
    for option, (whose, instead) in conditions("option", "", "forms").items():
        with pytest.raises(SourceError) as caught:
            postgres_url(f"{URL}?{option}={PASSWORD}", OPTIONS)
        line = str(caught.value)
        assert f"{option} ({whose})" in line
        assert (f"for {option} write {instead}" if instead else f"leave out {option}") in line
        assert is_one_line(line)
        assert PASSWORD not in line
        assert option not in OPTIONS


def stripped():
    """Return the cases without the marks at the ends of what is said."""
    return [(s, w.removeprefix("the source ").rstrip(";"), t) for s, w, t in WRONG]


@pytest.mark.parametrize(
    "form",
    [
        "{}\n",
        " {}\r\n",
        "\ufeff{}",
        "{}?options=-csearch_path%3Dpublic&application_name=x&connect_timeout=5",
        "{}?sslmode=prefer&target_session_attrs=any",
    ],
)
@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+asyncpg", "POSTGRESQL"])
def test_what_postgresql_knows_is_read(make_postgres, monkeypatch, form, scheme):
    """Its own options, whatever driver the URL is for, and what an editor left around it."""
    url = make_url(make_postgres({"acme": {}}))
    folder, plain = url.query["host"], url.set(query={}).render_as_string(hide_password=False)
    given = form.format(plain.replace("postgresql", scheme, 1))
    bare = given.rstrip()
    joint = "&" if "?" in bare else "?"
    monkeypatch.setenv("SOURCE", given.replace(bare, f"{bare}{joint}host={folder}"))
    with open_source("env:SOURCE") as source:
        assert [row[0] for rows in source.tenants() for row in rows] == ["id-acme"]


def test_search_path_reads_another_schema(make_postgres):
    """What is written instead of Prisma's `schema` does what that does."""
    url = make_postgres({"acme": {}})
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("CREATE SCHEMA atom")
        for table in ("tenants", "tenant_settings", "model_catalog"):
            db.execute(f"ALTER TABLE {table} SET SCHEMA atom")
    with refused(SourceError, "has no table tenants"), open_source(url):
        pass
    with open_source(f"{url}&options=-csearch_path%3Datom") as source:
        assert [row[0] for rows in source.tenants() for row in rows] == ["id-acme"]


def test_a_sockets_folder_may_stand_in_the_place_of_the_host(make_postgres):
    """Percent-encoded, as libpq reads it."""
    url = make_url(make_postgres({"acme": {}}))
    folder = str(url.query["host"]).replace("/", "%2F")
    with open_source(f"postgresql://{url.username}@{folder}/{url.database}") as source:
        assert [row[0] for rows in source.tenants() for row in rows] == ["id-acme"]


@pytest.mark.parametrize(
    ("source", "parts"),
    [
        (f"postgresql://svc:{PASSWORD}@[::1]:5432/db", ("svc", PASSWORD, "::1", 5432, "db")),
        ("postgresql://svc%40srv:p%40w%2F%3A@h/db", ("svc@srv", "p@w/:", "h", None, "db")),
        ("postgresql://svc:a/b,c#d@h/db", ("svc", "a/b,c#d", "h", None, "db")),
        ("postgresql://svc:'@h/my%20db", ("svc", "'", "h", None, "my db")),
        ("postgresql://svc:<x@h/db", ("svc", "<x", "h", None, "db")),
        ("postgresql:///db", (None, None, None, None, "db")),
    ],
)
def test_odd_parts_of_a_url_are_what_they_are(source, parts):
    """Addresses in brackets, and whatever a password may be."""
    url = postgres_url(source, OPTIONS)
    assert (url.username, url.password, url.host, url.port, url.database) == parts


def test_a_name_that_ends_in_a_space_is_still_a_files(make_database):
    """What is there is read, whatever it is called."""
    for name in (" a.db ", "'a.db'", "host=a.db", "b.db", "$a.db"):
        path = make_database({"acme": {}}, name=name)
        with open_source(str(path)) as source:
            assert source.name == name
