"""A paid result got again for nothing: while the service has it, under its name where that is free, over no file."""

from __future__ import annotations

from pathlib import Path

from tests.desk import Desk, Said
from tests.proof.evidence import digest_of
from tests.studio import ASKING


def paid_calls(desk: Desk) -> int:
    return len(desk.simulator.ledger)


def fetched(desk: Desk, *jobs: int) -> Said:
    """Have them fetched, and wait."""
    said = desk("fetch", *map(str, jobs))
    desk("wait")
    return said


def outputs(desk: Desk) -> list[Path]:
    return [Path(path) for job in desk.jobs() for path in job["outputs"]]


def test_a_deleted_result_comes_back_under_its_name_and_costs_nothing(desk: Desk) -> None:
    desk.photo()
    desk.send()
    [result] = outputs(desk)
    before, paid = digest_of(result), paid_calls(desk)
    assert "artui fetch 1" in desk("job", "1").out
    said = desk("fetch", "1")
    assert (said.code, said.err) == (1, "The result of job 1 lies where it was saved: there is nothing to fetch\n")
    result.unlink()
    assert desk("fetch", "1", "--dry-run").out == "job 1, boot.jpg: its result is fetched (free)\n"
    assert fetched(desk, 1).code == 0
    assert outputs(desk) == [result]
    assert (digest_of(result), paid_calls(desk)) == (before, paid)
    assert desk("verify").out == "Results read: 1 whole.\n"
    result.parent.rename(desk.folder / "away")
    assert fetched(desk, 1).code == 0
    assert digest_of(result) == before, "its folder is made again"


def test_what_lies_under_the_name_now_stays(desk: Desk) -> None:
    desk.photo()
    desk.send()
    [result] = outputs(desk)
    before = digest_of(result)
    result.write_bytes(b"painted over")
    assert fetched(desk, 1).code == 0
    [now] = outputs(desk)
    assert (now.name, digest_of(now)) == ("boot-2.png", before)
    assert result.read_bytes() == b"painted over"


def test_what_cannot_be_fetched_is_refused_by_name_and_stays_as_it_is(desk: Desk) -> None:
    desk.photo()
    desk.send()
    desk("pause")
    desk.photo("other.jpg", 1)
    desk("submit", desk.inbox, "-w", "Export only", "-o", desk.out, "--yes")
    said = desk("fetch", "2")
    assert said.err == "Job 2 was never bought: there is no result to fetch\n"
    [result] = outputs(desk)
    result.unlink()
    fault = {"route": "autoretouch.details", "do": "status:404", "times": -1}
    ASKING.post(f"{desk.simulator.url}/_sim/faults", json=[fault]).raise_for_status()
    said = desk("fetch", "1")
    assert said.code == 1
    assert said.err.startswith("job 1: the service no longer has its result")
    assert desk.jobs()[0]["status"] == "done"
    ASKING.delete(f"{desk.simulator.url}/_sim/faults").raise_for_status()
    desk.control("options", result_gone=True)
    assert desk("fetch", "1").code == 0
    desk.until(lambda: desk.jobs()[0]["status"] == "done")
    desk.control("options", result_gone=False)
    assert desk.jobs()[0]["outputs"] == [str(result)]
    assert "it stays as it was; `artui redo 1` buys it anew" in desk.jobs()[0]["message"]
    assert fetched(desk, 1).code == 0
    assert result.exists()


def test_a_copy_comes_back_from_what_it_was_made_of(desk: Desk) -> None:
    photo = desk.photo("a boot.jpg")
    desk.send()
    (desk.inbox / "its copy.jpg").write_bytes(photo.read_bytes())
    desk.send()
    paid = paid_calls(desk)
    first, second = outputs(desk)
    second.unlink()
    assert fetched(desk, 2).code == 0
    assert digest_of(second) == digest_of(first)
    first.unlink()
    second.unlink()
    assert fetched(desk, 2).code == 0
    assert not first.exists()
    assert second.exists()
    assert fetched(desk, 1).code == 0
    assert paid_calls(desk) == paid
    assert [job["status"] for job in desk.jobs()] == ["done", "skipped"]


def test_a_photo_sent_again_gets_its_deleted_result_under_the_free_name(desk: Desk) -> None:
    desk.photo()
    desk.send()
    [result] = outputs(desk)
    paid = paid_calls(desk)
    result.unlink()
    desk.send()
    assert [path.name for path in desk.out.iterdir()] == ["boot.png"]
    assert paid_calls(desk) == paid


def test_results_that_lie_there_after_a_restore_are_not_saved_a_second_time(desk: Desk) -> None:
    desk("backup", desk.folder / "journal.backup")
    desk.photo()
    desk.photo("boots.jpg", 1)
    desk.send()
    before, paid = sorted(desk.out.iterdir()), paid_calls(desk)
    desk("stop")
    before[1].write_bytes(b"painted over")
    assert desk("restore", desk.folder / "journal.backup", "--yes").code == 0
    desk.send()
    assert paid_calls(desk) == paid
    assert sorted(desk.out.iterdir()) == sorted([*before, desk.out / "boots-2.png"])
    assert sorted(path.name for path in outputs(desk)) == ["boot.png", "boots-2.png"]
    assert desk("verify").code == 0
