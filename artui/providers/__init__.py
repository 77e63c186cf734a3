"""Finds the services in this folder: every module here but the shared ones is a provider."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from artui.providers.base import Provider

SHARED = frozenset({"base", "http"})


def names() -> list[str]:
    """The names of all providers, sorted; nothing is imported."""
    return sorted(module.name for module in iter_modules(__path__) if module.name not in SHARED)


def load(name: str) -> type[Provider[Any]]:
    """The provider class of the module ``name``; KeyError where there is none."""
    if name not in names():
        raise KeyError(name)
    module = import_module(f"{__name__}.{name}")
    found: type[Provider[Any]] = module.PROVIDER
    return found
