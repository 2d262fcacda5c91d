"""A kernel that is forked from this process rather than launched: it boots in milliseconds."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from multiprocessing.context import ForkProcess
from pathlib import Path
from typing import Any

from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning.local_provisioner import LocalProvisioner


def fork_kernel(
    manager: AsyncKernelManager,
    arguments: Sequence[str],
    log: Path,
    folder: Path,
    path: Sequence[str],
) -> LocalProvisioner:
    """Fork the manager's kernel, with these arguments; return what looks after it.

    It runs in `folder` and imports from `path`. What its process writes on its own goes to `log`.
    Nothing here may have started a thread yet.
    """
    manager.write_connection_file()
    kernel = _Kernel(manager.connection_file, arguments, log, folder, path)
    kernel.start()
    provisioner = _Forked(kernel_id="forked", kernel_spec=manager.kernel_spec, parent=manager)
    provisioner.process = kernel
    return provisioner


class _Forked(LocalProvisioner):
    """Looks after a kernel that runs already."""

    process: Any

    async def launch_kernel(self, cmd: list[str], **_: Any) -> Any:  # noqa: ARG002
        return self.connection_info


class _Kernel(ForkProcess):
    """The kernel's process, with what a provisioner asks of a Popen."""

    stdin = stdout = stderr = None

    def __init__(
        self,
        connection_file: str,
        arguments: Sequence[str],
        log: Path,
        folder: Path,
        path: Sequence[str],
    ) -> None:
        super().__init__()
        parent = f"--IPKernelApp.parent_handle={os.getpid()}"  # it ends when that does
        self._arguments, self._log = ["-f", connection_file, parent, *arguments], log
        self._folder, self._path = folder, path

    def run(self) -> None:
        """Be the kernel, until killed."""
        from ipykernel.kernelapp import IPKernelApp

        os.setpgid(0, 0)  # what it starts ends with it
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        with self._log.open("ab") as stream:
            for number in (1, 2):
                os.dup2(stream.fileno(), number)
        os.environ["IPYTHONDIR"] = str(self._log.parent)
        os.chdir(self._folder)
        sys.path[:] = self._path
        IPKernelApp.launch_instance(self._arguments)

    def poll(self) -> int | None:
        """Return the exit code, None while it runs."""
        return self.exitcode

    def wait(self) -> int | None:
        """Wait for its end; return the exit code."""
        self.join()
        return self.exitcode

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it still runs."""
        if self.ident and self.poll() is None:
            os.kill(self.ident, number)
