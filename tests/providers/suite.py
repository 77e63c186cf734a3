"""What every provider must do: one suite, which each provider's own test file runs over its part of the stand-in.

A provider joins with a :class:`Bench` that says where its calls go, and one line: ``class TestX(ProviderSuite)``.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pytest

from artui import files
from artui.config import paths
from artui.credentials import KeyStore, Secret, Vault
from artui.providers.base import (
    Absent,
    Blocked,
    Cause,
    ExecutionRef,
    ExecutionStatus,
    Found,
    Incomplete,
    NotPermitted,
    Output,
    PaidRequest,
    Permit,
    ProviderDeps,
    ProviderError,
    PurchaseQuery,
    Rejected,
    State,
    Transient,
    Unknown,
    Workflow,
)
from artui.providers.http import HttpProvider, MinSpeed
from artui.sim.photos import noise_jpeg
from artui.sim.server import Simulator, running
from tests.waiting import eventually

SPEED = 100.0
_ENDING = ThreadPoolExecutor(8, "ending")
PATIENCE = 15.0


@dataclass(frozen=True, slots=True)
class Call:
    """One kind of call as the stand-in knows it: its fault switch, and its place in the history."""

    route: str
    method: str
    path: str


@dataclass
class Placed:
    """An order that was accepted."""

    order: PaidRequest
    draft: str
    execution: str

    @property
    def sent(self) -> ExecutionRef:
        return ExecutionRef(self.execution, self.order.workflow)


@dataclass
class Desk:
    """A place to work: a folder for photos, and a vault that holds the token of the account "studio"."""

    folder: Path
    vault: Vault = field(init=False)

    def __post_init__(self) -> None:
        where = paths()
        where.create()
        self.vault = Vault(where, {})
        self.vault.keep("studio", Secret(self.token()), KeyStore.MEMORY)

    def token(self) -> str:
        """What signs the account in."""
        return "a-token-nobody-checks"

    @property
    def deps(self) -> ProviderDeps:
        return ProviderDeps("studio", self.vault)

    def photo(self, name: str = "shirt 7.jpg", size: int = 20_000, seed: int = 0) -> files.Photo:
        """A whole JPEG of so many bytes, hashed."""
        path = self.folder / name
        noise_jpeg(path, size, seed)
        return files.sha256(files.inspect(path, files.Accepts(frozenset({"image/jpeg"}))))


@dataclass
class Bench(Desk, ABC):
    """A provider that is signed in at the stand-in, with its levers."""

    simulator: Simulator
    provider: HttpProvider[Any] = field(init=False)

    calls: ClassVar[Mapping[str, Call]]
    """The suite's words (read, upload, submit, look, download, list) and where they go; a missing one is not tested."""
    renews: ClassVar[bool]
    """Whether a refused token is renewed, so that one refusal goes unseen."""
    forbids: ClassVar[type[ProviderError]] = Rejected
    """What 403 means: that this one request is refused, or that the account must wait for a person."""
    workflow_name: ClassVar[str]
    """A cheap and quick workflow of the stand-in."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.provider = self.open()

    @abstractmethod
    def open(self, **settings: object) -> HttpProvider[Any]:
        """The provider, aimed at the stand-in."""

    @abstractmethod
    async def secrets(self) -> list[str]:
        """Every secret that the provider holds by now."""

    async def read(self) -> object:
        """Any ordinary request."""
        return await self.provider.balance()

    def hurry(self) -> None:
        """Make the provider's speed rule one that a test can wait for."""
        self.provider._http._pace = MinSpeed(1_000, 0.3)

    def needs(self, call: str) -> None:
        if call not in self.calls:
            pytest.skip(f"it has no {call}")

    def go_wrong(self, call: str, do: str, times: int = 1, after: int = 0) -> None:
        self.simulator.faults.add([{"route": self.calls[call].route, "do": do, "times": times, "after": after}])

    def seen(self, call: str) -> list[dict[str, Any]]:
        """What the stand-in saw of one kind of call."""
        kind = self.calls[call]
        return [
            entry
            for entry in self.simulator.history
            if entry["method"] == kind.method and re.fullmatch(kind.path, entry["path"])
        ]

    def has_arrived(self, order: PaidRequest) -> bool:
        """Whether the stand-in has the whole paid request."""
        return bool(self.seen("submit"))

    async def workflow(self) -> Workflow:
        return next(one for one in await self.provider.workflows() if one.name == self.workflow_name)

    async def order(self, photo: files.Photo | None = None, key: str = "key-0001") -> PaidRequest:
        photo = photo or self.photo()
        workflow = await self.workflow()
        name = files.ascii_name(photo.path.name, photo.media_type)
        uploaded = await self.provider.upload(photo, name, ignore)
        return PaidRequest(key, workflow.id, workflow.version, photo, uploaded, {"sku": "A-7"}, workflow.parameters)

    async def submit(self, order: PaidRequest, permit: Permit | None = None) -> Placed:
        draft = self.provider.draft(order)
        execution = await self.provider.submit(draft, order.photo, permit or allow, ignore)
        return Placed(order, draft, execution)

    async def look(self, sent: ExecutionRef) -> ExecutionStatus:
        return (await self.provider.poll([sent]))[sent.execution]

    async def finished(self, sent: ExecutionRef) -> ExecutionStatus:
        async with asyncio.timeout(PATIENCE):
            while (progress := await self.look(sent)).state is State.RUNNING:  # noqa: ASYNC110 - nothing tells us
                await asyncio.sleep(0.01)
        return progress

    async def fetch(self, output: Output, execution: str) -> files.Written:
        with files.Part(self.folder / "result.part") as part:
            await self.provider.download(output, execution, part, ignore)
            return part.finish()

    async def journey(self) -> files.Written:
        """All the way, once."""
        placed = await self.submit(await self.order())
        progress = await self.finished(placed.sent)
        return await self.fetch(progress.outputs[0], placed.execution)


