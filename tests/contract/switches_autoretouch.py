"""AutoRetouch's switches: the forms that the sheets of its interface were met in, and those that its pages allow."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.contract.autoretouch import WORKFLOW, AutoRetouch
from tests.contract.desk import Desk
from tests.contract.odd import (
    although,
    beside,
    body,
    differently,
    elsewhere,
    entries,
    fields,
    instead,
    moved,
    nest,
    problem,
    tree,
    zipped,
)
from tests.contract.pictures import jpeg
from tests.contract.serving import GONE, LOST, Answer, At, Change, Request, changed, html, said, sample, text
from tests.contract.switch import DONE, FAILED, HELD, REFUSED, Switch

LIST, ONE = "GET /workflow", f"GET /workflow/{WORKFLOW}"
WHO, BALANCE = "GET /organization", "GET /organization/balance"
UPLOAD, HEAD, CREATE = "POST /upload", "HEAD /upload", "POST /workflow/execution/create"
LISTED, DETAILS, IMAGE = "GET /workflow/execution", "GET /workflow/execution/[^/]+", "GET /image/.+"
ANOTHER = "b1f0b604-85c0-45fd-85cf-4428bb3941ba"


def own(status: int, message: str = "no") -> Answer:
    """An error in the service's own form."""
    told = {"timestamp": "2020-09-07T13:09:37.000+00:00", "status": status, "error": "Refused", "message": message}
    return said({**told, "path": "/v1/x"}, status)


def here(wanted: str, answer: Answer) -> Change:
    """Another answer where the path as it was sent begins so."""
    return lambda request, go: answer if request.path.startswith(wanted) else go()


def ranged(request: Request, go: Callable[[], Answer]) -> Answer:
    """The whole as a part of itself."""
    answer = go()
    length = len(answer.body)
    return replace(answer, status=206, headers={"Content-Range": f"bytes 0-{length - 1}/{length}"})


def lies_at(form: str) -> tuple[At, ...]:
    """A result is told by its path alone, in this form."""

    def change(request: Request, go: Callable[[], Answer]) -> Answer:
        def make(told: dict[str, Any]) -> dict[str, Any]:
            if path := told.get("resultPath"):
                told["resultPath"] = form.format(host=request.headers["host"], path=path, bare=path[1:])
            return told | dict.fromkeys(("resultContentHash", "resultFileName", "resultPreviewContentHash"))

        return tree(make)(request, go)

    return (At(DETAILS, change),)


# What harms nobody, by field. `GONE` is a field that is missing.

WORKFLOW_FIELDS: dict[str, list[Any]] = {
    "executionPrice": [10.5, "10", None, GONE, -5, 10**30, "ten"],
    "author": ["Ada", None, GONE, [], {"id": 7}],
    "workflowComponents": [None, GONE, "input", {}, [None, "input", {"type": "input", "settings": []}]],
    "date": [1_584_091_597, 1_584_091_597_705, [2020, 3, 13, 9, 26, 37, 705_284], "2020-03-13T09:26:37", None, GONE],
    "name": [None, GONE, 7],
    "extra": [{"deep": [1, {"er": None}]}],
}

ORGANIZATION_FIELDS: dict[str, list[Any]] = {
    "members": [[{"id": "google-oauth2|118231812295695726244", "roles": "admin"}], None, GONE, "x",
                [None, {"id": 7, "roles": None}]],
    "version": [None, GONE, 7],
    "name": [None, GONE, 7],
    "extra": [{"a": 1}],
}  # fmt: skip

