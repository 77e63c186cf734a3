"""What leaves this machine and what comes back, against servers that misbehave byte by byte."""

from __future__ import annotations

import asyncio
import gzip
import logging
import os
import random
import socket
import ssl
import threading
import time
import traceback
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any, NoReturn

import httpx
import pytest

from artui import files
from artui.credentials import Secret
from artui.providers.base import Blocked, Insecure, NotPermitted, ProviderError, Puzzling, Rejected, Transient, Unknown
from artui.providers.http import (
    TEXT,
    Answer,
    Body,
    Client,
    FilePart,
    HttpRequest,
    MinSpeed,
    file_body,
    form_body,
    json_body,
    multipart_body,
)
from artui.providers.http.addresses import _service_url
from artui.providers.http.flow import in_thread
from artui.providers.http.messages import asked_to_wait
from artui.providers.http.transport import proxy_for
from tests.certificates import CERTIFICATE, EXPIRED, OF_ANOTHER_HOST
from tests.peer import Link, Memory, answering, hang_up, serving
from tests.waiting import eventually

CANCELS = 1_500
TOKEN = "eyJ-a-token-that-nobody-may-see"
QUICK = MinSpeed(amount=1_000, seconds=0.3)


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    opened = Client("Studio", read=5)
    yield opened
    await opened.close()


@pytest.fixture
async def quick() -> AsyncIterator[Client]:
    """A client of little patience."""
    opened = Client("Studio", read=0.3, pace=QUICK)
    yield opened
    await opened.close()


async def permit() -> None:
    return None


def get(url: str, **more: Any) -> HttpRequest:
    return HttpRequest("GET", url, "asking", **more)


def post(url: str, body: Body | None = None) -> HttpRequest:
    return HttpRequest("POST", url, "asking", body=body or json_body("{}"))


def a_photo(folder: Path, size: int = 3_000_000) -> files.Photo:
    path = folder / "photo.jpg"
    path.write_bytes(random.Random(size).randbytes(size))
    return files.sha256(files.Photo(path, files.stamp(path), "image/jpeg", 1, 1))


def form(photo: files.Photo) -> Body:
    part = FilePart("file", "photo.jpg", photo.media_type, photo.stamp.size, files.Sending(photo, 65_536))
    return multipart_body({"filesize": str(photo.stamp.size)}, part)


# ------------------------------------------------------------------------------------------------- paid requests


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_a_paid_request_is_sent_once_to_a_server_that_hangs_up(client: Client, method: str) -> None:
    async with serving(hang_up) as peer:
        with pytest.raises(Unknown):
            await client.pay(HttpRequest(method, peer.url + "/create", "ordering"), permit)
        assert len(peer.requests) == 1


async def test_a_paid_request_never_rides_on_a_kept_connection(client: Client) -> None:
    async with serving(answering(200, b"{}")) as peer:
        for _ in range(3):
            await client.pay(post(peer.url), permit)
        assert len(peer.links) == 3
        assert all(b"connection: close" in bytes(link.received).lower() for link in peer.links)


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_the_permit_is_asked_on_an_open_connection_before_the_first_byte(client: Client, method: str) -> None:
    async with serving(answering(200, b"{}")) as peer:
        asked = []

        async def look() -> None:
            await eventually(lambda: peer.links)
            await asyncio.sleep(0.05)  # whatever was written would have arrived by now
            asked.append(bytes(peer.links[0].received))

        await client.pay(HttpRequest(method, peer.url, "ordering"), look)
        assert asked == [b""]
        assert len(peer.requests) == 1


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_without_the_permit_nothing_is_sent(client: Client, method: str) -> None:
    async def refuse() -> None:
        raise NotPermitted("another engine took over")

    async with serving(answering(200, b"{}")) as peer:
        with pytest.raises(NotPermitted):
            await client.pay(HttpRequest(method, peer.url, "ordering"), refuse)
        await eventually(lambda: peer.links and peer.links[0].is_over.is_set())
        assert bytes(peer.links[0].received) == b""


async def test_a_paid_request_that_cannot_connect_has_not_left_and_asks_nobody(client: Client) -> None:
    async with serving(hang_up) as peer:
        gone = peer.url
    for method in ("POST", "GET"):
        with pytest.raises(Transient) as caught:
            await client.pay(HttpRequest(method, gone, "ordering"), _never)
        assert caught.value.reached is False


async def _never() -> None:
    pytest.fail("there was nothing to permit")


@pytest.mark.parametrize("status", [401, 460])
@pytest.mark.parametrize("is_rude", [False, True])
async def test_a_refusal_at_64_kb_of_a_30_mb_body_is_read_as_that_refusal(
    client: Client, tmp_path: Path, status: int, is_rude: bool
) -> None:
    async def refuse(link: Link) -> None:
        while len(link.received) < 65_536:
            await link.read(16_384)
        await link.say(status, b'{"message": "who are you?"}')
        if not is_rude:
            await link.rest()

    photo = a_photo(tmp_path, 30_000_000)
    async with serving(refuse) as peer:
        answer = await client.pay(post(peer.url, form(photo)), permit)
        assert (answer.status, answer.sentence) == (status, "who are you?")
        assert len(peer.requests) == 1
        assert len(peer.links[0].received) < 30_000_000


@pytest.mark.parametrize(
    "say",
    [
        b"HTTP/1.1 201 Created\r\nContent-Length: 36\r\n\r\n1234",
        b"HTTP/1.1 201 Created\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n1234",
        b"HTTP/1.1 201 Created\r\nContent-Length: 70000\r\n\r\n" + b"1" * 70_000,
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"",
    ],
)
async def test_whatever_is_unreadable_after_the_first_byte_is_unknown(client: Client, say: bytes) -> None:
    async def handle(link: Link) -> None:
        await link.whole()
        link.writer.write(say)
        await link.writer.drain()

    async with serving(handle) as peer:
        with pytest.raises(Unknown, match="Studio: asking"):
            await client.pay(post(peer.url), permit)
        assert len(peer.requests) == 1


