"""A client written from the documents alone, which calls each route they name and looks whether what comes back has
the form they show. It is pointed at the servers of this folder and at the stand-in alike."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

from tests.contract.pictures import digest, jpeg
from tests.contract.serving import sample

MILLISECONDS = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


class _Stay(HTTPRedirectHandler):
    def redirect_request(self, *given: Any) -> None:
        return None


_OPENER = build_opener(ProxyHandler({}), _Stay)


@dataclass(frozen=True)
class Came:
    status: int
    kind: str
    body: bytes

    def json(self) -> Any:
        assert self.kind.startswith("application/json"), self
        return json.loads(self.body)

    def error(self) -> Any:
        """What an error tells, whatever type it has."""
        return json.loads(self.body)


def call(method: str, url: str, body: bytes | None = None, **headers: str) -> Came:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        with _OPENER.open(Request(url, body, named, method=method), timeout=20) as answer:
            return Came(answer.status, answer.headers.get("Content-Type", ""), answer.read())
    except HTTPError as error:
        with error:
            return Came(error.code, error.headers.get("Content-Type", ""), error.read())


def form(**fields: str) -> tuple[bytes, str]:
    return urlencode(fields).encode(), "application/x-www-form-urlencoded"


def multipart(file: bytes | None, **fields: str) -> tuple[bytes, str]:
    mark = uuid.uuid4().hex
    parts = [f'--{mark}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
             for name, value in fields.items()]  # fmt: skip
    if file is not None:
        head = 'Content-Disposition: form-data; name="file"; filename="photo.jpg"\r\nContent-Type: image/jpeg'
        parts.append(f"--{mark}\r\n{head}\r\n\r\n".encode() + file + b"\r\n")
    return b"".join([*parts, f"--{mark}--\r\n".encode()]), f"multipart/form-data; boundary={mark}"


def until(look: Callable[[], Any], patience: float = 30) -> Any:
    """What a look shows once it shows something."""
    end = time.monotonic() + patience
    while not (found := look()):
        assert time.monotonic() < end, "it never came"
        time.sleep(0.05)
    return found


def like(shown: Any, shape: Any, where: str = "") -> None:
    """Assert that something has at least the keys of a sample, each of its type; null may stand for anything there."""
    if isinstance(shape, dict):
        assert isinstance(shown, dict), f"{where}: no object: {shown!r}"
        for key, value in shape.items():
            assert key in shown, f"{where}: no {key} in {shown!r}"
            if value is not None and shown[key] is not None:
                like(shown[key], value, f"{where}.{key}")
    elif isinstance(shape, list):
        assert isinstance(shown, list), f"{where}: no list: {shown!r}"
        for one in shown if shape else ():
            like(one, shape[0], where)
    else:
        assert type(shown) is type(shape), f"{where}: {shown!r} beside {shape!r}"


@dataclass
class Place:
    """Where a service is, and what a client needs there."""

    urls: Mapping[str, str]
    secret: str
    more: Mapping[str, str] = field(default_factory=dict)
    memo: dict[str, Any] = field(default_factory=dict)

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """What one check has made, for the others too."""
        if name not in self.memo:
            self.memo[name] = make()
        return self.memo[name]


# ------------------------------------------------------------------------------------------------------- AutoRetouch


def _token(at: Place) -> dict[str, Any]:
    body, kind = form(grant_type="refresh_token", refresh_token=at.secret, client_id=at.more["client_id"])
    came = call("POST", f"{at.urls['auth']}/oauth/token", body, Content_Type=kind)
    assert came.status == 200, came
    return dict(came.json())


def _api(at: Place, method: str, path: str, query: Mapping[str, Any] | None = None, body: bytes | None = None,
         kind: str = "") -> Came:  # fmt: skip
    token = at.once("token", lambda: _token(at))["access_token"]
    asked = urlencode({"organization": at.more["organization"], **(query or {})})
    headers = {"Authorization": f"Bearer {token}", **({"Content_Type": kind} if kind else {})}
    return call(method, f"{at.urls['api']}{path}?{asked}", body, **headers)


def a_refresh_token_gives_an_access_token(at: Place) -> None:
    told = _token(at)
    assert set(told) == {"access_token", "scope", "expires_in", "token_type"}
    assert isinstance(told["expires_in"], int)
    assert told["token_type"] == "Bearer"
    middle = told["access_token"].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
    assert re.fullmatch(UUID, claims["https://autoretouch.com/selectedOrganization"])


def a_wrong_refresh_token_is_an_invalid_grant(at: Place) -> None:
    body, kind = form(grant_type="refresh_token", refresh_token="none", client_id=at.more["client_id"])
    came = call("POST", f"{at.urls['auth']}/oauth/token", body, Content_Type=kind)
    assert 400 <= came.status < 500
    assert came.error()["error"] == "invalid_grant"
    assert "error_description" in came.error()


def a_device_is_confirmed_by_a_person(at: Place) -> None:
    body, kind = form(client_id=at.more["client_id"], scope="offline_access", audience="https://api.autoretouch.com")
    came = call("POST", f"{at.urls['auth']}/oauth/device/code", body, Content_Type=kind)
    assert came.status == 200, came
    like(came.json(), {"device_code": "", "user_code": "", "verification_uri": "", "verification_uri_complete": ""})
    assert came.json()["verification_uri_complete"].endswith(f"?user_code={came.json()['user_code']}")
    grant = "urn:ietf:params:oauth:grant-type:device_code"
    body, kind = form(grant_type=grant, device_code=came.json()["device_code"], client_id=at.more["client_id"])
    came = call("POST", f"{at.urls['auth']}/oauth/token", body, Content_Type=kind)
    assert came.error()["error"] in ("authorization_pending", "slow_down")


def a_token_is_needed(at: Place) -> None:
    came = call("GET", f"{at.urls['api']}/v1/workflow", Authorization="Bearer none")
    assert came.status == 401


def organizations_come_in_pages(at: Place) -> None:
    page = _api(at, "GET", "/v1/organization").json()
    assert set(page) == {"entries", "total"}
    like(page["entries"], [{"id": "", "name": "", "version": "", "members": [{"id": "", "roles": [""]}]}])
    assert at.more["organization"] in {one["id"] for one in page["entries"]}


def workflows_come_in_pages(at: Place) -> None:
    page = _api(at, "GET", "/v1/workflow", {"limit": 50, "offset": 0}).json()
    shape = json.loads(sample("autoretouch-workflows.json"))
    assert set(page) == set(shape)
    like(page, {"total": 1})
    for one in page["entries"]:
        like({**one, "workflowComponents": []}, {**shape["entries"][0], "workflowComponents": []})
        assert set(one) == set(shape["entries"][0])
        for component in one["workflowComponents"]:
            assert set(component) == {"type", "label", "settings"}
        kinds = [component["type"] for component in one["workflowComponents"]]
        assert (kinds[0], kinds[-1]) == ("input", "export")
    assert len(page["entries"]) == min(page["total"], 50)
    rest = _api(at, "GET", "/v1/workflow", {"limit": 50, "offset": page["total"]}).json()
    assert rest == {"entries": [], "total": page["total"]}


def _workflow(at: Place) -> dict[str, Any]:
    return dict(_api(at, "GET", "/v1/workflow").json()["entries"][0])


def a_workflow_shows_its_settings(at: Place) -> None:
    listed = at.once("workflow", lambda: _workflow(at))
    one = _api(at, "GET", f"/v1/workflow/{listed['id']}").json()
    like(one, {**json.loads(sample("autoretouch-workflow.json")), "workflowComponents": []})
    assert {"targetFormat"} <= one["workflowComponents"][-1]["settings"].keys()
    assert (one["version"], one["executionPrice"]) == (listed["version"], listed["executionPrice"])


def a_workflow_that_is_none_is_not_found(at: Place) -> None:
    came = _api(at, "GET", "/v1/workflow/invalid-id")
    told = json.loads(sample("autoretouch-error.json"))
    assert came.status == 404
    like(came.error(), told)
    assert came.error().keys() == told.keys()
    assert (came.error()["status"], came.error()["error"]) == (404, "Not Found")
    assert came.error()["path"].endswith("/v1/workflow/invalid-id")
    assert came.error()["timestamp"].endswith("+00:00")


def _uploaded(at: Place) -> str:
    body, kind = multipart(jpeg("read"), filesize=str(len(jpeg("read"))))
    came = _api(at, "POST", "/upload", body=body, kind=kind)
    assert came.status == 201, came
    return came.body.decode()


def an_upload_answers_its_hash(at: Place) -> None:
    told = at.once("hash", lambda: _uploaded(at))
    assert len(told) == len(sample("autoretouch-hash.txt"))
    assert told == digest(jpeg("read"))


def an_image_is_there_or_not(at: Place) -> None:
    told = at.once("hash", lambda: _uploaded(at))
    there = _api(at, "HEAD", "/upload", {"contentHash": told})
    absent = _api(at, "HEAD", "/upload", {"contentHash": "0" * 64})
    assert (there.status, there.body, absent.status, absent.body) == (200, b"", 404, b"")


LABELS = {
    "autoretouch_batch_id": "29532657-c82b-427a-8b6a-ded598d696a9", "autoretouch_batch_name": "Boots 224",
    "autoretouch_batch_createdAt": "2024-02-08T09:09:01.960Z",
}  # fmt: skip


def _executed(at: Place) -> str:
    """The guide's example of a body, its comments left out."""
    image = {"contentType": "image/jpeg", "contentHash": at.once("hash", lambda: _uploaded(at)), "name": "myfile.jpg"}
    body = json.dumps({"image": image, "labels": LABELS, "webhooks": []}).encode()
    workflow = at.once("workflow", lambda: _workflow(at))
    query = {"workflow": workflow["id"], "version": workflow["version"]}
    came = _api(at, "POST", "/v1/workflow/execution/create", query, body, "application/json")
    assert came.status == 201, came
    return came.body.decode()


