"""The places of the console, in the order of the tabs; each is loaded when it is first shown."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from artui.tui.page import Page


@dataclass(frozen=True, slots=True)
class PageEntry:
    """A place: the key that shows it, its title, and where its class is found (``file:class`` in this folder)."""

    key: str
    title: str
    where: str

    @property
    def binding(self) -> str:
        """Its key as Textual names it."""
        return "dollar_sign" if self.key == "$" else self.key

    @property
    def id(self) -> str:
        """The widget's id."""
        return self.title.lower()

    def place(self) -> Page:
        """A new widget of this place."""
        file, _, name = self.where.partition(":")
        place: type[Page] = getattr(import_module(f"artui.tui.{file}"), name)
        return place(id=self.id)


JOBS = PageEntry("1", "Jobs", "jobs:Jobs")
SUBMIT = PageEntry("2", "Submit", "submit:Submit")
ACCOUNTS = PageEntry("5", "Accounts", "accounts:Accounts")
PLACES = (
    JOBS,
    SUBMIT,
    PageEntry("3", "Workflows", "workflows:Workflows"),
    PageEntry("4", "Watch", "watches:Watches"),
    ACCOUNTS,
    PageEntry("$", "Money", "money:MoneyPage"),
)
"""A new screen is one line here."""
