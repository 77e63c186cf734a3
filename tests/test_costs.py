"""The books: what was paid, by day, workflow, folder or label, and as a spreadsheet reads it."""

from __future__ import annotations

import csv
import io
import os
import shutil
from datetime import UTC
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from artui.journal import Journal, books, jobs
from artui.journal.books import CostLine, Costs, Grouping
from tests.desk import Desk
from tests.samples import new_job


@pytest.fixture
def journal(tmp_path: Path) -> Any:
    with Journal(tmp_path / "journal.db") as journal:
        yield journal


def bought(
    journal: Journal, *calls: tuple[str, int | None], status: str = "done", day: str = "2026-11-02", **given: Any
) -> int:
    """A job in a final state with purchases as (state, charged); each was quoted at 10."""

    def write(db: Any) -> int:
        (number,) = jobs.add(db, None, [new_job(**given)])
        for at, (state, charged) in enumerate(calls, 1):
            db.execute(
                "INSERT INTO purchases (key, job, number, kind, account, payer, endpoint, organization, workflow,"
                " version, reference, draft, mark, reserved, charged, state, execution, looks, day, month, run, rule,"
                " intended_at) VALUES (?, ?, ?, 'create', 'studio', 'p', 'e', 'o', 'wf', 'v1', '', '', '', 10, ?, ?,"
                " 'x', 0, ?, ?, 'r', '', 1)",
                (f"key {number} {at}", number, at, charged, state, day, day[:7]),
            )  # fmt: skip
        db.execute(
            "UPDATE jobs SET status = ?, finished_at = iif(? = 'held', NULL, 1), reason = iif(? = 'held', 'error', ''),"
            " created_at = unixepoch('2026-11-02 23:30') WHERE id = ?",
            (status, status, status, number),
        )  # fmt: skip
        return number

    return journal.write(write)


def lines(journal: Journal, by: Grouping = Grouping.DAY, zone: Any = UTC, **asked: Any) -> list[CostLine]:
    return journal.read(books.costs, by, zone, **asked)


def test_every_purchase_counts_as_what_came_of_it(journal: Journal) -> None:
    bought(journal, ("known", 12))
    bought(journal, ("known", 0))
    bought(journal, ("known", None), status="held")
    bought(journal, ("presumed spent", None), status="failed")
    bought(journal, ("known", 10), status="failed")
    bought(journal, ("refused", None), status="cancelled")
    bought(journal, ("refused", None), ("known", 0), ("known", 10))
    (line,) = lines(journal)
    assert line == CostLine(
        "2026-11-02", "autoretouch",
        Costs(
            photos=6, quoted=70, charged=32, open=10, lost=10, waived=20, no_result=1, no_result_charged=10,
            free_results=1,
        ),
    )  # fmt: skip
    assert line.costs.difference == 32 - 50


@pytest.mark.parametrize("status", ["failed", "cancelled", "done", "held"])
@pytest.mark.parametrize("state", ["known", "presumed spent", "intended"])
def test_a_group_in_which_no_charge_is_known_has_sums_all_the_same(journal: Journal, state: str, status: str) -> None:
    bought(journal, (state, None), status=status)
    (line,) = lines(journal)
    assert line.costs + Costs() == line.costs
    assert line.costs.open + line.costs.lost == 10


def test_copies_cost_nothing_and_say_what_they_saved_on_the_day_they_were_ordered(journal: Journal) -> None:
    first = bought(journal, ("known", 10))
    copy = bought(journal, status="done")
    journal.write(lambda db: db.execute("UPDATE jobs SET twin_of = ?, buys = 0 WHERE id = ?", (first, copy)).fetchall())
    (line,) = lines(journal)
    assert (line.costs.photos, line.costs.charged, line.costs.copies, line.costs.saved) == (1, 10, 1, 10)
    paid, had = lines(journal, zone=ZoneInfo("Europe/Berlin"))
    assert (paid.group, paid.costs.copies) == ("2026-11-02", 0)
    assert (had.group, had.costs.copies) == ("2026-11-03", 1)


def test_groups_are_what_they_are_called_and_services_stay_apart(journal: Journal) -> None:
    bought(journal, ("known", 10), day="2026-01-01", source=Path("/shop/red/a.jpg"), labels={"sku": "A-1"})
    bought(journal, ("known", 10), day="2026-02-28", source=Path("/shop/red/b.jpg"))
    bought(journal, ("known", 1), day="2026-02-28", provider="retouch4me", source=Path("/c.jpg"))
    assert [line.group for line in lines(journal, Grouping.WEEK)] == ["2026-W01", "2026-W09", "2026-W09"]
    assert [(line.group, line.service, line.costs.charged) for line in lines(journal, Grouping.MONTH)] == [
        ("2026-01", "autoretouch", 10), ("2026-02", "autoretouch", 10), ("2026-02", "retouch4me", 1),
    ]  # fmt: skip
    assert [(line.group, line.costs.photos) for line in lines(journal, Grouping.FOLDER)] == [("", 1), ("/shop/red", 2)]
    by_label = lines(journal, Grouping.LABEL, label="sku")
    assert [(line.group, line.costs.charged) for line in by_label] == [("", 10), ("", 1), ("A-1", 10)]
    february = lines(journal, Grouping.SERVICE, since="2026-02-01", until="2026-02-31")
    assert [(line.group, line.costs.charged) for line in february] == [("autoretouch", 10), ("retouch4me", 1)]
    assert lines(journal, account="another") == []


