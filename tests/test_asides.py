"""What an AutoRetouch execution shows beside its state: told where it looks like something, and no more."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from artui.journal import history
from artui.model.states import Reason, Stage, Status
from artui.providers.base import ExecutionStatus, State
from artui.providers.services.autoretouch import aside, wire
from artui.steps import looking
from tests.studio import Studio
from tests.test_failures import job as job_at

HASH = "ab" * 32
DEEP: Any = "x"
for _ in range(2000):
    DEEP = {"path": DEEP}


@pytest.mark.parametrize(
    ("told", "place"),
    [
        (f"/image/{HASH}/a b.png", f"/image/{HASH}/a b.png"),
        (f"image/{HASH}/a.png?token=secret", f"image/{HASH}/a.png"),
        (
            {"url": f"https://cdn.example/v1/image/{HASH}/a.png?sig=secret"},
            f"https://cdn.example/v1/image/{HASH}/a.png",
        ),
        ({"contentHash": HASH, "fileName": "a.png"}, f"/image/{HASH}/a.png"),
        ([7, {"resultPath": f"/image/{HASH}/a.png"}], f"/image/{HASH}/a.png"),
        (f"/image/{HASH}/\ud800\x1b[2J.png", f"/image/{HASH}/\\xed\\xa0\\x80\\x1b[2J.png"),
    ],
)
def test_what_looks_like_a_first_result_is_told_without_its_query(told: object, place: str) -> None:
    assert aside.place_of(told)
    assert "secret" not in aside.place_of(told)
    assert aside.place_of(told).isprintable()
    if "\ud800" not in str(told):
        assert aside.place_of(told) == place


@pytest.mark.parametrize(
    "told",
    [
        None, True, 7, "", "not yet", "/etc/passwd", "https://user:word@host/image/a/b", "javascript:image/a",
        {"hash": "x"}, {"path": {"path": "/image/a/b"}}, DEEP, {"contentHash": HASH}, {"contentHash": HASH, "name": 7},
        "/image/" + "a" * 1000, [], [[f"/image/{HASH}/a.png"]],
    ],
)  # fmt: skip
def test_whatever_else_comes_is_no_result(told: object) -> None:
    assert aside.place_of(told) == ""


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (None, ""), (False, ""), ("false", ""), ("0", ""), (0, ""), ({"a": 1}, ""), ([True], ""), (float("nan"), ""),
        (True, "in the fast lane"), (2, "in the fast lane: 2"), ("gold\nlane", "in the fast lane: gold lane"),
    ],
)  # fmt: skip
def test_the_fast_lane_is_told_where_the_service_says_so(told: object, words: str) -> None:
    assert aside.fast_lane(told) == words


def execution(status: str, **more: Any) -> ExecutionStatus:
    labels = {"id": "e1c4", "status": status, "workflow": "w", "resultFileName": "a.png", **more}
    return wire.Execution.model_validate(labels).progress()


def test_a_first_result_is_told_only_while_a_person_checks() -> None:
    preview = {"resultPreviewContentHash": HASH, "fastlane": True}
    assert execution("IN_QA", **preview).aside == f"in the fast lane; a first result is at /image/{HASH}/a.png"
    assert execution("ACTIVE", **preview).aside == "in the fast lane"
    assert execution("IN_QA", intermediateResult=DEEP, resultPreviewContentHash=[HASH]).aside == ""
    assert execution("IN_QA", resultPath=f"/image/{HASH}/a.png").outputs == (), "nothing of it is fetched"


def test_what_a_service_says_otherwise_at_each_look_is_written_down_once() -> None:
    def is_news(message: str, shown: str) -> bool:
        at_rest = replace(waiting, message=message)
        return looking._is_news(at_rest, ExecutionStatus("e", State.IN_QA, "IN_QA", aside=shown), time.time())

    waiting = replace(job_at(Stage.SUBMITTED), status=Status.WAITING, reason=Reason.IN_QA, word="IN_QA")
    assert is_news("IN_QA", "a first result is at /image/1")
    assert not is_news("IN_QA; a first result is at /image/1", "a first result is at /image/2")
    assert not is_news("IN_QA; a first result is at /image/1", "")
    assert not is_news("IN_QA", "")


async def test_what_is_shown_while_a_person_checks_stands_in_the_history_of_its_job(studio: Studio) -> None:
    studio.simulator.switch({"asides": True, "qa": 60.0})
    [number] = await studio.add(studio.photos(1), workflow="Human check")
    await studio.start()
    await studio.until(lambda: studio.job(number).reason == Reason.IN_QA)
    assert "in the fast lane; a first result is at /image/" in studio.job(number).message
    [job] = await studio.at_rest()
    assert job.status is Status.DONE
    told = [event.message for event in studio.journal.read(history.of_job, number)]
    assert sum("first result" in message for message in told) == 1
    studio.check()
