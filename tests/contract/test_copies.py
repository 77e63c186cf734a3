"""A journal that is not the only one: copied, put back, carried elsewhere, lost. Nothing is paid twice."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest

from tests.contract.autoretouch import AutoRetouch
from tests.contract.desk import Desk, Ran, copy_home
from tests.contract.filestack import Filestack
from tests.contract.pictures import photos
from tests.contract.serving import Service

MOMENTS = 8
"""Of how many moments, at least where there are so many, a copy is put back: each takes three programs."""

SERVICES = ["autoretouch", "retouch4me", "filestack"]
DESKS = {"autoretouch": "studio", "retouch4me": "faces", "filestack": "shop"}


@pytest.fixture
def place(request: pytest.FixtureRequest) -> tuple[Desk, Service]:
    """A desk and the service it has an account at, by the test's parameter."""
    return request.getfixturevalue(DESKS[request.param]), request.getfixturevalue(request.param)


def by_cp(desk: Desk, to: Path) -> Callable[[], object]:
    shutil.copytree(desk.home / "state", to)

    def back() -> None:
        shutil.rmtree(desk.home / "state")
        shutil.copytree(to, desk.home / "state")

    return back


def by_sqlite(desk: Desk, to: Path) -> Callable[[], object]:
    with closing(sqlite3.connect(desk.home / "state" / "journal.db")) as source, closing(sqlite3.connect(to)) as copy:
        source.backup(copy)

    def back() -> None:
        for old in (desk.home / "state").glob("journal.db*"):
            old.unlink()
        shutil.copy(to, desk.home / "state" / "journal.db")

    return back


def by_artui(desk: Desk, to: Path) -> Callable[[], object]:
    ran = desk.artui("backup", to)
    assert ran.code == 0, ran

    def back() -> None:
        ran = desk.artui("restore", to, "--yes")
        assert ran.code in (0, 7), ran

    return back


def recover(desk: Desk, service: Service) -> None:
    """A recovery ends with 7 where nothing can be looked up and a person is asked."""
    desk.stop()
    ran = desk.artui("recover", "--yes")
    assert ran.code == (0 if isinstance(service, AutoRetouch) else 7), ran


def send(desk: Desk, *paths: object) -> Ran:
    return desk.artui("submit", *paths, "-o", desk.out, "--yes", "--wait")


def watched(desk: Desk, config: str) -> None:
    desk.configure(
        f'{config}\n[[watch]]\nname = "shoot"\nfolder = "{desk.inbox}"\noutput = "{desk.out}"\n'
        f'account = "{next(iter(desk.tokens))}"\n'
        'existing = "process"\nafter = "keep"\nquiet = 0.1\n'
    )


@pytest.mark.parametrize("copy", [by_cp, by_sqlite, by_artui])
@pytest.mark.parametrize("place", SERVICES, indirect=True)
def test_a_copy_put_back_buys_nothing_again(
    place: tuple[Desk, Service], copy: Callable[[Desk, Path], Callable[[], object]], tmp_path: Path, long: bool
) -> None:
    desk, service = place
    if not long and (service.name, copy) not in (
        ("autoretouch", by_cp),
        ("filestack", by_cp),
        ("retouch4me", by_artui),
    ):
        pytest.skip("runs with --long")
    everything = photos(desk.inbox, *range(5))
    assert send(desk, *everything[:2]).code == 0
    back = copy(desk, tmp_path / "copy")
    assert send(desk, *everything[2:]).code == 0
    desk.stop()
    back()
    if copy is not by_artui:
        assert send(desk, desk.inbox).code == 2
        assert desk.artui("watch", desk.inbox, "-o", desk.out, "--existing", "process", "--once", "--yes").code == 2
        assert desk.artui("recover").code == 2
        recover(desk, service)
    again = send(desk, desk.inbox)
    assert service.most() == 1, again
    if isinstance(service, AutoRetouch):
        assert again.code == 0, again
        desk.check(everything)
    else:
        assert again.code == 7, again
        assert {job["reason"] for job in desk.jobs() if job["status"] == "held"} == {"journal recovered"}
        assert desk.artui("retry", *(job["id"] for job in desk.jobs() if job["status"] == "held")).code == 2
        assert service.most() == 1


