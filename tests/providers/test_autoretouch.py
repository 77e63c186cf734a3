"""AutoRetouch: the shared suite, then what only this service has."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import logging
import random
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from pydantic import ValidationError

from artui import files
from artui.credentials import KeyStore, Secret, SignedOut
from artui.providers.base import (
    Absent,
    Blocked,
    Cause,
    Component,
    DevicePrompt,
    ExecutionRef,
    Found,
    Incomplete,
    Output,
    PaidRequest,
    PurchaseQuery,
    Puzzling,
    Rejected,
    State,
    Transient,
    Unknown,
    Uploaded,
    Workflow,
)
from artui.providers.http import Client
from artui.providers.http.device import LoginHost
from artui.providers.http.looks import MOST_FAILURES
from artui.providers.services.autoretouch import lists, wire
from artui.providers.services.autoretouch.provider import AutoRetouch, AutoRetouchSettings
from artui.sim.server import Simulator
from tests.peer import Link, serving
from tests.providers.suite import Bench, Call, Desk, ProviderSuite, allow, ignore, stand_in

HASH = "5f" * 32
WORKFLOW = "11111111-1111-4111-8111-111111111111"
VERSION = "22222222-2222-4222-8222-222222222222"


class AutoRetouchBench(Bench):
    """AutoRetouch at the stand-in."""

    calls: ClassVar[Mapping[str, Call]] = {
        "read": Call("autoretouch.organizations", "GET", ".*/organization"),
        "upload": Call("autoretouch.upload", "POST", ".*/upload"),
        "submit": Call("autoretouch.create", "POST", ".*/execution/create"),
        "look": Call("autoretouch.details", "GET", ".*/execution/[^/]+"),
        "download": Call("autoretouch.download", "GET", ".*/image/.*"),
        "list": Call("autoretouch.list", "GET", ".*/execution"),
        "retry": Call("autoretouch.retry", "POST", ".*/retry"),
        "workflows": Call("autoretouch.workflows", "GET", ".*/workflow"),
        "token": Call("autoretouch.token", "POST", ".*/oauth/token"),
    }
    renews = True
    workflow_name = "Export only"
    provider: AutoRetouch

    def token(self) -> str:
        self.announced = self.simulator.announcement()["autoretouch"]
        return str(self.announced["refresh_token"])

    def open(self, **settings: object) -> AutoRetouch:
        given = {name: self.announced[name] for name in ("api_url", "auth_url", "organization")} | settings
        return AutoRetouch(AutoRetouchSettings.model_validate(given), self.deps)

    async def read(self) -> object:
        return await self.provider.organizations()

    async def secrets(self) -> list[str]:
        access = await self.provider._tokens.get()
        return [self.announced["refresh_token"], access.reveal()]

    async def named(self, name: str) -> str:
        """The id of a workflow of the stand-in."""
        return next(one.id for one in await self.provider.workflows() if one.name == name)


class TestAutoRetouch(ProviderSuite):
    bench_type = AutoRetouchBench


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with stand_in(extra_workflows=120) as simulator:
        yield simulator


@pytest.fixture
async def bench(simulator: Simulator, tmp_path: Path) -> AsyncIterator[AutoRetouchBench]:
    bench = AutoRetouchBench(tmp_path, simulator)
    yield bench
    await bench.provider.close()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


# --------------------------------------------------------------------------------------------- a service that obeys


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as the scripted service read it."""

    method: str
    path: str
    query: dict[str, str]
    body: bytes


Reply = tuple[int, object]
Replies = Mapping[str, Reply | Callable[["Asked"], Reply]]


@dataclass
class Script:
    """AutoRetouch as a test writes it: ``replies`` maps "METHOD path" to an answer, or to what makes one.

    Text and bytes are sent as they are, everything else as JSON.
    """

    url: str
    replies: dict[str, Reply | Callable[[Asked], Reply]]
    asked: list[Asked] = field(default_factory=list)

    def reply(self, asked: Asked) -> Reply:
        self.asked.append(asked)
        reply = self.replies.get(f"{asked.method} {asked.path}", (404, ""))
        return reply(asked) if callable(reply) else reply

    def count(self, path: str) -> int:
        return sum(asked.path == path for asked in self.asked)


async def _attend(link: Link, script: Script) -> None:
    while True:
        head, _, body = (await link.whole()).partition(b"\r\n\r\n")
        method, target, _ = head.split(b"\r\n")[0].decode().split(" ")
        address = urlsplit(target)
        status, said = script.reply(Asked(method, address.path, dict(parse_qsl(address.query)), body))
        content = (
            said if isinstance(said, bytes) else said.encode() if isinstance(said, str) else json.dumps(said).encode()
        )
        await link.say(status, b"" if method == "HEAD" else content)


@asynccontextmanager
async def scripted(replies: Replies) -> AsyncIterator[Script]:
    script = Script("", {"POST /oauth/token": (200, {"access_token": "a.b.c", "expires_in": 86400}), **replies})
    async with serving(lambda link: _attend(link, script)) as peer:
        script.url = peer.url
        yield script


@asynccontextmanager
async def customer(
    desk: Desk, replies: Replies, organization: str = "org"
) -> AsyncIterator[tuple[AutoRetouch, Script]]:
    """A provider that is signed in at a scripted service."""
    async with scripted(replies) as script:
        settings = AutoRetouchSettings(api_url=script.url, auth_url=script.url, organization=organization)
        async with AutoRetouch(settings, desk.deps) as provider:
            yield provider, script


# ---------------------------------------------------------------------------------------------------------- signing in


@dataclass
class Waits:
    """A sleep that only notes how long it would have been."""

    seconds: list[float] = field(default_factory=list)

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        await asyncio.sleep(0)


CODE = {
    "device_code": "the-secret-device-code",
    "user_code": "ABCD-EFGH",
    "verification_uri": "https://auth.example/activate",
    "verification_uri_complete": "https://auth.example/activate?user_code=ABCD-EFGH",
    "expires_in": 900,
    "interval": 5,
}
TOKENS = {"access_token": "a.b.c", "refresh_token": "r-1", "expires_in": 86400, "token_type": "Bearer"}


def oauth(error: str, status: int = 403) -> Reply:
    return status, {"error": error, "error_description": f"said: {error}"}


async def sign_in(answers: list[Reply], code: object = None) -> tuple[Secret, list[float], list[DevicePrompt]]:
    """Sign in at a host that gives these answers, one each time it is asked for tokens."""
    left = list(answers)
    waits, prompts = Waits(), list[DevicePrompt]()
    replies: Replies = {
        "POST /oauth/device/code": (200, CODE if code is None else code),
        "POST /oauth/token": lambda _: left.pop(0) if len(left) > 1 else left[0],
    }
    async with scripted(replies) as script:
        client = Client("Studio", read=5)
        try:
            host = LoginHost(client, script.url, "client", "audience", sleep=waits)
            secret = await host.login(prompts.append)
        finally:
            await client.close()
        assert script.asked[0].body == b"client_id=client&scope=offline_access&audience=audience"
    return secret, waits.seconds, prompts


async def test_a_code_is_shown_and_waited_for() -> None:
    pending = oauth("authorization_pending")
    secret, waits, prompts = await sign_in([pending, pending, (200, TOKENS)])
    assert secret == Secret("r-1")
    assert waits == [5, 5, 5]
    assert prompts == [
        DevicePrompt(
            user_code="ABCD-EFGH",
            url="https://auth.example/activate",
            url_with_code="https://auth.example/activate?user_code=ABCD-EFGH",
            expires_in=900,
        )
    ]


@pytest.mark.parametrize("status", [400, 403, 429, 500])
async def test_slow_down_widens_the_interval_for_good_whatever_its_status(status: int) -> None:
    slow, pending = oauth("slow_down", status), oauth("authorization_pending", status)
    _, waits, _ = await sign_in([pending, slow, pending, slow, pending, (200, TOKENS)])
    assert waits == [5, 5, 10, 10, 15, 15]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ("expired_token", "expired"),
        ("invalid_grant", "expired"),
        ("access_denied", "denied"),
        ("invalid_client", "invalid_client"),
    ],
)
async def test_a_sign_in_that_cannot_succeed_ends(error: str, reason: str) -> None:
    with pytest.raises(Rejected) as caught:
        await sign_in([oauth("authorization_pending"), oauth(error)])
    assert caught.value.reason == reason


