"""Whatever goes wrong in a capture: the old file stays whole, and nothing half-made is left."""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psycopg
import pytest

from atomlab.evidence.redaction import key_id, read_key
from atomlab.evidence.schema import FORMATS
from atomlab.evidence.snapshot import open_snapshot
from tests.command import Run, signalled_at, start
from tests.conftest import ATOM_SCHEMA
from tests.forgery import sealed
from tests.mounts import mounted, read_only
from tests.refusals import is_one_line

SLOW = pytest.mark.slow
SETTINGS = 20_000


@dataclass(frozen=True)
class Scene:
    """A folder that a capture may write into, and nothing else does."""

    folder: Path
    source: object
    old: bytes | None  # what stands where the snapshot is to be, if anything

    @property
    def out(self) -> Path:
        """Where the snapshot is to be."""
        return self.folder / "out.sqlite"

    def start(self, *options, first=None, log="log") -> Run:
        """Start to capture, over what is there."""
        if self.old is not None:
            self.out.write_bytes(self.old)
            options = (*options, "--overwrite")
        log = self.folder.with_name(log)
        return start(log, "capture", self.source, "--out", self.out, *options, first=first)

    def outcome(self, *also: str) -> str:
        """Return whether the old or a new snapshot is there, which is whole, or nothing is."""
        names = {path.name for path in self.folder.iterdir()}
        assert names <= {self.out.name, *also}
        if self.out.name not in names:
            return "nothing"
        if self.out.read_bytes() == self.old:
            return "old"
        with open_snapshot(self.out) as snapshot:
            snapshot.verify()
        return "new"

    @property
    def untouched(self) -> str:
        """The outcome of a capture that failed."""
        return "nothing" if self.old is None else "old"


