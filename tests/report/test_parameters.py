"""Parameters: checked against the notebook's own cell before anything runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from atomlab.errors import InputError
from atomlab.report.notebooks import Parameter, check_parameters, declared_parameters
from tests.refusals import refused

WHERE = Path("small.ipynb")
LINES = """from typing import Literal

tenant: str = "brennan # not a comment"  # a tenant
limit: int = 3  # a number
share: float = -0.5  # a part
deep: bool = False  # whether to look deep
mode: Literal["", "simple", "advanced"] = ""  # the kind; empty: all
"""


def declare(source):
    """Return what a notebook declares whose parameters cell holds `source`."""
    return declared_parameters([source], WHERE)


def test_a_line_declares_name_type_default_choices_and_help():
    """Each line of the cell is read as Python reads it, and its comment is the help."""
    assert list(declare(LINES).values()) == [
        Parameter("tenant", "str", "brennan # not a comment", "a tenant"),
        Parameter("limit", "int", 3, "a number"),
        Parameter("share", "float", -0.5, "a part"),
        Parameter("deep", "bool", False, "whether to look deep"),
        Parameter("mode", "str", "", "the kind; empty: all", ("", "simple", "advanced")),
    ]


@pytest.mark.parametrize(
    "line",
    [
        "tenant = 'x'  # help",
        "tenant: str = 'x'",
        "tenant: str = 'x'  #",
        "tenant: str  # help",
        "tenant: list = []  # help",
        "tenant: str = 3  # help",
        "limit: int = True  # help",
        "share: float = 1  # help",
        "mode: Literal[1, 2] = 1  # help",
        "tenant: str = open('x')  # help",
        "tenant: str = 'x'; other: str = 'y'  # help",
        "tenant.name: str = 'x'  # help",
        "mode: Literal['a', 1] = 'a'  # help",
        "mode: Literal['a', 'b'] = 'c'  # help",
        "mode: Literal[open] = 'c'  # help",
        "mode: typing.Literal['a'] = 'a'  # help",
        "import os",
        "x: int = " + "(" * 500 + "1" + ")" * 500 + "  # help",
        "x: str = 'unfinished  # help",
    ],
)
def test_a_line_of_another_form_is_refused(line):
    """Nothing of the cell is run, and whatever is not a declaration is an error that says how."""
    with refused(InputError, "a parameter line of another form", WHERE) as caught:
        declare(line)
    assert caught.value.todo == "write name: type = default  # help"


@pytest.mark.parametrize("number", [0, 2])
def test_a_notebook_has_exactly_one_parameters_cell(number):
    """None, or several, is an error that says so."""
    with refused(InputError, f"has {number} cells tagged parameters", WHERE):
        declared_parameters(["a: int = 1  # x"] * number, WHERE)


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ({"tenant": "0042"}, "0042"),
        ({"tenant": "1e3"}, "1e3"),
        ({"tenant": "None"}, "None"),
        ({"tenant": "{{7*7}}\n"}, "{{7*7}}\n"),
        ({"limit": "7"}, 7),
        ({"limit": 7}, 7),
        ({"share": "0.25"}, 0.25),
        ({"share": 2}, 2.0),
        ({"deep": "True"}, True),
        ({"deep": "false"}, False),
        ({"mode": "advanced"}, "advanced"),
        ({"mode": ""}, ""),
    ],
)
def test_text_is_converted_to_the_declared_type_and_only_there(given, value):
    """`-p limit=7` is a number because the notebook says so; `0042` for a str stays text."""
    (found,) = check_parameters(given, declare(LINES), WHERE).values()
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"tennant": "x"}, "no parameter 'tennant'; did you mean tenant?"),
        ({"colour": "x"}, "no parameter 'colour'; it declares tenant, limit"),
        ({"limit": "banana"}, "limit is int, not 'banana'; give a value like 3"),
        ({"limit": 3.5}, "limit is int, not 3.5"),
        ({"limit": True}, "limit is int, not True"),
        ({"limit": "9" * 5000}, "limit is int"),
        ({"share": 10**400}, "share is float"),
        ({"deep": "perhaps"}, "deep is bool, not 'perhaps'"),
        ({"tenant": 42}, "tenant is str, not 42"),
        ({"tenant": None}, "tenant is str, not None"),
        ({"mode": "advnced"}, "mode cannot be 'advnced'; did you mean advanced?"),
        ({"mode": "none"}, "it is one of '', 'simple', 'advanced'"),
        ({"limit": "\x1b[31m\u202e" + "x" * 1_000_000}, "limit is int, not"),
    ],
)
def test_what_does_not_fit_is_one_clear_line(given, message):
    """Name, type and choices are checked; near misses are suggested; whatever was given."""
    with refused(InputError, message, WHERE) as caught:
        check_parameters(given, declare(LINES), WHERE)
    assert re.search(r"it declares|give a value like|it is one of|did you mean", str(caught.value))
    assert len(str(caught.value)) < 1200


def test_a_cell_without_parameters_declares_none():
    """An empty cell is fine, and any name is then unknown."""
    with refused(InputError, "it declares none", WHERE):
        check_parameters({"x": 1}, declare(""), WHERE)
