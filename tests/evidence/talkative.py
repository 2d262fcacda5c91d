"""Attacks: sources whose own words repeat a setting's value, wherever they may speak."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress

# What fails on a text, or says it, in SQL of PostgreSQL; {} is an expression for the text.
CASTS = (
    *("int", "json", "jsonb", "date", "uuid", "inet", "regclass", "regrole", "regtype", "numeric"),
    *("timestamp", "interval", "bool", "tsquery", "jsonpath", "xml", "point", "pg_lsn", "bytea"),
    *("shade", "short", "int4range", "macaddr", "bit", "xid", "tid", "oid", "money", "text[]"),
)
CALLS = (
    *("current_setting({})", "decode({}, 'hex')", "nextval({})::text", "'x' ~ ('(' || {})"),
    *("to_date('1', {})::text", "pg_read_file({})", "format('%Z' || {}, 1)", "to_number({}, {})"),
    *("query_to_xml({}, true, true, '')::text", "set_config({}, 'x', true)", "encode('', {})"),
    *("convert_from('a', {})", "make_interval(0, 0, 0, 0, 0, 0, {}::float)::text", "has({})"),
    *("now() AT TIME ZONE {}", "currval({})::text", "pg_ls_dir({})::text", "lo_get({}::oid)"),
)
FIELDS = ("message", "detail", "hint", "column", "constraint", "datatype", "table", "schema")
LEVELS = ("NOTICE", "WARNING", "INFO", "LOG", "DEBUG")
STATES = ("42501", "42P01", "57014", "55P03", "25006", "08006", "53100", "XX000", "28P01", "ZZ9ZZ")
SPEAKING = """
CREATE TYPE shade AS ENUM ('red');
CREATE DOMAIN short AS text CHECK (length(VALUE) < 5);
CREATE FUNCTION has(text) RETURNS text LANGUAGE plpgsql AS
    $$ BEGIN EXECUTE 'SELECT ' || quote_ident($1); RETURN 'x'; END $$;
