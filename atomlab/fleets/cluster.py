"""A Dask cluster as an executor: it schedules, retries and moves the work (extra `fleet`)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from concurrent.futures import CancelledError, Executor, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from atomlab.errors import InputError

_CONNECT_S = 10
_START = "start it (dask scheduler), give its address as it prints it (tcp://HOST:PORT), or none"


@contextmanager
def executor_on(address: str) -> Iterator[Executor]:
    """Give the executor of the Dask scheduler at an address, `tcp://HOST:PORT`.

    What a lost worker had in hand is done again by another. Raises InputError if the scheduler is
    not there, has no worker, or goes away.
    """
    try:
        from distributed import Client, KilledWorker
        from distributed.comm.core import CommClosedError
    except ImportError:
        raise InputError(
            "a cluster needs the package distributed", todo='pip install "atomlab[fleet]"'
        ) from None
    try:
        with ThreadPoolExecutor(1) as pool:  # a notebook's own thread has a loop already
            pool.submit(lambda: asyncio.run(_knock(address))).result()
        client: Any = Client(address, timeout=_CONNECT_S, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, TimeoutError, ValueError, TypeError) as error:
        raise _refused(f"cannot be reached ({type(error).__name__})", _START) from None
    with _quiet(), client:
        if not client.scheduler_info()["workers"]:
            raise _refused("has no worker", "start some: dask worker ADDRESS")
        try:
            yield client.get_executor(pure=False)
        except KilledWorker:
            todo = "look at the workers' logs and memory, or capture in more shards"
            raise _refused("lost every worker that tried a shard", todo) from None
        except (CommClosedError, CancelledError, OSError, TimeoutError):
            raise _refused("went away; nothing was written", _START) from None


async def _knock(address: str) -> None:
    """Raise an error unless a scheduler answers; a client that fails to start would not end."""
    from distributed.comm.core import connect

    comm = await connect(address, timeout=_CONNECT_S)  # type: ignore[no-untyped-call]
    await comm.close()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the package's own log off the terminal: what matters is in the error."""
    logger = logging.getLogger("distributed")
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before


def _refused(what: str, todo: str) -> InputError:
    return InputError(what, where="the Dask scheduler", todo=todo)
