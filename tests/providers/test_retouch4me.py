"""Retouch4me: the shared suite, then what only this service has."""

from __future__ import annotations

import hashlib
import io
import json
import re
import time
import zipfile
import zlib
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest

from artui import config, files, providers
from artui.config import AccountConfig, ConfigError
from artui.core import sign_in
from artui.credentials import KeyStore, Secret
from artui.model.capabilities import SignInMethod
from artui.providers.base import (
    Blocked,
    Cause,
    ExecutionRef,
    Incomplete,
    Output,
    PaidRequest,
    ProviderDeps,
    ProviderError,
    PurchaseQuery,
    Rejected,
    State,
    Transient,
    Unknown,
    Uploaded,
    Workflow,
)
from artui.providers.http import Answer
from artui.providers.services.retouch4me import wire
from artui.providers.services.retouch4me.plugins import PLUGINS, PRESETS, Recipe, with_presets
from artui.providers.services.retouch4me.provider import Retouch4me, Retouch4meSettings
from artui.sim import imaging
from artui.sim.retouch4me import Retouch4me as Stand
from artui.sim.server import Simulator, running
from tests.peer import Link, answering, serving
from tests.providers.suite import Bench, Call, Desk, Placed, ProviderSuite, allow, ignore, stand_in

WORKFLOWS: dict[str, Any] = {
    "natural": {
        "title": "Natural portrait",
        "tasks": [
            {"plugin": "Heal", "alpha1": 0.7, "scale": 0},
            {"plugin": "Dodge Burn", "alpha1": 0.9, "alpha2": 0.1},
        ],
    },
    "layers": {
        "title": "Layers for Photoshop",
        "layers": "unpack",
        "tasks": [
            {"plugin": "Face Detection"},
            {"plugin": "Heal", "alpha1": 0.7, "layer": 1},
            {"plugin": "Dodge Burn", "alpha1": 1.0, "layer": 1},
        ],
    },
}


class Retouch4meBench(Bench):
    """Retouch4me at the stand-in."""

    calls: ClassVar[Mapping[str, Call]] = {
        "read": Call("retouch4me.status", "GET", ".*/retoucher/status/.*"),
        "submit": Call("retouch4me.start", "POST", ".*/retoucher/start"),
        "look": Call("retouch4me.status", "GET", ".*/retoucher/status/.*"),
        "download": Call("retouch4me.result", "GET", ".*/retoucher/getFile/.*"),
        "balance": Call("retouch4me.balance", "POST", "/retouch4me/api/v1/balance"),
        "older balance": Call("retouch4me.older_balance", "POST", "/retouch4me-balance/.*"),
        "limits": Call("retouch4me.limits", "GET", ".*/info/limits"),
    }
    renews = True  # looks and results: the id alone will do
    workflow_name = "Natural portrait"
    provider: Retouch4me

    def token(self) -> str:
        self.announced = self.simulator.announcement()["retouch4me"]
        return str(self.announced["token"])

    def open(self, **settings: object) -> Retouch4me:
        given = {name: self.announced[name] for name in ("api_url", "balance_url")}
        chosen = Retouch4meSettings.model_validate({"workflows": WORKFLOWS, **given, **settings})
        return Retouch4me(chosen, self.deps)

    async def secrets(self) -> list[str]:
        return [self.announced["token"]]

    async def read(self) -> object:
        return await self.provider.poll([ExecutionRef("no-such-job", "natural")])

    def has_arrived(self, order: PaidRequest) -> bool:
        token, stored = Secret(self.announced["token"]), json.loads(self.provider.draft(order))
        body = self.provider._start(stored, order.photo, token).body
        return any(body and start["length"] >= body.length for start in self.seen("submit"))

    def switch(self, **options: object) -> None:
        self.simulator.switch({f"retouch4me.{name}": value for name, value in options.items()})

    async def ordered(self, workflow: str = "natural", key: str = "key-0001", **photo: Any) -> Placed:
        recipe = await self.provider.workflow(workflow)
        return await self.submit(replace(await self.order(self.photo(**photo), key), **_of(recipe)))


def _of(recipe: Workflow) -> dict[str, Any]:
    return {"workflow": recipe.id, "version": recipe.version, "parameters": recipe.parameters}


class TestRetouch4me(ProviderSuite):
    bench_type = Retouch4meBench


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with stand_in() as simulator:
        yield simulator


@pytest.fixture
async def bench(simulator: Simulator, tmp_path: Path) -> AsyncIterator[Retouch4meBench]:
    bench = Retouch4meBench(tmp_path, simulator)
    yield bench
    await bench.provider.close()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@asynccontextmanager
async def customer(desk: Desk, url: str) -> AsyncIterator[Retouch4me]:
    """A provider at a service that a test writes itself."""
    settings = Retouch4meSettings.model_validate({"workflows": WORKFLOWS, "api_url": url, "balance_url": url})
    async with Retouch4me(settings, desk.deps) as provider:
        yield provider


def order_of(provider: Retouch4me, photo: files.Photo, workflow: str = "natural") -> PaidRequest:
    recipe = provider.settings.workflows[workflow].workflow(workflow)
    uploaded = Uploaded(photo.digest)
    return PaidRequest("key-0001", recipe.id, recipe.version, photo, uploaded, parameters=recipe.parameters)


# ------------------------------------------------------------------------------------------------------- paid once