def _details(at: Place) -> dict[str, Any]:
    told = at.once("execution", lambda: _executed(at))
    return dict(_api(at, "GET", f"/v1/workflow/execution/{told}").json())


def an_execution_is_created(at: Place) -> None:
    assert re.fullmatch(UUID, at.once("execution", lambda: _executed(at)))
    shown = _details(at)
    like(shown, json.loads(sample("autoretouch-webhook.json"))["content"])
    assert shown["status"] in ("CREATED", "ACTIVE", "COMPLETED")
    assert re.fullmatch(MILLISECONDS, shown["createdAt"])
    assert shown["labels"] == LABELS
    assert (shown["inputFileName"], shown["inputContentHash"]) == ("myfile.jpg", at.memo["hash"])
    assert (shown["workflow"], shown["organizationId"]) == (at.memo["workflow"]["id"], at.more["organization"])


def executions_are_listed(at: Place) -> None:
    told = at.once("execution", lambda: _executed(at))
    page = _api(at, "GET", "/v1/workflow/execution", {"workflow": at.memo["workflow"]["id"]}).json()
    assert set(page) == {"entries", "total"}
    assert [one["id"] for one in page["entries"]].count(told) == 1


def a_completed_execution_names_its_result(at: Place) -> None:
    def look() -> Any:
        return shown if (shown := _details(at))["status"] == "COMPLETED" else None

    shown = until(look)
    assert shown["resultPath"] == f"/image/{shown['resultContentHash']}/{shown['resultFileName']}"
    assert shown["resultFileName"].partition(".")[0] == "myfile"
    assert isinstance(shown["chargedCredits"], int)
    assert re.fullmatch(MILLISECONDS, shown["finishedAt"])
    results = [_api(at, "GET", f"{prefix}{quote(shown['resultPath'])}") for prefix in ("/v1", "")]
    assert {came.status for came in results} == {200}
    assert {digest(came.body) for came in results} == {shown["resultContentHash"]}
    assert results[0].kind == shown["resultContentType"]


