"""What a recipe is made of, for a form: the plugins in the order of the service's pages, their strengths as numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from artui.config.known import Number, OneOf
from artui.providers.base import Workflow
from artui.providers.base.own import Knob, OwnWorkflows, Values
from artui.providers.services.retouch4me.plugins import HELPER, PLUGINS, PRESETS, PRICE, Setting

STRENGTH = 0.05
"""By how much a key changes a strength."""

_LAYERS = Knob(
    "layers", "Layers", "l", choices=("keep", "unpack"), unset="none: one flat picture",
    words=lambda value: "one archive with a layer for each plugin" if value == "keep" else "a file for each plugin",
)  # fmt: skip
_HELPERS_LAST = (*(name for name in PLUGINS if name != HELPER), HELPER)


def _knob(key: str, setting: Setting) -> Knob:
    words = setting.words
    if isinstance(setting.read, OneOf):
        return Knob(key, setting.title, choices=setting.read.words, is_needed=setting.is_needed, words=words)
    if isinstance(setting.read, Number):
        low, most, needed = setting.read.low, setting.read.high, setting.is_needed
        if not setting.read.whole:
            step = STRENGTH if most <= 2 else 1
            help_ = f"From 0 to {most:g}; 1 is as strong as in the desktop plugin." if key.startswith("alpha") else ""
            return Knob(key, setting.title, low=low, most=most, step=step, is_needed=needed, help=help_)
        return Knob(key, setting.title, choices=tuple(range(int(low), int(most) + 1)), is_needed=needed, words=words)
    if words(True) != str(True):
        return Knob(key, setting.title, choices=(True, False), words=words)
    return Knob(key, setting.title, is_needed=setting.is_needed, words=words)


class Recipes(OwnWorkflows):
    """Recipes of plugins."""

    values = (Knob("title", "Title", "t", is_needed=True), _LAYERS)
    steps: ClassVar[Mapping[str, tuple[Knob, ...]]] = {
        name: tuple(_knob(key, setting) for key, setting in PLUGINS[name].settings.items() if key != "layer")
        for name in _HELPERS_LAST
    }
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        key.rpartition("-")[2]: {"tasks": list(recipe.tasks)} for key, recipe in PRESETS.items()
    }
    note = f"{PRICE} credit a photo, whatever is on"

    def table(self, values: Values, steps: Mapping[str, Values]) -> dict[str, Any]:
        """A recipe as the settings have it: its tasks in the service's order, all of them layers or none."""
        layer = {"layer": 1} if values.get("layers") else {}
        tasks = [
            {"plugin": name, **{key: value for key, value in steps[name].items() if value is not None}}
            | (layer if name != HELPER else {})
            for name in PLUGINS
            if name in steps
        ]
        return {**{key: value for key, value in values.items() if value is not None}, "tasks": tasks}

    def parts(self, table: Mapping[str, Any]) -> tuple[dict[str, object], dict[str, dict[str, object]]]:
        """What is set in a recipe of the settings."""
        tasks: Sequence[Mapping[str, Any]] = table.get("tasks", ())
        layered = any(task.get("layer") for task in tasks)
        values = {"title": table.get("title"), "layers": table.get("layers", "keep") if layered else None}
        return values, {
            task["plugin"]: {key: value for key, value in task.items() if key not in ("plugin", "layer")}
            for task in tasks
        }

    def workflow(self, settings: Any, key: str) -> Workflow:
        """The recipe of this name as a workflow."""
        found: Workflow = settings.workflows[key].workflow(key)
        return found


OWN = Recipes()
