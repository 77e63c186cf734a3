"""``artui watch``: folders watched in the foreground or as a service, by rules of the settings or one given here."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import artui
from artui.cli.exits import CommandError, Exit
from artui.cli.options import AS_JSON, DRY_RUN, HOST_PORT, YES
from artui.cli.session import Session, run
from artui.cli.terminal import agrees, can_ask, counted, money, put, put_json, say
from artui.config import AccountConfig, Config, ConfigError, Origin, Source
from artui.config.private import concerns
from artui.config.system import outlive_signals

if TYPE_CHECKING:
    import datetime as dt

    from artui.cli.watching import WatchPrinter
    from artui.core.plan import Offer
    from artui.engine.supervisor import Supervisor
    from artui.journal import Connection
    from artui.watch.offers import Offers
    from artui.watch.rules import Rule
    from artui.watch.service import Service
    from artui.watch.watcher import Watcher
    from artui.watch.webhook import Listener
    from artui.watch.why import Why

log = logging.getLogger(__name__)


@click.command("watch")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option("-a", "--account", help="With a folder: the account that pays; without it the one set as `account`.")
@click.option(
    "-w",
    "--workflow",
    multiple=True,
    help="With a folder: workflow by id or name, also several times; without it the account's `workflow`.",
)
@click.option(
    "-o",
    "--output",
    metavar="FOLDER",
    help="With a folder: folder for results (`artui help templates`); without it the account's.",
)
@click.option("--cap", type=click.IntRange(min=0), help="With a folder: the most it may spend in a day.")
@click.option("-r", "--recursive", is_flag=True, help="With a folder: also watch its sub-folders.")
@click.option(
    "--existing",
    type=click.Choice(["process", "ignore"]),
    help="With a folder: the photos already in it; without it you are asked, or they are left alone.",
)
@click.option(
    "--after",
    type=click.Choice(["keep", "move"]),
    help="With a folder: where a photo goes when it is done; without it it is kept.",
)
@click.option("--once", is_flag=True, help="Deal with what is there, and end when all of it is done.")
@click.option(
    "--summary", type=click.FloatRange(min=0), default=60, show_default=True, help="Minutes between summaries."
)
@click.option("--webhook", type=HOST_PORT, help="Also hear the services' webhooks here, behind your own proxy.")
@DRY_RUN
@YES
@AS_JSON
@click.pass_obj
def watch_command(
    session: Session, /, folder: Path | None, *, once: bool, summary: float, webhook: str | None, dry_run: bool,
    yes: bool, as_json: bool, **given: Any,
) -> Exit:  # fmt: skip
    """Watch folders and send what lands in them: those of the settings, or FOLDER alone."""
    named = {word: value for word, value in given.items() if value not in (None, False, ())}
    if folder is None and named:
        raise CommandError(
            Exit.USAGE, f"--{next(iter(named))} goes with a folder; rules of config.toml say it themselves."
        )
    wanted = WatchRequest(session, folder, named, once)
    if dry_run:
        return _dry_run(wanted, as_json=as_json)
    # Until the service hears them: a hang-up, or the wish to have the rules read again, waits, and a TERM ends what has
    # not begun.
    if not once:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(Exit.OK))
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    from artui.watch.service import has_terminal

    wanted.had_terminal = has_terminal()
    wanted.settle_existing()
    rules, offers, _ = wanted.read()
    if folder is not None and not (yes or _agrees(offers, rules[0], session.config.accounts[rules[0].account])):
        return Exit.USAGE
    if named.get("existing") == "process":
        wanted.take_up(rules[0])
    listener = _listen(webhook) if webhook else None
    return _watch(wanted, summary * 60 or None, listener, as_json=as_json)


@dataclass
class WatchRequest:
    """What is to be watched: the rules of the settings, or one for a ``folder`` with what the options say of it."""

    session: Session
    folder: Path | None
    named: Mapping[str, Any]
    once: bool
    existing: str | None = None
    had_terminal: bool = False

    def __post_init__(self) -> None:
        if self.folder is not None:
            self.existing = self.named.get("existing") or ("process" if self.once else None)

    def read(self) -> tuple[Sequence[Rule], Offers, dt.tzinfo]:
        """The rules as the settings are now, what knows their services, and where their days turn. Raises
        ConfigError."""
        from artui.config import load
        from artui.watch.rules import load_rules

        config = load(self.session.paths)
        rules = load_rules(config) if self.folder is None else (self._one(config),)
        if not rules:
            raise CommandError(
                Exit.USAGE,
                f"No folder is watched: write a [[watch]] table in {config.paths.config_file}, or say a folder.",
            )
        return rules, self.session.offers(config), config.timezone

    def _one(self, config: Config) -> Rule:
        from artui.watch.rules import make_rule, refuse_conflicts

        written = {word: self.named[word] for word in ("account", "output", "recursive", "after")
                   if word in self.named}  # fmt: skip
        if several := [*dict.fromkeys(self.named.get("workflow", ()))]:
            written |= {"workflow": several[0]} if len(several) == 1 else {"workflows": several}
        written |= {"folder": str(self.folder), "existing": self.existing or "ignore"}
        if "cap" in self.named:
            written["caps"] = {"day": self.named["cap"]}
        rule = make_rule(config, written, Source(Origin.FLAG, "artui watch"))
        refuse_conflicts([rule])
        return rule

    def settle_existing(self) -> None:
        """Decide about the photos that lie in a folder which was never watched: ask, else leave them alone."""
        if self.folder is None or self.existing is not None:
            return
        from artui.core.plan import PlanProblem, collect
        from artui.journal import rules as known

        rule = self.read()[0][0]
        with self.session.journal() as journal:
            row = journal.read(known.get, rule.id)
        if row is not None and row.begun:
            return
        try:
            number = len(collect([rule.folder], recursive=rule.recursive))
        except PlanProblem as problem:
            raise CommandError(Exit.USAGE, str(problem)) from None
        lies = "1 file lies" if number == 1 else f"{number:,} files lie"
        them = "it" if number == 1 else "them"
        if number and can_ask():
            self.existing = "process" if agrees(f"{lies} in {rule.folder} already. Send {them} too?") else "ignore"
        elif number:
            left = "is left alone" if number == 1 else "are left alone"
            say(f"{lies} in {rule.folder} already and {left}; --existing process sends {them} too.")

    def take_up(self, rule: Rule) -> None:
        """Have the photos sent, too, that an earlier run left alone because they lay there before it."""
        from artui.journal import seen

        with self.session.journal() as journal:
            number = journal.write(seen.forget_existing, rule.id)
        if number:
            say(f"Looked at now: {counted(number, 'file')} in {rule.folder} that an earlier run left alone.")


def _agrees(offers: Offers, rule: Rule, account: AccountConfig) -> bool:
    """Show what watching a folder sends and costs, and ask; without a terminal that is a no."""
    from artui.watch.why import price_of

    [found] = _asked(offers, [rule])
    each = price_of(found)
    price = "at a price the service does not name" if each is None else f"{money(each)} each"
    cap = "without a cap" if rule.caps.day is None else f"at most {money(rule.caps.day)} a day"
    payer = found[0].identity.organization.name or found[0].identity.organization.id
    flows = " and ".join(offer.workflow.name for offer in found)
    say(f"What lands in {rule.folder} is sent through {flows}, {price}, {cap}.")
    say(f"{account.called} pays ({payer}).")
    say(f"Results are saved in {rule.target.folder}.")
    if can_ask():
        return agrees("Watch it?")
    say("Nothing was sent: without a terminal to ask on, --yes agrees to it; so does a rule in config.toml.")
    return False


def _asked(offers: Offers, rules: Sequence[Rule]) -> list[tuple[Offer, ...]]:
    """What each rule's workflows cost now, asked of its service."""

    async def question() -> list[tuple[Offer, ...]]:
        try:
            return [await offers.ask(rule) for rule in rules]
        finally:
            await offers.close()

    return run(question())