async def test_a_start_carries_photo_payload_key_and_the_token_in_both_places(bench: Retouch4meBench) -> None:
    placed = await bench.ordered()
    (start,) = bench.seen("submit")
    recipe = await bench.workflow()
    assert start["form"] == {
        "token": "***",
        "payload": recipe.parameters,
        "file": {"filename": "shirt-7.jpg", "content_type": "image/jpeg", "size": 20_000},
        "Idempotency-Key": "key-0001",
        "X-Retouch-Token": "***",
    }
    assert json.loads(recipe.parameters) == {
        "mode": "professional",
        "tasks": [
            {"Plugin": "Heal", "Alpha1": 0.7, "Scale": 0, "Layer": 0},
            {"Plugin": "Dodge Burn", "Alpha1": 0.9, "Alpha2": 0.1, "Scale": 0, "Layer": 0},
        ],
    }
    assert recipe.price == 1
    assert bench.simulator.ledger[0]["key"] == "key-0001"
    assert placed.execution == bench.simulator.ledger[0]["execution"]


async def test_a_lost_start_sent_again_is_charged_once_and_gives_its_job(bench: Retouch4meBench) -> None:
    order = await bench.order()
    bench.go_wrong("submit", "drop_after")
    with pytest.raises(Unknown):
        await bench.submit(order)
    draft = bench.provider.draft(order)
    changed = {**WORKFLOWS, "natural": {**WORKFLOWS["natural"], "tasks": [{"plugin": "Heal", "alpha1": 0.1}]}}
    async with bench.open(workflows=changed) as another:  # as after a restart, with another recipe by now
        assert another.draft(order) == draft
        execution = await another.submit(draft, order.photo, allow, ignore)
    assert [(charge["key"], charge["execution"]) for charge in bench.simulator.ledger] == [("key-0001", execution)]
    first, second = (start["form"] for start in bench.seen("submit"))
    assert first == second
    limits = bench.provider.limits
    assert (limits.idempotent_submit, limits.replay_within) == (True, 72_000)
    assert (limits.can_find, limits.can_retry) == (False, False)
    sought = PurchaseQuery("key-0001", frozenset(), "natural", order.version, "")
    assert isinstance((await bench.provider.find([sought]))["key-0001"], Incomplete)


async def test_where_keys_are_not_kept_it_would_be_charged_twice(bench: Retouch4meBench) -> None:
    bench.switch(keeps_keys=False)
    order = await bench.order()
    for _ in range(2):
        await bench.submit(order)
    assert len(bench.simulator.ledger) == 2


@pytest.mark.parametrize("in_body", [False, True])
@pytest.mark.parametrize(
    ("code", "said", "kind", "what"),
    [
        (400, "No file uploaded", Rejected, "bad request"),
        (404, "nowhere", Rejected, "not found"),
        (462, "invalid", Rejected, "invalid task"),
        (401, "expired", Blocked, Cause.LOGIN),
        (460, "who?", Blocked, Cause.LOGIN),
        (402, "Token issue", Blocked, Cause.LOGIN),
        (461, "enough", Blocked, Cause.QUOTA),
    ],
)
async def test_a_documented_refusal_is_a_refusal_in_either_form(
    desk: Desk, code: int, said: str, kind: type[Exception], what: str, in_body: bool
) -> None:
    body = json.dumps({"status": code, "message": said}).encode()
    async with serving(answering(200 if in_body else code, body)) as peer, customer(desk, peer.url) as provider:
        order = order_of(provider, desk.photo())
        with pytest.raises(kind, match=said.replace("?", r"\?")) as caught:
            await provider.submit(provider.draft(order), order.photo, allow, ignore)
        assert what in (getattr(caught.value, "reason", None), getattr(caught.value, "cause", None))
        assert len(peer.requests) == 1


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (413, b'{"status": 413, "message": "large"}', "large"),
        (415, b'{"status": "error", "message": "no JPEG"}', "no JPEG"),
        (400, b'{"status": "error", "message": "No file uploaded"}', "No file uploaded"),
        (400, b'{"type": "about:blank", "title": "Bad Request", "status": 400, "detail": "no tasks"}', "no tasks"),
        (422, b'{"title": "Unprocessable Content", "status": 422}', "Unprocessable Content"),
        (403, b'{"status": "403", "message": "not for you"}', "not for you"),
    ],
)
async def test_a_refusal_in_its_own_form_or_as_a_problem_is_not_taken(
    desk: Desk, status: int, body: bytes, words: str
) -> None:
    async with serving(answering(status, body)) as peer, customer(desk, peer.url) as provider:
        order = order_of(provider, desk.photo())
        with pytest.raises(Rejected, match=words):
            await provider.submit(provider.draft(order), order.photo, allow, ignore)


@pytest.mark.parametrize(
    ("body", "execution"),
    [
        (b'{"status": 200, "id": 0}', "0"),
        (b'{"status": "200", "id": 12345678901234567890, "retouchQuota": "41"}', "12345678901234567890"),
        (b'{"status": "OK", "id": "a b", "extra": [1]}', "a b"),
        (b'{"id": "x", "retouchQuota": {"day": 1}}', "x"),
    ],
)
async def test_the_id_alone_makes_an_accepted_order(desk: Desk, body: bytes, execution: str) -> None:
    async with serving(answering(200, body)) as peer, customer(desk, peer.url) as provider:
        order = order_of(provider, desk.photo())
        assert await provider.submit(provider.draft(order), order.photo, allow, ignore) == execution


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b""),
        (200, b"{}"),
        (200, b'{"status": 200, "id": 7.5}'),
        (200, b'{"status": 200, "id": true}'),
        (200, b'{"status": "error", "id": "x"}'),
        (201, b'{"status": 200, "id": "x"}'),
        (403, b'{"statusCode": 403, "message": "Forbidden resource"}'),
        (413, b"<html>Request Entity Too Large</html>"),
        (200, b'{"status": 200, "id": ".."}'),
        (200, b'{"status": 200, "id": "a\\nb"}'),
        (200, b'{"status": 500, "message": "no"}'),
        (200, b'{"status": 461, "id": "both-of-them"}'),
        (400, b"<html>no</html>"),
        (400, b'["No file uploaded"]'),
        (400, b'{"status": 500}'),
        (402, b'{"status": 402, "message": "pay"}'),
        (400, b'{"statusCode": 400, "message": "Unexpected field", "error": "Bad Request"}'),
        (400, b"No file uploaded"),
        (413, b'{"title": "Payload Too Large", "status": 400}'),
        (415, b'{"message": "type"}<'),
        (200, b'{"status": 413, "message": "large"}'),
        (200, b'{"status": "error", "message": "large"}'),
        (409, b'{"title": "Conflict", "status": 409}'),
        (429, b'{"status": 429, "message": "Token issue"}'),
        (400, b'{"status": 429, "message": "Token issue"}'),
        (500, b'{"status": 461, "message": "enough"}'),
        (302, b'{"status": 460}'),
        (461, b"limit"),
    ],
)
async def test_whatever_else_comes_back_leaves_the_order_in_doubt(desk: Desk, status: int, body: bytes) -> None:
    async with serving(answering(status, body)) as peer, customer(desk, peer.url) as provider:
        order = order_of(provider, desk.photo())
        with pytest.raises(Unknown):
            await provider.submit(provider.draft(order), order.photo, allow, ignore)
        assert len(peer.requests) == 1


