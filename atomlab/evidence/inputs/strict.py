"""Files that people write: models that refuse what they do not know, and say what is wrong."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from atomlab.errors import InputError
from atomlab.files import read_yaml
from atomlab.shown import Shown
from atomlab.text import did_you_mean, field_name

# What is asked for, by the kind of pydantic's errors, whose own words are about Python.
_MUST = {
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "dataclass_type": "must be a mapping",
    "dict_type": "must be a mapping",
    "literal_error": "must be {expected}",
    "missing": "is missing",
    "model_type": "must be a mapping of names and values",
    "string_pattern_mismatch": "must be of the form {pattern}",
    "string_too_short": "must not be empty",
    "string_type": "must be text; put it in quotes if it looks like something else",
    "too_long": "has too many entries, more than {max_length}",
    "too_short": "must not be empty",
    "tuple_type": "must be a list",
    "union_tag_invalid": "has no known kind",
    "union_tag_not_found": "has no known kind",
}


class Strict(Shown, BaseModel):
    """A part of such a file: unknown fields are refused, empty ones left out."""

    model_config = ConfigDict(frozen=True)
    __str__ = Shown.__repr__

    @model_validator(mode="before")
    @classmethod
    def _known_and_filled(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        fields = known_fields(cls)
        for name in given:
            if name not in fields:
                hint = f"{did_you_mean(str(name), fields)} known fields: {', '.join(fields)}"
                raise ValueError(f"unknown field {field_name(name)}", hint.strip())
        return {name: value for name, value in given.items() if value is not None}


M = TypeVar("M", bound=Strict)


def known_fields(model: type[Strict]) -> list[str]:
    """Return the names of the fields as a file has them."""
    return [field.alias or name for name, field in model.model_fields.items()]


def load_model(path: str | Path, model: type[M], what: str, kinds: Collection[str] = ()) -> M:
    """Return the model in a YAML file; an empty file has no field.

    Raises InputError naming the place for a file that cannot be read, an unknown field or one of
    `kinds` (with the known ones), or a value that does not fit.
    """
    document = read_yaml(Path(path))
    if not isinstance(document, dict | None):
        known = f"give a mapping of: {', '.join(known_fields(model))}"
        raise InputError(f"is not {what}", where=path, todo=known)
    try:
        return model.model_validate(document or {})
    except ValidationError as error:
        place, must, todo = complaint(error, kinds)
    if must == _MUST["missing"]:
        raise InputError(f"{place} {must}", where=path, todo="add it")
    raise InputError(f"{place}: {must}".removeprefix(": "), where=path, todo=todo)


def complaint(error: ValidationError, kinds: Collection[str] = ()) -> tuple[str, str, str]:
    """Return the place of the first mistake, what must be there, and what to do; no value."""
    first = error.errors(include_url=False, include_input=False)[0]
    parts = [part for part in first["loc"] if part not in kinds]
    named = (f"[{p}]" if isinstance(p, int) else f".{field_name(p)}" for p in parts)
    kind, context = first["type"], first.get("ctx", {})
    must, todo = _MUST.get(kind, first["msg"]).format_map(context), "correct it"
    if kind == "value_error":
        must, todo = (*context["error"].args, todo)[:2]
    if kind.startswith("union_tag"):
        todo = f"known kinds: {', '.join(kinds)}"
    return "".join(named).lstrip("."), must.replace("Input should be", "must be"), todo
