"""What a service offers, and to whom: workflows at a price, who pays, what is left. Pure data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Self

MOST_EXPENSIVE = 10**9
"""What no price is above."""


@dataclass(frozen=True, slots=True)
class Balance:
    """What is ``left`` of an account's credits; None where that is not known, and ``unknown`` says why, in half a
    sentence, or nothing where the service counts nothing. ``at`` is when it was asked, in epoch seconds."""

    left: int | None
    unknown: str = ""
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Component:
    """One processing step of a workflow."""

    type: str
    label: str
    settings: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Workflow:
    """A recipe. ``price`` is per photo in the service's unit, None where it is not known.

    ``parameters`` is the exact recipe as canonical JSON where it is kept here and not at the service; ``version`` is
    then the hex SHA-256 of that recipe as it is written in the settings.
    ``key`` is what it is called in the settings, empty where it stands at the service.
    """

    id: str
    version: str
    name: str
    price: int | None
    components: tuple[Component, ...] = ()
    changed_at: str = ""
    author: str = ""
    parameters: str = ""
    key: str = ""

    def document(self) -> str:
        """The workflow as JSON, as the journal's cache has it."""
        return json.dumps(asdict(self))

    @classmethod
    def from_document(cls, text: str) -> Self:
        """A workflow out of the journal's cache."""
        values = json.loads(text)
        if isinstance(values["price"], int) and not 0 <= values["price"] <= MOST_EXPENSIVE:
            values["price"] = None  # kept before such a price was refused
        components = tuple(Component(**component) for component in values.pop("components"))
        return cls(**values, components=components)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A workflow of the service's list that cannot be read, and so not be ordered: ``why`` names the field and what
    stands there; id and name as far as they can be told."""

    id: str
    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Organization:
    """Who pays, as the service names it. ``role`` is the signed-in person's, empty where unknown."""

    id: str
    name: str
    role: str = ""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who an account is at its service: ``payer`` stays the same whatever the account is called here."""

    payer: str
    endpoint: str
    organization: Organization