async def test_a_bad_line_is_waited_out() -> None:
    gateway = (503, {"status": 503, "error": "Service Unavailable", "path": "/oauth/token"})
    for trouble in [(503, ""), (500, "<html>"), (403, "<html>"), (302, ""), gateway, oauth("something_new")]:
        assert (await sign_in([trouble, oauth("server_error", 500), (200, TOKENS)]))[0] == Secret("r-1")


async def test_a_line_that_breaks_is_waited_out(desk: Desk) -> None:
    tries = []

    def break_first(asked: Asked) -> Reply:
        tries.append(asked)
        if len(tries) < 3:
            raise ConnectionResetError
        return 200, TOKENS

    async with scripted({"POST /oauth/device/code": (200, CODE), "POST /oauth/token": break_first}) as script:
        client = Client("Studio", read=5)
        host = LoginHost(client, script.url, "client", "audience", sleep=Waits())
        assert await host.login(lambda prompt: None) == Secret("r-1")
        await client.close()


async def test_a_code_that_nobody_confirms_runs_out() -> None:
    with pytest.raises(Rejected) as caught:
        await sign_in([oauth("authorization_pending")], CODE | {"expires_in": 60})
    assert caught.value.reason == "expired"
    with pytest.raises(Rejected):
        await sign_in([oauth("authorization_pending")], CODE | {"expires_in": 3, "interval": 0.01})


async def test_a_sign_in_that_does_not_last_is_refused() -> None:
    with pytest.raises(Rejected) as caught:
        await sign_in([(200, {"access_token": "a", "expires_in": 60})])
    assert caught.value.reason == "no refresh token"


@pytest.mark.parametrize(
    "change",
    [
        {"verification_uri": "http://evil.example/"},
        {"verification_uri": "javascript:alert(1)"},
        {"verification_uri_complete": "file:///etc/passwd"},
        {"verification_uri": "https://a.example/\x1b]8;;"},
        {"verification_uri": "https://["},
        {"interval": 0},
        {"interval": -1},
        {"interval": 1e9},
        {"expires_in": "soon"},
        {"user_code": "x" * 1_000},
        {"device_code": ""},
    ],
)
async def test_a_code_that_leads_astray_is_not_shown(change: dict[str, object]) -> None:
    with pytest.raises(Transient):
        await sign_in([(200, TOKENS)], CODE | change)


async def test_signing_in_can_be_given_up_at_any_moment() -> None:
    for moment in range(12):
        task = asyncio.create_task(sign_in([oauth("authorization_pending")], CODE | {"expires_in": 1e6}))
        for _ in range(moment * 5):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


@pytest.mark.parametrize(("button", "is_confirmed"), [("confirm", True), ("deny", False)])
async def test_signing_in_at_the_stand_in(bench: AutoRetouchBench, button: str, is_confirmed: bool) -> None:
    decided = []

    def decide(prompt: DevicePrompt) -> None:
        decided.append(httpx.post(prompt.url, data={"user_code": prompt.user_code, button: "1"}))

    signing = bench.provider.login(decide)
    if not is_confirmed:
        with pytest.raises(Rejected) as caught:
            await signing
        assert caught.value.reason == "denied"
        return
    bench.vault.keep("studio", await signing, KeyStore.MEMORY)
    async with bench.open() as another:
        assert await another.balance() == 5000


# ------------------------------------------------------------------------------------------------ staying signed in


async def test_many_requests_share_one_refresh(bench: AutoRetouchBench) -> None:
    await asyncio.gather(*(bench.read() for _ in range(20)))
    assert len(bench.seen("token")) == 1
    bench.simulator.switch({"token_lifetime": 0.0})
    with pytest.raises(Blocked):
        await asyncio.gather(*(bench.read() for _ in range(20)))


async def test_a_token_that_ran_out_is_renewed_once_for_all_and_the_renewed_one_is_kept(
    bench: AutoRetouchBench,
) -> None:
    bench.simulator.switch({"rotate_refresh_tokens": True})
    await bench.read()
    bench.go_wrong("read", "status:401", times=10)
    await asyncio.gather(*(bench.read() for _ in range(10)))
    assert len(bench.seen("token")) == 2
    kept = bench.vault.find("studio")
    assert kept is not None
    assert kept.secret != Secret(bench.announced["refresh_token"])
    async with bench.open() as another:
        assert await another.balance() == 5000


async def test_a_revoked_sign_in_blocks_and_is_not_tried_again(bench: AutoRetouchBench) -> None:
    await bench.provider.revoke(Secret(bench.announced["refresh_token"]))
    await bench.provider.revoke(Secret(bench.announced["refresh_token"]))
    for _ in range(3):
        with pytest.raises(Blocked, match="sign in again") as caught:
            await bench.read()
        assert caught.value.cause is Cause.LOGIN
    assert len(bench.seen("token")) == 1


@pytest.mark.parametrize("do", ["status:500", "status:429", "html", "truncate", "drop_before"])
async def test_a_login_host_in_trouble_signs_nobody_out(bench: AutoRetouchBench, do: str) -> None:
    bench.go_wrong("token", do, times=-1)
    with pytest.raises(Transient):
        await bench.read()
    bench.simulator.faults.clear()
    assert await bench.read()


@pytest.mark.parametrize("status", [403, 429, 500, 503])
@pytest.mark.parametrize("word", ["Service Unavailable", "Forbidden", "slow", "something_new", ""])
async def test_only_words_of_oauth_sign_anybody_out(status: int, word: str) -> None:
    said = {"timestamp": "2026-01-01T00:00:00Z", "status": status, "error": word, "message": "", "path": "/oauth/token"}
    left = [(status, said), oauth("invalid_grant", status)]
    async with scripted({"POST /oauth/token": lambda _: left.pop(0)}) as script:
        client = Client("Studio", read=5)
        try:
            host = LoginHost(client, script.url, "client", "audience")
            with pytest.raises(Transient):
                await host.refresh(Secret("r-1"))
            with pytest.raises(SignedOut):
                await host.refresh(Secret("r-1"))
        finally:
            await client.close()


async def test_nobody_signed_in_is_blocked(bench: AutoRetouchBench) -> None:
    bench.vault.forget("studio")
    with pytest.raises(Blocked, match="artui login studio") as caught:
        await bench.read()
    assert caught.value.cause is Cause.LOGIN


# --------------------------------------------------------------------------------------------------------- who pays


def _jwt(**claims: object) -> str:
    return "h." + base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=") + ".s"


ORGANIZATIONS = [
    {"id": "org-1", "name": "Acme", "members": [{"id": "auth0|me", "roles": ["operator", "admin"]}, {"id": "x"}]},
    {"id": "org-2", "name": "North", "members": []},
]


@pytest.mark.parametrize(
    ("set_to", "selected", "there", "chosen"),
    [
        ("", None, 1, "org-1"),
        ("", "org-9", 1, "org-1"),
        ("", "org-2", 2, "org-2"),
        ("org-2", "org-1", 2, "org-2"),
        ("", None, 2, None),
        ("", "org-9", 2, None),
        ("org-9", "org-1", 2, None),
        ("", None, 0, None),
    ],
)
async def test_who_pays_is_set_selected_the_only_one_or_asked_for(
    desk: Desk, set_to: str, selected: str | None, there: int, chosen: str | None
) -> None:
    token = _jwt(sub="auth0|me", **({wire.SELECTED: selected} if selected else {}))
    replies: Replies = {
        "POST /oauth/token": (200, {"access_token": token, "expires_in": 86400}),
        "GET /v1/organization": (200, {"entries": ORGANIZATIONS[:there], "total": there}),
        "GET /v1/organization/balance": lambda asked: (
            (200, "7") if asked.query["organization"] == chosen else (400, "")
        ),
    }
    async with customer(desk, replies, set_to) as (provider, _):
        if chosen is None:
            with pytest.raises(Rejected, match="set organization to one of") as caught:
                await provider.identify()
            assert caught.value.reason == "organization"
            assert all(f"org-{n + 1}" in str(caught.value) for n in range(there))
            return
        identity = await provider.identify()
        assert identity.organization.id == chosen
        assert identity.organization.role == ("admin, operator" if chosen == "org-1" else "")
        assert identity.payer == f"autoretouch {provider.endpoint} {chosen}"
        assert await provider.balance() == 7


