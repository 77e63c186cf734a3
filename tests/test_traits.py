"""What is worth telling of a photo by its header, and what its metadata says by name."""

from __future__ import annotations

import io
import random
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageCms

from artui.core.plan import Worth
from artui.files import Accepts, header, inspect, render_stem, traits, values, whole, xmp
from artui.files.metadata import Keeping, PhotoMetadata
from artui.files.traits import Told, Trait
from artui.sim.photos import noise_jpeg
from tests.exiftools import XMP, give_xmp, put_segments, segment
from tests.test_files_names import VALUES

PICTURE = Image.new("RGB", (64, 48), (120, 90, 60))
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def of(data: bytes) -> dict[Trait, str]:
    told = traits.of(io.BytesIO(data), len(data), whole.sniff(data[: whole.HEAD]) or "")
    return {one.trait: one.detail for one in told}


def saved(picture: Image.Image, kind: str, **given: Any) -> bytes:
    written = io.BytesIO()
    picture.save(written, kind, **given)
    return written.getvalue()


def profile(name: str) -> bytes:
    """A profile that says nothing but its name, as the second edition of profiles does."""
    text = b"desc\0\0\0\0" + struct.pack(">I", len(name) + 1) + name.encode() + b"\0"
    return bytes(128) + struct.pack(">I4sII", 1, b"desc", 144, len(text)) + text


def jpeg(*segments: bytes) -> bytes:
    data = saved(PICTURE, "JPEG", icc_profile=SRGB)
    return data[:2] + b"".join(segments) + data[2:]


def app1(packet: bytes) -> bytes:
    return segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + packet)


def described(attributes: str) -> bytes:
    """XMP with these attributes."""
    return app1(
        b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>"
        b"<rdf:Description " + attributes.encode() + b"/></rdf:RDF></x:xmpmeta>"
    )


def exif(**given: Any) -> bytes:
    block = Image.Exif()
    for tag, value in given.items():
        block[int(tag.strip("_"))] = value
    return segment(0xE1, block.tobytes())


def iptc(*datasets: tuple[int, bytes]) -> bytes:
    block = b"".join(b"\x1c\x02" + bytes([tag]) + len(text).to_bytes(2) + text for tag, text in datasets)
    return segment(0xED, b"Photoshop 3.0\x008BIM\x04\x04\0\0" + len(block).to_bytes(4) + block)


def frames(kind: str) -> bytes:
    return saved(PICTURE, kind, save_all=True, append_images=[Image.new("RGB", (64, 48), (1, 2, 3))])


def layered() -> bytes:
    from PIL import TiffImagePlugin

    fields = TiffImagePlugin.ImageFileDirectory_v2()
    fields.tagtype[37724] = 7
    fields[37724] = b"Adobe Photoshop Document Data Block\x00MIB8ryaL" + bytes(20)
    return saved(PICTURE, "TIFF", tiffinfo=fields)


def mpf(data: bytes, kind: int = 0) -> bytes:
    """A JPEG that says a further picture of a kind stands behind it, and that."""
    entries = struct.pack("<IIIHH", 0x030000, 1, 0, 0, 0) + struct.pack("<IIIHH", kind, len(data), 0, 0, 0)
    index = b"II*\0" + struct.pack("<IHHHII", 8, 1, 0xB002, 7, 32, 26) + struct.pack("<I", 0) + entries
    made = bytearray(jpeg(segment(0xE2, b"MPF\0" + index)))
    start = made.index(b"MPF\0") + 4
    struct.pack_into("<I", made, start + 26 + 16 + 8, len(made) - start)
    return bytes(made) + data


def samsung(kind: int) -> bytes:
    directory = b"SEFH" + struct.pack("<II", 106, 1) + struct.pack("<HHII", 0, kind, 0, 0)
    return jpeg() + directory + struct.pack("<I", len(directory)) + b"SEFT"


