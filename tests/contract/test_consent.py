"""Nothing is paid without a yes, by no command and in no state a job can be in; a dry run says what it would cost."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.contract.autoretouch import AutoRetouch
from tests.contract.desk import Desk, Ran
from tests.contract.pictures import photos


def submit(desk: Desk, number: int, *more: object, wait: bool = True) -> Ran:
    waiting = ["--wait"] if wait else []
    made = photos(desk.inbox, *range(number))
    return desk.artui("submit", *made, "-o", desk.out, "--yes", "--batch", "b", *more, *waiting, patience=20)


def failed(desk: Desk, service: AutoRetouch) -> None:
    service.always, service.charge = "failed", 0
    submit(desk, 2)
    service.always, service.charge = "ok", None


def unpaid(desk: Desk, service: AutoRetouch) -> None:
    service.always = "unpaid"  # with credits left: without any artui would not send them
    submit(desk, 2)
    service.always = "ok"


def sample(desk: Desk, service: AutoRetouch) -> None:
    submit(desk, 3, "--sample", "1")


def price(desk: Desk, service: AutoRetouch) -> None:
    desk.artui("pause")
    submit(desk, 2, wait=False)
    desk.stop()
    service.price, service.version = 57, "dd1be60e-6574-44aa-b1cf-f49f9028d56d"
    desk.artui("resume")
    desk.artui("wait")


def cap(desk: Desk, service: AutoRetouch) -> None:
    submit(desk, 3, "--cap", "10")


def doubt(desk: Desk, service: AutoRetouch) -> None:
    service.always, service.labels_in_list = "lost", False
    submit(desk, 2)
    service.always = "ok"


def done(desk: Desk, service: AutoRetouch) -> None:
    submit(desk, 1)


COSTS = {
    failed: [("retry", 20), ("redo", 10)],
    unpaid: [("retry", 20), ("redo", 10)],
    sample: [("approve", 20), ("redo", 10)],
    price: [("retry", 114), ("redo", 57)],
    doubt: [("again", 10), ("redo", 10)],
    done: [("redo", 10)],
    cap: [("redo", 10)],
}


@pytest.mark.parametrize("state", COSTS, ids=lambda state: state.__name__)
def test_nothing_is_paid_without_a_yes(
    studio: Desk, autoretouch: AutoRetouch, state: Callable[[Desk, AutoRetouch], None], long: bool
) -> None:
    if not long and state not in (sample, unpaid, doubt):
        pytest.skip("runs with --long")
    state(studio, autoretouch)
    before = len(autoretouch.ledger)
    jobs = [job["id"] for job in studio.jobs() if job["status"] in ("held", "failed")]
    commands = {
        "retry": ["retry", *jobs], "redo": ["redo", 1], "again": ["resolve", 1, "--again"], "approve": ["approve", "b"],
    }  # fmt: skip
    priced = dict(COSTS[state])
    for name, command in commands.items():
        if name == "retry" and not jobs:
            continue
        dry = studio.artui(*command, "--dry-run")
        ran = studio.artui(*command)
        assert len(autoretouch.ledger) == before, f"{command}\n{dry}\n{ran}"
        if name in priced:
            assert ran.code == 2, ran
            assert f" {priced[name]} " in ran.err + dry.err, f"{dry}\n{ran}"
    studio.artui("resume")
    studio.artui("resume", "--dry-run")
    studio.artui("wait", patience=20)
    assert len(autoretouch.ledger) == before


def test_what_is_cancelled_before_it_is_sent_is_never_paid(studio: Desk, autoretouch: AutoRetouch) -> None:
    studio.artui("pause")
    submit(studio, 3, wait=False)
    studio.until(lambda: all(reason == "paused" for _, reason in studio.held()))
    assert "free" in studio.artui("cancel", "1", "--dry-run").out
    assert studio.artui("cancel", "--batch", "b").code == 0
    studio.artui("resume")
    assert studio.artui("wait").code == 0
    assert not autoretouch.ledger


def test_a_foreign_folder_is_not_paid_for_without_a_yes(studio: Desk, autoretouch: AutoRetouch) -> None:
    rule = (
        f'\n[[watch]]\nname = "shoot"\nfolder = "{studio.inbox}"\noutput = "{studio.out}"\naccount = "studio"\n'
        'existing = "process"\nafter = "keep"\nquiet = 0.1\n'
    )
    other = Desk(studio.place, dict(studio.tokens), "other")
    for desk in (studio, other):
        desk.configure(autoretouch.config() + rule)
    photos(studio.inbox, 1, 2)
    assert studio.artui("watch", "--once").code == 0
    watching = other.start("watch")
    try:
        other.until(lambda: "foreign" in other.artui("status").out)
        assert other.artui("resume", "--rule", "shoot").code == 2
        photos(studio.inbox, 3)
        assert other.artui("resume", "--rule", "shoot", "--dry-run").code == 0
        assert "foreign" in other.artui("status").out
        assert autoretouch.most() == 1
        assert len(autoretouch.ledger) == 2
    finally:
        other.stop()
        watching.wait(20)
