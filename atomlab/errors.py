"""What atomlab raises when it could not look; a bad finding is a verdict, not an exception.

AtomlabError              one line: what, where, what to do
├── SnapshotError         a snapshot is missing, damaged, foreign or newer than this atomlab
├── SourceError           a database to capture from cannot be read as ATOM's
├── InputError            a file or parameter given by the user is not what it should be
├── TenantError           no tenant, or more than one, goes by that name
└── ReportError           a notebook failed, ran out of time, or could not be written

NoModelsAvailableError    the platform's own error, a ValueError: a finding, not a failure
"""

from __future__ import annotations

from typing import Any

from atomlab.text import printable, without_password

NO_MODELS = "No models available from dynamic pricing"
NO_CLIENT = "No LLM providers available"  # how the public edition begins it


class AtomlabError(Exception):
    """atomlab could not look: `what` happened, `where`, and what `todo` about it.

    `str(error)` is one printable line of the three parts, whatever they contain; a URL's password
    is left out of it.
    """

    def __init__(self, what: str, *, where: object = None, todo: str = "") -> None:
        self.what, self.where, self.todo = what, where, todo
        line = printable(without_password(what), 400)
        if where is not None:
            line = f"{printable(without_password(str(where)), 300)}: {line}"
        super().__init__(f"{line}; {printable(todo, 400)}" if todo else line)

    def __reduce__(self) -> tuple[Any, ...]:
        """Let it pass from one process to another as it is, whatever its class was made with."""
        return _again, (type(self), self.args, vars(self))


def _again(kind: type[AtomlabError], args: tuple[str, ...], known: dict[str, Any]) -> AtomlabError:
    error = kind.__new__(kind, *args)
    vars(error).update(known)
    return error


class SnapshotError(AtomlabError):
    """A snapshot is missing, damaged, foreign, or newer than this atomlab."""


class SourceError(AtomlabError):
    """A database to capture from cannot be read, or is not in ATOM's schema."""


class InputError(AtomlabError):
    """A file or parameter that the user gave is not what it should be."""


class TenantError(AtomlabError):
    """No tenant goes by the given id, subdomain or name, or more than one does (`matches`)."""

    def __init__(self, what: str, *, todo: str, matches: tuple[str, ...] = ()) -> None:
        super().__init__(what, todo=todo)
        self.matches = matches


class ReportError(AtomlabError):
    """A notebook failed, ran out of time, or its report could not be written."""


class Ended(KeyboardInterrupt):
    """The process was asked to end (SIGTERM); what has run so far is kept."""


class NoModelsAvailableError(ValueError):
    """The platform's error, word for word; its notes fold the reasons (source: docs/platform.md).

    An edition with a fallback raises another `message` where there is no client (docs/platform.md).
    """

    def __init__(self, *notes: str, message: str = NO_MODELS) -> None:
        super().__init__(message)
        for note in notes:
            self.add_note(note)
