"""Publishing: whole and durable or not at all, nothing replaced, and every trouble of the disk told for what it is."""

from __future__ import annotations

import errno
import hashlib
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from artui.files import (
    BadResult,
    OutputProblem,
    Part,
    Written,
    copy_to_part,
    free_bytes,
    part_path,
    probe_folder,
    publish,
    published,
    publishing,
)
from artui.files.publishing import _rename_to_placeholder

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20
DIGEST = hashlib.sha256(PNG).hexdigest()


def failing(code: int) -> Callable[..., Any]:
    def fail(*_: object, **__: object) -> Any:
        raise OSError(code, os.strerror(code))

    return fail


def part(folder: Path, data: bytes = PNG, job: int = 1) -> Path:
    with Part(part_path(folder, job)) as growing:
        growing.write(data)
        growing.finish()
    return growing.path


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != "home")


# How a name is given, on file systems of three kinds


def without_links(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(os, "link", failing(errno.EPERM))


def without_links_and_flags(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(os, "link", failing(errno.EOPNOTSUPP))
    patch.setattr(publishing, "rename_exclusive", failing(errno.EINVAL))


KINDS = {"links": lambda patch: None, "no links": without_links, "placeholder": without_links_and_flags}


@pytest.fixture(params=KINDS.values(), ids=KINDS)
def any_file_system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    request.param(monkeypatch)


@pytest.mark.usefixtures("any_file_system")
class TestOnEveryFileSystem:
    def test_a_finished_part_gets_its_name(self, tmp_path: Path) -> None:
        target = tmp_path / os.fsdecode(b"\xff\n" + b"x" * 200 + b".png")
        publish(part(tmp_path), target)
        assert target.read_bytes() == PNG
        assert listing(tmp_path) == [target.name]
        assert published(target, DIGEST)

    @pytest.mark.parametrize("standing", ["file", "empty file", "folder", "link", "dangling link", "loop"])
    def test_what_has_the_name_keeps_it(self, tmp_path: Path, standing: str) -> None:
        target, other = tmp_path / "shirt.png", tmp_path / "other"
        other.write_bytes(b"precious")
        match standing:
            case "file":
                target.write_bytes(b"precious")
            case "empty file":
                target.touch()
            case "folder":
                target.mkdir()
            case "link":
                target.symlink_to(other)
            case "dangling link":
                target.symlink_to(tmp_path / "nowhere")
            case "loop":
                target.symlink_to(target)
        before = target.lstat()
        finished = part(tmp_path)
        with pytest.raises(FileExistsError):
            publish(finished, target)
        assert target.lstat().st_ino == before.st_ino
        assert target.lstat().st_size == before.st_size
        assert other.read_bytes() == b"precious"
        assert not (tmp_path / "nowhere").exists()
        assert finished.read_bytes() == PNG
        assert not published(target, DIGEST)

    def test_of_two_that_want_one_name_one_gets_it(self, tmp_path: Path) -> None:
        target = tmp_path / "shirt.png"
        publish(part(tmp_path, b"first", 1), target)
        with pytest.raises(FileExistsError):
            publish(part(tmp_path, b"second", 2), target)
        assert target.read_bytes() == b"first"

    def test_a_part_that_is_gone_is_not_blamed_on_the_folder(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            publish(part_path(tmp_path, 1), tmp_path / "shirt.png")

    def test_the_name_is_durable(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        finished = part(tmp_path)
        synced = []
        monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.fstat(descriptor).st_ino))
        publish(finished, tmp_path / "shirt.png")
        assert synced[-1] == tmp_path.stat().st_ino

    def test_the_probe_leaves_nothing_behind(self, tmp_path: Path) -> None:
        probe_folder(tmp_path / "out")
        assert listing(tmp_path / "out") == []


def test_a_file_system_that_cannot_sync_folders_need_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    finished = part(tmp_path)
    monkeypatch.setattr(os, "fsync", failing(errno.EINVAL))
    publish(finished, tmp_path / "shirt.png")
    assert published(tmp_path / "shirt.png", DIGEST)


def test_a_system_without_the_call_uses_a_placeholder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import ctypes

    without_links(monkeypatch)
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: object())
    publish(part(tmp_path), tmp_path / "shirt.png")
    assert published(tmp_path / "shirt.png", DIGEST)


def test_a_killed_attempt_knows_its_own_placeholder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_links_and_flags(monkeypatch)
    finished, target = part(tmp_path), tmp_path / "shirt.png"
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", failing(errno.EIO))
        with pytest.raises(OutputProblem):
            publish(finished, target)
    assert target.exists()
    with pytest.raises(FileExistsError):
        publish(part(tmp_path, b"another job's", 2), target)
    publish(finished, target)
    assert published(target, DIGEST)


def test_a_placeholder_that_cannot_be_written_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    finished, target = part(tmp_path), tmp_path / "shirt.png"
    monkeypatch.setattr(publishing, "_write_all", failing(errno.ENOSPC))
    with pytest.raises(OSError, match="No space"):
        _rename_to_placeholder(finished, target)
    assert listing(tmp_path) == [finished.name]


# Part files


def test_a_part_counts_hashes_and_knows_what_it_holds(tmp_path: Path) -> None:
    with Part(part_path(tmp_path, 1)) as growing:
        for at in range(0, len(PNG), 7):
            growing.write(PNG[at : at + 7])
        assert growing.size == len(PNG)
        written = growing.finish(len(PNG))
    assert written == Written(DIGEST, len(PNG), "image/png")
    assert growing.path.read_bytes() == PNG


def test_a_part_is_synced_before_it_counts_as_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.fstat(descriptor).st_size))
    part(tmp_path)
    assert synced == [len(PNG)]