async def test_silence_after_a_paid_request_is_unknown(quick: Client) -> None:
    async with serving(lambda link: link.rest()) as peer:
        for method in ("POST", "GET"):
            with pytest.raises(Unknown):
                await quick.pay(HttpRequest(method, peer.url, "ordering"), permit)
        assert len(peer.requests) == 2


async def test_a_paid_body_that_breaks_is_told_as_what_broke_it(client: Client, tmp_path: Path) -> None:
    photo = a_photo(tmp_path)
    async with serving(lambda link: link.rest()) as peer:
        with pytest.raises(files.Changed):
            await client.pay(post(peer.url, form(_swapped(photo))), permit)
        await eventually(lambda: peer.links[0].is_over.is_set())
        assert len(peer.links[0].received) < photo.stamp.size


def _swapped(photo: files.Photo) -> files.Photo:
    """The photo with one byte changed on disk, and nothing to be seen of it but its content."""
    times = photo.path.stat()
    with photo.path.open("r+b") as file:
        file.seek(photo.stamp.size // 2)
        file.write(b"?")
    os.utime(photo.path, ns=(times.st_atime_ns, times.st_mtime_ns))
    return photo


# -------------------------------------------------------------------------------------------- each failure its class


async def test_refused_unknown_host_hang_up_and_a_short_answer_are_told_apart(client: Client) -> None:
    async def short(link: Link) -> None:
        await link.whole()
        await link.say(200, b"{", length=2)

    async with serving(hang_up) as hanging, serving(short) as ending:
        cases = {
            "refuses it": ("http://127.0.0.1:1/", False),
            "name of the service": ("http://no-such-host.invalid/", False),
            "hung up": (hanging.url, True),
            "broke off": (ending.url, True),
        }
        for words, (url, is_reached) in cases.items():
            with pytest.raises(Transient, match=words) as caught:
                await client.send(post(url))
            assert caught.value.reached is is_reached, words
        assert len(hanging.requests) == 1


async def test_a_certificate_nobody_vouches_for_is_refused_unless_its_authority_is_named(
    client: Client, tmp_path: Path
) -> None:
    async with serving(answering(200, b"{}"), context=_authority(tmp_path)) as peer:
        for ask in (client.send(get(peer.url)), client.pay(post(peer.url), _never), client.pay(get(peer.url), _never)):
            with pytest.raises(Transient) as caught:
                await ask
            assert caught.value.reached is False
        trusting = Client("Studio", ca_file=str(tmp_path / "authority.pem"))
        assert (await trusting.send(get(peer.url))).status == 200
        assert (await trusting.pay(post(peer.url), permit)).status == 200
        assert (await trusting.pay(get(peer.url), permit)).status == 200
        await trusting.close()


@pytest.mark.parametrize("certificate", [EXPIRED, OF_ANOTHER_HOST], ids=["expired", "of another host"])
async def test_a_certificate_that_is_over_or_of_another_host_is_refused_whoever_vouches_for_it(
    tmp_path: Path, certificate: str
) -> None:
    async with serving(answering(200, b"{}"), context=_authority(tmp_path, certificate)) as peer:
        trusting = Client("Studio", ca_file=str(tmp_path / "authority.pem"))
        secrets = {"Authorization": Secret(TOKEN)}
        for ask in (
            trusting.send(get(peer.url, secrets=secrets)),
            trusting.pay(get(peer.url, secrets=secrets), _never),
            trusting.fetch(get(peer.url, secrets=secrets), Closed()),
        ):
            with pytest.raises(Transient, match="not trusted") as caught:
                await ask
            assert caught.value.reached is False
        assert peer.requests == []
        await trusting.close()


def _authority(folder: Path, certificate: str = CERTIFICATE) -> ssl.SSLContext:
    """A server's certificate, its own authority in ``authority.pem``."""
    file = folder / "authority.pem"
    file.write_text(certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def test_a_missing_authority_is_named() -> None:
    with pytest.raises(Rejected, match=r"/no/such\.pem.*check ca_file"):
        Client("Studio", ca_file="/no/such.pem")


async def test_a_certificate_fault_says_what_to_do(client: Client, tmp_path: Path) -> None:
    cases = {CERTIFICATE: "set ca_file", EXPIRED: "clock of this machine", OF_ANOTHER_HOST: "check the address"}
    for number, (certificate, way) in enumerate(cases.items()):
        folder = tmp_path / str(number)
        folder.mkdir()
        async with serving(answering(200, b"{}"), context=_authority(folder, certificate)) as peer:
            asked = client if certificate is CERTIFICATE else Client("Studio", ca_file=str(folder / "authority.pem"))
            with pytest.raises(Insecure, match=f"not trusted here .*{way}") as caught:
                await asked.send(get(peer.url))
            assert "ca_file" in str(caught.value)
            await asked.close()


async def test_a_port_without_tls_is_no_untrusted_certificate(client: Client) -> None:
    async def plain(link: Link) -> None:
        link.writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        await link.writer.drain()

    async with serving(plain) as peer:
        address = peer.url.replace("http:", "https:")
        for ask in (client.send(get(address)), client.pay(post(address), _never)):
            with pytest.raises(Insecure, match=r"speaks no TLS .*check the address") as caught:
                await ask
            assert "certificate" not in str(caught.value)
            assert caught.value.reached is False
        assert peer.requests == []


async def test_the_usual_variable_names_the_authorities(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(answering(200, b"{}"), context=_authority(tmp_path)) as peer:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
        trusting = Client("Studio")
        assert (await trusting.send(get(peer.url))).status == 200
        await trusting.close()
        monkeypatch.delenv("SSL_CERT_FILE")
        usual = Client("Studio")
        with pytest.raises(Insecure):
            await usual.send(get(peer.url))
        await usual.close()


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_a_usual_variable_that_leads_nowhere_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "/no/such")
    with pytest.raises(Rejected, match=f"{name} names /no/such"):
        Client("Studio")


async def test_a_silent_server_ends_in_a_time_out(quick: Client) -> None:
    async with serving(lambda link: link.rest()) as peer:
        with pytest.raises(Transient, match="no answer in time"):
            await quick.send(get(peer.url))


async def test_an_upload_is_seen_once_and_a_get_twice_at_most(client: Client) -> None:
    async def answer_first(link: Link) -> None:
        await link.whole()
        if len(peer.links) == 1:
            await link.say(200, b"{}")
            await link.whole()

    async with serving(answer_first) as peer:
        await client.send(get(peer.url))
        with pytest.raises(Transient):
            await client.send(post(peer.url))
        assert len(peer.requests) == 2
        with pytest.raises(Transient):
            await client.send(get(peer.url))
        assert len(peer.requests) <= 4


@pytest.mark.parametrize(
    ("status", "asked", "wait"),
    [(429, "7", 7), (503, None, None), (500, "-3", 1), (408, "1e9", None), (502, "99999999999", 900), (425, "0.2", 1)],
)
async def test_not_now_is_transient_with_the_wait_it_asks_for(
    client: Client, status: int, asked: str | None, wait: float | None
) -> None:
    headers = "" if asked is None else f"Retry-After: {asked}\r\n"
    async with serving(answering(status, b'{"message": "busy"}', headers)) as peer:
        with pytest.raises(Transient, match="busy") as caught:
            await client.send(get(peer.url))
        assert caught.value.retry_after == wait


def test_a_wait_asked_for_as_a_date_is_counted_by_the_services_own_clock() -> None:
    now = datetime(2001, 1, 1, tzinfo=UTC)

    def asked(after: timedelta) -> float | None:
        until = format_datetime(now + after, usegmt=True)
        return asked_to_wait({"date": format_datetime(now, usegmt=True), "retry-after": until})

    assert asked(timedelta(seconds=40)) == 40
    assert asked(timedelta(days=-400)) == 1
    assert asked(timedelta(days=400)) == 900
    for nonsense in ("", "soon", "9" * 5_000, "1_0", "٣", "Mon, 99 Foo 2001", "nan", "inf"):
        assert asked_to_wait({"retry-after": nonsense}) is None, nonsense
        assert asked_to_wait({"x-reset": nonsense}, ("x-reset",)) is None, nonsense
    reset = {"date": format_datetime(now, usegmt=True), "x-reset": str(int(now.timestamp()) + 30)}
    assert asked_to_wait(reset, ("x-other", "x-reset")) == 30
    assert asked_to_wait(reset) is None, "only a service that has the header is read by it"
    assert asked_to_wait(reset | {"retry-after": "7"}, ("x-reset",)) == 7


async def test_the_services_clock_is_remembered_and_goes_on(client: Client) -> None:
    async with serving(answering(200, b"{}", "Date: Mon, 01 Jan 2001 00:00:00 GMT\r\n")) as peer:
        await client.send(get(peer.url))
    first = client.service_time
    assert first is not None
    assert 0 <= first - datetime(2001, 1, 1, tzinfo=UTC).timestamp() < 30
    await asyncio.sleep(0.01)
    assert client.service_time is not None
    assert client.service_time > first
    async with serving(answering(200, b"{}", "Date: yesterday\r\n")) as peer:
        await client.send(get(peer.url))
    assert client.service_time < first + 30


@pytest.mark.parametrize("location", ["http://127.0.0.1:1/", "http://[", "https://a:9999999/", "mailto:a", "//"])
@pytest.mark.parametrize("status", [300, 301, 302, 307, 304])
async def test_an_ordinary_request_is_not_redirected(client: Client, status: int, location: str) -> None:
    async with serving(answering(status, headers=f"Location: {location}\r\n")) as peer:
        with pytest.raises(Transient, match="another address"):
            await client.send(get(peer.url))
        assert (await client.pay(post(peer.url), permit)).status == status


async def test_a_web_page_in_place_of_an_answer_says_nothing_about_the_request(client: Client) -> None:
    page = b"<!doctype html><title>Welcome</title>"
    async with serving(answering(404, page, "Content-Type: text/html\r\n")) as peer:
        with pytest.raises(Transient, match="web page"):
            await client.send(get(peer.url))
    async with serving(answering(200, page)) as peer:
        answer = await client.send(get(peer.url))
        with pytest.raises(Transient, match="web page"):
            answer.read_as(dict)


@pytest.mark.parametrize("body", [b"", b"[1]", b"{", b"\xff", b"[" * 100_000, b'{"a": ' * 50_000, b"NaN"])
def test_json_of_another_shape_is_transient(body: bytes) -> None:
    answer = Answer("Studio: asking", 200, {}, body)
    with pytest.raises(Transient):
        answer.read_as(dict[str, int])
    assert answer.json_object() is None


def test_a_refusal_says_what_the_service_says_in_one_line_of_300_characters() -> None:
    answer = Answer("Studio: asking", 422, {}, b'{"status": 422, "message": "too\\n  large' + b"!" * 5_000 + b'"}')
    refusal = answer.refusal()
    assert str(refusal).startswith("Studio: asking: too large!!!")
    assert len(str(refusal)) < 330
    assert (refusal.status, refusal.reason) == (422, "unprocessable")
    assert str(Answer("Studio: asking", 403, {}, b"").refusal()) == "Studio: asking: forbidden"
    secret = Secret(TOKEN)
    repeated = Answer("Studio: asking", 403, {}, f'{{"error": "{"x" * 280} {TOKEN}"}}'.encode())
    assert secret
    assert TOKEN[:4] not in str(repeated.refusal()), "not even the beginning of what was cut off"


# ------------------------------------------------------------------------------------------------------ many bytes


async def test_an_answer_longer_than_it_may_be_is_cut(client: Client) -> None:
    async with serving(answering(200, b"x" * (TEXT + 1))) as peer:
        with pytest.raises(Transient, match="longer than"):
            await client.send(get(peer.url), most=TEXT)


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", gzip.compress(b'{"a": 1}')),
        ("x-gzip", gzip.compress(b'{"a"') + gzip.compress(b": 1}") + b"\0\0"),
        ("deflate", zlib.compress(b'{"a": 1}')),
        ("Deflate", zlib.compress(b'{"a": 1}')[2:-4]),
        ("deflate, gzip", gzip.compress(zlib.compress(b'{"a": 1}'))),
        ("identity", b'{"a": 1}'),
        ("aws-chunked", b'{"a": 1}'),
    ],
    ids=range(7),
)
async def test_what_comes_compressed_is_read_all_the_same(client: Client, coding: str, body: bytes) -> None:
    async def drop_by_drop(link: Link) -> None:
        while True:
            await link.whole()
            link.writer.write(f"HTTP/1.1 201 X\r\nContent-Length: {len(body)}\r\n".encode())
            link.writer.write(f"Content-Encoding: {coding}\r\n\r\n".encode())
            for place in range(len(body)):
                link.writer.write(body[place : place + 1])
                await link.writer.drain()

    async with serving(drop_by_drop) as peer:
        assert (await client.send(get(peer.url))).read_as(dict) == {"a": 1}
        assert (await client.pay(post(peer.url), permit)).read_as(dict) == {"a": 1}
        assert b"accept-encoding: identity" in bytes(peer.links[0].received).lower()
    async with serving(answering(200, body, f"Content-Encoding: {coding}\r\n")) as peer:
        assert (await fetched(client, peer.url))[1] == b'{"a": 1}'


