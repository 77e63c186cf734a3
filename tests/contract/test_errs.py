"""Services that err: charge a retry and show it late, answer with another's data, cut a file, send odd values."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.contract.autoretouch import AutoRetouch
from tests.contract.desk import Desk, Ran
from tests.contract.filestack import Filestack
from tests.contract.pictures import digest, jpeg, made_by, made_from, photos
from tests.contract.retouch4me import Retouch4me


def send(desk: Desk, *paths: object, patience: float = 15) -> Ran:
    return desk.artui("submit", *paths, "-o", desk.out, "--yes", "--wait", patience=patience)


def right(desk: Desk) -> None:
    """Whatever lies under a photo's name was made from that photo, whole, and no run is saved twice."""
    runs: list[str] = []
    for number in range(20):
        for path in desk.out.glob(f"photo-{number}*"):
            content = path.read_bytes()
            assert made_from(content) == digest(jpeg(number)), f"{path.name} is another photo's result"
            runs.append(made_by(content))
    desk.results()
    assert len(runs) == len(set(runs)), "one run was saved as two photos' results"


def money(desk: Desk) -> dict[str, Any]:
    told: dict[str, Any] = next(iter(desk.artui("status", "--json").json()["money"].values()))
    return told


def unpaid(studio: Desk, service: AutoRetouch) -> None:
    service.organizations = dict.fromkeys(service.organizations, 10)  # with less artui would not send it
    service.always = "unpaid"
    send(studio, *photos(studio.inbox, 1))
    service.always = "ok"
    service.organizations = dict.fromkeys(service.organizations, 1000)


def asked_on(studio: Desk, service: AutoRetouch, times: int = 2) -> None:
    """Wait until the service was asked so many times more: what would be sent by itself was sent by then."""
    before = len(service.requests)
    studio.until(lambda: len(service.requests) >= before + times)


# Retries that cost.


def test_after_a_top_up_the_books_are_the_services(studio: Desk, autoretouch: AutoRetouch) -> None:
    unpaid(studio, autoretouch)
    studio.artui("resume")
    assert studio.until(lambda: studio.held() == [("done", "")])
    told = money(studio)
    assert (told["charged"], told["sent"]) == (autoretouch.spent, 0), told
    assert autoretouch.most() == 1


def test_a_retry_that_shows_late_is_sent_once(studio: Desk, autoretouch: AutoRetouch) -> None:
    autoretouch.retry_shows_after = 6
    autoretouch.odd = {"status": "PAYMENT_REQUIRED", "finishedAt": None, "resultPath": None}
    unpaid(studio, autoretouch)
    for _ in range(3):
        studio.artui("resume")
        asked_on(studio, autoretouch)
    assert [charge.kind for charge in autoretouch.ledger].count("retry") <= 1


def test_without_a_top_up_nothing_is_retried(studio: Desk, autoretouch: AutoRetouch) -> None:
    autoretouch.always = "unpaid"
    send(studio, *photos(studio.inbox, 1, 2))
    autoretouch.always = "ok"
    studio.artui("resume")
    asked_on(studio, autoretouch, 4)
    assert not autoretouch.ledger


def test_a_lost_retry_that_was_taken_and_failed_again_is_not_sent_again(studio: Desk, autoretouch: AutoRetouch) -> None:
    autoretouch.retry_lost, autoretouch.retry_becomes = 1, "FAILED"
    unpaid(studio, autoretouch)
    for _ in range(4):
        studio.artui("resume")
        studio.artui("wait", patience=5)
    assert [charge.kind for charge in autoretouch.ledger].count("retry") <= 1
    assert money(studio)["charged"] + money(studio)["sent"] >= autoretouch.spent


# Wrong results.


@pytest.mark.parametrize("unstated", [False, True])
def test_a_cut_result_is_never_saved_as_done(studio: Desk, autoretouch: AutoRetouch, unstated: bool) -> None:
    autoretouch.cut, autoretouch.unstated = 40, unstated
    send(studio, *photos(studio.inbox, 1), patience=20)
    studio.artui("wait", patience=10)
    assert "done" not in {status for status, _ in studio.held()}
    right(studio)
    assert autoretouch.most() == 1


def test_a_create_answered_with_an_id_that_is_known_saves_no_wrong_result(
    studio: Desk, autoretouch: AutoRetouch
) -> None:
    autoretouch.script = ["ok", "old"]
    two = photos(studio.inbox, 1, 2)
    send(studio, two[0])
    send(studio, two[1], patience=20)
    right(studio)
    assert autoretouch.most() == 1


