"""Results behind a redirect: where they may come from, what goes along, and what is refused before a byte leaves."""

from __future__ import annotations

import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from artui.credentials import Secret
from artui.providers.base import Puzzling, Transient
from artui.providers.http import Client, HttpRequest
from artui.providers.http.addresses import is_public, may_be_public
from artui.providers.http.redirects import Misdirected, follow
from tests.certificates import CERTIFICATE
from tests.peer import Link, Memory, answering, serving

TOKEN = "eyJ-a-token-that-nobody-may-see"
DATE = "Date: Mon, 01 Jan 2001 00:00:00 GMT\r\n"


@pytest.fixture
def authority(tmp_path: Path) -> tuple[Path, ssl.SSLContext]:
    path = tmp_path / "authority.pem"
    path.write_text(CERTIFICATE)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return path, context


@pytest.fixture
async def client(authority: tuple[Path, ssl.SSLContext]) -> AsyncIterator[Client]:
    opened = Client("Studio", ca_file=str(authority[0]), read=5)
    yield opened
    await opened.close()


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """What names lead to here; all others as ever."""
    known: dict[str, list[str]] = {}
    really = socket.getaddrinfo

    def looked_up(host: str, port: Any, *more: Any, **named: Any) -> Any:
        if host not in known:
            return really(host, port, *more, **named)
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (one, port, 0, 0))
            if ":" in one
            else (socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port))
            for one in known[host]
        ]

    monkeypatch.setattr(socket, "getaddrinfo", looked_up)
    return known


def pointing(target: str, status: int = 302) -> Callable[[Link], Awaitable[None]]:
    return answering(status, headers=f"Location: {target}\r\nSet-Cookie: a=b\r\n")


async def fetched(client: Client, url: str, **more: Any) -> bytes:
    memory = Memory()
    secrets = {"Authorization": Secret(f"Bearer {TOKEN}")}
    request = HttpRequest("GET", url, "fetching", headers={"X-Ours": "ours"}, secrets=secrets)
    answer = await client.fetch(request, memory, **more)
    assert answer.status == 200
    return memory.content


