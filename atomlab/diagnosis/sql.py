"""The fix as SQL: a script to review and run, and the script that undoes it.

A script is one transaction around one atomic statement: a `DO` block on PostgreSQL, an insert that
fires a temporary trigger on SQLite. So it changes all it should or nothing at all, also in a
client that runs on after an error. The secret moves from row to row inside the database: no
script holds it, and none prints it. Scripts are pure ASCII, whatever the names in them.

The texts stand in `scripts/`, what each does in `scripts/plans.yaml`. Why they are as they are:

- Values are compared in SQL and never held in a variable, which could end up in a server's log.
- PostgreSQL: a DO block that fails aborts the transaction, so COMMIT then rolls back. Its inner
  block hides the server's own error, whose detail may show the failing row and so the value. Any
  id will do for the variables at first: a domain may not allow NULL.
- SQLite: the insert does everything in one statement: it counts, its trigger judges and changes.
- A new row's id comes from the column's own default, else it is the next number where ids are
  numbers, else a random UUID, cut where the column is shorter. A table without ids has none. What
  else must not be NULL is as in the row that is copied; a time is now.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Template
from typing import Any, Literal

from atomlab.errors import InputError
from atomlab.files import read_yaml
from atomlab.text import printable

Dialect = Literal["postgresql", "sqlite"]
_SCRIPTS = Path(__file__).parent / "scripts"


@dataclass(frozen=True)
class CopyKey:
    """Give the tenant a setting `setting_key` with the value of its setting `copy_from`.

    With `replaces` the row `setting_key` is there: its value must be NULL, empty, spaces, or a
    placeholder by the two fields that follow, which are fields of `Rules`.
    """

    tenant_id: str
    setting_key: str
    copy_from: str
    replaces: bool = False
    placeholder_prefixes: tuple[str, ...] = ("dummy", "60a9596d")
    placeholder_shorter_than: int = 12


def fix_script(copy: CopyKey, dialect: Dialect) -> str:
    """Return the SQL script that applies `copy`, safe to run twice.

    It leaves `created_at` to the database and `updated_at` alone, so that the rollback restores
    the row exactly. Raises InputError for a name that no database stores (NUL, lone surrogates),
    and for one setting given as both ends of the copy.
    """
    return _script(copy, dialect, "replace" if copy.replaces else "add")


def rollback_script(copy: CopyKey, dialect: Dialect) -> str:
    """Return the SQL script that undoes it, safe to run twice; a new row is deleted, else emptied.

    A row that held the value before the fix looks like one that the fix made; the header says so.
    """
    return _script(copy, dialect, "empty" if copy.replaces else "delete")


def with_rollback(script: str, rollback: str) -> str:
    """Return a script with the one that undoes it below, commented out."""
    undo = "\n".join(f"-- {line}" for line in rollback.splitlines())
    return f"{script}\n-- To undo it, run the following without the leading dashes.\n{undo}\n"


def _script(copy: CopyKey, dialect: Dialect, name: str) -> str:
    """Return the plan of that name, for the names of `copy`, as a script of `dialect`."""
    if copy.setting_key == copy.copy_from:
        raise InputError("copied from itself", where=copy.copy_from, todo="name two settings")
    names = {"tenant": copy.tenant_id, "key": copy.setting_key, "source": copy.copy_from}
    facts = {"vacancy": _vacancy(copy, dialect), "tenant_is": _plans()[dialect]["tenant_is"]}
    plan, stops = _plans()[name], _plans()["stops"]
    first, then = ([stops[stop] for stop in plan[part]] for part in ("first", "then"))
    last = stops["row-count"]
    return Template(_text("header") + _text(dialect)).substitute(
        {n: printable(t).encode("ascii", "backslashreplace").decode() for n, t in names.items()},
        **{f"{name}_sql": _literal(text, dialect) for name, text in names.items()},
        title=plan["title"],
        stops=",\n".join(f"--   - {message}" for _, message in (*first, *then, last)),
        facts=Template(_text("facts")).substitute(facts).rstrip(),
        no_tenant=stops["no-tenant"][1],
        stops_first=_stops(first, dialect),
        done_when=_adapted(plan["done"][0], dialect),
        done=plan["done"][1],
        stops_then=_stops(then, dialect),
        change=_adapted(plan["change"] or _text(f"{dialect}_add").rstrip(), dialect),
        row_count=_stops([last], dialect),
        outcome=plan["outcome"],
    )


@cache
def _text(name: str) -> str:
    return (_SCRIPTS / f"{name}.sql").read_text(encoding="utf-8")


@cache
def _plans() -> dict[str, dict[str, Any]]:
    plans: dict[str, dict[str, Any]] = read_yaml(_SCRIPTS / "plans.yaml")
    return plans


def _stops(pairs: Sequence[tuple[str, str]], dialect: Dialect) -> str:
    """Return what stops the script: a condition and a message each."""
    stop = Template(_plans()[dialect]["stop"])
    return "\n".join(stop.substitute(when=_adapted(when, dialect), message=m) for when, m in pairs)


def _adapted(sql: str, dialect: Dialect) -> str:
    """Return SQL of a plan as the dialect says it."""
    form = _plans()[dialect]
    sql = re.sub(r"((?:\w+\.)?tenant_id) = names\.tenant_id", form["owner_is"], sql)
    sql = sql.replace("$changed", form["changed"])
    # In SQLite's trigger, names and facts are columns of the row that fired it.
    return re.sub(r"\b(names|fact)\.", "NEW.", sql) if dialect == "sqlite" else sql


def _vacancy(copy: CopyKey, dialect: Dialect) -> str:
    """Return the condition that the row holds no usable value."""
    value = "CAST(own.setting_value AS text)"
    vacant = [f"trim(coalesce({value}, '')) = ''"]
    if copy.replaces:
        vacant.append(f"length({value}) < {copy.placeholder_shorter_than:d}")
        vacant += [
            f"substr({value}, 1, {len(prefix)}) = {_literal(prefix, dialect)}"
            for prefix in copy.placeholder_prefixes
        ]
    return "\n            OR ".join(vacant)


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
