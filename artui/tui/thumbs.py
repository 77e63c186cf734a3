"""A thumb up or down for a result, told to a service that takes such, as ``artui rate`` tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artui.credentials import Vault
from artui.model.job import Job
from artui.model.states import Status
from artui.providers import capabilities
from artui.sanitize import sanitize
from artui.tui.dialogs import Choice, No, Question
from artui.tui.service import ServiceError, at_service

if TYPE_CHECKING:
    from artui.tui.host import Host


def are_wanted(host: Host, job: Job) -> bool:
    """Whether the service is told what is liked: of a saved result, and where the account says so."""
    account = host.config.accounts.get(job.account) if job.status is Status.DONE else None
    return account is not None and account.ratings and capabilities(account.provider).takes_ratings


def question(job: Job) -> Question[bool]:
    """Ask before a thumb down; gives True where it is to be sent."""
    return Question(
        f"Tell the service that the result of {sanitize(job.source.name, 40)} is not liked?",
        ["Free. Its file stays where it is, and what it cost stays spent; no reason is sent."],
        (No("leave it"), Choice("y", "send a thumb down", True)),
    )


async def tell(host: Host, job: Job, *, good: bool) -> str:
    """Tell the service; returns what came of it, in a sentence."""
    from artui.core import executions

    config = host.config
    try:
        async with at_service(config, config.accounts[job.account], Vault(host.paths)) as provider:
            await executions.rate(provider, host.journal, job, good=good)
    except ServiceError as trouble:
        return f"Not sent: {trouble}"
    return f"Sent: thumb {'up' if good else 'down'} for {sanitize(job.source.name, 50)}."