"""


def views_of_postgres(table: str = "kept") -> Iterator[tuple[str, Sequence[str], str]]:
    """Yield a name, statements that make functions, and an expression for a setting's value.

    Each speaks of a value twice: while rows are read, and while a statement is planned.
    """
    first = f"(SELECT setting_value FROM {table} ORDER BY 1 LIMIT 1)"
    bodies = {
        **{f"cast to {kind}": f"SELECT ({{}}::{kind})::text" for kind in CASTS},
        **{f"call of {call}": f"SELECT ({call})::text" for call in CALLS},
    }
    for name, body in bodies.items():
        yield f"{name}, in rows", (), f"({body.replace('{}', 'setting_value')})"
        planned = body.replace("{}", first)
        yield (
            f"{name}, in the plan",
            (
                "CREATE OR REPLACE FUNCTION spoken() RETURNS text IMMUTABLE LANGUAGE sql AS"
                f" $$ {planned} $$",
            ),
            "spoken()",
        )
    raised = {
        **{f"error, {field}": f"EXCEPTION USING {field} = $1" for field in FIELDS},
        **{f"error {s}": f"EXCEPTION USING message = $1, errcode = '{s}'" for s in STATES},
        "error, its code": "EXCEPTION USING message = $1, errcode = upper(substr($1, 4, 5))",
        "assertion": "EXCEPTION 'x'; ASSERT false, $1",
        **{level: f"{level} '%', $1" for level in LEVELS},
    }
    for name, speech in raised.items():
        for kind, value in (("VOLATILE", "setting_value"), ("IMMUTABLE", first)):
            function = (
                f"CREATE OR REPLACE FUNCTION speak(text) RETURNS text {kind} LANGUAGE plpgsql AS"
                f" $$ BEGIN RAISE {speech}; RETURN $1; END $$"
            )
            planned = (
                "CREATE OR REPLACE FUNCTION spoken() RETURNS text IMMUTABLE LANGUAGE plpgsql AS"
                f" $$ BEGIN RETURN speak({value}); END $$"
            )
            if kind == "IMMUTABLE":
                yield f"{name}, in the plan", (function, planned), "spoken()"
            else:
                yield f"{name}, in rows", (function,), f"speak({value})"


def names_of_postgres(secret: str) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield a name, and statements after which the server speaks before any row is read."""
    shadow = (
        "CREATE SCHEMA shadow",
        "CREATE FUNCTION shadow.{} RETURNS {} LANGUAGE plpgsql AS"
        f" $$ BEGIN RAISE EXCEPTION '{secret}'; END $$",
        "DO $$ BEGIN EXECUTE 'ALTER DATABASE ' || current_database() ||"
        " ' SET search_path = shadow, public, pg_catalog'; END $$",
    )
    for function, returned in (
        *(("to_regclass(text)", "regclass"), ("current_setting(text)", "text")),
        *(("format_type(oid, int)", "text"), ("clock_timestamp()", "timestamptz")),
        *(("pg_relation_filenode(regclass)", "oid"), ("octet_length(text)", "int")),
    ):
        yield f"a function {function}", [s.format(function, returned) for s in shadow]
    yield (
        "a version that says it",
        [
            "CREATE SCHEMA shadow",
            f"CREATE FUNCTION shadow.current_setting(text) RETURNS text LANGUAGE sql AS"
            f" $$ SELECT '{secret}'::text $$",
            shadow[-1],
        ],
    )
    for level in ("EXCEPTION", *LEVELS):
        yield (
            f"a greeting, {level}",
            [
                "CREATE FUNCTION greet() RETURNS event_trigger LANGUAGE plpgsql AS"
                f" $$ BEGIN RAISE {level} '{secret}'; END $$",
                "CREATE EVENT TRIGGER greeting ON login EXECUTE FUNCTION greet()",
            ],
        )
    yield (
        "a type of that name",
        [
            f'CREATE TYPE "{secret}" AS (a int)',
            "ALTER TABLE tenant_settings DROP COLUMN setting_value",
            f'ALTER TABLE tenant_settings ADD COLUMN setting_value "{secret}"',
        ],
    )


def greetings(secret: str) -> Iterator[tuple[str, bytes]]:
    """Yield a name, and what a server that is none answers to whoever connects."""

    def message(kind: bytes, body: bytes) -> bytes:
        return kind + (len(body) + 4).to_bytes(4) + body

    text = secret.encode()
    ready = message(b"R", bytes(4))
    for state in STATES:
        fields = b"SFATAL\0VFATAL\0C" + state.encode() + b"\0M" + text + b"\0D" + text + b"\0\0"
        yield f"an error {state}", message(b"E", fields)
        yield f"an error {state} after the greeting", ready + message(b"E", fields)
    for words in (
        b"password authentication failed for " + text,
        b'role "' + text + b'" does not exist',
        b'database "' + text + b'" does not exist',
        b"no pg_hba.conf entry for " + text,
        b"SSL " + text,
        b"Connection refused " + text,
    ):
        yield words[:12].decode(), message(b"E", b"SFATAL\0C28000\0M" + words + b"\0\0")
    yield "an old error", b"E" + text + b"\n\0"
    yield "no protocol", text * 9
    yield "HTTP", b"HTTP/1.1 400 " + text + b"\r\n\r\n"
    yield "a method that nobody has", message(b"R", (77).to_bytes(4) + text)
    for name in ("server_version", "client_encoding", "server_encoding", "TimeZone"):
        status = message(b"S", name.encode() + b"\0" + text + b"\0")
        yield f"{name}, and gone", ready + status + message(b"Z", b"I")
    notice = message(b"N", b"SWARNING\0C01000\0M" + text + b"\0\0")
    yield "a notice", ready + notice + message(b"Z", b"I") + notice
    failing = message(b"E", b"SERROR\0C22P02\0M" + text + b"\0\0") + message(b"Z", b"I")
    yield "an error for every statement", ready + message(b"Z", b"I") + failing * 9
    row = message(b"T", b"\0\1" + text + bytes(19)) + message(
        b"D", b"\0\1" + (3).to_bytes(4) + b"odd"
    )
    yield (
        "odd rows",
        ready
        + message(b"Z", b"I")
        + (
            message(b"1", b"")
            + message(b"2", b"")
            + row
            + message(b"C", text + b"\0")
            + message(b"Z", b"I")
        )
        * 9,
    )


