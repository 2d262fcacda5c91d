"""A command at a terminal of 80 columns and 24 rows, with both of its streams on it."""

from __future__ import annotations

import fcntl
import os
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping
from contextlib import suppress

from rich.cells import chop_cells

from tests.conftest import ROOT

COLUMNS, ROWS = 80, 24
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def on_screen(*arguments: object, env: Mapping[str, str] | None = None) -> tuple[int, list[str]]:
    """Return the exit code, and the lines as the terminal holds them, folded where it folds."""
    code, output = at_terminal(*arguments, env=env)
    lines = _ESCAPES.sub("", output).replace("\r\n", "\n").removesuffix("\n").split("\n")
    last = [line.rpartition("\r")[2] for line in lines]  # a bar is drawn over itself
    return code, [row for line in last for row in chop_cells(line, COLUMNS) or [""]]


def at_terminal(*arguments: object, env: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Return the exit code, and all that the terminal was sent."""
    terminal, its_end = os.openpty()
    fcntl.ioctl(its_end, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    plain = {name: text for name, text in os.environ.items() if name not in ("COLUMNS", "LINES")}
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "atomlab", *map(str, arguments)],
        env={**plain, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", **(env or {})},
        stdin=its_end,
        stdout=its_end,
        stderr=its_end,
    )
    os.close(its_end)
    output = b""
    with suppress(OSError):  # the process has closed its end
        while read := os.read(terminal, 65_536):
            output += read
    os.close(terminal)
    return process.wait(timeout=60), output.decode()