async def test_an_empty_answer_may_say_that_it_is_compressed(client: Client) -> None:
    async with serving(answering(404, b"", "Content-Encoding: gzip\r\n")) as peer:
        assert (await client.send(get(peer.url))).status == 404


def bomb(layers: int) -> bytes:
    """Zeros without end, of few bytes."""
    made = b"\0" * 3_000_000
    for _ in range(layers):
        made = gzip.compress(made, 9)
    return made


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("br", b"x"),
        ("gzip", b"no gzip at all"),
        ("gzip", gzip.compress(b"cut off" * 1_000)[:-9]),
        ("gzip", b"\x1f"),
        ("deflate", b"\xff\xd8\xff\xe0"),
        ("gzip", bomb(1)),
        ("gzip, gzip", bomb(2)),
        ("gzip, gzip, gzip, gzip", bomb(4)),
        ("gzip", gzip.compress(b"") * 30_000),
    ],
    ids=("another", "none", "cut", "begun", "no stream", "bomb", "in a bomb", "too often", "empty ones"),
)
async def test_what_cannot_be_decoded_or_swells_is_no_answer(
    client: Client, monkeypatch: pytest.MonkeyPatch, coding: str, body: bytes
) -> None:
    monkeypatch.setattr("artui.providers.http.flow.SWOLLEN", 100_000)
    async with serving(answering(201, body, f"Content-Encoding: {coding}\r\n")) as peer:
        with pytest.raises(Puzzling, match=r"compressed|longer"):
            await client.send(get(peer.url), most=TEXT)
        with pytest.raises(Unknown):
            await client.pay(post(peer.url), permit)
    async with serving(answering(200, body, f"Content-Encoding: {coding}\r\n")) as peer:
        memory = Memory()
        with pytest.raises(Puzzling):
            await client.fetch(get(peer.url), memory)
        assert len(memory.content) <= 100_000


