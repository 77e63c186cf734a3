"""Whatever a service answers, the engine lives, every job is in a named state, and nothing is paid twice.

The answers are the stand-in's own, changed: values of other types, missing, null, nested, huge, said twice; other
dates, headers, encodings and states. First each call of a provider is asked alone, many thousand times; then whole
engines meet what such answers lead to.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import re
import shutil
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, is_dataclass
from functools import partial
from itertools import count, cycle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from artui import files
from artui.credentials import Vault
from artui.model.states import FINAL, Status
from artui.providers import open_provider
from artui.providers.base import ExecutionRef, Output, PaidRequest, Provider, ProviderError, PurchaseQuery, Uploaded
from artui.providers.base.wire import MOST, moment, tell
from artui.sim.autoretouch import AutoRetouch
from artui.sim.server import Simulator
from tests.proof.hurried import hurry
from tests.proof.invariants import broken
from tests.proof.odd import Change, OddLine, changes, odd_line
from tests.proof.ward import SERVICES
from tests.studio import Studio, open_studio

ROUTES = {
    "autoretouch": (
        r"/oauth/token", r"/v1/organization\?", r"/v1/organization/balance", r"GET .*/v1/workflow\?",
        r"/v1/workflow/[^/?]+\?",
        r"HEAD .*/upload", r"POST .*/upload", r"/execution/create", r"GET .*/execution/[^/?]+\?", r"GET .*/execution\?",
        r"/retry", r"/image/",
    ),
    "retouch4me": (
        r"/api/v1/balance", r"(/api/v1|/api/retouch/v1)/balance", r"/info/limits", r"/retoucher/start",
        r"/status/", r"/getFile/",
    ),
    "filestack": (
        r"/store/", r"/run_workflow=", r"/workflow_status=", r"/metadata", r"GET .*/cdn/\w{20}$",
        r"GET .*/security=[^/]*/(\w{20}$|wf:)",
    ),
}  # fmt: skip
"""Every route of each service that an account asks."""

MET = {
    "autoretouch": (r"/execution/create", r"GET .*/execution[/?]", r"POST .*/upload", r"/balance", r"/image/"),
    "retouch4me": (r"/retoucher/start", r"/status/", r"/balance", r"/getFile/"),
    "filestack": (r"/run_workflow=", r"/workflow_status=", r"/store/", r"GET .*/security=[^/]*/(\w{20}$|wf:)"),
}
"""Those that every engine asks, which meet odd answers in the suite."""

EXAMPLES = {"calls": (36, 4_000), "engines": (3, 120)}
"""Examples for each service: in the suite, and in the long form; each is several answers."""

MOST_CALLS = 3
"""How many of the calls that ask a route meet one change of its answers."""

PATIENCE = 0.8
"""Seconds within which an engine in a hurry brings to rest what is to come to rest here."""


def fuzz(kind: str, *, long: bool) -> settings:
    return settings(
        max_examples=EXAMPLES[kind][long], deadline=None, database=None, derandomize=not long,
        suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate],
    )  # fmt: skip


class Watch(logging.Handler):
    """Keeps what is logged of defects."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.seen: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info or "artui itself failed" in record.getMessage():
            self.seen.append(logging.Formatter().format(record))


@pytest.fixture
def defects() -> Iterator[list[str]]:
    watch = Watch()
    logging.getLogger().addHandler(watch)
    yield watch.seen
    logging.getLogger().removeHandler(watch)


# ----------------------------------------------------------------------------------------------------------- each call


def sane(value: Any) -> None:
    """Whatever a provider says can be stored, compared and shown."""
    if isinstance(value, str):
        value.encode()
    elif isinstance(value, (int, float)):
        assert math.isfinite(value)
        assert -(2**53) <= value <= 2**53
    elif isinstance(value, (list, tuple, set, frozenset)):
        for one in value:
            sane(one)
    elif isinstance(value, dict):
        for name, one in value.items():
            sane_field(name, one)
    elif is_dataclass(value) and not isinstance(value, type):
        sane(asdict(value))


def sane_field(name: str, value: Any) -> None:
    sane(name)
    if name in ("price", "charged"):
        assert value is None or 0 <= value <= MOST
    if name in ("created_at", "finished_at"):
        assert not value or moment(value) is not None
    if name != "settings":
        sane(value)