async def test_who_pays_is_found_out_before_the_first_request_that_needs_it(bench: AutoRetouchBench) -> None:
    async with bench.open(organization="") as provider:
        with pytest.raises(Rejected, match="not known yet who pays"):
            provider.draft(await _order(bench))
        assert await provider.balance() == 5000
        assert f'"organization":"{bench.announced["organization"]}"' in provider.draft(await _order(bench))


async def _order(desk: Desk) -> PaidRequest:
    return PaidRequest("key-0001", WORKFLOW, VERSION, desk.photo(), Uploaded(HASH))


@pytest.mark.parametrize("token", ["", "a", "a.b.c", "a.!!.c", "a.bnVsbA.c", "." + "A" * 3 + ".", "é.é.é"])
def test_a_token_that_says_nothing_says_nothing(token: str) -> None:
    assert wire.claims(token) == {}


async def test_organizations_are_offered_for_choice(bench: AutoRetouchBench) -> None:
    assert [one.name for one in await bench.provider.organizations()] == ["Acme Footwear", "Studio North"]
    assert "@" in bench.provider.signed_in_as  # told with them, and not asked for again


# ---------------------------------------------------------------------------------------------------------- settings


def test_addresses_are_spelled_one_way_and_never_in_clear() -> None:
    settings = AutoRetouchSettings(api_url="https://API.autoretouch.com/")
    assert settings.api_url == AutoRetouchSettings().api_url == "https://api.autoretouch.com"
    assert settings.settle == 90
    for wrong in ({"api_url": "http://api.autoretouch.com"}, {"auth_url": "ftp://x"}, {"organisation": "x"}):
        with pytest.raises(ValidationError):
            AutoRetouchSettings.model_validate(wrong)


async def test_the_draft_pins_the_version_and_carries_labels_and_webhooks(bench: AutoRetouchBench) -> None:
    async with bench.open(webhooks=["https://hooks.example/x?y=z"], organization="org") as provider:
        order = replace(await _order(bench), labels={"sku": "A-7", "artui_job": "not this"})
        draft = json.loads(provider.draft(order))
    assert draft == {
        "path": "/v1/workflow/execution/create",
        "query": {"workflow": WORKFLOW, "version": VERSION, "organization": "org"},
        "body": {
            "image": {"name": "shirt 7.jpg", "contentHash": HASH, "contentType": "image/jpeg"},
            "labels": {"sku": "A-7", "artui_job": "key-0001"},
            "webhooks": ["https://hooks.example/x?y=z"],
        },
    }


# ------------------------------------------------------------------------------------------------------ what there is


async def test_every_page_of_the_workflows_is_read(bench: AutoRetouchBench) -> None:
    workflows = await bench.provider.workflows()
    assert len(workflows) == len({one.id for one in workflows}) == 131
    assert len(bench.seen("workflows")) == 3
    alone = await bench.provider.workflow(workflows[0].id)
    assert any(component.settings for component in alone.components)


@pytest.mark.parametrize("total", [0, 3, 1_000])
async def test_a_list_that_lies_about_its_length_ends(desk: Desk, total: int) -> None:
    entries = [{"id": f"workflow-{n}", "version": "v", "executionPrice": 1} for n in range(3)]
    async with customer(desk, {"GET /v1/workflow": (200, {"entries": entries, "total": total})}) as (provider, script):
        assert len(await provider.workflows()) == 3
        assert script.count("/v1/workflow") <= 400
    with_end = {
        "GET /v1/workflow": lambda asked: (
            200,
            {"entries": entries if asked.query["offset"] == "0" else [], "total": 99},
        )
    }
    async with customer(desk, with_end) as (provider, script):
        assert len(await provider.workflows()) == 3
        assert script.count("/v1/workflow") == 2


async def test_a_list_that_is_cut_or_cannot_be_read_whole_is_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "MOST_PAGES", 2)
    entries = [{"id": f"one-{n}", "version": "v", "name": "One", "executionPrice": 1} for n in range(130)]
    entries[3]["id"] = "../x"
    short: list[str] = []
    cut = {"GET /v1/workflow": lambda asked: paged(entries)(asked)}
    async with customer(desk, cut) as (provider, _):
        provider.on_short = short.append
        assert len(await provider.workflows()) == 99
    assert short == [
        "AutoRetouch: reading the workflows: only the first 100 of 130 workflows were read.",
        'AutoRetouch: reading the workflows: 1 of 100 workflows could not be read: `id` "../x".',
    ]
    short.clear()
    async with customer(desk, {"GET /v1/organization": lambda asked: paged(entries)(asked)}) as (provider, _):
        provider.on_short = short.append
        assert len(await provider.organizations()) == 99
    assert "reading the organizations: only the first 100 of 130 organizations" in short[0]


