"""What a first paid photo shows of a service: labels, times, charge, and what became of the picture."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from artui.doctor.finding import Area, Finding, Level
from artui.journal import Journal, accounts, purchases
from artui.model.job import Job, Purchase, Result
from artui.providers.base import ExecutionRef, ExecutionStatus, Provider, ProviderError, Transient
from artui.providers.base.wire import moment

PAGES: Final = 4
"""Pages of the list that are read for an execution just made: newer ones of others may stand above it."""


async def reach(provider: Provider[Any]) -> None:
    """See that the service can be reached before anything is queued for it: a first photo that waits tells nothing.

    Raises :class:`Transient` where it cannot, and what identifying the account raises.
    """
    await provider.identify()
    if provider.not_checked and provider.service_time is None:
        raise Transient(provider.not_checked, reached=False)


async def examine_job(provider: Provider[Any], journal: Journal, job: Job) -> list[Finding]:
    """Look at a finished job, at the service and on disk; a label that the list shows is written down as proven.

    Costs nothing. What cannot be asked is a finding of its own.
    """
    found: list[Finding] = []
    purchase = await journal.read_async(purchases.current, job)
    if purchase is not None:
        for question in (_details, _list):
            try:
                found += await question(provider, journal, job, purchase)
            except ProviderError as failure:
                found.append(_found(job, "service", Level.FAULT, str(failure), area=Area.NETWORK))
    found.append(_charge(job))
    found.append(_host(job))
    if usual := await journal.read_async(accounts.usual, job.payer, job.workflow):
        takes = "under a second" if usual[0] < 1 else f"{usual[0]:,.0f} s"
        said = f"this workflow takes {takes} as a rule: that is when the next photos are looked at first"
        found.append(_found(job, "usual time", Level.OK, said))
    for result in job.results:
        found.append(await asyncio.to_thread(_picture, job, result))
    return found


def _found(job: Job, check: str, level: Level, said: str, do: str = "", area: Area = Area.SERVICE) -> Finding:
    return Finding(job.account, check, level, said, do, area)


async def _details(provider: Provider[Any], journal: Journal, job: Job, purchase: Purchase) -> list[Finding]:
    """What the service says of the execution itself."""
    del journal
    seen = (await provider.poll([ExecutionRef(job.execution, job.workflow)])).get(job.execution)
    if seen is None:
        return [_found(job, "details", Level.WARNING, "the service did not tell now", "`artui doctor` asks again")]
    took = f"{job.finished_at - job.created_at:,.0f} s from queue to disk" if job.finished_at else "not finished"
    began, ended = moment(seen.created_at), moment(seen.finished_at)
    if began is None or ended is None:
        took += "; the service tells no times"
    else:
        took += f", {(ended - began).total_seconds():,.0f} s of them at the service"
    findings = [_found(job, "time", Level.OK, took)]
    if provider.limits.can_find:
        findings.append(_label(job, "label", "details", seen, purchase))
    if seen.outputs and seen.outputs[0].digest:
        said = "the service states digests, and the result has the one that is stated"
        findings.append(_found(job, "digest", Level.OK, said))
    elif seen.outputs:
        said = "none is stated: whether a result is whole is told by its content alone"
        findings.append(_found(job, "digest", Level.OK, said))
    return findings


def _label(job: Job, check: str, where: str, seen: ExecutionStatus, purchase: Purchase) -> Finding:
    if seen.key == purchase.key:
        return _found(job, check, Level.OK, f"our label comes back in the {where}")
    said = f"the {where} show{'s' * (where == 'list')} {'another label' if seen.key else 'no label'}"
    return _found(
        job, check, Level.WARNING, said, "a purchase whose answer is lost may have to be looked up by a person"
    )


async def _list(provider: Provider[Any], journal: Journal, job: Job, purchase: Purchase) -> list[Finding]:
    """Whether the list shows the execution, with its label; that is then proven for good."""
    if not provider.limits.can_find:
        return []
    async with aclosing(provider.listed(job.workflow)) as pages:  # type: ignore[type-var]
        number = 0
        async for page in pages:
            number += 1
            for seen in page:
                if seen.execution == job.execution:
                    if seen.key == purchase.key:
                        await journal.write_async(accounts.prove_labels, job.payer)
                    return [_label(job, "list", "list", seen, purchase)]
            if number == PAGES:
                break
    said = f"the execution is not among the first {number} pages of the list"
    return [
        _found(job, "list", Level.WARNING, said, "a purchase whose answer is lost may have to be looked up by a person")
    ]


def _charge(job: Job) -> Finding:
    if job.charged is None:
        return _found(job, "charge", Level.OK, "the service does not tell what it charged")
    said = f"charged {job.charged:,}, quoted {'nothing' if job.quoted is None else f'{job.quoted:,}'}"
    if job.quoted is not None and job.charged > job.quoted:
        return _found(job, "charge", Level.WARNING, said, "set caps: the next photo counts as what this one cost")
    return _found(job, "charge", Level.OK, said)


def _host(job: Job) -> Finding:
    """Who gave the result: of the address that the service points to the host alone, for the rest may open it."""
    hosts = sorted({result.host for result in job.results if result.host})
    if not hosts:
        return _found(job, "host", Level.OK, "the service gives results itself, without a redirect")
    said = f"the service points to {', '.join(hosts)} for results: a firewall must let artui get there"
    return _found(job, "host", Level.OK, said)


@dataclass(frozen=True, slots=True)
class _Picture:
    """What of a picture a shop may need."""

    width: int
    height: int
    carries: frozenset[str]


def _picture(job: Job, result: Result) -> Finding:
    """What of the photo its result still has: pixels, colour profile, EXIF; blocks."""
    path = Path(result.path or "")
    name = f"result {path.name}"
    try:
        before, after = _open(job.source), _open(path)
    except ImportError:
        do = "`pip install 'artui[preview]'` lets pixels, colour profile and EXIF be compared"
        return _found(job, name, Level.OK, f"{result.media_type}, {result.size or 0:,} bytes", do)
    except OSError as problem:  # Pillow's own for what is no picture is one, too
        return _found(job, name, Level.OK, f"{result.media_type}, {result.size or 0:,} bytes; not compared: {problem}")
    parts = [f"{after.width} x {after.height} of {before.width} x {before.height} pixels"]
    parts += [f"{word} kept" for word in sorted(before.carries & after.carries)]
    lost = sorted(before.carries - after.carries)
    is_smaller = after.width * after.height < before.width * before.height
    said = ", ".join(parts + [f"{word} lost" for word in lost])
    if not (lost or is_smaller):
        return _found(job, name, Level.OK, said)
    return _found(job, name, Level.WARNING, said, "look at the result, and whether your shop needs what is lost")


def _open(path: Path) -> _Picture:
    from PIL import Image

    with Image.open(path) as picture:
        carries = {"colour profile": bool(picture.info.get("icc_profile")), "EXIF": bool(picture.getexif())}
        return _Picture(picture.width, picture.height, frozenset(word for word, there in carries.items() if there))
