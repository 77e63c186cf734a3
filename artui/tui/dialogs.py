"""Dialogs: a question with its answers, a line of text to type, and a text to read."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.suggester import Suggester
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from artui.tui.above import Answer, Dialog
from artui.tui.rows import Options

TAKES = "enter takes it, esc goes back"

AROUND = 6
"""Lines of a text's box beside the text: its border, its heading and the way out, with a blank one after each."""


NO = "n"
"""The key of the answer that changes nothing, in every question."""


@dataclass(frozen=True, slots=True)
class Choice(Generic[Answer]):
    """One answer: its key, what it says, and what the question gives for it.

    ``by_enter``: ``enter`` and a click choose it too. Only what neither spends nor loses anything may be chosen so.
    """

    key: str
    says: str
    gives: Answer
    by_enter: bool = False


@dataclass(frozen=True, slots=True)
class No:
    """The answer that changes nothing: the question gives None for it."""

    says: str
    key: ClassVar[str] = NO
    gives: ClassVar[None] = None
    by_enter: ClassVar[bool] = True


class Question(Dialog[Answer]):
    """Asks; gives what the chosen answer gives, None where nothing is to change: :class:`No`, or the way back. The
    cursor begins on the first choice. Raises ValueError where the choices do not have one ``n``, or share a key."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "back", "back", tooltip="Back, nothing is done"),
    ]
    ways_back = Dialog.ways_back | {NO}

    def __init__(self, title: str, lines: Sequence[str], choices: Sequence[Choice[Answer] | No]) -> None:
        super().__init__(classes="dialog")
        keys = [choice.key for choice in choices]
        if not any(isinstance(choice, No) for choice in choices) or len(set(keys)) < len(keys):
            raise ValueError(f"{title} has the answers {', '.join(keys)}: one n is wanted, and no key twice")
        self.heading = title
        self.lines = lines
        self.choices = choices

    def compose(self) -> ComposeResult:
        """The title, the text, the choices."""
        with Vertical(classes="box"):
            yield Static(Content(self.heading).stylize("bold"), classes="heading", markup=False)
            if self.lines:
                with VerticalScroll(classes="text", can_focus=False):
                    yield Static("\n".join(self.lines), markup=False)
            yield Options(*(Option(Content(f" {choice.key}  {choice.says}")) for choice in self.choices))
            yield Static("", id="hint", markup=False)

    def on_mount(self) -> None:
        """Put the cursor on the first choice. Toasts would lie over the question; the messages keep them."""
        self.app.clear_notifications()
        choices = self.query_one(OptionList)
        choices.highlighted = 0
        choices.focus()

    def _choice(self, key: events.Key) -> Choice[Answer] | No | None:
        return next((one for one in self.choices if one.key in (key.key, key.character)), None)

    def on_key(self, event: events.Key) -> None:
        """A choice's own key gives it."""
        if (choice := self._choice(event)) is not None:
            event.stop()
            self.dismiss(choice.gives)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """``enter``, or a click, gives the choice it is on, unless that spends or loses something."""
        choice = self.choices[event.option_index]
        if choice.by_enter:
            self.dismiss(choice.gives)
        else:
            self.hint(f"Press {choice.key} for that: enter never spends, and takes nothing away.")

    def too_soon(self, key: events.Key) -> None:
        """Say that an answer did not count, and why."""
        if (choice := self._choice(key)) is not None:
            self.hint(f"Nothing is done: {choice.key} came before this could be read.")

    def action_back(self) -> None:
        """Give no answer."""
        self.dismiss(None)


