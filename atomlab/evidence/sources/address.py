"""How a source is written: PostgreSQL's URLs in their parts, and what is wrong with the others.

What is refused is described, never repeated: it may be a password, or hold one anywhere.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from atomlab.errors import SourceError
from atomlab.evidence.shapes import looks_secret
from atomlab.evidence.sources.database import conditions
from atomlab.text import did_you_mean, listed, storable

_FORM = "postgresql://USER@HOST:PORT/DATABASE"
_OTHER = f"ATOM's database is PostgreSQL or SQLite: give its URL, {_FORM}, or a file"
_WORD = re.compile(r"[A-Za-z]{1,20}([_-][A-Za-z]{1,20}){,3}")
_FILE = re.compile(r"[\w./ -]+\.(db|sqlite3?)")


def trimmed(source: str) -> str:
    """Return `source` without what editors and files of variables leave around it."""
    if os.path.isfile(source):  # noqa: PTH113 - false for an impossible name, too
        return source
    return source.strip("\ufeff\u200b\u00a0 \t\r\n")


def is_url(source: str) -> bool:
    """Return whether `source` names a PostgreSQL database."""
    return re.match(r"postgres(ql)?(\+\w+)?:", source, re.IGNORECASE) is not None


def no_file(source: str) -> SourceError:
    """Return what is wrong with a source that is neither a PostgreSQL URL nor names a file."""
    for start, (what, todo) in conditions("address", _OTHER, "forms").items():
        if re.match(start, source):
            return SourceError(f"the source {what}", todo=todo)
    # What is not a file may be a password alone.
    where = source if _FILE.fullmatch(source) else None
    return SourceError("no such database file", where=where, todo="check the path or the URL")


def postgres_url(source: str, options: Collection[str]) -> URL:
    """Return a URL in its parts; raise SourceError if it is none, or has others than `options`."""
    if "\n" in source:
        raise no_file(source)
    user, at, rest = source.partition("@")
    if source.count("@") > 1:
        raise SourceError(
            "the URL has more than one @",
            todo="write %40 for each in the user's name, the password and the options",
        )
    what, todo = (
        "the source is not a database URL",
        f"give {_FORM}, with %3F for a ? in the password",
    )
    if re.search(r"[\"'`’”];?$", source):
        raise SourceError(
            "the URL ends in a quotation mark", todo="leave it out, or write %22 or %27"
        )
    if "%00" in source or storable(source) != source or (at and "?" in user):
        raise SourceError(what, todo=todo)
    server, _, query = (rest or source.partition("://")[2]).partition("?")
    _check_hosts(server.partition("/")[0], query)
    try:
        url = make_url(source)
    except ValueError:  # in its words the URL would stand
        what = f"{what}: what follows the host's colon is no port"
    except ArgumentError:
        pass
    else:
        if not (at and url.username is None):
            _check_options(query, options)
            _check_password(url)
            return url.set(host=_socket(url.host))
    raise SourceError(what, todo=todo)


def where(url: URL) -> str:
    """Return the database and host that a URL names, where they could be nothing else."""
    database, host = url.database or "the default database", url.host or "the default host"
    if not re.fullmatch(r"[a-z]{1,20}(_[a-z]{1,20})*(_?\d{1,4})?|the default database", database):
        database = "a database"
    if not re.fullmatch(
        r"(\d{1,3}\.){3}\d{1,3}|[0-9a-f]{,4}(:[0-9a-f]{,4}){2,7}|localhost"
        r"|([a-z0-9-]+\.)+[a-z]+|the default host",
        host,
    ):
        host = "a host"
    return f"{database} on {host}"


def _socket(host: str | None) -> str | None:
    """Return a host as libpq reads it: percent-encoded, it is the folder of a socket."""
    return re.sub("(?i)%2f", "/", host) if host and re.match("(?i)%2f", host) else host


def _check_password(url: URL) -> None:
    if re.fullmatch(r"\[YOUR.PASSWORD\]|<[\w -]*>|[*•]{3,}", str(url.password or "")):
        raise SourceError(
            "the URL has a placeholder for its password",
            todo="write the password there, or neither it nor its colon and set PGPASSWORD",
        )


def _check_hosts(server: str, query: str) -> None:
    """Raise SourceError unless a URL names one server, an IPv6 address in brackets."""
    hosts = re.findall(r"(?:^|&)host=([^&]*)", query)
    if len(hosts) > 1 or re.search("(?i),|%2c", " ".join([server, *hosts])):
        raise SourceError(
            "the URL has several hosts, and one server is read at one moment",
            todo="write one of them, a replica for example",
        )
    if re.fullmatch(r"[0-9A-Fa-f]*(:[0-9A-Fa-f]*){2,8}", server):
        raise SourceError(
            "the URL has an IPv6 address without brackets", todo="write [ADDRESS]:PORT for it"
        )


def _check_options(query: str, options: Collection[str]) -> None:
    """Raise SourceError if a URL has options that PostgreSQL lacks, with what to write instead.

    A word that nobody knows is named unless it may be the rest of a password, behind an &.
    """
    given = [part.partition("=") for part in query.split("&") if part]
    known = conditions("option", "", "forms")
    lacking = dict.fromkeys(name for name, value, _ in given if not value or name not in options)
    if not lacking:
        return
    whose = {name: known[name] for name in lacking if name in known}
    behind = any(re.search("pass|pwd|secret", name, re.IGNORECASE) for name, *_ in given)
    words = [
        name
        for name, value, _ in given
        if name in lacking and name not in known and (value or name in options)
        if name in options or (_WORD.fullmatch(name) and not behind and not looks_secret(name))
    ]
    untold = len(lacking) - len(whose) - len(words)
    said = [f"{name} ({program})" for name, (program, _) in whose.items()]
    said += [f"{word} (without a value)" if word in options else word for word in words]
    todo = [f"for {name} write {instead}" for name, (_, instead) in whose.items() if instead]
    if needless := [name for name, (_, instead) in whose.items() if not instead]:
        todo.append(f"leave out {listed(needless)}")
    if words:
        meant = " ".join(filter(None, (did_you_mean(word, options) for word in words)))
        todo.append(f"correct or leave out {listed(words)}" + (f" ({meant})" if meant else ""))
    if untold:
        said.append(f"{untold} that may be the rest of a password")
        todo.append("write %26 for an & in a password, and NAME=VALUE for each option")
    raise SourceError(
        f"the URL has options that PostgreSQL cannot read: {listed(said, 8)}",
        todo=" and ".join(todo),
    )
