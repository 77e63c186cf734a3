"""What a sign-in shows and asks: the code to confirm elsewhere, a key to paste, and who is to pay."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static
from textual.worker import Worker, WorkerCancelled

from artui.core.sign_in import PayerChoice
from artui.credentials import Secret
from artui.sanitize import sanitize
from artui.tui import desktop
from artui.tui.above import Dialog
from artui.tui.columns import Column, layout, line
from artui.tui.dialogs import InputDialog, InputField
from artui.tui.qr import qr_code
from artui.tui.rows import Rows
from artui.tui.service import ServiceError, told
from artui.tui.words import amount

if TYPE_CHECKING:
    from artui.providers.base import DevicePrompt

Login = Callable[[Callable[["DevicePrompt"], None]], Awaitable[Secret]]
"""Asks the service for a code, shows it with what it is given, and returns the key once the code is confirmed."""

QR_CELLS, QR_LINES = 78, 22
"""The least terminal in which the QR code is drawn; a smaller one shows the code and the address alone."""


class CodeScreen(Dialog[Secret]):
    """Shows a code until it is confirmed elsewhere; gives the key, None where the person gave up."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "copy", "copy address", tooltip="The address in one line, and sent to your terminal"),
        Binding("r", "again", "new code", tooltip="Ask for another code"),
        Binding("q,escape", "back", "cancel", tooltip="Give up signing in; nothing is kept"),
    ]
    DEFAULT_CSS = """
    CodeScreen .box { width: 78; padding: 0 1; }
    CodeScreen #code-and-words { height: auto; }
    CodeScreen #qr { width: auto; height: auto; margin: 0 2 0 0; }
    CodeScreen #said { width: 1fr; height: auto; }
    """

    def __init__(self, title: str, login: Login, *, may_draw: bool) -> None:
        super().__init__(classes="dialog")
        self.heading = title
        self.login = login
        self.may_draw = may_draw
        self.prompt: DevicePrompt | None = None
        self.expires = ""
        self.trouble = ""
        self._asking: Worker[None] | None = None

    async def ended(self) -> None:
        """Wait until nothing asks the service any more, so that its connections can be closed."""
        if self._asking is not None:
            self._asking.cancel()
            with suppress(WorkerCancelled):
                await self._asking.wait()

    def compose(self) -> ComposeResult:
        """The QR code, and right of it the code in words."""
        with Vertical(classes="box"):
            yield Static(Content(self.heading).stylize("bold"), markup=False)
            with Horizontal(id="code-and-words"):
                yield Static("", id="qr", markup=False)
                yield Static("", id="said", markup=False)

    def on_mount(self) -> None:
        """Ask for a code."""
        self.action_again()

    async def _wait(self) -> None:
        def prompted(prompt: DevicePrompt) -> None:
            self.prompt = prompt
            self.expires = time.strftime("%H:%M", time.localtime(time.time() + prompt.expires_in))
            self._draw()

        self.prompt, self.trouble = None, ""
        self._draw()
        try:
            with told():
                key = await self.login(prompted)
        except ServiceError as trouble:
            self.trouble = str(trouble)
            self._draw()
        else:
            self.dismiss(key)

    def _draw(self) -> None:
        cells, lines = self.app.size
        drawn = self.prompt is not None and self.may_draw and cells >= QR_CELLS and lines >= QR_LINES
        code = self.query_one("#qr", Static)
        code.display = drawn and not self.trouble
        if self.prompt and code.display:
            code.update(qr_code(self.prompt.url_with_code))
        if self.trouble:
            said = Content.assemble(f"{self.trouble}\n\n", ("r  new code     q  cancel", "$quiet"))
        elif self.prompt is None:
            said = Content("Asking for a code ...")
        else:
            first = "Scan this, or open" if code.display else "Open this on any phone or browser:"
            if self.host.demo:
                first = "No phone reaches a demo: open this on the same machine (y: without a browser)"
            said = Content.assemble(
                f"{first}\n",
                (sanitize(self.prompt.url), "bold $primary"),
                "\n\nand enter the code\n\n  ",
                (" ".join(sanitize(self.prompt.user_code, 40)), "bold"),
                f"\n\nexpires {self.expires}\n\n",
                ("y  copy address\nq  cancel", "$quiet"),
            )
        self.query_one("#said", Static).update(said)
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Copy an address where there is one, ask again where the last code came to nothing."""
        del parameters
        if action == "copy":
            return self.prompt is not None and not self.trouble
        return bool(self.trouble) if action == "again" else True

    def on_resize(self) -> None:
        """Draw the QR code where it fits."""
        self._draw()

    def action_copy(self) -> None:
        """Send the address to the terminal's clipboard, and show it where it can be selected."""
        if self.prompt is not None:
            address = sanitize(self.prompt.url_with_code)
            said = address
            if self.host.demo:
                said += f"\n\nWithout a browser here, in another terminal:\n\ncurl -d confirm=1 \\\n '{address}'"
            desktop.copy(self.app, address, said)

    def action_again(self) -> None:
        """Ask for another code."""
        self._asking = self.run_worker(self._wait(), exclusive=True)

    def action_back(self) -> None:
        """Give up."""
        self.dismiss(None)


