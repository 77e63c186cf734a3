"""The stand-in answers as the fact sheets say, goes wrong on request, and accounts for every charge."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
from PIL import Image

from artui.sim import imaging
from artui.sim.photos import noise_jpeg, sample_photos
from artui.sim.server import Simulator, running
from tests.studio import ASKING, NOBODY
from tests.waiting import until

CLIENT_ID = "V8EkfbxtBi93cAySTVWAecEum4d6pt4J"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
SPEED = 100


class Customer:
    """Somebody signed in at the stand-in."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self.account = simulator.announcement()["autoretouch"]
        self.login = httpx.Client(base_url=self.account["auth_url"], timeout=5, verify=NOBODY)
        self.api = httpx.Client(base_url=self.account["api_url"], timeout=5, verify=NOBODY)
        self.control = httpx.Client(base_url=simulator.url + "/_sim", verify=NOBODY)
        self.api.headers["Authorization"] = f"Bearer {self.refresh().json()['access_token']}"

    def refresh(self, refresh_token: str | None = None) -> httpx.Response:
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token or self.account["refresh_token"]}
        return self.login.post("/oauth/token", data=form | {"client_id": CLIENT_ID})

    def workflow(self, name: str) -> dict[str, Any]:
        return next(one for one in self.api.get("/v1/workflow").json()["entries"] if one["name"] == name)

    def upload(self, photo: bytes, name: str = "boot 7.jpg") -> httpx.Response:
        return self.api.post("/upload", files={"file": (name, photo, "image/jpeg")}, data={"filesize": str(len(photo))})

    def create(self, workflow: str, photo: bytes, key: str = "key", **more: Any) -> httpx.Response:
        image = {"name": "boot 7.jpg", "contentHash": self.upload(photo).text, "contentType": "image/jpeg"}
        body = {"image": image, "labels": {"artui_job": key}, **more}
        return self.api.post(
            "/v1/workflow/execution/create", params={"workflow": self.workflow(workflow)["id"]}, json=body
        )

    def details(self, execution: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.api.get(f"/v1/workflow/execution/{execution}").json()
        return answer

    def wait(self, execution: str, status: str) -> dict[str, Any]:
        until(lambda: self.details(execution)["status"] == status)
        return self.details(execution)

    def break_(self, route: str, do: str, **counts: int) -> None:
        answer = self.control.post("/faults", json=[{"route": f"autoretouch.{route}", "do": do, **counts}])
        assert answer.status_code == 204, answer.text

    def options(self, **options: Any) -> None:
        assert self.control.post("/options", json=options).status_code == 204

    @property
    def ledger(self) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = self.control.get("/ledger").json()
        return entries

    def close(self) -> None:
        for client in (self.login, self.api, self.control):
            client.close()


@pytest.fixture
def customer() -> Iterator[Customer]:
    with running(Simulator(speed=SPEED, device_interval=0.5, extra_workflows=60)) as simulator:
        customer = Customer(simulator)
        yield customer
        customer.close()


@pytest.fixture(scope="module")
def photo() -> bytes:
    return _photo("navy")


def _photo(colour: str) -> bytes:
    picture = Image.new("RGB", (320, 240), "white")
    picture.paste(colour, (80, 60, 240, 180))
    written = io.BytesIO()
    picture.save(written, "JPEG")
    return written.getvalue()


# The answers.


@pytest.mark.parametrize("prefix", ["", "/v1"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_every_prefix_and_slash_is_answered(customer: Customer, prefix: str, slash: str) -> None:
    workflow = customer.workflow("Export only")["id"]
    for path in ("/workflow", f"/workflow/{workflow}", "/organization", "/organization/balance", "/workflow/execution"):
        odd = {"Content-Type": "text/event-stream"}
        assert customer.api.get(prefix + path + slash, headers=odd).status_code == 200
    assert ASKING.get(customer.account["api_url"] + "/health" + slash).status_code == 200


def test_pages_have_exactly_two_keys_and_at_most_fifty_entries(customer: Customer) -> None:
    first = customer.api.get("/v1/workflow").json()
    rest = customer.api.get("/v1/workflow", params={"limit": 500, "offset": 50}).json()
    assert first.keys() == {"entries", "total"}
    assert len(first["entries"]) == 50
    assert (
        len(first["entries"] + rest["entries"])
        == first["total"]
        == len({*map(_id, first["entries"] + rest["entries"])})
    )
    assert first["entries"][0].keys() == {
        "id", "version", "name", "date", "author", "workflowComponents", "executionPrice",
    }  # fmt: skip
    assert customer.api.get("/v1/workflow", params={"limit": "many"}).status_code == 400


def _id(document: dict[str, Any]) -> str:
    return str(document["id"])


def test_workflows_differ_in_price_and_two_share_a_name(customer: Customer) -> None:
    entries = customer.api.get("/v1/workflow").json()["entries"]
    prices = [one["executionPrice"] for one in entries]
    assert (min(prices), max(prices)) == (10, 57)
    assert [one["name"] for one in entries].count("Background Removal") == 2
    single = customer.api.get(f"/workflow/{entries[0]['id']}").json()
    assert single["workflowComponents"][-1]["settings"] == {"targetFormat": "PNG", "targetMode": "RGBA"}


def test_errors_have_the_body_of_the_api_host(customer: Customer) -> None:
    error = customer.api.get("/v1/workflow/unknown")
    assert error.status_code == 404
    body = error.json()
    assert body.keys() == {"timestamp", "status", "error", "message", "path"}
    assert (body["error"], body["message"], body["path"]) == ("Not Found", "", "/v1/workflow/unknown")
    assert ASKING.get(customer.account["api_url"] + "/v1/workflow").status_code == 401
    assert customer.api.get("/v1/image").json()["status"] == 404


def test_each_organization_has_its_own_balance_and_images(customer: Customer, photo: bytes) -> None:
    one, two = (customer.api.get("/v1/organization").json()["entries"][at]["id"] for at in (0, 1))
    digest = customer.upload(photo).text
    customer.control.post("/credits", json={"provider": "autoretouch", "set": 7, "owner": two})
    customer.control.post("/credits", json={"provider": "autoretouch", "add": 4})
    for organization, credits_left, status in ((one, "5004", 200), (two, "11", 404)):
        scope = {"organization": organization}
        assert customer.api.get("/v1/organization/balance", params=scope).text == credits_left
        assert customer.api.head("/upload", params=scope | {"contentHash": digest}).status_code == status
    assert customer.api.get("/company/balance").json() == 5004


def test_an_upload_answers_with_its_bare_digest(customer: Customer, photo: bytes) -> None:
    answer = customer.upload(photo)
    assert (answer.status_code, answer.text) == (201, hashlib.sha256(photo).hexdigest())
    assert answer.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize("content", [b"", b"<html>", b"\xff\xd8\xff\xe0 no picture"])
def test_what_is_no_picture_is_refused_on_upload(customer: Customer, content: bytes) -> None:
    assert customer.upload(content).status_code == 422


def test_a_picture_cut_off_is_refused_on_upload(customer: Customer, photo: bytes) -> None:
    assert customer.upload(photo[: len(photo) // 2]).status_code == 422


def test_an_execution_completes_and_its_result_comes_three_ways(customer: Customer, photo: bytes) -> None:
    created = customer.create("Background Removal", photo)
    assert created.status_code == 201
    assert len(created.text) == 36
    early = customer.details(created.text)
    assert early["status"] in {"CREATED", "ACTIVE"}
    assert early["resultPath"] is None
    done = customer.wait(created.text, "COMPLETED")
    assert (done["resultFileName"], done["resultContentType"]) == ("boot 7.png", "image/png")
    assert (done["labels"], done["chargedCredits"]) == ({"artui_job": "key"}, 10)
    assert done["createdAt"] <= done["startedAt"] <= done["finishedAt"]
    ways = (done["resultPath"], "/v1" + done["resultPath"], f"/v1/workflow/execution/{created.text}/result/default")
    results = [customer.api.get(way) for way in ways]
    assert {result.headers["content-type"] for result in results} == {"image/png"}
    (result,) = {result.content for result in results}
    assert hashlib.sha256(result).hexdigest() == done["resultContentHash"]
    assert imaging.input_digest(result) == hashlib.sha256(photo).hexdigest()


@pytest.mark.parametrize("name", ["label[my key]", "labels[my key]"])
def test_a_form_creates_with_labels_of_either_spelling(customer: Customer, photo: bytes, name: str) -> None:
    query = {"workflow": customer.workflow("Export only")["id"], name: "a b"}
    created = customer.api.post("/workflow/execution/create", params=query, files={"file": ("x.jpg", photo)})
    details = customer.details(created.text)
    assert (details["labels"], details["inputFileName"]) == ({"my key": "a b"}, "x.jpg")
    assert details["inputContentHash"] == hashlib.sha256(photo).hexdigest()


def test_bad_creates_are_refused_and_cost_nothing(customer: Customer, photo: bytes) -> None:
    workflow = customer.workflow("Export only")["id"]
    image = {"name": "a.jpg", "contentHash": customer.upload(photo).text}
    for status, query, body in (
        (400, {}, {"image": image}),
        (404, {"workflow": "unknown"}, {"image": image}),
        (404, {"workflow": workflow, "version": "unknown"}, {"image": image}),
        (404, {"workflow": workflow}, {"image": image | {"contentHash": "0" * 64}}),
        (400, {"workflow": workflow}, {"image": {"name": "a.jpg"}}),
        (400, {"workflow": workflow}, {"image": image, "labels": {"n": 1}}),
        (400, {"workflow": workflow}, ["image"]),
    ):
        assert customer.api.post("/workflow/execution/create", params=query, json=body).status_code == status
    assert customer.ledger == []


def test_the_list_is_newest_first_and_batches_are_counted(customer: Customer, photo: bytes) -> None:
    batch = {f"autoretouch_batch_{name}": name for name in ("id", "name", "createdAt")}
    ids = [customer.create("Export only", photo, labels=batch).text for _ in range(3)]
    customer.create("Print Master", photo)
    workflow = customer.workflow("Export only")["id"]
    page = customer.api.get("/v1/workflow/execution", params={"workflow": workflow, "limit": 2}).json()
    assert [one["id"] for one in page["entries"]] == ids[:0:-1]
    assert page["total"] == 3
    assert customer.api.get("/v1/workflow/execution").json()["total"] == 4
    (entry,) = customer.api.get("/v1/batch", params={"batchId": "id"}).json()["entries"]
    assert (entry["executions"], entry["price"], entry["workflowName"]) == (3, 30, "Export only")


# Signing in.


def test_a_device_signs_in_when_a_person_confirms(customer: Customer) -> None:
    device = _begin_device_login(customer)
    assert _poll(customer, device).json()["error"] == "authorization_pending"
    too_soon = _poll(customer, device)
    assert (too_soon.status_code, too_soon.json()["error"]) == (429, "slow_down")
    page = ASKING.get(device["verification_uri_complete"])
    assert device["user_code"] in page.text
    form = {"user_code": device["user_code"], "confirm": "1"}
    assert ASKING.post(device["verification_uri"], data=form).status_code == 200
    tokens = until(
        lambda: (answer := _poll(customer, device)).status_code == 200 and answer.json(), rest=lambda: time.sleep(0.6)
    )
    assert tokens.keys() == {"access_token", "refresh_token", "scope", "expires_in", "token_type"}
    claims = json.loads(base64.urlsafe_b64decode(tokens["access_token"].split(".")[1] + "=="))
    assert claims["https://autoretouch.com/selectedOrganization"] == customer.account["organization"]
    assert _poll(customer, device).json()["error"] == "invalid_grant"
    assert customer.refresh(tokens["refresh_token"]).status_code == 200


def test_a_person_may_refuse_and_a_code_runs_out(customer: Customer) -> None:
    refused = _begin_device_login(customer)
    ASKING.get(refused["verification_uri_complete"] + "&deny=1")
    assert _poll(customer, refused).json()["error"] == "access_denied"
    customer.options(device_lifetime=0)
    late = _begin_device_login(customer)
    assert [_poll(customer, late).json()["error"] for _ in range(2)] == ["expired_token", "invalid_grant"]


def _begin_device_login(customer: Customer) -> dict[str, Any]:
    form = {"client_id": CLIENT_ID, "scope": "offline_access", "audience": "https://api.autoretouch.com"}
    device: dict[str, Any] = customer.login.post("/oauth/device/code", data=form).json()
    return device


def _poll(customer: Customer, device: dict[str, Any]) -> httpx.Response:
    form = {"grant_type": DEVICE_GRANT, "device_code": device["device_code"], "client_id": CLIENT_ID}
    return customer.login.post("/oauth/token", data=form)


def test_refresh_tokens_stay_unless_rotation_is_on(customer: Customer) -> None:
    assert customer.refresh().json().keys() == {"access_token", "scope", "expires_in", "token_type"}
    customer.options(rotate_refresh_tokens=True)
    new = customer.refresh().json()["refresh_token"]
    assert customer.refresh().json()["error"] == "invalid_grant"
    assert customer.refresh(new).status_code == 200


def test_a_revoked_refresh_token_is_an_invalid_grant(customer: Customer) -> None:
    body = {"client_id": CLIENT_ID, "token": customer.account["refresh_token"]}
    assert customer.login.post("/oauth/revoke", json=body).status_code == 200
    assert (customer.refresh().status_code, customer.refresh().json()["error"]) == (403, "invalid_grant")


def test_access_tokens_die_of_age(customer: Customer) -> None:
    customer.options(token_lifetime=0)
    assert customer.api.get("/v1/workflow").status_code == 401
    customer.options(token_lifetime=60)
    assert customer.refresh().json()["expires_in"] == 60


# An execution's life.


def test_a_charge_is_in_the_ledger_once_with_key_and_digest(customer: Customer, photo: bytes) -> None:
    execution = customer.create("Print Master", photo, key="k-1").text
    customer.wait(execution, "COMPLETED")
    (charge,) = customer.ledger
    assert charge.pop("at") == pytest.approx(time.time(), abs=60)
    assert charge == {
        "provider": "autoretouch",
        "execution": execution,
        "workflow": customer.workflow("Print Master")["id"],
        "key": "k-1",
        "owner": customer.account["organization"],
        "digest": hashlib.sha256(photo).hexdigest(),
        "credits": 30,
    }
    assert customer.api.get("/v1/organization/balance").text == "4970"


def test_a_failure_is_free_and_a_retry_that_succeeds_is_charged_under_the_first_key(
    customer: Customer, photo: bytes
) -> None:
    execution = customer.create("Fails once", photo, key="k-2").text
    assert customer.wait(execution, "FAILED")["chargedCredits"] == 0
    assert customer.ledger == []
    retry = customer.api.post(f"/v1/workflow/execution/{execution}/retry", headers={"Content-Type": "application/json"})
    assert (retry.status_code, retry.text) == (200, "")
    assert customer.details(execution)["status"] in {"CREATED", "ACTIVE"}
    assert customer.wait(execution, "COMPLETED")["chargedCredits"] == 16
    assert [(charge["key"], charge["credits"]) for charge in customer.ledger] == [("k-2", 16)]
    assert customer.api.post(f"/workflow/execution/{execution}/retry").status_code == 400


def test_missing_credits_park_an_execution_until_it_is_retried(customer: Customer, photo: bytes) -> None:
    customer.control.post("/credits", json={"provider": "autoretouch", "set": 9})
    execution = customer.create("Export only", photo).text
    customer.wait(execution, "PAYMENT_REQUIRED")
    customer.control.post("/credits", json={"provider": "autoretouch", "add": 1})
    assert customer.details(execution)["status"] == "PAYMENT_REQUIRED"
    assert customer.api.post(f"/workflow/execution/{execution}/retry").status_code == 200
    customer.wait(execution, "COMPLETED")
    assert customer.api.get("/v1/organization/balance").text == "0"


def test_a_human_check_comes_before_the_result(customer: Customer, photo: bytes) -> None:
    customer.options(qa=10_000_000)
    execution = customer.create("Human check", photo).text
    assert customer.wait(execution, "IN_QA")["resultPath"] is None
    customer.options(qa=0)
    assert customer.details(execution)["status"] == "COMPLETED"


def test_options_change_what_it_does(customer: Customer, photo: bytes) -> None:
    old = customer.workflow("Export only")
    customer.options(price={old["id"]: 12}, charge="end", labels="drop", unknown_status="THINKING")
    new = customer.workflow("Export only")
    assert new["executionPrice"] == 12
    assert new["version"] != old["version"]
    execution = customer.create("Export only", photo).text
    assert customer.ledger == []

    def is_seen_at_work() -> bool:
        nonlocal execution
        if customer.details(execution)["status"] == "COMPLETED":  # its work is short, and was missed
            execution = customer.create("Export only", photo).text
        return bool(customer.details(execution)["status"] == "THINKING")

    assert until(is_seen_at_work)
    done = customer.wait(execution, "COMPLETED")
    charged = [charge["credits"] for charge in customer.ledger if charge["execution"] == execution]
    assert (done["labels"], done["chargedCredits"], charged) == ({}, 12, [12])
    customer.options(result_gone=True)
    assert customer.api.get(done["resultPath"]).status_code == 404
    for wrong in ({"nonsense": 1}, {"charge": "never"}, {"qa": "long"}, {"price": {"unknown": 1}}):
        assert customer.control.post("/options", json=wrong).status_code == 400


def test_a_pinned_version_keeps_its_price(customer: Customer, photo: bytes) -> None:
    old = customer.workflow("Export only")
    customer.options(price={old["id"]: 12})
    query = {"workflow": old["id"], "version": old["version"]}
    customer.api.post("/workflow/execution/create", params=query, files={"file": ("x.jpg", photo)})
    assert [charge["credits"] for charge in customer.ledger] == [10]


def test_a_webhook_tells_of_the_completion(customer: Customer, photo: bytes) -> None:
    told: list[dict[str, Any]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Receiver) as receiver:
        thread = Thread(target=receiver.handle_request)
        thread.start()
        hook = f"http://127.0.0.1:{receiver.server_port}/secret"
        execution = customer.create("Export only", photo, webhooks=[hook]).text
        thread.join(10)
    (event,) = told
    assert event["event"] == "WORKFLOW_EXECUTION_COMPLETED"
    assert event["content"] == customer.details(execution)


def test_the_same_seed_gives_the_same_world() -> None:
    worlds = [[*Simulator(seed=seed).announcement()["autoretouch"].values()] for seed in (4, 4, 5)]
    assert worlds[0] == worlds[1] != worlds[2]


# Faults.


def test_a_dropped_answer_has_acted_or_not(customer: Customer, photo: bytes) -> None:
    for do, charges in (("drop_before", 0), ("drop_after", 1)):
        customer.break_("create", do)
        with pytest.raises(httpx.TransportError):
            customer.create("Export only", photo)
        assert len(customer.ledger) == charges
        assert (customer.simulator.history[-1]["fault"], customer.simulator.history[-1]["answer"]) == (do, None)
    assert customer.create("Export only", photo).status_code == 201


def test_a_lost_answer_to_a_retry_has_acted(customer: Customer, photo: bytes) -> None:
    execution = customer.create("Fails once", photo).text
    customer.wait(execution, "FAILED")
    customer.break_("retry", "drop_after")
    with pytest.raises(httpx.TransportError):
        customer.api.post(f"/workflow/execution/{execution}/retry")
    customer.wait(execution, "COMPLETED")
    assert len(customer.ledger) == 1


def test_a_status_fault_counts_and_says_when_to_come_back(customer: Customer) -> None:
    customer.break_("balance", "status:429:7", after=1, times=2)
    answers = [customer.api.get("/v1/organization/balance") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 429, 429, 200]
    assert answers[1].headers["retry-after"] == "7"
    assert answers[1].json()["status"] == 429


def test_faults_can_match_many_routes_and_be_cleared(customer: Customer) -> None:
    customer.break_("*", "status:503", times=-1)
    assert customer.api.get("/v1/workflow").status_code == 503
    assert customer.refresh().json()["error"] == "server_error"
    assert [fault["times"] for fault in customer.control.get("/faults").json()] == [-1]
    assert customer.control.delete("/faults").status_code == 204
    assert customer.api.get("/v1/workflow").status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"route": "autoretouch.nowhere", "do": "html"},
        {"route": "autoretouch.list", "do": "explode"},
        {"route": "autoretouch.list", "do": "status:99"},
        {"do": "html"},
        {"route": "autoretouch.list", "do": "html", "often": 2},
    ],
)
def test_a_fault_that_makes_no_sense_is_refused_whole(customer: Customer, wrong: dict[str, Any]) -> None:
    good = {"route": "autoretouch.list", "do": "html"}
    assert customer.control.post("/faults", json=[good, wrong]).status_code == 400
    assert customer.control.get("/faults").json() == []


def test_a_web_page_comes_instead_of_an_upload(customer: Customer, photo: bytes) -> None:
    customer.break_("upload", "html")
    page = customer.upload(photo)
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    head = customer.api.head("/upload", params={"contentHash": hashlib.sha256(photo).hexdigest()})
    assert head.status_code == 404


def test_a_delayed_call_acts_even_when_the_client_has_gone(customer: Customer, photo: bytes) -> None:
    customer.break_("create", "delay:0.3")
    customer.api.timeout = httpx.Timeout(0.1)
    with pytest.raises(httpx.ReadTimeout):
        customer.create("Export only", photo)
    assert until(lambda: customer.ledger)


def test_a_truncated_download_promises_more_than_comes(customer: Customer, photo: bytes) -> None:
    done = customer.wait(customer.create("Export only", photo).text, "COMPLETED")
    size = len(customer.api.get(done["resultPath"]).content)
    customer.break_("download", "truncate")
    with pytest.raises(httpx.RemoteProtocolError, match=f"received {size // 2} bytes, expected {size}"):
        customer.api.get(done["resultPath"])


def test_a_lie_has_the_right_length_and_another_digest(customer: Customer, photo: bytes) -> None:
    done = customer.wait(customer.create("Export only", photo).text, "COMPLETED")
    customer.break_("download", "lie")
    lie, truth = (customer.api.get(done["resultPath"]).content for _ in range(2))
    assert len(lie) == len(truth)
    assert hashlib.sha256(lie).hexdigest() != hashlib.sha256(truth).hexdigest() == done["resultContentHash"]


def test_a_drip_sends_one_byte_at_a_time(customer: Customer) -> None:
    customer.break_("balance", "drip")
    with customer.api.stream("GET", "/v1/organization/balance") as answer:
        parts = [*answer.iter_raw()]
    assert parts == [b"5", b"0", b"0", b"0"]


def test_a_slow_line_moves_so_many_bytes_a_second_both_ways(customer: Customer, photo: bytes) -> None:
    customer.break_("balance", "slow:20")
    began = time.monotonic()
    with customer.api.stream("GET", "/v1/organization/balance") as answer:
        assert [*answer.iter_raw()] == [b"50", b"00"]
    assert time.monotonic() - began >= 0.1
    customer.break_("upload", f"slow:{2 * len(photo)}")
    began = time.monotonic()
    customer.create("Export only", photo)
    assert time.monotonic() - began >= 0.5


@pytest.mark.parametrize("status", [401, 460])
def test_an_early_answer_comes_before_the_body_is_read(customer: Customer, status: int) -> None:
    customer.break_("upload", f"early:{status}")
    url = httpx.URL(customer.account["api_url"])
    with socket.create_connection((url.host, url.port), timeout=5) as line:
        head = b"POST /autoretouch/upload HTTP/1.1\r\nHost: x\r\nContent-Length: 900000000\r\n\r\n"
        line.sendall(head + b"a first part")
        assert line.recv(100).startswith(b"HTTP/1.1 %d " % status)
    assert customer.simulator.history[-1]["length"] < 65_536


def test_new_executions_are_hidden_while_the_fault_lasts(customer: Customer, photo: bytes) -> None:
    customer.create("Export only", photo)
    customer.break_("list", "hide", times=2)
    customer.create("Export only", photo)
    totals = [customer.api.get("/v1/workflow/execution").json()["total"] for _ in range(3)]
    assert totals == [1, 1, 2]


# The records and the process.


def test_history_shows_requests_without_bytes_and_secrets(customer: Customer, photo: bytes) -> None:
    customer.create("Export only", photo)
    history = customer.control.get("/history").json()
    upload = next(entry for entry in history if entry["path"].endswith("/upload"))
    assert (upload["method"], upload["answer"]) == ("POST", 201)
    assert upload["length"] > len(photo)
    assert upload["form"]["filesize"] == str(len(photo))
    assert upload["form"]["file"] == {"filename": "boot 7.jpg", "content_type": "image/jpeg", "size": len(photo)}
    assert history[-1]["form"]["labels"] == {"artui_job": "key"}
    assert history[0]["form"]["refresh_token"] == "***"
    for secret in (customer.account["refresh_token"], customer.api.headers["Authorization"][7:]):
        assert secret not in json.dumps(history)


def test_it_serves_from_a_process_until_it_is_told_to_end(tmp_path: Path) -> None:
    program = (
        "from artui.sim.server import *; serve(Simulator(), 0, lambda line: print(line, flush=True)); print('end')"
    )
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        announced = json.loads(process.stdout.readline())
        assert announced.keys() == {"url", "autoretouch", "retouch4me", "filestack"}
        assert ASKING.get(announced["url"] + "/_sim/ledger").json() == []
        process.send_signal(signal.SIGTERM)
        assert process.stdout.read() == "end\n"
        assert process.stderr.read() == ""
    assert process.returncode == 0
    assert [*tmp_path.iterdir()] == []


def test_a_stand_in_can_go_away_and_come_back(photo: bytes) -> None:
    simulator = Simulator(speed=SPEED)
    with running(simulator):
        customer = Customer(simulator)
        execution = customer.create("Export only", photo).text
    with pytest.raises(httpx.ConnectError):
        customer.details(execution)
    with running(simulator, port=httpx.URL(simulator.url).port or 0):
        customer.wait(execution, "COMPLETED")
        customer.close()


# Pictures.


def test_each_recipe_changes_the_picture_and_is_stamped(tmp_path: Path) -> None:
    content = sample_photos(tmp_path, seed=1)[1].read_bytes()
    results = {name: imaging.render(content, recipe) for name, recipe in imaging.RECIPES.items()}
    assert len({result for result, _ in results.values()}) == len(imaging.RECIPES)
    assert {target for _, target in results.values()} == {"PNG", "JPEG", "WEBP", "TIFF"}
    for result, target in results.values():
        assert imaging.input_digest(result) == hashlib.sha256(content).hexdigest()
        assert imaging.content_type(result) == imaging.FORMATS[target]
    assert imaging.input_digest(content) is None
    assert imaging.input_digest(b"nothing") is None


def test_sample_photos_are_whole_but_for_one_and_hold_one_copy(tmp_path: Path) -> None:
    photos = sample_photos(tmp_path / "inbox", seed=2)
    broken = []
    for place in photos:
        try:
            imaging.check(place.read_bytes())
        except imaging.NotAPicture:
            broken.append(place.name)
    assert broken == ["10517 shirt navy cut off.jpg"]
    assert len({place.read_bytes() for place in photos}) == len(photos) - 1
    assert {place.suffix for place in photos} == {".jpg", ".png", ".tif", ".webp"}


@pytest.mark.parametrize("size", [6_000, 65_537 + 5_000, 1_000_000])
def test_noise_is_a_whole_picture_of_the_asked_size(tmp_path: Path, size: int) -> None:
    for seed in (1, 2):
        noise_jpeg(tmp_path / f"{seed}.jpg", size, seed)
    one, two = ((tmp_path / f"{seed}.jpg").read_bytes() for seed in (1, 2))
    assert len(one) == len(two) == size
    assert one != two
    imaging.check(one)
