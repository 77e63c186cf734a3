"""Retouch4me's inner life: which tasks it takes, each job on its way, the day's quota, and the results.

A job's state follows from the clock whenever somebody asks; nothing runs in between.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, TypeVar

from artui.sim import Books, Charge, imaging
from artui.sim.webhooks import Courier

PROVIDER = "retouch4me"
OWNER, STRANGER = "studio", "stranger"
MODE = "professional"
KEY_LIVES = 86_400.0  # seconds
ANSWERS = ("documented", "number", "earlier", "error", "created", "conflict", "page", "shape 400", "shape 403")
"""How a start may be answered: as documented; with a number for an id; with the id of the first job; with the word
error; with HTTP 201; as a conflict; as the page of a proxy that found it too large; in the form of other software."""
_QUEUED = 0.5  # seconds of waiting, before the speed
_DELAY = 1.0  # seconds between two attempts, likewise
_ATTEMPTS = 3  # said to be the most

_T = TypeVar("_T")

PLUGINS: dict[str, tuple[float, float, str, str]] = {
    # name: most of Alpha1 and of Alpha2 (0: it has none), how its layer is blended, what is done to the picture
    "Face Detection": (0, 0, "", ""),
    "Skin Mask": (2, 0, "normal", "contrast"),
    "Clean Backdrop": (1, 0, "normal", "background"),
    "Heal": (1, 0, "normal", "skin_retouch"),
    "Fabric": (2, 0, "normal", "sharpen"),
    "Dust": (2, 0, "darken", "sharpen"),
    "Eye Vessels": (1, 0, "normal", "contrast"),
    "Eye Brilliance": (2, 0, "normal", "contrast"),
    "White Teeth": (1, 1, "normal", "contrast"),
    "Mattifier": (1, 0, "darken", "skin_retouch"),
    "Dodge Burn": (2, 1, "softLight", "contrast"),
    "Skin Tone": (2, 2, "softLight", "skin_retouch"),
    "Portrait Volumes": (2, 0, "softLight", "contrast"),
    "Face Lifting": (0, 0, "normal", ""),
    "Glasses Anti Glare": (0, 0, "linearLight", "contrast"),
    "Color Correction": (0, 0, "normal", "contrast"),
    "Crop": (0, 0, "", "crop_resize"),
}

_FACE = {"confidence": 0.99, "faceAge": 31, "faceGlasses": 0.02, "landmarks": [{"x": 0.4, "y": 0.3}]}
_FOUND = {"Face Detection": {"faces": [_FACE]}, "Crop": {"angle": -1.5}}  # what a plugin tells besides its layer


class Refused(Exception):
    """A start that the service does not take, with its code."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(slots=True)
