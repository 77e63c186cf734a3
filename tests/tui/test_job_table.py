"""The table of jobs: widths, hostile names, the cursor, what is repainted; and the figures it is drawn from."""

from __future__ import annotations

import time
from array import array
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from textual.geometry import Region

from artui.config import paths
from artui.engine.anchor import open_journal
from artui.journal import Connection, jobs, purchases, window
from artui.journal.groups import PILE, group
from artui.journal.store import rows
from artui.journal.window import Filter, SortOrder
from artui.model.holds import CapKind, Group
from artui.model.job import Batch
from artui.model.states import PurchaseState, Reason, Review, Stage, Status
from artui.sanitize import width
from artui.tui.columns import Column, Slot, fitted
from artui.tui.job_table import JobTable, columns
from artui.tui.line_list import file_fitted
from artui.tui.words import processing
from tests.samples import new_job
from tests.tui.desk import CANCELLED, CUT, DOUBT, FAILED, QA, QUEUED, SAVED, SENT, UPLOADING, at_desk, fill

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("configured")]

HOSTILE = [
    "plain.jpg", "\x1b[31mred.jpg", "\x1b]52;c;aGk=\x07.jpg", "[/].jpg", "[@click=app.quit]x[/].jpg", "a\nb.jpg",
    "‮gpj.exe", "帽子" * 30 + ".jpg", "é" * 40 + ".jpg", "\udcff.jpg", "​​.jpg", "x" * 250 + ".jpg", "\x9b31m.jpg",
]  # fmt: skip


@pytest.mark.parametrize(
    ("since", "says", "briefly"),
    [
        (20, "processing, ~40 s left", "~40 s left"),
        (60, "processing, done any moment", "any moment"),
        (69, "processing, done any moment", "any moment"),
        (90, "processing, 30 s over usual", "30 s over"),
        (780, "processing, 12 min over", "12 min over"),
    ],
)
def test_how_long_an_execution_may_still_take_is_said_as_a_person_would(since: int, says: str, briefly: str) -> None:
    job: Any = SimpleNamespace(stage_at=1000.0)
    assert processing(job, 60.0, 1000.0 + since) == (says, briefly)


@pytest.mark.parametrize("cells", range(60, 200, 7))
def test_columns_fill_a_line_but_for_its_last_cell(cells: int) -> None:
    made = columns(cells)
    assert made[-1].end == cells - 1
    assert all(before.end <= after.start for before, after in pairwise(made))
    assert made[0].cells >= 20


@pytest.mark.parametrize(
    ("cost", "said"),
    [
        ("-", "-"), ("57", "57"), ("(9,999)", "(9,999)"), ("99,999", "99,999"), ("(12,345)", "(12.3k)"),
        ("(123,456)", "(123k)"), ("999,999", "999,999"), ("(1,234,567)", "(1.2M)"), ("1,234,567", "1.2M"),
    ],
)  # fmt: skip
async def test_a_high_cost_is_said_whole_and_apart_from_its_neighbour(cost: str, said: str) -> None:
    number = cost.strip("()-").replace(",", "")
    state = {**SENT, "quoted": int(number or 0)} if cost.startswith("(") else {**SAVED, "charged": int(number or 0)}
    fill(state if number else CANCELLED)
    async with at_desk((80, 24)) as desk:
        await desk.sees(f" {said}")
        (line,) = [line for line in desk.lines() if "IMG_0000" in line and "boots" in line][:1]
        assert line.split()[-1] == said


@pytest.mark.parametrize("name", HOSTILE)
def test_any_name_takes_its_cells_exactly_and_prints(name: str) -> None:
    slot = Slot(Column("File"), 0, 3, 33)
    for text in (file_fitted("a/very long\x1b folder name", name, 33, "~"), fitted(name, slot, "~")):
        assert width(text) == 33
        assert text.isprintable()


