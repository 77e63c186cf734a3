"""The checker itself: each of its statements notices what it is there for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from artui.config import Caps
from artui.journal import Journal, store
from artui.model.states import Status
from tests.proof.evidence import Evidence
from tests.proof.invariants import INVARIANTS, broken
from tests.studio import Studio

SOON = {"time": 0.0, "method": "POST", "answer": 200}


def later(seen: Evidence, path: str, **form: Any) -> Evidence:
    """The evidence with one request more."""
    return replace(seen, requests=[*seen.requests, {**SOON, "path": path, "form": form}])


def asked_early(seen: Evidence) -> Evidence:
    return replace(seen, requests=[{**asked, "time": asked["time"] - 3600} for asked in seen.requests])


def refreshed_twice(seen: Evidence) -> Evidence:
    token = {"refreshed": "abc", "rotated": True}
    return later(later(seen, "/oauth/token", **token), "/oauth/token", **token)


def sent_often(seen: Evidence) -> Evidence:
    key = next(iter(seen.purchases))
    for _ in range(3):
        seen = later(seen, "/v1/workflow/execution/create", labels={"artui_job": key})
    return seen


def taken_up(seen: Evidence) -> Evidence:
    return later(seen, f"/v1/workflow/execution/{seen.jobs[1].execution}/retry")


def part_left(seen: Evidence) -> Evidence:
    folder = next(iter(seen.jobs.values())).folder
    (folder / ".artui-1-00000000.part").write_bytes(b"left")
    return seen


SEEN: Mapping[str, Callable[[Evidence], Evidence]] = {
    "charged_once": lambda seen: replace(seen, charges=[*seen.charges, seen.charges[0]]),
    "intended_first": asked_early,
    "no_strays": part_left,
    "caps_kept": lambda seen: replace(seen, caps={"studio": Caps(day=1)}),
    "sources_safe": lambda seen: replace(seen, sources={Path("/nowhere/photo.jpg"): "its digest"}),
    "only_intents_pay": lambda seen: later(seen, "/v1/workflow/execution/create"),
    "refreshed_once": refreshed_twice,
    "repeated_twice": sent_often,
    "keys_of_one_photo": lambda seen: replace(
        seen, charges=[{**charge, "digest": "0" * 64} for charge in seen.charges]
    ),
    "payer_charged": lambda seen: replace(seen, charges=[{**charge, "owner": "another"} for charge in seen.charges]),
    "books_agree": lambda seen: replace(seen, charges=seen.charges[1:]),
}
"""What somebody else would have seen, had the invariant been broken."""

OTHERS = "payer, endpoint, organization, workflow, version, reference, draft, mark, reserved, charged, state"
WRITTEN = {
    "bought_once": f"""
        INSERT INTO purchases (key, job, number, kind, account, {OTHERS}, execution, looks, day, month, run, rule,
            intended_at)
        SELECT 'another', job, 2, kind, account, {OTHERS}, 'another', 0, day, month, run, rule, intended_at
        FROM purchases WHERE job = 1""",
    "bought_once_by_rule": "UPDATE jobs SET rule = 'boots', digest = 'its digest', buys = 0",
    "reserved": "UPDATE spending SET amount = amount + 1 WHERE scope = 'run'",
    "executions_known": "DELETE FROM executions",
    "charges_delivered": "UPDATE jobs SET status = 'cancelled', charged = NULL",
    "inputs_accounted": "UPDATE jobs SET status = 'failed', message = ''",
    "results_right": "UPDATE jobs SET results = (SELECT results FROM jobs AS other WHERE other.id = 3 - jobs.id)",
    "results_whole": """UPDATE jobs SET results =
        json_replace(results, '$[0].locator', '' || json_object('hash', printf('%064d', 0)))""",
    "ends_justified": "UPDATE jobs SET status = 'failed', reason = 'overdue', stage = 'submitted'",
    "doubt_counts": "UPDATE purchases SET state = 'presumed spent'; UPDATE jobs SET buys = 0",
    "history_whole": "DELETE FROM events WHERE seq = 3",
    "requests_answered": "INSERT INTO requests (what, arguments, job, made_at, done_at) VALUES ('again', '', 1, 1, 1)",
    "nothing_stuck": "UPDATE jobs SET status = 'waiting', due = NULL, finished_at = NULL",
    "look_ups_end": "UPDATE purchases SET readings = 9",
    "retried_once": """
        INSERT INTO events (job, at, what, stage, status, message) SELECT job, at, 'retried', stage, status, ''
        FROM events WHERE job = 1 ORDER BY seq DESC LIMIT 1""",
    "states_named": "UPDATE jobs SET status = 'held', reason = 'who knows', finished_at = NULL",
    "deliveries_move_nothing": """INSERT INTO deliveries (job, command, wanted, state, changed_at)
        VALUES (1, '["true"]', 'saved', 'done', 1)""",
    "decided_once": "UPDATE jobs SET review = 'rejected' WHERE id = 1",
    "journal_whole": "PRAGMA ignore_check_constraints = ON; UPDATE jobs SET finished_at = NULL",
}
"""What the journal would hold, had the invariant been broken."""


HALVES: Mapping[str, Callable[[Evidence], Evidence] | str] = {
    "doubt_counts": "UPDATE purchases SET state = 'presumed spent', reserved = 9",
    "results_right": "UPDATE jobs SET results = json_replace(results, '$[0].digest', printf('%064d', 0))",
    "repeated_twice": "UPDATE purchases SET repeats = 4",
    "look_ups_end": """
        INSERT INTO events (job, at, what, stage, status, message)
        WITH RECURSIVE n (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM n WHERE n < 12)
        SELECT job, at, 'look-up unfinished', stage, status, '' FROM n, (
            SELECT * FROM events WHERE job = 1 ORDER BY seq DESC LIMIT 1)""",
    "states_named": lambda seen: replace(seen, log="ERROR artui.engine: \nTraceback (most recent call last)"),
    "payer_charged": "UPDATE purchases SET payer = 'autoretouch http://127.0.0.1:1/autoretouch another'",
    "keys_of_one_photo": "UPDATE jobs SET digest = printf('%064d', id)",
    "books_agree": "UPDATE purchases SET charged = charged + 1 WHERE job = 1",
    "decided_once": "INSERT INTO moving (job, files) VALUES (1, '[]')",
    "deliveries_move_nothing": """
        INSERT INTO deliveries (job, command, wanted, state, changed_at) VALUES (1, '["true"]', 'saved', 'pending', 1);
        UPDATE jobs SET stage = 'processed', status = 'ready', finished_at = NULL WHERE id = 1""",
}
"""Other ways in which one of them may be broken."""


TOPPED_UP = """
    INSERT INTO events (job, at, what, stage, status, message) SELECT job, at, 'retried', stage, status, ''
    FROM events WHERE job = 1 ORDER BY seq DESC LIMIT 1;
    INSERT INTO topups (account, rise, event, at) SELECT 'studio', 100, MAX(seq) - 1, 0 FROM events"""
"""What the journal would hold of a photo that went on after a top-up."""

BOTH_WORKFLOWS = """
    UPDATE jobs SET rule = 'boots', digest = 'its digest', buys = 0, workflow = workflow || id"""
"""What the journal would hold of a photo that its rule bought for each of two workflows."""

AGREED_LATER = """
    UPDATE purchases SET state = 'presumed spent', reserved = 9;
    INSERT INTO requests (what, arguments, job, purchase, made_at, done_at, refused, outcome)
    SELECT 'retry', '{"quoted": 10}', id, 1, 1, 1, 0, 'sent at the new price' FROM jobs"""
"""What the journal would hold of photos that may have been paid for less than a person agreed to afterwards."""


async def test_each_invariant_notices_what_it_is_there_for(studio: Studio, tmp_path: Path) -> None:
    await studio.add(studio.photos(2))
    await studio.start()
    assert {job.status for job in await studio.at_rest()} == {Status.DONE}
    await studio.stop()
    studio.check()
    assert {*SEEN, *WRITTEN} == {holds.__name__ for holds in INVARIANTS}
    for number, (name, broken_by) in enumerate([*WRITTEN.items(), *SEEN.items(), *HALVES.items()]):
        if isinstance(broken_by, str):
            with changed(studio, tmp_path / f"{number}", broken_by) as journal:
                assert name in broken(replace(studio.evidence(), journal=journal)), (name, broken_by)
        else:
            assert name in broken(broken_by(studio.evidence())), name
    with changed(studio, tmp_path / "topped up", TOPPED_UP) as journal:
        once = taken_up(replace(studio.evidence(), journal=journal))
        assert "retried_once" not in broken(once)
        assert "retried_once" in broken(taken_up(once))
    with changed(studio, tmp_path / "both workflows", BOTH_WORKFLOWS) as journal:
        assert "bought_once_by_rule" not in broken(replace(studio.evidence(), journal=journal))
    with changed(studio, tmp_path / "agreed later", AGREED_LATER) as journal:
        assert "doubt_counts" not in broken(replace(studio.evidence(), journal=journal))


@contextmanager
def changed(studio: Studio, path: Path, change: str) -> Iterator[Journal]:
    """A copy of the journal in which something was changed behind its back."""
    studio.journal.read(store.back_up, path)
    with Journal(path) as journal:
        journal.write(lambda db: db.execute(change).fetchall())
        yield journal