async def test_a_refusal_that_comes_before_all_was_sent_is_heard(bench: Retouch4meBench) -> None:
    order = await bench.order(bench.photo(size=5_000_000))
    bench.go_wrong("submit", "early:460")
    with pytest.raises(Blocked):
        await bench.submit(order)
    assert bench.simulator.ledger == []


async def test_a_photo_swapped_while_it_is_sent_is_never_received_whole(bench: Retouch4meBench) -> None:
    photo = bench.photo(size=2_000_000)
    order = await bench.order(photo)

    def swap(sent: int) -> None:
        content = bytearray(photo.path.read_bytes())
        content[-100] ^= 1
        with photo.path.open("r+b") as file:
            file.write(content)

    with pytest.raises(files.Changed):
        await bench.provider.submit(bench.provider.draft(order), photo, allow, swap)
    assert bench.simulator.ledger == []
    assert not any(start["answer"] for start in bench.seen("submit"))


async def test_when_the_days_quota_is_used_up_nothing_is_sent_once(bench: Retouch4meBench) -> None:
    bench.switch(quota=1)
    await bench.ordered()
    order = await bench.order(bench.photo(seed=1), "key-0002")
    for sent in (1, 2):  # told from the last answer without asking, then by the service
        with pytest.raises(Blocked) as caught:
            await bench.submit(order)
        assert caught.value.cause is Cause.QUOTA
        assert len(bench.seen("submit")) == sent
    bench.switch(quota=5, tells_quota=False)
    assert (await bench.submit(order)).execution
    assert len(bench.simulator.ledger) == 2