@pytest.mark.parametrize("status", [400, 413, 415, 422])
@pytest.mark.parametrize(
    ("kind", "body", "words"),
    [
        ("text/html", b"<html><head><title>Too big</title></head><h1>413 Too <b>Large</b></h1>", "413 Too Large"),
        ("text/html", b"<title>Only a &amp; title</title>", "Only a & title"),
        ("application/problem+json", b'{"title": "Large", "status": 413, "detail": "at most 7 MB"}', "at most 7 MB"),
        ("application/problem+json", b'{"title": "Large", "detail": ""}', "Large"),
        ("application/json", b'{"status": 400, "error": "Bad Request", "message": ""}', "Bad Request"),
        ("application/json", b'{"error": {"code": 7, "msg": "no such thing"}}', "no such thing"),
        ("application/json", b'{"message": ["too wide", "too high"], "error": "Bad"}', "too wide; too high"),
        ("application/xml", b"<?xml?><Error><Code>E</Code><Message>Your upload</Message></Error>", "Your upload"),
        ("text/plain", "too \u202elarge\x1b[2J\n for us".encode(), "too large [2J for us"),
        ("text/plain", b"\x89PNG\0\0", None),
        ("text/html", b"", None),
        ("text/html", b"<p>nothing of use", None),
    ],
    ids=range(12),
)
async def test_an_upload_is_refused_in_any_form_and_in_the_services_words(
    client: Client, tmp_path: Path, status: int, kind: str, body: bytes, words: str | None
) -> None:
    async with serving(answering(status, body, f"Content-Type: {kind}\r\n")) as peer:
        upload = post(peer.url, form(a_photo(tmp_path, 1_000)))
        answer = await client.send(upload, counted=lambda _: None)
        refusal = answer.refusal()
        assert str(refusal) == f"Studio: asking: {words or refusal.reason}"
        assert refusal.reason in {"bad request", "too large", "unsupported", "unprocessable"}