class Calls:
    """Every call of one service's provider, with what it needs from an untouched service."""

    def __init__(self, studio: Studio, service: str) -> None:
        self.studio, self.service = studio, service
        self.workflow = studio.workflows["Shop set" if service == "filestack" else SERVICES[service][1]]
        self.photo = files.sha256(files.inspect(studio.photos(1)[0], files.Accepts(frozenset({"image/jpeg"}))))
        self.placed: list[str] = []
        self.outputs: list[Output] = []
        self.numbers = iter(range(10**9))
        self.turns = count()
        self.asked_by: dict[str, list[int]] = {}

    async def learn(self, line: OddLine) -> None:
        """Learn which calls ask which route, each on its own, at the service as it is."""
        async with self.opened() as provider:
            number = len(self.all(provider))
        for index in range(number):
            line.mend()
            async with self.opened() as provider:
                with suppress(ProviderError):
                    await self.all(provider)[index]()
            for route in ROUTES[self.service]:
                if any(re.search(route, asked) for asked in line.asked):
                    self.asked_by.setdefault(route, []).append(index)

    def some_of(self, route: str) -> list[int]:
        """Calls that ask a route: all of them where they are few, else others each time."""
        known = self.asked_by[route]
        start = next(self.turns) % len(known)
        return [*known[start:], *known[:start]][:MOST_CALLS]

    def forget(self) -> None:
        """Have the service forget what was ordered since: its lists would grow, and each reading with them."""
        [service] = [one for one in self.studio.simulator._services if one.name == self.service]
        if isinstance(service, AutoRetouch):
            made = service._studio.executions
            for execution in [*made]:
                if execution not in self.placed:
                    del made[execution]

    def opened(self) -> Provider[Any]:
        config = self.studio.config
        return open_provider(config, config.accounts["studio"], Vault(config.paths))

    def order(self, reference: str = "") -> PaidRequest:
        key = f"key-{next(self.numbers)}"
        uploaded = Uploaded(reference or self.photo.digest)
        flow = self.workflow
        return PaidRequest(key, flow.id, flow.version, self.photo, uploaded, parameters=flow.parameters)

    async def place(self) -> None:
        """Have some orders done at the service as it is."""
        async with self.opened() as provider:
            await provider.identify()
            for _ in range(4):
                uploaded = await provider.upload(self.photo, "a.jpg", lambda _: None)
                draft = provider.draft(self.order(uploaded.reference))
                self.placed.append(await provider.submit(draft, self.photo, allow, lambda _: None))
            async with asyncio.timeout(20):
                while not self.outputs:
                    seen = await provider.poll(self.sent)
                    self.outputs = [output for one in seen.values() for output in one.outputs]
                    await asyncio.sleep(0.01)

    @property
    def sent(self) -> list[ExecutionRef]:
        return [ExecutionRef(one, self.workflow.id) for one in self.placed]

    def all(self, provider: Provider[Any]) -> list[Callable[[], Awaitable[Any]]]:
        flow = self.workflow
        sought = [
            PurchaseQuery(f"key-{n}", frozenset({f"key-{n}"}), flow.id, flow.version, self.photo.digest)
            for n in (0, 999)
        ]

        async def submit() -> None:
            reference = (await provider.upload(self.photo, "a.jpg", lambda _: None)).reference
            await provider.submit(provider.draft(self.order(reference)), self.photo, allow, lambda _: None)

        async def listed() -> list[Any]:
            return [page async for page in provider.listed(flow.id)]

        async def download(output: Output) -> None:
            part = files.Part(self.studio.folder / ".artui-1-00000000.part")
            with part:
                await provider.download(output, self.placed[0], part, lambda _: None)
                with suppress(files.BadResult):
                    part.finish(None)
            part.path.unlink(missing_ok=True)

        downloads = [partial(download, output) for output in self.outputs[:2]]
        return [
            provider.identify, provider.who_pays, provider.balance, provider.workflows,
            partial(provider.workflow, flow.id), partial(provider.uploaded, self.photo), submit,
            partial(provider.poll, self.sent), partial(provider.poll, self.sent[:1]),
            partial(provider.find, sought), listed,
            *downloads,
            partial(provider.retry, self.placed[0], allow, lambda _: None), provider.organizations,
        ]  # fmt: skip


