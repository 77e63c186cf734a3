"""The commands, as a person or a script uses them: what they print, what they do, how they end."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import click
import pytest

from artui.cli import COMMANDS, following, root, run
from artui.cli.engine import _status_lines
from artui.cli.exits import CommandError, Exit, first, of_jobs
from artui.cli.session import Session
from artui.cli.summaries import SUMMARIES
from artui.config import paths
from artui.engine.client import EngineStatus
from artui.engine.lock import lock_is_held
from artui.journal import Journal
from artui.journal.history import Count
from artui.journal.listing import ORDERS
from artui.journal.requests import EngineRow
from artui.model.states import Reason, Status
from artui.sim import autoretouch
from tests.desk import Desk
from tests.exiftools import give_xmp
from tests.studio import ASKING

ARTUI = [sys.executable, "-m", "artui"]


def charges(desk: Desk) -> int:
    return len(desk.simulator.ledger)


# ------------------------------------------------------------------------------------------------------- sending


def test_photos_are_sent_saved_and_charged_as_quoted(desk: Desk) -> None:
    for seed in range(3):
        desk.photo(f"boot {seed}.jpg", seed)
    before = desk("balance", "--json").json["balance"]
    said = desk.send()
    assert said.code == Exit.OK, said.err
    assert said.out == ""
    assert "3 x 10 = at most 30 credits (~0.30 EUR net)" in said.err
    assert "3 saved" in said.err
    for job in desk.jobs():
        assert job["source"].startswith(str(desk.inbox))
        assert (job["stage"], job["status"], job["reason"]) == ("saved", "done", "")
        assert job["quoted"] == job["charged"] == 10
        assert [Path(output).is_file() for output in job["outputs"]] == [True]
    assert desk("balance", "--json").json["balance"] == before - 30


def test_a_plan_tells_what_is_worth_knowing_and_refuses_what_cannot_be_written(desk: Desk) -> None:
    give_xmp(desk.photo("a.jpg", 1))
    desk.photo("b.jpg", 2)
    asked = ("submit", desk.inbox, "-w", "Export only", "-o", desk.out / "{xmp:barcode}", "--dry-run")
    said = desk(*asked)
    assert '1 carries a copyright, which results lose: metadata = "keep-rights" keeps it.' in said.out
    assert "2 have no colour profile: taken for sRGB." in said.out
    plan = desk(*asked, "--json").json
    assert plan["metadata"] == "none"
    assert [(one["code"], one["count"]) for one in plan["remarks"]] == [
        ("copyright", 1), ("barcode", 1), ("no-profile", 2),
    ]  # fmt: skip
    assert [one["remarks"] for one in plan["files"]] == [["no-profile", "copyright", "barcode"], ["no-profile"]]
    assert [Path(one["output"]).parent.name for one in plan["files"]] == ["4006381333931", "unknown"]
    desk.monkeypatch.setenv("PATH", "/nowhere")
    refused = desk(*asked[:-1], "--yes", "--metadata", "keep")
    assert refused.code == Exit.USAGE
    assert "exiftool is not there" in refused.err
    assert desk.jobs() == []


def test_a_dry_run_shows_the_plan_and_sends_nothing(desk: Desk) -> None:
    desk.photo()
    said = desk("submit", desk.inbox, "-w", "Export only", "-o", desk.out, "--dry-run", "--json")
    assert said.code == Exit.OK
    assert (said.json["price"], said.json["most"]) == (10, 10)
    assert [file["verdict"] for file in said.json["files"]] == ["send"]
    assert desk.jobs() == []
    assert not desk.out.exists()
    assert not lock_is_held(paths())


def test_without_a_terminal_what_spends_needs_a_yes(desk: Desk) -> None:
    photo = desk.photo()
    said = desk("submit", photo, "-w", "Export only", "-o", desk.out)
    assert said.code == Exit.USAGE
    assert "at most 10 credits" in said.err
    assert "--yes" in said.err
    assert desk.jobs() == []


def test_on_a_terminal_it_asks_and_enter_never_spends(desk: Desk) -> None:
    desk.photo()
    command = [*ARTUI, "submit", str(desk.inbox), "-w", "Export only", "-o", str(desk.out)]
    code, screen = on_a_terminal(command, b"\n")
    assert code == Exit.USAGE
    assert "Send 1 photo to Export only" in screen
    assert "[y/N]" in screen
    assert desk.jobs() == []
    code, screen = on_a_terminal(command, b"y\n")
    assert code == Exit.OK
    assert "Queued as job 1." in screen
    assert desk("wait").code == Exit.OK


def on_a_terminal(command: list[str], typed: bytes) -> tuple[int, str]:
    """Run a command on a terminal and type at it once it asks; returns how it ended and what the screen got."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env={**os.environ, "TERM": "xterm"}
    ) as child:
        os.close(theirs)
        screen = b""
        try:
            while part := os.read(ours, 4096):
                screen += part
                if screen.rstrip().endswith(b"[y/N]"):
                    os.write(ours, typed)
        except OSError:
            pass  # how Linux says that the other end is closed
        os.close(ours)
        return child.wait(20), screen.decode()