EXECUTION_FIELDS: dict[str, list[Any]] = {
    "createdAt": ["2026-01-01T10:00:00", "2026-01-01T10:00:00Z", 1_767_261_600, 1_767_261_600_000,
                  [2026, 1, 1, 10, 0, 0, 0], None, GONE, "soon"],
    "startedAt": [1_767_261_600_000, "soon"],
    "finishedAt": [[2026, 1, 1, 10, 0], "9999-12-31T23:59:59Z"],
    "chargedCredits": [9.5, "9", None, GONE, -1, 10**30],
    "labels": [["a"], None, GONE, "x", {"artui_job": 7}],
    "workflowVersion": [7, None, GONE],
    "workflowName": [None, 7],
    "userId": [None, 7],
    "feedback": [{"thumbsUp": True}],
    "fastlane": [True],
    "intermediateResult": [{"hash": "x"}],
    "webhooks": [None, "x"],
    "inputContentHash": [None, GONE],
    "resultContentType": [None, "image/png; charset=utf-8"],
    "status": ["completed", "Completed"],
    "extra": [[[1]]],
}  # fmt: skip


def columns(values: dict[str, list[Any]]) -> list[dict[str, Any]]:
    """The first value of each field together, then the second of each, and so on."""
    most = max(map(len, values.values()))
    return [{name: each[turn] for name, each in values.items() if turn < len(each)} for turn in range(most)]


def packed(name: str, *odd: At, **more: Any) -> Switch:
    """A switch that is about one photo alone."""
    return Switch(name, odd, packed=True, **more)


def told(value: Any) -> str:
    return "gone" if value is GONE else repr(value)[:40]


def names_it(wanted: str) -> Callable[[AutoRetouch, Desk], None]:
    def check(service: AutoRetouch, desk: Desk) -> None:
        assert service.asked(CREATE)[0].json()["image"]["name"] == wanted

    return check


def shows_no_direction(service: AutoRetouch, desk: Desk) -> None:
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00-\x1f]", service.asked(CREATE)[0].json()["image"]["name"])


def asked_whether_it_is_there(service: AutoRetouch, desk: Desk) -> None:
    assert service.asked(HEAD), "nobody asked"
    assert [request.parts()["file"][1] for request in service.asked(UPLOAD)].count(jpeg(1)) == 2


STRANGE = [
    None, "x", 7, [], {}, {"id": None}, *(
        changed({**json.loads(sample("autoretouch-workflow.json")), "id": ANOTHER[:-3] + f"{number:03}"}, {name: value})
        for name, values in {**WORKFLOW_FIELDS, "version": [None, 7], "id": [None, {}]}.items()
        for number, value in enumerate(values)
    ),
]  # fmt: skip
"""Workflows of others in the same list."""


def counted(service: AutoRetouch, desk: Desk) -> None:
    """Whoever asks is told that an entry was left out."""
    ran = desk.artui("workflows")
    assert re.search(r"\b1 of 2\b", ran.out + ran.err), ran