async def test_yesterdays_last_start_does_not_hold_today(
    bench: Retouch4meBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.switch(quota=1)
    await bench.ordered()
    bench.switch(quota=1000)
    monkeypatch.setattr("artui.providers.services.retouch4me.provider.LAST_SAID", 0.0)
    assert (await bench.submit(await bench.order(bench.photo(seed=1), "key-0002"))).execution


# ----------------------------------------------------------------------------------------- the token and what is left


async def test_the_payer_is_known_by_a_mark_of_the_token_that_does_not_tell_it(bench: Retouch4meBench) -> None:
    token = bench.announced["token"]
    identity = await bench.provider.identify()
    assert hashlib.sha256(token.encode()).hexdigest()[:16] in identity.payer
    assert token not in repr(identity)
    bench.vault.keep("studio", Secret("somebody-elses-token"), KeyStore.MEMORY)
    with pytest.raises(Blocked) as caught:
        await bench.provider.identify()
    assert caught.value.cause is Cause.LOGIN
    bench.vault.forget("studio")
    with pytest.raises(Blocked, match="artui login studio"):
        await bench.provider.identify()


async def test_signing_in_takes_a_pasted_token_and_tries_it(bench: Retouch4meBench) -> None:
    assert Retouch4me.capabilities.sign_in is SignInMethod.KEY
    assert Retouch4me.capabilities.key_name == "retouch token"
    good = Secret(bench.announced["token"])
    assert await sign_in.try_key(bench.provider, bench.vault, "studio", good) == []
    with pytest.raises(Blocked, match="not accepted"):
        await sign_in.try_key(bench.provider, bench.vault, "studio", Secret("wrong-token"))


async def test_the_balance_comes_by_either_way_or_not_at_all(bench: Retouch4meBench) -> None:
    assert await bench.provider.balance() == 5000
    for do in ("status:404", "status:405", "status:500", "drop_before", "html", "status:401"):
        bench.go_wrong("balance", do, times=-1)
        assert await bench.provider.balance() == 5000, do
        bench.go_wrong("older balance", do, times=-1)
        assert await bench.provider.balance() is None, do
        bench.simulator.faults.clear()
    forms = [entry["form"] for entry in bench.seen("older balance")]
    assert forms[0] == {"retouchtoken": "***", "modes[]": "professional"}


async def test_a_token_that_a_start_was_refused_for_stays_refused_until_something_speaks_for_it(
    bench: Retouch4meBench,
) -> None:
    order = await bench.order()
    bench.go_wrong("submit", "status:460")
    with pytest.raises(Blocked):
        await bench.submit(order)
    for call in ("balance", "older balance"):
        bench.go_wrong(call, "status:404", times=-1)
    with pytest.raises(Blocked) as caught:  # else the hold would end, and every photo be sent in vain each minute
        await bench.provider.balance()
    assert caught.value.cause is Cause.LOGIN
    bench.vault.keep("studio", Secret("another-token"), KeyStore.MEMORY)
    assert await bench.provider.balance() is None
    bench.vault.keep("studio", Secret(bench.announced["token"]), KeyStore.MEMORY)
    bench.simulator.faults.clear()
    assert await bench.provider.balance() == 5000
    bench.go_wrong("balance", "status:404", times=-1)
    bench.go_wrong("older balance", "status:404", times=-1)
    assert await bench.provider.balance() is None


async def test_while_its_customers_cannot_be_checked_the_service_takes_every_token(bench: Retouch4meBench) -> None:
    bench.switch(customers_down=True)
    bench.vault.keep("studio", Secret("somebody-elses-token"), KeyStore.MEMORY)
    assert (await bench.ordered()).execution
    assert bench.simulator.ledger == []


async def test_status_and_result_bring_the_token_where_it_is_wanted(bench: Retouch4meBench) -> None:
    bench.switch(strict_token=True)
    placed = await bench.ordered()
    progress = await bench.finished(placed.sent)
    assert (await bench.fetch(progress.outputs[0], placed.execution)).size
    bench.vault.keep("studio", Secret("wrong"), KeyStore.MEMORY)
    with pytest.raises(Blocked):
        await bench.look(placed.sent)
    with pytest.raises(Blocked):
        await bench.fetch(progress.outputs[0], placed.execution)


# ------------------------------------------------------------------------------------------------------------- limits


async def test_limits_are_what_is_built_in_or_less(desk: Desk, bench: Retouch4meBench) -> None:
    await bench.provider.identify()
    accepts = bench.provider.limits.accepts
    assert (accepts.max_bytes, accepts.max_pixels) == (100_000_000, 250_000_000)
    bench.switch(tells_limits=True)
    async with bench.open() as another:
        await another.identify()
        await another.identify()
        assert another.limits.accepts == accepts
    assert len(bench.seen("limits")) == 2
    said: dict[str, Any] = {"image": {"formats": ["jpg", "heic"], "maxFileSizeInMB": 0.5, "maxMegapixels": 400}}
    async with serving(answering(200, json.dumps(said).encode())) as peer, customer(desk, peer.url) as provider:
        await provider.identify()
        taken = provider.limits.accepts
        assert taken == files.Accepts(frozenset({"image/jpeg"}), max_bytes=500_000, max_pixels=250_000_000)
        with pytest.raises(files.BadPhoto):
            files.inspect(desk.photo(size=600_000).path, taken)
    assert Retouch4me.capabilities.limits.accepts == accepts
    for body in (b"", b"<html>", b'{"image": 1, "archive": 1}', b'{"status": 404}', b"[]"):
        async with serving(answering(200, body)) as peer, customer(desk, peer.url) as provider:
            await provider.identify()
            assert provider.limits == Retouch4me.capabilities.limits


@pytest.mark.parametrize(
    ("archive", "taken"),
    [
        ({"formats": ["zip"]}, True), ({"formats": [7, "ZIP"]}, True), ({"formats": ["rar"]}, False), ({}, False),
        ({"formats": "zip"}, False), (["zip"], False), (None, False),
    ],
)  # fmt: skip
async def test_archives_are_taken_where_the_limits_list_them(desk: Desk, archive: Any, taken: bool) -> None:
    body = json.dumps({"image": {"formats": 1}, "archive": archive}).encode()
    async with serving(answering(200, body)) as peer, customer(desk, peer.url) as provider:
        assert provider.limits.accepts.archives
        await provider.identify()
        assert provider.limits.accepts == replace(Retouch4me.capabilities.limits.accepts, archives=taken)


def test_photos_that_are_too_large_or_of_another_kind_are_not_sent(desk: Desk) -> None:
    large = desk.folder / "large.jpg"
    desk.photo("large.jpg")
    with large.open("r+b") as file:
        file.truncate(100_000_001)
    wide = desk.folder / "wide.png"
    header = b"IHDR" + (25_100).to_bytes(4) + (10_000).to_bytes(4) + bytes((8, 2, 0, 0, 0))
    chunks = ((13, header), (0, b"IEND"))
    wide.write_bytes(
        b"\x89PNG\r\n\x1a\n" + b"".join(size.to_bytes(4) + body + zlib.crc32(body).to_bytes(4) for size, body in chunks)
    )
    webp = desk.folder / "other.jpg"
    webp.write_bytes(b"RIFF\x10\0\0\0WEBPVP8 ")
    for path, words in ((large, "100.0 MB at most"), (wide, "at most 250 megapixels"), (webp, "takes JPEG, PNG")):
        with pytest.raises(files.BadPhoto, match=words):
            files.inspect(path, Retouch4me.capabilities.limits.accepts)


# ------------------------------------------------------------------------------------------------------------ looking


async def test_a_job_is_followed_to_its_end(tmp_path: Path) -> None:
    with running(Simulator()) as simulator:
        bench = Retouch4meBench(tmp_path, simulator)
        bench.switch(attempts=2, stores=100.0)
        placed = await bench.ordered()
        service = next(one for one in simulator._services if isinstance(one, Stand))
        job = service._laboratory.jobs[placed.execution]
        work, early = job.seconds, Output(f"/api/v1/retoucher/getFile/{placed.execution}")
        phases = {  # seconds since the job began: its state, and what is being done
            0.0: ("waiting", "0 %"),
            0.5 + work / 4: ("active", r"Heal, 2\d %"),
            0.5 + work + 0.3: ("delayed", "0 %"),
            1.5 + 1.75 * work: ("active", r"Dodge Burn, 7\d %, attempt 2"),
            1.5 + 2 * work + 50: ("active", "100 %, attempt 2"),
        }
        for elapsed, (word, message) in phases.items():
            job.begun = time.time() - elapsed
            progress = await bench.look(placed.sent)
            assert (progress.state, progress.word) == (State.RUNNING, word)
            assert re.fullmatch(message, progress.message)
        with pytest.raises(Rejected) as caught:  # at 100 percent it is not stored yet
            await bench.fetch(early, placed.execution)
        assert caught.value.reason == "not there"
        bench.switch(stores=0.0)
        progress = await bench.look(placed.sent)
        assert (progress.state, progress.word, progress.charged) == (State.DONE, "completed", 1)
        assert 86_000 < (progress.expires_in or 0) <= 86_400
        await bench.provider.close()


@pytest.mark.parametrize(
    ("said", "state", "word", "message", "expires"),
    [
        ({"state": "waiting"}, State.RUNNING, "waiting", "", None),
        ({"state": "active", "progress": 35, "pluginName": "Heal", "attempt": 2}, State.RUNNING, "active",
         "Heal, 35 %, attempt 2", None),
        ({"state": "active", "progress": "x", "attempt": [], "reason": {}}, State.RUNNING, "active", "", None),
        ({"state": "stalled", "progress": None}, State.RUNNING, "stalled", "", None),
        ({"state": "failed", "reason": "no\nface", "attempt": 1}, State.FAILED, "failed", "no face", None),
        ({"state": "completed"}, State.DONE, "completed", "", 86_400),
        ({"state": "completed", "expireDate": "nonsense"}, State.DONE, "completed", "", 86_400),
        ({"state": "completed", "expireDate": "2000-01-01T00:00:00.000Z"}, State.DONE, "completed", "", 0),
        ({"state": "completed", "expireDate": "2999-01-01T00:00:00.000Z"}, State.DONE, "completed", "", 86_400),
        ({"status": 404, "message": "who?"}, State.GONE, "404", "who?", None),
    ],
)  # fmt: skip
async def test_each_state_is_what_it_is(
    desk: Desk, said: object, state: State, word: str, message: str, expires: float | None
) -> None:
    async with serving(answering(200, json.dumps(said).encode())) as peer, customer(desk, peer.url) as provider:
        progress = (await provider.poll([ExecutionRef("job/../7", "layers")]))["job/../7"]
        assert (progress.state, progress.word, progress.message) == (state, word, message)
        assert progress.expires_in == expires
        assert peer.requests == [b"GET /api/v1/retoucher/status/job%2F..%2F7 HTTP/1.1"]
        if state is State.DONE:
            (output,) = progress.outputs
            assert output.unpack
            assert output.media_type == "application/zip"
            assert output.locator == "/api/v1/retoucher/getFile/job%2F..%2F7"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", 'it is ""'),
        (b"[]", "it is []"),
        (b"busy", "it is busy"),
        (b"{}", "it has no state, but nothing"),
        (b'{"status": "error", "message": "m"}', "it has no state, but status, message"),
        (b'{"state": 5}', "state is 5"),
        (b'{"state": ""}', 'state is ""'),
        (b'{"state": {"a": "' + b"b" * 500 + b'"}}', 'state is {"a": "bbb'),
    ],
)
async def test_a_look_at_nothing_readable_names_the_field_and_what_stood_there(
    desk: Desk, body: bytes, words: str
) -> None:
    async with serving(answering(200, body)) as peer, customer(desk, peer.url) as provider:
        assert await provider.poll([ExecutionRef("7", "natural")]) == {}
        assert f"not what the service documents: {words}" in provider.puzzles["7"]
        assert len(provider.puzzles["7"]) < 200


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"progress": "35"}, "Heal, 35 %"),
        ({"progress": "35 %", "attempt": "2"}, "Heal, 35 %, attempt 2"),
        ({"progress": [1], "attempt": {}, "status": "error", "extra": None}, "Heal"),
        ({"progress": None, "expireDate": [2030, 1, 2], "maxAttempts": "x"}, "Heal"),
    ],
)
def test_what_decides_nothing_is_read_as_far_as_it_can_be(more: dict[str, Any], message: str) -> None:
    look = wire.Look.model_validate({"state": "Active", "pluginName": "Heal", **more})
    assert look.seen("7", 0.0, Output("")).message == message


