"""How a rule stands, in words: its state in a few cells, its figures, and what a person should know and do about it."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from artui.config import Caps, Config
from artui.core.health_phrases import opening
from artui.core.quote import Quote, quote
from artui.engine.client import EngineStatus
from artui.journal import Connection, accounts, requests, rules
from artui.journal.caps import Portion
from artui.journal.rules import RuleRow, RuleState
from artui.journal.watching import Figures, figures
from artui.model.holds import STOPS_RULE, CapKind
from artui.model.states import Reason
from artui.model.watching import WILL_BE_TAKEN, RuleCause, Skip
from artui.sanitize import beginning, sanitize
from artui.tui.look import Glyphs
from artui.tui.phrases import CELLS, RULE_CELLS, RULE_OFFLINE, RULE_STOPPED, UNTIL, WAITING_FILES
from artui.tui.watches.written import RuleEntry
from artui.tui.words import amount, clock, home, plural


def is_watching(engine: EngineStatus | None) -> bool:
    """Whether the engine that runs works through rules."""
    return engine is not None and not engine.stale and engine.row.mode == requests.WATCH


@dataclass(frozen=True, slots=True)
class RuleStatus:
    """A rule and how it stands; ``figures`` is None where no engine ever watched it. ``watching``: an engine works
    through rules now. ``cap`` is today's with what was ``allowed`` beyond it; ``price`` is what a photo costs as it was
    pinned; ``cost`` is what the caps say to the photos that one of them holds."""

    entry: RuleEntry
    figures: Figures | None = None
    watching: bool = False
    cap: int | None = None
    allowed: int = 0
    workflow: str = ""
    price: int | None = None
    cost: Quote | None = None
    opens: str = ""
    """When its hours begin, in words; empty where it sends now."""

    @property
    def row(self) -> RuleRow | None:
        """The rule in the journal."""
        return self.figures.row if self.figures else None

    @property
    def is_watched(self) -> bool:
        """Whether an engine looks after this very rule now."""
        return self.watching and self.row is not None and self.row.state is not RuleState.ENDED

    @property
    def stop(self) -> Reason | None:
        """What holds jobs of this rule and so the rule as a whole; None where nothing does."""
        known = self.figures.held if self.figures else {}
        return next((reason for reason in STOPS_RULE if reason in known), None)

    @property
    def spent(self) -> int:
        """What today's cap sees as spent."""
        return self.figures.spent.today if self.figures else 0

    @property
    def saved(self) -> int:
        """How many of today's photos have a result that is good as far as anybody has said."""
        return self.figures.today.done - self.figures.today.rejected if self.figures else 0

    @property
    def bad(self) -> int:
        """How many of today's photos have no result to be used."""
        return self.figures.today.bad if self.figures else 0

    @property
    def waits(self) -> int:
        """How many photos wait: in the folder, or held."""
        there = sum(self.in_folder(reason) for reason in WILL_BE_TAKEN)
        return there + (self.figures.counted.held if self.figures else 0)

    def in_folder(self, reason: Skip) -> int:
        """How many files of its last scan were passed over for a reason."""
        passed = self.row.not_taken.get(reason) if self.row else None
        return passed.count if passed else 0

    @property
    def asks(self) -> bool:
        """Whether a person's yes lets it go on."""
        row = self.row
        if row is None or row.paused:
            return False
        if self.figures and Reason.SAMPLE in self.figures.held:
            return True
        elsewhere = row.state is RuleState.OFFLINE and row.cause in (RuleCause.NO_MARKER, RuleCause.OUTPUT_UNMOUNTED)
        return self.is_watched and (row.state in (RuleState.HELD, RuleState.FOREIGN) or elsewhere)