def test_details_of_another_execution_save_no_wrong_result(studio: Desk, autoretouch: AutoRetouch) -> None:
    autoretouch.swap = True
    two = photos(studio.inbox, 1, 2)
    send(studio, two[0])
    send(studio, two[1], patience=12)
    right(studio)
    assert autoretouch.most() == 1


def test_a_start_answered_with_an_id_that_is_known_saves_no_wrong_result(faces: Desk, retouch4me: Retouch4me) -> None:
    retouch4me.script = ["ok", "old"]
    two = photos(faces.inbox, 1, 2)
    send(faces, two[0])
    send(faces, two[1])
    right(faces)
    assert retouch4me.most() == 1


def test_a_run_answered_with_an_id_that_is_known_saves_no_wrong_result(shop: Desk, filestack: Filestack) -> None:
    filestack.script = ["ok", "old"]
    two = photos(shop.inbox, 1, 2)
    send(shop, two[0])
    send(shop, two[1])
    right(shop)
    assert filestack.most() == 1


# Looking up.


def test_a_lost_answer_is_found_in_a_list_that_grows(studio: Desk, autoretouch: AutoRetouch) -> None:
    autoretouch.strangers(300)
    autoretouch.grows = 1
    autoretouch.script = ["lost"]
    one = photos(studio.inbox, 1)
    ran = send(studio, *one, patience=25)
    assert ran.code == 0, ran
    studio.check(one)
    assert autoretouch.most() == 1


def test_labels_that_only_details_show_prove_no_absence(studio: Desk, autoretouch: AutoRetouch) -> None:
    autoretouch.labels_in_list = False
    two = photos(studio.inbox, 1, 2)
    assert send(studio, two[0]).code == 0
    autoretouch.script = ["lost"]
    send(studio, two[1], patience=15)
    assert autoretouch.most() == 1


def test_a_lost_answer_listed_late_is_not_paid_again(studio: Desk, autoretouch: AutoRetouch) -> None:
    studio.configure(autoretouch.config(settle=2))
    autoretouch.list_hides = 1.5
    autoretouch.script = ["lost"]
    one = photos(studio.inbox, 1)
    assert send(studio, *one, patience=30).code == 0
    assert autoretouch.most() == 1


# Answers that came and were not understood.


@pytest.mark.parametrize("fate", ["numeric", "error", "201", "409", "413", "403"])
def test_an_answer_that_is_not_understood_is_not_sent_again(
    faces: Desk, retouch4me: Retouch4me, fate: str, long: bool
) -> None:
    if not long and fate not in ("numeric", "403"):
        pytest.skip("runs with --long")
    retouch4me.honours_key, retouch4me.always = False, fate
    send(faces, *photos(faces.inbox, 1), patience=8)
    assert retouch4me.most() == 1


@pytest.mark.parametrize("fate", ["lost", "500", "503"])
def test_a_lost_answer_is_sent_again_at_most_twice(faces: Desk, retouch4me: Retouch4me, fate: str, long: bool) -> None:
    if not long and fate != "lost":
        pytest.skip("runs with --long")
    retouch4me.honours_key, retouch4me.always = False, fate
    send(faces, *photos(faces.inbox, 1), patience=12)
    assert 1 <= retouch4me.most() <= 3


@pytest.mark.parametrize("fate", ["errornull", "429", "500", "502", "lost"])
def test_a_run_that_may_have_begun_is_not_sent_again(shop: Desk, filestack: Filestack, fate: str, long: bool) -> None:
    if not long and fate not in ("errornull", "429"):
        pytest.skip("runs with --long")
    filestack.script = [fate] * 5
    send(shop, *photos(shop.inbox, 1), patience=10)
    # What is turned away is believed, but sent again at most twice.
    assert filestack.most() <= (3 if fate == "429" else 1)


def test_a_person_is_asked_at_once_where_nothing_can_be_looked_up(shop: Desk, filestack: Filestack) -> None:
    shop.configure(filestack.config(settle=90))
    filestack.always = "lost"
    assert send(shop, *photos(shop.inbox, 1), patience=12).code == 7


def test_finished_before_its_results_are_listed_loses_none(shop: Desk, filestack: Filestack) -> None:
    filestack.results_after = 3
    one = photos(shop.inbox, 1)
    send(shop, *one, patience=30)
    shop.artui("wait", patience=20)
    shop.check(one)


