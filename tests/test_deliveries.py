"""What is run with results once they are saved: each once and again after a failure, in bounds, and nothing of the
photo or its money changes by it, whatever the command does."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from artui.cli import run
from artui.config import ConfigError, load, paths, write_private
from artui.core import review
from artui.core.health import Code, conditions
from artui.engine import bounded
from artui.engine import deliveries as engine
from artui.engine.deliveries import NotThere, Unfit, commands
from artui.journal import deliveries, history, requests
from artui.journal.deliveries import DeliveryRow
from artui.model.job import Job, Result
from artui.model.states import Delivery, Review, Stage, Status
from artui.sim.server import Simulator
from tests.samples import new_job
from tests.studio import Studio, open_studio
from tests.waiting import eventually


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "REST", 0.01)
    monkeypatch.setattr(engine, "retry_delay", lambda _attempts, _chance: 0.01)


def setting(*command: str, more: str = "") -> str:
    return f"after_saved = {json.dumps(command)}\n{more}"


def python(code: str, *arguments: str) -> str:
    return setting(sys.executable, "-c", code, *arguments)


@asynccontextmanager
async def delivering(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, folder: Path, text: str
) -> AsyncIterator[Studio]:  # fmt: skip
    async with open_studio(simulator, monkeypatch, folder, more=text) as studio:
        yield studio


def row(studio: Studio, job: int) -> DeliveryRow:
    found = studio.journal.read(deliveries.of_job, job)
    assert found is not None
    return found


async def at(studio: Studio, job: int, state: Delivery) -> DeliveryRow:
    def stands() -> DeliveryRow | None:
        found = studio.journal.read(deliveries.of_job, job)
        return found if found and found.state is state else None

    found: DeliveryRow = await studio.until(stands)
    return found


async def test_each_result_is_handed_over_once_with_what_its_command_asks_for(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    told = tmp_path / "told"
    code = f"import sys; open({str(told)!r}, 'a').write(chr(31).join(sys.argv[1:]) + chr(10)); print('on its way')"
    text = python(code, "{result}", "{photo}", "to/{sku}/{label:colour}", "{account}-{job}", "{workflow}")
    async with delivering(simulator, monkeypatch, tmp_path, text) as studio:
        photos = studio.photos(2)
        numbers = await studio.add(photos, labels={"sku": "../A 1;$(x)", "colour": "red"})
        await studio.start()
        for number in numbers:
            assert (await at(studio, number, Delivery.DONE)).output == "on its way"
        lines = sorted(line.split("\x1f") for line in told.read_text().splitlines())
        assert lines == [
            [
                f"{studio.out / photo.stem}.png",
                str(photo),
                "to/-A 1;$(x)/red",
                f"studio-{number}",
                "Background Removal",
            ]
            for photo, number in zip(photos, numbers, strict=True)
        ]
        told_of = [event.what for event in studio.journal.read(history.of_job, numbers[0])]
        assert told_of[-2:] == ["saved", "delivery done"]
        studio.check()


BAD = {
    "missing": (setting("/nowhere/rclone", "{result}"), "rclone: No such file or directory"),
    "signal": (python("import os; os.kill(os.getpid(), 9)"), "ended with -9 (Killed)"),
    "escapes": (python("import sys; sys.exit('\\x1b[31mred\\x07\\u202e')"), r"\x1b[31mred\x07\u202e"),
    "flood": (python("import sys; sys.stdout.write('x' * 5_000_000); sys.exit('the end')"), "the end"),
    "lacks": (setting("true", "{sku}"), "the photo has nothing for {sku}"),
    "hangs": (python("import time; time.sleep(60)"), "did not end within"),
}


@pytest.mark.parametrize("kind", BAD)
async def test_a_command_that_ends_badly_is_tried_again_then_told_and_the_photo_stays_done(
    kind: str, simulator: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(engine, "TRIES", 2)
    monkeypatch.setattr(engine, "TIME_LIMIT", 0.3 if kind == "hangs" else 20.0)
    text, why = BAD[kind]
    async with delivering(simulator, monkeypatch, tmp_path, text) as studio:
        [number] = await studio.add(studio.photos(1))
        await studio.start()
        found = await at(studio, number, Delivery.FAILED)
        assert why in found.output
        assert found.output.isprintable()
        assert len(found.output) < 400
        assert found.attempts == (1 if kind == "lacks" else 2), "what its photo lacks no try brings"
        assert studio.job(number).status is Status.DONE
        [wrong] = [one for one in studio.journal.read(conditions, load(), None) if one.code is Code.NOT_DELIVERED]
        assert (wrong.subject, wrong.count) == ("studio", 1)
        assert not studio.journal.read(requests.has_work)
        studio.check()


async def test_what_a_command_forks_ends_with_it(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "child"
    code = (
        "import os, time\nchild = os.fork()\n"
        f"if child: open({str(file)!r}, 'w').write(str(child))\n"
        "else:\n os.close(1); os.close(2); time.sleep(60)"
    )
    async with delivering(simulator, monkeypatch, tmp_path, python(code)) as studio:
        [number] = await studio.add(studio.photos(1))
        await studio.start()
        await at(studio, number, Delivery.DONE)
        await eventually(lambda: not _lives(int(file.read_text())))


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
    except OSError:
        return True


async def test_a_failed_delivery_is_run_again_by_hand_with_what_is_set_now(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(engine, "TRIES", 1)
    async with delivering(simulator, monkeypatch, tmp_path, setting("false")) as studio:
        [number] = await studio.add(studio.photos(1))
        await studio.start()
        await at(studio, number, Delivery.FAILED)
        where = paths()
        write_private(where.config_file, where.config_file.read_bytes().replace(b'["false"]', b'["true"]'))
        assert not (await studio.ask("deliver", number)).refused
        await at(studio, number, Delivery.DONE)
        assert not (await studio.ask("deliver", number)).refused
        await studio.until(lambda: _events(studio, number).count("delivery done") == 2)
        assert len(simulator.ledger) == 1
        studio.check()


def _events(studio: Studio, number: int) -> list[str]:
    return [event.what for event in studio.journal.read(history.of_job, number)]


async def test_the_engine_ends_in_order_while_a_command_runs_and_the_next_one_runs_it_again(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(engine, "GRACE", 0.05)
    file = tmp_path / "pids"
    code = f"import os, time; open({str(file)!r}, 'a').write(str(os.getpid()) + chr(10)); time.sleep(60)"
    async with delivering(simulator, monkeypatch, tmp_path, python(code)) as studio:
        [number] = await studio.add(studio.photos(1))
        await studio.start()
        await studio.until(lambda: file.exists() and file.read_text().endswith("\n"))
        await studio.stop()
        found = row(studio, number)
        assert (found.state, found.attempts) == (Delivery.PENDING, 0)
        assert studio.journal.read(requests.has_work)
        assert not _lives(int(file.read_text()))
        await studio.start()
        await studio.until(lambda: len(file.read_text().splitlines()) == 2)
        studio.check()


async def test_what_was_running_when_an_engine_was_killed_is_run_again(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with delivering(simulator, monkeypatch, tmp_path, setting("true")) as studio:
        [number] = await studio.add(studio.photos(1))
        await studio.start()
        await at(studio, number, Delivery.DONE)
        await studio.stop()
        await studio.journal.write_async(
            lambda db: db.execute("UPDATE deliveries SET state = 'running', due = NULL")  # as kill -9 leaves it
        )
        await studio.start()
        await at(studio, number, Delivery.DONE)


def decided(studio: Studio, number: int, decision: Review) -> review.Outcome:
    [outcome] = review.decide(studio.journal, [studio.job(number)], decision, who="ann", reason="colour")
    return outcome


async def test_what_waits_for_a_review_is_run_once_it_is_kept_and_never_once_it_is_rejected(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with delivering(simulator, monkeypatch, tmp_path, setting("true", more='deliver = "kept"')) as studio:
        kept, rejected = await studio.add(studio.photos(2))
        await studio.start()
        await studio.at_rest()
        assert row(studio, kept).waits_for_review
        assert not studio.journal.read(requests.has_work)
        assert not decided(studio, kept, Review.KEPT).notes
        assert not decided(studio, rejected, Review.REJECTED).notes
        await at(studio, kept, Delivery.DONE)
        assert (await studio.ask("deliver", rejected)).refused
        assert not {"delivery done", "delivery failed"} & set(_events(studio, rejected))
        assert any("delivered before" in note for note in decided(studio, kept, Review.REJECTED).notes)
        studio.check()


async def test_what_is_rejected_before_its_command_has_begun_is_not_delivered(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with delivering(simulator, monkeypatch, tmp_path, setting("true")) as studio:
        [number] = await studio.add(studio.photos(1))
        monkeypatch.setattr(engine, "AT_ONCE", 0)
        await studio.start()
        await studio.at_rest()
        decided(studio, number, Review.REJECTED)
        monkeypatch.setattr(engine, "AT_ONCE", 4)
        await studio.until(lambda: row(studio, number).due is None)
        assert row(studio, number).state is Delivery.PENDING
        assert "delivery done" not in _events(studio, number)


async def test_a_cancel_that_came_too_late_is_saved_and_not_delivered(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with delivering(simulator, monkeypatch, tmp_path, setting("true")) as studio:
        [number] = await studio.add(studio.photos(1))
        await studio.start()
        await studio.until(lambda: studio.job(number).stage is Stage.SUBMITTED)
        await studio.ask("cancel", number)
        await studio.at_rest()
        assert studio.job(number).status is Status.DONE
        assert studio.journal.read(deliveries.of_job, number) is None
        await studio.ask("deliver", number)
        await at(studio, number, Delivery.DONE)


# --------------------------------------------------------------------------------------------------- what is filled


def saved(folder: Path, *names: str, **given: Any) -> Job:
    for name in names:
        (folder / name).write_bytes(b"a result")
    plain = {name: getattr(new_job(), name) for name in new_job().__dataclass_fields__}
    results = tuple(Result("x", path=str(folder / name)) for name in names)
    return Job(**{**plain, "id": 7, "stage": Stage.SAVED, "status": Status.DONE, "results": results, **given})


def filled(command: Sequence[str], job: Job, **facts: str) -> list[list[str]]:
    return list(commands(command, job, {"batch": "", "rule": "", **facts}))


def test_several_results_go_one_by_one_or_all_together(tmp_path: Path) -> None:
    job = saved(tmp_path, "a.png", "a.mask.png")
    first, second = str(tmp_path / "a.png"), str(tmp_path / "a.mask.png")
    assert filled(["cp", "{result}", "/to/{job}"], job) == [["cp", first, "/to/7"], ["cp", second, "/to/7"]]
    assert filled(["cp", "{results}", "/to"], job) == [["cp", first, second, "/to"]]
    assert filled(["touch", "{{done}}"], job) == [["touch", "{done}"]]


@pytest.mark.parametrize(
    ("command", "given", "why"),
    [
        (["x", "{rule}"], {}, "nothing for {rule}"),
        (["x", "{label:colour}"], {"labels": {"colour": " .. "}}, "nothing for {label:colour}"),
        (["x", "{sku}"], {"labels": {"sku": "--delete"}}, "take for an option"),
        (["x", "{photo}"], {"address": "https://studio.example/a.jpg"}, "nothing for {photo}"),
        (["x", "{result}"], {"results": (Result("x", path="/nowhere/a.png"),)}, "is not at /nowhere/a.png"),
    ],
)
def test_a_command_that_cannot_be_filled_is_not_run(
    command: list[str], given: dict[str, Any], why: str, tmp_path: Path
) -> None:
    with pytest.raises((Unfit, NotThere), match=why):
        filled(command, saved(tmp_path, "a.png", **given))


async def test_a_later_try_hands_over_only_what_was_not(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Two results, of which the second fails once."""
    ran: list[str] = []

    async def pretend(command: Sequence[str], *, seconds: float) -> bounded.Ended:
        assert seconds
        ran.append(Path(command[1]).name)
        return bounded.Ended("it ended with 1" if ran == ["a", "b"] else "")

    monkeypatch.setattr(bounded, "run", pretend)
    monkeypatch.setattr(engine, "commands", lambda *_: [["x", "/a"], ["x", "/b"]])
    async with delivering(simulator, monkeypatch, tmp_path, setting("x", "{result}")) as studio:
        [number] = await studio.add(studio.photos(1))
        await studio.start()
        await at(studio, number, Delivery.DONE)
        assert ran == ["a", "b", "b"]