def a_batch_tells_how_many(at: Place) -> None:
    at.once("execution", lambda: _executed(at))
    page = _api(at, "GET", "/v1/batch", {"batchId": LABELS["autoretouch_batch_id"]}).json()
    like(page["entries"], [{"id": "", "name": "", "author": "", "createdAt": "", "executions": 1, "price": 1}])
    assert [one["executions"] for one in page["entries"]] == [1]


def a_balance_is_a_bare_number(at: Place) -> None:
    came = _api(at, "GET", "/v1/organization/balance")
    assert re.fullmatch(rb"-?\d+", came.body.strip())


# -------------------------------------------------------------------------------------------------------- Retouch4me

PAYLOAD = json.dumps({"mode": "professional", "tasks": [
    {"Plugin": "Heal", "Scale": 0, "Alpha1": 0.7, "Layer": 0},
    {"Plugin": "Dodge Burn", "Scale": 0, "Alpha1": 0.9, "Alpha2": 0.1, "Layer": 0},
]})  # fmt: skip


def _start(at: Place, file: bytes | None = jpeg("read"), token: str = "", key: str = "") -> Came:
    body, kind = multipart(file, token=token or at.secret, payload=PAYLOAD)
    headers = {"Idempotency_Key": key} if key else {}
    return call("POST", f"{at.urls['api']}/api/v1/retoucher/start", body, Content_Type=kind, **headers)