# ------------------------------------------------------------------------------------------------------- a dry run


def _dry_run(wanted: WatchRequest, *, as_json: bool) -> Exit:
    """Say what a first look would take, and what it would cost; take nothing."""
    from artui.cli.rules import why_document
    from artui.journal.prices import together
    from artui.watch.marker import Offline
    from artui.watch.rules import followers
    from artui.watch.why import FileVerdict, dry_run, price_of

    wanted.existing = wanted.existing or "process"
    if wanted.folder is not None and not wanted.folder.is_dir():
        raise CommandError(Exit.USAGE, f"{wanted.folder} is no folder that is there: check the path.")
    rules, offers, _ = wanted.read()
    found: list[Why] = []
    asked = _asked(offers, rules)
    prices = {rule.id: price_of(now) for rule, now in zip(rules, asked, strict=True)}
    with wanted.session.journal() as journal:
        for rule, now in zip(rules, asked, strict=True):
            try:
                found.extend(dry_run(rule, now, journal, offers, wanted.session.config.timezone))
            except Offline as offline:
                say(f"{rule.name}: {offline}")

    def then(rule: Rule, results: int) -> tuple[tuple[str, int | None], ...]:
        """What becomes of results by the rules that take them, and what these cost beside the first."""
        chain = ((one.name, number, prices[one.id]) for one, number in followers(rule, rules, results))
        return tuple((name, None if price is None else number * price) for name, number, price in chain)

    found = [replace(one, then=then(one.rule, len(one.outputs))) if one.rule and one.has_result else one
             for one in found]  # fmt: skip
    if as_json:
        put_json([why_document(one) for one in found])
        return Exit.OK
    for one in found:
        place = f", saved as {' and '.join(map(str, one.outputs))}" if one.outputs else ""
        after = "".join(f", then {money(price)} by the rule {name}" for name, price in one.then)
        taken = f"taken, {money(one.price)}{after}{place}"
        put(f"{one.file}: {taken if one.verdict is FileVerdict.TAKE else one.message}")
    takes = [one for one in found if one.verdict is FileVerdict.TAKE]
    most = together(price for one in takes for price in (one.price, *(price for _, price in one.then)))
    of = f"{len(takes):,} of {counted(len(found), 'new file')}"
    say(f"{of} would be taken: at most {money(most)}. Nothing was sent.")
    return Exit.OK


