"""The command, from its first moment on: a signal while it still loads is one line, too."""

import sys

MORE = "make more room, or ask for less"


def run() -> None:
    """Run the command line; where memory does not suffice, too, the error is one line."""
    try:
        from atomlab.process import start  # in here: a signal may come while it is read

        start()
        from atomlab.cli import main

        main()
    except KeyboardInterrupt:  # what `main` catches itself does not come here
        from atomlab.process import INTERRUPTED

        _end("interrupted", INTERRUPTED)
    except MemoryError as error:
        _end(f"not enough memory; {error.args[0] if error.args else MORE}", 1)
    except (ImportError, OSError):
        from atomlab.process import memory_limit

        if memory_limit() is None:
            raise
        _end(f"not enough memory; the limit is {memory_limit()} MB; allow more (ulimit -v)", 1)


def _end(line: str, code: int) -> None:
    sys.stderr.write(f"atomlab: {line}\n")
    raise SystemExit(code) from None


if __name__ == "__main__":
    run()
