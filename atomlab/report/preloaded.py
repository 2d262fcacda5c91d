"""What a notebook's first cell would otherwise wait for; importing this module loads it."""

from __future__ import annotations

import gc
import os
from contextlib import chdir
from importlib import import_module
from pathlib import Path

# The user's environment and current folder do not decide how figures are drawn.
os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
os.environ["MATPLOTLIBRC"] = os.devnull
gc.disable()  # what imports make is no garbage; searching it takes a fifth of their time
with chdir(Path(__file__).parent):
    for _name in ("diagnosis.investigation", "show.case_tables", "show.figures"):
        import_module(f"atomlab.{_name}")
gc.freeze()
gc.enable()