def test_a_part_that_is_not_finished_goes_away(tmp_path: Path) -> None:
    def interrupted() -> None:
        with Part(part_path(tmp_path, 1)) as growing:
            growing.write(PNG)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert listing(tmp_path) == []
    growing = Part(part_path(tmp_path, 1))
    growing.abort()
    growing.abort()
    assert listing(tmp_path) == []


@pytest.mark.parametrize(
    ("data", "expected", "reason"),
    [(b"", None, "empty"), (b"", 0, "empty"), (b"abc", 4, "short"), (b"abc", 2, "long")],
)
def test_a_result_of_another_length_is_refused(tmp_path: Path, data: bytes, expected: int | None, reason: str) -> None:
    growing = Part(part_path(tmp_path, 1))
    growing.write(data)
    with pytest.raises(BadResult) as caught, growing:
        growing.finish(expected)
    assert caught.value.reason == reason
    assert listing(tmp_path) == []


def test_what_a_killed_process_left_is_begun_anew(tmp_path: Path) -> None:
    path = part_path(tmp_path, 1)
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    for leave in (
        lambda: path.write_bytes(b"half of a result"),
        lambda: path.symlink_to(victim),
        lambda: path.hardlink_to(victim),
        lambda: os.mkfifo(path),
    ):
        leave()
        assert part(tmp_path).read_bytes() == PNG
        assert victim.read_bytes() == b"precious"
        path.unlink()


def test_part_names_tell_jobs_and_tasks_apart(tmp_path: Path) -> None:
    paths = [part_path(tmp_path, job, task) for job in (1, 11, "1f") for task in ("", "mask", "../x", "\udcff" * 300)]
    assert len(set(paths)) == len(paths)
    assert part_path(tmp_path, 1, "mask") == part_path(tmp_path, 1, "mask")
    for path in paths:
        assert path.parent == tmp_path
        assert path.name.startswith(".artui-")
        assert path.name.endswith(".part")
        assert len(path.name) < 100


def test_a_part_is_not_inherited_by_children(tmp_path: Path) -> None:
    with Part(part_path(tmp_path, 1)) as growing:
        assert not os.get_inheritable(growing._file.fileno())