def test_a_wrong_id_leaves_the_doubt_as_it_was(shop: Desk, filestack: Filestack) -> None:
    filestack.always = "lost"
    send(shop, *photos(shop.inbox, 1), patience=10)
    shop.artui("resolve", "1", "--adopt", "no-such-id", "--yes")
    shop.artui("wait", patience=8)
    assert shop.held() == [("held", "in doubt")]
    run = next(iter(filestack.runs))
    assert shop.artui("resolve", "1", "--adopt", run, "--yes").code == 0
    shop.artui("wait", patience=10)
    shop.check([shop.inbox / "photo-1.jpg"])


# Values from nowhere.


@pytest.mark.parametrize("odd", [
    {"createdAt": "2026-01-01T10:00:00"}, {"createdAt": 1_700_000_000_000}, {"createdAt": [2026, 1, 1, 10, 0, 0, 0]},
    {"chargedCredits": 10**30}, {"chargedCredits": 9.5}, {"chargedCredits": "9"}, {"labels": None}, {"labels": "x"},
    {"status": "completed"}, {"status": None}, {"finishedAt": "9999-12-31T23:59:59Z"}, {"inputContentHash": None},
], ids=str)  # fmt: skip
def test_no_value_ends_the_engine_or_blocks_another_photo(
    studio: Desk, autoretouch: AutoRetouch, odd: dict[str, Any], long: bool
) -> None:
    if not long and odd not in ({"createdAt": "2026-01-01T10:00:00"}, {"chargedCredits": 10**30}):
        pytest.skip("runs with --long")
    autoretouch.odd = odd
    two = photos(studio.inbox, 1, 2)
    send(studio, two[0], patience=8)
    ran = send(studio, two[1])
    studio.check(two[1:])
    assert studio.artui("status").code == 0, ran
    assert {status for status, _ in studio.held()} <= {"done", "held", "waiting"}
    assert autoretouch.most() == 1


@pytest.mark.parametrize("price", [10**30, 2**62, -5, 9.5, "10", None])
def test_no_price_breaks_the_plan(studio: Desk, autoretouch: AutoRetouch, price: Any, long: bool) -> None:
    if not long and price not in (10**30, None):
        pytest.skip("runs with --long")
    autoretouch.price = price
    ran = studio.artui("submit", *photos(studio.inbox, 1), "-o", studio.out, "--dry-run")
    assert ran.code in (0, 2, 3), ran
    assert "recover" not in ran.err
    assert "Traceback" not in ran.err


# Caps.


def test_a_date_ahead_renews_no_cap(studio: Desk, autoretouch: AutoRetouch) -> None:
    studio.configure(autoretouch.config(more="[accounts.studio.caps]\nday = 20\n"))
    send(studio, *photos(studio.inbox, 1, 2), patience=10)
    autoretouch.date = lambda: time.time() + 40 * 86400
    send(studio, *photos(studio.inbox, 3, 4), patience=6)
    studio.artui("resume")
    studio.artui("wait", patience=5)
    autoretouch.date = time.time
    studio.artui("wait", patience=5)
    assert autoretouch.spent <= 20


def test_a_charge_above_the_quote_holds_the_rest(studio: Desk, autoretouch: AutoRetouch) -> None:
    studio.configure(
        autoretouch.config(more="[accounts.studio.caps]\nday = 100\n[accounts.studio.pace]\nin_flight = 1\n")
    )
    autoretouch.charge = 57
    send(studio, *photos(studio.inbox, *range(6)), patience=20)
    assert autoretouch.spent <= 114  # what is under way, and what was charged
    assert "price changed" in {reason for _, reason in studio.held()}


@pytest.mark.parametrize("make", [lambda desk: desk.out.write_text("a file")], ids=["a file in its place"])
def test_nothing_new_is_bought_for_an_output_that_cannot_be_written(
    studio: Desk, autoretouch: AutoRetouch, make: Callable[[Desk], Path]
) -> None:
    autoretouch.work = 1
    studio.configure(autoretouch.config(more="[accounts.studio.pace]\nin_flight = 2\n"))
    eight = photos(studio.inbox, *range(8))
    studio.artui("submit", *eight, "-o", studio.out, "--yes")
    studio.until(lambda: len(autoretouch.ledger) >= 2)
    taken_away = studio.results()
    for path in studio.out.glob("*"):
        path.unlink()
    studio.out.rmdir()
    make(studio)
    studio.artui("wait", patience=12)
    assert len(autoretouch.ledger) <= 4
    studio.out.unlink()
    studio.out.mkdir()
    for number in range(1, 9):  # they would go on by themselves as well, in a while
        studio.artui("retry", str(number))
    studio.artui("wait", patience=40)
    assert autoretouch.most() == 1
    studio.check([photo for photo in eight if digest(photo.read_bytes()) not in taken_away])
