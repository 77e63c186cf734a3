"""The keys of the console as a page lists them."""

from __future__ import annotations

from importlib import import_module

from textual.binding import Binding

from artui.tui.pages import PLACES
from artui.tui.shell import KEY_NAMES

Keys = list[tuple[str, str]]
"""Keys and what each does."""


def of_pages() -> list[tuple[str, Keys]]:
    """Those of each page, by its title."""
    found = [(f"{one.key} {one.title}", *one.where.split(":")) for one in PLACES]
    return [(title, of(getattr(import_module(f"artui.tui.{file}"), name))) for title, file, name in found]


def of(place: type) -> Keys:
    """Those of an app, a screen or a widget that say what they do."""
    bound = [one for one in vars(place).get("BINDINGS", ()) if isinstance(one, Binding)]
    said = [(one.key.split(","), one.tooltip or one.description) for one in bound]
    return [(" ".join(KEY_NAMES.get(key, key) for key in keys), what) for keys, what in said if what]
