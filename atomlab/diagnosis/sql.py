"""The fix as SQL: a script to review and run, and the script that undoes it.

A script is one transaction around one atomic statement: a `DO` block on PostgreSQL, an insert that
fires a temporary trigger on SQLite. So it changes all it should or nothing at all, also in a
client that runs on after an error. The secret moves from row to row inside the database: no
script holds it, and none prints it. Scripts are pure ASCII, whatever the names in them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from string import Template
from typing import Literal, NamedTuple

from atomlab.errors import InputError
from atomlab.text import printable

Dialect = Literal["postgresql", "sqlite"]


@dataclass(frozen=True)
class CopyKey:
    """Give the tenant a setting `setting_key` with the value of its setting `copy_from`.

    With `replaces` the row `setting_key` exists and is updated: its value must be NULL, empty,
    spaces, or a placeholder by the two fields that follow, which are fields of `Rules` and
    default to the open-source edition's (source: PLATFORM B, *Placeholder keys*).
    """

    tenant_id: str
    setting_key: str
    copy_from: str
    replaces: bool = False
    placeholder_prefixes: tuple[str, ...] = ("dummy", "60a9596d")
    placeholder_shorter_than: int = 12


def fix_script(copy: CopyKey, dialect: Dialect) -> str:
    """Return the SQL script that applies `copy`.

    It stops, and changes nothing, if the tenant is not in the database, if `copy_from` is gone or
    holds no value, if `setting_key` holds another value than expected, or if any number of rows
    but one would change. Where `setting_key` holds the value already it says so and ends well,
    so it is safe to run twice. It leaves `created_at` to the database and `updated_at` alone, so
    that the rollback restores the row exactly.

    Raises InputError for a name that no database stores (NUL, lone surrogates), and for one
    setting given as both ends of the copy.
    """
    return _script(copy, dialect, _REPLACE if copy.replaces else _ADD)


def rollback_script(copy: CopyKey, dialect: Dialect) -> str:
    """Return the SQL script that undoes `fix_script(copy, dialect)`.

    It deletes the row `setting_key`, or with `replaces` empties it, and does so only while it
    still holds the value of `copy_from`; if either has drifted it stops. Where there is nothing
    to undo it says so and ends well, so it is safe to run twice. A row that held the value before
    the fix cannot be told from one that the fix made; the header says so.

    Raises InputError as `fix_script` does.
    """
    return _script(copy, dialect, _EMPTY if copy.replaces else _DELETE)


class _Plan(NamedTuple):
    """What a script does: stops, the test for nothing to do, more stops, and one change.

    Conditions are SQL over `fact`, whose fields count rows (see `_FACTS`), each with what is
    wrong, or done, where it holds.
    """

    title: str
    stops_first: tuple[tuple[str, str], ...]
    done: tuple[str, str]
    stops_then: tuple[tuple[str, str], ...]
    change: str
    outcome: str


_SAME = "fact.sources = 1 AND fact.targets = 1 AND fact.contents = 1"
_NO_TENANT = ("fact.tenants <> 1", "the tenant is not in this database")
_NO_SOURCE = ("fact.sources <> 1", "the setting to copy is gone, or holds no value")
_GONE = ("fact.targets <> 1", "the setting is gone")
_DRIFT = (f"NOT ({_SAME})", "the two settings hold different values by now")
_ROW_COUNT = ("$changed <> 1", "not exactly one row would change")
_NOTHING = "nothing to roll back, nothing changed"
_ONLY = 'Only after a fix that said "applied": a row of the tenant\'s own would look the same.'

_ADD = _Plan(
    "Fix: add a tenant's setting, with the value of another of its settings.",
    (_NO_TENANT, _NO_SOURCE),
    (_SAME, "already applied, nothing changed"),
    (("fact.targets <> 0", "the setting is there with another value"),),
    "$add",
    "applied, 1 row added",
)
_REPLACE = _Plan(
    "Fix: update a tenant's setting, which holds no usable value, with that of another.",
    _ADD.stops_first,
    _ADD.done,
    (_GONE, ("fact.vacant <> 1", "the setting holds a value of its own by now")),
    """UPDATE tenant_settings SET setting_value = (
            SELECT source.setting_value FROM tenant_settings AS source
            WHERE source.tenant_id = names.tenant_id
                AND CAST(source.setting_key AS text) = names.copy_from)
        WHERE tenant_id = names.tenant_id AND CAST(setting_key AS text) = names.setting_key""",
    "applied, 1 row updated",
)
_DELETE = _Plan(
    f"Rollback: delete the setting that the fix added.\n-- {_ONLY}",
    (_NO_TENANT,),
    ("fact.targets = 0", _NOTHING),
    (_NO_SOURCE, _DRIFT),
    """DELETE FROM tenant_settings
        WHERE tenant_id = names.tenant_id AND CAST(setting_key AS text) = names.setting_key""",
    "rolled back, 1 row deleted",
)
_EMPTY = _Plan(
    f"Rollback: empty the setting that the fix updated, whatever it held before.\n-- {_ONLY}",
    (_NO_TENANT, _GONE),
    (f"fact.vacant = 1 AND NOT ({_SAME})", _NOTHING),
    (_NO_SOURCE, _DRIFT),
    """UPDATE tenant_settings SET setting_value = ''
        WHERE tenant_id = names.tenant_id AND CAST(setting_key AS text) = names.setting_key""",
    "rolled back, 1 row emptied",
)

_HEADER = """\
-- $title
--   Tenant:   $tenant
--   Setting:  $key
--   Copy of:  $source
-- The value is handled inside the database only: this script neither holds nor prints it.
-- It stops with an error, and nothing is changed, if
$stops
-- Safe to run twice: the second time it says "$done".
-- Afterwards restart the application, or wait for its next job: keys are read at the start.
"""

# Values are compared in SQL and never held in a variable, which could end up in a server's log.
_FACTS = """\
        (SELECT count(*) FROM tenants WHERE $tenant_is) AS tenants,
        count(*) FILTER (WHERE CAST(own.setting_key AS text) = names.copy_from
            AND trim(CAST(own.setting_value AS text)) <> '') AS sources,
        count(*) FILTER (WHERE CAST(own.setting_key AS text) = names.setting_key) AS targets,
        count(*) FILTER (WHERE CAST(own.setting_key AS text) = names.setting_key AND (
            $vacancy)) AS vacant,
        count(DISTINCT coalesce(CAST(own.setting_value AS text), '')) FILTER (
            WHERE CAST(own.setting_key AS text) IN (names.setting_key, names.copy_from)
        ) AS contents"""

# A DO block that fails aborts the transaction, so COMMIT then rolls back. The inner block hides
# the server's own error, whose detail may show the failing row and with it the value. Any id will
# do at first: a domain may not allow NULL.
_POSTGRESQL = """\
-- Run it:  psql -X -v ON_ERROR_STOP=1 -d DATABASE -f FILE    (PostgreSQL 13 or later)

