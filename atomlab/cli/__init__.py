"""The command line: one file per command, which parses, calls and prints, and nothing else.

May import every layer, each command only when it is called.
"""

from atomlab.cli.app import app, main

__all__ = ["app", "main"]
