"""Workflows of our own on the screen: which can be changed here, the form of one, and what taking one away asks."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from textual.content import Content

from artui import providers
from artui.config import AccountConfig, load
from artui.core import own_workflows
from artui.core.plan import match_workflow
from artui.sanitize import sanitize
from artui.tui import catalogue
from artui.tui.catalogue import CatalogEntry
from artui.tui.dialogs import Choice, No, Question, TextDialog
from artui.tui.watches.written import workflows_of
from artui.tui.words import plural

if TYPE_CHECKING:
    from artui.tui.builder import Built
    from artui.tui.host import Host


def key_of(offer: CatalogEntry) -> str:
    """What a workflow is called in the settings."""
    return offer.workflow.key or offer.workflow.id


def _stands_elsewhere(host: Host, account: AccountConfig, offer: CatalogEntry) -> str:
    """Where a workflow stands that cannot be changed here, in a sentence; empty where it can."""
    key = key_of(offer)
    if key not in own_workflows.tables(account):
        return "It is ready-made, and stays as it is. a makes one of our own, which may begin with it."
    where = own_workflows.written_in(host.config, account.name, key)
    return f"It is written in {where}: change it there; artui never writes to config.toml." if where else ""


async def build(host: Host, account: AccountConfig, offer: CatalogEntry | None) -> Built | None:
    """Have a workflow filled in, a new one where there is no ``offer``; what is to be saved, None where nothing is."""
    from artui.tui.builder import Builder

    # What checks an account's settings takes long to load the first time.
    await asyncio.to_thread(providers.load, account.provider)
    own = await asyncio.to_thread(providers.own_workflows, account.provider)
    # As the files say now: a key that is written there meanwhile is taken.
    account = (await asyncio.to_thread(load, host.paths)).accounts.get(account.name, account)
    title = providers.capabilities(account.provider).title
    if offer is None:
        return await host.ask(Builder(account, own, title))
    if said := _stands_elsewhere(host, account, offer):
        host.push_screen(TextDialog(sanitize(catalogue.name(offer), 60), Content(sanitize(said))))
        return None
    key = key_of(offer)
    table = own_workflows.tables(account)[key]
    built = await host.ask(Builder(account, own, title, key, table))
    return None if built is None or built.table == table else built


async def may_remove(host: Host, account: AccountConfig, offer: CatalogEntry) -> bool:
    """Ask whether a workflow of our own is to be taken away; one that photos wait for is not."""
    name = sanitize(catalogue.name(offer), 50)
    said = _stands_elsewhere(host, account, offer)
    if waiting := sum(one.jobs for one in offer.waiting):
        wait = plural(waiting, "photo waits", "photos wait")
        said = said or f"{wait} for it unsent: x on Jobs cancels them, nothing is paid by that."
    if said:
        host.push_screen(TextDialog(name, Content(sanitize(said))))
        return False
    lines = ["What was bought of it stays known; its results stay where they are."]
    if account.workflow in (offer.workflow.id, offer.workflow.key, offer.workflow.name):
        lines.append(f"It is the default of {sanitize(account.name, 30)}: new orders would begin with none.")
    rules = [
        rule
        for rule in host.config.watch
        if rule.get("account", account.name) == account.name
        and any(match_workflow([offer.workflow], one) for one in workflows_of(rule))
    ]
    if rules:
        lines.append(f"{plural(len(rules), 'rule uses', 'rules use')} it, and could not be used any more.")
    choices = (No("keep it"), Choice("y", "take it away", True))
    return await host.ask(Question(f"Take {name} away?", lines, choices)) or False