# --------------------------------------------------------------------------------------------------------- watching


def _listen(place: str) -> Listener:
    """Take the address at which webhooks are heard."""
    host, _, port = place.rpartition(":")
    try:
        from artui.watch.webhook import Listener
    except ImportError as missing:
        raise CommandError(
            Exit.USAGE, f"--webhook needs {missing.name}: pip install 'artui[webhook]' brings it."
        ) from None
    try:
        return Listener(host.strip("[]"), int(port))
    except OSError as error:
        raise CommandError(
            Exit.USAGE, f"Webhooks cannot be heard at {place} ({error.strerror}): choose another place."
        ) from None


def _heard(config: Config, where: str, part: str) -> list[str]:
    """What to say of the webhooks that are heard."""
    from artui.providers import capabilities

    lines = [f"Webhooks are heard at {where}."]
    called = [name for name, account in config.accounts.items() if account.settings.get("webhook_url")]
    if not called:
        lines.append("No account sets webhook_url, the public address that leads here: no service is told to call it.")
    for name, account in config.accounts.items():
        if place := capabilities(account.provider).webhook_at:
            lines.append(f"{name}: at {place} the webhook's address must end in /{part}.")
    return lines


def _watch(wanted: WatchRequest, summary_every: float | None, listener: Listener | None, *, as_json: bool) -> Exit:
    """Be the watching engine, in the foreground, until told to stop."""
    from artui.cli.once import Once
    from artui.cli.watching import Voice, WatchPrinter, forward_warnings
    from artui.engine.anchor import open_journal
    from artui.engine.client import take_over
    from artui.engine.lock import AnotherEngine
    from artui.engine.log import log_to_file
    from artui.engine.process import run_engine
    from artui.journal import JournalProblem, requests

    paths = wanted.session.paths
    outlive_signals()
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)  # nor does a terminal that wants no lines from behind
    log_to_file(paths.log, as_json=wanted.session.config.log == "json")
    voice = Voice.here(as_json=as_json)
    forward_warnings(voice)
    for concern in concerns():
        log.warning("%s", concern)
    service = _service(wanted, WatchPrinter(voice), summary_every, listener)
    try:
        with open_journal(paths) as journal:
            lock, part = take_over(paths, journal, voice.say), journal.read(requests.webhook_part)
        voice.say(f"artui {artui.__version__} begins to watch (process {os.getpid()}).")
        if listener is not None:
            for line in _heard(wanted.session.config, listener.place, part):
                voice.say(line)
        run_engine(paths, requests.WATCH, service.run, lock)
        voice.say("artui has ended in order.")
    except (AnotherEngine, ConfigError, JournalProblem):
        raise
    except Exception:
        log.exception("artui itself failed; what was sent is safe")
        raise
    finally:
        voice.close()
    return service.ending if isinstance(service, Once) else Exit.OK


def _service(
    wanted: WatchRequest, teller: WatchPrinter, summary_every: float | None, listener: Listener | None
) -> Service:  # fmt: skip
    from artui.cli.once import Once
    from artui.cli.rules import standings, together
    from artui.watch.service import Service
    from artui.watch.systemd import Manager
    from artui.watch.watcher import Watcher

    zone = wanted.session.config.timezone

    def make_watcher(engine: Supervisor) -> Watcher:
        return Watcher(engine.journal, *wanted.read(), teller.watched)

    def standing(db: Connection) -> str:
        return together(standings(db, zone, (), watched=True))

    kind = Once if wanted.once else Service
    return kind(
        make_watcher, wanted.read, standing, teller, Manager.of(), wanted.had_terminal, summary_every, listener
    )  # fmt: skip
