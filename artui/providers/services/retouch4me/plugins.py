"""Retouch4me's plugins: what each takes, in which order they work, and how a recipe of them is checked and written.

A recipe stands in the configuration in plain words (``alpha1``, ``color_correction_mode``) and is sent in the service's
own (``Alpha1``, ``User Params``). docs/providers/retouch4me.md says where each name and range comes from.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from artui.config.known import Number, Reader, choice, nearest
from artui.providers.base import Component, Workflow, canonical

MODE: Final = "professional"
"""The service's word for the one way of working used here, by which credits are counted too."""

PRICE: Final = 1
"""Credits for one photo, however many plugins work on it."""

_USER: Final = "User Params"
HELPER: Final = "Face Detection"
"""Finds faces for the plugins after it; it leaves no picture of its own."""

Words = Callable[[object], str]


# ------------------------------------------------------------------------------------------------- what a plugin takes


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of a plugin: its title, its place in the task as sent, what it may be, and its value in words.

    ``default`` is what a recipe that leaves it out means, nothing where that is None. ``unused`` is only sent in its
    place, for the service's own samples never leave it out: it makes no other recipe.
    """

    title: str
    place: tuple[str, ...]
    read: Reader
    words: Words = str
    default: object = None
    unused: object = None
    is_needed: bool = False


@dataclass(frozen=True, slots=True)
class Plugin:
    """One plugin: its name at the service and its settings by their plain names, what says most about it first."""

    name: str
    settings: Mapping[str, Setting] = field(default_factory=dict)

    def read(self, table: Mapping[str, object]) -> dict[str, object]:
        """A task's settings, checked and always spelled the same. Raises ValueError naming the key."""
        refuse_unknown(table, ("plugin", *self.settings), self.name)
        read: dict[str, object] = {"plugin": self.name}
        for key, setting in self.settings.items():
            value = table.get(key, setting.default)
            if value is None and not setting.is_needed:
                continue
            try:
                said = setting.read(value)
            except ValueError as error:
                missing = "" if key in table else "is missing: it "
                raise ValueError(f"{key} {missing}{error}") from None
            # Numbers are spelled the same whoever wrote them: the same recipe must have the same digest.
            read[key] = int(said) if isinstance(said, float) and said.is_integer() else said
        return read

    def sent(self, task: Mapping[str, object], *, as_written: bool = False) -> dict[str, Any]:
        """A checked task as the service takes it; ``as_written`` without what only fills a place."""
        sent: dict[str, Any] = {"Plugin": self.name}
        for key, setting in self.settings.items():
            value = task.get(key, None if as_written else setting.unused)
            if value is not None:
                *tables, name = setting.place
                inner = sent
                for table in tables:
                    inner = inner.setdefault(table, {})
                inner[name] = value
        return sent

    def component(self, task: Mapping[str, object]) -> Component:
        """A checked task in plain words."""
        told = {
            setting.title: setting.words(task[key])
            for key, setting in self.settings.items()
            if key in task and (key != "layer" or task[key])
        }
        most = next((setting for setting in self.settings.values() if setting.is_needed), None)
        return Component(self.name, f"{self.name} {told[most.title]}" if most else self.name, told)


def _strength(title: str, most: int, *place: str, needed: bool = False, unused: object = None) -> Setting:
    return Setting(
        title, place, Number(0, most, whole=False), lambda value: f"{round(float(str(value)) * 100, 2):g} %",
        unused=unused, is_needed=needed,
    )  # fmt: skip


def _yes_or_no(value: object) -> str:
    return "yes" if value else "no"


def _one_of(words: Sequence[str]) -> Words:
    return lambda value: words[int(str(value))]


def _switch(value: object) -> object:
    if value is True or value is False:
        return value
    raise ValueError("must be true or false")


def _ratio(value: object) -> object:
    known = ("Free", "Original", "Custom", "Square")
    if value not in known and not (isinstance(value, str) and re.fullmatch(r"[1-9]\d{0,2} : [1-9]\d{0,2}", value)):
        raise ValueError(f'must be one of {", ".join(known)}, or two numbers like "4 : 5"')
    return value


