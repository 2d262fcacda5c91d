"""The reference for a capture: a bare psycopg loop that writes the same rows to SQLite, unredacted.

Run as `python -m benchmarks.plain_copy URL FILE`.
"""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing

import psycopg


def copy_plainly(url: str, path: str) -> None:
    """Copy every row of `tenant_settings`, as it is."""
    with psycopg.connect(url) as server, closing(sqlite3.connect(path)) as file:
        file.execute("CREATE TABLE tenant_settings (id, tenant_id, key, value, created_at)")
        rows = server.execute(
            "SELECT id, tenant_id, setting_key, setting_value, created_at::text"
            " FROM tenant_settings"
        )
        file.executemany("INSERT INTO tenant_settings VALUES (?, ?, ?, ?, ?)", rows)
        file.commit()


if __name__ == "__main__":
    copy_plainly(*sys.argv[1:])
