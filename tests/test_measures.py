"""The package stays small and plain, as far as that can be counted; ruff checks complexity."""

from __future__ import annotations

import ast
from collections import Counter

from tests.conftest import ROOT

MODULES = {path: ast.parse(path.read_text()) for path in sorted((ROOT / "atomlab").rglob("*.py"))}


def test_no_module_is_longer_than_400_lines():
    """What is longer holds more than one subject."""
    assert not [path for path in MODULES if len(path.read_text().splitlines()) > 400]


def test_no_function_is_longer_than_50_lines():
    """Docstring and signature included."""
    functions = (
        (path.name, node.name, node.end_lineno - node.lineno + 1)
        for path, tree in MODULES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
    )
    assert not [function for function in functions if function[2] > 50]


def test_no_two_classes_have_one_name():
    """A name means one thing in the whole package."""
    names = Counter(
        node.name
        for tree in MODULES.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    )
    assert not {name: number for name, number in names.items() if number > 1}