@pytest.mark.parametrize(
    ("data", "trait"),
    [
        (lambda: frames("TIFF"), Trait.FRAMES),
        (lambda: frames("PNG"), Trait.FRAMES),
        (lambda: frames("WEBP"), Trait.FRAMES),
        (lambda: frames("GIF"), Trait.FRAMES),
        (lambda: mpf(jpeg(), 0x020002), Trait.FRAMES),
        (lambda: saved(PICTURE.convert("CMYK"), "JPEG"), Trait.CMYK),
        (lambda: saved(PICTURE.convert("CMYK"), "TIFF"), Trait.CMYK),
        (lambda: saved(Image.new("I;16", (9, 9)), "PNG"), Trait.DEEP),
        (lambda: saved(Image.new("I;16", (9, 9)), "TIFF"), Trait.DEEP),
        (lambda: jpeg(exif(_274=6)), Trait.TURNED),
        (lambda: saved(PICTURE, "TIFF", tiffinfo={274: 8}), Trait.TURNED),
        (lambda: jpeg(described("xmlns:a='http://ns.google.com/photos/1.0/camera/' a:MotionPhoto='1'")), Trait.MOTION),
        (lambda: samsung(0x0A30), Trait.MOTION),
        (lambda: samsung(0x0100), Trait.AUDIO),
        (lambda: samsung(0x0AB1), Trait.DEPTH_MAP),
        (lambda: jpeg(described("xmlns:a='http://ns.google.com/photos/1.0/depthmap/' a:Near='1'")), Trait.DEPTH_MAP),
        (lambda: jpeg(described("xmlns:a='http://ns.adobe.com/hdr-gain-map/1.0/' a:Version='1.0'")), Trait.GAIN_MAP),
        (lambda: mpf(jpeg(described("a:AuxiliaryImageType='urn:com:apple:photo:aux:hdrgainmap'"))), Trait.GAIN_MAP),
        (layered, Trait.LAYERS),
        (lambda: saved(PICTURE.convert("RGBA"), "PNG"), Trait.ALPHA),
        (lambda: saved(PICTURE.convert("RGBA"), "TIFF"), Trait.ALPHA),
        (lambda: saved(Image.new("RGBA", (9, 9), (1, 2, 3, 4)), "WEBP", lossless=True), Trait.ALPHA),
        (lambda: jpeg(exif(_33432="Ann")), Trait.COPYRIGHT),
        (lambda: jpeg(iptc((116, b"Ann"))), Trait.COPYRIGHT),
        (lambda: jpeg(app1(XMP)), Trait.COPYRIGHT),
        (lambda: jpeg(iptc((120, b"A boot"))), Trait.CAPTION),
        (lambda: jpeg(exif(_270="A boot")), Trait.CAPTION),
        (lambda: jpeg(app1(XMP)), Trait.BARCODE),
        (lambda: jpeg(iptc((5, b"4006381333931"))), Trait.BARCODE),
        (lambda: jpeg(iptc((25, b"EAN 036000291452"))), Trait.BARCODE),
    ],
)  # fmt: skip
def test_a_header_says_what_is_worth_telling(data: Callable[[], bytes], trait: Trait) -> None:
    assert trait in of(data())