def test_costs_as_a_person_a_script_and_a_spreadsheet_get_them(desk: Desk) -> None:
    assert desk("costs").out == "Nothing was paid yet.\n"
    desk.photo("red/a.jpg", 1)
    desk.photo("blue/b.jpg", 2)
    shutil.copy(desk.inbox / "red/a.jpg", desk.inbox / "red/the same.jpg")
    assert desk.send("-r", "--label", "sku==A1").code == 0
    told = desk("costs", "--by", "label:sku").out.splitlines()
    assert told[0].split("  ")[0] == "sku"
    assert told[1].startswith("=A1")
    assert told[-1].startswith("total")
    assert told[0].endswith("copies  saved by copies")
    document = desk("costs", "--by", "folder", "--json").json
    assert document["by"] == "folder"
    assert len(document["lines"]) == 2
    (total,) = document["totals"]
    assert (total["photos"], total["charged"], total["copies"], total["saved"]) == (2, desk_took(desk), 1, 10)
    for locale, delimiter in (("en", ","), ("de", ";")):
        printed = desk("costs", "--by", "folder", "--csv", "--locale", locale).out
        assert printed.startswith("\ufeff") == (locale == "de")
        rows = list(csv.DictReader(io.StringIO(printed.removeprefix("\ufeff")), delimiter=delimiter))
        assert sum(int(row["charged"]) for row in rows) == desk_took(desk)
    formula = desk("costs", "--by", "label:sku", "--csv").out.splitlines()[1]
    assert formula.startswith("'=A1,"), "a spreadsheet computes no name"


def desk_took(desk: Desk) -> int:
    return sum(charge["credits"] for charge in desk.simulator.ledger)


@pytest.mark.parametrize(
    "asked", [("--by", "mood"), ("--by", "label:"), ("--month", "2026-13"), ("--month", "2026-11", "--since", "7d")]
)
def test_what_makes_no_sense_is_refused(desk: Desk, asked: tuple[str, ...]) -> None:
    said = desk("costs", *asked)
    assert said.code == 2
    assert said.err
    assert not said.out


@pytest.mark.usefixtures("byte_names")
def test_names_that_are_no_text_are_summed_up_and_read_again(desk: Desk) -> None:
    desk.photo(os.fsdecode(b"w\xff/p\xfe.jpg"), 1)
    desk.photo("plain.jpg", 2)
    assert desk.send("-r", "--template", "{relative}/{stem}").code == 0
    document = desk("costs", "--by", "folder", "--json").json
    assert {os.fsencode(line["group"]) for line in document["lines"]} == {
        os.fsencode(desk.inbox), os.fsencode(desk.inbox) + b"/w\xff",
    }  # fmt: skip
    assert desk("costs", "--by", "folder").code == desk("costs", "--by", "folder", "--csv").code == 0
    assert desk("verify").out == "Results read: 2 whole.\n"


def test_workflows_of_one_name_are_told_apart(journal: Journal) -> None:
    bought(journal, ("known", 10), workflow="one", workflow_name="Background Removal")
    bought(journal, ("known", 14), workflow="two", workflow_name="Background Removal")
    bought(journal, ("known", 1), workflow="three", workflow_name="Shadow")
    assert [(line.group, line.costs.charged) for line in lines(journal, Grouping.WORKFLOW)] == [
        ("Background Removal (one)", 10), ("Background Removal (two)", 14), ("Shadow", 1),
    ]  # fmt: skip


def test_an_execution_that_was_found_and_taken_over_is_no_copy(journal: Journal) -> None:
    first = bought(journal, ("known", 10))
    found = bought(journal, status="skipped")
    journal.write(
        lambda db: db.execute(
            "UPDATE jobs SET twin_of = ? WHERE id = ?; INSERT INTO events (job, at, what, stage, status, message)"
            " VALUES (?, 1, 'claimed', 'saved', 'skipped', '')", (first, found, found),
        ).fetchall()
    )  # fmt: skip
    (line,) = lines(journal)
    assert (line.costs.photos, line.costs.copies) == (1, 0)