def _status(at: Place, id_: str) -> Came:
    return call("GET", f"{at.urls['api']}/api/v1/retoucher/status/{id_}")


def _started(at: Place) -> str:
    came = _start(at)
    assert came.status == 200, came
    like(came.json(), {"status": 200, "id": "", "retouchQuota": 1})
    assert came.json()["status"] == 200
    return str(came.json()["id"])


def a_task_is_registered(at: Place) -> None:
    assert at.once("id", lambda: _started(at))


def a_task_without_a_file_is_refused(at: Place) -> None:
    came = _start(at, file=None)
    assert (came.status, came.error()["message"]) == (400, "No file uploaded")


def a_wrong_token_is_an_issue(at: Place) -> None:
    came = _start(at, token="none")
    assert 400 <= came.status < 500
    assert came.error()["message"] == "Token issue"


def a_key_is_honoured(at: Place) -> None:
    key = str(uuid.uuid4())
    first, second = _start(at, key=key), _start(at, key=key)
    assert first.json()["id"] == second.json()["id"]


def a_task_has_a_state(at: Place) -> None:
    told = _status(at, at.once("id", lambda: _started(at))).json()
    like(told, {"status": 200, "state": "", "reason": "", "attempt": 1, "maxAttempts": 3, "currentStep": "",
                "pluginName": "", "expireDate": ""})  # fmt: skip
    assert told["state"] in ("waiting", "active", "delayed", "completed")
    assert 0 <= told["progress"] <= 100
    assert re.fullmatch(MILLISECONDS, told["expireDate"])


def a_task_that_is_none_is_not_found(at: Place) -> None:
    assert _status(at, "s0me-very-l0ng-1d").status == 404
    assert call("GET", f"{at.urls['api']}/api/v1/retoucher/getFile/s0me-very-l0ng-1d").status == 404


def a_completed_task_has_a_file(at: Place) -> None:
    told = at.once("id", lambda: _started(at))
    until(lambda: _status(at, told).json()["state"] == "completed")
    came = call("GET", f"{at.urls['api']}/api/v1/retoucher/getFile/{told}")
    assert came.status == 200
    assert came.body.startswith((b"\xff\xd8\xff", b"\x89PNG", b"PK\x03\x04"))


def limits_are_absent_or_as_printed(at: Place) -> None:
    came = call("GET", f"{at.urls['api']}/api/v1/info/limits")
    printed = re.sub(r"(\w+):", r'"\1":', sample("retouch4me-limits.txt"))
    if came.status == 200:
        like(came.json(), json.loads(printed))
    else:
        assert came.status == 404