def test_what_is_submitted_without_waiting_can_be_waited_for(desk: Desk) -> None:
    desk.photo()
    said = desk("submit", desk.inbox, "-w", "Export only", "-o", desk.out, "--yes", "--json", "--batch", "aw26")
    assert said.code == Exit.OK
    assert [job["id"] for job in said.json["jobs"]] == [1]
    assert said.json["name"] == "aw26"
    assert desk("wait", "--batch", "aw26").code == Exit.OK
    assert desk("wait", "--batch", said.json["batch"][:8]).code == Exit.OK
    assert desk("wait", "--batch", "nope").code == Exit.USAGE
    assert [job["status"] for job in desk("jobs", "--batch", "aw26", "--json").json] == ["done"]


def test_waiting_as_json_is_a_stream_and_the_service_gets_the_labels(desk: Desk) -> None:
    desk.photo()
    lines = desk.send("--json", "--batch", "aw26", "--label", "sku=4711").lines
    assert lines[0]["type"] == "queued"
    assert {"added", "intent", "sent", "processed", "saved"} <= {line.get("what") for line in lines}
    assert (lines[-1]["type"], lines[-1]["exit"]) == ("end", 0)
    assert [job["status"] for job in lines[-1]["jobs"]] == ["done"]
    created = [entry for entry in desk.simulator.history if entry["path"].endswith("/create")][-1]
    labels = created["form"]["labels"]
    assert (labels["autoretouch_batch_name"], labels["sku"]) == ("aw26", "4711")
    assert labels["autoretouch_batch_id"] == lines[0]["batch"]
    assert labels["autoretouch_batch_createdAt"].startswith("20")
    for wrong in ("sku", "=1", "artui_job=1"):
        said = desk("submit", desk.inbox, "-w", "Export only", "--label", wrong, "--yes")
        assert said.code == Exit.USAGE, wrong


def test_the_same_content_is_paid_once_and_never_again(desk: Desk) -> None:
    desk.photo("a.jpg", 1)
    desk.photo("b.jpg", 1)
    before = charges(desk)
    said = desk.send()
    assert said.code == Exit.OK
    assert "b.jpg: same photo as a.jpg, not paid" in said.err
    assert sorted(job["status"] for job in desk.jobs()) == ["done", "skipped"]
    desk.photo("c.jpg", 2)
    said = desk.send()
    assert "a.jpg: done before (job 1), not paid again" in said.err
    again = desk("submit", desk.inbox, "-w", "Export only", "-o", desk.out, "--json")
    assert (again.code, again.json["jobs"]) == (Exit.OK, [])
    assert [file["job"] for file in again.json["known"]] == [1, 2, 3]
    elsewhere = desk("submit", desk.inbox, "-w", "Export only", "-o", desk.folder / "else", "--yes", "--wait")
    assert elsewhere.code == Exit.OK
    assert len(list((desk.folder / "else").iterdir())) == len(list(desk.out.iterdir())) == 3
    assert charges(desk) == before + 2


def test_redo_buys_anew_after_showing_the_price(desk: Desk) -> None:
    photo = desk.photo()
    desk.send()
    before = charges(desk)
    assert desk("redo", photo).code == Exit.USAGE
    assert desk("redo", photo, "--dry-run").code == Exit.OK
    assert charges(desk) == before
    said = desk("redo", photo, "--yes", "--wait")
    assert (said.code, charges(desk)) == (Exit.OK, before + 1)
    assert desk("redo", "2", "--yes", "--wait").code == Exit.OK
    assert sorted(path.name for path in desk.out.iterdir()) == ["boot-2.png", "boot-3.png", "boot.png"]
    assert desk("redo", desk.inbox / "never.jpg").code == Exit.USAGE


# ----------------------------------------------------------------------------------------------- how waiting ends


def test_failed_jobs_end_with_one_and_can_be_retried(desk: Desk) -> None:
    desk.photo()
    said = desk.send(workflow="Fails once")
    assert said.code == Exit.FAILED
    assert "artui jobs --status failed" in said.err
    assert desk("retry", "--failed").code == Exit.USAGE
    assert desk("retry", "--failed", "--dry-run").code == Exit.OK
    asked = desk("retry", "--failed", "--yes", "--json")
    assert (asked.code, asked.json[0]["refused"]) == (Exit.OK, False)
    assert desk("wait").code == Exit.OK
    assert desk("retry", "--failed").err == "No job has failed.\n"
    assert desk("retry", "1").code == Exit.USAGE
    assert desk("retry").code == Exit.USAGE


