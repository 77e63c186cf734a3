"""Retouch4me's Media Processing Server as its page describes it, with a ledger."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.contract.autoretouch import stamp
from tests.contract.pictures import digest, jpeg_result
from tests.contract.serving import LOST, Answer, Charge, Request, Service, changed, html, said


@dataclass
class Task:
    id: str
    photo: bytes
    created: float
    ready: float
    state: str = "completed"


def lacking(task: dict[str, Any]) -> bool:
    """Whether a task lacks what each has in the samples: a scale beside its strength, a second one where it has two."""
    wanted = {"Scale"} | ({"Alpha2"} if task["Plugin"] in ("White Teeth", "Dodge Burn") else set())
    return "Alpha1" in task and not wanted <= task.keys()


class Retouch4me(Service):
    """The service. Fates of a start: ``ok``, ``lost`` (acted), ``never``, ``500`` … (acted, then this status),
    ``refused:N`` (not acted), ``numeric`` (acted, a number for an id), ``error`` (acted, 200 and
    status "error"), ``201`` (acted),
    ``failed``, ``old`` (acted, answered with the first id)."""

    name = "retouch4me"
    honours_key = True
    work = 0.15
    token_in = ""
    """Where alone a start's token is looked for: ``form`` or ``header``; empty for both."""
    strict_tasks = False
    """Tasks must have all the keys that they have in the samples."""
    result: Callable[[bytes, str], bytes] = staticmethod(jpeg_result)

    def __init__(self) -> None:
        super().__init__()
        self.tokens = {"r4-token-A": 1000, "r4-token-B": 1000}
        self.tasks: dict[str, Task] = {}
        self.keys: dict[tuple[str, str], str] = {}

    def config(self, name: str = "faces", more: str = "", settle: float = 0.3) -> str:
        return (
            f'[accounts.{name}]\nprovider = "retouch4me"\npace.in_flight = 40\napi_url = "{self.url}"\n'
            f'balance_url = "{self.url}/api/retouch/v1/balance"\nworkflow = "natural"\nsettle = {settle}\n'
            f'first_look = 0.1\n{more}\n'
            f'[accounts.{name}.workflows.natural]\ntitle = "Natural"\n'
            f'[[accounts.{name}.workflows.natural.tasks]]\nplugin = "Heal"\nalpha1 = 0.7\n'
        )  # fmt: skip

    def photo_of(self, request: Request) -> str:
        if "file" in (parts := request.parts()):
            return digest(parts["file"][1])
        task = self.tasks.get(request.path.rpartition("/")[2])
        return digest(task.photo) if task else ""

    def answer(self, request: Request) -> Answer:
        path = request.path.removeprefix("/api/v1")
        if path == "/retoucher/start" and request.method == "POST":
            return self._start(request)
        if found := re.fullmatch(r"/retoucher/status/([^/]+)", path):
            return self._status(found[1])
        if found := re.fullmatch(r"/retoucher/getFile/([^/]+)", path):
            task = self.tasks.get(found[1])
            if task is None or time.time() < task.ready:
                return said({"status": 404, "message": "Not found"}, 404)
            return Answer(200, self.result(task.photo, task.id), "image/jpeg")
        if path == "/info/limits":
            return said({"status": 404, "message": "Not found"}, 404)
        if path == "/balance":
            left = self.tokens.get(request.headers.get("x-retouch-token", ""))
            if left is None:
                return said({"status": 401, "message": "Unauthorized"}, 401)
            return said({"status": 200, "remaining": {"professional": left}})
        if path == "/api/retouch/v1/balance":
            named = request.parts().get("retouchtoken", ("", b""))[1].decode() or request.form().get("retouchtoken", "")
            left = self.tokens.get(named)
            return said({"status": 200, "remaining": {"professional": left}} if left is not None else {"status": 460})
        return said({"status": 404, "message": "Not found"}, 404)

    def _start(self, request: Request) -> Answer:  # noqa: C901 - a check and a fate a line
        parts = request.parts()
        if "file" not in parts:
            return said({"status": 400, "message": "No file uploaded"}, 400)
        places = {
            "form": parts.get("token", ("", b""))[1].decode(),
            "header": request.headers.get("x-retouch-token", ""),
        }
        token = places[self.token_in] if self.token_in else places["form"] or places["header"]
        if token not in self.tokens:
            return said({"status": 460, "message": "Token issue"}, 460)
        fate = self.next_fate()
        if fate == "never":
            return LOST
        if fate.startswith("refused:"):
            status = int(fate.partition(":")[2])
            return said({"status": status, "message": "no"}, status)
        photo = parts["file"][1]
        payload = parts["payload"][1].decode()
        if self.strict_tasks and (odd := [task for task in json.loads(payload)["tasks"] if lacking(task)]):
            return said({"status": 462, "message": f"Invalid task: {odd}"}, 462)
        key = request.headers.get("idempotency-key", "")
        if self.honours_key and key and (token, key) in self.keys:
            return self._accepted(self.keys[token, key], token)
        now = time.time()
        made = Task(
            uuid.uuid4().hex if fate != "numeric" else str(uuid.uuid4().int % 10**9), photo, now, now + self.work
        )
        if fate == "failed":
            made.state = "failed"
        self.tasks[made.id] = made
        self.tokens[token] -= 1
        self.keys[token, key] = made.id
        self.ledger.append(Charge(digest(photo), 1, token, key, made.id, payload, token, name=parts["file"][0]))
        match fate:
            case "lost":
                return LOST
            case "numeric":
                return said({"status": 200, "id": int(made.id), "retouchQuota": self.tokens[token]})
            case "error":
                return said({"status": "error", "message": "try later"})
            case "old":
                return self._accepted(next(iter(self.tasks)), token)
            case "201":
                return said({"created": True}, 201)
            case "413":
                return html(413)
            case "403":
                return said({"statusCode": 403, "message": "Forbidden resource"}, 403)
            case _ if fate.isdigit():
                return said({"status": int(fate), "message": "Internal server error"}, int(fate))
        return self._accepted(made.id, token)

    def _accepted(self, given: str, token: str) -> Answer:
        return said({"status": 200, "id": given, "retouchQuota": self.tokens[token]})

    def _status(self, given: str) -> Answer:
        task = self.tasks.get(given)
        if task is None:
            return said({"status": 404, "message": "Not found"}, 404)
        done = time.time() >= task.ready
        told = {
            "status": 200, "state": task.state if done else "active", "progress": 100 if done else 40,
            "reason": "no face" if done and task.state == "failed" else "", "attempt": 1, "maxAttempts": 3,
            "currentStep": "uploading", "pluginName": "" if done else "Heal", "expireDate": stamp(task.created + 86400),
        }  # fmt: skip
        return said(changed(told, self.shows.get(digest(task.photo), {}) if done else {}))