@contextmanager
def stand_in(extra_workflows: int = 0) -> Iterator[Simulator]:
    """A quick stand-in of one's own. It ends in the background, for that takes longer than most tests."""
    opened = running(Simulator(speed=SPEED, device_interval=0.05, extra_workflows=extra_workflows))
    simulator = opened.__enter__()
    try:
        yield simulator
    finally:
        _ENDING.submit(opened.__exit__, None, None, None)


def ignore(_moved: int) -> None:
    return None


async def allow(payer: str) -> None:
    return None


class ProviderSuite:
    """The tests; ``bench_type`` says for whom."""

    bench_type: ClassVar[type[Bench]]

    @pytest.fixture
    def simulator(self) -> Iterator[Simulator]:
        with stand_in() as simulator:
            yield simulator

    @pytest.fixture
    async def bench(self, simulator: Simulator, tmp_path: Path) -> AsyncIterator[Bench]:
        bench = self.bench_type(tmp_path, simulator)
        yield bench
        await bench.provider.close()

    # Who and what.

    async def test_the_payer_is_the_same_under_any_account_name(self, bench: Bench) -> None:
        first = await bench.provider.identify()
        assert bench.provider.endpoint == first.endpoint
        assert first.endpoint in first.payer
        assert "studio" not in first.payer
        assert bench.provider.service_time is not None

    async def test_a_workflow_is_the_same_in_the_list_and_alone(self, bench: Bench) -> None:
        workflows = await bench.provider.workflows()
        assert len({one.id for one in workflows}) == len(workflows) > 0
        listed = await bench.workflow()
        alone = await bench.provider.workflow(listed.id)
        assert (alone.id, alone.version, alone.name, alone.price) == (
            listed.id, listed.version, listed.name, listed.price,
        )  # fmt: skip
        with pytest.raises(Rejected) as caught:
            await bench.provider.workflow("00000000-0000-4000-8000-000000000000")
        assert caught.value.reason == "not found"

    # The whole way.

    async def test_a_photo_goes_all_the_way_and_is_paid_once(self, bench: Bench) -> None:
        order = await bench.order()
        placed = await bench.submit(order)
        progress = await bench.finished(placed.sent)
        assert progress.state is State.DONE
        written = await bench.fetch(progress.outputs[0], placed.execution)
        assert progress.outputs[0].digest in (None, written.digest)
        assert written.media_type is not None
        assert [charge["execution"] for charge in bench.simulator.ledger] == [placed.execution]
        assert progress.charged in (None, bench.simulator.ledger[0]["credits"])
        assert progress.key in (None, order.key)

    async def test_progress_is_told_in_bytes_of_the_file(self, bench: Bench) -> None:
        up: list[int] = []
        down: list[int] = []
        photo = bench.photo(size=400_000)
        workflow = await bench.workflow()
        uploaded = await bench.provider.upload(photo, "a.jpg", up.append)
        order = PaidRequest("key-0001", workflow.id, workflow.version, photo, uploaded, parameters=workflow.parameters)
        execution = await bench.provider.submit(bench.provider.draft(order), photo, allow, up.append)
        progress = await bench.finished(ExecutionRef(execution, workflow.id))
        with files.Part(bench.folder / "result.part") as part:
            await bench.provider.download(progress.outputs[0], execution, part, down.append)
            assert down[-1] == part.size
        assert up == sorted(up)
        assert up[-1] == 400_000

    async def test_the_stored_draft_is_what_is_sent(self, bench: Bench) -> None:
        order = await bench.order()
        draft = bench.provider.draft(order)
        assert draft == bench.provider.draft(order)
        for secret in await bench.secrets():
            assert secret not in draft
        async with bench.open() as another:  # as after a restart, with nothing in memory
            await another.submit(draft, order.photo, allow, ignore)
        assert len(bench.simulator.ledger) == 1
        assert bench.simulator.ledger[0]["digest"] == order.photo.digest

    @pytest.mark.parametrize(
        "name",
        [
            'a "b"; filename=\\"c.jpg',
            "line\nbreak\r\n\r\n.jpg",
            "\x1b]52;c;eA==\x07.jpg",
            "‮gpj.exe.jpg",
            "[b] 100% {x} $y.jpg",
            "-rf.jpg",
            "ü" * 120 + ".jpg",
            os.fsdecode(b"\xff\xfe.jpg"),
        ],
    )
    async def test_a_hostile_name_is_only_a_name(self, bench: Bench, name: str) -> None:
        placed = await bench.submit(await bench.order(bench.photo(name)))
        progress = await bench.finished(placed.sent)
        assert (await bench.fetch(progress.outputs[0], placed.execution)).size > 0

    # The paid request.

    @pytest.mark.parametrize(
        "do",
        [
            "drop_before", "drop_after", "truncate", "html", "status:500", "status:503:1", "status:429:1", "status:408",
            "status:409", "status:425", "status:302",
        ],
    )  # fmt: skip
    async def test_a_paid_request_without_a_clear_answer_is_unknown_and_sent_once(self, bench: Bench, do: str) -> None:
        order = await bench.order()
        bench.go_wrong("submit", do, times=-1)
        with pytest.raises(Unknown):
            await bench.submit(order)
        assert len(bench.seen("submit")) == 1
        assert len(bench.simulator.ledger) <= 1

    async def test_without_a_permit_nothing_is_sent(self, bench: Bench) -> None:
        async def refuse(payer: str) -> None:
            raise NotPermitted("not ours any more")

        order = await bench.order()
        with pytest.raises(NotPermitted):
            await bench.submit(order, refuse)
        assert bench.seen("submit") == []
        assert bench.simulator.ledger == []

    async def test_the_permit_is_told_who_pays(self, bench: Bench) -> None:
        told: list[str] = []

        async def note(payer: str) -> None:
            told.append(payer)

        order = await bench.order()
        await bench.submit(order, note)
        assert told == [(await bench.provider.identify()).payer] == [(await bench.provider.who_pays()).payer]

    async def test_a_service_that_cannot_be_reached_was_not_reached(self, bench: Bench) -> None:
        order = await bench.order()
        draft = bench.provider.draft(order)
        await bench.provider.close()
        bench.provider = bench.open(**dict.fromkeys(self._addresses(bench), "http://127.0.0.1:1"))
        with pytest.raises(Transient) as caught:
            await bench.provider.submit(draft, order.photo, allow, ignore)
        assert caught.value.reached is False

    def _addresses(self, bench: Bench) -> list[str]:
        return [name for name in type(bench.provider).Settings.model_fields if name.endswith("_url")]

    async def test_a_cancelled_order_was_sent_once(self, bench: Bench) -> None:
        order = await bench.order()
        bench.go_wrong("submit", "delay:0.2")
        task = asyncio.create_task(bench.submit(order))
        await eventually(lambda: bench.has_arrived(order))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await eventually(lambda: bench.simulator.ledger)
        assert len(bench.seen("submit")) == 1

    # Looking.

    async def test_an_unknown_execution_is_gone(self, bench: Bench) -> None:
        workflow = await bench.workflow()
        sent = ExecutionRef("00000000-0000-4000-8000-000000000000", workflow.id)
        assert (await bench.look(sent)).state is State.GONE

    @pytest.mark.parametrize("do", ["status:500", "html", "truncate", "drop_before", "status:403"])
    async def test_one_look_that_fails_hides_no_other(self, bench: Bench, do: str) -> None:
        placed = [await bench.submit(await bench.order(bench.photo(seed=n), f"key-{n}")) for n in range(2)]
        bench.go_wrong("look", do, times=2)  # a GET that is cut off is sent again
        with pytest.raises(ProviderError):
            await bench.provider.poll([placed[0].sent])
        bench.simulator.faults.clear()
        bench.go_wrong("look", do, times=1)
        seen = await bench.provider.poll([one.sent for one in placed])
        assert len(seen) >= 1
        assert len(await bench.provider.poll([one.sent for one in placed])) == 2

    async def test_a_lost_order_is_found_by_its_key(self, bench: Bench) -> None:
        bench.needs("list")
        order = await bench.order()
        bench.go_wrong("submit", "drop_after")
        with pytest.raises(Unknown):
            await bench.submit(order)
        keys = ("key-0001", "key-0002")
        looks = await bench.provider.find([_sought(order, key) for key in keys])
        found, absent = looks["key-0001"], looks["key-0002"]
        assert isinstance(found, Found)
        assert found.executions[0].execution == bench.simulator.ledger[0]["execution"]
        assert isinstance(absent, Absent)
        assert absent.labels == {found.executions[0].execution: "key-0001"}
        assert absent.lookalikes == (found.executions[0].execution,)

    @pytest.mark.parametrize("do", ["status:500", "html", "truncate", "drop_before", "status:403", "status:429"])
    async def test_a_list_that_cannot_be_read_proves_nothing(self, bench: Bench, do: str) -> None:
        bench.needs("list")
        order = await bench.order()
        bench.go_wrong("list", do, times=-1)
        looks = await bench.provider.find([_sought(order, "key-0001")])
        assert isinstance(looks["key-0001"], Incomplete)

    # Fetching.

    async def test_a_result_that_breaks_off_is_fetched_again(self, bench: Bench) -> None:
        placed, output = await self._result(bench)
        for do, words in {"truncate": "broke off", "html": "web page", "drip": "too slow", "status:502": "502"}.items():
            bench.simulator.faults.clear()
            bench.go_wrong("download", do, times=-1)
            bench.hurry()
            with pytest.raises(Transient, match=words):
                await bench.fetch(output, placed.execution)
        bench.simulator.faults.clear()
        assert (await bench.fetch(output, placed.execution)).size > 0
        assert len(bench.simulator.ledger) == 1

    async def test_changed_bytes_do_not_have_the_stated_digest(self, bench: Bench) -> None:
        placed, output = await self._result(bench)
        whole = await bench.fetch(output, placed.execution)
        bench.go_wrong("download", "lie")
        assert (await bench.fetch(output, placed.execution)).digest != whole.digest
        assert output.digest in (None, whole.digest)

    async def test_a_result_that_is_not_there_is_said_to_be_so(self, bench: Bench) -> None:
        placed, output = await self._result(bench)
        bench.go_wrong("download", "status:404", times=-1)
        with pytest.raises(Rejected) as caught:
            await bench.fetch(output, placed.execution)
        assert (caught.value.reason, caught.value.status) == ("not there", 404)

    async def _result(self, bench: Bench) -> tuple[Placed, Output]:
        placed = await bench.submit(await bench.order())
        return placed, (await bench.finished(placed.sent)).outputs[0]

    # What can go wrong with any request.

    @pytest.mark.parametrize(
        ("do", "kind"),
        [
            ("status:500", Transient),
            ("status:503:7", Transient),
            ("status:429", Transient),
            ("status:408", Transient),
            ("status:302", Transient),
            ("html", Transient),
            ("truncate", Transient),
            ("drip", Transient),
            ("drop_before", Transient),
            ("status:400", Rejected),
            ("status:403", Rejected),
            ("status:422", Rejected),
        ],
    )
    async def test_each_failure_has_its_class(self, bench: Bench, do: str, kind: type[ProviderError]) -> None:
        bench.needs("read")
        await bench.read()
        bench.hurry()
        bench.go_wrong("read", do, times=-1)
        kind = bench.forbids if do == "status:403" else kind
        with pytest.raises(kind, match=bench.provider.title) as caught:
            await bench.read()
        if isinstance(caught.value, Transient):
            assert caught.value.retry_after == (7 if do.endswith(":7") else None)
        bench.simulator.faults.clear()
        await bench.read()

    async def test_a_refused_sign_in_is_renewed_once_or_blocks_the_account(self, bench: Bench) -> None:
        bench.needs("read")
        await bench.read()
        bench.go_wrong("read", "status:401", times=1)
        if bench.renews:
            await bench.read()
        else:
            with pytest.raises(Blocked):
                await bench.read()
        before = len(bench.seen("read"))
        bench.go_wrong("read", "status:401", times=-1)
        with pytest.raises(Blocked) as caught:
            await bench.read()
        assert caught.value.cause is Cause.LOGIN
        assert len(bench.seen("read")) - before <= 2

    @pytest.mark.parametrize(
        ("do", "kind"),
        [
            ("early:401", None),
            ("early:422", Rejected),
            ("early:413", Rejected),
            ("status:500", Transient),
            ("drop_before", Transient),
            ("truncate", Transient),
            ("html", Transient),
        ],
    )
    async def test_an_upload_that_fails_is_told_as_what_it_is_and_seen_once(
        self, bench: Bench, do: str, kind: type[ProviderError] | None
    ) -> None:
        bench.needs("upload")
        photo = bench.photo(size=3_000_000)
        bench.go_wrong("upload", do)
        if kind is None and bench.renews:
            assert (await bench.provider.upload(photo, "a.jpg", ignore)).reference
            return
        with pytest.raises(kind or Blocked):
            await bench.provider.upload(photo, "a.jpg", ignore)
        assert len(bench.seen("upload")) == 1

    async def test_a_photo_that_changed_is_neither_sent_nor_paid(self, bench: Bench) -> None:
        photo = bench.photo()
        workflow = await bench.workflow()
        photo.path.write_bytes(photo.path.read_bytes()[:-1] + b"?")

        async def upload_and_submit() -> None:
            uploaded = await bench.provider.upload(photo, "a.jpg", ignore)
            recipe = (workflow.id, workflow.version, photo, uploaded)
            await bench.submit(PaidRequest("key-0001", *recipe, parameters=workflow.parameters))

        with pytest.raises(files.Changed):
            await upload_and_submit()
        photo.path.unlink()
        with pytest.raises(files.Gone):
            await upload_and_submit()
        assert bench.simulator.ledger == []

    @pytest.mark.parametrize("call", ["read", "upload", "look", "download"])
    async def test_cancelling_at_any_step_leaves_the_provider_working(self, bench: Bench, call: str) -> None:
        bench.needs(call)
        placed, output = await self._result(bench)
        steps: dict[str, Callable[[], Awaitable[object]]] = {
            "read": bench.read,
            "upload": lambda: bench.provider.upload(placed.order.photo, "a.jpg", ignore),
            "look": lambda: bench.look(placed.sent),
            "download": lambda: bench.fetch(output, placed.execution),
        }
        before = len(bench.seen(call))
        bench.go_wrong(call, "delay:3", times=10)
        tasks = [asyncio.ensure_future(steps[call]()) for _ in range(10)]
        await eventually(lambda: len(bench.seen(call)) - before == 10)
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(end, asyncio.CancelledError) for end in ended)
        await asyncio.gather(*(steps[call]() for _ in range(10)))

    # Secrets.

    async def test_no_secret_shows_in_a_log_an_error_or_what_is_stored(
        self, bench: Bench, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        placed, output = await self._result(bench)
        await bench.fetch(output, placed.execution)
        shown = [placed.draft, output.locator, repr(bench.provider), repr(placed)]
        for do in ("status:500", "status:403", "html", "drop_before"):
            for call in bench.calls.keys() - {"submit"}:
                bench.go_wrong(call, do, times=-1)
            steps = [
                bench.read(),
                bench.look(placed.sent),
                bench.provider.upload(placed.order.photo, "a.jpg", ignore),
                bench.fetch(output, placed.execution),
            ]
            shown += [repr(end) for end in await asyncio.gather(*steps[:3], return_exceptions=True)]
            shown += [repr(end) for end in await asyncio.gather(steps[3], return_exceptions=True)]
            bench.simulator.faults.clear()
        secrets = await bench.secrets()
        assert secrets
        for secret in secrets:
            assert secret not in caplog.text
            assert not any(secret in text for text in shown)


def _sought(order: PaidRequest, key: str) -> PurchaseQuery:
    return PurchaseQuery(key, frozenset({key}), order.workflow, order.version, order.uploaded.reference)
