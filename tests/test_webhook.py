"""Webhooks: what calls a listener takes, what they cause, that they cause no more than that, and what they save."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
import signal
import statistics
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import httpx
import pytest

from artui.cli.options import HOST_PORT
from artui.config import paths
from artui.credentials import Vault
from artui.engine import poller as looking
from artui.engine.poller import Poller
from artui.journal import history, purchases, requests
from artui.model.states import Stage, Status
from artui.providers.base import Call, ExecutionStatus, ProviderDeps, Puzzles, State
from artui.providers.services.autoretouch.provider import AutoRetouch, AutoRetouchSettings
from artui.providers.services.filestack.provider import Filestack, FilestackSettings
from artui.providers.services.retouch4me.provider import Retouch4me, Retouch4meSettings
from artui.sim.server import Simulator, running
from artui.watch.webhook import MOST_BYTES, MOST_WAITING, Listener
from tests.studio import ACCOUNT, Studio, open_studio
from tests.test_engine_filestack import ACCOUNT as APP
from tests.test_engine_retouch4me import ACCOUNT as PORTRAITS
from tests.waiting import eventually

PART = "5f" * 16
EXECUTION = "4f49c2b1-b428-44d2-8035-6949982122ce"

# ------------------------------------------------------------------------------------------------- the listener


@pytest.fixture
def listener() -> Iterator[Listener]:
    listening = Listener("127.0.0.1", 0)
    listening._part = PART.encode()
    yield listening
    listening.close()


def caller(listener: Listener) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=listener.answer), base_url="http://hooks")


@pytest.mark.parametrize(
    ("path", "tail"),
    [(f"/{PART}", ""), (f"/artui/{PART}/", ""), (f"/a/b/{PART}/key.1", "key.1"), (f"/{PART}?x=y", "")],
)
async def test_a_call_is_taken_wherever_the_proxy_puts_it(listener: Listener, path: str, tail: str) -> None:
    async with caller(listener) as client:
        assert (await client.post(path, content=b"{}", headers={"FS-Signature": "AB"})).status_code == 204
        assert (await client.get(path)).status_code == 204
    call = listener._calls.get_nowait()
    assert (call.tail, call.body, call.headers["fs-signature"]) == (tail, b"{}", "AB")


@pytest.mark.parametrize(
    "path", ["/", "/artui", f"/{PART[:-1]}", f"/{PART}0", f"/{PART}/a/b", "/\u00fc", f"/{PART.upper()}"]
)
async def test_a_wrong_path_is_told_nothing(listener: Listener, path: str) -> None:
    async with caller(listener) as client:
        answer = await client.post(path, content=b"{}")
        assert (answer.status_code, answer.content) == (404, b"")
        assert (await client.delete(f"/{PART}")).status_code == 404
    assert listener._calls.empty()


async def test_bodies_and_what_waits_are_bounded(listener: Listener) -> None:
    async with caller(listener) as client:
        assert (await client.post(f"/{PART}", content=b"x" * (MOST_BYTES + 1))).status_code == 413
        assert listener._calls.empty()
        answers = [(await client.post(f"/{PART}", content=b"x")).status_code for _ in range(MOST_WAITING + 1)]
    assert answers == [204] * MOST_WAITING + [503]


async def test_a_listener_that_breaks_is_begun_anew(listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    serve, stopping, heard = Listener._serve, asyncio.Event(), []
    breaks = [RuntimeError("broken")]

    async def fragile(self: Listener, stop: asyncio.Event) -> None:
        if breaks:
            raise breaks.pop()
        await serve(self, stop)

    async def hear(call: Call) -> None:
        heard.append(call)

    monkeypatch.setattr(Listener, "_serve", fragile)
    monkeypatch.setattr("artui.watch.webhook.PATIENCE", 0.01)
    place = f"http://{listener.place}/{PART}"
    run = asyncio.create_task(listener.run(PART, hear, stopping))
    async with httpx.AsyncClient() as client:
        assert (await client.post(place)).status_code == 204
    await eventually(lambda: heard)
    stopping.set()
    await run


# ------------------------------------------------------------------------------------ what a call is taken to say


@pytest.fixture
def deps(monkeypatch: pytest.MonkeyPatch) -> ProviderDeps:
    monkeypatch.setenv("ARTUI_SHOP_WEBHOOK_TOKEN", "whsec-demo-0001")
    return ProviderDeps("shop", Vault(paths()))


def call_of(content: object, tail: str = "", **headers: str) -> Call:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return Call(tail, {name.replace("_", "-"): value for name, value in headers.items()}, body)


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ({"event": "WORKFLOW_EXECUTION_COMPLETED", "content": {"id": EXECUTION}}, EXECUTION),
        ({"event": "ANYTHING", "content": {"id": EXECUTION, "status": "FAILED"}}, EXECUTION),
        ({"content": {"id": EXECUTION}}, EXECUTION),
        ({"id": EXECUTION}, ""),
        ({"content": {"id": 7}}, ""),
        ({"content": [EXECUTION]}, ""),
        ({"content": {"id": "../../x"}}, ""),
        ([EXECUTION], ""),
        (b"", ""),
        (b"\xff\xfe", ""),
        (b"[" * 200_000, ""),
        (b'{"content": {"id": ' + b"9" * 10_000 + b"}}", ""),
    ],
)
async def test_autoretouch_is_asked_about_an_execution_and_nothing_else(
    deps: ProviderDeps, content: object, names: str
) -> None:
    async with AutoRetouch(AutoRetouchSettings(), deps) as provider:
        assert await provider.called(call_of(content)) == names


async def test_retouch4me_is_known_by_the_address_alone(deps: ProviderDeps) -> None:
    async with Retouch4me(Retouch4meSettings(), deps) as provider:
        assert await provider.called(call_of({"id": "another"}, "ab12.key")) == "ab12.key"
        assert await provider.called(call_of({"id": "another"})) == ""


async def test_filestack_is_believed_by_its_signature(deps: ProviderDeps) -> None:
    body = (
        b'{"id":7001,"action":"fs.workflow","timestamp":1900000001,"text":{"jobid":'
        b'"11111111-2222-4333-8444-555555555555","status":"Finished"}}'
    )
    right = "8bc813864570da3bd70c3dc96930c15e333ee2066be82f86c195e8d1bcf05031"
    signed = {"fs_signature": right, "fs_timestamp": "1900000002"}
    async with Filestack(FilestackSettings(api_key="Akey"), deps) as provider:
        assert await provider.called(call_of(body, **signed)) == "11111111-2222-4333-8444-555555555555"
        for wrong in (
            call_of(body),
            call_of(body + b" ", **signed),
            call_of(body, fs_signature=right, fs_timestamp="1900000003"),
            call_of(body, fs_signature="", fs_timestamp="1900000002"),
            call_of(body, fs_signature="\xe9", fs_timestamp="\xe9"),
        ):
            assert await provider.called(wrong) == ""
        bare = b'{"job": "abc"}'
        signature = hmac.new(b"whsec-demo-0001", b"1." + bare, hashlib.sha256).hexdigest()
        assert await provider.called(call_of(bare, fs_signature=signature, fs_timestamp="1")) == "abc"
    async with Filestack(FilestackSettings(api_key="Akey"), ProviderDeps("other", Vault(paths()))) as provider:
        assert await provider.called(call_of(body, **signed)) == "", "nobody has kept the secret"


# ----------------------------------------------------------------------------------------- what calls may cause


class Schedule:
    """A lookout at a clock of its own, with executions that end when a test says so."""

    def __init__(self, number: int) -> None:
        self.at, self.looks = 0.0, 0
        self.ended: set[str] = set()
        limits, settings = SimpleNamespace(least_gap=1.0), SimpleNamespace(qa_look=60.0, first_look=10.0)
        provider = SimpleNamespace(limits=limits, settings=settings, puzzles=Puzzles(), deadline=lambda _: None)
        journal = SimpleNamespace(read=lambda *_: (10.0, 5))
        desk: Any = SimpleNamespace(clock=SimpleNamespace(now=lambda: self.at), provider=provider, journal=journal)
        self.lookout = Poller(desk, self._note)
        for index in range(number):
            self.lookout.expect(self._job(index))

    def _job(self, index: int, **more: Any) -> Any:
        plain = {"id": index, "execution": f"e{index}", "stage": Stage.SUBMITTED, "status": Status.WAITING,
                 "reason": "", "due": 10.0, "source": Path("x.jpg"),
                 "payer": "p", "workflow": "w", "stage_at": 0.0}  # fmt: skip
        return SimpleNamespace(**{**plain, **more})

    async def _note(self, job: Any, progress: ExecutionStatus) -> Any:
        return self._job(job.id, stage=Stage.PROCESSED) if progress.state is State.DONE else job

    async def run(self, seconds: float, step: float = 0.1) -> None:
        """Let time pass; every look is taken when it is due."""
        until = self.at + seconds
        while self.at < until:
            self.at += step
            if due := self.lookout.due():
                self.looks += len(due)
                states = {True: State.DONE, False: State.RUNNING}
                seen = {
                    one.execution: ExecutionStatus(one.execution, states[one.execution in self.ended], "x")
                    for one in due
                }
                await self.lookout.note(due, seen)

    def end(self, index: int, *, called: bool) -> None:
        self.ended.add(f"e{index}")
        if called:
            self.lookout.called(f"e{index}")


async def test_a_call_is_looked_into_at_once_and_a_flood_at_the_bound() -> None:
    schedule = Schedule(1000)
    schedule.end(7, called=True)
    await schedule.run(0.1)
    assert schedule.looks == 1
    assert 7 not in schedule.lookout._looks
    quiet = Schedule(1000)
    for _ in range(80):
        for index in range(0, 1000, 7):
            schedule.lookout.called(f"e{index}")
            schedule.lookout.called(f"nobody's {index}")
        await schedule.run(0.1)
        await quiet.run(0.1)
    assert quiet.looks == 0, "the first looks are not due yet"
    assert schedule.looks <= 1 + 9 * 20


async def test_named_executions_are_looked_at_once_each_gap_however_often_they_are_named() -> None:
    schedule = Schedule(1)
    for _ in range(50):
        schedule.lookout.called("e0")
        await schedule.run(0.1)
    assert 4 <= schedule.looks <= 6


async def test_other_looks_become_a_safety_net_while_calls_are_right_and_come_back_when_they_stop() -> None:
    plain, relying = Schedule(20), Schedule(20)
    relying.end(0, called=True)
    await relying.run(60)
    await plain.run(60)
    assert relying.looks == 1, "the call alone"
    assert plain.looks > 60
    relying.end(1, called=False)  # this call is lost
    await relying.run(looking.SAFETY_NET)
    assert 1 not in relying.lookout._looks, "the net holds what no call tells"
    before = relying.looks
    await relying.run(60)
    assert relying.looks - before >= 18 * 3, "calls that get lost are not relied on"
    relying.end(2, called=True)
    await relying.run(30)
    before = relying.looks
    await relying.run(20)
    assert relying.looks - before < 18, "a call was right again"
    await relying.run(looking.CALLS_LAST)
    before = relying.looks
    await relying.run(60)
    assert relying.looks - before >= 17 * 3, "they have stopped"


@pytest.mark.parametrize("name", ["e1", 1])
async def test_a_call_that_overtakes_the_answer_to_the_order_is_not_lost(name: str | int) -> None:
    schedule = Schedule(1)
    schedule.end(0, called=True)
    await schedule.run(1)
    schedule.ended.add("e1")
    schedule.lookout.called(name)
    await schedule.run(5)
    schedule.lookout.expect(schedule._job(1))
    await schedule.run(2)
    assert 1 not in schedule.lookout._looks


async def test_after_a_call_too_early_looks_are_no_closer_together_than_before() -> None:
    plain, named = Schedule(20), Schedule(20)
    for schedule in (plain, named):
        await schedule.run(120)
    for index in range(20):
        named.lookout.called(f"e{index}")
    before, begun = plain.looks, named.looks
    await plain.run(60)
    await named.run(60)
    assert named.looks - begun <= plain.looks - before + 20


async def test_what_a_call_came_too_early_for_is_looked_at_as_before() -> None:
    schedule = Schedule(2)
    schedule.end(0, called=True)
    await schedule.run(1)
    schedule.lookout.called("e1")
    await schedule.run(1)
    schedule.end(1, called=False)  # the details show it a little later than the call
    await schedule.run(16)
    assert 1 not in schedule.lookout._looks


async def test_forged_calls_slow_nothing_down() -> None:
    plain, fooled = Schedule(20), Schedule(20)
    for _ in range(60):
        fooled.lookout.called("e3")
        await plain.run(1)
        await fooled.run(1)
    assert fooled.lookout._calls_until == 0
    assert fooled.looks >= plain.looks - 5


# ------------------------------------------------------------------------------------------------- from end to end


@asynccontextmanager
async def hearing(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, folder: Path, **account: Any
) -> AsyncIterator[tuple[Studio, Listener]]:
    """A studio whose service calls a listener, which hears for its engine once it is begun."""
    listener = Listener("127.0.0.1", 0)
    more = f'webhook_url = "http://{listener.place}/artui"\n'
    head, table, rest = account.pop("account", ACCOUNT).partition("\n[accounts.studio.")
    account["account"] = (
        f"{head}\n{more}{table}{rest}" if account.get("service") != "filestack" else head + table + rest
    )
    async with open_studio(simulator, monkeypatch, folder, **account) as studio:
        try:
            yield studio, listener
        finally:
            listener.close()


@asynccontextmanager
async def heard(studio: Studio, listener: Listener) -> AsyncIterator[str]:
    """The listener at work beside the engine; gives the address that services call."""
    assert studio.engine is not None
    part, stopping = studio.journal.read(requests.webhook_part), asyncio.Event()
    run = asyncio.create_task(listener.run(part, studio.engine.called, stopping))
    try:
        yield f"http://{listener.place}/artui/{part}"
    finally:
        stopping.set()
        await run


def drafts(studio: Studio) -> list[dict[str, Any]]:
    return [json.loads(one.draft) for job in studio.jobs() for one in studio.journal.read(purchases.of_job, job.id)]


async def test_lost_doubled_forged_and_late_calls_do_no_harm(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    simulator.switch({"webhooks.lost": 30, "webhooks.doubled": 40, "webhooks.forged": 60, "webhooks.late": 0.3})
    monkeypatch.setattr(looking, "SAFETY_NET", 1.0)
    async with hearing(simulator, monkeypatch, tmp_path) as (studio, listener):
        await studio.add(studio.photos(12))
        await studio.start()
        async with heard(studio, listener) as address:
            found = await studio.at_rest()
        assert {job.status for job in found} == {Status.DONE}, studio.places()
        assert len(simulator.ledger) == 12
        assert [draft["body"]["webhooks"] for draft in drafts(studio)] == [[address]] * 12
        studio.check()


async def test_retouch4me_calls_the_key_of_each_purchase_and_repeats_send_it_unchanged(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    simulator.faults.add([{"route": "retouch4me.start", "do": "drop_after", "after": 1, "times": 2}])
    account = {"service": "retouch4me", "account": PORTRAITS}
    called: list[str | int] = []
    notice = Poller.called
    monkeypatch.setattr(Poller, "called", lambda self, name: (called.append(name), notice(self, name))[1])
    async with hearing(simulator, monkeypatch, tmp_path, **account) as (studio, listener):
        recipe = studio.workflows["Natural"].parameters
        await studio.add(studio.photos(4), workflow="Natural", provider="retouch4me", parameters=recipe)
        await studio.start()
        async with heard(studio, listener) as address:
            await studio.at_rest()
            await eventually(lambda: {job.id for job in studio.jobs()} <= {*called})
        sent = [one["form"] for one in simulator.history if one["path"].endswith("/retoucher/start")]
        assert len(sent) == 6
        assert all(form["hook"] == f"{address}/{form['Idempotency-Key']}" for form in sent)
        assert len(simulator.ledger) == 4
        studio.check()


async def test_without_an_address_no_draft_names_one(studio: Studio) -> None:
    await studio.add(studio.photos(1))
    await studio.start()
    await studio.at_rest()
    assert "webhooks" not in drafts(studio)[0]["body"]


# ------------------------------------------------------------------------------------------- a flood, and killed


async def flood(address: str, names: list[str], number: int) -> int:
    """So many calls, forged in every way; returns how many were answered as taken."""
    bodies = [
        lambda index: json.dumps({"event": "FAILED", "content": {"id": names[index % len(names)], "status": "FAILED"}}),
        lambda index: json.dumps({"content": {"id": f"forged-execution-{index:08}"}}),
        lambda index: "{" * (index % 500),
    ]
    places = (address, f"{address}/{'k' * 30}", f"{address}0", address.rsplit("/", 1)[0])
    taken, slots = 0, asyncio.Semaphore(20)

    async def one(client: httpx.AsyncClient, index: int) -> None:
        nonlocal taken
        async with slots:
            with contextlib.suppress(httpx.HTTPError):  # nobody may be there just now
                place = places[index % 4 if index % 3 == 0 else 0]
                answer = await client.post(place, content=bodies[index % len(bodies)](index))
                taken += answer.status_code == 204

    async with httpx.AsyncClient(timeout=10) as client:
        await asyncio.gather(*(one(client, index) for index in range(number)))
    return taken


def looks_of(simulator: Simulator) -> list[dict[str, Any]]:
    """The requests that look at executions: each by itself, or by the list."""
    return [one for one in simulator.history if one["method"] == "GET" and "/workflow/execution" in one["path"]]


async def test_a_flood_of_calls_makes_no_request_beyond_the_bound(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, long: bool
) -> None:
    number = 10_000 if long else 400
    with running(Simulator(speed=0.02)) as simulator:  # nothing ends while it comes
        patient = ACCOUNT.replace("first_look = 0.1", "first_look = 600")
        async with hearing(simulator, monkeypatch, tmp_path, account=patient) as (studio, listener):
            await studio.add(studio.photos(30))
            await studio.start()
            await studio.until(lambda: all(job.execution for job in studio.jobs()))
            names, clock = [job.execution for job in studio.jobs()], asyncio.get_running_loop().time
            async with heard(studio, listener) as address:
                before, begun = len(looks_of(simulator)), clock()
                taken = await flood(address, names, number)
                rounds = int(clock() - begun) + 2
            assert taken > number / 3
            looked = len(looks_of(simulator)) - before
            assert 0 < looked <= rounds * 20, (looked, rounds)
            assert {(job.stage, job.status) for job in studio.jobs()} == {(Stage.SUBMITTED, Status.WAITING)}
            print(f"{number} calls in {clock() - begun:.1f} s: {looked} looks")  # noqa: T201


def watch(folder: Path, port: str, said: Path) -> subprocess.Popen[bytes]:
    """``artui watch`` with a listener, in a process of its own."""
    command = [sys.executable, "-m", "artui", "watch", str(folder), "--existing", "ignore", "-w", "Export only"]
    command += ["-o", str(folder.parent / "out"), "--yes", "--webhook", f"127.0.0.1:{port}"]
    with said.open("ab") as out:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)


async def test_killed_with_its_listener_amid_calls_it_pays_once_and_loses_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, long: bool
) -> None:
    photos, calls, kills = (60, 10_000, 4) if long else (6, 100, 1)
    with running(Simulator(speed=0.2 if long else 10)) as simulator:
        simulator.switch({"webhooks.lost": 30, "webhooks.doubled": 40, "webhooks.forged": 60, "webhooks.late": 1.0})
        async with hearing(simulator, monkeypatch, tmp_path) as (studio, listener):
            port = listener.place.rpartition(":")[2]
            listener.close()
            (watched := tmp_path / "watched").mkdir()
            await studio.add(studio.photos(photos))
            address = f"http://127.0.0.1:{port}/artui/{studio.journal.read(requests.webhook_part)}"
            said = tmp_path / "said"
            process = watch(watched, port, said)
            try:
                for _ in range(kills):
                    await eventually(lambda: simulator.ledger, told=said.read_text)
                    names = [job.execution for job in studio.jobs() if job.execution] or ["none"]
                    await flood(address, names, calls // (2 * kills))
                    process.kill()
                    process.wait()
                    await flood(address, names, 5)
                    process = watch(watched, port, said)
                flooding = asyncio.create_task(flood(address, names, calls // 2))
                # The first may have done it all: who ends the second before it listens kills it.
                begun = f"(process {process.pid})"
                await eventually(lambda: "are heard" in said.read_text().partition(begun)[2], told=said.read_text)
                await studio.at_rest(120)
                await flooding
                assert {job.status for job in studio.jobs()} == {Status.DONE}, studio.places()
                assert len(simulator.ledger) == photos
            finally:
                process.send_signal(signal.SIGTERM)
                assert await asyncio.to_thread(process.wait, 30) == 0, said.read_text()
            assert f"Webhooks are heard at 127.0.0.1:{port}." in said.read_text()
            studio.check()


async def lags(studio: Studio) -> list[float]:
    """Seconds from the end of each execution at the service until its result was on disk."""
    found = []
    for job in studio.jobs():
        [saved] = [one.at for one in studio.journal.read(history.of_job, job.id) if one.status is Status.DONE]
        details = next(one for one in studio.simulator._services[0]._studio.executions.values()  # type: ignore[attr-defined]
                       if one.id == job.execution)  # fmt: skip
        document = await studio.simulator._services[0]._studio.document(details)  # type: ignore[attr-defined]
        found.append(saved - datetime.fromisoformat(document["finishedAt"]).timestamp())
    return found


async def test_results_are_on_disk_sooner_than_by_looking(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, long: bool
) -> None:
    if not long:
        pytest.skip("takes two minutes: --long")
    shown = []
    for called in (False, True):
        with running(Simulator(speed=0.25)) as simulator:
            place = tmp_path / str(called)
            place.mkdir()
            monkeypatch.setenv("ARTUI_HOME", str(place / "home"))
            usual = ACCOUNT.replace("first_look = 0.1", "first_look = 10")
            async with hearing(simulator, monkeypatch, place, account=usual) as (studio, listener):
                await studio.add(studio.photos(20))
                await studio.start()
                async with heard(studio, listener) if called else contextlib.nullcontext():
                    await studio.at_rest(120)
                studio.check()
                shown.append((statistics.mean(await lags(studio)), len(looks_of(simulator))))
    (plain, plain_looks), (sooner, fewer) = shown
    print(f"lag {plain:.2f} s and {plain_looks} looks by looking, {sooner:.2f} s and {fewer} by calls")  # noqa: T201
    assert sooner < plain / 2


@pytest.mark.parametrize("place", ["8787", "127.0.0.1:x", "127.0.0.1:99999", ":8787", "127.0.0.1:\u0661", ""])
def test_an_address_that_is_none_is_refused_in_a_sentence(place: str) -> None:
    with pytest.raises(click.BadParameter, match=r"is no HOST:PORT, as in 127\.0\.0\.1:8787"):
        HOST_PORT.convert(place, None, None)
    assert HOST_PORT.convert("[::1]:8787", None, None) == "[::1]:8787"


def test_an_address_that_is_taken_is_refused_in_a_sentence(listener: Listener) -> None:
    from artui.cli.exits import CommandError
    from artui.cli.watch import _listen

    with pytest.raises(CommandError, match="choose another"):
        _listen(listener.place)


def test_without_the_extra_it_says_what_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from artui.cli.exits import CommandError
    from artui.cli.watch import _listen

    monkeypatch.delitem(sys.modules, "artui.watch.webhook", raising=False)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(CommandError, match=r"needs uvicorn: pip install 'artui\[webhook\]'"):
        _listen("127.0.0.1:0")


async def test_filestack_calls_and_is_believed_where_it_is_signed(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ARTUI_STUDIO_WEBHOOK_TOKEN", simulator.announcement()["filestack"]["webhook_secret"])
    simulator.switch({"webhooks.forged": 100})
    called: list[str] = []
    monkeypatch.setattr(Poller, "called", lambda _, name: called.append(name))
    async with hearing(simulator, monkeypatch, tmp_path, service="filestack", account=APP) as (studio, listener):
        await studio.start()
        async with heard(studio, listener) as address:
            simulator.switch({"filestack.webhook": address})
            await studio.add(studio.photos(2), workflow="Shop set", provider="filestack")
            await studio.at_rest()
            executions = {job.execution for job in studio.jobs()}
            await eventually(lambda: executions <= {*called}, told=lambda: (called, executions))
        assert {*called} == executions
        studio.check()


async def test_a_look_tells_nothing_of_what_was_taken_up_anew_while_it_was_under_way() -> None:
    schedule = Schedule(1)
    schedule.at = 20.0
    due = schedule.lookout.due()
    seen = {one.execution: ExecutionStatus(one.execution, State.DONE, "x") for one in due}
    adopted = schedule._job(0, execution="another")
    schedule.lookout.follow(adopted)
    with pytest.MonkeyPatch.context() as noting:
        noting.setattr(schedule.lookout, "_note", None)
        await schedule.lookout.note(due, seen)
    assert schedule.lookout.due() == [adopted]


async def test_what_was_adopted_while_its_doubt_was_looked_up_stays_followed() -> None:
    schedule = Schedule(2)
    schedule.at = 20.0
    schedule.lookout.forget(schedule._job(1))
    adopted = schedule._job(0, execution="another")
    schedule.lookout.follow(adopted)
    for index in range(2):
        schedule.lookout.follow(schedule._job(index, execution="", status=Status.HELD))
    assert schedule.lookout.due() == [adopted], "one in doubt has nothing to look at"


async def test_what_is_taken_up_anew_while_a_look_is_written_down_stays_followed() -> None:
    schedule = Schedule(1)
    schedule.at = 20.0
    adopted = schedule._job(0, execution="another")

    async def note(job: Any, _: ExecutionStatus) -> Any:
        schedule.lookout.follow(adopted)
        return schedule._job(job.id, execution="", status=Status.HELD)

    with pytest.MonkeyPatch.context() as noting:
        noting.setattr(schedule.lookout, "_note", note)
        await schedule.lookout.note(schedule.lookout.due(), {"e0": ExecutionStatus("e0", State.DONE, "x")})
    assert schedule.lookout.due() == [adopted]
