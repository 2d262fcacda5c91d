"""`help(atomlab)`: the verbs first, each with the shape of its call, then every other name."""

from __future__ import annotations

import inspect
import pydoc
import re

import pytest

import atomlab

VERBS = re.findall(r"^    (\w+)\(([^)]*)\)  +(.+)$", atomlab.__doc__ or "", re.M)


def test_the_verbs_stand_first():
    """Before any other name; there are about a dozen, each on one line."""
    assert 10 <= len(VERBS) <= 12
    text = pydoc.plain(pydoc.render_doc(atomlab))
    places = [text.index(f"{name}({call})") for name, call, _ in VERBS]
    assert places == sorted(places)
    assert places[-1] < min(text.index(name) for name in ("BYOKManager", "load_pricing", "PACKAGE"))


@pytest.mark.parametrize(("name", "call", "does"), VERBS, ids=[verb[0] for verb in VERBS])
def test_a_verb_is_called_as_it_says(name, call, does):
    """Its arguments are those that it needs, in their order; one sentence says what comes back."""
    function = getattr(atomlab, name)
    parameters = inspect.signature(function).parameters.values()
    given = call.split(", ")
    needed = [p.name for p in parameters if p.default is p.empty]
    assert [p.replace("evidence", "snapshot") for p in needed] == given[: len(needed)]
    assert len(given) <= sum(p.kind is p.POSITIONAL_OR_KEYWORD for p in parameters)
    first, *rest = (inspect.getdoc(function) or "").split("\n")
    assert re.fullmatch(r"(Return|Write) [^\n]{20,90}\.", first)
    assert not rest or rest[0] == ""
    assert len(does) < 45


def test_every_public_name_is_listed():
    """A name that is exported is in the docstring, once."""
    words = re.findall(r"\w+", re.sub(r"\(.*?\)", "", "\n".join(listing())))
    assert {name: words.count(name) for name in atomlab.__all__} == dict.fromkeys(
        atomlab.__all__, 1
    )


def listing():
    """Yield the names' lines of the docstring, without what verbs do."""
    for line in (atomlab.__doc__ or "").splitlines():
        if line.startswith("    "):
            yield line.partition("(")[0] if re.match(r"    \w+\(", line) else line[16:]