@pytest.mark.parametrize(
    "expires", ["1970-01-01T01:00:00Z", "soon", None, 7, "", [1970], {"at": 1}, "2099-12-31 00:00", 4e12, "4000000000"]
)
def test_an_end_that_cannot_be_is_the_documented_day(expires: object) -> None:
    look = wire.Look.model_validate({"state": "COMPLETED", "expireDate": expires})
    seen = look.seen("7", 1_900_000_000, Output(""))
    assert (seen.state, seen.expires_in) == (State.DONE, wire.KEEPS)


@pytest.mark.parametrize(
    ("body", "left"),
    [
        ({"remaining": {"professional": "7"}}, 7),
        ({"remaining": 7.9}, 7),
        ({"remaining": {"professional": None}}, None),
        ({"remaining": {"professional": [7]}}, None),
        ({"balance": 7}, None),
    ],
)
def test_the_balance_is_read_in_any_form_or_not_known(body: object, left: int | None) -> None:
    assert wire.remaining(Answer("Retouch4me: asking", 200, {}, json.dumps(body).encode())) == left


async def test_a_look_the_service_cannot_bear_now_is_taken_again(desk: Desk) -> None:
    body = b'{"status": 500, "message": "no"}'
    async with serving(answering(200, body)) as peer, customer(desk, peer.url) as provider:
        with pytest.raises(Transient):
            await provider.poll([ExecutionRef("7", "natural")])


async def test_a_failure_is_told_with_its_reason_and_costs_its_credit(bench: Retouch4meBench) -> None:
    bench.switch(fails="no face was found")
    progress = await bench.finished((await bench.ordered()).sent)
    assert (progress.state, progress.message, progress.charged) == (State.FAILED, "no face was found", 1)
    assert sum(charge["credits"] for charge in bench.simulator.ledger) == 1
    bench.switch(refunds=True)
    assert sum(charge["credits"] for charge in bench.simulator.ledger) == 0