async def allow(_: str) -> None:
    pass


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.timeout(1800)
def test_every_call_bears_every_answer(
    service: str, long: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, defects: list[str]
) -> None:
    simulator = Simulator(speed=2_000, credits=10**8)
    routes = cycle(ROUTES[service])
    with odd_line(simulator) as line, asyncio.Runner() as runner:
        opening = open_studio(simulator, monkeypatch, tmp_path, service=service, account=SERVICES[service][0])
        calls = Calls(runner.run(opening.__aenter__()), service)
        runner.run(calls.place())
        runner.run(calls.learn(line))
        line.changed.clear()

        @fuzz("calls", long=long)
        @given(change=changes())
        def bear(change: Change) -> None:
            runner.run(ask(calls, line, next(routes), change))
            assert not defects, defects

        bear()
        line.mend()
        runner.run(opening.__aexit__(None, None, None))
    answers = line.changed
    print(f"{service}: {answers.total():,} answers: {dict(answers)}")  # noqa: T201 — for a report
    assert not [route for route in ROUTES[service] if not answers[route]]
    assert not long or answers.total() >= 7_000
    keys = Counter(charge["key"] for charge in simulator.ledger if charge["key"])
    assert service == "filestack" or max(keys.values()) == 1


async def ask(calls: Calls, line: OddLine, route: str, change: Change) -> None:
    """Have a route's answers changed, and make some of the calls that ask it."""
    line.mend()
    calls.forget()
    tell.cache_clear()
    async with calls.opened() as provider:
        line.arm(route, change)
        made = calls.all(provider)
        for index in calls.some_of(route):
            with suppress(ProviderError, files.PhotoProblem):
                async with asyncio.timeout(30):
                    sane(await made[index]())
        with suppress(ProviderError):
            json.dumps(sorted(provider.puzzles.items()))


# -------------------------------------------------------------------------------------------------------- whole engines


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.timeout(3600)
def test_an_engine_outlives_every_answer(
    service: str, long: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, defects: list[str]
) -> None:
    hurry(monkeypatch.setattr)
    answers, number = Counter[str](), count()
    oddities = st.lists(
        st.tuples(st.sampled_from(ROUTES[service] if long else MET[service]), changes(), st.integers(1, 4)),
        min_size=1, max_size=4,
    )  # fmt: skip

    @fuzz("engines", long=long)
    @given(oddities=oddities)
    def outlive(oddities: list[tuple[str, Change, int]]) -> None:
        place = tmp_path / f"{next(number)}"
        place.mkdir()
        monkeypatch.setenv("ARTUI_HOME", str(place / "home"))
        simulator = Simulator(speed=2_000)
        with odd_line(simulator) as line:
            asyncio.run(meet(service, simulator, line, place, monkeypatch, oddities))
            answers.update(line.changed)
        assert not defects, defects
        shutil.rmtree(place)

    outlive()
    print(f"{service}: {answers.total():,} answers to engines: {dict(answers)}")  # noqa: T201 — for a report


BELIEVED = {"charged_once", "bought_once", "executions_known", "caps_kept", "charges_delivered"}
"""What cannot hold where an answer refuses what was carried out, or says what it cost otherwise."""


async def meet(
    service: str, simulator: Simulator, line: OddLine, place: Path, monkeypatch: pytest.MonkeyPatch,
    oddities: list[tuple[str, Change, int]],
) -> None:  # fmt: skip
    """An engine sends three photos while some answers of some routes are odd."""
    account, workflow = SERVICES[service]
    async with open_studio(simulator, monkeypatch, place, service=service, account=account, settle=0.05) as studio:
        recipe = studio.workflows[workflow].parameters
        for oddity in oddities:
            line.arm(*oddity)
        await studio.add(studio.photos(3), workflow=workflow, provider=service, parameters=recipe)
        await studio.start()
        with suppress(AssertionError):  # some wait for longer than anybody would here: a state says so
            await studio.until(lambda: all(job.status in {Status.HELD, *FINAL} for job in studio.jobs()), PATIENCE)
        assert studio._running is not None
        assert not studio._running.done(), studio._running
        await studio.stop()
        contradicted = broken(studio.evidence(clocks_agree=False))
        assert not contradicted.keys() - BELIEVED, contradicted
        charged = Counter(charge["key"] for charge in simulator.ledger if charge["key"])
        assert not [key for key, times in charged.items() if times > 1], charged
        if service == "autoretouch":
            photos = Counter(charge["digest"] for charge in simulator.ledger)
            assert not [digest for digest, times in photos.items() if times > 1], photos
