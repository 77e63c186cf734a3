"""Filestack: the shared suite, then what only this service has."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote, unquote

import httpx
import pytest

from artui import files, providers
from artui.config import AccountConfig, ConfigError
from artui.core.plan import match_workflow
from artui.credentials import KeyStore, Secret
from artui.providers.base import (
    Blocked,
    ExecutionRef,
    ExecutionStatus,
    Output,
    PaidRequest,
    ProviderError,
    Puzzling,
    Rejected,
    State,
    Transient,
    Unknown,
    Uploaded,
    Workflow,
)
from artui.providers.services.filestack import results as shapes
from artui.providers.services.filestack import uploads, wire
from artui.providers.services.filestack.policy import LASTS, Signer, sign
from artui.providers.services.filestack.provider import Filestack, FilestackSettings
from artui.sim import imaging
from artui.sim.filestack import darkroom
from artui.sim.server import Simulator
from tests.peer import Link, answering, serving
from tests.providers.suite import Bench, Call, Desk, Placed, ProviderSuite, allow, ignore, stand_in
from tests.waiting import eventually

WORKFLOW = "11111111-2222-4333-8444-555555555555"
JOB = "66666666-7777-4888-8999-aaaaaaaaaaaa"
HANDLE = "SimHandle00000000001"


class FilestackBench(Bench):
    """Filestack at the stand-in."""

    calls: ClassVar[Mapping[str, Call]] = {
        "read": Call("filestack.metadata", "GET", ".*/metadata"),
        "upload": Call("filestack.store", "POST", ".*/store/S3"),
        "submit": Call("filestack.run", "GET", ".*/run_workflow=.*"),
        "look": Call("filestack.status", "GET", ".*/workflow_status=.*"),
        "download": Call("filestack.download", "GET", r".*/security=[^/]*/\w{20}"),
        "metadata": Call("filestack.metadata", "GET", ".*/metadata"),
        "part": Call("filestack.part", "POST", ".*/multipart/upload"),
        "complete": Call("filestack.complete", "POST", ".*/multipart/complete"),
    }
    renews = False
    workflow_name = "Cut out"
    provider: Filestack

    def token(self) -> str:
        self.announced: dict[str, Any] = self.simulator.announcement()["filestack"]
        return str(self.announced["secret"])

    def open(self, **settings: object) -> Filestack:
        given = {name: self.announced[name] for name in ("api_key", "cdn_url", "api_url", "upload_url")}
        workflows = {f"w{n}": {"id": one, "title": title} for n, (title, one) in enumerate(self.titles.items())}
        values = {"workflows": workflows} | given | settings
        return Filestack(FilestackSettings.model_validate(values), self.deps)

    @property
    def titles(self) -> dict[str, str]:
        found: dict[str, str] = self.announced["workflows"]
        return found

    async def reopen(self, **settings: object) -> None:
        await self.provider.close()
        self.provider = self.open(**settings)

    async def read(self) -> object:
        return await self.provider._app.metadata(HANDLE, "reading")

    async def secrets(self) -> list[str]:
        made = self.provider._app.signer._made
        assert made
        parts = [part.reveal() for signed in made for part in (signed.policy, signed.signature)]
        return [self.announced["secret"], *parts]

    async def ran(self, title: str, photo: files.Photo | None = None) -> ExecutionStatus:
        """The last look at a job of this workflow."""
        order = replace(await self.order(photo), workflow=self.titles[title])
        return await self.finished((await self.submit(order)).sent)

    def switch(self, **options: object) -> None:
        self.simulator.switch({f"filestack.{name}": value for name, value in options.items()})


class TestFilestack(ProviderSuite):
    bench_type = FilestackBench

    async def _result(self, bench: Bench) -> tuple[Placed, Output]:
        """A result by its handle alone, for which there is one request."""
        placed, output = await super()._result(bench)
        return placed, replace(output, locator=json.dumps({"handle": json.loads(output.locator)["handle"]}))


@pytest.fixture(scope="module")
def shared() -> Iterator[Simulator]:
    with stand_in() as simulator:
        yield simulator


@pytest.fixture
def simulator(shared: Simulator) -> Iterator[Simulator]:
    """One stand-in for all tests below, as new each time."""
    yield shared
    shared.faults.clear()
    shared.history.clear()
    shared.books.ledger.clear()
    fresh = {"unknown_status": "", "results": "all", "run": "new", "busy": 0.0, "merging": 0, "intransit": 0}
    shared.switch({f"filestack.{name}": value for name, value in fresh.items()})
    shared.switch({"filestack.webhook": "", "filestack.prices": {}})


@pytest.fixture
async def bench(simulator: Simulator, tmp_path: Path) -> AsyncIterator[FilestackBench]:
    bench = FilestackBench(tmp_path, simulator)
    yield bench
    await bench.provider.close()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


# ------------------------------------------------------------------------------------------------------------ signing

CALLS = ["pick", "read", "stat", "store", "convert", "runWorkflow"]


@pytest.mark.parametrize(
    ("policy", "encoded", "signature"),
    [
        (
            {"expiry": 1900000000},
            "eyJleHBpcnkiOjE5MDAwMDAwMDB9",
            "5e3b23ee96fae6c7a25b82ac4d09709f045a79341de74b1693aeac6eb4d65722",
        ),
        (
            {"call": ["read"], "expiry": 1900000000},
            "eyJjYWxsIjpbInJlYWQiXSwiZXhwaXJ5IjoxOTAwMDAwMDAwfQ==",
            "71b47b882528076780ecfecf35c8d938f56323b5d6d1ad22987ad20ded09b2e0",
        ),
        (
            {"call": CALLS, "expiry": 1900000000},
            "eyJjYWxsIjpbInBpY2siLCJyZWFkIiwic3RhdCIsInN0b3JlIiwiY29udmVydCIsInJ1bldvcmtmbG93Il0sImV4cGlyeSI6MTkwMDAwMDAwMH0=",
            "d8f967d53862f1de55f586b1d3962c4186a395f0e9f915cf5d198ba7f359c169",
        ),
    ],
)
def test_a_policy_is_signed_as_the_service_wants_it(policy: dict[str, object], encoded: str, signature: str) -> None:
    signed = sign(Secret("demo-secret-not-real-0001"), policy)
    assert (signed.policy.reveal(), signed.signature.reveal()) == (encoded, signature)
    assert signed.in_path.reveal() == f"security=p:{encoded},s:{signature}"
    assert signed.in_query.reveal() == f"policy={quote(encoded, safe='')}&signature={signature}"
    assert signature not in repr(signed)


def test_a_policy_is_used_until_ten_minutes_before_its_end() -> None:
    signer, secret = Signer(), Secret("a-secret-nobody-checks")
    first = signer.signed(secret, 1_900_000_000)
    assert json.loads(base64.urlsafe_b64decode(first.policy.reveal())) == {"call": CALLS, "expiry": 1_900_003_600}
    assert signer.signed(secret, 1_900_003_000) is first
    assert signer.signed(secret, 1_900_003_001).expiry == 1_900_006_601
    assert signer.signed(Secret("another-secret"), 1_900_003_001).signature != first.signature
    assert signer.fresh(secret, 1_900_000_000, 1800).expiry == 1_900_005_400


async def test_a_policy_has_ended_by_neither_clock(bench: FilestackBench) -> None:
    photo = bench.photo()
    bench.simulator.switch({"clock": -40 * 86_400.0})
    try:
        uploaded = await bench.provider.upload(photo, "a.jpg", ignore)
        assert await bench.submit(PaidRequest("key", bench.titles["Cut out"], "", photo, uploaded))
        signed = await bench.provider._app.signed()
        assert time.time() < signed.expiry <= time.time() + LASTS
    finally:
        bench.simulator.switch({"clock": 0.0})


async def test_a_wrong_key_or_secret_stops_the_account_until_it_is_right(bench: FilestackBench) -> None:
    photo = bench.photo()
    right = bench.announced["secret"]
    bench.vault.keep("studio", Secret("a-wrong-secret-of-somebody"), KeyStore.MEMORY)
    for ask in (bench.provider.identify(), bench.provider.balance(), bench.provider.upload(photo, "a.jpg", ignore)):
        with pytest.raises(Blocked, match="secret"):
            await ask
    order = PaidRequest("key", bench.titles["Cut out"], "", photo, Uploaded("a" * 20))
    with pytest.raises(Blocked, match="secret") as caught:
        await bench.submit(order)
    assert "policy error" in str(caught.value), "the service's words are shown"
    bench.vault.keep("studio", Secret(right), KeyStore.MEMORY)
    await bench.provider.identify()
    await bench.reopen(api_key="ASomebodyElsesKeyz")
    with pytest.raises(Blocked, match="the API key is missing or unknown: check api_key"):
        await bench.provider.identify()
    with pytest.raises(Blocked, match="Invalid Application: check api_key"):
        await bench.provider.upload(photo, "a.jpg", ignore)
    assert bench.simulator.ledger == []


class Guard:
    """A service that answers by the signature: ``right`` where it is ours, ``wrong`` where it cannot be."""

    def __init__(self, right: tuple[int, bytes], wrong: tuple[int, bytes]) -> None:
        self.right, self.wrong, self.asked = right, wrong, list[str]()

    async def attend(self, link: Link) -> None:
        while True:
            line = (await link.whole()).partition(b"\r\n")[0].decode()
            self.asked.append(line)
            status, body = self.wrong if "0" * 64 in line else self.right
            await link.say(status, body)


@pytest.mark.parametrize(
    ("right", "wrong", "is_told"),
    [
        ((404, b'{"error": "no such job"}'), (403, b"policy error"), True),
        ((404, b"not found"), (401, b""), True),
        ((200, b"Invalid Application"), (200, b"Invalid Application"), None),
        ((403, b"policy error"), (403, b"policy error"), None),
        ((401, b'{"error": "key"}'), (401, b'{"error": "key"}'), None),
        ((404, b"not found"), (404, b"not found"), False),
        ((200, b"{}"), (200, b"{}"), False),
    ],
)
async def test_the_check_of_key_and_secret_leaves_nothing_behind(
    desk: Desk, right: tuple[int, bytes], wrong: tuple[int, bytes], is_told: bool | None
) -> None:
    guard = Guard(right, wrong)
    async with serving(guard.attend) as peer:
        known = settings(cdn_url=peer.url, upload_url=peer.url, api_url=peer.url)
        async with Filestack(known, desk.deps) as provider:
            if is_told is None:
                with pytest.raises(Blocked, match=r"sign in again|check api_key"):
                    await provider.identify()
            else:
                await provider.identify()
                assert (provider.not_checked == "") is is_told
    assert 2 <= len(guard.asked) <= 3
    assert all(line.startswith("GET /Akey/security=") for line in guard.asked)
    assert all(line.count("/") == 4 for line in guard.asked), "a task and nothing it is for"


async def test_where_nothing_tells_a_wrong_secret_what_is_forbidden_stops_the_account_until_something_is_accepted(
    desk: Desk,
) -> None:
    stored = json.dumps({"url": f"https://x.example/{HANDLE}", "handle": HANDLE}).encode()
    answers: dict[str, tuple[int, bytes]] = {}

    async def attend(link: Link) -> None:
        while True:
            line = await link.whole()
            await link.say(*(answers.get("store", (200, stored)) if b"/store/" in line else (404, b"not found")))

    async with serving(attend) as peer:
        known = settings(cdn_url=peer.url, upload_url=peer.url, api_url=peer.url)
        async with Filestack(known, desk.deps) as provider:
            await provider.upload(desk.photo(), "a.jpg", ignore)
            answers["store"] = (403, b'{"error": "image/jpeg is not allowed"}')
            with pytest.raises(Rejected, match="not allowed"):  # the photo's own: the secret was accepted before
                await provider.upload(desk.photo(), "a.jpg", ignore)
            with pytest.raises(Blocked, match="not allowed"):
                await provider.upload(desk.photo(), "a.jpg", ignore)
            with pytest.raises(Blocked, match="sign in again"):
                await provider.balance()
            desk.vault.keep("studio", Secret("another-secret-of-the-app"), KeyStore.MEMORY)
            assert await provider.balance() is None


async def test_an_upload_is_deleted_by_a_policy_for_it_alone(desk: Desk) -> None:
    async with serving(answering(200, b"success")) as peer:
        known = settings(cdn_url=peer.url, upload_url=peer.url, api_url=f"{peer.url}/api")
        async with Filestack(known, desk.deps) as provider:
            await provider.remove_upload(HANDLE)
            for foreign in (
                "src://studio/a.jpg",
                f"https://x.example/{HANDLE}",
                f"../{HANDLE}",
                f"{HANDLE}?a=b",
                "",
                "a/b",
            ):
                with pytest.raises(Rejected):
                    await provider.remove_upload(foreign)
        [line] = [request.split()[1].decode() for request in peer.requests]
    assert peer.requests[0].startswith(b"DELETE ")
    path, _, query = line.partition("?")
    asked = dict(pair.split("=", 1) for pair in query.split("&"))
    policy = json.loads(base64.urlsafe_b64decode(unquote(asked["policy"])))
    assert path == f"/api/file/{HANDLE}"
    assert (policy["call"], policy["handle"]) == (["remove"], HANDLE)
    assert policy["expiry"] < time.time() + 1000


@pytest.mark.parametrize(
    ("status", "body", "raised"),
    [
        (204, b"", None), (200, b"{}", None), (404, b"no", None), (410, b"", Rejected),
        (200, b"Invalid Application", Rejected), (200, b'{"error": "policy"}', Rejected), (403, b"no", Rejected),
        (401, b"", Rejected), (429, b"", Transient), (503, b"", Transient),
        (200, b"<html><h1>hi</h1></html>", Rejected),
    ],
)  # fmt: skip
async def test_what_a_deletion_may_be_answered_stops_no_account(
    desk: Desk, status: int, body: bytes, raised: type[Exception] | None
) -> None:
    async with serving(answering(status, body)) as peer:
        known = settings(cdn_url=peer.url, upload_url=peer.url, api_url=peer.url)
        async with Filestack(known, desk.deps) as provider:
            with pytest.raises(raised) if raised else nullcontext():
                await provider.remove_upload(HANDLE)


@pytest.mark.parametrize("status", [400, 413, 415])
@pytest.mark.parametrize("body", [b"<html><h1>no</h1></html>", b'{"error": "no"}', b"no", b'{"detail": "no"}'])
async def test_an_upload_that_is_refused_for_good_fails_its_photo_whoever_says_so(
    desk: Desk, status: int, body: bytes
) -> None:
    async with serving(answering(status, body)) as peer:
        known = settings(cdn_url=peer.url, upload_url=peer.url, api_url=peer.url)
        async with Filestack(known, desk.deps) as provider:
            with pytest.raises(Rejected) as caught:
                await provider.upload(desk.photo(), "a.jpg", ignore)
            assert caught.value.status == status
            assert str(caught.value).endswith(": no") or b"html" in body
        assert len(peer.requests) == 1


@pytest.mark.parametrize(
    "body", [b'{"url": "https://cdn', b"", b"[1, 2", b'{"url": "https://cdn.x/AbCdEfGhIj", "size": 7}']
)
async def test_half_an_answer_or_one_of_another_file_is_asked_again(desk: Desk, body: bytes) -> None:
    async with serving(answering(200, body)) as peer:
        known = settings(cdn_url=peer.url, upload_url=peer.url, api_url=peer.url)
        async with Filestack(known, desk.deps) as provider:
            with pytest.raises(Transient, match=r"not what the service documents"):
                await provider.upload(desk.photo(), "a.jpg", ignore)


async def test_one_request_that_is_forbidden_is_not_taken_for_a_wrong_secret(bench: FilestackBench) -> None:
    order = await bench.order()
    for call, ask in (("upload", bench.order), ("submit", lambda: bench.submit(order))):
        bench.go_wrong(call, "status:403")
        with pytest.raises(Rejected, match="as was asked for") as caught:
            await ask()
        assert caught.value.reason == "forbidden"
    assert (await bench.submit(order)).execution


async def test_what_the_service_repeats_of_our_security_is_not_shown(bench: FilestackBench) -> None:
    right = bench.announced["secret"]
    bench.vault.keep("studio", Secret("a-wrong-secret-of-somebody"), KeyStore.MEMORY)
    with pytest.raises(Blocked, match="policy error") as caught:
        await bench.look(ExecutionRef(JOB, WORKFLOW))
    assert "[secret]" in str(caught.value)
    assert not any(secret in str(caught.value) for secret in await bench.secrets())
    bench.vault.keep("studio", Secret(right), KeyStore.MEMORY)
    await bench.journey()
    shown = json.dumps(bench.simulator.history)
    assert "security=***" in shown
    assert not any(secret in shown for secret in await bench.secrets())


# ------------------------------------------------------------------------------------------------------------ settings


def settings(**given: object) -> FilestackSettings:
    account = AccountConfig("studio", "filestack", "studio", settings={"api_key": "Akey", **given})
    found = providers.settings(Filestack, account)
    assert isinstance(found, FilestackSettings)
    return found


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"api_key": "not/a key"}, "api_key"),
        ({"workflows": {"a": {"id": "not-a-uuid"}}}, "workflows.a.id"),
        ({"workflows": {"a": {"id": WORKFLOW, "pirce": 1}}}, "workflows.a.pirce"),
        ({"workflows": {"a": {"id": WORKFLOW, "price": -1}}}, "workflows.a.price"),
        ({"workflows": {"a": {"id": WORKFLOW}, "b": {"id": WORKFLOW.upper()}}}, "a and b have the same id"),
        ({"cdn_url": "ftp://somewhere"}, "cdn_url"),
    ],
)
def test_settings_that_do_not_fit_are_named(given: dict[str, object], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint.replace(".", r"\.")):
        settings(**given)


async def test_workflows_are_those_of_the_settings_with_their_prices_if_any(desk: Desk) -> None:
    tasks = {"id": WORKFLOW, "title": "Cut out", "price": 4, "tasks": ["store"], "minutes": 5}
    known = settings(workflows={"cut": tasks, "other": {"id": JOB, "accepts": ["image/png"]}})
    async with Filestack(known, desk.deps) as provider:
        first, second = await provider.workflows()
        assert (first.id, first.name, first.price, first.version) == (WORKFLOW, "Cut out", 4, "")
        assert [component.label for component in first.components] == ["store"]
        assert (second.name, second.price) == ("other", None)
        assert (provider.deadline(WORKFLOW), provider.deadline(JOB)) == (300, 1800)
        order = PaidRequest("key", JOB, "", desk.photo(), Uploaded(HANDLE))
        with pytest.raises(Rejected, match="does not take image/jpeg"):
            provider.draft(order)
        with pytest.raises(Rejected, match="the account's settings name no workflow another"):
            await provider.workflow("another")


@pytest.mark.parametrize("wanted", ["cut", "CUT", "Cut out", "cut OUT", WORKFLOW])
async def test_a_workflow_is_meant_by_its_name_in_the_settings_too(desk: Desk, wanted: str) -> None:
    known = settings(workflows={"cut": {"id": WORKFLOW, "title": "Cut out"}, "other": {"id": JOB}})
    async with Filestack(known, desk.deps) as provider:
        found = match_workflow(await provider.workflows(), wanted)
        assert [one.id for one in found] == [WORKFLOW]
        assert Workflow.from_document(found[0].document()) == found[0]
        assert match_workflow(await provider.workflows(), "") == []


# ------------------------------------------------------------------------------------------------------------- uploads


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "PART", 100_000)
    monkeypatch.setattr(uploads, "AGAIN", 0.01)


@pytest.mark.usefixtures("small_parts")
async def test_a_large_photo_goes_in_parts_and_arrives_whole(bench: FilestackBench) -> None:
    await bench.reopen(multipart_above=0.3)
    bench.switch(merging=2, intransit=2)
    photo = bench.photo(size=350_000)
    moved: list[int] = []
    uploaded = await bench.provider.upload(photo, 'a"b{c}.jpg', moved.append, "origin.7")
    stored = bench.simulator._services[2]._room.files[uploaded.reference]  # type: ignore[attr-defined]
    assert (stored.digest, stored.name) == (photo.digest, "a-b-c-.jpg")
    assert moved == sorted(moved)
    assert moved[-1] == 350_000
    assert (len(bench.seen("part")), len(bench.seen("complete"))) == (4, 3)
    assert all(entry["form"]["upload_tags"] == {"artui_job": "origin.7"} for entry in bench.seen("complete"))
    assert not any("upload_tags" in entry["form"] for entry in bench.seen("part"))
    assert len(bench.seen("metadata")) == 3
    assert bench.seen("upload") == []
    small = await bench.provider.upload(bench.photo(size=300_000), "a.jpg", ignore)
    assert small.reference != uploaded.reference
    assert len(bench.seen("upload")) == 1


@pytest.mark.usefixtures("small_parts")
async def test_a_large_photo_that_changes_on_the_way_is_never_put_together(bench: FilestackBench) -> None:
    await bench.reopen(multipart_above=0.3)
    photo = bench.photo(size=350_000)

    def change(moved: int) -> None:
        if moved == 100_000:
            content = photo.path.read_bytes()
            photo.path.write_bytes(content[:-1] + b"?")

    with pytest.raises(files.Changed):
        await bench.provider.upload(photo, "a.jpg", change)
    assert bench.seen("complete") == []
    assert len(bench.seen("part")) == 3


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize(
    ("route", "do"),
    [("part", "status:500"), ("put", "status:403"), ("put", "drop_after"), ("complete", "status:502"), ("put", "html")],
)
async def test_a_large_photo_that_does_not_arrive_can_be_sent_again(bench: FilestackBench, route: str, do: str) -> None:
    await bench.reopen(multipart_above=0.1)
    photo = bench.photo(size=150_000)
    bench.simulator.faults.add([{"route": f"filestack.{route}", "do": do, "times": 2}])
    with pytest.raises(Transient):
        await bench.provider.upload(photo, "a.jpg", ignore)
    bench.simulator.faults.clear()
    assert (await bench.provider.upload(photo, "a.jpg", ignore)).reference


@pytest.mark.parametrize(
    ("ours", "named", "found"),
    [
        ("https://upload.filestackapi.com", "upload-eu.filestackapi.com", "https://upload-eu.filestackapi.com"),
        (
            "https://upload.filestackapi.com",
            "https://upload-eu.filestackapi.com/",
            "https://upload-eu.filestackapi.com",
        ),
        ("https://upload.filestackapi.com", "http://upload-eu.filestackapi.com", None),
        ("https://upload.filestackapi.com", "evilfilestackapi.com", None),
        ("https://upload.filestackapi.com", "filestackapi.com.evil.example", None),
        ("https://upload.filestackapi.com", "me@upload.filestackapi.com", None),
        ("https://upload.com", "evil.com", None),
        ("http://127.0.0.1:5", "127.0.0.1:6", None),
    ],
)
async def test_our_security_goes_to_no_upload_host_but_the_services_own(
    desk: Desk, ours: str, named: str, found: str | None
) -> None:
    start = wire.Start(uri="/u", region="r", upload_id="i", location_url=named)
    async with Filestack(settings(upload_url=ours), desk.deps) as provider:
        if found is None:
            with pytest.raises(Transient, match="not its own"):
                provider._uploads._upload_host(start)
        else:
            assert provider._uploads._upload_host(start) == found


@pytest.mark.parametrize(
    "answer",
    [
        b"[]", b'{"uri": 1}', b"not JSON", b"<html>",
        {"location_url": "http://["}, {"location_url": "a b\nc"}, {"location_url": "http://127.0.0.1:1/"},
        {"url": "http://["}, {"url": "http://elsewhere.example/"}, {"url": "file:///etc/passwd"},
        {"headers": {"X": "a\r\nHost: b"}}, {"headers": {"X\n": "a"}}, {"headers": {"X": "\u00fc"}}, {"headers": []},
        {"handle": "../..", "url": "https://x/"}, {"handle": ""},
    ],
)  # fmt: skip
@pytest.mark.usefixtures("small_parts")
async def test_a_hostile_upload_host_leads_nowhere(desk: Desk, answer: object) -> None:
    """It gives one answer to everything: as it should be, but for what the test changes."""

    async def attend(link: Link) -> None:
        while True:
            await link.whole()
            fine = {
                "uri": "/u",
                "region": "r",
                "upload_id": "i",
                "location_url": f"{peer.url}",
                "url": f"{peer.url}/put",
            }
            body = answer if isinstance(answer, bytes) else json.dumps(fine | dict(answer)).encode()  # type: ignore[call-overload]
            await link.say(200, body, "ETag: x\r\n")

    async with serving(attend) as peer:
        known = settings(upload_url=peer.url, cdn_url=peer.url, multipart_above=0.01)
        async with Filestack(known, desk.deps) as provider:
            with pytest.raises((Transient, Rejected)):
                await provider.upload(desk.photo(), "a.jpg", ignore)


@pytest.mark.parametrize("imports", [False, True])
async def test_an_address_of_a_file_of_the_service_is_that_file(bench: FilestackBench, imports: bool) -> None:
    await bench.reopen(import_addresses=imports)
    workflow, photo = await bench.workflow(), bench.photo()
    handle = (await bench.provider.upload(photo, "a.jpg", ignore)).reference
    for address in (f"{bench.provider.settings.cdn_url}/{handle}", f"{CDN}/{handle}?cache=true"):
        assert await bench.provider.fetch_address(address) == Uploaded(handle)
    order = PaidRequest("key", workflow.id, "", photo, Uploaded(handle))
    progress = await bench.finished((await bench.submit(order)).sent)
    assert (progress.state, progress.reference) == (State.DONE, handle)


@pytest.mark.parametrize("imports", [False, True])
async def test_what_lies_at_an_address_is_run_where_it_lies_or_after_an_import(
    bench: FilestackBench, imports: bool
) -> None:
    await bench.reopen(import_addresses=imports)
    workflow = await bench.workflow()
    photo = bench.photo()
    async with serving(answering(200, photo.path.read_bytes())) as peer:
        addresses = ["src://studio/autumn/shirt%207.jpg", f"{peer.url}/photo.jpg", f"{peer.url}/b/photo.jpg?size=a,b#c"]
        for address in addresses:
            uploaded = await bench.provider.fetch_address(address)
            assert (uploaded.reference == address) is not imports
            order = PaidRequest("key", workflow.id, "", photo, uploaded)
            progress = await bench.finished((await bench.submit(order)).sent)
            assert progress.state is State.DONE
            assert progress.reference == unquote(uploaded.reference)
        assert [line.split()[1] for line in peer.requests] == [b"/photo.jpg", b"/b/photo.jpg?size=a,b"]
    runs = [entry["path"].partition(f"/run_workflow=id:{workflow.id}/")[2] for entry in bench.seen("submit")]
    if not imports:
        assert runs == [unquote(addresses[0]), *addresses[1:]]
    assert len(bench.simulator.ledger) == 3
    for address in ("file:///etc/passwd", "https://a\nb", "src:// a"):
        with pytest.raises(Rejected):
            await bench.provider.fetch_address(address)
    for address in ("src://nobody/a.jpg", "http://127.0.0.1:1/a.jpg"):
        with pytest.raises(Rejected):
            await bench.submit(replace(order, uploaded=Uploaded(address)))
    assert len(bench.simulator.ledger) == 3


@pytest.mark.parametrize(
    ("reference", "source"),
    [
        (HANDLE, HANDLE),
        ("src://studio/a b/50%/sch\u00f6n,1.jpg", "src://studio/a%20b/50%25/sch%C3%B6n%2C1.jpg"),
        ("src://studio/a%20b.jpg", "src://studio/a%20b.jpg"),
        ("https://www.google.com/images/logo_272x92dp.png", "https://www.google.com/images/logo_272x92dp.png"),
        ("https://a.example/b.jpg?c=d", "https%3A%2F%2Fa.example%2Fb.jpg%3Fc%3Dd"),
        ("https://a.example/{security}/b.jpg", "https%3A%2F%2Fa.example%2F%7Bsecurity%7D%2Fb.jpg"),
    ],
)
async def test_a_run_names_its_source_as_the_service_documents_it(desk: Desk, reference: str, source: str) -> None:
    async with Filestack(settings(), desk.deps) as provider:
        draft = json.loads(provider.draft(PaidRequest("key", WORKFLOW, "", desk.photo(), Uploaded(reference))))
        assert draft["path"] == f"/Akey/{{security}}/run_workflow=id:{WORKFLOW}/{source}"


# ---------------------------------------------------------------------------------------------------- the paid request


NOW = "when it is answered"
"""What stands for the time of the answer: the cases are made when the tests are collected, minutes before they run."""


def run_answer(**more: object) -> dict[str, object]:
    return {"jobid": JOB, "status": "Started", "workflow": WORKFLOW, "sources": [HANDLE], "createdAt": NOW} | more


async def submitted(desk: Desk, status: int, body: object, headers: str = "") -> tuple[str, list[bytes]]:
    """Run a workflow at a service that gives this answer to everything; the job, and what was asked."""
    if isinstance(body, dict) and body.get("createdAt") == NOW:
        body = body | {"createdAt": datetime.now(UTC).isoformat()}
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with serving(answering(status, content, headers)) as peer:
        known = settings(cdn_url=peer.url, upload_url=peer.url)
        async with Filestack(known, desk.deps) as provider:
            order = PaidRequest("key", WORKFLOW, "", desk.photo(), Uploaded(HANDLE))
            try:
                return await provider.submit(provider.draft(order), order.photo, allow, ignore), peer.requests
            finally:
                runs = [line for line in peer.requests if b"run_workflow" in line]
                assert len(runs) == 1
                assert runs[0].split(b"/security=")[0] == b"GET /Akey"
                assert runs[0].endswith(f"/run_workflow=id:{WORKFLOW}/{HANDLE} HTTP/1.1".encode())


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, run_answer(), None),
        (200, {"jobid": JOB}, None),
        (200, run_answer(workflow=WORKFLOW.upper(), createdAt="yesterday"), None),
        (200, run_answer(jobid=""), Unknown),
        (200, run_answer(sources=["another"]), Unknown),
        (200, run_answer(workflow=JOB), Unknown),
        (200, run_answer(createdAt="2020-01-01T00:00:00.123456789Z"), Unknown),
        (200, {}, Unknown),
        (200, [], Unknown),
        (200, b"Invalid Application", Unknown),
        (200, b"<html>", Unknown),
        (200, {"error": "no such thing"}, Rejected),
        (400, {"error": {"code": 7}}, Rejected),
        (404, {"error": "no such workflow"}, Rejected),
        (422, {"error": "unsupported"}, Rejected),
        (200, {"error": None}, Unknown),
        (200, {"error": {}}, Unknown),
        (200, {"error": ""}, Unknown),
        (200, {"error": False}, Unknown),
        (200, {"jobid": None, "error": {"code": 7}}, Rejected),
        (200, run_answer(error=None), None),
        (200, run_answer(sources=HANDLE, ttl="172800", status=7), None),
        (200, run_answer(sources=[f"https://cdn.filestackcontent.com/{HANDLE}"]), None),
        (200, {"jobid": JOB, "sources": "another"}, Unknown),
        (404, b"", Unknown),
        (400, b"no", Rejected),
        (404, b"not found", Rejected),
        (400, b'{"no', Unknown),
        *((status, b"busy", Unknown) for status in (408, 409, 425, 429, 500)),
        *((status, b"no such workflow\n(see the portal)", Rejected) for status in (400, 402, 404, 405, 410, 418, 451)),
        (404, b'"not found"', Rejected),
        (404, b"no\x00t", Unknown),
        (404, b"x" * 1001, Unknown),
        (404, b"<html>", Unknown),
        (404, {"message": "whoever says so"}, Unknown),
        (404, {"title": "Not Found", "status": 404, "detail": "no workflow"}, Rejected),
        (404, {"title": "Not Found", "status": 403}, Unknown),
        (400, {"title": "Bad Request", "status": 400, "jobid": JOB}, Unknown),
        (200, {"result": "error", "error": {"code": "403", "msg": "expired"}}, Rejected),
        (400, {"result": "error"}, Rejected),
        (200, {"result": "error", "jobid": JOB}, None),
        (200, run_answer(sources=["https://s3.example/bucket/x_photo.jpg"]), None),
        (200, run_answer(sources=[f"https://cdn.filestackcontent.com/security=p:a,s:b/{HANDLE}"]), None),
        (200, run_answer(sources=["https://cdn.filestackcontent.com/OtherHandle000000002"]), Unknown),
        (200, run_answer(sources={"handle": HANDLE}, createdAt=[2020], updatedAt=7, ttl="soon", extra=1), None),
        (200, run_answer(jobid=12345), None),
        (401, b"", Blocked),
        (403, {"error": "expired"}, Blocked),
        (403, b"application [KEY] policy error", Blocked),
        (403, b"<html>", Unknown),
        (409, {"error": "busy"}, Unknown),
        (429, {"error": "too many"}, Unknown),
        (301, {"error": "elsewhere"}, Unknown),
        (500, {"error": "oops"}, Unknown),
    ],
)
async def test_only_what_is_surely_refused_is_not_in_doubt(
    desk: Desk, status: int, body: object, kind: type[ProviderError] | None
) -> None:
    if kind is None:
        assert (await submitted(desk, status, body))[0] in (JOB, "12345")
        return
    with pytest.raises(kind) as caught:
        await submitted(desk, status, body)
    if isinstance(caught.value, Rejected):
        assert caught.value.status != 404, "a lost upload would be sent again, without end"


async def test_too_many_requests_by_the_services_own_headers_are_surely_not_carried_out(bench: FilestackBench) -> None:
    order = await bench.order()
    bench.switch(busy=30)
    with pytest.raises(Transient) as caught:
        await bench.submit(order)
    assert caught.value.reached is False
    assert caught.value.retry_after is not None
    assert 25 < caught.value.retry_after <= 32
    with pytest.raises(Transient) as caught:
        await bench.provider.balance()
    assert caught.value.retry_after is not None
    bench.switch(busy=0)
    await bench.submit(order)
    assert len(bench.simulator.ledger) == 1


async def test_an_answer_out_of_a_cache_is_not_taken_for_a_new_job(bench: FilestackBench) -> None:
    first = await bench.submit(await bench.order())
    bench.switch(run="cached")
    with pytest.raises(Unknown, match=f"names job {first.execution}"):
        await bench.submit(await bench.order())
    bench.switch(run="new")
    assert (await bench.submit(await bench.order())).execution != first.execution


async def test_each_purchase_has_an_upload_of_its_own(bench: FilestackBench) -> None:
    photo = bench.photo()
    orders = [await bench.order(photo) for _ in range(2)]
    assert await bench.provider.uploaded(photo) is None
    assert orders[0].uploaded != orders[1].uploaded
    with pytest.raises(Rejected, match="cannot run"):
        await bench.provider.retry("x", allow, ignore)


# ----------------------------------------------------------------------------------------------------------- the jobs


@pytest.mark.parametrize(
    ("word", "state"),
    [("Started", State.RUNNING), ("InProgress", State.RUNNING), ("Finished", State.DONE), ("finished", State.DONE),
     ("Failed", State.FAILED), ("Error", State.FAILED), ("Canceled", State.FAILED), ("TimedOut", State.FAILED),
     ("Done", State.RUNNING), ("Succeeded", State.RUNNING)],
)  # fmt: skip
def test_finished_is_the_only_success(word: str, state: State) -> None:
    told = {"jobid": JOB, "status": word, "createdAt": "2031-01-02T03:04:05.678901234Z", "results": {"t": {"a": 1}}}
    job = wire.Job.model_validate(told)
    progress = job.progress(1, 1_900_000_000, shapes.Wanted())
    assert (progress.state, progress.word) == (state, word)
    assert progress.charged == (1 if state in (State.DONE, State.FAILED) else None)


async def test_a_job_is_followed_to_its_end(bench: FilestackBench) -> None:
    bench.switch(prices={bench.titles["Cut out"]: 3})
    cut = {"id": bench.titles["Cut out"], "title": "Cut out", "price": 3}
    await bench.reopen(workflows={"cut": cut})
    placed = await bench.submit(await bench.order())
    last = await bench.finished(placed.sent)
    assert last.charged == bench.simulator.ledger[0]["credits"] == 3
    assert last.reference == placed.order.uploaded.reference
    assert last.workflow == placed.order.workflow
    assert last.expires_in is not None
    assert 172_700 < last.expires_in < 172_802
    assert last.created_at <= last.finished_at
    failed = await bench.ran("Cut out") and await bench.finished(
        (await bench.submit(replace(await bench.order(), workflow=bench.titles["Always fails"]))).sent
    )
    assert (failed.state, failed.charged) == (State.FAILED, 1)
    assert "a task of the workflow failed" in failed.message


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "looking at"),
        (b"busy", "busy"),
        ([1], "[1]"),
        ({"error": "try later"}, "try later"),
        ({"status": "Started"}, "it has no jobid, but status"),
        ({"jobid": [1], "status": "Started"}, "jobid is [1]"),
        ({"jobid": WORKFLOW, "status": "Started"}, f"jobid is {WORKFLOW}"),
        ({"jobid": JOB, "state": "Started"}, "it has no status, but jobid, state"),
        ({"jobid": JOB, "status": {"a": 1}}, 'status is {"a": 1}'),
    ],
)
async def test_a_look_nobody_understands_names_the_field_and_what_stood_there(
    desk: Desk, body: object, words: str
) -> None:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with (
        serving(answering(200, content)) as peer,
        Filestack(settings(cdn_url=peer.url), desk.deps) as provider,
    ):
        assert await provider.poll([ExecutionRef(JOB, WORKFLOW)]) == {}
        assert words in provider.puzzles[JOB]


@pytest.mark.parametrize(
    ("ttl", "left"),
    [(172800, 172_700), ("172800", 172_700), ("172800s", 172_700), (" 172800 seconds", 172_700), (172800.5, 172_700.5),
     ("two days", None), (-1, None), ([172800], None), (None, None), (True, None)],
)  # fmt: skip
def test_how_long_results_stay_is_read_in_any_form(ttl: object, left: float | None) -> None:
    told = {"jobid": JOB, "status": "FINISHED", "createdAt": 1_900_000_000_000, "ttl": ttl, "results": {"t": 1}}
    for sources in (HANDLE, [HANDLE], None, 7, {"a": 1}, [None, 7], f"{CDN}/{HANDLE}"):
        progress = wire.Job.model_validate({**told, "sources": sources, "workflow": 7, "updatedAt": {}}).progress(
            1, 1_900_000_100, shapes.Wanted()
        )
        assert (progress.state, progress.expires_in) == (State.DONE, left)
        assert progress.reference in ("", HANDLE)


# --------------------------------------------------------------------------------------------------------- the results

PNG, TIFF, WEBP, JPEG, JSON = "image/png", "image/tiff", "image/webp", "image/jpeg", "application/json"


@pytest.mark.parametrize(
    ("title", "found"),
    [
        ("Cut out", {"": PNG}),
        ("Shop set", {"cutout": PNG, "on_white": JPEG, "tags_1571950225779": JSON, "sfw": JSON}),
        ("Tags only", {"tags": JSON, "virus": JSON, "info": JSON}),
        ("Preview", {"": WEBP}),
        ("Archive", {"": TIFF}),
        ("Contact sheet", {"variants": JPEG, "variants-2": JPEG, "nested": PNG}),
        ("With a gap", {"tags": JSON, "convert": JSON, "status": JSON}),
    ],
)
async def test_every_result_is_fetched_whatever_its_shape(
    bench: FilestackBench, title: str, found: dict[str, str]
) -> None:
    photo = bench.photo()
    progress = await bench.ran(title, photo)
    assert progress.state is State.DONE
    kinds = {}
    for output in progress.outputs:
        written = await bench.fetch(output, progress.execution)
        kinds[output.task] = written.media_type
        content = (bench.folder / "result.part").read_bytes()
        if written.media_type == JSON:
            assert json.loads(content)
        else:
            assert imaging.input_digest(content) == photo.digest
            assert output.digest == written.digest or "wf" in output.locator
            assert output.size == written.size
    assert kinds == found
    assert ("gaps" in progress.message) == ("status" in found)


async def test_temporary_files_are_kept_too_where_they_are_wanted_and_gaps_are_told(bench: FilestackBench) -> None:
    archive = {"id": bench.titles["Archive"], "title": "Cut out", "all_results": True, "tasks": ["store", "sharpen"]}
    await bench.reopen(workflows={"archive": archive})
    progress = await bench.finished((await bench.submit(await bench.order())).sent)
    assert progress.state is State.INCOMPLETE
    assert [output.task for output in progress.outputs] == ["store", "resize", "status"]
    assert progress.message == "finished with gaps: no result of sharpen"
    temporary, status = progress.outputs[1:]
    bench.go_wrong("download", "status:400")  # not this route: it has no handle
    assert (await bench.fetch(temporary, progress.execution)).media_type == WEBP
    await bench.fetch(status, progress.execution)
    assert json.loads((bench.folder / "result.part").read_bytes())["jobid"] == progress.execution
    bench.simulator.faults.clear()
    bench.switch(results="null")
    gone = await bench.finished((await bench.submit(await bench.order())).sent)
    assert (gone.state, gone.outputs) == (State.INCOMPLETE, ())
    with pytest.raises(Rejected, match="not there"):
        await bench.fetch(Output(json.dumps({"json": "tags"}), "tags", JSON), gone.execution)


def places(results: object, **wanted: Any) -> dict[str, object]:
    outputs = shapes.outputs_of(results, shapes.Wanted(**wanted)).outputs
    return {output.task: json.loads(output.locator) for output in outputs}


CDN, API = "https://cdn.filestackcontent.com", "https://www.filestackapi.com/api/file"
TOLD = {"handle": HANDLE, "url": f"{CDN}/{HANDLE}"}


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({"data": {"tags": {"auto": {}}}}, {"json": "t"}),
        ({"data": {"filename": "a.jpg", "mimetype": "image/jpeg", "size": 3}}, {"json": "t"}),
        ({"data": {"url": f"{CDN}/{HANDLE}", "key": "k_a.jpg"}}, TOLD),
        (
            {"url": f"{API}/{HANDLE}?policy=x", "type": "image/png"},
            {"handle": HANDLE, "url": f"{API}/{HANDLE}?policy=x"},
        ),
        (
            {"data": {"url": "https://bucket.example/a.jpg", "handle": HANDLE}},
            {"handle": HANDLE, "url": "https://bucket.example/a.jpg"},
        ),
        ({"url": "https://elsewhere.example/a.jpg", "mimetype": "image/jpeg"}, {"url": "https://elsewhere.example/a.jpg"}),
        ({"url": "https://elsewhere.example/a.jpg"}, {"json": "t"}),
        ({"url": f"{CDN}/KEY/wf://w/j/abc?x=1"}, {"wf": "w/j/abc", "url": f"{CDN}/KEY/wf://w/j/abc?x=1"}),
        ({"data": {"url": "wf://w/j/abc"}}, {"wf": "w/j/abc"}),
        (["wf://w/j/abc"], {"wf": "w/j/abc"}),
        ({"wf": "wf://w/../abc"}, {"json": "t"}),
        ({"data": {"handle": "../../x", "url": "ftp://x/y", "key": "k"}}, {"json": "t"}),
        ({"handle": HANDLE}, {"handle": HANDLE}),
        ([{"handle": HANDLE}], {"handle": HANDLE}),
        ({"mapping": {"data": {"handle": HANDLE}}}, {"handle": HANDLE}),
        ({"a": {"b": {"c": {"handle": HANDLE}}}}, {"handle": HANDLE}),
        ({"url": f"{CDN}/{HANDLE}"}, TOLD),
        ({"files": [f" {CDN}/{HANDLE} "]}, TOLD),
        (f"{CDN}/{HANDLE}", TOLD),
        ({f"{CDN}/{HANDLE}": True}, TOLD),
        (f"HTTPS://CDN.FileStackContent.com/{HANDLE}", {"handle": HANDLE, "url": f"HTTPS://CDN.FileStackContent.com/{HANDLE}"}),
        (f"https://filestackcontent.com.evil.example/{HANDLE}", {"json": "t"}),
        (json.loads('{"a":' * 40 + f'"{CDN}/{HANDLE}"' + "}" * 40), TOLD),
        ({"url": f"{CDN}/resize=width:9/{HANDLE}"}, {"url": f"{CDN}/resize=width:9/{HANDLE}"}),
        ({"url": 7, "handle": None}, {"json": "t"}),
        ("text", {"json": "t"}),
    ],
)  # fmt: skip
def test_what_is_no_file_is_kept_as_json(value: object, place: dict[str, str]) -> None:
    task = "t" if "json" in place else ""
    assert places({"t": value}) == {task: place}


NOTHING: list[object] = [
    None, {}, [], "", {"store": None}, {"store": {}}, {"store": {"data": None}}, {"store": {"data": {}}},
    {"store": {"data": {"url": None, "handle": None}}}, {"store": {"error": "it broke"}}, [None], [{}],
]  # fmt: skip


@pytest.mark.parametrize("results", NOTHING)
def test_finished_without_a_result_is_not_done(results: object) -> None:
    job = wire.Job.model_validate({"jobid": JOB, "status": "Finished", "results": results})
    progress = job.progress(1, 1_900_000_000, shapes.Wanted())
    assert (progress.state, progress.charged) == (State.INCOMPLETE, 1)
    assert all(json.loads(output.locator) != {"json": None} for output in progress.outputs) or len(progress.outputs) > 1


@pytest.mark.parametrize("results", [*NOTHING, {"tags": {"a": 1}}, [{"handle": HANDLE}]])
def test_finished_without_a_task_that_was_ordered_is_not_done(results: object) -> None:
    outcome = shapes.outputs_of(results, shapes.Wanted(["store"]))
    assert not outcome.is_complete
    assert outcome.odd


def test_results_told_as_a_list_and_twice_are_kept_once_each() -> None:
    file = {"handle": HANDLE, "url": f"{CDN}/{HANDLE}"}
    assert places([file, {"name": "tags", "a": 1}, 7]) == {
        "result": TOLD, "tags": {"json": "tags"}, "result-2": {"json": "result-2"}
    }  # fmt: skip
    assert places({"t": {"data": file, "again": [file, HANDLE, f"{CDN}/{HANDLE}"]}}) == {"": TOLD}
    other = f"{CDN}/OtherHandle000000002"
    both = places({"t": {**file, "small": {"url": other}}})
    assert both == {"t": TOLD, "t-2": {"handle": "OtherHandle000000002", "url": other}}
    assert shapes.json_of({"results": [file, {"name": "tags", "a": 1}]}, "tags") is not None


def test_the_photo_itself_is_no_result() -> None:
    wanted = shapes.Wanted(sources=[HANDLE])
    outcome = shapes.outputs_of({"t": {"from": f"{CDN}/{HANDLE}", "size": 3}}, wanted)
    assert [json.loads(output.locator) for output in outcome.outputs] == [{"json": "t"}]


def test_task_names_of_the_service_are_only_names() -> None:
    names = ["../x", "..-x", "", "a\nb", "A-B", "x" * 300, "\ud800", "status"]
    outcome = shapes.outputs_of(dict.fromkeys(names, 1), shapes.Wanted(["tags"]))
    outputs, odd = outcome.outputs, outcome.odd
    tasks = [output.task for output in outputs]
    assert tasks == ["x", "x-2", "result", "a-b", "A-B-2", "x" * 60, "result-2", "status", "status-2"]
    assert odd == "finished with gaps: no result of tags"
    for output in outputs:
        content = shapes.json_of({"results": dict.fromkeys(names, 1)}, json.loads(output.locator)["json"])
        assert content is not None
        assert json.loads(content)


async def test_our_security_goes_to_no_host_but_that_of_the_settings(desk: Desk) -> None:
    async with Filestack(settings(), desk.deps) as provider:
        for place, found in (
            ({"url": "https://elsewhere.example/{security}"}, ["https://elsewhere.example/%7Bsecurity}"]),
            ({"url": "http://elsewhere.example/a"}, ["http://elsewhere.example/a"]),
            ({"handle": HANDLE, "url": "http://elsewhere.example/a"}, [f"{CDN}/{{security}}/{HANDLE}"]),
            ({"handle": HANDLE}, [f"{CDN}/{{security}}/{HANDLE}"]),
            (TOLD, [f"{CDN}/{HANDLE}", f"{CDN}/{{security}}/{HANDLE}"]),
            ({**TOLD, "url": "https://bucket.example/a.jpg"}, [f"{CDN}/{{security}}/{HANDLE}"]),
            ({**TOLD, "url": f"http{CDN[5:]}/{HANDLE}"}, [f"{CDN}/{HANDLE}", f"{CDN}/{{security}}/{HANDLE}"]),
            ({"wf": "w/j/h"}, [f"{CDN}/Akey/{{security}}/wf://w/j/h", f"{CDN}/Akey/wf://w/j/h?{{security}}"]),
            (
                {"url": f"{CDN}/Akey/resize=width:9/{HANDLE}"},
                [
                    f"{CDN}/Akey/resize=width:9/{HANDLE}",
                    f"{CDN}/Akey/{{security}}/resize=width:9/{HANDLE}",
                    f"{CDN}/Akey/resize=width:9/{HANDLE}?{{security}}",
                ],
            ),
            ({"url": "https://process.filestackapi.com/a/b"}, ["https://process.filestackapi.com/a/b"]),
        ):
            assert list(provider._addresses(place)) == found


@pytest.mark.parametrize("address", ["http://169.254.169.254/", "https://10.0.0.1/a.jpg", "file:///etc/passwd"])
async def test_a_result_at_no_public_address_is_not_fetched_and_not_called_gone(desk: Desk, address: str) -> None:
    async with Filestack(settings(), desk.deps) as provider:
        with files.Part(desk.folder / "p") as part, pytest.raises(Puzzling, match="no public address"):
            await provider.download(Output(json.dumps({"url": address})), JOB, part, ignore)


@pytest.mark.parametrize(
    ("first", "asked"),
    [
        ((200, b"\xff\xd8\xffwhole"), 1),
        ((403, b"policy error"), 2),
        ((404, b"not found"), 2),
        ((500, b"oops"), 2),
        ((200, b"Invalid Application"), 2),
        ((200, b'{"error": "no"}'), 2),
        ((200, b"<html>"), 2),
        ((200, b""), 2),
    ],
)
async def test_a_file_is_fetched_where_it_is_told_to_be_and_then_signed(
    desk: Desk, first: tuple[int, bytes], asked: int
) -> None:
    async def attend(link: Link) -> None:
        while True:
            line = await link.whole()
            await link.say(*((200, b"\xff\xd8\xffwhole") if b"security=" in line else first))

    async with serving(attend) as peer, Filestack(settings(cdn_url=peer.url), desk.deps) as provider:
        for place in ({"handle": HANDLE}, {"wf": "w/j/h"}, {}):
            told = {**place, "url": f"{peer.url}/a/b/{HANDLE}"}
            for times in (asked, 1):  # what gave the first file is asked for the next one at once
                before = len(peer.requests)
                with files.Part(desk.folder / "p") as part:
                    await provider.download(Output(json.dumps(told)), JOB, part, ignore)
                    assert part.finish().media_type == "image/jpeg"
                assert len(peer.requests) - before == times


# --------------------------------------------------------------------------------------- the stand-in by its own rules


def security(secret: str, **policy: object) -> tuple[str, str]:
    encoded = base64.urlsafe_b64encode(json.dumps(policy).encode()).decode()
    return encoded, hmac.new(secret.encode(), encoded.encode(), hashlib.sha256).hexdigest()


async def test_the_stand_in_takes_every_form_the_service_documents(bench: FilestackBench) -> None:
    announced, later = bench.announced, int(time.time()) + 1000
    key, secret, cdn, api = (announced[name] for name in ("api_key", "secret", "cdn_url", "api_url"))
    p, s = security(secret, expiry=later)
    workflow = bench.titles["Tags only"]
    async with httpx.AsyncClient(trust_env=False) as client:
        form = {"fileUpload": ("a.jpg", bench.photo().path.read_bytes(), "image/jpeg")}
        query = {"key": key, "policy": p, "signature": s}
        stored = (await client.post(f"{api}/store/s3", params=query, files=form)).json()
        assert "handle" not in stored
        handle = stored["url"].rpartition("/")[2]
        for path in (
            f"security=p:{p},s:{s}/run_workflow=id:{workflow}",
            f"{key}/run_workflow=id:{workflow}/security=signature:{s},policy:{p}",
        ):
            answer = await client.request(
                "GET", f"{cdn}/{path}/{handle}", content=b"null\n", headers={"Content-Type": "application/json"}
            )
            assert answer.status_code == 200
            assert len(answer.json()["createdAt"]) == len("2031-01-02T03:04:05.678901234Z")
        assert len(bench.simulator.ledger) == 2
        other, other_s = security(secret, expiry=later, handle="another", call="read")
        unpadded = (
            p.rstrip("=") if p.endswith("=") else security(secret, expiry=later, call=["read", "pick"])[0].rstrip("=")
        )
        unpadded_s = hmac.new(secret.encode(), unpadded.encode(), hashlib.sha256).hexdigest()
        expired, expired_s = security(secret, expiry=1577899800)
        for bad, bad_s in ((other, other_s), (unpadded, unpadded_s), (expired, expired_s), (p, "0" * 64)):
            assert (await client.get(f"{cdn}/security=p:{bad},s:{bad_s}/{handle}")).status_code == 403
        assert "proper credentials" in (await client.get(f"{cdn}/{handle}")).text
        assert (await client.get(f"{cdn}/WRONG/security=p:{p},s:{s}/{handle}")).status_code == 401
        assert (
            await client.post(f"{api}/store/S3", params={"policy": p, "signature": s})
        ).text == "Invalid Application"
        assert (await client.get(f"{cdn}/{handle}", params={"policy": p, "signature": s})).status_code == 200
        assert (await client.delete(f"{api}/file/{handle}", params=query)).status_code == 200
        assert (await client.get(f"{cdn}/{handle}", params={"policy": p, "signature": s})).status_code == 404


async def test_the_stand_in_tells_a_webhook_until_it_is_heard(
    bench: FilestackBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(darkroom, "_RETRIES", (1.0,))
    heard: list[bytes] = []

    async def listen(link: Link) -> None:
        heard.append(await link.whole())
        await link.say(500 if len(heard) == 1 else 204)

    async with serving(listen) as peer:
        bench.switch(webhook=peer.url)
        placed = await bench.submit(await bench.order())
        await eventually(lambda: len(heard) == 2)
    head, _, body = heard[1].partition(b"\r\n\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head.decode().split("\r\n"))}
    message = f"{headers['fs-timestamp']}.".encode() + body
    expected = hmac.new(bench.announced["webhook_secret"].encode(), message, hashlib.sha256).hexdigest()
    assert headers["fs-signature"] == expected
    event = json.loads(body)
    assert (event["action"], event["text"]["jobid"]) == ("fs.workflow", placed.execution)


async def test_the_official_sdk_works_with_the_stand_in(bench: FilestackBench, monkeypatch: pytest.MonkeyPatch) -> None:
    sdk = pytest.importorskip("filestack", reason="the SDK is not installed here")
    import requests

    send = requests.adapters.HTTPAdapter.send

    def in_clear(adapter: Any, request: Any, **options: Any) -> Any:
        """It speaks https to fixed hosts: lead it to the stand-in."""
        for host, ours in (
            ("cdn.filestackcontent.com", "cdn"),
            ("www.filestackapi.com/api", "api"),
            ("upload.filestackapi.com", "upload"),
        ):
            request.url = request.url.replace(f"https://{host}", bench.announced[f"{ours}_url"])
        request.url = request.url.replace("https://127.0.0.1", "http://127.0.0.1")
        return send(adapter, request, **options)

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", in_clear)
    signed = sdk.Security({"expiry": int(time.time()) + 1000}, bench.announced["secret"])
    client = sdk.Client(bench.announced["api_key"], security=signed)
    photo = bench.photo(size=12_000_000)
    params = {"workflows": [bench.titles["Cut out"]], "upload_tags": {"run": "7"}}

    def use() -> None:
        for intelligent in (False, True):
            link = client.upload(filepath=str(photo.path), store_params=dict(params), intelligent=intelligent)
            assert link.upload_response["upload_tags"] == {"run": "7"}
            assert link.upload_response["workflows"][bench.titles["Cut out"]]["jobid"]
            assert hashlib.sha256(link.get_content()).hexdigest() == photo.digest
        assert link.metadata(["size", "filename"]) == {"size": 12_000_000, "filename": photo.path.name}
        assert link.tags()["tags"]["auto"]
        assert link.sfw() == {"sfw": True}
        assert link.store(filename="copy.jpg", workflows=[bench.titles["Preview"]]).handle != link.handle
        again = client.upload_url("src://studio/a.jpg")
        again.overwrite(filepath=str(photo.path))
        assert again.metadata(["size"]) == {"size": 12_000_000}
        again.delete()
        with pytest.raises(sdk.exceptions.FilestackHTTPError):
            again.get_content()

    await asyncio.to_thread(use)
    assert len(bench.simulator.ledger) == 3