def write_source(path, settings, tenants):
    """Write a platform database with so many settings and tenants."""
    with closing(sqlite3.connect(path)) as db:
        db.executescript(ATOM_SCHEMA)
        db.executemany(
            "INSERT INTO tenants (id, name) VALUES (?, ?)",
            [(f"t{n:05}", f"T{n}") for n in range(tenants)],
        )
        db.executemany(
            "INSERT INTO tenant_settings (id, tenant_id, setting_key, setting_value)"
            " VALUES (?, ?, ?, ?)",
            [
                (f"s{n}", f"t{n % tenants:05}", f"{chr(65 + n // tenants)}_API_KEY", f"sk-{n}")
                for n in range(settings)
            ],
        )
        db.commit()
    return path


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Return a platform database that is captured in no time."""
    return write_source(tmp_path_factory.mktemp("small") / "source.db", 4, 2)


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """Return a platform database that takes a while."""
    return write_source(tmp_path_factory.mktemp("large") / "source.db", SETTINGS, SETTINGS // 10)


@dataclass(frozen=True)
class Measured:
    """How long a capture takes, and the snapshot that comes out."""

    seconds: float
    content: bytes


@pytest.fixture(scope="module")
def measured(large, tmp_path_factory):
    """Return what a capture of the large database takes and makes."""
    scene = Scene(tmp_path_factory.mktemp("measured"), large, None)
    assert scene.start().wait()[0] == 0
    scene.out.unlink()
    started = time.monotonic()
    assert scene.start().wait()[0] == 0
    return Measured(time.monotonic() - started, scene.out.read_bytes())


@pytest.fixture
def scene(tmp_path):
    """Return a function that makes the folder of a capture, with an old snapshot in it or not."""
    made = []

    def make(source, old=None):
        folder = tmp_path / f"scene-{len(made)}"
        folder.mkdir()
        made.append(Scene(folder, source, old))
        return made[-1]

    return make


def stopped(number, code, err):
    """Check what a capture that a signal stopped has said; one that was done has warned as well."""
    said = "".join(line for line in err.splitlines(True) if not line.startswith("warning: "))
    if number == signal.SIGKILL:
        assert (code, said) == (-signal.SIGKILL, "")
    else:
        assert (code, said) == (130, "atomlab: interrupted\n")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "moments"), [(signal.SIGKILL, 15), (signal.SIGTERM, 8), (signal.SIGINT, 8)]
)
def test_capture_that_is_stopped_at_any_moment_leaves_what_was_there(
    scene, large, measured, number, moments
):
    """Killed, terminated or interrupted anywhere: the old file or a new one, whole, and no more.

    What is killed (SIGKILL) may leave temporary files.
    """
    hit = 0
    for moment in range(moments):
        at = scene(large, measured.content if moment % 2 else None)
        run = at.start("--key-file", at.folder / "new.key")
        time.sleep(measured.seconds * (moment + 0.5) / moments)
        run.kill(number)
        code, _, err = run.wait()
        for path in at.folder.glob(".atomlab-*"):
            assert number == signal.SIGKILL
            path.unlink()
        outcome = at.outcome("new.key")
        if code:
            stopped(number, code, err)
        assert outcome == "new" if code == 0 else outcome in (at.untouched, "new")
        key = (at.folder / "new.key").exists()
        assert key == (outcome == "new") or (key and number == signal.SIGKILL)
        hit += outcome == at.untouched
    assert hit > 1


# Everything that gives a file a name or takes it away.
NAMING = {
    "work_database",
    "whole_files",
    "_temporary",
    "_name_all",
    "_give_name",
    "unlink",
}


@pytest.mark.slow
@pytest.mark.parametrize("overwrite", [False, True], ids=["new", "overwrite"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_signal_between_any_two_steps_of_writing_leaves_nothing_half_made(
    scene, small, measured, number, overwrite, tmp_path
):
    """What stands in the folder is whole, even between two calls that give a file its name.

    A kill between the two that make a file and take its name, or that name it and move it, leaves
    a file under a name of ours, which is empty or whole.
    """
    told, moment = tmp_path / "told", 1 + overwrite
    while True:
        told.unlink(missing_ok=True)
        at = scene(small, measured.content if overwrite else None)
        code, _, err = at.start(first=partial(signalled_at, number, moment, NAMING, told)).wait()
        if not told.exists():
            break
        stopped(number, code, err)
        for path in at.folder.glob(".atomlab-*"):
            assert number == signal.SIGKILL, told.read_text()
            if path.stat().st_size:
                open_snapshot(path).close()
            path.unlink()
        at.outcome()
        moment += 11
    assert code == 0
    assert moment > 40


def test_installed_command_that_is_killed_leaves_nothing(scene, large, measured):
    """The same through the installed script, started as people start it."""
    command = Path(sys.executable).with_name("atomlab")
    at, codes = scene(large, measured.content), []
    at.out.write_bytes(at.old)
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT):
        run = subprocess.Popen(
            [command, "capture", at.source, "--out", at.out, "--overwrite"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        while run.poll() is None and not writes(run.pid, at.folder):
            time.sleep(0.01)
        run.send_signal(number)
        _, err = run.communicate(timeout=30)
        codes.append((run.returncode, err))
        assert at.outcome() == "old"
    line = (130, "atomlab: interrupted\n")
    assert codes == [(-signal.SIGKILL, ""), line, line]


def writes(pid, folder):
    """Return whether a process has a file open in a folder that has no name (any more)."""
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            file = link.readlink()
            if file.parent == folder and file.name.endswith(" (deleted)"):
                return True
        except FileNotFoundError:  # closed in the meantime
            continue
    return False


def _at_most(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@pytest.mark.attack("8 a full disk")
@pytest.mark.parametrize(
    "overwrite", [pytest.param(False, marks=SLOW), True], ids=["new", "overwrite"]
)
def test_file_that_may_not_grow_is_a_clear_error(scene, large, measured, overwrite):
    """Wherever writing fails, in the work file or in the snapshot itself, nothing changes."""
    whole = len(measured.content)
    work = whole - 90  # without its seal
    reasons = set()
    for limit in (4096, whole // 2, work - 1, work, whole - 1):
        at = scene(large, b"old" if overwrite else None)
        line = at.start("--key-file", at.folder / "k", first=partial(_at_most, limit)).refusal()
        assert f"{at.out.name}: cannot be written (" in line
        assert line.endswith("; make room, or name another file\n")
        assert at.outcome() == at.untouched
        reasons.add(line.partition("(")[2].partition(")")[0])
    assert reasons == {"disk I/O error", "File too large"}
    at = scene(large, b"old" if overwrite else None)
    assert at.start(first=partial(_at_most, whole)).wait()[0] == 0
    assert at.outcome() == "new"


@pytest.mark.attack("8 a full disk")
@pytest.mark.parametrize("share", [0.2, 0.9, 1.5], ids=["work", "nearly", "snapshot"])
def test_full_disk_is_a_clear_error(scene, large, measured, share):
    """A disk that is full before the work file or the snapshot is whole keeps what it had."""
    at = scene(large, b"old")
    with mounted(at.folder, "-o", f"size={int(len(measured.content) * share)}"):
        line = at.start("--key-file", at.folder / "new.key").refusal()
        assert at.outcome() == "old"
    full = "No space left on device" if share > 1 else "database or disk is full"
    assert f"{at.out.name}: cannot be written ({full})" in line


@pytest.mark.parametrize("old", [None, b"old"], ids=["new", "overwrite"])
def test_read_only_folder_is_a_clear_error(scene, small, old):
    """Where nothing can be written, nothing is, and the folder is named."""
    at = scene(small, None)
    if old:
        at.out.write_bytes(old)
    with read_only(at.folder) as reason:
        line = at.start(*(["--overwrite"] if old else [])).refusal()
        assert f"cannot be written ({reason})" in line
        assert [p.read_bytes() for p in at.folder.iterdir()] == ([old] if old else [])


def together(*scenes, options=()):
    """Run captures at the same time; return their exit codes and what they said of failures."""
    runs = [at.start(*options, log=f"log-{n}") for n, at in enumerate(scenes)]
    done = [run.wait() for run in runs]
    return sorted(code for code, _, _ in done), [err for code, _, err in done if code]


def test_one_of_two_captures_into_a_new_file_wins(scene, small):
    """The file of whoever is first stays; the other says so. Its key file is the winner's."""
    for _ in range(4):
        at = scene(small, None)
        codes, said = together(at, at, options=("--key-file", at.folder / "k"))
        assert codes == [0, 1]
        assert is_one_line(said[0].removesuffix("\n"))
        assert at.outcome("k") == "new"
        with open_snapshot(at.out) as snapshot:
            used = snapshot.manifest["fingerprint"]["key_id"]
        assert used == key_id(read_key(at.folder / "k"))


