"""The form of a rule: every line is a key and what it sets; saving is a key of its own, for it lets money be spent."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import events, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static

from artui.config import ConfigError
from artui.config.ignoring import Ignoring
from artui.core.plan import PlanProblem, collect, promises_photo
from artui.journal.prices import together
from artui.sanitize import beginning, sanitize
from artui.tui import catalogue
from artui.tui.above import Dialog
from artui.tui.choosing import ChoiceDialog
from artui.tui.dialogs import Ask
from artui.tui.rows import OptionOf, Options
from artui.tui.submit.choices import workflows_of
from artui.tui.submit.dialogs import Folders, absolute
from artui.tui.watches import written
from artui.tui.words import home, plural, whole_number

if TYPE_CHECKING:
    from artui.tui.host import Host

NAMES = 13
"""Cells of what each line sets."""

AROUND = 8
"""Lines of the form beside its own: border, heading, what it means, what is wrong, how to."""

MOST = 999_999_999
"""More than this is no amount that anybody means."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A rule being written: its ``table`` as settings.toml will have it.

    ``before`` is the table it takes the place of, None for a new rule; ``begun``: photos of that one were judged by it
    already. ``workflow`` is what its workflows are called, ``price`` what a photo costs through all of them, as far as
    known; ``there``: photos that lie in the folder now, None where they cannot be counted.
    """

    table: Mapping[str, Any]
    before: Mapping[str, Any] | None = None
    begun: bool = False
    workflow: str = ""
    price: int | None = None
    there: int | None = None

    def set(self, **values: object) -> Draft:
        """The same with other values; None takes one away."""
        merged = {**self.table, **values}
        return replace(self, table={word: value for word, value in merged.items() if value is not None})

    @property
    def cap(self) -> int | None:
        """The most it may spend a day."""
        most: int | None = self.table.get("caps", {}).get("day")
        return most

    def with_cap(self, most: int | None) -> Draft:
        """The same with another daily cap; the other caps stay."""
        caps = {**self.table.get("caps", {}), "day": most}
        return self.set(caps={span: limit for span, limit in caps.items() if limit is not None} or None)

    @property
    def sends_existing(self) -> bool:
        """Whether the photos that are there now are sent too."""
        return bool(self.table["existing"] == "process")


async def begin(host: Host, folder: str) -> Draft:
    """A new rule for a folder, with what is usual."""
    path = absolute(folder)
    account = host.config.accounts.get(host.account or "")
    output = account.output if account and account.output else f"{path}-out"
    values = {"folder": path, "output": output, "existing": "ignore", "after": "keep"}
    draft = Draft(values).set(account=account.name if account else None, workflow=account.workflow if account else None)
    return await _informed(host, draft)


async def begin_again(host: Host, table: Mapping[str, Any], *, begun: bool) -> Draft:
    """A rule of settings.toml to be changed."""
    return await _informed(host, Draft({"existing": "ignore", **table}, table, begun))


async def _informed(host: Host, draft: Draft) -> Draft:
    """The same with what is known of its workflow and its folder."""
    table = draft.table
    known = await host.view.ask(catalogue.read, table.get("account", ""))
    words = written.workflows_of(table)
    found = [known.meant(word) for word in words]
    ignoring = host.config.ignoring.with_more(table.get("ignore"))
    there = await asyncio.to_thread(photos_in, table["folder"], ignoring, recursive=bool(table.get("recursive")))
    names = [catalogue.name(offer) if offer else word for word, offer in zip(words, found, strict=True)]
    price = together(offer.workflow.price if offer else None for offer in found) if found else None
    return replace(draft, there=there, workflow=", ".join(names), price=price)


def photos_in(folder: str, ignoring: Ignoring, *, recursive: bool) -> int | None:
    """How many files called like photos lie in a folder; None where it cannot be read. Blocks."""
    from artui.watch.rules import is_aside

    top = Path(folder)
    if not top.is_dir():
        return None
    try:
        found = collect([top], recursive=recursive, ignoring=ignoring)
    except PlanProblem:
        return None
    return sum(promises_photo(one.path) and not any(map(is_aside, one.relative.parts)) for one in found)


class Field(StrEnum):
    """What a line of the form is for, by its key."""

    FOLDER = "f"
    NAME = "n"
    ACCOUNT = "a"
    WORKFLOW = "w"
    OUTPUT = "o"
    EXISTING = "x"
    RECURSIVE = "r"
    AFTER = "m"
    CAP = "c"
    SAMPLE = "l"
    SAVE = "s"


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of the form: what it is for, what it sets, and the value in words."""

    field: Field
    sets: str
    says: str