class Options:
    """What can be switched while the stand-in runs, each as ``retouch4me.NAME``.

    ``strict_token``: status and result want a token too. ``code_in_body``: refusals come with HTTP 200.
    ``customers_down``: tokens cannot be checked, everything goes on, and no quota is told. ``tells_quota``.
    ``quota``: starts left for the day. ``keeps_keys``: whether a repeated Idempotency-Key is known. ``tells_limits``.
    ``stores``: seconds a job stays active at 100 percent, before the speed. ``keeps``: seconds results are kept.
    ``content_type``: said of every result, "" for the right one. For the jobs that start from now on, ``attempts``:
    how many are needed, and ``fails``: the reason they fail for, "" for none. ``state``: a word instead of active.
    ``shrinks``: whether pictures come back smaller than they were sent.
    ``archives``: whether an archive of photos is taken, as one. ``refunds``: whether a failed job gives its credit
    back. ``answer``: how a start that is carried out is answered, one of ``ANSWERS``.
    """

    strict_token: bool = False
    code_in_body: bool = False
    customers_down: bool = False
    tells_quota: bool = True
    quota: int = 1000
    keeps_keys: bool = True
    tells_limits: bool = False
    stores: float = 1.0
    keeps: float = 86_400.0
    content_type: str = ""
    attempts: int = 1
    fails: str = ""
    state: str = ""
    shrinks: bool = False
    archives: bool = True
    refunds: bool = False
    answer: str = "documented"


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo as it was sent: its name, its digest in the books, its media type."""

    name: str
    digest: str
    media_type: str


@dataclass(slots=True)
class Job:
    """One photo on its way; ``seconds`` of work in each attempt, before the speed."""

    id: str
    photo: Photo
    tasks: list[dict[str, Any]]
    begun: float
    seconds: float
    attempts: int
    fails: str
    token: str
    charged: int = 0

    @property
    def is_layered(self) -> bool:
        """Whether its result is an archive."""
        return any(task.get("Layer") for task in self.tasks)


@dataclass(frozen=True, slots=True)
class Moment:
    """What a job is doing at one moment; ``progress`` in percent."""

    state: str
    progress: float = 0.0
    attempt: int = 1
    step: str = ""
    plugin: str = ""


class Laboratory:
    """The jobs, and what is made for them."""

    def __init__(
        self, books: Books, source: random.Random, *, speed: float, credits: int, courier: Courier,  # noqa: A002
    ) -> None:  # fmt: skip
        self.options = Options()
        self._books = books
        self._random = source
        self._speed = speed
        self._workers = ThreadPoolExecutor(2, "artui-sim")
        books.balances[PROVIDER, OWNER] = credits
        self.token = f"{source.getrandbits(160):040x}"
        # They follow from the first one, so that what is drawn by chance stays the same.
        self.renewed, self.stranger = (
            hashlib.sha1(f"{word} {self.token}".encode(), usedforsecurity=False).hexdigest()
            for word in ("renewed", "stranger")
        )
        books.balances[PROVIDER, STRANGER] = credits
        self.customers = {self.token: OWNER, self.renewed: OWNER, self.stranger: STRANGER}
        self.jobs: dict[str, Job] = {}
        self._answers: dict[tuple[str, str], tuple[float, str, dict[str, Any]]] = {}
        self._results: dict[str, bytes] = {}
        self._courier = courier

    def switch(self, options: Mapping[str, Any]) -> list[str]:
        """Take over any of ``Options`` by its long name; return the names taken."""
        known = {f"{PROVIDER}.{option.name}": option.name for option in fields(Options)}
        taken = [name for name in options if name in known]
        for name in taken:
            value, kind = options[name], type(getattr(self.options, known[name]))
            if kind is float and type(value) is int:
                value = float(value)
            if type(value) is not kind or (known[name] == "answer" and value not in ANSWERS):
                raise ValueError(f"not a value for {name}: {value!r}")
            setattr(self.options, known[name], value)
        return taken

    def credits(self, token: str) -> int:
        """The credits left of the customer with this token."""
        self.settle()
        return self._books.balances[PROVIDER, self.customers.get(token, OWNER)]

    def settle(self) -> None:
        """Give back what failed, where that is the rule."""
        for job in list(self.jobs.values()):
            if self.options.refunds and job.charged and self.look(job).state == "failed":
                self._take(job, None, -job.charged, job.token)

    # Starting.

    def start(self, photo: Photo, payload: str, token: str, key: str | None, hook: str = "") -> dict[str, Any]:
        """Begin a job and charge it, or answer as before where the key is known. Raises ``Refused``."""
        content = hashlib.sha256(f"{photo.digest} {payload}".encode()).hexdigest()
        at, known, before = self._answers.get((token, key or ""), (0.0, "", {}))
        if self.options.keeps_keys and time.time() - at < KEY_LIVES:
            if known != content:
                raise Refused(400, "the idempotency key was used for another request")
            return before
        is_known = token in self.customers
        if not is_known and not self.options.customers_down:
            raise Refused(460, "Token issue")
        if self.options.quota <= 0 or self.credits(token) <= 0:
            raise Refused(461, "the limit is reached")
        tasks, options = _tasks(payload), self.options
        seconds = (3 + len(tasks)) * self._random.uniform(0.8, 1.2)
        number = self._random.getrandbits(96)
        job_id = str(number >> 48) if options.answer == "number" else f"{number:024x}"
        job = Job(job_id, photo, tasks, time.time(), seconds, options.attempts, options.fails, token)
        self.jobs[job_id] = job
        answer: dict[str, Any] = {"status": 200, "id": job_id}
        if is_known:
            self.options.quota -= 1
            workflow = hashlib.sha256(payload.encode()).hexdigest()
            self._take(job, key, 1, token, workflow)
        if self.options.tells_quota and not self.options.customers_down:
            answer["retouchQuota"] = self.options.quota
        if key and self.options.keeps_keys:
            self._answers[token, key] = (time.time(), content, answer)
        if hook:
            self._courier.beside(self._notify(job, hook))
        return answer

    async def _notify(self, job: Job, hook: str) -> None:
        """Call the hook of a job once it has ended, three times at the most; how the service does it is not known."""
        while self.look(job).state not in ("completed", "failed"):  # noqa: ASYNC110 - time decides, no event
            await asyncio.sleep(0.05)
        body = json.dumps({"id": job.id, **self.document(job)}).encode()
        for wait in (1.0, 4.0, 0.0):
            if await self._courier.carry(hook, body):
                return
            await asyncio.sleep(wait / self._speed)

    def _take(self, job: Job, key: str | None, amount: int, token: str, workflow: str = "") -> None:
        job.charged += amount
        mark = hashlib.sha256(token.encode()).hexdigest()[:16]
        charge = Charge(PROVIDER, job.id, workflow, key, job.photo.digest, amount, time.time(), mark)
        self._books.charge(self.customers.get(token, OWNER), charge)

    # Looking.

    def look(self, job: Job) -> Moment:
        """What a job is doing now."""
        left = (time.time() - job.begun) * self._speed - _QUEUED
        if left < 0:
            return Moment("waiting")
        for attempt in range(1, job.attempts + 1):
            if left < job.seconds:
                part = left / job.seconds
                plugin = job.tasks[int(part * len(job.tasks))]["Plugin"]
                word = self.options.state or "active"
                return Moment(word, round(part * 99), attempt, "downloading" if part < 0.1 else "processing", plugin)
            left -= job.seconds
            if attempt < job.attempts:
                if left < _DELAY:
                    return Moment("delayed", 0, attempt)
                left -= _DELAY
        if job.fails:
            return Moment("failed", 50, job.attempts, "processing")
        if left < self.options.stores:
            return Moment(self.options.state or "active", 100, job.attempts, "uploading")
        return Moment("completed", 100, job.attempts, "uploading")

    def document(self, job: Job) -> dict[str, Any]:
        """Return what the service tells of a job."""
        moment = self.look(job)
        expires = datetime.fromtimestamp(job.begun + self.options.keeps, UTC).isoformat(timespec="milliseconds")
        return {
            "status": 200,
            "state": moment.state,
            "progress": moment.progress,
            "reason": job.fails if moment.state == "failed" else "",
            "attempt": moment.attempt,
            "maxAttempts": _ATTEMPTS,
            "currentStep": moment.step,
            "pluginName": moment.plugin,
            "expireDate": expires.replace("+00:00", "Z"),
        }

    # Results.

    async def result(self, job: Job) -> bytes | None:
        """The finished picture or archive; None where there is none yet, or no longer."""
        if self.look(job).state != "completed" or time.time() - job.begun > self.options.keeps:
            return None
        if job.id not in self._results:
            self._results[job.id] = await self.in_thread(self._make, job)
        return self._results[job.id]

    async def in_thread(self, function: Callable[..., _T], *arguments: object) -> _T:
        """Run what takes long beside the event loop, two at a time."""
        return await asyncio.get_running_loop().run_in_executor(self._workers, function, *arguments)

    def _make(self, job: Job) -> bytes:
        content = self._books.read(job.photo.digest)
        if job.photo.media_type == imaging.ARCHIVE:
            export = {"type": "export", "settings": {"targetFormat": "PNG", "targetMode": "RGB"}}
            made = {name: imaging.render(photo, [export])[0] for name, photo in imaging.unpacked(content).items()}
            return imaging.archive(made, job.photo.digest)
        if job.is_layered:
            return _layers(content, job)
        steps = [{"type": PLUGINS[task["Plugin"]][3]} for task in job.tasks]
        target = next(name for name, kind in imaging.FORMATS.items() if kind == job.photo.media_type)
        export = {"type": "export", "settings": {"targetFormat": target, "targetMode": "RGB"}}
        if self.options.shrinks:
            steps.append({"type": "half"})
        is_cut = self.options.shrinks or any(task["Plugin"] == "Crop" for task in job.tasks)
        return imaging.render(content, [*steps, export], full_size=not is_cut)[0]


def _layers(content: bytes, job: Job) -> bytes:
    """An archive of one picture for each plugin that draws, and what the others found."""
    entries: dict[str, bytes] = {}
    export = {"type": "export", "settings": {"targetFormat": "PNG", "targetMode": "RGBA"}}
    for task in job.tasks:
        name = task["Plugin"]
        *_, blend, step = PLUGINS[name]
        if task.get("Layer") and blend:
            entry = f"index={len(entries)}&blendmode={blend}&name={name}.png"
            entries[entry] = imaging.render(content, [{"type": step}, export], full_size=True)[0]
    names = (task["Plugin"] for task in job.tasks)
    found = [{"pluginName": name, "metadata": _FOUND[name]} for name in names if name in _FOUND]
    entries["result.json"] = json.dumps({"jsonVersion": "1", "plugins": found}).encode()
    return imaging.archive(entries, job.photo.digest)


def _tasks(payload: str) -> list[dict[str, Any]]:
    """The tasks of a payload. Raises ``Refused`` for what the service cannot do."""
    try:
        said = json.loads(payload)
        mode, tasks = said["mode"], said["tasks"]
    except (ValueError, TypeError, KeyError) as error:
        raise Refused(462, "the payload is no task list") from error
    if mode != MODE or not isinstance(tasks, list) or not tasks:
        raise Refused(462, "the payload has no tasks")
    for task in tasks:
        name = task.get("Plugin") if isinstance(task, dict) else None
        if name not in PLUGINS:
            raise Refused(462, f"no such plugin: {name}")
        for word, most in zip(("Alpha1", "Alpha2"), PLUGINS[name], strict=False):
            value = task.get(word, 0)
            if type(value) not in {int, float} or not 0 <= value <= most:
                raise Refused(462, f"{word} of {name} is out of range")
        if task.get("Scale", 0) not in range(4) or task.get("Layer", 0) not in (0, 1):
            raise Refused(462, f"Scale or Layer of {name} is out of range")
    return tasks
