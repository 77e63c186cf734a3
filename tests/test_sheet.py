"""The sheet: what its page says and shows, what it can be trusted with, and how it behaves in a browser."""

from __future__ import annotations

import html
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageCms

from artui.cli import run
from artui.cli.sheet import page
from artui.config import paths
from artui.core import sheet as core
from artui.engine.anchor import open_journal
from artui.files import thumbnails
from artui.files.thumbnails import NoThumbnail, thumbnail
from artui.journal import Journal, jobs, reviews
from artui.model.job import Batch
from artui.model.states import Review
from tests import browser, documents
from tests.samples import new_job
from tests.waiting import until

HOSTILE = '</script><img src=x onerror="window.hacked=1">\'\u202e{{7*7}}.jpg'


@pytest.fixture
def journal(home: Path) -> Iterator[Journal]:
    paths().create()
    with open_journal(paths()) as opened:
        yield opened


def picture(path: Path, colour: Any = "red", size: tuple[int, int] = (300, 200), mode: str = "RGB", **how: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(path, **how)
    return path


def dot(picture: Image.Image, place: tuple[int, int]) -> tuple[int, ...]:
    found = picture.getpixel(place)
    assert isinstance(found, tuple)
    return found


def order(journal: Journal, *pairs: tuple[Path, Path | None], batch: str = "autumn", **given: Any) -> list[int]:
    """Jobs of a batch, each with its result and a charge of 10, or held without."""

    def write(db: Any) -> list[int]:
        about = Batch(f"{batch}-id", batch, "studio", 1.0)
        given.setdefault("batch", about.id)
        numbers = jobs.add(db, about, [new_job(source=before, **given) for before, _ in pairs])
        for number, (_, after) in zip(numbers, pairs, strict=True):
            if after is None:
                held = "UPDATE jobs SET status = 'held', reason = 'cap', message = 'no room' WHERE id = ?"
                db.execute(held, (number,))
                continue
            results = json.dumps([{"locator": "x", "path": os.fspath(after), "digest": "0" * 64, "size": 1}])
            db.execute(
                "UPDATE jobs SET stage = 'saved', status = 'done', results = ?, charged = 10, purchase = 1,"
                " finished_at = 1 WHERE id = ?", (results, number),
            )  # fmt: skip
            db.execute(
                "INSERT INTO purchases (key, job, number, kind, account, payer, endpoint, organization, workflow,"
                " version, reference, draft, mark, reserved, charged, state, execution, looks, day, month, run, rule,"
                " intended_at) VALUES (?, ?, 1, 'create', 'studio', 'p', 'e', 'o', 'wf', 'v1', '', '', '', 10, 10,"
                " 'known', 'x', 0, '2026-11-02', '2026-11', 'r', '', 1)",
                (f"key {number}", number),
            )  # fmt: skip
        return numbers

    return journal.write(write)


def made(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    capsys.readouterr()
    code = run(["sheet", *(os.fspath(argument) for argument in arguments)])
    printed = capsys.readouterr()
    if "--json" in arguments:
        documents.check(["sheet", *map(str, arguments)], printed.out)
    return code, printed.out, printed.err


# --------------------------------------------------------------------------------------------------------- thumbnails


def test_a_thumbnail_is_small_upright_and_in_the_colours_of_a_screen(tmp_path: Path) -> None:
    half = Image.new("RGB", (800, 600), "red")
    half.paste("blue", (400, 0, 800, 300))
    # Where its blue corner, above at the right, is to be seen: 0 and 1 above, 2 and 3 below.
    for orientation, corner in {1: 1, 2: 0, 3: 2, 4: 3, 5: 2, 6: 3, 7: 1, 8: 0}.items():
        exif = Image.Exif()
        exif[274] = orientation
        for ending in ("jpg", "tif", "png"):
            path = tmp_path / f"{orientation}.{ending}"
            half.save(path, exif=exif)
            small, whole = thumbnails._read(path, 200)
            assert whole == ((800, 600) if orientation < 5 else (600, 800)), path.name
            assert max(small.size) == 200
            wide, high = small.size
            corners = [(3, 3), (wide - 4, 3), (3, high - 4), (wide - 4, high - 4)]
            blue = [at for at, place in enumerate(corners) if dot(small, place)[2] > 150]
            assert blue == [corner], path.name


def test_every_kind_of_pixel_is_shown(tmp_path: Path) -> None:
    grey = Image.linear_gradient("L")
    for name, kind in {
        "cmyk.jpg": grey.convert("CMYK"), "cmyk.tif": grey.convert("CMYK"), "one.png": grey.convert("1"),
        "16.png": grey.convert("I").point(lambda level: level * 257).convert("I;16"),
        "16.tif": grey.convert("I").point(lambda level: level * 257).convert("I;16"),
        "float.tif": grey.convert("F").point(lambda level: level / 255), "palette.gif": grey.convert("P"),
        "lab.tif": grey.convert("RGB").convert("LAB"),
    }.items():  # fmt: skip
        kind.save(tmp_path / name)
        small, _ = thumbnails._read(tmp_path / name, 64)
        assert small.mode == "RGB", name
        assert dot(small, (32, 2))[0] < 30, name
        assert dot(small, (32, 61))[0] > 225, name
    for name in ("clear.png", "clear.tif", "clear.webp"):
        made_small = thumbnail(picture(tmp_path / name, (255, 0, 0, 0), mode="RGBA"), 64)
        assert made_small.is_transparent
        assert made_small.whole == (300, 200)
    assert not thumbnail(picture(tmp_path / "opaque.png", (255, 0, 0, 255), mode="RGBA"), 64).is_transparent


def test_a_colour_profile_is_followed_and_a_broken_one_is_not(tmp_path: Path) -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    # The same profile with red and blue exchanged: what a screen is to show as blue.
    swapped = lab.replace(b"rXYZ", b"tttt").replace(b"bXYZ", b"rXYZ").replace(b"tttt", b"bXYZ")
    followed, _ = thumbnails._read(picture(tmp_path / "swapped.png", "red", icc_profile=swapped), 64)
    assert dot(followed, (5, 5))[2] > 200
    plain, _ = thumbnails._read(picture(tmp_path / "broken.png", "red", icc_profile=b"nonsense" * 40), 64)
    assert plain.getpixel((5, 5)) == (255, 0, 0)


def test_what_cannot_be_shown_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photo = picture(tmp_path / "photo.jpg", size=(900, 900))
    cut = tmp_path / "cut.jpg"
    cut.write_bytes(photo.read_bytes()[:2500])
    program = tmp_path / "program.jpg"
    program.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\nshowpage\n")
    link = tmp_path / "link.jpg"
    link.symlink_to(photo)
    large = picture(tmp_path / "large.png", size=(900, 900))
    monkeypatch.setattr(thumbnails, "MOST_PIXELS", 100_000)
    for path, why in {
        cut: "damaged", program: "no picture", link: "a link or folder", tmp_path: "a link or folder",
        tmp_path / "gone.jpg": "no longer there", large: "900 x 900 pixels are too many",
    }.items():  # fmt: skip
        with pytest.raises(NoThumbnail, match=why):
            thumbnail(path, 64)
    assert thumbnail(photo, 64).size == (64, 64), "a JPEG is read at an eighth"


# ----------------------------------------------------------------------------------------------------------- the page


def test_a_page_tells_all_of_each_photo_and_lets_no_name_do_anything(
    journal: Journal, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photo, result = picture(tmp_path / "a.jpg"), picture(tmp_path / "out/a.png", (0, 0, 255, 0), mode="RGBA")
    hostile = picture(tmp_path / "b.jpg").rename(tmp_path / HOSTILE.replace("/", "\u2215"))
    first, second, third = order(
        journal, (photo, result), (hostile, None), (tmp_path / "gone.jpg", result), labels={"sku": "<b>A&1</b>"}
    )
    [job] = journal.read(jobs.select, f"id = {first}")
    journal.write(lambda db: reviews.add(db, job, Review.REJECTED, "anna", "too <dark>", results=job.results))
    code, out, err = made(capsys, "autumn", "-o", tmp_path / "sheet.html")
    assert code == 0
    assert out.startswith(f"{tmp_path / 'sheet.html'}: 3 photos at 1,600 pixels, 0.")
    assert err == f"{tmp_path / 'gone.jpg'} (job {third}) cannot be shown: the file is no longer there.\n"
    text = (tmp_path / "sheet.html").read_text("utf-8")
    assert text.count("<script") == text.count("</script>") == 1, "a name began none and ended none"
    assert "\u202e" not in text
    assert "<b>A" not in text
    assert "49" not in re.findall(r"<h2 title.*?</h2>", text)[0]
    assert text.count("data:image/webp;base64,") == 4
    assert text.count('class="after clear"') == 2
    for said in (
        "<h1>autumn</h1>", "3 photos", "20 credits", "AutoRetouch, 2 paid", "10 credits", "10 credits to come",
        "held: cap · Background Removal", "no room", "sku &lt;b&gt;A&amp;1&lt;/b&gt;", "No result yet.",
        "Cannot be shown: the file is no longer there.", "rejected by anna, ", "too &lt;dark&gt;",
    ):  # fmt: skip
        assert said in text, said
    data = [json.loads(html.unescape(one)) for one in re.findall(r"data-photo='(.*?)'", text)]
    assert {one["job"]: (one["file"], one["can"]) for one in data} == {
        first: (str(photo), False), second: (str(hostile), False), third: (str(tmp_path / "gone.jpg"), True),
    }  # fmt: skip
    policy = re.findall(r'Content-Security-Policy" content="(.*?)"', text)[0]
    assert html.unescape(policy).startswith("default-src 'none'; img-src data:; style-src 'sha256-")
    assert "unsafe" not in policy
    assert "http://" not in text.replace("&#34;", "")
    assert "https://" not in text


def test_which_photos_are_meant(journal: Journal, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photo = picture(tmp_path / "a.jpg")
    order(journal, (photo, photo), (tmp_path / "b.jpg", photo))
    order(journal, (photo, photo), batch="winter")
    target = tmp_path / "sheet.html"

    def photos(*words: str) -> int:
        code, out, _ = made(capsys, *words, "-o", target, "--json")
        assert code == 0, out
        return int(json.loads(out)["photos"])

    assert [photos("autumn"), photos("winter-id"), photos("--since", "1d"), photos("a.jpg")] == [2, 1, 3, 2]
    assert [photos("a.jpg", "batch:aut"), photos("!b.jpg", "status:done")] == [1, 2]
    for asked in ((), ("nowhere",), ("--since", "2999-01-01"), ("autumn", "-o", "x", "--publish", "y")):
        code, out, err = made(capsys, *asked)
        assert (code, out) == (2, "")
        assert err
    order(journal, (photo, photo), batch="autumn-id")  # a batch that is called as the id of another one
    assert made(capsys, "autumn-id", "-o", target)[0] == 2


def test_nothing_is_replaced_that_artui_did_not_write(
    journal: Journal, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photo = picture(tmp_path / "a.jpg")
    order(journal, (photo, photo))
    theirs = tmp_path / "theirs.html"
    theirs.write_text("<p>mine</p>")
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "other.txt").touch()
    for place in (("-o", theirs), ("--publish", tmp_path / "site"), ("-o", tmp_path / "site")):
        code, _, err = made(capsys, "autumn", *place)
        assert code == 2
        assert "--force" in err or "--publish" in err
    assert theirs.read_text() == "<p>mine</p>"
    assert [one.name for one in (tmp_path / "site").iterdir()] == ["other.txt"]
    assert made(capsys, "autumn", "-o", theirs, "--force")[0] == 0
    assert made(capsys, "autumn", "-o", theirs)[0] == 0, "it is a sheet now"
    assert made(capsys, "autumn", "-o", tmp_path / "nowhere" / "sheet.html")[0] == 1
    assert not [one for one in tmp_path.iterdir() if one.name.startswith(".artui")]


def test_published_pictures_are_files_and_old_ones_go(
    journal: Journal, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photo, result = picture(tmp_path / "a.jpg", size=(2000, 1000)), picture(tmp_path / "r.png", "blue")
    (number,) = order(journal, (photo, result))
    site = tmp_path / "site"
    code, out, _ = made(capsys, "autumn", "--publish", site, "--json")
    assert (code, json.loads(out)["size"]) == (0, 1600)
    first = sorted(one.name for one in (site / "photos").iterdir())
    assert [name[: name.rindex("-")] for name in first] == [f"{number}-after", f"{number}-before"]
    text = (site / "index.html").read_text("utf-8")
    assert all(f'src="photos/{name}"' in text for name in first)
    assert "base64" not in text.replace("sha256", "")
    picture(tmp_path / "r.png", "green")
    (site / "photos" / "kept.webp").touch()
    assert made(capsys, "autumn", "--publish", site)[0] == 0
    names = {one.name for one in (site / "photos").iterdir()}
    assert len(names) == 3
    assert "kept.webp" in names, "what artui did not write stays"
    assert first[0] not in names


def test_a_page_is_as_large_as_may_be_and_says_where_that_is_little(
    journal: Journal, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = [tmp_path / f"{number}.jpg" for number in range(2)]
    for photo in photos:
        Image.effect_noise((300, 225), 60).save(photo)
    order(journal, *((photo, photo) for photo in photos))
    monkeypatch.setattr("artui.cli.sheet.MOST_BYTES", 90_000)
    for fitting in (core.fitting_edge, lambda *_: 290):  # the second one as by a sample that was none
        monkeypatch.setattr("artui.cli.sheet.fitting_edge", fitting)
        code, out, err = made(capsys, "autumn", "-o", tmp_path / "sheet.html", "--json")
        document = json.loads(out)
        assert code == 0
        assert 55_000 < document["bytes"] <= 90_000
        assert 160 <= document["size"] < 600
        assert "--publish" in err
    code, out, err = made(capsys, "autumn", "-o", tmp_path / "sheet.html", "--size", "280", "--json")
    assert json.loads(out)["size"] == 280
    assert "mail may refuse it" in err


def test_without_its_libraries_it_says_what_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("artui.cli.sheet.find_spec", lambda name: None)
    assert made(capsys, "autumn") == (2, "", "sheet needs Jinja2 and Pillow: pip install 'artui[sheet]'.\n")


@pytest.mark.usefixtures("byte_names")
def test_a_name_that_is_no_text_is_known_by_its_job(
    journal: Journal, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photo = picture(tmp_path / "a.jpg").rename(tmp_path / os.fsdecode(b"\xff.jpg"))
    order(journal, (photo, photo))
    assert made(capsys, "autumn", "-o", tmp_path / "sheet.html")[0] == 0
    assert r"\xff.jpg" in (tmp_path / "sheet.html").read_text("utf-8")


def test_the_files_of_the_page_stand_beside_it() -> None:
    assert {"page.html", "page.css", "page.js"} <= {one.name for one in Path(page.__file__).parent.iterdir()}


# ------------------------------------------------------------------------------------------------------- in a browser


@pytest.mark.skipif(browser.program() is None, reason="needs Chromium: apt-get install chromium")
def test_the_page_in_a_browser(journal: Journal, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pairs: list[tuple[Path, Path | None]] = [
        (picture(tmp_path / f"in/boot {number}.jpg", "white", size=(320, 240)),
         picture(tmp_path / f"out/boot {number}.png", (0, 0, 255, 90), (240, 320), "RGBA"))
        for number in range(9)
    ]  # fmt: skip
    hostile = picture(tmp_path / "x.jpg").rename(tmp_path / HOSTILE.replace("/", "\u2215"))
    numbers = order(journal, *pairs, (hostile, None))
    assert made(capsys, "autumn", "-o", tmp_path / "sheet.html")[0] == 0
    address = (tmp_path / "sheet.html").as_uri()
    with browser.browsing(tmp_path / "browser") as shown:
        shown.open(address, 1280, 900)

        def current() -> Any:
            return shown.js("document.querySelector('.is-current h2')?.textContent")

        def visible() -> Any:
            return shown.js("document.querySelectorAll('.card:not([hidden])').length")

        def columns() -> Any:
            return shown.js(
                "(() => { const tops = [...document.querySelectorAll('.card')].map(c => c.offsetTop);"
                " return tops.filter(top => top === tops[0]).length })()"
            )

        fits = "document.documentElement.scrollWidth <= innerWidth"
        assert shown.js(fits)
        assert columns() >= 4
        until(lambda: shown.js("[...document.images].slice(0, 4).every(one => one.complete && one.naturalWidth)"))
        assert shown.js("window.hacked") is None
        clipped = shown.js("[...document.querySelectorAll('.card img')].map(one => getComputedStyle(one).clipPath)")
        assert clipped.count("none") == 1, "a photo without a result is shown whole"
        light = shown.js("getComputedStyle(document.body).backgroundColor")

        # Keys lead from photo to photo; r rejects, and takes back.
        shown.press("ArrowRight", "ArrowRight")
        before = current()
        assert before
        shown.press("ArrowRight", "ArrowLeft")
        assert current() == before
        shown.press("r", "ArrowRight", "r", "ArrowRight", "r", "r")
        assert shown.js("document.getElementById('chosen').textContent") == "2 photos to be rejected"

        # The slider: by mouse and, once it is taken, by keys.
        shown.press("ArrowLeft", "Enter")
        assert shown.js("document.getElementById('viewer').open")
        box = shown.js("(() => { const b = document.querySelector('.large').getBoundingClientRect();"
                       " return [b.left, b.top, b.width, b.height] })()")  # fmt: skip
        shown.click(box[0] + box[2] / 4, box[1] + box[3] / 2)
        share = "parseFloat(document.querySelector('.large').style.getPropertyValue('--x'))"
        assert 22 < shown.js(share) < 28
        shown.press("ArrowRight")
        assert 22.4 < shown.js(share) < 29
        shown.js("document.getElementById('reason').focus()")
        shown.type('cut "off", at the left')
        shown.press("Enter")
        assert shown.js("document.getElementById('viewer-name').textContent") == current()
        shown.press("Escape")
        assert not shown.js("document.getElementById('viewer').open")
        shown.js("document.getElementById('show-list').click()")
        lines = shown.js("document.getElementById('lines').value").splitlines()
        assert lines[0] == "job,file,reason"
        chosen = dict(line.split(",", 1) for line in lines[1:])
        assert chosen.keys() < {str(number) for number in numbers}
        assert [line.endswith(',"cut ""off"", at the left"') for line in chosen.values()] == [False, True]
        shown.js("document.getElementById('copy').click(); document.getElementById('close-list').click()")

        # What was chosen is still there when the page is opened again.
        shown.events = [event for event in shown.events if event.get("method") != "Page.loadEventFired"]
        shown.open(address, 390, 844)
        assert shown.js("document.getElementById('chosen').textContent") == "2 photos to be rejected"
        assert shown.js(fits)
        assert columns() == 2

        # Search and chips.
        shown.press("/")
        shown.type("BOOT 3")
        until(lambda: visible() == 1)
        shown.press("Enter")
        assert current() == "boot 3.jpg"
        shown.js("search.value = ''; search.dispatchEvent(new Event('input'))")
        shown.js("document.querySelector('[data-show=queued]').click()")
        until(lambda: visible() == 1)
        shown.press("ArrowRight", "r")
        assert "no result" in shown.js("document.getElementById('told').textContent")
        shown.js("document.querySelector('[data-show=chosen]').click()")
        until(lambda: visible() == 2)

        shown.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
        assert shown.js("getComputedStyle(document.body).backgroundColor") != light
        shown.call("Emulation.setEmulatedMedia", media="print")
        assert shown.js("getComputedStyle(document.querySelector('.bar')).display") == "none"
        assert shown.js("getComputedStyle(document.querySelector('.sign')).display") == "flex"
        assert shown.complaints() == []
        assert {one.partition(":")[0] for one in shown.requests()} <= {"file", "data"}
        assert [one for one in shown.requests() if one.startswith("file")] == [address, address]
