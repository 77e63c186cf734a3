"""A thumb up or down for results, told to a service that takes such, as ``artui keep`` and ``reject`` tell it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from artui.core import review
from artui.core.review import Outcome
from artui.credentials import Vault
from artui.sanitize import sanitize
from artui.tui.service import ServiceError, at_service

if TYPE_CHECKING:
    from artui.tui.host import Host


async def tell(host: Host, outcomes: Sequence[Outcome]) -> str:
    """Tell the services what is liked, where the accounts say so; returns what went wrong, in a sentence. The decisions
    stand all the same."""
    config = host.config
    said = ""
    for name, told in review.thumbs(config, outcomes).items():
        from artui.core import executions

        try:
            async with at_service(config, config.accounts[name], Vault(host.paths)) as provider:
                for job, good in told:
                    await executions.rate(provider, host.journal, job, good=good)
        except ServiceError as trouble:
            said = f"The service of {sanitize(name, 30)} was not told: {trouble}"
    return said