@contextmanager
def server_that_says(answer: bytes) -> Iterator[int]:
    """Give the port of a server that gives everybody one answer, and no encryption."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    client, _ = server.accept()
                    with closing(client), suppress(OSError):
                        client.settimeout(2)
                        while client.recv(4096)[4:8] in (b"\x04\xd2\x16\x2f", b"\x04\xd2\x16\x30"):
                            client.sendall(b"N")
                        client.sendall(answer)
                        client.shutdown(socket.SHUT_WR)
                        while client.recv(4096):
                            pass

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]


# SQLite: what a value of a setting becomes in a view; {} is the value.
SQLITE_VALUES = (
    *("json({})", "json_extract({}, '$')", "json_extract('{{}}', {})", "json_type({})"),
    *(
        "json_set('{{', '$', {})",
        "json_each.value FROM json_each({}) --",
        "abs(-9223372036854775808)",
    ),
    *("load_extension({})", "'a' LIKE 'b' ESCAPE {}", "json_insert('{{}}', {}, 1)", "jsonb({})"),
    *(
        "zeroblob(length({}) * 99999999)",
        "{} REGEXP {}",
        "{} MATCH {}",
        "printf('%999999999d', {})",
    ),
    *("json_array_length({})", "json_patch({}, {})", "json_remove('{{}}', {})", "{} -> {}"),
    *(
        "json_quote(zeroblob(3)) || {}",
        "json_group_array(zeroblob(1)) || {}",
        "json_array(x'00', {})",
    ),
    *("json_object({}, x'00')", "json_tree.key FROM json_tree({}) --", "json_pretty({})"),
)


def views_of_sqlite(secret: str) -> Iterator[tuple[str, str]]:
    """Yield a name, and a script after which a database says a value of it, or a name."""
    rename = "ALTER TABLE {0} RENAME TO kept_{0}; "
    view = rename.format("tenant_settings") + (
        "CREATE VIEW tenant_settings AS SELECT id, tenant_id, {}, created_at"
        " FROM kept_tenant_settings"
    )
    for call in SQLITE_VALUES:
        for column, form in (
            ("setting_value", "setting_key, ({} {}) AS setting_value"),
            ("setting_key", "({} {}) AS setting_key, setting_value"),
        ):
            select = "SELECT" if " FROM " in call else ""
            inner = call.replace(" --", "").replace("{}", "setting_value").replace("{{", "{")
            inner = inner.replace("}}", "}")
            yield f"{call} as {column}", view.format(form.format(select, inner))
    for what in (f'"{secret}"', f'"{secret}"(1)', f'id COLLATE "{secret}"', f'"{secret}".id'):
        yield (
            f"nothing by the name {what[:9]}",
            (
                "PRAGMA writable_schema = ON;"
                "UPDATE sqlite_master SET type = 'view', rootpage = 0, sql = 'CREATE VIEW tenants"
                f" AS SELECT {what} AS id, name FROM model_catalog' WHERE name = 'tenants'"
            ),
        )
    for sql in (f"CREATE TABLE {secret} (", f'CREATE VIEW "{secret}" AS SELEC', f"{secret}"):
        yield (
            f"a schema that says {sql[:12]}",
            (
                "PRAGMA writable_schema = ON; INSERT INTO sqlite_master VALUES"
                f" ('table', '{secret}', '{secret}', 2, '{sql}')"
            ),
        )
    yield (
        "a module",
        (
            "PRAGMA writable_schema = ON; INSERT INTO sqlite_master VALUES ('table',"
            f""" 'model_catalog', 'model_catalog', 0,"""
            f""" 'CREATE VIRTUAL TABLE model_catalog USING "{secret}"(x)')"""
        ),
    )