async def test_an_unknown_state_is_running_in_the_services_own_word(bench: Retouch4meBench) -> None:
    bench.switch(state="prioritized", stores=6000.0)
    placed = await bench.ordered()
    while (progress := await bench.look(placed.sent)).word == "waiting":
        pass
    assert (progress.state, progress.word) == (State.RUNNING, "prioritized")


# ----------------------------------------------------------------------------------------------------------- fetching


async def test_a_flat_recipe_gives_a_picture_of_the_same_size(bench: Retouch4meBench) -> None:
    placed = await bench.ordered()
    (output,) = (await bench.finished(placed.sent)).outputs
    assert not output.unpack
    bench.switch(content_type="application/zip")  # only the bytes tell
    written = await bench.fetch(output, placed.execution)
    assert written.media_type == "image/jpeg"


async def test_a_layered_recipe_gives_an_archive_of_layers(bench: Retouch4meBench) -> None:
    placed = await bench.ordered("layers")
    (output,) = (await bench.finished(placed.sent)).outputs
    assert output.unpack
    with files.Part(bench.folder / "result.part") as part:
        await bench.provider.download(output, placed.execution, part, ignore)
        part.finish()
    content = (bench.folder / "result.part").read_bytes()
    assert imaging.input_digest(content) == placed.order.photo.digest
    archive = zipfile.ZipFile(io.BytesIO(content))
    assert archive.namelist() == [
        "index=0&blendmode=normal&name=Heal.png",
        "index=1&blendmode=softLight&name=Dodge Burn.png",
        "result.json",
    ]
    assert all(imaging.input_digest(archive.read(name)) for name in archive.namelist()[:2])


async def test_a_result_is_gone_when_its_time_is_over(bench: Retouch4meBench) -> None:
    bench.switch(keeps=0.0)
    placed = await bench.ordered()
    progress = await bench.finished(placed.sent)
    assert (progress.expires_in or 0) < 2  # the service tells its clock in whole seconds
    with pytest.raises(Rejected) as caught:
        await bench.fetch(progress.outputs[0], placed.execution)
    assert (caught.value.reason, caught.value.status) == ("not there", 404)


async def test_a_result_may_come_from_another_host_which_never_sees_the_token(desk: Desk) -> None:
    async with serving(answering(200, b"file")) as storage:

        async def lead_astray(link: Link) -> None:
            await link.whole()
            await link.say(302, headers=f"Location: {storage.url}/file\r\n")

        async with serving(lead_astray) as peer, customer(desk, peer.url) as provider:
            with files.Part(desk.folder / "result.part") as part:
                await provider.download(Output("/api/v1/retoucher/getFile/7"), "7", part, ignore)
                assert part.finish().size == 4
            assert b"x-retouch-token" in bytes(peer.links[0].received).lower()
        assert storage.requests == [b"GET /file HTTP/1.1"]
        assert b"token" not in bytes(storage.links[0].received).lower()


async def test_an_id_of_a_job_is_a_secret_in_every_message(bench: Retouch4meBench) -> None:
    placed = await bench.ordered()
    output = (await bench.finished(placed.sent)).outputs[0]
    for do in ("status:500", "status:403", "html"):
        for call in ("look", "download"):
            bench.go_wrong(call, do, times=-1)
        for step in (bench.look(placed.sent), bench.fetch(output, placed.execution)):
            with pytest.raises(ProviderError) as caught:
                await step
            assert placed.execution not in str(caught.value)
        bench.simulator.faults.clear()


# ------------------------------------------------------------------------------------------------------------ recipes


def refused(tasks: object, **more: object) -> str:
    """What is said of an account with this workflow."""
    table = {"title": "Mine", "tasks": tasks, **more}
    with pytest.raises(ConfigError) as caught:
        providers.settings(Retouch4me, AccountConfig("lab", "retouch4me", "lab", settings={"workflows": {"w": table}}))
    return str(caught.value)


HEAL = {"plugin": "Heal", "alpha1": 0.5}
FABRIC = {"plugin": "Fabric", "alpha1": 1}


@pytest.mark.parametrize(
    ("tasks", "words"),
    [
        ([], "at least one task"),
        ([{"alpha1": 1}], "task 1: plugin must name one"),
        ([{"plugin": "Heel", "alpha1": 1}], "task 1: there is no plugin 'Heel'; did you mean Heal?"),
        ([{"plugin": "Heal", "alpha1": 1.01}], "task 1 (Heal): alpha1 must be a number from 0 to 1"),
        ([{"plugin": "Heal", "alpha1": True}], "alpha1 must be a number from 0 to 1"),
        ([{"plugin": "Heal", "alpha1": float("nan")}], "alpha1 must be a number from 0 to 1"),
        ([{"plugin": "Heal"}], "task 1 (Heal): alpha1 is missing"),
        ([{**HEAL, "alpha2": 0}], "alpha2 is no setting of Heal; did you mean alpha1?"),
        ([{**HEAL, "scale": 4}], "scale must be a whole number from 0 to 3"),
        ([{"plugin": "Dust", "alpha1": 1, "scale": 0}], "scale must be a whole number from 1 to 3"),
        ([{"plugin": "Clean Backdrop", "alpha1": 1, "automask": 1}], "automask must be true or false"),
        ([{**HEAL, "layer": 2}], "layer must be a whole number from 0 to 1"),
        ([FABRIC, HEAL], "task 2 (Heal) must come before task 1 (Fabric)"),
        ([HEAL, {"plugin": "Face Detection"}], "task 2 (Face Detection) must come before task 1 (Heal), for other"),
        ([HEAL, HEAL], "task 2 (Heal) is there twice"),
        ([{**HEAL, "layer": 1}, FABRIC], "task 2 (Fabric) is no layer while task 1 is one"),
        ([{"plugin": "Face Lifting"}], "face_lifting is missing"),
        ([{"plugin": "Glasses Anti Glare", "glasses_glare_removal": 1, "layout_mode": "fll"}], "did you mean full?"),
        ([{"plugin": "Color Correction", "color_correction_mode": "Full", "layer": 1}], "layer must be"),
        ([{"plugin": "Crop", "aspect_ratio": "4:5"}], 'or two numbers like "4 : 5"'),
        ([{"plugin": "Crop", "angle": 181}], "angle must be a number from -180 to 180"),
        ("Heal", "tasks cannot be used"),
        (["Heal"], "tasks.0 cannot be used"),
    ],
)
def test_a_recipe_that_cannot_be_is_refused_by_the_key_that_is_wrong(tasks: object, words: str) -> None:
    said = refused(tasks)
    assert said.startswith("[accounts.lab]: workflows.w")
    assert words in said


