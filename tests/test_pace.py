"""How long a batch may still take: told only as far as anything tells."""

from __future__ import annotations

import time

import pytest

from artui.config import paths
from artui.core.pace import time_left, usual_gap
from artui.engine.anchor import open_journal
from artui.journal import Connection, accounts
from tests.tui.desk import FAILED, QA, QUEUED, SAVED, SENT, fill

pytestmark = pytest.mark.usefixtures("configured")


@pytest.fixture
def configured() -> None:
    where = paths()
    where.create()
    where.config_file.write_text('[accounts.studio]\nprovider = "autoretouch"\n')


def left(now: float, batch: str = "id-aw26") -> float | None:
    with open_journal(paths()) as journal:
        return journal.read(time_left, batch, now)


def ended(numbers: list[int], now: float, gap: float) -> None:
    def write(db: Connection) -> None:
        for place, number in enumerate(reversed(numbers)):
            db.execute("UPDATE jobs SET finished_at = ? WHERE id = ?", (now - place * gap, number))

    with open_journal(paths()) as journal:
        journal.write(write)


def test_a_batch_goes_on_at_its_own_pace() -> None:
    now = time.time()
    numbers = fill(*[SAVED] * 6, *[SENT] * 2, *[QUEUED] * 8, QA, FAILED)
    ended(numbers[:6], now, 12)
    assert left(now) == pytest.approx(10 * 12), "what is in QA or has failed is not waited for"
    assert left(now + 5000) is None, "it has stood still for long"


@pytest.mark.parametrize(
    "states", [[SENT, QUEUED], [*[SAVED] * 5, SENT], [*[SAVED] * 9, QUEUED], [*[SAVED] * 9, QA], [*[SAVED] * 9]]
)
def test_nothing_is_told_where_nothing_tells(states: list[dict[str, object]]) -> None:
    now = time.time()
    numbers = fill(*states)
    ended(numbers[: states.count(SAVED)], now, 10)
    assert left(now) is None


def test_before_its_first_results_the_pace_of_its_workflow_counts() -> None:
    now = time.time()
    earlier = fill(*[SAVED] * 8, batch="earlier", names="old/{}.jpg")
    ended(earlier, now - 9000, 10)
    fill(SENT, QUEUED, QUEUED)
    with open_journal(paths()) as journal:
        row = journal.read(lambda db: next(iter(db.execute("SELECT workflow, payer FROM jobs"))))
        assert journal.read(usual_gap, row[0]) == pytest.approx(10)
        assert left(now) is None, "nobody knows how long one takes"
        journal.write(accounts.add_duration, row[1], row[0], 40.0)
    assert left(now) == pytest.approx(40 + 3 * 10)
