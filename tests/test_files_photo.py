"""A photo on disk: what is taken and what refused, and that nothing but the checked bytes is ever sent whole."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import socket
import struct
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
from PIL import Image

from artui import files
from artui.files import Accepts, BadPhoto, Changed, Gone, Photo, Sending, inspect, open_photo, sha256, stamp, whole

STUDIO = Accepts(frozenset({"image/jpeg", "image/png", "image/tiff", "image/webp"}), max_side=10_000, scaled_above=4096)
STRICT = Accepts(frozenset({"image/jpeg", "image/png"}), max_bytes=100_000_000, max_pixels=250_000_000)
SAMPLE = os.urandom(2_500_000)


def picture(path: Path, kind: str = "JPEG", size: tuple[int, int] = (40, 30)) -> Path:
    Image.effect_noise(size, 80).convert("RGB").save(path, kind)
    return path


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc32(kind + data))


def png_of(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"x") + chunk(b"IEND", b"")


def jpeg_of(width: int, height: int) -> bytes:
    photo = io.BytesIO()
    Image.new("RGB", (8, 8)).save(photo, "JPEG")
    data = photo.getvalue()
    frame = data.index(b"\xff\xc0")
    return data[: frame + 5] + struct.pack(">HH", height, width) + data[frame + 9 :]


def refused(path: Path, accepts: Accepts = STUDIO) -> BadPhoto:
    with pytest.raises(BadPhoto) as caught:
        inspect(path, accepts)
    assert caught.value.path == path
    assert str(caught.value).isprintable()
    return caught.value


def sample(path: Path, data: bytes = SAMPLE) -> Photo:
    """A hashed photo of any bytes: sending asks no more than that they stay the same."""
    path.write_bytes(data)
    return sha256(Photo(path, stamp(path), "image/jpeg", 0, 0))


# What is taken


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a", "a.txt"])
def test_a_photo_is_known_by_its_content(tmp_path: Path, kind: str, name: str) -> None:
    path = picture(tmp_path / name, kind)
    photo = inspect(path, STUDIO)
    assert (photo.media_type, photo.width, photo.height) == (f"image/{kind.lower()}", 40, 30)
    assert (photo.path, photo.stamp, photo.digest) == (path, stamp(path), "")


@pytest.mark.parametrize(
    "name",
    [
        b"\xff\xfe\x80.jpg",
        b"new\nline.jpg",
        b"\x1b]52;c;aGk=\x07.jpg",
        "\u202egpj.exe.jpg".encode(),
        b"-rf [bold] %s $(x) '\".jpg",
        b"x" * 251 + b".jpg",
        "日本語.jpg".encode(),
    ],
)
def test_any_name_the_file_system_allows_is_taken(tmp_path: Path, name: bytes) -> None:
    path = tmp_path / os.fsdecode(name)
    photo = sha256(inspect(picture(path), STUDIO))
    assert b"".join(Sending(photo)) == path.read_bytes()
    path.write_bytes(b"")
    assert refused(path).reason == "empty"
    path.unlink()
    with pytest.raises(Gone) as gone:
        inspect(path, STUDIO)
    assert str(gone.value).isprintable()


def test_the_service_s_limits_are_kept(tmp_path: Path) -> None:
    path = picture(tmp_path / "a.jpg")
    size = path.stat().st_size
    assert inspect(path, replace(STUDIO, max_bytes=size, max_side=40, max_pixels=1200))
    assert refused(path, replace(STUDIO, max_bytes=size - 1)).reason == "too-large"
    assert refused(path, replace(STUDIO, max_side=39)).reason == "too-many-pixels"
    assert refused(path, replace(STUDIO, max_pixels=1199)).reason == "too-many-pixels"
    assert "takes JPEG, PNG." not in str(refused(path, replace(STUDIO, max_side=39)))


def test_a_photo_that_will_be_scaled_down_is_told(tmp_path: Path) -> None:
    photo = inspect(picture(tmp_path / "a.jpg"), STUDIO)
    assert not STUDIO.scales_down(photo.width, photo.height)
    assert STUDIO.scales_down(photo.width, 4097)
    assert not STRICT.scales_down(photo.width, 4097)


def test_a_type_without_a_rule_is_taken_by_its_first_bytes_where_a_service_wants_it(tmp_path: Path) -> None:
    path = picture(tmp_path / "a.gif", "GIF")
    photo = inspect(path, Accepts(frozenset({"image/gif"})))
    assert (photo.media_type, photo.width, photo.height) == ("image/gif", 40, 30)


# What is refused


@pytest.mark.parametrize(
    ("content", "reason", "accepts"),
    [
        (b"", "empty", STUDIO),
        (b"<!DOCTYPE html><html><body>404", "not-a-photo", STUDIO),
        (b"x", "not-a-photo", STUDIO),
        (b"GIF89a" + bytes(100), "unsupported", STUDIO),
        (b"\0\0\0\x18ftypheic" + bytes(100), "unsupported", STUDIO),
        (b"II*\0\x10\0\0\0CR\x02\0" + bytes(100), "unsupported", STUDIO),
        (b"\xff\xd8\xff", "truncated", STUDIO),
        (png_of(50_000, 50_000), "too-many-pixels", STUDIO),
        (png_of(50_000, 50_000), "too-many-pixels", STRICT),
        (png_of(50_000, 50_000)[:40], "too-many-pixels", STUDIO),
        (jpeg_of(50_000, 50_000), "too-many-pixels", STUDIO),
        (jpeg_of(50_000, 50_000), "too-many-pixels", STRICT),
        (png_of(0, 10), "damaged", STUDIO),
    ],
)
def test_what_cannot_be_sent_is_refused_with_its_reason(
    tmp_path: Path, content: bytes, reason: str, accepts: Accepts
) -> None:
    path = tmp_path / "shirt.jpg"
    path.write_bytes(content)
    problem = refused(path, accepts)
    assert problem.reason == reason
    assert str(problem).startswith("shirt.jpg ")


def test_a_refusal_says_what_happened_and_what_to_do(tmp_path: Path) -> None:
    path = picture(tmp_path / "cut.jpg")
    path.write_bytes(path.read_bytes()[:900])
    assert str(refused(path)) == (
        "cut.jpg is cut off: the end of the JPEG is missing. Nothing was sent or paid; copy it here again."
    )
    path.write_bytes(b"GIF89a")
    assert str(refused(path, STRICT)) == (
        "cut.jpg is a GIF picture; the service takes JPEG, PNG. Convert it, then add it again."
    )


def a_folder(path: Path) -> None:
    path.mkdir()


def a_fifo(path: Path) -> None:
    os.mkfifo(path)


def a_socket(path: Path) -> None:
    socket.socket(socket.AF_UNIX).bind(os.fspath(path))


def a_link(path: Path) -> None:
    path.symlink_to(picture(path.parent / "real.jpg"))


def a_loop(path: Path) -> None:
    path.symlink_to(path)


@pytest.mark.timeout(10)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("make", [a_folder, a_fifo, a_socket, a_link, a_loop])
def test_only_regular_files_are_looked_at(tmp_path: Path, make: Callable[[Path], None], monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's path is short
    path = Path("x.jpg")
    make(path)
    assert refused(path).reason == "not-regular"


@pytest.mark.timeout(10)
@pytest.mark.parametrize("make", [a_folder, a_fifo, a_link, a_loop])
def test_what_takes_a_photo_s_place_is_never_read(tmp_path: Path, make: Callable[[Path], None]) -> None:
    path = picture(tmp_path / "a.jpg")
    photo = sha256(inspect(path, STUDIO))
    path.unlink()
    make(path)
    for attempt in (lambda: sha256(photo), lambda: open_photo(path, photo.stamp), lambda: list(Sending(photo))):
        with pytest.raises(Changed):
            attempt()


def test_a_device_is_left_alone() -> None:
    assert refused(Path("/dev/null")).reason == "not-regular"


def test_a_photo_that_is_gone_is_no_bad_photo(tmp_path: Path) -> None:
    with pytest.raises(Gone):
        inspect(tmp_path / "a.jpg", STUDIO)
    with pytest.raises(Gone):
        inspect(picture(tmp_path / "b.jpg") / "under-a-file.jpg", STUDIO)


def test_a_path_that_is_too_long_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path / ("x" * 300)).reason == "name-too-long"
    assert refused(tmp_path / ("folder/" * 700) / "x.jpg").reason == "name-too-long"


@pytest.mark.parametrize("code", [errno.EACCES, errno.EIO, errno.ESTALE])
def test_a_photo_that_cannot_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    path = picture(tmp_path / "a.jpg")
    photo = inspect(path, STUDIO)

    def closed(*_: object) -> int:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", closed)
        assert refused(path).reason == "unreadable"
        with pytest.raises(BadPhoto, match="cannot be read"):
            sha256(photo)
    monkeypatch.setattr(whole, "check", closed)
    assert refused(path).reason == "unreadable"


def test_a_process_out_of_descriptors_blames_no_photo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = picture(tmp_path / "a.jpg")

    def full(*_: object) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(os, "open", full)
    with pytest.raises(OSError, match="Too many open files"):
        inspect(path, STUDIO)


@pytest.mark.parametrize("cut", [None, 700])
def test_a_photo_written_to_while_it_is_looked_at_is_not_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut: int | None
) -> None:
    path = picture(tmp_path / "a.jpg")
    path.write_bytes(path.read_bytes()[:cut])
    real = whole.check

    def meanwhile(file: Any, size: int, media_type: str) -> None:
        with path.open("ab") as other:
            other.write(b"more")
        real(file, size, media_type)

    monkeypatch.setattr(whole, "check", meanwhile)
    with pytest.raises(Changed):
        inspect(path, STUDIO)


def test_inode_and_device_may_change_with_a_mount(tmp_path: Path) -> None:
    path = picture(tmp_path / "a.jpg")
    mark = stamp(path)
    open_photo(path, replace(mark, inode=mark.inode + 1, device=mark.device + 1)).close()
    for other in (replace(mark, size=1), replace(mark, mtime_ns=1)):
        with pytest.raises(Changed):
            open_photo(path, other)


# Hashing and sending


@pytest.mark.parametrize(
    "size", [0, 1, whole.BLOCK - 1, whole.BLOCK, whole.BLOCK + 1, 2 * whole.BLOCK, 2_500_000], ids=str
)
def test_what_is_hashed_is_what_is_sent(tmp_path: Path, size: int) -> None:
    data = SAMPLE[:size]
    photo = sample(tmp_path / "a.jpg", data)
    assert photo.digest == hashlib.sha256(data).hexdigest()
    sending = Sending(photo)
    assert sending.size == size
    assert b"".join(sending) == data
    assert b"".join(sending) == data  # afresh
    assert b"".join(Sending(photo, block=100_000)) == data


def test_a_photo_is_hashed_before_it_is_sent(tmp_path: Path) -> None:
    photo = inspect(picture(tmp_path / "a.jpg"), STUDIO)
    with pytest.raises(ValueError, match="must be hashed"):
        Sending(photo)


def overwrite_keeping_the_time(path: Path) -> None:
    before = path.stat()
    with path.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(bytes([SAMPLE[-1] ^ 1]))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def touch(path: Path) -> None:
    os.utime(path, ns=(1, 1))


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def shrink(path: Path) -> None:
    os.truncate(path, len(SAMPLE) - 1)


def empty(path: Path) -> None:
    os.truncate(path, 0)


def replace_by_a_copy(path: Path) -> None:
    """Same bytes, time and size in another file, as `rsync` or an editor leaves it, or a folder mounted anew shows."""
    put_in_its_place(path, path.read_bytes())


def replace_by_other_bytes(path: Path) -> None:
    """Another file with the same size and time, which differs in its last byte."""
    content = path.read_bytes()
    put_in_its_place(path, content[:-1] + bytes([content[-1] ^ 1]))


def put_in_its_place(path: Path, content: bytes) -> None:
    before = path.stat()
    other = path.with_suffix(".new")
    other.write_bytes(content)
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(path)


def put_a_link_in_its_place(path: Path) -> None:
    real = path.with_suffix(".real")
    path.rename(real)
    path.symlink_to(real)


def sent_before_changed(sending: Iterator[bytes]) -> int:
    """How many bytes were given out before the photo was found changed, which must happen."""
    sent = 0

    def drain() -> None:
        nonlocal sent
        for block in sending:
            sent += len(block)

    with pytest.raises(Changed):
        drain()
    return sent


IN_PLACE = [overwrite_keeping_the_time, touch, grow, shrink, empty]
OTHER_FILE = [replace_by_a_copy, replace_by_other_bytes, put_a_link_in_its_place]


def test_another_file_with_the_same_size_and_time_is_known_by_its_bytes(tmp_path: Path) -> None:
    photo = sample(tmp_path / "a.jpg")
    replace_by_a_copy(photo.path)
    assert stamp(photo.path).inode != photo.stamp.inode
    assert b"".join(Sending(photo)) == SAMPLE
    replace_by_other_bytes(photo.path)
    assert sent_before_changed(iter(Sending(photo))) < len(SAMPLE)


@pytest.mark.parametrize("change", [*IN_PLACE, replace_by_other_bytes, put_a_link_in_its_place])
@pytest.mark.parametrize("block", [whole.BLOCK, len(SAMPLE), len(SAMPLE) - 1])
def test_a_photo_changed_after_hashing_is_never_sent_whole(
    tmp_path: Path, change: Callable[[Path], None], block: int
) -> None:
    photo = sample(tmp_path / "a.jpg")
    change(photo.path)
    assert sent_before_changed(iter(Sending(photo, block))) < len(SAMPLE)


@pytest.mark.parametrize("change", IN_PLACE)
def test_a_photo_changed_while_it_is_sent_is_never_sent_whole(tmp_path: Path, change: Callable[[Path], None]) -> None:
    photo = sample(tmp_path / "a.jpg")
    sending = iter(Sending(photo))
    first = next(sending)
    change(photo.path)
    assert len(first) + sent_before_changed(sending) < len(SAMPLE)


@pytest.mark.parametrize("change", OTHER_FILE)
def test_what_is_put_in_place_of_a_photo_under_way_does_not_reach_the_service(
    tmp_path: Path, change: Callable[[Path], None]
) -> None:
    """The open file is still the checked one, whatever the path leads to by now."""
    photo = sample(tmp_path / "a.jpg")
    sending = iter(Sending(photo))
    first = next(sending)
    change(photo.path)
    assert first + b"".join(sending) == SAMPLE


@pytest.mark.parametrize("change", [touch, grow, shrink, empty])
def test_a_photo_changed_while_it_is_hashed_gets_no_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None]
) -> None:
    photo = sample(tmp_path / "a.jpg")
    real = io.FileIO

    class Slow(real):  # type: ignore[misc, valid-type]
        def read(self, size: int | None = -1, /) -> bytes:
            data: bytes = super().read(size)
            if self.tell() == len(data):
                change(photo.path)
            return data

    monkeypatch.setattr(files.regular.io, "FileIO", Slow)
    with pytest.raises(Changed):
        sha256(photo)


def test_a_read_that_fails_on_the_way_is_told_as_unreadable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photo = sample(tmp_path / "a.jpg")

    class Broken(io.FileIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(files.regular.io, "FileIO", Broken)
    with pytest.raises(BadPhoto) as caught:
        list(Sending(photo))
    assert caught.value.reason == "unreadable"


def open_descriptors() -> int:
    return len(list(Path("/dev/fd").iterdir()))


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    photo = sample(tmp_path / "a.jpg")
    before = open_descriptors()
    abandoned = iter(Sending(photo))
    next(abandoned)
    del abandoned
    grow(photo.path)
    for attempt in (lambda: sha256(photo), lambda: list(Sending(photo)), lambda: inspect(photo.path, STUDIO)):
        with pytest.raises(files.PhotoProblem):
            attempt()
    with pytest.raises(Changed):
        open_photo(tmp_path, photo.stamp)
    assert open_descriptors() == before


def test_an_open_photo_is_not_inherited_by_children(tmp_path: Path) -> None:
    photo = sample(tmp_path / "a.jpg")
    with open_photo(photo.path, photo.stamp) as file:
        assert not os.get_inheritable(file.fileno())


def test_memory_stays_flat_whatever_the_size(tmp_path: Path) -> None:
    path = tmp_path / "huge.jpg"
    path.write_bytes(jpeg_of(8, 8)[:-2])
    os.truncate(path, 300_000_000)  # as a copy looks that made room and was cut off
    tracemalloc.start()
    try:
        assert refused(path).reason == "truncated"
        photo = sha256(Photo(path, stamp(path), "image/jpeg", 8, 8))
        for _ in Sending(photo):
            pass
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 * whole.BLOCK


def test_hashing_lets_other_threads_run(tmp_path: Path) -> None:
    photo = sample(tmp_path / "a.jpg")
    results: list[str] = []
    threads = [threading.Thread(target=lambda: results.append(sha256(photo).digest)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [photo.digest] * 4