@pytest.mark.parametrize(
    ("workflow", "why"),
    [
        ({"id": "a/../b"}, '`id` "a/../b"'),
        ({"id": None}, "`id` null"),
        ({"id": ["a"]}, '`id` ["a"]'),
        ({"version": None}, "`version` null"),
        ({"version": ""}, '`version` ""'),
        ({"executionPrice": None}, "`executionPrice` null"),
        *(({"executionPrice": odd}, f"`executionPrice` {json.dumps(odd)}") for odd in ("dear", True, [7], {}, -1)),
        *(({"executionPrice": odd}, f"`executionPrice` {odd}") for odd in (10**9 + 1, 2**62, 10**30)),
        ({"executionPrice": float("nan")}, "`executionPrice` NaN"),
        ({"executionPrice": "x" * 70}, f'`executionPrice` "{"x" * 59}…'),
    ],
)
async def test_a_workflow_that_cannot_be_ordered_is_left_out_and_told_by_its_field(
    desk: Desk, workflow: dict[str, object], why: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    odd = {"id": "odd", "version": "v", "name": "Odd", "executionPrice": 5, **workflow}
    good = [{"id": f"good-{n}", "version": "v", "executionPrice": n} for n in range(39)]
    short: list[str] = []
    replies: Replies = {
        "GET /v1/workflow": (200, {"entries": [odd, *good], "total": 40}),
        "GET /v1/workflow/odd": (200, odd),
    }
    async with customer(desk, replies) as (provider, _):
        provider.on_short = short.append
        assert [one.price for one in await provider.workflows()] == list(range(39))
        assert short == [f"AutoRetouch: reading the workflows: 1 of 40 workflows could not be read: {why}."]
        assert [(one.name, one.why) for one in provider.left_out] == [("Odd", why)]
        assert f"cannot be read: {why}. Said was: {{" in caplog.text
        with pytest.raises(Puzzling) as caught:
            await provider.workflow("odd")
        assert str(caught.value).endswith(f"is not what the service documents: {why}")
        assert f"{caught.value}. Said was: {{" in caplog.text


@pytest.mark.parametrize("document", [[], "x", None, 7, {}, {"entries": None}, {"entries": "a"}])
async def test_a_list_of_the_wrong_shape_is_no_list(desk: Desk, document: object) -> None:
    async with customer(desk, {"GET /v1/workflow": (200, document)}) as (provider, _):
        with pytest.raises(Puzzling, match=r"not what the service documents: (it is|`entries`)"):
            await provider.workflows()


LEAN = {"id": "a", "version": "v", "executionPrice": 12}
STEP = {"type": "export", "label": "out", "settings": {"targetFormat": "PNG"}}


@pytest.mark.parametrize(
    ("more", "read"),
    [
        ({}, {}),
        ({"name": None, "author": None, "date": None, "workflowComponents": None, "new": {"x": 1}}, {}),
        ({"executionPrice": 10.5}, {"price": 11}),
        ({"executionPrice": "12"}, {"price": 12}),
        ({"executionPrice": 0}, {"price": 0}),
        ({"executionPrice": 10**9}, {"price": 10**9}),
        ({"version": 7}, {"version": "7"}),
        ({"id": 8}, {"id": "8"}),
        ({"name": 7}, {"name": "7"}),
        ({"author": "auth0|me"}, {"author": ""}),
        ({"author": {"firstName": ["A"], "lastName": "B"}}, {"author": "B"}),
        ({"workflowComponents": {"a": 1}}, {}),
        ({"workflowComponents": [STEP | {"settings": []}, "x", None]}, {"components": (Component("export", "out"),)}),
        ({"date": 1707383341960}, {"changed_at": "2024-02-08T09:09:01.960000Z"}),
        ({"date": 1707383341}, {"changed_at": "2024-02-08T09:09:01.000000Z"}),
        ({"date": [2024, 2, 8, 9, 9]}, {"changed_at": "2024-02-08T09:09:00.000000Z"}),
        ({"date": "2024-02-08 10:09:01.96+01:00"}, {"changed_at": "2024-02-08T09:09:01.960000Z"}),
        ({"date": "lately"}, {}),
    ],
)
async def test_what_decides_nothing_of_a_workflow_may_be_anything(
    desk: Desk, more: dict[str, object], read: dict[str, object]
) -> None:
    expected = {"id": "a", "version": "v", "name": "", "price": 12, "components": (), "changed_at": "", "author": ""}
    workflow = LEAN | more
    replies = {"GET /v1/workflow": (200, {"entries": [workflow], "total": 1}), "GET /v1/workflow/a": (200, workflow)}
    async with customer(desk, replies) as (provider, _):
        provider.on_short = pytest.fail
        for found in (*await provider.workflows(), await provider.workflow("a")):
            assert found == Workflow(**{**expected, **read})


@pytest.mark.parametrize("total", [{}, {"total": None}, {"total": "many"}, {"total": -1}, {"total": "120"}])
@pytest.mark.parametrize("most", [50, 20], ids=["limit kept", "fewer a page"])
async def test_a_list_without_a_total_is_read_to_the_page_that_shows_nothing_new(
    desk: Desk, total: dict[str, object], most: int
) -> None:
    listed = [{**LEAN, "id": f"one-{n}"} for n in range(120)]

    def page(asked: Asked) -> Reply:
        offset = int(asked.query["offset"])
        return 200, b"\xef\xbb\xbf" + json.dumps({"entries": listed[offset : offset + most], **total}).encode()

    async with customer(desk, {"GET /v1/workflow": page, "GET /v1/organization": page}) as (provider, _):
        assert len(await provider.workflows()) == 120
        assert len(await provider.organizations()) == 120
    always = {"GET /v1/workflow": (200, {"entries": listed[:50], **total})}
    async with customer(desk, always) as (provider, script):
        assert len(await provider.workflows()) == 50
        assert script.count("/v1/workflow") <= 3


@pytest.mark.parametrize(
    ("text", "left"),
    [
        *(("4711", 4711), (" -3\n", -3), ('"12"', 12), ("7.9", 7), ("-0.5", -1), ("1e9", 10**9), ("-1e9", -(10**9))),
        *(("4711.0", 4711), ("4711\r\n", 4711), ("\ufeff4711", 4711), ('{"balance": 4711}', 4711)),
        *(('"4711\\r\\n"', 4711), ('{"balance": "-2"}', -2)),
        *(
            (text, None)
            for text in ("", "4,7", "{}", "٣", "1_0", "1e10", "-1000000001", "NaN", "-Infinity", "9" * 5_000)
        ),
        *(
            (text, None)
            for text in ("null", "[4711]", "true", '{"balance": null}', "<html>sign in</html>", "[" * 9_000)
        ),
    ],
)
async def test_the_balance_is_a_number_or_not_known(desk: Desk, text: str, left: int | None) -> None:
    async with customer(desk, {"GET /v1/organization/balance": (200, text)}) as (provider, _):
        assert await provider.balance() == left
        assert provider.balance_unknown.startswith("the service's answer is no balance (") == (left is None)


@pytest.mark.parametrize("status", [302, 400, 403, 404, 418])
async def test_a_balance_that_is_refused_is_not_known_until_it_is_told(desk: Desk, status: int) -> None:
    replies: list[Reply] = [(status, "<html>no</html>"), (200, "7")]
    async with customer(desk, {"GET /v1/organization/balance": lambda _: replies.pop(0)}) as (provider, _):
        assert await provider.balance() is None
        assert provider.balance_unknown == f"the service refuses to tell it ({status})"
        assert (await provider.balance(), provider.balance_unknown) == (7, "")


@pytest.mark.parametrize("status", [408, 429, 500, 503])
async def test_a_balance_that_cannot_be_told_now_is_asked_again(desk: Desk, status: int) -> None:
    async with customer(desk, {"GET /v1/organization/balance": (status, "")}) as (provider, _):
        with pytest.raises(Transient, match="not now"):
            await provider.balance()


async def test_an_entry_that_cannot_be_read_hides_no_other_and_is_counted(
    desk: Desk,
) -> None:
    page = {"entries": [LEAN, {**LEAN, "id": "../b"}, None, 7, [], {"id": "c"}], "total": "6"}
    short: list[str] = []
    async with customer(desk, {"GET /v1/workflow": (200, page)}) as (provider, _):
        provider.on_short = short.append
        assert [workflow.id for workflow in await provider.workflows()] == ["a"]
    why = '`id` "../b"; it is null; it is 7 and 2 more'
    assert short == [f"AutoRetouch: reading the workflows: 5 of 6 workflows could not be read: {why}."]


async def test_a_photo_that_lies_there_already_is_known_by_its_digest(bench: AutoRetouchBench) -> None:
    photo = bench.photo()
    assert await bench.provider.uploaded(photo) is None
    uploaded = await bench.provider.upload(photo, "a.jpg", ignore)
    assert await bench.provider.uploaded(photo) == uploaded == Uploaded(photo.digest)


@pytest.mark.parametrize("status", [302, 400, 401, 403, 404, 405, 410, 418, 429, 500, 503])
async def test_whatever_else_is_said_of_a_photo_means_that_it_is_uploaded(desk: Desk, status: int) -> None:
    async with customer(desk, {"HEAD /upload": (status, "")}) as (provider, script):
        photo = desk.photo()
        assert await provider.uploaded(photo) is None
        assert script.asked[-1].query == {"contentHash": photo.digest, "organization": "org"}


@pytest.mark.parametrize("reference", ["", "<html>", "a\x00b", "x" * 501])
async def test_a_reference_that_is_none_is_not_taken(desk: Desk, reference: str) -> None:
    async with customer(desk, {"POST /upload": (201, reference)}) as (provider, _):
        with pytest.raises(Transient):
            await provider.upload(desk.photo(), "a.jpg", ignore)


async def test_the_services_word_for_a_photo_is_opaque(desk: Desk) -> None:
    async with customer(desk, {"POST /upload": (201, "Zm9v+/==")}) as (provider, script):
        assert await provider.upload(desk.photo(), "a.jpg", ignore) == Uploaded("Zm9v+/==")
        assert script.asked[-1].query == {"organization": "org"}


# ---------------------------------------------------------------------------------------------------- paid requests


def refusal(status: int) -> Reply:
    return status, {"timestamp": "", "status": status, "error": "No", "message": "because", "path": "/"}


CREATE = "POST /v1/workflow/execution/create"
NEW_ID = "33333333-3333-4333-8333-333333333333"


async def submitted(provider: AutoRetouch, desk: Desk) -> str:
    order = await _order(desk)
    return await provider.submit(provider.draft(order), order.photo, allow, ignore)


@pytest.mark.parametrize(
    ("status", "reason"), [(400, "bad request"), (403, "forbidden"), (404, "not found"), (422, "unprocessable")]
)
@pytest.mark.parametrize("form", ["own", "problem", "text"])
async def test_a_refusal_in_the_services_own_form_or_as_a_problem_is_a_refusal(
    desk: Desk, status: int, reason: str, form: str
) -> None:
    problem = {"type": "about:blank", "title": "No", "status": status, "detail": "because"}
    forms = {"own": refusal(status), "problem": (status, problem), "text": (status, problem | {"status": str(status)})}
    async with customer(desk, {CREATE: forms[form]}) as (provider, script):
        with pytest.raises(Rejected, match="because") as caught:
            await submitted(provider, desk)
        assert (caught.value.reason, caught.value.status) == (reason, status)
        assert script.count("/v1/workflow/execution/create") == 1


@pytest.mark.parametrize(
    "reply",
    [
        (400, ""), (404, "<html>"), (422, {"status": 400}), (404, {"message": "no"}), (403, "<html>no</html>"),
        (400, "no"), (400, {"title": "Bad Request", "detail": "no"}), (404, {"status": "not found"}), (404, [404]),
        (401, "<html>sign in</html>"), (402, {"status": 402}), (409, {"status": 409}), (413, {"status": 413}),
        (429, {"status": 429}), (201, ""), (201, "ok"), (201, "<html></html>"), (201, {"id": NEW_ID}),
        (201, "a b c d e f g h i j k l"), (202, NEW_ID), (204, ""), (302, ""), (500, {"status": 500}),
    ],
)  # fmt: skip
async def test_everything_else_leaves_the_order_in_doubt(desk: Desk, reply: Reply) -> None:
    async with customer(desk, {CREATE: reply}) as (provider, script):
        with pytest.raises(Unknown, match=r"shirt 7\.jpg"):
            await submitted(provider, desk)
        assert script.count("/v1/workflow/execution/create") == 1


@pytest.mark.parametrize("status", [200, 201])
@pytest.mark.parametrize("form", ["{}", "{}\n", "{}\r\n", '"{}"', '"{}"\r\n', ' "{}" ', "\ufeff{}"])
async def test_an_id_and_a_hash_are_known_bare_quoted_and_with_line_ends(desk: Desk, form: str, status: int) -> None:
    replies = {CREATE: (status, form.format(NEW_ID)), "POST /upload": (status, form.format(HASH))}
    async with customer(desk, replies) as (provider, _):
        assert await submitted(provider, desk) == NEW_ID
        assert await provider.upload(desk.photo(), "a.jpg", ignore) == Uploaded(HASH)


@pytest.mark.parametrize("body", ["", {"status": 401}])
async def test_a_refused_token_is_renewed_and_nothing_was_bought(desk: Desk, body: object) -> None:
    answers = iter([(401, body), (201, NEW_ID), (401, body), (401, body), (401, body)])
    async with customer(desk, {CREATE: lambda _: next(answers)}) as (provider, script):
        with pytest.raises(Rejected) as caught:
            await submitted(provider, desk)
        assert (caught.value.reason, caught.value.status) == ("token expired", 401)
        assert script.count("/oauth/token") == 2
        assert script.count("/v1/workflow/execution/create") == 1
        assert await submitted(provider, desk) == NEW_ID
        with pytest.raises(Rejected):
            await submitted(provider, desk)
        with pytest.raises(Blocked) as blocked:
            await submitted(provider, desk)
        assert blocked.value.cause is Cause.LOGIN


async def test_a_refused_token_that_cannot_be_renewed_blocks(desk: Desk) -> None:
    tokens = iter([(200, {"access_token": "a.b.c", "expires_in": 86400}), oauth("invalid_grant")])
    replies: Replies = {CREATE: refusal(401), "POST /oauth/token": lambda _: next(tokens)}
    async with customer(desk, replies) as (provider, _):
        with pytest.raises(Blocked):
            await submitted(provider, desk)


async def test_no_token_before_a_paid_request_means_nothing_was_sent(desk: Desk) -> None:
    async def never(payer: str) -> None:
        pytest.fail("there was nothing to permit")

    async with customer(desk, {"POST /oauth/token": (503, ""), CREATE: (201, NEW_ID)}) as (provider, script):
        order = await _order(desk)
        for paid in (
            provider.submit(provider.draft(order), order.photo, never, ignore),
            provider.retry(NEW_ID, never, ignore),
        ):
            with pytest.raises(Transient) as caught:
                await paid
            assert caught.value.reached is False
        assert script.count("/v1/workflow/execution/create") == 0


RETRY = f"POST /v1/workflow/execution/{NEW_ID}/retry"
OTHER_ID = "44444444-4444-4444-8444-444444444444"


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        ((200, ""), NEW_ID), ((202, "accepted-and-restarted"), NEW_ID), ((201, OTHER_ID), OTHER_ID),
        ((200, f'"{OTHER_ID}"'), OTHER_ID), (refusal(400), Rejected), (refusal(404), Rejected), ((401, ""), Rejected),
        ((400, ""), Unknown), ((200, "<html>"), Unknown), ((500, ""), Unknown), ((429, ""), Unknown),
        ((302, ""), Unknown),
    ],
)  # fmt: skip
async def test_a_retry_is_asked_once_and_says_whom_to_follow(
    desk: Desk, reply: Reply, outcome: str | type[Exception]
) -> None:
    async with customer(desk, {RETRY: reply}) as (provider, script):
        if isinstance(outcome, str):
            assert await provider.retry(NEW_ID, allow, ignore) == outcome
        else:
            with pytest.raises(outcome):
                await provider.retry(NEW_ID, allow, ignore)
        retries = [asked for asked in script.asked if asked.path.endswith("/retry")]
        assert [(asked.query, asked.body) for asked in retries] == [({"organization": "org"}, b"")]


