"""A kernel that boots while this process is still loading what drives it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import zmq
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import run_sync

# Loaded by the kernel as it boots, so that the notebook's first cell need not wait for them.
# Only loaded: no name of them reaches the notebook.
_LOADED = ("atomlab.diagnosis.investigation", "atomlab.report.tables", "atomlab.report.figures")


class _Manager(AsyncKernelManager):
    """A manager that closes its clients' sockets too: nbclient leaves those of a given manager."""

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self._clients: list[Any] = []

    def client(self, **traits: Any) -> Any:
        self._clients.append(super().client(**traits))
        return self._clients[-1]

    def kill(self) -> None:
        """Kill the kernel and close every socket to it."""
        for client in self._clients:
            client.stop_channels()
        run_sync(self.shutdown_kernel)(now=True)


@contextmanager
def running_kernel() -> Iterator[AsyncKernelManager]:
    """Start a Python kernel, with an encrypted connection where ZeroMQ can, and kill it at the end.

    The kernel is the Python that runs this process, and boots in the background.
    """
    manager = _Manager(
        kernel_name="python3",
        transport_encryption="auto" if zmq.has("curve") else "disabled",
    )
    loading = f"[__import__(name) for name in {_LOADED!r}]"
    run_sync(manager.start_kernel)(extra_arguments=[f"--IPKernelApp.exec_lines={loading}"])
    try:
        yield manager
    finally:
        manager.kill()