class KeyScreen(InputDialog[Secret]):
    """Asks for a key without showing it; None where the person went back."""

    def __init__(self, title: str) -> None:
        field = InputField(password=True, placeholder="paste the key here")
        super().__init__(title, ["It is tried before it is kept, and never shown."], field)

    def take(self, typed: str) -> None:
        """Give the key, and keep it nowhere here."""
        self.field.clear()
        if key := Secret(typed):
            self.dismiss(key)


class PayersScreen(Dialog[list[PayerChoice]]):
    """Asks which organizations are to pay; None where the person went back."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "mark", "mark", tooltip="Mark this organization, or take the mark away"),
        Binding("escape,q", "back", "back", tooltip="Back, nothing is kept"),
    ]
    COLUMNS = (Column("Name"), Column("Role", 20), Column("Balance", 13, right=True))

    def __init__(self, payers: Sequence[PayerChoice], marked: Sequence[str] = (), *, sign: str) -> None:
        """``marked`` are the ids of those that pay already; ``sign`` stands before what is marked."""
        super().__init__(classes="dialog")
        self.payers = payers
        self.marked = set(marked)
        self.sign = sign

    def compose(self) -> ComposeResult:
        """The organizations with role and balance."""
        with Vertical(classes="box"):
            title = "Signed in. Which organization pays?"
            yield Static(Content(title).stylize("bold"), classes="heading", markup=False)
            yield Rows()
            yield Static("", id="hint", markup=False)
            yield Static(
                Content("Each one marked becomes an account; all share this sign-in.").stylize("$quiet"), markup=False
            )

    def on_mount(self) -> None:
        """Begin on the first one."""
        self._draw()
        rows = self.query_one(Rows)
        rows.styles.height = min(10, len(self.payers))
        rows.highlighted = 0
        rows.focus()

    def _draw(self) -> None:
        slots, rows = layout(self.COLUMNS, min(68, self.app.size.width - 8)), []
        for payer in self.payers:
            organization = payer.organization
            balance = f"{amount(payer.balance)} cr" if payer.balance is not None else "balance ?"
            said = line(slots, (organization.name or organization.id, organization.role, balance))
            mark = self.sign if organization.id in self.marked else " "
            rows.append((organization.id, Content(f"[{mark}] {said}")))
        self.query_one(Rows).put(rows)
        number = len(self.marked)
        goes_on = f"goes on with {number}" if number else "goes on with the one under the cursor"
        self.query_one("#hint", Static).update(f"space marks, enter {goes_on}, esc goes back")

    def on_option_list_option_selected(self) -> None:
        """Go on with the marked, or with the one under the cursor."""
        wanted = self.marked or {self.query_one(Rows).current}
        self.dismiss([payer for payer in self.payers if payer.organization.id in wanted])

    def action_mark(self) -> None:
        """Mark the organization under the cursor, or take its mark away."""
        self.marked ^= {self.query_one(Rows).current}
        self._draw()

    def action_back(self) -> None:
        """Choose none."""
        self.dismiss(None)
