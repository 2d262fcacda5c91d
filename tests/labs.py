"""`atomlab lab` as a process of its own, at a terminal, as a person starts and ends it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT

ATOMLAB = [sys.executable, "-c", "from atomlab.cli import main; main()"]
_ADDRESS = re.compile(
    r"JupyterLab is at (?P<origin>http://\S+?)/lab/tree/(?P<start>\S+)\?token=(?P<token>\w+)"
)


@dataclass(frozen=True)
class Lab:
    """A running lab: its process, what it printed, its server, and the folder of the copies.

    `address` is the one that it printed.
    """

    process: subprocess.Popen[str]
    told: str
    origin: str
    token: str
    folder: Path
    address: str


@contextmanager
def running_lab(where: Path, *arguments: object) -> Iterator[Lab]:
    """Run `atomlab lab` in the folder `where`, with Jupyter's own files there; end it by Ctrl-C.

    Its standard input is a terminal; its errors go to `where / "stderr"`.
    """
    jupyter = {f"JUPYTER_{name}_DIR": str(where / ".jupyter") for name in ("CONFIG", "DATA")}
    jupyter["JUPYTER_RUNTIME_DIR"] = str(where / ".jupyter" / "runtime")
    jupyter["TMPDIR"] = str(where / "tmp")
    (where / "tmp").mkdir(exist_ok=True)
    jupyter |= {"IPYTHONDIR": str(where / ".ipython"), "HOME": str(where / "home")}
    terminal, its_end = os.openpty()
    with (where / "stderr").open("w") as errors:
        process = subprocess.Popen(
            [*ATOMLAB, "lab", "--no-browser", *map(str, arguments)],
            cwd=where,
            env={**os.environ, **jupyter, "PYTHONPATH": str(ROOT)},
            stdin=its_end,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    try:
        yield _started(process, where)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.communicate(timeout=30)
        finally:
            process.kill()
            process.communicate()
            os.close(its_end)
            os.close(terminal)


def _started(process: subprocess.Popen[str], where: Path) -> Lab:
    guard = threading.Timer(60, process.kill)
    guard.start()
    told = ""
    for line in process.stdout or ():
        told += line
        if found := _ADDRESS.search(line):
            guard.cancel()
            folder = where / told.partition(":")[0]
            return Lab(process, told, found["origin"], found["token"], folder, found[0].split()[-1])
    guard.cancel()
    raise AssertionError(f"no lab: {told}{(where / 'stderr').read_text()}")