def credits_are_told(at: Place) -> None:
    body = json.dumps({"modes": ["professional"]}).encode()
    newer = call("POST", f"{at.urls['api']}/api/v1/balance", body, Content_Type="application/json",
                 X_Retouch_Token=at.secret)  # fmt: skip
    given, kind = form(retouchtoken=at.secret, **{"modes[]": "professional"})
    older = call("POST", at.urls["balance"], given, Content_Type=kind, Accept="application/json")
    for came in (newer, older):
        like(came.json(), {"status": 200, "remaining": {"professional": 1}})


# --------------------------------------------------------------------------------------------------------- Filestack


def security(at: Place, policy: Mapping[str, Any] | None = None, *, pad: bool = True, long: bool = False,
             secret: str = "") -> tuple[str, str, str]:  # fmt: skip
    text = base64.urlsafe_b64encode(json.dumps(policy or {"expiry": int(time.time()) + 600}).encode()).decode()
    text = text if pad else text.rstrip("=")
    signature = hmac.new((secret or at.secret).encode(), text.encode(), hashlib.sha256).hexdigest()
    names = ("policy", "signature") if long else ("p", "s")
    return f"security={names[0]}:{text},{names[1]}:{signature}", text, signature


def _store(at: Place) -> dict[str, Any]:
    _, policy, signature = security(at)
    query = urlencode({"key": at.more["key"], "filename": "photo.jpg", "policy": policy, "signature": signature})
    came = call("POST", f"{at.urls['api']}/store/S3?{query}", jpeg("read"), Content_Type="image/jpeg")
    assert came.status == 200, came
    return dict(came.json())


def _handle(at: Place) -> str:
    return str(at.once("stored", lambda: _store(at))["url"]).rpartition("/")[2]


def a_file_is_stored(at: Place) -> None:
    told = at.once("stored", lambda: _store(at))
    like(told, {"url": "", "size": 1, "type": "", "filename": "", "key": ""})
    assert "handle" not in told
    assert told["size"] == len(jpeg("read"))


def a_key_that_is_none_is_told_with_200(at: Place) -> None:
    came = call("POST", f"{at.urls['api']}/store/S3", jpeg("read"), Content_Type="image/jpeg")
    assert (came.status, came.body) == (200, b"Invalid Application")


def _run(at: Place, source: str, signed: str = "", *, key: bool = False) -> Came:
    before = f"/{at.more['key']}" if key else ""
    run = f"run_workflow=id:{at.more['workflow']}"
    return call("GET", f"{at.urls['cdn']}{before}/{signed or security(at)[0]}/{run}/{source}")


def _ran(at: Place) -> dict[str, Any]:
    came = _run(at, _handle(at))
    assert came.status == 200, came
    return dict(came.json())


def a_workflow_runs_on_a_handle(at: Place) -> None:
    told = at.once("job", lambda: _ran(at))
    shape = json.loads(sample("filestack-run.json"))
    like(told, shape)
    assert told.keys() == shape.keys()
    assert (told["status"], told["sources"], told["workflow"]) == ("Started", [_handle(at)], at.more["workflow"])
    assert re.fullmatch(UUID, told["jobid"])
    for time_ in (told["createdAt"], told["updatedAt"]):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,9}Z", time_)


def each_run_is_a_job_of_its_own(at: Place) -> None:
    handle = _store(at)["url"].rpartition("/")[2]
    jobs = {_run(at, handle, key=key).json()["jobid"] for key in (True, False)}
    assert len(jobs) == 2


def a_workflow_runs_on_an_alias(at: Place) -> None:
    source = at.more["alias"]
    told = _run(at, source, key=True).json()
    assert re.fullmatch(UUID, told["jobid"])
    assert len(told["sources"]) == 1


def a_workflow_runs_on_an_address(at: Place) -> None:
    told = _run(at, quote(at.more["address"], safe=""), key=True).json()
    assert re.fullmatch(UUID, told["jobid"])
    assert len(told["sources"]) == 1


