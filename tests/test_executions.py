"""``artui executions``: what the service lists, whose each is, and a result fetched again whole, for nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from artui.cli.exits import Exit
from artui.config import paths
from tests.desk import Desk


@pytest.fixture
def bought(desk: Desk) -> Iterator[Desk]:
    """A desk at which two photos were bought, at a service where two strangers' executions are listed."""
    desk.photo("boot.jpg", 1)
    desk.photo("shoe.jpg", 2)
    assert desk.send().code == Exit.OK
    desk.control("options", others=2)
    yield desk
    desk.control("options", others=0)


def listed(desk: Desk, *more: str) -> list[dict[str, Any]]:
    """What the service has of this workflow, as JSON."""
    found: list[dict[str, Any]] = desk("executions", "-w", "Export only", "--json", *more).json
    return found


def test_ours_are_marked_and_strangers_are_not(bought: Desk) -> None:
    found = listed(bought)
    assert sorted(one["job"] for one in found if one["job"]) == [1, 2]
    assert sum(not one["by_artui"] for one in found) == 2
    assert [one["created_at"] for one in found] == sorted((one["created_at"] for one in found), reverse=True)
    text = bought("executions", "-w", "Export only").out
    assert "job 1" in text
    assert "not artui" in text


def test_a_list_is_bounded_by_number_time_and_workflow(bought: Desk) -> None:
    assert len(listed(bought, "--limit", "1")) == 1
    assert listed(bought, "--since", "2099-01-01") == []
    assert len(listed(bought, "--since", "1m")) < len(listed(bought))
    assert bought("executions", "-w", "Portrait Skin", "--json", "--since", "1m").json == []
    assert len(listed(bought, "--since", "0001-01-01T00:00+14:00")) == len(listed(bought))
    assert bought("executions", "--since", "yesterday").code == Exit.USAGE


def test_a_result_is_fetched_again_under_a_free_name_and_costs_nothing(bought: Desk, tmp_path: Path) -> None:
    before = list(bought.simulator.ledger)
    [boot] = [one for one in listed(bought) if one["job"] == 1]
    into = tmp_path / "again"
    first = bought("executions", "--fetch", boot["execution"], "-o", into)
    second = bought("executions", "--fetch", boot["execution"], "-o", into)
    saved = [Path(said.out.strip()) for said in (first, second)]
    assert [path.name for path in saved] == ["boot.png", "boot-2.png"]
    assert {path.read_bytes() for path in saved} == {(bought.out / "boot.png").read_bytes()}
    assert bought.simulator.ledger == before


def test_what_is_not_there_or_not_whole_leaves_nothing(bought: Desk, tmp_path: Path) -> None:
    into = tmp_path / "again"
    assert bought("executions", "--fetch", "nonsense", "-o", into).code == Exit.USAGE
    [boot] = [one for one in listed(bought) if one["job"] == 1]
    bought.simulator.faults.add([{"route": "autoretouch.download", "do": "cut", "times": 9}])
    said = bought("executions", "--fetch", boot["execution"], "-o", into)
    assert said.code == Exit.NETWORK
    assert list(into.iterdir()) == []


def test_nothing_is_fetched_into_a_watched_folder(bought: Desk, tmp_path: Path) -> None:
    rule = f'\n[[watch]]\nfolder = "{tmp_path}/in"\noutput = "{tmp_path}/out"\naccount = "studio"\n'
    with paths().config_file.open("a") as config:
        config.write(rule + 'workflow = "Export only"\nexisting = "ignore"\n')
    [boot] = [one for one in listed(bought) if one["job"] == 1]
    said = bought("executions", "--fetch", boot["execution"], "-o", tmp_path / "in")
    assert said.code == Exit.USAGE
    assert "which a rule watches" in said.err


def test_a_thumb_reaches_the_service_and_the_history(bought: Desk) -> None:
    said = bought("rate", "1", "down", "--json")
    assert said.code == Exit.OK
    [execution] = [one["execution"] for one in listed(bought) if one["job"] == 1]
    asked = [one for one in bought.simulator.history if one["path"].endswith("/feedback")][-1]
    assert execution in asked["path"]
    assert asked["form"] == {"thumbsUp": False, "expectedImages": []}
    events = bought("job", "1", "--json").json["events"]
    assert [one["message"] for one in events if one["what"] == "rated"] == ["down"]
    assert bought("rate", "99", "up").code == Exit.USAGE