async def test_columns_stay_aligned_under_hostile_names() -> None:
    with open_journal(paths()) as journal:
        found = [new_job(source=Path(f"/photos/boots/{name}")) for name in HOSTILE]
        journal.write(jobs.add, None, found)
    async with at_desk((80, 30)) as desk:
        await desk.until(lambda: len(desk.table.order) == len(HOSTILE))
        for line in range(len(HOSTILE)):
            strip = desk.table.render_line(line)
            assert strip.cell_length == 80
            assert strip.text.isprintable()
            assert strip.text.rstrip().endswith("10")


async def test_the_cursor_stays_on_its_job_when_the_order_changes() -> None:
    numbers = fill(*[SAVED] * 40)
    async with at_desk() as desk:
        await desk.press(*["down"] * 5)
        assert desk.table.current == numbers[5]
        await desk.press("comma")
        await desk.until(lambda: list(desk.table.order) == numbers[::-1])
        assert desk.table.current == numbers[5]


async def test_only_what_changed_is_repainted() -> None:
    numbers = fill(*[QUEUED] * 10)
    async with at_desk() as desk:
        painted: list[Region] = []
        refresh = JobTable.refresh

        def watch(self: JobTable, *regions: Region, **given: bool) -> JobTable:
            painted.extend(regions or [self.size.region])
            return refresh(self, *regions, **given)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(JobTable, "refresh", watch)
            desk.write(jobs.move, desk.job(numbers[3]), Stage.NEW, Status.CANCELLED, "cancelled")
            await desk.sees("cancelled, not paid")
        # The last columns, time and cost, may change by themselves meanwhile.
        rows = {region.y for region in painted if region.x < desk.table.size.width - 16}
        assert rows <= {0, 3}, painted  # the first one says how many are queued


async def test_rows_far_away_are_read_when_they_come_into_sight() -> None:
    numbers = fill(*[SAVED] * 500)
    async with at_desk() as desk:
        await desk.press("end")
        await desk.sees("IMG_0499.jpg")
        assert desk.table.current == numbers[-1]
        assert len(desk.table._jobs) < 100
        await desk.press("home")
        await desk.sees("IMG_0000.jpg")


OPEN = (PurchaseState.INTENDED, PurchaseState.KNOWN)


def test_the_kept_figures_agree_with_counting() -> None:
    fill(FAILED, CUT, DOUBT, SENT, UPLOADING, QA, QUEUED, QUEUED, SAVED, SAVED, CANCELLED)
    with open_journal(paths()) as journal:

        def agree() -> None:
            kept = journal.read(window.overview, Filter()).totals
            assert list(kept) == ["studio"]
            every = journal.read(jobs.select, "1")
            unsent = [job for job in every if job.stage.rank < Stage.SUBMITTING.rank and not job.status.final]
            to_come = [job for job in unsent if job.buys or (job.stage is Stage.NEW and not job.known_copy)]
            bought = [purchase for job in every for purchase in journal.read(purchases.of_job, job.id)]
            assert kept["studio"] == window.Totals(
                jobs=len(every),
                quoted=sum(job.quoted or 0 for job in every if job.buys or not (job.known_copy or job.twin_of)),
                charged=sum(job.charged or 0 for job in every),
                sent=sum(one.reserved for one in bought if one.charged is None and one.state in OPEN),
                to_come=sum(job.quoted or 0 for job in to_come),
            )
            assert journal.read(window.overview, Filter(words=("boots",))).totals == kept

        agree()
        before = journal.read(window.overview, Filter()).totals["studio"]
        copy = new_job(source=Path("/photos/boots/copy.jpg"), batch="id-aw26", known_copy=True)
        journal.write(lambda db: jobs.add(db, None, [copy]))
        now = journal.read(window.overview, Filter()).totals["studio"]
        assert (now.jobs, now.quoted, now.to_come) == (before.jobs + 1, before.quoted, before.to_come)
        agree()
        job = journal.read(jobs.select, "status = 'ready' LIMIT 1")[0]
        job = journal.write(
            jobs.check_in, journal.write(jobs.move, job, job.stage, Status.RUNNING, "taken"), digest="d"
        )
        agree()
        journal.write(lambda db: jobs.change(db, job, "charged", charged=7))
        assert journal.read(window.overview, Filter()).totals["studio"].charged == 27
        purchased = journal.read(purchases.spent, "studio", day="2000-01-01", month="2000-01")
        assert purchased.open == journal.read(window.overview, Filter(words=("boots",))).totals["studio"].sent