async def test_a_failed_execution_runs_again_at_the_stand_in(bench: AutoRetouchBench) -> None:
    workflow = await bench.named("Fails once")
    listed = await bench.provider.workflow(workflow)
    order = replace(await bench.order(), workflow=workflow, version=listed.version)
    placed = await bench.submit(order)
    assert (await bench.finished(placed.sent)).state is State.FAILED
    assert await bench.provider.retry(placed.execution, allow, ignore) == placed.execution
    assert (await bench.finished(placed.sent)).state is State.DONE


# ------------------------------------------------------------------------------------------------------- the statuses


def execution(**more: object) -> dict[str, object]:
    return {
        "id": NEW_ID, "workflow": WORKFLOW, "workflowVersion": VERSION, "workflowName": "", "organizationId": "org",
        "status": "ACTIVE", "userId": "auth0|me", "createdAt": "2026-01-02T03:04:05.678Z", "startedAt": None,
        "finishedAt": None, "inputFileName": "a.jpg", "inputContentHash": HASH, "resultContentHash": None,
        "resultContentType": None, "resultFileName": None, "resultPath": None, "labels": {"artui_job": "key-0001"},
        "chargedCredits": 12, **more,
    }  # fmt: skip


DONE = {
    "status": "COMPLETED",
    "resultContentHash": HASH.upper(),
    "resultFileName": "a b.png",
    "resultPath": "/image/x/y",
}


@pytest.mark.parametrize(
    ("more", "state", "word"),
    [
        ({"status": "CREATED"}, State.RUNNING, "CREATED"),
        ({"status": "ACTIVE"}, State.RUNNING, "ACTIVE"),
        ({"status": "IN_QA"}, State.IN_QA, "IN_QA"),
        ({"status": "PAYMENT_REQUIRED"}, State.UNPAID, "PAYMENT_REQUIRED"),
        ({"status": "FAILED"}, State.FAILED, "FAILED"),
        ({"status": "POLISHING"}, State.RUNNING, "POLISHING"),
        ({"status": "completed"}, State.INCOMPLETE, "completed"),
        (DONE | {"status": "Completed"}, State.DONE, "Completed"),
        ({"status": "COMPLETED"}, State.INCOMPLETE, "COMPLETED"),
        (DONE, State.DONE, "COMPLETED"),
        (DONE | {"status": "IN_QA"}, State.IN_QA, "IN_QA"),
    ],
)
async def test_every_status_has_its_state(desk: Desk, more: dict[str, object], state: State, word: str) -> None:
    async with customer(desk, {f"GET /v1/workflow/execution/{NEW_ID}": (200, execution(**more))}) as (provider, _):
        progress = await provider.poll([ExecutionRef(NEW_ID, WORKFLOW)])
    look = progress[NEW_ID]
    assert (look.state, look.word, look.charged, look.key) == (state, word, 12, "key-0001")
    assert (look.reference, look.workflow, look.version) == (HASH, WORKFLOW, VERSION)
    assert bool(look.outputs) == (state is State.DONE)
    if look.outputs:
        assert look.outputs[0].digest == HASH


