"""The form of a workflow of our own: its values, and what is done to a photo as switches with strengths.

What is on is checked at every key, as the settings are when they are read. Only ``s`` saves, which costs nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import events, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static

from artui.config import AccountConfig, ConfigError
from artui.core import own_workflows
from artui.sanitize import beginning, sanitize, width
from artui.tui import desktop
from artui.tui.above import Dialog
from artui.tui.dialogs import Ask
from artui.tui.look import bar
from artui.tui.rows import OptionOf, Options
from artui.tui.workflow_words import steps_line

if TYPE_CHECKING:
    from artui.providers.base import Workflow
    from artui.providers.base.own import Knob, OwnWorkflows

NAMES, TITLES, BAR = 19, 23, 20
"""Cells of what a line is for, of what is set, and of its bar."""

AROUND = 9
"""Lines of the form beside its list: heading, what to begin with, a rule, what comes of it, the keys."""


@dataclass(frozen=True, slots=True)
class Built:
    """A workflow that is to be saved: its key in the settings, and its table there."""

    key: str
    table: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class BuilderRow:
    """A line of the form: a value of the workflow, or of one of its ``step``s, which need not have any."""

    knob: Knob | None
    step: str = ""
    is_first: bool = False


class Builder(Dialog[Built]):
    """A workflow of an account's own to fill in; gives it once it is saved, None where the person went back.

    ``key`` and ``table`` are those of the one that is changed; without them it is a new one.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "switch", "on, off", tooltip="Do this to a photo, or not; its strengths are kept"),
        Binding("left", "turn(-1)", show=False, tooltip="Weaker, or the choice before"),
        Binding("right", "turn(1)", show=False, tooltip="Stronger, or the next choice"),
        Binding("s", "save", "save", tooltip="Save it in settings.toml; that costs nothing"),
        Binding("y", "copy", "copy", tooltip="Copy it as it would stand in config.toml"),
        Binding("escape,q", "back", "back", tooltip="Back, nothing is saved"),
    ]
    CSS = """
    Builder.dialog > .box.plain { height: 100%; padding: 0 1; background: $background; }
    Builder.dialog .heading { margin: 0; text-style: bold; }
    Builder.dialog > .box > OptionList {
        height: 1fr; max-height: 100%; background: $background; text-wrap: nowrap; scrollbar-size: 0 0;
    }
    Builder #presets { color: $quiet; height: auto; }
    Builder.dialog #result { height: 4; border-top: solid $border; }
    Builder.dialog #hint { height: 1; color: $warning; }
    App.-ascii Builder.dialog #result { border-top: ascii $border; }
    """

    def __init__(
        self, account: AccountConfig, own: OwnWorkflows, title: str, key: str = "",
        table: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(classes="dialog")
        self.account = account
        self.own = own
        self.title_of_service = title
        self.key = key
        self.presets = tuple(own.presets)
        self.values, on = own.parts(table or {})
        self.strengths: dict[str, dict[str, object]] = {name: dict(on.get(name, {})) for name in own.steps}
        """What is set of each step, switched on or not."""
        self.on = set(on)
        self.rows: list[BuilderRow] = []
        self.fits: Workflow | None = None
        self._complaint = ""

    def compose(self) -> ComposeResult:
        """What it is, what to begin with, its lines, what comes of it."""
        with Vertical(classes="box plain"):
            yield Static("", classes="heading", markup=False)
            yield Static("", id="presets", markup=False)
            yield Options()
            yield Static("", id="result", markup=False)
            yield Static("", id="hint", markup=False)
            yield Static("", id="how", markup=False)

    def on_mount(self) -> None:
        """Show it; a new one begins with its title."""
        self.app.clear_notifications()
        said = "  ".join(f"{number} {name}" for number, name in enumerate(self.presets, 1))
        presets = self.query_one("#presets", Static)
        presets.update(f"start from: {said}")
        presets.display = bool(self.presets)
        moves = "space on, off  left right strength  " if self.own.steps else ""
        keys = f"{moves}enter types it  s save  y copy  esc back"
        self.query_one("#how", Static).update(Content(keys).stylize("$quiet"))
        self.draw()
        self.query_one(OptionList).focus()

    # ----------------------------------------------------------------------------------------------------- drawing

    @property
    def built(self) -> Built:
        """The workflow as it is set now."""
        table = self.own.table(self.values, {name: self.strengths[name] for name in self.own.steps if name in self.on})
        title = str(self.values.get("title") or "")
        return Built(self.key or own_workflows.key_for(title, own_workflows.tables(self.account)), table)

    def draw(self) -> None:
        """Check it, and draw everything anew."""
        built, self.fits = self.built, None
        missing = [knob for knob in self.own.values if knob.is_needed and self.values.get(knob.key) is None]
        if self.own.steps and not self.on:
            self._complaint = "Nothing is switched on yet: space does that."
        elif missing:
            self._complaint = f"{missing[0].title} is missing: {missing[0].letter} has it typed."
        else:
            try:
                self.fits = own_workflows.check(self.account, built.key, built.table)
                self._complaint = ""
            except ConfigError as problem:
                place = f"[accounts.{self.account.name}]: workflows.{built.key}."
                self._complaint = str(problem).removeprefix(place)
        self._draw_heading()
        held = self.rows[self.query_one(OptionList).highlighted or 0] if self.rows else None
        self.rows = [BuilderRow(knob) for knob in self.own.values]
        for name, knobs in self.own.steps.items():
            first, *more = knobs or (None,)
            self.rows.append(BuilderRow(first, name, is_first=True))
            self.rows += [BuilderRow(knob, name) for knob in more if name in self.on]
        listed = self.query_one(OptionList)
        listed.set_options(OptionOf(self._line(row), row) for row in self.rows)
        listed.highlighted = self.rows.index(held) if held in self.rows else 0
        order = "The order is the service's. " if self.own.steps else ""
        verdict = self._complaint or f"It fits. {order}s saves it, which costs nothing."
        said = (beginning(verdict, 220), "$error" if self._complaint else "")
        pipeline = ""
        if self.fits is not None and self.fits.components:
            glyphs, cells = self.host.glyphs, 2 * (self.app.size.width - 2)
            arrow = ">" if glyphs.arrow == "->" else glyphs.arrow
            pipeline = beginning(f"in {arrow} {steps_line(self.fits, glyphs)} {arrow} out", cells, glyphs.ellipsis)
        self.query_one("#result", Static).update(Content.assemble(pipeline, "\n", said))

    def _draw_heading(self) -> None:
        cells = self.app.size.width - 2
        what = "Workflow" if self.key else "New workflow"
        left = f"{what} of {sanitize(self.account.name, 24)} ({self.title_of_service})"
        price = f"{self.fits.price:,} a photo" if self.fits and self.fits.price is not None else "price not known"
        right = self.own.note if self.own.steps else f"{price}: {self.own.note}"
        if width(left) + width(right) + 2 > cells:
            right = ""
        self.query_one(".heading", Static).update(f"{left}{' ' * (cells - width(left) - width(right))}{right}")

    def _line(self, row: BuilderRow) -> Content:
        glyphs, knob = self.host.glyphs, row.knob
        if not row.step and knob:
            value = self.values.get(knob.key)
            said = knob.unset if value is None else sanitize(knob.words(value), 50)
            key = f"   in the settings: {self.built.key}" if knob.key == "title" and value else ""
            said = glyphs.plain(f" {knob.letter}  {knob.title:<{NAMES - 4}} {said}")
            return Content.assemble(said, (key, "$quiet"))
        is_on = row.step in self.on
        sign = f"[{'x' if is_on else ' '}] " if row.is_first else "    "
        name = f"{sanitize(row.step, NAMES - 1) if row.is_first else '':<{NAMES}}"
        if knob is None:
            return Content(sign + name)
        value = self.strengths[row.step].get(knob.key)
        title = f"{sanitize(knob.title.casefold(), TITLES - 1):<{TITLES}}"
        if not knob.is_number:
            said = f"{'-' if value is None else sanitize(knob.words(value), 24)}"
        else:
            number = 0.0 if value is None else float(str(value))
            shown = bar(glyphs, round((number - knob.low) * 1000), round((knob.most - knob.low) * 1000), BAR)
            said = f"{shown} {'   -' if value is None else f'{number:4.2f}'} of {knob.most:g}"
        return Content.assemble(sign + name, title, (said, "" if is_on else "$quiet"))

    # ---------------------------------------------------------------------------------------------------- handlers

    def on_key(self, event: events.Key) -> None:
        """The key of a value, or of what to begin with."""
        character = event.character or ""
        if character.isdecimal() and 0 < int(character) <= len(self.presets):
            event.stop()
            preset = self.presets[int(character) - 1]
            _, on = self.own.parts(self.own.presets[preset])
            self.on = set(on)
            self.strengths |= {name: dict(values) for name, values in on.items()}
            self.hint(f"{preset}: a beginning, to be changed.")
            self.draw()
        elif knob := next((knob for knob in self.own.values if character and knob.letter == character), None):
            event.stop()
            self._change(next(row for row in self.rows if row.knob is knob))

    def too_soon(self, key: events.Key) -> None:
        """Say that a save did not count, and why."""
        if key.character == "s":
            self.hint("Nothing is saved: s came before this could be read.")

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """``enter``, or a click, on the line under the cursor."""
        self._change(cast("OptionOf[BuilderRow]", event.option).means)

    @property
    def row(self) -> BuilderRow:
        """The line under the cursor."""
        return self.rows[self.query_one(OptionList).highlighted or 0]

    def _values_of(self, row: BuilderRow) -> dict[str, object]:
        return self.strengths[row.step] if row.step else self.values

    def _switched_on(self, step: str) -> None:
        """Switch a step on; what it needs is there."""
        self.on.add(step)
        for knob in self.own.steps[step]:
            if knob.is_needed and self.strengths[step].get(knob.key) is None:
                middle = min(1.0, knob.most) / 2
                self.strengths[step][knob.key] = middle if knob.is_number else knob.choices[0]

    def _change(self, row: BuilderRow) -> None:
        """Set the value of a line: by typing, or the next of a few."""
        self.hint("")
        knob = row.knob
        if knob is None:
            self._switch(row.step)
        elif knob.choices:
            self._turn(row, 1)
        else:
            self.run_worker(self._ask(row, knob), exclusive=True)

    async def _ask(self, row: BuilderRow, knob: Knob) -> None:
        value = self._values_of(row).get(knob.key)
        ends = f"A number from {knob.low:g} to {knob.most:,g}." if knob.is_number else ""
        what = f"{row.step}: {knob.title.casefold()}" if row.step else knob.title
        lines = [line for line in (knob.help or ends,) if line]
        text = await self.host.ask(Ask(what, lines, value="" if value is None else str(value)))
        if text is None:
            return
        try:
            typed = knob.typed(text)
        except ValueError:
            self.hint(f"{sanitize(text, 20)} is no number; nothing has changed.")
            return
        if row.step:
            self._switched_on(row.step)
        self._values_of(row)[knob.key] = typed
        self.draw()

    # ----------------------------------------------------------------------------------------------------- actions

    def action_switch(self) -> None:
        """Do it to a photo, or not."""
        if self.row.step:
            self._switch(self.row.step)

    def _switch(self, step: str) -> None:
        if step in self.on:
            self.on.discard(step)
        else:
            self._switched_on(step)
        self.draw()

    def action_turn(self, way: int) -> None:
        """A little stronger or weaker, or the choice beside."""
        if self.row.knob is not None and (self.row.knob.choices or self.row.knob.is_number):
            self._turn(self.row, way)

    def _turn(self, row: BuilderRow, way: int) -> None:
        if row.knob is None:
            return
        if row.step and row.step not in self.on:
            self._switched_on(row.step)
        else:
            values = self._values_of(row)
            values[row.knob.key] = row.knob.turned(values.get(row.knob.key), way)
        self.draw()

    def action_save(self) -> None:
        """Give it away to be saved, where it fits."""
        if self._complaint:
            self.hint("It is not saved: it does not fit yet.")
        else:
            self.dismiss(self.built)

    @work
    async def action_copy(self) -> None:
        """Copy it as it would stand in config.toml."""

        def text() -> str:
            import tomli_w

            built = self.built
            workflows = {"workflows": {built.key: dict(built.table)}}
            return tomli_w.dumps({"accounts": {self.account.name: workflows}})

        desktop.copy(self.app, await asyncio.to_thread(text))

    def action_back(self) -> None:
        """Save nothing."""
        self.dismiss(None)
