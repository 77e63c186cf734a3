"""AutoRetouch as its pages *Workflows*, *Images* and the implementation guide describe it, with a ledger."""

from __future__ import annotations

import base64
import json
import re
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.contract.pictures import digest, made_from, png_result
from tests.contract.serving import LOST, Answer, Charge, Request, Service, changed, html, said, sample, text

ORGANIZATION = "9451ecbf-79db-4013-98b1-2c300748b170"
OTHER_ORGANIZATION = "1c0ffee0-79db-4013-98b1-2c300748b170"
WORKFLOW = "a0f0b604-85c0-45fd-85cf-4428bb3941ba"
VERSION = "cd1be60e-6574-44aa-b1cf-f49f9028d56d"
USER = "google-oauth2|118231812295695726244"
EXAMPLE: dict[str, Any] = json.loads(sample("autoretouch-webhook.json"))["content"]
"""The guide's execution: what it shows is what each shows that has no value of its own."""


def stamp(at: float, digits: int = 3) -> str:
    """A time as the guide's samples write it: UTC, milliseconds and ``Z``."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[: 20 + digits] + "Z"


@dataclass
class Execution:
    id: str
    image: dict[str, Any]
    labels: dict[str, str]
    organization: str
    created: float
    ready: float
    version: str = VERSION
    webhooks: list[str] = field(default_factory=list)
    status: str = "COMPLETED"
    """What it becomes when it is ready."""
    charged: int = 0
    shown_charge: int | None = None
    foreign: bool = False
    shown_id: str = ""

    def object(self) -> dict[str, Any]:
        """As the guide's sample of a webhook's content, key by key."""
        now = time.time()
        status = self.status if now >= self.ready else "CREATED" if now < self.created + 0.05 else "ACTIVE"
        done = status == "COMPLETED"
        name = re.sub(r"\.[^.]*$", "", self.image["name"]) + ".png"
        result = digest(png_result(self.image["contentHash"], self.id))
        return EXAMPLE | {
            "id": self.id, "workflow": WORKFLOW, "workflowVersion": self.version,
            "organizationId": self.organization, "status": status, "createdAt": stamp(self.created),
            "startedAt": stamp(self.created + 0.05) if status != "CREATED" else None,
            "finishedAt": stamp(self.ready) if status in ("COMPLETED", "FAILED") else None,
            "inputFileName": self.image["name"], "inputContentHash": self.image["contentHash"],
            "resultContentHash": result if done else None, "resultContentType": "image/png" if done else None,
            "resultFileName": name if done else None, "resultPreviewContentHash": result if done else None,
            "resultPath": f"/image/{result}/{name}" if done else None,
            "labels": dict(self.labels),
            "chargedCredits": self.charged if self.shown_charge is None else self.shown_charge,
            "webhooks": list(self.webhooks),
        }  # fmt: skip


class AutoRetouch(Service):
    """The service. Fates of a create: ``ok``, ``lost`` (acted, no answer), ``500`` … ``429`` (acted, then this),
    ``never`` (not acted, no answer), ``refused:N`` (400 or N, not acted), ``unpaid``
    (PAYMENT_REQUIRED, not charged), ``failed``,
    ``old`` (acted, answered with the id of the first execution)."""

    name = "autoretouch"
    price = 10
    """What a workflow says it costs."""
    charge: int | None = None
    """What it costs; None: as said."""
    work = 0.15
    labels_in_list = True
    grows = 0
    """Executions of others that appear at the top at each reading of the list."""
    cut = 0
    """Bytes missing at the end of each result, whose stated digest stays that of the whole."""
    unstated = False
    """No digest of the result is told."""
    retry_charges = True
    retry_lost = 0
    """Retries that act and whose answers never come."""
    retry_shows_after = 0.0
    """Seconds for which details show the old status after a retry that was taken."""
    retry_becomes = "COMPLETED"
    quotes = ""
    id_form = "{}"
    list_hides = 0.0
    """Seconds until a new execution is listed."""
    list_fails = False
    odd: dict[str, Any] = {}  # noqa: RUF012 - replaced as a whole, never changed
    """What the first execution shows instead of what it should."""
    swap = False
    """Details of one execution are answered with those of the first."""
    selected: str | None = ORGANIZATION
    """The organization that the access token names."""
    strict_dates = False
    """A batch's time is refused unless it has the form of the samples."""
    consents: tuple[str, ...] = ()
    """What the login host says to those who wait for a person, before it gives the tokens: ``STATUS ERROR``."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens = {"seed-token-A": "A", "seed-token-B": "B"}
        self.organizations = {ORGANIZATION: 100_000, OTHER_ORGANIZATION: 100_000}
        self.images: dict[str, bytes] = {}
        self.executions: list[Execution] = []
        self.results: dict[str, bytes] = {}
        self.version = VERSION
        self.retried: dict[str, float] = {}

    def config(
        self, name: str = "studio", more: str = "", settle: float = 0.3, organization: str = ORGANIZATION
    ) -> str:
        return (
            f'[accounts.{name}]\nprovider = "autoretouch"\napi_url = "{self.url}"\nauth_url = "{self.url}"\n'
            f'organization = "{organization}"\nworkflow = "{WORKFLOW}"\nsettle = {settle}\nfirst_look = 0.1\n{more}\n'
        )

    def photo_of(self, request: Request) -> str:
        if request.method == "HEAD":
            return request.query.get("contentHash", "")
        if "file" in (parts := request.parts()):
            return digest(parts["file"][1])
        if request.path.endswith("/create"):
            return str(request.json()["image"]["contentHash"])
        if found := re.search(r"/image/([0-9a-f]+)/", request.path):
            return made_from(self.results.get(found[1], b""))
        found = re.search(r"/workflow/execution/([^/]+)", request.path)
        return next((one.image["contentHash"] for one in self.executions if found and one.id == found[1]), "")

    # The routes.

    def answer(self, request: Request) -> Answer:  # noqa: C901 - a route a line
        path = request.path.rstrip("/").removeprefix("/v1") or "/"
        if path == "/health":
            return text("ok")
        if path == "/oauth/token":
            return self._token(request)
        if path == "/oauth/device/code":
            there = f"{self.url}/activate"
            return said({"device_code": "device-1", "user_code": "ABCD-EFGH", "verification_uri": there,
                         "verification_uri_complete": f"{there}?user_code=ABCD-EFGH", "expires_in": 900,
                         "interval": 0.05})  # fmt: skip
        if path == "/oauth/revoke":
            return said({})
        who = self._who(request.bearer)
        if who is None:
            return self._error(request, 401, "Unauthorized")
        route = (request.method, path)
        paying = request.query.get("organization", ORGANIZATION)
        if paying not in self.organizations:
            return self._error(request, 403, "Forbidden")
        if route == ("GET", "/organization"):
            return self._page([self._organization(given) for given in self.organizations], request)
        if route == ("GET", "/organization/balance"):
            return said(self.organizations[paying])
        if route == ("GET", "/workflow"):
            whole = request.query.get("offset", "0") == "0"
            return (
                Answer(200, self._priced("autoretouch-workflows.json")) if whole else said({"entries": [], "total": 1})
            )
        if route == ("GET", f"/workflow/{WORKFLOW}"):
            return Answer(200, self._priced("autoretouch-workflow.json"))
        if route == ("GET", f"/workflow/execution/{EXAMPLE['id']}"):
            return said(EXAMPLE)
        if route == ("GET", "/batch"):
            return self._batches(request, paying)
        if path == "/upload":
            return self._upload(request)
        if route == ("POST", "/workflow/execution/create"):
            return self._create(request, who, paying)
        if route == ("GET", "/workflow/execution"):
            return self._list(request, paying)
        if found := re.fullmatch(r"/workflow/execution/([^/]+)(/retry)?", path):
            return self._execution(request, who, found[1], bool(found[2]))
        if found := re.fullmatch(r"/image/([0-9a-f]+)/[^/]+", path):
            content = self.results.get(found[1])
            if content is None:
                return self._error(request, 404, "Not Found")
            return Answer(200, content[: len(content) - self.cut] if self.cut else content, "image/png")
        return self._error(request, 404, "Not Found")

    def _token(self, request: Request) -> Answer:
        form = request.form()
        seed = form.get("refresh_token", "")
        lasting = {}
        if form.get("device_code") == "device-1":
            if self.consents:
                word, *self.consents = self.consents  # type: ignore[assignment]
                status, _, error = word.partition(" ")
                return said({"error": error, "error_description": "…"}, int(status))
            lasting = {"refresh_token": (seed := "seed-token-A")}
        elif form.get("grant_type") != "refresh_token" or seed not in self.tokens:
            return said({"error": "invalid_grant", "error_description": "Unknown or invalid refresh token."}, 403)
        claims = {"sub": self.tokens[seed], "exp": int(time.time()) + 86400}
        if self.selected:
            claims["https://autoretouch.com/selectedOrganization"] = self.selected
        middle = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
        token = f"eyJhbGciOiJub25lIn0.{middle}.c2ln"
        return said({"access_token": token, **lasting, "scope": "offline_access", "expires_in": 86400,
                     "token_type": "Bearer"})  # fmt: skip

    def _who(self, bearer: str) -> str | None:
        try:
            middle = bearer.split(".")[1]
            who: str = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))["sub"]
        except (IndexError, ValueError, KeyError):
            return None
        return who if who in self.tokens.values() else None

    def _error(self, request: Request, status: int, reason: str, message: str = "") -> Answer:
        told = json.loads(sample("autoretouch-error.json"))
        at = stamp(time.time())[:-1] + "+00:00"
        told |= {"timestamp": at, "status": status, "error": reason, "message": message, "path": request.path}
        return said(told, status)

    def _page(self, entries: list[Any], request: Request) -> Answer:
        limit, offset = int(request.query.get("limit", 50)), int(request.query.get("offset", 0))
        return said({"entries": entries[offset : offset + min(limit, 50)], "total": len(entries)})

    def _organization(self, given: str) -> dict[str, Any]:
        member = {"id": USER, "givenName": "Ada", "familyName": "L", "email": "ada@example.com", "picture": "",
                  "roles": ["admin"]}  # fmt: skip
        return {"id": given, "name": f"Studio {given[:4]}", "version": VERSION, "members": [member]}

    def _priced(self, name: str) -> bytes:
        """A sample, byte for byte where the price and the version are those of the documents."""
        told = sample(name).replace('"executionPrice": 10', f'"executionPrice": {json.dumps(self.price)}')
        return told.replace(VERSION, self.version).encode()

    def _upload(self, request: Request) -> Answer:
        if request.method == "HEAD":
            return Answer(200 if request.query.get("contentHash", "") in self.images else 404)
        part = request.parts().get("file")
        if part is None:
            return self._error(request, 400, "Bad Request")
        known = digest(part[1])
        self.images[known] = part[1]
        return text(f"{self.quotes}{known}{self.quotes}", 201)

    def _create(self, request: Request, who: str, paying: str) -> Answer:
        fate = self.next_fate()
        if fate == "never":
            return LOST
        if fate.startswith("refused"):
            return self._error(request, int(fate.partition(":")[2] or 400), "Refused", "no")
        body = request.json()
        if request.query.get("workflow") != WORKFLOW:
            return self._error(request, 404, "Not Found")
        if body["image"]["contentHash"] not in self.images:
            return self._error(request, 404, "Not Found")
        at = body.get("labels", {}).get("autoretouch_batch_createdAt", "")
        if self.strict_dates and not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", at):
            return self._error(request, 400, "Bad Request", f"autoretouch_batch_createdAt: {at}")
        now = time.time()
        made = Execution(str(uuid.uuid4()), body["image"], body.get("labels", {}), paying, now, now + self.work,
                         request.query.get("version", self.version), body.get("webhooks", []))  # fmt: skip
        if fate == "unpaid":
            made.status = "PAYMENT_REQUIRED"
        else:
            made.charged = self.price if self.charge is None else self.charge
            self._charge(made, who, made.charged)
        if fate == "failed":
            made.status = "FAILED"
        self.executions.insert(0, made)
        if fate == "lost":
            return LOST
        if fate.isdigit():
            return html(int(fate)) if fate in ("502", "413") else self._error(request, int(fate), "Error")
        told = self.executions[-1].id if fate == "old" else made.id
        return text(self.id_form.format(told), 201)

    def _batches(self, request: Request, paying: str) -> Answer:
        """Batches, each the number of its executions and what they cost."""
        found: dict[str, list[Execution]] = {}
        for each in self.executions:
            batch = each.labels.get("autoretouch_batch_id", "")
            if each.organization == paying and batch and request.query.get("batchId", batch) == batch:
                found.setdefault(batch, []).append(each)
        return self._page([
            {"id": batch, "name": all_of[0].labels["autoretouch_batch_name"], "author": USER,
             "createdAt": stamp(all_of[0].created), "executions": len(all_of),
             "price": sum(each.charged for each in all_of), "workflowId": WORKFLOW,
             "workflowName": "Background Removal"} for batch, all_of in found.items()
        ], request)  # fmt: skip

    def _charge(self, made: Execution, who: str, amount: int, kind: str = "create") -> None:
        result = png_result(made.image["contentHash"], made.id)
        self.results[digest(result)] = result
        self.organizations[made.organization] -= amount
        key = made.labels.get("artui_job", "")
        self.ledger.append(Charge(made.image["contentHash"], amount, who, key, made.id, WORKFLOW, made.organization,
                                  kind,
                                  made.image["name"]))  # fmt: skip

    def strangers(self, number: int, *, photo: str = "", labels: dict[str, str] | None = None) -> list[Execution]:
        """Executions that others made in the same organization, at the top of the list."""
        now = time.time()
        made = []
        for _ in range(number):
            image = {
                "name": "shoe.jpg",
                "contentHash": photo or digest(uuid.uuid4().bytes),
                "contentType": "image/jpeg",
            }
            made.append(Execution(str(uuid.uuid4()), image, labels or {}, ORGANIZATION, now, now, charged=self.price,
                                  foreign=True))  # fmt: skip
            self.executions.insert(0, made[-1])
        return made

    def _list(self, request: Request, paying: str) -> Answer:
        if self.list_fails:
            return self._error(request, 503, "Service Unavailable")
        if self.grows:
            self.strangers(self.grows)
        now = time.time()
        entries = []
        for each in self.executions:
            if each.organization != paying or now < each.created + self.list_hides:
                continue
            shown = self._object(each)
            if not self.labels_in_list:
                shown["labels"] = {}
            entries.append(shown)
        return self._page(entries, request)

    def _object(self, each: Execution) -> dict[str, Any]:
        shown = each.object()
        if time.time() < self.retried.get(each.id, 0):
            shown.update(status="PAYMENT_REQUIRED" if not each.charged else "FAILED", resultPath=None)
        if each is self.executions[-1]:
            shown.update(self.odd)
        if shown["status"] == "COMPLETED":
            shown = changed(shown, self.shows.get(each.image["contentHash"], {}))
        if self.unstated:
            shown.update(resultContentHash=None, resultPreviewContentHash=None)
        return shown

    def _execution(self, request: Request, who: str, given: str, retry: bool) -> Answer:
        each = next((one for one in self.executions if one.id == given), None)
        if each is None:
            return self._error(request, 404, "Not Found")
        if not retry:
            return said(self._object(self.executions[-1] if self.swap else each))
        if each.object()["status"] not in ("FAILED", "PAYMENT_REQUIRED"):
            return self._error(request, 400, "Bad Request")
        if self.retry_charges:
            each.charged += self.price
            self._charge(each, who, self.price, "retry")
        each.status, each.created, each.ready = self.retry_becomes, each.created, time.time() + self.work
        if self.retry_shows_after:
            self.retried[each.id] = time.time() + self.retry_shows_after
        if self.retry_lost:
            self.retry_lost -= 1
            return LOST
        return Answer(200)
