"""Filestack's inner life: the files it stores, the workflows of the app, and each job on its way.

A job's state follows from the clock whenever somebody asks; its results are made when they are first asked for.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import random
import string
import time
import uuid
import zlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any, TypeVar

from artui.sim import Books, Charge, imaging
from artui.sim.photos import noise_jpeg
from artui.sim.webhooks import Courier

PROVIDER = "filestack"
KEEPS = 172_800
"""Seconds a job and its temporary files stay."""

_RETRIES = (300.0, 1800.0, 43_200.0)  # seconds after which a webhook is delivered again, before the speed
_LETTERS = string.ascii_letters + string.digits

_T = TypeVar("_T")

CATALOGUE: Mapping[str, tuple[float, tuple[tuple[str, str, str], ...]]] = {
    "Cut out": (3, (("store", "stored", "cut out"),)),
    "Shop set": (
        4,
        (
            ("cutout", "stored", "cut out"),
            ("on_white", "flat", "on white"),
            ("tags_1571950225779", "tags", ""),
            ("sfw", "sfw", ""),
        ),
    ),
    "Tags only": (2, (("tags", "tags", ""), ("virus", "virus", ""), ("info", "metadata", ""))),
    "Preview": (2, (("resize_1571950225780", "temporary", "square"),)),
    "Archive": (3, (("store", "stored", "print"), ("resize", "temporary", "square"))),
    "Contact sheet": (3, (("variants", "list", "contrast"), ("nested", "nested", "mirror"))),
    "With a gap": (2, (("tags", "tags", ""), ("convert", "error", ""))),
    "Nothing": (2, ()),
    "Always fails": (2, (("failed", "stored", "export"),)),
}
"""Workflows by title: seconds before the speed, and for each task its name, the shape of its result, and a recipe."""


@dataclass(slots=True)
class Options:
    """What can be switched while it runs: ``run`` is new, twice or cached; ``busy`` seconds of rate limit from now;
    ``merging`` answers of 202 before a large upload is put together; ``intransit`` the looks until it can be used;
    ``webhook`` an address to be told of finished jobs; ``prices`` what runs cost, by workflow, where that is not 1.

    ``answer``: how a run that is carried out is answered: own, ``null error``, or ``turned away`` with a rate limit.
    ``results_after``: seconds for which a finished job names no results yet. ``leaves_out``: a task that never leaves
    one. ``sources``: told as a list, as text, as an address, or not at all. ``unknown_job``: the status of a look at
    one."""

    unknown_status: str = ""
    results: str = "all"
    run: str = "new"
    busy: float = 0.0
    merging: int = 0
    intransit: int = 0
    webhook: str = ""
    prices: dict[str, int] = field(default_factory=dict)
    answer: str = "own"
    results_after: float = 0.0
    leaves_out: str = ""
    sources: str = "list"
    unknown_job: int = 404


_CHOICES: Mapping[str, set[str]] = {
    "results": {"all", "null"}, "run": {"new", "twice", "cached"}, "answer": {"own", "null error", "turned away"},
    "sources": {"list", "text", "address", "none"},
}  # fmt: skip


@dataclass(slots=True)
class File:
    """A stored file; ``looks`` of metadata are still answered with 404 while it is on its way to its storage."""

    handle: str
    name: str
    media_type: str
    digest: str
    size: int
    stored: float
    looks: int = 0


@dataclass(slots=True)
class Job:
    """One source on its way through one workflow."""

    id: str
    workflow: str
    source: str
    digest: str
    name: str
    created: float
    seconds: float
    results: asyncio.Task[dict[str, Any] | None] | None = None


class Darkroom:
    """The files, workflows and jobs of one app; ``cdn`` is where files are to be had, known once it is served."""

    def __init__(self, books: Books, source: random.Random, *, speed: float, key: str, courier: Courier) -> None:
        self.options = Options()
        self._courier = courier
        self.cdn = ""
        self.key = key
        self.webhook_secret = f"whsec-{source.getrandbits(64):016x}"
        self.workflows = {str(uuid.UUID(int=source.getrandbits(128), version=4)): title for title in CATALOGUE}
        self.files: dict[str, File] = {}
        self.jobs: dict[str, Job] = {}
        self._temporary: dict[str, str] = {}
        self._books = books
        self._random = source
        self._speed = speed
        self._busy_until = 0.0
        self._workers = ThreadPoolExecutor(2, "artui-sim-filestack")
        self._pictures: dict[tuple[str, str], tuple[bytes, str]] = {}

    def switch(self, options: Mapping[str, Any]) -> list[str]:
        """Take over any of ``Options``, as ``filestack.NAME``; a bad value is a ``ValueError``."""
        known = {f"{PROVIDER}.{option.name}": option.name for option in fields(Options)}
        taken = [name for name in options if name in known]
        for name in taken:
            option, value = known[name], options[name]
            kind = type(getattr(self.options, option))
            if kind is float and type(value) is int:
                value = float(value)
            if type(value) is not kind or (option in _CHOICES and value not in _CHOICES[option]):
                raise ValueError(f"not a value for {name}: {value!r}")
            setattr(self.options, option, value)
            if option == "busy":
                self._busy_until = time.time() + value
        return taken

    @property
    def free_at(self) -> float | None:
        """When the rate limit ends, in epoch seconds; None where there is none now."""
        return self._busy_until if time.time() < self._busy_until else None

    # Files.

    async def keep(self, content: bytes, name: str, media_type: str) -> File:
        """Store a file."""
        digest = await self.in_thread(self._books.keep, content)
        handle = "".join(self._random.choices(_LETTERS, k=20))
        file = File(handle, name or "unnamed", media_type or "text/plain", digest, len(content), time.time())
        self.files[handle] = file
        return file

    async def content(self, digest: str) -> bytes:
        """The bytes of a file or temporary result."""
        return await self.in_thread(self._books.read, digest)

    def aliased(self, name: str) -> bytes:
        """The picture under this name in the app's own storage: a whole JPEG, another one for every name."""
        path = self._books.folder / f"alias-{uuid.uuid4()}"
        try:
            noise_jpeg(path, 30_000, zlib.crc32(name.encode()))
            return path.read_bytes()
        finally:
            path.unlink(missing_ok=True)

    def temporary(self, place: str) -> str | None:
        """The digest of the temporary file at WORKFLOW/JOB/HASH."""
        return self._temporary.get(place)

    def described(self, file: File) -> dict[str, Any]:
        """What a call that stores a file answers."""
        return {
            "container": "artui-sim",
            "filename": file.name,
            "key": f"{file.handle[:8]}_{file.name}",
            "size": file.size,
            "type": file.media_type,
            "url": f"{self.cdn}/{file.handle}",
        }

    # Jobs.

    def add(self, workflow: str, source: str, digest: str, name: str) -> Job:
        """Start a job, charged at once."""
        job = Job(
            id=str(uuid.UUID(int=self._random.getrandbits(128), version=4)),
            workflow=workflow,
            source=source,
            digest=digest,
            name=name,
            created=time.time(),
            seconds=CATALOGUE[self.workflows[workflow]][0] * self._random.uniform(0.8, 1.2),
        )
        self.jobs[job.id] = job
        price = self.options.prices.get(workflow, 1)
        self._books.charge(self.key, Charge(PROVIDER, job.id, workflow, None, digest, price, job.created))
        if self.options.webhook:
            self._courier.beside(self._notify(job))
        return job

    def run(self, workflow: str, source: str, digest: str, name: str) -> Job:
        """The job that a run is answered with: a new one each time, unless the options say otherwise."""
        if self.options.run == "cached" and self.jobs:
            return next(reversed(self.jobs.values()))
        if self.options.run == "twice":
            self.add(workflow, source, digest, name)
        return self.add(workflow, source, digest, name)

    def status(self, job: Job) -> str:
        """What it is doing now."""
        if time.time() < job.created + job.seconds / self._speed:
            return self.options.unknown_status or "Started"
        return "Failed" if self.workflows[job.workflow] == "Always fails" else "Finished"

    async def document(self, job: Job, *, started: bool = False) -> dict[str, Any]:
        """What a run (``started``) or a look answers."""
        status = "Started" if started else self.status(job)
        ended = job.created + (0 if status == "Started" else job.seconds / self._speed)
        told = {"list": [job.source], "text": job.source, "address": [f"{self.cdn}/{job.source}"]}
        document = {
            "createdAt": _stamp(job.created),
            "jobid": job.id,
            **({"sources": told[self.options.sources]} if self.options.sources in told else {}),
            "status": status,
            "updatedAt": _stamp(ended),
            "workflow": job.workflow,
        }
        if started:
            return document
        results = await self._results(job) if status == "Finished" else {}
        failure = {"error": "a task of the workflow failed"} if status == "Failed" else {}
        return document | {"results": results, "ttl": KEEPS} | failure

    async def _results(self, job: Job) -> dict[str, Any] | None:
        ended = job.created + job.seconds / self._speed
        if self.options.results == "null" or time.time() < ended + self.options.results_after:
            return None
        if job.results is None:
            job.results = asyncio.create_task(self._made(job))
        made = await asyncio.shield(job.results)
        return made and {task: value for task, value in made.items() if task != self.options.leaves_out}

    async def _made(self, job: Job) -> dict[str, Any] | None:
        tasks = CATALOGUE[self.workflows[job.workflow]][1]
        return {name: await self._value(job, name, shape, recipe) for name, shape, recipe in tasks} or None

    async def _value(self, job: Job, task: str, shape: str, recipe: str) -> object:
        if shape == "metadata":
            size = len(await self.content(job.digest))
            told = {"filename": job.name, "mimetype": "image/jpeg", "size": size, "uploaded": job.created * 1000}
            return {"data": told}
        if not recipe:
            return _VALUES[shape]
        made_from = job.digest, recipe
        try:
            if made_from not in self._pictures:
                source = await self.content(job.digest)
                self._pictures[made_from] = await self.in_thread(imaging.render, source, imaging.RECIPES[recipe])
        except imaging.NotAPicture as error:
            return {"error": str(error)}
        content, target = self._pictures[made_from]
        name = f"{PurePath(job.name).stem}_{task}{imaging.SUFFIXES[target]}"
        media_type = imaging.FORMATS[target]
        if shape == "temporary":
            place = f"{job.workflow}/{job.id}/{hashlib.sha256(task.encode()).hexdigest()[:32]}"
            self._temporary[place] = await self.in_thread(self._books.keep, content)
            return {"mimetype": media_type, "size": len(content), "url": f"{self.cdn}/{self.key}/wf://{place}"}
        file = await self.keep(content, name, media_type)
        described = self.described(file) | {"handle": file.handle}
        if shape == "flat":
            return {"handle": file.handle, "url": described["url"]}
        if shape == "list":
            again = await self.keep(content, name, media_type)
            return {"data": [described, self.described(again) | {"handle": again.handle}]}
        return {"mapping": {"data": described}} if shape == "nested" else {"data": described}

    # Webhooks.

    async def _notify(self, job: Job) -> None:
        """Tell the webhook that a job has finished, signed; where it does not take that, again after a while."""
        await asyncio.sleep(max(0.0, job.created + job.seconds / self._speed - time.time()))
        if self.status(job) != "Finished":
            return
        text = await self.document(job)
        event = {"id": len(self.jobs), "action": "fs.workflow", "timestamp": int(time.time()), "text": text}
        body = json.dumps(event).encode()
        for wait in (*_RETRIES, None):
            stamp = str(int(time.time()))
            signed = hmac.new(self.webhook_secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
            headers = {"FS-Signature": signed, "FS-Timestamp": stamp}
            if await self._courier.carry(self.options.webhook, body, headers) or wait is None:
                return
            await asyncio.sleep(wait / self._speed)

    async def in_thread(self, function: Callable[..., _T], *arguments: object) -> _T:
        """Run what takes long beside the event loop, two at a time."""
        return await asyncio.get_running_loop().run_in_executor(self._workers, function, *arguments)


_VALUES: Mapping[str, object] = {
    "tags": {"data": {"tags": {"auto": {"clothing": 97, "product": 91, "studio": 64}, "user": None}}},
    "sfw": {"data": {"sfw": True}},
    "virus": {"data": {"infected": False, "infections_list": []}},
    "error": {"error": "the task could not convert this file"},
}


def _stamp(at: float) -> str:
    """A time with nine digits, as the service gives it."""
    whole, part = divmod(at, 1)
    return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%dT%H:%M:%S}.{int(part * 1e9):09d}Z"