# What lies there


def test_published_means_exactly_these_bytes_in_a_regular_file(tmp_path: Path) -> None:
    target = tmp_path / "shirt.png"
    assert not published(target, DIGEST)
    target.write_bytes(PNG[:-1])
    assert not published(target, DIGEST)
    target.write_bytes(PNG)
    assert published(target, DIGEST)
    (tmp_path / "link.png").symlink_to(target)
    assert not published(tmp_path / "link.png", DIGEST)
    assert not published(tmp_path, DIGEST)
    os.mkfifo(tmp_path / "fifo.png")
    assert not published(tmp_path / "fifo.png", DIGEST)


def test_whether_something_is_published_is_not_guessed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OutputProblem) as caught:
        published(tmp_path / "unmounted" / "shirt.png", DIGEST)
    assert caught.value.reason == "missing"
    monkeypatch.setattr(os, "open", failing(errno.EIO))
    with pytest.raises(OutputProblem) as caught:
        published(tmp_path / "shirt.png", DIGEST)
    assert caught.value.reason == "failing"


# Twins


def test_a_twin_gets_a_copy_that_is_the_same(tmp_path: Path) -> None:
    source, target = tmp_path / "shirt.png", tmp_path / "twin.png"
    publish(part(tmp_path), source)
    copy = part_path(tmp_path, 2)
    assert copy_to_part(source, copy, DIGEST) == Written(DIGEST, len(PNG), "image/png")
    publish(copy, target)
    assert published(target, DIGEST)
    assert published(source, DIGEST)
    assert source.stat().st_ino != target.stat().st_ino


def test_a_twin_never_gets_what_somebody_changed(tmp_path: Path) -> None:
    source, copy = tmp_path / "shirt.png", part_path(tmp_path, 2)
    source.write_bytes(PNG + b"edited")
    with pytest.raises(BadResult) as caught:
        copy_to_part(source, copy, DIGEST)
    assert caught.value.reason == "digest"
    assert not copy.exists()
    source.write_bytes(b"")
    with pytest.raises(BadResult):
        copy_to_part(source, copy, DIGEST)
    source.unlink()
    with pytest.raises(FileNotFoundError):
        copy_to_part(source, copy, DIGEST)
    source.symlink_to("/dev/zero")
    with pytest.raises(BadResult):
        copy_to_part(source, copy, DIGEST)
    assert not copy.exists()


# Trouble with the disk

TROUBLE = [
    (errno.ENOSPC, "full"),
    (errno.EDQUOT, "full"),
    (errno.EFBIG, "too-large"),
    (errno.EROFS, "read-only"),
    (errno.EACCES, "not-allowed"),
    (errno.EINVAL, "bad-name"),
    (errno.ENAMETOOLONG, "name-too-long"),
    (errno.EIO, "failing"),
    (errno.ESTALE, "failing"),
]
each_trouble = pytest.mark.parametrize(("code", "reason"), TROUBLE)


def problem(attempt: Callable[[], object]) -> OutputProblem:
    with pytest.raises(OutputProblem) as caught:
        attempt()
    assert str(caught.value).startswith("cannot write in ")
    assert str(caught.value).isprintable()
    return caught.value


@each_trouble
def test_every_place_that_writes_tells_the_trouble(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, reason: str
) -> None:
    finished, target = part(tmp_path), tmp_path / "shirt.png"
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", failing(code))
        assert problem(lambda: Part(part_path(tmp_path, 2))).reason == reason
        assert problem(lambda: probe_folder(tmp_path)).reason == reason
    with monkeypatch.context() as patch:
        patch.setattr(publishing, "_write_all", failing(code))
        assert problem(lambda: part(tmp_path, job=3)).reason == reason
        assert problem(lambda: probe_folder(tmp_path)).reason == reason
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", failing(code))
        assert problem(lambda: part(tmp_path, job=4)).reason == reason
        assert problem(lambda: probe_folder(tmp_path)).reason == reason
    with monkeypatch.context() as patch:
        patch.setattr(Path, "mkdir", failing(code))
        assert problem(lambda: probe_folder(tmp_path / "new")).reason == reason
    if code != errno.EINVAL:  # which a file system answers that knows no links
        with monkeypatch.context() as patch:
            patch.setattr(os, "link", failing(code))
            assert problem(lambda: publish(finished, target)).reason == reason
            assert problem(lambda: probe_folder(tmp_path)).reason == reason
    assert listing(tmp_path) == [finished.name]