@pytest.mark.parametrize(
    "wrong",
    [{"id": OTHER_ID}, {"id": "../x"}, {"status": None}, {"status": 7}, {"status": ""}],
)
async def test_an_execution_of_the_wrong_shape_is_left_out(desk: Desk, wrong: dict[str, object]) -> None:
    replies = {
        f"GET /v1/workflow/execution/{NEW_ID}": (200, execution(**wrong)),
        f"GET /v1/workflow/execution/{OTHER_ID}": (200, execution(id=OTHER_ID, labels=None, chargedCredits=None)),
    }
    async with customer(desk, replies) as (provider, _):
        seen = await provider.poll([ExecutionRef(NEW_ID, WORKFLOW), ExecutionRef(OTHER_ID, WORKFLOW)])
        assert list(seen) == [OTHER_ID]
        assert await provider.poll([ExecutionRef(NEW_ID, WORKFLOW)]) == {}
        [(field, stands)] = wrong.items()
        assert provider.puzzles[NEW_ID].endswith(f"not what the service documents: `{field}` {json.dumps(stands)}")


@pytest.mark.parametrize(
    ("stated", "charged"), [(12.01, 13), ("12", 12), (10**30, None), (-1, None), ("dear", None), ([1], None)]
)
async def test_a_charge_that_cannot_be_is_not_known_and_told(desk: Desk, stated: object, charged: int | None) -> None:
    replies = {f"GET /v1/workflow/execution/{NEW_ID}": (200, execution(chargedCredits=stated, labels=["a"]))}
    async with customer(desk, replies) as (provider, _):
        look = (await provider.poll([ExecutionRef(NEW_ID, WORKFLOW)]))[NEW_ID]
    assert look.charged == charged
    assert ("a charge that cannot be" in look.remark) == (charged is None)


@pytest.mark.parametrize(
    ("more", "shows"),
    [
        ({"chargedCredits": 57.5}, {"charged": 58}),
        ({"labels": ["artui_job"]}, {"key": None}),
        ({"labels": None}, {"key": None}),
        ({"labels": {"artui_job": ["key-0001"]}}, {"key": None}),
        ({"workflowVersion": 7}, {"version": ""}),
        ({"workflow": None}, {"workflow": ""}),
        ({"createdAt": 1707383341960}, {"created_at": "2024-02-08T09:09:01.960000Z"}),
        ({"startedAt": [2024, 2, 8, 9, 9, 1, 960000000]}, {"started_at": "2024-02-08T09:09:01.960000Z"}),
        ({"finishedAt": "later"}, {"finished_at": ""}),
        ({"inputFileName": 7, "resultContentType": ["x"], "userId": {}}, {"name": "7"}),
        ({"status": " completed\n"}, {"word": "completed"}),
    ],
)
async def test_what_decides_nothing_of_an_execution_may_be_anything(
    desk: Desk, more: dict[str, object], shows: dict[str, object]
) -> None:
    document = execution(**{**DONE, **more})
    replies = {
        f"GET /v1/workflow/execution/{NEW_ID}": (200, document),
        LIST: (200, {"entries": [{"id": "odd"}, document, None], "total": 3}),
    }
    async with customer(desk, replies) as (provider, _):
        look = (await provider.poll([ExecutionRef(NEW_ID, WORKFLOW)]))[NEW_ID]
        assert (look.state, bool(look.outputs)) == (State.DONE, True)
        assert {name: getattr(look, name) for name in shows} == shows
        pages = [page async for page in provider.listed(WORKFLOW)]
        assert len(pages[0]) == (0 if "labels" in more and more["labels"] is not None else 1)


async def test_a_human_check_is_followed_to_its_end(bench: AutoRetouchBench) -> None:
    workflow = await bench.provider.workflow(await bench.named("Human check"))
    placed = await bench.submit(replace(await bench.order(), workflow=workflow.id, version=workflow.version))
    states = set()
    async with asyncio.timeout(10):
        while (look := await bench.look(placed.sent)).state is not State.DONE:
            states.add(look.state)
    assert State.IN_QA in states


async def test_without_credits_an_execution_waits_unpaid(bench: AutoRetouchBench) -> None:
    bench.simulator.books.change_credits("autoretouch", owner=None, set_to=0)
    placed = await bench.submit(await bench.order())
    assert (await bench.finished(placed.sent)).state is State.UNPAID
    assert bench.simulator.ledger == []


# ----------------------------------------------------------------------------------------------------- many at a time


async def test_many_are_looked_at_by_the_list_and_the_rest_one_by_one(bench: AutoRetouchBench) -> None:
    order = await bench.order()
    placed = [await bench.submit(replace(order, key=f"key-{n}")) for n in range(60)]
    seen = await bench.provider.poll([one.sent for one in placed])
    assert seen.keys() == {one.execution for one in placed}
    assert {look.key for look in seen.values()} == {f"key-{n}" for n in range(60)}
    assert (len(bench.seen("list")), len(bench.seen("look"))) == (2, 0)
    assert len(await bench.provider.poll([one.sent for one in placed[:2]])) == 2
    assert (len(bench.seen("list")), len(bench.seen("look"))) == (2, 2)


async def test_a_page_is_read_where_the_oldest_stand_whatever_others_ordered_since(desk: Desk) -> None:
    listed = entries(400, status="ACTIVE")
    old = [ExecutionRef(str(one["id"]), WORKFLOW) for one in listed[-60:]]
    replies: Replies = {LIST: lambda asked: paged(listed)(asked)}
    async with customer(desk, replies) as (provider, script):
        for since, due, pages in ((0, old, 8), (20, old[40:], 1), (300, old[:20], 7), (0, old, 2)):
            listed[:0] = [execution(id=f"execution-{len(listed)}-{n}") for n in range(since)]
            script.asked.clear()
            assert (await provider.poll(due)).keys() == {one.execution for one in due}
            assert {asked.path for asked in script.asked} - {"/oauth/token"} == {LIST.removeprefix("GET ")}
            assert script.count(LIST.removeprefix("GET ")) == pages


@pytest.mark.parametrize(("status", "most"), [(429, 4), (500, MOST_FAILURES + 4)])
async def test_a_service_in_trouble_is_not_asked_about_every_execution(
    bench: AutoRetouchBench, status: int, most: int
) -> None:
    trouble = [
        {"route": f"autoretouch.{route}", "do": f"status:{status}:3", "times": -1} for route in ("list", "details")
    ]
    bench.simulator.faults.add(trouble if status == 429 else [one | {"do": f"status:{status}"} for one in trouble])
    with pytest.raises(Transient):
        await bench.provider.poll([ExecutionRef(f"execution-{n}", WORKFLOW) for n in range(200)])
    assert len(bench.seen("list")) + len(bench.seen("look")) <= most


async def test_a_list_that_cannot_be_read_is_no_reason_to_look_at_nothing(bench: AutoRetouchBench) -> None:
    order = await bench.order()
    placed = [await bench.submit(replace(order, key=f"key-{n}")) for n in range(4)]
    for do in ("status:500", "html", "status:403"):
        bench.simulator.faults.clear()
        bench.go_wrong("list", do, times=-1)
        assert len(await bench.provider.poll([one.sent for one in placed])) == 4


# -------------------------------------------------------------------------------------------------------- finding


NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)


def entries(count: int, *, minutes: float = 1, **more: object) -> list[dict[str, object]]:
    """A list of executions, newest first, so many minutes apart."""
    times = [(NOW - timedelta(minutes=minutes * n)).isoformat() for n in range(count)]
    common = {"labels": {}, "inputContentHash": "another photo"} | more
    return [execution(id=f"execution-{n:05}", createdAt=time, **common) for n, time in enumerate(times)]


def paged(listed: list[dict[str, object]], most: int = 50) -> Callable[[Asked], Reply]:
    def page(asked: Asked) -> Reply:
        offset, limit = int(asked.query["offset"]), min(int(asked.query["limit"]), most)
        return 200, {"entries": listed[offset : offset + limit], "total": len(listed)}

    return page


