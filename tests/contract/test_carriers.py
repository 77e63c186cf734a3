"""What stands between artui and a service: storages that results lie in, hosts that turn uploads away, photos on which
the service fails each time."""

from __future__ import annotations

import gzip
import re
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.contract.autoretouch import AutoRetouch
from tests.contract.desk import Desk, Ran
from tests.contract.pictures import digest, photos, png_result
from tests.contract.serving import Answer, Request, html, said, text

Form = Callable[[bytes], bytes]


class Storage:
    """Answers each request with raw bytes made from what lies under its path, and hangs up."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.heads: list[bytes] = []
        self.form: Form = whole
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                link, _ = self._socket.accept()
            except OSError:
                return
            with link:
                head = b""
                while b"\r\n\r\n" not in head and (block := link.recv(65_536)):
                    head += block
                if head:
                    self.heads.append(head)
                    link.sendall(self.form(self.files.get(head.split()[1].decode().partition("?")[0], b"")))

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


def headed(body: bytes, *lines: str, status: str = "200 OK") -> bytes:
    return "\r\n".join((f"HTTP/1.1 {status}", *lines, "Connection: close", "", "")).encode() + body


def whole(body: bytes) -> bytes:
    return headed(body, f"Content-Length: {len(body)}")


def compressed(body: bytes) -> bytes:
    return headed(gzip.compress(body), "Content-Encoding: gzip")


def a_part(body: bytes) -> bytes:
    size = len(body)
    return headed(body, f"Content-Range: bytes 0-{size - 1}/{size}", status="206 Partial Content")


def until_the_end(body: bytes) -> bytes:
    return headed(body)


class Stored(AutoRetouch):
    """Results lie in a storage: the service points there."""

    def __init__(self, storage: Storage) -> None:
        super().__init__()
        self.storage = storage
        self.target = ""
        self.poisoned = b""
        self.refusal: Answer | None = None
        self.is_down = False

    def answer(self, request: Request) -> Answer:
        if self.is_down:
            return html(503)
        if request.path == "/upload" and request.method == "POST" and self.poisoned in request.body:
            return self.refusal or html(500)
        found = super().answer(request)
        if "/image/" in request.path and found.status == 200:
            place = f"/kept{len(self.storage.files)}"
            self.storage.files[place] = found.body
            return Answer(302, headers={"Location": self.target or f"{self.storage.url}{place}?sig=1"})
        return found


@pytest.fixture
def service() -> Iterator[Stored]:
    storage = Storage()
    with Stored(storage) as serving:
        serving.poisoned = b"nothing has this in it"
        yield serving
    storage.close()


@pytest.fixture
def desk(desks: Callable[..., Desk], service: Stored) -> Desk:
    made: Desk = desks(tokens={"studio": "seed-token-A"})
    made.configure(service.config())
    return made


def send(desk: Desk, *paths: object, patience: float = 60) -> Ran:
    return desk.artui("submit", *paths, "-o", desk.out, "--yes", "--wait", patience=patience)


@pytest.mark.parametrize("unstated", [False, True])
@pytest.mark.parametrize("form", [whole, compressed, a_part, until_the_end])
def test_a_result_behind_a_redirect_is_saved_and_the_storage_sees_no_secret(
    desk: Desk, service: Stored, form: Form, unstated: bool
) -> None:
    service.storage.form, service.unstated = form, unstated
    made = photos(desk.inbox, 1, 2)
    ran = send(desk, *made)
    assert ran.code == 0, ran
    desk.check(made)
    assert len(service.ledger) == 2
    assert service.most() == 1
    for head in service.storage.heads:
        assert re.match(rb"GET /kept\d+\?sig=1 ", head)
        assert not re.search(rb"(?i)authorization|bearer|cookie|token", head)


def test_a_result_that_ends_too_early_is_never_saved(desk: Desk, service: Stored) -> None:
    service.unstated = True
    service.storage.form = lambda body: headed(body[:-20])
    ran = send(desk, *photos(desk.inbox, 1))
    assert ran.code == 7, ran
    assert desk.held() == [("held", "result damaged")]
    assert not desk.results()
    assert len(service.ledger) == 1
    service.storage.form = until_the_end
    desk.artui("retry", 1)
    desk.until(lambda: desk.held() == [("done", "")])
    assert len(service.ledger) == 1


@pytest.mark.parametrize("target", ["http://10.0.0.1/x", "https://localhost.example.internal/x", "/v1/image/0/again"])
def test_a_service_that_points_nowhere_is_told_after_three_times(desk: Desk, service: Stored, target: str) -> None:
    service.target = target
    if target.startswith("/"):
        service.results["0"] = png_result("0", "0")
    ran = send(desk, *photos(desk.inbox, 1))
    assert ran.code == 7, ran
    [job] = desk.jobs()
    assert (job["stage"], job["status"], job["reason"]) == ("processed", "held", "trouble at the service")
    assert "points" in job["message"]
    assert not service.storage.heads
    service.target = ""
    desk.artui("retry", 1)
    desk.until(lambda: desk.held() == [("done", "")])
    assert len(service.ledger) == 1


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (html(413), "413"),
        (Answer(413, b'{"title": "Large", "detail": "at most 7 MB"}', "application/problem+json"), "at most 7 MB"),
        (said({"status": 415, "error": "Unsupported Media Type", "message": ""}, 415), "Unsupported Media Type"),
        (text("no such camera", 400), "no such camera"),
        (Answer(400), "bad request"),
    ],
    ids=["page", "problem", "spring", "text", "empty"],
)
def test_a_photo_that_is_turned_away_fails_with_the_words_and_is_sent_once(
    desk: Desk, service: Stored, refusal: Answer, words: str
) -> None:
    one, other = photos(desk.inbox, "poisoned", 2)
    service.poisoned, service.refusal = b"photo poisoned", refusal
    ran = send(desk, one, other)
    assert ran.code == 1, ran
    told = {Path(job["source"]).name: job for job in desk.jobs()}
    assert told[one.name]["status"] == "failed"
    assert words in told[one.name]["message"]
    assert told[other.name]["status"] == "done"
    uploads = [one for one in service.requests if one.path == "/upload" and one.method == "POST"]
    assert len(uploads) == 2
    assert len(service.ledger) == 1


def test_photos_on_which_the_service_always_fails_are_set_aside_and_the_others_are_done(
    desk: Desk, service: Stored
) -> None:
    made = photos(desk.inbox, "a", "poisoned 1", "poisoned 2", "y", "z")
    service.poisoned = b"photo poisoned"
    ran = send(desk, *made, patience=180)
    assert ran.code == 7, ran
    states = {Path(job["source"]).name: (job["status"], job["reason"]) for job in desk.jobs()}
    assert [states[one.name] for one in made[1:3]] == [("held", "trouble at the service")] * 2
    assert [states[one.name][0] for one in (made[0], *made[3:])] == ["done"] * 3
    assert "artui retry" in desk.artui("job", 2).out
    service.poisoned = b"nothing has this in it"
    desk.artui("retry", 2, 3)
    desk.until(lambda: {state for state, _ in desk.held()} == {"done"})
    desk.check(made)
    assert len(service.ledger) == 5
    assert service.most() == 1


def test_while_the_whole_service_is_down_nothing_is_set_aside(desk: Desk, service: Stored) -> None:
    made = photos(desk.inbox, *range(8))
    program = desk.start("submit", *made, "-o", desk.out, "--yes", "--wait")
    desk.until(lambda: service.ledger, patience=40)
    service.is_down = True
    asked = len(service.requests)
    desk.until(lambda: len(service.requests) >= asked + 24, patience=90)  # three times for each photo
    assert "held" not in {state for state, _ in desk.held()}
    waiting = [job for job in desk.jobs() if job["reason"] == "try again"]
    assert all("next at" in desk.artui("job", job["id"]).out for job in waiting)
    service.is_down = False
    assert program.wait(120) == 0
    desk.check(made)
    assert len(service.ledger) == 8
    assert {digest(one.read_bytes()) for one in made} == {charge.photo for charge in service.ledger}