def read(db: Connection, entries: Iterable[RuleEntry], settings: Config, *, watching: bool) -> list[RuleStatus]:
    """How these rules stand; in the view's thread."""
    standings = []
    for entry in entries:
        row = rules.get(db, entry.id)
        if row is None:
            cap = entry.rule.caps.day if entry.rule else None
            standings.append(RuleStatus(entry, watching=watching, cap=cap))
            continue
        now = dt.datetime.fromtimestamp(time.time(), settings.timezone)
        day = accounts.day(db, row.account, now.date().isoformat())
        midnight = dt.datetime.combine(now.date(), dt.time.min, now.tzinfo).timestamp()
        found = figures(db, row, day, midnight)
        capped = found.held[Reason.CAP].jobs if Reason.CAP in found.held else 0
        account = settings.accounts.get(row.account)
        own = account.caps if account else Caps()
        cost = quote(db, row.account, own, row.price, [Portion(row.id, capped, None, row.id)], settings.timezone)
        today = cost.of_kind(CapKind.RULE_DAY)
        cap = today.cap.limit if today else None
        begin = rules.opens(db, row.id, settings.timezone)
        opens = "" if begin is None else opening(begin, settings.timezone)
        workflow = ", ".join(name for name, _ in row.workflows)
        allowed = row.allowed_on(day)
        standings.append(RuleStatus(entry, found, watching, cap, allowed, workflow, row.price, cost, opens))
    return standings


def strangers(db: Connection, entries: Iterable[RuleEntry]) -> list[RuleRow]:
    """The rules at work that are not among these."""
    known = {entry.id for entry in entries}
    return [row for row in rules.every(db) if row.state is not RuleState.ENDED and row.id not in known]


# --------------------------------------------------------------------------------------------------------- in words


def state(standing: RuleStatus, now: float) -> str:
    """The state in at most twenty cells."""
    row = standing.row
    if standing.entry.complaint:
        return "cannot be used"
    if row is not None and row.paused:
        return "paused"
    if row is None or not standing.is_watched:
        return "not watched"
    if row.state is RuleState.OFFLINE:
        return f"offline since {clock(row.since, now)}"
    if row.state is RuleState.WATCHING:
        if standing.stop is not None:
            return CELLS[standing.stop]
        growing = standing.in_folder(Skip.GROWING)
        return f"settling {growing:,}" if growing else "watched"
    return RULE_CELLS[row.state]


def needs_a_look(standing: RuleStatus) -> bool | None:
    """Whether a person should do something about its state; None where a person wanted it so."""
    row = standing.row
    if standing.entry.complaint or not standing.is_watched or row is None:
        return True
    if row.paused:
        return None
    return row.state is not RuleState.WATCHING or standing.stop is not None


def today_line(standing: RuleStatus) -> str:
    """What it did and spent today."""
    if standing.figures is None:
        return "today: nothing, it was never watched"
    return f"today: {did(standing.figures)} · {cost(standing)}"


def did(figures: Figures) -> str:
    """What it did today."""
    today = figures.today
    parts = [f"{today.taken:,} taken", f"{today.done:,} done"]
    parts += [f"{today.failed:,} failed"] * bool(today.failed) + [f"{today.refused:,} refused"] * bool(today.refused)
    return ", ".join(parts)


def bad_line(standing: RuleStatus) -> str:
    """Which files of today have no result to be used; empty where all have."""
    today = standing.figures.today if standing.figures else None
    if today is None or not today.bad:
        return ""
    kinds = (("refused", today.refused), ("failed", today.failed), ("rejected", today.rejected))
    said = ", ".join(f"{number:,} {word}" for word, number in kinds if number)
    return f"bad {today.bad:,}: {said}. enter shows them, with what can be done"


def cost(standing: RuleStatus) -> str:
    """What it spent today, of how much."""
    if standing.figures is None:
        return ""
    spent = standing.figures.spent
    said = f"{amount(spent.day)} cr charged" + (f" + {spent.open:,} sent" if spent.open else "")
    if standing.cap is not None:
        said += f" of {standing.cap:,}"
    return said + (f" ({standing.allowed:,} more allowed today)" if standing.allowed else "")


def now_line(standing: RuleStatus) -> str:
    """What is under way, and what waits for what; empty where nothing is."""
    said = standing.figures
    if said is None:
        return ""
    parts = [f"{said.counted.on_the_way:,} under way"] if said.counted.on_the_way else []
    for reason, crowd in said.held.items():
        word = CELLS[Reason(reason)]
        parts.append(f"{crowd.jobs:,} {word if crowd.jobs == 1 else word.replace('waits', 'wait', 1)}")
    parts += [
        f"{number:,} {WAITING_FILES[reason]}" for reason in WILL_BE_TAKEN if (number := standing.in_folder(reason))
    ]
    return f"now: {', '.join(parts)}" if parts else ""


def way(entry: RuleEntry, glyphs: Glyphs) -> str:
    """From which folder to which; printable."""
    output = f" {glyphs.arrow} {sanitize(home(entry.output))}" if entry.output else ""
    name = "" if entry.name in ("", str(entry.folder)) else f"{sanitize(entry.name, 30)}: "
    return f"{name}{sanitize(home(entry.folder))}{output}"