def test_a_cap_holds_with_eight_and_a_yes_does_not_pass_it(desk: Desk) -> None:
    for seed in range(3):
        desk.photo(f"{seed}.jpg", seed)
    said = desk.send("--cap", "20")
    assert said.code == Exit.CAP
    assert "this batch 20 of 20 (cap): room for 2, the rest waits unsent" in said.err
    assert sum(job["charged"] or 0 for job in desk.jobs()) == 20
    [held] = desk("jobs", "--status", "held", "--json").json
    assert held["reason"] == "cap"
    advice = desk("job", str(held["id"]), "--json").json["advice"]
    assert f"`artui allow {held['batch']} N --batch`" in advice
    assert f"`artui cancel --batch {held['batch']}`" in advice
    assert "may spend 25" in desk("allow", held["batch"], "5", "--batch", "--yes", "--json").json[0]["message"]
    assert desk("wait").code == Exit.CAP, "not enough"
    assert desk("allow", held["batch"], "5", "--batch", "--yes").code == Exit.OK
    assert desk("wait").code == Exit.OK
    assert sum(job["charged"] or 0 for job in desk.jobs()) == 30


def test_too_few_credits_hold_with_five(desk: Desk) -> None:
    desk.photo()
    desk.control("credits", provider="autoretouch", set=3)
    said = desk.send()
    assert said.code == Exit.CREDIT
    assert "balance 3, after it -7: top up, the rest waits unsent" in said.err
    assert [job["charged"] for job in desk.jobs()] == [None]


def test_a_balance_that_is_refused_is_a_state_and_stops_nothing(desk: Desk) -> None:
    desk.photo()
    refused = {"route": "autoretouch.balance", "do": "status:403", "times": -1}
    ASKING.post(f"{desk.simulator.url}/_sim/faults", json=[refused]).raise_for_status()
    why = "the service refuses to tell it (403)"
    plan = desk("submit", desk.inbox, "-w", "Export only", "-o", desk.out, "--dry-run", "--json")
    assert plan.code == Exit.OK, plan.err
    assert (plan.json["balance"], plan.json["balance_reason"]) == (None, why)
    said = desk.send("--cap", "5")
    assert said.code == Exit.CAP, said.err
    assert f"balance unknown: {why}" in said.err
    assert "after it" not in said.err
    assert desk("cancel", "1").code == Exit.OK
    before = charges(desk)
    assert desk.send().code == Exit.OK
    assert charges(desk) == before + 1
    told = desk("balance", "--json")
    assert (told.code, told.json["balance"], told.json["balance_reason"]) == (Exit.OK, None, why)
    assert desk("status", "--json").json["accounts"][0]["balance_reason"] == why
    assert f"balance unknown: {why}" in " ".join(desk("status").out.split())
    desk.simulator.faults.clear()
    ASKING.post(f"{desk.simulator.url}/_sim/faults", json=[refused | {"do": "status:503"}]).raise_for_status()
    plan = desk("submit", desk.photo("b.jpg", 9), "-w", "Export only", "-o", desk.out, "--dry-run", "--json")
    assert plan.code == Exit.OK, plan.err
    assert "503" in plan.json["balance_reason"]
    assert desk("balance").code == Exit.NETWORK


def test_pause_holds_cancel_costs_nothing_and_resume_goes_on(desk: Desk) -> None:
    desk.photo("a.jpg", 1)
    desk.photo("b.jpg", 2)
    assert desk("pause").out == "paused: studio\n"
    assert desk.send("--batch", "wrong").code == Exit.PERSON
    assert desk("accounts", "--json").json[0]["held"] == "paused"
    assert desk("cancel", "1").out == "a.jpg is cancelled, nothing paid\n"
    assert desk("cancel", "--batch", "wrong", "--dry-run").code == Exit.OK
    assert desk("resume").code == Exit.OK
    assert desk("wait").code == Exit.OK
    assert [job["status"] for job in desk.jobs()] == ["cancelled", "done"]
    assert desk("cancel", "1").code == Exit.FAILED
    assert desk("cancel", "99").code == Exit.USAGE


def test_qa_is_not_waited_for_unless_asked(desk: Desk) -> None:
    desk.control("options", qa=10_000_000)
    desk.photo()
    said = desk.send(workflow="Human check")
    assert said.code == Exit.OK
    assert "1 in QA" in said.err
    desk.control("options", qa=45)
    assert desk("wait", "--wait-qa").code == Exit.OK
    assert [job["status"] for job in desk.jobs()] == ["done"]


