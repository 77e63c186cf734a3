"""A command that sends photos has a running engine ask the service, and asks for itself where that says nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import Any

import pytest

from artui.cli.exits import Exit
from artui.cli.session import Session
from artui.config import paths
from artui.engine import client
from artui.engine.anchor import open_journal
from artui.engine.lock import holder
from artui.journal import jobs, requests
from artui.model.commands import Command
from tests.desk import Desk


@pytest.fixture
def asked_here(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """An engine that runs; and the accounts whose services commands have asked themselves since."""
    desk.photo()
    assert desk.send().code == Exit.OK
    asked: list[str] = []
    ask = Session.ask

    def told(session: Session, account: Any, question: Any) -> Any:
        asked.append(account.name)
        return ask(session, account, question)

    monkeypatch.setattr(Session, "ask", told)
    return asked


def test_the_engine_says_what_the_service_would(desk: Desk, asked_here: list[str], monkeypatch: Any) -> None:
    photo = desk.photo("second.jpg", 2)
    command = ("submit", photo, "-w", "Export only", "-o", desk.out, "--dry-run", "--json")
    by_engine = desk(*command).json
    assert asked_here == []
    monkeypatch.setattr(client, "find_engine", lambda *_: None)
    by_itself = desk(*command).json
    assert asked_here == ["studio"]
    assert by_engine["balance"] is not None
    for one in (by_engine, by_itself):
        del one["batch"]  # each time another
    assert by_engine == by_itself


def test_labels_of_a_batch_come_with_it(desk: Desk, asked_here: list[str]) -> None:
    desk.photo("second.jpg", 2)
    assert desk.send("--batch", "spring").code == Exit.OK
    assert asked_here == []
    with open_journal(paths()) as journal:
        sent = journal.read(jobs.get, 2)
    assert sent is not None
    assert sent.labels["autoretouch_batch_name"] == "spring"


def test_where_it_refuses_or_does_not_answer_the_command_asks_for_itself(
    desk: Desk, asked_here: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.photo("second.jpg", 2)
    unknown = desk.send(workflow="No such thing")
    assert unknown.code == Exit.USAGE
    assert "No such thing" in unknown.err
    assert asked_here == ["studio"]
    monkeypatch.setattr(client, "ASK_PATIENCE", 0.2)
    pid, _ = holder(paths())
    assert pid
    os.kill(pid, signal.SIGSTOP)
    try:
        assert desk("submit", desk.inbox, "-w", "Export only", "-o", desk.out, "--yes", "--dry-run").code == Exit.OK
    finally:
        os.kill(pid, signal.SIGCONT)
    assert asked_here == ["studio", "studio"]


def test_nothing_stays_of_the_question_nor_of_the_answer(desk: Desk, asked_here: list[str]) -> None:
    with open_journal(paths()) as journal:
        said = client.ask(paths(), journal, Command.OFFER, account="studio", workflows=["Export only"], batches=[])
        assert said
        left = journal.read(lambda db: list(db.execute("SELECT arguments, outcome FROM requests WHERE what = 'offer'")))
        assert set(left) == {("{}", "for who asked alone")}
        assert not journal.read(requests.pending)


def test_then_a_command_loads_nothing_that_talks_to_a_service(desk: Desk, asked_here: list[str]) -> None:
    photo = desk.photo("second.jpg", 2)
    told = "import atexit, sys; loaded = {'httpx', 'aiohttp', 'pydantic'}; "
    told += "atexit.register(lambda: print(sorted(loaded & set(sys.modules)))); from artui.cli import main; main()"
    command = [sys.executable, "-c", told]
    given = ["submit", str(photo), "-w", "Export only", "-o", str(desk.out), "--yes", "--wait"]
    ended = subprocess.run([*command, *given], capture_output=True, text=True, timeout=120, check=True)
    assert ended.stdout.splitlines()[-1] == "[]"