# ----------------------------------------------------------------------------------------------------- the settings


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('after_saved = "rclone {result}"', "must be a list of texts"),
        ('after_saved = ["rclone", "{reslt}"]', "holds an unknown {reslt}"),
        ('after_saved = ["rclone", "{label}"]', "holds an unknown {label}"),
        ('after_saved = ["rclone", "{result"]', "cannot be read"),
        ('after_saved = ["rclone", "--x={results}"]', "an argument of its own"),
        ('after_saved = ["./deliver.sh"]', "must begin with a program"),
        ('after_saved = ["{result}"]', "must begin with a program"),
        ('after_saved = ["rclone", "{0.__class__}"]', "holds an unknown {0.__class__}"),
        ('deliver = "later"', "must be one of saved, kept"),
    ],
)
def test_a_setting_that_cannot_be_run_is_refused_with_its_line(text: str, complaint: str) -> None:
    where = paths()
    where.create()
    write_private(where.config_file, f'[accounts.studio]\nprovider = "autoretouch"\n{text}\n'.encode())
    with pytest.raises(ConfigError, match="line 3") as refused:
        load()
    assert complaint in str(refused.value)


def test_config_check_names_a_program_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    where = paths()
    where.create()
    text = '[accounts.studio]\nprovider = "autoretouch"\nafter_saved = ["rclome", "{result}"]\n'
    write_private(where.config_file, text.encode())
    assert run(["config", "check"])
    said = capsys.readouterr().err
    assert "line 3" in said
    assert "there is no program rclome" in said