def terms(standing: RuleStatus) -> str:
    """Who pays for what at which price, and what becomes of the photos; printable."""
    entry, rule = standing.entry, standing.entry.rule
    workflow = sanitize(standing.workflow or entry.workflow or "no workflow", 40)
    price = "" if standing.price is None else f" at {standing.price:,} cr each"
    parts = [f"account {sanitize(entry.account) or '?'}", workflow + price]
    if rule is not None:
        parts += ["move to done/ afterwards"] * (rule.after == "move") + ["with sub-folders"] * rule.recursive
        parts += [f"sample of {rule.sample:,}"] if rule.sample else []
        caps = ((rule.caps.day, "a day"), (rule.caps.month, "a month"), (rule.caps.run, "in all"))
        said = [f"{most:,} {span}" for most, span in caps if most is not None]
        parts.append(f"cap {', '.join(said)}" if said else "no cap of its own")
    return " · ".join(parts)


def sentence(standing: RuleStatus, now: float) -> str:
    """What a person should know and do; empty where all is well. Printable."""
    row, entry = standing.row, standing.entry
    if entry.complaint:
        return beginning(f"{entry.complaint}.", 300)
    said = []
    if row is not None and row.paused:
        said.append("Paused by a person: nothing new is taken or sent; what is bought is fetched. P goes on.")
    if not standing.watching:
        said.append("Not watched by any engine: `artui watch`, or its service, watches. w starts it.")
    elif row is None or row.state is RuleState.ENDED:
        said.append("The `artui watch` that runs does not watch this folder yet: R has it read the rules again.")
    elif not row.paused:
        said += _watched_sentences(standing, row, now)
    return " ".join(said)


def _watched_sentences(standing: RuleStatus, row: RuleRow, now: float) -> Iterator[str]:
    folder = sanitize(home(row.folder), 60)
    said = beginning(row.message.removeprefix(f"{row.folder} "), 200)
    match row.state:
        case RuleState.OFFLINE:
            why = (RULE_OFFLINE[row.cause] if row.cause else "{said}").format(said=said)
            yield f"{folder} is offline since {clock(row.since, now)} ({why}). Nothing counts as deleted, nothing is"
            yield "sent. artui looks every 30 s." + (" enter on the rule: it is right." if standing.asks else "")
        case RuleState.FOREIGN:
            yield f"{folder} {said}. Nothing is taken. enter on the rule asks whether it is this rule's folder; it must"
            yield "have one rule only."
        case RuleState.HELD:
            yield f"{said.capitalize() if said[:1].islower() else said}. Nothing new is taken. enter on the"
            yield "rule shows what a yes means, and asks."
        case RuleState.WAITS:
            yield f"{said}. What lands waits; it goes on by itself."
        case _ if said:
            yield f"{said}."
    if standing.opens:
        yield f"Outside its hours: sends from {standing.opens} on; what is bought is fetched."
    if standing.stop is not None and standing.figures is not None:
        reason, crowd = standing.stop, standing.figures.held[standing.stop]
        photos, wait = plural(crowd.jobs, "photo"), "waits" if crowd.jobs == 1 else "wait"
        need, account = f"{crowd.needs:,} cr", sanitize(standing.entry.account, 30)
        why = capped(standing.cost, crowd.jobs) if reason is Reason.CAP and standing.cost else ""
        yield why or RULE_STOPPED[reason].format(photos=photos, wait=wait, need=need, account=account)


def capped(cost: Quote, number: int) -> str:
    """Which cap holds so many photos of a rule, and until when; empty where the rule has none and each other has
    room."""
    today = cost.of_kind(CapKind.RULE_DAY)
    cap = cost.reached or (today.cap if today else None)
    if cap is None:
        return ""
    name = sanitize(cap.name, 120)
    more = " + allows more today only." if cap.kind in _ALLOWED else ""
    wait = f"{plural(number, 'photo')} {'waits' if number == 1 else 'wait'}{UNTIL[cap.kind]}"
    return f"{name[:1].upper()}{name[1:]} leaves no room: {cap.told}. {wait}.{more}"


_ALLOWED = frozenset({CapKind.RULE, CapKind.RULE_DAY, CapKind.RULE_MONTH})
"""The caps a person may raise for today."""
