"""One watcher at a time has a folder, also where a copied home has the same journal, rule and host."""

from __future__ import annotations

import datetime as dt
import errno
import fcntl
import logging
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from artui.journal import Journal, rules
from artui.journal.rules import RuleState
from artui.model.watching import RuleCause
from artui.watch.folder import WatchEvent
from artui.watch.lock import LOCK, Busy, FolderLock
from artui.watch.marker import NAME, Offline
from artui.watch.watcher import Watcher
from tests.mounts import bound
from tests.studio import Studio
from tests.watch_post import Post, counted, offers_of, post_at, watching


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("artui.watch.folder.BUSY_AGAIN", 0.1)


@pytest.fixture
def lock() -> Iterator[FolderLock]:
    made = FolderLock()
    yield made
    made.close()


def is_had(folder: Path) -> bool:
    """Whether somebody has the lock of a folder."""
    asking = FolderLock()
    try:
        asking.take(folder)
    except Busy:
        return True
    finally:
        asking.close()
    return False


# ------------------------------------------------------------------------------------------------------ two watchers


def copied(studio: Studio) -> Journal:
    """The journal of a home that was copied."""
    place = studio.folder / "copied home" / "journal.db"
    place.parent.mkdir()
    studio.journal.write(lambda db: db.execute("SELECT 1"))
    for part in ("", "-wal"):
        if (source := studio.journal.path.with_name(studio.journal.path.name + part)).exists():
            shutil.copy(source, place.with_name(place.name + part))
    return Journal(place)


@pytest.mark.usefixtures("impatient")
async def test_the_watcher_of_a_copied_home_waits_until_the_other_ends(studio: Studio) -> None:
    with copied(studio) as journal:
        async with watching(studio) as post:
            second = other_post(studio, journal, post)
            second.start()

            def row() -> rules.RuleRow | None:
                return journal.read(rules.get, post.rule.id)

            await post.until(lambda: (now := row()) and now.state is RuleState.OFFLINE)
            said = row()
            assert said is not None
            assert said.message.startswith(f"{studio.inbox} is being watched by another artui (process {os.getpid()})")
            post.drop_many(3)
            await post.all_done(3)
            assert journal.read(lambda db: db.execute("SELECT COUNT(*) FROM jobs").fetchone()) == (0,)
            assert len(studio.simulator.ledger) == 3
        await post.until(lambda: (now := row()) and now.state is RuleState.WATCHING)
        await second.stop()
    studio.check()


def other_post(studio: Studio, journal: Journal, post: Post) -> Post:
    events: list[WatchEvent] = []
    watcher = Watcher(journal, [post.rule], offers_of(studio), dt.UTC, events.append)
    return Post(studio, post.rule, watcher, events)


async def test_rules_that_are_read_again_keep_the_folder_and_a_removed_one_gives_it_up(
    studio: Studio, lock: FolderLock
) -> None:
    async with watching(studio) as post:
        assert is_had(studio.inbox)
        for _ in range(3):
            await post.watcher.reload([post.rule])
            await post.until(lambda: post.watcher._watched[post.rule.id]._lock._held is not None)
            assert is_had(studio.inbox)
            assert not post.told(RuleState.OFFLINE)
        await post.watcher.reload([])
        lock.take(studio.inbox)
        lock.release()
        await post.watcher.reload([post.rule])
        await post.state(RuleState.WATCHING)
    lock.take(studio.inbox)


@pytest.mark.usefixtures("impatient")
async def test_the_lock_follows_the_disk(studio: Studio, lock: FolderLock) -> None:
    """Given up while the folder is away, so that nothing keeps it; taken again when it, or another one, is back."""
    aside = studio.folder / "aside"
    async with watching(studio) as post:
        studio.inbox.rename(aside)
        await studio.ask("look now")
        await post.state(RuleState.OFFLINE)
        lock.take(aside)
        aside.rename(studio.inbox)
        await studio.ask("look now")
        await post.until(lambda: "is being watched by another artui" in post.row.message)
        post.drop("a.jpg", 1)
        await studio.ask("look now")
        assert not studio.jobs()
        lock.release()
        await post.state(RuleState.WATCHING)
        await post.all_done(1)
        with pytest.raises(Busy):
            lock.take(studio.inbox)
        (studio.inbox / LOCK).unlink()
        lock.take(studio.inbox)
        await studio.ask("look now")
        await post.state(RuleState.OFFLINE)
        assert post.row.cause is RuleCause.BUSY
        post.drop("b.jpg", 2)
        await studio.ask("look now")
        assert counted(studio) == 1
        lock.release()
        await post.all_done(2)


