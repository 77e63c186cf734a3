"""Filestack's switches: the forms that the sheets of its interface were met in, and those that its pages allow."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.contract.desk import Desk
from tests.contract.filestack import EXAMPLE, WORKFLOW, Filestack
from tests.contract.odd import (
    although,
    body,
    differently,
    elsewhere,
    fields,
    instead,
    moved,
    nest,
    problem,
    tree,
    v1,
    zipped,
)
from tests.contract.pictures import jpeg
from tests.contract.serving import GONE, LOST, Answer, At, html, said, text
from tests.contract.switch import DONE, FAILED, HELD, NO_PICTURE, REFUSED, Switch

STORE, RUN, LOOK = "POST /api/store/S3", "GET /.*run_workflow=.+", "GET /.*workflow_status=.+"
META, FILE, COMPLETE = "GET /.*metadata", "GET /security=[^/]+/[A-Za-z0-9]+", "POST /multipart/complete"
IN_PARTS = "multipart_above = 0.0001"

RUN_FIELDS: dict[str, list[Any]] = {
    "createdAt": [None, GONE, "soon"],
    "updatedAt": [None, GONE, 7],
    "sources": [None, GONE, [], {}],
    "workflow": [None, GONE],
    "status": ["started", None, GONE, 7, "Queued"],
    "results": [None, {}],
    "ttl": ["172800", "172800s", None, -1],
    "extra": [{"a": [1]}],
}
LOOK_FIELDS: dict[str, list[Any]] = {
    "ttl": ["172800", "172800s", None, GONE, 1e3, {"s": 1}, -1],
    "sources": [None, GONE, {"a": 1}, [{"handle": "x"}]],
    "createdAt": ["2031-01-02T03:04:05", 1_924_900_000_000, [2031, 1, 2, 3, 4], None, GONE, "soon"],
    "updatedAt": [None, GONE, 1_924_900_000],
    "workflow": [None, GONE],
    "error": [None, ""],
    "extra": [[1]],
}


def told(value: Any) -> str:
    return "gone" if value is GONE else repr(value)[:40]


def leaves_nothing(service: Filestack, desk: Desk) -> None:
    assert not service.asked("POST /multipart/start"), "a check left the beginning of an upload behind"
    assert len(service.asked(STORE)) == len(service.ledger), "a check stored a file"


RESULTS: dict[str, Callable[[str, str, str], Any]] = {
    "flat": lambda handle, url, _: {"store_1": {"url": url, "handle": handle}},
    "nested": lambda handle, url, _: {"store_1": {"out": {"data": {"file": {"url": url}}}}},
    "nested deeply": lambda handle, url, _: {"store_1": {"a": {"b": {"c": {"d": {"e": {"url": url}}}}}}},
    "a mapping level": lambda handle, url, _: {"mapping": {"store_1": {"data": {"handle": handle, "url": url}}}},
    "a list": lambda handle, url, _: [{"task": "store_1", "data": {"url": url}}],
    "a list without names": lambda handle, url, _: [{"url": url}],
    "lists in a map": lambda handle, url, _: {"store_1": [{"data": [{"url": url}]}]},
    "an address alone": lambda handle, url, _: {"store_1": {"url": url}},
    "an address below data": lambda handle, url, _: {"store_1": {"data": {"url": url}}},
    "an address as text": lambda handle, url, _: {"store_1": url},
    "a handle alone": lambda handle, url, _: {"store_1": {"data": {"handle": handle}}},
    "with oddities": lambda handle, url, _: {"store_1": {"data": {
        "handle": handle, "url": url, "size": "12k", "type": 7, "filename": None, "key": {}}}},
    "one null beside": lambda handle, url, _: {"store_1": {"data": {"handle": handle}}, "tags_1": None},
    "tags beside": lambda handle, url, _: {**EXAMPLE["results"], "store_1": {"data": {"handle": handle, "url": url}}},
}  # fmt: skip


UNNAMED = ("a mapping level", "a list without names")
"""Those that name no task, so that none can be asked for."""


def temporary(handle: str, url: str, source: str) -> Any:
    base = url.rpartition("/")[0]
    return {"store_1": {"mimetype": "image/jpeg", "url": f"{base}/AppKeyA00000000000000z/wf://{WORKFLOW}/{handle}"}}


def keeps_the_tags(service: Filestack, desk: Desk) -> None:
    found = [json.loads(path.read_bytes()) for path in desk.out.glob("photo-1*.json")]
    assert EXAMPLE["results"]["tags_1571950225779"] in found


SWITCHES = [
    Switch("the page's samples", lists=True, check=leaves_nothing),
    Switch("an app that restricts types", given={"types": "image/jpeg"}, lists=True),
    *(Switch(f"run: {name} {told(value)}", (At(RUN, fields({name: value})),), packed=True)
      for name, values in RUN_FIELDS.items() for value in values),
    Switch("run: the job's id alone", (At(RUN, lambda _, go: said({"jobid": go().json()["jobid"]})),), packed=True),
    Switch("run: error null", given={"always": "errornull"}),
    Switch("run: as text", (At(RUN, differently(kind="text/plain")),), packed=True),
    Switch("run: 201", (At(RUN, differently(status=201)),), packed=True),
    Switch("run: a BOM", (At(RUN, body(lambda content: b"\xef\xbb\xbf" + content)),), (DONE, HELD), "doubt",
           packed=True),
    *(Switch(f"run: jobid {told(value)}", (At(RUN, fields({"jobid": value})),), HELD, "doubt|jobid", packed=True)
      for value in (None, GONE, [1])),
    *(Switch(f"run: {name}", (At(RUN, instead(answer)),), (FAILED, HELD), says,
             packed=answer.status not in (401, 403)) for name, answer, says in (
        ("404, text", text("not found", 404), "not found"), ("400, text", text("bad id", 400), "bad id"),
        ("422, text", text("cannot", 422), "cannot"), ("413, text", text("too large", 413), "too large"),
        ("403, text", text("policy error", 403), "policy error"), ("410, text", text("gone", 410), "gone"),
        ("404, own", said({"error": "no workflow"}, 404), "no workflow"),
        ("400, the first API's form", v1(400), "invalid file"), ("404, the first API's form", v1(404), "invalid file"),
        ("200, an error", said({"error": "no workflow"}), "no workflow"),
        ("400, an object", said({"error": {"text": "no workflow"}}, 400), "no workflow|400"),
        ("400, problem", problem(400), "CMYK|400"), ("401, own", said({"error": "bad key"}, 401), "bad key|login|sign"),
        ("403, own", said({"error": "not allowed"}, 403), "not allowed"), ("404, a web page", html(404), "404|doubt"))),
    *(Switch(f"run: {name}, refused by a wrong workflow's id", (At(RUN, instead(answer)),), FAILED, says, packed=True)
      for name, answer, says in (("404, text", text("not found", 404), "not found|workflow"),)),
    *(Switch(f"run: {name}, taken", (At(RUN, although(answer)),), HELD, "doubt|answer",
             packed=True) for name, answer in (
        ("no answer", LOST), ("500", said({"error": "x"}, 500)), ("502, a web page", html(502)),
        ("408, text", text("timeout", 408)), ("409, text", text("conflict", 409)), ("425, text", text("early", 425)),
        ("429, text", text("slow down", 429)), ("302", Answer(302, headers={"Location": "/x"})),
        ("a web page", html(200)))),
    *(Switch(f"look: {name} {told(value)}", shows={name: value}, packed=True)
      for name, values in LOOK_FIELDS.items() for value in values),
    *(Switch(f"look: sources {name}", shows={"sources": make}, packed=True) for name, make in (
        ("as text", lambda _, url, source: source), ("an address", lambda _, url, source: [f"{url[:-21]}/{source}"]),
        ("an address as text", lambda _, url, source: f"https://cdn.filestackcontent.com/{source}"))),
    *(Switch(f"look: the end is {word}", shows={"status": word}, packed=True) for word in ("finished", "FINISHED")),
    *(Switch(f"look: the end is {word}", shows={"status": word}, packed=True, ends=(FAILED, HELD), says="failed")
      for word in ("Failed", "error")),
    *(Switch(f"look: status {told(value)}", ends=HELD, says="status", shows={"status": value}, packed=True)
      for value in (None, GONE)),
    *(Switch(f"look: jobid {told(value)}", ends=(DONE, HELD), says="jobid|id", shows={"jobid": value}, packed=True)
      for value in (None, GONE, 7)),
    *(Switch(f"look: results {told(value)}", ends=HELD, says="result", shows={"results": value}, packed=True)
      for value in (None, {})),
    Switch("look: results late", given={"results_after": 1.0}),
    Switch("look: 404 at first, text", (At(LOOK, instead(text("not found", 404)), times=2),), packed=True),
    Switch("look: 500 at first", (At(LOOK, instead(html(500)), times=2),), packed=True),
    Switch("look: as text", (At(LOOK, differently(kind="text/plain")),), packed=True),
    Switch("look: a BOM", (At(LOOK, body(lambda content: b"\xef\xbb\xbf" + content)),), packed=True),
    *(Switch(f"results: {name}", shows={"results": make}, packed=True, given={"tasks": ""} if name in UNNAMED else {})
      for name, make in RESULTS.items()),
    Switch("results: tags alone, the page's sample", given={"tasks": ""},
           shows={"results": EXAMPLE["results"]}, ends=NO_PICTURE, check=keeps_the_tags),
    Switch("results: temporary, as it stands", shows={"results": temporary}, packed=True),
    Switch("results: temporary, signed", shows={"results": temporary}, given={"plain": False}),
    Switch("results: a file, 302 to storage", elsewhere("storage", route=FILE), packed=True),
    Switch("results: a file, 302 to 10.0.0.1", (At(FILE, moved(302, "http://10.0.0.1/x")),), HELD,
           "redirect|address|private", packed=True),
    Switch("results: a file ends by close", (At(FILE, differently(unmeasured=True)),), packed=True),
    Switch("results: a file, compressed", (At(FILE, zipped),), packed=True),
    Switch("results: a file, 404 at first", (At(FILE, instead(text("not found", 404)), times=2),), packed=True),
    *(Switch(f"metadata: {name}", (At(META, instead(answer)),), packed=True) for name, answer in (
        ("403", said({"error": "no stat"}, 403)), ("404, text", text("not found", 404)), ("a web page", html(200)),
        ("odd", said({"size": "many", "sha256": 7, "mimetype": None})), ("null", said(None)), ("500", html(500)))),
    *(Switch(f"store: {name}", (At(STORE, tree(make)),), packed=True) for name, make in (
        ("the older address", lambda one: {**one, "url": "https://www.filestackapi.com/api/file/" + one["url"][-20:]}),
        ("a handle beside", lambda one: {**one, "handle": one["url"].rpartition("/")[2]}),
        ("the address alone", lambda one: {"url": one["url"]}),
        ("oddities", lambda one: {**one, "size": "x", "type": None, "filename": 7, "key": []}))),
    *(Switch(f"store: {name}", (At(STORE, instead(answer)),), FAILED, says, packed=True,
             once=STORE) for name, answer, says in (
        ("413, a web page", html(413), "413|large"), ("413, text", text("too big", 413), "too big|large"),
        ("415, problem", problem(415), "CMYK"), ("400, text", text("bad image", 400), "bad image"),
        ("400, the first API's form", v1(400), "invalid file"), ("400, Nest", nest(400), "Forbidden resource"))),
    Switch("store: Invalid Application", (At(STORE, instead(text("Invalid Application"))),), (HELD, FAILED, REFUSED),
           "Invalid Application|login|sign"),
    Switch("store: 503, once", (At(STORE, instead(html(503)), times=1),), packed=True),
    Switch("store: 500 for one photo", (At(STORE, instead(html(500))),), HELD, "trouble", patience=100,
           packed=True),
    Switch("in parts", more=IN_PARTS),
    Switch("in parts: 202 once", (At(COMPLETE, instead(Answer(202, b"{}")), times=1),), more=IN_PARTS),
    Switch("in parts: on its way", (At(COMPLETE, fields({"status": "InTransit"})),), more=IN_PARTS),
    Switch("an alias", asks=("--alias", "pictures/in/photo 1.jpg"),
           given={"elsewhere": {"src://pictures/in/photo 1.jpg": jpeg(1)}}),
    Switch("an address", asks=("--url", "https://shop.example.com/photo-1.jpg?v=2"),
           given={"elsewhere": {"https://shop.example.com/photo-1.jpg?v=2": jpeg(1)}}),
]  # fmt: skip