# ------------------------------------------------------------------------------------------------------ what may be


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1:248:1893:25c8:1946", True),
        ("64:ff9b::93.184.216.34", True),
        ("::ffff:93.184.216.34", True),
        ("127.0.0.1", False),
        ("0.0.0.0", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("198.18.0.1", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::", False),
        ("::1", False),
        ("::127.0.0.1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("64:ff9b::10.0.0.1", False),
        ("64:ff9b:1::1", False),
        ("2002:7f00:1::", False),
        ("2001:0:4136:e378:8000:63bf:3fff:fdd2", False),
        ("fe80::1", False),
        ("fe80::1%eth0", False),
        ("2606:2800:220:1:248:1893:25c8:1946%1", False),
        ("fc00::1", False),
        ("fec0::1", False),
        ("ff02::1", False),
        ("2001:db8::1", False),
        ("nonsense", False),
    ],
)
def test_which_addresses_are_public(address: str, expected: bool) -> None:
    assert is_public(address) is expected


@pytest.mark.parametrize(
    "target",
    [
        "http://storage.example/file",
        "http://93.184.216.34/",
        "https://127.0.0.1/",
        "https://127.0.0.1./",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0x7f.0.0.1/",
        "https://0177.0.0.1/",
        "https://127。0。0。1/",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest/meta-data",
        "https://0.0.0.0/",
        "https://0/",
        "https://[::1]/",
        "https://[::]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:7f00:1]/",
        "https://[fe80::1%25eth0]/",
        "https://[fd00::1]/",
        "https://localhost/",
        "https://LOCALHOST./",
        "https://some.localhost/",
        "https://printer.local/",
        "https://metadata.google.internal/",
        "https://intranet/",
        "https://service.home.arpa/",
        "https://user:word@storage.example/",
        "https://studio.example@storage.example/",
        "https://studio.example\\@storage.example/",
        "https://storage.example\\@127.0.0.1/",
        "ftp://storage.example/",
        "file:///etc/passwd",
        "data:image/png;base64,AAAA",
        "//127.0.0.1/file",
        "//user@studio.example/file",
        "http://[",
        "x:",
    ],
)
def test_what_a_public_service_may_not_point_to(target: str) -> None:
    with pytest.raises(Misdirected):
        follow(HttpRequest("GET", "https://studio.example/result", "fetching"), target)


def test_what_goes_along() -> None:
    request = HttpRequest(
        "GET", "https://studio.example/result", "fetching", {"a": "b"}, {"X": "y"}, {"Key": Secret("k")}
    )
    at_home = follow(request, "/other?c=d")
    assert (at_home.url, at_home.params, at_home.secrets) == ("https://studio.example/other?c=d", {}, request.secrets)
    for target in ("https://storage.example/file?sig=1", "//storage.example/file?sig=1"):
        abroad = follow(request, target)
        assert abroad == HttpRequest("GET", "https://storage.example/file?sig=1", "fetching")
        assert follow(abroad, "https://studio.example/result").secrets == {}
    for target in ("https://studio.example:8443/", "https://cdn.studio.example/"):
        assert follow(request, target).secrets == {}
    assert may_be_public("storage.example.")


# ---------------------------------------------------------------------------------------------------- from loopback


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_this_machine_may_point_to_itself(client: Client, status: int) -> None:
    async with serving(answering(200, b"file")) as storage:
        for name in ("127.0.0.1", "localhost"):
            target = storage.url.replace("127.0.0.1", name)
            async with serving(pointing(f"{target}/kept?sig=1", status)) as peer:
                assert await fetched(client, peer.url) == b"file"
        assert set(storage.requests) == {b"GET /kept?sig=1 HTTP/1.1"}
        for link in storage.links:
            said = bytes(link.received).lower()
            assert TOKEN.lower().encode() not in said
            assert not any(word in said for word in (b"authorization", b"cookie", b"referer", b"x-ours"))


async def test_the_host_that_gave_a_file_is_told_where_it_is_not_the_services_own(client: Client) -> None:
    async with serving(answering(200, b"file")) as storage, serving(pointing(f"{storage.url}/kept?sig=1")) as peer:
        for url, host in ((peer.url, "127.0.0.1"), (storage.url, "")):
            memory = Memory()
            await client.fetch(HttpRequest("GET", url, "fetching"), memory)
            assert memory.host == host


async def test_as_many_as_five_are_followed(client: Client) -> None:
    async def chain(link: Link) -> None:
        while True:
            place = int((await link.head()).split()[1].strip(b"/"))
            if place == 5:
                await link.say(200, b"file")
            else:
                await link.say(302, headers=f"Location: /{place + 1}\r\n")

    async with serving(chain) as peer:
        assert await fetched(client, f"{peer.url}/0") == b"file"
        with pytest.raises(Puzzling, match="more than 5"):
            await fetched(client, f"{peer.url}/-1")


async def test_the_secrets_do_not_come_back_with_the_way_home(client: Client) -> None:
    async def home(link: Link) -> None:
        while True:
            head = await link.head()
            if b"/back" in head:
                await link.say(200, b"file")
            else:
                await link.say(302, headers=f"Location: {abroad.url}/\r\n")

    async with serving(home) as peer, serving(pointing(f"{peer.url}/back")) as abroad:
        assert await fetched(client, peer.url) == b"file"
        first, back = (line for line in peer.links for line in bytes(line.received).split(b"GET ")[1:])
        assert TOKEN.encode() in first
        assert TOKEN.encode() not in back


async def test_what_a_redirect_in_a_chain_may_not_do(client: Client, names: dict[str, list[str]]) -> None:
    names["storage.example"] = ["127.0.0.1"]
    async with serving(answering(200, b"stolen")) as inner:
        port = inner.url.rpartition(":")[2]
        targets = (f"http://0.0.0.0:{port}/", f"https://storage.example:{port}/", f"http://storage.example:{port}/")
        for target in (*targets, f"http://2130706433:{port}/", f"http://[::ffff:0:0]:{port}/"):
            async with serving(pointing(target)) as second, serving(pointing(second.url)) as first:
                with pytest.raises(Puzzling):
                    await fetched(client, first.url)
        assert inner.links == []


# ------------------------------------------------------------------------------------------------ the public internet


@pytest.mark.parametrize(
    "addresses", [["10.0.0.1"], ["127.0.0.1"], ["93.184.216.34", "127.0.0.1"], ["::1"], ["::ffff:127.0.0.1"]]
)
async def test_a_name_with_an_address_that_is_not_public_is_not_connected_to(
    client: Client, names: dict[str, list[str]], addresses: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    names["storage.example"] = addresses
    monkeypatch.setattr("artui.providers.http.transport._socket", lambda _: pytest.fail("a connection was begun"))
    with pytest.raises(Puzzling, match="not public"):
        await client.fetch(
            HttpRequest("GET", "https://storage.example/file", "fetching"), Memory(), named_by="https://studio.example"
        )


async def test_a_public_storage_gets_the_bare_address_and_no_word_of_it_counts(
    client: Client,
    authority: tuple[Path, ssl.SSLContext],
    names: dict[str, list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names["service.invalid"] = ["127.0.0.1"]
    monkeypatch.setattr("artui.providers.http.transport.is_public", lambda address: address == "127.0.0.1")

    async def storage(link: Link) -> None:
        while True:
            head = await link.head()
            status = int(head.split()[1].strip(b"/"))
            await link.say(status, b"file" if status == 200 else b'{"status": 460}', DATE)

    async with serving(storage, context=authority[1]) as peer:
        place = f"https://service.invalid:{peer.url.rpartition(':')[2]}"
        async with serving(pointing(f"{place}/200")) as home:
            assert await fetched(client, home.url) == b"file"
            assert TOKEN.encode() in bytes(home.links[0].received)
        assert client.service_time is None or client.service_time > 1_600_000_000, "its clock is not the service's"
        for status in (400, 401, 403, 460):
            async with serving(pointing(f"{place}/{status}")) as home:
                with pytest.raises(Puzzling, match=f"refuses it.*{status}"):
                    await fetched(client, home.url)
        async with serving(pointing(f"{place}/503")) as home:
            with pytest.raises(Transient, match="not now"):
                await fetched(client, home.url)
        async with serving(pointing(f"{place}/404")) as home:
            answer = await client.fetch(HttpRequest("GET", home.url, "fetching"), Memory())
            assert (answer.status, answer.body) == (404, b"")
        assert not any(TOKEN.encode() in bytes(link.received) for link in peer.links)


async def test_a_proxy_looks_names_up_itself_and_addresses_are_judged_here(
    authority: tuple[Path, ssl.SSLContext], names: dict[str, list[str]]
) -> None:
    names["storage.example"] = ["127.0.0.1"]
    async with serving(answering(502)) as proxy:
        through = Client("Studio", proxy=proxy.url, ca_file=str(authority[0]), read=5)
        for target in ("https://storage.example/", "https://93.184.216.34/"):
            with pytest.raises(Transient, match="proxy"):
                async with serving(pointing(target)) as home:
                    await fetched(through, home.url)
        seen = [line.split()[1] for line in proxy.requests]
        assert seen == [b"storage.example:443", b"93.184.216.34:443"]
        for target in ("https://10.0.0.1/", "https://0x7f.1/", "https://localhost.localdomain/", "https://nas/"):
            with pytest.raises(Puzzling):
                async with serving(pointing(target)) as home:
                    await fetched(through, home.url)
        assert len(proxy.requests) == 2
        await through.close()