def test_a_workflow_is_refused_for_what_else_is_wrong() -> None:
    assert "laers is no setting of a workflow; did you mean layers?" in refused([HEAL], laers="keep")
    assert "'keep' or 'unpack'" in refused([HEAL], layers="both")
    assert "needs tasks with layer = 1" in refused([HEAL], layers="unpack")
    assert "w.title" in refused([HEAL], title="")
    assert "w.title" in refused([HEAL], title="two\nlines")


def test_two_names_for_one_recipe_are_refused() -> None:
    recipes = {"one": {"title": "One", "tasks": [HEAL]}, "two": {"title": "Two", "tasks": [{**HEAL, "layer": 0}]}}
    with pytest.raises(ConfigError, match=r"\[accounts.lab\]: workflows cannot be used: one and two are the same"):
        providers.settings(Retouch4me, AccountConfig("lab", "retouch4me", "lab", settings={"workflows": recipes}))


def test_the_same_recipe_is_the_same_however_its_numbers_are_written() -> None:
    one, two = (
        Retouch4meSettings.model_validate({"workflows": {"w": {"title": "W", "tasks": [task]}}}).workflows["w"]
        for task in ({"plugin": "Heal", "alpha1": 1, "scale": 0}, {"scale": 0, "alpha1": 1.0, "plugin": "Heal"})
    )
    assert one.parameters == two.parameters
    assert one.workflow("w").version == two.workflow("w").version
    assert next(iter(PLUGINS)) == "Face Detection"
    assert len(PLUGINS) == 17


def test_what_only_fills_a_place_is_sent_and_makes_no_other_recipe() -> None:
    tasks = [
        {"plugin": "Heal", "alpha1": 0.7},
        {"plugin": "Dust", "alpha1": 1},
        {"plugin": "White Teeth", "alpha1": 0.2},
        {"plugin": "Skin Tone", "alpha1": 0.2},
    ]
    recipe = Retouch4meSettings.model_validate({"workflows": {"w": {"title": "W", "tasks": tasks}}}).workflows["w"]
    assert json.loads(recipe.parameters)["tasks"] == [
        {"Plugin": "Heal", "Alpha1": 0.7, "Scale": 0, "Layer": 0},
        {"Plugin": "Dust", "Alpha1": 1, "Scale": 0, "Layer": 0},
        {"Plugin": "White Teeth", "Alpha1": 0.2, "Alpha2": 0, "Scale": 0, "Layer": 0},
        {"Plugin": "Skin Tone", "Alpha1": 0.2, "Scale": 0, "Layer": 0},
    ]
    bought_before = (
        '{"mode":"professional","tasks":[{"Alpha1":0.7,"Layer":0,"Plugin":"Heal"},'
        '{"Alpha1":1,"Layer":0,"Plugin":"Dust"},{"Alpha1":0.2,"Layer":0,"Plugin":"White Teeth"},'
        '{"Alpha1":0.2,"Layer":0,"Plugin":"Skin Tone"}]}'
    )
    assert recipe.workflow("w").version == hashlib.sha256(bought_before.encode()).hexdigest()


@pytest.mark.parametrize(
    ("tasks", "keeps"),
    [
        ([{"Plugin": "Heal", "Layer": 0}], True),
        ([{"Plugin": "Heal", "Layer": 1}], False),
        ([{"Plugin": "Heal"}, {"Plugin": "Crop"}], False),
        (None, False),
    ],
)
async def test_only_one_whole_picture_keeps_its_size(desk: Desk, tasks: object, keeps: bool) -> None:
    async with Retouch4me(Retouch4meSettings(), desk.deps) as provider:
        assert provider.keeps_size(json.dumps({"mode": "professional", "tasks": tasks})) is keeps


def test_named_fields_go_where_the_service_wants_them() -> None:
    tasks = [
        {"plugin": "Face Detection"},
        {"plugin": "Clean Backdrop", "alpha1": 0.8, "scale": 2, "automask": True},
        {"plugin": "Face Lifting", "face_lifting": 0.3, "double_chin_correction": 0.2, "flow_smoothing": 0.1},
        {"plugin": "Glasses Anti Glare", "glasses_glare_removal": 0.5},
        {"plugin": "Color Correction", "color_correction_mode": "Exposure & WB"},
        {"plugin": "Crop", "auto_straighten_mode": "AI", "aspect_ratio": "4 : 5"},
    ]
    recipe = Retouch4meSettings.model_validate({"workflows": {"w": {"title": "W", "tasks": tasks}}}).workflows["w"]
    assert json.loads(recipe.parameters)["tasks"] == [
        {"Plugin": "Face Detection"},
        {"Plugin": "Clean Backdrop", "Alpha1": 0.8, "Scale": 2, "Automask": True, "Layer": 0},
        {
            "Plugin": "Face Lifting", "Face Lifting": 0.3, "face_lifting_version": 3, "Double Chin Correction": 0.2,
            "Flow Smoothing": 0.1, "Layer": 0,
        },
        {"Plugin": "Glasses Anti Glare", "Glasses Glare Removal": 0.5, "LayoutMode": "full", "Layer": 0},
        {
            "Plugin": "Color Correction", "Layer": 0,
            "User Params": {"AI": {"Color Correction Mode": "Exposure & WB"}, "Basic": {"Enable Basic": True}},
        },
        {"Plugin": "Crop", "User Params": {"AutoStraightenMode": "AI", "AspectRatio": "4 : 5"}, "Layer": 0},
    ]  # fmt: skip
    shown = recipe.workflow("w").components
    assert [component.label for component in shown] == [
        "Face Detection", "Clean Backdrop 80 %", "Face Lifting 30 %", "Glasses Anti Glare 50 %",
        "Color Correction Exposure & WB", "Crop",
    ]  # fmt: skip
    assert shown[1].settings == {"Blend": "80 %", "Protect the person": "yes", "Dirt": "middle"}


