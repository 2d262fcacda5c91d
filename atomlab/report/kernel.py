"""A report's kernel: started early, private to its user, and certain to end."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import run_sync

from atomlab.process import safe_path
from atomlab.report.scratch import scratch_folder

# The history is a database that all kernels of a user share; a report has no use for it.
_ARGUMENTS = (
    "--HistoryManager.hist_file=:memory:",
    "--InteractiveShellApp.exec_PYTHONSTARTUP=False",
    "--InteractiveShellApp.ignore_cwd=True",  # `_path_for` decides where it may import from
    "--IPKernelApp.exec_lines=['__import__(\"atomlab.report.preloaded\");']",
)
# Python's own environment and the current folder do not decide what it imports.
_LAUNCH = "import sys; sys.path[:] = {!r}; from ipykernel.kernelapp import *; launch_new_instance()"
_LOG = "kernel.log"


@contextmanager
def running_kernel(folder: Path | None = None) -> Iterator[AsyncKernelManager]:
    """Start a Python kernel that boots in the background, and kill it at the end.

    It is the Python of this process, reached over sockets in a folder that only this user can
    enter, without the user's own configuration of IPython. It runs in `folder` and may import from
    it, as in JupyterLab, but leaves no compiled modules there; without one it runs in an empty
    folder, and imports only what is installed.
    """
    with scratch_folder() as private:
        place = folder or private / "empty"
        if folder is None:
            place.mkdir()
        manager = _Manager(
            kernel_name="python3",
            # With no folder to look in, it is the one that this Python's own ipykernel describes.
            kernel_spec_manager=KernelSpecManager(kernel_dirs=[]),
            connection_file=str(private / "kernel.json"),
            # Another kernel could take a port first, and anyone on this machine could connect.
            transport="ipc",
            ip=str(private / "kernel"),
        )
        try:
            argv = [
                "-E",
                "-s",
                *(["-B"] if folder else []),
                "-c",
                _LAUNCH.format(_path_for(folder)),
                "-f",
                "{connection_file}",
            ]
            manager.kernel_spec.argv = [sys.executable, *argv]  # type: ignore[union-attr] # is set
            with (private / _LOG).open("ab") as log:
                run_sync(manager.start_kernel)(
                    extra_arguments=[*_ARGUMENTS],
                    cwd=str(place),
                    env={**os.environ, "IPYTHONDIR": str(private)},
                    stdout=log,
                    stderr=log,
                )
            yield manager
        finally:
            manager.kill()


def last_words(kernel: AsyncKernelManager) -> str:
    """Return the last line that the kernel's process wrote itself, empty if it wrote none."""
    log = Path(kernel.connection_file).with_name(_LOG)
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return next((line for line in reversed(lines) if line.strip()), "")


def _path_for(folder: Path | None) -> list[str]:
    """Return the kernel's `sys.path`: a notebook's own folder goes where Jupyter puts it."""
    path = safe_path()
    if folder:
        places = [n for n, entry in enumerate(path) if entry.endswith("-packages")]
        path.insert(places[0] if places else 0, str(folder))
    return path


class _Manager(AsyncKernelManager):
    """A manager that closes its clients' sockets too: nbclient leaves those of a given manager."""

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self._clients: list[Any] = []

    def client(self, **traits: Any) -> Any:
        self._clients.append(super().client(**traits))
        return self._clients[-1]

    def kill(self) -> None:
        """Kill the kernel and what it has started, and close every socket to it."""
        process = getattr(self.provisioner, "process", None)
        if process and process.pid:
            with suppress(OSError):  # gone already
                if os.getpgid(process.pid) == process.pid:
                    os.killpg(process.pid, signal.SIGKILL)
            process.kill()
            process.wait()
        for client in self._clients:
            client.stop_channels()
        run_sync(self.cleanup_resources)()