def test_a_lost_answer_is_looked_up_and_a_hopeless_one_resolved(desk: Desk) -> None:
    desk.photo()
    desk.simulator.faults.add([{"route": "autoretouch.create", "do": "drop_before", "times": 1}])
    said = desk.send()
    assert said.code == Exit.PERSON, said.err
    assert desk.jobs()[0]["reason"] == "in doubt"
    assert "artui resolve 1" in desk("job", "1").out
    said = desk("retry", "1", "--dry-run")
    assert (said.code, "`artui resolve 1`" in said.err) == (Exit.USAGE, True)
    assert desk("resolve", "1").code == Exit.USAGE
    assert desk("resolve", "1", "--again").code == Exit.USAGE
    assert desk("resolve", "1", "--adopt", "no-such-execution").code == Exit.FAILED
    assert desk("resolve", "1", "--again", "--yes").code == Exit.OK
    assert desk("wait").code == Exit.OK
    assert desk("resolve", "1", "--give-up").code == Exit.FAILED


def test_a_killed_engine_is_started_again_while_somebody_waits(desk: Desk) -> None:
    desk.photo()
    desk("pause")
    desk.send()
    pid = desk("status", "--json").json["engine"]["pid"]
    waiting = subprocess.Popen([*ARTUI, "wait"], stderr=subprocess.PIPE)
    desk("resume")
    os.kill(pid, signal.SIGKILL)
    with waiting:
        assert waiting.wait(30) in (Exit.OK, Exit.PERSON)
    assert desk("wait").code == Exit.OK
    assert desk("status", "--json").json["engine"]["pid"] != pid


def has_open(pid: int, file: Path) -> bool:
    return any(one.readlink() == file for one in Path(f"/proc/{pid}/fd").iterdir() if one.is_symlink())


@pytest.mark.usefixtures("procfs")
def test_a_stopped_wait_ends_as_interrupted_and_the_engine_lives_on(desk: Desk) -> None:
    desk.control("options", qa=10_000_000)
    desk.photo()
    desk("submit", desk.inbox, "-w", "Human check", "-o", desk.out, "--yes")
    with subprocess.Popen([*ARTUI, "wait", "--wait-qa"], stderr=subprocess.PIPE, text=True) as waiting:
        desk.until(lambda: has_open(waiting.pid, paths().journal))
        time.sleep(0.3)  # from there it is a moment until it waits
        waiting.terminate()
        assert waiting.wait(20) == Exit.INTERRUPTED
        assert waiting.stderr
        assert "artui wait" in waiting.stderr.read()
    assert desk("status", "--json").json["engine"] is not None
    with subprocess.Popen([*ARTUI, "wait", "--wait-qa"], stderr=subprocess.PIPE, text=True) as waiting:
        # One that was stopped before the wait saw it is started again, and stopped again.
        desk.until(lambda: desk("stop") and waiting.poll() is not None)
        assert waiting.returncode == Exit.INTERRUPTED
        assert waiting.stderr
        assert "The engine was stopped" in waiting.stderr.read()
    desk.control("options", qa=45.0)


def test_waiting_for_an_engine_that_is_suspended_ends(desk: Desk) -> None:
    desk.monkeypatch.setattr(following, "SILENCE", -1.0)
    row = EngineRow(1, 4711, "here", "background", 0.0, 0.0, "running", "1")
    desk.monkeypatch.setattr(following, "find_engine", lambda *_: EngineStatus(row, stale=True))
    with Journal(paths().journal) as journal, pytest.raises(CommandError, match="kill -CONT 4711") as raised:
        following.engine_keeper(Session.here(), journal)()
    assert raised.value.code == Exit.LOCKED


def test_the_first_exit_code_that_applies_wins() -> None:
    assert first([]) == Exit.OK
    order = [130, 2, 6, 4, 5, 8, 7, 3, 1, 0]
    for place, code in enumerate(order):
        assert first([Exit(one) for one in order[place:]]) == code
    counts = [Count(Status.FAILED, "x", 1), Count(Status.HELD, Reason.CAP, 1), Count(Status.HELD, Reason.IN_DOUBT, 1)]
    assert of_jobs(counts) == Exit.CAP
    assert of_jobs([*counts, Count(Status.HELD, Reason.LOGIN, 1)]) == Exit.LOGIN
    assert of_jobs([Count(Status.CANCELLED, "", 1), Count(Status.DONE, "", 3)]) == Exit.OK


# --------------------------------------------------------------------------------------------------- looking at it