def test_a_folder_that_may_not_be_written_is_told_on_every_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_links(monkeypatch)
    monkeypatch.setattr(publishing, "rename_exclusive", failing(errno.EPERM))
    assert problem(lambda: publish(part(tmp_path), tmp_path / "shirt.png")).reason == "not-allowed"


def test_a_problem_says_where_and_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "_write_all", failing(errno.ENOSPC))
    found = problem(lambda: part(tmp_path))
    assert str(found) == f"cannot write in {tmp_path}: the disk is full. Free some space; artui goes on by itself."
    assert found.folder == tmp_path
    assert found.free_bytes == pytest.approx(free_bytes(tmp_path), rel=0.2)
    hostile = tmp_path / os.fsdecode(b"\x1b[0m\xff")
    assert "\\x1b[0m\\udcff" in str(problem(lambda: part(hostile)))


def test_a_probe_removes_what_a_killed_one_left(tmp_path: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    here, gone = publishing._machine(), int(ended.stdout)
    dead = tmp_path / f".artui-probe-{here}-{gone}-0011.part"
    living = tmp_path / f".artui-probe-{here}-{os.getpid()}-0011"
    at_another_machine = tmp_path / f".artui-probe-{'0' * 12}-{gone}-0011"
    for left in (dead, living, at_another_machine, tmp_path / ".artui-probe-x", tmp_path / "boot.png"):
        left.touch()
    probe_folder(tmp_path, tidy=False)
    assert dead.exists(), "looking through a large folder is left out where it was done before"
    probe_folder(tmp_path)
    assert not dead.exists()
    assert len(list(tmp_path.iterdir())) == 4


def test_a_missing_folder_is_made_by_the_probe_alone(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    assert problem(lambda: part(folder)).reason == "missing"
    assert problem(lambda: publish(part(tmp_path), folder / "shirt.png")).reason == "missing"
    assert free_bytes(folder) is None
    probe_folder(folder)
    publish(part(folder), folder / "shirt.png")


def test_what_is_no_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("nowhere")
    for place in ("file", "link", "file/under"):
        assert problem(lambda place=place: probe_folder(tmp_path / place)).reason == "not-a-folder"
    assert problem(lambda: part(tmp_path / "file")).reason == "not-a-folder"


def test_an_output_folder_may_be_a_link_to_one(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    probe_folder(tmp_path / "link")


def test_new_folders_are_durable_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.fstat(descriptor).st_ino))
    probe_folder(tmp_path / "a" / "b")
    assert [tmp_path.stat().st_ino, (tmp_path / "a").stat().st_ino] == synced[:2]


@pytest.fixture
def small_files() -> Iterator[int]:
    """A limit of the system itself on how large a file may grow."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    yield 100_000
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_write_that_the_system_cuts_short_is_not_taken_for_written(tmp_path: Path, small_files: int) -> None:
    found = problem(lambda: part(tmp_path, bytes(small_files + 1)))
    assert found.reason == "too-large"
    assert listing(tmp_path) == []
    assert part(tmp_path, bytes(small_files)).stat().st_size == small_files


def test_two_may_make_one_folder_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make = Path.mkdir

    def beaten(folder: Path) -> None:
        make(folder)
        make(folder)

    monkeypatch.setattr(Path, "mkdir", beaten)
    probe_folder(tmp_path / "a" / "b")
