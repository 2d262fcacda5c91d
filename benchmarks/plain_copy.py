"""The reference for a capture: a bare loop that writes the same rows to SQLite, unredacted.

Run as `python -m benchmarks.plain_copy SOURCE FILE`; SOURCE is a PostgreSQL URL or an SQLite file.
"""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from typing import Any

QUERIES = {
    "tenants": "SELECT id, name, subdomain, plan_type, ai_mode FROM tenants",
    "tenant_settings": "SELECT id, tenant_id, setting_key, setting_value,"
    " CAST(created_at AS text) FROM tenant_settings",
}


def copy_plainly(source: str, path: str) -> None:
    """Copy every row of both tables, as it is."""
    with closing(_connected(source)) as server, closing(sqlite3.connect(path)) as file:
        for table, query in QUERIES.items():
            file.execute(f"CREATE TABLE {table} (a, b, c, d, e)")
            rows = server.execute(query)
            file.executemany(f"INSERT INTO {table} VALUES (?, ?, ?, ?, ?)", rows)
        file.commit()


def _connected(source: str) -> Any:
    if not source.startswith("postgres"):
        return sqlite3.connect(source)
    import psycopg

    return psycopg.connect(source)


if __name__ == "__main__":
    copy_plainly(*sys.argv[1:])