LISTS = [
    Switch("the samples"),
    *(Switch(f"workflow: {' '.join(f'{name} {told(value)},' for name, value in values.items())}",
             (At(LIST, entries(values)), At(ONE, fields(values))),
             DONE if values.get("executionPrice") in (10.5, "10") else (DONE, REFUSED), "executionPrice")
      for values in columns(WORKFLOW_FIELDS)),
    Switch("workflows: odd entries among the others", (At(LIST, beside(*STRANGE)),)),
    Switch("workflows: an odd entry among the others is counted", (At(LIST, beside(None)),), check=counted),
    *(Switch(f"workflow: version {told(value)}",
             (At(LIST, entries({"version": value})), At(ONE, fields({"version": value}))), (DONE, REFUSED), "version")
      for value in (None, GONE, 7)),
    *(Switch(f"workflow: id {told(value)}", (At(LIST, entries({"id": value})), At(ONE, fields({"id": value}))),
             REFUSED, r"\bid\b") for value in (None, GONE, ["x"])),
    *(Switch(f"workflows: total {told(value)}", (At(LIST, fields({"total": value})),))
      for value in (GONE, "1", None, 1.0, -1, 7)),
    *(Switch(f"workflows: entries {told(value)}", (At(LIST, fields({"entries": value})),), REFUSED, "entries")
      for value in (None, GONE, "x")),
    Switch("workflows: a bare list", (At(LIST, tree(lambda page: page["entries"])),), (DONE, REFUSED),
           r"entries|list|it is \["),
    Switch("workflows: another key", (At(LIST, fields({"next": None, "page": {"n": 1}})),)),
    Switch("workflows: a BOM", (At(f"{LIST}|{ONE}", body(lambda content: b"\xef\xbb\xbf" + content)),)),
    Switch("workflows: as text", (At(f"{LIST}|{ONE}", differently(kind="text/plain")),)),
    Switch("workflows: a web page", (At(f"{LIST}|{ONE}", instead(html(200))),), REFUSED),
    Switch("workflows: 404", (At(f"{LIST}|{ONE}", instead(own(404, ""))),), REFUSED),
    Switch("workflows: 503, once", (At(LIST, instead(html(503)), times=1),), (DONE, REFUSED), then=DONE),
    *(Switch(f"organization: {' '.join(f'{name} {told(value)},' for name, value in values.items())}",
             (At(WHO, entries(values)),)) for values in columns(ORGANIZATION_FIELDS)),
    Switch("organization: an entry null", (At(WHO, beside(None)),)),
    Switch("organization: total gone", (At(WHO, fields({"total": GONE})),)),
    Switch("organization: id null", (At(WHO, entries({"id": None})),), REFUSED, r"\bid\b|organization"),
]  # fmt: skip

BALANCES = [
    *(Switch(f"balance: {name}", (At(BALANCE, instead(answer)),)) for name, answer in (
        ("4711.0", text("4711.0")), ("quoted", said("4711")), ("an object", said({"balance": 4711})),
        ("null", said(None)), ("as text", text("4711\r\n")), ("empty", Answer(200)), ("a web page", html(200)),
        ("a word", said("unlimited")), ("a list", said([4711])), ("a BOM", Answer(200, b"\xef\xbb\xbf4711")),
        ("403", own(403)), ("403, empty", Answer(403)), ("404", own(404, "")), ("405", html(405)),
        ("400", text("no", 400)),
        ("403 as problem", problem(403)))),
    Switch("balance: 500", (At(BALANCE, instead(html(500))),)),
]  # fmt: skip

UPLOADS = [
    packed("hash: in quotes", At(UPLOAD, body(lambda content: b'"' + content + b'"', kind="application/json"))),
    packed("hash: with a line end", At(UPLOAD, body(lambda content: content + b"\r\n"))),
    packed("hash: with 200", At(UPLOAD, differently(status=200))),
    Switch("hash: a BOM", (At(UPLOAD, body(lambda content: b"\xef\xbb\xbf" + content)),), (DONE, HELD, FAILED)),
    *(Switch(f"upload: {name}", (At(UPLOAD, instead(answer)),), FAILED, says, packed=True, once=UPLOAD)
      for name, answer, says in (
          ("413, a web page", html(413), "413|large"), ("413, empty", Answer(413), "413|large"),
          ("413, text", text("file too big", 413), "file too big"),
          ("415, problem", problem(415), "CMYK"), ("415, a web page", html(415), "415|type"),
          ("400, problem", problem(400), "CMYK"), ("400, text", text("not an image", 400), "not an image"),
          ("400, a web page", html(400), "400"), ("400, own", own(400, "no image"), "no image"),
          ("422, own", own(422, "cannot be read"), "cannot be read"), ("422, problem", problem(422), "CMYK"))),
    packed("upload: 503, once", At(UPLOAD, instead(html(503)), times=1)),
    *(Switch(f"upload: {name} for one photo", (At(UPLOAD, instead(answer)),), HELD, "trouble",
             patience=100, packed=True) for name, answer in (("500", own(500)), ("502, a web page", html(502)))),
    *(Switch(f"HEAD: {name}", (At(HEAD, instead(answer)),), redone=True, check=asked_whether_it_is_there)
      for name, answer in (("405", Answer(405)), ("403", Answer(403)), ("400", Answer(400)), ("501", Answer(501)),
                           ("302", Answer(302, headers={"Location": "/x"})))),
]  # fmt: skip