@pytest.mark.parametrize("by", SortOrder)
def test_every_order_holds_every_wanted_job_once(by: SortOrder) -> None:
    older = fill(SAVED, QUEUED, FAILED, batch="older")
    newer = fill(SAVED, QUEUED, batch="newer")
    with open_journal(paths()) as journal:
        journal.write(lambda db: db.execute("UPDATE batches SET created_at = 1 WHERE name = 'older'"))
        found = journal.read(window.order, Filter(), by)
        assert sorted(found) == older + newer
        if by is SortOrder.FILE:
            assert list(found) == newer + older
        pinned = journal.read(window.order, Filter(), by, pinned=array("q", [older[1]]))
        assert pinned[0] == older[1]
        assert sorted(pinned) == older + newer


@pytest.mark.parametrize("status", Status)
def test_the_kept_group_is_the_one_python_says(status: Status) -> None:
    with open_journal(paths()) as journal:
        for reason in (*Reason, "given up", "failed at the service", ""):
            for scope in ("", *CapKind):
                for review in ("", *Review):
                    sql = f"SELECT {PILE} FROM (SELECT ? AS status, ? AS reason, ? AS hold_scope, ? AS review)"
                    [(pile,)] = journal.read(rows, sql, (status, reason, scope, review))
                    assert pile == group(status, reason, scope, review=review)


def test_what_is_put_aside_stands_among_the_ended_in_its_place() -> None:
    numbers = fill(CANCELLED, FAILED, CANCELLED, FAILED, QUEUED, SAVED)
    with open_journal(paths()) as journal:
        journal.write(window.put_aside, numbers[1:2])
        assert list(journal.read(window.order, Filter(Group.ENDED))) == numbers[:3]
        assert list(journal.read(window.order, Filter(Group.SAVED))) == numbers[5:]
        assert list(journal.read(window.order, Filter(Group.NEEDS))) == numbers[3:4]
        assert journal.read(window.overview, Filter(words=("boots",))) == journal.read(window.overview, Filter())


@pytest.mark.parametrize("wanted", [None, *Group])
def test_a_long_table_is_drawn_from_few_rows(wanted: Group | None) -> None:
    """No order is sorted, and what is read for one screen does not grow with the journal."""

    def many(db: Connection) -> None:
        batch = Batch("b", "big", "studio", time.time())
        jobs.add(db, batch, [new_job(source=Path(f"/p/{n:05}.jpg"), batch="b") for n in range(300)])

    class Listening:
        """A connection that tells how it would answer each question."""

        def __init__(self, db: Connection) -> None:
            self.db = db
            self.plans = ""

        def execute(self, sql: str, values: Sequence[Any] = ()) -> Any:
            if "jobs" in sql:
                self.plans += " ".join(str(row) for row in self.db.execute(f"EXPLAIN QUERY PLAN {sql}", values))
            return self.db.execute(sql, values)

    def plans(db: Connection) -> str:
        listening: Any = Listening(db)
        window.order(listening, Filter(wanted))
        window.overview(listening, Filter(wanted))
        window.next_in_line(listening)
        return str(listening.plans)

    with open_journal(paths()) as journal:
        journal.write(many)
        said = journal.read(plans)
    assert "SCAN jobs" not in said
    assert "jobs_order" in said if wanted is None else "jobs_pile" in said
    assert "TEMP B-TREE" not in said