@pytest.mark.usefixtures("impatient")
async def test_a_mark_is_not_replaced_under_a_watcher_that_lives(studio: Studio, lock: FolderLock) -> None:
    post = post_at(studio)
    (studio.inbox / NAME).write_text('{"rule": "r", "name": "boots", "journal": "other", "host": "far"}')
    lock.take(studio.inbox)
    await studio.start()
    post.start()
    await post.state(RuleState.FOREIGN)
    await studio.journal.write_async(lambda db: db.execute("UPDATE rules SET agreed = 1"))
    post.watcher._watched[post.rule.id].ring()
    await post.state(RuleState.OFFLINE)
    assert '"far"' in (studio.inbox / NAME).read_text()
    lock.release()
    await post.state(RuleState.WATCHING)
    assert '"far"' not in (studio.inbox / NAME).read_text()
    await post.stop()


# ---------------------------------------------------------------------------------------------------------- the lock


def test_it_is_had_by_one_and_ends_with_its_process(tmp_path: Path, lock: FolderLock) -> None:
    program = "import sys; from pathlib import Path; from artui.watch.lock import FolderLock\n"
    program += (
        "FolderLock().take(Path(sys.argv[1])) if 0 else None\nlock = FolderLock(); lock.take(Path(sys.argv[1]))\n"
    )
    program += "print('has it', flush=True); sys.stdin.read()"
    child = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "has it\n"
    with pytest.raises(Busy, match=rf"process {child.pid}\)"):
        lock.take(tmp_path)
    child.kill()
    child.communicate()
    lock.take(tmp_path)
    lock.take(tmp_path)
    assert (tmp_path / LOCK).stat().st_mode & 0o777 == 0o600
    again = FolderLock()
    with bound(tmp_path, tmp_path.with_name("way")) as way, pytest.raises(Busy):
        again.take(way)
    lock.release()
    again.take(tmp_path)
    again.close()
    assert (tmp_path / LOCK).exists(), "its file is never removed: another may just be opening it"


def test_it_follows_no_link_and_waits_for_no_pipe(tmp_path: Path, lock: FolderLock) -> None:
    target = tmp_path / "target"
    target.write_text("precious")
    (tmp_path / LOCK).symlink_to(target)
    with pytest.raises(Offline, match="cannot be opened"):
        lock.take(tmp_path)
    (tmp_path / LOCK).unlink()
    os.mkfifo(tmp_path / LOCK)
    with pytest.raises(Offline, match="no regular file"):
        lock.take(tmp_path)
    (tmp_path / LOCK).unlink()
    os.link(target, tmp_path / LOCK)
    lock.take(tmp_path)
    assert target.read_text() == "precious"


def test_where_nothing_can_be_written_the_mark_is_locked_if_there_is_one(
    tmp_path: Path, lock: FolderLock, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.open

    def read_only(path: Any, flags: int, *more: Any, **other: Any) -> int:
        if flags & (os.O_CREAT | os.O_RDWR):
            raise OSError(errno.EROFS, "Read-only file system")
        return real(path, flags, *more, **other)

    other = FolderLock()
    with monkeypatch.context() as patch:
        patch.setattr("artui.watch.lock.os.open", read_only)
        lock.take(tmp_path)
        other.take(tmp_path)
        (tmp_path / NAME).write_text("{}")
        lock.take(tmp_path)
        with pytest.raises(Busy):
            other.take(tmp_path)
    lock.take(tmp_path)
    with pytest.raises(Busy):
        other.take(tmp_path)
    other.close()


def test_a_file_system_without_locks_is_told_of_once(
    tmp_path: Path, lock: FolderLock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def no_locks(*_: Any) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with caplog.at_level(logging.WARNING):
        lock.take(tmp_path)
        lock.take(tmp_path)
    assert [record.getMessage().partition(" (")[0] for record in caplog.records] == [f"{tmp_path} cannot be locked"]


def test_one_that_is_closed_while_it_is_taken_is_given_up(
    tmp_path: Path, lock: FolderLock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that hung answers after its rule was removed."""
    hangs, goes_on, real = threading.Event(), threading.Event(), fcntl.flock

    def slow(*given: Any) -> None:
        hangs.set()
        goes_on.wait(20)
        real(*given)

    late = FolderLock()
    with monkeypatch.context() as patch:
        patch.setattr(fcntl, "flock", slow)
        taking = threading.Thread(target=late.take, args=(tmp_path,))
        taking.start()
        assert hangs.wait(20)
        late.close()
        goes_on.set()
        taking.join(20)
    assert late._held is None
    lock.take(tmp_path)