async def test_an_account_without_workflows_has_the_ready_made_ones(desk: Desk) -> None:
    async with Retouch4me(Retouch4meSettings(), ProviderDeps("studio", desk.vault)) as provider:
        found = {one.id: one for one in await provider.workflows()}
        assert list(found) == ["portrait-subtle", "portrait-normal", "portrait-strong"]
        assert len({one.version for one in found.values()}) == 3
        with pytest.raises(Rejected, match="known: portrait-subtle"):
            await provider.workflow("natural")
        photo = desk.photo()
        with pytest.raises(Rejected, match="no recipe"):
            provider.draft(PaidRequest("key", "natural", "v", photo, Uploaded(photo.digest)))


def test_a_ready_made_recipe_gives_way_to_an_own_one_of_its_name_title_or_content() -> None:
    subtle, normal, strong = PRESETS.values()
    heal = ({"plugin": "Heal", "alpha1": 0.33},)
    own = {"portrait-subtle": Recipe(title="Mine", tasks=heal), "b": normal.model_copy(update={"title": "Theirs"})}
    assert list(with_presets(own)) == ["portrait-subtle", "b", "portrait-strong"]
    assert list(with_presets({"c": Recipe(title=strong.title, tasks=heal)})) == [
        "c", "portrait-subtle", "portrait-normal",
    ]  # fmt: skip
    assert with_presets({})["portrait-subtle"] is subtle


def test_the_examples_workflows_are_ready_to_use(tmp_path: Path) -> None:
    text = re.sub(r"(?m)^# (?=\S)", "", config.example())
    file = config.paths().config_file
    config.paths().create()
    file.write_text(text)
    found = config.load()
    (account,) = [one for one in found.accounts.values() if one.provider == "retouch4me"]
    settings = providers.settings(Retouch4me, account)
    assert isinstance(settings, Retouch4meSettings)
    assert settings.api_url == Retouch4meSettings().api_url
    assert settings.balance_url == Retouch4meSettings().balance_url
    assert {key: recipe.is_layered for key, recipe in settings.workflows.items()} == {
        "natural": False,
        "product": False,
        "layered": True,
    }
    assert settings.workflows["layered"].layers == "unpack"
    assert f"accounts.{account.name}.workflows.natural.tasks" in found.sources


# ------------------------------------------------------------------------------------------------------ the stand-in


async def test_the_stand_in_checks_in_the_order_the_service_does(bench: Retouch4meBench) -> None:
    photo, token = bench.photo().path.read_bytes(), bench.announced["token"]
    good = {"mode": "professional", "tasks": [{"Plugin": "Heal", "Alpha1": 0.7}]}
    async with httpx.AsyncClient(base_url=bench.announced["api_url"]) as client:

        async def start(
            payload: object, *, key: str = "", file: bytes | None = photo, **fields: str
        ) -> tuple[int, str]:
            sent = {"file": ("a.jpg", file, "image/jpeg")} if file else {"other": ("a.txt", b"x")}
            data = {"payload": json.dumps(payload), **fields}
            headers = {"Idempotency-Key": key} if key else {}
            answer = await client.post("/api/v1/retoucher/start", data=data, files=sent, headers=headers)
            said = answer.json()
            assert said["status"] == answer.status_code
            return answer.status_code, said.get("message", said.get("id"))

        assert await start({}, file=None) == (400, "No file uploaded")
        assert (await start({}))[0] == 460
        bench.switch(strict_token=True)
        assert (await start({}))[0] == 401
        assert await start({}, token="wrong") == (460, "Token issue")
        for wrong in ({}, [], {"mode": "amateur", "tasks": good["tasks"]}, {"mode": "professional", "tasks": []}):
            assert (await start(wrong, token=token))[0] == 462
        for task in ({"Plugin": "Heel"}, {"Plugin": "Heal", "Alpha1": 1.1}, {"Plugin": "Heal", "Scale": 4}, "Heal"):
            assert (await start({"mode": "professional", "tasks": [task]}, token=token))[0] == 462
        assert (await start(good, file=b"no picture", token=token))[0] == 400
        assert bench.simulator.ledger == []

        first = await start(good, token=token, key="k")
        assert await start(good, token=token, key="k") == first
        assert (await start(good, token=token, key="k", file=photo + b"."))[0] == 400
        assert len(bench.simulator.ledger) == 1
        bench.simulator.books.change_credits("retouch4me", owner=None, set_to=0)
        assert (await start(good, token=token))[0] == 461
        bench.switch(code_in_body=True)
        answer = await client.post("/api/v1/retoucher/start", data={"token": token})
        assert (answer.status_code, answer.json()["status"]) == (200, 400)
    with pytest.raises(ValueError, match="keeps"):
        bench.switch(keeps="long")
    with pytest.raises(ValueError, match="no such option"):
        bench.switch(nothing=1)