BEGIN;
DO $$atomlab$$
<<atomlab>>
DECLARE
    names record;
    fact record;
    tenant tenants.id%TYPE := (SELECT id FROM tenants LIMIT 1);
    owner tenant_settings.tenant_id%TYPE := (SELECT tenant_id FROM tenant_settings LIMIT 1);
    ids record;
    new_id text;
    changed bigint;
    in_column text; in_constraint text;
BEGIN
    SELECT $tenant_sql AS tenant_id,
        $key_sql AS setting_key, $source_sql AS copy_from INTO names;
    BEGIN
        tenant := names.tenant_id;
        owner := names.tenant_id;
    EXCEPTION WHEN data_exception OR check_violation THEN
        RAISE EXCEPTION 'atomlab stopped: $no_tenant';
    END;
    PERFORM 1 FROM tenant_settings AS own
        WHERE own.tenant_id = atomlab.owner
            AND CAST(own.setting_key AS text) IN (names.setting_key, names.copy_from)
        ORDER BY own.setting_key FOR UPDATE;
    SELECT
$facts
        INTO fact FROM tenant_settings AS own WHERE own.tenant_id = atomlab.owner;
$stops_first
    IF $done_when THEN
        RAISE NOTICE 'atomlab: $done';
        RETURN;
    END IF;
$stops_then
    BEGIN
        $change;
        GET DIAGNOSTICS changed = ROW_COUNT;
    EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS in_column = COLUMN_NAME, in_constraint = CONSTRAINT_NAME;
        RAISE EXCEPTION 'atomlab stopped: change refused (SQLSTATE %, column "%", constraint "%")',
            SQLSTATE, in_column, in_constraint USING ERRCODE = SQLSTATE;
    END;
$row_count
    RAISE NOTICE 'atomlab: $outcome';
END
$$atomlab$$;
COMMIT;
"""

# The insert does everything, in one statement: it counts, and its trigger judges and changes.
_SQLITE = """\
-- Run it:  sqlite3 -bail DATABASE < FILE    (SQLite 3.30 or later)

