"""A report's kernel: booted early, private to its user, and surely gone at the end."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import zmq
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from jupyter_core.utils import run_sync

from atomlab.process import safe_path
from atomlab.report.files import scratch_folder

# The history is a database that all kernels of a user share; a report has no use for it.
ARGUMENTS = (
    "--HistoryManager.hist_file=:memory:",
    "--InteractiveShellApp.exec_PYTHONSTARTUP=False",
    "--InteractiveShellApp.ignore_cwd=True",  # `path_for` says where it may import from
    "--IPKernelApp.exec_lines=['__import__(\"atomlab.report.preloaded\");']",
)
# Python's own environment and the current folder have no say in what it imports.
_LAUNCH = "import sys; sys.path[:] = {!r}; from ipykernel.kernelapp import *; launch_new_instance()"
_LOG = "kernel.log"
# A socket's path may have 104 bytes on macOS, 108 on Linux.
_LONGEST_SOCKET = 100


@contextmanager
def running_kernel(
    folder: Path | None = None, *, forked: bool = False
) -> Iterator[AsyncKernelManager]:
    """Start a Python kernel that boots in the background, and kill it at the end.

    It is the Python that runs this process, reached over sockets in a folder that only this user
    can enter, without the user's own configuration of IPython. It runs, and may import, in
    `folder`; without one in an empty folder, and imports nothing but what is installed. `forked`
    makes it a fork of this process, with all that is loaded here, where there are such sockets.
    """
    with scratch_folder() as private:
        manager = _manager(private)
        log, place = private / _LOG, folder or private / "empty"
        if folder is None:
            place.mkdir()
        try:
            if forked and manager.transport == "ipc":
                from atomlab.report.forked import fork_kernel

                manager.provisioner = fork_kernel(
                    manager, [*ARGUMENTS], log, place, path_for(folder)
                )
            with log.open("ab") as stream:
                start = run_sync(manager.start_kernel)
                launch = ["-E", "-s", "-c", _LAUNCH.format(path_for(folder))]
                argv = [sys.executable, *launch, "-f", "{connection_file}"]
                manager.kernel_spec.argv = argv  # type: ignore[union-attr] # there is one
                environment = {**os.environ, "IPYTHONDIR": str(private)}
                start(
                    extra_arguments=[*ARGUMENTS],
                    cwd=str(place),
                    env=environment,
                    stdout=stream,
                    stderr=stream,
                )
            yield manager
        finally:
            manager.kill()


def path_for(folder: Path | None) -> list[str]:
    """Return the kernel's `sys.path`: a notebook's own folder stands where Jupyter puts it."""
    path = safe_path()
    if folder:
        places = [n for n, entry in enumerate(path) if entry.endswith("-packages")]
        path.insert(places[0] if places else 0, str(folder))
    return path


def last_words(kernel: AsyncKernelManager) -> str:
    """Return the last line that the kernel's process wrote on its own, empty if it wrote none."""
    log = Path(kernel.connection_file).with_name(_LOG)
    with suppress(OSError):
        lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
        return next((line for line in reversed(lines) if line.strip()), "")
    return ""


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
        if isinstance(self.provisioner, LocalProvisioner) and self.provisioner.process:
            _kill(self.provisioner.process)
        for client in self._clients:
            client.stop_channels()
        run_sync(self.cleanup_resources)()


def _kill(process: Any) -> None:
    """Kill the kernel's process, and what it has started that is still in its group."""
    with suppress(OSError):  # gone already
        if os.getpgid(process.pid) == process.pid:
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()


def _manager(folder: Path) -> _Manager:
    """Return the manager of a kernel whose connection file, and sockets, are in `folder`.

    Of ports, the kernel of another report could take one first, and anyone could listen. Where
    there is nothing else, what is sent is encrypted.
    """
    sockets = str(folder / "kernel")
    traits = {"transport_encryption": "auto" if zmq.has("curve") else "disabled"}
    if zmq.has("ipc") and len(os.fsencode(sockets)) + 2 <= _LONGEST_SOCKET:
        traits = {"transport": "ipc", "ip": sockets}
    return _Manager(
        kernel_name="python3",
        # With no folder to look in, it is the one that this Python's own ipykernel describes.
        kernel_spec_manager=KernelSpecManager(kernel_dirs=[]),
        connection_file=str(folder / "kernel.json"),
        **traits,
    )
