"""The bandwidth of an account: how it is read, shared by its transfers, and not waited for by anything else."""

from __future__ import annotations

import asyncio
import datetime as dt
import time

import pytest

from artui.config import ConfigError, load, paths, write_private
from artui.config.bandwidth import read
from artui.providers.http import Client, HttpRequest, MinSpeed, file_body, json_body
from artui.providers.http.throttle import SLICE, Throttle
from tests.desk import Desk
from tests.peer import Link, Memory, serving

RATE = 1_000_000.0
SIZE = 300_000


@pytest.mark.parametrize(
    ("written", "hour", "rate"),
    [
        (["20 MB/s"], 12, 20e6),
        (["160 Mbit/s"], 12, 20e6),
        (["1.5MB/s"], 12, 1.5e6),
        (["5 MB/s mon-fri 07:00-19:00", "20 MB/s"], 12, 5e6),
        (["5 MB/s mon-fri 07:00-19:00", "20 MB/s"], 20, 20e6),
        (["5 MB/s mon-fri 07:00-19:00"], 20, None),
    ],
)
def test_which_rate_counts_at_an_hour(
    monkeypatch: pytest.MonkeyPatch, written: list[str], hour: int, rate: float | None
) -> None:
    monkeypatch.setattr(time, "time", lambda: dt.datetime(2026, 11, 30, hour, tzinfo=dt.UTC).timestamp())
    assert read(written).rate(dt.UTC) == rate


@pytest.mark.parametrize("written", ['"fast"', '"0 MB/s"', '"1 kB/s"', '["5 MB/s at night"]', "5"])
def test_a_rate_that_is_none_is_refused_with_its_line(written: str) -> None:
    where = paths()
    where.create()
    write_private(where.config_file, f'[accounts.studio]\nprovider = "autoretouch"\nbandwidth = {written}\n'.encode())
    with pytest.raises(ConfigError, match=r"line 3: accounts\.studio\.bandwidth"):
        load()


async def test_transfers_share_the_rate_and_a_paid_request_does_not_wait() -> None:
    async def answer(link: Link) -> None:
        while True:
            asked = await link.whole()
            await (link.say(200, b"x" * SIZE) if asked.startswith(b"GET") else link.say(201, b"{}"))

    # The speed rule asks for more than the rate gives to each: waiting for a turn is no standing still.
    client = Client("Studio", read=5, pace=MinSpeed(SIZE, 0.25), throttle=Throttle(lambda: RATE))
    ended: dict[str, float] = {}
    begun = time.monotonic()

    async def upload(name: str, size: int) -> None:
        body = file_body("image/jpeg", size, [b"x" * size])
        await client.send(HttpRequest("POST", peer.url, "sending", body=body), counted=lambda _: None)
        ended[name] = time.monotonic() - begun

    async def download() -> None:
        target = Memory()
        await client.fetch(HttpRequest("GET", peer.url, "fetching"), target)
        ended["result"] = time.monotonic() - begun

    async def pay() -> None:
        async def may_send() -> None:
            return None

        await client.pay(HttpRequest("POST", peer.url, "paying", body=json_body("{}")), may_send)
        ended["paid"] = time.monotonic() - begun

    async with serving(answer) as peer, asyncio.TaskGroup() as group:
        group.create_task(upload("large", SIZE))
        group.create_task(download())
        await asyncio.sleep(0.02)
        group.create_task(upload("small", SLICE))
        group.create_task(pay())
    await client.close()
    whole = (2 * SIZE + SLICE) / RATE
    assert max(ended.values()) >= whole - 0.15, "no faster than the rate"
    assert ended["paid"] < whole / 2
    assert ended["small"] < ended["large"], "a small photo gets its turn among large ones"


def test_status_and_plan_say_when_the_hours_begin(desk: Desk) -> None:
    far = dt.datetime.now().astimezone() + dt.timedelta(days=3)
    desk.configure(more=f'hours = "{far:%a} 07:00-08:00"\nbandwidth = "8 MB/s"'.lower().replace("mb/", "MB/"))
    desk.photo()
    planned = desk("submit", desk.inbox, "-w", "Export only", "-o", desk.out, "--dry-run")
    begins = f"{far:%a} 07:00".lower()
    assert f"outside the account's hours: sent from {begins} on" in planned.out
    desk("submit", desk.inbox, "-w", "Export only", "-o", desk.out, "--yes")
    assert f"outside its hours: sends from {begins} on" in desk("status").out
    [account] = desk("status", "--json").json["accounts"]
    assert account["hours_begin"] > time.time()
