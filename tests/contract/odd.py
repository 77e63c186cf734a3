"""Odd forms of an answer, to be put into the routes of a server."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from tests.contract.serving import Answer, At, Change, Request, changed, said, text


def instead(answer: Answer) -> Change:
    """This answer, and the service does nothing."""
    return lambda _, go: answer


def although(answer: Answer) -> Change:
    """This answer, although the service did what it was asked."""

    def change(request: Request, go: Callable[[], Answer]) -> Answer:
        go()
        return answer

    return change


def body(make: Callable[[bytes], bytes], **more: Any) -> Change:
    """Another body, and other parts of the answer."""

    def change(request: Request, go: Callable[[], Answer]) -> Answer:
        answer = go()
        return replace(answer, body=make(answer.body), **more)

    return change


def differently(**more: Any) -> Change:
    """Other parts of an answer: ``status``, ``kind``, ``unmeasured``."""
    return body(lambda content: content, **more)


def tree(make: Callable[[Any], Any]) -> Change:
    """Other JSON where an answer is a good one."""

    def change(request: Request, go: Callable[[], Answer]) -> Answer:
        answer = go()
        if answer.status >= 300:
            return answer
        return replace(answer, body=json.dumps(make(answer.json())).encode())

    return change


def fields(values: Mapping[str, Any]) -> Change:
    """Other values of the fields of an object."""
    return tree(lambda told: changed(told, values))


def entries(values: Mapping[str, Any]) -> Change:
    """Other values of the fields of each entry of a page."""
    return tree(lambda page: {**page, "entries": [changed(entry, values) for entry in page["entries"]]})


def beside(*strangers: Any) -> Change:
    """More entries on a page, above what belongs there."""
    return tree(lambda page: {"entries": [*strangers, *page["entries"]], "total": page["total"] + len(strangers)})


def zipped(request: Request, go: Callable[[], Answer]) -> Answer:
    """The content compressed, whatever was asked for."""
    answer = go()
    return replace(answer, body=gzip.compress(answer.body), headers={"Content-Encoding": "gzip"})


def moved(status: int, where: str) -> Change:
    """What is asked for lies elsewhere; nothing is done here."""
    return lambda _, go: Answer(status, headers={"Location": where})


def elsewhere(*hops: str, status: int = 302, route: str = "GET /image/.+") -> tuple[At, ...]:
    """Results lie behind redirects: each hop is a folder, the last of which has the content, for whoever comes without
    a secret."""
    content: dict[str, Answer] = {}

    def to(request: Request, hop: str, name: str) -> Answer:
        port = request.headers["host"].rpartition(":")[2]
        return Answer(status, headers={"Location": f"http://localhost:{port}/{hop}/{name}"})

    def first(request: Request, go: Callable[[], Answer]) -> Answer:
        answer = go()
        if answer.status != 200:
            return answer
        name = hashlib.sha256(answer.body).hexdigest()
        content[name] = answer
        return to(request, hops[0], name)

    def between(number: int) -> Change:
        return lambda request, go: to(request, hops[number], request.path.rpartition("/")[2])

    def last(request: Request, go: Callable[[], Answer]) -> Answer:
        if {"authorization", "x-retouch-token"} & request.headers.keys() or "policy" in request.query:
            return text("a secret came along", 400)
        return content[request.path.rpartition("/")[2]]

    middle = [At(f"GET /{hop}/.+", between(number), shared=True) for number, hop in enumerate(hops[:-1], 1)]
    return (At(f"GET /{hops[-1]}/.+", last, shared=True), *middle, At(route, first))


def problem(status: int, stated: int | None = None) -> Answer:
    """An error as RFC 9457 has it; ``stated``: the status in it, where that is another."""
    told = {"type": "about:blank", "title": "Error", "status": stated or status, "detail": "CMYK is not taken"}
    return replace(said(told, status), kind="application/problem+json")


def nest(status: int) -> Answer:
    """An error as a Nest server tells it."""
    return said({"statusCode": status, "message": "Forbidden resource"}, status)


def v1(status: int) -> Answer:
    """An error as the vendor's first API tells it."""
    return said({"result": "error", "error": {"code": status, "msg": "invalid file"}}, status)