def test_a_finished_run_can_be_looked_at_from_all_sides(desk: Desk) -> None:
    assert desk("status", "--json").json["engine"] is None
    assert desk("stop").code == Exit.OK
    assert "No jobs" in desk("jobs").out
    assert desk.jobs() == []
    photo = desk.photo("a.jpg", 1)
    assert "was never sent. It could be: image/jpeg" in desk("why", photo).out
    desk.photo("b.jpg", 2)
    desk.send()
    look_at_one(desk, photo)
    assert [job["id"] for job in desk("jobs", "-n", "1", "--json").json] == [2]
    assert desk("jobs", "--status", "failed", "--json").json == []
    table = desk("jobs").out.splitlines()
    assert table[0].split() == ["job", "file", "workflow", "stage", "status", "cost"]
    assert len(table) == 3
    status = desk("status", "--json").json
    assert status["engine"]["pid"] == int(paths().lock.read_text().split()[0])
    assert (status["engine"]["mode"], status["engine"]["stale"]) == ("background", False)
    assert status["money"]["studio"]["charged"] == 20
    assert f"process {status['engine']['pid']}" in desk("status").out
    assert desk("stop").code == Exit.OK
    assert not lock_is_held(paths())
    assert desk("status", "--json").json["engine"] is None


def look_at_one(desk: Desk, photo: Path) -> None:
    text = desk("job", "1").out
    for part in (str(photo), "Export only", "intent", "saved", "charged 10", "to do: nothing, it is saved"):
        assert part in text
    document = desk("job", "1", "--json").json
    assert [one["state"] for one in document["purchases"]] == ["known"]
    assert document["events"][0]["what"] == "added"
    assert "draft" not in document["purchases"][0]
    assert desk("job", "3").code == Exit.USAGE
    assert "job 1," in desk("why", photo).out
    assert desk("why", photo, "--json").json["jobs"][0]["status"] == "done"
    cut = desk.folder / "cut.jpg"
    cut.write_bytes(photo.read_bytes()[:5000])
    assert "is cut off" in desk("why", cut).out
    assert "There is no such file" in desk("why", desk.folder / "nope.jpg").out


def test_status_fits_sixty_by_eighteen() -> None:
    row = {"pid": 4_194_304, "mode": "background", "state": "running", "started_at": 1.0, "stale": False}
    held = [{"status": "held", "reason": reason, "number": 99_999} for reason in Reason]
    others = [{"status": status, "reason": "", "number": 99_999} for status in Status if status is not Status.HELD]
    account = {
        "name": "a" * 32, "held": "payment required", "message": "", "left": 9_999_999, "balance_reason": "",
        "away_since": None, "rests_until": None, "caps": [], "hours_begin": None,
    }  # fmt: skip
    caps = [{"kind": kind, "spent": 9_999_999, "limit": 9_999_999} for kind in ("day", "month")]
    unknown = account | {"left": None, "balance_reason": "the service refuses to tell it (403)"}
    lines = list(
        _status_lines(
            {
                "engine": row,
                "jobs": held + others,
                "money": {
                    name: {
                        "quoted": 9_999_999,
                        "charged": 9_999_999,
                        "sent": 999_999,
                        "lost": 0,
                        "to_come": 999_999,
                        "unspent": 9_999_999,
                    }
                    for name in ("studio", "portraits")
                },
                "accounts": [account | {"caps": caps, "rests_until": 1.0}, *[unknown | {"held": ""}] * 20],
                "transfers": {"up": 6, "down": 4},
            },
            ["an endless name: watching, 99,999 held, 99,999 under way, today 9,999,999 of 9,999,999"] * 20,
        )
    )
    assert max(map(len, lines)) <= 60
    assert len(lines) <= 18


def test_workflows_have_prices_and_steps_online_and_off(desk: Desk) -> None:
    assert desk("workflows", "--offline").code == Exit.USAGE
    found = desk("workflows", "--json").json
    assert {"id", "name", "version", "price", "components"} <= found[0].keys()
    whole = desk("workflows", "ghost", "--json").json
    assert whole["name"] == "Ghost Mannequin"
    assert any(component["settings"] for component in whole["components"])
    assert "Ghost Mannequin" in desk("workflows").out
    assert "57 credits a photo" in desk("workflows", "Ghost Mannequin", "--offline").out
    desk("workflows")
    assert any(
        component["settings"] for component in desk("workflows", "ghost", "--offline", "--json").json["components"]
    )


