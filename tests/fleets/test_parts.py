"""The shards of a fleet add up to what the whole says, wherever they are decided."""

from __future__ import annotations

import json
import os
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import islice

import pandas
import pytest

import atomlab
from atomlab.errors import InputError, SnapshotError
from atomlab.evidence.shards import open_shards
from atomlab.fleets.cluster import executor_on
from atomlab.fleets.document import fleet_document
from atomlab.fleets.parts import merged_rows, part_of, parts_in
from atomlab.fleets.survey import survey
from atomlab.fleets.totals import added
from benchmarks.made_fleet import write_fleet
from tests.conftest import ROOT
from tests.refusals import refused

PRICES = ROOT / "data" / "pricing" / "litellm-1.83.14-prices.json.gz"
SHARDS = 8


@pytest.fixture(scope="module")
def captured_fleet(tmp_path_factory):
    """Return a capture of 600 made tenants as a whole, and the files of one in shards."""
    folder = tmp_path_factory.mktemp("fleet")
    write_fleet(folder / "fleet.db", 600, 200)
    source, options = str(folder / "fleet.db"), {"pricing": PRICES}
    for shard in atomlab.capture(source, folder / "shards", shards=SHARDS, **options):
        shard.close()
    with atomlab.capture(source, folder / "whole.sqlite", **options) as whole:
        yield whole, sorted((folder / "shards").iterdir())


def started(workers):
    """Return a Dask cluster of so many worker processes, on ports of its own."""
    from distributed import LocalCluster

    return LocalCluster(
        n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=":0"
    )


@pytest.fixture(scope="module")
def cluster():
    """Return a Dask cluster of two worker processes, and one that is lost is started again."""
    with started(2) as made:
        yield made


@contextmanager
def opened(files):
    """Give the opened shards."""
    with ExitStack() as stack:
        yield [stack.enter_context(each) for each in open_shards(*files)]


def said(parts):
    """Return all that a fleet's document says, but for the names of its snapshots."""
    totals = added(part.totals for part in parts)
    document = fleet_document(parts, totals, list(merged_rows(parts)))
    del document["snapshots"]
    document["tenants"].sort(key=lambda tenant: (len(tenant["failing"]) < 4, tenant["id"]))
    return json.loads(json.dumps(document))


@pytest.fixture(scope="module")
def expected(captured_fleet):
    """Return what the whole snapshot says."""
    whole, _ = captured_fleet
    return said([part_of(survey(whole))])


def test_shards_add_up_to_the_whole(captured_fleet, expected):
    """Opened here, one after the other; and by any executor, here of threads."""
    _, files = captured_fleet
    with opened(files) as shards:
        assert said(parts_in(shards)) == expected
        with ThreadPoolExecutor(2) as executor:
            assert said(parts_in(shards, executor=executor)) == expected


def test_the_frame_of_shards_is_that_of_the_whole(captured_fleet):
    """From the folder, here or by an executor; from a file, or opened."""
    whole, files = captured_fleet
    expected = atomlab.fleet(whole)
    assert len(expected) > 10
    with ThreadPoolExecutor(2) as executor:
        for found in (
            atomlab.fleet(files[0].parent),
            atomlab.fleet(files[0].parent, executor=executor),
            atomlab.fleet(whole.path),
        ):
            pandas.testing.assert_frame_equal(found, expected)


def test_rows_are_as_many_as_asked_for(captured_fleet):
    """The first rows of all are among the first of each."""
    _, files = captured_fleet
    with ThreadPoolExecutor(2) as executor, opened(files) as shards:
        few, every = (parts_in(shards, executor=executor, most=most) for most in (3, None))
    assert all(len(part.rows) <= 3 for part in few)
    assert list(islice(merged_rows(few), 3)) == list(islice(merged_rows(every), 3))


@pytest.mark.slow
def test_a_cluster_of_two_processes_says_the_same(captured_fleet, expected, cluster):
    """Two workers decide the shards, and progress is told of each."""
    _, files = captured_fleet
    told = []
    with executor_on(cluster.scheduler_address) as executor, opened(files) as shards:
        parts = parts_in(shards, executor=executor, progress=lambda *done: told.append(done))
    assert said(parts) == expected
    assert told == [(n, SHARDS) for n in range(1, SHARDS + 1)]


@pytest.mark.slow
def test_a_worker_that_is_killed_half_way_loses_nothing(captured_fleet, expected, cluster):
    """What it had in hand is done again by another."""
    _, files = captured_fleet
    killed = []

    def kill(done, _):
        if done == 2:
            killed.append(next(iter(cluster.workers.values())).pid)
            os.kill(killed[0], signal.SIGKILL)

    with executor_on(cluster.scheduler_address) as executor, opened(files) as shards:
        parts = parts_in(shards, executor=executor, progress=kill)
    assert killed
    assert said(parts) == expected


@pytest.mark.slow
def test_a_damaged_shard_is_one_line_also_from_a_worker(captured_fleet, cluster, tmp_path):
    """A worker's error is the one that would be raised here."""
    _, files = captured_fleet
    damaged = tmp_path / "damaged.sqlite"
    damaged.write_bytes(files[0].read_bytes())
    with (
        executor_on(cluster.scheduler_address) as executor,
        atomlab.open_snapshot(damaged) as shard,
    ):
        damaged.write_bytes(files[0].read_bytes()[:-9])  # after it was opened here
        with pytest.raises(SnapshotError, match=r"damaged\.sqlite"):
            parts_in([shard], executor=executor)


@pytest.mark.slow
def test_a_scheduler_that_is_not_there_is_one_line(tmp_path):
    """Nobody listens, or it is no address: what to do is said."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for address in (f"tcp://127.0.0.1:{port}", "nonsense://x", "tcp://127.0.0.1:no"):
        with refused(InputError, "cannot be reached", "the Dask scheduler"), executor_on(address):
            pass


@pytest.mark.slow
def test_a_scheduler_that_goes_away_is_one_line(captured_fleet):
    """Half way, after the first shard: nothing hangs."""
    _, files = captured_fleet
    with started(1) as made:
        address = made.scheduler_address
        with (
            opened(files) as shards,
            refused(InputError, "went away"),
            executor_on(address) as executor,
        ):
            parts_in(shards, executor=executor, progress=lambda done, _: done == 1 and made.close())


@pytest.mark.slow
def test_a_scheduler_without_workers_is_one_line():
    """Nothing would ever be decided."""
    with started(0) as made:
        address = made.scheduler_address
        with refused(InputError, "has no worker"), executor_on(address):
            pass