@pytest.mark.slow
def test_two_captures_over_an_old_file_both_end_and_one_of_them_is_there(scene, small):
    """Whichever is last replaces the file, at once and whole."""
    for _ in range(4):
        at = scene(small, b"old")
        codes, _ = together(at, at)
        assert codes == [0, 0]
        assert at.outcome() == "new"


@pytest.mark.parametrize(
    ("change", "what"),
    [
        pytest.param(max(FORMATS) + 1, "update atomlab", id="newer"),
        pytest.param(min(FORMATS) - 1, "capture it again", id="older"),
    ],
)
@pytest.mark.parametrize("command", ["show", "verify", "diagnose", "lint", "capture"])
def test_other_format_is_refused_by_every_command(
    scene, small, measured, tmp_path, command, change, what
):
    """Snapshots of another version of atomlab are named, and stay as they are."""
    content = bytearray(measured.content[:-90])
    content[60:64] = change.to_bytes(4, "big")
    other = tmp_path / "other.sqlite"
    other.write_bytes(sealed(bytes(content)))
    was, at = other.read_bytes(), scene(small, b"old")
    if command == "capture":
        line = at.start("--parent", other, "--key-file", at.folder / "k").refusal()
    else:
        words = ["snapshot", command] if command in ("show", "verify") else [command]
        tenant = ["--tenant", "t00000"] if command == "diagnose" else []
        line = start(tmp_path / "log", *words, other, *tenant).refusal()
    assert f"{other}: has snapshot format {change}" in line
    assert line.endswith(f"; {what}\n")
    assert other.read_bytes() == was
    assert at.outcome() in ("nothing", "old")


@pytest.mark.parametrize("place", [0.0, 0.001, 0.3, 0.6, 0.9, 1.0])
def test_flipped_bit_is_found_by_verify(measured, tmp_path, place):
    """`snapshot verify` refuses a snapshot with one bit changed, wherever, and mends nothing."""
    damaged = bytearray(measured.content)
    damaged[int(place * (len(damaged) - 1))] ^= 4
    path = tmp_path / "damaged.sqlite"
    path.write_bytes(damaged)
    line = start(tmp_path / "log", "snapshot", "verify", path).refusal()
    assert str(path) in line
    assert path.read_bytes() == damaged


# Faults of the server.