LIST = "GET /v1/workflow/execution"


def sought(key: str = "key-0001", *, mark: datetime | None = None, reference: str = HASH) -> PurchaseQuery:
    stated = "" if mark is None else mark.isoformat()
    return PurchaseQuery(key, frozenset({key, f"{key}-again"}), WORKFLOW, VERSION, reference, stated)


async def find(desk: Desk, reply: Callable[[Asked], Reply], *wanted: PurchaseQuery) -> tuple[list[Any], Script]:
    async with customer(desk, {LIST: reply}) as (provider, script):
        looks = await provider.find(wanted)
        return [looks[one.key] for one in wanted], script


@pytest.mark.parametrize(("place", "most"), [(0, 50), (49, 50), (50, 50), (219, 50), (219, 7), (100, 6)])
async def test_an_order_is_found_wherever_it_stands_in_the_list(desk: Desk, place: int, most: int) -> None:
    listed = entries(220)
    listed[place]["labels"] = {"artui_job": "key-0001-again"}
    (found, absent), script = await find(desk, paged(listed, most), sought(), sought("key-0002"))
    assert isinstance(found, Found)
    assert [look.execution for look in found.executions] == [listed[place]["id"]]
    assert absent == Absent(
        (), dict.fromkeys((entry["id"] for entry in listed), "") | {listed[place]["id"]: "key-0001-again"}
    )
    assert all(asked.query["workflow"] == WORKFLOW for asked in script.asked if asked.path.endswith("/execution"))


async def test_several_are_all_named_earliest_first(desk: Desk) -> None:
    listed = entries(120)
    for place in (3, 40, 20):
        listed[place]["labels"] = {"artui_job": "key-0001"}
    (found,), _ = await find(desk, paged(listed), sought())
    assert isinstance(found, Found)
    assert [look.execution for look in found.executions] == ["execution-00040", "execution-00020", "execution-00003"]


def moving(listed: list[dict[str, object]], *, top: int = 0, total: int = 0) -> Callable[[Asked], Reply]:
    """A list to which others add ``top`` entries at each reading, and whose total grows by ``total`` more."""
    readings = itertools.count()

    def page(asked: Asked) -> Reply:
        number = next(readings)
        listed[:0] = [entry | {"id": f"new-{number}-{n}"} for n, entry in enumerate(entries(top))]
        status, shown = paged(listed)(asked)
        assert isinstance(shown, dict)
        return status, shown | {"total": len(listed) + number * total}

    return page


@pytest.mark.parametrize(("top", "total"), [(0, 1), (1, 0), (60, 0), (3, 5)])
async def test_what_is_found_ends_the_look_up_at_once_whatever_else_moves(desk: Desk, top: int, total: int) -> None:
    listed = entries(300)
    listed[0]["labels"] = {"artui_job": "key-0001"}
    listed[2]["labels"] = {"artui_job": "key-0002"}
    (first, second), script = await find(
        desk, moving(listed, top=min(top, 40), total=total), sought(), sought("key-0002")
    )
    assert isinstance(first, Found)
    assert isinstance(second, Found)
    assert script.count("/v1/workflow/execution") == 1


async def test_what_one_reading_found_is_found_though_the_reading_breaks_off(desk: Desk) -> None:
    listed = entries(300)
    listed[7]["labels"] = {"artui_job": "key-0001"}

    def breaking(asked: Asked) -> Reply:
        return paged(listed)(asked) if asked.query["offset"] == "0" else (503, "")

    (found, other), _ = await find(desk, breaking, sought(), sought("key-0002"))
    assert isinstance(found, Found)
    assert isinstance(other, Incomplete)
    assert other.answered == 1


@pytest.mark.parametrize("top", [1, 7, 30])
async def test_what_comes_in_above_spoils_no_proof_of_absence(desk: Desk, top: int) -> None:
    listed = entries(300)
    (absent,), script = await find(desk, moving(listed, top=top), sought(mark=NOW - timedelta(minutes=100)))
    assert isinstance(absent, Absent)
    assert script.count("/v1/workflow/execution") < 300


async def test_an_order_that_moves_up_while_the_list_is_read_is_found(desk: Desk) -> None:
    """A list that is sorted by what changed last: what was further down stands at the top when it is read again."""
    listed = entries(200)
    listed[120]["labels"] = {"artui_job": "key-0001"}

    def sorted_anew(asked: Asked) -> Reply:
        if asked.query["offset"] == "45":
            listed.insert(0, listed.pop(120))
        return paged(listed)(asked)

    (found,), _ = await find(desk, sorted_anew, sought())
    assert isinstance(found, Found)


async def test_a_list_too_long_to_be_searched_is_left_with_what_was_read(desk: Desk) -> None:
    (look,), script = await find(desk, paged(entries(20_000)), sought())
    assert isinstance(look, Incomplete)
    assert script.count("/v1/workflow/execution") == look.answered <= 112
    assert "5,000" in look.message


@pytest.mark.parametrize("reply", [(200, {"entries": 7}), (404, {"status": 404}), (403, {"status": 403})])
async def test_an_answer_that_is_no_list_counts_as_answered(desk: Desk, reply: Reply) -> None:
    (look,), _ = await find(desk, lambda _: reply, sought())
    assert isinstance(look, Incomplete)
    assert look.answered == 1
    (silent,), _ = await find(desk, lambda _: (503, ""), sought())
    assert isinstance(silent, Incomplete)
    assert silent.answered == 0


@pytest.mark.parametrize(
    ("odd", "spoils"),
    [
        ({"status": 7}, False),
        ({"status": None}, False),
        ({"id": None, "labels": {"sku": "4711"}}, False),
        ({"id": "../x", "labels": None}, False),
        ({"id": None, "labels": None}, True),
        ({"id": None}, True),
        ({"status": 7, "labels": {"artui_job": "key-0001"}}, True),
        ({"status": 7, "webhooks": [{"deep": ["KEY-0001-again"]}]}, True),
        ({"status": 7, "inputContentHash": HASH.upper()}, True),
        ({"status": 7, "inputContentHash": HASH, "labels": {"artui_job": "somebody's"}}, False),
        ({"labels": ["artui_job=key-0001"]}, True),
        ({"labels": {"artui_job": ["key-0001"]}}, True),
        ({"labels": "artui_job=somebody's"}, False),
        ({"id": "x", "labels": {}, "text": "says nothing", "webhooks": "KEY-0001", "status": None}, True),
        (7, True),
        (None, True),
        ("execution", True),
    ],
)
async def test_an_entry_that_cannot_be_read_spoils_only_what_it_may_be(desk: Desk, odd: object, spoils: bool) -> None:
    listed: list[Any] = entries(200)
    listed[60] = listed[60] | odd if isinstance(odd, dict) else odd
    listed[130]["labels"] = {"artui_job": "key-0002"}
    (look, found), _ = await find(desk, paged(listed), sought(), sought("key-0002"))
    assert isinstance(look, Incomplete if spoils else Absent), look
    assert isinstance(found, Found)


async def test_places_and_looks_bear_an_entry_that_cannot_be_read(desk: Desk) -> None:
    listed: list[Any] = entries(60, status="ACTIVE")
    listed[0], listed[30] = None, listed[30] | {"status": 7}
    async with customer(desk, {LIST: paged(listed)}) as (provider, script):
        due = [ExecutionRef(str(one["id"]), WORKFLOW) for one in listed if one and one["status"] != 7]
        assert len(await provider.poll(due)) == 58
        assert script.count("/v1/workflow/execution") == 2
        shown = [entry async for page in provider.listed(WORKFLOW) for entry in page]
        assert len(shown) == 58


@pytest.mark.parametrize(
    ("mark", "pages"),
    [(NOW - timedelta(minutes=10), 3), (NOW - timedelta(minutes=200), 7), (None, 11), (NOW - timedelta(days=9), 11)],
)
async def test_the_list_is_read_back_to_an_hour_before_the_mark(desk: Desk, mark: datetime | None, pages: int) -> None:
    (absent,), script = await find(desk, paged(entries(500)), sought(mark=mark))
    assert isinstance(absent, Absent)
    assert script.count("/v1/workflow/execution") == pages