@pytest.mark.parametrize(
    "data",
    [
        lambda: jpeg(),
        lambda: jpeg(exif(_274=1, _270="OLYMPUS DIGITAL CAMERA")),
        lambda: jpeg(iptc((5, b"4006381333932"), (55, b"20261122"), (103, b"12345678 and more"))),  # no check digits
        lambda: saved(PICTURE, "PNG", icc_profile=SRGB),
        lambda: saved(PICTURE, "TIFF", icc_profile=SRGB),
        lambda: saved(PICTURE, "WEBP", icc_profile=SRGB),
        lambda: mpf(jpeg(), 0x010001),  # a preview
    ],
)
def test_of_a_plain_photo_there_is_nothing_to_tell(data: Callable[[], bytes]) -> None:
    assert of(data()) == {}


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (lambda: saved(PICTURE, "JPEG", icc_profile=profile("Adobe RGB (1998)")), {Trait.PROFILE: "Adobe RGB (1998)"}),
        (lambda: saved(PICTURE, "PNG", icc_profile=profile("Display P3")), {Trait.PROFILE: "Display P3"}),
        (lambda: saved(PICTURE, "TIFF", icc_profile=profile("ProPhoto RGB")), {Trait.PROFILE: "ProPhoto RGB"}),
        (lambda: saved(PICTURE, "WEBP", icc_profile=profile("")), {Trait.PROFILE: "unnamed profile"}),
        (lambda: saved(PICTURE, "JPEG", icc_profile=profile("sRGB IEC61966-2.1")), {}),
        (lambda: saved(PICTURE, "JPEG"), {Trait.NO_PROFILE: ""}),
        (lambda: saved(PICTURE, "PNG"), {Trait.NO_PROFILE: ""}),
    ],
)
def test_colours_are_told_by_the_name_of_their_profile(data: Callable[[], bytes], told: dict[Trait, str]) -> None:
    assert of(data()) == told


def test_a_camera_that_says_srgb_or_adobe_rgb_by_exif_is_believed() -> None:
    block = Image.Exif()
    block.get_ifd(34665)[40961] = 1
    plain = saved(PICTURE, "JPEG")
    assert of(plain[:2] + segment(0xE1, block.tobytes()) + plain[2:]) == {}
    block.get_ifd(34665)[40961] = 2
    assert of(plain[:2] + segment(0xE1, block.tobytes()) + plain[2:]) == {Trait.PROFILE: "Adobe RGB (1998)"}


def test_a_broken_header_says_less_and_never_fails() -> None:
    chance = random.Random(7)
    kinds = [jpeg(exif(_33432="Ann"), app1(XMP), iptc((5, b"x"))), frames("PNG"), frames("TIFF"), layered(), samsung(1)]
    for _ in range(1500):
        data = bytearray(chance.choice(kinds))
        for _ in range(chance.choice((1, 3, 30))):
            data[chance.randrange(len(data))] = chance.choice((0, 255, chance.randrange(256)))
        data = data[: chance.choice((len(data), chance.randrange(1, len(data))))]
        of(bytes(data))


def test_metadata_that_defines_entities_or_nests_without_end_is_bounded() -> None:
    bomb = b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"
    assert PhotoMetadata(None, b"", bomb).xmp_properties == []
    assert xmp.edited(bomb) is None
    assert not PhotoMetadata(None, b"", b"<a>" * 100_000 + b"</a>" * 100_000).has_copyright


def test_a_photo_that_is_inspected_has_its_traits(tmp_path: Path) -> None:
    photo = tmp_path / "a.jpg"
    noise_jpeg(photo, 20_000, 1)
    give_xmp(photo)
    told = {one.trait for one in inspect(photo, Accepts(frozenset({"image/jpeg"}))).traits}
    assert told == {Trait.NO_PROFILE, Trait.COPYRIGHT, Trait.BARCODE}


# ----------------------------------------------------------------------------------------------------------- remarks


@pytest.mark.parametrize(
    ("keeping", "jpeg_out", "said"),
    [
        (Keeping.NONE, False, ["2 carry a copyright, which results lose", "1 carries a barcode, which results lose"]),
        (Keeping.RIGHTS, False, ["1 carries a barcode, which results lose"]),
        (Keeping.ALL, False, []),
        (Keeping.ALL, True, ["1 has an alpha channel"]),
    ],
)
def test_remarks_count_what_matters_where_photos_go(
    keeping: Keeping,
    jpeg_out: bool,
    said: list[str],
    tmp_path: Path,
) -> None:
    photo = tmp_path / "a.jpg"
    noise_jpeg(photo, 20_000, 1)
    accepts = Accepts(frozenset({"image/jpeg"}))
    one = inspect(photo, accepts)
    photos = [
        replace(one, traits=(Told(Trait.COPYRIGHT),)),
        replace(one, traits=(Told(Trait.COPYRIGHT), Told(Trait.BARCODE), Told(Trait.ALPHA))),
    ]
    remarks = Worth(accepts, jpeg_out, keeping).remarks(photos)
    assert [str(remark).partition(":")[0] for remark in remarks] == said