class InputField(Input):
    """The line that is typed: a value to be replaced, or the beginning of a path, which tab completes."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("tab", "cursor_right", show=False)]

    def __init__(
        self, value: str = "", placeholder: str = "", suggester: Suggester | None = None, *, password: bool = False
    ) -> None:
        replaced = suggester is None
        super().__init__(
            value, placeholder, suggester=suggester, password=password, compact=True, select_on_focus=replaced
        )
        self.cursor_blink = False
        self._begun = value

    def insert_text_at_cursor(self, text: str) -> None:
        """A whole path that is typed or pasted behind the folder offered takes its place."""
        offered = self.suggester is not None and self._begun.endswith("/") and self.value == self._begun
        if offered and text.startswith(("/", "~")):
            self.clear()
        super().insert_text_at_cursor(text)


class InputDialog(Dialog[Answer]):
    """Asks for a line; what comes of it, :meth:`take` says. None where the person went back."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "back", "back", tooltip="Back, nothing is done")]

    def __init__(self, title: str, lines: Sequence[str], field: InputField) -> None:
        super().__init__(classes="dialog")
        self.heading = title
        self.lines = lines
        self.field = field

    def compose(self) -> ComposeResult:
        """The title, the text, the line."""
        with Vertical(classes="box"):
            yield Static(Content(self.heading).stylize("bold"), classes="heading", markup=False)
            if self.lines:
                yield Static("\n".join(self.lines), markup=False)
            yield self.field
            how = "tab completes, enter takes it, esc goes back" if self.field.suggester else TAKES
            yield Static(Content(how).stylize("$quiet"), markup=False)

    def on_mount(self) -> None:
        """Wait for the line, with no toast over it."""
        self.app.clear_notifications()
        self.field.focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take what was typed."""
        self.take(event.value.strip())

    @abstractmethod
    def take(self, typed: str) -> None:
        """Give what comes of the typed line, or go on asking."""

    def action_back(self) -> None:
        """Give nothing."""
        self.dismiss(None)


class Ask(InputDialog[str]):
    """Asks for a line of text, which begins as ``value``; None where the person went back."""

    def __init__(
        self,
        title: str,
        lines: Sequence[str] = (),
        *,
        value: str = "",
        placeholder: str = "",
        suggester: Suggester | None = None,
    ) -> None:
        super().__init__(title, lines, InputField(value, placeholder, suggester))

    def take(self, typed: str) -> None:
        """Give what was typed."""
        self.dismiss(typed)


class TextDialog(Dialog[None]):
    """A text to read and scroll; it asks nothing."""

    unread = 0.0

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter,question_mark", "back", "back", tooltip="Back"),
        Binding("down,j", "scroll(1)", show=False),
        Binding("up,k", "scroll(-1)", show=False),
        Binding("pagedown,space", "scroll(10)", show=False),
        Binding("pageup", "scroll(-10)", show=False),
        Binding("home,g", "edge('home')", show=False),
        Binding("end,G", "edge('end')", show=False),
    ]

    def __init__(self, title: str, text: Content, *, plain: bool = False) -> None:
        """``plain``: nothing beside the text and no wrapping, so that it can be selected with the mouse."""
        super().__init__(classes="dialog")
        self.heading = title
        self.text = text
        self.plain = plain

    def compose(self) -> ComposeResult:
        """The title, the text, the way out."""
        with Vertical(classes="box plain" if self.plain else "box wide"):
            yield Static(Content(self.heading).stylize("bold"), classes="heading", markup=False)
            with VerticalScroll(classes="text", can_focus=False):
                yield Static(self.text, markup=False)
            yield Static(Content("up and down scroll, esc goes back").stylize("$quiet"), markup=False)

    def on_mount(self) -> None:
        """No toast lies over the text."""
        self.app.clear_notifications()

    def on_resize(self) -> None:
        """Leave room for the way out below a long text."""
        self.query_one(VerticalScroll).styles.max_height = max(1, self.size.height - AROUND)

    def action_scroll(self, lines: int) -> None:
        """Scroll the text by so many lines."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)

    def action_edge(self, end: str) -> None:
        """Scroll to the first or the last line."""
        text = self.query_one(VerticalScroll)
        (text.scroll_home if end == "home" else text.scroll_end)(animate=False)

    def action_back(self) -> None:
        """Close it."""
        self.dismiss(None)