_LAYER: Final = Setting("Layer", ("Layer",), Number(0, 1), _one_of(("in the picture", "a layer of its own")), default=0)
_FLAT: Final = Setting("Layer", ("Layer",), Number(0, 0), default=0)
_ANY_LAYER: Final = Setting("Layer", ("Layer",), Number(0, 1), _LAYER.words)
_PERSON: Final = Setting(
    "Person",
    ("Scale",),
    Number(0, 3),
    _one_of(("found by itself", "face close up", "half body", "full body")),
    unused=0,
)
_DIRT: Final = Setting("Dirt", ("Scale",), Number(1, 3), _one_of(("", "large", "middle", "fine")), unused=0)


def _plugin(name: str, title: str, most: int, scale: Setting = _PERSON, **more: Setting) -> Plugin:
    """A plugin with strengths."""
    first = _strength(title, most, "Alpha1", needed=True)
    return Plugin(name, {"alpha1": first, **more, "scale": scale, "layer": _LAYER})


def _crop(title: str, name: str, read: Reader) -> Setting:
    return Setting(title, (_USER, name), read)


_ORDERED: Final = (
    _plugin("Skin Mask", "Sensitivity", 2),
    _plugin(
        "Clean Backdrop", "Blend", 1, _DIRT, automask=Setting("Protect the person", ("Automask",), _switch, _yes_or_no)
    ),
    _plugin("Heal", "Sensitivity", 1),
    _plugin("Fabric", "Blend", 2),
    _plugin("Dust", "Blend", 2, _DIRT),
    _plugin("Eye Vessels", "Blend", 1),
    _plugin("Eye Brilliance", "Blend", 2),
    _plugin("White Teeth", "Whiten", 1, alpha2=_strength("Brighten", 1, "Alpha2", unused=0)),
    _plugin("Mattifier", "Blend", 1),
    _plugin("Dodge Burn", "Blend", 2, alpha2=_strength("Warmth", 1, "Alpha2", unused=0)),
    _plugin("Skin Tone", "Blend", 2, alpha2=_strength("Tone Smoothing", 2, "Alpha2")),
    _plugin("Portrait Volumes", "Blend", 2),
    Plugin(
        "Face Lifting",
        {
            "face_lifting": _strength("Face Lifting", 1, "Face Lifting", needed=True),
            "face_lifting_version": Setting("Version", ("face_lifting_version",), Number(1, 3), default=3),
            "face_masculinity": _strength("Face Masculinity", 1, "Face Masculinity"),
            "double_chin_correction": _strength("Double Chin Correction", 1, "Double Chin Correction"),
            "face_lifting_depth": _strength("Face Lifting Depth", 1, "Face Lifting Depth"),
            "flow_smoothing": _strength("Flow Smoothing", 1, "Flow Smoothing"),
            "layer": _LAYER,
        },
    ),
    Plugin(
        "Glasses Anti Glare",
        {
            "glasses_glare_removal": _strength("Glasses Glare Removal", 1, "Glasses Glare Removal", needed=True),
            "layout_mode": Setting("Layout", ("LayoutMode",), choice(["full", "patch"]), default="full"),
            "layer": _LAYER,
        },
    ),
    Plugin(
        "Color Correction",
        {
            "color_correction_mode": Setting(
                "Mode",
                (_USER, "AI", "Color Correction Mode"),
                choice(["Exposure only", "Exposure & WB", "Full"]),
                is_needed=True,
            ),
            "enable_basic": Setting("Basic", (_USER, "Basic", "Enable Basic"), _switch, _yes_or_no, True),
            "layer": _FLAT,
        },
    ),
    Plugin(
        "Crop",
        {
            "auto_straighten_mode": _crop("Straighten", "AutoStraightenMode", choice(["AI", "Person", "Manual"])),
            "aspect_ratio": _crop("Aspect ratio", "AspectRatio", _ratio),
            "angle": _crop("Angle", "Angle", Number(-180, 180, whole=False)),
            "manual_center_x": _crop("Centre, from the left", "ManualCenterX", Number(0, 1, whole=False)),
            "manual_center_y": _crop("Centre, from the top", "ManualCenterY", Number(0, 1, whole=False)),
            "manual_area": _crop("Area", "ManualArea", Number(0, 1, whole=False)),
            "manual_aspect_ratio": _crop("Free ratio", "ManualAspectRatio", Number(0, 100, whole=False)),
            "custom_aspect_x": _crop("Custom ratio, width", "CustomAspectX", Number(0, 100_000, whole=False)),
            "custom_aspect_y": _crop("Custom ratio, height", "CustomAspectY", Number(0, 100_000, whole=False)),
            "layer": _LAYER,
        },
    ),
)