class Closed(Memory):
    """Where nothing should go."""

    def keep(self, data: bytes) -> bool:
        pytest.fail("nothing should be written")


async def test_a_dripping_answer_is_too_slow(quick: Client) -> None:
    async def drip(link: Link) -> None:
        await link.whole()
        await link.say(200, length=100_000)
        while True:
            link.writer.write(b"x" * 10)
            await link.writer.drain()
            await asyncio.sleep(0.02)

    async with serving(drip) as peer:
        with pytest.raises(Transient, match="too slow"):
            await quick.send(get(peer.url))
        with pytest.raises(Transient, match="too slow"):
            await quick.fetch(get(peer.url), Memory())
        with pytest.raises(Unknown, match="too slow"):
            await quick.pay(post(peer.url), permit)


async def test_an_answer_just_fast_enough_is_read_however_long_it_takes(quick: Client) -> None:
    async def steady(link: Link) -> None:
        await link.whole()
        await link.say(200, length=10 * 1_000)
        for _ in range(10):
            link.writer.write(b"x" * 1_000)
            await link.writer.drain()
            await asyncio.sleep(0.08)

    async with serving(steady) as peer:
        assert len((await quick.send(get(peer.url))).body) == 10_000


async def test_a_server_that_stops_reading_is_too_slow(quick: Client, tmp_path: Path) -> None:
    async def stop_reading(link: Link) -> None:
        await link.head()
        link.reader._transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.sleep(60)

    photo = a_photo(tmp_path, 30_000_000)
    told: list[int] = []
    async with serving(stop_reading) as peer:
        with pytest.raises(Transient, match="too slow"):
            await quick.send(post(peer.url, form(photo)), counted=told.append)
    assert told[-1] < 1_000_000  # no more than socket buffers hold


async def test_a_pause_between_body_and_answer_is_held_to_the_time_out_not_to_the_speed() -> None:
    async def think(link: Link) -> None:
        await link.whole()
        await asyncio.sleep(0.5)
        await link.say(201, b"done")

    thinking = Client("Studio", read=5, pace=QUICK)
    async with serving(think) as peer:
        body = Body("text/plain", 9, lambda: iter_blocks([b"all of it"]))
        assert (await thinking.send(post(peer.url, body))).text == "done"
    await thinking.close()


async def test_an_answer_that_drips_while_the_body_is_sent_is_too_slow() -> None:
    async def drip(link: Link) -> None:
        await link.head()
        await link.say(200, length=100_000)
        while True:
            await link.read()
            link.writer.write(b"x" * 10)
            await link.writer.drain()
            await asyncio.sleep(0.01)

    patient = Client("Studio", read=1, pace=QUICK)
    async with serving(drip) as peer:
        body = Body("text/plain", 1_000_000, lambda: iter_blocks([b"x" * 50_000] * 20))
        with pytest.raises(Transient, match="too slow"):
            await patient.send(post(peer.url, body))
    await patient.close()


# ------------------------------------------------------------------------------------------------------ the body


async def test_a_form_arrives_as_it_was_meant(client: Client, tmp_path: Path) -> None:
    photo = a_photo(tmp_path)
    told: list[int] = []
    async with serving(answering(201, b"ok")) as peer:
        body = form(photo)
        await client.send(post(peer.url, body), counted=told.append)
        head, _, sent = bytes(peer.links[0].received).partition(b"\r\n\r\n")
    assert f"content-length: {body.length}".encode() in head.lower()
    assert b"transfer-encoding" not in head.lower()
    boundary = body.media_type.partition("boundary=")[2].encode()
    parts = sent.split(b"--" + boundary)
    assert parts[1].endswith(b'name="filesize"\r\n\r\n3000000\r\n')
    assert parts[2].startswith(b'\r\nContent-Disposition: form-data; name="file"; filename="photo.jpg"\r\n')
    assert parts[2].endswith(photo.path.read_bytes() + b"\r\n")
    assert parts[3] == b"--\r\n"
    assert told == sorted(told)
    assert told[-1] == body.length


async def test_a_file_arrives_as_it_is_under_its_type_or_none(client: Client, tmp_path: Path) -> None:
    photo = a_photo(tmp_path)
    for media_type in (photo.media_type, ""):
        body = file_body(media_type, photo.stamp.size, files.Sending(photo, 65_536))
        async with serving(answering(200, b"{}")) as peer:
            for _ in range(2):
                await client.send(HttpRequest("PUT", peer.url, "asking", body=body))
            head, _, sent = bytes(peer.links[0].received).partition(b"\r\n\r\n")
        assert (b"content-type: image/jpeg" in head.lower()) == bool(media_type)
        assert (b"content-type" in head.lower()) == bool(media_type)
        assert sent.startswith(photo.path.read_bytes())


def test_a_name_cannot_break_out_of_its_part() -> None:
    part = FilePart("file", 'a"\r\nX: y\r\n\r\n.jpg', "image/jpeg", 1, [b"x"])
    content = multipart_body({}, part).content
    assert callable(content)
    assert b'filename="a%22%0D%0AX: y%0D%0A%0D%0A.jpg"\r\n' in next(content())