@pytest.mark.parametrize("place", SERVICES, indirect=True)
def test_a_lost_journal_buys_nothing_again(place: tuple[Desk, Service], long: bool) -> None:
    desk, service = place
    if not long and service.name == "retouch4me":
        pytest.skip("runs with --long")
    everything = photos(desk.inbox, *range(4))
    assert send(desk, *everything).code == 0
    desk.stop()
    shutil.rmtree(desk.home / "state")
    assert send(desk, desk.inbox).code == 2
    recover(desk, service)
    renamed = desk.place / "renamed"
    renamed.mkdir()
    for number, photo in enumerate(everything):
        shutil.copy(photo, renamed / f"other {number}.jpeg")
    again = send(desk, renamed)
    assert service.most() == 1, again
    once = desk.artui("watch", desk.inbox, "-o", desk.place / "watched", "--existing", "process", "--once", "--yes")
    assert service.most() == 1, once
    if isinstance(service, AutoRetouch):
        assert again.code == 0, again
        desk.check(everything)
    else:
        assert again.code == 7, again


@pytest.mark.parametrize("place", SERVICES, indirect=True)
def test_a_lost_journal_and_a_watched_rule_buy_nothing_again(place: tuple[Desk, Service], long: bool) -> None:
    desk, service = place
    if not long and service.name != "retouch4me":
        pytest.skip("runs with --long")
    config = (desk.home / "config" / "config.toml").read_text()
    watched(desk, config)
    everything = photos(desk.inbox, *range(3))
    ran = desk.artui("watch", "--once")
    assert ran.code == 0, ran
    assert len(service.ledger) == 3
    for old in (desk.home / "state").glob("journal.db*"):
        old.unlink()
    assert desk.artui("watch", "--once").code == 2
    recover(desk, service)
    everything[0].rename(desk.inbox / "renamed.jpg")
    photos(desk.inbox, "new")
    again = desk.artui("watch", "--once")
    assert service.most() == 1, again
    # What is new is bought where a list has shown that it was not; elsewhere it waits for a person.
    assert len(service.ledger) == (4 if isinstance(service, AutoRetouch) else 3), again


def test_a_folder_of_a_lost_journal_is_watched_on(studio: Desk, autoretouch: AutoRetouch) -> None:
    watched(studio, (studio.home / "config" / "config.toml").read_text())
    photos(studio.inbox, *range(2))
    assert studio.artui("watch", "--once").code == 0
    for old in (studio.home / "state").glob("journal.db*"):
        old.unlink()
    recover(studio, autoretouch)
    more = photos(studio.inbox, "new")
    again = studio.artui("watch", "--once")
    assert autoretouch.most() == 1, again
    assert again.code == 0, again
    studio.check(more)


def test_a_home_put_back_whole_with_its_anchor_is_told_by_the_list(studio: Desk, autoretouch: AutoRetouch) -> None:
    everything = photos(studio.inbox, *range(5))
    assert send(studio, *everything[:2]).code == 0
    studio.stop()
    shutil.copytree(studio.home, studio.place / "kept")
    assert send(studio, *everything[2:]).code == 0
    studio.stop()
    shutil.rmtree(studio.home)
    shutil.copytree(studio.place / "kept", studio.home)
    again = send(studio, studio.inbox)
    assert autoretouch.most() == 1, again
    assert again.code in (2, 7), again
    recover(studio, autoretouch)
    after = send(studio, studio.inbox)
    assert autoretouch.most() == 1, after
    studio.artui("retry", "--yes", *(job["id"] for job in studio.jobs() if job["status"] == "held"))
    studio.artui("wait")
    assert autoretouch.most() == 1
    studio.check(everything)


