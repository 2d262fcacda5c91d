"""What a notebook's first cell would otherwise wait for; importing this module loads it."""

from __future__ import annotations

import gc
import os
from importlib import import_module

# Where figures are drawn is not for the user's environment to say.
os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
gc.disable()  # what imports make is no garbage; looking through it takes a fifth of their time
for _name in ("diagnosis.investigation", "report.tables", "report.figures"):
    import_module(f"atomlab.{_name}")
gc.freeze()
gc.enable()