@pytest.mark.parametrize("given", [[b"x" * 999], [b"x" * 500, b"x" * 501], []])
async def test_a_body_of_another_length_than_promised_never_arrives_whole(client: Client, given: list[bytes]) -> None:
    async with serving(lambda link: link.rest()) as peer:
        body = Body("text/plain", 1_000, lambda: iter_blocks(given))
        with pytest.raises(Transient, match="length it had"):
            await client.send(post(peer.url, body))
        await eventually(lambda: peer.links[0].is_over.is_set())
        received = bytes(peer.links[0].received).partition(b"\r\n\r\n")[2]
        assert len(received) < 1_000


def iter_blocks(blocks: list[bytes]) -> Any:
    yield from blocks


async def test_a_photo_changed_while_it_is_sent_never_arrives_whole(client: Client, tmp_path: Path) -> None:
    photo = a_photo(tmp_path, 30_000_000)

    async def change(link: Link) -> None:
        await link.head()
        with photo.path.open("r+b") as file:
            file.write(b"?")
        await link.rest()

    async with serving(change) as peer:
        with pytest.raises(files.Changed):
            await client.send(post(peer.url, form(photo)))
        await eventually(lambda: peer.links[0].is_over.is_set())
        assert len(peer.links[0].received) < photo.stamp.size


async def test_a_body_is_closed_whenever_its_request_ends(client: Client) -> None:
    open_bodies = set()

    def blocks() -> Iterator[bytes]:
        mark = object()
        open_bodies.add(mark)
        try:
            while True:
                yield b"x" * 65_536
        finally:
            open_bodies.discard(mark)

    async def refuse(link: Link) -> None:
        await link.head()
        link.reader._transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.sleep(0.1)
        await link.say(413)
        await link.rest()

    body = Body("text/plain", 1 << 40, blocks)  # type: ignore[arg-type]
    async with serving(refuse) as peer:
        assert (await client.send(post(peer.url, body))).status == 413
        assert not open_bodies
    async with serving(lambda link: link.rest()) as peer:
        task = asyncio.create_task(client.send(post(peer.url, body)))
        await eventually(lambda: open_bodies)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await eventually(lambda: not open_bodies)


async def test_addresses_arrive_exactly_as_written(client: Client) -> None:
    path = "/a%2Fb%2C%3A%3D%26%20%25/policy=,s:x?u=%2B%2C%20&v=1"
    async with serving(answering(200, b"{}")) as peer:
        await client.send(get(peer.url + path))
        await client.pay(get(peer.url + path), permit)
        await client.send(get(peer.url, params={"q": "a b+&/ü"}))
        exact = f"GET {path} HTTP/1.1".encode()
        assert sorted(peer.requests) == [b"GET /?q=a+b%2B%26%2F%C3%BC HTTP/1.1", exact, exact]


async def test_no_cookie_is_kept(client: Client) -> None:
    async with serving(answering(200, b"{}", "Set-Cookie: a=b; Path=/\r\n")) as peer:
        for _ in range(2):  # by name, for no client keeps the cookies of a bare number
            await client.send(get(peer.url.replace("127.0.0.1", "localhost")))
        assert b"cookie" not in b"".join(bytes(link.received) for link in peer.links).lower()


# ------------------------------------------------------------------------------------------------- fetching a file


async def fetched(client: Client, url: str, **more: Any) -> tuple[Answer, bytes]:
    memory = Memory()
    answer = await client.fetch(get(url, secrets={"Authorization": Secret(TOKEN)}), memory, **more)
    return answer, memory.content


async def test_a_file_is_written_whole_or_not_at_all_told_so(client: Client, tmp_path: Path) -> None:
    content = random.Random(1).randbytes(2_000_000)
    async with serving(answering(200, content)) as peer:
        counts: list[int] = []
        with files.Part(tmp_path / "part") as part:
            answer = await client.fetch(get(peer.url), part, counted=counts.append)
            assert part.path.stat().st_size > len(content) // 2, "it is written while it comes"
            part.finish(len(content))
        assert (answer.status, part.path.read_bytes(), counts[-1]) == (200, content, len(content))