@pytest.mark.parametrize("place", SERVICES, indirect=True)
def test_a_home_in_another_place_buys_nothing_again(
    place: tuple[Desk, Service], tmp_path: Path, desks: Callable[..., Desk], long: bool
) -> None:
    desk, service = place
    if not long and service.name != "autoretouch":
        pytest.skip("runs with --long")
    everything = photos(desk.inbox, *range(6))
    assert send(desk, *everything[:2]).code == 0
    desk.stop()
    other = copy_home(desk, tmp_path / "elsewhere")
    desks.keep(other)  # type: ignore[attr-defined]
    assert send(desk, *everything[2:4]).code == 0
    assert send(other, desk.inbox).code == 2
    recover(other, service)
    ran = send(other, *everything[:4])
    assert service.most() == 1, ran
    # Both live on: what one buys the other does not buy again.
    assert send(desk, everything[4]).code == 0
    both = send(other, everything[4])
    if isinstance(service, AutoRetouch):
        other.stop()
        both = send(other, *everything[4:])
        back = send(desk, *everything)
        desk.stop()
        back = send(desk, *everything)
        assert service.most() == 1, f"{both}\n{back}"
    else:
        assert service.most() == 1, both


@pytest.mark.timeout(600)
@pytest.mark.parametrize("place", ["autoretouch", "retouch4me"], indirect=True)
def test_copies_made_at_any_moment_buy_nothing_again(place: tuple[Desk, Service], tmp_path: Path, long: bool) -> None:
    desk, service = place
    if not long:
        pytest.skip("runs with --long")
    everything = photos(desk.inbox, *range(6))
    assert send(desk, everything[0]).code == 0
    done = threading.Event()
    copies: list[Path] = []

    def copying() -> None:
        while not done.wait(0.03):
            to = tmp_path / f"copy{len(copies)}"
            with suppress(shutil.Error, OSError):
                shutil.copytree(desk.home / "state", to)
                copies.append(to)

    thread = threading.Thread(target=copying)
    thread.start()
    assert send(desk, *everything[1:]).code == 0
    done.set()
    thread.join()
    desk.stop()
    newest = tmp_path / "newest"
    shutil.copytree(desk.home, newest)
    for copy in copies[:: max(1, len(copies) // MOMENTS)]:
        shutil.rmtree(desk.home)
        shutil.copytree(newest, desk.home)
        shutil.rmtree(desk.home / "state")
        shutil.copytree(copy, desk.home / "state")
        ran = send(desk, desk.inbox)
        desk.stop()
        recovered = desk.artui("recover", "--yes")
        again = send(desk, desk.inbox)
        assert service.most() == 1, f"{copy.name}\n{ran}\n{recovered}\n{again}"
        if isinstance(service, AutoRetouch):
            desk.check(everything)
        desk.stop()


def test_a_journal_lost_while_photos_are_on_their_way_loses_none(studio: Desk, autoretouch: AutoRetouch) -> None:
    everything = photos(studio.inbox, *range(4))
    autoretouch.work = 3
    assert studio.artui("submit", *everything, "-o", studio.out, "--yes").code == 0
    studio.until(lambda: len(autoretouch.ledger) == 4)
    studio.stop()
    shutil.rmtree(studio.home / "state")
    assert studio.artui("recover", "--yes", "--fetch", studio.out).code == 0
    studio.artui("wait")
    ran = send(studio, studio.inbox)
    assert autoretouch.most() == 1, ran
    studio.check(everything)


def test_the_original_does_not_buy_again_what_its_copy_bought(
    studio: Desk, autoretouch: AutoRetouch, tmp_path: Path, desks: Callable[..., Desk]
) -> None:
    everything = photos(studio.inbox, *range(4))
    assert send(studio, everything[0]).code == 0
    studio.stop()
    copy = copy_home(studio, tmp_path / "elsewhere")
    desks.keep(copy)  # type: ignore[attr-defined]
    recover(copy, autoretouch)
    assert send(copy, *everything[1:3]).code == 0
    ran = send(studio, *everything)
    assert autoretouch.most() == 1, ran


def test_a_recovery_that_asked_nobody_can_ask_later(studio: Desk, autoretouch: AutoRetouch, tmp_path: Path) -> None:
    everything = photos(studio.inbox, *range(3))
    assert send(studio, everything[0]).code == 0
    back = by_cp(studio, tmp_path / "copy")
    assert send(studio, *everything).code == 0
    studio.stop()
    back()
    assert studio.artui("recover", "--offline", "--yes").code == 7
    assert send(studio, *everything).code == 7
    recover(studio, autoretouch)
    studio.artui("wait")
    assert autoretouch.most() == 1
    assert {job["status"] for job in studio.jobs()} <= {"done", "skipped"}


def test_a_recovery_from_a_list_without_labels_buys_nothing_again(
    studio: Desk, autoretouch: AutoRetouch, tmp_path: Path
) -> None:
    autoretouch.labels_in_list = False
    everything = photos(studio.inbox, *range(3))
    assert send(studio, everything[0]).code == 0
    back = by_cp(studio, tmp_path / "copy")
    assert send(studio, *everything).code == 0
    studio.stop()
    back()
    recover(studio, autoretouch)
    ran = send(studio, *everything)
    assert autoretouch.most() == 1, ran


def test_a_recovery_that_cannot_ask_accepts_nothing(studio: Desk, autoretouch: AutoRetouch, tmp_path: Path) -> None:
    everything = photos(studio.inbox, *range(3))
    assert send(studio, everything[0]).code == 0
    back = by_cp(studio, tmp_path / "copy")
    assert send(studio, *everything).code == 0
    studio.stop()
    back()
    autoretouch.list_fails = True
    assert studio.artui("recover", "--yes").code == 3
    assert send(studio, *everything).code == 2
    autoretouch.list_fails = False
    autoretouch.strangers(120)
    autoretouch.grows = 1
    recover(studio, autoretouch)
    assert send(studio, *everything).code == 0
    assert autoretouch.most() == 1


def test_a_payer_that_only_the_lost_journal_knew_is_asked_about(
    shop: Desk, filestack: Filestack, tmp_path: Path
) -> None:
    second = filestack.config("other", key="AppKeyB00000000000000z")
    shop.tokens["other"] = "app-secret-B"
    two = photos(shop.inbox, 1, 2)
    assert shop.artui("submit", two[0], "-a", "shop", "-o", shop.out, "--yes", "--wait").code == 0
    back = by_cp(shop, tmp_path / "copy")
    shop.configure(filestack.config() + second)
    assert shop.artui("submit", *two, "-a", "other", "-o", shop.out, "--yes", "--wait").code == 0
    shop.stop()
    back()
    shop.configure(filestack.config())
    recover(shop, filestack)
    shop.configure(filestack.config() + second)
    shop.artui("submit", *two, "-a", "other", "-o", shop.out, "--yes", "--wait", patience=20)
    assert len(filestack.ledger) == 3


def test_an_engine_whose_journal_was_replaced_can_be_stopped(
    studio: Desk, autoretouch: AutoRetouch, tmp_path: Path
) -> None:
    everything = photos(studio.inbox, *range(3))
    assert send(studio, everything[0]).code == 0
    back = by_sqlite(studio, tmp_path / "copy.db")
    running = studio.artui("status", "--json").json()["engine"]["pid"]
    assert send(studio, *everything).code == 0
    back()
    try:
        assert studio.artui("stop").code == 0
        recover(studio, autoretouch)
    finally:
        with suppress(ProcessLookupError):
            os.kill(running, signal.SIGTERM)
