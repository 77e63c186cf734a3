"""A photo's metadata in its result: written before the result counts, the same picture or nothing, never a reason to
hold what is bought."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from artui.config import ConfigError, load, paths
from artui.files import Accepts, Photo, exiftool, header, inspect, sniff
from artui.files.metadata import Keeping
from artui.files.writer import LEASH, NotWritten, Writer
from artui.journal import history, published
from artui.model.job import Result
from artui.model.states import Reason, Status
from artui.model.watching import Skip
from artui.sim.photos import noise_jpeg
from artui.steps.metadata import as_served
from artui.watch.folder import What
from artui.watch.rules import load_rules
from tests.exiftools import fake, give_xmp, put_segments, segment
from tests.studio import Studio
from tests.waiting import until
from tests.watch_post import watching

REAL = pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed")
HOSTILE = "-if #\n%f {done} \u202e.jpg"


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for a stand-in for exiftool, all that is on the PATH; the one process is ended afterwards."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    yield folder
    exiftool._WRITER.end()


def photo_in(folder: Path, name: str = "a.jpg", seed: int = 1) -> Photo:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    noise_jpeg(path, 20_000, seed)
    give_xmp(path)
    return inspect(path, Accepts(frozenset({"image/jpeg"})), hashed=True)


def part_in(folder: Path, kind: str = "JPEG") -> Path:
    part = folder / ".artui-1-00000000.part"
    Image.effect_noise((64, 48), 60).convert("RGB").save(part, kind)
    return part


def give(part: Path, photo: Photo, keeping: Keeping = Keeping.ALL, **given: Any) -> exiftool.Given | None:
    media_type = sniff(part.read_bytes()[:64]) or ""
    return exiftool.give_back(part, part.with_name(".artui-1-11111111.part"), media_type, photo, keeping, **given)


# ------------------------------------------------------------------------------------------------- one result


def test_what_is_written_is_measured_and_has_the_same_picture(program: Path, tmp_path: Path) -> None:
    log = fake(program)
    photo, part = photo_in(tmp_path / "in"), part_in(tmp_path)
    before = part.read_bytes()
    given = give(part, photo)
    assert given is not None
    assert part.read_bytes() != before
    assert part.stat().st_size == given.written.size
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == [part.name]
    give(part, photo)
    assert log.read_text().count("started") == 1, "it is kept open"


def test_no_name_of_a_persons_reaches_the_program(program: Path, tmp_path: Path) -> None:
    log = fake(program)
    folder = tmp_path / HOSTILE
    assert give(part_in((photo := photo_in(folder, HOSTILE)).path.parent), photo) is not None
    said = log.read_text()
    assert "-if" not in said
    assert "%f" not in said
    assert "\u202e" not in said
    assert all(argument.isascii() for line in said.splitlines()[1:] for argument in json.loads(line.replace("'", '"')))


@pytest.mark.parametrize("behaviour", ["hang", "crash", "flood", "pixels", "error"])
def test_where_it_fails_the_part_is_as_it_was_and_nothing_is_left(
    behaviour: str, program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake(program, behaviour)
    monkeypatch.setattr(exiftool, "_WRITER", Writer("exiftool", most_seconds=1.0))
    monkeypatch.setattr(exiftool, "_MORE", 2_000_000)
    photo, part = photo_in(tmp_path / "in"), part_in(tmp_path)
    before = part.read_bytes()
    with pytest.raises(NotWritten) as why:
        give(part, photo)
    assert str(why.value).isprintable()
    assert part.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == [part.name]
    fake(program)
    exiftool._WRITER.end()
    assert give(part, photo) is not None, "it is started anew"


def test_one_that_has_ended_since_is_started_anew_at_once(program: Path, tmp_path: Path) -> None:
    log = fake(program, "leaves")
    photo, part = photo_in(tmp_path / "in"), part_in(tmp_path)
    for _ in range(3):
        assert give(part, photo) is not None
    assert log.read_text().count("started") == 3


@pytest.mark.parametrize("kind", ["TIFF", "PNG", "WEBP"])
def test_photos_of_every_kind_give_theirs(kind: str, program: Path, tmp_path: Path) -> None:
    log = fake(program)
    block = Image.Exif()
    block[33432], block[274], block[282], block[283], block[296] = "Ann", 6, 240.0, 240.0, 2
    path = tmp_path / f"a.{kind}"
    Image.new("RGB", (64, 48)).save(path, kind, exif=block)
    photo = inspect(path, Accepts(frozenset({"image/tiff", "image/png", "image/webp"})), hashed=True)
    given = give(part_in(tmp_path), photo)
    assert given is not None
    assert "the photo is shown turned by a quarter, and the result is not" in given.notes
    assert "-JFIF:XResolution=240" in log.read_text()


def test_a_photo_that_changes_meanwhile_gives_nothing(program: Path, tmp_path: Path) -> None:
    fake(program)
    photo, part = photo_in(tmp_path / "in"), part_in(tmp_path)
    before = part.read_bytes()
    noise_jpeg(photo.path, 21_000, 2)
    with pytest.raises(NotWritten, match="has changed"):
        give(part, photo)
    assert part.read_bytes() == before


def test_a_photo_that_says_nothing_asks_for_nothing(program: Path, tmp_path: Path) -> None:
    log = fake(program)
    noise_jpeg(tmp_path / "b.jpg", 20_000, 1)
    photo = inspect(tmp_path / "b.jpg", Accepts(frozenset({"image/jpeg"})))
    assert give(part_in(tmp_path), photo) is None
    assert not log.exists()
    with pytest.raises(NotWritten, match="none"):
        exiftool.give_back(tmp_path / "x", tmp_path / "y", "application/zip", photo, Keeping.ALL)


@pytest.mark.usefixtures("procfs")
def test_it_ends_with_us_however_we_end(tmp_path: Path) -> None:
    log = fake(tmp_path)
    code = (
        "import subprocess, sys, time; p = subprocess.Popen([sys.executable, '-IS', *sys.argv[1:], '-stay_open'],"
        " stdin=subprocess.PIPE, start_new_session=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-IS", "-c", code, str(LEASH), str(tmp_path / "exiftool")])
    until(lambda: log.exists() and log.read_text().endswith("\n"), patience=20)
    pid = int(log.read_text().split()[1])
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    until(lambda: not Path(f"/proc/{pid}").exists(), patience=20)


def test_what_is_missing_too_old_or_broken_is_said(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake(program)
    assert exiftool.fault() == ""
    fake(program, version="12.10")
    os.utime(program / "exiftool", (1, 1))
    assert "12.10" in exiftool.fault()
    (program / "exiftool").write_text("no program")
    os.utime(program / "exiftool", (2, 2))
    assert "does not run" in exiftool.fault()
    monkeypatch.setenv("PATH", "/nowhere")
    assert "not there" in exiftool.fault()


@REAL
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("keeping", [Keeping.ALL, Keeping.RIGHTS])
def test_barcode_and_copyright_survive_as_a_studio_wrote_them(kind: str, keeping: Keeping, tmp_path: Path) -> None:
    path = tmp_path / "in" / HOSTILE
    path.parent.mkdir()
    noise_jpeg(path, 20_000, 1)
    block = Image.Exif()
    block[33432], block[274], block[282], block[283], block[296] = "(c) Ann", 6, 300.0, 300.0, 2
    block.get_ifd(34665)[36867] = "2026:11:22 10:11:12"
    texts = b"".join(
        b"\x1c\x02" + bytes([tag]) + len(t).to_bytes(2) + t
        for tag, t in ((5, b"4006381333931"), (116, "© Ann".encode()))
    )
    app13 = b"Photoshop 3.0\x008BIM\x04\x04\0\0" + len(texts).to_bytes(4) + texts
    put_segments(path, segment(0xE1, block.tobytes()), segment(0xED, app13))
    give_xmp(path)
    photo, part = inspect(path, Accepts(frozenset({"image/jpeg"})), hashed=True), part_in(tmp_path, kind)
    assert give(part, photo, keeping) is not None
    exiftool._WRITER.end()
    with part.open("rb") as file:
        there = header.read(file, part.stat().st_size, sniff(part.read_bytes()[:64]) or "")
        metadata = there.metadata
        assert metadata.value("exif", "copyright") == "(c) Ann"
        assert metadata.value("xmp", "dc:rights") == "© Ann"
        assert metadata.number(274, 1) == 1, "orientation is never copied"
        assert kind == "WEBP" or metadata.value("iptc", "copyright") == "© Ann"
        kept = keeping is Keeping.ALL
        assert metadata.value("xmp", "barcode") == ("4006381333931" if kept else "")
        assert metadata.value("exif", "date") == ("2026-11-22" if kept else "")
        if kept:
            assert kind == "WEBP" or metadata.value("iptc", "objectname") == "4006381333931"
            assert there.dpi is not None
            assert round(there.dpi[0]) == 300


# ------------------------------------------------------------------------------------------------- in a journey


async def sent(studio: Studio, photos: int = 1, **given: Any) -> list[int]:
    paths = studio.photos(photos)
    for path in paths:
        give_xmp(path)
    return await studio.add(paths, **{"metadata": "keep", **given})


def told(studio: Studio, number: int, what: str) -> list[str]:
    return [event.message for event in studio.journal.read(history.of_job, number) if event.what == what]


async def test_both_digests_are_kept_and_both_are_known_as_ours(studio: Studio, program: Path) -> None:
    fake(program)
    [number] = await sent(studio)
    await studio.start()
    await studio.until(lambda: studio.job(number).status is Status.DONE)
    [result] = studio.job(number).results
    assert result.served not in (None, result.digest)
    assert result.served == json.loads(result.locator)["hash"]
    for digest in (result.served, result.digest):
        assert studio.journal.read(published.job_of, digest or "") == number
    assert studio.journal.read(published.has_size, result.size or 0)
    studio.check()


@pytest.mark.parametrize("behaviour", ["crash", "pixels"])
async def test_what_is_bought_is_saved_as_served_and_told_where_it_fails(
    behaviour: str, studio: Studio, program: Path
) -> None:
    fake(program, behaviour)
    [number] = await sent(studio)
    await studio.start()
    await studio.until(lambda: studio.job(number).status is Status.DONE)
    [result] = studio.job(number).results
    assert (result.served, result.digest) == (None, json.loads(result.locator)["hash"])
    assert "without the photo's metadata" in studio.job(number).message
    assert len(told(studio, number, "no metadata")) == 1
    studio.check()


async def test_nothing_is_paid_while_the_program_is_missing(
    studio: Studio, program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("artui.steps.output.OUTPUT_AGAIN", 0.1)
    real, reason = exiftool.fault, ["exiftool is not there"]
    monkeypatch.setattr(exiftool, "fault", lambda: reason[0] if reason else real())
    fake(program)
    [number] = await sent(studio)
    await studio.start()
    await studio.until(lambda: studio.job(number).reason == Reason.METADATA)
    assert not studio.simulator.ledger
    reason.clear()
    await studio.until(lambda: studio.job(number).status is Status.DONE)
    assert studio.job(number).results[0].served
    studio.check()


async def test_a_copy_for_another_wish_has_nothing_of_the_first(studio: Studio, program: Path) -> None:
    log = fake(program)
    [first] = await sent(studio)
    await studio.start()
    await studio.until(lambda: studio.job(first).status is Status.DONE)
    source, [result] = studio.job(first).source, studio.job(first).results
    wishes = {"keep": 0, "none": 1, "keep-rights": 1}
    for wish, more in wishes.items():
        asked = log.read_text().count("-execute")
        [twin] = await studio.add([source], folder=studio.folder / wish, metadata=wish)
        await studio.at_rest()
        assert log.read_text().count("-execute") - asked == more
        assert ("-IPTC:all=" in log.read_text().splitlines()[-1]) == bool(more), "what it had is taken out"
        copy = studio.job(twin).results[0]
        assert copy.served == result.served
    assert len(studio.simulator.ledger) == 1
    studio.check()


async def test_where_it_cannot_be_taken_out_the_result_is_fetched_as_it_is(studio: Studio, program: Path) -> None:
    fake(program)
    [first] = await sent(studio)
    await studio.start()
    await studio.until(lambda: studio.job(first).status is Status.DONE)
    (program / "exiftool").unlink()
    exiftool._WRITER.end()
    [twin] = await studio.add([studio.job(first).source], folder=studio.folder / "more", metadata="none")
    await studio.until(lambda: studio.job(twin).status is Status.SKIPPED)
    [copy] = studio.job(twin).results
    assert (copy.digest, copy.served) == (studio.job(first).results[0].served, None)
    studio.check()


def test_a_result_is_asked_for_as_the_service_has_it() -> None:
    saved = Result("x", digest="saved", size=9, path="/out/x", served="served")
    assert as_served(saved) == Result("x", digest="served", size=None, path="/out/x")
    assert as_served(replace(saved, served=None)) == replace(saved, served=None)


# ------------------------------------------------------------------------------------------------- under a rule


async def test_a_rule_tells_of_its_photos_names_them_and_never_takes_its_own_results(
    studio: Studio, program: Path
) -> None:
    fake(program)
    landing = studio.folder / "landing.jpg"
    noise_jpeg(landing, 20_000, 1)
    give_xmp(landing)
    named: dict[str, Any] = {"template": "{xmp:barcode}/{stem}", "sku": "{xmp:barcode}", "after": "move"}
    async with watching(studio, metadata="keep", **named) as post:
        landing.rename(studio.inbox / "a.jpg")
        [job] = await post.all_done(1)
        [result] = job.results
        assert (job.labels["sku"], Path(result.path or "").parent.name) == ("4006381333931", "4006381333931")
        assert result.served not in (None, result.digest)
        [remark] = post.told(What.REMARK)
        assert remark.message == "of these 1 has no colour profile: taken for sRGB"
        shutil.copy(result.path or "", studio.inbox / "again.png")
        await post.until(lambda: (known := post.known("again.png")) and known.reason == Skip.RESULT)
    assert len(studio.simulator.ledger) == 1
    studio.check()


def test_a_rule_whose_wish_cannot_be_met_is_refused_before_it_watches(
    program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = paths()
    where.create()
    rule = f'folder = "{tmp_path}"\noutput = "/o"\nworkflow = "w"\nexisting = "ignore"\nmetadata = "keep"\n'
    where.config_file.write_text(f'[accounts.studio]\nprovider = "autoretouch"\n[[watch]]\n{rule}')
    fake(program)
    assert load_rules(load(where))[0].target.metadata is Keeping.ALL
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ConfigError, match=r"line 8.*exiftool is not there"):
        load_rules(load(where))
