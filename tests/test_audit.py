"""The journal's books compared with what the stand-in lists: clean after a run, and each difference by its name."""

from __future__ import annotations

from typing import Any

import pytest

from artui.config import paths
from artui.core import audit
from artui.engine.anchor import open_journal
from artui.sim.server import Simulator
from tests.desk import Desk


def change(sql: str) -> None:
    """Change the journal behind its back."""
    with open_journal(paths()) as journal:
        journal.write(lambda db: db.execute(sql).fetchall())


@pytest.fixture
def stand_in(simulator: Simulator) -> Simulator:
    """A stand-in that has seen no other journal."""
    return simulator


@pytest.fixture
def sent(desk: Desk) -> Desk:
    for seed in range(3):
        desk.photo(f"boot {seed}.jpg", seed)
    desk.send()
    desk.photo("fails.jpg", 7)
    desk("submit", desk.inbox / "fails.jpg", "-w", "Always fails", "-o", desk.out, "--yes", "--wait")
    desk("stop")
    return desk


def audited(desk: Desk, code: int) -> dict[str, Any]:
    said = desk("audit", "--json")
    assert said.code == code, said
    [account] = said.json["accounts"]
    return dict(account)


def test_what_agrees_is_clean_whoever_else_orders_there(sent: Desk) -> None:
    found = audited(sent, 0)
    assert (found["executions"], found["here"], found["others"]) == (4, found["there"], 0)
    assert found["there"] == sum(charge["credits"] for charge in sent.simulator.ledger)
    sent.simulator.switch({"others": 5})
    try:
        assert audited(sent, 0)["others"] >= 5
        assert "more were not ordered by artui" in sent("audit").out
    finally:
        sent.simulator.switch({"others": 0})
    assert audited(sent, 0) | {"there": 0, "here": 0} == found | {"there": 0, "here": 0}
    assert sent("audit", "--since", "2999-01-01").code == 0


def test_each_difference_is_named_with_its_job_and_amount(sent: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "SETTLES", -1.0)
    executions = {job["id"]: job["execution"] for job in sent.jobs()}
    change("UPDATE purchases SET charged = charged + 3 WHERE job = 1")
    change("UPDATE purchases SET charged = NULL WHERE job = 2")
    change("UPDATE purchases SET execution = 'never-was' WHERE job = 3")
    found = {one["mismatch"]: one for one in audited(sent, 1)["differences"]}
    assert {name: (one["job"], one["amount"]) for name, one in found.items()} == {
        "charged": (1, -3), "unbooked": (2, 10), "gone": (3, None), "strange": (None, 10),
    }  # fmt: skip
    assert found["strange"]["execution"] == executions[3]
    told = sent("audit").out
    assert "charged otherwise than the journal has it" in told
    assert "bought under a key of artui's that this journal does not know" in told
    assert "never-was" in told


def test_a_service_without_a_list_is_said_to_have_none(desk: Desk) -> None:
    with paths().config_file.open("a") as settings:
        settings.write('\n[accounts.shop]\nprovider = "filestack"\n')
    said = desk("audit", "-a", "shop")
    assert (said.code, "no list to compare with" in said.out) == (0, True)
