"""A season from the list to the books, by the commands alone: ordered by SKU through two workflows, rejected on the
sheet, ordered again, delivered, and settled to the credit."""

from __future__ import annotations

import csv
import io
import shutil

import pytest

from tests.desk import Desk

PHOTOS = 40
BOTH = ("Export only", "Ghost Mannequin")
REJECTED = 5


def by_customer(desk: Desk) -> dict[str, int]:
    """What was charged for each customer, as the bookkeeper's table has it."""
    said = desk("costs", "--by", "label:customer", "--csv")
    assert said.code == 0, said
    head, *rows = csv.reader(io.StringIO(said.out))
    return {row[0]: int(row[head.index("charged")]) for row in rows}


def test_a_season_from_the_list_to_the_books(desk: Desk) -> None:
    shop, listed = desk.folder / "shop", desk.inbox / "order.csv"
    shop.mkdir()
    rows = ["file,sku,label:customer"]
    for number in range(PHOTOS):
        desk.photo(f"{number:02}.jpg", number)
        rows.append(f"{number:02}.jpg,SKU{number:02},{'acme' if number % 2 else 'zeta'}")
    listed.write_text("\n".join(rows))
    order = (
        "submit",
        "--files-from",
        listed,
        "-w",
        BOTH[0],
        "-w",
        BOTH[1],
        "-o",
        desk.out / "{sku}",
        "--batch",
        "aw26",
    )
    delivery = ("--after-saved", f"cp {{result}} {shop}")
    each = sum(desk.workflow(name)["price"] for name in BOTH)
    assert f"at most {PHOTOS * each:,} credits" in desk(*order, *delivery, "--dry-run").out
    sent = desk(*order, *delivery, "--yes", "--wait")
    assert sent.code == 0, sent
    assert len(list(desk.out.rglob("*.png"))) == 2 * PHOTOS
    assert len(desk.simulator.ledger) == 2 * PHOTOS

    sheet = desk.folder / "sheet.html"
    assert desk("sheet", "aw26", "-o", sheet).code == 0
    # The page collects what is rejected as lines of a job and a reason.
    ghosts = [job for job in desk.jobs() if job["workflow_name"] == BOTH[1]][:REJECTED]
    decided = desk.folder / "rejected.txt"
    decided.write_text("".join(f"{job['id']}\tcolour\n" for job in ghosts))
    assert desk("reject", "--files-from", decided).code == 0
    said = desk("redo", "--rejected", "--yes", "--wait")
    assert said.code == 0, said
    assert len(desk.simulator.ledger) == 2 * PHOTOS + REJECTED
    assert desk("redo", "--rejected", "--yes", "--json").json == []

    desk.until(lambda: len([*shop.iterdir()]) >= 2 * PHOTOS)
    desk.until(lambda: all(job["delivery"] in (None, "done") for job in desk.jobs()))
    costs = by_customer(desk)
    assert {*costs} >= {"acme", "zeta"}
    assert sum(costs.values()) == sum(charge["credits"] for charge in desk.simulator.ledger)
    again = desk.workflow(BOTH[1])["price"]
    assert costs["acme"] + costs["zeta"] == PHOTOS * each + REJECTED * again
    assert desk("audit").code == 0
    assert desk("verify").code == 0


@pytest.mark.skipif(not shutil.which("rclone"), reason="rclone is not installed")
def test_results_are_delivered_by_rclone_to_a_local_folder(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RCLONE_CONFIG", "/dev/null")
    shop = desk.folder / "shop"
    desk.photo("boot.jpg", 1)
    assert desk.send("--after-saved", f"rclone copy {{result}} {shop}").code == 0
    desk.until(lambda: (shop / "boot.png").is_file())
    assert (shop / "boot.png").read_bytes() == (desk.out / "boot.png").read_bytes()
