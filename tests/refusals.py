"""What every refusal of atomlab owes its reader: one printable line of what, where, what to do."""

from __future__ import annotations

import traceback
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from atomlab.errors import AtomlabError


def is_one_line(text: str) -> bool:
    """Return whether `text` has no control, bidi or line-breaking character."""
    return len(text.splitlines()) == 1 and not any(
        unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in text
    )


@contextmanager
def refused(
    kind: type[AtomlabError], what: str, where: object = None
) -> Iterator[pytest.ExceptionInfo[AtomlabError]]:
    """Expect exactly a `kind` that says `what`, names `where` if given, and says what to do."""
    with pytest.raises(kind) as caught:
        yield caught
    error, line = caught.value, str(caught.value)
    assert type(error) is kind
    assert is_one_line(line)
    assert what in line
    assert error.todo
    assert line.endswith(f"; {error.todo}")
    if where is not None:
        assert str(where) in line


def loaded(load: Callable[..., Any], *args: object) -> Any:
    """Return what `load` returns, None if it refuses properly; any other exception passes."""
    try:
        return load(*args)
    except AtomlabError as error:
        refusal = error
    assert is_one_line(str(refusal))
    assert refusal.todo
    return None


def said(error: BaseException | None) -> bytes:
    """Return all that an exception says, and those that it hides, whichever way one asks."""
    texts: list[str] = []
    chain = [] if error is None else [error]
    for one in chain:
        chain += [e for e in (one.__cause__, one.__context__) if e is not None and e not in chain]
        texts += traceback.TracebackException.from_exception(one).format()
        texts += [str(one), repr(one), repr(one.args), repr(vars(one))]
        if isinstance(one, psycopg.Error):
            texts += [str(getattr(one.diag, name)) for name in dir(one.diag) if name[0] != "_"]
    return "\n".join(texts).encode("utf-8", "backslashreplace")