# ------------------------------------------------------------------------------------------------------- names


@pytest.fixture
def telling(tmp_path: Path) -> Path:
    """A photo that says much of itself."""
    photo = tmp_path / "IMG_1.jpg"
    noise_jpeg(photo, 20_000, 1)
    block = Image.Exif()
    block[272] = "X/100: ..\0"
    block.get_ifd(34665)[36867] = "2026:11:22 10:11:12"
    packet = XMP.replace(b"ss:Barcode", b"xmlns:d='http://purl.org/dc/elements/1.1/' d:title='../../etc' ss:Barcode")
    put_segments(photo, segment(0xE1, block.tobytes()), iptc((5, "Größe 4".encode()), (25, b"a"), (25, b"b")))
    give_xmp(photo, packet)
    return photo


@pytest.mark.parametrize(
    ("template", "path"),
    [
        ("{exif:date}/{stem}", "2026-11-22/IMG_1"),
        ("{exif:date}_{exif:time}", "2026-11-22_10-11-12"),
        ("{iptc:ObjectName}", "Größe 4"),
        ("{iptc:keywords}", "a-b"),
        ("{xmp:barcode}-{n:3}", "4006381333931-  7"),
        ("{xmp:ss:Barcode}", "IMG_1"),
        ("{xmp:dc:title}", "-..-etc"),
        ("{exif:model}/x", "X-100-/x"),
        ("{iptc:headline}", "IMG_1"),
        ("{iptc:headline}/{stem}", "unknown/IMG_1"),
    ],
)
def test_a_template_is_filled_from_metadata_with_safe_names(template: str, path: str, telling: Path) -> None:
    folder, stem = render_stem(template, **VALUES, value=values.of(telling))
    assert str(folder / stem) == path


@pytest.mark.parametrize("template", ["{iptc:sku}", "{exif:}", "{exif}", "{xmp:a:b:c}", "{xmp:a b}", "{exif:date!r}"])
def test_a_name_of_metadata_that_means_nothing_is_refused_before_any_photo(template: str) -> None:
    with pytest.raises(ValueError, match=r"known|written|format"):
        render_stem(template, **VALUES)


def test_xmp_for_a_result_keeps_what_nobody_knows_and_drops_what_is_of_the_pixels() -> None:
    made = xmp.edited(XMP) or b""
    assert b"4006381333931" in made
    assert "© Ann".encode() in made
    assert b"http://ns.studio.example/1.0/" in made
    assert b"Orientation" not in made
    assert xmp.edited(b"<a/>") is None


def test_the_file_is_read_once_for_all_its_blocks() -> None:
    read = header.read(
        io.BytesIO(data := jpeg(exif(_33432="Ann"), app1(XMP), iptc((116, b"Bob")))), len(data), "image/jpeg"
    )
    assert (bool(read.exif), bool(read.xmp), bool(read.iptc)) == (True, True, True)


def test_a_pointer_before_the_file_says_nothing(tmp_path: Path) -> None:
    """A signed one: nothing lies at -5, and a name that asks for what would stand there is filled with nothing."""
    block = b"MM\0*\0\0\0\x08\0\x01" + struct.pack(">HHIi", 34665, 9, 1, -5) + bytes(4)
    photo = tmp_path / "a.jpg"
    Image.new("RGB", (8, 8)).save(photo, exif=b"Exif\0\0" + block)
    assert values.of(photo)("exif", "date") == ""
