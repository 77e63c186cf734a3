"""The sampling gate on the command line: the first results of a batch, then a yes or a no."""

from __future__ import annotations

from artui.cli.exits import Exit
from tests.desk import Desk


def sampled(desk: Desk) -> int:
    """Four photos sent with a sample of one; returns how many charges there were before."""
    for seed in range(4):
        desk.photo(f"boot {seed}.jpg", seed)
    before = len(desk.simulator.ledger)
    said = desk.send("--sample", "1", "--batch", "aw26")
    assert said.code == Exit.PERSON, said.err
    assert "A sample of 1 is sent; 3 wait, unsent, for `artui approve`." in said.err
    assert len(desk.simulator.ledger) == before + 1
    return before


def test_a_yes_sends_the_rest_and_is_never_given_by_silence(desk: Desk) -> None:
    before = sampled(desk)
    said = desk("approve", "aw26")
    assert said.code == Exit.USAGE
    assert "aw26: 3 photos are sent\nNothing was done: it would cost at most 30 credits" in said.err
    assert f"boot 0.jpg: {desk.out}" in said.err
    assert len(desk.simulator.ledger) == before + 1
    assert desk("approve", "aw26", "--dry-run").code == Exit.OK
    said = desk("approve", "aw26", "--yes")
    assert said.code == Exit.OK, said.err
    assert "3 photos go on" in said.out
    assert desk("wait").code == Exit.OK
    assert len(desk.simulator.ledger) == before + 4


def test_a_no_pays_nothing_more(desk: Desk) -> None:
    before = sampled(desk)
    said = desk("approve", "aw26", "--no", "--json")
    assert said.code == Exit.OK
    assert said.json[0]["message"] == "3 photos are cancelled, nothing more is paid"
    assert sorted(job["status"] for job in desk.jobs()) == ["cancelled"] * 3 + ["done"]
    assert desk("approve", "aw26").code == Exit.USAGE
    assert len(desk.simulator.ledger) == before + 1


def test_a_sample_of_everything_holds_nothing(desk: Desk) -> None:
    desk.photo()
    assert desk.send("--sample", "5").code == Exit.OK
