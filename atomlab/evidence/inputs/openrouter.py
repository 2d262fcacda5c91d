"""OpenRouter's list of models, wrapped or not, as entries of a pricing cache."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from atomlab.errors import InputError

# What only OpenRouter says of a model, and what its models come wrapped in.
_ITS_OWN = frozenset({"pricing", "context_length", "top_provider", "supported_parameters"})
_WRAPPERS = ("data", "models")


def models_of(document: Any) -> list[Any] | None:
    """Return the models of an OpenRouter list, of a map by their ids, or of one model alone.

    None if a document is neither. Without the wrapper `data` they are known by a model that says
    what only OpenRouter does.
    """
    models = document
    if isinstance(document, dict):
        if isinstance(document.get("pricing"), dict) and not _is_one(document):
            return None  # ATOM's own cache, whatever else it has
        if isinstance(document.get("data"), list):
            return list(document["data"])
        models = next((document[name] for name in _WRAPPERS if name in document), document)
    if isinstance(models, dict):
        models = [models] if _is_one(models) else _by_id(models)
    return models if isinstance(models, list) and any(map(_tells_a_model, models)) else None


def entries_of(models: list[Any], path: Path) -> dict[str, Any]:
    """Return LiteLLM-like entries by id; as in a dictionary, a later duplicate wins.

    Raises InputError, about the file `path`, if one has no id.
    """
    entries: dict[str, Any] = {}
    for position, model in enumerate(models, 1):
        if not isinstance(model, dict) or not isinstance(model.get("id"), str):
            raise InputError(
                f"entry {position} of the list has no id", where=path, todo="give it one"
            )
        pricing = model.get("pricing")
        prices = pricing if isinstance(pricing, dict) else {}
        top = model.get("top_provider")
        parameters = model.get("supported_parameters")
        entries[model["id"]] = {
            "litellm_provider": "openrouter",
            "input_cost_per_token": prices.get("prompt"),
            "output_cost_per_token": prices.get("completion"),
            "max_input_tokens": model.get("context_length"),
            "max_output_tokens": top.get("max_completion_tokens")
            if isinstance(top, dict)
            else None,
            "supports_tools": "tools" in parameters if isinstance(parameters, list) else None,
        }
    return entries


def _by_id(models: dict[str, Any]) -> list[Any]:
    """Return the models of a map if each stands under its own id, otherwise none."""
    known = all(_tells_a_model(model) and model["id"] == name for name, model in models.items())
    return [*models.values()] if known else []


def _is_one(model: dict[str, Any]) -> bool:
    """Return whether this is a model; ATOM's own cache has models, not prices, for `pricing`."""
    prices = model.get("pricing")
    return _tells_a_model(model) and isinstance(prices, dict) and "prompt" in prices


def _tells_a_model(model: Any) -> bool:
    return (
        isinstance(model, dict)
        and isinstance(model.get("id"), str)
        and not model.keys().isdisjoint(_ITS_OWN)
    )