async def test_a_purchase_without_a_mark_is_sought_to_the_end(desk: Desk) -> None:
    listed = entries(200)
    listed[199]["labels"] = {"artui_job": "key-0002"}
    (absent, found), _ = await find(desk, paged(listed), sought(mark=NOW), sought("key-0002"))
    assert isinstance(absent, Absent)
    assert isinstance(found, Found)


async def test_a_list_in_no_order_or_without_times_is_read_to_its_end(desk: Desk) -> None:
    mark = NOW - timedelta(minutes=10)
    shuffled = entries(200)
    random.Random(1).shuffle(shuffled)
    timeless = [one | {"createdAt": "yesterday"} for one in entries(200)]
    oldest_first = entries(200)[::-1]
    for listed in (shuffled, timeless, oldest_first):
        listed[199] |= {"labels": {"artui_job": "key-0001"}}
        (found,), _ = await find(desk, paged(listed), sought(mark=mark))
        assert isinstance(found, Found)


async def test_a_list_that_moves_or_ends_early_proves_nothing(desk: Desk) -> None:
    listed = entries(200)

    def shrinking(asked: Asked) -> Reply:
        return paged(listed if asked.query["offset"] == "0" else listed[6:])(asked)

    def jumping(asked: Asked) -> Reply:
        return paged(listed)(replace(asked, query=asked.query | {"offset": str(int(asked.query["offset"]) * 2)}))

    def stuck(asked: Asked) -> Reply:
        return paged(listed)(replace(asked, query=asked.query | {"offset": "0"}))

    def ending(asked: Asked) -> Reply:
        return 200, {"entries": listed[:50] if asked.query["offset"] == "0" else [], "total": 200}

    def empty(_asked: Asked) -> Reply:
        return 200, {"entries": [], "total": 200}

    for reply in (shrinking, jumping, stuck, ending, empty):
        (look,), script = await find(desk, reply, sought(mark=NOW - timedelta(minutes=100)))
        assert isinstance(look, Incomplete), reply.__name__
        assert script.count("/v1/workflow/execution") < 5, reply.__name__


async def test_a_twin_without_its_label_is_shown_where_it_could_be_ours(desk: Desk) -> None:
    listed = entries(10)
    mark = NOW - timedelta(minutes=5)
    for place in (0, 1, 2, 3, 5, 7):
        listed[place] |= {"inputContentHash": HASH}
    listed[1] |= {"labels": {"artui_job": "somebody"}}
    listed[2] |= {"workflowVersion": "older"}
    listed[3] |= {"labels": {"sku": "1"}}
    (absent,), _ = await find(desk, paged(listed), sought(mark=mark, reference=HASH.upper()))
    assert isinstance(absent, Absent)
    assert absent.lookalikes == ("execution-00003", "execution-00001", "execution-00000")
    assert {key for key in absent.labels.values() if key} == {"somebody"}
    (absent,), _ = await find(desk, paged(listed), sought(reference=HASH))
    assert isinstance(absent, Absent)
    assert set(absent.lookalikes) == {f"execution-{n:05}" for n in (0, 1, 3, 5, 7)}


async def test_labels_that_the_service_drops_leave_a_lookalike(bench: AutoRetouchBench) -> None:
    bench.simulator.switch({"labels": "drop"})
    placed = await bench.submit(await bench.order())
    order = placed.order
    wanted = PurchaseQuery("key-0001", frozenset({"key-0001"}), order.workflow, order.version, order.uploaded.reference)
    assert await bench.provider.find([wanted]) == {"key-0001": Absent((placed.execution,), {placed.execution: ""})}


# -------------------------------------------------------------------------------------------------------- fetching


def output(**place: str) -> Output:
    return Output(json.dumps({"hash": "", "name": "", "path": "", **place}), digest=HASH)


API = "https://api.example"


@pytest.mark.parametrize(
    ("place", "routes"),
    [
        ({"hash": "h", "name": "a.png", "path": "/image/h/a.png"}, ["/v1/image/h/a.png", "/image/h/a.png"]),
        *(
            ({"path": path}, ["/v1/image/h/a%20b.png", "/image/h/a%20b.png"])
            for path in ("/image/h/a b.png", "image/h/a b.png", "/v1/image/h/a b.png", "v1/image/h/a b.png",
                         "http://api.example/v1/image/h/a b.png",
                         "https://API.example:443/image/h/a b.png",
                         f"{API}/image/h/a b.png", f"{API}/v1/image/h/a b.png")
        ),
        ({"path": "/image/h/a%20b.png"}, ["/v1/image/h/a%2520b.png", "/image/h/a%2520b.png", "/v1/image/h/a%20b.png",
                                          "/image/h/a%20b.png"]),
        ({"path": "/image/h/a.png?s=1&t=a+b"},
         ["/v1/image/h/a.png?s=1&t=a+b", "/image/h/a.png?s=1&t=a+b", "/v1/image/h/a.png%3Fs%3D1%26t%3Da%2Bb",
          "/image/h/a.png%3Fs%3D1%26t%3Da%2Bb"]),
        ({"path": "/image/../../admin"}, []),
        ({"path": "/image/%2e%2e/admin"}, []),
        ({"path": "/image/x?a=/../b"}, ["/v1/image/x?a=/../b", "/image/x?a=/../b"]),
        ({"path": "//evil.example/x"}, []),
        ({"path": "/admin"}, []),
        ({"path": f"{API}/admin"}, []),
        ({"path": "javascript:alert(1)"}, []),
        ({"path": "https://cdn.example/b c/x.png?sig=a%2Fb"}, ["https://cdn.example/b%20c/x.png?sig=a%2Fb"]),
        ({"path": "https://api.example.evil.example/image/x"}, ["https://api.example.evil.example/image/x"]),
        ({"path": "https://api.example@evil.example/image/x"}, []),
        ({"hash": "h", "name": "../../x"}, ["/v1/image/h/..%2F..%2Fx"]),
        ({"hash": "h", "name": "\ud800\x00?#"}, ["/v1/image/h/%3F%00%3F%23"]),
        ({"hash": "h", "name": "n" * 300}, ["/v1/image/h/" + "n" * 300]),
    ],
)  # fmt: skip
def test_a_result_is_looked_for_where_it_may_lie_and_nowhere_else(place: dict[str, str], routes: list[str]) -> None:
    expected = [one if "://" in one else f"{API}{one}" for one in routes]
    assert wire.routes(output(**place).locator, API) == expected


@pytest.mark.parametrize("status", [404, 400])
async def test_where_hash_and_name_lead_nowhere_the_stated_path_is_tried(desk: Desk, status: int) -> None:
    replies = {"GET /v1/image/h/a%20b.png": (status, ""), "GET /v1/image/other%20way": (200, b"picture")}
    async with customer(desk, replies) as (provider, script):
        with files.Part(desk.folder / "p") as part:
            await provider.download(output(hash="h", name="a b.png", path="/image/other way"), NEW_ID, part, ignore)
            assert part.size == 7
        with files.Part(desk.folder / "p") as part, pytest.raises(Rejected) as caught:
            await provider.download(output(hash="h", name="a b.png", path="/image/none"), NEW_ID, part, ignore)
        assert (caught.value.reason, caught.value.status) == ("not there", 404)
        with files.Part(desk.folder / "p") as part, pytest.raises(Rejected):
            await provider.download(output(path="/elsewhere"), NEW_ID, part, ignore)
        assert all(asked.query == {"organization": "org"} for asked in script.asked if "image" in asked.path)


async def test_a_result_that_may_not_be_fetched_is_not_looked_for_elsewhere(desk: Desk) -> None:
    async with customer(desk, {"GET /v1/image/h/n": (403, "")}) as (provider, script):
        with files.Part(desk.folder / "p") as part, pytest.raises(Rejected) as caught:
            await provider.download(output(hash="h", name="n", path="/image/x"), NEW_ID, part, ignore)
        assert caught.value.reason == "forbidden"
        assert script.count("/v1/image/x") == 0
