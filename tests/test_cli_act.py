"""Decisions on the command line about what was sent, and about prices that have changed since."""

from __future__ import annotations

from artui.cli.exits import Exit
from tests.desk import Desk


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
    assert desk("retry", "1", "--dry-run").err == "job 1, boot.jpg: its result is fetched after all (free)\n"
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
            assert f"costs {recipe['price'] + 2} credits, not {recipe['price']} credits" in said.err
        assert desk("retry", "1", "2", "--yes").code == Exit.OK
        assert desk("wait").code == Exit.OK
        assert {job["charged"] for job in desk.jobs()} == {recipe["price"] + 2}
    finally:
        desk.simulator.switch({"price": {recipe["id"]: recipe["price"]}})
