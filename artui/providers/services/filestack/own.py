"""What a workflow of the portal needs here, for a form: the service tells neither its name nor its price."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from artui.model.offers import MOST_EXPENSIVE
from artui.providers.base import Workflow
from artui.providers.base.own import Knob, OwnWorkflows, Values
from artui.providers.services.filestack.provider import known_as
from artui.providers.services.filestack.settings import MINUTES

_LISTS = frozenset({"accepts", "tasks"})


class Portal(OwnWorkflows):
    """Workflows of the portal, by their ids."""

    values = (
        Knob("title", "Title", "t", unset="as it is called in the settings"),
        Knob("id", "Id", "i", is_needed=True, unset="which? the portal shows it", help="Its id in the portal."),
        Knob(
            "price", "Price", "p", most=MOST_EXPENSIVE, step=1, unset="not known: a run counts as one in the caps",
            help="What one run costs, in a unit of your own; empty: not known.",
        ),
        Knob(
            "accepts", "Takes", "a", unset="any picture",
            help="Media types it works on, with commas between: image/jpeg, image/png; empty: any picture.",
        ),
        Knob("minutes", "Minutes", "m", low=1, most=2880, step=1, unset=f"{MINUTES:g}, then a job is overdue"),
        Knob(
            "tasks", "Must leave", "k", unset="whatever comes",
            help="Tasks that must leave a result, with commas between; empty: whatever comes.",
        ),
    )  # fmt: skip
    note = "the service tells no price"

    def table(self, values: Values, steps: Mapping[str, Values]) -> dict[str, Any]:
        """A workflow as the settings have it."""
        del steps
        return {
            key: [one.strip() for one in str(value).split(",") if one.strip()] if key in _LISTS else value
            for key, value in values.items()
            if value is not None
        }

    def parts(self, table: Mapping[str, Any]) -> tuple[dict[str, object], dict[str, dict[str, object]]]:
        """What is set in a workflow of the settings."""
        return {key: ", ".join(value) if key in _LISTS else value for key, value in table.items()}, {}

    def workflow(self, settings: Any, key: str) -> Workflow:
        """The workflow of this name."""
        return known_as(key, settings.workflows[key])


OWN = Portal()
