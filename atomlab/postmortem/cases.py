"""Cases: the findings documents that a postmortem is made of, read and checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from atomlab.errors import InputError
from atomlab.files import parse_json, read_bytes
from atomlab.postmortem.schema import Diagnosed, Findings, Tenant
from atomlab.text import storable


@dataclass(frozen=True)
class Case:
    """Findings, the file that they stand in (its name and hash), and what follows from them."""

    file: str
    sha256: str
    found: Findings

    @property
    def asked(self) -> int:
        """The place of the request that was asked about, among those that were diagnosed.

        Where none of them was, that of the first that fails, else the first.
        """
        diagnosed = self.found.diagnosis.diagnoses
        asked = [d.request.kind == self.found.request.kind for d in diagnosed]
        failing = [d.fails for d in diagnosed]
        return next((wanted.index(True) for wanted in (asked, failing) if any(wanted)), 0)

    @property
    def failing(self) -> list[Diagnosed]:
        """The diagnosed requests that find no model."""
        return [d for d in self.found.diagnosis.diagnoses if d.fails]

    @property
    def tenant(self) -> Tenant:
        """The tenant that was investigated."""
        return self.found.diagnosis.tenant


def load_cases(paths: Sequence[str | Path]) -> list[Case]:
    """Return the findings in these JSON files, in the order in which they were captured.

    Raises InputError for a file that cannot be read or is no findings document.
    """
    files = list(dict.fromkeys(map(Path, paths)))
    cases = [_load(path, name) for path, name in zip(files, _names(files), strict=True)]
    return sorted(cases, key=lambda case: case.found.diagnosis.snapshot.captured_at)


def _load(path: Path, name: str) -> Case:
    content = read_bytes(path)
    document = parse_json(content, path)
    try:
        found = Findings.model_validate(_storable(document))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        if first["loc"] == ("diagnosis", "tenant") and first["input"] is None:
            raise InputError(
                "is about all tenants",
                where=path,
                todo="give the findings of one tenant (atomlab report --tenant)",
            ) from None
        place = ".".join(map(str, first["loc"])) or "the file"
        raise InputError(
            f"is no findings document ({place}: {first['msg']})",
            where=path,
            todo="give a findings.json that atomlab report left",
        ) from None
    return Case(name, sha256(content).hexdigest(), found)


def _storable(value: Any) -> Any:
    """Return the JSON value without lone surrogates, which pydantic takes for no text."""
    if isinstance(value, dict):
        return {storable(key): _storable(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_storable(each) for each in value]
    return storable(value) if isinstance(value, str) else value


def _names(paths: Sequence[Path]) -> list[str]:
    """Return a name for each file, all different: its own, or its folder's and its own."""
    names = [path.name for path in paths]
    if len(set(names)) < len(names):
        names = [f"{path.parent.name}/{path.name}" for path in paths]
    return [
        name if names.count(name) == 1 else f"{name} ({place})"
        for place, name in enumerate(names, 1)
    ]