@dataclass(frozen=True, slots=True)
class _Look:
    """A draft in words."""

    draft: Draft

    def lines(self) -> Iterator[_Line]:
        draft, table = self.draft, self.draft.table
        if draft.before is None:
            missing = "" if draft.there is not None else "  (not there now)"
            yield _Line(Field.FOLDER, "Folder", sanitize(home(table["folder"]), 56 - len(missing)) + missing)
            yield _Line(Field.NAME, "Name", sanitize(table.get("name", ""), 40) or "none: the folder is it")
        yield _Line(Field.ACCOUNT, "Account", sanitize(table.get("account", "")) or "which?")
        price = "" if draft.price is None else f"  {draft.price:,} cr each"
        yield _Line(Field.WORKFLOW, "Workflow", sanitize(draft.workflow or "which?", 40) + price)
        yield _Line(Field.OUTPUT, "Output", sanitize(home(table["output"]), 56))
        if not draft.begun:
            there = draft.there or 0
            cost = "price not known" if draft.price is None else f"at most {there * draft.price:,} cr"
            said = f"left alone: {plural(there, 'photo')}" if there else "left alone"
            said = f"sent: {plural(there, 'photo')}, {cost}" if draft.sends_existing else said
            yield _Line(Field.EXISTING, "There now", said)
        yield _Line(Field.RECURSIVE, "Sub-folders", "watched too" if table.get("recursive") else "not watched")
        moves = table.get("after") == "move"
        yield _Line(
            Field.AFTER, "Afterwards", "move to done/, bad ones to failed/" if moves else "photos stay where they are"
        )
        yield _Line(Field.CAP, "Daily cap", "none" if draft.cap is None else f"{draft.cap:,} cr")
        sample = table.get("sample")
        yield _Line(
            Field.SAMPLE, "Sample", f"the first {sample:,}, then your yes" if sample else "none: all are sent at once"
        )
        yield _Line(Field.SAVE, "Save", "from then on, what lands is paid")

    def sums(self) -> str:
        """What saving it means, with its price."""
        draft, table = self.draft, self.draft.table
        price = "at a price not known here" if draft.price is None else f"at {draft.price:,} cr each"
        cap = "WITHOUT a daily cap" if draft.cap is None else f"at most {draft.cap:,} cr a day"
        payer = sanitize(table.get("account", "")) or "nobody yet"
        return f"What lands is sent {price}, {cap}; {payer} pays."