async def test_small_files_take_one_call_of_a_thread_up_and_none_down(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[object] = []

    async def counted(call: Callable[..., Any], *arguments: object) -> Any:
        calls.append(call)
        return await in_thread(call, *arguments)

    for module in ("client", "flow"):
        monkeypatch.setattr(f"artui.providers.http.{module}.in_thread", counted)
    async with serving(answering(200, b"x" * 100_000)) as peer:
        await client.send(post(peer.url, form(a_photo(tmp_path, 200_000))))
        assert len(calls) == 1
        with files.Part(tmp_path / "part") as part:
            await client.fetch(get(peer.url), part)
        assert len(calls) == 1


@pytest.mark.parametrize(
    ("say", "words"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", "broke off"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n", "broke off"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "broke off|not HTTP|broke"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "empty"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 3\r\n\r\n<p>", "web page"),
        (b"HTTP/1.1 206 Part\r\nContent-Length: 1\r\n\r\nx", "not what the service documents"),
        (b"HTTP/1.1 204 Nothing\r\n\r\n", "not what the service documents"),
        (b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", "not now"),
    ],
)
async def test_a_file_that_cannot_be_told_from_a_broken_one_is_transient(
    client: Client, say: bytes, words: str
) -> None:
    async def handle(link: Link) -> None:
        await link.whole()
        link.writer.write(say)
        await link.writer.drain()

    async with serving(handle) as peer:
        with pytest.raises(Transient, match=words):
            await fetched(client, peer.url)


@pytest.mark.parametrize(
    ("head", "is_ended"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", False),
        (b"HTTP/1.0 200 OK\r\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", True),
        (b"HTTP/1.1 206 Part\r\nContent-Range: bytes 0-8/9\r\n\r\n", True),
        (b"HTTP/1.1 206 Part\r\nContent-Range: Bytes 0-8/9\r\nContent-Length: 9\r\n\r\n", True),
    ],
)
async def test_a_file_is_taken_and_whether_its_end_was_told(client: Client, head: bytes, is_ended: bool) -> None:
    async with serving(saying(head + b"all of it")) as peer:
        memory = Memory()
        answer = await client.fetch(get(peer.url), memory)
        assert (answer.status, memory.content, memory.is_ended) == (200, b"all of it", is_ended)


async def test_a_picture_is_none_the_less_one_that_is_called_a_web_page(client: Client) -> None:
    picture = b"\xff\xd8\xff\xe0 and the rest"
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-16\r\nContent-Length: %d\r\n\r\n" % len(picture)
    async with serving(saying(head + picture)) as peer:
        memory = Memory()
        await client.fetch(get(peer.url), memory)
        assert memory.content == picture


@pytest.mark.parametrize(
    "stated", ["bytes 0-8/10", "bytes 1-9/10", "bytes 0-8/*", "bytes */9", "0-8/9", "bytes 0-9/10", "bytes 0-/0", ""]
)
async def test_a_part_that_is_not_the_whole_is_none(client: Client, stated: str) -> None:
    head = f"HTTP/1.1 206 Part\r\nContent-Range: {stated}\r\nConnection: close\r\n\r\n".encode()
    async with serving(saying(head + b"all of it")) as peer:
        with pytest.raises(Transient):
            await fetched(client, peer.url)


def saying(answer: bytes) -> Callable[[Link], Awaitable[None]]:
    """What says these bytes to whatever is asked, and hangs up."""

    async def handle(link: Link) -> None:
        await link.whole()
        link.writer.write(answer)
        await link.writer.drain()

    return handle


async def test_a_refused_file_writes_nothing_and_says_why(client: Client) -> None:
    async with serving(answering(404, b'{"message": "gone"}')) as peer:
        answer, written = await fetched(client, peer.url)
        assert (answer.status, answer.sentence, written) == (404, "gone", b"")


async def test_a_redirect_at_home_is_followed_with_the_secrets(client: Client) -> None:
    async def home(link: Link) -> None:
        while True:
            head = await link.head()
            if b"/first" in head:
                await link.say(302, headers="Location: /second\r\n")
            else:
                await link.say(200, b"file")

    async with serving(home) as peer:
        assert (await fetched(client, peer.url + "/first"))[1] == b"file"
        assert all(TOKEN.encode() in bytes(link.received) for link in peer.links)
    async with serving(answering(302, headers="Location: /again\r\n")) as circling:
        with pytest.raises(Puzzling, match="from address to address"):
            await fetched(client, circling.url)
        assert len(circling.requests) == 6


async def test_what_is_hidden_in_an_address_leaves_with_it_and_shows_nowhere(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    there = "Location: /elsewhere/{seal}\r\n"
    hidden = {"seal": Secret(f"p:{TOKEN}==,s:1")}
    async with serving(answering(302, headers=there)) as peer:
        request = get(peer.url + "/a/{seal}/b%2Fc", hidden=hidden)
        with pytest.raises(Transient) as caught:
            await client.fetch(request, Memory())
        assert peer.requests[0] == f"GET /a/p:{TOKEN}==,s:1/b%2Fc HTTP/1.1".encode()
        assert len(peer.requests) == 6
        assert not any(TOKEN.encode() in line for line in peer.requests[1:])
    assert TOKEN not in repr(request) + repr(caught.value) + caplog.text


# --------------------------------------------------------------------------------------------------------- proxies


async def test_a_proxy_sees_its_password_and_nothing_of_the_request(tmp_path: Path) -> None:
    async with serving(answering(200, b"{}"), context=_authority(tmp_path)) as peer:
        port = int(peer.url.rpartition(":")[2])

        async def tunnel(link: Link) -> None:
            await link.whole()
            await link.say(200)
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            await asyncio.gather(_copy(link.reader, writer), _copy(reader, link.writer))

        async with serving(tunnel) as proxy:
            address = proxy.url.replace("//", "//me:pass%2Fword@")
            through = Client("Studio", proxy=address, ca_file=str(tmp_path / "authority.pem"))
            url = "https://service.invalid/paid"
            await through.send(get(url))
            await through.pay(post(url), permit)
            await through.pay(get(url), permit)
            await through.close()
            for link in proxy.links:
                said = bytes(link.received).lower()
                assert said.startswith(b"connect service.invalid:443 http/1.1")
                assert b"proxy-authorization: basic bwu6cgfzcy93b3jk" in said
                assert b"paid" not in said
        assert [line.split()[0] for line in peer.requests] == [b"GET", b"POST", b"GET"]
        assert all(b"proxy-auth" not in bytes(link.received).lower() for link in peer.links)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while block := await reader.read(65_536):
        writer.write(block)
    writer.close()


async def test_a_proxy_that_refuses_the_tunnel_has_let_nothing_leave() -> None:
    async with serving(answering(407)) as proxy:
        through = Client("Studio", proxy=proxy.url.replace("//", "//me:password@"))
        for method in ("POST", "GET"):
            with pytest.raises(Transient) as caught:
                await through.pay(HttpRequest(method, "https://service.invalid/", "ordering"), _never)
            assert caught.value.reached is False
            assert "password" not in _everything_about(caught.value)
        await through.close()


@pytest.mark.parametrize(
    ("proxy", "words"),
    [("http://proxy.example:1", "the name of the proxy cannot be found"), (None, "is this machine online")],
)
async def test_a_name_that_is_not_found_is_told_of_whom_it_is(
    proxy: str | None, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nowhere(*_: object, **__: object) -> NoReturn:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nowhere)
    client = Client("Studio", proxy=proxy)
    try:
        with pytest.raises(Transient, match=words) as failure:
            await client.send(HttpRequest("GET", "https://studio.example/", "asking"))
        assert not failure.value.reached
    finally:
        await client.close()


def test_which_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "internal.example")
    proxy = "http://proxy:3128"
    for url, expected in {
        "https://api.example/": proxy,
        "http://127.0.0.1:8000/": None,
        "http://localhost/": None,
        "http://[::1]/": None,
        "https://internal.example/": None,
    }.items():
        assert proxy_for(httpx.URL(url), proxy) == expected, url
    assert proxy_for(httpx.URL("https://api.example/"), None) is None
    assert proxy_for(httpx.URL("https://api.example/"), "") is None


# --------------------------------------------------------------------------------------------------------- secrets


def _everything_about(error: BaseException) -> str:
    """All that a log could show of an error, every local of ours on the way included."""
    assert error.__traceback__ is not None
    error.__traceback__ = error.__traceback__.tb_next  # the test itself may know its secrets
    lines = traceback.TracebackException.from_exception(error, capture_locals=True).format()
    return "".join(lines) + repr(error) + repr(vars(error))


async def test_no_failure_shows_a_secret(quick: Client, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    hidden = {"Authorization": Secret(f"Bearer {TOKEN}"), "X-Retouch-Token": Secret(TOKEN)}
    body = form_body({"refresh_token": TOKEN})

    async def nonsense(link: Link) -> None:
        await link.whole()
        link.writer.write(b"nonsense\r\n\r\n")

    handlers = [hang_up, lambda link: link.rest(), answering(500), answering(302), nonsense, answering(200, b"<p>")]
    for handler in handlers:
        async with serving(handler) as peer:
            for url in (peer.url, "http://127.0.0.1:1/", "http://no-such-host.invalid/"):
                request = HttpRequest("POST", url, "asking", secrets=hidden, body=body)
                asked = replace_method(request)
                for call in (
                    quick.send(request),
                    quick.pay(request, permit),
                    quick.pay(asked, permit),
                    quick.fetch(asked, Memory()),
                ):
                    assert TOKEN not in await _outcome(call)
                assert TOKEN not in repr(request)
    assert TOKEN not in caplog.text


async def _outcome(call: Awaitable[Answer]) -> str:
    try:
        return repr(await call)
    except ProviderError as error:
        return _everything_about(error)


def replace_method(request: HttpRequest) -> HttpRequest:
    return HttpRequest("GET", request.url, request.doing, secrets=request.secrets)


async def test_a_secret_that_no_header_takes_is_not_in_the_complaint(client: Client) -> None:
    for text in ("naïve-" + TOKEN, TOKEN + "\r\nX: y"):
        with pytest.raises(Blocked, match="sign in again") as caught:
            await client.send(get("http://127.0.0.1:1/", secrets={"Authorization": Secret(text)}))
        assert TOKEN not in _everything_about(caught.value)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("https://API.Example.com/", "https://api.example.com"),
        ("https://api.example.com:8443/base/", "https://api.example.com:8443/base"),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
        ("http://[::1]:1/x", "http://[::1]:1/x"),
        ("http://api.example.com", None),
        ("ftp://api.example.com", None),
        ("https://me:word@api.example.com", None),
        ("https://api.example.com/?a=b", None),
        ("https://", None),
        ("https://x:port", None),
        ("https://a\nb", None),
        ("", None),
    ],
)
def test_an_address_is_spelled_one_way_and_never_in_clear(given: str, expected: str | None) -> None:
    if expected is None:
        with pytest.raises(ValueError, match="must"):
            _service_url(given)
    else:
        assert _service_url(given) == expected


# --------------------------------------------------------------------------------------------------------- cancelling


async def test_a_cancel_waits_for_what_a_thread_has_begun() -> None:
    may_end = threading.Event()
    task = asyncio.create_task(in_thread(may_end.wait))
    await asyncio.sleep(0.02)
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0.01)
        assert not task.done()
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_after_thousands_of_cancels_every_request_still_succeeds(client: Client) -> None:
    chance = random.Random(7)

    async def wavering(link: Link) -> None:
        while True:
            await link.whole()
            await asyncio.sleep(chance.uniform(0, 0.004))
            await link.say(200, b"x" * 2_000)

    def endless() -> Iterator[bytes]:
        for _ in range(40):
            yield b"x" * 5_000

    async with serving(wavering) as peer:
        kinds: list[Callable[[], Awaitable[Answer]]] = [
            lambda: client.send(get(peer.url)),
            lambda: client.send(post(peer.url, Body("text/plain", 200_000, endless))),  # type: ignore[arg-type]
            lambda: client.pay(post(peer.url), permit),
            lambda: client.fetch(get(peer.url), Memory()),
        ]

        async def start_and_stop() -> None:
            task = asyncio.ensure_future(chance.choice(kinds)())
            await asyncio.sleep(chance.uniform(0, 0.006))
            task.cancel()
            with suppress(asyncio.CancelledError, ProviderError):
                await task

        for _ in range(CANCELS // 50):
            await asyncio.gather(*(start_and_stop() for _ in range(50)))
        started = time.monotonic()
        for kind in kinds * 10:
            assert (await kind()).status == 200
        assert time.monotonic() - started < 5
