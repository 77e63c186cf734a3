"""Decisions on the command line about what was sent, and about prices that have changed since."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from artui.cli import act
from artui.cli.exits import Exit
from artui.config import paths
from artui.engine import client
from artui.engine.anchor import open_journal
from artui.engine.lock import lock_is_held
from artui.journal import accounts, requests
from artui.model.states import Reason
from tests.desk import Desk
from tests.studio import ASKING
from tests.tui.desk import place
from tests.waiting import until


def test_a_result_is_left_at_the_service_and_fetched_later_for_nothing(desk: Desk) -> None:
    desk.photo()
    desk.simulator.switch({"qa": 100.0})
    price = desk.workflow("Human check")["price"]
    before = len(desk.simulator.ledger)
    assert desk.send(workflow="Human check").code == Exit.OK
    said = desk("cancel", "1", "--do-not-save")
    assert said.out.strip().endswith(f"its result is not saved, {price} credits stay spent")
    desk.simulator.switch({"qa": 0.0})
    assert desk("wait", "--wait-qa").code == Exit.OK
    (job,) = desk.jobs()
    assert (job["status"], job["charged"], job["outputs"]) == ("cancelled", price, [])
    assert "fetches it free" in desk("why", desk.inbox / "boot.jpg").out
    assert desk("retry", "1", "--dry-run").out == "job 1, boot.jpg: its result is fetched (free)\n"
    assert desk("retry", "1").code == Exit.OK
    assert desk("wait").code == Exit.OK
    (job,) = desk.jobs()
    assert (job["status"], len(job["outputs"])) == ("done", 1)
    assert len(desk.simulator.ledger) == before + 1


def test_a_price_that_has_changed_is_named_and_accepted_once(desk: Desk) -> None:
    for seed in range(2):
        desk.photo(f"{seed}.jpg", seed)
    recipe = desk.workflow("Export only")
    desk("pause")
    assert desk.send().code == Exit.PERSON
    desk.simulator.switch({"price": {recipe["id"]: recipe["price"] + 2}})
    try:
        desk("resume")
        assert desk("wait").code == Exit.PERSON
        assert {job["reason"] for job in desk.jobs()} == {"price changed"}
        desk("cancel", "2")
        for number in ("1", "2"):
            said = desk("retry", number, "--dry-run")
            assert f"costs {recipe['price'] + 2} credits, not {recipe['price']} credits" in said.out
        assert desk("retry", "1", "2", "--yes").code == Exit.OK
        assert desk("wait").code == Exit.OK
        assert {job["charged"] for job in desk.jobs()} == {recipe["price"] + 2}
    finally:
        desk.simulator.switch({"price": {recipe["id"]: recipe["price"]}})


def test_who_waits_after_a_resume_waits_for_what_goes_on(desk: Desk) -> None:
    for seed in range(2):
        desk.photo(f"{seed}.jpg", seed)
    desk.control("credits", provider="autoretouch", set=0)
    assert desk.send().code == Exit.CREDIT
    desk.until(lambda: all(job["reason"] == "credits" for job in desk.jobs()))
    desk.control("credits", provider="autoretouch", set=500)
    assert desk("resume").code == Exit.OK
    assert desk("wait").code == Exit.OK, desk.jobs()
    assert {job["status"] for job in desk.jobs()} == {"done"}


def test_a_pause_that_is_asked_for_after_a_resume_stays(desk: Desk) -> None:
    desk.photo()
    desk.control("credits", provider="autoretouch", set=0)
    assert desk.send().code == Exit.CREDIT
    desk.control("credits", provider="autoretouch", set=500)
    ASKING.post(f"{desk.simulator.url}/_sim/faults", json=[{"route": "autoretouch.balance", "do": "delay:1"}])
    with open_journal(paths()) as journal:
        for what in ("resume", "pause"):
            journal.write(requests.enqueue, what, account="studio")
        desk.until(lambda: not journal.read(requests.pending))
        assert journal.read(accounts.state, "studio").held == Reason.PAUSED
    desk("resume")
    assert desk("wait").code == Exit.OK


def test_what_an_act_costs_is_told_and_agreed_to_first(desk: Desk) -> None:
    """By what the service charges: nothing before a yes."""
    for seed in range(4):
        desk.photo(f"{seed}.jpg", seed)
    price, before = desk.workflow("Export only")["price"], len(desk.simulator.ledger)
    assert desk.send("--sample", "1", "--batch", "aw26").code == Exit.PERSON
    waiting = [str(job["id"]) for job in desk.jobs() if job["reason"] == "sample"]
    said = desk("retry", waiting[0], "--yes")
    assert (said.code, "artui approve" in said.err) == (Exit.USAGE, True)
    assert desk("retry", *waiting, "--yes").code == Exit.USAGE
    said = desk("approve", "aw26", "--dry-run")
    assert f"(at most {3 * price} credits)" in said.out
    assert desk("approve", "aw26", "--dry-run", "--json").json[0]["most"] == 3 * price
    assert "nothing is paid (free)" in desk("cancel", waiting[0], "--dry-run").out
    sent = next(str(job["id"]) for job in desk.jobs() if job["status"] == "done")
    assert "is done already" in desk("cancel", sent, "--dry-run").out
    with open_journal(paths()) as journal:
        journal.write(place, int(waiting[0]), reason="journal recovered")
    assert desk("retry", waiting[0]).code == Exit.USAGE
    assert "is then paid twice" in desk("retry", waiting[0], "--dry-run").out
    desk("wait")
    assert len(desk.simulator.ledger) == before + 1
    assert desk("retry", waiting[0], "--yes").code == Exit.OK
    desk("wait")
    assert len(desk.simulator.ledger) == before + 2


def test_a_retry_of_what_a_pause_holds_says_so_and_fails(desk: Desk) -> None:
    desk.photo()
    desk("pause")
    assert desk.send().code == Exit.PERSON
    said = desk("retry", "1")
    assert said.code == Exit.USAGE
    assert "waits for a pause to end, which no retry does: `artui resume -a studio`" in said.err
    desk("resume")
    assert desk("wait").code == Exit.OK


@contextmanager
def suspended(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """An engine that is suspended and counts as silent; gives its process."""
    desk("pause")
    pid: int = desk("status", "--json").json["engine"]["pid"]
    monkeypatch.setattr(client, "STALE_AFTER", 0.1)
    os.kill(pid, signal.SIGSTOP)
    try:
        until(lambda: desk("status", "--json").json["engine"]["stale"])
        yield pid
    finally:
        os.kill(pid, signal.SIGCONT)


def test_what_a_suspended_engine_does_not_answer_ends_as_the_table_says(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(act, "ANSWER_PATIENCE", 0.3)
    with suspended(desk, monkeypatch) as pid:
        said = desk("resume", "--json")
    assert said.code == Exit.LOCKED
    assert f"kill -CONT {pid}" in said.json["error"]["message"]


def test_a_suspended_engine_is_told_to_end_and_ends_once_it_can(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "SILENT_PATIENCE", 0.3)
    with suspended(desk, monkeypatch) as pid:
        said = desk("stop")
    assert said.code == Exit.LOCKED
    assert f"`kill -CONT {pid}` wakes it" in said.err
    assert "It was told to end, and does once it can." in said.err
    until(lambda: not lock_is_held(paths()))
