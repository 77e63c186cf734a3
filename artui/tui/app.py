"""The console as an application: its frame, the places behind the digits, the palette, the way out.

It starts no work of its own. What a person decides is left in the journal as a request; an engine in another process
carries it out, whether or not anybody looks on.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import time
from collections.abc import Coroutine, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import events, work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.notifications import SeverityLevel
from textual.reactive import var
from textual.screen import Screen
from textual.signal import Signal
from textual.theme import Theme
from textual.widgets import ContentSwitcher, Input, Static

from artui.config import Config, ConfigError, Paths, save_setting
from artui.config.known import NOTICES
from artui.core import options
from artui.engine.anchor import open_journal
from artui.engine.client import ensure_running
from artui.journal import JournalProblem, accounts
from artui.sanitize import beginning
from artui.tui import look as looks
from artui.tui.above import Above, Answer, Dialog
from artui.tui.answers import COUNTS_FOR, ConsoleDriver, GroundTold, may_be_asked
from artui.tui.look import Width, glyphs, room
from artui.tui.news import News, Toast
from artui.tui.opening import first_place, greeting, last_left, remember
from artui.tui.outside import notice
from artui.tui.page import Page
from artui.tui.pages import PLACES
from artui.tui.pane_shape import last_panes, remember_panes
from artui.tui.shell import Header, Keys, Tab, Tabs
from artui.tui.view import Look, View

if TYPE_CHECKING:
    from artui.core.actions import Action

TOAST_LINES, TOAST_AROUND = 2, 4
"""The lines that a toast has at most, and the cells beside its text."""
UNREAD = 2.0
"""Seconds in which a toast is not read yet."""
WAYS_OUT = Dialog.ways_back | {"q"}
"""The keys that count in a terminal that is too small to show anything."""
DESKTOP = "the desktop tells it, where the terminal passes it on (tmux: allow-passthrough)."


class Console(App[None], inherit_bindings=False):
    """The console over one journal.

    ``ascii`` draws with plain signs whatever the terminal could show; ``readonly`` takes every key away that changes
    anything; ``demo``: engine and service end with this console. Raises JournalProblem where the journal cannot be
    used.
    """

    # The inherited keys are left out: ctrl+q is flow control on many terminals, and ctrl+c means q here.
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("E", "engine", "engine", show=False, tooltip="Start an engine where none runs"),
        Binding("P", "pause", "pause", show=False, tooltip="Pause an account or everything, or go on"),
        Binding("M", "messages", "messages", show=False, tooltip="The messages so far, with their time"),
        Binding("question_mark", "keys", "keys", show=False, tooltip="All keys that work here"),
        Binding("colon,ctrl+p", "palette", "palette", show=False, tooltip="Every action by name"),
        Binding("escape", "back", "back", show=False, tooltip="Leave an input, then a filter, then a dialog"),
        Binding("q", "leave", "leave", tooltip="Leave the console; jobs under way go on if you like"),
        Binding("ctrl+c", "interrupt", show=False, priority=True, tooltip="As q"),
        Binding("ctrl+z", "suspend_process", show=False, priority=True, tooltip="Suspend it; fg shows it again"),
    ]
    CSS_PATH = "app.tcss"
    TITLE = "artui"
    ENABLE_COMMAND_PALETTE = False
    # Terminals select text themselves, with shift; Textual's own ends the console where what is clicked has just gone,
    # and what it has selected could not be copied, for ctrl+c is the way out.
    ALLOW_SELECT = False

    account: var[str | None] = var(None, init=False)
    """The account in use, None where there is none."""

    changes = frozenset({"engine", "pause"})
    """The actions that change anything: ``--readonly`` takes their keys away."""

    class Looked(Message):
        """The view has shown something new."""

        def __init__(self, look: Look) -> None:
            super().__init__()
            self.look = look

    def __init__(
        self,
        paths: Paths,
        config: Config,
        *,
        ascii: bool = False,  # noqa: A002 — named as the flag is
        readonly: bool = False,
        demo: bool = False,
    ) -> None:
        # Before Textual sets itself up: a theme chosen afterwards has it parse every style a second time.
        self.set_reactive(App.theme, looks.wanted_theme(config.theme, os.environ))
        super().__init__(driver_class=ConsoleDriver)
        self.asks_ground = config.theme == "auto" and may_be_asked(os.environ)
        """Whether the terminal is to say which theme fits: neither setting nor palette has."""
        self.animation_level = "none"
        self.paths = paths
        self.readonly = readonly
        self.demo = demo
        self.glyphs = glyphs("ascii" if ascii else config.glyphs)
        self.set_class(self.glyphs is looks.ASCII, "-ascii")
        self.journal = open_journal(paths)
        self.view = View(paths, config, self.journal)
        # One that is added to the settings does not change who pays.
        in_use = config.default_account or self.journal.read(accounts.in_use, config.accounts)
        self.set_reactive(Console.account, in_use or next(iter(config.accounts), None))
        self.look = Look()
        self.news = News()
        self.panes = last_panes(paths)
        self.looked: Signal[Look] = Signal(self, "looked")
        """Published after each look that has shown something new."""
        self.failure: Exception | None = None
        """The defect by which the console ended."""
        self._placing = asyncio.Lock()
        for entry in PLACES:
            self._bindings.bind(entry.binding, f"place('{entry.key}')", entry.title, show=False)

    @property
    def config(self) -> Config:
        """The settings as they were read last, by which the view reads too."""
        return self.view.config

    @config.setter
    def config(self, config: Config) -> None:
        self.view.config = config

    def watch_account(self) -> None:
        """Another account is in use: the header is about that one."""
        self._draw_header()

    @property
    def available_themes(self) -> dict[str, Theme]:
        """The themes of the console, in the place of Textual's own."""
        return {theme.name: theme for theme in looks.THEMES.values()}

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """What the console's own colours are in a theme that does not know them."""
        return {"quiet": "ansi_bright_black", "cursor": "ansi_blue", "cursor-text": "ansi_bright_white"}

    def compose(self) -> ComposeResult:
        """The frame, with the first place in it."""
        first = first_place(self.paths, self.config, self.journal)
        with Vertical(id="frame"):
            yield Header()
            yield Tabs([Tab(entry.key, entry.title) for entry in PLACES])
            with ContentSwitcher(initial=first.id, id="places"):
                yield first.place()
            yield Keys()
        yield Static("", id="too-small", markup=False)

    async def on_mount(self) -> None:
        """Begin to look."""
        self.view.start(lambda look: self.post_message(self.Looked(look)))
        if left := last_left(self.paths):
            self.news.greeting = await self.view.ask(greeting, left)

    def _fatal_error(self) -> None:
        """End, and leave it to whoever opened the console to say why: Textual would print every variable on the way to
        the error, and so a key that was just pasted."""
        self.failure = self._exception
        self._close_messages_no_wait()

    def on_unmount(self) -> None:
        """Let the journal go."""
        self.view.stop()
        if not self.readonly:
            remember(self.paths, self.journal)
            remember_panes(self.paths, self.panes)
        self.journal.close()

    def on_ground_told(self, message: GroundTold) -> None:
        """The terminal has said which ground it has."""
        if self.asks_ground and message.after < COUNTS_FOR:
            self.theme = (looks.LIGHT if message.is_light else looks.DARK).name

    # ------------------------------------------------------------------------------------------------ what is new

    async def on_console_looked(self, message: Looked) -> None:
        """Take a look's news in, and pass them on."""
        if not self._has_frame():
            return
        look, before = message.look, self.look
        toasts = []
        if before.engine and look.engine is None and (text := self.news.engine_ended(look)):
            toasts.append(Toast(text, is_trouble=True, is_call=True))
        self.look = look
        self._draw_header()
        toasts += await self.news.of_silence(before, look, self.view)
        toasts += self.news.of_caps(before, look, dt.datetime.now(self.config.timezone).date())
        if look.wrote:
            toasts += await self.news.take_in(look, self.view)
        if not self._has_frame():
            return
        if toasts:  # the first is shown, and calls a person who is elsewhere; the messages keep all
            first = min(toasts, key=lambda toast: (not toast.is_call, not toast.is_trouble))
            text = first.text + (f" ({len(toasts) - 1} more: M)" if len(toasts) > 1 else "")
            if first.is_call and self._driver is not None and (order := notice(text, self.config.notice)):
                self._driver.write(order)
            if not self.screen.is_modal:  # it would lie over a dialog
                self.notify(text, severity="warning" if first.is_trouble else "information", markup=False)
        self.looked.publish(look)

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = False,
    ) -> None:
        """Show a toast, in the lines above the keys. What it has no room for is among the messages."""
        room = TOAST_LINES * (self.size.width - TOAST_AROUND)
        said = beginning(message, room, self.glyphs.ellipsis)
        if said != message:
            self._keep_message(message)
        super().notify(said, title=title, severity=severity, timeout=timeout, markup=markup)

    def on_notify(self) -> None:
        """Another toast comes: it takes the place of the one before, which nobody may have read."""
        for one in self._notifications:
            if time.time() - one.raised_at < UNREAD:
                self._keep_message(one.message)
        self._notifications.clear()

    def _keep_message(self, message: str) -> None:
        if all(one.text != message for one in self.news.messages):
            self.news.tell(time.time(), message)

    # ----------------------------------------------------------------------------------------------- the frame

    def on_resize(self, event: events.Resize) -> None:
        """Show all that fits, or say what is missing."""
        small = room(event.size) is Width.TOO_SMALL
        self.screen_stack[0].set_class(small, "-too-small")
        text = f"artui needs 60 x 18 cells; this terminal has {event.size.width} x {event.size.height}."
        self.screen_stack[0].query_one("#too-small", Static).update(text)
        # Sizes that follow each other quickly may end where they began; the terminal has cut the picture all the same.
        self.screen.refresh(layout=True)
        self.call_after_refresh(self._draw_frame)

    async def on_tabs_chosen(self, message: Tabs.Chosen) -> None:
        """A tab was clicked."""
        await self.action_place(message.key)

    async def on_keys_pressed(self, message: Keys.Pressed) -> None:
        """A key of the footer was clicked."""
        if message.active.node.is_attached:  # what was clicked may be left by now
            await self.run_action(message.active.binding.action, default_namespace=message.active.node)

    async def on_header_called(self, message: Header.Called) -> None:
        """What calls a person was clicked."""
        if message.key == "E":
            await self.action_engine()
        else:
            await self.action_place(PLACES[0].key)
            await self.run_action("next", default_namespace=self.place)

    @property
    def place(self) -> Page:
        """The place in front."""
        front = self.screen_stack[0].query_one("#places", ContentSwitcher).visible_content
        return cast("Page", front)

    def _has_frame(self) -> bool:
        """Whether the frame is there: a size may come before it, and news after it has gone."""
        return self.is_running and bool(self.screen_stack) and bool(self.screen_stack[0].query(Header))

    def _draw_frame(self) -> None:
        if not self._has_frame():
            return
        self._draw_header()
        if self.screen is self.screen_stack[0] and self.focused is None:
            self.place.enter()  # what was hidden for want of room has lost the focus
        front = self.screen_stack[0].query_one("#places", ContentSwitcher).current
        key = next(entry.key for entry in PLACES if entry.id == front)
        self.screen_stack[0].query_one(Tabs).draw(key)
        if self.screen is self.screen_stack[0]:
            self.screen.query_one(Keys).draw()

    def _draw_header(self) -> None:
        account = self.config.accounts.get(self.account or "")
        self.screen_stack[0].query_one(Header).draw(
            self.look, self.account, production=bool(account and account.production)
        )

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Take the keys that change anything away from a console that only reads, and the way to other places from a
        screen that keeps its digits."""
        del parameters
        if action == "place" and isinstance(self.screen, Above):
            return self.screen.goes_elsewhere
        return not (action in self.changes and self.readonly)

    async def on_event(self, event: events.Event) -> None:
        """Keep what comes too soon from a dialog, and take all other keys one after the other, as they were typed.

        Textual sends a key to what has the focus and lets it rise to its binding; a key typed on would go where the
        focus still is, so that what is to be filtered by would be taken for commands, and a key pressed twice would ask
        twice. What is typed into an input, and into a dialog, goes Textual's way.
        """
        # A key that a dialog had no use for comes here again, forwarded, when another may lie in front.
        if isinstance(event, events.Key) or (isinstance(event, events.InputEvent) and not event.is_forwarded):
            if self._exit:
                return  # what a key would open now finds nothing to be built in
            if room(self.size) is Width.TOO_SMALL and getattr(event, "key", "") not in WAYS_OUT:
                return  # what it does, and what that would cost, cannot be read
            front: Screen[Any] | None = None
            while front is not self.screen:  # another may come in front while this one is waited for
                front = self.screen
                if isinstance(front, Above):
                    await front.there()
            if isinstance(front, Dialog) and not front.takes(event):
                return
            typed = front.is_modal or isinstance(self.focused, Input)
            if isinstance(event, events.Key) and not (typed or event.is_forwarded):
                if front is self.screen_stack[0]:
                    self.place.touched()
                if await self._check_bindings(event.key, priority=True) or await self._check_bindings(event.key):
                    return
        await super().on_event(event)

    # ---------------------------------------------------------------------------------------- asking the engine

    async def decide(self, agreed: Sequence[Action]) -> list[int]:
        """Leave requests for what a person has agreed to, and see to it that an engine runs; returns their numbers."""
        numbers = await self.journal.write_async(options.decide, agreed)
        self.news.forget_kinds()
        if self.look.engine is None:
            self.soon(self.start_engine())
        return numbers

    async def start_engine(self) -> None:
        """Have an engine run, in the background where none does."""
        try:
            await asyncio.to_thread(ensure_running, self.paths, self.journal)
        except JournalProblem as problem:
            self.news.tell(time.time(), beginning(str(problem), 300))
            self.notify(beginning(str(problem), 300), severity="error", markup=False)

    def soon(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run something beside what happens on the screen."""
        self.run_worker(work)

    # ------------------------------------------------------------------------------------------------ the screens

    async def ask(self, dialog: Screen[Answer]) -> Answer | None:
        """Show a dialog and wait for what it gives; only in a worker, beside what happens on the screen."""
        return await self.push_screen_wait(dialog)

    async def open_page(self, key: str, *, alone: bool = False) -> Page:
        """Show the place behind a digit, with ``alone`` nothing above it; returns that place."""
        while alone and len(self.screen_stack) > 1:
            await self.pop_screen()
        entry = next(entry for entry in PLACES if entry.key == key)
        places = self.screen_stack[0].query_one("#places", ContentSwitcher)
        async with self._placing:  # a key may ask for the place that an answer is just having made
            if not places.query_children(f"#{entry.id}"):
                await places.add_content(entry.place())
        places.current = entry.id
        self._draw_frame()
        self.place.enter()
        return self.place

    # --------------------------------------------------------------------------------------------------- actions

    async def action_place(self, key: str) -> None:
        """Show the place behind a digit, and leave what lies above the one before."""
        await self.open_page(key, alone=True)

    async def action_engine(self) -> None:
        """Start an engine where none runs."""
        if self.look.engine is not None:
            self.notify("An engine is running already.", markup=False)
            return
        self.soon(self.start_engine())

    def action_messages(self) -> None:
        """Show the messages so far."""
        from artui.tui.dialogs import TextDialog

        lines = [message.line(time.time()) for message in reversed(self.news.messages)]
        self.push_screen(TextDialog("Messages, the newest first", Content("\n".join(lines) or "None yet.")))

    def action_keys(self) -> None:
        """Show all keys that work here."""
        from artui.tui.dialogs import TextDialog
        from artui.tui.palette import key_help

        self.push_screen(TextDialog("Keys", key_help(self.screen)))

    def action_palette(self) -> None:
        """Offer every action by name."""
        from artui.tui.palette import offer

        offer(self)

    async def action_back(self) -> None:
        """Undo one step inside the place."""
        self.place.back()

    async def action_interrupt(self) -> None:
        """Back from whatever is in front, else leave."""
        if len(self.screen_stack) > 1:
            self.screen.dismiss(None)
        else:
            self.action_leave()

    @work
    async def action_leave(self) -> None:
        """Leave, after a question where jobs are under way."""
        from artui.tui.leaving import Leaving, asked, leaving_question

        question = None if self.readonly else await leaving_question(self)
        if question is None:
            self.exit()
            return

        async def answered(answer: Leaving | None) -> None:
            if answer is None:
                return
            if agreed := asked(self, answer):
                await self.decide(agreed)
            if answer in (Leaving.KEEP, Leaving.FINISH) and self.look.engine is None:
                await self.start_engine()
            self.exit()

        await self.push_screen(question, answered)

    async def action_notice(self) -> None:
        """Tell a person who looks elsewhere by the next way, and keep it."""
        word = NOTICES[(NOTICES.index(self.config.notice) + 1) % len(NOTICES)]
        self.config = self.config._replace(notice=word)
        said = {"off": "Nothing is told outside.", "bell": "The terminal's bell tells it.", "desktop": DESKTOP}[word]
        self.notify(f"A batch ends, or you are needed: {said}", markup=False)
        await self._keep("notice", word)

    async def _keep(self, setting: str, word: str) -> None:
        """Save a setting."""
        if not self.readonly:
            try:
                await asyncio.to_thread(save_setting, self.paths, setting, word)
            except ConfigError as problem:
                self.notify(f"So until artui ends: {problem}", severity="warning", markup=False)

    async def action_theme(self) -> None:
        """Change to the next theme, and keep it."""
        self.asks_ground = False
        words = list(looks.THEMES)
        place = next(place for place, word in enumerate(words) if looks.THEMES[word].name == self.theme)
        word = words[(place + 1) % len(words)]
        self.theme = looks.THEMES[word].name
        await self._keep("theme", word)

    def action_pause(self) -> None:
        """Pause an account or everything, or let it go on."""
        from artui.tui.pausing import ask_to_pause

        self.soon(ask_to_pause(self))