CREATES = [
    packed("id: in quotes", At(CREATE, body(lambda content: b'"' + content + b'"', kind="application/json"))),
    packed("id: with a line end", At(CREATE, body(lambda content: content + b"\r\n"))),
    packed("id: with 200", At(CREATE, differently(status=200))),
    packed("id: with 200, in quotes and with a line end",
           At(CREATE, body(lambda content: b'"' + content + b'"\r\n', status=200))),
    packed("id: in an object", At(CREATE, body(lambda content: b'{"id":"' + content + b'"}'))),
    packed("id: none", At(CREATE, body(lambda content: b""))),
    *(Switch(f"create: {name}, taken", (At(CREATE, although(answer)),), packed=True) for name, answer in (
        ("no answer", LOST), ("413, a web page", html(413)), ("502, a web page", html(502)), ("500, own", own(500)),
        ("503, problem", problem(503)), ("409, own", own(409)), ("429, own", own(429)), ("408, empty", Answer(408)),
        ("307", Answer(307, headers={"Location": "/v1/elsewhere"})), ("a web page", html(200)))),
    packed("create: no answer, not taken, once", At(CREATE, instead(LOST), times=1)),
    Switch("create: 404, a web page, taken", (At(CREATE, although(html(404))),), (DONE, HELD), packed=True),
    Switch("create: 400, text, taken", (At(CREATE, although(text("bad", 400))),), (DONE, HELD), packed=True),
    *(Switch(f"create: {name}", (At(CREATE, instead(answer)),), (FAILED, HELD), says,
             packed=answer.status not in (401, 403)) for name, answer, says in (
        ("400, own", own(400, "odd labels"), "odd labels"), ("422, own", own(422, "cannot"), "cannot"),
        ("403, own", own(403, "not yours"), "not yours|403"),
        ("403, empty", Answer(403), "forbidden|403"), ("401, own", own(401, ""), "login|sign"),
        ("400, problem", problem(400), "CMYK"), ("403, problem", problem(403), "CMYK"),
        ("404, problem", problem(404), "CMYK"), ("422, problem", problem(422), "CMYK"),
        ("401, problem", problem(401), "login|sign"))),
    *(Switch(f"create: {name}, not taken", (At(CREATE, instead(answer)),), HELD, "doubt|answered|40[0-9]", packed=True)
      for name, answer in (("403, Nest", nest(403)), ("404, text", text("no", 404)),
                           ("400, problem of another status", problem(400, 500)))),
    Switch("batch: createdAt as in the samples", given={"strict_dates": True}),
    Switch("name: in another script", photo="靴 春.jpg", check=names_it("靴 春.jpg")),
    Switch("name: with a direction", photo="a\u202egpj.jpg", check=shows_no_direction),
]  # fmt: skip

ODD = [None, "x", {"id": None}, {"id": "y", "labels": ["z"]}, {"status": 3}]
"""What may stand among the executions of a list."""

