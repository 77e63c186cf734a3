"""Every odd form in which a service may answer ends in a result on disk, or in a hold or a refusal that names it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from tests.contract import switches_autoretouch, switches_filestack, switches_retouch4me
from tests.contract.autoretouch import AutoRetouch
from tests.contract.desk import Desk
from tests.contract.filestack import Filestack
from tests.contract.retouch4me import Retouch4me
from tests.contract.switch import Switch, judge, play

AUTORETOUCH = [
    replace(switch, lists=switch.name in switches_autoretouch.LISTING) for switch in switches_autoretouch.SWITCHES
]
RETOUCH4ME, FILESTACK = switches_retouch4me.SWITCHES, switches_filestack.SWITCHES

A_FEW = {
    "execution: createdAt 1767261600000", "execution: labels ['a']", "execution: chargedCredits 9.5",
    "execution: status 'completed'", "hash: in quotes", "look: status '200'", "look: expireDate 'soon'",
    "result: ends by close", "results: nested", "results: a list", "results: an address alone", "look: ttl '172800s'",
    "look: sources as text",
}  # fmt: skip
"""What is met each time, at one desk for each service; everything takes ``--long``."""

AT_ONE_DESK = 20


def packs(switches: Sequence[Switch]) -> list[object]:
    """The switches, those that are about one photo alone some at a time."""
    alike: dict[str, list[Switch]] = {}
    for switch in switches:
        if switch.packed:
            alike.setdefault(f"{switch.given} {switch.more}", []).append(switch)
    chunks = [
        some[start : start + AT_ONE_DESK] for some in alike.values() for start in range(0, len(some), AT_ONE_DESK)
    ]
    chunks += [[switch] for switch in switches if not switch.packed]
    return [pytest.param(pack, id=" … ".join(dict.fromkeys((pack[0].name, pack[-1].name)))) for pack in chunks]


def few(switches: Sequence[Switch]) -> list[Switch]:
    return [switch for switch in switches if switch.name in A_FEW]


def test_no_two_switches_of_a_service_have_one_name() -> None:
    for switches in (AUTORETOUCH, RETOUCH4ME, FILESTACK):
        assert len({switch.name for switch in switches}) == len(switches)
        assert all(switch.packed for switch in few(switches))
    assert {switch.name for switch in [*AUTORETOUCH, *RETOUCH4ME, *FILESTACK]} >= A_FEW


@pytest.fixture
def all_of_them(*, long: bool) -> None:
    if not long:
        pytest.skip("runs with --long")


def meets(pack: Sequence[Switch], service: AutoRetouch | Retouch4me | Filestack, desk: Desk, account: str) -> None:
    judge(pack, service, desk, play(pack, service, desk, account))


def test_a_few_of_autoretouch(desks: Callable[..., Desk], autoretouch: AutoRetouch) -> None:
    desk, pack = desks(tokens={"studio": "seed-token-A"}), few(AUTORETOUCH)
    judge(pack, autoretouch, desk, play(pack, autoretouch, desk, "studio", watch=False))


def test_a_few_of_retouch4me(desks: Callable[..., Desk], retouch4me: Retouch4me) -> None:
    desk, pack = desks(tokens={"faces": "r4-token-A"}), few(RETOUCH4ME)
    judge(pack, retouch4me, desk, play(pack, retouch4me, desk, "faces", watch=False))


def test_a_few_of_filestack(desks: Callable[..., Desk], filestack: Filestack) -> None:
    desk, pack = desks(tokens={"shop": "app-secret-A"}), few(FILESTACK)
    judge(pack, filestack, desk, play(pack, filestack, desk, "shop", watch=False))


@pytest.mark.usefixtures("all_of_them")
@pytest.mark.parametrize("pack", packs(AUTORETOUCH))
def test_autoretouch(desks: Callable[..., Desk], autoretouch: AutoRetouch, pack: list[Switch]) -> None:
    meets(pack, autoretouch, desks(tokens={"studio": "seed-token-A"}), "studio")


@pytest.mark.usefixtures("all_of_them")
@pytest.mark.parametrize("pack", packs(RETOUCH4ME))
def test_retouch4me(desks: Callable[..., Desk], retouch4me: Retouch4me, pack: list[Switch]) -> None:
    meets(pack, retouch4me, desks(tokens={"faces": "r4-token-A"}), "faces")


@pytest.mark.usefixtures("all_of_them")
@pytest.mark.parametrize("pack", packs(FILESTACK))
def test_filestack(desks: Callable[..., Desk], filestack: Filestack, pack: list[Switch]) -> None:
    meets(pack, filestack, desks(tokens={"shop": "app-secret-A"}), "shop")
