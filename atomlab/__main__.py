"""The command, from its first moment on: Ctrl-C while it still loads is one line, too."""

from __future__ import annotations

import sys


def run() -> None:
    """Run the command line."""
    try:
        from atomlab.cli import main

        main()
    except KeyboardInterrupt:  # what `main` catches itself does not come here
        sys.stderr.write("atomlab: interrupted\n")
        raise SystemExit(130) from None


if __name__ == "__main__":
    run()
