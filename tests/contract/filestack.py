"""Filestack's Workflows API as its page describes it, with the uploads it needs and a ledger."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import time
import uuid
from dataclasses import dataclass
from typing import Any

from tests.contract.autoretouch import stamp
from tests.contract.pictures import digest, jpeg_result, made_from
from tests.contract.serving import LOST, Answer, Charge, Request, Service, changed, html, said, sample, text

WORKFLOW = "67d273c3-249c-4192-b228-9c3e1d003963"
EXAMPLE: dict[str, Any] = json.loads(sample("filestack-status.json"))
"""The page's finished job."""


@dataclass
class Run:
    id: str
    handle: str
    workflow: str
    created: float
    ready: float
    result: str
    status: str = "Finished"


class Filestack(Service):
    """The service. Fates of a run: ``ok``, ``lost`` (acted), ``never``, ``500`` …, ``429`` (acted, then this status),
    ``refused`` (404 text, not acted), ``old`` (acted, answered with the first id), ``errornull`` (acted, with
    ``"error": null`` beside the id)."""

    name = "filestack"
    work = 0.15
    results_after = 0.0
    """Seconds for which a finished job lists no results yet."""
    plain = True
    """Temporary files lie open; else they want the policy before ``wf://``."""
    tasks = 'tasks = ["store_1"]'
    """What the settings say that a job must leave."""
    types: str = ""
    """The one type the app stores; empty for any."""

    def __init__(self) -> None:
        super().__init__()
        self.apps = {"AppKeyA00000000000000z": "app-secret-A", "AppKeyB00000000000000z": "app-secret-B"}
        self.files: dict[str, tuple[str, str, bytes]] = {}
        self.runs: dict[str, Run] = {}
        self.elsewhere: dict[str, bytes] = {}
        """What lies at an address, or at ``src://ALIAS/PATH``."""
        self.temporary: dict[str, bytes] = {}
        self.parts: dict[str, dict[int, bytes]] = {}

    def config(
        self, name: str = "shop", more: str = "", settle: float = 0.3, key: str = "AppKeyA00000000000000z"
    ) -> str:
        return (
            f'[accounts.{name}]\nprovider = "filestack"\napi_key = "{key}"\ncdn_url = "{self.url}"\n'
            f'api_url = "{self.url}/api"\nupload_url = "{self.url}"\nworkflow = "{WORKFLOW}"\nsettle = {settle}\n'
            f'first_look = 0.1\n{more}\n'
            f'[accounts.{name}.workflows.cutout]\nid = "{WORKFLOW}"\ntitle = "Cut out"\nprice = 4\n'
            f"{self.tasks}\n"
        )  # fmt: skip

    def photo_of(self, request: Request) -> str:
        if request.path.startswith("/api/store/"):
            parts = request.parts()
            return digest(next(iter(parts.values()))[1] if parts else request.body)
        found = re.search(r"workflow_status=job_id:(.+)", request.path)
        run = self.runs.get(found[1]) if found else None
        handle = run.handle if run else next((piece for piece in request.path.split("/") if piece in self.files), "")
        content = self.files[handle][2] if handle in self.files else b""
        return made_from(content) or digest(content)

    def answer(self, request: Request) -> Answer:  # noqa: C901 - a route a line
        if request.path.startswith("/api/store/"):
            return self._store(request)
        if request.path.startswith("/multipart/"):
            return self._multipart(request)
        if request.path.startswith("/bucket/"):
            upload, number = request.path.split("/")[2:]
            self.parts[upload][int(number)] = request.body
            return Answer(200, headers={"ETag": f'"{hashlib.md5(request.body).hexdigest()}"'})
        if request.path == "/process":
            return self._process(request)
        if request.path.startswith("/api/file/"):
            return self._metadata(request, request.path.split("/")[3])
        pieces = request.path.strip("/").split("/")
        key = pieces.pop(0) if pieces and pieces[0] in self.apps else ""
        security = next((piece for piece in pieces if piece.startswith("security=")), "")
        tasks = [piece for piece in pieces if not piece.startswith("security=")]
        policy = re.search(r"(?:p|policy):([A-Za-z0-9_=-]+)", security)
        signature = re.search(r"(?:s|signature):([0-9a-f]+)", security)
        app = self._signed(policy[1] if policy else request.query.get("policy", ""),
                           signature[1] if signature else request.query.get("signature", ""))  # fmt: skip
        if "wf:" in tasks and (self.plain or app):
            content = self.temporary.get("/".join(tasks))
            return Answer(200, content, "image/jpeg") if content else text("not found", 404)
        if not app or (key and key != app):
            return said({"error": "invalid security policy path"}, 403)
        if tasks and (found := re.fullmatch(r"run_workflow=id:(.+)", tasks[0])):
            return self._run(app, found[1], "/".join(tasks[1:]))
        if tasks and (found := re.fullmatch(r"workflow_status=job_id:(.+)", tasks[0])):
            return self._status(found[1])
        if len(tasks) == 2 and tasks[1] == "metadata":
            return self._metadata(request, tasks[0])
        if len(tasks) == 1 and tasks[0] in self.files:
            _, kind, content = self.files[tasks[0]]
            return Answer(200, content, kind)
        return text("not found", 404)

    def _signed(self, policy: str, signature: str) -> str:
        for app, secret in self.apps.items():
            if hmac.new(secret.encode(), policy.encode(), hashlib.sha256).hexdigest() == signature:
                try:
                    said_in = json.loads(base64.urlsafe_b64decode(policy))
                except ValueError:
                    return ""
                return app if said_in.get("expiry", 0) > time.time() else ""
        return ""

    def _store(self, request: Request) -> Answer:
        query = request.query
        app = self._signed(query.get("policy", ""), query.get("signature", ""))
        if query.get("key") not in self.apps:
            return text("Invalid Application")
        if app != query["key"]:
            return said({"error": "Invalid App policy"}, 403)
        parts = request.parts()
        if self.types and self.types not in (request.headers.get("content-type"), query.get("mimetype")):
            return said({"error": "File type not allowed"}, 400)
        name, content = next(iter(parts.values())) if parts else (query.get("filename", "file"), request.body)
        handle = self._keep(name, request.headers.get("content-type", "image/jpeg"), content)
        return said({"url": f"{self.url}/{handle}", "size": len(content), "type": "image/jpeg", "filename": name,
                     "key": f"{handle}_{name}"})  # fmt: skip

    def _keep(self, name: str, kind: str, content: bytes) -> str:
        handle = base64.urlsafe_b64encode(uuid.uuid4().bytes)[:20].decode().replace("-", "a").replace("_", "b")
        self.files[handle] = (name, kind, content)
        return handle

    def _multipart(self, request: Request) -> Answer:
        """Large files in parts; the last call answers what the documents say it does."""
        body, step = request.json(), request.path.rpartition("/")[2]
        traced = {"c": str(uuid.uuid4()), "i": "node", "t": int(time.time())}
        if body.get("apikey") not in self.apps:
            return said({"error": "Parameters are invalid", **traced}, 400)
        if step == "start":
            if self._signed(body.get("policy", ""), body.get("signature", "")) != body["apikey"]:
                return said({"error": "Invalid App policy", **traced}, 403)
            if self.types and body.get("mimetype") != self.types:
                return said({"error": "File type not allowed", **traced}, 400)
            upload = uuid.uuid4().hex
            self.parts[upload] = {}
            return said({"uri": f"/{upload}", "region": "us-east-1", "upload_id": upload, "location_url": self.url})
        if step == "upload":
            to = f"{self.url}/bucket/{body['upload_id']}/{body['part']}"
            return said({"url": to, "headers": {"Content-MD5": body["md5"]}, "location_url": self.url})
        content = b"".join(part for _, part in sorted(self.parts[body["upload_id"]].items()))
        handle = self._keep(body["filename"], body["mimetype"], content)
        return said({"handle": handle, "url": f"{self.url}/{handle}", "filename": body["filename"],
                     "size": len(content), "mimetype": body["mimetype"], "status": "Stored"})  # fmt: skip

    def _process(self, request: Request) -> Answer:
        body = request.json()
        content = self.elsewhere.get(body["sources"][0])
        if content is None:
            return said({"error": "not found"}, 404)
        handle = self._keep("imported.jpg", "image/jpeg", content)
        return said({"handle": handle, "url": f"{self.url}/{handle}", "size": len(content), "type": "image/jpeg"})

    def _metadata(self, request: Request, handle: str) -> Answer:
        if handle not in self.files:
            return text("not found", 404)
        name, kind, content = self.files[handle]
        told: dict[str, Any] = {"filename": name, "mimetype": kind, "size": len(content),
                                "uploaded": time.time() * 1000,
                                "writeable": True}  # fmt: skip
        for algorithm in ("md5", "sha256"):
            if request.query.get(algorithm) == "true":
                told[algorithm] = hashlib.new(algorithm, content).hexdigest()
        return said(told)

    def _run(self, app: str, workflow: str, source: str) -> Answer:
        fate = self.next_fate()
        if fate == "never":
            return LOST
        photo = self.files[source][2] if source in self.files else self.elsewhere.get(source)
        if fate == "refused" or photo is None or workflow != WORKFLOW:
            return text("not found", 404)
        now = time.time()
        made = Run(str(uuid.uuid4()), source, workflow, now, now + self.work, "")
        made.result = self._keep("result.jpg", "image/jpeg", jpeg_result(photo, made.id))
        self.temporary[f"wf://{WORKFLOW}/{made.result}"] = self.files[made.result][2]
        self.runs[made.id] = made
        name = self.files[source][0] if source in self.files else source
        self.ledger.append(Charge(digest(photo), 4, app, source, made.id, workflow, app, name=name))
        if fate == "lost":
            return LOST
        if fate == "429":
            answer = said({"error": "rate limit"}, 429)
            answer.headers["Filestack-Reset"] = str(int(now) + 1)
            return answer
        if fate.isdigit():
            return html(int(fate)) if fate == "502" else said({"error": "internal"}, int(fate))
        told = self._object(next(iter(self.runs.values())) if fate == "old" else made)
        told["status"] = "Started"
        if fate == "errornull":
            told["error"] = None
        return said(told)

    def _object(self, run: Run) -> dict[str, Any]:
        at = stamp(run.created, 6)[:-1] + "434Z"  # nine digits, as in the samples
        told: dict[str, Any] = json.loads(sample("filestack-run.json"))
        return told | {"createdAt": at, "jobid": run.id, "sources": [run.handle], "updatedAt": at,
                       "workflow": run.workflow}  # fmt: skip

    def _status(self, given: str) -> Answer:
        run = self.runs.get(given)
        if given == EXAMPLE["jobid"]:
            return Answer(200, sample("filestack-status.json").encode())
        if run is None:
            return text("not found", 404)
        told = self._object(run)
        if time.time() >= run.ready:
            told.update(status=run.status, ttl=172800, results={})
            if time.time() >= run.ready + self.results_after:
                told["results"] = {"store_1": {"data": {
                    "filename": "result.jpg", "handle": run.result, "key": f"{run.result}_result.jpg",
                    "type": "image/jpeg", "url": f"{self.url}/{run.result}",
                }}}  # fmt: skip
            shows = dict(self.shows.get(made_from(self.files[run.result][2]), {}))
            for key, value in shows.items():  # made of the job's own files
                shows[key] = value(run.result, f"{self.url}/{run.result}", run.handle) if callable(value) else value
            told = changed(told, shows)
        return said(told)