def test_a_workflow_that_cannot_be_read_hides_no_other_and_is_told_wherever_it_is_met(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = autoretouch.workflow_document

    def odd(workflow: Any, *, settings: bool) -> dict[str, Any]:
        said = document(workflow, settings=settings)
        return said | {"executionPrice": "dear"} if workflow.name == "Ghost Mannequin" else said | {"author": "me"}

    monkeypatch.setattr(autoretouch, "workflow_document", odd)
    why = '1 of 11 workflows could not be read: `executionPrice` "dear"'
    said = desk("workflows")
    assert (said.code, said.out.count("\n"), why in said.err) == (Exit.OK, 1 + 10, True)
    assert "Ghost Mannequin" not in said.out
    said = desk("workflows", "--json")
    *good, unread = said.json
    assert (len(good), unread["name"], unread["unread"]) == (10, "Ghost Mannequin", '`executionPrice` "dear"')
    assert why in said.err
    log = paths().log
    assert '`executionPrice` "dear". Said was: {' in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600
    desk.photo()
    for wanted in ("Ghost Mannequin", "ghost mannequin", unread["id"]):
        said = desk("submit", desk.inbox, "-w", wanted, "--yes")
        assert (said.code, desk.jobs()) == (Exit.USAGE, [])
        assert (
            f'{wanted} cannot be ordered: what the service says of it cannot be read (`executionPrice` "dear")'
            in said.err
        )
    assert desk("submit", desk.inbox, "-w", "Export only", "--dry-run").code == Exit.OK


def test_a_reader_that_goes_away_is_no_error(desk: Desk) -> None:
    desk("jobs")
    with subprocess.Popen([*ARTUI, "config", "show"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout
        assert child.stderr
        child.stdout.close()
        assert child.wait(20) == Exit.OK
        assert child.stderr.read() == b""


# ------------------------------------------------------------------------------------------ settings and signing in


def test_config_shows_checks_begins_and_finds(desk: Desk) -> None:
    assert desk("config", "path").out == f"{paths().config_file}\n"
    assert desk("config", "check").code == Exit.OK
    shown = desk("config", "show", "--json").json
    assert shown["accounts.studio.provider"]["value"] == "autoretouch"
    assert "config.toml line" in shown["accounts.studio.provider"]["source"]
    assert "ARTUI_STUDIO_TOKEN" not in desk("config", "show").out
    assert desk("config", "init").code == Exit.USAGE
    paths().config_file.unlink()
    assert desk("config", "init").code == Exit.OK
    assert "[accounts.studio]" in paths().config_file.read_text()


def test_a_token_from_stdin_is_tried_then_kept_where_agreed(desk: Desk) -> None:
    token = os.environ["ARTUI_STUDIO_TOKEN"]
    desk.monkeypatch.delenv("ARTUI_STUDIO_TOKEN")
    assert desk("balance").code == Exit.LOGIN
    type_in(desk, token)
    refused = desk("login", "studio", "--with-token")
    assert refused.code == Exit.USAGE
    assert "--store file" in refused.err
    type_in(desk, "wrong-token-altogether")
    assert desk("login", "studio", "--with-token", "--store", "file").code == Exit.LOGIN
    assert desk("accounts", "--json").json[0]["token"]["place"] is None
    type_in(desk, token)
    said = desk("login", "studio", "--with-token", "--store", "file")
    assert said.code == Exit.OK, said.err
    shown = desk("accounts")
    assert token not in said.out + said.err + shown.out
    [signed_in] = [one["signed_in"] for one in desk("accounts", "--json").json]
    assert signed_in["who"] in shown.out
    assert "@" in signed_in["who"]
    assert signed_in["at"] > time.time() - 600
    assert signed_in["expires"] is None
    assert desk("balance").code == Exit.OK
    assert desk("logout", "studio").code == Exit.OK
    assert not list(paths().credentials.glob("*.about.json"))
    assert desk("balance").code == Exit.LOGIN
    assert desk("logout", "studio").err == "studio is not signed in.\n"


def test_a_sign_in_that_the_service_renews_at_each_use_is_kept_as_it_is_now(desk: Desk) -> None:
    desk.simulator.switch({"rotate_refresh_tokens": True})
    type_in(desk, signed_out(desk))
    said = desk("login", "studio", "--with-token", "--store", "file", "--organization", "Studio North")
    assert said.code == Exit.OK, said.err
    assert desk("balance").code == Exit.OK
    assert desk("login", "studio", "--organization", "Acme Footwear").code == Exit.OK, "with the key that is kept"
    assert [desk("balance").code for _ in range(2)] == [Exit.OK] * 2
    desk.simulator.switch({"rotate_refresh_tokens": False})


def type_in(desk: Desk, line: str) -> None:
    desk.monkeypatch.setattr(sys, "stdin", io.StringIO(f"{line}\n"))


def test_a_new_account_signs_in_with_a_code_and_picks_who_pays(desk: Desk) -> None:
    given = desk.simulator.announcement()["autoretouch"]
    paths().config_file.unlink()
    for name in ("api_url", "auth_url"):
        desk.monkeypatch.setenv(f"ARTUI_OUTLET_{name.upper()}", given[name])
    desk.monkeypatch.setenv("ARTUI_OUTLET_PROVIDER", "autoretouch")
    command = [*ARTUI, "login", "outlet", "--store", "file", "--organization", "Studio North"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as child:
        assert child.stderr
        said = child.stderr.readline()
        found = re.search(r"Open (\S+) .* code (\S+)", said)
        assert found, said
        ASKING.post(found[1], data={"user_code": found[2], "confirm": "1"}).raise_for_status()
        rest = child.stderr.read()
        assert child.wait(20) == Exit.OK, rest
    assert "Studio North" in rest
    assert 'organization = "' in paths().settings_file.read_text()
    assert desk("balance", "-a", "outlet").out.startswith("outlet (Studio North): ")


def signed_out(desk: Desk) -> str:
    """An account without a key and without an organization; returns the key it could have."""
    token = os.environ["ARTUI_STUDIO_TOKEN"]
    desk.monkeypatch.delenv("ARTUI_STUDIO_TOKEN")
    config = paths().config_file
    config.write_text("\n".join(line for line in config.read_text().splitlines() if "organization" not in line))
    return token


def codes_asked(desk: Desk) -> int:
    return sum(entry["path"].endswith("/oauth/device/code") for entry in desk.simulator.history)


def test_several_organizations_need_a_choice_and_no_second_sign_in(desk: Desk) -> None:
    type_in(desk, signed_out(desk))
    said = desk("login", "studio", "--with-token", "--store", "file")
    assert said.code == Exit.USAGE
    assert "Acme Footwear" in said.err
    assert "Studio North" in said.err
    assert "`artui login studio --organization ID`" in said.err
    before = codes_asked(desk)
    assert desk("login", "studio", "--organization", "Studio South").code == Exit.USAGE
    chosen = desk("login", "studio", "--organization", "Studio North")
    assert chosen.code == Exit.OK, chosen.err
    assert codes_asked(desk) == before
    assert desk("balance", "-a", "studio").out.startswith("studio (Studio North): ")


def test_nobody_signs_in_for_a_key_that_cannot_be_kept(desk: Desk) -> None:
    signed_out(desk)
    before = codes_asked(desk)
    for given in ((), ("--store", "keyring")):
        said = desk("login", "studio", *given)
        assert said.code == Exit.USAGE
        assert ("--store file" in said.err) is not given
        assert "this machine has no keyring" in said.err
    shutil.rmtree(paths().credentials)
    paths().credentials.write_text("in its way")
    assert desk("login", "studio", "--store", "file").code == Exit.USAGE
    assert codes_asked(desk) == before


@pytest.mark.parametrize("way", ["deny", "expire"])
def test_a_sign_in_that_is_denied_or_runs_out_ends_with_four(desk: Desk, way: str) -> None:
    from artui.cli import signing

    def answer(prompt: Any) -> None:
        if way == "deny":
            ASKING.post(prompt.url, data={"user_code": prompt.user_code, "deny": "1"}).raise_for_status()
        else:
            desk.control("options", device_lifetime=0.01)

    signed_out(desk)
    desk.monkeypatch.setattr(signing, "_show_code", answer)
    said = desk("login", "studio", "--store", "file")
    desk.control("options", device_lifetime=900)
    assert said.code == Exit.LOGIN, said.err
    assert desk("accounts", "--json").json[0]["token"]["place"] is None


def test_a_production_account_is_marked_where_it_is_named(desk: Desk) -> None:
    desk.configure(more="production = true")
    desk.photo()
    planned = ("submit", desk.inbox, "-w", "Export only", "-o", desk.out, "--dry-run")
    assert " at PRODUCTION studio (" in desk(*planned).out
    assert desk(*planned, "--json").json["production"]
    assert desk("accounts").out.startswith("PRODUCTION studio (the default): autoretouch")
    desk.monkeypatch.setattr("artui.cli.sending.can_ask", lambda: True)
    asked: list[str] = []
    desk.monkeypatch.setattr("artui.cli.sending.agrees", asked.append)
    assert desk(*planned[:-1]).code == Exit.USAGE
    assert "paid by PRODUCTION studio?" in asked[0]


# ------------------------------------------------------------------------------------------------- the stand-in


def test_sim_prints_one_line_and_serves_until_term() -> None:
    with subprocess.Popen([*ARTUI, "sim", "--seed", "3", "--credits", "42"], stdout=subprocess.PIPE) as child:
        assert child.stdout
        announced: dict[str, Any] = json.loads(child.stdout.readline())
        assert ASKING.get(announced["url"] + "/_sim/ledger").json() == []
        busy = announced["url"].rsplit(":", 1)[1]
        taken = subprocess.run([*ARTUI, "sim", "--port", busy], capture_output=True, text=True, check=False)
        assert (taken.returncode, taken.stdout) == (Exit.USAGE, "")
        assert busy in taken.stderr
        child.terminate()
        assert child.wait(20) == 0


def test_help_names_every_command_and_a_slip_is_understood(desk: Desk) -> None:
    text = desk("--help").out
    for name in COMMANDS:
        assert re.search(rf"^  {name}\s", text, re.MULTILINE), name
        assert desk(name, "--help").code == Exit.OK
        own = root.get_command(click.Context(root), name)
        assert own
        assert " ".join((own.help or "").split()).startswith(SUMMARIES[name]), name
    assert list(SUMMARIES) == list(COMMANDS)
    assert "Usage" in desk().out
    said = desk("submitt")
    assert said.code == Exit.USAGE
    assert "did you mean submit?" in said.err


def test_threads_are_not_left_behind(desk: Desk) -> None:
    before = threading.active_count()
    desk("status")
    assert threading.active_count() <= before


def test_jobs_are_listed_by_what_they_are_and_in_any_order(desk: Desk) -> None:
    desk.photo("a.jpg", 1)
    assert desk.send("--label", "sku=4711", "--batch", "one").code == Exit.OK
    desk.photo("b.jpg", 2)
    assert desk.send("--batch", "two").code == Exit.OK

    def listed(*flags: str) -> list[int]:
        return [job["id"] for job in desk("jobs", *flags, "--json").json]

    both, first_only, second_only = [1, 2], [1], [2]
    assert listed("--label", "sku=4711") == first_only
    assert listed("--batch", "two") == second_only
    assert listed("-a", "studio", "-w", "export ONLY", "--since", "1h") == both
    assert listed("-a", "other") == listed("--since", "2100-01-01") == listed("--reason", "cap") == []
    assert listed("--status", "done", "--status", "held") == both
    assert listed("--sort", "-id") == listed("--sort", "-source") == [2, 1]
    assert listed("--sort", "-finished", "--limit", "1") == listed("-n", "1") == second_only
    for order in ORDERS:
        assert sorted(listed("--sort", order)) == sorted(listed("--sort", f"-{order}")) == [1, 2]
    assert listed("--sort", "-id", "-n", "2") == [2, 1]
    assert listed("--sort", "id", "-n", "2", "--limit", "1") == [1]
    assert desk("jobs", "--sort", "age").code == Exit.USAGE
    assert "did you mean credits?" in desk("jobs", "--reason", "credit").out


def test_how_much_is_said_can_be_chosen(desk: Desk) -> None:
    photo = desk.photo()
    said = desk.send("--quiet")
    assert (said.code, said.out, said.err) == (Exit.OK, "", "")
    assert desk("job", "99", "-q").err.startswith("There is no job 99")
    refused = desk("redo", photo, "-q")
    assert (refused.code, refused.err.splitlines()) == (
        Exit.USAGE,
        ["Nothing was sent: without a terminal to ask on, --yes says that it may cost this."],
    )
    desk.photo("other.jpg", 7)
    assert " > other.jpg: uploaded" in desk.send("-v").err


def test_what_was_never_there_and_what_lies_in_sub_folders_is_told_as_it_is(desk: Desk) -> None:
    desk.photo("sub/a.jpg")
    said = desk("submit", desk.inbox, "-w", "Export only", "-o", desk.out, "--dry-run")
    assert (said.code, said.err.splitlines()[-1]) == (
        Exit.USAGE, "There is no photo to send. Its sub-folders are sent with -r."
    )  # fmt: skip
    assert "There is no such file" in desk("why", desk.inbox / "nope.jpg").out
    assert "there is no such file" in desk("redo", desk.inbox / "nope.jpg").err
    assert "`artui submit` sends it" in desk("redo", desk.inbox / "sub" / "a.jpg").err


def test_fields_of_a_document_can_be_chosen(capsys: pytest.CaptureFixture[str], desk: Desk) -> None:
    del desk
    assert run(["accounts", "--json", "--fields", "production,name"]) == Exit.OK
    assert capsys.readouterr().out == '[{"schema": 1, "production": false, "name": "studio"}]\n'
    assert run(["accounts", "--json", "--fields", "nam"]) == Exit.USAGE
    assert (
        "There is no field 'nam'; there are: name, production"
        in json.loads(capsys.readouterr().out)["error"]["message"]
    )