def a_job_ends_with_results(at: Place) -> None:
    job = at.once("job", lambda: _ran(at))

    def look() -> Any:
        came = call("GET", f"{at.urls['cdn']}/{at.more['key']}/{security(at)[0]}/workflow_status=job_id:{job['jobid']}")
        assert came.status == 200, came
        return came.json() if came.json()["status"] == "Finished" else None

    told = until(look)
    shape = json.loads(sample("filestack-status.json"))
    like(told, {**shape, "results": {}})
    assert told.keys() == shape.keys()
    assert told["ttl"] == shape["ttl"]
    assert (told["jobid"], told["sources"], told["workflow"]) == (job["jobid"], job["sources"], job["workflow"])
    found = [one for one in told["results"].values() if isinstance(one, dict)]
    file = next(data for one in found if "handle" in (data := one.get("data", one)))
    came = call("GET", f"{at.urls['cdn']}/{security(at)[0]}/{file['handle']}")
    assert came.status == 200
    assert came.body.startswith((b"\xff\xd8\xff", b"\x89PNG"))


def security_may_be_spelled_out(at: Place) -> None:
    assert _run(at, _store(at)["url"].rpartition("/")[2], security(at, long=True)[0]).status == 200


def a_wrong_signature_runs_nothing(at: Place) -> None:
    expired = {"expiry": 1_577_899_800}
    unpadded = {"call": ["read", "convert", "runWorkflow"], "expiry": int(time.time()) + 600, "x": ""}
    while "=" not in security(at, unpadded)[1]:
        unpadded["x"] += "x"
    wrong = [security(at, secret="another")[0], security(at, expired)[0], security(at, unpadded, pad=False)[0]]
    for signed in wrong:
        came = _run(at, _handle(at), signed)
        assert came.status == 403
        assert came.error()["error"]


def a_job_that_is_none_is_an_error(at: Place) -> None:
    came = call("GET", f"{at.urls['cdn']}/{at.more['key']}/{security(at)[0]}/workflow_status=job_id:{uuid.uuid4()}")
    assert 400 <= came.status < 500


def a_file_tells_what_it_is(at: Place) -> None:
    _, policy, signature = security(at)
    query = urlencode({"size": "true", "sha256": "true", "policy": policy, "signature": signature})
    told = call("GET", f"{at.urls['cdn']}/{_handle(at)}/metadata?{query}").json()
    assert (told["size"], told["sha256"]) == (len(jpeg("read")), digest(jpeg("read")))


AUTORETOUCH = [
    a_refresh_token_gives_an_access_token, a_wrong_refresh_token_is_an_invalid_grant,
    a_device_is_confirmed_by_a_person, a_token_is_needed, organizations_come_in_pages, workflows_come_in_pages,
    a_workflow_shows_its_settings, a_workflow_that_is_none_is_not_found, an_upload_answers_its_hash,
    an_image_is_there_or_not, an_execution_is_created, executions_are_listed, a_completed_execution_names_its_result,
    a_batch_tells_how_many, a_balance_is_a_bare_number,
]  # fmt: skip
RETOUCH4ME = [
    a_task_is_registered, a_task_without_a_file_is_refused, a_wrong_token_is_an_issue, a_key_is_honoured,
    a_task_has_a_state, a_task_that_is_none_is_not_found, a_completed_task_has_a_file, limits_are_absent_or_as_printed,
    credits_are_told,
]  # fmt: skip
FILESTACK = [
    a_file_is_stored, a_key_that_is_none_is_told_with_200, a_workflow_runs_on_a_handle, each_run_is_a_job_of_its_own,
    a_workflow_runs_on_an_alias, a_workflow_runs_on_an_address, a_job_ends_with_results, security_may_be_spelled_out,
    a_wrong_signature_runs_nothing, a_job_that_is_none_is_an_error, a_file_tells_what_it_is,
]  # fmt: skip