PLUGINS: Final[Mapping[str, Plugin]] = {
    plugin.name: plugin for plugin in (Plugin(HELPER, {"layer": _ANY_LAYER}), *_ORDERED)
}
"""Every plugin in the order in which the service wants them; faces are found first, for those that come after."""


# -------------------------------------------------------------------------------------------------------------- recipes


class Recipe(BaseModel):
    """A workflow as the configuration has it: a title, what becomes of layers, and the tasks in their order."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str = Field(description="What it is called", examples=["Clean portrait"])
    layers: Literal["keep", "unpack"] = Field(
        default="keep", description="What becomes of an archive of layers: kept as it is, or unpacked"
    )
    tasks: tuple[dict[str, Any], ...] = Field(description="The plugins in their order, each with its strengths")

    @model_validator(mode="before")
    @classmethod
    def _has_only_what_it_may(cls, table: object) -> object:
        if isinstance(table, dict):
            refuse_unknown(table, cls.model_fields, "a workflow")
        return table

    @field_validator("title")
    @classmethod
    def _is_a_title(cls, title: str) -> str:
        if not title.strip() or not title.isprintable() or len(title) > 100:
            raise ValueError("must be a name of at most 100 characters, on one line")
        return title.strip()

    @field_validator("tasks")
    @classmethod
    def _is_a_recipe(cls, tables: tuple[dict[str, Any], ...]) -> tuple[dict[str, Any], ...]:
        if not tables:
            raise ValueError("must hold at least one task: write [[….tasks]], and plugin = under it")
        tasks = tuple(_task(number, table) for number, table in enumerate(tables, 1))
        _refuse_order([task["plugin"] for task in tasks])
        judged = [(number, task) for number, task in enumerate(tasks, 1) if task["plugin"] != HELPER]
        layered = [number for number, task in judged if task.get("layer")]
        # Whether an archive has the picture that flat tasks made is not documented: it might be paid for and missing.
        if layered and len(layered) < len(judged):
            flat, name = next((number, task["plugin"]) for number, task in judged if not task.get("layer"))
            way = (
                "leave layer = 1 away elsewhere" if name == "Color Correction" else "set layer = 1 for all, or for none"
            )
            raise ValueError(f"task {flat} ({name}) is no layer while task {layered[0]} is one: {way}")
        return tasks

    @model_validator(mode="after")
    def _unpacks_what_there_is(self) -> Recipe:
        if self.layers == "unpack" and not self.is_layered:
            raise ValueError('layers = "unpack" needs tasks with layer = 1, for else the result is one picture')
        return self

    @property
    def is_layered(self) -> bool:
        """Whether the result is an archive of layers and not one picture."""
        return any(task.get("layer") for task in self.tasks)

    @property
    def parameters(self) -> str:
        """The exact payload, the same text for the same recipe."""
        return self._payload(as_written=False)

    def _payload(self, *, as_written: bool) -> str:
        tasks = [PLUGINS[task["plugin"]].sent(task, as_written=as_written) for task in self.tasks]
        return canonical({"mode": MODE, "tasks": tasks})

    def workflow(self, key: str) -> Workflow:
        """The recipe as a workflow whose id is its key in the configuration, and whose version its content.

        What only fills a place has no part in the version: what was bought before it was sent stays bought.
        """
        return Workflow(
            id=key,
            version=hashlib.sha256(self._payload(as_written=True).encode()).hexdigest(),
            name=self.title,
            price=PRICE,
            components=tuple(PLUGINS[task["plugin"]].component(task) for task in self.tasks),
            parameters=self.parameters,
        )


def refuse_twins(recipes: Mapping[str, Recipe]) -> None:
    """Refuse two names for one recipe: a photo is paid once for a recipe, whatever its name. Raises ValueError."""
    names: dict[str, str] = {}
    for name, recipe in recipes.items():
        twin = names.setdefault(recipe.parameters, name)
        if twin != name:
            raise ValueError(f"{twin} and {name} are the same recipe: keep one of them")


def refuse_unknown(table: Mapping[str, object], known: Iterable[str], what: str) -> None:
    """Raise ValueError for a key that does not belong there, with the nearest that does."""
    names = tuple(known)
    for key in table:
        if key not in names:
            hint = nearest(key, names) or f"; known: {', '.join(names)}"
            raise ValueError(f"{key} is no setting of {what}{hint}")


def _task(number: int, table: Mapping[str, object]) -> dict[str, Any]:
    """A task as it is written, checked. Raises ValueError naming the task and the key."""
    name = str(table.get("plugin", ""))
    if name not in PLUGINS:
        known = nearest(name, PLUGINS) or f"; known: {', '.join(PLUGINS)}"
        what = f"there is no plugin {name!r}" if name else "plugin must name one"
        raise ValueError(f"task {number}: {what}{known}")
    try:
        return PLUGINS[name].read(table)
    except ValueError as error:
        raise ValueError(f"task {number} ({name}): {error}") from None


def _refuse_order(names: Sequence[str]) -> None:
    places = list(PLUGINS)
    for number, (before, name) in enumerate(pairwise(names), 2):
        if name in names[: number - 1]:
            raise ValueError(f"task {number} ({name}) is there twice: each plugin works once on a photo")
        if places.index(name) < places.index(before):
            first = ", for other plugins use the faces it finds" if name == HELPER else ""
            earlier = next(n for n, other in enumerate(names, 1) if places.index(other) > places.index(name))
            raise ValueError(f"task {number} ({name}) must come before task {earlier} ({names[earlier - 1]}){first}")


# ------------------------------------------------------------------------------------------------- ready-made recipes


def _portrait(title: str, heal: float, dodge: float, burn: float, tone: float) -> Recipe:
    tasks = (
        {"plugin": "Heal", "alpha1": heal},
        {"plugin": "Dodge Burn", "alpha1": dodge, "alpha2": burn},
        {"plugin": "Skin Tone", "alpha1": tone},
    )
    return Recipe(title=title, tasks=tasks)


PRESETS: Final[Mapping[str, Recipe]] = {
    "portrait-subtle": _portrait("Portrait, subtle", 0.4, 0.4, 0.05, 0.3),
    "portrait-normal": _portrait("Portrait, normal", 0.7, 0.8, 0.1, 0.5),
    "portrait-strong": _portrait("Portrait, strong", 1.0, 1.2, 0.3, 1.0),
}
"""One portrait in three intensities, within the strengths that client programs of the service use."""


def with_presets(own: Mapping[str, Recipe]) -> dict[str, Recipe]:
    """An account's own recipes and the ready-made ones, but those that it has under a name or content of its own."""
    contents, titles = {recipe.parameters for recipe in own.values()}, {recipe.title for recipe in own.values()}
    ready = {
        key: recipe
        for key, recipe in PRESETS.items()
        if key not in own and recipe.parameters not in contents and recipe.title not in titles
    }
    return {**own, **ready}