def sessions(url):
    """Return how many sessions atomlab has on a server, once none is left or after 5 s."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'atomlab'"
    with psycopg.connect(url, autocommit=True) as db:
        for _ in range(100):
            number = db.execute(query).fetchone()[0]
            if not number:
                break
            time.sleep(0.05)
    return number


@pytest.mark.parametrize(
    "number",
    [*(pytest.param(n, marks=SLOW) for n in (signal.SIGKILL, signal.SIGTERM)), signal.SIGINT],
)
def test_stopped_capture_leaves_no_transaction_open(scene, own_server, measured, number):
    """Whoever stops a capture from a server leaves nothing there, as in the folder."""
    hit = 0
    for moment in range(4):
        at = scene(own_server.url, measured.content)
        run = at.start()
        time.sleep(measured.seconds * (moment + 0.5) / 4)
        run.kill(number)
        code, _, err = run.wait()
        for path in at.folder.glob(".atomlab-*"):
            assert number == signal.SIGKILL
            path.unlink()
        if code:
            stopped(number, code, err)
        assert at.outcome() in ("old", "new")
        hit += bool(code)
    assert hit
    assert sessions(own_server.url) == 0


@contextmanager
def slow_settings(url):
    """Make reading the settings take half a minute, every one its part, while the block lasts."""
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("ALTER TABLE tenant_settings RENAME TO quick")
        db.execute(
            "CREATE VIEW tenant_settings AS"
            " SELECT * FROM quick WHERE pg_sleep(30.0 / 20000)::text = ''"
        )
    try:
        yield
    finally:
        with psycopg.connect(url, autocommit=True) as db:
            db.execute("DROP VIEW tenant_settings")
            db.execute("ALTER TABLE quick RENAME TO tenant_settings")


def reading(url):
    """Return the server's process that reads the settings for a capture, once it does."""
    query = (
        "SELECT pid FROM pg_stat_activity WHERE application_name = 'atomlab'"
        " AND wait_event = 'PgSleep'"
    )
    with psycopg.connect(url, autocommit=True) as db:
        for _ in range(200):
            if found := db.execute(query).fetchone():
                return found[0]
            time.sleep(0.05)
    raise TimeoutError("nobody reads")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_statement_of_a_stopped_capture_is_cancelled(scene, own_server, number):
    """However it is stopped, the server does not go on for half a minute with what it was asked."""
    with slow_settings(own_server.url):
        at = scene(own_server.url, b"old")
        run = at.start()
        reading(own_server.url)
        run.kill(number)
        assert run.wait()[0] == (-number if number == signal.SIGKILL else 130)
        assert sessions(own_server.url) == 0


@pytest.mark.parametrize(
    "fault", ["terminated", *(pytest.param(f, marks=SLOW) for f in ("crashed", "no server"))]
)
def test_server_that_goes_away_is_a_clear_error(scene, own_server, fault):
    """A session that is ended, a process that dies, a whole server that is killed: one line."""
    with slow_settings(own_server.url):
        at = scene(own_server.url, b"old")
        run = at.start("--key-file", at.folder / "new.key")
        backend = reading(own_server.url)
        if fault == "terminated":
            with psycopg.connect(own_server.url, autocommit=True) as db:
                db.execute("SELECT pg_terminate_backend(%s)", [backend])
        elif fault == "crashed":
            os.kill(backend, signal.SIGKILL)
        else:
            own_server.kill()
        line = run.refusal()
        assert "cannot be read (" in line
        assert at.outcome() == "old"
        own_server.up()
    assert sessions(own_server.url) == 0


def test_statement_that_takes_too_long_is_stopped(scene, own_server):
    """No statement runs longer than it may; the server does not go on with it either."""
    with slow_settings(own_server.url):
        at = scene(own_server.url, b"old")
        started = time.monotonic()
        line = at.start("--statement-timeout", 0.4).refusal()
        assert time.monotonic() - started < 5
        assert "a statement took too long" in line
        assert "raise --statement-timeout" in line
        assert at.outcome() == "old"
        assert sessions(own_server.url) == 0


@pytest.mark.parametrize("table", ["tenants", "tenant_settings", "model_catalog"])
def test_table_that_somebody_has_locked_is_a_clear_error(scene, own_server, table):
    """Whoever keeps a table locked makes a capture fail in time, and need not let go."""
    with psycopg.connect(own_server.url) as other:
        other.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        at = scene(own_server.url, b"old")
        line = at.start("--statement-timeout", 0.4).refusal()
        assert "wait until whoever locks the table is done" in line
        assert at.outcome() == "old"
        assert sessions(own_server.url) == 0
        assert other.execute("SELECT 1").fetchone() == (1,)