LOOKS = [
    *(packed(f"execution: {name} {told(value)}", shows={name: value})
      for name, values in EXECUTION_FIELDS.items() for value in values),
    *(Switch(f"execution: status {told(value)}", ends=HELD, says="status", shows={"status": value}, packed=True)
      for value in (None, GONE, 7)),
    *(Switch(f"execution: id {told(value)}", ends=(HELD, DONE), says=r"\bid\b", shows={"id": value}, packed=True)
      for value in (None, GONE)),
    packed("execution: an unknown status, twice",
           At(DETAILS, fields({"status": "POLISHING", "resultPath": None}), times=2)),
    packed("execution: 404 at first", At(DETAILS, instead(own(404, "")), times=3)),
    packed("execution: 404 at first, a web page", At(DETAILS, instead(html(404)), times=2)),
    packed("execution: 503 at first, problem", At(DETAILS, instead(problem(503)), times=2)),
    Switch("execution: 403 at first", (At(DETAILS, instead(own(403)), times=1),), (DONE, HELD)),
    packed("execution: a BOM", At(DETAILS, body(lambda content: b"\xef\xbb\xbf" + content))),
    Switch("execution: chargedCredits 57 beside a price of 10, as in the samples", shows={"chargedCredits": 57},
           then="price changed", says="57"),  # by itself, for it holds what comes after it
    Switch("execution: completed without a result", ends=HELD, says="result", packed=True, shows=dict.fromkeys(
        ("resultPath", "resultContentHash", "resultFileName", "resultPreviewContentHash"))),
    Switch("odd entries among the executions", (At(LISTED, beside(*ODD)),)),
    Switch("looked up beside odd entries", (At(CREATE, although(LOST)), At(LISTED, beside(*ODD)))),
    *(Switch(f"looked up: total {told(value)}", (At(CREATE, although(LOST)), At(LISTED, fields({"total": value}))))
      for value in (GONE, "1", None)),
    *(packed(f"looked up: {name} {told(value)}", At(CREATE, although(LOST)), shows={name: value})
      for name, value in (("createdAt", None), ("createdAt", 1_767_261_600_000), ("chargedCredits", 9.5))),
]  # fmt: skip

RESULTS = [
    *(packed(f"resultPath: {form}", *lies_at(form)) for form in (
        "{path}", "{bare}", "/v1{path}", "http://{host}{path}", "http://{host}/v1{path}", "{path}?size=full")),
    packed("hash: in capitals", At(DETAILS, tree(lambda one: {
        **one, "resultContentHash": (one.get("resultContentHash") or "").upper() or None}))),
    packed("result: not below /v1", At(IMAGE, here("/v1", own(404, "")))),
    packed("result: only below /v1", At(IMAGE, here("/image", own(404, "")))),
    packed("result: 302 to a CDN", *elsewhere("cdn302")),
    packed("result: 307 to a CDN", *elsewhere("cdn307", status=307)),
    packed("result: 301 to a CDN", *elsewhere("cdn301", status=301)),
    Switch("result: five redirects", elsewhere("a", "b", "c", "d", "e"), packed=True),
    Switch("result: six redirects", elsewhere("1", "2", "3", "4", "5", "6"), HELD,
           "redirect|address to address", packed=True),
    *(Switch(f"result: 302 to {where or 'nowhere'}", (At(IMAGE, moved(302, where)),), HELD, "redirect|address|private",
             packed=True)
      for where in ("http://10.0.0.1/x", "https://192.168.0.1/x", "http://169.254.169.254/latest", "https://[fd00::1]/x",
                    "file:///etc/passwd", "http://example.com/x", "")),
    packed("result: compressed", At(IMAGE, zipped)),
    packed("result: 206 for the whole", At(IMAGE, ranged)),
    packed("result: ends by close", At(IMAGE, differently(unmeasured=True))),
    Switch("result: ends by close, no digest told", (At(IMAGE, differently(unmeasured=True)),),
           given={"unstated": True}),
    Switch("result: ends by close, cut", (At(IMAGE, body(lambda content: content[:-40], unmeasured=True)),),
           HELD, "damaged|whole|digest", given={"unstated": True}),
    packed("result: as octets", At(IMAGE, differently(kind="application/octet-stream"))),
    packed("result: 404 at first", At(IMAGE, instead(own(404, "")), times=2)),
    packed("result: 500 at first", At(IMAGE, instead(html(500)), times=1)),
]  # fmt: skip

SWITCHES = [*LISTS, *BALANCES, *UPLOADS, *CREATES, *LOOKS, *RESULTS]
LISTING = {switch.name for switch in [*LISTS, *BALANCES]}
"""Those that ``login`` and ``workflows`` meet too."""
