"""Looking at hostile files in a process of its own: bounded in memory, each for some seconds."""

from __future__ import annotations

import multiprocessing
import resource
import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

CONTEXT = multiprocessing.get_context("forkserver")
LIMIT_S = 30  # for each; it takes a fraction of a second
MEMORY_BYTES = 2 << 30


def apart(look: Callable[[Any], object], cases: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
    """Yield each case with what `look` returns for it.

    The test fails at the first case that ends in an exception, kills the process, or does not end.
    """
    receiver, sender = CONTEXT.Pipe(duplex=False)
    process = CONTEXT.Process(target=_look_at_all, args=(sender, look, cases))
    process.start()
    sender.close()
    try:
        for case in cases:
            assert receiver.poll(LIMIT_S), f"{case!r} does not end"
            try:
                outcome, fault = receiver.recv()
            except EOFError:
                pytest.fail(f"{case!r} killed the interpreter")
            assert not fault, f"{case!r}: {fault}"
            yield case, outcome
    finally:
        process.kill()
        process.join()
        receiver.close()


def _look_at_all(sender: Any, look: Callable[[Any], object], cases: Sequence[Any]) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    for case in cases:
        try:
            sender.send((look(case), ""))
        except BaseException:
            sender.send((None, traceback.format_exc()[-3000:]))
