"""The Watch screen: the rules that are written down, what each would do, and where each is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from artui.config import Config, Source, dotted
from artui.shown import shown, width
from artui.tui.dialogs import Reading
from artui.tui.place import Place
from artui.tui.shell import Line

MOST_LINES = 40
"""The most lines of a rule that are shown as they are written."""

NO_RULES = (
    "No folder is watched, and no rule is written down.\n\n"
    "A rule is a [[watch]] table in {file}: folder, output, account, workflow, caps.\n"
    "This version shows rules and does not act on them yet. 2 sends a folder by hand."
)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule as it is written: a folder, and what is to be done with its files."""

    number: int
    folder: str
    output: str
    account: str
    workflow: str
    caps: str
    rest: str
    source: Source


def rules(config: Config) -> list[Rule]:
    """The rules of a configuration, in its order. Their values are shown as written, of whatever kind they are."""
    return [_rule(config, number, written) for number, written in enumerate(config.watch)]


def _rule(config: Config, number: int, written: Mapping[str, object]) -> Rule:
    name = str(written.get("account") or config.default_account or "")
    account = config.accounts.get(name)
    caps = written.get("caps")
    return Rule(
        number=number + 1,
        folder=_said(written.get("folder")),
        output=_said(written.get("output") or (account and account.output)),
        account=_said(name) + ("" if account or not name else " (not set up)"),
        workflow=_said(written.get("workflow") or (account and account.workflow)),
        caps=", ".join(f"{_said(most)} a {_said(span)}" for span, most in caps.items())
        if isinstance(caps, Mapping)
        else _said(caps),
        rest=", ".join(f"{word} = {_said(written[word])}" for word in ("existing", "after") if word in written),
        source=config.sources[dotted(("watch", number))],
    )


def _said(value: object) -> str:
    return "-" if value in (None, "") else shown(str(value), 400)


class Watches(Place):
    """The rules of config.toml and settings.toml."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e", "where", "where it is written", tooltip="The file and line where this rule is written"),
    ]
    DEFAULT_CSS = """
    Watches #rules-head { color: $quiet; text-style: bold; }
    Watches OptionList, Watches OptionList:focus {
        height: 1fr; border: none; padding: 0; background: $background; background-tint: $background 0%;
        scrollbar-size: 0 0;
    }
    Watches OptionList > .option-list--option { padding: 0; }
    Watches OptionList > .option-list--option-highlighted { background: $cursor; text-style: bold; }
    Watches #no-rules { padding: 1 1; }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 — as Textual
        super().__init__(id=id)
        self.rules: list[Rule] = []

    def compose(self) -> ComposeResult:
        """The rules, two lines each, and a sentence about them; or what a rule is."""
        yield Line(id="rules-head")
        yield OptionList(id="rules")
        yield Static("", id="no-rules", markup=False)
        yield Line(id="rules-note")

    def on_mount(self) -> None:
        """Show what is set."""
        self.draw()

    def on_resize(self) -> None:
        """Other widths."""
        self.draw()

    def enter(self) -> None:
        """Give the list the focus."""
        if self.rules:
            self.query_one(OptionList).focus()

    def draw(self) -> None:
        """Draw the rules at this width."""
        self.rules = rules(self.console.config)
        listed, cells = self.query_one(OptionList), self.app.size.width
        before = listed.highlighted
        listed.set_options(Option(self._told(rule, cells)) for rule in self.rules)
        listed.highlighted = (before or 0) if self.rules else None
        listed.display = bool(self.rules)
        self.query_one("#no-rules", Static).update(NO_RULES.format(file=shown(self.console.paths.config_file)))
        self.query_one("#no-rules").display = not self.rules
        head = note = ""
        if self.rules:
            head = " Folder and where its results go, then account, workflow and caps"
            note = " Rules are shown only: this version does not act on them. 2 sends a folder by hand."
        self.query_one("#rules-head", Line).say(head)
        self.query_one("#rules-note", Line).say(shown(note, cells, ".."))
        self.refresh_bindings()

    def _told(self, rule: Rule, cells: int) -> Content:
        """A rule in two lines of exactly this width."""
        state, glyphs = "not watched", self.console.glyphs
        number = f"{rule.number:>3} "
        room = cells - width(number) - len(state) - 3
        arrow = f" {glyphs.arrow} "
        half = (room - len(arrow)) // 2
        places = shown(rule.folder, max(half, room - len(arrow) - width(rule.output)), glyphs.ellipsis) + arrow
        places += shown(rule.output, max(1, room - width(places)), glyphs.ellipsis)
        first = f"{number}{places}{' ' * max(2, room - width(places) + 2)}"
        limit = "no caps" if rule.caps == "-" else f"caps {rule.caps}"
        parts = [f"account {rule.account}", f"workflow {rule.workflow}", limit, rule.rest]
        second = shown("    " + ", ".join(part for part in parts if part), cells - 1, glyphs.ellipsis)
        return Content(f"{first}{state}\n{second}")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """No key where there is no rule that it could be about."""
        if action == "where" and not self.rules:
            return False
        return super().check_action(action, parameters)

    def on_option_list_option_selected(self) -> None:
        """``enter`` shows the same as ``e``."""
        self.action_where()

    def action_where(self) -> None:
        """Show the file and the line where the rule under the cursor is written."""
        number = self.query_one(OptionList).highlighted
        if number is not None:
            source = self.rules[number].source
            text = "\n".join(shown(line, 200) for line in _excerpt(source))
            change = "Change it there and open artui again; artui never writes to config.toml."
            self.app.push_screen(Reading(shown(str(source)), Content(f"{text}\n\n{change}")))


def _excerpt(source: Source) -> list[str]:
    """The lines of a file in which a rule is written: from its heading to the next rule or table."""
    begin = source.line
    if begin is None:
        return []
    lines = source.text.splitlines()[begin - 1 : begin - 1 + MOST_LINES]
    for number, line in enumerate(lines[1:], 1):
        if line.startswith("[") and not line.startswith("[watch."):
            lines = lines[:number]
            break
    while lines and (not lines[-1].strip() or lines[-1].lstrip().startswith("#")):
        lines.pop()
    return lines