class Form(Dialog[Mapping[str, Any]]):
    """A rule to fill in; gives its table once it is saved with ``s``, None where the person went back.

    ``others`` are the rules it must stand beside.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "back", "back", tooltip="Back, nothing is saved")]
    CSS = """
    Form.dialog #sums { color: $warning; height: auto; }
    Form.dialog #hint { color: $error; height: auto; max-height: 3; }
    """

    def __init__(self, draft: Draft, others: Sequence[written.RuleEntry]) -> None:
        super().__init__(classes="dialog")
        self.draft = draft
        self.others = others
        self._fields: list[Field] = []
        self._in_turn = asyncio.Lock()

    def compose(self) -> ComposeResult:
        """What it is about, its lines, what they mean."""
        title = (
            "Watch a folder" if self.draft.before is None else f"Rule for {sanitize(self.draft.table['folder'], 50)}"
        )
        with Vertical(classes="box wide"):
            yield Static(Content(title).stylize("bold"), classes="heading", markup=False)
            yield Options()
            yield Static("", id="sums", markup=False)
            yield Static("", id="hint", markup=False)
            yield Static(Content("a line's key or enter changes it, esc goes back").stylize("$quiet"), markup=False)

    def on_mount(self) -> None:
        """Show the draft; where the workflow is open, that is the first question."""
        self.app.clear_notifications()
        self._draw()
        self.query_one(OptionList).focus()
        if not written.workflows_of(self.draft.table):
            self._change(Field.WORKFLOW)

    def _draw(self) -> None:
        look, listed = _Look(self.draft), self.query_one(OptionList)
        before = listed.highlighted or 0
        self._fields = [line.field for line in look.lines()]
        said = ((self.host.glyphs.plain(f" {one.field}  {one.sets:<{NAMES}}{one.says}"), one) for one in look.lines())
        listed.set_options(OptionOf(Content(line), one.field) for line, one in said)
        listed.highlighted = min(before, len(self._fields) - 1)
        self.query_one("#sums", Static).update(look.sums())

    def on_resize(self) -> None:
        """Leave room for what stands around the lines; those scroll."""
        self.query_one(OptionList).styles.max_height = max(1, self.size.height - AROUND)

    # ---------------------------------------------------------------------------------------------------- handlers

    def on_key(self, event: events.Key) -> None:
        """A line's own key."""
        if event.character in self._fields:
            event.stop()
            self._change(Field(event.character))

    def too_soon(self, key: events.Key) -> None:
        """Say that a save did not count, and why."""
        if key.character == Field.SAVE:
            self.hint("Nothing is saved: s came before this could be read.")

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """``enter`` changes the line under the cursor; it never saves."""
        field = cast("OptionOf[Field]", event.option).means
        if field is Field.SAVE:
            self.hint("Press s: enter never spends.")
        else:
            self._change(field)

    @work
    async def _change(self, field: Field) -> None:
        self.hint("")
        async with self._in_turn:  # a save that follows quickly must not overtake what it is to save
            if field is Field.SAVE:
                try:
                    await asyncio.to_thread(written.check, self.host.config, self.draft.table, self.others)
                except ConfigError as problem:
                    self.hint(beginning(str(problem), 300))
                else:
                    self.dismiss(self.draft.table)
            elif (draft := await self._other(field)) is not None:
                self.draft = await _informed(self.host, draft)
                self._draw()

    def action_back(self) -> None:
        """Save nothing."""
        self.dismiss(None)

    # ---------------------------------------------------------------------------------------------- what is asked

    async def _other(self, field: Field) -> Draft | None:
        """The draft with another value for a line; None where the person went back."""
        draft, table = self.draft, self.draft.table
        match field:
            case Field.FOLDER | Field.OUTPUT:
                word, title, lines = "folder", "Which folder is watched?", []
                if field is Field.OUTPUT:
                    word, title = "output", "Where do results go?"
                    lines = ["{date}, {workflow}, {relative} and {stem} may stand in it."]
                text = await self._typed(title, lines, home(table[word]), paths=True)
                return draft.set(**{word: absolute(text)}) if text else None
            case Field.NAME:
                lines = ["A rule of another name knows nothing of what this one has sent."]
                name = await self._typed("What is the rule called?", lines, table.get("name", ""))
                return None if name is None else draft.set(name=name or None)
            case Field.ACCOUNT:
                rows = [(name, Content(sanitize(name))) for name in self.host.config.accounts]
                payer = await self.host.ask(ChoiceDialog("Which account pays?", rows, lambda name: (name,)))
                is_same = payer is None or payer == table.get("account")
                # A workflow belongs to its account.
                return None if is_same else draft.set(account=payer, workflow=None, workflows=None)
            case Field.WORKFLOW:
                return await self._workflow()
            case Field.EXISTING:
                return draft.set(existing="ignore" if draft.sends_existing else "process")
            case Field.RECURSIVE:
                return draft.set(recursive=not table.get("recursive") or None)
            case Field.AFTER:
                return draft.set(after="keep" if table.get("after") == "move" else "move")
            case Field.CAP:
                answered, most = await self._number(
                    "The most it may spend a day, in credits (empty: no cap)", draft.cap
                )
                return draft.with_cap(most) if answered else None
            case _:
                title = "How many photos go ahead, before you are asked? (empty: all)"
                answered, most = await self._number(title, table.get("sample"))
                return draft.set(sample=most or None) if answered else None

    async def _typed(self, title: str, lines: Sequence[str], value: str, *, paths: bool = False) -> str | None:
        suggester = Folders() if paths else None
        return await self.host.ask(Ask(title, lines, value=value, suggester=suggester))

    async def _number(self, title: str, value: int | None) -> tuple[bool, int | None]:
        """Whether an amount was given, and which; an empty line is none."""
        text = await self._typed(title, [], "" if value is None else str(value))
        if text is None:
            return False, None
        typed = whole_number(text, MOST)
        if text and typed is None:
            self.hint(f"{sanitize(text, 20)} is no such number; nothing has changed.")
            return False, None
        return True, typed

    async def _workflow(self) -> Draft | None:
        account = self.host.config.accounts.get(self.draft.table.get("account", ""))
        if account is None:
            self.hint("Which account pays? a says it; 5 signs one in.")
            return None
        offers = await workflows_of(self.host, account, self.hint)
        if not offers:
            return None
        # The name is what a person finds again in the file; where two share it, only the id says which.
        words = [one.workflow.id if one.apart or not one.workflow.name.strip() else one.workflow.name for one in offers]
        is_one = len(words) == 1
        return self.draft.set(workflow=words[0] if is_one else None, workflows=None if is_one else words)