DROP TABLE IF EXISTS temp.atomlab_fix;
CREATE TEMP TABLE atomlab_fix (tenant_id, setting_key, copy_from,
    tenants, sources, targets, vacant, contents, outcome);
CREATE TEMP TRIGGER atomlab_fix_run AFTER INSERT ON temp.atomlab_fix BEGIN
$stops_first
    SELECT RAISE(IGNORE) WHERE $done_when;
$stops_then
    $change;
$row_count
    UPDATE atomlab_fix SET outcome = 'atomlab: $outcome';
END;
BEGIN IMMEDIATE;
INSERT OR ROLLBACK INTO temp.atomlab_fix
    SELECT names.*,
$facts,
        'atomlab: $done'
    FROM (SELECT $tenant_sql AS tenant_id,
        $key_sql AS setting_key, $source_sql AS copy_from) AS names
    LEFT JOIN tenant_settings AS own ON CAST(own.tenant_id AS text) = names.tenant_id;
COMMIT;
SELECT outcome FROM temp.atomlab_fix;
DROP TABLE temp.atomlab_fix;
"""

# The new row's id comes from the column's own default, else it is the next number where ids are
# numbers, else a random UUID, cut where the column is shorter. A table without ids has none. What
# else must not be NULL is as in the row that is copied; a time is now.
_WANTED = """\
WHERE attname NOT IN ('id', 'tenant_id', 'setting_key', 'setting_value')
                AND (attnotnull OR typnotnull) AND typdefault IS NULL
                AND NOT atthasdef AND attidentity = ''"""
_ADD_POSTGRESQL = """\
SELECT max(pg_catalog.format_type(atttypid, atttypmod)) FILTER (WHERE attname = 'id') AS type,
            bool_or(atthasdef OR attidentity <> '') FILTER (WHERE attname = 'id') AS made,
            max(typcategory::text) FILTER (WHERE attname = 'id') AS kind,
            max(pg_catalog.format_type(atttypid, atttypmod))
                FILTER (WHERE attname = 'setting_key') AS type_of_key,
            string_agg(format(', %I', attname), '' ORDER BY attnum) FILTER ($wanted) AS others,
            string_agg(CASE typcategory WHEN 'D' THEN ', now()'
                ELSE format(', source.%I', attname) END, '' ORDER BY attnum)
                FILTER ($wanted) AS contents
            INTO ids
            FROM pg_catalog.pg_attribute JOIN pg_catalog.pg_type ON pg_type.oid = atttypid
            WHERE attrelid = 'tenant_settings'::regclass AND attnum > 0 AND NOT attisdropped;
        IF NOT ids.made AND ids.kind = 'N' THEN
            LOCK TABLE tenant_settings IN SHARE ROW EXCLUSIVE MODE;
            EXECUTE 'SELECT coalesce(max(id), 0) + 1 FROM tenant_settings' INTO new_id;
        ELSIF NOT ids.made THEN
            new_id := gen_random_uuid();
        END IF;
        EXECUTE format('INSERT INTO tenant_settings'
            ' (%s tenant_id, setting_key, setting_value %s)'
            ' SELECT %s source.tenant_id, CAST($1 AS %s), source.setting_value %s'
            ' FROM tenant_settings AS source WHERE source.tenant_id = $2'
            ' AND CAST(source.setting_key AS text) = $3',
            CASE WHEN new_id IS NOT NULL THEN 'id,' END, ids.others,
            CASE WHEN new_id IS NOT NULL THEN format('CAST(%L AS %s),', new_id, ids.type) END,
            ids.type_of_key, ids.contents) USING names.setting_key, owner, names.copy_from"""
_ADD_POSTGRESQL = _ADD_POSTGRESQL.replace("$wanted", _WANTED)
_ADD_SQLITE = """\
INSERT INTO tenant_settings (id, tenant_id, setting_key, setting_value)
        SELECT CASE typeof(source.id)
            WHEN 'integer' THEN (SELECT max(id) + 1 FROM tenant_settings)
            ELSE lower(hex(randomblob(4)) || '-' || hex(randomblob(2))
            || '-4' || substr(hex(randomblob(2)), 2)
            || '-' || substr('89ab', 1 + (random() & 3), 1) || substr(hex(randomblob(2)), 2)
            || '-' || hex(randomblob(6))) END,
            source.tenant_id, names.setting_key, source.setting_value
        FROM tenant_settings AS source
        WHERE source.tenant_id = names.tenant_id
            AND CAST(source.setting_key AS text) = names.copy_from"""
# By dialect: the script, one stop of it, what words of it stand for, and how it says that a row
# is the tenant's, in the column's own type: a comparison with text alone is none with a number.
_FORMS = {
    "postgresql": (
        _POSTGRESQL,
        "    IF $when THEN\n        RAISE EXCEPTION 'atomlab stopped: $message';\n    END IF;",
        {"changed": "changed", "add": _ADD_POSTGRESQL},
        "id = atomlab.tenant",
        r"\1 = atomlab.owner",
    ),
    "sqlite": (
        _SQLITE,
        "    SELECT RAISE(ROLLBACK, 'atomlab stopped: $message')\n        WHERE $when;",
        {"changed": "changes()", "add": _ADD_SQLITE},
        "CAST(id AS text) = names.tenant_id",
        r"CAST(\1 AS text) = names.tenant_id",
    ),
}


def _script(copy: CopyKey, dialect: Dialect, plan: _Plan) -> str:
    """Return `plan`, for the names of `copy`, as a script of `dialect`."""
    if copy.setting_key == copy.copy_from:
        raise InputError("copied from itself", where=copy.copy_from, todo="name two settings")
    script, stop, words, tenant_is, owner_is = _FORMS[dialect]

    def adapted(sql: str) -> str:
        sql = Template(sql).substitute(words)
        sql = re.sub(r"((?:\w+\.)?tenant_id) = names\.tenant_id", owner_is, sql)
        # In SQLite's trigger, names and facts are columns of the row that fired it.
        return re.sub(r"\b(names|fact)\.", "NEW.", sql) if dialect == "sqlite" else sql

    def stops(*pairs: tuple[str, str]) -> str:
        return "\n".join(
            Template(stop).substitute(when=adapted(when), message=message)
            for when, message in pairs
        )

    names = {"tenant": copy.tenant_id, "key": copy.setting_key, "source": copy.copy_from}
    vacancy = ["trim(coalesce(CAST(own.setting_value AS text), '')) = ''"]
    if copy.replaces:
        vacancy.append(
            f"length(CAST(own.setting_value AS text)) < {copy.placeholder_shorter_than:d}"
        )
        vacancy += [
            f"substr(CAST(own.setting_value AS text), 1, {len(prefix)})"
            f" = {_literal(prefix, dialect)}"
            for prefix in copy.placeholder_prefixes
        ]
    all_stops = (*plan.stops_first, *plan.stops_then, _ROW_COUNT)
    return Template(_HEADER + script).substitute(
        {name: _shown(text) for name, text in names.items()},
        **{f"{name}_sql": _literal(text, dialect) for name, text in names.items()},
        title=plan.title,
        stops=",\n".join(f"--   - {message}" for _, message in all_stops),
        facts=Template(_FACTS).substitute(
            vacancy="\n            OR ".join(vacancy), tenant_is=tenant_is
        ),
        no_tenant=_NO_TENANT[1],
        stops_first=stops(*plan.stops_first),
        done_when=adapted(plan.done[0]),
        done=plan.done[1],
        stops_then=stops(*plan.stops_then),
        change=adapted(plan.change),
        row_count=stops(_ROW_COUNT),
        outcome=plan.outcome,
    )


def _literal(text: str, dialect: Dialect) -> str:
    """Return `text` as an SQL expression that holds no character with a meaning to a parser.

    Quotes, backslashes, comments, dollar tags and all but plain ASCII are written as numbers,
    which no client's encoding and no `standard_conforming_strings` reads in another way.
    """
    if re.search("[\0\ud800-\udfff]", text):
        raise InputError(
            "holds NUL or half a surrogate pair, which no database stores",
            where=text,
            todo="check the tenant id and the names of its settings",
        )
    runs = re.findall(r"([\w.@ -]+)|([^\w.@ -]{1,90})", text, re.ASCII) or [("", "")]
    if dialect == "postgresql":
        body = "".join(plain or "".join(f"\\U{ord(c):08x}" for c in odd) for plain, odd in runs)
        return f"E'{body}'" if "\\" in body else f"'{body}'"
    return " || ".join(
        f"char({', '.join(str(ord(c)) for c in odd)})" if odd else f"'{plain}'"
        for plain, odd in runs
    )


def _shown(text: str) -> str:
    """Return `text` as one line of ASCII for a comment."""
    return printable(text).encode("ascii", "backslashreplace").decode()
